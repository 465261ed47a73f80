/*
 * The reference kernels: the formulas of kernel_set.h as plain loops with the C library's functions.
 * They are the oracle that every backend is compared with, and compiled in double (-DWT_REAL_DOUBLE)
 * they carry the finite-difference tests. The sums run in the order in which the header writes them;
 * nothing here is tuned, so that a reader can check each line against its formula.
 */
#include "kernels_internal.h"

#include <math.h>
#include <string.h>

#ifdef WT_REAL_DOUBLE
#define real_exp exp
#define real_tanh tanh
#define real_sqrt sqrt
#else
#define real_exp expf
#define real_tanh tanhf
#define real_sqrt sqrtf
#endif

static size_t packed_count(int in, int out) {
    return (size_t)in * (size_t)out;
}

static void pack(wt_real *packed, const wt_real *w, int in, int out, bool transposed, wt_real scale) {
    for (ptrdiff_t i = 0; i < in; i++) {
        for (ptrdiff_t o = 0; o < out; o++) {
            packed[i * out + o] = scale * (transposed ? w[o * in + i] : w[i * out + o]);
        }
    }
}

void wt_reference_rounded_pack(wt_real *packed, const wt_real *w, int in, int out, bool transposed,
                               wt_real scale) {
    pack(packed, w, in, out, transposed, scale);
    wt_kernels_round_to_bf16(packed, packed_count(in, out));
}

static void reference_multiply(wt_real *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                               const wt_finish *finish) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        for (ptrdiff_t o = 0; o < out; o++) {
            wt_real sum = 0;
            for (int n = 0; n < count; n++) {
                const wt_real *x = operands[n].x + t * operands[n].ldx, *w = operands[n].packed + o;
                for (ptrdiff_t i = 0; i < operands[n].in; i++) sum += x[i] * w[i * out];
            }
            if (finish->bias) sum += finish->bias[o];
            if (finish->add) sum += finish->add[t * finish->ldadd + o];
            y[t * ldy + o] = sum * finish->scale;
        }
    }
}

static void convolve_weights(wt_real *dw, int lddw, const wt_real *x, int ldx, const wt_real *dy, int lddy,
                             int rows, int in, int out) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        for (ptrdiff_t i = 0; i < in; i++) {
            for (int o = 0; o < out; o++) dw[i * lddw + o] += x[t * ldx + i] * dy[t * lddy + o];
        }
    }
}

static void reference_column_sums(wt_real *db, const wt_real *dy, int lddy, int rows, int out) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        for (int o = 0; o < out; o++) db[o] += dy[t * lddy + o];
    }
}

static void reference_embed(wt_real *y, int ldy, const int32_t *x, const wt_real *w, const wt_real *bias,
                            int rows, int classes, int out, int taps) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        wt_real *row = y + t * ldy;
        memcpy(row, bias, (size_t)out * sizeof *row);
        for (ptrdiff_t j = 0; j < taps; j++) {
            const wt_real *entry = w + (j * classes + x[t + j]) * out;
            for (int o = 0; o < out; o++) row[o] += entry[o];
        }
    }
}

static void reference_embed_weights(wt_real *dw, int lddw, const int32_t *x, const wt_real *dy, int lddy,
                                    int rows, int classes, int out, int taps) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        for (ptrdiff_t j = 0; j < taps; j++) {
            wt_real *entry = dw + (j * classes + x[t + j]) * lddw;
            for (int o = 0; o < out; o++) entry[o] += dy[t * lddy + o];
        }
    }
}

/* e^-|b| cannot overflow, and the branch keeps small values of σ accurate. */
static wt_real reference_sigmoid(wt_real b) {
    const wt_real e = real_exp(b < 0 ? b : -b);
    return (b < 0 ? e : 1) / (1 + e);
}

/* A NaN stays one: it must reach the check of the step's loss. */
static wt_real reference_positive(wt_real x) {
    return x < 0 ? 0 : x;
}

static void reference_activate(wt_real *z, int ldz, wt_real *a, int lda, int rows, int gate,
                               wt_activation activation) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        wt_real *filter = a + t * lda, *gates = filter + gate, *out = z + t * ldz;
        for (int c = 0; c < gate; c++) {
            filter[c] = activation == WT_ACTIVATION_RELU ? reference_positive(filter[c])
                                                         : real_tanh(filter[c]);
            out[c] = filter[c];
            if (activation != WT_ACTIVATION_GATE) continue;
            gates[c] = reference_sigmoid(gates[c]);
            out[c] = filter[c] * gates[c];
        }
    }
}

static void reference_activate_back(wt_real *da, int ldda, wt_real *z, int ldz, const wt_real *a, int lda,
                                    const wt_real *dz, int lddz, int rows, int gate,
                                    wt_activation activation) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        for (int c = 0; c < gate; c++) {
            const bool gated = activation == WT_ACTIVATION_GATE;
            const wt_real f = a[t * lda + c], s = gated ? a[t * lda + gate + c] : 1, d = dz[t * lddz + c];
            wt_real *filter = da + t * ldda + c;
            if (z) z[t * ldz + c] = gated ? f * s : f; /* as forward: f·1 would flush a denormal */
            if (activation == WT_ACTIVATION_RELU) {
                *filter = f == 0 ? 0 : d;
            } else {
                *filter = d * s * (1 - f * f);
            }
            if (gated) filter[gate] = d * f * (s * (1 - s));
        }
    }
}

