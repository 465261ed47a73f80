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

#include "base/timer.h"
#include "metrics/metrics.h"
#include "prepare_job.h"
#include "wavetrain/data.h"

/* --- writing a plan, and the report --- */

/* The bar appears once the work has taken a while: quick ones, and quick failures, need none. */
typedef struct {
    const char *label;
    int64_t done, total; /* utterances */
    double started;
    wt_progress *bar;
} wt_prepare_progress;

static void count_written(void *opaque) {
    enum { QUICK = 2 }; /* seconds */
    wt_prepare_progress *progress = opaque;
    progress->done++;
    if (!progress->bar) {
        if (!wt_log_is_verbose() || wt_time_now() - progress->started < QUICK) return;
        if (wt_progress_create(&progress->bar, progress->label, "utterances", progress->done, progress->total,
                               10) != WT_OK)
            return; /* the work goes on without */
    }
    wt_progress_update(progress->bar, progress->done, 0, NAN);
}

/* This rank's shards. */
static wt_status write_share(const wt_comm *comm, const wt_prepare_plan *plan, const char *folder,
                             wt_utterance_source source, wt_prepare_tally *tally) {
    size_t rank = (size_t)wt_comm_rank(comm), ranks = (size_t)wt_comm_size(comm);
    wt_prepare_progress progress = {.label = ranks > 1 ? "preparing (rank 0's share)" : "preparing",
                                    .started = wt_time_now()};
    for (size_t i = rank; i < plan->shard_count; i += ranks) progress.total += (int64_t)plan->shards[i].count;
    source.done = count_written;
    source.progress = &progress;
    wt_status status = WT_OK;
    for (size_t i = rank; i < plan->shard_count && status == WT_OK; i += ranks)
        status = wt_prepare_shard(plan, i, folder, &source, tally);
    wt_progress_destroy(progress.bar);
    return status;
}

static int64_t count_frames(const wt_prepare_tally *tally) {
    return tally->frames[WT_SPLIT_TRAIN] + tally->frames[WT_SPLIT_VALIDATION] + tally->frames[WT_SPLIT_TEST];
}

static double compute_removed_share(const wt_prepare_tally *tally) {
    return (double)tally->removed / (double)(tally->removed + count_frames(tally));
}

static wt_status check_trimming(const wt_prepare_job *job) {
    double share = compute_removed_share(&job->tally);
    WT_CHECK(
        share <= job->trim_limit, WT_USAGE,
        "--trim: would remove too much of the recordings (got %.1f %%, expected at most %.1f %%; trim less, "
        "or allow it with --trim-limit)",
        100 * share, 100 * job->trim_limit);
    return WT_OK;
}

