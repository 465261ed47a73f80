/* wavetrain generate: what is asked for, and what is printed of it; src/generate does it. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/output.h"
#include "base/timer.h"
#include "comm/facts.h"
#include "command_internal.h"
#include "config/sections.h"
#include "metrics/metrics.h"
#include "network/network_model.h"
#include "wavetrain/base.h"
#include "wavetrain/generate.h"

typedef struct {
    char *out, *checkpoint, *prime, *prime_from, *data, *prompt, *plot, *weights;
    char **copy, **condition, *copy_from, *layout, *speaker;
    double seconds, temperature, prime_seconds;
    int count, top_k, force, utterance, raw, last_step;
    long long seed, max_length;
} arguments;

/* Of a table's or a sound's series, and of what it goes on from, where nothing says how long they are. */
static const double default_seconds = 1;

/* NaN: seconds that are not given. */
static arguments given = {
    .seconds = NAN, .temperature = 1, .prime_seconds = NAN, .count = 1, .seed = 1, .utterance = -1};

static const struct poptOption options[] = {
    {"out", '\0', POPT_ARG_STRING, &given.out, 0,
     "The WAV file to write (16 bit), of a table's series a CSV file, or - for standard output; of text, a "
     "file in place of standard output",
     "FILE|-"},
    {"raw", '\0', POPT_ARG_NONE, &given.raw, 0,
     "With --out -: the samples without a header, 16 bit, least byte first", NULL},
    {"seconds", '\0', POPT_ARG_DOUBLE, &given.seconds, 0,
     "How much to generate (default: 1); inf with --out -: without end", "S"},
    {"count", '\0', POPT_ARG_INT, &given.count, 0,
     "So many pieces at once, into FILE-1.wav, FILE-2.wav … (default: 1, into FILE.wav), without those that "
     "are there already (a signal leaves FILE-1.unfinished.wav, which is made anew); of text, so many items",
     "N"},
    {"prompt", '\0', POPT_ARG_STRING, &given.prompt, 0, "Text: what each item begins with", "TEXT"},
    {"max-length", '\0', POPT_ARG_LONGLONG, &given.max_length, 0,
     "Text: characters of an item at most (default 1000), or of a page of running text (default 2000)", "N"},
    {"temperature", '\0', POPT_ARG_DOUBLE, &given.temperature, 0,
     "1: as the network says (default); lower: nearer to the most likely; 0: always the most likely", "T"},
    {"top-k", '\0', POPT_ARG_INT, &given.top_k, 0,
     "Draw from the K most likely classes (default 0: from all)", "K"},
    {"weights", '\0', POPT_ARG_STRING, &given.weights, 0,
     "Fp32 (default), or bf16: half the memory to read, nearly the same network", "fp32|bf16"},
    {"seed", '\0', POPT_ARG_LONGLONG, &given.seed, 0, "Of the draws (default: 1)", "N"},
    {"prime", '\0', POPT_ARG_STRING, &given.prime, 0, "Go on from a recording, which is not written out",
     "SOUND"},
    {"prime-from", '\0', POPT_ARG_STRING, &given.prime_from, 0,
     "Go on from an utterance of the data set's train, validation or test part", "SPLIT"},
    {"prime-utterance", '\0', POPT_ARG_INT, &given.utterance, 0, "Its number (default: the longest one's)",
     "N"},
    {"prime-seconds", '\0', POPT_ARG_DOUBLE, &given.prime_seconds, 0,
     "How much of it, from its beginning (default: 1, at least the receptive field)", "S"},
    {"data", '\0', POPT_ARG_STRING, &given.data, 0,
     "Another data set for --prime-from and --copy-from; of text, to tell which items are new", "DATASET"},
    {"copy", '\0', POPT_ARG_ARGV, &given.copy, 0,
     "Of a network with a condition: make the features of a recording, and the sound that they tell, as long "
     "as that one unless --seconds is given; as often as needed: side by side, into FILE-1.wav, FILE-2.wav …",
     "SOUND"},
    {"condition", '\0', POPT_ARG_ARGV, &given.condition, 0,
     "The same with features that another program has made: .npy, or .h5 with feats, melspc or world",
     "FILE"},
    {"layout", '\0', POPT_ARG_STRING, &given.layout, 0,
     "With --condition: TD, a row per frame, or DT, a column per frame (default: by which side fits)",
     "TD|DT"},
    {"copy-from", '\0', POPT_ARG_STRING, &given.copy_from, 0,
     "The same with --count recordings of the data set's train, validation or test part, evenly spread over "
     "it, the first 10 s of each",
     "SPLIT"},
    {"speaker", '\0', POPT_ARG_STRING, &given.speaker, 0,
     "Of a network with speakers: one's name, or its number from 0 (not with --copy-from, whose recordings "
     "have their own)",
     "NAME|N"},
    {"plot", '\0', POPT_ARG_STRING, &given.plot, 0,
     "Of a table's series, a picture of what it goes on from and how (of the first piece)", "FILE.png"},
    WT_CHECKPOINT_OPTION(given.checkpoint),
    WT_NO_EMA_OPTION(given.last_step),
    {"force", '\0', POPT_ARG_NONE, &given.force, 0, "Replace existing files", NULL},
    POPT_TABLEEND,
};

