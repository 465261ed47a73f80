/*
 * The hierarchy as a list of operators. A target's context has rows of its own on every level, so that
 * fusing neighbours is a view: the output of a level [target, rows, channels] is the input of the next one.
 */
#include <stdio.h>

#include "build.h"

enum { PREFIX = 48 };

typedef struct {
    wt_layer linear;
    wt_norm_layer norm;
    int fuse;
} level;

/* The context of a target: its classes' channels, or its real samples. */
static int apply_context(wt_graph *graph, int table, int channels, int context) {
    const wt_value rows = {.channels = channels, .extent = WT_EXTENT_TARGETS, .rows = context};
    wt_op op = {.kind = WT_OP_LOOKUP, .tensors = {table, -1}, .taps = 1};
    if (table < 0) {
        op.kind = WT_OP_UNFOLD;
        wt_graph_signal(graph, channels);
    }
    return wt_graph_op(graph, &op, &rows);
}

/* A level has no gate. */
static wt_activation activation_of(const wt_model_config *model) {
    return model->array.activation == WT_ACTIVATION_GATE ? WT_ACTIVATION_TANH : model->array.activation;
}

static int apply_level(wt_graph *graph, const wt_model_config *model, const level *l, int number, int value) {
    if (graph->status != WT_OK) return 0;
    wt_value fused = graph->values[value];
    fused.rows /= l->fuse;
    fused.channels *= l->fuse;
    value = wt_graph_op(
        graph, &(wt_op){.kind = WT_OP_FUSE, .layer = number + 1, .input = value, .taps = l->fuse}, &fused);
    value = wt_build_product(graph, &l->linear, number + 1, value, 1);
    return wt_build_activation(graph, model, &l->norm, activation_of(model), number + 1, number, value);
}

/* Tensors of the levels, from the context's `width` channels on; returns the last one's width. */
static int add_levels(wt_graph *graph, const wt_model_config *model, level *levels, int width) {
    char prefix[PREFIX];
    for (int l = 0; l < model->hierarchy.fuse.count; l++) {
        const int out = model->hierarchy.width.values[model->hierarchy.width.count > 1 ? l : 0];
        levels[l].fuse = model->hierarchy.fuse.values[l];
        snprintf(prefix, sizeof prefix, "levels.%d.linear", l);
        levels[l].linear = wt_build_layer(graph, prefix, width * levels[l].fuse, out, 0,
                                          wt_build_has_bias(model));
        snprintf(prefix, sizeof prefix, "levels.%d.norm", l);
        levels[l].norm = wt_build_norm(graph, model->norm, prefix, out);
        width = out;
    }
    return width;
}

wt_status wt_hierarchy_build(wt_graph *graph, wt_network_traits *traits, const wt_model_config *model,
                             const wt_network_shape *shape) {
    const int count = model->hierarchy.fuse.count;
    int context = 1, width = shape->channels, table = -1;
    level *levels;
    WT_TRY(wt_alloc(&levels, (size_t)count, sizeof *levels, "the table of levels"));
    for (int l = 0; l < count; l++) context *= model->hierarchy.fuse.values[l];
    if (model->input == WT_INPUT_CLASS) {
        width = model->hierarchy.embedding;
        table = wt_graph_tensor(graph,
                                &(wt_parameter){.rank = 2,
                                                .shape = {shape->input_classes, width},
                                                .fan_in = shape->input_classes,
                                                .role = WT_ROLE_EMBEDDING},
                                "embedding", "weight");
    }
    const int last = add_levels(graph, model, levels, width);
    const wt_layer output = wt_build_layer(graph, "output", last, wt_build_outputs(model, shape), 0, true);
    wt_build_mark_last(graph, &output);
    traits->readout_rows = shape->window && model->readout != WT_READOUT_LAST ? shape->window - (context - 1)
                                                                              : 0;
    const wt_readout_layer readout = wt_build_readout(graph, model, traits->readout_rows);
    int value = apply_context(graph, table, width, context);
    for (int l = 0; l < count; l++) value = apply_level(graph, model, &levels[l], l, value);
    value = wt_build_product(graph, &output, count + 1, value, 1);
    wt_build_loss(graph, model, shape, &readout, count + 1, value);
    snprintf(traits->description, sizeof traits->description, "%d level%s", count, count == 1 ? "" : "s");
    wt_free(levels);
    return graph->status;
}
