/*
 * NumPy's .npy: "\x93NUMPY", two bytes of version, the header's length (16 bits, from version 2 on 32), and
 * the header, a dictionary in Python's notation with the keys descr, fortran_order and shape; then the
 * numbers. (numpy.lib.format)
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "matrix_file.h"

enum { HEADER_MAX = 4096 };

static wt_status read_npy_header(char header[HEADER_MAX + 1], FILE *file, const char *path) {
    static const char magic[] = "\x93NUMPY";
    unsigned char start[12];
    WT_CHECK(fread(start, 1, 8, file) == 8 && memcmp(start, magic, 6) == 0, WT_USAGE,
             "%s: is no NumPy file (expected \\x93NUMPY at its beginning)", path);
    WT_CHECK(start[6] >= 1 && start[6] <= 3, WT_USAGE, "%s: has another version (got %d.%d, expected 1 to 3)",
             path, start[6], start[7]);
    const size_t more = start[6] == 1 ? 2 : 4;
    WT_CHECK(fread(start + 8, 1, more, file) == more, WT_USAGE, "%s: is cut short", path);
    size_t length = 0;
    for (size_t i = 0; i < more; i++) length |= (size_t)start[8 + i] << 8 * i;
    WT_CHECK(length <= HEADER_MAX, WT_USAGE, "%s: has too long a header (got %zu bytes, expected at most %d)",
             path, length, HEADER_MAX);
    WT_CHECK(fread(header, 1, length, file) == length, WT_USAGE, "%s: is cut short", path);
    header[length] = '\0';
    WT_CHECK(strlen(header) == length, WT_USAGE, "%s: has a damaged header", path);
    return WT_OK;
}

/* What stands after 'key': in the header; NULL: there is none. */
static const char *find_npy_key(const char *header, const char *key) {
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s'", key);
    const char *at = strstr(header, quoted);
    if (!at) return NULL;
    at += strlen(quoted);
    at += strspn(at, " ");
    if (*at++ != ':') return NULL;
    return at + strspn(at, " ");
}

static wt_status scan_type(wt_matrix_layout *layout, const char *text, const char *path) {
    const size_t length = text ? strcspn(text, ",}") : 0;
    const bool fits = length == 5 && text[0] == '\'' && strchr("<>=", text[1]) && text[2] == 'f' &&
                      strchr("248", text[3]) && text[4] == '\'';
    WT_CHECK(fits, WT_USAGE, "%s: has another type (got %.*s, expected '<f2', '<f4', '<f8' or '>…')", path,
             length < 40 ? (int)length : 40, text ? text : "");
    layout->big_endian = text[1] == '>';
    layout->bytes = text[3] - '0';
    return WT_OK;
}

/* (rows, columns) */
static wt_status scan_shape(wt_matrix *m, const char *text, const char *path) {
    const size_t length = text ? strcspn(text, ")") : 0;
    int64_t sides[2] = {0, 0};
    int count = 0;
    if (text && *text == '(') {
        for (const char *at = text + 1; isdigit((unsigned char)*at) && count < 3; count++) {
            char *end;
            const int64_t side = strtoll(at, &end, 10);
            if (count < 2) sides[count] = side;
            at = end + strspn(end, ", ");
        }
    }
    WT_CHECK(count == 2, WT_USAGE, "%s: has another shape (got %.*s), expected two sides)", path,
             length < 60 ? (int)length : 60, text ? text : "(");
    m->rows = sides[0];
    m->columns = sides[1];
    return wt_matrix_check_shape(m, path);
}

static wt_status check_npy_size(const wt_matrix *m, const wt_matrix_layout *layout, FILE *file,
                                const char *path) {
    struct stat about;
    const int64_t expected = ftell(file) + m->rows * m->columns * layout->bytes;
    WT_CHECK(fstat(fileno(file), &about) == 0, WT_FAILED, "%s: can't be read", path);
    WT_CHECK(about.st_size == expected, WT_USAGE,
             "%s: is not as long as its header says (got %lld bytes, expected %lld)", path,
             (long long)about.st_size, (long long)expected);
    return WT_OK;
}

static wt_status read_npy(wt_matrix *m, FILE *file, const char *path, bool whole) {
    char header[HEADER_MAX + 1];
    wt_matrix_layout layout = {.bytes = 4};
    WT_TRY(read_npy_header(header, file, path));
    WT_TRY(scan_type(&layout, find_npy_key(header, "descr"), path));
    WT_TRY(scan_shape(m, find_npy_key(header, "shape"), path));
    const char *order = find_npy_key(header, "fortran_order");
    layout.by_columns = order && strncmp(order, "True", 4) == 0;
    WT_CHECK(layout.by_columns || (order && strncmp(order, "False", 5) == 0), WT_USAGE,
             "%s: has a damaged header (expected fortran_order True or False)", path);
    WT_TRY(check_npy_size(m, &layout, file, path));
    return whole ? wt_matrix_read_values(m, file, &layout, path) : WT_OK;
}

wt_status wt_npy_read(wt_matrix *m, const char *path, bool whole) {
    FILE *file;
    *m = (wt_matrix){.values = NULL};
    WT_TRY(wt_file_open(&file, path));
    const wt_status status = read_npy(m, file, path, whole);
    fclose(file);
    return status;
}
