/* wavetrain evaluate: a checkpoint's loss over a whole split, each target once. */
#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "comm/facts.h"
#include "command_internal.h"
#include "data/dataset.h"
#include "engine/engine.h"
#include "network/network_model.h"
#include "train/agreement.h"
#include "wavetrain/train.h"

typedef struct {
    char *data, *split, *checkpoint, *predictions, *frames, *weights;
    int markov, last_step, least;
} wt_evaluate_arguments;

static wt_evaluate_arguments wt_given;

static const struct poptOption wt_options[] = {
    {"data", '\0', POPT_ARG_STRING, &wt_given.data, 0, "A data set other than that of the configuration",
     "DATASET"},
    {"split", '\0', POPT_ARG_STRING, &wt_given.split, 0, "Train, validation or test (default: test)",
     "SPLIT"},
    {"checkpoint", '\0', POPT_ARG_STRING, &wt_given.checkpoint, 0,
     "Checkpoint of a run: newest (default), best (by validation loss), or a step", "newest|best|STEP"},
    {"markov", '\0', POPT_ARG_NONE, &wt_given.markov, 0,
     "Score a first-order Markov model (counts on the training part, 0.1 added) on the same targets", NULL},
    {"predictions", '\0', POPT_ARG_STRING, &wt_given.predictions, 0,
     "Labels: write each target with its prediction, as CSV, or HDF5 where the name ends in .h5", "FILE"},
    {"least", '\0', POPT_ARG_INT, &wt_given.least, 0,
     "Labels: leave classes with fewer targets out of macro-F1 (default 0)", "N"},
    {"frames", '\0', POPT_ARG_STRING, &wt_given.frames, 0,
     "Network with a condition: the frames that it sees, to measure their effect: own (default), other "
     "(another recording's), or late (by half a hop)",
     "own|other|late"},
    {"weights", '\0', POPT_ARG_STRING, &wt_given.weights, 0,
     "Precision of the weights of products: fp32 (default), or bf16, as generate --weights bf16 rounds them",
     "fp32|bf16"},
    {"no-ema", '\0', POPT_ARG_NONE, &wt_given.last_step, 0,
     "If the run has ema.decay: use the parameters of the last step instead of their average", NULL},
    POPT_TABLEEND,
};

wt_status wt_command_open_checkpoint(wt_checkpoint **out, const char *file_or_run, const char *which) {
    if (!which || strcmp(which, "newest") == 0)
        return wt_checkpoint_find(out, file_or_run, WT_PICK_NEWEST, -1);
    if (strcmp(which, "best") == 0) return wt_checkpoint_find(out, file_or_run, WT_PICK_BEST, -1);
    char *end;
    long long step = strtoll(which, &end, 10);
    WT_CHECK(*which && !*end && step >= 0, WT_USAGE, "--checkpoint: got %s, expected newest, best or a step",
             which);
    return wt_checkpoint_find(out, file_or_run, WT_PICK_NEWEST, step);
}

/* What a command on a checkpoint holds. */
typedef struct {
    wt_checkpoint *checkpoint;
    wt_restored restored;
    const wt_kernels *kernels;
    const char *data;
    bool text, sound;
    wt_markov *markov;
} wt_subject;

/* Rank 0 picks the checkpoint, since a run that trains may write another one meanwhile; all ranks open that
 * one. They compare the newest before, since rank 0 alone may fail to read it and pass it over. Collective.
 */
static wt_status open_checkpoint(wt_comm *comm, wt_checkpoint **checkpoint, const char *file_or_run) {
    char path[WT_PATH_MAX] = "";
    const bool root = wt_comm_rank(comm) == 0;
    WT_TRY(wt_agree_on_checkpoint(comm, file_or_run));
    wt_status status = root ? wt_command_open_checkpoint(checkpoint, file_or_run, wt_given.checkpoint)
                            : WT_OK;
    WT_TRY(wt_comm_agree(comm, status));
    if (root) snprintf(path, sizeof path, "%s", wt_checkpoint_path(*checkpoint));
    wt_comm_broadcast(comm, path, sizeof path);
    WT_TRY(wt_agree_on_checkpoint(comm, path));
    return wt_comm_agree_alike(comm, root ? WT_OK : wt_checkpoint_open(checkpoint, path));
}

