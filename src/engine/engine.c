/*
 * A call of the engine: forward, which leaves what backward needs, and backward. The plan says what is to
 * be done; here it is done: memory is taken once, stages' units are computed by threads, and the listener
 * gets reports of finished gradients.
 */
#include "engine/engine.h"

#include <omp.h>
#include <string.h>

#include "losses.h"
#include "operators.h"
#include "wavetrain/stream.h"

/* --- memory --- */

/* What an engine holds besides its plan: `count` elements of `size` bytes at *at. */
typedef struct {
    void *at;
    size_t count, size;
} holding;

enum { HOLDINGS = 12 };

static void list_holdings(wt_engine *e, holding list[HOLDINGS]) {
    const wt_engine_plan *plan = e->plan;
    const size_t windows = (size_t)e->shape.windows;
    const size_t microbatches = (size_t)wt_engine_count_microbatches(e, e->shape.windows);
    const size_t targets = plan->lists_targets ? windows * (size_t)e->shape.targets : 0;
    const holding all[HOLDINGS] = {
        {&e->arena, plan->sizes.arena, sizeof(wt_real)},
        {&e->packed, plan->sizes.packed, sizeof(wt_real)},
        {&e->scratch, plan->sizes.scratch * (size_t)e->threads, sizeof(wt_real)},
        {&e->sums, plan->sizes.sums, sizeof(wt_real)},
        {&e->loss.tiles, windows * (size_t)plan->loss_tiles, sizeof(double)},
        {&e->norm_sums, (microbatches + 1) * (size_t)plan->norm_sums, sizeof(double)},
        {&e->no_targets, windows, sizeof(int32_t)},
        {&e->list.window_first, targets ? windows + 1 : 0, sizeof(int)},
        {&e->list.input_at, targets, sizeof(size_t)},
        {&e->list.target, targets, sizeof(int32_t)},
        {&e->list.value, targets * (size_t)wt_engine_values(e->graph), sizeof(wt_real)},
        {&e->loss.scratch, e->loss.each * (size_t)e->threads, sizeof(wt_real)},
    };
    memcpy(list, all, sizeof all);
}

static wt_status init_engine(wt_engine *e, const wt_graph *graph, const wt_kernels *kernels,
                             const wt_engine_shape *shape, bool stream) {
    e->graph = graph;
    e->kernels = kernels;
    e->shape = *shape;
    e->threads = omp_get_max_threads();
    /* In evaluation, what stands in one call with a window is chance, and must make no difference. */
    e->microbatch_windows = shape->windows;
    if (shape->backward && shape->microbatch_windows) e->microbatch_windows = shape->microbatch_windows;
    if (!shape->backward && kernels->place_matters) e->microbatch_windows = 1;
    if (wt_loss_takes_windows(e, wt_graph_loss(graph)))
        e->loss.each = wt_engine_whole_lines(
            wt_loss_classes[wt_graph_loss(graph)->loss]->scratch(shape->targets));
    return wt_engine_plan_create(e, stream);
}

wt_status wt_engine_create_for(wt_engine **out, const wt_graph *graph, const wt_kernels *kernels,
                               const wt_engine_shape *shape, bool stream) {
    wt_status status = WT_OK;
    wt_engine *e;
    holding list[HOLDINGS];
    *out = NULL;
    WT_TRY(wt_alloc(&e, 1, sizeof *e, "the engine"));
    WT_GUARD(init_engine(e, graph, kernels, shape, stream));
    list_holdings(e, list);
    for (int i = 0; i < HOLDINGS; i++)
        WT_GUARD(wt_alloc(list[i].at, list[i].count, list[i].size, "activations and gradients"));
    if (!stream) WT_GUARD(wt_engine_plan_prepare(e->plan));
    if (e->loss.each)
        WT_GUARD(wt_loss_classes[wt_graph_loss(graph)->loss]->prepare(&e->loss.tools, shape->targets));
    e->nothing = (wt_batch){.windows = shape->windows,
                            .context = graph->receptive_field,
                            .target_count = e->no_targets,
                            .target = e->no_targets};
    *out = e;
    e = NULL;
cleanup:
    wt_engine_destroy(e);
    return status;
}

wt_status wt_engine_create(wt_engine **out, const wt_graph *graph, const wt_kernels *kernels,
                           const wt_engine_shape *shape) {
    return wt_engine_create_for(out, graph, kernels, shape, false);
}

void wt_engine_destroy(wt_engine *e) {
    if (!e) return;
    if (e->loss.tools) wt_loss_classes[wt_graph_loss(e->graph)->loss]->release(e->loss.tools);
    wt_engine_plan_destroy(e->plan);
    void *const arrays[] = {e->arena,       e->packed,     e->scratch,           e->sums,
                            e->loss.tiles,  e->norm_sums,  e->list.window_first, e->list.input_at,
                            e->list.target, e->list.value, e->no_targets,        e->loss.scratch};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) wt_free(arrays[i]);
    wt_free(e);
}

