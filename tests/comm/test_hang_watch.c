/* The hang watch while all goes well: it stays silent, ends at once, and leaves nothing behind. That it names
 * a rank that hangs, and ends the job, is shown by tests/mpi/test_faults_ranks.sh. */
#include <unistd.h>

#include "all_ranks.h"
#include "base/timer.h"
#include "comm/hang_watch.h"

enum { LOADING, COMPUTING, ADDING, DECIDING };

static const wt_hang_phase phases[] = {
    [LOADING] = {"loading", .part = WT_HANG_DATA},
    [COMPUTING] = {"computing"},
    [ADDING] = {"adding", .waits = true},
    [DECIDING] = {"deciding"},
};

static void test_it_can_be_off(void **state) {
    (void)state;
    wt_hang_limits limits = {0, 10, 10};
    wt_hang_watch *watch = (void *)&limits;
    assert_all(wt_hang_watch_start(&watch, comm, &limits, phases) == WT_OK);
    assert_all(watch == NULL);
    wt_hang_watch_phase(watch, COMPUTING);
    wt_hang_watch_step(watch, 1);
    wt_hang_watch_stop(watch);
}

static void test_it_ends_at_once(void **state) {
    (void)state;
    wt_hang_limits limits = {1000, 1000, 1000};
    double began = wt_time_now();
    for (int i = 0; i < 20; i++) {
        wt_hang_watch *watch;
        assert_all(wt_hang_watch_start(&watch, comm, &limits, phases) == WT_OK);
        wt_hang_watch_stop(watch);
    }
    assert_all(wt_time_now() - began < 10);
}

/* Twice the limit passes, but never without a change of phase; then once the limit of a step, while
 * loading. */
static void test_progress_keeps_it_silent(void **state) {
    (void)state;
    wt_hang_limits limits = {0.8, 60, 60};
    wt_hang_watch *watch;
    assert_all(wt_hang_watch_start(&watch, comm, &limits, phases) == WT_OK);
    for (int step = 1; step <= 16; step++) {
        wt_hang_watch_phase(watch, step % 2 ? COMPUTING : ADDING);
        usleep(100000);
        wt_hang_watch_step(watch, step);
    }
    wt_hang_watch_phase(watch, LOADING);
    usleep(1200000);
    wt_hang_watch_phase(watch, COMPUTING);
    wt_hang_watch_stop(watch);
}

/* A rank that comes later than the limit does not let the watches of those speak that wait for it. */
static void test_waiting_has_grace(void **state) {
    (void)state;
    wt_hang_limits limits = {0.8, 0.8, 0.8};
    wt_hang_watch *watch = NULL;
    bool late = wt_comm_rank(comm) == wt_comm_size(comm) - 1;
    wt_status status = late ? WT_OK : wt_hang_watch_start(&watch, comm, &limits, phases);
    assert_all(status == WT_OK);
    wt_hang_watch_phase(watch, DECIDING);
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
