/*
 * Plots of runs, drawn by PLplot with its cairo driver.
 *
 * PLplot prints, asks on standard input and exits when something is not to its liking. So it draws in a child
 * process whose words come back through a pipe and end in our message, into a file of its own; the finished
 * picture is checked and put in place by this process. The price is a fork, which a command that does nothing
 * else can afford.
 *
 * The page is laid out in pixels from its lower left corner; axes and labels are drawn here rather than by
 * plbox, whose labels know neither "20k" nor a light grid.
 */
#include "wavetrain/metrics.h"

#ifndef WT_HAVE_PLOT

bool wt_plot_can(void) {
    return false;
}

wt_status wt_plot_runs(const char *const *runs, const char *const *labels, size_t count, const char *png) {
    (void)runs, (void)labels, (void)count, (void)png;
    return wt_error(WT_FAILED,
                    "this build has no PLplot (Debian: libplplot-dev and plplot-driver-cairo; modules: "
                    "plplot): configure again with it");
}

#else

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <plplot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plot_internal.h"
#include "wavetrain/file.h"
#include "wavetrain/memory.h"

enum { PAGE_WIDTH = 1200, PAGE_HEIGHT = 1350, LEFT = 120, RIGHT = 1090 };

static const size_t png_limit = (size_t)64 << 20;

typedef struct {
    int red, green, blue;
} colour;

static const colour ink = {38, 42, 48}, faint = {112, 118, 126}, grid = {226, 229, 233},
                    paper = {255, 255, 255};

/* Told apart with the common kinds of colour blindness too; more runs than colours begin again. */
static const colour run_colours[] = {{31, 99, 181}, {214, 96, 20}, {20, 140, 104}, {168, 64, 150},
                                     {196, 150, 0}, {84, 84, 96},  {60, 170, 214}, {190, 50, 60}};
enum { RUN_COLOURS = sizeof run_colours / sizeof run_colours[0] };

typedef struct {
    const char *folder;
    char name[128];
    colour colour;
    wt_series loss, loss_smooth, validation, rate, throughput, throughput_smooth;
    double last_step;
} curves;

typedef struct {
    double bottom, top; /* pixels */
    double lo, hi;      /* of the y axis */
} panel;

typedef struct {
    curves *runs; /* [count] */
    size_t count;
    double x_lo, x_hi;
    double rate_unit; /* the power of ten that learning rates are shown in */
    panel loss, rate, throughput;
} picture;

/* --- from the files to the picture --- */

static void name_run(curves *run, const char *folder) {
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') length--;
    size_t begin = length;
    while (begin > 0 && folder[begin - 1] != '/') begin--;
    snprintf(run->name, sizeof run->name, "%.*s", (int)(length - begin), folder + begin);
    run->folder = folder;
}

static wt_status pick_curves(curves *run, const wt_metrics_row *rows, size_t count) {
    WT_TRY(wt_series_pick(&run->loss, rows, count, offsetof(wt_metrics_row, loss)));
    WT_TRY(wt_series_pick(&run->validation, rows, count, offsetof(wt_metrics_row, validation_loss)));
    WT_TRY(wt_series_pick(&run->rate, rows, count, offsetof(wt_metrics_row, learning_rate)));
    WT_TRY(wt_series_pick(&run->throughput, rows, count, offsetof(wt_metrics_row, samples_per_second)));
    WT_TRY(wt_series_smooth(&run->loss_smooth, &run->loss, run->loss.count / 80));
    WT_TRY(wt_series_smooth(&run->throughput_smooth, &run->throughput, run->throughput.count / 80));
    run->last_step = (double)rows[count - 1].step;
    return WT_OK;
}

static wt_status load_run(curves *run, const char *folder) {
    char path[WT_PATH_MAX];
    WT_CHECK(wt_path_is_folder(folder), WT_USAGE, "%s: no such run (expected a run's folder)", folder);
    WT_TRY(wt_path_join(path, folder, "metrics.csv"));
    WT_CHECK(wt_path_exists(path), WT_USAGE, "%s: no metrics.csv in it (expected a run's folder)", folder);
    name_run(run, folder);
    wt_metrics_row *rows;
    size_t count;
    WT_TRY(wt_metrics_read(&rows, &count, path));
    wt_status status;
    WT_GUARD_CHECK(count > 0, WT_USAGE, "%s: no step in it yet", path);
    WT_GUARD(pick_curves(run, rows, count));
cleanup:
    wt_free(rows);
    return status;
}

