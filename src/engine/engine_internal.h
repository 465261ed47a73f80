/*
 * What the files of the engine share: where rows stand, what a stage does, and what an operator's class is.
 *
 * plan.c cuts the graph into stages: neighbouring operators whose rows go through all of them tile by tile,
 * while they are in the cache. Each stage is flattened into calls per tile, once for a shape. backward.c
 * does the same for the gradients, places.c gives all rows their places, tasks.c hands units of stages to
 * threads.
 */
#ifndef WAVETRAIN_ENGINE_INTERNAL_H
#define WAVETRAIN_ENGINE_INTERNAL_H

#include "base/memory.h"
#include "engine/engine.h"
#include "network/graph.h"
#include "tasks.h"

enum {
    /* Rows of time, at most, that go through a stage's calls while they are in the second cache: as many as
     * fit, since the weights' partial gradients are read and written once per tile. */
    WT_TILE = 384,
    WT_LOSS_TILE = 96,    /* the same for the layer of the loss, whose rows are wider */
    WT_SEGMENT = 768,     /* rows, at most, that backward adds up into one partial gradient */
    WT_TARGETS_TILE = 64, /* targets, the same, where each has rows of its own */
    WT_PANEL = 32,        /* channels of the gradient that a unit makes from all rows of a microbatch */
    WT_SUM_SETS = 4,      /* neighbouring stages that have partial gradients at the same time */
    WT_SUM_CHUNK = 4096,  /* elements of partial gradients that a unit adds up */
    WT_SOURCES = 128,     /* operators that read a value, at most */
    WT_SERIAL_OPERATIONS = 40000000 /* of a call: fewer are not worth a second thread */
};

/* --- where rows stand --- */

typedef enum { WT_FORWARD, WT_BACKWARD, WT_PHASES } wt_pass_phase;

typedef enum {
    WT_PLACE_NONE,
    WT_PLACE_ROWS,
    WT_PLACE_SCRATCH,
    WT_PLACE_SIGNAL,    /* the batch's */
    WT_PLACE_CONDITION, /* the batch's */
    WT_PLACE_RING
} wt_place_kind;

typedef struct {
    wt_place_kind kind;
    int ring, newest;
    size_t at;     /* elements from the beginning of the arena, or of the thread's scratch */
    size_t stride; /* of a window; 0 of targets; of a ring's rows of one time, one per stream */
} wt_place;

/* Rows that operators share, with a place in each phase. Values that are made in place of others have one
 * buffer. */
typedef struct {
    int channels, rows, left; /* as wt_value */
    wt_extent extent;
    int carry;  /* rows of the calls before that readers see, which stand in front */
    bool whole; /* some reader takes a microbatch's rows at once */
    bool kept;  /* forward leaves it for backward, or a call for its caller */
    wt_place places[WT_PHASES];
} wt_buffer;

/* A stage's rows in a unit: of one group (a window, or a microbatch). */
typedef struct {
    const struct wt_stage *stage;
    int group, first, count; /* rows of time from −left on, or targets of the group */
    int base;                /* the row that scratch begins with: first, but of a part of a tile */
    int64_t origin;          /* of targets: the group's first in the list */
    wt_real *scratch, *sums; /* the thread's; the unit's partial gradients, or NULL */
} wt_tile;

/* What a stage does with a tile: `item` is an operator, a value or a term. */
typedef void wt_tile_work(const wt_engine *engine, int item, const wt_tile *tile);

typedef struct {
    wt_tile_work *run;
    int item;
} wt_call;

/* Partial gradients of a stage: `count` elements (doubles where `wide`) at `at` of a unit's sums, which go,
 * times `factor`, to elements of the flat gradient from `offset` on. */
typedef struct {
    int stage; /* the stage of tiles that makes them */
    bool wide;
    wt_real factor;
    size_t at, count, offset;
} wt_part;

/* A unit is some rows of tiles, a panel of channels, or a chunk of partial gradients that are added up. */
typedef enum { WT_STAGE_TILES, WT_STAGE_PANELS, WT_STAGE_SUMS } wt_stage_kind;

