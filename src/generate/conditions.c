/* What pieces of a network with a condition follow: features of recordings, of files, or of a data set. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/order.h"
#include "config/sections.h"
#include "data/dataset.h"
#include "data/prepare/feature_folder.h"
#include "data/prepare/mel.h"
#include "generate_internal.h"
#include "network/network_model.h"
#include "wavetrain/data.h"

enum { DATASET_SECONDS = 10 }; /* of a recording of a data set: its beginning */

static const wt_features *features_of(const wt_generator *generator) {
    return &wt_checkpoint_get_state(generator->checkpoint)->features;
}

/* Frames as the network sees them. */
static wt_status set_followed_frames(wt_followed *followed, const wt_generator *generator,
                                     const float *frames, int64_t count) {
    const wt_features *features = features_of(generator);
    const size_t each = (size_t)wt_network_get_traits(generator->restored.network)->features;
    followed->condition = generator->condition;
    followed->condition.count = count;
    followed->condition.centre = features->centre;
    WT_TRY(wt_alloc(&followed->frames, (size_t)followed->condition.count * each, sizeof(wt_real), "frames"));
    for (int64_t i = 0; i < count; i++) {
        wt_real *to = followed->frames + (size_t)i * each;
        wt_condition_normalise(features, frames + i * features->count, to);
        if (each > (size_t)features->count) to[features->count] = 1;
    }
    followed->condition.frames = followed->frames;
    return WT_OK;
}

static void dispose_followed(wt_followed *followed) {
    wt_free(followed->name);
    wt_free(followed->frames);
    wt_free(followed->original);
}

/* The list takes it, or nobody does. */
static wt_status append_followed(wt_conditions *conditions, wt_followed *followed, wt_status status) {
    if (status == WT_OK)
        status = wt_memory_append(&conditions->list, &conditions->count, followed, sizeof *followed,
                                  "conditions");
    if (status != WT_OK) dispose_followed(followed);
    return status;
}

void wt_conditions_dispose(wt_conditions *conditions) {
    for (int i = 0; i < conditions->count; i++) dispose_followed(&conditions->list[i]);
    wt_free(conditions->list);
    *conditions = (wt_conditions){.list = NULL};
}

static wt_status check_conditioned(const wt_generator *generator) {
    WT_CHECK(wt_network_get_traits(generator->restored.network)->features > 0, WT_USAGE,
             "%s: the network has no condition", wt_checkpoint_path(generator->checkpoint));
    return WT_OK;
}

/* --- recordings --- */

static wt_status analyse_recording(wt_followed *followed, const wt_generator *generator, const char *path) {
    const wt_features *features = features_of(generator);
    wt_mel mel;
    float *frames = NULL;
    WT_CHECK(*features->text, WT_USAGE,
             "%s: it is not known how the network's features were made (--condition takes them from files)",
             wt_checkpoint_path(generator->checkpoint));
    WT_TRY(wt_mel_parse(&mel, features->text, generator->rate));
    WT_TRY(wt_memory_copy_string(&followed->name, path));
    WT_TRY(wt_prime_read_mono(&followed->original, &followed->samples, path, generator->rate));
    WT_TRY(wt_mel_compute(&frames, &mel, followed->original, followed->samples, generator->rate));
    const wt_status status = set_followed_frames(followed, generator, frames,
                                                 wt_mel_count(&mel, followed->samples));
    wt_free(frames);
    return status;
}

wt_status wt_conditions_add_sound(wt_conditions *conditions, const wt_generator *generator,
                                  const char *path) {
    wt_followed followed = {.name = NULL};
    WT_TRY(check_conditioned(generator));
    return append_followed(conditions, &followed, analyse_recording(&followed, generator, path));
}

/* --- files of features --- */

/* Given features next to those that the network has learnt, each of their numbers: medians of the deviations'
 * ratio, and of how far the mean lies from the learnt one, in learnt deviations. */
static void compare_statistics(const wt_features *learnt, const float *frames, int64_t count, double *ratio,
                               double *shift) {
    double ratios[WT_FEATURES_MAX], shifts[WT_FEATURES_MAX];
    for (int c = 0; c < learnt->count; c++) {
        double mean = 0, squares = 0;
        for (int64_t i = 0; i < count; i++) mean += (double)frames[i * learnt->count + c] / (double)count;
        for (int64_t i = 0; i < count; i++) {
            const double d = (double)frames[i * learnt->count + c] - mean;
            squares += d * d / (double)count;
        }
        ratios[c] = sqrt(squares) / learnt->deviation[c];
        shifts[c] = fabs(mean - learnt->mean[c]) / learnt->deviation[c];
    }
    *ratio = wt_order_median(ratios, (size_t)learnt->count);
    *shift = wt_order_median(shifts, (size_t)learnt->count);
}

static bool is_near(double value, double expected) {
    return fabs(value / expected - 1) < 0.15;
}

