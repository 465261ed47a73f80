/*
 * The drawing of a chart with PLplot, in pixels from the page's lower left corner: all is placed here, so
 * that both axes may double from mark to mark.
 */
#include "plot_internal.h"
#include "wavetrain/plot.h"

#ifdef WT_HAVE_PLOT

#include <math.h>
#include <plplot.h>
#include <stdio.h>
#include <string.h>

static const wt_colour ink = {38, 42, 48}, faint = {112, 118, 126}, grid = {226, 229, 233};
static const wt_colour line_colours[] = {{140, 146, 154}, {31, 99, 181}, {214, 96, 20}, {20, 140, 104}};
enum { LINE_COLOURS = sizeof line_colours / sizeof *line_colours };

enum { PANEL = 260, GAP = 70, HEAD = 130, FOOT = 100, LEGEND = 34 };

typedef struct {
    const wt_chart *chart;
    double height, x_hi; /* x runs from 0 to log₂ of the largest count */
} wt_sheet;

typedef struct {
    double bottom, top, lo, hi;
    bool doubling;
} wt_scale;

static double chart_x(const wt_sheet *sheet, double x) {
    return WT_PLOT_LEFT + (WT_PLOT_RIGHT - WT_PLOT_LEFT) * (log2(x) / sheet->x_hi);
}

static double chart_y(const wt_scale *scale, double y) {
    const double share = scale->doubling ? log2(y / scale->lo) / log2(scale->hi / scale->lo) : y / scale->hi;
    return scale->bottom + (scale->top - scale->bottom) * share;
}

static bool is_drawn(const wt_chart_panel *panel, const wt_chart_line *line, int i) {
    return isfinite(line->y[i]) && isfinite(line->x[i]) && line->x[i] >= 1 &&
           (!panel->doubling || line->y[i] > 0);
}

static wt_scale scale_of(const wt_chart_panel *panel, double top) {
    wt_scale scale = {top - PANEL, top, panel->doubling ? 1 : 0, panel->doubling ? 2 : 0, panel->doubling};
    for (int l = 0; l < panel->count; l++) {
        for (int i = 0; i < panel->lines[l].count; i++) {
            if (!is_drawn(panel, &panel->lines[l], i)) continue;
            scale.hi = fmax(scale.hi, panel->lines[l].y[i]);
            scale.lo = fmin(scale.lo, panel->lines[l].y[i]);
        }
    }
    if (panel->doubling) scale.lo = exp2(floor(log2(scale.lo)));
    if (!panel->doubling) scale.hi = scale.hi > 0 ? 1.08 * scale.hi : 1;
    return scale;
}

/* --- axes --- */

static void draw_x_axis(const wt_sheet *sheet, const wt_scale *scale, bool labels) {
    for (int power = 0; power <= sheet->x_hi + 1e-9; power++) {
        char label[32];
        const double x = chart_x(sheet, exp2(power));
        wt_plot_pen(grid, 1, 1);
        pljoin(x, scale->bottom, x, scale->top);
        snprintf(label, sizeof label, "%.0f", exp2(power));
        if (labels) wt_plot_text(x, scale->bottom - 20, 0.5, WT_LETTERS_SMALL, ink, "#<medium/>", label);
    }
}

static void draw_y_mark(const wt_scale *scale, double y, const char *label) {
    const double at = chart_y(scale, y);
    wt_plot_pen(grid, 1, 1);
    pljoin(WT_PLOT_LEFT, at, WT_PLOT_RIGHT, at);
    wt_plot_text(WT_PLOT_LEFT - 14, at, 1, WT_LETTERS_SMALL, ink, "#<medium/>", label);
}

static void draw_y_axis(const wt_scale *scale, bool shares) {
    double ticks[WT_TICKS_MAX];
    char label[32];
    if (scale->doubling) {
        const int every = log2(scale->hi / scale->lo) > 6 ? 2 : 1;
        for (int power = (int)log2(scale->lo); exp2(power) <= scale->hi * (1 + 1e-9); power += every) {
            snprintf(label, sizeof label, "%.6g", exp2(power));
            draw_y_mark(scale, exp2(power), label);
        }
        return;
    }
    const double unit = shares ? 100 : 1;
    const size_t count = wt_plot_ticks(ticks, 0, unit * scale->hi, 5);
    for (size_t i = 0; i < count; i++) {
        snprintf(label, sizeof label, shares ? "%.6g %%" : "%.6g", ticks[i]);
        draw_y_mark(scale, ticks[i] / unit, label);
    }
}

/* --- lines --- */

static void begin_line(const wt_chart_line *line) {
    static const PLINT mark = 2400, space = 1500;
    wt_plot_pen(line_colours[line->colour % LINE_COLOURS], 1, line->dashed ? 1.5 : 2.5);
    plstyl(line->dashed ? 1 : 0, &mark, &space);
}

