/*
 * A pass's memory: one arena for everything that forward leaves for backward, laid out by a walk that is made
 * twice, first to add up, then to hand out. What is cheap to make again is not kept (z), and what only
 * neighbouring blocks need takes turns in a few places; these have rows of one width for all blocks, so that
 * a place's row is one row's whatever the block. Without backward nothing is kept.
 */
#include <string.h>

#include "hierarchy_internal.h"
#include "pass_internal.h"
#include "wavetrain/memory.h"

/* Hands out parts of the arena; with base NULL it only adds up. */
typedef struct {
    wt_real *base;
    size_t used;
} wt_arena;

static wt_rows wt_take_rows(wt_arena *arena, const wt_pass_shape *shape, int64_t rows, int channels) {
    size_t line = 64 / sizeof(wt_real);
    size_t stride = ((size_t)rows * (size_t)channels + line - 1) / line * line;
    wt_rows taken = {arena->base ? arena->base + arena->used : NULL, stride, channels};
    arena->used += stride * (size_t)shape->windows;
    return taken;
}

static int wt_larger(int a, int b) {
    return a > b ? a : b;
}

static int wt_clamp(int value, int least, int most) {
    return value < least ? least : value > most ? most : value;
}

/* About an eighth of the targets, so that a short window too is work for some threads. */
static int wt_segment_rows(const wt_pass_shape *shape) {
    return wt_clamp(wt_units(wt_units(shape->targets, 8), WT_HEAD_TILE) * WT_HEAD_TILE, WT_HEAD_TILE,
                    WT_SEGMENT);
}

/* Rows of forward's units: two make a segment. */
static int wt_tile_rows(const wt_pass_shape *shape) {
    return wt_segment_rows(shape) / 2;
}

wt_widths wt_widest(const wt_network *network) {
    wt_widths widest = {network->input.out, 1, 1};
    for (int l = 0; l < network->block_count; l++) {
        const wt_block *block = &network->blocks[l];
        widest.h = wt_larger(widest.h, block->conv.in);
        widest.act = wt_larger(widest.act, block->conv.out);
        widest.z = wt_larger(widest.z, block->gate);
    }
    return widest;
}

static bool wt_has_rechannel(const wt_block *block) {
    return block->rechannel.weight >= 0;
}

/* Blocks whose skips are added together. */
static int wt_group_size(const wt_network *network) {
    return wt_clamp(WT_SKIP_TERMS / wt_widest(network).z, 1, WT_GROUP_MAX);
}

/* Each block's own rows, for backward. */
static void wt_lay_kept_rows(const wt_network *network, const wt_pass_shape *shape, wt_arena *arena,
                             wt_pass *pass) {
    int64_t most = shape->targets + network->input_lead;
    wt_widths widest = wt_widest(network);
    wt_rows dact[2], dout[2];
    for (int i = 0; i < 2; i++) {
        dact[i] = wt_take_rows(arena, shape, most, widest.act);
        dout[i] = wt_take_rows(arena, shape, most, widest.h);
    }
    if (pass) pass->dinput = dout[1]; /* as if of block −1 */
    /* recomputed, batch norm has those of one block until all lanes have theirs */
    wt_rows hat = {NULL, 0, 0};
    if (shape->recompute && network->norm == WT_NORM_BATCH)
        hat = wt_take_rows(arena, shape, most, widest.act);
    for (int l = 0; l < network->block_count; l++) {
        const wt_block *block = &network->blocks[l];
        int64_t rows = shape->targets + block->lead, rows_in = shape->targets + wt_block_lead_in(block);
        wt_rows wide = {NULL, 0, 0};
        if (wt_has_rechannel(block)) wide = wt_take_rows(arena, shape, rows_in, block->rechannel.in);
        wt_rows h = wt_take_rows(arena, shape, rows_in, block->conv.in);
        wt_rows act = {NULL, 0, block->conv.out};
        if (!shape->recompute) act = wt_take_rows(arena, shape, rows, block->conv.out);
        wt_rows rate = {NULL, 0, 1};
        if (!shape->recompute && network->norm != WT_NORM_NONE)
            hat = wt_take_rows(arena, shape, rows, block->conv.out);
        if (!shape->recompute && network->norm == WT_NORM_LAYER) rate = wt_take_rows(arena, shape, rows, 1);
        if (!pass) continue;
        wt_block_rows *at = &pass->blocks[l];
        at->wide = wide, at->h = h, at->act = act, at->dact = dact[l & 1], at->dout = dout[l & 1];
        at->hat = hat, at->rate = rate;
    }
}

