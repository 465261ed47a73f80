/* A folder of rank 0's that all ranks of a test program use, by in_folder. */
#ifndef WAVETRAIN_TESTS_SHARED_FOLDER_H
#define WAVETRAIN_TESTS_SHARED_FOLDER_H

#include "base/file.h"
#include "comm/all_ranks.h"
#include "h5/h5_folder.h"

/* Setup of a group. Collective. */
static inline int make_shared_folder(void **state) {
    int failed = wt_comm_rank(comm) == 0 ? make_test_folder(state) : 0;
    wt_comm_broadcast(comm, &failed, sizeof failed);
    wt_comm_broadcast(comm, test_folder, sizeof test_folder);
    return failed;
}

static bool folder_remains;

/* Teardown of a group, whose failure the program's end has to see; blocks are counted when the ranks have
 * parted. Collective. */
static inline int remove_shared_folder(void **state) {
    (void)state;
    wt_comm_barrier(comm);
    folder_remains = wt_comm_rank(comm) == 0 && wt_folder_remove(test_folder) != WT_OK;
    return folder_remains ? -1 : 0;
}

/* Whether two files in it have the same bytes. */
static inline bool files_are_alike(const char *one, const char *other) {
    char *left, *right;
    size_t left_size, right_size;
    assert_ok(wt_file_read(&left, &left_size, in_folder(one), 1 << 24));
    assert_ok(wt_file_read(&right, &right_size, in_folder(other), 1 << 24));
    const bool alike = left_size == right_size && memcmp(left, right, left_size) == 0;
    wt_free(left);
    wt_free(right);
    return alike;
}

/* As RUN_ALL_RANKS, with a group's setup and teardown. */
#define RUN_ALL_RANKS_IN_FOLDER(tests, setup, argc, argv)                               \
    do {                                                                                \
        if (wt_comm_start(&comm, &(argc), &(argv)) != WT_OK) return 1;                  \
        if (wt_comm_rank(comm) != 0 && !freopen("/dev/null", "w", stdout)) return 1;    \
        const int failed_ = cmocka_run_group_tests(tests, setup, remove_shared_folder); \
        wt_comm_finish(comm);                                                           \
        return failed_ || folder_remains || wt_memory_blocks() != 0;                    \
    } while (0)

#endif
