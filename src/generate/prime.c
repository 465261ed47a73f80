/* What a series goes on from: the beginning of a recording, or of an utterance of a data set. */
#include <math.h>

#include "base/memory.h"
#include "config/sections.h"
#include "data/prepare/sound.h"
#include "data/windows.h"
#include "generate_internal.h"
#include "network/network_model.h"
#include "wavetrain/data.h"

wt_status wt_prime_read_mono(float **out, int64_t *count, const char *path, int rate) {
    wt_sound_format format;
    float *samples;
    WT_TRY(wt_sound_read(&samples, &format, path, 0, -1));
    wt_sound_choose(samples, format.frames, format.channels, 0);
    *count = wt_sound_resampled_frames(format.frames, format.rate, rate);
    if (format.rate == rate) {
        *out = samples;
        return WT_OK;
    }
    const wt_status status = wt_sound_resample(out, samples, format.frames, 1, format.rate, rate);
    wt_free(samples);
    return status;
}

/* Keeps `seconds` of what there is, but no fewer samples than the receptive field. */
static void set_prime_length(wt_prime *prime, const wt_generator *generator, double seconds, int64_t whole) {
    const int64_t wanted = llround(seconds * generator->rate);
    const int field = wt_network_get_traits(generator->restored.network)->receptive_field;
    const int64_t count = wanted < field ? field : wanted;
    prime->whole = whole;
    prime->count = whole < count ? whole : count;
}

wt_status wt_prime_read_sound(wt_prime *prime, const wt_generator *generator, const char *path,
                              double seconds) {
    int64_t whole;
    *prime = (wt_prime){.samples = NULL};
    WT_CHECK(generator->channels == 1, WT_USAGE, "%s: the network's samples have %d channels (expected 1)",
             wt_checkpoint_path(generator->checkpoint), generator->channels);
    WT_TRY(wt_prime_read_mono(&prime->samples, &whole, path, generator->rate));
    set_prime_length(prime, generator, seconds, whole);
    return WT_OK;
}

/* The utterance that is asked for, or the longest. */
static wt_status pick_utterance(int64_t *utterance, const wt_dataset *dataset,
                                const wt_prime_source *source) {
    const int64_t count = wt_dataset_utterances(dataset);
    *utterance = source->utterance;
    if (*utterance < 0) *utterance = 0;
    for (int64_t u = 1; source->utterance < 0 && u < count; u++)
        if (wt_dataset_length(dataset, u) > wt_dataset_length(dataset, *utterance)) *utterance = u;
    WT_CHECK(*utterance < count, WT_USAGE, "--prime-utterance is out of range (got %lld, %s has %lld in %s)",
             (long long)*utterance, source->path, (long long)count, source->split);
    return WT_OK;
}

/* From what is stored to the network's units. */
static void normalise_prime(wt_prime *prime, const wt_normalization *stored, int channels) {
    for (int64_t i = 0; stored->channels && i < prime->count * channels; i++) {
        const int c = (int)(i % channels);
        prime->samples[i] = (float)(((double)prime->samples[i] - stored->mean[c]) / stored->deviation[c]);
    }
}

wt_status wt_prime_read_utterance(wt_prime *prime, const wt_generator *generator,
                                  const wt_prime_source *source) {
    wt_status status = WT_OK;
    const int channels = generator->channels;
    int64_t utterance;
    wt_dataset *dataset;
    *prime = (wt_prime){.samples = NULL};
    WT_TRY(wt_dataset_open(&dataset, source->path, source->split,
                           wt_checkpoint_get_config(generator->checkpoint)->data.memory));
    WT_GUARD(pick_utterance(&utterance, dataset, source));
    WT_GUARD_CHECK(wt_dataset_channels(dataset) == channels, WT_USAGE, "%s: has %d channels, expected %d",
                   source->path, wt_dataset_channels(dataset), channels);
    set_prime_length(prime, generator, source->seconds, wt_dataset_length(dataset, utterance));
    WT_GUARD(wt_alloc(&prime->samples, (size_t)(prime->count * channels), sizeof(float), "the priming"));
    WT_GUARD(wt_dataset_read(dataset, utterance, 0, prime->count, prime->samples));
    const wt_normalization stored = wt_normalization_of_stored(&generator->units, dataset);
    normalise_prime(prime, &stored, channels);
    WT_GUARD(wt_dataset_id(dataset, utterance, &prime->id));
cleanup:
    wt_dataset_close(dataset);
    if (status != WT_OK) wt_prime_dispose(prime);
    return status;
}

void wt_prime_dispose(wt_prime *prime) {
    wt_free(prime->samples);
    wt_free(prime->id);
    *prime = (wt_prime){.samples = NULL};
}
