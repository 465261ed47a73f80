/* wavetrain generate: what is asked for, and from where it goes on; generate_series.c and generate_text.c
 * do it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "comm/facts.h"
#include "config/sections.h"
#include "data/dataset.h"
#include "data/prepare/mel.h"
#include "data/prepare/sound.h"
#include "data/windows.h"
#include "generate_series.h"
#include "generate_text.h"
#include "network/network_model.h"
#include "wavetrain/comm.h"
#include "wavetrain/data.h"

typedef struct {
    char *out, *checkpoint, *prime, *prime_from, *data, *prompt, *plot, *weights, *copy;
    double seconds, temperature, prime_seconds;
    int count, top_k, force, utterance, raw, last_step, speaker;
    long long seed, max_length;
} wt_generate_arguments;

/* Of a table's or a sound's series, where nothing says how long it is. */
#define DEFAULT_SECONDS 1.0

static wt_generate_arguments wt_given;

static const struct poptOption wt_options[] = {
    {"out", '\0', POPT_ARG_STRING, &wt_given.out, 0,
     "The WAV file to write (16 bit), of a table's series a CSV file, or - for standard output; of text, a "
     "file in place of standard output",
     "FILE|-"},
    {"raw", '\0', POPT_ARG_NONE, &wt_given.raw, 0,
     "With --out -: the samples without a header, 16 bit, least byte first", NULL},
    {"seconds", '\0', POPT_ARG_DOUBLE, &wt_given.seconds, 0,
     "How much to generate (default: 1); inf with --out -: without end", "S"},
    {"count", '\0', POPT_ARG_INT, &wt_given.count, 0,
     "So many pieces at once, into FILE-1.wav, FILE-2.wav … (default: 1, into FILE.wav), without those that "
     "are there already (a signal leaves FILE-1.unfinished.wav, which is made anew); of text, so many items",
     "N"},
    {"prompt", '\0', POPT_ARG_STRING, &wt_given.prompt, 0, "Text: what each item begins with", "TEXT"},
    {"max-length", '\0', POPT_ARG_LONGLONG, &wt_given.max_length, 0,
     "Text: characters of an item at most (default 1000), or of a page of running text (default 2000)", "N"},
    {"temperature", '\0', POPT_ARG_DOUBLE, &wt_given.temperature, 0,
     "1: as the network says (default); lower: nearer to the most likely; 0: always the most likely", "T"},
    {"top-k", '\0', POPT_ARG_INT, &wt_given.top_k, 0,
     "Draw from the K most likely classes (default 0: from all)", "K"},
    {"weights", '\0', POPT_ARG_STRING, &wt_given.weights, 0,
     "Fp32 (default), or bf16: half the memory to read, nearly the same network", "fp32|bf16"},
    {"seed", '\0', POPT_ARG_LONGLONG, &wt_given.seed, 0, "Of the draws (default: 1)", "N"},
    {"prime", '\0', POPT_ARG_STRING, &wt_given.prime, 0, "Go on from a recording, which is not written out",
     "SOUND"},
    {"prime-from", '\0', POPT_ARG_STRING, &wt_given.prime_from, 0,
     "Go on from an utterance of the data set's train, validation or test part", "SPLIT"},
    {"prime-utterance", '\0', POPT_ARG_INT, &wt_given.utterance, 0, "Its number (default: the longest one's)",
     "N"},
    {"prime-seconds", '\0', POPT_ARG_DOUBLE, &wt_given.prime_seconds, 0,
     "How much of it, from its beginning (default: 1, at least the receptive field)", "S"},
    {"data", '\0', POPT_ARG_STRING, &wt_given.data, 0,
     "Another data set for --prime-from; of text, to tell which items are new", "DATASET"},
    {"copy", '\0', POPT_ARG_STRING, &wt_given.copy, 0,
     "Of a network with a condition: make the features of a recording, and the sound that they tell, as long "
     "as that "
     "one unless --seconds is given",
     "SOUND"},
    {"speaker", '\0', POPT_ARG_INT, &wt_given.speaker, 0,
     "Of a network with speakers: the number of one, from 0", "N"},
    {"plot", '\0', POPT_ARG_STRING, &wt_given.plot, 0,
     "Of a table's series, a picture of what it goes on from and how (of the first piece)", "FILE.png"},
    {"checkpoint", '\0', POPT_ARG_STRING, &wt_given.checkpoint, 0,
     "Checkpoint of a run: newest (default), best (by validation loss), or a step", "newest|best|STEP"},
    {"no-ema", '\0', POPT_ARG_NONE, &wt_given.last_step, 0,
     "If the run has ema.decay: use the parameters of the last step instead of their average", NULL},
    {"force", '\0', POPT_ARG_NONE, &wt_given.force, 0, "Replace existing files", NULL},
    POPT_TABLEEND,
};

