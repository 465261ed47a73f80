/*
 * One backend, named on the command line, against the formulas of kernel_set.h in double: values, untouched
 * padding, the same bits at another alignment. All but the packed products, which test_products.c has;
 * test_vector_kernels.c compares the backends' builds with each other, test_kernels_double.c the formulas
 * with finite differences.
 */
#include "kernel_matrix.h"
#include "support.h"

#include <math.h>
#include <pthread.h>

#include "backend.h"

static const wt_kernels *kernels;

/* |got − want| against the sum of the magnitudes that were added. */
static void check_kernel_sum(double got, double want, double magnitude) {
    if (fabs(got - want) <= 4e-6 * magnitude + 1e-30) return;
    fail_msg("got %.9g, expected %.9g (magnitude %.3g)", got, want, magnitude);
}

static void check_close(double got, double want, double relative, double absolute) {
    if (fabs(got - want) <= relative * fabs(want) + absolute) return;
    fail_msg("got %.9g, expected %.9g", got, want);
}

/* --- convolutions --- */

/* In the order of t, so exactly what a loop gives. */
static void test_column_sums(void **state) {
    (void)state;
    static const int widths[] = {1, 7, 16, 65, 128};
    for (int i = 0; i < 5; i++) {
        for (int rows = 0; rows <= 101; rows += rows ? 100 : 1) {
            matrix dy = matrix_create(rows, widths[i], 2, 1, 12), db = matrix_create(1, widths[i], 3, 2, 13);
            matrix want = matrix_create(1, widths[i], 3, 0, 13);
            for (int t = 0; t < rows; t++) {
                for (int o = 0; o < widths[i]; o++) *matrix_at(&want, 0, o) += *matrix_at(&dy, t, o);
            }
            kernels->column_sums(db.values, dy.values, dy.stride, rows, widths[i]);
            matrix_check_same(&db, &want);
            matrix_check_padding(&db);
            matrix_destroy(&dy), matrix_destroy(&db), matrix_destroy(&want);
        }
    }
}

/* --- one-hot input --- */

enum { EMBED_ROWS = 41, EMBED_CLASSES = 9 };

static void embed_once(int out, int taps) {
    int32_t x[EMBED_ROWS + 8];
    for (int t = 0; t < EMBED_ROWS + 8; t++) {
        x[t] = (int32_t)((test_random((uint64_t)t) + 1) / 2 * EMBED_CLASSES);
    }
    matrix w = matrix_create(taps * EMBED_CLASSES, out, 0, 1, 14), bias = matrix_create(1, out, 0, 2, 15);
    matrix y = matrix_create(EMBED_ROWS, out, 3, 1, 16), dy = matrix_create(EMBED_ROWS, out, 2, 3, 17);
    matrix dw = matrix_create(taps * EMBED_CLASSES, out, 5, 1, 18);
    matrix want = matrix_create(taps * EMBED_CLASSES, out, 5, 0, 18);
    kernels->embed(y.values, y.stride, x, w.values, bias.values, EMBED_ROWS, EMBED_CLASSES, out, taps);
    kernels->embed_weights(dw.values, dw.stride, x, dy.values, dy.stride, EMBED_ROWS, EMBED_CLASSES, out,
                           taps);
    for (int t = 0; t < EMBED_ROWS; t++) {
        for (int o = 0; o < out; o++) {
            double sum = *matrix_at(&bias, 0, o);
            for (int j = 0; j < taps; j++) {
                const int row = j * EMBED_CLASSES + x[t + j];
                sum += *matrix_at(&w, row, o);
                *matrix_at(&want, row, o) += *matrix_at(&dy, t, o);
            }
            check_kernel_sum(*matrix_at(&y, t, o), sum, taps + 1);
        }
    }
    matrix_check_same(&dw, &want);
    matrix_check_padding(&y), matrix_check_padding(&dw);
    matrix_destroy(&w), matrix_destroy(&bias), matrix_destroy(&y), matrix_destroy(&dy);
    matrix_destroy(&dw), matrix_destroy(&want);
}

static void test_embed(void **state) {
    (void)state;
    static const int widths[] = {1, 13, 32, 67};
    for (int i = 0; i < 4; i++) {
        for (int taps = 1; taps <= 5; taps++) embed_once(widths[i], taps);
    }
}

/* --- activations --- */

