/*
 * Hierarchies, and WaveNets whose blocks have norms: test_hierarchy BACKEND FOLDER, with FOLDER
 * tests/reference.
 *
 * Agreement with PyTorch's modules (make_hierarchy.py, make_normed.py): names and shapes, logits and losses
 * in evaluation (running statistics), losses, gradients and new running statistics in training, and 20 steps
 * with what they leave behind. A tensor's largest difference is set against its largest value.
 * One answer: a network so large that threads share its tiles gives the same bits on any number of them,
 * microbatch by microbatch or all microbatches together, activations kept or recomputed, and a window alone
 * the logits that it has among others. Built a second time in double (test_hierarchy_double), where
 * everything agrees to 1e-10.
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
#include "optim/optim.h"
#include "reference_case.h"
#include "support.h"

#ifdef WT_REAL_DOUBLE
#define TENSOR_TOLERANCE 1e-10
#define LOSS_TOLERANCE 1e-10
#define CURVE_TOLERANCE 1e-9
#define FINAL_TOLERANCE 1e-8
#else
#define TENSOR_TOLERANCE 1e-5
#define LOSS_TOLERANCE 1e-6
#define CURVE_TOLERANCE 1e-4
#define FINAL_TOLERANCE 2e-3 /* Adam divides a small gradient, noise and all, by itself */
#endif

enum { CURVE_STEPS = 20, WINDOWS_MAX = 64 };

static const wt_kernels *kernels;
static const char *folder;

/* --- what PyTorch says --- */

static int open_hierarchy_case(void **state) {
    return wt_reference_setup(state, folder);
}

static double find_largest_magnitude(const double *values, size_t count) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(values[i]));
    return largest;
}

/* Batch norm takes away what a bias in front of it adds: its gradient is 0, but for rounding. */
static void compare_rounding(const char *what, const wt_real *ours, size_t count, double limit) {
    for (size_t i = 0; i < count; i++) {
        if (!(fabs((double)ours[i]) <= limit)) fail_msg("%s: %g instead of 0", what, (double)ours[i]);
    }
}

/* The tensors of a group that are trained, or that are not. */
static double compare_group(const wt_reference_case *c, const char *group, const wt_real *flat, bool trained,
                            double tolerance) {
    const wt_parameter_table *table = wt_network_parameters(c->network);
    wt_real *torch = take(table->total, sizeof *torch);
    double *theirs = take(table->total, sizeof *theirs), worst = 0, largest = 0;
    for (int p = 0; p < table->count; p++) {
        if (table->entries[p].trained != trained) continue;
        must(wt_reference_tensor(c, group, &table->entries[p], theirs));
        largest = fmax(largest, find_largest_magnitude(theirs, table->entries[p].count));
    }
    for (int p = 0; p < table->count; p++) {
        const wt_parameter *parameter = &table->entries[p];
        char what[WT_PARAMETER_NAME + 64];
        if (parameter->trained != trained) continue;
        snprintf(what, sizeof what, "%s: %s of %s", c->name, group, parameter->name);
        must(wt_reference_tensor(c, group, parameter, theirs));
        wt_parameter_export(parameter, flat + parameter->offset, torch);
        if (find_largest_magnitude(theirs, parameter->count) < 1e-12 * largest) {
            compare_rounding(what, torch, parameter->count, tolerance * largest);
            continue;
        }
        worst = fmax(worst, wt_reference_compare(c, what, torch, theirs, parameter->count, tolerance));
    }
    wt_free(theirs);
    wt_free(torch);
    return worst;
}

static void compare_losses(const wt_reference_case *c, const char *group, const wt_window_loss *losses) {
    double theirs[WINDOWS_MAX];
    must(wt_reference_read(c, group, theirs, (size_t)c->windows));
    for (int w = 0; w < c->windows; w++) {
        int64_t targets = 0;
        for (int t = 0; t < c->batch.target_count[w]; t++)
            targets += c->batch.target[w * c->batch.targets + t] >= 0;
        assert_int_equal(losses[w].targets, targets);
        if (!(fabs(losses[w].loss - theirs[w]) <= LOSS_TOLERANCE * (1 + theirs[w])))
            fail_msg("%s: %s of window %d: %.9g, expected %.9g", c->name, group, w, losses[w].loss,
                     theirs[w]);
    }
}

