/*
 * First parameters. Each element is drawn by a key of its own (seed, tensor's name, PyTorch's element), so
 * that they depend neither on layouts nor on ranks; kinds of draws as torch.nn.init has them.
 */
#include <math.h>

#include "base/random.h"
#include "network/network_model.h"
#include "network_internal.h"
#include "wavetrain/network.h"

/* PyTorch's number of the flat element `at` of a tensor. */
static size_t find_torch_element(const wt_parameter *parameter, size_t at) {
    if (parameter->rank == 1 || wt_parameter_is_table(parameter)) return at;
    size_t out = (size_t)parameter->shape[0], in = (size_t)parameter->shape[1];
    size_t taps = parameter->rank == 3 ? (size_t)parameter->shape[2] : 1;
    size_t o = at % out, i = at / out % in, j = at / out / in;
    return (o * in + i) * taps + j;
}

/* How a tensor's elements are drawn. */
typedef struct {
    enum { WT_DRAW_CONSTANT, WT_DRAW_UNIFORM, WT_DRAW_NORMAL } kind;
    double scale; /* the constant, the bound or the deviation */
} wt_draw;

static wt_draw choose_weight_draw(const wt_initial *initial, const wt_parameter *parameter) {
    const double fan_in = parameter->fan_in;
    const double fan_out = (double)parameter->shape[0] *
                           (parameter->rank == 3 ? (double)parameter->shape[2] : 1);
    switch (initial->kind) {
    case WT_INITIAL_KAIMING: return (wt_draw){WT_DRAW_NORMAL, initial->gain / sqrt(fan_in)};
    case WT_INITIAL_XAVIER: return (wt_draw){WT_DRAW_UNIFORM, initial->gain * sqrt(6.0 / (fan_in + fan_out))};
    case WT_INITIAL_NORMAL: return (wt_draw){WT_DRAW_NORMAL, 1.0 / sqrt(fan_in)};
    case WT_INITIAL_DEFAULT: break;
    }
    return (wt_draw){WT_DRAW_UNIFORM, 1.0 / sqrt(fan_in)};
}

static wt_draw choose_draw(const wt_initial *initial, const wt_parameter *parameter) {
    wt_draw draw;
    switch (parameter->role) {
    case WT_ROLE_WEIGHT:
        draw = choose_weight_draw(initial, parameter);
        if (parameter->last) draw.scale *= initial->output_scale;
        return draw;
    case WT_ROLE_EMBEDDING: return (wt_draw){WT_DRAW_NORMAL, 1};
    case WT_ROLE_SPEAKER: return (wt_draw){WT_DRAW_NORMAL, 0.1};
    case WT_ROLE_FILTER: return (wt_draw){WT_DRAW_CONSTANT, 1.0 / parameter->fan_in};
    case WT_ROLE_BIAS:
        if (initial->kind != WT_INITIAL_DEFAULT) break;
        return (wt_draw){WT_DRAW_UNIFORM, 1.0 / sqrt((double)parameter->fan_in)};
    case WT_ROLE_NORM_WEIGHT:
    case WT_ROLE_RUNNING_VARIANCE: return (wt_draw){WT_DRAW_CONSTANT, 1};
    case WT_ROLE_NORM_BIAS:
    case WT_ROLE_RUNNING_MEAN: break;
    }
    return (wt_draw){WT_DRAW_CONSTANT, 0};
}

/* What is added to the first bias of output `o` of a mixture: ln s of the components, in even steps. */
static double first_scale(const wt_network *network, int o) {
    const double low = network->traits.codes ? -8 : -3, high = network->traits.codes ? -2 : 0;
    if (network->traits.head_kind != WT_HEAD_LOGISTICS && network->traits.head_kind != WT_HEAD_GAUSSIAN)
        return 0;
    const int each = network->traits.outputs / network->traits.values, K = each > 2 ? each / 3 : 1;
    const int k = o % each - (each - K);
    return k < 0 ? 0 : K == 1 ? (low + high) / 2 : low + (high - low) * k / (K - 1);
}

void wt_network_initialise(const wt_network *network, wt_real *parameters, uint64_t seed) {
    for (int p = 0; p < network->parameters.count; p++) {
        const wt_parameter *parameter = &network->parameters.entries[p];
        const uint64_t name = wt_hash_string(parameter->name, 0).low;
        const wt_draw draw = choose_draw(&network->initial, parameter);
        for (size_t i = 0; i < parameter->count; i++) {
            const uint64_t element = find_torch_element(parameter, i);
            double value = draw.scale;
            if (draw.kind == WT_DRAW_NORMAL) {
                value *= wt_random_normal(seed, WT_RANDOM_INITIAL, name, element);
            } else if (draw.kind == WT_DRAW_UNIFORM) {
                value *= 2.0 * wt_random_uniform(seed, WT_RANDOM_INITIAL, name, element) - 1.0;
            }
            if (parameter->last && parameter->role == WT_ROLE_BIAS) value += first_scale(network, (int)i);
            parameters[parameter->offset + i] = (wt_real)value;
        }
    }
}
