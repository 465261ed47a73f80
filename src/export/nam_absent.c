/* In place of reading and writing .nam files, in a build without jansson. */
#include <string.h>

#include "export/nam.h"
#include "nam_internal.h"

static wt_status refuse(void) {
    return wt_error(WT_USAGE, ".nam files: this build has none (expected a build with jansson)");
}

wt_status wt_nam_print(char **text, const wt_nam_model *models, int count, const wt_nam_metadata *metadata) {
    (void)models, (void)count, (void)metadata;
    *text = NULL;
    return refuse();
}

wt_status wt_nam_parse(wt_nam_file *file, const char *path, const char *text, size_t bytes) {
    (void)path, (void)text, (void)bytes;
    memset(file, 0, sizeof *file);
    return refuse();
}

void wt_nam_dispose(wt_nam_file *file) {
    (void)file;
}
