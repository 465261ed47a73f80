/*
 * Backward, from the head to the input. Per layer two rounds with a barrier between:
 *   1. tiles of the layer's output: the gradient by the activation's input (it takes the place of what
 *      forward kept there);
 *   2. tiles of the layer's input: the gradient by the input; and beside them tasks that each own a
 *      panel of one weight's gradient and walk all rows of a lane in order.
 * No sum depends on who computes it. After a layer its tensors are finished in all lanes, and the listener
 * hears of it: the flat buffer stands in the order of forward, so that finished ranges adjoin. dh holds β
 * times the gradient by a block's output.
 */
#include <omp.h>
#include <string.h>

#include "pass_internal.h"

/* --- gradients by weights: tasks --- */

/* One convolution's rows in a window: its input and the gradient by its output. */
typedef struct {
    const wt_convolution *convolution;
    const wt_rows *x, *dy;
    int x_first;   /* first row of x that a tap 0 reads */
    int dy_lead;   /* rows more than the targets */
    bool own_bias; /* the bias's gradient is the sum of dy */
} wt_weight_job;

enum { WT_JOBS_MAX = 3 };

typedef struct {
    int count;
    wt_weight_job jobs[WT_JOBS_MAX];
} wt_weight_jobs;

static void wt_add_job(wt_weight_jobs *list, const wt_convolution *convolution, const wt_rows *x, int x_first,
                       const wt_rows *dy, int dy_lead, bool own_bias) {
    list->jobs[list->count++] = (wt_weight_job){convolution, x, dy, x_first, dy_lead, own_bias};
}

static int wt_panels(int channels) {
    return (channels + WT_PANEL - 1) / WT_PANEL;
}

static int wt_job_tasks(const wt_weight_job *job) {
    return job->convolution->taps * wt_panels(job->convolution->in);
}

static int wt_jobs_tasks(const wt_weight_jobs *list) {
    int tasks = 0;
    for (int i = 0; i < list->count; i++) tasks += wt_job_tasks(&list->jobs[i]);
    return tasks;
}

/* One panel of one tap over all windows of a lane; the first panel of tap 0 sums the bias too. */
static void wt_weight_task(const wt_pass *pass, const wt_weight_job *job, int task, int lane,
                           int lane_windows, wt_real *gradient) {
    const wt_convolution *c = job->convolution;
    const wt_parameter *entries = pass->network->parameters.entries;
    int tap = task / wt_panels(c->in), i0 = task % wt_panels(c->in) * WT_PANEL;
    int in = c->in - i0 < WT_PANEL ? c->in - i0 : WT_PANEL;
    wt_real *dw = gradient + entries[c->weight].offset +
                  ((size_t)tap * (size_t)c->in + (size_t)i0) * (size_t)c->out;
    for (int window = lane * lane_windows; window < (lane + 1) * lane_windows; window++) {
        int targets = wt_pass_targets(pass, window);
        if (!targets) continue;
        int rows = targets + job->dy_lead;
        const wt_real *x = wt_row(job->x, window, job->x_first + (int64_t)tap * c->dilation) + i0;
        const wt_real *dy = wt_row(job->dy, window, 0);
        pass->kernels->convolve_weights(dw, c->out, x, job->x->channels, dy, c->out, rows, in, c->out);
        if (task == 0 && job->own_bias) {
            pass->kernels->column_sums(gradient + entries[c->bias].offset, dy, c->out, rows, c->out);
        }
    }
}

static void wt_run_weight_task(const wt_pass *pass, const wt_weight_jobs *list, int number, int lane,
                               int lane_windows, wt_real *gradient) {
    for (int i = 0; i < list->count; i++) {
        int tasks = wt_job_tasks(&list->jobs[i]);
        if (number < tasks) {
            wt_weight_task(pass, &list->jobs[i], number, lane, lane_windows, gradient);
            return;
        }
        number -= tasks;
    }
}

/* --- the second round of a layer: tiles of dx and weight tasks, in one parallel region --- */

typedef struct {
    wt_tile_work tile; /* NULL: no gradient by the input */
    int l, lead;       /* of the rows that tile is for */
    wt_weight_jobs jobs;
} wt_second_round;

static void wt_run_tile(const wt_pass *pass, const wt_second_round *round, int number, int most) {
    int window = number / most, first = number % most * WT_TILE;
    int targets = wt_pass_targets(pass, window), rows = targets ? targets + round->lead : 0;
    if (first >= rows) return;
    round->tile(pass, round->l, window, first, rows - first < WT_TILE ? rows - first : WT_TILE);
}

