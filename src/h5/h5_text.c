/*
 * Arrays of texts in UTF-8, stored with one length, that of the longest, and padded with zero bytes.
 *
 * Texts of variable length would be smaller, but HDF5 keeps them in a heap without a checksum, and a flipped
 * bit there makes it write past the end of its buffer (1.10.8). So they are not written, and refused in
 * reading. The chunks have Fletcher32 like those of numbers.
 */
#include <string.h>

#include "h5_internal.h"

enum { TEXT_CHUNK_BYTES = 1 << 16 };

void wt_h5_free_texts(char **texts, size_t count) {
    if (texts == NULL) return;
    for (size_t i = 0; i < count; i++) wt_free(texts[i]);
    wt_free(texts);
}

hid_t wt_h5_text_type(size_t bytes) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && H5Tset_size(type, bytes) >= 0 && H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0 &&
        H5Tset_cset(type, H5T_CSET_UTF8) >= 0) {
        return type;
    }
    if (type >= 0) H5Tclose(type);
    return -1;
}

wt_status wt_h5_check_text_type(const wt_h5 *file, const char *name, hid_t type, size_t *bytes) {
    WT_CHECK(H5Tget_class(type) == H5T_STRING, WT_FAILED, "%s: '%s' must be a text", file->name, name);
    WT_CHECK(H5Tis_variable_str(type) == 0, WT_FAILED,
             "%s: '%s' is a text of variable length, which is refused", file->name, name);
    *bytes = H5Tget_size(type);
    WT_CHECK(*bytes >= 1 && *bytes <= WT_H5_TEXT_MAX, WT_FAILED,
             "%s: '%s' is too long a text (got %zu bytes, expected at most %d)", file->name, name, *bytes,
             WT_H5_TEXT_MAX);
    return WT_OK;
}

/* --- writing --- */

/* The texts one after the other in a new block, each padded to *bytes. */
static wt_status pack_texts(const wt_h5 *file, const char *name, const char *const *texts, size_t count,
                            char **block, size_t *bytes) {
    *bytes = 1;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(texts[i]);
        if (length > *bytes) *bytes = length;
    }
    WT_CHECK(*bytes <= WT_H5_TEXT_MAX, WT_FAILED,
             "%s: '%s' is too long a text (got %zu bytes, expected at most %d)", file->name, name, *bytes,
             WT_H5_TEXT_MAX);
    WT_TRY(wt_alloc(block, count, *bytes, "texts of an HDF5 file"));
    for (size_t i = 0; i < count; i++) memcpy(*block + i * *bytes, texts[i], strlen(texts[i]));
    return WT_OK;
}

static hid_t make_texts(const wt_h5 *file, const char *name, hid_t type, size_t bytes, size_t count,
                        hid_t properties) {
    hsize_t extent = count, chunk = TEXT_CHUNK_BYTES / bytes;
    if (chunk > extent) chunk = extent;
    if (count > 0 && (H5Pset_chunk(properties, 1, &chunk) < 0 || H5Pset_fletcher32(properties) < 0))
        return -1;
    hid_t space = H5Screate_simple(1, &extent, NULL);
    hid_t dataset = H5Dcreate2(file->id, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    if (space >= 0) H5Sclose(space);
    return dataset;
}

static wt_status write_texts(const wt_h5 *file, const char *name, const char *const *texts, size_t count) {
    wt_status status = WT_OK;
    char *block = NULL;
    size_t bytes = 0;
    hid_t properties = -1, dataset = -1, type = -1;
    WT_GUARD(pack_texts(file, name, texts, count, &block, &bytes));
    WT_GUARD(wt_h5_make_way(file, name));
    WT_GUARD(wt_h5_dataset_properties(file, name, &properties));
    type = wt_h5_text_type(bytes);
    dataset = make_texts(file, name, type, bytes, count, properties);
    if (dataset < 0 || (count > 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, block) < 0)) {
        status = wt_h5_fail(file, "write", name);
        goto cleanup;
    }
    herr_t closed = H5Dclose(dataset);
    dataset = -1;
    if (closed < 0) status = wt_h5_fail(file, "write", name);
cleanup:
    if (dataset >= 0) H5Dclose(dataset);
    if (type >= 0) H5Tclose(type);
    if (properties >= 0) H5Pclose(properties);
    wt_free(block);
    return status;
}

wt_status wt_h5_write_texts(wt_h5 *file, const char *name, const char *const *texts, size_t count) {
    wt_h5_lock();
    wt_status status = write_texts(file, name, texts, count);
    wt_h5_unlock();
    return status;
}

/* --- reading --- */

static wt_status check_texts(const wt_h5 *file, const char *name, hid_t dataset, hid_t type, size_t limit,
                             size_t *count, size_t *bytes) {
    WT_TRY(wt_h5_check_text_type(file, name, type, bytes));
    WT_TRY(wt_h5_check_storage(file, name, dataset));
    hid_t space = H5Dget_space(dataset);
    int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    hssize_t entries = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    if (space >= 0) H5Sclose(space);
    WT_CHECK(rank == 1 && entries >= 0, WT_FAILED,
             "%s: '%s' has a foreign shape (got %d dimensions, expected 1)", file->name, name, rank);
    WT_CHECK((uint64_t)entries <= limit, WT_FAILED,
             "%s: '%s' has too many texts (got %lld, expected at most %zu)", file->name, name,
             (long long)entries, limit);
    *count = (size_t)entries;
    return WT_OK;
}

/* Each ends at its first zero byte, or after `bytes`. */
static wt_status unpack_texts(char ***out, const char *block, size_t count, size_t bytes) {
    char **texts = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&texts, count, sizeof *texts, "texts of an HDF5 file"));
    for (size_t i = 0; i < count; i++) {
        size_t length = strnlen(block + i * bytes, bytes);
        WT_GUARD(wt_alloc(&texts[i], length + 1, 1, "text of an HDF5 file"));
        memcpy(texts[i], block + i * bytes, length);
    }
    *out = texts;
    texts = NULL;
cleanup:
    wt_h5_free_texts(texts, count);
    return status;
}

static wt_status take_texts(const wt_h5 *file, const char *name, hid_t dataset, hid_t type, size_t count,
                            size_t bytes, char ***texts) {
    char *block = NULL;
    wt_status status = WT_OK;
    WT_TRY(wt_alloc(&block, count, bytes, "texts of an HDF5 file"));
    if (count > 0 && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, block) < 0) {
        status = wt_h5_fail(file, "read", name);
    } else {
        status = unpack_texts(texts, block, count, bytes);
    }
    wt_free(block);
    return status;
}

static wt_status read_texts(const wt_h5 *file, const char *name, char ***texts, size_t *count, size_t limit) {
    hid_t dataset = -1, type = -1;
    wt_status status = WT_OK;
    size_t entries = 0, bytes = 0;
    WT_GUARD(wt_h5_open_object(file, name, &dataset));
    WT_GUARD_CHECK(H5Iget_type(dataset) == H5I_DATASET, WT_FAILED, "%s: '%s' is no data set", file->name,
                   name);
    type = H5Dget_type(dataset);
    if (type < 0) {
        status = wt_h5_fail(file, "inspect", name);
        goto cleanup;
    }
    WT_GUARD(check_texts(file, name, dataset, type, limit, &entries, &bytes));
    WT_GUARD(take_texts(file, name, dataset, type, entries, bytes, texts));
    *count = entries;
cleanup:
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
