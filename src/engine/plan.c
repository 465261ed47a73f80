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
#include "wavetrain/memory.h"

#define APPEND(plan, items, count, item)                                                               \
    ((plan)->status == WT_OK ? (void)((plan)->status = wt_append(&(plan)->items, &(plan)->count, item, \
                                                                 sizeof *(item), "the plan"))          \
                             : (void)0)

/* --- readers --- */

static void add_reader(wt_engine_plan *plan, int op, int term, int delay) {
    const struct wt_reader reader = {op, term, delay};
    APPEND(plan, readers, reader_count, &reader);
}

static wt_status list_readers(wt_engine_plan *plan, const wt_graph *graph) {
    WT_TRY(wt_alloc(&plan->first_reader, (size_t)graph->value_count + 1, sizeof(int), "the plan"));
    for (int v = 0; v < graph->value_count; v++) {
        plan->first_reader[v] = plan->reader_count;
        for (int op = graph->op_count - 1; op >= 0; op--) {
            const wt_op *o = &graph->ops[op];
            for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
                if (graph->terms[n].value == v) add_reader(plan, op, n, graph->terms[n].delay);
            }
            if (o->add == v) add_reader(plan, op, -1, o->add_delay);
            if (o->input == v) add_reader(plan, op, -1, 0);
        }
    }
    plan->first_reader[graph->value_count] = plan->reader_count;
    return plan->status;
}

/* --- buffers --- */

/* The buffer that an operator's output stands in: its input's, its own work's, or a new one. */
static int output_buffer(wt_engine_plan *plan, const wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    const wt_op_class *class = wt_class(e->graph, op);
    const bool idle = o->kind == WT_OP_DROPOUT && !e->shape.backward &&
                      wt_engine_plan_readers(plan, o->input) == 1;
    if (o->kind == WT_OP_FUSE || idle) return plan->value[o->input];
    if (class->flags & WT_KEEPS_OUTPUT) return plan->work[op];
    if (wt_engine_plan_adds_in_place(plan, e, op)) return plan->value[o->add];
    return wt_engine_plan_buffer(plan, e, o->output, wt_value_of(e, o->output)->channels);
}

static wt_status make_buffers(wt_engine_plan *plan, const wt_engine *e) {
    const wt_graph *graph = e->graph;
    const size_t values = (size_t)graph->value_count, ops = (size_t)graph->op_count;
    WT_TRY(wt_alloc(&plan->value, 2 * values, sizeof(int), "the plan"));
    plan->gradient = plan->value + values;
    WT_TRY(wt_alloc(&plan->work, 3 * ops, sizeof(int), "the plan"));
    plan->state = plan->work + ops;
    plan->input_gradient = plan->state + ops;
    for (size_t i = 0; i < 2 * values; i++) plan->value[i] = -1;
    for (size_t i = 0; i < 3 * ops; i++) plan->work[i] = -1;
    if (graph->signal >= 0) {
        plan->value[graph->signal] = wt_engine_plan_buffer(plan, e, graph->signal,
                                                           wt_value_of(e, graph->signal)->channels);
        WT_TRY(plan->status);
        for (int phase = 0; phase < WT_PHASES; phase++)
            plan->buffers[plan->value[graph->signal]].places[phase].kind = WT_PLACE_SIGNAL;
    }
    for (int op = 0; op < graph->op_count; op++) {
        const wt_op *o = &graph->ops[op];
        const wt_op_class *class = wt_class(graph, op);
        if (class->flags & (WT_KEEPS_INPUT | WT_KEEPS_OUTPUT)) {
            const int before = wt_value_of(e, o->input)->producer;
            const bool own = wt_engine_plan_readers(plan, o->input) > 1 || before < 0 ||
                             (wt_class(graph, before)->flags & WT_KEEPS_OUTPUT);
            plan->work[op] = own ? wt_engine_plan_buffer(plan, e, o->output,
                                                         wt_value_of(e, o->input)->channels)
                                 : plan->value[o->input];
        } else if (o->input >= 0) {
            plan->work[op] = plan->value[o->input];
        }
        if (class->state) plan->state[op] = wt_engine_plan_buffer(plan, e, o->output, class->state(graph, o));
        if (o->output >= 0) plan->value[o->output] = output_buffer(plan, e, op);
    }
    return plan->status;
}

