/*
 * A thread's part of a stream's products, made ready once: where weights, biases and rows stand, so that with
 * each sample only the rings are looked up before the kernel is called. One row through a block takes less
 * than a microsecond; walking through graph and plan would take as long.
 */
#include <string.h>

#include "base/memory.h"
#include "operators.h"
#include "shares.h"

/* --- a thread's channels --- */

/* The channels of an operator's output that are the thread's: `part` from `first` on, and of a pair as many
 * gates, `apart` from the filters. Filters and gates take turns, `turn` of each, the last ones filled up with
 * zeros: `count` in all. */
typedef struct {
    int first, part, count, apart, turn;
} selection;

static selection select_columns(const wt_share_part *p, int op) {
    const wt_engine *e = p->engine;
    const wt_share_step *step = &p->shares->steps[op];
    const int all = wt_engine_value(e, e->graph->ops[op].output)->channels,
              channels = step->paired ? all / 2 : all;
    selection s = {.part = channels, .apart = step->paired ? channels : 0};
    if (step->mode == WT_SHARE_SOME) {
        const int granules = (channels + WT_SHARE_GRANULE - 1) / WT_SHARE_GRANULE;
        const int end = granules * (p->thread + 1) / p->threads * WT_SHARE_GRANULE;
        s.first = granules * p->thread / p->threads * WT_SHARE_GRANULE;
        s.part = (end < channels ? end : channels) - s.first;
    }
    s.turn = step->paired && e->kernels->multiply_gate ? e->kernels->gate_turn : s.part;
    s.count = s.part;
    if (step->paired && s.part > 0) s.count = 2 * s.turn * ((s.part + s.turn - 1) / s.turn);
    return s;
}

static void gather_columns(wt_real *to, const wt_real *from, const selection *s) {
    memset(to, 0, (size_t)s->count * sizeof *to);
    for (int c = 0; c < s->part; c += s->turn) {
        const size_t bytes = (size_t)(s->part - c < s->turn ? s->part - c : s->turn) * sizeof *to;
        memcpy(to, from + s->first + c, bytes);
        to += s->turn;
        if (s->apart == 0) continue;
        memcpy(to, from + s->first + s->apart + c, bytes);
        to += s->turn;
    }
}

/* --- products --- */

static wt_share_rows rows_of_value(const wt_engine *e, int value, int delay) {
    const wt_place *place = &e->plan->buffers[e->plan->values[value].buffer].places[WT_FORWARD];
    return (wt_share_rows){e->arena + place->at, place, delay};
}

static wt_real *find_share_rows(const wt_share_rows *r) {
    int at = r->place->newest - r->delay;
    if (at < 0) at += r->place->ring;
    return r->rows + (size_t)at * r->place->stride;
}

static void make_ready(wt_share_part *p, int op, wt_real **biases) {
    const wt_engine *e = p->engine;
    const wt_op *o = &e->graph->ops[op];
    const selection s = select_columns(p, op);
    const wt_real *bias = wt_product_bias(e, op);
    wt_share_product *ready = &p->products[op];
    *ready = (wt_share_product){.y = rows_of_value(e, o->output, 0),
                                .first = o->first_term,
                                .count = o->term_count,
                                .out = s.count,
                                .ldy = wt_engine_value(e, o->output)->channels,
                                .adds = o->add >= 0,
                                .scale = (wt_real)o->scale};
    ready->y.rows += s.first;
    if (ready->adds) ready->add = rows_of_value(e, o->add, o->add_delay);
    if (ready->adds) ready->add.rows += s.first;
    if (bias && s.count > 0) {
        gather_columns(*biases, bias, &s);
        ready->bias = *biases;
        *biases += wt_engine_whole_lines((size_t)s.count);
    }
    for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
        const wt_term *term = &e->graph->terms[n];
        const int in = wt_engine_value(e, term->value)->channels;
        p->sources[n] = rows_of_value(e, term->value, term->delay);
        p->operands[n] = (wt_operand){NULL, NULL, in, in, NULL};
    }
}

/* Whether sums of delayed rows are made ahead, while threads wait for each other. Where rows are many, they
 * wait for little. */
static bool begins_sums(const wt_share_part *p) {
    return p->threads > 1 && p->rows < WT_FEW_ROWS && p->engine->kernels->multiply_gate;
}

/* A gate takes over what its product would compute. */
static void make_pair_ready(wt_share_part *p, int op) {
    const wt_engine *e = p->engine;
    const wt_op *o = &e->graph->ops[op];
    const int product = p->shares->steps[op].product;
    const selection s = select_columns(p, product);
    wt_share_product *ready = &p->products[op];
    *ready = p->products[product];
    ready->y = rows_of_value(e, o->output, 0);
    ready->y.rows += s.first;
    ready->ldy = wt_engine_value(e, o->output)->channels;
    ready->gates = s.part;
    ready->first_gate = s.first;
    for (int c = product; (c = wt_share_condition(e, c)) >= 0;)
        ready->conditions[ready->condition_count++] = c;
    if (!begins_sums(p)) return;
    while (ready->begun < ready->count && p->sources[ready->first + ready->begun].delay > 0) ready->begun++;
}