/* --- checks --- */

static double or_default(double seconds) {
    return isnan(seconds) ? default_seconds : seconds;
}

static wt_status check_generate_options(wt_weights *weights) {
    const double seconds = or_default(given.seconds), prime = or_default(given.prime_seconds);
    WT_CHECK(given.count >= 1 && given.count <= 4096, WT_USAGE,
             "--count is out of range (got %d, expected 1 … 4096)", given.count);
    WT_CHECK(given.temperature >= 0 && given.temperature <= 100, WT_USAGE,
             "--temperature is out of range (got %g, expected 0 … 100)", given.temperature);
    WT_CHECK(given.top_k >= 0, WT_USAGE, "--top-k is out of range (got %d, expected 0 or more)", given.top_k);
    WT_CHECK(seconds > 0 && (seconds <= 86400 || isinf(seconds)), WT_USAGE,
             "--seconds is out of range (got %g, expected more than 0, at most 86400, or inf)", seconds);
    WT_CHECK(prime >= 0 && prime <= 86400, WT_USAGE,
             "--prime-seconds is out of range (got %g, expected 0 … 86400)", prime);
    WT_CHECK(!(given.prime && given.prime_from), WT_USAGE, "--prime and --prime-from: expected one of them");
    return wt_command_parse_weights(weights, given.weights);
}

static wt_status check_series_options(const wt_generator *generator) {
    const bool table = generator->kind == WT_GENERATES_TABLE;
    WT_CHECK(given.out, WT_USAGE, "--out FILE.%s is missing", table ? "csv" : "wav");
    const bool pipe = strcmp(given.out, "-") == 0;
    if (!pipe)
        WT_TRY(wt_path_require_ending(given.out, table ? ".csv" : ".wav", table ? "a table" : "a WAV file"));
    WT_CHECK(!table || !given.prime, WT_USAGE, "--prime: is for sound (a table's series has --prime-from)");
    WT_CHECK(table || !given.plot, WT_USAGE, "--plot: is for a table's series, and the run makes sound");
    if (given.plot) WT_TRY(wt_path_require_ending(given.plot, ".png", "a PNG picture"));
    const bool classes = wt_checkpoint_get_config(generator->checkpoint)->model.head == WT_HEAD_SOFTMAX;
    WT_CHECK(classes || given.top_k == 0, WT_USAGE,
             "--top-k: is for classes, and the network predicts values");
    WT_CHECK((pipe && !table) || !given.raw, WT_USAGE,
             "--raw: is for sound with --out - (--no-ema takes the parameters of the last step)");
    WT_CHECK(!given.prompt && !given.max_length, WT_USAGE, "%s: is for text, and the run makes sound",
             given.prompt ? "--prompt" : "--max-length");
    return WT_OK;
}

/* For text, whose length is counted in characters and whose beginning is a prompt. */
static wt_status check_text_options(void) {
    const bool seconds = !isnan(given.seconds) || !isnan(given.prime_seconds);
    WT_CHECK(!given.raw, WT_USAGE,
             "--raw: is for sound with --out - (--no-ema takes the parameters of the last step)");
    WT_CHECK(!seconds && !given.prime && !given.prime_from, WT_USAGE,
             "%s: is for sound, and the run writes text", seconds ? "--seconds" : "--prime");
    return given.out ? wt_path_require_writable(given.out, given.force) : WT_OK;
}