static void draw_chart_dot(double x, double y) {
    enum { CORNERS = 20 };
    double xs[CORNERS], ys[CORNERS];
    for (int i = 0; i < CORNERS; i++) {
        xs[i] = x + 4.5 * cos(2 * M_PI * i / CORNERS);
        ys[i] = y + 4.5 * sin(2 * M_PI * i / CORNERS);
    }
    plfill(CORNERS, xs, ys);
}

static void draw_chart_line(const wt_sheet *sheet, const wt_chart_panel *panel, const wt_scale *scale,
                            const wt_chart_line *line) {
    int last = -1;
    for (int i = 0; i < line->count; i++) {
        if (!is_drawn(panel, line, i)) continue;
        const double x = chart_x(sheet, line->x[i]), y = chart_y(scale, line->y[i]);
        begin_line(line);
        if (last >= 0) pljoin(chart_x(sheet, line->x[last]), chart_y(scale, line->y[last]), x, y);
        plstyl(0, NULL, NULL);
        if (!line->dashed) draw_chart_dot(x, y);
        last = i;
    }
}

static void draw_panel(const wt_sheet *sheet, int number) {
    const wt_chart_panel *panel = &sheet->chart->panels[number];
    const wt_scale scale = scale_of(panel, sheet->height - HEAD - GAP / 2 - number * (PANEL + GAP));
    const bool lowest = number + 1 == sheet->chart->count;
    draw_x_axis(sheet, &scale, lowest);
    draw_y_axis(&scale, panel->shares);
    wt_plot_text(WT_PLOT_LEFT, scale.top + 20, 0, WT_LETTERS_MIDDLE, ink, "#<bold/>", panel->title);
    for (int l = 0; l < panel->count; l++) draw_chart_line(sheet, panel, &scale, &panel->lines[l]);
    wt_plot_pen(faint, 1, 1);
    pljoin(WT_PLOT_LEFT, scale.bottom, WT_PLOT_RIGHT, scale.bottom);
    pljoin(WT_PLOT_LEFT, scale.bottom, WT_PLOT_LEFT, scale.top);
    if (lowest)
        wt_plot_text((WT_PLOT_LEFT + WT_PLOT_RIGHT) / 2.0, scale.bottom - 52, 0.5, WT_LETTERS_MIDDLE, ink,
                     "#<bold/>", sheet->chart->x_title);
}

/* The panel that has most lines names them all. */
static const wt_chart_panel *fullest(const wt_chart *chart) {
    const wt_chart_panel *best = &chart->panels[0];
    for (int i = 1; i < chart->count; i++) {
        if (chart->panels[i].count > best->count) best = &chart->panels[i];
    }
    return best;
}

static void draw_chart_legend(const wt_chart *chart) {
    const wt_chart_panel *panel = fullest(chart);
    for (int l = 0; l < panel->count; l++) {
        const wt_chart_line *line = &panel->lines[l];
        const double x = WT_PLOT_LEFT + l % 3 * 330.0, y = 30 + LEGEND * ((panel->count - 1) / 3 - l / 3);
        begin_line(line);
        pljoin(x, y, x + 46, y);
        plstyl(0, NULL, NULL);
        if (!line->dashed) draw_chart_dot(x + 23, y);
        wt_plot_text(x + 58, y, 0, WT_LETTERS_SMALL, ink, "#<medium/>", line->name);
    }
}

static double largest_x(const wt_chart *chart) {
    double most = 2;
    for (int p = 0; p < chart->count; p++) {
        for (int l = 0; l < chart->panels[p].count; l++) {
            const wt_chart_line *line = &chart->panels[p].lines[l];
            for (int i = 0; i < line->count; i++) most = fmax(most, line->x[i]);
        }
    }
    return most;
}

void wt_chart_draw(const void *what, const char *file) {
    const wt_chart *chart = what;
    const int rows = (fullest(chart)->count + 2) / 3;
    const wt_sheet sheet = {chart, HEAD + FOOT + chart->count * (PANEL + GAP) + rows * LEGEND,
                            log2(largest_x(chart))};
    wt_plot_page(file, sheet.height);
    plvpor(0, 1, 0, 1);
    plwind(0, WT_PLOT_WIDTH, 0, sheet.height);
    for (int i = 0; i < chart->count; i++) draw_panel(&sheet, i);
    draw_chart_legend(chart);
    wt_plot_text(WT_PLOT_LEFT, sheet.height - 50, 0, WT_LETTERS_LARGE, ink, "#<bold/>", chart->title);
    wt_plot_text(WT_PLOT_LEFT, sheet.height - 90, 0, WT_LETTERS_MIDDLE, faint, "#<medium/>", chart->note);
    plend();
}

#endif
