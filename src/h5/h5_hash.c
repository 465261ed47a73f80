/*
 * One hash of all that is small in a file: attributes, names, shapes, and whole data sets but those that are
 * left out (long ones, which have a checksum per chunk and a digest of their own). It goes through the file
 * as it is, so that what a later version adds is covered without a list; the price is that every small data
 * set is read when it is made or compared. Bytes are hashed as they are stored, whatever the machine's own
 * order is.
 */
#include <string.h>

#include "h5_internal.h"

enum { DEPTH_MAX = 8, ATTRIBUTE_BYTES_MAX = 1 << 16 };

typedef struct {
    wt_h5 *file;
    const char *const *left_out; /* data sets, up to NULL */
    const char *own;             /* the root's attribute that will hold the hash */
    wt_hash hash;
    wt_status status;
} walk;

static void fold_bytes(walk *at, const void *bytes, size_t count) {
    at->hash = wt_hash_fold(at->hash, wt_hash_bytes(bytes, count, 0));
}

static void fold_text(walk *at, const char *text) {
    fold_bytes(at, text, strlen(text));
}

/* Numbers and texts of one length alone: no other type says how many bytes there are. */
static wt_status fold_type(walk *at, const char *name, hid_t type, size_t *bytes) {
    const H5T_class_t class = H5Tget_class(type);
    *bytes = H5Tget_size(type);
    const bool known = class == H5T_INTEGER || class == H5T_FLOAT ||
                       (class == H5T_STRING && H5Tis_variable_str(type) == 0);
    WT_CHECK(known && *bytes > 0, WT_FAILED, "%s: '%s' is neither numbers nor texts of one length",
             at->file->name, name);
    const int64_t words[] = {class, (int64_t)*bytes, H5Tget_order(type)};
    fold_bytes(at, words, sizeof words);
    return WT_OK;
}

static wt_status fold_space(walk *at, const char *name, hid_t space, size_t *count) {
    hsize_t extent[H5S_MAX_RANK];
    const int rank = space >= 0 ? H5Sget_simple_extent_dims(space, extent, NULL) : -1;
    const hssize_t points = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    if (rank < 0 || points < 0) return wt_h5_fail(at->file, "inspect", name);
    for (int i = 0; i < rank; i++) {
        const int64_t size = (int64_t)extent[i];
        fold_bytes(at, &size, sizeof size);
    }
    *count = (size_t)points;
    return WT_OK;
}

/* --- attributes --- */

static wt_status read_attribute(walk *at, const char *name, hid_t attribute, hid_t type, size_t bytes) {
    char value[ATTRIBUTE_BYTES_MAX];
    WT_CHECK(bytes <= sizeof value, WT_FAILED,
             "%s: the attribute '%s' is too long (got %zu bytes, expected at most %zu)", at->file->name, name,
             bytes, sizeof value);
    if (H5Aread(attribute, type, value) < 0) return wt_h5_fail(at->file, "read the attribute", name);
    fold_bytes(at, value, bytes);
    return WT_OK;
}

static wt_status fold_attribute(walk *at, hid_t owner, const char *name) {
    wt_status status = WT_OK;
    size_t bytes = 0, count = 0;
    hid_t type = -1, space = -1;
    fold_text(at, name);
    hid_t attribute = H5Aopen(owner, name, H5P_DEFAULT);
    if (attribute < 0) return wt_h5_fail(at->file, "read the attribute", name);
    type = H5Aget_type(attribute);
    space = H5Aget_space(attribute);
    WT_GUARD(fold_type(at, name, type, &bytes));
    WT_GUARD(fold_space(at, name, space, &count));
    WT_GUARD_CHECK(count <= ATTRIBUTE_BYTES_MAX, WT_FAILED, "%s: the attribute '%s' is too long",
                   at->file->name, name);
    WT_GUARD(read_attribute(at, name, attribute, type, bytes * count));
cleanup:
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    H5Aclose(attribute);
    return status;
}

