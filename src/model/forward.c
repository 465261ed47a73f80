/*
 * Forward: input, blocks, head. A unit takes its rows through all of a block while they are in the cache. The
 * skips of a group of blocks are added to the sum together, by one product whose terms are all their gate
 * channels, so that the sum is read and written once a group. In a pass with backward the head's unit goes
 * straight on to the gradient by the skips: its logits never leave the cache.
 */
#include <string.h>

#include "hierarchy_internal.h"
#include "pass_internal.h"

void wt_convolve_rows(const wt_pass *pass, const wt_convolution *c, wt_real *y, int ldy, const wt_real *x,
                      int ldx, int rows, const wt_real *add, int ldadd, wt_real scale) {
    wt_operand taps[WT_KERNEL_MAX];
    for (int j = 0; j < c->taps; j++) {
        taps[j] = wt_tap(pass, c, j, x + (size_t)j * (size_t)c->dilation * (size_t)ldx, ldx);
    }
    wt_finish finish = {.bias = c->bias < 0 ? NULL : wt_pass_tensor(pass, c->bias),
                        .add = add,
                        .ldadd = ldadd,
                        .scale = scale};
    pass->kernels->multiply(y, ldy, rows, c->out, taps, c->taps, &finish);
}

/* Where a block's output goes: what the next one begins with. */
static const wt_rows *wt_block_entry(const wt_pass *pass, int l) {
    return pass->network->blocks[l].rechannel.weight >= 0 ? &pass->blocks[l].wide : &pass->blocks[l].h;
}

bool wt_unit_rows(const wt_pass *pass, const wt_stage *stage, int window, int unit, int *first, int *rows) {
    int targets = wt_pass_targets(pass, window), all = targets ? targets + stage->lead : 0;
    *first = unit * stage->unit_rows;
    *rows = all - *first < stage->unit_rows ? all - *first : stage->unit_rows;
    return *rows > 0;
}

static void wt_input_unit(wt_pass *pass, const wt_stage *stage, int window, int unit) {
    const wt_network *network = pass->network;
    const wt_batch *batch = pass->batch;
    int first, rows;
    if (!wt_unit_rows(pass, stage, window, unit, &first, &rows)) return;
    const wt_rows *entry = wt_block_entry(pass, 0);
    wt_real *y = wt_row(entry, window, first);
    size_t at = (size_t)(pass->first + window) * (size_t)wt_batch_rows(batch) + (size_t)first;
    if (network->input_kind == WT_INPUT_CLASS) {
        pass->kernels->embed(y, entry->ld, batch->classes + at, wt_pass_tensor(pass, network->input.weight),
                             wt_pass_tensor(pass, network->input.bias), rows, network->input.in,
                             network->input.out, network->input.taps);
    } else {
        wt_convolve_rows(pass, &network->input, y, entry->ld, batch->signal + at * (size_t)batch->channels,
                         batch->channels, rows, NULL, 0, 1);
    }
}

static void wt_rechannel_unit(wt_pass *pass, const wt_stage *stage, int window, int unit) {
    const wt_block_rows *block = &pass->blocks[stage->l];
    int first, rows;
    if (!wt_unit_rows(pass, stage, window, unit, &first, &rows)) return;
    wt_convolve_rows(pass, &pass->network->blocks[stage->l].rechannel, wt_row(&block->h, window, first),
                     block->h.ld, wt_row(&block->wide, window, first), block->wide.ld, rows, NULL, 0, 1);
}

