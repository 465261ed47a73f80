/*
 * Stages without barriers between them. All units stand in one order, made once for a shape; a thread takes
 * the first one that nobody has and need not wait. Those of the very first stand before it, in the
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

#include "base/memory.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define spin_pause _mm_pause
#else
static inline void spin_pause(void) {
}
#endif

/* --- stages --- */

wt_status wt_tasks_create(wt_tasks *tasks, int stages, int windows, int microbatch_windows) {
    *tasks = (wt_tasks){.windows = windows, .microbatch_windows = microbatch_windows};
    return wt_alloc(&tasks->stages, (size_t)stages, sizeof *tasks->stages, "stages");
}

void wt_tasks_dispose(wt_tasks *tasks) {
    wt_free(tasks->stages);
    wt_free(tasks->dependencies);
    wt_free(tasks->order);
    wt_free(tasks->done);
    wt_free(tasks->taken);
    wt_free(tasks->next_unit);
}

static int groups_of(const wt_tasks *tasks, const wt_task_stage *stage, int windows) {
    return stage->of_microbatches ? wt_tasks_count(windows, tasks->microbatch_windows) : windows;
}

void wt_tasks_add(wt_tasks *tasks, const wt_task_stage *stage) {
    wt_task_stage *added = &tasks->stages[tasks->count];
    *added = *stage;
    added->first_dependency = tasks->dependency_count;
    added->flag = tasks->flags;
    tasks->flags += (size_t)stage->units * (size_t)groups_of(tasks, stage, tasks->windows);
    tasks->count++;
}

wt_status wt_tasks_depend(wt_tasks *tasks, int stage, int32_t halo) {
    const wt_dependency dependency = {stage, halo};
    tasks->stages[tasks->count - 1].dependency_count++;
    return wt_memory_append(&tasks->dependencies, &tasks->dependency_count, &dependency, sizeof dependency,
                            "stages");
}

wt_status wt_tasks_prepare(wt_tasks *tasks) {
    const size_t units = tasks->flags, groups = (size_t)tasks->count * (size_t)tasks->windows;
    WT_TRY(wt_alloc(&tasks->order, units, sizeof *tasks->order, "the order of units"));
    WT_TRY(wt_alloc(&tasks->done, units, sizeof *tasks->done, "flags of units"));
    WT_TRY(wt_alloc(&tasks->taken, units, sizeof *tasks->taken, "flags of units"));
    return wt_alloc(&tasks->next_unit, groups, sizeof *tasks->next_unit, "the order of units");
}

int64_t wt_tasks_bytes(const wt_tasks *tasks) {
    return (int64_t)((size_t)tasks->count * sizeof(wt_task_stage) +
                     (size_t)tasks->dependency_count * sizeof(wt_dependency) +
                     tasks->flags * (sizeof(wt_unit) + 2 * sizeof(atomic_uint)) +
                     (size_t)tasks->count * (size_t)tasks->windows * sizeof(int));
}

/* --- what a unit waits for --- */

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Units 0 … count−1 of groups first … first+groups−1 of a stage. */
typedef struct {
    const wt_task_stage *stage;
    const int *next_unit;
    int first, groups, count;
} awaited_units;

/* Of a stage that other units of window or microbatch `group` wait for. */
static awaited_units find_awaited(const wt_tasks *tasks, const wt_unit *unit, int number) {
    const wt_task_stage *stage = &tasks->stages[unit->stage];
    const wt_dependency *on = &tasks->dependencies[stage->first_dependency + number];
    const wt_task_stage *before = &tasks->stages[on->stage];
    const int each = tasks->microbatch_windows;
    awaited_units awaited = {before, tasks->next_unit + on->stage * tasks->windows, unit->group, 1,
                             before->units};
    if (stage->of_microbatches && !before->of_microbatches) {
        awaited.first = unit->group * each;
        awaited.groups = (int)smaller(each, tasks->windows - awaited.first);
    }
    if (!stage->of_microbatches && before->of_microbatches) awaited.first = unit->group / each;
    if (on->halo != WT_ALL_ROWS) {
        const int64_t own = smaller((int64_t)(unit->number + 1) * stage->unit_rows, stage->rows);
        const int64_t end = smaller(own + on->halo, before->rows);
        awaited.count = end > 0 ? wt_tasks_count(end, before->unit_rows) : 0;
    }
    return awaited;
}

/* --- the order --- */

