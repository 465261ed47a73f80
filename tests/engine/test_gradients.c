/*
 * Backward against finite differences, in double, with the reference kernels.
 *
 * For elements of every tensor (all of a small one, a keyed sample of a large one) the derivative of the
 * summed loss is (f(p + h) − f(p − h))/2h, which errs by h² and by rounding/h; h = 1e-5 leaves some 1e-9.
 * Where a ReLU's kink lies between the two points the difference is no derivative; a smaller step leaves the
 * kink outside, so an element passes if any of three steps agrees. A wrong gradient agrees with none.
 * The advantage over stored values: no file, any shape; the disadvantage: seven digits instead of fifteen.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "engine/engine.h"
#include "network/network_model.h"
#include "support.h"
#include "wavetrain/network.h"

#ifndef WT_REAL_DOUBLE
#error "finite differences need the double build"
#endif

enum { SAMPLE = 16, WINDOWS = 3, SEED = 20 };

static const double tolerance = 1e-6; /* of the tensor's largest gradient */

typedef struct {
    const char *name;
    wt_model_config model;
    int classes, channels; /* channels 0: class input */
    int targets;
    int target_count[WINDOWS];
    int padding; /* leading input rows of window 0 that hold silence */
    bool ignore; /* every fifth target is none */
    bool whole;  /* a window has one target */
    int values;  /* per target, of a head of values; 0: one */
    bool codes;  /* they are codes, `classes` 3: some at the grid's ends */
    int features, hop, speakers;
    bool weighted; /* classes have weights */
} gradient_case;

static const wt_real class_weights[] = {0.5, 3, 0, 1.25, 2, 1, 0.75, 8, 0.1};

