/*
 * The tone that every network of this kind must be able to learn. Utterances differ in their starting phase
 * (and noise), drawn from counters, so any process can make any of them.
 */
#include <math.h>
#include <stdio.h>

#include "base/random.h"
#include "prepare_internal.h"

static const uint64_t phase_counter = (uint64_t)1 << 55; /* beyond every sample's counter */

static wt_status check_sine(const wt_sine *sine) {
    WT_CHECK(sine->rate >= WT_SOUND_RATE_MIN && sine->rate <= WT_SOUND_RATE_MAX, WT_USAGE,
             "--rate: out of range (got %d Hz, expected %d … %d)", sine->rate, WT_SOUND_RATE_MIN,
             WT_SOUND_RATE_MAX);
    WT_CHECK(sine->frequency > 0 && sine->frequency < sine->rate / 2.0, WT_USAGE,
             "--frequency: out of range (got %g Hz, expected more than 0 and less than half the rate, %g)",
             sine->frequency, sine->rate / 2.0);
    WT_CHECK(sine->amplitude > 0 && sine->amplitude <= 1, WT_USAGE,
             "--amplitude: out of range (got %g, expected more than 0 and at most 1)", sine->amplitude);
    WT_CHECK(sine->noise >= 0 && sine->noise <= 1, WT_USAGE, "--noise: out of range (got %g, expected 0 … 1)",
             sine->noise);
    WT_CHECK(sine->frames >= 1 && sine->frames <= (int64_t)3600 * sine->rate, WT_USAGE,
             "--seconds: out of range (got %g, expected one sample … 3600)",
             (double)sine->frames / sine->rate);
    WT_CHECK(sine->utterances >= 3 && sine->utterances <= 1000000, WT_USAGE,
             "--utterances: out of range (got %lld, expected 3 … 1000000)", (long long)sine->utterances);
    return WT_OK;
}

static wt_split simulated_split(size_t i, size_t items) {
    const size_t held_out = items < 10 ? 1 : items / 10;
    return i + held_out >= items       ? WT_SPLIT_TEST
           : i + 2 * held_out >= items ? WT_SPLIT_VALIDATION
                                       : WT_SPLIT_TRAIN;
}

wt_status wt_simulated_plan(wt_prepare_plan *plan, size_t items, int64_t bytes, int64_t shard_bytes) {
    int64_t *sizes = NULL;
    wt_split *splits = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&sizes, items, sizeof *sizes, "sizes of utterances"));
    WT_GUARD(wt_alloc(&splits, items, sizeof *splits, "splits of utterances"));
    for (size_t i = 0; i < items; i++) {
        sizes[i] = bytes;
        splits[i] = simulated_split(i, items);
    }
    WT_GUARD(wt_prepare_plan_init(plan, splits, sizes, items, shard_bytes));
    plan->channels = 1;
    plan->remedy = "more or longer utterances, or another --seed";
cleanup:
    wt_free(sizes);
    wt_free(splits);
    return status;
}

wt_status wt_sine_plan(wt_prepare_plan *plan, const wt_sine *sine, int64_t shard_bytes) {
    WT_TRY(check_sine(sine));
    WT_TRY(wt_simulated_plan(plan, (size_t)sine->utterances, 2 * sine->frames, shard_bytes));
    plan->sample_rate = sine->rate;
    plan->store = WT_STORE_INT16;
    return WT_OK;
}

wt_status wt_sine_load(const void *context, size_t item, wt_utterance *utterance) {
    const wt_sine *sine = context;
    snprintf(utterance->id, sizeof utterance->id, "sine-%05zu", item);
    WT_TRY(wt_alloc(&utterance->samples, (size_t)sine->frames, sizeof *utterance->samples, "simulated tone"));
    utterance->count = sine->frames;
    double phase = wt_random_uniform(sine->seed, WT_RANDOM_SIMULATE, item, phase_counter);
    for (int64_t n = 0; n < sine->frames; n++) {
        double turns = sine->frequency * (double)n / sine->rate + phase;
        double value = sine->amplitude * sin(2 * 3.14159265358979323846 * (turns - floor(turns)));
        if (sine->noise > 0)
            value += sine->noise * wt_random_normal(sine->seed, WT_RANDOM_SIMULATE, item, (uint64_t)n);
        utterance->samples[n] = (float)value;
    }
    return WT_OK;
}
