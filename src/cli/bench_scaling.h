/* Strong and weak scaling: what is measured, what the model says, and how both are shown. */
#ifndef WAVETRAIN_BENCH_SCALING_H
#define WAVETRAIN_BENCH_SCALING_H

#include "bench_internal.h"
#include "network/network_model.h"
#include "predict/calibration.h"
#include "wavetrain/network.h"
#include "wavetrain/predict.h"

typedef enum { WT_STRONG, WT_WEAK, WT_SCALINGS } wt_scaling_kind;

extern const char *const wt_scaling_names[WT_SCALINGS];

/* A number of ranks, in one of the two ways. */
typedef struct {
    wt_scaling_kind kind;
    int ranks, nodes;
    int windows, microbatches; /* of a step, over all ranks */
    /* measured, of the slowest rank: seconds; best 0: it was not */
    wt_bench_time step;
    double exposed; /* median */
    /* the model's, seconds; step 0: there is none */
    double model_step, model_exposed;
} wt_scaling_case;

enum { WT_CASES_MOST = WT_SCALINGS * WT_BENCH_LIST };

/* Cases of a kind stand in the order of their ranks: the first one is what the others are compared with. */
typedef struct {
    int count;
    wt_scaling_case cases[WT_CASES_MOST];
} wt_scaling_table;

typedef struct {
    double step, speedup, efficiency,
        exposed; /* seconds; efficiency and exposed are shares (of the ideal, of the step) */
} wt_scaling_figures;

/* Of the best steps, or of the model; NaN where there is nothing. */
wt_scaling_figures wt_scaling_measured(const wt_scaling_table *table, const wt_scaling_case *at);
wt_scaling_figures wt_scaling_predicted(const wt_scaling_table *table, const wt_scaling_case *at);

/* What all cases share. */
typedef struct {
    const char *name; /* of the model, or the configuration's file */
    wt_config config; /* of the largest number of ranks */
    const wt_kernels *kernels;
    wt_network *network;
    int threads, microbatch_windows;
    int windows; /* of a rank, in weak scaling */
    wt_calibration *calibration;
    char calibrated[WT_PATH_MAX]; /* its file; "": links alone */
    const char *rates_of;
    double compute;  /* seconds of a rank's microbatch; 0: by the calibration */
    char basis[128]; /* where that comes from, in words */
    bool link_given, link_assumed;
    wt_link link; /* between nodes */
} wt_scaling_study;

/* Batch and microbatches of a case into its configuration. */
void wt_scaling_configure(wt_config *config, const wt_scaling_study *study, const wt_scaling_case *at);

/* bench_scaling_model.c: fills a case's model_step and model_exposed, as far as it can be. */
wt_status wt_scaling_predict(const wt_scaling_study *study, wt_scaling_case *at);
/* Nodes 1, 2, 4 … `nodes`, each with so many ranks; strong scaling has the windows that weak scaling has on
 * the most. */
wt_status wt_scaling_curve(const wt_scaling_study *study, wt_scaling_table *table, int nodes, int ranks_each);

/* bench_scaling_report.c */
void wt_scaling_print(const wt_scaling_study *study, const wt_scaling_table *table, bool measured);
void wt_scaling_print_assumptions(const wt_scaling_study *study, int ranks_each);
void wt_scaling_csv(FILE *file, const wt_scaling_table *table, bool measured);
extern const char wt_scaling_heading[];
wt_status wt_scaling_plot(const wt_scaling_study *study, const wt_scaling_table *table, bool measured,
                          const char *png);

#endif
