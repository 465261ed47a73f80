/* Writing annotations. Nine decimals of a second are far below a sample, so what is read back is the same. */
#include "annotate/annotation_writer.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/output.h"
#include "data/prepare/prepare.h"

struct wt_annotation_writer {
    wt_annotation_format format;
    bool folder;
    wt_partial_folder tracks; /* of files; its name becomes that of the folder when all are whole */
    FILE *file;
    char name[WT_PATH_MAX]; /* of the file that is written */
    const char *id;
    int rate;
    long long selection;
    double before; /* seconds of the recordings before, for Raven */
};

wt_status wt_annotation_writer_parse(wt_annotation_format *format, const char *text) {
    static const char *const names[] = {"csv", "audacity", "raven"};
    *format = WT_ANNOTATION_CSV;
    for (int i = 0; text && i < 3; i++) {
        *format = (wt_annotation_format)i;
        if (strcmp(text, names[i]) == 0) return WT_OK;
    }
    return text ? wt_error(WT_USAGE, "--format: got %s, expected csv, audacity or raven", text) : WT_OK;
}

static wt_status begin_annotations(wt_annotation_writer *writer, const char *path) {
    snprintf(writer->name, sizeof writer->name, "%s", path);
    return wt_file_begin(&writer->file, path);
}

wt_status wt_annotation_writer_open(wt_annotation_writer **out, const char *path, wt_annotation_format format,
                                    bool several) {
    wt_annotation_writer *writer;
    *out = NULL;
    WT_TRY(wt_path_require_free(path, " (expected a name that is free)"));
    WT_TRY(wt_alloc(&writer, 1, sizeof *writer, "annotations"));
    writer->format = format;
    const bool folder = several && format == WT_ANNOTATION_AUDACITY;
    wt_status status = folder ? wt_partial_create(&writer->tracks, path) : begin_annotations(writer, path);
    if (status != WT_OK) return wt_annotation_writer_close(writer, status);
    writer->folder = folder;
    if (format == WT_ANNOTATION_CSV) fputs("file,start,end,class,probability\n", writer->file);
    if (format == WT_ANNOTATION_RAVEN)
        fputs("Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\t"
              "Begin File\tFile Offset (s)\tClass\tProbability\n",
              writer->file);
    *out = writer;
    return WT_OK;
}

/* ID with the ending .txt in the folder; its own folder is made. */
static wt_status begin_track(wt_annotation_writer *writer, const char *id) {
    char path[WT_PATH_MAX], folder[WT_PATH_MAX];
    const char *base = wt_path_base(id), *dot = strrchr(base, '.');
    const int stem = dot && dot > base ? (int)(dot - id) : (int)strlen(id);
    const int length = snprintf(path, sizeof path, "%s/%.*s.txt", writer->tracks.path, stem, id);
    WT_CHECK(length < (int)sizeof path, WT_USAGE, "%s: the name is too long", id);
    snprintf(folder, sizeof folder, "%.*s", (int)(wt_path_base(path) - path - 1), path);
    WT_TRY(wt_folder_make(folder));
    return begin_annotations(writer, path);
}

wt_status wt_annotation_writer_begin(wt_annotation_writer *writer, const char *id, int rate) {
    writer->id = id;
    writer->rate = rate;
    return writer->folder ? begin_track(writer, id) : WT_OK;
}

wt_status wt_annotation_writer_add(wt_annotation_writer *writer, const wt_written_event *event) {
    FILE *file = writer->file;
    switch (writer->format) {
    case WT_ANNOTATION_CSV:
        wt_output_field(file, writer->id, ',');
        fprintf(file, ",%.9f,%.9f,", event->start, event->end);
        wt_output_field(file, event->class, ',');
        fprintf(file, ",%.6f\n", event->probability);
        break;
    case WT_ANNOTATION_AUDACITY:
        fprintf(file, "%.9f\t%.9f\t", event->start, event->end);
        wt_output_field(file, event->class, '\t');
        fputc('\n', file);
        break;
    case WT_ANNOTATION_RAVEN:
        fprintf(file, "%lld\tSpectrogram 1\t1\t%.9f\t%.9f\t0.0\t%.1f\t", ++writer->selection,
                writer->before + event->start, writer->before + event->end, writer->rate / 2.0);
        wt_output_field(file, writer->id, '\t');
        fprintf(file, "\t%.9f\t", event->start);
        wt_output_field(file, event->class, '\t');
        fprintf(file, "\t%.6f\n", event->probability);
        break;
    }
    return WT_OK;
}

wt_status wt_annotation_writer_end(wt_annotation_writer *writer, double length) {
    writer->before += length;
    if (!writer->folder) return WT_OK;
    FILE *file = writer->file;
    writer->file = NULL;
    return wt_file_finish(file, writer->name, WT_OK);
}

wt_status wt_annotation_writer_close(wt_annotation_writer *writer, wt_status status) {
    if (!writer) return status;
    if (writer->file) status = wt_file_finish(writer->file, writer->name, status);
    if (writer->folder && status == WT_OK) status = wt_partial_commit(&writer->tracks);
    if (writer->folder && status != WT_OK) wt_partial_remove(&writer->tracks);
    wt_free(writer);
    return status;
}
