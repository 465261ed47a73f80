/*
 * Removing old checkpoints of a run. Only files that verify count towards what is kept, by the step that they hold, so
 * that damaged or misnamed ones never push out the good. A file is read once: its inode, size and time stand for it
 * afterwards, and what this run has written itself is known to be good. The price is that a run's first removal reads
 * the files that it found; it reads for READ_SECONDS at a time and removes nothing until all are known.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint_internal.h"
#include "wavetrain/memory.h"
#include "wavetrain/timer.h"

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
    int64_t step; /* inside; of a damaged one, and of one that was not checked, in its name */
    int64_t name;
} entry;

struct wt_pruner {
    const char *run;
    entry *known; /* [known_count] */
    size_t known_count;
};

wt_status wt_pruner_create(wt_pruner **out, const char *run) {
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

wt_status wt_pruner_note(wt_pruner *pruner, int64_t step) {
    char path[WT_PATH_MAX];
    entry *entries, added = {.verdict = CHECKED_GOOD, .step = step, .name = step};
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

static void read_entry(entry *found, const char *path) {
    wt_checkpoint *checkpoint;
    if (wt_checkpoint_open_once(&checkpoint, path) == WT_OK) {
        found->verdict = CHECKED_GOOD;
        found->step = checkpoint->state.step;
        wt_checkpoint_close(checkpoint);
    } else if (!wt_error_is_transient()) {
        found->verdict = CHECKED_DAMAGED;
    }
}

/* Knows all files afterwards, or stops for now with *whole false. */
static wt_status look(wt_pruner *pruner, const int64_t *names, size_t count, bool *whole) {
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
            if (found->verdict == CHECKED_GOOD) found->step = before->step;
        } else if (wt_time_now() - began < READ_SECONDS) {
            read_entry(found, path);
        } else {
            *whole = false;
        }
    }
    keep_known(pruner, entries, count);
    return WT_OK;
}

/* --- choosing --- */

static int by_step(const void *a, const void *b) {
    const entry *left = a, *right = b;
    if (left->step != right->step) return (left->step > right->step) - (left->step < right->step);
    return (left->name > right->name) - (left->name < right->name);
}

/* The lowest of the last `keep` steps that good files hold; −1: there are not as many. */
static int64_t find_oldest_kept(const entry *entries, size_t count, int keep) {
    int64_t last = -1;
    int steps = 0;
    for (size_t i = count; i > 0; i--) {
        if (entries[i - 1].verdict != CHECKED_GOOD || entries[i - 1].step == last) continue;
        last = entries[i - 1].step;
        if (++steps == keep) return last;
    }
    return -1;
}

static wt_status remove_file(const char *run, int64_t name) {
    char path[WT_PATH_MAX];
    WT_TRY(wt_run_checkpoint_path(path, run, name));
    WT_CHECK(unlink(path) == 0, WT_FAILED, "%s: can't remove the old checkpoint (%s)", path, strerror(errno));
    return WT_OK;
}

/* Temporary files of a write that was killed: the run has its lock and is writing none itself. */
static wt_status remove_unfinished(const char *run) {
    char folder[WT_PATH_MAX], path[WT_PATH_MAX], **names;
    size_t count;
    WT_TRY(wt_checkpoints_folder(folder, run));
    WT_TRY(wt_folder_list(&names, &count, folder, "step-", ""));
    for (size_t i = 0; i < count; i++) {
        bool unfinished = strstr(names[i], ".h5.tmp-") != NULL;
        if (unfinished && wt_path_join(path, folder, names[i]) == WT_OK) unlink(path);
    }
    wt_folder_list_free(names, count);
    return WT_OK;
}

wt_status wt_pruner_prune(wt_pruner *pruner, int keep, int64_t best_step) {
    int64_t *names;
    size_t count;
    bool whole = false;
    wt_status status = WT_OK;
    WT_TRY(remove_unfinished(pruner->run));
    WT_TRY(wt_run_checkpoints(pruner->run, &names, &count));
    if (count > (size_t)keep) status = look(pruner, names, count, &whole);
    wt_free(names);
    if (status != WT_OK || !whole) return status;
    entry *entries = pruner->known;
    qsort(entries, count, sizeof *entries, by_step);
    const int64_t oldest = find_oldest_kept(entries, count, keep);
    for (size_t i = 0; i < count && entries[i].step < oldest; i++) {
        if (entries[i].verdict == CHECKED_NOT || entries[i].step == best_step) continue;
        WT_TRY(remove_file(pruner->run, entries[i].name));
    }
    return WT_OK;
}