/* --- passes --- */

static wt_engine *make_shaped(const wt_network *network, const wt_engine_shape *shape,
                              const wt_real *parameters, int threads) {
    wt_engine *pass;
    omp_set_num_threads(threads);
    must(wt_engine_create(&pass, wt_network_graph(network), kernels, shape));
    wt_engine_pack(pass, parameters);
    return pass;
}

static wt_engine *make_hierarchy_engine(const wt_network *network, int windows, int targets, bool backward,
                                        const wt_real *parameters, int threads) {
    const wt_engine_shape shape = {.windows = windows, .targets = targets, .backward = backward};
    return make_shaped(network, &shape, parameters, threads);
}

/* Tells a pass of its microbatches, in a step that begins the draws of dropout. */
static void begin_step(wt_engine *pass) {
    const wt_engine_step step = {.seed = 5, .step = 17};
    wt_engine_begin_step(pass, &step);
}

static wt_real *read_hierarchy_parameters(const wt_reference_case *c) {
    wt_real *parameters = take(wt_network_parameters(c->network)->total, sizeof *parameters);
    must(wt_reference_initial(c, parameters));
    return parameters;
}

/* --- the table --- */

static void test_hierarchy_table(void **state) {
    const wt_reference_case *c = *state;
    const wt_parameter_table *table = wt_network_parameters(c->network);
    char **names;
    size_t count, next = 0;
    must(wt_h5_list(c->file, "parameters", &names, &count));
    wt_h5_free_texts(names, count);
    assert_int_equal(table->count, count); /* wt_reference_initial finds each, in its shape */
    for (int p = 0; p < table->count; p++) {
        const wt_parameter *parameter = &table->entries[p];
        assert_int_equal(parameter->offset, next);
        assert_int_equal(parameter->trained, strstr(parameter->name, "running") == NULL);
        next += parameter->count;
        if (parameter->trained) assert_int_equal(table->trained, next > table->trained ? 0 : table->trained);
    }
    assert_int_equal(table->total, next);
    assert_int_equal(wt_network_get_traits(c->network)->receptive_field, c->receptive_field);
}

/* --- evaluation --- */

static void test_evaluation(void **state) {
    const wt_reference_case *c = *state;
    const bool readout = wt_network_get_traits(c->network)->readout_rows > 0;
    const size_t classes = (size_t)wt_network_get_traits(c->network)->outputs,
                 slot = (size_t)(readout ? 1 : c->batch.targets) * classes;
    wt_real *parameters = read_hierarchy_parameters(c);
    double *logits = take((size_t)c->windows * slot, sizeof *logits), worst = 0;
    wt_window_loss losses[WINDOWS_MAX] = {{0}};
    must(wt_reference_read(c, "logits", logits, (size_t)c->windows * slot));
    wt_engine *pass = make_hierarchy_engine(c->network, c->windows, c->batch.targets, false, parameters, 3);
    wt_engine_forward(pass, &c->batch, 0, c->windows, losses);
    compare_losses(c, "losses", losses);
    for (int w = 0; w < c->windows; w++) {
        const size_t count = (size_t)c->batch.target_count[w] * classes;
        if (count == 0) continue;
        const size_t own = readout ? slot : count;
        worst = fmax(worst, wt_reference_compare(c, "logits", wt_engine_outputs(pass, w),
                                                 logits + (size_t)w * slot, own, TENSOR_TOLERANCE));
    }
    print_message("%s: logits to %.1e\n", c->name, worst);
    wt_engine_destroy(pass);
    wt_free(logits);
    wt_free(parameters);
}

/* --- training --- */

/* The gradient of batch `b`, its microbatches added; a step's running statistics go to `parameters` where
 * `commit` says so. */
