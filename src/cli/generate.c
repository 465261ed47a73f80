/* wavetrain generate: sound from a checkpoint, one stream a thread; text by generate_text.c. */
#include <errno.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "generate_text.h"
#include "wavetrain/comm.h"
#include "wavetrain/data.h"
#include "wavetrain/generate.h"
#include "wavetrain/log.h"
#include "wavetrain/memory.h"
#include "wavetrain/metrics.h"
#include "wavetrain/sound.h"
#include "wavetrain/timer.h"
#include "wavetrain/train.h"

typedef struct {
    char *out, *checkpoint, *prime, *prime_from, *data, *prompt, *plot;
    double seconds, temperature, prime_seconds;
    int count, top_k, force, utterance, raw;
    long long seed, max_length;
} wt_generate_arguments;

static wt_generate_arguments wt_given;

static const struct poptOption wt_options[] = {
    {"out", '\0', POPT_ARG_STRING, &wt_given.out, 0,
     "The WAV file to write (16 bit); of a table's series, a CSV file; of text, a file in place of standard "
     "output",
     "FILE"},
    {"seconds", '\0', POPT_ARG_DOUBLE, &wt_given.seconds, 0, "How much to generate (default: 1)", "S"},
    {"count", '\0', POPT_ARG_INT, &wt_given.count, 0,
     "So many pieces at once, into FILE-1.wav, FILE-2.wav … (default: 1, into FILE.wav); of text, so many "
     "items",
     "N"},
    {"prompt", '\0', POPT_ARG_STRING, &wt_given.prompt, 0, "Text: what each item begins with", "TEXT"},
    {"max-length", '\0', POPT_ARG_LONGLONG, &wt_given.max_length, 0,
     "Text: characters of an item at most (default 1000), or of a page of running text (default 2000)", "N"},
    {"temperature", '\0', POPT_ARG_DOUBLE, &wt_given.temperature, 0,
     "1: as the network says (default); lower: nearer to the most likely; 0: always the most likely", "T"},
    {"top-k", '\0', POPT_ARG_INT, &wt_given.top_k, 0,
     "Draw from the K most likely classes (default 0: from all)", "K"},
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
    {"plot", '\0', POPT_ARG_STRING, &wt_given.plot, 0,
     "Of a table's series, a picture of what it goes on from and how (of the first piece)", "FILE.png"},
    {"checkpoint", '\0', POPT_ARG_STRING, &wt_given.checkpoint, 0,
     "Which one of a run: newest (default), best (by validation loss), or a step", "newest|best|STEP"},
    {"raw", '\0', POPT_ARG_NONE, &wt_given.raw, 0,
     "Of a run with ema.decay, the parameters of the last step instead of their mean", NULL},
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
    bool table;
    int rate, channels;
    int64_t samples; /* to generate, a piece */
    float *prime;    /* [prime_count, channels] in the network's units */
    int64_t prime_count;
    float *sound;  /* [count, samples, channels] */
    int64_t *made; /* [count] samples that are generated, all of them unless a signal has come */
} wt_voice;

/* --- checks, before any work --- */

static wt_status wt_output_path(char out[WT_PATH_MAX], int piece) {
    if (wt_given.count == 1) return wt_path_join(out, "", wt_given.out);
    const char *dot = strrchr(wt_path_base(wt_given.out), '.');
    int stem = dot ? (int)(dot - wt_given.out) : (int)strlen(wt_given.out);
    int length = snprintf(out, WT_PATH_MAX, "%.*s-%d%s", stem, wt_given.out, piece + 1, dot ? dot : "");
    WT_CHECK(length < WT_PATH_MAX, WT_USAGE, "--out: the path is too long");
    return WT_OK;
}

/* Where nothing can be written, better to know before an hour of generating. */
static wt_status wt_check_output(const char *path) {
    char folder[WT_PATH_MAX];
    if (!wt_given.force) WT_TRY(wt_path_require_free(path, " (--force replaces it)"));
    const char *name = wt_path_base(path);
    WT_CHECK(*name && !wt_path_is_folder(path), WT_USAGE, "%s: is a folder, expected a file", path);
    snprintf(folder, sizeof folder, "%.*s", (int)(name - path), path);
    WT_CHECK(access(*folder ? folder : ".", W_OK) == 0, WT_FAILED, "%s: can't write there (%s)", path,
             strerror(errno));
    return WT_OK;
}

