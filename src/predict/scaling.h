/*
 * Strong and weak scaling of a step over ranks and nodes: the cases, what the model of predict.h says of
 * them, and the figures of both measured and predicted steps. Strong scaling shares the windows of a step out
 * to more ranks, weak scaling gives each rank as many.
 *
 * Computing comes from the calibration of this kind of CPU; without one, from what the fewest ranks took in
 * the same run, in proportion to the microbatches of the rank that has most: then the prediction knows
 * nothing of ranks that share a node's memory, and the measurement shows what that costs.
 */
#ifndef WAVETRAIN_SCALING_H
#define WAVETRAIN_SCALING_H

#include <stdbool.h>

#include "config/sections.h"
#include "predict/calibration.h"
#include "wavetrain/predict.h"

typedef enum { WT_STRONG, WT_WEAK, WT_SCALINGS } wt_scaling_kind;

/* A number of ranks, in one of the two ways. */
typedef struct {
    wt_scaling_kind kind;
    int ranks, nodes;
    int windows, microbatches;        /* of a step, over all ranks */
    double best, median, exposed;     /* measured, of the slowest rank: seconds of a step, and of its exchange
                                     (median); best 0: it was not */
    double model_step, model_exposed; /* the model's; step 0: it knows nothing */
} wt_scaling_case;

enum { WT_SCALING_RANKS_MAX = 32, WT_SCALING_CASES_MAX = WT_SCALINGS * WT_SCALING_RANKS_MAX };

/* Cases of a kind stand in the order of their ranks: the first one is what the others are compared with. */
typedef struct {
    int count;
    wt_scaling_case cases[WT_SCALING_CASES_MAX];
} wt_scaling_table;

/* Where a figure of the model comes from. */
typedef enum { WT_SOURCE_GIVEN, WT_SOURCE_MEASURED, WT_SOURCE_CALIBRATION, WT_SOURCE_ASSUMED } wt_source;

/* What all cases share. */
typedef struct {
    wt_config config; /* of the max number of ranks */
    const wt_kernels *kernels;
    const wt_network *network;
    int threads;                     /* of a rank */
    int windows, microbatch_windows; /* of a rank, in weak scaling; of a microbatch, whatever the ranks */
    wt_calibration calibration;
    const char *rates_of; /* as in wt_forecast_case */
    double compute;       /* seconds of a rank's microbatch; 0: by the calibration */
    wt_source compute_source;
    wt_link link; /* between nodes */
    wt_source link_source;
} wt_scaling_model;

/* Shares the configuration's batch out to `ranks` ranks, the most that there will be: `windows` to each, or
 * (0) the train.batch that it has; sets the windows of a rank and of a microbatch. WT_USAGE where ranks would
 * have unlike microbatches. */
wt_status wt_scaling_distribute(wt_scaling_model *model, int ranks, int windows);

/* What the model stands on before anything is measured: the seconds that a rank's windows take (0: the
 * calibration `file`, or else that of this CPU, which with `needed` must be there), and the link between
 * nodes (bandwidth 0: the calibration's, or a common fabric's). `path`: the calibration, if one is loaded.
 * The kernels, the threads and the windows must be set. */
typedef struct {
    double compute;
    wt_link link;
    const char *file;
    bool needed;
} wt_scaling_basis;
wt_status wt_scaling_stand_on(wt_scaling_model *model, const wt_scaling_basis *basis, char path[WT_PATH_MAX]);

/* Both kinds on each number of ranks (ascending). */
void wt_scaling_list(wt_scaling_table *table, const wt_scaling_model *model, const int *ranks, int count);
/* Both kinds on nodes 1, 2, 4 … `nodes`, each with so many ranks, as the model has them; strong scaling has
 * the windows that weak scaling has on the most. */
wt_status wt_scaling_curve(wt_scaling_table *table, const wt_scaling_model *model, int nodes, int ranks_each);
/* Batch and microbatches of a case into its configuration. */
void wt_scaling_configure(wt_config *config, const wt_scaling_model *model, const wt_scaling_case *at);

/* Takes the time of computing from the measured case on the fewest ranks, which is returned, where neither
 * the caller nor a calibration gives it (else NULL). */
const wt_scaling_case *wt_scaling_take_compute(wt_scaling_model *model, const wt_scaling_table *table);
/* Fills a case's model_step and model_exposed, as far as it can be. */
wt_status wt_scaling_predict(const wt_scaling_model *model, wt_scaling_case *at);

typedef struct {
    double step, speedup, efficiency, exposed; /* seconds; efficiency and exposed are shares (of the ideal,
                                                  of the step) */
} wt_scaling_figures;

/* Of the best steps, or of the model; NaN where there is nothing. */
wt_scaling_figures wt_scaling_measured(const wt_scaling_table *table, const wt_scaling_case *at);
wt_scaling_figures wt_scaling_predicted(const wt_scaling_table *table, const wt_scaling_case *at);

/* Draws speed-up, efficiency and the exposed share into a PNG: over ranks, measured and predicted, or (not
 * `measured`) over nodes as the model has them. */
wt_status wt_scaling_plot(const wt_scaling_table *table, bool measured, const char *note, const char *png);

#endif
