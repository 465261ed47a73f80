/*
 * Stages without barriers between them. All units stand in one order, made once for a shape; threads take them
 * one after the other, and a unit begins when the units that it needs are done. These stand before it, in the
 * hands of threads that never wait for later ones, so that no wait is for ever, and an uneven share of units
 * costs something once a pass, and not once a layer.
 *
 * The order goes deep first: of all units whose needs stand before, the one of the latest stage comes next, so
 * that rows go through the next layers while they are still in the cache, instead of all rows through one
 * layer; but not too deep, since each layer's weights must be there too. It keeps a distance of some units from
 * what a unit needs, for what other threads have at work.
 *
 * A unit's result does not depend on who computes it or when, only on what it needs: the order may be any.
 */
#include <sched.h>

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
    WT_TRY(wt_alloc(&pipeline->place, units, sizeof *pipeline->place, "the order of units"));
    WT_TRY(wt_alloc(&pipeline->done, units, sizeof *pipeline->done, "flags of units"));
    return wt_alloc(&pipeline->next_unit, (size_t)pipeline->count * (size_t)pass->shape.windows,
                    sizeof *pipeline->next_unit, "the order of units");
}

void wt_pipeline_dispose(wt_pipeline *pipeline) {
    wt_free(pipeline->stages);
    wt_free(pipeline->order);
    wt_free(pipeline->place);
    wt_free(pipeline->done);
    wt_free(pipeline->next_unit);
}

/* --- what a unit needs --- */

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

enum {
    WT_NO_PLACE = -1,
    WT_DEPTH = 8, /* stages at work together: their weights must find room in the caches too */
};

/* The first place in the order at which a unit's needs stand before it; WT_NO_PLACE: they don't yet. */
static int wt_earliest_place(const wt_pass *pass, const wt_pipeline *pipeline, const wt_stage *stage,
                             int group, int unit) {
    int earliest = 0;
    for (int n = 0; n < stage->need_count; n++) {
        wt_needed needed = wt_needed_units(pass, pipeline, stage, &stage->needs[n], group, unit);
        for (int g = 0; needed.count && g < needed.groups; g++) {
            /* a group's units stand in order: the last one stands last */
            int place = pipeline->place[needed.first + (size_t)(g * needed.units + needed.count - 1)];
            if (place == WT_NO_PLACE) return WT_NO_PLACE;
            if (place >= earliest) earliest = place + 1;
        }
    }
    return earliest;
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

/* The next one: of the latest stage whose needs stand `distance` before; else the one that waits least. */
static wt_unit wt_choose_unit(const wt_pass *pass, const wt_pipeline *pipeline, int at, int distance) {
    wt_unit best = {-1, 0, 0};
    int best_wait = INT_MAX;
    for (int s = wt_deepest(pass, pipeline); s >= 0 && best_wait > 0; s--) {
        const wt_stage *stage = &pipeline->stages[s];
        int groups = wt_groups(pipeline, stage, pass->shape.windows);
        for (int group = 0; group < groups && best_wait > 0; group++) {
            int unit = pipeline->next_unit[s * pass->shape.windows + group];
            if (unit == stage->units) continue;
            int earliest = wt_earliest_place(pass, pipeline, stage, group, unit);
            if (earliest == WT_NO_PLACE) continue;
            int wait = earliest == 0 || earliest + distance <= at ? 0 : earliest + distance - at;
            if (wait < best_wait) best = (wt_unit){s, group, unit}, best_wait = wait;
        }
    }
    return best;
}

static void wt_make_order(const wt_pass *pass, wt_pipeline *pipeline, int lane_windows) {
    pipeline->lane_windows = lane_windows;
    pipeline->length = 0;
    for (size_t i = 0; i < pipeline->flags; i++) pipeline->place[i] = WT_NO_PLACE;
    for (int i = 0; i < pipeline->count * pass->shape.windows; i++) pipeline->next_unit[i] = 0;
    for (;;) {
        wt_unit unit = wt_choose_unit(pass, pipeline, pipeline->length, 2 * pass->threads - 1);
        if (unit.stage < 0) return;
        const wt_stage *stage = &pipeline->stages[unit.stage];
        pipeline->place[stage->flag + (size_t)(unit.group * stage->units + unit.number)] = pipeline->length;
        pipeline->order[pipeline->length++] = unit;
        pipeline->next_unit[unit.stage * pass->shape.windows + unit.group]++;
    }
}

/* --- running --- */

static void wt_await_unit(const wt_pipeline *pipeline, size_t flag) {
    enum { SPINS = 2000 }; /* some ten microseconds; then another thread may want this core */
    for (int spins = 0; atomic_load_explicit(&pipeline->done[flag], memory_order_acquire) != pipeline->run;
         spins++) {
        if (spins < SPINS) {
            wt_spin_pause();
        } else {
            sched_yield();
        }
    }
}

static void wt_await_needs(const wt_pass *pass, const wt_pipeline *pipeline, const wt_stage *stage, int group,
                           int unit) {
    for (int n = 0; n < stage->need_count; n++) {
        wt_needed needed = wt_needed_units(pass, pipeline, stage, &stage->needs[n], group, unit);
        for (int g = 0; g < needed.groups; g++) {
            for (int i = 0; i < needed.count; i++) {
                wt_await_unit(pipeline, needed.first + (size_t)(g * needed.units + i));
            }
        }
    }
}

bool wt_stage_done(const wt_pipeline *pipeline, int stage, int group) {
    const wt_stage *before = &pipeline->stages[stage];
    size_t flag = before->flag + (size_t)group * (size_t)before->units;
    for (int unit = 0; unit < before->units; unit++) {
        if (atomic_load_explicit(&pipeline->done[flag + (size_t)unit], memory_order_acquire) !=
            pipeline->run) {
            return false;
        }
    }
    return true;
}

static void wt_work_through(wt_pass *pass, wt_pipeline *pipeline, atomic_int *next) {
    for (int i; (i = atomic_fetch_add_explicit(next, 1, memory_order_relaxed)) < pipeline->length;) {
        const wt_unit unit = pipeline->order[i];
        const wt_stage *stage = &pipeline->stages[unit.stage];
        if (unit.group >= wt_groups(pipeline, stage, pass->windows)) continue; /* a call with fewer windows */
        wt_await_needs(pass, pipeline, stage, unit.group, unit.number);
        stage->work(pass, stage, unit.group, unit.number);
        size_t flag = stage->flag + (size_t)unit.group * (size_t)stage->units + (size_t)unit.number;
        atomic_store_explicit(&pipeline->done[flag], pipeline->run, memory_order_release);
        if (pipeline->between && omp_get_thread_num() == 0) pipeline->between(pass);
    }
}

void wt_pipeline_run(wt_pass *pass, wt_pipeline *pipeline, int lane_windows) {
    atomic_int next = 0;
    if (pipeline->lane_windows != lane_windows) wt_make_order(pass, pipeline, lane_windows);
    pipeline->run++;
#pragma omp parallel num_threads(pass->threads)
    wt_work_through(pass, pipeline, &next);
}