#define ARRAY(k, s, l, r, g, a) \
    { .kernel = k, .stacks = s, .layers = l, .residual = r, .gate = g, .activation = WT_ACTIVATION_##a }
#define MODEL .trunk = WT_TRUNK_WAVENET, .head = WT_HEAD_SOFTMAX
#define VALUES .trunk = WT_TRUNK_WAVENET, .head = WT_HEAD_MSE, .input = WT_INPUT_REAL
#define PLAIN .skip_scale = 1, .residual_scale = 1
#define TREE .trunk = WT_TRUNK_HIERARCHY, .head = WT_HEAD_SOFTMAX
#define VALUE_TREE .trunk = WT_TRUNK_HIERARCHY, .head = WT_HEAD_MSE, .input = WT_INPUT_REAL

static const gradient_case cases[] = {
    {"kernel 1",
     {MODEL, PLAIN, .input_kernel = 3, .array = ARRAY(1, 1, 3, 4, 3, GATE), .skip = 5},
     .classes = 7,
     .targets = 20,
     .target_count = {20, 20, 13}},
    {"kernel 2",
     {MODEL, PLAIN, .input_kernel = 2, .array = ARRAY(2, 2, 3, 5, 4, GATE), .skip = 6},
     .classes = 9,
     .targets = 24,
     .target_count = {24, 11, 24},
     .padding = 9},
    {"kernel 3",
     {MODEL, PLAIN, .input_kernel = 1, .array = ARRAY(3, 1, 3, 3, 5, GATE), .skip = 4, .head_channels = 7},
     .classes = 6,
     .targets = 17,
     .target_count = {17, 1, 17}},
    {"weights of classes",
     {MODEL, PLAIN, .input_kernel = 2, .array = ARRAY(2, 2, 3, 5, 4, GATE), .skip = 6},
     .classes = 9,
     .targets = 24,
     .target_count = {24, 11, 24},
     .ignore = true,
     .weighted = true},
    {"weights of classes of windows",
     {TREE, .hierarchy.embedding = 4, .hierarchy.fuse = {3, {2, 2, 2}}, .hierarchy.width = {1, {6}},
      .norm = WT_NORM_BATCH, .array = {.activation = WT_ACTIVATION_TANH}},
     .classes = 8,
     .targets = 7,
     .target_count = {7, 7, 2},
     .weighted = true},
    {"one block",
     {MODEL, PLAIN, .input_kernel = 2, .array = ARRAY(2, 1, 1, 3, 3, GATE), .skip = 3},
     .classes = 5,
     .targets = 9,
     .target_count = {9, 9, 9}},
    {"tanh",
     {MODEL, PLAIN, .input_kernel = 2, .array = ARRAY(2, 1, 4, 4, 4, TANH), .skip = 5},
     .classes = 8,
     .targets = 20,
     .target_count = {20, 20, 20},
     .ignore = true},
    {"relu",
     {MODEL, PLAIN, .input_kernel = 2, .array = ARRAY(2, 1, 4, 5, 6, RELU), .skip = 5},
     .classes = 8,
     .targets = 20,
     .target_count = {20, 7, 20}},
    {"real input",
     {MODEL, PLAIN, .input = WT_INPUT_REAL, .input_kernel = 3, .skip = 4,
      .array = ARRAY(2, 1, 4, 5, 3, GATE)},
     .classes = 6,
     .channels = 2,
     .targets = 20,
     .target_count = {20, 20, 5},
     .padding = 7},
    {"scales",
     {MODEL, .skip_scale = 0.6, .residual_scale = 0.8, .input_kernel = 2, .skip = 4,
      .array = ARRAY(2, 2, 3, 4, 3, GATE)},
     .classes = 6,
     .targets = 20,
     .target_count = {20, 20, 20}},
    {"arrays",
     {MODEL, .skip_scale = 0.9, .residual_scale = 0.7, .input_kernel = 2, .skip = 4, .array_count = 3,
      .arrays = {ARRAY(2, 1, 3, 4, 3, GATE), ARRAY(3, 1, 2, 6, 5, TANH), ARRAY(2, 2, 2, 3, 4, RELU)}},
     .classes = 7,
     .targets = 21,
     .target_count = {21, 0, 16},
     .padding = 12,
     .ignore = true},
    {"panels",
     {MODEL, PLAIN, .input_kernel = 2, .array = ARRAY(2, 1, 2, 37, 35, GATE), .skip = 70,
      .head_channels = 33},
     .classes = 40,
     .targets = 20,
     .target_count = {20, 20, 3}},
    {"tiles",
     {MODEL, PLAIN, .input_kernel = 2, .skip = 3,
      .array = {.kernel = 2,
                .stacks = 1,
                .dilations = {3, {290, 1, 600}},
                .residual = 3,
                .gate = 2,
                .activation = WT_ACTIVATION_GATE}},
     .classes = 5,
     .targets = 270,
     .target_count = {270, 1, 129},
     .padding = 700},
    {"values",
     {VALUES, PLAIN, .input_kernel = 2, .array = ARRAY(2, 1, 4, 4, 5, GATE), .skip = 6},
     .classes = 1,
     .channels = 2,
     .targets = 40,
     .target_count = {40, 13, 37},
     .ignore = true},
    {"logistics of codes",
     {.trunk = WT_TRUNK_WAVENET,
      PLAIN,
      .head = WT_HEAD_LOGISTICS,
      .components = 10,
      .mean_unit = 0.25,
      .mean_curve = WT_MEAN_SINH,
      .input_kernel = 2,
      .array = ARRAY(2, 1, 4, 4, 5, GATE),
      .skip = 6},
     .classes = 3,
     .targets = 40,
     .target_count = {40, 13, 37},
     .ignore = true,
     .codes = true},
    {"Gaussians of three channels",
     {.trunk = WT_TRUNK_WAVENET,
      PLAIN,
      .head = WT_HEAD_GAUSSIAN,
      .components = 3,
      .mean_unit = 1,
      .input = WT_INPUT_REAL,
      .input_kernel = 2,
      .array = ARRAY(2, 1, 3, 4, 5, GATE),
      .skip = 6},
     .classes = 1,
     .channels = 3,
     .targets = 40,
     .target_count = {40, 13, 37},
     .values = 3},
    {"squared errors of two channels",
     {VALUES, PLAIN, .input_kernel = 2, .array = ARRAY(2, 1, 3, 4, 5, GATE), .skip = 6},
     .classes = 1,
     .channels = 2,
     .targets = 30,
     .target_count = {30, 30, 7},
     .values = 2},
    {"mean readout",
     {MODEL, PLAIN, .readout = WT_READOUT_MEAN, .input_kernel = 2, .array = ARRAY(2, 1, 3, 4, 3, GATE),
      .skip = 5},
     .classes = 6,
     .targets = 30,
     .target_count = {30, 30, 30},
     .whole = true},
    {"linear readout",
     {MODEL, PLAIN, .readout = WT_READOUT_LINEAR, .input_kernel = 1, .array = ARRAY(3, 1, 2, 4, 3, GATE),
      .skip = 5},
     .classes = 4,
     .targets = 110,
     .target_count = {110, 110, 110},
     .whole = true},
    {"linear readout of values",
     {VALUES, PLAIN, .readout = WT_READOUT_LINEAR, .input_kernel = 1, .array = ARRAY(2, 1, 2, 4, 3, GATE),
      .skip = 5},
     .classes = 1,
     .channels = 1,
     .targets = 25,
     .target_count = {25, 0, 25},
     .whole = true},
    {"layer norm",
     {MODEL, PLAIN, .norm = WT_NORM_LAYER, .input_kernel = 2, .array = ARRAY(2, 2, 3, 5, 4, GATE), .skip = 6},
     .classes = 9,
     .targets = 24,
     .target_count = {24, 11, 0},
     .padding = 9},
    {"layer norm behind biases, rechannels, dropout",
     {MODEL, .skip_scale = 0.9, .residual_scale = 0.7, .norm = WT_NORM_LAYER, .hierarchy.bias = WT_BIAS_TRUE,
      .dropout = 0.3, .input_kernel = 2, .skip = 4, .array_count = 3,
      .arrays = {ARRAY(2, 1, 3, 4, 3, GATE), ARRAY(3, 1, 2, 6, 5, TANH), ARRAY(2, 2, 2, 3, 4, RELU)}},
     .classes = 7,
     .targets = 21,
     .target_count = {21, 0, 16},
     .padding = 12,
     .ignore = true},
    {"batch norm",
     {MODEL, PLAIN, .norm = WT_NORM_BATCH, .input_kernel = 2, .array = ARRAY(2, 2, 3, 5, 4, GATE), .skip = 6},
     .classes = 9,
     .targets = 24,
     .target_count = {24, 11, 0},
     .padding = 9},
    {"batch norm, rechannels, dropout, several segments",
     {MODEL, .skip_scale = 0.9, .residual_scale = 0.7, .norm = WT_NORM_BATCH, .dropout = 0.2,
      .input_kernel = 1, .skip = 4, .array_count = 3,
      .arrays = {ARRAY(2, 1, 2, 4, 3, GATE), ARRAY(3, 1, 1, 6, 5, TANH), ARRAY(2, 1, 2, 3, 4, RELU)}},
     .classes = 7,
     .targets = 130,
     .target_count = {130, 0, 97},
     .padding = 12},
    {"repeated frames",
     {MODEL, PLAIN, .condition.kind = WT_CONDITION_REPEAT, .input_kernel = 2,
      .array = ARRAY(2, 2, 3, 5, 4, GATE), .skip = 6},
     .classes = 9,
     .targets = 24,
     .target_count = {24, 11, 0},
     .features = 3,
     .hop = 5},
    {"frames between which lines are drawn, layer norm, dropout",
     {MODEL, PLAIN, .condition.kind = WT_CONDITION_LINEAR, .norm = WT_NORM_LAYER, .dropout = 0.3,
      .input_kernel = 1, .array = ARRAY(3, 1, 3, 5, 4, TANH), .skip = 6},
     .classes = 9,
     .targets = 33,
     .target_count = {33, 11, 30},
     .features = 4,
     .hop = 4},
    {"stretched frames",
     {MODEL, PLAIN, .condition.kind = WT_CONDITION_STRETCH, .condition.pad = 2,
      .condition.scales = {2, {2, 3}}, .input_kernel = 2, .array = ARRAY(2, 2, 3, 5, 4, GATE), .skip = 6},
     .classes = 9,
     .targets = 40,
     .target_count = {40, 0, 31},
     .features = 3,
     .hop = 6},
    {"stretched frames, four scales, one block",
     {VALUES, PLAIN, .condition.kind = WT_CONDITION_STRETCH, .condition.scales = {4, {2, 1, 3, 2}},
      .input_kernel = 2, .array = ARRAY(2, 1, 1, 5, 19, GATE), .skip = 6},
     .classes = 1,
     .channels = 1,
     .targets = 30,
     .target_count = {30, 30, 29},
     .features = 2,
     .hop = 12},
    {"speakers",
     {MODEL, PLAIN, .condition.speaker = 4, .input_kernel = 2, .array = ARRAY(2, 2, 3, 5, 4, GATE),
      .skip = 6},
     .classes = 9,
     .targets = 24,
     .target_count = {24, 11, 24},
     .speakers = 2},
    {"stretched frames, speakers, arrays, residual scale, several segments",
     {MODEL, .skip_scale = 0.9, .residual_scale = 0.7, .condition.kind = WT_CONDITION_STRETCH,
      .condition.pad = 1, .condition.scales = {2, {4, 2}}, .condition.speaker = 3, .input_kernel = 2,
      .skip = 4, .array_count = 3,
      .arrays = {ARRAY(2, 1, 3, 4, 3, GATE), ARRAY(3, 1, 2, 6, 5, TANH), ARRAY(2, 2, 2, 3, 4, RELU)}},
     .classes = 7,
     .targets = 220,
     .target_count = {220, 0, 197},
     .padding = 12,
     .features = 3,
     .hop = 8,
     .speakers = 3},
    {"dropout alone, values",
     {VALUES, PLAIN, .dropout = 0.4, .input_kernel = 2, .array = ARRAY(2, 1, 3, 4, 5, GATE), .skip = 6},
     .classes = 1,
     .channels = 2,
     .targets = 40,
     .target_count = {40, 13, 37}},
    {"mean readout behind batch norm",
     {MODEL, PLAIN, .norm = WT_NORM_BATCH, .readout = WT_READOUT_MEAN, .input_kernel = 2,
      .array = ARRAY(2, 1, 3, 4, 3, GATE), .skip = 5},
     .classes = 6,
     .targets = 30,
     .target_count = {30, 30, 30},
     .whole = true},
    {"perceptron",
     {TREE, .hierarchy.embedding = 4, .hierarchy.fuse = {1, {6}}, .hierarchy.width = {1, {9}},
      .array = {.activation = WT_ACTIVATION_TANH}},
     .classes = 7,
     .targets = 1,
     .target_count = {1, 1, 1}},
    {"tree",
     {TREE, .hierarchy.embedding = 3, .hierarchy.fuse = {3, {2, 3, 2}}, .hierarchy.width = {3, {5, 7, 4}},
      .array = {.activation = WT_ACTIVATION_RELU}},
     .classes = 6,
     .targets = 5,
     .target_count = {5, 0, 3},
     .padding = 4},
    {"tree with batch norm",
     {TREE, .hierarchy.embedding = 4, .hierarchy.fuse = {3, {2, 2, 2}}, .hierarchy.width = {1, {6}},
      .norm = WT_NORM_BATCH, .array = {.activation = WT_ACTIVATION_TANH}},
     .classes = 8,
     .targets = 7,
     .target_count = {7, 7, 2},
     .ignore = true},
    {"tree with batch norm, real input",
     {TREE, .input = WT_INPUT_REAL, .hierarchy.fuse = {2, {3, 2}}, .hierarchy.width = {2, {5, 6}},
      .norm = WT_NORM_BATCH, .array = {.activation = WT_ACTIVATION_RELU}},
     .classes = 5,
     .channels = 2,
     .targets = 40,
     .target_count = {40, 33, 1}},
    {"tree with layer norm",
     {TREE, .hierarchy.embedding = 3, .hierarchy.fuse = {2, {4, 2}}, .hierarchy.width = {2, {18, 5}},
      .norm = WT_NORM_LAYER, .hierarchy.bias = WT_BIAS_TRUE, .array = {.activation = WT_ACTIVATION_TANH}},
     .classes = 6,
     .targets = 4,
     .target_count = {4, 1, 4}},
    {"tree of values",
     {VALUE_TREE, .hierarchy.fuse = {2, {2, 3}}, .hierarchy.width = {2, {5, 6}}, .norm = WT_NORM_LAYER,
      .array = {.activation = WT_ACTIVATION_TANH}},
     .classes = 1,
     .channels = 2,
     .targets = 20,
     .target_count = {20, 0, 13},
     .ignore = true},
    {"tree with a mean readout",
     {TREE, .hierarchy.embedding = 3, .hierarchy.fuse = {2, {2, 2}}, .hierarchy.width = {1, {7}},
      .norm = WT_NORM_BATCH, .readout = WT_READOUT_MEAN, .array = {.activation = WT_ACTIVATION_TANH}},
     .classes = 5,
     .targets = 12,
     .target_count = {12, 12, 12},
     .whole = true},
    {"tree of values with a linear readout",
     {VALUE_TREE, .hierarchy.fuse = {1, {4}}, .hierarchy.width = {1, {7}}, .readout = WT_READOUT_LINEAR,
      .array = {.activation = WT_ACTIVATION_TANH}},
     .classes = 1,
     .channels = 1,
     .targets = 70,
     .target_count = {70, 0, 70},
     .whole = true},
    {"tree with dropout",
     {TREE, .hierarchy.embedding = 3, .hierarchy.fuse = {2, {2, 2}}, .hierarchy.width = {1, {9}},
      .norm = WT_NORM_BATCH, .dropout = 0.3, .array = {.activation = WT_ACTIVATION_TANH}},
     .classes = 6,
     .targets = 25,
     .target_count = {25, 25, 20}},
};

static double draw_gradient_value(uint64_t array, uint64_t element) {
    return wt_random_uniform(SEED, WT_RANDOM_TEST, array, element);
}

/* --- windows of keyed noise --- */

static void add_case_condition(wt_batch *b, const gradient_case *c, const wt_network *network) {
    const size_t frames = (size_t)wt_network_frames(network, c->targets);
    const size_t count = frames * (size_t)c->features * WINDOWS;
    b->frames = (int)frames;
    b->features = c->features;
    b->condition = take(count, sizeof *b->condition);
    b->phase = take(WINDOWS, sizeof *b->phase);
    b->speaker = take(WINDOWS, sizeof *b->speaker);
    for (size_t i = 0; i < count; i++) b->condition[i] = 2 * draw_gradient_value(5, i) - 1;
    for (int w = 0; w < WINDOWS; w++) {
        b->phase[w] = w == 0 ? c->hop - 1 : (int)(draw_gradient_value(6, (uint64_t)w) * c->hop);
        b->speaker[w] = c->speakers ? w % c->speakers : 0;
    }
}

static wt_batch make_gradient_batch(const gradient_case *c, const wt_network *network) {
    wt_batch b = {.windows = WINDOWS,
                  .targets = c->targets,
                  .context = wt_network_get_traits(network)->receptive_field,
                  .channels = c->channels};
    if (c->features || c->speakers) add_case_condition(&b, c, network);
    size_t rows = (size_t)wt_batch_rows(&b) * WINDOWS, targets = (size_t)c->targets * WINDOWS;
    b.target_count = take(WINDOWS, sizeof *b.target_count);
    memcpy(b.target_count, c->target_count, sizeof c->target_count);
    b.target = take(targets, sizeof *b.target);
    for (size_t i = 0; i < targets; i++)
        b.target[i] = c->ignore && i % 5 == 2 ? -1 : (int32_t)(draw_gradient_value(1, i) * c->classes);
    for (size_t i = 0; c->whole && i < targets; i++) {
        if ((i + 1) % (size_t)c->targets != 0) b.target[i] = -1;
    }
    const size_t values = targets * (size_t)(c->values ? c->values : 1);
    b.value = take(values, sizeof *b.value);
    for (size_t i = 0; i < values; i++) b.value[i] = 2 * draw_gradient_value(4, i) - 1;
    if (c->channels == 0) {
        b.classes = take(rows, sizeof *b.classes);
        for (size_t i = 0; i < rows; i++)
            b.classes[i] = i < (size_t)c->padding ? c->classes / 2
                                                  : (int32_t)(draw_gradient_value(2, i) * c->classes);
    } else {
        size_t channels = (size_t)c->channels;
        b.signal = take(rows * channels, sizeof *b.signal);
        for (size_t i = 0; i < rows * channels; i++)
            b.signal[i] = i < (size_t)c->padding * channels ? 0 : 2 * draw_gradient_value(3, i) - 1;
    }
    return b;
}

static void free_gradient_batch(wt_batch *b) {
    wt_free(b->target_count);
    wt_free(b->target);
    wt_free(b->classes);
    wt_free(b->signal);
    wt_free(b->value);
    wt_free(b->condition);
    wt_free(b->phase);
    wt_free(b->speaker);
}

/* --- the loss as a function of the parameters --- */

typedef struct {
    const wt_kernels *kernels;
    wt_network *network;
    wt_batch batch;
    wt_engine *forward;
    wt_real *parameters, *gradient;
} problem;

static wt_engine *make_gradient_engine(const problem *p, bool backward, bool weighted) {
    wt_engine *pass;
    wt_engine_shape shape = {.windows = WINDOWS, .targets = p->batch.targets, .backward = backward};
    must(wt_engine_create(&pass, wt_network_graph(p->network), p->kernels, &shape));
    if (weighted) wt_engine_set_class_weights(pass, class_weights);
    return pass;
}

static problem make_gradient_problem(const gradient_case *c) {
    problem p = {0};
    must(wt_kernels_select(&p.kernels, WT_BACKEND_REFERENCE, WT_PRECISION_FP32));
    wt_network_shape shape = {.input_classes = c->classes,
                              .channels = c->channels,
                              .classes = c->classes,
                              .values = c->values,
                              .codes = c->codes,
                              .features = c->features,
                              .hop = c->hop,
                              .speakers = c->speakers};
    must(wt_network_create_shaped(&p.network, &c->model, &shape));
    if (c->whole) { /* the same with a window of so many outputs */
        shape.window = c->targets + wt_network_get_traits(p.network)->receptive_field - 1;
        wt_network_destroy(p.network);
        must(wt_network_create_shaped(&p.network, &c->model, &shape));
        assert_int_equal(wt_network_get_traits(p.network)->readout_rows, c->targets);
    }
    p.batch = make_gradient_batch(c, p.network);
    size_t total = wt_network_parameters(p.network)->total;
    p.parameters = take(total, sizeof *p.parameters);
    p.gradient = take(total, sizeof *p.gradient);
    wt_network_initialise(p.network, p.parameters, SEED);
    for (size_t i = 0; i < total; i++) p.parameters[i] *= 2; /* out of the gates' linear part */
    /* in training these are other functions than in evaluation */
    p.forward = make_gradient_engine(&p, c->model.norm == WT_NORM_BATCH || c->model.dropout > 0, c->weighted);
    return p;
}

static void free_gradient_problem(problem *p) {
    wt_engine_destroy(p->forward);
    wt_free(p->gradient);
    wt_free(p->parameters);
    free_gradient_batch(&p->batch);
    wt_network_destroy(p->network);
}

static double find_loss(const problem *p) {
    wt_window_loss losses[WINDOWS];
    double sum = 0;
    wt_engine_pack(p->forward, p->parameters);
    wt_engine_forward(p->forward, &p->batch, 0, WINDOWS, losses);
    for (int w = 0; w < WINDOWS; w++) sum += losses[w].loss;
    return sum;
}

static void fill_analytic_gradient(problem *p, const gradient_case *c) {
    wt_window_loss losses[WINDOWS];
    wt_engine *pass = make_gradient_engine(p, true, c->weighted);
    wt_engine_pack(pass, p->parameters);
    wt_engine_forward(pass, &p->batch, 0, WINDOWS, losses);
    wt_engine_backward(pass, &p->gradient, NULL);
    wt_engine_destroy(pass);
}

/* --- the comparison --- */

static double difference_quotient(problem *p, size_t element, double h) {
    double before = p->parameters[element];
    p->parameters[element] = before + h;
    double above = find_loss(p);
    p->parameters[element] = before - h;
    double below = find_loss(p);
    p->parameters[element] = before;
    return (above - below) / (2 * h);
}

/* The smallest error over the steps; the later ones are for kinks alone. */
static double element_error(problem *p, size_t element, double limit) {
    const double steps[] = {1e-5, 1e-6, 1e-4};
    double best = INFINITY;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && !(best <= limit); i++)
        best = fmin(best, fabs(difference_quotient(p, element, steps[i]) - p->gradient[element]));
    return best;
}

