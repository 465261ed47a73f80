/* A scaling study as a table for people, as a table for programs, and as a picture. */
#include <math.h>
#include <stdio.h>

#include "bench_scaling.h"
#include "wavetrain/plot.h"

/* --- tables --- */

/* A figure in its column, or a dash. */
static void print_cell(const char *format, int width, double value) {
    if (isfinite(value)) {
        printf(format, width, value);
    } else {
        printf("%*s", width, "-");
    }
}

static void print_case_figures(const wt_scaling_figures *figures) {
    print_cell("%*.2f", 11, 1e3 * figures->step);
    print_cell("%*.2f", 10, figures->speedup);
    print_cell("%*.1f %%", 9, 100 * figures->efficiency);
    print_cell("%*.1f %%", 8, 100 * figures->exposed);
}

static void print_case_headings(bool measured) {
    static const char figures[] = "    step ms  speed-up efficiency   exposed";
    printf("%6s %6s %8s", "ranks", "nodes", "windows");
    if (measured) printf("%s %10s | model:", figures, "median ms");
    printf("%s\n", figures);
}

void wt_scaling_print(const wt_scaling_study *study, const wt_scaling_table *table, bool measured) {
    int kind = -1;
    for (int i = 0; i < table->count; i++) {
        const wt_scaling_case *at = &table->cases[i];
        if ((int)at->kind != kind) {
            kind = (int)at->kind;
            printf("\n%s scaling, %d windows of %d targets %s\n", wt_scaling_names[kind],
                   kind == WT_STRONG ? at->windows : study->windows, study->config.data.window,
                   kind == WT_STRONG ? "a step" : "a step for each rank");
            print_case_headings(measured);
        }
        printf("%6d %6d %8d", at->ranks, at->nodes, at->windows);
        if (measured) {
            const wt_scaling_figures figures = wt_scaling_measured(table, at);
            print_case_figures(&figures);
            printf("%11.2f |       ", 1e3 * at->step.median);
        }
        const wt_scaling_figures model = wt_scaling_predicted(table, at);
        print_case_figures(&model);
        printf("\n");
    }
}

static void print_link(const char *where, wt_link link, const char *whence) {
    printf("  link %s: latency %.2f µs, %.1f Gbit/s (%s)\n", where, 1e6 * link.latency, 8e-9 * link.bandwidth,
           whence);
}

void wt_scaling_print_assumptions(const wt_scaling_study *study, int ranks_each) {
    const wt_calibration *calibration = study->calibration;
    printf("\nthe model, and what it assumes:\n");
    printf("  computing: %s\n", study->basis);
    if (calibration->within.bandwidth > 0)
        print_link("within a node", calibration->within, "measured");
    else
        printf("  link within a node: not measured, that of memory that ranks share\n");
    if (study->link.bandwidth > 0)
        print_link("between nodes", study->link,
                   study->link_given     ? "given"
                   : study->link_assumed ? "assumed; --latency and --bandwidth give others"
                                         : "measured");
    if (ranks_each)
        printf("  a node: %d rank%s × %d thread%s\n", ranks_each, ranks_each > 1 ? "s" : "", study->threads,
               study->threads > 1 ? "s" : "");
    printf("  nodes are alike, and theirs is the network; data, validation and checkpoints cost nothing\n");
}

const char wt_scaling_heading[] = "scaling,ranks,nodes,windows,microbatches,step_seconds,step_median_seconds,"
                                  "speedup,efficiency,exposed_share,"
                                  "model_step_seconds,model_speedup,model_efficiency,model_exposed_share\n";

static void print_csv_value(FILE *file, double value) {
    fputc(',', file);
    if (isfinite(value)) fprintf(file, "%.9g", value);
}

static void print_csv_figures(FILE *file, const wt_scaling_figures *figures) {
    print_csv_value(file, figures->speedup);
    print_csv_value(file, figures->efficiency);
    print_csv_value(file, figures->exposed);
}

