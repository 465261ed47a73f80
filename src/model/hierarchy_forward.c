/*
 * A hierarchy forward: the call's targets become one list, their contexts are embedded, and each level makes its rows
 * tile by tile. Batch norm in training has two walks over a level's tiles, with the sum over all lanes in between;
 * everything else has one.
 */
#include "hierarchy_internal.h"

#include <string.h>

#include "norms_internal.h"
#include "readout_internal.h"

/* --- the call's targets --- */

/* Targets that are none take no part in training; evaluation gives logits for them too, and a readout needs them. */
static void wt_list_targets(wt_hierarchy *h) {
    const wt_batch *batch = h->batch;
    const bool some = h->shape.backward && !h->network->readout_rows;
    const bool values = h->network->head_kind == WT_HEAD_MSE;
    h->targets = 0;
    for (int w = 0; w < h->windows; w++) {
        h->window_first[w] = h->targets;
        if (!batch) continue;
        const size_t slot = (size_t)(h->first + w), row = slot * (size_t)wt_batch_rows(batch);
        const int32_t *target = batch->target + slot * (size_t)batch->targets;
        for (int t = 0; t < batch->target_count[slot]; t++) {
            if (some && target[t] < 0) continue;
            if (values) h->value[h->targets] = batch->value[slot * (size_t)batch->targets + (size_t)t];
            h->input_at[h->targets] = row + (size_t)t;
            h->target[h->targets++] = target[t];
        }
    }
    h->window_first[h->windows] = h->targets;
}

static void wt_cut_tiles(wt_hierarchy *h, int first, int end, int lane) {
    for (int at = first; at < end; at += WT_TILE_TARGETS) {
        const int count = end - at < WT_TILE_TARGETS ? end - at : WT_TILE_TARGETS;
        h->tiles[h->tile_count++] = (wt_target_tile){at, count, lane};
    }
}

/* In training tiles begin at a lane's first target. Evaluation has no lanes: there a window's tiles are its own where
 * that makes a difference, since what stands beside it in a call is chance. */
static void wt_cut_lanes(wt_hierarchy *h) {
    const int each = h->shape.backward && h->step.lane_windows         ? h->step.lane_windows
                     : h->shape.backward || !h->kernels->place_matters ? h->windows
                                                                       : 1;
    h->tile_count = 0;
    h->lanes = h->windows / each;
    for (int lane = 0; lane < h->lanes; lane++) {
        wt_cut_tiles(h, h->window_first[lane * each], h->window_first[(lane + 1) * each], lane);
    }
    const double passes = h->shape.backward ? 3 : 1;
    h->parallel = h->threads > 1 &&
                  passes * h->targets * wt_network_operations(h->network, 1) > WT_SERIAL_OPERATIONS;
}

static void wt_embed_tile(const wt_hierarchy *h, int unused, int tile) {
    const wt_network *network = h->network;
    const size_t context = (size_t)network->receptive_field, channels = (size_t)network->embedding_channels;
    const wt_target_tile *at = &h->tiles[tile];
    const wt_real *table = wt_hierarchy_tensor(h, network->embedding);
    (void)unused;
    for (int i = at->first; i < at->first + at->count; i++) {
        wt_real *to = h->embedded + (size_t)i * context * channels;
        if (!table) {
            memcpy(to, h->batch->signal + h->input_at[i] * channels, context * channels * sizeof *to);
            continue;
        }
        const int32_t *classes = h->batch->classes + h->input_at[i];
        for (size_t j = 0; j < context; j++, to += channels) {
            const wt_real *from = table + (size_t)classes[j] * channels;
            for (size_t c = 0; c < channels; c++) to[c] = from[c];
        }
    }
}

/* --- a level --- */

static void wt_linear_rows(const wt_hierarchy *h, const wt_convolution *c, wt_real *y, const wt_real *x,
                           int rows) {
    const wt_operand factor = wt_linear_factor(h, c, x);
    const wt_finish finish = {.bias = wt_hierarchy_tensor(h, c->bias), .scale = 1};
    h->kernels->multiply(y, c->out, rows, c->out, &factor, 1, &finish);
}