/* skip += Σ W_s z over the group that ends with block l, for those of the rows that targets need. */
static void wt_add_skips(const wt_pass *pass, int l, int window, int first, int rows) {
    const wt_block *blocks = pass->network->blocks;
    int from = first < blocks[l].lead ? blocks[l].lead : first, count = first + rows - from;
    if (count <= 0) return;
    int target = from - blocks[l].lead, group = pass->blocks[l].group;
    wt_operand skips[WT_GROUP_MAX];
    for (int b = group; b <= l; b++) {
        const wt_rows *z = &pass->blocks[b].z;
        skips[b - group] = wt_tap(pass, &blocks[b].skip, 0, wt_row(z, window, target + blocks[b].lead),
                                  z->ld);
    }
    wt_real *skip = wt_row(&pass->skip, window, target);
    wt_finish finish = {.bias = group ? NULL : pass->skip_bias,
                        .add = group ? skip : NULL,
                        .ldadd = pass->skip.ld,
                        .scale = 1};
    pass->kernels->multiply(skip, pass->skip.ld, count, pass->network->skip_channels, skips, l - group + 1,
                            &finish);
}

void wt_pass_on(const wt_pass *pass, int l, int window, int first, int rows) {
    const wt_block *block = &pass->network->blocks[l];
    const wt_block_rows *at = &pass->blocks[l];
    if (at->group_ends) wt_add_skips(pass, l, window, first, rows);
    if (block->residual.weight < 0) return;
    const wt_rows *next = wt_block_entry(pass, l + 1);
    wt_convolve_rows(pass, &block->residual, wt_row(next, window, first), next->ld,
                     wt_row(&at->z, window, first), at->z.ld, rows,
                     wt_row(&at->h, window, first + wt_reach(&block->conv)), at->h.ld,
                     (wt_real)pass->network->residual_scale);
}

static void wt_block_unit(wt_pass *pass, const wt_stage *stage, int window, int unit) {
    const wt_block *block = &pass->network->blocks[stage->l];
    const wt_block_rows *at = &pass->blocks[stage->l];
    int first, rows;
    if (!wt_unit_rows(pass, stage, window, unit, &first, &rows)) return;
    const wt_real *h = wt_row(&at->h, window, first);
    wt_real *act = wt_pass_keeps(pass) ? wt_row(&at->act, window, first) : wt_pass_scratch(pass);
    wt_convolve_rows(pass, &block->conv, act, block->conv.out, h, at->h.ld, rows, NULL, 0, 1);
    pass->kernels->activate(wt_row(&at->z, window, first), at->z.ld, act, block->conv.out, rows, block->gate,
                            block->activation);
    wt_pass_on(pass, stage->l, window, first, rows);
}

/* --- head --- */

void wt_head_outputs(wt_pass *pass, int window, int first, int rows, wt_real *hidden, wt_real *outputs) {
    const wt_network *network = pass->network;
    const wt_kernels *kernels = pass->kernels;
    int width = network->skip_channels, hidden_width = network->head[0].out;
    wt_real *skip = wt_row(&pass->skip, window, first);
    kernels->rectify(skip, width, skip, width, rows, width);
    wt_convolve_rows(pass, &network->head[0], hidden, hidden_width, skip, width, rows, NULL, 0, 1);
    kernels->rectify(hidden, hidden_width, hidden, hidden_width, rows, hidden_width);
    wt_convolve_rows(pass, &network->head[1], outputs, network->classes, hidden, hidden_width, rows, NULL, 0,
                     1);
}

double wt_head_loss(const wt_pass *pass, int window, int first, int rows, wt_real *outputs) {
    const wt_batch *batch = pass->batch;
    const int classes = pass->network->classes;
    const size_t at = (size_t)(pass->first + window) * (size_t)batch->targets + (size_t)first;
    if (pass->network->head_kind == WT_HEAD_MSE) {
        return pass->kernels->squared_error(outputs, classes, batch->value + at, batch->target + at, rows,
                                            pass->shape.backward);
    }
    return pass->kernels->cross_entropy(outputs, classes, batch->target + at, rows, classes,
                                        pass->shape.backward);
}

static void wt_head_tile(wt_pass *pass, int window, int first, int rows, wt_real *sums) {
    wt_real *hidden = wt_pass_scratch(pass);
    wt_real *logits = pass->shape.backward
                          ? hidden + (size_t)WT_HEAD_TILE * (size_t)pass->network->head[0].out
                          : wt_row(&pass->logits, window, first);
    wt_head_outputs(pass, window, first, rows, hidden, logits);
    int tile = window * wt_units(pass->shape.targets, WT_HEAD_TILE) + first / WT_HEAD_TILE;
    pass->tile_loss[tile] = wt_head_loss(pass, window, first, rows, logits);
    if (pass->shape.backward) wt_head_back_tile(pass, window, first, rows, logits, hidden, sums);
}

