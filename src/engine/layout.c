/* What laying out forward and backward share: who reads a value, buffers, and the calls and uses of the newest stage. */
#include "engine_internal.h"
#include "wavetrain/memory.h"

#define APPEND(plan, items, count, item)                                                               \
    ((plan)->status == WT_OK ? (void)((plan)->status = wt_append(&(plan)->items, &(plan)->count, item, \
                                                                 sizeof *(item), "the plan"))          \
                             : (void)0)

int wt_engine_plan_readers(const wt_engine_plan *plan, int value) {
    return plan->first_reader[value + 1] - plan->first_reader[value];
}

int wt_engine_plan_sole_reader(const wt_engine_plan *plan, const wt_engine *e, int value) {
    if (wt_engine_plan_readers(plan, value) != 1) return -1;
    const int op = plan->readers[plan->first_reader[value]].op;
    return e->graph->ops[op].input == value ? op : -1;
}

/* A product that adds to a sum which nobody else reads works in place of it. */
bool wt_engine_plan_adds_in_place(const wt_engine_plan *plan, const wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    if (o->add < 0 || o->add_delay != 0 || o->scale != 1) return false;
    const wt_value *before = wt_value_of(e, o->add);
    return wt_engine_plan_readers(plan, o->add) == 1 && before->left == wt_value_of(e, o->output)->left &&
           before->producer >= 0 && e->graph->ops[before->producer].kind == WT_OP_PRODUCT &&
           e->graph->ops[before->producer].scale == 1;
}

int wt_engine_plan_buffer(wt_engine_plan *plan, const wt_engine *e, int value, int channels) {
    const wt_value *v = wt_value_of(e, value);
    const wt_buffer buffer = {
        .channels = channels, .rows = v->rows, .left = e->left[value], .extent = v->extent};
    APPEND(plan, buffers, buffer_count, &buffer);
    return plan->buffer_count - 1;
}

void wt_engine_plan_call(wt_engine_plan *plan, void (*run)(const wt_engine *, int, const wt_tile *),
                         int item) {
    const wt_call call = {run, item};
    wt_stage *stage = &plan->stages[plan->stage_count - 1];
    if (plan->status != WT_OK) return;
    if (stage->call_count == 0) stage->first_call = plan->call_count;
    APPEND(plan, calls, call_count, &call);
    stage->call_count++;
}

void wt_engine_plan_use(wt_engine_plan *plan, const struct wt_use *use) {
    if (plan->status != WT_OK || use->buffer < 0) return;
    if (use->whole) plan->buffers[use->buffer].whole = true;
    APPEND(plan, uses, use_count, use);
}
