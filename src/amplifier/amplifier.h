/*
 * Amplifiers: networks that make one signal from another. Sound through one of them, files for players
 * (nam.h), and a capture: from what was played and what the gear made of it to such a file.
 */
#ifndef WAVETRAIN_AMPLIFIER_H
#define WAVETRAIN_AMPLIFIER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/file.h"
#include "data/prepare/prepare.h"
#include "export/nam.h"
#include "wavetrain/base.h"
#include "wavetrain/checkpoint.h"
#include "wavetrain/comm.h"
#include "wavetrain/train.h"

/* --- sound through a network --- */

typedef struct wt_effect wt_effect;

/* Of a checkpoint, or a .nam file opened as one, which must outlive it; of a run with ema.decay with the
 * parameters' mean, unless `raw`. WT_USAGE: the network does not make one signal from another. */
wt_status wt_effect_open(wt_effect **out, wt_checkpoint *checkpoint, bool raw);
void wt_effect_close(wt_effect *effect); /* takes NULL */

typedef struct {
    int64_t frames; /* of the sound */
    int rate;
    double seconds; /* that it took */
} wt_effect_run;

/* Reads `in` ("-": standard input) and writes the WAV file `out` of 32-bit floats ("-": standard output),
 * each as it comes, `block` samples at a time, which changes no bit; as long as the sound, a look-ahead's
 * delay left out. Channels each go through a network of their own, unless it takes them together. WT_USAGE:
 * another rate or other channels than the network was trained for. */
wt_status wt_effect_apply(const wt_effect *effect, const char *in, const char *out, int block,
                          wt_effect_run *run);

/* --- files for players --- */

enum { WT_NAM_SIZES = 2 }; /* of one network that a file is written with */

typedef struct {
    const char *out;
    const char *checkpoint; /* which one of a run: wt_checkpoint_choose */
    bool raw;
    const wt_nam_metadata *labels; /* date and validation_esr are filled */
    const char *const *sources;    /* [count] checkpoints, runs or .nam files, in any order */
    int count;
} wt_nam_job;

/* Writes `out`, an existing one too. WT_USAGE: a source is none that players can play, or two of them are no
 * two sizes of one rate. */
wt_status wt_nam_export(const wt_nam_job *job);

/* --- captures --- */

typedef struct {
    const char *dry, *wet;     /* what was played, and what was recorded */
    const char *preset;        /* wt_capture_knows; NULL: wt_capture_choose is to be called */
    const char *align;         /* wt_audio_job */
    double minutes, until_esr; /* how long to train, on this machine as it is now */
    int more_epochs;           /* for which to go on with a finished capture */
    const wt_nam_metadata *labels;
    char out[WT_PATH_MAX];  /* the file for players */
    char work[WT_PATH_MAX]; /* the folder of the data set, of each size's configuration and run */
} wt_capture;

/* Whether there is such a preset: those of the configuration for one size, or "a2" for both of its sizes. */
bool wt_capture_knows(const char *preset);
/* Sets `out`, which ends in .nam, and `work`, which is named after it. */
wt_status wt_capture_name(wt_capture *capture, const char *out);

/* Where no preset is given, takes that which the capture has begun with, or a1-standard. Collective. */
void wt_capture_choose(wt_comm *comm, wt_capture *capture);

/* Makes the data set (output->out is not read); *made is false where it was there already, and nothing else
 * happens. Dispose of the set and of what is prepared in any case. Collective. */
wt_status wt_capture_prepare(wt_comm *comm, const wt_capture *capture, const wt_prepare_output *output,
                             wt_audio_set *set, wt_prepared *prepared, bool *made);
/* Trains and writes `out`, or goes on with that. Its length in steps follows from the minutes and the
 * measured time of a step, once; then it stands in the configuration that the capture goes on with, however
 * often it is stopped. WT_CONTINUE: stopped, to be called again. Collective. */
wt_status wt_capture_train(wt_comm *comm, const wt_capture *capture);

typedef struct {
    const char *size;
    wt_run_verdict verdict;
    bool begun; /* there is a checkpoint, of which: */
    int64_t step, steps;
    double seconds;     /* of training */
    double loss, power; /* of its validation: state.validation_loss and validation_power */
} wt_capture_state;

/* What each size is at; their number. Not collective. */
int wt_capture_inspect(const wt_capture *capture, wt_capture_state states[WT_NAM_SIZES]);

#endif
