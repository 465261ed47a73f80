/*
 * A sweep: one configuration run at many points, a point being values of some of its keys. The file names
 * them:
 *
 *   config: configs/speech.yaml              the configuration of all points
 *   runs: runs/speech-sweep                  the folder of their runs (default: runs/ and the sweep's name)
 *   set: {train.steps: 1000}                 keys that all points share
 *   grid:                                    every combination, the last key fastest; or …
 *     optimizer.learning_rate: [1.0e-3, 3.0e-3]
 *     model.residual: [32, 64]
 *   list: [{model.residual: 32}, {model.residual: 64, model.gate: 32}]      … these points; or …
 *   random:                                  … draws
 *     count: 12
 *     seed: 1
 *     keys:
 *       optimizer.learning_rate: {log-uniform: [1.0e-4, 1.0e-2]}
 *       optimizer.weight_decay: {uniform: [0.0, 0.1]}
 *       model.residual: {choice: [16, 32, 64]}
 *
 * A draw is a function of (seed, key, number of the point): more points, or another key, leave the others as
 * they are. Uniform draws of whole keys include both ends; drawn reals have four digits.
 */
#ifndef WAVETRAIN_SWEEP_H
#define WAVETRAIN_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/sections.h"
#include "wavetrain/config.h"

enum { WT_SWEEP_POINTS_MAX = 100000 };

typedef struct wt_sweep wt_sweep;

/* Every key and value is checked; an error names file, line and key (WT_USAGE). */
wt_status wt_sweep_load(wt_sweep **out, const char *path);
void wt_sweep_destroy(wt_sweep *sweep); /* takes NULL */

const char *wt_sweep_path(const wt_sweep *sweep);
const char *wt_sweep_config(const wt_sweep *sweep);
const char *wt_sweep_runs(const wt_sweep *sweep);
int wt_sweep_points(const wt_sweep *sweep);

/* The keys that points differ in, in the file's order. */
int wt_sweep_key_count(const wt_sweep *sweep);
const char *wt_sweep_key(const wt_sweep *sweep, int key);

/* A point's value of one of these, as YAML on one line; NULL where a list leaves it as the configuration has
 * it. Points count from 1. Free with wt_free. */
wt_status wt_sweep_value(char **value, const wt_sweep *sweep, int point, int key);

/* What a point sets, common keys first: *count texts "a.b=value" for wt_config_load or --set
 * (wt_sweep_free_sets). */
wt_status wt_sweep_sets(char ***sets, size_t *count, const wt_sweep *sweep, int point);
void wt_sweep_free_sets(char **sets, size_t count);

/* The point's whole configuration. An error names the point. */
wt_status wt_sweep_configure(wt_config *config, const wt_sweep *sweep, int point);

/* --- the runs of the points --- */

/* "RUNS/0007" */
wt_status wt_sweep_run_path(char run[WT_PATH_MAX], const wt_sweep *sweep, int point);

/* Whether the point's run is done. Fails where its folder holds a run of another point. */
wt_status wt_sweep_is_done(bool *done, const wt_sweep *sweep, int point);

/* "learning_rate 0.003, residual 32": the values that the points differ in. */
wt_status wt_sweep_label(char *label, size_t capacity, const wt_sweep *sweep, int point);

/* The arguments of the program that trains the point, NULL at the end: wavetrain train CONFIG --run RUN --set
 * … */
wt_status wt_sweep_arguments(char ***arguments, const wt_sweep *sweep, int point);
void wt_sweep_free_arguments(char **arguments); /* takes NULL */

/* This process becomes the point's run by `program` (NULL: its own): returns only if that is done already, or
 * on a failure. */
wt_status wt_sweep_become_run(const wt_sweep *sweep, const char *program, int point);

/* Runs what is not done as processes of `program` (NULL: this process's own), `jobs` at once, which share the
 * cores; what they report goes to RUNS/NUMBER.log. SIGINT, SIGTERM, SIGHUP and SIGUSR1 are taken in the
 * meantime and passed on. WT_CONTINUE where one came before all was done, WT_FAILED where runs failed. One
 * thread of a process at a time. */
wt_status wt_sweep_run_all(const wt_sweep *sweep, const char *program, int jobs);

/* --- results --- */

enum { WT_SWEEP_CELL = 64 }; /* bytes of a value in a table */

typedef struct {
    int point;
    char verdict[16]; /* of its run.yaml; "-" where it has not begun */
    int64_t step;     /* that it has come to */
    int64_t best_step;
    double best; /* validation loss; NaN: not validated */
} wt_sweep_result;

/* Fills [wt_sweep_points], the best validation loss first, those without one last. */
wt_status wt_sweep_read_results(wt_sweep_result *results, const wt_sweep *sweep);

/* A point's value of a key as a table shows it; "-" where a list leaves it as the configuration has it. */
wt_status wt_sweep_cell(char out[WT_SWEEP_CELL], const wt_sweep *sweep, int point, int key);

/* The curves of the best runs that have a step, in a PNG file; *drawn: there were some. WT_FAILED
 * as wt_plot_require. */
wt_status wt_sweep_plot(bool *drawn, const wt_sweep *sweep, const wt_sweep_result *results, const char *png);

#endif
