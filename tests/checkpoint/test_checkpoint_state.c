/* What a file says that is whole but wrong: every field has a range, and what fields say of each other must
 * fit. */
#include <float.h>

#include "checkpoint_internal.h"
#include "small_checkpoint.h"

static small_checkpoint made;

static int set_up_state(void **state) {
    small_fill(&made, 1000);
    made.state.guard.skipped = 3;
    return *state != NULL;
}

static const char *state_path(void) {
    return in_folder("step-00001000.h5");
}

/* As wt_checkpoint_build and _commit, without their checks. */
static void write_unchecked(void) {
    wt_h5 *file;
    char *text, *bytes;
    size_t size;
    assert_ok(wt_config_text(&text, &made.config));
    assert_ok(wt_h5_create_image(&file, "an image"));
    assert_ok(wt_h5_write_attribute_text(file, "", "format", "wavetrain-checkpoint"));
    assert_ok(wt_h5_write_attribute_int(file, "", "version", 1));
    assert_ok(wt_h5_write_attribute_text(file, "", "config", text));
    assert_ok(wt_state_write(file, &made.state));
    static const char *const groups[] = {"parameters", "optimizer/first", "optimizer/second", "ema"};
    for (int kind = 0; kind < 4; kind++) {
        char name[128];
        const wt_h5_shape shape = {WT_H5_FLOAT, 3, {5, 4, 3}};
        snprintf(name, sizeof name, "%s/input.weight", groups[kind]);
        assert_ok(wt_h5_write(file, name, shape, made.values[0][kind], 0));
    }
    assert_ok(wt_h5_image(&bytes, &size, file));
    assert_ok(wt_h5_close(file));
    assert_ok(wt_checkpoint_commit(state_path(), bytes, size));
    wt_free(bytes);
    wt_free(text);
}

/* The reader refuses the file, the writer does not write it, both naming the field, what was found and the
 * range. */
static void assert_state_refused(const char *words) {
    wt_checkpoint *checkpoint;
    char *bytes;
    size_t size;
    write_unchecked();
    assert_error(wt_checkpoint_open(&checkpoint, state_path()), words);
    assert_null(checkpoint);
    assert_non_null(strstr(wt_error_message(), state_path()));
    assert_non_null(strstr(wt_error_message(), "damaged"));
    assert_error(
        wt_checkpoint_build(&bytes, &size, &made.state, &made.config, NULL, made.tensors, SMALL_TENSORS),
        words);
    assert_null(bytes);
}

static void test_what_is_right_is_read(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    write_unchecked();
    assert_ok(wt_checkpoint_open(&checkpoint, state_path()));
    wt_checkpoint_close(checkpoint);
}

/* --- one field after the other --- */

#define REFUSED(field, value, words)        \
    do {                                    \
        const small_checkpoint kept = made; \
        made.state.field = (value);         \
        assert_state_refused(words);        \
        made = kept;                        \
    } while (0)

static void test_integers_have_ranges(void **state) {
    (void)state;
    REFUSED(step, -1000, "step is out of range (got -1000, expected 0 to ");
    REFUSED(updates, -1, "updates is out of range (got -1, expected 0 to ");
    REFUSED(sample_rate, 0, "sample_rate is out of range (got 0, expected 1 to 10000000)");
    REFUSED(channels, 0, "channels is out of range (got 0, expected 1 to 1024)");
    REFUSED(channels, 1025, "channels is out of range (got 1025, expected 1 to 1024)");
    REFUSED(ranks, 0, "ranks is out of range (got 0");
    REFUSED(threads, -7, "threads is out of range (got -7");
    REFUSED(best_step, -2, "best_step is out of range (got -2, expected -1 to ");
    REFUSED(guard.rollbacks, -1, "rollbacks is out of range (got -1");
    REFUSED(guard.skipped_in_row, -1, "skipped_in_row is out of range (got -1");
    REFUSED(guard.skipped, -3, "skipped is out of range (got -3");
    REFUSED(guard.skipped, INT64_MAX, "skipped is out of range (got 9223372036854775807");
    REFUSED(guard.norm_count, -60, "norm_count is out of range (got -60, expected 0 to ");
    REFUSED(stale, -1, "stale is out of range (got -1");
    REFUSED(plateau.bad, -1, "plateau_bad is out of range (got -1");
    REFUSED(plateau.cooldown, -1, "plateau_cooldown is out of range (got -1");
    REFUSED(outputs, 65537, "outputs is out of range (got 65537, expected 0 to 65536)");
}

