/*
 * Blocks with a norm before the gate, or with dropout behind it: the work of their units, forward and backward, in place
 * of that of plain blocks; everything else of a pass is as it is.
 *
 * Layer norm and dropout are a row's own matter, so their units stand in the same pipeline as plain ones. Batch norm in
 * training cuts a block in two, with a sum over all lanes of the step in between, in forward and in backward: there the
 * stages run in turn, and no message of the exchange is under way meanwhile. Its sums are made a segment at a time, in
 * double, and added segment by segment, lane by lane. That leaves cores idle at the end of each stage; it is simple.
 *
 * Kept for backward is what a plain block keeps, and x̂ (`hat`); dropout's masks are drawn once more.
 */
#include <string.h>

#include "norms_internal.h"
#include "pass_internal.h"
#include "wavetrain/memory.h"

typedef struct wt_normed {
    wt_pass_step step;
    int widest;         /* output of a convolution */
    wt_real *mean_rate; /* batch norm: [blocks, 2, widest] */
    wt_real *staged;    /* new running statistics, the same */
    wt_real *factors;   /* of batch norm's backward, [3, widest] */
    double *moments;    /* [slots, 2·widest]: sums of a segment, or of the segment that a thread is at */
    double *lane_sums, *step_sums; /* batch norm: [lanes, 2·out + 1], [2·out + 1] */
    bool has_staged;
    size_t again_at, factor_at, hat_at, act_at, rate_at; /* in a thread's scratch, behind the gradients */
    int *no_targets;                                     /* [windows]: 0 */
    wt_batch nothing;
} wt_normed;

/* --- memory --- */

/* Sums of segments that exist at the same time. */
static size_t wt_moment_slots(const wt_network *network, const wt_pass_shape *shape, size_t segments,
                              size_t threads) {
    if (network->norm == WT_NORM_NONE || !shape->backward) return 0;
    return network->norm == WT_NORM_BATCH ? (size_t)shape->windows * segments : threads;
}

/* Counts of reals and doubles beside a pass's own. */
static void wt_normed_counts(const wt_network *network, const wt_pass_shape *shape, size_t slots,
                             size_t *reals, size_t *doubles) {
    const size_t widest = (size_t)wt_widest(network).act, blocks = (size_t)network->block_count;
    *reals = *doubles = 0;
    if (network->norm == WT_NORM_BATCH) *reals = (4 * blocks + 3) * widest;
    *doubles = slots * 2 * widest;
    if (wt_waits_for_lanes(network, shape)) *doubles += ((size_t)shape->windows + 1) * (2 * widest + 1);
}

static size_t wt_place_scratch(const wt_network *network, wt_normed *normed) {
    const wt_widths widest = wt_widest(network);
    const size_t act = (size_t)WT_TILE * (size_t)widest.act, z = (size_t)WT_TILE * (size_t)widest.z;
    const size_t h = (size_t)WT_TILE * (size_t)widest.h;
    normed->again_at = h > z ? h : z; /* a rechannel's rows stand where dz comes then */
    normed->factor_at = normed->again_at + z;
    normed->hat_at = normed->factor_at + z;
    normed->act_at = normed->hat_at + act;
    normed->rate_at = normed->act_at + act;
    return normed->rate_at + WT_TILE;
}

size_t wt_normed_scratch(const wt_network *network) {
    wt_normed places;
    return wt_place_scratch(network, &places);
}

int64_t wt_normed_bytes(const wt_network *network, const wt_pass_shape *shape, size_t segments) {
    const size_t threads = (size_t)omp_get_max_threads();
    size_t reals, doubles;
    wt_normed_counts(network, shape, wt_moment_slots(network, shape, segments, threads), &reals, &doubles);
    return (int64_t)(sizeof(wt_normed) + reals * sizeof(wt_real) + doubles * sizeof(double) +
                     (size_t)shape->windows * sizeof(int));
}

/* One allocation of each kind, cut up. */
static void wt_share_out(wt_pass *pass, wt_normed *normed, size_t slots) {
    const size_t widest = (size_t)normed->widest, blocks = (size_t)pass->network->block_count;
    normed->staged = normed->mean_rate + 2 * blocks * widest;
    normed->factors = normed->staged + 2 * blocks * widest;
    normed->lane_sums = normed->moments + slots * 2 * widest;
    normed->step_sums = normed->lane_sums + (size_t)pass->shape.windows * (2 * widest + 1);
}

