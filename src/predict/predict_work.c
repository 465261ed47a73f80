/*
 * A step's work, counted by kind, of the rank that has most lanes. Counts are of what the kernels do: a product's narrow
 * sides are filled up to vectors, context rows are computed too. They need not be exact, since rates are fitted to these very
 * counts; they must grow with a configuration as its time does.
 */
#include <math.h>
#include <string.h>

#include "predict_internal.h"
#include "wavetrain/optim.h"

enum {
    WT_VECTOR = 16,     /* floats of the widest vectors */
    WT_TILE_ROWS = 384, /* pass_internal.h: rows of a unit, about, */
    WT_PART_ROWS = 768, /* and of a partial gradient */
    WT_LEVEL_TILE = 64  /* hierarchy_internal.h: targets of a unit */
};

static double wt_filled(int channels) {
    return (channels + WT_VECTOR - 1) / WT_VECTOR * WT_VECTOR;
}

/* Forward, and the gradients by the input and by the weights. */
static double wt_product_operations(const wt_convolution *c, double rows) {
    if (c->weight < 0) return 0;
    return 2.0 * rows * c->taps * (2.0 * c->in * wt_filled(c->out) + c->out * wt_filled(c->in));
}

/* Shares operations out to the two nearest widths that have rates, by the logarithm. */
static void wt_add_product(double *work, const wt_convolution *c, double rows) {
    enum { LEAST = 4, KINDS = WT_WORK_PRODUCT_256 - WT_WORK_PRODUCT_16 };
    const double operations = wt_product_operations(c, rows);
    if (operations <= 0) return;
    double place = log2(c->in < c->out ? c->in : c->out) - LEAST;
    if (place < 0) place = 0;
    if (place > KINDS) place = KINDS;
    const int below = (int)place, above = below < KINDS ? below + 1 : below;
    work[WT_WORK_PRODUCT_16 + below] += operations * (1 - (place - below));
    work[WT_WORK_PRODUCT_16 + above] += operations * (place - below);
}

/* A norm goes over its values for the statistics, and once more. */
static double wt_norm_passes(const wt_network *network) {
    return network->norm == WT_NORM_NONE ? 1 : 3;
}

/* Of one window. */
static void wt_count_blocks(double *work, const wt_network *network, int targets) {
    const double t = targets, passes = wt_norm_passes(network);
    const double input_rows = t + network->input_lead;
    if (network->input_kind == WT_INPUT_REAL) wt_add_product(work, &network->input, input_rows);
    work[WT_WORK_ELEMENT] += input_rows * network->input.out * network->input.taps;
    for (int l = 0; l < network->block_count; l++) {
        const wt_block *block = &network->blocks[l];
        const double rows = t + block->lead;
        wt_add_product(work, &block->rechannel, rows + (block->conv.taps - 1.0) * block->conv.dilation);
        wt_add_product(work, &block->conv, rows);
        wt_add_product(work, &block->residual, rows);
        wt_add_product(work, &block->skip, t);
        work[WT_WORK_ELEMENT] += rows * (passes * block->conv.out + block->conv.in);
        work[WT_WORK_UNIT] += ceil(rows / WT_TILE_ROWS);
        if (network->norm == WT_NORM_LAYER) work[WT_WORK_NORM_ROW] += rows;
    }
    for (int i = 0; i < 2; i++) wt_add_product(work, &network->head[i], t);
    work[WT_WORK_ELEMENT] += t * (network->skip_channels + network->head[0].out);
    work[WT_WORK_LOGIT] += t * network->classes;
}

/* How much of a call's values, kept for backward, lie beyond the second cache: from none at half a MiB to all at eight. */
static double wt_far_share(double values) {
    const double share = log2(values * sizeof(float) / (1 << 19)) / 4;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

/* Of `targets` targets of a call. */
static void wt_count_levels(double *work, const wt_network *network, double targets) {
    const double passes = wt_norm_passes(network);
    const double before = work[WT_WORK_LEVEL_ELEMENT];
    work[WT_WORK_LEVEL_ELEMENT] += targets * network->receptive_field * network->embedding_channels;
    work[WT_WORK_LEVEL_ELEMENT] += targets * network->classes * 2.0;
    work[WT_WORK_LEVEL_PRODUCT] += wt_product_operations(&network->output, targets);
    for (int l = 0; l < network->level_count; l++) {
        const wt_level *level = &network->levels[l];
        const double rows = targets * level->rows;
        work[WT_WORK_LEVEL_PRODUCT] += wt_product_operations(&level->linear, rows);
        work[WT_WORK_LEVEL_ELEMENT] += rows * level->linear.out * passes;
        if (network->norm == WT_NORM_LAYER) work[WT_WORK_NORM_ROW] += rows;
    }
    const double values = work[WT_WORK_LEVEL_ELEMENT] - before;
    work[WT_WORK_LEVEL_FAR] += values * wt_far_share(values);
    work[WT_WORK_LEVEL] += (network->level_count + 1.0) * (1 + ceil(targets / WT_LEVEL_TILE));
}

/* Gradients of lanes: written, their parts added up, and joined in the tree. */
static double wt_gradient_traffic(const wt_forecast_case *run, const wt_forecast *forecast, int targets) {
    const double parameters = (double)run->network->parameters.trained * sizeof(float);
    const double own = forecast->own_lanes, windows = own * forecast->lane_windows;
    const double parts = run->network->trunk == WT_TRUNK_HIERARCHY
                             ? own
                             : windows * ceil((double)targets / WT_PART_ROWS);
    return parameters * (2 * parts + own + 3 * (own - 1));
}

/* Parameters, gradient and moments of an update; the norm; both packed copies of the weights. */
static double wt_update_traffic(const wt_forecast_case *run) {
    enum { UPDATE = 3, NORM = 1, PACKING = 4 };
    int moments = 0;
    for (int m = 0; m < WT_MOMENTS; m++) moments += wt_optimizer_keeps(run->config, (wt_moment)m);
    return (double)run->network->parameters.total * sizeof(float) * (UPDATE + NORM + PACKING + 2 * moments);
}

void wt_work_count(double work[WT_WORK_KINDS], const wt_forecast_case *run, const wt_forecast *forecast) {
    const int targets = wt_network_targets(run->network, &run->config->data);
    const int own = forecast->own_lanes, at_once = forecast->lanes_at_once;
    const int lane_windows = forecast->lane_windows;
    memset(work, 0, WT_WORK_KINDS * sizeof *work);
    if (run->network->trunk == WT_TRUNK_HIERARCHY) {
        for (int lane = 0; lane < own; lane += at_once) {
            const int open = own - lane < at_once ? own - lane : at_once;
            wt_count_levels(work, run->network, (double)open * lane_windows * targets);
        }
    } else {
        wt_count_blocks(work, run->network, targets);
        for (int kind = 0; kind < WT_WORK_KINDS; kind++) work[kind] *= (double)own * lane_windows;
    }
    work[WT_WORK_GRADIENT] = wt_gradient_traffic(run, forecast, targets);
    work[WT_WORK_UPDATE] = wt_update_traffic(run);
    work[WT_WORK_STEP] = 1;
}
