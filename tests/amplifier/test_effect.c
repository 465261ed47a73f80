/* Amplifiers through the C API: sound through one, whatever the blocks, each channel by itself; two sizes in
 * a file for players, which is read as the network that was written; what is none is refused. */
#include <math.h>

#include "amplifier/amplifier.h"
#include "base/file.h"
#include "config/sections.h"
#include "data/prepare/sound.h"
#include "h5/h5_folder.h"
#include "support.h"
#include "wavetrain/config.h"

enum { RATE = 48000, FRAMES = 3000 };

/* A file for players with `count` weights that are made up. */
static void write_model(const char *path, const char *preset, size_t count) {
    char text[64], *printed;
    wt_config *config = take(1, sizeof *config);
    float *weights = take(count, sizeof *weights);
    snprintf(text, sizeof text, "model: {preset: %s}\n", preset);
    assert_ok(wt_config_parse(config, "test", text, strlen(text), NULL, 0));
    for (size_t i = 0; i < count; i++) weights[i] = (float)(i * 37 % 101) / 505 - 0.1f;
    const wt_nam_model model = {
        .model = &config->model, .weights = weights, .count = count, .sample_rate = RATE};
    const wt_nam_metadata none = {
        .input_level_dbu = NAN, .output_level_dbu = NAN, .loudness = NAN, .gain = NAN, .validation_esr = NAN};
    assert_ok(wt_nam_print(&printed, &model, 1, &none));
    assert_ok(wt_file_write_atomically(path, printed, strlen(printed), NULL, 0));
    wt_free(printed);
    wt_free(weights);
    wt_free(config);
}

static void write_sound(const char *path, int channels) {
    const wt_sound_format format = {FRAMES, RATE, channels};
    float *samples = take((size_t)(FRAMES * channels), sizeof *samples);
    wt_sound_writer *writer;
    for (int i = 0; i < FRAMES * channels; i++)
        samples[i] = 0.3f * sinf(0.05f * (float)(i / channels) * (float)(1 + i % channels));
    assert_ok(wt_sound_writer_open(&writer, path, &format, WT_SOUND_FLOAT));
    assert_ok(wt_sound_writer_add(writer, samples, FRAMES));
    assert_ok(wt_sound_writer_close(writer, NULL, WT_OK));
    wt_free(samples);
}

static int make_models(void **state) {
    if (make_test_folder(state) != 0) return -1;
    write_model(in_folder("nano.nam"), "a1-nano", 841);
    write_model(in_folder("lite.nam"), "a2-lite", 1870);
    write_model(in_folder("full.nam"), "a2-full", 12145);
    write_sound(in_folder("mono.wav"), 1);
    write_sound(in_folder("stereo.wav"), 2);
    return 0;
}

/* The samples of `out`, [FRAMES, channels]. */
static float *send_through(const char *model, const char *in, const char *out, int block) {
    wt_checkpoint *checkpoint;
    wt_effect *effect;
    wt_effect_run run;
    wt_sound_format format;
    float *samples;
    assert_ok(wt_checkpoint_open(&checkpoint, in_folder(model)));
    assert_ok(wt_effect_open(&effect, checkpoint, false));
    assert_ok(wt_effect_apply(effect, in_folder(in), in_folder(out), block, &run));
    assert_int_equal(run.frames, FRAMES);
    assert_int_equal(run.rate, RATE);
    wt_effect_close(effect);
    wt_checkpoint_close(checkpoint);
    assert_ok(wt_sound_read(&samples, &format, in_folder(out), 0, -1));
    assert_int_equal(format.frames, FRAMES);
    return samples;
}

static void test_blocks_and_channels(void **state) {
    (void)state;
    float *mono = send_through("nano.nam", "mono.wav", "one.wav", 65536);
    float *pieces = send_through("nano.nam", "mono.wav", "two.wav", 77);
    float *stereo = send_through("nano.nam", "stereo.wav", "three.wav", 1000);
    float largest = 0;
    assert_memory_equal(mono, pieces, FRAMES * sizeof *mono);
    for (int i = 0; i < FRAMES; i++) {
        assert_true(mono[i] == stereo[2 * i]); /* the left channel is the mono sound */
        largest = fmaxf(largest, fabsf(mono[i] - stereo[2 * i + 1]));
    }
    assert_true(largest > 0);
    wt_free(mono);
    wt_free(pieces);
    wt_free(stereo);
}

static void test_two_sizes_in_a_file(void **state) {
    (void)state;
    char lite[512], full[512], both[512];
    snprintf(lite, sizeof lite, "%s", in_folder("lite.nam"));
    snprintf(full, sizeof full, "%s", in_folder("full.nam"));
    snprintf(both, sizeof both, "%s", in_folder("both.nam"));
    const char *const sources[] = {full, lite}, *const twice[] = {lite, lite};
    const wt_nam_metadata labels = {.name = "Two",
                                    .input_level_dbu = NAN,
                                    .output_level_dbu = NAN,
                                    .loudness = NAN,
                                    .gain = NAN,
                                    .validation_esr = NAN};
    wt_nam_job job = {.out = both, .labels = &labels, .sources = sources, .count = 2};
    assert_ok(wt_nam_export(&job));
    float *original = send_through("full.nam", "mono.wav", "original.wav", 4096);
    float *copied = send_through("both.nam", "mono.wav", "copied.wav", 4096); /* of a container the largest */
    assert_memory_equal(original, copied, FRAMES * sizeof *original);
    wt_free(original);
    wt_free(copied);
    job.sources = twice;
    assert_error(wt_nam_export(&job), "is as large as");
}

static void test_captures_are_named_and_inspected(void **state) {
    (void)state;
    static wt_capture capture;
    wt_capture_state states[WT_NAM_SIZES];
    capture.preset = "a2";
    assert_true(wt_capture_knows("a2") && wt_capture_knows("a1-nano") && !wt_capture_knows("a3"));
    assert_ok(wt_capture_name(&capture, in_folder("gear.nam")));
    assert_string_equal(capture.work, in_folder("gear.capture"));
    assert_int_equal(wt_capture_inspect(&capture, states), 2);
    assert_string_equal(states[0].size, "a2-full");
    assert_false(states[0].begun || states[1].begun);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_and_channels),
        cmocka_unit_test(test_two_sizes_in_a_file),
        cmocka_unit_test(test_captures_are_named_and_inspected),
    };
    return cmocka_run_group_tests(tests, make_models, remove_test_folder);
}
