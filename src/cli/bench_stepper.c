/*
 * What a training step takes, without what data, rank 0's guard and files add: derived weights, forward, backward with the
 * exchange, norm, update, as wt_trainer_step makes them, on random input. For the commands that measure steps.
 */
#include "bench_stepper.h"

#include <string.h>

#include "wavetrain/data.h"
#include "wavetrain/log.h"
#include "wavetrain/memory.h"
#include "wavetrain/random.h"
#include "wavetrain/train.h"

/* A one-hot or real signal without any pattern. */
static void wt_fill_batch(wt_batch *batch, int classes, uint64_t rank) {
    const int rows = wt_batch_rows(batch);
    const size_t inputs = (size_t)batch->windows * (size_t)rows;
    const size_t targets = (size_t)batch->windows * (size_t)batch->targets;
    for (int w = 0; w < batch->windows; w++) batch->target_count[w] = batch->targets;
    for (size_t i = 0; batch->classes && i < inputs; i++) {
        batch->classes[i] = (int32_t)(classes * wt_random_uniform(rank, WT_RANDOM_TEST, 0, i));
    }
    for (size_t i = 0; batch->signal && i < inputs * (size_t)batch->channels; i++) {
        batch->signal[i] = (wt_real)wt_random_uniform(rank, WT_RANDOM_TEST, 0, i) - 0.5f;
    }
    for (size_t i = 0; i < targets; i++) {
        batch->target[i] = (int32_t)(classes * wt_random_uniform(rank, WT_RANDOM_TEST, 1, i));
    }
}

enum { CHANNELS = 1 }; /* of a real input */

static void wt_share_lanes(wt_stepper *stepper) {
    const wt_config *config = &stepper->config;
    const int ranks = wt_comm_size(stepper->comm);
    stepper->lanes = wt_config_lanes(config);
    if (config->train.lanes == 0 && stepper->lanes < ranks) stepper->lanes = ranks;
    stepper->lane_windows = config->train.batch / stepper->lanes;
    wt_comm_lanes(wt_comm_rank(stepper->comm), ranks, stepper->lanes, &stepper->first_lane,
                  &stepper->end_lane);
    const int own = stepper->end_lane - stepper->first_lane;
    int wanted = config->train.lanes_at_once;
    if (wanted == 0) {
        int windows = wt_windows_at_once(config->data.window, own * stepper->lane_windows);
        wanted = (windows + stepper->lane_windows - 1) / stepper->lane_windows;
    }
    stepper->lanes_at_once = wanted < own && !wt_network_lane_sums(stepper->network) ? wanted : own;
}

static wt_status wt_take_state(wt_stepper *stepper) {
    const wt_config *config = &stepper->config;
    wt_quantization quantization = config->data.quantization;
    WT_TRY(wt_data_classes(&quantization.levels, &config->data));
    const size_t total = stepper->network->parameters.total;
    const int own = (stepper->end_lane - stepper->first_lane) * stepper->lane_windows;
    const wt_pass_shape shape = {stepper->lanes_at_once * stepper->lane_windows, config->data.window, true,
                                 config->train.activations == WT_ACTIVATIONS_RECOMPUTED};
    const wt_batch_shape batch = {own, config->data.window, stepper->network->receptive_field,
                                  config->model.input, quantization};
    WT_TRY(wt_alloc(&stepper->parameters, total, sizeof(wt_real), "parameters"));
    wt_network_initialise(stepper->network, stepper->parameters, (uint64_t)config->train.seed);
    WT_TRY(wt_optimizer_init(&stepper->optimizer, config, total));
    WT_TRY(
        wt_set_update_ranges(&stepper->optimizer, &stepper->network->parameters, config->optimizer.decay_on));
    WT_TRY(wt_alloc(&stepper->lane_sums,
                    (size_t)stepper->lanes * (size_t)wt_network_lane_sums(stepper->network), sizeof(double),
                    "sums of lanes"));
    WT_TRY(wt_batch_create(&stepper->batch, &batch, CHANNELS));
    wt_fill_batch(stepper->batch, quantization.levels, (uint64_t)wt_comm_rank(stepper->comm));
    WT_TRY(wt_pass_create(&stepper->pass, stepper->network, stepper->kernels, &shape));
    WT_TRY(wt_alloc(&stepper->losses, (size_t)own, sizeof *stepper->losses, "losses"));
    WT_TRY(wt_alloc(&stepper->lane_gradients, (size_t)stepper->lanes_at_once, sizeof *stepper->lane_gradients,
                    "gradients of lanes"));
    WT_TRY(wt_alloc(&stepper->block_sums, wt_norm_blocks(total), sizeof(double), "the gradient's norm"));
    stepper->estimate = wt_pass_bytes(stepper->network, stepper->kernels, &shape) +
                        (int64_t)(3 * total * sizeof(wt_real));
    return WT_OK;
}

void wt_stepper_destroy(wt_stepper *stepper) {
    if (!stepper) return;
    wt_exchange_destroy(stepper->exchange);
    wt_pass_destroy(stepper->pass);
    wt_batch_destroy(stepper->batch);
    wt_optimizer_dispose(&stepper->optimizer);
    wt_network_destroy(stepper->network);
    wt_free(stepper->parameters);
    wt_free(stepper->losses);
    wt_free(stepper->lane_gradients);
    wt_free(stepper->block_sums);
    wt_free(stepper->lane_sums);
    wt_free(stepper);
}

