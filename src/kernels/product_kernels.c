/*
 * Products with the sums held in registers: the operands of a product are walked for a block of ROWS rows by
 * PANEL columns of the output, whose sums stay in registers from the first term to the last, and are stored
 * once. Compiled once for each instruction set with fused multiply-adds (WT_ISA names it).
 *
 *   AVX-512: 12 rows × 2 vectors of 16, 24 of the 32 registers; AVX2: 6 × 2 vectors of 8, 12 of 16.
 *
 * A step of the inner loop loads two vectors of weights and broadcasts a value a row: fewer loads than
 * multiply-adds, so that these are the limit. Weights are packed in panels of PANEL columns, [panel][in][PANEL],
 * the last vector filled up with zeros, so that a panel is read from end to end and stays in the first cache
 * over all rows. Where the last columns fill half a vector at most, vectors hold rows of a product and input
 * channels of a weights' gradient instead. Each element is one chain of fused multiply-adds over its terms in
 * order: its bits depend neither on where the row stands in the call nor on the width of the vectors.
 */
#include "kernels_internal.h"

#include <immintrin.h>

#define JOIN_PARTS(a, b, c) a##b##c
#define JOIN(a, b, c) JOIN_PARTS(a, b, c)
#define NAME(suffix) JOIN(wt_, WT_ISA, suffix)
#define INLINE static inline __attribute__((always_inline))

/* --- vectors --- */

#ifdef __AVX512F__
typedef __m512 vector;
enum { WIDTH = 16, ROWS = 12, IN_ROWS = 8, FEW = 8 };
#define vector_zero _mm512_setzero_ps
#define vector_of _mm512_set1_ps
#define vector_load _mm512_loadu_ps
#define vector_store _mm512_storeu_ps
#define vector_add _mm512_add_ps
#define vector_multiply _mm512_mul_ps
#define vector_fused _mm512_fmadd_ps
#define vector_low_pairs _mm512_unpacklo_ps /* of each four: a₀ b₀ a₁ b₁ */
#define vector_high_pairs _mm512_unpackhi_ps
#define vector_with_four _mm512_insertf32x4
#define vector_four _mm512_extractf32x4_ps

INLINE vector vector_load_first(const float *from, int count) {
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1u), from);
}

INLINE void vector_store_first(float *to, vector v, int count) {
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1u), v);
}
#else
typedef __m256 vector;
enum { WIDTH = 8, ROWS = 6, IN_ROWS = 6, FEW = 4 };
#define vector_zero _mm256_setzero_ps
#define vector_of _mm256_set1_ps
#define vector_load _mm256_loadu_ps
#define vector_store _mm256_storeu_ps
#define vector_add _mm256_add_ps
#define vector_multiply _mm256_mul_ps
#define vector_fused _mm256_fmadd_ps
#define vector_low_pairs _mm256_unpacklo_ps /* of each four: a₀ b₀ a₁ b₁ */
#define vector_high_pairs _mm256_unpackhi_ps
#define vector_with_four _mm256_insertf128_ps
#define vector_four _mm256_extractf128_ps

