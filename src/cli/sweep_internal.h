/* What the files of wavetrain sweep share. */
#ifndef WAVETRAIN_SWEEP_INTERNAL_H
#define WAVETRAIN_SWEEP_INTERNAL_H

#include "wavetrain/file.h"
#include "wavetrain/sweep.h"
#include "wavetrain/train.h"

/* "RUNS/0007" */
wt_status wt_sweep_run(char run[WT_PATH_MAX], const wt_sweep *sweep, int point);

/* Whether the point's run is done. Fails where its folder holds a run of another point. */
wt_status wt_sweep_is_done(bool *done, const wt_sweep *sweep, int point);

/* "learning_rate 0.003, residual 32": the values that the points differ in. */
wt_status wt_sweep_label(char *label, size_t room, const wt_sweep *sweep, int point);

/* The arguments of the program that trains the point, NULL at the end: wavetrain train CONFIG --run RUN --set … */
wt_status wt_sweep_arguments(char ***arguments, const wt_sweep *sweep, int point);
void wt_sweep_free_arguments(char **arguments);

/* This program's own file. */
wt_status wt_sweep_program(char path[WT_PATH_MAX]);

/* sweep_children.c: runs what is not done, `jobs` at once; WT_CONTINUE where a signal came in between, WT_FAILED where
 * runs failed. */
wt_status wt_sweep_run_all(const wt_sweep *sweep, int jobs);

/* sweep_report.c: the table, on standard output, and RUNS/report.png. */
wt_status wt_sweep_report(const wt_sweep *sweep);

#endif
