/*
 * Backward, from the last block to the input. A block's unit, a segment of the rows of its output, makes in one
 * go, tile after tile, while they are in the cache:
 *
 *   the gradient by the block's output, gathered from the block after it (each row is made once, by one unit);
 *   through the residual and skip products and the activation, the gradient by the convolution's output;
 *   the partial gradients of its weights, added up over the segment's rows in their order.
 *
 * The partial gradients of a lane's segments are added in order, by units of their own, when all are there; the
 * finished range is the listener's. No sum depends on who computes it. The flat buffer stands in the order of forward, so
 * finished ranges adjoin. `dout` holds β times the gradient by a block's output.
 */
#include <string.h>

#include "hierarchy_internal.h"
#include "pass_internal.h"

wt_real *wt_segment_sums(const wt_pass *pass, int l, int window, int segment) {
    size_t set = (size_t)((l + WT_SUM_SETS) % WT_SUM_SETS) * (size_t)pass->shape.windows + (size_t)window;
    return pass->sums + (set * (size_t)pass->segments + (size_t)segment) * pass->sums_each;
}

wt_real *wt_head_sums(const wt_pass *pass, int window, int segment) {
    return pass->head_sums +
           ((size_t)window * (size_t)pass->segments + (size_t)segment) * pass->head_sums_each;
}

void wt_add_weights(const wt_pass *pass, const wt_convolution *c, wt_real *sums, size_t base,
                    const wt_real *x, int ldx, const wt_real *dy, int lddy, int rows, bool own_bias) {
    wt_real *dw = sums + (wt_offset(pass, c->weight) - base);
    for (int j = 0; j < c->taps; j++) {
        pass->kernels->convolve_weights(dw + (size_t)j * (size_t)c->in * (size_t)c->out, c->out,
                                        x + (size_t)j * (size_t)c->dilation * (size_t)ldx, ldx, dy, lddy,
                                        rows, c->in, c->out);
    }
    if (own_bias && c->bias >= 0)
        pass->kernels->column_sums(sums + (wt_offset(pass, c->bias) - base), dy, lddy, rows, c->out);
}

/* dx = (dy·Wᵀ)·scale for a 1×1 convolution. */
static void wt_multiply_back(const wt_pass *pass, const wt_convolution *c, wt_real *dx, int lddx,
                             const wt_real *dy, int lddy, int rows, wt_real scale) {
    wt_operand factor = wt_tap_back(pass, c, 0, dy, lddy);
    wt_finish finish = {.scale = scale};
    pass->kernels->multiply(dx, lddx, rows, c->in, &factor, 1, &finish);
}

/* --- head --- */

void wt_head_back_tile(wt_pass *pass, int window, int first, int rows, wt_real *logits, wt_real *hidden,
                       wt_real *sums) {
    const wt_convolution *head = pass->network->head;
    int width = head[0].in, hidden_width = head[0].out, classes = head[1].out;
    size_t base = wt_offset(pass, head[0].weight);
    wt_real *dhidden = logits + (size_t)WT_HEAD_TILE * (size_t)classes;
    wt_real *skip = wt_row(&pass->skip, window, first), *dskip = wt_row(&pass->dskip, window, first);
    wt_add_weights(pass, &head[1], sums, base, hidden, hidden_width, logits, classes, rows, true);
    wt_multiply_back(pass, &head[1], dhidden, hidden_width, logits, classes, rows, 1);
    pass->kernels->rectify_back(dhidden, hidden_width, hidden, hidden_width, rows, hidden_width);
    wt_add_weights(pass, &head[0], sums, base, skip, width, dhidden, hidden_width, rows, true);
    wt_multiply_back(pass, &head[0], dskip, width, dhidden, hidden_width, rows, 1);
    pass->kernels->rectify_back(dskip, width, skip, width, rows, width);
    pass->kernels->column_sums(sums + (pass->network->parameters.trained - base), dskip, width, rows, width);
}

/* --- blocks --- */

/*
 * The gradient by the input of block l (after its rechannel) for rows first … first+rows−1, times `scale`:
 *   dh[u] = dout[u − reach] + Σ_j dact[u − j·dilation]·W_jᵀ
 * cut where a tap begins or ends to have a row.
 */
