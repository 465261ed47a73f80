/* In place of align.c, in a build without FFTW. */
#include "data/prepare/align.h"

wt_status wt_align(wt_alignment *alignment, const char *path, const float *dry, int64_t dry_frames,
                   const float *wet, int64_t wet_frames) {
    (void)dry, (void)dry_frames, (void)wet, (void)wet_frames;
    *alignment = (wt_alignment){0};
    return wt_error(WT_USAGE,
                    "%s: this build can't find by how many samples it lags (it was made without FFTW; give "
                    "it with --align N)",
                    path);
}