/* What the command holds. */
typedef struct {
    wt_checkpoint *checkpoint;
    wt_restored restored;
    const wt_kernels *kernels;
    wt_quantization quantization;
    wt_normalization normalization; /* of a table's columns; without channels: of sound */
    wt_weights weights;
    bool text, table;
    int rate, channels;
    float *prime; /* [prime_count, channels] in the network's units */
    int64_t prime_count;
    wt_real *frames; /* of a condition */
    wt_stream_condition condition;
    int64_t copied; /* samples of --copy's sound; 0: there is none */
} wt_voice;

/* --- checks, before any work --- */

/* Of sound and text alike. */
static wt_status check_generate_options(wt_weights *weights) {
    WT_CHECK(wt_given.count >= 1 && wt_given.count <= 4096, WT_USAGE,
             "--count is out of range (got %d, expected 1 … 4096)", wt_given.count);
    WT_CHECK(wt_given.temperature >= 0 && wt_given.temperature <= 100, WT_USAGE,
             "--temperature is out of range (got %g, expected 0 … 100)", wt_given.temperature);
    WT_CHECK(wt_given.top_k >= 0, WT_USAGE, "--top-k is out of range (got %d, expected 0 or more)",
             wt_given.top_k);
    WT_CHECK(wt_given.seconds > 0 && (wt_given.seconds <= 86400 || isinf(wt_given.seconds)), WT_USAGE,
             "--seconds is out of range (got %g, expected more than 0, at most 86400, or inf)",
             wt_given.seconds);
    return wt_command_parse_weights(weights, wt_given.weights);
}

static wt_status check_series_options(bool table, bool classes) {
    WT_CHECK(wt_given.out, WT_USAGE, "--out FILE.%s is missing", table ? "csv" : "wav");
    const bool pipe = strcmp(wt_given.out, "-") == 0;
    if (!pipe)
        WT_TRY(
            wt_path_require_ending(wt_given.out, table ? ".csv" : ".wav", table ? "a table" : "a WAV file"));
    WT_CHECK(!table || !wt_given.prime, WT_USAGE,
             "--prime: is for sound (a table's series has --prime-from)");
    WT_CHECK(table || !wt_given.plot, WT_USAGE, "--plot: is for a table's series, and the run makes sound");
    if (wt_given.plot) WT_TRY(wt_path_require_ending(wt_given.plot, ".png", "a PNG picture"));
    WT_CHECK(classes || wt_given.top_k == 0, WT_USAGE,
             "--top-k: is for classes, and the network predicts values");
    WT_CHECK((pipe && !table) || !wt_given.raw, WT_USAGE,
             "--raw: is for sound with --out - (--no-ema takes the parameters of the last step)");
    WT_CHECK(!wt_given.prompt && !wt_given.max_length, WT_USAGE, "%s: is for text, and the run makes sound",
             wt_given.prompt ? "--prompt" : "--max-length");
    WT_CHECK(wt_given.prime_seconds >= 0 && wt_given.prime_seconds <= 86400, WT_USAGE,
             "--prime-seconds is out of range (got %g, expected 0 … 86400)", wt_given.prime_seconds);
    WT_CHECK(!(wt_given.prime && wt_given.prime_from), WT_USAGE,
             "--prime and --prime-from: expected one of them");
    return WT_OK;
}

/* For text, whose length is counted in characters and whose beginning is a prompt. */
static wt_status check_text_options(void) {
    const bool seconds = wt_given.seconds != 1 || wt_given.prime_seconds != 1;
    WT_CHECK(!wt_given.raw, WT_USAGE,
             "--raw: is for sound with --out - (--no-ema takes the parameters of the last step)");
    WT_CHECK(!seconds && !wt_given.prime && !wt_given.prime_from, WT_USAGE,
             "%s: is for sound, and the run writes text", seconds ? "--seconds" : "--prime");
    return wt_given.out ? wt_command_check_output(wt_given.out, wt_given.force) : WT_OK;
}

/* --- priming --- */