/* Two h that take turns: forward alone. */
static void wt_lay_shared_rows(const wt_network *network, const wt_pass_shape *shape, wt_arena *arena,
                               wt_pass *pass) {
    int64_t rows = shape->targets + network->input_lead;
    wt_rows h[2];
    for (int i = 0; i < 2; i++) h[i] = wt_take_rows(arena, shape, rows, wt_widest(network).h);
    for (int l = 0, turn = 0; pass && l < network->block_count; l++, turn ^= 1) {
        wt_block_rows *at = &pass->blocks[l];
        if (wt_has_rechannel(&network->blocks[l])) {
            at->wide = h[turn];
            turn ^= 1;
        }
        at->h = h[turn];
    }
}

/* Lays out all rows; pass may be NULL, to add up only. Returns elements. */
static size_t wt_lay_out(const wt_network *network, const wt_pass_shape *shape, wt_pass *pass) {
    wt_arena arena = {pass ? pass->arena : NULL, 0};
    int group = wt_group_size(network);
    for (int i = 0; i < group && i < network->block_count; i++) {
        wt_rows z = wt_take_rows(&arena, shape, shape->targets + network->input_lead, wt_widest(network).z);
        for (int l = i; pass && l < network->block_count; l += group) pass->blocks[l].z = z;
    }
    wt_rows skip = wt_take_rows(&arena, shape, shape->targets, network->skip_channels);
    if (pass) pass->skip = skip;
    if (shape->backward) {
        wt_rows dskip = wt_take_rows(&arena, shape, shape->targets, network->skip_channels);
        if (pass) pass->dskip = dskip;
        wt_lay_kept_rows(network, shape, &arena, pass);
    }
    if (!shape->backward || network->readout_rows) {
        wt_rows logits = wt_take_rows(&arena, shape, shape->targets, network->classes);
        wt_rows pooled = wt_take_rows(&arena, shape, network->readout_rows ? 1 : 0, network->classes);
        if (pass) pass->logits = logits, pass->pooled = pooled;
    }
    if (!shape->backward) {
        wt_lay_shared_rows(network, shape, &arena, pass);
    }
    return arena.used;
}

/* --- derived weights --- */

/* The convolutions whose weights are packed, in the order of the table. */
typedef void (*wt_visit)(void *context, const wt_convolution *convolution, double scale);

/* What the skip scales make of block l's skip: α^(blocks after it). */
static double wt_skip_factor(const wt_network *network, int l) {
    double factor = 1;
    for (int after = l + 1; after < network->block_count; after++) factor *= network->skip_scale;
    return factor;
}

static void wt_for_packed(const wt_network *network, wt_visit visit, void *context) {
    if (network->input_kind == WT_INPUT_REAL) visit(context, &network->input, 1);
    for (int l = 0; l < network->block_count; l++) {
        const wt_block *block = &network->blocks[l];
        if (wt_has_rechannel(block)) visit(context, &block->rechannel, 1);
        visit(context, &block->conv, 1);
        visit(context, &block->skip, wt_skip_factor(network, l));
        if (block->residual.weight >= 0) visit(context, &block->residual, 1);
    }
    for (int i = 0; i < 2; i++) visit(context, &network->head[i], 1);
}

/* Where packed weights stand; with `pass` NULL in the context it only adds up. */
typedef struct {
    const wt_kernels *kernels;
    wt_pass *pass;
    bool backward;
    size_t used;
} wt_packing;

