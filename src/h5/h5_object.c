/*
 * Finding objects by name. Every part of a name is looked at before anything is opened: a soft or an
 * external link could lead to any file that this user may read, so only hard links are followed. That
 * costs a look-up for each part, which is little compared with opening an object.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "h5_internal.h"

enum { LIST_MAX = 1 << 20 }; /* names in a group that wt_h5_list takes */

static wt_status check_name(const wt_h5 *file, const char *name) {
    size_t length = strlen(name);
    WT_CHECK(length < WT_H5_NAME_MAX, WT_FAILED, "%s: name in the file too long (got %zu bytes, expected %d)",
             file->name, length, WT_H5_NAME_MAX - 1);
    return WT_OK;
}

/* The next slash at or after `from`, or the end. */
static char *part_end(char *from) {
    char *slash = strchr(from, '/');
    return slash != NULL ? slash : from + strlen(from);
}

/* As wt_h5_find, for the name as far as it goes now. */
static int inspect_link(const wt_h5 *file, const char *name) {
    H5L_info_t link;
    htri_t there = H5Lexists(file->id, name, H5P_DEFAULT);
    if (there == 0) return 0;
    if (there < 0 || H5Lget_info(file->id, name, &link, H5P_DEFAULT) < 0) {
        wt_h5_fail(file, "find", name);
        return -1;
    }
    if (link.type != H5L_TYPE_HARD) {
        wt_error(WT_FAILED, "%s: '%s' is a link to elsewhere, which is refused", file->name, name);
        return -1;
    }
    return 1;
}

int wt_h5_find(const wt_h5 *file, const char *name) {
    char path[WT_H5_NAME_MAX];
    if (check_name(file, name) != WT_OK) return -1;
    strcpy(path, name);
    for (char *end = part_end(path);; end = part_end(end + 1)) {
        char rest = *end;
        *end = '\0';
        int found = path[0] == '\0' ? 1 : inspect_link(file, path);
        if (found <= 0 || rest == '\0') return found;
        *end = rest;
    }
}

wt_status wt_h5_open_object(const wt_h5 *file, const char *name, hid_t *object) {
    int found = wt_h5_find(file, name);
    if (found < 0) return WT_FAILED;
    WT_CHECK(found > 0, WT_FAILED, "%s: '%s' is missing", file->name, name);
    *object = H5Oopen(file->id, name[0] == '\0' ? "/" : name, H5P_DEFAULT);
    if (*object < 0) return wt_h5_fail(file, "open", name);
    return WT_OK;
}

static wt_status make_group(const wt_h5 *file, const char *name) {
    hid_t properties = H5Pcreate(H5P_GROUP_CREATE), group = -1;
    wt_status status = WT_OK;
    if (properties >= 0 && H5Pset_obj_track_times(properties, false) >= 0) {
        group = H5Gcreate2(file->id, name, H5P_DEFAULT, properties, H5P_DEFAULT);
    }
    if (group < 0) status = wt_h5_fail(file, "make the group", name);
    if (group >= 0) H5Gclose(group);
    if (properties >= 0) H5Pclose(properties);
    return status;
}

wt_status wt_h5_make_way(const wt_h5 *file, const char *name) {
    char path[WT_H5_NAME_MAX];
    WT_TRY(check_name(file, name));
    strcpy(path, name);
    for (char *end = part_end(path); *end != '\0'; end = part_end(end + 1)) {
        *end = '\0';
        int found = path[0] == '\0' ? 1 : inspect_link(file, path);
        if (found < 0) return WT_FAILED;
        if (found == 0) WT_TRY(make_group(file, path));
        *end = '/';
    }
    int found = inspect_link(file, path);
    if (found < 0) return WT_FAILED;
    WT_CHECK(found == 0, WT_FAILED, "%s: '%s' exists already", file->name, name);
    return WT_OK;
}

bool wt_h5_has(wt_h5 *file, const char *name) {
    wt_h5_lock();
    int found = wt_h5_find(file, name);
    wt_h5_unlock();
    return found > 0;
}

/* --- the names in a group --- */

typedef struct {
    char **names;
    size_t count, room;
    wt_status status;
} name_list;

static herr_t take_name(hid_t group, const char *name, const H5L_info_t *link, void *context) {
    name_list *list = context;
    (void)group, (void)link;
    if (list->count == list->room) return -1;
    list->status = wt_memory_copy_string(&list->names[list->count], name);
    if (list->status != WT_OK) return -1;
    list->count++;
    return 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static wt_status list_group(const wt_h5 *file, const char *name, hid_t group, name_list *list) {
    H5G_info_t info;
    WT_CHECK(H5Iget_type(group) == H5I_GROUP, WT_FAILED, "%s: '%s' is no group", file->name, name);
    if (H5Gget_info(group, &info) < 0) return wt_h5_fail(file, "list", name);
    WT_CHECK(info.nlinks <= LIST_MAX, WT_FAILED,
             "%s: too many objects in '%s' (got %llu, expected at most %d)", file->name, name,
             (unsigned long long)info.nlinks, LIST_MAX);
    WT_TRY(wt_alloc(&list->names, (size_t)info.nlinks, sizeof *list->names, "names in an HDF5 file"));
    list->room = (size_t)info.nlinks;
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, take_name, list) < 0) {
        return list->status != WT_OK ? list->status : wt_h5_fail(file, "list", name);
    }
    if (list->count > 1) qsort(list->names, list->count, sizeof *list->names, by_name);
    return WT_OK;
}

wt_status wt_h5_list_group(const wt_h5 *file, const char *name, hid_t group, char ***names, size_t *count) {
    name_list list = {NULL, 0, 0, WT_OK};
    *names = NULL;
    *count = 0;
    wt_status status = list_group(file, name, group, &list);
    if (status != WT_OK) {
        wt_h5_free_texts(list.names, list.count);
        return status;
    }
    *names = list.names;
    *count = list.count;
    return WT_OK;
}

wt_status wt_h5_list(wt_h5 *file, const char *group, char ***names, size_t *count) {
    hid_t object = -1;
    *names = NULL;
    *count = 0;
    wt_h5_lock();
    wt_status status = wt_h5_open_object(file, group, &object);
    if (status == WT_OK) {
        status = wt_h5_list_group(file, group, object, names, count);
        H5Oclose(object);
    }
    wt_h5_unlock();
    return status;
}
