/* y = x/(1 + |x|). */
#include "pointwise.h"

static inline wt_real magnitude(wt_real x) {
    return x < 0 ? -x : x;
}

static inline wt_real softsign_value(wt_real x, wt_real p) {
    (void)p;
    return x / (1 + magnitude(x));
}

/* 1/(1 + |x|) = 1 − |y| */
static inline wt_real softsign_slope(wt_real y, wt_real p) {
    (void)p;
    return (1 - magnitude(y)) * (1 - magnitude(y));
}

WT_POINTWISE_OF_OUTPUT(wt_class_softsign, softsign_value, softsign_slope);
