/*
 * A hierarchy backward, from the logits' gradients that forward left to the embedding. The gradient by a level's output
 * is changed in place into that by its linear layer's result, from which come the weights' gradients, lane by lane, each
 * panel by one thread over the lane's rows in order, and the gradient by the level's input. With batch norm the levels
 * wait for sums over all lanes, and the whole gradient is handed over at the end, so that no message of the exchange
 * is under way meanwhile.
 */
#include "hierarchy_internal.h"

#include <string.h>

#include "norms_internal.h"
#include "readout_internal.h"

static size_t wt_hierarchy_offset(const wt_hierarchy *h, int tensor) {
    return h->network->parameters.entries[tensor].offset;
}

/* Targets first … end−1 of a lane in the call's list. */
static void wt_lane_targets(const wt_hierarchy *h, int lane, int *first, int *end) {
    *first = h->window_first[lane * h->lane_windows];
    *end = h->window_first[(lane + 1) * h->lane_windows];
}

static int wt_weight_panels(const wt_convolution *c) {
    return (c->in + WT_WEIGHT_PANEL - 1) / WT_WEIGHT_PANEL;
}

static const wt_convolution *wt_layer(const wt_hierarchy *h, int l) {
    return l < h->network->level_count ? &h->network->levels[l].linear : &h->network->output;
}

/* The gradient by a layer's result, and its input: level l, or the output. */
static const wt_real *wt_layer_gradient(const wt_hierarchy *h, int l) {
    return l < h->network->level_count ? h->grad[l & 1] : h->logits;
}

static const wt_real *wt_layer_input(const wt_hierarchy *h, int l) {
    return l < h->network->level_count ? h->levels[l].in : h->levels[l - 1].dropped;
}

static int wt_layer_rows(const wt_hierarchy *h, int l) {
    return l < h->network->level_count ? h->network->levels[l].rows : 1;
}

/* A panel of a layer's weights in one lane; the first one makes the bias too. */
static void wt_weights_unit(const wt_hierarchy *h, int l, int unit) {
    const wt_convolution *c = wt_layer(h, l);
    const int panels = wt_weight_panels(c), lane = unit / panels, from = unit % panels * WT_WEIGHT_PANEL;
    const int in = c->in - from < WT_WEIGHT_PANEL ? c->in - from : WT_WEIGHT_PANEL;
    int first, end;
    wt_lane_targets(h, lane, &first, &end);
    const size_t each = (size_t)wt_layer_rows(h, l), row = (size_t)first * each;
    const int rows = (end - first) * (int)each;
    const wt_real *dy = wt_layer_gradient(h, l) + row * (size_t)c->out;
    const wt_real *x = wt_layer_input(h, l) + row * (size_t)c->in + from;
    wt_real *dw = h->gradients[lane] + wt_hierarchy_offset(h, c->weight) + (size_t)from * (size_t)c->out;
    h->kernels->convolve_weights(dw, c->out, x, c->in, dy, c->out, rows, in, c->out);
    if (from == 0 && c->bias >= 0) {
        wt_real *db = h->gradients[lane] + wt_hierarchy_offset(h, c->bias);
        h->kernels->column_sums(db, dy, c->out, rows, c->out);
    }
}

/* The gradient by a layer's input, which is that by the output of the level before. */
static void wt_input_tile(const wt_hierarchy *h, int l, int tile) {
    const wt_convolution *c = wt_layer(h, l);
    const wt_target_tile *at = &h->tiles[tile];
    const size_t each = (size_t)wt_layer_rows(h, l), row = (size_t)at->first * each;
    const wt_operand factor = wt_linear_factor_back(h, c, wt_layer_gradient(h, l) + row * (size_t)c->out);
    const wt_finish finish = {.scale = 1};
    h->kernels->multiply(h->grad[(l + 1) & 1] + row * (size_t)c->in, c->in, at->count * (int)each, c->in,
                         &factor, 1, &finish);
}

/* --- readout --- */

/* A lane's windows: the readout's own gradients, then the outputs become their own. */
static void wt_readout_unit_back(const wt_hierarchy *h, int unused, int lane) {
    const wt_network *network = h->network;
    const size_t classes = (size_t)network->classes;
    (void)unused;
    for (int w = lane * h->lane_windows; w < (lane + 1) * h->lane_windows; w++) {
        const int first = h->window_first[w], rows = h->window_first[w + 1] - first;
        const wt_real *dy = h->pooled + (size_t)w * classes;
        wt_real *outputs = h->logits + (size_t)first * classes;
        if (rows == 0) continue;
        wt_readout_weights(network, outputs, dy, h->gradients[lane], 0);
        wt_readout_back(network, h->parameters, 0, rows, dy, outputs);
    }
}

/* --- activation and norm --- */

/* Through dropout and activation; with a norm, the sums that its gradients need. */
static void wt_activation_tile(const wt_hierarchy *h, int l, int tile) {
    const wt_level *level = &h->network->levels[l];
    const wt_level_rows *rows_of = &h->levels[l];
    const wt_target_tile *at = &h->tiles[tile];
    const int width = level->linear.out, rows = at->count * level->rows;
    const size_t first = (size_t)at->first * (size_t)level->rows, place = first * (size_t)width;
    wt_real *d = h->grad[l & 1] + place;
    for (size_t i = 0; rows_of->factor && i < (size_t)rows * (size_t)width; i++) {
        d[i] *= rows_of->factor[place + i];
    }
    h->kernels->activate_back(d, width, NULL, 0, rows_of->act + place, width, d, width, rows, width,
                              h->network->activation);
    if (h->network->norm == WT_NORM_NONE) return;
    double *sums = wt_tile_sums(h, tile);
    memset(sums, 0, 2 * (size_t)width * sizeof *sums);
    h->kernels->column_products(sums, d, width, rows_of->hat + place, width, rows, width);
    if (h->network->norm == WT_NORM_BATCH) return;
    h->kernels->normalise_back(d, width, d, width, rows_of->hat + place, width, rows_of->rate + first,
                               wt_hierarchy_tensor(h, level->norm.weight), rows, width);
}

