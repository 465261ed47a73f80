/*
 * The plan of backward, from the last stage of forward to the first. A stage's unit makes in one go, tile
 * after tile, while they are in the cache:
 *
 *   rows that forward has not kept, once more (a gate's output from its tanh and sigmoid; with `recompute` all that lies
 *   between the inputs of layers);
 *   the gradient by each operator's output, gathered from its readers (each row is made once, by one unit);
 *   through the operator, the gradient by its input;
 *   the partial gradients of weights and biases, added up over the unit's rows in their order.
 *
 * Partial gradients are added by stages of their own (sums.c). Where targets have rows of their own,
 * weights' gradients are made by panels over a microbatch's rows at once instead. The gradient by a value
 * stands for the gradient by the sum of the product that made it: the product's scale is in it.
 */
#include "operators.h"
#include "wavetrain/memory.h"

typedef struct {
    wt_engine_plan *plan;
    const wt_engine *e;
    const wt_graph *graph;
    bool *needs, *remade; /* [values] */
    bool *meets;          /* [values]: it meets its weights where it was made, not where they were applied */
    int stage;            /* of the plan, that is laid out */
    size_t partial;       /* elements of its units' sums so far */
    int pending;          /* batch norm whose gradient by its input the next stage begins with; −1: none */
} layout;

#define APPEND(l, items, count, item)                                                                        \
    ((l)->plan->status == WT_OK ? (void)((l)->plan->status = wt_append(&(l)->plan->items, &(l)->plan->count, \
                                                                       item, sizeof *(item), "the plan"))    \
                                : (void)0)

/* --- which values have gradients, and where --- */

/* All values but the batch's signal. */
static void find_needs(layout *l) {
    for (int v = 0; v < l->graph->value_count; v++) l->needs[v] = l->graph->values[v].producer >= 0;
}

/* A product that takes a value's place, adding to it; −1: none. */
static int adder_of(const layout *l, int value) {
    const wt_engine_plan *plan = l->plan;
    if (plan->first_reader[value + 1] - plan->first_reader[value] != 1) return -1;
    const int op = plan->readers[plan->first_reader[value]].op;
    return l->graph->ops[op].add == value && wt_engine_plan_adds_in_place(plan, l->e, op) ? op : -1;
}

static int gradient_buffer(layout *l, int value) {
    wt_engine_plan *plan = l->plan;
    const int channels = wt_value_of(l->e, value)->channels, adder = adder_of(l, value);
    const int sole = wt_engine_plan_sole_reader(plan, l->e, value);
    if (adder >= 0) return plan->gradient[l->graph->ops[adder].output];
    if (sole >= 0) {
        const wt_op *o = &l->graph->ops[sole];
        if (o->kind == WT_OP_LOSS) return plan->value[value];
        if (o->kind == WT_OP_FUSE || (wt_class(l->graph, sole)->flags & WT_GRADIENT_IN_PLACE))
            return plan->gradient[o->output];
        return wt_engine_plan_buffer(plan, l->e, value, channels);
    }
    for (int n = plan->first_reader[value]; n < plan->first_reader[value + 1]; n++) {
        const int op = plan->readers[n].op;
        if (l->graph->ops[op].input == value)
            plan->input_gradient[op] = wt_engine_plan_buffer(plan, l->e, l->graph->ops[op].output, channels);
    }
    return wt_engine_plan_buffer(plan, l->e, value, channels);
}

static void place_gradients(layout *l) {
    for (int v = l->graph->value_count - 1; v >= 0 && l->plan->status == WT_OK; v--) {
        if (l->needs[v]) l->plan->gradient[v] = gradient_buffer(l, v);
    }
}

/* Whether a value's gradient is gathered from its readers where it was made; else its sole reader makes it. */
static bool is_gathered(const layout *l, int value) {
    return l->needs[value] && adder_of(l, value) < 0 && wt_engine_plan_sole_reader(l->plan, l->e, value) < 0;
}

