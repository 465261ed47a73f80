/*
 * Backward kernels against finite differences of the forward ones, with the reference in double. The loss is
 * Σ r·y with random r, or the cross-entropy; central differences of 1e-5 are good to about 1e-9.
 */
#include "kernel_matrix.h"
#include "support.h"

#include <math.h>

#include "kernels/kernel_set.h"
#include "wavetrain/kernels.h"

static const wt_kernels *kernels;
static const double delta = 1e-5;

typedef double (*loss_function)(void *arguments);

/* `gradient` holds the derivatives of the loss by the elements of `variable`, laid out alike. */
static void check_gradient(const matrix *gradient, matrix *variable, loss_function loss, void *arguments) {
    for (int t = 0; t < variable->rows; t++) {
        for (int c = 0; c < variable->columns; c++) {
            double *element = matrix_at(variable, t, c);
            const double value = *element;
            *element = value + delta;
            const double above = loss(arguments);
            *element = value - delta;
            const double below = loss(arguments);
            *element = value;
            const double want = (above - below) / (2 * delta), got = *matrix_at(gradient, t, c);
            if (fabs(got - want) > 1e-8 * (1 + fabs(want))) fail_msg("got %.12g, expected %.12g", got, want);
        }
    }
}

static void set_zero(matrix *m) {
    for (int t = 0; t < m->rows; t++) memset(matrix_at(m, t, 0), 0, (size_t)m->columns * sizeof *m->values);
}

static double product_sum(const matrix *a, const matrix *b) {
    double sum = 0;
    for (int t = 0; t < a->rows; t++) {
        for (int c = 0; c < a->columns; c++) sum += *matrix_at(a, t, c) * *matrix_at(b, t, c);
    }
    return sum;
}

/* --- convolution --- */

typedef struct {
    matrix x, w, bias, y, r;
    int rows, in, out, taps, dilation;
} convolution;

static double convolution_loss(void *arguments) {
    convolution *c = arguments;
    for (int t = 0; t < c->rows; t++) {
        for (int o = 0; o < c->out; o++) {
            *matrix_at(&c->y, t, o) = *matrix_at(&c->bias, 0, o);
            for (int k = 0; k < c->taps * c->in; k++)
                *matrix_at(&c->y, t, o) += *matrix_at(&c->x, t + k / c->in * c->dilation, k % c->in) *
                                           *matrix_at(&c->w, k, o);
        }
    }
    return product_sum(&c->y, &c->r);
}

/* Row u of the gradient by the input: the transposed taps that have a row there, dx[u] = Σ_j dy[u −
 * j·d]·W_jᵀ. */
static void input_gradient_row(const convolution *c, const matrix *turned, int u, matrix *dx) {
    wt_operand taps[8];
    int count = 0;
    for (int j = 0; j < c->taps; j++) {
        const int t = u - j * c->dilation;
        if (t < 0 || t >= c->rows) continue;
        taps[count++] = (wt_operand){matrix_at(&c->r, t, 0), matrix_at(turned, j, 0), c->r.stride, c->out,
                                     NULL};
    }
    kernels->multiply(matrix_at(dx, u, 0), dx->stride, 1, c->in, taps, count, &(wt_finish){NULL, NULL, 0, 1});
}

static void check_input_gradient(convolution *c) {
    matrix turned = matrix_create(c->taps, (int)kernels->packed_count(c->out, c->in), 0, 0, 1);
    matrix dx = matrix_create(c->x.rows, c->in, 2, 0, 1);
    for (int j = 0; j < c->taps; j++) {
        kernels->pack(matrix_at(&turned, j, 0), matrix_at(&c->w, j * c->in, 0), c->out, c->in, true, 1);
    }
    for (int u = 0; u < c->x.rows; u++) input_gradient_row(c, &turned, u, &dx);
    check_gradient(&dx, &c->x, convolution_loss, c);
    matrix_destroy(&turned), matrix_destroy(&dx);
}

