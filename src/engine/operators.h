/* The classes, a file each. */
#ifndef WAVETRAIN_ENGINE_OPERATORS_H
#define WAVETRAIN_ENGINE_OPERATORS_H

#include "engine_internal.h"

extern const wt_op_class wt_class_lookup, wt_class_unfold, wt_class_product, wt_class_activation,
    wt_class_gate, wt_class_layer_norm, wt_class_batch_norm, wt_class_dropout, wt_class_fuse, wt_class_sum,
    wt_class_readout, wt_class_loss;

#endif
