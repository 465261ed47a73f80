/*
 * Plots of runs, drawn by PLplot with its cairo driver.
 *
 * PLplot prints, asks on standard input and exits when something is not to its liking. So it draws in a child
 * process whose words come back through a pipe and end in our message, into a file of its own; the finished
 * picture is checked and put in place by this process. The price is a fork, which a command that does nothing
 * else can afford.
 */
#include "wavetrain/plot.h"
#include "base/file.h"

wt_status wt_plot_require(void) {
    WT_CHECK(wt_plot_can(), WT_FAILED,
             "this build draws no plots: it has no PLplot (Debian: libplplot-dev and plplot-driver-cairo; "
             "modules: plplot): configure again with it");
    return WT_OK;
}

#ifndef WT_HAVE_PLOT

bool wt_plot_can(void) {
    return false;
}

wt_status wt_plot_runs(const char *const *runs, const char *heading, const char *const *labels, size_t count,
                       const char *png) {
    (void)runs, (void)heading, (void)labels, (void)count, (void)png;
    return wt_plot_require();
}

wt_status wt_plot_chart(const wt_chart *chart, const char *png) {
    (void)chart, (void)png;
    return wt_plot_require();
}

wt_status wt_plot_series(const wt_series_plot *plot, const char *png) {
    (void)plot, (void)png;
    return wt_plot_require();
}

#else

#include <errno.h>
#include <fcntl.h>
#include <plplot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plot_internal.h"

static const size_t png_limit = (size_t)64 << 20;

/* --- the child that draws --- */

typedef struct {
    const void *what;
    void (*draw)(const void *what, const char *file);
} drawing;

static bool driver_present(const char *wanted) {
    const char *menu_space[128], *name_space[128];
    const char **menu = menu_space, **names = name_space;
    int count = 128;
    plgFileDevs(&menu, &names, &count);
    for (int i = 0; i < count; i++)
        if (names[i] != NULL && strcmp(names[i], wanted) == 0) return true;
    return false;
}

/* Never returns; what PLplot says goes into the pipe. */
static void draw_in_child(const drawing *d, const char *file, int words) {
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(words, 1) < 0 || dup2(words, 2) < 0) _exit(1);
    if (!driver_present("pngcairo")) {
        fprintf(stderr, "no driver pngcairo (Debian: plplot-driver-cairo)\n");
        _exit(1);
    }
    d->draw(d->what, file);
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

static wt_status draw_apart(const drawing *d, const char *file, const char *png) {
    int ends[2], ended = 0;
    char words[256];
    WT_CHECK(pipe(ends) == 0, WT_FAILED, "%s: no pipe for drawing: %s", png, strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        draw_in_child(d, file, ends[1]);
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

static wt_status rename_picture(const char *file, const char *png) {
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

wt_status wt_plot_file(const void *what, void (*draw)(const void *, const char *), const char *png) {
    const drawing d = {what, draw};
    char file[WT_PATH_MAX];
    int length = snprintf(file, sizeof file, "%s.draw-%ld", png, (long)getpid());
    WT_CHECK(length < (int)sizeof file, WT_USAGE, "%s: a path too long", png);
    WT_CHECK(!wt_path_is_folder(png), WT_USAGE, "%s: a folder (expected the name of a PNG file)", png);
    WT_TRY(wt_path_require_ending(png, ".png", "a PNG picture"));
    int handle = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    WT_CHECK(handle >= 0, WT_FAILED, "%s: can't write: %s", png, strerror(errno));
    close(handle);
    wt_status status = draw_apart(&d, file, png);
    if (status == WT_OK) status = rename_picture(file, png);
    unlink(file);
    return status;
}

bool wt_plot_can(void) {
    return true;
}

wt_status wt_plot_runs(const char *const *runs, const char *heading, const char *const *labels, size_t count,
                       const char *png) {
    wt_picture p = {.count = count};
    WT_CHECK(count > 0, WT_USAGE, "%s: no runs to plot", png);
    wt_status status;
    WT_GUARD(wt_picture_fill(&p, runs, heading, labels));
    WT_GUARD(wt_plot_file(&p, wt_picture_draw, png));
cleanup:
    wt_picture_dispose(&p);
    return status;
}

wt_status wt_plot_chart(const wt_chart *chart, const char *png) {
    return wt_plot_file(chart, wt_chart_draw, png);
}

wt_status wt_plot_series(const wt_series_plot *plot, const char *png) {
    return wt_plot_file(plot, wt_series_draw, png);
}

#endif
