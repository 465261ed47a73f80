/*
 * Agreement with PyTorch: test_pytorch BACKEND FOLDER, with FOLDER tests/reference.
 *
 * Each case brings parameters, windows and what PyTorch computed in float64 from them. Compared are the
 * parameter table (names, shapes, fan-in, both ways), the logits, the losses, every gradient, and 20 steps of
 * training with their final parameters. A tensor's largest difference is set against its largest value: in
 * float32, single elements near 0 carry no digits that could be compared.
 * Backward runs with 1 and 3 threads, in one microbatch and in several, in one call and microbatch by
 * microbatch; what may not matter by the model's contract must not change a single bit.
 * Built a second time in double (test_pytorch_double), where everything agrees to 1e-10.
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
#include "engine/engine.h"
#include "optim/optim.h"
#include "reference_case.h"
#include "support.h"

#ifdef WT_REAL_DOUBLE
#define TENSOR_TOLERANCE 1e-10
#define LOSS_TOLERANCE 1e-10
#define CURVE_TOLERANCE 1e-10
#define FINAL_TOLERANCE 1e-9
#else
#define TENSOR_TOLERANCE 1e-5
#define LOSS_TOLERANCE 1e-6
#define CURVE_TOLERANCE 1e-4
#define FINAL_TOLERANCE 1e-3 /* Adam divides a small gradient, noise and all, by itself */
#endif

enum { CURVE_STEPS = 20, MICROBATCHES_MAX = 8, WINDOWS_MAX = 8 };

/* What main found on the command line. */
static const wt_kernels *kernels;
static const char *folder;

/* --- fixtures --- */

static int open_pytorch_case(void **state) {
    return wt_reference_setup(state, folder);
}

/* A pass takes as many threads as there are when it is made. */
static wt_engine *make_reference_engine(const wt_reference_case *c, bool backward, int microbatch_windows,
                                        const wt_real *parameters, int threads) {
    wt_engine *pass;
    omp_set_num_threads(threads);
    const wt_engine_shape shape = {.windows = c->windows,
                                   .targets = c->batch.targets,
                                   .backward = backward,
                                   .microbatch_windows = microbatch_windows};
    must(wt_engine_create(&pass, wt_network_graph(c->network), kernels, &shape));
    wt_engine_pack(pass, parameters);
    return pass;
}

static wt_real *read_case_parameters(const wt_reference_case *c) {
    wt_real *parameters = take(wt_network_parameters(c->network)->total, sizeof *parameters);
    must(wt_reference_initial(c, parameters));
    return parameters;
}

static int64_t count_window_targets(const wt_reference_case *c, int window) {
    int64_t count = 0;
    for (int t = 0; t < c->batch.target_count[window]; t++)
        count += c->batch.target[(size_t)window * (size_t)c->batch.targets + (size_t)t] >= 0;
    return count;
}

/* --- the table --- */

static const wt_parameter *find_parameter(const wt_parameter_table *table, const char *name) {
    for (int p = 0; p < table->count; p++)
        if (strcmp(table->entries[p].name, name) == 0) return &table->entries[p];
    return NULL;
}

static void check_parameter(const wt_reference_case *c, const wt_parameter *parameter, const char *name) {
    char path[WT_PARAMETER_NAME + 16];
    wt_h5_shape shape;
    int64_t fan_in;
    snprintf(path, sizeof path, "parameters/%s", name);
    must(wt_h5_inspect(c->file, path, &shape));
    must(wt_h5_read_attribute_int(c->file, path, "fan_in", &fan_in));
    assert_int_equal(parameter->rank, shape.rank);
    size_t count = 1;
    for (int i = 0; i < shape.rank; i++) {
        assert_int_equal(parameter->shape[i], shape.shape[i]);
        count *= (size_t)shape.shape[i];
    }
    assert_int_equal(parameter->count, count);
    assert_int_equal(parameter->fan_in, fan_in);
}

/* PyTorch's names, shapes and fan-ins are ours, none more, none less, and tile the flat buffer. */
static void test_parameter_table(void **state) {
    const wt_reference_case *c = *state;
    const wt_parameter_table *table = wt_network_parameters(c->network);
    char **names;
    size_t count;
    must(wt_h5_list(c->file, "parameters", &names, &count));
    assert_int_equal(table->count, count);
    for (size_t i = 0; i < count; i++) {
        const wt_parameter *parameter = find_parameter(table, names[i]);
        if (!parameter) fail_msg("%s: no parameter %s", c->name, names[i]);
        check_parameter(c, parameter, names[i]);
    }
    wt_h5_free_texts(names, count);
    size_t next = 0;
    for (int p = 0; p < table->count; p++) {
        assert_int_equal(table->entries[p].offset, next);
        next += table->entries[p].count;
    }
    assert_int_equal(table->total, next);
    assert_int_equal(wt_network_get_traits(c->network)->receptive_field, c->receptive_field);
}

