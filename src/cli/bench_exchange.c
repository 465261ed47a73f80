/* wavetrain bench exchange: the exchange compared with MPI_Allreduce (bench/measure_exchange.h), as a
 * table. */

#include "bench/bench_csv.h"
#include "bench/bench_source.h"
#include "bench_command.h"
#include "comm/exchange.h"
#include "comm/ranks.h"
#include "command_internal.h"
#include "config/sections.h"

/* Where popt's constant table points. */
static struct {
    char *csv, *progress;
    double bucket;
    int rounds, from, to;
} given = {.rounds = 21, .from = 64, .to = 64 << 10};

static const struct poptOption options[] = {
    {"csv", '\0', POPT_ARG_STRING, &given.csv, 0, "Write the table here too; an existing file is replaced",
     "FILE"},
    {"bucket", '\0', POPT_ARG_DOUBLE, &given.bucket, 0, "As exchange.bucket; default: its default", "MIB"},
    {"progress", '\0', POPT_ARG_STRING, &given.progress, 0, "As exchange.progress; default: its default",
     "auto|test|thread|after"},
    {"from", '\0', POPT_ARG_INT, &given.from, 0, "Smallest size (default 64)", "KIB"},
    {"to", '\0', POPT_ARG_INT, &given.to, 0, "Largest size (default 65536)", "KIB"},
    {"rounds", '\0', POPT_ARG_INT, &given.rounds, 0, "Measurements per size (default 21)", "N"},
    POPT_TABLEEND,
};

typedef struct {
    wt_comm *comm;
    wt_config config; /* defaults and what the options change */
    wt_exchange_plan plan;
    FILE *csv; /* on rank 0, or NULL */
} exchange_table;

static void print_size_row(void *context, const wt_exchange_speed *speed) {
    const exchange_table *table = context;
    if (!wt_log_is_verbose()) return;
    const double size = (double)speed->bytes, tree = speed->tree.median, allreduce = speed->allreduce.median;
    printf("%8zu %10.3f %14.3f %7.2f %10.2f %9.2f %12.2f %10.3f\n", speed->bytes >> 10, 1e3 * tree,
           1e3 * allreduce, tree / allreduce, speed->tree.best / speed->allreduce.best, 1e-9 * size / tree,
           1e-9 * speed->bandwidth, 1e3 * speed->bound);
    fflush(stdout);
    if (table->csv) wt_bench_csv_exchange(table->csv, wt_comm_size(table->comm), speed);
}

static wt_status print_size_heading(exchange_table *table, const char *hosts) {
    if (!wt_log_is_verbose()) return WT_OK;
    const wt_exchange_config *exchange = table->plan.config;
    const bool thread = exchange->progress == WT_DRIVE_THREAD && wt_comm_threads(table->comm);
    printf("%d ranks on %s, buckets of %g MiB, driven by %s, medians of %d\n", wt_comm_size(table->comm),
           hosts, wt_exchange_bucket(table->comm, exchange->bucket), thread ? "a thread" : "calls",
           table->plan.rounds);
    printf("%8s %10s %14s %7s %10s %9s %12s %10s\n", "KiB", "tree ms", "Allreduce ms", "ratio", "best ratio",
           "GB/s", "link GB/s", "bound ms");
    return wt_bench_csv_open(&table->csv, given.csv, WT_CSV_EXCHANGE);
}

static wt_status configure_exchange(exchange_table *table) {
    const wt_command_number rounds = {"--rounds", given.rounds, 1, WT_BENCH_ROUNDS_MAX};
    const wt_bench_setting settings[] = {{"exchange.bucket", NULL, given.bucket},
                                         {"exchange.progress", given.progress, 0}};
    WT_TRY(wt_command_check_numbers(&rounds, 1));
    WT_CHECK(given.from >= 1 && given.from <= given.to && given.to <= WT_EXCHANGE_KIB_MAX, WT_USAGE,
             "--from, --to: out of range (got %d and %d, expected 1 … %d, ascending)", given.from, given.to,
             WT_EXCHANGE_KIB_MAX);
    WT_TRY(wt_bench_configure(&table->config, &(wt_bench_source){NULL, NULL, NULL}, settings, 2));
    table->plan = (wt_exchange_plan){
        .config = &table->config.exchange, .rounds = given.rounds, .from = given.from, .to = given.to};
    return wt_kernels_select(&table->plan.kernels, WT_BACKEND_AUTO, WT_PRECISION_FP32);
}

/* Ranks agree after each step that rank 0 may fail in. */
static wt_status bench_exchange(wt_comm *comm, const wt_command_line *line) {
    exchange_table table = {.comm = comm};
    char *hosts;
    (void)line;
    WT_TRY(wt_comm_agree(comm, configure_exchange(&table)));
    WT_TRY(wt_command_settle(comm, false));
    WT_TRY(wt_comm_hosts(comm, &hosts));
    wt_status status = wt_comm_agree(comm, print_size_heading(&table, hosts));
    wt_free(hosts);
    if (status == WT_OK) status = wt_measure_exchange(comm, &table.plan, print_size_row, &table);
    return wt_bench_csv_close(table.csv, given.csv, status);
}

const wt_command wt_command_bench_exchange = {
    .name = "bench exchange",
    .arguments = "[OPTION…]",
    .summary = "Measure the exchange of gradients against MPI_Allreduce, over sizes, on the ranks it is "
               "started with",
    .parallel = true,
    .options = options,
    .work = bench_exchange,
};
