/* wavetrain prepare simulate ecg: a rhythm whose best possible prediction is known. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timer.h"
#include "prepare_job.h"

static wt_status simulate_ecg(wt_comm *comm, wt_prepare_job *job, const wt_ecg *ecg, int64_t shard_bytes) {
    const double start = wt_time_now();
    wt_prepare_plan plan;
    memset(&plan, 0, sizeof plan);
    const wt_utterance_source source = {.load = wt_ecg_load, .context = ecg};
    WT_TRY(wt_prepare_check_place(comm, job));
    wt_status status = wt_comm_agree(comm, wt_ecg_plan(&plan, ecg, shard_bytes));
    if (status == WT_OK) status = wt_prepare_write_simulated(comm, job, &plan, source, start);
    if (status == WT_OK && wt_log_is_verbose())
        printf("  model       %.4f nats per value: no network can predict better\n", wt_ecg_nats(ecg));
    wt_prepare_plan_dispose(&plan);
    return status;
}

wt_status wt_prepare_ecg_run(wt_comm *comm, int argc, const char **argv) {
    wt_prepare_job job = {.trim_limit = 1};
    wt_ecg ecg = {.beats = 1.2, .noise = {0.04}, .rate = 100, .utterances = 50};
    double seconds = 60, shard_mib = 256;
    long long seed = 1, utterances = ecg.utterances;
    const struct poptOption options[] = {
        {"out", 'o', POPT_ARG_STRING, &job.out, 0, "Folder of the data set to make; must not exist",
         "DATASET"},
        {"beats", '\0', POPT_ARG_DOUBLE, &ecg.beats, 0, "Beats per second (default 1.2)", "HZ"},
        {"noise", '\0', POPT_ARG_DOUBLE, &ecg.noise[0], 0,
         "Standard deviation of the noise added to each sample of each channel (default 0.04)", "A"},
        {"rate", '\0', POPT_ARG_INT, &ecg.rate, 0, "Samples per second (default 100)", "HZ"},
        {"seconds", '\0', POPT_ARG_DOUBLE, &seconds, 0, "Length of an utterance (default 60)", "S"},
        {"utterances", '\0', POPT_ARG_LONGLONG, &utterances, 0,
         "Number of utterances (default 50); a tenth each is for validation and test", "N"},
        {"seed", '\0', POPT_ARG_LONGLONG, &seed, 0, "Seed of all random numbers (default 1)", "N"},
        {"shard-mib", '\0', POPT_ARG_DOUBLE, &shard_mib, 0, "Size of a shard, in MiB (default 256)", "MIB"},
        POPT_TABLEEND,
    };
    const wt_command command = {
        .name = "prepare simulate",
        .arguments = "ecg --out DATASET [OPTION…]",
        .summary =
            "Make a data set from a simulated heart's rhythm of three channels, labelled with its beats",
        .parallel = true,
        .run = wt_prepare_ecg_run,
        .options = options,
    };
    wt_command_line line = {0};
    int64_t shard_bytes;
    wt_status status = WT_OK;
    WT_GUARD(wt_command_parse(&line, &command, argc, argv, 1, 1));
    if (line.done) goto cleanup;
    WT_GUARD(wt_prepare_check_out(&job, &command));
    WT_GUARD(wt_prepare_check_shard_mib(&shard_bytes, shard_mib));
    WT_GUARD(wt_command_check_range("--seconds", seconds, 0, 1e9));
    for (int c = 1; c < WT_ECG_CHANNELS; c++) ecg.noise[c] = ecg.noise[0];
    ecg.utterances = utterances;
    ecg.seed = (uint64_t)seed;
    ecg.frames = llround(seconds * ecg.rate);
    WT_GUARD(simulate_ecg(comm, &job, &ecg, shard_bytes));
cleanup:
    poptFreeContext(line.context);
    free(job.out);
    return status;
}
