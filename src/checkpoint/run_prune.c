/*
 * Removing old checkpoints of a run. Only files that verify count towards what is kept, by the step that they
 * hold, so that damaged or misnamed ones never push out the good; nor do those of before the run has gone
 * back, whatever their step. A file is read once: its inode, size and time stand for it
 * afterwards, and what this run has written itself is known to be good. The price is that a run's first
 * removal reads the files that it found; it reads for READ_SECONDS at a time and removes nothing until all
 * are known.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/timer.h"
#include "checkpoint/checkpoint_write.h"
#include "checkpoint/run_lock.h"
#include "checkpoint_internal.h"

#define READ_SECONDS 5.0

typedef struct {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec written;
} identity;

typedef enum { CHECKED_GOOD, CHECKED_DAMAGED, CHECKED_NOT } verdict;

typedef struct {
    identity file;
    verdict verdict;
    int rollbacks; /* inside; of a damaged one, and of one that was not checked, the most of any */
    int64_t step;  /* inside; of such a one, in its name */
    int64_t name;
} entry;

struct wt_pruner {
    const char *run;
    entry *known; /* [known_count] */
    size_t known_count;
};

wt_status wt_pruner_create(wt_pruner **out, const char *run) {
    char folder[WT_PATH_MAX];
    *out = NULL;
    WT_TRY(wt_checkpoints_folder(folder, run));
    wt_folder_remove_unfinished(folder); /* the run has its lock and is writing nothing itself yet */
    WT_TRY(wt_alloc(out, 1, sizeof **out, "what is known of checkpoints"));
    (*out)->run = run;
    return WT_OK;
}

void wt_pruner_destroy(wt_pruner *pruner) {
    if (!pruner) return;
    wt_free(pruner->known);
    wt_free(pruner);
}

/* --- what is known --- */

static bool identify(identity *file, const char *path) {
    struct stat info;
    if (lstat(path, &info) != 0) return false;
    *file = (identity){info.st_dev, info.st_ino, info.st_size, info.st_mtim};
    return true;
}

static bool is_same(const identity *a, const identity *b) {
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->written.tv_sec == b->written.tv_sec && a->written.tv_nsec == b->written.tv_nsec;
}

static const entry *recall(const wt_pruner *pruner, const identity *file) {
    for (size_t i = 0; i < pruner->known_count; i++) {
        if (is_same(&pruner->known[i].file, file)) return &pruner->known[i];
    }
    return NULL;
}

/* Replaces what is known. */
static void keep_known(wt_pruner *pruner, entry *entries, size_t count) {
    wt_free(pruner->known);
    pruner->known = entries;
    pruner->known_count = count;
}

wt_status wt_pruner_note(wt_pruner *pruner, int64_t step, int rollbacks) {
    char path[WT_PATH_MAX];
    entry *entries, added = {.verdict = CHECKED_GOOD, .rollbacks = rollbacks, .step = step, .name = step};
    const size_t count = pruner->known_count;
    WT_TRY(wt_run_checkpoint_path(path, pruner->run, step));
    if (!identify(&added.file, path)) return WT_OK; /* it will be read when it is in question */
    WT_TRY(wt_alloc(&entries, count + 1, sizeof *entries, "what is known of checkpoints"));
    if (count) memcpy(entries, pruner->known, count * sizeof *entries);
    entries[count] = added;
    keep_known(pruner, entries, count + 1);
    return WT_OK;
}

/* --- looking --- */

static void read_checkpoint_entry(entry *found, const char *path) {
    wt_checkpoint *checkpoint;
    const wt_status status = wt_checkpoint_open_once(&checkpoint, path);
    if (status == WT_OK) {
        found->verdict = CHECKED_GOOD;
        found->step = checkpoint->state.step;
        found->rollbacks = checkpoint->state.guard.rollbacks;
        wt_checkpoint_close(checkpoint);
    } else if (wt_checkpoint_may_pass_over(status)) {
        found->verdict = CHECKED_DAMAGED;
    }
}

