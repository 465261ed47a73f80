/*
 * Products of bfloat16 numbers with fp32 sums, on AVX512-BF16. Its instruction multiplies pairs: a lane adds
 * x₀·w₀ + x₁·w₁ to its sum, twice the work of a fused multiply-add (bf16.h has its arithmetic exactly).
 *
 * Weights are packed as pairs along the input channels, [panel][pair][PANEL], an odd last one with a zero. The
 * rows of a product stay fp32 in memory; a stretch of them is rounded to pairs on the stack, once for all panels
 * of the output, then walked as in product_kernels.c: ROWS rows by PANEL columns, all sums in registers. The
 * gradient by the weights pairs rows of consecutive times; there both factors are rounded and interleaved on the
 * stack. An element's sum is one chain over its pairs in order: its bits depend on neither stretch nor panel.
 */
#include "kernels_internal.h"

#include <immintrin.h>
#include <stdalign.h>
#include <string.h>

#include "bf16.h"

#define INLINE static inline __attribute__((always_inline))

enum { WIDTH = 16, PANEL = 2 * WIDTH, ROWS = 12, LINE = 64 / sizeof(uint32_t) };

INLINE int least(int a, int b) {
    return a < b ? a : b;
}

INLINE __mmask16 first_lanes(int count) {
    return count >= WIDTH ? (__mmask16)0xffff : count > 0 ? (__mmask16)((1u << count) - 1u) : (__mmask16)0;
}

INLINE __m512 add_pairs(__m512 sum, __m512i x, __m512i w) {
    return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)w);
}

/* The values of `low`, then those of `high`. */
INLINE __m512i rounded(__m512 low, __m512 high) {
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* A pair a lane, of low's value and high's. */
INLINE __m512i interleaved(__m512 low, __m512 high) {
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23,
                                           7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, rounded(low, high));
}

/* --- packed weights --- */

size_t wt_avx512bf16_packed_count(int in, int out) {
    return wt_bf16_packed_pairs(in, out);
}

/* The weights of two input channels (one where `second` is false) for `columns` columns. */
INLINE void pack_rows(uint32_t *packed, const float *w, int out, bool second, int columns, __m512 scale) {
    for (int v = 0; v < 2; v++) {
        const __mmask16 lanes = first_lanes(columns - v * WIDTH);
        const __m512 low = _mm512_maskz_loadu_ps(lanes, w + v * WIDTH);
        const __m512 high = _mm512_maskz_loadu_ps(second ? lanes : 0, w + out + v * WIDTH);
        const __m512i pairs = interleaved(_mm512_mul_ps(low, scale), _mm512_mul_ps(high, scale));
        _mm512_storeu_si512(packed + v * WIDTH, _mm512_maskz_mov_epi32(lanes, pairs));
    }
}

/* A column of a transposed matrix has its pairs side by side; they go a panel's row apart. */
INLINE void pack_column(uint32_t *packed, const float *w, int in, __m512 scale) {
    for (int i = 0; i < in; i += PANEL) {
        alignas(64) uint32_t pairs[WIDTH];
        const __m512 low = _mm512_maskz_loadu_ps(first_lanes(in - i), w + i);
        const __m512 high = _mm512_maskz_loadu_ps(first_lanes(in - i - WIDTH), w + i + WIDTH);
        _mm512_store_si512(pairs, rounded(_mm512_mul_ps(low, scale), _mm512_mul_ps(high, scale)));
        const int count = wt_bf16_pairs(least(in - i, PANEL));
        for (int k = 0; k < count; k++, packed += PANEL) *packed = pairs[k];
    }
}

void wt_avx512bf16_pack(float *packed, const float *w, int in, int out, bool transposed, float scale) {
    uint32_t *to = (uint32_t *)(void *)packed;
    const ptrdiff_t pairs = wt_bf16_pairs(in);
    const __m512 factor = _mm512_set1_ps(scale);
    for (ptrdiff_t o = 0; o < out; o += PANEL, to += pairs * PANEL) {
        const int columns = least(out - (int)o, PANEL);
        if (!transposed) {
            for (ptrdiff_t p = 0; p < pairs; p++) {
                pack_rows(to + p * PANEL, w + 2 * p * out + o, out, 2 * p + 1 < in, columns, factor);
            }
            continue;
        }
        for (ptrdiff_t c = 0; c < columns; c++) pack_column(to + c, w + (o + c) * in, in, factor);
        for (ptrdiff_t p = 0; columns < PANEL && p < pairs; p++) {
            memset(to + p * PANEL + columns, 0, (size_t)(PANEL - columns) * sizeof *to);
        }
    }
}

