/* wavetrain bench scaling: strong and weak scaling as measured (bench/measure_scaling.h) and as the model of
 * predict/scaling.h has it, as tables and a picture. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "bench/bench_csv.h"
#include "bench/bench_source.h"
#include "bench/measure_scaling.h"
#include "bench/stepper.h"
#include "bench_command.h"
#include "comm/ranks.h"
#include "command_internal.h"
#include "train/step.h"
#include "wavetrain/plot.h"

/* Where popt's constant table points. */
static struct {
    char *model, *backend, *csv, *plot, *ranks, *calibration;
    char **sets;
    int targets, windows, threads, steps, rounds, nodes, ranks_each, model_only;
    double latency, bandwidth, compute;
} given = {.steps = 7, .rounds = 3};

static const struct poptOption options[] = {
    {"model", '\0', POPT_ARG_STRING, &given.model, 0,
     "In place of a configuration: A, B, C or S, as bench step has them (default A)", "A|B|C|S"},
    {"ranks", '\0', POPT_ARG_STRING, &given.ranks, 0,
     "Numbers of ranks to measure (default 1, 2, 4 … and all)", "LIST"},
    {"targets", '\0', POPT_ARG_INT, &given.targets, 0, "Targets per window; default: the model's data.window",
     "N"},
    {"windows", '\0', POPT_ARG_INT, &given.windows, 0,
     "Windows per step: of each rank in weak scaling, and of the max number of ranks in strong scaling; "
     "default: 1, or of a "
     "configuration its train.batch over all ranks",
     "N"},
    {"threads", '\0', POPT_ARG_INT, &given.threads, 0, "Threads per rank; default: OpenMP's", "T"},
    {"backend", '\0', POPT_ARG_STRING, &given.backend, 0, "As run.backend", "B"},
    {"steps", '\0', POPT_ARG_INT, &given.steps, 0, "Steps of each case per round (default 7)", "N"},
    {"rounds", '\0', POPT_ARG_INT, &given.rounds, 0, "Rounds in which all cases take turns (default 3)", "N"},
    {"set", '\0', POPT_ARG_ARGV, &given.sets, 0, "Set any other key of the configuration", "KEY=VALUE"},
    {"nodes", '\0', POPT_ARG_INT, &given.nodes, 0, "Also predict 1, 2, 4 … up to this many nodes", "N"},
    {"ranks-per-node", '\0', POPT_ARG_INT, &given.ranks_each, 0,
     "Ranks on each of these nodes; default: as on this one", "R"},
    {"model-only", '\0', POPT_ARG_NONE, &given.model_only, 0,
     "Measure nothing; takes a calibration, or --compute", NULL},
    {"calibration", '\0', POPT_ARG_STRING, &given.calibration, 0,
     "Calibration that gives the time of computing; default: that of this CPU, if wavetrain bench calibrate "
     "has made it, "
     "else what the fewest ranks take",
     "FILE"},
    {"compute", '\0', POPT_ARG_DOUBLE, &given.compute, 0,
     "Milliseconds that the windows of a rank take in weak scaling, in place of a calibration", "MS"},
    {"latency", '\0', POPT_ARG_DOUBLE, &given.latency, 0,
     "Latency of a message between nodes, in microseconds, in place of a measured one; with --bandwidth",
     "US"},
    {"bandwidth", '\0', POPT_ARG_DOUBLE, &given.bandwidth, 0,
     "Bandwidth of a node's link, one way, in Gbit/s", "GBIT"},
    {"csv", '\0', POPT_ARG_STRING, &given.csv, 0, "Write the tables here; an existing file is replaced",
     "FILE"},
    {"plot", '\0', POPT_ARG_STRING, &given.plot, 0, "Draw the figures here; an existing file is replaced",
     "FILE.png"},
    POPT_TABLEEND,
};

static const char *const scaling_names[WT_SCALINGS] = {[WT_STRONG] = "strong", [WT_WEAK] = "weak"};

typedef struct {
    const char *name; /* of the model, or the configuration's file */
    wt_scaling_model model;
    wt_network *network;
    wt_scaling_table measured, curve;
    const wt_scaling_case *compute_case; /* that the time of computing comes from, or NULL */
    char calibration[WT_PATH_MAX];       /* its file */
    FILE *csv;
} scaling_study;

/* --- tables --- */

/* A figure in its column, or a dash. */
static void print_cell(const char *format, int width, double value) {
    if (isfinite(value)) {
        printf(format, width, value);
    } else {
        printf("%*s", width, "-");
    }
}

static void print_case_figures(const wt_scaling_figures *figures) {
    print_cell("%*.2f", 11, 1e3 * figures->step);
    print_cell("%*.2f", 10, figures->speedup);
    print_cell("%*.1f %%", 9, 100 * figures->efficiency);
    print_cell("%*.1f %%", 8, 100 * figures->exposed);
}

