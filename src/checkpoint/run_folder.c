/*
 * Checkpoints of a run: found by their names, opened newest first. Two things are never taken for granted:
 * that a file holds the step of its name, and that a file which can't be read now is damaged. Only one that
 * was read and is wrong is passed over; any other failure is tried again and then ends the work, lest a run
 * go on from an older state. Nor does it go on from one of before it has gone back (the guard).
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "checkpoint/checkpoint_write.h"
#include "checkpoint/run_lock.h"
#include "checkpoint_internal.h"

static const char wt_name_prefix[] = "step-", wt_name_suffix[] = ".h5";
enum { WT_NAME_MAX = 64 }; /* bytes of a checkpoint's name */

wt_status wt_run_default_folder(char out[WT_PATH_MAX], const char *config) {
    char name[WT_PATH_MAX];
    const char *base = wt_path_base(config), *dot = strrchr(base, '.');
    const size_t length = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    WT_CHECK(length < sizeof name, WT_USAGE, "%s: the name is too long", config);
    snprintf(name, sizeof name, "%.*s", (int)length, base);
    return wt_path_join(out, "runs", name);
}

wt_status wt_checkpoints_folder(char out[WT_PATH_MAX], const char *run) {
    return wt_path_join(out, run, "checkpoints");
}

static void format_checkpoint_name(char out[WT_NAME_MAX], int64_t step) {
    snprintf(out, WT_NAME_MAX, "%s%08" PRId64 "%s", wt_name_prefix, step, wt_name_suffix);
}

wt_status wt_run_checkpoint_path(char out[WT_PATH_MAX], const char *run, int64_t step) {
    char folder[WT_PATH_MAX], name[WT_NAME_MAX];
    WT_TRY(wt_checkpoints_folder(folder, run));
    format_checkpoint_name(name, step);
    return wt_path_join(out, folder, name);
}

/* Names that only look like one (step-5.h5) have none, since their step would lead to another file. */
int64_t wt_checkpoint_name_step(const char *name) {
    char made[WT_NAME_MAX];
    const size_t prefix = strlen(wt_name_prefix);
    const char *digits = name + prefix;
    if (strncmp(name, wt_name_prefix, prefix) != 0 || !isdigit((unsigned char)*digits)) return -1;
    errno = 0;
    long long step = strtoll(digits, NULL, 10);
    if (errno != 0) return -1;
    format_checkpoint_name(made, step);
    return strcmp(name, made) == 0 ? step : -1;
}

