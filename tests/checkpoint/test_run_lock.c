/* The lock on a run's folder: who is refused, who takes over, and what the holder notices. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/timer.h"
#include "checkpoint/run_lock.h"
#include "h5/h5_folder.h"

static const char *lock_path(void) {
    return in_folder("lock");
}

/* A lock as another run left it, `age` seconds ago. */
static void leave_lock(const char *text, int age) {
    assert_ok(wt_file_write_atomically(lock_path(), text, strlen(text), NULL, 0));
    struct timespec times[2];
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
    times[0].tv_sec -= age;
    times[1] = times[0];
    assert_int_equal(utimensat(AT_FDCWD, lock_path(), times, 0), 0);
}

static time_t touched(void) {
    struct stat info;
    assert_int_equal(stat(lock_path(), &info), 0);
    return info.st_mtime;
}

static void assert_taken_over(void) {
    wt_run_lock *lock;
    assert_ok(wt_run_lock_take(&lock, test_folder));
    assert_ok(wt_run_lock_check(lock));
    wt_run_lock_release(lock);
}

static void assert_lock_refused(const char *words) {
    int mark;
    wt_run_lock *lock = (wt_run_lock *)&mark;
    assert_error(wt_run_lock_take(&lock, test_folder), "another run is at work in this folder");
    assert_null(lock);
    if (!strstr(wt_error_message(), words))
        fail_msg("got \"%s\", expected \"%s\"", wt_error_message(), words);
}

static int no_lock(void **state) {
    unsetenv("SLURM_JOB_ID");
    unlink(lock_path());
    return *state != NULL;
}

/* --- on one host --- */

static void test_taken_and_released(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_taken_over();
        assert_true(wt_path_exists(lock_path()));
    }
    wt_run_lock_release(NULL);
}

static void test_refused_in_the_same_process(void **state) {
    (void)state;
    wt_run_lock *lock;
    char process[64];
    assert_ok(wt_run_lock_take(&lock, test_folder));
    snprintf(process, sizeof process, "process %ld", (long)getpid());
    assert_lock_refused(process);
    assert_ok(wt_run_lock_check(lock)); /* the attempt left no trace */
    wt_run_lock_release(lock);
    assert_taken_over();
}

static void test_heartbeat(void **state) {
    (void)state;
    wt_run_lock *lock;
    struct stat before, after;
    const double start = wt_time_now();
    assert_ok(wt_run_lock_take(&lock, test_folder));
    const struct timespec old[2] = {{1000, 0}, {1000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, lock_path(), old, 0), 0);
    assert_ok(wt_run_lock_beat(lock, start + WT_LOCK_BEAT / 2)); /* not yet */
    assert_int_equal(stat(lock_path(), &before), 0);
    assert_int_equal(before.st_mtime, 1000);
    assert_ok(wt_run_lock_beat(lock, start + WT_LOCK_BEAT + 1));
    assert_int_equal(stat(lock_path(), &after), 0);
    assert_true(after.st_mtime > before.st_mtime);
    leave_lock("elsewhere.example 17 4711\n", 0);
    assert_ok(wt_run_lock_beat(lock, start + WT_LOCK_BEAT + 2));
    assert_error(wt_run_lock_beat(lock, start + 2 * WT_LOCK_BEAT + 2),
                 "another run has taken this folder over");
    wt_run_lock_release(lock);
}

/* A child that takes the lock, says so and waits to be killed. */
static pid_t start_holder(void) {
    int ready[2];
    char word = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        wt_run_lock *lock;
        if (wt_run_lock_take(&lock, test_folder) == WT_OK && write(ready[1], "y", 1) == 1) alarm(30), pause();
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &word, 1), 1);
    close(ready[0]);
    return child;
}

static void test_refused_while_another_process_lives(void **state) {
    (void)state;
    char process[64];
    pid_t holder = start_holder();
    snprintf(process, sizeof process, "process %ld", (long)holder);
    assert_lock_refused(process);
    assert_lock_refused(process);
    assert_int_equal(kill(holder, SIGKILL), 0);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    assert_taken_over(); /* at once, although its words still stand in the file */
}

/* --- another host, whose locks on the file don't reach here --- */

static void test_a_fresh_lock_of_another_host(void **state) {
    (void)state;
    leave_lock("elsewhere.example 17 4711\n", 0);
    assert_lock_refused("host elsewhere.example, process 17, job 4711");
    leave_lock("elsewhere.example 17 -\n", WT_LOCK_STALE - 30);
    time_t before = touched();
    assert_lock_refused("host elsewhere.example, process 17)");
    assert_int_equal(touched(), before); /* an attempt is no heartbeat */
    setenv("SLURM_JOB_ID", "4712", 1);
    assert_lock_refused("elsewhere.example");
    leave_lock("elsewhere.example 17 4711\n", 0);
    assert_lock_refused("job 4711");
}

static void test_a_stale_lock_of_another_host(void **state) {
    (void)state;
    leave_lock("elsewhere.example 17 4711\n", WT_LOCK_STALE + 5);
    assert_taken_over();
}

/* A clock that was set back, or a file that was touched: no such lock refuses for ever. Clocks may differ by
 * a little. */
