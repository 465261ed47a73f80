/*
 * What a run of a configuration will take, and what will go wrong with it, before it runs: the forecast of
 * predict.h with what its data set, this machine's or a node's memory, and the free space add. What the data
 * set adds is taken from its shards, if they are there; nothing large is read or allocated, so that this can
 * run on a login node.
 */
#ifndef WAVETRAIN_RUN_PLAN_H
#define WAVETRAIN_RUN_PLAN_H

#include "predict/calibration.h"
#include "wavetrain/predict.h"

/* What one step of a configuration is, wherever it runs. */
typedef struct {
    int microbatches, microbatch_windows, targets; /* targets: of a window */
    double operations;                             /* of a target in forward */
    int64_t microbatch_bytes;                      /* activations of one, and packed weights */
    int64_t state_bytes;                           /* parameters and moments */
} wt_plan_step;
wt_status wt_plan_describe_step(wt_plan_step *step, const wt_config *config, const wt_network *network);

/* Of the configuration's data set; 0 where there is none, or of text. */
double wt_plan_sample_rate(const wt_config *config);

/* What is asked for; 0 or NULL where it is not. */
typedef struct {
    int ranks, threads, nodes;
    const char *calibration; /* a file; NULL: that of this CPU */
    wt_link link;            /* between nodes */
    int64_t node_memory;     /* bytes; 0: those of this machine, or of the SLURM job */
} wt_plan_request;

/* What the data set of a plan is. */
typedef struct {
    bool found;
    int64_t windows; /* of the training part */
    int64_t longest; /* utterance */
} wt_plan_data;

/* What a node has for all its ranks, and where the run's folder will be. */
typedef struct {
    int64_t memory;           /* bytes; 0: unknown */
    const char *limit;        /* what that is: "this machine's RAM" */
    char folder[WT_PATH_MAX]; /* the nearest folder that is there already */
    long long free_bytes;     /* in it; −1: unknown */
} wt_plan_node;

/* A forecast and all that it was made from. */
typedef struct {
    wt_plan_step step;
    wt_forecast_case run;
    wt_forecast forecast;
    wt_plan_data data;
    wt_plan_node node;
    wt_calibration calibration;
    char calibration_path[WT_PATH_MAX];
} wt_plan;

/* Fails where a run would be refused; the configuration and the network must outlive it. `path`: the
 * configuration's, which names the run's folder. Free with wt_free. */
wt_status wt_plan_create(wt_plan **out, const wt_plan_request *request, const wt_config *config,
                         const wt_network *network, const char *path);

/* A line for each thing that will go wrong, or worse than it could: what was found, what is expected. */
typedef void (*wt_plan_warning)(void *context, const char *text);
void wt_plan_warn(const wt_plan *plan, wt_plan_warning warn, void *context);

#endif