INLINE __m256i first_lanes(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE vector vector_load_first(const float *from, int count) {
    return _mm256_maskload_ps(from, first_lanes(count));
}

INLINE void vector_store_first(float *to, vector v, int count) {
    _mm256_maskstore_ps(to, first_lanes(count), v);
}
#endif

enum { PANEL = 2 * WIDTH, LINE = 64 / sizeof(float) };

/* A vector of columns, or the `last` of a row; which of them is known when compiling. */
INLINE vector load_columns(const float *from, bool whole, int last) {
    return whole ? vector_load(from) : vector_load_first(from, last);
}

INLINE void store_columns(float *to, vector value, bool whole, int last) {
    if (whole) {
        vector_store(to, value);
    } else {
        vector_store_first(to, value, last);
    }
}

/* --- squares of four by four, WIDTH/4 of them at once --- */

/* Four values from each of every fourth row, those of rows that are not there as zeros. */
INLINE vector load_fours(const float *from, ptrdiff_t in, int rows) {
    vector fours = vector_zero();
#define FOUR(n) \
    if (4 * n < rows) fours = vector_with_four(fours, _mm_loadu_ps(from + 4 * n * in), n)
    FOUR(0);
    FOUR(1);
#ifdef __AVX512F__
    FOUR(2);
    FOUR(3);
#endif
#undef FOUR
    return fours;
}

/* The other way round. */
INLINE void store_fours(float *to, ptrdiff_t out, vector fours, int rows) {
#define FOUR(n) \
    if (4 * n < rows) _mm_storeu_ps(to + 4 * n * out, vector_four(fours, n))
    FOUR(0);
    FOUR(1);
#ifdef __AVX512F__
    FOUR(2);
    FOUR(3);
#endif
#undef FOUR
}

/* Turns the squares whose rows stand in four vectors. */
INLINE void turn_fours(vector four[4]) {
    const vector low = vector_low_pairs(four[0], four[2]), high = vector_high_pairs(four[0], four[2]);
    const vector odd_low = vector_low_pairs(four[1], four[3]), odd_high = vector_high_pairs(four[1], four[3]);
    four[0] = vector_low_pairs(low, odd_low);
    four[1] = vector_high_pairs(low, odd_low);
    four[2] = vector_low_pairs(high, odd_high);
    four[3] = vector_high_pairs(high, odd_high);
}

/* --- packed weights --- */

static int panels_of(int out) {
    return (out + PANEL - 1) / PANEL;
}

size_t NAME(_packed_count)(int in, int out) {
    return (size_t)in * (size_t)panels_of(out) * PANEL;
}

/* A panel of w [in][out] from one of its columns on. */
static void pack_panel(float *packed, const float *w, int in, int out, int columns, float scale) {
    const vector factor = vector_of(scale);
    const int first = columns < WIDTH ? columns : WIDTH, second = columns - first;
    for (int i = 0; i < in; i++, packed += PANEL, w += out) {
        vector_store(packed, vector_multiply(vector_load_first(w, first), factor));
        if (second == 0) continue; /* nothing reads there */
        vector_store(packed + WIDTH, vector_multiply(vector_load_first(w + WIDTH, second), factor));
    }
}

/* WIDTH columns of packed rows i … i+3 from as many rows of w [out][in], of which `rows` are there. */
INLINE void turn_weights(float *packed, const float *w, ptrdiff_t in, int rows, vector factor) {
    vector four[4];
    for (int k = 0; k < 4; k++) four[k] = load_fours(w + k * in, in, rows - k);
    turn_fours(four);
    for (int k = 0; k < 4; k++) vector_store(packed + k * PANEL, vector_multiply(four[k], factor));
}

/* A panel of w [out][in] from one of its rows on, by fours; the last four may overlap those before. */
static void pack_turned(float *packed, const float *w, ptrdiff_t in, int columns, float scale) {
    const vector factor = vector_of(scale);
    for (ptrdiff_t at = 0; in >= 4 && at < in; at += 4) {
        const ptrdiff_t i = at + 4 <= in ? at : in - 4;
        for (int c = 0; c < columns; c += WIDTH) {
            float *to = packed + i * PANEL + c;
            if (c + WIDTH <= columns) {
                turn_weights(to, w + c * in + i, in, WIDTH, factor);
            } else {
                turn_weights(to, w + c * in + i, in, columns - c, factor);
            }
        }
    }
    for (ptrdiff_t i = 0; in < 4 && i < in; i++) {
        for (int c = 0; c < PANEL; c++) packed[i * PANEL + c] = c < columns ? scale * w[c * in + i] : 0.0f;
    }
}

void NAME(_pack)(float *packed, const float *w, int in, int out, bool transposed, float scale) {
    for (int first = 0; first < out; first += PANEL, packed += (size_t)in * PANEL) {
        const int columns = out - first < PANEL ? out - first : PANEL;
        if (transposed) {
            pack_turned(packed, w + (ptrdiff_t)first * in, in, columns, scale);
        } else {
            pack_panel(packed, w + first, in, out, columns, scale);
        }
    }
}

/* --- y = x·w --- */

/* A factor's weights from a column of a panel on. */
INLINE const float *packed_from(const wt_operand *operand, ptrdiff_t column) {
    return operand->packed + column / PANEL * PANEL * operand->in + column % PANEL;
}

/* The sums of a row's columns through the rest of the formula. */
INLINE void finish_row(float *y, ptrdiff_t t, ptrdiff_t column, vector value, vector bias, vector scale,
                       bool whole, int last, const wt_finish *finish) {
    if (finish->bias) value = vector_add(value, bias);
    if (finish->add) {
        value = vector_add(value, load_columns(finish->add + t * finish->ldadd + column, whole, last));
    }
    store_columns(y, vector_multiply(value, scale), whole, last);
}

/*
 * A block of the output: `rows` rows from row t on, `vectors` vectors from a panel's column on. A row is too short for
 * the processor to see a stream in it, so the rows of the next block are asked for here, a line a step, which
 * never fills the queue of misses, and what will be added to this one at its beginning.
 */
INLINE void multiply_block(int rows, int vectors, bool whole, int last, float *y, ptrdiff_t ldy, ptrdiff_t t,
                           ptrdiff_t column, const wt_operand *operands, int count, const wt_finish *finish) {
    vector sum[ROWS][2];
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = vector_zero();
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            const ptrdiff_t o = column + v * WIDTH;
            __builtin_prefetch(y + (t + r) * ldy + o, 1);
            if (finish->add) __builtin_prefetch(finish->add + (t + r) * finish->ldadd + o);
        }
    }
    for (int n = 0; n < count; n++) {
        const ptrdiff_t ldx = operands[n].ldx, in = operands[n].in;
        const float *x = operands[n].x + t * ldx, *w = packed_from(&operands[n], column);
        const float *ahead = x + rows * ldx;
#pragma GCC unroll 2
        for (size_t i = 0; i < (size_t)in; i++, w += PANEL) {
            vector weight[2];
            for (int v = 0; v < vectors; v++) weight[v] = vector_load(w + v * WIDTH);
            _mm_prefetch((const char *)(ahead + i % LINE * (size_t)ldx + i / LINE * LINE), _MM_HINT_T0);
#pragma GCC unroll 16
            for (int r = 0; r < rows; r++) {
                const vector value = vector_of(x[r * ldx + (ptrdiff_t)i]);
                for (int v = 0; v < vectors; v++) sum[r][v] = vector_fused(value, weight[v], sum[r][v]);
            }
        }
    }
    const vector scale = vector_of(finish->scale);
    for (int v = 0; v < vectors; v++) {
        const ptrdiff_t o = column + v * WIDTH;
        const bool all = whole || v < vectors - 1;
        const vector bias = finish->bias ? load_columns(finish->bias + o, all, last) : vector_zero();
        for (int r = 0; r < rows; r++) {
            finish_row(y + (t + r) * ldy + o, t + r, o, sum[r][v], bias, scale, all, last, finish);
        }
    }
}

