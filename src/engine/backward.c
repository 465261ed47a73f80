/*
 * The plan of backward, from the last stage of forward to the first. A stage's unit makes in one go, tile
 * after tile, while they are in the cache:
 *
 *   rows that forward has not kept, once more (a gate's output from its tanh and sigmoid; with `recompute`
 *   all that lies between the inputs of layers);
 *   the gradient by each operator's output, gathered from its readers (each row is made once, by one unit);
 *   through the operator, the gradient by its input;
 *   the partial gradients of weights and biases, added up over the unit's rows in their order.
 *
 * Partial gradients are added by stages of their own (sums.c). Where targets have rows of their own,
 * weights' gradients are made by panels over a microbatch's rows at once instead. The gradient by a value
 * stands for the gradient by the sum of the product that made it: the product's scale is in it.
 */
#include "operators.h"

/* The newest stage, to which everything is added. */
static wt_stage *newest(const wt_engine *e) {
    return &e->plan->stages[e->plan->stage_count - 1];
}

static wt_value_plan *value_plan(const wt_engine *e, int value) {
    return &e->plan->values[value];
}

/* --- which values have gradients (all but the batch's signal), and where --- */

/* A product that takes a value's place, adding to it; −1: none. */
static int adder_of(const wt_engine *e, int value) {
    if (wt_layout_readers(e, value) != 1) return -1;
    const int op = e->plan->readers[value_plan(e, value)->first_reader].op;
    return e->graph->ops[op].add == value && wt_layout_adds_in_place(e, op) ? op : -1;
}

/* Whether a value's gradient is gathered from its readers where it was made; else its sole reader makes it.
 */
static bool is_gathered(const wt_engine *e, int value) {
    return adder_of(e, value) < 0 && wt_layout_sole_reader(e, value) < 0;
}

/* An upsample's share of the gradient by its weights, and behind it a frame's rows packed. */
static int stretch_buffer(wt_engine *e, int op, int value) {
    const wt_op *o = &e->graph->ops[op];
    const size_t packed = e->kernels->packed_count(wt_engine_value(e, o->output)->channels, o->taps);
    return wt_layout_buffer(e, value, wt_engine_value(e, value)->channels + (int)packed);
}

static int gradient_buffer(wt_engine *e, int value) {
    wt_engine_plan *plan = e->plan;
    const int channels = wt_engine_value(e, value)->channels, adder = adder_of(e, value);
    const int sole = wt_layout_sole_reader(e, value);
    if (adder >= 0) return value_plan(e, e->graph->ops[adder].output)->gradient;
    if (sole >= 0 && e->graph->ops[sole].kind == WT_OP_LOSS) return value_plan(e, value)->buffer;
    if (sole >= 0 && wt_engine_op_class(e->graph, sole)->flags & WT_GRADIENT_IN_PLACE)
        return value_plan(e, e->graph->ops[sole].output)->gradient;
    for (int n = plan->values[value].first_reader; sole < 0 && n < plan->values[value + 1].first_reader;
         n++) {
        const int op = plan->readers[n].op;
        if (e->graph->ops[op].input == value)
            plan->ops[op].input_gradient = wt_layout_buffer(e, e->graph->ops[op].output, channels);
        if (e->graph->ops[op].kind == WT_OP_UPSAMPLE && plan->readers[n].term >= 0)
            plan->ops[op].stretch_gradient = stretch_buffer(e, op, value);
    }
    return wt_layout_buffer(e, value, channels);
}

/* --- what backward makes once more --- */

/* The stage of forward in whose backward an operator's rows are made again: behind batch norm's sums. */
static int remake_stage(const wt_engine *e, int op) {
    const int stage = e->plan->ops[op].stage;
    return e->plan->stages[stage].after_op ? stage + 1 : stage;
}

/* Whether all readers find a value that exists only while its stage's backward is at the tile; with `chain`
 * also all that operators with one input make of it, some of it in its place. */
static bool readers_allow(const wt_engine *e, int value, bool unary_only, bool chain) {
    const int own = remake_stage(e, wt_engine_value(e, value)->producer);
    for (int n = value_plan(e, value)->first_reader; n < value_plan(e, value + 1)->first_reader; n++) {
        const wt_reader *reader = &e->plan->readers[n];
        const wt_op *o = &e->graph->ops[reader->op];
        if (o->input != value) {
            if (unary_only || (reader->term >= 0 && reader->delay > 0)) return false;
            continue;
        }
        const bool kept = wt_engine_op_class(e->graph, reader->op)->flags & WT_KEEPS_INPUT;
        if (remake_stage(e, reader->op) != own || (kept && !e->shape.recompute)) return false;
        if (chain && o->output >= 0 && !readers_allow(e, o->output, false, true)) return false;
    }
    return true;
}

