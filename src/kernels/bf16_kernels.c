/*
 * Products of bfloat16 numbers with fp32 sums, on AVX512-BF16. Its instruction multiplies pairs: a lane adds
 * x₀·w₀ + x₁·w₁ to its sum, twice the work of a fused multiply-add (bf16.h has its arithmetic exactly).
 *
 * Weights are packed as pairs along the input channels, [panel][pair][PANEL], an odd last one with a zero.
 * The rows of a product stay fp32 in memory; a stretch of them is rounded to pairs on the stack, once for all
 * panels of the output, then walked as in product_kernels.c: ROWS rows by PANEL columns, all sums in
 * registers. The gradient by the weights pairs rows of consecutive times; there both factors are rounded and
 * interleaved on the stack. An element's sum is one chain over its pairs in order: its bits depend on neither
 * stretch nor panel.
 */
#include "vector_unit.h"

#include <stdalign.h>
#include <string.h>

#include "bf16_rows.h"

enum { ROWS = 12, LINE = 64 / sizeof(uint32_t) };

INLINE __m512 add_bf16_pairs(__m512 sum, __m512i x, __m512i w) {
    return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)w);
}

/* --- packed weights --- */

size_t wt_avx512bf16_packed_count(int in, int out) {
    return wt_bf16_packed_pairs(in, out);
}

/* The weights of two input channels (one where `second` is false) for `columns` columns. */
INLINE void pack_rows(uint32_t *packed, const float *w, int out, bool second, int columns, __m512 scale) {
    for (int v = 0; v < 2; v++) {
        const __mmask16 lanes = mask_first_lanes(columns - v * WIDTH);
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
        const __m512 low = _mm512_maskz_loadu_ps(mask_first_lanes(in - i), w + i);
        const __m512 high = _mm512_maskz_loadu_ps(mask_first_lanes(in - i - WIDTH), w + i + WIDTH);
        _mm512_store_si512(pairs, rounded(_mm512_mul_ps(low, scale), _mm512_mul_ps(high, scale)));
        const int count = wt_bf16_pairs(min_count(in - i, PANEL));
        for (int k = 0; k < count; k++, packed += PANEL) *packed = pairs[k];
    }
}

