/*
 * wavetrain inspect CONFIG --ranks P --threads T --nodes N: the forecast in words. What the data set adds is
 * taken from its shards, if they are there; nothing large is read or allocated, so that this can run on a
 * login node.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "command_internal.h"
#include "data/windows.h"
#include "inspect_internal.h"
#include "predict/forecast.h"
#include "train/evaluation.h"
#include "wavetrain/data.h"

/* --- options --- */

wt_status wt_plan_check(const wt_plan_options *options) {
    enum { MOST = 1 << 20 };
    const struct {
        const char *name;
        int value;
    } numbers[] = {{"--ranks", options->ranks}, {"--threads", options->threads}, {"--nodes", options->nodes}};
    for (int i = 0; i < 3; i++) {
        WT_CHECK(numbers[i].value >= 0 && numbers[i].value <= MOST, WT_USAGE,
                 "%s: out of range (got %d, expected 1 … %d)", numbers[i].name, numbers[i].value, MOST);
    }
    WT_CHECK(options->latency >= 0 && options->bandwidth >= 0 && options->node_memory >= 0, WT_USAGE,
             "--latency, --bandwidth, --node-memory: out of range (got %g, %g and %g, expected none below 0)",
             options->latency, options->bandwidth, options->node_memory);
    WT_CHECK((options->latency > 0) == (options->bandwidth > 0), WT_USAGE,
             "--latency and --bandwidth go together (got %s alone)",
             options->latency > 0 ? "--latency" : "--bandwidth");
    return WT_OK;
}

bool wt_plan_asked(const wt_plan_options *options) {
    return options->ranks || options->threads || options->nodes || options->calibration ||
           options->bandwidth > 0 || options->node_memory > 0;
}

/* --- data --- */

double wt_plan_sample_rate(const wt_config *config) {
    wt_dataset *dataset;
    double rate = 0;
    if (!wt_dataset_has_split(config->data.path, "train")) return 0;
    if (wt_dataset_open(&dataset, config->data.path, "train", 0) != WT_OK) return 0;
    if (wt_dataset_kind(dataset) != WT_DATA_TEXT) rate = wt_dataset_sample_rate(dataset);
    wt_dataset_close(dataset);
    return rate;
}

/* A split's windows, and the bytes that it takes; refused as the trainer would. */
static wt_status measure_split(const wt_forecast_case *run, const char *split, int64_t *bytes,
                               int64_t *windows, wt_dataset **dataset) {
    enum { READER = 65536 * sizeof(int32_t) }; /* a class of each int16 */
    const wt_config *config = run->config;
    wt_normalization normalization;
    wt_windows *grid;
    WT_TRY(wt_dataset_open(dataset, config->data.path, split, 0));
    wt_train_take_normalization(&normalization, config, *dataset);
    WT_TRY(wt_train_make_windows(&grid, *dataset, run->network, &config->data, &normalization));
    *windows = wt_windows_count(grid);
    const bool listed = wt_dataset_mask(*dataset, 0) != NULL;
    *bytes = wt_dataset_memory(*dataset, config->data.memory) + READER +
             (int64_t)sizeof(int64_t) * (wt_dataset_utterances(*dataset) + (listed ? *windows : 0));
    wt_windows_destroy(grid);
    return WT_OK;
}

static wt_status measure_data(wt_forecast_case *run, wt_plan_data *data) {
    wt_status status = WT_OK;
    wt_dataset *dataset = NULL, *validation = NULL;
    const char *path = run->config->data.path;
    data->found = wt_dataset_has_split(path, "train");
    if (!data->found) return WT_OK;
    WT_GUARD(measure_split(run, "train", &run->data.train_bytes, &data->windows, &dataset));
    run->data.channels = wt_dataset_channels(dataset);
    for (int64_t u = 0; u < wt_dataset_utterances(dataset); u++) {
        if (wt_dataset_length(dataset, u) > data->longest) data->longest = wt_dataset_length(dataset, u);
    }
    if (run->config->validation.every > 0 && wt_dataset_has_split(path, "validation"))
        WT_GUARD(measure_split(run, "validation", &run->data.validation_bytes, &run->data.validation_windows,
                               &validation));
cleanup:
    wt_dataset_close(dataset);
    wt_dataset_close(validation);
    return status;
}

