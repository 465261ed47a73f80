/* inspect's look ahead: what a run of a configuration will take. */
#ifndef WAVETRAIN_INSPECT_INTERNAL_H
#define WAVETRAIN_INSPECT_INTERNAL_H

#include "config/sections.h"
#include "network/network_model.h"
#include "predict/calibration.h"
#include "wavetrain/config.h"
#include "wavetrain/network.h"
#include "wavetrain/predict.h"

/* As given; 0 or NULL where they are not. */
typedef struct {
    int ranks, threads, nodes;
    char *calibration;
    double latency, bandwidth; /* microseconds, Gbit/s */
    double node_memory;        /* GiB */
} wt_plan_options;

wt_status wt_plan_check(const wt_plan_options *options);
bool wt_plan_asked(const wt_plan_options *options);

/* Of the configuration's data set; 0 where there is none, or of text. */
double wt_plan_sample_rate(const wt_config *config);

/* What the data set of a plan is. */
typedef struct {
    bool found;
    int64_t windows; /* of the training part */
    int64_t longest; /* utterance */
} wt_plan_data;

/* A forecast and all that it was made from. */
typedef struct {
    const wt_plan_options *options;
    const char *path; /* of the configuration */
    wt_forecast_case run;
    wt_forecast forecast;
    wt_plan_data data;
    wt_calibration calibration;
    char calibration_path[WT_PATH_MAX];
} wt_plan;

/* Fails where a run would be refused; the configuration and the network must outlive it. Free with
 * wt_free. */
wt_status wt_plan_create(wt_plan **out, const wt_plan_options *options, const wt_config *config,
                         const wt_network *network, const char *path);
/* On standard output; then, on standard error, a line for each thing that will go wrong. */
void wt_plan_print(const wt_plan *plan);
void wt_plan_warn(const wt_plan *plan);

/* The memory that a node has for a job, and what that is: "this machine's RAM". */
int64_t wt_plan_node_memory(const wt_plan_options *options, const char **limit);

/* Free bytes where the run's folder will be; −1: unknown. `folder` becomes the one that is there already. */
long long wt_plan_free_bytes(char folder[WT_PATH_MAX], const char *config);

/* The file that is given, which must be there, or this machine's own, where a warning says why not; `path`
 * becomes its name. */
wt_status wt_plan_load_calibration(wt_calibration *calibration, const char *given, char path[WT_PATH_MAX],
                                   bool *loaded);
/* Sets rates_of where the calibrated CPU has other kernels. */
void wt_plan_choose_rates(wt_forecast_case *run, const char *path);

#endif
