/*
 * Products with the sums held in registers: the operands of a product are walked for a block of ROWS rows by
 * PANEL columns of the output, whose sums stay in registers from the first term to the last, and are stored
 * once. Compiled once for each instruction set with fused multiply-adds (WT_ISA names it).
 *
 *   AVX-512: 12 rows × 2 vectors of 16, 24 of the 32 registers; AVX2: 6 × 2 vectors of 8, 12 of 16.
 *
 * A step of the inner loop loads two vectors of weights and broadcasts a value a row: fewer loads than
 * multiply-adds, so that these are the limit. Weights are packed in panels of PANEL columns, [panel][in][PANEL],
 * the last one filled up with zeros, so that a panel is read from end to end and stays in the first cache
 * over all rows. Each element is one chain of fused multiply-adds over its terms in order: its bits depend
 * neither on where the row stands in the call nor on the width of the vectors.
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
enum { WIDTH = 16, ROWS = 12, IN_ROWS = 8 };
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

INLINE vector vector_load_first(const float *from, int count) {
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1u), from);
}

INLINE void vector_store_first(float *to, vector v, int count) {
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1u), v);
}
#else
typedef __m256 vector;
enum { WIDTH = 8, ROWS = 6, IN_ROWS = 6 };
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

/* Columns of a panel: `last` of the last vector's; whole vectors are known as such when compiling. */
INLINE vector load_columns(const float *from, int v, int vectors, bool whole, int last) {
    return whole || v < vectors - 1 ? vector_load(from + v * WIDTH)
                                    : vector_load_first(from + v * WIDTH, last);
}

INLINE void store_columns(float *to, vector value, int v, int vectors, bool whole, int last) {
    if (whole || v < vectors - 1) {
        vector_store(to + v * WIDTH, value);
    } else {
        vector_store_first(to + v * WIDTH, value, last);
    }
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
        vector_store(packed + WIDTH, vector_multiply(vector_load_first(w + first, second), factor));
    }
}

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

/* WIDTH columns of packed rows i … i+3 from as many rows of w [out][in], of which `rows` are there: squares of four by
 * four are turned in registers, as many as fit at once. */
INLINE void turn_fours(float *packed, const float *w, ptrdiff_t in, int rows, vector factor) {
    vector row[4];
    for (int k = 0; k < 4; k++) row[k] = load_fours(w + k * in, in, rows - k);
    const vector low = vector_low_pairs(row[0], row[2]), high = vector_high_pairs(row[0], row[2]);
    const vector odd_low = vector_low_pairs(row[1], row[3]), odd_high = vector_high_pairs(row[1], row[3]);
    vector_store(packed, vector_multiply(vector_low_pairs(low, odd_low), factor));
    vector_store(packed + PANEL, vector_multiply(vector_high_pairs(low, odd_low), factor));
    vector_store(packed + 2 * PANEL, vector_multiply(vector_low_pairs(high, odd_high), factor));
    vector_store(packed + 3 * PANEL, vector_multiply(vector_high_pairs(high, odd_high), factor));
}