wt_status wt_normed_create(wt_pass *pass) {
    const wt_network *network = pass->network;
    const size_t slots = wt_moment_slots(network, &pass->shape, (size_t)pass->segments,
                                         (size_t)pass->threads);
    size_t reals, doubles;
    wt_normed *normed;
    WT_TRY(wt_alloc(&normed, 1, sizeof *normed, "norms of blocks"));
    pass->normed = normed;
    normed->widest = wt_widest(network).act;
    wt_place_scratch(network, normed);
    wt_normed_counts(network, &pass->shape, slots, &reals, &doubles);
    WT_TRY(wt_alloc(&normed->no_targets, (size_t)pass->shape.windows, sizeof(int), "no targets"));
    normed->nothing = (wt_batch){.windows = pass->shape.windows,
                                 .context = network->receptive_field,
                                 .target_count = normed->no_targets,
                                 .target = normed->no_targets};
    WT_TRY(wt_alloc(&normed->mean_rate, reals, sizeof(wt_real), "statistics"));
    WT_TRY(wt_alloc(&normed->moments, doubles, sizeof(double), "sums of norms"));
    wt_share_out(pass, normed, slots);
    return WT_OK;
}

void wt_normed_destroy(wt_normed *normed) {
    if (!normed) return;
    wt_free(normed->no_targets);
    wt_free(normed->mean_rate);
    wt_free(normed->moments);
    wt_free(normed);
}

/* --- a step --- */

static wt_real *wt_mean_rate(const wt_pass *pass, int l) {
    return pass->normed->mean_rate + (size_t)l * 2 * (size_t)pass->normed->widest;
}

static wt_real *wt_staged(const wt_pass *pass, int l) {
    return pass->normed->staged + (size_t)l * 2 * (size_t)pass->normed->widest;
}

void wt_normed_begin_step(wt_pass *pass, const wt_pass_step *step) {
    pass->normed->step = *step;
}

const wt_batch *wt_normed_batch(const wt_pass *pass, const wt_batch *batch) {
    pass->normed->has_staged = false;
    return batch ? batch : &pass->normed->nothing;
}

void wt_normed_derive(wt_pass *pass) {
    const wt_network *network = pass->network;
    if (network->norm != WT_NORM_BATCH || pass->shape.backward) return;
    for (int l = 0; l < network->block_count; l++) {
        const wt_norm *norm = &network->blocks[l].norm;
        wt_norm_running(wt_mean_rate(pass, l), wt_pass_tensor(pass, norm->running_mean),
                        wt_pass_tensor(pass, norm->running_variance), network->blocks[l].conv.out);
    }
}

void wt_normed_commit(const wt_pass *pass, wt_real *parameters) {
    for (int l = 0; pass->normed->has_staged && l < pass->network->block_count; l++) {
        const wt_block *block = &pass->network->blocks[l];
        const size_t width = (size_t)block->conv.out;
        const wt_real *staged = wt_staged(pass, l);
        memcpy(parameters + wt_offset(pass, block->norm.running_mean), staged, width * sizeof *staged);
        memcpy(parameters + wt_offset(pass, block->norm.running_variance), staged + width,
               width * sizeof *staged);
    }
}

/* --- rows of a block --- */

/* Where a tile's rows stand, kept or in the thread's scratch: act [rows, out], hat [rows, ≥ out], rate [rows]. */
typedef struct {
    wt_real *act, *hat, *rate;
    int ldhat;
} wt_tile_rows;

static wt_tile_rows wt_find_rows(const wt_pass *pass, int l, int window, int first) {
    const wt_block_rows *at = &pass->blocks[l];
    wt_real *scratch = wt_pass_scratch(pass);
    wt_tile_rows tile = {.act = scratch + pass->normed->act_at,
                         .hat = scratch + pass->normed->hat_at,
                         .rate = scratch + pass->normed->rate_at,
                         .ldhat = pass->network->blocks[l].conv.out};
    if (at->act.data) tile.act = wt_row(&at->act, window, first);
    if (at->hat.data) tile.hat = wt_row(&at->hat, window, first), tile.ldhat = at->hat.ld;
    if (at->rate.data) tile.rate = wt_row(&at->rate, window, first);
    return tile;
}

/* The convolution's output, to hat, or without a norm to act; in forward's tiles, which OpenBLAS's bits depend on. */
static void wt_convolve_tile(const wt_pass *pass, int l, int window, int first, int rows,
                             const wt_tile_rows *tile) {
    const wt_convolution *conv = &pass->network->blocks[l].conv;
    const wt_rows *h = &pass->blocks[l].h;
    const bool plain = pass->network->norm == WT_NORM_NONE;
    wt_real *u = plain ? tile->act : tile->hat;
    const int ldu = plain ? conv->out : tile->ldhat;
    for (int t = 0; t < rows; t += pass->tile) {
        wt_convolve_rows(pass, conv, u + (size_t)t * (size_t)ldu, ldu, wt_row(h, window, first + t), h->ld,
                         rows - t < pass->tile ? rows - t : pass->tile, NULL, 0, 1);
    }
}

