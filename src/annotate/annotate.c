/* Recordings through a network of labels: pieces of sound → the network's rate → logits → events. */
#include "annotate/annotate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "config/sections.h"
#include "data/prepare/recordings.h"
#include "event_merge.h"
#include "generate/filter.h"
#include "network/network_model.h"
#include "wavetrain/train.h"

enum { PIECE = 16384 }; /* frames at a time */

/* What was made. */
typedef struct {
    int64_t recordings, events;
    double seconds; /* of sound */
} annotated_sum;

typedef struct {
    const wt_annotate_job *job;
    wt_checkpoint *checkpoint;
    const wt_checkpoint_state *state;
    const wt_config *config;
    const wt_kernels *kernels;
    wt_restored restored;
    wt_quantization quantization;
    wt_filter *filter;
    wt_annotation_writer *writer;
    annotated_sum *sum;
    int classes;
} annotator;

/* One recording on its way. */
typedef struct {
    annotator *all;
    wt_sound_format format;
    wt_sound_reader *reader;
    wt_sound_resampler *resampler; /* NULL: it is of the network's rate */
    wt_event_merger merger;
    float *read, *resampled, *logits; /* [PIECE, channels], [PIECE, network's channels], [PIECE, classes] */
    double *sums;                     /* [classes] of probabilities, where a recording has one class */
    int64_t skip, samples; /* outputs before the first sample's own; samples of the network's rate */
} passage_of_sound;

/* --- outputs --- */

static wt_status take_merged(void *context, const wt_merged_event *event) {
    const passage_of_sound *p = context;
    char name[WT_CLASS_TEXT];
    const double rate = p->all->state->sample_rate;
    wt_class_name(name, &p->all->state->names.classes, event->class);
    p->all->sum->events++;
    return wt_annotation_writer_add(
        p->all->writer, &(wt_written_event){(double)event->start / rate, (double)event->end / rate, name,
                                            event->probability / (double)event->count});
}

/* A sample's logits. */
static wt_status take_outputs(passage_of_sound *p, const float *y) {
    const annotator *all = p->all;
    int best = 0;
    double sum = 0;
    for (int c = 1; c < all->classes; c++) best = y[c] > y[best] ? c : best;
    for (int c = 0; c < all->classes; c++) sum += exp((double)y[c] - (double)y[best]);
    if (p->sums) {
        for (int c = 0; c < all->classes; c++) p->sums[c] += exp((double)y[c] - (double)y[best]) / sum;
        return WT_OK;
    }
    const bool event = best != all->state->names.classes.background && 1 / sum >= all->job->threshold;
    return wt_event_merger_add(&p->merger, event ? best : -1, 1 / sum);
}

/* `x` NULL: padding behind the end. */
static wt_status run_piece(passage_of_sound *p, const float *x, int count) {
    wt_filter_run(p->all->filter, x, count, p->logits);
    for (int t = 0; t < count; t++) {
        if (p->skip > 0) {
            p->skip--;
            continue;
        }
        WT_TRY(take_outputs(p, p->logits + (size_t)t * (size_t)p->all->classes));
    }
    return WT_OK;
}

/* --- sound --- */

/* All that the resampler makes of so many frames (in NULL: the end). */
static wt_status resample_piece(passage_of_sound *p, const float *in, int64_t frames) {
    const int channels = p->all->state->channels;
    int64_t taken, got;
    do {
        WT_TRY(wt_sound_resampler_run(p->resampler, in, frames, &taken, p->resampled, PIECE, &got));
        if (in) in += taken * channels;
        frames -= taken;
        p->samples += got;
        if (got > 0) WT_TRY(run_piece(p, p->resampled, (int)got));
    } while (frames > 0 || got == PIECE || (!in && got > 0));
    return WT_OK;
}

static wt_status read_recording(passage_of_sound *p) {
    const int channels = p->all->state->channels;
    for (int64_t got;;) {
        WT_TRY(wt_sound_reader_next(p->reader, p->read, PIECE, &got));
        if (got == 0) break;
        if (channels == 1) wt_sound_choose(p->read, got, p->format.channels, 0);
        p->samples += p->resampler ? 0 : got;
        WT_TRY(p->resampler ? resample_piece(p, p->read, got) : run_piece(p, p->read, (int)got));
    }
    if (p->resampler) WT_TRY(resample_piece(p, NULL, 0));
    for (int64_t left = p->all->config->data.look_ahead, some; left > 0; left -= some) {
        some = left < PIECE ? left : PIECE;
        WT_TRY(run_piece(p, NULL, (int)some));
    }
    return WT_OK;
}

/* The class whose samples' probabilities are the largest in the mean. */
static wt_status take_whole(passage_of_sound *p) {
    int best = 0;
    if (!p->sums) return wt_event_merger_end(&p->merger);
    for (int c = 1; c < p->all->classes; c++) best = p->sums[c] > p->sums[best] ? c : best;
    return take_merged(
        p, &(wt_merged_event){
               .end = p->samples, .class = best, .probability = p->sums[best], .count = p->samples});
}

