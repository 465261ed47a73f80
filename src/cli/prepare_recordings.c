/*
 * wavetrain prepare audio: rank 0 lists the recordings, all ranks share the reading of their headers, and
 * then each has the same plan, which they write together (prepare.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timer.h"
#include "data/prepare/feature_folder.h"
#include "prepare_job.h"
#include "train/agreement.h"
#include "wavetrain/data.h"

typedef struct {
    wt_prepare_job job;
    wt_audio_options audio;
    char *channels, *target, *align, *mel, *features, *layout, *speaker, **validation, **test;
    int store_float, skip_damaged;
    long long split_seed;
    double shard_mib;
} wt_audio_command;

static wt_status parse_channels(int *channels, const char *text) {
    char *end;
    if (!text || strcmp(text, "mix") == 0) {
        *channels = WT_CHANNELS_MIX;
    } else if (strcmp(text, "keep") == 0) {
        *channels = WT_CHANNELS_KEEP;
    } else {
        long number = strtol(text, &end, 10);
        WT_CHECK(*text && !*end && number >= 1 && number <= WT_SOUND_CHANNELS_MAX, WT_USAGE,
                 "--channels: got %s, expected mix, keep or the number of a channel, 1 … %d", text,
                 WT_SOUND_CHANNELS_MAX);
        *channels = (int)number;
    }
    return WT_OK;
}

static wt_status check_audio_options(wt_audio_command *command) {
    wt_audio_options *audio = &command->audio;
    WT_TRY(parse_channels(&audio->channels, command->channels));
    if (audio->rate != 0)
        WT_TRY(wt_command_check_range("--rate", audio->rate, WT_SOUND_RATE_MIN, WT_SOUND_RATE_MAX));
    if (audio->trim != 0) WT_TRY(wt_command_check_range("--trim", audio->trim, 1, 200));
    WT_CHECK(audio->trim == 0 || !command->target, WT_USAGE,
             "--trim: would cut a recording and its target (--target) differently");
    WT_CHECK(!command->align || command->target, WT_USAGE,
             "--align: is of a recording and its target (--target)");
    audio->align = command->align != NULL;
    WT_TRY(wt_command_check_range("--trim-limit", command->job.trim_limit, 0, 1));
    WT_TRY(wt_split_rule_parse(&audio->split, command->validation, command->test,
                               (uint64_t)command->split_seed));
    WT_TRY(wt_prepare_check_shard_mib(&audio->shard_bytes, command->shard_mib));
    audio->store = command->store_float ? WT_STORE_FLOAT : WT_STORE_INT16;
    audio->mel = command->mel;
    audio->features = command->features;
    audio->layout = command->layout;
    WT_CHECK((!command->mel && !command->features) || !command->target, WT_USAGE,
             "--%s: has no use where samples have labels (--target)", command->mel ? "mel" : "features");
    WT_CHECK(command->features || (!audio->hop && !audio->layout), WT_USAGE, "--%s: is of --features",
             audio->hop ? "hop" : "layout");
    if (audio->hop != 0) WT_TRY(wt_command_check_range("--hop", audio->hop, 1, WT_FEATURES_HOP_MAX));
    WT_CHECK(!command->speaker || !command->target, WT_USAGE,
             "--speaker: has no use where samples have labels (--target)");
    return WT_OK;
}

/* Rank 0 walks the inputs and sends the list to the others. Collective. */
static wt_status share_recordings(wt_comm *comm, wt_recordings *list, const char *out,
                                  const char *const *inputs, int count) {
    bool root = wt_comm_rank(comm) == 0;
    char *bytes = NULL;
    int64_t size = 0;
    size_t packed = 0;
    wt_status status = root ? wt_partial_check(out, inputs, (size_t)count) : WT_OK;
    if (root && status == WT_OK) status = wt_recordings_find(list, inputs, (size_t)count);
    if (root && status == WT_OK) status = wt_recordings_pack(&bytes, &packed, list);
    WT_GUARD(wt_comm_agree(comm, status));
    size = (int64_t)packed;
    wt_comm_broadcast(comm, &size, sizeof size);
    WT_GUARD(wt_comm_agree(comm, root ? WT_OK : wt_alloc(&bytes, (size_t)size, 1, "list of recordings")));
    wt_comm_broadcast(comm, bytes, (size_t)size);
    WT_GUARD(wt_comm_agree(comm, root ? WT_OK : wt_recordings_unpack(list, bytes, (size_t)size)));
cleanup:
    wt_free(bytes);
    return status;
}

