/* wavetrain export: a network for another program; src/train and src/amplifier write it. */
#include <string.h>

#include "amplifier/amplifier.h"
#include "base/file.h"
#include "export/nam.h"
#include "export_options.h"
#include "train/exports.h"

static struct {
    char *format, *out, *checkpoint;
    int last_step, step;
    wt_nam_metadata labels;
} given = {.labels = WT_NAM_NO_METADATA};

#define FORMATS "safetensors|torch|onnx|nam"

static const struct poptOption options[] = {
    {"format", '\0', POPT_ARG_STRING, &given.format, 0,
     "What it is written as: safetensors, tensors by PyTorch's names; torch, these and a page of Python with "
     "the module, FILE.py; onnx, a graph for ONNX Runtime; nam, Neural Amp Modeler's file, of amplifiers",
     FORMATS},
    {"onnx-step", '\0', POPT_ARG_NONE, &given.step, 0,
     "Of ONNX: a graph that takes a sample at a time, and FILE-start.onnx, what that begins with", NULL},
    {"out", '\0', POPT_ARG_STRING, &given.out, 0, "The file, whose name must be free", "FILE"},
    WT_CHECKPOINT_OPTION(given.checkpoint),
    WT_NO_EMA_OPTION(given.last_step),
    WT_EXPORT_LABELS(given.labels),
    POPT_TABLEEND,
};

static wt_status export_nam(const wt_command_line *line) {
    const wt_nam_job job = {given.out,     given.checkpoint, given.last_step,
                            &given.labels, line->arguments,  line->count};
    WT_TRY(wt_path_require_ending(given.out, ".nam", "a model for players"));
    WT_TRY(wt_path_require_free(given.out, " (expected a name that is free)"));
    WT_TRY(wt_nam_metadata_check(&given.labels));
    return wt_nam_export(&job);
}

static wt_status export_network(wt_comm *comm, const wt_command_line *line) {
    (void)comm;
    WT_CHECK(given.format, WT_USAGE, "export: --format is missing (expected " FORMATS ")");
    WT_CHECK(given.out, WT_USAGE, "export: --out is missing (expected --out FILE)");
    WT_CHECK(!given.step || strcmp(given.format, "onnx") == 0, WT_USAGE, "--onnx-step: is of --format onnx");
    if (strcmp(given.format, "nam") == 0) return export_nam(line);
    const wt_export_job job = {line->arguments[0], given.checkpoint, given.last_step, given.step, given.out};
    const wt_export_format *format = wt_train_find_export(given.format);
    WT_CHECK(format, WT_USAGE, "export: --format: no such format (got %s, expected " FORMATS ")",
             given.format);
    WT_CHECK(line->count == 1, WT_USAGE, "export: --format %s takes one network (got %d)", given.format,
             line->count);
    WT_TRY(wt_path_require_ending(given.out, wt_train_export_ending(format), given.format));
    return wt_train_export(&job, format);
}

const wt_command wt_command_export = {
    .name = "export",
    .arguments = "CHECKPOINT|RUN|FILE [SMALLER] --format " FORMATS " --out FILE [OPTION…]",
    .summary = "Write a network for another program; of an amplifier for players two sizes too, in one file",
    .options = options,
    .min = 1,
    .max = WT_NAM_SIZES,
    .work = export_network,
};
