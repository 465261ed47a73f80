/*
 * A condition is added to rows of time: frames, each sample's weighted by its place among them, or the one
 * row of a window. With a sample's place q = phase + (rows since the batch's first), f = ⌊q/hop⌋ and
 * r = q mod hop:
 *   y[t] = a[t] + Σ_j k[r][j]·x[f + j]
 * An upsampling that acts on time alone and alike on all channels commutes with the 1×1 product in front of
 * it, which is therefore made per frame. The gradients by x and k are made window by window where x was made,
 * from the rows of dy, which are that by a too:
 *   dx[f + j] += k[r][j]·dy[t],   dk[r][j] += Σ_c dy[t, c]·x[f + j, c]
 */
#include <string.h>

#include "operators.h"

enum { CHUNK = 64 }; /* rows that two frames' weights are made for at a time */

/* Rows of time of the output, cut at frames: `count` rows from phase r on that read frames f, f + 1 … */
typedef struct {
    int64_t f;
    int r, count;
} stretch_rows;

/* Row 0 of the output's place among the batch's frames. */
static int64_t find_first_place(const wt_engine *e, const wt_op *o, const wt_tile *tile) {
    return (int64_t)e->batch->phase[e->first + tile->group] + e->batch->context - 1 -
           wt_engine_left(e, o->output);
}

static stretch_rows next_rows(const wt_engine *e, const wt_op *o, int64_t place, int64_t left) {
    const int hop = e->graph->framing.hop;
    const bool chunks = o->term_count == 0 && o->taps > 1;
    stretch_rows s = {place / hop, (int)(place % hop), 0};
    s.count = hop - s.r < left ? hop - s.r : (int)left;
    if (chunks && s.count > CHUNK) s.count = CHUNK;
    return s;
}

/* The weight of frame f + j at phase r where lines are drawn. */
static wt_real line_weight(const wt_engine *e, int r, int j) {
    const double share = (double)r / e->graph->framing.hop;
    return (wt_real)(j ? share : 1 - share);
}

static const wt_real *find_weights(const wt_engine *e, const wt_op *o, const wt_tile *tile) {
    return o->term_count ? wt_engine_value_row(e, tile, e->graph->terms[o->first_term].value, 0) : NULL;
}

/* --- forward --- */

/* Channels first … first + count − 1 of all that rows have. */
typedef struct {
    int all, first, count;
} channel_range;

static void add_upsampled_rows(const wt_engine *e, wt_real *y, const wt_real *x, int64_t rows,
                               const channel_range *c) {
    for (int64_t i = 0; i < rows; i++, y += c->all)
        e->kernels->flat.add(y + c->first, x + c->first, (size_t)c->count);
}

/* `k` [taps][ld] begins with the weights of `y`, the first of `rows` rows. */
typedef struct {
    wt_real *y;
    const wt_real *x, *k;
    int rows, ld;
} weighted_rows;

static void add_weighted(const wt_engine *e, const wt_op *o, const weighted_rows *w, const channel_range *c) {
    e->kernels->convolve_weights(w->y + c->first, c->all, w->k, w->ld, w->x + c->first, c->all, o->taps,
                                 w->rows, c->count);
}

static void add_lines(const wt_engine *e, const wt_op *o, const weighted_rows *rows, int r,
                      const channel_range *c) {
    wt_real k[2 * CHUNK];
    weighted_rows w = *rows;
    for (int n = 0; n < w.rows; n++) {
        k[n] = line_weight(e, r + n, 0);
        k[CHUNK + n] = line_weight(e, r + n, 1);
    }
    w.k = k;
    w.ld = CHUNK;
    add_weighted(e, o, &w, c);
}

