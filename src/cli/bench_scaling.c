/*
 * wavetrain bench scaling: the same steps on more and more of the ranks that it is started with. Strong
 * scaling shares the windows of a step out to more ranks, weak scaling gives each rank as many. Within one
 * start, so that all numbers of ranks meet the same machine: the first ranks compute, the others sleep. They
 * take turns, round after round, since a machine is never quiet; ratios are of the best steps, the exposed
 * exchange is the median's.
 *
 * Each figure is compared with the prediction of predict.h, with the link that is measured in the same run;
 * the same model goes on to numbers of nodes that nobody has at hand (--nodes).
 */
#include "bench_scaling.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/timer.h"
#include "bench_stepper.h"
#include "comm/ranks.h"
#include "command_internal.h"
#include "inspect_internal.h"
#include "wavetrain/plot.h"

/* Where popt's constant table points. */
static struct {
    char *model, *backend, *csv, *plot, *ranks, *calibration;
    char **sets;
    int targets, windows, threads, steps, rounds, nodes, ranks_each, model_only;
    double latency, bandwidth, compute;
} wt_given;

static const struct poptOption wt_options[] = {
    {"model", '\0', POPT_ARG_STRING, &wt_given.model, 0,
     "In place of a configuration: A, B, C or S, as bench step has them (default A)", "A|B|C|S"},
    {"ranks", '\0', POPT_ARG_STRING, &wt_given.ranks, 0,
     "Numbers of ranks to measure (default 1, 2, 4 … and all)", "LIST"},
    {"targets", '\0', POPT_ARG_INT, &wt_given.targets, 0,
     "Targets per window; default: the model's data.window", "N"},
    {"windows", '\0', POPT_ARG_INT, &wt_given.windows, 0,
     "Windows per step: of each rank in weak scaling, and of the max number of ranks in strong scaling; "
     "default: 1, or of a "
     "configuration its train.batch over all ranks",
     "N"},
    {"threads", '\0', POPT_ARG_INT, &wt_given.threads, 0, "Threads per rank; default: OpenMP's", "T"},
    {"backend", '\0', POPT_ARG_STRING, &wt_given.backend, 0, "As run.backend", "B"},
    {"steps", '\0', POPT_ARG_INT, &wt_given.steps, 0, "Steps of each case per round (default 7)", "N"},
    {"rounds", '\0', POPT_ARG_INT, &wt_given.rounds, 0, "Rounds in which all cases take turns (default 3)",
     "N"},
    {"set", '\0', POPT_ARG_ARGV, &wt_given.sets, 0, "Set any other key of the configuration", "KEY=VALUE"},
    {"nodes", '\0', POPT_ARG_INT, &wt_given.nodes, 0, "Also predict 1, 2, 4 … up to this many nodes", "N"},
    {"ranks-per-node", '\0', POPT_ARG_INT, &wt_given.ranks_each, 0,
     "Ranks on each of these nodes; default: as on this one", "R"},
    {"model-only", '\0', POPT_ARG_NONE, &wt_given.model_only, 0,
     "Measure nothing; takes a calibration, or --compute", NULL},
    {"calibration", '\0', POPT_ARG_STRING, &wt_given.calibration, 0,
     "Calibration that gives the time of computing; default: that of this CPU, if wavetrain bench calibrate "
     "has made it, "
     "else what the fewest ranks take",
     "FILE"},
    {"compute", '\0', POPT_ARG_DOUBLE, &wt_given.compute, 0,
     "Milliseconds that the windows of a rank take in weak scaling, in place of a calibration", "MS"},
    {"latency", '\0', POPT_ARG_DOUBLE, &wt_given.latency, 0,
     "Latency of a message between nodes, in microseconds, in place of a measured one; with --bandwidth",
     "US"},
    {"bandwidth", '\0', POPT_ARG_DOUBLE, &wt_given.bandwidth, 0,
     "Bandwidth of a node's link, one way, in Gbit/s", "GBIT"},
    {"csv", '\0', POPT_ARG_STRING, &wt_given.csv, 0, "Write the tables here; an existing file is replaced",
     "FILE"},
    {"plot", '\0', POPT_ARG_STRING, &wt_given.plot, 0, "Draw the figures here; an existing file is replaced",
     "FILE.png"},
    POPT_TABLEEND,
};

