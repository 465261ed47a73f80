/*
 * wavetrain bench kernels: the kernels as the model calls them, each compared with the peak of the same
 * threads, which is measured by turns with it. All threads work at once; rates are of all of them together.
 *
 * Two ways, since a kernel meets both. `hot`: each thread has one tile, again and again, from its own caches.
 * `window`: the threads walk through a window's tiles, each takes the next but threads−1, so that every tile
 * comes from where a window's rows are between two layers, and goes back there. The truth of a step lies
 * between the two: the pipeline takes rows to the next layer while some are still near.
 */
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "bench_internal.h"
#include "command_internal.h"
#include "engine/engine.h"

enum {
    WT_WINDOW = 8192, /* rows, at least: the models' own */
    WT_ONE_HOT = 256, /* classes */
    WT_ONE_HOT_TAPS = 2,
};

/* Where popt's constant table points. */
static struct {
    char *channels, *taps, *dilations, *backend, *csv;
    int rows, threads, rounds;
} wt_given;

static const struct poptOption wt_options[] = {
    {"channels", '\0', POPT_ARG_STRING, &wt_given.channels, 0, "Widths R (default 16,32,64,128)", "LIST"},
    {"taps", '\0', POPT_ARG_STRING, &wt_given.taps, 0,
     "Kernel sizes of R to 2R channels; 1 is R to R, as a residual (default 1,2,3)", "LIST"},
    {"dilations", '\0', POPT_ARG_STRING, &wt_given.dilations, 0,
     "Dilations of products with more than one tap (default 1,16,512)", "LIST"},
    {"rows", '\0', POPT_ARG_INT, &wt_given.rows, 0, "Rows per tile (default 384, as in a model)", "N"},
    {"backend", '\0', POPT_ARG_STRING, &wt_given.backend, 0, "As run.backend (default auto)", "B"},
    {"threads", '\0', POPT_ARG_INT, &wt_given.threads, 0, "Number of threads; default: OpenMP's", "T"},
    {"rounds", '\0', POPT_ARG_INT, &wt_given.rounds, 0, "Measurements per kernel (default 41)", "N"},
    {"csv", '\0', POPT_ARG_STRING, &wt_given.csv, 0,
     "Write the tables here too; an existing file is replaced", "FILE"},
    POPT_TABLEEND,
};

/* --- what the kernels work on --- */

/* One shape and its memory. Rows are [window + context, ·], dense in the width that a kernel gives them. */
typedef struct {
    const wt_kernels *kernels;
    int channels, taps, dilation, out; /* a product of channels → out */
    int rows, window, threads;
    float *arena, *x, *y, *z, *d;
    float *packed, *packed_back, *bias, *sums; /* sums: [threads, sums_each] */
    size_t sums_each;
    int32_t *classes; /* [window + taps] */
} wt_bed;

static int count_context_rows(const wt_bed *bed) {
    return (bed->taps - 1) * bed->dilation;
}

static int max_int(int a, int b) {
    return a > b ? a : b;
}

/* Values of either sign, far from denormals; a stretch of them repeated. */
static void fill_random(float *values, size_t count) {
    enum { STRETCH = 1 << 16 };
    for (size_t i = 0; i < count; i++) {
        values[i] = i < STRETCH ? (float)wt_random_uniform(1, WT_RANDOM_TEST, 0, i) - 0.5f
                                : values[i - STRETCH];
    }
}

/* The four parts lie at odd distances, as rows of a real pass do: were all at the same place of a page, loads
 * would wait for stores that only look like theirs. */
static wt_status allocate_rows(wt_bed *bed) {
    enum { LINE = 16, APART = 17 * LINE };
    const size_t wide = (size_t)max_int(2 * bed->channels, WT_ONE_HOT);
    const size_t part = ((size_t)bed->window + (size_t)count_context_rows(bed)) * wide + APART;
    WT_TRY(wt_alloc(&bed->arena, 4 * part, sizeof(float), "rows to measure with"));
    fill_random(bed->arena, 4 * part);
    bed->x = bed->arena;
    bed->y = bed->x + part;
    bed->z = bed->y + part;
    bed->d = bed->z + part;
    for (size_t i = 0; i < part; i++) bed->d[i] += 0.5f; /* as second moments must be: not negative */
    return WT_OK;
}

