/*
 * Streams with a condition against the training pass: frames that are repeated, joined by lines and
 * stretched, and speakers. Rows side by side, of which one begins anew on its way, give what forward gives
 * for the window that begins at an utterance's start. Threads that share a stream, and rows with conditions
 * of their own, have the bits of a stream alone.
 *   test_stream_condition BACKEND
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

enum {
    SEED = 8,
    CLASSES = 9,
    FEATURES = 3,
    HOP = 6,
    FRAMES = 11,
    SAMPLES = 57,
    CENTRE = 2,
    SPEAKERS = 3,
    ROWS = 2
};

static const double tolerance = 1e-5; /* of the largest logit */

static const wt_kernels *kernels;

#define MODEL                                                                                            \
    .trunk = WT_TRUNK_WAVENET, .head = WT_HEAD_SOFTMAX, .skip_scale = 1, .residual_scale = 1, .skip = 7, \
    .input_kernel = 2,                                                                                   \
    .array = {                                                                                           \
        .kernel = 2, .stacks = 2, .layers = 3, .residual = 6, .gate = 19, .activation = WT_ACTIVATION_GATE}

static const wt_model_config models[] = {
    {MODEL, .condition.kind = WT_CONDITION_REPEAT},
    {MODEL, .condition.kind = WT_CONDITION_LINEAR, .condition.speaker = 2},
    {MODEL, .condition.kind = WT_CONDITION_STRETCH, .condition.pad = 2, .condition.scales = {2, {3, 2}}},
    {MODEL, .condition.kind = WT_CONDITION_STRETCH, .condition.scales = {1, {6}}, .condition.speaker = 4},
    {MODEL, .condition.speaker = 5},
};
enum { MODELS = sizeof models / sizeof *models };

static double draw_condition_value(uint64_t array, uint64_t element) {
    return wt_random_uniform(SEED, WT_RANDOM_TEST, array, element);
}

/* The window from an utterance's start on, as a loader fills it. */
static wt_batch make_batch(const wt_network *network, const wt_real *frames) {
    const wt_network_traits *traits = wt_network_get_traits(network);
    wt_batch b = {.windows = 1, .targets = SAMPLES + 1, .context = traits->receptive_field};
    const int rows = wt_batch_rows(&b);
    b.target_count = take(1, sizeof *b.target_count);
    b.target_count[0] = b.targets;
    b.target = take((size_t)b.targets, sizeof *b.target);
    b.classes = take((size_t)rows, sizeof *b.classes);
    for (int i = 0; i < rows; i++)
        b.classes[i] = i < b.context ? CLASSES / 2
                                     : (int32_t)(draw_condition_value(1, (uint64_t)i) * CLASSES);
    b.speaker = take(1, sizeof *b.speaker);
    b.speaker[0] = 1;
    b.phase = take(1, sizeof *b.phase);
    b.frames = wt_network_frames(network, b.targets);
    b.features = FEATURES;
    b.condition = take((size_t)(b.frames * FEATURES), sizeof *b.condition);
    if (b.frames == 0) return b;
    const int64_t first = wt_batch_frame_of(&traits->framing, 1 - b.context, CENTRE, &b.phase[0]) -
                          traits->framing.back;
    for (int i = 0; i < b.frames; i++)
        memcpy(b.condition + i * FEATURES, frames + wt_batch_frame_inside(first + i, FRAMES) * FEATURES,
               FEATURES * sizeof *frames);
    return b;
}

static void free_batch(wt_batch *b) {
    wt_free(b->target_count);
    wt_free(b->target);
    wt_free(b->classes);
    wt_free(b->speaker);
    wt_free(b->phase);
    wt_free(b->condition);
}

static void assert_condition_row(const wt_real *got, const wt_real *expected, double largest, int model,
                                 int fed) {
    for (int i = 0; i < CLASSES; i++) {
        const double error = fabs((double)got[i] - (double)expected[i]) / largest;
        if (!(error <= tolerance))
            fail_msg("model %d, %d samples fed, class %d: got %.9g, expected %.9g", model, fed, i,
                     (double)got[i], (double)expected[i]);
    }
}