static wt_status restore_subject(wt_subject *subject) {
    const wt_config *config = wt_checkpoint_get_config(subject->checkpoint);
    subject->data = wt_given.data ? wt_given.data : config->data.path;
    WT_TRY(wt_kernels_select(&subject->kernels, config->run.backend, config->train.precision));
    wt_weights weights;
    WT_TRY(wt_command_parse_weights(&weights, wt_given.weights));
    WT_TRY(wt_restore_network(&subject->restored, subject->checkpoint, wt_given.last_step));
    if (weights == WT_WEIGHTS_BF16)
        wt_engine_round_weights(wt_network_graph(subject->restored.network), subject->restored.parameters);
    return WT_OK;
}

/* Collective. */
static wt_status count_markov(wt_comm *comm, wt_subject *subject) {
    const wt_data_config *data = &wt_checkpoint_get_config(subject->checkpoint)->data;
    wt_dataset *train = NULL;
    wt_quantization quantization;
    wt_status status = wt_dataset_open(&train, subject->data, "train", data->memory);
    WT_GUARD(wt_agree_on_dataset(comm, subject->data, "train", train, status));
    status = wt_dataset_quantization(&quantization, train, data->quantization);
    if (status == WT_OK) status = wt_markov_create(&subject->markov, train, quantization, 0.1);
    status = wt_comm_agree_alike(comm, status);
cleanup:
    wt_dataset_close(train);
    return status;
}

/* Collective. */
static wt_status open_subject(wt_comm *comm, wt_subject *subject, const char *file_or_run) {
    WT_TRY(open_checkpoint(comm, &subject->checkpoint, file_or_run));
    return wt_comm_agree_alike(comm, restore_subject(subject));
}

static void close_subject(wt_subject *subject) {
    wt_markov_destroy(subject->markov);
    wt_restored_dispose(&subject->restored);
    wt_checkpoint_close(subject->checkpoint);
}

static void print_loss_line(const wt_subject *subject, const char *name, double loss) {
    printf("  %-30s %8.4f nats %8.4f bits a %s\n", name, loss, loss / log(2.0),
           subject->text ? "character" : "sample");
}

/* Nats of a sample of 16 bits: of a class its samples' share (uniform within it), of squared errors those of
 * a Gaussian whose deviation is their root mean square. */
static double sample_nats(const wt_subject *subject, double loss, double width, double targets) {
    const double pi = acos(-1), codes_per_unit = 32768;
    if (wt_network_get_traits(subject->restored.network)->head_kind != WT_HEAD_MSE)
        return (loss + width) / targets;
    return 0.5 * log(2 * pi * exp(1) * loss / targets) + log(codes_per_unit);
}

static void print_samples(const wt_subject *subject, const wt_score *score) {
    const double targets = (double)score->targets, apart = targets - (double)score->in_runs;
    print_loss_line(subject, "per sample of 16 bits",
                    sample_nats(subject, score->loss, score->width, targets));
    printf("  (%.1f %% of the targets stand in runs of %d or more equal samples)\n",
           100 * (double)score->in_runs / targets, WT_RUN);
    if (apart > 0)
        print_loss_line(subject, "the same, out of such runs",
                        sample_nats(subject, score->loss_apart, score->width_apart, apart));
}

/* Of a table: nats per value, in the table's own units. */
static void print_values(const wt_subject *subject, const wt_score *score) {
    const wt_network *network = subject->restored.network;
    const wt_network_traits *traits = wt_network_get_traits(network);
    const wt_normalization *n = &wt_checkpoint_get_state(subject->checkpoint)->normalization;
    double units = 0;
    if (traits->head_kind == WT_HEAD_MSE) return;
    for (int c = 0; c < n->channels; c++) units += log(n->deviation[c]) / n->channels;
    printf("  %-30s %8.4f nats\n", "per value, in the data's units",
           score->loss / (double)score->targets / traits->values + units);
}

static void print_score(const wt_subject *subject, const char *split, const wt_score *score) {
    char name[64];
    double targets = (double)score->targets;
    bool ends = wt_vocabulary_ends(wt_checkpoint_get_vocabulary(subject->checkpoint));
    printf("%s, %s: %" PRId64 " targets", subject->data, split, score->targets);
    if (ends || (!subject->text && wt_network_get_traits(subject->restored.network)->classes))
        printf(", %.1f %% of them %s", 100.0 * (double)score->silence / targets,
               ends ? "end marks" : "silence");
    printf("\n");
    bool mean = wt_checkpoint_has_mean(subject->checkpoint) && !wt_given.last_step;
    snprintf(name, sizeof name, "network, step %" PRId64 "%s",
             wt_checkpoint_get_state(subject->checkpoint)->step, mean ? " (mean)" : "");
    if (wt_network_get_traits(subject->restored.network)->head_kind == WT_HEAD_MSE) {
        printf("  %-30s %.6g squared error\n", name, score->loss / targets);
    } else {
        print_loss_line(subject, name, score->loss / targets);
    }
    if (subject->sound) print_samples(subject, score);
    if (!subject->text && !subject->sound) print_values(subject, score);
    if (!subject->markov) return;
    print_loss_line(subject, "first-order Markov model", score->markov / targets);
    print_loss_line(subject, "difference", (score->loss - score->markov) / targets);
}

