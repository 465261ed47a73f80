/* A run's folder: the newest checkpoint that verifies, past damaged ones; the best; what pruning leaves. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "checkpoint/run_lock.h"
#include "h5/h5.h"
#include "small_checkpoint.h"

static char run[300];

/* Each test has a run of its own. */
static int new_run(void **state) {
    static int number;
    snprintf(run, sizeof run, "%s/run-%d", test_folder, number++);
    char path[WT_PATH_MAX];
    return wt_path_join(path, run, "checkpoints") != WT_OK || wt_folder_make(path) != WT_OK || *state != NULL;
}

static const char *step_path(int64_t step) {
    static char path[WT_PATH_MAX];
    assert_ok(wt_run_checkpoint_path(path, run, step));
    return path;
}

static void save(int64_t step, int64_t best) {
    small_checkpoint c;
    small_fill(&c, step);
    c.state.best_step = best;
    small_write(&c, step_path(step));
}

/* The same, as written at a second of its own, when the run had gone back so often. */
static void save_at(int64_t step, time_t second, int rollbacks) {
    small_checkpoint c;
    small_fill(&c, step);
    c.state.guard.rollbacks = rollbacks;
    small_write(&c, step_path(step));
    const struct timespec times[2] = {{.tv_sec = second}, {.tv_sec = second}};
    assert_int_equal(utimensat(AT_FDCWD, step_path(step), times, 0), 0);
}

static void put_text(const char *name, const char *text) {
    char path[WT_PATH_MAX];
    snprintf(path, sizeof path, "%s/checkpoints/%s", run, name);
    assert_ok(wt_file_write_atomically(path, text, strlen(text), NULL, 0));
}

/* Takes away half of a checkpoint. */
static void damage(int64_t step) {
    char *bytes;
    size_t size;
    assert_ok(wt_file_read(&bytes, &size, step_path(step), 1 << 20));
    assert_ok(wt_file_write_atomically(step_path(step), bytes, size / 2, NULL, 0));
    wt_free(bytes);
}

static void assert_steps(size_t count, const int64_t *expected) {
    int64_t *steps;
    size_t got;
    assert_ok(wt_run_checkpoints(run, &steps, &got));
    assert_int_equal(got, count);
    if (count) assert_memory_equal(steps, expected, count * sizeof *steps);
    wt_free(steps);
}

#define STEPS(...)                                                          \
    sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]) { \
        __VA_ARGS__                                                         \
    }

/* What a run that has just begun does. */
static wt_status prune_around(int keep, int64_t best, int64_t planned) {
    wt_pruner *pruner;
    assert_ok(wt_pruner_create(&pruner, run));
    wt_status status = wt_pruner_prune(pruner, keep, best, planned);
    wt_pruner_destroy(pruner);
    return status;
}

static wt_status prune(int keep, int64_t best) {
    return prune_around(keep, best, -1);
}

static void give_name(int64_t from, int64_t to) {
    char old[WT_PATH_MAX];
    snprintf(old, sizeof old, "%s", step_path(from));
    assert_int_equal(rename(old, step_path(to)), 0);
}

static void assert_step_and_close(wt_checkpoint *checkpoint, int64_t step) {
    assert_non_null(checkpoint);
    assert_int_equal(wt_checkpoint_get_state(checkpoint)->step, step);
    wt_checkpoint_close(checkpoint);
}

/* --- names --- */

static void test_paths(void **state) {
    (void)state;
    char path[WT_PATH_MAX];
    assert_ok(wt_run_checkpoint_path(path, "runs/a", 1000));
    assert_string_equal(path, "runs/a/checkpoints/step-00001000.h5");
    assert_ok(wt_run_checkpoint_path(path, "runs/a/", 123456789012));
    assert_string_equal(path, "runs/a/checkpoints/step-123456789012.h5");
    static const char *const defaults[][2] = {{"configs/sine.yaml", "runs/sine"},
                                              {"a.b.yaml", "runs/a.b"},
                                              {"/x/plain", "runs/plain"},
                                              {".hidden", "runs/.hidden"}};
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        assert_ok(wt_run_default_folder(path, defaults[i][0]));
        assert_string_equal(path, defaults[i][1]);
    }
}

