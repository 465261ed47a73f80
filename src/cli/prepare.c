/*
 * wavetrain prepare audio, wavetrain prepare simulate: data sets by all ranks together.
 *
 * Rank 0 lists the recordings, all ranks share their headers out, each computes the same plan, and each
 * writes whole shards: shard i by rank i mod P. So the bytes do not depend on the number of ranks; the
 * price is that a set of fewer shards than ranks leaves ranks idle (--shard-mib makes smaller ones). Shards
 * gather in a folder next to the data set's place, which rank 0 renames when all is well, else removes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prepare_job.h"
#include "wavetrain/agreement.h"
#include "wavetrain/data.h"
#include "wavetrain/log.h"
#include "wavetrain/memory.h"
#include "wavetrain/metrics.h"
#include "wavetrain/timer.h"

/* --- what both commands share: writing a plan, and the report --- */

/* The bar appears once the work has taken a while: quick ones, and quick failures, need none. */
typedef struct {
    const char *label;
    int64_t done, total; /* utterances */
    double started;
    wt_progress *bar;
} wt_prepare_progress;

static void wt_count_utterance(void *opaque) {
    enum { QUICK = 2 }; /* seconds */
    wt_prepare_progress *progress = opaque;
    progress->done++;
    if (!progress->bar) {
        if (!wt_log_speaks() || wt_time_now() - progress->started < QUICK) return;
        if (wt_progress_create(&progress->bar, progress->label, "utterances", progress->done, progress->total,
                               10) != WT_OK)
            return; /* the work goes on without */
    }
    wt_progress_update(progress->bar, progress->done, 0, NAN);
}

/* This rank's shards. */
static wt_status wt_write_share(const wt_comm *comm, const wt_prepare_plan *plan, const char *folder,
                                wt_utterance_source source, wt_prepare_tally *tally) {
    size_t rank = (size_t)wt_comm_rank(comm), ranks = (size_t)wt_comm_size(comm);
    wt_prepare_progress progress = {.label = ranks > 1 ? "preparing (rank 0's share)" : "preparing",
                                    .started = wt_time_now()};
    for (size_t i = rank; i < plan->shard_count; i += ranks) progress.total += (int64_t)plan->shards[i].count;
    source.done = wt_count_utterance;
    source.progress = &progress;
    wt_status status = WT_OK;
    for (size_t i = rank; i < plan->shard_count && status == WT_OK; i += ranks)
        status = wt_prepare_shard(plan, i, folder, &source, tally);
    wt_progress_destroy(progress.bar);
    return status;
}

static int64_t wt_tally_frames(const wt_prepare_tally *tally) {
    return tally->frames[WT_SPLIT_TRAIN] + tally->frames[WT_SPLIT_VALIDATION] + tally->frames[WT_SPLIT_TEST];
}

static double wt_removed_share(const wt_prepare_tally *tally) {
    return (double)tally->removed / (double)(tally->removed + wt_tally_frames(tally));
}

static wt_status wt_check_trimming(const wt_prepare_job *job) {
    double share = wt_removed_share(&job->tally);
    WT_CHECK(
        share <= job->trim_limit, WT_USAGE,
        "--trim: would remove too much of the recordings (got %.1f %%, expected at most %.1f %%; trim less, "
        "or allow it with --trim-limit)",
        100 * share, 100 * job->trim_limit);
    return WT_OK;
}

/* Opens what was written as training will, and notes the digests. */
static wt_status wt_read_digests(wt_prepare_job *job, const char *folder) {
    for (wt_split split = 0; split < WT_SPLITS; split++) {
        if (job->tally.shards[split] == 0) continue;
        wt_dataset *dataset;
        WT_TRY(wt_dataset_open(&dataset, folder, wt_split_name(split), 0));
        wt_hash_print(job->digest[split], wt_dataset_digest(dataset));
        wt_dataset_close(dataset);
    }
    return WT_OK;
}

/* All ranks: the shards in the partial folder, counted and checked. Collective. */
static wt_status wt_fill_folder(wt_comm *comm, wt_prepare_job *job, const wt_prepare_plan *plan,
                                const wt_partial_folder *folder, wt_utterance_source source) {
    memset(&job->tally, 0, sizeof job->tally);
    WT_TRY(wt_comm_agree(comm, wt_write_share(comm, plan, folder->path, source, &job->tally)));
    wt_comm_sum_int64(comm, (int64_t *)&job->tally, sizeof job->tally / sizeof(int64_t));
    WT_TRY(wt_check_trimming(job)); /* the same numbers, hence the same answer, on every rank */
    wt_status status = WT_OK;
    if (wt_comm_rank(comm) == 0) status = wt_read_digests(job, folder->path);
    if (wt_comm_rank(comm) == 0 && status == WT_OK) status = wt_partial_commit(folder);
    return wt_comm_agree(comm, status);
}