/* Import and export are each other's inverse. */
static void test_layout(void **state) {
    const wt_reference_case *c = *state;
    const wt_parameter_table *table = wt_network_parameters(c->network);
    wt_real *flat = read_case_parameters(c), *torch = take(table->total, sizeof *torch);
    double *values = take(table->total, sizeof *values);
    for (int p = 0; p < table->count; p++) {
        const wt_parameter *parameter = &table->entries[p];
        must(wt_reference_tensor(c, "parameters", parameter, values));
        wt_parameter_export(parameter, flat + parameter->offset, torch);
        for (size_t i = 0; i < parameter->count; i++) assert_true((double)torch[i] == values[i]);
    }
    wt_free(values);
    wt_free(torch);
    wt_free(flat);
}

/* --- forward --- */

static bool is_spectral(const wt_reference_case *c) {
    return c->config.model.spectral.weight > 0 && c->batch.targets > 257;
}

static void compare_window_losses(const wt_reference_case *c, const wt_window_loss *losses) {
    double theirs[WINDOWS_MAX], whole, sum = 0;
    must(wt_reference_read(c, "losses", theirs, (size_t)c->windows));
    must(wt_reference_read(c, "loss", &whole, 1));
    for (int w = 0; w < c->windows; w++) {
        if (!(fabs(losses[w].loss - theirs[w]) <= LOSS_TOLERANCE * theirs[w]))
            fail_msg("%s: loss of window %d: %.9g, expected %.9g", c->name, w, losses[w].loss, theirs[w]);
        assert_int_equal(losses[w].targets, count_window_targets(c, w));
        sum += losses[w].loss;
    }
    if (!(fabs(sum - whole) <= LOSS_TOLERANCE * whole))
        fail_msg("%s: loss %.9g, expected %.9g", c->name, sum, whole);
}

static double compare_logits(const wt_reference_case *c, const wt_engine *pass) {
    const bool readout = wt_network_get_traits(c->network)->readout_rows > 0;
    size_t slot = (size_t)(readout ? 1 : c->batch.targets) *
                  (size_t)wt_network_get_traits(c->network)->outputs;
    double *logits = take((size_t)c->windows * slot, sizeof *logits), worst = 0;
    must(wt_reference_read(c, "logits", logits, (size_t)c->windows * slot));
    for (int w = 0; w < c->windows; w++) {
        size_t count = (size_t)c->batch.target_count[w] * (size_t)wt_network_get_traits(c->network)->outputs;
        if (count == 0) continue;
        if (readout) count = slot;
        worst = fmax(worst, wt_reference_compare(c, "logits", wt_engine_outputs(pass, w),
                                                 logits + (size_t)w * slot, count, TENSOR_TOLERANCE));
    }
    wt_free(logits);
    return worst;
}

static void test_forward(void **state) {
    const wt_reference_case *c = *state;
    wt_real *parameters = read_case_parameters(c);
    wt_window_loss losses[WINDOWS_MAX] = {0};
    assert_in_range(c->windows, 1, WINDOWS_MAX);
    for (int threads = 1; threads <= 3; threads += 2) {
        wt_engine *pass = make_reference_engine(c, false, 0, parameters, threads);
        wt_engine_forward(pass, &c->batch, 0, c->windows, losses);
        if (!is_spectral(c)) compare_window_losses(c, losses); /* evaluation has the squared error alone */
        double worst = compare_logits(c, pass);
        print_message("%s: logits to %.1e, %d threads\n", c->name, worst, threads);
        wt_engine_destroy(pass);
    }
    wt_free(parameters);
}

/* --- backward --- */

typedef struct {
    int threads;
    int microbatch_windows;
    int call_windows; /* in one call of forward and backward; whole microbatches */
} grouping;

/* What a listener of backward has heard: where the last range began, and the microbatches' gradients as they
 * were then. */
typedef struct {
    size_t at, total;
    int microbatches, pokes;
    wt_real *const *gradients;
    wt_real *heard;
} hearing;

static void copy_ready(void *context, size_t offset, size_t count) {
    hearing *h = context;
    assert_int_equal(offset + count, h->at);
    assert_true(count > 0);
    h->at = offset;
    for (int microbatch = 0; microbatch < h->microbatches; microbatch++) {
        memcpy(h->heard + (size_t)microbatch * h->total + offset, h->gradients[microbatch] + offset,
               count * sizeof *h->heard);
    }
}