/* Each gate's sums begin after the gate before, all but the first one's. */
static void plan_beginnings(wt_share_part *p) {
    int before = -1;
    for (int op = 0; op < p->engine->graph->op_count - 1; op++) {
        if (p->products[op].gates == 0) continue;
        if (before >= 0 && p->products[op].begun > 0) p->products[before].begins = op;
        before = op;
    }
}

/* --- weights --- */

static wt_status pack_share_term(wt_share_part *p, int number, const selection *s) {
    wt_engine *e = p->engine;
    const wt_term *term = &e->graph->terms[number];
    const size_t in = (size_t)wt_engine_value(e, term->value)->channels;
    const size_t out = (size_t)wt_engine_value(e, e->graph->ops[term->op].output)->channels;
    const wt_real *w = wt_engine_tensor(e, term->tensor) + (size_t)term->tap * in * out;
    wt_real *chosen;
    if (s->count == 0) return WT_OK;
    WT_TRY(wt_alloc(&chosen, in * (size_t)s->count, sizeof *chosen, "a stream's weights"));
    for (size_t i = 0; i < in; i++) gather_columns(chosen + i * (size_t)s->count, w + i * out, s);
    p->operands[number].packed = e->packed + e->plan->terms[number].forward;
    e->kernels->pack(e->packed + e->plan->terms[number].forward, chosen, (int)in, s->count, false,
                     (wt_real)term->scale);
    wt_free(chosen);
    return WT_OK;
}

static void place_share_weights(const wt_share_part *p, int first, int count, size_t *at) {
    const wt_engine *e = p->engine;
    for (int n = first; n < first + count; n++) {
        const wt_term *term = &e->graph->terms[n];
        if (term->tensor < 0 || e->plan->terms[n].forward != SIZE_MAX) continue;
        const selection s = select_columns(p, term->op);
        e->plan->terms[n].forward = *at;
        *at += e->kernels->packed_count(wt_engine_value(e, term->value)->channels, s.count);
    }
}

/* In the order in which they are read, on huge pages: their number is what bounds a stream. */
static wt_status place_all_weights(wt_share_part *p) {
    wt_engine *e = p->engine;
    size_t at = 0;
    for (int n = 0; n < e->graph->term_count; n++) e->plan->terms[n].forward = SIZE_MAX;
    for (int op = 0; op < e->graph->op_count; op++) {
        const wt_op *o = &e->graph->ops[op];
        const wt_share_product *begins = &p->products[p->products[op].begins];
        place_share_weights(p, o->first_term, o->term_count, &at);
        if (p->products[op].begins > 0) place_share_weights(p, begins->first, begins->begun, &at);
    }
    wt_free(e->packed);
    e->packed = NULL;
    e->plan->sizes.packed = at;
    return wt_alloc_huge(&e->packed, at, sizeof *e->packed, "a stream's weights");
}

static wt_status pack_share_weights(wt_share_part *p) {
    WT_TRY(place_all_weights(p));
    for (int n = 0; n < p->engine->graph->term_count; n++) {
        const selection s = select_columns(p, p->engine->graph->terms[n].op);
        if (p->engine->graph->terms[n].tensor >= 0) WT_TRY(pack_share_term(p, n, &s));
    }
    return WT_OK;
}

/* --- what is fetched ahead --- */

static bool fetches_rows(const wt_share_part *p, int operand) {
    return p->later_rows[operand].rows;
}

static bool fetches_weights(const wt_share_part *p, int operand) {
    return p->later[operand].packed;
}

/* An operand that nothing of a kind is fetched with, of the products before an operator, the nearest first;
 * −1. */
static int find_idle_operand(const wt_share_part *p, int op, bool (*fetches)(const wt_share_part *, int)) {
    enum { DISTANCE = 4 }; /* operators: what is fetched earlier may be gone */
    for (int before = op - 1, left = DISTANCE; before >= 0 && left > 0; before--) {
        const wt_share_product *ready = &p->products[before];
        if (p->shares->steps[before].idle) continue;
        left--;
        for (int n = ready->first; n < ready->first + ready->count; n++) {
            if (!fetches(p, n)) return n;
        }
    }
    return -1;
}

static void fetch_rows_later(wt_share_part *p, int op, const wt_share_rows *rows) {
    const int operand = find_idle_operand(p, op, fetches_rows);
    if (operand >= 0) p->later_rows[operand] = *rows;
}

