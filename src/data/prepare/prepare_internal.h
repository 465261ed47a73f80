/* What the files of prepare share with each other alone. */
#ifndef WAVETRAIN_PREPARE_INTERNAL_H
#define WAVETRAIN_PREPARE_INTERNAL_H

#include "wavetrain/prepare.h"

/* Refuses a RIFF or RF64 WAV file that ends before its data does. Other files pass. *unsized is where the
 * samples begin of one that does not say how many there are, else −1. */
wt_status wt_wav_check_size(const char *path, int64_t *unsized);

/* A rate and a number of channels within bounds, or an error about `path`. */
wt_status wt_sound_check_format(const char *path, const wt_sound_format *format);

#endif
