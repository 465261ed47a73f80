/*
 * The training step. wt_step_run, at the end, reads as the data flows. Whatever a step needs that is not the
 * same on all ranks (a loader's error, a signal) travels to rank 0 with the microbatches' results and comes
 * back as part of its decision, so that no rank ever waits for one that has left.
 *
 * Sums over microbatches are made in the tree of the exchange, or on rank 0 in the order of the microbatches;
 * so neither ranks nor the microbatches at once change a bit of them.
 */
#include "train/step.h"

#include <limits.h>
#include <omp.h>
#include <string.h>

#include "base/memory.h"
#include "base/timer.h"
#include "comm/ranks.h"
#include "train/restore.h"

union wt_step_result {
    wt_microbatch_result microbatch;
    wt_rank_report rank;
};

/* --- microbatches --- */

int wt_step_windows_at_once(int targets, int most) {
    enum { TILE = 256, TILES_PER_THREAD = 4 };
    int tiles = (targets + TILE - 1) / TILE;
    int wanted = (TILES_PER_THREAD * omp_get_max_threads() + tiles - 1) / tiles;
    return wanted < 1 ? 1 : wanted < most ? wanted : most;
}

int wt_step_microbatches_at_once(const wt_config *config, const wt_network *network, int own) {
    const int windows = config->train.batch / wt_config_microbatches(config);
    int wanted = config->train.microbatches_at_once;
    if (wanted == 0) {
        const int all = wt_step_windows_at_once(
            wt_network_targets(network, config->data.window, config->data.stride), own * windows);
        wanted = (all + windows - 1) / windows;
    }
    /* batch norm has sums over all microbatches in the midst of a pass */
    return wanted < own && wt_engine_microbatch_sums(wt_network_graph(network)) == 0 ? wanted : own;
}

wt_status wt_step_microbatches_share(wt_microbatches *microbatches, const wt_config *config,
                                     const wt_network *network, int rank, int ranks) {
    const int count = wt_config_microbatches(config);
    WT_CHECK(ranks <= count, WT_USAGE,
             "more ranks than microbatches (got %d ranks, expected at most %d: a step has %d windows in %d "
             "microbatches; "
             "see train.batch and train.microbatches)",
             ranks, count, config->train.batch, count);
    const int64_t sums = (int64_t)wt_engine_microbatch_sums(wt_network_graph(network)) * count;
    WT_CHECK(sums <= INT_MAX, WT_USAGE,
             "batch norm has too many sums of microbatches (got %lld, expected at most %d; see "
             "train.microbatches)",
             (long long)sums, INT_MAX);
    microbatches->count = count;
    microbatches->windows = config->train.batch / count;
    wt_comm_microbatches(rank, ranks, count, &microbatches->first, &microbatches->end);
    microbatches->at_once = wt_step_microbatches_at_once(config, network,
                                                         microbatches->end - microbatches->first);
    return WT_OK;
}

static int count_own(const wt_step *step) {
    return step->microbatches.end - step->microbatches.first;
}

/* --- memory --- */

static wt_engine_shape shape_pass(const wt_step *step) {
    return (wt_engine_shape){
        .windows = step->microbatches.at_once * step->microbatches.windows,
        .targets = wt_network_targets(step->network, step->config->data.window, step->config->data.stride),
        .backward = true,
        .recompute = step->config->train.activations == WT_ACTIVATIONS_RECOMPUTED,
        .microbatch_windows = step->microbatches.windows};
}

int64_t wt_step_pass_bytes(const wt_step *step) {
    const wt_engine_shape shape = shape_pass(step);
    return wt_engine_bytes(wt_network_graph(step->network), step->kernels, &shape);
}

static wt_status create_exchange(wt_step *step) {
    const wt_exchange_config *config = &step->config->exchange;
    const bool thread = config->progress == WT_DRIVE_THREAD; /* auto: calls leave less exposed, as measured */
    if (thread && !wt_comm_threads(step->comm) && wt_comm_rank(step->comm) == 0)
        wt_log_warning("exchange.progress: this MPI allows no thread for messages (got thread, takes test)");
    const double bucket = wt_exchange_bucket(step->comm, config->bucket);
    const wt_exchange_shape shape = {.microbatches = step->microbatches.count,
                                     .open_microbatches = step->microbatches.at_once,
                                     .count = wt_network_parameters(step->network)->trained,
                                     .bucket = (size_t)(bucket * 1024 * 1024) / sizeof(float),
                                     .thread = thread,
                                     .after = config->progress == WT_DRIVE_AFTER,
                                     .add = step->kernels->flat.add};
    return wt_exchange_create(&step->exchange, step->comm, &shape);
}