/* Files that are damaged or no sound are left without frames; other failures are this command's. */
static wt_status inspect_share(const wt_comm *comm, wt_recordings *list, bool whole) {
    for (size_t i = 0; i < list->count; i++) memset(&list->files[i].format, 0, sizeof list->files[i].format);
    for (size_t i = (size_t)wt_comm_rank(comm); i < list->count; i += (size_t)wt_comm_size(comm)) {
        const wt_status status = wt_recording_check(&list->files[i], whole);
        if (status != WT_OK && status != WT_USAGE) return status;
    }
    return WT_OK;
}

/* All that are damaged, a line each, if they are several or left out: rank 0 looks at them again. */
static wt_status report_damaged(const wt_recordings *list, bool skip) {
    size_t damaged = 0;
    wt_status status = WT_OK;
    for (size_t i = 0; i < list->count; i++) damaged += list->files[i].format.frames == 0;
    for (size_t i = 0; i < list->count; i++) {
        wt_recording again = list->files[i];
        if (again.format.frames > 0) continue;
        status = wt_recording_check(&again, true);
        if (skip || damaged > 1) wt_log_warning("%s%s", wt_error_message(), skip ? "; left out" : "");
    }
    if (damaged > 0 && skip) wt_log_warning("%zu of %zu recordings left out", damaged, list->count);
    WT_CHECK(!skip || damaged < list->count, WT_USAGE, "none of the recordings can be read");
    if (skip || damaged == 0) return WT_OK;
    WT_CHECK(damaged == 1, WT_USAGE,
             "%zu of %zu recordings can't be read, as listed (--skip-damaged leaves them out)", damaged,
             list->count);
    return status != WT_OK ? status
                           : wt_error(WT_FAILED, "a recording can be read now, and could not before");
}

/* Every rank reads its share of the headers; then all know all. Collective. */
static wt_status share_formats(wt_comm *comm, wt_recordings *list, bool skip_damaged, bool whole) {
    enum { AT_ONCE = 65536 };
    int64_t *numbers = NULL;
    wt_status status = wt_alloc(&numbers, 3 * AT_ONCE, sizeof *numbers, "headers of recordings");
    if (status == WT_OK) status = inspect_share(comm, list, whole);
    WT_GUARD(wt_comm_agree(comm, status));
    for (size_t first = 0; first < list->count; first += AT_ONCE) {
        size_t count = list->count - first < AT_ONCE ? list->count - first : AT_ONCE;
        for (size_t i = 0; i < count; i++) {
            const wt_sound_format *format = &list->files[first + i].format;
            numbers[3 * i] = format->frames;
            numbers[3 * i + 1] = format->rate;
            numbers[3 * i + 2] = format->channels;
        }
        wt_comm_sum_int64(comm, numbers, (int)(3 * count));
        for (size_t i = 0; i < count; i++)
            list->files[first + i].format = (wt_sound_format){.frames = numbers[3 * i],
                                                              .rate = (int)numbers[3 * i + 1],
                                                              .channels = (int)numbers[3 * i + 2]};
    }
    status = wt_comm_agree(comm, wt_comm_rank(comm) == 0 ? report_damaged(list, skip_damaged) : WT_OK);
cleanup:
    wt_free(numbers);
    return status;
}

/* The ranks that read recordings see the same ones. Collective. */
static wt_status agree_on_recordings(wt_comm *comm, const wt_recordings *list) {
    const char **paths;
    wt_status status = wt_alloc(&paths, list->count, sizeof *paths, "list of recordings");
    for (size_t i = 0; status == WT_OK && i < list->count; i++) paths[i] = list->files[i].path;
    status = wt_comm_agree(comm, status);
    if (status == WT_OK) status = wt_agree_on_files(comm, paths, list->count);
    wt_free(paths);
    return status;
}

/* Each recording's part, as far as the options name it, and parts in time where there are few. */
static wt_status hold_and_cut(const wt_audio_command *command, wt_recordings *list, wt_recordings *targets) {
    const wt_split_rule *rule = &command->audio.split;
    WT_TRY(wt_recordings_hold(list, targets, rule));
    WT_TRY(wt_recordings_cut(list, rule));
    return targets ? wt_recordings_cut(targets, rule) : WT_OK;
}

/* Formats of all, in pairs, without those that are damaged if these may be left out. Collective. */
static wt_status check_recordings(wt_comm *comm, const wt_audio_command *command, wt_recordings *list,
                                  wt_recordings *targets) {
    const bool skip = command->skip_damaged;
    WT_TRY(share_formats(comm, list, skip, skip));
    if (command->target) {
        WT_TRY(share_formats(comm, targets, skip, skip));
        WT_TRY(wt_comm_agree(comm, wt_audio_pair(list, targets, &command->audio)));
        if (command->align)
            WT_TRY(wt_prepare_align_pairs(comm, command->align, list, targets, &command->audio));
    }
    if (skip) {
        if (command->target) {
            for (size_t i = 0; i < list->count; i++)
                if (targets->files[i].format.frames == 0) list->files[i].format.frames = 0;
            wt_recordings_keep(targets, list);
        }
        wt_recordings_keep(list, NULL);
    }
    return hold_and_cut(command, list, command->target ? targets : NULL);
}

