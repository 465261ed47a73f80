/* What a network is: the section model of a configuration. */
#ifndef WAVETRAIN_MODEL_CONFIG_H
#define WAVETRAIN_MODEL_CONFIG_H

#include <stdbool.h>

#include "base/batch.h"
#include "kernels/kernel_set.h"
#include "network/graph.h"

enum {
    WT_ARRAYS_MAX = 32,    /* entries of model.arrays */
    WT_DILATIONS_MAX = 64, /* explicit dilations of one array */
};

typedef enum { WT_TRUNK_WAVENET, WT_TRUNK_HIERARCHY, WT_TRUNK_AMPLIFIER } wt_trunk_kind;

typedef enum { WT_NORM_NONE, WT_NORM_BATCH, WT_NORM_LAYER } wt_norm_kind;
typedef enum { WT_BIAS_AUTO, WT_BIAS_TRUE, WT_BIAS_FALSE } wt_bias_choice;
typedef enum { WT_INITIAL_DEFAULT, WT_INITIAL_KAIMING, WT_INITIAL_XAVIER, WT_INITIAL_NORMAL } wt_initial_kind;
typedef enum { WT_HEAD_SOFTMAX, WT_HEAD_MSE, WT_HEAD_LOGISTICS, WT_HEAD_GAUSSIAN } wt_head_kind;
typedef enum { WT_MEAN_LINEAR, WT_MEAN_SINH } wt_mean_curve;
typedef enum { WT_READOUT_LAST, WT_READOUT_MEAN, WT_READOUT_LINEAR } wt_readout;

enum { WT_KERNEL_MAX = 64 }; /* taps of a convolution */

typedef struct {
    int count; /* 0: not given */
    int values[WT_DILATIONS_MAX];
} wt_dilation_list;

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
    int head_bias;   /* 0 or 1 */
} wt_array_config;

/* A condition of frames, and speakers. */
typedef struct {
    wt_condition_kind kind;  /* how frames become samples */
    int pad;                 /* stretch: frames to each side that the first convolution reads */
    wt_dilation_list scales; /* stretch: factors, whose product is the hop */
    int speaker;             /* channels that stand for a speaker; 0: none */
} wt_condition_config;

/* Of the hierarchy alone. */
typedef struct {
    int embedding;          /* channels of a class */
    wt_dilation_list fuse;  /* neighbours that a level takes together; their product is the context */
    wt_dilation_list width; /* of each level; one number: of all */
    wt_bias_choice bias;    /* of the levels' linear layers; auto: where no norm follows */
} wt_hierarchy_config;

/* How parameters begin. */
typedef struct {
    wt_initial_kind kind;
    double gain;         /* of kaiming and xavier; 0: the activation's own */
    double output_scale; /* factor on the last weight's first values */
} wt_initial;

typedef struct {
    int preset; /* 0: none; the others are the choices of model.preset */
    wt_trunk_kind trunk;
    wt_input_kind input;
    int input_kernel;
    wt_array_config array; /* model.kernel, .stacks, .layers … : used where `arrays` is not given */
    int array_count;       /* model.arrays: defaults of each entry are the keys above */
    wt_array_config arrays[WT_ARRAYS_MAX];
    wt_condition_config condition;
    int skip;
    double skip_scale, residual_scale; /* α and β of the design */
    wt_head_kind head;
    int components;           /* of a mixture; 0: 10 logistics, one Gaussian */
    double mean_unit;         /* of a mixture: a mean is the network's output times this, */
    wt_mean_curve mean_curve; /* or the output's sinh times this */
    wt_readout readout;       /* of one label a window: data.stride */
    int head_channels;        /* hidden width of the head; 0: as wide as skip */
    wt_hierarchy_config hierarchy;
    double head_scale; /* of the amplifier alone: a constant factor on its output */
    wt_spectral spectral;
    /* of all */
    double slope; /* of leaky-relu below 0 */
    wt_norm_kind norm;
    double dropout; /* share of activations that a step drops */
    wt_initial initial;
} wt_model_config;

/* Components of the head's mixture. */
static inline int wt_model_components(const wt_model_config *model) {
    return model->components ? model->components : model->head == WT_HEAD_LOGISTICS ? 10 : 1;
}

/* Blocks in a stack of an array; the dilation and taps of block `layer` of a stack. */
int wt_array_layers(const wt_array_config *array);
int wt_array_dilation(const wt_array_config *array, int layer);
int wt_array_kernel(const wt_array_config *array, int layer);
/* The arrays of a network: model.arrays, or the one that the model's own keys describe. */
const wt_array_config *wt_model_arrays(const wt_model_config *model, int *count);

#endif
