/* .nam files in memory: what is printed reads back, in the layout of its generation; what an amplifier has
 * not is refused by name, and so is what is no such file. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "export/nam.h"
#include "support.h"

static const wt_nam_metadata no_metadata = {
    .input_level_dbu = NAN, .output_level_dbu = NAN, .loudness = NAN, .gain = NAN, .validation_esr = NAN};

/* --- round trips --- */

enum { WEIGHTS = 20000 };

static float weights[WEIGHTS];

static void fill_weights(void) {
    for (int i = 0; i < WEIGHTS; i++) weights[i] = sinf((float)i) / 3.0f;
}

static wt_config config_of(const char *text) {
    wt_config config;
    must(wt_config_parse(&config, "test", text, strlen(text), NULL, 0));
    return config;
}

static void assert_same_model(const wt_model_config *a, const wt_model_config *b) {
    assert_int_equal(a->array_count, b->array_count);
    assert_true(a->head_scale == b->head_scale);
    assert_true(a->slope == b->slope);
    for (int i = 0; i < a->array_count; i++) {
        const wt_array_config *x = &a->arrays[i], *y = &b->arrays[i];
        assert_int_equal(wt_array_layers(x), wt_array_layers(y));
        for (int l = 0; l < wt_array_layers(x); l++) {
            assert_int_equal(wt_array_dilation(x, l), wt_array_dilation(y, l));
            assert_int_equal(wt_array_kernel(x, l), wt_array_kernel(y, l));
        }
        assert_int_equal(x->residual, y->residual);
        assert_int_equal(x->gate, y->gate);
        assert_int_equal(x->activation, y->activation);
        assert_int_equal(x->head_kernel, y->head_kernel);
        assert_int_equal(x->head_bias, y->head_bias);
    }
}

static void check_round_trip(const char *text, size_t count, const char *version) {
    const wt_config config = config_of(text);
    const wt_nam_model model = {&config.model, weights, count, 44100};
    wt_nam_file file;
    char *printed;
    must(wt_nam_print(&printed, &model, 1, &no_metadata));
    assert_non_null(strstr(printed, version));
    must(wt_nam_parse(&file, "test.nam", printed, strlen(printed)));
    assert_same_model(&config.model, &file.config.model);
    assert_int_equal(file.sample_rate, 44100);
    assert_int_equal(file.count, count);
    assert_memory_equal(file.weights, weights, count * sizeof *weights);
    wt_nam_dispose(&file);
    wt_free(printed);
}

#define OWN "trunk: amplifier, input: real, input_kernel: 1, head: mse"
#define LABEL "data: {target: label}\n"

static void test_round_trips(void **state) {
    (void)state;
    check_round_trip("model: {preset: a1-standard}", 13801, "\"0.5.4\"");
    check_round_trip("model: {preset: a1-nano}", 841, "\"0.5.4\"");
    check_round_trip("model: {preset: a2-full}", 12145, "\"0.7.0\"");
    check_round_trip("model: {preset: a2-lite, slope: 0.25}", 1870, "\"0.7.0\"");
    check_round_trip(LABEL "model: {" OWN
                           ", head_scale: -0.3, arrays: [{dilations: [1, 2], activation: gate, "
                           "residual: 3, gate: 3, kernel: 3, head_bias: true}, "
                           "{dilations: [4], activation: tanh, residual: 2, gate: 2, kernel: 2}]}",
                     99, "\"0.5.4\"");
    check_round_trip(LABEL "model: {" OWN
                           ", arrays: [{dilations: [1, 2], activation: silu, residual: 3, gate: 5, "
                           "kernels: [3, 2], head_kernel: 4}]}",
                     99, "\"0.7.0\"");
}

/* A player takes the smaller model below one half; what reads it here takes the largest. */
static void test_container(void **state) {
    (void)state;
    const wt_config lite = config_of("model: {preset: a2-lite}"),
                    full = config_of("model: {preset: a2-full}");
    const wt_nam_model models[] = {{&lite.model, weights, 1870, 48000},
                                   {&full.model, weights + 100, 12145, 48000}};
    wt_nam_metadata metadata = no_metadata;
    wt_nam_file file;
    char *printed;
    metadata.name = "Verstärker";
    metadata.input_level_dbu = 12.5;
    must(wt_nam_print(&printed, models, 2, &metadata));
    assert_non_null(strstr(printed, "\"SlimmableContainer\""));
    assert_non_null(strstr(printed, "\"max_value\":0.5"));
    assert_non_null(strstr(printed, "\"name\":\"Verstärker\""));
    assert_non_null(strstr(printed, "\"input_level_dbu\":12.5"));
    assert_null(strstr(printed, "output_level_dbu"));
    must(wt_nam_parse(&file, "test.nam", printed, strlen(printed)));
    assert_int_equal(file.count, 12145);
    assert_memory_equal(file.weights, weights + 100, 12145 * sizeof *weights);
    wt_nam_dispose(&file);
    wt_free(printed);
}

static void test_no_amplifier(void **state) {
    (void)state;
    const wt_config config = config_of("model: {trunk: wavenet}");
    const wt_nam_model model = {&config.model, weights, 10, 48000};
    char *printed;
    assert_int_equal(wt_nam_print(&printed, &model, 1, &no_metadata), WT_USAGE);
    assert_null(printed);
}

/* --- refusals --- */

