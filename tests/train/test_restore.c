/* A checkpoint that claims another network than it holds is refused before memory is taken for what it claims. */
#include "checkpoint/small_checkpoint.h"
#include "wavetrain/log.h"
#include "wavetrain/memory.h"
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_come_before_memory),
    };
    wt_log_setup(WT_LOG_NORMAL, true);
    int failed = cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
    return failed || wt_memory_blocks() != 0;
}
