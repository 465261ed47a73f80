/* What the files of this folder share. */
#ifndef WAVETRAIN_GENERATE_INTERNAL_H
#define WAVETRAIN_GENERATE_INTERNAL_H

#include "wavetrain/generate.h"

/* A recording's mean over channels, resampled to `rate`: *out [*count], wt_free. */
wt_status wt_prime_read_mono(float **out, int64_t *count, const char *path, int rate);

#endif
