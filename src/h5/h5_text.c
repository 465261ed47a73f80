/*
 * Arrays of texts, of variable length in UTF-8. HDF5 allocates each text as it reads, so the number of
 * texts and their bytes together are bounded before: many entries of a crafted file may point to one
 * and the same large text, which its writer never does.
 */
#include "h5_internal.h"
#include "wavetrain/memory.h"

void wt_h5_free_texts(char **texts, size_t count) {
    if (texts == NULL) return;
    for (size_t i = 0; i < count; i++) wt_free(texts[i]);
    wt_free(texts);
}

hid_t wt_h5_text_type(void) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0) return type;
    if (type >= 0) H5Tclose(type);
    return -1;
}

static wt_status write_texts(const wt_h5 *file, const char *name, const char *const *texts, size_t count) {
    wt_status status = WT_OK;
    hsize_t extent = count;
    hid_t properties = -1, space = -1, dataset = -1, type = -1;
    WT_GUARD(wt_h5_make_way(file, name));
    WT_GUARD(wt_h5_dataset_properties(file, name, &properties));
    type = wt_h5_text_type();
    space = H5Screate_simple(1, &extent, NULL);
    dataset = H5Dcreate2(file->id, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    if (dataset < 0 || (count > 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) < 0)) {
        status = wt_h5_fail(file, "write", name);
        goto cleanup;
    }
    herr_t closed = H5Dclose(dataset);
    dataset = -1;
    if (closed < 0) status = wt_h5_fail(file, "write", name);
cleanup:
    if (dataset >= 0) H5Dclose(dataset);
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    if (properties >= 0) H5Pclose(properties);
    return status;
}

wt_status wt_h5_write_texts(wt_h5 *file, const char *name, const char *const *texts, size_t count) {
    wt_h5_lock();
    wt_status status = write_texts(file, name, texts, count);
    wt_h5_unlock();
    return status;
}

static wt_status check_texts(const wt_h5 *file, const char *name, hid_t dataset, hid_t type, hid_t space,
                             size_t limit, size_t *count) {
    if (type < 0 || space < 0) return wt_h5_fail(file, "inspect", name);
    WT_CHECK(H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0, WT_FAILED,
             "%s: '%s' has a foreign type (expected texts of variable length)", file->name, name);
    WT_TRY(wt_h5_check_storage(file, name, dataset));
    int rank = H5Sget_simple_extent_ndims(space);
    hssize_t entries = H5Sget_simple_extent_npoints(space);
    WT_CHECK(rank == 1 && entries >= 0, WT_FAILED, "%s: '%s' has a foreign shape (got %d dimensions, expected 1)",
             file->name, name, rank);
    WT_CHECK((uint64_t)entries <= limit, WT_FAILED, "%s: '%s' has too many texts (got %lld, expected at most %zu)",
             file->name, name, (long long)entries, limit);
    hsize_t bytes = 0;
    if (entries > 0 && H5Dvlen_get_buf_size(dataset, type, space, &bytes) < 0) return wt_h5_fail(file, "read", name);
    WT_CHECK(file->writable || bytes <= (hsize_t)wt_h5_file_bytes(file) + (hsize_t)entries, WT_FAILED,
             "%s: damaged or cut short: the texts of '%s' are larger than the file", file->name, name);
    *count = (size_t)entries;
    return WT_OK;
}

static wt_status copy_texts(char ***out, char *const *found, size_t count) {
    char **texts = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&texts, count, sizeof *texts, "texts of an HDF5 file"));
    for (size_t i = 0; i < count; i++) WT_GUARD(wt_copy_string(&texts[i], found[i] != NULL ? found[i] : ""));
    *out = texts;
    texts = NULL;
cleanup:
    wt_h5_free_texts(texts, count);
    return status;
}

static wt_status take_texts(const wt_h5 *file, const char *name, hid_t dataset, hid_t type, size_t count,
                            char ***texts) {
    char **found = NULL;
    wt_status status = WT_OK;
    if (count == 0) return WT_OK;
    WT_TRY(wt_alloc(&found, count, sizeof *found, "texts of an HDF5 file"));
    if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, found) < 0) {
        status = wt_h5_fail(file, "read", name);
    } else {
        status = copy_texts(texts, found, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (found[i] != NULL) H5free_memory(found[i]);
    }
    wt_free(found);
    return status;
}

static wt_status read_texts(const wt_h5 *file, const char *name, char ***texts, size_t *count, size_t limit) {
    hid_t dataset = -1, type = -1, space = -1;
    wt_status status = WT_OK;
    size_t entries = 0;
    WT_GUARD(wt_h5_open_object(file, name, &dataset));
    WT_GUARD_CHECK(H5Iget_type(dataset) == H5I_DATASET, WT_FAILED, "%s: '%s' is no data set", file->name, name);
    type = H5Dget_type(dataset);
    space = H5Dget_space(dataset);
    WT_GUARD(check_texts(file, name, dataset, type, space, limit, &entries));
    WT_GUARD(take_texts(file, name, dataset, type, entries, texts));
    *count = entries;
cleanup:
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    if (dataset >= 0) H5Oclose(dataset);
    return status;
}

wt_status wt_h5_read_texts(wt_h5 *file, const char *name, char ***texts, size_t *count, size_t limit) {
    *texts = NULL;
    *count = 0;
    wt_h5_lock();
    wt_status status = read_texts(file, name, texts, count, limit);
    wt_h5_unlock();
    return status;
}
