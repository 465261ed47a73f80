/* What the files of this folder share. */
#ifndef WAVETRAIN_COMM_INTERNAL_H
#define WAVETRAIN_COMM_INTERNAL_H

#include <mpi.h>

#include "wavetrain/comm.h"

struct wt_comm {
    MPI_Comm all;
    MPI_Comm exchange; /* the same ranks: messages of the exchange meet no others */
    bool threads;      /* MPI lets a second thread call it, one at a time */
    int rank, size, node_size;
};

#endif
