/* wavetrain prepare simulate: options of the signals that are computed; src/data/prepare computes them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "prepare_command.h"
#include "wavetrain/base.h"

/* What was given; popt's LONGLONG is not int64_t. */
typedef struct {
    wt_prepare_command common;
    wt_sine sine;
    wt_ion ion;
    wt_ecg ecg;
    char *csv;
    double seconds;
    long long seed, utterances;
} simulate_arguments;

static simulate_arguments given;

/* A signal: how its options begin, and how its data set is made when they are known. */
typedef struct {
    const char *name, *arguments, *summary;
    const struct poptOption *options;
    void (*init)(void);
    wt_status (*make)(wt_comm *comm, wt_prepared *prepared); /* collective */
} simulated_signal;

/* Normalised where there are labels, written and reported. Collective. */
static wt_status write_signal(wt_comm *comm, wt_status planned,
                              wt_status (*load)(const void *, size_t, wt_utterance *), const void *signal,
                              wt_prepared *prepared) {
    const wt_utterance_source source = {.load = load, .context = signal};
    WT_TRY(wt_prepare_write_simulated(comm, &given.common.output, planned, source, prepared));
    wt_prepare_report(&given.common, prepared);
    return WT_OK;
}

static int64_t count_frames(int rate) {
    return llround(given.seconds * rate);
}

/* --- a tone --- */

static const struct poptOption sine_options[] = {
    WT_PREPARE_OUT(given.common),
    {"frequency", '\0', POPT_ARG_DOUBLE, &given.sine.frequency, 0, "Frequency of the tone (default 500)",
     "HZ"},
    {"rate", '\0', POPT_ARG_INT, &given.sine.rate, 0, "Sample rate (default 8000)", "HZ"},
    {"amplitude", '\0', POPT_ARG_DOUBLE, &given.sine.amplitude, 0,
     "Amplitude of the tone; full scale is 1 (default 0.5)", "A"},
    {"seconds", '\0', POPT_ARG_DOUBLE, &given.seconds, 0, "Length of an utterance (default 0.5)", "S"},
    {"utterances", '\0', POPT_ARG_LONGLONG, &given.utterances, 0,
     "Number of utterances, with different phases (default 200); a tenth each is for validation and test",
     "N"},
    {"noise", '\0', POPT_ARG_DOUBLE, &given.sine.noise, 0,
     "Standard deviation of white noise added (default 0.01)", "A"},
    {"seed", '\0', POPT_ARG_LONGLONG, &given.seed, 0, "Seed of the phases and the noise (default 1)", "N"},
    WT_PREPARE_SHARD_MIB(given.common),
    POPT_TABLEEND,
};

static void init_sine(void) {
    given.sine = (wt_sine){.frequency = 500, .amplitude = 0.5, .rate = 8000, .noise = 0.01};
    given.seconds = 0.5;
    given.utterances = 200;
}

static wt_status make_sine(wt_comm *comm, wt_prepared *prepared) {
    wt_sine *sine = &given.sine;
    WT_TRY(wt_prepare_check_range("--seconds", given.seconds, 0, 3600));
    sine->utterances = given.utterances;
    sine->seed = (uint64_t)given.seed;
    sine->frames = count_frames(sine->rate);
    const wt_status planned = wt_sine_plan(&prepared->plan, sine, given.common.shard_bytes);
    WT_TRY(write_signal(comm, planned, wt_sine_load, sine, prepared));
    wt_prepared_print_details(prepared, false, NULL);
    return WT_OK;
}

/* --- ion channels: a labelled signal whose best possible prediction can be computed --- */

