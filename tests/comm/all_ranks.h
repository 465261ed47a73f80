/* Tests under mpirun. A rank whose check fails must not leave the others waiting in a collective call, so
 * ranks agree on each result before cmocka hears of it, and all of them fail. */
#ifndef WAVETRAIN_TESTS_ALL_RANKS_H
#define WAVETRAIN_TESTS_ALL_RANKS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "wavetrain/comm.h"

static wt_comm *comm;

/* Collective: passes if the condition holds on every rank. */
#define assert_all(condition)                                                      \
    do {                                                                           \
        int64_t failed_ = !(condition);                                            \
        if (failed_) print_error("rank %d: %s\n", wt_comm_rank(comm), #condition); \
        wt_comm_max_int64(comm, &failed_, 1);                                      \
        if (failed_) fail_msg("%s", #condition);                                   \
    } while (0)

/* Runs the group on all ranks; rank 0 alone reports. */
#define RUN_ALL_RANKS(tests, argc, argv)                                             \
    do {                                                                             \
        if (wt_comm_start(&comm, &(argc), &(argv)) != WT_OK) return 1;               \
        if (wt_comm_rank(comm) != 0 && !freopen("/dev/null", "w", stdout)) return 1; \
        int failed_ = cmocka_run_group_tests(tests, NULL, NULL);                     \
        wt_comm_finish(comm);                                                        \
        return failed_ || wt_memory_blocks() != 0;                                   \
    } while (0)

#endif
