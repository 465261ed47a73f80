/*
 * Reading annotations. The kind of a file follows from its first row: Raven's heading, another one with a
 * start, an end and a class, or Audacity's numbers.
 */
#include "annotations.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "prepare_internal.h"

enum { SHOWN = 48, SELECTIONS_MAX = 1 << 24 };

/* Places of the columns; −1: there is none. */
typedef struct {
    int file, start, end, class, selection, channel, offset;
} event_columns;

/* What is known while files are read. */
typedef struct {
    wt_annotations *found;
    const wt_recordings *recordings;
    const wt_recording_index *index;
    const wt_label_options *options;
    int channel;
    bool *named;     /* [recordings] has a file of its own */
    bool tabular;    /* some file names its recordings in a column */
    bool folder;     /* files that are no annotations are passed over */
    int64_t strange; /* rows of files that are no recordings here; and the first one */
    char first_strange[WT_PATH_MAX + 64];
    int64_t cut, points, foreign; /* events; files that were passed over */
} annotation_reader;

/* One file. */
typedef struct {
    annotation_reader *all;
    wt_csv *csv;
    int number;
    int64_t own; /* the recording that it is of by its name; −1: none */
    bool raven;
    event_columns columns;
    double *begins; /* [capacity] of Raven's selections, by number; NaN: not met */
    size_t capacity;
    char file[WT_PATH_MAX]; /* that Raven's rows name, where they have no offsets */
} annotation_file;

static wt_status refuse_row(const annotation_file *file, const char *what, const char *got,
                            const char *expected) {
    char shown[SHOWN];
    wt_utf8_show(shown, sizeof shown, got, strlen(got));
    return wt_error(WT_USAGE, "%s:%lld: %s (got \"%s\", expected %s)", wt_csv_path(file->csv),
                    (long long)wt_csv_line(file->csv), what, shown, expected);
}

/* --- fields --- */

/* A number with a point or a comma. */
static bool scan_seconds(const char *text, double *seconds) {
    return wt_columns_scan_number(text, strchr(text, ',') && !strchr(text, '.') ? ',' : '.', seconds);
}

static wt_status read_seconds(const annotation_file *file, int column, const char *what, double *seconds) {
    const char *text = wt_csv_field(file->csv, column);
    if (!scan_seconds(text, seconds)) return refuse_row(file, what, text, "seconds");
    return *seconds >= 0 ? WT_OK : refuse_row(file, what, text, "seconds from 0 on");
}

static wt_status add_event(const annotation_file *file, size_t recording, double start, double end,
                           int32_t class) {
    wt_annotations *found = file->all->found;
    const wt_annotated added = {
        {start, end, class, (int32_t)wt_csv_line(file->csv)}, recording, file->number};
    return wt_memory_append(&found->list, &found->count, &added, sizeof added, "annotations");
}

/* An event of a recording, checked against its length. */
static wt_status take_event(const annotation_file *file, size_t recording, double start, double end,
                            const char *class) {
    annotation_reader *all = file->all;
    const wt_recording *of = &all->recordings->files[recording];
    const double length = (double)of->format.frames / of->format.rate;
    const long long line = (long long)wt_csv_line(file->csv);
    const char *path = wt_csv_path(file->csv);
    char where[WT_PATH_MAX + 32];
    int32_t number;
    snprintf(where, sizeof where, "%s:%lld", path, line);
    WT_CHECK(end >= start, WT_USAGE, "%s: ends before it begins (got %.9g s to %.9g s)", where, start, end);
    WT_CHECK(start < length, WT_USAGE,
             "%s: begins behind the end of its recording (got %.9g s, expected less than %.9g s, the length "
             "of %s)",
             where, start, length, of->path);
    WT_TRY(wt_class_list_number(&all->found->classes, class, where, &number));
    if (end == start) {
        all->points++;
        end += all->options->point;
    }
    all->cut += end > length + 0.5 / of->format.rate;
    return add_event(file, recording, start, end < length ? end : length, number);
}

/* --- rows --- */

/* The recording of the row; −1: none that is here. */
static wt_status find_recording(annotation_file *file, int64_t *recording) {
    annotation_reader *all = file->all;
    char where[WT_PATH_MAX + 32];
    *recording = file->own;
    if (file->columns.file < 0) return WT_OK;
    const char *name = wt_csv_field(file->csv, file->columns.file);
    snprintf(where, sizeof where, "%s:%lld", wt_csv_path(file->csv), (long long)wt_csv_line(file->csv));
    WT_CHECK(*name, WT_USAGE, "%s: names no file (expected that of a recording)", where);
    WT_TRY(wt_recording_index_find(recording, all->index, name, false, where));
    if (*recording < 0 && all->strange++ == 0)
        snprintf(all->first_strange, sizeof all->first_strange, "%s: %s", where, name);
    return WT_OK;
}

