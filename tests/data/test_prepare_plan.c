/* The plan of shards, the list of recordings, the simulated tone and the folder while it is
 * written. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "data/prepare/prepare.h"
#include "support.h"

static char folder[] = "prepare-plan-XXXXXX";

static void plan_path(char path[WT_PATH_MAX], const char *name) {
    assert_int_equal(wt_path_join(path, folder, name), WT_OK);
}

static void touch(const char *name) {
    char path[WT_PATH_MAX];
    plan_path(path, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(wt_folder_make(path), WT_OK);
    *slash = '/';
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static void test_plan(void **state) {
    (void)state;
    const wt_split splits[] = {0, 1, 0, 0, 2, 0, 1};
    const int64_t bytes[] = {40, 10, 50, 20, 500, 90, 10};
    wt_prepare_plan plan;
    assert_int_equal(wt_prepare_plan_init(&plan, splits, bytes, 7, 100), WT_OK);
    const size_t order[] = {0, 2, 3, 5, 1, 6, 4};
    assert_memory_equal(plan.order, order, sizeof order);
    const wt_planned_shard expected[] = {
        {.split = 0, .number = 0, .of = 3, .first = 0, .count = 2}, /* 40 + 50 */
        {.split = 0, .number = 1, .of = 3, .first = 2, .count = 1}, /* 20 */
        {.split = 0, .number = 2, .of = 3, .first = 3, .count = 1}, /* 90 */
        {.split = 1, .number = 0, .of = 1, .first = 4, .count = 2},
        {.split = 2, .number = 0, .of = 1, .first = 6, .count = 1}, /* larger than a shard */
    };
    assert_int_equal(plan.shard_count, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(plan.shards[i].split, expected[i].split);
        assert_int_equal(plan.shards[i].number, expected[i].number);
        assert_int_equal(plan.shards[i].of, expected[i].of);
        assert_int_equal(plan.shards[i].first, expected[i].first);
        assert_int_equal(plan.shards[i].count, expected[i].count);
    }
    assert_int_equal(plan.utterances[WT_SPLIT_TRAIN], 4);
    wt_prepare_plan_dispose(&plan);
}

static void expect_ids(const wt_recordings *list, const char *const *ids, size_t count) {
    assert_int_equal(list->count, count);
    for (size_t i = 0; i < count; i++) assert_string_equal(list->files[i].id, ids[i]);
}

static void make_tree(void) {
    touch("a/two.wav");
    touch("a/One.FLAC");
    touch("a/deep/er/three.ogg");
    touch("a/deep/notes.txt");
    touch("a/.hidden.wav");
    touch("a/.git/four.wav");
    touch("b/two.wav");
    touch("empty/readme");
}

static void test_recordings(void **state) {
    (void)state;
    make_tree();
    char a[WT_PATH_MAX], b[WT_PATH_MAX], file[WT_PATH_MAX];
    plan_path(a, "a///");
    plan_path(b, "b");
    plan_path(file, "a/deep/notes.txt");
    wt_recordings list, copy;
    const char *one[] = {a}, *two[] = {b, a, file};
    assert_int_equal(wt_recordings_find(&list, one, 1), WT_OK);
    expect_ids(&list, (const char *[]){"One.FLAC", "deep/er/three.ogg", "two.wav"}, 3);
    assert_int_equal(list.skipped, 1);
    wt_recordings_dispose(&list);
    assert_int_equal(wt_recordings_find(&list, two, 3), WT_OK);
    expect_ids(&list,
               (const char *[]){"a/One.FLAC", "a/deep/er/three.ogg", "a/two.wav", "b/two.wav", "notes.txt"},
               5);
    char *bytes;
    size_t size;
    assert_int_equal(wt_recordings_pack(&bytes, &size, &list), WT_OK);
    assert_int_equal(wt_recordings_unpack(&copy, bytes, size), WT_OK);
    expect_ids(&copy,
               (const char *[]){"a/One.FLAC", "a/deep/er/three.ogg", "a/two.wav", "b/two.wav", "notes.txt"},
               5);
    for (size_t i = 0; i < 5; i++) assert_string_equal(copy.files[i].path, list.files[i].path);
    assert_int_equal(copy.skipped, 1);
    wt_free(bytes);
    wt_recordings_dispose(&copy);
    wt_recordings_dispose(&list);
}

