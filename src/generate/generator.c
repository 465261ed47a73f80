/* A network that generates, from a checkpoint: what its samples are, and what they are conditioned on. */
#include <string.h>

#include "base/memory.h"
#include "config/sections.h"
#include "data/dataset.h"
#include "data/prepare/mel.h"
#include "data/prepare/sound.h"
#include "data/windows.h"
#include "generate_internal.h"
#include "network/network_model.h"
#include "wavetrain/data.h"
#include "wavetrain/generate.h"

/* Frames as the network sees them; without any one of zeros, which says by its flag that there is none. */
static wt_status set_frames(wt_generator *generator, const float *frames, int64_t count) {
    const wt_features *features = &wt_checkpoint_get_state(generator->checkpoint)->features;
    const size_t each = (size_t)wt_network_get_traits(generator->restored.network)->features;
    wt_free(generator->frames);
    generator->condition.count = frames ? count : 1;
    generator->condition.centre = features->centre;
    WT_TRY(
        wt_alloc(&generator->frames, (size_t)generator->condition.count * each, sizeof(wt_real), "frames"));
    for (int64_t i = 0; frames && i < count; i++) {
        wt_real *to = generator->frames + (size_t)i * each;
        wt_condition_normalise(features, frames + i * features->count, to);
        if (each > (size_t)features->count) to[features->count] = 1;
    }
    generator->condition.frames = generator->frames;
    return WT_OK;
}

static void describe_samples(wt_generator *generator) {
    const wt_config *config = wt_checkpoint_get_config(generator->checkpoint);
    const wt_checkpoint_state *state = wt_checkpoint_get_state(generator->checkpoint);
    const wt_vocabulary *vocabulary = wt_checkpoint_get_vocabulary(generator->checkpoint);
    const bool classes = config->model.head == WT_HEAD_SOFTMAX, text = vocabulary->classes > 0;
    const bool sound = classes || state->outputs == WT_SAMPLE_CODES;
    generator->kind = text ? WT_GENERATES_TEXT : sound ? WT_GENERATES_SOUND : WT_GENERATES_TABLE;
    generator->rate = state->sample_rate;
    generator->channels = classes ? 1 : state->channels;
    generator->units = state->normalization;
    generator->how = (wt_continuation){.quantization = wt_checkpoint_quantization(generator->checkpoint),
                                       .preemphasis = config->data.preemphasis,
                                       .temperature = 1,
                                       .seed = 1};
    generator->silence_class = text ? wt_vocabulary_padding(vocabulary)
                                    : wt_quantize_silence(generator->how.quantization);
}

wt_status wt_generator_open(wt_generator *generator, wt_checkpoint *checkpoint, bool raw) {
    const wt_config *config = wt_checkpoint_get_config(checkpoint);
    memset(generator, 0, sizeof *generator);
    generator->checkpoint = checkpoint;
    WT_CHECK(config->data.target == WT_TARGETS_NEXT, WT_USAGE,
             "%s: the network predicts labels (expected one that predicts the next sample; see wavetrain "
             "evaluate --predictions)",
             wt_checkpoint_path(checkpoint));
    describe_samples(generator);
    WT_TRY(wt_kernels_select(&generator->how.kernels, config->run.backend, WT_PRECISION_FP32));
    WT_TRY(wt_restore_network(&generator->restored, checkpoint, raw));
    const wt_network *network = generator->restored.network;
    const wt_network_traits *traits = wt_network_get_traits(network);
    generator->how.graph = wt_network_graph(network);
    generator->how.classes = traits->input_kind == WT_INPUT_CLASS;
    return traits->features > 0 ? set_frames(generator, NULL, 0) : WT_OK;
}

void wt_generator_dispose(wt_generator *generator) {
    wt_free(generator->frames);
    wt_restored_dispose(&generator->restored);
    memset(generator, 0, sizeof *generator);
}

wt_status wt_generator_follow(wt_generator *generator, const char *path, int64_t *length) {
    const wt_features *features = &wt_checkpoint_get_state(generator->checkpoint)->features;
    wt_mel mel;
    float *samples = NULL, *frames = NULL;
    wt_status status = WT_OK;
    WT_CHECK(wt_network_get_traits(generator->restored.network)->features > 0, WT_USAGE,
             "%s: the network has no condition", wt_checkpoint_path(generator->checkpoint));
    WT_CHECK(*features->text, WT_USAGE, "%s: it is not known how the network's features were made",
             wt_checkpoint_path(generator->checkpoint));
    WT_TRY(wt_mel_parse(&mel, features->text, generator->rate));
    WT_GUARD(wt_prime_read_mono(&samples, length, path, generator->rate));
    WT_GUARD(wt_mel_compute(&frames, &mel, samples, *length, generator->rate));
    WT_GUARD(set_frames(generator, frames, wt_mel_count(&mel, *length)));
cleanup:
    wt_free(samples);
    wt_free(frames);
    return status;
}