static void fill_gradient(const wt_reference_case *c, wt_real *parameters, int b, int microbatch_windows,
                          int threads, bool commit, wt_real *gradient, wt_window_loss *losses) {
    const int microbatches = c->windows / microbatch_windows;
    const size_t total = wt_network_parameters(c->network)->total,
                 trained = wt_network_parameters(c->network)->trained;
    wt_real *all = take((size_t)microbatches * total, sizeof *all), *targets[WINDOWS_MAX];
    for (int i = 0; i < microbatches; i++) targets[i] = all + (size_t)i * total;
    for (size_t i = 0; i < (size_t)microbatches * total; i++) all[i] = (wt_real)NAN; /* it is overwritten */
    const wt_engine_shape shape = {c->windows, c->batch.targets, true, false, microbatch_windows, false};
    wt_engine *pass = make_shaped(c->network, &shape, parameters, threads);
    begin_step(pass);
    wt_engine_forward(pass, &c->batch, b * c->windows, c->windows, losses);
    wt_engine_backward(pass, targets, NULL);
    if (commit) wt_engine_commit(pass, parameters);
    for (int i = 1; i < microbatches; i++) kernels->flat.add(all, targets[i], trained);
    memcpy(gradient, all, trained * sizeof *gradient);
    wt_engine_destroy(pass);
    wt_free(all);
}

static void test_gradients(void **state) {
    const wt_reference_case *c = *state;
    const size_t total = wt_network_parameters(c->network)->total;
    wt_real *parameters = read_hierarchy_parameters(c), *gradient = take(total, sizeof *gradient);
    wt_window_loss losses[WINDOWS_MAX] = {{0}};
    const int sizes[] = {c->microbatch_windows, c->windows, 1};
    for (int i = 0; i < 3; i++) {
        fill_gradient(c, parameters, 0, sizes[i], 1 + i % 2, false, gradient, losses);
        compare_losses(c, "training/losses", losses);
        const double worst = compare_group(c, "gradients", gradient, true, TENSOR_TOLERANCE);
        print_message("%s: gradients of microbatches of %d to %.1e\n", c->name, sizes[i], worst);
    }
    wt_real *before = take(total, sizeof *before);
    memcpy(before, parameters, total * sizeof *before);
    fill_gradient(c, parameters, 0, c->microbatch_windows, 1, true, gradient, losses);
    if (wt_engine_microbatch_sums(wt_network_graph(c->network)) > 0)
        compare_group(c, "staged", parameters, false, TENSOR_TOLERANCE);
    assert_memory_equal(before, parameters, wt_network_parameters(c->network)->trained * sizeof *before);
    wt_free(before);
    wt_free(gradient);
    wt_free(parameters);
}

static double train_hierarchy_step(const wt_reference_case *c, wt_optimizer *optimizer, wt_real *parameters,
                                   wt_real *gradient, int64_t step) {
    const wt_config *config = &c->config;
    const size_t trained = wt_network_parameters(c->network)->trained;
    wt_window_loss losses[WINDOWS_MAX] = {{0}};
    double loss = 0, targets = 0, *block_sums = take(wt_gradient_norm_blocks(trained), sizeof *block_sums);
    fill_gradient(c, parameters, (int)((step - 1) % c->batches), c->microbatch_windows, 1, true, gradient,
                  losses);
    for (int w = 0; w < c->windows; w++) loss += losses[w].loss, targets += (double)losses[w].targets;
    const double norm = wt_gradient_norm(kernels, gradient, trained, 1 / targets, block_sums);
    const double scale = wt_gradient_clip_scale(norm, config->optimizer.clip) / targets;
    wt_free(block_sums);
    const wt_update update = {config->optimizer.learning_rate, wt_optimizer_momentum(&config->optimizer),
                              scale};
    wt_optimizer_step(optimizer, kernels, &config->optimizer, &update, gradient, parameters);
    return loss / targets;
}

static void test_hierarchy_training(void **state) {
    const wt_reference_case *c = *state;
    const size_t total = wt_network_parameters(c->network)->total;
    wt_real *parameters = read_hierarchy_parameters(c), *gradient = take(total, sizeof *gradient);
    wt_optimizer optimizer;
    double curve[CURVE_STEPS], worst = 0;
    const wt_update_range trained = {0, wt_network_parameters(c->network)->trained, true};
    must(wt_optimizer_init(&optimizer, wt_config_update_rule(&c->config), total));
    must(wt_optimizer_set_ranges(&optimizer, &trained, 1));
    must(wt_reference_read(c, "curve", curve, CURVE_STEPS));
    for (int s = 0; s < CURVE_STEPS; s++) {
        const double loss = train_hierarchy_step(c, &optimizer, parameters, gradient, s + 1);
        if (!(fabs(loss / curve[s] - 1) <= CURVE_TOLERANCE))
            fail_msg("%s: step %d: loss %.9g, expected %.9g", c->name, s + 1, loss, curve[s]);
        worst = fmax(worst, fabs(loss / curve[s] - 1));
    }
    print_message("%s: curve to %.1e, final parameters to %.1e, running statistics to %.1e\n", c->name, worst,
                  compare_group(c, "final", parameters, true, FINAL_TOLERANCE),
                  compare_group(c, "final", parameters, false, FINAL_TOLERANCE));
    wt_optimizer_dispose(&optimizer);
    wt_free(gradient);
    wt_free(parameters);
}

