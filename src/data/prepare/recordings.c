/*
 * The list of recordings: inputs walked, ids made, sorted and checked for duplicates.
 *
 * Ids are paths below the input, so that a data set made elsewhere from the same recordings has the same
 * ids, hence the same split and the same bytes. One process walks; others get the packed list, because a
 * folder that changes meanwhile must not give ranks different ideas of how many files there are.
 */
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "prepare_internal.h"
#include "wavetrain/memory.h"

typedef struct {
    wt_recordings *list;
    size_t room;
    bool prefixed; /* several folders: ids begin with the folder's name */
} collection;

static bool sounds_like(const char *name) {
    static const char *const extensions[] = {".wav", ".flac", ".ogg", ".oga", ".opus"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof extensions / sizeof *extensions; i++)
        if (strcasecmp(dot, extensions[i]) == 0) return true;
    return false;
}

static wt_status make_room(collection *all) {
    wt_recordings *list = all->list;
    if (list->count < all->room) return WT_OK;
    size_t larger = all->room ? 2 * all->room : 256;
    wt_recording *moved;
    WT_TRY(wt_alloc(&moved, larger, sizeof *moved, "list of recordings"));
    if (list->count > 0) memcpy(moved, list->files, list->count * sizeof *moved);
    wt_free(list->files);
    list->files = moved;
    all->room = larger;
    return WT_OK;
}

static wt_status add_file(collection *all, const char *path, const char *id) {
    WT_TRY(make_room(all));
    wt_recording *file = &all->list->files[all->list->count];
    memset(file, 0, sizeof *file);
    WT_TRY(wt_copy_string(&file->path, path));
    all->list->count++; /* from here dispose frees it */
    return wt_copy_string(&file->id, id);
}

/* The last part of a folder's real name: "." and "x/.." have one too. */
static wt_status folder_name(char out[WT_PATH_MAX], const char *path) {
    char *real = realpath(path, NULL);
    WT_CHECK(real, WT_FAILED, "%s: can't be read (%s)", path, strerror(errno));
    wt_status status = wt_path_join(out, "", wt_path_base(real));
    free(real);
    return status;
}

static wt_status add_below(collection *all, const FTSENT *entry, const char *root, const char *prefix) {
    const char *below = entry->fts_path + strlen(root);
    while (*below == '/') below++;
    char id[WT_PATH_MAX];
    WT_TRY(wt_path_join(id, prefix, below));
    return add_file(all, entry->fts_path, id);
}

static wt_status visit(collection *all, FTS *walk, FTSENT *entry, const char *root, const char *prefix) {
    bool hidden = entry->fts_level > 0 && entry->fts_name[0] == '.';
    switch (entry->fts_info) {
    case FTS_D:
        if (hidden) fts_set(walk, entry, FTS_SKIP);
        return WT_OK;
    case FTS_F:
        if (!hidden && sounds_like(entry->fts_name)) return add_below(all, entry, root, prefix);
        all->list->skipped += !hidden;
        return WT_OK;
    case FTS_DC: return wt_error(WT_USAGE, "%s: the folder contains itself through a link", entry->fts_path);
    case FTS_SLNONE:
        if (hidden || !sounds_like(entry->fts_name)) return WT_OK;
        return wt_error(WT_USAGE, "%s: is a link to a file that does not exist", entry->fts_path);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return wt_error(WT_FAILED, "%s: can't be read (%s)", entry->fts_path, strerror(entry->fts_errno));
    default: return WT_OK;
    }
}

static wt_status add_folder(collection *all, const char *path) {
    char prefix[WT_PATH_MAX] = "", root[WT_PATH_MAX];
    if (all->prefixed) WT_TRY(folder_name(prefix, path));
    WT_TRY(wt_path_join(root, path, ""));
    while (strlen(root) > 1 && root[strlen(root) - 1] == '/') root[strlen(root) - 1] = '\0';
    size_t before = all->list->count;
    char *roots[] = {root, NULL};
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    WT_CHECK(walk, WT_FAILED, "%s: can't be read (%s)", path, strerror(errno));
    wt_status status = WT_OK;
    for (FTSENT *entry; status == WT_OK && (errno = 0, entry = fts_read(walk));)
        status = visit(all, walk, entry, root, prefix);
    if (status == WT_OK && errno != 0)
        status = wt_error(WT_FAILED, "%s: can't be read (%s)", path, strerror(errno));
    fts_close(walk);
    WT_TRY(status);
    WT_CHECK(all->list->count > before, WT_USAGE,
             "%s: holds no recordings (expected files named .wav, .flac, .ogg, .oga or .opus)", path);
    return WT_OK;
}