static void widen(double *lo, double *hi, double value) {
    if (isnan(value)) return;
    if (isnan(*lo) || value < *lo) *lo = value;
    if (isnan(*hi) || value > *hi) *hi = value;
}

/* The first steps fall from ln(classes) and would flatten all that matters: the top is where the loss has
 * come to after 2 % of the steps, less the highest 2 % of the steps' own noise. */
static wt_status loss_range(picture *p) {
    double lo = NAN, hi = NAN;
    for (size_t r = 0; r < p->count; r++) {
        const curves *run = &p->runs[r];
        double from = 0.02 * run->last_step, value;
        const struct {
            const wt_series *series;
            double share;
        } bounds[] = {{&run->loss, 0.005},
                      {&run->loss, 0.98},
                      {&run->loss_smooth, 1},
                      {&run->validation, 0},
                      {&run->validation, 1}};
        for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
            WT_TRY(wt_series_quantile(&value, bounds[i].series, bounds[i].share, from));
            widen(&lo, &hi, value);
        }
    }
    if (isnan(lo)) lo = hi = 0;
    double margin = hi > lo ? 0.05 * (hi - lo) : 0.1 * (fabs(hi) + 1);
    p->loss.lo = lo >= 0 && lo - margin < 0 ? 0 : lo - margin;
    p->loss.hi = hi + margin;
    return WT_OK;
}

/* Axes that begin at zero. */
static wt_status other_ranges(picture *p) {
    p->rate.hi = p->throughput.hi = 0;
    for (size_t r = 0; r < p->count; r++) {
        double rate, throughput;
        WT_TRY(wt_series_quantile(&rate, &p->runs[r].rate, 1, 0));
        WT_TRY(wt_series_quantile(&throughput, &p->runs[r].throughput, 0.98, 0));
        if (rate > p->rate.hi) p->rate.hi = rate;
        if (throughput > p->throughput.hi) p->throughput.hi = throughput;
    }
    if (!(p->rate.hi > 0)) p->rate.hi = 1;
    if (!(p->throughput.hi > 0)) p->throughput.hi = 1;
    p->rate_unit = pow(10, floor(log10(p->rate.hi) + 1e-9));
    p->rate.hi *= 1.12;
    p->throughput.hi *= 1.2;
    return WT_OK;
}

static wt_status fill_picture(picture *p, const char *const *folders, const char *const *labels) {
    for (size_t r = 0; r < p->count; r++) {
        WT_TRY(load_run(&p->runs[r], folders[r]));
        if (labels) snprintf(p->runs[r].name, sizeof p->runs[r].name, "%s", labels[r]);
        p->runs[r].colour = run_colours[r % RUN_COLOURS];
        if (p->runs[r].last_step > p->x_hi) p->x_hi = p->runs[r].last_step;
    }
    if (!(p->x_hi > 0)) p->x_hi = 1;
    p->loss = (panel){.bottom = 640, .top = PAGE_HEIGHT - 160};
    p->rate = (panel){.bottom = 370, .top = 570};
    p->throughput = (panel){.bottom = 100, .top = 300};
    WT_TRY(loss_range(p));
    WT_TRY(other_ranges(p));
    for (size_t r = 0; r < p->count; r++) {
        wt_series *all[] = {&p->runs[r].loss, &p->runs[r].loss_smooth, &p->runs[r].rate,
                            &p->runs[r].throughput, &p->runs[r].throughput_smooth};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
            wt_series_thin(all[i], p->x_lo, p->x_hi, RIGHT - LEFT);
    }
    return WT_OK;
}

static void dispose_picture(picture *p) {
    for (size_t r = 0; p->runs != NULL && r < p->count; r++) {
        wt_series *all[] = {&p->runs[r].loss, &p->runs[r].loss_smooth, &p->runs[r].validation,
                            &p->runs[r].rate, &p->runs[r].throughput,  &p->runs[r].throughput_smooth};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) wt_series_dispose(all[i]);
    }
    wt_free(p->runs);
}

/* --- pens --- */