int64_t wt_engine_bytes(const wt_graph *graph, const wt_kernels *kernels, const wt_engine_shape *shape) {
    wt_engine e = {0};
    int64_t bytes = -1;
    if (init_engine(&e, graph, kernels, shape, false) == WT_OK) {
        holding list[HOLDINGS];
        list_holdings(&e, list);
        bytes = (int64_t)sizeof e + wt_engine_plan_bytes(&e);
        for (int i = 0; i < HOLDINGS; i++) bytes += (int64_t)(list[i].count * list[i].size);
    }
    wt_engine_plan_destroy(e.plan);
    return bytes;
}

/* --- a step --- */

static void pack_term(const wt_engine *e, int number) {
    const wt_term *term = &e->graph->terms[number];
    if (term->tensor < 0) return;
    const int in = wt_engine_value(e, term->value)->channels;
    const int out = wt_engine_value(e, e->graph->ops[term->op].output)->channels;
    const wt_real *w = wt_engine_tensor(e, term->tensor) + (size_t)term->tap * (size_t)in * (size_t)out;
    const size_t forward = e->plan->terms[number].forward, backward = e->plan->terms[number].backward;
    e->kernels->pack(e->packed + forward, w, in, out, false, (wt_real)term->scale);
    if (backward != SIZE_MAX) e->kernels->pack(e->packed + backward, w, out, in, true, (wt_real)term->scale);
}

void wt_engine_pack(wt_engine *e, const wt_real *parameters) {
    enum { SERIAL = 1 << 15 }; /* elements: fewer are not worth a second thread */
    e->parameters = parameters;
    for (int op = 0; op < e->graph->op_count; op++) {
        if (wt_engine_op_class(e->graph, op)->load) wt_engine_op_class(e->graph, op)->load(e, op);
    }
    if (e->plan->sizes.packed < SERIAL || e->threads == 1) {
        for (int n = 0; n < e->graph->term_count; n++) pack_term(e, n);
        return;
    }
#pragma omp parallel for schedule(dynamic) num_threads(e->threads)
    for (int n = 0; n < e->graph->term_count; n++) pack_term(e, n);
}

void wt_engine_begin_step(wt_engine *e, const wt_engine_step *step) {
    e->step = *step;
    e->staged = false;
}

/* --- forward --- */

/* Targets that are none take no part in training, unless a readout takes them together; evaluation gives
 * outputs for them too. */
static void list_targets(wt_engine *e) {
    const wt_batch *batch = e->batch;
    /* where a readout does not take them together */
    const bool drops = e->shape.backward &&
                       wt_engine_value(e, e->graph->outputs)->extent == WT_EXTENT_TARGETS;
    const size_t values = (size_t)wt_engine_values(e->graph);
    e->list.count = 0;
    for (int w = 0; w < e->windows; w++) {
        const size_t slot = (size_t)(e->first + w), row = slot * (size_t)wt_batch_rows(batch);
        const size_t at = slot * (size_t)batch->targets;
        e->list.window_first[w] = e->list.count;
        for (int t = 0; t < batch->target_count[slot]; t++) {
            const int32_t target = batch->target[at + (size_t)t];
            if (drops && target < 0) continue;
            if (e->list.value && batch->value)
                memcpy(e->list.value + (size_t)e->list.count * values,
                       batch->value + (at + (size_t)t) * values, values * sizeof *e->list.value);
            e->list.input_at[e->list.count] = row + (size_t)t;
            e->list.target[e->list.count++] = target;
        }
    }
    e->list.window_first[e->windows] = e->list.count;
}

/* A window's loss: its tiles' in order. */
static wt_window_loss add_window(const wt_engine *e, int window) {
    const wt_batch *batch = e->batch;
    const int count = wt_engine_window_targets(e, window);
    /* is the only target */
    const bool last = wt_engine_value(e, e->graph->outputs)->extent == WT_EXTENT_WINDOW;
    const double *tiles = e->loss.tiles + (size_t)window * (size_t)e->plan->loss_tiles;
    const int32_t *targets = batch->target + (size_t)(e->first + window) * (size_t)batch->targets;
    wt_window_loss sum = {0.0, 0};
    if (count == 0) return sum;
    for (int tile = 0; tile < e->plan->loss_tiles && tile < wt_tasks_count(count, WT_LOSS_TILE); tile++)
        sum.loss += tiles[tile];
    for (int t = last ? count - 1 : 0; t < count; t++) sum.targets += targets[t] >= 0;
    return sum;
}

static int count_call_targets(const wt_engine *e) {
    int targets = 0;
    for (int w = 0; w < e->windows; w++) targets += wt_engine_window_targets(e, w);
    return targets;
}

static void run_phase(wt_engine *e, wt_pass_phase phase, void (*between)(void *)) {
    const bool in_turn = e->plan->norm_sums > 0;
    const wt_task_run task_run = {.context = e,
                                  .windows = e->windows,
                                  .threads = e->serial ? 1 : e->threads,
                                  .in_turn = e->serial || in_turn,
                                  .between = in_turn ? NULL : between};
    wt_tasks_run(&e->plan->tasks[phase], &task_run);
}

