/*
 * The gradient by a value that several operators read: one product, whose operands are the gradients by
 * what the readers made, in the order of wt_engine_plan's readers. With x read at a delay,
 *   dx[t] = (Σ_n dy_n[t + delay_n]·W_nᵀ + Σ_m dy_m[t + delay_m])·scale
 * cut where a term begins or ends to have a row; the m are readers that add x as it is. `scale` is that of
 * the product that made x, so what stands there is the gradient by the product's sum.
 */
#include "engine_internal.h"

/* Of one stretch of rows, in which every source either has rows or not. */
typedef struct {
    wt_operand operands[WT_SOURCES];
    const wt_real *added[WT_SOURCES];
    int count, added_count;
    int64_t end;
} stretch;

/* Whether a source has row u of x's rows; brings the stretch's end to where that changes. */
static bool has_row(int64_t u, int64_t from, int64_t to, int64_t *end) {
    if (u < from && from < *end) *end = from;
    if (u < to && to < *end) *end = to;
    return u >= from && u < to;
}

static void find_stretch(const wt_engine *e, int value, const wt_tile *tile, int64_t u, stretch *s) {
    const wt_engine_plan *plan = e->plan;
    const wt_value *x = wt_engine_value(e, value);
    s->count = s->added_count = 0;
    for (int n = plan->values[value].first_reader; n < plan->values[value + 1].first_reader; n++) {
        const wt_reader *reader = &plan->readers[n];
        const wt_op *o = &e->graph->ops[reader->op];
        const wt_value *y = wt_engine_value(e, o->output);
        const bool stretched = e->plan->ops[reader->op].stretch_gradient >= 0;
        const int channels = o->input == value || stretched ? x->channels : y->channels;
        const size_t packed = reader->term < 0 ? SIZE_MAX : plan->terms[reader->term].backward;
        int64_t from = 0, to = INT64_MAX;
        if (x->extent == WT_EXTENT_TIME || x->extent == WT_EXTENT_FRAMES) {
            from = x->left - y->left - reader->delay;
            to = from + wt_engine_window_rows(e, x->extent, tile->group) + y->left;
        }
        if (!has_row(u, from, to, &s->end)) continue;
        const wt_real *dy = wt_engine_row(e, tile, wt_layout_source(e, reader, value), u - from, channels);
        if (packed == SIZE_MAX) {
            s->added[s->added_count++] = dy;
        } else {
            s->operands[s->count++] = (wt_operand){dy, e->packed + packed, channels, channels, NULL};
        }
    }
}

static void add_scaled_rows(wt_real *y, const wt_real *x, size_t count, wt_real scale) {
    for (size_t i = 0; i < count; i++) y[i] += scale * x[i];
}

void wt_gather_call(const wt_engine *e, int value, const wt_tile *tile) {
    const wt_value *x = wt_engine_value(e, value);
    const wt_span span = wt_engine_value_span(e, tile, value);
    const wt_op *producer = &e->graph->ops[x->producer];
    const wt_real scale = producer->kind == WT_OP_PRODUCT ? (wt_real)producer->scale : 1;
    wt_real *dx = wt_engine_gradient_row(e, tile, value, span.first);
    for (int64_t u = span.first; u < span.first + span.count;) {
        stretch s; /* not cleared: it is large */
        s.end = span.first + span.count;
        find_stretch(e, value, tile, u, &s);
        const int rows = (int)(s.end - u);
        const wt_finish finish = {
            .add = s.added_count ? s.added[0] : NULL, .ldadd = x->channels, .scale = scale};
        e->kernels->multiply(dx, x->channels, rows, x->channels, s.operands, s.count, &finish);
        for (int n = 1; n < s.added_count; n++)
            add_scaled_rows(dx, s.added[n], (size_t)rows * (size_t)x->channels, scale);
        dx += (size_t)rows * (size_t)x->channels;
        u = s.end;
    }
}

void wt_gather_scale_call(const wt_engine *e, int value, const wt_tile *tile) {
    const wt_value *x = wt_engine_value(e, value);
    const wt_span span = wt_engine_value_span(e, tile, value);
    const wt_real scale = (wt_real)e->graph->ops[x->producer].scale;
    wt_real *dx = wt_engine_gradient_row(e, tile, value, span.first);
    for (size_t i = 0; i < (size_t)span.count * (size_t)x->channels; i++) dx[i] *= scale;
}