static void pen(colour c, double opacity, double width) {
    plscol0a(1, c.red, c.green, c.blue, opacity);
    plcol0(1);
    plwidth(width);
}

static void on_page(void) {
    plvpor(0, 1, 0, 1);
    plwind(0, PAGE_WIDTH, 0, PAGE_HEIGHT);
}

/* Data coordinates, cut at the panel's edges. */
static void on_panel(const picture *p, const panel *at) {
    plvpor((double)LEFT / PAGE_WIDTH, (double)RIGHT / PAGE_WIDTH, at->bottom / PAGE_HEIGHT,
           at->top / PAGE_HEIGHT);
    plwind(p->x_lo, p->x_hi, at->lo, at->hi);
}

enum { SMALL, MIDDLE, LARGE };

/* `align`: 0 begins at x, 1 ends there. PLplot's own escapes begin with '#'; a name's are doubled. */
static void text(double x, double y, double align, int size, colour c, const char *style, const char *words) {
    static const double sizes[] = {0.64, 0.74, 1.15};
    char escaped[640];
    size_t used = (size_t)snprintf(escaped, sizeof escaped, "%s", style);
    for (const char *at = words; *at != '\0' && used + 3 < sizeof escaped; at++) {
        if (*at == '#' && style[0] != '\0') escaped[used++] = '#';
        escaped[used++] = *at;
    }
    escaped[used] = '\0';
    plschr(0, sizes[size]);
    pen(c, 1, 1);
    plptex(x, y, 1, 0, align, escaped);
}

static const char plain[] = "#<medium/>", bold[] = "#<bold/>", raw[] = "";

/* --- axes --- */

static double page_x(const picture *p, double x) {
    return LEFT + (x - p->x_lo) / (p->x_hi - p->x_lo) * (RIGHT - LEFT);
}

static double page_y(const panel *at, double y) {
    return at->bottom + (y - at->lo) / (at->hi - at->lo) * (at->top - at->bottom);
}

static void draw_frame(const panel *at) {
    pen(faint, 1, 1);
    pljoin(LEFT, at->bottom, RIGHT, at->bottom);
    pljoin(LEFT, at->bottom, LEFT, at->top);
}

/* One axis for all panels: numbers stand under the lowest alone. */
static void draw_step_axis(const picture *p, const panel *at) {
    double ticks[WT_TICKS_MAX];
    size_t count = wt_plot_ticks(ticks, p->x_lo, p->x_hi, 8);
    for (size_t i = 0; i < count; i++) {
        char label[32];
        if (ticks[i] != floor(ticks[i])) continue;
        wt_plot_count_label(label, sizeof label, ticks[i]);
        double x = page_x(p, ticks[i]);
        pen(grid, 1, 1);
        pljoin(x, at->bottom, x, at->top);
        if (at == &p->throughput) text(x, at->bottom - 20, 0.5, SMALL, ink, plain, label);
    }
}

/* `unit`: labels show the value divided by it; 0: as counts (20k). */
static void draw_value_axis(const panel *at, double unit) {
    double ticks[WT_TICKS_MAX];
    size_t count = wt_plot_ticks(ticks, at->lo, at->hi, (size_t)((at->top - at->bottom) / 60));
    for (size_t i = 0; i < count; i++) {
        char label[32];
        if (unit > 0)
            snprintf(label, sizeof label, "%.6g", ticks[i] / unit);
        else
            wt_plot_count_label(label, sizeof label, ticks[i]);
        double y = page_y(at, ticks[i]);
        pen(grid, 1, 1);
        pljoin(LEFT, y, RIGHT, y);
        text(LEFT - 14, y, 1, SMALL, ink, plain, label);
    }
}

/* The same loss in bits, on the right. */
static void draw_bits_axis(const panel *at) {
    double ticks[WT_TICKS_MAX];
    size_t count = wt_plot_ticks(ticks, at->lo / M_LN2, at->hi / M_LN2,
                                 (size_t)((at->top - at->bottom) / 60));
    for (size_t i = 0; i < count; i++) {
        char label[32];
        snprintf(label, sizeof label, "%.6g", ticks[i]);
        double y = page_y(at, ticks[i] * M_LN2);
        pen(faint, 1, 1);
        pljoin(RIGHT, y, RIGHT + 6, y);
        text(RIGHT + 14, y, 0, SMALL, faint, plain, label);
    }
    pljoin(RIGHT, at->bottom, RIGHT, at->top);
}

