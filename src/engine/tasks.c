/*
 * Stages without barriers between them. All units stand in one order, made once for a shape; a thread takes
 * the first one that nobody has and whose needs are met. Those of the very first stand before it, in the
 * hands of other threads, so that no wait is for ever, and an uneven share of units or a core that others
 * use too costs something once per run, and not once per layer.
 *
 * The order goes deep first: of all units whose needs stand before, the one of the latest stage comes next,
 * so that rows go through the next layers while they are still in the cache, instead of all rows through
 * one layer; but not too deep, since each layer's weights must be there too.
 *
 * A unit's result does not depend on who computes it or when, only on what it needs: the order may be any.
 * Where a stage ends with a sum over all microbatches of the step (batch norm), and where there is too
 * little work to share, stages run in turn instead.
 */
#include "tasks.h"

#include <omp.h>
#include <sched.h>
#include <string.h>

#include "wavetrain/memory.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define spin_pause _mm_pause
#else
static inline void spin_pause(void) {
}
#endif

/* --- stages --- */

wt_status wt_tasks_create(wt_tasks *tasks, int stages, int windows) {
    const size_t count = (size_t)stages;
    *tasks = (wt_tasks){.capacity = stages, .windows = windows};
    WT_TRY(wt_alloc(&tasks->stages, count, sizeof *tasks->stages, "stages"));
    return wt_alloc(&tasks->implied, count * count, sizeof *tasks->implied, "stages");
}

void wt_tasks_dispose(wt_tasks *tasks) {
    wt_free(tasks->stages);
    wt_free(tasks->needs);
    wt_free(tasks->implied);
    wt_free(tasks->order);
    wt_free(tasks->placed);
    wt_free(tasks->done);
    wt_free(tasks->taken);
    wt_free(tasks->next_unit);
}

int wt_tasks_add(wt_tasks *tasks, const wt_task_stage *stage) {
    wt_task_stage *added = &tasks->stages[tasks->count];
    const size_t windows = (size_t)tasks->windows;
    *added = *stage;
    added->first_need = tasks->need_count;
    added->flag = tasks->flags;
    if (!stage->unit_rows) {
        tasks->flags += (size_t)stage->units * windows;
    } else if (stage->of_microbatches) { /* each may have an odd unit */
        tasks->flags += windows * (size_t)(2 * stage->rows_per_window / stage->unit_rows + 2);
    } else {
        tasks->flags += windows * (size_t)wt_units(stage->rows, stage->unit_rows);
    }
    for (int s = 0; s < tasks->capacity; s++) tasks->implied[tasks->count * tasks->capacity + s] = INT32_MIN;
    return tasks->count++;
}

wt_status wt_tasks_need(wt_tasks *tasks, int needed, int32_t reach) {
    const int number = tasks->count - 1;
    wt_task_stage *stage = &tasks->stages[number];
    const wt_task_stage *before = &tasks->stages[needed];
    int32_t *implied = tasks->implied + number * tasks->capacity;
    const int32_t *further = tasks->implied + needed * tasks->capacity;
    const wt_need need = {needed, reach};
    if (implied[needed] >= reach) return WT_OK;
    WT_TRY(wt_append(&tasks->needs, &tasks->need_count, &need, sizeof need, "stages"));
    stage->need_count++;
    implied[needed] = reach;
    if (reach == WT_ALL_ROWS || reach < 0) return WT_OK; /* below 0 some units need nothing of it */
    for (int s = 0; s < needed; s++) {
        if (further[s] == INT32_MIN || further[s] == WT_ALL_ROWS) continue;
        /* all rows of the stage in between need not need all rows of the first */
        if (stage->rows + reach > before->rows && before->rows + further[s] < tasks->stages[s].rows) continue;
        if (further[s] + reach > implied[s]) implied[s] = further[s] + reach;
    }
    return WT_OK;
}

wt_status wt_tasks_prepare(wt_tasks *tasks) {
    const size_t units = tasks->flags;
    WT_TRY(wt_alloc(&tasks->order, units, sizeof *tasks->order, "the order of units"));
    WT_TRY(wt_alloc(&tasks->placed, units, sizeof *tasks->placed, "the order of units"));
    WT_TRY(wt_alloc(&tasks->done, units, sizeof *tasks->done, "flags of units"));
    WT_TRY(wt_alloc(&tasks->taken, units, sizeof *tasks->taken, "flags of units"));
    return wt_alloc(&tasks->next_unit, (size_t)tasks->count * (size_t)tasks->windows,
                    sizeof *tasks->next_unit, "the order of units");
}

int64_t wt_tasks_bytes(const wt_tasks *tasks) {
    const size_t stages = (size_t)tasks->capacity;
    const size_t fixed = stages * (sizeof(wt_task_stage) + stages * sizeof(int32_t)) +
                         (size_t)tasks->need_count * sizeof(wt_need);
    return (int64_t)(fixed + tasks->flags * (sizeof(wt_unit) + sizeof(bool) + 2 * sizeof(atomic_uint)) +
                     (size_t)tasks->count * (size_t)tasks->windows * sizeof(int));
}

