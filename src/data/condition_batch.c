/* The condition of a batch's windows: frames from the data set, normalised, and speakers. */
#include <string.h>

#include "base/random.h"
#include "data/dataset.h"
#include "data_internal.h"

wt_status wt_condition_batch_create(wt_batch *batch, const wt_batch_shape *shape) {
    const size_t slots = (size_t)shape->windows;
    const wt_condition_shape *c = &shape->condition;
    if (c->speakers) WT_TRY(wt_alloc(&batch->speaker, slots, sizeof *batch->speaker, "speakers of a batch"));
    if (c->frames == 0) return WT_OK;
    batch->frames = c->frames;
    batch->features = c->features.count + c->flagged;
    WT_TRY(wt_alloc(&batch->phase, slots, sizeof *batch->phase, "frames of a batch"));
    return wt_alloc(&batch->condition, slots * (size_t)(batch->frames * batch->features),
                    sizeof *batch->condition, "frames of a batch");
}

wt_status wt_condition_filler_check(const wt_dataset *dataset, const wt_batch_shape *shape) {
    const wt_condition_shape *c = &shape->condition;
    const wt_features *own = wt_dataset_features(dataset), *learnt = &c->features;
    if (c->frames == 0) return WT_OK;
    WT_CHECK(own->count > 0, WT_USAGE, "the network has a condition, and the data set has no features");
    WT_CHECK(
        own->count == learnt->count && own->hop == learnt->hop, WT_USAGE,
        "the data set's features are not those that the network learnt (got %d numbers every %d samples, "
        "expected %d every %d)",
        own->count, own->hop, learnt->count, learnt->hop);
    return WT_OK;
}

/* Zeros, the flag too, for a share of the windows, drawn by the key of the batch and the window. */
static bool is_dropped(const wt_batch_filler *filler, int64_t window) {
    const wt_condition_shape *c = &filler->shape.condition;
    if (c->dropout <= 0) return false;
    return wt_random_uniform(filler->shape.noise_seed, WT_RANDOM_CONDITION, (uint64_t)filler->number,
                             (uint64_t)window) < c->dropout;
}

void wt_condition_normalise(const wt_features *kind, const float *frame, wt_real *to) {
    for (int c = 0; c < kind->count; c++)
        to[c] = (wt_real)(((double)frame[c] - kind->mean[c]) / kind->deviation[c]);
}

static void fill_frames(const wt_batch_filler *filler, wt_batch *batch, int slot, const wt_window *window,
                        bool dropped) {
    const wt_condition_shape *c = &filler->shape.condition;
    const size_t each = (size_t)batch->features;
    wt_real *to = batch->condition + (size_t)slot * (size_t)batch->frames * each;
    const int64_t utterances = wt_dataset_utterances(filler->dataset);
    const int64_t whose = c->source == WT_FRAMES_OTHER ? (window->utterance + 1) % utterances
                                                       : window->utterance;
    const int64_t late = c->source == WT_FRAMES_LATE ? c->features.hop / 2 : 0;
    int64_t count;
    const float *frames = wt_dataset_frames(filler->dataset, whose, &count);
    const int64_t sample = window->start - batch->context + 1 - late;
    int64_t first = wt_batch_frame_of(&c->framing, sample, wt_dataset_features(filler->dataset)->centre,
                                      &batch->phase[slot]) -
                    c->framing.back;
    memset(to, 0, (size_t)batch->frames * each * sizeof *to);
    for (int i = 0; !dropped && i < batch->frames; i++, to += each) {
        wt_condition_normalise(&c->features,
                               frames + wt_batch_frame_inside(first + i, count) * c->features.count, to);
        if (c->flagged) to[c->features.count] = 1;
    }
}

wt_status wt_condition_fill_slot(wt_batch_filler *filler, wt_batch *batch, int slot, int64_t index) {
    if (index < 0) return WT_OK; /* a window without targets: nothing reads it */
    const wt_window window = wt_windows_get(filler->windows, index);
    if (batch->speaker) {
        const int speakers = filler->shape.condition.speakers;
        const int32_t speaker = wt_dataset_speaker(filler->dataset, window.utterance);
        WT_CHECK(speaker >= 0 && speaker < speakers, WT_USAGE,
                 "utterance %lld has no speaker that the network knows (got %d, expected 0 to %d)",
                 (long long)window.utterance, speaker, speakers - 1);
        batch->speaker[slot] = (speaker + filler->shape.condition.turn) % speakers;
    }
    if (batch->condition) fill_frames(filler, batch, slot, &window, is_dropped(filler, index));
    return WT_OK;
}