/* Rows t … rows−1, by blocks. Of a block of few rows the multiply-adds wait for each other: a last one that
 * would be so shares its rows with the one before. */
INLINE void multiply_panel(int vectors, bool whole, int last, float *y, ptrdiff_t ldy, ptrdiff_t t, int rows,
                           ptrdiff_t column, const wt_operand *operands, int count, const wt_finish *finish) {
    for (ptrdiff_t n; t < rows; t += n) {
        const ptrdiff_t left = rows - t;
        n = left <= ROWS ? left : left < 2 * ROWS ? (left + 1) / 2 : ROWS;
#define BLOCK(n) \
    case n: multiply_block(n, vectors, whole, last, y, ldy, t, column, operands, count, finish); break
        switch (n) {
            BLOCK(1);
            BLOCK(2);
            BLOCK(3);
            BLOCK(4);
            BLOCK(5);
            BLOCK(6);
#ifdef __AVX512F__
            BLOCK(7);
            BLOCK(8);
            BLOCK(9);
            BLOCK(10);
            BLOCK(11);
            BLOCK(12);
#endif
        }
#undef BLOCK
    }
}

/*
 * Few columns would leave most of a vector unused: there the vectors hold rows, GROUPS of them, whose x are turned four
 * terms at a time. Columns are computed by fours; weights beyond the last are zeros.
 */