typedef struct wt_stage {
    wt_stage_kind kind;
    wt_pass_phase phase;
    wt_extent extent;
    bool turns;         /* has the loss: goes on to its gradients in forward */
    bool whole_windows; /* a readout takes its rows: one partial gradient per window */
    int left, tile_rows, unit_rows;
    int first_call, call_count;
    int first_op, op_count;     /* of forward; of panels: the operator */
    int after_op;               /* batch norm: what is summed over microbatches after the stage; else 0 */
    int first_part, part_count; /* of sums */
    int units;                  /* of panels and sums */
    int sums_units;             /* from one group's sums to the next */
    size_t sums_at, sums_each, sums_stride; /* in e->sums; elements of a unit, and from one to the next */
} wt_stage;

/* Elements, rounded up to whole cache lines. */
static inline size_t wt_engine_whole_lines(size_t count) {
    const size_t line = 64 / sizeof(wt_real);
    return (count + line - 1) / line * line;
}

/* --- what classes see of a call --- */

/* Of networks whose targets have rows of their own: the call's targets in one list. */
typedef struct {
    int count;
    int *window_first; /* [windows + 1] */
    size_t *input_at;  /* [count]: the batch's row of the oldest input */
    int32_t *target;
    wt_real *value; /* of squared error */
} wt_target_list;

typedef struct {
    double *tiles;          /* [windows, loss_tiles] */
    const wt_real *weights; /* [classes], the caller's; NULL: none */
    /* of a loss that takes whole windows */
    void *tools;
    wt_real *scratch; /* [threads, each] */
    size_t each;
} wt_loss_memory;

/* What backward was called with, and how far it is. */
typedef struct {
    wt_real *const *gradients;
    const wt_engine_listener *listener;
    int reported; /* tensors from here on are the listener's */
} wt_backward_call;

struct wt_engine {
    const wt_graph *graph;
    const wt_kernels *kernels;
    wt_engine_shape shape;
    wt_engine_step step;
    int threads, microbatch_windows;
    const wt_real *parameters;
    struct wt_engine_plan *plan;
    wt_real *arena, *scratch, *packed, *sums;
    double *norm_sums; /* [microbatches + 1, microbatch_sums] */
    int32_t *no_targets;
    wt_batch nothing; /* of a rank without windows */
    wt_loss_memory loss;
    /* the call */
    const wt_batch *batch;
    int first, windows;
    bool streams; /* rows of time are those of streams, the newest of a window each */
    bool staged;  /* there are running statistics to commit */
    bool serial;  /* the call is one thread's */
    bool shared;  /* no call is: for tests of the scheduler */
    wt_target_list list;
    wt_backward_call back;
};

/* --- operators' classes --- */

enum {                             /* what backward reads, and what an operator has of its own */
       WT_KEEPS_INPUT = 1,         /* what forward left in place of the input */
       WT_KEEPS_OUTPUT = 2,        /* the output, which stands in place of the input */
       WT_REMAKES = 4,             /* nothing more: backward makes the output again on its way */
       WT_GRADIENT_IN_PLACE = 8,   /* the gradient by the input takes the place of that by the output */
       WT_PULLED = 16,             /* it is made, tile by tile, in the stage that made the input */
       WT_MOMENTS = 32,            /* gradients by bias and weight are sums in double, [2, channels] */
       WT_STATE_PER_ROW = 64,      /* a number per row that backward reads */
       WT_STATE_PER_ELEMENT = 128, /* or one per element */
       WT_STATE_STRETCH = 256      /* or three */
};

/* A class is one file. Every function is given (engine, operator, tile) and works on the tile's rows. */
typedef struct {
    unsigned flags;
    int elements; /* that it computes per element of the output and tap, for estimates */
    wt_tile_work *forward;
    /* Forward of channels first … first + count − 1 alone; NULL: they can't be made without the others. */
    void (*share)(const wt_engine *engine, int op, const wt_tile *tile, int first, int count);
    wt_tile_work *backward; /* of operators with one input */
    wt_tile_work *remake;   /* the output, behind its input's */
    wt_tile_work *weights;  /* partial gradients of its tensors */
    wt_tile_work *panel;    /* or a microbatch's, by panels: tile->group and tile->first say which */
    int (*panels)(const wt_graph *graph, const wt_op *op);
    int (*memory)(const wt_graph *graph, const wt_op *op); /* of its own: elements per output channel */
    void (*load)(wt_engine *engine, int op);               /* its memory, from the parameters */
    /* Adds what training takes for so many rows of the output (of a loss: of its input). */
    void (*work)(double work[WT_WORK_KINDS], const wt_graph *graph, const wt_op *op, double rows);
    /* Batch norm alone, in training: what a tile adds to the unit's sums, in forward and backward, and what
     * becomes of them when all microbatches have theirs. */
    wt_tile_work *gather[WT_PHASES];
    void (*reduce[WT_PHASES])(wt_engine *engine, int op, const wt_stage *stage);
} wt_op_class;

