/*
 * The configuration: plain structs filled from one YAML file, defaults and --set.
 * Every key stands in one table (src/config/schema.c) with its type, default,
 * range, help and what a resume may do with it; parsing, checking, --help-config,
 * the resolved text and comparisons are all made from that table.
 */
#ifndef WAVETRAIN_CONFIG_H
#define WAVETRAIN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "wavetrain/error.h"
#include "wavetrain/file.h"

enum {
    WT_ARRAYS_MAX = 32,           /* entries of model.arrays */
    WT_DILATIONS_MAX = 64,        /* explicit dilations of one array */
    WT_POINTS_MAX = 64,           /* of schedule.points */
    WT_CONFIG_TEXT_MAX = 1 << 20, /* bytes of a configuration file */
};

typedef enum { WT_TRUNK_WAVENET, WT_TRUNK_HIERARCHY, WT_TRUNK_AMPLIFIER } wt_trunk_kind;
typedef enum { WT_INPUT_CLASS, WT_INPUT_REAL } wt_input_kind;
typedef enum {
    WT_ACTIVATION_GATE,
    WT_ACTIVATION_TANH,
    WT_ACTIVATION_RELU,
    WT_ACTIVATION_LEAKY_RELU,
    WT_ACTIVATION_HARDTANH,
    WT_ACTIVATION_SIGMOID,
    WT_ACTIVATION_SILU,
    WT_ACTIVATION_HARDSWISH,
    WT_ACTIVATION_SOFTSIGN,
} wt_activation;
typedef enum { WT_NORM_NONE, WT_NORM_BATCH, WT_NORM_LAYER } wt_norm_kind;
typedef enum { WT_BIAS_AUTO, WT_BIAS_TRUE, WT_BIAS_FALSE } wt_bias_choice;
typedef enum { WT_INITIAL_DEFAULT, WT_INITIAL_KAIMING, WT_INITIAL_XAVIER, WT_INITIAL_NORMAL } wt_initial_kind;
typedef enum { WT_HEAD_SOFTMAX, WT_HEAD_MSE, WT_HEAD_LOGISTICS, WT_HEAD_GAUSSIAN } wt_head_kind;
typedef enum { WT_READOUT_LAST, WT_READOUT_MEAN, WT_READOUT_LINEAR } wt_readout;
typedef enum { WT_TARGETS_NEXT, WT_TARGETS_LABEL } wt_target_kind;
typedef enum { WT_NORMALIZE_CHANNEL, WT_NORMALIZE_NONE } wt_normalize;
typedef enum { WT_ACTIVATIONS_KEPT, WT_ACTIVATIONS_RECOMPUTED } wt_activations;
typedef enum { WT_PARTIAL_PAD, WT_PARTIAL_DROP } wt_partial_context;
typedef enum { WT_OPTIMIZER_ADAM, WT_OPTIMIZER_ADAMW, WT_OPTIMIZER_SGD } wt_optimizer_kind;
typedef enum { WT_DECAY_ALL, WT_DECAY_WEIGHTS } wt_decay_on;
typedef enum {
    WT_SCHEDULE_CONSTANT,
    WT_SCHEDULE_STEP,
    WT_SCHEDULE_PIECEWISE,
    WT_SCHEDULE_EXPONENTIAL,
    WT_SCHEDULE_LINEAR,
    WT_SCHEDULE_COSINE,
    WT_SCHEDULE_ONE_CYCLE,
    WT_SCHEDULE_PLATEAU,
} wt_schedule_kind;
typedef enum { WT_ANNEAL_COSINE, WT_ANNEAL_LINEAR } wt_anneal;
typedef enum { WT_FALSE, WT_TRUE } wt_truth; /* a key that is true or false */
typedef enum {
    WT_QUANTIZATION_MULAW,
    WT_QUANTIZATION_LINEAR,
    WT_QUANTIZATION_VOCABULARY, /* text: samples are classes already */
} wt_quantization_kind;
typedef enum { WT_SAMPLING_EPOCH, WT_SAMPLING_REPLACEMENT, WT_SAMPLING_ITEM } wt_sampling;
typedef enum { WT_DRIVE_AUTO, WT_DRIVE_TEST, WT_DRIVE_THREAD, WT_DRIVE_AFTER } wt_drive;

enum { WT_KERNEL_MAX = 64 }; /* taps of a convolution */

typedef enum {
    WT_BACKEND_AUTO,
    WT_BACKEND_REFERENCE,
    WT_BACKEND_OPENBLAS,
    WT_BACKEND_AVX2,
    WT_BACKEND_AVX512,
} wt_backend;

/* Of products; everything else, and all sums, are fp32. */
typedef enum { WT_PRECISION_FP32, WT_PRECISION_BF16 } wt_precision;

typedef enum { WT_UNLIKE_REFUSE, WT_UNLIKE_ALLOW } wt_unlike_nodes;