/* Whether a value is made once more before its stage's backward begins, from a product on, and not on the
 * way. */
static bool is_made_first(const wt_engine *e, int value) {
    const int op = wt_engine_value(e, value)->producer;
    if (!value_plan(e, value)->remade) return false;
    if (e->graph->ops[op].kind == WT_OP_PRODUCT) return true;
    return !wt_engine_op_class(e->graph, op)->remake && is_made_first(e, e->graph->ops[op].input);
}

/* Over time, in a stage that has a backward of its own. */
static bool may_remake(const wt_engine *e, int value) {
    const wt_value *v = wt_engine_value(e, value);
    return v->producer >= 0 && v->extent == WT_EXTENT_TIME &&
           !e->plan->stages[remake_stage(e, v->producer)].turns;
}

static bool is_remade(const wt_engine *e, int value) {
    if (!may_remake(e, value)) return false;
    const int op = wt_engine_value(e, value)->producer;
    const wt_op *o = &e->graph->ops[op];
    if (wt_engine_op_class(e->graph, op)->flags & WT_REMAKES) return readers_allow(e, value, false, true);
    if (!e->shape.recompute) return false;
    if (o->kind == WT_OP_PRODUCT)
        return !wt_layout_adds_in_place(e, op) && readers_allow(e, value, true, true);
    return o->input >= 0 && is_made_first(e, o->input);
}

/* A value that an operator with one input has made is near when that operator's gradient is. */
static bool meets_weights(const wt_engine *e, int value) {
    if (value_plan(e, value)->remade) return true;
    return may_remake(e, value) &&
           (wt_engine_op_class(e->graph, wt_engine_value(e, value)->producer)->flags & WT_KEEPS_OUTPUT) &&
           readers_allow(e, value, false, false);
}

/* --- the newest stage's calls, and what they touch --- */

/* Partial gradients of a tensor from element `from` on, behind those that the stage has, or (`again`) the
 * same sums as the part before. They are finished when the next stage has added them up. */
static int add_partial_sum(wt_engine *e, size_t count, int tensor, size_t from, double factor, bool again) {
    const size_t at = newest(e)->sums_each - (again ? count : 0);
    const wt_part part = {.stage = e->plan->stage_count - 1,
                          .factor = (wt_real)factor,
                          .at = at,
                          .count = count,
                          .offset = e->graph->tensors[tensor].offset + from};
    WT_PLAN_APPEND(e->plan, parts, part_count, &part);
    newest(e)->sums_each = at + count;
    e->plan->finished_by[tensor] = e->plan->stage_count;
    return (int)at;
}

/* The weights of one term, from rows of x that are there. */
static void lay_weights(wt_engine *e, int number) {
    const wt_term *term = &e->graph->terms[number];
    const int y = e->graph->ops[term->op].output;
    const size_t count = (size_t)wt_engine_value(e, term->value)->channels *
                         (size_t)wt_engine_value(e, y)->channels;
    if (term->tensor < 0) return;
    e->plan->terms[number].sums_at = add_partial_sum(e, count, term->tensor, (size_t)term->tap * count,
                                                     term->scale, false);
    wt_layout_call(e->plan, wt_product_weights_call, number);
    wt_layout_use(e->plan, value_plan(e, term->value)->buffer, term->delay, WT_READS);
    wt_layout_use(e->plan, value_plan(e, y)->gradient, 0, WT_READS);
}

/* The gradient by a value is there: so are those of the biases in what made it, one sum for all of them. */
static void lay_biases(wt_engine *e, int value) {
    const wt_value *v = wt_engine_value(e, value);
    int *at = &value_plan(e, value)->bias_at;
    if (v->extent == WT_EXTENT_TARGETS) return;
    for (int op = v->producer; op >= 0;) {
        const wt_op *o = &e->graph->ops[op];
        for (int b = o->first_bias; b < o->first_bias + o->bias_count; b++) {
            const wt_bias *bias = &e->graph->biases[b];
            *at = add_partial_sum(e, (size_t)v->channels, bias->tensor, 0, bias->scale, *at >= 0);
        }
        op = wt_layout_adds_in_place(e, op) ? wt_engine_value(e, o->add)->producer : -1;
    }
    if (*at < 0) return;
    wt_layout_call(e->plan, wt_product_bias_call, value);
    wt_layout_use(e->plan, value_plan(e, value)->gradient, 0, WT_READS);
}

