/*
 * Memory of a rank: what each part of the trainer asks for, in the trainer's own words (the functions that
 * say what a pass, a loader or a data set takes are those of their modules), and what the process has
 * beside it. Everything that is asked for is zeroed, so it is resident.
 */
#include <omp.h>

#include "base/memory.h"
#include "comm/exchange.h"
#include "data/batches.h"
#include "engine/engine.h"
#include "optim/optim.h"
#include "predict/calibration.h"
#include "predict/forecast.h"
#include "predict_internal.h"
#include "train/evaluation.h"
#include "wavetrain/train.h"

/* A process's own, where no calibration says it: as measured with Debian 12's Open MPI, OpenBLAS and HDF5. */
#define WT_PROCESS_BYTES (34.0 * 1048576.0)
#define WT_RANK_BYTES (0.1 * 1048576.0)
#define WT_THREAD_BYTES (0.1 * 1048576.0)

enum {
    WT_WRITER_BYTES = 5 << 20, /* of a process's own that only rank 0 has, which writes with HDF5 */
    WT_FILE_HEAD = 40 << 10,   /* of a checkpoint: attributes, with the configuration */
    WT_FILE_TENSOR = 560       /* HDF5's own for each tensor of it */
};

static int64_t forecast_process_bytes(const wt_forecast_case *run, int ranks_on_node) {
    const wt_calibration *c = run->calibration;
    const double base = c ? c->base_bytes : WT_PROCESS_BYTES, rank = c ? c->rank_bytes : WT_RANK_BYTES,
                 thread = c ? c->thread_bytes : WT_THREAD_BYTES;
    return (int64_t)(base + rank * (ranks_on_node - 1) + thread * (run->threads - 1));
}

static int count_buffers(const wt_forecast_case *run) {
    int buffers = 1;
    for (int m = 0; m < WT_MOMENTS; m++)
        buffers += wt_optimizer_keeps(wt_config_update_rule(run->config), (wt_moment)m);
    return buffers;
}

int64_t wt_forecast_state_bytes(const wt_forecast_case *run) {
    return count_buffers(run) * (int64_t)(wt_network_parameters(run->network)->total * sizeof(wt_real));
}

/* Max number of nodes of the tree that are kept in addition to the microbatches of a group. */
static int count_gradient_buffers(int own, int at_once) {
    int most = 0;
    for (int microbatch = 0; microbatch < own; microbatch += at_once) {
        const int open = own - microbatch < at_once ? own - microbatch : at_once;
        const int height = __builtin_popcount((unsigned)microbatch);
        if (height + open > most) most = height + open;
    }
    return most;
}

static int64_t forecast_exchange_bytes(const wt_forecast_case *run, int own, int at_once) {
    const int64_t gradient = (int64_t)(wt_network_parameters(run->network)->trained * sizeof(float));
    int64_t bytes = wt_memory_huge_bytes(count_gradient_buffers(own, at_once) * gradient);
    if (run->ranks == 1) return bytes;
    int64_t bucket = (int64_t)(1048576.0 *
                               wt_exchange_bucket_mib(run->nodes > 1, run->config->exchange.bucket));
    if (bucket > gradient) bucket = gradient;
    const int64_t buckets = (gradient + bucket - 1) / bucket, flights = wt_exchange_buckets_in_flight();
    return bytes + wt_memory_huge_bytes((buckets < flights ? buckets : flights) * bucket);
}

