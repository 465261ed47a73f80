/*
 * Cached generation against the training pass: a stream that is fed a sequence gives, sample after sample,
 * the logits that forward gives for the window that begins at an utterance's start and holds that
 * sequence, to the last bit where the products are our own. Sequences end before the rings are full, and
 * go round them several times. Neighbours, threads, restarts and rows that are left out change no bit.
 *   test_stream BACKEND
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backend.h"
#include "base/random.h"
#include "engine/engine.h"
#include "network/network_model.h"
#include "support.h"
#include "wavetrain/network.h"
#include "wavetrain/stream.h"

enum { SEED = 5 };

static const double tolerance = 1e-5; /* of the largest logit: sums are made in other orders */

static const wt_kernels *kernels;

typedef struct {
    const char *name;
    wt_model_config model;
    int classes, channels; /* channels 0: class input */
} stream_case;

#define ARRAY(k, s, l, r, g, a) \
    { .kernel = k, .stacks = s, .layers = l, .residual = r, .gate = g, .activation = WT_ACTIVATION_##a }
#define MODEL .trunk = WT_TRUNK_WAVENET, .head = WT_HEAD_SOFTMAX
#define PLAIN .skip_scale = 1, .residual_scale = 1
#define TREE .trunk = WT_TRUNK_HIERARCHY, .head = WT_HEAD_SOFTMAX

/* clang-format off */
static const stream_case cases[] = {
    {"input kernel 1",
     {MODEL, PLAIN, .input_kernel = 1, .array = ARRAY(2, 2, 4, 6, 5, GATE), .skip = 7},
     .classes = 9},
    {"input kernel 2",
     {MODEL, PLAIN, .input_kernel = 2, .array = ARRAY(2, 1, 6, 16, 16, GATE), .skip = 32},
     .classes = 256},
    {"input kernel 4",
     {MODEL, PLAIN, .input_kernel = 4, .array = ARRAY(2, 2, 3, 5, 4, GATE), .skip = 6},
     .classes = 8},
    {"kernel 1",
     {MODEL, PLAIN, .input_kernel = 3, .array = ARRAY(1, 1, 3, 4, 3, GATE), .skip = 5},
     .classes = 7},
    {"kernel 3",
     {MODEL, PLAIN, .input_kernel = 2, .array = ARRAY(3, 2, 3, 8, 5, GATE), .skip = 4, .head_channels = 11},
     .classes = 12},
    {"one block",
     {MODEL, PLAIN, .input_kernel = 2, .array = ARRAY(2, 1, 1, 3, 3, GATE), .skip = 3},
     .classes = 5},
    {"nothing but the newest",
     {MODEL, PLAIN, .input_kernel = 1, .array = ARRAY(1, 1, 1, 3, 3, RELU), .skip = 3},
     .classes = 5},
    {"real input",
     {MODEL, PLAIN, .input = WT_INPUT_REAL, .input_kernel = 1, .array = ARRAY(2, 1, 4, 5, 3, GATE),
      .skip = 4},
     .classes = 6, .channels = 1},
    {"real channels",
     {MODEL, PLAIN, .input = WT_INPUT_REAL, .input_kernel = 3, .array = ARRAY(3, 1, 3, 5, 3, TANH),
      .skip = 4},
     .classes = 6, .channels = 3},
    {"scales",
     {MODEL, .skip_scale = 0.6, .residual_scale = 0.8, .input_kernel = 2, .array = ARRAY(2, 2, 4, 4, 3, GATE),
      .skip = 4},
     .classes = 6},
    {"arrays",
     {MODEL, .skip_scale = 0.9, .residual_scale = 0.7, .input_kernel = 2, .skip = 4, .array_count = 3,
      .arrays = {ARRAY(2, 1, 3, 4, 3, GATE), ARRAY(3, 1, 2, 9, 5, TANH), ARRAY(1, 1, 2, 3, 6, RELU)}},
     .classes = 7},
    {"dilations",
     {MODEL, PLAIN, .input_kernel = 2, .skip = 3,
      .array = {.kernel = 3, .stacks = 2, .dilations = {3, {29, 1, 7}}, .residual = 3, .gate = 2,
                .activation = WT_ACTIVATION_GATE}},
     .classes = 5},
    {"layer norm, dropout",
     {MODEL, PLAIN, .norm = WT_NORM_LAYER, .dropout = 0.4, .input_kernel = 2,
      .array = ARRAY(2, 2, 4, 6, 5, GATE), .skip = 7},
     .classes = 9},
    {"batch norm",
     {MODEL, .skip_scale = 0.9, .residual_scale = 0.7, .norm = WT_NORM_BATCH, .input_kernel = 2, .skip = 4,
      .array_count = 3,
      .arrays = {ARRAY(2, 1, 3, 4, 3, GATE), ARRAY(3, 1, 2, 9, 5, TANH), ARRAY(1, 1, 2, 3, 6, RELU)}},
     .classes = 7},
    {"batch norm behind biases, real channels",
     {MODEL, PLAIN, .input = WT_INPUT_REAL, .norm = WT_NORM_BATCH, .hierarchy.bias = WT_BIAS_TRUE,
      .input_kernel = 3, .array = ARRAY(3, 1, 3, 5, 3, GATE), .skip = 4},
     .classes = 6, .channels = 3},
    {"tree with batch norm",
     {TREE, .hierarchy.embedding = 4, .hierarchy.fuse = {3, {2, 2, 2}}, .hierarchy.width = {3, {9, 17, 6}},
      .norm = WT_NORM_BATCH, .dropout = 0.5, .array = {.activation = WT_ACTIVATION_TANH}},
     .classes = 11},
    {"tree with layer norm",
     {TREE, .hierarchy.embedding = 3, .hierarchy.fuse = {2, {3, 4}}, .hierarchy.width = {1, {12}},
      .norm = WT_NORM_LAYER, .array = {.activation = WT_ACTIVATION_RELU}},
     .classes = 6},
    {"of many weights",
     {MODEL, PLAIN, .input_kernel = 2, .array = ARRAY(2, 1, 3, 64, 64, GATE), .skip = 144},
     .classes = 70},
    {"of many weights, real channels, no gate",
     {MODEL, .skip_scale = 0.9, .residual_scale = 0.7, .input = WT_INPUT_REAL, .input_kernel = 3,
      .array = ARRAY(3, 1, 3, 72, 72, TANH), .skip = 130},
     .classes = 66, .channels = 3},
    {"of many weights, layer norm, dropout",
     {MODEL, PLAIN, .norm = WT_NORM_LAYER, .dropout = 0.4, .input_kernel = 2,
      .array = ARRAY(2, 1, 3, 64, 64, GATE), .skip = 80},
     .classes = 70},
    {"perceptron on real channels",
     {TREE, .input = WT_INPUT_REAL, .hierarchy.fuse = {1, {9}}, .hierarchy.width = {1, {12}},
      .array = {.activation = WT_ACTIVATION_TANH}},
     .classes = 6, .channels = 2},
};
/* clang-format on */
enum { CASES = sizeof cases / sizeof *cases };

/* --- a sequence, as the pass and as the stream take it --- */

typedef struct {
    const stream_case *c;
    wt_network *network;
    wt_real *parameters;
    int samples; /* fed to the stream; one more is predicted */
    wt_batch batch;
} problem;

static int silence_of(const stream_case *c) {
    return c->classes / 2;
}

/* One window whose first target sees padding alone, in `context` rows before the first sample. */
static void fill_window(problem *p) {
    wt_batch *b = &p->batch;
    size_t context = (size_t)b->context, rows = (size_t)wt_batch_rows(b), channels = (size_t)b->channels;
    b->target_count = take(1, sizeof *b->target_count);
    b->target_count[0] = b->targets;
    b->target = take((size_t)b->targets, sizeof *b->target);
    if (channels > 0) {
        b->signal = take(rows * channels, sizeof *b->signal);
        for (size_t i = context * channels; i < rows * channels; i++) {
            b->signal[i] = (wt_real)(2 * wt_random_uniform(SEED, WT_RANDOM_TEST, 1, i) - 1);
        }
        return;
    }
    b->classes = take(rows, sizeof *b->classes);
    for (size_t i = 0; i < rows; i++) {
        int32_t drawn = (int32_t)(wt_random_uniform(SEED, WT_RANDOM_TEST, 2, i) * p->c->classes);
        b->classes[i] = i < context ? silence_of(p->c) : drawn;
    }
}

static problem make_stream_problem(const stream_case *c, int samples) {
    problem p = {.c = c, .samples = samples};
    must(wt_network_create(&p.network, &c->model, c->classes, c->channels));
    p.parameters = take(wt_network_parameters(p.network)->total, sizeof *p.parameters);
    wt_network_initialise(p.network, p.parameters, SEED);
    for (size_t i = 0; i < wt_network_parameters(p.network)->total; i++)
        p.parameters[i] *= 2; /* so that the past matters */
    for (size_t i = wt_network_parameters(p.network)->trained; i < wt_network_parameters(p.network)->total;
         i++)
        p.parameters[i] += (wt_real)wt_random_uniform(SEED, WT_RANDOM_TEST, 3, i); /* running statistics */
    p.batch = (wt_batch){.windows = 1,
                         .targets = samples + 1,
                         .context = wt_network_get_traits(p.network)->receptive_field,
                         .channels = c->channels};
    fill_window(&p);
    return p;
}

static void free_stream_problem(problem *p) {
    wt_free(p->batch.target_count);
    wt_free(p->batch.target);
    wt_free(p->batch.classes);
    wt_free(p->batch.signal);
    wt_free(p->parameters);
    wt_network_destroy(p->network);
}

static const wt_real *feed(wt_stream *stream, const problem *p, int sample) {
    size_t row = (size_t)(p->batch.context + sample);
    if (p->batch.signal) return wt_stream_feed(stream, 0, p->batch.signal + row * (size_t)p->batch.channels);
    return wt_stream_feed(stream, p->batch.classes[row], NULL);
}

/* --- the comparison --- */

static double find_largest_value(const wt_real *values, size_t count) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)values[i]));
    return largest;
}