static void test_steps_are_ascending(void **state) {
    (void)state;
    assert_steps(0, NULL);
    put_text("step-00000900.h5", "");
    put_text("step-100000000.h5", ""); /* nine digits: before the others by strcmp */
    put_text("step-00000010.h5", "");
    put_text("step-99999999.h5", "");
    assert_steps(STEPS(10, 900, 99999999, 100000000));
}

/* Only names that wavetrain itself would give: any other has no file where its step's would be. */
static void test_other_names_are_ignored(void **state) {
    (void)state;
    static const char *const names[] = {
        "step-5.h5",        "step-000000005.h5", "step-00000005.h5.tmp-12",
        "step-.h5",         "step--0000005.h5",  "step-+0000005.h5",
        "step-0000000a.h5", "step- 0000005.h5",  "step-99999999999999999999.h5",
        "best.h5",          "step-00000005.hdf", "xstep-00000005.h5"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) put_text(names[i], "");
    assert_steps(0, NULL);
    save(7, -1);
    assert_steps(STEPS(7));
    wt_checkpoint *checkpoint;
    assert_ok(wt_run_open_newest(&checkpoint, run));
    assert_step_and_close(checkpoint, 7);
    assert_ok(prune(1, -1));
    assert_steps(STEPS(7));
}

static void test_no_folder_no_steps(void **state) {
    (void)state;
    snprintf(run, sizeof run, "%s/absent", test_folder);
    wt_checkpoint *checkpoint = (wt_checkpoint *)run;
    assert_steps(0, NULL);
    assert_ok(wt_run_open_newest(&checkpoint, run));
    assert_null(checkpoint);
}

/* --- the newest --- */

/* Opens the newest with standard error in a file, whose text is given. */
static wt_status open_newest(wt_checkpoint **checkpoint, char **warnings) {
    size_t bytes;
    char path[WT_PATH_MAX];
    assert_ok(wt_path_join(path, test_folder, "stderr"));
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    assert_non_null(freopen(path, "w", stderr));
    wt_status status = wt_run_open_newest(checkpoint, run);
    fflush(stderr);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    char message[1024];
    snprintf(message, sizeof message, "%s", wt_error_message());
    assert_ok(wt_file_read(warnings, &bytes, path, 1 << 20));
    return status == WT_OK ? status : wt_error(status, "%s", message);
}

static void test_the_newest_is_opened(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    char *warnings;
    save(100, -1);
    save(300, -1);
    save(200, -1);
    assert_ok(open_newest(&checkpoint, &warnings));
    assert_step_and_close(checkpoint, 300);
    assert_string_equal(warnings, "");
    wt_free(warnings);
}

static void test_damaged_ones_are_passed_over(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    char *warnings;
    for (int64_t step = 100; step <= 400; step += 100) save(step, -1);
    damage(400);
    put_text("step-00000300.h5", "");
    assert_ok(open_newest(&checkpoint, &warnings));
    assert_step_and_close(checkpoint, 200);
    const char *first = strstr(warnings, "step-00000400.h5"), *second = strstr(warnings, "step-00000300.h5");
    assert_true(first && second && first < second);
    assert_null(strstr(warnings, "step-00000200.h5"));
    wt_free(warnings);
    assert_steps(STEPS(100, 200, 300, 400)); /* and left where they are */
}

static void test_nothing_but_damaged_ones(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    char *warnings;
    save(100, -1);
    save(200, -1);
    damage(100);
    damage(200);
    assert_error(open_newest(&checkpoint, &warnings), "none of its 2 checkpoints can be read");
    assert_null(checkpoint);
    wt_free(warnings);
}

static void test_an_empty_folder(void **state) {
    (void)state;
    wt_checkpoint *checkpoint = (wt_checkpoint *)run;
    assert_ok(wt_run_open_newest(&checkpoint, run));
    assert_null(checkpoint);
    assert_error(wt_checkpoint_find(&checkpoint, run, WT_PICK_NEWEST, -1), "has no checkpoint");
    assert_error(wt_checkpoint_find(&checkpoint, run, WT_PICK_BEST, -1), "has no checkpoint");
    assert_null(checkpoint);
}

