/*
 * Features that other programs have made, one file or archive entry per recording, found by name: below the
 * folder NAME.npy, NAME-feats.npy (r9y9), NAME.h5 and NAME.hdf5, where NAME is the recording's id without its
 * ending, or the last part of it if no other file has that one; and the entries of Kaldi's archives by their
 * keys: those that .scp files list, or without such files all of .ark files. NAME-wave.npy (r9y9's sound),
 * hidden files and folders, and other files are passed over.
 */
#ifndef WAVETRAIN_DATA_FEATURE_FOLDER_H
#define WAVETRAIN_DATA_FEATURE_FOLDER_H

#include "data/prepare/prepare.h"

typedef enum {
    WT_LAYOUT_FOUND, /* by which side fits the recording's length */
    WT_LAYOUT_TD,    /* [frames, numbers] */
    WT_LAYOUT_DT,    /* [numbers, frames] */
} wt_feature_layout;

typedef struct {
    const char *folder;
    wt_feature_layout layout; /* archives and HDF5 are [frames, numbers] unless it says DT */
    int hop;                  /* samples from frame to frame */
    int count;                /* numbers per frame; 0: as many as the first recording's */
} wt_feature_options;

/* "TD" or "DT"; NULL: found. */
wt_status wt_feature_layout_parse(wt_feature_layout *layout, const char *text);

typedef struct wt_feature_folder wt_feature_folder;

/*
 * Finds the features of all recordings, whose formats must be known, and checks each one's shape: N samples
 * have ⌊N/hop⌋ to ⌊N/hop⌋ + 2 frames (at least 1), as programs count that pad neither, one or both ends. All
 * is refused (WT_USAGE) unless recordings and features belong together one by one.
 */
wt_status wt_feature_folder_open(wt_feature_folder **out, const wt_feature_options *options,
                                 const wt_recordings *recordings);
void wt_feature_folder_close(wt_feature_folder *folder); /* takes NULL */
/* Numbers per frame. */
int wt_feature_folder_count(const wt_feature_folder *folder);
/* The file or archive that has the features of recording `item`. */
const char *wt_feature_folder_path(const wt_feature_folder *folder, size_t item);
/* The frames of recording `item`, [*count, numbers], wt_free. Numbers that are not finite are refused. Any
 * thread. */
wt_status wt_feature_folder_read(float **frames, int64_t *count, const wt_feature_folder *folder,
                                 size_t item);

/* The features of one file, for which no recording is known: [*count, numbers], wt_free. With layout found,
 * the side that is `numbers`. */
wt_status wt_feature_file_read(float **frames, int64_t *count, const char *path, int numbers,
                               wt_feature_layout layout);

#endif
