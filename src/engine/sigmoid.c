/* y = σ(x) = 1/(1 + e^−x). */
#include <math.h>

#include "pointwise.h"

/* e^−|x| can't overflow, and the branch keeps small values accurate. */
static inline wt_real sigmoid_value(wt_real x, wt_real p) {
    (void)p;
    const wt_real e = (wt_real)exp(-fabs((double)x));
    return (x < 0 ? e : 1) / (1 + e);
}

static inline wt_real sigmoid_slope(wt_real y, wt_real p) {
    (void)p;
    return y * (1 - y);
}

WT_POINTWISE_OF_OUTPUT(wt_class_sigmoid, sigmoid_value, sigmoid_slope);
