/*
 * The head where a window has one target: its outputs o[t] become y = Σ_t w_t·o[t] + b, and the loss is that of y.
 *
 * All of a window's outputs must be there before the first gradient, so one unit takes a whole window: tile after
 * tile forward, the sum in the order of t, then tile after tile backward, where the hidden rows are made once more.
 * Threads share out windows, of which a batch has many then. The partial gradients stand in the window's first segment.
 */
#include <string.h>

#include "pass_internal.h"

static wt_real wt_readout_factor(const wt_pass *pass, int t) {
    const wt_network *network = pass->network;
    if (network->readout_weight < 0) return (wt_real)1 / (wt_real)network->readout_rows;
    return wt_pass_tensor(pass, network->readout_weight)[t];
}

/* y = Σ_t w_t·o[t] + b */
static void wt_read_out(const wt_pass *pass, int window, wt_real *y) {
    const wt_network *network = pass->network;
    const wt_real bias = network->readout_bias < 0 ? 0 : *wt_pass_tensor(pass, network->readout_bias);
    for (int c = 0; c < network->classes; c++) y[c] = bias;
    for (int t = 0; t < network->readout_rows; t++) {
        const wt_real factor = wt_readout_factor(pass, t), *o = wt_row(&pass->logits, window, t);
        for (int c = 0; c < network->classes; c++) y[c] += factor * o[c];
    }
}

/* dw_t = Σ_c dy[c]·o[t, c], db = dy */
static void wt_readout_gradient(const wt_pass *pass, int window, const wt_real *dy, wt_real *sums) {
    const wt_network *network = pass->network;
    const wt_parameter *entries = network->parameters.entries;
    if (network->readout_weight < 0) return;
    const size_t base = entries[network->head[0].weight].offset;
    wt_real *dw = sums + (entries[network->readout_weight].offset - base);
    if (network->readout_bias >= 0) sums[entries[network->readout_bias].offset - base] += dy[0];
    for (int t = 0; t < network->readout_rows; t++) {
        const wt_real *o = wt_row(&pass->logits, window, t);
        for (int c = 0; c < network->classes; c++) dw[t] += dy[c] * o[c];
    }
}

static void wt_readout_back_tile(wt_pass *pass, int window, int first, int rows, const wt_real *dy,
                                 wt_real *sums) {
    const int classes = pass->network->classes;
    wt_real *hidden = wt_pass_scratch(pass);
    wt_real *outputs = hidden + (size_t)WT_HEAD_TILE * (size_t)pass->network->head[0].out;
    wt_head_outputs(pass, window, first, rows, hidden, outputs);
    for (int t = 0; t < rows; t++) {
        const wt_real factor = wt_readout_factor(pass, first + t);
        for (int c = 0; c < classes; c++) outputs[(size_t)t * (size_t)classes + (size_t)c] = factor * dy[c];
    }
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
    wt_read_out(pass, window, y);
    const double loss = wt_head_loss(pass, window, rows - 1, 1, y);
    if (!pass->shape.backward) return loss;
    wt_real *sums = wt_head_sums(pass, window, 0);
    memset(sums, 0, (size_t)pass->segments * pass->head_sums_each * sizeof *sums);
    wt_readout_gradient(pass, window, y, sums);
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