/* --- y = x·w --- */

/* Room for rounded rows, in pairs: half of the first cache. */
enum { ROOM = 6 * 1024 };

INLINE void round_row(uint32_t *to, const float *x, int in) {
    int i = 0;
    for (; i + PANEL <= in; i += PANEL, to += WIDTH) {
        _mm512_storeu_si512(to, rounded(_mm512_loadu_ps(x + i), _mm512_loadu_ps(x + i + WIDTH)));
    }
    if (i == in) return;
    const __m512 low = _mm512_maskz_loadu_ps(first_lanes(in - i), x + i);
    const __m512 high = _mm512_maskz_loadu_ps(first_lanes(in - i - WIDTH), x + i + WIDTH);
    _mm512_mask_storeu_epi32(to, first_lanes(wt_bf16_pairs(in - i)), rounded(low, high));
}

/* Rows t … t+rows−1 of all operands, side by side, `ld` pairs a row. */
static void round_rows(uint32_t *to, ptrdiff_t ld, ptrdiff_t t, int rows, const wt_operand *operands,
                       int count) {
    for (int n = 0; n < count; n++) {
        const ptrdiff_t ldx = operands[n].ldx;
        const float *x = operands[n].x + t * ldx;
        for (ptrdiff_t r = 0; r < rows; r++) round_row(to + r * ld, x + r * ldx, operands[n].in);
        to += wt_bf16_pairs(operands[n].in);
    }
}

/* sum += x·w over `pairs` pairs. Meanwhile rows that will be rounded next are asked for, a line a step: it takes two
 * panels to ask for them all. */
INLINE void add_products(__m512 sum[ROWS][2], int rows, int vectors, const uint32_t *x, ptrdiff_t ldx,
                         const uint32_t *w, size_t pairs, const float *ahead, ptrdiff_t ldahead) {
    for (size_t p = 0; p < pairs; p++, w += PANEL) {
        __m512i weight[2];
        for (int v = 0; v < vectors; v++) weight[v] = _mm512_loadu_si512(w + v * WIDTH);
        _mm_prefetch((const char *)(ahead + (ptrdiff_t)(p % LINE) * ldahead + p / LINE * LINE), _MM_HINT_T1);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            const __m512i value = _mm512_set1_epi32((int)x[r * ldx + (ptrdiff_t)p]);
            for (int v = 0; v < vectors; v++) sum[r][v] = add_pairs(sum[r][v], value, weight[v]);
        }
    }
}

/* y = (sum + bias + add)·scale for a block whose first element y, bias and add point to. */
INLINE void finish_block(float *y, ptrdiff_t ldy, __m512 sum[ROWS][2], int rows, int vectors, int columns,
                         const float *bias, const float *add, ptrdiff_t ldadd, float scale) {
    const __m512 factor = _mm512_set1_ps(scale);
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) {
        const __mmask16 lanes = v < vectors - 1 ? (__mmask16)0xffff : first_lanes(columns - v * WIDTH);
        const __m512 b = bias ? _mm512_maskz_loadu_ps(lanes, bias + v * WIDTH) : _mm512_setzero_ps();
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            __m512 value = sum[r][v];
            if (bias) value = _mm512_add_ps(value, b);
            if (add) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(lanes, add + r * ldadd + v * WIDTH));
            _mm512_mask_storeu_ps(y + r * ldy + v * WIDTH, lanes, _mm512_mul_ps(value, factor));
        }
    }
}

/* A product, and a stretch of its rows that has been rounded. */
typedef struct {
    float *y;
    const wt_operand *operands;
    const wt_finish *finish;
    const uint32_t *x; /* rounded rows */
    ptrdiff_t ldy, ldx, stretch;
    int out, count;
} wt_product;

INLINE void ask_for_rows(const wt_product *p, int rows, ptrdiff_t t, ptrdiff_t column) {
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < 2; v++) {
            __builtin_prefetch(p->y + (t + r) * p->ldy + column + v * WIDTH, 1);
            if (!p->finish->add) continue;
            __builtin_prefetch(p->finish->add + (t + r) * p->finish->ldadd + column + v * WIDTH);
        }
    }
}