/* Opens what was written as training will, and notes the digests. */
static wt_status read_digests(wt_prepare_job *job, const char *folder) {
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
static wt_status fill_folder(wt_comm *comm, wt_prepare_job *job, const wt_prepare_plan *plan,
                             const wt_partial_folder *folder, wt_utterance_source source) {
    memset(&job->tally, 0, sizeof job->tally);
    WT_TRY(wt_comm_agree(comm, write_share(comm, plan, folder->path, source, &job->tally)));
    wt_comm_sum_int64(comm, (int64_t *)&job->tally, sizeof job->tally / sizeof(int64_t));
    WT_TRY(check_trimming(job)); /* the same numbers, hence the same answer, on every rank */
    wt_status status = WT_OK;
    if (wt_comm_rank(comm) == 0) status = read_digests(job, folder->path);
    if (wt_comm_rank(comm) == 0 && status == WT_OK) status = wt_partial_commit(folder);
    return wt_comm_agree(comm, status);
}

wt_status wt_prepare_write_dataset(wt_comm *comm, wt_prepare_job *job, const wt_prepare_plan *plan,
                                   wt_utterance_source source) {
    wt_partial_folder folder;
    memset(&folder, 0, sizeof folder);
    bool root = wt_comm_rank(comm) == 0;
    WT_TRY(wt_comm_agree(comm, root ? wt_partial_create(&folder, job->out) : WT_OK));
    wt_comm_broadcast(comm, &folder, sizeof folder);
    wt_status status = fill_folder(comm, job, plan, &folder, source);
    if (root && status != WT_OK) wt_partial_remove(&folder);
    return status;
}

const char *wt_command_group_digits(char text[32], int64_t value) {
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

static void report_split(const wt_prepare_job *job, const wt_prepare_plan *plan, wt_split split) {
    char utterances[32], frames[32];
    const wt_prepare_tally *tally = &job->tally;
    printf("  %-10s  %10s  %9.3f  %15s  %6lld  %s\n", wt_split_name(split),
           wt_command_group_digits(utterances, tally->utterances[split]),
           (double)tally->frames[split] / plan->sample_rate / 3600,
           wt_command_group_digits(frames, tally->frames[split]), (long long)tally->shards[split],
           *job->digest[split] ? job->digest[split] : "-");
}

/* "3:1,800/100/98": a class and its targets in each part. */
static int print_class(const wt_prepare_job *job, const wt_prepare_plan *plan, int class, char *text,
                       size_t room) {
    const wt_prepare_tally *tally = &job->tally;
    char name[WT_SYMBOL_TEXT], count[WT_SPLITS][32];
    for (wt_split split = 0; split < WT_SPLITS; split++)
        wt_command_group_digits(count[split], tally->classes[split][class]);
    if (plan->vocabulary)
        wt_vocabulary_symbol_text(name, plan->vocabulary->symbols[class]);
    else
        snprintf(name, sizeof name, "%d", class);
    return snprintf(text, room, "%s%s:%s/%s/%s", class ? " " : "", name, count[0], count[1], count[2]);
}

void wt_prepare_report_classes(const wt_prepare_job *job, const wt_prepare_plan *plan) {
    enum { LISTED = 100, ENTRY = 128, INDENT = 14 };
    char text[LISTED * ENTRY];
    size_t used = 0;
    const int classes = wt_prepare_classes(plan);
    if (!wt_log_is_verbose()) return;
    if (classes > 0 && classes <= LISTED) {
        for (int class = 0; class < classes; class ++)
            used += (size_t)print_class(job, plan, class, text + used, sizeof text - used);
        printf("  per part    ");
        wt_command_print_wrapped(stdout, text, INDENT);
    }
    wt_prepare_warn_of_classes(plan, &job->tally, job->out);
}

void wt_prepare_report(const wt_prepare_job *job, const wt_prepare_plan *plan, double seconds) {
    if (!wt_log_is_verbose()) return;
    if (plan->labelled && plan->store == WT_STORE_FLOAT && plan->kind)
        printf("%s: %d signal column%s, in %.1f s\n", job->out, plan->channels,
               plan->channels == 1 ? "" : "s", seconds);
    else
        printf("%s: %.3f hours at %d Hz, %d channel%s, %s, in %.1f s\n", job->out,
               (double)count_frames(&job->tally) / plan->sample_rate / 3600, plan->sample_rate,
               plan->channels, plan->channels == 1 ? "" : "s",
               plan->store == WT_STORE_INT16 ? "int16" : "float", seconds);
    printf("  %-10s  %10s  %9s  %15s  %6s  %s\n", "split", "utterances", "hours", "samples", "shards",
           "digest");
    for (wt_split split = 0; split < WT_SPLITS; split++) report_split(job, plan, split);
    if (plan->labelled && plan->classes > 0) {
        printf("  labels      %d classes\n", plan->classes);
        wt_prepare_report_classes(job, plan);
    }
    if (plan->speakers) printf("  speakers    %d\n", plan->speakers->count);
    if (plan->features.count)
        printf("  features    %d numbers every %d samples (%s)\n", plan->features.count, plan->features.hop,
               plan->features.text);
    if (plan->labelled && plan->classes == 0) printf("  labels      values\n");
}

void wt_prepare_report_details(const wt_prepare_job *job, const wt_prepare_plan *plan, bool trimmed,
                               const wt_recordings *list) {
    if (!wt_log_is_verbose()) return;
    char text[32];
    if (trimmed)
        printf("  trimmed     %.1f %% of the recordings, %.1f s of silence\n",
               100 * compute_removed_share(&job->tally), (double)job->tally.removed / plan->sample_rate);
    printf("  clipped     %s sample%s beyond full scale\n", wt_command_group_digits(text, job->tally.clipped),
           job->tally.clipped == 1 ? "" : "s");
    if (job->tally.silent > 0)
        printf("  silent      %s recording%s of nothing but zeros, kept whole\n",
               wt_command_group_digits(text, job->tally.silent), job->tally.silent == 1 ? "" : "s");
    if (job->tally.still > 0)
        printf("  constant    %s target%s that never change%s\n",
               wt_command_group_digits(text, job->tally.still), job->tally.still == 1 ? "" : "s",
               job->tally.still == 1 ? "s" : "");
    if (list && list->skipped > 0) {
        char kinds[256];
        wt_recordings_skipped(kinds, sizeof kinds, list);
        printf("  skipped     %s file%s of other kinds: %s\n", wt_command_group_digits(text, list->skipped),
               list->skipped == 1 ? "" : "s", kinds);
    }
}

void wt_prepare_free_values(char **values) {
    for (size_t i = 0; values && values[i]; i++) free(values[i]);
    free(values);
}

wt_status wt_command_check_range(const char *option, double value, double least, double most) {
    WT_CHECK(value >= least && value <= most, WT_USAGE, "%s: out of range (got %g, expected %g … %g)", option,
             value, least, most);
    return WT_OK;
}

wt_status wt_prepare_check_shard_mib(int64_t *bytes, double mib) {
    WT_TRY(wt_command_check_range("--shard-mib", mib, 0.001, 65536));
    *bytes = (int64_t)(mib * 1048576);
    return WT_OK;
}

wt_status wt_prepare_check_out(const wt_prepare_job *job, const wt_command *command) {
    WT_CHECK(job->out, WT_USAGE, "--out: is missing (usage: wavetrain %s %s)", command->name,
             command->arguments);
    return WT_OK;
}

/* --- prepare simulate --- */

wt_status wt_prepare_check_place(wt_comm *comm, const wt_prepare_job *job) {
    return wt_comm_agree(comm, wt_comm_rank(comm) == 0 ? wt_partial_check(job->out, NULL, 0) : WT_OK);
}

wt_status wt_prepare_write_simulated(wt_comm *comm, wt_prepare_job *job, wt_prepare_plan *plan,
                                     wt_utterance_source source, double start) {
    if (plan->labelled) WT_TRY(wt_prepare_share_normalization(comm, plan, source));
    WT_TRY(wt_prepare_write_dataset(comm, job, plan, source));
    wt_prepare_report(job, plan, wt_time_now() - start);
    return WT_OK;
}

static wt_status simulate_sine(wt_comm *comm, wt_prepare_job *job, const wt_sine *sine, int64_t shard_bytes,
                               double start) {
    wt_prepare_plan plan;
    memset(&plan, 0, sizeof plan);
    const wt_utterance_source source = {.load = wt_sine_load, .context = sine};
    WT_TRY(wt_prepare_check_place(comm, job));
    wt_status status = wt_comm_agree(comm, wt_sine_plan(&plan, sine, shard_bytes));
    if (status == WT_OK) status = wt_prepare_write_simulated(comm, job, &plan, source, start);
    if (status == WT_OK) wt_prepare_report_details(job, &plan, false, NULL);
    wt_prepare_plan_dispose(&plan);
    return status;
}

static wt_status run_prepare_simulate(wt_comm *comm, int argc, const char **argv) {
    if (argc > 1 && strcmp(argv[1], "ion-channels") == 0) return wt_prepare_ion_run(comm, argc, argv);
    if (argc > 1 && strcmp(argv[1], "ecg") == 0) return wt_prepare_ecg_run(comm, argc, argv);
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
    WT_GUARD(wt_prepare_check_out(&job, &command));
    WT_GUARD(wt_prepare_check_shard_mib(&shard_bytes, shard_mib));
    WT_GUARD(wt_command_check_range("--seconds", seconds, 0, 3600));
    sine.utterances = utterances;
    sine.seed = (uint64_t)seed;
    sine.frames = llround(seconds * sine.rate);
    WT_GUARD(simulate_sine(comm, &job, &sine, shard_bytes, start));
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
    .run = run_prepare_simulate,
};