static wt_status create_replica(wt_step *step) {
    const wt_parameter_table *table = wt_network_parameters(step->network);
    WT_TRY(wt_alloc(&step->parameters, table->total, sizeof(wt_real), "parameters"));
    WT_TRY(wt_optimizer_init(&step->optimizer, wt_config_update_rule(step->config), table->total));
    return wt_train_set_update_ranges(&step->optimizer, table, step->config->optimizer.decay_on);
}

/* Rank 0's, to decide with. */
static wt_status create_results(wt_step *step) {
    const size_t ranks = (size_t)wt_comm_size(step->comm), count = (size_t)step->microbatches.count;
    WT_TRY(wt_alloc(&step->all, count + ranks, sizeof *step->all, "results of microbatches"));
    WT_TRY(wt_alloc(&step->reports, ranks, sizeof *step->reports, "reports of ranks"));
    return wt_alloc(&step->block_sums, wt_gradient_norm_blocks(wt_network_parameters(step->network)->total),
                    sizeof(double), "the gradient's norm");
}

static wt_status create_parts(wt_step *step) {
    const wt_microbatches *m = &step->microbatches;
    const size_t at_once = (size_t)m->at_once, windows = at_once * (size_t)m->windows;
    const size_t own = (size_t)count_own(step);
    const size_t sums = (size_t)wt_engine_microbatch_sums(wt_network_graph(step->network));
    const wt_engine_shape shape = shape_pass(step);
    WT_TRY(create_replica(step));
    WT_TRY(wt_engine_create(&step->pass, wt_network_graph(step->network), step->kernels, &shape));
    WT_TRY(wt_alloc(&step->losses, windows, sizeof *step->losses, "losses"));
    WT_TRY(wt_alloc(&step->gradients, at_once, sizeof *step->gradients, "gradients of microbatches"));
    WT_TRY(wt_alloc(&step->mine, own + 1, sizeof *step->mine, "results of microbatches"));
    WT_TRY(wt_alloc(&step->reduced, (size_t)m->count * sums, sizeof(double), "sums of microbatches"));
    if (wt_comm_rank(step->comm) == 0) WT_TRY(create_results(step));
    return create_exchange(step);
}

wt_status wt_step_create(wt_step **out, wt_comm *comm, const wt_config *config, const wt_kernels *kernels,
                         const wt_network *network, int32_t silence) {
    wt_step *step;
    *out = NULL;
    WT_TRY(wt_alloc(&step, 1, sizeof *step, "the training step"));
    step->comm = comm;
    step->config = config;
    step->kernels = kernels;
    step->network = network;
    step->silence = silence;
    wt_status status = wt_step_microbatches_share(&step->microbatches, config, network, wt_comm_rank(comm),
                                                  wt_comm_size(comm));
    if (status == WT_OK) status = create_parts(step);
    if (status == WT_OK) {
        *out = step;
    } else {
        wt_step_destroy(step);
    }
    return status;
}

void wt_step_destroy(wt_step *step) {
    if (!step) return;
    wt_exchange_destroy(step->exchange);
    wt_engine_destroy(step->pass);
    wt_optimizer_dispose(&step->optimizer);
    wt_free(step->parameters);
    wt_free(step->losses);
    wt_free(step->gradients);
    wt_free(step->mine);
    wt_free(step->all);
    wt_free(step->reports);
    wt_free(step->block_sums);
    wt_free(step->reduced);
    wt_free(step);
}

/* --- forward and backward --- */

/* Sums over the microbatches of all ranks that a pass needs on its way: batch norm's. */
static void reduce_sums(void *context, const double *microbatches, int count, double *sum) {
    wt_step *step = context;
    const wt_phase phase = step->timer.phase;
    wt_timer_enter(&step->timer, WT_PHASE_EXCHANGE);
    wt_comm_sum_microbatches(step->comm, step->microbatches.count, microbatches, count, step->reduced, sum);
    wt_timer_enter(&step->timer, phase);
}

static void pack_weights(wt_step *step, int64_t number) {
    const wt_engine_step pass = {.seed = (uint64_t)step->config->train.seed,
                                 .step = number,
                                 .first_microbatch = step->microbatches.first,
                                 .reduce = reduce_sums,
                                 .context = step};
    wt_timer_enter(&step->timer, WT_PHASE_DERIVE);
    wt_engine_pack(step->pass, step->parameters);
    wt_engine_begin_step(step->pass, &pass);
}

