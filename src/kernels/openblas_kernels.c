/*
 * Convolutions as products of OpenBLAS: one sgemm a tap, accumulated in place. Rows are taken in blocks
 * so that all taps of a block are done while it is in the cache, and so short that OpenBLAS multiplies
 * without packing copies of its operands (M·N·K ≤ 10⁶ on its AVX-512 cores). A block's length is
 * fixed and blocks begin at the call's first row, so the bits depend on the arguments alone.
 *
 * Advantage: near the cores' peak on any CPU that OpenBLAS knows. Disadvantage: the output is read and
 * written once a tap. Where the channel counts are odd, a row's bits depend on its position in the call.
 */
#include "kernels_internal.h"

#include <cblas.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

/* Measured on Zen 5: the best length, or within 8 % of it, for 32 to 128 channels, where 256 rows lose up to
 * 10 %. Up to 64×128 channels such a block stays within what OpenBLAS multiplies without packing. */
enum { BLOCK_ROWS = 96 };

static int least(int a, int b) {
    return a < b ? a : b;
}

void wt_openblas_convolve(float *y, int ldy, const float *x, int ldx, const float *w, const float *bias,
                          int rows, int in, int out, int taps, int dilation) {
    for (ptrdiff_t start = 0; start < rows; start += BLOCK_ROWS) {
        const int count = least(BLOCK_ROWS, rows - (int)start);
        float *to = y + start * ldy;
        for (ptrdiff_t t = 0; bias && t < count; t++) memcpy(to + t * ldy, bias, (size_t)out * sizeof *bias);
        for (ptrdiff_t j = 0; j < taps; j++) {
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, count, out, in, 1.0f,
                        x + (start + j * dilation) * ldx, ldx, w + j * in * out, out, 1.0f, to, ldy);
        }
    }
}

void wt_openblas_convolve_back(float *dx, int lddx, const float *dy, int lddy, const float *w, int first,
                               int rows, int total, int in, int out, int taps, int dilation) {
    for (ptrdiff_t start = first; start < (ptrdiff_t)first + rows; start += BLOCK_ROWS) {
        const ptrdiff_t end = start + least(BLOCK_ROWS, (int)(first + (ptrdiff_t)rows - start));
        for (ptrdiff_t j = 0; j < taps; j++) {
            /* the block's rows u that tap j reaches: 0 ≤ u − j·dilation < total */
            const ptrdiff_t shift = j * dilation;
            const ptrdiff_t from = start > shift ? start : shift;
            const ptrdiff_t to = end < total + shift ? end : total + shift;
            if (from >= to) continue;
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)(to - from), in, out, 1.0f,
                        dy + (from - shift) * lddy, lddy, w + j * out * in, in, 1.0f,
                        dx + (from - first) * lddx, lddx);
        }
    }
}

void wt_openblas_convolve_weights(float *dw, int lddw, const float *x, int ldx, const float *dy, int lddy,
                                  int rows, int in, int out) {
    for (ptrdiff_t start = 0; start < rows; start += BLOCK_ROWS) {
        const int count = least(BLOCK_ROWS, rows - (int)start);
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, in, out, count, 1.0f, x + start * ldx, ldx,
                    dy + start * lddy, lddy, 1.0f, dw, lddw);
    }
}

/* --- set-up --- */

void wt_openblas_setup(void) {
    /* An OpenBLAS that was built with OpenMP sets OpenMP's own number too, which isn't ours to change. */
    const int threads = omp_get_max_threads();
    openblas_set_num_threads(1);
    omp_set_num_threads(threads);
}

void wt_openblas_describe(char *text, size_t room) {
    const char *built =
        openblas_get_config(); /* "OpenBLAS 0.3.21 DYNAMIC_ARCH …": name and version are wanted */
    const char *version = strchr(built, ' ');
    const int length = version ? (int)(version - built) + 1 + (int)strcspn(version + 1, " ")
                               : (int)strlen(built);
    snprintf(text, room, "%.*s %s", length, built, openblas_get_corename());
}
