/*
 * A scheduler of tasks that knows no network. Work comes in stages; a stage has groups (windows, or
 * microbatches of them) and each group units, numbered by the rows that they make. A unit may wait for
 * rows of earlier stages.
 */
#ifndef WAVETRAIN_ENGINE_TASKS_H
#define WAVETRAIN_ENGINE_TASKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/base.h"

enum { WT_ALL_ROWS = INT32_MAX };

/* A unit with rows first … end−1 waits for all rows before end + halo of the same group in another stage;
 * with WT_ALL_ROWS for all units of the groups that share a window with it. */
typedef struct {
    int stage;
    int32_t halo;
} wt_dependency;

typedef struct wt_task_stage {
    void (*work)(void *context, int argument, int group, int unit);
    void (*after)(void *context, int argument); /* in the caller's thread; or NULL; stages in turn only */
    int argument;
    bool of_microbatches;
    int64_t rows;  /* that a group has, at most */
    int unit_rows; /* 0: units are no rows */
    int units;     /* per group */
    int ordered;   /* units of all groups that stand in the order */
    int first_dependency, dependency_count;
    size_t flag; /* the first unit's */
} wt_task_stage;

typedef struct {
    int stage, group, number;
} wt_unit;

/* Stages, the order of their units, and which of these are done. */
typedef struct {
    wt_task_stage *stages;
    wt_dependency *dependencies;
    int count, dependency_count;
    int windows, microbatch_windows;
    size_t flags;
    wt_unit *order;
    int length;         /* 0: to be made */
    int *next_unit;     /* [stages, windows]: units of a group that stand in the order */
    atomic_uint *taken; /* [length]: the run in which the order's unit was last taken */
    atomic_uint *done;  /* [flags]: the run in which the unit was last done */
    unsigned run;
} wt_tasks;

/* A run. `in_turn`: each stage begins when the one before is done, whatever they wait for. `between` is
 * called by the caller's thread after its units (in turn: after each stage); or NULL. */
typedef struct {
    void *context;
    int windows, threads;
    bool in_turn;
    void (*between)(void *context);
} wt_task_run;

static inline int wt_tasks_count(int64_t rows, int each) {
    return (int)((rows + each - 1) / each);
}

/* Capacity for so many stages of calls with so many windows at most. */
wt_status wt_tasks_create(wt_tasks *tasks, int stages, int windows, int microbatch_windows);
void wt_tasks_dispose(wt_tasks *tasks);
void wt_tasks_add(wt_tasks *tasks, const wt_task_stage *stage);
/* Units of the newest stage wait for those of an earlier one. */
wt_status wt_tasks_depend(wt_tasks *tasks, int stage, int32_t halo);
/* Takes the memory for running, when all stages are there. */
wt_status wt_tasks_prepare(wt_tasks *tasks);
int64_t wt_tasks_bytes(const wt_tasks *tasks);
/* All units of all stages for the run's windows. */
void wt_tasks_run(wt_tasks *tasks, const wt_task_run *run);
/* Whether a stage is done for all groups of so many windows. */
bool wt_tasks_stage_done(const wt_tasks *tasks, int stage, int windows);

#endif