static void list_sources(layout *l) {
    wt_engine_plan *plan = l->plan;
    for (int v = 0; v <= l->graph->value_count; v++) {
        plan->first_source[v] = plan->source_count;
        if (v == l->graph->value_count || !is_gathered(l, v)) continue;
        for (int n = plan->first_reader[v]; n < plan->first_reader[v + 1]; n++) {
            const struct wt_reader *reader = &plan->readers[n];
            const wt_op *o = &l->graph->ops[reader->op];
            if (o->output < 0 || plan->gradient[o->output] < 0) continue;
            const wt_value *y = wt_value_of(l->e, o->output);
            wt_source source = {plan->gradient[o->output], y->left, y->channels, reader->delay, SIZE_MAX};
            if (reader->term >= 0) source.packed = plan->backward_at[reader->term];
            if (o->input == v) source.buffer = plan->input_gradient[reader->op];
            if (o->input == v) source.channels = wt_value_of(l->e, v)->channels;
            if (plan->status == WT_OK && plan->source_count - plan->first_source[v] == WT_SOURCES)
                plan->status = wt_error(WT_FAILED, "a network's value is read more than %d times",
                                        WT_SOURCES);
            APPEND(l, sources, source_count, &source);
        }
    }
}

/* --- what backward makes once more --- */

/* The stage of forward in whose backward an operator's rows are made again: behind batch norm's sums. */
static int remake_stage(const layout *l, int op) {
    const int stage = l->plan->stage_of[op];
    return l->plan->stages[stage].after_op >= 0 ? stage + 1 : stage;
}

/* Whether all readers find a value that exists only while its stage's backward is at the tile. */
static bool readers_allow(const layout *l, int value, bool unary_only) {
    const int own = remake_stage(l, wt_value_of(l->e, value)->producer);
    for (int n = l->plan->first_reader[value]; n < l->plan->first_reader[value + 1]; n++) {
        const struct wt_reader *reader = &l->plan->readers[n];
        const bool unary = l->graph->ops[reader->op].input == value;
        if (unary && remake_stage(l, reader->op) != own) return false;
        if (unary && (wt_class(l->graph, reader->op)->flags & WT_KEEPS_INPUT) && !l->e->shape.recompute)
            return false;
        if (!unary && (unary_only || (reader->term >= 0 && reader->delay > 0))) return false;
    }
    return true;
}

/* The same of all that operators with one input make of the value, some of it in its place. */
static bool chain_allows(const layout *l, int value, bool unary_only) {
    if (!readers_allow(l, value, unary_only)) return false;
    for (int n = l->plan->first_reader[value]; n < l->plan->first_reader[value + 1]; n++) {
        const wt_op *o = &l->graph->ops[l->plan->readers[n].op];
        if (o->input == value && o->output >= 0 && !chain_allows(l, o->output, false)) return false;
    }
    return true;
}

/* Whether a value is made once more before its stage's backward begins, from a product on, and not on the
 * way. */
static bool is_made_first(const layout *l, int value) {
    const int op = wt_value_of(l->e, value)->producer;
    if (!l->remade[value]) return false;
    if (l->graph->ops[op].kind == WT_OP_PRODUCT) return true;
    return !wt_class(l->graph, op)->remake && is_made_first(l, l->graph->ops[op].input);
}

static bool is_remade(const layout *l, int value) {
    const int op = wt_value_of(l->e, value)->producer;
    const bool recompute = l->e->shape.recompute;
    if (!l->needs[value] || wt_value_of(l->e, value)->extent != WT_EXTENT_TIME) return false;
    if (op < 0 || l->plan->stages[remake_stage(l, op)].turns) return false;
    const wt_op *o = &l->graph->ops[op];
    if (wt_class(l->graph, op)->flags & WT_REMAKES) return chain_allows(l, value, false);
    if (o->kind == WT_OP_PRODUCT)
        return recompute && !wt_engine_plan_adds_in_place(l->plan, l->e, op) && chain_allows(l, value, true);
    return recompute && o->input >= 0 && is_made_first(l, o->input);
}

/* A value that an operator with one input has made is near when that operator's gradient is. */
static bool meets_weights(const layout *l, int value) {
    const int op = wt_value_of(l->e, value)->producer;
    if (l->remade[value]) return true;
    if (!l->needs[value] || op < 0 || !(wt_class(l->graph, op)->flags & WT_KEEPS_OUTPUT)) return false;
    return wt_value_of(l->e, value)->extent == WT_EXTENT_TIME &&
           !l->plan->stages[remake_stage(l, op)].turns && readers_allow(l, value, false);
}