/* The gradient by a value is there, but for the scale of the product that made it. */
static void lay_made(wt_engine *e, int value) {
    const wt_op *producer = &e->graph->ops[wt_engine_value(e, value)->producer];
    if (producer->kind == WT_OP_PRODUCT && producer->scale != 1) {
        wt_layout_call(e->plan, wt_gather_scale_call, value);
        /* forward may have left it there */
        wt_layout_use(e->plan, value_plan(e, value)->gradient, 0, WT_READS);
        wt_layout_use(e->plan, value_plan(e, value)->gradient, 0, WT_WRITES);
    }
    lay_biases(e, value);
}

static void lay_gather(wt_engine *e, int value) {
    wt_engine_plan *plan = e->plan;
    const int first = plan->values[value].first_reader, end = plan->values[value + 1].first_reader;
    if (plan->status == WT_OK && end - first > WT_SOURCES)
        plan->status = wt_error(WT_FAILED, "a network's value is read %d times (expected at most %d)",
                                end - first, WT_SOURCES);
    wt_layout_call(plan, wt_gather_call, value);
    for (int n = first; n < end; n++)
        wt_layout_use(plan, wt_layout_source(e, &plan->readers[n], value), -plan->readers[n].delay, WT_READS);
    wt_layout_use(plan, plan->values[value].gradient, 0, WT_WRITES);
    lay_biases(e, value);
}

static void lay_available(wt_engine *e, int value);

/* Makes an operator's output once more, behind its input's. */
static void lay_remake(wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    wt_layout_call(e->plan, wt_engine_op_class(e->graph, op)->remake, op);
    wt_layout_use(e->plan, value_plan(e, o->input)->buffer, 0, WT_READS);
    wt_layout_use(e->plan, e->plan->ops[op].state, 0, WT_READS);
    wt_layout_use(e->plan, value_plan(e, o->output)->buffer, 0, WT_WRITES);
    lay_available(e, o->output);
}

/* A value that is made once more is there: so are the gradients of the weights that it meets, and what
 * follows from it. */
static void lay_available(wt_engine *e, int value) {
    for (int n = value_plan(e, value + 1)->first_reader - 1; n >= value_plan(e, value)->first_reader; n--) {
        const wt_reader *reader = &e->plan->readers[n];
        if (reader->term >= 0) {
            lay_weights(e, reader->term);
        } else if (wt_engine_op_class(e->graph, reader->op)->remake &&
                   value_plan(e, e->graph->ops[reader->op].output)->remade) {
            lay_remake(e, reader->op);
        }
    }
}

/* From the gradient by an operator's output to that by its input. */
static void lay_through(wt_engine *e, int op) {
    wt_engine_plan *plan = e->plan;
    const wt_op *o = &e->graph->ops[op];
    const wt_op_class *class = wt_engine_op_class(e->graph, op);
    const wt_op_plan *own = &plan->ops[op];
    const int output = plan->values[o->output].buffer;
    const bool apart = own->input_gradient >= 0;
    wt_layout_call(plan, class->backward, op);
    wt_layout_use(plan, plan->values[o->output].gradient, 0, class->flags & WT_PULLED ? WT_WHOLE : WT_READS);
    if (class->flags & WT_KEEPS_INPUT) wt_layout_use(plan, own->work, 0, WT_READS);
    if (class->flags & WT_KEEPS_OUTPUT) wt_layout_use(plan, output, 0, WT_READS);
    for (int n = o->first_term; n < o->first_term + o->term_count; n++) { /* an upsample's weights */
        wt_layout_use(plan, plan->values[e->graph->terms[n].value].buffer, 0, WT_READS);
        wt_layout_use(plan, plan->values[o->input].buffer, 0, WT_READS);
    }
    wt_layout_use(plan, own->stretch_gradient, 0, WT_WRITES);
    wt_layout_use(plan, own->state, 0, class->remake ? WT_WRITES : WT_READS);
    wt_layout_use(plan, apart ? own->input_gradient : plan->values[o->input].gradient, 0, WT_WRITES);
    if (class->flags & WT_REMAKES && !class->remake) wt_layout_use(plan, output, 0, WT_WRITES);
    if (!apart) lay_made(e, o->input);
}

