/*
 * The drawing of a picture with PLplot, in pixels from the page's lower left corner; axes and labels are
 * drawn here rather than by plbox, whose labels know neither "20k" nor a light grid.
 */
#include "plot_internal.h"

#ifdef WT_HAVE_PLOT

#include <math.h>
#include <plplot.h>
#include <stdio.h>
#include <string.h>

static const wt_colour ink = {38, 42, 48}, faint = {112, 118, 126}, grid = {226, 229, 233},
                       paper = {255, 255, 255};

/* Colours that can be distinguished with the common kinds of colour blindness too; more runs than colours
 * begin again with dashes. */
static const wt_colour run_colours[] = {{31, 99, 181}, {214, 96, 20}, {20, 140, 104}, {168, 64, 150},
                                        {196, 150, 0}, {84, 84, 96},  {60, 170, 214}, {190, 50, 60}};
enum { RUN_COLOURS = sizeof run_colours / sizeof run_colours[0] };

/* --- pens --- */

void wt_plot_pen(wt_colour c, double opacity, double width) {
    plscol0a(1, c.red, c.green, c.blue, opacity);
    plcol0(1);
    plwidth(width);
}

static void on_page(const wt_picture *p) {
    plvpor(0, 1, 0, 1);
    plwind(0, WT_PLOT_WIDTH, 0, p->height);
}

/* Data coordinates, cut at the panel's edges. */
static void on_panel(const wt_picture *p, const wt_panel *at) {
    plvpor((double)WT_PLOT_LEFT / WT_PLOT_WIDTH, (double)WT_PLOT_RIGHT / WT_PLOT_WIDTH,
           at->bottom / p->height, at->top / p->height);
    plwind(p->x_lo, p->x_hi, at->lo, at->hi);
}

/* `align`: 0 begins at x, 1 ends there. PLplot's own escapes begin with '#'; a name's are doubled. */
void wt_plot_text(double x, double y, double align, int size, wt_colour c, const char *style,
                  const char *words) {
    static const double sizes[] = {0.64, 0.74, 1.15};
    char escaped[640];
    size_t used = (size_t)snprintf(escaped, sizeof escaped, "%s", style);
    for (const char *at = words; *at != '\0' && used + 3 < sizeof escaped; at++) {
        if (*at == '#' && style[0] != '\0') escaped[used++] = '#';
        escaped[used++] = *at;
    }
    escaped[used] = '\0';
    plschr(0, sizes[size]);
    wt_plot_pen(c, 1, 1);
    plptex(x, y, 1, 0, align, escaped);
}

static const char plain[] = "#<medium/>", bold[] = "#<bold/>", raw[] = "";

/* --- axes --- */

static double page_x(const wt_picture *p, double x) {
    return WT_PLOT_LEFT + (x - p->x_lo) / (p->x_hi - p->x_lo) * (WT_PLOT_RIGHT - WT_PLOT_LEFT);
}

static double page_y(const wt_panel *at, double y) {
    return at->bottom + (y - at->lo) / (at->hi - at->lo) * (at->top - at->bottom);
}

static void draw_frame(const wt_panel *at) {
    wt_plot_pen(faint, 1, 1);
    pljoin(WT_PLOT_LEFT, at->bottom, WT_PLOT_RIGHT, at->bottom);
    pljoin(WT_PLOT_LEFT, at->bottom, WT_PLOT_LEFT, at->top);
}

/* One axis for all panels: numbers stand under the lowest alone. */
static void draw_step_axis(const wt_picture *p, const wt_panel *at) {
    double ticks[WT_TICKS_MAX];
    size_t count = wt_plot_ticks(ticks, p->x_lo, p->x_hi, 8);
    for (size_t i = 0; i < count; i++) {
        char label[32];
        if (ticks[i] != floor(ticks[i])) continue;
        wt_plot_count_label(label, sizeof label, ticks[i]);
        double x = page_x(p, ticks[i]);
        wt_plot_pen(grid, 1, 1);
        pljoin(x, at->bottom, x, at->top);
        if (at == &p->throughput) wt_plot_text(x, at->bottom - 20, 0.5, WT_LETTERS_SMALL, ink, plain, label);
    }
}

