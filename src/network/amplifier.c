/*
 * Neural Amp Modeler's networks as a list of operators (Atkinson's trainer; Damskägg et al. 2019, arXiv
 * 1811.00334, have the idea). With the signal x, an array of layers has h = P y (y: x, or the last layer's h
 * of the array before), and each layer l of dilation d
 *   v = W ∗_d h + b + M x,   z_l = activation(v),   h ← h + R z_l + r
 * The array's sum is that of its z and of what the head of the array before has made of its own sum:
 *   S = H' + Σ_l z_l,   H = Q ∗ S (+ q)
 * so a head has as many channels as the next array's z; the last one's are the outputs, times a constant.
 * Tensors stand in the order of the trainer's files, which is that of PyTorch's modules: P; of each layer W,
 * b, M, R, r; Q, q.
 * Nothing reads the last layer's R and r; they are there for the files, and have gradients of 0.
 */
#include <stdio.h>

#include "build.h"

enum { PREFIX = 48 };

typedef struct {
    wt_layer conv, condition, residual;
    wt_activation activation;
} layer;

typedef struct {
    wt_layer rechannel, head;
    layer *layers;
    int count;
} array;

typedef struct {
    wt_graph *graph;
    const wt_model_config *model;
    array *arrays;
    layer *layers; /* of all arrays */
    int count;     /* arrays */
    int number;    /* of the layer that operators are made for */
} amplifier;

/* --- tensors --- */

static void add_layer(amplifier *a, layer *l, const char *prefix, const wt_array_config *shape, int place) {
    const int z = wt_build_activation_inputs(shape->activation, shape->gate);
    const int signal = a->graph->values[a->graph->signal].channels;
    char name[2 * PREFIX];
#define NAMED(part) (snprintf(name, sizeof name, "%s." part, prefix), name)
    l->conv = wt_build_layer(a->graph, NAMED("conv"), shape->residual, z, wt_array_kernel(shape, place),
                             true);
    l->conv.dilation = wt_array_dilation(shape, place);
    l->condition = wt_build_layer(a->graph, NAMED("condition"), signal, z, 1, false);
    l->residual = wt_build_layer(a->graph, NAMED("residual"), shape->gate, shape->residual, 1, true);
#undef NAMED
    l->activation = shape->activation;
}

/* `in`: channels of what the array reads; `out`: of its head. */
static void add_array(amplifier *a, int number, const wt_array_config *shape, int in, int out) {
    array *own = &a->arrays[number];
    const int layers = wt_array_layers(shape);
    char prefix[PREFIX];
    snprintf(prefix, sizeof prefix, "arrays.%d.rechannel", number);
    own->rechannel = wt_build_layer(a->graph, prefix, in, shape->residual, 1, false);
    for (int l = 0; l < own->count; l++) {
        snprintf(prefix, sizeof prefix, "arrays.%d.layers.%d", number, l);
        add_layer(a, &own->layers[l], prefix, shape, l % layers);
    }
    snprintf(prefix, sizeof prefix, "arrays.%d.head", number);
    own->head = wt_build_layer(a->graph, prefix, shape->gate, out, shape->head_kernel, shape->head_bias);
}

static void add_arrays(amplifier *a, const wt_array_config *shapes, int outputs) {
    int in = a->graph->values[a->graph->signal].channels;
    for (int i = 0; i < a->count; i++) {
        add_array(a, i, &shapes[i], in, i + 1 < a->count ? shapes[i + 1].gate : outputs);
        in = shapes[i].residual;
    }
    wt_build_mark_last(a->graph, &a->arrays[a->count - 1].head);
}

/* --- operators --- */

/* From h to z. */
static int apply_layer(amplifier *a, const layer *l, int h) {
    const wt_norm_layer none = {.kind = WT_NORM_NONE};
    const int v = wt_build_product(a->graph, &l->conv, a->number, h, 1);
    wt_graph_term(a->graph,
                  &(wt_term){.value = a->graph->signal, .tensor = l->condition.weight, .tap = 0, .scale = 1});
    return wt_build_activation(a->graph, a->model, &none, l->activation, a->number, a->number, v);
}

static int apply_residual(amplifier *a, const layer *l, int z, int h) {
    const int next = wt_build_product(a->graph, &l->residual, a->number, z, 1);
    wt_graph_add(a->graph, h, 0);
    return next;
}

static void add_to_sum(wt_graph *graph, int value) {
    wt_graph_term(graph, &(wt_term){.value = value, .tensor = -1, .scale = 1});
}

/* The head of the sum of the array's z and of `before` (-1: nothing). */
static int apply_amplifier_head(amplifier *a, const array *own, const int *z, int before, double scale) {
    const wt_value sum = {.channels = own->head.in, .extent = WT_EXTENT_TIME, .rows = 1};
    const int sums = wt_graph_op(a->graph, &(wt_op){.kind = WT_OP_SUM, .layer = a->number, .scale = 1}, &sum);
    if (before >= 0) add_to_sum(a->graph, before);
    for (int l = 0; l < own->count; l++) add_to_sum(a->graph, z[l]);
    return wt_build_product(a->graph, &own->head, a->number++, sums, scale);
}

/* Returns the outputs. */
static int apply_arrays(amplifier *a, int *z) {
    int y = a->graph->signal, head = -1;
    for (int i = 0; i < a->count; i++) {
        const array *own = &a->arrays[i];
        const bool last = i == a->count - 1;
        int h = wt_build_product(a->graph, &own->rechannel, a->number, y, 1);
        for (int l = 0; l < own->count; l++) {
            z[l] = apply_layer(a, &own->layers[l], h);
            if (!last || l < own->count - 1) h = apply_residual(a, &own->layers[l], z[l], h);
            a->number++;
        }
        head = apply_amplifier_head(a, own, z, head, last ? a->model->head_scale : 1);
        y = h;
    }
    return head;
}

static int count_layers(const wt_array_config *shape) {
    return shape->stacks * wt_array_layers(shape);
}

wt_status wt_amplifier_build(wt_graph *graph, wt_network_traits *traits, const wt_model_config *model,
                             const wt_network_shape *shape) {
    wt_status status = WT_OK;
    amplifier a = {.graph = graph, .model = model};
    const wt_array_config *shapes = wt_model_arrays(model, &a.count);
    int layers = 0, *z = NULL;
    wt_graph_signal(graph, shape->channels);
    WT_TRY(graph->status);
    for (int i = 0; i < a.count; i++) layers += count_layers(&shapes[i]);
    WT_GUARD(wt_alloc(&a.arrays, (size_t)a.count, sizeof *a.arrays, "the table of arrays"));
    WT_GUARD(wt_alloc(&a.layers, (size_t)layers, sizeof *a.layers, "the table of layers"));
    WT_GUARD(wt_alloc(&z, (size_t)layers, sizeof *z, "the table of layers"));
    for (int i = 0, first = 0; i < a.count; first += a.arrays[i++].count) {
        a.arrays[i].layers = a.layers + first;
        a.arrays[i].count = count_layers(&shapes[i]);
    }
    add_arrays(&a, shapes, wt_build_outputs(model, shape));
    const wt_readout_layer none = {0, -1, -1};
    const int outputs = apply_arrays(&a, z);
    wt_build_loss(graph, model, shape, &none, a.number - 1, outputs);
    snprintf(traits->description, sizeof traits->description, "%d array%s of %d layers", a.count,
             a.count == 1 ? "" : "s", layers);
    status = graph->status;
cleanup:
    wt_free(z);
    wt_free(a.layers);
    wt_free(a.arrays);
    return status;
}