/* Backward has finished a range of the gradient in all microbatches of the group. */
static void hand_over(void *context, size_t offset, size_t count) {
    wt_step *step = context;
    wt_timer_enter(&step->timer, WT_PHASE_EXCHANGE);
    wt_exchange_ready(step->exchange, offset, count);
    wt_timer_enter(&step->timer, WT_PHASE_BACKWARD);
}

static void move_messages(void *context) {
    wt_step *step = context;
    wt_timer_enter(&step->timer, WT_PHASE_EXCHANGE);
    wt_exchange_advance(step->exchange);
    wt_timer_enter(&step->timer, WT_PHASE_BACKWARD);
}

/* Adds up a microbatch's windows in order, and counts its targets that are silence. */
static void note_microbatch(wt_step *step, const wt_batch *batch, int own, const wt_window_loss *losses) {
    const int windows = step->microbatches.windows;
    wt_microbatch_result *result = &step->mine[own].microbatch;
    *result = (wt_microbatch_result){0.0, 0, 0};
    for (int i = 0; i < windows; i++) {
        const int slot = own * windows + i;
        const int32_t *targets = batch->target + (size_t)slot * (size_t)batch->targets;
        result->loss += losses[i].loss;
        result->targets += losses[i].targets;
        for (int t = 0; t < batch->target_count[slot]; t++) result->silence += targets[t] == step->silence;
    }
}

static void open_gradients(wt_step *step, int first, int count) {
    for (int i = 0; i < count; i++) step->gradients[i] = wt_exchange_microbatch(step->exchange, first + i);
}

/* Microbatches first … first+count−1 together, layer by layer. */
static void run_wave(wt_step *step, const wt_batch *batch, int first, int count) {
    const int windows = step->microbatches.windows, own = first - step->microbatches.first;
    const wt_engine_listener listener = {hand_over, move_messages, step};
    wt_timer_enter(&step->timer, WT_PHASE_FORWARD);
    wt_engine_forward(step->pass, batch, own * windows, count * windows, step->losses);
    for (int i = 0; i < count; i++) note_microbatch(step, batch, own + i, step->losses + i * windows);
    wt_timer_enter(&step->timer, WT_PHASE_EXCHANGE);
    open_gradients(step, first, count);
    wt_timer_enter(&step->timer, WT_PHASE_BACKWARD);
    wt_engine_backward(step->pass, step->gradients, &listener);
}

/* A rank without a batch takes part in the exchange with gradients of zero until rank 0 ends the run. */
static void run_nothing(wt_step *step) {
    const wt_microbatches *m = &step->microbatches;
    const int own = count_own(step);
    const size_t trained = wt_network_parameters(step->network)->trained;
    for (int i = 0; i < own; i++) step->mine[i].microbatch = (wt_microbatch_result){0.0, 0, 0};
    if (wt_engine_microbatch_sums(
            wt_network_graph(step->network))) { /* the others wait for this rank's part of them */
        wt_engine_forward(step->pass, NULL, 0, own * m->windows, step->losses);
        open_gradients(step, m->first, own);
        wt_engine_backward(step->pass, step->gradients, NULL);
        wt_exchange_ready(step->exchange, 0, trained);
        return;
    }
    for (int microbatch = m->first; microbatch < m->end; microbatch++) {
        float *gradient = wt_exchange_microbatch(step->exchange, microbatch);
        memset(gradient, 0, trained * sizeof *gradient);
        wt_exchange_ready(step->exchange, 0, trained);
    }
}

/* At the exchange: what this rank did since the last one by itself, the update after that one included. */
static void note_busy(wt_step *step) {
    static const wt_phase phases[] = {WT_PHASE_UPDATE, WT_PHASE_DATA, WT_PHASE_DERIVE, WT_PHASE_FORWARD,
                                      WT_PHASE_BACKWARD};
    double busy = 0;
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) busy += step->timer.seconds[phases[i]];
    step->busy = busy - step->busy_before;
    step->busy_before = busy;
}

/* The sum over all microbatches, [trained]; the exchange's own. */
static const wt_real *complete_exchange(wt_step *step) {
    double added;
    wt_timer_enter(&step->timer, WT_PHASE_WAIT);
    note_busy(step);
    const wt_real *gradient = wt_exchange_complete(step->exchange, &added);
    wt_timer_enter(&step->timer, WT_PHASE_DECIDE);
    wt_timer_move(&step->timer, WT_PHASE_WAIT, WT_PHASE_EXCHANGE, added);
    return gradient;
}

