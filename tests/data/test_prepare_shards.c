/* From sound files to shards and back through the reader that training uses. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sndfile.h>

#include "data/prepare/prepare.h"
#include "support.h"
#include "wavetrain/data.h"

enum { FILES = 5, FRAMES = 3000 };

static char folder[] = "prepare-shards-XXXXXX";

static void shard_path(char path[WT_PATH_MAX], const char *name) {
    assert_int_equal(wt_path_join(path, folder, name), WT_OK);
}

/* 16-bit values that differ from file to file and reach both ends. */
static short value_of(int file, int n) {
    return (short)((n * 22 + file * 1001) % 65536 - 32768);
}

static void make_files(int channels) {
    char path[WT_PATH_MAX], name[64];
    shard_path(path, "in");
    assert_int_equal(wt_folder_remove(path), WT_OK);
    assert_int_equal(wt_folder_make(path), WT_OK);
    for (int f = 0; f < FILES; f++) {
        snprintf(name, sizeof name, "in/%d.%s", f, f % 2 ? "flac" : "wav");
        shard_path(path, name);
        SF_INFO info = {.samplerate = 8000, .channels = channels};
        info.format = SF_FORMAT_PCM_16 | (f % 2 ? SF_FORMAT_FLAC : SF_FORMAT_WAV);
        SNDFILE *file = sf_open(path, SFM_WRITE, &info);
        assert_non_null(file);
        for (int n = 0; n < FRAMES + f; n++) {
            short frame[2] = {value_of(f, n), (short)(value_of(f, n) / 2)};
            assert_int_equal(sf_writef_short(file, frame, 1), 1);
        }
        sf_close(file);
    }
}

/* Prepares "in" as "out"; everything goes to train. */
static void prepare_set(const wt_audio_options *options, wt_prepare_tally *tally) {
    char in[WT_PATH_MAX], out[WT_PATH_MAX];
    const char *inputs[] = {in};
    shard_path(in, "in");
    shard_path(out, "out");
    assert_int_equal(wt_folder_remove(out), WT_OK);
    assert_int_equal(wt_folder_make(out), WT_OK);
    wt_recordings list;
    wt_prepare_plan plan;
    assert_int_equal(wt_recordings_find(&list, inputs, 1), WT_OK);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(wt_sound_inspect(&list.files[i].format, list.files[i].path), WT_OK);
    assert_int_equal(wt_audio_plan(&plan, &list, options), WT_OK);
    wt_audio_context context = {.recordings = &list, .options = options, .plan = &plan};
    wt_utterance_source source = {.load = wt_audio_load, .context = &context};
    memset(tally, 0, sizeof *tally);
    for (size_t s = plan.shard_count; s-- > 0;) /* the order does not matter */
        assert_int_equal(wt_prepare_shard(&plan, s, out, &source, tally), WT_OK);
    wt_prepare_plan_dispose(&plan);
    wt_recordings_dispose(&list);
}

static wt_dataset *open_made(void) {
    char out[WT_PATH_MAX];
    shard_path(out, "out");
    wt_dataset *dataset;
    assert_int_equal(wt_dataset_open(&dataset, out, "train", 1), WT_OK);
    return dataset;
}

static void test_sixteen_bits_come_back(void **state) {
    (void)state;
    static float samples[FRAMES + FILES];
    wt_prepare_tally tally;
    make_files(1);
    prepare_set(&(wt_audio_options){.shard_bytes = 13000}, &tally); /* two files a shard */
    assert_int_equal(tally.shards[WT_SPLIT_TRAIN], 3);
    assert_int_equal(tally.utterances[WT_SPLIT_TRAIN], FILES);
    assert_int_equal(tally.clipped, 0);
    wt_dataset *dataset = open_made();
    assert_int_equal(wt_dataset_utterances(dataset), FILES);
    assert_int_equal(wt_dataset_sample_rate(dataset), 8000);
    for (int f = 0; f < FILES; f++) {
        char *id, expected[16];
        snprintf(expected, sizeof expected, "%d.%s", f, f % 2 ? "flac" : "wav");
        assert_int_equal(wt_dataset_id(dataset, f, &id), WT_OK);
        assert_string_equal(id, expected);
        wt_free(id);
        assert_int_equal(wt_dataset_length(dataset, f), FRAMES + f);
        assert_int_equal(wt_dataset_read(dataset, f, 0, FRAMES + f, samples), WT_OK);
        for (int n = 0; n < FRAMES + f; n++) {
            short value = value_of(f, n);
            assert_true(samples[n] == (float)value / 32768);
        }
    }
    wt_dataset_close(dataset);
}