/* --- labels --- */

enum { SHOWN_CLASSES = 32 };

static void print_confusion(const wt_label_results *results) {
    const int classes = results->classes;
    if (classes > SHOWN_CLASSES) {
        printf("  (%d classes: the table is in the file that --predictions FILE.h5 writes)\n", classes);
        return;
    }
    printf("  truth \\ predicted\n      ");
    for (int p = 0; p < classes; p++) printf(" %9d", p);
    printf("\n");
    for (int t = 0; t < classes; t++) {
        printf("  %4d", t);
        for (int p = 0; p < classes; p++)
            printf(" %9" PRId64, results->table[(size_t)t * (size_t)classes + (size_t)p]);
        printf("\n");
    }
}

static void print_labels(const wt_subject *subject, const char *split, const wt_score *score,
                         const wt_label_results *results) {
    const double targets = (double)score->targets;
    printf("%s, %s: %" PRId64 " targets, network of step %" PRId64 "\n", subject->data, split, score->targets,
           wt_checkpoint_get_state(subject->checkpoint)->step);
    if (results->classes == 0) {
        const bool mse = wt_network_get_traits(subject->restored.network)->head_kind == WT_HEAD_MSE;
        const double errors = mse ? score->loss : score->errors;
        if (!mse) printf("  loss                   %.6g nats\n", score->loss / targets);
        printf("  error-to-signal ratio  %.6g\n", errors / score->squares);
        printf("  RMSE                   %.6g\n", sqrt(errors / targets));
        return;
    }
    printf("  loss      %.4f nats\n", score->loss / targets);
    printf("  accuracy  %.4f\n", wt_label_table_accuracy(results->table, results->classes));
    printf("  macro-F1  %.4f", wt_label_table_macro_f1(results->table, results->classes, wt_given.least));
    if (wt_given.least > 0) printf("  (classes with at least %d targets)", wt_given.least);
    printf("\n");
    print_confusion(results);
}

static wt_status check_evaluate_options(const wt_config *config) {
    const bool labels = config->data.target == WT_TARGETS_LABEL;
    WT_CHECK(labels || !wt_given.predictions, WT_USAGE, "--predictions: the network predicts no labels");
    WT_CHECK(!labels || !wt_given.markov, WT_USAGE,
             "--markov: the network predicts labels, not the next sample");
    WT_CHECK(config->model.head == WT_HEAD_SOFTMAX || !wt_given.markov, WT_USAGE,
             "--markov: the network predicts values (expected one that predicts classes)");
    const char *dot = wt_given.predictions ? strrchr(wt_given.predictions, '.') : NULL;
    const bool h5 = dot && (strcmp(dot, ".h5") == 0 || strcmp(dot, ".hdf5") == 0);
    if (wt_given.predictions && !h5)
        WT_TRY(wt_path_require_ending(wt_given.predictions, ".csv", "a table (.h5: HDF5)"));
    return wt_given.predictions
               ? wt_path_require_free(wt_given.predictions, " (expected a name that is free)")
               : WT_OK;
}

static wt_status choose_frames(wt_frames_source *frames, const wt_subject *subject) {
    static const char *const names[] = {"own", "other", "late"};
    *frames = WT_FRAMES_OWN;
    if (!wt_given.frames) return WT_OK;
    WT_CHECK(wt_network_get_traits(subject->restored.network)->features > 0, WT_USAGE,
             "--frames: the network has no condition");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *frames = (wt_frames_source)i;
        if (strcmp(wt_given.frames, names[i]) == 0) return WT_OK;
    }
    return wt_error(WT_USAGE, "--frames: got %s, expected own, other or late", wt_given.frames);
}