/* --- stages of forward --- */

static wt_extent extent_of(const wt_engine *e, const wt_op *o) {
    return wt_value_of(e, o->output >= 0 ? o->output : o->input)->extent;
}

/* Whether an operator reads past rows of the stage that begins with operator `first`. */
static bool reads_past(const wt_graph *graph, const wt_op *o, int first) {
    for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
        if (graph->terms[n].delay > 0 && graph->values[graph->terms[n].value].producer >= first) return true;
    }
    return o->add >= 0 && o->add_delay > 0 && graph->values[o->add].producer >= first;
}

/* Over a list of targets the loss takes a microbatch at once. */
static bool takes_all(const wt_engine *e, const wt_op *o) {
    return o->kind == WT_OP_LOSS && extent_of(e, o) == WT_EXTENT_TARGETS;
}

static bool gathers(const wt_engine *e, int op) {
    return e->shape.backward && wt_class(e->graph, op)->gather[WT_FORWARD];
}

/* About an eighth of the targets, so that a short window too is work for some threads. */
static int segment_rows(const wt_engine_shape *shape) {
    const int rows = wt_units(wt_units(shape->targets, 8), WT_LOSS_TILE) * WT_LOSS_TILE;
    return rows < WT_LOSS_TILE ? WT_LOSS_TILE : rows > WT_SEGMENT ? WT_SEGMENT : rows;
}

/* How a stage of forward cuts its rows: two tiles make a segment. */
static void cut_rows(wt_engine_plan *plan, const wt_engine *e, wt_stage *stage, bool sums) {
    const wt_op *last =
        &e->graph->ops[stage->op_count ? stage->first_op + stage->op_count - 1 : stage->after_op];
    const bool loss = last->kind == WT_OP_LOSS;
    const bool rows = stage->extent == WT_EXTENT_TIME;
    /* outputs that a loss or a readout takes */
    const int out = last->output;
    const int reader = out >= 0 && wt_engine_plan_readers(plan, out) == 1
                           ? plan->readers[plan->first_reader[out]].op
                           : -1;
    const bool read_out = reader >= 0 && e->graph->ops[reader].kind == WT_OP_READOUT;
    stage->tile_rows = stage->unit_rows = rows ? plan->segment / 2 : 1;
    if (rows && (loss || read_out)) stage->tile_rows = WT_LOSS_TILE, stage->unit_rows = plan->segment;
    stage->whole_windows = read_out;
    if (rows && sums) stage->unit_rows = plan->segment;
    if (stage->extent == WT_EXTENT_TARGETS)
        stage->tile_rows = stage->unit_rows = takes_all(e, last) ? INT32_MAX / 2 : WT_TARGETS_TILE;
    stage->remake_rows = stage->tile_rows;
}

static void add_forward_stage(wt_engine_plan *plan, const wt_engine *e, wt_stage *stage, int after_op) {
    if (plan->status != WT_OK) return;
    stage->after_op = after_op;
    cut_rows(plan, e, stage, after_op >= 0);
    APPEND(plan, stages, stage_count, stage);
    plan->forward_count = plan->stage_count;
}

static wt_stage begin_stage(const wt_engine *e, int op) {
    return (wt_stage){.phase = WT_FORWARD,
                      .extent = extent_of(e, &e->graph->ops[op]),
                      .first_op = op,
                      .panel_op = -1,
                      .parts_of = -1,
                      .after_op = -1};
}

static void reach_left(const wt_engine *e, wt_stage *stage, int value) {
    if (value >= 0 && wt_value_of(e, value)->extent == WT_EXTENT_TIME && e->left[value] > stage->left)
        stage->left = e->left[value];
}

