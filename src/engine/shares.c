#include "shares.h"

#include <string.h>

#include "operators.h"

enum {
    GRANULE = 64 / sizeof(wt_real), /* channels that stay together: a cache line */
    SHARED_WEIGHTS = 8192           /* of a product: fewer are read in less time than a barrier takes */
};

/* Channels first … first + count − 1 are a thread's. */
typedef struct {
    int first, count;
} columns;

static columns columns_of(int channels, int thread, int threads) {
    const int granules = (channels + GRANULE - 1) / GRANULE;
    const int first = granules * thread / threads * GRANULE,
              end = granules * (thread + 1) / threads * GRANULE;
    return (columns){first, (end < channels ? end : channels) - first};
}

static bool divisible(int channels, int threads) {
    return channels > (threads - 1) * GRANULE;
}

/* --- who does what --- */

static double weights_of(const wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    double count = 0;
    for (int n = o->first_term; n < o->first_term + o->term_count; n++)
        count += (double)wt_engine_value(e, e->graph->terms[n].value)->channels;
    return count * wt_engine_value(e, o->output)->channels;
}

/* The gate that alone reads a product's output, in place of it; −1: there is none. */
static int gate_of(const wt_engine *e, int op) {
    const wt_engine_plan *plan = e->plan;
    const wt_op *o = &e->graph->ops[op];
    const int gate = wt_layout_sole_reader(e, o->output);
    if (gate < 0 || e->graph->ops[gate].kind != WT_OP_GATE) return -1;
    return plan->ops[gate].work == plan->values[o->output].buffer && o->add < 0 ? gate : -1;
}

