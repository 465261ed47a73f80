/* How checkpoints are written, and checked: in addition to wavetrain/checkpoint.h. */
#ifndef WAVETRAIN_CHECKPOINT_WRITE_H
#define WAVETRAIN_CHECKPOINT_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/sections.h"
#include "export/safetensors.h"
#include "wavetrain/checkpoint.h"

/* One tensor to be stored under its name, in PyTorch's order. */
typedef struct {
    const char *name;
    int rank;
    int64_t shape[3];
    const float *parameter, *first, *second, *average; /* all but the first may be NULL */
} wt_checkpoint_tensor;

/* The state of a run that has made no step, before its data are known. */
void wt_state_begin(wt_checkpoint_state *state);

/* The bytes of a checkpoint in memory (wt_free). Fails, as a reader would, where a field or a number is out
 * of range. `vocabulary` is NULL, or has no classes, unless the run learns text. */
wt_status wt_checkpoint_build(char **bytes, size_t *size, const wt_checkpoint_state *state,
                              const wt_config *config, const wt_vocabulary *vocabulary,
                              const wt_checkpoint_tensor *tensors, int count);

/* Writes them to `path` with the trailer, atomically. */
wt_status wt_checkpoint_commit(const char *path, const char *bytes, size_t size);

/* Whether the file that could not be opened is damaged, so that an older one may take its place: not after an
 * error of the system, nor where a newer wavetrain has written it (WT_USAGE). */
bool wt_checkpoint_may_pass_over(wt_status status);
/* Its trailer alone, as a hash: what it is, without whether it is whole. */
wt_status wt_checkpoint_seal(char seal[WT_HASH_TEXT], const char *path);

/* Whether it is there with that shape; nothing is read. */
wt_status wt_checkpoint_check_shape(wt_checkpoint *checkpoint, wt_tensor_kind kind, const char *name,
                                    int rank, const int64_t *shape);
/* Whether it came from a file of tensors alone: its configuration and its state are those of nobody, and it
 * only begins a run. */
bool wt_checkpoint_is_bare(const wt_checkpoint *checkpoint);
/* Metadata by which a file of its tensors can be read as a checkpoint again. */
wt_status wt_checkpoint_describe(const wt_checkpoint *checkpoint, wt_safetensors *file);
/* Tensors named in the file. A network must have just these. */
wt_status wt_checkpoint_names(wt_checkpoint *checkpoint, char ***names, size_t *count);

#endif