static void assert_row(const problem *p, const wt_real *got, const wt_real *expected, int fed,
                       double largest) {
    for (int i = 0; i < p->c->classes; i++) {
        double error = fabs((double)got[i] - (double)expected[i]) / largest;
        if (!(kernels->place_matters ? error <= tolerance : got[i] == expected[i])) {
            fail_msg("%s, %d of %d samples fed, class %d: got %.9g, expected %.9g", p->c->name, fed,
                     p->samples, i, (double)got[i], (double)expected[i]);
        }
    }
}

static void assert_same_logits(const stream_case *c, int samples) {
    problem p = make_stream_problem(c, samples);
    wt_engine *pass;
    wt_stream *stream;
    wt_window_loss loss;
    wt_engine_shape shape = {.windows = 1, .targets = samples + 1};
    size_t classes = (size_t)c->classes;
    must(wt_engine_create(&pass, wt_network_graph(p.network), kernels, &shape));
    wt_engine_pack(pass, p.parameters);
    wt_engine_forward(pass, &p.batch, 0, 1, &loss);
    const wt_real *expected = wt_engine_outputs(pass, 0);
    double largest = find_largest_value(expected, (size_t)(samples + 1) * classes);
    must(wt_stream_create(&stream, wt_network_graph(p.network), kernels, p.parameters, silence_of(c)));
    assert_row(&p, wt_stream_outputs(stream), expected, 0, largest);
    for (int i = 0; i < samples; i++) {
        const wt_real *logits = feed(stream, &p, i);
        assert_ptr_equal(logits, wt_stream_outputs(stream));
        assert_row(&p, logits, expected + (size_t)(i + 1) * classes, i + 1, largest);
    }
    wt_stream_destroy(stream);
    wt_engine_destroy(pass);
    free_stream_problem(&p);
}