static const float extremes[] = {0.0f,   -0.0f, 100.0f, -100.0f, 88.0f, -88.0f, 1e-40f,  -1e-40f, 1e-30f,
                                 -1e-7f, 1e30f, -1e30f, 0.3466f, 9.02f, 1e-4f,  -0.625f, 86.9f,   -86.9f};

static void put_extremes(matrix *m) {
    const int count = sizeof extremes / sizeof *extremes;
    for (int c = 0; c < m->columns; c++) *matrix_at(m, 0, c) = extremes[c % count];
    for (int t = 1; t < m->rows; t++) {
        for (int c = 0; c < m->columns; c++) *matrix_at(m, t, c) *= t % 2 ? 4.0f : 20.0f;
    }
}

/* 1.8e-38: what e^−87 and the denormals, flushed, may be off by. */
static void check_activation(double z, double a, double g, double filter, double gates, wt_activation kind) {
    if (kind == WT_ACTIVATION_RELU) {
        assert_true(z == fmax(filter, 0) && a == fmax(filter, 0));
        return;
    }
    check_close(a, tanh(filter), 4e-7, 1.8e-38);
    if (kind == WT_ACTIVATION_TANH) {
        assert_true(z == a);
        return;
    }
    check_close(g, 1 / (1 + exp(-gates)), 4e-7, 1.8e-38);
    check_close(z, a * g, 1e-7, 1.8e-38);
}

static void check_activation_gradient(const matrix *da, const matrix *kept, const matrix *dz, int gate,
                                      wt_activation kind) {
    for (int t = 0; t < kept->rows; t++) {
        for (int c = 0; c < gate; c++) {
            const double f = *matrix_at(kept, t, c), d = *matrix_at(dz, t, c);
            double want = kind == WT_ACTIVATION_RELU ? (f > 0 ? d : 0) : d * (1 - f * f);
            if (kind == WT_ACTIVATION_GATE) {
                const double s = *matrix_at(kept, t, c + gate);
                want *= s;
                check_close(*matrix_at(da, t, c + gate), d * f * s * (1 - s), 4e-7, 1e-37);
            }
            check_close(*matrix_at(da, t, c), want, 4e-7, 1e-7 * fabs(d)); /* 1 − f² cancels */
        }
    }
}

/* Out of place, with z made again to forward's bits; then in place without z, to the same bits. */
static void check_activate_back(const matrix *kept, const matrix *z, int gate, int shift,
                                wt_activation kind) {
    const int rows = kept->rows, width = kept->columns;
    matrix a = matrix_create(rows, width, 2, shift, 19), dz = matrix_create(rows, gate, 4, 1, 21);
    matrix da = matrix_create(rows, width, 5, shift, 29), again = matrix_create(rows, gate, 3, shift, 30);
    for (int t = 0; t < rows; t++) {
        memcpy(matrix_at(&a, t, 0), matrix_at(kept, t, 0), (size_t)width * sizeof *a.values);
    }
    kernels->activate_back(da.values, da.stride, again.values, again.stride, a.values, a.stride, dz.values,
                           dz.stride, rows, gate, kind);
    check_activation_gradient(&da, kept, &dz, gate, kind);
    matrix_check_same(&again, z);
    matrix_check_same(&a, kept);
    kernels->activate_back(a.values, a.stride, NULL, 0, a.values, a.stride, dz.values, dz.stride, rows, gate,
                           kind);
    matrix_check_same(&a, &da);
    matrix_check_padding(&a), matrix_check_padding(&da), matrix_check_padding(&again);
    matrix_destroy(&a), matrix_destroy(&dz), matrix_destroy(&da), matrix_destroy(&again);
}

static void activate_once(int rows, int gate, int shift, wt_activation kind, matrix *result) {
    const int width = kind == WT_ACTIVATION_GATE ? 2 * gate : gate;
    matrix in = matrix_create(rows, width, 3, 0, 19), a = matrix_create(rows, width, 3, shift, 19);
    matrix z = matrix_create(rows, gate, 1, shift, 20);
    put_extremes(&in), put_extremes(&a);
    kernels->activate(z.values, z.stride, a.values, a.stride, rows, gate, kind);
    const int to_gate = kind == WT_ACTIVATION_GATE ? gate : 0;
    for (int t = 0; t < rows; t++) {
        for (int c = 0; c < gate; c++) {
            check_activation(*matrix_at(&z, t, c), *matrix_at(&a, t, c), *matrix_at(&a, t, c + to_gate),
                             *matrix_at(&in, t, c), *matrix_at(&in, t, c + to_gate), kind);
        }
    }
    matrix_check_padding(&a), matrix_check_padding(&z);
    check_activate_back(&a, &z, gate, shift, kind);
    matrix_destroy(&in), matrix_destroy(&z);
    *result = a;
}

