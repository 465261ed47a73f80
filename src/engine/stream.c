/*
 * Generation: forward of one row per operator and stream. Rows of time stand in rings, as far back as
 * somebody reads; a stream begins in the state that an endless past of padding leaves: every value is then
 * constant, so one sample fills all rings. Targets' contexts are short, and a new sample moves every fuse
 * by one place: they are computed anew.
 *
 * Streams side by side are rows of the same time: what is a product of many rows in a forward pass is one
 * of many streams here, and the operators' forward functions see no difference. A stream has the bits of a
 * forward pass, whatever its neighbours (with kernels of fused multiply-adds; wt_kernels_for_rows).
 */
#include <string.h>

#include "operators.h"
#include "shares.h"
#include "team.h"
#include "wavetrain/stream.h"

/* A condition, and of each stream: its own, the sample whose outputs come next, that one's frame, whether the
 * frame and whether the condition are new. */
typedef struct {
    wt_stream_condition common;
    wt_stream_condition *own;
    int64_t *sample, *frame;
    bool *fresh, *anew;
} wt_stream_conditions;

struct wt_stream {
    wt_engine *engine; /* of the first thread */
    wt_share_plan shares;
    wt_share_part *parts; /* [threads] */
    int threads;
    wt_team *team;         /* NULL: one thread */
    wt_real *arena;        /* all threads' rows, one thread's after the other's */
    const wt_real *newest; /* [rows, channels] of the signal */
    wt_kernels kernels;
    int capacity, rows; /* streams */
    int channels;       /* of the signal; 0: none */
    int history;        /* inputs that are kept */
    int32_t silence;
    int32_t *classes; /* [capacity, history], or NULL */
    wt_real *values;  /* [capacity, history, channels], or NULL */
    wt_batch batch;
    int *target_count;
    int32_t *target;
    bool began;
    wt_real *beginning; /* each ring's rows of one stream, the newest first, and the outputs */
    wt_stream_conditions conditions;
    wt_stream *starter; /* of one row: makes the beginnings of others; NULL until there is one */
    const wt_kernels *given_kernels;
    const wt_real *parameters;
    wt_weights weights;
};

/* --- inputs --- */

/* Inputs that some operator reads. */
static int history_of(const wt_graph *graph) {
    int history = 1;
    for (int op = 0; op < graph->op_count; op++) {
        const wt_op *o = &graph->ops[op];
        if (o->kind == WT_OP_LOOKUP && o->taps > history) history = o->taps;
        if (o->output >= 0 && graph->values[o->output].rows > history)
            history = graph->values[o->output].rows;
    }
    return history;
}

static bool unfolds(const wt_graph *graph) {
    for (int op = 0; op < graph->op_count; op++) {
        if (graph->ops[op].kind == WT_OP_UNFOLD) return true;
    }
    return false;
}

static void clear_inputs(wt_stream *stream, int row) {
    const size_t history = (size_t)stream->history, count = history * (size_t)stream->channels;
    if (stream->values) memset(stream->values + (size_t)row * count, 0, count * sizeof *stream->values);
    for (size_t j = 0; stream->classes && j < history; j++)
        stream->classes[(size_t)row * history + j] = stream->silence;
}

static wt_status take_inputs(wt_stream *stream, const wt_graph *graph) {
    const size_t rows = (size_t)stream->capacity, history = (size_t)stream->history;
    wt_batch *batch = &stream->batch;
    *batch = (wt_batch){
        .windows = stream->capacity, .targets = 1, .context = stream->history, .channels = stream->channels};
    WT_TRY(wt_alloc(&stream->target_count, rows, sizeof *stream->target_count, "streams"));
    WT_TRY(wt_alloc(&stream->target, rows, sizeof *stream->target, "streams"));
    if (graph->classes) WT_TRY(wt_alloc(&stream->classes, rows * history, sizeof(int32_t), "past classes"));
    if (unfolds(graph))
        WT_TRY(wt_alloc(&stream->values, rows * history * (size_t)stream->channels, sizeof(wt_real),
                        "past values"));
    for (int r = 0; r < stream->capacity; r++) {
        stream->target_count[r] = 1;
        stream->target[r] = -1;
        clear_inputs(stream, r);
    }
    batch->target_count = stream->target_count;
    batch->target = stream->target;
    batch->classes = stream->classes;
    batch->signal = stream->values;
    return WT_OK;
}

