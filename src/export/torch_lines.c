/*
 * The lines of forward, one per operator, in the order of the graph.
 *
 * Rows are the dimension before the last, channels the last one, so that a 1×1 product is a linear layer and
 * all else but convolutions is as in the graph. A convolution leaves out the rows that lack context, and a
 * sum takes the rows that both have, the newest.
 *
 * A sum that grows over layers (the skips of groups of blocks, the z of an array) gets its terms as they are
 * made, not at its operator: then all layers have the same lines. That changes the order of additions alone.
 *
 * Names of variables follow from how long values are read, so that they repeat from layer to layer.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "torch_internal.h"

enum { EXPRESSION = WT_TORCH_LINE / 2, NAME = 8 };

typedef struct {
    const wt_graph *graph;
    wt_torch_lines *lines;
    char (*names)[NAME]; /* [values]; "": not made as yet */
    int *last;           /* [values] the operator that reads it last */
    int *readers;        /* [values] */
    int *sum;            /* [operators] the sum that it is a part of, −1: none */
    int *final;          /* [sums] the sum's last operator */
    int op;              /* that is being printed */
    wt_status status;
} walk;

/* --- texts --- */

static void call(walk *w, wt_torch_function function) {
    w->lines->called[function] = true;
}

static void append_line(walk *w, int layer, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void append_line(walk *w, int layer, const char *format, ...) {
    wt_torch_line line = {.layer = layer};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line.text, sizeof line.text, format, arguments);
    va_end(arguments);
    if (w->status == WT_OK)
        w->status = wt_memory_append(&w->lines->lines, &w->lines->count, &line, sizeof line,
                                     "lines of a torch module");
}

static const char *variable_of(const walk *w, int value) {
    return value == w->graph->signal ? "x" : value == w->graph->condition ? "frames" : w->names[value];
}

static void print_scaled(char text[EXPRESSION], double scale) {
    const size_t used = strlen(text);
    if (scale != 1) snprintf(text + used, EXPRESSION - used, " * %.9g", scale);
}

/* Puts `more` to the sum of rows in `text`. */
static void print_added(walk *w, char text[EXPRESSION], const char *more) {
    char before[EXPRESSION];
    if (!*text) {
        snprintf(text, EXPRESSION, "%s", more);
        return;
    }
    memcpy(before, text, EXPRESSION);
    call(w, WT_TORCH_ADD);
    if (snprintf(text, EXPRESSION, "add(%s, %s)", before, more) >= EXPRESSION)
        w->status = wt_error(WT_USAGE, "an operator with too many terms for a torch module");
}

/* --- products --- */

/* A part, without its scale. */
static void print_part(walk *w, char text[EXPRESSION], const wt_term_part *p) {
    const wt_graph *graph = w->graph;
    const wt_term *first = &graph->terms[p->first];
    char prefix[WT_PARAMETER_NAME], x[2 * NAME + 16];
    if (w->status == WT_OK && !p->whole)
        w->status = wt_error(WT_USAGE, "%s: a torch module has no line for its taps",
                             graph->tensors[first->tensor].name);
    if (w->status != WT_OK) return;
    const int late = first[p->count - 1].delay;
    snprintf(x, sizeof x, "%s", variable_of(w, first->value));
    if (late) snprintf(x, sizeof x, "%s[:, :-%d]", variable_of(w, first->value), late);
    if (first->tensor < 0) {
        snprintf(text, EXPRESSION, "%s", x);
        return;
    }
    wt_term_print_prefix(prefix, graph, first->tensor);
    if (p->count == 1) {
        snprintf(text, EXPRESSION, "self.linear(%s, \"%s\")", x, prefix);
        call(w, WT_TORCH_LINEAR);
        return;
    }
    snprintf(text, EXPRESSION, "self.conv(%s, \"%s\", dilation=%d)", x, prefix, p->dilation);
    call(w, WT_TORCH_CONV);
}

/* The page adds a bias where its weight is: they must have one scale, and the bias must be one of `op`'s, or
 * of the sum that `op` is a part of. */
static wt_status check_bias(const walk *w, int op, const wt_term *term) {
    const wt_graph *graph = w->graph;
    char prefix[WT_PARAMETER_NAME], other[WT_PARAMETER_NAME];
    wt_term_print_prefix(prefix, graph, term->tensor);
    for (int b = 0; b < graph->bias_count; b++) {
        const wt_bias *bias = &graph->biases[b];
        wt_term_print_prefix(other, graph, bias->tensor);
        if (strcmp(prefix, other) != 0) continue;
        const bool same = bias->op == op || (w->sum[op] >= 0 && w->sum[bias->op] == w->sum[op]);
        WT_CHECK(same && bias->scale == term->scale, WT_USAGE,
                 "%s: a torch module has no line for such a bias", graph->tensors[bias->tensor].name);
        return WT_OK;
    }
    return WT_OK;
}