/* The step inside counts, and that the name says another one is reported. */
static void test_names_are_not_believed(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    char *warnings;
    int64_t newest;
    save(100, -1);
    save(200, 100);
    give_name(100, 900);
    assert_ok(open_newest(&checkpoint, &warnings));
    assert_step_and_close(checkpoint, 200);
    assert_non_null(
        strstr(warnings, "step-00000900.h5: its name says step 900, but it holds step 100, which counts"));
    assert_null(strstr(warnings, "step-00000200.h5"));
    wt_free(warnings);
    assert_ok(wt_run_newest_step(&newest, run));
    assert_int_equal(newest, 200);
    assert_ok(wt_checkpoint_find(&checkpoint, run, WT_PICK_NEWEST, 100));
    assert_step_and_close(checkpoint, 100);
    assert_ok(wt_checkpoint_find(&checkpoint, run, WT_PICK_BEST, -1));
    assert_step_and_close(checkpoint, 100);
    assert_error(wt_checkpoint_find(&checkpoint, run, WT_PICK_NEWEST, 900),
                 "step-00000900.h5: no such checkpoint");
    assert_ok(wt_checkpoint_find(&checkpoint, step_path(900), WT_PICK_NEWEST, -1));
    assert_step_and_close(checkpoint, 100);
    give_name(200, 50); /* a lower name is looked at too, once names are known to be wrong */
    assert_ok(open_newest(&checkpoint, &warnings));
    assert_step_and_close(checkpoint, 200);
    wt_free(warnings);
}

/* What was written last is looked at too, whatever its name. */
static void test_a_name_that_is_too_low(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    char *warnings;
    for (int64_t step = 100; step <= 300; step += 100) save_at(step, step, 2);
    give_name(300, 50);
    assert_ok(open_newest(&checkpoint, &warnings));
    assert_step_and_close(checkpoint, 300);
    assert_non_null(strstr(warnings, "step-00000050.h5: its name says step 50, but it holds step 300"));
    wt_free(warnings);
}

/* What lies beyond the step that a run has gone back to is older than what follows from there. */
static void test_the_newest_after_going_back(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    char *warnings;
    for (int64_t step = 100; step <= 400; step += 100) save_at(step, step, 2);
    save_at(200, 500, 3);
    assert_ok(open_newest(&checkpoint, &warnings));
    assert_step_and_close(checkpoint, 200);
    assert_string_equal(warnings, "");
    wt_free(warnings);
    assert_ok(prune(2, -1));
    assert_steps(STEPS(200, 400));
    save_at(300, 600, 3);
    assert_ok(prune(2, -1));
    assert_steps(STEPS(200, 300));
}

static void save_newer(int64_t step) {
    wt_h5 *image;
    char *bytes;
    size_t size;
    assert_ok(wt_h5_create_image(&image, "an image"));
    assert_ok(wt_h5_write_attribute_text(image, "", "format", "wavetrain-checkpoint"));
    assert_ok(wt_h5_write_attribute_int(image, "", "version", 2));
    assert_ok(wt_h5_image(&bytes, &size, image));
    assert_ok(wt_h5_close(image));
    assert_ok(wt_checkpoint_commit(step_path(step), bytes, size));
    wt_free(bytes);
}

/* One of a newer program's is not damaged: nothing goes on from an older one, and nothing removes it. */
static void test_a_newer_format_is_refused(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    char *warnings;
    save(100, -1);
    save_newer(200);
    assert_int_equal(open_newest(&checkpoint, &warnings), WT_USAGE);
    assert_non_null(strstr(wt_error_message(),
                           "step-00000200.h5: written by a newer wavetrain (got version 2 of the "
                           "format, expected at most 1)"));
    assert_null(checkpoint);
    assert_string_equal(warnings, "");
    wt_free(warnings);
    for (int64_t step = 300; step <= 500; step += 100) save(step, -1);
    assert_ok(prune(1, -1));
    assert_steps(STEPS(200, 500));
}

static void test_the_newest_step(void **state) {
    (void)state;
    int64_t newest;
    assert_ok(wt_run_newest_step(&newest, run));
    assert_int_equal(newest, -1);
    put_text("step-00000900.h5", "");
    assert_ok(wt_run_newest_step(&newest, run));
    assert_int_equal(newest, 900);
    save(100, -1);
    assert_ok(wt_run_newest_step(&newest, run));
    assert_int_equal(newest, 100);
}

