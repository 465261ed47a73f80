/*
 * The WaveNet as a list of operators: all tensors first, in the order of the flat buffer, then the
 * operators.
 *
 * The skips of neighbouring blocks are added to their sum by one product, whose terms are all their gate
 * channels, so that the sum is read and written once per group. The scales α on the sum become factors of
 * the blocks' weights: α^(blocks after it).
 */
#include <stdio.h>

#include "build.h"

enum {
    SKIP_TERMS = 256, /* gate channels of all blocks, about, whose skips are added at a time */
    GROUP_MAX = 16,   /* blocks of a group */
    PREFIX = 48
};

/* One block's tensors, and what it has made of its input. */
typedef struct {
    wt_layer rechannel, conv, skip, residual; /* weight -1: absent */
    wt_condition_block condition;
    wt_norm_layer norm;
    wt_activation activation;
    int z; /* value */
} block;

typedef struct {
    wt_graph *graph;
    const wt_model_config *model;
    block *blocks;
    int count, group;
    wt_condition_layer condition;
} wavenet;

static const wt_layer absent = {0, 0, 0, 0, -1, -1};

/* --- tensors --- */

/* Block `number`, of shape `array`, `layer` of its stack; `width` is h's width before it. */
static void add_block(wavenet *w, int number, int width, const wt_array_config *array, int layer) {
    block *b = &w->blocks[number];
    const int out = (array->activation == WT_ACTIVATION_GATE ? 2 : 1) * array->gate;
    const bool bias = w->model->norm == WT_NORM_NONE || wt_build_has_bias(w->model);
    char prefix[PREFIX];
#define NAMED(part) (snprintf(prefix, sizeof prefix, "blocks.%d." part, number), prefix)
    *b = (block){.rechannel = absent, .residual = absent, .activation = array->activation};
    if (width != array->residual)
        b->rechannel = wt_build_layer(w->graph, NAMED("rechannel"), width, array->residual, 1, true);
    b->conv = wt_build_layer(w->graph, NAMED("conv"), array->residual, out, wt_array_kernel(array, layer),
                             bias);
    b->conv.dilation = wt_array_dilation(array, layer);
    snprintf(prefix, sizeof prefix, "blocks.%d", number);
    b->condition = wt_build_condition_block(w->graph, &w->condition, prefix, out);
    b->norm = wt_build_norm(w->graph, w->model->norm, NAMED("norm"), out);
    b->skip = wt_build_layer(w->graph, NAMED("skip"), array->gate, w->model->skip, 1, true);
    if (number < w->count - 1)
        b->residual = wt_build_layer(w->graph, NAMED("residual"), array->gate, array->residual, 1, true);
#undef NAMED
}

static void add_blocks(wavenet *w) {
    int arrays, number = 0;
    const wt_array_config *array = wt_model_arrays(w->model, &arrays);
    int width = array[0].residual;
    for (int i = 0; i < arrays; i++) {
        const int layers = wt_array_layers(&array[i]);
        for (int layer = 0; layer < array[i].stacks * layers; layer++, number++) {
            add_block(w, number, width, &array[i], layer % layers);
            width = array[i].residual;
        }
    }
}

/* --- operators --- */

/* x through the input convolution: a table look-up where it is a class. */
static int apply_input(wavenet *w, const wt_layer *input) {
    const wt_value h = {.channels = input->out, .extent = WT_EXTENT_TIME, .rows = 1};
    if (w->model->input == WT_INPUT_REAL)
        return wt_build_product(w->graph, input, 0, wt_graph_signal(w->graph, input->in), 1);
    return wt_graph_op(
        w->graph,
        &(wt_op){.kind = WT_OP_LOOKUP, .tensors = {input->weight, input->bias}, .taps = input->taps}, &h);
}

/* Blocks whose skips are added together. */
static int group_size(const wavenet *w) {
    int widest = 1;
    for (int l = 0; l < w->count; l++) widest = w->blocks[l].skip.in > widest ? w->blocks[l].skip.in : widest;
    const int size = SKIP_TERMS / widest;
    return size < 1 ? 1 : size > GROUP_MAX ? GROUP_MAX : size;
}

/* α^(blocks after block l) */
static double skip_factor(const wavenet *w, int l) {
    double factor = 1;
    for (int after = l + 1; after < w->count; after++) factor *= w->model->skip_scale;
    return factor;
}

/* Adds the skips of the group that ends with block l to `sum` (-1: nothing yet, which begins with all
 * blocks' biases). */