static wt_status wt_check_outputs(void) {
    if (wt_given.plot) WT_TRY(wt_check_output(wt_given.plot));
    for (int piece = 0; piece < wt_given.count; piece++) {
        char path[WT_PATH_MAX];
        WT_TRY(wt_output_path(path, piece));
        WT_TRY(wt_check_output(path));
    }
    return WT_OK;
}

/* Of sound and text alike. */
static wt_status wt_check_options(void) {
    WT_CHECK(wt_given.count >= 1 && wt_given.count <= 4096, WT_USAGE,
             "--count is out of range (got %d, expected 1 … 4096)", wt_given.count);
    WT_CHECK(wt_given.temperature >= 0 && wt_given.temperature <= 100, WT_USAGE,
             "--temperature is out of range (got %g, expected 0 … 100)", wt_given.temperature);
    WT_CHECK(wt_given.top_k >= 0, WT_USAGE, "--top-k is out of range (got %d, expected 0 or more)",
             wt_given.top_k);
    WT_CHECK(wt_given.seconds > 0 && wt_given.seconds <= 86400, WT_USAGE,
             "--seconds is out of range (got %g, expected more than 0, at most 86400)", wt_given.seconds);
    return WT_OK;
}

static wt_status wt_check_sound_options(bool table, bool classes) {
    WT_CHECK(wt_given.out, WT_USAGE, "--out FILE.%s is missing", table ? "csv" : "wav");
    WT_TRY(wt_path_require_ending(wt_given.out, table ? ".csv" : ".wav", table ? "a table" : "a WAV file"));
    WT_CHECK(!table || !wt_given.prime, WT_USAGE,
             "--prime: is for sound (a table's series has --prime-from)");
    WT_CHECK(table || !wt_given.plot, WT_USAGE, "--plot: is for a table's series, and the run makes sound");
    if (wt_given.plot) WT_TRY(wt_path_require_ending(wt_given.plot, ".png", "a PNG picture"));
    WT_CHECK(classes || wt_given.top_k == 0, WT_USAGE,
             "--top-k: is for classes, and the network predicts values");
    WT_CHECK(!wt_given.prompt && !wt_given.max_length, WT_USAGE, "%s: is for text, and the run makes sound",
             wt_given.prompt ? "--prompt" : "--max-length");
    WT_CHECK(wt_given.prime_seconds >= 0 && wt_given.prime_seconds <= 86400, WT_USAGE,
             "--prime-seconds is out of range (got %g, expected 0 … 86400)", wt_given.prime_seconds);
    WT_CHECK(!(wt_given.prime && wt_given.prime_from), WT_USAGE,
             "--prime and --prime-from: expected one of them");
    return wt_check_outputs();
}

/* For text, whose length is counted in characters and whose beginning is a prompt. */
static wt_status wt_check_text_options(void) {
    bool seconds = wt_given.seconds != 1 || wt_given.prime_seconds != 1;
    WT_CHECK(!seconds && !wt_given.prime && !wt_given.prime_from, WT_USAGE,
             "%s: is for sound, and the run writes text", seconds ? "--seconds" : "--prime");
    return wt_given.out ? wt_check_output(wt_given.out) : WT_OK;
}

/* --- priming --- */

static int64_t wt_prime_wanted(const wt_voice *voice) {
    int64_t wanted = (int64_t)llround(wt_given.prime_seconds * voice->rate);
    int field = voice->restored.network->receptive_field;
    return wanted < field ? field : wanted;
}

static wt_status wt_prime_by_file(wt_voice *voice) {
    wt_sound_format format;
    float *samples, *mono = NULL;
    wt_status status = WT_OK;
    WT_TRY(wt_sound_read(&samples, &format, wt_given.prime, 0, -1));
    WT_GUARD(wt_alloc(&mono, (size_t)format.frames, sizeof *mono, "the priming"));
    for (int64_t i = 0; i < format.frames; i++) {
        float sum = 0;
        for (int c = 0; c < format.channels; c++) sum += samples[i * format.channels + c];
        mono[i] = sum / (float)format.channels;
    }
    voice->prime_count = wt_sound_resampled_frames(format.frames, format.rate, voice->rate);
    if (format.rate == voice->rate) {
        voice->prime = mono;
        mono = NULL;
    } else {
        WT_GUARD(wt_sound_resample(&voice->prime, mono, format.frames, 1, format.rate, voice->rate));
    }
    const double whole = (double)voice->prime_count / voice->rate;
    if (voice->prime_count > wt_prime_wanted(voice)) voice->prime_count = wt_prime_wanted(voice);
    wt_log_info("primed with the first %.2f s of %s, which has %.2f s",
                (double)voice->prime_count / voice->rate, wt_given.prime, whole);
cleanup:
    wt_free(samples);
    wt_free(mono);
    return status;
}

