/*
 * Data sets by all ranks through the C API: the same bytes as one rank writes, also of what is measured
 * before (normalisation); nothing is left of what fails; texts and tables reach all ranks from rank 0.
 */
#include "comm/ranks.h"
#include "comm/shared_folder.h"

#include <string.h>

#include "data/prepare/prepare.h"
#include "wavetrain/data.h"

/* --- a signal that is computed --- */

static const wt_ion ion = {.count = 2,
                           .opening = 100,
                           .closing = 50,
                           .amplitude = 1,
                           .noise = 0.1,
                           .rate = 1000,
                           .frames = 300,
                           .utterances = 40,
                           .seed = 3};
enum { SHARD_BYTES = 8 * 1024 };

static void count_progress(void *context, int64_t done, int64_t total) {
    int64_t *last = context;
    if (done == *last + 1 && done <= total) *last = done;
}

/* By the ranks of `with`. */
static wt_status write_ion_set(wt_comm *with, const char *out, wt_prepared *prepared, int64_t *last) {
    const wt_utterance_source source = {.load = wt_ion_load, .context = &ion};
    const wt_prepare_output output = {.out = out, .progress = count_progress, .context = last};
    memset(prepared, 0, sizeof *prepared);
    const wt_status planned = wt_ion_plan(&prepared->plan, &ion, SHARD_BYTES);
    return wt_prepare_write_simulated(with, &output, planned, source, prepared);
}

static void test_ranks_do_not_change_a_byte(void **state) {
    (void)state;
    static wt_prepared all, one;
    int64_t last = 0;
    const wt_status status = write_ion_set(comm, in_folder("all"), &all, &last);
    assert_all(status == WT_OK);
    wt_comm_sum_int64(comm, &last, 1);
    assert_all(last == ion.utterances);
    assert_all(wt_prepared_frames(&all) == ion.utterances * ion.frames);
    assert_all(all.tally.shards[WT_SPLIT_TRAIN] > 2);
    assert_all(all.plan.normalization.channels == 1 && all.plan.normalization.deviation[0] > 0.5);
    bool same = true;
    if (wt_comm_rank(comm) == 0) {
        wt_comm *alone;
        assert_ok(wt_comm_alone(&alone, comm));
        last = 0;
        assert_ok(write_ion_set(alone, in_folder("one"), &one, &last));
        same = memcmp(&all.tally, &one.tally, sizeof one.tally) == 0;
        for (wt_split split = 0; split < WT_SPLITS; split++)
            same = same && *one.digest[split] && strcmp(all.digest[split], one.digest[split]) == 0;
        same = same && files_are_alike("all/train-00000.h5", "one/train-00000.h5") &&
               files_are_alike("all/train-00001.h5", "one/train-00001.h5");
        wt_prepared_dispose(&one);
        wt_comm_finish(alone);
    }
    assert_all(same);
    wt_prepared_dispose(&all);
}

static void test_what_is_there_is_refused(void **state) {
    (void)state;
    static wt_prepared prepared;
    int64_t last = 0;
    if (wt_comm_rank(comm) == 0) assert_ok(wt_folder_make(in_folder("mine")));
    wt_comm_barrier(comm);
    assert_all(write_ion_set(comm, in_folder("mine"), &prepared, &last) == WT_USAGE);
    assert_all(strstr(wt_error_message(), "mine") != NULL && last == 0);
    wt_prepared_dispose(&prepared);
}

/* An utterance that can't be loaded by the one rank that needs it. */
static wt_status load_badly(const void *context, size_t item, wt_utterance *utterance) {
    if (item == 17) return wt_error(WT_FAILED, "utterance 17 is gone");
    return wt_sine_load(context, item, utterance);
}