/* `unit`: labels show the value divided by it; 0: as counts (20k). */
static void draw_value_axis(const wt_panel *at, double unit) {
    double ticks[WT_TICKS_MAX];
    size_t count = wt_plot_ticks(ticks, at->lo, at->hi, (size_t)((at->top - at->bottom) / 60));
    for (size_t i = 0; i < count; i++) {
        char label[32];
        if (unit > 0)
            snprintf(label, sizeof label, "%.6g", ticks[i] / unit);
        else
            wt_plot_count_label(label, sizeof label, ticks[i]);
        double y = page_y(at, ticks[i]);
        wt_plot_pen(grid, 1, 1);
        pljoin(WT_PLOT_LEFT, y, WT_PLOT_RIGHT, y);
        wt_plot_text(WT_PLOT_LEFT - 14, y, 1, WT_LETTERS_SMALL, ink, plain, label);
    }
}

/* The same loss in bits, on the right. */
static void draw_bits_axis(const wt_panel *at) {
    double ticks[WT_TICKS_MAX];
    size_t count = wt_plot_ticks(ticks, at->lo / M_LN2, at->hi / M_LN2,
                                 (size_t)((at->top - at->bottom) / 60));
    for (size_t i = 0; i < count; i++) {
        char label[32];
        snprintf(label, sizeof label, "%.6g", ticks[i]);
        double y = page_y(at, ticks[i] * M_LN2);
        wt_plot_pen(faint, 1, 1);
        pljoin(WT_PLOT_RIGHT, y, WT_PLOT_RIGHT + 6, y);
        wt_plot_text(WT_PLOT_RIGHT + 14, y, 0, WT_LETTERS_SMALL, faint, plain, label);
    }
    pljoin(WT_PLOT_RIGHT, at->bottom, WT_PLOT_RIGHT, at->top);
}

/* --- curves --- */

/* A run has its colour and, past the first eight, dashes. */
typedef struct {
    wt_colour colour;
    size_t dashes; /* row of dash_lengths */
} look;

static look look_of(size_t run) {
    return (look){run_colours[run % RUN_COLOURS], run / RUN_COLOURS};
}

/* Of dash, space, dash, space, in thousandths of a millimetre: as many rows as 64 runs need. */
static const PLINT dash_lengths[][4] = {{0},
                                        {2600, 1500, 2600, 1500},
                                        {700, 1300, 700, 1300},
                                        {3000, 1300, 600, 1300},
                                        {6000, 1600, 6000, 1600},
                                        {6000, 1300, 600, 1300},
                                        {1400, 2600, 1400, 2600},
                                        {6000, 1300, 2000, 1300}};
enum { DASHES = sizeof dash_lengths / sizeof dash_lengths[0] };

static void dash(size_t dashes) {
    const PLINT *row = dash_lengths[dashes % DASHES];
    const PLINT marks[] = {row[0], row[2]}, spaces[] = {row[1], row[3]};
    plstyl(row[0] > 0 ? 2 : 0, marks, spaces);
}

static void draw_line(const wt_series *series, look l, double opacity, double width) {
    wt_plot_pen(l.colour, opacity, width);
    dash(l.dashes);
    if (series->count > 1) plline((PLINT)series->count, series->x, series->y);
    dash(0);
}

static void draw_dot(double x, double y, double radius, wt_colour c) {
    enum { CORNERS = 24 };
    double xs[CORNERS], ys[CORNERS];
    for (int i = 0; i < CORNERS; i++) {
        double angle = 2 * M_PI * i / CORNERS;
        xs[i] = x + radius * cos(angle);
        ys[i] = y + radius * sin(angle);
    }
    wt_plot_pen(c, 1, 1);
    plfill(CORNERS, xs, ys);
}

/* A dot on white, so that it stands out from the curve behind it; smaller where there are many. */
static void draw_marker(double x, double y, double radius, wt_colour c) {
    draw_dot(x, y, radius + 2, paper);
    draw_dot(x, y, radius, c);
}

/* At most some 40 dots, of several runs 12: every n-th and the last. */
static void draw_markers(const wt_picture *p, const wt_curves *run, wt_colour c) {
    size_t every = run->validation.count / (p->count == 1 ? 40 : 12) + 1;
    for (size_t i = 0; i < run->validation.count; i++) {
        double y = run->validation.y[i];
        if ((i % every != 0 && i + 1 != run->validation.count) || y < p->loss.lo || y > p->loss.hi) continue;
        draw_marker(page_x(p, run->validation.x[i]), page_y(&p->loss, y), p->count == 1 ? 4.5 : 3.5, c);
    }
}

