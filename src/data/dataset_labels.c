/* Labels of a data set: that all shards agree about them, and reading them. */
#include <math.h>
#include <string.h>

#include "data/dataset.h"
#include "dataset_internal.h"

wt_label_kind wt_dataset_label_kind(const wt_dataset *dataset) {
    return dataset->label_kind;
}
int wt_dataset_classes(const wt_dataset *dataset) {
    return dataset->classes;
}
const wt_normalization *wt_dataset_normalization(const wt_dataset *dataset) {
    return &dataset->normalization;
}

static wt_status read_label_kind(wt_h5 *file, const char *path, wt_label_kind *kind, int *classes) {
    char text[16];
    int64_t number = 0;
    *kind = WT_LABELS_NONE;
    *classes = 0;
    if (!wt_h5_has_attribute(file, "", "labels")) return WT_OK;
    WT_TRY(wt_h5_read_attribute_text(file, "", "labels", text, sizeof text));
    WT_TRY(wt_h5_read_attribute_int(file, "", "classes", &number));
    bool class = strcmp(text, "class") == 0;
    WT_CHECK(class || strcmp(text, "value") == 0, WT_FAILED,
             "%s: wrong labels (got %s, expected class or value)", path, text);
    WT_CHECK(number >= class && number <= (class ? WT_LABEL_CLASSES_MAX : 0), WT_FAILED,
             "%s: wrong number of classes (got %lld)", path, (long long)number);
    *kind = class ? WT_LABELS_CLASS : WT_LABELS_VALUE;
    *classes = (int)number;
    return WT_OK;
}

static wt_status read_moments(wt_h5 *file, const char *path, const char *name, int channels, double *values) {
    wt_h5_shape shape;
    WT_TRY(wt_h5_inspect(file, name, &shape));
    WT_CHECK(channels <= WT_NORMALIZED_MAX && shape.type == WT_H5_DOUBLE && shape.rank == 1 &&
                 shape.shape[0] == channels,
             WT_FAILED, "%s: '%s' has a foreign shape (expected double of %d channels)", path, name,
             channels);
    return wt_h5_read(file, name, WT_H5_DOUBLE, values);
}

static wt_status read_normalization(wt_h5 *file, const char *path, int channels, wt_normalization *read) {
    memset(read, 0, sizeof *read);
    read->channels = channels;
    WT_TRY(read_moments(file, path, WT_SHARD_MEAN, channels, read->mean));
    WT_TRY(read_moments(file, path, WT_SHARD_DEVIATION, channels, read->deviation));
    if (wt_h5_has(file, WT_SHARD_OFFSET))
        WT_TRY(read_moments(file, path, WT_SHARD_OFFSET, channels, read->offset));
    for (int c = 0; c < channels; c++) {
        WT_CHECK(isfinite(read->mean[c]) && isfinite(read->offset[c]) && isfinite(read->deviation[c]) &&
                     read->deviation[c] > 0,
                 WT_FAILED, "%s: wrong normalisation of channel %d (got mean %g, deviation %g)", path, c,
                 read->mean[c], read->deviation[c]);
    }
    return WT_OK;
}

static wt_status check_labels_shape(const wt_dataset *dataset, wt_h5 *file, const wt_shard *part) {
    wt_h5_shape y;
    WT_TRY(wt_h5_inspect(file, WT_SHARD_LABELS, &y));
    WT_CHECK(y.type == wt_dataset_label_type(dataset) && y.rank == 1 && y.shape[0] == part->samples,
             WT_FAILED, "%s: 'y' has a foreign shape (expected a label for each of %lld samples)", part->path,
             (long long)part->samples);
    return WT_OK;
}

wt_status wt_dataset_check_labels(wt_dataset *dataset, wt_h5 *file, int number, const wt_shard *part) {
    wt_label_kind kind;
    int classes;
    wt_normalization normalization = {0};
    wt_class_names names;
    WT_TRY(read_label_kind(file, part->path, &kind, &classes));
    WT_TRY(wt_class_names_read(&names, file, part->path, classes));
    if (kind != WT_LABELS_NONE)
        WT_TRY(read_normalization(file, part->path, dataset->channels, &normalization));
    bool alike = kind == dataset->label_kind && classes == dataset->classes &&
                 memcmp(&normalization, &dataset->normalization, sizeof normalization) == 0 &&
                 strcmp(names.names, dataset->class_names.names) == 0 &&
                 names.whole == dataset->class_names.whole &&
                 names.background == dataset->class_names.background;
    WT_CHECK(number == 0 || alike, WT_FAILED, "%s: its labels or normalisation are not the first shard's",
             part->path);
    dataset->label_kind = kind;
    dataset->classes = classes;
    dataset->normalization = normalization;
    dataset->class_names = names;
    return kind == WT_LABELS_NONE ? WT_OK : check_labels_shape(dataset, file, part);
}