void wt_avx512bf16_pack(float *packed, const float *w, int in, int out, bool transposed, float scale) {
    uint32_t *to = (uint32_t *)(void *)packed;
    const ptrdiff_t pairs = wt_bf16_pairs(in);
    const __m512 factor = _mm512_set1_ps(scale);
    for (ptrdiff_t o = 0; o < out; o += PANEL, to += pairs * PANEL) {
        const int columns = min_count(out - (int)o, PANEL);
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

/* Size of the buffer of rounded rows, in pairs: half of the first cache. */
enum { ROOM = 6 * 1024 };

INLINE void round_row(uint32_t *to, const float *x, int in) {
    int i = 0;
    for (; i + PANEL <= in; i += PANEL, to += WIDTH) {
        _mm512_storeu_si512(to, rounded(_mm512_loadu_ps(x + i), _mm512_loadu_ps(x + i + WIDTH)));
    }
    if (i == in) return;
    const __m512 low = _mm512_maskz_loadu_ps(mask_first_lanes(in - i), x + i);
    const __m512 high = _mm512_maskz_loadu_ps(mask_first_lanes(in - i - WIDTH), x + i + WIDTH);
    _mm512_mask_storeu_epi32(to, mask_first_lanes(wt_bf16_pairs(in - i)), rounded(low, high));
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

/* What is done in addition to an operand's products: the rows of the next block, 0 … last, are rounded, if
 * there are any, and later ones asked for. A step does a row's 64 bytes; it takes two panels to ask for all
 * lines. */
typedef struct {
    const float *x, *ahead;
    uint32_t *to;
    ptrdiff_t ldx;
    int last;
} wt_beside;

/* sum += x·w over `pairs` pairs. */
INLINE void add_products(__m512 sum[ROWS][2], int rows, int vectors, const uint32_t *x, ptrdiff_t ldx,
                         const uint32_t *w, size_t pairs, bool fresh, const wt_beside *beside) {
    for (size_t p = 0; p < pairs; p++, w += PANEL) {
        __m512i weight[2];
        for (int v = 0; v < vectors; v++) weight[v] = _mm512_loadu_si512(w + v * WIDTH);
        const ptrdiff_t row = p % LINE, line = p / LINE;
        _mm_prefetch((const char *)(beside->ahead + row * beside->ldx + line * LINE), _MM_HINT_T1);
        if (fresh) {
            const ptrdiff_t r = row < beside->last ? row : beside->last;
            round_row(beside->to + r * ldx + line * WIDTH, beside->x + r * beside->ldx + line * PANEL, PANEL);
        }
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            const __m512i value = _mm512_set1_epi32((int)x[r * ldx + (ptrdiff_t)p]);
            for (int v = 0; v < vectors; v++) sum[r][v] = add_bf16_pairs(sum[r][v], value, weight[v]);
        }
    }
}

/* y = (sum + bias + add)·scale for a block whose first element y, bias and add point to. */
INLINE void finish_block(float *y, ptrdiff_t ldy, __m512 sum[ROWS][2], int rows, int vectors, int columns,
                         const float *bias, const float *add, ptrdiff_t ldadd, float scale) {
    const __m512 factor = _mm512_set1_ps(scale);
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) {
        const __mmask16 lanes = v < vectors - 1 ? (__mmask16)0xffff : mask_first_lanes(columns - v * WIDTH);
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

/* A product, and a stretch of its rows that is rounded. */
typedef struct {
    float *y;
    const wt_operand *operands;
    const wt_finish *finish;
    uint32_t *x; /* rounded rows, `ldx` pairs each */
    ptrdiff_t ldy, ldx;
    int out, count, first, length; /* the stretch: rows first … first+length−1 */
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

/* `rows` rows from the stretch's row t on by the columns from `column` on. With `fresh` the next block of
 * rows is rounded on the way. */
INLINE void multiply_bf16_block(const wt_product *p, int rows, int vectors, bool fresh, int t,
                                ptrdiff_t column) {
    const wt_finish *finish = p->finish;
    const ptrdiff_t row = p->first + t;
    uint32_t *x = p->x + t * p->ldx;
    __m512 sum[ROWS][2];
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = _mm512_setzero_ps();
    }
    ask_for_rows(p, rows, row, column);
    for (int n = 0; n < p->count; n++) {
        const wt_operand *o = &p->operands[n];
        const size_t pairs = (size_t)wt_bf16_pairs(o->in);
        wt_beside beside = {.x = o->x + (row + rows) * o->ldx, .to = x + rows * p->ldx, .ldx = o->ldx};
        beside.last = min_count(p->length - t - rows, ROWS) - 1;
        /* a stretch ahead, but for panels that would ask for nothing new */
        beside.ahead = o->x + (row + p->length) * o->ldx +
                       (column < 2 * PANEL ? column / PANEL * (ptrdiff_t)pairs : 0);
        const uint32_t *w = (const uint32_t *)(const void *)o->packed + column * (ptrdiff_t)pairs;
        add_products(sum, rows, vectors, x, p->ldx, w, pairs, fresh, &beside);
        x += pairs;
    }
    finish_block(p->y + row * p->ldy + column, p->ldy, sum, rows, vectors, p->out - (int)column,
                 finish->bias ? finish->bias + column : NULL,
                 finish->add ? finish->add + row * finish->ldadd + column : NULL, finish->ldadd,
                 finish->scale);
}

/* All rows of a panel, the last ones in blocks of their own length. With `fresh` a first block has been
 * rounded, and each whole one rounds what follows. */
INLINE void multiply_bf16_panel(const wt_product *p, int vectors, bool fresh, ptrdiff_t column) {
    int t = 0;
    for (; fresh && t + ROWS < p->length; t += ROWS) multiply_bf16_block(p, ROWS, vectors, true, t, column);
    for (; t + ROWS <= p->length; t += ROWS) multiply_bf16_block(p, ROWS, vectors, false, t, column);
    if (t + 6 <= p->length) {
        multiply_bf16_block(p, 6, vectors, false, t, column);
        t += 6;
    }
    switch (p->length - t) {
    case 1: multiply_bf16_block(p, 1, vectors, false, t, column); break;
    case 2: multiply_bf16_block(p, 2, vectors, false, t, column); break;
    case 3: multiply_bf16_block(p, 3, vectors, false, t, column); break;
    case 4: multiply_bf16_block(p, 4, vectors, false, t, column); break;
    case 5: multiply_bf16_block(p, 5, vectors, false, t, column); break;
    }
}

/* `wholes`: all operands have whole vectors of pairs, which is what can be rounded on the way. */
static void multiply_stretch(const wt_product *p, bool wholes) {
    const bool fresh = wholes && p->out > WIDTH;
    round_rows(p->x, p->ldx, p->first, fresh ? min_count(p->length, ROWS) : p->length, p->operands, p->count);
    if (fresh) multiply_bf16_panel(p, 2, true, 0);
    for (int column = fresh ? PANEL : 0; column < p->out; column += PANEL) {
        if (p->out - column > WIDTH) {
            multiply_bf16_panel(p, 2, false, column);
        } else {
            multiply_bf16_panel(p, 1, false, column);
        }
    }
}

/* Rows with so many terms that a block of them doesn't fit in the buffer: in pieces, rounded for each panel
 * anew. */
static void multiply_long_rows(const wt_product *p, uint32_t *room, ptrdiff_t t, int rows, ptrdiff_t column) {
    enum { PIECE = ROOM / ROWS };
    __m512 sum[ROWS][2];
    const wt_beside beside = {.ahead = p->operands->x}; /* nothing */
    memset(sum, 0, sizeof sum);
    memset(room, 0, ROOM * sizeof *room);
    for (int n = 0; n < p->count; n++) {
        const wt_operand *o = &p->operands[n];
        const ptrdiff_t all = wt_bf16_pairs(o->in);
        const uint32_t *w = (const uint32_t *)(const void *)o->packed + column * all;
        for (ptrdiff_t from = 0; from < all; from += PIECE) {
            const ptrdiff_t pairs = all - from < PIECE ? all - from : PIECE;
            const wt_operand piece = {o->x + 2 * from, NULL, o->ldx,
                                      min_count(o->in - 2 * (int)from, 2 * PIECE), NULL};
            round_rows(room, PIECE, t, rows, &piece, 1);
            add_products(sum, ROWS, 2, room, PIECE, w + from * PANEL, (size_t)pairs, false, &beside);
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
    bool wholes = true;
    for (int n = 0; n < count; n++) {
        p.ldx += wt_bf16_pairs(operands[n].in);
        wholes = wholes && operands[n].in % PANEL == 0;
    }
    if (p.ldx > ROOM / ROWS) {
        for (int column = 0; column < out; column += PANEL) {
            for (int t = 0; t < rows; t += ROWS) {
                multiply_long_rows(&p, room, t, min_count(rows - t, ROWS), column);
            }
        }
        return;
    }
    const int most = p.ldx ? (int)(ROOM / p.ldx) / ROWS * ROWS : rows;
    for (; p.first < rows; p.first += p.length) {
        p.length = min_count(rows - p.first, most);
        multiply_stretch(&p, wholes);
    }
}

/* --- dw += xᵀ·dy --- */

/* Times in chunks and input channels in stretches, that both fit in the second cache and a panel of dy and a
 * block of x in the first. TIMES is even: a pair never spans chunks. */
enum { TIMES = 192, PAIRS = TIMES / 2, BLOCK = 8, STRETCH = 256 };

/* A chunk and a stretch: dw += xᵀ·dy. Pairs of consecutive times, an odd last one with zeros, are kept for
 * all channels of x in blocks, [block][PAIRS][BLOCK], and for a panel of dy, [PAIRS][PANEL]. */
typedef struct {
    float *dw;
    const float *x, *dy;
    ptrdiff_t lddw, ldx, lddy;
    int times, in, out;
    uint32_t *blocks, *panel;
} wt_chunk;

/* 16 channels of x, which are two blocks. */
INLINE void pair_blocks(uint32_t *to, const float *x, ptrdiff_t ldx, bool second, __mmask16 lanes) {
    const __m512i pairs = pair_rows(x, ldx, second, lanes);
    _mm256_store_si256((__m256i *)(void *)to, _mm512_castsi512_si256(pairs));
    _mm256_store_si256((__m256i *)(void *)(to + PAIRS * BLOCK), _mm512_extracti64x4_epi64(pairs, 1));
}

static void pair_channels(const wt_chunk *c, int i) {
    const __mmask16 lanes = mask_first_lanes(c->in - i);
    const float *x = c->x + i;
    uint32_t *to = c->blocks + (ptrdiff_t)i * PAIRS;
    int t = 0;
    for (; t + 2 <= c->times; t += 2, x += 2 * c->ldx, to += BLOCK) pair_blocks(to, x, c->ldx, true, lanes);
    if (t < c->times) pair_blocks(to, x, c->ldx, false, lanes);
}

static void pair_panel(const wt_chunk *c, int o) {
    const __mmask16 lanes[2] = {mask_first_lanes(c->out - o), mask_first_lanes(c->out - o - WIDTH)};
    const float *dy = c->dy + o;
    uint32_t *to = c->panel;
    for (int t = 0; t < c->times; t += 2, dy += 2 * c->lddy, to += PANEL) {
        for (int v = 0; v < 2; v++) {
            const __m512i pairs = t + 2 <= c->times ? pair_rows(dy + v * WIDTH, c->lddy, true, lanes[v])
                                                    : pair_rows(dy + v * WIDTH, c->lddy, false, lanes[v]);
            _mm512_store_si512(to + v * WIDTH, pairs);
        }
    }
}

INLINE void add_outer(__m512 sum[BLOCK][2], int rows, int vectors, const uint32_t *x, const uint32_t *dy) {
    __m512i d[2];
    for (int v = 0; v < vectors; v++) d[v] = _mm512_load_si512(dy + v * WIDTH);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
        const __m512i value = _mm512_set1_epi32((int)x[r]);
        for (int v = 0; v < vectors; v++) sum[r][v] = add_bf16_pairs(sum[r][v], value, d[v]);
    }
}

/*
 * `rows` input channels from i on by up to PANEL output channels from o on. What is fresh, 16 channels of x
 * or a whole panel of dy, both of an even number of times, is paired on the way: that costs little compared
 * with the products.
 */
INLINE void weights_bf16_block(const wt_chunk *c, int rows, int vectors, __mmask16 last, bool fresh_x,
                               bool fresh_dy, int i, int o) {
    const ptrdiff_t ldx = c->ldx, lddy = c->lddy;
    const float *from_x = c->x + i, *from_dy = c->dy + o;
    uint32_t *x = c->blocks + (ptrdiff_t)i * PAIRS, *dy = c->panel;
    float *dw = c->dw + i * c->lddw + o, *to = dw;
    __m512 sum[BLOCK][2];
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++, dw += c->lddw) {
        if (vectors == 2) sum[r][0] = _mm512_loadu_ps(dw);
        sum[r][vectors - 1] = _mm512_maskz_loadu_ps(last, dw + (vectors - 1) * WIDTH);
    }
    for (int t = 0; t < c->times; t += 2, x += BLOCK, dy += PANEL) {
        if (fresh_x) pair_blocks(x, from_x, ldx, true, 0xffff);
        if (fresh_dy) {
            _mm512_store_si512(dy, pair_rows(from_dy, lddy, true, 0xffff));
            _mm512_store_si512(dy + WIDTH, pair_rows(from_dy + WIDTH, lddy, true, 0xffff));
        }
        from_x += 2 * ldx, from_dy += 2 * lddy;
        add_outer(sum, rows, vectors, x, dy);
    }
    __asm__("" : "+r"(to)); /* else the compiler keeps all rows' addresses from before the loop */
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++, to += c->lddw) {
        if (vectors == 2) _mm512_storeu_ps(to, sum[r][0]);
        _mm512_mask_storeu_ps(to + (vectors - 1) * WIDTH, last, sum[r][vectors - 1]);
    }
}

INLINE void weights_bf16_panel(const wt_chunk *c, int vectors, __mmask16 last, int o) {
    int i = 0;
    for (; i + BLOCK <= c->in; i += BLOCK) weights_bf16_block(c, BLOCK, vectors, last, false, false, i, o);
    switch (c->in - i) {
    case 1: weights_bf16_block(c, 1, vectors, last, false, false, i, o); break;
    case 2: weights_bf16_block(c, 2, vectors, last, false, false, i, o); break;
    case 3: weights_bf16_block(c, 3, vectors, last, false, false, i, o); break;
    case 4: weights_bf16_block(c, 4, vectors, last, false, false, i, o); break;
    case 5: weights_bf16_block(c, 5, vectors, last, false, false, i, o); break;
    case 6: weights_bf16_block(c, 6, vectors, last, false, false, i, o); break;
    case 7: weights_bf16_block(c, 7, vectors, last, false, false, i, o); break;
    }
}

static void weights_chunk(const wt_chunk *c) {
    for (int i = 0; i < c->in; i += WIDTH) pair_channels(c, i);
    for (int o = 0; o < c->out; o += PANEL) {
        const int columns = min_count(c->out - o, PANEL);
        pair_panel(c, o);
        if (columns == PANEL) {
            weights_bf16_panel(c, 2, 0xffff, o);
        } else if (columns > WIDTH) {
            weights_bf16_panel(c, 2, mask_first_lanes(columns - WIDTH), o);
        } else {
            weights_bf16_panel(c, 1, mask_first_lanes(columns), o);
        }
    }
}

/* The same where there are whole blocks and panels and whole pairs alone. */
static void weights_chunk_of_wholes(const wt_chunk *c) {
    weights_bf16_block(c, BLOCK, 2, 0xffff, true, true, 0, 0);
    weights_bf16_block(c, BLOCK, 2, 0xffff, false, false, BLOCK, 0);
    for (int i = WIDTH; i < c->in; i += WIDTH) {
        weights_bf16_block(c, BLOCK, 2, 0xffff, true, false, i, 0);
        weights_bf16_block(c, BLOCK, 2, 0xffff, false, false, i + BLOCK, 0);
    }
    for (int o = PANEL; o < c->out; o += PANEL) {
        weights_bf16_block(c, BLOCK, 2, 0xffff, false, true, 0, o);
        for (int i = BLOCK; i < c->in; i += BLOCK)
            weights_bf16_block(c, BLOCK, 2, 0xffff, false, false, i, o);
    }
}

void wt_avx512bf16_convolve_weights(float *dw, int lddw, const float *x, int ldx, const float *dy, int lddy,
                                    int rows, int in, int out) {
    alignas(64) uint32_t blocks[STRETCH * PAIRS], panel[PAIRS * PANEL];
    wt_chunk c = {.lddw = lddw, .ldx = ldx, .lddy = lddy, .out = out, .blocks = blocks, .panel = panel};
    for (ptrdiff_t t = 0; t < rows; t += TIMES) {
        c.times = min_count(rows - (int)t, TIMES);
        c.dy = dy + t * lddy;
        for (ptrdiff_t i = 0; i < in; i += STRETCH) {
            c.dw = dw + i * lddw;
            c.x = x + t * ldx + i;
            c.in = min_count(in - (int)i, STRETCH);
            if (c.times % 2 == 0 && c.in % WIDTH == 0 && out % PANEL == 0) {
                weights_chunk_of_wholes(&c);
            } else {
                weights_chunk(&c);
            }
        }
    }
}
