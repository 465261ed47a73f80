/* The list of operators: adding to it, checking it, and what follows from it alone. */
#include "network/graph.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

void wt_graph_init(wt_graph *graph) {
    *graph = (wt_graph){.signal = -1, .condition = -1, .outputs = -1};
}

void wt_graph_dispose(wt_graph *graph) {
    wt_free(graph->values);
    wt_free(graph->ops);
    wt_free(graph->terms);
    wt_free(graph->biases);
    wt_free(graph->tensors);
    *graph = (wt_graph){0};
}

/* Returns the appended item's number; after a failure 0, so that builders go on safely. */
static int append(wt_graph *graph, void *items, int *count, const void *item, size_t bytes) {
    if (graph->status == WT_OK)
        graph->status = wt_memory_append(items, count, item, bytes, "a network's operators");
    return graph->status == WT_OK ? *count - 1 : 0;
}

#define APPEND(graph, items, count, item) \
    append(graph, &(graph)->items, &(graph)->count, item, sizeof *(item))

/* --- tensors --- */

int wt_graph_tensor(wt_graph *graph, const wt_parameter *like, const char *prefix, const char *suffix) {
    wt_parameter tensor = *like;
    snprintf(tensor.name, sizeof tensor.name, "%s.%s", prefix, suffix);
    tensor.count = 1;
    for (int i = 0; i < tensor.rank; i++) tensor.count *= (size_t)tensor.shape[i];
    tensor.offset = graph->total;
    tensor.trained = like->role != WT_ROLE_RUNNING_MEAN && like->role != WT_ROLE_RUNNING_VARIANCE;
    graph->total += tensor.count;
    if (tensor.trained) graph->trained = graph->total;
    return APPEND(graph, tensors, tensor_count, &tensor);
}

int wt_graph_weight(wt_graph *graph, const char *prefix, int out, int in, int taps) {
    const int fan_in = taps ? in * taps : in;
    const wt_parameter like = {
        .rank = taps ? 3 : 2, .shape = {out, in, taps}, .fan_in = fan_in, .role = WT_ROLE_WEIGHT};
    return wt_graph_tensor(graph, &like, prefix, "weight");
}

int wt_graph_vector(wt_graph *graph, const char *prefix, const char *suffix, wt_parameter_role role,
                    int count, int fan_in) {
    const wt_parameter like = {.rank = 1, .shape = {count}, .fan_in = fan_in, .role = role};
    return wt_graph_tensor(graph, &like, prefix, suffix);
}

/* --- operators --- */

int wt_graph_signal(wt_graph *graph, int channels) {
    const wt_value value = {.channels = channels, .extent = WT_EXTENT_TIME, .rows = 1, .producer = -1};
    if (graph->signal < 0) graph->signal = APPEND(graph, values, value_count, &value);
    return graph->signal;
}

int wt_graph_condition(wt_graph *graph, int channels, const wt_framing *framing, int taps) {
    const wt_value value = {.channels = channels, .extent = WT_EXTENT_FRAMES, .rows = 1, .producer = -1};
    graph->framing = *framing;
    graph->frame_taps = taps;
    return graph->condition = APPEND(graph, values, value_count, &value);
}

/* Operators without an input that is one value's rows. */
static bool has_input(wt_operator kind) {
    return kind != WT_OP_SUM && kind != WT_OP_LOOKUP && kind != WT_OP_UNFOLD && kind != WT_OP_STRETCH;
}

int wt_graph_op(wt_graph *graph, const wt_op *like, const wt_value *output) {
    wt_op op = *like;
    wt_value value = *output;
    value.producer = graph->op_count;
    if (op.kind != WT_OP_PRODUCT && op.kind != WT_OP_UPSAMPLE) op.add = -1;
    if (!has_input(op.kind)) op.input = -1;
    op.first_term = graph->term_count;
    op.first_bias = graph->bias_count;
    op.output = op.kind == WT_OP_LOSS ? -1 : APPEND(graph, values, value_count, &value);
    if (op.kind == WT_OP_LOOKUP)
        *(value.extent == WT_EXTENT_WINDOW ? &graph->speakers : &graph->classes) = true;
    APPEND(graph, ops, op_count, &op);
    return op.output;
}