/* The norm of rows in hat, to act. */
static void wt_norm_tile(const wt_pass *pass, int l, int rows, const wt_tile_rows *tile) {
    const wt_block *block = &pass->network->blocks[l];
    const int out = block->conv.out;
    if (pass->network->norm == WT_NORM_NONE) return;
    const wt_real *weight = wt_pass_tensor(pass, block->norm.weight);
    const wt_real *bias = wt_pass_tensor(pass, block->norm.bias);
    if (pass->network->norm == WT_NORM_LAYER) {
        pass->kernels->normalise(tile->act, out, tile->hat, tile->ldhat, tile->rate, weight, bias, rows, out);
    } else {
        const wt_real *mean = wt_mean_rate(pass, l);
        pass->kernels->standardise(tile->act, out, tile->hat, tile->ldhat, mean, mean + out, weight, bias,
                                   rows, out);
    }
}

/* --- dropout --- */

static bool wt_drops(const wt_pass *pass) {
    return pass->shape.backward && pass->network->dropout > 0;
}

/* Factors [rows, gate], in the thread's scratch. Rows are numbered from the lane's first window on. */
static const wt_real *wt_draw_mask(const wt_pass *pass, int l, int window, int first, int rows) {
    const wt_block *block = &pass->network->blocks[l];
    const wt_pass_step *step = &pass->normed->step;
    const int each = step->lane_windows ? step->lane_windows : pass->windows, slot = pass->first + window;
    const uint64_t longest = (uint64_t)pass->shape.targets + (uint64_t)block->lead;
    const uint64_t row = (uint64_t)(slot % each) * longest + (uint64_t)first;
    wt_real *factor = wt_pass_scratch(pass) + pass->normed->factor_at;
    wt_dropout_factors(factor, pass->network->dropout, step, step->first_lane + slot / each, l, row, rows,
                       block->gate);
    return factor;
}

/* y = x·factor, rows of `width` channels; y may be x. */
static void wt_drop(wt_real *y, int ldy, const wt_real *x, int ldx, const wt_real *factor, int rows,
                    int width) {
    for (int t = 0; t < rows; t++, y += ldy, x += ldx, factor += width) {
        for (int c = 0; c < width; c++) y[c] = x[c] * factor[c];
    }
}

/* --- forward --- */

/* From the norm on. */
static void wt_finish_tile(const wt_pass *pass, int l, int window, int first, int rows) {
    const wt_block *block = &pass->network->blocks[l];
    const wt_rows *z = &pass->blocks[l].z;
    const wt_tile_rows tile = wt_find_rows(pass, l, window, first);
    wt_real *to = wt_row(z, window, first);
    wt_norm_tile(pass, l, rows, &tile);
    pass->kernels->activate(to, z->ld, tile.act, block->conv.out, rows, block->gate, block->activation);
    if (wt_drops(pass)) {
        wt_drop(to, z->ld, to, z->ld, wt_draw_mask(pass, l, window, first, rows), rows, block->gate);
    }
    wt_pass_on(pass, l, window, first, rows);
}

static void wt_normed_unit(wt_pass *pass, const wt_stage *stage, int window, int unit) {
    int first, rows;
    if (!wt_unit_rows(pass, stage, window, unit, &first, &rows)) return;
    const wt_tile_rows tile = wt_find_rows(pass, stage->l, window, first);
    wt_convolve_tile(pass, stage->l, window, first, rows, &tile);
    wt_finish_tile(pass, stage->l, window, first, rows);
}

/* Batch norm's second stage. */
static void wt_finish_unit(wt_pass *pass, const wt_stage *stage, int window, int unit) {
    int first, rows;
    if (wt_unit_rows(pass, stage, window, unit, &first, &rows))
        wt_finish_tile(pass, stage->l, window, first, rows);
}

static double *wt_segment_moments(const wt_pass *pass, int window, int segment) {
    const size_t slot = wt_waits_for_lanes(pass->network, &pass->shape)
                            ? (size_t)window * (size_t)pass->segments + (size_t)segment
                            : (size_t)omp_get_thread_num();
    return pass->normed->moments + slot * 2 * (size_t)pass->normed->widest;
}

