/*
 * The folder of a data set while it is written: next to its final place, hence on the same file system, so
 * that one rename brings all shards into being at once. A run that was killed leaves its folder behind,
 * under a name that no other run chooses: process number and time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "prepare_internal.h"

/* True if the first path is the second or lies in it; both must exist. */
static bool lies_in(const char *inner, const char *outer) {
    char *a = realpath(inner, NULL), *b = realpath(outer, NULL);
    size_t length = b ? strlen(b) : 0;
    bool inside = a && b && strncmp(a, b, length) == 0 && (a[length] == '\0' || a[length] == '/');
    free(a);
    free(b);
    return inside;
}

static wt_status refuse_existing(const char *dataset) {
    if (!wt_path_exists(dataset)) return WT_OK;
    char **names = NULL;
    size_t count = 0;
    bool folder = wt_path_is_folder(dataset);
    bool empty = folder && wt_folder_list(&names, &count, dataset, "", "") == WT_OK && count == 0;
    wt_folder_list_free(names, count);
    return wt_path_require_free(
        dataset, empty    ? ", though it is an empty folder: remove it (expected a name that is free)"
                 : folder ? ", a folder that is not empty (expected a name that is free)"
                          : " (expected a name that is free)");
}

wt_status wt_partial_check(const char *dataset, const char *const *inputs, size_t count) {
    WT_CHECK(*dataset, WT_USAGE, "--out: needs the data set's name");
    for (size_t i = 0; i < count; i++)
        WT_CHECK(!lies_in(inputs[i], dataset), WT_USAGE, "%s: is or lies in the data set to be written (%s)",
                 inputs[i], dataset);
    return refuse_existing(dataset);
}

static void strip_slashes(char *path) {
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--) path[n - 1] = '\0';
}

/* Cuts the last part off; "." where nothing is left. */
static void to_parent(char *path) {
    char *slash = strrchr(path, '/');
    if (!slash)
        strcpy(path, ".");
    else
        slash[slash == path] = '\0';
    strip_slashes(path);
}

static wt_status make_parents(wt_partial_folder *folder) {
    char parent[WT_PATH_MAX], missing[WT_PATH_MAX];
    strcpy(parent, folder->final);
    to_parent(parent);
    for (strcpy(missing, parent); !wt_path_exists(missing); to_parent(missing)) folder->parents_made++;
    return folder->parents_made > 0 ? wt_folder_make(parent) : WT_OK;
}

wt_status wt_partial_create(wt_partial_folder *folder, const char *dataset) {
    memset(folder, 0, sizeof *folder);
    WT_TRY(wt_path_join(folder->final, "", dataset));
    strip_slashes(folder->final);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int length = snprintf(folder->path, WT_PATH_MAX, "%s.partial-%lld-%llx", folder->final,
                          (long long)getpid(),
                          (unsigned long long)now.tv_sec * 1000000000ull + (unsigned long long)now.tv_nsec);
    WT_CHECK(length < WT_PATH_MAX, WT_USAGE, "%.200s…: the path is too long", folder->final);
    wt_status status = make_parents(folder);
    if (status == WT_OK && mkdir(folder->path, 0777) != 0)
        status = wt_error(WT_FAILED, "%s: can't be made (%s)", folder->final, strerror(errno));
    if (status != WT_OK) wt_partial_remove(folder);
    return status;
}

static wt_status sync_path(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    WT_CHECK(file >= 0, WT_FAILED, "%s: can't be opened (%s)", path, strerror(errno));
    int code = fsync(file), reason = errno;
    close(file);
    WT_CHECK(code == 0, WT_FAILED, "%s: can't be written to disk (%s)", path, strerror(reason));
    return WT_OK;
}

static wt_status sync_shards(const char *folder) {
    char **names, path[WT_PATH_MAX];
    size_t count;
    WT_TRY(wt_folder_list(&names, &count, folder, "", ".h5"));
    wt_status status = WT_OK;
    for (size_t i = 0; i < count && status == WT_OK; i++) {
        status = wt_path_join(path, folder, names[i]);
        if (status == WT_OK) status = sync_path(path);
    }
    wt_folder_list_free(names, count);
    return status;
}

wt_status wt_partial_commit(const wt_partial_folder *folder) {
    char parent[WT_PATH_MAX];
    WT_TRY(sync_shards(folder->path));
    WT_TRY(wt_folder_sync(folder->path));
    WT_TRY(refuse_existing(folder->final));
    WT_CHECK(rename(folder->path, folder->final) == 0, WT_FAILED, "%s: can't be renamed to %s (%s)",
             folder->path, folder->final, strerror(errno));
    strcpy(parent, folder->final);
    to_parent(parent);
    return wt_folder_sync(parent);
}

void wt_partial_remove(const wt_partial_folder *folder) {
    char message[1024], parent[WT_PATH_MAX];
    snprintf(message, sizeof message, "%s", wt_error_message());
    wt_folder_remove(folder->path);
    strcpy(parent, folder->final);
    for (int i = 0; i < folder->parents_made; i++) {
        to_parent(parent);
        rmdir(parent); /* fails where someone else put something in meanwhile: then it stays */
    }
    wt_error(WT_FAILED, "%s", message);
}