static void count_between(void *context) {
    hearing *h = context;
    assert_int_equal(omp_get_thread_num(), 0);
    h->pokes++;
}

/* Backward, whose ranges must adjoin, cover everything, and be finished when they are told. */
static void run_case_backward(const wt_reference_case *c, wt_engine *pass, wt_real *const *targets,
                              int microbatches) {
    size_t total = wt_network_parameters(c->network)->total;
    hearing h = {total, total, microbatches, 0, targets, take((size_t)microbatches * total, sizeof(wt_real))};
    const wt_engine_listener listener = {copy_ready, count_between, &h};
    wt_engine_backward(pass, targets, &listener);
    assert_int_equal(h.at, 0);
    assert_true(h.pokes > 0 || omp_get_max_threads() > 1);
    for (int microbatch = 0; microbatch < microbatches; microbatch++) {
        assert_memory_equal(h.heard + (size_t)microbatch * total, targets[microbatch],
                            total * sizeof(wt_real));
    }
    wt_free(h.heard);
}

/* Gradients of batch `b`, microbatch by microbatch; microbatches behind each other in `gradients`. */
static void microbatch_gradients(const wt_reference_case *c, const wt_real *parameters, int b, grouping g,
                                 wt_real *gradients, wt_window_loss *losses) {
    wt_engine *pass = make_reference_engine(c, true, g.microbatch_windows, parameters, g.threads);
    size_t total = wt_network_parameters(c->network)->total;
    int microbatches = c->windows / g.microbatch_windows,
        call_microbatches = g.call_windows / g.microbatch_windows;
    for (int microbatch = 0; microbatch < microbatches; microbatch += call_microbatches) {
        wt_real *targets[MICROBATCHES_MAX];
        for (int i = 0; i < call_microbatches; i++) targets[i] = gradients + (size_t)(microbatch + i) * total;
        int first = microbatch * g.microbatch_windows;
        wt_engine_forward(pass, &c->batch, b * c->windows + first, g.call_windows, losses + first);
        run_case_backward(c, pass, targets, call_microbatches);
    }
    wt_engine_destroy(pass);
}

/* All microbatches into the first. */
static void sum_microbatches(const wt_reference_case *c, wt_real *gradients, int microbatches) {
    size_t total = wt_network_parameters(c->network)->total;
    for (int microbatch = 1; microbatch < microbatches; microbatch++)
        kernels->flat.add(gradients, gradients + (size_t)microbatch * total, total);
}

/* A flat buffer against the tensors of `theirs`, which stand at the same offsets in PyTorch's order. */
static double compare_flat(const wt_reference_case *c, const char *what, const wt_real *flat,
                           const double *theirs, double tolerance) {
    const wt_parameter_table *table = wt_network_parameters(c->network);
    wt_real *torch = take(table->total, sizeof *torch);
    double worst = 0;
    for (int p = 0; p < table->count; p++) {
        const wt_parameter *parameter = &table->entries[p];
        char name[WT_PARAMETER_NAME + 32];
        snprintf(name, sizeof name, "%s of %s", what, parameter->name);
        wt_parameter_export(parameter, flat + parameter->offset, torch);
        worst = fmax(worst, wt_reference_compare(c, name, torch, theirs + parameter->offset, parameter->count,
                                                 tolerance));
    }
    wt_free(torch);
    return worst;
}

static void compare_gradients(const wt_reference_case *c, const wt_real *flat, int microbatches) {
    const wt_parameter_table *table = wt_network_parameters(c->network);
    double *theirs = take(table->total, sizeof *theirs);
    for (int p = 0; p < table->count; p++)
        must(wt_reference_tensor(c, "gradients", &table->entries[p], theirs + table->entries[p].offset));
    double worst = compare_flat(c, "the gradient", flat, theirs, TENSOR_TOLERANCE);
    print_message("%s: gradients of %d microbatches to %.1e\n", c->name, microbatches, worst);
    wt_free(theirs);
}

/* Microbatches as the case divides its windows: the bits depend neither on threads nor on the calls; the sum
 * agrees with PyTorch. */