/* The second row begins anew at sample `anew`. */
static void compare_rows(wt_stream *stream, const wt_batch *b, const wt_real *expected, int model) {
    enum { ANEW = 23 };
    double largest = 0;
    for (int i = 0; i < b->targets * CLASSES; i++) largest = fmax(largest, fabs((double)expected[i]));
    for (int fed = 0; fed <= SAMPLES; fed++) {
        const int second = fed < ANEW ? fed : fed - ANEW;
        if (fed == ANEW) wt_stream_restart(stream, 1);
        assert_condition_row(wt_stream_row_outputs(stream, 0), expected + fed * CLASSES, largest, model, fed);
        assert_condition_row(wt_stream_row_outputs(stream, 1), expected + second * CLASSES, largest, model,
                             second);
        if (fed == SAMPLES) break;
        wt_stream_feed_rows(
            stream, (const int32_t[]){b->classes[b->context + fed], b->classes[b->context + second]}, NULL);
    }
    wt_stream_remove(stream, 0); /* the other one goes on */
    wt_stream_feed_rows(stream, &b->classes[b->context + SAMPLES - ANEW], NULL);
    assert_condition_row(wt_stream_row_outputs(stream, 0), expected + (SAMPLES - ANEW + 1) * CLASSES, largest,
                         model, -1);
}

static void test_model(const wt_model_config *model, int number) {
    const wt_network_shape shape = {.input_classes = CLASSES,
                                    .classes = CLASSES,
                                    .features = model->condition.kind ? FEATURES : 0,
                                    .hop = HOP,
                                    .speakers = SPEAKERS};
    wt_network *network;
    wt_engine *pass;
    wt_stream *stream;
    wt_window_loss loss;
    wt_real frames[FRAMES * FEATURES];
    must(wt_network_create_shaped(&network, model, &shape));
    wt_real *parameters = take(wt_network_parameters(network)->total, sizeof *parameters);
    wt_network_initialise(network, parameters, SEED);
    for (size_t i = 0; i < wt_network_parameters(network)->total; i++) parameters[i] *= 2;
    for (int i = 0; i < FRAMES * FEATURES; i++)
        frames[i] = (wt_real)(4 * draw_condition_value(2, (uint64_t)i) - 2);
    wt_batch batch = make_batch(network, frames);
    const wt_engine_shape engine = {.windows = 1, .targets = batch.targets};
    const wt_stream_condition condition = {frames, FRAMES, CENTRE, 1};
    const wt_stream_options options = {.silence_class = CLASSES / 2, .rows = ROWS, .condition = &condition};
    must(wt_engine_create(&pass, wt_network_graph(network), kernels, &engine));
    wt_engine_pack(pass, parameters);
    wt_engine_forward(pass, &batch, 0, 1, &loss);
    must(wt_stream_open(&stream, wt_network_graph(network), kernels, parameters, &options));
    compare_rows(stream, &batch, wt_engine_outputs(pass, 0), number);
    wt_stream_destroy(stream);
    wt_engine_destroy(pass);
    free_batch(&batch);
    wt_free(parameters);
    wt_network_destroy(network);
}

static void test_condition_streams(void **state) {
    (void)state;
    for (int i = 0; i < MODELS; i++) test_model(&models[i], i);
}

/* --- threads, and a condition per row --- */

/* So wide that threads share its products. */
#define WIDE                                                                                              \
    .trunk = WT_TRUNK_WAVENET, .head = WT_HEAD_SOFTMAX, .skip_scale = 1, .residual_scale = 1, .skip = 65, \
    .input_kernel = 2,                                                                                    \
    .array = {                                                                                            \
        .kernel = 2, .stacks = 1, .layers = 3, .residual = 64, .gate = 72, .activation = WT_ACTIVATION_GATE}

static const wt_model_config wide[] = {
    {WIDE, .condition.kind = WT_CONDITION_REPEAT},
    {WIDE, .condition.kind = WT_CONDITION_LINEAR, .condition.speaker = 2},
    {WIDE, .condition.kind = WT_CONDITION_STRETCH, .condition.pad = 1, .condition.scales = {2, {3, 2}}},
    {WIDE, .condition.speaker = 5},
};
enum { WIDES = sizeof wide / sizeof *wide, FED = 40, BEGINS = 13 };

typedef struct {
    wt_network *network;
    wt_real *parameters;
    wt_stream_condition conditions[2];
} wide_case;

static int32_t draw_class(int i) {
    return (int32_t)(draw_condition_value(3, (uint64_t)i) * CLASSES);
}

static void open_wide_case(wide_case *w, const wt_model_config *model, wt_real *frames) {
    const wt_network_shape shape = {.input_classes = CLASSES,
                                    .classes = CLASSES,
                                    .features = model->condition.kind ? FEATURES : 0,
                                    .hop = HOP,
                                    .speakers = SPEAKERS};
    must(wt_network_create_shaped(&w->network, model, &shape));
    w->parameters = take(wt_network_parameters(w->network)->total, sizeof *w->parameters);
    wt_network_initialise(w->network, w->parameters, SEED);
    for (int i = 0; i < 2; i++)
        w->conditions[i] = (wt_stream_condition){frames + i * FEATURES * FRAMES, FRAMES, CENTRE + i, 2 - i};
}

