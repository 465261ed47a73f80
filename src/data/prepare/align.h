/*
 * By how many samples one recording lags behind another that it was made of: a dry signal, and what a piece
 * of gear has made of it.
 */
#ifndef WAVETRAIN_ALIGN_H
#define WAVETRAIN_ALIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "wavetrain/base.h"

enum {
    WT_ALIGN_EARLIEST = -1000, /* delays that are looked for, in samples */
    WT_ALIGN_LATEST = 10000
};

typedef struct {
    int delay;     /* samples; positive: the wet signal lags */
    int blips;     /* of the dry signal that it was read from; 0: from the impulse response */
    bool inverted; /* the wet signal has the other polarity */
} wt_alignment;

/* Never later than the true delay by a sample, and at most two before it; where that can't be promised,
 * WT_USAGE with a message about `path`, the wet file, that says what to give. Deterministic. */
wt_status wt_align(wt_alignment *alignment, const char *path, const float *dry, int64_t dry_frames,
                   const float *wet, int64_t wet_frames);

#endif
