/* Features of one recording: which side of the matrix is time, whether that fits the sound, and the frames.
 */
#include <math.h>
#include <string.h>

#include "feature_internal.h"

static wt_status read_entry(wt_matrix *m, const wt_feature_entry *entry, bool whole) {
    switch (entry->kind) {
    case WT_FEATURE_NPY: return wt_npy_read(m, entry->path, whole);
    case WT_FEATURE_H5: return wt_matrix_read_h5(m, entry->path, whole);
    default: return wt_ark_read(m, entry->path, entry->offset, whole);
    }
}

wt_status wt_feature_layout_parse(wt_feature_layout *layout, const char *text) {
    *layout = !text ? WT_LAYOUT_FOUND : strcmp(text, "DT") == 0 ? WT_LAYOUT_DT : WT_LAYOUT_TD;
    WT_CHECK(!text || strcmp(text, "DT") == 0 || strcmp(text, "TD") == 0, WT_USAGE,
             "--layout: got %s, expected TD (a row per frame) or DT (a column per frame)", text);
    return WT_OK;
}

/* --- shapes --- */

/* Frames that so many samples may have. */
typedef struct {
    int64_t min, max;
} range;

static range find_frame_range(int64_t samples, int hop) {
    const int64_t whole = samples / hop;
    return (range){whole > 1 ? whole : 1, whole + 2};
}

static bool fits_sound(const wt_feature_fit *fit, int64_t frames, int64_t numbers, int64_t samples) {
    const range r = find_frame_range(samples, fit->hop);
    return frames >= r.min && frames <= r.max && (fit->count == 0 || numbers == fit->count) &&
           numbers <= WT_FEATURES_MAX;
}

/* Why neither layout fits: numbers per frame, where no side has as many, else frames. */
static wt_status report_misfit(const wt_feature_fit *fit, const wt_feature_entry *entry, const wt_matrix *m,
                               bool columns, int64_t samples) {
    const int64_t frames = columns ? m->columns : m->rows, numbers = columns ? m->rows : m->columns;
    const range r = find_frame_range(samples, fit->hop);
    WT_CHECK(fit->count == 0 || numbers == fit->count, WT_USAGE,
             "%s: %s has other numbers per frame (got %lld × %lld, expected %d)", entry->path, entry->name,
             (long long)m->rows, (long long)m->columns, fit->count);
    WT_CHECK(numbers <= WT_FEATURES_MAX, WT_USAGE,
             "%s: %s has too many numbers per frame (got %lld, expected at most %d)", entry->path,
             entry->name, (long long)numbers, WT_FEATURES_MAX);
    const bool few = frames < r.min;
    return wt_error(WT_USAGE,
                    "%s: %s has %lld frames too %s for %lld samples (got %lld, expected %lld to %lld at a "
                    "hop of %d; %.1f samples per frame would fit)",
                    entry->path, entry->name, (long long)(few ? r.min - frames : frames - r.max),
                    few ? "few" : "many", (long long)samples, (long long)frames, (long long)r.min,
                    (long long)r.max, fit->hop, (double)samples / (double)frames);
}

/* Which layout a misfit is reported in: that whose numbers are right, or else whose frames are nearer. */
static bool is_likely_columns(const wt_feature_fit *fit, const wt_matrix *m, int64_t samples) {
    if (fit->count && (m->columns == fit->count) != (m->rows == fit->count)) return m->rows == fit->count;
    const double expected = (double)samples / fit->hop;
    return fabs(log((double)m->columns / expected)) < fabs(log((double)m->rows / expected));
}

