/*
 * A scheduler of tasks that knows no network. Work comes in stages; a stage has groups (windows, or
 * microbatches of them) and each group units, numbered by the rows that they make. A unit may need rows of
 * earlier stages.
 */
#ifndef WAVETRAIN_ENGINE_TASKS_H
#define WAVETRAIN_ENGINE_TASKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/error.h"

enum { WT_ALL_ROWS = INT32_MAX };

/* A unit with rows first … end−1 needs all rows before end + reach of the same group in another stage; with
 * WT_ALL_ROWS all units of the groups that share a window with it. */
typedef struct {
    int stage;
    int32_t reach;
} wt_need;

typedef struct wt_task_stage {
    void (*work)(void *context, int argument, int group, int unit);
    void (*after)(void *context, int argument); /* in the caller's thread; or NULL; stages in turn only */
    int argument;
    bool of_microbatches;
    int64_t rows, rows_per_window; /* that a group has, at most: rows + rows_per_window·(its windows) */
    int unit_rows;                 /* 0: units are no rows, and there are `units` of them */
    int units;                     /* per group */
    int first_need, need_count;
    size_t flag; /* the first unit's */
} wt_task_stage;

typedef struct {
    int stage, group, number;
} wt_unit;

/* Stages, the order of their units, and which of these are done. */
typedef struct {
    wt_task_stage *stages;
    wt_need *needs;
    int32_t *implied; /* [stages, stages]: reach that a stage's needs imply; INT32_MIN: none */
    int count, capacity, need_count;
    int windows, microbatch_windows; /* that flags and units are for */
    size_t flags;
    wt_unit *order;
    int length;
    bool ordered;
    bool *placed;       /* [flags]: in the order, while it is made */
    int *next_unit;     /* [stages, windows]: the same */
    atomic_uint *taken; /* [length]: the run in which the order's unit was last taken */
    atomic_uint *done;  /* [flags]: the run in which the unit was last done */
    unsigned run;
} wt_tasks;

/* A run. `in_turn`: each stage begins when the one before is done, whatever their needs. `between` is
 * called by the caller's thread after its units (in turn: after each stage); or NULL. */
typedef struct {
    void *context;
    int windows, microbatch_windows, threads;
    bool in_turn;
    void (*between)(void *context);
} wt_task_run;

static inline int wt_units(int64_t rows, int each) {
    return (int)((rows + each - 1) / each);
}

/* Room for so many stages of calls with so many windows at most. */
wt_status wt_tasks_create(wt_tasks *tasks, int stages, int windows);
void wt_tasks_dispose(wt_tasks *tasks);
/* Adds a stage; returns its number. */
int wt_tasks_add(wt_tasks *tasks, const wt_task_stage *stage);
/* Units of the newest stage need those of an earlier one. What other needs imply is left out. */
wt_status wt_tasks_need(wt_tasks *tasks, int needed, int32_t reach);
/* Takes the memory for running, when all stages are there. */
wt_status wt_tasks_prepare(wt_tasks *tasks);
int64_t wt_tasks_bytes(const wt_tasks *tasks);
/* All units of all stages for the run's windows. */
void wt_tasks_run(wt_tasks *tasks, const wt_task_run *run);
/* Whether a stage is done for all groups of so many windows. */
bool wt_tasks_stage_done(const wt_tasks *tasks, int stage, int windows);

#endif
