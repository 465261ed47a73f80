/*
 * Stages without barriers between them. All units stand in one order, made once for a shape; a thread takes the
 * first one that nobody has and whose needs are met. Those of the very first stand before it, in the hands of
 * other threads, so that no wait is for ever, and an uneven share of units or a core that others use too costs
 * something once a pass, and not once a layer.
 *
 * The order goes deep first: of all units whose needs stand before, the one of the latest stage comes next, so
 * that rows go through the next layers while they are still in the cache, instead of all rows through one
 * layer; but not too deep, since each layer's weights must be there too.
 *
 * A unit's result does not depend on who computes it or when, only on what it needs: the order may be any.
 * Where a stage ends with a sum over all lanes of the step (batch norm), stages run in turn instead.
 */
#include <sched.h>
#include <string.h>

#include "pass_internal.h"
#include "wavetrain/memory.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define wt_spin_pause _mm_pause
#else
static inline void wt_spin_pause(void) {
}
#endif

/* --- stages --- */

int wt_pipeline_add(wt_pass *pass, wt_pipeline *pipeline, wt_stage stage) {
    if (stage.unit_rows) stage.units = wt_units((int64_t)pass->shape.targets + stage.lead, stage.unit_rows);
    stage.flag = pipeline->flags;
    pipeline->flags += (size_t)stage.units * (size_t)pass->shape.windows;
    pipeline->stages[pipeline->count] = stage;
    return pipeline->count++;
}

void wt_pipeline_need(wt_pipeline *pipeline, int stage, int needed, int64_t reach) {
    wt_stage *needs = &pipeline->stages[stage];
    needs->needs[needs->need_count++] = (wt_need){needed, reach};
}

wt_status wt_pipeline_create(wt_pass *pass, wt_pipeline *pipeline) {
    size_t units = pipeline->flags;
    pipeline->lane_windows = 0;
    WT_TRY(wt_alloc(&pipeline->order, units, sizeof *pipeline->order, "the order of units"));
    WT_TRY(wt_alloc(&pipeline->placed, units, sizeof *pipeline->placed, "the order of units"));
    WT_TRY(wt_alloc(&pipeline->done, units, sizeof *pipeline->done, "flags of units"));
    WT_TRY(wt_alloc(&pipeline->taken, units, sizeof *pipeline->taken, "flags of units"));
    return wt_alloc(&pipeline->next_unit, (size_t)pipeline->count * (size_t)pass->shape.windows,
                    sizeof *pipeline->next_unit, "the order of units");
}

void wt_pipeline_dispose(wt_pipeline *pipeline) {
    wt_free(pipeline->stages);
    wt_free(pipeline->order);
    wt_free(pipeline->placed);
    wt_free(pipeline->done);
    wt_free(pipeline->taken);
    wt_free(pipeline->next_unit);
}

/* --- what a unit needs --- */

static int wt_least(int a, int b) {
    return a < b ? a : b;
}

/* Units first … first+count−1 of one group (a window, or a lane) after the other: flags that must be set. */
typedef struct {
    size_t first;
    int count, groups, units;
} wt_needed;

/* Of a stage that other units of window or lane `group` need. */
static wt_needed wt_needed_units(const wt_pass *pass, const wt_pipeline *pipeline, const wt_stage *stage,
                                 const wt_need *need, int group, int unit) {
    const wt_stage *before = &pipeline->stages[need->stage];
    int first = group, groups = 1, count = before->units;
    if (stage->of_lanes && !before->of_lanes)
        first = group * pipeline->lane_windows, groups = pipeline->lane_windows;
    if (!stage->of_lanes && before->of_lanes) first = group / pipeline->lane_windows;
    if (need->reach != WT_ALL_ROWS) {
        int64_t rows = (int64_t)pass->shape.targets + before->lead;
        int64_t end = (int64_t)(unit + 1) * stage->unit_rows,
                own = (int64_t)pass->shape.targets + stage->lead;
        end = (end < own ? end : own) + need->reach;
        count = wt_units(end < rows ? end : rows, before->unit_rows);
    }
    return (wt_needed){before->flag + (size_t)first * (size_t)before->units, count, groups, before->units};
}

