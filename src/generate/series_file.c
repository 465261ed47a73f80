#include "series_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/output.h"
#include "data/prepare/sound.h"

struct wt_series_file {
    const wt_series_format *format;
    wt_sound_writer *sound;
    FILE *table;
    char *path;
    int64_t rows; /* of the table */
};

double wt_series_in_units(const wt_series_format *format, const float *x, int c) {
    const wt_normalization *units = format->table_units;
    return units->channels ? (double)x[c] * units->deviation[c] + units->mean[c] : (double)x[c];
}

static wt_status check_table(const wt_series_file *file) {
    const bool pipe = file->table == stdout;
    const bool good = !ferror(file->table) && (!pipe || fflush(stdout) == 0);
    WT_CHECK(good, WT_FAILED, "%s: can't write (%s)", pipe ? "standard output" : file->path, strerror(errno));
    return WT_OK;
}

static wt_status open_table(wt_series_file *file) {
    if (strcmp(file->path, "-") == 0) {
        wt_output_is_data();
        file->table = stdout;
    } else {
        WT_TRY(wt_file_begin(&file->table, file->path));
    }
    fprintf(file->table, "time");
    for (int c = 0; c < file->format->channels; c++) fprintf(file->table, ",channel_%d", c + 1);
    fprintf(file->table, "\n");
    return check_table(file);
}

static wt_status append_series_rows(wt_series_file *file, const float *samples, int count) {
    const wt_series_format *format = file->format;
    for (int i = 0; i < count; i++) {
        fprintf(file->table, "%.9g", (double)(format->first + file->rows++) / format->rate);
        for (int c = 0; c < format->channels; c++)
            fprintf(file->table, ",%.9g",
                    wt_series_in_units(format, samples + (ptrdiff_t)i * format->channels, c));
        fprintf(file->table, "\n");
    }
    return check_table(file);
}

wt_status wt_series_file_open(wt_series_file **out, const char *path, const wt_series_format *format) {
    const wt_sound_format sound = {format->samples, format->rate, format->channels};
    wt_status status = WT_OK;
    wt_series_file *file;
    *out = NULL;
    WT_TRY(wt_alloc(&file, 1, sizeof *file, "a file of a series"));
    file->format = format;
    WT_GUARD(wt_memory_copy_string(&file->path, path));
    WT_GUARD(format->table ? open_table(file)
                           : wt_sound_writer_open(&file->sound, path, &sound,
                                                  format->raw ? WT_SOUND_RAW : WT_SOUND_INT16));
    *out = file;
    file = NULL;
cleanup:
    return wt_series_file_close(file, NULL, status);
}

wt_status wt_series_file_add(wt_series_file *file, const float *samples, int count) {
    return file->format->table ? append_series_rows(file, samples, count)
                               : wt_sound_writer_add(file->sound, samples, count);
}

wt_status wt_series_file_close(wt_series_file *file, const char *name, wt_status status) {
    if (!file) return status;
    status = wt_sound_writer_close(file->sound, name, status);
    if (file->table && file->table != stdout)
        status = wt_file_finish_as(file->table, file->path, name ? name : file->path, status);
    wt_free(file->path);
    wt_free(file);
    return status;
}