static wt_status allocate_weights(wt_bed *bed) {
    const wt_kernels *kernels = bed->kernels;
    const int in = bed->channels, out = bed->out;
    const size_t each = kernels->packed_count(in, out), each_back = kernels->packed_count(out, in);
    const size_t taps = (size_t)bed->taps, plain = (size_t)in * (size_t)out;
    const size_t table = (size_t)(WT_ONE_HOT_TAPS * WT_ONE_HOT) * (size_t)bed->channels;
    bed->sums_each = taps * plain > table ? taps * plain : table;
    WT_TRY(wt_alloc(&bed->packed, taps * each, sizeof(float), "packed weights"));
    WT_TRY(wt_alloc(&bed->packed_back, taps * each_back, sizeof(float), "packed weights"));
    WT_TRY(wt_alloc(&bed->bias, (size_t)out, sizeof(float), "a bias"));
    WT_TRY(wt_alloc(&bed->sums, bed->sums_each * (size_t)bed->threads, sizeof(float), "partial gradients"));
    for (size_t j = 0; j < taps; j++) {
        const float *w = bed->x + j * plain % 4096;
        kernels->pack(bed->packed + j * each, w, in, out, false, 0.1f);
        kernels->pack(bed->packed_back + j * each_back, w, out, in, true, 0.1f);
    }
    return WT_OK;
}

static wt_status init_bed(wt_bed *bed, const wt_kernels *kernels, int channels, int taps, int dilation) {
    const int rows = wt_given.rows, threads = omp_get_max_threads(), round = rows * threads;
    *bed = (wt_bed){.kernels = kernels,
                    .channels = channels,
                    .taps = taps,
                    .dilation = dilation,
                    .rows = rows,
                    .threads = threads};
    bed->out = taps == 1 ? channels : 2 * channels;
    bed->window = (WT_WINDOW + round - 1) / round * round; /* as many whole tiles for each thread */
    WT_TRY(allocate_rows(bed));
    WT_TRY(allocate_weights(bed));
    WT_TRY(wt_alloc(&bed->classes, (size_t)bed->window + WT_ONE_HOT_TAPS, sizeof *bed->classes, "classes"));
    for (int t = 0; t < bed->window + WT_ONE_HOT_TAPS; t++) {
        bed->classes[t] = (int32_t)(WT_ONE_HOT * wt_random_uniform(1, WT_RANDOM_TEST, 1, (uint64_t)t));
    }
    return WT_OK;
}

static void dispose_bed(wt_bed *bed) {
    wt_free(bed->arena);
    wt_free(bed->packed);
    wt_free(bed->packed_back);
    wt_free(bed->bias);
    wt_free(bed->sums);
    wt_free(bed->classes);
}

/* --- the kernels --- */

/* What some rows cost: operations or elements, and the bytes that must be read and written at least. */
typedef struct {
    double operations, elements, bytes;
} wt_cost;

typedef struct {
    const char *name;
    /* rows first … first+rows−1 */
    void (*run)(const wt_bed *bed, int thread, ptrdiff_t first, int rows);
    wt_cost (*cost)(const wt_bed *bed, double rows);
} wt_case;

/* Different rows that the taps of `rows` rows read. */
static double count_rows_read(const wt_bed *bed, double rows) {
    double apart = bed->dilation < rows ? bed->dilation : rows;
    return rows + (bed->taps - 1) * apart;
}

static wt_cost cost_product(const wt_bed *bed, double rows, double values) {
    const double weights = (double)bed->taps * bed->channels * bed->out;
    return (wt_cost){2.0 * rows * weights, 0.0, sizeof(float) * (values + weights)};
}

static void run_forward(const wt_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    wt_operand taps[WT_KERNEL_MAX];
    const int in = bed->channels, out = bed->out;
    const size_t each = bed->kernels->packed_count(in, out);
    for (ptrdiff_t j = 0; j < bed->taps; j++) {
        taps[j] = (wt_operand){bed->x + (first + j * bed->dilation) * in, bed->packed + (size_t)j * each, in,
                               in};
    }
    const wt_finish finish = {bed->bias, bed->taps == 1 ? bed->z + first * out : NULL, out, 1.0f};
    bed->kernels->multiply(bed->y + first * out, out, rows, out, taps, bed->taps, &finish);
}

static wt_cost cost_forward(const wt_bed *bed, double rows) {
    double written = (bed->taps == 1 ? 2.0 : 1.0) * rows * bed->out;
    return cost_product(bed, rows, count_rows_read(bed, rows) * bed->channels + written);
}

