/* mix_checkpoint A B OUT: a whole checkpoint, trailer and all, with A's tensors and B's configuration and
 * state. */
#include <stdio.h>

#include "checkpoint/checkpoint_write.h"
#include "network/network_model.h"
#include "wavetrain/checkpoint.h"
#include "wavetrain/network.h"
#include "wavetrain/train.h"

static wt_status load_checkpoint(wt_restored *restored, wt_checkpoint **checkpoint, const char *path) {
    WT_TRY(wt_checkpoint_open(checkpoint, path));
    return wt_restore_network(restored, *checkpoint, true);
}

/* The parameters stand in for the first moments too, and there are no second ones; nobody looks. */
static wt_status mix(const wt_restored *restored, wt_checkpoint *b, const char *out) {
    wt_status status = WT_OK;
    const wt_parameter_table *parameters = wt_network_parameters(restored->network);
    wt_checkpoint_tensor *tensors;
    char *bytes = NULL;
    size_t size;
    WT_TRY(wt_alloc(&tensors, (size_t)parameters->count, sizeof *tensors, "tensors"));
    for (int p = 0; p < parameters->count; p++) {
        const wt_parameter *entry = &parameters->entries[p];
        const float *values = restored->parameters + entry->offset;
        tensors[p] = (wt_checkpoint_tensor){
            .name = entry->name, .rank = entry->rank, .parameter = values, .first = values};
        for (int i = 0; i < 3; i++) tensors[p].shape[i] = entry->shape[i];
    }
    WT_GUARD(wt_checkpoint_build(&bytes, &size, wt_checkpoint_get_state(b), wt_checkpoint_get_config(b),
                                 wt_checkpoint_get_vocabulary(b), tensors, parameters->count));
    WT_GUARD(wt_checkpoint_commit(out, bytes, size));
cleanup:
    wt_free(bytes);
    wt_free(tensors);
    return status;
}

int main(int count, char **arguments) {
    wt_checkpoint *a = NULL, *b = NULL;
    wt_restored restored = {0};
    if (count != 4) return WT_USAGE;
    wt_status status = load_checkpoint(&restored, &a, arguments[1]);
    if (status == WT_OK) status = wt_checkpoint_open(&b, arguments[2]);
    if (status == WT_OK) status = mix(&restored, b, arguments[3]);
    if (status != WT_OK) fprintf(stderr, "mix_checkpoint: %s\n", wt_error_message());
    wt_restored_dispose(&restored);
    wt_checkpoint_close(a);
    wt_checkpoint_close(b);
    return status;
}
