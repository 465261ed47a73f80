/*
 * Safetensors: 8 bytes with the header's length (little-endian), the header, which is a JSON object, then the
 * tensors' numbers (little-endian). An entry of the header says of a tensor
 *   "NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}      bytes behind the header
 * and "__metadata__" is an object of texts. The tensors cover all bytes, each once (the format's own rule).
 *
 * In memory; no files. A file that is read is not trusted.
 */
#ifndef WAVETRAIN_SAFETENSORS_H
#define WAVETRAIN_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/base.h"

enum {
    WT_SAFETENSORS_RANK = 3,
    WT_SAFETENSORS_NAME = 64,             /* characters of a tensor's name, with the terminator */
    WT_SAFETENSORS_HEADER_MAX = 64 << 20, /* bytes */
    WT_SAFETENSORS_TENSORS_MAX = 1 << 20
};

typedef struct {
    char name[WT_SAFETENSORS_NAME];
    int rank;
    int64_t shape[WT_SAFETENSORS_RANK];
    size_t first, count; /* of its numbers among all of the file's */
} wt_safetensors_tensor;

/* An entry of the metadata. */
typedef struct {
    char *key, *value;
} wt_safetensors_text;

typedef struct {
    wt_safetensors_tensor *tensors; /* [count], in the order of their numbers */
    int count;
    wt_safetensors_text *texts; /* [text_count] */
    int text_count;
    float *values; /* of all tensors; of a file that is made: the caller's, [total] */
    size_t total;
} wt_safetensors;

/* Frees all but the values of a file that is made. */
void wt_safetensors_dispose(wt_safetensors *file);

/* --- a file that is made --- */

/* Behind the last tensor. */
wt_status wt_safetensors_add(wt_safetensors *file, const char *name, int rank, const int64_t *shape);
/* A copy of both. */
wt_status wt_safetensors_describe(wt_safetensors *file, const char *key, const char *value);
/* The bytes in front of the numbers (wt_free), so many that those are aligned to 64 bytes. The numbers are
 * brought into the file's order of bytes in place. */
wt_status wt_safetensors_print(char **header, size_t *bytes, const wt_safetensors *file, float *values);

/* --- a file that is read --- */

/* Whether a file that begins with these bytes is meant to be one. */
bool wt_safetensors_recognise(const char *bytes, size_t size);
/* Fails (WT_USAGE) with what is wrong; `path` stands before the message. wt_safetensors_close. */
wt_status wt_safetensors_parse(wt_safetensors *file, const char *path, const char *bytes, size_t size);
/* NULL: there is none. */
const char *wt_safetensors_find(const wt_safetensors *file, const char *key);
/* Frees the values too. */
void wt_safetensors_close(wt_safetensors *file);

#endif
