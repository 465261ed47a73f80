/* A network: the graph that the configuration's builder makes, with what others read of it. */
#include "wavetrain/network.h"

#include <math.h>

#include "build.h"
#include "network/network_model.h"
#include "network_internal.h"

static const wt_builder builders[] = {
    [WT_TRUNK_WAVENET] = wt_wavenet_build,
    [WT_TRUNK_HIERARCHY] = wt_hierarchy_build,
    [WT_TRUNK_AMPLIFIER] = wt_amplifier_build,
};

/* The activation's own gain, as torch.nn.init.calculate_gain has it. */
static double default_gain(wt_activation activation) {
    return activation == WT_ACTIVATION_RELU ? sqrt(2.0) : 5.0 / 3.0;
}

static wt_initial choose_initial(const wt_model_config *model) {
    return (wt_initial){
        .kind = model->initial.kind,
        .gain = model->initial.gain > 0 ? model->initial.gain : default_gain(model->array.activation),
        .output_scale = model->initial.output_scale > 0 ? model->initial.output_scale : 1,
    };
}

/* What the graph says; the rest is there already. */
static void complete_traits(wt_network_traits *traits, const wt_graph *graph, const wt_network_shape *shape) {
    traits->outputs = graph->values[graph->outputs].channels;
    traits->receptive_field = graph->receptive_field;
    traits->features = graph->condition >= 0 ? shape->features : 0;
    traits->framing = graph->framing;
    traits->speakers = graph->speakers ? shape->speakers : 0;
    for (int v = 0; v < graph->value_count; v++) {
        const wt_value *value = &graph->values[v];
        if (value->producer >= 0 && value->extent == WT_EXTENT_TIME && value->left > traits->context_rows)
            traits->context_rows = value->left;
    }
}

static wt_status fill_network(wt_network *network, wt_graph *graph, const wt_model_config *model,
                              const wt_network_shape *shape) {
    wt_network_traits *traits = &network->traits;
    traits->input_kind = model->input;
    traits->head_kind = model->head;
    traits->codes = shape->codes;
    traits->levels = shape->input_classes;
    traits->classes = model->head == WT_HEAD_SOFTMAX ? shape->classes : 0;
    traits->values = traits->classes ? 0 : shape->values ? shape->values : 1;
    network->initial = choose_initial(model);
    WT_TRY(builders[model->trunk](graph, traits, model, shape));
    WT_CHECK(shape->window == 0 || model->readout == WT_READOUT_LAST || traits->readout_rows >= 1, WT_USAGE,
             "a window of %d samples is shorter than the receptive field", shape->window);
    WT_TRY(wt_graph_finish(graph));
    complete_traits(traits, graph, shape);
    WT_CHECK(graph->total <= WT_PARAMETERS_MAX, WT_USAGE,
             "the model has too many parameters (got %zu, expected at most %zu)", graph->total,
             WT_PARAMETERS_MAX);
    network->parameters = (wt_parameter_table){graph->tensor_count, graph->tensors, graph->total,
                                               graph->trained};
    return WT_OK;
}

wt_status wt_network_create_shaped(wt_network **out, const wt_model_config *model,
                                   const wt_network_shape *shape) {
    wt_status status = WT_OK;
    wt_network *network;
    wt_graph *graph = NULL;
    *out = NULL;
    WT_TRY(wt_alloc(&network, 1, sizeof *network, "the network"));
    WT_GUARD(wt_alloc(&graph, 1, sizeof *graph, "the network"));
    wt_graph_init(graph);
    network->graph = graph;
    WT_GUARD(fill_network(network, graph, model, shape));
    *out = network;
    network = NULL;
cleanup:
    wt_network_destroy(network);
    return status;
}

wt_status wt_network_create(wt_network **out, const wt_model_config *model, int classes, int channels) {
    const wt_network_shape shape = {.input_classes = classes, .channels = channels, .classes = classes};
    return wt_network_create_shaped(out, model, &shape);
}

void wt_network_destroy(wt_network *network) {
    if (!network) return;
    if (network->graph) wt_graph_dispose(network->graph);
    wt_free(network->graph);
    wt_free(network);
}

const struct wt_graph *wt_network_graph(const wt_network *network) {
    return network->graph;
}

int wt_network_receptive_field(const wt_network *network) {
    return network->traits.receptive_field;
}

const wt_parameter_table *wt_network_parameters(const wt_network *network) {
    return &network->parameters;
}

const wt_network_traits *wt_network_get_traits(const wt_network *network) {
    return &network->traits;
}

int wt_network_targets(const wt_network *network, int window, int stride) {
    if (stride == 0) return window;
    return network->traits.readout_rows ? network->traits.readout_rows : 1;
}

int wt_network_frames(const wt_network *network, int targets) {
    const wt_graph *graph = network->graph;
    return graph->condition < 0 ? 0 : wt_graph_frames(graph, targets) + graph->values[graph->condition].left;
}

double wt_network_operations(const wt_network *network, int targets) {
    return wt_graph_operations(network->graph, targets);
}