/* Raven has a row for each view of a selection; *again: it was read before. */
static wt_status note_selection(annotation_file *file, double begin, bool *again) {
    const char *text = wt_csv_field(file->csv, file->columns.selection);
    char *end;
    const long number = strtol(text, &end, 10);
    *again = false;
    if (end == text || *end || number < 0 || number >= SELECTIONS_MAX) return WT_OK;
    if ((size_t)number >= file->capacity) {
        const size_t capacity = 2 * (size_t)number + 64;
        double *begins;
        WT_TRY(wt_alloc(&begins, capacity, sizeof *begins, "selections"));
        for (size_t i = 0; i < capacity; i++) begins[i] = i < file->capacity ? file->begins[i] : NAN;
        wt_free(file->begins);
        file->begins = begins;
        file->capacity = capacity;
    }
    *again = !isnan(file->begins[number]);
    if (*again && file->begins[number] != begin)
        return refuse_row(file, "the selection stands twice, with other times", text,
                          "a number of its own for each selection");
    file->begins[number] = begin;
    return WT_OK;
}

static wt_status check_channel(const annotation_file *file, size_t recording, bool *other) {
    const annotation_reader *all = file->all;
    const char *text = wt_csv_field(file->csv, file->columns.channel);
    char *end;
    const long channel = strtol(text, &end, 10);
    const int channels = all->recordings->files[recording].format.channels;
    *other = false;
    if (end == text || *end || channel < 1 || channel > channels)
        return refuse_row(file, "its recording has no such channel", text, "one from 1 on that there is");
    *other = all->channel > 0 && channel != all->channel;
    return WT_OK;
}

/* Times of a table that is of several files are of all, one after the other; offsets are those in each. */
static wt_status place_in_file(annotation_file *file, double *start, double *end) {
    if (file->columns.file < 0) return WT_OK;
    if (file->columns.offset >= 0) {
        double offset;
        WT_TRY(read_seconds(file, file->columns.offset, "its file offset is no time", &offset));
        *end += offset - *start;
        *start = offset;
        return WT_OK;
    }
    const char *name = wt_csv_field(file->csv, file->columns.file);
    if (*file->file && strcmp(file->file, name) != 0)
        return refuse_row(file, "the table is of several files and has no column File Offset (s)", name,
                          file->file);
    snprintf(file->file, sizeof file->file, "%s", name);
    return WT_OK;
}

static wt_status read_row(annotation_file *file) {
    const event_columns *columns = &file->columns;
    double start, end;
    int64_t recording;
    bool skip = false;
    WT_TRY(read_seconds(file, columns->start, "its start is no time", &start));
    WT_TRY(read_seconds(file, columns->end, "its end is no time", &end));
    if (file->raven && columns->selection >= 0) WT_TRY(note_selection(file, start, &skip));
    if (skip) return WT_OK;
    WT_TRY(find_recording(file, &recording));
    if (recording < 0) return WT_OK;
    if (file->raven) {
        if (columns->channel >= 0) WT_TRY(check_channel(file, (size_t)recording, &skip));
        if (skip) return WT_OK;
        WT_TRY(place_in_file(file, &start, &end));
    }
    return take_event(file, (size_t)recording, start, end, wt_csv_field(file->csv, columns->class));
}

static wt_status read_row_list(annotation_file *file) {
    const event_columns *c = &file->columns;
    int most = c->start;
    const int all[] = {c->end, c->class, c->file, c->selection, c->channel, c->offset};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) most = all[i] > most ? all[i] : most;
    for (bool found;;) {
        WT_TRY(wt_csv_next(file->csv, &found));
        if (!found) return WT_OK;
        WT_CHECK(wt_csv_count(file->csv) > most, WT_USAGE,
                 "%s:%lld: the row has %d column%s (expected %d or more, as the heading)",
                 wt_csv_path(file->csv), (long long)wt_csv_line(file->csv), wt_csv_count(file->csv),
                 wt_csv_count(file->csv) == 1 ? "" : "s", most + 1);
        WT_TRY(read_row(file));
    }
}

