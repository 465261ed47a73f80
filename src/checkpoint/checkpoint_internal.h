/* What the files of this folder share. */
#ifndef WAVETRAIN_CHECKPOINT_INTERNAL_H
#define WAVETRAIN_CHECKPOINT_INTERNAL_H

#include "config/sections.h"
#include "h5/h5.h"
#include "wavetrain/checkpoint.h"

struct wt_checkpoint {
    wt_h5 *file;
    char path[WT_PATH_MAX];
    wt_checkpoint_state state;
    wt_config config;
    wt_vocabulary vocabulary;
    bool bare;
};

/* As wt_checkpoint_open, tried once. */
wt_status wt_checkpoint_open_once(wt_checkpoint **out, const char *path);

/* The step in a checkpoint's name; −1: the name is not one that wavetrain gives. */
int64_t wt_checkpoint_name_step(const char *name);
wt_status wt_checkpoints_folder(char out[WT_PATH_MAX], const char *run);

/* --- nam_checkpoint.c, safetensors_checkpoint.c --- */

/* Another program's file. */
typedef struct {
    const char *path, *bytes;
    size_t size;
} wt_foreign;

/* The HDF5 image (wt_free) of a checkpoint of step 0 with what the file holds; *bare becomes true where that
 * is tensors alone. */
typedef wt_status wt_foreign_reader(char **image, size_t *size, const wt_foreign *file, bool *bare);
wt_foreign_reader wt_checkpoint_from_nam, wt_checkpoint_from_safetensors;

/* --- checkpoint_state.c --- */

wt_status wt_state_write(wt_h5 *file, const wt_checkpoint_state *state);
/* Of a state of zeros. Integers are in their range then; wt_state_check knows the rest. */
wt_status wt_state_read(wt_h5 *file, const char *path, wt_checkpoint_state *state);
/* Fails with the first field that is out of its range, or that does not fit another one or the configuration.
 * `path` stands before the message. */
wt_status wt_state_check(const char *path, const wt_checkpoint_state *state, const wt_config *config);
/* Fails with the first element that is not finite, or, of second moments (`square`), negative. */
wt_status wt_state_check_tensor(const char *path, const char *name, const float *values, size_t count,
                                bool square);

#endif