/* --- what the network is given --- */

static const char *data_path(const wt_generator *generator) {
    return given.data ? given.data : wt_checkpoint_dataset_path(generator->checkpoint);
}

static bool gives_condition(void) {
    return given.copy || given.condition || given.copy_from;
}

/* Recordings of a data set have their own. */
static wt_status choose_speaker(wt_generator *generator) {
    WT_CHECK(!given.speaker || !given.copy_from, WT_USAGE,
             "--speaker: does not go with --copy-from, whose recordings have their own speakers");
    return given.copy_from ? WT_OK : wt_generator_set_speaker(generator, given.speaker);
}

/* What the pieces follow: a recording, a file or an utterance each. */
static wt_status choose_conditions(wt_generator *generator, wt_conditions *conditions) {
    const wt_network_traits *traits = wt_network_get_traits(generator->restored.network);
    const bool may_lack = wt_checkpoint_get_config(generator->checkpoint)->data.condition_dropout > 0;
    WT_CHECK(traits->features > 0 || !gives_condition(), WT_USAGE, "%s: the network has no condition",
             given.copy        ? "--copy"
             : given.condition ? "--condition"
                               : "--copy-from");
    WT_CHECK(given.condition || !given.layout, WT_USAGE, "--layout: needs --condition");
    WT_TRY(choose_speaker(generator));
    if (traits->features == 0) return WT_OK;
    WT_CHECK(gives_condition() || may_lack, WT_USAGE,
             "the network has a condition (--copy SOUND, --condition FILE or --copy-from SPLIT gives it)");
    WT_CHECK(!given.prime && !given.prime_from, WT_USAGE,
             "--prime: does not go with a condition, which begins with the first sample");
    for (char **path = given.copy; path && *path; path++)
        WT_TRY(wt_conditions_add_sound(conditions, generator, *path));
    for (char **path = given.condition; path && *path; path++)
        WT_TRY(wt_conditions_add_features(conditions, generator, *path, given.layout));
    WT_CHECK(conditions->count == 0 || (given.count == 1 && !given.copy_from), WT_USAGE,
             "--%s: does not go with --copy or --condition, which make a piece each",
             given.copy_from ? "copy-from" : "count");
    if (!given.copy_from) return WT_OK;
    return wt_conditions_add_dataset(conditions, generator, data_path(generator), given.copy_from,
                                     given.count);
}

static wt_status read_prime(wt_prime *prime, const wt_generator *generator) {
    const double rate = generator->rate, seconds = or_default(given.prime_seconds);
    if (given.prime) {
        WT_TRY(wt_prime_read_sound(prime, generator, given.prime, seconds));
        wt_log_info("primed with the first %.2f s of %s, which has %.2f s", (double)prime->count / rate,
                    given.prime, (double)prime->whole / rate);
    } else if (given.prime_from) {
        const wt_prime_source source = {data_path(generator), given.prime_from, given.utterance, seconds};
        WT_TRY(wt_prime_read_utterance(prime, generator, &source));
        wt_log_info("primed with %.2f s of %s (%s)", (double)prime->count / rate, prime->id,
                    given.prime_from);
    }
    return WT_OK;
}

/* What the command holds. */
typedef struct {
    wt_checkpoint *checkpoint;
    wt_generator generator;
    wt_weights weights;
    wt_prime prime;
    wt_conditions conditions;
} session;

static wt_status open_session(session *s, const char *file_or_run) {
    wt_generator *generator = &s->generator;
    WT_TRY(check_generate_options(&s->weights));
    WT_TRY(wt_checkpoint_choose(&s->checkpoint, file_or_run, given.checkpoint));
    WT_TRY(wt_generator_open(generator, s->checkpoint, given.last_step));
    WT_TRY(generator->kind == WT_GENERATES_TEXT ? check_text_options() : check_series_options(generator));
    generator->how.temperature = given.temperature;
    generator->how.top_k = given.top_k;
    generator->how.seed = (uint64_t)given.seed;
    WT_TRY(choose_conditions(generator, &s->conditions));
    return read_prime(&s->prime, generator);
}

