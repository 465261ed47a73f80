/*
 * A network's graph in ONNX: its inputs and what stands before them, a walk over its operators, its outputs.
 * A step is the same walk: each operator makes one row, in front of which the rows of the past come from
 * outside.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "onnx_internal.h"

enum { NAME = WT_PARAMETER_NAME + 16, OPSET = 17, IR_VERSION = 8, STATE_INPUT = -1 };

/* --- what a step reads of the past --- */

static void keep(wt_onnx_walk *w, int value, int rows) {
    if (value >= 0 && w->history[value] < rows) w->history[value] = rows;
}

/* Of classes it is `before`, of real inputs the signal's history. */
static int find_input_history(const wt_onnx_walk *w) {
    int rows = w->network->classes ? 0 : w->history[w->graph->signal];
    for (int o = 0; o < w->graph->op_count; o++) {
        const wt_op *op = &w->graph->ops[o];
        if (op->kind != WT_OP_LOOKUP && op->kind != WT_OP_UNFOLD) continue;
        const wt_value *y = &w->graph->values[op->output];
        const int reads = y->extent == WT_EXTENT_TARGETS ? y->rows
                          : y->extent == WT_EXTENT_TIME  ? op->taps
                                                         : 1;
        if (rows < reads - 1) rows = reads - 1;
    }
    return rows;
}

static void find_history(wt_onnx_walk *w) {
    const wt_graph *graph = w->graph;
    for (int n = 0; n < graph->term_count; n++) {
        if (graph->values[graph->terms[n].value].extent == WT_EXTENT_TIME)
            keep(w, graph->terms[n].value, graph->terms[n].delay);
    }
    for (int o = 0; o < graph->op_count; o++) {
        if (graph->ops[o].add >= 0 && graph->values[graph->ops[o].add].extent == WT_EXTENT_TIME)
            keep(w, graph->ops[o].add, graph->ops[o].add_delay);
    }
    if (graph->signal >= 0) keep(w, graph->signal, find_input_history(w));
}

/* Of a start, what states depend on; else all. The list is in the order of forward. */
static void find_wanted(wt_onnx_walk *w, bool *values) {
    const wt_graph *graph = w->graph;
    for (int v = 0; v < graph->value_count; v++) values[v] = w->history[v] > 0;
    for (int o = graph->op_count - 2; o >= 0; o--) {
        const wt_op *op = &graph->ops[o];
        w->wanted[o] = w->source->kind != WT_ONNX_START || values[op->output];
        if (!w->wanted[o]) continue;
        if (op->input >= 0) values[op->input] = true;
        if (op->add >= 0) values[op->add] = true;
        for (int n = op->first_term; n < op->first_term + op->term_count; n++)
            values[graph->terms[n].value] = true;
    }
}

/* The first product that reads a value's past; NULL: none. */
static const wt_term *first_reader(const wt_graph *graph, int value) {
    for (int n = 0; n < graph->term_count; n++) {
        const wt_term *term = &graph->terms[n];
        if (term->value == value && term->delay > 0 && term->tensor >= 0) return term;
    }
    return NULL;
}

/* A state is called by the first product that reads it, "blocks.0.conv"; where that reads several, by its
 * number. */
static void name_state(const wt_graph *graph, char name[NAME], int value) {
    char prefix[WT_PARAMETER_NAME];
    const wt_term *reader = first_reader(graph, value);
    snprintf(name, NAME, "rows.%d", value);
    if (value < 0 || value == graph->signal) snprintf(name, NAME, "x");
    if (value < 0 || value == graph->signal || !reader) return;
    for (int v = 0; v < value; v++) {
        const wt_term *other = first_reader(graph, v);
        if (other && other->tensor == reader->tensor) return;
    }
    wt_term_print_prefix(prefix, graph, reader->tensor);
    snprintf(name, NAME, "%s", prefix);
}

/* Puts what stands before `rows` in front of them (a step) and gives out their newest ones (a step, a
 * start). */
