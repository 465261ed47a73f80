/* metrics.csv: what is written is read back, a resume drops later rows, damage and a full disk are named. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "metrics/metrics.h"

static const char path[] = "test_metrics_csv.csv";

static const char heading[] =
    "step,epoch,loss,bits,silence,gradient_norm,learning_rate,validation_loss,validation_bits,"
    "validation_silence,samples_per_second,seconds,validation_accuracy\n";

static wt_metrics_row make_row(int64_t step) {
    bool validated = step % 5 == 0;
    return (wt_metrics_row){.step = step,
                            .epoch = (double)step / 7,
                            .loss = (float)(5.5 - 0.01 * (double)step),
                            .bits = 1.0 / 3,
                            .silence = 0.25,
                            .gradient_norm = 1e-20 * (double)step,
                            .learning_rate = 2e-3,
                            .validation_loss = validated ? 3.25 : NAN,
                            .validation_bits = validated ? 4.7 : NAN,
                            .validation_silence = validated ? 0.5 : NAN,
                            .samples_per_second = 46123.5,
                            .seconds = 1e6 + (double)step,
                            .validation_accuracy = validated ? 0.75 : NAN};
}

static void append_rows(int64_t last_step, int64_t begin, int64_t end) {
    wt_metrics *metrics;
    assert_int_equal(wt_metrics_open(&metrics, path, last_step), WT_OK);
    for (int64_t step = begin; step <= end; step++) {
        wt_metrics_row row = make_row(step);
        assert_int_equal(wt_metrics_append(metrics, &row), WT_OK);
    }
    assert_int_equal(wt_metrics_flush(metrics), WT_OK);
    assert_int_equal(wt_metrics_close(metrics), WT_OK);
}

static void write_metrics_text(const char *text) {
    assert_int_equal(wt_file_write_atomically(path, text, strlen(text), NULL, 0), WT_OK);
}

static char *file_text(void) {
    char *text;
    size_t bytes;
    assert_int_equal(wt_file_read(&text, &bytes, path, 1 << 20), WT_OK);
    return text;
}

static void assert_text_refused(const char *text, const char *words) {
    wt_metrics *metrics = NULL;
    wt_metrics_row *rows;
    size_t count;
    write_metrics_text(text);
    assert_int_equal(wt_metrics_open(&metrics, path, 100), WT_USAGE);
    assert_null(metrics);
    assert_non_null(strstr(wt_error_message(), path));
    assert_non_null(strstr(wt_error_message(), words));
    assert_int_equal(wt_metrics_read(&rows, &count, path), WT_USAGE);
    char *after = file_text();
    assert_string_equal(after, text);
    wt_free(after);
}

static int set_up_csv(void **state) {
    (void)state;
    unlink(path);
    return 0;
}

static void rows_come_back(void **state) {
    (void)state;
    append_rows(0, 1, 12);
    wt_metrics_row *rows;
    size_t count;
    assert_int_equal(wt_metrics_read(&rows, &count, path), WT_OK);
    assert_int_equal(count, 12);
    for (size_t i = 0; i < count; i++) {
        wt_metrics_row expected = make_row((int64_t)i + 1);
        assert_int_equal(rows[i].step, expected.step);
        assert_true((float)rows[i].loss == (float)expected.loss);
        assert_true(fabs(rows[i].gradient_norm / expected.gradient_norm - 1) < 1e-8);
        assert_true(isnan(expected.validation_loss) ? isnan(rows[i].validation_loss)
                                                    : rows[i].validation_loss == 3.25);
        assert_true(rows[i].seconds == expected.seconds);
        assert_true(isnan(expected.validation_accuracy) ? isnan(rows[i].validation_accuracy)
                                                        : rows[i].validation_accuracy == 0.75);
    }
    wt_free(rows);
}

static void an_absent_number_is_an_empty_field(void **state) {
    (void)state;
    append_rows(0, 1, 1);
    char *text = file_text();
    assert_memory_equal(text, heading, strlen(heading));
    assert_string_equal(text + strlen(heading),
                        "1,0.142857143,5.48999977,0.333333333,0.25,1e-20,0.002,,,,46123.5,1000001,\n");
    wt_free(text);
}

static void a_resume_drops_later_rows(void **state) {
    (void)state;
    append_rows(0, 1, 20);
    char *whole = file_text();
    append_rows(13, 14, 20);
    char *resumed = file_text();
    assert_string_equal(resumed, whole);
    wt_free(resumed);
    append_rows(0, 1, 20);
    resumed = file_text();
    assert_string_equal(resumed, whole);
    wt_free(resumed);
    wt_free(whole);
}

static void a_line_cut_short_is_dropped(void **state) {
    (void)state;
    append_rows(0, 1, 9);
    char *nine = file_text();
    append_rows(9, 10, 10);
    char *ten = file_text();
    for (size_t cut = strlen(nine) + 1; cut < strlen(ten); cut++) {
        wt_metrics_row *rows;
        size_t count;
        assert_int_equal(wt_file_write_atomically(path, ten, cut, NULL, 0), WT_OK);
        assert_int_equal(wt_metrics_read(&rows, &count, path), WT_OK);
        assert_int_equal(count, 9);
        wt_free(rows);
        append_rows(9, 10, 10);
        char *again = file_text();
        assert_string_equal(again, ten);
        wt_free(again);
    }
    wt_free(nine);
    wt_free(ten);
}

static void an_empty_file_begins_anew(void **state) {
    (void)state;
    write_metrics_text("");
    append_rows(0, 1, 2);
    char *text = file_text();
    assert_memory_equal(text, heading, strlen(heading));
    wt_free(text);
}

static void damage_is_named(void **state) {
    (void)state;
    char text[1024];
    static const struct {
        const char *rows, *words;
    } cases[] = {
        {"1,0,1,1,0,1,1,,,,1,1,\n2,0,x,1,0,1,1,,,,1,1,\n", "line 3: not a number (got \"2,0,x"},
        {"1,0,1,1,0,1,1,,,,1\n", "line 2: too few columns"},
        {"1,0,1,1,0,1,1,,,,1,1,,5\n", "line 2: too many columns"},
        {"1,0,1,1,0,1,1,,,,1,1,\n1,0,1,1,0,1,1,,,,1,1,\n", "line 3: each step must stand once"},
        {"5,0,1,1,0,1,1,,,,1,1,\n4,0,1,1,0,1,1,,,,1,1,\n", "line 3: each step must stand once"},
        {",0,1,1,0,1,1,,,,1,1,\n", "line 2: a row must begin with its step"},
        {"99999999999999999999,0,1,1,0,1,1,,,,1,1,\n", "line 2: a row must begin with its step"},
        {"1, \n2,0,1,1,0,1,1,,,,1,1,\n", "line 2: not a number"},
        {"\n", "line 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "%s%s", heading, cases[i].rows);
        assert_text_refused(text, cases[i].words);
    }
    assert_text_refused("step,loss\n1,2\n", "line 1: another heading");
    assert_text_refused("step", "line 1: another heading");
}

static void rows_out_of_order_are_refused(void **state) {
    (void)state;
    wt_metrics *metrics;
    wt_metrics_row row = make_row(3);
    assert_int_equal(wt_metrics_open(&metrics, path, 0), WT_OK);
    assert_int_equal(wt_metrics_append(metrics, &row), WT_OK);
    assert_int_equal(wt_metrics_append(metrics, &row), WT_FAILED);
    assert_int_equal(wt_metrics_close(metrics), WT_OK);
    assert_int_equal(wt_metrics_close(NULL), WT_OK);
}

/* A limit on the file's size stands for a full disk: the same path through write. */
static void a_full_disk_is_named(void **state) {
    (void)state;
    wt_metrics *metrics;
    wt_metrics_row row = make_row(1);
    struct rlimit before, limit;
    assert_int_equal(wt_metrics_open(&metrics, path, 0), WT_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = strlen(heading) + 10;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    wt_status status = wt_metrics_append(metrics, &row);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, WT_FAILED);
    assert_non_null(strstr(wt_error_message(), path));
    assert_int_equal(wt_metrics_close(metrics), WT_OK);
    append_rows(0, 1, 3); /* and goes on past the half row */
}

static void a_missing_folder_is_named(void **state) {
    (void)state;
    wt_metrics *metrics;
    assert_int_equal(wt_metrics_open(&metrics, "no-such-folder/metrics.csv", 0), WT_FAILED);
    assert_non_null(strstr(wt_error_message(), "no-such-folder"));
}

static void csv_holds_nothing(void **state) {
    (void)state;
    unlink(path);
    assert_int_equal(wt_memory_blocks(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rows_come_back, set_up_csv),
        cmocka_unit_test_setup(an_absent_number_is_an_empty_field, set_up_csv),
        cmocka_unit_test_setup(a_resume_drops_later_rows, set_up_csv),
        cmocka_unit_test_setup(a_line_cut_short_is_dropped, set_up_csv),
        cmocka_unit_test_setup(an_empty_file_begins_anew, set_up_csv),
        cmocka_unit_test_setup(damage_is_named, set_up_csv),
        cmocka_unit_test_setup(rows_out_of_order_are_refused, set_up_csv),
        cmocka_unit_test_setup(a_full_disk_is_named, set_up_csv),
        cmocka_unit_test_setup(a_missing_folder_is_named, set_up_csv),
        cmocka_unit_test(csv_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
