/* What the files of this folder share. */
#ifndef WAVETRAIN_COMM_INTERNAL_H
#define WAVETRAIN_COMM_INTERNAL_H

#include <mpi.h>
#include <stdatomic.h>

#include "wavetrain/comm.h"

struct wt_comm {
    MPI_Comm all;
    MPI_Comm exchange; /* the same ranks: messages of the exchange meet no others */
    bool threads;      /* MPI lets a second thread call it, one at a time */
    int rank, size, node_size, nodes;
    int *lengths;      /* [2 · size] of what rank 0 gathers: bytes, then where they begin */
    bool alone;        /* made by wt_comm_alone: MPI goes on without it */
    atomic_bool waits; /* in a collective call; read by the hang watch */
};

/* node_size and nodes, given `all`. Collective. */
void wt_comm_count_nodes(wt_comm *comm);

/* Reports to the hang watch that this rank waits for others, or has stopped waiting. */
void wt_comm_waits(wt_comm *comm, bool waits);

#endif
