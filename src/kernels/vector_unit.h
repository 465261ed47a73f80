/*
 * A vector unit: the kernel sets, products and peaks that are compiled for it. Each unit registers its own by
 * one line of CMakeLists.txt (wavetrain_vector_unit); select.c chooses among them and names none.
 */
#ifndef WAVETRAIN_VECTOR_UNIT_H
#define WAVETRAIN_VECTOR_UNIT_H

#include "kernels_internal.h"

#define JOIN_PARTS(a, b, c) a##b##c
#define JOIN(a, b, c) JOIN_PARTS(a, b, c)
#define TEXT_OF(isa) #isa
#define TEXT(isa) TEXT_OF(isa) /* of the name behind a macro's name */
#define INLINE static inline __attribute__((always_inline))

/* Products that belong together: the weights are packed by one for another. */
typedef struct {
    size_t (*packed_count)(int in, int out);
    void (*pack)(float *packed, const float *w, int in, int out, bool transposed, float scale);
    void (*multiply)(float *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                     const wt_finish *finish);
    void (*multiply_gate)(float *z, int ldz, int rows, int gate, const wt_operand *operands, int count,
                          const wt_gate_sums *sums);
} wt_products;

/* What a unit lacks is NULL. No function but `supported` and `supports_bf16` may be called where those say
 * that the CPU lacks the unit. */
typedef struct {
    const char *name; /* of the unit; its kernel sets' names begin with their products' */
    bool (*supported)(void), (*supports_bf16)(void);
    const wt_kernels *openblas, *own, *bf16; /* kernel sets: products by OpenBLAS, of the unit, of bf16 */
    bool by_name; /* `bf16` has bits of its own, so that only a configuration that names it gets it */
    int width;    /* of a vector, in floats */
    wt_products few[WT_WEIGHTS], many[WT_WEIGHTS]; /* products of few rows and of many, by weights */
    wt_peak peak, bf16_peak;
    void (*read)(const float *from, size_t count); /* reads memory as fast as the unit can */
} wt_vector_unit;

/* What the files that are compiled once for each unit define for vector_unit.c. */
#define WT_PRODUCTS_FORWARD(isa)                                                                          \
    size_t wt_##isa##_packed_count(int in, int out);                                                      \
    void wt_##isa##_pack(float *packed, const float *w, int in, int out, bool transposed, float scale);   \
    void wt_##isa##_multiply(float *y, int ldy, int rows, int out, const wt_operand *operands, int count, \
                             const wt_finish *finish)
#define WT_PRODUCTS_GATE(isa)                                                                        \
    WT_PRODUCTS_FORWARD(isa);                                                                        \
    void wt_##isa##_multiply_gate(float *z, int ldz, int rows, int gate, const wt_operand *operands, \
                                  int count, const wt_gate_sums *sums)
#define WT_PRODUCTS(isa)                                                                            \
    WT_PRODUCTS_FORWARD(isa);                                                                       \
    void wt_##isa##_convolve_weights(float *dw, int lddw, const float *x, int ldx, const float *dy, \
                                     int lddy, int rows, int in, int out)
#define WT_DECLARE_UNIT(isa)                                                                      \
    extern const wt_vector_unit wt_kernels_unit_##isa;                                            \
    extern const wt_kernels wt_kernels_openblas_##isa, wt_kernels_##isa; /* vector_kernels.c */   \
    WT_PRODUCTS(isa); /* product_kernels.c, gradient_kernels.c */                                 \
    WT_PRODUCTS_GATE(isa);                                                                        \
    WT_PRODUCTS_GATE(isa##_rows); /* row_kernels.c; `rounded` is the pack of product_kernels.c */ \
    WT_PRODUCTS_GATE(isa##_rows_bf16);                                                            \
    void wt_##isa##_read(const float *from, size_t count);                                        \
    void wt_##isa##_rounded_pack(float *packed, const float *w, int in, int out, bool transposed, \
                                 float scale);                                                    \
    double wt_##isa##_peak_fp32(int64_t rounds); /* peak.c: operations made in so many rounds */  \
    double wt_##isa##_peak_bf16(int64_t rounds)
#define WT_DECLARE_BF16(isa)                  \
    extern const wt_kernels wt_kernels_##isa; \
    WT_PRODUCTS(isa) /* bf16_portable.c, or bf16_kernels.c */
/* The names behind a macro's name. */
#define WT_DECLARE_PRODUCTS_OF(isa) WT_PRODUCTS_FORWARD(isa)
#define WT_DECLARE_UNIT_OF(isa) WT_DECLARE_UNIT(isa)
#define WT_DECLARE_BF16_OF(isa) WT_DECLARE_BF16(isa)

#ifdef WT_ISA
WT_DECLARE_UNIT_OF(WT_ISA);
#endif
#ifdef WT_BF16
WT_DECLARE_BF16_OF(WT_BF16);
#endif

#endif