static void check_weight_gradients(convolution *c) {
    matrix dw = matrix_create(c->taps * c->in, c->out, 0, 0, 1), db = matrix_create(1, c->out, 0, 0, 1);
    set_zero(&dw), set_zero(&db);
    for (int j = 0; j < c->taps; j++) {
        const double *x = matrix_at(&c->x, j * c->dilation, 0);
        kernels->convolve_weights(matrix_at(&dw, j * c->in, 0), dw.stride, x, c->x.stride, c->r.values,
                                  c->r.stride, c->rows, c->in, c->out);
    }
    kernels->column_sums(db.values, c->r.values, c->r.stride, c->rows, c->out);
    check_gradient(&dw, &c->w, convolution_loss, c);
    check_gradient(&db, &c->bias, convolution_loss, c);
    matrix_destroy(&dw), matrix_destroy(&db);
}

static void test_convolution(void **state) {
    (void)state;
    static const int shapes[][5] = {{1, 1, 1, 1, 1}, {5, 3, 2, 2, 1}, {4, 2, 3, 3, 9}, {7, 3, 4, 5, 2}};
    for (int i = 0; i < 4; i++) {
        const int *s = shapes[i];
        convolution c = {.rows = s[0], .in = s[1], .out = s[2], .taps = s[3], .dilation = s[4]};
        c.x = matrix_create(c.rows + (c.taps - 1) * c.dilation, c.in, 1, 0, 2);
        c.w = matrix_create(c.taps * c.in, c.out, 0, 0, 3), c.bias = matrix_create(1, c.out, 0, 0, 4);
        c.y = matrix_create(c.rows, c.out, 3, 0, 5), c.r = matrix_create(c.rows, c.out, 2, 0, 6);
        check_input_gradient(&c);
        check_weight_gradients(&c);
        matrix_destroy(&c.x), matrix_destroy(&c.w), matrix_destroy(&c.bias);
        matrix_destroy(&c.y), matrix_destroy(&c.r);
    }
}

/* --- one-hot input --- */

enum { EMBED_ROWS = 6, EMBED_CLASSES = 4, EMBED_OUT = 3, EMBED_TAPS = 2 };

typedef struct {
    matrix w, bias, y, r;
    int32_t x[EMBED_ROWS + EMBED_TAPS - 1];
} embedding;

static double embedding_loss(void *arguments) {
    embedding *e = arguments;
    kernels->embed(e->y.values, e->y.stride, e->x, e->w.values, e->bias.values, EMBED_ROWS, EMBED_CLASSES,
                   EMBED_OUT, EMBED_TAPS);
    return product_sum(&e->y, &e->r);
}

static void test_embedding(void **state) {
    (void)state;
    embedding e = {.x = {3, 0, 0, 2, 3, 3, 1}};
    e.w = matrix_create(EMBED_TAPS * EMBED_CLASSES, EMBED_OUT, 0, 0, 7);
    e.bias = matrix_create(1, EMBED_OUT, 0, 0, 8);
    e.y = matrix_create(EMBED_ROWS, EMBED_OUT, 1, 0, 9), e.r = matrix_create(EMBED_ROWS, EMBED_OUT, 2, 0, 10);
    matrix dw = matrix_create(EMBED_TAPS * EMBED_CLASSES, EMBED_OUT, 3, 0, 11);
    set_zero(&dw);
    kernels->embed_weights(dw.values, dw.stride, e.x, e.r.values, e.r.stride, EMBED_ROWS, EMBED_CLASSES,
                           EMBED_OUT, EMBED_TAPS);
    check_gradient(&dw, &e.w, embedding_loss, &e);
    matrix_destroy(&e.w), matrix_destroy(&e.bias), matrix_destroy(&e.y), matrix_destroy(&e.r);
    matrix_destroy(&dw);
}

/* --- activations, loss --- */

typedef struct {
    matrix in, a, z, r;
    int gate;
    wt_activation kind;
} activation;

static double activation_loss(void *arguments) {
    activation *v = arguments;
    for (int t = 0; t < v->in.rows; t++) {
        memcpy(matrix_at(&v->a, t, 0), matrix_at(&v->in, t, 0), (size_t)v->in.columns * sizeof *v->a.values);
    }
    kernels->activate(v->z.values, v->z.stride, v->a.values, v->a.stride, v->in.rows, v->gate, v->kind);
    return product_sum(&v->z, &v->r);
}

