/* Files and folders by plain POSIX calls, each of them checked. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"

wt_status wt_path_join(char out[WT_PATH_MAX], const char *folder, const char *name) {
    const char *slash = *folder && folder[strlen(folder) - 1] != '/' ? "/" : "";
    int length = snprintf(out, WT_PATH_MAX, "%s%s%s", folder, slash, name);
    WT_CHECK(length < WT_PATH_MAX, WT_USAGE,
             "%.200s…: the path is too long (got %d bytes, expected under %d)", folder, length, WT_PATH_MAX);
    return WT_OK;
}

wt_status wt_path_from_root(char out[WT_PATH_MAX], const char *path) {
    char here[WT_PATH_MAX];
    if (*path == '/') return wt_path_join(out, "", path);
    WT_CHECK(getcwd(here, sizeof here), WT_FAILED, "%s: the current folder has no path (%s)", path,
             strerror(errno));
    return wt_path_join(out, here, path);
}

const char *wt_path_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool wt_path_exists(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

wt_status wt_path_find(bool *found, const char *path) {
    struct stat info;
    *found = lstat(path, &info) == 0;
    if (*found || errno == ENOENT || errno == ENOTDIR) return WT_OK;
    return wt_error_transient(WT_FAILED, "%s: can't be looked for (%s)", path, strerror(errno));
}

bool wt_path_is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

wt_status wt_path_require_ending(const char *path, const char *ending, const char *what) {
    const char *name = wt_path_base(path), *dot = strrchr(name, '.');
    WT_CHECK(!dot || dot == name || strcasecmp(dot, ending) == 0, WT_USAGE,
             "%s: would hold %s (got the ending %s, expected %s)", path, what, dot, ending);
    return WT_OK;
}

wt_status wt_path_require_folder(const char *path, const char *what, const char *hint) {
    struct stat info;
    const bool found = stat(path, &info) == 0;
    WT_CHECK(found || errno == ENOENT || errno == ENOTDIR, WT_FAILED, "%s: can't be read (%s)", path,
             strerror(errno));
    WT_CHECK(found && S_ISDIR(info.st_mode), WT_USAGE, "%s: no %s (%s%s)", path, what,
             found ? "it is no folder" : "no such folder", hint);
    return WT_OK;
}

wt_status wt_path_require_free(const char *path, const char *hint) {
    struct stat info;
    const bool found = lstat(path, &info) == 0;
    WT_CHECK(!found, WT_USAGE, "%s: exists already%s", path, hint);
    WT_CHECK(errno == ENOENT || errno == ENOTDIR, WT_FAILED, "%s: can't be written (%s)", path,
             strerror(errno));
    return WT_OK;
}

wt_status wt_path_require_writable(const char *path, bool force) {
    char folder[WT_PATH_MAX];
    if (!force) WT_TRY(wt_path_require_free(path, " (--force replaces it)"));
    const char *name = wt_path_base(path);
    WT_CHECK(*name && !wt_path_is_folder(path), WT_USAGE, "%s: is a folder, expected a file", path);
    snprintf(folder, sizeof folder, "%.*s", (int)(name - path), path);
    WT_CHECK(access(*folder ? folder : ".", W_OK) == 0, WT_FAILED, "%s: can't write there (%s)", path,
             strerror(errno));
    return WT_OK;
}

wt_status wt_folder_make(const char *path) {
    char part[WT_PATH_MAX];
    WT_CHECK(*path, WT_USAGE, "the name of a folder is empty");
    WT_TRY(wt_path_join(part, path, ""));
    for (char *c = part + 1; *c; c++) {
        if (*c != '/') continue;
        *c = '\0';
        WT_CHECK(mkdir(part, 0777) == 0 || errno == EEXIST || wt_path_is_folder(part), WT_FAILED,
                 "%s: can't make the folder (%s)", part, strerror(errno));
        *c = '/';
    }
    WT_CHECK(wt_path_is_folder(path), WT_FAILED, "%s: is no folder", path);
    return WT_OK;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk) {
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

wt_status wt_folder_remove(const char *path) {
    if (!wt_path_exists(path)) return WT_OK;
    WT_CHECK(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0, WT_FAILED,
             "%s: can't remove the folder (%s)", path, strerror(errno));
    return WT_OK;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool name_matches(const char *name, const char *prefix, const char *suffix) {
    size_t length = strlen(name), before = strlen(prefix), after = strlen(suffix);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || length < before + after) return false;
    return strncmp(name, prefix, before) == 0 && strcmp(name + length - after, suffix) == 0;
}

static wt_status grow_list(char ***names, size_t count, size_t *room) {
    if (count < *room) return WT_OK;
    size_t larger = *room ? 2 * *room : 64;
    char **moved;
    WT_TRY(wt_alloc(&moved, larger, sizeof *moved, "a list of files"));
    if (count) memcpy(moved, *names, count * sizeof *moved);
    wt_free(*names);
    *names = moved;
    *room = larger;
    return WT_OK;
}

wt_status wt_folder_list(char ***names, size_t *count, const char *path, const char *prefix,
                         const char *suffix) {
    wt_status status = WT_OK;
    size_t room = 0;
    *names = NULL;
    *count = 0;
    DIR *folder = opendir(path);
    if (!folder)
        return wt_error_transient(WT_FAILED, "%s: can't read the folder (%s)", path, strerror(errno));
    for (struct dirent *entry; (errno = 0, entry = readdir(folder)) != NULL;) {
        if (!name_matches(entry->d_name, prefix, suffix)) continue;
        WT_GUARD(grow_list(names, *count, &room));
        WT_GUARD(wt_memory_copy_string(&(*names)[*count], entry->d_name));
        ++*count;
    }
    if (errno != 0) {
        status = wt_error_transient(WT_FAILED, "%s: can't read the folder (%s)", path, strerror(errno));
        goto cleanup;
    }
    if (*count) qsort(*names, *count, sizeof **names, compare_names);
cleanup:
    closedir(folder);
    if (status != WT_OK) {
        wt_folder_list_free(*names, *count);
        *names = NULL;
        *count = 0;
    }
    return status;
}

void wt_folder_list_free(char **names, size_t count) {
    for (size_t i = 0; i < count; i++) wt_free(names[i]);
    wt_free(names);
}

static wt_status visit_entry(const FTSENT *entry, size_t root, wt_folder_visit visit, void *context) {
    const char *below = entry->fts_path + root;
    wt_walked walked = {entry->fts_path, below + strspn(below, "/"), entry->fts_name, WT_WALKED_FILE};
    switch (entry->fts_info) {
    case FTS_F: break;
    case FTS_DEFAULT: walked.kind = WT_WALKED_OTHER; break;
    case FTS_SLNONE: walked.kind = WT_WALKED_DANGLING; break;
    case FTS_DC: return wt_error(WT_USAGE, "%s: the folder contains itself through a link", entry->fts_path);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return wt_error(WT_FAILED, "%s: can't be read (%s)", entry->fts_path, strerror(entry->fts_errno));
    default: return WT_OK;
    }
    return visit(context, &walked);
}

wt_status wt_folder_walk(const char *path, wt_folder_visit visit, void *context) {
    char root[WT_PATH_MAX];
    char *roots[] = {root, NULL};
    wt_status status = WT_OK;
    WT_TRY(wt_path_join(root, path, ""));
    while (strlen(root) > 1 && root[strlen(root) - 1] == '/') root[strlen(root) - 1] = '\0';
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    WT_CHECK(walk, WT_FAILED, "%s: can't be read (%s)", path, strerror(errno));
    for (FTSENT *entry; status == WT_OK && (errno = 0, entry = fts_read(walk));) {
        const bool hidden = entry->fts_level > 0 && entry->fts_name[0] == '.';
        if (hidden && entry->fts_info == FTS_D) fts_set(walk, entry, FTS_SKIP);
        if (!hidden) status = visit_entry(entry, strlen(root), visit, context);
    }
    if (status == WT_OK && errno != 0)
        status = wt_error(WT_FAILED, "%s: can't be read (%s)", path, strerror(errno));
    fts_close(walk);
    return status;
}

static const char *kind_of_file(mode_t mode) {
    return S_ISDIR(mode) ? "a folder" : S_ISFIFO(mode) ? "a pipe" : S_ISSOCK(mode) ? "a socket" : "a device";
}

wt_status wt_file_open(FILE **out, const char *path) {
    wt_status status = WT_OK;
    struct stat info;
    *out = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool absent = file < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENXIO);
    if (file < 0 || fstat(file, &info) != 0) {
        status = wt_error_transient(absent ? WT_USAGE : WT_FAILED, "%s: can't be read (%s)", path,
                                    strerror(errno));
        goto cleanup;
    }
    WT_GUARD_CHECK(S_ISREG(info.st_mode), WT_USAGE, "%s: is %s (expected a regular file)", path,
                   kind_of_file(info.st_mode));
    *out = fdopen(file, "rb");
    WT_GUARD_CHECK(*out, WT_FAILED, "%s: can't be read (%s)", path, strerror(errno));
    return WT_OK;
cleanup:
    if (file >= 0) close(file);
    return status;
}

wt_status wt_stream_read(char **data, size_t *bytes, int stream, const char *name, size_t limit) {
    char *block;
    size_t used = 0;
    ssize_t got = 1;
    *data = NULL;
    *bytes = 0;
    WT_TRY(wt_alloc(&block, limit + 2, 1, name));
    while (used <= limit && got != 0) {
        got = read(stream, block + used, limit + 1 - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) break;
        used += (size_t)got;
    }
    wt_status status = got < 0 ? wt_error(WT_FAILED, "%s: can't be read (%s)", name, strerror(errno)) : WT_OK;
    if (status == WT_OK && used > limit)
        status = wt_error(WT_USAGE, "%s: is too large (expected at most %zu bytes)", name, limit);
    if (status != WT_OK) {
        wt_free(block);
        return status;
    }
    block[used] = '\0';
    *data = block;
    *bytes = used;
    return WT_OK;
}

/* The file's bytes, in place. A file that is shorter by now than it was is cut short; that is for who reads
 * it. */
