/* The starts in run.yaml: what is written is read again, whatever a message holds; files from before there
 * was a list; what is no record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "train_internal.h"

static const wt_run_start a_start = {.begun = 1700000000,
                                     .ended = 1700003600,
                                     .from = 20,
                                     .to = 1000000000000,
                                     .ranks = 4,
                                     .threads = 24,
                                     .nodes = 2,
                                     .peak_mib = 313.5,
                                     .peak_rank = 3,
                                     .verdict = "continue",
                                     .why = "the time limit is near"};

/* As it is read again from what is written. */
static wt_run_record through_text(wt_run_record *record) {
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    fprintf(out, "verdict: running\nrestarts: 2\n");
    wt_run_print_starts(out, record);
    fclose(out);
    wt_run_record again;
    memset(&again, 0, sizeof again);
    assert_int_equal(wt_run_parse_record(&again, text), WT_OK);
    free(text);
    wt_run_record_dispose(record);
    return again;
}

static void a_start_comes_back(void **unused) {
    (void)unused;
    wt_run_record record = {0};
    assert_int_equal(wt_run_add_start(&record, &a_start), WT_OK);
    record = through_text(&record);
    assert_false(record.running); /* whatever the run's own verdict is */
    assert_string_equal(record.said.verdict, "running");
    assert_int_equal(record.restarts, 2);
    assert_int_equal(record.count, 1);
    assert_int_equal(record.earlier, 0);
    assert_memory_equal(&record.starts[0], &a_start, offsetof(wt_run_start, peak_mib));
    assert_true(record.starts[0].peak_mib == 313.5 && record.starts[0].peak_rank == 3);
    assert_string_equal(record.starts[0].verdict, "continue");
    assert_string_equal(record.starts[0].why, a_start.why);
    assert_float_equal(wt_run_node_hours(&record), 2.0, 1e-9);
    wt_run_record_dispose(&record);
}

/* A message holds names of files, and these any bytes: those that are no UTF-8 become ?. */
static void any_message_comes_back_as_far_as_it_is_text(void **unused) {
    (void)unused;
    static const char *const messages[][2] = {
        {"a \"quoted\" back\\slash: {brace, [bracket} # - & * !", NULL},
        {"größer als 3 × 4, \xF0\x9F\x8E\xB5", NULL},
        {"line\nbreak\ttab\x7F", NULL},
        {"bad \xFF\xC3( bytes \xED\xA0\x80 \xC2\x85 \xEF\xBF\xBE",
         "bad ?\?( bytes ??? \xC2\x85 \xEF\xBF\xBE"},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        wt_run_record record = {0};
        wt_run_start start = a_start;
        snprintf(start.why, sizeof start.why, "%s", messages[i][0]);
        assert_int_equal(wt_run_add_start(&record, &start), WT_OK);
        record = through_text(&record);
        assert_int_equal(record.count, 1);
        assert_string_equal(record.starts[0].why, messages[i][1] ? messages[i][1] : messages[i][0]);
        wt_run_record_dispose(&record);
    }
}

/* The list stays short, the sum whole. */
static void old_starts_are_counted(void **unused) {
    (void)unused;
    enum { STARTS = 1000 };
    wt_run_record record = {0};
    for (int i = 0; i < STARTS; i++) {
        wt_run_start start = a_start;
        start.from = i;
        assert_int_equal(wt_run_add_start(&record, &start), WT_OK);
    }
    assert_true(record.count < STARTS);
    record = through_text(&record);
    assert_int_equal(record.count + record.earlier, STARTS);
    assert_int_equal(record.starts[record.count - 1].from, STARTS - 1);
    assert_float_equal(wt_run_node_hours(&record), 2.0 * STARTS, 1e-3);
    wt_run_record_dispose(&record);
}