static void test_microbatches(void **state) {
    const wt_reference_case *c = *state;
    int microbatches = c->windows / c->microbatch_windows;
    size_t total = wt_network_parameters(c->network)->total,
           bytes = (size_t)microbatches * total * sizeof(wt_real);
    assert_in_range(microbatches, 1, MICROBATCHES_MAX);
    wt_real *parameters = read_case_parameters(c);
    wt_real *gradients = take((size_t)microbatches * total, sizeof *gradients);
    wt_real *again = take((size_t)microbatches * total, sizeof *again);
    wt_window_loss losses[WINDOWS_MAX] = {0}, losses_again[WINDOWS_MAX] = {0};
    microbatch_gradients(c, parameters, 0, (grouping){1, c->microbatch_windows, c->windows}, gradients,
                         losses);
    const grouping others[] = {{3, c->microbatch_windows, c->windows},
                               {1, c->microbatch_windows, c->microbatch_windows},
                               {3, c->microbatch_windows, c->microbatch_windows}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        microbatch_gradients(c, parameters, 0, others[i], again, losses_again);
        assert_memory_equal(gradients, again, bytes);
        assert_memory_equal(losses, losses_again, sizeof losses);
    }
    compare_window_losses(c, losses);
    sum_microbatches(c, gradients, microbatches);
    compare_gradients(c, gradients, microbatches);
    wt_free(again);
    wt_free(gradients);
    wt_free(parameters);
}

/* The whole batch as one microbatch, and every window as a microbatch. */
static void test_microbatch_sizes(void **state) {
    const wt_reference_case *c = *state;
    size_t total = wt_network_parameters(c->network)->total;
    wt_real *parameters = read_case_parameters(c);
    wt_real *gradients = take((size_t)c->windows * total, sizeof *gradients);
    wt_window_loss losses[WINDOWS_MAX] = {0};
    const int sizes[] = {c->windows, 1};
    for (int i = 0; i < 2; i++) {
        microbatch_gradients(c, parameters, 0, (grouping){3, sizes[i], c->windows}, gradients, losses);
        compare_window_losses(c, losses);
        sum_microbatches(c, gradients, c->windows / sizes[i]);
        compare_gradients(c, gradients, c->windows / sizes[i]);
    }
    wt_free(gradients);
    wt_free(parameters);
}

/* Backward overwrites what stands in a microbatch's buffer, whatever it is. */
static void test_backward_overwrites(void **state) {
    const wt_reference_case *c = *state;
    size_t total = wt_network_parameters(c->network)->total;
    wt_real *parameters = read_case_parameters(c);
    wt_real *once = take(total, sizeof *once), *again = take(total, sizeof *again);
    wt_window_loss losses[WINDOWS_MAX] = {0};
    microbatch_gradients(c, parameters, 0, (grouping){1, c->windows, c->windows}, once, losses);
    wt_engine *pass = make_reference_engine(c, true, c->windows, parameters, 3);
    for (int i = 0; i < 2; i++) {
        for (size_t p = 0; p < total; p++) again[p] = (wt_real)NAN;
        wt_engine_forward(pass, &c->batch, 0, c->windows, losses);
        wt_engine_backward(pass, &again, NULL);
        assert_memory_equal(once, again, total * sizeof *once);
    }
    wt_engine_destroy(pass);
    wt_free(again);
    wt_free(once);
    wt_free(parameters);
}

/* --- training --- */

typedef struct {
    wt_optimizer optimizer;
    wt_real *parameters, *gradients;
} training;

/* Mean loss per target before the update. */
static double train_wavenet_step(const wt_reference_case *c, training *t, int64_t step) {
    const wt_config *config = &c->config;
    size_t total = wt_network_parameters(c->network)->total;
    wt_window_loss losses[WINDOWS_MAX] = {0};
    grouping g = {step % 2 ? 3 : 1, c->microbatch_windows, c->windows};
    microbatch_gradients(c, t->parameters, (int)((step - 1) % c->batches), g, t->gradients, losses);
    sum_microbatches(c, t->gradients, c->windows / c->microbatch_windows);
    double loss = 0, targets = 0, *block_sums = take(wt_gradient_norm_blocks(total), sizeof *block_sums);
    for (int w = 0; w < c->windows; w++) {
        loss += losses[w].loss;
        targets += (double)losses[w].targets;
    }
    double norm = wt_gradient_norm(kernels, t->gradients, total, 1 / targets, block_sums);
    wt_free(block_sums);
    double scale = wt_gradient_clip_scale(norm, config->optimizer.clip) / targets;
    double base = config->optimizer.learning_rate;
    double rate = wt_schedule_rate(&config->schedule, base, step, config->train.steps);
    const wt_update update = {rate, wt_optimizer_momentum(&config->optimizer), scale};
    wt_optimizer_step(&t->optimizer, kernels, &config->optimizer, &update, t->gradients, t->parameters);
    return loss / targets;
}