/* --- sound and series --- */

typedef struct {
    const wt_series_request *request;
    wt_progress *bar;
    double began;
} series_report;

/* A line of what was made; standard output may be the sound's. */
static void print_made(const wt_series_request *request, const char *text) {
    if (strcmp(request->out, "-") == 0)
        wt_log_info("%s", text);
    else
        printf("%s\n", text);
}

static void print_written(void *context, const wt_series_piece *piece) {
    const series_report *report = context;
    const wt_generator *generator = report->request->generator;
    const double seconds = (double)piece->samples / generator->rate;
    char text[WT_PATH_MAX + 128];
    if (generator->kind == WT_GENERATES_TABLE)
        snprintf(text, sizeof text, "%s: %" PRId64 " rows of %d columns, %.2f s at %d Hz", piece->path,
                 piece->samples, generator->channels, seconds, generator->rate);
    else
        snprintf(text, sizeof text, "%s: %.2f s at %d Hz, level %.1f dB (RMS, re full scale)", piece->path,
                 seconds, generator->rate, piece->level);
    print_made(report->request, text);
}

static void show_drawn(void *context, int64_t samples) {
    const series_report *report = context;
    if (report->bar)
        wt_progress_update(report->bar, samples, (double)samples / (wt_time_now() - report->began), NAN);
}

/* One line of what can't be meant, and what to try. */
static void warn_of_traits(const wt_series_summary *summary) {
    static const char *const advice[WT_SOUND_TRAITS] = {
        [WT_SOUND_SILENCE] = "silence: try --prime-from test (it begins in silence otherwise), another "
                             "--seed, or --temperature 1",
        [WT_SOUND_CONSTANT] = "a constant: try --temperature 1, or --checkpoint best; the loss says whether "
                              "the network has learnt anything",
        [WT_SOUND_NOISE] = "noise, no sample like its neighbours: train longer, or try --checkpoint best, "
                           "--temperature 0.8, or --prime-from test",
    };
    const int64_t all = summary->whole + summary->unfinished;
    for (int kind = 0; kind < WT_SOUND_TRAITS; kind++) {
        if (summary->traits[kind] == 0 || !advice[kind]) continue;
        if (all == 1)
            wt_log_warning("what was generated is %s", advice[kind]);
        else
            wt_log_warning("%" PRId64 " of %" PRId64 " pieces are %s", summary->traits[kind], all,
                           advice[kind]);
    }
}

static wt_status print_summary(const wt_series_request *request, const wt_series_summary *summary) {
    const int asked = request->count - summary->skipped;
    const double made = (double)summary->samples, rate = request->generator->rate;
    char text[WT_PATH_MAX + 64];
    if (summary->plotted) {
        snprintf(text, sizeof text, "%s: the series before and after", request->plot);
        print_made(request, text);
    }
    warn_of_traits(summary);
    WT_CHECK(request->samples < 0 || summary->whole == asked, WT_FAILED,
             "stopped by a signal: %" PRId64 " of %d pieces are whole, %" PRId64
             " are kept as unfinished, with %.2f of %.2f s in all",
             summary->whole, asked, summary->unfinished, made / rate, (double)summary->asked / rate);
    if (summary->skipped > 0)
        wt_log_info("%d of %d pieces were there already (--force replaces them)", summary->skipped,
                    request->count);
    if (made > 0)
        wt_log_info("%.0f samples/s, %.2f × real time", made / summary->seconds,
                    made / summary->seconds / rate);
    return WT_OK;
}

static int64_t find_length(const session *s) {
    if (isinf(given.seconds)) return -1;
    if (s->conditions.count > 0 && isnan(given.seconds)) return 0;
    const int64_t samples = llround(or_default(given.seconds) * s->generator.rate);
    return samples == 0 ? 1 : samples;
}