static void the_running_one_alone_is_closed(void **unused) {
    (void)unused;
    wt_run_record record = {0};
    wt_run_start start = a_start;
    assert_false(wt_run_close_start(&record, "failed", "why", 1));
    snprintf(start.verdict, sizeof start.verdict, "running");
    start.ended = 0;
    assert_int_equal(wt_run_add_start(&record, &start), WT_OK);
    record = through_text(&record);
    assert_true(record.running);
    assert_true(wt_run_close_start(&record, "failed", "out of luck", start.begun - 5)); /* clocks differ */
    assert_int_equal(record.starts[0].ended, start.begun);
    assert_string_equal(record.starts[0].verdict, "failed");
    assert_false(wt_run_close_start(&record, "done", "", start.begun + 5));
    assert_string_equal(record.starts[0].why, "out of luck");
    wt_run_record_dispose(&record);
}

static void older_and_broken_files_are_read(void **unused) {
    (void)unused;
    static const char *const texts[] = {
        "", "nonsense", "[1, 2]", "{", "starts: 3\nrestarts: []\n", "starts:\n- 3\n- {a: b}\n"};
    wt_run_record record;
    memset(&record, 0, sizeof record);
    assert_int_equal(
        wt_run_parse_record(&record, "verdict: done\nwhy: \"all\"\nrestarts: 4\nconfiguration:\n  a: 1\n"),
        WT_OK);
    assert_string_equal(record.said.verdict, "done");
    assert_string_equal(record.said.why, "all");
    assert_int_equal(record.restarts, 4);
    assert_int_equal(record.earlier, 5); /* of which nothing else is known */
    assert_int_equal(record.count, 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        memset(&record, 0, sizeof record);
        assert_int_equal(wt_run_parse_record(&record, texts[i]), WT_OK);
        assert_string_equal(record.said.verdict, "");
        assert_float_equal(wt_run_node_hours(&record), 0.0, 0.0);
        wt_run_record_dispose(&record);
    }
}

/* Numbers at their largest are counted on from without overflow, and brackets without end are no record, at
 * once. */
static void hostile_files_are_read(void **unused) {
    (void)unused;
    enum { BRACKETS = 60000 };
    static char text[BRACKETS + 64];
    wt_run_record record = {0};
    snprintf(text, sizeof text,
             "restarts: %d\nearlier_starts: %d\nstarts:\n- {ranks: 9223372036854775807, nodes: -5}\n",
             INT32_MAX, INT32_MAX);
    assert_int_equal(wt_run_parse_record(&record, text), WT_OK);
    assert_true(record.earlier > 0 && record.earlier + 1000000 > 0 && record.restarts + 1 > 0);
    assert_int_equal(record.count, 1);
    assert_true(record.starts[0].ranks > 0 && record.starts[0].nodes == 0);
    wt_run_record_dispose(&record);
    for (int kind = 0; kind < 3; kind++) {
        memset(&record, 0, sizeof record);
        memset(text, 0, sizeof text);
        if (kind == 2)
            strcpy(text, "a: &a [1]\nstarts: [*a, *a]\n");
        else
            for (int i = 0; i < BRACKETS; i++) text[i] = kind == 0 ? '[' : i % 2 ? ' ' : '-';
        const clock_t begun = clock();
        assert_int_equal(wt_run_parse_record(&record, text), WT_OK);
        assert_true((double)(clock() - begun) / CLOCKS_PER_SEC < 2);
        assert_int_equal(record.count, 0);
        wt_run_record_dispose(&record);
    }
}

static int nothing_is_left(void **unused) {
    (void)unused;
    return wt_memory_blocks() == 0 ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_start_comes_back, nothing_is_left),
        cmocka_unit_test_teardown(any_message_comes_back_as_far_as_it_is_text, nothing_is_left),
        cmocka_unit_test_teardown(old_starts_are_counted, nothing_is_left),
        cmocka_unit_test_teardown(the_running_one_alone_is_closed, nothing_is_left),
        cmocka_unit_test_teardown(older_and_broken_files_are_read, nothing_is_left),
        cmocka_unit_test_teardown(hostile_files_are_read, nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
