/*
 * wavetrain bench exchange: the exchange in its fixed tree compared with MPI_Allreduce, over sizes, on as
 * many ranks as the command is started with. Both run by turns on a gradient that is all ready at once
 * (nothing to overlap behind), so that whatever else the machine does meets both alike; a time is the slowest
 * rank's, what is printed the median, and the ratio of the best. The bound is 2·(P−1)/P·n over the bandwidth
 * of a ping-pong in the same run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/timer.h"
#include "bench_internal.h"
#include "comm/ranks.h"
#include "command_internal.h"

enum { WT_BENCH_LARGEST = 1 << 20 /* KiB */ };

/* Where popt's constant table points. */
static struct {
    char *csv, *progress;
    double bucket;
    int rounds, from, to;
} wt_bench;

static const struct poptOption wt_bench_options[] = {
    {"csv", '\0', POPT_ARG_STRING, &wt_bench.csv, 0, "Write the table here too; an existing file is replaced",
     "FILE"},
    {"bucket", '\0', POPT_ARG_DOUBLE, &wt_bench.bucket, 0, "As exchange.bucket; default: its default", "MIB"},
    {"progress", '\0', POPT_ARG_STRING, &wt_bench.progress, 0, "As exchange.progress; default: its default",
     "auto|test|thread|after"},
    {"from", '\0', POPT_ARG_INT, &wt_bench.from, 0, "Smallest size (default 64)", "KIB"},
    {"to", '\0', POPT_ARG_INT, &wt_bench.to, 0, "Largest size (default 65536)", "KIB"},
    {"rounds", '\0', POPT_ARG_INT, &wt_bench.rounds, 0, "Measurements per size (default 21)", "N"},
    POPT_TABLEEND,
};

/* One line of the table. */
typedef struct {
    size_t bytes;
    wt_bench_time tree, allreduce;
    double bound;     /* seconds */
    double bandwidth; /* bytes a second, one way */
} wt_bench_row;

typedef struct {
    wt_comm *comm;
    const wt_kernels *kernels;
    wt_config config; /* defaults and what the options change */
    int rounds;
    float *values; /* [the largest size] */
    FILE *csv;     /* on rank 0, or NULL */
} wt_exchange_work;

/* The slowest rank's time. */
static double max_over_ranks(wt_comm *comm, double seconds) {
    int64_t nanoseconds = (int64_t)(1e9 * seconds);
    wt_comm_max_int64(comm, &nanoseconds, 1);
    return 1e-9 * (double)nanoseconds;
}

static double time_exchange(wt_comm *comm, wt_exchange *exchange, size_t count) {
    float *microbatch = wt_exchange_microbatch(exchange, wt_comm_rank(comm));
    for (size_t i = 0; i < count; i++) microbatch[i] = (float)(i % 1000);
    wt_comm_barrier(comm);
    double began = wt_time_now();
    wt_exchange_ready(exchange, 0, count);
    wt_exchange_complete(exchange, NULL);
    return max_over_ranks(comm, wt_time_now() - began);
}

wt_status wt_bench_exchange_seconds(double *seconds, wt_comm *comm, const wt_kernels *kernels,
                                    const wt_exchange_config *config, size_t bytes, int rounds) {
    double times[WT_ROUNDS_MOST];
    wt_exchange *exchange;
    const size_t count = bytes / sizeof(float);
    WT_TRY(wt_bench_make_exchange(&exchange, comm, kernels, config, wt_comm_size(comm), 1, count));
    for (int i = -2; i < rounds; i++) times[i < 0 ? 0 : i] = time_exchange(comm, exchange, count);
    wt_exchange_destroy(exchange);
    *seconds = wt_bench_summarise(times, rounds).median;
    return WT_OK;
}

static double time_allreduce(wt_comm *comm, float *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = (float)(i % 1000);
    wt_comm_barrier(comm);
    double began = wt_time_now();
    wt_comm_sum_floats(comm, values, count);
    return max_over_ranks(comm, wt_time_now() - began);
}

/* Collective. */
static wt_status measure_size(const wt_exchange_work *work, wt_bench_row *row, size_t bytes) {
    double tree[WT_ROUNDS_MOST], allreduce[WT_ROUNDS_MOST];
    wt_comm *comm = work->comm;
    wt_exchange *exchange;
    size_t count = bytes / sizeof(float);
    int ranks = wt_comm_size(comm);
    WT_TRY(wt_bench_make_exchange(&exchange, comm, work->kernels, &work->config.exchange, ranks, 1, count));
    for (int i = -2; i < work->rounds; i++) { /* the first ones touch memory and open connections */
        tree[i < 0 ? 0 : i] = time_exchange(comm, exchange, count);
        allreduce[i < 0 ? 0 : i] = time_allreduce(comm, work->values, count);
    }
    wt_exchange_destroy(exchange);
    *row = (wt_bench_row){bytes, wt_bench_summarise(tree, work->rounds),
                          wt_bench_summarise(allreduce, work->rounds), 0, 0};
    if (ranks == 1) return WT_OK;
    row->bandwidth = (double)bytes / wt_comm_ping_pong(comm, work->values, bytes, work->rounds);
    row->bound = 2.0 * (ranks - 1) / ranks * (double)bytes / row->bandwidth;
    return WT_OK;
}