/* Batch norm's first stage: a segment's rows, and their sums. */
static void wt_moments_unit(wt_pass *pass, const wt_stage *stage, int window, int unit) {
    const int out = pass->network->blocks[stage->l].conv.out;
    int first, rows;
    if (!wt_unit_rows(pass, stage, window, unit, &first, &rows)) return;
    double *sums = wt_segment_moments(pass, window, unit);
    memset(sums, 0, 2 * (size_t)out * sizeof *sums);
    for (int t = first; t < first + rows; t += WT_TILE) {
        const wt_tile_rows tile = wt_find_rows(pass, stage->l, window, t);
        const int count = wt_rows_left(t, first + rows);
        wt_convolve_tile(pass, stage->l, window, t, count, &tile);
        pass->kernels->column_moments(sums, tile.hat, tile.ldhat, count, out);
    }
}

/* Adds the segments' sums lane by lane, [lanes, 2·out + 1] with the rows' number, and over all lanes of the step. */
static void wt_reduce_moments(const wt_pass *pass, const wt_stage *stage, int lanes) {
    const size_t width = 2 * (size_t)pass->network->blocks[stage->l].conv.out, each = width + 1;
    const int windows = pass->windows / lanes;
    double *sums = pass->normed->lane_sums;
    memset(sums, 0, (size_t)lanes * each * sizeof *sums);
    for (int window = 0; window < pass->windows; window++) {
        double *lane = sums + (size_t)(window / windows) * each;
        const int targets = wt_pass_targets(pass, window), rows = targets ? targets + stage->lead : 0;
        for (int segment = 0; segment < wt_units(rows, pass->segment); segment++) {
            const double *own = wt_segment_moments(pass, window, segment);
            for (size_t i = 0; i < width; i++) lane[i] += own[i];
        }
        lane[width] += rows;
    }
    wt_norm_reduce(&pass->normed->step, sums, lanes, (int)each, pass->normed->step_sums);
}

static void wt_take_statistics(wt_pass *pass, const wt_stage *stage) {
    const wt_block *block = &pass->network->blocks[stage->l];
    const int each = pass->normed->step.lane_windows ? pass->normed->step.lane_windows : pass->windows;
    wt_reduce_moments(pass, stage, pass->windows / each);
    pass->normed->has_staged = wt_norm_take_moments(pass->normed->step_sums, block->conv.out,
                                                    wt_pass_tensor(pass, block->norm.running_mean),
                                                    wt_pass_tensor(pass, block->norm.running_variance),
                                                    wt_mean_rate(pass, stage->l), wt_staged(pass, stage->l));
}

void wt_plan_normed_block(wt_pass *pass, int l) {
    const wt_block *block = &pass->network->blocks[l];
    wt_stage stage = {.work = wt_normed_unit, .l = l, .lead = block->lead, .unit_rows = pass->tile};
    if (wt_waits_for_lanes(pass->network, &pass->shape)) {
        const wt_stage before = {.work = wt_moments_unit,
                                 .after = wt_take_statistics,
                                 .l = l,
                                 .lead = block->lead,
                                 .unit_rows = pass->segment};
        wt_add_next(pass, before, wt_reach(&block->conv));
        stage.work = wt_finish_unit;
    }
    wt_add_next(pass, stage, wt_reach(&block->conv));
}

/* --- backward --- */

/* What forward made of a tile's rows, where it was not kept. */
static void wt_remake_tile(const wt_pass *pass, int l, int window, int first, int rows,
                           const wt_tile_rows *tile, wt_real *z) {
    const wt_block *block = &pass->network->blocks[l];
    if (wt_pass_keeps(pass)) return;
    wt_convolve_tile(pass, l, window, first, rows, tile);
    wt_norm_tile(pass, l, rows, tile);
    pass->kernels->activate(z, block->gate, tile->act, block->conv.out, rows, block->gate, block->activation);
}

/* dact, the gradient by the norm's output (without one, the convolution's), and the weights' behind it. */
static void wt_gate_back_tile(const wt_pass *pass, int l, int window, int first, int rows,
                              const wt_tile_rows *tile, wt_real *sums) {
    const wt_block *block = &pass->network->blocks[l];
    const wt_rows *dact = &pass->blocks[l].dact;
    const int gate = block->gate;
    const bool gated = block->activation == WT_ACTIVATION_GATE; /* else act is z */
    wt_real *dz = wt_pass_scratch(pass), *again = dz + pass->normed->again_at;
    wt_block_gradient(pass, l, window, first, rows, dz, sums);
    wt_remake_tile(pass, l, window, first, rows, tile, again);
    const wt_real *factor = wt_drops(pass) ? wt_draw_mask(pass, l, window, first, rows) : NULL;
    if (factor) wt_drop(dz, gate, dz, gate, factor, rows, gate);
    pass->kernels->activate_back(wt_row(dact, window, first), dact->ld, gated ? again : NULL, gate, tile->act,
                                 block->conv.out, dz, gate, rows, gate, block->activation);
    const wt_real *z = gated ? again : tile->act;
    if (factor) wt_drop(again, gate, z, gate, factor, rows, gate);
    wt_add_output_weights(pass, l, window, first, rows, factor ? again : z, sums);
}

