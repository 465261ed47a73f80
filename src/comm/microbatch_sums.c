/*
 * Small sums over the microbatches of all ranks, for batch norm: every rank gets every microbatch's numbers
 * and adds them in the microbatches' tree by itself. That costs more bytes than a reduction and no order but
 * one; the numbers are few.
 */
#include <string.h>

#include "comm/exchange.h"
#include "comm_internal.h"
#include "microbatch_tree_internal.h"

enum { WT_STACK_MOST = 64 }; /* a stack of the tree's nodes is at most as high as the tree */

typedef struct {
    double *stacked[WT_STACK_MOST];
    int count;
} wt_microbatch_sums;

static void join_sums(void *context, int into, int from) {
    const wt_microbatch_sums *sums = context;
    for (int i = 0; i < sums->count; i++) sums->stacked[into][i] += sums->stacked[from][i];
}

static void gather_microbatches(wt_comm *comm, int microbatches, const double *mine, int count, double *all) {
    int *lengths = comm->lengths, *starts = comm->lengths + comm->size;
    for (int rank = 0; rank < comm->size; rank++) {
        int first, end;
        wt_comm_microbatches(rank, comm->size, microbatches, &first, &end);
        lengths[rank] = (end - first) * count;
        starts[rank] = first * count;
    }
    wt_comm_waits(comm, true);
    MPI_Allgatherv(mine, lengths[comm->rank], MPI_DOUBLE, all, lengths, starts, MPI_DOUBLE, comm->all);
    wt_comm_waits(comm, false);
}

void wt_comm_sum_microbatches(wt_comm *comm, int microbatches, const double *mine, int count, double *all,
                              double *sum) {
    wt_microbatch_range stack[WT_STACK_MOST];
    wt_microbatch_sums sums = {.count = count};
    const size_t row = (size_t)count;
    int height = 0;
    if (comm->size > 1) {
        gather_microbatches(comm, microbatches, mine, count, all);
    } else if (microbatches > 1) {
        memcpy(all, mine, (size_t)microbatches * row * sizeof *all);
    } else {
        memcpy(sum, mine, row * sizeof *sum);
        return;
    }
    for (int microbatch = 0; microbatch < microbatches; microbatch++) {
        sums.stacked[height] = all + (size_t)microbatch * row;
        height = wt_microbatch_tree_push(microbatches, stack, height, microbatch, join_sums, &sums);
    }
    memcpy(sum, all, row * sizeof *sum);
}