static void wt_run_second_round(const wt_pass *pass, const wt_second_round *round, int lane_windows,
                                wt_real *const *gradients) {
    int lanes = pass->windows / lane_windows, each = wt_jobs_tasks(&round->jobs);
    int most = round->tile ? wt_tiles(pass->shape.targets + round->lead) : 0;
    int tasks = lanes * each, all = tasks + pass->windows * most;
#pragma omp parallel for schedule(dynamic) num_threads(pass->threads)
    for (int i = 0; i < all; i++) { /* the longer pieces of work first */
        if (i < tasks) {
            int lane = i / each;
            wt_run_weight_task(pass, &round->jobs, i % each, lane, lane_windows, gradients[lane]);
        } else {
            wt_run_tile(pass, round, i - tasks, most);
        }
        wt_pass_poke(pass);
    }
}

/* --- head --- */

/* y = dy·Wᵀ for a 1×1 convolution (y is zeroed first). */
static void wt_back_tile(const wt_pass *pass, const wt_convolution *c, wt_real *dx, const wt_real *dy,
                         int rows) {
    memset(dx, 0, (size_t)rows * (size_t)c->in * sizeof *dx);
    pass->kernels->convolve_back(dx, c->in, dy, c->out, wt_pass_transposed(pass, c->weight), 0, rows, rows,
                                 c->in, c->out, 1, 1);
}

static void wt_head_back_tile(const wt_pass *pass, int l, int window, int first, int rows) {
    (void)l;
    const wt_convolution *head = pass->network->head;
    wt_real *dhidden = wt_row(&pass->dhidden, window, first), *dskip = wt_row(&pass->dskip, window, first);
    wt_back_tile(pass, &head[1], dhidden, wt_row(&pass->logits, window, first), rows);
    pass->kernels->rectify_back(dhidden, head[1].in, wt_row(&pass->hidden, window, first), head[1].in, rows,
                                head[1].in);
    wt_back_tile(pass, &head[0], dskip, dhidden, rows);
    pass->kernels->rectify_back(dskip, head[0].in, wt_row(&pass->skip, window, first), head[0].in, rows,
                                head[0].in);
}

static void wt_head_back(wt_pass *pass, int lane_windows, wt_real *const *gradients) {
    const wt_convolution *head = pass->network->head;
    wt_for_tiles(pass, wt_head_back_tile, 0, 0);
    wt_second_round round = {NULL, 0, 0, {0}};
    wt_add_job(&round.jobs, &head[1], &pass->hidden, 0, &pass->logits, 0, true);
    wt_add_job(&round.jobs, &head[0], &pass->skip, 0, &pass->dhidden, 0, true);
    wt_run_second_round(pass, &round, lane_windows, gradients);
}

/* --- blocks --- */

/* First round: dz of the block's output rows, and through the activation. */
static void wt_block_dz_tile(const wt_pass *pass, int l, int window, int first, int rows) {
    const wt_block *block = &pass->network->blocks[l];
    const wt_kernels *kernels = pass->kernels;
    wt_real *dz = pass->scratch + (size_t)omp_get_thread_num() * pass->scratch_each;
    memset(dz, 0, (size_t)rows * (size_t)block->gate * sizeof *dz);
    if (block->residual.weight >= 0) {
        kernels->convolve_back(dz, block->gate, wt_row(&pass->dh_out, window, first), block->residual.out,
                               wt_pass_transposed(pass, block->residual.weight), 0, rows, rows, block->gate,
                               block->residual.out, 1, 1);
    }
    int from = first < block->lead ? block->lead : first, count = first + rows - from;
    if (count > 0) {
        kernels->convolve_back(dz + (size_t)(from - first) * (size_t)block->gate, block->gate,
                               wt_row(&pass->dskip, window, from - block->lead), block->skip.out,
                               wt_pass_transposed(pass, block->skip.weight), 0, count, count, block->gate,
                               block->skip.out, 1, 1);
    }
    kernels->activate_back(wt_row(&pass->blocks[l].act, window, first), block->conv.out, dz, block->gate,
                           rows, block->gate, block->activation);
}

/* β times what stands in rows, for a gradient that goes on to the output of the block before. */
static void wt_scale_for_block_before(const wt_pass *pass, int l, wt_real *rows, size_t count) {
    wt_real scale = (wt_real)pass->network->residual_scale;
    if (l == 0 || scale == 1) return;
    for (size_t i = 0; i < count; i++) rows[i] *= scale;
}

