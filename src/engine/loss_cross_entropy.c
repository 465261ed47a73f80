/* Softmax and cross-entropy: targets are classes. */
#include "losses.h"

static double score_cross_entropy(const wt_loss_call *call, const wt_loss_rows *rows) {
    return call->kernels->losses.cross_entropy(rows->y, rows->outputs, rows->target, rows->rows,
                                               rows->outputs, call->gradient);
}

const wt_loss_class wt_loss_cross_entropy = {.name = "cross-entropy", .score = score_cross_entropy};