/* --- finding one --- */

static void test_finding(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    save(100, -1);
    save(200, 200);
    save(300, 200);
    assert_ok(wt_checkpoint_find(&checkpoint, run, WT_PICK_NEWEST, -1));
    assert_step_and_close(checkpoint, 300);
    assert_ok(wt_checkpoint_find(&checkpoint, run, WT_PICK_BEST, -1));
    assert_step_and_close(checkpoint, 200);
    assert_ok(wt_checkpoint_find(&checkpoint, run, WT_PICK_NEWEST, 100));
    assert_step_and_close(checkpoint, 100);
    assert_ok(wt_checkpoint_find(&checkpoint, step_path(200), WT_PICK_NEWEST, -1));
    assert_step_and_close(checkpoint, 200);
    assert_error(wt_checkpoint_find(&checkpoint, run, WT_PICK_NEWEST, 150),
                 "step-00000150.h5: no such checkpoint");
    assert_error(wt_checkpoint_find(&checkpoint, in_folder("nowhere"), WT_PICK_NEWEST, -1), "no such");
    assert_null(checkpoint);
}

static void test_the_best_may_be_the_newest_or_none(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    save(100, -1);
    assert_error(wt_checkpoint_find(&checkpoint, run, WT_PICK_BEST, -1), "not been validated");
    save(200, 200);
    assert_ok(wt_checkpoint_find(&checkpoint, run, WT_PICK_BEST, -1));
    assert_step_and_close(checkpoint, 200);
    save(300, 250);
    assert_error(wt_checkpoint_find(&checkpoint, run, WT_PICK_BEST, -1), "step-00000250.h5");
    assert_null(checkpoint);
}

/* --- pruning --- */

static void test_pruning_keeps_the_last_and_the_best(void **state) {
    (void)state;
    for (int64_t step = 100; step <= 600; step += 100) save(step, -1);
    assert_ok(prune(9, -1));
    assert_steps(STEPS(100, 200, 300, 400, 500, 600));
    assert_ok(prune(3, 200));
    assert_steps(STEPS(200, 400, 500, 600));
    assert_ok(prune(3, 200));
    assert_steps(STEPS(200, 400, 500, 600));
    assert_ok(prune(2, 500)); /* the best among the last takes no other's place */
    assert_steps(STEPS(500, 600));
    assert_ok(prune(1, -1));
    assert_steps(STEPS(600));
}

/* Signals' checkpoints don't push out the one that a rollback leads to. */
static void test_pruning_keeps_the_planned_step(void **state) {
    (void)state;
    for (int64_t step = 100; step <= 500; step += 100) save(step, -1);
    assert_ok(prune_around(2, 100, 200));
    assert_steps(STEPS(100, 200, 400, 500));
}

/* What a killed write left goes when a run begins, what is not ours stays. */
static void test_pruner_removes_unfinished_files(void **state) {
    (void)state;
    char **names;
    size_t count;
    char folder[WT_PATH_MAX];
    save(100, -1);
    put_text("step-00000200.h5.tmp-17", "half of it");
    put_text("notes.txt", "good ones");
    wt_pruner *pruner;
    assert_ok(wt_pruner_create(&pruner, run));
    wt_pruner_destroy(pruner);
    assert_ok(wt_path_join(folder, run, "checkpoints"));
    assert_ok(wt_folder_list(&names, &count, folder, "", ""));
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "notes.txt");
    assert_string_equal(names[1], "step-00000100.h5");
    wt_folder_list_free(names, count);
}

/* However many files have higher numbers: what nobody can read takes no good one's place, and is removed
 * itself once there are enough newer good ones. */
static void test_pruning_counts_only_good_files(void **state) {
    (void)state;
    for (int64_t step = 100; step <= 300; step += 100) save(step, -1);
    put_text("step-00000800.h5", "");
    save(900, -1);
    damage(900);
    damage(200);
    assert_ok(prune(1, -1));
    assert_steps(STEPS(300, 800, 900)); /* 200 and 100 are older than a good one */
    save(400, -1);
    assert_ok(prune(3, -1));
    assert_steps(STEPS(300, 400, 800, 900)); /* there are no three good ones */
    save(1000, -1);
    assert_ok(prune(1, 400));
    assert_steps(STEPS(400, 1000));
}