static void wt_draw_factors(const wt_hierarchy *h, int l, const wt_target_tile *at, int rows) {
    const wt_level *level = &h->network->levels[l];
    const int width = level->linear.out, windows = h->windows / h->lanes;
    const int from = h->window_first[at->lane * windows];
    const int lane = h->step.first_lane + h->first / windows + at->lane;
    wt_real *factor = h->levels[l].factor + (size_t)at->first * (size_t)level->rows * (size_t)width;
    wt_dropout_factors(factor, h->network->dropout, &h->step, lane, l,
                       (uint64_t)(at->first - from) * (uint64_t)level->rows, rows, width);
}

static void wt_finish_rows(const wt_hierarchy *h, int l, const wt_target_tile *at, int rows) {
    const wt_level_rows *level = &h->levels[l];
    const int width = h->network->levels[l].linear.out;
    const size_t first = (size_t)at->first * (size_t)h->network->levels[l].rows * (size_t)width;
    wt_real *act = level->act + first;
    h->kernels->activate(act, width, act, width, rows, width, h->network->activation);
    if (!level->factor) return;
    wt_draw_factors(h, l, at, rows);
    const wt_real *factor = level->factor + first;
    wt_real *dropped = level->dropped + first;
    for (size_t i = 0; i < (size_t)rows * (size_t)width; i++) dropped[i] = act[i] * factor[i];
}

/* Batch norm by the means and rates that are there, then the activation. */
static void wt_standardise_tile(const wt_hierarchy *h, int l, int tile) {
    const wt_level *level = &h->network->levels[l];
    const wt_target_tile *at = &h->tiles[tile];
    const int width = level->linear.out, rows = at->count * level->rows;
    const size_t first = (size_t)at->first * (size_t)level->rows * (size_t)width;
    const wt_real *mean = h->levels[l].mean_rate;
    h->kernels->standardise(h->levels[l].act + first, width, h->levels[l].hat + first, width, mean,
                            mean + width, wt_hierarchy_tensor(h, level->norm.weight),
                            wt_hierarchy_tensor(h, level->norm.bias), rows, width);
    wt_finish_rows(h, l, at, rows);
}

static void wt_level_tile(const wt_hierarchy *h, int l, int tile) {
    const wt_level *level = &h->network->levels[l];
    const wt_target_tile *at = &h->tiles[tile];
    const int width = level->linear.out, rows = at->count * level->rows;
    const size_t first = (size_t)at->first * (size_t)level->rows;
    wt_real *hat = h->levels[l].hat + first * (size_t)width, *act = h->levels[l].act + first * (size_t)width;
    const wt_norm_kind norm = h->network->norm;
    const wt_real *x = h->levels[l].in + first * (size_t)level->linear.in;
    wt_linear_rows(h, &level->linear, norm == WT_NORM_NONE ? act : hat, x, rows);
    if (norm == WT_NORM_BATCH && h->shape.backward) {
        double *sums = wt_tile_sums(h, tile);
        memset(sums, 0, 2 * (size_t)width * sizeof *sums);
        h->kernels->column_moments(sums, hat, width, rows, width);
        return;
    }
    if (norm == WT_NORM_BATCH) {
        wt_standardise_tile(h, l, tile);
        return;
    }
    if (norm == WT_NORM_LAYER) {
        h->kernels->normalise(act, width, hat, width, h->levels[l].rate + first,
                              wt_hierarchy_tensor(h, level->norm.weight),
                              wt_hierarchy_tensor(h, level->norm.bias), rows, width);
    }
    wt_finish_rows(h, l, at, rows);
}

static void wt_take_moments(wt_hierarchy *h, int l) {
    const wt_level *level = &h->network->levels[l];
    h->staged = wt_norm_take_moments(
        h->sums, level->linear.out, wt_hierarchy_tensor(h, level->norm.running_mean),
        wt_hierarchy_tensor(h, level->norm.running_variance), h->levels[l].mean_rate, h->levels[l].staged);
}