static const char *keep_state(wt_onnx_walk *w, int value, int history, const char *rows) {
    const bool classes = value == STATE_INPUT;
    const int axis = classes ? 1 : 2;
    const int type = classes ? WT_ONNX_INT64 : WT_ONNX_FLOAT;
    wt_onnx_size sizes[3] = {{.name = "batch"}, {.count = history}, {.count = history}};
    char state[NAME], name[NAME + 8];
    name_state(w->graph, state, value);
    if (!classes) sizes[1].count = w->graph->values[value].channels;
    if (w->source->kind == WT_ONNX_STEP) {
        snprintf(name, sizeof name, "%s.past", state);
        wt_onnx_input(&w->builder, name, type, sizes, axis + 1);
        rows = WT_ONNX(&w->builder, "Concat", name, rows);
        wt_onnx_int(&w->builder, "axis", axis);
    }
    snprintf(name, sizeof name, "%s.next", state);
    wt_onnx_slice(&w->builder, rows, axis, -history, 0);
    wt_onnx_name(&w->builder, name);
    wt_onnx_output(&w->builder, name, type, sizes, axis + 1);
    return rows;
}

/* --- inputs --- */

/* x, with padding or the past in front of it. */
static void begin_with_x(wt_onnx_walk *w) {
    wt_onnx_builder *b = &w->builder;
    const bool step = w->source->kind == WT_ONNX_STEP, classes = w->network->classes > 0;
    const wt_onnx_size samples = {.count = 1, .name = step ? NULL : "samples"};
    const wt_onnx_size sizes[3] = {
        {.name = "batch"}, classes ? samples : (wt_onnx_size){.count = w->network->channels}, samples};
    const int past = w->graph->receptive_field - 1, rank = classes ? 2 : 3, history = find_input_history(w);
    int64_t pads[6] = {0};
    wt_onnx_input(b, "x", classes ? WT_ONNX_INT64 : WT_ONNX_FLOAT, sizes, rank);
    w->x = "x";
    w->before = step ? history : past;
    if (!step && past && !wt_exported_has_readout(w->graph)) {
        pads[rank - 1] = past;
        w->x = WT_ONNX(b, "Pad", "x", wt_onnx_list(b, pads, 2 * rank),
                       classes ? wt_onnx_number(b, w->network->padding) : wt_onnx_scalar(b, 0));
    }
    if (w->source->kind != WT_ONNX_WHOLE && history)
        w->x = keep_state(w, classes ? STATE_INPUT : w->graph->signal, history, w->x);
    if (!classes) w->names[w->graph->signal] = w->x;
}

/* The sample of each row of x, counted from the first one of the recording. */
static const char *sample_of_rows(wt_onnx_walk *w) {
    wt_onnx_builder *b = &w->builder;
    if (w->source->kind == WT_ONNX_STEP) {
        wt_onnx_input(b, "sample", WT_ONNX_INT64, &(wt_onnx_size){.count = 1}, 1);
        return "sample";
    }
    const char *rows = wt_onnx_gather(b, WT_ONNX(b, "Shape", w->x),
                                      wt_onnx_number(b, w->network->classes ? 1 : 2), 0);
    return wt_onnx_add(b, wt_onnx_range(b, rows), wt_onnx_number(b, -w->before));
}