static void fetch_weights_later(wt_share_part *p, int op, const wt_real *packed) {
    const int operand = find_idle_operand(p, op, fetches_weights);
    if (operand >= 0) p->later[operand].packed = packed;
}

/* Where streams are many, rows of the past and those that are written come from afar, and the first weights
 * of a product: a kernel asks for a matrix's next ones itself. */
static void plan_fetches(wt_share_part *p) {
    for (int op = 0; op < p->engine->graph->op_count - 1; op++) {
        const wt_share_product *ready = &p->products[op];
        if (p->shares->steps[op].idle || ready->count == 0 || ready->out == 0) continue;
        for (int n = ready->first; n < ready->first + ready->count; n++) {
            if (p->sources[n].delay > 0) fetch_rows_later(p, op, &p->sources[n]);
            fetch_weights_later(p, op, p->operands[n].packed);
            p->operands[n].later = &p->later[n];
        }
        fetch_rows_later(p, op, &ready->y);
    }
}

static wt_status list_rings(wt_share_part *p) {
    wt_engine_plan *plan = p->engine->plan;
    WT_TRY(wt_alloc(&p->rings, (size_t)plan->buffer_count, sizeof *p->rings, "a stream's rings"));
    for (int b = 0; b < plan->buffer_count; b++) {
        wt_place *place = &plan->buffers[b].places[WT_FORWARD];
        if (place->kind == WT_PLACE_RING && place->ring > 1) p->rings[p->ring_count++] = place;
    }
    return WT_OK;
}

static wt_status make_all_ready(wt_share_part *p) {
    const wt_graph *graph = p->engine->graph;
    const size_t ops = (size_t)graph->op_count, terms = (size_t)graph->term_count;
    size_t biases = 0, widest = 0;
    for (int op = 0; op < graph->op_count; op++) {
        if (!p->shares->steps[op].ready) continue;
        const size_t count = (size_t)select_columns(p, op).count;
        biases += wt_engine_whole_lines(count);
        if (p->shares->steps[op].paired && count > widest) widest = count;
    }
    if (p->engine->kernels->multiply_gate && !begins_sums(p)) widest = 0;
    WT_TRY(wt_alloc(&p->products, ops, sizeof *p->products, "a stream's products"));
    WT_TRY(wt_alloc(&p->operands, terms, sizeof *p->operands, "a stream's products"));
    WT_TRY(wt_alloc(&p->sources, terms, sizeof *p->sources, "a stream's products"));
    WT_TRY(wt_alloc(&p->biases, biases, sizeof *p->biases, "a stream's products"));
    WT_TRY(wt_alloc(&p->conditions, WT_SHARE_CONDITIONS * (size_t)p->rows, sizeof *p->conditions,
                    "a stream's products"));
    WT_TRY(wt_alloc(&p->sums, widest * (size_t)p->rows, sizeof *p->sums, "a stream's products"));
    wt_real *next = p->biases;
    for (int op = 0; op < graph->op_count; op++) {
        if (p->shares->steps[op].ready) make_ready(p, op, &next);
        if (p->shares->steps[op].paired && graph->ops[op].kind == WT_OP_GATE) make_pair_ready(p, op);
    }
    plan_beginnings(p);
    if (p->rows < WT_FEW_ROWS) return WT_OK;
    WT_TRY(wt_alloc(&p->later, terms, sizeof *p->later, "a stream's products"));
    return wt_alloc(&p->later_rows, terms, sizeof *p->later_rows, "a stream's products");
}

wt_status wt_share_part_pack(wt_share_part *part, const wt_real *parameters) {
    wt_engine *e = part->engine;
    e->parameters = parameters;
    for (int op = 0; op < e->graph->op_count; op++) {
        if (wt_engine_op_class(e->graph, op)->load) wt_engine_op_class(e->graph, op)->load(e, op);
    }
    WT_TRY(list_rings(part));
    WT_TRY(make_all_ready(part));
    WT_TRY(pack_share_weights(part));
    if (part->later) plan_fetches(part);
    return WT_OK;
}

void wt_share_part_dispose(wt_share_part *part) {
    wt_free(part->rings);
    wt_free(part->products);
    wt_free(part->operands);
    wt_free(part->sources);
    wt_free(part->later);
    wt_free(part->later_rows);
    wt_free(part->conditions);
    wt_free(part->biases);
    wt_free(part->sums);
}

/* --- a thread's part of a sample --- */

