/*
 * The numerics fingerprint: which kernels, which library and CPU core they use, which compiler and C library,
 * and the hash of a small network's training steps through every kernel. Ranks with another fingerprint would
 * drift apart bit by bit; a checkpoint keeps it, so that a resume on other hardware can say so.
 */
#include <gnu/libc-version.h>
#include <stdio.h>
#include <string.h>

#include "train_internal.h"
#include "wavetrain/memory.h"

enum { WT_PROBE_LEVELS = 37, WT_PROBE_TARGETS = 300, WT_PROBE_WINDOWS = 2 };

/* All kinds of kernels and odd sizes; rechannel, both scales, every activation. */
static const char wt_probe_text[] =
    "model:\n"
    "  input_kernel: 2\n  skip: 19\n  skip_scale: 0.75\n  residual_scale: 0.7071067811865476\n"
    "  arrays:\n"
    "    - {layers: 3, residual: 32, gate: 32, kernel: 2}\n"
    "    - {dilations: [1, 5], residual: 17, gate: 21, kernel: 3, activation: tanh}\n"
    "    - {layers: 2, residual: 8, gate: 8, kernel: 1, activation: relu}\n"
    "data: {window: 300, quantization: 'mulaw:37'}\n";

/* The kernels of a hierarchy and its norms. */
#define WT_TREE_PROBE(norm)                                                                                  \
    "model: {trunk: hierarchy, embedding: 5, fuse: [2, 3], width: [19, 33], norm: " norm ", dropout: 0.1}\n" \
    "data: {window: 300, quantization: 'mulaw:37'}\n"

/* Squared error. */
static const char wt_value_probe[] =
    "model: {stacks: 1, layers: 3, residual: 9, gate: 7, skip: 11, head: mse}\n"
    "data: {window: 300, quantization: 'mulaw:37', target: label}\n";

typedef struct {
    wt_config config;
    wt_network *network;
    wt_pass *pass;
    wt_batch *batch;
    wt_real *parameters, *gradient;
    double *block_sums;
    wt_optimizer optimizer;
} wt_probe;

static wt_status wt_setup_probe(wt_probe *probe, const char *text, const wt_kernels *kernels) {
    WT_TRY(wt_config_parse(&probe->config, "probe", text, strlen(text), NULL, 0));
    const bool values = probe->config.model.head == WT_HEAD_MSE;
    const wt_network_shape network = {.input_classes = WT_PROBE_LEVELS,
                                      .outputs = values ? 1 : WT_PROBE_LEVELS};
    WT_TRY(wt_network_create_shaped(&probe->network, &probe->config.model, &network));
    size_t total = probe->network->parameters.total;
    const wt_batch_shape shape = {WT_PROBE_WINDOWS, WT_PROBE_TARGETS, probe->network->receptive_field,
                                  WT_INPUT_CLASS, probe->config.data.quantization};
    const wt_pass_shape pass = {WT_PROBE_WINDOWS, WT_PROBE_TARGETS, true, false};
    WT_TRY(wt_batch_create(&probe->batch, &shape, 1));
    WT_TRY(wt_pass_create(&probe->pass, probe->network, kernels, &pass));
    WT_TRY(wt_alloc(&probe->parameters, total, sizeof(wt_real), "the probe"));
    WT_TRY(wt_alloc(&probe->gradient, total, sizeof(wt_real), "the probe"));
    WT_TRY(wt_alloc(&probe->block_sums, wt_norm_blocks(total), sizeof(double), "the probe"));
    WT_TRY(wt_optimizer_init(&probe->optimizer, &probe->config, total));
    WT_TRY(wt_set_update_ranges(&probe->optimizer, &probe->network->parameters,
                                probe->config.optimizer.decay_on));
    wt_network_initialise(probe->network, probe->parameters, 1);
    for (int w = 0; w < WT_PROBE_WINDOWS; w++) probe->batch->target_count[w] = WT_PROBE_TARGETS;
    for (int i = 0; i < WT_PROBE_WINDOWS * wt_batch_rows(probe->batch); i++) {
        probe->batch->classes[i] = i * i % WT_PROBE_LEVELS;
    }
    if (values) {
        WT_TRY(wt_alloc(&probe->batch->value, WT_PROBE_WINDOWS * WT_PROBE_TARGETS, sizeof(wt_real),
                        "the probe"));
    }
    for (int i = 0; i < WT_PROBE_WINDOWS * WT_PROBE_TARGETS; i++) {
        probe->batch->target[i] = values ? 0 : i * 7 % WT_PROBE_LEVELS;
        if (values) probe->batch->value[i] = (wt_real)(i * 7 % WT_PROBE_LEVELS) / WT_PROBE_LEVELS;
    }
    return WT_OK;
}

