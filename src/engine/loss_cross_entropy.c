/* Softmax and cross-entropy: targets are classes. */
#include "losses.h"

static double score(const wt_kernels *kernels, const wt_mixture *mixture, const wt_loss_rows *rows,
                    bool gradient) {
    (void)mixture;
    return kernels->cross_entropy(rows->y, rows->outputs, rows->target, rows->rows, rows->outputs, gradient);
}

const wt_loss_class wt_loss_cross_entropy = {"cross-entropy", score, NULL, NULL};
