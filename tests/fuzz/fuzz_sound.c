/* Sound: the header, all of it, and a range of it. */
#include "data/prepare/sound.h"
#include "fuzz.h"

static void read_sound(const uint8_t *data, size_t size) {
    const char *path = fuzz_file(data, size);
    wt_sound_format format;
    float *samples;
    if (wt_sound_inspect(&format, path) != WT_OK) return;
    if (format.frames > 1 << 20) return; /* a decoder may make silence of a few bytes for minutes */
    if (wt_sound_read(&samples, &format, path, 0, -1) == WT_OK) wt_free(samples);
    if (wt_sound_read(&samples, &format, path, format.frames / 2, 1) == WT_OK) wt_free(samples);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_one(data, size, read_sound);
}