wt_status wt_write_dataset(wt_comm *comm, wt_prepare_job *job, const wt_prepare_plan *plan,
                           wt_utterance_source source) {
    wt_partial_folder folder;
    memset(&folder, 0, sizeof folder);
    bool root = wt_comm_rank(comm) == 0;
    WT_TRY(wt_comm_agree(comm, root ? wt_partial_create(&folder, job->out) : WT_OK));
    wt_comm_broadcast(comm, &folder, sizeof folder);
    wt_status status = wt_fill_folder(comm, job, plan, &folder, source);
    if (root && status != WT_OK) wt_partial_remove(&folder);
    return status;
}

const char *wt_grouped(char text[32], int64_t value) {
    char digits[24];
    int count = snprintf(digits, sizeof digits, "%lld", (long long)value), used = 0;
    for (int i = 0; i < count; i++) {
        text[used++] = digits[i];
        int left = count - 1 - i;
        if (left > 0 && left % 3 == 0) text[used++] = ',';
    }
    text[used] = '\0';
    return text;
}

static void wt_report_split(const wt_prepare_job *job, const wt_prepare_plan *plan, wt_split split) {
    char utterances[32], frames[32];
    const wt_prepare_tally *tally = &job->tally;
    printf("  %-10s  %10s  %9.3f  %15s  %6lld  %s\n", wt_split_name(split),
           wt_grouped(utterances, tally->utterances[split]),
           (double)tally->frames[split] / plan->sample_rate / 3600, wt_grouped(frames, tally->frames[split]),
           (long long)tally->shards[split], *job->digest[split] ? job->digest[split] : "-");
}

/* "3:1,800/100/98": a class and its targets in each part. */
static int print_class(const wt_prepare_job *job, const wt_prepare_plan *plan, int class, char *text,
                       size_t room) {
    const wt_prepare_tally *tally = &job->tally;
    char name[WT_SYMBOL_TEXT], count[WT_SPLITS][32];
    for (wt_split split = 0; split < WT_SPLITS; split++)
        wt_grouped(count[split], tally->classes[split][class]);
    if (plan->vocabulary)
        wt_symbol_text(name, plan->vocabulary->symbols[class]);
    else
        snprintf(name, sizeof name, "%d", class);
    return snprintf(text, room, "%s%s:%s/%s/%s", class ? " " : "", name, count[0], count[1], count[2]);
}

void wt_report_classes(const wt_prepare_job *job, const wt_prepare_plan *plan) {
    enum { LISTED = 100, ENTRY = 128, INDENT = 14 };
    char text[LISTED * ENTRY];
    size_t used = 0;
    const int classes = wt_prepare_classes(plan);
    if (!wt_log_speaks()) return;
    if (classes > 0 && classes <= LISTED) {
        for (int class = 0; class < classes; class ++)
            used += (size_t)print_class(job, plan, class, text + used, sizeof text - used);
        printf("  per part    ");
        wt_print_wrapped(stdout, text, INDENT);
    }
    wt_prepare_warn_of_classes(plan, &job->tally, job->out);
}

void wt_report(const wt_prepare_job *job, const wt_prepare_plan *plan, double seconds) {
    if (!wt_log_speaks()) return;
    if (plan->labelled && plan->store == WT_STORE_FLOAT && plan->kind)
        printf("%s: %d signal column%s, in %.1f s\n", job->out, plan->channels,
               plan->channels == 1 ? "" : "s", seconds);
    else
        printf("%s: %.3f hours at %d Hz, %d channel%s, %s, in %.1f s\n", job->out,
               (double)wt_tally_frames(&job->tally) / plan->sample_rate / 3600, plan->sample_rate,
               plan->channels, plan->channels == 1 ? "" : "s",
               plan->store == WT_STORE_INT16 ? "int16" : "float", seconds);
    printf("  %-10s  %10s  %9s  %15s  %6s  %s\n", "split", "utterances", "hours", "samples", "shards",
           "digest");
    for (wt_split split = 0; split < WT_SPLITS; split++) wt_report_split(job, plan, split);
    if (plan->labelled && plan->classes > 0) {
        printf("  labels      %d classes\n", plan->classes);
        wt_report_classes(job, plan);
    }
    if (plan->speakers) printf("  speakers    %d\n", plan->speakers->count);
    if (plan->features.count)
        printf("  features    %d numbers every %d samples (%s)\n", plan->features.count, plan->features.hop,
               plan->features.text);
    if (plan->labelled && plan->classes == 0) printf("  labels      values\n");
}