/* Two steps; the hash of what they leave. */
static wt_hash wt_run_probe(wt_probe *probe, const wt_kernels *kernels) {
    size_t total = probe->network->parameters.total, trained = probe->network->parameters.trained;
    wt_window_loss losses[WT_PROBE_WINDOWS];
    for (int step = 0; step < 2; step++) {
        memset(probe->gradient, 0, total * sizeof(wt_real));
        wt_pass_derive(probe->pass, probe->parameters);
        wt_pass_forward(probe->pass, probe->batch, 0, WT_PROBE_WINDOWS, losses);
        wt_pass_backward(probe->pass, WT_PROBE_WINDOWS, &probe->gradient, NULL);
        double norm = wt_gradient_norm(kernels, probe->gradient, trained, 1.0, probe->block_sums);
        const wt_update update = {0.01, probe->config.optimizer.beta1, wt_clip_scale(norm, 1.0)};
        wt_pass_commit(probe->pass, probe->parameters);
        wt_optimizer_step(&probe->optimizer, kernels, &probe->config.optimizer, &update, probe->gradient,
                          probe->parameters);
    }
    return wt_hash_fold(wt_hash_bytes(probe->parameters, total * sizeof(wt_real), 0),
                        wt_hash_bytes(losses, sizeof losses, 0));
}

static void wt_dispose_probe(wt_probe *probe) {
    wt_optimizer_dispose(&probe->optimizer);
    wt_free(probe->block_sums);
    wt_free(probe->gradient);
    wt_free(probe->parameters);
    wt_pass_destroy(probe->pass);
    wt_batch_destroy(probe->batch);
    wt_network_destroy(probe->network);
    wt_free(probe);
}

/* Folds into `hash` what steps of one network leave. */
static wt_status wt_probe_network(wt_hash *hash, const char *text, const wt_kernels *kernels) {
    wt_probe *probe;
    WT_TRY(wt_alloc(&probe, 1, sizeof *probe, "the probe"));
    wt_status status = wt_setup_probe(probe, text, kernels);
    if (status == WT_OK) *hash = wt_hash_fold(*hash, wt_run_probe(probe, kernels));
    wt_dispose_probe(probe);
    return status;
}

wt_status wt_numerics_fingerprint(char *text, size_t room, const wt_kernels *kernels) {
    static const char *const probes[] = {wt_probe_text, WT_TREE_PROBE("batch"), WT_TREE_PROBE("layer"),
                                         wt_value_probe};
    char products[96], digits[WT_HASH_TEXT];
    wt_hash hash = {0, 0};
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++)
        WT_TRY(wt_probe_network(&hash, probes[i], kernels));
    wt_hash_print(digits, hash);
    wt_kernels_describe(kernels, products, sizeof products);
    snprintf(text, room, "%s, %s, glibc %s, compiler %s, probe %.16s", kernels->name, products,
             gnu_get_libc_version(), __VERSION__, digits);
    return WT_OK;
}

/* Rank 0: the first rank whose fingerprint is another than its own. */
static wt_status wt_compare_texts(const char *all, size_t room, int ranks) {
    for (int rank = 1; rank < ranks; rank++) {
        const char *other = all + (size_t)rank * room;
        WT_CHECK(strcmp(all, other) == 0, WT_FAILED,
                 "rank %d computes other bits than rank 0 (got %s, expected %s); run.unlike_nodes: allow "
                 "goes on without "
                 "the promise of one answer",
                 rank, other, all);
    }
    return WT_OK;
}

wt_status wt_agree_on_numerics(wt_trainer *trainer) {
    size_t room = sizeof trainer->state.numerics;
    int ranks = wt_comm_size(trainer->comm);
    char *all = NULL;
    wt_status status = wt_numerics_fingerprint(trainer->state.numerics, room, trainer->kernels);
    if (status == WT_OK && trainer->root) status = wt_alloc(&all, (size_t)ranks, room, "fingerprints");
    status = wt_comm_agree(trainer->comm, status);
    if (status == WT_OK) {
        wt_comm_gather(trainer->comm, trainer->state.numerics, room, all);
        if (trainer->root) status = wt_compare_texts(all, room, ranks);
        if (trainer->root && status != WT_OK && trainer->config->run.unlike_nodes == WT_UNLIKE_ALLOW) {
            wt_log_warning("%s", wt_error_message());
            status = WT_OK;
        }
        status = wt_comm_agree(trainer->comm, status);
    }
    wt_free(all);
    return status;
}