static void run_backward(const wt_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    wt_operand taps[WT_KERNEL_MAX];
    const int in = bed->channels, out = bed->out;
    const size_t each = bed->kernels->packed_count(out, in);
    for (ptrdiff_t j = 0; j < bed->taps; j++) {
        taps[j] = (wt_operand){bed->y + (first + (bed->taps - 1 - j) * bed->dilation) * out,
                               bed->packed_back + (size_t)j * each, out, out};
    }
    const wt_finish finish = {NULL, bed->z + first * in, in, 1.0f};
    bed->kernels->multiply(bed->d + first * in, in, rows, in, taps, bed->taps, &finish);
}

static wt_cost cost_backward(const wt_bed *bed, double rows) {
    return cost_product(bed, rows, count_rows_read(bed, rows) * bed->out + 2.0 * rows * bed->channels);
}

static void run_weights(const wt_bed *bed, int thread, ptrdiff_t first, int rows) {
    const int in = bed->channels, out = bed->out;
    float *sums = bed->sums + (size_t)thread * bed->sums_each;
    for (ptrdiff_t j = 0; j < bed->taps; j++) {
        bed->kernels->convolve_weights(sums + j * in * out, out, bed->x + (first + j * bed->dilation) * in,
                                       in, bed->y + first * out, out, rows, in, out);
    }
}

static wt_cost cost_weights(const wt_bed *bed, double rows) {
    const double weights = (double)bed->taps * bed->channels * bed->out; /* read, and written too */
    return cost_product(bed, rows, count_rows_read(bed, rows) * bed->channels + rows * bed->out + weights);
}

static const wt_case wt_products[] = {
    {"forward", run_forward, cost_forward},
    {"backward data", run_backward, cost_backward},
    {"backward weights", run_weights, cost_weights},
};

static wt_cost cost_elements(double elements, double bytes_each) {
    return (wt_cost){0.0, elements, elements * bytes_each};
}

static void run_gate(const wt_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    const int gate = bed->channels;
    bed->kernels->activate(bed->z + first * gate, gate, bed->y + first * 2 * gate, 2 * gate, rows, gate,
                           WT_ACTIVATION_GATE);
}

static wt_cost cost_gate(const wt_bed *bed, double rows) {
    return cost_elements(rows * bed->channels, 5.0 * sizeof(float));
}

/* As in the model, the gradient by z and z itself are the thread's own scratch, always warm. */
static void run_gate_back(const wt_bed *bed, int thread, ptrdiff_t first, int rows) {
    const int gate = bed->channels;
    const ptrdiff_t own = (ptrdiff_t)thread * bed->rows * gate;
    bed->kernels->activate_back(bed->d + first * 2 * gate, 2 * gate, bed->x + own, gate,
                                bed->y + first * 2 * gate, 2 * gate, bed->z + own, gate, rows, gate,
                                WT_ACTIVATION_GATE);
}

static wt_cost cost_gate_back(const wt_bed *bed, double rows) {
    return cost_elements(rows * bed->channels, 6.0 * sizeof(float));
}

static void run_column_sums(const wt_bed *bed, int thread, ptrdiff_t first, int rows) {
    const int out = 2 * bed->channels;
    bed->kernels->column_sums(bed->sums + (size_t)thread * bed->sums_each, bed->y + first * out, out, rows,
                              out);
}

static wt_cost cost_column_sums(const wt_bed *bed, double rows) {
    return cost_elements(rows * 2 * bed->channels, sizeof(float));
}

static void run_embed(const wt_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    bed->kernels->embed(bed->y + first * bed->channels, bed->channels, bed->classes + first, bed->x,
                        bed->bias, rows, WT_ONE_HOT, bed->channels, WT_ONE_HOT_TAPS);
}

static wt_cost cost_embed(const wt_bed *bed, double rows) {
    return cost_elements(rows * bed->channels, (1 + WT_ONE_HOT_TAPS) * sizeof(float));
}

static void run_embed_back(const wt_bed *bed, int thread, ptrdiff_t first, int rows) {
    float *sums = bed->sums + (size_t)thread * bed->sums_each;
    const int panel = wt_engine_panel();
    for (int o = 0; o < bed->channels; o += panel) {
        int out = bed->channels - o < panel ? bed->channels - o : panel;
        bed->kernels->embed_weights(sums + o, bed->channels, bed->classes + first,
                                    bed->y + first * bed->channels + o, bed->channels, rows, WT_ONE_HOT, out,
                                    WT_ONE_HOT_TAPS);
    }
}

