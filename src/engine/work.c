/* Estimates of what a network takes, from its operators alone. */
#include <math.h>

#include "operators.h"

int wt_engine_microbatch_sums(const wt_graph *graph) {
    int widest = 0;
    for (int op = 0; op < graph->op_count; op++) {
        const int width = wt_class(graph, op)->gather[WT_FORWARD]
                              ? graph->values[graph->ops[op].output].channels
                              : 0;
        if (width > widest) widest = width;
    }
    return widest ? 2 * widest + 1 : 0;
}

int wt_engine_microbatch_sum_count(const wt_graph *graph) {
    int count = 0;
    for (int op = 0; op < graph->op_count; op++)
        count += wt_class(graph, op)->gather[WT_FORWARD] ? WT_PHASES : 0;
    return count;
}

bool wt_engine_is_serial(const wt_graph *graph, bool backward, int window_targets, double targets) {
    return (backward ? 3 : 1) * targets * wt_graph_operations(graph, window_targets, SIZE_MAX) <=
           WT_SERIAL_OPERATIONS;
}

/* Of the operators in the loss's stage, or of all others. */
static double operations(const wt_graph *graph, int targets, size_t before, bool turned) {
    const wt_op *loss = &graph->ops[graph->op_count - 1];
    const wt_extent extent = graph->values[graph->outputs].extent;
    double sum = 0;
    for (int n = 0; n < graph->term_count; n++) {
        const wt_term *term = &graph->terms[n];
        const wt_op *o = &graph->ops[term->op];
        const bool turns = o->layer == loss->layer && extent != WT_EXTENT_TARGETS &&
                           graph->values[o->output].extent == extent;
        if (term->tensor < 0 || graph->tensors[term->tensor].offset >= before || turns != turned) continue;
        sum += 2.0 * wt_graph_rows(graph, o->output, targets) * graph->values[term->value].channels *
               graph->values[o->output].channels;
    }
    return sum / targets;
}

double wt_engine_turned_operations(const wt_graph *graph, int targets) {
    return operations(graph, targets, SIZE_MAX, true);
}

double wt_engine_share_left(const wt_graph *graph, int targets, size_t offset) {
    const double all = operations(graph, targets, SIZE_MAX, false);
    return all > 0 ? operations(graph, targets, offset, false) / all : 0;
}

double wt_engine_partial_gradients(const wt_graph *graph, int targets, double microbatches, double windows) {
    const bool panels = graph->values[graph->outputs].extent ==
                        WT_EXTENT_TARGETS; /* written once per microbatch */
    return panels ? microbatches : windows * wt_units(targets, WT_SEGMENT);
}

void wt_engine_count_work(wt_engine_work *work, const wt_graph *graph, double windows, int targets) {
    for (int op = 0; op < graph->op_count; op++) {
        const wt_op *o = &graph->ops[op];
        const int value = o->output >= 0 ? o->output : o->input;
        const double rows = wt_graph_rows(graph, value, targets);
        if (wt_class(graph, op)->work) wt_class(graph, op)->work(work, graph, o, windows * rows);
        const bool begins = op == 0 || graph->ops[op - 1].layer != o->layer;
        if (begins && graph->values[value].extent == WT_EXTENT_TARGETS) {
            work->list_tiles += 1 + ceil(windows * targets / WT_TARGETS_TILE);
        } else if (begins) {
            work->tiles += windows * ceil(rows / WT_TILE);
        }
    }
}

int wt_engine_tile_rows(void) {
    return WT_TILE;
}

int wt_engine_panel(void) {
    return WT_PANEL;
}
