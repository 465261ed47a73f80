/*
 * Everything but the products: plain loops that the compiler vectorises. The file is compiled once for
 * each instruction set (WT_ISA names it) and ends with the whole tables of that build; select.c chooses.
 *
 * Elements are independent of each other, or are added in an order that the sizes alone decide, and
 * vector_math.h has no step whose result depends on the vector's length: all builds give the same bits.
 * That costs the fused multiply-add, which the baseline lacks, in loops that are bound by memory or by
 * divisions anyway.
 */
#include "vector_math.h"
#include "vector_unit.h"

enum { LANES = 16 }; /* partial sums: the floats of the longest vector, in every build */

/*
 * A row's end is no whole vector, and a scalar element costs as much as a vector. Where that shows, a loop is
 * written as a function for the first `count` of LANES elements, which the compiler turns into a vector under
 * a mask; a constant count of LANES makes a whole one.
 */
static void add_row(float *restrict sum, const float *restrict row, int count) {
    for (int i = 0; i < count; i++) sum[i] += row[i];
}

static void column_sums(float *db, const float *dy, int lddy, int rows, int out) {
    for (ptrdiff_t t = 0; t < rows; t++) add_row(db, dy + t * lddy, out);
}

/* --- one-hot input --- */

static void add_rows_into(float *restrict y, const float *restrict x, const float *restrict w, int count) {
    for (int i = 0; i < count; i++) y[i] = x[i] + w[i];
}

static void embed(float *y, int ldy, const int32_t *x, const float *w, const float *bias, int rows,
                  int classes, int out, int taps) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        float *row = y + t * ldy;
        add_rows_into(row, bias, w + (ptrdiff_t)x[t] * out, out);
        for (ptrdiff_t j = 1; j < taps; j++) add_row(row, w + (j * classes + x[t + j]) * out, out);
    }
}

static void embed_weights(float *dw, int lddw, const int32_t *x, const float *dy, int lddy, int rows,
                          int classes, int out, int taps) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        for (ptrdiff_t j = 0; j < taps; j++) {
            add_row(dw + (j * classes + x[t + j]) * lddw, dy + t * lddy, out);
        }
    }
}

/* --- activations --- */

/* A NaN stays one: it must reach the check of the step's loss. */
static inline float positive(float x) {
    return x < 0.0f ? 0.0f : x;
}

static void gate_row(float *restrict z, float *restrict filter, float *restrict gates, int count) {
    for (int c = 0; c < count; c++) {
        const wt_gate_values v = wt_vector_gate(filter[c], gates[c]);
        filter[c] = v.filter;
        gates[c] = v.gate;
        z[c] = v.filter * v.gate;
    }
}

INLINE void tanh_lanes(float *z, float *a, int count) {
#pragma omp simd
    for (int k = 0; k < LANES; k++) {
        if (k < count) {
            const float value = wt_vector_tanh(a[k]);
            a[k] = value;
            z[k] = value;
        }
    }
}

static void tanh_row(float *z, float *a, ptrdiff_t count) {
    ptrdiff_t c = 0;
    for (; c + LANES <= count; c += LANES) tanh_lanes(z + c, a + c, LANES);
    tanh_lanes(z + c, a + c, (int)(count - c));
}

static void relu_row(float *z, float *a, ptrdiff_t count) {
#pragma omp simd
    for (ptrdiff_t c = 0; c < count; c++) {
        const float value = positive(a[c]);
        a[c] = value;
        z[c] = value;
    }
}

/* Rows without gaps are one long row. */
static void activate(float *z, int ldz, float *a, int lda, int rows, int gate, wt_activation activation) {
    const bool dense = activation != WT_ACTIVATION_GATE && ldz == gate && lda == gate;
    const ptrdiff_t count = dense ? (ptrdiff_t)rows * gate : gate;
    for (ptrdiff_t t = 0; t < (dense ? 1 : rows); t++) {
        float *out = z + t * ldz, *in = a + t * lda;
        switch (activation) {
        case WT_ACTIVATION_GATE: gate_row(out, in, in + gate, gate); break;
        case WT_ACTIVATION_TANH: tanh_row(out, in, count); break;
        case WT_ACTIVATION_RELU: relu_row(out, in, count); break;
        default: break; /* the engine has operators for the others */
        }
    }
}