static void wt_input_gradient(const wt_pass *pass, int l, int window, int first, int rows, wt_real *dh,
                              int lddh, wt_real scale) {
    const wt_block *block = &pass->network->blocks[l];
    const wt_convolution *c = &block->conv;
    const wt_block_rows *at = &pass->blocks[l];
    const int64_t total = (int64_t)wt_pass_targets(pass, window) + block->lead, end = (int64_t)first + rows;
    for (int64_t u = first, next; u < end; u = next) {
        wt_operand taps[WT_KERNEL_MAX];
        int count = 0;
        next = end;
        for (int j = 0; j < c->taps; j++) {
            const int64_t from = (int64_t)j * c->dilation, to = from + total;
            if (u < from && from < next) next = from;
            if (u < to && to < next) next = to;
            if (u < from || u >= to) continue;
            taps[count++] = wt_tap_back(pass, c, j, wt_row(&at->dact, window, u - from), at->dact.ld);
        }
        const bool residual = block->residual.weight >= 0 && u >= wt_reach(c);
        const wt_finish finish = {.add = residual ? wt_row(&at->dout, window, u - wt_reach(c)) : NULL,
                                  .ldadd = at->dout.ld,
                                  .scale = scale};
        pass->kernels->multiply(dh + (size_t)(u - first) * (size_t)lddh, lddh, (int)(next - u), c->in, taps,
                                count, &finish);
    }
}

/* What the output of block l (−1: of the input) gets from block l+1, in `dout`; a rechannel between them adds its own
 * weights' gradients to the sums. */
static void wt_output_gradient(const wt_pass *pass, int l, int window, int first, int rows,
                               const wt_rows *dout, wt_real *scratch, wt_real *sums, size_t base) {
    const wt_convolution *rechannel = &pass->network->blocks[l + 1].rechannel;
    wt_real *to = wt_row(dout, window, first), scale = l < 0 ? 1 : (wt_real)pass->network->residual_scale;
    if (rechannel->weight < 0) {
        wt_input_gradient(pass, l + 1, window, first, rows, to, dout->ld, scale);
        return;
    }
    wt_input_gradient(pass, l + 1, window, first, rows, scratch, rechannel->out, 1);
    const wt_rows *wide = &pass->blocks[l + 1].wide;
    wt_add_weights(pass, rechannel, sums, base, wt_row(wide, window, first), wide->ld, scratch,
                   rechannel->out, rows, true);
    wt_multiply_back(pass, rechannel, to, dout->ld, scratch, rechannel->out, rows, scale);
}

/* dz = dskip·W_sᵀ + dout·W_rᵀ; the first rows have no target, the last block no residual output. */
static void wt_gate_gradient(const wt_pass *pass, int l, int window, int first, int rows, wt_real *dz) {
    const wt_block *block = &pass->network->blocks[l];
    const wt_rows *dout = &pass->blocks[l].dout;
    const int before = first >= block->lead ? 0 : block->lead - first < rows ? block->lead - first : rows;
    for (int t = 0, next; t < rows; t = next) {
        const wt_finish finish = {.scale = 1};
        wt_operand factors[2];
        int count = 0;
        next = t < before ? before : rows;
        if (t >= before) {
            const wt_real *dskip = wt_row(&pass->dskip, window, first + t - block->lead);
            factors[count++] = wt_tap_back(pass, &block->skip, 0, dskip, pass->dskip.ld);
        }
        if (block->residual.weight >= 0) {
            factors[count++] = wt_tap_back(pass, &block->residual, 0, wt_row(dout, window, first + t),
                                           dout->ld);
        }
        pass->kernels->multiply(dz + (size_t)t * (size_t)block->gate, block->gate, next - t, block->gate,
                                factors, count, &finish);
    }
}

/* What forward's activation left; where it was not kept, it is made again, in `made`, beside z. */
static const wt_real *wt_kept_or_made(const wt_pass *pass, int l, int window, int first, int rows,
                                      wt_real *made, wt_real *z) {
    const wt_block *block = &pass->network->blocks[l];
    const wt_block_rows *at = &pass->blocks[l];
    if (wt_pass_keeps(pass)) return wt_row(&at->act, window, first);
    for (int t = 0; t < rows; t += pass->tile) { /* forward's tiles: OpenBLAS's bits depend on them */
        wt_convolve_rows(pass, &block->conv, made + (size_t)t * (size_t)block->conv.out, block->conv.out,
                         wt_row(&at->h, window, first + t), at->h.ld,
                         rows - t < pass->tile ? rows - t : pass->tile, NULL, 0, 1);
    }
    pass->kernels->activate(z, block->gate, made, block->conv.out, rows, block->gate, block->activation);
    return made;
}