static int64_t count_prime_samples(const wt_voice *voice) {
    int64_t wanted = (int64_t)llround(wt_given.prime_seconds * voice->rate);
    int field = wt_network_get_traits(voice->restored.network)->receptive_field;
    return wanted < field ? field : wanted;
}

/* A recording's mean over channels, at the network's rate. */
static wt_status read_mono(float **out, int64_t *count, const char *path, int rate) {
    wt_sound_format format;
    float *samples, *mono = NULL;
    wt_status status = WT_OK;
    WT_TRY(wt_sound_read(&samples, &format, path, 0, -1));
    WT_GUARD(wt_alloc(&mono, (size_t)format.frames, sizeof *mono, "a recording"));
    for (int64_t i = 0; i < format.frames; i++) {
        float sum = 0;
        for (int c = 0; c < format.channels; c++) sum += samples[i * format.channels + c];
        mono[i] = sum / (float)format.channels;
    }
    *count = wt_sound_resampled_frames(format.frames, format.rate, rate);
    if (format.rate == rate) {
        *out = mono;
        mono = NULL;
    } else {
        WT_GUARD(wt_sound_resample(out, mono, format.frames, 1, format.rate, rate));
    }
cleanup:
    wt_free(samples);
    wt_free(mono);
    return status;
}

static wt_status prime_by_file(wt_voice *voice) {
    WT_TRY(read_mono(&voice->prime, &voice->prime_count, wt_given.prime, voice->rate));
    const double whole = (double)voice->prime_count / voice->rate;
    if (voice->prime_count > count_prime_samples(voice)) voice->prime_count = count_prime_samples(voice);
    wt_log_info("primed with the first %.2f s of %s, which has %.2f s",
                (double)voice->prime_count / voice->rate, wt_given.prime, whole);
    return WT_OK;
}

/* The utterance that is asked for; a long one has speech on both sides of where priming ends. */
static wt_status pick_utterance(int64_t *utterance, const wt_dataset *dataset, const char *path) {
    int64_t count = wt_dataset_utterances(dataset), longest = 0;
    for (int64_t u = 1; u < count; u++) {
        if (wt_dataset_length(dataset, u) > wt_dataset_length(dataset, longest)) longest = u;
    }
    *utterance = wt_given.utterance < 0 ? longest : wt_given.utterance;
    WT_CHECK(*utterance < count, WT_USAGE, "--prime-utterance is out of range (got %d, %s has %lld in %s)",
             wt_given.utterance, path, (long long)count, wt_given.prime_from);
    return WT_OK;
}

static wt_status prime_by_dataset(wt_voice *voice) {
    wt_status status = WT_OK;
    const wt_data_config *data = &wt_checkpoint_get_config(voice->checkpoint)->data;
    const char *path = wt_given.data ? wt_given.data : data->path;
    char *id = NULL;
    int64_t utterance;
    wt_dataset *dataset;
    WT_TRY(wt_dataset_open(&dataset, path, wt_given.prime_from, data->memory));
    WT_GUARD(pick_utterance(&utterance, dataset, path));
    WT_GUARD_CHECK(wt_dataset_channels(dataset) == voice->channels, WT_USAGE,
                   "%s: has %d channels, expected %d", path, wt_dataset_channels(dataset), voice->channels);
    const wt_normalization stored = wt_normalization_of_stored(&voice->normalization, dataset);
    voice->prime_count = wt_dataset_length(dataset, utterance);
    if (voice->prime_count > count_prime_samples(voice)) voice->prime_count = count_prime_samples(voice);
    WT_GUARD(wt_alloc(&voice->prime, (size_t)(voice->prime_count * voice->channels), sizeof *voice->prime,
                      "the priming"));
    WT_GUARD(wt_dataset_read(dataset, utterance, 0, voice->prime_count, voice->prime));
    for (int64_t i = 0; stored.channels && i < voice->prime_count * voice->channels; i++) {
        const int c = (int)(i % voice->channels);
        voice->prime[i] = (float)(((double)voice->prime[i] - stored.mean[c]) / stored.deviation[c]);
    }
    WT_GUARD(wt_dataset_id(dataset, utterance, &id));
    wt_log_info("primed with %.2f s of %s (%s)", (double)voice->prime_count / voice->rate, id,
                wt_given.prime_from);
cleanup:
    wt_free(id);
    wt_dataset_close(dataset);
    return status;
}

/* --- a condition --- */

