/* A small checkpoint of keyed numbers, for the tests of files and of runs' folders. */
#ifndef WAVETRAIN_TESTS_SMALL_CHECKPOINT_H
#define WAVETRAIN_TESTS_SMALL_CHECKPOINT_H

#include <math.h>

#include "base/random.h"
#include "checkpoint/checkpoint_write.h"
#include "h5/h5_folder.h"
#include "wavetrain/checkpoint.h"

enum { SMALL_TENSORS = 4, SMALL_COUNT = 5 * 4 * 3 };

typedef struct {
    wt_config config;
    wt_checkpoint_state state;
    float values[SMALL_TENSORS][4][SMALL_COUNT];
    wt_checkpoint_tensor tensors[SMALL_TENSORS];
} small_checkpoint;

static inline void small_config(wt_config *config) {
    static const char *const sets[] = {"train.steps=1234", "optimizer.learning_rate=0.0012300000000000001",
                                       "data.path=data/some set", "model.residual=5"};
    assert_ok(wt_config_load(config, NULL, sets, sizeof sets / sizeof *sets));
}

static inline void small_fill(small_checkpoint *c, int64_t step) {
    memset(c, 0, sizeof *c);
    small_config(&c->config);
    c->state = (wt_checkpoint_state){.step = step,
                                     .updates = step > 3 ? step - 3 : 0,
                                     .sample_rate = 8000,
                                     .channels = 1,
                                     .ranks = 3,
                                     .threads = 7,
                                     .validation_loss = NAN,
                                     .best_validation_loss = 1.0 / 3,
                                     .best_step = -1,
                                     .seconds = 0.1,
                                     .guard.rate_scale = 0.7,
                                     .guard.rollbacks = 2,
                                     .guard.skipped_in_row = 1,
                                     .guard.skipped = INT64_C(1) << 33,
                                     .guard.norm_count = step < 70 ? step : 70,
                                     .stale = 4,
                                     .plateau.best = INFINITY,
                                     .plateau.scale = 0.1,
                                     .plateau.bad = 2,
                                     .plateau.cooldown = 1};
    for (int i = 0; i < WT_NORM_RING; i++) c->state.guard.norms[i] = 1.0 / (i + 3);
    strcpy(c->state.dataset, "0123456789abcdef0123456789abcdef");
    strcpy(c->state.dataset_path, "/data/small");
    strcpy(c->state.numerics, "avx512 of a test");
    for (uint64_t t = 0; t < SMALL_TENSORS; t++) {
        for (uint64_t kind = 0; kind < 4; kind++) {
            for (uint64_t i = 0; i < SMALL_COUNT; i++) {
                const float x = (float)wt_random_normal((uint64_t)step, WT_RANDOM_TEST, 4 * t + kind, i);
                c->values[t][kind][i] = kind == WT_TENSOR_SECOND ? fabsf(x) : x;
            }
        }
    }
    static const wt_checkpoint_tensor shapes[SMALL_TENSORS] = {
        {.name = "input.weight", .rank = 3, .shape = {5, 4, 3}},
        {.name = "input.bias", .rank = 1, .shape = {5}},
        {.name = "blocks.0.conv.weight", .rank = 3, .shape = {2, 3, 2}},
        {.name = "blocks.10.conv.bias", .rank = 1, .shape = {1}},
    };
    for (int t = 0; t < SMALL_TENSORS; t++) {
        c->tensors[t] = shapes[t];
        c->tensors[t].parameter = c->values[t][0];
        c->tensors[t].first = c->values[t][1];
        c->tensors[t].second = c->values[t][2];
        c->tensors[t].average = c->values[t][3];
    }
}

static inline void small_write(const small_checkpoint *c, const char *path) {
    char *bytes;
    size_t size;
    assert_ok(wt_checkpoint_build(&bytes, &size, &c->state, &c->config, NULL, c->tensors, SMALL_TENSORS));
    assert_ok(wt_checkpoint_commit(path, bytes, size));
    wt_free(bytes);
}

#endif
