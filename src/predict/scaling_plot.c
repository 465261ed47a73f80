/* A scaling study as a picture. */
#include <math.h>

#include "predict/scaling.h"
#include "wavetrain/plot.h"

enum { PANELS = 3 };

/* Columns of points, by panel; x is ranks where they were measured, else nodes. */
typedef struct {
    double x[WT_SCALING_RANKS_MAX], y[PANELS][WT_SCALING_RANKS_MAX];
    int count;
} scaling_points;

static void add_point(scaling_points *points, double x, wt_scaling_figures figures) {
    const double values[PANELS] = {figures.speedup, figures.efficiency, figures.exposed};
    for (int panel = 0; panel < PANELS; panel++) points->y[panel][points->count] = values[panel];
    points->x[points->count++] = x;
}

static void add_chart_line(wt_chart *chart, const char *name, int colour, bool dashed,
                           const scaling_points *points) {
    for (int i = 0; i < PANELS; i++) {
        wt_chart_panel *panel = &chart->panels[i];
        panel->lines[panel->count++] = (wt_chart_line){name,          colour,    dashed,
                                                       points->count, points->x, points->y[i]};
    }
}

typedef struct {
    scaling_points ideal, own[WT_SCALINGS], model[WT_SCALINGS];
} scaling_curves;

static void collect_points(scaling_curves *curves, const wt_scaling_table *table, bool measured) {
    const double unit = measured || !table->count ? 1 : table->cases[0].ranks; /* of a node */
    for (int i = 0; i < table->count; i++) {
        const wt_scaling_case *at = &table->cases[i];
        const double x = measured ? at->ranks : at->nodes;
        wt_scaling_figures figures = wt_scaling_predicted(table, at);
        figures.speedup /= unit;
        add_point(&curves->model[at->kind], x, figures);
        if (measured) add_point(&curves->own[at->kind], x, wt_scaling_measured(table, at));
        if (at->kind == WT_STRONG) add_point(&curves->ideal, x, (wt_scaling_figures){NAN, x, 1, NAN});
    }
}

wt_status wt_scaling_plot(const wt_scaling_table *table, bool measured, const char *note, const char *png) {
    static const char *const names[WT_SCALINGS][2] = {{"strong scaling", "strong, model"},
                                                      {"weak scaling", "weak, model"}};
    scaling_curves curves = {.ideal = {.count = 0}};
    wt_chart chart = {.title = measured ? "Scaling over ranks" : "Scaling over nodes, as the model has it",
                      .note = note,
                      .x_title = measured ? "ranks" : "nodes",
                      .count = PANELS,
                      .panels = {{.title = "Speed-up", .doubling = true},
                                 {.title = "Efficiency", .shares = true},
                                 {.title = "Exposed exchange, share of a step", .shares = true}}};
    collect_points(&curves, table, measured);
    add_chart_line(&chart, "ideal", 0, true, &curves.ideal);
    for (int kind = 0; kind < WT_SCALINGS; kind++) {
        if (measured) add_chart_line(&chart, names[kind][0], kind + 1, false, &curves.own[kind]);
        add_chart_line(&chart, names[kind][1], kind + 1, true, &curves.model[kind]);
    }
    return wt_plot_chart(&chart, png);
}
