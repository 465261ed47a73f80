/*
 * The choice of kernels: the functions that compute, one set per vector unit. What is in a set is the
 * library's own (kernels/kernel_set.h).
 */
#ifndef WAVETRAIN_KERNELS_H
#define WAVETRAIN_KERNELS_H

#include <stddef.h>

#include "wavetrain/base.h"

typedef enum {
    WT_BACKEND_AUTO,
    WT_BACKEND_REFERENCE,
    WT_BACKEND_OPENBLAS,
    WT_BACKEND_AVX2,
    WT_BACKEND_AVX512,
    WT_BACKEND_AMX, /* for bf16, with sums in an order of its own; for fp32 as WT_BACKEND_AVX512 */
    WT_BACKEND_NEON,
} wt_backend;

/* Of products; everything else, and all sums, are fp32. */
typedef enum { WT_PRECISION_FP32, WT_PRECISION_BF16 } wt_precision;

typedef struct wt_kernels wt_kernels;

/* The table for a backend; WT_BACKEND_AUTO takes the fastest that this CPU can run. With bf16 the factors of
 * `multiply` and `convolve_weights` are rounded to bfloat16 and added in pairs along their sum (bf16.h), with
 * the same bits from all tables but AMX's, which WT_BACKEND_AUTO does not take. A warning says where bf16 is
 * slower than fp32. Sets up what the backend needs (BLAS
 * single-threaded). The table lives as long as the program. */
wt_status wt_kernels_select(const wt_kernels **table, wt_backend backend, wt_precision precision);

/* What the products of streams are computed with (stream.h). */
typedef enum { WT_WEIGHTS_FP32, WT_WEIGHTS_BF16, WT_WEIGHTS } wt_weights;

/* What a table's products come from, "OpenBLAS 0.3.21 SkylakeX" (the core that it chose), or "plain
 * loops". */
void wt_kernels_describe(const wt_kernels *table, char *text, size_t room);

/* Denormals flush to zero in the calling thread and in threads that it starts from now on; call it in
 * main before any thread exists. */
void wt_kernels_setup_thread(void);

#endif
