/* What the builders share; and the table of them. */
#ifndef WAVETRAIN_NETWORK_BUILD_H
#define WAVETRAIN_NETWORK_BUILD_H

#include "network/graph.h"
#include "network/network_model.h"

/* A layer's weight and bias. bias -1: without. */
typedef struct {
    int in, out, taps, dilation;
    int weight, bias;
} wt_layer;

/* The tensors of a convolution; taps 0: of a linear layer. */
wt_layer wt_build_layer(wt_graph *graph, const char *prefix, int in, int out, int taps, bool bias);

/* A product of one value by a layer, all its taps, the oldest first. Operators may be added to it. */
int wt_build_product(wt_graph *graph, const wt_layer *layer, int number, int value, double scale);

/* The tensors of a norm over `channels`: weight and bias. wt_graph_finish adds batch norm's running
 * statistics. */
typedef struct {
    wt_norm_kind kind;
    int weight, bias;
} wt_norm_layer;
wt_norm_layer wt_build_norm(wt_graph *graph, wt_norm_kind kind, const char *prefix, int channels);

/* Channels that an activation of `channels` results reads: twice as many for the gate. */
int wt_build_activation_inputs(wt_activation kind, int channels);

/* Norm (if any), activation and dropout (if any), of layer `number`; `key` of dropout's draws. */
int wt_build_activation(wt_graph *graph, const wt_model_config *model, const wt_norm_layer *norm,
                        wt_activation kind, int number, int key, int value);

/* Whether a layer has a bias where a norm may follow. */
bool wt_build_has_bias(const wt_model_config *model);

/* What blocks are conditioned on (network_model.h): frames and a window's speaker; −1: absent. */
typedef struct {
    wt_condition_kind kind;
    wt_framing framing;
    int features, taps,
        speaker;    /* numbers per frame, frames that a sample reads, channels of the embedding */
    wt_layer input; /* stretch: the convolution of frames */
    int embedding, filters[WT_CONDITION_SCALES]; /* tensors */
    int frames, weights, voice;                  /* values */
} wt_condition_layer;

/* What a block adds to its gate's inputs. weight -1: absent. */
typedef struct {
    wt_layer frames, voice;
    int frame_rows, voice_row; /* values */
} wt_condition_block;

/* Tensors that all blocks share, first of all: their gradients are finished last. Then their operators. */
wt_status wt_build_condition(wt_graph *graph, wt_condition_layer *c, const wt_model_config *model,
                             const wt_network_shape *shape);
void wt_build_condition_rows(wt_graph *graph, wt_condition_layer *c);
/* The tensors of a block whose gate reads `out` channels; its products, which come before its other
 * operators; and `a` with the condition added. */
wt_condition_block wt_build_condition_block(wt_graph *graph, const wt_condition_layer *c, const char *prefix,
                                            int out);
void wt_build_condition_products(wt_graph *graph, const wt_condition_layer *c, wt_condition_block *block,
                                 int number);
int wt_build_conditioned(wt_graph *graph, const wt_condition_layer *c, const wt_condition_block *block,
                         int number, int a);

/* The end: a readout's tensors, at the end of what is trained; then its operator and the loss. `rows`:
 * outputs of a window that has one target, else 0. */
typedef struct {
    int rows, weight, bias;
} wt_readout_layer;
wt_readout_layer wt_build_readout(wt_graph *graph, const wt_model_config *model, int rows);
void wt_build_loss(wt_graph *graph, const wt_model_config *model, const wt_network_shape *shape,
                   const wt_readout_layer *readout, int number, int value);
/* Numbers per target that the last layer makes. */
int wt_build_outputs(const wt_model_config *model, const wt_network_shape *shape);
/* The last layer: its weights and biases begin otherwise. */
void wt_build_mark_last(wt_graph *graph, const wt_layer *layer);

/* A kind of network: fills the graph and the description. */
typedef wt_status (*wt_builder)(wt_graph *graph, wt_network_traits *traits, const wt_model_config *model,
                                const wt_network_shape *shape);
wt_status wt_wavenet_build(wt_graph *graph, wt_network_traits *traits, const wt_model_config *model,
                           const wt_network_shape *shape);
wt_status wt_hierarchy_build(wt_graph *graph, wt_network_traits *traits, const wt_model_config *model,
                             const wt_network_shape *shape);
wt_status wt_amplifier_build(wt_graph *graph, wt_network_traits *traits, const wt_model_config *model,
                             const wt_network_shape *shape);

#endif
