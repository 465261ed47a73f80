/* Classes of recordings: found by one rank, packed for the others, and made labels of samples. */
#include "data/prepare/labelling.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "annotations.h"
#include "base/memory.h"
#include "prepare_internal.h"

wt_status wt_labelling_parse_overlap(wt_overlap *overlap, const char *text) {
    static const char *const names[] = {"refuse", "first", "mask"};
    *overlap = WT_OVERLAP_REFUSE;
    if (!text) return WT_OK;
    for (int i = 0; i < 3; i++) {
        *overlap = (wt_overlap)i;
        if (strcmp(text, names[i]) == 0) return WT_OK;
    }
    return wt_error(WT_USAGE, "--overlap: got %s, expected refuse, first or mask", text);
}

wt_status wt_labelling_check(const wt_label_options *label, bool overlap, const char *useless) {
    const bool any = label->label || label->annotations;
    WT_CHECK(!any || !useless, WT_USAGE, "--%s: has no use where recordings have classes (--%s)", useless,
             label->label ? "label" : "annotations");
    WT_CHECK(label->annotations || !(label->column || label->background || overlap || label->point != 0),
             WT_USAGE, "--label-column, --background, --overlap and --point: need --annotations");
    WT_CHECK(any || !label->classes, WT_USAGE, "--classes: needs --label or --annotations");
    WT_CHECK(label->point >= 0 && label->point <= 3600, WT_USAGE,
             "--point: out of range (got %g, expected 0 … 3600)", label->point);
    return WT_OK;
}

/* --- a class per recording --- */

static wt_status classify_recordings(wt_labelling *labelling, const wt_recordings *recordings,
                                     const wt_label_options *options) {
    wt_class_list classes;
    wt_recording_names named;
    const wt_name_rule rule = {.how = options->label, .option = "label", .what = "class", .nearest = true};
    int32_t number;
    memset(&named, 0, sizeof named);
    wt_status status = wt_class_list_init(&classes, options->classes);
    if (status == WT_OK) status = wt_recording_names_find(&named, recordings, &rule);
    for (int i = 0; i < named.count && status == WT_OK; i++)
        status = wt_class_list_number(&classes, named.names[i], "--label", &number);
    if (status == WT_OK) status = wt_class_list_close(&classes, NULL, NULL, &labelling->names);
    WT_GUARD(status);
    WT_GUARD(wt_alloc(&labelling->of, labelling->count, sizeof *labelling->of, "classes of recordings"));
    for (size_t i = 0; i < labelling->count; i++)
        WT_GUARD(wt_class_list_number(&classes, named.names[named.of[i]], "--label", &labelling->of[i]));
    labelling->names.whole = true;
    labelling->classes = classes.count;
    WT_GUARD_CHECK(classes.count >= 2, WT_USAGE,
                   "--label: expected two classes or more (got one, %s, in all of %zu recordings)",
                   named.names[0], labelling->count);
cleanup:
    wt_class_list_dispose(&classes);
    wt_recording_names_dispose(&named);
    return status;
}

/* "3, 4, 5" */
static void list_names(char *text, size_t capacity, const wt_recording_names *named) {
    size_t used = 0;
    *text = '\0';
    for (int i = 0; i < named->count && used < capacity; i++)
        used += (size_t)snprintf(text + used, capacity - used, "%s%s", i ? ", " : "", named->names[i]);
}

static wt_status hold_fold(wt_labelling *labelling, const wt_recordings *recordings,
                           const wt_label_options *options) {
    char how[WT_PATH_MAX], list[128];
    const char *value = strchr(options->fold, '='),
               *colon = options->label ? strrchr(options->label, ':') : NULL;
    wt_recording_names named;
    size_t held = 0;
    WT_CHECK(value && value > options->fold && value[1], WT_USAGE, "--fold: got %s, expected COLUMN=VALUE",
             options->fold);
    WT_CHECK(colon, WT_USAGE, "--fold: needs --label FILE.csv:COLUMN");
    const int length = snprintf(how, sizeof how, "%.*s:%.*s", (int)(colon - options->label), options->label,
                                (int)(value - options->fold), options->fold);
    WT_CHECK(length < (int)sizeof how, WT_USAGE, "--fold: is too long");
    wt_status status = wt_recording_names_find(&named, recordings,
                                               &(wt_name_rule){.how = how, .option = "fold", .what = "fold"});
    WT_GUARD(status);
    WT_GUARD(wt_alloc(&labelling->tested, labelling->count, sizeof *labelling->tested, "a fold"));
    for (size_t i = 0; i < labelling->count; i++) {
        labelling->tested[i] = strcmp(named.names[named.of[i]], value + 1) == 0;
        held += labelling->tested[i];
    }
    list_names(list, sizeof list, &named);
    WT_GUARD_CHECK(held > 0, WT_USAGE, "--fold: no recording has %s (the column has %s)", options->fold,
                   list);
    WT_GUARD_CHECK(held < labelling->count, WT_USAGE,
                   "--fold: all recordings have %s (expected others for "
                   "training)",
                   options->fold);
cleanup:
    wt_recording_names_dispose(&named);
    return status;
}

