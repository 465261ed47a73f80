/* Rows are gathered and written some thousands at a time, so that no more of a split is in memory. */
#include "train/logits.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "train_internal.h"

enum {
    BUFFER = 1 << 20,   /* numbers of logits that are gathered */
    CHUNK_MAX = 1 << 14 /* rows of a chunk of the file */
};

struct wt_logits {
    wt_h5 *file;
    char path[WT_PATH_MAX], unfinished[WT_PATH_MAX];
    wt_logits_shape shape;
    int64_t written;
    int count, capacity; /* rows in memory */
    int64_t *utterance, *sample;
    int32_t *classes;
    float *signal, *values;
};

static size_t inputs_of(const wt_logits *logits) {
    return (size_t)logits->shape.inputs * (size_t)(logits->shape.channels ? logits->shape.channels : 1);
}

static wt_status take_buffers(wt_logits *l) {
    const size_t rows = (size_t)l->capacity;
    WT_TRY(wt_alloc(&l->utterance, rows, sizeof *l->utterance, "logits"));
    WT_TRY(wt_alloc(&l->sample, rows, sizeof *l->sample, "logits"));
    WT_TRY(wt_alloc(&l->values, rows * (size_t)l->shape.outputs, sizeof *l->values, "logits"));
    if (l->shape.channels == 0)
        return wt_alloc(&l->classes, rows * inputs_of(l), sizeof *l->classes, "inputs");
    return wt_alloc(&l->signal, rows * inputs_of(l), sizeof *l->signal, "inputs");
}

static wt_status declare_arrays(wt_logits *l) {
    const wt_logits_shape *s = &l->shape;
    const wt_h5_shape whole = {WT_H5_INT64, 1, {s->rows}};
    wt_h5_shape input = {s->channels ? WT_H5_FLOAT : WT_H5_INT32, 1, {s->rows}};
    if (s->inputs > 1) input.shape[input.rank++] = s->inputs;
    if (s->channels) input.shape[input.rank++] = s->channels;
    WT_TRY(wt_h5_declare(l->file, "utterance", whole, l->capacity));
    WT_TRY(wt_h5_declare(l->file, "sample", whole, l->capacity));
    WT_TRY(wt_h5_declare(l->file, "input", input, l->capacity));
    return wt_h5_declare(l->file, "logits", (wt_h5_shape){WT_H5_FLOAT, 2, {s->rows, s->outputs}},
                         l->capacity);
}

wt_status wt_logits_create(wt_logits **out, const char *path, const wt_logits_shape *shape) {
    wt_logits *l;
    wt_status status = WT_OK;
    int64_t capacity = BUFFER / ((int64_t)shape->outputs + shape->inputs);
    *out = NULL;
    WT_TRY(wt_alloc(&l, 1, sizeof *l, "logits"));
    if (capacity > CHUNK_MAX) capacity = CHUNK_MAX;
    if (capacity > shape->rows) capacity = shape->rows;
    l->capacity = capacity < 1 ? 1 : (int)capacity;
    l->shape = *shape;
    snprintf(l->path, sizeof l->path, "%s", path);
    WT_GUARD(wt_path_begin(l->unfinished, path));
    WT_GUARD(wt_h5_create(&l->file, l->unfinished));
    WT_GUARD(take_buffers(l));
    WT_GUARD(declare_arrays(l));
    *out = l;
    return WT_OK;
cleanup:
    return wt_logits_finish(l, NULL, status);
}

static wt_status flush_rows(wt_logits *l) {
    const void *input = l->shape.channels ? (const void *)l->signal : (const void *)l->classes;
    if (l->count == 0) return WT_OK;
    WT_TRY(wt_h5_write_rows(l->file, "utterance", l->written, l->count, l->utterance));
    WT_TRY(wt_h5_write_rows(l->file, "sample", l->written, l->count, l->sample));
    WT_TRY(wt_h5_write_rows(l->file, "input", l->written, l->count, input));
    WT_TRY(wt_h5_write_rows(l->file, "logits", l->written, l->count, l->values));
    l->written += l->count;
    l->count = 0;
    return WT_OK;
}

wt_status wt_logits_add(wt_logits *l, const wt_logits_row *row) {
    const size_t n = (size_t)l->count, inputs = inputs_of(l), outputs = (size_t)l->shape.outputs;
    l->utterance[n] = row->utterance;
    l->sample[n] = row->sample;
    if (l->classes) memcpy(l->classes + n * inputs, row->classes, inputs * sizeof *l->classes);
    if (l->signal) memcpy(l->signal + n * inputs, row->signal, inputs * sizeof *l->signal);
    memcpy(l->values + n * outputs, row->logits, outputs * sizeof *l->values);
    return ++l->count == l->capacity ? flush_rows(l) : WT_OK;
}

wt_status wt_logits_finish(wt_logits *l, wt_dataset *dataset, wt_status status) {
    if (!l) return status;
    if (status == WT_OK) status = flush_rows(l);
    if (status == WT_OK) status = wt_predictions_write_ids(l->file, dataset);
    if (l->file) {
        const wt_status closed = wt_h5_close(l->file);
        if (status == WT_OK) status = closed;
    }
    if (*l->unfinished) status = wt_path_finish(l->unfinished, l->path, status);
    wt_free(l->utterance);
    wt_free(l->sample);
    wt_free(l->classes);
    wt_free(l->signal);
    wt_free(l->values);
    wt_free(l);
    return status;
}