void wt_block_gradient(const wt_pass *pass, int l, int window, int first, int rows, wt_real *dz,
                       wt_real *sums) {
    const wt_block_rows *at = &pass->blocks[l];
    if (pass->network->blocks[l].residual.weight >= 0) {
        wt_output_gradient(pass, l, window, first, rows, &at->dout, dz, sums, at->first);
    }
    wt_gate_gradient(pass, l, window, first, rows, dz);
}

void wt_add_output_weights(const wt_pass *pass, int l, int window, int first, int rows, const wt_real *z,
                           wt_real *sums) {
    const wt_block *block = &pass->network->blocks[l];
    const wt_block_rows *at = &pass->blocks[l];
    const int from = first < block->lead ? block->lead - first : 0;
    if (block->residual.weight >= 0) {
        wt_add_weights(pass, &block->residual, sums, at->first, z, block->gate,
                       wt_row(&at->dout, window, first), at->dout.ld, rows, true);
    }
    if (from >= rows) return;
    wt_add_weights(pass, &block->skip, sums, at->first, z + (size_t)from * (size_t)block->gate, block->gate,
                   wt_row(&pass->dskip, window, first + from - block->lead), pass->dskip.ld, rows - from,
                   false);
}

static void wt_block_back_tile(const wt_pass *pass, int l, int window, int first, int rows, wt_real *sums) {
    const wt_block *block = &pass->network->blocks[l];
    const wt_block_rows *at = &pass->blocks[l];
    const size_t tile = (size_t)WT_TILE * (size_t)block->gate;
    wt_real *dz = wt_pass_scratch(pass), *again = dz + tile;
    wt_block_gradient(pass, l, window, first, rows, dz, sums);
    const wt_real *act = wt_kept_or_made(pass, l, window, first, rows, again + tile, again);
    const wt_real *z = act;
    wt_real *dact = wt_row(&at->dact, window, first);
    const bool gated = block->activation == WT_ACTIVATION_GATE; /* else act is z */
    if (gated) z = again;
    pass->kernels->activate_back(dact, at->dact.ld, gated ? again : NULL, block->gate, act, at->act.ld, dz,
                                 block->gate, rows, block->gate, block->activation);
    wt_add_weights(pass, &block->conv, sums, at->first, wt_row(&at->h, window, first), at->h.ld, dact,
                   at->dact.ld, rows, true);
    wt_add_output_weights(pass, l, window, first, rows, z, sums);
}

wt_real *wt_begin_segment(const wt_pass *pass, const wt_stage *stage, int window, int unit, size_t count,
                          int *first, int *end) {
    int targets = wt_pass_targets(pass, window), all = targets ? targets + stage->lead : 0;
    *first = unit * stage->unit_rows;
    *end = all - *first < stage->unit_rows ? all : *first + stage->unit_rows;
    if (*first >= *end) return NULL;
    wt_real *sums = wt_segment_sums(pass, stage->l, window, unit);
    memset(sums, 0, count * sizeof *sums);
    return sums;
}

static void wt_block_back_unit(wt_pass *pass, const wt_stage *stage, int window, int unit) {
    const wt_block_rows *at = &pass->blocks[stage->l];
    int first, end;
    wt_real *sums = wt_begin_segment(pass, stage, window, unit, at->end - at->first, &first, &end);
    for (int t = first; sums && t < end; t += WT_TILE) {
        wt_block_back_tile(pass, stage->l, window, t, wt_rows_left(t, end), sums);
    }
}

/* --- input --- */