/* Scores, and collects results of labels on rank 0. Collective. */
static wt_status evaluate_labels(wt_comm *comm, const wt_subject *subject, wt_evaluator *evaluator,
                                 const char *split, wt_score *score) {
    const wt_network *network = subject->restored.network;
    wt_label_results results;
    wt_status status = wt_label_results_init(&results, wt_network_get_traits(network)->classes,
                                             wt_given.predictions != NULL);
    status = wt_comm_agree(comm, status);
    if (status == WT_OK)
        status = wt_evaluator_run(evaluator, subject->restored.parameters, NULL, score, &results);
    if (status == WT_OK && score->targets > 0 && wt_log_is_verbose())
        print_labels(subject, split, score, &results);
    if (status == WT_OK && wt_given.predictions && wt_comm_rank(comm) == 0)
        status = wt_predictions_write(wt_given.predictions, wt_evaluator_dataset(evaluator), &results);
    wt_label_results_dispose(&results);
    return wt_comm_agree(comm, status);
}

static wt_status evaluate_subject(wt_comm *comm, wt_subject *subject) {
    const wt_config *config = wt_checkpoint_get_config(subject->checkpoint);
    const char *split = wt_given.split ? wt_given.split : "test";
    const bool labels = config->data.target == WT_TARGETS_LABEL;
    wt_evaluator *evaluator;
    wt_score score;
    wt_frames_source frames;
    WT_TRY(wt_comm_agree(comm, check_evaluate_options(config)));
    WT_TRY(wt_comm_agree(comm, choose_frames(&frames, subject)));
    if (wt_given.markov) WT_TRY(count_markov(comm, subject));
    const wt_evaluation evaluation = {
        .network = subject->restored.network,
        .kernels = subject->kernels,
        .config = config,
        .normalization = &wt_checkpoint_get_state(subject->checkpoint)->normalization,
        .features = &wt_checkpoint_get_state(subject->checkpoint)->features,
        .frames = frames,
        .path = subject->data,
        .split = split};
    WT_TRY(wt_evaluator_create(&evaluator, comm, &evaluation));
    wt_status status = wt_evaluator_check(evaluator, wt_checkpoint_get_vocabulary(subject->checkpoint));
    status = wt_comm_agree_alike(comm, status);
    subject->text = wt_dataset_kind(wt_evaluator_dataset(evaluator)) == WT_DATA_TEXT;
    subject->sound = !labels && wt_dataset_kind(wt_evaluator_dataset(evaluator)) == WT_DATA_AUDIO;
    if (status == WT_OK && subject->sound) status = wt_comm_agree(comm, wt_evaluator_mark_runs(evaluator));
    int rate = wt_dataset_sample_rate(wt_evaluator_dataset(evaluator));
    int trained = wt_checkpoint_get_state(subject->checkpoint)->sample_rate;
    if (rate != trained)
        wt_log_warning("%s is at %d Hz, the network was trained at %d Hz", subject->data, rate, trained);
    if (status == WT_OK) {
        status = labels ? evaluate_labels(comm, subject, evaluator, split, &score)
                        : wt_evaluator_run(evaluator, subject->restored.parameters, subject->markov, &score,
                                           NULL);
    }
    if (status == WT_OK && score.targets == 0)
        status = wt_error(WT_USAGE, "%s: has no targets", subject->data);
    if (status == WT_OK && !labels && wt_log_is_verbose()) print_score(subject, split, &score);
    wt_evaluator_destroy(evaluator);
    return status;
}

static wt_status run_evaluate(wt_comm *comm, int argc, const char **argv) {
    wt_command_line line;
    wt_subject subject = {0};
    memset(&wt_given, 0, sizeof wt_given);
    wt_status status = wt_command_parse(&line, &wt_command_evaluate, argc, argv, 1, 1);
    if (status == WT_OK && !line.done) {
        status = wt_command_settle(comm, false);
        if (status == WT_OK) status = open_subject(comm, &subject, line.arguments[0]);
        if (status == WT_OK) status = evaluate_subject(comm, &subject);
    }
    close_subject(&subject);
    poptFreeContext(line.context);
    free(wt_given.data);
    free(wt_given.split);
    free(wt_given.checkpoint);
    free(wt_given.predictions);
    free(wt_given.frames);
    free(wt_given.weights);
    return status;
}

const wt_command wt_command_evaluate = {
    .name = "evaluate",
    .arguments = "CHECKPOINT|RUN [OPTION…]",
    .summary = "Score a checkpoint on a whole split of a data set (also under mpirun)",
    .parallel = true,
    .run = run_evaluate,
    .options = wt_options,
};