void wt_scaling_csv(FILE *file, const wt_scaling_table *table, bool measured) {
    for (int i = 0; i < table->count; i++) {
        const wt_scaling_case *at = &table->cases[i];
        const wt_scaling_figures none = {NAN, NAN, NAN, NAN}, model = wt_scaling_predicted(table, at);
        const wt_scaling_figures own = measured ? wt_scaling_measured(table, at) : none;
        fprintf(file, "%s,%d,%d,%d,%d", wt_scaling_names[at->kind], at->ranks, at->nodes, at->windows,
                at->microbatches);
        print_csv_value(file, own.step);
        print_csv_value(file, measured ? at->step.median : NAN);
        print_csv_figures(file, &own);
        print_csv_value(file, model.step);
        print_csv_figures(file, &model);
        fputc('\n', file);
    }
}

/* --- the picture --- */

enum { WT_PANELS = 3 };

/* Columns of points, by panel; x is ranks where they were measured, else nodes. */
typedef struct {
    double x[WT_BENCH_LIST], y[WT_PANELS][WT_BENCH_LIST];
    int count;
} wt_scaling_points;

static void add_point(wt_scaling_points *points, double x, wt_scaling_figures figures) {
    const double values[WT_PANELS] = {figures.speedup, figures.efficiency, figures.exposed};
    for (int panel = 0; panel < WT_PANELS; panel++) points->y[panel][points->count] = values[panel];
    points->x[points->count++] = x;
}

static void add_chart_line(wt_chart *chart, const char *name, int colour, bool dashed,
                           const wt_scaling_points *points) {
    for (int i = 0; i < WT_PANELS; i++) {
        wt_chart_panel *panel = &chart->panels[i];
        panel->lines[panel->count++] = (wt_chart_line){name,          colour,    dashed,
                                                       points->count, points->x, points->y[i]};
    }
}

wt_status wt_scaling_plot(const wt_scaling_study *study, const wt_scaling_table *table, bool measured,
                          const char *png) {
    static const char *const names[WT_SCALINGS][2] = {{"strong scaling", "strong, model"},
                                                      {"weak scaling", "weak, model"}};
    wt_scaling_points ideal = {.count = 0}, own[WT_SCALINGS] = {{.count = 0}},
                      model[WT_SCALINGS] = {{.count = 0}};
    char note[256];
    snprintf(note, sizeof note, "%s, windows of %d targets, %d thread%s per rank", study->name,
             study->config.data.window, study->threads, study->threads == 1 ? "" : "s");
    wt_chart chart = {.title = measured ? "Scaling over ranks" : "Scaling over nodes, as the model has it",
                      .note = note,
                      .x_title = measured ? "ranks" : "nodes",
                      .count = WT_PANELS,
                      .panels = {{.title = "Speed-up", .doubling = true},
                                 {.title = "Efficiency", .shares = true},
                                 {.title = "Exposed exchange, share of a step", .shares = true}}};
    const double unit = measured || !table->count ? 1 : table->cases[0].ranks; /* of a node */
    for (int i = 0; i < table->count; i++) {
        const wt_scaling_case *at = &table->cases[i];
        const double x = measured ? at->ranks : at->nodes;
        wt_scaling_figures figures = wt_scaling_predicted(table, at);
        figures.speedup /= unit;
        add_point(&model[at->kind], x, figures);
        if (measured) add_point(&own[at->kind], x, wt_scaling_measured(table, at));
        if (at->kind == WT_STRONG) add_point(&ideal, x, (wt_scaling_figures){NAN, x, 1, NAN});
    }
    add_chart_line(&chart, "ideal", 0, true, &ideal);
    for (int kind = 0; kind < WT_SCALINGS; kind++) {
        if (measured) add_chart_line(&chart, names[kind][0], kind + 1, false, &own[kind]);
        add_chart_line(&chart, names[kind][1], kind + 1, true, &model[kind]);
    }
    return wt_plot_chart(&chart, png);
}