int wt_graph_product(wt_graph *graph, int layer, const wt_value *output, double scale) {
    return wt_graph_op(
        graph, &(wt_op){.kind = WT_OP_PRODUCT, .layer = layer, .input = -1, .add = -1, .scale = scale},
        output);
}

void wt_graph_term(wt_graph *graph, const wt_term *term) {
    wt_term added = *term;
    added.op = graph->op_count - 1;
    APPEND(graph, terms, term_count, &added);
    if (graph->status == WT_OK) graph->ops[added.op].term_count++;
}

void wt_graph_bias(wt_graph *graph, int tensor, double scale) {
    const wt_bias bias = {graph->op_count - 1, tensor, scale};
    APPEND(graph, biases, bias_count, &bias);
    if (graph->status == WT_OK) graph->ops[bias.op].bias_count++;
}

void wt_graph_add(wt_graph *graph, int value, int delay) {
    if (graph->status != WT_OK) return;
    graph->ops[graph->op_count - 1].add = value;
    graph->ops[graph->op_count - 1].add_delay = delay;
}

int wt_graph_unary(wt_graph *graph, const wt_op *like, int channels) {
    if (graph->status != WT_OK) return 0;
    wt_value output = graph->values[like->input];
    output.channels = channels;
    return wt_graph_op(graph, like, &output);
}

/* --- checks --- */

static wt_status check_term(const wt_graph *graph, const wt_op *op, int value, int delay) {
    const wt_value *x = &graph->values[value], *y = &graph->values[op->output];
    WT_CHECK(value < op->output, WT_FAILED, "a network's operator reads a value that comes after it");
    WT_CHECK(x->extent == y->extent && x->rows == y->rows, WT_FAILED,
             "a network's operator adds rows of different extents");
    WT_CHECK(delay >= 0 && (delay == 0 || x->extent == WT_EXTENT_TIME || x->extent == WT_EXTENT_FRAMES),
             WT_FAILED,
             "a network's operator has a delay of %d (expected at least 0, and 0 for targets' rows)", delay);
    return WT_OK;
}

static wt_status check_product(const wt_graph *graph, const wt_op *op) {
    const int out = graph->values[op->output].channels;
    WT_CHECK(op->term_count > 0, WT_FAILED, "a network's operator has no terms");
    for (int n = op->first_term; n < op->first_term + op->term_count; n++) {
        const wt_term *term = &graph->terms[n];
        const int in = graph->values[term->value].channels;
        WT_TRY(check_term(graph, op, term->value, term->delay));
        if (op->kind == WT_OP_SUM) {
            WT_CHECK(in == out, WT_FAILED, "a network's sum has %d and %d channels", in, out);
            continue;
        }
        WT_CHECK(term->tensor >= 0, WT_FAILED, "a network's product has a term without a tensor");
        const wt_parameter *w = &graph->tensors[term->tensor];
        WT_CHECK(w->shape[0] == out && w->shape[1] == in && term->tap < (w->rank == 3 ? w->shape[2] : 1),
                 WT_FAILED, "%s has shape [%lld, %lld] (expected [%d, %d])", w->name, (long long)w->shape[0],
                 (long long)w->shape[1], out, in);
        for (int other = 0; other < n; other++) {
            const wt_term *before = &graph->terms[other];
            WT_CHECK(before->tensor != term->tensor ||
                         (before->op == term->op && before->value == term->value && before->tap != term->tap),
                     WT_FAILED, "%s stands in two places", w->name);
        }
    }
    if (op->add < 0) return WT_OK;
    WT_CHECK(graph->values[op->add].channels == out, WT_FAILED,
             "a network's residual has %d channels (expected %d)", graph->values[op->add].channels, out);
    return check_term(graph, op, op->add, op->add_delay);
}

