/* Probabilities as CSV. Targets come recording by recording, so names are read once for each. */
#include "train/probabilities.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/output.h"
#include "train/evaluation.h"
#include "train_internal.h"

struct wt_probabilities {
    FILE *file;
    char *path;
    wt_dataset *dataset;
    const wt_class_names *names;
    int classes;
    double *values;    /* [classes] */
    int64_t utterance; /* whose names these are; −1: none */
    char *id, *group;
};

static void write_class(const wt_probabilities *out, int class) {
    char name[WT_CLASS_TEXT];
    fputc(',', out->file);
    if (class < 0) return;
    wt_class_name(name, out->names, class);
    wt_output_field(out->file, name, ',');
}

wt_status wt_probabilities_open(wt_probabilities **file, const char *path, wt_dataset *dataset,
                                const wt_class_names *names, int classes) {
    wt_probabilities *out;
    *file = NULL;
    WT_TRY(wt_path_require_ending(path, ".csv", "a table"));
    WT_TRY(wt_path_require_free(path, " (expected a name that is free)"));
    WT_TRY(wt_alloc(&out, 1, sizeof *out, "probabilities"));
    *out = (wt_probabilities){.dataset = dataset, .names = names, .classes = classes, .utterance = -1};
    wt_status status = wt_memory_copy_string(&out->path, path);
    if (status == WT_OK)
        status = wt_alloc(&out->values, (size_t)classes, sizeof *out->values, "probabilities");
    if (status == WT_OK) status = wt_file_begin(&out->file, path);
    if (status != WT_OK) return wt_probabilities_close(out, status);
    fputs("file,time,group,class,prediction", out->file);
    for (int class = 0; class < classes; class ++) write_class(out, class);
    fputc('\n', out->file);
    *file = out;
    return WT_OK;
}

static wt_status use_names(wt_probabilities *out, int64_t utterance) {
    if (utterance == out->utterance) return WT_OK;
    wt_free(out->id);
    wt_free(out->group);
    out->id = out->group = NULL;
    out->utterance = utterance;
    WT_TRY(wt_dataset_id(out->dataset, utterance, &out->id));
    return wt_dataset_group(out->dataset, utterance, &out->group);
}

static wt_status write_row(wt_probabilities *out, int64_t utterance, int64_t sample, int class,
                           int prediction) {
    WT_TRY(use_names(out, utterance));
    wt_output_field(out->file, out->id, ',');
    fprintf(out->file, ",%.9g,", (double)sample / wt_dataset_sample_rate(out->dataset));
    wt_output_field(out->file, out->group, ',');
    write_class(out, class);
    write_class(out, prediction);
    for (int c = 0; c < out->classes; c++) fprintf(out->file, ",%.6g", out->values[c]);
    fputc('\n', out->file);
    return WT_OK;
}

wt_status wt_probabilities_add(wt_probabilities *out, const wt_prediction *row, const wt_real *outputs) {
    const double largest = (double)outputs[(int)row->prediction];
    double sum = 0;
    for (int c = 0; c < out->classes; c++) sum += out->values[c] = exp((double)outputs[c] - largest);
    for (int c = 0; c < out->classes; c++) out->values[c] /= sum;
    return write_row(out, row->utterance, row->sample, (int)row->target, (int)row->prediction);
}

wt_status wt_probabilities_add_recordings(wt_probabilities *out, const wt_label_results *results) {
    for (int64_t u = 0; u < results->utterances; u++) {
        int32_t truth;
        const int prediction = wt_label_results_recording(results, u, out->values);
        WT_TRY(wt_dataset_read_classes(out->dataset, u, 0, 1, &truth));
        WT_TRY(write_row(out, u, 0, (int)truth, prediction));
    }
    return WT_OK;
}

wt_status wt_probabilities_close(wt_probabilities *out, wt_status status) {
    if (!out) return status;
    if (out->file) status = wt_file_finish(out->file, out->path, status);
    wt_free(out->path);
    wt_free(out->values);
    wt_free(out->id);
    wt_free(out->group);
    wt_free(out);
    return status;
}
