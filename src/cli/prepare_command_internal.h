/* What the commands that make data sets share. Functions that are given a wt_comm are collective. */
#ifndef WAVETRAIN_PREPARE_COMMAND_INTERNAL_H
#define WAVETRAIN_PREPARE_COMMAND_INTERNAL_H

#include "command_internal.h"
#include "wavetrain/data.h"
#include "wavetrain/prepare.h"

typedef struct {
    char *out; /* the option, malloc'ed by popt */
    double trim_limit;
    wt_prepare_tally tally; /* of all ranks, once they have written */
    char digest[WT_SPLITS][WT_HASH_TEXT];
} wt_prepare_job;

/* --- prepare.c --- */

wt_status wt_check_out(const wt_prepare_job *job, const wt_command *command);
wt_status wt_check_range(const char *option, double value, double least, double most);
wt_status wt_check_shard_mib(int64_t *bytes, double mib);
/* Writes the plan's shards and puts the data set in its place. */
wt_status wt_write_dataset(wt_comm *comm, wt_prepare_job *job, const wt_prepare_plan *plan,
                           wt_utterance_source source);
void wt_warn_of_empty_splits(const wt_prepare_job *job, const wt_prepare_plan *plan, const double *shares);
void wt_report(const wt_prepare_job *job, const wt_prepare_plan *plan, double seconds);

/* --- prepare_table.c, prepare_ion.c --- */

/* Fills plan->normalization from the training part, which all ranks measure together. */
wt_status wt_share_normalization(wt_comm *comm, wt_prepare_plan *plan, wt_utterance_source source);
wt_status wt_run_prepare_ion(wt_comm *comm, int argc, const char **argv);

#endif