/* Collective. */
static wt_status generate_series(const session *s, wt_comm *comm) {
    series_report report = {.began = wt_time_now()};
    wt_series_summary summary;
    const wt_series_request request = {.generator = &s->generator,
                                       .prime = s->prime,
                                       .out = given.out,
                                       .plot = given.plot,
                                       .raw = given.raw,
                                       .force = given.force,
                                       .count = s->conditions.count ? s->conditions.count : given.count,
                                       .conditions = s->conditions.count ? &s->conditions : NULL,
                                       .samples = find_length(s),
                                       .weights = s->weights,
                                       .written = print_written,
                                       .drawn = show_drawn,
                                       .context = &report};
    wt_status status = WT_OK;
    report.request = &request;
    const int64_t first = request.samples == 0 ? s->conditions.list[0].samples : request.samples;
    if (wt_comm_rank(comm) == 0 && first > 0)
        status = wt_progress_create(&report.bar, "generating", "samples", 0, first, 10);
    status = wt_comm_agree(comm, status);
    if (status == WT_OK) status = wt_series_generate(comm, &request, &summary);
    wt_progress_destroy(report.bar);
    return status == WT_OK ? print_summary(&request, &summary) : status;
}

/* --- text --- */

static wt_status output_texts(const wt_texts *texts) {
    char *bytes = NULL;
    size_t size = 0;
    wt_status status = wt_texts_encode(&bytes, &size, texts);
    if (status == WT_OK && given.out) {
        status = wt_file_write_atomically(given.out, bytes, size, NULL, 0);
    } else if (status == WT_OK) {
        wt_output_is_data();
        fwrite(bytes, 1, size, stdout);
        fflush(stdout); /* main says if it did not arrive */
    }
    free(bytes);
    return status;
}

/* A data set that is gone, or another by now, is no failure: the texts are there. */
static void print_novelty(const wt_texts *texts) {
    const char *path = data_path(texts->generator), *plural = texts->count == 1 ? "" : "s";
    int new;
    int64_t items;
    if (texts->cut > 0)
        wt_log_info("%d of %d item%s had no end mark within %" PRId64 " characters (--max-length)",
                    texts->cut, texts->count, plural, texts->max_length);
    if (wt_texts_count_new(&new, &items, texts, path) == WT_OK)
        wt_log_info("%d of %d item%s (%.1f %%) %s not among the %" PRId64 " of the training part of %s", new,
                    texts->count, plural, 100.0 * new / texts->count, new == 1 ? "is" : "are", items, path);
    else
        wt_log_warning("the share of new items is not known: %s", wt_error_message());
}

static wt_status generate_texts(const session *s) {
    const wt_text_request request = {&s->generator, given.prompt, given.count, given.max_length, s->weights};
    wt_texts texts;
    wt_status status = WT_OK;
    WT_TRY(wt_texts_draw(&texts, &request));
    WT_GUARD(output_texts(&texts));
    WT_GUARD_CHECK(
        texts.whole == texts.count, WT_FAILED,
        "stopped by a signal: %d of %d texts are whole, what was generated of the others is written too",
        texts.whole, texts.count);
    if (texts.items) print_novelty(&texts);
cleanup:
    wt_texts_dispose(&texts);
    return status;
}

/* --- the command --- */

/* Collective. Texts are short: rank 0 draws them. */
static wt_status generate(wt_comm *comm, session *s, const char *file_or_run) {
    WT_TRY(wt_command_settle(comm, false));
    WT_TRY(wt_comm_agree_alike(comm, open_session(s, file_or_run)));
    wt_comm_catch_signals(); /* what there is by then is kept */
    if (s->generator.kind != WT_GENERATES_TEXT) return generate_series(s, comm);
    return wt_comm_agree(comm, wt_comm_rank(comm) == 0 ? generate_texts(s) : WT_OK);
}

static wt_status generate_line(wt_comm *comm, const wt_command_line *line) {
    session s = {0};
    const wt_status status = generate(comm, &s, line->arguments[0]);
    wt_prime_dispose(&s.prime);
    wt_conditions_dispose(&s.conditions);
    wt_generator_dispose(&s.generator);
    wt_checkpoint_close(s.checkpoint);
    return status;
}

const wt_command wt_command_generate = {
    .name = "generate",
    .arguments = "CHECKPOINT|RUN [--out FILE] [OPTION…]",
    .summary =
        "Let a checkpoint speak, a WAV file sample by sample, or write, character by character (also under "
        "mpirun)",
    .parallel = true,
    .options = options,
    .min = 1,
    .max = 1,
    .work = generate_line,
};
