/*
 * Sums over a microbatch of what its units have made: partial gradients, added in the order of windows and
 * of a window's units, whoever made them; and batch norm's sums, which go on over all microbatches of the
 * step.
 */
#include <string.h>

#include "engine_internal.h"

void wt_engine_microbatch_span(const wt_engine *e, int microbatch, int *first, int *end) {
    *first = e->list.window_first[microbatch * e->microbatch_windows];
    *end = e->list.window_first[wt_engine_microbatch_end(e, microbatch)];
}

int64_t wt_engine_stage_rows(const wt_engine *e, const wt_stage *stage, int group, int64_t *origin) {
    *origin = 0;
    if (stage->extent == WT_EXTENT_TARGETS) {
        int first, end;
        wt_engine_microbatch_span(e, group, &first, &end);
        *origin = first;
        return end - first;
    }
    const int targets = wt_engine_window_targets(e, group);
    if (targets == 0) return 0;
    if (stage->extent == WT_EXTENT_WINDOW) return 1;
    return (int64_t)wt_engine_window_rows(e, stage->extent, group) + stage->left;
}

/* The units of a microbatch, one after the other. */
typedef struct {
    const wt_stage *stage;
    int group, end, unit; /* the next unit, of groups before `end` */
} unit_walk;

static unit_walk begin_walk(const wt_engine *e, const wt_stage *stage, int microbatch) {
    if (stage->extent == WT_EXTENT_TARGETS) return (unit_walk){stage, microbatch, microbatch + 1, 0};
    return (unit_walk){stage, microbatch * e->microbatch_windows, wt_engine_microbatch_end(e, microbatch), 0};
}

/* The next unit's sums; NULL after the last. */
static wt_real *next_sums(const wt_engine *e, unit_walk *walk) {
    for (; walk->group < walk->end; walk->group++, walk->unit = 0) {
        int64_t origin;
        const int64_t rows = wt_engine_stage_rows(e, walk->stage, walk->group, &origin);
        if (walk->unit < wt_tasks_count(rows, walk->stage->unit_rows))
            return wt_engine_task_sums(e, walk->stage, walk->group, walk->unit++);
    }
    return NULL;
}

/* --- partial gradients --- */

static void add_reals(const wt_engine *e, const wt_stage *stage, int microbatch, size_t at, size_t count,
                      wt_real *total) {
    unit_walk walk = begin_walk(e, stage, microbatch);
    const wt_real *sums = next_sums(e, &walk);
    if (!sums) memset(total, 0, count * sizeof *total);
    if (sums) memcpy(total, sums + at, count * sizeof *total);
    while (sums && (sums = next_sums(e, &walk))) e->kernels->flat.add(total, sums + at, count);
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
        for (const wt_real *sums; (sums = next_sums(e, &walk));) {
            const double *moments = (const double *)sums + at + first;
            for (size_t i = 0; i < end; i++)
                sum[i] = rounded ? (double)((wt_real)sum[i] + (wt_real)moments[i]) : sum[i] + moments[i];
        }
        for (size_t i = 0; i < end; i++) total[first + i] = (wt_real)sum[i];
    }
}

/* A chunk of one part, of one microbatch. */
void wt_engine_sum_chunk(void *context, int argument, int microbatch, int unit) {
    const wt_engine *e = context;
    const wt_stage *sums = &e->plan->stages[argument];
    const wt_part *part = &e->plan->parts[sums->first_part];
    for (int chunks; (chunks = wt_tasks_count((int64_t)part->count, WT_SUM_CHUNK)) <= unit; part++)
        unit -= chunks;
    const wt_stage *stage = &e->plan->stages[part->stage];
    const size_t from = (size_t)unit * WT_SUM_CHUNK, rest = part->count - from;
    const size_t count = rest < WT_SUM_CHUNK ? rest : WT_SUM_CHUNK;
    wt_real *total = e->back.gradients[microbatch] + part->offset + from;
    (part->wide ? add_wide : add_reals)(e, stage, microbatch, part->at + from, count, total);
    for (size_t i = 0; part->factor != 1 && i < count; i++) total[i] *= part->factor;
}

/* --- batch norm's sums --- */

/* Rows of a value in a microbatch. */
static double value_rows(const wt_engine *e, int value, int microbatch) {
    const wt_value *v = wt_engine_value(e, value);
    double rows = 0;
    if (v->extent == WT_EXTENT_TARGETS) {
        int first, end;
        wt_engine_microbatch_span(e, microbatch, &first, &end);
        return (double)(end - first) * v->rows;
    }
    for (int w = microbatch * e->microbatch_windows; w < wt_engine_microbatch_end(e, microbatch); w++)
        rows += wt_engine_window_targets(e, w) ? wt_engine_window_targets(e, w) + v->left : 0;
    return rows;
}

double *wt_engine_reduce_moments(wt_engine *e, int op, const wt_stage *stage, int width) {
    const size_t each = 2 * (size_t)width + 1;
    const int microbatches = wt_engine_count_microbatches(e, e->windows),
              most = wt_engine_count_microbatches(e, e->shape.windows);
    const int output = e->graph->ops[op].output;
    double *sums = e->norm_sums, *total = sums + (size_t)most * (size_t)e->plan->norm_sums;
    memset(sums, 0, (size_t)microbatches * each * sizeof *sums);
    for (int m = 0; m < microbatches; m++) {
        double *own = sums + (size_t)m * each;
        unit_walk walk = begin_walk(e, stage, m);
        for (const wt_real *unit; (unit = next_sums(e, &walk));) {
            const double *moments = (const double *)unit + e->plan->ops[op].sums_at;
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
