/*
 * Which utterance belongs to which shard: a pure function of splits and sizes. Every process
 * that plans the same set gets the same plan, so shards can be written by anyone in any order. Sizes are
 * those before trimming, so trimmed shards come out smaller than asked for.
 */
#include <string.h>

#include "prepare_internal.h"

static void order_items(wt_prepare_plan *plan, const wt_split *splits) {
    size_t next = 0;
    for (wt_split split = 0; split < WT_SPLITS; split++) {
        size_t first = next;
        for (size_t i = 0; i < plan->items; i++)
            if (splits[i] == split) plan->order[next++] = i;
        plan->utterances[split] = (int64_t)(next - first);
    }
}

/* Cuts order[first] … into shards of one split. */
static void cut_split(wt_prepare_plan *plan, wt_split split, size_t first, const int64_t *bytes,
                      int64_t limit) {
    size_t begin = plan->shard_count, end = first + (size_t)plan->utterances[split];
    int64_t held = 0;
    for (size_t i = first; i < end; i++) {
        int64_t size = bytes[plan->order[i]];
        if (i == first || size > limit - held) {
            plan->shards[plan->shard_count] = (wt_planned_shard){
                .split = split, .number = (int)(plan->shard_count - begin), .first = i};
            plan->shard_count++;
            held = 0;
        }
        plan->shards[plan->shard_count - 1].count++;
        held = size > limit - held ? limit : held + size;
    }
    for (size_t s = begin; s < plan->shard_count; s++) plan->shards[s].of = (int)(plan->shard_count - begin);
}

wt_status wt_prepare_plan_init(wt_prepare_plan *plan, const wt_split *splits, const int64_t *bytes,
                               size_t items, int64_t shard_bytes) {
    memset(plan, 0, sizeof *plan);
    plan->items = items;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&plan->order, items, sizeof *plan->order, "order of the utterances"));
    WT_GUARD(wt_alloc(&plan->shards, items, sizeof *plan->shards, "plan of the shards"));
    order_items(plan, splits);
    size_t first = 0;
    for (wt_split split = 0; split < WT_SPLITS; split++) {
        cut_split(plan, split, first, bytes, shard_bytes);
        first += (size_t)plan->utterances[split];
    }
cleanup:
    if (status != WT_OK) wt_prepare_plan_dispose(plan);
    return status;
}

void wt_prepare_plan_dispose(wt_prepare_plan *plan) {
    wt_free(plan->order);
    wt_free(plan->shards);
    memset(plan, 0, sizeof *plan);
}

static int64_t count_clipped(const float *samples, int64_t count) {
    int64_t clipped = 0;
    for (int64_t i = 0; i < count; i++) clipped += samples[i] > 1 || samples[i] < -1;
    return clipped;
}

int wt_prepare_classes(const wt_prepare_plan *plan) {
    const int classes = plan->vocabulary ? plan->vocabulary->classes : plan->labelled ? plan->classes : 0;
    return classes <= WT_COUNTED_CLASSES ? classes : 0;
}

/* Symbols are stored as fractions of 32768 (data.h). */
static void count_classes(int64_t *counts, const wt_prepare_plan *plan, const wt_utterance *utterance) {
    if (wt_prepare_classes(plan) == 0) return;
    for (int64_t i = 0; i < utterance->count; i++) {
        if (utterance->mask && !utterance->mask[i]) continue;
        counts[plan->vocabulary ? (int)(utterance->samples[i] * 32768) : (int)utterance->labels[i]]++;
    }
}

