/*
 * Generation: how a class is drawn from a stream's outputs (stream.h), sequences of them, and what a
 * checkpoint's network makes: sound, tables' series and text.
 */
#ifndef WAVETRAIN_GENERATE_H
#define WAVETRAIN_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "wavetrain/checkpoint.h"
#include "wavetrain/comm.h"
#include "wavetrain/data.h"
#include "wavetrain/kernels.h"
#include "wavetrain/stream.h"
#include "wavetrain/train.h"

/* How to choose a class from logits. */
typedef struct {
    double temperature; /* 0: the most likely (the lowest class among equals) */
    int top_k;          /* draw from the k most likely; 0: from all */
    uint64_t seed, stream;
    const wt_kernels *kernels;
    wt_real *weights; /* [classes], to work in */
} wt_choice;

/* The class for sample `index`, drawn with the number keyed by (seed, stream, index). */
wt_status wt_choose(const wt_choice *choice, const wt_real *logits, int classes, int64_t index,
                    int32_t *chosen);

/* A sequence of classes: the prompt is fed first and is no part of `drawn`. */
typedef struct {
    const int32_t *prompt; /* [prompt_count], all below the network's classes */
    int64_t prompt_count;
    int32_t stop; /* the class that ends it, itself drawn but not kept; −1: none */
    int64_t most; /* classes to draw */
} wt_sequence;

/* Draws from a fresh stream of class input into `drawn` [most]; *count of them, and *stopped if `stop` was
 * drawn. The network may have any architecture that wt_stream_create takes. */
wt_status wt_sequence_draw(wt_stream *stream, const wt_sequence *sequence, const wt_choice *choice,
                           int classes, int32_t *drawn, int64_t *count, bool *stopped);

/* --- a series that goes on: what a network's outputs say of the next sample, and what it sees of it --- */

/*
 * A sample is x [channels], in the network's units: of sound ±1, of a table normalised, of text its class.
 * Classes are drawn by wt_choose, values by wt_engine_draw, and the network sees classes or values, less
 * what data.preemphasis takes off. Threads have one each.
 */
typedef struct {
    /* the caller's */
    const struct wt_graph *graph;
    const wt_kernels *kernels;
    wt_quantization quantization; /* of class inputs and of a softmax */
    bool classes;                 /* the input is classes */
    double preemphasis;
    double temperature;
    int top_k; /* of a softmax alone */
    uint64_t seed;
    /* wt_continuation_init's */
    int channels;
    bool draws_values;
    float *levels;    /* [quantization.levels] what a class stands for */
    wt_real *scratch; /* of a draw */
} wt_continuation;

/* A series' newest sample. */
typedef struct {
    float *x;       /* [channels]; at an utterance's start 0 */
    wt_real *seen;  /* [channels] what the network sees of it: values, */
    int32_t symbol; /* and its class */
} wt_sample;

/* Dispose also after a failure. */
wt_status wt_continuation_init(wt_continuation *how);
void wt_continuation_dispose(wt_continuation *how);
/* The next sample, drawn from the outputs with the key's numbers. WT_FAILED: an output is not finite. */
wt_status wt_continuation_draw(const wt_continuation *how, const wt_real *outputs, const wt_draw_key *key,
                               wt_sample *sample);
/* The next sample is `given` [channels], or the nearest that there can be. */
void wt_continuation_take(const wt_continuation *how, const float *given, wt_sample *sample);

/* --- many pieces, by the rows of a stream --- */

typedef struct {
    uint64_t number;     /* keys its draws */
    const float *prompt; /* [prompt_count, channels], fed first, and not handed over */
    int64_t prompt_count;
    int32_t stop;                         /* the class that ends it, drawn but not handed over; −1: none */
    int64_t max;                          /* samples to draw */
    const wt_stream_condition *condition; /* NULL: the stream's */
} wt_piece;

/* WT_PIECE_ABANDONED: another thread has failed, so that what was drawn is of no use. */
typedef enum { WT_PIECE_FULL, WT_PIECE_STOPPED, WT_PIECE_INTERRUPTED, WT_PIECE_ABANDONED } wt_piece_end;

/* Who gives pieces and takes samples. `take` is given a piece's samples [count, channels] in order, some
 * hundreds at a time, `end` comes after the last ones, also of those that `interrupted` ends (it may be
 * NULL). Of one stream one thread calls them all. */
