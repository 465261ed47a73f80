/* Signals set a flag and fill a pipe, a second SIGINT ends the program. Each case runs in a child, since the
 * flag stays. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "comm/ranks.h"
#include "wavetrain/comm.h"

enum { OTHER = 1000, LATER = -1 };

/* Raises the signals (0 ends the list; LATER waits for more than half a second) in a child, which then ends
 * with what `ask` says. Gives that, or OTHER + the signal that killed it. */
static int after(const int *signals, int ignored, int (*ask)(void)) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (ignored) signal(ignored, SIG_IGN);
        wt_comm_catch_signals();
        wt_comm_catch_signals(); /* the program and the library both do */
        if (wt_comm_signal() != 0) _exit(255);
        for (; *signals; signals++) {
            if (*signals == LATER) {
                usleep(600000);
            } else {
                raise(*signals);
            }
        }
        _exit(ask());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : OTHER + WTERMSIG(status);
}

static int count_bytes(void) {
    char bytes[16];
    const ssize_t count = read(wt_comm_signal_pipe(), bytes, sizeof bytes);
    return count < 0 && errno == EAGAIN ? 0 : (int)count;
}

static int write_to_nobody(void) {
    int ends[2];
    if (pipe(ends) != 0) return 255;
    close(ends[0]);
    return write(ends[1], "x", 1) < 0 && errno == EPIPE ? 7 : 255;
}

static void test_signals_set_the_flag(void **state) {
    (void)state;
    static const int all[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};
    assert_int_equal(after((int[]){0}, 0, wt_comm_signal), 0);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_int_equal(after((int[]){all[i], 0}, 0, wt_comm_signal), all[i]);
        assert_int_equal(after((int[]){all[i], 0}, all[i], wt_comm_signal), 0); /* ignored at start */
    }
    assert_int_equal(after((int[]){SIGUSR1, SIGUSR1, SIGTERM, SIGTERM, 0}, 0, wt_comm_signal), SIGTERM);
}

/* What comes within half a second is the same request. */
static void test_requests_are_counted(void **state) {
    (void)state;
    assert_int_equal(after((int[]){0}, 0, count_bytes), 0);
    assert_int_equal(after((int[]){SIGTERM, SIGTERM, SIGINT, 0}, 0, count_bytes), 1);
    assert_int_equal(after((int[]){SIGTERM, LATER, SIGTERM, 0}, 0, count_bytes), 2);
    assert_int_equal(after((int[]){SIGUSR1, LATER, SIGTERM, 0}, 0, wt_comm_signal_requests), 2);
    assert_int_equal(after((int[]){SIGINT, SIGINT, 0}, 0, wt_comm_signal_requests), 1);
}

static void test_a_second_interrupt_ends_the_program(void **state) {
    (void)state;
    assert_int_equal(after((int[]){SIGINT, LATER, SIGINT, 0}, 0, wt_comm_signal), 128 + SIGINT);
    assert_int_equal(after((int[]){SIGINT, SIGINT, 0}, 0, wt_comm_signal),
                     SIGINT); /* a terminal's and mpirun's */
    assert_int_equal(after((int[]){SIGUSR1, LATER, SIGINT, 0}, 0, wt_comm_signal), SIGINT);
    assert_int_equal(after((int[]){SIGINT, SIGUSR1, LATER, SIGINT, 0}, 0, wt_comm_signal), 128 + SIGINT);
    assert_int_equal(after((int[]){SIGINT, LATER, SIGINT, 0}, SIGINT, wt_comm_signal), 0);
}

static void test_other_signals_are_left_alone(void **state) {
    (void)state;
    assert_int_equal(after((int[]){SIGALRM, 0}, 0, wt_comm_signal), OTHER + SIGALRM);
    assert_int_equal(after((int[]){0}, 0, write_to_nobody), 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals_set_the_flag),
        cmocka_unit_test(test_requests_are_counted),
        cmocka_unit_test(test_a_second_interrupt_ends_the_program),
        cmocka_unit_test(test_other_signals_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