static void test_nothing_is_left_of_a_failure(void **state) {
    (void)state;
    static wt_prepared prepared;
    static const wt_sine sine = {
        .frequency = 50, .amplitude = 0.5, .rate = 1000, .frames = 400, .utterances = 40};
    const wt_utterance_source source = {.load = load_badly, .context = &sine};
    const wt_prepare_output output = {.out = in_folder("deep/broken")};
    memset(&prepared, 0, sizeof prepared);
    const wt_status planned = wt_sine_plan(&prepared.plan, &sine, SHARD_BYTES);
    assert_all(wt_prepare_write_simulated(comm, &output, planned, source, &prepared) == WT_FAILED);
    assert_all(strcmp(wt_error_message(), "utterance 17 is gone") == 0);
    wt_comm_barrier(comm);
    assert_all(!wt_path_exists(in_folder("deep")));
    wt_prepared_dispose(&prepared);
}

/* --- files that rank 0 reads --- */

static void test_a_table(void **state) {
    (void)state;
    enum { ROWS = 600 };
    static wt_prepared prepared;
    static const char *const signals[] = {"x"};
    if (wt_comm_rank(comm) == 0) {
        FILE *file = fopen(in_folder("rows.csv"), "w");
        assert_non_null(file);
        fprintf(file, "x,y\n");
        for (int i = 0; i < ROWS; i++) fprintf(file, "%d,%d\n", i % 7, i % 3);
        assert_int_equal(fclose(file), 0);
    }
    char path[WT_PATH_MAX];
    snprintf(path, sizeof path, "%s", in_folder("rows.csv"));
    const char *files[] = {path};
    const wt_table_job job = {
        .files = files,
        .count = 1,
        .options = {.signals = signals,
                    .signal_count = 1,
                    .label = "y",
                    .separator = ',',
                    .decimal = '.',
                    .rate = 10,
                    .blocks = 10,
                    .gap = 2,
                    .shard_bytes = 1 << 20,
                    .split.held = {[WT_SPLIT_VALIDATION].share = 0.2, [WT_SPLIT_TEST].share = 0.2}}};
    const wt_prepare_output output = {.out = in_folder("table")};
    wt_table *table;
    const wt_status status = wt_table_prepare(comm, &output, &job, &table, &prepared);
    if (status != WT_OK) print_error("%s\n", wt_error_message());
    assert_all(status == WT_OK);
    assert_all(prepared.plan.classes == 3 && wt_table_rows(table) == ROWS);
    assert_all(wt_prepared_frames(&prepared) + wt_table_left_out(table) == ROWS);
    wt_prepared_dispose(&prepared);
    wt_table_destroy(table);
}

static void test_a_text(void **state) {
    (void)state;
    static wt_prepared prepared;
    static const char lines[] = "anna\nbo\ncid\ndora\nerik\nfay\n";
    if (wt_comm_rank(comm) == 0)
        assert_ok(wt_file_write_atomically(in_folder("names.txt"), lines, sizeof lines - 1, NULL, 0));
    wt_comm_barrier(comm);
    wt_text_job job = {
        .count = 1,
        .options = {.lines = true, .shard_bytes = 1 << 20, .split.held = {[WT_SPLIT_TRAIN].share = 1}}};
    assert_ok(wt_alloc(&job.files, 1, sizeof *job.files, "a test"));
    char path[WT_PATH_MAX];
    snprintf(path, sizeof path, "%s", in_folder("names.txt"));
    job.files[0].path = path;
    const wt_prepare_output output = {.out = in_folder("names")};
    wt_text text;
    const wt_status status = wt_text_prepare(comm, &output, &job, &text, &prepared);
    if (status != WT_OK) print_error("%s\n", wt_error_message());
    assert_all(status == WT_OK);
    assert_all(text.count == 6 && prepared.tally.utterances[WT_SPLIT_TRAIN] == 6);
    assert_all(job.files[0].size == sizeof lines - 1);
    wt_prepared_dispose(&prepared);
    wt_text_dispose(&text);
    wt_text_files_free(job.files, job.count);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks_do_not_change_a_byte),
        cmocka_unit_test(test_what_is_there_is_refused),
        cmocka_unit_test(test_nothing_is_left_of_a_failure),
        cmocka_unit_test(test_a_table),
        cmocka_unit_test(test_a_text),
    };
    RUN_ALL_RANKS_IN_FOLDER(tests, make_shared_folder, argc, argv);
}
