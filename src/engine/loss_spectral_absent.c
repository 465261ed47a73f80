/* In place of the spectral loss, in a build without FFTW: it can be evaluated, and not be trained. */
#include "losses.h"

static wt_status prepare(void **tools, int rows) {
    (void)rows;
    *tools = NULL;
    return wt_error(WT_USAGE,
                    "model.spectral_weight: this build has no spectra (expected a build with FFTW, or 0)");
}

static void release(void *tools) {
    (void)tools;
}

static size_t scratch(int rows) {
    (void)rows;
    return 1;
}

static double score(const wt_loss_call *call, const wt_loss_rows *rows) {
    return wt_loss_squared_error.score(call, rows);
}

const wt_loss_class wt_loss_spectral = {.name = "squared error and spectra",
                                        .score = score,
                                        .draw = wt_loss_draw_output,
                                        .mean = wt_loss_output_mean,
                                        .prepare = prepare,
                                        .release = release,
                                        .scratch = scratch};
