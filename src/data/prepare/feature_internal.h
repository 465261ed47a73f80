/* Features of one recording: an entry of a folder, what its shape may be, and its frames. */
#ifndef WAVETRAIN_DATA_FEATURE_INTERNAL_H
#define WAVETRAIN_DATA_FEATURE_INTERNAL_H

#include "data/prepare/feature_folder.h"
#include "matrix_file.h"

typedef enum { WT_FEATURE_NPY, WT_FEATURE_H5, WT_FEATURE_ARK } wt_feature_kind;

typedef struct {
    char *name, *path;
    int64_t offset; /* in an archive */
    wt_feature_kind kind;
    bool taken; /* by a recording */
} wt_feature_entry;

typedef struct {
    int hop;
    wt_feature_layout layout;
    int count; /* numbers per frame; 0: not known yet, set by the first entry */
} wt_feature_fit;

/* Reads the entry's shape: fits it a recording of so many samples, and are its frames columns? */
wt_status wt_feature_entry_check(wt_feature_fit *fit, bool *columns, const wt_feature_entry *entry,
                                 int64_t samples);
/* All of it, as [*count, numbers]. */
wt_status wt_feature_entry_read(float **frames, int64_t *count, const wt_feature_entry *entry, bool columns);

#endif
