/*
 * The list of recordings: inputs walked, ids made, sorted and checked for duplicates.
 *
 * Ids are paths below the input, so that a data set made elsewhere from the same recordings has the same
 * ids, hence the same split and the same bytes. One process walks; others get the packed list, because a
 * folder that changes meanwhile must not give ranks different ideas of how many files there are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "prepare_internal.h"

typedef struct {
    wt_recordings *list;
    size_t room;
    bool prefixed; /* several folders: ids begin with the folder's name */
} collection;

/* ".wav" of "a.b.wav"; "" of names without. */
static const char *ending_of(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? dot : "";
}

static void count_skipped(wt_recordings *list, const char *name) {
    const char *ending = ending_of(name);
    size_t i = 0;
    list->skipped++;
    while (i < list->ending_count && strcasecmp(list->endings[i].ending, ending) != 0) i++;
    if (i == WT_ENDINGS_MAX) return; /* counted with the others alone */
    if (i == list->ending_count) {
        list->ending_count++;
        wt_utf8_show(list->endings[i].ending, sizeof list->endings[i].ending, ending, strlen(ending));
    }
    list->endings[i].count++;
}

void wt_recordings_skipped(char *text, size_t room, const wt_recordings *list) {
    size_t used = 0;
    int64_t others = list->skipped;
    *text = '\0';
    for (size_t i = 0; i < list->ending_count && used < room; i++) {
        const char *ending = *list->endings[i].ending ? list->endings[i].ending : "no ending";
        used += (size_t)snprintf(text + used, room - used, "%s%s × %lld", used ? ", " : "", ending,
                                 (long long)list->endings[i].count);
        others -= list->endings[i].count;
    }
    if (others > 0 && used < room) snprintf(text + used, room - used, ", others × %lld", (long long)others);
}

static wt_status grow_collection(collection *all) {
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

static wt_status add_recording_file(collection *all, const char *path, const char *id) {
    WT_TRY(grow_collection(all));
    wt_recording *file = &all->list->files[all->list->count];
    memset(file, 0, sizeof *file);
    WT_TRY(wt_memory_copy_string(&file->path, path));
    all->list->count++; /* from here dispose frees it */
    return wt_memory_copy_string(&file->id, id);
}

/* The last part of a folder's real name: "." and "x/.." have one too. */
static wt_status folder_name(char out[WT_PATH_MAX], const char *path) {
    char *real = realpath(path, NULL);
    WT_CHECK(real, WT_FAILED, "%s: can't be read (%s)", path, strerror(errno));
    wt_status status = wt_path_join(out, "", wt_path_base(real));
    free(real);
    return status;
}

typedef struct {
    collection *all;
    const char *prefix;
} found_in;

static wt_status add_found(void *context, const wt_walked *entry) {
    const found_in *folder = context;
    char id[WT_PATH_MAX];
    if (!wt_sound_reads(ending_of(entry->name))) {
        if (entry->kind != WT_WALKED_DANGLING) count_skipped(folder->all->list, entry->name);
        return WT_OK;
    }
    WT_CHECK(entry->kind != WT_WALKED_DANGLING, WT_USAGE, "%s: is a link to a file that does not exist",
             entry->path);
    WT_TRY(wt_path_join(id, folder->prefix, entry->below));
    return add_recording_file(folder->all, entry->path, id); /* a pipe is refused by name when it is read */
}

static wt_status add_folder(collection *all, const char *path) {
    char prefix[WT_PATH_MAX] = "", skipped[256];
    if (all->prefixed) WT_TRY(folder_name(prefix, path));
    size_t before = all->list->count;
    WT_TRY(wt_folder_walk(path, add_found, &(found_in){all, prefix}));
    wt_recordings_skipped(skipped, sizeof skipped, all->list);
    WT_CHECK(all->list->count > before, WT_USAGE,
             "%s: holds no recordings (%s%s%sexpected files named .wav, .flac, .ogg, .oga, .opus%s)", path,
             *skipped ? "got " : "", skipped, *skipped ? "; " : "", wt_sound_reads(".mp3") ? " or .mp3" : "");
    return WT_OK;
}

static wt_status add_input(collection *all, const char *path) {
    if (wt_path_is_folder(path)) return add_folder(all, path);
    /* Opening reports more about a path that is neither than stat would. */
    WT_CHECK(wt_path_exists(path), WT_USAGE, "%s: no such file or folder", path);
    return add_recording_file(all, path, wt_path_base(path));
}

static bool is_utf8(const char *text) {
    uint32_t code;
    for (int length; *text; text += length) {
        length = wt_utf8_decode(&code, text, strlen(text));
        if (length == 0) return false;
    }
    return true;
}

wt_status wt_recording_check(wt_recording *file, bool whole) {
    wt_sound_format format;
    float *samples;
    WT_CHECK(is_utf8(file->id), WT_USAGE, "%s: its name is not UTF-8, which ids in a data set are",
             file->path);
    WT_TRY(wt_sound_inspect(&format, file->path));
    if (whole) {
        WT_TRY(wt_sound_read(&samples, &format, file->path, 0, -1));
        wt_free(samples);
    }
    file->format = format;
    return WT_OK;
}

void wt_recordings_keep(wt_recordings *list, const wt_recordings *other) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        wt_recording *file = &list->files[i];
        const bool fine = file->format.frames > 0 && (!other || other->files[i].format.frames > 0);
        if (fine) {
            list->files[kept++] = *file;
            continue;
        }
        wt_free(file->path);
        wt_free(file->id);
    }
    list->count = kept;
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