/* Rows t … t+rows−1 by the columns from `column` on; x points to the first row's pairs. */
INLINE void multiply_block(const wt_product *p, int rows, int vectors, const uint32_t *x, ptrdiff_t t,
                           ptrdiff_t column) {
    __m512 sum[ROWS][2];
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = _mm512_setzero_ps();
    }
    ask_for_rows(p, rows, t, column);
    const wt_finish *finish = p->finish;
    for (int n = 0; n < p->count; n++) {
        const size_t pairs = (size_t)wt_bf16_pairs(p->operands[n].in);
        const uint32_t *w = (const uint32_t *)(const void *)p->operands[n].packed + (size_t)column * pairs;
        const float *ahead = p->operands[n].x + (t + p->stretch) * p->operands[n].ldx +
                             (size_t)(column / PANEL) * pairs;
        const bool ask = column < 2 * PANEL;
        add_products(sum, rows, vectors, x, p->ldx, w, pairs, ask ? ahead : finish->bias,
                     ask ? p->operands[n].ldx : 0);
        x += pairs;
    }
    finish_block(p->y + t * p->ldy + column, p->ldy, sum, rows, vectors, p->out - (int)column,
                 finish->bias ? finish->bias + column : NULL,
                 finish->add ? finish->add + t * finish->ldadd + column : NULL, finish->ldadd, finish->scale);
}

/* All rounded rows of a panel, whose first stands in row t. */
INLINE void multiply_panel(const wt_product *p, int vectors, ptrdiff_t t, int rows, ptrdiff_t column) {
    const uint32_t *x = p->x;
    for (; rows >= ROWS; rows -= ROWS, t += ROWS, x += ROWS * p->ldx) {
        multiply_block(p, ROWS, vectors, x, t, column);
    }
    if (rows >= 6) {
        multiply_block(p, 6, vectors, x, t, column);
        rows -= 6, t += 6, x += 6 * p->ldx;
    }
    switch (rows) {
    case 1: multiply_block(p, 1, vectors, x, t, column); break;
    case 2: multiply_block(p, 2, vectors, x, t, column); break;
    case 3: multiply_block(p, 3, vectors, x, t, column); break;
    case 4: multiply_block(p, 4, vectors, x, t, column); break;
    case 5: multiply_block(p, 5, vectors, x, t, column); break;
    }
}

static void multiply_rows(const wt_product *p, ptrdiff_t t, int rows) {
    for (int column = 0; column < p->out; column += PANEL) {
        if (p->out - column > WIDTH) {
            multiply_panel(p, 2, t, rows, column);
        } else {
            multiply_panel(p, 1, t, rows, column);
        }
    }
}

/* Rows with so many terms that a block of them doesn't fit in the room: in pieces, rounded for each panel anew. */
static void multiply_long_rows(const wt_product *p, uint32_t *room, ptrdiff_t t, int rows, ptrdiff_t column) {
    enum { PIECE = ROOM / ROWS };
    __m512 sum[ROWS][2];
    memset(sum, 0, sizeof sum);
    memset(room, 0, ROOM * sizeof *room);
    for (int n = 0; n < p->count; n++) {
        const wt_operand *o = &p->operands[n];
        const ptrdiff_t all = wt_bf16_pairs(o->in);
        const uint32_t *w = (const uint32_t *)(const void *)o->packed + column * all;
        for (ptrdiff_t from = 0; from < all; from += PIECE) {
            const ptrdiff_t pairs = all - from < PIECE ? all - from : PIECE;
            const wt_operand piece = {o->x + 2 * from, NULL, o->ldx, least(o->in - 2 * (int)from, 2 * PIECE)};
            round_rows(room, PIECE, t, rows, &piece, 1);
            add_products(sum, ROWS, 2, room, PIECE, w + from * PANEL, (size_t)pairs, o->x, 0);
        }
    }
    const wt_finish *finish = p->finish;
    const float *bias = finish->bias, *add = finish->add;
    for (int v = 0; v < 2 && column + v * WIDTH < p->out; v++) {
        for (int r = 0; r < rows; r++) {
            const ptrdiff_t c = column + v * WIDTH;
            finish_block(p->y + (t + r) * p->ldy + c, p->ldy, (__m512(*)[2]) & sum[r][v], 1, 1,
                         p->out - (int)c, bias ? bias + c : NULL,
                         add ? add + (t + r) * finish->ldadd + c : NULL, finish->ldadd, finish->scale);
        }
    }
}