/* --- a condition --- */

static const int64_t NO_FRAME = INT64_MIN;

static void set_condition(wt_stream *stream, int row, const wt_stream_condition *condition) {
    stream->conditions.own[row] = *condition;
    stream->conditions.anew[row] = true;
    if (stream->batch.speaker) stream->batch.speaker[row] = condition->speaker;
    if (stream->conditions.frame) stream->conditions.frame[row] = NO_FRAME;
}

static wt_status take_condition(wt_stream *stream, const wt_graph *graph) {
    const size_t rows = (size_t)stream->capacity;
    wt_batch *batch = &stream->batch;
    WT_TRY(wt_alloc(&stream->conditions.own, rows, sizeof *stream->conditions.own, "conditions of streams"));
    WT_TRY(
        wt_alloc(&stream->conditions.anew, rows, sizeof *stream->conditions.anew, "conditions of streams"));
    if (graph->speakers) WT_TRY(wt_alloc(&batch->speaker, rows, sizeof *batch->speaker, "streams"));
    for (int r = 0; r < stream->capacity; r++) set_condition(stream, r, &stream->conditions.common);
    if (graph->condition < 0) return WT_OK;
    const wt_value *frames = &graph->values[graph->condition];
    batch->features = frames->channels;
    batch->frames = graph->frame_taps + frames->left;
    WT_TRY(wt_alloc(&batch->condition, rows * (size_t)(batch->frames * batch->features), sizeof(wt_real),
                    "frames of streams"));
    WT_TRY(wt_alloc(&batch->phase, rows, sizeof *batch->phase, "frames of streams"));
    WT_TRY(
        wt_alloc(&stream->conditions.sample, rows, sizeof *stream->conditions.sample, "frames of streams"));
    WT_TRY(wt_alloc(&stream->conditions.frame, rows, sizeof *stream->conditions.frame, "frames of streams"));
    WT_TRY(wt_alloc(&stream->conditions.fresh, rows, sizeof *stream->conditions.fresh, "frames of streams"));
    for (size_t r = 0; r < rows; r++) stream->conditions.frame[r] = NO_FRAME;
    return WT_OK;
}

/* The frames that the next outputs depend on. */
static void take_frames(wt_stream *stream) {
    const wt_graph *graph = stream->engine->graph;
    wt_batch *batch = &stream->batch;
    const size_t each = (size_t)batch->features;
    for (int r = 0; stream->conditions.sample && r < stream->rows; r++) {
        const wt_stream_condition *c = &stream->conditions.own[r];
        const int64_t frame = wt_batch_frame_of(&graph->framing, stream->conditions.sample[r], c->centre,
                                                &batch->phase[r]);
        wt_real *to = batch->condition + (size_t)r * (size_t)batch->frames * each;
        batch->phase[r] -= batch->context - 1; /* a stream's only row of time is its newest */
        stream->conditions.fresh[r] = frame != stream->conditions.frame[r];
        stream->conditions.frame[r] = frame;
        for (int i = 0; stream->conditions.fresh[r] && i < batch->frames; i++, to += each)
            memcpy(to,
                   c->frames +
                       (size_t)wt_batch_frame_inside(frame - graph->framing.back + i, c->count) * each,
                   each * sizeof *to);
    }
}