static void hold_as(wt_recordings *recordings, const wt_split_list *list) {
    for (size_t i = 0; i < recordings->count; i++) {
        recordings->files[i].held = list->named[i];
        if (list->named[i]) recordings->files[i].split = list->splits[i];
    }
}

wt_status wt_recordings_hold(wt_recordings *recordings, wt_recordings *targets, const wt_split_rule *rule) {
    wt_split_list list;
    WT_TRY(wt_split_list_init(&list, recordings->count));
    for (size_t i = 0; i < list.count; i++) {
        list.ids[i] = recordings->files[i].id;
        list.paths[i] = recordings->files[i].group ? recordings->files[i].group : recordings->files[i].path;
    }
    wt_status status = wt_split_list_find(&list, rule, "recording");
    if (status == WT_OK) hold_as(recordings, &list);
    if (status == WT_OK && targets) hold_as(targets, &list);
    wt_split_list_dispose(&list);
    return status;
}

static int compare_groups(const void *a, const void *b) {
    return strcmp((*(wt_recording *const *)a)->group, (*(wt_recording *const *)b)->group);
}

/* Of a group, those that the rule has not named follow the one that it has. */
static wt_status hold_group(wt_recording **files, size_t count) {
    const wt_recording *held = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!files[i]->held) continue;
        WT_CHECK(!held || held->split == files[i]->split, WT_USAGE,
                 "%s: is for %s, and %s of the same group, %s, for %s (expected groups of one part)",
                 files[i]->path, wt_split_name(files[i]->split), held ? held->path : "", files[i]->group,
                 held ? wt_split_name(held->split) : "");
        held = files[i];
    }
    for (size_t i = 0; held && i < count; i++) {
        files[i]->held = true;
        files[i]->split = held->split;
    }
    return WT_OK;
}

wt_status wt_recordings_hold_groups(wt_recordings *recordings) {
    wt_recording **sorted;
    const size_t count = recordings->count;
    if (count == 0 || !recordings->files[0].group) return WT_OK;
    WT_TRY(wt_alloc(&sorted, count, sizeof *sorted, "groups of recordings"));
    for (size_t i = 0; i < count; i++) sorted[i] = &recordings->files[i];
    qsort(sorted, count, sizeof *sorted, compare_groups);
    wt_status status = WT_OK;
    for (size_t first = 0, end; first < count && status == WT_OK; first = end) {
        for (end = first + 1; end < count && strcmp(sorted[first]->group, sorted[end]->group) == 0;) end++;
        status = hold_group(sorted + first, end - first);
    }
    wt_free(sorted);
    return status;
}

