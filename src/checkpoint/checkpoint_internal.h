/* What the files of this folder share. */
#ifndef WAVETRAIN_CHECKPOINT_INTERNAL_H
#define WAVETRAIN_CHECKPOINT_INTERNAL_H

#include "wavetrain/checkpoint.h"
#include "wavetrain/h5.h"

struct wt_checkpoint {
    wt_h5 *file;
    char path[WT_PATH_MAX];
    wt_checkpoint_state state;
    wt_config config;
    wt_vocabulary vocabulary;
};

#endif
