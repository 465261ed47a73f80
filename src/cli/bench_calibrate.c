/* wavetrain bench calibrate: what inspect predicts from (bench/measure_calibration.h), kept in a file per
 * kind of CPU. */
#include <omp.h>
#include <string.h>

#include "base/file.h"
#include "bench/bench_source.h"
#include "bench/measure_calibration.h"
#include "bench_command.h"
#include "comm/ranks.h"
#include "command_internal.h"
#include "kernels/kernel_set.h"
#include "predict/calibration_choice.h"

/* Where popt's constant table points. */
static struct {
    char *threads, *file, *backend, *precision;
    double seconds;
} given = {.seconds = 1};

static const struct poptOption options[] = {
    {"threads", '\0', POPT_ARG_STRING, &given.threads, 0,
     "Threads per rank used for the measurement (default: 1, and the cores of the node divided by its ranks)",
     "LIST"},
    {"calibration", '\0', POPT_ARG_STRING, &given.file, 0,
     "File to write; default: ~/.cache/wavetrain/calibration/CPU.yaml. What an existing file of this CPU has "
     "of "
     "other threads, ranks and kernels stays",
     "FILE"},
    {"backend", '\0', POPT_ARG_STRING, &given.backend, 0, "As run.backend (default auto)", "B"},
    {"precision", '\0', POPT_ARG_STRING, &given.precision, 0, "As train.precision (default fp32)",
     "fp32|bf16"},
    {"seconds", '\0', POPT_ARG_DOUBLE, &given.seconds, 0,
     "Seconds spent on each network, at least three steps (default 1)", "S"},
    POPT_TABLEEND,
};

static void print_fit(void *context, const wt_calibration_fit *fit) {
    (void)context;
    if (!wt_log_is_verbose()) return;
    printf("\n%-44s %12s %12s %7s\n", fit->threads > 1 ? "network, threads" : "network, one thread",
           "measured ms", "fitted ms", "ratio");
    for (int i = 0; i < fit->count; i++) {
        const wt_calibration_step *step = &fit->steps[i];
        const int wide = strchr(step->network, '\xc3') ? 45 : 44; /* × takes two bytes and one column */
        printf("%-*s %12.3f %12.3f %7.2f\n", wide, step->network, 1e3 * step->measured, 1e3 * step->fitted,
               step->fitted / step->measured);
    }
    printf("root mean square of the fit's errors: %.1f %%\n", 100.0 * fit->error);
    fflush(stdout);
}

static void print_measured_link(wt_comm *comm, const wt_calibration *calibration, wt_link_measured measured) {
    const bool between = measured == WT_LINK_BETWEEN;
    const wt_link link = between ? calibration->between : calibration->within;
    if (measured == WT_LINK_NONE) return;
    if (measured == WT_LINK_MIXED)
        printf("\nexchange: not measured (got %d ranks on %d nodes, expected all on one, or one on each)\n",
               wt_comm_size(comm), wt_comm_nodes(comm));
    else
        printf("\nexchange %s: latency %.1f µs, bandwidth %.2f GB/s (%.1f Gbit/s)\n",
               between ? "between nodes" : "within a node", 1e6 * link.latency, 1e-9 * link.bandwidth,
               8e-9 * link.bandwidth);
}

typedef struct {
    char sets[2][64], path[WT_PATH_MAX];
    const char *set_list[2];
    wt_calibration_plan plan;
    const wt_kernels *kernels;
    wt_calibration calibration;
} calibrate_job;

/* By default one thread, and all that a rank may have. */
static wt_status choose_threads(wt_bench_list *threads, int share) {
    enum { THREADS_MAX = 1024 };
    *threads = (wt_bench_list){.count = share > 1 ? 2 : 1, .values = {1, share}};
    return given.threads ? wt_bench_parse_list(threads, "--threads", given.threads, 1, THREADS_MAX) : WT_OK;
}

/* The settings are checked here, on the defaults, before anything is measured. */
static wt_status prepare_job(calibrate_job *job, wt_comm *comm) {
    char cpu[WT_CPU_NAME];
    wt_config config;
    WT_TRY(choose_threads(&job->plan.threads, omp_get_num_procs() / wt_comm_node_size(comm)));
    snprintf(job->sets[0], sizeof *job->sets, "run.backend=%.32s", given.backend ? given.backend : "auto");
    snprintf(job->sets[1], sizeof *job->sets, "train.precision=%.32s",
             given.precision ? given.precision : "fp32");
    for (int i = 0; i < 2; i++) job->set_list[i] = job->sets[i];
    job->plan.sets = job->set_list;
    job->plan.count = 2;
    job->plan.seconds = given.seconds;
    WT_TRY(wt_measure_check_calibration(&job->plan));
    job->plan.report = print_fit;
    WT_TRY(wt_config_load(&config, NULL, job->set_list, 2));
    WT_TRY(wt_kernels_select(&job->kernels, config.run.backend, config.train.precision));
    wt_cpu_name(cpu);
    if (!given.file) return wt_calibration_path(job->path, cpu);
    snprintf(job->path, sizeof job->path, "%s", given.file);
    return WT_OK;
}

/* Collective. */
static wt_status run_job(calibrate_job *job, wt_comm *comm) {
    const bool root = wt_comm_rank(comm) == 0;
    const int ranks = wt_comm_node_size(comm), cores = omp_get_num_procs();
    wt_calibration *calibration = &job->calibration;
    wt_link_measured link;
    WT_TRY(wt_comm_agree(comm, prepare_job(job, comm)));
    if (root) wt_calibration_begin(calibration, job->path, cores);
    wt_comm_broadcast(comm, calibration, sizeof *calibration);
    if (wt_log_is_verbose())
        printf("%s: %s, %d rank%s on %d core%s\n", calibration->cpu, job->kernels->name, ranks,
               wt_command_plural(ranks), cores, wt_command_plural(cores));
    WT_TRY(wt_measure_calibration(calibration, &link, comm, &job->plan));
    if (wt_log_is_verbose()) print_measured_link(comm, calibration, link);
    WT_TRY(wt_comm_agree(comm, root ? wt_calibration_save(calibration, job->path) : WT_OK));
    if (wt_log_is_verbose())
        printf("\na process by itself: %.1f MiB\nkept in %s\n", calibration->base_bytes / 1048576.0,
               job->path);
    return WT_OK;
}

/* Collective. */
static wt_status bench_calibrate(wt_comm *comm, const wt_command_line *line) {
    (void)line;
    calibrate_job *job;
    WT_TRY(wt_comm_agree(comm, wt_alloc(&job, 1, sizeof *job, "the measurement")));
    const wt_status status = run_job(job, comm);
    wt_free(job);
    return status;
}

const wt_command wt_command_bench_calibrate = {
    .name = "bench calibrate",
    .arguments = "[OPTION…]",
    .summary = "Measure what inspect predicts from, on a node of the kind that will run: training steps of "
               "many networks, a process's own memory, and under mpirun the exchange",
    .parallel = true,
    .options = options,
    .work = bench_calibrate,
};
