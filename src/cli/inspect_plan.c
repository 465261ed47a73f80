/* wavetrain inspect CONFIG --ranks P --threads T --nodes N: the plan of predict/run_plan.h in words. */
#include <inttypes.h>
#include <stdio.h>

#include "base/output.h"
#include "base/units.h"
#include "command_internal.h"
#include "config/sections.h"
#include "inspect_internal.h"
#include "network/network_model.h"

/* --- options --- */

bool wt_plan_asked(const wt_plan_options *options) {
    return options->ranks || options->threads || options->nodes || options->calibration ||
           options->bandwidth > 0 || options->node_memory > 0;
}

wt_status wt_plan_read_options(wt_plan_request *request, const wt_plan_options *options) {
    enum { NUMBER_MAX = 1 << 20 };
    const wt_command_number numbers[] = {
        {"--ranks", options->ranks ? options->ranks : 1, 1, NUMBER_MAX},
        {"--threads", options->threads ? options->threads : 1, 1, NUMBER_MAX},
        {"--nodes", options->nodes ? options->nodes : 1, 1, NUMBER_MAX}};
    WT_TRY(wt_command_check_numbers(numbers, 3));
    WT_CHECK(options->node_memory >= 0, WT_USAGE,
             "--node-memory: out of range (got %g, expected none below 0)", options->node_memory);
    *request = (wt_plan_request){.ranks = options->ranks,
                                 .threads = options->threads,
                                 .nodes = options->nodes,
                                 .calibration = options->calibration,
                                 .node_memory = (int64_t)(options->node_memory * 1073741824.0)};
    return wt_command_parse_link(&request->link, options->latency, options->bandwidth);
}

/* --- lines --- */

static void print_shares(const wt_forecast_case *run, const wt_forecast *forecast) {
    printf("plan             %d node%s, %d rank%s of %d thread%s; %d microbatch%s, ", run->nodes,
           wt_command_plural(run->nodes), run->ranks, wt_command_plural(run->ranks), run->threads,
           wt_command_plural(run->threads), forecast->microbatches, forecast->microbatches == 1 ? "" : "es");
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
    wt_output_wrap(stdout, text, INDENT);
}

static void print_memory(const wt_plan *plan) {
    const wt_forecast *forecast = &plan->forecast;
    char first[WT_UNITS], other[WT_UNITS], node[WT_UNITS], has[WT_UNITS];
    wt_units_bytes(first, forecast->first.all);
    wt_units_bytes(other, forecast->other.all);
    wt_units_bytes(node, forecast->node_memory);
    wt_units_bytes(has, plan->node.memory);
    printf("memory per rank  %s", first);
    if (plan->run.ranks > 1) printf(" of rank 0, which writes; %s of others", other);
    printf("; in MiB:\n");
    print_parts(&forecast->first);
    printf("memory per node  %s", node);
    if (plan->node.memory > 0) printf(" of %s (%s)", has, plan->node.limit);
    printf("\n");
}

static void print_checkpoint_size(const wt_plan *plan) {
    char size[WT_UNITS], space[WT_UNITS];
    const long long left = plan->node.free_bytes;
    wt_units_bytes(size, plan->forecast.checkpoint_bytes);
    printf("checkpoint       %s per file, up to %d of them", size, plan->run.config->checkpoint.keep + 1);
    if (left >= 0) {
        wt_units_bytes(space, left);
        printf("; %s are free", space);
    }
    printf("\n");
}

static void print_work(const wt_plan *plan) {
    const wt_train_config *train = &plan->run.config->train;
    const double step = 3.0 * plan->step.operations * plan->step.targets * train->batch;
    char one[WT_UNITS], all[WT_UNITS];
    wt_units_operations(one, step);
    wt_units_operations(all, step * (double)train->steps);
    printf("work             %s per step, %s in all %" PRId64 "\n", one, all, train->steps);
}

static void print_times(const wt_plan *plan) {
    const wt_forecast *forecast = &plan->forecast;
    char step[WT_UNITS], compute[WT_UNITS], exposed[WT_UNITS], exchange[WT_UNITS], all[WT_UNITS];
    wt_units_time(step, forecast->step);
    wt_units_time(compute, forecast->compute);
    wt_units_time(exposed, forecast->exposed);
    wt_units_time(exchange, forecast->exchange);
    wt_units_duration(all, forecast->step * (double)plan->run.config->train.steps);
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
    wt_output_wrap(stdout, text, 17);
}

static void print_warning(void *context, const char *text) {
    (void)context;
    wt_log_warning("%s", text);
}

void wt_plan_print(const wt_plan *plan) {
    const wt_forecast *forecast = &plan->forecast;
    print_shares(&plan->run, forecast);
    print_memory(plan);
    print_checkpoint_size(plan);
    print_work(plan);
    if (forecast->timed && forecast->linked) {
        print_times(plan);
    } else if (forecast->timed) {
        char compute[WT_UNITS];
        wt_units_time(compute, forecast->compute);
        printf("time of a step   %s of computing, and the exchange, which is not known\n", compute);
    }
    if (forecast->timed) print_source(&plan->run, plan->calibration_path);
    fflush(stdout);
    wt_plan_warn(plan, print_warning, NULL);
}
