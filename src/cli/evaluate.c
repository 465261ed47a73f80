/* wavetrain evaluate: a checkpoint's loss over a whole split, each target once; src/train scores. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "comm/facts.h"
#include "command_internal.h"
#include "generate/copies.h"
#include "train/agreement.h"
#include "wavetrain/base.h"
#include "wavetrain/plot.h"
#include "wavetrain/train.h"

typedef struct {
    char *data, *split, *checkpoint, *predictions, *probabilities, *logits, *frames, *weights, *plot;
    int markov, last_step, least, copies, speakers;
    double temperature;
} arguments;

static arguments given = {.temperature = 1};

static const struct poptOption options[] = {
    {"data", '\0', POPT_ARG_STRING, &given.data, 0, "A data set other than that of the configuration",
     "DATASET"},
    {"split", '\0', POPT_ARG_STRING, &given.split, 0, "Train, validation or test (default: test)", "SPLIT"},
    WT_CHECKPOINT_OPTION(given.checkpoint),
    {"markov", '\0', POPT_ARG_NONE, &given.markov, 0,
     "Score a first-order Markov model (counts on the training part, 0.1 added) on the same targets", NULL},
    {"predictions", '\0', POPT_ARG_STRING, &given.predictions, 0,
     "Labels: write each target with its prediction, as CSV, or HDF5 where the name ends in .h5", "FILE"},
    {"probabilities", '\0', POPT_ARG_STRING, &given.probabilities, 0,
     "Labels that are classes: write the probability of each, with file, time and group, per target, or per "
     "recording where each has one class",
     "FILE.csv"},
    {"logits", '\0', POPT_ARG_STRING, &given.logits, 0,
     "Write what the network makes of each target, and the newest input that it sees, as HDF5", "FILE.h5"},
    {"least", '\0', POPT_ARG_INT, &given.least, 0,
     "Labels: leave classes with fewer targets out of macro-F1 (default 0)", "N"},
    {"frames", '\0', POPT_ARG_STRING, &given.frames, 0,
     "Network with a condition: the frames that it sees, to measure their effect: own (default), other "
     "(another recording's), or late (by half a hop)",
     "own|other|late"},
    {"speakers", '\0', POPT_ARG_NONE, &given.speakers, 0,
     "Network with speakers: the loss of each one's recordings with each one's number in place of their own",
     NULL},
    {"copies", '\0', POPT_ARG_INT, &given.copies, 0,
     "Network with a condition: in place of the loss score copies of N recordings, evenly spread over the "
     "part, "
     "the first 10 s of each, made from their features; with controls",
     "N"},
    {"plot", '\0', POPT_ARG_STRING, &given.plot, 0,
     "With --copies: spectrograms of the first recordings and of their copies", "FILE.png"},
    {"temperature", '\0', POPT_ARG_DOUBLE, &given.temperature, 0,
     "With --copies: how they are drawn, as generate --temperature (default: 1)", "T"},
    {"weights", '\0', POPT_ARG_STRING, &given.weights, 0,
     "Precision of the weights of products: fp32 (default), or bf16, as generate --weights bf16 rounds them",
     "fp32|bf16"},
    WT_NO_EMA_OPTION(given.last_step),
    POPT_TABLEEND,
};

/* What the command prints from. */
typedef struct {
    wt_checkpoint *checkpoint;
    wt_evaluate_request request;
    wt_evaluated evaluated;
} evaluation;

static bool is_text(const evaluation *r) {
    return r->evaluated.kind == WT_DATA_TEXT;
}

static void print_loss_line(const evaluation *r, const char *name, double loss) {
    printf("  %-30s %8.4f nats %8.4f bits per %s\n", name, loss, loss / log(2.0),
           is_text(r) ? "character" : "sample");
}

/* Nats of a sample of 16 bits: of a class its samples' share (uniform within it), of squared errors those of
 * a Gaussian whose deviation is their root mean square. */
static double sample_nats(const evaluation *r, double loss, double width, double targets) {
    const double pi = acos(-1), codes_per_unit = 32768;
    if (!r->evaluated.squared) return (loss + width) / targets;
    return 0.5 * log(2 * pi * exp(1) * loss / targets) + log(codes_per_unit);
}

