/* Recordings by the names of their files, as tables and other programs give them. */
#include <stdlib.h>
#include <string.h>

#include "annotations.h"
#include "base/memory.h"
#include "prepare_internal.h"

typedef struct {
    const wt_recording *recording;
    size_t number;
} indexed;

struct wt_recording_index {
    size_t count;
    indexed *entries; /* [count] sorted by wt_recording_compare_stems */
};

static const char *stem_of(const char *path, size_t *length) {
    const char *base = path;
    for (const char *at = path; *at; at++)
        if (*at == '/' || *at == '\\') base = at + 1;
    const char *dot = strrchr(base, '.');
    *length = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    return base;
}

static int compare_texts(const char *a, size_t length_a, const char *b, size_t length_b) {
    const int order = strncmp(a, b, length_a < length_b ? length_a : length_b);
    return order ? order : (length_a > length_b) - (length_a < length_b);
}

int wt_recording_compare_stems(const char *a, const char *b) {
    size_t length_a, length_b;
    a = stem_of(a, &length_a);
    b = stem_of(b, &length_b);
    return compare_texts(a, length_a, b, length_b);
}

static char plain(char c) {
    return c == '\\' ? '/' : c;
}

/* The length of a path without the ending of its file, or without its file. */
static size_t cut_path(const char *path, bool file) {
    size_t stem;
    const char *base = stem_of(path, &stem);
    return (size_t)(base - path) + (file ? stem : 0);
}

/* A path of another system, of which the folders mean nothing here. */
static bool is_foreign(const char *path) {
    return *path == '/' || strchr(path, '\\') || (*path && path[1] == ':');
}

int64_t wt_recording_likeness(const char *file, const wt_recording *recording, bool row) {
    const char *path = recording->path;
    const size_t a = cut_path(file, row), b = cut_path(path, row);
    size_t alike = 0;
    while (alike < a && alike < b && plain(file[a - 1 - alike]) == plain(path[b - 1 - alike])) alike++;
    const bool whole = alike == a && (alike == b || plain(path[b - 1 - alike]) == '/');
    const bool fits = whole || !row || is_foreign(file) || (alike == b && plain(file[a - 1 - alike]) == '/');
    return fits ? (int64_t)(alike + whole) : -1; /* a/1 is of in/a/1, not of in/aa/1 */
}

static int compare_indexed(const void *a, const void *b) {
    const indexed *x = a, *y = b;
    const int order = wt_recording_compare_stems(x->recording->path, y->recording->path);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

wt_status wt_recording_index_create(wt_recording_index **out, const wt_recordings *recordings) {
    WT_TRY(wt_alloc(out, 1, sizeof **out, "names of recordings"));
    (*out)->count = recordings->count;
    WT_TRY(wt_alloc(&(*out)->entries, recordings->count, sizeof *(*out)->entries, "names of recordings"));
    for (size_t i = 0; i < recordings->count; i++) (*out)->entries[i] = (indexed){&recordings->files[i], i};
    if (recordings->count > 1) qsort((*out)->entries, recordings->count, sizeof(indexed), compare_indexed);
    return WT_OK;
}

void wt_recording_index_destroy(wt_recording_index *index) {
    if (!index) return;
    wt_free(index->entries);
    wt_free(index);
}

/* The first entry whose stem is not below a text. */
static size_t find_stem(const wt_recording_index *index, const char *text, size_t length) {
    size_t low = 0, high = index->count, stem;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const char *at = stem_of(index->entries[middle].recording->path, &stem);
        if (compare_texts(at, stem, text, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_stem(const wt_recording_index *index, size_t entry, const char *text, size_t length) {
    size_t stem;
    if (entry >= index->count) return false;
    const char *at = stem_of(index->entries[entry].recording->path, &stem);
    return compare_texts(at, stem, text, length) == 0;
}

wt_status wt_recording_index_find(int64_t *number, const wt_recording_index *index, const char *file,
                                  bool prefix, const char *where) {
    size_t length;
    int64_t best = -1;
    const wt_recording *found = NULL, *other = NULL;
    const char *stem = stem_of(file, &length);
    *number = -1;
    size_t at = find_stem(index, stem, length);
    while (prefix && !has_stem(index, at, stem, length)) { /* NAME.Table.1.selections.txt */
        while (length > 0 && stem[length - 1] != '.') length--;
        if (length <= 1) return WT_OK;
        at = find_stem(index, stem, --length);
    }
    for (; has_stem(index, at, stem, length); at++) {
        const wt_recording *recording = index->entries[at].recording;
        const int64_t alike = wt_recording_likeness(file, recording, !prefix);
        if (found && alike == best) other = recording;
        if (alike <= best) continue;
        found = recording;
        other = NULL;
        best = alike;
        *number = (int64_t)index->entries[at].number;
    }
    WT_CHECK(!other, WT_USAGE, "%s: is the name of two recordings (%s and %s)", where,
             found ? found->path : "", other ? other->path : "");
    return WT_OK;
}