typedef struct {
    bool (*next)(void *context, wt_piece *piece); /* false: there are no more */
    wt_status (*take)(void *context, uint64_t number, const float *samples, int count);
    wt_status (*end)(void *context, uint64_t number, wt_piece_end how);
    bool (*interrupted)(void *context);
    void *context;
} wt_piece_work;

/* Draws pieces until there are no more, in as many rows as the stream has (it has none afterwards). A
 * piece depends on its number, its prompt and the network alone. */
wt_status wt_pieces_draw(wt_stream *stream, const wt_continuation *how, const wt_piece_work *work);

/* --- from a checkpoint --- */

typedef enum { WT_GENERATES_SOUND, WT_GENERATES_TABLE, WT_GENERATES_TEXT } wt_generated;

/* A network that generates. */
typedef struct {
    wt_checkpoint *checkpoint; /* the caller's, which must outlive the generator */
    wt_generated kind;
    int rate, channels;
    wt_normalization units; /* of a table's columns; without channels: of sound */
    wt_restored restored;
    wt_continuation how; /* temperature (1), top_k (0: all) and seed (1) are the caller's to set */
    int32_t silence_class;
    wt_stream_condition condition; /* its speaker: wt_generator_set_speaker */
    wt_real *frames;               /* of the condition */
} wt_generator;

/* Of a run with ema.decay, with the parameters' mean, unless `raw`. A network with a condition begins without
 * one, which it has learnt to do if data.condition_dropout was set. WT_USAGE: it predicts labels. Dispose
 * also after a failure. */
wt_status wt_generator_open(wt_generator *generator, wt_checkpoint *checkpoint, bool raw);
void wt_generator_dispose(wt_generator *generator);
/* By name, or by number ("0"). WT_USAGE: the network has speakers, and `name` is none of theirs or NULL; or
 * it has none, and `name` is given. */
wt_status wt_generator_set_speaker(wt_generator *generator, const char *name);

/* --- what pieces follow --- */

/* The features of a recording, as the network sees them. */
typedef struct {
    char *name; /* its path, or its id in a data set */
    wt_stream_condition
        condition; /* as the generator's, but for its own frames; of a data set's recording the
                                      speaker is that one's */
    wt_real *frames;
    int64_t samples; /* at the network's rate */
    float *original; /* [samples] the recording; NULL: it is not known */
} wt_followed;

typedef struct {
    wt_followed *list;
    int count;
} wt_conditions;

/* Each adds to the list. WT_USAGE: the network has no condition, or the features are none of its kind. */

/* Features of a recording, made as those that the network has learnt. */
wt_status wt_conditions_add_sound(wt_conditions *conditions, const wt_generator *generator, const char *path);
/* Features from a file of another program (.npy, .h5; `layout` "TD", "DT" or NULL: by its sides). Warns if
 * they are not like those that the network has learnt, in the median of their numbers: deviations less than
 * half or more than twice the learnt ones, or means three learnt deviations away. */
wt_status wt_conditions_add_features(wt_conditions *conditions, const wt_generator *generator,
                                     const char *path, const char *layout);
/* Features of `count` recordings of a data set's part, evenly spread over it, and these, up to 10 s of
 * each. WT_USAGE: a recording's speaker is none that the network knows. */
wt_status wt_conditions_add_dataset(wt_conditions *conditions, const wt_generator *generator,
                                    const char *path, const char *split, int count);
void wt_conditions_dispose(wt_conditions *conditions);

/* What a series goes on from, and does not write out. */
typedef struct {
    float *samples; /* [count, channels] in the network's units */
    int64_t count;  /* of `whole`, its first ones: the seconds asked for, at least the receptive field */
    int64_t whole;
    char *id; /* the utterance's; of a recording NULL */
} wt_prime;

/* The beginning of a recording: the mean of its channels, at the network's rate. */
wt_status wt_prime_read_sound(wt_prime *prime, const wt_generator *generator, const char *path,
                              double seconds);

typedef struct {
    const char *path, *split; /* a data set's part */
    int64_t utterance;        /* its number; −1: the longest one, which has speech on both sides of where
                                 priming ends */
    double seconds;
} wt_prime_source;

/* The beginning of an utterance. */
wt_status wt_prime_read_utterance(wt_prime *prime, const wt_generator *generator,
                                  const wt_prime_source *source);