static void add_frames(const wt_engine *e, const wt_op *o, const wt_tile *tile, wt_real *y,
                       const wt_span *span, const channel_range *c) {
    const int64_t place = find_first_place(e, o, tile) + span->first;
    const wt_real *k = find_weights(e, o, tile);
    for (int64_t i = 0; i < span->count;) {
        const stretch_rows s = next_rows(e, o, place + i, span->count - i);
        const wt_real *x = wt_engine_value_row(e, tile, o->input, wt_engine_left(e, o->input) + s.f);
        const weighted_rows w = {y, x, k ? k + s.r : NULL, s.count, e->graph->framing.hop};
        if (k) {
            add_weighted(e, o, &w, c);
        } else if (o->taps > 1) {
            add_lines(e, o, &w, s.r, c);
        } else {
            add_upsampled_rows(e, y, x, s.count, c);
        }
        y += (size_t)s.count * (size_t)c->all;
        i += s.count;
    }
}

/* To rows of one window. */
static void add_condition(const wt_engine *e, const wt_op *o, const wt_tile *tile, wt_real *y, int64_t first,
                          const channel_range *c) {
    wt_span span = wt_engine_value_span(e, tile, o->output);
    span.first = first;
    if (wt_engine_value(e, o->input)->extent == WT_EXTENT_FRAMES) {
        add_frames(e, o, tile, y, &span, c);
    } else {
        add_upsampled_rows(e, y, wt_engine_value_row(e, tile, o->input, 0), span.count, c);
    }
}

void wt_upsample_find(const wt_engine *e, int op, int row, wt_gate_condition *condition) {
    const wt_op *o = &e->graph->ops[op];
    const wt_tile tile = {.stage = &e->plan->stages[e->plan->ops[op].stage], .group = row, .count = 1};
    const int channels = wt_engine_value(e, o->output)->channels;
    *condition = (wt_gate_condition){
        .own = {1}, .count = o->taps, .ldx = channels, .ldk = 1, .apart = channels / 2};
    condition->k = condition->own;
    if (wt_engine_value(e, o->input)->extent != WT_EXTENT_FRAMES) {
        condition->count = 1;
        condition->x = wt_engine_value_row(e, &tile, o->input, 0);
        return;
    }
    const stretch_rows s = next_rows(e, o, find_first_place(e, o, &tile), 1);
    const wt_real *k = find_weights(e, o, &tile);
    condition->x = wt_engine_value_row(e, &tile, o->input, wt_engine_left(e, o->input) + s.f);
    if (k) {
        condition->k = k + s.r;
        condition->ldk = e->graph->framing.hop;
    } else if (o->taps > 1) {
        for (int j = 0; j < o->taps; j++) condition->own[j] = line_weight(e, s.r, j);
    }
}

static void share_upsample(const wt_engine *e, int op, const wt_tile *tile, int first, int count) {
    const wt_op *o = &e->graph->ops[op];
    const wt_span span = wt_engine_value_span(e, tile, o->output);
    const channel_range c = {wt_engine_value(e, o->output)->channels, first, count};
    if (span.count <= 0) return;
    wt_real *y = wt_engine_value_row(e, tile, o->output, span.first);
    const int64_t row = span.first - wt_engine_left(e, o->output) - o->add_delay + wt_engine_left(e, o->add);
    const wt_real *a = wt_engine_value_row(e, tile, o->add, row);
    for (int i = 0; a != y && i < span.count; i++) {
        const size_t at = (size_t)i * (size_t)c.all + (size_t)first;
        memcpy(y + at, a + at, (size_t)count * sizeof *y);
    }
    if (e->streams) { /* rows are streams, a window each */
        wt_tile own = *tile;
        own.count = 1;
        for (; own.group < span.count; own.group++, y += c.all) add_condition(e, o, &own, y, span.first, &c);
    } else {
        add_condition(e, o, tile, y, span.first, &c);
    }
}

static void forward_upsample(const wt_engine *e, int op, const wt_tile *tile) {
    share_upsample(e, op, tile, 0, wt_engine_value(e, e->graph->ops[op].output)->channels);
}

/* --- backward --- */