/* --- loss --- */

static void wt_output_tile(const wt_hierarchy *h, int unused, int tile) {
    const wt_convolution *c = &h->network->output;
    const wt_target_tile *at = &h->tiles[tile];
    const wt_real *x = h->levels[h->network->level_count - 1].dropped;
    (void)unused;
    wt_linear_rows(h, c, h->logits + (size_t)at->first * (size_t)c->out,
                   x + (size_t)at->first * (size_t)c->in, at->count);
}

/* The loss of rows of outputs, which become its gradient in training; their first target is `first` of the list. */
static wt_window_loss wt_score_rows(const wt_hierarchy *h, wt_real *outputs, int first, int rows) {
    const wt_network *network = h->network;
    const int32_t *target = h->target + first;
    const bool gradient = h->shape.backward;
    wt_window_loss score = {0.0, 0};
    if (rows <= 0) return score;
    score.loss = network->head_kind == WT_HEAD_MSE
                     ? h->kernels->squared_error(outputs, 1, h->value + first, target, rows, gradient)
                     : h->kernels->cross_entropy(outputs, network->classes, target, rows, network->classes,
                                                 gradient);
    for (int i = 0; i < rows; i++) score.targets += target[i] >= 0;
    return score;
}

/* A window's target is its last. */
static wt_window_loss wt_score_window(const wt_hierarchy *h, int window) {
    const size_t classes = (size_t)h->network->classes;
    const int first = h->window_first[window], rows = h->window_first[window + 1] - first;
    wt_real *outputs = h->logits + (size_t)first * classes;
    if (!h->network->readout_rows) return wt_score_rows(h, outputs, first, rows);
    wt_real *y = h->pooled + (size_t)window * classes;
    if (rows > 0) wt_readout_outputs(h->network, h->parameters, outputs, y);
    return wt_score_rows(h, y, first + rows - 1, rows > 0);
}

void wt_hierarchy_forward(wt_hierarchy *h, const wt_batch *batch, int first, int windows,
                          wt_window_loss *losses) {
    const wt_network *network = h->network;
    h->batch = batch;
    h->first = first;
    h->windows = windows;
    h->staged = false;
    wt_list_targets(h);
    wt_cut_lanes(h);
    wt_hierarchy_run(h, h->tile_count, wt_embed_tile, 0);
    for (int l = 0; l < network->level_count; l++) {
        wt_hierarchy_run(h, h->tile_count, wt_level_tile, l);
        if (network->norm != WT_NORM_BATCH || !h->shape.backward) continue;
        wt_hierarchy_reduce(h, network->levels[l].linear.out, network->levels[l].rows);
        wt_take_moments(h, l);
        wt_hierarchy_run(h, h->tile_count, wt_standardise_tile, l);
    }
    wt_hierarchy_run(h, h->tile_count, wt_output_tile, 0);
    for (int w = 0; w < windows; w++) losses[w] = wt_score_window(h, w);
}

const wt_real *wt_hierarchy_logits(const wt_hierarchy *h, int i) {
    const size_t classes = (size_t)h->network->classes;
    return h->network->readout_rows ? h->pooled + (size_t)i * classes
                                    : h->logits + (size_t)h->window_first[i] * classes;
}

void wt_hierarchy_commit(const wt_hierarchy *h, wt_real *parameters) {
    const wt_network *network = h->network;
    for (int l = 0; h->staged && l < network->level_count; l++) {
        const wt_level *level = &network->levels[l];
        const size_t width = (size_t)level->linear.out, bytes = width * sizeof *parameters;
        const wt_real *staged = h->levels[l].staged;
        memcpy(parameters + network->parameters.entries[level->norm.running_mean].offset, staged, bytes);
        memcpy(parameters + network->parameters.entries[level->norm.running_variance].offset, staged + width,
               bytes);
    }
}