void wt_avx512bf16_multiply(float *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                            const wt_finish *finish) {
    alignas(64) uint32_t room[ROOM];
    wt_product p = {
        .y = y, .operands = operands, .finish = finish, .x = room, .ldy = ldy, .out = out, .count = count};
    for (int n = 0; n < count; n++) p.ldx += wt_bf16_pairs(operands[n].in);
    if (p.ldx > ROOM / ROWS) {
        for (int column = 0; column < out; column += PANEL) {
            for (int t = 0; t < rows; t += ROWS)
                multiply_long_rows(&p, room, t, least(rows - t, ROWS), column);
        }
        return;
    }
    const int most = p.ldx ? (int)(ROOM / p.ldx) / ROWS * ROWS : rows, stretch = least(rows, most);
    p.stretch = stretch;
    for (int t = 0; t < rows; t += stretch) {
        const int length = least(rows - t, stretch);
        round_rows(room, p.ldx, t, length, operands, count);
        multiply_rows(&p, t, length);
    }
}

/* --- dw += xᵀ·dy --- */

/* Times in chunks and input channels in stretches, that both fit in the second cache and a panel of dy and a block
 * of x in the first. TIMES is even: a pair never spans chunks. */
enum { TIMES = 192, PAIRS = TIMES / 2, BLOCK = 8, STRETCH = 256 };

/* Pairs of two rows' columns from c on, `lanes` of them; without `second` the second row is zeros. */
INLINE __m512i pair_rows(const float *y, ptrdiff_t ldy, ptrdiff_t c, bool second, __mmask16 lanes) {
    const __m512 low = _mm512_maskz_loadu_ps(lanes, y + c);
    return interleaved(low, second ? _mm512_maskz_loadu_ps(lanes, y + ldy + c) : _mm512_setzero_ps());
}

INLINE void pair_panel_row(uint32_t *to, const float *y, ptrdiff_t ldy, bool second, bool whole,
                           int columns) {
    for (int v = 0; v < 2; v++) {
        const __mmask16 lanes = whole ? (__mmask16)0xffff : first_lanes(columns - v * WIDTH);
        _mm512_store_si512(to + v * WIDTH, pair_rows(y, ldy, v * WIDTH, second, lanes));
    }
}

/* Pairs of consecutive times, an odd last one with zeros, for up to PANEL columns: [pair][PANEL]. */
static void pair_panel(uint32_t *to, const float *y, ptrdiff_t ldy, int times, int columns) {
    for (; times >= 2; times -= 2, y += 2 * ldy, to += PANEL) {
        if (columns >= PANEL) {
            pair_panel_row(to, y, ldy, true, true, columns);
        } else {
            pair_panel_row(to, y, ldy, true, false, columns);
        }
    }
    if (times) pair_panel_row(to, y, ldy, false, false, columns);
}

INLINE void pair_block_row(uint32_t *to, const float *x, ptrdiff_t ldx, bool second, int in) {
    for (int i = 0; i < in; i += WIDTH, to += (ptrdiff_t)2 * PAIRS * BLOCK) {
        const __mmask16 lanes = in - i >= WIDTH ? (__mmask16)0xffff : first_lanes(in - i);
        const __m512i pairs = pair_rows(x, ldx, i, second, lanes);
        _mm256_store_si256((__m256i *)(void *)to, _mm512_castsi512_si256(pairs));
        _mm256_store_si256((__m256i *)(void *)(to + PAIRS * BLOCK), _mm512_extracti64x4_epi64(pairs, 1));
    }
}

/* The same for input channels, in blocks: [block][PAIRS][BLOCK]. */
static void pair_blocks(uint32_t *to, const float *x, ptrdiff_t ldx, int times, int in) {
    const int wholes = in / WIDTH * WIDTH;
    for (; times >= 2; times -= 2, x += 2 * ldx, to += BLOCK) {
        pair_block_row(to, x, ldx, true, wholes);
        if (in > wholes) pair_block_row(to + (ptrdiff_t)wholes * PAIRS, x + wholes, ldx, true, in - wholes);
    }
    if (times) pair_block_row(to, x, ldx, false, in);
}

/* What the next call will probably read: a line every `step` elements. */
typedef struct {
    const float *from;
    ptrdiff_t step;
} wt_ahead;

/* The rows of x and dy after those of this chunk. */
typedef struct {
    const float *x, *dy;
    ptrdiff_t ldx, lddy;
    int in, panels;
} wt_next_rows;

INLINE wt_ahead ask_ahead(const wt_next_rows *next, int panel, int block) {
    const int parity = block & 1, turn = block / 2;
    if (turn < 2)
        return (wt_ahead){next->dy + parity * next->lddy + panel * PANEL + turn * WIDTH, 2 * next->lddy};
    const int line = panel + next->panels * (turn - 2);
    if (line * WIDTH < next->in)
        return (wt_ahead){next->x + parity * next->ldx + line * WIDTH, 2 * next->ldx};
    return (wt_ahead){next->x, 0};
}