static void wt_report_details(const wt_prepare_job *job, const wt_prepare_plan *plan, bool trimmed,
                              const wt_recordings *list) {
    if (!wt_log_speaks()) return;
    char text[32];
    if (trimmed)
        printf("  trimmed     %.1f %% of the recordings, %.1f s of silence\n",
               100 * wt_removed_share(&job->tally), (double)job->tally.removed / plan->sample_rate);
    printf("  clipped     %s sample%s beyond full scale\n", wt_grouped(text, job->tally.clipped),
           job->tally.clipped == 1 ? "" : "s");
    if (job->tally.silent > 0)
        printf("  silent      %s recording%s of nothing but zeros, kept whole\n",
               wt_grouped(text, job->tally.silent), job->tally.silent == 1 ? "" : "s");
    if (job->tally.still > 0)
        printf("  constant    %s target%s that never change%s\n", wt_grouped(text, job->tally.still),
               job->tally.still == 1 ? "" : "s", job->tally.still == 1 ? "s" : "");
    if (list && list->skipped > 0) {
        char kinds[256];
        wt_recordings_skipped(kinds, sizeof kinds, list);
        printf("  skipped     %s file%s of other kinds: %s\n", wt_grouped(text, list->skipped),
               list->skipped == 1 ? "" : "s", kinds);
    }
}

void wt_free_values(char **values) {
    for (size_t i = 0; values && values[i]; i++) free(values[i]);
    free(values);
}

wt_status wt_check_range(const char *option, double value, double least, double most) {
    WT_CHECK(value >= least && value <= most, WT_USAGE, "%s: out of range (got %g, expected %g … %g)", option,
             value, least, most);
    return WT_OK;
}

wt_status wt_check_shard_mib(int64_t *bytes, double mib) {
    WT_TRY(wt_check_range("--shard-mib", mib, 0.001, 65536));
    *bytes = (int64_t)(mib * 1048576);
    return WT_OK;
}

wt_status wt_check_out(const wt_prepare_job *job, const wt_command *command) {
    WT_CHECK(job->out, WT_USAGE, "--out: is missing (usage: wavetrain %s %s)", command->name,
             command->arguments);
    return WT_OK;
}

/* --- prepare audio --- */

typedef struct {
    wt_prepare_job job;
    wt_audio_options audio;
    char *channels, *target, *align, *mel, *speaker, **validation, **test;
    int store_float, skip_damaged;
    long long split_seed;
    double shard_mib;
} wt_audio_command;