static const struct poptOption ion_options[] = {
    WT_PREPARE_OUT(given.common),
    {"csv", '\0', POPT_ARG_STRING, &given.csv, 0,
     "Write all samples also as a table with the columns time,signal,open_channels", "FILE"},
    {"channels", '\0', POPT_ARG_INT, &given.ion.count, 0, "Number of ion channels, all alike (default 5)",
     "N"},
    {"opening", '\0', POPT_ARG_DOUBLE, &given.ion.opening, 0,
     "Rate at which a closed channel opens, per second (default 100)", "HZ"},
    {"closing", '\0', POPT_ARG_DOUBLE, &given.ion.closing, 0,
     "Rate at which an open channel closes, per second (default 100)", "HZ"},
    {"amplitude", '\0', POPT_ARG_DOUBLE, &given.ion.amplitude, 0,
     "Current through an open channel (default 1)", "A"},
    {"noise", '\0', POPT_ARG_DOUBLE, &given.ion.noise, 0, "Standard deviation of white noise (default 0.4)",
     "A"},
    {"hum", '\0', POPT_ARG_DOUBLE, &given.ion.hum, 0, "Amplitude of a 50 Hz hum (default 0.2; 0: none)", "A"},
    {"drift", '\0', POPT_ARG_DOUBLE, &given.ion.drift, 0,
     "Root mean square of slow waves of 1 to 20 s (default 0.2; 0: none)", "A"},
    {"rate", '\0', POPT_ARG_INT, &given.ion.rate, 0, "Samples per second (default 10000)", "HZ"},
    {"seconds", '\0', POPT_ARG_DOUBLE, &given.seconds, 0, "Length of an utterance (default 10)", "S"},
    {"utterances", '\0', POPT_ARG_LONGLONG, &given.utterances, 0,
     "Number of utterances (default 50); a tenth each is for validation and test", "N"},
    {"seed", '\0', POPT_ARG_LONGLONG, &given.seed, 0, "Seed of all random numbers (default 1)", "N"},
    WT_PREPARE_SHARD_MIB(given.common),
    POPT_TABLEEND,
};

static void init_ion(void) {
    given.ion = (wt_ion){.count = 5,
                         .opening = 100,
                         .closing = 100,
                         .amplitude = 1,
                         .noise = 0.4,
                         .hum = 0.2,
                         .drift = 0.2,
                         .rate = 10000};
    given.seconds = 10;
    given.utterances = 50;
}

/* The samples as a table too, on rank 0. */
static wt_status write_ion_csv(const wt_ion *ion) {
    WT_TRY(wt_path_require_free(given.csv, " (expected a name that is free)"));
    return wt_ion_write_table(given.csv, ion);
}

static wt_status make_ion(wt_comm *comm, wt_prepared *prepared) {
    wt_ion *ion = &given.ion;
    WT_TRY(wt_prepare_check_range("--seconds", given.seconds, 0, 1e9));
    ion->utterances = given.utterances;
    ion->seed = (uint64_t)given.seed;
    ion->frames = count_frames(ion->rate);
    wt_status planned = wt_comm_agree(comm, wt_ion_plan(&prepared->plan, ion, given.common.shard_bytes));
    if (planned == WT_OK && wt_comm_rank(comm) == 0) planned = wt_partial_check(given.common.out, NULL, 0);
    if (planned == WT_OK && given.csv && wt_comm_rank(comm) == 0) planned = write_ion_csv(ion);
    return write_signal(comm, planned, wt_ion_load, ion, prepared);
}

/* --- a heart's rhythm, whose best possible prediction is known --- */

static const struct poptOption ecg_options[] = {
    WT_PREPARE_OUT(given.common),
    {"beats", '\0', POPT_ARG_DOUBLE, &given.ecg.beats, 0, "Beats per second (default 1.2)", "HZ"},
    {"noise", '\0', POPT_ARG_DOUBLE, &given.ecg.noise[0], 0,
     "Standard deviation of the noise added to each sample of each channel (default 0.04)", "A"},
    {"rate", '\0', POPT_ARG_INT, &given.ecg.rate, 0, "Samples per second (default 100)", "HZ"},
    {"seconds", '\0', POPT_ARG_DOUBLE, &given.seconds, 0, "Length of an utterance (default 60)", "S"},
    {"utterances", '\0', POPT_ARG_LONGLONG, &given.utterances, 0,
     "Number of utterances (default 50); a tenth each is for validation and test", "N"},
    {"seed", '\0', POPT_ARG_LONGLONG, &given.seed, 0, "Seed of all random numbers (default 1)", "N"},
    WT_PREPARE_SHARD_MIB(given.common),
    POPT_TABLEEND,
};

