/* Registers a vector unit: compiled once for each instruction set (WT_ISA names it). */
#include "vector_unit.h"

#ifdef WT_VECTOR
#include WT_VECTOR
#else
#include "vector_plain.h"
#endif

static bool supported(void) {
    return VECTOR_SUPPORTED;
}

static bool supports_bf16(void) {
    return VECTOR_SUPPORTED && VECTOR_SUPPORTS_BF16;
}

#define PRODUCTS(name, packing)                                                         \
    {                                                                                   \
        JOIN(wt_, WT_ISA, name##_packed_count), JOIN(wt_, WT_ISA, packing##_pack),      \
            JOIN(wt_, WT_ISA, name##_multiply), JOIN(wt_, WT_ISA, name##_multiply_gate) \
    }
#define FEW_ROWS \
    { PRODUCTS(_rows, _rows), PRODUCTS(_rows_bf16, _rows_bf16) }

const wt_vector_unit JOIN(wt_kernels_unit_, WT_ISA, ) = {
    .name = TEXT(WT_ISA),
    .supported = supported,
    .supports_bf16 = supports_bf16,
    .openblas = &JOIN(wt_kernels_openblas_, WT_ISA, ),
    .bf16 = &JOIN(wt_kernels_, WT_BF16, ),
    .width = WIDTH,
    .few = FEW_ROWS,
#ifdef WT_FUSED
    .own = &JOIN(wt_kernels_, WT_ISA, ),
    .many = {PRODUCTS(, ), PRODUCTS(, _rounded)},
#else
    .many = FEW_ROWS,
#endif
    .peak = {VECTOR_PEAK, JOIN(wt_, WT_ISA, _peak_fp32)},
#ifdef VECTOR_PEAK_BF16
    .bf16_peak = {VECTOR_PEAK_BF16, JOIN(wt_, WT_ISA, _peak_bf16)},
#endif
    .read = JOIN(wt_, WT_ISA, _read),
};