static double largest_gradient(const problem *p, size_t first, size_t count) {
    double largest = 0;
    for (size_t i = first; i < first + count; i++) largest = fmax(largest, fabs(p->gradient[i]));
    return largest;
}

static double check_gradient_tensor(problem *p, const wt_parameter *parameter, int number) {
    double largest = largest_gradient(p, parameter->offset, parameter->count), worst = 0;
    if (!(largest > 0)) fail_msg("%s has no gradient", parameter->name);
    /* batch norm takes away what a bias in front of it adds: its gradient is 0, but for rounding */
    if (wt_engine_microbatch_sums(wt_network_graph(p->network)) > 0)
        largest = fmax(largest, 1e-3 * largest_gradient(p, 0, wt_network_parameters(p->network)->trained));
    bool all = parameter->count <= SAMPLE;
    for (size_t s = 0; s < (all ? parameter->count : SAMPLE); s++) {
        size_t i = all ? s
                       : (size_t)(draw_gradient_value(100 + (uint64_t)number, s) * (double)parameter->count);
        double error = element_error(p, parameter->offset + i, tolerance * largest);
        if (!(error <= tolerance * largest))
            fail_msg("%s, element %zu of %zu in the kernels' order: gradient %.9g is off by %.3g",
                     parameter->name, i, parameter->count, p->gradient[parameter->offset + i], error);
        worst = fmax(worst, error / largest);
    }
    return worst;
}

static void test_case(void **state) {
    const gradient_case *c = *state;
    problem p = make_gradient_problem(c);
    double worst = 0;
    fill_analytic_gradient(&p, c);
    for (int i = 0;
         i < wt_network_parameters(p.network)->count && wt_network_parameters(p.network)->entries[i].trained;
         i++)
        worst = fmax(worst, check_gradient_tensor(&p, &wt_network_parameters(p.network)->entries[i], i));
    print_message("%s: %d tensors, to %.1e\n", c->name, wt_network_parameters(p.network)->count, worst);
    free_gradient_problem(&p);
}

int main(void) {
    enum { COUNT = sizeof cases / sizeof cases[0] };
    struct CMUnitTest tests[COUNT];
    for (int i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){cases[i].name, test_case, NULL, NULL, (void *)&cases[i]};
    int failed = cmocka_run_group_tests_name("gradients", tests, NULL, NULL);
    if (wt_memory_blocks() == 0) return failed;
    fprintf(stderr, "%lld blocks of memory are still held\n", (long long)wt_memory_blocks());
    return 1;
}
