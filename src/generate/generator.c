/* A network that generates, from a checkpoint: what its samples are, and what they are conditioned on. */
#include <stdio.h>
#include <stdlib.h>
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

/* A frame of zeros, which says by its flag that there is none. */
static wt_status set_no_condition(wt_generator *generator) {
    const int each = wt_network_get_traits(generator->restored.network)->features;
    if (each == 0) return WT_OK;
    WT_TRY(wt_alloc(&generator->frames, (size_t)each, sizeof *generator->frames, "frames"));
    generator->condition.frames = generator->frames;
    generator->condition.count = 1;
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
    return set_no_condition(generator);
}

/* The number of the speaker with that name, of names with a line each; −1: there is none. */
static int find_speaker_number(const char *names, const char *name) {
    for (int number = 0; *names; number++) {
        const size_t length = strcspn(names, "\n");
        if (strlen(name) == length && strncmp(names, name, length) == 0) return number;
        names += length + (names[length] == '\n');
    }
    return -1;
}

wt_status wt_generator_set_speaker(wt_generator *generator, const char *name) {
    const int speakers = wt_network_get_traits(generator->restored.network)->speakers;
    const char *names = wt_checkpoint_get_state(generator->checkpoint)->names.speakers;
    char list[256], *end = NULL;
    WT_CHECK(speakers > 0 || !name, WT_USAGE, "--speaker: the network has no speakers");
    if (speakers == 0) return WT_OK;
    long number = name ? find_speaker_number(names, name) : -1;
    if (name && number < 0) number = strtol(name, &end, 10);
    snprintf(list, sizeof list, "%.200s", names);
    for (char *at = list; *at; at++)
        if (*at == '\n') *at = at[1] ? ' ' : '\0';
    WT_CHECK(name && *name && (!end || !*end) && number >= 0 && number < speakers, WT_USAGE,
             "--speaker: got %s, expected the number of one, 0 … %d%s%s", name ? name : "none", speakers - 1,
             *list ? ", or a name: " : "", list);
    generator->condition.speaker = (int32_t)number;
    return WT_OK;
}

void wt_generator_dispose(wt_generator *generator) {
    wt_free(generator->frames);
    wt_restored_dispose(&generator->restored);
    memset(generator, 0, sizeof *generator);
}