/* --- curves --- */

static void draw_line(const wt_series *series, colour c, double opacity, double width) {
    pen(c, opacity, width);
    if (series->count > 1) plline((PLINT)series->count, series->x, series->y);
}

static void draw_dot(double x, double y, double radius, colour c) {
    enum { CORNERS = 24 };
    double xs[CORNERS], ys[CORNERS];
    for (int i = 0; i < CORNERS; i++) {
        double angle = 2 * M_PI * i / CORNERS;
        xs[i] = x + radius * cos(angle);
        ys[i] = y + radius * sin(angle);
    }
    pen(c, 1, 1);
    plfill(CORNERS, xs, ys);
}

/* A dot on white, so that it stands out from the curve behind it. */
static void draw_marker(double x, double y, colour c) {
    draw_dot(x, y, 6.5, paper);
    draw_dot(x, y, 4.5, c);
}

/* At most some 40 dots: every n-th and the last. */
static void draw_markers(const picture *p, const curves *run) {
    size_t every = run->validation.count / 40 + 1;
    for (size_t i = 0; i < run->validation.count; i++) {
        double y = run->validation.y[i];
        if ((i % every != 0 && i + 1 != run->validation.count) || y < p->loss.lo || y > p->loss.hi) continue;
        draw_marker(page_x(p, run->validation.x[i]), page_y(&p->loss, y), run->colour);
    }
}

static colour darker(colour c) {
    return (colour){c.red * 55 / 100, c.green * 55 / 100, c.blue * 55 / 100};
}

/* With one run validation has a colour of its own; with several, colours tell the runs. */
static colour validation_colour(const picture *p, const curves *run) {
    return p->count == 1 ? run_colours[1] : darker(run->colour);
}

static void draw_loss(const picture *p) {
    on_page();
    draw_step_axis(p, &p->loss);
    draw_value_axis(&p->loss, 1);
    draw_bits_axis(&p->loss);
    on_panel(p, &p->loss);
    for (size_t r = 0; r < p->count; r++)
        draw_line(&p->runs[r].loss, p->runs[r].colour, p->count == 1 ? 0.3 : 0.18, 1);
    for (size_t r = 0; r < p->count; r++) draw_line(&p->runs[r].loss_smooth, p->runs[r].colour, 1, 2.5);
    for (size_t r = 0; r < p->count; r++)
        draw_line(&p->runs[r].validation, validation_colour(p, &p->runs[r]), 1, 1.5);
    on_page();
    for (size_t r = 0; r < p->count; r++) {
        curves shown = p->runs[r];
        shown.colour = validation_colour(p, &p->runs[r]);
        draw_markers(p, &shown);
    }
    draw_frame(&p->loss);
}

static void draw_rate(const picture *p) {
    on_page();
    draw_step_axis(p, &p->rate);
    draw_value_axis(&p->rate, p->rate_unit);
    on_panel(p, &p->rate);
    for (size_t r = 0; r < p->count; r++) draw_line(&p->runs[r].rate, p->runs[r].colour, 1, 2.5);
    on_page();
    draw_frame(&p->rate);
}

static void draw_throughput(const picture *p) {
    on_page();
    draw_step_axis(p, &p->throughput);
    draw_value_axis(&p->throughput, 0);
    on_panel(p, &p->throughput);
    for (size_t r = 0; r < p->count; r++) draw_line(&p->runs[r].throughput, p->runs[r].colour, 0.2, 1);
    for (size_t r = 0; r < p->count; r++) draw_line(&p->runs[r].throughput_smooth, p->runs[r].colour, 1, 2.5);
    on_page();
    draw_frame(&p->throughput);
}

/* --- words --- */

