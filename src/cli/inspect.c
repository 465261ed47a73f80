/* wavetrain inspect: what a configuration, a checkpoint, a run or a data set is. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command_internal.h"
#include "data/vocabulary.h"
#include "inspect_internal.h"
#include "train/step.h"
#include "wavetrain/train.h"

typedef struct {
    char *checkpoint;
    char **sets;
    int tensors, verify;
    wt_plan_options plan;
} inspect_arguments;

static inspect_arguments given;

static const struct poptOption options[] = {
    WT_CHECKPOINT_OPTION(given.checkpoint),
    {"set", '\0', POPT_ARG_ARGV, &given.sets, 0, "Set a key of a configuration first", "KEY=VALUE"},
    {"tensors", '\0', POPT_ARG_NONE, &given.tensors, 0, "List every tensor with its shape", NULL},
    {"verify", '\0', POPT_ARG_NONE, &given.verify, 0,
     "Data set: read everything and compare it with the digests made when it was prepared", NULL},
    {"ranks", '\0', POPT_ARG_INT, &given.plan.ranks, 0,
     "Configuration: predict the memory and the time of a run on this many ranks, and warn of what will go "
     "wrong",
     "P"},
    {"threads", '\0', POPT_ARG_INT, &given.plan.threads, 0, "Threads per rank (default 1)", "T"},
    {"nodes", '\0', POPT_ARG_INT, &given.plan.nodes, 0, "Number of nodes that the ranks run on (default 1)",
     "N"},
    {"calibration", '\0', POPT_ARG_STRING, &given.plan.calibration, 0,
     "Calibration to take times from; default: that of this CPU, which \"wavetrain bench calibrate\" made",
     "FILE"},
    {"latency", '\0', POPT_ARG_DOUBLE, &given.plan.latency, 0,
     "Latency of a message between nodes, in microseconds, in place of a measured one; with --bandwidth",
     "US"},
    {"bandwidth", '\0', POPT_ARG_DOUBLE, &given.plan.bandwidth, 0,
     "Bandwidth of a node's link, one way, in Gbit/s", "GBIT"},
    {"node-memory", '\0', POPT_ARG_DOUBLE, &given.plan.node_memory, 0,
     "Memory of a node, in GiB; default: that of this machine, or of the SLURM job", "GIB"},
    POPT_TABLEEND,
};

static void print_tensors(const wt_network *network) {
    const wt_parameter_table *parameters = wt_network_parameters(network);
    for (int p = 0; p < parameters->count; p++) {
        const wt_parameter *entry = &parameters->entries[p];
        printf("  %-28s", entry->name);
        for (int i = 0; i < entry->rank; i++) printf("%s%" PRId64, i ? " × " : "", entry->shape[i]);
        printf("\n");
    }
}

static wt_status print_network(const wt_config *config, const wt_network *network, double rate) {
    const double mib = 1048576.0;
    const wt_network_traits *traits = wt_network_get_traits(network);
    const wt_parameter_table *parameters = wt_network_parameters(network);
    wt_plan_step step;
    WT_TRY(wt_plan_describe_step(&step, config, network));
    printf("network          %s, %zu parameters in %d tensors\n", traits->description, parameters->trained,
           parameters->count);
    printf("receptive field  %d samples", traits->receptive_field);
    if (rate > 0) printf(" (%.1f ms at %.0f Hz)", 1000.0 * traits->receptive_field / rate, rate);
    printf("\nstep             %d windows of %d targets, %d microbatches of %d windows\n",
           config->train.batch, step.targets, step.microbatches, step.microbatch_windows);
    printf("operations       %.3f MFLOP a target in forward, three times that in training\n",
           step.operations / 1e6);
    printf("memory           %.1f MiB per microbatch, %.1f MiB of parameters and moments\n",
           (double)step.microbatch_bytes / mib, (double)step.state_bytes / mib);
    if (given.tensors) print_tensors(network);
    return WT_OK;
}

static wt_status build_network(wt_network **network, const wt_config *config) {
    wt_data_facts facts;
    WT_TRY(wt_train_read_data_facts(&facts, config));
    if (facts.assumed && config->data.target == WT_TARGETS_LABEL)
        printf("(no data set at %s: taken to have one channel and two classes)\n", config->data.path);
    return wt_network_create_shaped(network, &config->model, &facts.network);
}

static wt_status inspect_config(const char *path, const wt_plan_request *request) {
    wt_config *config;
    wt_network *network = NULL;
    wt_plan *plan = NULL;
    size_t sets = 0;
    wt_status status = WT_OK;
    WT_TRY(wt_alloc(&config, 1, sizeof *config, "the configuration"));
    while (given.sets && given.sets[sets]) sets++;
    WT_GUARD(wt_config_load(config, path, (const char *const *)given.sets, sets));
    WT_GUARD(build_network(&network, config));
    if (wt_plan_asked(&given.plan)) WT_GUARD(wt_plan_create(&plan, request, config, network, path));
    printf("configuration    %s\n", path);
    WT_GUARD(print_network(config, network, wt_plan_sample_rate(config)));
    if (plan)
        wt_plan_print(plan);
    else
        printf("plan             --ranks, --threads and --nodes say what a run will take\n");
cleanup:
    wt_free(plan);
    wt_network_destroy(network);
    wt_free(config);
    return status;
}

static void print_vocabulary(const wt_vocabulary *vocabulary) {
    wt_vocabulary_print(stdout, vocabulary, printf("vocabulary       %d symbols:", vocabulary->classes));
}

static wt_status print_checkpoint(wt_checkpoint *checkpoint) {
    wt_status status = WT_OK;
    const wt_checkpoint_state *state = wt_checkpoint_get_state(checkpoint);
    wt_restored restored = {0};
    wt_hash hash;
    char text[WT_HASH_TEXT];
    WT_GUARD(wt_checkpoint_hash(&hash, checkpoint));
    WT_GUARD(wt_restore_network(&restored, checkpoint, true));
    wt_hash_print(text, hash);
    printf("checkpoint       %s\n", wt_checkpoint_path(checkpoint));
    printf("step             %" PRId64 ", %.0f s of training, on %d ranks × %d threads\n", state->step,
           state->seconds, state->ranks, state->threads);
    printf("numerics         %s\n", state->numerics);
    if (isfinite(state->validation_loss)) {
        const bool squares = wt_network_get_traits(restored.network)->head_kind == WT_HEAD_MSE;
        printf(squares ? "validation       %.6g squared error; best %.6g at step %" PRId64 "\n"
                       : "validation       %.4f nats; best %.4f at step %" PRId64 "\n",
               state->validation_loss, state->best_validation_loss, state->best_step);
    }
    if (state->due.validation) printf("validation       of step %" PRId64 " is still due\n", state->step);
    if (state->uncompared) printf("replicas         were not compared: a signal came first\n");
    if (state->guard.skipped) {
        printf("guard            %" PRId64 " step%s skipped, gone back %d times, learning rate times %g\n",
               state->guard.skipped, state->guard.skipped == 1 ? "" : "s", state->guard.rollbacks,
               state->guard.rate_scale);
    }
    if (wt_checkpoint_has_mean(checkpoint)) {
        printf("mean             of the parameters, of decay %g: what evaluate and generate take\n",
               wt_checkpoint_get_config(checkpoint)->ema.decay);
    }
    if (wt_checkpoint_get_config(checkpoint)->schedule.kind == WT_SCHEDULE_PLATEAU) {
        printf("plateau          learning rate times %g, %d validations without improvement\n",
               state->plateau.scale, state->plateau.bad);
    }
    printf("data             %s, digest %s\n", wt_checkpoint_get_config(checkpoint)->data.path,
           state->dataset);
    printf("hash             %s  (parameters and moments)\n", text);
    if (wt_checkpoint_get_vocabulary(checkpoint)->classes > 0)
        print_vocabulary(wt_checkpoint_get_vocabulary(checkpoint));
    status = print_network(wt_checkpoint_get_config(checkpoint), restored.network,
                           wt_checkpoint_get_vocabulary(checkpoint)->classes > 0 ? 0 : state->sample_rate);
cleanup:
    wt_restored_dispose(&restored);
    return status;
}

static wt_status inspect_checkpoint(const char *path) {
    wt_checkpoint *checkpoint;
    WT_TRY(wt_checkpoint_choose(&checkpoint, path, given.checkpoint));
    wt_status status = print_checkpoint(checkpoint);
    wt_checkpoint_close(checkpoint);
    return status;
}

static const char *const splits[] = {"train", "validation", "test"};
enum { SPLITS = sizeof splits / sizeof *splits };

static bool is_dataset(const char *path) {
    bool found = false;
    for (int i = 0; i < SPLITS; i++) found = found || wt_dataset_has_split(path, splits[i]);
    return found;
}

static void print_text_split(const wt_dataset *dataset, const char *split, const char *digest) {
    const int64_t texts = wt_dataset_utterances(dataset);
    const bool ends = wt_vocabulary_ends(wt_dataset_vocabulary(dataset));
    printf("%-16s %" PRId64 " %s%s, %" PRId64 " characters%s, %" PRId64 " examples, digest %s\n", split,
           texts, ends ? "item" : "text", texts == 1 ? "" : "s", wt_dataset_samples(dataset),
           ends ? " with the end marks" : "", wt_dataset_examples(dataset), digest);
}

static void print_signal(const wt_dataset *dataset, const char *split, const char *digest) {
    const int rate = wt_dataset_sample_rate(dataset);
    printf("%-16s %" PRId64 " utterances, %" PRId64
           " samples (%.1f minutes at %d Hz), %d channel%s, digest %s\n",
           split, wt_dataset_utterances(dataset), wt_dataset_samples(dataset),
           (double)wt_dataset_samples(dataset) / rate / 60.0, rate, wt_dataset_channels(dataset),
           wt_dataset_channels(dataset) > 1 ? "s" : "", digest);
}

/* How far the split's contents can be trusted. */
static wt_status print_trust(const wt_dataset *dataset, const char *split) {
    const int shards = wt_dataset_shards(dataset);
    int64_t bytes;
    if (given.verify) {
        WT_TRY(wt_dataset_verify(dataset, &bytes));
        printf("verified         %s: %d shard%s, %.1f MiB, as they were prepared\n", split, shards,
               shards == 1 ? "" : "s", (double)bytes / 1048576.0);
    } else if (wt_dataset_unhashed(dataset)) {
        printf("note             %s: no hash over attributes and normalisation (an older program has "
               "prepared it), so "
               "only --verify notices damage there\n",
               split);
    }
    return WT_OK;
}

