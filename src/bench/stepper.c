/*
 * The trainer's steps on random input, for whoever measures them: the network, the windows and the
 * targets are the configuration's and its data set's; data, the guard and files are not measured.
 */
#include "bench/stepper.h"

#include "base/random.h"
#include "train/evaluation.h"
#include "train/step.h"

/* --- random input --- */

/* A one-hot or real signal without any pattern. */
static void fill_inputs(wt_batch *batch, int classes, uint64_t rank) {
    const size_t inputs = (size_t)batch->windows * (size_t)wt_batch_rows(batch);
    for (size_t i = 0; batch->classes && i < inputs; i++)
        batch->classes[i] = (int32_t)(classes * wt_random_uniform(rank, WT_RANDOM_TEST, 0, i));
    for (size_t i = 0; batch->signal && i < inputs * (size_t)batch->channels; i++)
        batch->signal[i] = (wt_real)wt_random_uniform(rank, WT_RANDOM_TEST, 0, i) - 0.5f;
}

/* Frames without any pattern, speakers in turn. */
static void fill_condition(wt_batch *batch, const wt_network *network, uint64_t rank) {
    const wt_network_traits *traits = wt_network_get_traits(network);
    const size_t count = (size_t)batch->windows * (size_t)batch->frames * (size_t)batch->features;
    for (size_t i = 0; batch->condition && i < count; i++)
        batch->condition[i] = (wt_real)wt_random_uniform(rank, WT_RANDOM_TEST, 2, i) - 0.5f;
    for (int w = 0; w < batch->windows; w++) {
        if (batch->phase) batch->phase[w] = w % traits->framing.hop;
        if (batch->speaker) batch->speaker[w] = w % traits->speakers;
    }
}

/* Classes or values; of a window that has one target, its last. */
static void fill_targets(wt_batch *batch, const wt_network *network, bool last_alone, uint64_t rank) {
    const wt_network_traits *traits = wt_network_get_traits(network);
    const int classes = traits->classes, values = traits->values;
    for (int w = 0; w < batch->windows; w++) {
        batch->target_count[w] = batch->targets;
        for (int t = 0; t < batch->targets; t++) {
            const size_t i = (size_t)w * (size_t)batch->targets + (size_t)t;
            const double draw = wt_random_uniform(rank, WT_RANDOM_TEST, 1, i);
            const bool none = last_alone && t < batch->targets - 1;
            for (int c = 0; c < values; c++)
                batch->value[i * (size_t)values + (size_t)c] = none ? 0 : (wt_real)draw - 0.5f;
            batch->target[i] = none ? -1 : batch->value ? 0 : (int32_t)(classes * draw);
        }
    }
}

static wt_status create_random_batch(wt_stepper *stepper, const wt_data_facts *facts) {
    const wt_config *config = &stepper->config;
    const wt_microbatches *m = &stepper->step->microbatches;
    const uint64_t rank = (uint64_t)wt_comm_rank(stepper->step->comm);
    const wt_batch_shape shape = wt_train_shape_batch(stepper->network, &config->data, facts->quantization,
                                                      NULL, (m->end - m->first) * m->windows);
    WT_TRY(wt_batch_create(&stepper->batch, &shape, facts->network.channels));
    fill_inputs(stepper->batch, facts->network.input_classes, rank);
    fill_condition(stepper->batch, stepper->network, rank);
    fill_targets(stepper->batch, stepper->network, config->data.stride > 0, rank);
    return WT_OK;
}

/* --- the stepper --- */

wt_status wt_stepper_network(wt_network **network, wt_data_facts *facts, const wt_config *config) {
    *network = NULL;
    WT_TRY(wt_train_read_data_facts(facts, config));
    return wt_network_create_shaped(network, &config->model, &facts->network);
}

/* A model without a configuration of its own has as many microbatches as there are ranks, at least. */
static void share_with_all(wt_config *config, int ranks) {
    if (config->train.microbatches == 0 && wt_config_microbatches(config) < ranks &&
        config->train.batch % ranks == 0)
        config->train.microbatches = ranks;
}

/* Fails on one rank alone, perhaps. */
static wt_status prepare_stepper(wt_stepper *stepper, wt_comm *comm, const wt_config *config) {
    wt_data_facts facts;
    stepper->config = *config;
    share_with_all(&stepper->config, wt_comm_size(comm));
    config = &stepper->config;
    WT_TRY(wt_kernels_select(&stepper->kernels, config->run.backend, config->train.precision));
    WT_TRY(wt_stepper_network(&stepper->network, &facts, config));
    stepper->targets = wt_network_targets(stepper->network, config->data.window, config->data.stride);
    const int32_t silence = config->data.target == WT_TARGETS_LABEL ||
                                    wt_network_get_traits(stepper->network)->values
                                ? -2
                                : wt_quantize_silence(facts.quantization);
    WT_TRY(wt_step_create(&stepper->step, comm, config, stepper->kernels, stepper->network, silence));
    wt_network_initialise(stepper->network, stepper->step->parameters, (uint64_t)config->train.seed);
    wt_optimizer_reset(&stepper->step->optimizer, stepper->step->parameters);
    stepper->estimate = wt_step_pass_bytes(stepper->step) +
                        (int64_t)(3 * wt_network_parameters(stepper->network)->total * sizeof(wt_real));
    return create_random_batch(stepper, &facts);
}

wt_status wt_stepper_create(wt_stepper **out, wt_comm *comm, const char *name, const wt_config *config) {
    wt_stepper *stepper;
    *out = NULL;
    wt_status status = wt_alloc(&stepper, 1, sizeof *stepper, "the measurement");
    if (status == WT_OK) {
        stepper->name = name;
        status = prepare_stepper(stepper, comm, config);
    }
    status = wt_comm_agree(comm, status);
    if (status == WT_OK) {
        *out = stepper;
    } else {
        wt_stepper_destroy(stepper);
    }
    return status;
}

void wt_stepper_destroy(wt_stepper *stepper) {
    if (!stepper) return;
    wt_step_destroy(stepper->step);
    wt_batch_destroy(stepper->batch);
    wt_network_destroy(stepper->network);
    wt_free(stepper);
}

/* --- a step --- */

static wt_status repeat_batch(void *context, const wt_batch **batch) {
    *batch = ((const wt_stepper *)context)->batch;
    return WT_OK;
}

/* Rank 0: the norm and clipping, without schedules and the guard. */
static wt_status clip_step(void *context, const wt_microbatch_result *sum, const wt_real *gradient,
                           wt_decision *decision) {
    wt_stepper *stepper = context;
    const wt_optimizer_config *optimizer = &stepper->config.optimizer;
    const double mean = sum->targets ? 1.0 / (double)sum->targets : 0.0;
    const double norm = wt_step_norm(stepper->step, gradient, mean);
    stepper->loss = sum->loss;
    decision->update = (wt_update){optimizer->learning_rate, wt_optimizer_momentum(optimizer),
                                   mean * wt_gradient_clip_scale(norm, optimizer->clip)};
    return WT_OK;
}

void wt_stepper_step(wt_stepper *stepper) {
    const wt_step_caller caller = {repeat_batch, clip_step, stepper};
    wt_decision decision;
    wt_step_run(stepper->step, 1, &caller, &decision); /* nothing here fails */
    wt_timer_enter(&stepper->step->timer, WT_PHASE_OTHER);
}