/* The frames that rows read, beyond the ends as the last ones are; each row's place among them. */
static void gather_frames(wt_onnx_walk *w) {
    wt_onnx_builder *b = &w->builder;
    const wt_graph *graph = w->graph;
    const wt_framing *f = &graph->framing;
    const wt_onnx_size sizes[] = {{.name = "batch"}, {.count = w->network->features}, {.name = "frames"}};
    wt_onnx_input(b, "frames", WT_ONNX_FLOAT, sizes, 3);
    const char *place = wt_onnx_add(b, sample_of_rows(w), wt_onnx_number(b, f->shift - w->network->centre));
    const char *hop = wt_onnx_number(b, f->hop);
    w->phase = WT_ONNX(b, "Mod", place, hop); /* has the sign of hop */
    const char *frame = WT_ONNX(b, "Div", WT_ONNX(b, "Sub", place, w->phase), hop);
    const char *first = wt_onnx_gather(b, frame, wt_onnx_number(b, 0), 0);
    w->frame = WT_ONNX(b, "Sub", frame, first);
    const int taps = graph->frame_taps + graph->values[graph->condition].left;
    const char *count = wt_onnx_add(b, wt_onnx_gather(b, w->frame, wt_onnx_number(b, -1), 0),
                                    wt_onnx_number(b, taps));
    const char *number = wt_onnx_add(b, wt_onnx_range(b, count),
                                     wt_onnx_add(b, first, wt_onnx_number(b, -f->back)));
    const char *all = wt_onnx_gather(b, WT_ONNX(b, "Shape", "frames"), wt_onnx_number(b, 2), 0);
    number = WT_ONNX(b, "Max", number, wt_onnx_number(b, 0));
    number = WT_ONNX(b, "Min", number, WT_ONNX(b, "Sub", all, wt_onnx_number(b, 1)));
    w->names[graph->condition] = wt_onnx_gather(b, "frames", number, 2);
}

static void add_inputs(wt_onnx_walk *w) {
    begin_with_x(w);
    if (w->graph->condition >= 0) gather_frames(w);
    if (!w->graph->speakers) return;
    w->speaker = "speaker";
    wt_onnx_input(&w->builder, w->speaker, WT_ONNX_INT64, &(wt_onnx_size){.name = "batch"}, 1);
}

/* --- the walk --- */

static void add_logits(wt_onnx_walk *w) {
    const wt_value *v = &w->graph->values[w->graph->outputs];
    const bool windows = wt_exported_has_readout(w->graph);
    const wt_onnx_size samples = {.count = 1, .name = w->source->kind == WT_ONNX_STEP ? NULL : "samples"};
    const wt_onnx_size sizes[] = {{.name = "batch"}, {.count = (int64_t)v->rows * v->channels}, samples};
    WT_ONNX(&w->builder, "Identity",
            windows ? w->names[w->graph->outputs] : wt_onnx_emit_outputs(w, w->graph->outputs));
    wt_onnx_name(&w->builder, "logits");
    wt_onnx_output(&w->builder, "logits", WT_ONNX_FLOAT, sizes, windows ? 2 : 3);
}

static void walk_operators(wt_onnx_walk *w) {
    const wt_graph *graph = w->graph;
    add_inputs(w);
    for (int o = 0; o < graph->op_count - 1 && w->builder.status == WT_OK; o++) {
        const wt_op *op = &graph->ops[o];
        if (!w->wanted[o]) continue;
        const char *rows = wt_onnx_emit(w, op);
        if (w->source->kind != WT_ONNX_WHOLE && w->history[op->output] > 0)
            rows = keep_state(w, op->output, w->history[op->output], rows);
        w->names[op->output] = rows;
    }
    if (w->source->kind != WT_ONNX_START && w->builder.status == WT_OK) add_logits(w);
}

static wt_status check_onnx_source(const wt_onnx_source *source) {
    const wt_graph *graph = source->network->graph;
    WT_CHECK(htole32(1) == 1, WT_USAGE, "export: ONNX: this machine's numbers are not little-endian");
    if (source->kind == WT_ONNX_WHOLE) return WT_OK;
    WT_CHECK(!wt_exported_has_readout(graph), WT_USAGE,
             "--onnx-step: the network has an output per window (expected one per sample)");
    WT_CHECK(graph->receptive_field > 1, WT_USAGE,
             "--onnx-step: the network sees one sample (expected a past that steps keep)");
    return WT_OK;
}

