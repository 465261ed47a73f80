/*
 * Networks that no builder makes, out of operators alone: what the engine promises of every list of
 * operators. One is written out (two inputs of different widths in one product, two chained sums, a norm in
 * one branch) and the others are drawn. Of each:
 *   gradients by finite differences, kept and made once more;
 *   the same bits with one thread and with three;
 *   generation gives what forward gives for the whole window;
 *   so do calls of unlike lengths that carry the past, bit for bit, with one thread and with three;
 *   the estimate of its memory is what it takes.
 * Links the engine and network/graph.h, and no builder.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <omp.h>

#include "base/random.h"
#include "engine/engine.h"
#include "engine/engine_internal.h"
#include "network/graph.h"
#include "support.h"
#include "wavetrain/stream.h"

enum {
    GRAPHS = 40,
    CLASSES = 6,
    CHANNELS = 3,
    WINDOWS = 4,
    TARGETS = 130,
    MICROBATCH = 2,
    OUTPUTS = 5,
    SAMPLE = 5,
    CALL = 40 /* targets of a call that carries, at most */
};

static const double STEP = 1e-6, TOLERANCE = 2e-5;

static const wt_kernels *kernels;

static double draw_graph_value(uint64_t array, uint64_t element) {
    return wt_random_uniform(17, WT_RANDOM_TEST, array, element);
}

/* --- graphs --- */

/* What a drawn graph has used of its random numbers. */
typedef struct {
    wt_graph *graph;
    uint64_t key, drawn;
    int layer, tensors;
} maker;

static int below(maker *m, int limit) {
    return (int)(draw_graph_value(m->key, m->drawn++) * limit);
}

static const char *name(maker *m) {
    static char text[32];
    snprintf(text, sizeof text, "t%d", m->tensors++);
    return text;
}

static int channels_of_value(const maker *m, int value) {
    return m->graph->status == WT_OK ? m->graph->values[value].channels : 1;
}

static int draw_product(maker *m, int channels, double scale) {
    const wt_value output = {.channels = channels, .extent = WT_EXTENT_TIME, .rows = 1};
    return wt_graph_product(m->graph, m->layer, &output, scale);
}

/* Taps of a value, the oldest first. */
static void add_taps(maker *m, int value, int channels, int taps, int dilation, double scale) {
    const int weight = wt_graph_weight(m->graph, name(m), channels, channels_of_value(m, value), taps);
    for (int j = 0; j < taps; j++) {
        wt_graph_term(m->graph, &(wt_term){.value = value,
                                           .delay = (taps - 1 - j) * dilation,
                                           .tensor = weight,
                                           .tap = j,
                                           .scale = scale});
    }
}

static void add_bias(maker *m, int channels, double scale) {
    wt_graph_bias(m->graph, wt_graph_vector(m->graph, name(m), "bias", WT_ROLE_BIAS, channels, channels),
                  scale);
}

static int look_up(maker *m, int channels, int taps) {
    const wt_value output = {.channels = channels, .extent = WT_EXTENT_TIME, .rows = 1};
    const int weight = wt_graph_weight(m->graph, name(m), channels, CLASSES, taps);
    const int bias = wt_graph_vector(m->graph, name(m), "bias", WT_ROLE_BIAS, channels, channels);
    return wt_graph_op(
        m->graph, &(wt_op){.kind = WT_OP_LOOKUP, .layer = m->layer, .tensors = {weight, bias}, .taps = taps},
        &output);
}

static int unary(maker *m, wt_op op, int value, int channels) {
    op.layer = m->layer;
    op.input = value;
    return wt_graph_unary(m->graph, &op, channels);
}

static int norm(maker *m, wt_operator kind, int value) {
    const int channels = channels_of_value(m, value);
    const int weight = wt_graph_vector(m->graph, name(m), "weight", WT_ROLE_NORM_WEIGHT, channels, channels);
    const int bias = wt_graph_vector(m->graph, name(m), "bias", WT_ROLE_NORM_BIAS, channels, channels);
    return unary(m, (wt_op){.kind = kind, .tensors = {weight, bias, -1, -1}}, value, channels);
}

/* Batch norm's running statistics stand behind all that is trained. */
static void add_norm_statistics(maker *m) {
    for (int op = 0; m->graph->status == WT_OK && op < m->graph->op_count; op++) {
        if (m->graph->ops[op].kind != WT_OP_BATCH_NORM) continue;
        const int channels = channels_of_value(m, m->graph->ops[op].output);
        const int mean = wt_graph_vector(m->graph, name(m), "mean", WT_ROLE_RUNNING_MEAN, channels, 1);
        const int variance = wt_graph_vector(m->graph, name(m), "var", WT_ROLE_RUNNING_VARIANCE, channels, 1);
        m->graph->ops[op].tensors[2] = mean;
        m->graph->ops[op].tensors[3] = variance;
    }
}