static void test_numbers_have_ranges(void **state) {
    (void)state;
    REFUSED(best_validation_loss, -INFINITY, "best_validation_loss is out of range (got -inf");
    REFUSED(seconds, -1, "seconds is out of range (got -1, expected 0 to ");
    REFUSED(seconds, NAN, "seconds is out of range (got ");
    REFUSED(guard.rate_scale, 0, "rate_scale is out of range (got 0");
    REFUSED(guard.rate_scale, 1.5, "rate_scale is out of range (got 1.5");
    REFUSED(guard.rate_scale, NAN, "rate_scale is out of range (got ");
    REFUSED(plateau.best, NAN, "plateau_best is out of range (got ");
    REFUSED(plateau.scale, -0.5, "plateau_scale is out of range (got -0.5");
    REFUSED(guard.norms[63], NAN, "state/norms is out of range at element 63 (got ");
    REFUSED(guard.norms[0], -1, "state/norms is out of range at element 0 (got -1");
    strcpy(made.state.dataset, "0123");
    assert_state_refused("dataset is no digest (got '0123', expected 32 hexadecimal digits)");
}

/* A number that is too large for its field is not cut to one that fits. */
static void test_integers_are_not_cut(void **state) {
    (void)state;
    wt_h5 *file;
    wt_checkpoint_state got = {0};
    assert_ok(wt_h5_create_image(&file, "an image"));
    assert_ok(wt_h5_write_attribute_int(file, "", "step", 4));
    assert_ok(wt_h5_write_attribute_int(file, "", "updates", 4));
    assert_ok(wt_h5_write_attribute_int(file, "", "sample_rate", (INT64_C(1) << 32) + 8000));
    assert_error(wt_state_read(file, "FILE", &got), "FILE: damaged: sample_rate is out of range");
    assert_ok(wt_h5_close(file));
}

/* --- fields among each other --- */

static void test_counts_must_fit(void **state) {
    (void)state;
    REFUSED(step, 996, "step is out of range (got 996, expected updates to updates + skipped, 997 to 1000)");
    REFUSED(step, 1001,
            "step is out of range (got 1001, expected updates to updates + skipped, 997 to 1000)");
    REFUSED(updates, 4, "step is out of range (got 1000, expected updates to updates + skipped, 4 to 7)");
    REFUSED(best_step, 1001, "best_step is out of range (got 1001, expected -1 to step, -1 to 1000)");
    REFUSED(guard.norm_count, 1001, "norm_count is out of range (got 1001, expected 0 to step, 0 to 1000)");
    REFUSED(guard.skipped_in_row, 4, "skipped_in_row is out of range (got 4, expected 0 to skipped, 0 to 3)");
    made.config.train.steps = 999;
    assert_state_refused("step is out of range (got 1000, expected 0 to train.steps, 0 to 999)");
}

/* --- tensors --- */

static void test_tensors_are_finite(void **state) {
    (void)state;
    static const char *const names[] = {"parameters/", "optimizer/first/", "optimizer/second/", "ema/"};
    static const float wrong[] = {NAN, INFINITY, -INFINITY};
    for (int kind = 0; kind < 4; kind++) {
        for (int w = 0; w < 3; w++) {
            char words[128];
            const float kept = made.values[0][kind][17];
            made.values[0][kind][17] = wrong[w];
            snprintf(words, sizeof words, "%sinput.weight is out of range at element 17 (got ", names[kind]);
            assert_state_refused(words);
            made.values[0][kind][17] = kept;
        }
    }
    made.values[0][WT_TENSOR_SECOND][59] = -FLT_MIN;
    assert_state_refused(
        "optimizer/second/input.weight is out of range at element 59 (got -1.17549e-38, expected 0 to ");
}

/* --- in a run --- */

/* As any damage: an older checkpoint is taken. */
static void test_an_older_one_is_taken(void **state) {
    (void)state;
    char run[WT_PATH_MAX], file[WT_PATH_MAX], folder[WT_PATH_MAX];
    wt_checkpoint *checkpoint;
    small_checkpoint older;
    assert_ok(wt_path_join(run, test_folder, "run"));
    assert_ok(wt_path_join(folder, run, "checkpoints"));
    assert_ok(wt_folder_make(folder));
    small_fill(&older, 500);
    assert_ok(wt_run_checkpoint_path(file, run, 500));
    small_write(&older, file);
    made.state.guard.norm_count = -60;
    write_unchecked();
    assert_ok(wt_run_checkpoint_path(file, run, 1000));
    assert_int_equal(rename(state_path(), file), 0);
    assert_ok(wt_run_open_newest(&checkpoint, run));
    assert_int_equal(wt_checkpoint_get_state(checkpoint)->step, 500);
    wt_checkpoint_close(checkpoint);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_is_right_is_read, set_up_state),
        cmocka_unit_test_setup(test_integers_have_ranges, set_up_state),
        cmocka_unit_test_setup(test_numbers_have_ranges, set_up_state),
        cmocka_unit_test_setup(test_integers_are_not_cut, set_up_state),
        cmocka_unit_test_setup(test_counts_must_fit, set_up_state),
        cmocka_unit_test_setup(test_tensors_are_finite, set_up_state),
        cmocka_unit_test_setup(test_an_older_one_is_taken, set_up_state),
    };
    wt_log_setup(WT_LOG_NORMAL, true);
    int failed = cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
    return failed || wt_memory_blocks() != 0;
}