static void test_a_lock_from_the_future(void **state) {
    (void)state;
    leave_lock("elsewhere.example 17 4711\n", -(WT_LOCK_STALE - 30));
    assert_lock_refused("elsewhere.example");
    leave_lock("elsewhere.example 17 4711\n", -(WT_LOCK_STALE + 5));
    assert_taken_over();
    leave_lock("elsewhere.example 17 4711\n", -(1 << 28));
    wt_run_lock *lock;
    assert_ok(wt_run_lock_take(&lock, test_folder));
    assert_true(wt_run_lock_seen(lock) <= time(NULL)); /* nobody was seen in the future */
    wt_run_lock_release(lock);
    assert_false(wt_path_exists(in_folder("lock.now")));
}

/* Who has the lock is the only one who writes there. */
static void test_leftovers_are_removed(void **state) {
    (void)state;
    wt_run_lock *lock;
    assert_ok(wt_file_write_atomically(in_folder("run.yaml.tmp-17"), "half", 4, NULL, 0));
    assert_ok(wt_file_write_atomically(in_folder("notes.tmp-x"), "mine", 4, NULL, 0));
    assert_ok(wt_run_lock_take(&lock, test_folder));
    assert_false(wt_path_exists(in_folder("run.yaml.tmp-17")));
    assert_true(wt_path_exists(in_folder("notes.tmp-x")));
    assert_int_equal(unlink(in_folder("notes.tmp-x")), 0);
    wt_run_lock_release(lock);
}

static void test_a_restart_of_the_same_job(void **state) {
    (void)state;
    leave_lock("elsewhere.example 17 4711\n", 0);
    setenv("SLURM_JOB_ID", "4711", 1);
    assert_taken_over();
}

static void test_an_empty_job_is_none(void **state) {
    (void)state;
    char *text;
    size_t bytes;
    wt_run_lock *lock;
    setenv("SLURM_JOB_ID", "", 1);
    assert_ok(wt_run_lock_take(&lock, test_folder));
    assert_ok(wt_file_read(&text, &bytes, lock_path(), 1000));
    assert_non_null(strstr(text, " -\n")); /* three words, or another host would not understand it */
    wt_free(text);
    wt_run_lock_release(lock);
}

static void test_a_lock_without_sense(void **state) {
    (void)state;
    leave_lock("", 0);
    assert_taken_over();
    leave_lock("one-word\n", 0);
    assert_taken_over();
}

/* --- while it is held --- */

static void test_replacement_is_noticed(void **state) {
    (void)state;
    wt_run_lock *lock;
    assert_ok(wt_run_lock_take(&lock, test_folder));
    assert_ok(wt_run_lock_check(lock));
    leave_lock("elsewhere.example 17 4711\n", 0); /* another file under the same name */
    assert_error(wt_run_lock_check(lock),
                 "another run has taken this folder over (elsewhere.example 17 4711)");
    assert_int_equal(unlink(lock_path()), 0);
    assert_error(wt_run_lock_check(lock), "lock is gone");
    wt_run_lock_release(lock);
}

static void test_release_leaves_a_successor_alone(void **state) {
    (void)state;
    static const char successor[] = "elsewhere.example 17 4711\n";
    wt_run_lock *lock;
    char *text;
    size_t bytes;
    assert_ok(wt_run_lock_take(&lock, test_folder));
    FILE *file = fopen(lock_path(), "w"); /* into the same file, as over a network */
    assert_non_null(file);
    assert_true(fputs(successor, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_error(wt_run_lock_check(lock), "another run");
    wt_run_lock_release(lock);
    assert_ok(wt_file_read(&text, &bytes, lock_path(), 1000));
    assert_string_equal(text, successor);
    wt_free(text);
}

static void test_taking_is_a_heartbeat(void **state) {
    (void)state;
    wt_run_lock *lock;
    leave_lock("", 1000);
    assert_ok(wt_run_lock_take(&lock, test_folder));
    assert_true(time(NULL) - touched() < 60);
    assert_ok(wt_run_lock_check(lock));
    wt_run_lock_release(lock);
}

static void test_a_missing_folder(void **state) {
    (void)state;
    wt_run_lock *lock;
    assert_error(wt_run_lock_take(&lock, in_folder("absent")), "absent/lock: can't write");
    assert_null(lock);
}

#define WITHOUT_LOCK(test) cmocka_unit_test_setup(test, no_lock)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITHOUT_LOCK(test_taken_and_released),
        WITHOUT_LOCK(test_refused_in_the_same_process),
        WITHOUT_LOCK(test_heartbeat),
        WITHOUT_LOCK(test_refused_while_another_process_lives),
        WITHOUT_LOCK(test_a_fresh_lock_of_another_host),
        WITHOUT_LOCK(test_a_stale_lock_of_another_host),
        WITHOUT_LOCK(test_a_lock_from_the_future),
        WITHOUT_LOCK(test_leftovers_are_removed),
        WITHOUT_LOCK(test_a_restart_of_the_same_job),
        WITHOUT_LOCK(test_an_empty_job_is_none),
        WITHOUT_LOCK(test_a_lock_without_sense),
        WITHOUT_LOCK(test_replacement_is_noticed),
        WITHOUT_LOCK(test_release_leaves_a_successor_alone),
        WITHOUT_LOCK(test_taking_is_a_heartbeat),
        WITHOUT_LOCK(test_a_missing_folder),
    };
    int failed = cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
    return failed || wt_memory_blocks() != 0;
}