static wt_cost cost_embed_back(const wt_bed *bed, double rows) {
    return cost_elements(rows * bed->channels, (1 + 2 * WT_ONE_HOT_TAPS) * sizeof(float));
}

static const wt_case wt_others[] = {
    {"gate", run_gate, cost_gate},
    {"gate backward", run_gate_back, cost_gate_back},
    {"column sums", run_column_sums, cost_column_sums},
    {"embed", run_embed, cost_embed},
    {"embed backward", run_embed_back, cost_embed_back},
};

static void run_cross_entropy(const wt_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    bed->kernels->cross_entropy(bed->y + first * WT_ONE_HOT, WT_ONE_HOT, bed->classes + first, rows,
                                WT_ONE_HOT, true);
}

static wt_cost cost_cross_entropy(const wt_bed *bed, double rows) {
    (void)bed;
    return cost_elements(rows * WT_ONE_HOT, 2.0 * sizeof(float));
}

/* Flat buffers have no rows; they are cut into pieces of a tile's size. */
static void run_adam(const wt_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    const ptrdiff_t at = first * bed->channels;
    const wt_adam_step step = {1e-6, 0.9, 0.999, 1e-8, 0.0, false, 1.0, 1};
    bed->kernels->adam(bed->x + at, bed->z + at, bed->d + at, bed->y + at,
                       (size_t)rows * (size_t)bed->channels, &step);
}

static wt_cost cost_adam(const wt_bed *bed, double rows) {
    return cost_elements(rows * bed->channels, 7.0 * sizeof(float));
}

static void run_add(const wt_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    const ptrdiff_t at = first * bed->channels;
    bed->kernels->add(bed->d + at, bed->y + at, (size_t)rows * (size_t)bed->channels);
}

static wt_cost cost_add(const wt_bed *bed, double rows) {
    return cost_elements(rows * bed->channels, 3.0 * sizeof(float));
}

static void run_squares(const wt_bed *bed, int thread, ptrdiff_t first, int rows) {
    volatile double sum;
    (void)thread;
    sum = bed->kernels->squares(bed->y + first * bed->channels, (size_t)rows * (size_t)bed->channels, 0.5);
    (void)sum;
}

static wt_cost cost_squares(const wt_bed *bed, double rows) {
    return cost_elements(rows * bed->channels, sizeof(float));
}

/* Whose shape the network's width does not change. */
static const wt_case wt_once[] = {
    {"softmax cross-entropy", run_cross_entropy, cost_cross_entropy},
    {"adam", run_adam, cost_adam},
    {"squares of the norm", run_squares, cost_squares},
    {"add", run_add, cost_add},
};

/* --- measuring --- */

typedef struct {
    const wt_bed *bed;
    const wt_case *kernel;
    int repeats; /* of a hot tile */
} wt_turn;

static void run_hot(void *context, int thread, int threads) {
    const wt_turn *turn = context;
    (void)threads;
    for (int i = 0; i < turn->repeats; i++) {
        turn->kernel->run(turn->bed, thread, (ptrdiff_t)thread * turn->bed->rows, turn->bed->rows);
    }
}

static void run_window(void *context, int thread, int threads) {
    const wt_turn *turn = context;
    const wt_bed *bed = turn->bed;
    for (int first = thread * bed->rows; first < bed->window; first += threads * bed->rows) {
        turn->kernel->run(bed, thread, first, bed->rows);
    }
}

typedef struct {
    wt_cost cost;       /* of a tile */
    double hot, window; /* operations, or elements, a second */
    double bytes;       /* a second, of the window */
    wt_bench_peak peak; /* by turns with these */
} wt_rate;

static wt_rate measure_rate(const wt_bed *bed, const wt_case *kernel, const wt_bench_peaks *form,
                            wt_bench_peaks *all) {
    enum { HOT_TURNS = 3 }; /* in a round, as bursts of the peak */
    double hot[WT_ROUNDS_MOST], window[WT_ROUNDS_MOST];
    wt_bench_peaks peaks = *form;
    wt_turn turn = {bed, kernel, 1};
    wt_bench_peaks_clear(&peaks);
    turn.repeats = wt_bench_repeats(run_hot, &turn);
    for (int i = 0; i < wt_given.rounds; i++) {
        wt_bench_peaks_burst(&peaks);
        hot[i] = wt_bench_best_of(run_hot, &turn, HOT_TURNS);
        wt_bench_peaks_burst(&peaks);
        window[i] = wt_bench_together(run_window, &turn);
    }
    wt_bench_peaks_merge(all, &peaks);
    const wt_cost cost = kernel->cost(bed, bed->rows);
    const double one = cost.operations > 0 ? cost.operations : cost.elements,
                 tiles = (double)bed->window / bed->rows;
    const double hot_best = wt_bench_summarise(hot, wt_given.rounds).best;
    const double window_best = wt_bench_summarise(window, wt_given.rounds).best;
    return (wt_rate){cost, one * turn.repeats * bed->threads / hot_best, one * tiles / window_best,
                     cost.bytes * tiles / window_best, peaks.of[WT_PEAK_FP32]};
}