/* A panel of w [out][in] from one of its rows on, by fours; the last four may overlap those before. */
static void pack_turned(float *packed, const float *w, ptrdiff_t in, int columns, float scale) {
    const vector factor = vector_of(scale);
    for (ptrdiff_t at = 0; in >= 4 && at < in; at += 4) {
        const ptrdiff_t i = at + 4 <= in ? at : in - 4;
        for (int c = 0; c < PANEL; c += WIDTH) {
            float *to = packed + i * PANEL + c;
            if (c + WIDTH <= columns) {
                turn_fours(to, w + c * in + i, in, WIDTH, factor);
            } else {
                turn_fours(to, w + c * in + i, in, columns - c, factor);
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

/*
 * A block of the output: `rows` rows from row t on, `vectors` vectors of panel `panel`. A row is too short for
 * the processor to see a stream in it, so the rows of the next block are asked for here, a line a step, which
 * never fills the queue of misses, and what will be added to this one at its beginning.
 */
INLINE void multiply_block(int rows, int vectors, bool whole, int last, float *y, ptrdiff_t ldy, ptrdiff_t t,
                           ptrdiff_t panel, const wt_operand *operands, int count, const wt_finish *finish) {
    vector sum[ROWS][2];
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = vector_zero();
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            const ptrdiff_t column = panel * PANEL + v * WIDTH;
            __builtin_prefetch(y + (t + r) * ldy + column, 1);
            if (finish->add) __builtin_prefetch(finish->add + (t + r) * finish->ldadd + column);
        }
    }
    for (int n = 0; n < count; n++) {
        const ptrdiff_t ldx = operands[n].ldx, in = operands[n].in;
        const float *x = operands[n].x + t * ldx, *w = operands[n].packed + panel * PANEL * in;
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
    y += t * ldy + panel * PANEL;
    const vector scale = vector_of(finish->scale);
    for (int v = 0; v < vectors; v++) {
        const float *bias = finish->bias ? finish->bias + panel * PANEL : NULL;
        const vector b = bias ? load_columns(bias, v, vectors, whole, last) : vector_zero();
        for (int r = 0; r < rows; r++) {
            vector value = sum[r][v];
            if (bias) value = vector_add(value, b);
            if (finish->add) {
                const float *add = finish->add + (t + r) * finish->ldadd + panel * PANEL;
                value = vector_add(value, load_columns(add, v, vectors, whole, last));
            }
            store_columns(y + r * ldy, vector_multiply(value, scale), v, vectors, whole, last);
        }
    }
}

/* All rows of a panel, by blocks. Of a block of few rows the multiply-adds wait for each other: a last one that
 * would be so shares its rows with the one before. */
INLINE void multiply_panel(int vectors, bool whole, int last, float *y, ptrdiff_t ldy, int rows,
                           ptrdiff_t panel, const wt_operand *operands, int count, const wt_finish *finish) {
    for (ptrdiff_t t = 0, n; t < rows; t += n) {
        const ptrdiff_t left = rows - t;
        n = left <= ROWS ? left : left < 2 * ROWS ? (left + 1) / 2 : ROWS;
#define BLOCK(n) \
    case n: multiply_block(n, vectors, whole, last, y, ldy, t, panel, operands, count, finish); break
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

void NAME(_multiply)(float *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                     const wt_finish *finish) {
    for (int panel = 0; panel < panels_of(out); panel++) {
        const int columns = out - panel * PANEL, last = columns > WIDTH ? columns - WIDTH : columns;
        if (columns >= PANEL) {
            multiply_panel(2, true, WIDTH, y, ldy, rows, panel, operands, count, finish);
        } else if (columns == WIDTH) {
            multiply_panel(1, true, WIDTH, y, ldy, rows, panel, operands, count, finish);
        } else if (columns > WIDTH) {
            multiply_panel(2, false, last, y, ldy, rows, panel, operands, count, finish);
        } else {
            multiply_panel(1, false, last, y, ldy, rows, panel, operands, count, finish);
        }
    }
}

/* --- dw += xᵀ·dy --- */

enum { AHEAD = 24 }; /* rows between the one at work and the one that is asked for */

/* `rows` input channels by some columns, over all times. The next block's sums are asked for: they may be far away. */
INLINE void weights_block(int rows, int vectors, bool whole, int last, float *dw, ptrdiff_t lddw,
                          const float *x, ptrdiff_t ldx, const float *dy, ptrdiff_t lddy, int times) {
    vector sum[IN_ROWS][2];
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            sum[r][v] = load_columns(dw + r * lddw, v, vectors, whole, last);
            __builtin_prefetch(dw + (rows + r) * lddw + v * WIDTH, 1);
        }
    }
    for (int t = 0; t < times; t++, x += ldx, dy += lddy) {
        vector d[2];
        _mm_prefetch((const char *)(x + AHEAD * ldx), _MM_HINT_T0);
        for (int v = 0; v < vectors; v++) d[v] = load_columns(dy, v, vectors, whole, last);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            const vector value = vector_of(x[r]);
            for (int v = 0; v < vectors; v++) sum[r][v] = vector_fused(value, d[v], sum[r][v]);
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) store_columns(dw + r * lddw, sum[r][v], v, vectors, whole, last);
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
            } else if (columns > WIDTH) {
                weights_panel(2, false, last, dw + o, lddw, from, ldx, d, lddy, times, in);
            } else {
                weights_panel(1, false, last, dw + o, lddw, from, ldx, d, lddy, times, in);
            }
        }
    }
}