/* Whether all that a unit waits for stands in the order; a group's units stand there in theirs. */
static bool may_follow(const wt_tasks *tasks, const wt_unit *unit) {
    for (int n = 0; n < tasks->stages[unit->stage].dependency_count; n++) {
        const awaited_units awaited = find_awaited(tasks, unit, n);
        for (int g = awaited.first; g < awaited.first + awaited.groups; g++) {
            if (awaited.next_unit[g] < awaited.count) return false;
        }
    }
    return true;
}

static bool all_ordered(const wt_tasks *tasks, const wt_task_stage *stage) {
    return stage->ordered == stage->units * groups_of(tasks, stage, tasks->windows);
}

/* The next unit: of the latest stage that may be at work together with the first one that is not finished. */
static wt_unit choose_unit(const wt_tasks *tasks) {
    enum { DEPTH = 4 }; /* stages at work together: the caches must hold the weights of all */
    int first = 0;
    while (first < tasks->count && all_ordered(tasks, &tasks->stages[first])) first++;
    for (int s = (int)smaller(first + DEPTH, tasks->count) - 1; s >= 0; s--) {
        const int groups = groups_of(tasks, &tasks->stages[s], tasks->windows);
        for (int group = 0; group < groups; group++) {
            const wt_unit unit = {s, group, tasks->next_unit[s * tasks->windows + group]};
            if (unit.number < tasks->stages[s].units && may_follow(tasks, &unit)) return unit;
        }
    }
    return (wt_unit){-1, 0, 0};
}

static void make_order(wt_tasks *tasks) {
    for (int s = 0; s < tasks->count; s++) tasks->stages[s].ordered = 0;
    memset(tasks->next_unit, 0, (size_t)tasks->count * (size_t)tasks->windows * sizeof *tasks->next_unit);
    for (wt_unit unit; (unit = choose_unit(tasks)).stage >= 0; tasks->order[tasks->length++] = unit) {
        tasks->next_unit[unit.stage * tasks->windows + unit.group]++;
        tasks->stages[unit.stage].ordered++;
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

static bool may_run(const wt_tasks *tasks, const wt_task_run *run, const wt_unit *unit) {
    if (unit_absent(tasks, run, unit)) return true;
    for (int n = 0; n < tasks->stages[unit->stage].dependency_count; n++) {
        const awaited_units awaited = find_awaited(tasks, unit, n);
        const wt_task_stage *before = awaited.stage;
        for (int g = awaited.first; g < awaited.first + awaited.groups; g++) {
            for (int i = awaited.count - 1; i >= 0; i--) { /* the last is the likeliest to miss */
                if (!unit_done(tasks, before->flag + (size_t)(g * before->units + i))) return false;
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

/* Takes the first unit in the order that is still to be had and need not wait. Returns its place, or
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
        for (int end = (int)smaller(place + AHEAD * run->threads, tasks->length); place < end; place++) {
            atomic_uint *taken = &tasks->taken[place];
            if (atomic_load_explicit(taken, memory_order_relaxed) != tasks->run &&
                may_run(tasks, run, &tasks->order[place]) &&
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

static void run_unit(wt_tasks *tasks, const wt_task_run *run, const wt_task_stage *stage, int i) {
    stage->work(run->context, stage->argument, i / stage->units, i % stage->units);
    mark_done(tasks, stage, i);
}

static void work_through(wt_tasks *tasks, const wt_task_run *run, atomic_int *first) {
    for (int place; (place = take_unit(tasks, run, first)) < tasks->length;) {
        const wt_unit *unit = &tasks->order[place];
        const wt_task_stage *stage = &tasks->stages[unit->stage];
        if (unit_absent(tasks, run, unit)) continue;
        run_unit(tasks, run, stage, unit->group * stage->units + unit->number);
        if (run->between && omp_get_thread_num() == 0) run->between(run->context);
    }
}

static void run_in_turn(wt_tasks *tasks, const wt_task_run *run) {
    for (int s = 0; s < tasks->count; s++) {
        const wt_task_stage *stage = &tasks->stages[s];
        const int units = stage->units * groups_of(tasks, stage, run->windows);
        if (units > 1 && run->threads > 1) { /* a region of one thread costs as much as a small stage */
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
    tasks->run++;
    if (run->in_turn) {
        run_in_turn(tasks, run);
        return;
    }
    if (tasks->length == 0) make_order(tasks);
#pragma omp parallel num_threads(run->threads)
    work_through(tasks, run, &first);
}