static wt_status make_graph(wt_onnx_walk *w) {
    const size_t values = (size_t)w->graph->value_count, ops = (size_t)w->graph->op_count;
    bool *wanted = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&w->names, values, sizeof *w->names, "an ONNX graph"));
    WT_GUARD(wt_alloc(&w->history, values, sizeof *w->history, "an ONNX graph"));
    WT_GUARD(wt_alloc(&w->wanted, ops, sizeof *w->wanted, "an ONNX graph"));
    WT_GUARD(wt_alloc(&wanted, values, sizeof *wanted, "an ONNX graph"));
    find_history(w);
    find_wanted(w, wanted);
    walk_operators(w);
    status = w->builder.status;
cleanup:
    wt_free(wanted);
    return status;
}

/* --- the file --- */

static const char *const docs[] = {
    [WT_ONNX_WHOLE] =
        "x: a recording's samples, of any number; what stands before it is in the graph. logits: of each",
    [WT_ONNX_STEP] =
        "x: one sample; sample: its number, from 0 on; NAME.past: the NAME.next of the sample before it, "
        "at first of the start graph. logits: as the whole graph's at this sample",
    [WT_ONNX_START] =
        "x: a recording's samples so far, of any number, 0 too. NAME.next: what the step graph takes "
        "as NAME.past for the next sample",
};

static void describe_model(WtOnnx__Model *model, wt_onnx_builder *builder, const wt_onnx_source *source) {
    const wt_exported_network *network = source->network;
    char text[1024];
    snprintf(text, sizeof text, "%s. %s: %s%s.", network->title, docs[source->kind], network->outputs,
             network->next ? ", of the sample after it" : "");
    model->doc_string = wt_onnx_copy(builder, text);
    model->n_metadata_props = (size_t)source->text_count;
    model->metadata_props = wt_onnx_hold(builder,
                                         (model->n_metadata_props + 1) * sizeof *model->metadata_props);
    for (int i = 0; i < source->text_count && builder->status == WT_OK; i++) {
        WtOnnx__Text *entry = wt_onnx_hold(builder, sizeof *entry);
        if (!entry) return;
        wt_onnx__text__init(entry);
        entry->key = source->texts[i].key;
        entry->value = source->texts[i].value;
        model->metadata_props[i] = entry;
    }
}

static wt_status pack_model(char **bytes, size_t *count, wt_onnx_builder *builder,
                            const wt_onnx_source *source) {
    WtOnnx__Model model = WT_ONNX__MODEL__INIT;
    WtOnnx__OperatorSet set = WT_ONNX__OPERATOR_SET__INIT, *sets[] = {&set};
    char domain[] = "", producer[] = "wavetrain", version[] = WT_VERSION, name[] = "network";
    model.has_ir_version = set.has_version = true;
    model.ir_version = IR_VERSION;
    model.producer_name = producer;
    model.producer_version = version;
    model.graph = &builder->graph;
    model.opset_import = sets;
    model.n_opset_import = 1;
    set.domain = domain;
    set.version = OPSET;
    builder->graph.name = name;
    describe_model(&model, builder, source);
    WT_TRY(builder->status);
    *count = wt_onnx__model__get_packed_size(&model);
    WT_CHECK(*count <= INT32_MAX, WT_USAGE, "export: ONNX files end at 2 GiB (got %zu bytes)", *count);
    WT_TRY(wt_alloc(bytes, *count, 1, "an ONNX file"));
    wt_onnx__model__pack(&model, (uint8_t *)*bytes);
    return WT_OK;
}

wt_status wt_onnx_print(char **bytes, size_t *count, const wt_onnx_source *source) {
    wt_onnx_walk w = {.source = source, .network = source->network, .graph = source->network->graph};
    *bytes = NULL;
    WT_TRY(check_onnx_source(source));
    wt_onnx_init(&w.builder);
    wt_status status = make_graph(&w);
    if (status == WT_OK) status = pack_model(bytes, count, &w.builder, source);
    wt_onnx_dispose(&w.builder);
    wt_free(w.names);
    wt_free(w.history);
    wt_free(w.wanted);
    return status;
}