static void wt_place_packed(void *context, const wt_convolution *c, double scale) {
    (void)scale;
    wt_packing *packing = context;
    const size_t forward = packing->kernels->packed_count(c->in, c->out) * (size_t)c->taps;
    const size_t backward = packing->kernels->packed_count(c->out, c->in) * (size_t)c->taps;
    if (packing->pass) {
        packing->pass->forward_at[c->weight] = packing->used;
        packing->pass->backward_at[c->weight] = packing->used + forward;
    }
    packing->used += forward + (packing->backward ? backward : 0);
}

static size_t wt_place_weights(const wt_network *network, const wt_kernels *kernels, bool backward,
                               wt_pass *pass) {
    wt_packing packing = {kernels, pass, backward, 0};
    wt_for_packed(network, wt_place_packed, &packing);
    return packing.used;
}

static void wt_pack_weights(void *context, const wt_convolution *c, double scale) {
    wt_pass *pass = context;
    const size_t tap = (size_t)c->in * (size_t)c->out;
#pragma omp for schedule(dynamic) nowait
    for (int j = 0; j < c->taps; j++) {
        const wt_real *w = wt_pass_tensor(pass, c->weight) + (size_t)j * tap;
        pass->kernels->pack((wt_real *)wt_tap(pass, c, j, NULL, 0).packed, w, c->in, c->out, false,
                            (wt_real)scale);
        if (!pass->shape.backward) continue;
        pass->kernels->pack((wt_real *)wt_tap_back(pass, c, j, NULL, 0).packed, w, c->out, c->in, true,
                            (wt_real)scale);
    }
}

/* Σ α^(blocks after l)·b_s */
static void wt_add_skip_biases(wt_pass *pass) {
    const wt_network *network = pass->network;
    memset(pass->skip_bias, 0, (size_t)network->skip_channels * sizeof *pass->skip_bias);
    for (int l = 0; l < network->block_count; l++) {
        const wt_real *bias = wt_pass_tensor(pass, network->blocks[l].skip.bias);
        const wt_real factor = (wt_real)pass->blocks[l].skip_factor;
        for (int c = 0; c < network->skip_channels; c++) pass->skip_bias[c] += factor * bias[c];
    }
}

void wt_pass_derive(wt_pass *pass, const wt_real *parameters) {
    if (pass->hierarchy) {
        wt_hierarchy_derive(pass->hierarchy, parameters);
        return;
    }
    pass->parameters = parameters;
    wt_add_skip_biases(pass);
#pragma omp parallel num_threads(pass->threads)
    wt_for_packed(pass->network, wt_pack_weights, pass);
    if (pass->normed) wt_normed_derive(pass);
}

/* --- a pass --- */

/* Elements beside the arena, in one place for creation and the estimate. */
typedef struct {
    size_t packed, scratch_each, sums_each, segments, head_sums_each, tile_loss;
} wt_extras;

static size_t wt_range_end(const wt_network *network, int l) {
    const wt_parameter *entries = network->parameters.entries;
    return entries[l + 1 < network->block_count ? network->blocks[l + 1].conv.weight
                                                : network->head[0].weight]
        .offset;
}

