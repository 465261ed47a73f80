/* What was prepared, for people. */
#include <stdio.h>

#include "base/output.h"
#include "base/units.h"
#include "prepare_internal.h"

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
    char name[WT_CLASS_TEXT], count[WT_SPLITS][WT_UNITS];
    for (wt_split split = 0; split < WT_SPLITS; split++)
        wt_units_grouped(count[split], tally->classes[split][class]);
    if (plan->vocabulary)
        wt_vocabulary_symbol_text(name, plan->vocabulary->symbols[class]);
    else
        wt_class_name(name, &plan->class_names, class);
    return snprintf(text, capacity, "%s%s:%s/%s/%s", class ? " " : "", name, count[0], count[1], count[2]);
}

void wt_prepared_print_classes(const wt_prepared *prepared, const char *dataset) {
    enum { LISTED = 100, ENTRY = WT_CLASS_TEXT + 96, INDENT = 14 };
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
    wt_prepare_warn_of_classes(&prepared->plan, &prepared->tally, dataset);
}

void wt_prepared_print(const wt_prepared *prepared, const char *name, double seconds) {
    const wt_prepare_plan *plan = &prepared->plan;
    if (!wt_log_is_verbose()) return;
    if (plan->labelled && plan->store == WT_STORE_FLOAT && plan->kind)
        printf("%s: %d signal column%s, in %.1f s\n", name, plan->channels, plan->channels == 1 ? "" : "s",
               seconds);
    else
        printf("%s: %.3f hours at %d Hz, %d channel%s, %s, in %.1f s\n", name,
               (double)wt_prepared_frames(prepared) / plan->sample_rate / 3600, plan->sample_rate,
               plan->channels, plan->channels == 1 ? "" : "s",
               plan->store == WT_STORE_INT16 ? "int16" : "float", seconds);
    printf("  %-10s  %10s  %9s  %15s  %6s  %s\n", "split", "utterances", "hours", "samples", "shards",
           "digest");
    for (wt_split split = 0; split < WT_SPLITS; split++) report_split(prepared, split);
    if (plan->labelled && plan->classes > 0) {
        printf("  labels      %d classes\n", plan->classes);
        wt_prepared_print_classes(prepared, name);
    }
    if (plan->speakers) printf("  speakers    %d\n", plan->speakers->count);
    if (plan->features.count)
        printf("  features    %d numbers every %d samples (%s)\n", plan->features.count, plan->features.hop,
               plan->features.text);
    if (plan->labelled && plan->classes == 0) printf("  labels      values\n");
}

void wt_prepared_print_details(const wt_prepared *prepared, bool trimmed, const wt_recordings *list) {
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