/* From the row that was read first on. */
static wt_status read_label_track(annotation_file *file) {
    double start, end;
    for (bool found = true; found;) {
        const char *first = wt_csv_field(file->csv, 0);
        if (*first != '\\') { /* else the frequencies of the label before */
            WT_CHECK(wt_csv_count(file->csv) >= 2, WT_USAGE,
                     "%s:%lld: is no label (got %d column, expected START, END and CLASS between tabs)",
                     wt_csv_path(file->csv), (long long)wt_csv_line(file->csv), wt_csv_count(file->csv));
            WT_TRY(read_seconds(file, 0, "its start is no time", &start));
            WT_TRY(read_seconds(file, 1, "its end is no time", &end));
            WT_TRY(take_event(file, (size_t)file->own, start, end,
                              wt_csv_count(file->csv) > 2 ? wt_csv_field(file->csv, 2) : ""));
        }
        WT_TRY(wt_csv_next(file->csv, &found));
    }
    return WT_OK;
}

/* --- files --- */

static wt_status find_class_column(annotation_file *file) {
    static const char *const names[] = {"class",       "label",        "event_label", "annotation", "species",
                                        "common name", "species code", "event",       "category",   "type",
                                        NULL};
    const char *column = file->all->options->column;
    if (column) return wt_columns_find_one(&file->columns.class, file->csv, column);
    file->columns.class = wt_columns_find_any(file->csv, names);
    return WT_OK;
}

/* True where the first row is a heading of a table; its columns. */
static wt_status find_event_columns(annotation_file *file, bool *heading) {
    static const char *const starts[] = {"start",     "onset",          "begin",   "start_time", "begin_time",
                                         "start (s)", "begin time (s)", "start_s", "start time", NULL};
    static const char *const ends[] = {"end",     "offset",       "stop",  "end_time", "stop_time",
                                       "end (s)", "end time (s)", "end_s", "end time", NULL};
    static const char *const ravens[] = {"begin time (s)", NULL}, *const files[] = {"begin file", NULL},
                             *const selections[] = {"selection", NULL}, *const channels[] = {"channel", NULL},
                             *const offsets[] = {"file offset (s)", NULL}, *const names[] = {"file",
                                                                                             "filename",
                                                                                             "file_name",
                                                                                             "recording",
                                                                                             "path",
                                                                                             "audio",
                                                                                             NULL};
    event_columns *c = &file->columns;
    const wt_csv *csv = file->csv;
    c->start = wt_columns_find_any(csv, starts);
    c->end = wt_columns_find_any(csv, ends);
    *heading = c->start >= 0 && c->end >= 0;
    if (!*heading) return WT_OK;
    file->raven = wt_columns_find_any(csv, ravens) >= 0;
    c->file = wt_columns_find_any(csv, file->raven ? files : names);
    c->selection = wt_columns_find_any(csv, selections);
    c->channel = wt_columns_find_any(csv, channels);
    c->offset = wt_columns_find_any(csv, offsets);
    WT_TRY(find_class_column(file));
    return c->class >= 0 ? WT_OK
                         : refuse_row(file, "no column is a class", wt_csv_field(csv, wt_csv_count(csv) - 1),
                                      "one that is called class, label …, or --label-column NAME");
}

/* What has no column for its recordings is of the one of its name. */
static wt_status require_own(annotation_file *file) {
    annotation_reader *all = file->all;
    if (file->own < 0 && all->recordings->count == 1 && !all->folder) file->own = 0;
    WT_CHECK(file->own >= 0, WT_USAGE,
             "%s: is of none of the recordings (expected the base name of one, or a column file)",
             wt_csv_path(file->csv));
    all->named[file->own] = true;
    return WT_OK;
}

static wt_status read_annotation_rows(annotation_file *file) {
    annotation_reader *all = file->all;
    bool found, heading = false;
    double seconds;
    WT_TRY(wt_csv_next(file->csv, &found));
    if (!found) return file->own >= 0 || !all->folder ? require_own(file) : WT_OK; /* no events */
    WT_TRY(find_event_columns(file, &heading));
    if (heading && file->columns.file >= 0) {
        all->tabular = true;
        return read_row_list(file);
    }
    const char *first = wt_csv_field(file->csv, 0);
    if (heading || scan_seconds(first, &seconds)) {
        WT_TRY(require_own(file));
        return heading ? read_row_list(file) : read_label_track(file);
    }
    if (all->folder && file->own < 0) {
        all->foreign++;
        return WT_OK;
    }
    return refuse_row(file, "is no annotation", first,
                      "a heading with start, end and class, or START, END and CLASS between tabs");
}

