/* wavetrain apply: a signal through a network that makes one signal from another. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timer.h"
#include "config/sections.h"
#include "data/prepare/sound.h"
#include "generate/filter.h"
#include "network/network_model.h"
#include "prepare_job.h"
#include "wavetrain/train.h"

typedef struct {
    char **in, **out, *checkpoint;
    int raw, block;
} apply_arguments;

static apply_arguments given;

static const struct poptOption options[] = {
    {"in", '\0', POPT_ARG_ARGV, &given.in, 0,
     "The sound to take, - for standard input; may be given several times, each with an --out", "SOUND"},
    {"out", '\0', POPT_ARG_ARGV, &given.out, 0,
     "The WAV file to write (32-bit floats), whose name must be free; - for standard output", "FILE.wav"},
    {"checkpoint", '\0', POPT_ARG_STRING, &given.checkpoint, 0,
     "Which one of a run: newest (default), best (by validation loss), or a step", "newest|best|STEP"},
    {"raw", '\0', POPT_ARG_NONE, &given.raw, 0,
     "Of a run with ema.decay, the parameters of the last step instead of their mean", NULL},
    {"block", '\0', POPT_ARG_INT, &given.block, 0,
     "Samples that are computed at a time (default 65536); more are faster, fewer come sooner; never changes "
     "a bit",
     "N"},
    POPT_TABLEEND,
};

enum { BLOCK_MAX = 1 << 24 };

typedef struct {
    wt_checkpoint *checkpoint;
    wt_restored restored;
    const wt_kernels *kernels;
    int look_ahead, rate, channels; /* as trained */
} effect;

/* One file on its way. Channels of a file each have a filter of their own, unless the network takes them
 * together. */
typedef struct {
    wt_sound_format format;
    wt_sound_reader *reader;
    wt_sound_writer *writer;
    wt_filter **filters;
    int count, width;   /* filters, and channels of each one's signal */
    float *x, *own, *y; /* [block, channels], one filter's [block, width], [block, count] */
    int64_t read, skip; /* frames; outputs that come before the signal's first one */
} passage;

static int files_of(char *const *list) {
    int count = 0;
    while (list && list[count]) count++;
    return count;
}

static wt_status check_apply_arguments(void) {
    const int in = files_of(given.in), out = files_of(given.out);
    WT_CHECK(in > 0, WT_USAGE, "apply: --in is missing (expected --in SOUND --out FILE.wav)");
    WT_CHECK(in == out, WT_USAGE, "apply: --in and --out don't fit (got %d and %d, expected as many)", in,
             out);
    WT_CHECK(given.block >= 1 && given.block <= BLOCK_MAX, WT_USAGE,
             "--block is out of range (got %d, expected 1 … %d)", given.block, BLOCK_MAX);
    for (int i = 0; i < out; i++) {
        if (strcmp(given.out[i], "-") == 0) continue;
        WT_TRY(wt_path_require_ending(given.out[i], ".wav", "a WAV file"));
        WT_TRY(wt_path_require_free(given.out[i], " (expected a name that is free)"));
    }
    return WT_OK;
}

static wt_status open_effect(effect *e, const char *file_or_run) {
    WT_TRY(wt_command_open_checkpoint(&e->checkpoint, file_or_run, given.checkpoint));
    const wt_config *config = wt_checkpoint_get_config(e->checkpoint);
    const wt_checkpoint_state *state = wt_checkpoint_get_state(e->checkpoint);
    const bool filters = config->data.target == WT_TARGETS_LABEL && config->data.stride == 0 &&
                         config->model.head == WT_HEAD_MSE && config->model.input == WT_INPUT_REAL;
    WT_CHECK(filters, WT_USAGE,
             "%s: does not make one signal from another (expected model.input: real, model.head: mse, "
             "data.target: label, without a stride)",
             wt_checkpoint_path(e->checkpoint));
    e->look_ahead = config->data.look_ahead;
    e->rate = state->sample_rate;
    e->channels = state->channels;
    WT_TRY(wt_kernels_select(&e->kernels, config->run.backend, WT_PRECISION_FP32));
    return wt_restore_network(&e->restored, e->checkpoint, given.raw);
}

static wt_status check_apply_format(const effect *e, const passage *p, const char *path) {
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    WT_CHECK(p->format.rate == e->rate, WT_USAGE,
             "%s: is at another rate than the network (got %d Hz, expected %d)", name, p->format.rate,
             e->rate);
    WT_CHECK(e->channels == 1 || p->format.channels == e->channels, WT_USAGE,
             "%s: the number of channels does not fit the network (got %d, expected %d)", name,
             p->format.channels, e->channels);
    return WT_OK;
}