/* `printed`: the vocabulary, which all splits share, is printed. */
static wt_status inspect_split(const char *path, const char *split, bool *printed) {
    wt_dataset *dataset;
    char digest[WT_HASH_TEXT];
    WT_TRY(wt_dataset_open(&dataset, path, split, 0));
    wt_hash_print(digest, wt_dataset_digest(dataset));
    if (wt_dataset_kind(dataset) == WT_DATA_TEXT) {
        if (!*printed) print_vocabulary(wt_dataset_vocabulary(dataset));
        *printed = true;
        print_text_split(dataset, split, digest);
    } else {
        print_signal(dataset, split, digest);
    }
    wt_status status = print_trust(dataset, split);
    wt_dataset_close(dataset);
    return status;
}

/* With --verify all splits are looked at, and the first failure is the command's. */
static wt_status inspect_dataset(const char *path) {
    bool printed = false;
    char message[1024] = "";
    wt_status worst = WT_OK;
    printf("data set         %s\n", path);
    for (int i = 0; i < SPLITS; i++) {
        if (!wt_dataset_has_split(path, splits[i])) continue;
        wt_status status = inspect_split(path, splits[i], &printed);
        if (status == WT_OK) continue;
        if (!given.verify) return status;
        if (worst != WT_OK) wt_log_warning("%s", message);
        worst = status;
        snprintf(message, sizeof message, "%s", wt_error_message());
    }
    return worst == WT_OK ? WT_OK : wt_error(worst, "%s", message);
}