/* Where rows, weights and sums of a value, an operator and a term are. −1 or SIZE_MAX: nowhere. */
typedef struct {
    int left; /* rows before the first target's; of a stream 0, of an engine that carries but for inputs */
    int buffer, gradient; /* −1: none */
    int bias_at;          /* in a unit's sums: the biases in what made it */
    int first_reader;     /* the next value's is the end */
    bool remade;          /* backward makes it once more */
    bool meets; /* it meets the weights of its readers where it was made, not where they are applied */
} wt_value_plan;

typedef struct {
    int work;           /* the buffer in which it works in place of its input */
    int state;          /* rows of its own */
    int input_gradient; /* where its gradient by the input stands before it is added to others'; −1: value's
                         */
    int stage;          /* of forward */
    int sums_at;        /* its own partial sums; moments in doubles */
    size_t memory_at;   /* in the arena */
    int stretch_gradient; /* of an upsample: its share of the gradient by its weights; −1: none */
} wt_op_plan;

typedef struct {
    size_t forward, backward; /* packed weights */
    int sums_at;
} wt_term_plan;

/* A use of a value: by a product's term, by what it adds (term −1), or as the input (term −1). */
typedef struct {
    int op, term, delay;
} wt_reader;

/* That a stage reads rows of a buffer, or writes them: with rows of time, row t − delay at row t. */
typedef struct {
    int buffer, stage, delay;
    unsigned how;
    int next; /* the buffer's use before; −1: none */
} wt_use;

enum { WT_READS = 0, WT_WRITES = 1, WT_WHOLE = 2 /* a microbatch's rows at once */ };

/* Elements; scratch: of a thread. */
typedef struct {
    size_t arena, scratch, packed, sums;
} wt_plan_sizes;

/* Everything that follows from graph, kernels and shape. */
typedef struct wt_engine_plan {
    wt_value_plan *values; /* [values + 1] */
    wt_op_plan *ops;
    wt_term_plan *terms;
    wt_reader *readers; /* of each value: the last operator first, a product's terms in order */
    wt_stage *stages;   /* forward's, then backward's */
    wt_call *calls;
    wt_part *parts;
    wt_buffer *buffers;
    wt_use *uses;     /* while the plan is made */
    int *finished_by; /* [tensors]: backward's stage that finishes the gradient; −1: none */
    int reader_count, stage_count, forward_count, call_count, part_count, buffer_count, use_count;
    wt_tasks tasks[WT_PHASES];
    wt_plan_sizes sizes;
    int segment;        /* rows */
    int loss_tiles;     /* of a window */
    int norm_sums;      /* of a microbatch; if any, stages run in turn */
    int frames;         /* of a window, without left contexts; of a stream those of one row */
    bool lists_targets; /* targets have rows of their own */
    wt_status status;
} wt_engine_plan;

static inline const wt_value *wt_engine_value(const wt_engine *e, int value) {
    return &e->graph->values[value];
}

static inline const wt_real *wt_engine_tensor(const wt_engine *e, int tensor) {
    return tensor < 0 ? NULL : e->parameters + e->graph->tensors[tensor].offset;
}

/* Rows of a value before the first target's. */
static inline int wt_engine_left(const wt_engine *e, int value) {
    return e->plan->values[value].left;
}

/* Microbatches of calls with so many windows; the end of a microbatch's windows. */
static inline int wt_engine_count_microbatches(const wt_engine *e, int windows) {
    return (windows + e->microbatch_windows - 1) / e->microbatch_windows;
}

static inline int wt_engine_microbatch_end(const wt_engine *e, int microbatch) {
    const int end = (microbatch + 1) * e->microbatch_windows;
    return end < e->windows ? end : e->windows;
}

/* Whether an operator is a loss that takes a window's rows at once. */
bool wt_loss_takes_windows(const wt_engine *e, const wt_op *o);

/* Targets of the call's i-th window. */
static inline int wt_engine_window_targets(const wt_engine *e, int i) {
    return e->batch->target_count[e->first + i];
}