/* What is not of time is computed once, or for new frames. */
static void run_condition(const wt_stream *stream, const wt_engine *e, int op) {
    const wt_extent extent = wt_engine_value(e, e->graph->ops[op].output)->extent;
    wt_tile tile = {.stage = &e->plan->stages[e->plan->ops[op].stage], .count = 1};
    if (extent == WT_EXTENT_FRAMES) tile.count = e->plan->frames + tile.stage->left;
    for (; tile.group < stream->rows; tile.group++) {
        if (extent == WT_EXTENT_WINDOW ? stream->conditions.anew[tile.group]
                                       : stream->conditions.fresh[tile.group])
            wt_engine_op_class(e->graph, op)->forward(e, op, &tile);
    }
}

static void count_samples(wt_stream *stream) {
    for (int r = 0; stream->conditions.sample && r < stream->rows; r++) stream->conditions.sample[r]++;
}

/* The oldest of a row's inputs makes way. */
static void shift(void *inputs, size_t history, size_t bytes, const void *newest) {
    char *at = inputs;
    memmove(at, at + bytes, (history - 1) * bytes);
    memcpy(at + (history - 1) * bytes, newest, bytes);
}

static void take_samples(wt_stream *stream, const int32_t *classes, const wt_real *values) {
    const size_t history = (size_t)stream->history, channels = (size_t)stream->channels;
    for (size_t r = 0; r < (size_t)stream->rows; r++) {
        if (stream->classes) shift(stream->classes + r * history, history, sizeof *classes, classes + r);
        if (stream->values)
            shift(stream->values + r * history * channels, history, channels * sizeof *values,
                  values + r * channels);
    }
    stream->newest = values;
}

/* The signal's newest row: of the padding nothing has been given. */
static void take_signal(const wt_stream *stream, const wt_engine *e) {
    const size_t count = (size_t)stream->rows * (size_t)stream->channels;
    if (count == 0 || !stream->newest) return;
    const wt_place *place = &e->plan->buffers[e->plan->values[e->graph->signal].buffer].places[WT_FORWARD];
    if (place->kind == WT_PLACE_RING)
        memcpy(e->arena + place->at + (size_t)place->newest * place->stride, stream->newest,
               count * sizeof *stream->newest);
}

/* --- rings --- */

static void turn_rings(const wt_share_part *part) {
    for (int i = 0; i < part->ring_count; i++) {
        wt_place *place = part->rings[i];
        if (++place->newest >= place->ring) place->newest = 0;
    }
}

/* Of a thread: its own rings; of the first one also those that all see. */
static void fill_rings(const wt_stream *stream, const wt_share_part *part) {
    const wt_engine *e = part->engine;
    for (int b = 0; b < e->plan->buffer_count; b++) {
        const wt_place *place = &e->plan->buffers[b].places[WT_FORWARD];
        const wt_real *row = e->arena + place->at + (size_t)place->newest * place->stride;
        if (place->kind != WT_PLACE_RING || (stream->shares.shared[b] && part->thread > 0)) continue;
        for (int i = 0; i < place->ring; i++) {
            wt_real *to = e->arena + place->at + (size_t)i * place->stride;
            if (to != row) memcpy(to, row, place->stride * sizeof *to);
        }
    }
}

static void arrive(const wt_stream *stream, int thread) {
    if (stream->team) wt_team_arrive(stream->team, thread);
}

static void wait_for_all(const wt_stream *stream, int thread) {
    if (stream->team) wt_team_wait(stream->team, thread);
}

static void meet(const wt_stream *stream, int thread) {
    arrive(stream, thread);
    wait_for_all(stream, thread);
}

/* With a constant past a ring is full of its newest row, before anybody reads it. */
static void fill_first(const wt_stream *stream, const wt_share_part *part, int op) {
    const bool each = stream->shares.steps[op].mode == WT_SHARE_EACH;
    if (!each) meet(stream, part->thread);
    fill_rings(stream, part);
    if (!each) meet(stream, part->thread);
}