static wt_status make_channel_filters(const effect *e, passage *p) {
    const wt_network *network = e->restored.network;
    const wt_filter_network filter = {.graph = wt_network_graph(network),
                                      .kernels = e->kernels,
                                      .parameters = e->restored.parameters,
                                      .receptive_field = wt_network_get_traits(network)->receptive_field,
                                      .channels = e->channels,
                                      .normalization = wt_checkpoint_get_state(e->checkpoint)->normalization};
    const size_t block = (size_t)given.block;
    p->width = e->channels;
    p->count = p->format.channels / e->channels;
    p->skip = e->look_ahead;
    WT_TRY(wt_alloc(&p->filters, (size_t)p->count, sizeof(wt_filter *), "filters"));
    for (int f = 0; f < p->count; f++) WT_TRY(wt_filter_create(&p->filters[f], &filter, given.block));
    WT_TRY(wt_alloc(&p->x, block * (size_t)p->format.channels, sizeof *p->x, "a block of sound"));
    WT_TRY(wt_alloc(&p->own, block * (size_t)p->width, sizeof *p->own, "a block of sound"));
    return wt_alloc(&p->y, block * (size_t)p->count, sizeof *p->y, "a block of sound");
}

static wt_status open_passage(const effect *e, passage *p, const char *in, const char *out) {
    WT_TRY(wt_sound_reader_open(&p->reader, &p->format, in));
    WT_TRY(check_apply_format(e, p, in));
    WT_TRY(make_channel_filters(e, p));
    const wt_sound_format made = {.frames = -1, .rate = p->format.rate, .channels = p->count};
    return wt_sound_writer_open(&p->writer, out, &made, WT_SOUND_FLOAT);
}

static void close_passage(passage *p) {
    for (int f = 0; p->filters && f < p->count; f++) wt_filter_destroy(p->filters[f]);
    wt_free(p->filters);
    wt_free(p->x);
    wt_free(p->own);
    wt_free(p->y);
    wt_sound_reader_close(p->reader);
}

static void filter_block(passage *p, int frames) {
    if (frames == 0) return;
    const size_t all = (size_t)p->format.channels, width = (size_t)p->width, count = (size_t)p->count;
    for (size_t f = 0; f < count; f++) {
        for (size_t t = 0; t < (size_t)frames; t++)
            memcpy(p->own + t * width, p->x + t * all + f * width, width * sizeof *p->own);
        wt_filter_run(p->filters[f], p->own, frames, p->own);
        for (size_t t = 0; t < (size_t)frames; t++) p->y[t * count + f] = p->own[t];
    }
}

/* The outputs of a block, but for those that come before the signal's first. */
static wt_status write_block(passage *p, int64_t frames) {
    const int64_t skipped = p->skip < frames ? p->skip : frames;
    p->skip -= skipped;
    if (skipped == frames) return WT_OK;
    return wt_sound_writer_add(p->writer, p->y + skipped * p->count, (int)(frames - skipped));
}

/* Behind the signal's end a look-ahead sees padding: the mean, which normalisation makes 0. */
static void fill_padding(const effect *e, passage *p, int64_t frames) {
    const wt_normalization *n = &wt_checkpoint_get_state(e->checkpoint)->normalization;
    for (int64_t i = 0; i < frames * p->format.channels; i++) {
        const int c = (int)(i % p->format.channels) % p->width;
        p->x[i] = n->channels ? (float)n->mean[c] : 0;
    }
}

static wt_status run_passage(const effect *e, passage *p) {
    int64_t left = e->look_ahead, got;
    do {
        WT_TRY(wt_sound_reader_next(p->reader, p->x, given.block, &got));
        filter_block(p, (int)got);
        WT_TRY(write_block(p, got));
        p->read += got;
    } while (got > 0);
    for (; left > 0; left -= got) {
        got = left < given.block ? left : given.block;
        fill_padding(e, p, got);
        filter_block(p, (int)got);
        WT_TRY(write_block(p, got));
    }
    return WT_OK;
}

static wt_status pass_file(const effect *e, const char *in, const char *out) {
    passage p = {0};
    const double began = wt_time_now();
    wt_status status = open_passage(e, &p, in, out);
    if (status == WT_OK) status = run_passage(e, &p);
    const double seconds = wt_time_now() - began,
                 length = (double)p.read / (p.format.rate ? p.format.rate : 1);
    status = wt_sound_writer_close(p.writer, NULL, status);
    if (status == WT_OK)
        wt_log_info("%s: %.2f s in %.2f s, %.1f × real time", strcmp(out, "-") == 0 ? "standard output" : out,
                    length, seconds, length / seconds);
    close_passage(&p);
    return status;
}

static wt_status run_apply(wt_comm *comm, int argc, const char **argv) {
    wt_command_line line = {0};
    effect e = {0};
    (void)comm;
    given = (apply_arguments){.block = 65536};
    wt_status status = wt_command_parse(&line, &wt_command_apply, argc, argv, 1, 1);
    if (status == WT_OK && !line.done) {
        status = check_apply_arguments();
        if (status == WT_OK) status = open_effect(&e, line.arguments[0]);
        for (int i = 0; status == WT_OK && i < files_of(given.in); i++)
            status = pass_file(&e, given.in[i], given.out[i]);
    }
    wt_restored_dispose(&e.restored);
    wt_checkpoint_close(e.checkpoint);
    poptFreeContext(line.context);
    free(given.checkpoint);
    wt_prepare_free_values(given.in);
    wt_prepare_free_values(given.out);
    return status;
}

const wt_command wt_command_apply = {
    .name = "apply",
    .arguments = "CHECKPOINT|RUN|FILE.nam --in SOUND --out FILE.wav [OPTION…]",
    .summary = "Send sound through a network that makes one signal from another",
    .run = run_apply,
    .options = options,
};