/* Cuts the list of operators. An operator that gathers ends a stage with its sums, and begins the next one. */
static wt_status cut_stages(wt_engine_plan *plan, const wt_engine *e) {
    const wt_graph *graph = e->graph;
    wt_stage stage = begin_stage(e, 0);
    WT_TRY(wt_alloc(&plan->stage_of, (size_t)graph->op_count, sizeof(int), "the plan"));
    for (int op = 0; op < graph->op_count; op++) {
        const wt_op *o = &graph->ops[op];
        if (stage.op_count && (graph->ops[op - 1].layer != o->layer || extent_of(e, o) != stage.extent ||
                               reads_past(graph, o, stage.first_op) || takes_all(e, o))) {
            add_forward_stage(plan, e, &stage, -1);
            stage = begin_stage(e, op);
        }
        if (gathers(e, op)) {
            reach_left(e, &stage, o->input);
            add_forward_stage(plan, e, &stage, op);
            stage = begin_stage(e, op);
        }
        stage.op_count++;
        reach_left(e, &stage, o->output);
        stage.turns |= o->kind == WT_OP_LOSS && e->shape.backward;
        plan->stage_of[op] = plan->stage_count;
    }
    add_forward_stage(plan, e, &stage, -1);
    return plan->status;
}

/* --- calls of forward --- */

static void use_row(wt_engine_plan *plan, int stage, int buffer, bool writes) {
    wt_engine_plan_use(plan, &(struct wt_use){.buffer = buffer, .stage = stage, .writes = writes});
}

static void use_operands(wt_engine_plan *plan, const wt_engine *e, int stage, const wt_op *o) {
    for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
        const wt_term *term = &e->graph->terms[n];
        wt_engine_plan_use(
            plan, &(struct wt_use){plan->value[term->value], stage, term->delay, term->delay, false, false});
    }
    if (o->add >= 0)
        wt_engine_plan_use(
            plan, &(struct wt_use){plan->value[o->add], stage, o->add_delay, o->add_delay, false, false});
    if (o->input < 0) return;
    const bool whole = o->kind == WT_OP_READOUT || takes_all(e, o);
    wt_engine_plan_use(plan,
                       &(struct wt_use){plan->value[o->input], stage, 0, 0, o->kind == WT_OP_LOSS, whole});
}

/* Forward of an operator, in the stage. */
static void use_forward(wt_engine_plan *plan, const wt_engine *e, int stage, int op) {
    const wt_op *o = &e->graph->ops[op];
    use_operands(plan, e, stage, o);
    use_row(plan, stage, plan->work[op], o->kind != WT_OP_READOUT && o->kind != WT_OP_FUSE);
    use_row(plan, stage, plan->state[op], true);
    if (o->output >= 0) use_row(plan, stage, plan->value[o->output], true);
}

static void lay_forward(wt_engine_plan *plan, const wt_engine *e) {
    const wt_graph *graph = e->graph;
    const int count = plan->forward_count;
    for (int s = 0; plan->status == WT_OK && s < count; s++) {
        const wt_stage *stage = &plan->stages[s];
        const int end = stage->first_op + stage->op_count, after = stage->after_op;
        plan->stage_count = s + 1; /* the newest, for the calls */
        for (int op = stage->first_op; op < end; op++) {
            if (wt_class(graph, op)->forward) wt_engine_plan_call(plan, wt_class(graph, op)->forward, op);
            use_forward(plan, e, s, op);
        }
        if (after >= 0) {
            wt_engine_plan_call(plan, wt_class(graph, after)->gather[WT_FORWARD], after);
            use_operands(plan, e, s, &graph->ops[after]);
            use_row(plan, s, plan->work[after], true);
        }
    }
    plan->stage_count = count;
}

/* --- packed weights and memory of operators --- */

static wt_status place_weights(wt_engine_plan *plan, const wt_engine *e) {
    const wt_graph *graph = e->graph;
    const size_t terms = (size_t)graph->term_count;
    WT_TRY(wt_alloc(&plan->forward_at, 2 * terms, sizeof(size_t), "the plan"));
    plan->backward_at = plan->forward_at + terms;
    for (int n = 0; n < graph->term_count; n++) {
        const wt_term *term = &graph->terms[n];
        plan->forward_at[n] = plan->backward_at[n] = SIZE_MAX;
        if (term->tensor < 0) continue;
        const int in = wt_value_of(e, term->value)->channels;
        const int out = wt_value_of(e, graph->ops[term->op].output)->channels;
        plan->forward_at[n] = plan->packed;
        plan->packed += e->kernels->packed_count(in, out);
        if (!e->shape.backward || term->value == graph->signal) continue;
        plan->backward_at[n] = plan->packed;
        plan->packed += e->kernels->packed_count(out, in);
    }
    return WT_OK;
}