/* --- events --- */

static int compare_annotated(const void *a, const void *b) {
    const wt_annotated *x = a, *y = b;
    if (x->recording != y->recording) return x->recording < y->recording ? -1 : 1;
    if (x->event.start != y->event.start) return x->event.start < y->event.start ? -1 : 1;
    return x->file != y->file ? (x->file > y->file) - (x->file < y->file)
                              : (x->event.line > y->event.line) - (x->event.line < y->event.line);
}

/* Of sorted events of one class after the other: less than a sample in common is none. */
static wt_status refuse_overlaps(const wt_annotations *found, const wt_recordings *recordings) {
    const wt_annotated *last = NULL; /* the one that ends last so far */
    for (int i = 0; i < found->count; i++) {
        const wt_annotated *at = &found->list[i];
        const wt_recording *file = &recordings->files[at->recording];
        const double rate = file->format.rate;
        if (last && last->recording != at->recording) last = NULL;
        WT_CHECK(!last || last->event.class == at->event.class ||
                     round(at->event.start * rate) >= round(last->event.end * rate),
                 WT_USAGE,
                 "%s:%d: overlaps with an event of another class (it begins at %.6g s, that of line %d ends "
                 "at %.6g s; --overlap first or mask takes it)",
                 found->paths[at->file], at->event.line, at->event.start, last ? last->event.line : 0,
                 last ? last->event.end : 0);
        if (!last || at->event.end > last->event.end) last = at;
    }
    return WT_OK;
}

static wt_status take_events(wt_labelling *labelling, wt_annotations *found, const char *first) {
    int32_t *number_of = NULL;
    int at = 0;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&number_of, (size_t)found->classes.count + 1, sizeof *number_of, "classes of events"));
    WT_GUARD(wt_class_list_close(&found->classes, first, number_of, &labelling->names));
    labelling->classes = found->classes.count;
    WT_GUARD_CHECK(labelling->classes >= 2, WT_USAGE,
                   "--annotations: expected two classes or more (got one; --background NAME is another)");
    WT_GUARD(wt_alloc(&labelling->ends, labelling->count, sizeof *labelling->ends, "events"));
    WT_GUARD(wt_alloc(&labelling->events, (size_t)found->count + 1, sizeof *labelling->events, "events"));
    for (size_t i = 0; i < labelling->count; i++) {
        for (; at < found->count && found->list[at].recording == i; at++) {
            labelling->events[at] = found->list[at].event;
            labelling->events[at].class = number_of[found->list[at].event.class];
        }
        labelling->ends[i] = at;
    }
cleanup:
    wt_free(number_of);
    return status;
}

static wt_status annotate_recordings(wt_labelling *labelling, const wt_recordings *recordings,
                                     const wt_label_options *options, int channel) {
    wt_annotations found;
    const char *first = options->background ? options->background : "background";
    const bool mask = strcmp(first, "mask") == 0;
    labelling->overlap = options->overlap;
    labelling->masked = mask || options->overlap == WT_OVERLAP_MASK;
    wt_status status = wt_annotations_read(&found, recordings, options, channel);
    if (status == WT_OK && found.count > 1)
        qsort(found.list, (size_t)found.count, sizeof *found.list, compare_annotated);
    if (status == WT_OK && options->overlap == WT_OVERLAP_REFUSE)
        status = refuse_overlaps(&found, recordings);
    if (status == WT_OK) status = take_events(labelling, &found, mask ? NULL : first);
    wt_annotations_dispose(&found);
    return status;
}

/* --- the labelling --- */

static wt_status create_labelling(wt_labelling **out, size_t recordings) {
    WT_TRY(wt_alloc(out, 1, sizeof **out, "classes of recordings"));
    (*out)->count = recordings;
    (*out)->names.background = -1;
    return WT_OK;
}

wt_status wt_labelling_find(wt_labelling **out, const wt_recordings *recordings,
                            const wt_label_options *options, int channel) {
    *out = NULL;
    if (!options || (!options->label && !options->annotations && !options->fold)) return WT_OK;
    WT_CHECK(!options->label || !options->annotations, WT_USAGE,
             "--label, --annotations: expected one of them");
    WT_TRY(create_labelling(out, recordings->count));
    if (options->fold) WT_TRY(hold_fold(*out, recordings, options));
    return options->label ? classify_recordings(*out, recordings, options)
                          : annotate_recordings(*out, recordings, options, channel);
}

