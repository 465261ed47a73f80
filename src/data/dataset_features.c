/* Features of a data set: that all shards agree about them, and their frames, which are always in memory. */
#include <math.h>
#include <string.h>

#include "data/dataset.h"
#include "dataset_internal.h"

const wt_features *wt_dataset_features(const wt_dataset *dataset) {
    return &dataset->features;
}

const float *wt_dataset_frames(const wt_dataset *dataset, int64_t utterance, int64_t *count) {
    const wt_shard *part = wt_dataset_shard_of(dataset, utterance);
    const int64_t i = utterance - part->first, first = i ? part->frame_ends[i - 1] : 0;
    *count = part->frame_ends[i] - first;
    return part->frames + first * dataset->features.count;
}

static wt_status read_feature_moments(wt_h5 *file, const char *path, const char *name, int count,
                                      double *values) {
    wt_h5_shape shape;
    WT_TRY(wt_h5_inspect(file, name, &shape));
    WT_CHECK(shape.type == WT_H5_DOUBLE && shape.rank == 1 && shape.shape[0] == count, WT_FAILED,
             "%s: '%s' has a foreign shape (expected double of %d numbers)", path, name, count);
    return wt_h5_read(file, name, WT_H5_DOUBLE, values);
}

static wt_status read_attribute_integer(wt_h5 *file, const char *path, const char *name, int64_t min,
                                        int *value) {
    int64_t number;
    WT_TRY(wt_h5_read_attribute_int(file, "", name, &number));
    WT_CHECK(number >= min && number <= WT_FEATURES_HOP_MAX, WT_FAILED,
             "%s: wrong %s (got %lld, expected %lld to %d)", path, name, (long long)number, (long long)min,
             WT_FEATURES_HOP_MAX);
    *value = (int)number;
    return WT_OK;
}

static wt_status read_kind(wt_h5 *file, const char *path, wt_features *kind) {
    wt_h5_shape shape;
    memset(kind, 0, sizeof *kind);
    if (!wt_h5_has(file, WT_SHARD_FRAMES)) return WT_OK;
    WT_TRY(wt_h5_inspect(file, WT_SHARD_FRAMES, &shape));
    WT_CHECK(shape.type == WT_H5_FLOAT && shape.rank == 2 && shape.shape[1] >= 1 &&
                 shape.shape[1] <= WT_FEATURES_MAX,
             WT_FAILED, "%s: '%s' has a foreign shape (expected float of frames with 1 to %d numbers)", path,
             WT_SHARD_FRAMES, WT_FEATURES_MAX);
    kind->count = (int)shape.shape[1];
    WT_TRY(wt_h5_read_attribute_text(file, "", "features", kind->text, sizeof kind->text));
    WT_TRY(read_attribute_integer(file, path, "features_hop", 1, &kind->hop));
    WT_TRY(read_attribute_integer(file, path, "features_centre", 0, &kind->centre));
    WT_TRY(read_feature_moments(file, path, WT_SHARD_FRAMES_MEAN, kind->count, kind->mean));
    WT_TRY(read_feature_moments(file, path, WT_SHARD_FRAMES_DEVIATION, kind->count, kind->deviation));
    return wt_dataset_check_features(kind, path);
}

static wt_status check_ends(const wt_shard *part, int64_t frames) {
    for (int64_t i = 0; i < part->count; i++)
        WT_CHECK(part->frame_ends[i] > (i ? part->frame_ends[i - 1] : 0), WT_FAILED,
                 "%s: damaged: '%s' does not rise at utterance %lld", part->path, WT_SHARD_FRAMES_END,
                 (long long)i);
    WT_CHECK(part->frame_ends[part->count - 1] == frames, WT_FAILED,
             "%s: damaged: '%s' ends at %lld (expected %lld)", part->path, WT_SHARD_FRAMES_END,
             (long long)part->frame_ends[part->count - 1], (long long)frames);
    return WT_OK;
}

wt_status wt_dataset_read_features(wt_dataset *dataset, wt_h5 *file, int number, wt_shard *part) {
    wt_features kind;
    wt_h5_shape frames, ends;
    WT_TRY(read_kind(file, part->path, &kind));
    WT_CHECK(number == 0 || memcmp(&kind, &dataset->features, sizeof kind) == 0, WT_FAILED,
             "%s: its features are not the first shard's", part->path);
    dataset->features = kind;
    if (kind.count == 0) return WT_OK;
    WT_TRY(wt_h5_inspect(file, WT_SHARD_FRAMES, &frames));
    WT_TRY(wt_h5_inspect(file, WT_SHARD_FRAMES_END, &ends));
    WT_CHECK(ends.type == WT_H5_INT64 && ends.rank == 1 && ends.shape[0] == part->count, WT_FAILED,
             "%s: '%s' has a foreign shape (expected int64 of %lld utterances)", part->path,
             WT_SHARD_FRAMES_END, (long long)part->count);
    const size_t count = (size_t)frames.shape[0] * (size_t)kind.count;
    WT_TRY(wt_alloc(&part->frame_ends, (size_t)part->count, sizeof *part->frame_ends, "features of a shard"));
    WT_TRY(wt_h5_read(file, WT_SHARD_FRAMES_END, WT_H5_INT64, part->frame_ends));
    WT_TRY(check_ends(part, frames.shape[0]));
    WT_TRY(wt_alloc(&part->frames, count, sizeof *part->frames, "features of a shard"));
    WT_TRY(wt_h5_read(file, WT_SHARD_FRAMES, WT_H5_FLOAT, part->frames));
    for (size_t i = 0; i < count; i++)
        WT_CHECK(isfinite(part->frames[i]), WT_FAILED, "%s: damaged: frame %zu of '%s' is not finite",
                 part->path, i / (size_t)kind.count, WT_SHARD_FRAMES);
    return WT_OK;
}

wt_status wt_dataset_check_features(const wt_features *kind, const char *path) {
    for (int c = 0; c < kind->count; c++)
        WT_CHECK(isfinite(kind->mean[c]) && isfinite(kind->deviation[c]) && kind->deviation[c] > 0, WT_FAILED,
                 "%s: wrong normalisation of feature %d (got mean %g, deviation %g)", path, c, kind->mean[c],
                 kind->deviation[c]);
    return WT_OK;
}