static void print_terms(walk *w, char text[EXPRESSION], const wt_op *op) {
    char more[EXPRESSION];
    *text = '\0';
    for (int n = op->first_term; n < op->first_term + op->term_count;) {
        const wt_term_part p = wt_term_find_part(w->graph, n, op->first_term + op->term_count);
        const wt_term *term = &w->graph->terms[p.first];
        if (w->status == WT_OK && term->tensor >= 0) w->status = check_bias(w, term->op, term);
        print_part(w, more, &p);
        if (w->status != WT_OK) return;
        print_scaled(more, term->scale);
        print_added(w, text, more);
        n += p.count;
    }
    if (op->add >= 0) {
        snprintf(more, sizeof more, "%s", variable_of(w, op->add));
        if (op->add_delay) snprintf(more, sizeof more, "%s[:, :-%d]", variable_of(w, op->add), op->add_delay);
        print_added(w, text, more);
    }
    print_scaled(text, op->scale);
}

/* --- the other operators --- */

static void print_lookup(walk *w, char text[EXPRESSION], const wt_op *op) {
    const wt_graph *graph = w->graph;
    const wt_value *output = &graph->values[op->output];
    char prefix[WT_PARAMETER_NAME];
    wt_term_print_prefix(prefix, graph, op->tensors[0]);
    if (output->extent == WT_EXTENT_WINDOW) {
        snprintf(text, EXPRESSION, "F.embedding(speaker, self.tensor(\"%s.weight\"))", prefix);
    } else if (output->extent == WT_EXTENT_TARGETS) {
        snprintf(text, EXPRESSION, "F.embedding(x.unfold(1, %d, 1), self.tensor(\"%s.weight\"))",
                 output->rows, prefix);
    } else {
        snprintf(text, EXPRESSION, "self.%s(F.one_hot(x, %lld).float(), \"%s\")",
                 op->taps > 1 ? "conv" : "linear", (long long)graph->tensors[op->tensors[0]].shape[1],
                 prefix);
        call(w, op->taps > 1 ? WT_TORCH_CONV : WT_TORCH_LINEAR);
    }
}

static void print_unfold(walk *w, char text[EXPRESSION], const wt_op *op) {
    snprintf(text, EXPRESSION, "x.unfold(1, %d, 1).transpose(2, 3)", w->graph->values[op->output].rows);
}

static void print_tanh_or_relu(walk *w, char text[EXPRESSION], const wt_op *op) {
    snprintf(text, EXPRESSION, "torch.%s(%s)", op->activation == WT_ACTIVATION_RELU ? "relu" : "tanh",
             variable_of(w, op->input));
}

static void print_gate(walk *w, char text[EXPRESSION], const wt_op *op) {
    snprintf(text, EXPRESSION, "gate(%s)", variable_of(w, op->input));
    call(w, WT_TORCH_GATE);
}

static void print_leaky_relu(walk *w, char text[EXPRESSION], const wt_op *op) {
    snprintf(text, EXPRESSION, "F.leaky_relu(%s, %.9g)", variable_of(w, op->input), op->scale);
}

#define POINTWISE(name, function)                                               \
    static void name(walk *w, char text[EXPRESSION], const wt_op *op) {         \
        snprintf(text, EXPRESSION, function "(%s)", variable_of(w, op->input)); \
    }
POINTWISE(print_hardtanh, "F.hardtanh")
POINTWISE(print_sigmoid, "torch.sigmoid")
POINTWISE(print_silu, "F.silu")
POINTWISE(print_hardswish, "F.hardswish")
POINTWISE(print_softsign, "F.softsign")

static void print_layer_norm(walk *w, char text[EXPRESSION], const wt_op *op) {
    char prefix[WT_PARAMETER_NAME];
    const char *x = variable_of(w, op->input);
    wt_term_print_prefix(prefix, w->graph, op->tensors[0]);
    snprintf(text, EXPRESSION,
             "F.layer_norm(%s, %s.shape[-1:], self.tensor(\"%s.weight\"), self.tensor(\"%s.bias\"))", x, x,
             prefix, prefix);
}

