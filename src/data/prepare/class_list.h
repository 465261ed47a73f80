/* Names of classes as they are met in files, and their numbers. */
#ifndef WAVETRAIN_CLASS_LIST_H
#define WAVETRAIN_CLASS_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "wavetrain/data.h"

/* Names in the order of strcmp, each with the number that it got when it was met. With `fixed` the list is
 * closed: its names have the numbers of their order. */
typedef struct {
    int count;
    bool fixed;
    struct wt_listed_class {
        char *name;
        int32_t number;
    } * entries;  /* [count] sorted by name */
    int32_t last; /* the entry that was looked up last */
} wt_class_list;

/* `names`: "a,b,c", the classes that there are, in this order; NULL: those that are met. Dispose also after a
 * failure. */
wt_status wt_class_list_init(wt_class_list *list, const char *names);
void wt_class_list_dispose(wt_class_list *list);

/* The number of a name, which is added where the list is open. WT_USAGE, with `where` at the beginning of the
 * message: the name is empty or too long, is none of a closed list's, or one class too many. */
wt_status wt_class_list_number(wt_class_list *list, const char *name, const char *where, int32_t *number);

/*
 * Closes the list: numbers become those of the names' order, with `first` (NULL: none; it is added) as class
 * 0. number_of [count before] gives what each number has become (may be NULL). Fills names->names, and
 * names->background by `first`. WT_USAGE: there are no classes, or their names are too long.
 */
wt_status wt_class_list_close(wt_class_list *list, const char *first, int32_t *number_of,
                              wt_class_names *names);

/* A closed list of such names. */
wt_status wt_class_list_read(wt_class_list *list, const wt_class_names *names);

#endif
