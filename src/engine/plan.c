/*
 * The plan of a graph for one shape: which operators go through a tile together, which rows they share, and
 * the calls that forward makes per tile.
 *
 * A stage is a run of operators of one layer that read each other's rows without a delay. Rows that only
 * one stage needs stand in the thread's scratch. In place of its input works what keeps it (the gate its
 * tanh and sigmoid, a norm x̂) or what needs its output alone (activations), where no other operator reads
 * it.
 */
#include "operators.h"

/* --- readers --- */

static void add_reader(wt_engine_plan *plan, int op, int term, int delay) {
    const wt_reader reader = {op, term, delay};
    WT_PLAN_APPEND(plan, readers, reader_count, &reader);
}

static void list_readers(wt_engine *e) {
    const wt_graph *graph = e->graph;
    for (int v = 0; v <= graph->value_count; v++) {
        e->plan->values[v].first_reader = e->plan->reader_count;
        for (int op = graph->op_count - 1; v < graph->value_count && op >= 0; op--) {
            const wt_op *o = &graph->ops[op];
            for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
                if (graph->terms[n].value == v) add_reader(e->plan, op, n, graph->terms[n].delay);
            }
            if (o->add == v) add_reader(e->plan, op, -1, o->add_delay);
            if (o->input == v) add_reader(e->plan, op, -1, 0);
        }
    }
}

/* --- an operator's buffers, weights and memory --- */

/* The buffer in which an operator works in place of its input: the input's, where it is alone in reading it
 * and the producer does not need it; else its own. */
static int work_buffer(wt_engine *e, const wt_op *o, unsigned flags) {
    const int before = wt_engine_value(e, o->input)->producer;
    const bool own = wt_layout_readers(e, o->input) > 1 || before < 0 ||
                     (wt_engine_op_class(e->graph, before)->flags & WT_KEEPS_OUTPUT);
    if (own && (flags & (WT_KEEPS_INPUT | WT_KEEPS_OUTPUT)))
        return wt_layout_buffer(e, o->output, wt_engine_value(e, o->input)->channels);
    return e->plan->values[o->input].buffer;
}

/* The buffer that its output stands in: its input's, its own work's, that of a sum, or a new one. */
static int output_buffer(wt_engine *e, int op, unsigned flags) {
    const wt_op *o = &e->graph->ops[op];
    const bool idle = o->kind == WT_OP_DROPOUT && !e->shape.backward && wt_layout_readers(e, o->input) == 1;
    if (o->kind == WT_OP_FUSE || idle) return e->plan->values[o->input].buffer;
    if (flags & WT_KEEPS_OUTPUT) return e->plan->ops[op].work;
    if (wt_layout_adds_in_place(e, op)) return e->plan->values[o->add].buffer;
    return wt_layout_buffer(e, o->output, wt_engine_value(e, o->output)->channels);
}

static void make_buffers(wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    const unsigned flags = wt_engine_op_class(e->graph, op)->flags;
    wt_op_plan *own = &e->plan->ops[op];
    if (o->input >= 0) own->work = work_buffer(e, o, flags);
    if (flags & WT_STATE_PER_ROW) own->state = wt_layout_buffer(e, o->output, 1);
    if (flags & WT_STATE_PER_ELEMENT)
        own->state = wt_layout_buffer(e, o->output, wt_engine_value(e, o->output)->channels);
    if (flags & WT_STATE_STRETCH)
        own->state = wt_layout_buffer(e, o->output, 3 * wt_engine_value(e, o->output)->channels / 2);
    if (o->output >= 0) e->plan->values[o->output].buffer = output_buffer(e, op, flags);
}

