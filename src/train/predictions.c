/* Predictions as a file for other programs. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/output.h"
#include "h5/h5.h"
#include "train/logits.h"
#include "train_internal.h"

/* --- CSV --- */

static wt_status write_prediction_rows(FILE *file, wt_dataset *dataset, const wt_label_results *results) {
    wt_status status = WT_OK;
    char *id = NULL;
    fprintf(file, "utterance,sample,target,prediction\n");
    for (int64_t i = 0; i < results->count && !ferror(file); i++) {
        const wt_prediction *row = &results->rows[i];
        if (i == 0 || row->utterance != row[-1].utterance) {
            wt_free(id);
            id = NULL;
            WT_GUARD(wt_dataset_id(dataset, row->utterance, &id));
        }
        wt_output_field(file, id, ',');
        fprintf(file, ",%lld,%.9g,%.9g\n", (long long)row->sample, row->target, row->prediction);
    }
cleanup:
    wt_free(id);
    return status;
}

static wt_status write_csv(const char *path, wt_dataset *dataset, const wt_label_results *results) {
    FILE *file;
    WT_TRY(wt_file_begin(&file, path));
    return wt_file_finish(file, path, write_prediction_rows(file, dataset, results));
}

/* --- HDF5 --- */

enum { PIECE = 65536 }; /* rows of a chunk */

typedef struct {
    int64_t *utterance, *sample;
    double *target, *prediction;
} columns;

static wt_status fill_columns(columns *c, const wt_label_results *results) {
    const size_t count = (size_t)results->count;
    WT_TRY(wt_alloc(&c->utterance, count, sizeof *c->utterance, "predictions"));
    WT_TRY(wt_alloc(&c->sample, count, sizeof *c->sample, "predictions"));
    WT_TRY(wt_alloc(&c->target, count, sizeof *c->target, "predictions"));
    WT_TRY(wt_alloc(&c->prediction, count, sizeof *c->prediction, "predictions"));
    for (size_t i = 0; i < count; i++) {
        c->utterance[i] = results->rows[i].utterance;
        c->sample[i] = results->rows[i].sample;
        c->target[i] = results->rows[i].target;
        c->prediction[i] = results->rows[i].prediction;
    }
    return WT_OK;
}

wt_status wt_predictions_write_ids(wt_h5 *file, wt_dataset *dataset) {
    const size_t count = (size_t)wt_dataset_utterances(dataset);
    char **ids = NULL;
    wt_status status = wt_alloc(&ids, count, sizeof *ids, "names of utterances");
    for (size_t i = 0; i < count && status == WT_OK; i++)
        status = wt_dataset_id(dataset, (int64_t)i, &ids[i]);
    if (status == WT_OK) status = wt_h5_write_texts(file, "ids", (const char *const *)ids, count);
    for (size_t i = 0; ids && i < count; i++) wt_free(ids[i]);
    wt_free(ids);
    return status;
}

static wt_status write_columns(wt_h5 *file, const columns *c, const wt_label_results *results) {
    const wt_h5_shape whole = {WT_H5_INT64, 1, {results->count}}, real = {WT_H5_DOUBLE, 1, {results->count}};
    const wt_h5_shape table = {WT_H5_INT64, 2, {results->classes, results->classes}};
    WT_TRY(wt_h5_write(file, "utterance", whole, c->utterance, PIECE));
    WT_TRY(wt_h5_write(file, "sample", whole, c->sample, PIECE));
    WT_TRY(wt_h5_write(file, "target", real, c->target, PIECE));
    WT_TRY(wt_h5_write(file, "prediction", real, c->prediction, PIECE));
    return results->table ? wt_h5_write(file, "table", table, results->table, 0) : WT_OK;
}

static wt_status write_h5(const char *path, wt_dataset *dataset, const wt_label_results *results) {
    columns c = {NULL, NULL, NULL, NULL};
    wt_h5 *file = NULL;
    char unfinished[WT_PATH_MAX];
    wt_status status = WT_OK;
    WT_TRY(wt_path_begin(unfinished, path));
    WT_GUARD(fill_columns(&c, results));
    WT_GUARD(wt_h5_create(&file, unfinished));
    WT_GUARD(write_columns(file, &c, results));
    WT_GUARD(wt_predictions_write_ids(file, dataset));
cleanup:
    wt_free(c.utterance);
    wt_free(c.sample);
    wt_free(c.target);
    wt_free(c.prediction);
    if (file) {
        const wt_status closed = wt_h5_close(file);
        if (status == WT_OK) status = closed;
    }
    return wt_path_finish(unfinished, path, status);
}

static bool ends_with(const char *text, const char *end) {
    const size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcmp(text + length - tail, end) == 0;
}

wt_status wt_predictions_write(const char *path, wt_dataset *dataset, const wt_label_results *results) {
    WT_TRY(wt_path_require_free(path, " (expected a name that is free)"));
    return ends_with(path, ".h5") || ends_with(path, ".hdf5") ? write_h5(path, dataset, results)
                                                              : write_csv(path, dataset, results);
}