static int add_skips(wavenet *w, int l, int number, int sum) {
    const wt_value skip = {.channels = w->model->skip, .extent = WT_EXTENT_TIME, .rows = 1};
    const int product = wt_graph_product(w->graph, number, &skip, 1);
    for (int b = l / w->group * w->group; b <= l; b++) {
        wt_graph_term(w->graph, &(wt_term){.value = w->blocks[b].z,
                                           .tensor = w->blocks[b].skip.weight,
                                           .scale = skip_factor(w, b)});
    }
    for (int b = 0; sum < 0 && b < w->count; b++)
        wt_graph_bias(w->graph, w->blocks[b].skip.bias, skip_factor(w, b));
    if (sum >= 0) wt_graph_add(w->graph, sum, 0);
    return product;
}

/* From h to the next block's h, or -1 after the last; layer l + 1. */
static int apply_block(wavenet *w, int l, int h, int *skip) {
    block *b = &w->blocks[l];
    const int number = l + 1;
    wt_build_condition_products(w->graph, &w->condition, &b->condition, number);
    int a = wt_build_product(w->graph, &b->conv, number, h, 1);
    a = wt_build_conditioned(w->graph, &w->condition, &b->condition, number, a);
    b->z = wt_build_activation(w->graph, w->model, &b->norm, b->activation, number, l, a);
    int next = -1;
    if (b->residual.weight >= 0) {
        next = wt_build_product(w->graph, &b->residual, number, b->z, w->model->residual_scale);
        wt_graph_add(w->graph, h, 0);
    }
    if (l == w->count - 1 || l % w->group == w->group - 1) *skip = add_skips(w, l, number, *skip);
    if (next >= 0 && w->blocks[l + 1].rechannel.weight >= 0)
        next = wt_build_product(w->graph, &w->blocks[l + 1].rechannel, number, next, 1);
    return next;
}

static int apply_head(wavenet *w, const wt_layer head[2], int number, int value) {
    for (int i = 0; i < 2; i++) {
        value = wt_graph_unary(
            w->graph,
            &(wt_op){
                .kind = WT_OP_ACTIVATION, .layer = number, .input = value, .activation = WT_ACTIVATION_RELU},
            head[i].in);
        value = wt_build_product(w->graph, &head[i], number, value, 1);
    }
    return value;
}

/* Outputs that are left where one target's window has so many samples: where the receptive field fits. */
static int readout_rows(const wavenet *w, int window) {
    int reach = w->model->input_kernel - 1;
    if (window == 0 || w->model->readout == WT_READOUT_LAST) return 0;
    for (int l = 0; l < w->count; l++) reach += (w->blocks[l].conv.taps - 1) * w->blocks[l].conv.dilation;
    return window - reach;
}

static int count_blocks(const wt_model_config *model) {
    int arrays, blocks = 0;
    const wt_array_config *array = wt_model_arrays(model, &arrays);
    for (int i = 0; i < arrays; i++) blocks += array[i].stacks * wt_array_layers(&array[i]);
    return blocks;
}

wt_status wt_wavenet_build(wt_graph *graph, wt_network_traits *traits, const wt_model_config *model,
                           const wt_network_shape *shape) {
    int arrays;
    wavenet w = {.graph = graph, .model = model, .count = count_blocks(model)};
    const int width = wt_model_arrays(model, &arrays)[0].residual;
    const int in = model->input == WT_INPUT_CLASS ? shape->input_classes : shape->channels;
    const int hidden = model->head_channels ? model->head_channels : model->skip;
    WT_TRY(wt_build_condition(graph, &w.condition, model, shape));
    WT_TRY(wt_alloc(&w.blocks, (size_t)w.count, sizeof *w.blocks, "the table of blocks"));
    const wt_layer input = wt_build_layer(graph, "input", in, width, model->input_kernel, true);
    add_blocks(&w);
    const wt_layer head[2] = {
        wt_build_layer(graph, "head.0", model->skip, hidden, 1, true),
        wt_build_layer(graph, "head.1", hidden, wt_build_outputs(model, shape), 1, true)};
    wt_build_mark_last(graph, &head[1]);
    traits->readout_rows = readout_rows(&w, shape->window);
    const wt_readout_layer readout = wt_build_readout(graph, model, traits->readout_rows);
    w.group = group_size(&w);
    wt_build_condition_rows(graph, &w.condition);
    int h = apply_input(&w, &input), skip = -1;
    for (int l = 0; l < w.count; l++) h = apply_block(&w, l, h, &skip);
    const int outputs = apply_head(&w, head, w.count + 1, skip);
    wt_build_loss(graph, model, shape, &readout, w.count + 1, outputs);
    snprintf(traits->description, sizeof traits->description, "%d block%s", w.count, w.count == 1 ? "" : "s");
    wt_free(w.blocks);
    return graph->status;
}
