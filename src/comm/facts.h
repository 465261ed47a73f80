/*
 * What all ranks must agree on before they go on together: facts, each a name and a value as text. A rank
 * whose fact differs from rank 0's is named with its host, the fact and both values.
 */
#ifndef WAVETRAIN_FACTS_H
#define WAVETRAIN_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "wavetrain/comm.h"

/* A list that grows; every rank adds the same names in the same order. */
typedef struct {
    FILE *stream; /* into `bytes`: names and values in turn, each with its terminator */
    char *bytes;
    size_t size;
} wt_facts;

void wt_facts_init(wt_facts *facts);
/* A value that comes out empty is no fact of this rank: it is compared with nothing. */
void wt_facts_add(wt_facts *facts, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Compares all ranks' facts with rank 0's, in one broadcast, and disposes of them. Where some differ, every
 * rank gets WT_USAGE and the message of the lowest rank that does. Collective. */
wt_status wt_comm_agree_on(wt_comm *comm, wt_facts *facts);

/* Files that are read by some ranks each: size and a hash of their middle, of at most 64 of them; ranks that
 * see others fail with WT_USAGE. Collective. */
wt_status wt_comm_agree_on_files(wt_comm *comm, const char *const *paths, size_t count);

/* As wt_comm_agree, for work that all ranks do alike: where it fails on some of them alone, the message names
 * the rank and its host. Collective. */
wt_status wt_comm_agree_alike(wt_comm *comm, wt_status mine);

/* Rank 0's answer, on all ranks: for decisions that lead to collective calls. Collective. */
bool wt_comm_decide(wt_comm *comm, bool answer);

#endif
