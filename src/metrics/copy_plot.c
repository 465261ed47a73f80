/* Spectrograms of originals and of their copies. */
#include <math.h>

#include "copy_internal.h"
#include "plot_internal.h"
#include "wavetrain/plot.h"

#ifndef WT_HAVE_PLOT

wt_status wt_copy_plot(const wt_copy_sounds *pairs, int count, int rate, const char *png) {
    (void)pairs, (void)count, (void)rate, (void)png;
    return wt_plot_require();
}

#else

static wt_status fill_pair(wt_copy_picture *picture, int i, const wt_copy_sounds *sounds) {
    const wt_copy_frames frames = wt_copy_frames_of(sounds->count, picture->rate);
    const size_t numbers = (size_t)frames.count * (size_t)(frames.fft / 2 + 1);
    const float *both[] = {sounds->original, sounds->copy};
    picture->pairs[i].name = sounds->name;
    picture->pairs[i].frames = frames;
    picture->pairs[i].loudest = -INFINITY;
    for (int side = 0; side < 2; side++) {
        double **to = &picture->pairs[i].decibels[side];
        WT_TRY(wt_alloc(to, numbers, sizeof **to, "a spectrogram"));
        WT_TRY(wt_copy_spectrum(*to, &frames, both[side], sounds->count));
    }
    for (size_t n = 0; n < numbers; n++)
        picture->pairs[i].loudest = fmax(picture->pairs[i].loudest, picture->pairs[i].decibels[0][n]);
    return WT_OK;
}

wt_status wt_copy_plot(const wt_copy_sounds *pairs, int count, int rate, const char *png) {
    wt_copy_picture picture = {.count = count, .rate = rate};
    wt_status status = WT_OK;
    WT_CHECK(count >= 1 && count <= WT_COPIES_SHOWN, WT_USAGE, "%s: got %d copies to plot, expected 1 … %d",
             png, count, WT_COPIES_SHOWN);
    for (int i = 0; i < count; i++) WT_GUARD(fill_pair(&picture, i, &pairs[i]));
    WT_GUARD(wt_plot_file(&picture, wt_copy_draw, png));
cleanup:
    for (int i = 0; i < count; i++)
        for (int side = 0; side < 2; side++) wt_free(picture.pairs[i].decibels[side]);
    return status;
}

#endif