/* One recording, or two, in parts with something left out between them. */
static void test_cut(void **state) {
    (void)state;
    const wt_split_rule rule = wt_split_shares(0.1, 0.2, 0);
    for (size_t count = 1; count <= 3; count++) {
        wt_recordings list;
        memset(&list, 0, sizeof list);
        assert_int_equal(wt_alloc(&list.files, count, sizeof *list.files, "recordings"), WT_OK);
        for (size_t i = 0; i < count; i++) {
            list.files[i].format = (wt_sound_format){.frames = 100000, .rate = 1000, .channels = 1};
            assert_int_equal(wt_memory_copy_string(&list.files[i].path, "p/rec.wav"), WT_OK);
            assert_int_equal(wt_memory_copy_string(&list.files[i].id, i ? "rec2.wav" : "rec.wav"), WT_OK);
        }
        list.count = count;
        assert_int_equal(wt_recordings_cut(&list, &rule), WT_OK);
        assert_int_equal(list.count, count < 3 ? 3 * count : 3);
        assert_int_equal(list.files[0].cut, count < 3);
        if (count < 3) {
            const int64_t first[] = {0, 71000, 81000}, frames[] = {70000, 9000, 19000};
            for (int split = 0; split < WT_SPLITS; split++) {
                assert_int_equal(list.files[split].split, split);
                assert_true(llabs(list.files[split].first - first[split]) <= 1);
                assert_true(llabs(list.files[split].format.frames - frames[split]) <= 1);
            }
            assert_string_equal(list.files[1].id, "rec.wav#validation");
        }
        wt_recordings_dispose(&list);
    }
}

static void expect_plan_refused(const char *const *inputs, size_t count, const char *words) {
    wt_recordings list;
    assert_int_equal(wt_recordings_find(&list, inputs, count), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), words));
    assert_int_equal(list.count, 0);
}

static void test_bad_inputs(void **state) {
    (void)state;
    make_tree();
    char a[WT_PATH_MAX], b[WT_PATH_MAX], empty[WT_PATH_MAX], missing[WT_PATH_MAX], file[WT_PATH_MAX],
        loop[WT_PATH_MAX];
    plan_path(a, "a");
    plan_path(b, "b/two.wav");
    plan_path(empty, "empty");
    plan_path(missing, "nowhere");
    plan_path(file, "a/two.wav");
    plan_path(loop, "b/loop");
    expect_plan_refused((const char *[]){missing}, 1, "no such file or folder");
    expect_plan_refused((const char *[]){empty}, 1, "holds no recordings");
    expect_plan_refused((const char *[]){file, b}, 2, "same name in the data set");
    expect_plan_refused((const char *[]){a, file}, 2, "same name in the data set");
    expect_plan_refused((const char *[]){a, a}, 2, "same name in the data set");
    assert_int_equal(symlink(".", loop), 0);
    plan_path(b, "b");
    expect_plan_refused((const char *[]){b}, 1, "contains itself");
    assert_int_equal(unlink(loop), 0);
}

static wt_recording recording(char *path, int rate, int channels) {
    return (wt_recording){
        .path = path, .id = path, .format = {.frames = 100, .rate = rate, .channels = channels}};
}

static void test_audio_plan(void **state) {
    (void)state;
    char one[] = "one.wav", two[] = "two.wav";
    wt_recording files[] = {recording(one, 16000, 2), recording(two, 16000, 2)};
    wt_recordings list = {.count = 2, .files = files};
    wt_audio_options options = {.shard_bytes = 1000};
    wt_prepare_plan plan;
    assert_int_equal(wt_audio_plan(&plan, &list, &options), WT_OK);
    assert_int_equal(plan.sample_rate, 16000);
    assert_int_equal(plan.channels, 1);
    wt_prepare_plan_dispose(&plan);
    options.channels = WT_CHANNELS_KEEP;
    assert_int_equal(wt_audio_plan(&plan, &list, &options), WT_OK);
    assert_int_equal(plan.channels, 2);
    wt_prepare_plan_dispose(&plan);
    files[1].format.channels = 1;
    assert_int_equal(wt_audio_plan(&plan, &list, &options), WT_USAGE);
    assert_string_equal(wt_error_message(),
                        "two.wav: has another number of channels than one.wav (got 1, expected 2; "
                        "--channels mix makes one of all)");
    options.channels = 2;
    assert_int_equal(wt_audio_plan(&plan, &list, &options), WT_USAGE);
    assert_string_equal(wt_error_message(), "two.wav: has no channel 2 (got 1 channels)");
    options.channels = WT_CHANNELS_MIX;
    files[1].format.rate = 8000;
    assert_int_equal(wt_audio_plan(&plan, &list, &options), WT_USAGE);
    assert_string_equal(wt_error_message(),
                        "two.wav: has another sample rate than one.wav (got 8000 Hz, expected "
                        "16000; --rate resamples all to one)");
    options.rate = 8000;
    assert_int_equal(wt_audio_plan(&plan, &list, &options), WT_OK);
    assert_int_equal(plan.sample_rate, 8000);
    wt_prepare_plan_dispose(&plan);
}

