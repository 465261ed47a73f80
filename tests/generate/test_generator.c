/*
 * What a checkpoint's network makes, through the C API: sound into files, the same pieces on any number of
 * ranks and in any company, those that are there left out; an utterance that it goes on from; text.
 */
#include "comm/shared_folder.h"
#include "data/prepare/prepare.h"
#include "support.h"
#include "train/untrained.h"
#include "wavetrain/generate.h"

enum { RATE = 8000, SAMPLES = 300, SYMBOLS = 4 };

/* --- checkpoints of untrained networks --- */

static void write_sound_checkpoint(void) {
    static const char *const sets[] = {"model.stacks=1",   "model.layers=3", "model.residual=6",
                                       "model.gate=6",     "model.skip=6",   "data.quantization=mulaw:64",
                                       "train.steps=1234", "data.path=data"};
    write_untrained(in_folder("sound.h5"), sets, sizeof sets / sizeof *sets, NULL);
}

static void write_text_checkpoint(void) {
    static const char *const sets[] = {"model.stacks=1",   "model.layers=2", "model.residual=6",
                                       "model.gate=6",     "model.skip=6",   "data.quantization=vocabulary",
                                       "train.steps=1234", "data.path=data"};
    static const int32_t symbols[SYMBOLS] = {WT_END_MARK, 'a', 'b', 'c'};
    wt_vocabulary vocabulary;
    assert_ok(wt_vocabulary_init(&vocabulary, "a test", symbols, SYMBOLS));
    write_untrained(in_folder("text.h5"), sets, sizeof sets / sizeof *sets, &vocabulary);
    wt_vocabulary_dispose(&vocabulary);
}

static int make_checkpoints(void **state) {
    if (make_shared_folder(state) != 0) return -1;
    if (wt_comm_rank(comm) == 0) {
        write_sound_checkpoint();
        write_text_checkpoint();
    }
    wt_comm_barrier(comm);
    return 0;
}

static void open_generator(wt_generator *generator, wt_checkpoint **checkpoint, const char *name) {
    assert_ok(wt_checkpoint_open(checkpoint, in_folder(name)));
    assert_ok(wt_generator_open(generator, *checkpoint, false));
}

static void close_generator(wt_generator *generator, wt_checkpoint *checkpoint) {
    wt_generator_dispose(generator);
    wt_checkpoint_close(checkpoint);
}

/* --- sound --- */

static void count_file(void *context, const wt_series_piece *piece) {
    int *pieces = context;
    if (piece->samples == SAMPLES && wt_path_exists(piece->path)) ++*pieces;
}

/* Pieces into NAME; the summary is of all ranks. Collective. */
static wt_series_summary sing(const wt_generator *generator, const char *name, int count,
                              const wt_prime *prime) {
    char out[WT_PATH_MAX];
    int pieces = 0;
    snprintf(out, sizeof out, "%s", in_folder(name));
    wt_series_request request = {.generator = generator,
                                 .out = out,
                                 .count = count,
                                 .samples = SAMPLES,
                                 .written = count_file,
                                 .context = &pieces};
    if (prime) request.prime = *prime;
    wt_series_summary summary;
    const wt_status status = wt_series_generate(comm, &request, &summary);
    assert_all(status == WT_OK);
    int64_t all = pieces;
    wt_comm_sum_int64(comm, &all, 1);
    assert_all(all == summary.whole);
    return summary;
}

static void test_pieces_depend_on_their_number_alone(void **state) {
    (void)state;
    wt_generator generator;
    wt_checkpoint *checkpoint;
    open_generator(&generator, &checkpoint, "sound.h5");
    assert_all(generator.kind == WT_GENERATES_SOUND && generator.rate == RATE && generator.channels == 1);
    const wt_series_summary five = sing(&generator, "five.wav", 5, NULL);
    assert_all(five.whole == 5 && five.unfinished == 0 && five.skipped == 0 && five.samples == 5 * SAMPLES);
    sing(&generator, "one.wav", 1, NULL);
    assert_all(files_are_alike("one.wav", "five-1.wav"));
    assert_all(!files_are_alike("five-1.wav", "five-2.wav"));

    if (wt_comm_rank(comm) == 0)
        assert_ok(wt_file_write_atomically(in_folder("five-2.wav"), "x", 1, NULL, 0));
    const wt_series_summary again = sing(&generator, "five.wav", 6, NULL);
    assert_all(again.skipped == 5 && again.whole == 1);
    close_generator(&generator, checkpoint);
}