/* Each step (`noisy`) is shown of a single run alone; of several the first is drawn last and thus on top. */
static void draw_curves(const wt_picture *p, size_t noisy, size_t smooth, double opacity) {
    for (size_t r = p->count; r-- > 0;) {
        const char *run = (const char *)&p->runs[r];
        if (p->count == 1 && noisy != smooth)
            draw_line((const wt_series *)(run + noisy), look_of(r), opacity, 1);
        draw_line((const wt_series *)(run + smooth), look_of(r), 1, 2.5);
    }
}

/* With one run validation has a colour of its own and a line; with several, colours distinguish the runs. */
static void draw_loss(const wt_picture *p) {
    on_page(p);
    draw_step_axis(p, &p->loss);
    draw_value_axis(&p->loss, 1);
    if (!p->squares) draw_bits_axis(&p->loss);
    on_panel(p, &p->loss);
    draw_curves(p, offsetof(wt_curves, loss), offsetof(wt_curves, loss_smooth), 0.3);
    if (p->count == 1) draw_line(&p->runs[0].validation, look_of(1), 1, 1.5);
    on_page(p);
    for (size_t r = p->count; r-- > 0;) draw_markers(p, &p->runs[r], look_of(p->count == 1 ? 1 : r).colour);
    draw_frame(&p->loss);
}

static void draw_rate(const wt_picture *p) {
    on_page(p);
    draw_step_axis(p, &p->rate);
    draw_value_axis(&p->rate, p->rate_unit);
    on_panel(p, &p->rate);
    draw_curves(p, offsetof(wt_curves, rate), offsetof(wt_curves, rate), 0);
    on_page(p);
    draw_frame(&p->rate);
}

static void draw_throughput(const wt_picture *p) {
    on_page(p);
    draw_step_axis(p, &p->throughput);
    draw_value_axis(&p->throughput, 0);
    on_panel(p, &p->throughput);
    draw_curves(p, offsetof(wt_curves, throughput), offsetof(wt_curves, throughput_smooth), 0.2);
    on_page(p);
    draw_frame(&p->throughput);
}

/* --- words --- */

static void best_text(char *out, size_t bytes, const wt_curves *run) {
    const wt_series *v = &run->validation;
    size_t best = 0;
    for (size_t i = 1; i < v->count; i++)
        if (v->y[i] < v->y[best]) best = i;
    if (v->count == 0)
        snprintf(out, bytes, "%.0f steps, no validation yet", run->last_step);
    else if (run->squares)
        snprintf(out, bytes, "%.0f steps, best validation %.6g (squared error) at step %.0f", run->last_step,
                 v->y[best], v->x[best]);
    else
        snprintf(out, bytes, "%.0f steps, best validation %.3f nats (%.3f bits) at step %.0f", run->last_step,
                 v->y[best], v->y[best] / M_LN2, v->x[best]);
}

/* "Learning rate in 10⁻³", with the exponent's own characters: PLplot's superscripts fly too high. */
static void rate_title(char *out, size_t bytes, int exponent) {
    static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char number[16];
    size_t used = (size_t)snprintf(out, bytes, "#<bold/>Learning rate#<medium/> in 10");
    snprintf(number, sizeof number, "%d", exponent);
    for (const char *at = number; *at != '\0'; at++)
        used += (size_t)snprintf(out + used, bytes - used, "%s", *at == '-' ? "⁻" : digits[*at - '0']);
}

