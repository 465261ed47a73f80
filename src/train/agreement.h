/*
 * What ranks compare before they go on together: nothing that one of them reads by itself is taken for what
 * the others read. Each of these functions is collective, says which rank on which host differs from rank 0,
 * in what, with both values, and fails with WT_USAGE on all ranks then. On one rank they do nothing.
 */
#ifndef WAVETRAIN_AGREEMENT_H
#define WAVETRAIN_AGREEMENT_H

#include <stddef.h>

#include "config/sections.h"
#include "wavetrain/checkpoint.h"
#include "wavetrain/comm.h"
#include "wavetrain/config.h"
#include "wavetrain/data.h"

/* The program (its version and the hash of its file) and the arguments that it was given. */
wt_status wt_agree_on_command(wt_comm *comm, int argc, char **argv);

/* Every key of the resolved configuration. */
wt_status wt_agree_on_configuration(wt_comm *comm, const wt_config *config);

/* One split of a data set: digest, shards' utterances and samples, and whether the folder has a validation
 * part. `opened` is how opening it went on this rank; `dataset` may be NULL where it failed. */
wt_status wt_agree_on_dataset(wt_comm *comm, const char *path, const char *split, const wt_dataset *dataset,
                              wt_status opened);

/* A checkpoint, or the newest of a run as rank 0 finds it, by its trailer; nothing where there is none. */
wt_status wt_agree_on_checkpoint(wt_comm *comm, const char *file_or_run);
/* Rank 0 picks the checkpoint as wt_checkpoint_choose does, since a run that trains may write another one
 * meanwhile; all ranks open that one. They compare the newest before, since rank 0 alone may fail to read it
 * and pass it over. */
wt_status wt_agree_open_checkpoint(wt_comm *comm, wt_checkpoint **checkpoint, const char *file_or_run,
                                   const char *which);

#endif