static void test_activate(void **state) {
    (void)state;
    static const int gates[] = {1, 7, 16, 18, 61, 64};
    static const wt_activation kinds[] = {WT_ACTIVATION_GATE, WT_ACTIVATION_TANH, WT_ACTIVATION_RELU};
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < 3; k++) {
            matrix aligned, shifted;
            activate_once(23, gates[i], 0, kinds[k], &aligned);
            activate_once(23, gates[i], 3, kinds[k], &shifted);
            matrix_check_same(&aligned, &shifted);
            matrix_destroy(&aligned), matrix_destroy(&shifted);
        }
    }
}

static void test_nan_passes(void **state) {
    (void)state;
    static const wt_activation kinds[] = {WT_ACTIVATION_GATE, WT_ACTIVATION_TANH, WT_ACTIVATION_RELU};
    for (int k = 0; k < 3; k++) {
        float a[34] = {0}, z[17] = {0};
        a[5] = a[16] = NAN;
        kernels->activate(z, 17, a, 34, 1, 17, kinds[k]);
        assert_true(isnan(z[5]) && isnan(z[16]) && !isnan(z[0]));
    }
    float logits[20] = {0};
    logits[19] = NAN;
    const int32_t target = 0;
    assert_true(isnan(kernels->losses.cross_entropy(logits, 20, &target, 1, 20, true)));
    for (int i = 0; i < 20; i++) logits[i] = INFINITY;
    assert_false(isfinite(kernels->losses.cross_entropy(logits, 20, &target, 1, 20, false)));
}

/* --- loss --- */

enum { LOSS_ROWS = 6 };

static double naive_log_sum(const matrix *y, int t) {
    double largest = -INFINITY, sum = 0;
    for (int o = 0; o < y->columns; o++) largest = fmax(largest, *matrix_at(y, t, o));
    for (int o = 0; o < y->columns; o++) sum += exp(*matrix_at(y, t, o) - largest);
    return largest + log(sum);
}

/* Row 1 has logits of ±1e4, row 2 one that leaves nothing to the others, row 3 no target, row 4 all alike. */
static matrix logits_create(int classes, int shift) {
    matrix y = matrix_create(LOSS_ROWS, classes, 3, shift, 25);
    for (int o = 0; o < classes; o++) {
        *matrix_at(&y, 0, o) *= 5;
        *matrix_at(&y, 1, o) = o % 2 ? 1e4f : -1e4f;
        *matrix_at(&y, 2, o) = o == classes - 1 ? 200 : 0;
        *matrix_at(&y, 4, o) = -3;
        *matrix_at(&y, 5, o) *= 50;
    }
    return y;
}

static void check_loss_row(const matrix *y, const matrix *old, int t, int32_t target, double log_sum) {
    for (int o = 0; o < y->columns; o++) {
        const double exponent = *matrix_at(old, t, o) - log_sum;
        const double share = target < 0 ? 0 : exp(exponent) - (o == target);
        const double rounded = 1e-6 + 1.2e-7 * fabs(exponent); /* the exponent is rounded to float */
        check_close(*matrix_at(y, t, o), share, rounded, o == target ? 2e-7 : 1.8e-38);
    }
}

static void loss_once(int classes, int shift, matrix *result) {
    const int32_t targets[LOSS_ROWS] = {classes / 2, 0, classes - 1, -1, classes / 3, classes - 1};
    matrix y = logits_create(classes, shift), old = logits_create(classes, 0);
    double want = 0, log_sum[LOSS_ROWS];
    for (int t = 0; t < LOSS_ROWS; t++) {
        log_sum[t] = naive_log_sum(&old, t);
        if (targets[t] >= 0) want += log_sum[t] - *matrix_at(&old, t, targets[t]);
    }
    const double alone = kernels->losses.cross_entropy(y.values, y.stride, targets, LOSS_ROWS, classes,
                                                       false);
    matrix_check_same(&y, &old);
    const double loss = kernels->losses.cross_entropy(y.values, y.stride, targets, LOSS_ROWS, classes, true);
    assert_true(alone == loss);
    check_close(loss, want, 1e-7, 1e-6);
    for (int t = 0; t < LOSS_ROWS; t++) check_loss_row(&y, &old, t, targets[t], log_sum[t]);
    matrix_check_padding(&y);
    matrix_destroy(&old);
    *result = y;
}