static int sum(maker *m, int a, int delay_a, int b, int delay_b) {
    const wt_value output = {.channels = channels_of_value(m, a), .extent = WT_EXTENT_TIME, .rows = 1};
    const int value = wt_graph_op(m->graph, &(wt_op){.kind = WT_OP_SUM, .layer = m->layer}, &output);
    wt_graph_term(m->graph, &(wt_term){.value = a, .delay = delay_a, .tensor = -1, .scale = 1});
    wt_graph_term(m->graph, &(wt_term){.value = b, .delay = delay_b, .tensor = -1, .scale = 1});
    return value;
}

static void finish_graph(maker *m, int value, wt_loss_kind loss) {
    const int outputs = loss == WT_LOSS_CROSS_ENTROPY ? OUTPUTS : 1;
    m->layer++;
    const int last = draw_product(m, outputs, 1);
    add_taps(m, value, outputs, 1, 1, 1);
    add_bias(m, outputs, 1);
    wt_graph_op(m->graph,
                &(wt_op){.kind = WT_OP_LOSS,
                         .layer = m->layer,
                         .input = last,
                         .loss = loss,
                         .mixture = {.components = 1, .channels = loss != WT_LOSS_CROSS_ENTROPY}},
                &(wt_value){0});
    add_norm_statistics(m);
    must(wt_graph_finish(m->graph));
}

/* Two inputs of different widths added in one product, two sums that chain, a norm in one branch. */
static void make_written(maker *m) {
    const int classes = look_up(m, 7, 2), signal = wt_graph_signal(m->graph, CHANNELS);
    m->layer++;
    const int h = draw_product(m, 8, 0.7);
    add_taps(m, classes, 8, 2, 3, 1);
    add_taps(m, signal, 8, 3, 2, 1);
    add_bias(m, 8, 1);
    m->layer++;
    const int gated = unary(m, (wt_op){.kind = WT_OP_GATE}, h, 4); /* h has other readers, too */
    m->layer++;
    const int branch = unary(m, (wt_op){.kind = WT_OP_ACTIVATION, .activation = WT_ACTIVATION_TANH},
                             norm(m, WT_OP_LAYER_NORM, h), 8);
    m->layer++;
    const int first = draw_product(m, 6, 1);
    add_taps(m, gated, 6, 1, 1, 0.5);
    add_bias(m, 6, 2);
    m->layer++;
    const int second = draw_product(m, 6, 1);
    add_taps(m, branch, 6, 2, 5, 1);
    wt_graph_add(m->graph, first, 0);
    m->layer++;
    finish_graph(m, unary(m, (wt_op){.kind = WT_OP_ACTIVATION, .activation = WT_ACTIVATION_TANH}, second, 6),
                 WT_LOSS_CROSS_ENTROPY);
}

/* One more operator on values that there are. */
static int add_operator(maker *m) {
    const int value = below(m, m->graph->value_count), channels = channels_of_value(m, value);
    const bool input = m->graph->values[value].producer < 0;
    switch (below(m, 8)) {
    case 0:
        return unary(m, (wt_op){.kind = WT_OP_ACTIVATION, .activation = WT_ACTIVATION_TANH}, value, channels);
    case 1:
        if (input) break;
        return norm(m, WT_OP_LAYER_NORM, value);
    case 2: return sum(m, value, below(m, 4), value, below(m, 9));
    case 3:
        if (channels % 2) break;
        return unary(m, (wt_op){.kind = WT_OP_GATE}, value, channels / 2);
    case 4:
        if (m->key % 3 || input) break;
        return norm(m, WT_OP_BATCH_NORM, value);
    case 5: {
        const int y = draw_product(m, channels, below(m, 2) ? 0.9 : 1); /* a residual */
        add_taps(m, below(m, m->graph->value_count - 1), channels, 1, 1, 1);
        wt_graph_add(m->graph, value, below(m, 3));
        return y;
    }
    default: break;
    }
    const int width = 1 + below(m, 9), y = draw_product(m, width, 1);
    add_taps(m, value, width, 1 + below(m, 3), 1 + below(m, 20), 1);
    if (below(m, 2)) add_taps(m, below(m, m->graph->value_count - 1), width, 1, 1, 0.8);
    if (below(m, 2)) add_bias(m, width, 1);
    return y;
}

