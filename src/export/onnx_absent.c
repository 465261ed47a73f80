/* In place of ONNX graphs, in a build without protobuf-c. */
#include "export/onnx.h"

wt_status wt_onnx_print(char **bytes, size_t *count, const wt_onnx_source *source) {
    (void)count, (void)source;
    *bytes = NULL;
    return wt_error(WT_USAGE, "export: ONNX files: this build has none (expected a build with protobuf-c)");
}