static void test_activations(void **state) {
    (void)state;
    static const wt_activation kinds[] = {WT_ACTIVATION_GATE, WT_ACTIVATION_TANH, WT_ACTIVATION_RELU};
    for (int i = 0; i < 3; i++) {
        const int gate = 5, width = kinds[i] == WT_ACTIVATION_GATE ? 2 * gate : gate;
        activation v = {.gate = gate, .kind = kinds[i]};
        v.in = matrix_create(4, width, 1, 0, 12), v.a = matrix_create(4, width, 2, 0, 13);
        v.z = matrix_create(4, gate, 3, 0, 14), v.r = matrix_create(4, gate, 0, 0, 15);
        matrix gradient = matrix_create(4, width, 2, 0, 13);
        activation_loss(&v);
        kernels->activate_back(gradient.values, gradient.stride, NULL, 0, v.a.values, v.a.stride, v.r.values,
                               v.r.stride, 4, gate, v.kind);
        check_gradient(&gradient, &v.in, activation_loss, &v);
        matrix_destroy(&v.in), matrix_destroy(&v.a), matrix_destroy(&v.z), matrix_destroy(&v.r);
        matrix_destroy(&gradient);
    }
}

static const int32_t loss_targets[4] = {0, 6, -1, 3};

static double entropy_loss(void *arguments) {
    matrix *y = arguments;
    return kernels->losses.cross_entropy(y->values, y->stride, loss_targets, y->rows, y->columns, false);
}

static void test_cross_entropy_double(void **state) {
    (void)state;
    matrix y = matrix_create(4, 7, 2, 0, 16), gradient = matrix_create(4, 7, 2, 0, 16);
    kernels->losses.cross_entropy(gradient.values, gradient.stride, loss_targets, 4, 7, true);
    check_gradient(&gradient, &y, entropy_loss, &y);
    matrix_destroy(&y), matrix_destroy(&gradient);
}

typedef struct {
    matrix y;
    wt_mixture mixture;
    double values[8];
    int32_t targets[4];
    bool gaussian;
} mixture_case;

static double mixture_loss(const mixture_case *m, matrix *y, bool gradient) {
    return (m->gaussian ? kernels->losses.gaussians : kernels->losses.logistics)(
        y->values, y->stride, m->values, m->targets, 4, &m->mixture, gradient);
}

static double mixture_loss_of(void *arguments) {
    mixture_case *m = arguments;
    return mixture_loss(m, &m->y, false);
}

/* Scales about the size of the values, so that a step of the differences is small against them. */
static void test_mixtures(void **state) {
    (void)state;
    for (int i = 0; i < 8; i++) {
        mixture_case m = {.mixture = {i & 1 ? 3 : 1, 2, i & 2 ? 0.05 : 0, i & 1 ? 0.5 : 1},
                          .gaussian = i & 4};
        const int outputs = wt_kernels_mixture_outputs(&m.mixture);
        for (int v = 0; v < 8; v++) m.values[v] = test_random((uint64_t)v + 70);
        m.targets[1] = m.mixture.half > 0 ? WT_EDGE_HIGH | WT_EDGE_LOW << 2 : 0;
        m.targets[2] = -1;
        m.y = matrix_create(4, outputs, 1, 0, 21);
        matrix gradient = matrix_create(4, outputs, 1, 0, 21);
        mixture_loss(&m, &gradient, true);
        check_gradient(&gradient, &m.y, mixture_loss_of, &m);
        matrix_destroy(&m.y), matrix_destroy(&gradient);
    }
}

static void test_other_backends_are_refused(void **state) {
    (void)state;
    const wt_kernels *table;
    assert_int_equal(wt_kernels_select(&table, WT_BACKEND_OPENBLAS, WT_PRECISION_FP32), WT_USAGE);
    assert_int_equal(wt_kernels_select(&table, WT_BACKEND_AUTO, WT_PRECISION_FP32), WT_OK);
    assert_string_equal(table->name, "reference");
}

int main(void) {
    if (wt_kernels_select(&kernels, WT_BACKEND_REFERENCE, WT_PRECISION_FP32) != WT_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolution),
        cmocka_unit_test(test_embedding),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_cross_entropy_double),
        cmocka_unit_test(test_mixtures),
        cmocka_unit_test(test_other_backends_are_refused),
        cmocka_unit_test(test_memory_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
