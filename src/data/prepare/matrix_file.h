/*
 * Matrices in the files that other programs keep features in: NumPy's .npy (format versions 1 to 3: float16,
 * float32, float64 of either byte order, in C or Fortran order), Kaldi's binary archives (float and double
 * matrices) and HDF5. Any thread may read. Bad files are errors (WT_USAGE) of one line that begins with the
 * path.
 */
#ifndef WAVETRAIN_DATA_MATRIX_FILE_H
#define WAVETRAIN_DATA_MATRIX_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "wavetrain/base.h"

enum { WT_MATRIX_ELEMENTS_MAX = 1 << 28 };

typedef struct {
    int64_t rows, columns; /* as the file says them */
    float *values;         /* [rows, columns], wt_free; NULL unless all is read */
} wt_matrix;

/* One matrix per file. Without `whole` the shape alone is read. */
wt_status wt_npy_read(wt_matrix *matrix, const char *path, bool whole);
/* That at byte `offset` of an archive, behind its key, as in an .scp file. */
wt_status wt_ark_read(wt_matrix *matrix, const char *path, int64_t offset, bool whole);
/* The data set feats (ParallelWaveGAN), else melspc, else world (kan-bayashi's PytorchWaveNetVocoder). */
wt_status wt_matrix_read_h5(wt_matrix *matrix, const char *path, bool whole);

/* Called per matrix of an archive, in its order; `offset` is that of wt_ark_read. */
typedef wt_status (*wt_matrix_visit)(void *context, const char *key, int64_t offset);
wt_status wt_ark_list(const char *path, wt_matrix_visit visit, void *context);

/* matrix_values.c: numbers of a file as floats. */
typedef struct {
    int bytes; /* 2, 4 or 8, IEEE 754 */
    bool big_endian;
    bool by_columns; /* column after column */
} wt_matrix_layout;

/* That the open file's rest holds rows·columns numbers. */
wt_status wt_matrix_check_rest(const wt_matrix *matrix, FILE *file, const wt_matrix_layout *layout,
                               const char *path);
/* Fills matrix->values, its shape being set, from the open file's next rows·columns numbers. */
wt_status wt_matrix_read_values(wt_matrix *matrix, FILE *file, const wt_matrix_layout *layout,
                                const char *path);
wt_status wt_matrix_check_shape(const wt_matrix *matrix, const char *path);

#endif
