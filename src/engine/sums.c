/*
 * Sums over a microbatch of what its units have made: partial gradients, added in the order of windows and
 * of a window's units, whoever made them; and batch norm's sums, which go on over all microbatches of the
 * step.
 */
#include <string.h>

#include "engine_internal.h"

void wt_microbatch_span(const wt_engine *e, int microbatch, int *first, int *end) {
    const int each = e->microbatch_windows, last = (microbatch + 1) * each;
    *first = e->window_first[microbatch * each];
    *end = e->window_first[last < e->windows ? last : e->windows];
}

int64_t wt_stage_rows(const wt_engine *e, const wt_stage *stage, int group, int64_t *origin) {
    *origin = 0;
    if (stage->extent == WT_EXTENT_TARGETS) {
        int first, end;
        wt_microbatch_span(e, group, &first, &end);
        *origin = first;
        return end - first;
    }
    const int targets = wt_window_targets(e, group);
    if (targets == 0) return 0;
    return stage->extent == WT_EXTENT_TIME ? (int64_t)targets + stage->left : 1;
}

/* The units' sums of a microbatch, one after the other. */
typedef struct {
    const wt_engine *e;
    const wt_stage *stage;
    int group, last, unit, units; /* of the group that it is at */
    int64_t rows;
} unit_walk;

static void begin_group(unit_walk *walk) {
    int64_t origin;
    walk->unit = 0;
    walk->rows = walk->group < walk->last ? wt_stage_rows(walk->e, walk->stage, walk->group, &origin) : 0;
    walk->units = wt_units(walk->rows, walk->stage->unit_rows);
}

static unit_walk begin_walk(const wt_engine *e, const wt_stage *stage, int microbatch) {
    const bool lists = stage->extent == WT_EXTENT_TARGETS;
    unit_walk walk = {.e = e, .stage = stage, .group = microbatch, .last = microbatch + 1};
    if (!lists) {
        walk.group = microbatch * e->microbatch_windows;
        walk.last = walk.group + e->microbatch_windows;
    }
    begin_group(&walk);
    return walk;
}

static wt_real *next_unit(unit_walk *walk) {
    while (walk->unit == walk->units) {
        if (++walk->group >= walk->last) return NULL;
        begin_group(walk);
    }
    return wt_unit_sums(walk->e, walk->stage, walk->group, walk->unit++);
}

/* --- partial gradients --- */

static void add_reals(const wt_engine *e, const wt_stage *stage, int microbatch, size_t at, size_t count,
                      wt_real *total) {
    unit_walk walk = begin_walk(e, stage, microbatch);
    const wt_real *sums = next_unit(&walk);
    if (!sums) memset(total, 0, count * sizeof *total);
    if (sums) memcpy(total, sums + at, count * sizeof *total);
    while (sums && (sums = next_unit(&walk))) e->kernels->add(total, sums + at, count);
}

/* Doubles; over time each unit's are rounded first, as all its partial gradients are. */
static void add_wide(const wt_engine *e, const wt_stage *stage, int microbatch, size_t at, size_t count,
                     wt_real *total) {
    enum { BLOCK = 64 };
    const bool rounded = stage->extent == WT_EXTENT_TIME;
    for (size_t first = 0; first < count; first += BLOCK) {
        const size_t end = count - first < BLOCK ? count - first : BLOCK;
        unit_walk walk = begin_walk(e, stage, microbatch);
        double sum[BLOCK] = {0};
        for (const wt_real *sums; (sums = next_unit(&walk));) {
            const double *moments = (const double *)sums + at + first;
            for (size_t i = 0; i < end; i++)
                sum[i] = rounded ? (double)((wt_real)sum[i] + (wt_real)moments[i]) : sum[i] + moments[i];
        }
        for (size_t i = 0; i < end; i++) total[first + i] = (wt_real)sum[i];
    }
}

/* A chunk of one part: of one microbatch, to all elements of the gradient that it stands for. */
void wt_sum_chunk(void *context, int argument, int microbatch, int unit) {
    const wt_engine *e = context;
    const wt_engine_plan *plan = e->plan;
    const struct wt_chunk *chunk = &plan->chunks[plan->stages[argument].first_chunk + unit];
    const wt_part *part = &plan->parts[chunk->part];
    const wt_share *shares = plan->shares + part->first_share;
    const wt_stage *stage = &plan->stages[part->stage];
    wt_real *total = e->gradients[microbatch] + shares[0].offset + chunk->from;
    (part->wide ? add_wide : add_reals)(e, stage, microbatch, part->at + chunk->from, chunk->count, total);
    for (int n = part->share_count - 1; n >= 0; n--) {
        wt_real *to = e->gradients[microbatch] + shares[n].offset + chunk->from;
        if (n == 0 && shares[n].factor == 1) break;
        for (size_t i = 0; i < chunk->count; i++) to[i] = shares[n].factor * total[i];
    }
}

/* --- batch norm's sums --- */

/* Rows of a value in a microbatch. */
static double value_rows(const wt_engine *e, int value, int microbatch) {
    const wt_value *v = wt_value_of(e, value);
    const int each = e->microbatch_windows;
    double rows = 0;
    if (v->extent == WT_EXTENT_TARGETS) {
        int first, end;
        wt_microbatch_span(e, microbatch, &first, &end);
        return (double)(end - first) * v->rows;
    }
    for (int w = microbatch * each; w < (microbatch + 1) * each; w++)
        rows += wt_window_targets(e, w) ? wt_window_targets(e, w) + v->left : 0;
    return rows;
}

double *wt_reduce_moments(wt_engine *e, int op, const wt_stage *stage, int width) {
    const size_t each = 2 * (size_t)width + 1;
    const int microbatches = wt_units(e->windows, e->microbatch_windows);
    const int output = e->graph->ops[op].output;
    double *sums = e->norm_sums, *total = sums + (size_t)e->shape.windows * (size_t)e->plan->norm_sums;
    memset(sums, 0, (size_t)microbatches * each * sizeof *sums);
    for (int m = 0; m < microbatches; m++) {
        double *own = sums + (size_t)m * each;
        unit_walk walk = begin_walk(e, stage, m);
        for (const wt_real *unit; (unit = next_unit(&walk));) {
            const double *moments = (const double *)unit + e->plan->partial_at[op];
            for (size_t i = 0; i < each - 1; i++) own[i] += moments[i];
        }
        own[each - 1] = value_rows(e, output, m);
    }
    if (e->step.reduce) {
        e->step.reduce(e->step.context, sums, (int)each, total);
        return total;
    }
    memcpy(total, sums, each * sizeof *total);
    for (int m = 1; m < microbatches; m++) {
        for (size_t i = 0; i < each; i++) total[i] += sums[(size_t)m * each + i];
    }
    return total;
}