/* While other threads are on their way, the sums of an operator to come begin. True: it has arrived. */
static bool begin_next(const wt_stream *stream, wt_share_part *part, int op) {
    const wt_share_step *steps = stream->shares.steps;
    const int begins = wt_share_part_next(part, op);
    if (begins == 0) return false;
    int next = op + 1;
    while (steps[next].idle) next++;
    const bool arrives = steps[next].waits;
    if (arrives) arrive(stream, part->thread);
    wt_share_part_begin(part, begins, stream->rows);
    return arrives;
}

/* A thread's part of a sample. */
static void compute(void *context, int thread) {
    const wt_stream *stream = context;
    wt_share_part *part = &stream->parts[thread];
    wt_engine *e = part->engine;
    bool arrived = false;
    turn_rings(part);
    take_signal(stream, e);
    for (int op = 0; op < e->graph->op_count - 1; op++) { /* the last is the loss */
        const wt_share_step *step = &stream->shares.steps[op];
        if (step->idle) continue;
        if (step->rare) {
            run_condition(stream, e, op);
            continue;
        }
        if (step->waits && !arrived) arrive(stream, thread);
        if (step->waits) wait_for_all(stream, thread);
        wt_share_part_run(part, op, stream->rows);
        arrived = stream->began && begin_next(stream, part, op);
        if (!stream->began) fill_first(stream, part, op);
    }
}

static void run(wt_stream *stream) {
    take_frames(stream);
    if (stream->team) {
        wt_team_run(stream->team);
    } else {
        compute(stream, 0);
    }
    memset(stream->conditions.anew, 0, (size_t)stream->rows * sizeof *stream->conditions.anew);
}

static wt_real *find_stream_outputs(const wt_stream *stream) {
    const wt_engine *e = stream->engine;
    const wt_place *place = &e->plan->buffers[e->plan->values[e->graph->outputs].buffer].places[WT_FORWARD];
    return e->arena + place->at + (place->kind == WT_PLACE_RING ? (size_t)place->newest * place->stride : 0);
}

/* The rows of a ring's i-th newest time. */
static wt_real *ring_row(const wt_engine *e, const wt_place *place, int i) {
    const int at = (place->newest - i + place->ring) % place->ring;
    return e->arena + place->at + (size_t)at * place->stride;
}

/* Copies a row of a thread's rings to row `to` from row `from`, or from the beginning's (−1). */
static const wt_real *copy_rings(const wt_engine *e, const wt_real *first, int from, int to) {
    for (int b = 0; b < e->plan->buffer_count; b++) {
        const wt_buffer *buffer = &e->plan->buffers[b];
        const wt_place *place = &buffer->places[WT_FORWARD];
        const size_t channels = (size_t)buffer->channels;
        if (place->kind != WT_PLACE_RING) continue;
        for (int i = 0; i < place->ring; i++, first += channels) {
            wt_real *rows = ring_row(e, place, i);
            memcpy(rows + (size_t)to * channels, from < 0 ? first : rows + (size_t)from * channels,
                   channels * sizeof *rows);
        }
    }
    return first;
}

/* To row `to` from row `from`, or from a beginning (−1). */
static void copy_row(wt_stream *stream, const wt_real *beginning, int from, int to) {
    const size_t outputs = (size_t)wt_engine_value(stream->engine, stream->engine->graph->outputs)->channels;
    const wt_real *first = beginning;
    for (int t = 0; t < stream->threads; t++)
        first = copy_rings(stream->parts[t].engine, beginning, from, to);
    wt_real *newest = find_stream_outputs(stream);
    memcpy(newest + (size_t)to * outputs, from < 0 ? first : newest + (size_t)from * outputs,
           outputs * sizeof *newest);
}

static wt_status take_beginning(wt_stream *stream) {
    const wt_engine *e = stream->engine;
    size_t count = (size_t)wt_engine_value(e, e->graph->outputs)->channels;
    for (int b = 0; b < e->plan->buffer_count; b++) {
        const wt_buffer *buffer = &e->plan->buffers[b];
        if (buffer->places[WT_FORWARD].kind == WT_PLACE_RING)
            count += (size_t)buffer->channels * (size_t)buffer->places[WT_FORWARD].ring;
    }
    return wt_alloc(&stream->beginning, count, sizeof(wt_real), "a stream's beginning");
}

