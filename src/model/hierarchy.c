/*
 * Memory of a hierarchy's pass, derived weights, and how work is handed to threads. One arena, laid out by a walk that
 * is made twice, first to add up, then to hand out.
 */
#include "hierarchy_internal.h"

#include <omp.h>
#include <string.h>

#include "norms_internal.h"
#include "wavetrain/memory.h"

/* Hands out parts of the arena; with base NULL it only adds up. */
typedef struct {
    wt_real *base;
    size_t used;
} wt_hierarchy_arena;

static wt_real *wt_take(wt_hierarchy_arena *arena, size_t count) {
    enum { LINE = 64 / sizeof(wt_real) };
    wt_real *taken = arena->base ? arena->base + arena->used : NULL;
    arena->used += (count + LINE - 1) / LINE * LINE;
    return taken;
}

static size_t wt_most_targets(const wt_pass_shape *shape) {
    return (size_t)shape->windows * (size_t)shape->targets;
}

static int wt_widest_level(const wt_network *network) {
    int widest = 1;
    for (int l = 0; l < network->level_count; l++) {
        if (network->levels[l].linear.out > widest) widest = network->levels[l].linear.out;
    }
    return widest;
}

/* Lays out all rows; h may be NULL, to add up only. Returns elements. */
static size_t wt_lay_out_hierarchy(const wt_network *network, const wt_pass_shape *shape, wt_hierarchy *h) {
    wt_hierarchy_arena arena = {h ? h->arena : NULL, 0};
    const size_t targets = wt_most_targets(shape);
    const bool dropout = shape->backward && network->dropout > 0;
    size_t most = targets * (size_t)network->receptive_field * (size_t)network->embedding_channels;
    wt_real *in = wt_take(&arena, most);
    if (h) h->embedded = in;
    for (int l = 0; l < network->level_count; l++) {
        const wt_level *level = &network->levels[l];
        const size_t width = (size_t)level->linear.out, rows = targets * (size_t)level->rows;
        wt_level_rows at = {.in = in};
        at.hat = wt_take(&arena, rows * width);
        at.act = at.dropped = wt_take(&arena, rows * width);
        if (dropout) {
            at.factor = wt_take(&arena, rows * width);
            at.dropped = wt_take(&arena, rows * width);
        }
        at.rate = wt_take(&arena, rows);
        at.mean_rate = wt_take(&arena, 2 * width);
        at.staged = wt_take(&arena, 2 * width);
        in = at.dropped;
        if (rows * width > most) most = rows * width;
        if (h) h->levels[l] = at;
    }
    wt_real *logits = wt_take(&arena, targets * (size_t)network->classes);
    wt_real *pooled = wt_take(&arena,
                              network->readout_rows ? (size_t)shape->windows * (size_t)network->classes : 0);
    wt_real *value = wt_take(&arena, network->head_kind == WT_HEAD_MSE ? targets : 0);
    wt_real *factors = wt_take(&arena, 3 * (size_t)wt_widest_level(network));
    wt_real *grad[2] = {NULL, NULL};
    for (int i = 0; shape->backward && i < 2; i++) grad[i] = wt_take(&arena, most);
    if (h) {
        h->logits = logits;
        h->pooled = pooled;
        h->value = value;
        h->factors = factors;
        memcpy(h->grad, grad, sizeof grad);
    }
    return arena.used;
}

/* --- derived weights --- */

static const wt_convolution *wt_linear(const wt_network *network, int l) {
    return l < network->level_count ? &network->levels[l].linear : &network->output;
}

/* Where packed weights stand; h may be NULL, to add up only. Returns elements. */
static size_t wt_place_linear(const wt_network *network, const wt_kernels *kernels, bool backward,
                              wt_hierarchy *h) {
    size_t used = 0;
    for (int l = 0; l <= network->level_count; l++) {
        const wt_convolution *c = wt_linear(network, l);
        if (h) h->forward_at[c->weight] = used;
        used += kernels->packed_count(c->in, c->out);
        if (!backward) continue;
        if (h) h->backward_at[c->weight] = used;
        used += kernels->packed_count(c->out, c->in);
    }
    return used;
}

void wt_hierarchy_derive(wt_hierarchy *h, const wt_real *parameters) {
    const wt_network *network = h->network;
    h->parameters = parameters;
    for (int l = 0; l <= network->level_count; l++) {
        const wt_convolution *c = wt_linear(network, l);
        const wt_real *w = wt_hierarchy_tensor(h, c->weight);
        h->kernels->pack(h->packed + h->forward_at[c->weight], w, c->in, c->out, false, 1);
        if (h->shape.backward) {
            h->kernels->pack(h->packed + h->backward_at[c->weight], w, c->out, c->in, true, 1);
        }
    }
    for (int l = 0; network->norm == WT_NORM_BATCH && !h->shape.backward && l < network->level_count; l++) {
        const wt_level *level = &network->levels[l];
        wt_norm_running(h->levels[l].mean_rate, wt_hierarchy_tensor(h, level->norm.running_mean),
                        wt_hierarchy_tensor(h, level->norm.running_variance), level->linear.out);
    }
}

/* --- threads --- */

