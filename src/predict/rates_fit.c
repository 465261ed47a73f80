/*
 * Non-negative least squares by coordinate descent (each rate in turn becomes what fits best with the
 * others as they are, or 0), on rows that are divided by the measured time, so that each configuration's
 * relative error counts alike. The problem is convex and has a few dozen rows and a dozen unknowns, so a
 * plain method is enough; columns that are nearly alike make it slow, not wrong.
 */
#include <math.h>
#include <string.h>

#include "engine/engine.h"
#include "predict/forecast.h"
#include "predict_internal.h"

enum { WT_SWEEPS = 20000 };

/* Rows divided by the times; columns then by their norms, which keeps numbers near 1. */
typedef struct {
    double (*a)[WT_WORK_KINDS];
    double scale[WT_WORK_KINDS]; /* of a column; 0: no row has it */
    double x[WT_WORK_KINDS];
    double *left; /* 1 − a·x */
    int count;
} wt_fit;

static void fit_scale(wt_fit *fit, const double (*work)[WT_WORK_KINDS], const double *measured) {
    for (int kind = 0; kind < WT_WORK_KINDS; kind++) {
        double squares = 0;
        for (int i = 0; i < fit->count; i++) {
            fit->a[i][kind] = work[i][kind] / measured[i];
            squares += fit->a[i][kind] * fit->a[i][kind];
        }
        fit->scale[kind] = squares > 0 ? 1 / sqrt(squares) : 0;
        for (int i = 0; i < fit->count; i++) fit->a[i][kind] *= fit->scale[kind];
    }
    for (int i = 0; i < fit->count; i++) fit->left[i] = 1;
}

/* Returns how far the furthest moved. */
static double fit_sweep(wt_fit *fit) {
    double most = 0;
    for (int kind = 0; kind < WT_WORK_KINDS; kind++) {
        if (fit->scale[kind] == 0) continue;
        double move = 0;
        for (int i = 0; i < fit->count; i++) move += fit->a[i][kind] * fit->left[i];
        if (fit->x[kind] + move < 0) move = -fit->x[kind];
        fit->x[kind] += move;
        for (int i = 0; i < fit->count; i++) fit->left[i] -= fit->a[i][kind] * move;
        most = fmax(most, fabs(move));
    }
    return most;
}

wt_status wt_rates_fit(double seconds[WT_WORK_KINDS], const double (*work)[WT_WORK_KINDS],
                       const double *measured, int count) {
    wt_status status = WT_OK;
    wt_fit fit = {.count = count};
    memset(seconds, 0, WT_WORK_KINDS * sizeof *seconds);
    for (int i = 0; i < count; i++) {
        WT_CHECK(isfinite(measured[i]) && measured[i] > 0, WT_FAILED,
                 "a measured step took no time (got %g s, expected more than 0)", measured[i]);
    }
    WT_GUARD(wt_alloc(&fit.a, (size_t)count, sizeof *fit.a, "measured steps"));
    WT_GUARD(wt_alloc(&fit.left, (size_t)count, sizeof *fit.left, "measured steps"));
    fit_scale(&fit, work, measured);
    for (int i = 0; i < WT_SWEEPS && fit_sweep(&fit) > 1e-12; i++) {}
    for (int kind = 0; kind < WT_WORK_KINDS; kind++) seconds[kind] = fit.x[kind] * fit.scale[kind];
cleanup:
    wt_free(fit.a);
    wt_free(fit.left);
    return status;
}
