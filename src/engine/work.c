/* Estimates of what a network takes, from its operators alone. */
#include <math.h>
#include <string.h>

#include "operators.h"

int wt_engine_microbatch_sums(const wt_graph *graph) {
    int widest = 0;
    for (int op = 0; op < graph->op_count; op++) {
        const int width = graph->ops[op].output < 0 ? 0 : graph->values[graph->ops[op].output].channels;
        if (wt_engine_op_class(graph, op)->gather[WT_FORWARD] && width > widest) widest = width;
    }
    return widest ? 2 * widest + 1 : 0;
}

int wt_engine_microbatch_sum_count(const wt_graph *graph) {
    int count = 0;
    for (int op = 0; op < graph->op_count; op++)
        count += wt_engine_op_class(graph, op)->gather[WT_FORWARD] ? WT_PHASES : 0;
    return count;
}

bool wt_engine_is_serial(const wt_graph *graph, bool backward, int window_targets, double targets) {
    return (backward ? 3 : 1) * targets * wt_graph_operations(graph, window_targets) <= WT_SERIAL_OPERATIONS;
}

/* Whether a term's operator is in the loss's stage. */
static bool is_turned(const wt_graph *graph, const wt_term *term) {
    const wt_op *loss = &graph->ops[graph->op_count - 1], *o = &graph->ops[term->op];
    const wt_extent extent = graph->values[graph->outputs].extent;
    return o->layer == loss->layer && extent != WT_EXTENT_TARGETS &&
           graph->values[o->output].extent == extent;
}

double wt_engine_turned_operations(const wt_graph *graph, int targets) {
    double sum = 0;
    for (int n = 0; n < graph->term_count; n++) {
        const wt_term *term = &graph->terms[n];
        if (term->tensor >= 0 && is_turned(graph, term))
            sum += wt_graph_term_operations(graph, term, targets);
    }
    return sum;
}

void wt_engine_tensor_shares(double *shares, const wt_graph *graph, int targets) {
    double all = 0;
    memset(shares, 0, (size_t)graph->tensor_count * sizeof *shares);
    for (int n = 0; n < graph->term_count; n++) {
        const wt_term *term = &graph->terms[n];
        if (term->tensor < 0 || is_turned(graph, term)) continue;
        const double operations = wt_graph_term_operations(graph, term, targets);
        shares[term->tensor] += operations;
        all += operations;
    }
    for (int i = 0; i < graph->tensor_count; i++) shares[i] = all > 0 ? shares[i] / all : 0;
}

double wt_engine_partial_gradients(const wt_graph *graph, int targets, double microbatches, double windows) {
    const bool panels = graph->values[graph->outputs].extent ==
                        WT_EXTENT_TARGETS; /* written once per microbatch */
    return panels ? microbatches : windows * wt_tasks_count(targets, WT_SEGMENT);
}

void wt_engine_count_work(double work[WT_WORK_KINDS], const wt_graph *graph, double windows, int targets) {
    for (int op = 0; op < graph->op_count; op++) {
        const wt_op *o = &graph->ops[op];
        const wt_op_class *class = wt_engine_op_class(graph, op);
        const int value = o->output >= 0 ? o->output : o->input;
        const bool list = graph->values[value].extent == WT_EXTENT_TARGETS;
        const int elements = class->elements * (o->taps ? o->taps : 1) + (o->add >= 0);
        const double rows = wt_graph_rows(graph, value, targets);
        work[list ? WT_WORK_LEVEL_ELEMENT : WT_WORK_ELEMENT] += windows * rows *
                                                                graph->values[value].channels * elements;
        if (class->work) class->work(work, graph, o, windows * rows);
        if (op > 0 && o[-1].layer == o->layer) continue;
        work[list ? WT_WORK_LEVEL : WT_WORK_UNIT] += list ? 1 + ceil(windows * targets / WT_TARGETS_TILE)
                                                          : windows * ceil(rows / WT_TILE);
    }
}

int wt_engine_tile_rows(void) {
    return WT_TILE;
}

int wt_engine_panel(void) {
    return WT_PANEL;
}