/* --- the newest stage's calls, and what they touch --- */

static void use(layout *l, int buffer, bool writes) {
    wt_engine_plan_use(l->plan, &(struct wt_use){.buffer = buffer, .stage = l->stage, .writes = writes});
}

static void use_at(layout *l, int buffer, int delay, bool whole) {
    wt_engine_plan_use(l->plan, &(struct wt_use){buffer, l->stage, delay, delay, false, whole});
}

static void add_part(layout *l, size_t at, size_t count, bool wide, int tensor, size_t offset,
                     double factor) {
    const wt_share share = {l->graph->tensors[tensor].offset + offset, (wt_real)factor};
    const wt_part part = {l->stage, at, count, wide, l->plan->share_count, 1};
    APPEND(l, shares, share_count, &share);
    APPEND(l, parts, part_count, &part);
}

/* The newest part stands for one more tensor. */
static void add_share(layout *l, int tensor, double factor) {
    const wt_share share = {l->graph->tensors[tensor].offset, (wt_real)factor};
    APPEND(l, shares, share_count, &share);
    if (l->plan->status == WT_OK) l->plan->parts[l->plan->part_count - 1].share_count++;
}

/* The weights of one term, from rows of x that are there. */
static void lay_weights(layout *l, int number) {
    const wt_term *term = &l->graph->terms[number];
    const int y = l->graph->ops[term->op].output;
    const size_t in = (size_t)wt_value_of(l->e, term->value)->channels,
                 count = in * (size_t)wt_value_of(l->e, y)->channels;
    if (term->tensor < 0) return;
    l->plan->weights_at[number] = (int)l->partial;
    add_part(l, l->partial, count, false, term->tensor, (size_t)term->tap * count, term->scale);
    l->partial += count;
    wt_engine_plan_call(l->plan, wt_term_weights_call, number);
    use_at(l, l->plan->value[term->value], term->delay, false);
    use_at(l, l->plan->gradient[y], 0, false);
}

/* The gradient by a value is there: so are those of the biases in what made it, one sum for all of them. */
static void lay_biases(layout *l, int value) {
    const wt_value *v = wt_value_of(l->e, value);
    bool any = false;
    if (v->extent == WT_EXTENT_TARGETS) return;
    for (int op = v->producer; op >= 0;) {
        const wt_op *o = &l->graph->ops[op];
        for (int b = o->first_bias; b < o->first_bias + o->bias_count; b++) {
            const wt_bias *bias = &l->graph->biases[b];
            if (any) {
                add_share(l, bias->tensor, bias->scale);
            } else {
                add_part(l, l->partial, (size_t)v->channels, false, bias->tensor, 0, bias->scale);
            }
            any = true;
        }
        op = wt_engine_plan_adds_in_place(l->plan, l->e, op) ? wt_value_of(l->e, o->add)->producer : -1;
    }
    if (!any) return;
    l->plan->bias_at[value] = (int)l->partial;
    l->partial += (size_t)v->channels;
    wt_engine_plan_call(l->plan, wt_bias_call, value);
    use(l, l->plan->gradient[value], false);
}

/* The gradient by a value is there, but for the scale of the product that made it. */
static void lay_made(layout *l, int value) {
    const int op = wt_value_of(l->e, value)->producer;
    if (op >= 0 && l->graph->ops[op].kind == WT_OP_PRODUCT && l->graph->ops[op].scale != 1) {
        wt_engine_plan_call(l->plan, wt_scale_call, value);
        use(l, l->plan->gradient[value], true);
    }
    lay_biases(l, value);
}

static void lay_gather(layout *l, int value) {
    wt_engine_plan *plan = l->plan;
    wt_engine_plan_call(plan, wt_gather_call, value);
    for (int n = plan->first_source[value]; n < plan->first_source[value + 1]; n++)
        use_at(l, plan->sources[n].buffer, -plan->sources[n].delay, false);
    use(l, plan->gradient[value], true);
    lay_biases(l, value);
}

static void lay_available(layout *l, int value);