static void best_text(char *out, size_t bytes, const curves *run) {
    const wt_series *v = &run->validation;
    size_t best = 0;
    for (size_t i = 1; i < v->count; i++)
        if (v->y[i] < v->y[best]) best = i;
    if (v->count == 0)
        snprintf(out, bytes, "%.0f steps, no validation yet", run->last_step);
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

static void draw_titles(const picture *p) {
    char words[256];
    if (p->count == 1) {
        text(LEFT, PAGE_HEIGHT - 50, 0, LARGE, ink, bold, p->runs[0].name);
        best_text(words, sizeof words, &p->runs[0]);
    } else {
        snprintf(words, sizeof words, "%zu runs", p->count);
        text(LEFT, PAGE_HEIGHT - 50, 0, LARGE, ink, bold, words);
        snprintf(words, sizeof words, "thick: smoothed training loss; dots: validation; thin: each step");
    }
    text(LEFT, PAGE_HEIGHT - 90, 0, MIDDLE, faint, plain, words);
    text(LEFT, p->loss.top + 22, 0, MIDDLE, ink, raw, "#<bold/>Loss#<medium/> in nats per sample");
    text(RIGHT, p->loss.top + 22, 1, MIDDLE, faint, plain, "bits per sample");
    rate_title(words, sizeof words, (int)lround(log10(p->rate_unit)));
    text(LEFT, p->rate.top + 22, 0, MIDDLE, ink, raw, words);
    text(LEFT, p->throughput.top + 22, 0, MIDDLE, ink, raw,
         "#<bold/>Throughput#<medium/> in samples per second");
    text((LEFT + RIGHT) / 2.0, p->throughput.bottom - 58, 0.5, MIDDLE, ink, bold, "step");
}

static void legend_line(double x, double y, colour c, double opacity, double width, bool marker) {
    pen(c, opacity, width);
    pljoin(x, y, x + 44, y);
    if (marker) draw_marker(x + 22, y, c);
}

static void legend_box(double x, double y, double width, double height) {
    double xs[] = {x, x + width, x + width, x}, ys[] = {y, y, y - height, y - height};
    pen(paper, 0.85, 1);
    plfill(4, xs, ys);
}

/* In the upper right of the loss, where a falling curve leaves room. */
static void draw_legend(const picture *p) {
    static const double line = 30;
    size_t shown = p->count == 1 ? 3 : p->count < 12 ? p->count : 12, longest = 16;
    for (size_t r = 0; r < p->count; r++)
        if (p->count > 1 && strlen(p->runs[r].name) > longest) longest = strlen(p->runs[r].name);
    if (longest > 48) longest = 48;
    double width = 90 + 12 * (double)longest, x = RIGHT - 16 - width, y = p->loss.top - 14;
    legend_box(x, y, width, line * (double)shown + 16);
    for (size_t r = 0; r < shown; r++) {
        static const char *const words[] = {"each step", "smoothed", "validation"};
        double at = y - 22 - line * (double)r;
        char name[64];
        snprintf(name, sizeof name, "%.48s", p->count == 1 ? words[r] : p->runs[r].name);
        if (p->count > 1)
            legend_line(x + 14, at, p->runs[r].colour, 1, 3, false);
        else
            legend_line(x + 14, at, r == 2 ? run_colours[1] : p->runs[0].colour, r == 0 ? 0.3 : 1,
                        r == 1 ? 3 : 1.5, r == 2);
        text(x + 72, at, 0, SMALL, ink, plain, name);
    }
}

/* --- the child that draws --- */

static bool driver_present(const char *wanted) {
    const char *menu_space[128], *name_space[128];
    const char **menu = menu_space, **names = name_space;
    int count = 128;
    plgFileDevs(&menu, &names, &count);
    for (int i = 0; i < count; i++)
        if (names[i] != NULL && strcmp(names[i], wanted) == 0) return true;
    return false;
}

static void draw_picture(const picture *p, const char *file) {
    plsdev("pngcairo");
    plsfnam(file);
    plspage(96, 96, PAGE_WIDTH, PAGE_HEIGHT, 0, 0);
    plscolbg(paper.red, paper.green, paper.blue);
    plfontld(1);
    plinit();
    plsfont(PL_FCI_SANS, PL_FCI_UPRIGHT, PL_FCI_MEDIUM);
    pladv(0);
    draw_loss(p);
    draw_rate(p);
    draw_throughput(p);
    draw_legend(p);
    draw_titles(p);
    plend();
}

/* Never returns; what PLplot says goes into the pipe. */
static void draw_in_child(const picture *p, const char *file, int words) {
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(words, 1) < 0 || dup2(words, 2) < 0) _exit(1);
    if (!driver_present("pngcairo")) {
        fprintf(stderr, "no driver pngcairo (Debian: plplot-driver-cairo)\n");
        _exit(1);
    }
    draw_picture(p, file);
    fflush(NULL);
    _exit(0);
}

