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
    char *data, *split, *checkpoint, *predictions, *logits, *frames, *weights, *plot;
    int markov, last_step, least, copies;
} arguments;

static arguments given;

static const struct poptOption options[] = {
    {"data", '\0', POPT_ARG_STRING, &given.data, 0, "A data set other than that of the configuration",
     "DATASET"},
    {"split", '\0', POPT_ARG_STRING, &given.split, 0, "Train, validation or test (default: test)", "SPLIT"},
    WT_CHECKPOINT_OPTION(given.checkpoint),
    {"markov", '\0', POPT_ARG_NONE, &given.markov, 0,
     "Score a first-order Markov model (counts on the training part, 0.1 added) on the same targets", NULL},
    {"predictions", '\0', POPT_ARG_STRING, &given.predictions, 0,
     "Labels: write each target with its prediction, as CSV, or HDF5 where the name ends in .h5", "FILE"},
    {"logits", '\0', POPT_ARG_STRING, &given.logits, 0,
     "Write what the network makes of each target, and the newest input that it sees, as HDF5", "FILE.h5"},
    {"least", '\0', POPT_ARG_INT, &given.least, 0,
     "Labels: leave classes with fewer targets out of macro-F1 (default 0)", "N"},
    {"frames", '\0', POPT_ARG_STRING, &given.frames, 0,
     "Network with a condition: the frames that it sees, to measure their effect: own (default), other "
     "(another recording's), or late (by half a hop)",
     "own|other|late"},
    {"copies", '\0', POPT_ARG_INT, &given.copies, 0,
     "Network with a condition: in place of the loss score copies of N recordings, evenly spread over the "
     "part, "
     "the first 10 s of each, made from their features; with controls",
     "N"},
    {"plot", '\0', POPT_ARG_STRING, &given.plot, 0,
     "With --copies: spectrograms of the first recordings and of their copies", "FILE.png"},
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
    printf("  accuracy  %.4f\n", wt_label_table_accuracy(results->table, results->classes));
    printf("  macro-F1  %.4f", wt_label_table_macro_f1(results->table, results->classes, given.least));
    if (given.least > 0) printf("  (classes with at least %d targets)", given.least);
    printf("\n");
    print_confusion(results);
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
                                     .logits = given.logits};
    if (!given.frames) return WT_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        request->frames = (wt_frames_source)i;
        if (strcmp(given.frames, names[i]) == 0) return WT_OK;
    }
    return wt_error(WT_USAGE, "--frames: got %s, expected own, other or late", given.frames);
}

/* --- copies --- */

/* Of several recordings: means of distances and of flatness, shares of frames. */
static void print_copy_scores(const char *name, const wt_copy_score *scores, int count) {
    double distance = 0, flatness = 0, original = 0;
    int64_t voiced = 0, unvoiced = 0, both = 0, in_tune = 0, invented = 0;
    for (int i = 0; i < count; i++) {
        distance += scores[i].distance / count;
        flatness += scores[i].flatness;
        original += scores[i].original_flatness;
        voiced += scores[i].voiced;
        unvoiced += scores[i].unvoiced;
        both += scores[i].both;
        in_tune += scores[i].in_tune;
        invented += scores[i].invented;
    }
    printf("  %-26s %7.2f dB %8.2f x %8.1f %% %9.1f %% %9.1f %%\n", name, distance,
           flatness / fmax(original, 1e-12), voiced ? 100.0 * (double)both / (double)voiced : 0,
           both ? 100.0 * (double)in_tune / (double)both : 0,
           unvoiced ? 100.0 * (double)invented / (double)unvoiced : 0);
}

static wt_status print_copies(const wt_conditions *conditions, float *const *copies, int rate) {
    static const char *const controls[WT_CONTROLS] = {"8 bits of mu-law", "noise of their envelope",
                                                      "another recording"};
    const int count = conditions->count;
    wt_copy_score *scores;
    wt_status status = WT_OK;
    WT_TRY(wt_alloc(&scores, (size_t)count, sizeof *scores, "scores of copies"));
    WT_GUARD(wt_copies_score(scores, copies, conditions, rate));
    printf("  %-26s %10s %10s %10s %11s %11s\n", "", "distance", "flatness", "voiced", "in tune", "invented");
    for (int i = 0; i < count; i++) print_copy_scores(conditions->list[i].name, &scores[i], 1);
    print_copy_scores("copies, all", scores, count);
    for (int control = 0; control < WT_CONTROLS; control++) {
        WT_GUARD(wt_copies_score_control(scores, conditions, rate, (wt_copy_control)control));
        print_copy_scores(controls[control], scores, count);
    }
    printf(
        "  (flatness relative to the recordings'; voiced: of their voiced frames; in tune: of these, within "
        "50 cents; invented: voice where they have none)\n");
cleanup:
    wt_free(scores);
    return status;
}

