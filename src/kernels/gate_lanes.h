/* The gate of sums that are still in registers, as activate makes it: for row_kernels.c and
 * product_kernels.c, which include it behind the header of their vector unit. */
#ifndef WAVETRAIN_GATE_LANES_H
#define WAVETRAIN_GATE_LANES_H

#include <string.h>

#include "vector_math.h"

/* z[c] = tanh(filter[c])·σ(gate[c]) for the first `count` of WIDTH columns. */
INLINE void store_gate(float *z, vector filter, vector gate, ptrdiff_t count) {
    _Alignas(64) float a[WIDTH], b[WIDTH];
    vector_store(a, filter);
    vector_store(b, gate);
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) {
        const wt_gate_values v = wt_vector_gate(a[c], b[c]);
        a[c] = v.filter * v.gate;
    }
    if (count >= WIDTH) {
        vector_store(z, vector_load(a));
    } else {
        memcpy(z, a, (size_t)count * sizeof *z);
    }
}

#endif
