/* Signals set a flag, a second SIGINT ends the program. Each case runs in a child, since the flag stays. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "wavetrain/comm.h"

enum { OTHER = 1000 };

/* Raises the signals (0 ends the list) in a child and gives its exit code, or OTHER + the signal that
 * killed it. A child that survives returns the flag. */
static int after(const int *signals) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        wt_comm_catch_signals();
        if (wt_comm_signal() != 0) _exit(255);
        for (; *signals; signals++) raise(*signals);
        _exit(wt_comm_signal());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : OTHER + WTERMSIG(status);
}

static void test_signals_set_the_flag(void **state) {
    (void)state;
    assert_int_equal(after((int[]){0}), 0);
    assert_int_equal(after((int[]){SIGUSR1, 0}), SIGUSR1);
    assert_int_equal(after((int[]){SIGTERM, 0}), SIGTERM);
    assert_int_equal(after((int[]){SIGINT, 0}), SIGINT);
    assert_int_equal(after((int[]){SIGUSR1, SIGUSR1, SIGTERM, SIGTERM, 0}), SIGTERM);
}

static void test_a_second_interrupt_ends_the_program(void **state) {
    (void)state;
    assert_int_equal(after((int[]){SIGINT, SIGINT, 0}), 128 + SIGINT);
    assert_int_equal(after((int[]){SIGUSR1, SIGINT, 0}), SIGINT);
    assert_int_equal(after((int[]){SIGINT, SIGUSR1, SIGINT, 0}), 128 + SIGINT); /* also not in a row */
}

static void test_other_signals_are_left_alone(void **state) {
    (void)state;
    assert_int_equal(after((int[]){SIGUSR2, 0}), OTHER + SIGUSR2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals_set_the_flag),
        cmocka_unit_test(test_a_second_interrupt_ends_the_program),
        cmocka_unit_test(test_other_signals_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
