/*
 * Weights' gradients with the sums held in registers: IN_ROWS input channels by PANEL columns, over a chunk
 * of times. As in product_kernels.c an element is one chain of fused multiply-adds, over the times in order,
 * and where the last columns are few, vectors hold input channels. Compiled once for each vector unit with
 * fused multiply-adds.
 */
#include "product_blocks.h"

/* --- dw += xᵀ·dy --- */

/* A chunk of times, and a panel of columns from where dw and dy stand, the last vector of `last` lanes.
 * `kept`, or NULL: [times, PANEL], dy's panel as the first block of input channels leaves it for the
 * others. */
typedef struct {
    float *dw;
    const float *x, *dy;
    float *kept;
    ptrdiff_t lddw, ldx, lddy;
    int times, in, last;
} gradient;

enum { AHEAD = 24 }; /* rows between the one at work and the one that is asked for */

typedef enum { DY, DY_KEEPING, DY_KEPT } source;

INLINE void add_time(vector sum[IN_ROWS][2], int rows, int vectors, const float *x, const vector d[2]) {
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
        const vector value = vector_of(x[r]);
        for (int v = 0; v < vectors; v++) sum[r][v] = vector_fused(value, d[v], sum[r][v]);
    }
}

/* `rows` input channels from i on by the panel's columns, over all times. The next block's sums are asked
 * for: they may be far away. */
INLINE void weights_block(const gradient *g, int rows, int vectors, bool whole, source from, ptrdiff_t i) {
    const ptrdiff_t ldx = g->ldx, lddy = from == DY_KEPT ? PANEL : g->lddy;
    const float *x = g->x + i, *dy = from == DY_KEPT ? g->kept : g->dy;
    float *dw = g->dw + i * g->lddw, *kept = g->kept;
    vector sum[IN_ROWS][2];
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            sum[r][v] = load_columns(dw + r * g->lddw + v * WIDTH, whole || v < vectors - 1, g->last);
            __builtin_prefetch(dw + (rows + r) * g->lddw + v * WIDTH, 1);
        }
    }
#pragma GCC unroll 4
    for (int t = 0; t < g->times; t++, x += ldx, dy += lddy) {
        vector d[2];
        __builtin_prefetch(x + AHEAD * ldx);
        for (int v = 0; v < vectors; v++) {
            d[v] = load_columns(dy + v * WIDTH, whole || v < vectors - 1, g->last);
            if (from == DY_KEEPING) vector_store(kept + v * WIDTH, d[v]);
        }
        if (from == DY_KEEPING) kept += PANEL;
        add_time(sum, rows, vectors, x, d);
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++)
            store_columns(dw + r * g->lddw + v * WIDTH, sum[r][v], whole || v < vectors - 1, g->last);
    }
}

INLINE void weights_panel(const gradient *g, int vectors, bool whole) {
    const bool keeps = g->kept && whole && vectors == 2 && g->in > 2 * IN_ROWS;
    ptrdiff_t i = 0;
    if (keeps) {
        weights_block(g, IN_ROWS, vectors, whole, DY_KEEPING, 0);
        for (i = IN_ROWS; i + IN_ROWS <= g->in; i += IN_ROWS)
            weights_block(g, IN_ROWS, vectors, whole, DY_KEPT, i);
    }
    for (; i + IN_ROWS <= g->in; i += IN_ROWS) weights_block(g, IN_ROWS, vectors, whole, DY, i);
#define BLOCK(n)                                                                       \
    case n:                                                                            \
        if (n < IN_ROWS) weights_block(g, n < IN_ROWS ? n : 1, vectors, whole, DY, i); \
        break
    switch (g->in - i) { EACH_TO_12(BLOCK); }
#undef BLOCK
}

/* Few columns, four or eight, would leave most of a vector unused: there the vectors hold input channels. */
INLINE void weights_few_block(const gradient *g, int columns, int vectors, int last, ptrdiff_t i) {
    const bool whole = last == WIDTH;
    const float *x = g->x + i, *dy = g->dy;
    float *dw = g->dw + i * g->lddw;
    vector sum[2][FEW];
    for (int v = 0; v < vectors; v++) {
        for (int c = 0; c < columns; c += 4) {
            for (int k = 0; k < 4; k++) {
                sum[v][c + k] = vector_load_fours(dw + (v * WIDTH + k) * g->lddw + c, g->lddw,
                                                  v < vectors - 1 ? WIDTH - k : last - k);
            }
            turn_fours(&sum[v][c]);
        }
    }
    for (int t = 0; t < g->times; t++, x += g->ldx, dy += g->lddy) {
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
                vector_store_fours(dw + (v * WIDTH + k) * g->lddw + c, g->lddw, sum[v][c + k],
                                   v < vectors - 1 ? WIDTH - k : last - k);
            }
        }
    }
}

INLINE void weights_few_columns(const gradient *g, int columns) {
    ptrdiff_t i = 0;
    for (; i + PANEL <= g->in; i += PANEL) weights_few_block(g, columns, 2, WIDTH, i);
    const int left = g->in - (int)i;
    if (left > WIDTH) {
        weights_few_block(g, columns, 2, left - WIDTH, i);
    } else if (left > 0) {
        weights_few_block(g, columns, 1, left, i);
    }
}

static void weights_few(const gradient *g) {
    if (g->last == 4) {
        weights_few_columns(g, 4);
    } else {
        weights_few_columns(g, FEW);
    }
}

/* A chunk's columns from o on. */
static void weights_columns(gradient *g, int columns) {
    g->last = columns > WIDTH ? columns - WIDTH : columns;
    if (columns >= PANEL) {
        weights_panel(g, 2, true);
    } else if (columns == WIDTH) {
        weights_panel(g, 1, true);
    } else if (g->last == 4 || g->last == FEW) {
        if (columns > WIDTH) {
            weights_panel(g, 1, true);
            g->dw += WIDTH, g->dy += WIDTH;
        }
        weights_few(g);
    } else if (columns > WIDTH) {
        weights_panel(g, 2, false);
    } else {
        weights_panel(g, 1, false);
    }
}

/*
 * Times in chunks, so that a panel of dy stays in the first caches over all input channels. Storing a sum and
 * loading it again changes no bit of it. Rows of FAR floats or more are so far apart that those of a panel
 * compete for a few places of the first cache: there chunks are shorter, and the panel is kept together.
 */
enum { TIMES = 384, FAR_TIMES = 192, FAR = 256 };

void NAME(_convolve_weights)(float *dw, int lddw, const float *x, int ldx, const float *dy, int lddy,
                             int rows, int in, int out) {
    _Alignas(64) float kept[FAR_TIMES * PANEL];
    const bool far = lddy >= FAR;
    const int most = far ? FAR_TIMES : TIMES;
    for (ptrdiff_t t = 0; t < rows; t += most) {
        for (ptrdiff_t o = 0; o < out; o += PANEL) {
            gradient g = {.dw = dw + o,
                          .x = x + t * ldx,
                          .dy = dy + t * lddy + o,
                          .kept = far ? kept : NULL,
                          .lddw = lddw,
                          .ldx = ldx,
                          .lddy = lddy,
                          .times = rows - (int)t < most ? rows - (int)t : most,
                          .in = in};
            weights_columns(&g, out - (int)o);
        }
    }
}