static wt_status wt_parse_channels(int *channels, const char *text) {
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

static wt_status wt_check_audio_options(wt_audio_command *command) {
    wt_audio_options *audio = &command->audio;
    WT_TRY(wt_parse_channels(&audio->channels, command->channels));
    if (audio->rate != 0) WT_TRY(wt_check_range("--rate", audio->rate, WT_SOUND_RATE_MIN, WT_SOUND_RATE_MAX));
    if (audio->trim != 0) WT_TRY(wt_check_range("--trim", audio->trim, 1, 200));
    WT_CHECK(audio->trim == 0 || !command->target, WT_USAGE,
             "--trim: would cut a recording and its target (--target) differently");
    WT_CHECK(!command->align || command->target, WT_USAGE,
             "--align: is of a recording and its target (--target)");
    audio->align = command->align != NULL;
    WT_TRY(wt_check_range("--trim-limit", command->job.trim_limit, 0, 1));
    WT_TRY(wt_split_rule_parse(&audio->split, command->validation, command->test,
                               (uint64_t)command->split_seed));
    WT_TRY(wt_check_shard_mib(&audio->shard_bytes, command->shard_mib));
    audio->store = command->store_float ? WT_STORE_FLOAT : WT_STORE_INT16;
    audio->mel = command->mel;
    WT_CHECK(!command->mel || !command->target, WT_USAGE,
             "--mel: has no use where samples have labels (--target)");
    WT_CHECK(!command->speaker || !command->target, WT_USAGE,
             "--speaker: has no use where samples have labels (--target)");
    return WT_OK;
}

/* Rank 0 walks the inputs and sends the list to the others. Collective. */
static wt_status wt_share_recordings(wt_comm *comm, wt_recordings *list, const char *out,
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
static wt_status wt_inspect_share(const wt_comm *comm, wt_recordings *list, bool whole) {
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
static wt_status wt_share_formats(wt_comm *comm, wt_recordings *list, bool skip_damaged, bool whole) {
    enum { AT_ONCE = 65536 };
    int64_t *numbers = NULL;
    wt_status status = wt_alloc(&numbers, 3 * AT_ONCE, sizeof *numbers, "headers of recordings");
    if (status == WT_OK) status = wt_inspect_share(comm, list, whole);
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
static wt_status wt_agree_on_recordings(wt_comm *comm, const wt_recordings *list) {
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
    WT_TRY(wt_share_formats(comm, list, skip, skip));
    if (command->target) {
        WT_TRY(wt_share_formats(comm, targets, skip, skip));
        WT_TRY(wt_comm_agree(comm, wt_audio_pair(list, targets, &command->audio)));
        if (command->align) WT_TRY(wt_align_pairs(comm, command->align, list, targets, &command->audio));
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
    WT_TRY(wt_share_formats(comm, list, false, true));
    if (command->target) WT_TRY(wt_share_formats(comm, targets, false, true));
    return wt_error(status, "%s", message);
}

/* `targets` is empty without --target. */
static wt_status wt_prepare_recordings(wt_comm *comm, wt_audio_command *command, wt_recordings *list,
                                       wt_recordings *targets, double start) {
    wt_audio_options *audio = &command->audio;
    wt_prepare_plan plan;
    wt_speakers speakers = {0};
    memset(&plan, 0, sizeof plan);
    WT_TRY(wt_agree_on_recordings(comm, list));
    if (command->target) WT_TRY(wt_agree_on_recordings(comm, targets));
    WT_TRY(wt_comm_agree(comm, check_recordings(comm, command, list, targets)));
    wt_status status = wt_comm_agree(comm, wt_audio_spectrum(audio, list));
    if (status == WT_OK) status = wt_comm_agree(comm, wt_audio_plan(&plan, list, audio));
    if (status == WT_OK && command->speaker)
        status = wt_comm_agree(comm, wt_speakers_find(&speakers, list, command->speaker));
    if (status == WT_OK) {
        if (command->speaker) plan.speakers = &speakers;
        wt_audio_context context = {
            .recordings = list, .targets = command->target ? targets : NULL, .options = audio, .plan = &plan};
        const wt_utterance_source source = {.load = wt_audio_load, .context = &context};
        plan.labelled = command->target != NULL;
        if (plan.labelled) status = wt_share_normalization(comm, &plan, source);
        if (status == WT_OK) status = wt_share_features(comm, &plan, source);
        if (status == WT_OK) status = wt_write_dataset(comm, &command->job, &plan, source);
        status = find_damaged(comm, command, list, targets, status);
    }
    if (status == WT_OK) {
        wt_split_warn_of_empty(&audio->split, plan.utterances, command->job.out, plan.remedy);
        wt_report(&command->job, &plan, wt_time_now() - start);
        wt_report_details(&command->job, &plan, audio->trim > 0, list);
    }
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
    WT_GUARD(wt_share_recordings(comm, &list, own->job.out, inputs, count));
    WT_GUARD_CHECK(!own->target || count == 1, WT_USAGE,
                   "--target: goes with one file or folder (got %d inputs)", count);
    if (own->target)
        WT_GUARD(wt_share_recordings(comm, &targets, own->job.out, (const char *const *)&own->target, 1));
    WT_GUARD(wt_prepare_recordings(comm, own, &list, &targets, start));
cleanup:
    wt_recordings_dispose(&list);
    wt_recordings_dispose(&targets);
    return status;
}

static wt_status wt_run_prepare_audio(wt_comm *comm, int argc, const char **argv) {
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
    WT_GUARD(wt_check_out(&own.job, &command));
    WT_GUARD(wt_check_audio_options(&own));
    WT_GUARD(prepare_audio_inputs(comm, &own, line.arguments, line.count));
cleanup:
    poptFreeContext(line.context);
    free(own.job.out);
    free(own.target);
    free(own.align);
    free(own.channels);
    free(own.mel);
    free(own.speaker);
    wt_free_values(own.validation);
    wt_free_values(own.test);
    return status;
}

const wt_command wt_command_prepare_audio = {
    .name = "prepare audio",
    .arguments = "INPUT… --out DATASET [OPTION…]",
    .summary = "Make a data set from sound files and folders of them (WAV, FLAC, Ogg)",
    .parallel = true,
    .run = wt_run_prepare_audio,
};

/* --- prepare simulate --- */

wt_status wt_check_place(wt_comm *comm, const wt_prepare_job *job) {
    return wt_comm_agree(comm, wt_comm_rank(comm) == 0 ? wt_partial_check(job->out, NULL, 0) : WT_OK);
}

wt_status wt_write_simulated(wt_comm *comm, wt_prepare_job *job, wt_prepare_plan *plan,
                             wt_utterance_source source, double start) {
    if (plan->labelled) WT_TRY(wt_share_normalization(comm, plan, source));
    WT_TRY(wt_write_dataset(comm, job, plan, source));
    wt_report(job, plan, wt_time_now() - start);
    return WT_OK;
}

static wt_status wt_simulate(wt_comm *comm, wt_prepare_job *job, const wt_sine *sine, int64_t shard_bytes,
                             double start) {
    wt_prepare_plan plan;
    memset(&plan, 0, sizeof plan);
    const wt_utterance_source source = {.load = wt_sine_load, .context = sine};
    WT_TRY(wt_check_place(comm, job));
    wt_status status = wt_comm_agree(comm, wt_sine_plan(&plan, sine, shard_bytes));
    if (status == WT_OK) status = wt_write_simulated(comm, job, &plan, source, start);
    if (status == WT_OK) wt_report_details(job, &plan, false, NULL);
    wt_prepare_plan_dispose(&plan);
    return status;
}

static wt_status wt_run_prepare_simulate(wt_comm *comm, int argc, const char **argv) {
    if (argc > 1 && strcmp(argv[1], "ion-channels") == 0) return wt_run_prepare_ion(comm, argc, argv);
    if (argc > 1 && strcmp(argv[1], "ecg") == 0) return wt_run_prepare_ecg(comm, argc, argv);
    wt_prepare_job job = {.trim_limit = 1};
    wt_sine sine = {.frequency = 500, .amplitude = 0.5, .rate = 8000, .utterances = 200, .noise = 0.01};
    double seconds = 0.5, shard_mib = 256;
    long long seed = 1, utterances = sine.utterances;
    const struct poptOption options[] = {
        {"out", 'o', POPT_ARG_STRING, &job.out, 0, "Folder of the data set to make; must not exist",
         "DATASET"},
        {"frequency", '\0', POPT_ARG_DOUBLE, &sine.frequency, 0, "Frequency of the tone (default 500)", "HZ"},
        {"rate", '\0', POPT_ARG_INT, &sine.rate, 0, "Sample rate (default 8000)", "HZ"},
        {"amplitude", '\0', POPT_ARG_DOUBLE, &sine.amplitude, 0,
         "Amplitude of the tone; full scale is 1 (default 0.5)", "A"},
        {"seconds", '\0', POPT_ARG_DOUBLE, &seconds, 0, "Length of an utterance (default 0.5)", "S"},
        {"utterances", '\0', POPT_ARG_LONGLONG, &utterances, 0,
         "Number of utterances, with different phases (default 200); a tenth each is for validation and test",
         "N"},
        {"noise", '\0', POPT_ARG_DOUBLE, &sine.noise, 0,
         "Standard deviation of white noise added (default 0.01)", "A"},
        {"seed", '\0', POPT_ARG_LONGLONG, &seed, 0, "Seed of the phases and the noise (default 1)", "N"},
        {"shard-mib", '\0', POPT_ARG_DOUBLE, &shard_mib, 0, "Size of a shard, in MiB (default 256)", "MIB"},
        POPT_TABLEEND,
    };
    wt_command command = wt_command_prepare_simulate;
    command.options = options;
    double start = wt_time_now();
    wt_command_line line = {0};
    int64_t shard_bytes;
    wt_status status = WT_OK;
    WT_GUARD(wt_command_parse(&line, &command, argc, argv, 1, 1));
    if (line.done) goto cleanup;
    WT_GUARD_CHECK(strcmp(line.arguments[0], "sine") == 0, WT_USAGE,
                   "%s: no such signal (expected sine, ion-channels or ecg)", line.arguments[0]);
    WT_GUARD(wt_check_out(&job, &command));
    WT_GUARD(wt_check_shard_mib(&shard_bytes, shard_mib));
    WT_GUARD(wt_check_range("--seconds", seconds, 0, 3600));
    sine.utterances = utterances;
    sine.seed = (uint64_t)seed;
    sine.frames = llround(seconds * sine.rate);
    WT_GUARD(wt_simulate(comm, &job, &sine, shard_bytes, start));
cleanup:
    poptFreeContext(line.context);
    free(job.out);
    return status;
}

const wt_command wt_command_prepare_simulate = {
    .name = "prepare simulate",
    .arguments = "sine|ion-channels|ecg --out DATASET [OPTION…]",
    .summary = "Make a data set from a simulated signal: a tone, the current through ion channels, or a "
               "heart's rhythm",
    .parallel = true,
    .run = wt_run_prepare_simulate,
};
