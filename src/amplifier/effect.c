/* Sound through a network, block by block. */
#include <string.h>

#include "amplifier/amplifier.h"
#include "base/memory.h"
#include "base/timer.h"
#include "config/sections.h"
#include "data/prepare/sound.h"
#include "generate/filter.h"
#include "network/network_model.h"

struct wt_effect {
    wt_checkpoint *checkpoint;
    wt_restored restored;
    const wt_kernels *kernels;
    int look_ahead, rate, channels; /* as trained */
};

/* One file on its way. Channels of a file each have a filter of their own, unless the network takes them
 * together. */
typedef struct {
    wt_sound_format format;
    wt_sound_reader *reader;
    wt_sound_writer *writer;
    wt_filter **filters;
    int block;          /* frames at a time */
    int count, width;   /* filters, and channels of each one's signal */
    float *x, *own, *y; /* [block, channels], one filter's [block, width], [block, count] */
    int64_t read, skip; /* frames; outputs that come before the signal's first one */
} passage;

static wt_status init_effect(wt_effect *e, wt_checkpoint *checkpoint, bool raw) {
    const wt_config *config = wt_checkpoint_get_config(checkpoint);
    const wt_checkpoint_state *state = wt_checkpoint_get_state(checkpoint);
    const bool filters = config->data.target == WT_TARGETS_LABEL && config->data.stride == 0 &&
                         config->model.head == WT_HEAD_MSE && config->model.input == WT_INPUT_REAL;
    WT_CHECK(filters, WT_USAGE,
             "%s: does not make one signal from another (expected model.input: real, model.head: mse, "
             "data.target: label, without a stride)",
             wt_checkpoint_path(checkpoint));
    e->checkpoint = checkpoint;
    e->look_ahead = config->data.look_ahead;
    e->rate = state->sample_rate;
    e->channels = state->channels;
    WT_TRY(wt_kernels_select(&e->kernels, config->run.backend, WT_PRECISION_FP32));
    return wt_restore_network(&e->restored, checkpoint, raw);
}

wt_status wt_effect_open(wt_effect **out, wt_checkpoint *checkpoint, bool raw) {
    wt_effect *e;
    *out = NULL;
    WT_TRY(wt_alloc(&e, 1, sizeof *e, "a network"));
    const wt_status status = init_effect(e, checkpoint, raw);
    if (status == WT_OK)
        *out = e;
    else
        wt_effect_close(e);
    return status;
}

void wt_effect_close(wt_effect *effect) {
    if (!effect) return;
    wt_restored_dispose(&effect->restored);
    wt_free(effect);
}

static wt_status check_apply_format(const wt_effect *e, const passage *p, const char *path) {
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    WT_CHECK(p->format.rate == e->rate, WT_USAGE,
             "%s: is at another rate than the network (got %d Hz, expected %d)", name, p->format.rate,
             e->rate);
    WT_CHECK(e->channels == 1 || p->format.channels == e->channels, WT_USAGE,
             "%s: the number of channels does not fit the network (got %d, expected %d)", name,
             p->format.channels, e->channels);
    return WT_OK;
}

static wt_status make_channel_filters(const wt_effect *e, passage *p) {
    const wt_network *network = e->restored.network;
    const wt_filter_network filter = {.graph = wt_network_graph(network),
                                      .kernels = e->kernels,
                                      .parameters = e->restored.parameters,
                                      .receptive_field = wt_network_get_traits(network)->receptive_field,
                                      .channels = e->channels,
                                      .outputs = 1,
                                      .normalization = wt_checkpoint_get_state(e->checkpoint)->normalization};
    const size_t block = (size_t)p->block;
    p->width = e->channels;
    p->count = p->format.channels / e->channels;
    p->skip = e->look_ahead;
    WT_TRY(wt_alloc(&p->filters, (size_t)p->count, sizeof(wt_filter *), "filters"));
    for (int f = 0; f < p->count; f++) WT_TRY(wt_filter_create(&p->filters[f], &filter, p->block));
    WT_TRY(wt_alloc(&p->x, block * (size_t)p->format.channels, sizeof *p->x, "a block of sound"));
    WT_TRY(wt_alloc(&p->own, block * (size_t)p->width, sizeof *p->own, "a block of sound"));
    return wt_alloc(&p->y, block * (size_t)p->count, sizeof *p->y, "a block of sound");
}

static wt_status open_passage(const wt_effect *e, passage *p, const char *in, const char *out) {
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
static void fill_padding(const wt_effect *e, passage *p, int64_t frames) {
    const wt_normalization *n = &wt_checkpoint_get_state(e->checkpoint)->normalization;
    for (int64_t i = 0; i < frames * p->format.channels; i++) {
        const int c = (int)(i % p->format.channels) % p->width;
        p->x[i] = n->channels ? (float)n->mean[c] : 0;
    }
}

static wt_status run_passage(const wt_effect *e, passage *p) {
    int64_t left = e->look_ahead, got;
    do {
        WT_TRY(wt_sound_reader_next(p->reader, p->x, p->block, &got));
        filter_block(p, (int)got);
        WT_TRY(write_block(p, got));
        p->read += got;
    } while (got > 0);
    for (; left > 0; left -= got) {
        got = left < p->block ? left : p->block;
        fill_padding(e, p, got);
        filter_block(p, (int)got);
        WT_TRY(write_block(p, got));
    }
    return WT_OK;
}

wt_status wt_effect_apply(const wt_effect *effect, const char *in, const char *out, int block,
                          wt_effect_run *run) {
    passage p = {.block = block};
    const double began = wt_time_now();
    wt_status status = open_passage(effect, &p, in, out);
    if (status == WT_OK) status = run_passage(effect, &p);
    *run = (wt_effect_run){p.read, p.format.rate, wt_time_now() - began};
    status = wt_sound_writer_close(p.writer, NULL, status);
    close_passage(&p);
    return status;
}
