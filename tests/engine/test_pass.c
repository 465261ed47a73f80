/*
 * A training pass as such: one answer, bit by bit, on any number of threads, for any grouping of windows into
 * calls, and in every repetition; and a listener that hears of ranges when they are final.
 *   test_pass BACKEND
 *
 * Windows are so long that they are cut into many units, the last ones of odd lengths. That the units' parts
 * are put together rightly is tested by one long window against many short ones, of one unit each, with the
 * same targets: the losses' and gradients' sums agree but for rounding. (Values themselves: test_pytorch,
 * test_gradients.)
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

#include "backend.h"
#include "base/random.h"
#include "engine/engine.h"
#include "engine/engine_internal.h"
#include "network/network_model.h"
#include "support.h"
#include "wavetrain/network.h"

enum { SEED = 31, WINDOWS_MAX = 12, MICROBATCHES_MAX = 12 };

static const wt_kernels *kernels;

typedef struct {
    const char *name;
    wt_model_config model;
    int classes, channels; /* channels 0: class input */
    int targets, windows, microbatch_windows;
    int target_count[WINDOWS_MAX];
} pass_case;

#define ARRAY(k, s, l, r, g, a) \
    { .kernel = k, .stacks = s, .layers = l, .residual = r, .gate = g, .activation = WT_ACTIVATION_##a }
#define MODEL .trunk = WT_TRUNK_WAVENET, .head = WT_HEAD_SOFTMAX
#define PLAIN .skip_scale = 1, .residual_scale = 1

/* clang-format off */
static const pass_case cases[] = {
    {"kernel 2",
     {MODEL, PLAIN, .input_kernel = 2, .array = ARRAY(2, 2, 5, 8, 6, GATE), .skip = 10},
     .classes = 16, .targets = 800, .windows = 12, .microbatch_windows = 2,
     .target_count = {800, 0, 1, 95, 97, 383, 385, 799, 192, 193, 0, 0}},
    {"kernel 3, skips in several groups",
     {MODEL, PLAIN, .input_kernel = 1, .array = ARRAY(3, 2, 4, 7, 96, GATE), .skip = 5, .head_channels = 9},
     .classes = 7, .targets = 400, .windows = 6, .microbatch_windows = 3,
     .target_count = {400, 96, 1, 0, 399, 145}},
    {"one block",
     {MODEL, PLAIN, .input_kernel = 2, .array = ARRAY(2, 1, 1, 5, 3, GATE), .skip = 3},
     .classes = 5, .targets = 3100, .windows = 4, .microbatch_windows = 1,
     .target_count = {3100, 385, 2, 1537}},
    {"two blocks, each of which is somebody's neighbour",
     {MODEL, PLAIN, .input_kernel = 1, .array = ARRAY(2, 1, 2, 4, 4, TANH), .skip = 4},
     .classes = 5, .targets = 500, .windows = 4, .microbatch_windows = 4,
     .target_count = {500, 499, 97, 48}},
    {"no context",
     {MODEL, PLAIN, .input_kernel = 1, .array = ARRAY(1, 1, 3, 4, 3, RELU), .skip = 3},
     .classes = 6, .targets = 300, .windows = 4, .microbatch_windows = 2,
     .target_count = {300, 1, 0, 299}},
    {"dilations longer than the window",
     {MODEL, PLAIN, .input_kernel = 2, .skip = 6,
      .array = {.kernel = 3, .stacks = 2, .dilations = {4, {130, 1, 700, 60}}, .residual = 5, .gate = 4,
                .activation = WT_ACTIVATION_GATE}},
     .classes = 8, .targets = 110, .windows = 4, .microbatch_windows = 2,
     .target_count = {110, 1, 97, 0}},
    {"arrays of different widths, scales",
     {MODEL, .skip_scale = 0.9, .residual_scale = 0.7, .input_kernel = 2, .skip = 8, .array_count = 4,
      .arrays = {ARRAY(2, 1, 4, 4, 3, GATE), ARRAY(3, 1, 3, 19, 5, TANH), ARRAY(1, 1, 2, 3, 16, RELU),
                 ARRAY(2, 1, 3, 12, 33, GATE)}},
     .classes = 9, .targets = 420, .windows = 6, .microbatch_windows = 2,
     .target_count = {420, 0, 385, 97, 1, 383}},
    {"real input, scales",
     {MODEL, .skip_scale = 0.6, .residual_scale = 0.8, .input = WT_INPUT_REAL, .input_kernel = 3,
      .array = ARRAY(2, 2, 4, 37, 11, GATE), .skip = 13},
     .classes = 6, .channels = 3, .targets = 600, .windows = 4, .microbatch_windows = 1,
     .target_count = {600, 95, 0, 577}},
    {"panels of the input's table",
     {MODEL, PLAIN, .input_kernel = 2, .array = ARRAY(2, 1, 3, 70, 5, GATE), .skip = 6},
     .classes = 33, .targets = 390, .windows = 2, .microbatch_windows = 1,
     .target_count = {385, 390}},
};
/* clang-format on */
enum { CASES = sizeof cases / sizeof *cases };

/* --- a network and windows of a random signal --- */

typedef struct {
    const pass_case *c;
    wt_network *network;
    wt_real *parameters;
    wt_batch batch;
} problem;

static double draw_pass_value(uint64_t array, uint64_t element) {
    return wt_random_uniform(SEED, WT_RANDOM_TEST, array, element);
}

/* `windows` windows: number w holds targets from[w] on of a signal of its own. Every seventh target is
 * none. */
static wt_batch make_pass_batch(const problem *p, int windows, int targets, const int *counts,
                                const int *signals, const int *from) {
    wt_batch b = {.windows = windows,
                  .targets = targets,
                  .context = wt_network_get_traits(p->network)->receptive_field,
                  .channels = p->c->channels};
    const size_t rows = (size_t)wt_batch_rows(&b), channels = (size_t)b.channels, n = (size_t)windows;
    b.target_count = take(n, sizeof *b.target_count);
    b.target = take(n * (size_t)targets, sizeof *b.target);
    if (channels) b.signal = take(n * rows * channels, sizeof *b.signal);
    if (!channels) b.classes = take(n * rows, sizeof *b.classes);
    for (int w = 0; w < windows; w++) {
        const uint64_t key = 10 + 3 * (uint64_t)signals[w], first = (uint64_t)from[w];
        const size_t slot = (size_t)w * rows;
        b.target_count[w] = counts[w];
        for (size_t i = 0; i < rows * channels; i++) {
            b.signal[slot * channels + i] = (wt_real)(2 * draw_pass_value(key, first * channels + i) - 1);
        }
        for (size_t i = 0; !channels && i < rows; i++) {
            b.classes[slot + i] = (int32_t)(draw_pass_value(key + 1, first + i) * p->c->classes);
        }
        for (size_t i = 0; i < (size_t)targets; i++) {
            const int32_t drawn = (int32_t)(draw_pass_value(key + 2, first + i) * p->c->classes);
            b.target[(size_t)w * (size_t)targets + i] = (first + i) % 7 == 3 ? -1 : drawn;
        }
    }
    return b;
}

static void free_pass_batch(wt_batch *b) {
    wt_free(b->target_count);
    wt_free(b->target);
    wt_free(b->classes);
    wt_free(b->signal);
}

static problem make_pass_problem(const pass_case *c) {
    problem p = {.c = c};
    must(wt_network_create(&p.network, &c->model, c->classes, c->channels));
    p.parameters = take(wt_network_parameters(p.network)->total, sizeof *p.parameters);
    wt_network_initialise(p.network, p.parameters, SEED);
    int signals[WINDOWS_MAX], from[WINDOWS_MAX] = {0};
    for (int w = 0; w < WINDOWS_MAX; w++) signals[w] = w;
    p.batch = make_pass_batch(&p, c->windows, c->targets, c->target_count, signals, from);
    return p;
}

static void free_pass_problem(problem *p) {
    free_pass_batch(&p->batch);
    wt_free(p->parameters);
    wt_network_destroy(p->network);
}

static wt_engine_shape make_engine_shape(const pass_case *c, int windows, bool recompute) {
    return (wt_engine_shape){windows, c->targets, true, recompute, c->microbatch_windows, false};
}

/* A pass takes as many threads as there are when it is made. */
static wt_engine *make_pass_engine(const problem *p, wt_engine_shape shape, int threads) {
    wt_engine *pass;
    omp_set_num_threads(threads);
    must(wt_engine_create(&pass, wt_network_graph(p->network), kernels, &shape));
    pass->shared = true; /* however small its calls are, units go to all threads */
    wt_engine_pack(pass, p->parameters);
    return pass;
}

/* --- what a step gives --- */

typedef struct {
    wt_window_loss losses[WINDOWS_MAX];
    wt_real *gradients; /* [microbatches, total] */
    size_t total;
    int microbatches;
} answer;

static answer make_answer(const problem *p) {
    answer a = {.total = wt_network_parameters(p->network)->total,
                .microbatches = p->c->windows / p->c->microbatch_windows};
    a.gradients = take((size_t)a.microbatches * a.total, sizeof *a.gradients);
    return a;
}

/* Every microbatch's gradient, `call_microbatches` in a call, into buffers that hold no number before. */
static void run_pass_step(const problem *p, wt_engine *pass, int call_microbatches,
                          const wt_engine_listener *listener, answer *a) {
    const int each = p->c->microbatch_windows;
    memset(a->losses, 0xff, sizeof a->losses);
    for (size_t i = 0; i < (size_t)a->microbatches * a->total; i++) a->gradients[i] = NAN;
    for (int microbatch = 0; microbatch < a->microbatches; microbatch += call_microbatches) {
        const int microbatches = a->microbatches - microbatch < call_microbatches
                                     ? a->microbatches - microbatch
                                     : call_microbatches;
        wt_real *to[MICROBATCHES_MAX];
        for (int i = 0; i < microbatches; i++) to[i] = a->gradients + (size_t)(microbatch + i) * a->total;
        wt_engine_forward(pass, &p->batch, microbatch * each, microbatches * each,
                          a->losses + microbatch * each);
        wt_engine_backward(pass, to, listener);
    }
}

static void assert_same(const problem *p, const answer *want, const answer *got, const char *what,
                        int number) {
    for (int w = 0; w < p->c->windows; w++) {
        if (want->losses[w].targets != got->losses[w].targets ||
            memcmp(&want->losses[w].loss, &got->losses[w].loss, sizeof(double)) != 0) {
            fail_msg("%s, %s %d: loss of window %d is %.17g, expected %.17g", p->c->name, what, number, w,
                     got->losses[w].loss, want->losses[w].loss);
        }
    }
    for (size_t i = 0; i < (size_t)want->microbatches * want->total; i++) {
        if (memcmp(&want->gradients[i], &got->gradients[i], sizeof(wt_real)) == 0) continue;
        fail_msg("%s, %s %d: microbatch %zu, element %zu of %zu is %a, expected %a", p->c->name, what, number,
                 i / want->total, i % want->total, want->total, (double)got->gradients[i],
                 (double)want->gradients[i]);
    }
}

static void assert_finite(const problem *p, const answer *a) {
    for (int w = 0; w < p->c->windows; w++) {
        int64_t targets = 0;
        for (int t = 0; t < p->c->target_count[w]; t++) targets += t % 7 != 3;
        assert_int_equal(a->losses[w].targets, targets);
        assert_true(isfinite(a->losses[w].loss) && (a->losses[w].loss > 0) == (targets > 0));
    }
    for (size_t i = 0; i < (size_t)a->microbatches * a->total; i++) assert_true(isfinite(a->gradients[i]));
}

/* --- threads, calls, repetitions --- */

static void test_threads_and_calls(void **state) {
    const pass_case *c = *state;
    problem p = make_pass_problem(c);
    answer want = make_answer(&p), got = make_answer(&p);
    static const int threads[] = {1, 2, 3, 5};
    for (int i = 0; i < 4; i++) {
        wt_engine *pass = make_pass_engine(&p, make_engine_shape(c, c->windows, false), threads[i]);
        if (i == 0) {
            run_pass_step(&p, pass, want.microbatches, NULL, &want);
            assert_finite(&p, &want);
        }
        for (int repeat = 0; repeat < 2; repeat++) {
            run_pass_step(&p, pass, want.microbatches, NULL, &got);
            assert_same(&p, &want, &got, "threads", threads[i]);
        }
        for (int call = 1; threads[i] == 3 && call < want.microbatches; call++) {
            run_pass_step(&p, pass, call, NULL, &got);
            assert_same(&p, &want, &got, "microbatches in a call", call);
        }
        wt_engine_destroy(pass);
    }
    /* passes that have room for one microbatch alone, with activations kept and made again */
    for (int recompute = 0; recompute < 2; recompute++) {
        wt_engine *pass = make_pass_engine(&p, make_engine_shape(c, c->microbatch_windows, recompute), 3);
        run_pass_step(&p, pass, 1, NULL, &got);
        assert_same(&p, &want, &got, "room for one microbatch, activations recomputed", recompute);
        wt_engine_destroy(pass);
    }
    wt_free(want.gradients);
    wt_free(got.gradients);
    free_pass_problem(&p);
}

/* Neither own products nor the rest depend on the length of the vectors. */
static void test_length_of_vectors(void **state) {
    /* once is enough */
    if (strcmp(kernels->name, "avx512") != 0 || test_cpu_lacks(WT_BACKEND_AVX2, WT_PRECISION_FP32)) return;
    problem p = make_pass_problem(*state);
    answer want = make_answer(&p), got = make_answer(&p);
    const wt_kernels *const wide = kernels;
    for (int i = 0; i < 2; i++) {
        if (i == 1) must(wt_kernels_select(&kernels, WT_BACKEND_AVX2, WT_PRECISION_FP32));
        wt_engine *pass = make_pass_engine(&p, make_engine_shape(p.c, p.c->windows, false), 2);
        run_pass_step(&p, pass, want.microbatches, NULL, i == 0 ? &want : &got);
        wt_engine_destroy(pass);
    }
    kernels = wide;
    assert_same(&p, &want, &got, "bytes in a vector", 32);
    wt_free(want.gradients);
    wt_free(got.gradients);
    free_pass_problem(&p);
}

/* --- the listener --- */

/* The gradients as they were when their range was told. */
typedef struct {
    answer *a;
    size_t at;
    wt_real *heard;
    int pokes, ranges;
} hearing;

static void check_ready(void *context, size_t offset, size_t count) {
    hearing *h = context;
    assert_int_equal(omp_get_thread_num(), 0);
    assert_int_equal(offset + count, h->at);
    assert_true(count > 0);
    h->at = offset;
    h->ranges++;
    for (int microbatch = 0; microbatch < h->a->microbatches; microbatch++) {
        const size_t at = (size_t)microbatch * h->a->total + offset;
        memcpy(h->heard + at, h->a->gradients + at, count * sizeof *h->heard);
    }
}

static void check_between(void *context) {
    hearing *h = context;
    assert_int_equal(omp_get_thread_num(), 0);
    h->pokes++;
}

static void test_listener(void **state) {
    const pass_case *c = *state;
    problem p = make_pass_problem(c);
    answer a = make_answer(&p), heard = make_answer(&p), unheard = make_answer(&p);
    for (int threads = 1; threads <= 5; threads += 2) {
        wt_engine *pass = make_pass_engine(&p, make_engine_shape(c, c->windows, false), threads);
        hearing h = {.a = &a, .at = a.total, .heard = heard.gradients};
        const wt_engine_listener both = {check_ready, check_between, &h}, none = {NULL, NULL, NULL};
        run_pass_step(&p, pass, a.microbatches, &both, &a);
        assert_int_equal(h.at, 0);
        /* not all of it at the end, but the caller's thread may sleep */
        assert_true(threads > 1 || h.ranges > 1);
        assert_true(h.pokes > 0);
        memcpy(heard.losses, a.losses, sizeof a.losses);
        assert_same(&p, &a, &heard, "heard with threads", threads);
        run_pass_step(&p, pass, a.microbatches, &none, &unheard);
        assert_same(&p, &a, &unheard, "unheard with threads", threads);
        wt_engine_destroy(pass);
    }
    wt_free(a.gradients);
    wt_free(heard.gradients);
    wt_free(unheard.gradients);
    free_pass_problem(&p);
}

/* --- one long window and many short ones --- */

enum { SHORT = 45 };

/* The summed loss and the gradient of `windows` windows, as one microbatch. */
static double run_microbatch(const problem *p, const wt_batch *batch, wt_real *gradient) {
    wt_engine *pass = make_pass_engine(
        p, (wt_engine_shape){.windows = batch->windows, .targets = batch->targets, .backward = true}, 2);
    wt_window_loss *losses = take((size_t)batch->windows, sizeof *losses);
    wt_engine_forward(pass, batch, 0, batch->windows, losses);
    wt_engine_backward(pass, &gradient, NULL);
    double sum = 0;
    for (int w = 0; w < batch->windows; w++) sum += losses[w].loss;
    wt_free(losses);
    wt_engine_destroy(pass);
    return sum;
}

/* bf16 factors that differ in their last bit of fp32 may differ by 2^-8 of themselves, a product of two by
 * twice that. */
static void assert_gradients_close(const problem *p, const wt_real *want, const wt_real *got) {
    const double within = strstr(kernels->name, "bf16") ? 2.0 / 256 : 2e-5;
    for (int n = 0; n < wt_network_parameters(p->network)->count; n++) {
        const wt_parameter *tensor = &wt_network_parameters(p->network)->entries[n];
        double largest = 0, difference = 0;
        for (size_t i = tensor->offset; i < tensor->offset + tensor->count; i++) {
            largest = fmax(largest, fabs((double)want[i]));
            difference = fmax(difference, fabs((double)want[i] - (double)got[i]));
        }
        if (!(difference <= within * largest)) {
            fail_msg("%s: gradient of %s differs by %g, its largest value is %g", p->c->name, tensor->name,
                     difference, largest);
        }
    }
}

static void test_long_window_is_its_parts(void **state) {
    const pass_case *c = *state;
    problem p = make_pass_problem(c);
    const int parts = (c->targets + SHORT - 1) / SHORT;
    int *from = take((size_t)parts, sizeof *from), *counts = take((size_t)parts, sizeof *counts);
    int *signals = take((size_t)parts, sizeof *signals);
    for (int w = 0; w < parts; w++) {
        from[w] = w * SHORT;
        counts[w] = c->targets - from[w] < SHORT ? c->targets - from[w] : SHORT;
    }
    wt_batch whole = make_pass_batch(&p, 1, c->targets, &c->targets, signals, from);
    wt_batch cut = make_pass_batch(&p, parts, SHORT, counts, signals, from);
    size_t total = wt_network_parameters(p.network)->total;
    wt_real *want = take(total, sizeof *want), *got = take(total, sizeof *got);
    const double loss = run_microbatch(&p, &cut, want), loss_of_whole = run_microbatch(&p, &whole, got);
    assert_true(fabs(loss - loss_of_whole) <= 1e-6 * loss);
    assert_gradients_close(&p, want, got);
    wt_free(want), wt_free(got), wt_free(from), wt_free(counts), wt_free(signals);
    free_pass_batch(&whole);
    free_pass_batch(&cut);
    free_pass_problem(&p);
}

/* The estimate is what a pass takes, but for its small tables. */
static void test_estimate(void **state) {
    const pass_case *c = *state;
    problem p = make_pass_problem(c);
    for (int kind = 0; kind < 3; kind++) {
        wt_engine *pass;
        const wt_engine_shape shape = {
            .windows = c->windows, .targets = c->targets, .backward = kind > 0, .recompute = kind > 1};
        omp_set_num_threads(3);
        const int64_t before = wt_memory_bytes(),
                      want = wt_engine_bytes(wt_network_graph(p.network), kernels, &shape);
        must(wt_engine_create(&pass, wt_network_graph(p.network), kernels, &shape));
        const int64_t got = wt_memory_bytes() - before;
        if (got < want || got > want + want / 10 + 32768) {
            fail_msg("%s: a pass takes %lld bytes, the estimate is %lld", c->name, (long long)got,
                     (long long)want);
        }
        wt_engine_destroy(pass);
    }
    free_pass_problem(&p);
}

enum { FUNCTIONS = 5 };

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        CMUnitTestFunction run;
    } functions[FUNCTIONS] = {
        {"threads and calls", test_threads_and_calls},
        {"length of vectors", test_length_of_vectors},
        {"listener", test_listener},
        {"a long window is its parts", test_long_window_is_its_parts},
        {"estimate", test_estimate},
    };
    wt_kernels_setup_thread();
    const int unfit = test_select_backend(&kernels, argc > 1 ? argv[1] : "reference");
    if (unfit) return unfit;
    static char names[CASES][FUNCTIONS][128];
    struct CMUnitTest tests[CASES * FUNCTIONS];
    for (int c = 0; c < CASES; c++) {
        for (int f = 0; f < FUNCTIONS; f++) {
            snprintf(names[c][f], sizeof names[c][f], "%s: %s", cases[c].name, functions[f].name);
            tests[c * FUNCTIONS + f] = (struct CMUnitTest){names[c][f], functions[f].run, NULL, NULL,
                                                           (void *)&cases[c]};
        }
    }
    int failed = cmocka_run_group_tests_name(kernels->name, tests, NULL, NULL);
    if (wt_memory_blocks() == 0) return failed;
    fprintf(stderr, "%lld blocks of memory are still held\n", (long long)wt_memory_blocks());
    return 1;
}
