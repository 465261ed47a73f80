/*
 * Where a window has one target: its outputs o[t] become y = Σ_t w_t·o[t] + b, and the loss is that of y. The sums are of
 * either trunk; the head's unit is the wavenet's.
 *
 * All of a window's outputs must be there before the first gradient, so one unit takes a whole window: tile after
 * tile forward, the sum in the order of t, then tile after tile backward, where the hidden rows are made once more.
 * Threads share out windows, of which a batch has many then. The partial gradients stand in the window's first segment.
 */
#include <string.h>

#include "pass_internal.h"
#include "readout_internal.h"

static wt_real wt_readout_factor(const wt_network *network, const wt_real *parameters, int t) {
    if (network->readout_weight < 0) return (wt_real)1 / (wt_real)network->readout_rows;
    return parameters[network->parameters.entries[network->readout_weight].offset + (size_t)t];
}

void wt_readout_outputs(const wt_network *network, const wt_real *parameters, const wt_real *o, wt_real *y) {
    const wt_parameter *entries = network->parameters.entries;
    const wt_real bias = network->readout_bias < 0 ? 0 : parameters[entries[network->readout_bias].offset];
    for (int c = 0; c < network->classes; c++) y[c] = bias;
    for (int t = 0; t < network->readout_rows; t++, o += network->classes) {
        const wt_real factor = wt_readout_factor(network, parameters, t);
        for (int c = 0; c < network->classes; c++) y[c] += factor * o[c];
    }
}

void wt_readout_weights(const wt_network *network, const wt_real *o, const wt_real *dy, wt_real *gradient,
                        size_t base) {
    const wt_parameter *entries = network->parameters.entries;
    if (network->readout_weight < 0) return;
    wt_real *dw = gradient + (entries[network->readout_weight].offset - base);
    if (network->readout_bias >= 0) gradient[entries[network->readout_bias].offset - base] += dy[0];
    for (int t = 0; t < network->readout_rows; t++, o += network->classes) {
        for (int c = 0; c < network->classes; c++) dw[t] += dy[c] * o[c];
    }
}

void wt_readout_back(const wt_network *network, const wt_real *parameters, int first, int rows,
                     const wt_real *dy, wt_real *back) {
    for (int t = 0; t < rows; t++, back += network->classes) {
        const wt_real factor = wt_readout_factor(network, parameters, first + t);
        for (int c = 0; c < network->classes; c++) back[c] = factor * dy[c];
    }
}

/* --- the wavenet's head --- */

static void wt_readout_back_tile(wt_pass *pass, int window, int first, int rows, const wt_real *dy,
                                 wt_real *sums) {
    wt_real *hidden = wt_pass_scratch(pass);
    wt_real *outputs = hidden + (size_t)WT_HEAD_TILE * (size_t)pass->network->head[0].out;
    wt_head_outputs(pass, window, first, rows, hidden, outputs);
    wt_readout_back(pass->network, pass->parameters, first, rows, dy, outputs);
    wt_head_back_tile(pass, window, first, rows, outputs, hidden, sums);
}

static int wt_tile_left(const wt_pass *pass, int first) {
    const int left = pass->network->readout_rows - first;
    return left < WT_HEAD_TILE ? left : WT_HEAD_TILE;
}

/* The whole window's loss and, with backward, its share of the head's gradients. */
static double wt_read_window(wt_pass *pass, int window) {
    const int rows = pass->network->readout_rows;
    wt_real *y = wt_row(&pass->pooled, window, 0);
    for (int t = 0; t < rows; t += WT_HEAD_TILE) {
        wt_head_outputs(pass, window, t, wt_tile_left(pass, t), wt_pass_scratch(pass),
                        wt_row(&pass->logits, window, t));
    }
    wt_readout_outputs(pass->network, pass->parameters, wt_row(&pass->logits, window, 0), y);
    const double loss = wt_head_loss(pass, window, rows - 1, 1, y);
    if (!pass->shape.backward) return loss;
    wt_real *sums = wt_head_sums(pass, window, 0);
    memset(sums, 0, (size_t)pass->segments * pass->head_sums_each * sizeof *sums);
    wt_readout_weights(pass->network, wt_row(&pass->logits, window, 0), y, sums,
                       wt_offset(pass, pass->network->head[0].weight));
    for (int t = 0; t < rows; t += WT_HEAD_TILE) {
        wt_readout_back_tile(pass, window, t, wt_tile_left(pass, t), y, sums);
    }
    return loss;
}

void wt_readout_unit(wt_pass *pass, const wt_stage *stage, int window, int unit) {
    (void)stage, (void)unit; /* the one and only */
    const int tiles = wt_units(pass->shape.targets, WT_HEAD_TILE);
    double *losses = pass->tile_loss + (size_t)window * (size_t)tiles;
    memset(losses, 0, (size_t)tiles * sizeof *losses);
    if (wt_pass_targets(pass, window)) losses[0] = wt_read_window(pass, window);
}
