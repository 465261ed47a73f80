/* A WAV file of samples [frames, channels] as the program writes it. */
#ifndef WAVETRAIN_TESTS_WRITE_WAV_H
#define WAVETRAIN_TESTS_WRITE_WAV_H

#include "data/prepare/sound.h"

static inline wt_status write_wav(const char *path, const float *samples, wt_sound_format format,
                                  wt_sound_kind kind) {
    wt_sound_writer *writer;
    wt_status status = wt_sound_writer_open(&writer, path, &format, kind);
    if (status == WT_OK) status = wt_sound_writer_add(writer, samples, (int)format.frames);
    return wt_sound_writer_close(writer, NULL, status);
}

#endif