static wt_status plot_copies(const wt_conditions *conditions, float *const *copies, int rate) {
    wt_copy_sounds pairs[WT_COPIES_SHOWN];
    const int count = conditions->count < WT_COPIES_SHOWN ? conditions->count : WT_COPIES_SHOWN;
    for (int i = 0; i < count; i++) {
        const wt_followed *f = &conditions->list[i];
        pairs[i] = (wt_copy_sounds){f->name, f->original, copies[i], f->samples};
    }
    WT_TRY(wt_copy_plot(pairs, count, rate, given.plot));
    printf("%s: spectrograms of recordings and copies\n", given.plot);
    return WT_OK;
}

static wt_status draw_and_print(const wt_generator *generator, wt_conditions *conditions, float ***copies,
                                const evaluation *r) {
    const char *own = wt_checkpoint_dataset_path(r->checkpoint);
    const char *data = r->request.data ? r->request.data : own;
    WT_TRY(wt_conditions_add_dataset(conditions, generator, data, r->request.split, given.copies));
    WT_TRY(wt_alloc(copies, (size_t)conditions->count, sizeof **copies, "copies"));
    WT_TRY(
        wt_copies_draw(*copies, generator, conditions, r->request.bf16 ? WT_WEIGHTS_BF16 : WT_WEIGHTS_FP32));
    printf("%s, %s: copies of %d recordings, network of step %" PRId64 "\n", data, r->request.split,
           conditions->count, wt_checkpoint_get_state(r->checkpoint)->step);
    WT_TRY(print_copies(conditions, *copies, generator->rate));
    return given.plot ? plot_copies(conditions, *copies, generator->rate) : WT_OK;
}

/* Before the copies are made, which takes minutes. */
static wt_status check_plot(void) {
    WT_TRY(wt_path_require_ending(given.plot, ".png", "a PNG picture"));
    WT_TRY(wt_plot_require());
    return wt_path_require_writable(given.plot, true);
}

/* By rank 0 alone. */
static wt_status evaluate_copies(const evaluation *r) {
    wt_generator generator = {.checkpoint = NULL};
    wt_conditions conditions = {.list = NULL};
    float **copies = NULL;
    wt_status status = WT_OK;
    WT_CHECK(given.copies >= 1 && given.copies <= 1000, WT_USAGE,
             "--copies is out of range (got %d, expected 1 … 1000)", given.copies);
    WT_TRY(wt_copy_require());
    if (given.plot) WT_TRY(check_plot());
    WT_GUARD(wt_generator_open(&generator, r->checkpoint, r->request.raw));
    WT_GUARD(draw_and_print(&generator, &conditions, &copies, r));
cleanup:
    for (int i = 0; copies && i < conditions.count; i++) wt_free(copies[i]);
    wt_free(copies);
    wt_conditions_dispose(&conditions);
    wt_generator_dispose(&generator);
    return status;
}

/* Collective. */
static wt_status evaluate_and_print(wt_comm *comm, evaluation *r, const char *file_or_run) {
    WT_TRY(wt_command_settle(comm, false));
    WT_TRY(wt_comm_agree(comm, fill_request(&r->request)));
    WT_CHECK(given.copies || !given.plot, WT_USAGE, "--plot: needs --copies");
    WT_CHECK(!given.copies || (!given.markov && !given.predictions && !given.logits && !given.frames),
             WT_USAGE, "--copies: does not go with --markov, --predictions, --logits or --frames");
    WT_TRY(wt_agree_open_checkpoint(comm, &r->checkpoint, file_or_run, given.checkpoint));
    if (given.copies) return wt_comm_agree(comm, wt_comm_rank(comm) == 0 ? evaluate_copies(r) : WT_OK);
    const wt_status status = wt_checkpoint_evaluate(comm, r->checkpoint, &r->request, given.predictions,
                                                    &r->evaluated);
    const int rate = r->evaluated.rate, trained = wt_checkpoint_get_state(r->checkpoint)->sample_rate;
    if (rate > 0 && rate != trained)
        wt_log_warning("%s is at %d Hz, the network was trained at %d Hz", r->evaluated.data, rate, trained);
    if (status != WT_OK || !wt_log_is_verbose()) return status;
    if (r->evaluated.labels)
        print_labels(r);
    else
        print_score(r);
    return WT_OK;
}

static wt_status evaluate_line(wt_comm *comm, const wt_command_line *line) {
    evaluation r = {.checkpoint = NULL};
    const wt_status status = evaluate_and_print(comm, &r, line->arguments[0]);
    wt_label_results_dispose(&r.evaluated.results);
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
