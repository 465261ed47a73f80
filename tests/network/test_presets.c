/* model.preset: the published networks have the published sizes; keys that are given win; what does not fit
 * is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/sections.h"
#include "network/network_model.h"
#include "optim/optim_config.h"
#include "support.h"
#include "wavetrain/config.h"
#include "wavetrain/network.h"

static wt_status parse(wt_config *config, const char *text) {
    return wt_config_parse(config, "test", text, strlen(text), NULL, 0);
}

/* Numbers of Neural Amp Modeler's files, less the head's scale. */
static const struct {
    const char *name;
    int parameters, field;
} published[] = {{"a1-standard", 13801, 4093}, {"a1-lite", 6553, 4093},  {"a1-feather", 3025, 4093},
                 {"a1-nano", 841, 4093},       {"a2-full", 12145, 6347}, {"a2-lite", 1870, 6347}};

static void test_published_sizes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        char text[64];
        wt_config config;
        wt_network *network;
        const wt_network_shape shape = {.channels = 1, .values = 1};
        snprintf(text, sizeof text, "model: {preset: %s}\n", published[i].name);
        must(parse(&config, text));
        must(wt_network_create_shaped(&network, &config.model, &shape));
        assert_int_equal(wt_network_parameters(network)->total, published[i].parameters);
        assert_int_equal(wt_network_get_traits(network)->receptive_field, published[i].field);
        wt_network_destroy(network);
    }
    assert_int_equal(wt_memory_blocks(), 0);
}

/* A resolved configuration names the preset and all keys, and reads back as itself. */
static void test_resolved_text(void **state) {
    (void)state;
    wt_config config, again;
    char *text;
    must(parse(&config, "model: {preset: a2-lite}\n"));
    must(wt_config_text(&text, &config));
    must(parse(&again, text));
    assert_memory_equal(&config, &again, sizeof config);
    wt_free(text);
}

static void test_given_keys_win(void **state) {
    (void)state;
    wt_config config;
    const char *const sets[] = {"model.preset=a1-nano", "optimizer.learning_rate=0.5"};
    const char *text = "schedule: {decay: 0.25}\n";
    must(wt_config_parse(&config, "test", text, strlen(text), sets, 2));
    assert_true(config.optimizer.learning_rate == 0.5);
    assert_true(config.schedule.decay == 0.25);
    assert_int_equal(config.schedule.kind, WT_SCHEDULE_EXPONENTIAL);
    assert_int_equal(config.schedule.decay_steps, 62);
    assert_int_equal(config.model.arrays[1].head_bias, 1);
}

static void test_preset_refusals(void **state) {
    (void)state;
    const char *const texts[] = {"model: {preset: a1-giant}",
                                 "model: {preset: a1-nano, input: class}",
                                 "model: {preset: a1-nano, head: softmax}",
                                 "model: {preset: a1-nano, norm: layer}",
                                 "model: {preset: a1-nano, dropout: 0.5}",
                                 "model: {preset: a1-nano, input_kernel: 2}",
                                 "model: {preset: a1-nano, layers: 3}",
                                 "model: {layers: 3, kernels: [2, 2]}",
                                 "model: {head_kernel: 2}",
                                 "model: {head_bias: true}",
                                 "model: {spectral_weight: 0.1}",
                                 "model: {spectral_weight: 0.1, head: mse}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        wt_config config;
        if (parse(&config, texts[i]) == WT_OK) fail_msg("%s is not refused", texts[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_sizes), cmocka_unit_test(test_resolved_text),
        cmocka_unit_test(test_given_keys_win), cmocka_unit_test(test_preset_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
