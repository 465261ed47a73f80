/* TensorBoard's event files: framing and checksums as the format says; after a start that goes on from an
 * earlier step each step stands in the file once, and what was there before is the same bytes. */
#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "metrics/events.h"
#include "support.h"

static const char folder[] = "test_events.tmp", table[] = "test_events.csv";

static void test_crc(void **state) {
    (void)state; /* RFC 3720, B.4, and the usual check */
    static const uint8_t zeros[32];
    assert_int_equal(wt_events_crc("123456789", 9), 0xe3069283u);
    assert_int_equal(wt_events_crc(zeros, sizeof zeros), 0x8a9136aau);
}

static wt_metrics_row event_row(int64_t step) {
    return (wt_metrics_row){.step = step,
                            .epoch = 0.5,
                            .loss = 3 - 0.125 * (double)step,
                            .bits = 1,
                            .silence = NAN,
                            .gradient_norm = 2,
                            .learning_rate = 1e-3,
                            .validation_loss = step % 2 ? NAN : 2.5,
                            .validation_bits = NAN,
                            .validation_silence = NAN,
                            .samples_per_second = 100,
                            .seconds = (double)step};
}

static void write_steps(int64_t last_step, int64_t end) {
    wt_metrics *metrics;
    must(wt_metrics_open(&metrics, table, last_step));
    must(wt_metrics_add_events(metrics, folder));
    for (int64_t step = last_step + 1; step <= end; step++) {
        const wt_metrics_row row = event_row(step);
        must(wt_metrics_append(metrics, &row));
    }
    must(wt_metrics_close(metrics));
}

static char *load_events(size_t *bytes) {
    char **names, path[WT_PATH_MAX], *found;
    size_t count;
    must(wt_folder_list(&names, &count, folder, "events.out.tfevents.", ".wavetrain"));
    assert_int_equal(count, 1);
    must(wt_path_join(path, folder, names[0]));
    wt_folder_list_free(names, count);
    must(wt_file_read(&found, bytes, path, 1 << 20));
    return found;
}

static uint32_t masked(const void *bytes, size_t count) {
    const uint32_t crc = wt_events_crc(bytes, count);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

/* The step of an event whose data begin with its time and its step. */
static int step_of(const char *data) {
    assert_int_equal(data[0], 0x09);
    return data[9] == 0x10 ? data[10] : 0;
}

/* Checks all records; their steps must be 0 (the version), 1, 2 … `last`. */
static void expect_steps(int last) {
    size_t bytes, at = 0;
    char *events = load_events(&bytes);
    for (int step = 0; step <= last; step++) {
        uint64_t length;
        uint32_t crc;
        assert_true(at + 12 < bytes);
        memcpy(&length, events + at, sizeof length);
        length = le64toh(length);
        memcpy(&crc, events + at + 8, sizeof crc);
        assert_int_equal(le32toh(crc), masked(events + at, 8));
        assert_true(at + 16 + length <= bytes);
        memcpy(&crc, events + at + 12 + length, sizeof crc);
        assert_int_equal(le32toh(crc), masked(events + at + 12, length));
        assert_int_equal(step_of(events + at + 12), step);
        if (step) assert_non_null(memmem(events + at + 12, length, "train/loss", 10));
        assert_true((memmem(events + at + 12, length, "validation/loss", 15) != NULL) ==
                    (step && step % 2 == 0));
        at += 16 + length;
    }
    assert_int_equal(at, bytes);
    wt_free(events);
}

static void test_each_step_once(void **state) {
    size_t before_bytes, after_bytes;
    (void)state;
    must(wt_folder_remove(folder));
    unlink(table);
    write_steps(0, 9);
    expect_steps(9);
    char *before = load_events(&before_bytes);
    write_steps(6, 12); /* goes on from step 6 */
    expect_steps(12);
    char *after = load_events(&after_bytes);
    assert_memory_equal(before, after, before_bytes);
    wt_free(before);
    wt_free(after);
    must(wt_folder_remove(folder));
    unlink(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_crc), cmocka_unit_test(test_each_step_once),
                                       cmocka_unit_test(test_memory_is_given_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