static void expect_channels(const wt_audio_options *options, int channels, double first, double second) {
    static float samples[2 * (FRAMES + FILES)];
    wt_prepare_tally tally;
    prepare_set(options, &tally);
    wt_dataset *dataset = open_made();
    assert_int_equal(wt_dataset_channels(dataset), channels);
    assert_int_equal(wt_dataset_read(dataset, 0, 0, FRAMES, samples), WT_OK);
    for (int n = 0; n < FRAMES; n++) {
        double left = value_of(0, n) / 32768.0, right = value_of(0, n) / 2 / 32768.0;
        const double expected = first * left + second * right;
        assert_true(fabs(samples[n * channels] - expected) <
                    1e-9 + (options->store == WT_STORE_INT16 && second == 0.5) * 0.5 / 32768);
        if (channels == 2) assert_true(samples[2 * n + 1] == (float)right);
    }
    wt_dataset_close(dataset);
}

static void test_channels(void **state) {
    (void)state;
    make_files(2);
    wt_audio_options options = {.shard_bytes = 1 << 20, .channels = WT_CHANNELS_KEEP};
    expect_channels(&options, 2, 1, 0);
    options.channels = 1;
    expect_channels(&options, 1, 1, 0);
    options.channels = 2;
    expect_channels(&options, 1, 0, 1);
    options.channels = WT_CHANNELS_MIX;
    expect_channels(&options, 1, 0.5, 0.5);
    options.store = WT_STORE_FLOAT;
    expect_channels(&options, 1, 0.5, 0.5);
}

static void test_resampled_and_trimmed(void **state) {
    (void)state;
    make_files(1);
    wt_prepare_tally tally;
    prepare_set(&(wt_audio_options){.shard_bytes = 1 << 20, .rate = 12000}, &tally);
    int64_t frames = 0;
    wt_dataset *dataset = open_made();
    assert_int_equal(wt_dataset_sample_rate(dataset), 12000);
    for (int f = 0; f < FILES; f++) {
        assert_int_equal(wt_dataset_length(dataset, f), ((FRAMES + f) * 3 + 1) / 2);
        frames += wt_dataset_length(dataset, f);
    }
    wt_dataset_close(dataset);
    assert_int_equal(tally.frames[WT_SPLIT_TRAIN], frames);
    assert_int_equal(tally.removed, 0);
    assert_true(tally.clipped > 0); /* a saw-tooth at full scale overshoots */
    prepare_set(&(wt_audio_options){.shard_bytes = 1 << 20, .rate = 12000, .trim = 1}, &tally);
    assert_int_equal(tally.frames[WT_SPLIT_TRAIN] + tally.removed, frames);
    assert_true(tally.removed > 0);
}

/* A file that turns out to be damaged when it is decoded: no shard stays. */
static void test_failure_removes_the_shard(void **state) {
    (void)state;
    char in[WT_PATH_MAX], out[WT_PATH_MAX], name[WT_PATH_MAX];
    const char *inputs[] = {in};
    make_files(1);
    shard_path(in, "in");
    shard_path(out, "out");
    assert_int_equal(wt_folder_remove(out), WT_OK);
    assert_int_equal(wt_folder_make(out), WT_OK);
    wt_recordings list;
    wt_prepare_plan plan;
    wt_prepare_tally tally = {.removed = 0};
    assert_int_equal(wt_recordings_find(&list, inputs, 1), WT_OK);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(wt_sound_inspect(&list.files[i].format, list.files[i].path), WT_OK);
    wt_audio_options options = {.shard_bytes = 1 << 20};
    assert_int_equal(wt_audio_plan(&plan, &list, &options), WT_OK);
    shard_path(name, "in/3.flac");
    assert_int_equal(truncate(name, 1000), 0);
    wt_audio_context context = {.recordings = &list, .options = &options, .plan = &plan};
    wt_utterance_source source = {.load = wt_audio_load, .context = &context};
    assert_int_equal(wt_prepare_shard(&plan, 0, out, &source, &tally), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "in/3.flac"));
    assert_false(wt_dataset_has_split(out, "train"));
    wt_prepare_plan_dispose(&plan);
    wt_recordings_dispose(&list);
}

static int set_up_shards(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down_shards(void **state) {
    (void)state;
    return test_end_group(wt_folder_remove(folder) == WT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sixteen_bits_come_back),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_resampled_and_trimmed),
        cmocka_unit_test(test_failure_removes_the_shard),
    };
    return cmocka_run_group_tests(tests, set_up_shards, tear_down_shards);
}
