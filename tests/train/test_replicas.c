/* One flipped bit in one rank's parameters or moments is found, and the rank named where a majority tells. */
#include "comm/all_ranks.h"

#include <string.h>

#include "network_internal.h"
#include "train_internal.h"

enum { COUNT = 5000 };

/* As much of a trainer as the comparison looks at. */
typedef struct {
    wt_trainer trainer;
    wt_step step;
    wt_train_options options;
    wt_network network;
    float values[1 + WT_MOMENTS][COUNT]; /* parameters, first and second moments, mean */
} replica;

static replica mine;

static void make_replica(void) {
    memset(&mine, 0, sizeof mine);
    for (int buffer = 0; buffer <= WT_MOMENTS; buffer++) {
        for (int i = 0; i < COUNT; i++) mine.values[buffer][i] = (float)(i * (buffer + 1)) / 7;
    }
    strcpy(mine.options.run, "run");
    mine.network.parameters.total = COUNT;
    mine.trainer.comm = comm;
    mine.trainer.root = wt_comm_rank(comm) == 0;
    mine.trainer.options = &mine.options;
    mine.trainer.network = &mine.network;
    mine.trainer.step = &mine.step;
    mine.step.parameters = mine.values[0];
    mine.step.optimizer.count = COUNT;
    for (int m = 0; m < WT_MOMENTS; m++) mine.step.optimizer.moments[m] = mine.values[1 + m];
    mine.trainer.state.step = 17;
}

static void flip_value_bit(float *value) {
    unsigned char bytes[sizeof *value];
    memcpy(bytes, value, sizeof bytes);
    bytes[0] ^= 1;
    memcpy(value, bytes, sizeof bytes);
}

static void test_like_replicas_pass(void **state) {
    (void)state;
    make_replica();
    assert_all(wt_replicas_compare(&mine.trainer) == WT_OK);
}

/* The words that every rank should hear when `wrong` is the rank with the flipped bit. */
static void expect_replica_words(char *words, size_t room, int wrong) {
    if (wt_comm_size(comm) > 2) {
        snprintf(words, room, "run: the replicas differ after step 17: wrong is rank %d;", wrong);
    } else {
        snprintf(words, room, "run: the replicas differ after step 17: rank 0 is not the same as rank 1,");
    }
}

static void test_a_flipped_bit_is_found(void **state) {
    (void)state;
    int ranks = wt_comm_size(comm);
    for (int wrong = 0; ranks > 1 && wrong < ranks; wrong++) {
        for (int buffer = 0; buffer <= WT_MOMENTS; buffer++) {
            char words[128];
            make_replica();
            if (wt_comm_rank(comm) == wrong) flip_value_bit(&mine.values[buffer][COUNT - 1]);
            expect_replica_words(words, sizeof words, wrong);
            assert_all(wt_replicas_compare(&mine.trainer) == WT_FAILED);
            assert_all(strncmp(wt_error_message(), words, strlen(words)) == 0);
        }
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like_replicas_pass),
        cmocka_unit_test(test_a_flipped_bit_is_found),
    };
    RUN_ALL_RANKS(tests, argc, argv);
}