/* --- the order --- */

enum { WT_DEPTH = 4 }; /* stages at work together: their weights must find room in the caches too */

/* Whether all that a unit needs stands in the order; a group's units stand there in theirs. */
static bool wt_needs_placed(const wt_pass *pass, const wt_pipeline *pipeline, const wt_stage *stage,
                            int group, int unit) {
    for (int n = 0; n < stage->need_count; n++) {
        wt_needed needed = wt_needed_units(pass, pipeline, stage, &stage->needs[n], group, unit);
        for (int g = 0; needed.count && g < needed.groups; g++) {
            if (!pipeline->placed[needed.first + (size_t)(g * needed.units + needed.count - 1)]) return false;
        }
    }
    return true;
}

static int wt_groups(const wt_pipeline *pipeline, const wt_stage *stage, int windows) {
    return stage->of_lanes ? windows / pipeline->lane_windows : windows;
}

/* The latest stage that may be at work beside the first one that is not finished. */
static int wt_deepest(const wt_pass *pass, const wt_pipeline *pipeline) {
    int first = 0;
    for (; first < pipeline->count; first++) {
        const wt_stage *stage = &pipeline->stages[first];
        const int *next = pipeline->next_unit + first * pass->shape.windows;
        int group = 0, groups = wt_groups(pipeline, stage, pass->shape.windows);
        while (group < groups && next[group] == stage->units) group++;
        if (group < groups) break;
    }
    return first + WT_DEPTH <= pipeline->count ? first + WT_DEPTH - 1 : pipeline->count - 1;
}

static wt_unit wt_choose_unit(const wt_pass *pass, const wt_pipeline *pipeline) {
    for (int s = wt_deepest(pass, pipeline); s >= 0; s--) {
        const wt_stage *stage = &pipeline->stages[s];
        int groups = wt_groups(pipeline, stage, pass->shape.windows);
        for (int group = 0; group < groups; group++) {
            int unit = pipeline->next_unit[s * pass->shape.windows + group];
            if (unit < stage->units && wt_needs_placed(pass, pipeline, stage, group, unit)) {
                return (wt_unit){s, group, unit};
            }
        }
    }
    return (wt_unit){-1, 0, 0};
}

static void wt_make_order(const wt_pass *pass, wt_pipeline *pipeline, int lane_windows) {
    pipeline->lane_windows = lane_windows;
    pipeline->length = 0;
    memset(pipeline->placed, 0, pipeline->flags * sizeof *pipeline->placed);
    memset(pipeline->next_unit, 0,
           (size_t)pipeline->count * (size_t)pass->shape.windows * sizeof *pipeline->next_unit);
    for (;;) {
        wt_unit unit = wt_choose_unit(pass, pipeline);
        if (unit.stage < 0) return;
        const wt_stage *stage = &pipeline->stages[unit.stage];
        pipeline->placed[stage->flag + (size_t)(unit.group * stage->units + unit.number)] = true;
        pipeline->order[pipeline->length++] = unit;
        pipeline->next_unit[unit.stage * pass->shape.windows + unit.group]++;
    }
}

/* --- running --- */

static bool wt_unit_done(const wt_pipeline *pipeline, size_t flag) {
    return atomic_load_explicit(&pipeline->done[flag], memory_order_acquire) == pipeline->run;
}

/* Of a window that the call has not: there is nothing to do. */
static bool wt_unit_absent(const wt_pass *pass, const wt_pipeline *pipeline, const wt_unit *unit) {
    return unit->group >= wt_groups(pipeline, &pipeline->stages[unit->stage], pass->windows);
}

static bool wt_needs_met(const wt_pass *pass, const wt_pipeline *pipeline, const wt_unit *unit) {
    const wt_stage *stage = &pipeline->stages[unit->stage];
    if (wt_unit_absent(pass, pipeline, unit)) return true;
    for (int n = 0; n < stage->need_count; n++) {
        wt_needed needed = wt_needed_units(pass, pipeline, stage, &stage->needs[n], unit->group,
                                           unit->number);
        for (int g = 0; g < needed.groups; g++) {
            for (int i = needed.count - 1; i >= 0; i--) { /* the last is the likeliest to miss */
                if (!wt_unit_done(pipeline, needed.first + (size_t)(g * needed.units + i))) return false;
            }
        }
    }
    return true;
}