static void print_samples(const evaluation *r) {
    const wt_score *score = &r->evaluated.score;
    const double targets = (double)score->targets, apart = targets - (double)score->in_runs;
    print_loss_line(r, "per sample of 16 bits", sample_nats(r, score->loss, score->width, targets));
    printf("  (%.1f %% of the targets stand in runs of %d or more equal samples)\n",
           100 * (double)score->in_runs / targets, WT_RUN);
    if (apart > 0)
        print_loss_line(r, "the same, out of such runs",
                        sample_nats(r, score->loss_apart, score->width_apart, apart));
}

/* Of a table: nats per value, in the table's own units. */
static void print_values(const evaluation *r) {
    const wt_score *score = &r->evaluated.score;
    const wt_normalization *n = &wt_checkpoint_get_state(r->checkpoint)->normalization;
    double units = 0;
    if (r->evaluated.squared) return;
    for (int c = 0; c < n->channels; c++) units += log(n->deviation[c]) / n->channels;
    printf("  %-30s %8.4f nats\n", "per value, in the data's units",
           score->loss / (double)score->targets / r->evaluated.values + units);
}

static void print_score(const evaluation *r) {
    const wt_score *score = &r->evaluated.score;
    char name[64];
    double targets = (double)score->targets;
    bool ends = wt_vocabulary_ends(wt_checkpoint_get_vocabulary(r->checkpoint));
    printf("%s, %s: %" PRId64 " targets", r->evaluated.data, r->request.split, score->targets);
    if (ends || (!is_text(r) && r->evaluated.classes))
        printf(", %.1f %% of them %s", 100.0 * (double)score->silence / targets,
               ends ? "end marks" : "silence");
    printf("\n");
    bool mean = wt_checkpoint_has_mean(r->checkpoint) && !r->request.raw;
    snprintf(name, sizeof name, "network, step %" PRId64 "%s", wt_checkpoint_get_state(r->checkpoint)->step,
             mean ? " (mean)" : "");
    if (r->evaluated.squared) {
        printf("  %-30s %.6g squared error\n", name, score->loss / targets);
    } else {
        print_loss_line(r, name, score->loss / targets);
    }
    if (r->evaluated.kind == WT_DATA_AUDIO) print_samples(r);
    if (r->evaluated.kind == WT_DATA_TABLE) print_values(r);
    if (!r->request.markov) return;
    print_loss_line(r, "first-order Markov model", score->markov / targets);
    print_loss_line(r, "difference", (score->loss - score->markov) / targets);
}

/* --- labels --- */

static void print_labels(const evaluation *r) {
    const wt_score *score = &r->evaluated.score;
    const wt_label_results *results = &r->evaluated.results;
    const double targets = (double)score->targets;
    printf("%s, %s: %" PRId64 " targets, network of step %" PRId64 "\n", r->evaluated.data, r->request.split,
           score->targets, wt_checkpoint_get_state(r->checkpoint)->step);
    if (results->classes == 0) {
        const bool mse = r->evaluated.squared;
        const double errors = mse ? score->loss : score->errors;
        if (!mse) printf("  loss                   %.6g nats\n", score->loss / targets);
        printf("  error-to-signal ratio  %.6g\n", errors / score->squares);
        printf("  RMSE                   %.6g\n", sqrt(errors / targets));
        return;
    }
    printf("  loss      %.4f nats\n", score->loss / targets);
    wt_label_results_print(results, &r->evaluated.names, given.least);
}