static void gate_back_row(float *df, float *dg, const float *a, const float *gates, const float *dz,
                          int count) {
#pragma omp simd
    for (int c = 0; c < count; c++) {
        const float f = a[c], s = gates[c], d = dz[c];
        df[c] = d * s * (1.0f - f * f);
        dg[c] = d * f * (s * (1.0f - s));
    }
}

static void tanh_back_row(float *da, const float *a, const float *dz, ptrdiff_t count) {
#pragma omp simd
    for (ptrdiff_t c = 0; c < count; c++) da[c] = dz[c] * (1.0f - a[c] * a[c]);
}

static void relu_back_row(float *da, const float *a, const float *dz, ptrdiff_t count) {
#pragma omp simd
    for (ptrdiff_t c = 0; c < count; c++) da[c] = a[c] == 0.0f ? 0.0f : dz[c];
}

static void multiply_row(float *restrict z, const float *restrict f, const float *restrict s, int count) {
    for (int c = 0; c < count; c++) z[c] = f[c] * s[c];
}

static void activate_back(float *da, int ldda, float *z, int ldz, const float *a, int lda, const float *dz,
                          int lddz, int rows, int gate, wt_activation activation) {
    const bool dense = activation != WT_ACTIVATION_GATE && !z && ldda == gate && lda == gate && lddz == gate;
    const ptrdiff_t count = dense ? (ptrdiff_t)rows * gate : gate;
    for (ptrdiff_t t = 0; t < (dense ? 1 : rows); t++) {
        const float *row = a + t * lda, *d = dz + t * lddz;
        float *to = da + t * ldda;
        if (z && activation == WT_ACTIVATION_GATE) {
            multiply_row(z + t * ldz, row, row + gate, gate);
        } else if (z) {
            memcpy(z + t * ldz, row, (size_t)gate * sizeof *z);
        }
        switch (activation) {
        case WT_ACTIVATION_GATE: gate_back_row(to, to + gate, row, row + gate, d, gate); break;
        case WT_ACTIVATION_TANH: tanh_back_row(to, row, d, count); break;
        case WT_ACTIVATION_RELU: relu_back_row(to, row, d, count); break;
        default: break;
        }
    }
}

/* --- loss --- */

INLINE void take_larger(float *restrict part, const float *restrict y, int count) {
#pragma omp simd
    for (int k = 0; k < LANES; k++) part[k] = k < count && y[k] > part[k] ? y[k] : part[k];
}

static float largest_of(const float *y, int count) {
    float part[LANES];
    for (int k = 0; k < LANES; k++) part[k] = y[0];
    int i = 0;
    for (; i + LANES <= count; i += LANES) take_larger(part, y + i, LANES);
    take_larger(part, y + i, count - i);
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int k = 0; k < half; k++) part[k] = part[k + half] > part[k] ? part[k + half] : part[k];
    }
    return part[0];
}

static double sum_lanes(const double part[LANES]) {
    double sum = 0;
    for (int k = 0; k < LANES; k++) sum += part[k];
    return sum;
}

/* Adds exp(y − largest) to partial sums; it goes to `y` where it is to be kept. */
INLINE void add_exponentials(double *restrict part, float *restrict y, float largest, int count, bool keep) {
    float e[LANES];
#pragma omp simd
    for (int k = 0; k < LANES; k++) e[k] = k < count ? wt_vector_exp_negative(y[k] - largest) : 0.0f;
    for (int k = 0; k < LANES; k++) part[k] += (double)e[k];
    if (!keep) return;
#pragma omp simd
    for (int k = 0; k < LANES; k++) {
        if (k < count) y[k] = e[k];
    }
}

