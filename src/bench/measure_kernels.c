/* Each kernel by turns with bursts of the peak. */
#include "bench/measure_kernels.h"

#include <omp.h>

#include "kernels/kernel_set.h"

typedef struct {
    const wt_kernel_bed *bed;
    const wt_kernel_case *kernel;
    int repeats; /* of a hot tile */
} kernel_turn;

static void run_hot(void *context, int thread, int threads) {
    const kernel_turn *turn = context;
    const int rows = turn->bed->shape.rows;
    (void)threads;
    for (int i = 0; i < turn->repeats; i++) {
        turn->kernel->run(turn->bed, thread, (ptrdiff_t)thread * rows, rows);
    }
}

static void run_window(void *context, int thread, int threads) {
    const kernel_turn *turn = context;
    const int rows = turn->bed->shape.rows;
    for (int first = thread * rows; first < turn->bed->window; first += threads * rows) {
        turn->kernel->run(turn->bed, thread, first, rows);
    }
}

typedef struct {
    const wt_kernels_plan *plan;
    wt_bench_peaks form, *all; /* how bursts are made; what they found */
    wt_kernel_report report;
    void *context;
} measurement;

static void measure_rate(const measurement *m, const wt_kernel_bed *bed, const wt_kernel_case *kernel) {
    enum { HOT_TURNS = 3 }; /* in a round, as bursts of the peak */
    double hot[WT_BENCH_ROUNDS_MAX], window[WT_BENCH_ROUNDS_MAX];
    const int rounds = m->plan->rounds;
    wt_bench_peaks peaks = m->form;
    kernel_turn turn = {bed, kernel, 1};
    wt_bench_peaks_clear(&peaks);
    turn.repeats = wt_bench_repeats(run_hot, &turn);
    for (int i = 0; i < rounds; i++) {
        wt_bench_peaks_burst(&peaks);
        hot[i] = wt_bench_best_of(run_hot, &turn, HOT_TURNS);
        wt_bench_peaks_burst(&peaks);
        window[i] = wt_bench_together(run_window, &turn);
    }
    wt_bench_peaks_merge(m->all, &peaks);
    const double hot_best = wt_bench_summarise(hot, rounds).best,
                 window_best = wt_bench_summarise(window, rounds).best;
    const wt_kernel_cost cost = kernel->cost(bed, bed->shape.rows);
    const bool product = cost.operations > 0;
    const double one = product ? cost.operations : cost.elements,
                 tiles = (double)bed->window / bed->shape.rows;
    wt_kernel_rate rate = {.kernel = kernel->name,
                           .product = product,
                           .shape = bed->shape,
                           .hot = one * turn.repeats * bed->shape.threads / hot_best,
                           .window = one * tiles / window_best,
                           .tile_bytes = cost.bytes,
                           .bytes_per_second = cost.bytes * tiles / window_best,
                           .peak = peaks.of[WT_PEAK_FP32]};
    if (!product) rate.shape.taps = rate.shape.dilation = 0;
    m->report(m->context, &rate);
}

static wt_status measure_cases(const measurement *m, wt_kernel_cases kind, int channels, int taps,
                               int dilation) {
    wt_kernel_bed bed;
    int count;
    const wt_kernel_case *cases = wt_kernel_cases_of(kind, &count);
    const wt_kernel_shape shape = {channels, taps, dilation, m->plan->rows, omp_get_max_threads()};
    wt_status status = wt_kernel_bed_init(&bed, m->plan->kernels, &shape, WT_MEASURE_WINDOW);
    for (int i = 0; status == WT_OK && i < count; i++) measure_rate(m, &bed, &cases[i]);
    wt_kernel_bed_dispose(&bed);
    return status;
}

static wt_status measure_products(const measurement *m) {
    const wt_kernels_plan *plan = m->plan;
    for (int c = 0; c < plan->channels.count; c++) {
        for (int k = 0; k < plan->taps.count; k++) {
            const int taps = plan->taps.values[k], dilations = taps == 1 ? 1 : plan->dilations.count;
            for (int d = 0; d < dilations; d++) {
                WT_TRY(measure_cases(m, WT_CASES_PRODUCTS, plan->channels.values[c], taps,
                                     taps == 1 ? 1 : plan->dilations.values[d]));
            }
        }
    }
    return WT_OK;
}

static wt_status check_list(const char *what, const wt_bench_list *list, int max) {
    for (int i = 0; i < list->count; i++) {
        WT_CHECK(list->values[i] >= 1 && list->values[i] <= max, WT_USAGE,
                 "kernels to measure: %s are out of range (got %d, expected 1 … %d)", what, list->values[i],
                 max);
    }
    return WT_OK;
}

static wt_status check_kernels_plan(const wt_kernels_plan *plan) {
    WT_TRY(check_list("channels", &plan->channels, 1024));
    WT_TRY(check_list("taps", &plan->taps, WT_BED_TAPS));
    WT_TRY(check_list("dilations", &plan->dilations, 4096));
    WT_TRY(check_list("rows", &(wt_bench_list){1, {plan->rows}}, WT_MEASURE_WINDOW));
    return check_list("rounds", &(wt_bench_list){1, {plan->rounds}}, WT_BENCH_ROUNDS_MAX);
}

wt_status wt_measure_kernels(wt_bench_peaks *peaks, const wt_kernels_plan *plan, wt_kernel_report report,
                             void *context) {
    enum { WIDTH = 64 };
    measurement m = {.plan = plan, .all = peaks, .report = report, .context = context};
    WT_TRY(check_kernels_plan(plan));
    wt_bench_peaks_init(&m.form, plan->kernels);
    *peaks = m.form;
    WT_TRY(measure_products(&m));
    for (int c = 0; c < plan->channels.count; c++)
        WT_TRY(measure_cases(&m, WT_CASES_ELEMENTS, plan->channels.values[c], 1, 1));
    return measure_cases(&m, WT_CASES_ONCE, WIDTH, 1, 1);
}
