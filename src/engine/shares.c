#include "shares.h"

#include <string.h>

#include "operators.h"

enum { SHARED_WEIGHTS = 8192 /* of a product: fewer are read in less time than a barrier takes */ };

static bool divisible(int channels, int threads) {
    return channels > (threads - 1) * WT_SHARE_GRANULE;
}

/* --- who does what --- */

static double weights_of(const wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    double count = 0;
    for (int n = o->first_term; n < o->first_term + o->term_count; n++)
        count += (double)wt_engine_value(e, e->graph->terms[n].value)->channels;
    return count * wt_engine_value(e, o->output)->channels;
}

static bool is_timed(const wt_engine *e, int value) {
    return wt_engine_value(e, value)->extent == WT_EXTENT_TIME;
}

/* Whether all that a product reads and writes is of time: then its rows stand in rings. */
static bool is_timed_product(const wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    if (o->kind != WT_OP_PRODUCT || !is_timed(e, o->output)) return false;
    if (o->add >= 0 && !is_timed(e, o->add)) return false;
    for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
        const wt_term *term = &e->graph->terms[n];
        if (term->tensor < 0 || !is_timed(e, term->value)) return false;
    }
    return true;
}

/* The operator that alone adds a condition to a value, in place of it; −1: there is none. */
static int condition_behind(const wt_engine *e, int value) {
    if (wt_layout_readers(e, value) != 1) return -1;
    const int op = e->plan->readers[e->plan->values[value].first_reader].op;
    const wt_op *o = &e->graph->ops[op];
    return o->kind == WT_OP_UPSAMPLE && o->add == value && wt_layout_adds_in_place(e, op) ? op : -1;
}

/* The gate that alone reads a product's output, in place of it, or that with conditions; −1: there is
 * none. */
static int gate_of(const wt_engine *e, int op) {
    const wt_engine_plan *plan = e->plan;
    const wt_op *o = &e->graph->ops[op];
    int value = o->output, next, count = 0;
    for (; (next = condition_behind(e, value)) >= 0; count++) value = e->graph->ops[next].output;
    const int gate = wt_layout_sole_reader(e, value);
    if (o->term_count > WT_PRODUCT_OPERANDS || count > WT_SHARE_CONDITIONS) return -1;
    if (gate < 0 || e->graph->ops[gate].kind != WT_OP_GATE || o->scale != 1) return -1;
    return plan->ops[gate].work == plan->values[o->output].buffer && o->add < 0 ? gate : -1;
}

int wt_share_condition(const wt_engine *e, int before) {
    return condition_behind(e, e->graph->ops[before].output);
}

static void sort_operators(wt_share_plan *shares, const wt_engine *e) {
    for (int op = 0; op < e->graph->op_count - 1; op++) { /* the last is the loss */
        wt_share_step *step = &shares->steps[op];
        const wt_extent extent = wt_engine_value(e, e->graph->ops[op].output)->extent;
        step->idle |= !wt_engine_op_class(e->graph, op)->forward;
        step->rare = extent == WT_EXTENT_FRAMES || extent == WT_EXTENT_WINDOW;
        step->ready = is_timed_product(e, op);
        const int gate = step->ready ? gate_of(e, op) : -1;
        if (gate < 0) continue;
        step->idle = step->paired = shares->steps[gate].paired = true;
        shares->steps[gate].product = op;
        for (int c = op; (c = wt_share_condition(e, c)) >= 0;) shares->steps[c].idle = true;
    }
}

static void share_products(wt_share_plan *shares, const wt_engine *e, int threads) {
    for (int op = 0; op < e->graph->op_count; op++) {
        wt_share_step *step = &shares->steps[op];
        const wt_value *y = wt_engine_value(e, e->graph->ops[op].output);
        if (!step->ready || weights_of(e, op) < SHARED_WEIGHTS) continue;
        if (!divisible(step->paired ? y->channels / 2 : y->channels, threads)) continue;
        step->mode = WT_SHARE_SOME;
        const int output = step->paired ? e->graph->ops[gate_of(e, op)].output : e->graph->ops[op].output;
        if (step->paired) shares->steps[gate_of(e, op)].mode = WT_SHARE_SOME;
        shares->shared[e->plan->values[output].buffer] = true;
    }
}

static bool is_in_place(const wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    const int buffer = e->plan->values[o->output].buffer;
    return o->kind == WT_OP_ACTIVATION && e->plan->values[o->input].buffer == buffer &&
           e->plan->ops[op].work == buffer;
}

/* Rows that an operator works in, which forward of an upsampling leaves alone: they are its frames'. */
static int work_of(const wt_engine *e, int op) {
    return e->graph->ops[op].kind == WT_OP_UPSAMPLE ? -1 : e->plan->ops[op].work;
}