/* Rows that a window has of values of time or frames, without left contexts. */
static inline int wt_engine_window_rows(const wt_engine *e, wt_extent extent, int i) {
    const int targets = wt_engine_window_targets(e, i);
    if (extent != WT_EXTENT_FRAMES || targets == 0) return targets;
    return e->batch->frames - e->graph->values[e->graph->condition].left;
}

/* Rows of a value in a tile. */
typedef struct {
    int64_t first;
    int count;
} wt_span;

static inline wt_span wt_engine_value_span(const wt_engine *e, const wt_tile *tile, int value) {
    const wt_value *v = wt_engine_value(e, value);
    wt_span span = {0, 1};
    if (v->extent == WT_EXTENT_TARGETS) {
        span.first = (tile->origin + tile->first) * v->rows;
        span.count = tile->count * v->rows;
    } else if (v->extent == WT_EXTENT_TIME || v->extent == WT_EXTENT_FRAMES) {
        span.first = tile->first - tile->stage->left + wt_engine_left(e, value);
        span.count = tile->count;
        if (span.first < 0) span.count += (int)span.first, span.first = 0;
        if (span.count < 0) span.count = 0;
    }
    return span;
}

/* The buffer's element that stands first in the tile's scratch. */
static inline int64_t wt_engine_scratch_base(const wt_tile *tile, const wt_buffer *b) {
    if (b->extent == WT_EXTENT_TARGETS) return (tile->origin + tile->base) * b->rows * b->channels;
    const int64_t row = tile->base - tile->stage->left + b->left;
    return row > 0 ? row * b->channels : 0;
}

/* Row `row` of a buffer, whose rows are taken to have `channels` channels (views of targets' rows differ). */
static inline wt_real *wt_engine_row(const wt_engine *e, const wt_tile *tile, int buffer, int64_t row,
                                     int channels) {
    const wt_buffer *b = &e->plan->buffers[buffer];
    const wt_place *place = &b->places[tile->stage->phase];
    switch (place->kind) {
    case WT_PLACE_ROWS: return e->arena + place->at + (size_t)tile->group * place->stride + row * channels;
    case WT_PLACE_SCRATCH:
        return tile->scratch + place->at + (row * channels - wt_engine_scratch_base(tile, b));
    case WT_PLACE_SIGNAL:
        return e->batch->signal +
               ((size_t)(e->first + tile->group) * (size_t)wt_batch_rows(e->batch) + (size_t)row) *
                   (size_t)channels;
    case WT_PLACE_CONDITION:
        return e->batch->condition +
               ((size_t)(e->first + tile->group) * (size_t)e->batch->frames + (size_t)row) * (size_t)channels;
    case WT_PLACE_RING: {
        int at = place->newest + (int)row;
        if (at < 0) at += place->ring;
        return e->arena + place->at + (size_t)at * place->stride;
    }
    case WT_PLACE_NONE: break;
    }
    return NULL;
}

static inline wt_real *wt_engine_value_row(const wt_engine *e, const wt_tile *tile, int value, int64_t row) {
    return wt_engine_row(e, tile, e->plan->values[value].buffer, row, wt_engine_value(e, value)->channels);
}

static inline wt_real *wt_engine_gradient_row(const wt_engine *e, const wt_tile *tile, int value,
                                              int64_t row) {
    return wt_engine_row(e, tile, e->plan->values[value].gradient, row, wt_engine_value(e, value)->channels);
}

/* Rows that an operator of one input takes and gives, and their gradients; work is where it works in place
 * of x. */
typedef struct {
    int64_t first;
    int rows, in, out; /* channels */
    const wt_real *x;
    wt_real *work, *y, *dx;
    wt_real *dy;
} wt_unary;
wt_unary wt_unary_rows(const wt_engine *e, int op, const wt_tile *tile);
/* Forward's beginning: brings x to where the operator works, where that is a place of its own. */
void wt_unary_begin(const wt_unary *u);

/* What an upsample adds to a row of streams, as a term of the gate behind it. */
void wt_upsample_find(const wt_engine *e, int op, int row, wt_gate_condition *condition);

/* Operands of one call of the kernel; a longer sum goes on from the rows that are there. */
enum { WT_PRODUCT_OPERANDS = 64 };
/* [channels], or NULL. */
const wt_real *wt_product_bias(const wt_engine *engine, int op);

