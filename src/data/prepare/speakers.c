/* Who speaks in a recording: by its folder, by a part of its id, or by a list; and the names that are
 * kept. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "prepare_internal.h"

enum { LINE = 4096 };

/* The name of recording i's speaker; free with wt_free. */
typedef wt_status name_of(const void *context, const wt_recording *recording, char **name);

static wt_status copy_part(char **name, const char *text, size_t length) {
    WT_TRY(wt_alloc(name, length + 1, 1, "a speaker's name"));
    memcpy(*name, text, length);
    (*name)[length] = '\0';
    return WT_OK;
}

static wt_status by_folder(const void *context, const wt_recording *recording, char **name) {
    (void)context;
    const char *slash = strchr(recording->id, '/');
    WT_CHECK(slash, WT_USAGE, "%s: lies in no folder of its speaker (--speaker folder)", recording->path);
    return copy_part(name, recording->id, (size_t)(slash - recording->id));
}

static wt_status by_pattern(const void *context, const wt_recording *recording, char **name) {
    regmatch_t match[2];
    WT_CHECK(regexec(context, recording->id, 2, match, 0) == 0, WT_USAGE,
             "%s: its name tells no speaker (--speaker)", recording->path);
    const regmatch_t *part = match[1].rm_so >= 0 ? &match[1] : &match[0];
    return copy_part(name, recording->id + part->rm_so, (size_t)(part->rm_eo - part->rm_so));
}

/* Of a line "RECORDING SPEAKER" (Kaldi's utt2spk): whether it is of that id, with or without its ending. */
static bool is_of(const char *line, size_t length, const char *id) {
    const char *dot = strrchr(id, '.');
    return (strlen(id) == length || (dot && (size_t)(dot - id) == length)) && strncmp(line, id, length) == 0;
}

static wt_status by_list(const void *context, const wt_recording *recording, char **name) {
    char line[LINE];
    FILE *file = fopen(context, "r");
    WT_CHECK(file, WT_FAILED, "%s: can't be read", (const char *)context);
    wt_status status = WT_USAGE;
    while (status == WT_USAGE && fgets(line, sizeof line, file)) {
        const size_t length = strcspn(line, " \t");
        char *speaker = line + length + strspn(line + length, " \t");
        speaker[strcspn(speaker, " \t\r\n")] = '\0';
        if (*speaker && is_of(line, length, recording->id))
            status = copy_part(name, speaker, strlen(speaker));
    }
    fclose(file);
    WT_CHECK(status != WT_USAGE, WT_USAGE, "%s: has no speaker in %s (--speaker)", recording->path,
             (const char *)context);
    return status;
}

/* --- numbers --- */

static int compare_speakers(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names sorted, each once; recordings' numbers among them. */
static wt_status number(wt_speakers *speakers, char **names, size_t count) {
    wt_status status = WT_OK;
    char **sorted = NULL;
    WT_GUARD(wt_alloc(&sorted, count, sizeof *sorted, "speakers"));
    memcpy(sorted, names, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_speakers);
    WT_GUARD(wt_alloc(&speakers->names, count, sizeof *speakers->names, "speakers"));
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(sorted[i], sorted[i - 1]) == 0) continue;
        WT_GUARD(wt_memory_copy_string(&speakers->names[speakers->count], sorted[i]));
        speakers->count++;
    }
    WT_GUARD(wt_alloc(&speakers->of, count, sizeof *speakers->of, "speakers"));
    for (size_t i = 0; i < count; i++) {
        while (strcmp(speakers->names[speakers->of[i]], names[i]) != 0) speakers->of[i]++;
    }
cleanup:
    wt_free(sorted);
    return status;
}

static wt_status find_speaker(wt_speakers *speakers, const wt_recordings *recordings, name_of *name,
                              const void *context) {
    wt_status status = WT_OK;
    char **names = NULL;
    WT_GUARD(wt_alloc(&names, recordings->count, sizeof *names, "speakers"));
    for (size_t i = 0; i < recordings->count; i++) {
        WT_GUARD(name(context, &recordings->files[i], &names[i]));
        WT_GUARD_CHECK(*names[i], WT_USAGE, "%s: its speaker has no name (--speaker)",
                       recordings->files[i].path);
    }
    WT_GUARD(number(speakers, names, recordings->count));
cleanup:
    for (size_t i = 0; names && i < recordings->count; i++) wt_free(names[i]);
    wt_free(names);
    return status;
}

wt_status wt_speakers_find(wt_speakers *speakers, const wt_recordings *recordings, const char *how) {
    regex_t pattern;
    memset(speakers, 0, sizeof *speakers);
    if (strcmp(how, "folder") == 0) return find_speaker(speakers, recordings, by_folder, NULL);
    if (wt_path_exists(how) && !wt_path_is_folder(how))
        return find_speaker(speakers, recordings, by_list, how);
    WT_CHECK(regcomp(&pattern, how, REG_EXTENDED) == 0, WT_USAGE,
             "--speaker: got %s, expected folder, a file or a regular expression", how);
    const wt_status status = find_speaker(speakers, recordings, by_pattern, &pattern);
    regfree(&pattern);
    return status;
}

void wt_speakers_dispose(wt_speakers *speakers) {
    for (int i = 0; i < speakers->count; i++) wt_free(speakers->names[i]);
    wt_free(speakers->names);
    wt_free(speakers->of);
    memset(speakers, 0, sizeof *speakers);
}
