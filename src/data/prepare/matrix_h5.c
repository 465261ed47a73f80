/* Features in HDF5, as ParallelWaveGAN and kan-bayashi's PytorchWaveNetVocoder write them. */
#include "h5/h5.h"
#include "matrix_file.h"

static wt_status read_h5_matrix(wt_matrix *m, wt_h5 *file, const char *path, bool whole) {
    static const char *const names[] = {"feats", "melspc", "world"};
    wt_h5_shape shape;
    int i = 0;
    while (i < 2 && !wt_h5_has(file, names[i])) i++;
    WT_CHECK(wt_h5_has(file, names[i]), WT_USAGE, "%s: has no features (expected feats, melspc or world)",
             path);
    WT_TRY(wt_h5_inspect(file, names[i], &shape));
    WT_CHECK(shape.rank == 2, WT_USAGE, "%s: '%s' has %d dimensions (expected 2)", path, names[i],
             shape.rank);
    m->rows = shape.shape[0];
    m->columns = shape.shape[1];
    WT_TRY(wt_matrix_check_shape(m, path));
    if (!whole) return WT_OK;
    WT_TRY(
        wt_alloc(&m->values, (size_t)(m->rows * m->columns), sizeof *m->values, "features of a recording"));
    return wt_h5_read(file, names[i], WT_H5_FLOAT, m->values);
}

wt_status wt_matrix_read_h5(wt_matrix *m, const char *path, bool whole) {
    wt_h5 *file;
    *m = (wt_matrix){.values = NULL};
    WT_TRY(wt_h5_open(&file, path));
    const wt_status status = read_h5_matrix(m, file, path, whole);
    if (status != WT_OK) {
        wt_free(m->values);
        m->values = NULL;
    }
    (void)wt_h5_close(file); /* nothing was written */
    return status;
}