static int64_t forecast_validation_bytes(const wt_forecast_case *run) {
    const wt_config *config = run->config;
    int64_t windows = run->data.validation_windows;
    if (config->validation.every == 0 || windows == 0) return 0;
    if (config->validation.windows > 0 && config->validation.windows < windows)
        windows = config->validation.windows;
    const int64_t part = (windows + run->ranks - 1) / run->ranks;
    const int targets = wt_forecast_targets(run),
              context = wt_network_get_traits(run->network)->receptive_field;
    const int slots = wt_evaluator_slots(targets, context, part);
    const wt_engine_shape shape = {.windows = slots, .targets = targets};
    const wt_batch_shape batch = {.windows = slots,
                                  .targets = targets,
                                  .context = context,
                                  .input = wt_network_get_traits(run->network)->input_kind,
                                  .values = wt_network_get_traits(run->network)->values};
    return wt_engine_bytes(wt_network_graph(run->network), run->kernels, &shape) +
           wt_loader_bytes(&batch, wt_forecast_channels(run)) + run->data.validation_bytes +
           (part + windows) * (int64_t)sizeof(wt_score);
}

static int64_t forecast_file_bytes(const wt_forecast_case *run) {
    const int tensors = wt_network_parameters(run->network)->count * count_buffers(run);
    return wt_forecast_state_bytes(run) + WT_FILE_HEAD + (int64_t)tensors * WT_FILE_TENSOR;
}

/* The writer's copy stays; the tensors in PyTorch's order (with space for all moments) and the file, which
 * HDF5 holds too, are there while it writes. */
static int64_t forecast_checkpoint_bytes(const wt_forecast_case *run) {
    const int64_t exported = (1 + WT_MOMENTS) *
                             (int64_t)(wt_network_parameters(run->network)->total * sizeof(float));
    return wt_forecast_state_bytes(run) + exported + 2 * forecast_file_bytes(run);
}

static void forecast_rank_memory(wt_memory_forecast *memory, const wt_forecast_case *run,
                                 const wt_forecast *forecast, int own, int at_once) {
    const int targets = wt_forecast_targets(run);
    const wt_engine_shape shape = {.windows = at_once * forecast->microbatch_windows,
                                   .targets = targets,
                                   .backward = true,
                                   .recompute = run->config->train.activations == WT_ACTIVATIONS_RECOMPUTED,
                                   .microbatch_windows = forecast->microbatch_windows};
    const wt_batch_shape batch = {.windows = own * forecast->microbatch_windows,
                                  .targets = targets,
                                  .context = wt_network_get_traits(run->network)->receptive_field,
                                  .input = wt_network_get_traits(run->network)->input_kind,
                                  .values = wt_network_get_traits(run->network)->values};
    *memory = (wt_memory_forecast){
        .process = forecast_process_bytes(run, forecast->ranks_on_node),
        .pass = wt_engine_bytes(wt_network_graph(run->network), run->kernels, &shape),
        .state = wt_forecast_state_bytes(run),
        .exchange = forecast_exchange_bytes(run, own, at_once),
        .data = run->data.train_bytes + wt_loader_bytes(&batch, wt_forecast_channels(run)),
        .validation = forecast_validation_bytes(run),
    };
}

static void sum_memory(wt_memory_forecast *memory) {
    memory->all = memory->process + memory->pass + memory->state + memory->exchange + memory->data +
                  memory->validation + memory->checkpoint;
}

void wt_forecast_memory(wt_forecast *forecast, const wt_forecast_case *run) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(run->threads); /* a pass has scratch for each */
    forecast_rank_memory(&forecast->first, run, forecast, forecast->first_microbatches,
                         forecast->first_at_once);
    forecast_rank_memory(&forecast->other, run, forecast, forecast->own_microbatches,
                         forecast->microbatches_at_once);
    omp_set_num_threads(before);
    forecast->checkpoint_bytes = forecast_file_bytes(run);
    forecast->first.checkpoint = forecast_checkpoint_bytes(run);
    forecast->other.process -= WT_WRITER_BYTES;
    sum_memory(&forecast->first);
    sum_memory(&forecast->other);
    const int64_t first = forecast->first.all, other = forecast->other.all;
    forecast->memory = run->ranks == 1 || first > other ? first : other;
    forecast->node_memory = first + (forecast->ranks_on_node - 1) * other;
}