static wt_status place_memory(wt_engine_plan *plan, const wt_engine *e) {
    const wt_graph *graph = e->graph;
    WT_TRY(wt_alloc(&plan->memory_at, (size_t)graph->op_count, sizeof(size_t), "the plan"));
    for (int op = 0; op < graph->op_count; op++) {
        const wt_op_class *class = wt_class(graph, op);
        const size_t count = class->memory ? class->memory(graph, &graph->ops[op]) : 0;
        plan->memory_at[op] = count ? plan->arena : SIZE_MAX;
        plan->arena += wt_whole_lines(count);
    }
    return WT_OK;
}

/* --- the whole --- */

static void describe(wt_engine_plan *plan, const wt_engine *e) {
    const wt_extent loss = wt_value_of(e, e->graph->outputs)->extent;
    plan->segment = segment_rows(&e->shape);
    plan->loss_tiles = loss == WT_EXTENT_TIME ? wt_units(e->shape.targets, WT_LOSS_TILE) : 1;
    plan->norm_sums = e->shape.backward ? wt_engine_microbatch_sums(e->graph) : 0;
    plan->turns_in_turn = plan->norm_sums > 0;
    for (int v = 0; v < e->graph->value_count; v++)
        plan->lists_targets |= wt_value_of(e, v)->extent == WT_EXTENT_TARGETS;
    plan->drops_targets = e->shape.backward && loss == WT_EXTENT_TARGETS;
}

static wt_status fill(wt_engine_plan *plan, const wt_engine *e, bool stream) {
    describe(plan, e);
    WT_TRY(list_readers(plan, e->graph));
    WT_TRY(make_buffers(plan, e));
    WT_TRY(place_weights(plan, e));
    WT_TRY(place_memory(plan, e));
    WT_TRY(cut_stages(plan, e));
    lay_forward(plan, e);
    if (stream) {
        wt_engine_plan_rings(plan, e);
        return plan->status;
    }
    if (e->shape.backward) wt_engine_plan_backward(plan, e);
    wt_engine_plan_places(plan, e);
    return plan->status;
}

wt_status wt_engine_plan_create(wt_engine_plan **out, const wt_engine *e, bool stream) {
    *out = NULL;
    WT_TRY(wt_alloc(out, 1, sizeof **out, "the plan"));
    return fill(*out, e, stream);
}

wt_status wt_engine_plan_prepare(wt_engine_plan *plan) {
    for (int phase = 0; phase < WT_PHASES; phase++) WT_TRY(wt_tasks_prepare(&plan->tasks[phase]));
    return WT_OK;
}

void wt_engine_plan_destroy(wt_engine_plan *plan) {
    if (!plan) return;
    void *const arrays[] = {plan->stages,    plan->calls,      plan->parts,   plan->shares,
                            plan->chunks,    plan->buffers,    plan->value,   plan->work,
                            plan->stage_of,  plan->weights_at, plan->readers, plan->first_reader,
                            plan->uses,      plan->partial_at, plan->bias_at, plan->finished_by,
                            plan->memory_at, plan->forward_at, plan->sources, plan->first_source};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) wt_free(arrays[i]);
    for (int phase = 0; phase < WT_PHASES; phase++) wt_tasks_dispose(&plan->tasks[phase]);
    wt_free(plan);
}

int64_t wt_engine_plan_bytes(const wt_engine_plan *plan) {
    int64_t bytes = (int64_t)sizeof *plan;
    for (int phase = 0; phase < WT_PHASES; phase++) bytes += wt_tasks_bytes(&plan->tasks[phase]);
    return bytes;
}