/* Everything that nobody reads goes to the output. */
static void make_drawn(maker *m) {
    look_up(m, 2 + below(m, 6), 1 + below(m, 3));
    if (m->key % 2) wt_graph_signal(m->graph, CHANNELS);
    for (int n = 4 + below(m, 9); n > 0; n--) {
        m->layer += below(m, 2);
        add_operator(m);
    }
    m->layer++;
    int read[128] = {0}, count = m->graph->value_count;
    for (int op = 0; op < m->graph->op_count; op++) {
        if (m->graph->ops[op].input >= 0) read[m->graph->ops[op].input]++;
        if (m->graph->ops[op].kind == WT_OP_PRODUCT && m->graph->ops[op].add >= 0)
            read[m->graph->ops[op].add]++;
    }
    for (int n = 0; n < m->graph->term_count; n++) read[m->graph->terms[n].value]++;
    const int y = draw_product(m, 4, 1);
    for (int v = 0; v < count; v++) {
        if (!read[v]) add_taps(m, v, 4, 1, 1, 1);
    }
    finish_graph(m, y, m->key % 4 ? WT_LOSS_CROSS_ENTROPY : WT_LOSS_SQUARED_ERROR);
}

/* --- problems --- */

typedef struct {
    wt_graph graph;
    wt_real *parameters, *gradients[WINDOWS / MICROBATCH];
    wt_batch batch;
} problem;

static void fill_graph_batch(problem *p, uint64_t key) {
    static const int counts[WINDOWS] = {TARGETS, 1, 97, 0};
    wt_batch *b = &p->batch;
    *b = (wt_batch){
        .windows = WINDOWS, .targets = TARGETS, .context = p->graph.receptive_field, .channels = CHANNELS};
    const size_t rows = (size_t)WINDOWS * (size_t)wt_batch_rows(b), targets = WINDOWS * TARGETS;
    b->target_count = take(WINDOWS, sizeof *b->target_count);
    b->classes = take(rows, sizeof *b->classes);
    b->signal = take(rows * CHANNELS, sizeof *b->signal);
    b->target = take(targets, sizeof *b->target);
    b->value = take(targets, sizeof *b->value);
    memcpy(b->target_count, counts, sizeof counts);
    for (size_t i = 0; i < rows; i++) b->classes[i] = (int32_t)(draw_graph_value(key + 1, i) * CLASSES);
    for (size_t i = 0; i < rows * CHANNELS; i++)
        b->signal[i] = (wt_real)(2 * draw_graph_value(key + 2, i) - 1);
    for (size_t i = 0; i < targets; i++) {
        b->target[i] = i % 7 == 3 ? -1 : (int32_t)(draw_graph_value(key + 3, i) * OUTPUTS);
        b->value[i] = (wt_real)draw_graph_value(key + 4, i);
    }
}

static problem make_graph_problem(int number) {
    problem p;
    wt_graph_init(&p.graph);
    maker m = {.graph = &p.graph, .key = 1000 * (uint64_t)number};
    if (number == 0) {
        make_written(&m);
    } else {
        m.key = (uint64_t)number;
        make_drawn(&m);
    }
    p.parameters = take(p.graph.total, sizeof *p.parameters);
    for (int t = 0; t < p.graph.tensor_count; t++) {
        const wt_parameter *tensor = &p.graph.tensors[t];
        for (size_t i = 0; i < tensor->count; i++) {
            const double value = draw_graph_value(50 + (uint64_t)t, i);
            const bool positive = tensor->role == WT_ROLE_NORM_WEIGHT ||
                                  tensor->role == WT_ROLE_RUNNING_VARIANCE;
            p.parameters[tensor->offset + i] =
                (wt_real)(positive ? 0.5 + value : (2 * value - 1) / sqrt((double)tensor->fan_in));
        }
    }
    for (int i = 0; i < WINDOWS / MICROBATCH; i++) p.gradients[i] = take(p.graph.trained, sizeof(wt_real));
    fill_graph_batch(&p, 7000 + 10 * (uint64_t)number);
    return p;
}

static void free_graph_problem(problem *p) {
    wt_free(p->parameters);
    for (int i = 0; i < WINDOWS / MICROBATCH; i++) wt_free(p->gradients[i]);
    wt_free(p->batch.target_count);
    wt_free(p->batch.classes);
    wt_free(p->batch.signal);
    wt_free(p->batch.target);
    wt_free(p->batch.value);
    wt_graph_dispose(&p->graph);
}

