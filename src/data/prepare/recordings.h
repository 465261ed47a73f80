/* The list of recordings that a data set is made of, and what each is called. */
#ifndef WAVETRAIN_RECORDINGS_H
#define WAVETRAIN_RECORDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/prepare/sound.h"
#include "data/prepare/splits.h"
#include "wavetrain/base.h"

typedef struct {
    char *path, *id;
    wt_sound_format format; /* by wt_recording_check; of a part, its own frames */
    bool cut;               /* a part, from frame `first` on */
    bool held;              /* it is for `split`, whatever its draw */
    int64_t first;
    wt_split split;
    bool standard;       /* it is of the standard layout (WT_STANDARD_TRAIN), which is cut by its own parts */
    int64_t layout_from; /* the layout's frame that is its first one */
    size_t whole;        /* of a part the recording's number before it was cut, as of others */
    const char *group;   /* recordings of a group are of one part; NULL: it has none */
} wt_recording;

/* The signal that Neural Amp Modeler's users play through their gear (input.wav, version 3), in seconds: what
 * is played for training, with blips before it, then the validation, which is the first part once more, to
 * the end. */
enum { WT_STANDARD_TRAIN = 10, WT_STANDARD_VALIDATION = 181, WT_STANDARD_END = 190 };

enum { WT_ENDINGS_MAX = 32 };

typedef struct {
    size_t count;
    wt_recording *files; /* [count], ids unique, in the order of strcmp */
    int64_t skipped;     /* files in folders that have another extension */
    size_t ending_count; /* kinds of them, the first ones met; of the process that looked alone */
    struct {
        char ending[24];
        int64_t count;
    } endings[WT_ENDINGS_MAX];
} wt_recordings;

/*
 * Files as they are named, folders recursively: files with the extensions of sound, hidden ones left out,
 * links followed. The id is the path below the folder (after the folder's base name where several folders
 * are given), or the base name of a file. Formats stay empty.
 */
wt_status wt_recordings_find(wt_recordings *recordings, const char *const *inputs, size_t count);
void wt_recordings_dispose(wt_recordings *recordings);
/* ".txt × 3, .m4a × 2": what was skipped. */
void wt_recordings_skipped(char *text, size_t room, const wt_recordings *recordings);
/* Fills the format; with `whole` all of it is decoded, which finds what a header does not show. WT_USAGE: it
 * is damaged, no sound, or has a name that is not UTF-8. */
wt_status wt_recording_check(wt_recording *recording, bool whole);
/* Leaves out the recordings without frames, and those whose like in `other` (NULL: none) has none. */
void wt_recordings_keep(wt_recordings *recordings, const wt_recordings *other);
/* As one block of bytes (wt_free), and back: for other ranks. */
wt_status wt_recordings_pack(char **bytes, size_t *size, const wt_recordings *recordings);
wt_status wt_recordings_unpack(wt_recordings *recordings, const char *bytes, size_t size);

/* Marks those that the rule names, by id or path (wt_split_find_named); `targets` (NULL: none) alike. */
wt_status wt_recordings_hold(wt_recordings *recordings, wt_recordings *targets, const wt_split_rule *rule);
/* Those of a group of which one is held are held alike. WT_USAGE: two are, for different parts. */
wt_status wt_recordings_hold_groups(wt_recordings *recordings);

/*
 * Recordings of the standard layout are cut by its parts. Fewer recordings without a name than parts with a
 * share: each of them is cut in time, for training, validation and test in this order, with a second (at most
 * a twentieth of it) left out before the second and the third. Needs the formats. Else nothing changes.
 */
wt_status wt_recordings_cut(wt_recordings *recordings, const wt_split_rule *rule);

/* A name that each recording has, such as its speaker. */
typedef struct wt_recording_names {
    int count;
    char **names; /* [count], sorted */
    int32_t *of;  /* [recordings] the number of each one's */
} wt_recording_names;

/* Where names come from. `how`: "folder", the first one of the id (`nearest`: the one that the file lies in);
 * a file with lines "RECORDING NAME" (utt2spk); FILE.csv:COLUMN, where the column "file" or one that is
 * called alike, else the first, has the names of files, with or without folders and endings; or a regular
 * expression (POSIX, extended), whose first group in the id is the name, or all that it matches. */
typedef struct {
    const char *how;
    const char *option, *what; /* "speaker": of messages */
    bool nearest;
} wt_name_rule;

/* Dispose also after a failure. */
wt_status wt_recording_names_find(wt_recording_names *named, const wt_recordings *recordings,
                                  const wt_name_rule *rule);
void wt_recording_names_dispose(wt_recording_names *named);

#endif