static wt_status inspect_line(wt_comm *comm, const wt_command_line *line) {
    (void)comm;
    wt_plan_request request;
    const char *path = line->arguments[0];
    const bool input = strcmp(path, "-") == 0;
    WT_CHECK(input || wt_path_exists(path), WT_USAGE,
             "%s: no such configuration, checkpoint, run or data set", path);
    WT_TRY(wt_plan_read_options(&request, &given.plan));
    const bool dataset = wt_path_is_folder(path) && is_dataset(path);
    WT_CHECK(dataset || !given.verify, WT_USAGE, "%s: --verify is of data sets (expected DATASET)", path);
    if (wt_path_is_folder(path)) return dataset ? inspect_dataset(path) : inspect_checkpoint(path);
    const char *dot = strrchr(wt_path_base(path), '.');
    bool yaml = input || (dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0));
    WT_CHECK(yaml || !wt_plan_asked(&given.plan), WT_USAGE,
             "%s: --ranks, --threads and --nodes are of configurations (expected CONFIG.yaml)", path);
    return yaml ? inspect_config(path, &request) : inspect_checkpoint(path);
}

const wt_command wt_command_inspect = {
    .name = "inspect",
    .arguments = "CONFIG|CHECKPOINT|RUN|DATASET [OPTION…]",
    .summary = "Show what a configuration, a checkpoint, a run or a data set is",
    .options = options,
    .min = 1,
    .max = 1,
    .work = inspect_line,
};