typedef struct {
    int count; /* 0: not given */
    int values[WT_DILATIONS_MAX];
} wt_dilation_list;

/* mulaw:N, linear:N or vocabulary, whose levels and padding only the data set knows
 * (wt_dataset_quantization). */
typedef struct {
    wt_quantization_kind kind;
    int levels;  /* 2 … 65,536; of a vocabulary 0 in a configuration */
    int padding; /* of a vocabulary: the class of what stands before a text */
} wt_quantization;

typedef enum {
    WT_CONDITION_NONE,
    WT_CONDITION_REPEAT,
    WT_CONDITION_LINEAR,
    WT_CONDITION_STRETCH
} wt_condition_kind;
enum { WT_CONDITION_SCALES = 4 };

/* A run of blocks of one shape: `stacks` times dilations 1, 2, 4 … 2^(layers−1), or the list. */
typedef struct {
    int kernel, stacks, layers;
    wt_dilation_list dilations; /* in place of layers: repeated `stacks` times */
    wt_dilation_list kernels;   /* in place of kernel: taps of each layer of a stack */
    int residual, gate;         /* channels of h and of each half of the gate */
    wt_activation activation;
    /* of the amplifier alone */
    int head_kernel; /* taps of the convolution that reads the array's sum */
    wt_truth head_bias;
} wt_array_config;

/* The multi-resolution STFT loss, which the squared error gets in training (engine/losses.h has the
 * formula). */
typedef struct {
    double weight; /* 0: none */
    double preemphasis, gain;
} wt_spectral_config;

typedef struct {
    int preset; /* 0: none; the others are the choices of model.preset */
    wt_trunk_kind trunk;
    wt_input_kind input;
    int input_kernel;
    wt_array_config array; /* model.kernel, .stacks, .layers … : used where `arrays` is not given */
    int array_count;       /* model.arrays: defaults of each entry are the keys above */
    wt_array_config arrays[WT_ARRAYS_MAX];
    /* a condition of frames, and speakers */
    wt_condition_kind condition;       /* how frames become samples */
    int condition_pad;                 /* stretch: frames to each side that the first convolution reads */
    wt_dilation_list condition_scales; /* stretch: factors, whose product is the hop */
    int speaker;                       /* channels that stand for a speaker; 0: none */
    int skip;
    double skip_scale, residual_scale; /* α and β of the design */
    wt_head_kind head;
    int components;     /* of a mixture; 0: 10 logistics, one Gaussian */
    double mean_unit;   /* of a mixture: a mean is the network's output times this */
    wt_readout readout; /* of one label a window: data.stride */
    int head_channels;  /* hidden width of the head; 0: as wide as skip */
    /* of the hierarchy alone */
    int embedding;          /* channels of a class */
    wt_dilation_list fuse;  /* neighbours that a level takes together; their product is the context */
    wt_dilation_list width; /* of each level; one number: of all */
    wt_bias_choice bias;    /* of the levels' linear layers; auto: where no norm follows */
    double head_scale;      /* of the amplifier alone: a constant factor on its output */
    wt_spectral_config spectral;
    /* of all */
    double slope; /* of leaky-relu below 0 */
    wt_norm_kind norm;
    double dropout; /* share of activations that a step drops */
    wt_initial_kind init;
    double init_gain;    /* of kaiming and xavier; 0: the activation's own */
    double output_scale; /* factor on the last weight's first values */
} wt_model_config;

typedef struct {
    char path[WT_PATH_MAX];
    int window; /* targets in a window; with a stride, the samples of one */
    wt_quantization quantization;
    wt_partial_context partial_context;
    wt_target_kind target;
    int look_ahead; /* samples after a label's own that the network sees */
    int stride;     /* 0: a label a sample; else one a window, whose ends are so far apart */
    wt_normalize normalization;
    double preemphasis; /* x − c·(the sample before) is what the network sees and predicts; 0: x itself */
    double condition_dropout; /* share of training's windows without a condition */
    double input_noise;       /* deviation of what is added to real inputs in training */
    wt_sampling sampling;
    double memory; /* GiB a rank may hold of the data set; a larger one is read as it goes */
} wt_data_config;

typedef struct {
    int batch; /* windows in a step, over all ranks */
    int64_t steps;
    int64_t seed;
    int microbatches;         /* 0: at least 2,048 targets a microbatch, at most one microbatch a window */
    int microbatches_at_once; /* 0: as the threads need */
    wt_activations activations;
    wt_precision precision;
} wt_train_config;

typedef struct {
    wt_optimizer_kind kind;
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    double momentum; /* SGD's; beta1 and beta2 are Adam's */
    wt_truth nesterov;
    wt_decay_on decay_on;
    double clip; /* largest norm of the whole gradient; 0: no clipping */
} wt_optimizer_config;

/* After `step` steps the learning rate is `rate`, until the next point. */
typedef struct {
    int64_t step;
    double rate;
} wt_schedule_point;

