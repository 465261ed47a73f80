/* Which features are whose: a folder's files and archives listed, sorted by name, and looked up per
 * recording. */
#include "data/prepare/feature_folder.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "feature_internal.h"

enum { LINE = 8192 };

typedef struct {
    wt_feature_entry *entries; /* sorted by name, then by place */
    int count;
    bool has_scp;
    const char *root;
} listing;

struct wt_feature_folder {
    listing list;
    wt_feature_options options;
    int *of;       /* [recordings] entry */
    bool *columns; /* [recordings] a column per frame */
    int count;     /* numbers per frame */
};

/* --- the folder's entries --- */

static wt_status add_feature_entry(listing *list, const char *name, const char *path, int64_t offset,
                                   wt_feature_kind kind) {
    wt_feature_entry entry = {.offset = offset, .kind = kind};
    WT_TRY(wt_memory_copy_string(&entry.name, name));
    wt_status status = wt_memory_copy_string(&entry.path, path);
    if (status == WT_OK)
        status = wt_memory_append(&list->entries, &list->count, &entry, sizeof entry, "list of features");
    if (status != WT_OK) {
        wt_free(entry.name);
        wt_free(entry.path);
    }
    return status;
}

typedef struct {
    listing *list;
    const char *path;
} archive;

static wt_status add_archived(void *context, const char *key, int64_t offset) {
    const archive *a = context;
    return add_feature_entry(a->list, key, a->path, offset, WT_FEATURE_ARK);
}

/* Where an archive lies that an .scp file names: as it says, or in the .scp file's own folder. */
static wt_status find_archive(char out[WT_PATH_MAX], const char *named, const char *scp) {
    char folder[WT_PATH_MAX];
    WT_TRY(wt_path_join(out, "", named));
    if (wt_path_exists(out)) return WT_OK;
    WT_TRY(wt_path_join(folder, "", scp));
    char *slash = strrchr(folder, '/');
    if (slash) *slash = '\0';
    return wt_path_join(out, slash ? folder : "", wt_path_base(named));
}

/* "KEY PATH:OFFSET" */
static wt_status add_line(listing *list, char *line, const char *scp, int number) {
    char path[WT_PATH_MAX];
    char *place = line + strcspn(line, " \t");
    if (*place) *place++ = '\0';
    place += strspn(place, " \t");
    place[strcspn(place, "\r\n")] = '\0';
    char *colon = strrchr(place, ':'), *end = NULL;
    const int64_t offset = colon ? strtoll(colon + 1, &end, 10) : -1;
    WT_CHECK(*line && colon && colon != place && *end == '\0' && end != colon + 1 && offset >= 0, WT_USAGE,
             "%s: line %d is not of a matrix in an archive (got \"%s\", expected KEY FILE.ark:BYTE)", scp,
             number, place);
    *colon = '\0';
    WT_TRY(find_archive(path, place, scp));
    return add_feature_entry(list, line, path, offset, WT_FEATURE_ARK);
}

static wt_status add_scp(listing *list, const char *path) {
    char line[LINE];
    FILE *file;
    WT_TRY(wt_file_open(&file, path));
    wt_status status = WT_OK;
    for (int number = 1; status == WT_OK && fgets(line, sizeof line, file); number++)
        if (line[strspn(line, " \t\r\n")]) status = add_line(list, line, path, number);
    fclose(file);
    return status;
}

static bool has_ending(const char *name, const char *ending) {
    const size_t length = strlen(name), tail = strlen(ending);
    return length > tail && strcasecmp(name + length - tail, ending) == 0;
}

static wt_status add_archive(listing *list, const char *path) {
    if (has_ending(path, ".scp")) return add_scp(list, path);
    if (list->has_scp || !has_ending(path, ".ark")) return WT_OK;
    archive a = {list, path};
    return wt_ark_list(path, add_archived, &a);
}

static wt_status add_file(listing *list, const wt_walked *file) {
    static const char *const endings[] = {"-feats.npy", ".npy", ".h5", ".hdf5"};
    char name[WT_PATH_MAX];
    list->has_scp |= has_ending(file->path, ".scp");
    for (int i = 0; i < 4; i++) {
        if (!has_ending(file->path, endings[i])) continue;
        if (has_ending(file->path, "-wave.npy")) return WT_OK;
        WT_TRY(wt_path_join(name, "", file->below));
        name[strlen(name) - strlen(endings[i])] = '\0';
        return add_feature_entry(list, name, file->path, 0, i < 2 ? WT_FEATURE_NPY : WT_FEATURE_H5);
    }
    return WT_OK;
}

/* Files of one recording first, then archives, which are read only as far as .scp files do not list them. */
static wt_status add_single(void *list, const wt_walked *entry) {
    return entry->kind == WT_WALKED_FILE ? add_file(list, entry) : WT_OK;
}

static wt_status add_archives(void *list, const wt_walked *entry) {
    return entry->kind == WT_WALKED_FILE ? add_archive(list, entry->path) : WT_OK;
}

static int compare_entries(const void *a, const void *b) {
    const wt_feature_entry *x = a, *y = b;
    const int names = strcmp(x->name, y->name);
    if (names) return names;
    return strcmp(x->path, y->path) ? strcmp(x->path, y->path)
                                    : (x->offset > y->offset) - (x->offset < y->offset);
}