/* Frames as the network sees them; without a recording one of zeros, which says by its flag that there is
 * none. */
static wt_status make_frames(wt_voice *voice, const float *frames, int64_t count) {
    const wt_features *features = &wt_checkpoint_get_state(voice->checkpoint)->features;
    const size_t each = (size_t)wt_network_get_traits(voice->restored.network)->features;
    voice->condition.count = frames ? count : 1;
    voice->condition.centre = features->centre;
    WT_TRY(wt_alloc(&voice->frames, (size_t)voice->condition.count * each, sizeof *voice->frames, "frames"));
    for (int64_t i = 0; frames && i < count; i++) {
        wt_real *to = voice->frames + (size_t)i * each;
        wt_condition_normalise(features, frames + i * features->count, to);
        if (each > (size_t)features->count) to[features->count] = 1;
    }
    voice->condition.frames = voice->frames;
    return WT_OK;
}

static wt_status copy_recording(wt_voice *voice) {
    const wt_features *features = &wt_checkpoint_get_state(voice->checkpoint)->features;
    wt_mel mel;
    float *samples = NULL, *frames = NULL;
    wt_status status = WT_OK;
    WT_CHECK(*features->text, WT_USAGE, "--copy: it is not known how the network's features were made");
    WT_TRY(wt_mel_parse(&mel, features->text, voice->rate));
    WT_GUARD(read_mono(&samples, &voice->copied, wt_given.copy, voice->rate));
    WT_GUARD(wt_mel_compute(&frames, &mel, samples, voice->copied, voice->rate));
    WT_GUARD(make_frames(voice, frames, wt_mel_count(&mel, voice->copied)));
cleanup:
    wt_free(samples);
    wt_free(frames);
    return status;
}

static wt_status load_condition(wt_voice *voice) {
    const wt_network *network = voice->restored.network;
    const wt_network_traits *traits = wt_network_get_traits(network);
    const bool may_lack = wt_checkpoint_get_config(voice->checkpoint)->data.condition_dropout > 0;
    WT_CHECK(traits->features > 0 || !wt_given.copy, WT_USAGE, "--copy: the network has no condition");
    WT_CHECK(traits->speakers > 0 || wt_given.speaker < 0, WT_USAGE,
             "--speaker: the network has no speakers");
    if (traits->speakers > 0) {
        WT_CHECK(wt_given.speaker >= 0 && wt_given.speaker < traits->speakers, WT_USAGE,
                 "--speaker: expected the number of one, 0 … %d", traits->speakers - 1);
        voice->condition.speaker = wt_given.speaker;
    }
    if (traits->features == 0) return WT_OK;
    WT_CHECK(wt_given.copy || may_lack, WT_USAGE, "the network has a condition (--copy SOUND gives it)");
    WT_CHECK(!wt_given.prime && !wt_given.prime_from, WT_USAGE,
             "--prime: does not go with a condition, which begins with the first sample");
    return wt_given.copy ? copy_recording(voice) : make_frames(voice, NULL, 0);
}

/* --- the whole --- */

static wt_status open_voice(wt_voice *voice, const char *file_or_run) {
    WT_TRY(check_generate_options(&voice->weights));
    WT_TRY(wt_command_open_checkpoint(&voice->checkpoint, file_or_run, wt_given.checkpoint));
    const wt_config *config = wt_checkpoint_get_config(voice->checkpoint);
    const wt_checkpoint_state *state = wt_checkpoint_get_state(voice->checkpoint);
    const bool classes = config->model.head == WT_HEAD_SOFTMAX;
    voice->text = wt_checkpoint_get_vocabulary(voice->checkpoint)->classes > 0;
    voice->table = !classes && state->outputs != WT_SAMPLE_CODES;
    voice->channels = classes ? 1 : state->channels;
    voice->normalization = state->normalization;
    voice->quantization = wt_checkpoint_quantization(voice->checkpoint);
    voice->rate = state->sample_rate;
    WT_TRY(voice->text ? check_text_options() : check_series_options(voice->table, classes));
    WT_TRY(wt_kernels_select(&voice->kernels, config->run.backend, WT_PRECISION_FP32));
    WT_CHECK(
        config->data.target == WT_TARGETS_NEXT, WT_USAGE,
        "%s: the network predicts labels (expected one that predicts the next sample; see wavetrain evaluate "
        "--predictions)",
        wt_checkpoint_path(voice->checkpoint));
    WT_TRY(wt_restore_network(&voice->restored, voice->checkpoint, wt_given.last_step));
    WT_TRY(load_condition(voice));
    if (wt_given.prime) WT_TRY(prime_by_file(voice));
    return wt_given.prime_from ? prime_by_dataset(voice) : WT_OK;
}