/* Whoever writes rows that all see does so once. True: something has changed. */
static bool settle(wt_share_plan *shares, const wt_engine *e, int op, int threads) {
    const wt_op *o = &e->graph->ops[op];
    const int written[] = {e->plan->values[o->output].buffer, work_of(e, op), e->plan->ops[op].state};
    bool seen = false;
    for (int i = 0; i < 3; i++) seen |= written[i] >= 0 && shares->shared[written[i]];
    if (!seen || shares->steps[op].mode != WT_SHARE_EACH) return false;
    const bool some = (shares->steps[op].ready || o->kind == WT_OP_UPSAMPLE || is_in_place(e, op)) &&
                      divisible(wt_engine_value(e, o->output)->channels, threads);
    shares->steps[op].mode = some ? WT_SHARE_SOME : WT_SHARE_FIRST;
    for (int i = 0; i < 3; i++) {
        if (written[i] >= 0) shares->shared[written[i]] = true;
    }
    return true;
}

/* --- barriers --- */

/* What has become of rows that all see since the last barrier. */
typedef struct {
    wt_share_mode made; /* by threads for their channels, or by the first; EACH: nobody */
    bool read;          /* of other threads' channels */
} trace;

typedef struct {
    const wt_engine *e;
    wt_share_plan *shares;
    trace *traces; /* [buffers] */
    bool waits;
} tracing;

/* `own`: the reader takes the channels that its thread has made. */
static void read_share_rows(tracing *t, int buffer, bool own, bool note) {
    if (buffer < 0 || !t->shares->shared[buffer]) return;
    trace *b = &t->traces[buffer];
    if (note) {
        b->read |= !own;
    } else {
        t->waits |= b->made != WT_SHARE_EACH && !(own && b->made == WT_SHARE_SOME);
    }
}

static void write_share_rows(tracing *t, int buffer, wt_share_mode mode, bool note) {
    if (buffer < 0 || !t->shares->shared[buffer]) return;
    trace *b = &t->traces[buffer];
    if (note) {
        b->made = mode;
    } else {
        t->waits |= b->read || (b->made != WT_SHARE_EACH && b->made != mode);
    }
}

/* What an operator touches: whether it must wait, then (note) what that means for those after it. Rows of
 * the past were made before the last sample's end, where all wait. A paired product is made by its gate. */
static void touch_memory(tracing *t, int op, bool note) {
    const wt_engine *e = t->e;
    const wt_op *o = &e->graph->ops[op], *from = o;
    const wt_share_step *step = &t->shares->steps[op];
    const bool some = step->mode == WT_SHARE_SOME;
    if (step->paired) from = &e->graph->ops[step->product];
    for (int n = from->first_term; n < from->first_term + from->term_count; n++) {
        const wt_term *term = &e->graph->terms[n];
        if (term->delay == 0) read_share_rows(t, e->plan->values[term->value].buffer, false, note);
    }
    if (o->add >= 0 && o->add_delay == 0) read_share_rows(t, e->plan->values[o->add].buffer, some, note);
    if (o->input >= 0 && !step->paired) read_share_rows(t, e->plan->values[o->input].buffer, some, note);
    write_share_rows(t, e->plan->values[o->output].buffer, step->mode, note);
    if (step->paired) return;
    write_share_rows(t, work_of(e, op), step->mode, note);
    write_share_rows(t, e->plan->ops[op].state, step->mode, note);
}

static wt_status place_barriers(wt_share_plan *shares, const wt_engine *e) {
    const size_t buffers = (size_t)e->plan->buffer_count;
    tracing t = {.e = e, .shares = shares};
    WT_TRY(wt_alloc(&t.traces, buffers, sizeof *t.traces, "a stream's threads"));
    for (int op = 0; op < e->graph->op_count - 1; op++) {
        if (shares->steps[op].idle) continue;
        t.waits = false;
        touch_memory(&t, op, false);
        shares->steps[op].waits = t.waits;
        if (t.waits) memset(t.traces, 0, buffers * sizeof *t.traces);
        touch_memory(&t, op, true);
    }
    wt_free(t.traces);
    return WT_OK;
}

wt_status wt_share_plan_init(wt_share_plan *shares, const wt_engine *e, int threads) {
    bool changed = threads > 1;
    WT_TRY(wt_alloc(&shares->steps, (size_t)e->graph->op_count, sizeof *shares->steps, "a stream's threads"));
    WT_TRY(wt_alloc(&shares->shared, (size_t)e->plan->buffer_count, sizeof *shares->shared,
                    "a stream's threads"));
    sort_operators(shares, e);
    if (threads == 1) return WT_OK;
    share_products(shares, e, threads);
    while (changed) {
        changed = false;
        for (int op = 0; op < e->graph->op_count - 1; op++)
            changed |= !shares->steps[op].idle && settle(shares, e, op, threads);
    }
    return place_barriers(shares, e);
}

void wt_share_plan_dispose(wt_share_plan *shares) {
    wt_free(shares->steps);
    wt_free(shares->shared);
}