static wt_status read_file_bytes(const char *path, int file, char *data, size_t bytes, size_t *got) {
    for (*got = 0; *got < bytes;) {
        ssize_t part = read(file, data + *got, bytes - *got);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0)
            return wt_error_transient(WT_FAILED, "%s: can't read the file (%s)", path, strerror(errno));
        if (part == 0) break;
        *got += (size_t)part;
    }
    WT_CHECK(*got == bytes, WT_FAILED, "%s: can't read the file (got %zu bytes, expected %zu)", path, *got,
             bytes);
    return WT_OK;
}

wt_status wt_file_read(char **data, size_t *bytes, const char *path, size_t limit) {
    wt_status status = WT_OK;
    struct stat info;
    FILE *file;
    *data = NULL;
    *bytes = 0;
    WT_TRY(wt_file_open(&file, path));
    if (fstat(fileno(file), &info) != 0) {
        status = wt_error_transient(WT_FAILED, "%s: can't be read (%s)", path, strerror(errno));
        goto cleanup;
    }
    WT_GUARD_CHECK((uint64_t)info.st_size <= limit, WT_FAILED,
                   "%s: the file is too large (got %lld bytes, expected at most %zu)", path,
                   (long long)info.st_size, limit);
    WT_GUARD(wt_alloc(data, (size_t)info.st_size + 1, 1, path));
    WT_GUARD(read_file_bytes(path, fileno(file), *data, (size_t)info.st_size, bytes));
cleanup:
    fclose(file);
    if (status != WT_OK) {
        wt_free(*data);
        *data = NULL;
        *bytes = 0;
    }
    return status;
}

