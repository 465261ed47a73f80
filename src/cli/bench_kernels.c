/* wavetrain bench kernels: the kernels compared with the multiply-add peak (bench/measure_kernels.h), as a
 * table. */
#include <omp.h>

#include "bench/bench_csv.h"
#include "bench/bench_source.h"
#include "bench_command.h"
#include "command_internal.h"
#include "config/sections.h"
#include "engine/engine.h"

enum { MODEL_ROWS = -2147483647 }; /* no number is given */

/* Where popt's constant table points. */
static struct {
    char *channels, *taps, *dilations, *backend, *csv;
    int rows, threads, rounds;
} given = {.rows = MODEL_ROWS, .rounds = 41};

static const struct poptOption options[] = {
    {"channels", '\0', POPT_ARG_STRING, &given.channels, 0, "Widths R (default 16,32,64,128)", "LIST"},
    {"taps", '\0', POPT_ARG_STRING, &given.taps, 0,
     "Kernel sizes of R to 2R channels; 1 is R to R, as a residual (default 1,2,3)", "LIST"},
    {"dilations", '\0', POPT_ARG_STRING, &given.dilations, 0,
     "Dilations of products with more than one tap (default 1,16,512)", "LIST"},
    {"rows", '\0', POPT_ARG_INT, &given.rows, 0, "Rows per tile (default 384, as in a model)", "N"},
    {"backend", '\0', POPT_ARG_STRING, &given.backend, 0, "As run.backend (default auto)", "B"},
    {"threads", '\0', POPT_ARG_INT, &given.threads, 0, "Number of threads; default: OpenMP's", "T"},
    {"rounds", '\0', POPT_ARG_INT, &given.rounds, 0, "Measurements per kernel (default 41)", "N"},
    {"csv", '\0', POPT_ARG_STRING, &given.csv, 0, "Write the tables here too; an existing file is replaced",
     "FILE"},
    POPT_TABLEEND,
};

/* --- tables --- */

typedef struct {
    const char *kernels;
    FILE *csv; /* or NULL */
    bool products, others;
} kernel_tables;

static void print_product(kernel_tables *tables, const wt_kernel_rate *rate) {
    const wt_kernel_shape *shape = &rate->shape;
    char doubt[WT_PEAK_DOUBT];
    wt_bench_peak_doubt(doubt, &rate->peak);
    if (!tables->products)
        printf("\n%-18s %8s %5s %8s %18s %18s %9s %7s\n", "product", "channels", "taps", "dilation",
               "hot GFLOP/s, peak", "window GFLOP/s", "KiB/tile", "GB/s");
    tables->products = true;
    printf("%-18s %8d %5d %8d %9.1f %6.1f %% %9.1f %6.1f %% %9.1f %7.1f%s\n", rate->kernel, shape->channels,
           shape->taps, shape->dilation, 1e-9 * rate->hot, 100.0 * rate->hot / rate->peak.best,
           1e-9 * rate->window, 100.0 * rate->window / rate->peak.best, rate->tile_bytes / 1024.0,
           1e-9 * rate->bytes_per_second, doubt);
}

static void print_elements(kernel_tables *tables, const wt_kernel_rate *rate) {
    if (!tables->others)
        printf("\n%-23s %8s %19s %9s %7s\n", "others: elements/ns", "channels", "hot    window", "KiB/tile",
               "GB/s");
    tables->others = true;
    printf("%-23s %8d %9.2f %9.2f %9.1f %7.1f\n", rate->kernel, rate->shape.channels, 1e-9 * rate->hot,
           1e-9 * rate->window, rate->tile_bytes / 1024.0, 1e-9 * rate->bytes_per_second);
}

static void print_rate(void *context, const wt_kernel_rate *rate) {
    kernel_tables *tables = context;
    if (rate->product)
        print_product(tables, rate);
    else
        print_elements(tables, rate);
    fflush(stdout);
    if (tables->csv) wt_bench_csv_kernel(tables->csv, tables->kernels, rate);
}

static wt_status print_kernel_tables(const wt_kernels_plan *plan) {
    char products[96], cores[32];
    wt_bench_peaks peaks;
    kernel_tables tables = {.kernels = plan->kernels->name};
    WT_TRY(wt_bench_csv_open(&tables.csv, given.csv, WT_CSV_KERNELS));
    wt_kernels_describe(plan->kernels, products, sizeof products);
    snprintf(cores, sizeof cores, "%d thread%s", omp_get_max_threads(),
             wt_command_plural(omp_get_max_threads()));
    printf("kernels %s (%s), %s, tiles of %d rows, best of %d\n", plan->kernels->name, products, cores,
           plan->rows, plan->rounds);
    wt_status status = wt_measure_kernels(&peaks, plan, print_rate, &tables);
    if (status == WT_OK) {
        printf("\n");
        wt_bench_peaks_print(&peaks, cores);
    }
    return wt_bench_csv_close(tables.csv, given.csv, status);
}

static wt_status bench_kernels(wt_comm *comm, const wt_command_line *line) {
    (void)comm, (void)line;
    wt_config config;
    wt_kernels_plan plan = {.rows = given.rows == MODEL_ROWS ? wt_engine_tile_rows() : given.rows,
                            .rounds = given.rounds};
    const wt_command_number numbers[] = {{"--rows", plan.rows, 1, WT_MEASURE_WINDOW},
                                         {"--rounds", given.rounds, 1, WT_BENCH_ROUNDS_MAX}};
    const wt_bench_setting backend = {"run.backend", given.backend, 0};
    const struct {
        wt_bench_list *list;
        const char *option, *text, *standard;
        int max;
    } lists[] = {{&plan.channels, "--channels", given.channels, "16,32,64,128", 1024},
                 {&plan.taps, "--taps", given.taps, "1,2,3", WT_BED_TAPS},
                 {&plan.dilations, "--dilations", given.dilations, "1,16,512", 4096}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        WT_TRY(wt_bench_parse_list(lists[i].list, lists[i].option,
                                   lists[i].text ? lists[i].text : lists[i].standard, 1, lists[i].max));
    WT_TRY(wt_command_check_numbers(numbers, 2));
    WT_TRY(wt_bench_set_threads(given.threads));
    WT_TRY(wt_bench_configure(&config, &(wt_bench_source){NULL, NULL, NULL}, &backend, 1));
    WT_TRY(wt_kernels_select(&plan.kernels, config.run.backend, config.train.precision));
    return print_kernel_tables(&plan);
}

const wt_command wt_command_bench_kernels = {
    .name = "bench kernels",
    .arguments = "[OPTION…]",
    .summary =
        "Measure the kernels as a share of the cores' multiply-add peak: products over shapes, activations, "
        "loss, update",
    .options = options,
    .work = bench_kernels,
};
