/* Between a checkpoint's tensors, in PyTorch's order, and the flat buffers. */
#include <string.h>

#include "h5/h5.h"
#include "train/evaluation.h"
#include "train/restore.h"
#include "train_internal.h"

static size_t find_largest_tensor(const wt_network *network) {
    size_t largest = 0;
    for (int p = 0; p < wt_network_parameters(network)->count; p++) {
        size_t count = wt_network_parameters(network)->entries[p].count;
        if (count > largest) largest = count;
    }
    return largest;
}

static wt_status restore_buffer(wt_checkpoint *checkpoint, wt_tensor_kind kind, const wt_network *network,
                                float *scratch, wt_real *flat) {
    for (int p = 0; p < wt_network_parameters(network)->count; p++) {
        const wt_parameter *entry = &wt_network_parameters(network)->entries[p];
        if ((kind == WT_TENSOR_FIRST || kind == WT_TENSOR_SECOND) && !entry->trained) continue;
        WT_TRY(wt_checkpoint_read(checkpoint, kind, entry->name, entry->rank, entry->shape, scratch));
        wt_parameter_import(entry, scratch, flat + entry->offset);
    }
    return WT_OK;
}

/* A checkpoint with tensors that the network has not is of another architecture too. */
static wt_status check_tensor_names(wt_checkpoint *checkpoint, const wt_network *network) {
    char **names;
    size_t count;
    WT_TRY(wt_checkpoint_names(checkpoint, &names, &count));
    wt_h5_free_texts(names, count);
    WT_CHECK(count == (size_t)wt_network_parameters(network)->count, WT_FAILED,
             "%s: the checkpoint is of another architecture (got %zu tensors, expected %d)",
             wt_checkpoint_path(checkpoint), count, wt_network_parameters(network)->count);
    return WT_OK;
}

/* Before memory is taken for a network that a file describes: its tensors are there, in their shapes. */
static wt_status check_shapes(wt_checkpoint *checkpoint, const wt_network *network) {
    for (int p = 0; p < wt_network_parameters(network)->count; p++) {
        const wt_parameter *entry = &wt_network_parameters(network)->entries[p];
        WT_TRY(wt_checkpoint_check_shape(checkpoint, WT_TENSOR_PARAMETER, entry->name, entry->rank,
                                         entry->shape));
    }
    return check_tensor_names(checkpoint, network);
}

/* Which tensors of a file a moment is. */
static const wt_tensor_kind wt_moment_kinds[WT_MOMENTS] = {[WT_MOMENT_FIRST] = WT_TENSOR_FIRST,
                                                           [WT_MOMENT_SECOND] = WT_TENSOR_SECOND,
                                                           [WT_MOMENT_AVERAGE] = WT_TENSOR_AVERAGE};

/* What a resume keeps and its checkpoint had not stays as before the first update. */
static wt_status restore_moments(wt_checkpoint *checkpoint, const wt_network *network, float *scratch,
                                 const wt_real *parameters, wt_optimizer *optimizer) {
    wt_optimizer_reset(optimizer, parameters);
    for (int m = 0; m < WT_MOMENTS; m++) {
        if (!optimizer->moments[m]) continue;
        if (!wt_optimizer_keeps(wt_config_update_rule(wt_checkpoint_get_config(checkpoint)), (wt_moment)m))
            continue;
        WT_TRY(restore_buffer(checkpoint, wt_moment_kinds[m], network, scratch, optimizer->moments[m]));
    }
    optimizer->updates = wt_checkpoint_get_state(checkpoint)->updates;
    return WT_OK;
}

static wt_status restore_tensors(wt_checkpoint *checkpoint, wt_tensor_kind kind, const wt_network *network,
                                 wt_real *parameters, wt_optimizer *optimizer) {
    wt_status status = WT_OK;
    float *scratch = NULL;
    WT_GUARD(wt_alloc(&scratch, find_largest_tensor(network), sizeof *scratch, "a tensor"));
    WT_GUARD(restore_buffer(checkpoint, kind, network, scratch, parameters));
    WT_GUARD(check_tensor_names(checkpoint, network));
    if (optimizer) WT_GUARD(restore_moments(checkpoint, network, scratch, parameters, optimizer));
cleanup:
    wt_free(scratch);
    return status;
}

wt_status wt_restore_state(wt_checkpoint *checkpoint, const wt_network *network, wt_real *parameters,
                           wt_optimizer *optimizer) {
    return restore_tensors(checkpoint, WT_TENSOR_PARAMETER, network, parameters, optimizer);
}

wt_status wt_restore_parameters(wt_checkpoint *checkpoint, const wt_network *network, bool raw,
                                wt_real *parameters) {
    bool mean = !raw && wt_checkpoint_has_mean(checkpoint);
    return restore_tensors(checkpoint, mean ? WT_TENSOR_AVERAGE : WT_TENSOR_PARAMETER, network, parameters,
                           NULL);
}

bool wt_checkpoint_has_mean(const wt_checkpoint *checkpoint) {
    return wt_optimizer_keeps(wt_config_update_rule(wt_checkpoint_get_config(checkpoint)), WT_MOMENT_AVERAGE);
}