wt_status wt_feature_entry_check(wt_feature_fit *fit, bool *columns, const wt_feature_entry *entry,
                                 int64_t samples) {
    wt_matrix m;
    WT_TRY(read_entry(&m, entry, false));
    wt_feature_layout layout = fit->layout;
    if (layout == WT_LAYOUT_FOUND && entry->kind != WT_FEATURE_NPY) layout = WT_LAYOUT_TD;
    const bool by_rows = layout != WT_LAYOUT_DT && fits_sound(fit, m.rows, m.columns, samples),
               by_columns = layout != WT_LAYOUT_TD && fits_sound(fit, m.columns, m.rows, samples);
    *columns = by_columns;
    WT_CHECK(!(by_rows && by_columns), WT_USAGE,
             "%s: either side may be time (got %lld × %lld for %lld samples; expected --layout TD, a row per "
             "frame, or DT)",
             entry->path, (long long)m.rows, (long long)m.columns, (long long)samples);
    if (!by_rows && !by_columns) {
        const bool likely = layout == WT_LAYOUT_FOUND ? is_likely_columns(fit, &m, samples)
                                                      : layout == WT_LAYOUT_DT;
        return report_misfit(fit, entry, &m, likely, samples);
    }
    fit->count = (int)(by_columns ? m.rows : m.columns);
    return WT_OK;
}

/* --- frames --- */

static wt_status check_frames_finite(const float *frames, int64_t count, int64_t numbers, const char *path) {
    for (int64_t i = 0; i < count * numbers; i++)
        WT_CHECK(isfinite(frames[i]), WT_USAGE, "%s: frame %lld is not finite (got %g)", path,
                 (long long)(i / numbers), (double)frames[i]);
    return WT_OK;
}

/* The matrix as frames; its values become the caller's. */
static wt_status turn_frames(float **frames, wt_matrix *m, bool columns) {
    *frames = NULL;
    if (!columns) {
        *frames = m->values;
        m->values = NULL;
        return WT_OK;
    }
    WT_TRY(wt_alloc(frames, (size_t)(m->rows * m->columns), sizeof **frames, "features of a recording"));
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t c = 0; c < m->columns; c++) (*frames)[c * m->rows + r] = m->values[r * m->columns + c];
    return WT_OK;
}

wt_status wt_feature_entry_read(float **frames, int64_t *count, const wt_feature_entry *entry, bool columns) {
    wt_matrix m;
    *frames = NULL;
    WT_TRY(read_entry(&m, entry, true));
    *count = columns ? m.columns : m.rows;
    wt_status status = turn_frames(frames, &m, columns);
    wt_free(m.values);
    if (status == WT_OK)
        status = check_frames_finite(*frames, *count, columns ? m.rows : m.columns, entry->path);
    if (status == WT_OK) return WT_OK;
    wt_free(*frames);
    *frames = NULL;
    return status;
}

/* --- a file alone --- */

static wt_status find_kind(wt_feature_kind *kind, const char *path) {
    const char *dot = strrchr(wt_path_base(path), '.');
    const bool h5 = dot && (strcmp(dot, ".h5") == 0 || strcmp(dot, ".hdf5") == 0);
    *kind = h5 ? WT_FEATURE_H5 : WT_FEATURE_NPY;
    WT_CHECK(h5 || (dot && strcmp(dot, ".npy") == 0), WT_USAGE,
             "%s: is no file of features (expected .npy or .h5)", path);
    return WT_OK;
}

wt_status wt_feature_file_read(float **frames, int64_t *count, const char *path, int numbers,
                               wt_feature_layout layout) {
    wt_feature_entry entry = {.path = (char *)path};
    wt_matrix m;
    *frames = NULL;
    WT_TRY(find_kind(&entry.kind, path));
    WT_TRY(read_entry(&m, &entry, false));
    const bool by_rows = layout != WT_LAYOUT_DT && m.columns == numbers,
               by_columns = layout != WT_LAYOUT_TD && m.rows == numbers;
    WT_CHECK(by_rows || by_columns, WT_USAGE,
             "%s: has other numbers per frame (got %lld × %lld, expected %d)", path, (long long)m.rows,
             (long long)m.columns, numbers);
    WT_CHECK(!(by_rows && by_columns), WT_USAGE,
             "%s: either side may be time (got %d × %d; expected --layout TD, a row per frame, or DT)", path,
             numbers, numbers);
    return wt_feature_entry_read(frames, count, &entry, by_columns);
}