/* --- norms --- */

static void reference_column_moments(double *sums, const wt_real *x, int ldx, int rows, int columns) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        for (int c = 0; c < columns; c++) {
            const double value = (double)x[t * ldx + c];
            sums[c] += value;
            sums[columns + c] += value * value;
        }
    }
}

static void reference_column_products(double *sums, const wt_real *dy, int lddy, const wt_real *x, int ldx,
                                      int rows, int columns) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        for (int c = 0; c < columns; c++) {
            sums[c] += (double)dy[t * lddy + c];
            sums[columns + c] += (double)dy[t * lddy + c] * (double)x[t * ldx + c];
        }
    }
}

static void reference_standardise(wt_real *y, int ldy, wt_real *x, int ldx, const wt_real *mean,
                                  const wt_real *rate, const wt_real *weight, const wt_real *bias, int rows,
                                  int columns) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        for (int c = 0; c < columns; c++) {
            x[t * ldx + c] = (x[t * ldx + c] - mean[c]) * rate[c];
            y[t * ldy + c] = x[t * ldx + c] * weight[c] + bias[c];
        }
    }
}

static void reference_standardise_back(wt_real *dx, int lddx, const wt_real *dy, int lddy, const wt_real *x,
                                       int ldx, const wt_real *factor, const wt_real *mean_dy,
                                       const wt_real *mean_product, int rows, int columns) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        for (int c = 0; c < columns; c++) {
            const wt_real rest = dy[t * lddy + c] - mean_dy[c] - x[t * ldx + c] * mean_product[c];
            dx[t * lddx + c] = factor[c] * rest;
        }
    }
}

static void reference_normalise(wt_real *y, int ldy, wt_real *x, int ldx, wt_real *rate,
                                const wt_real *weight, const wt_real *bias, int rows, int columns) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        wt_real *row = x + t * ldx;
        double sum = 0, squares = 0;
        for (int c = 0; c < columns; c++) sum += (double)row[c];
        const double mean = sum / columns;
        for (int c = 0; c < columns; c++) squares += ((double)row[c] - mean) * ((double)row[c] - mean);
        rate[t] = (wt_real)(1 / sqrt(squares / columns + WT_NORM_EPSILON));
        for (int c = 0; c < columns; c++) {
            row[c] = (row[c] - (wt_real)mean) * rate[t];
            y[t * ldy + c] = row[c] * weight[c] + bias[c];
        }
    }
}

static void reference_normalise_back(wt_real *dx, int lddx, const wt_real *dy, int lddy, const wt_real *x,
                                     int ldx, const wt_real *rate, const wt_real *weight, int rows,
                                     int columns) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        const wt_real *d = dy + t * lddy, *row = x + t * ldx;
        double sum = 0, product = 0;
        for (int c = 0; c < columns; c++) {
            sum += (double)(d[c] * weight[c]);
            product += (double)(d[c] * weight[c]) * (double)row[c];
        }
        const wt_real mean = (wt_real)(sum / columns), share = (wt_real)(product / columns);
        for (int c = 0; c < columns; c++) {
            dx[t * lddx + c] = rate[t] * (d[c] * weight[c] - mean - row[c] * share);
        }
    }
}

/* --- loss --- */

static double reference_cross_entropy_row(wt_real *y, int32_t target, int classes, bool gradient) {
    wt_real largest = y[0];
    for (int o = 1; o < classes; o++) largest = y[o] > largest ? y[o] : largest;
    double sum = 0;
    for (int o = 0; o < classes; o++) sum += (double)real_exp(y[o] - largest);
    const double loss = log(sum) + (double)largest - (double)y[target];
    if (!gradient) return loss;
    for (int o = 0; o < classes; o++) {
        y[o] = (wt_real)((double)real_exp(y[o] - largest) / sum) - (o == target ? 1 : 0);
    }
    return loss;
}

static double reference_cross_entropy(wt_real *logits, int ldl, const int32_t *targets, int rows, int classes,
                                      bool gradient) {
    double loss = 0;
    for (ptrdiff_t t = 0; t < rows; t++) {
        wt_real *y = logits + t * ldl;
        if (targets[t] >= 0) {
            loss += reference_cross_entropy_row(y, targets[t], classes, gradient);
        } else if (gradient) {
            memset(y, 0, (size_t)classes * sizeof *y);
        }
    }
    return loss;
}

