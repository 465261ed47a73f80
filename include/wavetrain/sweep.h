/*
 * A sweep: one configuration run at many points, a point being values of some of its keys. The file names them:
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
 * A draw is a function of (seed, key, number of the point): more points, or another key, leave the others as they are.
 * Uniform draws of whole keys include both ends; drawn reals have four digits.
 */
#ifndef WAVETRAIN_SWEEP_H
#define WAVETRAIN_SWEEP_H

#include <stddef.h>
#include <stdint.h>

#include "wavetrain/config.h"
#include "wavetrain/error.h"

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

/* A point's value of one of these, as YAML on one line; NULL where a list leaves it as the configuration has it. Points
 * count from 1. Free with wt_free. */
wt_status wt_sweep_value(char **value, const wt_sweep *sweep, int point, int key);

/* What a point sets, common keys first: *count texts "a.b=value" for wt_config_load or --set (wt_sweep_free_sets). */
wt_status wt_sweep_sets(char ***sets, size_t *count, const wt_sweep *sweep, int point);
void wt_sweep_free_sets(char **sets, size_t count);

/* The point's whole configuration. An error names the point. */
wt_status wt_sweep_configure(wt_config *config, const wt_sweep *sweep, int point);

#endif
