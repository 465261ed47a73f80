/*
 * Recordings into utterances: the common rate and channels of a set, and one recording decoded, mixed,
 * resampled and trimmed, in this order. A recording is in memory whole, so the longest one sets the memory
 * that preparation takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/prepare/feature_folder.h"
#include "data/prepare/labelling.h"
#include "prepare_internal.h"

wt_status wt_audio_parse_channels(int *channels, const char *text) {
    char *end;
    if (!text || strcmp(text, "mix") == 0) {
        *channels = WT_CHANNELS_MIX;
    } else if (strcmp(text, "keep") == 0) {
        *channels = WT_CHANNELS_KEEP;
    } else {
        const long number = strtol(text, &end, 10);
        WT_CHECK(*text && !*end && number >= 1 && number <= WT_SOUND_CHANNELS_MAX, WT_USAGE,
                 "--channels: got %s, expected mix, keep or the number of a channel, 1 … %d", text,
                 WT_SOUND_CHANNELS_MAX);
        *channels = (int)number;
    }
    return WT_OK;
}

static wt_status choose_rate(int *rate, const wt_recordings *list, const wt_audio_options *options) {
    *rate = options->rate ? options->rate : list->files[0].format.rate;
    for (size_t i = 0; i < list->count && !options->rate; i++)
        WT_CHECK(list->files[i].format.rate == *rate, WT_USAGE,
                 "%s: has another sample rate than %s (got %d Hz, expected %d; --rate resamples all to one)",
                 list->files[i].path, list->files[0].path, list->files[i].format.rate, *rate);
    for (size_t i = 0; i < list->count; i++) {
        int own = list->files[i].format.rate, most = own > *rate ? own : *rate;
        WT_CHECK(most / 256 < (own < *rate ? own : *rate), WT_USAGE,
                 "%s: can't be resampled (got %d Hz, expected at most 256 times more or less than %d)",
                 list->files[i].path, own, *rate);
    }
    return WT_OK;
}

static wt_status choose_channels(int *channels, const wt_recordings *list, const wt_audio_options *options) {
    const wt_recording *files = list->files;
    *channels = options->channels == WT_CHANNELS_KEEP ? files[0].format.channels : 1;
    for (size_t i = 0; i < list->count; i++) {
        int own = files[i].format.channels;
        WT_CHECK(options->channels != WT_CHANNELS_KEEP || own == *channels, WT_USAGE,
                 "%s: has another number of channels than %s (got %d, expected %d; --channels mix makes one "
                 "of all)",
                 files[i].path, files[0].path, own, *channels);
        WT_CHECK(options->channels <= own, WT_USAGE, "%s: has no channel %d (got %d channels)", files[i].path,
                 options->channels, own);
    }
    return WT_OK;
}

/* By draws, but for those that are held for a part. */
static wt_status choose_splits(wt_split *splits, const wt_recordings *list, const wt_split_rule *rule) {
    bool *held = NULL;
    double *draws = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&held, list->count, sizeof *held, "splits of recordings"));
    WT_GUARD(wt_alloc(&draws, list->count, sizeof *draws, "splits of recordings"));
    for (size_t i = 0; i < list->count; i++) {
        splits[i] = list->files[i].split;
        held[i] = list->files[i].held;
        draws[i] = wt_split_draw(list->files[i].group ? list->files[i].group : list->files[i].id, rule->seed);
    }
    wt_split_by_draws(splits, held, rule, draws, list->count);
cleanup:
    wt_free(held);
    wt_free(draws);
    return status;
}

/* What frames are, but for their normalisation. */
static wt_features describe_features(const wt_audio_options *options) {
    const wt_mel *mel = &options->spectrum;
    wt_features features = {.count = options->given ? wt_feature_folder_count(options->given) : 0,
                            .hop = options->hop};
    _Static_assert((int)WT_MEL_TEXT <= (int)WT_FEATURES_TEXT, "a spectrum's text fits");
    if (!options->mel) return features;
    features = (wt_features){.count = mel->bands, .hop = mel->hop, .centre = wt_mel_centre(mel)};
    wt_mel_print(features.text, mel);
    return features;
}

