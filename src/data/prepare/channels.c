/* One channel of several. */
#include "data/prepare/sound.h"

/* In place: frame f of one channel is written where frame f or an earlier one was read. */
void wt_sound_choose(float *samples, int64_t frames, int channels, int choice) {
    for (int64_t f = 0; f < frames; f++) {
        const float *frame = samples + f * channels;
        double sum = 0;
        for (int c = 0; c < channels; c++) sum += frame[c];
        samples[f] = choice == 0 ? (float)(sum / channels) : frame[choice - 1];
    }
}