/* Knows all files afterwards, or stops for now with *whole false. */
static wt_status inspect_files(wt_pruner *pruner, const int64_t *names, size_t count, bool *whole) {
    entry *entries;
    const double began = wt_time_now();
    WT_TRY(wt_alloc(&entries, count, sizeof *entries, "what is known of checkpoints"));
    *whole = true;
    for (size_t i = 0; i < count; i++) {
        char path[WT_PATH_MAX];
        entry *found = &entries[i];
        *found = (entry){.verdict = CHECKED_NOT, .step = names[i], .name = names[i]};
        if (wt_run_checkpoint_path(path, pruner->run, names[i]) != WT_OK || !identify(&found->file, path))
            continue;
        const entry *before = recall(pruner, &found->file);
        if (before && before->verdict != CHECKED_NOT) {
            found->verdict = before->verdict;
            if (found->verdict == CHECKED_GOOD) {
                found->step = before->step;
                found->rollbacks = before->rollbacks;
            }
        } else if (wt_time_now() - began < READ_SECONDS) {
            read_checkpoint_entry(found, path);
        } else {
            *whole = false;
        }
    }
    keep_known(pruner, entries, count);
    return WT_OK;
}

/* --- choosing --- */

/* In the order in which a run writes them. */
static int compare_age(const entry *left, const entry *right) {
    if (left->rollbacks != right->rollbacks) return left->rollbacks < right->rollbacks ? -1 : 1;
    return (left->step > right->step) - (left->step < right->step);
}

static int by_age(const void *a, const void *b) {
    const entry *left = a, *right = b;
    const int age = compare_age(left, right);
    return age ? age : (left->name > right->name) - (left->name < right->name);
}

/* A file that is not known to be good counts as one of the run's present: its age is known from its name
 * alone. */
static void sort_by_age(entry *entries, size_t count) {
    int rollbacks = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].verdict == CHECKED_GOOD && entries[i].rollbacks > rollbacks)
            rollbacks = entries[i].rollbacks;
    }
    for (size_t i = 0; i < count; i++) {
        if (entries[i].verdict != CHECKED_GOOD) entries[i].rollbacks = rollbacks;
    }
    qsort(entries, count, sizeof *entries, by_age);
}

/* The oldest of the last `keep` steps that good files hold; NULL: there are not as many. */
static const entry *find_oldest_kept(const entry *entries, size_t count, int keep) {
    const entry *last = NULL;
    int steps = 0;
    for (size_t i = count; i > 0; i--) {
        if (entries[i - 1].verdict != CHECKED_GOOD || (last && compare_age(&entries[i - 1], last) == 0))
            continue;
        last = &entries[i - 1];
        if (++steps == keep) return last;
    }
    return NULL;
}

static wt_status remove_file(const char *run, int64_t name) {
    char path[WT_PATH_MAX];
    WT_TRY(wt_run_checkpoint_path(path, run, name));
    WT_CHECK(unlink(path) == 0, WT_FAILED, "%s: can't remove the old checkpoint (%s)", path, strerror(errno));
    return WT_OK;
}

wt_status wt_pruner_prune(wt_pruner *pruner, int keep, int64_t best_step, int64_t planned_step) {
    int64_t *names;
    size_t count;
    bool whole = false;
    wt_status status = WT_OK;
    WT_TRY(wt_run_checkpoints(pruner->run, &names, &count));
    if (count > (size_t)keep) status = inspect_files(pruner, names, count, &whole);
    wt_free(names);
    if (status != WT_OK || !whole) return status;
    entry *entries = pruner->known;
    sort_by_age(entries, count);
    const entry *oldest = find_oldest_kept(entries, count, keep);
    for (size_t i = 0; oldest && compare_age(&entries[i], oldest) < 0; i++) {
        const int64_t step = entries[i].step;
        if (entries[i].verdict == CHECKED_NOT || step == best_step || step == planned_step) continue;
        WT_TRY(remove_file(pruner->run, entries[i].name));
    }
    return WT_OK;
}