/* Second round: dh of the block's input rows, from the residual path and through the convolution. */
static void wt_block_dx_tile(const wt_pass *pass, int l, int window, int first, int rows) {
    const wt_block *block = &pass->network->blocks[l];
    int reach = (block->conv.taps - 1) * block->conv.dilation, width = block->conv.in;
    size_t row = (size_t)width;
    wt_real *dx = wt_row(&pass->dh_in, window, first);
    int before = first < reach ? (reach - first < rows ? reach - first : rows)
                               : 0; /* rows without residual path */
    if (block->residual.weight < 0) before = rows;
    memset(dx, 0, (size_t)before * row * sizeof *dx);
    if (before < rows) {
        memcpy(dx + (size_t)before * row, wt_row(&pass->dh_out, window, first + before - reach),
               (size_t)(rows - before) * row * sizeof *dx);
    }
    int total = wt_pass_targets(pass, window) + block->lead;
    pass->kernels->convolve_back(dx, width, wt_row(&pass->blocks[l].act, window, 0), block->conv.out,
                                 wt_pass_transposed(pass, block->conv.weight), first, rows, total, width,
                                 block->conv.out, block->conv.taps, block->conv.dilation);
    if (block->rechannel.weight < 0) wt_scale_for_block_before(pass, l, dx, (size_t)rows * row);
}

static void wt_rechannel_dx_tile(const wt_pass *pass, int l, int window, int first, int rows) {
    const wt_convolution *rechannel = &pass->network->blocks[l].rechannel;
    wt_real *dx = wt_row(&pass->dh_out, window, first);
    wt_back_tile(pass, rechannel, dx, wt_row(&pass->dh_in, window, first), rows);
    wt_scale_for_block_before(pass, l, dx, (size_t)rows * (size_t)rechannel->in);
}

/* The gradient by b_s is α^(blocks after l)·Σ_t dskip: the sums are made once for a lane. */
static void wt_skip_bias(const wt_pass *pass, int l, int lanes, double factor, wt_real *const *gradients) {
    const wt_convolution *skip = &pass->network->blocks[l].skip;
    size_t offset = pass->network->parameters.entries[skip->bias].offset;
    for (int lane = 0; lane < lanes; lane++) {
        const wt_real *sums = pass->bias_sums + (size_t)lane * (size_t)skip->out;
        for (int c = 0; c < skip->out; c++) gradients[lane][offset + (size_t)c] += (wt_real)factor * sums[c];
    }
}

static void wt_sum_skip_bias(wt_pass *pass, int lane_windows) {
    int width = pass->network->skip_channels;
    memset(pass->bias_sums, 0, (size_t)(pass->windows / lane_windows) * (size_t)width * sizeof(wt_real));
#pragma omp parallel for schedule(static) num_threads(pass->threads)
    for (int lane = 0; lane < pass->windows / lane_windows; lane++) {
        for (int window = lane * lane_windows; window < (lane + 1) * lane_windows; window++) {
            pass->kernels->column_sums(pass->bias_sums + (size_t)lane * (size_t)width,
                                       wt_row(&pass->dskip, window, 0), width, wt_pass_targets(pass, window),
                                       width);
        }
    }
}

/* dskip ← α·dskip, on the way from a block to the one before. */
static void wt_scale_skip_tile(const wt_pass *pass, int l, int window, int first, int rows) {
    (void)l;
    int width = pass->network->skip_channels;
    wt_real *dskip = wt_row(&pass->dskip, window, first);
    pass->kernels->scale(dskip, width, dskip, width, rows, width, (wt_real)pass->network->skip_scale);
}

/* Leaves the gradient by the input of block l (of its rechannel, where it has one) in dh_out. */
static void wt_block_back(wt_pass *pass, int l, int lane_windows, wt_real *const *gradients) {
    const wt_block *block = &pass->network->blocks[l];
    const wt_block_rows *rows = &pass->blocks[l];
    int lead_in = wt_block_lead_in(block);
    pass->dh_in.channels = block->conv.in;
    wt_for_tiles(pass, wt_block_dz_tile, l, block->lead);
    wt_second_round round = {wt_block_dx_tile, l, lead_in, {0}};
    wt_add_job(&round.jobs, &block->conv, &rows->h, 0, &rows->act, block->lead, true);
    if (block->residual.weight >= 0) {
        wt_add_job(&round.jobs, &block->residual, &rows->z, 0, &pass->dh_out, block->lead, true);
    }
    wt_add_job(&round.jobs, &block->skip, &rows->z, block->lead, &pass->dskip, 0, false);
    wt_run_second_round(pass, &round, lane_windows, gradients);
    if (block->rechannel.weight >= 0) {
        pass->dh_out.channels = block->rechannel.in;
        wt_second_round before = {wt_rechannel_dx_tile, l, lead_in, {0}};
        wt_add_job(&before.jobs, &block->rechannel, &rows->wide, 0, &pass->dh_in, lead_in, true);
        wt_run_second_round(pass, &before, lane_windows, gradients);
    } else {
        wt_rows in = pass->dh_in;
        pass->dh_in = pass->dh_out;
        pass->dh_out = in;
    }
}

