/*
 * The numerics fingerprint: which kernels, which library and CPU core they use, which compiler and C library,
 * and the hash of a small network's training steps through every kernel. Ranks with another fingerprint would
 * drift apart bit by bit; a checkpoint keeps it, so that a resume on other hardware can say so.
 */
#include <gnu/libc-version.h>
#include <stdio.h>
#include <string.h>

#include "comm/facts.h"
#include "comm/ranks.h"
#include "train/evaluation.h"
#include "train_internal.h"

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
    wt_batch *batch;
    wt_step *step;
} probe;

static wt_status create_probe_batch(probe *p, bool values) {
    wt_batch_shape shape = wt_train_shape_batch(p->network, &p->config.data, p->config.data.quantization,
                                                NULL, WT_PROBE_WINDOWS);
    shape.targets = WT_PROBE_TARGETS;
    WT_TRY(wt_batch_create(&p->batch, &shape, 1));
    for (int w = 0; w < WT_PROBE_WINDOWS; w++) p->batch->target_count[w] = WT_PROBE_TARGETS;
    for (int i = 0; i < WT_PROBE_WINDOWS * wt_batch_rows(p->batch); i++)
        p->batch->classes[i] = i * i % WT_PROBE_LEVELS;
    for (int i = 0; i < WT_PROBE_WINDOWS * WT_PROBE_TARGETS; i++) {
        p->batch->target[i] = values ? 0 : i * 7 % WT_PROBE_LEVELS;
        if (values) p->batch->value[i] = (wt_real)(i * 7 % WT_PROBE_LEVELS) / WT_PROBE_LEVELS;
    }
    return WT_OK;
}

static wt_status setup_probe(probe *p, const char *text, wt_comm *alone, const wt_kernels *kernels) {
    WT_TRY(wt_config_parse(&p->config, "probe", text, strlen(text), NULL, 0));
    p->config.train.batch = WT_PROBE_WINDOWS; /* one microbatch */
    p->config.train.microbatches = 1;
    p->config.train.seed = 0;
    const bool values = p->config.model.head == WT_HEAD_MSE;
    const wt_network_shape network = {.input_classes = WT_PROBE_LEVELS, .classes = WT_PROBE_LEVELS};
    WT_TRY(wt_network_create_shaped(&p->network, &p->config.model, &network));
    WT_TRY(create_probe_batch(p, values));
    WT_TRY(wt_step_create(&p->step, alone, &p->config, kernels, p->network, -2));
    wt_network_initialise(p->network, p->step->parameters, 1);
    return WT_OK;
}

static wt_status take_probe_batch(void *context, const wt_batch **batch) {
    *batch = ((const probe *)context)->batch;
    return WT_OK;
}

static wt_status decide_probe_step(void *context, const wt_microbatch_result *sum, const wt_real *gradient,
                                   wt_decision *decision) {
    (void)sum;
    const probe *p = context;
    const double norm = wt_step_norm(p->step, gradient, 1.0);
    decision->update = (wt_update){0.01, p->config.optimizer.beta1, wt_gradient_clip_scale(norm, 1.0)};
    return WT_OK;
}

/* Two steps; folds the hash of what they leave into `hash`. */
static wt_status run_probe(probe *p, wt_hash *hash) {
    const wt_step_caller caller = {take_probe_batch, decide_probe_step, p};
    wt_decision decision;
    wt_timer_init(&p->step->timer);
    for (int step = 0; step < 2; step++) WT_TRY(wt_step_run(p->step, 0, &caller, &decision));
    const wt_hash left = wt_hash_bytes(p->step->parameters,
                                       wt_network_parameters(p->network)->total * sizeof(wt_real), 0);
    const wt_hash losses = wt_hash_bytes(p->step->losses, WT_PROBE_WINDOWS * sizeof *p->step->losses, 0);
    *hash = wt_hash_fold(*hash, wt_hash_fold(left, losses));
    return WT_OK;
}

/* Folds into `hash` what steps of one network leave. */
static wt_status probe_network(wt_hash *hash, const char *text, wt_comm *alone, const wt_kernels *kernels) {
    probe *p;
    WT_TRY(wt_alloc(&p, 1, sizeof *p, "the probe"));
    wt_status status = setup_probe(p, text, alone, kernels);
    if (status == WT_OK) status = run_probe(p, hash);
    wt_step_destroy(p->step);
    wt_batch_destroy(p->batch);
    wt_network_destroy(p->network);
    wt_free(p);
    return status;
}

static wt_status hash_probes(wt_hash *hash, wt_comm *alone, const wt_kernels *kernels) {
    static const char *const probes[] = {wt_probe_text, WT_TREE_PROBE("batch"), WT_TREE_PROBE("layer"),
                                         wt_value_probe};
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++)
        WT_TRY(probe_network(hash, probes[i], alone, kernels));
    return WT_OK;
}

/* The fingerprint of this rank, cut at `capacity` bytes. */
static wt_status make_fingerprint(char *text, size_t capacity, const wt_comm *comm,
                                  const wt_kernels *kernels) {
    char products[96], digits[WT_HASH_TEXT];
    wt_hash hash = {0, 0};
    wt_comm *alone;
    WT_TRY(wt_comm_alone(&alone, comm));
    wt_status status = hash_probes(&hash, alone, kernels);
    wt_comm_finish(alone);
    if (status != WT_OK) return status;
    wt_hash_print(digits, hash);
    wt_kernels_describe(kernels, products, sizeof products);
    snprintf(text, capacity, "%s, %s, glibc %s, compiler %s, probe %.16s", kernels->name, products,
             gnu_get_libc_version(), __VERSION__, digits);
    return WT_OK;
}

wt_status wt_agree_on_numerics(wt_trainer *trainer) {
    char message[1024];
    wt_facts facts;
    wt_comm *comm = trainer->comm;
    char *own = trainer->state.numerics;
    WT_TRY(
        wt_comm_agree(comm, make_fingerprint(own, sizeof trainer->state.numerics, comm, trainer->kernels)));
    wt_facts_init(&facts);
    wt_facts_add(&facts, "the bits that it computes", "%s", own);
    wt_status status = wt_comm_agree_on(comm, &facts);
    if (status != WT_USAGE) return status;
    if (trainer->config->run.unlike_nodes == WT_UNLIKE_ALLOW) {
        wt_log_warning("%s", wt_error_message());
        return WT_OK;
    }
    snprintf(message, sizeof message, "%s", wt_error_message());
    return wt_error(status, "%s; run.unlike_nodes: allow goes on, no longer bitwise reproducible", message);
}