/* y, or a gate's two kinds of sums. */
static void run_sums(const wt_share_part *p, const wt_share_product *r, wt_real *y, int ldy, int rows) {
    const wt_operand *operands = p->operands + r->first;
    wt_finish finish = {r->bias, r->adds ? find_share_rows(&r->add) : NULL, r->ldy, 1};
    for (int n = 0; n < r->count; n += WT_PRODUCT_OPERANDS) {
        const int left = r->count - n, count = left < WT_PRODUCT_OPERANDS ? left : WT_PRODUCT_OPERANDS;
        if (count == left) finish.scale = r->scale;
        p->engine->kernels->multiply(y, ldy, rows, r->out, operands + n, count, &finish);
        finish = (wt_finish){NULL, y, ldy, 1};
    }
}

static void find_operands(const wt_share_part *p, int first, int count) {
    for (int n = first; n < first + count; n++) {
        p->operands[n].x = find_share_rows(&p->sources[n]);
        if (p->later && fetches_rows(p, n)) p->later[n].rows = find_share_rows(&p->later_rows[n]);
    }
}

/* All weights have been read since the last sample: a condition's rows come from afar while the product is
 * made. */
static void fetch_condition(const wt_gate_condition *condition, int gates) {
    for (int j = 0; j < condition->count; j++) {
        const wt_real *x = condition->x + (ptrdiff_t)j * condition->ldx;
        for (int c = 0; c < gates; c += WT_SHARE_GRANULE) {
            __builtin_prefetch(x + c);
            __builtin_prefetch(x + c + condition->apart);
        }
    }
}

/* The terms of a gate's conditions, for the thread's channels. */
static void find_conditions(const wt_share_part *p, const wt_share_product *r, int rows) {
    wt_gate_condition *condition = p->conditions;
    for (int n = 0; n < r->condition_count; n++) {
        for (int row = 0; row < rows; row++, condition++) {
            wt_upsample_find(p->engine, r->conditions[n], row, condition);
            condition->x += r->first_gate;
            fetch_condition(condition, r->gates);
        }
    }
}

/* Where there is no kernel for a gate's product: conditions to the sums. */
static void add_found_conditions(const wt_share_part *p, const wt_share_product *r, int rows) {
    const wt_gate_condition *condition = p->conditions;
    for (int n = 0; n < r->condition_count * rows; n++, condition++) {
        wt_real *filters = p->sums + (ptrdiff_t)(n % rows) * r->out, *gates = filters + r->gates;
        const wt_real *x = condition->x;
        for (int j = 0; j < condition->count; j++, x += condition->ldx) {
            const wt_real k = condition->k[j * condition->ldk];
            for (int c = 0; c < r->gates; c++) {
                filters[c] += k * x[c];
                gates[c] += k * x[c + condition->apart];
            }
        }
    }
}

static void run_product(wt_share_part *p, int op, int rows) {
    const wt_kernels *kernels = p->engine->kernels;
    const wt_share_product *r = &p->products[op];
    const int begun = p->begun == op ? r->begun : 0, first = r->first + begun, count = r->count - begun;
    if (r->out == 0) return;
    if (begun > 0) p->begun = -1;
    find_operands(p, first, count);
    wt_real *y = find_share_rows(&r->y);
    if (r->gates == 0) {
        run_sums(p, r, y, r->ldy, rows);
        return;
    }
    find_conditions(p, r, rows);
    if (kernels->multiply_gate) {
        const wt_gate_sums sums = {begun ? p->sums : NULL, r->bias, p->conditions, r->condition_count};
        kernels->multiply_gate(y, r->ldy, rows, r->gates, p->operands + first, count, &sums);
    } else {
        run_sums(p, r, p->sums, r->out, rows);
        add_found_conditions(p, r, rows);
        kernels->activate(y, r->ldy, p->sums, r->out, rows, r->gates, WT_ACTIVATION_GATE);
    }
}

int wt_share_part_next(const wt_share_part *part, int op) {
    return part->products[op].begins;
}

void wt_share_part_begin(wt_share_part *part, int op, int rows) {
    const wt_share_product *r = &part->products[op];
    const wt_finish finish = {NULL, NULL, 0, 1};
    find_operands(part, r->first, r->begun);
    part->engine->kernels->multiply(part->sums, r->out, rows, r->out, part->operands + r->first, r->begun,
                                    &finish);
    part->begun = op;
}

void wt_share_part_run(wt_share_part *part, int op, int rows) {
    const wt_engine *e = part->engine;
    const wt_share_step *step = &part->shares->steps[op];
    if (step->mode == WT_SHARE_FIRST && part->thread > 0) return;
    if (step->ready || step->paired) {
        run_product(part, op, rows);
        return;
    }
    const wt_tile tile = {.stage = &e->plan->stages[e->plan->ops[op].stage], .count = rows};
    const wt_op_class *class = wt_engine_op_class(e->graph, op);
    if (step->mode != WT_SHARE_SOME) {
        class->forward(e, op, &tile);
        return;
    }
    const selection s = select_columns(part, op);
    if (s.count > 0) class->share(e, op, &tile, s.first, s.count);
}