/* Rows 1 and 4 have no target: whatever stands there, a NaN too, is no part of loss and gradient. */
static void test_squared_error(void **state) {
    (void)state;
    enum { ROWS = 7, LD = 3 };
    const int32_t targets[ROWS] = {0, -1, 0, 0, -1, 0, 0};
    const wt_real values[ROWS] = {1, 2, -0.5f, 1e3f, (wt_real)NAN, 0, 0.25f};
    wt_real y[ROWS * LD], before[ROWS * LD];
    double want = 0;
    for (int i = 0; i < ROWS * LD; i++) before[i] = y[i] = (wt_real)(0.125 * i - 1);
    for (int t = 0; t < ROWS; t++) {
        const double d = (double)(wt_real)(y[t * LD] - values[t]);
        if (targets[t] >= 0) want += d * d;
    }
    const double alone = kernels->losses.squared_error(y, LD, values, targets, ROWS, false);
    assert_true(alone == want);
    assert_memory_equal(y, before, sizeof y);
    assert_true(kernels->losses.squared_error(y, LD, values, targets, ROWS, true) == want);
    for (int i = 0; i < ROWS * LD; i++) {
        const int t = i / LD;
        const wt_real gradient = targets[t] < 0 ? 0 : 2 * (before[i] - values[t]);
        assert_true(y[i] == (i % LD ? before[i] : gradient));
    }
    y[2 * LD] = (wt_real)NAN; /* a NaN of the network must reach the check of the step's loss */
    assert_true(isnan(kernels->losses.squared_error(y, LD, values, targets, ROWS, true)));
    assert_true(kernels->losses.squared_error(y, LD, values, targets, 0, true) == 0);
}

/* Both at the floor, one of the two, and alike: their shares of the sums, and the gradient, by its
 * definition. */
static void spectrum_once(int bins) {
    matrix a = matrix_create(1, 2 * bins, 1, 1, 41), b = matrix_create(1, 2 * bins, 0, 1, 42);
    double sums[3] = {1, 2, 3}, want[3] = {1, 2, 3};
    for (int k = 0; k < bins; k++) {
        for (int part = 0; part < 2; part++) {
            wt_real *target = &a.values[2 * k + part], *output = &b.values[2 * k + part];
            if (k % 5 == 1) *target *= (wt_real)1e-5;
            if (k % 5 == 2) *output *= (wt_real)1e-5;
            if (k % 5 == 3) *target = *output;
        }
        const double p = (double)a.values[2 * k] * (double)a.values[2 * k] +
                         (double)a.values[2 * k + 1] * (double)a.values[2 * k + 1];
        const double q = (double)b.values[2 * k] * (double)b.values[2 * k] +
                         (double)b.values[2 * k + 1] * (double)b.values[2 * k + 1];
        const double m = sqrt(fmax(p, WT_SPECTRUM_FLOOR)), n = sqrt(fmax(q, WT_SPECTRUM_FLOOR));
        want[0] += (m - n) * (m - n), want[1] += m * m, want[2] += fabs(log(m) - log(n));
    }
    kernels->losses.spectrum(a.values, b.values, bins, sums);
    for (int i = 0; i < 3; i++) check_close(sums[i], want[i], 1e-6, 1e-6);
    matrix old = matrix_create(1, 2 * bins, 0, 0, 0);
    memcpy(old.values, b.values, 2 * (size_t)bins * sizeof(wt_real));
    kernels->losses.spectrum_back(a.values, b.values, bins, (wt_real)0.5, (wt_real)0.25);
    for (int k = 0; k < bins; k++) {
        const double re = (double)old.values[2 * k], im = (double)old.values[2 * k + 1],
                     q = re * re + im * im;
        const double m = hypot((double)a.values[2 * k], (double)a.values[2 * k + 1]);
        const double own = fmax(m, sqrt(WT_SPECTRUM_FLOOR)), other = sqrt(fmax(q, WT_SPECTRUM_FLOOR));
        const int sign = k % 5 == 3 ? 0 : other > own ? 1 : -1;
        const double factor = q > WT_SPECTRUM_FLOOR ? (1 - own / other) * 0.5 + sign * 0.25 / q : 0;
        check_close((double)b.values[2 * k], re * factor, 1e-6, 1e-5);
        check_close((double)b.values[2 * k + 1], im * factor, 1e-6, 1e-5);
    }
    matrix_check_padding(&b);
    matrix_destroy(&a), matrix_destroy(&b), matrix_destroy(&old);
}

