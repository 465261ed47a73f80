/*
 * One checkpoint file: built as an HDF5 image in memory, hashed, written with plain writes and a trailer, and
 * committed by rename. HDF5 does not report a full disk reliably, plain writes do; and a reader knows from
 * the trailer that the file is whole before HDF5 parses a byte of it. The price is a copy of the state in
 * memory.
 */
#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint_internal.h"
#include "wavetrain/memory.h"

enum { WT_CHECKPOINT_VERSION = 1 };

#define WT_CHECKPOINT_LIMIT ((size_t)1 << 40) /* bytes of a file that is read */

/* --- trailer --- */

typedef struct {
    char magic[16];
    uint64_t bytes, hash_high, hash_low; /* little-endian */
} wt_trailer;

static const char wt_trailer_magic[17] = "wavetrain-end-1\n";

static wt_trailer wt_make_trailer(const char *bytes, size_t size) {
    wt_hash hash = wt_hash_bytes(bytes, size, 0);
    wt_trailer trailer = {
        .bytes = htole64(size), .hash_high = htole64(hash.high), .hash_low = htole64(hash.low)};
    memcpy(trailer.magic, wt_trailer_magic, sizeof trailer.magic);
    return trailer;
}

/* The size of the HDF5 part, once it is known to be whole. */
static wt_status wt_verify(size_t *size, const char *path, const char *bytes, size_t all) {
    static const char signature[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    wt_trailer found;
    WT_CHECK(all >= sizeof signature && memcmp(bytes, signature, sizeof signature) == 0, WT_FAILED,
             "%s: is no checkpoint (no HDF5 file)", path);
    WT_CHECK(all > sizeof found, WT_FAILED, "%s: the checkpoint is cut short", path);
    memcpy(&found, bytes + all - sizeof found, sizeof found);
    WT_CHECK(memcmp(found.magic, wt_trailer_magic, sizeof found.magic) == 0, WT_FAILED,
             "%s: is no whole checkpoint (the trailer is missing: cut short, or another program's file)",
             path);
    WT_CHECK(le64toh(found.bytes) == all - sizeof found, WT_FAILED,
             "%s: the checkpoint is cut short (got %zu bytes, expected %llu)", path, all - sizeof found,
             (unsigned long long)le64toh(found.bytes));
    wt_trailer made = wt_make_trailer(bytes, all - sizeof found);
    WT_CHECK(memcmp(&made, &found, sizeof made) == 0, WT_FAILED,
             "%s: the checkpoint is damaged (its hash differs)", path);
    *size = all - sizeof found;
    return WT_OK;
}

/* --- attributes: one table for writing and reading --- */

typedef struct {
    const char *name;
    enum { WT_STATE_INT, WT_STATE_INT64, WT_STATE_REAL, WT_STATE_TEXT } type;
    size_t offset, room;
    bool newer; /* absent in older files */
} wt_state_field;

#define WT_FIELD_OF(name_, type_, field, newer_) \
    { name_, type_, offsetof(wt_checkpoint_state, field), sizeof(((wt_checkpoint_state *)0)->field), newer_ }
#define WT_FIELD(name_, type_, field) WT_FIELD_OF(name_, type_, field, false)
#define WT_NEWER(name_, type_, field) WT_FIELD_OF(name_, type_, field, true)

static const wt_state_field wt_state_fields[] = {
    WT_FIELD("step", WT_STATE_INT64, step),
    WT_FIELD("updates", WT_STATE_INT64, updates),
    WT_FIELD("sample_rate", WT_STATE_INT, sample_rate),
    WT_FIELD("channels", WT_STATE_INT, channels),
    WT_FIELD("ranks", WT_STATE_INT, ranks),
    WT_FIELD("threads", WT_STATE_INT, threads),
    WT_FIELD("validation_loss", WT_STATE_REAL, validation_loss),
    WT_FIELD("best_validation_loss", WT_STATE_REAL, best_validation_loss),
    WT_FIELD("best_step", WT_STATE_INT64, best_step),
    WT_FIELD("seconds", WT_STATE_REAL, seconds),
    WT_FIELD("dataset", WT_STATE_TEXT, dataset),
    WT_FIELD("numerics", WT_STATE_TEXT, numerics),
    WT_FIELD("rate_scale", WT_STATE_REAL, rate_scale),
    WT_FIELD("rollbacks", WT_STATE_INT, rollbacks),
    WT_FIELD("skipped_in_row", WT_STATE_INT, skipped_in_row),
    WT_FIELD("skipped", WT_STATE_INT64, skipped),
    WT_FIELD("norm_count", WT_STATE_INT64, norm_count),
    WT_NEWER("stale", WT_STATE_INT, stale),
    WT_NEWER("plateau_best", WT_STATE_REAL, plateau_best),
    WT_NEWER("plateau_scale", WT_STATE_REAL, plateau_scale),
    WT_NEWER("plateau_bad", WT_STATE_INT, plateau_bad),
    WT_NEWER("plateau_cooldown", WT_STATE_INT, plateau_cooldown),
    WT_NEWER("outputs", WT_STATE_INT, outputs),
};
enum { WT_STATE_FIELDS = sizeof wt_state_fields / sizeof *wt_state_fields };

static const char wt_norms_name[] = "state/norms";
static const wt_h5_shape wt_norms_shape = {.type = WT_H5_DOUBLE, .rank = 1, .shape = {WT_NORM_RING}};

static const char wt_normalization_name[] = "state/normalization";

/* Mean and deviation, a row each. */
static wt_status wt_write_normalization(wt_h5 *file, const wt_normalization *normalization) {
    const int channels = normalization->channels;
    const wt_h5_shape shape = {.type = WT_H5_DOUBLE, .rank = 2, .shape = {2, channels}};
    double values[2 * WT_NORMALIZED_MAX];
    if (channels == 0) return WT_OK;
    memcpy(values, normalization->mean, (size_t)channels * sizeof *values);
    memcpy(values + channels, normalization->deviation, (size_t)channels * sizeof *values);
    return wt_h5_write(file, wt_normalization_name, shape, values, 0);
}

static wt_status wt_write_state(wt_h5 *file, const wt_checkpoint_state *state) {
    for (int i = 0; i < WT_STATE_FIELDS; i++) {
        const wt_state_field *field = &wt_state_fields[i];
        const char *at = (const char *)state + field->offset;
        switch (field->type) {
        case WT_STATE_INT: WT_TRY(wt_h5_write_attribute_int(file, "", field->name, *(const int *)at)); break;
        case WT_STATE_INT64:
            WT_TRY(wt_h5_write_attribute_int(file, "", field->name, *(const int64_t *)at));
            break;
        case WT_STATE_REAL:
            WT_TRY(wt_h5_write_attribute_real(file, "", field->name, *(const double *)at));
            break;
        case WT_STATE_TEXT: WT_TRY(wt_h5_write_attribute_text(file, "", field->name, at)); break;
        }
    }
    WT_TRY(wt_write_normalization(file, &state->normalization));
    return wt_h5_write(file, wt_norms_name, wt_norms_shape, state->norms, 0);
}

static wt_status wt_read_normalization(wt_h5 *file, const char *path, wt_normalization *normalization) {
    wt_h5_shape found;
    double values[2 * WT_NORMALIZED_MAX];
    if (!wt_h5_has(file, wt_normalization_name)) return WT_OK;
    WT_TRY(wt_h5_inspect(file, wt_normalization_name, &found));
    WT_CHECK(found.rank == 2 && found.shape[0] == 2 && found.shape[1] >= 1 &&
                 found.shape[1] <= WT_NORMALIZED_MAX,
             WT_FAILED, "%s: %s has another shape (expected 2 rows of at most %d channels)", path,
             wt_normalization_name, WT_NORMALIZED_MAX);
    WT_TRY(wt_h5_read(file, wt_normalization_name, WT_H5_DOUBLE, values));
    const int channels = normalization->channels = (int)found.shape[1];
    for (int c = 0; c < channels; c++) {
        normalization->mean[c] = values[c];
        normalization->deviation[c] = values[channels + c];
        WT_CHECK(isfinite(values[c]) && isfinite(values[channels + c]) && values[channels + c] > 0, WT_FAILED,
                 "%s: wrong %s of channel %d (got mean %g, deviation %g)", path, wt_normalization_name, c,
                 values[c], values[channels + c]);
    }
    return WT_OK;
}

static wt_status wt_read_norms(wt_h5 *file, const char *path, double *norms) {
    wt_h5_shape found;
    WT_TRY(wt_h5_inspect(file, wt_norms_name, &found));
    WT_CHECK(found.rank == 1 && found.shape[0] == WT_NORM_RING, WT_FAILED,
             "%s: %s has another shape (got %lld, expected %d)", path, wt_norms_name,
             (long long)found.shape[0], WT_NORM_RING);
    return wt_h5_read(file, wt_norms_name, WT_H5_DOUBLE, norms);
}

static wt_status wt_read_state(wt_h5 *file, const char *path, wt_checkpoint_state *state) {
    state->plateau_best = INFINITY; /* of a file without them; the others are 0 */
    state->plateau_scale = 1.0;
    for (int i = 0; i < WT_STATE_FIELDS; i++) {
        const wt_state_field *field = &wt_state_fields[i];
        if (field->newer && !wt_h5_has_attribute(file, "", field->name)) continue;
        char *at = (char *)state + field->offset;
        int64_t number;
        switch (field->type) {
        case WT_STATE_INT:
            WT_TRY(wt_h5_read_attribute_int(file, "", field->name, &number));
            *(int *)at = (int)number;
            break;
        case WT_STATE_INT64: WT_TRY(wt_h5_read_attribute_int(file, "", field->name, (int64_t *)at)); break;
        case WT_STATE_REAL: WT_TRY(wt_h5_read_attribute_real(file, "", field->name, (double *)at)); break;
        case WT_STATE_TEXT: WT_TRY(wt_h5_read_attribute_text(file, "", field->name, at, field->room)); break;
        }
    }
    WT_TRY(wt_read_normalization(file, path, &state->normalization));
    return wt_read_norms(file, path, state->norms);
}

/* --- writing --- */

static const char *const wt_tensor_groups[] = {[WT_TENSOR_PARAMETER] = "parameters",
                                               [WT_TENSOR_FIRST] = "optimizer/first",
                                               [WT_TENSOR_SECOND] = "optimizer/second",
                                               [WT_TENSOR_AVERAGE] = "ema"};

static void wt_tensor_path(char out[128], wt_tensor_kind kind, const char *name) {
    snprintf(out, 128, "%s/%s", wt_tensor_groups[kind], name);
}

static wt_status wt_write_tensor(wt_h5 *file, const wt_checkpoint_tensor *tensor) {
    const float *values[] = {tensor->parameter, tensor->first, tensor->second, tensor->average};
    wt_h5_shape shape = {.type = WT_H5_FLOAT, .rank = tensor->rank};
    for (int i = 0; i < tensor->rank; i++) shape.shape[i] = tensor->shape[i];
    for (int kind = 0; kind <= WT_TENSOR_AVERAGE; kind++) {
        char path[128];
        if (!values[kind]) continue;
        wt_tensor_path(path, (wt_tensor_kind)kind, tensor->name);
        WT_TRY(wt_h5_write(file, path, shape, values[kind], 0));
    }
    return WT_OK;
}

wt_status wt_checkpoint_build(char **bytes, size_t *size, const wt_checkpoint_state *state,
                              const wt_config *config, const wt_vocabulary *vocabulary,
                              const wt_checkpoint_tensor *tensors, int count) {
    wt_status status = WT_OK;
    wt_h5 *file = NULL;
    char *text = NULL;
    *bytes = NULL;
    *size = 0;
    WT_GUARD(wt_config_text(&text, config));
    WT_GUARD(wt_h5_create_image(&file, "the checkpoint"));
    WT_GUARD(wt_h5_write_attribute_text(file, "", "format", "wavetrain-checkpoint"));
    WT_GUARD(wt_h5_write_attribute_int(file, "", "version", WT_CHECKPOINT_VERSION));
    WT_GUARD(wt_h5_write_attribute_text(file, "", "config", text));
    WT_GUARD(wt_write_state(file, state));
    if (vocabulary && vocabulary->classes > 0) WT_GUARD(wt_vocabulary_write(file, vocabulary));
    for (int i = 0; i < count; i++) WT_GUARD(wt_write_tensor(file, &tensors[i]));
    WT_GUARD(wt_h5_image(bytes, size, file));
cleanup:
    if (file) {
        wt_status closed = wt_h5_close(file);
        if (status == WT_OK) status = closed;
    }
    wt_free(text);
    if (status != WT_OK) {
        wt_free(*bytes);
        *bytes = NULL;
    }
    return status;
}

wt_status wt_checkpoint_commit(const char *path, const char *bytes, size_t size) {
    wt_trailer trailer = wt_make_trailer(bytes, size);
    return wt_file_write_atomically(path, bytes, size, &trailer, sizeof trailer);
}

/* --- reading --- */

/* "5×4×3" */
static void wt_shape_text(char out[128], int rank, const int64_t *shape) {
    int used = 0;
    out[0] = '\0';
    for (int i = 0; i < rank; i++) {
        used += snprintf(out + used, 128 - (size_t)used, "%s%lld", i ? "×" : "", (long long)shape[i]);
    }
}

static wt_status wt_read_config(wt_checkpoint *checkpoint) {
    char *text;
    WT_TRY(wt_alloc(&text, WT_CONFIG_TEXT_MAX, 1, "a checkpoint's configuration"));
    wt_status status = wt_h5_read_attribute_text(checkpoint->file, "", "config", text, WT_CONFIG_TEXT_MAX);
    if (status == WT_OK) {
        status = wt_config_parse(&checkpoint->config, checkpoint->path, text, strlen(text), NULL, 0);
    }
    wt_free(text);
    return status;
}

static wt_status wt_read_heading(wt_checkpoint *checkpoint) {
    char format[64];
    int64_t version;
    WT_CHECK(wt_h5_has_attribute(checkpoint->file, "", "format"), WT_FAILED,
             "%s: is no checkpoint of wavetrain", checkpoint->path);
    WT_TRY(wt_h5_read_attribute_text(checkpoint->file, "", "format", format, sizeof format));
    WT_CHECK(strcmp(format, "wavetrain-checkpoint") == 0, WT_FAILED, "%s: is no checkpoint of wavetrain",
             checkpoint->path);
    WT_TRY(wt_h5_read_attribute_int(checkpoint->file, "", "version", &version));
    WT_CHECK(version == WT_CHECKPOINT_VERSION, WT_FAILED,
             "%s: the checkpoint is of another version of the format (got %lld, expected %d)",
             checkpoint->path, (long long)version, WT_CHECKPOINT_VERSION);
    WT_TRY(wt_read_state(checkpoint->file, checkpoint->path, &checkpoint->state));
    WT_TRY(wt_vocabulary_read(&checkpoint->vocabulary, checkpoint->file, checkpoint->path));
    WT_TRY(wt_read_config(checkpoint));
    bool text = checkpoint->config.data.quantization.kind == WT_QUANTIZATION_VOCABULARY;
    WT_CHECK(!text || checkpoint->vocabulary.classes > 0, WT_FAILED, "%s: damaged: its vocabulary is missing",
             checkpoint->path);
    return WT_OK;
}

wt_status wt_checkpoint_open(wt_checkpoint **out, const char *path) {
    wt_status status = WT_OK;
    wt_checkpoint *checkpoint;
    char *bytes = NULL;
    size_t all, size = 0;
    *out = NULL;
    WT_TRY(wt_alloc(&checkpoint, 1, sizeof *checkpoint, "the checkpoint"));
    WT_GUARD(wt_path_join(checkpoint->path, path, "") /* bounds the length */);
    snprintf(checkpoint->path, sizeof checkpoint->path, "%s", path);
    WT_GUARD(wt_file_read(&bytes, &all, path, WT_CHECKPOINT_LIMIT));
    WT_GUARD(wt_verify(&size, path, bytes, all));
    WT_GUARD(wt_h5_open_image(&checkpoint->file, path, bytes, size));
    WT_GUARD(wt_read_heading(checkpoint));
    *out = checkpoint;
    checkpoint = NULL;
cleanup:
    wt_free(bytes);
    wt_checkpoint_close(checkpoint);
    return status;
}

void wt_checkpoint_close(wt_checkpoint *checkpoint) {
    if (!checkpoint) return;
    wt_h5_close(checkpoint->file);
    wt_vocabulary_dispose(&checkpoint->vocabulary);
    wt_free(checkpoint);
}

const char *wt_checkpoint_path(const wt_checkpoint *checkpoint) {
    return checkpoint->path;
}

const wt_checkpoint_state *wt_checkpoint_get_state(const wt_checkpoint *checkpoint) {
    return &checkpoint->state;
}

const wt_config *wt_checkpoint_get_config(const wt_checkpoint *checkpoint) {
    return &checkpoint->config;
}

const wt_vocabulary *wt_checkpoint_get_vocabulary(const wt_checkpoint *checkpoint) {
    return &checkpoint->vocabulary;
}

wt_quantization wt_checkpoint_quantization(const wt_checkpoint *checkpoint) {
    wt_quantization quantization = checkpoint->config.data.quantization;
    if (quantization.kind != WT_QUANTIZATION_VOCABULARY) return quantization;
    quantization.levels = checkpoint->vocabulary.classes;
    quantization.padding = wt_vocabulary_padding(&checkpoint->vocabulary);
    return quantization;
}

wt_status wt_checkpoint_read(wt_checkpoint *checkpoint, wt_tensor_kind kind, const char *name, int rank,
                             const int64_t *shape, float *values) {
    char path[128], got[128], expected[128];
    wt_h5_shape found;
    wt_tensor_path(path, kind, name);
    WT_CHECK(wt_h5_has(checkpoint->file, path), WT_FAILED,
             "%s: the checkpoint is of another architecture (it has no %s)", checkpoint->path, path);
    WT_TRY(wt_h5_inspect(checkpoint->file, path, &found));
    bool same = found.rank == rank && found.type == WT_H5_FLOAT;
    for (int i = 0; same && i < rank; i++) same = found.shape[i] == shape[i];
    wt_shape_text(got, found.rank, found.shape);
    wt_shape_text(expected, rank, shape);
    WT_CHECK(same, WT_FAILED, "%s: the checkpoint is of another architecture (%s: got shape %s, expected %s)",
             checkpoint->path, path, got, expected);
    return wt_h5_read(checkpoint->file, path, WT_H5_FLOAT, values);
}

wt_status wt_checkpoint_names(wt_checkpoint *checkpoint, char ***names, size_t *count) {
    return wt_h5_list(checkpoint->file, wt_tensor_groups[WT_TENSOR_PARAMETER], names, count);
}
