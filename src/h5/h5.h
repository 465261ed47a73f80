/*
 * HDF5 files: the only way to them. The library is not thread-safe, so every call
 * takes one lock (the loader's thread and the checkpoint's may be at it at once).
 * HDF5's own error stack is silenced; a failure is one line that names the file and
 * the object. Files are not trusted: external, virtual and linked storage and any
 * filter but deflate, shuffle and Fletcher32 are refused when a data set is opened, and no
 * dimension is believed before the caller has checked it against a limit.
 *
 * Names are paths in the file ("utterances/offset"); missing groups are made.
 */
#ifndef WAVETRAIN_H5_H
#define WAVETRAIN_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/base.h"

typedef struct wt_h5 wt_h5;

typedef enum { WT_H5_INT16, WT_H5_INT32, WT_H5_INT64, WT_H5_FLOAT, WT_H5_DOUBLE } wt_h5_type;

enum {
    WT_H5_RANK_MAX = 4,
    WT_H5_TEXT_MAX = 64000, /* bytes of a text: an attribute has at most 64 KiB with its name */
};

typedef struct {
    wt_h5_type type; /* as stored; integers of other widths are refused */
    int rank;
    int64_t shape[WT_H5_RANK_MAX];
} wt_h5_shape;

/* --- files --- */

/* A new file at `path`, which must not exist. */
wt_status wt_h5_create(wt_h5 **out, const char *path);
/* Read-only. A file that is not HDF5, or cut short, is a WT_FAILED that says so. */
wt_status wt_h5_open(wt_h5 **out, const char *path);
/* A new file that lives in memory alone; `name` stands for it in errors. */
wt_status wt_h5_create_image(wt_h5 **out, const char *name);
/* Reads a file from memory. The bytes are copied. */
wt_status wt_h5_open_image(wt_h5 **out, const char *name, const void *bytes, size_t size);
/* The bytes of a file made by wt_h5_create_image, in a new block (wt_free), as they would stand on disk. */
wt_status wt_h5_image(char **bytes, size_t *size, wt_h5 *file);
/* Takes NULL. After writing, the status says whether everything reached the file. */
wt_status wt_h5_close(wt_h5 *file);

/* --- attributes of the root (name "") or of an object --- */

wt_status wt_h5_write_attribute_text(wt_h5 *file, const char *object, const char *name, const char *value);
wt_status wt_h5_write_attribute_int(wt_h5 *file, const char *object, const char *name, int64_t value);
wt_status wt_h5_write_attribute_real(wt_h5 *file, const char *object, const char *name, double value);
/* `limit` bounds the text, terminator included. */
wt_status wt_h5_read_attribute_text(wt_h5 *file, const char *object, const char *name, char *value,
                                    size_t limit);
wt_status wt_h5_read_attribute_int(wt_h5 *file, const char *object, const char *name, int64_t *value);
wt_status wt_h5_read_attribute_real(wt_h5 *file, const char *object, const char *name, double *value);
bool wt_h5_has_attribute(wt_h5 *file, const char *object, const char *name);

/* --- data sets --- */

bool wt_h5_has(wt_h5 *file, const char *name);

/* Creates and writes the whole array. chunk_rows > 0 stores it in chunks of so many rows with
 * Fletcher32; 0 stores it contiguously. */
wt_status wt_h5_write(wt_h5 *file, const char *name, wt_h5_shape shape, const void *data, int64_t chunk_rows);

/* Creates a data set to be filled by wt_h5_write_rows, chunked with Fletcher32. */
wt_status wt_h5_declare(wt_h5 *file, const char *name, wt_h5_shape shape, int64_t chunk_rows);
wt_status wt_h5_write_rows(wt_h5 *file, const char *name, int64_t first, int64_t rows, const void *data);

/* Type and shape; refuses foreign storage and filters. */
wt_status wt_h5_inspect(wt_h5 *file, const char *name, wt_h5_shape *shape);

/* Reads the whole data set, or rows first … first+rows−1, converted to `type`; `data` must hold them. */
wt_status wt_h5_read(wt_h5 *file, const char *name, wt_h5_type type, void *data);
wt_status wt_h5_read_rows(wt_h5 *file, const char *name, wt_h5_type type, int64_t first, int64_t rows,
                          void *data);

/* An array of texts in UTF-8, stored padded to the longest. wt_h5_read_texts gives *count new strings
 * (wt_h5_free_texts); refuses more than `limit`, and texts of variable length. */
wt_status wt_h5_write_texts(wt_h5 *file, const char *name, const char *const *texts, size_t count);
wt_status wt_h5_read_texts(wt_h5 *file, const char *name, char ***texts, size_t *count, size_t limit);
void wt_h5_free_texts(char **texts, size_t count);

/* Names of the objects in a group, in the order of strcmp; free with wt_h5_free_texts. */
wt_status wt_h5_list(wt_h5 *file, const char *group, char ***names, size_t *count);

/* A hash of all names, types, shapes, attributes, and values of data sets; of those that are `left_out` (up
 * to NULL) not the values. The root's attribute `own` is left out too: it is where the hash may be kept. */
wt_status wt_h5_hash(wt_hash *hash, wt_h5 *file, const char *const *left_out, const char *own);

#endif