static void test_short_sequences(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        for (int samples = 0; samples <= 5; samples++) assert_same_logits(&cases[i], samples);
    }
}

static void test_long_sequences(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) assert_same_logits(&cases[i], 331);
}

/* Every sample in the receptive field has a say: a comparison of constants would prove nothing. */
static void test_the_past_matters(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        problem p = make_stream_problem(&cases[i], 40);
        wt_stream *stream;
        must(wt_stream_create(&stream, wt_network_graph(p.network), kernels, p.parameters,
                              silence_of(&cases[i])));
        size_t bytes = (size_t)cases[i].classes * sizeof(wt_real);
        wt_real *before = take(bytes, 1);
        int changes = 0;
        for (int sample = 0; sample < 40; sample++) {
            memcpy(before, wt_stream_outputs(stream), bytes);
            changes += memcmp(before, feed(stream, &p, sample), bytes) != 0;
        }
        assert_true(changes > 20);
        wt_free(before);
        wt_stream_destroy(stream);
        free_stream_problem(&p);
    }
}

static void test_streams_do_not_disturb_each_other(void **state) {
    (void)state;
    problem p = make_stream_problem(&cases[1], 100);
    wt_stream *alone, *one, *other;
    must(wt_stream_create(&alone, wt_network_graph(p.network), kernels, p.parameters, 128));
    must(wt_stream_create(&one, wt_network_graph(p.network), kernels, p.parameters, 128));
    must(wt_stream_create(&other, wt_network_graph(p.network), kernels, p.parameters, 7));
    for (int i = 0; i < 100; i++) feed(alone, &p, i);
    for (int i = 0; i < 100; i++) {
        feed(one, &p, i);
        feed(other, &p, 99 - i);
    }
    assert_memory_equal(wt_stream_outputs(alone), wt_stream_outputs(one), 256 * sizeof(wt_real));
    assert_memory_not_equal(wt_stream_outputs(one), wt_stream_outputs(other), 256 * sizeof(wt_real));
    wt_stream_destroy(alone);
    wt_stream_destroy(one);
    wt_stream_destroy(other);
    wt_stream_destroy(NULL);
    free_stream_problem(&p);
}