static void test_spectrum(void **state) {
    (void)state;
    static const int bins[] = {1, 2, 15, 16, 17, 33, 257};
    for (int i = 0; i < 7; i++) spectrum_once(bins[i]);
}

static void test_cross_entropy(void **state) {
    (void)state;
    static const int classes[] = {1, 2, 7, 16, 63, 64, 65, 256, 1000};
    for (int i = 0; i < 9; i++) {
        matrix aligned, shifted;
        loss_once(classes[i], 0, &aligned);
        loss_once(classes[i], 3, &shifted);
        matrix_check_same(&aligned, &shifted);
        matrix_destroy(&aligned), matrix_destroy(&shifted);
    }
}

/* --- flat buffers --- */

static void test_add_and_squares(void **state) {
    (void)state;
    static const int counts[] = {0, 1, 15, 16, 17, 1000, WT_NORM_BLOCK};
    for (int i = 0; i < 7; i++) {
        const int n = counts[i];
        matrix sum = matrix_create(1, n, 3, 1, 26), other = matrix_create(1, n, 0, 2, 27);
        matrix old = matrix_create(1, n, 3, 0, 26);
        kernels->flat.add(sum.values, other.values, (size_t)n);
        double want = 0;
        for (int c = 0; c < n; c++) {
            assert_true(sum.values[c] == old.values[c] + other.values[c]);
            want += 0.09 * old.values[c] * old.values[c];
        }
        matrix_check_padding(&sum);
        const double aligned = kernels->flat.squares(old.values, (size_t)n, 0.3);
        check_close(aligned, want, 1e-13, 0);
        memmove(old.values + 1, old.values, (size_t)n * sizeof *old.values);
        assert_true(kernels->flat.squares(old.values + 1, (size_t)n, 0.3) == aligned);
        matrix_destroy(&sum), matrix_destroy(&other), matrix_destroy(&old);
    }
}

enum { ADAM_COUNT = 37, ADAM_STEPS = 5 };

static void adam_in_double(double *p, double *m, double *v, double g, const wt_adam_step *s) {
    const double t = (double)s->step;
    g *= s->gradient_scale;
    if (s->decoupled)
        *p -= s->learning_rate * s->weight_decay * *p;
    else
        g += s->weight_decay * *p;
    *m = s->beta1 * *m + (1 - s->beta1) * g;
    *v = s->beta2 * *v + (1 - s->beta2) * g * g;
    const double m_hat = *m / (1 - pow(s->beta1, t)), root = sqrt(*v) / sqrt(1 - pow(s->beta2, t));
    *p -= s->learning_rate * m_hat / (root + s->epsilon);
}

static void adam_once(wt_adam_step step) {
    matrix p = matrix_create(1, ADAM_COUNT, 2, 1, 28);
    float m[ADAM_COUNT] = {0}, v[ADAM_COUNT] = {0};
    double want[ADAM_COUNT], want_m[ADAM_COUNT] = {0}, want_v[ADAM_COUNT] = {0};
    for (int i = 0; i < ADAM_COUNT; i++) want[i] = p.values[i];
    for (int n = 0; n < ADAM_STEPS; n++, step.step++) {
        matrix g = matrix_create(1, ADAM_COUNT, 0, 3, (uint64_t)(30 + n));
        kernels->flat.adam(p.values, m, v, g.values, ADAM_COUNT, &step);
        for (int i = 0; i < ADAM_COUNT; i++) {
            adam_in_double(&want[i], &want_m[i], &want_v[i], g.values[i], &step);
            check_close(p.values[i], want[i], 1e-6, 1e-6 * step.learning_rate);
            check_close(m[i], want_m[i], 1e-6, 1e-7 * step.gradient_scale);
            check_close(v[i], want_v[i], 2e-6, 0);
        }
        matrix_destroy(&g);
    }
    matrix_check_padding(&p);
    matrix_destroy(&p);
}

