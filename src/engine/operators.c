/* The table of operators' classes. */
#include "operators.h"

const wt_op_class *const wt_op_classes[WT_OPERATORS] = {
    [WT_OP_LOOKUP] = &wt_class_lookup,
    [WT_OP_UNFOLD] = &wt_class_unfold,
    [WT_OP_PRODUCT] = &wt_class_product,
    [WT_OP_ACTIVATION] = &wt_class_activation,
    [WT_OP_GATE] = &wt_class_gate,
    [WT_OP_LEAKY_RELU] = &wt_class_leaky_relu,
    [WT_OP_HARDTANH] = &wt_class_hardtanh,
    [WT_OP_SIGMOID] = &wt_class_sigmoid,
    [WT_OP_SILU] = &wt_class_silu,
    [WT_OP_HARDSWISH] = &wt_class_hardswish,
    [WT_OP_SOFTSIGN] = &wt_class_softsign,
    [WT_OP_LAYER_NORM] = &wt_class_layer_norm,
    [WT_OP_BATCH_NORM] = &wt_class_batch_norm,
    [WT_OP_DROPOUT] = &wt_class_dropout,
    [WT_OP_FUSE] = &wt_class_fuse,
    [WT_OP_SUM] = &wt_class_sum,
    [WT_OP_STRETCH] = &wt_class_stretch,
    [WT_OP_UPSAMPLE] = &wt_class_upsample,
    [WT_OP_READOUT] = &wt_class_readout,
    [WT_OP_LOSS] = &wt_class_loss,
};

const wt_op_class wt_class_fuse = {.flags = WT_GRADIENT_IN_PLACE}; /* a view */