static bool is_serial_call(const wt_engine *e) {
    const int window = e->shape.carries ? WT_ENGINE_CARRIED : e->shape.targets;
    return !e->shared && wt_engine_is_serial(e->graph, e->shape.backward, window,
                                             e->plan->lists_targets ? e->list.count : count_call_targets(e));
}

/* The newest rows become those that the next call reads. */
static void carry_rows(const wt_engine *e) {
    for (int b = 0; b < e->plan->buffer_count; b++) {
        const wt_buffer *buffer = &e->plan->buffers[b];
        const wt_place *place = &buffer->places[WT_FORWARD];
        const size_t carried = (size_t)buffer->carry * (size_t)buffer->channels;
        if (place->kind != WT_PLACE_ROWS || carried == 0) continue;
        for (int w = 0; w < e->windows; w++) {
            wt_real *first = e->arena + place->at + (size_t)w * place->stride - carried;
            memmove(first, first + (size_t)wt_engine_window_targets(e, w) * (size_t)buffer->channels,
                    carried * sizeof *first);
        }
    }
}

void wt_engine_set_class_weights(wt_engine *e, const wt_real *weights) {
    e->loss.weights = weights;
}

void wt_engine_forward(wt_engine *e, const wt_batch *batch, int first, int windows, wt_window_loss *losses) {
    e->batch = batch ? batch : &e->nothing;
    e->first = batch ? first : 0;
    e->windows = windows;
    if (e->plan->lists_targets) list_targets(e);
    e->serial = is_serial_call(e);
    run_phase(e, WT_FORWARD, NULL);
    if (e->shape.carries) carry_rows(e);
    for (int i = 0; i < windows; i++) losses[i] = add_window(e, i);
}

const wt_real *wt_engine_outputs(const wt_engine *e, int i) {
    const wt_value *v = wt_engine_value(e, e->graph->outputs);
    const wt_place *place = &e->plan->buffers[e->plan->values[e->graph->outputs].buffer].places[WT_FORWARD];
    if (v->extent == WT_EXTENT_TARGETS)
        return e->arena + place->at + (size_t)e->list.window_first[i] * (size_t)v->channels;
    return e->arena + place->at + (size_t)i * place->stride;
}

double wt_engine_score(const wt_engine *e, int i, const int32_t *target) {
    const wt_op *o = wt_graph_loss(e->graph);
    const bool last = wt_engine_value(e, o->input)->extent == WT_EXTENT_WINDOW;
    const int count = wt_engine_window_targets(e, i), skipped = last && count > 0 ? count - 1 : 0;
    const size_t at = ((size_t)(e->first + i) * (size_t)e->batch->targets + (size_t)skipped);
    const wt_loss_rows rows = {(wt_real *)wt_engine_outputs(e, i), count - skipped,
                               wt_engine_value(e, o->input)->channels, target + skipped,
                               e->batch->value ? e->batch->value + at * (size_t)o->mixture.channels : NULL};
    return wt_loss_classes[o->loss]->score(&(wt_loss_call){.kernels = e->kernels, .op = o}, &rows);
}

/* --- backward --- */

static bool tensor_finished(const wt_engine *e, int tensor) {
    const int stage = e->plan->finished_by[tensor];
    if (stage < 0) return true;
    return wt_tasks_stage_done(&e->plan->tasks[WT_BACKWARD], stage - e->plan->forward_count, e->windows);
}

/* Reports to the listener what is finished. */
static void report_finished(void *context) {
    wt_engine *e = context;
    const wt_engine_listener *listener = e->back.listener;
    if (!listener) return;
    const int before = e->back.reported;
    const size_t end = before < e->graph->tensor_count ? e->graph->tensors[before].offset : e->graph->total;
    int stage = -1; /* the last one that was found done */
    while (e->back.reported > 0 &&
           (e->plan->finished_by[e->back.reported - 1] == stage || tensor_finished(e, e->back.reported - 1)))
        stage = e->plan->finished_by[--e->back.reported];
    if (e->back.reported < before && listener->ready) {
        const size_t offset = e->graph->tensors[e->back.reported].offset;
        listener->ready(listener->context, offset, end - offset);
    }
    if (listener->progress) listener->progress(listener->context);
}

/* What no target depends on has no gradient. */
static void clear_idle(const wt_engine *e) {
    const int microbatches = wt_engine_count_microbatches(e, e->windows);
    for (int t = 0; t < e->graph->tensor_count; t++) {
        const wt_parameter *tensor = &e->graph->tensors[t];
        for (int m = 0; tensor->trained && e->plan->finished_by[t] < 0 && m < microbatches; m++)
            memset(e->back.gradients[m] + tensor->offset, 0, tensor->count * sizeof(wt_real));
    }
}

void wt_engine_backward(wt_engine *e, wt_real *const *gradients, const wt_engine_listener *listener) {
    e->back.gradients = gradients;
    e->back.listener = listener;
    e->back.reported = e->graph->tensor_count;
    while (e->back.reported > 0 && !e->graph->tensors[e->back.reported - 1].trained) e->back.reported--;
    clear_idle(e);
    run_phase(e, WT_BACKWARD, report_finished);
    report_finished(e);
    e->back.listener = NULL;
}