/* Elements of a unit's partial sums. */
static inline double *wt_engine_moments(const wt_engine *e, int op, const wt_tile *tile) {
    return (double *)tile->sums + e->plan->ops[op].sums_at;
}

/* A unit's partial sums. */
static inline wt_real *wt_engine_task_sums(const wt_engine *e, const wt_stage *stage, int group, int unit) {
    const size_t number = (size_t)group * (size_t)stage->sums_units + (size_t)unit;
    return e->sums + stage->sums_at + number * stage->sums_stride;
}

/* Rows that a group of a stage has in this call, and the group's first target in the list. */
int64_t wt_engine_stage_rows(const wt_engine *e, const wt_stage *stage, int group, int64_t *origin);
/* Targets first … end−1 of a microbatch in the list of all; of time rows, its windows. */
void wt_engine_microbatch_span(const wt_engine *e, int microbatch, int *first, int *end);
/* Adds a stage's moments over the units of each microbatch, [microbatches, count + 1] with the rows' number
 * at the end, and then over all microbatches of the step, to total [count + 1]. */
double *wt_engine_reduce_moments(wt_engine *e, int op, const wt_stage *stage, int width);

/* Calls that backward.c lays out, in terms of values and terms. */
wt_tile_work wt_gather_call, wt_gather_scale_call, wt_product_bias_call, wt_product_weights_call,
    wt_engine_remake_call;

/* --- plan.c, layout.c, backward.c, places.c --- */

/* Everything that can be known before memory is taken. With `stream` rows of time stand in rings. */
wt_status wt_engine_plan_create(wt_engine *e, bool stream);
/* Takes the memory for running its tasks. */
wt_status wt_engine_plan_prepare(wt_engine_plan *plan);
void wt_engine_plan_destroy(wt_engine_plan *plan);
int64_t wt_engine_plan_bytes(const wt_engine *e);
/* Lays out backward's calls and parts, stage by stage from the last to the first. */
void wt_engine_plan_backward(wt_engine *e);
/* Gives buffers their places; makes the tasks. */
void wt_engine_plan_places(wt_engine *e);
void wt_engine_plan_rings(wt_engine *e);
wt_status wt_engine_create_for(wt_engine **out, const wt_graph *graph, const wt_kernels *kernels,
                               const wt_engine_shape *shape, bool stream);

/* What they share. Appends an item; a failure stays in the plan's status. */
#define WT_PLAN_APPEND(plan, items, count, item)                                                           \
    ((plan)->status == WT_OK ? (void)((plan)->status = wt_memory_append(&(plan)->items, &(plan)->count,    \
                                                                        item, sizeof *(item), "the plan")) \
                             : (void)0)
/* A call of the newest stage, and that it touches rows of a buffer (−1: none). */
void wt_layout_call(wt_engine_plan *plan, wt_tile_work *run, int item);
void wt_layout_use(wt_engine_plan *plan, int buffer, int delay, unsigned how);
/* Forward of an operator, by `run`, and what it touches. */
void wt_layout_forward(wt_engine *e, int op, wt_tile_work *run);
void wt_layout_operands(wt_engine *e, int op);
/* A new buffer for rows like a value's; returns its number. */
int wt_layout_buffer(wt_engine *e, int value, int channels);
int wt_layout_readers(const wt_engine *e, int value);
/* The only operator with one input that reads a value which nobody else reads; −1: there is none. */
int wt_layout_sole_reader(const wt_engine *e, int value);
bool wt_layout_adds_in_place(const wt_engine *e, int op);
/* The gradient by what a reader of a value made of it. */
static inline int wt_layout_source(const wt_engine *e, const wt_reader *reader, int value) {
    const wt_op *o = &e->graph->ops[reader->op];
    if (reader->term >= 0 && e->plan->ops[reader->op].stretch_gradient >= 0)
        return e->plan->ops[reader->op].stretch_gradient;
    return o->input == value ? e->plan->ops[reader->op].input_gradient : e->plan->values[o->output].gradient;
}

/* The work of stages, for tasks: of tiles, of panels, of chunks of partial gradients; and what follows a
 * stage. */
void wt_engine_run_tiles(void *engine, int stage, int group, int unit);
void wt_engine_run_panel(void *engine, int stage, int microbatch, int panel);
void wt_engine_sum_chunk(void *engine, int stage, int microbatch, int unit);
void wt_engine_run_after(void *engine, int stage);

#endif