enum { GROUPS = 2, FEW_ROWS = GROUPS * WIDTH };

/* Terms i … i+3 of WIDTH rows, a vector each; of the last ones only `terms` are there. */
INLINE void load_terms(vector value[4], const float *x, ptrdiff_t ldx, int terms) {
    if (terms == 4) {
        for (int k = 0; k < 4; k++) value[k] = load_fours(x + k * ldx, ldx, WIDTH);
        turn_fours(value);
        return;
    }
    for (int k = 0; k < terms; k++) {
        float column[WIDTH];
        for (int r = 0; r < WIDTH; r++) column[r] = x[r * ldx + k];
        value[k] = vector_load(column);
    }
}

INLINE void add_terms(vector sum[FEW][GROUPS], int columns, const float *x, ptrdiff_t ldx, const float *w,
                      int terms) {
    vector value[GROUPS][4];
    for (int g = 0; g < GROUPS; g++) load_terms(value[g], x + g * WIDTH * ldx, ldx, terms);
    for (int k = 0; k < terms; k++) {
#pragma GCC unroll 8
        for (int c = 0; c < columns; c++) {
            const vector weight = vector_of(w[k * PANEL + c]);
            for (int g = 0; g < GROUPS; g++) sum[c][g] = vector_fused(value[g][k], weight, sum[c][g]);
        }
    }
}

INLINE void multiply_few_block(int columns, int last, float *y, ptrdiff_t ldy, ptrdiff_t t, ptrdiff_t column,
                               const wt_operand *operands, int count, const wt_finish *finish) {
    vector sum[FEW][GROUPS];
    for (int c = 0; c < columns; c++) {
        for (int g = 0; g < GROUPS; g++) sum[c][g] = vector_zero();
    }
    for (int n = 0; n < count; n++) {
        const ptrdiff_t ldx = operands[n].ldx, in = operands[n].in;
        const float *x = operands[n].x + t * ldx, *w = packed_from(&operands[n], column);
        ptrdiff_t i = 0;
        for (; i + 4 <= in; i += 4) add_terms(sum, columns, x + i, ldx, w + i * PANEL, 4);
        for (; i < in; i++) add_terms(sum, columns, x + i, ldx, w + i * PANEL, 1);
    }
    float turned[FEW_ROWS][WIDTH];
    for (int g = 0; g < GROUPS; g++) {
        for (int c = 0; c < columns; c += 4) {
            vector four[4] = {sum[c][g], sum[c + 1][g], sum[c + 2][g], sum[c + 3][g]};
            turn_fours(four);
            for (int k = 0; k < 4; k++) store_fours(&turned[g * WIDTH + k][c], WIDTH, four[k], WIDTH);
        }
    }
    const vector scale = vector_of(finish->scale);
    const vector bias = finish->bias ? vector_load_first(finish->bias + column, last) : vector_zero();
    for (int r = 0; r < FEW_ROWS; r++) {
        const vector value = vector_load_first(turned[r], last);
        finish_row(y + (t + r) * ldy + column, t + r, column, value, bias, scale, false, last, finish);
    }
}

/* A panel's last columns, few of them; returns how many rows it has made. */
static int multiply_few(float *y, ptrdiff_t ldy, int rows, ptrdiff_t column, int last,
                        const wt_operand *operands, int count, const wt_finish *finish) {
    int t = 0;
    for (; t + FEW_ROWS <= rows; t += FEW_ROWS) {
        if (last <= 4) {
            multiply_few_block(4, last, y, ldy, t, column, operands, count, finish);
        } else {
            multiply_few_block(FEW, last, y, ldy, t, column, operands, count, finish);
        }
    }
    return t;
}

