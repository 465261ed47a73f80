/* What the commands that make data sets share: their options, the progress bar, and what they print. */
#include <math.h>
#include <stdio.h>

#include "base/output.h"
#include "base/timer.h"
#include "base/units.h"
#include "prepare_command.h"
#include "wavetrain/base.h"

/* The bar appears once the work has taken a while: quick ones, and quick failures, need none. */
static void show_progress(void *context, int64_t done, int64_t total) {
    enum { QUICK = 2 }; /* seconds */
    wt_prepare_command *own = context;
    const char *label = own->shared ? "preparing (rank 0's share)" : "preparing";
    if (!own->bar) {
        if (!wt_log_is_verbose() || wt_time_now() - own->began < QUICK) return;
        if (wt_progress_create(&own->bar, label, "utterances", done, total, 10) != WT_OK)
            return; /* the work goes on without */
    }
    wt_progress_update(own->bar, done, 0, NAN);
}

void wt_prepare_command_init(wt_prepare_command *own) {
    *own = (wt_prepare_command){.shard_mib = 256, .began = wt_time_now()};
}

wt_status wt_prepare_check_range(const char *option, double value, double min, double max) {
    WT_CHECK(value >= min && value <= max, WT_USAGE, "%s: out of range (got %g, expected %g … %g)", option,
             value, min, max);
    return WT_OK;
}

void wt_prepare_command_show(wt_prepare_command *own, wt_comm *comm, const char *name) {
    own->name = name;
    own->shared = wt_comm_size(comm) > 1;
    own->output.progress = show_progress;
    own->output.context = own;
}

wt_status wt_prepare_command_check(wt_prepare_command *own, wt_comm *comm, const wt_command *command) {
    WT_CHECK(own->out, WT_USAGE, "--out: is missing (usage: wavetrain %s %s)", command->name,
             command->arguments);
    WT_TRY(wt_prepare_check_range("--shard-mib", own->shard_mib, 0.001, 65536));
    own->shard_bytes = (int64_t)(own->shard_mib * 1048576);
    own->output.out = own->out;
    wt_prepare_command_show(own, comm, own->out);
    return WT_OK;
}

double wt_prepare_command_finish(wt_prepare_command *own) {
    wt_progress_destroy(own->bar);
    own->bar = NULL;
    return wt_time_now() - own->began;
}

static void report_split(const wt_prepared *prepared, wt_split split) {
    char utterances[WT_UNITS], frames[WT_UNITS];
    const wt_prepare_plan *plan = &prepared->plan;
    const wt_prepare_tally *tally = &prepared->tally;
    printf("  %-10s  %10s  %9.3f  %15s  %6lld  %s\n", wt_split_name(split),
           wt_units_grouped(utterances, tally->utterances[split]),
           (double)tally->frames[split] / plan->sample_rate / 3600,
           wt_units_grouped(frames, tally->frames[split]), (long long)tally->shards[split],
           *prepared->digest[split] ? prepared->digest[split] : "-");
}

/* "3:1,800/100/98": a class and its targets in each part. */
static int print_class(const wt_prepared *prepared, int class, char *text, size_t capacity) {
    const wt_prepare_plan *plan = &prepared->plan;
    const wt_prepare_tally *tally = &prepared->tally;
    char name[WT_SYMBOL_TEXT], count[WT_SPLITS][WT_UNITS];
    for (wt_split split = 0; split < WT_SPLITS; split++)
        wt_units_grouped(count[split], tally->classes[split][class]);
    if (plan->vocabulary)
        wt_vocabulary_symbol_text(name, plan->vocabulary->symbols[class]);
    else
        snprintf(name, sizeof name, "%d", class);
    return snprintf(text, capacity, "%s%s:%s/%s/%s", class ? " " : "", name, count[0], count[1], count[2]);
}

void wt_prepare_report_classes(const wt_prepare_command *own, const wt_prepared *prepared) {
    enum { LISTED = 100, ENTRY = 128, INDENT = 14 };
    char text[LISTED * ENTRY];
    size_t used = 0;
    const int classes = wt_prepare_classes(&prepared->plan);
    if (!wt_log_is_verbose()) return;
    if (classes > 0 && classes <= LISTED) {
        for (int class = 0; class < classes; class ++)
            used += (size_t)print_class(prepared, class, text + used, sizeof text - used);
        printf("  per part    ");
        wt_output_wrap(stdout, text, INDENT);
    }
    wt_prepare_warn_of_classes(&prepared->plan, &prepared->tally, own->name);
}

void wt_prepare_report(wt_prepare_command *own, const wt_prepared *prepared) {
    const wt_prepare_plan *plan = &prepared->plan;
    const double seconds = wt_prepare_command_finish(own);
    if (!wt_log_is_verbose()) return;
    if (plan->labelled && plan->store == WT_STORE_FLOAT && plan->kind)
        printf("%s: %d signal column%s, in %.1f s\n", own->name, plan->channels,
               plan->channels == 1 ? "" : "s", seconds);
    else
        printf("%s: %.3f hours at %d Hz, %d channel%s, %s, in %.1f s\n", own->name,
               (double)wt_prepared_frames(prepared) / plan->sample_rate / 3600, plan->sample_rate,
               plan->channels, plan->channels == 1 ? "" : "s",
               plan->store == WT_STORE_INT16 ? "int16" : "float", seconds);
    printf("  %-10s  %10s  %9s  %15s  %6s  %s\n", "split", "utterances", "hours", "samples", "shards",
           "digest");
    for (wt_split split = 0; split < WT_SPLITS; split++) report_split(prepared, split);
    if (plan->labelled && plan->classes > 0) {
        printf("  labels      %d classes\n", plan->classes);
        wt_prepare_report_classes(own, prepared);
    }
    if (plan->speakers) printf("  speakers    %d\n", plan->speakers->count);
    if (plan->features.count)
        printf("  features    %d numbers every %d samples (%s)\n", plan->features.count, plan->features.hop,
               plan->features.text);
    if (plan->labelled && plan->classes == 0) printf("  labels      values\n");
}

void wt_prepare_report_details(const wt_prepared *prepared, bool trimmed, const wt_recordings *list) {
    const wt_prepare_tally *tally = &prepared->tally;
    if (!wt_log_is_verbose()) return;
    char text[WT_UNITS];
    if (trimmed)
        printf("  trimmed     %.1f %% of the recordings, %.1f s of silence\n",
               100 * wt_prepared_removed(prepared), (double)tally->removed / prepared->plan.sample_rate);
    printf("  clipped     %s sample%s beyond full scale\n", wt_units_grouped(text, tally->clipped),
           tally->clipped == 1 ? "" : "s");
    if (tally->silent > 0)
        printf("  silent      %s recording%s of nothing but zeros, kept whole\n",
               wt_units_grouped(text, tally->silent), tally->silent == 1 ? "" : "s");
    if (tally->still > 0)
        printf("  constant    %s target%s that never change%s\n", wt_units_grouped(text, tally->still),
               tally->still == 1 ? "" : "s", tally->still == 1 ? "s" : "");
    if (list && list->skipped > 0) {
        char kinds[256];
        wt_recordings_skipped(kinds, sizeof kinds, list);
        printf("  skipped     %s file%s of other kinds: %s\n", wt_units_grouped(text, list->skipped),
               list->skipped == 1 ? "" : "s", kinds);
    }
}