static void test_pruning_goes_by_the_step_inside(void **state) {
    (void)state;
    for (int64_t step = 100; step <= 500; step += 100) save(step, -1);
    give_name(100, 1000);
    give_name(500, 50);
    assert_ok(prune(3, -1));
    assert_steps(STEPS(50, 300, 400)); /* that hold 500, 300, 400 */
    assert_ok(prune(1, 400));
    assert_steps(STEPS(50, 400));
}

/* The same step twice counts once. */
static void test_pruning_counts_steps(void **state) {
    (void)state;
    save(100, -1);
    save(200, -1);
    save(300, -1);
    give_name(300, 900);
    save(300, -1);
    assert_ok(prune(2, -1));
    assert_steps(STEPS(200, 300, 900));
}

/* Spoils a file so that nobody sees it who goes by inode, size and time. */
static void spoil_unseen(int64_t step) {
    struct stat info;
    assert_int_equal(stat(step_path(step), &info), 0);
    FILE *file = fopen(step_path(step), "r+");
    assert_non_null(file);
    fputs("spoilt", file);
    assert_int_equal(fclose(file), 0);
    const struct timespec times[2] = {info.st_atim, info.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, step_path(step), times, 0), 0);
}

static void test_pruning_reads_a_file_once(void **state) {
    (void)state;
    wt_pruner *pruner;
    assert_ok(wt_pruner_create(&pruner, run));
    save(100, -1);
    save(200, -1);
    assert_ok(wt_pruner_prune(pruner, 1, -1, -1)); /* reads both */
    assert_steps(STEPS(200));
    save(300, -1);
    assert_ok(wt_pruner_note(pruner, 300, 2));
    spoil_unseen(200);
    spoil_unseen(300);
    save(400, -1);
    damage(400);
    assert_ok(wt_pruner_prune(pruner, 1, -1, -1)); /* reads 400 alone */
    assert_steps(STEPS(300, 400));
    save(300, -1); /* in its place another one */
    damage(300);
    save(250, -1);
    assert_ok(wt_pruner_prune(pruner, 1, -1, -1));
    assert_steps(STEPS(250, 300, 400));
    wt_pruner_destroy(pruner);
    wt_pruner_destroy(NULL);
}

#define IN_NEW_RUN(test) cmocka_unit_test_setup(test, new_run)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        IN_NEW_RUN(test_steps_are_ascending),
        IN_NEW_RUN(test_other_names_are_ignored),
        cmocka_unit_test(test_no_folder_no_steps),
        IN_NEW_RUN(test_the_newest_is_opened),
        IN_NEW_RUN(test_damaged_ones_are_passed_over),
        IN_NEW_RUN(test_a_name_that_is_too_low),
        IN_NEW_RUN(test_the_newest_after_going_back),
        IN_NEW_RUN(test_a_newer_format_is_refused),
        IN_NEW_RUN(test_nothing_but_damaged_ones),
        IN_NEW_RUN(test_an_empty_folder),
        IN_NEW_RUN(test_names_are_not_believed),
        IN_NEW_RUN(test_the_newest_step),
        IN_NEW_RUN(test_finding),
        IN_NEW_RUN(test_the_best_may_be_the_newest_or_none),
        IN_NEW_RUN(test_pruning_keeps_the_last_and_the_best),
        IN_NEW_RUN(test_pruning_keeps_the_planned_step),
        IN_NEW_RUN(test_pruner_removes_unfinished_files),
        IN_NEW_RUN(test_pruning_counts_only_good_files),
        IN_NEW_RUN(test_pruning_goes_by_the_step_inside),
        IN_NEW_RUN(test_pruning_counts_steps),
        IN_NEW_RUN(test_pruning_reads_a_file_once),
    };
    wt_log_setup(WT_LOG_NORMAL, true);
    int failed = cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
    return failed || wt_memory_blocks() != 0;
}