/* Features of recordings that are stored as they are. */
static wt_status open_features(wt_audio_options *options, const wt_recordings *recordings) {
    wt_feature_options how = {.folder = options->features, .hop = options->hop};
    WT_CHECK(!options->trim && !options->rate, WT_USAGE,
             "--features: are of the recordings as they are (got --%s too)", options->trim ? "trim" : "rate");
    WT_CHECK(options->mel || options->hop > 0, WT_USAGE,
             "--features: --hop N (samples from frame to frame) or --mel (how they were made) is missing");
    WT_CHECK(!options->mel || !options->hop, WT_USAGE, "--hop: --mel says it (got both)");
    WT_TRY(wt_feature_layout_parse(&how.layout, options->layout));
    if (options->mel) {
        how.hop = options->spectrum.hop;
        how.count = options->spectrum.bands;
    }
    return wt_feature_folder_open(&options->given, &how, recordings);
}

wt_status wt_audio_features(wt_audio_options *options, const wt_recordings *recordings) {
    int rate;
    WT_TRY(choose_rate(&rate, recordings, options));
    WT_CHECK(!options->mel || options->channels != WT_CHANNELS_KEEP, WT_USAGE,
             "--mel: is of one channel (--channels keep keeps all)");
    if (options->mel) WT_TRY(wt_mel_parse(&options->spectrum, options->mel, rate));
    return options->features ? open_features(options, recordings) : WT_OK;
}

wt_status wt_audio_plan(wt_prepare_plan *plan, const wt_recordings *recordings,
                        const wt_audio_options *options) {
    int rate, channels;
    WT_TRY(choose_rate(&rate, recordings, options));
    WT_TRY(choose_channels(&channels, recordings, options));
    int64_t *bytes = NULL, sample_bytes = options->store == WT_STORE_INT16 ? 2 : 4;
    wt_split *splits = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&bytes, recordings->count, sizeof *bytes, "sizes of recordings"));
    WT_GUARD(wt_alloc(&splits, recordings->count, sizeof *splits, "splits of recordings"));
    for (size_t i = 0; i < recordings->count; i++) {
        const wt_recording *file = &recordings->files[i];
        bytes[i] = wt_sound_resampled_frames(file->format.frames, file->format.rate, rate) * channels *
                   sample_bytes;
    }
    WT_GUARD(choose_splits(splits, recordings, &options->split));
    WT_GUARD(wt_prepare_plan_init(plan, splits, bytes, recordings->count, options->shard_bytes));
    plan->sample_rate = rate;
    plan->channels = channels;
    plan->store = options->store;
    plan->features = describe_features(options);
    plan->remedy = "more recordings, another --split-seed, or --validation NAME and --test NAME";
cleanup:
    wt_free(bytes);
    wt_free(splits);
    return status;
}

static wt_status resample(wt_utterance *utterance, int channels, int from, int to) {
    if (from == to) return WT_OK;
    float *resampled;
    WT_TRY(wt_sound_resample(&resampled, utterance->samples, utterance->count, channels, from, to));
    wt_free(utterance->samples);
    utterance->samples = resampled;
    utterance->count = wt_sound_resampled_frames(utterance->count, from, to);
    return WT_OK;
}

static bool is_silent(const float *samples, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (samples[i] != 0) return false;
    return true;
}

static bool is_constant(const float *samples, int64_t count) {
    for (int64_t i = 1; i < count; i++)
        if (samples[i] != samples[0]) return false;
    return true;
}

static void trim_utterance(wt_utterance *utterance, int channels, int rate, double decibels) {
    int64_t first, kept;
    wt_trim(utterance->samples, utterance->count, channels, rate, decibels, &first, &kept);
    memmove(utterance->samples, utterance->samples + first * channels,
            (size_t)(kept * channels) * sizeof *utterance->samples);
    utterance->removed = utterance->count - kept;
    utterance->before = first;
    utterance->count = kept;
}

static wt_status check_unchanged(const wt_recording *file, const wt_sound_format *now) {
    WT_CHECK(now->rate == file->format.rate && now->channels == file->format.channels, WT_FAILED,
             "%s: changed while it was read (got %d Hz and %d channels, expected %d and %d)", file->path,
             now->rate, now->channels, file->format.rate, file->format.channels);
    return WT_OK;
}

/* A target is one channel of labels, made by the same choice as the recording's. */
static wt_status check_target_channels(const wt_recording *target, const wt_audio_options *options) {
    const int own = target->format.channels;
    WT_CHECK(options->channels != WT_CHANNELS_KEEP || own == 1, WT_USAGE,
             "%s: a target is of one channel (got %d, expected 1; --channels mix or K makes one of all)",
             target->path, own);
    WT_CHECK(options->channels <= own, WT_USAGE, "%s: has no channel %d (got %d channels)", target->path,
             options->channels, own);
    return WT_OK;
}

