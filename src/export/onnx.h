/*
 * A network as ONNX graphs (opset 17, IR version 8), a few nodes per operator of the network's own graph.
 * Rows of time are [batch, channels, rows], as Conv takes them. Sees graphs, and no builder. The format is
 * that of https://github.com/onnx/onnx/blob/main/docs/IR.md and Operators.md.
 *
 *   whole   x of any length, padded in the graph by what stands before a recording -> logits of each sample
 *   step    one sample, and what past samples have left ("NAME.past") -> logits, and the same with this
 *           sample ("NAME.next")
 *   start   the samples so far, of any number, 0 too -> "NAME.next": what a step begins with
 * In step and start a state has the newest rows of a value that somebody reads with a delay, as a stream's
 * rings have (wavetrain/stream.h).
 */
#ifndef WAVETRAIN_ONNX_H
#define WAVETRAIN_ONNX_H

#include "export/exported_network.h"
#include "export/safetensors.h"

typedef enum { WT_ONNX_WHOLE, WT_ONNX_STEP, WT_ONNX_START } wt_onnx_kind;

typedef struct {
    const wt_exported_network *network;
    const float *values;              /* of all tensors, in PyTorch's order */
    const wt_safetensors_text *texts; /* [text_count] the metadata */
    int text_count;
    wt_onnx_kind kind;
} wt_onnx_source;

/* The file's bytes (wt_free). WT_USAGE: an output per window has no steps; a build without protobuf-c. */
wt_status wt_onnx_print(char **bytes, size_t *count, const wt_onnx_source *source);

#endif
