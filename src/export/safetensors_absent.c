/* In place of reading and writing safetensors files, in a build without jansson. */
#include <string.h>

#include "export/safetensors.h"

static wt_status refuse(void) {
    return wt_error(WT_USAGE, "safetensors files: this build has none (expected a build with jansson)");
}

wt_status wt_safetensors_print(char **header, size_t *bytes, const wt_safetensors *file, float *values) {
    (void)bytes, (void)file, (void)values;
    *header = NULL;
    return refuse();
}

wt_status wt_safetensors_parse(wt_safetensors *file, const char *path, const char *bytes, size_t size) {
    (void)path, (void)bytes, (void)size;
    memset(file, 0, sizeof *file);
    return refuse();
}