/* Σ exp(y − largest), in LANES partial sums; the exponentials go to `y` where they are to be kept. */
static double sum_exponentials(float *y, float largest, int count, bool keep) {
    double part[LANES] = {0};
    int i = 0;
    for (; i + LANES <= count; i += LANES) add_exponentials(part, y + i, largest, LANES, keep);
    add_exponentials(part, y + i, largest, count - i, keep);
    return sum_lanes(part);
}

static double cross_entropy_row(float *y, int32_t target, int classes, bool gradient) {
    const float largest = largest_of(y, classes);
    const double wanted = (double)y[target];
    const double sum = sum_exponentials(y, largest, classes, gradient);
    if (gradient) {
        const float share = (float)(1 / sum);
        for (int o = 0; o < classes; o++) y[o] *= share;
        y[target] -= 1.0f;
    }
    return wt_vector_log(sum) + ((double)largest - wanted);
}

static double cross_entropy(float *logits, int ldl, const int32_t *targets, int rows, int classes,
                            bool gradient) {
    double loss = 0;
    for (ptrdiff_t t = 0; t < rows; t++) {
        float *y = logits + t * ldl;
        if (targets[t] >= 0) {
            loss += cross_entropy_row(y, targets[t], classes, gradient);
        } else if (gradient) {
            memset(y, 0, (size_t)classes * sizeof *y);
        }
    }
    return loss;
}

/* --- draws --- */

INLINE void add_softened(double *restrict part, float *restrict weights, const float *restrict logits,
                         float largest, float sharpness, int count) {
    float e[LANES], spoilt[LANES];
#pragma omp simd
    for (int k = 0; k < LANES; k++) {
        const float y = (logits[k < count ? k : 0] - largest) * sharpness;
        e[k] = k < count ? wt_vector_exp_negative(y) : 0.0f;
        spoilt[k] = 0.0f * logits[k < count ? k : 0];
    }
    for (int k = 0; k < LANES; k++) part[k] += (double)e[k] + (double)spoilt[k];
#pragma omp simd
    for (int k = 0; k < LANES; k++) {
        if (k < count) weights[k] = e[k];
    }
}

static double soften_rows(float *weights, const float *logits, int classes, double sharpness) {
    const float largest = largest_of(logits, classes);
    double part[LANES] = {0};
    int i = 0;
    for (; i + LANES <= classes; i += LANES)
        add_softened(part, weights + i, logits + i, largest, (float)sharpness, LANES);
    if (i < classes) add_softened(part, weights + i, logits + i, largest, (float)sharpness, classes - i);
    return sum_lanes(part);
}

/* One output a row: there is nothing to vectorise. */
static double squared_error(float *y, int ldy, const float *values, const int32_t *targets, int rows,
                            bool gradient) {
    double loss = 0;
    for (ptrdiff_t t = 0; t < rows; t++) {
        const float difference = targets[t] < 0 ? 0 : y[t * ldy] - values[t];
        loss += (double)difference * (double)difference;
        if (gradient) y[t * ldy] = 2 * difference;
    }
    return loss;
}

#include "mixture_rows.h"

#include "spectrum_rows.h"

/* --- norms: elements, and sums over a row, by columns apart --- */

#include "norm_rows.h"

/* --- flat buffers --- */

static void add(float *restrict sum, const float *restrict other, size_t count) {
    for (size_t i = 0; i < count; i++) sum[i] += other[i];
}

static double squares(const float *x, size_t count, double scale) {
    double part[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            const double value = scale * (double)x[i + k];
            part[k] += value * value;
        }
    }
    for (int k = 0; i + k < count; k++) {
        const double value = scale * (double)x[i + k];
        part[k] += value * value;
    }
    return sum_lanes(part);
}

static void adam(float *restrict parameter, float *restrict first, float *restrict second,
                 const float *restrict gradient, size_t count, const wt_adam_step *step) {
    const wt_adam_factors k = wt_kernels_adam_factors(step);
    for (size_t i = 0; i < count; i++) {
        const float p = parameter[i] - k.shrink * parameter[i];
        const float g = gradient[i] * k.gradient + k.coupled * p;
        const float m = k.beta1 * first[i] + k.rest1 * g;
        const float v = k.beta2 * second[i] + k.rest2 * g * g;
        first[i] = m;
        second[i] = v;
        parameter[i] = p - k.rate * m / (__builtin_sqrtf(v) / k.correction + k.epsilon);
    }
}

