/* Numbers in ascending order, and what lies in their middle. */
#ifndef WT_BASE_ORDER_H
#define WT_BASE_ORDER_H

#include <stddef.h>

/* Sorts values [count] in place; none of them is NaN. */
void wt_order_sort(double *values, size_t count);
/* Sorts them, and returns the median, the upper one of an even number. count >= 1. */
double wt_order_median(double *values, size_t count);

#endif
