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

enum { WT_KERNEL_TABLES = 8 };

/* The tables of one precision that this CPU can run, the fastest last; returns how many. For tests that
 * compare them all: the program takes one by wt_kernels_select. */
int wt_kernels_tables(const wt_kernels *tables[WT_KERNEL_TABLES], wt_precision precision);

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
