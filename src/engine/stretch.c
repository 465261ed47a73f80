/*
 * How frames become samples, learnt: for each scale s a value is repeated s times and then filtered by 2s + 1
 * taps without a bias, the same for all channels; what is outside is as the frames beyond the ends are
 * (Yamamoto et al. 2020, arXiv 1910.11480, after Odena et al. 2016). From u_0 = the frames,
 *   v_k[p] = u_{k−1}[⌊p/s_k⌋],   u_k[p] = Σ_d w_k[d]·v_k[p + d − s_k],   d = 0 … 2·s_k
 * It acts on time alone, so sample
 * hop·i + r of u_n is Σ_j k[r][j]·x[i − J + j] with weights k that depend on the filters alone: k[r][j] is
 * what an impulse in frame j gives at sample r of frame J, of 2J + 1 = taps frames. The output holds k twice,
 * as [taps][hop] and as [hop][taps], a layout for each direction of upsample.c; the gradient by k stands in
 * the second half.
 */
#include <string.h>

#include "operators.h"

enum { SCALES = 4 };

typedef struct {
    int taps, hop, scales;
    int scale[SCALES];    /* s_k */
    int size[SCALES + 1]; /* of level k: taps·s_1 … s_k; the last is taps·hop */
} levels;

static int find_scale(const wt_graph *graph, int tensor) {
    return (int)(graph->tensors[tensor].shape[2] - 1) / 2;
}

static levels levels_of(const wt_graph *graph, const wt_op *o) {
    levels l = {.taps = o->taps, .hop = graph->framing.hop, .size = {o->taps}};
    for (int k = 0; k < SCALES && o->tensors[k] >= 0; k++) {
        l.scale[k] = find_scale(graph, o->tensors[k]);
        l.size[k + 1] = l.size[k] * l.scale[k];
        l.scales = k + 1;
    }
    return l;
}

/* Elements of all levels of one impulse. */
static size_t chain_size(const levels *l) {
    size_t size = 0;
    for (int k = 0; k <= l->scales; k++) size += (size_t)l->size[k];
    return size;
}

/* --- forward --- */

/* u_k from u_{k−1}; what is outside counts as 0, and is too far from the frame in the middle to matter. */
static void stretch_phases(wt_real *to, const wt_real *from, const wt_real *w, int size, int scale) {
    for (int p = 0; p < size; p++) {
        wt_real sum = 0;
        for (int d = 0; d <= 2 * scale; d++) {
            const int q = p + d - scale;
            if (q >= 0 && q < size) sum += w[d] * from[q / scale];
        }
        to[p] = sum;
    }
}

/* In the operator's memory: k in both layouts, then of each impulse all levels. */
static int memory(const wt_graph *graph, const wt_op *o) {
    (void)graph;
    return 1 + (SCALES + 1) * o->taps;
}

static void load_stretch(wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    const levels l = levels_of(e->graph, o);
    const size_t half = (size_t)l.taps * (size_t)l.hop;
    wt_real *k = e->arena + e->plan->ops[op].memory_at, *u = k + 2 * half;
    for (int j = 0; j < l.taps; j++) {
        memset(u, 0, (size_t)l.taps * sizeof *u);
        u[j] = 1;
        for (int n = 0; n < l.scales; u += l.size[n++])
            stretch_phases(u + l.size[n], u, wt_engine_tensor(e, o->tensors[n]), l.size[n + 1], l.scale[n]);
        const wt_real *middle = u + (l.taps / 2) * l.hop;
        for (int r = 0; r < l.hop; r++) k[j * l.hop + r] = k[half + (size_t)(r * l.taps + j)] = middle[r];
        u += l.size[l.scales];
    }
}

static void forward_stretch(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const size_t count = (size_t)wt_engine_value(e, o->output)->channels;
    memcpy(wt_engine_value_row(e, tile, o->output, 0), e->arena + e->plan->ops[op].memory_at,
           count * sizeof(wt_real));
}

/* --- gradients --- */

static int panels(const wt_graph *graph, const wt_op *o) {
    (void)graph;
    return o->tensors[0] >= 0;
}

/* From the gradient by u_k to that by w_k, which is added, and by u_{k−1}. */
static void stretch_back(wt_real *dw, wt_real *d_from, const wt_real *d_to, const wt_real *from,
                         const wt_real *w, int size, int scale) {
    memset(d_from, 0, (size_t)(size / scale) * sizeof *d_from);
    for (int d = 0; d <= 2 * scale; d++) {
        double sum = 0;
        for (int p = 0; p < size; p++) {
            const int q = p + d - scale;
            if (q < 0 || q >= size) continue;
            sum += (double)d_to[p] * (double)from[q / scale];
            d_from[q / scale] += w[d] * d_to[p];
        }
        dw[d] += (wt_real)sum;
    }
}

/* The microbatch's gradient by k [hop, taps], in `sum`. */
static void add_windows(const wt_engine *e, const wt_op *o, const wt_tile *tile, wt_real *sum, size_t half) {
    wt_tile window = *tile;
    memset(sum, 0, half * sizeof *sum);
    window.group *= e->microbatch_windows;
    for (; window.group < wt_engine_microbatch_end(e, tile->group); window.group++) {
        if (wt_engine_window_targets(e, window.group) == 0) continue;
        e->kernels->flat.add(sum, wt_engine_gradient_row(e, &window, o->output, 0) + half, half);
    }
}

/* All filters of a microbatch: impulse after impulse, from the last scale to the first. */
static void panel(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const levels l = levels_of(e->graph, o);
    const size_t half = (size_t)l.taps * (size_t)l.hop, each = chain_size(&l);
    wt_tile first = *tile;
    first.group *= e->microbatch_windows;
    wt_real *sum = wt_engine_row(e, &first, e->plan->ops[op].state, 0, (int)(3 * half));
    wt_real *gradient = e->back.gradients[tile->group];
    add_windows(e, o, tile, sum, half);
    for (int k = 0; k < l.scales; k++) {
        const wt_parameter *filter = &e->graph->tensors[o->tensors[k]];
        memset(gradient + filter->offset, 0, filter->count * sizeof *gradient);
    }
    for (int j = 0; j < l.taps; j++) {
        const wt_real *u = e->arena + e->plan->ops[op].memory_at + 2 * half + (size_t)j * each;
        wt_real *d = sum + half, *d_from = d + half;
        memset(d, 0, half * sizeof *d);
        for (int r = 0; r < l.hop; r++) d[(l.taps / 2) * l.hop + r] = sum[r * l.taps + j];
        const wt_real *level = u + each - (size_t)l.size[l.scales];
        for (int k = l.scales - 1; k >= 0; k--) {
            level -= l.size[k];
            stretch_back(gradient + e->graph->tensors[o->tensors[k]].offset, d_from, d, level,
                         wt_engine_tensor(e, o->tensors[k]), l.size[k + 1], l.scale[k]);
            wt_real *swap = d;
            d = d_from;
            d_from = swap;
        }
    }
}

const wt_op_class wt_class_stretch = {.flags = WT_STATE_STRETCH,
                                      .forward = forward_stretch,
                                      .panel = panel,
                                      .panels = panels,
                                      .memory = memory,
                                      .load = load_stretch};