/* Rows are recordings' speakers, columns those that were given; the margin is that of the nearest other. */
static void print_speakers(const evaluation *r) {
    const char *name = wt_checkpoint_get_state(r->checkpoint)->names.speakers;
    const int speakers = r->evaluated.speakers;
    printf("%s, %s: nats per sample, recordings \\ speaker given, network of step %" PRId64 "\n  %-26s",
           r->evaluated.data, r->request.split, wt_checkpoint_get_state(r->checkpoint)->step, "");
    for (int number = 0; number < speakers; number++) printf(" %8d", number);
    printf("   margin\n");
    for (int s = 0; s < speakers; s++) {
        const double *loss = r->evaluated.speaker_loss + s * speakers;
        const int length = (int)strcspn(name, "\n");
        double nearest = INFINITY;
        printf("  %3d %-22.*s", s, length, name);
        for (int number = 0; number < speakers; number++) {
            if (loss[number] == loss[number]) printf(" %8.4f", loss[number]);
            if (number != s) nearest = fmin(nearest, loss[number]);
        }
        if (loss[s] == loss[s])
            printf(" %8.4f\n", nearest - loss[s]);
        else
            printf(" no recordings\n");
        name += length + (name[length] == '\n');
    }
}

static wt_status fill_request(wt_evaluate_request *request) {
    static const char *const names[] = {"own", "other", "late"};
    wt_weights weights;
    WT_TRY(wt_command_parse_weights(&weights, given.weights));
    *request = (wt_evaluate_request){.data = given.data,
                                     .split = given.split ? given.split : "test",
                                     .bf16 = weights == WT_WEIGHTS_BF16,
                                     .raw = given.last_step,
                                     .markov = given.markov,
                                     .logits = given.logits,
                                     .probabilities = given.probabilities,
                                     .speakers = given.speakers};
    if (!given.frames) return WT_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        request->frames = (wt_frames_source)i;
        if (strcmp(given.frames, names[i]) == 0) return WT_OK;
    }
    return wt_error(WT_USAGE, "--frames: got %s, expected own, other or late", given.frames);
}

/* --- copies --- */

static void print_copy_summary(const char *name, const wt_copy_summary summary) {
    printf("  %-32s %7.2f dB %8.2f x %8.1f %% %9.1f %% %9.1f %%\n", name, summary.distance, summary.flatness,
           100 * summary.voiced, 100 * summary.in_tune, 100 * summary.invented);
}

static void print_copies(const wt_conditions *conditions, const wt_copies *copies) {
    static const char *const kinds[WT_COPY_KINDS] = {"copies, all", "8 bits of mu-law",
                                                     "noise of their envelope", "another recording"};
    printf("  %-32s %10s %10s %10s %11s %11s\n", "", "distance", "flatness", "voiced", "in tune", "invented");
    for (int i = 0; i < conditions->count; i++)
        print_copy_summary(conditions->list[i].name, wt_copies_summarise(copies, i, 1, WT_COPY_OWN));
    for (int kind = 0; kind < WT_COPY_KINDS; kind++)
        print_copy_summary(kinds[kind],
                           wt_copies_summarise(copies, 0, conditions->count, (wt_copy_kind)kind));
    printf(
        "  (flatness relative to the recordings'; voiced: of their voiced frames; in tune: of these, within "
        "50 cents; invented: voice where they have none)\n");
}

static const char *copied_data(const evaluation *r) {
    return r->request.data ? r->request.data : wt_checkpoint_dataset_path(r->checkpoint);
}

/* Before the copies are made, which takes minutes. */
static wt_status check_plot(void) {
    WT_TRY(wt_path_require_ending(given.plot, ".png", "a PNG picture"));
    WT_TRY(wt_plot_require());
    return wt_path_require_writable(given.plot, true);
}

static wt_status open_copying(wt_generator *generator, wt_conditions *conditions, const evaluation *r,
                              bool root) {
    WT_CHECK(given.copies >= 1 && given.copies <= 1000, WT_USAGE,
             "--copies is out of range (got %d, expected 1 … 1000)", given.copies);
    WT_CHECK(given.temperature >= 0 && given.temperature <= 100, WT_USAGE,
             "--temperature is out of range (got %g, expected 0 … 100)", given.temperature);
    WT_TRY(wt_copy_require());
    if (given.plot && root) WT_TRY(check_plot());
    WT_TRY(wt_generator_open(generator, r->checkpoint, r->request.raw));
    generator->how.temperature = given.temperature;
    return wt_conditions_add_dataset(conditions, generator, copied_data(r), r->request.split, given.copies);
}