/* What a fuse, a readout or the loss reads, nothing else may read. */
static wt_status check_sole_reader(const wt_graph *graph, const wt_op *op) {
    int readers = 0;
    for (int o = 0; o < graph->op_count; o++) {
        const wt_op *other = &graph->ops[o];
        readers += other->input == op->input;
        readers += other->add == op->input;
    }
    for (int n = 0; n < graph->term_count; n++) readers += graph->terms[n].value == op->input;
    WT_CHECK(readers == 1, WT_FAILED, "a network's value has %d readers (expected 1)", readers);
    return WT_OK;
}

/* What it reads at frames' rate has no other reader: its gradient is made from this one's alone. */
static wt_status check_upsample(const wt_graph *graph, const wt_op *op) {
    const wt_value *x = &graph->values[op->input], *y = &graph->values[op->output];
    const bool stretched = op->term_count > 0;
    WT_CHECK(y->extent == WT_EXTENT_TIME && op->add >= 0 && x->producer >= 0 && x->channels == y->channels &&
                 (x->extent == WT_EXTENT_FRAMES || (x->extent == WT_EXTENT_WINDOW && !stretched)),
             WT_FAILED, "a network's upsampling does not add frames or windows to rows of time");
    WT_CHECK(x->extent == WT_EXTENT_WINDOW || op->taps == graph->frame_taps, WT_FAILED,
             "a network's upsampling reads %d frames (expected %d)", op->taps, graph->frame_taps);
    for (int n = op->first_term; n < op->first_term + op->term_count; n++) {
        const wt_value *k = &graph->values[graph->terms[n].value];
        WT_CHECK(k->extent == WT_EXTENT_WINDOW && k->channels == 2 * op->taps * graph->framing.hop, WT_FAILED,
                 "a network's upsampling has %d weights (expected %d)", k->channels,
                 2 * op->taps * graph->framing.hop);
    }
    WT_TRY(check_term(graph, op, op->add, op->add_delay));
    return check_sole_reader(graph, op);
}

static wt_status check_op(const wt_graph *graph, const wt_op *op) {
    switch (op->kind) {
    case WT_OP_UPSAMPLE: return check_upsample(graph, op);
    case WT_OP_PRODUCT:
    case WT_OP_SUM: return check_product(graph, op);
    case WT_OP_LOSS: { /* its gradient takes the rows' place */
        const wt_value *outputs = &graph->values[op->input];
        WT_CHECK(outputs->producer >= 0 && outputs->rows == 1, WT_FAILED,
                 "a network's loss reads no outputs");
        const wt_op *before = &graph->ops[outputs->producer];
        WT_CHECK(before->kind == WT_OP_PRODUCT || before->kind == WT_OP_READOUT, WT_FAILED,
                 "a network's loss reads what is neither a product nor a readout");
        return check_sole_reader(graph, op);
    }
    case WT_OP_FUSE:
    case WT_OP_READOUT: return check_sole_reader(graph, op);
    case WT_OP_LAYER_NORM:
    case WT_OP_BATCH_NORM:
        WT_CHECK(op->input != graph->signal, WT_FAILED, "a network's norm reads the signal itself");
        WT_CHECK(op->kind != WT_OP_BATCH_NORM || op->layer != graph->ops[graph->op_count - 1].layer,
                 WT_FAILED, "a network's batch norm is in the layer of its loss");
        return WT_OK;
    default: return WT_OK;
    }
}

/* --- left contexts --- */

static int larger(int a, int b) {
    return a > b ? a : b;
}

static void reach_value(wt_graph *graph, const wt_op *op, int value, int delay) {
    wt_value *x = &graph->values[value];
    const wt_value *y = op->output < 0 ? NULL : &graph->values[op->output];
    x->left = larger(x->left, y && y->extent == x->extent ? y->left + delay : 0);
}