static void wt_input_back_unit(wt_pass *pass, const wt_stage *stage, int window, int unit) {
    const wt_network *network = pass->network;
    const wt_batch *batch = pass->batch;
    const size_t base = wt_offset(pass, network->input.weight);
    const size_t count = network->input_kind == WT_INPUT_CLASS ? 0 : pass->blocks[0].first - base;
    int first, end;
    wt_real *sums = wt_begin_segment(pass, stage, window, unit, count, &first, &end);
    for (int t = first; sums && t < end; t += WT_TILE) {
        const int rows = wt_rows_left(t, end);
        wt_output_gradient(pass, -1, window, t, rows, &pass->dinput, wt_pass_scratch(pass), sums, base);
        if (network->input_kind == WT_INPUT_CLASS) continue;
        size_t at = (size_t)(pass->first + window) * (size_t)wt_batch_rows(batch) + (size_t)t;
        wt_add_weights(pass, &network->input, sums, base, batch->signal + at * (size_t)batch->channels,
                       batch->channels, wt_row(&pass->dinput, window, t), pass->dinput.ld, rows, true);
    }
}

/* One panel of output channels of a one-hot input's table: a scatter in the order of time. */
static void wt_scatter_unit(wt_pass *pass, const wt_stage *stage, int lane, int panel) {
    (void)stage;
    const wt_convolution *input = &pass->network->input;
    wt_real *gradient = pass->gradients[lane];
    int o0 = panel * WT_SCATTER_PANEL, left = input->out - o0;
    int out = left < WT_SCATTER_PANEL ? left : WT_SCATTER_PANEL;
    wt_real *dw = gradient + wt_offset(pass, input->weight) + o0;
    wt_real *db = gradient + wt_offset(pass, input->bias) + o0;
    for (int64_t i = 0; i < (int64_t)input->taps * input->in; i++) {
        memset(dw + i * input->out, 0, (size_t)out * sizeof *dw);
    }
    memset(db, 0, (size_t)out * sizeof *db);
    for (int window = lane * pass->lane_windows; window < (lane + 1) * pass->lane_windows; window++) {
        int targets = wt_pass_targets(pass, window);
        if (!targets) continue;
        int rows = targets + pass->network->input_lead;
        const wt_real *dy = wt_row(&pass->dinput, window, 0) + o0;
        const int32_t *classes = pass->batch->classes +
                                 (size_t)(pass->first + window) * (size_t)wt_batch_rows(pass->batch);
        pass->kernels->embed_weights(dw, input->out, classes, dy, pass->dinput.ld, rows, input->in, out,
                                     input->taps);
        pass->kernels->column_sums(db, dy, pass->dinput.ld, rows, out);
    }
}

/* --- adding up segments --- */

/* Σ over a lane's segments of `count` elements from `at` on of their sums, in order. */
typedef wt_real *(*wt_sums_of)(const wt_pass *pass, int l, int window, int segment);

static wt_real *wt_sums_of_head(const wt_pass *pass, int l, int window, int segment) {
    (void)l;
    return wt_head_sums(pass, window, segment);
}

static void wt_add_segments(const wt_pass *pass, const wt_stage *stage, wt_sums_of sums_of, int lane,
                            size_t at, size_t count, wt_real *total) {
    bool any = false;
    for (int window = lane * pass->lane_windows; window < (lane + 1) * pass->lane_windows; window++) {
        int targets = wt_pass_targets(pass, window);
        int segments = targets ? wt_units((int64_t)targets + stage->lead, pass->segment) : 0;
        for (int segment = 0; segment < segments; segment++, any = true) {
            const wt_real *sums = sums_of(pass, stage->l, window, segment) + at;
            if (any) {
                pass->kernels->add(total, sums, count);
            } else {
                memcpy(total, sums, count * sizeof *total);
            }
        }
    }
    if (!any) memset(total, 0, count * sizeof *total);
}

static size_t wt_least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* A chunk of the range [first, end) of the flat buffer. */
static void wt_sum_chunk(const wt_pass *pass, const wt_stage *stage, wt_sums_of sums_of, int lane, int unit,
                         size_t first, size_t end) {
    size_t at = (size_t)unit * WT_SUM_CHUNK;
    if (at >= end - first) return;
    wt_add_segments(pass, stage, sums_of, lane, at, wt_least(WT_SUM_CHUNK, end - first - at),
                    pass->gradients[lane] + first + at);
}

static int wt_sum_chunks(size_t count) {
    return (int)((count + WT_SUM_CHUNK - 1) / WT_SUM_CHUNK);
}