static int compare_steps(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

wt_status wt_run_checkpoints(const char *run, int64_t **steps, size_t *count) {
    char folder[WT_PATH_MAX], **names;
    size_t all;
    bool found;
    *steps = NULL;
    *count = 0;
    WT_TRY(wt_checkpoints_folder(folder, run));
    WT_TRY(wt_path_find(&found, folder));
    if (!found) return WT_OK;
    WT_TRY(wt_folder_list(&names, &all, folder, wt_name_prefix, wt_name_suffix));
    wt_status status = wt_alloc(steps, all, sizeof **steps, "steps of checkpoints");
    for (size_t i = 0; status == WT_OK && i < all; i++) {
        int64_t step = wt_checkpoint_name_step(names[i]);
        if (step >= 0) (*steps)[(*count)++] = step;
    }
    wt_folder_list_free(names, all);
    if (*count) qsort(*steps, *count, sizeof **steps, compare_steps);
    return status;
}

/* --- opening --- */

/* What of a name and the step inside disagrees is reported; the step inside counts. */
static bool is_named_right(const wt_checkpoint *checkpoint) {
    const int64_t inside = checkpoint->state.step;
    const int64_t named = wt_checkpoint_name_step(wt_path_base(checkpoint->path));
    if (named < 0 || named == inside) return true;
    wt_log_warning("%s: its name says step %" PRId64 ", but it holds step %" PRId64 ", which counts",
                   checkpoint->path, named, inside);
    return false;
}

typedef struct {
    wt_checkpoint **out;
    const char *place; /* a file, or a run's folder */
    int64_t step;      /* that is looked for */
} opening;

static wt_status open_once(void *context) {
    const opening *work = context;
    return wt_checkpoint_open_once(work->out, work->place);
}

wt_status wt_checkpoint_open(wt_checkpoint **out, const char *path) {
    opening work = {.out = out, .place = path};
    WT_TRY(wt_error_try_again(open_once, &work));
    is_named_right(*out);
    return WT_OK;
}

/* One of a run's files: WT_OK without a checkpoint where the file was read and is wrong. */
static wt_status open_or_pass_over(wt_checkpoint **out, const char *run, int64_t name) {
    char path[WT_PATH_MAX];
    WT_TRY(wt_run_checkpoint_path(path, run, name));
    wt_status status = wt_checkpoint_open_once(out, path);
    if (status == WT_OK || !wt_checkpoint_may_pass_over(status)) return status;
    wt_log_warning("%s; passed over, looking for an older one", wt_error_message());
    return WT_OK;
}

static bool is_later(const wt_checkpoint_state *a, const wt_checkpoint_state *b) {
    const int back_a = a->guard.rollbacks, back_b = b->guard.rollbacks;
    return back_a != back_b ? back_a > back_b : a->step > b->step;
}

/* Whether the file of that name was written after `path`. A name that is too low, or of before the run has
 * gone back to a lower step, leaves its file the time at which it was written. */
static bool is_written_after(const char *run, int64_t name, const char *path) {
    char other[WT_PATH_MAX];
    struct stat a, b;
    if (wt_run_checkpoint_path(other, run, name) != WT_OK || stat(other, &a) != 0 || stat(path, &b) != 0)
        return true; /* to be read: the message is that of the attempt */
    return a.st_mtim.tv_sec != b.st_mtim.tv_sec ? a.st_mtim.tv_sec > b.st_mtim.tv_sec
                                                : a.st_mtim.tv_nsec > b.st_mtim.tv_nsec;
}

/*
 * From the highest name down. As long as names are right the first file that verifies is the newest, unless
 * another one was written later; once one is not, all files are read. What they hold counts, and of two alike
 * the one whose name is right.
 */
static wt_status choose_newest(wt_checkpoint **best, const char *run, const int64_t *names, size_t count) {
    bool all_right = true;
    for (size_t i = count; i > 0; i--) {
        wt_checkpoint *checkpoint;
        const bool needed = !*best || !all_right;
        if (!needed && !is_written_after(run, names[i - 1], (*best)->path)) continue;
        const wt_status status = open_or_pass_over(&checkpoint, run, names[i - 1]);
        if (status != WT_OK && !needed && wt_error_is_transient()) {
            wt_log_warning("%s; passed over, since its name says an older step", wt_error_message());
            continue;
        }
        WT_TRY(status);
        if (!checkpoint) continue;
        const bool right = is_named_right(checkpoint);
        all_right = all_right && right;
        const wt_checkpoint_state *state = &checkpoint->state;
        if (!*best || is_later(state, &(*best)->state) || (right && !is_later(&(*best)->state, state))) {
            wt_checkpoint_close(*best);
            *best = checkpoint;
        } else {
            wt_checkpoint_close(checkpoint);
        }
    }
    return WT_OK;
}

static wt_status open_newest_once(void *context) {
    const opening *work = context;
    int64_t *names;
    size_t count;
    *work->out = NULL;
    WT_TRY(wt_run_checkpoints(work->place, &names, &count));
    wt_status status = choose_newest(work->out, work->place, names, count);
    wt_free(names);
    if (status != WT_OK) {
        wt_checkpoint_close(*work->out);
        *work->out = NULL;
        return status;
    }
    WT_CHECK(!count || *work->out, WT_FAILED, "%s: none of its %zu checkpoints can be read", work->place,
             count);
    return WT_OK;
}

wt_status wt_run_open_newest(wt_checkpoint **out, const char *run) {
    opening work = {.out = out, .place = run};
    return wt_error_try_again(open_newest_once, &work);
}

wt_status wt_run_newest_step(int64_t *step, const char *run) {
    int64_t *names;
    size_t count;
    wt_checkpoint *checkpoint;
    *step = -1;
    WT_TRY(wt_run_checkpoints(run, &names, &count));
    if (count) *step = names[count - 1];
    wt_free(names);
    if (!count) return WT_OK;
    wt_status status = wt_run_open_newest(&checkpoint, run);
    if (status != WT_OK) return wt_error_is_transient() ? status : WT_OK;
    if (checkpoint) *step = checkpoint->state.step;
    wt_checkpoint_close(checkpoint);
    return WT_OK;
}

/* Under the name of its step, or, where that is another one's or gone, under any. */
static wt_status open_step_once(void *context) {
    const opening *work = context;
    int64_t *names;
    size_t count;
    char path[WT_PATH_MAX];
    bool found;
    *work->out = NULL;
    WT_TRY(wt_run_checkpoint_path(path, work->place, work->step));
    WT_TRY(wt_path_find(&found, path));
    if (found) {
        WT_TRY(wt_checkpoint_open_once(work->out, path));
        if (is_named_right(*work->out)) return WT_OK;
    }
    WT_TRY(wt_run_checkpoints(work->place, &names, &count));
    wt_status status = WT_OK;
    for (size_t i = count; i > 0 && status == WT_OK; i--) {
        if (*work->out && (*work->out)->state.step == work->step) break;
        wt_checkpoint_close(*work->out);
        status = open_or_pass_over(work->out, work->place, names[i - 1]);
    }
    wt_free(names);
    if (*work->out && (status != WT_OK || (*work->out)->state.step != work->step)) {
        wt_checkpoint_close(*work->out);
        *work->out = NULL;
    }
    WT_TRY(status);
    WT_CHECK(*work->out, WT_USAGE, "%s: no such checkpoint", path);
    is_named_right(*work->out);
    return WT_OK;
}

static wt_status open_step(wt_checkpoint **out, const char *run, int64_t step) {
    opening work = {.out = out, .place = run, .step = step};
    return wt_error_try_again(open_step_once, &work);
}

/* The best step's checkpoint, as the newest one records it. */
static wt_status open_best(wt_checkpoint **out, const char *run) {
    wt_checkpoint *newest;
    *out = NULL;
    WT_TRY(wt_run_open_newest(&newest, run));
    WT_CHECK(newest, WT_USAGE, "%s: the run has no checkpoint", run);
    const int64_t best = newest->state.best_step, step = newest->state.step;
    if (best == step) {
        *out = newest;
        return WT_OK;
    }
    wt_checkpoint_close(newest);
    WT_CHECK(best >= 0, WT_USAGE, "%s: the run has not been validated yet, so no checkpoint is the best",
             run);
    return open_step(out, run, best);
}

static wt_status find_once(void *context) {
    bool found;
    const opening *work = context;
    WT_TRY(wt_path_find(&found, work->place));
    WT_CHECK(found, WT_USAGE, "%s: no such checkpoint or run", work->place);
    return WT_OK;
}

wt_status wt_checkpoint_find(wt_checkpoint **out, const char *file_or_run, wt_checkpoint_pick pick,
                             int64_t step) {
    opening work = {.out = out, .place = file_or_run};
    *out = NULL;
    WT_TRY(wt_error_try_again(find_once, &work));
    if (!wt_path_is_folder(file_or_run)) return wt_checkpoint_open(out, file_or_run);
    if (step >= 0) return open_step(out, file_or_run, step);
    if (pick == WT_PICK_BEST) return open_best(out, file_or_run);
    WT_TRY(wt_run_open_newest(out, file_or_run));
    WT_CHECK(*out, WT_USAGE, "%s: the folder has no checkpoint (a run's folder or a checkpoint is expected)",
             file_or_run);
    return WT_OK;
}

wt_status wt_checkpoint_choose(wt_checkpoint **out, const char *file_or_run, const char *which) {
    if (!which || strcmp(which, "newest") == 0)
        return wt_checkpoint_find(out, file_or_run, WT_PICK_NEWEST, -1);
    if (strcmp(which, "best") == 0) return wt_checkpoint_find(out, file_or_run, WT_PICK_BEST, -1);
    char *end;
    long long step = strtoll(which, &end, 10);
    WT_CHECK(*which && !*end && step >= 0, WT_USAGE, "--checkpoint: got %s, expected newest, best or a step",
             which);
    return wt_checkpoint_find(out, file_or_run, WT_PICK_NEWEST, step);
}