#define ARRAY "\"input_size\":1,\"condition_size\":1,\"channels\":2,\"dilations\":[1,2]"
#define KERNEL ",\"kernel_size\":3"
#define TANH ",\"activation\":\"Tanh\""
#define HEAD ",\"head_size\":1,\"head_bias\":true"
#define FILE_OF(array)                                                                    \
    "{\"version\":\"0.7.0\",\"architecture\":\"WaveNet\",\"config\":{\"layers\":[{" array \
    "}],\"head\":null,\"head_scale\":0.5},\"weights\":[1,2,0.5]}"

static const struct {
    const char *text, *words;
} refused[] = {
    {"{\"version\":", "is not a .nam file"},
    {"{\"version\":\"0.5.0\",\"version\":\"0.5.0\"}", "duplicate"},
    {"{\"architecture\":\"WaveNet\"}", "has no version"},
    {"{\"version\":\"0.8.0\",\"architecture\":\"WaveNet\"}", "version 0.8.0"},
    {"{\"version\":\"0.5.0\"}", "has no architecture"},
    {"{\"version\":\"0.5.0\",\"architecture\":\"LSTM\"}", "architecture LSTM"},
    {"{\"version\":\"0.5.0\",\"architecture\":\"WaveNet\",\"config\":{}}", "has no weights"},
    {"{\"version\":\"0.5.0\",\"architecture\":\"WaveNet\",\"config\":{},\"weights\":[1,null]}", "weights[1]"},
    {"{\"version\":\"0.5.0\",\"architecture\":\"WaveNet\",\"config\":{},\"weights\":[1]}", "has no layers"},
    {"{\"version\":\"0.5.0\",\"architecture\":\"WaveNet\",\"sample_rate\":1,\"weights\":[1]}", "sample_rate"},
    {"{\"version\":\"0.5.0\",\"architecture\":\"WaveNet\",\"config\":{\"condition_dsp\":{}},\"weights\":[1]}",
     "condition_dsp"},
    {FILE_OF(ARRAY KERNEL TANH), "has no head_size"},
    {FILE_OF(ARRAY TANH HEAD), "has no kernel_size"},
    {FILE_OF(ARRAY KERNEL HEAD), "activation nothing"},
    {FILE_OF(ARRAY KERNEL ",\"activation\":\"PReLU\"" HEAD), "activation PReLU"},
    {FILE_OF(ARRAY KERNEL ",\"activation\":[\"Tanh\",\"ReLU\"]" HEAD), "differ in activation"},
    {FILE_OF(ARRAY KERNEL ",\"activation\":[\"Tanh\"]" HEAD), "does not fit dilations"},
    {FILE_OF(ARRAY KERNEL TANH ",\"gating_mode\":\"blended\"" HEAD), "gating mode blended"},
    {FILE_OF(ARRAY KERNEL ",\"activation\":\"ReLU\",\"gated\":true" HEAD), "a gate of ReLU"},
    {FILE_OF(ARRAY KERNEL TANH HEAD ",\"conv_pre_film\":{\"active\":true}"), "FiLM (conv_pre_film)"},
    {FILE_OF(ARRAY KERNEL TANH HEAD ",\"head1x1\":{\"active\":true}"), "head1x1"},
    {FILE_OF(ARRAY KERNEL TANH HEAD ",\"layer1x1\":{\"active\":false}"), "without layer1x1"},
    {FILE_OF(ARRAY KERNEL TANH HEAD ",\"slimmable\":{}"), "slimmable"},
    {FILE_OF(ARRAY KERNEL TANH HEAD ",\"groups_input\":2"), "groups_input"},
    {FILE_OF(ARRAY ",\"kernel_sizes\":[3]" TANH HEAD), "kernel_sizes does not fit"},
    {FILE_OF(ARRAY ",\"kernel_size\":3.5" TANH HEAD), "kernel_size is not"},
    {FILE_OF(ARRAY ",\"kernel_size\":3000" TANH HEAD), "out of range"},
    {FILE_OF("\"input_size\":2,\"channels\":2,\"dilations\":[1]" KERNEL TANH HEAD), "input_size"},
    {FILE_OF(ARRAY KERNEL TANH ",\"head_size\":3"), "the last head has 3"},
};

static void test_nam_refusals(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        wt_nam_file file;
        const wt_status status = wt_nam_parse(&file, "test.nam", refused[i].text, strlen(refused[i].text));
        assert_null(file.weights);
        if (status == WT_OK) fail_msg("not refused: %s", refused[i].text);
        if (!strstr(wt_error_message(), refused[i].words) || strncmp(wt_error_message(), "test.nam:", 9) != 0)
            fail_msg("got: %s, expected a line of test.nam with: %s", wt_error_message(), refused[i].words);
    }
}

/* Cut short anywhere, a file is refused, and leaves nothing behind. */
static void test_nam_cut_short(void **state) {
    (void)state;
    const char *text = FILE_OF(ARRAY KERNEL TANH HEAD);
    wt_nam_file file;
    must(wt_nam_parse(&file, "test.nam", text, strlen(text)));
    wt_nam_dispose(&file);
    for (size_t bytes = 0; bytes < strlen(text); bytes++)
        assert_int_not_equal(wt_nam_parse(&file, "test.nam", text, bytes), WT_OK);
    assert_int_equal(wt_memory_blocks(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trips), cmocka_unit_test(test_container),
                                       cmocka_unit_test(test_no_amplifier),
                                       cmocka_unit_test(test_nam_refusals),
                                       cmocka_unit_test(test_nam_cut_short)};
    fill_weights();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