void wt_labelling_destroy(wt_labelling *labelling) {
    if (!labelling) return;
    wt_free(labelling->of);
    wt_free(labelling->tested);
    wt_free(labelling->ends);
    wt_free(labelling->events);
    wt_free(labelling);
}

/* The arrays of a labelling, in the order in which they are packed; bytes 0: it has none. */
typedef struct {
    void **array;
    size_t bytes;
} packed_array;
enum { PACKED = 4 };

static void list_arrays(packed_array arrays[PACKED], wt_labelling *l) {
    const size_t events = l->ends && l->count > 0 ? (size_t)l->ends[l->count - 1] + 1 : 0;
    const packed_array all[PACKED] = {{(void **)&l->of, l->of ? l->count * sizeof *l->of : 0},
                                      {(void **)&l->tested, l->tested ? l->count * sizeof *l->tested : 0},
                                      {(void **)&l->ends, l->ends ? l->count * sizeof *l->ends : 0},
                                      {(void **)&l->events, events * sizeof *l->events}};
    memcpy(arrays, all, sizeof all);
}

wt_status wt_labelling_pack(char **bytes, size_t *size, const wt_labelling *labelling) {
    wt_labelling copy;
    packed_array arrays[PACKED];
    *bytes = NULL;
    *size = 0;
    if (!labelling) return WT_OK;
    copy = *labelling;
    list_arrays(arrays, &copy);
    *size = sizeof copy;
    for (int i = 0; i < PACKED; i++) *size += sizeof(size_t) + arrays[i].bytes;
    WT_TRY(wt_alloc(bytes, *size, 1, "classes of recordings"));
    char *at = *bytes;
    memcpy(at, &copy, sizeof copy);
    at += sizeof copy;
    for (int i = 0; i < PACKED; i++) {
        memcpy(at, &arrays[i].bytes, sizeof(size_t));
        at += sizeof(size_t);
        if (arrays[i].bytes > 0) memcpy(at, *arrays[i].array, arrays[i].bytes);
        at += arrays[i].bytes;
    }
    return WT_OK;
}

wt_status wt_labelling_unpack(wt_labelling **out, const char *bytes, size_t size) {
    packed_array arrays[PACKED];
    wt_labelling *labelling = NULL;
    *out = NULL;
    if (size == 0) return WT_OK;
    WT_TRY(create_labelling(&labelling, 0));
    memcpy(labelling, bytes, sizeof *labelling);
    labelling->of = NULL;
    labelling->tested = NULL;
    labelling->ends = NULL;
    labelling->events = NULL;
    *out = labelling;
    list_arrays(arrays, labelling);
    const char *at = bytes + sizeof *labelling;
    for (int i = 0; i < PACKED; i++) {
        size_t length;
        memcpy(&length, at, sizeof length);
        at += sizeof length;
        if (length > 0) {
            WT_TRY(wt_alloc(arrays[i].array, length, 1, "classes of recordings"));
            memcpy(*arrays[i].array, at, length);
        }
        at += length;
    }
    return WT_OK;
}

/* --- labels of samples --- */

enum { NO_CLASS = -1, OVERLAPPED = -2 };

static void apply_event(const wt_labelling *labelling, const wt_event *event, double first, int rate,
                        const wt_utterance *utterance) {
    const double last = (double)utterance->count;
    const double start = round(event->start * rate - first), begin = fmax(start, 0);
    double end = fmax(round(event->end * rate - first), start + 1);
    if (end > last) end = last;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        float *label = &utterance->labels[i];
        if (*label == NO_CLASS)
            *label = (float)event->class;
        else if (*label != (float)event->class && labelling->overlap == WT_OVERLAP_MASK)
            *label = OVERLAPPED;
    }
}

wt_status wt_labelling_apply(const wt_labelling *labelling, size_t whole, double first, int rate,
                             wt_utterance *utterance) {
    const size_t count = (size_t)utterance->count;
    const int background = labelling->names.background;
    WT_TRY(wt_alloc(&utterance->labels, count, sizeof *utterance->labels, "labels of a recording"));
    const float begin = labelling->of ? (float)labelling->of[whole] : NO_CLASS;
    for (size_t i = 0; i < count; i++) utterance->labels[i] = begin;
    if (labelling->of) return WT_OK;
    for (int64_t e = whole > 0 ? labelling->ends[whole - 1] : 0; e < labelling->ends[whole]; e++)
        apply_event(labelling, &labelling->events[e], first, rate, utterance);
    if (labelling->masked)
        WT_TRY(wt_alloc(&utterance->mask, count, sizeof *utterance->mask, "targets of a recording"));
    for (size_t i = 0; i < count; i++) {
        float *label = &utterance->labels[i];
        const bool target = *label >= 0 || (*label == NO_CLASS && background >= 0);
        if (utterance->mask) utterance->mask[i] = target;
        if (*label < 0) *label = (float)(background >= 0 ? background : 0);
    }
    return WT_OK;
}