static wt_status list_folder(listing *list) {
    WT_TRY(wt_path_require_folder(list->root, "folder of features", ""));
    WT_TRY(wt_folder_walk(list->root, add_single, list));
    WT_TRY(wt_folder_walk(list->root, add_archives, list));
    WT_CHECK(list->count > 0, WT_USAGE, "%s: holds no features (expected .npy, .h5, .ark or .scp files)",
             list->root);
    qsort(list->entries, (size_t)list->count, sizeof *list->entries, compare_entries);
    for (int i = 1; i < list->count; i++)
        WT_CHECK(strcmp(list->entries[i - 1].name, list->entries[i].name) != 0, WT_USAGE,
                 "%s: has the name of %s (%s; expected features once per recording)", list->entries[i].path,
                 list->entries[i - 1].path, list->entries[i].name);
    return WT_OK;
}

/* --- whose they are --- */

static int compare_entry_name(const void *name, const void *entry) {
    return strcmp(name, ((const wt_feature_entry *)entry)->name);
}

static int find_entry(const listing *list, const char *name) {
    const wt_feature_entry *found = bsearch(name, list->entries, (size_t)list->count, sizeof *list->entries,
                                            compare_entry_name);
    return found ? (int)(found - list->entries) : -1;
}

static wt_status find_of(int *entry, const listing *list, const wt_recording *recording) {
    char name[WT_PATH_MAX];
    WT_TRY(wt_path_join(name, "", recording->id));
    char *dot = strrchr(name, '.');
    if (dot && dot > wt_path_base(name)) *dot = '\0';
    *entry = find_entry(list, name);
    if (*entry < 0) *entry = find_entry(list, wt_path_base(name));
    WT_CHECK(*entry >= 0, WT_USAGE, "%s: has no features in %s (expected %s.npy, %s.h5 or the key %s)",
             recording->path, list->root, name, name, wt_path_base(name));
    WT_CHECK(!list->entries[*entry].taken, WT_USAGE, "%s: are the features of two recordings (one is %s)",
             list->entries[*entry].path, recording->path);
    list->entries[*entry].taken = true;
    return WT_OK;
}

static wt_status match(wt_feature_folder *folder, const wt_recordings *recordings) {
    const listing *list = &folder->list;
    for (size_t i = 0; i < recordings->count; i++) {
        const wt_recording *recording = &recordings->files[i];
        WT_CHECK(!recording->cut, WT_USAGE,
                 "--features: there are fewer recordings than parts of the data set, and %s would be cut "
                 "(--validation 0 and --test 0 leave parts out)",
                 recording->path);
        WT_TRY(find_of(&folder->of[i], list, recording));
    }
    for (int i = 0; i < list->count; i++)
        WT_CHECK(list->entries[i].taken, WT_USAGE, "%s: %s are features of no recording",
                 list->entries[i].path, list->entries[i].name);
    return WT_OK;
}

static wt_status check_feature_shapes(wt_feature_folder *folder, const wt_recordings *recordings) {
    wt_feature_fit fit = {folder->options.hop, folder->options.layout, folder->options.count};
    for (size_t i = 0; i < recordings->count; i++)
        WT_TRY(wt_feature_entry_check(&fit, &folder->columns[i], &folder->list.entries[folder->of[i]],
                                      recordings->files[i].format.frames));
    folder->count = fit.count;
    return WT_OK;
}

wt_status wt_feature_folder_open(wt_feature_folder **out, const wt_feature_options *options,
                                 const wt_recordings *recordings) {
    wt_feature_folder *folder;
    wt_status status = WT_OK;
    *out = NULL;
    WT_TRY(wt_alloc(&folder, 1, sizeof *folder, "features"));
    folder->options = *options;
    folder->list.root = options->folder;
    WT_GUARD(list_folder(&folder->list));
    WT_GUARD(wt_alloc(&folder->of, recordings->count, sizeof *folder->of, "features"));
    WT_GUARD(wt_alloc(&folder->columns, recordings->count, sizeof *folder->columns, "features"));
    WT_GUARD(match(folder, recordings));
    WT_GUARD(check_feature_shapes(folder, recordings));
    *out = folder;
    folder = NULL;
cleanup:
    wt_feature_folder_close(folder);
    return status;
}

void wt_feature_folder_close(wt_feature_folder *folder) {
    if (!folder) return;
    for (int i = 0; i < folder->list.count; i++) {
        wt_free(folder->list.entries[i].name);
        wt_free(folder->list.entries[i].path);
    }
    wt_free(folder->list.entries);
    wt_free(folder->of);
    wt_free(folder->columns);
    wt_free(folder);
}

int wt_feature_folder_count(const wt_feature_folder *folder) {
    return folder->count;
}

const char *wt_feature_folder_path(const wt_feature_folder *folder, size_t item) {
    return folder->list.entries[folder->of[item]].path;
}

wt_status wt_feature_folder_read(float **frames, int64_t *count, const wt_feature_folder *folder,
                                 size_t item) {
    return wt_feature_entry_read(frames, count, &folder->list.entries[folder->of[item]],
                                 folder->columns[item]);
}
