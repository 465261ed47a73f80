/*
 * Numeric data sets: little-endian on disk, converted by HDF5 on reading. Whole arrays are written at
 * once; rows keep their data set open between calls, so that HDF5's chunk cache gathers small pieces
 * instead of reading, checking and writing a chunk for each.
 */
#include <string.h>

#include "base/memory.h"
#include "h5_internal.h"

enum { CHUNK_CACHE_BYTES_MIN = 1 << 20, CHUNKS_CACHED = 4 };

/* --- types --- */

static hid_t native_type(wt_h5_type type) {
    switch (type) {
    case WT_H5_INT16: return H5T_NATIVE_INT16;
    case WT_H5_INT32: return H5T_NATIVE_INT32;
    case WT_H5_INT64: return H5T_NATIVE_INT64;
    case WT_H5_FLOAT: return H5T_NATIVE_FLOAT;
    case WT_H5_DOUBLE: return H5T_NATIVE_DOUBLE;
    }
    return -1;
}

static hid_t stored_type(wt_h5_type type, bool big_endian) {
    switch (type) {
    case WT_H5_INT16: return big_endian ? H5T_STD_I16BE : H5T_STD_I16LE;
    case WT_H5_INT32: return big_endian ? H5T_STD_I32BE : H5T_STD_I32LE;
    case WT_H5_INT64: return big_endian ? H5T_STD_I64BE : H5T_STD_I64LE;
    case WT_H5_FLOAT: return big_endian ? H5T_IEEE_F32BE : H5T_IEEE_F32LE;
    case WT_H5_DOUBLE: return big_endian ? H5T_IEEE_F64BE : H5T_IEEE_F64LE;
    }
    return -1;
}

static size_t type_bytes(wt_h5_type type) {
    static const size_t bytes[] = {2, 4, 8, 4, 8};
    return bytes[type];
}

static wt_status find_type(const wt_h5 *file, const char *name, hid_t dataset, wt_h5_type *type) {
    hid_t stored = H5Dget_type(dataset);
    if (stored < 0) return wt_h5_fail(file, "inspect", name);
    bool found = false;
    for (int i = WT_H5_INT16; i <= WT_H5_DOUBLE && !found; i++) {
        *type = (wt_h5_type)i;
        found = H5Tequal(stored, stored_type(*type, false)) > 0 ||
                H5Tequal(stored, stored_type(*type, true)) > 0;
    }
    H5Tclose(stored);
    WT_CHECK(
        found, WT_FAILED,
        "%s: '%s' has a foreign type (expected 16, 32 or 64 bit integers with sign, or 32 or 64 bit floats)",
        file->name, name);
    return WT_OK;
}

/* --- shapes --- */

static wt_status find_shape(const wt_h5 *file, const char *name, hid_t dataset, wt_h5_shape *shape) {
    hsize_t extent[H5S_MAX_RANK];
    hid_t space = H5Dget_space(dataset);
    int rank = space >= 0 ? H5Sget_simple_extent_dims(space, extent, NULL) : -1;
    bool empty = space >= 0 && H5Sget_simple_extent_type(space) == H5S_NULL;
    if (space >= 0) H5Sclose(space);
    if (rank < 0) return wt_h5_fail(file, "inspect", name);
    WT_CHECK(!empty && rank <= WT_H5_RANK_MAX, WT_FAILED,
             "%s: '%s' has a foreign shape (got %d dimensions, expected "
             "at most %d)",
             file->name, name, rank, WT_H5_RANK_MAX);
    shape->rank = rank;
    for (int i = 0; i < rank; i++) {
        WT_CHECK(extent[i] <= (hsize_t)INT64_MAX, WT_FAILED, "%s: '%s' is too large", file->name, name);
        shape->shape[i] = (int64_t)extent[i];
    }
    return WT_OK;
}

/* Elements of rows first … of the shape; refuses what would not fit an address. */
static wt_status row_elements(const wt_h5 *file, const char *name, const wt_h5_shape *shape,
                              int64_t *elements) {
    int64_t product = 1, most = INT64_MAX / (int64_t)type_bytes(shape->type);
    for (int i = 1; i < shape->rank; i++) {
        int64_t extent = shape->shape[i];
        WT_CHECK(extent >= 0 && (extent == 0 || product <= most / extent), WT_FAILED, "%s: '%s' is too large",
                 file->name, name);
        product *= extent;
    }
    *elements = product;
    return WT_OK;
}