static wt_status keep_path(annotation_reader *all, const char *path) {
    wt_annotations *found = all->found;
    char *copy;
    WT_TRY(wt_memory_copy_string(&copy, path));
    const wt_status status = wt_memory_append(&found->paths, &found->files, &copy, sizeof copy,
                                              "files of annotations");
    if (status != WT_OK) wt_free(copy);
    return status;
}

/* `below`: the path in the folder that was given. */
static wt_status read_annotation_file(annotation_reader *all, const char *path, const char *below) {
    annotation_file file = {.all = all, .number = all->found->files, .columns = {-1, -1, -1, -1, -1, -1, -1}};
    char separator;
    WT_TRY(keep_path(all, path));
    WT_TRY(wt_recording_index_find(&file.own, all->index, below, true, path));
    WT_TRY(wt_columns_guess_separator(&separator, path));
    WT_TRY(wt_csv_open(&file.csv, path, separator));
    const wt_status status = read_annotation_rows(&file);
    wt_free(file.begins);
    wt_csv_close(file.csv);
    return status;
}

static wt_status visit_annotation(void *context, const wt_walked *entry) {
    const char *dot = strrchr(entry->name, '.');
    const bool wanted = dot && (strcasecmp(dot, ".txt") == 0 || strcasecmp(dot, ".csv") == 0 ||
                                strcasecmp(dot, ".tsv") == 0);
    return wanted && entry->kind == WT_WALKED_FILE ? read_annotation_file(context, entry->path, entry->below)
                                                   : WT_OK;
}

/* --- all --- */

static wt_status check_all_annotated(const annotation_reader *all) {
    const wt_annotations *found = all->found;
    const char *source = all->options->annotations;
    WT_CHECK(found->files > 0, WT_USAGE, "%s: holds no annotations (expected files named .txt, .csv or .tsv)",
             source);
    for (size_t i = 0; i < all->recordings->count && !all->tabular; i++)
        WT_CHECK(all->named[i], WT_USAGE,
                 "%s: has no annotations in %s (expected a file of its base name; an empty one says that "
                 "there are no events)",
                 all->recordings->files[i].path, source);
    WT_CHECK(found->count > 0, WT_USAGE, "%s: has no events of the recordings%s%s", source,
             *all->first_strange ? "; the first is of another file, " : "", all->first_strange);
    return WT_OK;
}

static void warn_of_annotations(const annotation_reader *all) {
    const char *source = all->options->annotations;
    if (all->strange > 0)
        wt_log_warning("%s: %lld events are of files that are no recordings here; the first: %s", source,
                       (long long)all->strange, all->first_strange);
    if (all->cut > 0)
        wt_log_warning("%s: %lld event%s behind the end of the recording; cut there", source,
                       (long long)all->cut, all->cut == 1 ? " ends" : "s end");
    if (all->points > 0 && all->options->point == 0)
        wt_log_warning(
            "%s: %lld label%s a point in time: one sample each (--point SECONDS makes them longer)", source,
            (long long)all->points, all->points == 1 ? " is" : "s are");
    if (all->foreign > 0)
        wt_log_warning("%s: %lld file%s no annotations; passed over", source, (long long)all->foreign,
                       all->foreign == 1 ? " is" : "s are");
}

wt_status wt_annotations_read(wt_annotations *found, const wt_recordings *recordings,
                              const wt_label_options *options, int channel) {
    const char *source = options->annotations;
    wt_recording_index *index = NULL;
    annotation_reader all = {.found = found,
                             .recordings = recordings,
                             .options = options,
                             .channel = channel,
                             .folder = wt_path_is_folder(source)};
    memset(found, 0, sizeof *found);
    wt_status status = wt_class_list_init(&found->classes, options->classes);
    if (status == WT_OK) status = wt_recording_index_create(&index, recordings);
    if (status == WT_OK) status = wt_alloc(&all.named, recordings->count, sizeof *all.named, "annotations");
    all.index = index;
    if (status == WT_OK)
        status = all.folder ? wt_folder_walk(source, visit_annotation, &all)
                            : read_annotation_file(&all, source, wt_path_base(source));
    if (status == WT_OK) status = check_all_annotated(&all);
    if (status == WT_OK) warn_of_annotations(&all);
    wt_free(all.named);
    wt_recording_index_destroy(index);
    return status;
}

void wt_annotations_dispose(wt_annotations *found) {
    for (int i = 0; i < found->files; i++) wt_free(found->paths[i]);
    wt_free(found->paths);
    wt_free(found->list);
    wt_class_list_dispose(&found->classes);
    memset(found, 0, sizeof *found);
}
