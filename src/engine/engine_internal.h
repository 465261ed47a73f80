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

#include "network/graph.h"
#include "tasks.h"
#include "wavetrain/engine.h"

enum {
    WT_TILE =
        384, /* rows of time, at most, that go through a stage's calls while they are in the second cache: as
                           * many as fit, since the weights' partial gradients are read and written once per tile */
    WT_LOSS_TILE = 96,    /* the same for the layer of the loss, whose rows are wider */
    WT_SEGMENT = 768,     /* rows, at most, that backward adds up into one partial gradient */
    WT_TARGETS_TILE = 64, /* targets, the same, where each has rows of its own */
    WT_PANEL =
        32, /* channels whose weights' gradient a unit makes where a microbatch's rows are added up at once */
    WT_SUM_SETS = 4,                /* neighbouring stages that have partial gradients at the same time */
    WT_SUM_CHUNK = 4096,            /* elements of partial gradients that a unit adds up */
    WT_SOURCES = 128,               /* times that a value is read, at most */
    WT_SERIAL_OPERATIONS = 40000000 /* of a call: fewer are not worth a second thread */
};

/* --- where rows stand --- */

typedef enum { WT_FORWARD, WT_BACKWARD, WT_PHASES } wt_pass_phase;

typedef enum { WT_PLACE_NONE, WT_PLACE_ROWS, WT_PLACE_SCRATCH, WT_PLACE_SIGNAL, WT_PLACE_RING } wt_place_kind;

typedef struct {
    wt_place_kind kind;
    size_t at;     /* elements from the beginning of the arena, or of the thread's scratch */
    size_t stride; /* of a window; 0 of targets */
    int ring, newest;
} wt_place;

/* Rows that operators share, with a place in each phase. Values that are made in place of others have one
 * buffer. */