/* --- what a unit needs --- */

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int group_windows(const wt_tasks *tasks, const wt_task_stage *stage) {
    return stage->of_microbatches ? tasks->microbatch_windows : 1;
}

static int groups_of(const wt_tasks *tasks, const wt_task_stage *stage, int windows) {
    return wt_units(windows, group_windows(tasks, stage));
}

static int64_t rows_of(const wt_tasks *tasks, const wt_task_stage *stage) {
    return stage->rows + stage->rows_per_window * group_windows(tasks, stage);
}

/* Units per group, for so many windows a microbatch. */
static void cut_units(wt_tasks *tasks, int microbatch_windows) {
    tasks->microbatch_windows = microbatch_windows;
    for (int s = 0; s < tasks->count; s++) {
        wt_task_stage *stage = &tasks->stages[s];
        if (stage->unit_rows) stage->units = wt_units(rows_of(tasks, stage), stage->unit_rows);
    }
    tasks->ordered = false;
}

/* Units 0 … count−1 of some groups, one after the other: flags that must be set. */
typedef struct {
    size_t first;
    int count, groups, units;
} needed_units;

/* Of a stage that other units of window or microbatch `group` need. */
static needed_units find_needed(const wt_tasks *tasks, const wt_task_stage *stage, const wt_need *need,
                                int group, int unit) {
    const wt_task_stage *before = &tasks->stages[need->stage];
    const int each = tasks->microbatch_windows;
    int first = group, groups = 1, count = before->units;
    if (stage->of_microbatches && !before->of_microbatches) {
        first = group * each;
        groups = (int)least(each, tasks->windows - first);
    }
    if (!stage->of_microbatches && before->of_microbatches) first = group / each;
    if (need->reach != WT_ALL_ROWS) {
        const int64_t own = least((int64_t)(unit + 1) * stage->unit_rows, rows_of(tasks, stage));
        const int64_t end = least(own + need->reach, rows_of(tasks, before));
        count = end > 0 ? wt_units(end, before->unit_rows) : 0;
    }
    return (needed_units){before->flag + (size_t)first * (size_t)before->units, count, groups, before->units};
}

/* --- the order --- */

enum { DEPTH = 4 }; /* stages at work together: their weights must find room in the caches too */

/* Whether all that a unit needs stands in the order; a group's units stand there in theirs. */
static bool needs_placed(const wt_tasks *tasks, const wt_task_stage *stage, int group, int unit) {
    for (int n = 0; n < stage->need_count; n++) {
        const needed_units needed = find_needed(tasks, stage, &tasks->needs[stage->first_need + n], group,
                                                unit);
        for (int g = 0; needed.count && g < needed.groups; g++) {
            if (!tasks->placed[needed.first + (size_t)(g * needed.units + needed.count - 1)]) return false;
        }
    }
    return true;
}

/* The latest stage that may be at work together with the first one that is not finished. */
static int deepest(const wt_tasks *tasks) {
    int first = 0;
    for (; first < tasks->count; first++) {
        const wt_task_stage *stage = &tasks->stages[first];
        const int *next = tasks->next_unit + first * tasks->windows;
        int group = 0, groups = groups_of(tasks, stage, tasks->windows);
        while (group < groups && next[group] == stage->units) group++;
        if (group < groups) break;
    }
    return first + DEPTH <= tasks->count ? first + DEPTH - 1 : tasks->count - 1;
}

static wt_unit choose_unit(const wt_tasks *tasks) {
    for (int s = deepest(tasks); s >= 0; s--) {
        const wt_task_stage *stage = &tasks->stages[s];
        const int groups = groups_of(tasks, stage, tasks->windows);
        for (int group = 0; group < groups; group++) {
            const int unit = tasks->next_unit[s * tasks->windows + group];
            if (unit < stage->units && needs_placed(tasks, stage, group, unit))
                return (wt_unit){s, group, unit};
        }
    }
    return (wt_unit){-1, 0, 0};
}

static void make_order(wt_tasks *tasks) {
    tasks->length = 0;
    tasks->ordered = true;
    memset(tasks->placed, 0, tasks->flags * sizeof *tasks->placed);
    memset(tasks->next_unit, 0, (size_t)tasks->count * (size_t)tasks->windows * sizeof *tasks->next_unit);
    for (;;) {
        const wt_unit unit = choose_unit(tasks);
        if (unit.stage < 0) return;
        const wt_task_stage *stage = &tasks->stages[unit.stage];
        tasks->placed[stage->flag + (size_t)(unit.group * stage->units + unit.number)] = true;
        tasks->order[tasks->length++] = unit;
        tasks->next_unit[unit.stage * tasks->windows + unit.group]++;
    }
}

/* --- running --- */

