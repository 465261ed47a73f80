/* Features of a shard's utterances while it is written: they are few beside the samples, and kept until the
 * end. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data_internal.h"

enum { FIRST_ROOM = 1024 };

static wt_status reserve(wt_shard_features *f, int64_t count) {
    if (f->total + count <= f->room) return WT_OK;
    int64_t room = f->room ? 2 * f->room : FIRST_ROOM;
    while (room < f->total + count) room *= 2;
    float *larger;
    const size_t each = (size_t)f->kind->count;
    WT_TRY(wt_alloc(&larger, (size_t)room * each, sizeof *larger, "features of a shard"));
    if (f->total) memcpy(larger, f->frames, (size_t)f->total * each * sizeof *larger);
    wt_free(f->frames);
    f->frames = larger;
    f->room = room;
    return WT_OK;
}

wt_status wt_shard_features_add(wt_shard_features *f, const char *id, const float *frames, int64_t count) {
    if (!f->kind) return WT_OK;
    const int64_t end = f->total + count;
    WT_CHECK(frames && count >= 1, WT_USAGE, "%s: has no features", id);
    for (int64_t i = 0; i < count * f->kind->count; i++)
        WT_CHECK(isfinite(frames[i]), WT_USAGE, "%s: frame %lld of its features is not finite", id,
                 (long long)(i / f->kind->count));
    WT_TRY(reserve(f, count));
    memcpy(f->frames + f->total * f->kind->count, frames, (size_t)(count * f->kind->count) * sizeof *frames);
    f->total = end;
    return wt_memory_append(&f->ends, &f->utterances, &end, sizeof end, "features of a shard");
}

wt_hash wt_shard_features_fold(const wt_shard_features *f, wt_hash hash) {
    if (!f->kind) return hash;
    const size_t bytes = (size_t)f->total * (size_t)f->kind->count * sizeof *f->frames;
    return wt_hash_fold(hash, wt_hash_bytes(f->frames, bytes, 0));
}

wt_status wt_shard_features_write(const wt_shard_features *f, wt_h5 *file) {
    if (!f->kind) return WT_OK;
    const wt_features *kind = f->kind;
    const wt_h5_shape frames = {WT_H5_FLOAT, 2, {f->total, kind->count}},
                      ends = {WT_H5_INT64, 1, {f->utterances}}, moments = {WT_H5_DOUBLE, 1, {kind->count}};
    WT_TRY(wt_h5_write_attribute_text(file, "", "features", kind->text));
    WT_TRY(wt_h5_write_attribute_int(file, "", "features_hop", kind->hop));
    WT_TRY(wt_h5_write_attribute_int(file, "", "features_centre", kind->centre));
    WT_TRY(wt_h5_write(file, WT_SHARD_FRAMES_MEAN, moments, kind->mean, 0));
    WT_TRY(wt_h5_write(file, WT_SHARD_FRAMES_DEVIATION, moments, kind->deviation, 0));
    WT_TRY(wt_h5_write(file, WT_SHARD_FRAMES_END, ends, f->ends, WT_SHARD_PIECE));
    return wt_h5_write(file, WT_SHARD_FRAMES, frames, f->frames, WT_SHARD_PIECE / 16);
}

void wt_shard_features_dispose(wt_shard_features *f) {
    wt_free(f->frames);
    wt_free(f->ends);
    *f = (wt_shard_features){0};
}