static void place_weights(wt_engine *e, int op) {
    wt_engine_plan *plan = e->plan;
    const wt_op *o = &e->graph->ops[op];
    const wt_op_class *class = wt_engine_op_class(e->graph, op);
    const int out = o->output < 0 ? 0 : wt_engine_value(e, o->output)->channels;
    const size_t memory = class->memory ? (size_t) class->memory(e->graph, o) * (size_t)out : 0;
    if (memory) plan->ops[op].memory_at = plan->sizes.arena;
    plan->sizes.arena += wt_engine_whole_lines(memory);
    for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
        const wt_term *term = &e->graph->terms[n];
        const int in = wt_engine_value(e, term->value)->channels;
        if (term->tensor < 0) continue;
        plan->terms[n].forward = plan->sizes.packed;
        plan->sizes.packed += e->kernels->packed_count(in, out);
        if (!e->shape.backward || wt_graph_is_input(e->graph, term->value)) continue;
        plan->terms[n].backward = plan->sizes.packed;
        plan->sizes.packed += e->kernels->packed_count(out, in);
    }
}

/* --- stages of forward --- */

static wt_extent extent_of(const wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    return wt_engine_value(e, o->output >= 0 ? o->output : o->input)->extent;
}

/* Whether an operator reads past rows of the stage that begins with operator `first`. */
static bool reads_past(const wt_graph *graph, const wt_op *o, int first) {
    for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
        if (graph->terms[n].delay > 0 && graph->values[graph->terms[n].value].producer >= first) return true;
    }
    return o->add >= 0 && o->add_delay > 0 && graph->values[o->add].producer >= first;
}

/* Over a list of targets the loss takes a microbatch at once; some take a window. */
static bool takes_all(const wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    return (o->kind == WT_OP_LOSS && extent_of(e, op) == WT_EXTENT_TARGETS) || wt_loss_takes_windows(e, o);
}

/* About an eighth of the targets, so that a short window too is work for some threads; of an engine that
 * carries as many rows as fit the first cache. */
static int segment_rows(const wt_engine_shape *shape) {
    if (shape->carries) return WT_TILE;
    const int rows = wt_tasks_count(wt_tasks_count(shape->targets, 8), WT_LOSS_TILE) * WT_LOSS_TILE;
    return rows < WT_LOSS_TILE ? WT_LOSS_TILE : rows > WT_SEGMENT ? WT_SEGMENT : rows;
}

static void begin_stage(wt_engine *e, int op) {
    const wt_stage stage = {.phase = WT_FORWARD, .extent = extent_of(e, op), .first_op = op};
    WT_PLAN_APPEND(e->plan, stages, stage_count, &stage);
}

/* Cuts the rows of a stage whose last operator is `op`: two tiles make a segment. */
static void cut_rows(const wt_engine *e, wt_stage *stage, int op) {
    const wt_op *last = &e->graph->ops[op];
    const int segment = e->plan->segment;
    const int reader = last->output < 0 ? -1 : wt_layout_sole_reader(e, last->output);
    stage->whole_windows = reader >= 0 && e->graph->ops[reader].kind == WT_OP_READOUT;
    stage->tile_rows = stage->unit_rows = 1;
    if (stage->extent == WT_EXTENT_TARGETS) {
        stage->tile_rows = stage->unit_rows = takes_all(e, op) ? INT32_MAX / 2 : WT_TARGETS_TILE;
    } else if (stage->extent == WT_EXTENT_FRAMES) { /* few rows: a window's are a unit */
        stage->tile_rows = stage->unit_rows = INT32_MAX / 2;
    } else if (stage->extent == WT_EXTENT_TIME) {
        const bool outputs = last->kind == WT_OP_LOSS || stage->whole_windows; /* which are wider */
        stage->tile_rows = outputs ? WT_LOSS_TILE : segment / 2;
        stage->unit_rows = outputs || stage->after_op ? segment : segment / 2;
        if (takes_all(e, op)) stage->tile_rows = stage->unit_rows = INT32_MAX / 2;
    }
}

/* The newest stage has rows of a value. */
static void reach_left(wt_engine *e, int value) {
    wt_stage *stage = &e->plan->stages[e->plan->stage_count - 1];
    if (value < 0 || wt_engine_value(e, value)->extent != stage->extent) return;
    if (wt_engine_left(e, value) > stage->left) stage->left = wt_engine_left(e, value);
}