/* --- calibration --- */

static void format_other_calibrations(char *text, size_t room, const char *path) {
    char folder[WT_PATH_MAX], **names;
    size_t count, used = 0;
    *text = '\0';
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash) return;
    *slash = '\0';
    if (wt_folder_list(&names, &count, folder, "", ".yaml") != WT_OK) return;
    for (size_t i = 0; i < count && used < room; i++) {
        used += (size_t)snprintf(text + used, room - used, "%s%s",
                                 i ? ", " : "; others are there: ", names[i]);
    }
    wt_folder_list_free(names, count);
}

/* This machine's own, if it has one. */
static bool load_own_calibration(wt_calibration *calibration, char path[WT_PATH_MAX]) {
    char cpu[WT_CPU_NAME], others[512];
    wt_cpu_name(cpu);
    if (wt_calibration_path(path, cpu) != WT_OK) {
        wt_log_warning("%s", wt_error_message());
        return false;
    }
    if (!wt_path_exists(path)) {
        format_other_calibrations(others, sizeof others, path);
        wt_log_warning(
            "no times: %s is missing (wavetrain bench calibrate makes it, on a node that will run; "
            "--calibration takes another%s)",
            path, others);
        return false;
    }
    if (wt_calibration_load(calibration, path) == WT_OK) return true;
    wt_log_warning("no times: %s", wt_error_message());
    return false;
}

wt_status wt_plan_load_calibration(wt_calibration *calibration, const char *given, char path[WT_PATH_MAX],
                                   bool *loaded) {
    char cpu[WT_CPU_NAME];
    if (!given) {
        *loaded = load_own_calibration(calibration, path);
        return WT_OK;
    }
    snprintf(path, WT_PATH_MAX, "%s", given);
    WT_CHECK(wt_path_exists(given), WT_USAGE, "%s: no such calibration (wavetrain bench calibrate makes one)",
             given);
    WT_TRY(wt_calibration_load(calibration, given));
    *loaded = true;
    wt_cpu_name(cpu);
    if (strcmp(cpu, calibration->cpu) != 0) {
        wt_log_warning("%s: is of another CPU than this machine's (got %s, expected %s); its times are the "
                       "other's",
                       given, calibration->cpu, cpu);
    }
    return WT_OK;
}

static bool uses_bf16(const char *kernels) {
    return strstr(kernels, "bf16") != NULL;
}

/* The kernels that a run on the calibrated CPU would choose, where this one would choose others. */
void wt_plan_choose_rates(wt_forecast_case *run, const char *path) {
    const wt_calibration *calibration = run->calibration;
    wt_rates rates;
    if (!calibration || wt_calibration_rates(&rates, calibration, run->kernels->name, 1, 1, NULL)) return;
    const bool bf16 = run->config->train.precision == WT_PRECISION_BF16;
    for (int i = 0; run->config->run.backend == WT_BACKEND_AUTO && i < calibration->count; i++) {
        if (uses_bf16(calibration->rates[i].kernels) != bf16) continue;
        run->rates_of = calibration->rates[i].kernels;
        return;
    }
    wt_log_warning(
        "no times: %s has no rates of these kernels (got %s, expected %s; wavetrain bench calibrate "
        "takes --backend and --precision)",
        path, calibration->rates[0].kernels, run->kernels->name);
}

/* --- words --- */

/* "12.3 MiB" or "1.2 GiB". */
static void format_bytes(char text[32], int64_t bytes) {
    const double mib = (double)bytes / 1048576.0;
    if (mib < 1024) {
        snprintf(text, 32, "%.1f MiB", mib);
    } else {
        snprintf(text, 32, "%.1f GiB", mib / 1024);
    }
}

/* "5 d 3 h", "2 h 5 min", "12 min", "34 s". */
static void format_run_duration(char text[48], double seconds) {
    enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };
    if (seconds >= 2 * DAY) {
        snprintf(text, 48, "%.0f d %.0f h", floor(seconds / DAY), floor(fmod(seconds, DAY) / HOUR));
    } else if (seconds >= HOUR) {
        snprintf(text, 48, "%.0f h %.0f min", floor(seconds / HOUR), floor(fmod(seconds, HOUR) / MINUTE));
    } else if (seconds >= 2 * MINUTE) {
        snprintf(text, 48, "%.0f min", seconds / MINUTE);
    } else {
        snprintf(text, 48, "%.0f s", seconds);
    }
}

