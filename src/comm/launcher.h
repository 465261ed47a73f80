/*
 * What the launcher of a process (mpirun, mpiexec, srun, aprun …) sets in its environment, before MPI
 * starts.
 */
#ifndef WAVETRAIN_LAUNCHER_H
#define WAVETRAIN_LAUNCHER_H

#include <stdbool.h>

#include "wavetrain/base.h"

typedef struct {
    int ranks;            /* processes that were started together, at least; 0: no launcher says so */
    const char *variable; /* of the environment, which says so; NULL: none */
    bool first;           /* no other process speaks for all of them */
} wt_launch;

/* By the launcher that is nearest to this process: mpirun before the srun that started its daemons. */
wt_launch wt_launch_read(void);

/* Before MPI starts: whether it can only fail to, which Open MPI under srun without PMIx does with a page of
 * reasons. */
bool wt_launch_is_hopeless(const wt_launch *launch, const char *mpi);

/* Fails with WT_USAGE where several processes were started and MPI made one rank of this one: each would take
 * itself for the whole job. `mpi` is MPI's name of itself, from which follows the launcher that fits. */
wt_status wt_launch_check(const wt_launch *launch, int mpi_ranks, const char *mpi);

#endif
