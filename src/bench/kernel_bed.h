/* The kernels as the model calls them, each with memory to work on. */
#ifndef WAVETRAIN_KERNEL_BED_H
#define WAVETRAIN_KERNEL_BED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/kernels.h"

enum { WT_BED_TAPS = 16, WT_BED_CLASSES = 256, WT_BED_CLASS_TAPS = 2 }; /* max; of a one-hot input */

/* A product of R to 2R channels, or with one tap of R to R, as a residual. */
typedef struct {
    int channels, taps, dilation;
    int rows, threads; /* of a tile; all of which work at once */
} wt_kernel_shape;

/* One shape and its memory. Rows are [window + context, ·], dense in the width that a kernel gives them. */
typedef struct {
    const wt_kernels *kernels;
    wt_kernel_shape shape;
    int out, window; /* the product's width; rows, as many whole tiles for each thread */
    float *arena, *x, *y, *z, *d;
    float *packed, *packed_back, *bias, *sums; /* sums: [threads, sums_each] */
    size_t sums_each;
    int32_t *classes; /* [window + WT_BED_CLASS_TAPS] */
} wt_kernel_bed;

/* `window`: rows, at least. Dispose also after a failure. */
wt_status wt_kernel_bed_init(wt_kernel_bed *bed, const wt_kernels *kernels, const wt_kernel_shape *shape,
                             int window);
void wt_kernel_bed_dispose(wt_kernel_bed *bed);

/* What some rows cost: operations or elements, and the bytes that must be read and written at least. */
typedef struct {
    double operations, elements, bytes;
} wt_kernel_cost;

typedef struct {
    const char *name;
    /* rows first … first+rows−1, by this thread */
    void (*run)(const wt_kernel_bed *bed, int thread, ptrdiff_t first, int rows);
    wt_kernel_cost (*cost)(const wt_kernel_bed *bed, double rows);
} wt_kernel_case;

typedef enum {
    WT_CASES_PRODUCTS, /* over channels, taps and dilations */
    WT_CASES_ELEMENTS, /* over channels */
    WT_CASES_ONCE,     /* whose shape the network's width does not change */
    WT_CASES
} wt_kernel_cases;

/* The cases of a kind; *count of them. */
const wt_kernel_case *wt_kernel_cases_of(wt_kernel_cases kind, int *count);

#endif
