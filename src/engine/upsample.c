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

enum { LANES = 16 };

/* Rows of time of the output, cut at frames: `count` rows from phase r on that read frames f, f + 1 … */
typedef struct {
    int64_t f;
    int r, count;
} stretch_rows;

/* Row 0 of the output's place among the batch's frames. */
static int64_t place_of(const wt_engine *e, const wt_op *o, const wt_tile *tile) {
    return (int64_t)e->batch->phase[e->first + tile->group] + e->batch->context - 1 - wt_left(e, o->output);
}

static stretch_rows next_rows(const wt_engine *e, int64_t place, int64_t left) {
    const int hop = e->graph->framing.hop;
    stretch_rows s = {place / hop, (int)(place % hop), 0};
    s.count = hop - s.r < left ? hop - s.r : (int)left;
    return s;
}

/* The weight of frame f + j at phase r where nothing is learnt. */
static wt_real weight_of(const wt_engine *e, const wt_op *o, int r, int j) {
    if (o->taps == 1) return 1;
    const double share = (double)r / e->graph->framing.hop;
    return (wt_real)(j ? share : 1 - share);
}

static void add_scaled(wt_real *y, const wt_real *x, wt_real weight, int channels) {
    for (int c = 0; c < channels; c++) y[c] += weight * x[c];
}

/* --- forward --- */

static void add_frames(const wt_engine *e, const wt_op *o, const wt_tile *tile, wt_real *y, int channels) {
    const wt_span span = wt_value_span(e, tile, o->output);
    const int64_t place = place_of(e, o, tile) + span.first;
    const wt_real *k = NULL;
    if (o->term_count) k = wt_value_row(e, tile, e->graph->terms[o->first_term].value, 0);
    for (int64_t i = 0; i < span.count;) {
        const stretch_rows s = next_rows(e, place + i, span.count - i);
        const wt_real *x = wt_value_row(e, tile, o->input, wt_left(e, o->input) + s.f);
        if (k) {
            e->kernels->convolve_weights(y, channels, k + s.r, e->graph->framing.hop, x, channels, o->taps,
                                         s.count, channels);
            y += (size_t)s.count * (size_t)channels;
        }
        for (int n = 0; !k && n < s.count; n++, y += channels) {
            for (int j = 0; j < o->taps; j++)
                add_scaled(y, x + j * channels, weight_of(e, o, s.r + n, j), channels);
        }
        i += s.count;
    }
}

static void forward(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const wt_span span = wt_value_span(e, tile, o->output);
    const int channels = wt_value_of(e, o->output)->channels;
    if (span.count <= 0) return;
    wt_real *y = wt_value_row(e, tile, o->output, span.first);
    const int64_t row = span.first - wt_left(e, o->output) - o->add_delay + wt_left(e, o->add);
    const wt_real *a = wt_value_row(e, tile, o->add, row);
    if (a != y) memcpy(y, a, (size_t)span.count * (size_t)channels * sizeof *y);
    if (wt_value_of(e, o->input)->extent == WT_EXTENT_FRAMES) {
        add_frames(e, o, tile, y, channels);
        return;
    }
    const wt_real *x = wt_value_row(e, tile, o->input, 0);
    for (int i = 0; i < span.count; i++, y += channels) add_scaled(y, x, 1, channels);
}

/* --- backward --- */

static wt_real dot(const wt_real *a, const wt_real *b, int count) {
    wt_real lanes[LANES] = {0}, sum = 0;
    int c = 0;
    for (; c + LANES <= count; c += LANES) {
        for (int i = 0; i < LANES; i++) lanes[i] += a[c + i] * b[c + i];
    }
    for (int i = 0; i < LANES; i++) sum += lanes[i];
    for (; c < count; c++) sum += a[c] * b[c];
    return sum;
}

/* dk [hop, taps] += what rows that read the frames x say of it. */
static void add_weights(const wt_engine *e, const wt_op *o, const stretch_rows *s, const wt_real *x,
                        const wt_real *dy, wt_real *dk) {
    const int channels = wt_value_of(e, o->output)->channels;
    (void)e;
    for (int n = 0; n < s->count; n++) {
        for (int j = 0; j < o->taps; j++)
            dk[(s->r + n) * o->taps + j] += dot(dy + (size_t)n * (size_t)channels, x + j * channels,
                                                channels);
    }
}

static void add_back(const wt_engine *e, const wt_op *o, const wt_tile *tile, wt_real *dx, int64_t rows) {
    const int channels = wt_value_of(e, o->output)->channels, taps = o->taps;
    const size_t half = (size_t)taps * (size_t)e->graph->framing.hop;
    const wt_real *k = NULL, *dy = wt_gradient_row(e, tile, o->output, 0);
    wt_real *dk = NULL;
    if (o->term_count) {
        k = wt_value_row(e, tile, e->graph->terms[o->first_term].value, 0) + half;
        dk = wt_row(e, tile, e->plan->ops[o - e->graph->ops].stretch_gradient, 0, (int)(2 * half));
        memset(dk, 0, 2 * half * sizeof *dk);
        dk += half;
    }
    for (int64_t i = 0, place = place_of(e, o, tile); i < rows;) {
        const stretch_rows s = next_rows(e, place + i, rows - i);
        const int64_t frame = wt_left(e, o->input) + s.f;
        wt_real *to = dx + frame * channels;
        if (k) {
            e->kernels->convolve_weights(to, channels, k + s.r * taps, taps, dy, channels, s.count, taps,
                                         channels);
            add_weights(e, o, &s, wt_value_row(e, tile, o->input, frame), dy, dk);
        }
        for (int n = 0; !k && n < s.count; n++) {
            for (int j = 0; j < taps; j++)
                add_scaled(to + j * channels, dy + (size_t)n * (size_t)channels, weight_of(e, o, s.r + n, j),
                           channels);
        }
        dy += (size_t)s.count * (size_t)channels;
        i += s.count;
    }
}

static void backward(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const int channels = wt_value_of(e, o->output)->channels;
    const wt_extent extent = wt_value_of(e, o->input)->extent;
    const int64_t rows = (int64_t)wt_window_targets(e, tile->group) + wt_left(e, o->output);
    const int64_t own = extent == WT_EXTENT_WINDOW
                            ? 1
                            : (int64_t)wt_window_rows(e, extent, tile->group) + wt_left(e, o->input);
    wt_real *dx = wt_gradient_row(e, tile, o->input, 0);
    memset(dx, 0, (size_t)own * (size_t)channels * sizeof *dx);
    if (extent == WT_EXTENT_FRAMES) {
        add_back(e, o, tile, dx, rows);
    } else {
        e->kernels->column_sums(dx, wt_gradient_row(e, tile, o->output, 0), channels, (int)rows, channels);
    }
}

const wt_op_class wt_class_upsample = {
    .flags = WT_PULLED, .elements = 1, .forward = forward, .backward = backward};
