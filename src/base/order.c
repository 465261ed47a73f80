#include "base/order.h"

#include <stdlib.h>

static int compare(const void *a, const void *b) {
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

void wt_order_sort(double *values, size_t count) {
    if (count > 1) qsort(values, count, sizeof *values, compare);
}

double wt_order_median(double *values, size_t count) {
    wt_order_sort(values, count);
    return values[count / 2];
}
