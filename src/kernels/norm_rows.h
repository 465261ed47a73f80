/*
 * The norms' kernels for vector_kernels.c, which includes this once for each instruction set. A column's sums
 * grow in the order of the rows; a row's are LANES partial sums in double, added in order: the same bits in
 * every build.
 */
#ifndef WAVETRAIN_NORM_ROWS_H
#define WAVETRAIN_NORM_ROWS_H

/* The sums of a few columns, a number that is known when compiling, stay in registers over all rows. */
INLINE void moments_of(double *sums, double *squares, const float *x, int ldx, int rows, int columns) {
    double sum[LANES], square[LANES];
#pragma omp simd
    for (int k = 0; k < columns; k++) sum[k] = sums[k], square[k] = squares[k];
    for (ptrdiff_t t = 0; t < rows; t++, x += ldx) {
#pragma omp simd
        for (int k = 0; k < columns; k++) {
            const double value = (double)x[k];
            sum[k] += value;
            square[k] += value * value;
        }
    }
#pragma omp simd
    for (int k = 0; k < columns; k++) sums[k] = sum[k], squares[k] = square[k];
}

static void column_moments(double *sums, const float *x, int ldx, int rows, int columns) {
    int c = 0;
#define COLUMNS(n) \
    for (; c + n <= columns; c += n) moments_of(sums + c, sums + columns + c, x + c, ldx, rows, n)
    COLUMNS(LANES);
    COLUMNS(4);
    COLUMNS(1);
#undef COLUMNS
}

INLINE void products_of(double *sums, double *products, const float *dy, int lddy, const float *x, int ldx,
                        int rows, int columns) {
    double sum[LANES], product[LANES];
#pragma omp simd
    for (int k = 0; k < columns; k++) sum[k] = sums[k], product[k] = products[k];
    for (ptrdiff_t t = 0; t < rows; t++, dy += lddy, x += ldx) {
#pragma omp simd
        for (int k = 0; k < columns; k++) {
            const double d = (double)dy[k];
            sum[k] += d;
            product[k] += d * (double)x[k];
        }
    }
#pragma omp simd
    for (int k = 0; k < columns; k++) sums[k] = sum[k], products[k] = product[k];
}

static void column_products(double *sums, const float *dy, int lddy, const float *x, int ldx, int rows,
                            int columns) {
    int c = 0;
#define COLUMNS(n)                   \
    for (; c + n <= columns; c += n) \
    products_of(sums + c, sums + columns + c, dy + c, lddy, x + c, ldx, rows, n)
    COLUMNS(LANES);
    COLUMNS(4);
    COLUMNS(1);
#undef COLUMNS
}

INLINE void load_lanes(float *restrict to, const float *restrict from, int count) {
#pragma omp simd
    for (int k = 0; k < LANES; k++) to[k] = k < count ? from[k] : 0;
}

INLINE void standardise_lanes(float *y, int ldy, float *x, int ldx, const float *mean, const float *rate,
                              const float *weight, const float *bias, int rows, int count) {
    float m[LANES], r[LANES], w[LANES], b[LANES];
    load_lanes(m, mean, count), load_lanes(r, rate, count);
    load_lanes(w, weight, count), load_lanes(b, bias, count);
    for (ptrdiff_t t = 0; t < rows; t++, y += ldy, x += ldx) {
#pragma omp simd
        for (int k = 0; k < LANES; k++) {
            if (k < count) {
                const float value = (x[k] - m[k]) * r[k];
                x[k] = value;
                y[k] = value * w[k] + b[k];
            }
        }
    }
}

static void standardise(float *y, int ldy, float *x, int ldx, const float *mean, const float *rate,
                        const float *weight, const float *bias, int rows, int columns) {
    int c = 0;
#define COLUMNS(count) \
    standardise_lanes(y + c, ldy, x + c, ldx, mean + c, rate + c, weight + c, bias + c, rows, count)
    for (; c + LANES <= columns; c += LANES) COLUMNS(LANES);
    if (c < columns) COLUMNS(columns - c);
#undef COLUMNS
}