static void init_ecg(void) {
    given.ecg = (wt_ecg){.beats = 1.2, .noise = {0.04}, .rate = 100};
    given.seconds = 60;
    given.utterances = 50;
}

static wt_status make_ecg(wt_comm *comm, wt_prepared *prepared) {
    wt_ecg *ecg = &given.ecg;
    WT_TRY(wt_prepare_check_range("--seconds", given.seconds, 0, 1e9));
    for (int c = 1; c < WT_ECG_CHANNELS; c++) ecg->noise[c] = ecg->noise[0];
    ecg->utterances = given.utterances;
    ecg->seed = (uint64_t)given.seed;
    ecg->frames = count_frames(ecg->rate);
    const wt_status planned = wt_ecg_plan(&prepared->plan, ecg, given.common.shard_bytes);
    WT_TRY(write_signal(comm, planned, wt_ecg_load, ecg, prepared));
    if (wt_log_is_verbose())
        printf("  model       %.4f nats per value: no network can predict better\n", wt_ecg_nats(ecg));
    return WT_OK;
}

/* --- the command --- */

static const simulated_signal signals[] = {
    {"sine", "sine|ion-channels|ecg --out DATASET [OPTION…]",
     "Make a data set from a simulated signal: a tone, the current through ion channels, or a heart's rhythm",
     sine_options, init_sine, make_sine},
    {"ion-channels", "ion-channels --out DATASET [OPTION…]",
     "Make a data set from the simulated current through ion channels, labelled with how many are open",
     ion_options, init_ion, make_ion},
    {"ecg", "ecg --out DATASET [OPTION…]",
     "Make a data set from a simulated heart's rhythm of three channels, labelled with its beats",
     ecg_options, init_ecg, make_ecg},
};

/* The first argument chooses the options, before any is parsed. */
static const simulated_signal *find_signal(const char *name) {
    for (size_t i = 0; name && i < sizeof signals / sizeof *signals; i++)
        if (strcmp(signals[i].name, name) == 0) return &signals[i];
    return &signals[0];
}

static wt_status run_prepare_simulate(wt_comm *comm, int argc, const char **argv) {
    const simulated_signal *signal = find_signal(argc > 1 ? argv[1] : NULL);
    wt_command command = wt_command_prepare_simulate;
    wt_command_line line = {0};
    wt_prepared prepared;
    wt_status status = WT_OK;
    memset(&prepared, 0, sizeof prepared);
    memset(&given, 0, sizeof given);
    wt_prepare_command_init(&given.common);
    given.seed = 1;
    signal->init();
    command.arguments = signal->arguments;
    command.summary = signal->summary;
    command.options = signal->options;
    WT_GUARD(wt_command_parse(&line, &command, argc, argv, 1, 1));
    if (line.done) goto cleanup;
    WT_GUARD_CHECK(strcmp(line.arguments[0], signal->name) == 0, WT_USAGE,
                   "%s: no such signal (expected sine, ion-channels or ecg)", line.arguments[0]);
    WT_GUARD(wt_prepare_command_check(&given.common, comm, &command));
    WT_GUARD(signal->make(comm, &prepared));
cleanup:
    wt_prepared_dispose(&prepared);
    wt_prepare_command_finish(&given.common);
    wt_command_end(&line, &command);
    return status;
}

const wt_command wt_command_prepare_simulate = {
    .name = "prepare simulate",
    .arguments = "sine|ion-channels|ecg --out DATASET [OPTION…]",
    .summary = "Make a data set from a simulated signal: a tone, the current through ion channels, or a "
               "heart's rhythm",
    .parallel = true,
    .run = run_prepare_simulate,
};
