/* Numbers of matrices' files as floats, and what shapes there may be. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "matrix_file.h"

wt_status wt_matrix_check_shape(const wt_matrix *m, const char *path) {
    WT_CHECK(m->rows >= 1 && m->columns >= 1 && m->rows <= WT_MATRIX_ELEMENTS_MAX / m->columns, WT_USAGE,
             "%s: holds no matrix of features (got %lld × %lld, expected 1 to %d numbers)", path,
             (long long)m->rows, (long long)m->columns, WT_MATRIX_ELEMENTS_MAX);
    return WT_OK;
}

/* IEEE 754's half: sign, 5 bits of exponent, 10 of fraction. */
static double half_value(uint16_t bits) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double sign = bits & 0x8000 ? -1 : 1;
    if (exponent == 31) return fraction ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24));
}

static float number_at(const unsigned char *bytes, const wt_matrix_layout *layout) {
    uint64_t bits = 0;
    for (int i = 0; i < layout->bytes; i++)
        bits = bits << 8 | bytes[layout->big_endian ? i : layout->bytes - 1 - i];
    if (layout->bytes == 2) return (float)half_value((uint16_t)bits);
    if (layout->bytes == 4) {
        const uint32_t word = (uint32_t)bits;
        float value;
        memcpy(&value, &word, sizeof value);
        return value;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return (float)value;
}

wt_status wt_matrix_check_rest(const wt_matrix *m, FILE *file, const wt_matrix_layout *layout,
                               const char *path) {
    struct stat about;
    WT_CHECK(fstat(fileno(file), &about) == 0, WT_FAILED, "%s: can't be read", path);
    const int64_t rest = about.st_size - ftello(file), expected = m->rows * m->columns * layout->bytes;
    WT_CHECK(rest >= expected, WT_USAGE, "%s: is cut short (got %lld bytes of numbers, expected %lld)", path,
             (long long)rest, (long long)expected);
    return WT_OK;
}

wt_status wt_matrix_read_values(wt_matrix *m, FILE *file, const wt_matrix_layout *layout, const char *path) {
    const size_t count = (size_t)(m->rows * m->columns), bytes = (size_t)layout->bytes;
    WT_TRY(wt_matrix_check_rest(m, file, layout, path)); /* before memory is taken for them */
    unsigned char *raw;
    WT_TRY(wt_alloc(&raw, count, bytes, "features of a recording"));
    wt_status status = WT_OK;
    const size_t got = fread(raw, bytes, count, file);
    WT_GUARD_CHECK(got == count, WT_USAGE, "%s: is cut short (got %zu numbers, expected %zu)", path, got,
                   count);
    WT_GUARD(wt_alloc(&m->values, count, sizeof *m->values, "features of a recording"));
    for (size_t i = 0; i < count; i++) {
        const size_t row = i % (size_t)m->rows, column = i / (size_t)m->rows;
        const size_t to = layout->by_columns ? row * (size_t)m->columns + column : i;
        m->values[to] = number_at(raw + i * bytes, layout);
    }
cleanup:
    wt_free(raw);
    return status;
}
