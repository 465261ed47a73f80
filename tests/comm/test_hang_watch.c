/* The hang watch while all goes well: it stays silent, ends at once, and leaves nothing behind. That it names
 * a rank that hangs, and ends the job, is shown by tests/mpi/test_faults_ranks.sh. */
#include <unistd.h>

#include "all_ranks.h"
#include "base/timer.h"
#include "comm/hang_watch.h"

static void test_it_can_be_off(void **state) {
    (void)state;
    wt_hang_limits limits = {0, 10, 10};
    wt_hang_watch *watch = (void *)&limits;
    assert_all(wt_hang_watch_start(&watch, comm, &limits, WT_PHASE_DATA) == WT_OK);
    assert_all(watch == NULL);
    wt_hang_watch_phase(watch, WT_PHASE_FORWARD);
    wt_hang_watch_step(watch, 1);
    wt_hang_watch_stop(watch);
}

static void test_it_ends_at_once(void **state) {
    (void)state;
    wt_hang_limits limits = {1000, 1000, 1000};
    double began = wt_time_now();
    for (int i = 0; i < 20; i++) {
        wt_hang_watch *watch;
        assert_all(wt_hang_watch_start(&watch, comm, &limits, WT_PHASE_DATA) == WT_OK);
        wt_hang_watch_stop(watch);
    }
    assert_all(wt_time_now() - began < 10);
}

static void tell(void *watch, wt_phase phase) {
    wt_hang_watch_phase(watch, phase);
}

/* Twice the limit passes, but never without a change of phase; then once the limit of a step, while
 * loading. */
static void test_progress_keeps_it_silent(void **state) {
    (void)state;
    wt_hang_limits limits = {0.8, 60, 60};
    wt_hang_watch *watch;
    wt_timer timer;
    assert_all(wt_hang_watch_start(&watch, comm, &limits, WT_PHASE_DATA) == WT_OK);
    wt_timer_init(&timer);
    timer.listener = tell;
    timer.context = watch;
    for (int step = 1; step <= 16; step++) {
        wt_timer_enter(&timer, step % 2 ? WT_PHASE_FORWARD : WT_PHASE_BACKWARD);
        usleep(100000);
        wt_hang_watch_step(watch, step);
    }
    wt_timer_enter(&timer, WT_PHASE_DATA);
    usleep(1200000);
    wt_timer_enter(&timer, WT_PHASE_OTHER);
    wt_hang_watch_stop(watch);
}

/* A rank that comes later than the limit does not let the watches of those speak that wait for it. */
static void test_waiting_has_grace(void **state) {
    (void)state;
    wt_hang_limits limits = {0.8, 0.8, 0.8};
    wt_hang_watch *watch = NULL;
    bool late = wt_comm_rank(comm) == wt_comm_size(comm) - 1;
    wt_status status = late ? WT_OK : wt_hang_watch_start(&watch, comm, &limits, WT_PHASE_DECIDE);
    assert_all(status == WT_OK);
    if (late) usleep(1600000);
    wt_comm_barrier(comm);
    wt_hang_watch_stop(watch);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_can_be_off),
        cmocka_unit_test(test_it_ends_at_once),
        cmocka_unit_test(test_progress_keeps_it_silent),
        cmocka_unit_test(test_waiting_has_grace),
    };
    RUN_ALL_RANKS(tests, argc, argv);
}