static void print_kind_heading(const scaling_study *study, const wt_scaling_case *first, bool measured) {
    static const char figures[] = "    step ms  speed-up efficiency   exposed";
    const bool strong = first->kind == WT_STRONG;
    printf("\n%s scaling, %d windows of %d targets %s\n", scaling_names[first->kind],
           strong ? first->windows : study->model.windows, study->model.config.data.window,
           strong ? "a step" : "a step for each rank");
    printf("%6s %6s %8s", "ranks", "nodes", "windows");
    if (measured) printf("%s %10s | model:", figures, "median ms");
    printf("%s\n", figures);
}

static void print_cases(const scaling_study *study, const wt_scaling_table *table, bool measured) {
    for (int i = 0; i < table->count; i++) {
        const wt_scaling_case *at = &table->cases[i];
        if (i == 0 || at->kind != at[-1].kind) print_kind_heading(study, at, measured);
        printf("%6d %6d %8d", at->ranks, at->nodes, at->windows);
        if (measured) {
            const wt_scaling_figures figures = wt_scaling_measured(table, at);
            print_case_figures(&figures);
            printf("%11.2f |       ", 1e3 * at->median);
        }
        const wt_scaling_figures predicted = wt_scaling_predicted(table, at);
        print_case_figures(&predicted);
        printf("\n");
    }
}

static void print_link(const char *where, wt_link link, const char *whence) {
    printf("  link %s: latency %.2f µs, %.1f Gbit/s (%s)\n", where, 1e6 * link.latency, 8e-9 * link.bandwidth,
           whence);
}

static void print_compute(const scaling_study *study) {
    const int windows = study->model.windows;
    const wt_scaling_case *at = study->compute_case;
    printf("  computing: ");
    if (study->model.compute_source == WT_SOURCE_GIVEN)
        printf("%g ms for the %d window%s of a rank (given)\n", given.compute, windows,
               wt_command_plural(windows));
    else if (at)
        printf("as measured on %d rank%s, %.2f ms for %d window%s\n", at->ranks, wt_command_plural(at->ranks),
               1e3 * at->best, windows, wt_command_plural(windows));
    else
        printf("by the calibration %s\n", study->calibration);
}

static void print_assumptions(const scaling_study *study, int ranks_each) {
    static const char *const sources[] = {
        [WT_SOURCE_GIVEN] = "given",
        [WT_SOURCE_MEASURED] = "measured",
        [WT_SOURCE_ASSUMED] = "assumed; --latency and --bandwidth give others"};
    const wt_scaling_model *model = &study->model;
    printf("\nthe model, and what it assumes:\n");
    print_compute(study);
    if (model->calibration.within.bandwidth > 0)
        print_link("within a node", model->calibration.within, "measured");
    else
        printf("  link within a node: not measured, that of memory that ranks share\n");
    print_link("between nodes", model->link, sources[model->link_source]);
    if (ranks_each)
        printf("  a node: %d rank%s × %d thread%s\n", ranks_each, wt_command_plural(ranks_each),
               model->threads, wt_command_plural(model->threads));
    printf("  nodes are alike, and theirs is the network; data, validation and checkpoints cost nothing\n");
}

/* Rank 0: a table everywhere that is asked for. */
static wt_status report_table(const scaling_study *study, bool measured, int ranks_each) {
    const wt_scaling_table *table = measured ? &study->measured : &study->curve;
    const int threads = study->model.threads;
    char note[256];
    print_cases(study, table, measured);
    print_assumptions(study, ranks_each);
    if (study->csv) wt_bench_csv_scaling(study->csv, table, measured);
    if (!given.plot || measured == (given.model_only != 0)) return WT_OK;
    snprintf(note, sizeof note, "%s, windows of %d targets, %d thread%s per rank", study->name,
             study->model.config.data.window, threads, wt_command_plural(threads));
    return wt_scaling_plot(table, measured, note, given.plot);
}

static wt_status report_measured(scaling_study *study) {
    wt_scaling_table *table = &study->measured;
    const int threads = study->model.threads;
    study->compute_case = wt_scaling_take_compute(&study->model, table);
    for (int i = 0; i < table->count; i++) WT_TRY(wt_scaling_predict(&study->model, &table->cases[i]));
    printf("model %s, %zu parameters, %d thread%s per rank; figures of best steps, and medians of %d\n",
           study->name, wt_network_parameters(study->network)->trained, threads, wt_command_plural(threads),
           given.steps * given.rounds);
    return report_table(study, true, 0);
}

static wt_status report_study(scaling_study *study, int node_ranks) {
    const int each = given.ranks_each ? given.ranks_each : node_ranks;
    WT_TRY(wt_bench_csv_open(&study->csv, given.csv, WT_CSV_SCALING));
    wt_status status = given.model_only ? WT_OK : report_measured(study);
    if (status == WT_OK && given.nodes)
        status = wt_scaling_curve(&study->curve, &study->model, given.nodes, each);
    if (status == WT_OK && given.nodes) status = report_table(study, false, each);
    return wt_bench_csv_close(study->csv, given.csv, status);
}

/* --- options --- */

