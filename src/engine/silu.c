/* y = x·σ(x) (Elfwing et al. 2017, arXiv 1702.03118). Not monotonic, so backward needs the input. */
#include <math.h>

#include "pointwise.h"

static inline wt_real sigmoid(wt_real x) {
    const wt_real e = (wt_real)exp(-fabs((double)x)); /* can't overflow */
    return (x < 0 ? e : 1) / (1 + e);
}

static inline wt_real value(wt_real x, wt_real p) {
    (void)p;
    return x * sigmoid(x);
}

static inline wt_real slope(wt_real x, wt_real p) {
    (void)p;
    const wt_real s = sigmoid(x);
    return s * (1 + x * (1 - s));
}

WT_POINTWISE_OF_INPUT(wt_class_silu, value, slope);