static wt_status write_file_bytes(int file, const char *path, const char *data, size_t bytes) {
    while (bytes) {
        ssize_t written = write(file, data, bytes);
        if (written < 0 && errno == EINTR) continue;
        WT_CHECK(written >= 0, WT_FAILED, "%s: can't write (%s)", path, strerror(errno));
        WT_CHECK(written > 0, WT_FAILED, "%s: can't write (nothing was taken of %zu bytes)", path, bytes);
        data += written;
        bytes -= (size_t)written;
    }
    return WT_OK;
}

static wt_status sync_parent(const char *path) {
    char folder[WT_PATH_MAX];
    const char *base = wt_path_base(path);
    snprintf(folder, sizeof folder, "%.*s", (int)(base - path), path);
    return wt_folder_sync(*folder ? folder : ".");
}

static const char unfinished_mark[] = ".tmp-";

/* PATH.tmp-PID; an array of this size holds it for the longest path. */
enum { UNFINISHED_MAX = WT_PATH_MAX + 32 };
static void name_unfinished(char out[UNFINISHED_MAX], const char *path, pid_t writer) {
    snprintf(out, UNFINISHED_MAX, "%s%s%ld", path, unfinished_mark, (long)writer);
}

/* Whether a name ends as an unfinished file's. */
static bool is_unfinished(const char *name) {
    const char *mark = NULL;
    for (const char *next = name; (next = strstr(next, unfinished_mark)) != NULL; next++) mark = next;
    if (!mark) return false;
    const char *number = mark + strlen(unfinished_mark);
    return *number && strspn(number, "0123456789") == strlen(number);
}

