/* wavetrain prepare simulate ion-channels: a labelled signal whose best possible prediction can be
 * computed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timer.h"
#include "prepare_job.h"

/* --- as a table --- */

static wt_status write_ion_rows(FILE *file, const wt_ion *ion) {
    int64_t row = 0;
    fprintf(file, "time,signal,open_channels\n");
    for (int64_t item = 0; item < ion->utterances && !ferror(file); item++) {
        wt_utterance utterance = {.samples = NULL};
        wt_status status = wt_ion_load(ion, (size_t)item, &utterance);
        for (int64_t i = 0; status == WT_OK && i < utterance.count; i++, row++)
            fprintf(file, "%.9g,%.9g,%d\n", (double)row / ion->rate, (double)utterance.samples[i],
                    (int)utterance.labels[i]);
        wt_free(utterance.samples);
        wt_free(utterance.labels);
        WT_TRY(status);
    }
    return WT_OK;
}

/* All utterances, one after the other. */
static wt_status write_ion_table(const char *path, const wt_ion *ion) {
    FILE *file;
    WT_TRY(wt_file_begin(&file, path));
    return wt_file_finish(file, path, write_ion_rows(file, ion));
}

static wt_status check_ion_table(const char *path) {
    return path ? wt_path_require_free(path, " (expected a name that is free)") : WT_OK;
}

/* --- the command --- */

typedef struct {
    wt_prepare_job job;
    wt_ion ion;
    char *csv;
    double seconds, shard_mib;
    long long seed, utterances;
} ion_command;

/* Checks the options; the plan checks the ranges of what is simulated. */
static wt_status check_ion_options(ion_command *own, const wt_command *command, int64_t *shard_bytes) {
    WT_TRY(wt_prepare_check_out(&own->job, command));
    WT_TRY(wt_prepare_check_shard_mib(shard_bytes, own->shard_mib));
    WT_TRY(wt_command_check_range("--seconds", own->seconds, 0, 1e9));
    own->ion.utterances = own->utterances;
    own->ion.seed = (uint64_t)own->seed;
    own->ion.frames = llround(own->seconds * own->ion.rate);
    return WT_OK;
}

static wt_status simulate_ion(wt_comm *comm, wt_prepare_job *job, const wt_ion *ion, const char *csv,
                              int64_t shard_bytes) {
    const double start = wt_time_now();
    wt_prepare_plan plan;
    memset(&plan, 0, sizeof plan);
    const bool root = wt_comm_rank(comm) == 0;
    const wt_utterance_source source = {.load = wt_ion_load, .context = ion};
    WT_TRY(wt_prepare_check_place(comm, job));
    WT_TRY(wt_comm_agree(comm, root ? check_ion_table(csv) : WT_OK));
    wt_status status = wt_comm_agree(comm, wt_ion_plan(&plan, ion, shard_bytes));
    if (status == WT_OK) status = wt_comm_agree(comm, root && csv ? write_ion_table(csv, ion) : WT_OK);
    if (status == WT_OK) status = wt_prepare_write_simulated(comm, job, &plan, source, start);
    wt_prepare_plan_dispose(&plan);
    return status;
}

static const wt_command wt_command_ion = {
    .name = "prepare simulate",
    .arguments = "ion-channels --out DATASET [OPTION…]",
    .summary =
        "Make a data set from the simulated current through ion channels, labelled with how many are open",
    .parallel = true,
    .run = wt_prepare_ion_run,
};

wt_status wt_prepare_ion_run(wt_comm *comm, int argc, const char **argv) {
    ion_command own = {.job.trim_limit = 1, .seconds = 10, .shard_mib = 256, .seed = 1, .utterances = 50};
    wt_ion *const ion = &own.ion;
    *ion = (wt_ion){.count = 5,
                    .opening = 100,
                    .closing = 100,
                    .amplitude = 1,
                    .noise = 0.4,
                    .hum = 0.2,
                    .drift = 0.2,
                    .rate = 10000};
    const struct poptOption options[] = {
        {"out", 'o', POPT_ARG_STRING, &own.job.out, 0, "Folder of the data set to make; must not exist",
         "DATASET"},
        {"csv", '\0', POPT_ARG_STRING, &own.csv, 0,
         "Write all samples also as a table with the columns time,signal,open_channels", "FILE"},
        {"channels", '\0', POPT_ARG_INT, &ion->count, 0, "Number of ion channels, all alike (default 5)",
         "N"},
        {"opening", '\0', POPT_ARG_DOUBLE, &ion->opening, 0,
         "Rate at which a closed channel opens, per second (default 100)", "HZ"},
        {"closing", '\0', POPT_ARG_DOUBLE, &ion->closing, 0,
         "Rate at which an open channel closes, per second (default 100)", "HZ"},
        {"amplitude", '\0', POPT_ARG_DOUBLE, &ion->amplitude, 0,
         "Current through an open channel (default 1)", "A"},
        {"noise", '\0', POPT_ARG_DOUBLE, &ion->noise, 0, "Standard deviation of white noise (default 0.4)",
         "A"},
        {"hum", '\0', POPT_ARG_DOUBLE, &ion->hum, 0, "Amplitude of a 50 Hz hum (default 0.2; 0: none)", "A"},
        {"drift", '\0', POPT_ARG_DOUBLE, &ion->drift, 0,
         "Root mean square of slow waves of 1 to 20 s (default 0.2; 0: none)", "A"},
        {"rate", '\0', POPT_ARG_INT, &ion->rate, 0, "Samples per second (default 10000)", "HZ"},
        {"seconds", '\0', POPT_ARG_DOUBLE, &own.seconds, 0, "Length of an utterance (default 10)", "S"},
        {"utterances", '\0', POPT_ARG_LONGLONG, &own.utterances, 0,
         "Number of utterances (default 50); a tenth each is for validation and test", "N"},
        {"seed", '\0', POPT_ARG_LONGLONG, &own.seed, 0, "Seed of all random numbers (default 1)", "N"},
        {"shard-mib", '\0', POPT_ARG_DOUBLE, &own.shard_mib, 0, "Size of a shard, in MiB (default 256)",
         "MIB"},
        POPT_TABLEEND,
    };
    wt_command command = wt_command_ion;
    command.options = options;
    wt_command_line line = {0};
    int64_t shard_bytes;
    wt_status status = WT_OK;
    WT_GUARD(wt_command_parse(&line, &command, argc, argv, 1, 1));
    if (line.done) goto cleanup;
    WT_GUARD(check_ion_options(&own, &command, &shard_bytes));
    WT_GUARD(simulate_ion(comm, &own.job, ion, own.csv, shard_bytes));
cleanup:
    poptFreeContext(line.context);
    free(own.job.out);
    free(own.csv);
    return status;
}
