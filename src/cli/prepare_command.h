/* What the commands that make data sets share; prepare_report.c has it. */
#ifndef WAVETRAIN_PREPARE_COMMAND_H
#define WAVETRAIN_PREPARE_COMMAND_H

#include "command_internal.h"
#include "data/prepare/prepare.h"
#include "metrics/metrics.h"

typedef struct {
    char *out;        /* the option */
    const char *name; /* in the report */
    double shard_mib;
    int64_t shard_bytes;
    wt_prepare_output output;
    double began; /* by wt_time_now */
    bool shared;  /* the work is one rank's share */
    wt_progress *bar;
} wt_prepare_command;

/* Rows of a table of options; `own` is a wt_prepare_command. */
#define WT_PREPARE_OUT(own)                                                                           \
    {                                                                                                 \
        "out", 'o', POPT_ARG_STRING, &(own).out, 0, "Folder of the data set to make; must not exist", \
            "DATASET"                                                                                 \
    }
#define WT_PREPARE_SHARD_MIB(own)                                                                   \
    {                                                                                               \
        "shard-mib", '\0', POPT_ARG_DOUBLE, &(own).shard_mib, 0,                                    \
            "Size of a shard, in MiB (default 256); under mpirun have a few shards per rank", "MIB" \
    }

/* Before the options are parsed; after that: checks them, and fills `shard_bytes` and `output`. */
void wt_prepare_command_init(wt_prepare_command *own);
wt_status wt_prepare_command_check(wt_prepare_command *own, wt_comm *comm, const wt_command *command);
/* Where a data set is made by another command: `name` is what the report calls it. */
void wt_prepare_command_show(wt_prepare_command *own, wt_comm *comm, const char *name);
/* An option in range; the message names it. */
wt_status wt_prepare_check_range(const char *option, double value, double min, double max);

/* After the work: splits, labels, speakers and features. */
void wt_prepare_report(wt_prepare_command *own, const wt_prepared *prepared);
/* Ends the progress bar, and gives the seconds since the command began. */
double wt_prepare_command_finish(wt_prepare_command *own);

#endif