static wt_engine *make_graph_engine(const problem *p, bool backward, bool recompute, int threads) {
    const wt_engine_shape shape = {WINDOWS, TARGETS, backward, recompute, MICROBATCH, false};
    wt_engine *engine;
    omp_set_num_threads(threads);
    const int64_t before = wt_memory_bytes();
    must(wt_engine_create(&engine, &p->graph, kernels, &shape));
    engine->shared = true; /* however small its calls are, units go to all threads */
    const double taken = (double)(wt_memory_bytes() - before);
    const double estimate = (double)wt_engine_bytes(&p->graph, kernels, &shape);
    if (!(fabs(estimate - taken) <= 0.1 * taken)) fail_msg("estimate %g, taken %g bytes", estimate, taken);
    return engine;
}

static double run_graph_forward(problem *p, wt_engine *engine) {
    wt_window_loss losses[WINDOWS];
    double loss = 0;
    wt_engine_pack(engine, p->parameters);
    wt_engine_forward(engine, &p->batch, 0, WINDOWS, losses);
    for (int i = 0; i < WINDOWS; i++) loss += losses[i].loss;
    return loss;
}

static wt_real gradient_of(const problem *p, size_t element) {
    wt_real gradient = 0;
    for (int i = 0; i < WINDOWS / MICROBATCH; i++) gradient += p->gradients[i][element];
    return gradient;
}

/* --- tests --- */

static void check_gradients(problem *p, wt_engine *engine, int number) {
    double largest = 0;
    run_graph_forward(p, engine);
    wt_engine_backward(engine, p->gradients, NULL);
    for (size_t i = 0; i < p->graph.trained; i++) largest = fmax(largest, fabs((double)gradient_of(p, i)));
    assert_true(largest > 1e-3);
    for (int t = 0; t < p->graph.tensor_count; t++) {
        const wt_parameter *tensor = &p->graph.tensors[t];
        for (int s = 0; tensor->trained && s < SAMPLE; s++) {
            const size_t i = tensor->offset + (size_t)(draw_graph_value(90 + (uint64_t)t, (uint64_t)s) *
                                                       (double)tensor->count);
            const wt_real kept = p->parameters[i];
            p->parameters[i] = kept + (wt_real)STEP;
            const double above = run_graph_forward(p, engine);
            p->parameters[i] = kept - (wt_real)STEP;
            const double difference = (above - run_graph_forward(p, engine)) / (2 * STEP);
            p->parameters[i] = kept;
            if (!(fabs(difference - (double)gradient_of(p, i)) <= TOLERANCE * largest))
                fail_msg("graph %d, %s, element %zu: gradient %g, by differences %g", number, tensor->name,
                         i - tensor->offset, (double)gradient_of(p, i), difference);
        }
    }
}

static void check_threads(problem *p, bool recompute, int number) {
    const size_t bytes = p->graph.trained * sizeof(wt_real);
    wt_real *one = take(WINDOWS / MICROBATCH * p->graph.trained, sizeof *one);
    for (int threads = 1; threads <= 3; threads += 2) {
        wt_engine *engine = make_graph_engine(p, true, recompute, threads);
        for (int repeat = 0; repeat < 3; repeat++) {
            run_graph_forward(p, engine);
            wt_engine_backward(engine, p->gradients, NULL);
            for (int i = 0; i < WINDOWS / MICROBATCH; i++) {
                wt_real *want = one + (size_t)i * p->graph.trained;
                if (threads == 1) memcpy(want, p->gradients[i], bytes);
                if (memcmp(want, p->gradients[i], bytes) != 0)
                    fail_msg("graph %d: %d threads differ", number, threads);
            }
        }
        wt_engine_destroy(engine);
    }
    wt_free(one);
}

/* The first window's inputs, one by one: outputs of its targets. */
static void check_generation(problem *p, wt_engine *engine, int number) {
    const int outputs = p->graph.values[p->graph.outputs].channels, context = p->graph.receptive_field;
    double largest = 0, worst = 0;
    wt_stream *stream;
    run_graph_forward(p, engine);
    const wt_real *want = wt_engine_outputs(engine, 0);
    must(wt_stream_create(&stream, &p->graph, kernels, p->parameters, 0));
    for (int i = 0; i < wt_batch_rows(&p->batch); i++) {
        const wt_real *y = wt_stream_feed(stream, p->batch.classes[i],
                                          p->batch.signal + (size_t)i * CHANNELS);
        for (int c = 0; i >= context - 1 && c < outputs; c++) {
            const double expected = (double)want[(i - context + 1) * outputs + c];
            largest = fmax(largest, fabs(expected));
            worst = fmax(worst, fabs((double)y[c] - expected));
        }
    }
    if (!(worst <= 1e-5 * largest))
        fail_msg("graph %d: generation is off by %g of %g", number, worst, largest);
    wt_stream_destroy(stream);
}