/* Where nothing is given or known of the link between nodes: a common fabric. */
static const wt_link wt_assumed_link = {2e-6, 100e9 / 8};

/* --- what is measured --- */

enum { WT_STEPS_MOST = 1000 };

/* Steps of one case, of which all take part that are ranks of `part`; nanoseconds [steps] of the slowest. */
static wt_status time_case(const wt_scaling_study *study, wt_scaling_case *at, wt_comm *part, int64_t *all,
                           int64_t *exposed) {
    enum { FIRST = -2 };
    wt_stepper *stepper;
    wt_config *config;
    wt_status status = wt_alloc(&config, 1, sizeof *config, "a configuration");
    WT_TRY(wt_comm_agree(part, status));
    wt_scaling_configure(config, study, at);
    status = wt_stepper_create(&stepper, part, study->name, config);
    wt_free(config);
    WT_TRY(status);
    for (int step = FIRST; step < wt_given.steps; step++) {
        wt_timer *timer = &stepper->step->timer;
        wt_comm_barrier(part);
        wt_timer_init(timer);
        wt_stepper_step(stepper);
        if (step < 0) continue;
        const double *seconds = timer->seconds;
        all[step] = (int64_t)(1e9 * wt_timer_steps(timer));
        exposed[step] = (int64_t)(1e9 * (seconds[WT_PHASE_WAIT] + seconds[WT_PHASE_EXCHANGE]));
    }
    wt_comm_max_int64(part, all, wt_given.steps);
    wt_comm_max_int64(part, exposed, wt_given.steps);
    at->nodes = wt_comm_nodes(part);
    wt_stepper_destroy(stepper);
    return WT_OK;
}

/* The ranks that have no part in a case sleep until it is over. */
static wt_status run_scaling_case(const wt_scaling_study *study, wt_comm *comm, wt_scaling_case *at,
                                  int64_t *all, int64_t *exposed) {
    wt_comm *part;
    wt_status status = wt_comm_first_ranks(&part, comm, at->ranks);
    if (status != WT_OK) return status;
    if (part) status = time_case(study, at, part, all, exposed);
    wt_comm_end_part(part);
    wt_comm_meet(comm);
    return wt_comm_agree(comm, status);
}

static void summarise_case(wt_scaling_case *at, const int64_t *all, const int64_t *exposed, double *seconds,
                           int count) {
    for (int i = 0; i < count; i++) seconds[i] = 1e-9 * (double)exposed[i];
    at->exposed = at->ranks > 1 ? wt_bench_summarise(seconds, count).median : 0;
    for (int i = 0; i < count; i++) seconds[i] = 1e-9 * (double)all[i];
    at->step = wt_bench_summarise(seconds, count);
}

/* Collective. */
static wt_status measure_scaling_cases(const wt_scaling_study *study, wt_comm *comm,
                                       wt_scaling_table *table) {
    wt_status status;
    const int steps = wt_given.steps, each = steps * wt_given.rounds;
    const size_t room = (size_t)table->count * (size_t)each;
    int64_t *all = NULL, *exposed = NULL;
    double *seconds = NULL;
    status = wt_alloc(&all, room, sizeof *all, "times");
    if (status == WT_OK) status = wt_alloc(&exposed, room, sizeof *exposed, "times");
    if (status == WT_OK) status = wt_alloc(&seconds, (size_t)each, sizeof *seconds, "times");
    WT_GUARD(wt_comm_agree(comm, status));
    for (int round = 0; round < wt_given.rounds; round++) {
        for (int i = 0; i < table->count; i++) {
            const size_t at = (size_t)i * (size_t)each + (size_t)round * (size_t)steps;
            WT_GUARD(run_scaling_case(study, comm, &table->cases[i], all + at, exposed + at));
        }
    }
    for (int i = 0; i < table->count; i++) {
        const size_t at = (size_t)i * (size_t)each;
        summarise_case(&table->cases[i], all + at, exposed + at, seconds, each);
    }
cleanup:
    wt_free(all);
    wt_free(exposed);
    wt_free(seconds);
    return status;
}

