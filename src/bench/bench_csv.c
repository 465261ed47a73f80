/* Rows of figures. */
#include "bench/bench_csv.h"

#include <math.h>
#include <omp.h>

#include "base/file.h"
#include "kernels/kernel_set.h"
#include "wavetrain/network.h"

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

/* Of a kernel that is no product the shares are empty. */
void wt_bench_csv_kernel(FILE *file, const char *kernels, const wt_kernel_rate *rate) {
    const wt_kernel_shape *shape = &rate->shape;
    char hot[32] = "", window[32] = "";
    if (rate->product) {
        snprintf(hot, sizeof hot, "%.4f", rate->hot / rate->peak.best);
        snprintf(window, sizeof window, "%.4f", rate->window / rate->peak.best);
    }
    fprintf(file, WT_VERSION ",%s,%d,%d,%s,%d,%d,%d,%s,%.5g,%s,%.5g,%s,%.0f,%.5g,%.5g\n", kernels,
            shape->threads, shape->rows, rate->kernel, shape->channels, shape->taps, shape->dilation,
            rate->product ? "operations" : "elements", rate->hot, hot, rate->window, window, rate->tile_bytes,
            rate->bytes_per_second, rate->peak.best);
}

/* A column of the row, which begins with version, model and kernels. */
typedef struct {
    const char *phase; /* before the name, or "" */
    const char *name;
    double value;
} csv_figure;

static void write_figures(FILE *file, const wt_stepper *stepper, const csv_figure *figures, int count) {
    for (int i = 0; i < count; i++) fprintf(file, ",%s%s", figures[i].phase, figures[i].name);
    fprintf(file, "\n" WT_VERSION ",\"%s\",%s", stepper->name, stepper->kernels->name);
    for (int i = 0; i < count; i++) fprintf(file, ",%.12g", figures[i].value);
    fputc('\n', file);
}

void wt_bench_csv_step(FILE *file, const wt_stepper *stepper, const wt_step_speed *speed) {
    enum { FIGURES_MAX = 20 + 3 * WT_STEP_PHASES };
    const wt_bench_time step = speed->own[WT_STEP_ALL];
    const wt_bench_peak *fp32 = &speed->peaks.of[WT_PEAK_FP32];
    const double rate = speed->operations[WT_STEP_ALL] / step.best;
    csv_figure figures[FIGURES_MAX] = {
        {"", "ranks", wt_comm_size(stepper->step->comm)},
        {"", "threads", omp_get_max_threads()},
        {"", "windows", stepper->config.train.batch},
        {"", "targets", stepper->targets},
        {"", "microbatches", stepper->step->microbatches.count},
        {"", "parameters", (double)wt_network_parameters(stepper->network)->trained},
        {"", "steps", speed->steps},
        {"", "targets_per_second", speed->targets / step.best},
        {"", "median_targets_per_second", speed->targets / step.median},
        {"", "flops", rate},
        {"", "share", rate / fp32->best},
        {"", "peak_fp32", fp32->best},
        {"", "peak_fp32_apart", fp32->apart},
        {"", "peak_fp32_sustained", wt_bench_peak_sustained(fp32)},
        {"", "peak_bf16", speed->peaks.of[WT_PEAK_BF16].best},
        {"", "resident_bytes", (double)speed->resident},
        {"", "counted_bytes", (double)speed->counted},
        {"", "estimated_bytes", (double)speed->estimate},
        {"", "step_seconds", step.best},
        {"", "step_median_seconds", step.median},
    };
    int count = 20;
    for (int phase = WT_PHASE_DATA + 1; phase < WT_STEP_PHASES; phase++) {
        const char *name = wt_phase_name((wt_phase)phase);
        figures[count++] = (csv_figure){name, "_seconds", speed->in_best[phase]};
        figures[count++] = (csv_figure){name, "_best_seconds", speed->own[phase].best};
        figures[count++] = (csv_figure){name, "_median_seconds", speed->own[phase].median};
    }
    write_figures(file, stepper, figures, count);
}

void wt_bench_csv_streams(FILE *file, const char *name, const wt_streams_speed *speed, int number) {
    static const char *const weights[WT_WEIGHTS] = {"fp32", "bf16"};
    const wt_streams_rate *rate = &speed->rates[number];
    fprintf(file, WT_VERSION ",\"%s\",%s,%d,%d,%s,%.6g,%.6g,%zu,%.6g,%.6g,%.6g\n", name, speed->kernels->name,
            omp_get_max_threads(), rate->streams, weights[rate->weights], rate->best, rate->median,
            rate->weight_bytes, rate->bound, rate->best / rate->bound,
            rate->best * speed->operations / speed->peaks.of[WT_PEAK_FP32].best);
}

void wt_bench_csv_exchange(FILE *file, int ranks, const wt_exchange_speed *speed) {
    const double tree = speed->tree.median, allreduce = speed->allreduce.median;
    fprintf(file, "%d,%zu,%.9f,%.9f,%.4f,%.9f,%.9f,%.1f,%.1f,%.9f\n", ranks, speed->bytes, tree, allreduce,
            tree / allreduce, speed->tree.best, speed->allreduce.best, (double)speed->bytes / tree,
            speed->bandwidth, speed->bound);
}

void wt_bench_csv_scaling(FILE *file, const wt_scaling_table *table, bool measured) {
    for (int i = 0; i < table->count; i++) {
        const wt_scaling_case *at = &table->cases[i];
        const wt_scaling_figures none = {NAN, NAN, NAN, NAN}, model = wt_scaling_predicted(table, at);
        const wt_scaling_figures own = measured ? wt_scaling_measured(table, at) : none;
        const double values[] = {own.step,      measured ? at->median : NAN,
                                 own.speedup,   own.efficiency,
                                 own.exposed,   model.step,
                                 model.speedup, model.efficiency,
                                 model.exposed};
        fprintf(file, "%s,%d,%d,%d,%d", at->kind == WT_STRONG ? "strong" : "weak", at->ranks, at->nodes,
                at->windows, at->microbatches);
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            fputc(',', file);
            if (isfinite(values[v])) fprintf(file, "%.9g", values[v]);
        }
        fputc('\n', file);
    }
}