static void test_sine(void **state) {
    (void)state;
    wt_sine sine = {
        .frequency = 500, .amplitude = 0.5, .rate = 8000, .frames = 8000, .utterances = 20, .seed = 1};
    wt_prepare_plan plan;
    assert_int_equal(wt_sine_plan(&plan, &sine, 1 << 20), WT_OK);
    assert_int_equal(plan.utterances[WT_SPLIT_TRAIN], 16);
    assert_int_equal(plan.utterances[WT_SPLIT_VALIDATION], 2);
    assert_int_equal(plan.utterances[WT_SPLIT_TEST], 2);
    wt_prepare_plan_dispose(&plan);
    double starts[2];
    for (int u = 0; u < 2; u++) {
        wt_utterance utterance = {.samples = NULL};
        assert_int_equal(wt_sine_load(&sine, (size_t)u, &utterance), WT_OK);
        assert_int_equal(utterance.count, 8000);
        double power = 0;
        for (int n = 0; n < 8000; n++) power += utterance.samples[n] * utterance.samples[n];
        assert_true(fabs(sqrt(power / 8000) - 0.5 / sqrt(2)) < 1e-4);
        for (int n = 0; n + 16 < 8000; n++)
            assert_true(fabsf(utterance.samples[n] - utterance.samples[n + 16]) < 1e-5);
        assert_true(fabsf(utterance.samples[0] + utterance.samples[8]) < 1e-5); /* half a period */
        starts[u] = utterance.samples[0];
        wt_free(utterance.samples);
    }
    assert_true(starts[0] != starts[1]);
    sine.frequency = 4000;
    assert_int_equal(wt_sine_plan(&plan, &sine, 1 << 20), WT_USAGE);
    sine.frequency = NAN;
    assert_int_equal(wt_sine_plan(&plan, &sine, 1 << 20), WT_USAGE);
}

static void test_partial_folder(void **state) {
    (void)state;
    char dataset[WT_PATH_MAX], parent[WT_PATH_MAX], inner[WT_PATH_MAX];
    wt_partial_folder first, second;
    plan_path(dataset, "new/parents/set/");
    plan_path(parent, "new");
    assert_int_equal(wt_partial_create(&first, dataset), WT_OK);
    assert_true(wt_path_is_folder(first.path));
    assert_false(wt_path_exists(first.final));
    wt_error(WT_USAGE, "kept");
    wt_partial_remove(&first);
    assert_string_equal(wt_error_message(), "kept");
    assert_false(wt_path_exists(parent)); /* nothing is left, parents included */
    assert_int_equal(wt_partial_create(&first, dataset), WT_OK);
    assert_int_equal(wt_partial_create(&second, dataset),
                     WT_OK); /* a folder left behind is in nobody's way */
    assert_string_not_equal(first.path, second.path);
    assert_int_equal(wt_partial_commit(&first), WT_OK);
    assert_true(wt_path_is_folder(dataset));
    assert_int_equal(wt_partial_commit(&second), WT_USAGE); /* the name is taken by now */
    wt_partial_remove(&second);
    assert_false(wt_path_exists(second.path));
    assert_true(wt_path_is_folder(dataset));
    assert_int_equal(wt_partial_check(dataset, NULL, 0), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "empty folder"));
    touch("new/parents/set/train-00000.h5");
    plan_path(inner, "new/parents/set/train-00000.h5");
    assert_int_equal(wt_partial_check(dataset, NULL, 0), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "exists already"));
    assert_int_equal(wt_partial_check(dataset, (const char *[]){inner}, 1), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "lies in the data set"));
}

static int set_up_plan(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down_plan(void **state) {
    (void)state;
    return test_end_group(wt_folder_remove(folder) == WT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_recordings),
        cmocka_unit_test(test_bad_inputs),
        cmocka_unit_test(test_audio_plan),
        cmocka_unit_test(test_sine),
        cmocka_unit_test(test_partial_folder),
    };
    return cmocka_run_group_tests(tests, set_up_plan, tear_down_plan);
}
