/*
 * Sequences that a stream writes: the same classes as drawing by hand, an end at the class that ends them and
 * at the greatest length, prompts that count.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "network/network_model.h"
#include "support.h"
#include "wavetrain/generate.h"
#include "wavetrain/network.h"

enum { CLASSES = 6, MOST = 50, SEED = 9 };

static const wt_model_config model = {
    .input_kernel = 2,
    .array = {.kernel = 2, .stacks = 1, .layers = 3, .residual = 5, .gate = 4},
    .skip = 6,
    .skip_scale = 1,
    .residual_scale = 1};

static const wt_kernels *kernels;
static wt_network *network;
static wt_real *parameters, weights[CLASSES];

static int make_sequence_network(void **state) {
    (void)state;
    must(wt_kernels_select(&kernels, WT_BACKEND_REFERENCE, WT_PRECISION_FP32));
    must(wt_network_create(&network, &model, CLASSES, 0));
    must(wt_alloc(&parameters, wt_network_parameters(network)->total, sizeof *parameters, "a test"));
    wt_network_initialise(network, parameters, SEED);
    for (size_t i = 0; i < wt_network_parameters(network)->total; i++)
        parameters[i] *= 3; /* so that the past matters */
    return 0;
}

static int free_network(void **state) {
    (void)state;
    wt_free(parameters);
    wt_network_destroy(network);
    return test_end_group(true);
}

static wt_stream *make_stream(void) {
    wt_stream *stream = NULL;
    must(wt_stream_create(&stream, wt_network_graph(network), kernels, parameters, 0));
    return stream;
}

typedef struct {
    int32_t classes[MOST];
    int64_t count;
    bool stopped;
} drawn_text;

static drawn_text draw_sequence(const wt_sequence *sequence, const wt_choice *choice) {
    drawn_text text = {.count = -1};
    wt_stream *stream = make_stream();
    must(wt_sequence_draw(stream, sequence, choice, CLASSES, text.classes, &text.count, &text.stopped));
    wt_stream_destroy(stream);
    return text;
}

/* By hand: logits, choice, feed, and so on. */
static drawn_text draw_by_hand(const wt_sequence *sequence, const wt_choice *choice) {
    drawn_text text = {.count = 0};
    wt_stream *stream = make_stream();
    for (int64_t i = 0; i < sequence->prompt_count; i++) wt_stream_feed(stream, sequence->prompt[i], NULL);
    for (int64_t i = 0; i < sequence->most && !text.stopped; i++) {
        int32_t class;
        must(wt_choose(choice, wt_stream_outputs(stream), CLASSES, i, &class));
        text.stopped = class == sequence->stop;
        if (text.stopped) break;
        text.classes[text.count++] = class;
        wt_stream_feed(stream, class, NULL);
    }
    wt_stream_destroy(stream);
    return text;
}

static void test_as_by_hand(void **state) {
    (void)state;
    const int32_t prompt[] = {3, 1, 4, 1, 5};
    int stopped = 0, cut = 0;
    for (uint64_t n = 0; n < 60; n++) {
        const wt_choice choice = {.temperature = 1,
                                  .top_k = n % 3 ? 0 : 2,
                                  .seed = 7,
                                  .stream = n,
                                  .kernels = kernels,
                                  .weights = weights};
        const wt_sequence sequence = {prompt, (int64_t)(n % 6), n % 2 ? 0 : -1, n % 5 ? MOST : 3};
        drawn_text text = draw_sequence(&sequence, &choice), expected = draw_by_hand(&sequence, &choice);
        assert_int_equal(text.count, expected.count);
        assert_int_equal(text.stopped, expected.stopped);
        assert_memory_equal(text.classes, expected.classes, (size_t)text.count * sizeof *text.classes);
        for (int64_t i = 0; i < text.count; i++) assert_int_not_equal(text.classes[i], sequence.stop);
        assert_true(text.stopped || text.count == sequence.most);
        stopped += text.stopped;
        cut += !text.stopped;
    }
    assert_true(stopped > 5 && cut > 5); /* both were seen */
}

/* Where the end is certain, nothing is written; where it can't come, as much as may be. */
static void test_ends(void **state) {
    (void)state;
    const wt_choice choice = {.temperature = 1, .seed = 7, .kernels = kernels, .weights = weights};
    const wt_sequence sequence = {NULL, 0, 0, MOST}, none = {NULL, 0, 0, 0};
    wt_real *bias = parameters;
    for (int p = 0; p < wt_network_parameters(network)->count; p++) {
        const wt_parameter *entry = &wt_network_parameters(network)->entries[p];
        if (strcmp(entry->name, "head.1.bias") == 0) bias = parameters + entry->offset;
    }
    const wt_real kept = bias[0];
    bias[0] = 1000;
    drawn_text text = draw_sequence(&sequence, &choice);
    assert_int_equal(text.count, 0);
    assert_true(text.stopped);
    bias[0] = -1000;
    text = draw_sequence(&sequence, &choice);
    assert_int_equal(text.count, MOST);
    assert_false(text.stopped);
    text = draw_sequence(&none, &choice);
    assert_int_equal(text.count, 0);
    assert_false(text.stopped);
    bias[0] = (wt_real)NAN;
    wt_stream *stream = make_stream();
    assert_int_equal(
        wt_sequence_draw(stream, &sequence, &choice, CLASSES, text.classes, &text.count, &text.stopped),
        WT_FAILED);
    wt_stream_destroy(stream);
    bias[0] = kept;
}

static void test_prompts_count(void **state) {
    (void)state;
    const int32_t one[] = {1, 2}, other[] = {5, 5};
    int differ = 0;
    for (uint64_t n = 0; n < 20; n++) {
        const wt_choice choice = {
            .temperature = 1, .seed = 7, .stream = n, .kernels = kernels, .weights = weights};
        drawn_text a = draw_sequence(&(wt_sequence){one, 2, -1, 20}, &choice),
                   b = draw_sequence(&(wt_sequence){other, 2, -1, 20}, &choice);
        differ += memcmp(a.classes, b.classes, 20 * sizeof *a.classes) != 0;
    }
    assert_true(differ > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_by_hand),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_prompts_count),
    };
    return cmocka_run_group_tests(tests, make_sequence_network, free_network);
}