static wt_status check_stored_shape(const wt_h5 *file, const char *name, const wt_h5_shape *shape) {
    int64_t row = 0;
    WT_CHECK(shape->rank >= 0 && shape->rank <= WT_H5_RANK_MAX, WT_FAILED,
             "%s: '%s' has too many dimensions (got %d, expected at most %d)", file->name, name, shape->rank,
             WT_H5_RANK_MAX);
    WT_TRY(row_elements(file, name, shape, &row));
    int64_t rows = shape->rank > 0 ? shape->shape[0] : 1, most = INT64_MAX / (int64_t)type_bytes(shape->type);
    WT_CHECK(rows >= 0 && (row == 0 || rows <= most / row), WT_FAILED, "%s: '%s' is too large", file->name,
             name);
    return WT_OK;
}

static wt_status inspect_stored(const wt_h5 *file, const char *name, hid_t dataset, wt_h5_shape *shape) {
    WT_TRY(wt_h5_check_storage(file, name, dataset));
    WT_TRY(find_type(file, name, dataset, &shape->type));
    WT_TRY(find_shape(file, name, dataset, shape));
    return check_stored_shape(file, name, shape);
}

/* --- creating --- */

static hid_t make_space(const wt_h5_shape *shape) {
    hsize_t extent[WT_H5_RANK_MAX];
    if (shape->rank == 0) return H5Screate(H5S_SCALAR);
    for (int i = 0; i < shape->rank; i++) extent[i] = (hsize_t)shape->shape[i];
    return H5Screate_simple(shape->rank, extent, NULL);
}

static wt_status set_chunks(const wt_h5 *file, const char *name, const wt_h5_shape *shape, int64_t chunk_rows,
                            hid_t properties) {
    hsize_t chunk[WT_H5_RANK_MAX];
    for (int i = 0; i < shape->rank; i++) {
        if (shape->shape[i] == 0) return WT_OK; /* nothing to store, and HDF5 takes no empty chunk */
        chunk[i] = (hsize_t)shape->shape[i];
    }
    if (shape->rank == 0) return WT_OK;
    if (chunk_rows < shape->shape[0]) chunk[0] = (hsize_t)chunk_rows;
    if (H5Pset_chunk(properties, shape->rank, chunk) < 0 || H5Pset_fletcher32(properties) < 0) {
        return wt_h5_fail(file, "create", name);
    }
    return WT_OK;
}

static wt_status create_dataset(const wt_h5 *file, const char *name, const wt_h5_shape *shape,
                                int64_t chunk_rows, hid_t *dataset) {
    wt_status status = WT_OK;
    hid_t properties = -1, space = -1;
    *dataset = -1;
    WT_GUARD(check_stored_shape(file, name, shape));
    WT_GUARD(wt_h5_make_way(file, name));
    WT_GUARD(wt_h5_dataset_properties(file, name, &properties));
    if (chunk_rows > 0) WT_GUARD(set_chunks(file, name, shape, chunk_rows, properties));
    space = make_space(shape);
    *dataset = H5Dcreate2(file->id, name, stored_type(shape->type, false), space, H5P_DEFAULT, properties,
                          H5P_DEFAULT);
    if (*dataset < 0) status = wt_h5_fail(file, "create", name);
cleanup:
    if (space >= 0) H5Sclose(space);
    if (properties >= 0) H5Pclose(properties);
    return status;
}

/* Closing writes what the chunk cache holds. */
static wt_status close_written(const wt_h5 *file, const char *name, hid_t dataset, wt_status so_far) {
    if (H5Dclose(dataset) < 0 && so_far == WT_OK) return wt_h5_fail(file, "write", name);
    return so_far;
}

