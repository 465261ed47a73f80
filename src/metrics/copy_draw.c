/* The drawing of spectrograms with PLplot: a row of panels per pair, the original to the left, in pixels from
 * the page's lower left corner. */
#include "copy_internal.h"
#include "plot_internal.h"

#ifdef WT_HAVE_PLOT

#include <plplot.h>

static const wt_colour ink = {38, 42, 48}, faint = {112, 118, 126};

enum {
    HEIGHT = 260,
    GAP = 64,
    HEAD = 130,
    FOOT = 40,
    LEFT = 90,
    MIDDLE = 30,
    RIGHT = 30,
    WIDTH = (WT_PLOT_WIDTH - LEFT - MIDDLE - RIGHT) / 2,
};

/* An original, or its copy, which is as bright where it is as loud. */
static wt_spectrogram panel_of(const wt_copy_picture *picture, int i, int side, double bottom) {
    const wt_copy_frames *f = &picture->pairs[i].frames;
    return (wt_spectrogram){.frames = f,
                            .decibels = picture->pairs[i].decibels[side],
                            .highest = picture->pairs[i].loudest,
                            .left = LEFT + side * (WIDTH + MIDDLE),
                            .bottom = bottom,
                            .width = WIDTH,
                            .height = HEIGHT,
                            .seconds = (double)f->count * f->hop / f->rate,
                            .hertz = side == 0};
}

void wt_copy_draw(const void *what, const char *file) {
    const wt_copy_picture *picture = what;
    const double height = HEAD + FOOT + picture->count * (HEIGHT + GAP) - GAP;
    wt_plot_page(file, height);
    plvpor(0, 1, 0, 1);
    plwind(0, WT_PLOT_WIDTH, 0, height);
    for (int i = 0; i < picture->count; i++) {
        const double bottom = height - HEAD - HEIGHT - i * (HEIGHT + GAP);
        for (int side = 0; side < 2; side++) {
            const wt_spectrogram panel = panel_of(picture, i, side, bottom);
            wt_spectrogram_draw(&panel);
        }
        wt_plot_text(LEFT, bottom + HEIGHT + 16, 0, WT_LETTERS_SMALL, ink, "#<medium/>",
                     picture->pairs[i].name);
        wt_plot_text(LEFT + WIDTH + MIDDLE, bottom + HEIGHT + 16, 0, WT_LETTERS_SMALL, ink, "#<medium/>",
                     "its copy");
    }
    wt_plot_text(LEFT, height - 45, 0, WT_LETTERS_LARGE, ink, "#<bold/>", "Recordings and their copies");
    wt_plot_text(LEFT, height - 80, 0, WT_LETTERS_MIDDLE, faint, "#<medium/>",
                 "level, down to 80 dB below the loudest of each recording");
    plend();
}

#endif