static wt_status add_input(collection *all, const char *path) {
    if (wt_path_is_folder(path)) return add_folder(all, path);
    /* Opening tells more about a path that is neither than stat would. */
    WT_CHECK(wt_path_exists(path), WT_USAGE, "%s: no such file or folder", path);
    return add_file(all, path, wt_path_base(path));
}

static int compare_ids(const void *a, const void *b) {
    return strcmp(((const wt_recording *)a)->id, ((const wt_recording *)b)->id);
}

static wt_status check_unique(const wt_recordings *list) {
    for (size_t i = 1; i < list->count; i++)
        WT_CHECK(strcmp(list->files[i - 1].id, list->files[i].id) != 0, WT_USAGE,
                 "%s: would have the same name in the data set as %s (both %s)", list->files[i].path,
                 list->files[i - 1].path, list->files[i].id);
    return WT_OK;
}

wt_status wt_recordings_find(wt_recordings *recordings, const char *const *inputs, size_t count) {
    memset(recordings, 0, sizeof *recordings);
    size_t folders = 0;
    for (size_t i = 0; i < count; i++) folders += wt_path_is_folder(inputs[i]);
    collection all = {.list = recordings, .prefixed = folders > 1};
    wt_status status = WT_OK;
    for (size_t i = 0; i < count; i++) WT_GUARD(add_input(&all, inputs[i]));
    if (recordings->count > 0)
        qsort(recordings->files, recordings->count, sizeof *recordings->files, compare_ids);
    WT_GUARD(check_unique(recordings));
cleanup:
    if (status != WT_OK) wt_recordings_dispose(recordings);
    return status;
}

void wt_recordings_dispose(wt_recordings *recordings) {
    for (size_t i = 0; i < recordings->count; i++) {
        wt_free(recordings->files[i].path);
        wt_free(recordings->files[i].id);
    }
    wt_free(recordings->files);
    memset(recordings, 0, sizeof *recordings);
}

/* skipped, count, then path and id of each file, terminated by a zero byte each. */
wt_status wt_recordings_pack(char **bytes, size_t *size, const wt_recordings *recordings) {
    int64_t head[2] = {recordings->skipped, (int64_t)recordings->count};
    size_t total = sizeof head;
    for (size_t i = 0; i < recordings->count; i++)
        total += strlen(recordings->files[i].path) + strlen(recordings->files[i].id) + 2;
    WT_TRY(wt_alloc(bytes, total, 1, "list of recordings"));
    memcpy(*bytes, head, sizeof head);
    char *at = *bytes + sizeof head;
    for (size_t i = 0; i < recordings->count; i++) {
        at = stpcpy(at, recordings->files[i].path) + 1;
        at = stpcpy(at, recordings->files[i].id) + 1;
    }
    *size = total;
    return WT_OK;
}

wt_status wt_recordings_unpack(wt_recordings *recordings, const char *bytes, size_t size) {
    memset(recordings, 0, sizeof *recordings);
    int64_t head[2];
    memcpy(head, bytes, sizeof head);
    collection all = {.list = recordings};
    wt_status status = WT_OK;
    recordings->skipped = head[0];
    const char *at = bytes + sizeof head;
    for (int64_t i = 0; i < head[1] && at < bytes + size; i++) {
        const char *id = at + strlen(at) + 1;
        WT_GUARD(add_file(&all, at, id));
        at = id + strlen(id) + 1;
    }
cleanup:
    if (status != WT_OK) wt_recordings_dispose(recordings);
    return status;
}