/* Decoding has failed at one file: which others would it at? Collective. */
static wt_status find_damaged(wt_comm *comm, const wt_audio_command *command, wt_recordings *list,
                              wt_recordings *targets, wt_status status) {
    char message[1024];
    for (size_t i = 0; i < list->count; i++)
        if (list->files[i].cut) return status; /* few, and parts know nothing of what is wrong elsewhere */
    if (status != WT_USAGE) return status;
    snprintf(message, sizeof message, "%s", wt_error_message());
    WT_TRY(share_formats(comm, list, false, true));
    if (command->target) WT_TRY(share_formats(comm, targets, false, true));
    return wt_error(status, "%s", message);
}

/* `targets` is empty without --target. */
static wt_status prepare_recordings(wt_comm *comm, wt_audio_command *command, wt_recordings *list,
                                    wt_recordings *targets, double start) {
    wt_audio_options *audio = &command->audio;
    wt_prepare_plan plan;
    wt_speakers speakers = {0};
    memset(&plan, 0, sizeof plan);
    WT_TRY(agree_on_recordings(comm, list));
    if (command->target) WT_TRY(agree_on_recordings(comm, targets));
    WT_TRY(wt_comm_agree(comm, check_recordings(comm, command, list, targets)));
    wt_status status = wt_comm_agree(comm, wt_audio_features(audio, list));
    if (status == WT_OK) status = wt_comm_agree(comm, wt_audio_plan(&plan, list, audio));
    if (status == WT_OK && command->speaker)
        status = wt_comm_agree(comm, wt_speakers_find(&speakers, list, command->speaker));
    if (status == WT_OK) {
        if (command->speaker) plan.speakers = &speakers;
        wt_audio_context context = {
            .recordings = list, .targets = command->target ? targets : NULL, .options = audio, .plan = &plan};
        const wt_utterance_source source = {.load = wt_audio_load, .context = &context};
        plan.labelled = command->target != NULL;
        if (plan.labelled) status = wt_prepare_share_normalization(comm, &plan, source);
        if (status == WT_OK) status = wt_prepare_share_features(comm, &plan, source);
        if (status == WT_OK) status = wt_prepare_write_dataset(comm, &command->job, &plan, source);
        status = find_damaged(comm, command, list, targets, status);
    }
    if (status == WT_OK) {
        wt_split_warn_of_empty(&audio->split, plan.utterances, command->job.out, plan.remedy);
        wt_prepare_report(&command->job, &plan, wt_time_now() - start);
        wt_prepare_report_details(&command->job, &plan, audio->trim > 0, list);
    }
    wt_feature_folder_close(audio->given);
    wt_speakers_dispose(&speakers);
    wt_prepare_plan_dispose(&plan);
    return status;
}

/* Inputs listed, checked and prepared. Collective. */
static wt_status prepare_audio_inputs(wt_comm *comm, wt_audio_command *own, const char *const *inputs,
                                      int count) {
    const double start = wt_time_now();
    wt_recordings list, targets;
    memset(&list, 0, sizeof list);
    memset(&targets, 0, sizeof targets);
    wt_status status = WT_OK;
    WT_GUARD(share_recordings(comm, &list, own->job.out, inputs, count));
    WT_GUARD_CHECK(!own->target || count == 1, WT_USAGE,
                   "--target: goes with one file or folder (got %d inputs)", count);
    if (own->target)
        WT_GUARD(share_recordings(comm, &targets, own->job.out, (const char *const *)&own->target, 1));
    WT_GUARD(prepare_recordings(comm, own, &list, &targets, start));
cleanup:
    wt_recordings_dispose(&list);
    wt_recordings_dispose(&targets);
    return status;
}