static void share_products(wt_share_plan *shares, const wt_engine *e, int threads) {
    for (int op = 0; op < e->graph->op_count; op++) {
        const wt_op *o = &e->graph->ops[op];
        if (o->kind != WT_OP_PRODUCT || wt_engine_value(e, o->output)->extent != WT_EXTENT_TIME) continue;
        const int gate = gate_of(e, op), channels = wt_engine_value(e, o->output)->channels;
        if (weights_of(e, op) < SHARED_WEIGHTS) continue;
        if (!divisible(gate < 0 ? channels : channels / 2, threads)) continue;
        shares->steps[op].mode = WT_SHARE_SOME;
        if (gate < 0) {
            shares->shared[e->plan->values[o->output].buffer] = true;
            continue;
        }
        shares->steps[op].paired = shares->steps[gate].paired = true;
        shares->steps[gate].mode = WT_SHARE_SOME;
        shares->shared[e->plan->values[e->graph->ops[gate].output].buffer] = true;
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
    const bool some = (o->kind == WT_OP_PRODUCT || o->kind == WT_OP_UPSAMPLE || is_in_place(e, op)) &&
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
 * the past were made before the last sample's end, where all wait. */
static void touch_memory(tracing *t, int op, bool note) {
    const wt_engine_plan *plan = t->e->plan;
    const wt_op *o = &t->e->graph->ops[op];
    const wt_share_step *step = &t->shares->steps[op];
    const bool some = step->mode == WT_SHARE_SOME;
    for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
        const wt_term *term = &t->e->graph->terms[n];
        if (term->delay == 0) read_share_rows(t, plan->values[term->value].buffer, false, note);
    }
    if (o->add >= 0 && o->add_delay == 0) read_share_rows(t, plan->values[o->add].buffer, some, note);
    if (o->input >= 0 && !step->paired) read_share_rows(t, plan->values[o->input].buffer, some, note);
    if (some && step->paired && o->kind == WT_OP_PRODUCT) return; /* into rows of its own */
    write_share_rows(t, plan->values[o->output].buffer, step->mode, note);
    if (step->paired) return;
    write_share_rows(t, work_of(t->e, op), step->mode, note);
    write_share_rows(t, plan->ops[op].state, step->mode, note);
}

static wt_status place_barriers(wt_share_plan *shares, const wt_engine *e) {
    const size_t buffers = (size_t)e->plan->buffer_count;
    tracing t = {.e = e, .shares = shares};
    WT_TRY(wt_alloc(&t.traces, buffers, sizeof *t.traces, "a stream's threads"));
    for (int op = 0; op < e->graph->op_count - 1; op++) {
        if (!wt_engine_op_class(e->graph, op)->forward) continue;
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
    if (threads == 1) return WT_OK;
    share_products(shares, e, threads);
    while (changed) {
        changed = false;
        for (int op = 0; op < e->graph->op_count - 1; op++)
            changed |= wt_engine_op_class(e->graph, op)->forward && settle(shares, e, op, threads);
    }
    return place_barriers(shares, e);
}

void wt_share_plan_dispose(wt_share_plan *shares) {
    wt_free(shares->steps);
    wt_free(shares->shared);
}

/* --- a thread's weights --- */

/* The channels of an operator's output that are the thread's: `count`, of which `part` in a row, the
 * others `apart` from them (of a paired product: filters, then gates). */
typedef struct {
    int first, part, count, apart;
} selection;

static selection select_columns(const wt_share_part *p, int op) {
    const wt_share_step *step = &p->shares->steps[op];
    const int channels = wt_engine_value(p->engine, p->engine->graph->ops[op].output)->channels;
    if (step->mode != WT_SHARE_SOME) return (selection){0, channels, channels, 0};
    const columns c = columns_of(step->paired ? channels / 2 : channels, p->thread, p->threads);
    return (selection){c.first, c.count, step->paired ? 2 * c.count : c.count,
                       step->paired ? channels / 2 : 0};
}

static void gather(wt_real *to, const wt_real *from, const selection *s) {
    memcpy(to, from + s->first, (size_t)s->part * sizeof *to);
    if (s->count > s->part) memcpy(to + s->part, from + s->first + s->apart, (size_t)s->part * sizeof *to);
}

static wt_status pack_share_term(wt_share_part *p, int number, const selection *s) {
    wt_engine *e = p->engine;
    const wt_term *term = &e->graph->terms[number];
    const size_t in = (size_t)wt_engine_value(e, term->value)->channels;
    const size_t out = (size_t)wt_engine_value(e, e->graph->ops[term->op].output)->channels;
    const wt_real *w = wt_engine_tensor(e, term->tensor) + (size_t)term->tap * in * out;
    wt_real *chosen;
    if (s->count == 0) return WT_OK;
    WT_TRY(wt_alloc(&chosen, in * (size_t)s->count, sizeof *chosen, "a stream's weights"));
    for (size_t i = 0; i < in; i++) gather(chosen + i * (size_t)s->count, w + i * out, s);
    e->kernels->pack(e->packed + e->plan->terms[number].forward, chosen, (int)in, s->count, false,
                     (wt_real)term->scale);
    wt_free(chosen);
    return WT_OK;
}

static void place_terms(wt_share_part *p) {
    const wt_engine *e = p->engine;
    size_t at = 0;
    for (int n = 0; n < e->graph->term_count; n++) {
        const wt_term *term = &e->graph->terms[n];
        if (term->tensor < 0) continue;
        const selection s = select_columns(p, term->op);
        const int in = wt_engine_value(e, term->value)->channels;
        e->plan->terms[n].forward = at;
        at += e->kernels->packed_count(in, s.count);
    }
    p->engine->plan->sizes.packed = at; /* no more than before */
}

static wt_status take_pairs(wt_share_part *p, int rows) {
    const wt_engine *e = p->engine;
    WT_TRY(wt_alloc(&p->pairs, (size_t)e->graph->op_count, sizeof *p->pairs, "a stream's threads"));
    for (int op = 0; op < e->graph->op_count; op++) {
        if (!p->shares->steps[op].paired || e->graph->ops[op].kind != WT_OP_PRODUCT) continue;
        const selection s = select_columns(p, op);
        const size_t count = (size_t)s.count;
        WT_TRY(wt_alloc(&p->pairs[op], ((size_t)rows + 1) * count, sizeof(wt_real), "a stream's threads"));
        const wt_real *bias = wt_product_bias(e, op);
        if (bias && count > 0) gather(p->pairs[op] + (size_t)rows * count, bias, &s);
    }
    return WT_OK;
}

wt_status wt_share_part_pack(wt_share_part *part, const wt_real *parameters, int rows) {
    wt_engine *e = part->engine;
    e->parameters = parameters;
    for (int op = 0; op < e->graph->op_count; op++) {
        if (wt_engine_op_class(e->graph, op)->load) wt_engine_op_class(e->graph, op)->load(e, op);
    }
    place_terms(part);
    for (int n = 0; n < e->graph->term_count; n++) {
        const selection s = select_columns(part, e->graph->terms[n].op);
        if (e->graph->terms[n].tensor >= 0) WT_TRY(pack_share_term(part, n, &s));
    }
    return take_pairs(part, rows);
}

void wt_share_part_dispose(wt_share_part *part) {
    for (int op = 0; part->pairs && op < part->engine->graph->op_count; op++) wt_free(part->pairs[op]);
    wt_free(part->pairs);
}

/* --- a thread's part of a sample --- */

static void run_product(const wt_share_part *p, int op, const wt_tile *tile) {
    const wt_engine *e = p->engine;
    const wt_op *o = &e->graph->ops[op];
    const int channels = wt_engine_value(e, o->output)->channels;
    const selection s = select_columns(p, op);
    wt_product_part part = {.y = p->pairs[op], .ldy = s.count, .out = s.count, .ldadd = channels};
    if (s.count == 0) return;
    part.bias = wt_product_bias(e, op);
    if (p->shares->steps[op].paired) {
        if (part.bias) part.bias = part.y + (size_t)p->engine->shape.windows * (size_t)s.count;
    } else {
        part.y = wt_engine_value_row(e, tile, o->output, 0) + s.first;
        part.ldy = channels;
        if (part.bias) part.bias += s.first;
        if (o->add >= 0) part.add = wt_engine_value_row(e, tile, o->add, -o->add_delay) + s.first;
    }
    wt_product_rows(e, op, tile, &part);
}

static void run_share_gate(const wt_share_part *p, int op, const wt_tile *tile) {
    const wt_engine *e = p->engine;
    const wt_op *o = &e->graph->ops[op];
    const int product = wt_engine_value(e, o->input)->producer,
              channels = wt_engine_value(e, o->output)->channels;
    const selection s = select_columns(p, product);
    if (s.count > 0)
        e->kernels->activate(wt_engine_value_row(e, tile, o->output, 0) + s.first, channels,
                             p->pairs[product], s.count, tile->count, s.part, WT_ACTIVATION_GATE);
}

static void run_activation(const wt_share_part *p, int op, const wt_tile *tile) {
    const wt_engine *e = p->engine;
    const wt_op *o = &e->graph->ops[op];
    const int channels = wt_engine_value(e, o->output)->channels;
    const selection s = select_columns(p, op);
    wt_real *y = wt_engine_value_row(e, tile, o->output, 0) + s.first;
    if (s.count > 0) e->kernels->activate(y, channels, y, channels, tile->count, s.count, o->activation);
}

static void run_share_upsample(const wt_share_part *p, int op, const wt_tile *tile) {
    const selection s = select_columns(p, op);
    if (s.count > 0) wt_upsample_rows(p->engine, op, tile, s.first, s.count);
}

void wt_share_part_run(const wt_share_part *part, int op, const wt_tile *tile) {
    const wt_engine *e = part->engine;
    switch (part->shares->steps[op].mode) {
    case WT_SHARE_EACH: wt_engine_op_class(e->graph, op)->forward(e, op, tile); return;
    case WT_SHARE_FIRST:
        if (part->thread == 0) wt_engine_op_class(e->graph, op)->forward(e, op, tile);
        return;
    case WT_SHARE_SOME: break;
    }
    switch (e->graph->ops[op].kind) {
    case WT_OP_PRODUCT: run_product(part, op, tile); return;
    case WT_OP_GATE: run_share_gate(part, op, tile); return;
    case WT_OP_UPSAMPLE: run_share_upsample(part, op, tile); return;
    default: run_activation(part, op, tile); return;
    }
}
