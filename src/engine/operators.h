/* The classes, a file each, and the table of them. */
#ifndef WAVETRAIN_ENGINE_OPERATORS_H
#define WAVETRAIN_ENGINE_OPERATORS_H

#include "engine_internal.h"

extern const wt_op_class wt_class_lookup, wt_class_unfold, wt_class_product, wt_class_activation,
    wt_class_gate, wt_class_leaky_relu, wt_class_hardtanh, wt_class_sigmoid, wt_class_silu,
    wt_class_hardswish, wt_class_softsign, wt_class_layer_norm, wt_class_batch_norm, wt_class_dropout,
    wt_class_fuse, wt_class_sum, wt_class_stretch, wt_class_upsample, wt_class_readout, wt_class_loss;

extern const wt_op_class *const wt_op_classes[WT_OPERATORS];

static inline const wt_op_class *wt_engine_op_class(const wt_graph *graph, int op) {
    return wt_op_classes[graph->ops[op].kind];
}

#endif
