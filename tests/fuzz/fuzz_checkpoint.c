/*
 * Checkpoints: the first byte says whether the trailer's hash is made anew after the edits that follow. Where
 * it is not, a file whose bytes have changed must be refused; where it is, whatever the reader says, it must
 * not break.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpoint_write.h"
#include "fuzz.h"
#include "wavetrain/checkpoint.h"

static const char file_name[] = "step-00000005.h5";
static uint8_t *image, *committed;
static size_t image_size, committed_size;
static bool must_fail;

static const char *const arrays[] = {"parameters/input.weight",
                                     "parameters/input.bias",
                                     "optimizer/first/input.weight",
                                     "optimizer/second",
                                     "parameters",
                                     "state/norms",
                                     "state/normalization",
                                     "state",
                                     "vocabulary",
                                     NULL};
static const char *const attributes[] = {"format",
                                         "version",
                                         "config",
                                         "step",
                                         "updates",
                                         "best_step",
                                         "best_validation_loss",
                                         "channels",
                                         "dataset",
                                         "dataset_path",
                                         "norm_count",
                                         "numerics",
                                         "outputs",
                                         "plateau_bad",
                                         "plateau_best",
                                         "plateau_cooldown",
                                         "plateau_scale",
                                         "ranks",
                                         "rate_scale",
                                         "rollbacks",
                                         "sample_rate",
                                         "seconds",
                                         "skipped",
                                         "skipped_in_row",
                                         "stale",
                                         "threads",
                                         "validation_loss",
                                         NULL};

static void make_checkpoint_seed(void) {
    static wt_config config;
    static const float values[12];
    const wt_checkpoint_tensor tensors[] = {{"input.weight", 3, {2, 3, 2}, values, values, values, NULL},
                                            {"input.bias", 1, {2}, values, values, values, NULL}};
    static wt_checkpoint_state state = {.step = 5,
                                        .updates = 5,
                                        .sample_rate = 8000,
                                        .channels = 1,
                                        .ranks = 1,
                                        .threads = 1,
                                        .best_step = -1,
                                        .guard.rate_scale = 1,
                                        .plateau.scale = 1};
    char *bytes = NULL;
    state.validation_loss = state.best_validation_loss = NAN;
    state.plateau.best = INFINITY;
    strcpy(state.dataset, "0123456789abcdef0123456789abcdef");
    strcpy(state.numerics, "fuzz");
    if (wt_config_load(&config, NULL, NULL, 0) != WT_OK ||
        wt_checkpoint_build(&bytes, &image_size, &state, &config, NULL, tensors, 2) != WT_OK ||
        wt_checkpoint_commit(fuzz_path(file_name), bytes, image_size) != WT_OK)
        fuzz_fail("a seed can't be made");
    image = malloc(image_size);
    memcpy(image, bytes, image_size);
    wt_free(bytes);
    committed = fuzz_load(fuzz_path(file_name), &committed_size);
}

static void read_tensors(wt_checkpoint *checkpoint) {
    static const int64_t weight[] = {2, 3, 2}, bias[] = {2};
    float values[12];
    char **names;
    size_t count;
    for (int kind = WT_TENSOR_PARAMETER; kind <= WT_TENSOR_AVERAGE; kind++) {
        wt_checkpoint_read(checkpoint, (wt_tensor_kind)kind, "input.weight", 3, weight, values);
        wt_checkpoint_read(checkpoint, (wt_tensor_kind)kind, "input.bias", 1, bias, values);
    }
    if (wt_checkpoint_names(checkpoint, &names, &count) == WT_OK) {
        for (size_t i = 0; i < count; i++) wt_free(names[i]);
        wt_free(names);
    }
}

static void read_checkpoint(const uint8_t *data, size_t size) {
    wt_checkpoint *checkpoint;
    (void)data, (void)size;
    if (wt_checkpoint_open(&checkpoint, fuzz_path(file_name)) != WT_OK) return;
    if (must_fail) fuzz_fail("a file was accepted whose bytes have changed");
    read_tensors(checkpoint);
    wt_checkpoint_close(checkpoint);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const bool remade = size > 0 && data[0] & 1;
    size_t bytes;
    if (!image) make_checkpoint_seed();
    fuzz_save(fuzz_path("image"), remade ? image : committed, remade ? image_size : committed_size);
    const uint8_t *edits = data + (size > 0);
    const size_t edited_bytes = size - (size > 0);
    if (remade) fuzz_edit(fuzz_path("image"), edits, edited_bytes, arrays, attributes); /* drops a trailer */
    fuzz_change_bytes(fuzz_path("image"), edits, edited_bytes);
    uint8_t *edited = fuzz_load(fuzz_path("image"), &bytes);
    if (!edited) return 0;
    if (remade) {
        if (wt_checkpoint_commit(fuzz_path(file_name), (const char *)edited, bytes) != WT_OK)
            fuzz_fail("can't be written");
    } else {
        fuzz_save(fuzz_path(file_name), edited, bytes);
    }
    must_fail = !remade && (bytes != committed_size || memcmp(edited, committed, bytes) != 0);
    free(edited);
    return fuzz_one(data, size, read_checkpoint);
}