static wt_extras wt_pass_extras(const wt_network *network, const wt_kernels *kernels,
                                const wt_pass_shape *shape) {
    wt_extras extras = {0};
    const wt_parameter *entries = network->parameters.entries;
    const wt_widths widest = wt_widest(network);
    const size_t hidden = (size_t)network->head[0].out, classes = (size_t)network->classes;
    const int act = shape->backward && !shape->recompute ? 0 : widest.act;
    const size_t block = wt_is_normed(network, shape)
                             ? wt_normed_scratch(network)
                             : (size_t)WT_TILE *
                                   (size_t)(act + (shape->backward ? wt_larger(widest.h, 2 * widest.z) : 0));
    const size_t head = (size_t)WT_HEAD_TILE * (shape->backward ? 2 * hidden + classes : hidden);
    extras.packed = wt_place_weights(network, kernels, shape->backward, NULL);
    extras.scratch_each = (block > head ? block : head) + 16;
    extras.tile_loss = (size_t)shape->windows * (size_t)wt_units(shape->targets, WT_HEAD_TILE);
    if (!shape->backward) return extras;
    extras.segments = (size_t)wt_units((int64_t)shape->targets + network->input_lead, wt_segment_rows(shape));
    extras.sums_each = entries[network->blocks[0].conv.weight].offset;
    if (network->input_kind == WT_INPUT_CLASS) extras.sums_each = 0; /* its table has no partial gradients */
    for (int l = 0; l < network->block_count; l++) {
        size_t count = wt_range_end(network, l) - entries[network->blocks[l].conv.weight].offset;
        if (count > extras.sums_each) extras.sums_each = count;
    }
    extras.head_sums_each = network->parameters.trained - entries[network->head[0].weight].offset +
                            (size_t)network->skip_channels;
    return extras;
}

static void wt_describe_blocks(wt_pass *pass) {
    const wt_network *network = pass->network;
    const int group = wt_group_size(network), last = network->block_count - 1;
    for (int l = last; l >= 0; l--) {
        wt_block_rows *at = &pass->blocks[l];
        at->group = l / group * group;
        at->group_ends = l == last || l % group == group - 1;
        at->skip_factor = wt_skip_factor(network, l);
        at->first = network->parameters.entries[network->blocks[l].conv.weight].offset;
        at->end = wt_range_end(network, l);
    }
}

static wt_status wt_make_stages(wt_pass *pass) {
    const size_t blocks = (size_t)pass->network->block_count;
    pass->forward.in_turn = pass->backward.in_turn = wt_waits_for_lanes(pass->network, &pass->shape);
    WT_TRY(wt_alloc(&pass->forward.stages, 2 + 3 * blocks, sizeof *pass->forward.stages, "stages"));
    wt_plan_forward(pass);
    WT_TRY(wt_pipeline_create(pass, &pass->forward));
    if (!pass->shape.backward) return WT_OK;
    WT_TRY(wt_alloc(&pass->backward.stages, 3 + 3 * blocks, sizeof *pass->backward.stages, "stages"));
    WT_TRY(wt_alloc(&pass->phase_stage, 2 * blocks, sizeof *pass->phase_stage, "stages"));
    pass->reduce_stage = pass->phase_stage + blocks;
    wt_plan_backward(pass);
    return wt_pipeline_create(pass, &pass->backward);
}

static wt_status wt_take_memory(wt_pass *pass) {
    const wt_network *network = pass->network;
    const wt_pass_shape *shape = &pass->shape;
    const wt_extras extras = wt_pass_extras(network, pass->kernels, shape);
    const size_t tensors = (size_t)network->parameters.count, blocks = (size_t)network->block_count;
    const size_t windows = (size_t)shape->windows, skip = (size_t)network->skip_channels;
    pass->scratch_each = extras.scratch_each;
    pass->sums_each = extras.sums_each;
    pass->segments = (int)extras.segments;
    pass->head_sums_each = extras.head_sums_each;
    const size_t partial = windows * extras.segments;
    WT_TRY(wt_alloc(&pass->blocks, blocks, sizeof *pass->blocks, "the rows of the blocks"));
    WT_TRY(wt_alloc(&pass->forward_at, 2 * tensors, sizeof *pass->forward_at, "places of weights"));
    pass->backward_at = pass->forward_at + tensors;
    WT_TRY(wt_alloc(&pass->arena, wt_lay_out(network, shape, NULL), sizeof(wt_real), "activations"));
    WT_TRY(wt_alloc(&pass->packed, extras.packed, sizeof(wt_real), "packed weights"));
    WT_TRY(wt_alloc(&pass->skip_bias, skip, sizeof(wt_real), "a bias"));
    WT_TRY(wt_alloc(&pass->scratch, extras.scratch_each * (size_t)pass->threads, sizeof(wt_real), "scratch"));
    WT_TRY(wt_alloc(&pass->sums, WT_SUM_SETS * partial * extras.sums_each, sizeof(wt_real),
                    "partial gradients"));
    WT_TRY(wt_alloc(&pass->head_sums, partial * extras.head_sums_each, sizeof(wt_real), "partial gradients"));
    WT_TRY(wt_alloc(&pass->bias_sums, windows * skip, sizeof(wt_real), "sums of a bias"));
    return wt_alloc(&pass->tile_loss, extras.tile_loss, sizeof(double), "losses of tiles");
}