/* Frames first … first+frames−1 of a recording as one of its own, for a part. */
static wt_status add_recording_part(collection *all, const wt_recording *whole, const char *id,
                                    wt_split split, int64_t first, int64_t frames) {
    WT_TRY(add_recording_file(all, whole->path, id));
    wt_recording *part = &all->list->files[all->list->count - 1];
    part->format = whole->format;
    part->format.frames = frames;
    part->first = whole->first + first;
    part->cut = whole->cut || frames < whole->format.frames;
    part->held = true;
    part->split = split;
    part->whole = whole->whole;
    return WT_OK;
}

/* Frames begin … end−1 of a recording, with the part's name behind the id's #; nothing where there are
 * none. */
static wt_status add_named_part(collection *all, const wt_recording *whole, wt_split split, int64_t begin,
                                int64_t end) {
    char id[WT_PATH_MAX];
    if (begin < 0) begin = 0;
    if (end > whole->format.frames) end = whole->format.frames;
    if (end <= begin) return WT_OK;
    const int length = snprintf(id, sizeof id, "%s#%s", whole->id, wt_split_name(split));
    WT_CHECK(length < WT_PATH_MAX, WT_USAGE, "%s: the name is too long", whole->path);
    return add_recording_part(all, whole, id, split, begin, end - begin);
}

static wt_status cut_by_layout(collection *all, const wt_recording *whole) {
    const int64_t rate = whole->format.rate, from = whole->layout_from;
    WT_TRY(add_named_part(all, whole, WT_SPLIT_TRAIN, WT_STANDARD_TRAIN * rate - from,
                          WT_STANDARD_VALIDATION * rate - from));
    return add_named_part(all, whole, WT_SPLIT_VALIDATION, WT_STANDARD_VALIDATION * rate - from,
                          WT_STANDARD_END * rate - from);
}

static wt_status cut_by_shares(collection *all, const wt_recording *whole, const double *shares) {
    const int64_t frames = whole->format.frames;
    const int64_t gap = frames / 20 < whole->format.rate ? frames / 20 : whole->format.rate;
    double before = 0;
    for (wt_split split = 0; split < WT_SPLITS; split++) {
        const int64_t begin = (int64_t)((double)frames * before) + (split > 0 ? gap : 0);
        before += shares[split];
        const int64_t end = split == WT_SPLITS - 1 ? frames : (int64_t)((double)frames * before);
        if (shares[split] > 0) WT_TRY(add_named_part(all, whole, split, begin, end));
    }
    return WT_OK;
}

/* `shares` NULL: only what has the standard layout is cut. */
static wt_status cut_recording(collection *all, const wt_recording *whole, const double *shares) {
    if (whole->standard && !whole->held) return cut_by_layout(all, whole);
    if (shares && !whole->held) return cut_by_shares(all, whole, shares);
    WT_TRY(add_recording_part(all, whole, whole->id, whole->split, 0, whole->format.frames));
    all->list->files[all->list->count - 1].held = whole->held;
    return WT_OK;
}

wt_status wt_recordings_cut(wt_recordings *list, const wt_split_rule *rule) {
    double shares[WT_SPLITS];
    size_t drawn = 0, standard = 0;
    for (size_t i = 0; i < list->count; i++) {
        standard += list->files[i].standard && !list->files[i].held;
        drawn += !list->files[i].held && !list->files[i].standard;
    }
    const bool grouped = list->count > 0 && list->files[0].group; /* a part would be of another one */
    const bool few = drawn > 0 && drawn < (size_t)wt_split_parts(rule) && !grouped;
    if (!few && standard == 0) return WT_OK;
    wt_split_rule_shares(shares, rule);
    wt_recordings cut;
    memset(&cut, 0, sizeof cut);
    collection all = {.list = &cut};
    wt_status status = WT_OK;
    for (size_t i = 0; i < list->count; i++)
        WT_GUARD(cut_recording(&all, &list->files[i], few ? shares : NULL));
    wt_recording *files = list->files;
    const size_t count = list->count;
    list->files = cut.files;
    list->count = cut.count;
    cut.files = files;
    cut.count = count;
cleanup:
    wt_recordings_dispose(&cut);
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
        WT_GUARD(add_recording_file(&all, at, id));
        at = id + strlen(id) + 1;
    }
cleanup:
    if (status != WT_OK) wt_recordings_dispose(recordings);
    return status;
}