static void print_batch_norm(walk *w, char text[EXPRESSION], const wt_op *op) {
    char prefix[WT_PARAMETER_NAME];
    wt_term_print_prefix(prefix, w->graph, op->tensors[0]);
    snprintf(text, EXPRESSION, "self.batch_norm(%s, \"%s\")", variable_of(w, op->input), prefix);
    call(w, WT_TORCH_BATCH_NORM);
}

static void print_dropout(walk *w, char text[EXPRESSION], const wt_op *op) {
    snprintf(text, EXPRESSION, "F.dropout(%s, %.9g, self.training)", variable_of(w, op->input), op->share);
}

static void print_fuse(walk *w, char text[EXPRESSION], const wt_op *op) {
    const wt_value *output = &w->graph->values[op->output];
    snprintf(text, EXPRESSION, "%s.flatten(2).unflatten(2, (%d, %d))", variable_of(w, op->input),
             output->rows, output->channels);
}

static void print_stretch(walk *w, char text[EXPRESSION], const wt_op *op) {
    int used = snprintf(text, EXPRESSION, "self.stretch(%d", op->taps);
    char prefix[WT_PARAMETER_NAME];
    for (int k = 0; k < 4 && op->tensors[k] >= 0; k++) {
        wt_term_print_prefix(prefix, w->graph, op->tensors[k]);
        used += snprintf(text + used, EXPRESSION - (size_t)used, ", \"%s\"", prefix);
    }
    snprintf(text + used, EXPRESSION - (size_t)used, ")");
    call(w, WT_TORCH_STRETCH);
}

static void print_upsample(walk *w, char text[EXPRESSION], const wt_op *op) {
    const wt_graph *graph = w->graph;
    const char *x = variable_of(w, op->input), *a = variable_of(w, op->add);
    char weights[64];
    if (graph->values[op->input].extent == WT_EXTENT_WINDOW) {
        snprintf(text, EXPRESSION, "%s + %s[:, None]", a, x);
        return;
    }
    snprintf(weights, sizeof weights, "torch.ones(%d, 1, device=x.device)", graph->framing.hop);
    if (op->taps > 1) snprintf(weights, sizeof weights, "slopes(%d, x.device)", graph->framing.hop);
    if (op->term_count)
        snprintf(weights, sizeof weights, "%s", variable_of(w, graph->terms[op->first_term].value));
    else if (op->taps > 1)
        call(w, WT_TORCH_SLOPES);
    snprintf(text, EXPRESSION, "add(%s, upsample(%s, %s, place))", a, x, weights);
    call(w, WT_TORCH_ADD);
    call(w, WT_TORCH_UPSAMPLE);
}

static void print_readout(walk *w, char text[EXPRESSION], const wt_op *op) {
    const char *x = variable_of(w, op->input);
    if (op->tensors[0] < 0) {
        snprintf(text, EXPRESSION, "%s.flatten(2).mean(1)", x);
        return;
    }
    snprintf(text, EXPRESSION, "self.pool(%s.flatten(2), \"readout\")", x);
    call(w, WT_TORCH_READOUT);
}

/* What the page has for each operator. The loss is not in it. */
static void (*const printers[WT_OPERATORS])(walk *w, char text[EXPRESSION], const wt_op *op) = {
    [WT_OP_LOOKUP] = print_lookup,
    [WT_OP_UNFOLD] = print_unfold,
    [WT_OP_PRODUCT] = print_terms,
    [WT_OP_ACTIVATION] = print_tanh_or_relu,
    [WT_OP_GATE] = print_gate,
    [WT_OP_LEAKY_RELU] = print_leaky_relu,
    [WT_OP_HARDTANH] = print_hardtanh,
    [WT_OP_SIGMOID] = print_sigmoid,
    [WT_OP_SILU] = print_silu,
    [WT_OP_HARDSWISH] = print_hardswish,
    [WT_OP_SOFTSIGN] = print_softsign,
    [WT_OP_LAYER_NORM] = print_layer_norm,
    [WT_OP_BATCH_NORM] = print_batch_norm,
    [WT_OP_DROPOUT] = print_dropout,
    [WT_OP_FUSE] = print_fuse,
    [WT_OP_SUM] = print_terms,
    [WT_OP_STRETCH] = print_stretch,
    [WT_OP_UPSAMPLE] = print_upsample,
    [WT_OP_READOUT] = print_readout,
};

/* --- sums that grow over layers --- */

void wt_torch_name_sum(char name[8], int number) {
    snprintf(name, 8, number ? "s%d" : "s", number % 100000 + 1);
}

static bool adds_rows(const wt_op *op) {
    return op->kind == WT_OP_PRODUCT || op->kind == WT_OP_SUM;
}