/* `rows` input channels by up to PANEL output channels, over the pairs of a chunk. */
INLINE void weights_block(int rows, int vectors, __mmask16 last, float *dw, ptrdiff_t lddw, const uint32_t *x,
                          const uint32_t *dy, int pairs, wt_ahead ahead) {
    __m512 sum[BLOCK][2];
    float *to = dw;
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++, dw += lddw) {
        if (vectors == 2) sum[r][0] = _mm512_loadu_ps(dw);
        sum[r][vectors - 1] = _mm512_maskz_loadu_ps(last, dw + (vectors - 1) * WIDTH);
    }
    for (int p = 0; p < pairs; p++, x += BLOCK, dy += PANEL) {
        __m512i d[2];
        for (int v = 0; v < vectors; v++) d[v] = _mm512_load_si512(dy + v * WIDTH);
        _mm_prefetch((const char *)(ahead.from + p * ahead.step), _MM_HINT_T1);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            const __m512i value = _mm512_set1_epi32((int)x[r]);
            for (int v = 0; v < vectors; v++) sum[r][v] = add_pairs(sum[r][v], value, d[v]);
        }
    }
    __asm__("" : "+r"(to)); /* else the compiler keeps all rows' addresses from before the loop */
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++, to += lddw) {
        if (vectors == 2) _mm512_storeu_ps(to, sum[r][0]);
        _mm512_mask_storeu_ps(to + (vectors - 1) * WIDTH, last, sum[r][vectors - 1]);
    }
}

INLINE void weights_panel(int vectors, __mmask16 last, float *dw, ptrdiff_t lddw, const uint32_t *x,
                          const uint32_t *dy, int pairs, int in, const wt_next_rows *next, int panel) {
    int i = 0;
#define ROWS_OF(n) \
    weights_block(n, vectors, last, dw + i * lddw, lddw, x, dy, pairs, ask_ahead(next, panel, i / BLOCK))
    for (; i + BLOCK <= in; i += BLOCK, x += PAIRS * BLOCK) ROWS_OF(BLOCK);
    switch (in - i) {
    case 1: ROWS_OF(1); break;
    case 2: ROWS_OF(2); break;
    case 3: ROWS_OF(3); break;
    case 4: ROWS_OF(4); break;
    case 5: ROWS_OF(5); break;
    case 6: ROWS_OF(6); break;
    case 7: ROWS_OF(7); break;
    }
#undef ROWS_OF
}

/* Some times, and at most STRETCH input channels. */
static void weights_stretch(float *dw, ptrdiff_t lddw, const float *x, ptrdiff_t ldx, const float *dy,
                            ptrdiff_t lddy, int times, int in, int out) {
    alignas(64) uint32_t rows[STRETCH * PAIRS], panel[PAIRS * PANEL];
    const int pairs = (times + 1) / 2;
    pair_blocks(rows, x, ldx, times, in);
    const wt_next_rows next = {x + times * ldx, dy + times * lddy, ldx, lddy, in, (out + PANEL - 1) / PANEL};
    for (int o = 0; o < out; o += PANEL) {
        const int columns = least(out - o, PANEL);
        pair_panel(panel, dy + o, lddy, times, columns);
        if (columns == PANEL) {
            weights_panel(2, 0xffff, dw + o, lddw, rows, panel, pairs, in, &next, o / PANEL);
        } else if (columns > WIDTH) {
            weights_panel(2, first_lanes(columns - WIDTH), dw + o, lddw, rows, panel, pairs, in, &next,
                          o / PANEL);
        } else {
            weights_panel(1, first_lanes(columns), dw + o, lddw, rows, panel, pairs, in, &next, o / PANEL);
        }
    }
}

void wt_avx512bf16_convolve_weights(float *dw, int lddw, const float *x, int ldx, const float *dy, int lddy,
                                    int rows, int in, int out) {
    for (ptrdiff_t t = 0; t < rows; t += TIMES) {
        const int times = least(rows - (int)t, TIMES);
        for (ptrdiff_t i = 0; i < in; i += STRETCH) {
            weights_stretch(dw + i * lddw, lddw, x + t * ldx + i, ldx, dy + t * lddy, lddy, times,
                            least(in - (int)i, STRETCH), out);
        }
    }
}
