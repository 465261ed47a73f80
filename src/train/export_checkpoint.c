/* A checkpoint's network as files of other programs, whose contents src/export makes. */
#include <string.h>

#include "base/file.h"
#include "checkpoint/checkpoint_write.h"
#include "export/safetensors.h"
#include "train/exports.h"
#include "train_internal.h"

/* What a format is made of. */
typedef struct {
    const wt_export_job *job;
    wt_checkpoint *checkpoint;
    wt_restored restored;
    float *values; /* of all tensors, in PyTorch's order */
} export_source;

struct wt_export_format {
    const char *name, *ending;
    wt_status (*write)(const export_source *source);
};

/* --- formats --- */

static wt_status write_tensors(const export_source *source, const char *path) {
    const wt_parameter_table *table = wt_network_parameters(source->restored.network);
    wt_safetensors file = {.count = 0};
    wt_status status = WT_OK;
    char *header = NULL;
    size_t bytes = 0;
    WT_GUARD(wt_checkpoint_describe(source->checkpoint, &file));
    for (int p = 0; p < table->count; p++)
        WT_GUARD(wt_safetensors_add(&file, table->entries[p].name, table->entries[p].rank,
                                    table->entries[p].shape));
    WT_GUARD(wt_safetensors_print(&header, &bytes, &file, source->values));
    WT_GUARD(
        wt_file_write_atomically(path, header, bytes, source->values, table->total * sizeof *source->values));
    wt_log_info("%s: %d tensors of %s, step %lld", path, table->count, wt_checkpoint_path(source->checkpoint),
                (long long)wt_checkpoint_get_state(source->checkpoint)->step);
cleanup:
    wt_free(header);
    wt_safetensors_dispose(&file);
    return status;
}

static wt_status write_safetensors(const export_source *source) {
    return write_tensors(source, source->job->out);
}

static const wt_export_format formats[] = {
    {"safetensors", ".safetensors", write_safetensors},
};

const wt_export_format *wt_train_find_export(const char *name) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, name) == 0) return &formats[i];
    }
    return NULL;
}

const char *wt_train_export_ending(const wt_export_format *format) {
    return format->ending;
}

/* --- the network --- */

static wt_status open_exported(export_source *source) {
    WT_TRY(wt_checkpoint_choose(&source->checkpoint, source->job->source, source->job->checkpoint));
    WT_TRY(wt_restore_network(&source->restored, source->checkpoint, source->job->raw));
    const wt_parameter_table *table = wt_network_parameters(source->restored.network);
    WT_TRY(wt_alloc(&source->values, table->total, sizeof *source->values, "tensors"));
    for (int p = 0; p < table->count; p++) {
        const wt_parameter *entry = &table->entries[p];
        wt_parameter_export(entry, source->restored.parameters + entry->offset,
                            source->values + entry->offset);
    }
    return WT_OK;
}

wt_status wt_train_export(const wt_export_job *job, const wt_export_format *format) {
    export_source source = {.job = job};
    wt_status status = wt_path_require_free(job->out, " (expected a name that is free)");
    if (status == WT_OK) status = open_exported(&source);
    if (status == WT_OK) status = format->write(&source);
    wt_free(source.values);
    wt_restored_dispose(&source.restored);
    wt_checkpoint_close(source.checkpoint);
    return status;
}