static wt_continuation continuation_of(const wt_voice *voice) {
    return (wt_continuation){
        .graph = wt_network_graph(voice->restored.network),
        .kernels = voice->kernels,
        .quantization = voice->quantization,
        .classes = wt_network_get_traits(voice->restored.network)->input_kind == WT_INPUT_CLASS,
        .preemphasis = wt_checkpoint_get_config(voice->checkpoint)->data.preemphasis,
        .temperature = wt_given.temperature,
        .top_k = wt_given.top_k,
        .seed = (uint64_t)wt_given.seed,
    };
}

static wt_status generate_text(const wt_voice *voice) {
    const wt_text_request request = {wt_given.out,          wt_given.prompt,     wt_given.data,
                                     wt_given.count,        wt_given.max_length, voice->weights,
                                     continuation_of(voice)};
    return wt_generate_text(&request, voice->checkpoint, &voice->restored);
}

/* Collective. */
static wt_status generate_series(const wt_voice *voice, wt_comm *comm) {
    const bool whole = voice->copied > 0 && wt_given.seconds == DEFAULT_SECONDS;
    const int64_t samples = isinf(wt_given.seconds) ? -1
                            : whole                 ? voice->copied
                                                    : llround(wt_given.seconds * voice->rate);
    const wt_series_format format = {.rate = voice->rate,
                                     .channels = voice->channels,
                                     .samples = samples == 0 ? 1 : samples,
                                     .raw = wt_given.raw,
                                     .table = voice->table,
                                     .table_units = &voice->normalization,
                                     .first = voice->prime_count};
    const wt_series_request request = {.out = wt_given.out,
                                       .plot = wt_given.plot,
                                       .force = wt_given.force,
                                       .count = wt_given.count,
                                       .format = format,
                                       .weights = voice->weights,
                                       .how = continuation_of(voice),
                                       .parameters = voice->restored.parameters,
                                       .condition = &voice->condition,
                                       .prime = voice->prime,
                                       .prime_count = voice->prime_count};
    WT_TRY(wt_comm_agree(comm, wt_comm_rank(comm) == 0 ? wt_generate_series_check(&request) : WT_OK));
    return wt_generate_series(&request, comm);
}

/* Collective. Texts are short: rank 0 draws them. */
static wt_status generate(wt_comm *comm, wt_voice *voice, const char *file_or_run) {
    WT_TRY(wt_command_settle(comm, false));
    WT_TRY(wt_comm_agree_alike(comm, open_voice(voice, file_or_run)));
    if (!voice->text) return generate_series(voice, comm);
    return wt_comm_agree(comm, wt_comm_rank(comm) == 0 ? generate_text(voice) : WT_OK);
}

static wt_status run_generate(wt_comm *comm, int argc, const char **argv) {
    wt_command_line line;
    wt_voice voice = {0};
    wt_given = (wt_generate_arguments){.seconds = DEFAULT_SECONDS,
                                       .temperature = 1,
                                       .prime_seconds = 1,
                                       .count = 1,
                                       .seed = 1,
                                       .utterance = -1,
                                       .speaker = -1};
    wt_status status = wt_command_parse(&line, &wt_command_generate, argc, argv, 1, 1);
    if (status == WT_OK && !line.done) status = generate(comm, &voice, line.arguments[0]);
    wt_free(voice.prime);
    wt_free(voice.frames);
    wt_restored_dispose(&voice.restored);
    wt_checkpoint_close(voice.checkpoint);
    poptFreeContext(line.context);
    char *texts[] = {wt_given.out,        wt_given.checkpoint, wt_given.prime,
                     wt_given.prime_from, wt_given.data,       wt_given.prompt,
                     wt_given.plot,       wt_given.weights,    wt_given.copy};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
    return status;
}

const wt_command wt_command_generate = {
    .name = "generate",
    .arguments = "CHECKPOINT|RUN [--out FILE] [OPTION…]",
    .summary =
        "Let a checkpoint speak, a WAV file sample by sample, or write, character by character (also under "
        "mpirun)",
    .parallel = true,
    .run = run_generate,
    .options = wt_options,
};
