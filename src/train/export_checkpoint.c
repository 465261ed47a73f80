/* A checkpoint's network as files of other programs, whose contents src/export makes. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "checkpoint/checkpoint_write.h"
#include "export/onnx.h"
#include "export/safetensors.h"
#include "export/torch.h"
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
    WT_GUARD(wt_safetensors_describe(&file, "format", "pt")); /* what other readers ask for */
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

/* NAME with another ending, next to the file NAME.py. */
static wt_status name_second(char path[WT_PATH_MAX], const char *first, const char *ending) {
    const char *dot = strrchr(wt_path_base(first), '.');
    const int length = dot ? (int)(dot - first) : (int)strlen(first);
    WT_CHECK((size_t)length + strlen(ending) < WT_PATH_MAX, WT_USAGE, "--out: the path is too long");
    snprintf(path, WT_PATH_MAX, "%.*s%s", length, first, ending);
    return wt_path_require_free(path, " (expected a name that is free)");
}

static void print_outputs(char text[128], const wt_network_traits *traits) {
    static const char *const names[] = {[WT_HEAD_SOFTMAX] = "logits of classes",
                                        [WT_HEAD_MSE] = "values",
                                        [WT_HEAD_LOGISTICS] = "a mixture of logistics",
                                        [WT_HEAD_GAUSSIAN] = "a mixture of Gaussians"};
    snprintf(text, 128, "%s", names[traits->head_kind]);
}

/* What other programs' files say of the network. */
typedef struct {
    wt_exported_network network;
    char title[WT_PATH_MAX + 64], outputs[128];
} description;

static void describe_network(description *d, const export_source *source) {
    const wt_network *network = source->restored.network;
    const wt_network_traits *traits = wt_network_get_traits(network);
    const wt_config *config = wt_checkpoint_get_config(source->checkpoint);
    const wt_checkpoint_state *state = wt_checkpoint_get_state(source->checkpoint);
    const bool classes = traits->input_kind == WT_INPUT_CLASS;
    print_outputs(d->outputs, traits);
    snprintf(d->title, sizeof d->title, "A network of wavetrain: %s, step %lld",
             wt_path_base(wt_checkpoint_path(source->checkpoint)), (long long)state->step);
    d->network = (wt_exported_network){
        .graph = wt_network_graph(network),
        .title = d->title,
        .outputs = d->outputs,
        .classes = classes ? traits->levels : 0,
        .padding = classes ? wt_quantize_silence(wt_checkpoint_quantization(source->checkpoint)) : 0,
        .channels = state->channels,
        .features = traits->features,
        .centre = state->features.centre,
        .look_ahead = config->data.look_ahead,
        .next = config->data.target == WT_TARGETS_NEXT};
}

static wt_status write_page(const export_source *source, const char *tensors) {
    description d;
    FILE *out;
    describe_network(&d, source);
    WT_TRY(wt_file_begin(&out, source->job->out));
    return wt_file_finish(out, source->job->out, wt_torch_print(out, &d.network, wt_path_base(tensors)));
}

static wt_status write_torch(const export_source *source) {
    char tensors[WT_PATH_MAX];
    WT_TRY(name_second(tensors, source->job->out, ".safetensors"));
    WT_TRY(write_tensors(source, tensors));
    const wt_status status = write_page(source, tensors);
    if (status != WT_OK) unlink(tensors); /* both or none */
    if (status == WT_OK) wt_log_info("%s: a torch module", source->job->out);
    return status;
}

static wt_status write_graph(const export_source *source, wt_onnx_kind kind, const char *path) {
    wt_safetensors about = {.count = 0};
    description d;
    char *bytes = NULL, field[16];
    size_t count = 0;
    wt_status status = WT_OK;
    describe_network(&d, source);
    WT_GUARD(wt_checkpoint_describe(source->checkpoint, &about));
    snprintf(field, sizeof field, "%d", d.network.graph->receptive_field);
    WT_GUARD(wt_safetensors_describe(&about, "receptive_field", field));
    const wt_onnx_source graph = {&d.network, source->values, about.texts, about.text_count, kind};
    WT_GUARD(wt_onnx_print(&bytes, &count, &graph));
    WT_GUARD(wt_file_write_atomically(path, bytes, count, NULL, 0));
    wt_log_info("%s: an ONNX graph of %s", path, wt_checkpoint_path(source->checkpoint));
cleanup:
    wt_free(bytes);
    wt_safetensors_dispose(&about);
    return status;
}

static wt_status write_onnx(const export_source *source) {
    char start[WT_PATH_MAX];
    if (!source->job->step) return write_graph(source, WT_ONNX_WHOLE, source->job->out);
    WT_TRY(name_second(start, source->job->out, "-start.onnx"));
    WT_TRY(write_graph(source, WT_ONNX_START, start));
    const wt_status status = write_graph(source, WT_ONNX_STEP, source->job->out);
    if (status != WT_OK) unlink(start); /* both or none */
    return status;
}

static const wt_export_format formats[] = {
    {"onnx", ".onnx", write_onnx},
    {"torch", ".py", write_torch},
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