static void sgd_plain(float *restrict parameter, const float *restrict gradient, size_t count,
                      const wt_sgd_factors *k) {
    for (size_t i = 0; i < count; i++) {
        const float g = gradient[i] * k->gradient + k->decay * parameter[i];
        parameter[i] -= k->rate * g;
    }
}

static void sgd_momentum(float *restrict parameter, float *restrict velocity, const float *restrict gradient,
                         size_t count, const wt_sgd_factors *k) {
    for (size_t i = 0; i < count; i++) {
        const float g = gradient[i] * k->gradient + k->decay * parameter[i];
        const float v = k->momentum * velocity[i] + g;
        velocity[i] = v;
        parameter[i] -= k->rate * (k->here * g + k->kept * v);
    }
}

static void sgd(float *parameter, float *velocity, const float *gradient, size_t count,
                const wt_sgd_step *step) {
    const wt_sgd_factors k = wt_kernels_sgd_factors(step);
    if (velocity) {
        sgd_momentum(parameter, velocity, gradient, count, &k);
    } else {
        sgd_plain(parameter, gradient, count, &k);
    }
}

static void average(float *restrict mean, const float *restrict parameter, size_t count, double rest) {
    const float share = (float)rest;
    for (size_t i = 0; i < count; i++) mean[i] += share * (parameter[i] - mean[i]);
}

/* --- the tables: products by OpenBLAS, our own where there are fused multiply-adds, and those of bf16 --- */

#define NORM_KERNELS                                                                                      \
    {                                                                                                     \
        .column_moments = column_moments, .column_products = column_products, .standardise = standardise, \
        .standardise_back = standardise_back, .normalise = normalise, .normalise_back = normalise_back    \
    }
#define LOSS_KERNELS                                                                                        \
    {                                                                                                       \
        .cross_entropy = cross_entropy, .squared_error = squared_error, .logistics = logistics,             \
        .gaussians = gaussians, .soften = soften_rows, .spectrum = spectrum, .spectrum_back = spectrum_back \
    }
#define FLAT_KERNELS \
    { .add = add, .squares = squares, .adam = adam, .sgd = sgd, .average = average }
#define ROW_KERNELS                                                                                   \
    .column_sums = column_sums, .embed = embed, .embed_weights = embed_weights, .activate = activate, \
    .activate_back = activate_back, .norms = NORM_KERNELS, .losses = LOSS_KERNELS, .flat = FLAT_KERNELS

const wt_kernels JOIN(wt_kernels_openblas_, WT_ISA, ) = {
    .name = "openblas+" TEXT(WT_ISA),
    .place_matters = true,
    .packed_count = wt_openblas_packed_count,
    .pack = wt_openblas_pack,
    .multiply = wt_openblas_multiply,
    .convolve_weights = wt_openblas_convolve_weights,
    ROW_KERNELS,
};

/* A set with products of its own, and with the weights as `packing` packs them. */
#define OWN_PRODUCTS(products, packing)                                                \
    {                                                                                  \
        .name = TEXT(products), .packed_count = JOIN(wt_, packing, _packed_count),     \
        .pack = JOIN(wt_, packing, _pack), .multiply = JOIN(wt_, products, _multiply), \
        .convolve_weights = JOIN(wt_, products, _convolve_weights), ROW_KERNELS,       \
    }

#ifdef WT_FUSED
const wt_kernels JOIN(wt_kernels_, WT_ISA, ) = OWN_PRODUCTS(WT_ISA, WT_ISA);
#endif
const wt_kernels JOIN(wt_kernels_, WT_BF16, ) = OWN_PRODUCTS(WT_BF16, WT_BF16);
#ifdef WT_AMX
WT_DECLARE_BF16(amx_bf16);
const wt_kernels wt_kernels_amx_bf16 = OWN_PRODUCTS(amx_bf16, avx512bf16);
#endif
