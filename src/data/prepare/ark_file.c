/*
 * Kaldi's archives in binary: a key, a blank, "\0B", "FM " or "DM " (float, double), "\4" and the rows as
 * int32, "\4" and the columns, then the numbers, least byte first; the next key follows.
 * (kaldi/src/matrix/kaldi-matrix.cc)
 */
#include <string.h>

#include "base/file.h"
#include "matrix_file.h"

enum { KEY_MAX = 1024 };

static wt_status read_side(int64_t *side, FILE *file, const char *path) {
    unsigned char bytes[5];
    WT_CHECK(fread(bytes, 1, 5, file) == 5 && bytes[0] == 4, WT_USAGE,
             "%s: is a damaged archive (expected a matrix's side)", path);
    const uint32_t value = (uint32_t)bytes[1] | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3] << 16 |
                           (uint32_t)bytes[4] << 24;
    *side = (int32_t)value;
    return WT_OK;
}

static wt_status read_ark_header(wt_matrix *m, wt_matrix_layout *layout, FILE *file, const char *path) {
    char kind[6] = "";
    WT_CHECK(fread(kind, 1, 5, file) == 5 && kind[0] == '\0' && kind[1] == 'B', WT_USAGE,
             "%s: is no binary archive of Kaldi's (expected \\0B in front of a matrix)", path);
    WT_CHECK(strncmp(kind + 2, "CM", 2) != 0, WT_USAGE,
             "%s: is compressed (got %.3s, expected FM or DM; copy-feats --compress=false makes it)", path,
             kind + 2);
    const bool is_double = strcmp(kind + 2, "DM ") == 0;
    WT_CHECK(is_double || strcmp(kind + 2, "FM ") == 0, WT_USAGE,
             "%s: holds no matrix (got %.3s, expected FM or DM)", path, kind + 2);
    *layout = (wt_matrix_layout){.bytes = is_double ? 8 : 4};
    WT_TRY(read_side(&m->rows, file, path));
    WT_TRY(read_side(&m->columns, file, path));
    return wt_matrix_check_shape(m, path);
}

wt_status wt_ark_read(wt_matrix *m, const char *path, int64_t offset, bool whole) {
    wt_matrix_layout layout;
    FILE *file;
    *m = (wt_matrix){.values = NULL};
    WT_TRY(wt_file_open(&file, path));
    wt_status status = fseeko(file, offset, SEEK_SET) == 0
                           ? WT_OK
                           : wt_error(WT_USAGE, "%s: has no byte %lld", path, (long long)offset);
    if (status == WT_OK) status = read_ark_header(m, &layout, file, path);
    if (status == WT_OK)
        status = whole ? wt_matrix_read_values(m, file, &layout, path)
                       : wt_matrix_check_rest(m, file, &layout, path);
    fclose(file);
    return status;
}

/* A key and the blank behind it; *found is false at the archive's end. */
static wt_status read_key(char key[KEY_MAX], bool *found, FILE *file, const char *path) {
    int length = 0, c;
    while ((c = getc(file)) != EOF && c != ' ') {
        WT_CHECK(length + 1 < KEY_MAX && c != '\0' && c != '\n', WT_USAGE,
                 "%s: is no binary archive of Kaldi's (expected a key and a matrix)", path);
        key[length++] = (char)c;
    }
    key[length] = '\0';
    *found = c == ' ';
    WT_CHECK(*found ? length > 0 : length == 0, WT_USAGE, "%s: is a damaged archive (expected a key)", path);
    return WT_OK;
}

static wt_status list_matrices(FILE *file, const char *path, wt_matrix_visit visit, void *context) {
    char key[KEY_MAX];
    for (;;) {
        bool found = false;
        wt_matrix m = {.values = NULL};
        wt_matrix_layout layout;
        WT_TRY(read_key(key, &found, file, path));
        if (!found) return WT_OK;
        WT_TRY(visit(context, key, ftello(file)));
        WT_TRY(read_ark_header(&m, &layout, file, path));
        WT_CHECK(fseeko(file, m.rows * m.columns * layout.bytes, SEEK_CUR) == 0, WT_FAILED,
                 "%s: can't be read", path);
    }
}

wt_status wt_ark_list(const char *path, wt_matrix_visit visit, void *context) {
    FILE *file;
    WT_TRY(wt_file_open(&file, path));
    const wt_status status = list_matrices(file, path, visit, context);
    fclose(file);
    return status;
}