/* --- streams side by side --- */

enum { ROWS = 6, STEPS = 24 };

/* Sample `step` of row `row`: of the problem's sequence, from another place in each row. */
static size_t row_of_stream(const problem *p, int row, int step) {
    return (size_t)(p->batch.context + (step + 7 * row) % p->samples);
}

static wt_stream *open_stream(const problem *p, int rows, int threads, wt_weights weights) {
    const wt_stream_options options = {
        .silence_class = silence_of(p->c), .rows = rows, .threads = threads, .weights = weights};
    wt_stream *stream;
    must(wt_stream_open(&stream, wt_network_graph(p->network), kernels, p->parameters, &options));
    return stream;
}

static const wt_real *feed_rows(wt_stream *stream, const problem *p, const int *rows, const int *steps) {
    int32_t classes[ROWS] = {0};
    wt_real values[ROWS * 8];
    const size_t channels = (size_t)p->batch.channels;
    for (int r = 0; r < wt_stream_rows(stream); r++) {
        const size_t at = row_of_stream(p, rows[r], steps[r]);
        if (p->batch.classes) classes[r] = p->batch.classes[at];
        if (channels)
            memcpy(values + (size_t)r * channels, p->batch.signal + at * channels, channels * sizeof *values);
    }
    return wt_stream_feed_rows(stream, classes, values);
}

static void assert_bits(const problem *p, const wt_real *got, const wt_real *expected, int row, int step) {
    if (memcmp(got, expected, (size_t)p->c->classes * sizeof *got) != 0)
        fail_msg("%s: row %d differs after %d samples", p->c->name, row, step);
}

/* Alone, [ROWS, STEPS + 1, classes]. */
static wt_real *outputs_alone(const problem *p, wt_weights weights) {
    const size_t classes = (size_t)p->c->classes;
    wt_real *all = take(ROWS * (STEPS + 1) * classes, sizeof *all);
    for (int row = 0; row < ROWS; row++) {
        wt_stream *stream = open_stream(p, 1, 1, weights);
        wt_real *to = all + (size_t)row * (STEPS + 1) * classes;
        memcpy(to, wt_stream_outputs(stream), classes * sizeof *to);
        for (int step = 0; step < STEPS; step++)
            memcpy(to += classes, feed_rows(stream, p, &row, &step), classes * sizeof *to);
        wt_stream_destroy(stream);
    }
    return all;
}

/* Row 1 begins anew in the middle, then row 0 is left out, whose number the last one takes. */
static void assert_neighbours(const problem *p, int threads, wt_weights weights, const wt_real *alone) {
    enum { RESTART = 7, REMOVE = 15 };
    const size_t classes = (size_t)p->c->classes;
    wt_stream *stream = open_stream(p, ROWS, threads, weights);
    int rows[ROWS], steps[ROWS] = {0};
    for (int r = 0; r < ROWS; r++) rows[r] = r;
    for (int i = 0; i < STEPS; i++) {
        if (i == RESTART) {
            wt_stream_restart(stream, 1);
            steps[1] = 0;
        }
        if (i == REMOVE) {
            wt_stream_remove(stream, 0);
            rows[0] = rows[ROWS - 1];
            steps[0] = steps[ROWS - 1];
        }
        const wt_real *outputs = wt_stream_outputs(stream);
        for (int pass = 0; pass < 2; pass++) {
            for (int r = 0; r < wt_stream_rows(stream); r++) {
                const size_t at = (size_t)rows[r] * (STEPS + 1) + (size_t)steps[r];
                assert_bits(p, outputs + (size_t)r * classes, alone + at * classes, rows[r], steps[r]);
            }
            if (pass) break;
            outputs = feed_rows(stream, p, rows, steps);
            for (int r = 0; r < wt_stream_rows(stream); r++) steps[r]++;
        }
    }
    wt_stream_rewind(stream);
    assert_int_equal(wt_stream_rows(stream), ROWS);
    for (int r = 0; r < ROWS; r++)
        assert_bits(p, wt_stream_outputs(stream) + (size_t)r * classes, alone, r, 0);
    wt_stream_destroy(stream);
}