/* An operator that gathers ends a stage with its sums, and begins the next one. */
static void lay_forward_sums(wt_engine *e, int op) {
    reach_left(e, e->graph->ops[op].input);
    e->plan->stages[e->plan->stage_count - 1].after_op = op;
    wt_layout_call(e->plan, wt_engine_op_class(e->graph, op)->gather[WT_FORWARD], op);
    wt_layout_operands(e, op);
    wt_layout_use(e->plan, e->plan->ops[op].work, 0, WT_WRITES);
}

static void lay_forward_operator(wt_engine *e, int op) {
    wt_engine_plan *plan = e->plan;
    const wt_op *o = &e->graph->ops[op];
    const wt_stage *stage = &plan->stages[plan->stage_count - 1];
    make_buffers(e, op);
    place_weights(e, op);
    if (op > 0 && (o[-1].layer != o->layer || extent_of(e, op) != stage->extent ||
                   reads_past(e->graph, o, stage->first_op) || takes_all(e, op)))
        begin_stage(e, op);
    if (plan->status == WT_OK && e->shape.backward && wt_engine_op_class(e->graph, op)->gather[WT_FORWARD]) {
        lay_forward_sums(e, op);
        begin_stage(e, op);
    }
    if (plan->status != WT_OK) return;
    plan->stages[plan->stage_count - 1].op_count++;
    plan->stages[plan->stage_count - 1].turns |= o->kind == WT_OP_LOSS && e->shape.backward;
    plan->ops[op].stage = plan->stage_count - 1;
    reach_left(e, o->output);
    wt_layout_forward(e, op, wt_engine_op_class(e->graph, op)->forward);
}

/* Cuts the list of operators into stages. */
static void lay_forward(wt_engine *e) {
    wt_engine_plan *plan = e->plan;
    begin_stage(e, 0);
    for (int op = 0; plan->status == WT_OK && op < e->graph->op_count; op++) lay_forward_operator(e, op);
    for (int s = 0; plan->status == WT_OK && s < plan->stage_count; s++) {
        wt_stage *stage = &plan->stages[s];
        cut_rows(e, stage, stage->op_count ? stage->first_op + stage->op_count - 1 : stage->after_op);
    }
    plan->forward_count = plan->stage_count;
}

/* --- the whole --- */

/* The plan's tables, whose sizes are known. */
static wt_status take_tables(wt_engine *e, bool stream) {
    wt_engine_plan *plan = e->plan;
    const wt_graph *graph = e->graph;
    WT_TRY(wt_alloc(&plan->values, (size_t)graph->value_count + 1, sizeof *plan->values, "the plan"));
    WT_TRY(wt_alloc(&plan->ops, (size_t)graph->op_count, sizeof *plan->ops, "the plan"));
    WT_TRY(wt_alloc(&plan->terms, (size_t)graph->term_count, sizeof *plan->terms, "the plan"));
    WT_TRY(wt_alloc(&plan->finished_by, (size_t)graph->tensor_count, sizeof(int), "the plan"));
    for (int v = 0; v < graph->value_count; v++) {
        const bool newest = stream || (e->shape.carries && !wt_graph_is_input(graph, v));
        const int left = newest && graph->values[v].extent == WT_EXTENT_TIME ? 0 : graph->values[v].left;
        plan->values[v] = (wt_value_plan){.left = left, .buffer = -1, .gradient = -1, .bias_at = -1};
    }
    for (int op = 0; op < graph->op_count; op++)
        plan->ops[op] = (wt_op_plan){-1, -1, -1, -1, -1, SIZE_MAX, -1};
    for (int n = 0; n < graph->term_count; n++) plan->terms[n] = (wt_term_plan){SIZE_MAX, SIZE_MAX, -1};
    for (int t = 0; t < graph->tensor_count; t++) plan->finished_by[t] = -1;
    return WT_OK;
}

