/*
 * What laying out forward and backward share: who reads a value, buffers, and the calls and uses of the
 * newest stage.
 */
#include "operators.h"

int wt_layout_readers(const wt_engine *e, int value) {
    return e->plan->values[value + 1].first_reader - e->plan->values[value].first_reader;
}

int wt_layout_sole_reader(const wt_engine *e, int value) {
    if (wt_layout_readers(e, value) != 1) return -1;
    const int op = e->plan->readers[e->plan->values[value].first_reader].op;
    return e->graph->ops[op].input == value ? op : -1;
}

/* What adds to a sum that nobody else reads works in place of it. */
bool wt_layout_adds_in_place(const wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    if (o->add < 0 || o->add_delay != 0 || o->scale != 1 || wt_layout_readers(e, o->add) != 1) return false;
    const wt_value *before = wt_engine_value(e, o->add);
    if (before->left != wt_engine_value(e, o->output)->left || before->producer < 0) return false;
    const wt_op *made = &e->graph->ops[before->producer];
    return (made->kind == WT_OP_PRODUCT || made->kind == WT_OP_UPSAMPLE) && made->scale == 1;
}

int wt_layout_buffer(wt_engine *e, int value, int channels) {
    const wt_value *v = wt_engine_value(e, value);
    const wt_buffer buffer = {
        .channels = channels, .rows = v->rows, .left = wt_engine_left(e, value), .extent = v->extent};
    WT_PLAN_APPEND(e->plan, buffers, buffer_count, &buffer);
    return e->plan->buffer_count - 1;
}

void wt_layout_call(wt_engine_plan *plan, wt_tile_work *run, int item) {
    if (plan->status != WT_OK) return;
    const wt_call call = {run, item};
    wt_stage *stage = &plan->stages[plan->stage_count - 1];
    if (stage->call_count++ == 0) stage->first_call = plan->call_count;
    WT_PLAN_APPEND(plan, calls, call_count, &call);
}

void wt_layout_use(wt_engine_plan *plan, int buffer, int delay, unsigned how) {
    const wt_use use = {buffer, plan->stage_count - 1, delay, how, -1};
    if (plan->status != WT_OK || buffer < 0) return;
    if (how & WT_WHOLE) plan->buffers[buffer].whole = true;
    WT_PLAN_APPEND(plan, uses, use_count, &use);
}

void wt_layout_operands(wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    const wt_value_plan *values = e->plan->values;
    for (int n = o->first_term; n < o->first_term + o->term_count; n++)
        wt_layout_use(e->plan, values[e->graph->terms[n].value].buffer, e->graph->terms[n].delay, WT_READS);
    if (o->add >= 0) wt_layout_use(e->plan, values[o->add].buffer, o->add_delay, WT_READS);
    if (o->input < 0) return;
    /* the loss makes its gradient in place; over a list of targets it takes a microbatch at once, some a
     * window */
    const bool loss = o->kind == WT_OP_LOSS, list = wt_engine_value(e, o->input)->extent == WT_EXTENT_TARGETS;
    const bool whole = o->kind == WT_OP_READOUT || o->kind == WT_OP_UPSAMPLE || (loss && list) ||
                       wt_loss_takes_windows(e, o);
    wt_layout_use(e->plan, values[o->input].buffer, 0, (whole ? WT_WHOLE : 0) | (loss ? WT_WRITES : 0));
}

void wt_layout_forward(wt_engine *e, int op, wt_tile_work *run) {
    const wt_op *o = &e->graph->ops[op];
    const wt_op_plan *own = &e->plan->ops[op];
    const bool reads = o->kind == WT_OP_READOUT || o->kind == WT_OP_UPSAMPLE || o->kind == WT_OP_FUSE;
    if (run) wt_layout_call(e->plan, run, op);
    wt_layout_operands(e, op);
    wt_layout_use(e->plan, own->work, 0, reads ? WT_READS : WT_WRITES);
    wt_layout_use(e->plan, own->state, 0, WT_WRITES);
    if (o->output >= 0) wt_layout_use(e->plan, e->plan->values[o->output].buffer, 0, WT_WRITES);
}