/* Fails on one rank alone, perhaps. */
static wt_status wt_prepare(wt_stepper *stepper, const char *name, const wt_config *config) {
    int classes;
    stepper->name = name;
    stepper->config = *config;
    WT_TRY(wt_kernels_select(&stepper->kernels, config->run.backend, config->train.precision));
    WT_TRY(wt_data_classes(&classes, &config->data));
    WT_TRY(wt_network_create(&stepper->network, &config->model, classes, CHANNELS));
    wt_share_lanes(stepper);
    WT_CHECK(stepper->lanes >= wt_comm_size(stepper->comm), WT_USAGE,
             "train.lanes: fewer than ranks (got %d lanes, expected at least %d)", stepper->lanes,
             wt_comm_size(stepper->comm));
    return wt_take_state(stepper);
}

wt_status wt_stepper_create(wt_stepper **out, wt_comm *comm, const char *name, const wt_config *config) {
    wt_stepper *stepper;
    *out = NULL;
    wt_status status = wt_alloc(&stepper, 1, sizeof *stepper, "the measurement");
    if (status == WT_OK) {
        stepper->comm = comm;
        status = wt_prepare(stepper, name, config);
    }
    WT_GUARD(wt_comm_agree(comm, status));
    WT_GUARD(wt_bench_make_exchange(&stepper->exchange, comm, stepper->kernels, &config->exchange,
                                    stepper->lanes, stepper->lanes_at_once,
                                    stepper->network->parameters.trained));
    *out = stepper;
    stepper = NULL;
cleanup:
    wt_stepper_destroy(stepper);
    return status;
}

/* --- a step: as wt_trainer_step, without what data, rank 0's guard and files add --- */

static void wt_hand_over(void *context, size_t offset, size_t count) {
    wt_stepper *stepper = context;
    wt_timer_enter(&stepper->timer, WT_PHASE_EXCHANGE);
    wt_exchange_ready(stepper->exchange, offset, count);
    wt_timer_enter(&stepper->timer, WT_PHASE_BACKWARD);
}

static void wt_move_messages(void *context) {
    wt_stepper *stepper = context;
    wt_timer_enter(&stepper->timer, WT_PHASE_EXCHANGE);
    wt_exchange_poke(stepper->exchange);
    wt_timer_enter(&stepper->timer, WT_PHASE_BACKWARD);
}

static void wt_run_wave(wt_stepper *stepper, int first, int lanes) {
    const int slot = (first - stepper->first_lane) * stepper->lane_windows;
    const wt_pass_listener listener = {wt_hand_over, wt_move_messages, stepper};
    wt_timer_enter(&stepper->timer, WT_PHASE_FORWARD);
    wt_pass_forward(stepper->pass, stepper->batch, slot, lanes * stepper->lane_windows,
                    stepper->losses + slot);
    wt_timer_enter(&stepper->timer, WT_PHASE_EXCHANGE);
    for (int i = 0; i < lanes; i++)
        stepper->lane_gradients[i] = wt_exchange_lane(stepper->exchange, first + i);
    wt_timer_enter(&stepper->timer, WT_PHASE_BACKWARD);
    wt_pass_backward(stepper->pass, stepper->lane_windows, stepper->lane_gradients, &listener);
}

/* Rank 0's norm and clipping, which travel. */
static double wt_decide_scale(wt_stepper *stepper, const wt_real *gradient) {
    const wt_config *config = &stepper->config;
    const double mean = 1.0 / ((double)config->train.batch * config->data.window);
    double scale = mean;
    if (wt_comm_rank(stepper->comm) == 0) {
        double norm = wt_gradient_norm(stepper->kernels, gradient, stepper->network->parameters.trained, mean,
                                       stepper->block_sums);
        scale = mean * wt_clip_scale(norm, config->optimizer.clip);
    }
    wt_comm_broadcast(stepper->comm, &scale, sizeof scale);
    return scale;
}

static void wt_sum_lanes(void *context, const double *lanes, int count, double *sum) {
    wt_stepper *stepper = context;
    wt_comm_sum_lanes(stepper->comm, stepper->lanes, lanes, count, stepper->lane_sums, sum);
}

void wt_stepper_step(wt_stepper *stepper) {
    double added;
    const wt_pass_step step = {.first_lane = stepper->first_lane,
                               .lane_windows = stepper->lane_windows,
                               .reduce = wt_sum_lanes,
                               .context = stepper};
    wt_timer_enter(&stepper->timer, WT_PHASE_DERIVE);
    wt_pass_derive(stepper->pass, stepper->parameters);
    wt_pass_begin_step(stepper->pass, &step);
    for (int lane = stepper->first_lane, lanes; lane < stepper->end_lane; lane += lanes) {
        int left = stepper->end_lane - lane;
        lanes = left < stepper->lanes_at_once ? left : stepper->lanes_at_once;
        wt_run_wave(stepper, lane, lanes);
    }
    wt_timer_enter(&stepper->timer, WT_PHASE_WAIT);
    const wt_real *gradient = wt_exchange_complete(stepper->exchange, &added);
    wt_timer_enter(&stepper->timer, WT_PHASE_DECIDE);
    wt_timer_move(&stepper->timer, WT_PHASE_WAIT, WT_PHASE_EXCHANGE, added);
    const double scale = wt_decide_scale(stepper, gradient);
    wt_timer_enter(&stepper->timer, WT_PHASE_UPDATE);
    wt_pass_commit(stepper->pass, stepper->parameters);
    const wt_optimizer_config *optimizer = &stepper->config.optimizer;
    const wt_update update = {optimizer->learning_rate, wt_optimizer_momentum(optimizer), scale};
    wt_optimizer_step(&stepper->optimizer, stepper->kernels, optimizer, &update, gradient,
                      stepper->parameters);
    wt_timer_enter(&stepper->timer, WT_PHASE_OTHER);
}