wt_status wt_pass_create(wt_pass **out, const wt_network *network, const wt_kernels *kernels,
                         const wt_pass_shape *shape) {
    wt_status status = WT_OK;
    wt_pass *pass;
    *out = NULL;
    WT_TRY(wt_alloc(&pass, 1, sizeof *pass, "the pass"));
    pass->network = network;
    pass->kernels = kernels;
    pass->shape = *shape;
    pass->threads = omp_get_max_threads();
    pass->tile = wt_tile_rows(shape);
    pass->segment = wt_segment_rows(shape);
    if (network->trunk == WT_TRUNK_HIERARCHY) {
        WT_GUARD(wt_hierarchy_create(&pass->hierarchy, network, kernels, shape));
    } else {
        WT_GUARD(wt_take_memory(pass));
        wt_lay_out(network, shape, pass);
        wt_place_weights(network, kernels, shape->backward, pass);
        wt_describe_blocks(pass);
        if (wt_is_normed(network, shape)) WT_GUARD(wt_normed_create(pass));
        WT_GUARD(wt_make_stages(pass));
    }
    *out = pass;
    pass = NULL;
cleanup:
    wt_pass_destroy(pass);
    return status;
}

void wt_pass_destroy(wt_pass *pass) {
    if (!pass) return;
    wt_hierarchy_destroy(pass->hierarchy);
    wt_normed_destroy(pass->normed);
    wt_free(pass->blocks);
    wt_free(pass->forward_at);
    wt_free(pass->arena);
    wt_free(pass->packed);
    wt_free(pass->skip_bias);
    wt_free(pass->scratch);
    wt_free(pass->sums);
    wt_free(pass->head_sums);
    wt_free(pass->bias_sums);
    wt_free(pass->tile_loss);
    wt_free(pass->phase_stage);
    wt_pipeline_dispose(&pass->forward);
    wt_pipeline_dispose(&pass->backward);
    wt_free(pass);
}

void wt_pass_begin_step(wt_pass *pass, const wt_pass_step *step) {
    if (pass->hierarchy) pass->hierarchy->step = *step;
    if (pass->normed) wt_normed_begin_step(pass, step);
}

void wt_pass_commit(const wt_pass *pass, wt_real *parameters) {
    if (pass->hierarchy) wt_hierarchy_commit(pass->hierarchy, parameters);
    if (pass->normed) wt_normed_commit(pass, parameters);
}

int64_t wt_pass_bytes(const wt_network *network, const wt_kernels *kernels, const wt_pass_shape *shape) {
    if (network->trunk == WT_TRUNK_HIERARCHY) return wt_hierarchy_bytes(network, kernels, shape);
    const wt_extras extras = wt_pass_extras(network, kernels, shape);
    const size_t windows = (size_t)shape->windows, skip = (size_t)network->skip_channels;
    const size_t partial = windows * extras.segments *
                           (WT_SUM_SETS * extras.sums_each + extras.head_sums_each);
    const size_t reals = wt_lay_out(network, shape, NULL) + extras.packed + partial + skip + windows * skip +
                         extras.scratch_each * (size_t)omp_get_max_threads();
    const int64_t normed = wt_is_normed(network, shape) ? wt_normed_bytes(network, shape, extras.segments)
                                                        : 0;
    return normed + (int64_t)(sizeof(wt_pass) + reals * sizeof(wt_real) + extras.tile_loss * sizeof(double) +
                              (size_t)network->block_count * sizeof(wt_block_rows));
}