/* --- tables --- */

static const char wt_csv_heading[] =
    "version,kernels,threads,rows,kernel,channels,taps,dilation,unit,hot_per_second,"
    "hot_share,window_per_second,window_share,tile_bytes,window_bytes_per_second,"
    "peak_fp32\n";

typedef struct {
    const wt_kernels *kernels;
    wt_bench_peaks form, all; /* how bursts are made; what they found */
    FILE *csv;                /* or NULL */
} wt_tables;

/* Of a kernel that is no product, taps and dilation are 0, and the shares empty. */
static void write_csv_row(const wt_tables *tables, const wt_bed *bed, const wt_case *kernel,
                          const wt_rate *rate) {
    if (!tables->csv) return;
    const bool product = rate->cost.operations > 0;
    char hot[32] = "", window[32] = "";
    if (product) {
        snprintf(hot, sizeof hot, "%.4f", rate->hot / rate->peak.best);
        snprintf(window, sizeof window, "%.4f", rate->window / rate->peak.best);
    }
    fprintf(tables->csv, WT_VERSION ",%s,%d,%d,%s,%d,%d,%d,%s,%.5g,%s,%.5g,%s,%.0f,%.5g,%.5g\n",
            tables->kernels->name, bed->threads, bed->rows, kernel->name, bed->channels,
            product ? bed->taps : 0, product ? bed->dilation : 0, product ? "operations" : "elements",
            rate->hot, hot, rate->window, window, rate->cost.bytes, rate->bytes, rate->peak.best);
}

static void measure_product(wt_tables *tables, const wt_bed *bed, const wt_case *kernel) {
    wt_rate rate = measure_rate(bed, kernel, &tables->form, &tables->all);
    char doubt[WT_PEAK_DOUBT];
    wt_bench_peak_doubt(doubt, &rate.peak);
    printf("%-18s %8d %5d %8d %9.1f %6.1f %% %9.1f %6.1f %% %9.1f %7.1f%s\n", kernel->name, bed->channels,
           bed->taps, bed->dilation, 1e-9 * rate.hot, 100.0 * rate.hot / rate.peak.best, 1e-9 * rate.window,
           100.0 * rate.window / rate.peak.best, rate.cost.bytes / 1024.0, 1e-9 * rate.bytes, doubt);
    fflush(stdout);
    write_csv_row(tables, bed, kernel, &rate);
}

static void measure_elements(wt_tables *tables, const wt_bed *bed, const wt_case *kernel) {
    wt_rate rate = measure_rate(bed, kernel, &tables->form, &tables->all);
    printf("%-23s %8d %9.2f %9.2f %9.1f %7.1f\n", kernel->name, bed->channels, 1e-9 * rate.hot,
           1e-9 * rate.window, rate.cost.bytes / 1024.0, 1e-9 * rate.bytes);
    fflush(stdout);
    write_csv_row(tables, bed, kernel, &rate);
}

typedef void (*wt_measuring)(wt_tables *tables, const wt_bed *bed, const wt_case *kernel);

static wt_status measure_kernel_cases(wt_tables *tables, int channels, int taps, int dilation,
                                      const wt_case *cases, size_t count, wt_measuring measure) {
    wt_bed bed;
    wt_status status = init_bed(&bed, tables->kernels, channels, taps, dilation);
    for (size_t i = 0; status == WT_OK && i < count; i++) measure(tables, &bed, &cases[i]);
    dispose_bed(&bed);
    return status;
}

typedef struct {
    wt_bench_list channels, taps, dilations;
} wt_lists;

