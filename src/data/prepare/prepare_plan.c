/*
 * Which utterance belongs to which split and shard: a pure function of ids, shares and sizes. Every process
 * that plans the same set gets the same plan, so shards can be written by anyone in any order. Sizes are
 * those before trimming, so trimmed shards come out smaller than asked for.
 */
#include <string.h>

#include "prepare_internal.h"
#include "wavetrain/hash.h"
#include "wavetrain/memory.h"

const char *wt_split_name(wt_split split) {
    static const char *const names[WT_SPLITS] = {"train", "validation", "test"};
    return names[split];
}

static double draw_of(const char *id, uint64_t seed) {
    return (double)(wt_hash_string(id, seed).low >> 11) * 0x1p-53;
}

wt_split wt_split_choose(const char *id, uint64_t seed, double validation, double test) {
    return wt_split_of_draw(draw_of(id, seed), validation, test);
}

/* How far a draw lies from those of low … high. */
static double distance(double draw, double low, double high) {
    return draw < low ? low - draw : draw > high ? draw - high : 0;
}

void wt_splits_choose(wt_split *splits, const char *const *ids, size_t items, uint64_t seed,
                      double validation, double test) {
    const double low[WT_SPLITS] = {test + validation, test, 0},
                 high[WT_SPLITS] = {1, test + validation, test};
    size_t counts[WT_SPLITS] = {0};
    for (size_t i = 0; i < items; i++) counts[splits[i] = wt_split_choose(ids[i], seed, validation, test)]++;
    for (wt_split split = 0; split < WT_SPLITS; split++) {
        size_t nearest = items;
        double least = 2;
        for (size_t i = 0; counts[split] == 0 && high[split] > low[split] && i < items; i++) {
            const double far = distance(draw_of(ids[i], seed), low[split], high[split]);
            if (counts[splits[i]] < 2 || far >= least) continue;
            least = far;
            nearest = i;
        }
        if (nearest == items) continue;
        counts[splits[nearest]]--;
        counts[split]++;
        splits[nearest] = split;
    }
}

wt_split wt_split_of_draw(double draw, double validation, double test) {
    return draw < test ? WT_SPLIT_TEST : draw < test + validation ? WT_SPLIT_VALIDATION : WT_SPLIT_TRAIN;
}

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

static wt_status add_utterance(wt_shard_writer *writer, const wt_prepare_plan *plan, wt_split split,
                               size_t item, const wt_utterance_source *source, wt_prepare_tally *tally) {
    wt_utterance utterance = {.samples = NULL};
    wt_status status = source->load(source->context, item, &utterance);
    if (status == WT_OK && plan->labelled)
        status = wt_shard_add_labelled(writer, utterance.id, utterance.samples, utterance.labels,
                                       utterance.count);
    else if (status == WT_OK)
        status = wt_shard_add_masked(writer, utterance.id, -1, utterance.samples, utterance.count,
                                     utterance.mask);
    if (status == WT_OK) {
        tally->utterances[split]++;
        tally->frames[split] += utterance.count;
        for (int64_t i = 0; i < utterance.count; i++)
            tally->targets[split] += !utterance.mask || utterance.mask[i];
        tally->removed += utterance.removed;
        tally->silent += utterance.silent;
        tally->still += utterance.still;
        for (int64_t i = 0; plan->classes > 0 && plan->classes <= WT_COUNTED_CLASSES && i < utterance.count;
             i++)
            tally->classes[split][(int)utterance.labels[i]]++;
        if (plan->store == WT_STORE_INT16)
            tally->clipped += count_clipped(utterance.samples, utterance.count * plan->channels);
        if (source->done) source->done(source->progress);
    }
    wt_free(utterance.samples);
    wt_free(utterance.labels);
    wt_free(utterance.mask);
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
                              .vocabulary = plan->vocabulary};
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