/* The head's partial gradients come from forward; its last unit adds Σ dskip, which all b_s share. */
static void wt_reduce_head_unit(wt_pass *pass, const wt_stage *stage, int lane, int unit) {
    const size_t first = wt_offset(pass, pass->network->head[0].weight),
                 end = pass->network->parameters.trained;
    const size_t width = (size_t)pass->network->skip_channels;
    if (unit < stage->units - 1) {
        wt_sum_chunk(pass, stage, wt_sums_of_head, lane, unit, first, end);
    } else {
        wt_add_segments(pass, stage, wt_sums_of_head, lane, end - first, width,
                        pass->bias_sums + (size_t)lane * width);
    }
}

/* The last unit: the gradients of the skip's tensors, with the block's factor. The gradient by b_s is the factor times
 * Σ_t dskip. */
static void wt_reduce_skip(const wt_pass *pass, const wt_stage *stage, int lane) {
    const wt_block_rows *at = &pass->blocks[stage->l];
    const wt_convolution *skip = &pass->network->blocks[stage->l].skip;
    const wt_real *bias_sums = pass->bias_sums + (size_t)lane * (size_t)skip->out;
    const size_t offset = wt_offset(pass, skip->weight), count = (size_t)skip->in * (size_t)skip->out;
    const wt_real factor = (wt_real)at->skip_factor;
    wt_real *dw = pass->gradients[lane] + offset, *db = pass->gradients[lane] + wt_offset(pass, skip->bias);
    wt_add_segments(pass, stage, wt_segment_sums, lane, offset - at->first, count, dw);
    for (size_t i = 0; factor != 1 && i < count; i++) dw[i] *= factor;
    for (int c = 0; c < skip->out; c++) db[c] = factor * bias_sums[c];
}

/* Skip's tensors stand between those of the convolution and of the residual: chunks go round them. */
static void wt_reduce_block_unit(wt_pass *pass, const wt_stage *stage, int lane, int unit) {
    const wt_block_rows *at = &pass->blocks[stage->l];
    const wt_convolution *skip = &pass->network->blocks[stage->l].skip;
    const size_t skip_first = wt_offset(pass, skip->weight);
    const size_t skip_end = wt_offset(pass, skip->bias) + (size_t)skip->out;
    if (unit == 0) {
        wt_reduce_skip(pass, stage, lane);
        return;
    }
    size_t from = (size_t)(unit - 1) * WT_SUM_CHUNK, end = wt_least(from + WT_SUM_CHUNK, at->end - at->first);
    while (from < end) {
        const size_t place = at->first + from;
        if (place >= skip_first && place < skip_end) {
            from = skip_end - at->first;
            continue;
        }
        const size_t stop = place < skip_first ? wt_least(end, skip_first - at->first) : end;
        wt_add_segments(pass, stage, wt_segment_sums, lane, from, stop - from, pass->gradients[lane] + place);
        from = stop;
    }
}

static void wt_reduce_input_unit(wt_pass *pass, const wt_stage *stage, int lane, int unit) {
    wt_sum_chunk(pass, stage, wt_segment_sums, lane, unit, wt_offset(pass, pass->network->input.weight),
                 pass->blocks[0].first);
}

/* --- the pass --- */

/* Ranges in the order in which they are finished: the head's, the blocks' from the last to the first, the input's. */
static bool wt_range_done(const wt_pass *pass, int range, size_t *first) {
    const int blocks = pass->network->block_count;
    const int l = blocks - range, stage = range == 0 ? pass->head_reduce
                                          : l >= 0   ? pass->reduce_stage[l]
                                                     : pass->backward.count - 1;
    *first = range == 0 ? wt_offset(pass, pass->network->head[0].weight) : l >= 0 ? pass->blocks[l].first : 0;
    for (int lane = 0; lane < pass->windows / pass->lane_windows; lane++) {
        if (!wt_stage_done(&pass->backward, stage, lane)) return false;
    }
    return true;
}

/* The caller's thread, between two units: tells the listener what is finished. */
static void wt_tell_listener(wt_pass *pass) {
    const wt_pass_listener *listener = pass->listener;
    size_t first;
    if (!listener) return;
    while (pass->told < pass->network->block_count + 2 && wt_range_done(pass, pass->told, &first)) {
        if (listener->ready) listener->ready(listener->context, first, pass->told_to - first);
        pass->told_to = first;
        pass->told++;
    }
    if (listener->poke) listener->poke(listener->context);
}