static wt_stream *open_wide(const wide_case *w, int which, int rows, int threads) {
    const wt_stream_options options = {
        .silence_class = CLASSES / 2, .rows = rows, .threads = threads, .condition = &w->conditions[which]};
    wt_stream *stream;
    must(wt_stream_open(&stream, wt_network_graph(w->network), kernels, w->parameters, &options));
    return stream;
}

/* What a stream of one row and one thread says of the first samples, with either condition. */
static void draw_alone(const wide_case *w, int which, wt_real *outputs) {
    wt_stream *stream = open_wide(w, which, 1, 1);
    for (int fed = 0; fed <= FED; fed++, outputs += CLASSES) {
        const int32_t class = draw_class(fed);
        memcpy(outputs, wt_stream_outputs(stream), CLASSES * sizeof *outputs);
        wt_stream_feed_rows(stream, &class, NULL);
    }
    wt_stream_destroy(stream);
}

static void compare_threads(const wide_case *w, int threads, wt_real alone[2][(FED + 1) * CLASSES]) {
    enum { ALL = 3 };
    const size_t bytes = CLASSES * sizeof **alone;
    wt_stream *stream = open_wide(w, 0, ALL, threads);
    for (int round = 0; round < 2; round++) { /* the second one with what the first has left */
        wt_stream_rewind(stream);
        for (int fed = 0; fed < FED; fed++) {
            int32_t classes[ALL];
            if (fed == BEGINS) must(wt_stream_restart_conditioned(stream, 1, &w->conditions[1]));
            if (fed == 2 * BEGINS) wt_stream_remove(stream, 0); /* row 2 takes its place */
            for (int r = 0; r < wt_stream_rows(stream); r++) {
                const bool other = r == 1 && fed >= BEGINS;
                const int own = other ? fed - BEGINS : fed;
                if (memcmp(wt_stream_row_outputs(stream, r), alone[other] + own * CLASSES, bytes) != 0)
                    fail_msg("%d threads, round %d, row %d, %d samples fed: other bits", threads, round, r,
                             own);
                classes[r] = draw_class(own);
            }
            wt_stream_feed_rows(stream, classes, NULL);
        }
    }
    wt_stream_destroy(stream);
}

static void test_threads_and_own_conditions(void **state) {
    static wt_real alone[2][(FED + 1) * CLASSES];
    wt_real frames[2 * FRAMES * FEATURES];
    (void)state;
    for (int i = 0; i < 2 * FRAMES * FEATURES; i++)
        frames[i] = (wt_real)(4 * draw_condition_value(2, (uint64_t)i) - 2);
    for (int i = 0; i < WIDES; i++) {
        wide_case w;
        open_wide_case(&w, &wide[i], frames);
        for (int which = 0; which < 2; which++) draw_alone(&w, which, alone[which]);
        assert_memory_not_equal(alone[0], alone[1], sizeof alone[0]);
        for (int threads = 1; threads <= 3; threads++) compare_threads(&w, threads, alone);
        wt_free(w.parameters);
        wt_network_destroy(w.network);
    }
}

static void test_a_condition_is_missing(void **state) {
    const wt_network_shape shape = {
        .input_classes = CLASSES, .classes = CLASSES, .features = FEATURES, .hop = HOP};
    const wt_stream_options options = {.rows = 1};
    wt_network *network;
    wt_stream *stream;
    (void)state;
    must(wt_network_create_shaped(&network, &models[0], &shape));
    wt_real *parameters = take(wt_network_parameters(network)->total, sizeof *parameters);
    assert_int_equal(wt_stream_open(&stream, wt_network_graph(network), kernels, parameters, &options),
                     WT_USAGE);
    assert_string_equal(wt_error_message(), "the network has a condition, and none is given");
    wt_free(parameters);
    wt_network_destroy(network);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_condition_streams),
        cmocka_unit_test(test_threads_and_own_conditions),
        cmocka_unit_test(test_a_condition_is_missing),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s BACKEND\n", argv[0]);
        return 2;
    }
    const int unfit = test_select_backend(&kernels, argv[1]);
    if (unfit) return unfit;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (wt_memory_blocks() == 0) return failed;
    fprintf(stderr, "%lld blocks of memory are still held\n", (long long)wt_memory_blocks());
    return 1;
}
