/*
 * Stages without barriers between them. Threads take units in one fixed order, stage after stage; a unit
 * waits, before it begins, for the units of earlier stages that made its rows, and these are in the hands of
 * threads that never wait for later ones, so that no wait is for ever. Since a stage's first units need only
 * the first ones of the stage before, threads go on into the next layer while the last units of this one are
 * still computed: an uneven share of units costs something once a pass, and not once a layer.
 *
 * A unit's result does not depend on who computes it or when, only on what it waits for.
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

int wt_pipeline_add(wt_pass *pass, wt_pipeline *pipeline, wt_stage stage) {
    if (stage.unit_rows) stage.units = wt_units((int64_t)pass->shape.targets + stage.lead, stage.unit_rows);
    stage.flag = pipeline->flags;
    pipeline->flags += (size_t)stage.units * (size_t)pass->shape.windows;
    pipeline->stages[pipeline->count] = stage;
    return pipeline->count++;
}

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

static void wt_await_units(const wt_pipeline *pipeline, int stage, int window, int count) {
    const wt_stage *before = &pipeline->stages[stage];
    size_t flag = before->flag + (size_t)window * (size_t)before->units;
    for (int unit = 0; unit < count; unit++) wt_await_unit(pipeline, flag + (size_t)unit);
}

void wt_await_rows(const wt_pass *pass, const wt_pipeline *pipeline, int stage, int window, int64_t end) {
    const wt_stage *before = &pipeline->stages[stage];
    int64_t rows = (int64_t)wt_pass_targets(pass, window) + before->lead;
    wt_await_units(pipeline, stage, window, wt_units(end < rows ? end : rows, before->unit_rows));
}

void wt_await_all(const wt_pipeline *pipeline, int stage, int window) {
    wt_await_units(pipeline, stage, window, pipeline->stages[stage].units);
}

bool wt_stage_done(const wt_pipeline *pipeline, int stage, int window) {
    const wt_stage *before = &pipeline->stages[stage];
    size_t flag = before->flag + (size_t)window * (size_t)before->units;
    for (int unit = 0; unit < before->units; unit++) {
        if (atomic_load_explicit(&pipeline->done[flag + (size_t)unit], memory_order_acquire) != pipeline->run) {
            return false;
        }
    }
    return true;
}

static void wt_work_through(wt_pass *pass, wt_pipeline *pipeline, atomic_int *next, int lanes) {
    int number = 0, before = 0; /* the stage, and the units of those before it */
    for (;;) {
        int i = atomic_fetch_add_explicit(next, 1, memory_order_relaxed);
        for (; number < pipeline->count; number++) {
            const wt_stage *stage = &pipeline->stages[number];
            int all = stage->units * (stage->of_lanes ? lanes : pass->windows);
            if (i < before + all) break;
            before += all;
        }
        if (number == pipeline->count) return;
        const wt_stage *stage = &pipeline->stages[number];
        int window = (i - before) / stage->units, unit = (i - before) % stage->units;
        stage->work(pass, stage, window, unit);
        size_t flag = stage->flag + (size_t)window * (size_t)stage->units + (size_t)unit;
        atomic_store_explicit(&pipeline->done[flag], pipeline->run, memory_order_release);
        if (pipeline->between && omp_get_thread_num() == 0) pipeline->between(pass);
    }
}

void wt_pipeline_run(wt_pass *pass, wt_pipeline *pipeline, int lanes) {
    atomic_int next = 0;
    pipeline->run++;
#pragma omp parallel num_threads(pass->threads)
    wt_work_through(pass, pipeline, &next, lanes);
}