/* Batch norm: the sums now, the rest in the next stage. */
static void lay_backward_sums(wt_engine *e, int op) {
    wt_layout_call(e->plan, wt_engine_op_class(e->graph, op)->gather[WT_BACKWARD], op);
    wt_layout_use(e->plan, value_plan(e, e->graph->ops[op].output)->gradient, 0, WT_READS);
    wt_layout_use(e->plan, e->plan->ops[op].work, 0, WT_READS);
    newest(e)->after_op = op;
}

/* --- a stage --- */

/* The sums in double of a stage's norms stand before all others. */
static void lay_moments(wt_engine *e, const wt_stage *forward) {
    wt_engine_plan *plan = e->plan;
    const size_t reals = sizeof(double) / sizeof(wt_real);
    for (int op = forward->first_op; op < forward->first_op + forward->op_count; op++) {
        const wt_op *o = &e->graph->ops[op];
        if (!(wt_engine_op_class(e->graph, op)->flags & WT_MOMENTS)) continue;
        const size_t width = (size_t)wt_engine_value(e, o->output)->channels;
        plan->ops[op].sums_at = add_partial_sum(e, width, o->tensors[1], 0, 1, false);
        add_partial_sum(e, width, o->tensors[0], 0, 1, false);
        for (int p = plan->part_count - 2; plan->status == WT_OK && p < plan->part_count; p++)
            plan->parts[p].wide = true;
        /* forward's sums of batch norm, in the stage before, stand at the same place */
        if (wt_engine_op_class(e->graph, op)->gather[WT_FORWARD])
            plan->stages[plan->ops[op].stage - 1].sums_each = newest(e)->sums_each * reals;
    }
    newest(e)->sums_each *= reals;
}

static void lay_remakes(wt_engine *e, int stage) {
    for (int op = 0; op < e->graph->op_count; op++) {
        const int output = e->graph->ops[op].output;
        if (output >= 0 && remake_stage(e, op) == stage && is_made_first(e, output))
            wt_layout_forward(e, op, wt_engine_remake_call);
    }
}

/* A readout's weights and bias. */
static void lay_readout(wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    if (o->tensors[0] < 0) return;
    e->plan->ops[op].sums_at = add_partial_sum(e, (size_t)o->taps, o->tensors[0], 0, 1, false);
    if (o->tensors[1] >= 0) add_partial_sum(e, 1, o->tensors[1], 0, 1, false);
    wt_layout_call(e->plan, wt_engine_op_class(e->graph, op)->weights, op);
    wt_layout_use(e->plan, value_plan(e, o->input)->buffer, 0, WT_WHOLE);
}

/* The gradient by an operator's output, where that is made here. */
static void lay_gradient(wt_engine *e, int value) {
    const int sole = wt_layout_sole_reader(e, value);
    if (is_gathered(e, value)) {
        lay_gather(e, value);
    } else if (sole >= 0 && (wt_engine_op_class(e->graph, sole)->flags & WT_PULLED)) {
        lay_through(e, sole);
        /* it stands there: of a loss, a fuse */
    } else if (sole >= 0 && !wt_engine_op_class(e->graph, sole)->backward) {
        lay_made(e, value);
    }
}

static void lay_backward_operator(wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    const wt_op_class *class = wt_engine_op_class(e->graph, op);
    if (o->output < 0) return;
    const wt_value_plan *y = value_plan(e, o->output);
    lay_gradient(e, o->output);
    if (class->weights && class->panels(e->graph, o) == 0) lay_readout(e, op);
    if (class->gather[WT_BACKWARD]) {
        lay_backward_sums(e, op);
    } else if (class->backward && !(class->flags & WT_PULLED) && !wt_graph_is_input(e->graph, o->input)) {
        lay_through(e, op);
    }
    if (y->meets && !class->remake) lay_available(e, o->output);
    if (y->remade && class->remake && !value_plan(e, o->input)->meets) lay_remake(e, op);
    if (wt_engine_value(e, o->output)->extent == WT_EXTENT_TARGETS) return;
    for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
        if (!value_plan(e, e->graph->terms[n].value)->meets) lay_weights(e, n);
    }
}