/*
 * The units of block l (−1: of the input) need the rows of block l+1 that theirs are gathered from. They write where
 * block l+2 left its rows, up to `end`; block l+1 reads these for its own rows before end + reach. And they need
 * the place of block l+4's partial gradients.
 */
static int wt_add_phase(wt_pass *pass, int l) {
    const wt_network *network = pass->network;
    const int blocks = network->block_count;
    wt_stage stage = {
        .work = wt_input_back_unit, .l = l, .lead = network->input_lead, .unit_rows = pass->segment};
    if (l >= 0) {
        stage.work = pass->normed ? wt_normed_back_unit : wt_block_back_unit;
        stage.lead = network->blocks[l].lead;
    }
    const bool waits = l >= 0 && wt_waits_for_lanes(network, &pass->shape);
    if (waits) stage.after = wt_normed_back_sums;
    const int number = wt_pipeline_add(pass, &pass->backward, stage);
    const int reach = l + 2 < blocks ? wt_reach(&network->blocks[l + 2].conv) : 0;
    if (l + 1 < blocks) wt_pipeline_need(&pass->backward, number, pass->phase_stage[l + 1], reach);
    if (l + WT_SUM_SETS < blocks) {
        wt_pipeline_need(&pass->backward, number, pass->reduce_stage[l + WT_SUM_SETS], WT_ALL_ROWS);
    }
    if (!waits) return number;
    stage.work = wt_normed_weights_unit;
    stage.after = NULL;
    return wt_pipeline_add(pass, &pass->backward, stage);
}

static int wt_add_reduction(wt_pass *pass, int l) {
    const wt_block_rows *at = &pass->blocks[l];
    const wt_stage stage = {.work = wt_reduce_block_unit,
                            .l = l,
                            .lead = pass->network->blocks[l].lead,
                            .units = 1 + wt_sum_chunks(at->end - at->first),
                            .of_lanes = true};
    const int number = wt_pipeline_add(pass, &pass->backward, stage);
    wt_pipeline_need(&pass->backward, number, pass->phase_stage[l], WT_ALL_ROWS);
    wt_pipeline_need(&pass->backward, number, pass->head_reduce, WT_ALL_ROWS);
    return number;
}

void wt_plan_backward(wt_pass *pass) {
    const wt_network *network = pass->network;
    const size_t head = network->parameters.trained - wt_offset(pass, network->head[0].weight);
    pass->head_reduce = wt_pipeline_add(pass, &pass->backward,
                                        (wt_stage){.work = wt_reduce_head_unit,
                                                   .l = network->block_count,
                                                   .units = 1 + wt_sum_chunks(head),
                                                   .of_lanes = true});
    for (int l = network->block_count - 1; l >= 0; l--) {
        pass->phase_stage[l] = wt_add_phase(pass, l);
        pass->reduce_stage[l] = wt_add_reduction(pass, l);
    }
    const int phase = wt_add_phase(pass, -1);
    wt_stage input = {.work = wt_reduce_input_unit,
                      .l = -1,
                      .lead = network->input_lead,
                      .of_lanes = true,
                      .units = wt_sum_chunks(pass->blocks[0].first)};
    if (network->input_kind == WT_INPUT_CLASS) {
        input.work = wt_scatter_unit;
        input.units = wt_units(network->input.out, WT_SCATTER_PANEL);
    }
    wt_pipeline_need(&pass->backward, wt_pipeline_add(pass, &pass->backward, input), phase, WT_ALL_ROWS);
    pass->backward.between = wt_tell_listener;
}

void wt_pass_backward(wt_pass *pass, int lane_windows, wt_real *const *gradients,
                      const wt_pass_listener *listener) {
    if (pass->hierarchy) {
        wt_hierarchy_backward(pass->hierarchy, lane_windows, gradients, listener);
        return;
    }
    pass->lane_windows = lane_windows;
    pass->gradients = gradients;
    pass->listener = listener;
    pass->told = 0;
    pass->told_to = pass->network->parameters.trained;
    wt_pipeline_run(pass, &pass->backward, lane_windows);
    wt_tell_listener(pass);
    pass->listener = NULL;
}