void NAME(_multiply)(float *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                     const wt_finish *finish) {
#define COLUMNS(vectors, whole, last, column, first) \
    multiply_panel(vectors, whole, last, y, ldy, first, rows, column, operands, count, finish)
    for (int o = 0; o < out; o += PANEL) {
        const int columns = out - o, last = columns > WIDTH ? columns - WIDTH : columns;
        if (columns >= PANEL) {
            COLUMNS(2, true, WIDTH, o, 0);
        } else if (columns == WIDTH) {
            COLUMNS(1, true, WIDTH, o, 0);
        } else if (last <= FEW && rows >= FEW_ROWS) {
            const int at = columns > WIDTH ? o + WIDTH : o;
            if (columns > WIDTH) COLUMNS(1, true, WIDTH, o, 0);
            const int made = multiply_few(y, ldy, rows, at, last, operands, count, finish);
            COLUMNS(1, false, last, at, made);
        } else if (columns > WIDTH) {
            COLUMNS(2, false, last, o, 0);
        } else {
            COLUMNS(1, false, last, o, 0);
        }
    }
#undef COLUMNS
}

/* --- dw += xᵀ·dy --- */

enum { AHEAD = 24 }; /* rows between the one at work and the one that is asked for */

/* `rows` input channels by some columns, over all times. The next block's sums are asked for: they may be far away. */
INLINE void weights_block(int rows, int vectors, bool whole, int last, float *dw, ptrdiff_t lddw,
                          const float *x, ptrdiff_t ldx, const float *dy, ptrdiff_t lddy, int times) {
    vector sum[IN_ROWS][2];
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            sum[r][v] = load_columns(dw + r * lddw + v * WIDTH, whole || v < vectors - 1, last);
            __builtin_prefetch(dw + (rows + r) * lddw + v * WIDTH, 1);
        }
    }
    for (int t = 0; t < times; t++, x += ldx, dy += lddy) {
        vector d[2];
        _mm_prefetch((const char *)(x + AHEAD * ldx), _MM_HINT_T0);
        for (int v = 0; v < vectors; v++) d[v] = load_columns(dy + v * WIDTH, whole || v < vectors - 1, last);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            const vector value = vector_of(x[r]);
            for (int v = 0; v < vectors; v++) sum[r][v] = vector_fused(value, d[v], sum[r][v]);
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++)
            store_columns(dw + r * lddw + v * WIDTH, sum[r][v], whole || v < vectors - 1, last);
    }
}

INLINE void weights_panel(int vectors, bool whole, int last, float *dw, ptrdiff_t lddw, const float *x,
                          ptrdiff_t ldx, const float *dy, ptrdiff_t lddy, int times, int in) {
    ptrdiff_t i = 0;
#define BLOCK(n) weights_block(n, vectors, whole, last, dw + i * lddw, lddw, x + i, ldx, dy, lddy, times)
    for (; i + IN_ROWS <= in; i += IN_ROWS) BLOCK(IN_ROWS);
    switch (in - i) {
    case 1: BLOCK(1); break;
    case 2: BLOCK(2); break;
    case 3: BLOCK(3); break;
    case 4: BLOCK(4); break;
    case 5: BLOCK(5); break;
#ifdef __AVX512F__
    case 6: BLOCK(6); break;
    case 7: BLOCK(7); break;
#endif
    }
#undef BLOCK
}

