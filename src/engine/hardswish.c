/* y = x·min(max(x + 3, 0), 6)/6 (Howard et al. 2019, arXiv 1905.02244). Not monotonic, so backward needs the
 * input. */
#include "pointwise.h"

static inline wt_real hardswish_value(wt_real x, wt_real p) {
    (void)p;
    const wt_real inner = x + 3;
    return x * (inner < 0 ? 0 : inner > 6 ? 6 : inner) / 6;
}

static inline wt_real hardswish_slope(wt_real x, wt_real p) {
    (void)p;
    return x < -3 ? 0 : x > 3 ? 1 : (2 * x + 3) / 6;
}

WT_POINTWISE_OF_INPUT(wt_class_hardswish, hardswish_value, hardswish_slope);
