/*
 * Generation: forward of one row per operator. Values of time stand in rings, as far back as somebody
 * reads; a stream begins in the state that an endless past of padding leaves: every value is then constant,
 * so one sample fills all rings. Targets' contexts are short, and a new sample moves every fuse by one
 * place: they are computed anew.
 *
 * A row goes through the very calls of a forward pass, so that it has the bits of one (but for OpenBLAS,
 * where a row's place matters).
 */
#include <string.h>

#include "operators.h"
#include "wavetrain/memory.h"

struct wt_stream {
    wt_engine *engine;
    int history; /* inputs that are kept */
    int32_t *classes;
    wt_real *values; /* [history, channels] */
    wt_batch batch;
    int target_count;
    int32_t target;
};

/* Inputs that some operator reads. */
static int history_of(const wt_graph *graph) {
    int history = 1;
    for (int op = 0; op < graph->op_count; op++) {
        const wt_op *o = &graph->ops[op];
        int reach = 1;
        if (o->kind == WT_OP_LOOKUP) reach = o->taps;
        if (o->output >= 0 && graph->values[o->output].rows > reach) reach = graph->values[o->output].rows;
        for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
            if (graph->terms[n].value == graph->signal && graph->terms[n].delay >= reach)
                reach = graph->terms[n].delay + 1;
        }
        if (o->add >= 0 && o->add == graph->signal && o->add_delay >= reach) reach = o->add_delay + 1;
        if (reach > history) history = reach;
    }
    return history;
}

static void fill_rings(const wt_engine *e) {
    for (int b = 0; b < e->plan->buffer_count; b++) {
        const wt_place *place = &e->plan->buffers[b].places[WT_FORWARD];
        const size_t channels = (size_t)e->plan->buffers[b].channels;
        const wt_real *row = e->arena + place->at + (size_t)place->newest * channels;
        for (int i = 0; place->kind == WT_PLACE_RING && i < place->ring; i++) {
            wt_real *to = e->arena + place->at + (size_t)i * channels;
            if (to != row) memcpy(to, row, channels * sizeof *to);
        }
    }
}

static void advance(wt_stream *stream, bool fill) {
    wt_engine *e = stream->engine;
    const wt_engine_plan *plan = e->plan;
    for (int b = 0; b < plan->buffer_count; b++) {
        wt_place *place = &plan->buffers[b].places[WT_FORWARD];
        if (place->kind == WT_PLACE_RING && ++place->newest >= place->ring) place->newest = 0;
    }
    wt_tile tile = {.count = 1};
    for (int op = 0; op < e->graph->op_count - 1; op++) { /* the last is the loss */
        tile.stage = &plan->stages[plan->ops[op].stage];
        if (wt_class(e->graph, op)->forward) wt_class(e->graph, op)->forward(e, op, &tile);
        /* with a constant past a ring is full of its newest row, before anybody reads it */
        if (fill) fill_rings(e);
    }
}

static wt_status take_inputs(wt_stream *stream, const wt_graph *graph, int32_t silence_class) {
    const size_t history = (size_t)stream->history;
    stream->batch = (wt_batch){.windows = 1, .targets = 1, .context = stream->history};
    stream->target = -1;
    stream->target_count = 1;
    stream->batch.target_count = &stream->target_count;
    stream->batch.target = &stream->target;
    if (graph->signal >= 0) {
        stream->batch.channels = graph->values[graph->signal].channels;
        WT_TRY(wt_alloc(&stream->values, history * (size_t)stream->batch.channels, sizeof(wt_real),
                        "past values"));
        stream->batch.signal = stream->values;
    }
    if (!graph->classes) return WT_OK;
    WT_TRY(wt_alloc(&stream->classes, history, sizeof *stream->classes, "past classes"));
    for (size_t j = 0; j < history; j++) stream->classes[j] = silence_class;
    stream->batch.classes = stream->classes;
    return WT_OK;
}

wt_status wt_stream_create(wt_stream **out, const wt_graph *graph, const wt_kernels *kernels,
                           const wt_real *parameters, int32_t silence_class) {
    const wt_engine_shape shape = {.windows = 1, .targets = 1};
    wt_status status = WT_OK;
    wt_stream *stream;
    *out = NULL;
    WT_CHECK(graph->values[graph->outputs].extent != WT_EXTENT_WINDOW, WT_USAGE,
             "a network with one output per window generates nothing");
    WT_CHECK(graph->condition < 0 && !graph->speakers, WT_USAGE,
             "a network with a condition generates nothing as yet");
    WT_TRY(wt_alloc(&stream, 1, sizeof *stream, "the stream"));
    stream->history = history_of(graph);
    WT_GUARD(take_inputs(stream, graph, silence_class));
    WT_GUARD(wt_engine_create_for(&stream->engine, graph, kernels, &shape, true));
    wt_engine *e = stream->engine;
    if (graph->signal >= 0) e->plan->values[graph->signal].left = stream->history - 1;
    e->batch = &stream->batch;
    e->windows = e->targets = 1;
    if (e->window_first) e->window_first[1] = 1;
    wt_engine_pack(e, parameters);
    advance(stream, true);
    *out = stream;
    stream = NULL;
cleanup:
    wt_stream_destroy(stream);
    return status;
}

void wt_stream_destroy(wt_stream *stream) {
    if (!stream) return;
    wt_engine_destroy(stream->engine);
    wt_free(stream->classes);
    wt_free(stream->values);
    wt_free(stream);
}

const wt_real *wt_stream_feed(wt_stream *stream, int32_t index, const wt_real *values) {
    const size_t older = (size_t)stream->history - 1, row = (size_t)stream->batch.channels;
    if (stream->classes) {
        memmove(stream->classes, stream->classes + 1, older * sizeof *stream->classes);
        stream->classes[older] = index;
    }
    if (stream->values) {
        memmove(stream->values, stream->values + row, older * row * sizeof *values);
        memcpy(stream->values + older * row, values, row * sizeof *values);
    }
    advance(stream, false);
    return wt_stream_outputs(stream);
}

const wt_real *wt_stream_outputs(const wt_stream *stream) {
    const wt_engine *e = stream->engine;
    const wt_value *v = wt_value_of(e, e->graph->outputs);
    const wt_place *place = &e->plan->buffers[e->plan->values[e->graph->outputs].buffer].places[WT_FORWARD];
    return e->arena + place->at +
           (size_t)(place->kind == WT_PLACE_RING ? place->newest : 0) * (size_t)v->channels;
}