/* Within a node, from an exchange between two ranks, as the calibration does: n bytes each way, additions
 * included. Collective over the two. */
static wt_status measure_link_within(wt_scaling_study *study, wt_comm *pair) {
    enum { BYTES = 4 << 20, SMALL = 4 << 10, ROUNDS = 11 };
    const wt_exchange_config *exchange = &study->config.exchange;
    wt_link *link = &study->calibration->within;
    double small, large;
    WT_TRY(wt_bench_exchange_seconds(&small, pair, study->kernels, exchange, SMALL, ROUNDS));
    WT_TRY(wt_bench_exchange_seconds(&large, pair, study->kernels, exchange, BYTES, ROUNDS));
    if (large > small) *link = (wt_link){small / 2, (BYTES - SMALL) / (large - small)};
    return WT_OK;
}

/* Between the first and the last rank. Collective. */
static wt_status measure_link_between(wt_scaling_study *study, wt_comm *comm) {
    enum { BYTES = 4 << 20, SMALL = 8, ROUNDS = 15 };
    char *data;
    WT_TRY(wt_comm_agree(comm, wt_alloc(&data, BYTES, 1, "a message")));
    const double small = wt_comm_ping_pong(comm, data, SMALL, ROUNDS);
    const double large = wt_comm_ping_pong(comm, data, BYTES, ROUNDS);
    if (large > small) study->link = (wt_link){small, BYTES / (large - small)};
    study->link_assumed = false;
    wt_free(data);
    return WT_OK;
}

/* The links that these ranks have and nothing is known of. Collective. */
static wt_status measure_links(wt_scaling_study *study, wt_comm *comm) {
    wt_comm *pair;
    wt_status status = WT_OK;
    if (wt_comm_size(comm) > 1 && study->calibration->within.bandwidth == 0) {
        WT_TRY(wt_comm_first_ranks(&pair, comm, 2));
        if (pair && wt_comm_nodes(pair) == 1) status = measure_link_within(study, pair);
        wt_comm_end_part(pair);
        wt_comm_meet(comm);
        WT_TRY(wt_comm_agree(comm, status));
    }
    return wt_comm_nodes(comm) > 1 && study->link_assumed ? measure_link_between(study, comm) : WT_OK;
}

/* --- what is to be measured --- */

/* "1,2,4", ascending, at most all ranks. */
static wt_status choose_ranks(wt_bench_list *list, int ranks) {
    if (wt_given.ranks) {
        WT_TRY(wt_bench_parse_list(list, "--ranks", wt_given.ranks, 1, ranks));
        for (int i = 1; i < list->count; i++) {
            WT_CHECK(list->values[i] > list->values[i - 1], WT_USAGE, "--ranks: must ascend (got \"%s\")",
                     wt_given.ranks);
        }
        return WT_OK;
    }
    list->count = 0;
    for (int n = 1; n < ranks && list->count + 1 < WT_BENCH_LIST; n *= 2) list->values[list->count++] = n;
    list->values[list->count++] = ranks;
    return WT_OK;
}

static void list_cases(const wt_scaling_study *study, const wt_bench_list *ranks, wt_scaling_table *table) {
    const int most = ranks->values[ranks->count - 1];
    table->count = 0;
    for (int kind = 0; kind < WT_SCALINGS; kind++) {
        for (int i = 0; i < ranks->count; i++) {
            const int windows = study->windows * (kind == WT_STRONG ? most : ranks->values[i]);
            table->cases[table->count++] = (wt_scaling_case){.kind = (wt_scaling_kind)kind,
                                                             .ranks = ranks->values[i],
                                                             .nodes = 1,
                                                             .windows = windows,
                                                             .microbatches = windows /
                                                                             study->microbatch_windows};
        }
    }
}