static void print_size_row(const wt_exchange_work *work, const wt_bench_row *row) {
    if (!wt_log_is_verbose()) return;
    double size = (double)row->bytes, tree = row->tree.median, allreduce = row->allreduce.median;
    printf("%8zu %10.3f %14.3f %7.2f %10.2f %9.2f %12.2f %10.3f\n", row->bytes >> 10, 1e3 * tree,
           1e3 * allreduce, tree / allreduce, row->tree.best / row->allreduce.best, 1e-9 * size / tree,
           1e-9 * row->bandwidth, 1e3 * row->bound);
    fflush(stdout);
    if (!work->csv) return;
    fprintf(work->csv, "%d,%zu,%.9f,%.9f,%.4f,%.9f,%.9f,%.1f,%.1f,%.9f\n", wt_comm_size(work->comm),
            row->bytes, tree, allreduce, tree / allreduce, row->tree.best, row->allreduce.best, size / tree,
            row->bandwidth, row->bound);
}

static wt_status print_size_heading(wt_exchange_work *work, const char *hosts) {
    if (!wt_log_is_verbose()) return WT_OK;
    const wt_exchange_config *exchange = &work->config.exchange;
    bool thread = exchange->progress == WT_DRIVE_THREAD && wt_comm_threads(work->comm);
    printf("%d ranks on %s, buckets of %g MiB, driven by %s, medians of %d\n", wt_comm_size(work->comm),
           hosts, wt_exchange_bucket(work->comm, exchange->bucket), thread ? "a thread" : "calls",
           work->rounds);
    printf("%8s %10s %14s %7s %10s %9s %12s %10s\n", "KiB", "tree ms", "Allreduce ms", "ratio", "best ratio",
           "GB/s", "link GB/s", "bound ms");
    return wt_bench_csv_open(
        &work->csv, wt_bench.csv,
        "ranks,bytes,tree_seconds,allreduce_seconds,ratio,tree_best_seconds,"
        "allreduce_best_seconds,tree_bytes_per_second,link_bytes_per_second,bound_seconds\n");
}

/* Ranks agree after each step that rank 0 may fail in. */
static wt_status measure_sizes(wt_exchange_work *work) {
    char *hosts;
    WT_TRY(wt_comm_hosts(work->comm, &hosts));
    wt_status status = wt_comm_agree(work->comm, print_size_heading(work, hosts));
    wt_free(hosts);
    for (int kib = wt_bench.from; status == WT_OK && kib <= wt_bench.to; kib *= 2) {
        wt_bench_row row;
        WT_GUARD(measure_size(work, &row, (size_t)kib << 10));
        print_size_row(work, &row);
    }
cleanup:
    return wt_bench_csv_close(work->csv, wt_bench.csv, status);
}

/* The options as --set would give them, so that they pass the same checks. */
static wt_status set_bench_config(wt_config *config) {
    char bucket[64], progress[64];
    const char *sets[2];
    size_t count = 0;
    if (wt_bench.bucket != 0) {
        snprintf(bucket, sizeof bucket, "exchange.bucket=%.17g", wt_bench.bucket);
        sets[count++] = bucket;
    }
    if (wt_bench.progress) {
        snprintf(progress, sizeof progress, "exchange.progress=%.32s", wt_bench.progress);
        sets[count++] = progress;
    }
    WT_TRY(wt_bench_check("--rounds", wt_bench.rounds, 1, WT_ROUNDS_MOST));
    WT_CHECK(wt_bench.from >= 1 && wt_bench.from <= wt_bench.to && wt_bench.to <= WT_BENCH_LARGEST, WT_USAGE,
             "--from, --to: out of range (got %d and %d, expected 1 … %d, ascending)", wt_bench.from,
             wt_bench.to, WT_BENCH_LARGEST);
    return wt_config_load(config, NULL, sets, count);
}

static wt_status bench_exchange(wt_comm *comm) {
    wt_status status;
    wt_exchange_work *work;
    WT_TRY(wt_comm_agree(comm, wt_alloc(&work, 1, sizeof *work, "the measurement")));
    work->comm = comm;
    work->rounds = wt_bench.rounds;
    status = set_bench_config(&work->config);
    if (status == WT_OK) status = wt_kernels_select(&work->kernels, WT_BACKEND_AUTO, WT_PRECISION_FP32);
    if (status == WT_OK)
        status = wt_alloc_huge(&work->values, (size_t)wt_bench.to, 1024, "gradients to exchange");
    WT_GUARD(wt_comm_agree(comm, status));
    WT_GUARD(wt_command_settle(comm, false));
    WT_GUARD(measure_sizes(work));
cleanup:
    wt_free(work->values);
    wt_free(work);
    return status;
}

static wt_status bench_exchange_main(wt_comm *comm, int argc, const char **argv) {
    wt_command_line line;
    memset(&wt_bench, 0, sizeof wt_bench);
    wt_bench.rounds = 21;
    wt_bench.from = 64;
    wt_bench.to = 64 << 10;
    wt_status status = wt_command_parse(&line, &wt_command_bench_exchange, argc, argv, 0, 0);
    if (status == WT_OK && !line.done) status = bench_exchange(comm);
    free(wt_bench.csv);
    free(wt_bench.progress);
    poptFreeContext(line.context);
    return status;
}

const wt_command wt_command_bench_exchange = {
    .name = "bench exchange",
    .arguments = "[OPTION…]",
    .summary = "Measure the exchange of gradients against MPI_Allreduce, over sizes, on the ranks it is "
               "started with",
    .parallel = true,
    .run = bench_exchange_main,
    .options = wt_bench_options,
};
