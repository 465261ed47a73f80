/* Checkpoints of a run: found by their names, opened newest first, old ones removed. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wavetrain/checkpoint.h"
#include "wavetrain/log.h"
#include "wavetrain/memory.h"

static const char wt_name_prefix[] = "step-", wt_name_suffix[] = ".h5";
enum { WT_NAME_MAX = 64 }; /* bytes of a checkpoint's name */

static wt_status wt_checkpoints_folder(char out[WT_PATH_MAX], const char *run) {
    return wt_path_join(out, run, "checkpoints");
}

static void wt_make_name(char out[WT_NAME_MAX], int64_t step) {
    snprintf(out, WT_NAME_MAX, "%s%08" PRId64 "%s", wt_name_prefix, step, wt_name_suffix);
}

wt_status wt_run_checkpoint_path(char out[WT_PATH_MAX], const char *run, int64_t step) {
    char folder[WT_PATH_MAX], name[WT_NAME_MAX];
    WT_TRY(wt_checkpoints_folder(folder, run));
    wt_make_name(name, step);
    return wt_path_join(out, folder, name);
}

/* The step in a checkpoint's name, or −1: also for names that only look like one (step-5.h5), since their
 * step would lead to another file. */
static int64_t wt_name_step(const char *name) {
    char made[WT_NAME_MAX];
    const char *digits = name + strlen(wt_name_prefix);
    if (!isdigit((unsigned char)*digits)) return -1;
    errno = 0;
    long long step = strtoll(digits, NULL, 10);
    if (errno != 0) return -1;
    wt_make_name(made, step);
    return strcmp(name, made) == 0 ? step : -1;
}

static int wt_compare_steps(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

wt_status wt_run_checkpoints(const char *run, int64_t **steps, size_t *count) {
    char folder[WT_PATH_MAX], **names;
    size_t all;
    *steps = NULL;
    *count = 0;
    WT_TRY(wt_checkpoints_folder(folder, run));
    if (!wt_path_exists(folder)) return WT_OK;
    WT_TRY(wt_folder_list(&names, &all, folder, wt_name_prefix, wt_name_suffix));
    wt_status status = wt_alloc(steps, all, sizeof **steps, "steps of checkpoints");
    for (size_t i = 0; status == WT_OK && i < all; i++) {
        int64_t step = wt_name_step(names[i]);
        if (step >= 0) (*steps)[(*count)++] = step;
    }
    wt_folder_list_free(names, all);
    if (*count) qsort(*steps, *count, sizeof **steps, wt_compare_steps);
    return status;
}

wt_status wt_run_open_newest(wt_checkpoint **out, const char *run) {
    int64_t *steps;
    size_t count;
    wt_status status = WT_OK;
    *out = NULL;
    WT_TRY(wt_run_checkpoints(run, &steps, &count));
    for (size_t i = count; i > 0 && !*out; i--) {
        char path[WT_PATH_MAX];
        WT_GUARD(wt_run_checkpoint_path(path, run, steps[i - 1]));
        if (wt_checkpoint_open(out, path) != WT_OK) {
            wt_log_warning("%s; passed over, looking for an older one", wt_error_message());
        }
    }
    if (count && !*out) {
        status = wt_error(WT_FAILED, "%s: none of its %zu checkpoints can be read", run, count);
    }
cleanup:
    wt_free(steps);
    return status;
}

/* The best step's checkpoint, as the newest one records it. */
static wt_status wt_open_best(wt_checkpoint **out, const char *run) {
    char path[WT_PATH_MAX];
    wt_checkpoint *newest;
    *out = NULL;
    WT_TRY(wt_run_open_newest(&newest, run));
    WT_CHECK(newest, WT_USAGE, "%s: the run has no checkpoint", run);
    const wt_checkpoint_state *state = wt_checkpoint_get_state(newest);
    int64_t best = state->best_step, step = state->step;
    if (best == step) {
        *out = newest;
        return WT_OK;
    }
    wt_checkpoint_close(newest);
    WT_CHECK(best >= 0, WT_USAGE, "%s: the run has not been validated yet, so no checkpoint is the best",
             run);
    WT_TRY(wt_run_checkpoint_path(path, run, best));
    return wt_checkpoint_open(out, path);
}

wt_status wt_checkpoint_find(wt_checkpoint **out, const char *file_or_run, wt_checkpoint_pick pick,
                             int64_t step) {
    char path[WT_PATH_MAX];
    *out = NULL;
    WT_CHECK(wt_path_exists(file_or_run), WT_USAGE, "%s: no such checkpoint or run", file_or_run);
    if (!wt_path_is_folder(file_or_run)) return wt_checkpoint_open(out, file_or_run);
    if (step >= 0) {
        WT_TRY(wt_run_checkpoint_path(path, file_or_run, step));
        WT_CHECK(wt_path_exists(path), WT_USAGE, "%s: no such checkpoint", path);
        return wt_checkpoint_open(out, path);
    }
    if (pick == WT_PICK_BEST) return wt_open_best(out, file_or_run);
    WT_TRY(wt_run_open_newest(out, file_or_run));
    WT_CHECK(*out, WT_USAGE, "%s: the folder has no checkpoint (a run's folder or a checkpoint is expected)",
             file_or_run);
    return WT_OK;
}

/* Temporary files of a write that was killed: the run has its lock and is writing none itself. */
static wt_status wt_remove_unfinished(const char *run) {
    char folder[WT_PATH_MAX], path[WT_PATH_MAX], **names;
    size_t count;
    WT_TRY(wt_checkpoints_folder(folder, run));
    WT_TRY(wt_folder_list(&names, &count, folder, wt_name_prefix, ""));
    for (size_t i = 0; i < count; i++) {
        bool unfinished = strstr(names[i], ".h5.tmp-") != NULL;
        if (unfinished && wt_path_join(path, folder, names[i]) == WT_OK) unlink(path);
    }
    wt_folder_list_free(names, count);
    return WT_OK;
}

wt_status wt_run_prune(const char *run, int keep, int64_t best_step) {
    int64_t *steps;
    size_t count;
    wt_status status = WT_OK;
    WT_TRY(wt_remove_unfinished(run));
    WT_TRY(wt_run_checkpoints(run, &steps, &count));
    for (size_t i = 0; i + (size_t)keep < count; i++) {
        char path[WT_PATH_MAX];
        if (steps[i] == best_step) continue;
        WT_GUARD(wt_run_checkpoint_path(path, run, steps[i]));
        WT_GUARD_CHECK(unlink(path) == 0, WT_FAILED, "%s: can't remove the old checkpoint (%s)", path,
                       strerror(errno));
    }
cleanup:
    wt_free(steps);
    return status;
}