/* The norm's own gradients: a lane's sums, tile after tile. */
static void wt_norm_gradients(const wt_hierarchy *h, int l) {
    const wt_level *level = &h->network->levels[l];
    const size_t weight = wt_hierarchy_offset(h, level->norm.weight);
    const size_t bias = wt_hierarchy_offset(h, level->norm.bias);
    const int width = level->linear.out;
    for (int lane = 0; lane < h->lanes; lane++) {
        for (int c = 0; c < width; c++) {
            h->gradients[lane][bias + (size_t)c] = (wt_real)h->lane_sums[lane * (2 * width + 1) + c];
            h->gradients[lane][weight + (size_t)c] =
                (wt_real)h->lane_sums[lane * (2 * width + 1) + width + c];
        }
    }
}

static void wt_batch_norm_tile(const wt_hierarchy *h, int l, int tile) {
    const wt_level *level = &h->network->levels[l];
    const wt_target_tile *at = &h->tiles[tile];
    const int width = level->linear.out;
    const size_t place = (size_t)at->first * (size_t)level->rows * (size_t)width;
    wt_real *d = h->grad[l & 1] + place;
    h->kernels->standardise_back(d, width, d, width, h->levels[l].hat + place, width, h->factors,
                                 h->factors + width, h->factors + 2 * width, at->count * level->rows, width);
}

static void wt_norm_back(wt_hierarchy *h, int l) {
    const wt_norm_kind norm = h->network->norm;
    const wt_level *level = &h->network->levels[l];
    if (norm == WT_NORM_NONE) return;
    if (norm == WT_NORM_BATCH) {
        wt_hierarchy_reduce(h, level->linear.out, level->rows);
    } else {
        wt_hierarchy_add_lanes(h, level->linear.out, level->rows);
    }
    wt_norm_gradients(h, l);
    if (norm == WT_NORM_LAYER) return;
    wt_norm_take_factors(h->sums, level->linear.out, wt_hierarchy_tensor(h, level->norm.weight),
                         h->levels[l].mean_rate + level->linear.out, h->factors);
    wt_hierarchy_run(h, h->tile_count, wt_batch_norm_tile, l);
}

/* --- embedding --- */

static void wt_embedding_unit(const wt_hierarchy *h, int unused, int lane) {
    const wt_network *network = h->network;
    const int context = network->receptive_field, channels = network->embedding_channels;
    wt_real *dw = h->gradients[lane] + wt_hierarchy_offset(h, network->embedding);
    const wt_real *dy = h->grad[1]; /* as if of level −1 */
    int first, end;
    (void)unused;
    wt_lane_targets(h, lane, &first, &end);
    for (int i = first; i < end; i++) {
        h->kernels->embed_weights(dw, channels, h->batch->classes + h->input_at[i],
                                  dy + (size_t)i * (size_t)context * (size_t)channels, channels, context,
                                  network->classes, channels, 1);
    }
}

/* --- the pass --- */

/* All from `offset` on is finished. */
static void wt_hand_over_from(wt_hierarchy *h, size_t offset) {
    const wt_pass_listener *listener = h->listener;
    if (!listener || h->told == offset) return;
    if (listener->ready) listener->ready(listener->context, offset, h->told - offset);
    if (listener->poke) listener->poke(listener->context);
    h->told = offset;
}

static void wt_layer_back(wt_hierarchy *h, int l) {
    const wt_convolution *c = wt_layer(h, l);
    wt_hierarchy_run(h, h->lanes * wt_weight_panels(c), wt_weights_unit, l);
    if (l > 0 || h->network->embedding >= 0) wt_hierarchy_run(h, h->tile_count, wt_input_tile, l);
    if (h->network->norm != WT_NORM_BATCH && l > 0) wt_hand_over_from(h, wt_hierarchy_offset(h, c->weight));
}

void wt_hierarchy_backward(wt_hierarchy *h, int lane_windows, wt_real *const *gradients,
                           const wt_pass_listener *listener) {
    const wt_network *network = h->network;
    h->lane_windows = lane_windows;
    h->lanes = h->windows / lane_windows;
    h->gradients = gradients;
    h->listener = listener;
    h->told = network->parameters.trained;
    for (int lane = 0; lane < h->lanes; lane++) {
        memset(gradients[lane], 0, network->parameters.trained * sizeof **gradients);
    }
    if (network->readout_rows) wt_hierarchy_run(h, h->lanes, wt_readout_unit_back, 0);
    wt_layer_back(h, network->level_count);
    for (int l = network->level_count - 1; l >= 0; l--) {
        wt_hierarchy_run(h, h->tile_count, wt_activation_tile, l);
        wt_norm_back(h, l);
        wt_layer_back(h, l);
    }
    if (network->embedding >= 0) wt_hierarchy_run(h, h->lanes, wt_embedding_unit, 0);
    wt_hand_over_from(h, 0);
    h->listener = NULL;
}
