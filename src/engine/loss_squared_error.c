/* Squared error: an output for each value. */
#include "losses.h"

static double score_squared_error(const wt_loss_call *call, const wt_loss_rows *rows) {
    const wt_kernels *kernels = call->kernels;
    const int channels = call->op->mixture.channels;
    double loss = 0;
    if (channels == 1)
        return kernels->losses.squared_error(rows->y, rows->outputs, rows->value, rows->target, rows->rows,
                                             call->gradient);
    for (ptrdiff_t t = 0; t < rows->rows; t++) {
        for (int c = 0; c < channels; c++)
            loss += kernels->losses.squared_error(rows->y + t * rows->outputs + c, rows->outputs,
                                                  rows->value + t * channels + c, rows->target + t, 1,
                                                  call->gradient);
    }
    return loss;
}

/* The mean itself: squared error says nothing of how far values lie from it. */
void wt_loss_draw_output(const wt_mixture *mixture, const wt_draw_key *key, const wt_real *outputs, int count,
                         wt_real *values) {
    (void)key, (void)mixture;
    for (int c = 0; c < count; c++) values[c] = outputs[c];
}

void wt_loss_output_mean(const wt_mixture *mixture, const wt_real *outputs, int count, wt_real *values) {
    (void)mixture;
    for (int c = 0; c < count; c++) values[c] = outputs[c];
}

const wt_loss_class wt_loss_squared_error = {.name = "squared error",
                                             .score = score_squared_error,
                                             .draw = wt_loss_draw_output,
                                             .mean = wt_loss_output_mean};
