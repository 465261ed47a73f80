/*
 * How well a linear filter can do what a network learns: the least error-to-signal ratio Σ(y − Σ_i h_i
 * x[t−i])²/Σy² over a split of a data set with one channel and values for labels, of all causal filters of a
 * length:
 *     linear_filter DATASET SPLIT LENGTH
 * By the normal equations in double, with zeros before each utterance; the filter is fitted to the very split
 * that it is measured on, so no other of this length can do better.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit_on_failure.h"
#include "wavetrain/data.h"

typedef struct {
    int length;
    double *matrix; /* [length, length] Σ x[t−i]·x[t−j] */
    double *right;  /* [length] Σ x[t−i]·y[t] */
    double squares; /* Σ y² */
} equations;

/* The first row by sums over all samples; C[i][j] = C[i−1][j−1] − x[N−i]·x[N−j] gives the others. */
static void add_equations(equations *e, const float *x, const float *y, int64_t count) {
    const int n = e->length;
    double *c;
    exit_on_failure(wt_alloc(&c, (size_t)n * (size_t)n, sizeof *c, "a matrix"));
    for (int j = 0; j < n; j++) {
        for (int64_t t = j; t < count; t++) {
            c[j] += (double)x[t] * (double)x[t - j];
            e->right[j] += (double)x[t - j] * (double)y[t];
        }
    }
    for (int i = 1; i < n; i++) {
        c[i * n] = c[i];
        for (int j = 1; j < n; j++) {
            const double a = count >= i ? (double)x[count - i] : 0, b = count >= j ? (double)x[count - j] : 0;
            c[i * n + j] = c[(i - 1) * n + j - 1] - a * b;
        }
    }
    for (int i = 0; i < n * n; i++) e->matrix[i] += c[i];
    for (int64_t t = 0; t < count; t++) e->squares += (double)y[t] * (double)y[t];
    wt_free(c);
}

/* Σ y² − rᵀC⁻¹r by Cholesky; a touch on the diagonal where the input has no power at some frequency. */
static double residual(equations *e) {
    const int n = e->length;
    double left = e->squares, *m = e->matrix;
    const double least = m[0] * 1e-10;
    for (int j = 0; j < n; j++) m[j * n + j] += least;
    for (int j = 0; j < n; j++) {
        for (int k = 0; k < j; k++) m[j * n + j] -= m[j * n + k] * m[j * n + k];
        m[j * n + j] = sqrt(m[j * n + j]);
        for (int i = j + 1; i < n; i++) {
            for (int k = 0; k < j; k++) m[i * n + j] -= m[i * n + k] * m[j * n + k];
            m[i * n + j] /= m[j * n + j];
        }
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++) e->right[i] -= m[i * n + k] * e->right[k];
        e->right[i] /= m[i * n + i];
        left -= e->right[i] * e->right[i];
    }
    return left;
}

int main(int argc, char **argv) {
    equations e = {.length = argc == 4 ? (int)strtol(argv[3], NULL, 10) : 0};
    wt_dataset *dataset;
    if (e.length < 1) {
        fprintf(stderr, "usage: %s DATASET SPLIT LENGTH\n", argv[0]);
        return 2;
    }
    exit_on_failure(wt_dataset_open(&dataset, argv[1], argv[2], 1));
    exit_on_failure(wt_alloc(&e.matrix, (size_t)e.length * (size_t)e.length, sizeof(double), "a matrix"));
    exit_on_failure(wt_alloc(&e.right, (size_t)e.length, sizeof(double), "a vector"));
    for (int64_t u = 0; u < wt_dataset_utterances(dataset); u++) {
        const int64_t count = wt_dataset_length(dataset, u);
        float *x, *y;
        exit_on_failure(wt_alloc(&x, (size_t)count, sizeof *x, "samples"));
        exit_on_failure(wt_alloc(&y, (size_t)count, sizeof *y, "labels"));
        exit_on_failure(wt_dataset_read(dataset, u, 0, count, x));
        exit_on_failure(wt_dataset_read_values(dataset, u, 0, count, y));
        add_equations(&e, x, y, count);
        wt_free(x);
        wt_free(y);
    }
    const double squares = e.squares;
    printf("best linear filter of %d samples: error-to-signal ratio %.4f\n", e.length,
           residual(&e) / squares);
    wt_dataset_close(dataset);
    wt_free(e.matrix);
    wt_free(e.right);
    return 0;
}
