/* What the backends share: their tables, and the factors of the updates. */
#ifndef WAVETRAIN_KERNELS_INTERNAL_H
#define WAVETRAIN_KERNELS_INTERNAL_H

#include <math.h>

#include "kernels/kernel_set.h"
#include "wavetrain/kernels.h"

extern const wt_kernels wt_kernels_reference;
/* As its pack, with weights rounded to bf16. */
void wt_reference_rounded_pack(wt_real *packed, const wt_real *w, int in, int out, bool transposed,
                               wt_real scale);

/* reference_mixtures.c: see the table's entries */
double wt_reference_logistics(wt_real *y, int ldy, const wt_real *values, const int32_t *targets, int rows,
                              const wt_mixture *mixture, bool gradient);
double wt_reference_gaussians(wt_real *y, int ldy, const wt_real *values, const int32_t *targets, int rows,
                              const wt_mixture *mixture, bool gradient);

#ifndef WT_REAL_DOUBLE

enum { WT_KERNEL_TABLES = 6 };

/* The tables of one precision that this CPU can run, the fastest last; returns how many. For tests that
 * compare them all: the program takes one by wt_kernels_select. */
int wt_kernels_tables(const wt_kernels *tables[WT_KERNEL_TABLES], wt_precision precision);

/* vector_kernels.c, once for each instruction set */
extern const wt_kernels wt_kernels_openblas_baseline;
extern const wt_kernels wt_kernels_openblas_avx2;
extern const wt_kernels wt_kernels_openblas_avx512;
extern const wt_kernels wt_kernels_avx2;
extern const wt_kernels wt_kernels_avx512;
extern const wt_kernels wt_kernels_bf16_baseline; /* plain C; the same with AVX2; the instructions */
extern const wt_kernels wt_kernels_bf16_avx2;
extern const wt_kernels wt_kernels_avx512bf16;
extern const wt_kernels wt_kernels_amx_bf16;

/* product_kernels.c, once for each instruction set that has fused multiply-adds */
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
WT_PRODUCTS(avx2);
WT_PRODUCTS(avx512);
WT_PRODUCTS_GATE(avx2);
WT_PRODUCTS_GATE(avx512);

/* row_kernels.c, once for each instruction set; `rounded` is the pack of product_kernels.c */
#define WT_ROW_PRODUCTS(isa)                               \
    WT_PRODUCTS_GATE(isa##_rows);                          \
    WT_PRODUCTS_GATE(isa##_rows_bf16);                     \
    void wt_##isa##_read(const float *from, size_t count); \
    void wt_##isa##_rounded_pack(float *packed, const float *w, int in, int out, bool transposed, float scale)
WT_ROW_PRODUCTS(baseline);
WT_ROW_PRODUCTS(avx2);
WT_ROW_PRODUCTS(avx512);

/* peak.c, once for each instruction set: operations made in so many rounds */
double wt_baseline_peak_fp32(int64_t rounds);
double wt_avx2_peak_fp32(int64_t rounds);
double wt_avx512_peak_fp32(int64_t rounds);
double wt_avx512_peak_bf16(int64_t rounds);
double wt_amx_peak_bf16(int64_t rounds); /* amx_kernels.c */

/* bf16_portable.c twice, and bf16_kernels.c */
WT_PRODUCTS(bf16_baseline);
WT_PRODUCTS(bf16_avx2);
WT_PRODUCTS(avx512bf16);

/* amx_kernels.c, with the packed weights of bf16_kernels.c. Whether there are tiles, and the system lets this
 * process use them. */
bool wt_amx_permit(void);
void wt_amx_bf16_multiply(float *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                          const wt_finish *finish);
void wt_amx_bf16_convolve_weights(float *dw, int lddw, const float *x, int ldx, const float *dy, int lddy,
                                  int rows, int in, int out);

/* openblas_kernels.c: see the table's entries of the same names */
void wt_openblas_setup(void);
void wt_openblas_warn(void); /* of threads that can't work at once */
void wt_openblas_describe(char *text, size_t room);
size_t wt_openblas_packed_count(int in, int out);
void wt_openblas_pack(float *packed, const float *w, int in, int out, bool transposed, float scale);
void wt_openblas_multiply(float *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                          const wt_finish *finish);
void wt_openblas_convolve_weights(float *dw, int lddw, const float *x, int ldx, const float *dy, int lddy,
                                  int rows, int in, int out);

#endif

/* The numbers of one update, computed in double and rounded once. */
typedef struct {
    wt_real gradient; /* scale of the gradient */
    wt_real shrink;   /* AdamW: rate·decay (1 minus it would lose digits in each step); Adam: 0 */
    wt_real coupled;  /* Adam: decay, added to the gradient; AdamW: 0 */
    wt_real beta1, rest1, beta2, rest2;
    wt_real rate;       /* learning rate/(1 − β₁^step) */
    wt_real correction; /* √(1 − β₂^step) */
    wt_real epsilon;
} wt_adam_factors;

/* By squaring, so that the bits don't depend on a C library's pow. */
static inline double wt_kernels_power(double base, int64_t exponent) {
    double power = 1;
    for (; exponent > 0; exponent >>= 1, base *= base) {
        if (exponent & 1) power *= base;
    }
    return power;
}

static inline wt_adam_factors wt_kernels_adam_factors(const wt_adam_step *step) {
    const double shrink = step->decoupled ? step->learning_rate * step->weight_decay : 0;
    return (wt_adam_factors){
        .gradient = (wt_real)step->gradient_scale,
        .shrink = (wt_real)shrink,
        .coupled = (wt_real)(step->decoupled ? 0 : step->weight_decay),
        .beta1 = (wt_real)step->beta1,
        .rest1 = (wt_real)(1 - step->beta1),
        .beta2 = (wt_real)step->beta2,
        .rest2 = (wt_real)(1 - step->beta2),
        .rate = (wt_real)(step->learning_rate / (1 - wt_kernels_power(step->beta1, step->step))),
        .correction = (wt_real)sqrt(1 - wt_kernels_power(step->beta2, step->step)),
        .epsilon = (wt_real)step->epsilon,
    };
}

/* SGD's, rounded once; `here` and `kept` are the weights of g and v in the step. */
typedef struct {
    wt_real gradient, decay, momentum, rate;
    wt_real here, kept; /* Nesterov: 1 and momentum; else 0 and 1 */
} wt_sgd_factors;

static inline wt_sgd_factors wt_kernels_sgd_factors(const wt_sgd_step *step) {
    return (wt_sgd_factors){
        .gradient = (wt_real)step->gradient_scale,
        .decay = (wt_real)step->weight_decay,
        .momentum = (wt_real)step->momentum,
        .rate = (wt_real)step->learning_rate,
        .here = step->nesterov ? 1 : 0,
        .kept = step->nesterov ? (wt_real)step->momentum : 1,
    };
}

#endif
