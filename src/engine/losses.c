/* The table of losses, and what their draws share. */
#include "losses.h"

#include <math.h>

#include "base/random.h"
#include "engine_internal.h"

const wt_loss_class *const wt_loss_classes[WT_LOSSES] = {
    [WT_LOSS_CROSS_ENTROPY] = &wt_loss_cross_entropy, [WT_LOSS_SQUARED_ERROR] = &wt_loss_squared_error,
    [WT_LOSS_LOGISTICS] = &wt_loss_logistics,         [WT_LOSS_GAUSSIANS] = &wt_loss_gaussians,
    [WT_LOSS_SPECTRAL] = &wt_loss_spectral,
};

bool wt_loss_takes_windows(const wt_engine *e, const wt_op *o) {
    return o->kind == WT_OP_LOSS && e->shape.backward && wt_loss_classes[o->loss]->scratch;
}

/* Two counters per value: one for the component, one for the value. */
static uint64_t draw_counter(const wt_draw_key *key, const wt_mixture *mixture, int c, int use) {
    return ((uint64_t)key->index * (uint64_t)mixture->channels + (uint64_t)c) * 2 + (uint64_t)use;
}

double wt_loss_draw_uniform(const wt_draw_key *key, const wt_mixture *mixture, int c, int use) {
    return wt_random_uniform(key->seed, WT_RANDOM_GENERATE, key->stream, draw_counter(key, mixture, c, use));
}

double wt_loss_draw_normal(const wt_draw_key *key, const wt_mixture *mixture, int c, int use) {
    return wt_random_normal(key->seed, WT_RANDOM_GENERATE, key->stream, draw_counter(key, mixture, c, use));
}

int wt_loss_draw_component(const wt_draw_key *key, const wt_mixture *mixture, int c, const wt_real *logits) {
    int best = 0;
    double sum = 0, walked = 0;
    if (mixture->components == 1) return 0;
    for (int k = 1; k < mixture->components; k++) best = logits[k] > logits[best] ? k : best;
    if (key->temperature <= 0) return best;
    double weight[WT_COMPONENTS_MAX];
    for (int k = 0; k < mixture->components; k++)
        sum += weight[k] = exp(((double)logits[k] - (double)logits[best]) / key->temperature);
    const double drawn = sum * wt_loss_draw_uniform(key, mixture, c, 0);
    for (int k = 0; k < mixture->components; k++) {
        walked += weight[k];
        if (walked > drawn) return k;
    }
    return best; /* rounding left nothing */
}

/* The mean that an output stands for. */
static double component_mean(const wt_mixture *mixture, double output) {
    const double o = fmax(-WT_MEAN_CEILING, fmin(output, WT_MEAN_CEILING));
    return mixture->unit * (mixture->curved ? sinh(o) : output);
}

void wt_loss_draw_mixture(const wt_mixture *mixture, const wt_draw_key *key, const wt_real *outputs,
                          int count, wt_real *values,
                          double (*unit)(const wt_draw_key *, const wt_mixture *, int c), double lowest) {
    const int K = mixture->components, each = count / mixture->channels;
    for (int c = 0; c < mixture->channels; c++) {
        const wt_real *y = outputs + c * each;
        const int k = wt_loss_draw_component(key, mixture, c, y);
        const double scale = exp(fmin(fmax((double)y[each - K + k], lowest), WT_SCALE_CEILING));
        const double drawn = key->temperature > 0 ? unit(key, mixture, c) : 0;
        const double mean = component_mean(mixture, (double)y[each - 2 * K + k]);
        values[c] = (wt_real)(mean + key->temperature * scale * drawn);
    }
}

double wt_engine_round(const wt_graph *graph, double value) {
    const double step = 2 * wt_graph_loss(graph)->mixture.half;
    if (step <= 0) return value;
    const double code = floor(value / step + 0.5), last = 1 / step - 1;
    return (code < -last - 1 ? -last - 1 : code > last ? last : code) * step;
}

wt_status wt_engine_draw(const wt_graph *graph, const wt_draw_key *key, const wt_real *outputs,
                         wt_real *values) {
    const wt_op *loss = wt_graph_loss(graph);
    const int count = graph->values[graph->outputs].channels;
    WT_CHECK(wt_loss_classes[loss->loss]->draw, WT_FAILED, "classes are no values to draw");
    for (int o = 0; o < count; o++) {
        WT_CHECK(isfinite(outputs[o]), WT_FAILED, "the network's output is not finite at sample %lld",
                 (long long)key->index);
    }
    wt_loss_classes[loss->loss]->draw(&loss->mixture, key, outputs, count, values);
    return WT_OK;
}

void wt_loss_mixture_mean(const wt_mixture *mixture, const wt_real *outputs, int count, wt_real *values) {
    const int K = mixture->components, each = count / mixture->channels;
    for (int c = 0; c < mixture->channels; c++) {
        const wt_real *y = outputs + c * each, *mean = y + each - 2 * K;
        double weight = 0, sum = 0, largest = (double)y[0];
        for (int k = 1; K > 1 && k < K; k++) largest = (double)y[k] > largest ? (double)y[k] : largest;
        for (int k = 0; k < K; k++) {
            const double w = K > 1 ? exp((double)y[k] - largest) : 1;
            weight += w;
            sum += w * component_mean(mixture, (double)mean[k]);
        }
        values[c] = (wt_real)(sum / weight);
    }
}

void wt_engine_mean(const wt_graph *graph, const wt_real *outputs, wt_real *values) {
    const wt_op *loss = wt_graph_loss(graph);
    wt_loss_classes[loss->loss]->mean(&loss->mixture, outputs, graph->values[graph->outputs].channels,
                                      values);
}

int wt_engine_values(const wt_graph *graph) {
    return wt_graph_loss(graph)->mixture.channels;
}