/* "12.3 ms" or "45.6 µs" or "1.23 s". */
static void format_time(char text[32], double seconds) {
    if (seconds >= 1) {
        snprintf(text, 32, "%.2f s", seconds);
    } else if (seconds >= 1e-3 || seconds == 0) {
        snprintf(text, 32, "%.2f ms", 1e3 * seconds);
    } else {
        snprintf(text, 32, "%.1f µs", 1e6 * seconds);
    }
}

static const char *plural_ending(int count) {
    return count == 1 ? "" : "s";
}

static void print_shares(const wt_forecast_case *run, const wt_forecast *forecast) {
    printf("plan             %d node%s, %d rank%s of %d thread%s; %d microbatch%s, ", run->nodes,
           plural_ending(run->nodes), run->ranks, plural_ending(run->ranks), run->threads,
           plural_ending(run->threads), forecast->microbatches, forecast->microbatches == 1 ? "" : "es");
    if (forecast->first_microbatches == forecast->own_microbatches) {
        printf("%d per rank\n", forecast->own_microbatches);
    } else {
        printf("%d or %d per rank\n", forecast->first_microbatches, forecast->own_microbatches);
    }
}

/* The parts of a rank's memory, in lines of 80 columns. */
static void print_parts(const wt_memory_forecast *memory) {
    const struct {
        const char *name;
        int64_t bytes;
    } parts[] = {{"activations", memory->pass},      {"parameters and moments", memory->state},
                 {"gradients", memory->exchange},    {"data", memory->data},
                 {"validation", memory->validation}, {"checkpoints", memory->checkpoint},
                 {"the program", memory->process}};
    enum { PARTS = sizeof parts / sizeof *parts, INDENT = 17 };
    char text[512];
    size_t used = 0;
    for (int i = 0; i < PARTS; i++) {
        if (parts[i].bytes == 0) continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %.1f", used ? ", " : "",
                                 parts[i].name, (double)parts[i].bytes / 1048576.0);
    }
    printf("%*s", INDENT, "");
    wt_command_print_wrapped(stdout, text, INDENT);
}

static void print_memory(const wt_plan *plan) {
    const wt_forecast *forecast = &plan->forecast;
    const char *limit;
    char first[32], other[32], node[32], has[32];
    const int64_t available = wt_plan_node_memory(plan->options, &limit);
    format_bytes(first, forecast->first.all);
    format_bytes(other, forecast->other.all);
    format_bytes(node, forecast->node_memory);
    format_bytes(has, available);
    printf("memory per rank  %s", first);
    if (plan->run.ranks > 1) printf(" of rank 0, which writes; %s of others", other);
    printf("; in MiB:\n");
    print_parts(&forecast->first);
    printf("memory per node  %s", node);
    if (available > 0) printf(" of %s (%s)", has, limit);
    printf("\n");
}

static void print_checkpoint_size(const wt_plan *plan) {
    char folder[WT_PATH_MAX], size[32], space[32];
    const long long left = wt_plan_free_bytes(folder, plan->path);
    format_bytes(size, plan->forecast.checkpoint_bytes);
    printf("checkpoint       %s per file, up to %d of them", size, plan->run.config->checkpoint.keep + 1);
    if (left >= 0) {
        format_bytes(space, left);
        printf("; %s are free", space);
    }
    printf("\n");
}

/* "12.3 GFLOP". */
static void format_operations(char text[32], double operations) {
    static const char *const units[] = {"MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP"};
    enum { UNITS = sizeof units / sizeof *units };
    int unit = 0;
    double value = 1e-6 * operations;
    for (; value >= 1000 && unit + 1 < UNITS; unit++) value /= 1000;
    snprintf(text, 32, "%.4g %s", value, units[unit]);
}

