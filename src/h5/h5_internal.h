/* Shared by the files of src/h5. All of these want the lock held, unless they say otherwise. */
#ifndef WAVETRAIN_H5_INTERNAL_H
#define WAVETRAIN_H5_INTERNAL_H

#include <hdf5.h>

#include "h5/h5.h"

struct wt_h5 {
    hid_t id;
    char *name; /* path, or what stands for it in errors */
    bool writable;
    bool image; /* lives in memory */
    /* The data set whose rows were last asked for stays open, so that its chunk cache is of use. */
    hid_t rows; /* or a negative number */
    char *rows_name;
    wt_h5_shape rows_shape;
};

enum { WT_H5_NAME_MAX = 512 }; /* bytes of a name in a file, terminator included */

/* HDF5 is built without thread safety as a rule: these two enclose every call of it. */
void wt_h5_lock(void);
void wt_h5_unlock(void);

/* One line from what HDF5 last complained of: "FILE: cannot WHAT 'OBJECT' (reason)". Call it before the
 * next call of HDF5, which forgets the reason. */
wt_status wt_h5_fail(const wt_h5 *file, const char *what, const char *object);

/* Size of the file, 0 if unknown. */
int64_t wt_h5_file_bytes(const wt_h5 *file);

/* 1: there, 0: not there; negative: set as an error. Every part of the name must be a hard link, so that
 * nothing leads out of the file. */
int wt_h5_find(const wt_h5 *file, const char *name);

/* Opens a group or a data set ("": the root). Close with H5Oclose. */
wt_status wt_h5_open_object(const wt_h5 *file, const char *name, hid_t *object);

/* As wt_h5_list, of a group that is open. */
wt_status wt_h5_list_group(const wt_h5 *file, const char *name, hid_t group, char ***names, size_t *count);

/* Makes the groups that a name stands in, and checks that the name is free. */
wt_status wt_h5_make_way(const wt_h5 *file, const char *name);

/* Closes the data set kept open for rows. */
wt_status wt_h5_close_rows(wt_h5 *file);

/* Refuses a data set whose bytes are elsewhere, missing, or behind a filter that isn't one of the three. */
wt_status wt_h5_check_storage(const wt_h5 *file, const char *name, hid_t dataset);

/* Properties of a new data set: no times, so that the same calls give the same bytes. */
wt_status wt_h5_dataset_properties(const wt_h5 *file, const char *name, hid_t *properties);

/* A text of so many bytes in UTF-8, to be closed with H5Tclose; negative on failure. */
hid_t wt_h5_text_type(size_t bytes);

/* Refuses what isn't a text of one length. */
wt_status wt_h5_check_text_type(const wt_h5 *file, const char *name, hid_t type, size_t *bytes);

#endif