wt_status wt_audio_pair(const wt_recordings *recordings, const wt_recordings *targets,
                        const wt_audio_options *options) {
    const wt_recording *in = recordings->files, *out = targets->files;
    for (size_t i = 0; recordings->count > 1 && i < recordings->count; i++) {
        WT_CHECK(i < targets->count && strcmp(in[i].id, out[i].id) >= 0, WT_USAGE,
                 "%s: has no target of that name", in[i].path);
        WT_CHECK(strcmp(in[i].id, out[i].id) == 0, WT_USAGE, "%s: is no recording's target", out[i].path);
    }
    WT_CHECK(targets->count == recordings->count, WT_USAGE, "%s: is no recording's target",
             out[recordings->count < targets->count ? recordings->count : 0].path);
    for (size_t i = 0; i < recordings->count; i++) {
        if (in[i].format.frames == 0 || out[i].format.frames == 0) continue; /* to be left out */
        WT_CHECK(out[i].format.rate == in[i].format.rate, WT_USAGE,
                 "%s: has another sample rate than %s (got %d Hz, expected %d)", out[i].path, in[i].path,
                 out[i].format.rate, in[i].format.rate);
        WT_CHECK(
            options->align || out[i].format.frames == in[i].format.frames, WT_USAGE,
            "%s: is not as long as %s (got %lld samples, expected %lld; --align auto brings them together)",
            out[i].path, in[i].path, (long long)out[i].format.frames, (long long)in[i].format.frames);
        WT_TRY(check_target_channels(&out[i], options));
    }
    return WT_OK;
}

static wt_status load_recording(const wt_audio_context *context, const wt_recordings *recordings, size_t item,
                                wt_utterance *utterance) {
    const wt_recording *file = &recordings->files[item];
    const wt_audio_options *options = context->options;
    const bool target = recordings == context->targets;
    int channels = target ? 1 : context->plan->channels, rate = context->plan->sample_rate;
    wt_sound_format format;
    WT_TRY(wt_path_join(utterance->id, "", file->id));
    WT_TRY(wt_sound_read(&utterance->samples, &format, file->path, file->first,
                         file->cut ? file->format.frames : -1));
    WT_TRY(check_unchanged(file, &format));
    utterance->count = format.frames;
    if (options->channels != WT_CHANNELS_KEEP)
        wt_sound_choose(utterance->samples, format.frames, format.channels, options->channels);
    utterance->silent = is_silent(utterance->samples, utterance->count * channels);
    WT_TRY(resample(utterance, channels, format.rate, rate));
    if (options->trim > 0) trim_utterance(utterance, channels, rate, options->trim);
    if (target) return WT_OK;
    if (options->given)
        return wt_feature_folder_read(&utterance->frames, &utterance->frame_count, options->given, item);
    if (!options->mel) return WT_OK;
    utterance->frame_count = wt_mel_count(&options->spectrum, utterance->count);
    return wt_mel_compute(&utterance->frames, &options->spectrum, utterance->samples, utterance->count, rate);
}

wt_status wt_audio_load(const void *opaque, size_t item, wt_utterance *utterance) {
    const wt_audio_context *context = opaque;
    wt_utterance target = {.samples = NULL};
    const wt_recording *file = &context->recordings->files[item];
    WT_TRY(load_recording(context, context->recordings, item, utterance));
    if (file->group) snprintf(utterance->group, sizeof utterance->group, "%s", file->group);
    if (context->labels) {
        const int rate = context->plan->sample_rate;
        const double first = (double)file->first / file->format.rate * rate + (double)utterance->before;
        return wt_labelling_apply(context->labels, file->whole, first, rate, utterance);
    }
    if (!context->targets) return WT_OK;
    wt_status status = load_recording(context, context->targets, item, &target);
    if (status == WT_OK && target.count != utterance->count) {
        status = wt_error(WT_FAILED, "%s: is not as long as %s (got %lld samples, expected %lld)",
                          context->targets->files[item].path, context->recordings->files[item].path,
                          (long long)target.count, (long long)utterance->count);
    }
    if (status == WT_OK) {
        utterance->labels = target.samples;
        utterance->still = is_constant(target.samples, target.count);
    } else {
        wt_free(target.samples);
    }
    return status;
}