/* Makes an operator's output once more, behind its input's. */
static void lay_remake(layout *l, int op) {
    const wt_op *o = &l->graph->ops[op];
    wt_engine_plan_call(l->plan, wt_class(l->graph, op)->remake, op);
    use(l, l->plan->value[o->input], false);
    use(l, l->plan->state[op], false);
    use(l, l->plan->value[o->output], true);
    lay_available(l, o->output);
}

/* A value that is made once more is there: so are the gradients of the weights that it meets, and what
 * follows from it. */
static void lay_available(layout *l, int value) {
    for (int n = l->plan->first_reader[value + 1] - 1; n >= l->plan->first_reader[value]; n--) {
        const struct wt_reader *reader = &l->plan->readers[n];
        if (reader->term >= 0) {
            lay_weights(l, reader->term);
        } else if (wt_class(l->graph, reader->op)->remake && l->remade[l->graph->ops[reader->op].output]) {
            lay_remake(l, reader->op);
        }
    }
}

/* From the gradient by an operator's output to that by its input. */
static void lay_through(layout *l, int op) {
    wt_engine_plan *plan = l->plan;
    const wt_op *o = &l->graph->ops[op];
    const wt_op_class *class = wt_class(l->graph, op);
    const bool own = plan->input_gradient[op] >= 0;
    const int dx = own ? plan->input_gradient[op] : plan->gradient[o->input];
    wt_engine_plan_call(plan, class->backward, op);
    use(l, plan->gradient[o->output], false);
    if (class->flags & WT_KEEPS_INPUT) use(l, plan->work[op], false);
    if (class->flags & WT_KEEPS_OUTPUT) use(l, plan->value[o->output], false);
    use(l, plan->state[op], class->remake != NULL);
    use(l, dx, true);
    if (class->flags & WT_REMAKES && !class->remake) use(l, plan->value[o->output], true);
    if (!own) lay_made(l, o->input);
}

/* Batch norm: the sums now, the rest in the next stage. */
static void lay_sums(layout *l, int op) {
    const wt_op *o = &l->graph->ops[op];
    wt_engine_plan_call(l->plan, wt_class(l->graph, op)->gather[WT_BACKWARD], op);
    use(l, l->plan->gradient[o->output], false);
    use(l, l->plan->work[op], false);
    l->plan->stages[l->stage].after_op = op;
    l->pending = op;
}

/* --- a stage --- */

static void lay_moments(layout *l, const wt_stage *stage) {
    size_t doubles = 0;
    for (int op = stage->first_op; op < stage->first_op + stage->op_count; op++) {
        const wt_op *o = &l->graph->ops[op];
        if (!wt_class(l->graph, op)->moments) continue;
        const size_t width = wt_class(l->graph, op)->moments(l->graph, o) / 2;
        l->plan->partial_at[op] = (int)doubles;
        add_part(l, doubles, width, true, o->tensors[1], 0, 1);
        add_part(l, doubles + width, width, true, o->tensors[0], 0, 1);
        doubles += 2 * width;
    }
    l->partial = doubles * (sizeof(double) / sizeof(wt_real));
}

static void lay_remakes(layout *l, int stage) {
    for (int op = 0; op < l->graph->op_count; op++) {
        const wt_op *o = &l->graph->ops[op];
        if (o->output < 0 || remake_stage(l, op) != stage) continue;
        if (!is_made_first(l, o->output)) continue;
        wt_engine_plan_call(l->plan, wt_remake_call, op);
        for (int n = o->first_term; n < o->first_term + o->term_count; n++)
            use_at(l, l->plan->value[l->graph->terms[n].value], l->graph->terms[n].delay, false);
        if (o->add >= 0) use_at(l, l->plan->value[o->add], o->add_delay, false);
        use(l, l->plan->work[op], true);
        use(l, l->plan->state[op], true);
        use(l, l->plan->value[o->output], true);
    }
}

/* A readout's weights and bias. */
static void lay_readout(layout *l, int op) {
    const wt_op *o = &l->graph->ops[op];
    if (o->tensors[0] < 0) return;
    l->plan->partial_at[op] = (int)l->partial;
    add_part(l, l->partial, (size_t)o->taps, false, o->tensors[0], 0, 1);
    l->partial += (size_t)o->taps;
    if (o->tensors[1] >= 0) add_part(l, l->partial++, 1, false, o->tensors[1], 0, 1);
    wt_engine_plan_call(l->plan, wt_class(l->graph, op)->weights, op);
    use_at(l, l->plan->value[o->input], 0, true);
}