static wt_status measure_products(wt_tables *tables, const wt_lists *lists) {
    printf("\n%-18s %8s %5s %8s %18s %18s %9s %7s\n", "product", "channels", "taps", "dilation",
           "hot GFLOP/s, peak", "window GFLOP/s", "KiB/tile", "GB/s");
    for (int c = 0; c < lists->channels.count; c++) {
        for (int k = 0; k < lists->taps.count; k++) {
            const int taps = lists->taps.values[k], dilations = taps == 1 ? 1 : lists->dilations.count;
            for (int d = 0; d < dilations; d++) {
                WT_TRY(measure_kernel_cases(tables, lists->channels.values[c], taps,
                                            taps == 1 ? 1 : lists->dilations.values[d], wt_products,
                                            sizeof wt_products / sizeof *wt_products, measure_product));
            }
        }
    }
    return WT_OK;
}

static wt_status measure_others(wt_tables *tables, const wt_lists *lists) {
    enum { WIDTH = 64 };
    printf("\n%-23s %8s %19s %9s %7s\n", "others: elements/ns", "channels", "hot    window", "KiB/tile",
           "GB/s");
    for (int c = 0; c < lists->channels.count; c++) {
        WT_TRY(measure_kernel_cases(tables, lists->channels.values[c], 1, 1, wt_others,
                                    sizeof wt_others / sizeof *wt_others, measure_elements));
    }
    return measure_kernel_cases(tables, WIDTH, 1, 1, wt_once, sizeof wt_once / sizeof *wt_once,
                                measure_elements);
}

static wt_status measure_all_kernels(const wt_kernels *kernels, const wt_lists *lists) {
    char products[96], cores[32];
    wt_tables tables = {.kernels = kernels};
    WT_TRY(wt_bench_csv_open(&tables.csv, wt_given.csv, wt_csv_heading));
    wt_kernels_describe(kernels, products, sizeof products);
    snprintf(cores, sizeof cores, "%d thread%s", omp_get_max_threads(), omp_get_max_threads() > 1 ? "s" : "");
    printf("kernels %s (%s), %s, tiles of %d rows, best of %d\n", kernels->name, products, cores,
           wt_given.rows, wt_given.rounds);
    wt_bench_peaks_init(&tables.form, kernels);
    tables.all = tables.form;
    wt_status status = measure_products(&tables, lists);
    if (status == WT_OK) status = measure_others(&tables, lists);
    if (status == WT_OK) {
        printf("\n");
        wt_bench_peaks_print(&tables.all, cores);
    }
    return wt_bench_csv_close(tables.csv, wt_given.csv, status);
}

static wt_status bench_kernels(void) {
    wt_lists lists;
    const wt_kernels *kernels;
    WT_TRY(wt_bench_parse_list(&lists.channels, "--channels",
                               wt_given.channels ? wt_given.channels : "16,32,64,128", 1, 1024));
    WT_TRY(wt_bench_parse_list(&lists.taps, "--taps", wt_given.taps ? wt_given.taps : "1,2,3", 1, 16));
    WT_TRY(wt_bench_parse_list(&lists.dilations, "--dilations",
                               wt_given.dilations ? wt_given.dilations : "1,16,512", 1, 4096));
    WT_TRY(wt_bench_check("--rows", wt_given.rows, 1, WT_WINDOW));
    WT_TRY(wt_bench_check("--rounds", wt_given.rounds, 1, WT_ROUNDS_MOST));
    WT_TRY(wt_bench_set_threads(wt_given.threads));
    WT_TRY(wt_bench_select(&kernels, wt_given.backend));
    return measure_all_kernels(kernels, &lists);
}

static wt_status bench_kernels_main(wt_comm *comm, int argc, const char **argv) {
    (void)comm;
    wt_command_line line;
    memset(&wt_given, 0, sizeof wt_given);
    wt_given.rows = wt_engine_tile_rows();
    wt_given.rounds = 41;
    wt_status status = wt_command_parse(&line, &wt_command_bench_kernels, argc, argv, 0, 0);
    if (status == WT_OK && !line.done) status = bench_kernels();
    free(wt_given.channels);
    free(wt_given.taps);
    free(wt_given.dilations);
    free(wt_given.backend);
    free(wt_given.csv);
    poptFreeContext(line.context);
    return status;
}

const wt_command wt_command_bench_kernels = {
    .name = "bench kernels",
    .arguments = "[OPTION…]",
    .summary =
        "Measure the kernels as a share of the cores' multiply-add peak: products over shapes, activations, "
        "loss, update",
    .parallel = false,
    .run = bench_kernels_main,
    .options = wt_options,
};