/* The operator whose sum this one goes on with; −1: none. */
static int find_sum_before(const walk *w, int o) {
    const wt_op *op = &w->graph->ops[o];
    if (!adds_rows(op) || op->kind == WT_OP_SUM || op->add < 0 || op->add_delay) return -1;
    const int before = w->graph->values[op->add].producer;
    const bool alone = before >= 0 && adds_rows(&w->graph->ops[before]) && w->graph->ops[before].scale == 1 &&
                       w->readers[op->add] == 1;
    return alone ? before : -1;
}

/* Whether its terms are of values that several layers have made. */
static bool gathers_layers(const wt_graph *graph, const wt_op *op) {
    int layer = -1;
    for (int n = op->first_term; adds_rows(op) && n < op->first_term + op->term_count; n++) {
        const int producer = graph->values[graph->terms[n].value].producer;
        if (producer < 0) continue;
        if (layer >= 0 && graph->ops[producer].layer != layer) return true;
        layer = graph->ops[producer].layer;
    }
    return false;
}

static void find_sums(walk *w) {
    const wt_graph *graph = w->graph;
    for (int o = 0; o < graph->op_count; o++) {
        const wt_op *op = &graph->ops[o];
        w->sum[o] = op->kind == WT_OP_SUM || gathers_layers(graph, op) ? 0 : -1;
    }
    for (int o = 0; o < graph->op_count; o++) {
        const int before = find_sum_before(w, o);
        if (before >= 0) w->sum[o] = w->sum[before] = 0;
    }
    for (int o = 0; o < graph->op_count; o++) {
        if (w->sum[o] < 0) continue;
        const int before = find_sum_before(w, o);
        w->sum[o] = before >= 0 ? w->sum[before] : w->lines->sums++;
        w->final[w->sum[o]] = o;
    }
}

/* Whether a sum's term can be added as soon as its value is there. */
static bool is_early(const walk *w, const wt_term *term) {
    return w->sum[term->op] >= 0 && w->graph->values[term->value].producer >= 0;
}

/* --- how long values are read --- */

static void read_value(walk *w, int value, int op) {
    if (w->last[value] < op) w->last[value] = op;
}

static void find_last_readers(walk *w) {
    const wt_graph *graph = w->graph;
    for (int v = 0; v < graph->value_count; v++) w->last[v] = graph->values[v].producer;
    for (int o = 0; o < graph->op_count; o++) {
        const wt_op *op = &graph->ops[o];
        if (op->input >= 0) read_value(w, op->input, o);
        if (op->add >= 0) read_value(w, op->add, o);
    }
    for (int n = 0; n < graph->term_count; n++) {
        const wt_term *term = &graph->terms[n];
        read_value(w, term->value, is_early(w, term) ? graph->values[term->value].producer : term->op);
    }
}

static void count_readers(walk *w) {
    const wt_graph *graph = w->graph;
    for (int o = 0; o < graph->op_count; o++) {
        if (graph->ops[o].input >= 0) w->readers[graph->ops[o].input]++;
        if (graph->ops[o].add >= 0) w->readers[graph->ops[o].add]++;
    }
    for (int n = 0; n < graph->term_count; n++) w->readers[graph->terms[n].value]++;
}

/* --- names --- */

static bool is_taken(const walk *w, const char *name) {
    for (int v = 0; v < w->graph->value_count; v++) {
        if (strcmp(w->names[v], name) == 0 && w->last[v] > w->op) return true;
    }
    return false;
}

/* A value that this operator is the last to read; −1: none. That which is added comes first. */
static int find_read_last(const walk *w, const wt_op *op) {
    const wt_graph *graph = w->graph;
    if (op->add >= 0 && w->last[op->add] == w->op && *w->names[op->add]) return op->add;
    if (op->input >= 0 && w->last[op->input] == w->op && *w->names[op->input]) return op->input;
    for (int n = op->first_term; n < op->first_term + op->term_count; n++) {
        const int value = graph->terms[n].value;
        if (w->last[value] == w->op && *w->names[value]) return value;
    }
    return -1;
}

static void name_output(walk *w, const wt_op *op) {
    static const char *const fresh[] = {"h", "a", "b", "c", "d", "e", "g", "k", "m",
                                        "q", "r", "u", "v", "w", "y", "z", NULL};
    const int before = find_read_last(w, op);
    if (before >= 0) {
        memcpy(w->names[op->output], w->names[before], NAME);
        return;
    }
    for (int i = 0; fresh[i]; i++) {
        if (is_taken(w, fresh[i])) continue;
        snprintf(w->names[op->output], NAME, "%s", fresh[i]);
        return;
    }
    w->status = wt_error(WT_USAGE, "a network with too many values at once for a torch module");
}