static int find_common_divisor(int a, int b) {
    while (b) {
        const int rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The windows of a rank, and of a microbatch: all of a rank's microbatches are alike, for any number of
 * ranks. */
static wt_status distribute_windows(wt_scaling_study *study, int most, bool own_batch) {
    wt_config *config = &study->config;
    study->windows = wt_given.windows ? wt_given.windows : 1;
    if (own_batch) {
        WT_CHECK(config->train.batch % most == 0, WT_USAGE,
                 "train.batch: no multiple of the ranks (got %d windows for %d ranks; see --windows)",
                 config->train.batch, most);
        study->windows = config->train.batch / most;
    }
    config->train.batch = study->windows * most;
    const int microbatches = wt_config_microbatches(config);
    WT_CHECK(config->train.microbatches == 0 ||
                 (microbatches >= most && config->train.batch % microbatches == 0),
             WT_USAGE, "train.microbatches: must divide %d windows and be no fewer than %d ranks (got %d)",
             config->train.batch, most, config->train.microbatches);
    study->microbatch_windows = find_common_divisor(study->windows, config->train.batch / microbatches);
    return WT_OK;
}

static wt_status load_study_config(wt_scaling_study *study, const char *path) {
    enum { SETS_MOST = 64 };
    char targets[64], backend[64];
    const char *sets[SETS_MOST + 2];
    size_t count = 0;
    WT_CHECK(!path || !wt_given.model, WT_USAGE, "--model: stands in place of a configuration (got %s too)",
             path);
    if (wt_given.targets) {
        snprintf(targets, sizeof targets, "data.window=%d", wt_given.targets);
        sets[count++] = targets;
    }
    if (wt_given.backend) {
        snprintf(backend, sizeof backend, "run.backend=%.32s", wt_given.backend);
        sets[count++] = backend;
    }
    for (char **set = wt_given.sets; set && *set; set++) {
        WT_CHECK(count < SETS_MOST, WT_USAGE, "--set: too many of them (expected at most %d)", SETS_MOST - 2);
        sets[count++] = *set;
    }
    study->name = path ? path : wt_given.model ? wt_given.model : "A";
    return wt_bench_load_model(&study->config, path, study->name, sets, count);
}

static wt_status check_scaling_options(void) {
    enum { WINDOWS_MOST = 1 << 12, ROUNDS_MOST = 1000, NODES_MOST = 1 << 16, EACH_MOST = 1 << 10 };
    WT_TRY(wt_bench_check("--windows", wt_given.windows, 0, WINDOWS_MOST));
    WT_TRY(wt_bench_check("--steps", wt_given.steps, 1, WT_STEPS_MOST));
    WT_TRY(wt_bench_check("--rounds", wt_given.rounds, 1, ROUNDS_MOST));
    WT_TRY(wt_bench_check("--targets", wt_given.targets, 0, 1 << 30));
    WT_TRY(wt_bench_check("--nodes", wt_given.nodes, 0, NODES_MOST));
    WT_TRY(wt_bench_check("--ranks-per-node", wt_given.ranks_each, 0, EACH_MOST));
    WT_CHECK(wt_given.latency >= 0 && wt_given.bandwidth >= 0 && wt_given.compute >= 0, WT_USAGE,
             "--latency, --bandwidth, --compute: out of range (got %g, %g and %g, expected none below 0)",
             wt_given.latency, wt_given.bandwidth, wt_given.compute);
    WT_CHECK((wt_given.latency > 0) == (wt_given.bandwidth > 0), WT_USAGE,
             "--latency and --bandwidth go together (got %s alone)",
             wt_given.latency > 0 ? "--latency" : "--bandwidth");
    if (wt_given.plot &&
        !wt_plot_can()) { /* said before hours of measuring, and no reason to do without them */
        if (wt_log_is_verbose()) wt_log_warning("--plot: this build draws no pictures (it has no PLplot)");
        free(wt_given.plot);
        wt_given.plot = NULL;
    }
    WT_CHECK(!wt_given.model_only || wt_given.nodes > 0, WT_USAGE,
             "--model-only: of how many nodes? (expected --nodes)");
    return WT_OK;
}

/* --- the study --- */

/* What the model stands on before anything is measured. */
static wt_status set_basis(wt_scaling_study *study) {
    bool loaded = false;
    char path[WT_PATH_MAX];
    wt_forecast_case run = {
        .config = &study->config, .kernels = study->kernels, .calibration = study->calibration};
    study->link_given = wt_given.bandwidth > 0;
    WT_TRY(wt_alloc(&study->calibration, 1, sizeof *study->calibration, "a calibration"));
    if (wt_given.compute > 0) {
        study->compute = 1e-3 * wt_given.compute * study->microbatch_windows / study->windows;
        snprintf(study->basis, sizeof study->basis, "%g ms for the %d window%s of a rank (given)",
                 wt_given.compute, study->windows, study->windows > 1 ? "s" : "");
    } else {
        char cpu[WT_CPU_NAME];
        wt_cpu_name(cpu);
        const bool own = wt_calibration_path(path, cpu) == WT_OK && wt_path_exists(path);
        if (wt_given.calibration || own || wt_given.model_only)
            WT_TRY(wt_plan_load_calibration(study->calibration, wt_given.calibration, path, &loaded));
    }
    if (loaded) {
        run.calibration = study->calibration;
        wt_plan_choose_rates(&run, path);
        study->rates_of = run.rates_of;
        snprintf(study->basis, sizeof study->basis, "by the calibration %.90s", path);
    }
    study->link = study->calibration->between;
    study->link_assumed = study->link.bandwidth == 0 && !study->link_given;
    if (study->link_assumed) study->link = wt_assumed_link;
    if (study->link_given) study->link = (wt_link){1e-6 * wt_given.latency, 1e9 / 8 * wt_given.bandwidth};
    WT_CHECK(loaded || study->compute > 0 || !wt_given.model_only, WT_USAGE,
             "--model-only: the model knows nothing of this CPU (expected a calibration, or --compute)");
    return WT_OK;
}

/* Without a calibration, or with one that has no rates for these kernels. */
static void estimate_compute(wt_scaling_study *study, const wt_scaling_table *table) {
    const wt_scaling_case *first = &table->cases[0];
    wt_rates rates;
    const char *kernels = study->rates_of ? study->rates_of : study->kernels->name;
    if (study->compute > 0 ||
        wt_calibration_rates(&rates, study->calibration, kernels, study->threads, 1, NULL))
        return;
    for (int i = 0; i < table->count; i++) { /* weak: as few microbatches as there are */
        if (table->cases[i].kind == WT_WEAK) {
            first = &table->cases[i];
            break;
        }
    }
    const int own = (first->microbatches + first->ranks - 1) / first->ranks;
    study->compute = (first->step.best - (first->ranks > 1 ? first->exposed : 0)) / own;
    snprintf(study->basis, sizeof study->basis, "as measured on %d rank%s, %.2f ms for %d window%s",
             first->ranks, first->ranks > 1 ? "s" : "", 1e3 * first->step.best, study->windows,
             study->windows > 1 ? "s" : "");
}

static wt_status prepare_study(wt_scaling_study *study, const char *path, const wt_bench_list *ranks) {
    wt_data_facts facts;
    WT_TRY(load_study_config(study, path));
    WT_TRY(distribute_windows(study, ranks->values[ranks->count - 1], path && !wt_given.windows));
    study->threads = omp_get_max_threads();
    WT_TRY(wt_kernels_select(&study->kernels, study->config.run.backend, study->config.train.precision));
    WT_TRY(wt_stepper_network(&study->network, &facts, &study->config));
    return set_basis(study);
}

/* Rank 0. */
static wt_status report_measured(wt_scaling_study *study, wt_scaling_table *table, FILE *csv) {
    estimate_compute(study, table);
    for (int i = 0; i < table->count; i++) WT_TRY(wt_scaling_predict(study, &table->cases[i]));
    printf("model %s, %zu parameters, %d thread%s per rank; figures of best steps, and medians of %d\n",
           study->name, wt_network_parameters(study->network)->trained, study->threads,
           study->threads > 1 ? "s" : "", wt_given.steps * wt_given.rounds);
    wt_scaling_print(study, table, true);
    wt_scaling_print_assumptions(study, 0);
    if (csv) wt_scaling_csv(csv, table, true);
    return wt_given.plot ? wt_scaling_plot(study, table, true, wt_given.plot) : WT_OK;
}

static wt_status report_curve(const wt_scaling_study *study, FILE *csv, int ranks_each) {
    wt_scaling_table *curve;
    WT_TRY(wt_alloc(&curve, 1, sizeof *curve, "a curve"));
    wt_status status = wt_scaling_curve(study, curve, wt_given.nodes, ranks_each);
    if (status == WT_OK) {
        wt_scaling_print(study, curve, false);
        wt_scaling_print_assumptions(study, ranks_each);
        if (csv) wt_scaling_csv(csv, curve, false);
    }
    if (status == WT_OK && wt_given.plot && wt_given.model_only)
        status = wt_scaling_plot(study, curve, false, wt_given.plot);
    wt_free(curve);
    return status;
}

static wt_status report_study(wt_scaling_study *study, wt_scaling_table *table, int node_ranks) {
    FILE *csv;
    WT_TRY(wt_bench_csv_open(&csv, wt_given.csv, wt_scaling_heading));
    wt_status status = wt_given.model_only ? WT_OK : report_measured(study, table, csv);
    const int each = wt_given.ranks_each ? wt_given.ranks_each : node_ranks;
    if (status == WT_OK && wt_given.nodes) status = report_curve(study, csv, each);
    return wt_bench_csv_close(csv, wt_given.csv, status);
}

/* Collective. */
static wt_status bench_scaling(wt_comm *comm, const char *path) {
    wt_status status;
    wt_bench_list ranks;
    wt_scaling_study *study = NULL;
    wt_scaling_table *table = NULL;
    status = check_scaling_options();
    if (status == WT_OK) status = choose_ranks(&ranks, wt_comm_size(comm));
    if (status == WT_OK) status = wt_bench_set_threads(wt_given.threads);
    if (status == WT_OK) status = wt_alloc(&study, 1, sizeof *study, "the measurement");
    if (status == WT_OK) status = wt_alloc(&table, 1, sizeof *table, "the measurement");
    WT_GUARD(wt_comm_agree(comm, status));
    if (!wt_given.model_only) WT_GUARD(wt_command_settle(comm, wt_given.threads > 0));
    WT_GUARD(wt_comm_agree(comm, prepare_study(study, path, &ranks)));
    if (!wt_given.model_only) {
        WT_GUARD(measure_links(study, comm));
        list_cases(study, &ranks, table);
        WT_GUARD(measure_scaling_cases(study, comm, table));
    }
    if (wt_comm_rank(comm) == 0) status = report_study(study, table, wt_comm_node_size(comm));
    status = wt_comm_agree(comm, status);
cleanup:
    if (study) {
        wt_network_destroy(study->network);
        wt_free(study->calibration);
    }
    wt_free(study);
    wt_free(table);
    return status;
}

static wt_status bench_scaling_main(wt_comm *comm, int argc, const char **argv) {
    wt_command_line line;
    memset(&wt_given, 0, sizeof wt_given);
    wt_given.steps = 7;
    wt_given.rounds = 3;
    wt_status status = wt_command_parse(&line, &wt_command_bench_scaling, argc, argv, 0, 1);
    if (status == WT_OK && !line.done) status = bench_scaling(comm, line.count ? line.arguments[0] : NULL);
    char *texts[] = {wt_given.model, wt_given.backend, wt_given.csv,
                     wt_given.plot,  wt_given.ranks,   wt_given.calibration};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
    for (char **set = wt_given.sets; set && *set; set++) free(*set);
    free(wt_given.sets);
    poptFreeContext(line.context);
    return status;
}

const wt_command wt_command_bench_scaling = {
    .name = "bench scaling",
    .arguments = "[CONFIG.yaml] [OPTION…]",
    .summary = "Measure strong and weak scaling over the ranks it is started with, and compare a model's "
               "prediction, which goes "
               "on to any number of nodes",
    .parallel = true,
    .run = bench_scaling_main,
    .options = wt_options,
};
