/* y = max(x, 0) + slope·min(x, 0), the slope above 0, so that the result has the input's sign (Maas et al.
 * 2013). */
#include "pointwise.h"

static inline wt_real leaky_relu_value(wt_real x, wt_real p) {
    return x < 0 ? p * x : x; /* a NaN stays one */
}

static inline wt_real leaky_relu_slope(wt_real y, wt_real p) {
    return y > 0 ? 1 : p; /* as PyTorch has it at 0 */
}

WT_POINTWISE_OF_OUTPUT(wt_class_leaky_relu, leaky_relu_value, leaky_relu_slope);
