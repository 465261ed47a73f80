/* Waveforms and spectrograms of sound files over each other. */
#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "copy_internal.h"
#include "data/prepare/sound.h"
#include "plot_internal.h"
#include "wavetrain/plot.h"

#ifndef WT_HAVE_PLOT

wt_status wt_plot_sounds(const char *const *files, int count, const char *png) {
    (void)files, (void)count, (void)png;
    return wt_plot_require();
}

#else

/* Enough of them for every pixel, however long a sound is. */
static wt_copy_frames spaced_frames(int64_t count, int rate) {
    wt_copy_frames frames = wt_copy_frames_of(count, rate);
    while (frames.count > 4 * WT_PLOT_WIDTH) {
        frames.hop *= 2;
        frames.count = 1 + count / frames.hop;
    }
    return frames;
}

static wt_status load_panel(wt_sound_panel *panel, const char *path) {
    wt_sound_format format;
    WT_TRY(wt_sound_read(&panel->samples, &format, path, 0, -1));
    wt_sound_choose(panel->samples, format.frames, format.channels, 0);
    panel->count = format.frames;
    panel->frames = spaced_frames(panel->count, format.rate);
    panel->loudest = -INFINITY;
    snprintf(panel->name, sizeof panel->name, "%s", wt_path_base(path));
    const size_t numbers = (size_t)panel->frames.count * (size_t)(panel->frames.fft / 2 + 1);
    WT_TRY(wt_alloc(&panel->decibels, numbers, sizeof *panel->decibels, "a spectrogram"));
    WT_TRY(wt_copy_spectrum(panel->decibels, &panel->frames, panel->samples, panel->count));
    for (size_t n = 0; n < numbers; n++) panel->loudest = fmax(panel->loudest, panel->decibels[n]);
    return WT_OK;
}

static void measure_sounds(wt_sound_picture *picture) {
    for (int i = 0; i < picture->count; i++) {
        const wt_sound_panel *panel = &picture->sounds[i];
        picture->seconds = fmax(picture->seconds, (double)panel->count / panel->frames.rate);
        for (int64_t s = 0; s < panel->count; s++)
            picture->peak = fmax(picture->peak, fabs((double)panel->samples[s]));
    }
    if (picture->peak <= 0) picture->peak = 1;
}

wt_status wt_plot_sounds(const char *const *files, int count, const char *png) {
    wt_sound_picture picture = {.count = count};
    wt_status status = WT_OK;
    WT_CHECK(count >= 1 && count <= WT_PLOT_SOUNDS_MAX, WT_USAGE,
             "%s: got %d sounds to plot, expected 1 … %d", png, count, WT_PLOT_SOUNDS_MAX);
    WT_TRY(wt_copy_require());
    WT_TRY(wt_alloc(&picture.sounds, (size_t)count, sizeof *picture.sounds, "sounds to plot"));
    for (int i = 0; i < count; i++) WT_GUARD(load_panel(&picture.sounds[i], files[i]));
    measure_sounds(&picture);
    WT_GUARD(wt_plot_file(&picture, wt_sound_draw, png));
cleanup:
    for (int i = 0; i < count; i++) {
        wt_free(picture.sounds[i].samples);
        wt_free(picture.sounds[i].decibels);
    }
    wt_free(picture.sounds);
    return status;
}

#endif
