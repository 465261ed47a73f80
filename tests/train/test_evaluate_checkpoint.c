/* A checkpoint on a whole split through the C API: the same bits by any number of ranks, the baseline next to
 * it, and what a network can't be asked for. */
#include "comm/ranks.h"
#include "comm/shared_folder.h"

#include <math.h>

#include "data/shard_samples.h"
#include "train/agreement.h"
#include "train/untrained.h"
#include "wavetrain/train.h"

enum { LEVELS = 64, UTTERANCES = 5, LENGTH = 700 };

static wt_checkpoint *checkpoint;
static char data[WT_PATH_MAX];

static int make_split_and_checkpoint(void **state) {
    static const char *const sets[] = {"model.stacks=1", "model.layers=3",  "model.residual=6",
                                       "model.gate=6",   "model.skip=6",    "data.quantization=mulaw:64",
                                       "data.window=64", "data.path=absent"};
    static const int64_t lengths[] = {LENGTH, LENGTH, LENGTH, LENGTH, LENGTH, 0};
    if (make_shared_folder(state) != 0) return -1;
    snprintf(data, sizeof data, "%s", in_folder("data"));
    if (wt_comm_rank(comm) == 0) {
        make_split(data, "train", WT_STORE_INT16, 1, lengths, 2);
        make_split(data, "test", WT_STORE_INT16, 1, lengths, 3);
        write_untrained(in_folder("one.h5"), sets, sizeof sets / sizeof *sets, NULL);
    }
    wt_comm_barrier(comm);
    return 0;
}

static void test_ranks_do_not_change_the_score(void **state) {
    (void)state;
    static wt_evaluated all, one;
    const wt_evaluate_request request = {.data = data, .split = "test", .markov = true};
    assert_all(wt_agree_open_checkpoint(comm, &checkpoint, in_folder("one.h5"), NULL) == WT_OK);
    assert_all(wt_checkpoint_evaluate(comm, checkpoint, &request, NULL, &all) == WT_OK);
    assert_all(all.score.targets == UTTERANCES * LENGTH && all.kind == WT_DATA_AUDIO && !all.labels);
    const double loss = all.score.loss / (double)all.score.targets;
    assert_all(fabs(loss - log(LEVELS)) < 2 && all.classes == LEVELS);
    assert_all(all.score.markov / (double)all.score.targets > log(LEVELS) / 2);
    bool same = true;
    if (wt_comm_rank(comm) == 0) {
        wt_comm *alone;
        assert_ok(wt_comm_alone(&alone, comm));
        assert_ok(wt_checkpoint_evaluate(alone, checkpoint, &request, NULL, &one));
        same = all.score.loss == one.score.loss && all.score.markov == one.score.markov &&
               all.score.silence == one.score.silence;
        wt_comm_finish(alone);
    }
    assert_all(same);
    wt_checkpoint_close(checkpoint);
}

static void expect_no_evaluation(const wt_evaluate_request *request, const char *predictions,
                                 const char *words) {
    static wt_evaluated evaluated;
    assert_all(wt_checkpoint_evaluate(comm, checkpoint, request, predictions, &evaluated) == WT_USAGE);
    assert_all(strstr(wt_error_message(), words) != NULL);
    wt_evaluated_dispose(&evaluated);
}

static void test_what_the_network_lacks_is_refused(void **state) {
    (void)state;
    const wt_evaluate_request plain = {.data = data, .split = "test"},
                              other = {.data = data, .split = "test", .frames = WT_FRAMES_OTHER},
                              absent = {.data = data, .split = "validation"};
    assert_all(wt_agree_open_checkpoint(comm, &checkpoint, in_folder("one.h5"), "newest") == WT_OK);
    expect_no_evaluation(&plain, in_folder("predictions.csv"), "the network predicts no labels");
    expect_no_evaluation(&other, NULL, "the network has no condition");
    expect_no_evaluation(&absent, NULL, "no shards of the split 'validation'");
    assert_all(!wt_path_exists(in_folder("predictions.csv")));
    wt_checkpoint_close(checkpoint);
    assert_all(wt_agree_open_checkpoint(comm, &checkpoint, in_folder("one.h5"), "last") == WT_USAGE);
    assert_all(strstr(wt_error_message(), "expected newest, best or a step") != NULL);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks_do_not_change_the_score),
        cmocka_unit_test(test_what_the_network_lacks_is_refused),
    };
    RUN_ALL_RANKS_IN_FOLDER(tests, make_split_and_checkpoint, argc, argv);
}