static wt_status open_recording(passage_of_sound *p, const char *path) {
    const annotator *all = p->all;
    WT_TRY(wt_sound_reader_open(&p->reader, &p->format, path));
    const int own = p->format.channels, channels = all->state->channels;
    WT_CHECK(channels == 1 || own == channels, WT_USAGE,
             "%s: the number of channels does not fit the network (got %d, expected %d)", path, own,
             channels);
    if (p->format.rate != all->state->sample_rate)
        WT_TRY(wt_sound_resampler_open(&p->resampler, channels, p->format.rate, all->state->sample_rate));
    WT_TRY(wt_alloc(&p->read, (size_t)PIECE * (size_t)own, sizeof *p->read, "a piece of sound"));
    WT_TRY(
        wt_alloc(&p->resampled, (size_t)PIECE * (size_t)channels, sizeof *p->resampled, "a piece of sound"));
    WT_TRY(wt_alloc(&p->logits, (size_t)PIECE * (size_t)all->classes, sizeof *p->logits, "a piece of sound"));
    if (all->state->names.classes.whole)
        WT_TRY(wt_alloc(&p->sums, (size_t)all->classes, sizeof *p->sums, "probabilities"));
    wt_filter_restart(all->filter);
    return WT_OK;
}

static void close_recording(passage_of_sound *p) {
    wt_sound_resampler_close(p->resampler);
    wt_sound_reader_close(p->reader);
    wt_free(p->read);
    wt_free(p->resampled);
    wt_free(p->logits);
    wt_free(p->sums);
}

static wt_status annotate_recording(annotator *all, const wt_recording *recording) {
    passage_of_sound p = {.all = all, .skip = all->config->data.look_ahead};
    p.merger = (wt_event_merger){.shortest = llround(all->job->shortest * all->state->sample_rate),
                                 .take = take_merged,
                                 .context = &p};
    wt_status status = WT_OK;
    WT_GUARD(open_recording(&p, recording->path));
    WT_GUARD(wt_annotation_writer_begin(all->writer, recording->id, p.format.rate));
    WT_GUARD(read_recording(&p));
    WT_GUARD(take_whole(&p));
    const double length = (double)p.samples / all->state->sample_rate;
    WT_GUARD(wt_annotation_writer_end(all->writer, length));
    all->sum->recordings++;
    all->sum->seconds += length;
cleanup:
    close_recording(&p);
    return status;
}

/* --- all --- */

static wt_status open_annotator(annotator *all) {
    const wt_config *config = all->config = wt_checkpoint_get_config(all->checkpoint);
    all->state = wt_checkpoint_get_state(all->checkpoint);
    WT_CHECK(
        config->data.target == WT_TARGETS_LABEL && config->model.head == WT_HEAD_SOFTMAX &&
            config->data.stride == 0 && config->data.quantization.kind != WT_QUANTIZATION_VOCABULARY,
        WT_USAGE,
        "%s: predicts no class per sample of sound (expected data.target: label, model.head: softmax, no "
        "data.stride)",
        wt_checkpoint_path(all->checkpoint));
    all->quantization = config->data.quantization;
    WT_TRY(wt_kernels_select(&all->kernels, config->run.backend, WT_PRECISION_FP32));
    WT_TRY(wt_restore_network(&all->restored, all->checkpoint, all->job->raw));
    const wt_network *network = all->restored.network;
    const wt_network_traits *traits = wt_network_get_traits(network);
    all->classes = traits->classes;
    const wt_filter_network filter = {.graph = wt_network_graph(network),
                                      .kernels = all->kernels,
                                      .parameters = all->restored.parameters,
                                      .receptive_field = traits->receptive_field,
                                      .channels = all->state->channels,
                                      .outputs = traits->classes,
                                      .classes = traits->input_kind == WT_INPUT_CLASS ? &all->quantization
                                                                                      : NULL,
                                      .normalization = all->state->normalization};
    return wt_filter_create(&all->filter, &filter, PIECE);
}

static wt_status annotate_all(annotator *all, const wt_recordings *recordings) {
    for (size_t i = 0; i < recordings->count; i++) WT_TRY(annotate_recording(all, &recordings->files[i]));
    return WT_OK;
}

static wt_status check_job(const wt_annotate_job *job) {
    WT_CHECK(job->threshold >= 0 && job->threshold <= 1, WT_USAGE,
             "--threshold is out of range (got %g, expected 0 … 1)", job->threshold);
    WT_CHECK(job->shortest >= 0 && job->shortest <= 3600, WT_USAGE,
             "--min-duration is out of range (got %g, expected 0 … 3600)", job->shortest);
    return WT_OK;
}

wt_status wt_annotate(wt_checkpoint *checkpoint, const wt_annotate_job *job) {
    annotated_sum sum = {.events = 0};
    annotator all = {.job = job, .checkpoint = checkpoint, .sum = &sum};
    wt_recordings recordings;
    memset(&recordings, 0, sizeof recordings);
    wt_status status = WT_OK;
    WT_GUARD(check_job(job));
    WT_GUARD(open_annotator(&all));
    WT_GUARD(wt_recordings_find(&recordings, job->inputs, job->count));
    WT_GUARD(wt_annotation_writer_open(&all.writer, job->out, job->format, recordings.count > 1));
    status = wt_annotation_writer_close(all.writer, annotate_all(&all, &recordings));
    if (status == WT_OK)
        wt_log_info("%s: %lld events in %lld recordings of %.1f s in all", job->out, (long long)sum.events,
                    (long long)sum.recordings, sum.seconds);
cleanup:
    wt_recordings_dispose(&recordings);
    wt_filter_destroy(all.filter);
    wt_restored_dispose(&all.restored);
    return status;
}
