/* y = x·σ(x) (Elfwing et al. 2017, arXiv 1702.03118). Not monotonic, so backward needs the input. */
#include <math.h>

#include "pointwise.h"

static inline wt_real compute_sigmoid(wt_real x) {
    const wt_real e = (wt_real)exp(-fabs((double)x)); /* can't overflow */
    return (x < 0 ? e : 1) / (1 + e);
}

static inline wt_real silu_value(wt_real x, wt_real p) {
    (void)p;
    return x * compute_sigmoid(x);
}

static inline wt_real silu_slope(wt_real x, wt_real p) {
    (void)p;
    const wt_real s = compute_sigmoid(x);
    return s * (1 + x * (1 - s));
}

WT_POINTWISE_OF_INPUT(wt_class_silu, silu_value, silu_slope);