static void wt_conv_weights_tile(const wt_pass *pass, int l, int window, int first, int rows, wt_real *sums) {
    const wt_block_rows *at = &pass->blocks[l];
    wt_add_weights(pass, &pass->network->blocks[l].conv, sums, at->first, wt_row(&at->h, window, first),
                   at->h.ld, wt_row(&at->dact, window, first), at->dact.ld, rows, true);
}

/* A tile down to the convolution, or with batch norm to the norm; `moments` gather Σ dy and Σ dy·x̂. */
static void wt_normed_back_tile(const wt_pass *pass, int l, int window, int first, int rows, wt_real *sums,
                                double *moments) {
    const wt_block *block = &pass->network->blocks[l];
    const wt_norm_kind norm = pass->network->norm;
    const wt_rows *dact = &pass->blocks[l].dact;
    const wt_tile_rows tile = wt_find_rows(pass, l, window, first);
    const int out = block->conv.out;
    wt_real *d = wt_row(dact, window, first);
    wt_gate_back_tile(pass, l, window, first, rows, &tile, sums);
    if (norm != WT_NORM_NONE)
        pass->kernels->column_products(moments, d, dact->ld, tile.hat, tile.ldhat, rows, out);
    if (norm == WT_NORM_LAYER)
        pass->kernels->normalise_back(d, dact->ld, d, dact->ld, tile.hat, tile.ldhat, tile.rate,
                                      wt_pass_tensor(pass, block->norm.weight), rows, out);
    if (norm != WT_NORM_BATCH) wt_conv_weights_tile(pass, l, window, first, rows, sums);
}

void wt_normed_back_unit(wt_pass *pass, const wt_stage *stage, int window, int unit) {
    const wt_block *block = &pass->network->blocks[stage->l];
    const wt_block_rows *at = &pass->blocks[stage->l];
    const bool norm = pass->network->norm != WT_NORM_NONE;
    const int out = block->conv.out;
    int first, end;
    wt_real *sums = wt_begin_segment(pass, stage, window, unit, at->end - at->first, &first, &end);
    if (!sums) return;
    double *moments = norm ? wt_segment_moments(pass, window, unit) : NULL;
    if (norm) memset(moments, 0, 2 * (size_t)out * sizeof *moments);
    for (int t = first; t < end; t += WT_TILE) {
        wt_normed_back_tile(pass, stage->l, window, t, wt_rows_left(t, end), sums, moments);
    }
    for (int c = 0; norm && c < out; c++) {
        sums[wt_offset(pass, block->norm.bias) - at->first + (size_t)c] = (wt_real)moments[c];
        sums[wt_offset(pass, block->norm.weight) - at->first + (size_t)c] = (wt_real)moments[out + c];
    }
}

void wt_normed_back_sums(wt_pass *pass, const wt_stage *stage) {
    const wt_block *block = &pass->network->blocks[stage->l];
    const int out = block->conv.out;
    wt_reduce_moments(pass, stage, pass->windows / pass->lane_windows);
    wt_norm_take_factors(pass->normed->step_sums, out, wt_pass_tensor(pass, block->norm.weight),
                         wt_mean_rate(pass, stage->l) + out, pass->normed->factors);
}

/* Batch norm's second stage: through the norm and the convolution's weights. */
void wt_normed_weights_unit(wt_pass *pass, const wt_stage *stage, int window, int unit) {
    const int out = pass->network->blocks[stage->l].conv.out;
    const wt_rows *dact = &pass->blocks[stage->l].dact;
    const wt_real *factors = pass->normed->factors;
    int first, rows;
    if (!wt_unit_rows(pass, stage, window, unit, &first, &rows)) return;
    wt_real *sums = wt_segment_sums(pass, stage->l, window, unit);
    for (int t = first; t < first + rows; t += WT_TILE) {
        const wt_tile_rows tile = wt_find_rows(pass, stage->l, window, t);
        const int count = wt_rows_left(t, first + rows);
        wt_real *d = wt_row(dact, window, t);
        pass->kernels->standardise_back(d, dact->ld, d, dact->ld, tile.hat, tile.ldhat, factors,
                                        factors + out, factors + 2 * out, count, out);
        wt_conv_weights_tile(pass, stage->l, window, t, count, sums);
    }
}
