/*
 * Matrices for the tests of the kernels: random values, a stride larger than the width, and a mark in every
 * element that a kernel must not touch.
 */
#ifndef WAVETRAIN_KERNEL_MATRIX_H
#define WAVETRAIN_KERNEL_MATRIX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/random.h"
#include "wavetrain/base.h"

#define MATRIX_MARK ((wt_real)12345.5)

typedef struct {
    wt_real *block;  /* what was allocated */
    wt_real *values; /* [rows, stride] */
    int rows, columns, stride;
} matrix;

/* Number `index` of the test's random numbers, in ±1. */
static inline double test_random(uint64_t index) {
    return 2 * wt_random_uniform(11, WT_RANDOM_TEST, 0, index) - 1;
}

/* `shift` elements past a 64-byte boundary. `key` chooses the values. */
static inline matrix matrix_create(int rows, int columns, int padding, int shift, uint64_t key) {
    matrix m = {.rows = rows, .columns = columns, .stride = columns + padding};
    const size_t count = (size_t)rows * (size_t)m.stride;
    assert_int_equal(wt_alloc(&m.block, count + 64, sizeof *m.block, "a test's matrix"), WT_OK);
    m.values = m.block + shift;
    for (size_t i = 0; i < count + 64; i++) m.block[i] = MATRIX_MARK;
    for (int t = 0; t < rows; t++) {
        for (int c = 0; c < columns; c++) {
            const uint64_t index = (key << 32) + (uint64_t)t * (uint64_t)columns + (uint64_t)c;
            m.values[(ptrdiff_t)t * m.stride + c] = (wt_real)test_random(index);
        }
    }
    return m;
}

static inline void matrix_destroy(matrix *m) {
    wt_free(m->block);
}

static inline wt_real *matrix_at(const matrix *m, int row, int column) {
    return m->values + (ptrdiff_t)row * m->stride + column;
}

/* Everything outside of the columns still has the mark. */
static inline void matrix_check_padding(const matrix *m) {
    const ptrdiff_t begin = m->values - m->block, size = (ptrdiff_t)m->rows * m->stride;
    for (ptrdiff_t i = 0; i < size + 64; i++) {
        const ptrdiff_t inside = i - begin;
        if (inside >= 0 && inside < size && inside % m->stride < m->columns) continue;
        assert_true(m->block[i] == MATRIX_MARK);
    }
}

static inline void matrix_check_same(const matrix *a, const matrix *b) {
    for (int t = 0; t < a->rows; t++) {
        assert_memory_equal(matrix_at(a, t, 0), matrix_at(b, t, 0), (size_t)a->columns * sizeof(wt_real));
    }
}

#endif