static wt_status write_whole(const wt_h5 *file, const char *name, const wt_h5_shape *shape, const void *data,
                             int64_t chunk_rows) {
    hid_t dataset = -1;
    wt_status status = WT_OK;
    WT_TRY(create_dataset(file, name, shape, chunk_rows, &dataset));
    hid_t space = H5Dget_space(dataset);
    hssize_t elements = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    if (space >= 0) H5Sclose(space);
    if (elements != 0 &&
        H5Dwrite(dataset, native_type(shape->type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
        status = wt_h5_fail(file, "write", name);
    }
    return close_written(file, name, dataset, status);
}

wt_status wt_h5_write(wt_h5 *file, const char *name, wt_h5_shape shape, const void *data,
                      int64_t chunk_rows) {
    wt_h5_lock();
    wt_status status = write_whole(file, name, &shape, data, chunk_rows);
    wt_h5_unlock();
    return status;
}

wt_status wt_h5_declare(wt_h5 *file, const char *name, wt_h5_shape shape, int64_t chunk_rows) {
    hid_t dataset = -1;
    WT_CHECK(shape.rank >= 1 && chunk_rows >= 1, WT_FAILED, "%s: '%s' must have rows and chunks", file->name,
             name);
    wt_h5_lock();
    wt_status status = create_dataset(file, name, &shape, chunk_rows, &dataset);
    if (status == WT_OK) status = close_written(file, name, dataset, WT_OK);
    wt_h5_unlock();
    return status;
}

/* --- rows --- */

wt_status wt_h5_close_rows(wt_h5 *file) {
    if (file->rows < 0) return WT_OK;
    herr_t closed = H5Dclose(file->rows);
    wt_status status = WT_OK;
    if (closed < 0) status = wt_h5_fail(file, file->writable ? "write" : "read", file->rows_name);
    wt_free(file->rows_name);
    file->rows = -1;
    file->rows_name = NULL;
    return status;
}

/* The cache must hold the chunks that a read or a write goes through, or every call does them again. */
static hid_t rows_access(hid_t dataset, const wt_h5_shape *shape) {
    hsize_t chunk[WT_H5_RANK_MAX];
    hid_t created = H5Dget_create_plist(dataset), access = H5Pcreate(H5P_DATASET_ACCESS);
    size_t cache = CHUNK_CACHE_BYTES_MIN;
    if (created >= 0 && H5Pget_layout(created) == H5D_CHUNKED &&
        H5Pget_chunk(created, WT_H5_RANK_MAX, chunk) == shape->rank) {
        size_t bytes = type_bytes(shape->type);
        for (int i = 0; i < shape->rank; i++) bytes *= (size_t)chunk[i];
        if (bytes > cache / CHUNKS_CACHED) cache = bytes * CHUNKS_CACHED;
    }
    if (access >= 0)
        H5Pset_chunk_cache(access, H5D_CHUNK_CACHE_NSLOTS_DEFAULT, cache, H5D_CHUNK_CACHE_W0_DEFAULT);
    if (created >= 0) H5Pclose(created);
    return access;
}

static wt_status open_dataset(const wt_h5 *file, const char *name, hid_t *dataset) {
    WT_TRY(wt_h5_open_object(file, name, dataset));
    if (H5Iget_type(*dataset) == H5I_DATASET) return WT_OK;
    H5Oclose(*dataset);
    *dataset = -1;
    return wt_error(WT_FAILED, "%s: '%s' is no data set", file->name, name);
}

static wt_status open_rows(wt_h5 *file, const char *name) {
    if (file->rows >= 0 && strcmp(file->rows_name, name) == 0) return WT_OK;
    WT_TRY(wt_h5_close_rows(file));
    wt_status status = WT_OK;
    char *copy = NULL;
    hid_t first = -1, access = -1;
    WT_GUARD(open_dataset(file, name, &first));
    WT_GUARD(inspect_stored(file, name, first, &file->rows_shape));
    WT_GUARD(wt_memory_copy_string(&copy, name));
    access = rows_access(first, &file->rows_shape);
    H5Dclose(first); /* a cache's size counts only for the first open handle of a data set */
    first = -1;
    file->rows = H5Dopen2(file->id, name, access >= 0 ? access : H5P_DEFAULT);
    if (file->rows < 0) {
        status = wt_h5_fail(file, "open", name);
        goto cleanup;
    }
    file->rows_name = copy;
    copy = NULL;
cleanup:
    if (access >= 0) H5Pclose(access);
    if (first >= 0) H5Dclose(first);
    wt_free(copy);
    return status;
}

typedef struct {
    hid_t in_file, in_memory;
} row_spaces;

static void close_spaces(row_spaces *spaces) {
    if (spaces->in_file >= 0) H5Sclose(spaces->in_file);
    if (spaces->in_memory >= 0) H5Sclose(spaces->in_memory);
}

static wt_status select_rows(wt_h5 *file, const char *name, int64_t first, int64_t rows, row_spaces *spaces) {
    const wt_h5_shape *shape = &file->rows_shape;
    hsize_t start[WT_H5_RANK_MAX] = {0}, extent[WT_H5_RANK_MAX];
    int64_t have = shape->rank > 0 ? shape->shape[0] : 0;
    *spaces = (row_spaces){-1, -1};
    WT_CHECK(first >= 0 && rows >= 0 && first <= have && rows <= have - first, WT_FAILED,
             "%s: '%s' lacks rows (got %lld, expected %lld from row %lld on)", file->name, name,
             (long long)have, (long long)rows, (long long)first);
    for (int i = 0; i < shape->rank; i++) extent[i] = (hsize_t)shape->shape[i];
    extent[0] = (hsize_t)rows;
    start[0] = (hsize_t)first;
    spaces->in_file = H5Dget_space(file->rows);
    spaces->in_memory = H5Screate_simple(shape->rank, extent, NULL);
    if (spaces->in_file < 0 || spaces->in_memory < 0 ||
        H5Sselect_hyperslab(spaces->in_file, H5S_SELECT_SET, start, NULL, extent, NULL) < 0) {
        return wt_h5_fail(file, "select rows of", name);
    }
    return WT_OK;
}

static wt_status write_rows(wt_h5 *file, const char *name, int64_t first, int64_t rows, const void *data) {
    row_spaces spaces;
    WT_TRY(open_rows(file, name));
    wt_status status = select_rows(file, name, first, rows, &spaces);
    if (status == WT_OK && rows > 0 &&
        H5Dwrite(file->rows, native_type(file->rows_shape.type), spaces.in_memory, spaces.in_file,
                 H5P_DEFAULT, data) < 0) {
        status = wt_h5_fail(file, "write", name);
    }
    close_spaces(&spaces);
    return status;
}

wt_status wt_h5_write_rows(wt_h5 *file, const char *name, int64_t first, int64_t rows, const void *data) {
    wt_h5_lock();
    wt_status status = write_rows(file, name, first, rows, data);
    wt_h5_unlock();
    return status;
}

static wt_status read_rows(wt_h5 *file, const char *name, wt_h5_type type, int64_t first, int64_t rows,
                           void *data) {
    row_spaces spaces;
    WT_TRY(open_rows(file, name));
    wt_status status = select_rows(file, name, first, rows, &spaces);
    if (status == WT_OK && rows > 0 &&
        H5Dread(file->rows, native_type(type), spaces.in_memory, spaces.in_file, H5P_DEFAULT, data) < 0) {
        status = wt_h5_fail(file, "read", name);
    }
    close_spaces(&spaces);
    return status;
}

wt_status wt_h5_read_rows(wt_h5 *file, const char *name, wt_h5_type type, int64_t first, int64_t rows,
                          void *data) {
    wt_h5_lock();
    wt_status status = read_rows(file, name, type, first, rows, data);
    wt_h5_unlock();
    return status;
}

/* --- whole data sets --- */

/* Reads too if `data` is given. */
static wt_status visit_dataset(wt_h5 *file, const char *name, wt_h5_shape *shape, wt_h5_type type,
                               void *data) {
    hid_t dataset = -1;
    WT_TRY(wt_h5_close_rows(file)); /* a whole read must see what was written by rows */
    WT_TRY(open_dataset(file, name, &dataset));
    wt_status status = inspect_stored(file, name, dataset, shape);
    if (status == WT_OK && data != NULL &&
        H5Dread(dataset, native_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
        status = wt_h5_fail(file, "read", name);
    }
    H5Dclose(dataset);
    return status;
}

wt_status wt_h5_inspect(wt_h5 *file, const char *name, wt_h5_shape *shape) {
    wt_h5_lock();
    wt_status status = visit_dataset(file, name, shape, WT_H5_FLOAT, NULL);
    wt_h5_unlock();
    return status;
}

wt_status wt_h5_read(wt_h5 *file, const char *name, wt_h5_type type, void *data) {
    wt_h5_shape shape;
    wt_h5_lock();
    wt_status status = visit_dataset(file, name, &shape, type, data);
    wt_h5_unlock();
    return status;
}