/* --- one answer --- */

enum { LARGE_WINDOWS = 36, LARGE_TARGETS = 30, LARGE_MICROBATCHES = 4, LARGE_CLASSES = 21 };

static const struct {
    const char *name;
    wt_model_config model;
} large[] = {
#define LARGE                                                                                 \
    .trunk = WT_TRUNK_HIERARCHY, .hierarchy.embedding = 11, .hierarchy.fuse = {3, {2, 3, 2}}, \
    .hierarchy.width = {3, {67, 40, 35}}
    {"large", {LARGE, .array = {.activation = WT_ACTIVATION_RELU}}},
    {"large with batch norm",
     {LARGE, .norm = WT_NORM_BATCH, .dropout = 0.25, .array = {.activation = WT_ACTIVATION_TANH}}},
    {"large with layer norm",
     {LARGE, .norm = WT_NORM_LAYER, .dropout = 0.1, .array = {.activation = WT_ACTIVATION_TANH}}},
#define BLOCK(l, r, g, a) \
    { .kernel = 2, .stacks = 1, .layers = l, .residual = r, .gate = g, .activation = WT_ACTIVATION_##a }
#define BLOCKS                                                                                         \
    .trunk = WT_TRUNK_WAVENET, .input_kernel = 2, .skip = 9, .skip_scale = 0.9, .residual_scale = 0.8, \
    .array_count = 2, .arrays = {BLOCK(8, 9, 7, GATE), BLOCK(3, 5, 33, TANH)}
    {"blocks with batch norm", {BLOCKS, .norm = WT_NORM_BATCH, .dropout = 0.25}},
    {"blocks with layer norm", {BLOCKS, .norm = WT_NORM_LAYER, .dropout = 0.1}},
    {"blocks with dropout", {BLOCKS, .dropout = 0.5}},
};
enum { LARGE_CASES = sizeof large / sizeof *large };

/* Windows of uneven lengths, some targets of which are none. */
static wt_batch make_hierarchy_batch(int context) {
    wt_batch b = {.windows = LARGE_WINDOWS, .targets = LARGE_TARGETS, .context = context};
    const size_t rows = (size_t)wt_batch_rows(&b) * LARGE_WINDOWS, targets = LARGE_WINDOWS * LARGE_TARGETS;
    b.target_count = take(LARGE_WINDOWS, sizeof *b.target_count);
    b.classes = take(rows, sizeof *b.classes);
    b.target = take(targets, sizeof *b.target);
    for (int w = 0; w < LARGE_WINDOWS; w++) b.target_count[w] = w % 7 == 3 ? 0 : LARGE_TARGETS - w % 5;
    for (size_t i = 0; i < rows; i++)
        b.classes[i] = (int32_t)(wt_random_uniform(1, WT_RANDOM_TEST, 1, i) * LARGE_CLASSES);
    for (size_t i = 0; i < targets; i++) {
        const int32_t drawn = (int32_t)(wt_random_uniform(1, WT_RANDOM_TEST, 2, i) * LARGE_CLASSES);
        b.target[i] = i % 11 == 4 ? -1 : drawn;
    }
    return b;
}

typedef struct {
    wt_network *network;
    wt_batch batch;
    wt_real *parameters;
    size_t total;
} problem;

static problem make_hierarchy_problem(const wt_model_config *model) {
    problem p = {0};
    must(wt_network_create(&p.network, model, LARGE_CLASSES, 0));
    p.batch = make_hierarchy_batch(wt_network_get_traits(p.network)->receptive_field);
    p.total = wt_network_parameters(p.network)->total;
    p.parameters = take(p.total, sizeof *p.parameters);
    wt_network_initialise(p.network, p.parameters, 3);
    return p;
}

static void free_hierarchy_problem(problem *p) {
    wt_free(p->batch.target_count);
    wt_free(p->batch.classes);
    wt_free(p->batch.target);
    wt_free(p->parameters);
    wt_network_destroy(p->network);
}

/* What a step leaves: gradients [microbatches, total], the running statistics behind them, losses. */
typedef struct {
    wt_real *values;
    wt_window_loss losses[LARGE_WINDOWS];
} answer;

static void run_hierarchy_step(const problem *p, int threads, int call_microbatches, bool recompute,
                               answer *a) {
    enum { EACH = LARGE_WINDOWS / LARGE_MICROBATCHES };
    const wt_engine_shape shape = {call_microbatches * EACH, LARGE_TARGETS, true, recompute, EACH, false};
    wt_engine *pass = make_shaped(p->network, &shape, p->parameters, threads);
    begin_step(pass);
    memset(a->values, 0, (LARGE_MICROBATCHES + 1) * p->total * sizeof *a->values);
    for (int microbatch = 0; microbatch < LARGE_MICROBATCHES; microbatch += call_microbatches) {
        const int microbatches = LARGE_MICROBATCHES - microbatch < call_microbatches
                                     ? LARGE_MICROBATCHES - microbatch
                                     : call_microbatches;
        wt_real *targets[LARGE_MICROBATCHES];
        for (int i = 0; i < microbatches; i++) targets[i] = a->values + (size_t)(microbatch + i) * p->total;
        wt_engine_forward(pass, &p->batch, microbatch * EACH, microbatches * EACH,
                          a->losses + microbatch * EACH);
        wt_engine_backward(pass, targets, NULL);
    }
    wt_engine_commit(pass, a->values + LARGE_MICROBATCHES * p->total);
    wt_engine_destroy(pass);
}

static void test_one_answer(void **state) {
    const wt_model_config *model = *state;
    problem p = make_hierarchy_problem(model);
    const size_t bytes = (LARGE_MICROBATCHES + 1) * p.total * sizeof(wt_real);
    answer want = {.values = take(bytes, 1)}, got = {.values = take(bytes, 1)};
    run_hierarchy_step(&p, 1, LARGE_MICROBATCHES, false, &want);
    for (int threads = 2; threads <= 3; threads++) {
        run_hierarchy_step(&p, threads, LARGE_MICROBATCHES, threads == 3, &got);
        assert_memory_equal(want.values, got.values, bytes);
        assert_memory_equal(want.losses, got.losses, sizeof want.losses);
    }
    for (int microbatches = 1; model->norm != WT_NORM_BATCH && microbatches < LARGE_MICROBATCHES;
         microbatches++) {
        run_hierarchy_step(&p, 2, microbatches, false, &got);
        assert_memory_equal(want.values, got.values, LARGE_MICROBATCHES * p.total * sizeof(wt_real));
        assert_memory_equal(want.losses, got.losses, sizeof want.losses);
    }
    for (size_t i = 0; i < wt_network_parameters(p.network)->trained; i++)
        assert_true(isfinite(want.values[i]));
    wt_free(want.values);
    wt_free(got.values);
    free_hierarchy_problem(&p);
}

/* Evaluation of one window at a time gives the bits of all at once. */
static void test_alone(void **state) {
    problem p = make_hierarchy_problem(*state);
    wt_window_loss together[LARGE_WINDOWS], alone;
    wt_engine *all = make_hierarchy_engine(p.network, LARGE_WINDOWS, LARGE_TARGETS, false, p.parameters, 3);
    wt_engine *one = make_hierarchy_engine(p.network, 1, LARGE_TARGETS, false, p.parameters, 1);
    wt_engine_forward(all, &p.batch, 0, LARGE_WINDOWS, together);
    for (int w = 0; w < LARGE_WINDOWS; w++) {
        const size_t count = (size_t)p.batch.target_count[w] * LARGE_CLASSES;
        wt_engine_forward(one, &p.batch, w, 1, &alone);
        assert_true(alone.loss == together[w].loss && alone.targets == together[w].targets);
        assert_memory_equal(wt_engine_outputs(one, 0), wt_engine_outputs(all, w), count * sizeof(wt_real));
    }
    wt_engine_destroy(one);
    wt_engine_destroy(all);
    free_hierarchy_problem(&p);
}

/* Dropout drops about its share, other activations in another step or microbatch, and nothing in
 * evaluation. */
static void test_dropout(void **state) {
    (void)state;
    wt_model_config model = {.trunk = WT_TRUNK_HIERARCHY,
                             .hierarchy.embedding = 4,
                             .hierarchy.fuse = {1, {4}},
                             .hierarchy.width = {1, {64}},
                             .dropout = 0.25,
                             .array = {.activation = WT_ACTIVATION_TANH}};
    problem p = make_hierarchy_problem(&model);
    wt_window_loss first[LARGE_WINDOWS], again[LARGE_WINDOWS];
    wt_engine *pass = make_hierarchy_engine(p.network, LARGE_WINDOWS, LARGE_TARGETS, true, p.parameters, 1);
    wt_engine_step step = {.seed = 1, .step = 1};
    wt_engine_begin_step(pass, &step);
    wt_engine_forward(pass, &p.batch, 0, LARGE_WINDOWS, first);
    wt_engine_forward(pass, &p.batch, 0, LARGE_WINDOWS, again);
    assert_memory_equal(first, again, sizeof first);
    for (int change = 0; change < 3; change++) {
        wt_engine_step other = step;
        if (change == 0) other.step = 2;
        if (change == 1) other.seed = 2;
        if (change == 2) other.first_microbatch = 1;
        wt_engine_begin_step(pass, &other);
        wt_engine_forward(pass, &p.batch, 0, LARGE_WINDOWS, again);
        assert_true(first[0].loss != again[0].loss);
    }
    wt_engine_destroy(pass);
    free_hierarchy_problem(&p);
}

/* --- first parameters --- */

typedef struct {
    double mean, deviation, largest;
} spread;

static spread measure_spread(const wt_network *network, const wt_real *flat, const char *name) {
    for (int p = 0; p < wt_network_parameters(network)->count; p++) {
        const wt_parameter *parameter = &wt_network_parameters(network)->entries[p];
        if (strcmp(parameter->name, name) != 0) continue;
        spread s = {0};
        double squares = 0;
        for (size_t i = 0; i < parameter->count; i++) {
            const double value = (double)flat[parameter->offset + i];
            s.mean += value / (double)parameter->count;
            squares += value * value / (double)parameter->count;
            s.largest = fmax(s.largest, fabs(value));
        }
        s.deviation = sqrt(squares - s.mean * s.mean);
        return s;
    }
    fail_msg("no tensor %s", name);
    return (spread){0};
}

static void assert_about(double got, double expected, double share) {
    if (!(fabs(got - expected) <= share * expected)) fail_msg("got %g, expected about %g", got, expected);
}

static void test_initial(void **state) {
    (void)state;
    static const struct {
        wt_initial_kind kind;
        double gain, scale, deviation,
            output; /* of levels.0.linear.weight [60, 40] and output.weight [21, 60] */
    } cases[] = {
        {WT_INITIAL_DEFAULT, 0, 1, 1 / 10.9544, 1 / 13.4164}, /* 1/√(3·fan_in) */
        {WT_INITIAL_KAIMING, 0, 0.1, 1.66667 / 6.32456, 0.166667 / 7.74597},
        {WT_INITIAL_XAVIER, 1.5, 1, 1.5 * 0.141421, 1.5 * 0.157135}, /* gain·√(2/(fan_in + fan_out)) */
        {WT_INITIAL_NORMAL, 0, 0.5, 1 / 6.32456, 0.5 / 7.74597},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wt_model_config model = {.trunk = WT_TRUNK_HIERARCHY,
                                 .hierarchy.embedding = 10,
                                 .hierarchy.fuse = {1, {4}},
                                 .hierarchy.width = {1, {60}},
                                 .norm = WT_NORM_BATCH,
                                 .initial.kind = cases[i].kind,
                                 .initial.gain = cases[i].gain,
                                 .initial.output_scale = cases[i].scale,
                                 .array = {.activation = WT_ACTIVATION_TANH}};
        problem p = make_hierarchy_problem(&model);
        assert_about(measure_spread(p.network, p.parameters, "levels.0.linear.weight").deviation,
                     cases[i].deviation, 0.06);
        assert_about(measure_spread(p.network, p.parameters, "output.weight").deviation, cases[i].output,
                     0.08);
        assert_about(measure_spread(p.network, p.parameters, "embedding.weight").deviation, 1, 0.12);
        const spread bias = measure_spread(p.network, p.parameters, "output.bias");
        assert_true((bias.largest > 0) == (cases[i].kind == WT_INITIAL_DEFAULT));
        assert_about(measure_spread(p.network, p.parameters, "levels.0.norm.weight").mean, 1, 1e-12);
        assert_about(measure_spread(p.network, p.parameters, "levels.0.norm.running_var").mean, 1, 1e-12);
        assert_true(measure_spread(p.network, p.parameters, "levels.0.norm.bias").largest == 0);
        assert_true(measure_spread(p.network, p.parameters, "levels.0.norm.running_mean").largest == 0);
        free_hierarchy_problem(&p);
    }
}

/* The networks of the tutorials, and of French first names and a book. */
static void test_parameter_counts(void **state) {
    (void)state;
    static const struct {
        int classes, embedding;
        wt_dilation_list fuse, width;
        wt_norm_kind norm;
        size_t parameters;
    } cases[] = {
        {27, 10, {1, {8}}, {1, {200}}, WT_NORM_BATCH, 22097},
        {27, 10, {3, {2, 2, 2}}, {1, {68}}, WT_NORM_BATCH, 22397},
        {27, 24, {3, {2, 2, 2}}, {1, {128}}, WT_NORM_BATCH, 76579},
        {27, 3, {3, {2, 2, 2}}, {1, {40}}, WT_NORM_LAYER, 8068},
        {27, 12, {4, {2, 2, 2, 2}}, {4, {30, 30, 30, 40}}, WT_NORM_LAYER, 8411},
        {46, 10, {3, {2, 2, 2}}, {1, {128}}, WT_NORM_NONE, 74874},
        {46, 10, {3, {2, 2, 2}}, {1, {128}}, WT_NORM_LAYER, 75258},
        {46, 16, {3, {2, 2, 2}}, {1, {64}}, WT_NORM_LAYER, 22542},
        {29, 12, {5, {2, 2, 2, 2, 2}}, {5, {20, 30, 30, 40, 40}}, WT_NORM_LAYER, 10937},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const wt_model_config model = {.trunk = WT_TRUNK_HIERARCHY,
                                       .hierarchy.embedding = cases[i].embedding,
                                       .hierarchy.fuse = cases[i].fuse,
                                       .hierarchy.width = cases[i].width,
                                       .norm = cases[i].norm};
        wt_network *network;
        must(wt_network_create(&network, &model, cases[i].classes, 1));
        assert_int_equal(wt_network_parameters(network)->trained, cases[i].parameters);
        wt_network_destroy(network);
    }
}

/* --- all --- */

#define TEST(name, case, function) \
    { name " of " case, function, open_hierarchy_case, wt_reference_teardown, (void *)case }
#define CASE(case)                                                                        \
    TEST("table", case, test_hierarchy_table), TEST("evaluation", case, test_evaluation), \
        TEST("gradients", case, test_gradients), TEST("training", case, test_hierarchy_training)
#define SAME(i)                                                                        \
    {"one answer", test_one_answer, NULL, NULL, (void *)(uintptr_t)&large[i].model}, { \
        "windows alone", test_alone, NULL, NULL, (void *)(uintptr_t)&large[i].model    \
    }

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        CASE("hierarchy-flat"),
        CASE("hierarchy-tree"),
        CASE("hierarchy-layer"),
        CASE("hierarchy-plain"),
        CASE("hierarchy-real"),
        CASE("hierarchy-ignored"),
        CASE("hierarchy-values"),
        CASE("hierarchy-mean"),
        CASE("hierarchy-linear"),
        CASE("hierarchy-value"),
        CASE("normed-layer"),
        CASE("normed-batch"),
        CASE("normed-bias"),
        CASE("normed-ignored"),
        SAME(0),
        SAME(1),
        SAME(2),
        SAME(3),
        SAME(4),
        SAME(5),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_initial),
        cmocka_unit_test(test_parameter_counts),
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
