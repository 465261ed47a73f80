/*
 * Attributes: single texts, integers and real numbers. They lie in their object's header, whose checksum
 * covers them in files on disk (not so texts of variable length, see h5_text.c). Every attribute read must be
 * a single value of the kind asked for.
 */
#include <string.h>

#include "h5_internal.h"

/* --- writing --- */

static wt_status write_attribute(const wt_h5 *file, const char *object, const char *name, hid_t stored,
                                 hid_t given, const void *value) {
    wt_status status = WT_OK;
    hid_t owner = -1, space = -1, attribute = -1;
    WT_GUARD(wt_h5_open_object(file, object, &owner));
    space = H5Screate(H5S_SCALAR);
    attribute = H5Acreate2(owner, name, stored, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0 || H5Awrite(attribute, given, value) < 0) {
        status = wt_h5_fail(file, "write the attribute", name);
        goto cleanup;
    }
    herr_t closed = H5Aclose(attribute);
    attribute = -1;
    if (closed < 0) status = wt_h5_fail(file, "write the attribute", name);
cleanup:
    if (attribute >= 0) H5Aclose(attribute);
    if (space >= 0) H5Sclose(space);
    if (owner >= 0) H5Oclose(owner);
    return status;
}

wt_status wt_h5_write_attribute_text(wt_h5 *file, const char *object, const char *name, const char *value) {
    size_t length = strlen(value);
    WT_CHECK(length <= WT_H5_TEXT_MAX, WT_FAILED,
             "%s: the attribute '%s' is too long (got %zu bytes, expected at most %d)", file->name, name,
             length, WT_H5_TEXT_MAX);
    wt_h5_lock();
    hid_t type = wt_h5_text_type(length > 0 ? length : 1);
    wt_status status = type < 0 ? wt_h5_fail(file, "write the attribute", name)
                                : write_attribute(file, object, name, type, type, value);
    if (type >= 0) H5Tclose(type);
    wt_h5_unlock();
    return status;
}

wt_status wt_h5_write_attribute_int(wt_h5 *file, const char *object, const char *name, int64_t value) {
    wt_h5_lock();
    wt_status status = write_attribute(file, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
    wt_h5_unlock();
    return status;
}

wt_status wt_h5_write_attribute_real(wt_h5 *file, const char *object, const char *name, double value) {
    wt_h5_lock();
    wt_status status = write_attribute(file, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
    wt_h5_unlock();
    return status;
}

/* --- reading --- */

/* An attribute that is open for reading, with its type. */
typedef struct {
    hid_t owner, attribute, type;
} source;

static void close_source(source *from) {
    if (from->type >= 0) H5Tclose(from->type);
    if (from->attribute >= 0) H5Aclose(from->attribute);
    if (from->owner >= 0) H5Oclose(from->owner);
}

/* What close_source takes is set also on failure. */
static wt_status open_source(const wt_h5 *file, const char *object, const char *name, source *from) {
    *from = (source){-1, -1, -1};
    WT_TRY(wt_h5_open_object(file, object, &from->owner));
    htri_t there = H5Aexists(from->owner, name);
    WT_CHECK(there != 0, WT_FAILED, "%s: the attribute '%s' is missing", file->name, name);
    from->attribute = H5Aopen(from->owner, name, H5P_DEFAULT);
    if (from->attribute < 0) return wt_h5_fail(file, "read the attribute", name);
    from->type = H5Aget_type(from->attribute);
    hid_t space = H5Aget_space(from->attribute);
    hssize_t values = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    if (space >= 0) H5Sclose(space);
    if (from->type < 0 || values < 0) return wt_h5_fail(file, "read the attribute", name);
    WT_CHECK(values == 1, WT_FAILED, "%s: the attribute '%s' must be a single value (got %lld)", file->name,
             name, (long long)values);
    return WT_OK;
}

static wt_status read_attribute_text(const wt_h5 *file, const char *name, const source *from, char *value,
                                     size_t limit) {
    char text[WT_H5_TEXT_MAX + 1] = {0};
    size_t bytes = 0;
    WT_TRY(wt_h5_check_text_type(file, name, from->type, &bytes));
    if (H5Aread(from->attribute, from->type, text) < 0) return wt_h5_fail(file, "read the attribute", name);
    size_t length = strlen(text);
    WT_CHECK(length < limit, WT_FAILED,
             "%s: the attribute '%s' is too long (got %zu bytes, expected at most %zu)", file->name, name,
             length, limit - 1);
    memcpy(value, text, length + 1);
    return WT_OK;
}

wt_status wt_h5_read_attribute_text(wt_h5 *file, const char *object, const char *name, char *value,
                                    size_t limit) {
    source from;
    WT_CHECK(limit > 0, WT_FAILED, "%s: no space for the attribute '%s'", file->name, name);
    value[0] = '\0';
    wt_h5_lock();
    wt_status status = open_source(file, object, name, &from);
    if (status == WT_OK) status = read_attribute_text(file, name, &from, value, limit);
    close_source(&from);
    wt_h5_unlock();
    return status;
}

static wt_status read_attribute_number(const wt_h5 *file, const char *object, const char *name, bool real,
                                       hid_t wanted, void *value) {
    source from;
    wt_status status = WT_OK;
    WT_GUARD(open_source(file, object, name, &from));
    H5T_class_t class = H5Tget_class(from.type);
    bool fits = (class == H5T_INTEGER || (real && class == H5T_FLOAT)) && H5Tget_size(from.type) <= 8;
    WT_GUARD_CHECK(fits, WT_FAILED, "%s: the attribute '%s' must be %s", file->name, name,
                   real ? "a number" : "an integer");
    if (H5Aread(from.attribute, wanted, value) < 0) status = wt_h5_fail(file, "read the attribute", name);
cleanup:
    close_source(&from);
    return status;
}

wt_status wt_h5_read_attribute_int(wt_h5 *file, const char *object, const char *name, int64_t *value) {
    wt_h5_lock();
    wt_status status = read_attribute_number(file, object, name, false, H5T_NATIVE_INT64, value);
    wt_h5_unlock();
    return status;
}

wt_status wt_h5_read_attribute_real(wt_h5 *file, const char *object, const char *name, double *value) {
    wt_h5_lock();
    wt_status status = read_attribute_number(file, object, name, true, H5T_NATIVE_DOUBLE, value);
    wt_h5_unlock();
    return status;
}

bool wt_h5_has_attribute(wt_h5 *file, const char *object, const char *name) {
    hid_t owner = -1;
    bool there = false;
    wt_h5_lock();
    if (wt_h5_find(file, object) > 0 && wt_h5_open_object(file, object, &owner) == WT_OK) {
        there = H5Aexists(owner, name) > 0;
        H5Oclose(owner);
    }
    wt_h5_unlock();
    return there;
}
