/* What the files of this folder share. */
#ifndef WAVETRAIN_COMM_INTERNAL_H
#define WAVETRAIN_COMM_INTERNAL_H

#include <mpi.h>

#include "wavetrain/comm.h"

struct wt_comm {
    MPI_Comm all;
    int rank, size, node_size;
};

#endif