INLINE void standardise_back_lanes(float *dx, int lddx, const float *dy, int lddy, const float *x, int ldx,
                                   const float *factor, const float *mean_dy, const float *mean_product,
                                   int rows, int count) {
    float f[LANES], d[LANES], p[LANES];
    load_lanes(f, factor, count), load_lanes(d, mean_dy, count), load_lanes(p, mean_product, count);
    for (ptrdiff_t t = 0; t < rows; t++, dx += lddx, dy += lddy, x += ldx) {
#pragma omp simd
        for (int k = 0; k < LANES; k++) {
            if (k < count) dx[k] = f[k] * (dy[k] - d[k] - x[k] * p[k]);
        }
    }
}

static void standardise_back(float *dx, int lddx, const float *dy, int lddy, const float *x, int ldx,
                             const float *factor, const float *mean_dy, const float *mean_product, int rows,
                             int columns) {
    int c = 0;
#define COLUMNS(count)                                                                      \
    standardise_back_lanes(dx + c, lddx, dy + c, lddy, x + c, ldx, factor + c, mean_dy + c, \
                           mean_product + c, rows, count)
    for (; c + LANES <= columns; c += LANES) COLUMNS(LANES);
    if (c < columns) COLUMNS(columns - c);
#undef COLUMNS
}

/* --- layer norm --- */

/* Σ x, in LANES partial sums. */
static double sum_row(const float *x, int columns) {
    double part[LANES] = {0};
    int i = 0;
    for (; i + LANES <= columns; i += LANES) {
        for (int k = 0; k < LANES; k++) part[k] += (double)x[i + k];
    }
    for (int k = 0; i + k < columns; k++) part[k] += (double)x[i + k];
    return sum_lanes(part);
}

static double sum_deviations(const float *x, double mean, int columns) {
    double part[LANES] = {0};
    int i = 0;
    for (; i + LANES <= columns; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            const double deviation = (double)x[i + k] - mean;
            part[k] += deviation * deviation;
        }
    }
    for (int k = 0; i + k < columns; k++) {
        const double deviation = (double)x[i + k] - mean;
        part[k] += deviation * deviation;
    }
    return sum_lanes(part);
}

static void normalise_row(float *restrict y, float *restrict x, float mean, float rate,
                          const float *restrict weight, const float *restrict bias, int columns) {
    for (int c = 0; c < columns; c++) {
        const float value = (x[c] - mean) * rate;
        x[c] = value;
        y[c] = value * weight[c] + bias[c];
    }
}

static void normalise(float *y, int ldy, float *x, int ldx, float *rate, const float *weight,
                      const float *bias, int rows, int columns) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        float *row = x + t * ldx;
        const double mean = sum_row(row, columns) / columns;
        const double variance = sum_deviations(row, mean, columns) / columns;
        rate[t] = (float)(1 / __builtin_sqrt(variance + WT_NORM_EPSILON));
        normalise_row(y + t * ldy, row, (float)mean, rate[t], weight, bias, columns);
    }
}

/* Σ dy·weight and Σ dy·weight·x */
static void sum_weighted(double sums[2], const float *dy, const float *weight, const float *x, int columns) {
    double part[2][LANES] = {{0}};
    int i = 0;
    for (; i + LANES <= columns; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            const float g = dy[i + k] * weight[i + k];
            part[0][k] += (double)g;
            part[1][k] += (double)g * (double)x[i + k];
        }
    }
    for (int k = 0; i + k < columns; k++) {
        const float g = dy[i + k] * weight[i + k];
        part[0][k] += (double)g;
        part[1][k] += (double)g * (double)x[i + k];
    }
    for (int n = 0; n < 2; n++) sums[n] = sum_lanes(part[n]);
}

static void normalise_back(float *dx, int lddx, const float *dy, int lddy, const float *x, int ldx,
                           const float *rate, const float *weight, int rows, int columns) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        float *to = dx + t * lddx;
        const float *d = dy + t * lddy, *row = x + t * ldx;
        double sums[2];
        sum_weighted(sums, d, weight, row, columns);
        const float mean = (float)(sums[0] / columns), share = (float)(sums[1] / columns), r = rate[t];
#pragma omp simd
        for (int c = 0; c < columns; c++) to[c] = r * (d[c] * weight[c] - mean - row[c] * share);
    }
}

#endif