/* --- the decision --- */

/* This rank's peak of memory; looked for once a second, since a step may take no more than the look. */
static int64_t look_at_memory(wt_step *step) {
    if (step->began - step->looked_at >= 1.0) {
        step->looked_at = step->began;
        step->peak_bytes = wt_memory_peak_resident();
    }
    return step->peak_bytes;
}

/* The step's results of all ranks on rank 0: each rank's microbatches in order, then its report. */
static void gather_results(wt_step *step) {
    const int own = count_own(step);
    step->mine[own].rank = (wt_rank_report){.busy = step->busy,
                                            .peak_bytes = look_at_memory(step),
                                            .signal = wt_comm_signal(),
                                            .failed = step->batch_status};
    wt_comm_gather(step->comm, step->mine, (size_t)(own + 1) * sizeof *step->mine, step->all);
}

/* Adds the microbatches in order, and takes the ranks' reports. */
static wt_microbatch_result add_microbatches(wt_step *step) {
    const int ranks = wt_comm_size(step->comm);
    wt_microbatch_result sum = {0.0, 0, 0};
    const wt_step_result *at = step->all;
    for (int rank = 0; rank < ranks; rank++, at++) {
        int first, end;
        wt_comm_microbatches(rank, ranks, step->microbatches.count, &first, &end);
        for (int microbatch = first; microbatch < end; microbatch++, at++) {
            sum.loss += at->microbatch.loss;
            sum.targets += at->microbatch.targets;
            sum.silence += at->microbatch.silence;
        }
        step->reports[rank] = at->rank;
    }
    return sum;
}

double wt_step_norm(wt_step *step, const wt_real *gradient, double scale) {
    return wt_gradient_norm(step->kernels, gradient, wt_network_parameters(step->network)->trained, scale,
                            step->block_sums);
}

/* Rank 0 decides, and all get its decision. A failure of the decision itself, or of a rank's batch, ends the
 * run everywhere. */
static wt_status agree_on_step(wt_step *step, const wt_real *gradient, const wt_step_caller *caller,
                               wt_decision *decision) {
    wt_status status = step->batch_status;
    memset(decision, 0, sizeof *decision);
    gather_results(step);
    if (wt_comm_rank(step->comm) == 0) {
        const wt_microbatch_result sum = add_microbatches(step);
        for (int rank = 0; rank < wt_comm_size(step->comm); rank++) {
            if (step->reports[rank].failed) decision->failed = step->reports[rank].failed;
        }
        wt_status decided = caller->decide(caller->context, &sum, gradient, decision);
        if (decided != WT_OK) {
            decision->failed = decided;
            if (status == WT_OK) status = decided;
        }
    }
    wt_comm_broadcast(step->comm, decision, sizeof *decision);
    return decision->failed ? wt_comm_agree(step->comm, status) : WT_OK;
}

/* The same everywhere. */
static void apply_update(wt_step *step, const wt_real *gradient, const wt_update *update) {
    wt_engine_commit(step->pass, step->parameters); /* running statistics, before the mean takes them in */
    wt_optimizer_step(&step->optimizer, step->kernels, &step->config->optimizer, update, gradient,
                      step->parameters);
}

/* --- the step --- */

wt_status wt_step_run(wt_step *step, int64_t number, const wt_step_caller *caller, wt_decision *decision) {
    const wt_microbatches *m = &step->microbatches;
    step->began = wt_time_now();

    /* batch: the windows of this rank's microbatches */
    const wt_batch *batch = NULL;
    step->batch_status = caller->batch(caller->context, &batch);

    /* forward and backward, group after group of microbatches; each microbatch's gradient goes into the tree
     * of the exchange */
    pack_weights(step, number);
    for (int first = m->first; step->batch_status == WT_OK && first < m->end; first += m->at_once)
        run_wave(step, batch, first, m->end - first < m->at_once ? m->end - first : m->at_once);
    if (step->batch_status != WT_OK) run_nothing(step);

    /* the sum over all microbatches, then rank 0's decision */
    const wt_real *gradient = complete_exchange(step);
    WT_TRY(agree_on_step(step, gradient, caller, decision));
    if (decision->roll_back) return WT_OK;

    /* the same update everywhere */
    wt_timer_enter(&step->timer, WT_PHASE_UPDATE);
    if (!decision->skip) apply_update(step, gradient, &decision->update);
    return WT_OK;
}
