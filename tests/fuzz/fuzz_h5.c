/* Edits of an HDF5 file as an input spells them: structure first, by the library itself, then bytes. */
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

typedef struct {
    unsigned what, object, index, kind;
    int64_t value;
} edit;

static edit read_edit(const uint8_t *data) {
    edit e = {data[0] % 6, data[1], data[2], data[3], 0};
    memcpy(&e.value, data + 4, sizeof e.value);
    return e;
}

static const char *pick_name(const char *const *names, unsigned which) {
    unsigned count = 0;
    while (names[count]) count++;
    return names[which % count];
}

static hid_t type_of(unsigned kind) {
    const hid_t types[] = {H5T_NATIVE_INT16, H5T_NATIVE_INT32,  H5T_NATIVE_INT64,
                           H5T_NATIVE_FLOAT, H5T_NATIVE_DOUBLE, H5T_NATIVE_UINT8};
    return types[kind % 6];
}

static void write_fuzzed_attribute(hid_t file, const char *name, const edit *e) {
    hid_t attribute = H5Aopen(file, name, H5P_DEFAULT);
    if (attribute < 0) return;
    hid_t type = H5Aget_type(attribute);
    if (H5Tget_class(type) == H5T_INTEGER) {
        H5Awrite(attribute, H5T_NATIVE_INT64, &e->value);
    } else if (H5Tget_class(type) == H5T_FLOAT) {
        double value;
        memcpy(&value, &e->value, sizeof value);
        H5Awrite(attribute, H5T_NATIVE_DOUBLE, &value);
    } else if (H5Tget_class(type) == H5T_STRING && !H5Tis_variable_str(type)) {
        const size_t size = H5Tget_size(type);
        char *text = calloc(1, size + 8);
        H5Aread(attribute, type, text);
        text[e->index % size] = (char)e->value;
        H5Awrite(attribute, type, text);
        free(text);
    }
    H5Tclose(type);
    H5Aclose(attribute);
}

/* One element; a double in a file of doubles may be anything. */
static void write_element(hid_t file, const char *name, const edit *e) {
    hid_t set = H5Dopen(file, name, H5P_DEFAULT);
    if (set < 0) return;
    hid_t space = H5Dget_space(set), type = H5Dget_type(set), one = H5Screate(H5S_SCALAR);
    hsize_t shape[H5S_MAX_RANK], at[H5S_MAX_RANK];
    const int rank = H5Sget_simple_extent_dims(space, shape, NULL);
    bool any = rank >= 1;
    for (int i = 0; i < rank; i++) {
        any = any && shape[i] > 0;
        at[i] = any ? (e->index * (hsize_t)(i + 1)) % shape[i] : 0;
    }
    double real;
    memcpy(&real, &e->value, sizeof real);
    const bool whole = H5Tget_class(type) == H5T_INTEGER;
    if (any && H5Tget_class(type) != H5T_STRING && H5Sselect_elements(space, H5S_SELECT_SET, 1, at) >= 0)
        H5Dwrite(set, whole ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE, one, space, H5P_DEFAULT,
                 whole ? (const void *)&e->value : (const void *)&real);
    H5Sclose(one);
    H5Tclose(type);
    H5Sclose(space);
    H5Dclose(set);
}

/* Another type and shape under the name. */
static void replace(hid_t file, const char *name, const edit *e) {
    const hsize_t shape[3] = {(hsize_t)(e->value & 255), (hsize_t)(e->value >> 8 & 15),
                              (hsize_t)(e->value >> 12 & 3)};
    const int rank = (int)(e->index % 4);
    H5Ldelete(file, name, H5P_DEFAULT);
    hid_t space = rank ? H5Screate_simple(rank, shape, NULL) : H5Screate(H5S_SCALAR);
    hid_t set = space >= 0
                    ? H5Dcreate(file, name, type_of(e->kind), space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)
                    : -1;
    if (set >= 0) H5Dclose(set);
    if (space >= 0) H5Sclose(space);
}

static void apply(hid_t file, const edit *e, const char *const *arrays, const char *const *attributes) {
    switch (e->what) {
    case 0: write_fuzzed_attribute(file, pick_name(attributes, e->object), e); break;
    case 1: write_element(file, pick_name(arrays, e->object), e); break;
    case 2: H5Ldelete(file, pick_name(arrays, e->object), H5P_DEFAULT); break;
    case 3: replace(file, pick_name(arrays, e->object), e); break;
    case 4: H5Adelete(file, pick_name(attributes, e->object)); break;
    default: break;
    }
}

void fuzz_change_bytes(const char *path, const uint8_t *data, size_t size) {
    size_t bytes;
    uint8_t *whole = fuzz_load(path, &bytes);
    for (size_t i = 0; whole && bytes > 0 && i + FUZZ_EDIT <= size; i += FUZZ_EDIT) {
        const edit e = read_edit(data + i);
        if (e.what == 5) whole[(uint64_t)e.value % bytes] ^= (uint8_t)(e.kind ? e.kind : 1);
    }
    if (whole) fuzz_save(path, whole, bytes);
    free(whole);
}

void fuzz_edit(const char *path, const uint8_t *data, size_t size, const char *const *arrays,
               const char *const *attributes) {
    H5Eset_auto(H5E_DEFAULT, NULL, NULL);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, access);

    for (size_t i = 0; file >= 0 && i + FUZZ_EDIT <= size; i += FUZZ_EDIT) {
        const edit e = read_edit(data + i);
        apply(file, &e, arrays, attributes);
    }
    if (file >= 0) H5Fclose(file);
    H5Pclose(access);
}
