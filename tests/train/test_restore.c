/* A checkpoint that claims another network than it holds is refused before memory is taken for what it
 * claims. A run of a version that called some keys otherwise is read. */
#include "checkpoint/small_checkpoint.h"
#include "wavetrain/train.h"

static void test_shapes_come_before_memory(void **state) {
    (void)state;
    static const char *const sets[] = {"train.steps=1234", "model.residual=8192", "model.gate=8192",
                                       "model.skip=8192", "model.layers=20"};
    small_checkpoint huge;
    wt_checkpoint *checkpoint;
    wt_restored restored;
    small_fill(&huge, 1000);
    assert_ok(wt_config_load(&huge.config, NULL, sets, sizeof sets / sizeof *sets));
    small_write(&huge, in_folder("huge.h5"));
    assert_ok(wt_checkpoint_open(&checkpoint, in_folder("huge.h5")));
    assert_error(wt_restore_network(&restored, checkpoint, true),
                 "huge.h5: the checkpoint is of another architecture");
    wt_checkpoint_close(checkpoint);
    assert_true(wt_memory_peak_bytes() < 16 << 20); /* the network would take a hundred GiB */
}

static const char *here; /* tests/train */

static void expect_microbatches(const wt_config *config) {
    assert_int_equal(config->train.microbatches, 6);
    assert_int_equal(config->train.microbatches_at_once, 2);
    assert_int_equal(config->optimizer.kind, WT_OPTIMIZER_SGD);
}

/* before-microbatches was written when the keys were train.lanes and train.lanes_at_once. */
static void test_earlier_names_are_read(void **state) {
    (void)state;
    char run[WT_PATH_MAX], file[WT_PATH_MAX];
    wt_checkpoint *checkpoint;
    wt_config config;
    assert_ok(wt_path_join(run, here, "before-microbatches"));
    assert_ok(wt_run_read_config(&config, run));
    expect_microbatches(&config);
    assert_ok(wt_path_join(file, run, "step-00000004.h5"));
    assert_ok(wt_checkpoint_open(&checkpoint, file));
    expect_microbatches(wt_checkpoint_get_config(checkpoint));
    wt_checkpoint_close(checkpoint);
}

int main(int count, char **arguments) {
    if (count < 2) return 2;
    here = arguments[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_come_before_memory),
        cmocka_unit_test(test_earlier_names_are_read),
    };
    wt_log_setup(WT_LOG_NORMAL, true);
    int failed = cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
    return failed || wt_memory_blocks() != 0;
}