/* The gradient by an operator's output, where that is made here. */
static void lay_gradient(layout *l, int value) {
    const int sole = wt_engine_plan_sole_reader(l->plan, l->e, value);
    if (is_gathered(l, value)) {
        lay_gather(l, value);
    } else if (sole >= 0 && (wt_class(l->graph, sole)->flags & WT_PULLED)) {
        wt_engine_plan_call(l->plan, wt_class(l->graph, sole)->backward, sole);
        use_at(l, l->plan->gradient[l->graph->ops[sole].output], 0, true);
        use(l, l->plan->gradient[value], true);
        lay_made(l, value);
    } else if (sole >= 0 &&
               (l->graph->ops[sole].kind == WT_OP_LOSS || l->graph->ops[sole].kind == WT_OP_FUSE)) {
        lay_made(l, value);
    }
}

static void lay_operator(layout *l, int op) {
    const wt_op *o = &l->graph->ops[op];
    const wt_op_class *class = wt_class(l->graph, op);
    if (o->output < 0 || !l->needs[o->output]) return;
    lay_gradient(l, o->output);
    if (class->weights && class->panels(l->graph, o) == 0) lay_readout(l, op);
    if (class->gather[WT_BACKWARD]) {
        lay_sums(l, op);
    } else if (class->backward && !(class->flags & WT_PULLED) && l->needs[o->input]) {
        lay_through(l, op);
    }
    if (l->meets[o->output] && !class->remake) lay_available(l, o->output);
    if (l->remade[o->output] && class->remake && !l->meets[o->input]) lay_remake(l, op);
    if (wt_value_of(l->e, o->output)->extent == WT_EXTENT_TARGETS) return;
    for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
        if (!l->meets[l->graph->terms[n].value]) lay_weights(l, n);
    }
}

/* Panels: a stage of their own behind the gradient's. */
static void add_panels(layout *l, const wt_stage *stage, int op) {
    const wt_op *o = &l->graph->ops[op];
    const wt_op_class *class = wt_class(l->graph, op);
    const int count = class->panels && l->needs[o->output] ? class->panels(l->graph, o) : 0;
    if (count == 0) return;
    wt_stage panels = {.phase = WT_BACKWARD,
                       .extent = stage->extent,
                       .left = stage->left,
                       .panel_op = op,
                       .parts_of = -1,
                       .after_op = -1,
                       .chunk_count = count};
    APPEND(l, stages, stage_count, &panels);
    l->stage = l->plan->stage_count - 1;
    use_at(l, l->plan->gradient[o->output], 0, true);
    if (o->input >= 0) use_at(l, l->plan->value[o->input], 0, true);
    for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
        use_at(l, l->plan->value[l->graph->terms[n].value], 0, true);
        l->plan->finished_by[l->graph->terms[n].tensor] = l->stage;
    }
    for (int b = o->first_bias; b < o->first_bias + o->bias_count; b++)
        l->plan->finished_by[l->graph->biases[b].tensor] = l->stage;
    for (int t = 0; o->term_count == 0 && t < 2; t++) { /* a look-up's, a readout's */
        if (o->tensors[t] >= 0) l->plan->finished_by[o->tensors[t]] = l->stage;
    }
}

/* The stage that adds up the partial gradients of plan stage `of`, in chunks. */
static void add_reduction(layout *l, int of, int first_part) {
    wt_engine_plan *plan = l->plan;
    wt_stage sums = {.phase = WT_BACKWARD,
                     .extent = plan->stages[of].extent,
                     .panel_op = -1,
                     .parts_of = of,
                     .after_op = -1,
                     .first_chunk = plan->chunk_count};
    if (plan->part_count == first_part || plan->status != WT_OK) return;
    for (int p = first_part; p < plan->part_count; p++) {
        const wt_part *part = &plan->parts[p];
        for (size_t from = 0; from < part->count; from += WT_SUM_CHUNK) {
            const size_t left = part->count - from;
            const struct wt_chunk chunk = {p, from, left < WT_SUM_CHUNK ? left : WT_SUM_CHUNK};
            APPEND(l, chunks, chunk_count, &chunk);
        }
        for (int n = part->first_share; n < part->first_share + part->share_count; n++) {
            for (int t = 0; t < l->graph->tensor_count; t++) {
                const wt_parameter *tensor = &l->graph->tensors[t];
                const size_t offset = plan->shares[n].offset;
                if (offset >= tensor->offset && offset < tensor->offset + tensor->count)
                    plan->finished_by[t] = plan->stage_count;
            }
        }
    }
    sums.chunk_count = plan->chunk_count - sums.first_chunk;
    APPEND(l, stages, stage_count, &sums);
}

