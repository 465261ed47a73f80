/*
 * Products of bfloat16 numbers with fp32 sums in plain C, for processors without AVX512-BF16: the same packed
 * weights, the same sums in the same order, the same bits as bf16_kernels.c. Compiled once for each
 * instruction set (WT_BF16 names the table). Where there are fused multiply-adds, a pair is two of them on
 * numbers widened to fp32, which is right because every thread flushes denormals (wt_kernels_setup_thread);
 * elsewhere bf16.h computes them step by step, twenty times as slow.
 */
#include "vector_unit.h"

#include <string.h>

#include "bf16.h"

#define NAME(suffix) JOIN(wt_, WT_BF16, suffix)

enum { PANEL = WT_BF16_PANEL };

/* sum += x·w, a pair of x by pairs of w. */
#ifdef WT_FUSED
static void add_portable_pairs(float *restrict sum, uint32_t x, const uint32_t *restrict w) {
    const float x0 = wt_bf16_bits_float(x << 16), x1 = wt_bf16_bits_float(x & 0xffff0000u);
    uint32_t bits[2][PANEL];
    float wide[2][PANEL];
    for (int c = 0; c < PANEL; c++) bits[0][c] = w[c] << 16, bits[1][c] = w[c] & 0xffff0000u;
    memcpy(wide, bits, sizeof wide);
    for (int c = 0; c < PANEL; c++)
        sum[c] = __builtin_fmaf(x0, wide[0][c], __builtin_fmaf(x1, wide[1][c], sum[c]));
}
#else
static void add_portable_pairs(float *restrict sum, uint32_t x, const uint32_t *restrict w) {
    for (int c = 0; c < PANEL; c++)
        sum[c] = wt_bf16_bits_float(wt_bf16_add_pair(wt_bf16_float_bits(sum[c]), x, w[c]));
}
#endif

static int columns_from(int out, ptrdiff_t first) {
    return out - (int)first < PANEL ? out - (int)first : PANEL;
}

/* --- packed weights --- */

size_t NAME(_packed_count)(int in, int out) {
    return wt_bf16_packed_pairs(in, out);
}

void NAME(_pack)(float *packed, const float *w, int in, int out, bool transposed, float scale) {
    const ptrdiff_t row = transposed ? 1 : out, column = transposed ? in : 1;
    uint32_t *to = (uint32_t *)(void *)packed;
    for (ptrdiff_t o = 0; o < out; o += PANEL) {
        const int columns = columns_from(out, o);
        for (ptrdiff_t i = 0; i < in; i += 2, to += PANEL) {
            const float *from = w + i * row + o * column;
            for (ptrdiff_t c = 0; c < columns; c++) {
                const float second = i + 1 < in ? scale * from[row + c * column] : 0.0f;
                to[c] = wt_bf16_pair(scale * from[c * column], second);
            }
            memset(to + columns, 0, (size_t)(PANEL - columns) * sizeof *to);
        }
    }
}

/* --- y = x·w --- */

static void finish_row(float *y, const float *sum, const float *bias, const float *add, float scale,
                       int columns) {
    for (int c = 0; c < columns; c++) {
        float value = sum[c];
        if (bias) value += bias[c];
        if (add) value += add[c];
        y[c] = value * scale;
    }
}

static void multiply_portable_row(float *sum, const float *x, const uint32_t *w, int in) {
    for (int i = 0; i < in; i += 2, w += PANEL)
        add_portable_pairs(sum, wt_bf16_pair(x[i], i + 1 < in ? x[i + 1] : 0.0f), w);
}

void NAME(_multiply)(float *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                     const wt_finish *finish) {
    for (ptrdiff_t o = 0; o < out; o += PANEL) {
        for (ptrdiff_t t = 0; t < rows; t++) {
            float sum[PANEL] = {0};
            for (int n = 0; n < count; n++) {
                const uint32_t *w = (const uint32_t *)(const void *)operands[n].packed;
                multiply_portable_row(sum, operands[n].x + t * operands[n].ldx,
                                      w + o * wt_bf16_pairs(operands[n].in), operands[n].in);
            }
            finish_row(y + t * ldy + o, sum, finish->bias ? finish->bias + o : NULL,
                       finish->add ? finish->add + t * finish->ldadd + o : NULL, finish->scale,
                       columns_from(out, o));
        }
    }
}

/* --- dw += xᵀ·dy --- */

/* Two consecutive times, or one with zeros, by all input channels and a panel of columns. */
static void add_times(float *dw, ptrdiff_t lddw, const float *x, ptrdiff_t ldx, const float *dy,
                      ptrdiff_t lddy, bool second, int in, int columns) {
    uint32_t pairs[PANEL] = {0};
    for (int c = 0; c < columns; c++) pairs[c] = wt_bf16_pair(dy[c], second ? dy[lddy + c] : 0.0f);
    for (ptrdiff_t i = 0; i < in; i++) {
        float sum[PANEL] = {0};
        memcpy(sum, dw + i * lddw, (size_t)columns * sizeof *sum);
        add_portable_pairs(sum, wt_bf16_pair(x[i], second ? x[ldx + i] : 0.0f), pairs);
        memcpy(dw + i * lddw, sum, (size_t)columns * sizeof *sum);
    }
}

void NAME(_convolve_weights)(float *dw, int lddw, const float *x, int ldx, const float *dy, int lddy,
                             int rows, int in, int out) {
    for (ptrdiff_t o = 0; o < out; o += PANEL) {
        for (ptrdiff_t t = 0; t < rows; t += 2) {
            add_times(dw + o, lddw, x + t * ldx, ldx, dy + t * lddy + o, lddy, t + 1 < rows, in,
                      columns_from(out, o));
        }
    }
}
