/*
 * Small sums over the lanes of all ranks, for batch norm: every rank gets every lane's numbers and adds them in the
 * lanes' tree by itself. That costs more bytes than a reduction and no order but one; the numbers are few.
 */
#include <string.h>

#include "comm_internal.h"
#include "lane_tree_internal.h"

enum { WT_STACK_MOST = 64 }; /* a stack of the tree's nodes is at most as high as the tree */

typedef struct {
    double *stacked[WT_STACK_MOST];
    int count;
} wt_lane_sums;

static void wt_join_sums(void *context, int into, int from) {
    const wt_lane_sums *sums = context;
    for (int i = 0; i < sums->count; i++) sums->stacked[into][i] += sums->stacked[from][i];
}

static void wt_share_lanes(wt_comm *comm, int lanes, const double *mine, int count, double *all) {
    int *lengths = comm->lengths, *starts = comm->lengths + comm->size;
    for (int rank = 0; rank < comm->size; rank++) {
        int first, end;
        wt_comm_lanes(rank, comm->size, lanes, &first, &end);
        lengths[rank] = (end - first) * count;
        starts[rank] = first * count;
    }
    wt_comm_waits(comm, true);
    MPI_Allgatherv(mine, lengths[comm->rank], MPI_DOUBLE, all, lengths, starts, MPI_DOUBLE, comm->all);
    wt_comm_waits(comm, false);
}

void wt_comm_sum_lanes(wt_comm *comm, int lanes, const double *mine, int count, double *all, double *sum) {
    wt_lane_range stack[WT_STACK_MOST];
    wt_lane_sums sums = {.count = count};
    const size_t row = (size_t)count;
    int height = 0;
    if (comm->size > 1) {
        wt_share_lanes(comm, lanes, mine, count, all);
    } else if (lanes > 1) {
        memcpy(all, mine, (size_t)lanes * row * sizeof *all);
    } else {
        memcpy(sum, mine, row * sizeof *sum);
        return;
    }
    for (int lane = 0; lane < lanes; lane++) {
        sums.stacked[height] = all + (size_t)lane * row;
        height = wt_lane_tree_push(lanes, stack, height, lane, wt_join_sums, &sums);
    }
    memcpy(sum, all, row * sizeof *sum);
}