static void describe_shape(wt_engine *e, bool stream) {
    wt_engine_plan *plan = e->plan;
    plan->frames = stream ? e->graph->frame_taps : wt_graph_frames(e->graph, e->shape.targets);
    const wt_extent loss = wt_engine_value(e, e->graph->outputs)->extent;
    plan->segment = segment_rows(&e->shape);
    const bool tiles = loss == WT_EXTENT_TIME && !wt_loss_takes_windows(e, wt_graph_loss(e->graph));
    plan->loss_tiles = tiles ? wt_tasks_count(e->shape.targets, WT_LOSS_TILE) : 1;
    plan->norm_sums = e->shape.backward ? wt_engine_microbatch_sums(e->graph) : 0;
    for (int v = 0; v < e->graph->value_count; v++)
        plan->lists_targets |= wt_engine_value(e, v)->extent == WT_EXTENT_TARGETS;
}

/* What comes with the batch stands there. */
static void place_inputs(wt_engine *e) {
    for (int v = 0; v < e->graph->value_count && e->plan->status == WT_OK; v++) {
        if (!wt_graph_is_input(e->graph, v)) continue;
        const int buffer = e->plan->values[v].buffer = wt_layout_buffer(e, v,
                                                                        wt_engine_value(e, v)->channels);
        if (e->plan->status != WT_OK) return;
        for (int phase = 0; phase < WT_PHASES; phase++)
            e->plan->buffers[buffer].places[phase].kind = v == e->graph->condition ? WT_PLACE_CONDITION
                                                                                   : WT_PLACE_SIGNAL;
    }
}

wt_status wt_engine_plan_create(wt_engine *e, bool stream) {
    WT_TRY(wt_alloc(&e->plan, 1, sizeof *e->plan, "the plan"));
    WT_TRY(take_tables(e, stream));
    describe_shape(e, stream);
    list_readers(e);
    place_inputs(e);
    WT_TRY(e->plan->status);
    lay_forward(e);
    if (e->shape.backward) wt_engine_plan_backward(e);
    (stream ? wt_engine_plan_rings : wt_engine_plan_places)(e);
    wt_free(e->plan->uses);
    e->plan->uses = NULL;
    return e->plan->status;
}

wt_status wt_engine_plan_prepare(wt_engine_plan *plan) {
    for (int phase = 0; phase < WT_PHASES; phase++) WT_TRY(wt_tasks_prepare(&plan->tasks[phase]));
    return WT_OK;
}

void wt_engine_plan_destroy(wt_engine_plan *plan) {
    if (!plan) return;
    void *const arrays[] = {plan->values, plan->ops,   plan->terms,   plan->readers, plan->stages,
                            plan->calls,  plan->parts, plan->buffers, plan->uses,    plan->finished_by};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) wt_free(arrays[i]);
    for (int phase = 0; phase < WT_PHASES; phase++) wt_tasks_dispose(&plan->tasks[phase]);
    wt_free(plan);
}

int64_t wt_engine_plan_bytes(const wt_engine *e) {
    const wt_engine_plan *plan = e->plan;
    const size_t tables =
        (size_t)e->graph->value_count * sizeof *plan->values +
        (size_t)e->graph->op_count * sizeof *plan->ops + (size_t)e->graph->term_count * sizeof *plan->terms +
        (size_t)plan->reader_count * sizeof *plan->readers +
        (size_t)plan->stage_count * sizeof *plan->stages + (size_t)plan->call_count * sizeof *plan->calls +
        (size_t)plan->part_count * sizeof *plan->parts + (size_t)plan->buffer_count * sizeof *plan->buffers;
    int64_t bytes = (int64_t)(sizeof *plan + tables);
    for (int phase = 0; phase < WT_PHASES; phase++) bytes += wt_tasks_bytes(&plan->tasks[phase]);
    return bytes;
}
