/*
 * A part of the ranks, for measurements of fewer of them within one start. The others must not spin
 * meanwhile, as MPI's own barrier would have them: they look every now and then and sleep in between.
 */
#include <time.h>

#include "comm/ranks.h"
#include "comm_internal.h"

wt_status wt_comm_first_ranks(wt_comm **out, wt_comm *comm, int ranks) {
    MPI_Comm all;
    wt_comm *part = NULL;
    *out = NULL;
    const bool member = comm->rank < ranks;
    wt_status status = WT_OK;
    if (member) status = wt_alloc(&part, 1, sizeof *part, "a communicator");
    if (status == WT_OK && member)
        status = wt_alloc(&part->lengths, 2 * (size_t)ranks, sizeof *part->lengths, "ranks");
    status = wt_comm_agree(comm, status);
    if (status != WT_OK) {
        if (part) wt_free(part->lengths);
        wt_free(part);
        return status;
    }
    MPI_Comm_split(comm->all, member ? 0 : MPI_UNDEFINED, comm->rank, &all);
    if (!member) return WT_OK;
    part->threads = comm->threads;
    part->all = all;
    MPI_Comm_dup(all, &part->exchange);
    MPI_Comm_rank(all, &part->rank);
    MPI_Comm_size(all, &part->size);
    wt_comm_count_nodes(part);
    *out = part;
    return WT_OK;
}

void wt_comm_end_part(wt_comm *part) {
    if (!part) return;
    MPI_Comm_free(&part->exchange);
    MPI_Comm_free(&part->all);
    wt_free(part->lengths);
    wt_free(part);
}

void wt_comm_meet(wt_comm *comm) {
    const struct timespec look = {.tv_nsec = 1000000};
    MPI_Request request;
    int done = 0;
    wt_comm_waits(comm, true);
    MPI_Ibarrier(comm->all, &request);
    for (;;) {
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (done) break;
        nanosleep(&look, NULL);
    }
    wt_comm_waits(comm, false);
}