static void test_what_can_not_be_written_is_refused(void **state) {
    (void)state;
    wt_generator generator;
    wt_checkpoint *checkpoint;
    wt_series_summary summary;
    open_generator(&generator, &checkpoint, "sound.h5");
    char out[WT_PATH_MAX];
    snprintf(out, sizeof out, "%s", in_folder("endless.wav"));
    const wt_series_request endless = {.generator = &generator, .out = out, .count = 1, .samples = -1};
    assert_all(wt_series_generate(comm, &endless, &summary) == WT_USAGE);
    assert_all(strstr(wt_error_message(), "a file needs an end") != NULL);
    assert_all(!wt_path_exists(out));
    close_generator(&generator, checkpoint);
}

/* --- going on --- */

static void write_two_utterances(void) {
    const wt_shard_header header = {
        .kind = "audio", .split = "train", .sample_rate = RATE, .channels = 1, .shards = 1};
    float samples[SAMPLES];
    wt_shard_writer *writer;
    for (int i = 0; i < SAMPLES; i++) samples[i] = (float)(i % 50) / 64;
    assert_ok(wt_folder_make(in_folder("data")));
    assert_ok(wt_shard_create(&writer, in_folder("data"), &header));
    assert_ok(wt_shard_add(writer, "short", -1, samples, SAMPLES / 2));
    assert_ok(wt_shard_add(writer, "long", -1, samples, SAMPLES));
    assert_ok(wt_shard_finish(writer));
}

static void test_an_utterance_is_gone_on_from(void **state) {
    (void)state;
    wt_generator generator;
    wt_checkpoint *checkpoint;
    wt_prime prime;
    if (wt_comm_rank(comm) == 0) write_two_utterances();
    wt_comm_barrier(comm);
    open_generator(&generator, &checkpoint, "sound.h5");
    char data[WT_PATH_MAX];
    snprintf(data, sizeof data, "%s", in_folder("data"));
    const wt_prime_source longest = {data, "train", -1, 0.01}, missing = {data, "train", 2, 0.01};
    assert_ok(wt_prime_read_utterance(&prime, &generator, &longest));
    assert_all(strcmp(prime.id, "long") == 0 && prime.whole == SAMPLES && prime.count == RATE / 100);
    assert_all(prime.samples[49] == 49.0f / 64 && prime.samples[50] == 0);
    sing(&generator, "primed.wav", 1, &prime);
    assert_all(!files_are_alike("primed.wav", "one.wav"));
    wt_prime_dispose(&prime);

    const wt_prime_source field = {data, "train", 0, 0};
    assert_ok(wt_prime_read_utterance(&prime, &generator, &field));
    assert_all(strcmp(prime.id, "short") == 0);
    assert_all(prime.count == wt_network_get_traits(generator.restored.network)->receptive_field);
    wt_prime_dispose(&prime);
    assert_all(wt_prime_read_utterance(&prime, &generator, &missing) == WT_USAGE);
    close_generator(&generator, checkpoint);
}

/* --- text --- */

static void test_texts(void **state) {
    (void)state;
    wt_generator generator;
    wt_checkpoint *checkpoint;
    wt_texts texts;
    char *bytes;
    size_t size;
    open_generator(&generator, &checkpoint, "text.h5");
    assert_all(generator.kind == WT_GENERATES_TEXT);
    const wt_text_request request = {.generator = &generator, .prompt = "ab", .count = 7, .max_length = 12};
    assert_ok(wt_texts_draw(&texts, &request));
    assert_all(texts.items && texts.whole == 7 && texts.prompt_count == 2 && texts.cut < 7);
    assert_ok(wt_texts_encode(&bytes, &size, &texts));
    int lines = 0;
    for (const char *line = bytes; line < bytes + size; line = strchr(line, '\n') + 1, lines++)
        assert_all(memcmp(line, "ab", 2) == 0 && strspn(line, "abc") <= 12);
    assert_all(lines == 7);
    free(bytes);
    wt_texts_dispose(&texts);

    const wt_text_request unknown = {.generator = &generator, .prompt = "ax", .count = 1};
    assert_all(wt_texts_draw(&texts, &unknown) == WT_USAGE);
    assert_all(strstr(wt_error_message(), "is not in the vocabulary of the run (got x)") != NULL);
    close_generator(&generator, checkpoint);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_depend_on_their_number_alone),
        cmocka_unit_test(test_what_can_not_be_written_is_refused),
        cmocka_unit_test(test_an_utterance_is_gone_on_from),
        cmocka_unit_test(test_texts),
    };
    RUN_ALL_RANKS_IN_FOLDER(tests, make_checkpoints, argc, argv);
}
