/*
 * Neural Amp Modeler's files (.nam): a JSON object with an architecture, its weights and what players show.
 * Plain data in memory, no files; sees configurations, and no networks.
 *
 * Weights stand in the order of PyTorch's modules, which is that of an amplifier's parameter table
 * (src/network/amplifier.c), each tensor in PyTorch's order; the last number is the head's scale.
 *
 * What is written is what players' fast paths ask for: networks that the first generation's keys can express
 * as version 0.5.4 with those keys, others as 0.7.0 with all keys of that version, several sizes as a
 * container. What is read: both.
 */
#ifndef WAVETRAIN_NAM_H
#define WAVETRAIN_NAM_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "config/sections.h"

enum {
    WT_NAM_RATE = 48000,        /* of a file that names no sample rate */
    WT_NAM_TEXT_MAX = 64 << 20, /* bytes */
    WT_NAM_MODELS_MAX = 8       /* sizes in a container */
};

/* One network. `weights` has those of all tensors, without the head's scale. */
typedef struct {
    const wt_model_config *model;
    const float *weights;
    size_t count;
    int sample_rate;
} wt_nam_model;

/* What players show. A text that is NULL and a number that is NaN are left out. */
typedef struct {
    const char *name, *modeled_by, *gear_make, *gear_model, *gear_type, *tone_type;
    double input_level_dbu, output_level_dbu, loudness, gain, validation_esr;
    time_t date;
} wt_nam_metadata;

/* The words that gear_type and tone_type may be, NULL at the end. */
extern const char *const wt_nam_gear_types[], *const wt_nam_tone_types[];
/* Texts are UTF-8, the types are among those words; else WT_USAGE with the name of the option at fault. */
wt_status wt_nam_metadata_check(const wt_nam_metadata *labels);
/* Says nothing: an initializer, which takes math.h. */
#define WT_NAM_NO_METADATA \
    { .input_level_dbu = NAN, .output_level_dbu = NAN, .loudness = NAN, .gain = NAN, .validation_esr = NAN }

/* The text of a file (wt_free), whose lines end with a newline. `count` models, the smallest first; more than
 * one make a container, in which a player that wants the share s of the sizes takes the first whose number is
 * above s. Fails (WT_USAGE) where `model` is no amplifier. */
wt_status wt_nam_print(char **text, const wt_nam_model *models, int count, const wt_nam_metadata *metadata);

/* A file that was read: of a container the largest model. */
typedef struct {
    wt_config config; /* with the data section that such a network needs */
    float *weights;   /* without the head's scale; wt_nam_dispose */
    size_t count;
    int sample_rate;
} wt_nam_file;

/* Whether a file that begins with these bytes is meant to be one. */
bool wt_nam_recognise(const char *text, size_t bytes);
/* Fails (WT_USAGE) with the place in the file, and with the name of what an amplifier has not. */
wt_status wt_nam_parse(wt_nam_file *file, const char *path, const char *text, size_t bytes);
void wt_nam_dispose(wt_nam_file *file);

#endif