static void keep_beginning(wt_stream *stream) {
    const wt_engine *e = stream->engine;
    const size_t outputs = (size_t)wt_engine_value(e, e->graph->outputs)->channels;
    wt_real *to = stream->beginning;
    for (int b = 0; b < e->plan->buffer_count; b++) {
        const wt_place *place = &e->plan->buffers[b].places[WT_FORWARD];
        const size_t channels = (size_t)e->plan->buffers[b].channels;
        if (place->kind != WT_PLACE_RING) continue;
        for (int i = 0; i < place->ring; i++, to += channels)
            memcpy(to, ring_row(e, place, i), channels * sizeof *to);
    }
    memcpy(to, find_stream_outputs(stream), outputs * sizeof *to);
}

/* An endless past of padding and of the first frame, which ends where a stretch of frames sees the second
 * one. */
static void compute_beginning(wt_stream *stream) {
    const wt_graph *graph = stream->engine->graph;
    int64_t before = 0;
    if (graph->frame_taps > 2) before = (int64_t)graph->framing.hop * (graph->frame_taps + 1);
    for (int r = 0; stream->conditions.sample && r < stream->rows; r++)
        stream->conditions.sample[r] = -before;
    stream->began = false;
    run(stream);
    stream->began = true;
    for (int64_t i = 0; i < before; i++) {
        count_samples(stream);
        run(stream);
    }
    keep_beginning(stream);
}

/* --- the whole --- */

/* An engine of a thread, whose rows are yet to be placed. */
static wt_status make_engine(wt_stream *stream, const wt_graph *graph, int thread) {
    const wt_engine_shape shape = {.windows = stream->capacity, .targets = 1};
    wt_share_part *part = &stream->parts[thread];
    WT_TRY(wt_engine_create_for(&part->engine, graph, &stream->kernels, &shape, true));
    wt_engine *e = part->engine;
    e->batch = &stream->batch;
    e->windows = e->list.count = stream->capacity;
    e->streams = true;
    for (int r = 0; e->list.window_first && r < stream->capacity; r++) {
        e->list.window_first[r + 1] = r + 1;
        e->list.input_at[r] = (size_t)r * (size_t)stream->history;
    }
    part->shares = &stream->shares;
    part->thread = thread;
    part->threads = stream->threads;
    part->rows = stream->capacity;
    part->begun = -1;
    return WT_OK;
}

/* Rows that all see stand in the first thread's part of the arena, others in their thread's. */
static wt_status place_rows(wt_stream *stream) {
    const size_t each = wt_engine_whole_lines(stream->engine->plan->sizes.arena);
    WT_TRY(wt_alloc(&stream->arena, each * (size_t)stream->threads, sizeof(wt_real), "activations"));
    for (int t = 0; t < stream->threads; t++) {
        wt_engine *e = stream->parts[t].engine;
        const size_t own = each * (size_t)t;
        wt_free(e->arena);
        e->arena = stream->arena;
        for (int b = 0; b < e->plan->buffer_count; b++) {
            if (!stream->shares.shared[b]) e->plan->buffers[b].places[WT_FORWARD].at += own;
        }
        for (int op = 0; op < e->graph->op_count; op++) {
            if (e->plan->ops[op].memory_at != SIZE_MAX) e->plan->ops[op].memory_at += own;
        }
    }
    return WT_OK;
}