wt_status wt_restore_network(wt_restored *restored, wt_checkpoint *checkpoint, bool raw) {
    wt_status status = WT_OK;
    const wt_config *config = wt_checkpoint_get_config(checkpoint);
    memset(restored, 0, sizeof *restored);
    WT_CHECK(!wt_checkpoint_is_bare(checkpoint), WT_USAGE,
             "%s: has tensors alone (expected a configuration in its metadata; train --init takes "
             "it as it is)",
             wt_checkpoint_path(checkpoint));
    const wt_checkpoint_state *state = wt_checkpoint_get_state(checkpoint);
    wt_network_shape shape = wt_train_shape_network(config, wt_checkpoint_quantization(checkpoint).levels,
                                                    state->outputs, state->channels);
    wt_train_shape_condition(&shape, config, &state->features, state->speakers);
    WT_GUARD(wt_network_create_shaped(&restored->network, &config->model, &shape));
    WT_GUARD(check_shapes(checkpoint, restored->network));
    WT_GUARD(wt_alloc(&restored->parameters, wt_network_parameters(restored->network)->total, sizeof(wt_real),
                      "parameters"));
    WT_GUARD(wt_restore_parameters(checkpoint, restored->network, raw, restored->parameters));
cleanup:
    if (status != WT_OK) wt_restored_dispose(restored);
    return status;
}

void wt_restored_dispose(wt_restored *restored) {
    wt_network_destroy(restored->network);
    wt_free(restored->parameters);
    memset(restored, 0, sizeof *restored);
}

/* --- the other way --- */

wt_status wt_restore_export(wt_exported *exported, const wt_network *network, const wt_real *parameters,
                            const wt_optimizer *optimizer) {
    enum { KINDS = 1 + WT_MOMENTS };
    wt_status status = WT_OK;
    size_t total = wt_network_parameters(network)->total;
    const wt_real *flat[KINDS] = {[WT_TENSOR_PARAMETER] = parameters};
    memset(exported, 0, sizeof *exported);
    exported->count = wt_network_parameters(network)->count;
    for (int m = 0; m < WT_MOMENTS; m++) flat[wt_moment_kinds[m]] = optimizer->moments[m];
    WT_GUARD(wt_alloc(&exported->tensors, (size_t)exported->count, sizeof *exported->tensors, "tensors"));
    WT_GUARD(wt_alloc(&exported->values, KINDS * total, sizeof *exported->values, "a copy of the state"));
    for (int p = 0; p < exported->count; p++) {
        const wt_parameter *entry = &wt_network_parameters(network)->entries[p];
        float *to[KINDS] = {NULL};
        for (int kind = 0; kind < KINDS; kind++) {
            if (!flat[kind]) continue;
            to[kind] = exported->values + (size_t)kind * total + entry->offset;
            wt_parameter_export(entry, flat[kind] + entry->offset, to[kind]);
        }
        exported->tensors[p] = (wt_checkpoint_tensor){.name = entry->name,
                                                      .rank = entry->rank,
                                                      .parameter = to[WT_TENSOR_PARAMETER],
                                                      .first = to[WT_TENSOR_FIRST],
                                                      .second = to[WT_TENSOR_SECOND],
                                                      .average = to[WT_TENSOR_AVERAGE]};
        if (!entry->trained) exported->tensors[p].first = exported->tensors[p].second = NULL;
        memcpy(exported->tensors[p].shape, entry->shape, sizeof entry->shape);
    }
cleanup:
    if (status != WT_OK) wt_restore_export_dispose(exported);
    return status;
}

void wt_restore_export_dispose(wt_exported *exported) {
    wt_free(exported->tensors);
    wt_free(exported->values);
    memset(exported, 0, sizeof *exported);
}

wt_status wt_trainer_state_hash(wt_hash *hash, const wt_network *network, const wt_real *parameters,
                                const wt_optimizer *optimizer) {
    wt_exported exported;
    WT_TRY(wt_restore_export(&exported, network, parameters, optimizer));
    wt_hash all = {0, 0};
    for (int p = 0; p < exported.count; p++) {
        const wt_checkpoint_tensor *tensor = &exported.tensors[p];
        size_t bytes = wt_network_parameters(network)->entries[p].count * sizeof(float);
        all = wt_hash_fold(all, wt_hash_string(tensor->name, 0));
        const float *values[] = {tensor->parameter, tensor->first, tensor->second, tensor->average};
        for (int kind = 0; kind <= WT_TENSOR_AVERAGE; kind++) {
            if (values[kind]) all = wt_hash_fold(all, wt_hash_bytes(values[kind], bytes, 0));
        }
    }
    wt_restore_export_dispose(&exported);
    *hash = all;
    return WT_OK;
}

wt_status wt_checkpoint_hash(wt_hash *hash, wt_checkpoint *checkpoint) {
    wt_restored restored = {0};
    wt_optimizer optimizer = {0};
    wt_status status = WT_OK;
    WT_GUARD(wt_restore_network(&restored, checkpoint, true));
    WT_GUARD(wt_optimizer_init(&optimizer, wt_config_update_rule(wt_checkpoint_get_config(checkpoint)),
                               wt_network_parameters(restored.network)->total));
    WT_GUARD(wt_restore_state(checkpoint, restored.network, restored.parameters, &optimizer));
    status = wt_trainer_state_hash(hash, restored.network, restored.parameters, &optimizer);
cleanup:
    wt_optimizer_dispose(&optimizer);
    wt_restored_dispose(&restored);
    return status;
}
