/* Forward: input, blocks, head, layer by layer; within a layer all tiles of all windows at once. */
#include <string.h>

#include "pass_internal.h"

/* A 1×1 or dilated convolution of one tile. */
static void wt_convolve_tile(const wt_pass *pass, const wt_convolution *convolution, wt_real *y,
                             const wt_real *x, int rows) {
    pass->kernels->convolve(y, convolution->out, x, convolution->in,
                            wt_pass_tensor(pass, convolution->weight),
                            wt_pass_tensor(pass, convolution->bias), rows, convolution->in, convolution->out,
                            convolution->taps, convolution->dilation);
}

/* Where a block's output goes: what the next one begins with. */
static const wt_rows *wt_block_entry(const wt_pass *pass, int l) {
    return pass->network->blocks[l].rechannel.weight >= 0 ? &pass->blocks[l].wide : &pass->blocks[l].h;
}

static void wt_input_tile(const wt_pass *pass, int l, int window, int first, int rows) {
    (void)l;
    const wt_network *network = pass->network;
    const wt_batch *batch = pass->batch;
    wt_real *y = wt_row(wt_block_entry(pass, 0), window, first);
    size_t at = (size_t)(pass->first + window) * (size_t)wt_batch_rows(batch) + (size_t)first;
    if (network->input_kind == WT_INPUT_CLASS) {
        pass->kernels->embed(y, network->input.out, batch->classes + at,
                             wt_pass_tensor(pass, network->input.weight),
                             wt_pass_tensor(pass, network->input.bias), rows, network->input.in,
                             network->input.out, network->input.taps);
    } else {
        wt_convolve_tile(pass, &network->input, y, batch->signal + at * (size_t)batch->channels, rows);
    }
}

static void wt_rechannel_tile(const wt_pass *pass, int l, int window, int first, int rows) {
    wt_convolve_tile(pass, &pass->network->blocks[l].rechannel, wt_row(&pass->blocks[l].h, window, first),
                     wt_row(&pass->blocks[l].wide, window, first), rows);
}

/* skip ← skip·α + b_s + W_s z, for those of the tile's rows that targets need. */
static void wt_skip_tile(const wt_pass *pass, int l, int window, int first, int rows) {
    const wt_block *block = &pass->network->blocks[l];
    int from = first < block->lead ? block->lead : first;
    if (from >= first + rows) return;
    int count = first + rows - from, width = block->skip.out;
    wt_real *skip = wt_row(&pass->skip, window, from - block->lead);
    const wt_real *bias = wt_pass_tensor(pass, block->skip.bias);
    wt_real scale = l ? (wt_real)pass->network->skip_scale : 0;
    for (int t = 0; t < count; t++) {
        wt_real *row = skip + (size_t)t * (size_t)width;
        for (int c = 0; c < width; c++) row[c] = l ? scale * row[c] + bias[c] : bias[c];
    }
    pass->kernels->convolve(skip, width, wt_row(&pass->blocks[l].z, window, from), block->gate,
                            wt_pass_tensor(pass, block->skip.weight), NULL, count, block->gate, width, 1, 1);
}

/* h ← (h + W_r z + b_r)·β */
static void wt_residual_tile(const wt_pass *pass, int l, int window, int first, int rows) {
    const wt_block *block = &pass->network->blocks[l];
    int reach = (block->conv.taps - 1) * block->conv.dilation, width = block->residual.out;
    const wt_real *before = wt_row(&pass->blocks[l].h, window, first + reach);
    wt_real *after = wt_row(wt_block_entry(pass, l + 1), window, first);
    wt_convolve_tile(pass, &block->residual, after, wt_row(&pass->blocks[l].z, window, first), rows);
    wt_real scale = (wt_real)pass->network->residual_scale;
    for (size_t i = 0; i < (size_t)rows * (size_t)width; i++) after[i] = (after[i] + before[i]) * scale;
}

static void wt_block_tile(const wt_pass *pass, int l, int window, int first, int rows) {
    const wt_block *block = &pass->network->blocks[l];
    wt_real *act = wt_row(&pass->blocks[l].act, window, first),
            *z = wt_row(&pass->blocks[l].z, window, first);
    wt_convolve_tile(pass, &block->conv, act, wt_row(&pass->blocks[l].h, window, first), rows);
    pass->kernels->activate(z, block->gate, act, block->conv.out, rows, block->gate, block->activation);
    wt_skip_tile(pass, l, window, first, rows);
    if (block->residual.weight >= 0) wt_residual_tile(pass, l, window, first, rows);
}

static void wt_head_tile(const wt_pass *pass, int l, int window, int first, int rows) {
    (void)l;
    const wt_network *network = pass->network;
    const wt_kernels *kernels = pass->kernels;
    const wt_batch *batch = pass->batch;
    wt_real *skip = wt_row(&pass->skip, window, first), *hidden = wt_row(&pass->hidden, window, first);
    wt_real *logits = wt_row(&pass->logits, window, first);
    int width = network->skip_channels, hidden_width = network->head[0].out;
    kernels->rectify(skip, width, skip, width, rows, width);
    wt_convolve_tile(pass, &network->head[0], hidden, skip, rows);
    kernels->rectify(hidden, hidden_width, hidden, hidden_width, rows, hidden_width);
    wt_convolve_tile(pass, &network->head[1], logits, hidden, rows);
    const int32_t *targets = batch->target + (size_t)(pass->first + window) * (size_t)batch->targets +
                             (size_t)first;
    int tile = window * wt_tiles(pass->shape.targets) + first / WT_TILE;
    pass->tile_loss[tile] = kernels->cross_entropy(logits, network->classes, targets, rows, network->classes,
                                                   pass->shape.backward);
}

/* A window's loss: its tiles' in order. */
static wt_window_loss wt_add_window(const wt_pass *pass, int window) {
    const wt_batch *batch = pass->batch;
    int count = wt_pass_targets(pass, window);
    const double *tiles = pass->tile_loss + window * wt_tiles(pass->shape.targets);
    const int32_t *targets = batch->target + (size_t)(pass->first + window) * (size_t)batch->targets;
    wt_window_loss sum = {0.0, 0};
    for (int tile = 0; tile < wt_tiles(count); tile++) sum.loss += tiles[tile];
    for (int t = 0; t < count; t++) sum.targets += targets[t] >= 0;
    return sum;
}

void wt_pass_forward(wt_pass *pass, const wt_batch *batch, int first, int windows, wt_window_loss *losses) {
    const wt_network *network = pass->network;
    pass->batch = batch;
    pass->first = first;
    pass->windows = windows;
    wt_for_tiles(pass, wt_input_tile, 0, network->input_lead);
    for (int l = 0; l < network->block_count; l++) {
        const wt_block *block = &network->blocks[l];
        if (block->rechannel.weight >= 0) wt_for_tiles(pass, wt_rechannel_tile, l, wt_block_lead_in(block));
        wt_for_tiles(pass, wt_block_tile, l, block->lead);
    }
    wt_for_tiles(pass, wt_head_tile, 0, 0);
    for (int i = 0; i < windows; i++) losses[i] = wt_add_window(pass, i);
}

const wt_real *wt_pass_logits(const wt_pass *pass, int i) {
    return wt_row(&pass->logits, i, 0);
}