static void print_work(const wt_forecast_case *run) {
    const int targets = wt_network_targets(run->network, run->config->data.window, run->config->data.stride);
    const double step = 3.0 * wt_network_operations(run->network, targets) * targets *
                        run->config->train.batch;
    char one[32], all[32];
    format_operations(one, step);
    format_operations(all, step * (double)run->config->train.steps);
    printf("work             %s per step, %s in all %" PRId64 "\n", one, all, run->config->train.steps);
}

static void print_times(const wt_plan *plan) {
    const wt_forecast *forecast = &plan->forecast;
    char step[32], compute[32], exposed[32], exchange[32], all[48];
    format_time(step, forecast->step);
    format_time(compute, forecast->compute);
    format_time(exposed, forecast->exposed);
    format_time(exchange, forecast->exchange);
    format_run_duration(all, forecast->step * (double)plan->run.config->train.steps);
    printf("time of a step   %s", step);
    if (plan->run.ranks > 1) printf(": %s of computing, %s of exchange", compute, exposed);
    printf("\n");
    if (plan->run.ranks > 1)
        printf("exchange         %s, of which %s (%.1f %% of a step) are exposed\n", exchange, exposed,
               forecast->step > 0 ? 100 * forecast->exposed / forecast->step : 0.0);
    printf("time of the run  %s, %.3g node-hours, without validation and checkpoints\n", all,
           forecast->node_hours);
}

static void print_source(const wt_forecast_case *run, const char *path) {
    char text[WT_PATH_MAX + 512];
    snprintf(text, sizeof text, "by %s: %s, kernels %s", path, run->calibration->cpu,
             run->rates_of ? run->rates_of : run->kernels->name);
    printf("times            ");
    wt_command_print_wrapped(stdout, text, 17);
}

void wt_plan_print(const wt_plan *plan) {
    const wt_forecast *forecast = &plan->forecast;
    print_shares(&plan->run, forecast);
    print_memory(plan);
    print_checkpoint_size(plan);
    print_work(&plan->run);
    if (forecast->timed && forecast->linked) {
        print_times(plan);
    } else if (forecast->timed) {
        char compute[32];
        format_time(compute, forecast->compute);
        printf("time of a step   %s of computing, and the exchange, which is not known\n", compute);
    }
    if (forecast->timed) print_source(&plan->run, plan->calibration_path);
    fflush(stdout);
    if (forecast->timed && !forecast->linked) {
        wt_log_warning("no time of the exchange: the link between nodes is not known (expected --latency and "
                       "--bandwidth, or wavetrain bench calibrate on two nodes with a rank each)");
    }
    wt_plan_warn(plan);
}

/* What can't be is refused before anything is read. */
static wt_status make_plan(wt_plan *plan) {
    wt_forecast_case *run = &plan->run;
    bool loaded = false;
    WT_TRY(wt_kernels_select(&run->kernels, run->config->run.backend, run->config->train.precision));
    WT_TRY(wt_forecast_microbatches(&plan->forecast, run));
    WT_TRY(measure_data(run, &plan->data));
    WT_TRY(wt_plan_load_calibration(&plan->calibration, plan->options->calibration, plan->calibration_path,
                                    &loaded));
    if (loaded) run->calibration = &plan->calibration;
    wt_plan_choose_rates(run, plan->calibration_path);
    return wt_forecast_make(&plan->forecast, run);
}

wt_status wt_plan_create(wt_plan **out, const wt_plan_options *options, const wt_config *config,
                         const wt_network *network, const char *path) {
    wt_plan *plan;
    *out = NULL;
    WT_TRY(wt_alloc(&plan, 1, sizeof *plan, "a plan"));
    plan->options = options;
    plan->path = path;
    const int nodes = options->nodes ? options->nodes : 1;
    plan->run = (wt_forecast_case){.config = config,
                                   .network = network,
                                   .ranks = options->ranks ? options->ranks : nodes,
                                   .threads = options->threads ? options->threads : 1,
                                   .nodes = nodes,
                                   .link = {1e-6 * options->latency, 1e9 / 8 * options->bandwidth}};
    wt_status status = make_plan(plan);
    if (status == WT_OK) {
        *out = plan;
    } else {
        wt_free(plan);
    }
    return status;
}
