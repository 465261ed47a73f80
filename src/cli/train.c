/* wavetrain train: from options to the trainer. */
#include <stdio.h>
#include <string.h>

#include "checkpoint/run_lock.h"
#include "comm/facts.h"
#include "command_internal.h"
#include "train/agreement.h"
#include "wavetrain/train.h"

/* What popt fills in. Texts are popt's, freed at the end. */
typedef struct {
    char *run, *steps, *resume, *initial;
    char **sets;
    int help_config, other_data, oversubscribe, verbose;
} arguments;

static arguments given; /* popt's tables want constant addresses */

static const struct poptOption option_table[] = {
    {"run", '\0', POPT_ARG_STRING, &given.run, 0,
     "The run's folder (default: runs/ and the configuration's name)", "DIR"},
    {"set", '\0', POPT_ARG_ARGV, &given.sets, 0,
     "Set a key of the configuration, e.g. --set train.steps=100; may be given several times", "KEY=VALUE"},
    {"steps", '\0', POPT_ARG_STRING, &given.steps, 0, "The same as --set train.steps=N", "N"},
    {"resume", '\0', POPT_ARG_STRING, &given.resume, 0,
     "auto: go on from the run's newest checkpoint, if it has one (default); never: begin, and refuse a run "
     "that "
     "has one; or a checkpoint to go on from",
     "auto|never|FILE"},
    {"init", '\0', POPT_ARG_STRING, &given.initial, 0,
     "Begin a new run with the parameters of a checkpoint, or of a safetensors or .nam file (fine-tuning)",
     "CHECKPOINT"},
    {"other-data", '\0', POPT_ARG_NONE, &given.other_data, 0,
     "Resume although the data set is not the one that the checkpoint was trained on", NULL},
    {"oversubscribe", '\0', POPT_ARG_NONE, &given.oversubscribe, 0,
     "Start although a host has more threads than processors (as WAVETRAIN_OVERSUBSCRIBE=1 in the "
     "environment, which other commands read too)",
     NULL},
    {"verbose", '\0', POPT_ARG_NONE, &given.verbose, 0,
     "Also report kernels, phases of a step, exchange, ranks and background checkpoints", NULL},
    {"help-config", '\0', POPT_ARG_NONE, &given.help_config, 0,
     "Print every key of the configuration with its default, range and meaning", NULL},
    POPT_TABLEEND,
};

/* The configuration with --set and --steps, which is the last word. */
static wt_status load_configuration(wt_config *config, const char *path) {
    size_t count = 0;
    char steps[64];
    const char **sets;
    while (given.sets && given.sets[count]) count++;
    WT_TRY(wt_alloc(&sets, count + 1, sizeof *sets, "the list of --set"));
    for (size_t i = 0; i < count; i++) sets[i] = given.sets[i];
    if (given.steps) {
        snprintf(steps, sizeof steps, "train.steps=%.40s", given.steps);
        sets[count++] = steps;
    }
    const wt_status status = wt_config_load(config, path, sets, count);
    wt_free(sets);
    return status;
}

/* The run's folder comes first, for its record keeps what is wrong with the rest. With `load` false the
 * configuration is left out. */
static wt_status fill_options(wt_train_options *options, wt_config *read, const char *config, bool load) {
    WT_CHECK(given.run || strcmp(config, "-") != 0, WT_USAGE,
             "--run: is missing (a configuration from standard input gives the run no name)");
    if (given.run) {
        WT_CHECK(*given.run, WT_USAGE, "--run: is empty (expected a folder)");
        WT_CHECK(strlen(given.run) < WT_PATH_MAX, WT_USAGE, "--run: the path is too long");
        snprintf(options->run, sizeof options->run, "%s", given.run);
    } else {
        WT_TRY(wt_run_default_folder(options->run, config));
    }
    options->config = read;
    if (load) WT_TRY(load_configuration(read, config));
    const char *resume = given.resume ? given.resume : "auto";
    options->resume = strcmp(resume, "auto") == 0    ? WT_RESUME_AUTO
                      : strcmp(resume, "never") == 0 ? WT_RESUME_NEVER
                                                     : WT_RESUME_FILE;
    options->resume_file = resume;
    options->initial = given.initial;
    options->other_data = given.other_data;
    options->oversubscribe = given.oversubscribe;
    return WT_OK;
}

static wt_status train_config(wt_comm *comm, const char *config) {
    wt_train_options options = {0};
    wt_config *read;
    if (given.verbose) wt_log_setup(WT_LOG_VERBOSE, wt_log_is_verbose());
    wt_status status = wt_config_create(&read);
    const bool input = strcmp(config, "-") == 0; /* which rank 0 alone has */
    if (status == WT_OK) status = fill_options(&options, read, config, !input || wt_comm_rank(comm) == 0);
    status = input ? wt_comm_agree(comm, status) : wt_comm_agree_alike(comm, status);
    if (status == WT_OK && input) wt_comm_broadcast(comm, read, sizeof *read);
    if (status == WT_OK) status = wt_agree_on_configuration(comm, read);
    if (status == WT_OK) {
        status = wt_train(comm, &options);
    } else if (*options.run && wt_comm_rank(comm) == 0) {
        wt_train_refused(comm, options.run);
    }
    wt_config_destroy(read);
    return status;
}

static wt_status train_line(wt_comm *comm, const wt_command_line *line) {
    if (given.help_config) {
        if (wt_log_is_verbose()) wt_config_help(stdout);
        return WT_OK;
    }
    WT_CHECK(line->count > 0, WT_USAGE, "the configuration is missing (usage: wavetrain train %s)",
             wt_command_train.arguments);
    return train_config(comm, line->arguments[0]);
}

const wt_command wt_command_train = {
    .name = "train",
    .arguments = "CONFIG.yaml [OPTION…]",
    .summary = "Train a network, or go on with a run (also under mpirun); - reads the configuration from "
               "standard input",
    .parallel = true,
    .stoppable = true,
    .options = option_table,
    .max = 1,
    .work = train_line,
};