bool wt_stage_done(const wt_pipeline *pipeline, int stage, int group) {
    const wt_stage *before = &pipeline->stages[stage];
    size_t flag = before->flag + (size_t)group * (size_t)before->units;
    for (int unit = 0; unit < before->units; unit++) {
        if (!wt_unit_done(pipeline, flag + (size_t)unit)) return false;
    }
    return true;
}

/* Takes the first unit in the order that is still to be had and whose needs are met. Returns its place, or the length
 * when all are taken. */
static int wt_take_unit(const wt_pass *pass, wt_pipeline *pipeline, atomic_int *first) {
    enum { SPINS = 200, AHEAD = 32 }; /* some hundred microseconds; then another thread may want this core */
    for (int spins = 0;; spins++) {
        int place = atomic_load_explicit(first, memory_order_relaxed);
        const int before = place;
        while (place < pipeline->length &&
               atomic_load_explicit(&pipeline->taken[place], memory_order_relaxed) == pipeline->run) {
            place++;
        }
        if (place != before) atomic_store_explicit(first, place, memory_order_relaxed); /* a hint */
        if (place == pipeline->length) return place;
        for (int end = wt_least(place + AHEAD * pass->threads, pipeline->length); place < end; place++) {
            atomic_uint *taken = &pipeline->taken[place];
            if (atomic_load_explicit(taken, memory_order_relaxed) != pipeline->run &&
                wt_needs_met(pass, pipeline, &pipeline->order[place]) &&
                atomic_exchange_explicit(taken, pipeline->run, memory_order_relaxed) != pipeline->run) {
                return place;
            }
        }
        if (spins < SPINS) {
            wt_spin_pause();
        } else {
            sched_yield();
        }
    }
}

static void wt_work_through(wt_pass *pass, wt_pipeline *pipeline, atomic_int *first) {
    for (int place; (place = wt_take_unit(pass, pipeline, first)) < pipeline->length;) {
        const wt_unit unit = pipeline->order[place];
        const wt_stage *stage = &pipeline->stages[unit.stage];
        if (wt_unit_absent(pass, pipeline, &unit)) continue;
        stage->work(pass, stage, unit.group, unit.number);
        size_t flag = stage->flag + (size_t)unit.group * (size_t)stage->units + (size_t)unit.number;
        atomic_store_explicit(&pipeline->done[flag], pipeline->run, memory_order_release);
        if (pipeline->between && omp_get_thread_num() == 0) pipeline->between(pass);
    }
}

static void wt_run_unit(wt_pass *pass, wt_pipeline *pipeline, const wt_stage *stage, int i) {
    stage->work(pass, stage, i / stage->units, i % stage->units);
    atomic_store_explicit(&pipeline->done[stage->flag + (size_t)i], pipeline->run, memory_order_release);
}

/* One stage after the other. */
static void wt_run_in_turn(wt_pass *pass, wt_pipeline *pipeline, int lane_windows) {
    pipeline->lane_windows = lane_windows;
    for (int s = 0; s < pipeline->count; s++) {
        const wt_stage *stage = &pipeline->stages[s];
        const int units = stage->units * wt_groups(pipeline, stage, pass->windows);
#pragma omp parallel for schedule(dynamic) num_threads(pass->threads) if (units > 1)
        for (int i = 0; i < units; i++) wt_run_unit(pass, pipeline, stage, i);
        if (stage->after) stage->after(pass, stage);
    }
}

void wt_pipeline_run(wt_pass *pass, wt_pipeline *pipeline, int lane_windows) {
    atomic_int first = 0;
    if (!pipeline->in_turn && pipeline->lane_windows != lane_windows)
        wt_make_order(pass, pipeline, lane_windows);
    pipeline->run++;
    if (pipeline->in_turn) {
        wt_run_in_turn(pass, pipeline, lane_windows);
        return;
    }
#pragma omp parallel num_threads(pass->threads)
    wt_work_through(pass, pipeline, &first);
}
