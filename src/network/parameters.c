/* Tensors between the flat buffer's order [tap][in][out] and PyTorch's [out][in][tap]; an embedding's rows
 * are the same in both. */
#include <string.h>

#include "wavetrain/network.h"

static void reorder_weight(const wt_parameter *parameter, const wt_real *from, wt_real *to, bool to_torch) {
    if (parameter->rank == 1 || wt_parameter_is_table(parameter)) {
        memcpy(to, from, parameter->count * sizeof *to);
        return;
    }
    size_t out = (size_t)parameter->shape[0], in = (size_t)parameter->shape[1];
    size_t taps = parameter->rank == 3 ? (size_t)parameter->shape[2] : 1;
    for (size_t o = 0; o < out; o++) {
        for (size_t i = 0; i < in; i++) {
            for (size_t j = 0; j < taps; j++) {
                size_t torch = (o * in + i) * taps + j, flat = (j * in + i) * out + o;
                to[to_torch ? torch : flat] = from[to_torch ? flat : torch];
            }
        }
    }
}

void wt_parameter_export(const wt_parameter *parameter, const wt_real *flat, wt_real *torch) {
    reorder_weight(parameter, flat, torch, true);
}

void wt_parameter_import(const wt_parameter *parameter, const wt_real *torch, wt_real *flat) {
    reorder_weight(parameter, torch, flat, false);
}
