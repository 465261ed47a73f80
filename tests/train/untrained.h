/* Checkpoints of networks as they are before training, of sound or, with a vocabulary, of text. */
#ifndef WAVETRAIN_TESTS_UNTRAINED_H
#define WAVETRAIN_TESTS_UNTRAINED_H

#include "checkpoint/small_checkpoint.h"
#include "network/network_model.h"
#include "support.h"
#include "train/evaluation.h"
#include "train_internal.h"

static inline void write_untrained(const char *path, const char *const *sets, size_t count,
                                   const wt_vocabulary *vocabulary) {
    static small_checkpoint small;
    wt_network_shape shape;
    wt_network *network;
    wt_exported exported;
    char *bytes;
    size_t size;
    small_fill(&small, 0);
    assert_ok(wt_config_load(&small.config, NULL, sets, count));
    const int levels = vocabulary ? vocabulary->classes : small.config.data.quantization.levels;
    small.state.outputs = vocabulary ? 0 : WT_SAMPLE_CODES;
    shape = wt_train_shape_network(&small.config, levels, small.state.outputs, 1);
    assert_ok(wt_network_create_shaped(&network, &small.config.model, &shape));
    wt_real *parameters = take(wt_network_parameters(network)->total, sizeof *parameters);
    wt_optimizer optimizer = {0};
    assert_ok(wt_optimizer_init(&optimizer, wt_config_update_rule(&small.config),
                                wt_network_parameters(network)->total));
    wt_network_initialise(network, parameters, 1);
    for (size_t i = 0; i < wt_network_parameters(network)->total; i++)
        parameters[i] *= 3; /* so that the past matters */
    wt_optimizer_reset(&optimizer, parameters);
    assert_ok(wt_restore_export(&exported, network, parameters, &optimizer));
    assert_ok(wt_checkpoint_build(&bytes, &size, &small.state, &small.config, vocabulary, exported.tensors,
                                  exported.count));
    assert_ok(wt_checkpoint_commit(path, bytes, size));
    wt_free(bytes);
    wt_restore_export_dispose(&exported);
    wt_optimizer_dispose(&optimizer);
    wt_free(parameters);
    wt_network_destroy(network);
}

#endif