/* What an operator reads must begin so many rows before the first target. */
static void reach_back(wt_graph *graph, const wt_op *op) {
    const int left = op->output < 0 ? 0 : graph->values[op->output].left;
    for (int n = op->first_term; n < op->first_term + op->term_count; n++)
        reach_value(graph, op, graph->terms[n].value, graph->terms[n].delay);
    if (op->add >= 0) reach_value(graph, op, op->add, op->add_delay);
    if (op->input >= 0) reach_value(graph, op, op->input, 0);
    if (op->output >= 0 && graph->values[op->output].extent == WT_EXTENT_WINDOW) return;
    if (op->kind == WT_OP_LOOKUP) graph->receptive_field = larger(graph->receptive_field, left + op->taps);
    if (op->kind == WT_OP_LOOKUP || op->kind == WT_OP_UNFOLD)
        graph->receptive_field = larger(graph->receptive_field, graph->values[op->output].rows);
}

/* Batch norm's running statistics, behind all that is trained; named like its weight. */
static void add_statistics(wt_graph *graph) {
    for (int op = 0; op < graph->op_count && graph->status == WT_OK; op++) {
        wt_op *o = &graph->ops[op];
        if (o->kind != WT_OP_BATCH_NORM || o->tensors[2] >= 0) continue;
        const int channels = graph->values[o->output].channels;
        char prefix[sizeof graph->tensors->name];
        strcpy(prefix, graph->tensors[o->tensors[0]].name);
        *strrchr(prefix, '.') = '\0';
        o->tensors[2] = wt_graph_vector(graph, prefix, "running_mean", WT_ROLE_RUNNING_MEAN, channels,
                                        channels);
        o->tensors[3] = wt_graph_vector(graph, prefix, "running_var", WT_ROLE_RUNNING_VARIANCE, channels,
                                        channels);
    }
}

wt_status wt_graph_finish(wt_graph *graph) {
    add_statistics(graph);
    WT_TRY(graph->status);
    WT_CHECK(graph->op_count > 0 && graph->ops[graph->op_count - 1].kind == WT_OP_LOSS, WT_FAILED,
             "a network's last operator is not its loss");
    graph->outputs = graph->ops[graph->op_count - 1].input;
    for (int o = 0; o < graph->op_count; o++) WT_TRY(check_op(graph, &graph->ops[o]));
    for (int o = graph->op_count - 1; o >= 0; o--) reach_back(graph, &graph->ops[o]);
    if (graph->signal < 0) return WT_OK;
    wt_value *signal = &graph->values[graph->signal];
    graph->receptive_field = larger(graph->receptive_field, signal->left + 1);
    signal->left = graph->receptive_field - 1; /* a batch's window holds all of the context */
    return WT_OK;
}

/* --- counts --- */

double wt_graph_rows(const wt_graph *graph, int value, int targets) {
    const wt_value *v = &graph->values[value];
    if (v->extent == WT_EXTENT_WINDOW) return 1;
    if (v->extent == WT_EXTENT_FRAMES) return (double)wt_graph_frames(graph, targets) + v->left;
    return v->extent == WT_EXTENT_TIME ? (double)targets + v->left : (double)targets * v->rows;
}

int wt_graph_frames(const wt_graph *graph, int targets) {
    if (graph->condition < 0) return 0;
    /* the first row may be a frame's last */
    return (int)(((int64_t)targets + graph->receptive_field - 2 + graph->framing.hop - 1) /
                 graph->framing.hop) +
           graph->frame_taps;
}

double wt_graph_term_operations(const wt_graph *graph, const wt_term *term, int targets) {
    const int y = graph->ops[term->op].output;
    return term->tensor < 0 ? 0
                            : 2.0 * wt_graph_rows(graph, y, targets) * graph->values[term->value].channels *
                                  graph->values[y].channels / targets;
}

double wt_graph_operations(const wt_graph *graph, int targets) {
    double sum = 0;
    for (int n = 0; n < graph->term_count; n++)
        sum += wt_graph_term_operations(graph, &graph->terms[n], targets);
    return sum;
}
