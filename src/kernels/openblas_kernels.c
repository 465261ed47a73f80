/*
 * Convolutions as products of OpenBLAS: one sgemm a tap, accumulated in place. Rows are taken in blocks
 * so that all taps of a block are done while it is in the cache, and so short that OpenBLAS multiplies
 * without packing copies of its operands (M·N·K ≤ 10⁶ on its AVX-512 cores). A block's length is
 * fixed and blocks begin at the call's first row, so the bits depend on the arguments alone.
 *
 * Advantage: near the cores' peak on any CPU that OpenBLAS knows. Disadvantage: the output is read and
 * written once a tap. Where the channel counts are odd, a row's bits depend on its position in the call.
 */
#include "kernels_internal.h"

#include <cblas.h>
#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Measured on Zen 5: the best length, or within 8 % of it, for 32 to 128 channels, where 256 rows lose up to
 * 10 %. Up to 64×128 channels such a block stays within what OpenBLAS multiplies without packing. */
enum { BLOCK_ROWS = 96 };

static int min_rows(int a, int b) {
    return a < b ? a : b;
}

/* An OpenBLAS that was built for one thread (Debian's libopenblas0-serial) shares its buffers among all that
 * call it. */
static pthread_mutex_t product = PTHREAD_MUTEX_INITIALIZER;

static bool needs_turns(void) {
    return openblas_get_parallel() == OPENBLAS_SEQUENTIAL;
}

static void begin_products(void) {
    if (needs_turns()) pthread_mutex_lock(&product);
}

static void end_products(void) {
    if (needs_turns()) pthread_mutex_unlock(&product);
}

size_t wt_openblas_packed_count(int in, int out) {
    return (size_t)in * (size_t)out;
}

/* [in][out] as it is: OpenBLAS packs for itself. Transposed by squares that stay in the cache. */
void wt_openblas_pack(float *packed, const float *w, int in, int out, bool transposed, float scale) {
    enum { SQUARE = 16 };
    const ptrdiff_t row = transposed ? 1 : out, column = transposed ? in : 1;
    for (int i0 = 0; i0 < in; i0 += SQUARE) {
        for (int o0 = 0; o0 < out; o0 += SQUARE) {
            for (ptrdiff_t i = i0; i < min_rows(in, i0 + SQUARE); i++) {
                for (ptrdiff_t o = o0; o < min_rows(out, o0 + SQUARE); o++) {
                    packed[i * out + o] = scale * w[i * row + o * column];
                }
            }
        }
    }
}

static void finish_rows(float *y, int ldy, int rows, int out, const wt_finish *finish, const float *add) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        float *row = y + t * ldy;
        if (finish->bias) {
            for (int o = 0; o < out; o++) row[o] += finish->bias[o];
        }
        if (add) {
            for (int o = 0; o < out; o++) row[o] += add[t * finish->ldadd + o];
        }
        if (finish->scale == 1.0f) continue;
        for (int o = 0; o < out; o++) row[o] *= finish->scale;
    }
}

void wt_openblas_multiply(float *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                          const wt_finish *finish) {
    const bool onto = finish->add == y; /* what y holds is the product's start */
    for (ptrdiff_t start = 0; start < rows; start += BLOCK_ROWS) {
        const int length = min_rows(BLOCK_ROWS, rows - (int)start);
        float *to = y + start * ldy;
        for (ptrdiff_t t = 0; !count && !onto && t < length; t++)
            memset(to + t * ldy, 0, (size_t)out * sizeof *to);
        begin_products();
        for (int n = 0; n < count; n++) {
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, length, out, operands[n].in, 1.0f,
                        operands[n].x + start * operands[n].ldx, operands[n].ldx, operands[n].packed, out,
                        n || onto ? 1.0f : 0.0f, to, ldy);
        }
        end_products();
        const float *add = finish->add && !onto ? finish->add + start * finish->ldadd : NULL;
        finish_rows(to, ldy, length, out, finish, add);
    }
}

void wt_openblas_convolve_weights(float *dw, int lddw, const float *x, int ldx, const float *dy, int lddy,
                                  int rows, int in, int out) {
    for (ptrdiff_t start = 0; start < rows; start += BLOCK_ROWS) {
        const int count = min_rows(BLOCK_ROWS, rows - (int)start);
        begin_products();
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, in, out, count, 1.0f, x + start * ldx, ldx,
                    dy + start * lddy, lddy, 1.0f, dw, lddw);
        end_products();
    }
}

/* --- set-up --- */

void wt_openblas_setup(void) {
    /* An OpenBLAS that was built with OpenMP sets OpenMP's own number too, which isn't ours to change. */
    const int threads = omp_get_max_threads();
    openblas_set_num_threads(1);
    omp_set_num_threads(threads);
}

void wt_openblas_warn(void) {
    if (!needs_turns() || omp_get_max_threads() == 1) return;
    wt_log_warning(
        "this OpenBLAS was built for one thread, so threads wait for each other's products (Debian: install "
        "libopenblas0-pthread)");
}

void wt_openblas_describe(char *text, size_t room) {
    const char *built =
        openblas_get_config(); /* "OpenBLAS 0.3.21 DYNAMIC_ARCH …": name and version are wanted */
    const char *version = strchr(built, ' ');
    const int length = version ? (int)(version - built) + 1 + (int)strcspn(version + 1, " ")
                               : (int)strlen(built);
    snprintf(text, room, "%.*s %s", length, built, openblas_get_corename());
}
