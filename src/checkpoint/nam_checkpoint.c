/*
 * A .nam file as a checkpoint, so that whatever takes a checkpoint takes one: its tensors and a
 * configuration, built as the image of a checkpoint that no run has written.
 */
#include <math.h>
#include <string.h>

#include "checkpoint/checkpoint_write.h"
#include "checkpoint_internal.h"
#include "export/nam.h"
#include "network/network_model.h"
#include "wavetrain/network.h"

/* `zeros`, as many as the largest tensor has, are the moments of a run that has made no step. */
static wt_status list_tensors(wt_checkpoint_tensor **out, const wt_network *network, const float *weights,
                              const float *zeros) {
    const wt_parameter_table *table = wt_network_parameters(network);
    WT_TRY(wt_alloc(out, (size_t)table->count, sizeof **out, "tensors"));
    for (int p = 0; p < table->count; p++) {
        const wt_parameter *entry = &table->entries[p];
        wt_checkpoint_tensor *tensor = &(*out)[p];
        *tensor = (wt_checkpoint_tensor){.name = entry->name,
                                         .rank = entry->rank,
                                         .parameter = weights + entry->offset,
                                         .first = zeros,
                                         .second = zeros};
        memcpy(tensor->shape, entry->shape, sizeof entry->shape);
    }
    return WT_OK;
}

static wt_status build(char **image, size_t *size, const wt_nam_file *file, const char *path) {
    wt_status status = WT_OK;
    wt_network *network = NULL;
    wt_checkpoint_tensor *tensors = NULL;
    float *zeros = NULL;
    const wt_network_shape shape = {.channels = 1, .values = 1};
    wt_checkpoint_state state;
    wt_state_begin(&state);
    state.sample_rate = file->sample_rate;
    state.outputs = 1;
    WT_TRY(wt_network_create_shaped(&network, &file->config.model, &shape));
    WT_GUARD_CHECK(wt_network_parameters(network)->total == file->count, WT_USAGE,
                   "%s: weights do not fit the layers (got %zu numbers, expected %zu)", path, file->count + 1,
                   wt_network_parameters(network)->total + 1);
    WT_GUARD(wt_alloc(&zeros, file->count, sizeof *zeros, "moments"));
    WT_GUARD(list_tensors(&tensors, network, file->weights, zeros));
    WT_GUARD(wt_checkpoint_build(image, size, &state, &file->config, NULL, tensors,
                                 wt_network_parameters(network)->count));
cleanup:
    wt_free(tensors);
    wt_free(zeros);
    wt_network_destroy(network);
    return status;
}

wt_status wt_checkpoint_from_nam(char **image, size_t *size, const wt_foreign *file_bytes, bool *bare) {
    wt_nam_file file;
    *bare = false;
    WT_TRY(wt_nam_parse(&file, file_bytes->path, file_bytes->bytes, file_bytes->size));
    wt_status status = build(image, size, &file, file_bytes->path);
    wt_nam_dispose(&file);
    return status;
}
