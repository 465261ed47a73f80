/* How a data set is trained on: the section data of a configuration. */
#ifndef WAVETRAIN_DATA_CONFIG_H
#define WAVETRAIN_DATA_CONFIG_H

#include "base/batch.h"
#include "wavetrain/data.h"

typedef enum { WT_TARGETS_NEXT, WT_TARGETS_LABEL } wt_target_kind;
typedef enum { WT_NORMALIZE_CHANNEL, WT_NORMALIZE_NONE } wt_normalize;

typedef enum { WT_PARTIAL_PAD, WT_PARTIAL_DROP } wt_partial_context;

typedef enum { WT_SAMPLING_EPOCH, WT_SAMPLING_REPLACEMENT, WT_SAMPLING_ITEM } wt_sampling;

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

#endif
