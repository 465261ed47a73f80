/*
 * Are all replicas still the same? Every rank hashes its parameters, moments and mean; rank 0 compares. A
 * difference means that a machine computes or remembers wrongly: the run stops, and its last checkpoint,
 * which was compared before it was written, stays.
 */
#include <stdio.h>
#include <string.h>

#include "train_internal.h"

static wt_hash hash_replica(const wt_trainer *trainer) {
    size_t bytes = wt_network_parameters(trainer->network)->total * sizeof(wt_real);
    wt_hash hash = wt_hash_bytes(trainer->step->parameters, bytes, 0);
    for (int m = 0; m < WT_MOMENTS; m++) {
        const wt_real *moment = trainer->step->optimizer.moments[m];
        if (moment) hash = wt_hash_fold(hash, wt_hash_bytes(moment, bytes, (uint64_t)m + 1));
    }
    return hash;
}

/* The hash that most ranks have, or the first of those that equally many have; *count of them. */
static wt_hash find_most_common(const wt_hash *all, int ranks, int *count) {
    wt_hash best = all[0];
    *count = 0;
    for (int i = 0; i < ranks; i++) {
        int same = 0;
        for (int j = 0; j < ranks; j++) same += wt_hash_equal(all[i], all[j]);
        if (same > *count) {
            best = all[i];
            *count = same;
        }
    }
    return best;
}

/* "3, 7" */
static void format_ranks(char *text, size_t room, const wt_hash *all, int ranks, wt_hash common) {
    size_t used = 0;
    text[0] = '\0';
    for (int rank = 0; rank < ranks && used < room; rank++) {
        if (wt_hash_equal(all[rank], common)) continue;
        used += (size_t)snprintf(text + used, room - used, "%s%d", used ? ", " : "", rank);
    }
}

static wt_status compare_hashes(const wt_trainer *trainer, const wt_hash *all) {
    int ranks = wt_comm_size(trainer->comm), count;
    char names[256];
    wt_hash common = find_most_common(all, ranks, &count);
    if (count == ranks) return WT_OK;
    format_ranks(names, sizeof names, all, ranks, common);
    bool minority = 2 * count > ranks;
    return wt_error(WT_FAILED,
                    "%s: the replicas differ after step %lld: %s%s%s; a processor or memory may be faulty, "
                    "go on from the last "
                    "checkpoint without it",
                    trainer->options->run, (long long)trainer->state.step,
                    minority ? "wrong is rank " : "rank 0 is not the same as rank ", names,
                    minority ? "" : ", and no majority tells which is wrong");
}

wt_status wt_replicas_compare(wt_trainer *trainer) {
    int ranks = wt_comm_size(trainer->comm);
    wt_hash *all = NULL, mine;
    if (ranks == 1) return WT_OK;
    wt_status status = trainer->root ? wt_alloc(&all, (size_t)ranks, sizeof *all, "hashes of replicas")
                                     : WT_OK;
    status = wt_comm_agree(trainer->comm, status);
    if (status != WT_OK) return status;
    mine = hash_replica(trainer);
    wt_comm_gather(trainer->comm, &mine, sizeof mine, all);
    if (trainer->root) status = compare_hashes(trainer, all);
    wt_free(all);
    return wt_comm_agree(trainer->comm, status);
}