/* Few columns, four or eight, would leave most of a vector unused: there the vectors hold input channels. */
INLINE void weights_few_block(int columns, int vectors, int last, float *dw, ptrdiff_t lddw, const float *x,
                              ptrdiff_t ldx, const float *dy, ptrdiff_t lddy, int times) {
    const bool whole = last == WIDTH;
    vector sum[2][FEW];
    for (int v = 0; v < vectors; v++) {
        for (int c = 0; c < columns; c += 4) {
            for (int k = 0; k < 4; k++) {
                sum[v][c + k] = load_fours(dw + (v * WIDTH + k) * lddw + c, lddw,
                                           v < vectors - 1 ? WIDTH - k : last - k);
            }
            turn_fours(&sum[v][c]);
        }
    }
    for (int t = 0; t < times; t++, x += ldx, dy += lddy) {
        vector value[2];
        for (int v = 0; v < vectors; v++)
            value[v] = load_columns(x + v * WIDTH, whole || v < vectors - 1, last);
#pragma GCC unroll 16
        for (int c = 0; c < columns; c++) {
            const vector d = vector_of(dy[c]);
            for (int v = 0; v < vectors; v++) sum[v][c] = vector_fused(value[v], d, sum[v][c]);
        }
    }
    for (int v = 0; v < vectors; v++) {
        for (int c = 0; c < columns; c += 4) {
            turn_fours(&sum[v][c]);
            for (int k = 0; k < 4; k++) {
                store_fours(dw + (v * WIDTH + k) * lddw + c, lddw, sum[v][c + k],
                            v < vectors - 1 ? WIDTH - k : last - k);
            }
        }
    }
}

INLINE void weights_few_columns(int columns, float *dw, ptrdiff_t lddw, const float *x, ptrdiff_t ldx,
                                const float *dy, ptrdiff_t lddy, int times, int in) {
#define BLOCK(vectors, last) weights_few_block(columns, vectors, last, dw, lddw, x, ldx, dy, lddy, times)
    for (; in >= PANEL; in -= PANEL, dw += PANEL * lddw, x += PANEL) BLOCK(2, WIDTH);
    if (in > WIDTH) {
        BLOCK(2, in - WIDTH);
    } else if (in > 0) {
        BLOCK(1, in);
    }
#undef BLOCK
}

static void weights_few(int columns, float *dw, ptrdiff_t lddw, const float *x, ptrdiff_t ldx,
                        const float *dy, ptrdiff_t lddy, int times, int in) {
    if (columns == 4) {
        weights_few_columns(4, dw, lddw, x, ldx, dy, lddy, times, in);
    } else {
        weights_few_columns(FEW, dw, lddw, x, ldx, dy, lddy, times, in);
    }
}

/* Times in chunks, so that a panel of dy stays in the first caches over all input channels. Storing a sum and
 * loading it again changes no bit of it. */
enum { TIMES = 384 };

void NAME(_convolve_weights)(float *dw, int lddw, const float *x, int ldx, const float *dy, int lddy,
                             int rows, int in, int out) {
    for (ptrdiff_t t = 0; t < rows; t += TIMES) {
        const int times = rows - (int)t < TIMES ? rows - (int)t : TIMES;
        const float *from = x + t * ldx;
        for (ptrdiff_t o = 0; o < out; o += PANEL) {
            const int columns = out - (int)o, last = columns > WIDTH ? columns - WIDTH : columns;
            const float *d = dy + t * lddy + o;
            if (columns >= PANEL) {
                weights_panel(2, true, WIDTH, dw + o, lddw, from, ldx, d, lddy, times, in);
            } else if (columns == WIDTH) {
                weights_panel(1, true, WIDTH, dw + o, lddw, from, ldx, d, lddy, times, in);
            } else if (last == 4 || last == FEW) {
                const int at = columns - last;
                if (at > 0) weights_panel(1, true, WIDTH, dw + o, lddw, from, ldx, d, lddy, times, in);
                weights_few(last, dw + o + at, lddw, from, ldx, d + at, lddy, times, in);
            } else if (columns > WIDTH) {
                weights_panel(2, false, last, dw + o, lddw, from, ldx, d, lddy, times, in);
            } else {
                weights_panel(1, false, last, dw + o, lddw, from, ldx, d, lddy, times, in);
            }
        }
    }
}