void wt_prime_dispose(wt_prime *prime);

/* Draws `count` pieces by all threads, as wt_pieces_draw does with one stream: `work` is called by several
 * threads, but about one piece by one at a time. Once a thread has failed, the others' pieces end as
 * WT_PIECE_ABANDONED. */
wt_status wt_pieces_draw_together(const wt_generator *generator, wt_weights weights, int count,
                                  const wt_piece_work *work);

/* --- sound, and tables' series, into files --- */

/* Whether a sound is something: silence, a constant and noise are what networks give that have learnt too
 * little. Noise: no sample says anything about its neighbours. */
typedef enum {
    WT_SOUND_USUAL,
    WT_SOUND_SILENCE,
    WT_SOUND_CONSTANT,
    WT_SOUND_NOISE,
    WT_SOUND_TRAITS
} wt_sound_trait;

/* A piece that is written. */
typedef struct {
    const char *path; /* or "standard output" */
    int64_t samples;
    double level; /* decibels of the mean square, re full scale */
} wt_series_piece;

typedef struct {
    const wt_generator *generator;
    wt_prime prime;  /* without samples: from the beginning */
    const char *out; /* OUT.wav, of a table OUT.csv; several pieces are OUT-1.wav, OUT-2.wav …; "-": standard
                         output */
    const char *plot; /* a picture of the first piece that rank 0 makes, and what it goes on from; or NULL */
    bool raw;         /* sound without a header */
    bool force;       /* replace files */
    int count;
    const wt_conditions *conditions; /* a piece for each, `count` of them; NULL: the generator's for all */
    int64_t samples;                 /* of a piece; −1: without end; 0: as many as its condition has */
    wt_weights weights;
    /* May be NULL. `written` is called for each piece that this rank makes, one call at a time; `drawn` after
     * some of the samples of its first piece, with their number so far. */
    void (*written)(void *context, const wt_series_piece *piece);
    void (*drawn)(void *context, int64_t samples);
    void *context;
} wt_series_request;

/* Of all ranks. */
typedef struct {
    int skipped;               /* pieces that were there already */
    int64_t whole, unfinished; /* pieces */
    int64_t samples;
    int64_t asked; /* samples of the pieces that were not there already; −1: without end */
    int64_t traits[WT_SOUND_TRAITS]; /* pieces of sound with each */
    double seconds;
    bool plotted; /* on rank 0 */
} wt_series_summary;

/* Makes pieces 0 … count−1, shared out over the ranks and their threads, each written when it is ready; with
 * several pieces those that are there already are left out, unless forced. Where wt_comm_catch_signals was
 * called, a signal ends the work: what is not whole keeps a name that says so (v.unfinished.wav), until it is
 * made anew. WT_USAGE: what is asked for can't be written. Collective. */
wt_status wt_series_generate(wt_comm *comm, const wt_series_request *request, wt_series_summary *summary);

/* --- text --- */

typedef struct {
    const wt_generator *generator;
    const char *prompt; /* what each text begins with; NULL: nothing */
    int count;
    int64_t max_length; /* characters, with the prompt; 0: 1,000 of an item, 2,000 of running text */
    wt_weights weights;
} wt_text_request;

typedef struct {
    int32_t *classes; /* [count] behind the prompt */
    int count;
    bool begun, cut; /* at the max length, before its end mark */
    bool whole;      /* no signal came before its end */
} wt_text_drawn;

typedef struct {
    const wt_generator *generator;
    bool items;      /* which end with an end mark; else pages of running text */
    int32_t *prompt; /* [prompt_count] classes */
    int64_t prompt_count, max_length;
    wt_text_drawn *list; /* [count] */
    int count, whole, cut;
} wt_texts;

/* Where wt_comm_catch_signals was called, a signal ends the work; what was drawn stays. Not collective. */
wt_status wt_texts_draw(wt_texts *texts, const wt_text_request *request);
void wt_texts_dispose(wt_texts *texts);
/* A line per text, in UTF-8: *bytes [*size], which the caller frees with free(), also after a failure. */
wt_status wt_texts_encode(char **bytes, size_t *size, const wt_texts *texts);
/* How many of the items are not among the *items of the training part of `data`. */
wt_status wt_texts_count_new(int *count_of_new, int64_t *items, const wt_texts *texts, const char *data);

#endif