void wt_prepare_warn_of_classes(const wt_prepare_plan *plan, const wt_prepare_tally *tally,
                                const char *dataset) {
    enum { SHOWN = 8 };
    for (wt_split split = 0; split < WT_SPLITS; split++) {
        char list[256] = "";
        int missing = 0, used = 0;
        if (tally->utterances[split] == 0 || (plan->vocabulary && split != WT_SPLIT_TRAIN)) continue;
        for (int class = 0; class < wt_prepare_classes(plan); class ++) {
            char name[WT_CLASS_TEXT];
            if (tally->classes[split][class] > 0 || missing++ >= SHOWN) continue;
            if (plan->vocabulary)
                wt_vocabulary_symbol_text(name, plan->vocabulary->symbols[class]);
            else
                wt_class_name(name, &plan->class_names, class);
            if ((size_t)used < sizeof list)
                used += snprintf(list + used, sizeof list - (size_t)used, "%s%s", used ? ", " : "", name);
        }
        if (missing > 0)
            wt_log_warning("%s: %d of %d %s missing from the %s part (%s%s; %s)", dataset, missing,
                           wt_prepare_classes(plan), missing > 1 ? "classes are" : "classes is",
                           wt_split_name(split), list, missing > SHOWN ? " …" : "", plan->remedy);
    }
}

void wt_prepare_dispose_utterance(wt_utterance *utterance) {
    wt_free(utterance->samples);
    wt_free(utterance->labels);
    wt_free(utterance->mask);
    wt_free(utterance->frames);
}

static wt_status add_utterance(wt_shard_writer *writer, const wt_prepare_plan *plan, wt_split split,
                               size_t item, const wt_utterance_source *source, wt_prepare_tally *tally) {
    wt_utterance utterance = {.samples = NULL};
    wt_status status = source->load(source->context, item, &utterance);
    const wt_shard_utterance added = {.id = utterance.id,
                                      .group = *utterance.group ? utterance.group : NULL,
                                      .speaker = plan->speakers ? plan->speakers->of[item] : -1,
                                      .samples = utterance.samples,
                                      .labels = utterance.labels,
                                      .mask = utterance.mask,
                                      .count = utterance.count};
    if (status == WT_OK) status = wt_shard_add_utterance(writer, &added);
    if (status == WT_OK && plan->features.count)
        status = wt_shard_add_features(writer, utterance.frames, utterance.frame_count);
    if (status == WT_OK) {
        tally->utterances[split]++;
        tally->frames[split] += utterance.count;
        for (int64_t i = 0; i < utterance.count; i++)
            tally->targets[split] += !utterance.mask || utterance.mask[i];
        tally->removed += utterance.removed;
        tally->silent += utterance.silent;
        tally->still += utterance.still;
        count_classes(tally->classes[split], plan, &utterance);
        if (plan->store == WT_STORE_INT16)
            tally->clipped += count_clipped(utterance.samples, utterance.count * plan->channels);
        if (source->done) source->done(source->progress);
    }
    wt_prepare_dispose_utterance(&utterance);
    return status;
}

wt_status wt_prepare_shard(const wt_prepare_plan *plan, size_t shard, const char *folder,
                           const wt_utterance_source *source, wt_prepare_tally *tally) {
    const wt_planned_shard *planned = &plan->shards[shard];
    wt_shard_header header = {.kind = plan->kind ? plan->kind : "audio",
                              .split = wt_split_name(planned->split),
                              .sample_rate = plan->sample_rate,
                              .channels = plan->channels,
                              .shard = planned->number,
                              .shards = planned->of,
                              .store = plan->store,
                              .masked = plan->masked,
                              .vocabulary = plan->vocabulary,
                              .class_names = *plan->class_names.names ? &plan->class_names : NULL,
                              .features = plan->features.count ? &plan->features : NULL};
    if (plan->speakers) {
        header.speakers = (const char *const *)plan->speakers->names;
        header.speaker_count = plan->speakers->count;
    }
    wt_shard_writer *writer;
    WT_TRY(wt_shard_create(&writer, folder, &header));
    wt_status status = plan->labelled ? wt_shard_declare_labels(writer, plan->classes, &plan->normalization)
                                      : WT_OK;
    for (size_t i = 0; status == WT_OK && i < planned->count; i++) {
        status = add_utterance(writer, plan, planned->split, plan->order[planned->first + i], source, tally);
    }
    if (status != WT_OK) {
        wt_shard_abandon(writer);
        return status;
    }
    tally->shards[planned->split]++;
    return wt_shard_finish(writer);
}