static wt_status report_copies(const wt_generator *generator, const wt_conditions *conditions,
                               const wt_copies *copies, const evaluation *r) {
    printf("%s, %s: copies of %d recordings, network of step %" PRId64 ", temperature %g\n", copied_data(r),
           r->request.split, conditions->count, wt_checkpoint_get_state(r->checkpoint)->step,
           generator->how.temperature);
    print_copies(conditions, copies);
    if (!given.plot) return WT_OK;
    WT_TRY(wt_copies_plot(copies, conditions, generator->rate, given.plot));
    printf("%s: spectrograms of recordings and copies\n", given.plot);
    return WT_OK;
}

/* Collective. */
static wt_status evaluate_copies(wt_comm *comm, const evaluation *r) {
    const wt_weights weights = r->request.bf16 ? WT_WEIGHTS_BF16 : WT_WEIGHTS_FP32;
    const bool root = wt_comm_rank(comm) == 0;
    wt_generator generator = {.checkpoint = NULL};
    wt_conditions conditions = {.list = NULL};
    wt_copies copies = {.scores = NULL};
    wt_status status = WT_OK;
    WT_GUARD(wt_comm_agree(comm, open_copying(&generator, &conditions, r, root)));
    WT_GUARD(wt_copies_make(&copies, comm, &generator, &conditions, weights));
    if (root) status = report_copies(&generator, &conditions, &copies, r);
    status = wt_comm_agree(comm, status);
cleanup:
    wt_copies_dispose(&copies);
    wt_conditions_dispose(&conditions);
    wt_generator_dispose(&generator);
    return status;
}

/* Collective. */
static wt_status evaluate_and_print(wt_comm *comm, evaluation *r, const char *file_or_run) {
    WT_TRY(wt_command_settle(comm, false));
    WT_TRY(wt_comm_agree(comm, fill_request(&r->request)));
    WT_CHECK(given.copies || !given.plot, WT_USAGE, "--plot: needs --copies");
    WT_CHECK(given.copies || given.temperature == 1, WT_USAGE, "--temperature: needs --copies");
    const bool loss_alone = given.markov || given.predictions || given.logits || given.probabilities;
    WT_CHECK(!given.copies || (!loss_alone && !given.frames && !given.speakers), WT_USAGE,
             "--copies: does not go with --markov, --predictions, --probabilities, --logits, --frames or "
             "--speakers");
    WT_CHECK(!given.speakers || !loss_alone, WT_USAGE,
             "--speakers: does not go with --markov, --predictions or --logits");
    WT_TRY(wt_agree_open_checkpoint(comm, &r->checkpoint, file_or_run, given.checkpoint));
    if (given.copies) return evaluate_copies(comm, r);
    const wt_status status = wt_checkpoint_evaluate(comm, r->checkpoint, &r->request, given.predictions,
                                                    &r->evaluated);
    const int rate = r->evaluated.rate, trained = wt_checkpoint_get_state(r->checkpoint)->sample_rate;
    if (rate > 0 && rate != trained)
        wt_log_warning("%s is at %d Hz, the network was trained at %d Hz", r->evaluated.data, rate, trained);
    if (status != WT_OK || !wt_log_is_verbose()) return status;
    if (r->evaluated.speaker_loss)
        print_speakers(r);
    else if (r->evaluated.labels)
        print_labels(r);
    else
        print_score(r);
    return WT_OK;
}

static wt_status evaluate_line(wt_comm *comm, const wt_command_line *line) {
    evaluation r = {.checkpoint = NULL};
    const wt_status status = evaluate_and_print(comm, &r, line->arguments[0]);
    wt_evaluated_dispose(&r.evaluated);
    wt_checkpoint_close(r.checkpoint);
    return status;
}

const wt_command wt_command_evaluate = {
    .name = "evaluate",
    .arguments = "CHECKPOINT|RUN [OPTION…]",
    .summary = "Score a checkpoint on a whole split of a data set (also under mpirun)",
    .parallel = true,
    .options = options,
    .min = 1,
    .max = 1,
    .work = evaluate_line,
};