/* --- input --- */

/* One panel of output channels of a one-hot input's table: a scatter in the order of time. */
static void wt_embed_task(const wt_pass *pass, int panel, int lane, int lane_windows, wt_real *gradient) {
    const wt_convolution *input = &pass->network->input;
    const wt_parameter *entries = pass->network->parameters.entries;
    int o0 = panel * WT_PANEL, out = input->out - o0 < WT_PANEL ? input->out - o0 : WT_PANEL;
    for (int window = lane * lane_windows; window < (lane + 1) * lane_windows; window++) {
        int targets = wt_pass_targets(pass, window);
        if (!targets) continue;
        int rows = targets + pass->network->input_lead;
        const wt_real *dy = wt_row(&pass->dh_out, window, 0) + o0;
        const int32_t *classes = pass->batch->classes +
                                 (size_t)(pass->first + window) * (size_t)wt_batch_rows(pass->batch);
        pass->kernels->embed_weights(gradient + entries[input->weight].offset + o0, input->out, classes, dy,
                                     input->out, rows, input->in, out, input->taps);
        pass->kernels->column_sums(gradient + entries[input->bias].offset + o0, dy, input->out, rows, out);
    }
}

static void wt_input_back(const wt_pass *pass, int lane_windows, wt_real *const *gradients) {
    const wt_network *network = pass->network;
    if (network->input_kind == WT_INPUT_CLASS) {
        int panels = wt_panels(network->input.out), lanes = pass->windows / lane_windows;
#pragma omp parallel for schedule(dynamic) num_threads(pass->threads)
        for (int i = 0; i < lanes * panels; i++) {
            wt_embed_task(pass, i % panels, i / panels, lane_windows, gradients[i / panels]);
        }
        return;
    }
    const wt_batch *batch = pass->batch;
    size_t stride = (size_t)wt_batch_rows(batch) * (size_t)batch->channels;
    wt_rows signal = {batch->signal + (size_t)pass->first * stride, stride, batch->channels};
    wt_second_round round = {NULL, 0, 0, {0}};
    wt_add_job(&round.jobs, &network->input, &signal, 0, &pass->dh_out, network->input_lead, true);
    wt_run_second_round(pass, &round, lane_windows, gradients);
}

/* Everything from the tensor `first` on is finished; `end` is where the range before began. Returns where
 * this one begins. */
static size_t wt_tell_ready(const wt_pass *pass, int first, size_t end) {
    size_t offset = pass->network->parameters.entries[first].offset;
    if (pass->listener && pass->listener->ready) {
        pass->listener->ready(pass->listener->context, offset, end - offset);
    }
    return offset;
}

void wt_pass_backward(wt_pass *pass, int lane_windows, wt_real *const *gradients,
                      const wt_pass_listener *listener) {
    const wt_network *network = pass->network;
    pass->listener = listener;
    pass->dh_out = pass->dh[0];
    pass->dh_in = pass->dh[1];
    wt_head_back(pass, lane_windows, gradients);
    size_t finished = wt_tell_ready(pass, network->head[0].weight, network->parameters.total);
    wt_sum_skip_bias(pass, lane_windows);
    double factor = 1.0;
    for (int l = network->block_count - 1; l >= 0; l--) {
        const wt_block *block = &network->blocks[l];
        wt_skip_bias(pass, l, pass->windows / lane_windows, factor, gradients);
        wt_block_back(pass, l, lane_windows, gradients);
        int first = block->rechannel.weight >= 0 ? block->rechannel.weight : block->conv.weight;
        finished = wt_tell_ready(pass, first, finished);
        factor *= network->skip_scale;
        if (l > 0 && network->skip_scale != 1.0) wt_for_tiles(pass, wt_scale_skip_tile, 0, 0);
    }
    wt_input_back(pass, lane_windows, gradients);
    wt_tell_ready(pass, network->input.weight, finished);
    pass->listener = NULL;
}
