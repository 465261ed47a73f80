/*
 * A data set by all ranks together: each has computed the same plan, and writes whole shards, shard i by rank
 * i mod P. So the bytes do not depend on the number of ranks; the price is that a set of fewer shards than
 * ranks leaves ranks idle (smaller shards are more). Shards gather in a folder next to the data set's place,
 * which rank 0 renames when all is well, else removes.
 */
#include <string.h>

#include "base/memory.h"
#include "prepare_internal.h"
#include "wavetrain/data.h"

/* What is counted after each of this rank's utterances. */
typedef struct {
    const wt_prepare_output *output;
    int64_t done, total;
} share_progress;

static void count_done(void *opaque) {
    share_progress *progress = opaque;
    const wt_prepare_output *output = progress->output;
    progress->done++;
    if (output->progress) output->progress(output->context, progress->done, progress->total);
}

/* This rank's shards. */
static wt_status write_share(const wt_comm *comm, const wt_prepare_output *output, const char *folder,
                             wt_utterance_source source, wt_prepared *prepared) {
    const wt_prepare_plan *plan = &prepared->plan;
    const size_t rank = (size_t)wt_comm_rank(comm), ranks = (size_t)wt_comm_size(comm);
    share_progress progress = {.output = output};
    wt_status status = WT_OK;
    for (size_t i = rank; i < plan->shard_count; i += ranks) progress.total += (int64_t)plan->shards[i].count;
    source.done = count_done;
    source.progress = &progress;
    for (size_t i = rank; i < plan->shard_count && status == WT_OK; i += ranks)
        status = wt_prepare_shard(plan, i, folder, &source, &prepared->tally);
    return status;
}

double wt_prepared_removed(const wt_prepared *prepared) {
    const double removed = (double)prepared->tally.removed;
    return removed / (removed + (double)wt_prepared_frames(prepared));
}

int64_t wt_prepared_frames(const wt_prepared *prepared) {
    int64_t frames = 0;
    for (wt_split split = 0; split < WT_SPLITS; split++) frames += prepared->tally.frames[split];
    return frames;
}

static wt_status check_trimming(const wt_prepare_output *output, const wt_prepared *prepared) {
    const double share = wt_prepared_removed(prepared);
    WT_CHECK(
        share <= output->trim_limit, WT_USAGE,
        "--trim: would remove too much of the recordings (got %.1f %%, expected at most %.1f %%; trim less, "
        "or allow it with --trim-limit)",
        100 * share, 100 * output->trim_limit);
    return WT_OK;
}

/* Opens what was written as training will, and notes the digests. */
static wt_status read_digests(wt_prepared *prepared, const char *folder) {
    for (wt_split split = 0; split < WT_SPLITS; split++) {
        if (prepared->tally.shards[split] == 0) continue;
        wt_dataset *dataset;
        WT_TRY(wt_dataset_open(&dataset, folder, wt_split_name(split), 0));
        wt_hash_print(prepared->digest[split], wt_dataset_digest(dataset));
        wt_dataset_close(dataset);
    }
    return WT_OK;
}

/* All ranks: the shards in the partial folder, counted and checked. Collective. */
static wt_status fill_folder(wt_comm *comm, const wt_prepare_output *output, const wt_partial_folder *folder,
                             wt_utterance_source source, wt_prepared *prepared) {
    WT_TRY(wt_comm_agree(comm, write_share(comm, output, folder->path, source, prepared)));
    wt_comm_sum_int64(comm, (int64_t *)&prepared->tally, sizeof prepared->tally / sizeof(int64_t));
    WT_TRY(check_trimming(output, prepared)); /* the same numbers, hence the same result, on every rank */
    wt_status status = WT_OK;
    if (wt_comm_rank(comm) == 0) status = read_digests(prepared, folder->path);
    if (wt_comm_rank(comm) == 0 && status == WT_OK) status = wt_partial_commit(folder);
    return wt_comm_agree(comm, status);
}

wt_status wt_prepare_write(wt_comm *comm, const wt_prepare_output *output, wt_utterance_source source,
                           wt_prepared *prepared) {
    const bool root = wt_comm_rank(comm) == 0;
    wt_partial_folder folder;
    memset(&folder, 0, sizeof folder);
    memset(&prepared->tally, 0, sizeof prepared->tally);
    WT_TRY(wt_prepare_share_normalization(comm, &prepared->plan, source));
    WT_TRY(wt_prepare_share_features(comm, &prepared->plan, source));
    WT_TRY(wt_comm_agree(comm, root ? wt_partial_create(&folder, output->out) : WT_OK));
    wt_comm_broadcast(comm, &folder, sizeof folder);
    const wt_status status = fill_folder(comm, output, &folder, source, prepared);
    if (root && status != WT_OK) wt_partial_remove(&folder);
    return status;
}

wt_status wt_prepare_write_simulated(wt_comm *comm, const wt_prepare_output *output, wt_status planned,
                                     wt_utterance_source source, wt_prepared *prepared) {
    WT_TRY(wt_comm_agree(comm, planned));
    WT_TRY(wt_comm_agree(comm, wt_comm_rank(comm) == 0 ? wt_partial_check(output->out, NULL, 0) : WT_OK));
    return wt_prepare_write(comm, output, source, prepared);
}

void wt_prepared_dispose(wt_prepared *prepared) {
    wt_prepare_plan_dispose(&prepared->plan);
}

wt_status wt_prepare_share_bytes(wt_comm *comm, char **bytes, size_t *size, const char *what) {
    const bool root = wt_comm_rank(comm) == 0;
    int64_t shared = (int64_t)*size;
    wt_comm_broadcast(comm, &shared, sizeof shared);
    *size = (size_t)shared;
    WT_TRY(wt_comm_agree(comm, root ? WT_OK : wt_alloc(bytes, *size, 1, what)));
    if (*size > 0) wt_comm_broadcast(comm, *bytes, *size);
    return WT_OK;
}
