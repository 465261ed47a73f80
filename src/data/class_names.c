/* What the classes of labels are called: a line each, in shards a text each. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset.h"
#include "dataset_internal.h"

/* The line of a class, and its length; NULL: it has none. */
static const char *find_line(const wt_class_names *names, int class, size_t *length) {
    const char *at = names->names;
    for (; class > 0 && *at; class --) {
        at += strcspn(at, "\n");
        at += *at == '\n';
    }
    *length = strcspn(at, "\n");
    return *length > 0 ? at : NULL;
}

void wt_class_name(char out[WT_CLASS_TEXT], const wt_class_names *names, int class) {
    size_t length;
    const char *line = find_line(names, class, &length);
    if (line)
        snprintf(out, WT_CLASS_TEXT, "%.*s", (int)length, line);
    else
        snprintf(out, WT_CLASS_TEXT, "%d", class);
}

bool wt_class_names_agree(const wt_class_names *a, const wt_class_names *b, int *other) {
    size_t length_a, length_b;
    *other = 0;
    if (!*a->names || !*b->names) return true;
    for (;; ++*other) {
        const char *line_a = find_line(a, *other, &length_a), *line_b = find_line(b, *other, &length_b);
        if (!line_a && !line_b) return true;
        if (!line_a || !line_b || length_a != length_b || memcmp(line_a, line_b, length_a) != 0) return false;
    }
}

const wt_class_names *wt_dataset_class_names(const wt_dataset *dataset) {
    return &dataset->class_names;
}

wt_status wt_class_names_write(wt_h5 *file, const wt_class_names *names) {
    char text[WT_CLASS_NAMES_TEXT], *at = text;
    const char *list[WT_CLASS_NAMES_TEXT / 2];
    size_t count = 0;
    WT_TRY(wt_h5_write_attribute_text(file, "", "label_of", names->whole ? "recording" : "sample"));
    WT_TRY(wt_h5_write_attribute_int(file, "", "background", names->background));
    memcpy(text, names->names, sizeof text);
    while (*at) {
        list[count++] = at;
        at += strcspn(at, "\n");
        if (*at) *at++ = '\0';
    }
    return wt_h5_write_texts(file, WT_SHARD_CLASS_NAMES, list, count);
}

static wt_status take_names(wt_class_names *names, char *const *list, size_t count, const char *path) {
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(list[i]);
        const bool plain = length > 0 && length < WT_CLASS_TEXT && !strchr(list[i], '\n');
        WT_CHECK(plain && used + length + 2 <= WT_CLASS_NAMES_TEXT, WT_FAILED,
                 "%s: the name of class %zu is %s", path, i, plain ? "one too many" : "no name");
        memcpy(names->names + used, list[i], length);
        used += length;
        names->names[used++] = '\n';
    }
    names->names[used] = '\0';
    return WT_OK;
}

wt_status wt_class_names_read(wt_class_names *names, wt_h5 *file, const char *path, int classes) {
    char text[16], **list;
    size_t count;
    int64_t background = -1;
    memset(names, 0, sizeof *names);
    names->background = -1;
    if (!wt_h5_has(file, WT_SHARD_CLASS_NAMES)) return WT_OK;
    WT_TRY(wt_h5_read_attribute_text(file, "", "label_of", text, sizeof text));
    names->whole = strcmp(text, "recording") == 0;
    WT_CHECK(names->whole || strcmp(text, "sample") == 0, WT_FAILED,
             "%s: wrong label_of (got %s, expected sample or recording)", path, text);
    WT_TRY(wt_h5_read_attribute_int(file, "", "background", &background));
    WT_CHECK(background >= -1 && background < classes, WT_FAILED,
             "%s: wrong background (got %lld, expected -1 to %d)", path, (long long)background, classes - 1);
    names->background = (int)background;
    WT_TRY(wt_h5_read_texts(file, WT_SHARD_CLASS_NAMES, &list, &count, WT_CLASS_NAMES_TEXT));
    wt_status status = take_names(names, list, count, path);
    wt_h5_free_texts(list, count);
    WT_TRY(status);
    WT_CHECK(count == (size_t)classes, WT_FAILED, "%s: wrong number of class names (got %zu, expected %d)",
             path, count, classes);
    return WT_OK;
}
