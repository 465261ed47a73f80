/*
 * Softmax and cross-entropy: targets are classes. With weights a target's loss and gradient are those of its
 * class times its weight (PyTorch's CrossEntropyLoss(weight, reduction="sum")). Labels come in runs, so the
 * kernel is called for neighbours of one class together.
 */
#include "losses.h"

static double score_run(const wt_loss_call *call, const wt_loss_rows *rows, int first, int count) {
    return call->kernels->losses.cross_entropy(rows->y + (ptrdiff_t)first * rows->outputs, rows->outputs,
                                               rows->target + first, count, rows->outputs, call->gradient);
}

static double score_cross_entropy(const wt_loss_call *call, const wt_loss_rows *rows) {
    double loss = 0;
    if (!call->weights) return score_run(call, rows, 0, rows->rows);
    for (int first = 0, end; first < rows->rows; first = end) {
        const int32_t class = rows->target[first];
        const wt_real weight = class >= 0 ? call->weights[class] : 0;
        for (end = first + 1; end < rows->rows && rows->target[end] == class;) end++;
        loss += (double)weight * score_run(call, rows, first, end - first);
        wt_real *gradient = rows->y + (ptrdiff_t)first * rows->outputs;
        for (ptrdiff_t i = 0; call->gradient && i < (ptrdiff_t)(end - first) * rows->outputs; i++)
            gradient[i] *= weight;
    }
    return loss;
}

const wt_loss_class wt_loss_cross_entropy = {.name = "cross-entropy", .score = score_cross_entropy};