static void wt_head_unit(wt_pass *pass, const wt_stage *stage, int window, int unit) {
    int first, rows;
    if (!wt_unit_rows(pass, stage, window, unit, &first, &rows)) return;
    wt_real *sums = NULL;
    if (pass->shape.backward) {
        sums = wt_head_sums(pass, window, unit);
        memset(sums, 0, pass->head_sums_each * sizeof *sums);
    }
    for (int t = 0; t < rows; t += WT_HEAD_TILE) {
        wt_head_tile(pass, window, first + t, rows - t < WT_HEAD_TILE ? rows - t : WT_HEAD_TILE, sums);
    }
}

/* A window's loss: its tiles' in order. */
static wt_window_loss wt_add_window(const wt_pass *pass, int window) {
    const wt_batch *batch = pass->batch;
    int count = wt_pass_targets(pass, window);
    const double *tiles = pass->tile_loss + window * wt_units(pass->shape.targets, WT_HEAD_TILE);
    const int32_t *targets = batch->target + (size_t)(pass->first + window) * (size_t)batch->targets;
    wt_window_loss sum = {0.0, 0};
    for (int tile = 0; tile < wt_units(count, WT_HEAD_TILE); tile++) sum.loss += tiles[tile];
    for (int t = 0; t < count; t++) sum.targets += targets[t] >= 0;
    return sum;
}

/* --- the pass --- */

void wt_add_next(wt_pass *pass, wt_stage stage, int64_t reach) {
    int number = wt_pipeline_add(pass, &pass->forward, stage);
    if (number > 0) wt_pipeline_need(&pass->forward, number, number - 1, reach);
}

void wt_plan_forward(wt_pass *pass) {
    const wt_network *network = pass->network;
    wt_stage input = {.work = wt_input_unit, .lead = network->input_lead, .unit_rows = pass->tile};
    wt_add_next(pass, input, 0);
    for (int l = 0; l < network->block_count; l++) {
        const wt_block *block = &network->blocks[l];
        wt_stage rechannel = {
            .work = wt_rechannel_unit, .l = l, .lead = wt_block_lead_in(block), .unit_rows = pass->tile};
        wt_stage whole = {.work = wt_block_unit, .l = l, .lead = block->lead, .unit_rows = pass->tile};
        if (block->rechannel.weight >= 0) wt_add_next(pass, rechannel, 0);
        if (pass->normed) {
            wt_plan_normed_block(pass, l);
        } else {
            wt_add_next(pass, whole, wt_reach(&block->conv));
        }
    }
    wt_stage head = {.work = wt_head_unit, .unit_rows = pass->segment};
    if (network->readout_rows) head.work = wt_readout_unit, head.unit_rows = pass->shape.targets;
    wt_add_next(pass, head, 0);
}

void wt_pass_forward(wt_pass *pass, const wt_batch *batch, int first, int windows, wt_window_loss *losses) {
    if (pass->hierarchy) {
        wt_hierarchy_forward(pass->hierarchy, batch, first, windows, losses);
        return;
    }
    pass->batch = pass->normed ? wt_normed_batch(pass, batch) : batch;
    pass->first = pass->batch == batch ? first : 0;
    pass->windows = windows;
    wt_pipeline_run(pass, &pass->forward, 1);
    for (int i = 0; i < windows; i++) losses[i] = wt_add_window(pass, i);
}

const wt_real *wt_pass_logits(const wt_pass *pass, int i) {
    if (pass->hierarchy) return wt_hierarchy_logits(pass->hierarchy, i);
    return wt_row(pass->network->readout_rows ? &pass->pooled : &pass->logits, i, 0);
}
