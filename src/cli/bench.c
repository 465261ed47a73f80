/*
 * What the bench commands share.
 *
 * A machine is never quiet: frequencies and neighbours change from second to second. So whatever is compared
 * is measured by turns, in many short runs, and ratios are of the best ones, which the machine's full speed
 * was there for; medians and means show how often it was.
 */
#include <errno.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/timer.h"
#include "bench_internal.h"

/* --- times --- */

static int compare_seconds(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

wt_bench_time wt_bench_summarise(double *seconds, int count) {
    qsort(seconds, (size_t)count, sizeof *seconds, compare_seconds);
    return (wt_bench_time){seconds[count / 2], seconds[0]};
}

double wt_bench_together(wt_bench_work work, void *context) {
    double first = 0.0, last = 0.0;
#pragma omp parallel shared(first, last)
    {
#pragma omp barrier
        double began = wt_time_now();
        work(context, omp_get_thread_num(), omp_get_num_threads());
        double ended = wt_time_now();
#pragma omp critical
        {
            if (first == 0.0 || began < first) first = began;
            if (ended > last) last = ended;
        }
    }
    return last > first ? last - first : 1e-9;
}

double wt_bench_best_of(wt_bench_work work, void *context, int turns) {
    double best = wt_bench_together(work, context);
    for (int i = 1; i < turns; i++) {
        double seconds = wt_bench_together(work, context);
        if (seconds < best) best = seconds;
    }
    return best;
}

int wt_bench_repeats(wt_bench_work work, void *context) {
    enum { TRIES = 9 };
    const double least = 100e-6, best = wt_bench_best_of(work, context, TRIES);
    return best < least ? (int)(least / best) + 1 : 1;
}

/* --- the peak --- */

typedef struct {
    wt_peak peak;
    int64_t rounds;
    double operations; /* of thread 0 */
} wt_burst;

static void run_burst(void *context, int thread, int threads) {
    wt_burst *burst = context;
    double operations = burst->peak.run(burst->rounds);
    if (thread == 0) burst->operations = operations * threads;
}

void wt_bench_peaks_init(wt_bench_peaks *peaks, const wt_kernels *kernels) {
    memset(peaks, 0, sizeof *peaks);
    for (int kind = 0; kind < WT_PEAKS; kind++) {
        wt_burst burst = {wt_kernels_peak(kernels, (wt_peak_kind)kind), 1000, 0.0};
        peaks->unit[kind] = burst.peak;
        if (!burst.peak.run) continue;
        peaks->rounds[kind] = burst.rounds * wt_bench_repeats(run_burst, &burst);
    }
}

/* The calling thread alone: a thread that other load holds up makes the burst of all threads look slow, but
 * not that of the others. */
static double burst_apart(wt_burst *burst, int threads) {
    const double began = wt_time_now();
    run_burst(burst, 0, threads);
    const double seconds = wt_time_now() - began;
    return seconds > 0 ? burst->operations / seconds : 0.0;
}

static void record_burst(wt_bench_peaks *peaks, int kind) {
    wt_bench_peak *peak = &peaks->of[kind];
    wt_burst burst = {peaks->unit[kind], peaks->rounds[kind], 0.0};
    if (!burst.rounds) return;
    const double seconds = wt_bench_together(run_burst, &burst), rate = burst.operations / seconds;
    peak->operations += burst.operations;
    peak->seconds += seconds;
    if (rate > peak->best) peak->best = rate;
    const double apart = burst_apart(&burst, omp_get_max_threads());
    if (apart > peak->apart) peak->apart = apart;
}

/* Each kind several times by turns: the first goes after something else often finds a thread still on its
 * way, or the core not yet at its speed for wide vectors. */
void wt_bench_peaks_burst(wt_bench_peaks *peaks) {
    enum { TURNS = 3 };
    for (int turn = 0; turn < TURNS; turn++) {
        for (int kind = 0; kind < WT_PEAKS; kind++) record_burst(peaks, kind);
    }
}

void wt_bench_peaks_clear(wt_bench_peaks *peaks) {
    memset(peaks->of, 0, sizeof peaks->of);
}

void wt_bench_peaks_merge(wt_bench_peaks *peaks, const wt_bench_peaks *others) {
    for (int kind = 0; kind < WT_PEAKS; kind++) {
        wt_bench_peak *peak = &peaks->of[kind];
        const wt_bench_peak *other = &others->of[kind];
        peak->operations += other->operations;
        peak->seconds += other->seconds;
        if (other->best > peak->best) peak->best = other->best;
        if (other->apart > peak->apart) peak->apart = other->apart;
    }
}

void wt_bench_peaks_sum(wt_bench_peaks *peaks, wt_comm *comm) {
    for (int kind = 0; kind < WT_PEAKS; kind++) {
        wt_bench_peak *peak = &peaks->of[kind];
        double sustained = peak->seconds > 0 ? peak->operations / peak->seconds : 0.0;
        int64_t rates[3] = {(int64_t)peak->best, (int64_t)peak->apart, (int64_t)sustained};
        wt_comm_sum_int64(comm, rates, 3);
        *peak = (wt_bench_peak){(double)rates[0], (double)rates[1], (double)rates[2], 1.0};
    }
}

void wt_bench_peak_doubt(char text[WT_PEAK_DOUBT], const wt_bench_peak *peak) {
    const double tolerance = 0.1, ratio = peak->apart > 0 ? peak->best / peak->apart : 1.0;
    *text = '\0';
    if (fabs(ratio - 1.0) > tolerance)
        snprintf(text, WT_PEAK_DOUBT, "; disturbed: this peak is %.2f × the threads × one thread's", ratio);
}

void wt_bench_peaks_print(const wt_bench_peaks *peaks, const char *cores) {
    static const char *const names[] = {[WT_PEAK_FP32] = "fp32", [WT_PEAK_BF16] = "bf16"};
    for (int kind = 0; kind < WT_PEAKS; kind++) {
        const wt_bench_peak *peak = &peaks->of[kind];
        if (peaks->rounds[kind]) {
            printf("peak of %s, %s: %.1f GFLOP/s, sustained %.1f, threads × one thread's %.1f (%s)\n", cores,
                   names[kind], 1e-9 * peak->best, 1e-9 * peak->operations / peak->seconds,
                   1e-9 * peak->apart, peaks->unit[kind].instruction);
        } else {
            printf("peak of %s, %s: the vector unit has no instruction for it\n", cores, names[kind]);
        }
    }
}

/* --- options --- */

wt_status wt_bench_check(const char *option, int value, int least, int most) {
    WT_CHECK(value >= least && value <= most, WT_USAGE, "%s: out of range (got %d, expected %d … %d)", option,
             value, least, most);
    return WT_OK;
}

wt_status wt_bench_set_threads(int threads) {
    enum { MOST = 1024 };
    WT_TRY(wt_bench_check("--threads", threads, 0, MOST));
    if (threads) omp_set_num_threads(threads);
    return WT_OK;
}

wt_status wt_bench_select(const wt_kernels **kernels, const char *backend) {
    wt_config *config;
    char set[64];
    const char *sets[] = {set};
    WT_TRY(wt_alloc(&config, 1, sizeof *config, "a configuration"));
    snprintf(set, sizeof set, "run.backend=%.32s", backend ? backend : "auto");
    wt_status status = wt_config_load(config, NULL, sets, 1);
    if (status == WT_OK) status = wt_kernels_select(kernels, config->run.backend, config->train.precision);
    wt_free(config);
    return status;
}

wt_status wt_bench_parse_list(wt_bench_list *list, const char *option, const char *text, int least,
                              int most) {
    const char *at = text;
    list->count = 0;
    for (;; at++) {
        char *end;
        errno = 0;
        long value = strtol(at, &end, 10);
        WT_CHECK(end != at && errno == 0 && value >= least && value <= most && (*end == ',' || *end == '\0'),
                 WT_USAGE, "%s: wrong (got \"%s\", expected numbers from %d to %d with commas between them)",
                 option, text, least, most);
        WT_CHECK(list->count < WT_BENCH_LIST, WT_USAGE, "%s: too many numbers (expected at most %d)", option,
                 WT_BENCH_LIST);
        list->values[list->count++] = (int)value;
        at = end;
        if (*at == '\0') return WT_OK;
    }
}

/* --- networks --- */

/* The named models, as configurations. */
static const struct {
    const char *name, *text;
} wt_models[] = {
    {"A",
     "{model: {stacks: 3, layers: 10, kernel: 2, residual: 64, gate: 64, skip: 128}, data: {window: 8192}}"},
    {"B",
     "{model: {stacks: 4, layers: 6, kernel: 3, residual: 128, gate: 128, skip: 128}, data: {window: 8192}}"},
    {"C",
     "{model: {stacks: 4, layers: 10, kernel: 2, residual: 32, gate: 32, skip: 256}, data: {window: 8192}}"},
    {"S",
     "{model: {stacks: 2, layers: 8, kernel: 3, residual: 16, gate: 16, skip: 16}, data: {window: 256}}"},
};
enum { WT_MODELS = sizeof wt_models / sizeof *wt_models };

wt_status wt_bench_load_model(wt_config *config, const char *path, const char *model, const char *const *sets,
                              size_t count) {
    WT_CHECK(!path || strcmp(path, "-") != 0, WT_USAGE,
             "-: a configuration from standard input is for train and inspect (expected a file)");
    if (path) return wt_config_load(config, path, sets, count);
    for (int i = 0; i < WT_MODELS; i++) {
        const char *text = wt_models[i].text;
        if (strcmp(wt_models[i].name, model) == 0)
            return wt_config_parse(config, wt_models[i].name, text, strlen(text), sets, count);
    }
    return wt_error(WT_USAGE, "--model: no such model (got \"%s\", expected A, B, C or S)", model);
}

/* --- a table for other programs --- */

wt_status wt_bench_csv_open(FILE **out, const char *path, const char *heading) {
    *out = NULL;
    if (!path) return WT_OK;
    WT_TRY(wt_file_begin(out, path));
    fputs(heading, *out);
    return WT_OK;
}

wt_status wt_bench_csv_close(FILE *file, const char *path, wt_status status) {
    return file ? wt_file_finish(file, path, status) : status;
}

/* --- the exchange --- */

wt_status wt_bench_make_exchange(wt_exchange **out, wt_comm *comm, const wt_kernels *kernels,
                                 const wt_exchange_config *config, int microbatches, int open_microbatches,
                                 size_t count) {
    const double bucket = wt_exchange_bucket(comm, config->bucket);
    wt_exchange_shape shape = {.microbatches = microbatches,
                               .open_microbatches = open_microbatches,
                               .count = count,
                               .bucket = (size_t)(bucket * 1024 * 1024) / sizeof(float),
                               .thread = config->progress == WT_DRIVE_THREAD,
                               .after = config->progress == WT_DRIVE_AFTER,
                               .add = kernels->add};
    return wt_comm_agree(comm, wt_exchange_create(out, comm, &shape));
}
