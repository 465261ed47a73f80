/* The configuration as a plain struct, of the structs of those who read its sections. */
#ifndef WAVETRAIN_SECTIONS_H
#define WAVETRAIN_SECTIONS_H

#include <stdint.h>

#include "data/data_config.h"
#include "network/model_config.h"
#include "optim/optim_config.h"
#include "wavetrain/config.h"
#include "wavetrain/kernels.h"

enum { WT_CONFIG_TEXT_MAX = 1 << 20 }; /* bytes of a configuration file */

typedef enum { WT_ACTIVATIONS_KEPT, WT_ACTIVATIONS_RECOMPUTED } wt_activations;

typedef enum { WT_DRIVE_AUTO, WT_DRIVE_TEST, WT_DRIVE_THREAD, WT_DRIVE_AFTER } wt_drive;

typedef enum { WT_UNLIKE_REFUSE, WT_UNLIKE_ALLOW } wt_unlike_nodes;

typedef struct {
    int batch; /* windows in a step, over all ranks */
    int64_t steps;
    int64_t seed;
    int microbatches;         /* 0: at least 2,048 targets a microbatch, at most one microbatch a window */
    int microbatches_at_once; /* 0: as the threads need */
    wt_activations activations;
    wt_precision precision;
    char class_weights[WT_PATH_MAX]; /* none, balanced, or numbers with commas between them */
} wt_train_config;

typedef struct {
    int64_t every;    /* steps; 0: never */
    int windows;      /* 0: the whole split */
    int patience;     /* so many in a row without a new best end the run; 0: never */
    double until_esr; /* an error-to-signal ratio that ends it; 0: none does */
} wt_validation_config;

typedef struct {
    int64_t every;  /* steps; 0: only at the end */
    double minutes; /* 0: by steps alone */
    int keep;
} wt_checkpoint_config;

/* What happens when a step's loss or gradient is not finite, or its norm jumps. */
typedef struct {
    /* so many steps in a row are skipped, then the run goes back to the last checkpoint that was due … */
    int skips;
    int rollbacks; /* … so often at most, */
    double rate;   /* … each time with the learning rate times this */
    double spike;  /* a norm beyond so many times its running median is skipped too; 0: never */
} wt_guard_config;

typedef struct {
    double bucket; /* MiB of gradient that travel together; 0: wt_exchange_bucket chooses */
    wt_drive progress;
} wt_exchange_config;

typedef struct {
    double seconds;  /* between progress lines in a file */
    int tensorboard; /* event files, too */
    wt_backend backend;
    int64_t compare_every; /* steps between comparisons of the ranks' replicas; 0: only before checkpoints */
    wt_unlike_nodes unlike_nodes;
    double hang_seconds; /* without progress; 0: no watch */
    double hang_seconds_data, hang_seconds_validation;
    double time_limit;  /* minutes; 0: SLURM's, if it has one */
    double time_margin; /* seconds */
    double straggler;   /* a rank is slow that takes longer than the median one by this share; 0: none is */
} wt_run_config;

struct wt_config {
    wt_model_config model;
    wt_data_config data;
    wt_train_config train;
    wt_optimizer_config optimizer;
    wt_schedule_config schedule;
    wt_ema_config ema;
    wt_validation_config validation;
    wt_checkpoint_config checkpoint;
    wt_guard_config guard;
    wt_exchange_config exchange;
    wt_run_config run;
};

static inline wt_update_rule wt_config_update_rule(const wt_config *config) {
    return (wt_update_rule){&config->optimizer, &config->schedule, &config->ema, config->train.steps};
}

/* The microbatches of a step: train.microbatches, or its default (the least number of windows a microbatch
 * that divides the batch and gives 2,048 targets; else all in one microbatch). */
int wt_config_microbatches(const wt_config *config);

#endif
