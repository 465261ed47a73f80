/*
 * How a data set lies in its file: what is refused before anything of it is read, and the properties that
 * new ones get. HDF5 gladly reads bytes from other files (external and virtual storage), loads filters
 * from shared libraries, and reports a shape whose bytes were never written; none of this can be seen from
 * the shape, so the creation properties and the stored size are looked at.
 */
#include "h5_internal.h"

enum {
    CHUNK_BYTES_MAX = 256 << 20, /* of a chunk that we read: HDF5 holds one whole */
    DEFLATE_MOST = 1100          /* deflate shrinks by at most 1 : 1,032 */
};

static wt_status check_filters(const wt_h5 *file, const char *name, hid_t properties, bool *deflated) {
    int filters = H5Pget_nfilters(properties);
    if (filters < 0) return wt_h5_fail(file, "inspect", name);
    *deflated = false;
    for (int i = 0; i < filters; i++) {
        unsigned flags = 0, config = 0;
        size_t values = 0;
        H5Z_filter_t filter = H5Pget_filter2(properties, (unsigned)i, &flags, &values, NULL, 0, NULL,
                                             &config);
        if (filter < 0) return wt_h5_fail(file, "inspect", name);
        WT_CHECK(filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE ||
                     filter == H5Z_FILTER_FLETCHER32,
                 WT_FAILED,
                 "%s: '%s' has a foreign filter (got number %d, expected deflate, shuffle or Fletcher32)",
                 file->name, name, (int)filter);
        *deflated |= filter == H5Z_FILTER_DEFLATE;
    }
    return WT_OK;
}

static wt_status check_chunk(const wt_h5 *file, const char *name, hid_t properties, size_t element) {
    hsize_t chunk[H5S_MAX_RANK];
    int rank = H5Pget_chunk(properties, H5S_MAX_RANK, chunk);
    if (rank < 0) return wt_h5_fail(file, "inspect", name);
    hsize_t bytes = element;
    for (int i = 0; i < rank && bytes <= CHUNK_BYTES_MAX; i++) {
        if (chunk[i] != 0 && bytes > CHUNK_BYTES_MAX / chunk[i]) bytes = CHUNK_BYTES_MAX;
        bytes *= chunk[i];
    }
    WT_CHECK(bytes <= CHUNK_BYTES_MAX, WT_FAILED,
             "%s: the chunks of '%s' are too large (expected at most %d MiB)", file->name, name,
             CHUNK_BYTES_MAX >> 20);
    return WT_OK;
}

static wt_status check_properties(const wt_h5 *file, const char *name, hid_t properties, size_t element,
                                  bool *deflated) {
    H5D_layout_t layout = H5Pget_layout(properties);
    int external = H5Pget_external_count(properties);
    if (layout < 0 || external < 0) return wt_h5_fail(file, "inspect", name);
    WT_CHECK(external == 0, WT_FAILED, "%s: '%s' is stored in other files, which is refused", file->name,
             name);
    WT_CHECK(layout != H5D_VIRTUAL, WT_FAILED, "%s: '%s' is a virtual data set, which is refused", file->name,
             name);
    WT_CHECK(layout == H5D_COMPACT || layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED, WT_FAILED,
             "%s: '%s' has an unknown layout", file->name, name);
    if (layout == H5D_CHUNKED) WT_TRY(check_chunk(file, name, properties, element));
    return check_filters(file, name, properties, deflated);
}

/* A shape can claim anything; the bytes in the file can't. */
static wt_status check_stored_bytes(const wt_h5 *file, const char *name, hid_t dataset, size_t element,
                                    bool deflated) {
    hid_t space = H5Dget_space(dataset);
    hssize_t elements = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    if (space >= 0) H5Sclose(space);
    if (elements < 0) return wt_h5_fail(file, "inspect", name);
    hsize_t stored = H5Dget_storage_size(dataset), whole = (hsize_t)wt_h5_file_bytes(file);
    hsize_t most = (stored <= whole ? stored : 0) * (deflated ? DEFLATE_MOST : 1) / element;
    WT_CHECK((hsize_t)elements <= most, WT_FAILED,
             "%s: damaged or cut short: '%s' lacks data (got %llu bytes for %lld "
             "elements of %zu bytes)",
             file->name, name, (unsigned long long)stored, (long long)elements, element);
    return WT_OK;
}

wt_status wt_h5_check_storage(const wt_h5 *file, const char *name, hid_t dataset) {
    bool deflated = false;
    hid_t type = H5Dget_type(dataset);
    size_t element = type >= 0 ? H5Tget_size(type) : 0;
    if (type >= 0) H5Tclose(type);
    hid_t properties = element > 0 ? H5Dget_create_plist(dataset) : -1;
    if (properties < 0) return wt_h5_fail(file, "inspect", name);
    wt_status status = check_properties(file, name, properties, element, &deflated);
    H5Pclose(properties);
    WT_TRY(status);
    return file->writable ? WT_OK : check_stored_bytes(file, name, dataset, element, deflated);
}

wt_status wt_h5_dataset_properties(const wt_h5 *file, const char *name, hid_t *properties) {
    *properties = H5Pcreate(H5P_DATASET_CREATE);
    if (*properties >= 0 && H5Pset_obj_track_times(*properties, false) >= 0 &&
        H5Pset_fill_time(*properties, H5D_FILL_TIME_ALLOC) >= 0) {
        return WT_OK;
    }
    wt_status status = wt_h5_fail(file, "create", name);
    if (*properties >= 0) H5Pclose(*properties);
    *properties = -1;
    return status;
}
