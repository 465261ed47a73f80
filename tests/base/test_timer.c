/* The clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/timer.h"

static void test_clock_goes_on(void **state) {
    (void)state;
    double before = wt_time_now(), last = before;
    for (int i = 0; i < 1000; i++) {
        double now = wt_time_now();
        assert_true(now >= last);
        last = now;
    }
    usleep(20000);
    double passed = wt_time_now() - before;
    assert_true(passed >= 0.02 && passed < 10.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
