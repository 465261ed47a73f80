/*
 * A pass's memory: one arena for everything that forward leaves for backward, laid out by a walk that is made
 * twice, first to add up, then to hand out. Every row is kept that some target needs and nothing else;
 * without backward two buffers take turns from block to block.
 */
#include <omp.h>
#include <string.h>

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

/* The widest h, act and z over all blocks. */
typedef struct {
    int h, act, z;
} wt_widths;

static wt_widths wt_widest(const wt_network *network) {
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

/* Each block's own rows, for backward. */
static void wt_lay_kept_blocks(const wt_network *network, const wt_pass_shape *shape, wt_arena *arena,
                               wt_block_rows *blocks) {
    for (int l = 0; l < network->block_count; l++) {
        const wt_block *block = &network->blocks[l];
        int64_t rows = shape->targets + block->lead, rows_in = shape->targets + wt_block_lead_in(block);
        wt_block_rows own = {{NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}};
        if (wt_has_rechannel(block)) own.wide = wt_take_rows(arena, shape, rows_in, block->rechannel.in);
        own.h = wt_take_rows(arena, shape, rows_in, block->conv.in);
        own.act = wt_take_rows(arena, shape, rows, block->conv.out);
        own.z = wt_take_rows(arena, shape, rows, block->gate);
        if (blocks) blocks[l] = own;
    }
}

/* Two h that take turns, one act and one z: forward alone. */
static void wt_lay_shared_blocks(const wt_network *network, const wt_pass_shape *shape, wt_arena *arena,
                                 wt_block_rows *blocks) {
    wt_widths widest = wt_widest(network);
    int64_t rows = shape->targets + network->input_lead;
    wt_rows h[2] = {wt_take_rows(arena, shape, rows, widest.h), wt_take_rows(arena, shape, rows, widest.h)};
    wt_rows act = wt_take_rows(arena, shape, rows, widest.act),
            z = wt_take_rows(arena, shape, rows, widest.z);
    if (!blocks) return;
    int turn = 0;
    for (int l = 0; l < network->block_count; l++) {
        const wt_block *block = &network->blocks[l];
        if (wt_has_rechannel(block)) {
            blocks[l].wide = h[turn];
            blocks[l].wide.channels = block->rechannel.in;
            turn ^= 1;
        }
        blocks[l].h = h[turn];
        blocks[l].h.channels = block->conv.in;
        blocks[l].act = act;
        blocks[l].act.channels = block->conv.out;
        blocks[l].z = z;
        blocks[l].z.channels = block->gate;
        turn ^= 1;
    }
}

/* Lays out all rows; pass may be NULL, to add up only. Returns elements. */
static size_t wt_lay_out(const wt_network *network, const wt_pass_shape *shape, wt_pass *pass) {
    wt_arena arena = {pass ? pass->arena : NULL, 0};
    wt_block_rows *blocks = pass ? pass->blocks : NULL;
    if (shape->backward) {
        wt_lay_kept_blocks(network, shape, &arena, blocks);
    } else {
        wt_lay_shared_blocks(network, shape, &arena, blocks);
    }
    wt_rows skip = wt_take_rows(&arena, shape, shape->targets, network->skip_channels);
    wt_rows hidden = wt_take_rows(&arena, shape, shape->targets, network->head[0].out);
    wt_rows logits = wt_take_rows(&arena, shape, shape->targets, network->classes);
    if (pass) pass->skip = skip, pass->hidden = hidden, pass->logits = logits;
    if (!shape->backward) return arena.used;
    wt_rows dskip = wt_take_rows(&arena, shape, shape->targets, network->skip_channels);
    wt_rows dhidden = wt_take_rows(&arena, shape, shape->targets, network->head[0].out);
    int64_t most = shape->targets + network->input_lead;
    wt_rows dh[2];
    for (int i = 0; i < 2; i++) dh[i] = wt_take_rows(&arena, shape, most, wt_widest(network).h);
    if (pass) {
        pass->dskip = dskip, pass->dhidden = dhidden;
        memcpy(pass->dh, dh, sizeof dh);
    }
    return arena.used;
}

static size_t wt_zeros_count(const wt_network *network) {
    return (size_t)wt_larger(network->skip_channels, wt_widest(network).act);
}

/* Elements and bytes beside the arena, in one place for creation and the estimate. */
typedef struct {
    size_t transposed, scratch_each, zeros, bias_sums, tile_loss, blocks;
} wt_extras;

static wt_extras wt_pass_extras(const wt_network *network, const wt_pass_shape *shape) {
    wt_extras extras = {0};
    extras.blocks = (size_t)network->block_count;
    extras.tile_loss = (size_t)shape->windows * (size_t)wt_tiles(shape->targets);
    extras.zeros = wt_zeros_count(network);
    if (shape->backward) {
        extras.transposed = network->parameters.total;
        extras.scratch_each = (size_t)WT_TILE * (size_t)wt_widest(network).z;
        extras.bias_sums = (size_t)shape->windows * (size_t)network->skip_channels;
    }
    return extras;
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
    wt_extras extras = wt_pass_extras(network, shape);
    pass->scratch_each = extras.scratch_each;
    WT_GUARD(wt_alloc(&pass->blocks, extras.blocks, sizeof *pass->blocks, "the rows of the blocks"));
    WT_GUARD(wt_alloc(&pass->arena, wt_lay_out(network, shape, NULL), sizeof(wt_real), "activations"));
    WT_GUARD(wt_alloc(&pass->transposed, extras.transposed, sizeof(wt_real), "transposed weights"));
    WT_GUARD(
        wt_alloc(&pass->scratch, extras.scratch_each * (size_t)pass->threads, sizeof(wt_real), "scratch"));
    WT_GUARD(wt_alloc(&pass->zeros, extras.zeros, sizeof(wt_real), "a bias of zeros"));
    WT_GUARD(wt_alloc(&pass->bias_sums, extras.bias_sums, sizeof(wt_real), "sums of a bias"));
    WT_GUARD(wt_alloc(&pass->tile_loss, extras.tile_loss, sizeof(double), "losses of tiles"));
    wt_lay_out(network, shape, pass);
    *out = pass;
    pass = NULL;
cleanup:
    wt_pass_destroy(pass);
    return status;
}

void wt_pass_destroy(wt_pass *pass) {
    if (!pass) return;
    wt_free(pass->blocks);
    wt_free(pass->arena);
    wt_free(pass->transposed);
    wt_free(pass->scratch);
    wt_free(pass->zeros);
    wt_free(pass->bias_sums);
    wt_free(pass->tile_loss);
    wt_free(pass);
}

int64_t wt_pass_bytes(const wt_network *network, const wt_pass_shape *shape) {
    wt_extras extras = wt_pass_extras(network, shape);
    size_t reals = wt_lay_out(network, shape, NULL) + extras.transposed + extras.zeros + extras.bias_sums +
                   extras.scratch_each * (size_t)omp_get_max_threads();
    return (int64_t)(sizeof(wt_pass) + reals * sizeof(wt_real) + extras.tile_loss * sizeof(double) +
                     extras.blocks * sizeof(wt_block_rows));
}

/* [tap][in][out] → [tap][out][in], by squares that stay in the cache. */
static void wt_transpose(wt_real *to, const wt_real *from, int in, int out) {
    enum { SQUARE = 16 };
    for (int i0 = 0; i0 < in; i0 += SQUARE) {
        for (int o0 = 0; o0 < out; o0 += SQUARE) {
            for (int i = i0; i < in && i < i0 + SQUARE; i++) {
                for (int o = o0; o < out && o < o0 + SQUARE; o++) {
                    to[(size_t)o * (size_t)in + (size_t)i] = from[(size_t)i * (size_t)out + (size_t)o];
                }
            }
        }
    }
}

void wt_pass_derive(wt_pass *pass, const wt_real *parameters) {
    pass->parameters = parameters;
    if (!pass->shape.backward) return;
    const wt_parameter_table *table = &pass->network->parameters;
#pragma omp parallel for schedule(dynamic)
    for (int p = 2; p < table->count; p++) { /* nothing is propagated to the input: 0 and 1 are its tensors */
        const wt_parameter *parameter = &table->entries[p];
        if (parameter->rank != 3) continue;
        int out = (int)parameter->shape[0], in = (int)parameter->shape[1];
        for (int64_t j = 0; j < parameter->shape[2]; j++) {
            size_t at = parameter->offset + (size_t)j * (size_t)in * (size_t)out;
            wt_transpose(pass->transposed + at, parameters + at, in, out);
        }
    }
}

void wt_for_tiles(const wt_pass *pass, wt_tile_work work, int l, int lead) {
    int most = wt_tiles(pass->shape.targets + lead);
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(pass->threads)
    for (int window = 0; window < pass->windows; window++) {
        for (int tile = 0; tile < most; tile++) {
            int targets = wt_pass_targets(pass, window), rows = targets ? targets + lead : 0;
            int first = tile * WT_TILE;
            if (first >= rows) continue;
            work(pass, l, window, first, rows - first < WT_TILE ? rows - first : WT_TILE);
            wt_pass_poke(pass);
        }
    }
}