static wt_stage begin_backward(const layout *l, const wt_stage *forward) {
    wt_stage stage = *forward;
    stage.phase = WT_BACKWARD;
    stage.first_call = stage.call_count = 0;
    stage.after_op = -1;
    if (stage.extent == WT_EXTENT_TIME) {
        stage.tile_rows = forward->whole_windows ? WT_LOSS_TILE : WT_TILE;
        stage.unit_rows = forward->whole_windows ? l->e->shape.targets + forward->left : l->plan->segment;
    }
    return stage;
}

/* Backward of a stage of forward, in a stage of its own; the loss's stage goes on to it in forward. */
static void lay_stage(layout *l, int number) {
    wt_engine_plan *plan = l->plan;
    const wt_stage forward = plan->stages[number];
    const int first_part = plan->part_count;
    l->partial = 0;
    if (!forward.turns) {
        const wt_stage stage = begin_backward(l, &forward);
        APPEND(l, stages, stage_count, &stage);
    }
    if (plan->status != WT_OK) return;
    const int own = l->stage = plan->stage_count - 1;
    lay_moments(l, &forward);
    if (l->pending >= 0) {
        const int op = l->pending;
        l->pending = -1;
        if (l->needs[l->graph->ops[op].input]) lay_through(l, op);
    }
    if (!forward.turns) lay_remakes(l, number);
    for (int op = forward.first_op + forward.op_count - 1; op >= forward.first_op; op--) lay_operator(l, op);
    if (plan->status != WT_OK) return;
    plan->stages[own].sums_each = l->partial;
    add_reduction(l, own, first_part);
    for (int op = forward.first_op + forward.op_count - 1; op >= forward.first_op; op--)
        add_panels(l, &forward, op);
}

static wt_status take_arrays(wt_engine_plan *plan, const wt_graph *graph) {
    const size_t terms = (size_t)graph->term_count, values = (size_t)graph->value_count;
    WT_TRY(wt_alloc(&plan->weights_at, terms, sizeof(int), "the plan"));
    WT_TRY(wt_alloc(&plan->partial_at, (size_t)graph->op_count, sizeof(int), "the plan"));
    WT_TRY(wt_alloc(&plan->bias_at, values, sizeof(int), "the plan"));
    WT_TRY(wt_alloc(&plan->finished_by, (size_t)graph->tensor_count, sizeof(int), "the plan"));
    WT_TRY(wt_alloc(&plan->first_source, values + 1, sizeof(int), "the plan"));
    for (int t = 0; t < graph->tensor_count; t++) plan->finished_by[t] = -1;
    return WT_OK;
}

void wt_engine_plan_backward(wt_engine_plan *plan, const wt_engine *e) {
    layout l = {.plan = plan, .e = e, .graph = e->graph, .pending = -1};
    bool *flags = NULL;
    const size_t values = (size_t)e->graph->value_count;
    plan->status = take_arrays(plan, e->graph);
    if (plan->status == WT_OK) plan->status = wt_alloc(&flags, 3 * values, sizeof *flags, "the plan");
    if (plan->status != WT_OK) return;
    l.needs = flags;
    l.remade = flags + values;
    l.meets = flags + 2 * values;
    find_needs(&l);
    place_gradients(&l);
    list_sources(&l);
    for (int v = 0; v < e->graph->value_count && plan->status == WT_OK; v++) l.remade[v] = is_remade(&l, v);
    for (int v = 0; v < e->graph->value_count && plan->status == WT_OK; v++)
        l.meets[v] = meets_weights(&l, v);
    for (int s = plan->forward_count - 1; s >= 0 && plan->status == WT_OK; s--) lay_stage(&l, s);
    wt_free(flags);
}