typedef struct {
    int channels, rows, left; /* as wt_value */
    wt_extent extent;
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

typedef struct {
    void (*run)(const wt_engine *engine, int item, const wt_tile *tile);
    int item; /* an operator, a value or a term */
} wt_call;

/* Partial gradients of a stage: `count` elements (doubles where `wide`) at `at` of a unit's, which go to
 * elements of the flat gradient, each times its factor. */
typedef struct {
    int stage; /* the tile stage that makes them */
    size_t at, count;
    bool wide;
    int first_share, share_count;
} wt_part;

typedef struct {
    size_t offset;
    wt_real factor;
} wt_share;

typedef struct wt_stage {
    wt_pass_phase phase;
    wt_extent extent;
    int left, tile_rows, unit_rows;
    int remake_rows; /* forward's tiles: rows that are made again go through products by these (OpenBLAS's bits) */
    int first_call, call_count;
    int first_op, op_count; /* of forward */
    bool turns;             /* has the loss: goes on to its gradients in forward */
    bool whole_windows;     /* a readout takes its rows: one partial gradient per window */
    int panel_op;           /* a stage of panels: the operator; else −1 */
    int parts_of;           /* a stage that adds up partial gradients: of this stage; else −1 */
    int first_chunk, chunk_count;
    int after_op; /* batch norm: what is summed over microbatches when the stage is done; else −1 */
    int task;     /* in the phase's tasks */
    size_t sums_at, sums_each, sums_stride; /* in e->sums; elements of a unit, and from one to the next */
    int sums_units;                         /* from one window's, or microbatch's, to the next */
} wt_stage;

/* Elements, rounded up to whole cache lines. */
static inline size_t wt_whole_lines(size_t count) {
    const size_t line = 64 / sizeof(wt_real);
    return (count + line - 1) / line * line;
}

/* --- what classes see of a call --- */

struct wt_engine {
    const wt_graph *graph;
    const wt_kernels *kernels;
    wt_engine_shape shape;
    wt_engine_step step;
    int threads;
    int *left; /* [values]: of a stream 0 but for inputs */
    const wt_real *parameters;
    struct wt_engine_plan *plan;
    wt_real *arena, *scratch, *packed, *sums;
    double *norm_sums; /* [microbatches + 1, microbatch_sums] */
    double *tile_loss; /* [windows, loss_tiles] */
    int32_t *no_targets;
    wt_batch nothing; /* of a rank without windows */
    /* the call */
    const wt_batch *batch;
    int first, windows, microbatch_windows;
    bool staged; /* there are running statistics to commit */
    bool serial; /* the call is one thread's */
    bool shared; /* no call is: for tests of the scheduler */
    /* of networks whose targets have rows of their own: the call's targets in one list */
    int targets;
    int *window_first; /* [windows + 1] */
    size_t *input_at;  /* [targets]: the batch's row of the oldest input */
    int32_t *target;
    wt_real *value; /* of squared error */
    /* backward's */
    wt_real *const *gradients;
    const wt_engine_listener *listener;
    int told; /* tensors from here on are the listener's */
};

/* --- operators' classes --- */

enum {                      /* what backward reads */
       WT_KEEPS_INPUT = 1,  /* what forward left in place of the input */
       WT_KEEPS_OUTPUT = 2, /* the output, which stands in place of the input */
       WT_REMAKES = 4,      /* nothing more: backward makes the output again on its way */
       WT_GRADIENT_IN_PLACE = 8,
       WT_PULLED = 16 /* the gradient by its input is made, tile by tile, in the stage that made the input */
};

/* A class is one file. Every function is given (engine, operator, tile) and works on the tile's rows. */
typedef struct {
    unsigned flags;
    void (*forward)(const wt_engine *engine, int op, const wt_tile *tile);
    void (*backward)(const wt_engine *engine, int op, const wt_tile *tile); /* of operators with one input */
    void (*remake)(const wt_engine *engine, int op, const wt_tile *tile); /* the output, behind its input's */
    void (*weights)(const wt_engine *engine, int op,
                    const wt_tile *tile); /* partial gradients of its tensors */
    /* or a microbatch's, by panels: tile->group and tile->first say which */
    void (*panel)(const wt_engine *engine, int op, const wt_tile *tile);
    int (*panels)(const wt_graph *graph, const wt_op *op);
    size_t (*moments)(const wt_graph *graph, const wt_op *op); /* doubles of a unit's partial sums */
    int (*state)(const wt_graph *graph, const wt_op *op);     /* channels of rows of its own, [rows, state] */
    size_t (*memory)(const wt_graph *graph, const wt_op *op); /* elements of its own, beside rows */
    void (*load)(wt_engine *engine, int op); /* its memory, where there is no backward, from the parameters */
    /* Adds what training takes for so many rows of the output (of a loss: of its input). */
    void (*work)(wt_engine_work *work, const wt_graph *graph, const wt_op *op, double rows);
    /* Batch norm alone, in training: what a tile adds to the unit's sums, in forward and backward, and what
     * becomes of them when all microbatches have theirs. */
    void (*gather[WT_PHASES])(const wt_engine *engine, int op, const wt_tile *tile);
    void (*reduce[WT_PHASES])(wt_engine *engine, int op, const wt_stage *stage);
} wt_op_class;

/* Adds values that are not of products. */
static inline void wt_add_elements(wt_engine_work *work, const wt_graph *graph, int value, double count) {
    *(graph->values[value].extent == WT_EXTENT_TARGETS ? &work->list_elements : &work->elements) += count;
}

/* One operand of the gradient by a value: the gradient by what one of its readers made. */
typedef struct {
    int buffer, left, channels, delay; /* of the reader's output */
    size_t packed;                     /* the transposed weights; SIZE_MAX: the rows are added as they are */
} wt_source;

/* Everything that follows from graph, kernels and shape. */
typedef struct wt_engine_plan {
    wt_stage *stages; /* forward's, then backward's */
    int stage_count, forward_count;
    wt_call *calls;
    int call_count;
    wt_part *parts;
    wt_share *shares;
    int part_count, share_count;
    struct wt_chunk {
        int part;
        size_t from, count;
    } * chunks;
    int chunk_count;
    wt_buffer *buffers;
    int buffer_count;
    int *value, *gradient; /* [values]: buffers; −1: none */
    int *work, *state,
        *input_gradient; /* [operators]: where it works in place of its input; rows of its own; where its
                                         * gradient by the input stands before it is added to others (−1: gradient's) */
    int *stage_of;       /* [operators]: forward's */
    struct wt_reader {
        int op, term, delay; /* term -1: the input, or what a product adds */
    } * readers;             /* of each value: the last operator first, a product's terms in order */
    int *first_reader;       /* [values + 1] */
    int reader_count;
    struct wt_use {
        int buffer, stage, nearest, farthest; /* rows of time t − nearest … t − farthest */
        bool writes, whole;
    } * uses;
    int use_count;
    int *weights_at;                  /* [terms]: partial gradients, in a unit's sums */
    int *partial_at;                  /* [operators]: the same of their own sums; moments in doubles */
    int *bias_at;                     /* [values]: the same of the biases of what made them */
    int *finished_by;                 /* [tensors]: backward's task stage that finishes the gradient */
    size_t *memory_at;                /* [operators]: in the arena */
    size_t *forward_at, *backward_at; /* [terms]: packed weights */
    wt_source *sources;
    int *first_source; /* [values + 1] */
    int source_count;
    wt_tasks tasks[WT_PHASES];
    size_t arena, scratch, packed, sums; /* elements; scratch: of a thread */
    int segment;                         /* rows */
    int loss_tiles;                      /* of a window */
    int norm_sums;                       /* of a microbatch */
    bool turns_in_turn;                  /* stages run in turn */
    bool lists_targets, drops_targets;   /* rows of targets; those that are none are left out */
    wt_status status;
} wt_engine_plan;

static inline const wt_value *wt_value_of(const wt_engine *e, int value) {
    return &e->graph->values[value];
}

static inline const wt_real *wt_tensor(const wt_engine *e, int tensor) {
    return tensor < 0 ? NULL : e->parameters + e->graph->tensors[tensor].offset;
}

/* Targets of the call's i-th window. */
static inline int wt_window_targets(const wt_engine *e, int i) {
    return e->batch->target_count[e->first + i];
}

/* Rows of a value in a tile. */
typedef struct {
    int64_t first;
    int count;
} wt_span;

static inline wt_span wt_value_span(const wt_engine *e, const wt_tile *tile, int value) {
    const wt_value *v = wt_value_of(e, value);
    wt_span span = {0, 1};
    if (v->extent == WT_EXTENT_TARGETS) {
        span.first = (tile->origin + tile->first) * v->rows;
        span.count = tile->count * v->rows;
    } else if (v->extent == WT_EXTENT_TIME) {
        span.first = tile->first - tile->stage->left + e->left[value];
        span.count = tile->count;
        if (span.first < 0) span.count += (int)span.first, span.first = 0;
    }
    return span;
}

/* The buffer's element that stands first in the tile's scratch. */
static inline int64_t wt_scratch_base(const wt_tile *tile, const wt_buffer *b) {
    if (b->extent == WT_EXTENT_TARGETS) return (tile->origin + tile->base) * b->rows * b->channels;
    const int64_t row = tile->base - tile->stage->left + b->left;
    return row > 0 ? row * b->channels : 0;
}

/* Row `row` of a buffer, whose rows are taken to have `channels` channels (views of targets' rows differ). */
static inline wt_real *wt_row(const wt_engine *e, const wt_tile *tile, int buffer, int64_t row,
                              int channels) {
    const wt_buffer *b = &e->plan->buffers[buffer];
    const wt_place *place = &b->places[tile->stage->phase];
    switch (place->kind) {
    case WT_PLACE_ROWS:
        return e->arena + place->at + (size_t)tile->group * place->stride + (size_t)(row * channels);
    case WT_PLACE_SCRATCH: return tile->scratch + place->at + (row * channels - wt_scratch_base(tile, b));
    case WT_PLACE_SIGNAL:
        return e->batch->signal +
               ((size_t)(e->first + tile->group) * (size_t)wt_batch_rows(e->batch) + (size_t)row) *
                   (size_t)channels;
    case WT_PLACE_RING: {
        int at = place->newest + (int)row;
        if (at < 0) at += place->ring;
        return e->arena + place->at + (size_t)at * (size_t)channels;
    }
    case WT_PLACE_NONE: break;
    }
    return NULL;
}

static inline wt_real *wt_value_row(const wt_engine *e, const wt_tile *tile, int value, int64_t row) {
    return wt_row(e, tile, e->plan->value[value], row, wt_value_of(e, value)->channels);
}

static inline wt_real *wt_gradient_row(const wt_engine *e, const wt_tile *tile, int value, int64_t row) {
    return wt_row(e, tile, e->plan->gradient[value], row, wt_value_of(e, value)->channels);
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

/* Elements of a unit's partial sums. */
static inline double *wt_moments(const wt_engine *e, int op, const wt_tile *tile) {
    return (double *)tile->sums + e->plan->partial_at[op];
}

/* A unit's partial sums. */
static inline wt_real *wt_unit_sums(const wt_engine *e, const wt_stage *stage, int group, int unit) {
    /* a microbatch of targets has the room of its windows */
    const int windows = stage->extent == WT_EXTENT_TARGETS ? e->microbatch_windows : 1;
    const size_t number = (size_t)group * (size_t)windows * (size_t)stage->sums_units + (size_t)unit;
    return e->sums + stage->sums_at + number * stage->sums_stride;
}

/* Rows that a group of a stage has in this call, and the group's first target in the list. */
int64_t wt_stage_rows(const wt_engine *e, const wt_stage *stage, int group, int64_t *origin);
/* Targets first … end−1 of a microbatch in the list of all; of time rows, its windows. */
void wt_microbatch_span(const wt_engine *e, int microbatch, int *first, int *end);
/* Adds a stage's moments over the units of each microbatch, [microbatches, count + 1] with the rows' number
 * at the end, and then over all microbatches of the step, to total [count + 1]. */
double *wt_reduce_moments(wt_engine *e, int op, const wt_stage *stage, int width);

/* Calls that backward.c lays out, in terms of values and terms. */
void wt_gather_call(const wt_engine *e, int value, const wt_tile *tile);
void wt_scale_call(const wt_engine *e, int value, const wt_tile *tile);
void wt_bias_call(const wt_engine *e, int value, const wt_tile *tile);
void wt_term_weights_call(const wt_engine *e, int term, const wt_tile *tile);
void wt_remake_call(const wt_engine *e, int op, const wt_tile *tile);

/* --- plan.c, layout.c, backward.c, places.c --- */

/* Everything that can be known before memory is taken. With `stream` rows of time stand in rings. */
wt_status wt_engine_plan_create(wt_engine_plan **out, const wt_engine *e, bool stream);
/* Takes the memory for running its tasks. */
wt_status wt_engine_plan_prepare(wt_engine_plan *plan);
void wt_engine_plan_destroy(wt_engine_plan *plan);
wt_status wt_engine_create_for(wt_engine **out, const wt_graph *graph, const wt_kernels *kernels,
                               const wt_engine_shape *shape, bool stream);
int64_t wt_engine_plan_bytes(const wt_engine_plan *plan);
/* Lays out backward's calls, sources and parts, stage by stage from the last to the first. */
void wt_engine_plan_backward(wt_engine_plan *plan, const wt_engine *e);
/* Gives buffers their places. */
void wt_engine_plan_places(wt_engine_plan *plan, const wt_engine *e);
void wt_engine_plan_rings(wt_engine_plan *plan, const wt_engine *e);

/* What they share (layout.c): a call of the newest stage, and that it touches rows of a buffer. */
void wt_engine_plan_call(wt_engine_plan *plan, void (*run)(const wt_engine *, int, const wt_tile *),
                         int item);
void wt_engine_plan_use(wt_engine_plan *plan, const struct wt_use *use);
int wt_engine_plan_readers(const wt_engine_plan *plan, int value);
int wt_engine_plan_buffer(wt_engine_plan *plan, const wt_engine *e, int value, int channels);
bool wt_engine_plan_adds_in_place(const wt_engine_plan *plan, const wt_engine *e, int op);
/* The only operator with one input that reads a value which nobody else reads; −1: there is none. */
int wt_engine_plan_sole_reader(const wt_engine_plan *plan, const wt_engine *e, int value);

/* The work of stages, for tasks: of tiles, of panels, of chunks of partial gradients; and what follows a
 * stage. */
void wt_run_tiles(void *engine, int stage, int group, int unit);
void wt_run_panel(void *engine, int stage, int microbatch, int panel);
void wt_sum_chunk(void *engine, int stage, int microbatch, int unit);
void wt_run_after(void *engine, int stage);

#endif
