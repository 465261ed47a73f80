/* Nodes, parts of the ranks, and signals: what wavetrain/comm.h leaves out. */
#ifndef WAVETRAIN_RANKS_H
#define WAVETRAIN_RANKS_H

#include <stdbool.h>

#include "wavetrain/comm.h"

/* A communicator of this rank alone, while MPI runs; ends with wt_comm_finish. Not collective. */
wt_status wt_comm_alone(wt_comm **out, const wt_comm *comm);

/* Ranks that share this rank's node. */
int wt_comm_node_size(const wt_comm *comm);
/* Nodes of all ranks. */
int wt_comm_nodes(const wt_comm *comm);

/* Whether MPI lets a second thread call it. */
bool wt_comm_threads(const wt_comm *comm);

/* --- a part of the ranks --- */

/* A communicator of the first `ranks` of them: *out is NULL on the others. Collective over all. */
wt_status wt_comm_first_ranks(wt_comm **out, wt_comm *comm, int ranks);
void wt_comm_end_part(wt_comm *part); /* collective over the part; takes NULL */
/* A barrier in which a rank sleeps as it waits, so that the cores are for the others: at most a millisecond
 * late. Collective. */
void wt_comm_meet(wt_comm *comm);

/* --- signals --- */

/* How many requests to stop this rank has seen. */
int wt_comm_signal_requests(void);
/* Gets a byte for each request; not blocking; −1: there is none. */
int wt_comm_signal_pipe(void);

#endif