typedef struct {
    int count;
    wt_schedule_point values[WT_POINTS_MAX]; /* steps ascend */
} wt_point_list;

typedef struct {
    wt_schedule_kind kind;
    int64_t warmup;       /* steps of linear rise from 0 */
    double floor;         /* cosine, linear, plateau: share of the learning rate that is left at the end */
    double decay;         /* exponential, step, plateau: factor … */
    int64_t decay_steps;  /* … for every so many steps */
    wt_point_list points; /* piecewise */
    /* one-cycle, by PyTorch's names */
    double pct_start, div_factor, final_div_factor;
    wt_anneal anneal;
    wt_truth cycle_momentum;
    double base_momentum, max_momentum;
    /* plateau */
    int patience, cooldown; /* validations */
    double threshold;
} wt_schedule_config;

/* A running mean of the parameters. */
typedef struct {
    double decay; /* 0: none */
} wt_ema_config;

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
    double seconds; /* between progress lines in a file */
    wt_backend backend;
    int64_t compare_every; /* steps between comparisons of the ranks' replicas; 0: only before checkpoints */
    wt_unlike_nodes unlike_nodes;
    double hang_seconds; /* without progress; 0: no watch */
    double hang_seconds_data, hang_seconds_validation;
    double time_limit;  /* minutes; 0: SLURM's, if it has one */
    double time_margin; /* seconds */
    double straggler;   /* a rank is slow that takes longer than the median one by this share; 0: none is */
} wt_run_config;

typedef struct {
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
} wt_config;

/* Components of the head's mixture. */
static inline int wt_config_components(const wt_model_config *model) {
    return model->components ? model->components : model->head == WT_HEAD_LOGISTICS ? 10 : 1;
}

/* What a resume says to a key that changed. */
typedef enum { WT_RESUME_FREE, WT_RESUME_WARNED, WT_RESUME_REFUSED } wt_resume_rule;

/* Every default; then the file (unless path is NULL; "-" is standard input), then `set_count` texts
 * "a.b=value" in order, then every range and every rule between keys. An error names file and line (or the
 * --set), what was found and what is expected, and for an unknown key the nearest valid one. Status
 * WT_USAGE. */
wt_status wt_config_load(wt_config *config, const char *path, const char *const *sets, size_t set_count);

/* As wt_config_load, from text in memory; `name` stands for the file in errors. */
wt_status wt_config_parse(wt_config *config, const char *name, const char *text, size_t bytes,
                          const char *const *sets, size_t set_count);

/* The configuration that a checkpoint or run.yaml stores, written by this version or an earlier one: a key
 * may have the name that it had then. */
wt_status wt_config_parse_stored(wt_config *config, const char *name, const char *text);

/* The whole resolved configuration as YAML that wt_config_parse takes; free with wt_free.
 * Every real number comes back bit for bit. */
wt_status wt_config_text(char **text, const wt_config *config);

/* The key that a misspelt name, with or without its section, was meant to be; NULL: none is near. */
const char *wt_config_nearest(const char *name);

/* Every key with its default, range and sentence of help, by section, as an annotated YAML file. */
void wt_config_help(FILE *out);

/* A row of the table, for manuals and the like; the texts last. */
typedef struct {
    const char *name;           /* "train.steps"; of a section "train" */
    bool section;               /* has a name and help alone */
    const char *standard;       /* the default, as in a file */
    char expected[160];         /* "1 … 64", "adam or adamw" */
    const char *const *choices; /* of a key with a few values, NULL at the end; else NULL */
    wt_resume_rule resume;
    const char *help;
} wt_config_row;

/* Row `index`, from 0; false past the last. */
bool wt_config_describe(wt_config_row *row, int index);

/* Called for each key that applies, by its full name, with its value as in a file. */
typedef void (*wt_config_visitor)(void *context, const char *key, const char *value);
wt_status wt_config_visit(const wt_config *config, wt_config_visitor visit, void *context);

/* Called once for each key (by its full name) whose value differs, with both values as text. */
typedef void (*wt_config_difference)(void *context, const char *key, wt_resume_rule rule, const char *before,
                                     const char *after);
wt_status wt_config_compare(const wt_config *before, const wt_config *after, wt_config_difference report,
                            void *context);

/* Blocks in a stack of an array; the dilation and taps of block `layer` of a stack. */
int wt_array_layers(const wt_array_config *array);
int wt_array_dilation(const wt_array_config *array, int layer);
int wt_array_kernel(const wt_array_config *array, int layer);
/* The arrays of a network: model.arrays, or the one that the model's own keys describe. */
const wt_array_config *wt_config_model_arrays(const wt_model_config *model, int *count);

/* The microbatches of a step: train.microbatches, or its default (the least number of windows a microbatch
 * that divides the batch and gives 2,048 targets; else all in one microbatch). */
int wt_config_microbatches(const wt_config *config);

#endif
