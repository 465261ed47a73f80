/*
 * A condition of wavenet's blocks: tensors and operators for what all blocks share, and for what each has of
 * its own.
 */
#include <stdio.h>

#include "build.h"

/* Frames to each side of its own that a sample reads of what is stretched: every scale reaches one row
 * further. */
static int reach_of(const wt_dilation_list *scales) {
    int row = 0;
    for (int k = scales->count - 1; k >= 0; k--) {
        const int scale = scales->values[k];
        row = (row < 0 ? -((scale - 1 - row) / scale) : row / scale) - 1;
    }
    return -row;
}

static wt_status check_scales(const wt_model_config *model, const wt_network_shape *shape) {
    int64_t product = 1;
    for (int k = 0; k < model->condition.scales.count; k++) product *= model->condition.scales.values[k];
    WT_CHECK(product == shape->hop, WT_USAGE,
             "model.condition_scales: their product is not the frames' hop (got %lld, expected %d)",
             (long long)product, shape->hop);
    return WT_OK;
}

static wt_status check_shape(const wt_model_config *model, const wt_network_shape *shape) {
    const bool framed = model->condition.kind != WT_CONDITION_NONE;
    WT_CHECK(!framed || shape->features > 0, WT_USAGE,
             "model.condition: the data set has no features (prepare audio --mel makes them)");
    WT_CHECK(model->condition.speaker == 0 || shape->speakers > 0, WT_USAGE,
             "model.speaker: the data set has no speakers (prepare audio --speaker stores them)");
    WT_CHECK((!framed && model->condition.speaker == 0) || model->norm != WT_NORM_BATCH, WT_USAGE,
             "model.norm: batch does not go with a condition or a speaker");
    if (model->condition.kind == WT_CONDITION_STRETCH) return check_scales(model, shape);
    return WT_OK;
}

/* --- what all blocks share --- */

static void add_filters(wt_graph *graph, wt_condition_layer *c, const wt_model_config *model) {
    char prefix[32];
    for (int k = 0; k < model->condition.scales.count; k++) {
        const int taps = 2 * model->condition.scales.values[k] + 1;
        const wt_parameter filter = {
            .rank = 3, .shape = {1, 1, taps}, .fan_in = taps, .role = WT_ROLE_FILTER};
        snprintf(prefix, sizeof prefix, "condition.stretch.%d", k);
        c->filters[k] = wt_graph_tensor(graph, &filter, prefix, "weight");
    }
}

wt_status wt_build_condition(wt_graph *graph, wt_condition_layer *c, const wt_model_config *model,
                             const wt_network_shape *shape) {
    *c = (wt_condition_layer){.kind = model->condition.kind,
                              .features = shape->features,
                              .speaker = model->condition.speaker,
                              .embedding = -1,
                              .filters = {-1, -1, -1, -1},
                              .frames = -1,
                              .weights = -1,
                              .voice = -1};
    WT_TRY(check_shape(model, shape));
    if (c->kind != WT_CONDITION_NONE) {
        c->taps = c->kind == WT_CONDITION_LINEAR ? 2 : 1;
        c->framing = (wt_framing){shape->hop, 0, c->kind == WT_CONDITION_LINEAR ? 0 : shape->hop / 2};
    }
    if (c->kind == WT_CONDITION_STRETCH) {
        const int reach = reach_of(&model->condition.scales);
        c->taps = 2 * reach + 1;
        c->framing.back = reach + model->condition.pad;
        c->input = wt_build_layer(graph, "condition.input", c->features, c->features,
                                  2 * model->condition.pad + 1, false);
        add_filters(graph, c, model);
    }
    if (c->speaker) {
        const wt_parameter table = {
            .rank = 2, .shape = {shape->speakers, c->speaker}, .fan_in = 1, .role = WT_ROLE_SPEAKER};
        c->embedding = wt_graph_tensor(graph, &table, "speaker", "weight");
    }
    return graph->status;
}

void wt_build_condition_rows(wt_graph *graph, wt_condition_layer *c) {
    if (c->kind == WT_CONDITION_STRETCH) {
        const wt_value weights = {
            .channels = 2 * c->taps * c->framing.hop, .extent = WT_EXTENT_WINDOW, .rows = 1};
        wt_op op = {.kind = WT_OP_STRETCH, .taps = c->taps};
        for (int k = 0; k < WT_CONDITION_SCALES; k++) op.tensors[k] = c->filters[k];
        c->weights = wt_graph_op(graph, &op, &weights);
    }
    if (c->speaker) {
        const wt_value voice = {.channels = c->speaker, .extent = WT_EXTENT_WINDOW, .rows = 1};
        c->voice = wt_graph_op(
            graph, &(wt_op){.kind = WT_OP_LOOKUP, .tensors = {c->embedding, -1}, .taps = 1}, &voice);
    }
    if (c->kind == WT_CONDITION_NONE) return;
    c->frames = wt_graph_condition(graph, c->features, &c->framing, c->taps);
    if (c->kind == WT_CONDITION_STRETCH) c->frames = wt_build_product(graph, &c->input, 0, c->frames, 1);
}

/* --- a block's own --- */

wt_condition_block wt_build_condition_block(wt_graph *graph, const wt_condition_layer *c, const char *prefix,
                                            int out) {
    wt_condition_block block = {.frames = {.weight = -1}, .voice = {.weight = -1}};
    char name[64];
    snprintf(name, sizeof name, "%s.condition", prefix);
    if (c->kind != WT_CONDITION_NONE) block.frames = wt_build_layer(graph, name, c->features, out, 1, false);
    snprintf(name, sizeof name, "%s.speaker", prefix);
    if (c->speaker) block.voice = wt_build_layer(graph, name, c->speaker, out, 1, false);
    return block;
}

static int upsample(wt_graph *graph, const wt_op *like, int number, int a, int x) {
    if (graph->status != WT_OK) return 0;
    wt_op op = *like;
    op.kind = WT_OP_UPSAMPLE;
    op.layer = number;
    op.input = x;
    op.add = a;
    op.scale = 1;
    const wt_value output = graph->values[a];
    return wt_graph_op(graph, &op, &output);
}

void wt_build_condition_products(wt_graph *graph, const wt_condition_layer *c, wt_condition_block *block,
                                 int number) {
    if (block->frames.weight >= 0)
        block->frame_rows = wt_build_product(graph, &block->frames, number, c->frames, 1);
    if (block->voice.weight >= 0)
        block->voice_row = wt_build_product(graph, &block->voice, number, c->voice, 1);
}

int wt_build_conditioned(wt_graph *graph, const wt_condition_layer *c, const wt_condition_block *block,
                         int number, int a) {
    if (block->frames.weight >= 0) {
        a = upsample(graph, &(wt_op){.taps = c->taps}, number, a, block->frame_rows);
        if (c->weights >= 0) wt_graph_term(graph, &(wt_term){.value = c->weights, .tensor = -1, .scale = 1});
    }
    if (block->voice.weight >= 0) a = upsample(graph, &(wt_op){.taps = 1}, number, a, block->voice_row);
    return a;
}
