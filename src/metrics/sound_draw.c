/* The drawing of sounds over each other with PLplot: of each its waveform, and its spectrogram below, on one
 * axis of time. */
#include "copy_internal.h"
#include "plot_internal.h"

#ifdef WT_HAVE_PLOT

#include <math.h>
#include <plplot.h>
#include <stdio.h>

static const wt_colour ink = {38, 42, 48}, faint = {112, 118, 126}, grid = {226, 229, 233};
static const wt_colour wave = {31, 99, 181};

enum {
    SPECTRUM = 200,
    WAVE = 80,
    BETWEEN = 8,
    NAME_LINE = 34,
    TIME_LINE = 40,
    SOUND = NAME_LINE + WAVE + BETWEEN + SPECTRUM + TIME_LINE,
    HEAD = 124,
    FOOT = 10,
    LEFT = 90,
    RIGHT = 30,
    WIDTH = WT_PLOT_WIDTH - LEFT - RIGHT,
};

/* A line from the lowest to the highest sample of each pixel. */
static void draw_wave(const wt_sound_picture *picture, const wt_sound_panel *sound, double middle) {
    const double seconds = (double)sound->count / sound->frames.rate;
    const int columns = (int)fmax(1, WIDTH * seconds / picture->seconds);
    const double scale = WAVE / 2.0 / picture->peak;
    wt_plot_pen(grid, 1, 1);
    pljoin(LEFT, middle, LEFT + WIDTH, middle);
    wt_plot_pen(wave, 1, 1);
    for (int x = 0; x < columns; x++) {
        const int64_t first = x * sound->count / columns, end = (x + 1) * sound->count / columns;
        double lo = INFINITY, hi = -INFINITY;
        for (int64_t i = first > 0 ? first - 1 : 0; i < end;
             i++) { /* from the last one, so that no gap is left */
            lo = fmin(lo, (double)sound->samples[i]);
            hi = fmax(hi, (double)sound->samples[i]);
        }
        if (lo <= hi) pljoin(LEFT + x, middle + scale * lo, LEFT + x, middle + scale * hi);
    }
}

static void draw_sound(const wt_sound_picture *picture, const wt_sound_panel *sound, double top) {
    const double bottom = top - NAME_LINE - WAVE - BETWEEN - SPECTRUM;
    const wt_spectrogram panel = {&sound->frames, sound->decibels, sound->loudest,   LEFT, bottom,
                                  WIDTH,          SPECTRUM,        picture->seconds, true};
    char words[WT_PLOT_NAME + 64];
    snprintf(words, sizeof words, "%s: %.3g s, %.6g kHz", sound->name,
             (double)sound->count / sound->frames.rate, sound->frames.rate / 1000.0);
    wt_plot_text(LEFT, top - NAME_LINE / 2.0, 0, WT_LETTERS_SMALL, ink, "#<medium/>", words);
    draw_wave(picture, sound, top - NAME_LINE - WAVE / 2.0);
    wt_spectrogram_draw(&panel);
}

void wt_sound_draw(const void *what, const char *file) {
    const wt_sound_picture *picture = what;
    const double height = HEAD + FOOT + picture->count * SOUND;
    char note[128];
    wt_plot_page(file, height);
    plvpor(0, 1, 0, 1);
    plwind(0, WT_PLOT_WIDTH, 0, height);
    for (int i = 0; i < picture->count; i++)
        draw_sound(picture, &picture->sounds[i], height - HEAD - i * SOUND);
    snprintf(note, sizeof note,
             "waves up to %.2g of full scale; level, down to 80 dB below the loudest of each", picture->peak);
    wt_plot_text(LEFT, height - 45, 0, WT_LETTERS_LARGE, ink, "#<bold/>", "Waveforms and spectrograms");
    wt_plot_text(LEFT, height - 80, 0, WT_LETTERS_MIDDLE, faint, "#<medium/>", note);
    plend();
}

#endif