static wt_status run_prepare_audio(wt_comm *comm, int argc, const char **argv) {
    wt_audio_command own = {.job.trim_limit = 0.5, .shard_mib = 256};
    const struct poptOption options[] = {
        {"out", 'o', POPT_ARG_STRING, &own.job.out, 0, "Folder of the data set to make; must not exist",
         "DATASET"},
        {"target", '\0', POPT_ARG_STRING, &own.target, 0,
         "What the input becomes, for learning one sound from another: a file or folder with a recording of "
         "the same name, "
         "length and rate for each",
         "OUTPUT"},
        {"align", '\0', POPT_ARG_STRING, &own.align, 0,
         "By how many samples the target lags: auto finds it (by blips, else by the impulse response); "
         "lengths may differ then",
         "auto|N"},
        {"rate", '\0', POPT_ARG_INT, &own.audio.rate, 0,
         "Sample rate; recordings of other rates are resampled (default: the rate of the recordings)", "HZ"},
        {"channels", '\0', POPT_ARG_STRING, &own.channels, 0,
         "mix: average all into one (default); keep: keep them; K: take channel K alone, from 1",
         "mix|keep|K"},
        {"trim", '\0', POPT_ARG_DOUBLE, &own.audio.trim, 0,
         "Trim silence at both ends: 10 ms frames more than DB decibels below the recording's peak (default: "
         "keep)",
         "DB"},
        {"trim-limit", '\0', POPT_ARG_DOUBLE, &own.job.trim_limit, 0,
         "Refuse to trim more than this share of all (default 0.5)", "SHARE"},
        {"mel", '\0', POPT_ARG_STRING, &own.mel, 0,
         "Features for a condition: a mel spectrum as espnet, tacotron2 or hifigan make it, or 8k; values "
         "can "
         "be replaced, as in espnet,fft=512,hop=128 (fft, hop, window, bands, low, high, power, floor, root, "
         "log, pad, frames, scale, area)",
         "PRESET[,KEY=VALUE…]"},
        {"features", '\0', POPT_ARG_STRING, &own.features, 0,
         "Features that another program has made of the recordings as they are, one file for each by its "
         "name: "
         "NAME.npy or NAME-feats.npy, NAME.h5 (feats, melspc or world), or Kaldi's archives (.scp, .ark); "
         "with "
         "--mel, which says how they were made, or --hop",
         "FOLDER"},
        {"hop", '\0', POPT_ARG_INT, &own.audio.hop, 0,
         "With --features: samples from frame to frame; frame 0 is centred at sample 0", "N"},
        {"layout", '\0', POPT_ARG_STRING, &own.layout, 0,
         "With --features: TD, a row per frame, or DT, a column per frame (default: by which side fits)",
         "TD|DT"},
        {"speaker", '\0', POPT_ARG_STRING, &own.speaker, 0,
         "Who speaks: folder (the first folder in a recording's name), a regular expression whose first "
         "group in the "
         "name is it, or a file with lines RECORDING SPEAKER",
         "folder|REGEX|FILE"},
        {"validation", '\0', POPT_ARG_ARGV, &own.validation, 0,
         "Validation part: a share of the recordings (default 0.1); or recordings, folders or patterns by "
         "name, "
         "as often as needed",
         "SHARE|NAME"},
        {"test", '\0', POPT_ARG_ARGV, &own.test, 0, "The same for the test part (default 0.1)", "SHARE|NAME"},
        {"split-seed", '\0', POPT_ARG_LONGLONG, &own.split_seed, 0,
         "Seed of the random choice of recordings (default 0)", "N"},
        {"skip-damaged", '\0', POPT_ARG_NONE, &own.skip_damaged, 0,
         "Leave out files that are damaged or not sound, and list them; for that, all are decoded once more",
         NULL},
        {"shard-mib", '\0', POPT_ARG_DOUBLE, &own.shard_mib, 0,
         "Size of a shard, in MiB (default 256); under mpirun have a few shards per rank", "MIB"},
        {"float", '\0', POPT_ARG_NONE, &own.store_float, 0, "Store 32-bit float samples, not 16-bit integers",
         NULL},
        POPT_TABLEEND,
    };
    wt_command command = wt_command_prepare_audio;
    command.options = options;
    wt_command_line line = {0};
    wt_status status = WT_OK;
    WT_GUARD(wt_command_parse(&line, &command, argc, argv, 1, 1 << 20));
    if (line.done) goto cleanup;
    WT_GUARD(wt_prepare_check_out(&own.job, &command));
    WT_GUARD(check_audio_options(&own));
    WT_GUARD(prepare_audio_inputs(comm, &own, line.arguments, line.count));
cleanup:
    poptFreeContext(line.context);
    free(own.job.out);
    free(own.target);
    free(own.align);
    free(own.channels);
    free(own.mel);
    free(own.features);
    free(own.layout);
    free(own.speaker);
    wt_prepare_free_values(own.validation);
    wt_prepare_free_values(own.test);
    return status;
}

const wt_command wt_command_prepare_audio = {
    .name = "prepare audio",
    .arguments = "INPUT… --out DATASET [OPTION…]",
    .summary = "Make a data set from sound files and folders of them (WAV, FLAC, Ogg)",
    .parallel = true,
    .run = run_prepare_audio,
};