static wt_status begin_stream(wt_stream *stream, const wt_graph *graph, const wt_real *parameters) {
    WT_TRY(take_inputs(stream, graph));
    WT_TRY(take_condition(stream, graph));
    WT_TRY(wt_alloc(&stream->parts, (size_t)stream->threads, sizeof *stream->parts, "a stream's threads"));
    for (int t = 0; t < stream->threads; t++) WT_TRY(make_engine(stream, graph, t));
    stream->engine = stream->parts[0].engine;
    WT_TRY(wt_share_plan_init(&stream->shares, stream->engine, stream->threads));
    WT_TRY(place_rows(stream));
    for (int t = 0; t < stream->threads; t++) WT_TRY(wt_share_part_pack(&stream->parts[t], parameters));
    if (stream->threads > 1) WT_TRY(wt_team_create(&stream->team, stream->threads, compute, stream));
    WT_TRY(take_beginning(stream));
    compute_beginning(stream);
    return WT_OK;
}

static wt_status check_frames_given(const wt_graph *graph, const wt_stream_condition *condition) {
    WT_CHECK(graph->condition < 0 || condition->count > 0, WT_USAGE,
             "the network has a condition, and no frame is given");
    return WT_OK;
}

wt_status wt_stream_open(wt_stream **out, const wt_graph *graph, const wt_kernels *kernels,
                         const wt_real *parameters, const wt_stream_options *options) {
    wt_status status = WT_OK;
    wt_stream *stream;
    *out = NULL;
    WT_CHECK(graph->values[graph->outputs].extent != WT_EXTENT_WINDOW, WT_USAGE,
             "a network with one output per window generates nothing");
    const bool conditioned = graph->condition >= 0 || graph->speakers;
    WT_CHECK(!conditioned || options->condition, WT_USAGE, "the network has a condition, and none is given");
    if (conditioned) WT_TRY(check_frames_given(graph, options->condition));
    WT_CHECK(options->rows >= 1 && options->threads >= 0, WT_USAGE,
             "streams: got %d with %d threads, expected 1 or more", options->rows, options->threads);
    WT_TRY(wt_alloc(&stream, 1, sizeof *stream, "the stream"));
    stream->kernels = wt_kernels_for_rows(kernels, options->rows, options->weights);
    stream->capacity = stream->rows = options->rows;
    stream->threads = options->threads ? options->threads : 1;
    stream->given_kernels = kernels;
    stream->parameters = parameters;
    stream->weights = options->weights;
    if (conditioned) stream->conditions.common = *options->condition;
    stream->history = history_of(graph);
    stream->channels = graph->signal >= 0 ? graph->values[graph->signal].channels : 0;
    stream->silence = options->silence_class;
    WT_GUARD(begin_stream(stream, graph, parameters));
    *out = stream;
    stream = NULL;
cleanup:
    wt_stream_destroy(stream);
    return status;
}

wt_status wt_stream_create(wt_stream **out, const wt_graph *graph, const wt_kernels *kernels,
                           const wt_real *parameters, int32_t silence_class) {
    const wt_stream_options options = {.silence_class = silence_class, .rows = 1};
    return wt_stream_open(out, graph, kernels, parameters, &options);
}

void wt_stream_destroy(wt_stream *stream) {
    if (!stream) return;
    wt_team_destroy(stream->team);
    for (int t = 0; stream->parts && t < stream->threads; t++) {
        wt_share_part *part = &stream->parts[t];
        wt_share_part_dispose(part);
        if (part->engine && stream->arena) part->engine->arena = NULL;
        wt_engine_destroy(part->engine);
    }
    wt_share_plan_dispose(&stream->shares);
    wt_free(stream->parts);
    wt_free(stream->arena);
    wt_free(stream->classes);
    wt_free(stream->values);
    wt_free(stream->target_count);
    wt_free(stream->target);
    wt_free(stream->beginning);
    wt_free(stream->batch.condition);
    wt_free(stream->batch.phase);
    wt_free(stream->batch.speaker);
    wt_free(stream->conditions.sample);
    wt_free(stream->conditions.frame);
    wt_free(stream->conditions.fresh);
    wt_free(stream->conditions.own);
    wt_free(stream->conditions.anew);
    wt_stream_destroy(stream->starter);
    wt_free(stream);
}

