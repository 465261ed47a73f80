/* Layers that networks of every kind are made of. */
#include "build.h"

wt_layer wt_build_layer(wt_graph *graph, const char *prefix, int in, int out, int taps, bool bias) {
    wt_layer layer = {in, out, taps ? taps : 1, 1, -1, -1};
    layer.weight = wt_graph_weight(graph, prefix, out, in, taps);
    if (bias) layer.bias = wt_graph_vector(graph, prefix, "bias", WT_ROLE_BIAS, out, in * layer.taps);
    return layer;
}

int wt_build_product(wt_graph *graph, const wt_layer *layer, int number, int value, double scale) {
    if (graph->status != WT_OK) return 0;
    wt_value output = graph->values[value];
    output.channels = layer->out;
    const int product = wt_graph_product(graph, number, &output, scale);
    for (int j = 0; j < layer->taps; j++) {
        wt_graph_term(graph, &(wt_term){.value = value,
                                        .delay = (layer->taps - 1 - j) * layer->dilation,
                                        .tensor = layer->weight,
                                        .tap = j,
                                        .scale = 1});
    }
    if (layer->bias >= 0) wt_graph_bias(graph, layer->bias, 1);
    return product;
}

bool wt_build_has_bias(const wt_model_config *model) {
    return model->hierarchy.bias == WT_BIAS_AUTO ? model->norm == WT_NORM_NONE
                                                 : model->hierarchy.bias == WT_BIAS_TRUE;
}

wt_norm_layer wt_build_norm(wt_graph *graph, wt_norm_kind kind, const char *prefix, int channels) {
    wt_norm_layer norm = {kind, -1, -1};
    if (kind == WT_NORM_NONE) return norm;
    norm.weight = wt_graph_vector(graph, prefix, "weight", WT_ROLE_NORM_WEIGHT, channels, channels);
    norm.bias = wt_graph_vector(graph, prefix, "bias", WT_ROLE_NORM_BIAS, channels, channels);
    return norm;
}

static wt_operator operator_of(wt_activation kind) {
    switch (kind) {
    case WT_ACTIVATION_GATE: return WT_OP_GATE;
    case WT_ACTIVATION_TANH:
    case WT_ACTIVATION_RELU: return WT_OP_ACTIVATION;
    case WT_ACTIVATION_LEAKY_RELU: return WT_OP_LEAKY_RELU;
    case WT_ACTIVATION_HARDTANH: return WT_OP_HARDTANH;
    case WT_ACTIVATION_SIGMOID: return WT_OP_SIGMOID;
    case WT_ACTIVATION_SILU: return WT_OP_SILU;
    case WT_ACTIVATION_HARDSWISH: return WT_OP_HARDSWISH;
    case WT_ACTIVATION_SOFTSIGN: return WT_OP_SOFTSIGN;
    }
    return WT_OP_ACTIVATION;
}

int wt_build_activation_inputs(wt_activation kind, int channels) {
    return kind == WT_ACTIVATION_GATE ? 2 * channels : channels;
}

int wt_build_activation(wt_graph *graph, const wt_model_config *model, const wt_norm_layer *norm,
                        wt_activation kind, int number, int key, int value) {
    if (graph->status != WT_OK) return 0;
    const int channels = graph->values[value].channels;
    const int out = kind == WT_ACTIVATION_GATE ? channels / 2 : channels;
    if (norm->kind != WT_NORM_NONE) {
        const wt_op op = {.kind = norm->kind == WT_NORM_BATCH ? WT_OP_BATCH_NORM : WT_OP_LAYER_NORM,
                          .layer = number,
                          .input = value,
                          .tensors = {norm->weight, norm->bias, -1, -1}};
        value = wt_graph_unary(graph, &op, channels);
    }
    value = wt_graph_unary(graph,
                           &(wt_op){.kind = operator_of(kind),
                                    .layer = number,
                                    .input = value,
                                    .scale = model->slope,
                                    .activation = kind},
                           out);
    if (model->dropout <= 0) return value;
    return wt_graph_unary(
        graph,
        &(wt_op){.kind = WT_OP_DROPOUT, .layer = number, .input = value, .share = model->dropout, .key = key},
        out);
}

void wt_build_mark_last(wt_graph *graph, const wt_layer *layer) {
    if (graph->status != WT_OK) return;
    graph->tensors[layer->weight].last = true;
    if (layer->bias >= 0) graph->tensors[layer->bias].last = true;
}

wt_readout_layer wt_build_readout(wt_graph *graph, const wt_model_config *model, int rows) {
    wt_readout_layer readout = {rows, -1, -1};
    if (rows == 0 || model->readout != WT_READOUT_LINEAR) return readout;
    readout.weight = wt_graph_weight(graph, "readout", 1, rows, 0);
    /* what is added to all logits changes nothing */
    if (model->head != WT_HEAD_SOFTMAX)
        readout.bias = wt_graph_vector(graph, "readout", "bias", WT_ROLE_BIAS, 1, rows);
    return readout;
}

/* Half of a code's width, on the grid of 16 bits. */
#define CODE_HALF (1.0 / 65536)

static const wt_loss_kind losses[] = {
    [WT_HEAD_SOFTMAX] = WT_LOSS_CROSS_ENTROPY,
    [WT_HEAD_MSE] = WT_LOSS_SQUARED_ERROR,
    [WT_HEAD_LOGISTICS] = WT_LOSS_LOGISTICS,
    [WT_HEAD_GAUSSIAN] = WT_LOSS_GAUSSIANS,
};

static wt_mixture mixture_of(const wt_model_config *model, const wt_network_shape *shape) {
    return (wt_mixture){.components = wt_model_components(model),
                        .channels = model->head == WT_HEAD_SOFTMAX ? 0
                                    : shape->values                ? shape->values
                                                                   : 1,
                        .half = shape->codes ? CODE_HALF : 0,
                        .unit = model->mean_unit,
                        .curved = model->mean_curve == WT_MEAN_SINH};
}

int wt_build_outputs(const wt_model_config *model, const wt_network_shape *shape) {
    const wt_mixture mixture = mixture_of(model, shape);
    if (model->head == WT_HEAD_SOFTMAX) return shape->classes;
    return model->head == WT_HEAD_MSE ? mixture.channels : wt_kernels_mixture_outputs(&mixture);
}

void wt_build_loss(wt_graph *graph, const wt_model_config *model, const wt_network_shape *shape,
                   const wt_readout_layer *readout, int number, int value) {
    if (graph->status != WT_OK) return;
    if (readout->rows) {
        const wt_value pooled = {
            .channels = graph->values[value].channels, .extent = WT_EXTENT_WINDOW, .rows = 1};
        value = wt_graph_op(graph,
                            &(wt_op){.kind = WT_OP_READOUT,
                                     .layer = ++number,
                                     .input = value,
                                     .tensors = {readout->weight, readout->bias},
                                     .taps = readout->rows},
                            &pooled);
    }
    const bool spectral = model->spectral.weight > 0;
    wt_graph_op(graph,
                &(wt_op){.kind = WT_OP_LOSS,
                         .layer = spectral ? number + 1 : number, /* it takes whole windows */
                         .input = value,
                         .loss = spectral ? WT_LOSS_SPECTRAL : losses[model->head],
                         .mixture = mixture_of(model, shape),
                         .spectral = model->spectral},
                &(wt_value){0});
}