/* Deviations of one clip are a little off those of a whole part; twice or half as much, or means three
 * deviations away, are another program's. */
static void warn_of_statistics(const wt_features *learnt, const float *frames, int64_t count,
                               const char *path) {
    const double ln10 = 2.302585;
    double ratio, shift;
    if (count < 2) return; /* a frame alone has no deviation */
    compare_statistics(learnt, frames, count, &ratio, &shift);
    if (ratio > 0.5 && ratio < 2 && shift < 3) return;
    const char *why = is_near(ratio, ln10)       ? "as of ln in place of log10"
                      : is_near(ratio, 1 / ln10) ? "as of log10 in place of ln"
                      : is_near(ratio, 20)       ? "as of decibels in place of log10"
                                                 : "another program's, or another range?";
    wt_log_warning("%s: its features are not like those that the network has learnt: deviations %.2f times "
                   "theirs, means %.1f deviations away (medians; %s)",
                   path, ratio, shift, why);
}

static wt_status read_features_file(wt_followed *followed, const wt_generator *generator, const char *path,
                                    const char *layout) {
    const wt_features *learnt = features_of(generator);
    wt_feature_layout how;
    float *frames;
    int64_t count;
    WT_TRY(wt_feature_layout_parse(&how, layout));
    WT_TRY(wt_memory_copy_string(&followed->name, path));
    WT_TRY(wt_feature_file_read(&frames, &count, path, learnt->count, how));
    warn_of_statistics(learnt, frames, count, path);
    followed->samples = count * learnt->hop;
    const wt_status status = set_followed_frames(followed, generator, frames, count);
    wt_free(frames);
    return status;
}

wt_status wt_conditions_add_features(wt_conditions *conditions, const wt_generator *generator,
                                     const char *path, const char *layout) {
    wt_followed followed = {.name = NULL};
    WT_TRY(check_conditioned(generator));
    return append_followed(conditions, &followed, read_features_file(&followed, generator, path, layout));
}

/* --- a data set --- */

static wt_status check_dataset_condition(const wt_generator *generator, const wt_dataset *dataset,
                                         const char *path) {
    const wt_features *own = wt_dataset_features(dataset), *learnt = features_of(generator);
    WT_CHECK(own->count == learnt->count && own->hop == learnt->hop, WT_USAGE,
             "%s: its features are not those that the network learnt (got %d numbers every %d samples, "
             "expected %d every %d)",
             path, own->count, own->hop, learnt->count, learnt->hop);
    WT_CHECK(wt_dataset_channels(dataset) == 1, WT_USAGE, "%s: has %d channels, expected 1", path,
             wt_dataset_channels(dataset));
    return WT_OK;
}

static wt_status follow_utterance(wt_followed *followed, const wt_generator *generator, wt_dataset *dataset,
                                  int64_t utterance) {
    const int64_t whole = wt_dataset_length(dataset, utterance),
                  max = (int64_t)DATASET_SECONDS * generator->rate;
    int64_t count;
    const float *frames = wt_dataset_frames(dataset, utterance, &count);
    followed->samples = whole < max ? whole : max;
    WT_TRY(wt_dataset_id(dataset, utterance, &followed->name));
    WT_TRY(wt_alloc(&followed->original, (size_t)followed->samples, sizeof(float), "a recording"));
    WT_TRY(wt_dataset_read(dataset, utterance, 0, followed->samples, followed->original));
    WT_TRY(set_followed_frames(followed, generator, frames, count));
    const int speakers = wt_network_get_traits(generator->restored.network)->speakers,
              speaker = wt_dataset_speaker(dataset, utterance);
    if (speakers == 0) return WT_OK;
    WT_CHECK(speaker >= 0 && speaker < speakers, WT_USAGE,
             "%s: its speaker is none that the network knows (got %d, expected 0 … %d)", followed->name,
             speaker, speakers - 1);
    followed->condition.speaker = speaker;
    return WT_OK;
}

wt_status wt_conditions_add_dataset(wt_conditions *conditions, const wt_generator *generator,
                                    const char *path, const char *split, int count) {
    wt_dataset *dataset;
    wt_status status = WT_OK;
    WT_TRY(check_conditioned(generator));
    WT_TRY(
        wt_dataset_open(&dataset, path, split, wt_checkpoint_get_config(generator->checkpoint)->data.memory));
    WT_GUARD(check_dataset_condition(generator, dataset, path));
    const int64_t all = wt_dataset_utterances(dataset);
    for (int64_t i = 0; i < count && i < all; i++) {
        wt_followed followed = {.name = NULL};
        const int64_t utterance = count < all ? i * all / count : i;
        status = follow_utterance(&followed, generator, dataset, utterance);
        WT_GUARD(append_followed(conditions, &followed, status));
    }
cleanup:
    wt_dataset_close(dataset);
    return status;
}
