/* Quantities for people, on both sides of where the unit changes. */
#include "base/units.h"
#include "support.h"

static void test_bytes(void **state) {
    (void)state;
    char text[WT_UNITS];
    wt_units_bytes(text, 0);
    assert_string_equal(text, "0.0 MiB");
    wt_units_bytes(text, 1023LL << 20);
    assert_string_equal(text, "1023.0 MiB");
    wt_units_bytes(text, 1536LL << 20);
    assert_string_equal(text, "1.5 GiB");
}

static void test_grouped(void **state) {
    (void)state;
    char text[WT_UNITS];
    assert_string_equal(wt_units_grouped(text, 0), "0");
    assert_string_equal(wt_units_grouped(text, 999), "999");
    assert_string_equal(wt_units_grouped(text, 12345678), "12,345,678");
}

static void test_durations(void **state) {
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{34, "34 s"},        {119, "119 s"},           {120, "2 min"},
                 {3599, "60 min"},    {7500, "2 h 5 min"},      {172799, "47 h 59 min"},
                 {172800, "2 d 0 h"}, {442800 + 59, "5 d 3 h"}, {0, "0 s"}};
    char text[WT_UNITS];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wt_units_duration(text, cases[i].seconds);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_times_and_operations(void **state) {
    (void)state;
    char text[WT_UNITS];
    wt_units_time(text, 1.234);
    assert_string_equal(text, "1.23 s");
    wt_units_time(text, 0.0123);
    assert_string_equal(text, "12.30 ms");
    wt_units_time(text, 45.6e-6);
    assert_string_equal(text, "45.6 µs");
    wt_units_time(text, 0);
    assert_string_equal(text, "0.00 ms");
    wt_units_operations(text, 12.34e9);
    assert_string_equal(text, "12.34 GFLOP");
    wt_units_operations(text, 5e21);
    assert_string_equal(text, "5000 EFLOP");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_grouped),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_times_and_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