/* The first line that has letters; the rest is read so that the child is never blocked. */
static void hear(int words, char *first, size_t bytes) {
    char heard[2048];
    size_t used = 0;
    for (;;) {
        char rest[512];
        bool full = used + 1 >= sizeof heard;
        ssize_t got = read(words, full ? rest : heard + used, full ? sizeof rest : sizeof heard - 1 - used);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        if (!full) used += (size_t)got;
    }
    heard[used] = '\0';
    const char *begin = heard + strspn(heard, "\n* ");
    snprintf(first, bytes, "%.*s", (int)strcspn(begin, "\n"), begin);
}

static wt_status draw_apart(const picture *p, const char *file, const char *png) {
    int ends[2], ended = 0;
    char words[256];
    WT_CHECK(pipe(ends) == 0, WT_FAILED, "%s: no pipe for drawing: %s", png, strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        draw_in_child(p, file, ends[1]);
    }
    int reason = errno;
    close(ends[1]);
    if (child > 0) hear(ends[0], words, sizeof words);
    close(ends[0]);
    WT_CHECK(child > 0, WT_FAILED, "%s: no process for drawing: %s", png, strerror(reason));
    while (waitpid(child, &ended, 0) < 0)
        WT_CHECK(errno == EINTR, WT_FAILED, "%s: lost the process that draws: %s", png, strerror(errno));
    WT_CHECK(WIFEXITED(ended) && WEXITSTATUS(ended) == 0, WT_FAILED, "%s: PLplot can't draw: %s", png,
             words[0] != '\0' ? words : "it gave no reason");
    return WT_OK;
}

/* --- the file --- */

/* PLplot does not say when the disk was full: the end of a PNG is always the same twelve bytes. */
static bool png_is_whole(const char *data, size_t bytes) {
    static const char head[] = "\x89PNG\r\n\x1a\n", tail[] = "\0\0\0\0IEND\xae\x42\x60\x82";
    size_t head_bytes = sizeof head - 1, tail_bytes = sizeof tail - 1;
    return bytes > head_bytes + tail_bytes && memcmp(data, head, head_bytes) == 0 &&
           memcmp(data + bytes - tail_bytes, tail, tail_bytes) == 0;
}

static wt_status put_in_place(const char *file, const char *png) {
    char *data = NULL;
    size_t bytes = 0;
    WT_TRY(wt_file_read(&data, &bytes, file, png_limit));
    wt_status status = png_is_whole(data, bytes)
                           ? wt_file_write_atomically(png, data, bytes, NULL, 0)
                           : wt_error(WT_FAILED, "%s: the picture came out incomplete (is the disk full?)",
                                      png);
    wt_free(data);
    return status;
}

static wt_status draw_file(const picture *p, const char *png) {
    char file[WT_PATH_MAX];
    int length = snprintf(file, sizeof file, "%s.draw-%ld", png, (long)getpid());
    WT_CHECK(length < (int)sizeof file, WT_USAGE, "%s: a path too long", png);
    WT_CHECK(!wt_path_is_folder(png), WT_USAGE, "%s: a folder (expected the name of a PNG file)", png);
    int handle = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    WT_CHECK(handle >= 0, WT_FAILED, "%s: can't write: %s", png, strerror(errno));
    close(handle);
    wt_status status = draw_apart(p, file, png);
    if (status == WT_OK) status = put_in_place(file, png);
    unlink(file);
    return status;
}

bool wt_plot_can(void) {
    return true;
}

wt_status wt_plot_runs(const char *const *runs, const char *const *labels, size_t count, const char *png) {
    picture p = {.count = count};
    WT_CHECK(count > 0, WT_USAGE, "%s: no runs to plot", png);
    WT_TRY(wt_alloc(&p.runs, count, sizeof *p.runs, "a plot's runs"));
    wt_status status;
    WT_GUARD(fill_picture(&p, runs, labels));
    WT_GUARD(draw_file(&p, png));
cleanup:
    dispose_picture(&p);
    return status;
}

#endif