wt_status wt_file_write_atomically(const char *path, const void *data, size_t bytes, const void *tail,
                                   size_t tail_bytes) {
    wt_status status = WT_OK;
    char temporary[UNFINISHED_MAX];
    name_unfinished(temporary, path, gettid()); /* a thread's own: two may write the same path */
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    WT_CHECK(file >= 0, WT_FAILED, "%s: can't write (%s)", path, strerror(errno));
    WT_GUARD(write_file_bytes(file, path, data, bytes));
    if (tail_bytes) WT_GUARD(write_file_bytes(file, path, tail, tail_bytes));
    WT_GUARD_CHECK(fsync(file) == 0, WT_FAILED, "%s: can't write (%s)", path, strerror(errno));
    int closed = close(file);
    file = -1;
    WT_GUARD_CHECK(closed == 0, WT_FAILED, "%s: can't write (%s)", path, strerror(errno));
    WT_GUARD_CHECK(rename(temporary, path) == 0, WT_FAILED, "%s: can't put the file in place (%s)", path,
                   strerror(errno));
    status = sync_parent(path);
cleanup:
    if (file >= 0) close(file);
    if (status != WT_OK) unlink(temporary);
    return status;
}

/* --- files that are written little by little --- */

/* The writer may be at work on another host, so nothing is removed. */
static void warn_of_leftovers(const char *path) {
    char folder[WT_PATH_MAX], **names;
    const char *base = wt_path_base(path);
    size_t count;
    snprintf(folder, sizeof folder, "%.*s", (int)(base - path), path);
    if (wt_folder_list(&names, &count, *folder ? folder : ".", base, "") != WT_OK) return;
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(base);
        if (strncmp(names[i] + length, unfinished_mark, strlen(unfinished_mark)) == 0 &&
            is_unfinished(names[i]))
            wt_log_warning("%s%s: was left behind by a command that was killed", folder, names[i]);
    }
    wt_folder_list_free(names, count);
}