static wt_status check_scaling_options(void) {
    const wt_command_number numbers[] = {
        {"--windows", given.windows, 0, 1 << 12}, {"--steps", given.steps, 1, 1000},
        {"--rounds", given.rounds, 1, 1000},      {"--targets", given.targets, 0, 1 << 30},
        {"--nodes", given.nodes, 0, 1 << 16},     {"--ranks-per-node", given.ranks_each, 0, 1 << 10}};
    WT_TRY(wt_command_check_numbers(numbers, sizeof numbers / sizeof *numbers));
    WT_CHECK(given.compute >= 0, WT_USAGE, "--compute: out of range (got %g, expected none below 0)",
             given.compute);
    WT_CHECK(!given.model_only || given.nodes > 0, WT_USAGE,
             "--model-only: of how many nodes? (expected --nodes)");
    if (!given.plot || wt_plot_require() == WT_OK) return WT_OK;
    /* reported before hours of measuring, and no reason to do without them */
    if (wt_log_is_verbose()) wt_log_warning("--plot: %s", wt_error_message());
    free(given.plot);
    given.plot = NULL;
    return WT_OK;
}

/* "1,2,4", ascending, at most all ranks. */
static wt_status choose_ranks(wt_bench_list *list, int ranks) {
    if (given.ranks) {
        WT_TRY(wt_bench_parse_list(list, "--ranks", given.ranks, 1, ranks));
        for (int i = 1; i < list->count; i++) {
            WT_CHECK(list->values[i] > list->values[i - 1], WT_USAGE, "--ranks: must ascend (got \"%s\")",
                     given.ranks);
        }
        return WT_OK;
    }
    list->count = 0;
    for (int n = 1; n < ranks && list->count + 1 < WT_BENCH_LIST; n *= 2) list->values[list->count++] = n;
    list->values[list->count++] = ranks;
    return WT_OK;
}

/* --- the study --- */

static wt_status prepare_study(scaling_study *study, const char *path, int max_ranks) {
    wt_data_facts facts;
    wt_scaling_model *model = &study->model;
    const wt_bench_setting settings[] = {{"data.window", NULL, given.targets},
                                         {"run.backend", given.backend, 0}};
    const wt_bench_source source = wt_bench_model_source(path, given.model, given.sets);
    wt_scaling_basis basis = {
        .compute = 1e-3 * given.compute, .file = given.calibration, .needed = given.model_only};
    WT_TRY(wt_command_parse_link(&basis.link, given.latency, given.bandwidth));
    study->name = wt_bench_source_name(&source);
    WT_TRY(wt_bench_configure(&model->config, &source, settings, 2));
    WT_TRY(wt_scaling_distribute(model, max_ranks, path || given.windows ? given.windows : 1));
    model->threads = omp_get_max_threads();
    WT_TRY(wt_kernels_select(&model->kernels, model->config.run.backend, model->config.train.precision));
    WT_TRY(wt_stepper_network(&study->network, &facts, &model->config));
    model->network = study->network;
    return wt_scaling_stand_on(model, &basis, study->calibration);
}

/* Collective. */
static wt_status measure_study(scaling_study *study, wt_comm *comm, const wt_bench_list *ranks) {
    const wt_scaling_turns turns = {study->name, given.steps, given.rounds};
    WT_TRY(wt_measure_scaling_links(&study->model, comm));
    wt_scaling_list(&study->measured, &study->model, ranks->values, ranks->count);
    return wt_measure_scaling(&study->measured, &study->model, comm, &turns);
}

/* Collective. */
static wt_status bench_scaling(wt_comm *comm, const wt_command_line *line) {
    wt_bench_list ranks;
    scaling_study *study = NULL;
    wt_status status = check_scaling_options();
    if (status == WT_OK) status = choose_ranks(&ranks, wt_comm_size(comm));
    if (status == WT_OK) status = wt_bench_set_threads(given.threads);
    if (status == WT_OK) status = wt_alloc(&study, 1, sizeof *study, "the measurement");
    WT_GUARD(wt_comm_agree(comm, status));
    if (!given.model_only) WT_GUARD(wt_command_settle(comm, given.threads > 0));
    WT_GUARD(wt_comm_agree(comm, prepare_study(study, line->arguments[0], ranks.values[ranks.count - 1])));
    if (!given.model_only) WT_GUARD(measure_study(study, comm, &ranks));
    if (wt_comm_rank(comm) == 0) status = report_study(study, wt_comm_node_size(comm));
    status = wt_comm_agree(comm, status);
cleanup:
    if (study) wt_network_destroy(study->network);
    wt_free(study);
    return status;
}

const wt_command wt_command_bench_scaling = {
    .name = "bench scaling",
    .arguments = "[CONFIG.yaml] [OPTION…]",
    .summary = "Measure strong and weak scaling over the ranks it is started with, and compare a model's "
               "prediction, which goes on to any number of nodes",
    .parallel = true,
    .options = options,
    .max = 1,
    .work = bench_scaling,
};