static herr_t take_attribute(hid_t owner, const char *name, const H5A_info_t *info, void *context) {
    walk *at = context;
    (void)info;
    if (at->own && strcmp(name, at->own) == 0) return 0;
    at->status = fold_attribute(at, owner, name);
    return at->status == WT_OK ? 0 : -1;
}

/* In the order of their names. */
static wt_status fold_attributes(walk *at, hid_t owner, const char *name) {
    hsize_t first = 0;
    at->status = WT_OK;
    if (H5Aiterate2(owner, H5_INDEX_NAME, H5_ITER_INC, &first, take_attribute, at) >= 0) return WT_OK;
    return at->status != WT_OK ? at->status : wt_h5_fail(at->file, "list the attributes of", name);
}

/* --- data sets --- */

static bool is_left_out(const walk *at, const char *name) {
    for (int i = 0; at->left_out[i]; i++) {
        if (strcmp(name, at->left_out[i]) == 0) return true;
    }
    return false;
}

static wt_status read_dataset(walk *at, const char *name, hid_t dataset, hid_t type, size_t bytes) {
    char *values = NULL;
    wt_status status = wt_alloc(&values, bytes, 1, "a data set of an HDF5 file");
    if (status == WT_OK && bytes > 0 && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        status = wt_h5_fail(at->file, "read", name);
    if (status == WT_OK) fold_bytes(at, values, bytes);
    wt_free(values);
    return status;
}

/* What is stored bounds the shape, so nothing overflows once the storage is checked. */
static wt_status fold_dataset(walk *at, hid_t dataset, const char *name) {
    wt_status status = WT_OK;
    size_t bytes = 0, count = 0;
    WT_TRY(wt_h5_check_storage(at->file, name, dataset));
    hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    WT_GUARD(fold_type(at, name, type, &bytes));
    WT_GUARD(fold_space(at, name, space, &count));
    if (!is_left_out(at, name)) WT_GUARD(read_dataset(at, name, dataset, type, bytes * count));
cleanup:
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    return status;
}

/* --- groups --- */

static wt_status fold_object(walk *at, const char *name, int depth);

static wt_status fold_group(walk *at, const char *name, hid_t group, int depth) {
    char **names = NULL, path[WT_H5_NAME_MAX];
    size_t count = 0;
    wt_status status = WT_OK;
    WT_CHECK(depth < DEPTH_MAX, WT_FAILED, "%s: '%s' lies too deep (expected at most %d groups)",
             at->file->name, name, DEPTH_MAX);
    WT_TRY(wt_h5_list_group(at->file, name, group, &names, &count));
    for (size_t i = 0; i < count && status == WT_OK; i++) {
        const int length = snprintf(path, sizeof path, "%s%s%s", name, *name ? "/" : "", names[i]);
        status = length < (int)sizeof path
                     ? fold_object(at, path, depth + 1)
                     : wt_error(WT_FAILED, "%s: name in the file too long", at->file->name);
    }
    wt_h5_free_texts(names, count);
    return status;
}

static wt_status fold_object(walk *at, const char *name, int depth) {
    hid_t object = -1;
    fold_text(at, name);
    WT_TRY(wt_h5_open_object(at->file, name, &object));
    wt_status status = fold_attributes(at, object, name);
    at->own = NULL; /* it was the root's, which is first */
    if (status == WT_OK && H5Iget_type(object) == H5I_DATASET) {
        status = fold_dataset(at, object, name);
    } else if (status == WT_OK) {
        status = fold_group(at, name, object, depth);
    }
    H5Oclose(object);
    return status;
}

wt_status wt_h5_hash(wt_hash *hash, wt_h5 *file, const char *const *left_out, const char *own) {
    walk at = {.file = file, .left_out = left_out, .own = own};
    wt_h5_lock();
    wt_status status = wt_h5_close_rows(file); /* what was written by rows must be seen */
    if (status == WT_OK) status = fold_object(&at, "", 0);
    wt_h5_unlock();
    *hash = at.hash;
    return status;
}