/* dk [hop, taps] += what rows that read the frames x say of it: a product by x transposed, packed behind
 * dk. */
static void add_weights_back(const wt_engine *e, const wt_op *o, const stretch_rows *s, const wt_real *x,
                             const wt_real *dy, wt_real *dk, wt_real *packed) {
    const int channels = wt_engine_value(e, o->output)->channels;
    wt_real *to = dk + (ptrdiff_t)s->r * o->taps;
    const wt_operand operand = {dy, packed, channels, channels, NULL};
    const wt_finish finish = {.add = to, .ldadd = o->taps, .scale = 1};
    e->kernels->pack(packed, x, channels, o->taps, true, 1);
    e->kernels->multiply(to, o->taps, s->count, o->taps, &operand, 1, &finish);
}

static void add_lines_back(const wt_engine *e, wt_real *dx, const wt_real *dy, const stretch_rows *s,
                           int channels) {
    wt_real k[2 * CHUNK];
    for (int n = 0; n < s->count; n++) {
        k[2 * n] = line_weight(e, s->r + n, 0);
        k[2 * n + 1] = line_weight(e, s->r + n, 1);
    }
    e->kernels->convolve_weights(dx, channels, k, 2, dy, channels, s->count, 2, channels);
}

static void add_back(const wt_engine *e, const wt_op *o, const wt_tile *tile, wt_real *dx, int64_t rows) {
    const int channels = wt_engine_value(e, o->output)->channels, taps = o->taps;
    const size_t half = (size_t)taps * (size_t)e->graph->framing.hop;
    const wt_real *k = find_weights(e, o, tile), *dy = wt_engine_gradient_row(e, tile, o->output, 0);
    wt_real *dk = NULL;
    if (k) {
        dk = wt_engine_row(e, tile, e->plan->ops[o - e->graph->ops].stretch_gradient, 0, 1);
        memset(dk, 0, 2 * half * sizeof *dk);
    }
    for (int64_t i = 0, place = find_first_place(e, o, tile); i < rows;) {
        const stretch_rows s = next_rows(e, o, place + i, rows - i);
        const int64_t frame = wt_engine_left(e, o->input) + s.f;
        wt_real *to = dx + frame * channels;
        if (k) {
            e->kernels->convolve_weights(to, channels, k + half + s.r * taps, taps, dy, channels, s.count,
                                         taps, channels);
            add_weights_back(e, o, &s, wt_engine_value_row(e, tile, o->input, frame), dy, dk + half,
                             dk + 2 * half);
        } else if (taps > 1) {
            add_lines_back(e, to, dy, &s, channels);
        } else {
            e->kernels->column_sums(to, dy, channels, s.count, channels);
        }
        dy += (size_t)s.count * (size_t)channels;
        i += s.count;
    }
}

static void backward_upsample(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const int channels = wt_engine_value(e, o->output)->channels;
    const wt_extent extent = wt_engine_value(e, o->input)->extent;
    const int64_t rows = (int64_t)wt_engine_window_targets(e, tile->group) + wt_engine_left(e, o->output);
    const int64_t own = extent == WT_EXTENT_WINDOW ? 1
                                                   : (int64_t)wt_engine_window_rows(e, extent, tile->group) +
                                                         wt_engine_left(e, o->input);
    wt_real *dx = wt_engine_gradient_row(e, tile, o->input, 0);
    memset(dx, 0, (size_t)own * (size_t)channels * sizeof *dx);
    if (extent == WT_EXTENT_FRAMES) {
        add_back(e, o, tile, dx, rows);
    } else {
        e->kernels->column_sums(dx, wt_engine_gradient_row(e, tile, o->output, 0), channels, (int)rows,
                                channels);
    }
}

const wt_op_class wt_class_upsample = {.flags = WT_PULLED,
                                       .elements = 1,
                                       .forward = forward_upsample,
                                       .share = share_upsample,
                                       .backward = backward_upsample};
