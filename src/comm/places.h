/*
 * Where the ranks run: hosts, threads, the processors that each may use, and whether these are enough.
 */
#ifndef WAVETRAIN_PLACES_H
#define WAVETRAIN_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cores.h"
#include "wavetrain/comm.h"

enum { WT_HOST_NAME = 64 };

/* Of one rank. */
typedef struct {
    char host[WT_HOST_NAME];
    int threads;
    bool told;    /* that number was asked for; else it is what OpenMP makes of the rank's cores */
    double quota; /* wt_cores_quota */
    wt_core_set cores;
} wt_place;

/*
 * Rank 0 gets the places of all ranks, in *places (wt_free; NULL on the others). Where nobody has said how
 * many threads a rank should have (`told`, or OMP_NUM_THREADS), ranks that share cores share them out, and
 * OpenMP's number of threads is set. Fails with WT_USAGE where a host has more threads than cores, unless
 * `oversubscribe` or the environment's WAVETRAIN_OVERSUBSCRIBE (of rank 0; anything but empty or 0) says that
 * this is meant. Collective.
 */
wt_status wt_comm_settle(wt_comm *comm, bool told, bool oversubscribe, wt_place **places);

/* --- parts of it, on any list of places [ranks] --- */

/* Shares cores out among ranks for which no number of threads is given. */
void wt_places_share(wt_place *places, int ranks);
wt_status wt_places_check(const wt_place *places, int ranks);
/* For people, in a few lines without the last newline: which cores the ranks may use. */
void wt_places_text(char *text, size_t room, const wt_place *places, int ranks);

#endif