static void test_adam(void **state) {
    (void)state;
    const wt_adam_step plain = {
        .learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .gradient_scale = 1, .step = 1};
    wt_adam_step step = plain;
    adam_once(step);
    step.gradient_scale = 1.0 / 16384;
    adam_once(step);
    step.weight_decay = 0.1;
    adam_once(step);
    step.decoupled = true;
    adam_once(step);
    step = plain;
    step.beta1 = 0.5, step.beta2 = 0.9, step.epsilon = 0.1, step.step = 100000;
    adam_once(step);
}

/* torch.optim.SGD, and a mean after each step */
static void sgd_once(wt_sgd_step step, bool moves) {
    matrix p = matrix_create(1, ADAM_COUNT, 2, 1, 28);
    float v[ADAM_COUNT] = {0}, mean[ADAM_COUNT] = {0};
    double want[ADAM_COUNT], want_v[ADAM_COUNT] = {0}, want_mean[ADAM_COUNT] = {0};
    for (int i = 0; i < ADAM_COUNT; i++) want[i] = p.values[i];
    for (int n = 0; n < ADAM_STEPS; n++) {
        matrix g = matrix_create(1, ADAM_COUNT, 0, 3, (uint64_t)(30 + n));
        kernels->flat.sgd(p.values, moves ? v : NULL, g.values, ADAM_COUNT, &step);
        kernels->flat.average(mean, p.values, ADAM_COUNT, 0.3);
        for (int i = 0; i < ADAM_COUNT; i++) {
            const double d = g.values[i] * step.gradient_scale + step.weight_decay * want[i];
            want_v[i] = moves ? step.momentum * want_v[i] + d : 0;
            want[i] -= step.learning_rate * (!moves          ? d
                                             : step.nesterov ? d + step.momentum * want_v[i]
                                                             : want_v[i]);
            want_mean[i] = 0.7 * want_mean[i] + 0.3 * want[i];
            check_close(p.values[i], want[i], 1e-6, 1e-6);
            check_close(v[i], want_v[i], 1e-6, 1e-6 * step.gradient_scale + 1e-7);
            check_close(mean[i], want_mean[i], 1e-6, 1e-6);
        }
        matrix_destroy(&g);
    }
    matrix_check_padding(&p);
    matrix_destroy(&p);
}

static void test_sgd(void **state) {
    (void)state;
    wt_sgd_step step = {.learning_rate = 0.1, .gradient_scale = 1};
    sgd_once(step, false);
    step.weight_decay = 0.1;
    sgd_once(step, false);
    sgd_once(step, true); /* momentum 0 */
    step.momentum = 0.9;
    sgd_once(step, true);
    step.nesterov = true;
    sgd_once(step, true);
    step.gradient_scale = 1.0 / 16384;
    sgd_once(step, true);
}

/* --- set-up --- */

static bool denormals_flush(void) {
    volatile float small = 1e-30f;
    const volatile float product = small * 1e-10f;
    return product == 0;
}

static void *ask_in_thread(void *answer) {
    *(bool *)answer = denormals_flush();
    return NULL;
}

static void test_denormals_flush_in_threads(void **state) {
    (void)state;
    assert_true(denormals_flush());
    bool answer = false;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_in_thread, &answer), 0);
    pthread_join(thread, NULL);
    assert_true(answer);
}

int main(int argc, char **argv) {
    wt_kernels_setup_thread();
    const int unfit = test_select_backend(&kernels, argc > 1 ? argv[1] : "reference");
    if (unfit) return unfit;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_column_sums),
        cmocka_unit_test(test_embed),
        cmocka_unit_test(test_activate),
        cmocka_unit_test(test_nan_passes),
        cmocka_unit_test(test_cross_entropy),
        cmocka_unit_test(test_squared_error),
        cmocka_unit_test(test_spectrum),
        cmocka_unit_test(test_add_and_squares),
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_denormals_flush_in_threads),
        cmocka_unit_test(test_memory_is_given_back),
    };
    return cmocka_run_group_tests_name(kernels->name, tests, NULL, NULL);
}