void wt_hierarchy_run(const wt_hierarchy *h, int units, wt_hierarchy_work work, int argument) {
    if (!h->parallel || units < 2) {
        for (int unit = 0; unit < units; unit++) work(h, argument, unit);
        return;
    }
#pragma omp parallel for schedule(dynamic) num_threads(h->threads)
    for (int unit = 0; unit < units; unit++) work(h, argument, unit);
}

/* --- sums over all rows of a step --- */

void wt_hierarchy_add_lanes(wt_hierarchy *h, int columns, int rows_each) {
    const size_t count = 2 * (size_t)columns + 1;
    memset(h->lane_sums, 0, (size_t)h->lanes * count * sizeof *h->lane_sums);
    for (int tile = 0; tile < h->tile_count; tile++) {
        double *lane = h->lane_sums + (size_t)h->tiles[tile].lane * count;
        const double *sums = wt_tile_sums(h, tile);
        for (size_t i = 0; i < count - 1; i++) lane[i] += sums[i];
        lane[count - 1] += (double)h->tiles[tile].count * rows_each;
    }
}

void wt_hierarchy_reduce(wt_hierarchy *h, int columns, int rows_each) {
    const size_t count = 2 * (size_t)columns + 1;
    wt_hierarchy_add_lanes(h, columns, rows_each);
    wt_norm_reduce(&h->step, h->lane_sums, h->lanes, (int)count, h->sums);
}

/* --- a pass --- */

static size_t wt_most_tiles(const wt_pass_shape *shape) {
    return wt_most_targets(shape) / WT_TILE_TARGETS + (size_t)shape->windows + 1;
}

static size_t wt_sums_each(const wt_network *network) {
    return 2 * (size_t)wt_widest_level(network) + 1;
}

static wt_status wt_take_hierarchy(wt_hierarchy *h) {
    const wt_network *network = h->network;
    const wt_pass_shape *shape = &h->shape;
    const size_t tensors = (size_t)network->parameters.count, windows = (size_t)shape->windows;
    const size_t targets = wt_most_targets(shape), tiles = wt_most_tiles(shape);
    h->sums_each = wt_sums_each(network);
    WT_TRY(wt_alloc(&h->levels, (size_t)network->level_count, sizeof *h->levels, "the rows of the levels"));
    WT_TRY(wt_alloc(&h->forward_at, 2 * tensors, sizeof *h->forward_at, "places of weights"));
    h->backward_at = h->forward_at + tensors;
    WT_TRY(wt_alloc(&h->arena, wt_lay_out_hierarchy(network, shape, NULL), sizeof(wt_real), "activations"));
    WT_TRY(wt_alloc(&h->packed, wt_place_linear(network, h->kernels, shape->backward, NULL), sizeof(wt_real),
                    "packed weights"));
    WT_TRY(wt_alloc(&h->tile_sums, tiles * h->sums_each, sizeof(double), "sums of tiles"));
    WT_TRY(wt_alloc(&h->lane_sums, windows * h->sums_each, sizeof(double), "sums of lanes"));
    WT_TRY(wt_alloc(&h->sums, h->sums_each, sizeof(double), "sums"));
    WT_TRY(wt_alloc(&h->window_first, windows + 1, sizeof(int), "targets of windows"));
    WT_TRY(wt_alloc(&h->input_at, targets, sizeof *h->input_at, "places of targets"));
    WT_TRY(wt_alloc(&h->target, targets, sizeof *h->target, "targets"));
    return wt_alloc(&h->tiles, tiles, sizeof *h->tiles, "tiles");
}

wt_status wt_hierarchy_create(wt_hierarchy **out, const wt_network *network, const wt_kernels *kernels,
                              const wt_pass_shape *shape) {
    wt_status status = WT_OK;
    wt_hierarchy *h;
    *out = NULL;
    WT_TRY(wt_alloc(&h, 1, sizeof *h, "the pass"));
    h->network = network;
    h->kernels = kernels;
    h->shape = *shape;
    h->threads = omp_get_max_threads();
    WT_GUARD(wt_take_hierarchy(h));
    wt_lay_out_hierarchy(network, shape, h);
    wt_place_linear(network, kernels, shape->backward, h);
    *out = h;
    h = NULL;
cleanup:
    wt_hierarchy_destroy(h);
    return status;
}

void wt_hierarchy_destroy(wt_hierarchy *h) {
    if (!h) return;
    wt_free(h->levels);
    wt_free(h->forward_at);
    wt_free(h->arena);
    wt_free(h->packed);
    wt_free(h->tile_sums);
    wt_free(h->lane_sums);
    wt_free(h->sums);
    wt_free(h->window_first);
    wt_free(h->input_at);
    wt_free(h->target);
    wt_free(h->tiles);
    wt_free(h);
}

int64_t wt_hierarchy_bytes(const wt_network *network, const wt_kernels *kernels, const wt_pass_shape *shape) {
    const size_t reals = wt_lay_out_hierarchy(network, shape, NULL) +
                         wt_place_linear(network, kernels, shape->backward, NULL);
    const size_t sums = (wt_most_tiles(shape) + (size_t)shape->windows + 1) * wt_sums_each(network);
    return (int64_t)(sizeof(wt_hierarchy) + reals * sizeof(wt_real) + sums * sizeof(double) +
                     wt_most_targets(shape) * (sizeof(size_t) + sizeof(int32_t)) +
                     wt_most_tiles(shape) * sizeof(wt_target_tile));
}