static bool unit_done(const wt_tasks *tasks, size_t flag) {
    return atomic_load_explicit(&tasks->done[flag], memory_order_acquire) == tasks->run;
}

static void mark_done(wt_tasks *tasks, const wt_task_stage *stage, int i) {
    atomic_store_explicit(&tasks->done[stage->flag + (size_t)i], tasks->run, memory_order_release);
}

/* Of a window that the call has not: there is nothing to do. */
static bool unit_absent(const wt_tasks *tasks, const wt_task_run *run, const wt_unit *unit) {
    return unit->group >= groups_of(tasks, &tasks->stages[unit->stage], run->windows);
}

static bool needs_met(const wt_tasks *tasks, const wt_task_run *run, const wt_unit *unit) {
    const wt_task_stage *stage = &tasks->stages[unit->stage];
    if (unit_absent(tasks, run, unit)) return true;
    for (int n = 0; n < stage->need_count; n++) {
        const needed_units needed = find_needed(tasks, stage, &tasks->needs[stage->first_need + n],
                                                unit->group, unit->number);
        for (int g = 0; g < needed.groups; g++) {
            for (int i = needed.count - 1; i >= 0; i--) { /* the last is the likeliest to miss */
                if (!unit_done(tasks, needed.first + (size_t)(g * needed.units + i))) return false;
            }
        }
    }
    return true;
}

bool wt_tasks_stage_done(const wt_tasks *tasks, int stage, int windows) {
    const wt_task_stage *asked = &tasks->stages[stage];
    const int units = asked->units * groups_of(tasks, asked, windows);
    for (int i = 0; i < units; i++) {
        if (!unit_done(tasks, asked->flag + (size_t)i)) return false;
    }
    return true;
}

/* Takes the first unit in the order that is still to be had and whose needs are met. Returns its place, or
 * the length when all are taken. */
static int take_unit(wt_tasks *tasks, const wt_task_run *run, atomic_int *first) {
    enum { SPINS = 200, AHEAD = 32 }; /* some hundred microseconds; then another thread may want this core */
    for (int spins = 0;; spins++) {
        int place = atomic_load_explicit(first, memory_order_relaxed);
        const int before = place;
        while (place < tasks->length &&
               atomic_load_explicit(&tasks->taken[place], memory_order_relaxed) == tasks->run) {
            place++;
        }
        if (place != before) atomic_store_explicit(first, place, memory_order_relaxed); /* a hint */
        if (place == tasks->length) return place;
        for (int end = (int)least(place + AHEAD * run->threads, tasks->length); place < end; place++) {
            atomic_uint *taken = &tasks->taken[place];
            if (atomic_load_explicit(taken, memory_order_relaxed) != tasks->run &&
                needs_met(tasks, run, &tasks->order[place]) &&
                atomic_exchange_explicit(taken, tasks->run, memory_order_relaxed) != tasks->run) {
                return place;
            }
        }
        if (spins < SPINS) {
            spin_pause();
        } else {
            sched_yield();
        }
    }
}

static void work_through(wt_tasks *tasks, const wt_task_run *run, atomic_int *first) {
    for (int place; (place = take_unit(tasks, run, first)) < tasks->length;) {
        const wt_unit unit = tasks->order[place];
        const wt_task_stage *stage = &tasks->stages[unit.stage];
        if (unit_absent(tasks, run, &unit)) continue;
        stage->work(run->context, stage->argument, unit.group, unit.number);
        mark_done(tasks, stage, unit.group * stage->units + unit.number);
        if (run->between && omp_get_thread_num() == 0) run->between(run->context);
    }
}

static void run_unit(wt_tasks *tasks, const wt_task_run *run, const wt_task_stage *stage, int i) {
    stage->work(run->context, stage->argument, i / stage->units, i % stage->units);
    mark_done(tasks, stage, i);
}

static void run_in_turn(wt_tasks *tasks, const wt_task_run *run) {
    for (int s = 0; s < tasks->count; s++) {
        const wt_task_stage *stage = &tasks->stages[s];
        const int units = stage->units * groups_of(tasks, stage, run->windows);
        if (units > 1 && run->threads > 1) {
#pragma omp parallel for schedule(dynamic) num_threads(run->threads)
            for (int i = 0; i < units; i++) run_unit(tasks, run, stage, i);
        } else {
            for (int i = 0; i < units; i++) run_unit(tasks, run, stage, i);
        }
        if (stage->after) stage->after(run->context, stage->argument);
        if (run->between) run->between(run->context);
    }
}

void wt_tasks_run(wt_tasks *tasks, const wt_task_run *run) {
    atomic_int first = 0;
    if (tasks->microbatch_windows != run->microbatch_windows) cut_units(tasks, run->microbatch_windows);
    tasks->run++;
    if (run->in_turn) {
        run_in_turn(tasks, run);
        return;
    }
    if (!tasks->ordered) make_order(tasks);
#pragma omp parallel num_threads(run->threads)
    work_through(tasks, run, &first);
}