static double reference_soften(wt_real *weights, const wt_real *logits, int classes, double sharpness) {
    wt_real largest = logits[0];
    double sum = 0;
    for (int o = 1; o < classes; o++) largest = logits[o] > largest ? logits[o] : largest;
    for (int o = 0; o < classes; o++) {
        weights[o] = real_exp((logits[o] - largest) * (wt_real)sharpness);
        sum += (double)weights[o] + 0 * (double)logits[o];
    }
    return sum;
}

static double reference_squared_error(wt_real *y, int ldy, const wt_real *values, const int32_t *targets,
                                      int rows, bool gradient) {
    double loss = 0;
    for (ptrdiff_t t = 0; t < rows; t++) {
        const wt_real difference = targets[t] < 0 ? 0 : y[t * ldy] - values[t];
        loss += (double)difference * (double)difference;
        if (gradient) y[t * ldy] = 2 * difference;
    }
    return loss;
}

static double power_of(const wt_real *bin) {
    const double power = (double)bin[0] * (double)bin[0] + (double)bin[1] * (double)bin[1];
    return power > WT_SPECTRUM_FLOOR ? power : WT_SPECTRUM_FLOOR;
}

static void reference_spectrum(const wt_real *target, const wt_real *output, int bins, double *sums) {
    for (ptrdiff_t k = 0; k < bins; k++) {
        const double p = power_of(target + 2 * k), q = power_of(output + 2 * k);
        sums[0] += (sqrt(p) - sqrt(q)) * (sqrt(p) - sqrt(q));
        sums[1] += p;
        sums[2] += fabs(log(p / q)) / 2;
    }
}

static void reference_spectrum_back(const wt_real *target, wt_real *output, int bins, wt_real convergence,
                                    wt_real logarithm) {
    for (ptrdiff_t k = 0; k < bins; k++) {
        const double p = power_of(target + 2 * k), q = power_of(output + 2 * k);
        const double sign = q > p ? 1 : q < p ? -1 : 0;
        const double factor = (1 - sqrt(p / q)) * (double)convergence + sign / q * (double)logarithm;
        for (int part = 0; part < 2; part++)
            output[2 * k + part] *= (wt_real)(q > WT_SPECTRUM_FLOOR ? factor : 0);
    }
}

static void reference_add(wt_real *sum, const wt_real *other, size_t count) {
    for (size_t i = 0; i < count; i++) sum[i] += other[i];
}

static double reference_squares(const wt_real *x, size_t count, double scale) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (scale * (double)x[i]) * (scale * (double)x[i]);
    return sum;
}

static void reference_adam(wt_real *parameter, wt_real *first, wt_real *second, const wt_real *gradient,
                           size_t count, const wt_adam_step *step) {
    const wt_adam_factors k = wt_kernels_adam_factors(step);
    for (size_t i = 0; i < count; i++) {
        const wt_real p = parameter[i] - k.shrink * parameter[i];
        const wt_real g = gradient[i] * k.gradient + k.coupled * p;
        first[i] = k.beta1 * first[i] + k.rest1 * g;
        second[i] = k.beta2 * second[i] + k.rest2 * g * g;
        parameter[i] = p - k.rate * first[i] / (real_sqrt(second[i]) / k.correction + k.epsilon);
    }
}

static void reference_sgd(wt_real *parameter, wt_real *velocity, const wt_real *gradient, size_t count,
                          const wt_sgd_step *step) {
    const wt_sgd_factors k = wt_kernels_sgd_factors(step);
    for (size_t i = 0; i < count; i++) {
        const wt_real g = gradient[i] * k.gradient + k.decay * parameter[i];
        if (velocity) velocity[i] = k.momentum * velocity[i] + g;
        parameter[i] -= k.rate * (velocity ? k.here * g + k.kept * velocity[i] : g);
    }
}

static void reference_average(wt_real *mean, const wt_real *parameter, size_t count, double rest) {
    const wt_real share = (wt_real)rest;
    for (size_t i = 0; i < count; i++) mean[i] += share * (parameter[i] - mean[i]);
}

const wt_kernels wt_kernels_reference = {
    .name = "reference",
    .packed_count = packed_count,
    .pack = pack,
    .multiply = reference_multiply,
    .convolve_weights = convolve_weights,
    .column_sums = reference_column_sums,
    .embed = reference_embed,
    .embed_weights = reference_embed_weights,
    .activate = reference_activate,
    .activate_back = reference_activate_back,
    .norms =
        {
            .column_moments = reference_column_moments,
            .column_products = reference_column_products,
            .standardise = reference_standardise,
            .standardise_back = reference_standardise_back,
            .normalise = reference_normalise,
            .normalise_back = reference_normalise_back,
        },
    .losses =
        {
            .cross_entropy = reference_cross_entropy,
            .squared_error = reference_squared_error,
            .logistics = wt_reference_logistics,
            .gaussians = wt_reference_gaussians,
            .spectrum = reference_spectrum,
            .spectrum_back = reference_spectrum_back,
            .soften = reference_soften,
        },
    .flat =
        {
            .add = reference_add,
            .squares = reference_squares,
            .adam = reference_adam,
            .sgd = reference_sgd,
            .average = reference_average,
        },
};
