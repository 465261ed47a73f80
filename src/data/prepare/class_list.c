/* Names of classes: a sorted list. Labels come in runs, so the last one that was met is looked at first. */
#include "class_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

enum { SHOWN = 64 };

/* The first entry whose name is not below `name`. */
static int find_listed(const wt_class_list *list, const char *name) {
    int low = 0, high = list->count;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (strcmp(list->entries[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const wt_class_list *list, int entry, const char *name) {
    return entry < list->count && strcmp(list->entries[entry].name, name) == 0;
}

static wt_status insert_class(wt_class_list *list, int at, const char *name) {
    struct wt_listed_class added = {.number = list->count}, *entries;
    WT_TRY(wt_memory_copy_string(&added.name, name));
    const wt_status status = wt_memory_append(&list->entries, &list->count, &added, sizeof added,
                                              "names of classes");
    if (status != WT_OK) {
        wt_free(added.name);
        return status;
    }
    entries = list->entries;
    memmove(entries + at + 1, entries + at, (size_t)(list->count - 1 - at) * sizeof *entries);
    entries[at] = added;
    return WT_OK;
}

/* A name is a line of wt_class_names. */
static wt_status check_class_name(const char *name, const char *where) {
    char shown[SHOWN];
    wt_utf8_show(shown, sizeof shown, name, strlen(name));
    WT_CHECK(*name, WT_USAGE, "%s: has no class (got an empty name)", where);
    WT_CHECK(strlen(name) < WT_CLASS_TEXT, WT_USAGE,
             "%s: the name of a class is too long (got %zu bytes, expected at most %d: \"%s\")", where,
             strlen(name), WT_CLASS_TEXT - 1, shown);
    WT_CHECK(!strpbrk(name, "\n\r\t"), WT_USAGE,
             "%s: the name of a class holds a tab or a line end (got \"%s\")", where, shown);
    return WT_OK;
}

wt_status wt_class_list_number(wt_class_list *list, const char *name, const char *where, int32_t *number) {
    if (!is_at(list, list->last, name)) {
        char shown[SHOWN];
        const int at = find_listed(list, name);
        WT_TRY(check_class_name(name, where));
        if (!is_at(list, at, name)) {
            wt_utf8_show(shown, sizeof shown, name, strlen(name));
            WT_CHECK(!list->fixed, WT_USAGE, "%s: is no class of --classes (got \"%s\")", where, shown);
            WT_CHECK(list->count < WT_LABEL_CLASSES_MAX, WT_USAGE,
                     "%s: one class too many (got \"%s\", expected at most %d)", where, shown,
                     WT_LABEL_CLASSES_MAX);
            WT_TRY(insert_class(list, at, name));
        }
        list->last = at;
    }
    *number = list->entries[list->last].number;
    return WT_OK;
}

/* Names with the mark `between` between them, which are all of the list's. */
static wt_status add_names(wt_class_list *list, const char *names, const char *between) {
    char *copy, *rest = NULL;
    int32_t number;
    WT_TRY(wt_memory_copy_string(&copy, names));
    wt_status status = WT_OK;
    for (char *name = strtok_r(copy, between, &rest); name && status == WT_OK;
         name = strtok_r(NULL, between, &rest)) {
        const int before = list->count;
        status = wt_class_list_number(list, name, "--classes", &number);
        if (status == WT_OK && list->count == before)
            status = wt_error(WT_USAGE, "--classes: names a class twice (got %s)", name);
    }
    wt_free(copy);
    list->fixed = true;
    return status;
}

wt_status wt_class_list_read(wt_class_list *list, const wt_class_names *names) {
    *list = (wt_class_list){.count = 0};
    return add_names(list, names->names, "\n");
}

wt_status wt_class_list_init(wt_class_list *list, const char *names) {
    *list = (wt_class_list){.count = 0};
    if (!names) return WT_OK;
    WT_TRY(add_names(list, names, ","));
    WT_CHECK(list->count >= 2, WT_USAGE, "--classes: expected the names of two or more classes (got %s)",
             names);
    return WT_OK;
}

void wt_class_list_dispose(wt_class_list *list) {
    for (int i = 0; i < list->count; i++) wt_free(list->entries[i].name);
    wt_free(list->entries);
    *list = (wt_class_list){.count = 0};
}

/* Entries get the numbers of their order, with `first` as 0. */
static void number_in_order(wt_class_list *list, const char *first) {
    int32_t next = first ? 1 : 0;
    for (int i = 0; i < list->count; i++)
        list->entries[i].number = first && strcmp(list->entries[i].name, first) == 0 ? 0 : next++;
    list->fixed = true;
}

static wt_status print_names(const wt_class_list *list, wt_class_names *names) {
    size_t used = 0;
    for (int number = 0; number < list->count; number++) {
        int at = 0;
        while (list->entries[at].number != number) at++;
        const size_t length = strlen(list->entries[at].name);
        WT_CHECK(used + length + 2 <= WT_CLASS_NAMES_TEXT, WT_USAGE,
                 "the names of the classes are too long (got %d classes, expected %d bytes in all)",
                 list->count, WT_CLASS_NAMES_TEXT);
        memcpy(names->names + used, list->entries[at].name, length);
        used += length;
        names->names[used++] = '\n';
    }
    names->names[used] = '\0';
    return WT_OK;
}

wt_status wt_class_list_close(wt_class_list *list, const char *first, int32_t *number_of,
                              wt_class_names *names) {
    int32_t number = -1, *before = NULL;
    if (first) WT_TRY(wt_class_list_number(list, first, "--background", &number));
    WT_CHECK(list->count > 0, WT_USAGE, "there are no classes");
    WT_TRY(wt_alloc(&before, (size_t)list->count, sizeof *before, "numbers of classes"));
    for (int i = 0; i < list->count; i++) before[i] = list->entries[i].number;
    if (!list->fixed) number_in_order(list, first);
    for (int i = 0; number_of && i < list->count; i++) number_of[before[i]] = list->entries[i].number;
    wt_free(before);
    names->background = -1;
    if (first) {
        WT_TRY(wt_class_list_number(list, first, "--background", &number));
        names->background = number;
    }
    return print_names(list, names);
}