/* The utterance that is asked for; a long one has speech on both sides of where priming ends. */
static wt_status wt_pick_utterance(int64_t *utterance, const wt_dataset *dataset, const char *path) {
    int64_t count = wt_dataset_utterances(dataset), longest = 0;
    for (int64_t u = 1; u < count; u++) {
        if (wt_dataset_length(dataset, u) > wt_dataset_length(dataset, longest)) longest = u;
    }
    *utterance = wt_given.utterance < 0 ? longest : wt_given.utterance;
    WT_CHECK(*utterance < count, WT_USAGE, "--prime-utterance is out of range (got %d, %s has %lld in %s)",
             wt_given.utterance, path, (long long)count, wt_given.prime_from);
    return WT_OK;
}

static wt_status wt_prime_by_dataset(wt_voice *voice) {
    wt_status status = WT_OK;
    const wt_data_config *data = &wt_checkpoint_get_config(voice->checkpoint)->data;
    const char *path = wt_given.data ? wt_given.data : data->path;
    char *id = NULL;
    int64_t utterance;
    wt_dataset *dataset;
    WT_TRY(wt_dataset_open(&dataset, path, wt_given.prime_from, data->memory));
    WT_GUARD(wt_pick_utterance(&utterance, dataset, path));
    WT_GUARD_CHECK(wt_dataset_channels(dataset) == voice->channels, WT_USAGE,
                   "%s: has %d channels, expected %d", path, wt_dataset_channels(dataset), voice->channels);
    const wt_normalization stored = wt_normalization_of_stored(&voice->normalization, dataset);
    voice->prime_count = wt_dataset_length(dataset, utterance);
    if (voice->prime_count > wt_prime_wanted(voice)) voice->prime_count = wt_prime_wanted(voice);
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

/* --- generation --- */

/* One piece; `progress` is the bar of the thread that has one. */
static wt_status wt_generate_piece(const wt_voice *voice, int piece, wt_progress *progress) {
    wt_status status = WT_OK;
    wt_stream *stream = NULL;
    int64_t *made = &voice->made[piece];
    const int channels = voice->channels;
    float *sound = voice->sound + (size_t)piece * (size_t)(voice->samples * channels);
    const wt_choice choice = {wt_given.temperature, wt_given.top_k, (uint64_t)wt_given.seed, (uint64_t)piece};
    wt_continuation series = {voice->restored.network->graph,
                              voice->quantization,
                              voice->restored.network->input_kind == WT_INPUT_CLASS,
                              wt_checkpoint_get_config(voice->checkpoint)->data.preemphasis,
                              NULL,
                              NULL};
    WT_GUARD(wt_continuation_init(&series));
    WT_GUARD(wt_stream_create(&stream, series.graph, voice->kernels, voice->restored.parameters,
                              wt_silence_class(voice->quantization)));
    for (int64_t i = 0; i < voice->prime_count && !wt_comm_signal(); i++)
        wt_continuation_feed(&series, stream, voice->prime + i * channels);
    double began = wt_time_now();
    for (int64_t i = 0; i < voice->samples && !wt_comm_signal(); i++) {
        float *x = sound + i * channels;
        WT_GUARD(wt_continuation_draw(&series, wt_stream_outputs(stream), &choice, i, x));
        *made = i + 1;
        wt_continuation_feed(&series, stream, x);
        if (progress && i % 256 == 255) {
            wt_progress_update(progress, i + 1, (double)(i + 1) / (wt_time_now() - began), NAN);
        }
    }
    if (progress) wt_progress_update(progress, *made, 0, NAN);
cleanup:
    wt_stream_destroy(stream);
    wt_continuation_dispose(&series);
    return status;
}

/* All pieces; the first one's progress stands for all. */
static wt_status wt_generate_all(wt_voice *voice) {
    wt_progress *progress;
    wt_status worst = WT_OK;
    char message[1024] = "";
    wt_comm_catch_signals(); /* what there is by then is kept */
    WT_TRY(wt_alloc(&voice->sound, (size_t)wt_given.count * (size_t)(voice->samples * voice->channels),
                    sizeof(float), "the sound"));
    WT_TRY(wt_alloc(&voice->made, (size_t)wt_given.count, sizeof *voice->made, "the lengths of the sound"));
    WT_TRY(wt_progress_create(&progress, "generating", "samples", 0, voice->samples, 10));
#pragma omp parallel for schedule(dynamic)
    for (int piece = 0; piece < wt_given.count; piece++) {
        wt_status status = wt_generate_piece(voice, piece, piece == 0 ? progress : NULL);
        if (status != WT_OK) {
#pragma omp critical
            {
                worst = status;
                snprintf(message, sizeof message, "%s", wt_error_message());
            }
        }
    }
    wt_progress_destroy(progress);
    return worst == WT_OK ? WT_OK : wt_error(worst, "%s", message);
}

/* A value in the table's units. */
static double in_units(const wt_voice *voice, const float *x, int c) {
    const wt_normalization *n = &voice->normalization;
    return n->channels ? (double)x[c] * n->deviation[c] + n->mean[c] : (double)x[c];
}

static wt_status write_rows(FILE *file, const wt_voice *voice, const float *series, int64_t samples) {
    fprintf(file, "time");
    for (int c = 0; c < voice->channels; c++) fprintf(file, ",channel_%d", c + 1);
    fprintf(file, "\n");
    for (int64_t i = 0; i < samples && !ferror(file); i++) {
        fprintf(file, "%.9g", (double)(voice->prime_count + i) / voice->rate);
        for (int c = 0; c < voice->channels; c++)
            fprintf(file, ",%.9g", in_units(voice, series + i * voice->channels, c));
        fprintf(file, "\n");
    }
    return WT_OK;
}

static wt_status plot_series(const wt_voice *voice, const float *series, int64_t samples, const char *png) {
    const int64_t rows = voice->prime_count + samples;
    double *values;
    WT_TRY(wt_alloc(&values, (size_t)(rows * voice->channels), sizeof *values, "a plot"));
    for (int64_t i = 0; i < rows; i++) {
        const float *x = i < voice->prime_count ? voice->prime + i * voice->channels
                                                : series + (i - voice->prime_count) * voice->channels;
        for (int c = 0; c < voice->channels; c++) values[c * rows + i] = in_units(voice, x, c);
    }
    const wt_series_plot plot = {
        "A series and how it goes on", voice->channels, rows, voice->prime_count, 1.0 / voice->rate, values};
    const wt_status status = wt_plot_series(&plot, png);
    wt_free(values);
    return status;
}

/* A table's series as a table: its time goes on where the priming ended. */
static wt_status write_series(const wt_voice *voice, int piece) {
    char path[WT_PATH_MAX];
    FILE *file;
    const float *series = voice->sound + (size_t)piece * (size_t)(voice->samples * voice->channels);
    const int64_t samples = voice->made[piece];
    WT_TRY(wt_output_path(path, piece));
    WT_TRY(wt_file_begin(&file, path));
    WT_TRY(wt_file_finish(file, path, write_rows(file, voice, series, samples)));
    printf("%s: %lld rows of %d columns, %.2f s at %d Hz\n", path, (long long)samples, voice->channels,
           (double)samples / voice->rate, voice->rate);
    if (!wt_given.plot || piece > 0) return WT_OK;
    WT_TRY(plot_series(voice, series, samples, wt_given.plot));
    printf("%s: the series before and after\n", wt_given.plot);
    return WT_OK;
}

static wt_status write_piece(const wt_voice *voice, int piece) {
    char path[WT_PATH_MAX];
    const int channels = voice->channels;
    const float *sound = voice->sound + (size_t)piece * (size_t)(voice->samples * channels);
    const int64_t samples = voice->made[piece];
    double power = 0.0;
    if (voice->table) return write_series(voice, piece);
    for (int64_t i = 0; i < samples * channels; i++) power += (double)sound[i] * (double)sound[i];
    WT_TRY(wt_output_path(path, piece));
    WT_TRY(wt_sound_write_wav(path, sound, samples, voice->rate, channels));
    printf("%s: %.2f s at %d Hz, level %.1f dB (RMS, re full scale)\n", path, (double)samples / voice->rate,
           voice->rate, 10.0 * log10(power / (double)(samples * channels) + 1e-20));
    return WT_OK;
}

/* Those that have begun, as far as they were generated. */
static wt_status wt_write_pieces(const wt_voice *voice, double seconds) {
    const double wanted = (double)voice->samples * wt_given.count;
    double all = 0;
    int written = 0;
    for (int piece = 0; piece < wt_given.count; piece++) {
        if (voice->made[piece] == 0) continue;
        WT_TRY(write_piece(voice, piece));
        all += (double)voice->made[piece];
        written++;
    }
    WT_CHECK(
        all == wanted, WT_FAILED,
        "stopped by a signal: %d of %d pieces are written, with %.2f of %.2f s as far as they were generated",
        written, wt_given.count, all / voice->rate, wanted / voice->rate);
    wt_log_info("%.0f samples/s, %.2f × real time", all / seconds, all / seconds / voice->rate);
    return WT_OK;
}

static wt_status wt_generate(wt_voice *voice, const char *file_or_run) {
    WT_TRY(wt_check_options());
    WT_TRY(wt_command_open_checkpoint(&voice->checkpoint, file_or_run, wt_given.checkpoint));
    const wt_config *config = wt_checkpoint_get_config(voice->checkpoint);
    const bool text = wt_checkpoint_get_vocabulary(voice->checkpoint)->classes > 0;
    const wt_checkpoint_state *state = wt_checkpoint_get_state(voice->checkpoint);
    const bool classes = config->model.head == WT_HEAD_SOFTMAX;
    voice->table = !classes && state->outputs != WT_SAMPLE_CODES;
    voice->channels = classes ? 1 : state->channels;
    voice->normalization = state->normalization;
    WT_TRY(text ? wt_check_text_options() : wt_check_sound_options(voice->table, classes));
    voice->quantization = wt_checkpoint_quantization(voice->checkpoint);
    voice->rate = wt_checkpoint_get_state(voice->checkpoint)->sample_rate;
    voice->samples = (int64_t)llround(wt_given.seconds * voice->rate);
    if (voice->samples < 1) voice->samples = 1;
    WT_TRY(wt_kernels_select(&voice->kernels, config->run.backend, WT_PRECISION_FP32));
    WT_CHECK(
        wt_checkpoint_get_config(voice->checkpoint)->data.target == WT_TARGETS_NEXT, WT_USAGE,
        "%s: the network predicts labels (expected one that predicts the next sample; see wavetrain evaluate "
        "--predictions)",
        wt_checkpoint_path(voice->checkpoint));
    WT_TRY(wt_restore_network(&voice->restored, voice->checkpoint, wt_given.raw));
    if (text) {
        const wt_text_request request = {wt_given.out,   wt_given.prompt,     wt_given.data,
                                         wt_given.count, wt_given.max_length, wt_given.temperature,
                                         wt_given.top_k, wt_given.seed};
        return wt_generate_text(&request, voice->checkpoint, &voice->restored, voice->kernels);
    }
    if (wt_given.prime) WT_TRY(wt_prime_by_file(voice));
    if (wt_given.prime_from) WT_TRY(wt_prime_by_dataset(voice));
    double began = wt_time_now();
    WT_TRY(wt_generate_all(voice));
    return wt_write_pieces(voice, wt_time_now() - began);
}

static wt_status wt_run_generate(wt_comm *comm, int argc, const char **argv) {
    (void)comm;
    wt_command_line line;
    wt_voice voice = {0};
    wt_given = (wt_generate_arguments){
        .seconds = 1, .temperature = 1, .prime_seconds = 1, .count = 1, .seed = 1, .utterance = -1};
    wt_status status = wt_command_parse(&line, &wt_command_generate, argc, argv, 1, 1);
    if (status == WT_OK && !line.done) status = wt_generate(&voice, line.arguments[0]);
    wt_free(voice.prime);
    wt_free(voice.sound);
    wt_free(voice.made);
    wt_restored_dispose(&voice.restored);
    wt_checkpoint_close(voice.checkpoint);
    poptFreeContext(line.context);
    char *texts[] = {wt_given.out,  wt_given.checkpoint, wt_given.prime, wt_given.prime_from,
                     wt_given.data, wt_given.prompt,     wt_given.plot};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
    return status;
}

const wt_command wt_command_generate = {
    .name = "generate",
    .arguments = "CHECKPOINT|RUN [--out FILE] [OPTION…]",
    .summary = "Let a checkpoint speak, a WAV file sample by sample, or write, character by character",
    .parallel = false,
    .run = wt_run_generate,
    .options = wt_options,
};