static void draw_titles(const wt_picture *p) {
    char words[256];
    if (p->count == 1) {
        wt_plot_text(WT_PLOT_LEFT, p->height - 50, 0, WT_LETTERS_LARGE, ink, bold, p->runs[0].name);
        best_text(words, sizeof words, &p->runs[0]);
    } else {
        snprintf(words, sizeof words, "%zu runs", p->count);
        wt_plot_text(WT_PLOT_LEFT, p->height - 50, 0, WT_LETTERS_LARGE, ink, bold, words);
        snprintf(words, sizeof words, "lines: training loss and throughput, smoothed; dots: validation loss");
    }
    wt_plot_text(WT_PLOT_LEFT, p->height - 90, 0, WT_LETTERS_MIDDLE, faint, plain, words);
    snprintf(words, sizeof words,
             p->squares ? "#<bold/>Squared error#<medium/> per %s" : "#<bold/>Loss#<medium/> in nats per %s",
             p->unit);
    wt_plot_text(WT_PLOT_LEFT, p->loss.top + 22, 0, WT_LETTERS_MIDDLE, ink, raw, words);
    snprintf(words, sizeof words, "bits per %s", p->unit);
    if (!p->squares) wt_plot_text(WT_PLOT_RIGHT, p->loss.top + 22, 1, WT_LETTERS_MIDDLE, faint, plain, words);
    rate_title(words, sizeof words, (int)lround(log10(p->rate_unit)));
    wt_plot_text(WT_PLOT_LEFT, p->rate.top + 22, 0, WT_LETTERS_MIDDLE, ink, raw, words);
    snprintf(words, sizeof words, "#<bold/>Throughput#<medium/> in %ss per second", p->unit);
    wt_plot_text(WT_PLOT_LEFT, p->throughput.top + 22, 0, WT_LETTERS_MIDDLE, ink, raw, words);
    wt_plot_text((WT_PLOT_LEFT + WT_PLOT_RIGHT) / 2.0, p->throughput.bottom - 58, 0.5, WT_LETTERS_MIDDLE, ink,
                 bold, "step");
}

/* --- the legend --- */

static void legend_words(const wt_legend *legend, const char *row, double x, double y, wt_colour c) {
    char cell[WT_LEGEND_CELL];
    for (size_t column = 0; column < legend->columns; column++) {
        wt_legend_cell(cell, row, column);
        wt_plot_text(x + legend->x[column], y, legend->right[column] ? 1 : 0, WT_LETTERS_SMALL, c, plain,
                     cell);
    }
}

/* The line as it is in the panels: a run's, or one of a single run's three kinds. */
static void legend_line(const wt_picture *p, size_t row, double x, double y) {
    enum { EACH_STEP, SMOOTHED, VALIDATION };
    wt_series line = {.x = (double[]){x, x + 46}, .y = (double[]){y, y}, .count = 2};
    if (p->count > 1 || row == SMOOTHED) {
        draw_line(&line, look_of(p->count > 1 ? row : 0), 1, 3);
    } else if (row == EACH_STEP) {
        draw_line(&line, look_of(0), 0.3, 1);
    } else {
        draw_line(&line, look_of(1), 1, 1.5);
        draw_marker(x + 23, y, 4.5, run_colours[1]);
    }
}

static void draw_legend(const wt_picture *p) {
    const wt_legend *legend = &p->legend;
    size_t count = p->count == 1 ? 3 : p->count;
    for (size_t r = 0; r < count; r++) {
        double x = WT_PLOT_LEFT + legend->block_width * (double)(r / legend->rows), top = legend->height;
        if (legend->heading) {
            if (r % legend->rows == 0) legend_words(legend, legend->heading, x, top, faint);
            top -= WT_LEGEND_LINE;
        }
        double y = top - WT_LEGEND_LINE * (double)(r % legend->rows);
        legend_line(p, r, x, y);
        legend_words(legend, p->count == 1 ? wt_plot_single[r] : p->runs[r].name, x, y, ink);
    }
}

/* PLplot's letters grow with the page; ours stay what they are on a page of 1350 pixels. */
static void keep_letter_size(double height) {
    PLFLT usual, now;
    plgchr(&usual, &now);
    plschr(usual * (WT_PLOT_WIDTH + 1350) / (WT_PLOT_WIDTH + height), 1);
}

void wt_plot_page(const char *file, double height) {
    plsdev("pngcairo");
    plsfnam(file);
    plspage(96, 96, WT_PLOT_WIDTH, (PLINT)height, 0, 0);
    plscolbg(paper.red, paper.green, paper.blue);
    plfontld(1);
    plinit();
    keep_letter_size(height);
    plsfont(PL_FCI_SANS, PL_FCI_UPRIGHT, PL_FCI_MEDIUM);
    pladv(0);
}

void wt_picture_draw(const void *picture, const char *file) {
    const wt_picture *p = picture;
    wt_plot_page(file, p->height);
    draw_loss(p);
    draw_rate(p);
    draw_throughput(p);
    draw_legend(p);
    draw_titles(p);
    plend();
}

#endif
