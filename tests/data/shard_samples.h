/* Small data sets whose every sample is known, for the tests of src/data. */
#ifndef WAVETRAIN_TESTS_SHARD_SAMPLES_H
#define WAVETRAIN_TESTS_SHARD_SAMPLES_H

#include "data_internal.h"
#include "h5/h5_folder.h"

/* The 16-bit value of a sample. */
static inline int known_value(int64_t utterance, int64_t sample, int channel) {
    uint64_t mixed = ((uint64_t)utterance * 1000003u + (uint64_t)sample * 7919u +
                      (uint64_t)channel * 104729u);
    mixed = (mixed ^ mixed >> 7) * 0x9e3779b97f4a7c15u;
    return (int)(mixed >> 48) % 32768 - (mixed >> 40 & 1 ? 32767 : 0);
}

/* An utterance of `length` known samples, its number in the split `utterance`. */
static inline void add_known_utterance(wt_shard_writer *writer, int64_t utterance, int64_t length,
                                       int channels) {
    float *samples = NULL;
    char id[32];
    assert_ok(wt_alloc(&samples, (size_t)(length * channels), sizeof *samples, "samples"));
    for (int64_t i = 0; i < length * channels; i++) {
        samples[i] = (float)known_value(utterance, i / channels, (int)(i % channels)) / 32768.0f;
    }
    snprintf(id, sizeof id, "utterance-%lld", (long long)utterance);
    assert_ok(wt_shard_add(writer, id, (int32_t)(utterance % 3) - 1, samples, length));
    wt_free(samples);
}

/* Shards of `split` in a new folder: `per_shard` of the lengths (0 ends them) in each. */
static inline void make_split(const char *folder, const char *split, wt_shard_store store, int channels,
                              const int64_t *lengths, int per_shard) {
    int count = 0;
    while (lengths[count] > 0) count++;
    int shards = (count + per_shard - 1) / per_shard;
    assert_ok(wt_folder_make(folder));
    for (int s = 0; s < shards; s++) {
        wt_shard_writer *writer = NULL;
        wt_shard_header header = {.kind = "audio",
                                  .split = split,
                                  .sample_rate = 8000,
                                  .channels = channels,
                                  .shard = s,
                                  .shards = shards,
                                  .store = store};
        assert_ok(wt_shard_create(&writer, folder, &header));
        for (int u = s * per_shard; u < count && u < (s + 1) * per_shard; u++) {
            add_known_utterance(writer, u, lengths[u], channels);
        }
        assert_ok(wt_shard_finish(writer));
    }
}

#endif
