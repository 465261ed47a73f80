/*
 * Files and folders with every call checked. "Atomic" means: a reader sees the
 * old file or the whole new one, also after a power cut.
 */
#ifndef WAVETRAIN_FILE_H
#define WAVETRAIN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "wavetrain/base.h"

/* The same where "it is not there" must be certain: an error of the system other than that is a failure. */
wt_status wt_path_find(bool *found, const char *path);

/* Refuses an output whose name says that it is something else: one with another ending than `ending` (".wav";
 * in any case). Names without an ending pass. `what` is what will be in it ("a WAV file"). */
wt_status wt_path_require_ending(const char *path, const char *ending, const char *what);

/* Fails unless `path` is a folder; `what` is what it should be ("run", "data set"), and `hint` ends the
 * message ("; … makes one"). WT_USAGE, but for reasons of the system. */
wt_status wt_path_require_folder(const char *path, const char *what, const char *hint);
/* Fails if there is something at `path` (the message has `hint`), or if that is not known. */
wt_status wt_path_require_free(const char *path, const char *hint);
/* Fails unless a file can be written at `path`, for work that would otherwise find out after an hour; a file
 * that is there is in the way unless `force` (the message names --force). */
wt_status wt_path_require_writable(const char *path, bool force);

/* Names (not paths) in a folder that begin with `prefix` and end with `suffix`, sorted by
 * strcmp; free with wt_folder_list_free. "." and ".." are left out. */
wt_status wt_folder_list(char ***names, size_t *count, const char *path, const char *prefix,
                         const char *suffix);
void wt_folder_list_free(char **names, size_t count);

/* What a walk has come to. */
typedef struct {
    const char *path, *below, *name;                                   /* ROOT/A/B, A/B and B */
    enum { WT_WALKED_FILE, WT_WALKED_OTHER, WT_WALKED_DANGLING } kind; /* OTHER: a pipe, a socket, a device */
} wt_walked;
typedef wt_status (*wt_folder_visit)(void *context, const wt_walked *entry);

/* Calls `visit` for all below `root` that is no folder, in no order, until it fails; hidden files and folders
 * are left out, links are followed, and a link to nothing is DANGLING. WT_USAGE: a folder contains itself
 * through a link. */
wt_status wt_folder_walk(const char *root, wt_folder_visit visit, void *context);

/* Opens a regular file for reading, without waiting for one: a pipe without a writer would never open. A
 * missing file, a folder, a pipe and a device are the caller's error (WT_USAGE); what the system refuses is a
 * failure. */
wt_status wt_file_open(FILE **out, const char *path);

/* All that can be read from an open file or pipe, at most `limit` bytes, in a new block (one zero byte after
 * its end); free with wt_free. `name` is for messages. */
wt_status wt_stream_read(char **data, size_t *bytes, int stream, const char *name, size_t limit);

/* The whole file in a new block (one zero byte after its end); free with wt_free.
 * Refuses a file of more than `limit` bytes. */
wt_status wt_file_read(char **data, size_t *bytes, const char *path, size_t limit);

/* Writes PATH.tmp-PID, fsyncs it, renames it over `path` and fsyncs the folder. On a failure
 * nothing stays behind and an older file at `path` is as it was. `tail` (may be NULL) is
 * written after `data`. */
wt_status wt_file_write_atomically(const char *path, const void *data, size_t bytes, const void *tail,
                                   size_t tail_bytes);

/*
 * A file that is written little by little: as PATH.tmp-PID, which takes the name `path` when it is whole, so
 * that nobody takes a part of it for all. wt_file_begin warns of what an earlier writer of the path has left
 * behind; wt_file_finish puts it in place, or after a failure (of the caller, whose status it then returns
 * with its message, or of its own) removes it. It replaces a file at `path`. For files that other libraries
 * write, wt_path_begin gives the name (not longer than WT_PATH_MAX), and wt_path_finish does the rest once
 * they are closed.
 */
wt_status wt_file_begin(FILE **file, const char *path);
wt_status wt_file_finish(FILE *file, const char *path, wt_status status);
/* The same under another name in that folder: of what is kept although it is not whole. */
wt_status wt_file_finish_as(FILE *file, const char *path, const char *name, wt_status status);
wt_status wt_path_begin(char unfinished[WT_PATH_MAX], const char *path);
wt_status wt_path_finish(const char *unfinished, const char *path, wt_status status);

/* Removes what killed writers have left in a folder: names with .tmp-PID at their end. Only where nobody else
 * writes. */
void wt_folder_remove_unfinished(const char *path);

/* Makes a rename or removal in a folder last through a power cut. */
wt_status wt_folder_sync(const char *path);

/* Free bytes for an unprivileged user on the file system that holds `path`; -1 if unknown. */
long long wt_folder_free_bytes(const char *path);

#endif
