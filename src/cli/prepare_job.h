/* What the commands that make data sets share; prepare.c has it. */
#ifndef WAVETRAIN_PREPARE_JOB_H
#define WAVETRAIN_PREPARE_JOB_H

#include "command_internal.h"
#include "data/prepare/prepare.h"

enum { SPLIT_DIGEST = WT_HASH_TEXT };

typedef struct {
    char *out; /* the option, malloc'ed by popt */
    double trim_limit;
    wt_prepare_tally tally; /* of all ranks, once they have written */
    char digest[WT_SPLITS][SPLIT_DIGEST];
} wt_prepare_job;

/* Writes the plan's shards and puts the data set in its place. Collective. */
wt_status wt_prepare_write_dataset(wt_comm *comm, wt_prepare_job *job, const wt_prepare_plan *plan,
                                   wt_utterance_source source);

/* Classes of each part, and warnings of what a part lacks. */
void wt_prepare_report_classes(const wt_prepare_job *job, const wt_prepare_plan *plan);
void wt_prepare_report(const wt_prepare_job *job, const wt_prepare_plan *plan, double seconds);
/* Of sound; `list` may be NULL: what was trimmed, is beyond full scale, silent, constant or was passed
 * over. */
void wt_prepare_report_details(const wt_prepare_job *job, const wt_prepare_plan *plan, bool trimmed,
                               const wt_recordings *list);

/* The values of an option that may be repeated, malloc'ed by popt, NULL-terminated. Takes NULL. */
void wt_prepare_free_values(char **values);

/* 12,345,678 */
const char *wt_command_group_digits(char text[32], int64_t value);

/* Options in range; the message names the option. */
wt_status wt_command_check_range(const char *option, double value, double least, double most);
wt_status wt_prepare_check_shard_mib(int64_t *bytes, double mib);
wt_status wt_prepare_check_out(const wt_prepare_job *job, const wt_command *command);

/* Simulated signals: rank 0 looks that the data set's place is free. Collective. */
wt_status wt_prepare_check_place(wt_comm *comm, const wt_prepare_job *job);
/* Normalises if there are labels, writes and reports; `start` is when the command began. Collective. */
wt_status wt_prepare_write_simulated(wt_comm *comm, wt_prepare_job *job, wt_prepare_plan *plan,
                                     wt_utterance_source source, double start);

/* prepare_moments.c: fills plan->normalization from the training part, which all ranks measure together.
 * Collective. */
wt_status wt_prepare_share_normalization(wt_comm *comm, wt_prepare_plan *plan, wt_utterance_source source);
/* Fills the mean and deviation of plan->features in the same way. Collective. */
wt_status wt_prepare_share_features(wt_comm *comm, wt_prepare_plan *plan, wt_utterance_source source);
/* prepare_ion.c */
wt_status wt_prepare_ion_run(wt_comm *comm, int argc, const char **argv);
/* prepare_ecg.c */
wt_status wt_prepare_ecg_run(wt_comm *comm, int argc, const char **argv);

/* Finds (text "auto") or takes (a number) by how many samples each target lags, and keeps what of each pair
 * belongs together. Collective. */
wt_status wt_prepare_align_pairs(wt_comm *comm, const char *text, wt_recordings *list, wt_recordings *targets,
                                 const wt_audio_options *options);

#endif