/* --- the walk --- */

static void add_term_line(walk *w, const wt_term_part *p, int layer) {
    const wt_term *term = &w->graph->terms[p->first];
    char sum[NAME], more[EXPRESSION];
    wt_torch_name_sum(sum, w->sum[term->op]);
    if (w->status == WT_OK && term->tensor >= 0) w->status = check_bias(w, term->op, term);
    print_part(w, more, p);
    if (w->status != WT_OK) return;
    print_scaled(more, term->scale);
    append_line(w, layer, "%s = add(%s, %s)", sum, sum, more);
    call(w, WT_TORCH_ADD);
}

/* The terms of sums that read a value, behind its own line. */
static void add_early_terms(walk *w, const wt_op *maker) {
    const wt_graph *graph = w->graph;
    for (int n = 0; n < graph->term_count;) {
        const wt_op *op = &graph->ops[graph->terms[n].op];
        const wt_term_part p = wt_term_find_part(graph, n, op->first_term + op->term_count);
        if (graph->terms[n].value == maker->output && is_early(w, &graph->terms[n]))
            add_term_line(w, &p, maker->layer);
        n += p.count;
    }
}

/* An operator that is a part of a sum: what could not be added early. */
static void add_sum_lines(walk *w, const wt_op *op) {
    const wt_graph *graph = w->graph;
    char sum[NAME];
    wt_torch_name_sum(sum, w->sum[w->op]);
    for (int n = op->first_term; n < op->first_term + op->term_count;) {
        const wt_term_part p = wt_term_find_part(graph, n, op->first_term + op->term_count);
        if (!is_early(w, &graph->terms[n])) add_term_line(w, &p, op->layer);
        n += p.count;
    }
    if (op->add >= 0 && find_sum_before(w, w->op) < 0) {
        append_line(w, op->layer, "%s = add(%s, %s)", sum, sum, variable_of(w, op->add));
        call(w, WT_TORCH_ADD);
    }
    if (op->scale != 1) append_line(w, op->layer, "%s = %s * %.9g", sum, sum, op->scale);
    if (w->final[w->sum[w->op]] == w->op) memcpy(w->names[op->output], sum, NAME);
}

static void add_op_line(walk *w, const wt_op *op) {
    char text[EXPRESSION];
    if (!printers[op->kind]) {
        w->status = wt_error(WT_USAGE, "a torch module has no line for one of the network's operators");
        return;
    }
    printers[op->kind](w, text, op);
    name_output(w, op);
    if (w->status == WT_OK) append_line(w, op->layer, "%s = %s", w->names[op->output], text);
}

static void walk_graph(walk *w) {
    const wt_graph *graph = w->graph;
    count_readers(w);
    find_sums(w);
    find_last_readers(w);
    for (w->op = 0; w->op < graph->op_count - 1 && w->status == WT_OK; w->op++) {
        const wt_op *op = &graph->ops[w->op];
        if (w->sum[w->op] >= 0)
            add_sum_lines(w, op);
        else
            add_op_line(w, op);
        add_early_terms(w, op);
    }
    if (graph->condition >= 0) call(w, WT_TORCH_FOLLOW);
    memcpy(w->lines->result, w->names[graph->outputs], NAME);
}

wt_status wt_torch_lines_make(wt_torch_lines *lines, const wt_graph *graph) {
    const size_t values = (size_t)graph->value_count, ops = (size_t)graph->op_count;
    walk w = {.graph = graph, .lines = lines};
    wt_status status = WT_OK;
    memset(lines, 0, sizeof *lines);
    WT_GUARD(wt_alloc(&w.names, values, sizeof *w.names, "a torch module"));
    WT_GUARD(wt_alloc(&w.last, values, sizeof *w.last, "a torch module"));
    WT_GUARD(wt_alloc(&w.readers, values, sizeof *w.readers, "a torch module"));
    WT_GUARD(wt_alloc(&w.sum, ops, sizeof *w.sum, "a torch module"));
    WT_GUARD(wt_alloc(&w.final, ops, sizeof *w.final, "a torch module"));
    walk_graph(&w);
    status = w.status;
cleanup:
    wt_free(w.names);
    wt_free(w.last);
    wt_free(w.readers);
    wt_free(w.sum);
    wt_free(w.final);
    if (status != WT_OK) wt_torch_lines_dispose(lines);
    return status;
}

void wt_torch_lines_dispose(wt_torch_lines *lines) {
    wt_free(lines->lines);
    memset(lines, 0, sizeof *lines);
}