const wt_real *wt_stream_feed_rows(wt_stream *stream, const int32_t *classes, const wt_real *values) {
    take_samples(stream, classes, values);
    count_samples(stream);
    run(stream);
    return find_stream_outputs(stream);
}

const wt_real *wt_stream_feed(wt_stream *stream, int32_t index, const wt_real *values) {
    return wt_stream_feed_rows(stream, &index, values);
}

const wt_real *wt_stream_outputs(const wt_stream *stream) {
    return find_stream_outputs(stream);
}

const wt_real *wt_stream_row_outputs(const wt_stream *stream, int row) {
    const wt_engine *e = stream->engine;
    return find_stream_outputs(stream) +
           (size_t)row * (size_t)wt_engine_value(e, e->graph->outputs)->channels;
}

void wt_stream_rewind(wt_stream *stream) {
    stream->rows = stream->capacity;
    for (int row = 0; row < stream->rows; row++) wt_stream_restart(stream, row);
}

static void begin_stream_row(wt_stream *stream, int row, const wt_stream_condition *condition,
                             const wt_real *beginning) {
    clear_inputs(stream, row);
    copy_row(stream, beginning, -1, row);
    set_condition(stream, row, condition);
    if (stream->conditions.sample) stream->conditions.sample[row] = 0;
}

void wt_stream_restart(wt_stream *stream, int row) {
    begin_stream_row(stream, row, &stream->conditions.common, stream->beginning);
}

wt_status wt_stream_restart_conditioned(wt_stream *stream, int row, const wt_stream_condition *condition) {
    const wt_graph *graph = stream->engine->graph;
    WT_TRY(check_frames_given(graph, condition));
    if (!stream->starter) {
        const wt_stream_options options = {
            .silence_class = stream->silence, .rows = 1, .weights = stream->weights, .condition = condition};
        WT_TRY(wt_stream_open(&stream->starter, graph, stream->given_kernels, stream->parameters, &options));
    } else {
        wt_stream_restart(stream->starter, 0);
        set_condition(stream->starter, 0, condition);
        compute_beginning(stream->starter);
    }
    begin_stream_row(stream, row, condition, stream->starter->beginning);
    return WT_OK;
}

void wt_stream_remove(wt_stream *stream, int row) {
    const int last = stream->rows - 1;
    const size_t history = (size_t)stream->history, count = history * (size_t)stream->channels;
    if (row != last) {
        copy_row(stream, NULL, last, row);
        set_condition(stream, row, &stream->conditions.own[last]);
        if (stream->conditions.sample) stream->conditions.sample[row] = stream->conditions.sample[last];
        if (stream->classes)
            memcpy(stream->classes + (size_t)row * history, stream->classes + (size_t)last * history,
                   history * sizeof *stream->classes);
        if (stream->values)
            memcpy(stream->values + (size_t)row * count, stream->values + (size_t)last * count,
                   count * sizeof *stream->values);
    }
    stream->rows = last;
}

int wt_stream_rows(const wt_stream *stream) {
    return stream->rows;
}

size_t wt_stream_weight_bytes(const wt_stream *stream) {
    size_t bytes = 0;
    for (int t = 0; t < stream->threads; t++)
        bytes += stream->parts[t].engine->plan->sizes.packed * sizeof(wt_real);
    return bytes;
}

void wt_stream_read_weights(wt_stream *stream, int thread) {
    const wt_engine *e = stream->parts[thread].engine;
    wt_kernels_read(e->packed, e->plan->sizes.packed);
}

void wt_engine_round_weights(const wt_graph *graph, wt_real *parameters) {
    for (int n = 0; n < graph->term_count; n++) {
        const int tensor = graph->terms[n].tensor;
        if (tensor < 0) continue;
        wt_kernels_round_to_bf16(parameters + graph->tensors[tensor].offset, graph->tensors[tensor].count);
    }
}