/* The first window's inputs behind R - 1 zeros, [R - 1 + rows]. */
typedef struct {
    int32_t *classes;
    wt_real *signal;
} padded_inputs;

static padded_inputs pad_inputs(const problem *p) {
    const size_t padding = (size_t)p->graph.receptive_field - 1, rows = (size_t)wt_batch_rows(&p->batch);
    const padded_inputs padded = {take(padding + rows, sizeof(int32_t)),
                                  take((padding + rows) * CHANNELS, sizeof(wt_real))};
    memcpy(padded.classes + padding, p->batch.classes, rows * sizeof(int32_t));
    memcpy(padded.signal + padding * CHANNELS, p->batch.signal, rows * CHANNELS * sizeof(wt_real));
    return padded;
}

/* All of the first window's inputs in calls of 1, 7 and CALL targets; the last TARGETS see the window alone.
 */
static void check_carrying(problem *p, wt_engine *engine, int threads, int number) {
    const int lengths[] = {1, 7, CALL}, rows = wt_batch_rows(&p->batch), first = rows - TARGETS;
    const size_t outputs = (size_t)p->graph.values[p->graph.outputs].channels;
    const wt_engine_shape shape = {.windows = 1, .targets = CALL, .carries = true};
    padded_inputs padded = pad_inputs(p);
    wt_real *got = take((size_t)rows * outputs, sizeof *got);
    int32_t target[CALL];
    wt_engine *carrying;
    wt_window_loss loss;
    for (int i = 0; i < CALL; i++) target[i] = -1;
    omp_set_num_threads(threads);
    must(wt_engine_create(&carrying, &p->graph, kernels, &shape));
    carrying->shared = true;
    wt_engine_pack(carrying, p->parameters);
    for (int at = 0, turn = 0, count; at < rows; at += count, turn++) {
        count = lengths[turn % 3] < rows - at ? lengths[turn % 3] : rows - at;
        const wt_batch batch = {.windows = 1,
                                .targets = CALL,
                                .context = p->graph.receptive_field,
                                .channels = CHANNELS,
                                .target_count = &count,
                                .classes = padded.classes + at,
                                .signal = padded.signal + (size_t)at * CHANNELS,
                                .target = target,
                                .value = p->batch.value};
        wt_engine_forward(carrying, &batch, 0, 1, &loss);
        memcpy(got + (size_t)at * outputs, wt_engine_outputs(carrying, 0),
               (size_t)count * outputs * sizeof *got);
    }
    run_graph_forward(p, engine);
    if (memcmp(got + (size_t)first * outputs, wt_engine_outputs(engine, 0),
               TARGETS * outputs * sizeof *got) != 0)
        fail_msg("graph %d: calls that carry differ from forward with %d threads", number, threads);
    wt_engine_destroy(carrying);
    wt_free(got);
    wt_free(padded.classes);
    wt_free(padded.signal);
}

static void test_graph(void **state) {
    const int number = *(const int *)*state;
    problem p = make_graph_problem(number);
    for (int recompute = 0; recompute <= 1; recompute++) {
        wt_engine *engine = make_graph_engine(&p, true, recompute, 1);
        check_gradients(&p, engine, number);
        wt_engine_destroy(engine);
        check_threads(&p, recompute, number);
    }
    wt_engine *engine = make_graph_engine(&p, false, false, 1);
    check_generation(&p, engine, number);
    check_carrying(&p, engine, 1, number);
    check_carrying(&p, engine, 3, number);
    wt_engine_destroy(engine);
    printf("graph %d: %d operators, %zu parameters, receptive field %d\n", number, p.graph.op_count,
           p.graph.trained, p.graph.receptive_field);
    free_graph_problem(&p);
}

int main(void) {
    static int numbers[GRAPHS + 1];
    static char names[GRAPHS + 1][32];
    struct CMUnitTest tests[GRAPHS + 1];
    must(wt_kernels_select(&kernels, WT_BACKEND_REFERENCE, WT_PRECISION_FP32));
    for (int i = 0; i <= GRAPHS; i++) {
        numbers[i] = i;
        snprintf(names[i], sizeof names[i], i ? "drawn graph %d" : "written graph", i);
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = test_graph, .initial_state = &numbers[i]};
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (wt_memory_blocks() != 0)
        printf("%lld blocks of memory are still held\n", (long long)wt_memory_blocks());
    return failed || wt_memory_blocks() != 0;
}