wt_status wt_path_begin(char unfinished[WT_PATH_MAX], const char *path) {
    char name[UNFINISHED_MAX];
    name_unfinished(name, path, getpid());
    WT_CHECK(strlen(name) < WT_PATH_MAX, WT_USAGE, "%.200s…: the path is too long (expected under %d bytes)",
             path, WT_PATH_MAX);
    warn_of_leftovers(path);
    unlink(name); /* of a process that had this one's number */
    strcpy(unfinished, name);
    return WT_OK;
}

static wt_status sync_unfinished(const char *unfinished, const char *path) {
    int file = open(unfinished, O_RDONLY | O_CLOEXEC);
    WT_CHECK(file >= 0, WT_FAILED, "%s: can't write (%s)", path, strerror(errno));
    const int failed = fsync(file) != 0 ? errno : 0;
    close(file);
    WT_CHECK(failed == 0 || failed == EINVAL, WT_FAILED, "%s: can't write (%s)", path, strerror(failed));
    return WT_OK;
}

static wt_status rename_into_place(const char *unfinished, const char *path) {
    WT_TRY(sync_unfinished(unfinished, path));
    WT_CHECK(rename(unfinished, path) == 0, WT_FAILED, "%s: can't put the file in place (%s)", path,
             strerror(errno));
    return sync_parent(path);
}

wt_status wt_path_finish(const char *unfinished, const char *path, wt_status status) {
    if (status == WT_OK) status = rename_into_place(unfinished, path);
    if (status != WT_OK) unlink(unfinished);
    return status;
}

/* A pipe or a device (/dev/stdout) takes what comes, and no other file takes its name. */
static bool is_special(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

wt_status wt_file_begin(FILE **file, const char *path) {
    char unfinished[WT_PATH_MAX];
    const bool special = is_special(path);
    *file = NULL;
    if (!special) WT_TRY(wt_path_begin(unfinished, path));
    *file = special ? fopen(path, "w") : fopen(unfinished, "wx");
    WT_CHECK(*file, WT_FAILED, "%s: can't be made (%s)", path, strerror(errno));
    return WT_OK;
}

wt_status wt_file_finish_as(FILE *file, const char *path, const char *name, wt_status status) {
    char unfinished[UNFINISHED_MAX];
    name_unfinished(unfinished, path, getpid());
    errno = 0;
    bool whole = fflush(file) == 0 && !ferror(file);
    const int reason = errno;
    whole = fclose(file) == 0 && whole;
    if (status == WT_OK && !whole)
        status = wt_error(WT_FAILED, "%s: can't write (%s)", path, strerror(reason ? reason : errno));
    return is_special(path) ? status : wt_path_finish(unfinished, name, status);
}

wt_status wt_file_finish(FILE *file, const char *path, wt_status status) {
    return wt_file_finish_as(file, path, path, status);
}

void wt_folder_remove_unfinished(const char *path) {
    char **names, entry[WT_PATH_MAX];
    size_t count;
    if (wt_folder_list(&names, &count, path, "", "") != WT_OK) return;
    for (size_t i = 0; i < count; i++) {
        if (is_unfinished(names[i]) && wt_path_join(entry, path, names[i]) == WT_OK) unlink(entry);
    }
    wt_folder_list_free(names, count);
}

wt_status wt_folder_sync(const char *path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    WT_CHECK(folder >= 0, WT_FAILED, "%s: can't open the folder (%s)", path, strerror(errno));
    int failed = fsync(folder) != 0 &&
                 errno != EINVAL; /* EINVAL: the file system cannot, as some network ones */
    int reason = errno;
    close(folder);
    WT_CHECK(!failed, WT_FAILED, "%s: can't write the folder (%s)", path, strerror(reason));
    return WT_OK;
}

long long wt_folder_free_bytes(const char *path) {
    struct statvfs info;
    if (statvfs(path, &info) != 0) return -1;
    return (long long)info.f_bavail * (long long)info.f_frsize;
}
