/*
 * Recordings into a data set: rank 0 lists them, all ranks share the reading of their headers, and then each
 * has the same plan, which they write together.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "comm/facts.h"
#include "data/prepare/feature_folder.h"
#include "data/prepare/labelling.h"
#include "prepare_internal.h"
#include "wavetrain/base.h"

/* Rank 0 walks the inputs and sends the list to the others. Collective. */
static wt_status share_recordings(wt_comm *comm, wt_recordings *list, const char *out,
                                  const char *const *inputs, size_t count) {
    const bool root = wt_comm_rank(comm) == 0;
    char *bytes = NULL;
    size_t size = 0;
    wt_status status = root ? wt_partial_check(out, inputs, count) : WT_OK;
    if (root && status == WT_OK) status = wt_recordings_find(list, inputs, count);
    if (root && status == WT_OK) status = wt_recordings_pack(&bytes, &size, list);
    WT_GUARD(wt_comm_agree(comm, status));
    WT_GUARD(wt_prepare_share_bytes(comm, &bytes, &size, "list of recordings"));
    WT_GUARD(wt_comm_agree(comm, root ? WT_OK : wt_recordings_unpack(list, bytes, size)));
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

/* The ranks that read recordings, or their features (NULL: none), see the same ones. Collective. */
static wt_status agree_on_recordings(wt_comm *comm, const wt_recordings *list,
                                     const wt_feature_folder *features) {
    const char **paths;
    wt_status status = wt_alloc(&paths, list->count, sizeof *paths, "list of recordings");
    for (size_t i = 0; status == WT_OK && i < list->count; i++)
        paths[i] = features ? wt_feature_folder_path(features, i) : list->files[i].path;
    status = wt_comm_agree(comm, status);
    if (status == WT_OK) status = wt_comm_agree_on_files(comm, paths, list->count);
    wt_free(paths);
    return status;
}

/* Rank 0 finds the recordings' classes and sends them to the others. Collective. */
static wt_status share_labels(wt_comm *comm, const wt_audio_job *job, wt_audio_set *set) {
    const bool root = wt_comm_rank(comm) == 0;
    const int channel = job->audio.channels > 0 ? job->audio.channels : 0;
    char *bytes = NULL;
    size_t size = 0;
    wt_status status = root ? wt_labelling_find(&set->labels, &set->recordings, job->label, channel) : WT_OK;
    if (root && status == WT_OK) status = wt_labelling_pack(&bytes, &size, set->labels);
    WT_GUARD(wt_comm_agree(comm, status));
    WT_GUARD(wt_prepare_share_bytes(comm, &bytes, &size, "classes of recordings"));
    WT_GUARD(wt_comm_agree(comm, root ? WT_OK : wt_labelling_unpack(&set->labels, bytes, size)));
cleanup:
    wt_free(bytes);
    return status;
}

static wt_status find_groups(const wt_audio_job *job, wt_audio_set *set) {
    wt_recordings *list = &set->recordings;
    if (!job->group) return WT_OK;
    WT_TRY(wt_recording_names_find(&set->groups, list,
                                   &(wt_name_rule){.how = job->group, .option = "group", .what = "group"}));
    for (size_t i = 0; i < list->count; i++) {
        list->files[i].group = set->groups.names[set->groups.of[i]];
        WT_CHECK(strlen(list->files[i].group) < WT_CLASS_TEXT, WT_USAGE,
                 "%s: the name of its group is too long (got %zu bytes, expected at most %d)",
                 list->files[i].path, strlen(list->files[i].group), WT_CLASS_TEXT - 1);
    }
    return WT_OK;
}

/* The fold of a table is the test part. */
static wt_status hold_fold_and_groups(wt_audio_set *set) {
    wt_recordings *list = &set->recordings;
    for (size_t i = 0; set->labels && set->labels->tested && i < list->count; i++) {
        wt_recording *file = &list->files[i];
        if (!set->labels->tested[i]) continue;
        WT_CHECK(!file->held || file->split == WT_SPLIT_TEST, WT_USAGE,
                 "%s: is of the fold for testing (--fold), and --%s names it", file->path,
                 wt_split_name(file->split));
        file->held = true;
        file->split = WT_SPLIT_TEST;
    }
    return wt_recordings_hold_groups(list);
}

/* Each recording's part, as far as the options name it, and parts in time where there are few. */
static wt_status hold_and_cut(const wt_audio_job *job, wt_audio_set *set, wt_recordings *targets) {
    const wt_split_rule *rule = &job->audio.split;
    wt_recordings *list = &set->recordings;
    for (size_t i = 0; i < list->count; i++) list->files[i].whole = i;
    WT_TRY(find_groups(job, set));
    WT_TRY(wt_recordings_hold(list, targets, rule));
    WT_TRY(hold_fold_and_groups(set));
    WT_TRY(wt_recordings_cut(list, rule));
    return targets ? wt_recordings_cut(targets, rule) : WT_OK;
}

/* Formats of all, in pairs, without those that are damaged if these may be left out. Collective. */
static wt_status check_recordings(wt_comm *comm, const wt_audio_job *job, wt_audio_set *set,
                                  wt_recordings *targets) {
    const bool skip = job->skip_damaged;
    wt_recordings *list = &set->recordings;
    WT_TRY(share_formats(comm, list, skip, skip));
    if (job->target) {
        WT_TRY(share_formats(comm, targets, skip, skip));
        WT_TRY(wt_comm_agree(comm, wt_audio_pair(list, targets, &job->audio)));
        if (job->align) WT_TRY(wt_align_pairs(comm, job->align, list, targets, &job->audio));
    }
    if (skip) {
        if (job->target) {
            for (size_t i = 0; i < list->count; i++)
                if (targets->files[i].format.frames == 0) list->files[i].format.frames = 0;
            wt_recordings_keep(targets, list);
        }
        wt_recordings_keep(list, NULL);
    }
    WT_TRY(share_labels(comm, job, set));
    return hold_and_cut(job, set, job->target ? targets : NULL);
}

/* Decoding has failed at one file: which others would it at? Collective. */
static wt_status find_damaged(wt_comm *comm, const wt_audio_job *job, wt_recordings *list,
                              wt_recordings *targets, wt_status status) {
    char message[1024];
    for (size_t i = 0; i < list->count; i++)
        if (list->files[i].cut) return status; /* few, and parts know nothing of what is wrong elsewhere */
    if (status != WT_USAGE) return status;
    snprintf(message, sizeof message, "%s", wt_error_message());
    WT_TRY(share_formats(comm, list, false, true));
    if (job->target) WT_TRY(share_formats(comm, targets, false, true));
    return wt_error(status, "%s", message);
}

/* The plan, when it is known which recordings there are. Collective. */
static wt_status plan_recordings(wt_comm *comm, wt_audio_job *job, wt_audio_set *set, wt_prepare_plan *plan) {
    WT_TRY(wt_comm_agree_alike(comm, wt_audio_features(&job->audio, &set->recordings)));
    if (job->audio.given) WT_TRY(agree_on_recordings(comm, &set->recordings, job->audio.given));
    WT_TRY(wt_comm_agree(comm, wt_audio_plan(plan, &set->recordings, &job->audio)));
    plan->labelled = job->target || set->labels;
    if (set->labels) {
        plan->classes = set->labels->classes;
        plan->class_names = set->labels->names;
        plan->masked = set->labels->masked;
    }
    if (!job->speaker) return WT_OK;
    const wt_name_rule rule = {.how = job->speaker, .option = "speaker", .what = "speaker"};
    WT_TRY(wt_comm_agree(comm, wt_recording_names_find(&set->speakers, &set->recordings, &rule)));
    plan->speakers = &set->speakers;
    return WT_OK;
}

/* `targets` is empty without job->target. Collective. */
static wt_status prepare_recordings(wt_comm *comm, const wt_prepare_output *output, wt_audio_job *job,
                                    wt_audio_set *set, wt_recordings *targets, wt_prepared *prepared) {
    wt_recordings *list = &set->recordings;
    wt_audio_context context = {.recordings = list,
                                .targets = job->target ? targets : NULL,
                                .options = &job->audio,
                                .plan = &prepared->plan};
    const wt_utterance_source source = {.load = wt_audio_load, .context = &context};
    WT_TRY(agree_on_recordings(comm, list, NULL));
    if (job->target) WT_TRY(agree_on_recordings(comm, targets, NULL));
    WT_TRY(wt_comm_agree(comm, check_recordings(comm, job, set, targets)));
    context.labels = set->labels;
    WT_TRY(plan_recordings(comm, job, set, &prepared->plan));
    const wt_status status = wt_prepare_write(comm, output, source, prepared);
    if (status != WT_OK) return find_damaged(comm, job, list, targets, status);
    wt_split_warn_of_empty(&job->audio.split, prepared->plan.utterances, output->out, prepared->plan.remedy);
    return WT_OK;
}

wt_status wt_audio_prepare(wt_comm *comm, const wt_prepare_output *output, wt_audio_job *job,
                           wt_audio_set *set, wt_prepared *prepared) {
    wt_recordings targets;
    wt_status status = WT_OK;
    memset(set, 0, sizeof *set);
    memset(prepared, 0, sizeof *prepared);
    memset(&targets, 0, sizeof targets);
    job->audio.align = job->align != NULL;
    WT_GUARD(share_recordings(comm, &set->recordings, output->out, job->inputs, job->input_count));
    WT_GUARD_CHECK(!job->target || job->input_count == 1, WT_USAGE,
                   "--target: goes with one file or folder (got %zu inputs)", job->input_count);
    if (job->target) WT_GUARD(share_recordings(comm, &targets, output->out, &job->target, 1));
    WT_GUARD(prepare_recordings(comm, output, job, set, &targets, prepared));
cleanup:
    wt_feature_folder_close(job->audio.given);
    job->audio.given = NULL;
    wt_recordings_dispose(&targets);
    return status;
}

void wt_audio_set_dispose(wt_audio_set *set) {
    wt_recordings_dispose(&set->recordings);
    wt_recording_names_dispose(&set->speakers);
    wt_recording_names_dispose(&set->groups);
    wt_labelling_destroy(set->labels);
    set->labels = NULL;
}