/* So many that threads share products. */
static bool has_many_weights(const stream_case *c) {
    return strncmp(c->name, "of many weights", strlen("of many weights")) == 0;
}

static void test_neighbours_and_threads_change_nothing(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        problem p = make_stream_problem(&cases[i], STEPS);
        for (int weights = 0; weights < WT_WEIGHTS; weights++) {
            wt_real *alone = outputs_alone(&p, (wt_weights)weights);
            const int threads_max = has_many_weights(&cases[i]) ? 3 : 1;
            for (int threads = 1; threads <= threads_max; threads++)
                assert_neighbours(&p, threads, (wt_weights)weights, alone);
            wt_free(alone);
        }
        free_stream_problem(&p);
    }
}

/* As one row of a stream, whose products are of few rows. */
static void test_one_stream_by_threads(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        if (!has_many_weights(&cases[i])) continue;
        problem p = make_stream_problem(&cases[i], STEPS);
        wt_real *alone = outputs_alone(&p, WT_WEIGHTS_FP32);
        for (int threads = 2; threads <= 3; threads++) {
            wt_stream *stream = open_stream(&p, 1, threads, WT_WEIGHTS_FP32);
            const int row = 2;
            for (int step = 0; step < STEPS; step++)
                assert_bits(&p, feed_rows(stream, &p, &row, &step),
                            alone + (size_t)(row * (STEPS + 1) + step + 1) * (size_t)p.c->classes, row, step);
            wt_stream_destroy(stream);
        }
        wt_free(alone);
        free_stream_problem(&p);
    }
}

/* What evaluate --weights bf16 computes; where no scale is applied to weights, to the last bit. */
static void test_bf16_weights_are_rounded_ones(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        problem p = make_stream_problem(&cases[i], STEPS), other = make_stream_problem(&cases[i], STEPS);
        wt_real *half = outputs_alone(&p, WT_WEIGHTS_BF16), *whole = outputs_alone(&p, WT_WEIGHTS_FP32);
        wt_engine_round_weights(wt_network_graph(other.network), other.parameters);
        wt_real *rounded = outputs_alone(&other, WT_WEIGHTS_FP32);
        const size_t count = ROWS * (STEPS + 1) * (size_t)p.c->classes;
        const double largest = find_largest_value(rounded, count);
        double apart = 0, worst = 0;
        for (size_t n = 0; n < count; n++) {
            worst = fmax(worst, fabs((double)half[n] - (double)rounded[n]));
            apart = fmax(apart, fabs((double)half[n] - (double)whole[n]));
        }
        const bool scaled = cases[i].model.skip_scale != 0 && cases[i].model.skip_scale != 1;
        if (scaled ? worst > 0.05 * largest : worst != 0) fail_msg("%s: off by %g", p.c->name, worst);
        assert_true(apart > 0 && apart < 0.2 * largest);
        wt_free(half);
        wt_free(whole);
        wt_free(rounded);
        free_stream_problem(&p);
        free_stream_problem(&other);
    }
}

int main(int argc, char **argv) {
    const int unfit = test_select_backend(&kernels, argc > 1 ? argv[1] : "reference");
    if (unfit) return unfit;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_sequences),
        cmocka_unit_test(test_long_sequences),
        cmocka_unit_test(test_the_past_matters),
        cmocka_unit_test(test_streams_do_not_disturb_each_other),
        cmocka_unit_test(test_neighbours_and_threads_change_nothing),
        cmocka_unit_test(test_one_stream_by_threads),
        cmocka_unit_test(test_bf16_weights_are_rounded_ones),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || wt_memory_blocks() != 0;
}
