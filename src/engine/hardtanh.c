/* y = x, cut at −1 and 1. */
#include "pointwise.h"

static inline wt_real hardtanh_value(wt_real x, wt_real p) {
    (void)p;
    return x < -1 ? -1 : x > 1 ? 1 : x; /* a NaN stays one */
}

static inline wt_real hardtanh_slope(wt_real y, wt_real p) {
    (void)p;
    return y <= -1 || y >= 1 ? 0 : 1;
}

WT_POINTWISE_OF_OUTPUT(wt_class_hardtanh, hardtanh_value, hardtanh_slope);