/* Panels: a stage of their own behind the gradient's. */
static void add_panels(wt_engine *e, const wt_stage *forward, int op) {
    wt_engine_plan *plan = e->plan;
    const wt_op *o = &e->graph->ops[op];
    const wt_op_class *class = wt_engine_op_class(e->graph, op);
    const wt_stage panels = {.kind = WT_STAGE_PANELS,
                             .phase = WT_BACKWARD,
                             .extent = forward->extent,
                             .left = forward->left,
                             .first_op = op,
                             .units = class->panels ? class->panels(e->graph, o) : 0};
    if (panels.units == 0) return;
    WT_PLAN_APPEND(plan, stages, stage_count, &panels);
    const int own = plan->stage_count - 1;
    wt_layout_use(plan, plan->values[o->output].gradient, 0, WT_WHOLE);
    if (o->input >= 0) wt_layout_use(plan, plan->values[o->input].buffer, 0, WT_WHOLE);
    for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
        wt_layout_use(plan, plan->values[e->graph->terms[n].value].buffer, 0, WT_WHOLE);
        plan->finished_by[e->graph->terms[n].tensor] = own;
    }
    for (int b = o->first_bias; b < o->first_bias + o->bias_count; b++)
        plan->finished_by[e->graph->biases[b].tensor] = own;
    wt_layout_use(plan, plan->ops[op].state, 0, WT_WHOLE | WT_WRITES);
    for (int t = 0; o->term_count == 0 && t < (o->kind == WT_OP_STRETCH ? 4 : 2); t++) { /* a look-up's, … */
        if (o->tensors[t] >= 0) plan->finished_by[o->tensors[t]] = own;
    }
}

/* The stage that adds up partial gradients from `first_part` on, in chunks. */
static void add_reduction(wt_engine *e, wt_extent extent, int first_part) {
    wt_engine_plan *plan = e->plan;
    wt_stage sums = {.kind = WT_STAGE_SUMS,
                     .phase = WT_BACKWARD,
                     .extent = extent,
                     .first_part = first_part,
                     .part_count = plan->part_count - first_part};
    for (int p = first_part; p < plan->part_count; p++)
        sums.units += wt_tasks_count((int64_t)plan->parts[p].count, WT_SUM_CHUNK);
    if (sums.units) WT_PLAN_APPEND(plan, stages, stage_count, &sums);
}

/* Backward of a stage of forward, in a stage of its own; the loss's stage goes on to it in forward. */
static void lay_stage(wt_engine *e, int number) {
    wt_engine_plan *plan = e->plan;
    const wt_stage forward = plan->stages[number];
    const int first_part = plan->part_count;
    if (!forward.turns) {
        wt_stage stage = {.phase = WT_BACKWARD,
                          .extent = forward.extent,
                          .left = forward.left,
                          .tile_rows = forward.tile_rows,
                          .unit_rows = forward.unit_rows};
        if (stage.extent == WT_EXTENT_TIME) {
            stage.tile_rows = forward.whole_windows ? WT_LOSS_TILE : WT_TILE;
            stage.unit_rows = forward.whole_windows ? e->shape.targets + forward.left : plan->segment;
        }
        WT_PLAN_APPEND(plan, stages, stage_count, &stage);
    }
    if (plan->status != WT_OK) return;
    lay_moments(e, &forward);
    if (forward.after_op && !wt_graph_is_input(e->graph, e->graph->ops[forward.after_op].input))
        lay_through(e, forward.after_op);
    if (!forward.turns) lay_remakes(e, number);
    for (int op = forward.first_op + forward.op_count - 1; op >= forward.first_op; op--)
        lay_backward_operator(e, op);
    add_reduction(e, forward.extent, first_part);
    for (int op = forward.first_op + forward.op_count - 1; op >= forward.first_op; op--)
        add_panels(e, &forward, op);
}

void wt_engine_plan_backward(wt_engine *e) {
    wt_engine_plan *plan = e->plan;
    const int values = e->graph->value_count;
    for (int v = values - 1; v >= 0 && plan->status == WT_OK; v--) {
        if (!wt_graph_is_input(e->graph, v)) plan->values[v].gradient = gradient_buffer(e, v);
    }
    for (int v = 0; v < values && plan->status == WT_OK; v++) plan->values[v].remade = is_remade(e, v);
    for (int v = 0; v < values && plan->status == WT_OK; v++) plan->values[v].meets = meets_weights(e, v);
    for (int s = plan->forward_count - 1; s >= 0 && plan->status == WT_OK; s--) lay_stage(e, s);
}