static double compare_final(const wt_reference_case *c, const wt_real *parameters) {
    size_t total = wt_network_parameters(c->network)->total;
    double *theirs = take(total, sizeof *theirs);
    must(wt_reference_read(c, "final", theirs, total));
    double worst = compare_flat(c, "the final value", parameters, theirs, FINAL_TOLERANCE);
    wt_free(theirs);
    return worst;
}

static void test_wavenet_training(void **state) {
    const wt_reference_case *c = *state;
    size_t total = wt_network_parameters(c->network)->total;
    int microbatches = c->windows / c->microbatch_windows;
    training t = {.parameters = read_case_parameters(c),
                  .gradients = take((size_t)microbatches * total, sizeof *t.gradients)};
    double curve[CURVE_STEPS], worst = 0;
    must(wt_optimizer_init(&t.optimizer, wt_config_update_rule(&c->config), total));
    must(wt_reference_read(c, "curve", curve, CURVE_STEPS));
    for (int s = 0; s < CURVE_STEPS; s++) {
        double loss = train_wavenet_step(c, &t, s + 1), difference = fabs(loss / curve[s] - 1);
        if (!(difference <= CURVE_TOLERANCE))
            fail_msg("%s: step %d: loss %.9g, expected %.9g", c->name, s + 1, loss, curve[s]);
        worst = fmax(worst, difference);
    }
    assert_int_equal(t.optimizer.updates, CURVE_STEPS);
    print_message("%s: curve to %.1e, final parameters to %.1e\n", c->name, worst,
                  compare_final(c, t.parameters));
    wt_optimizer_dispose(&t.optimizer);
    wt_free(t.gradients);
    wt_free(t.parameters);
}

/* --- all cases --- */

#define TEST(name, case, function) \
    { name " of " case, function, open_pytorch_case, wt_reference_teardown, (void *)case }
#define CASE(case)                                                                          \
    TEST("table", case, test_parameter_table), TEST("layout", case, test_layout),           \
        TEST("forward", case, test_forward), TEST("microbatches", case, test_microbatches), \
        TEST("microbatch sizes", case, test_microbatch_sizes),                              \
        TEST("overwriting", case, test_backward_overwrites), TEST("training", case, test_wavenet_training)

/* Of a long context, what takes longest is left to the smaller ones; the spectral loss's gradient jumps where
 * a bin's magnitudes meet, so that the small differences of a training grow. */
#define PRESET(case)                                                              \
    TEST("table", case, test_parameter_table), TEST("layout", case, test_layout), \
        TEST("forward", case, test_forward), TEST("microbatches", case, test_microbatches)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        CASE("kernel-1"),
        CASE("kernel-2"),
        CASE("kernel-3"),
        CASE("one-block"),
        CASE("many-blocks"),
        CASE("arrays"),
        CASE("odd-channels"),
        CASE("ungated"),
        CASE("real"),
        CASE("real-short"),
        CASE("short"),
        CASE("scales"),
        CASE("ignored"),
        CASE("panels"),
        CASE("long-dilation"),
        CASE("values"),
        CASE("logistics-codes"),
        CASE("logistics-values"),
        CASE("logistics-sinh"),
        CASE("gaussian-codes"),
        CASE("gaussian-values"),
        CASE("next-values"),
        CASE("frames-repeated"),
        CASE("frames-linear"),
        CASE("frames-stretched"),
        CASE("speakers"),
        CASE("voices"),
        CASE("readout-mean"),
        CASE("readout-linear"),
        CASE("readout-value"),
        PRESET("amplifier-a1-standard"),
        PRESET("amplifier-a1-lite"),
        PRESET("amplifier-a1-feather"),
        CASE("amplifier-a1-nano"),
        PRESET("amplifier-a2-full"),
        CASE("amplifier-a2-lite"),
        CASE("amplifier-activations"),
#ifdef WT_REAL_DOUBLE /* by quiet bins its gradient has not these digits in float, in PyTorch neither */
        PRESET("amplifier-spectral"),
#endif
    };
    if (argc != 3) {
        fprintf(stderr, "usage: %s BACKEND FOLDER\n", argv[0]);
        return 2;
    }
    const int unfit = test_select_backend(&kernels, argv[1]);
    if (unfit) return unfit;
    folder = argv[2];
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (wt_memory_blocks() == 0) return failed;
    fprintf(stderr, "%lld blocks of memory are still held\n", (long long)wt_memory_blocks());
    return 1;
}
