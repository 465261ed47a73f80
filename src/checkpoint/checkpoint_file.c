/*
 * One checkpoint file: built as an HDF5 image in memory, hashed, written with plain writes and a trailer, and
 * committed by rename. HDF5 does not report a full disk reliably, plain writes do; and a reader knows from
 * the trailer that the file is whole before HDF5 parses a byte of it. The price is a copy of the state in
 * memory.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "checkpoint/checkpoint_write.h"
#include "checkpoint_internal.h"
#include "data/vocabulary.h"
#include "export/nam.h"
#include "export/safetensors.h"

enum { WT_CHECKPOINT_VERSION = 1 };

#define WT_CHECKPOINT_LIMIT ((size_t)1 << 40) /* bytes of a file that is read */

/* --- trailer --- */

typedef struct {
    char magic[16];
    uint64_t bytes, hash_high, hash_low; /* little-endian */
} wt_trailer;

static const char wt_trailer_magic[17] = "wavetrain-end-1\n";

bool wt_checkpoint_may_pass_over(wt_status status) {
    return status == WT_FAILED && !wt_error_is_transient();
}

static wt_trailer make_trailer(const char *bytes, size_t size) {
    wt_hash hash = wt_hash_bytes(bytes, size, 0);
    wt_trailer trailer = {
        .bytes = htole64(size), .hash_high = htole64(hash.high), .hash_low = htole64(hash.low)};
    memcpy(trailer.magic, wt_trailer_magic, sizeof trailer.magic);
    return trailer;
}

/* The size of the HDF5 part, once it is known to be whole. */
static wt_status verify_trailer(size_t *size, const char *path, const char *bytes, size_t all) {
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
    wt_trailer made = make_trailer(bytes, all - sizeof found);
    WT_CHECK(memcmp(&made, &found, sizeof made) == 0, WT_FAILED,
             "%s: the checkpoint is damaged (its hash differs)", path);
    *size = all - sizeof found;
    return WT_OK;
}

/* --- other programs' files, read as checkpoints --- */

static const struct {
    bool (*recognise)(const char *bytes, size_t size);
    wt_foreign_reader *convert;
} foreign[] = {
    {wt_nam_recognise, wt_checkpoint_from_nam},
    {wt_safetensors_recognise, wt_checkpoint_from_safetensors},
};

/* NULL: it is none of them. */
static wt_foreign_reader *find_foreign(const char *bytes, size_t size) {
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (foreign[i].recognise(bytes, size)) return foreign[i].convert;
    }
    return NULL;
}

/* They have no trailer: the hash of all. */
static wt_status seal_foreign(char seal[WT_HASH_TEXT], const char *path) {
    char *bytes;
    size_t size;
    WT_TRY(wt_file_read(&bytes, &size, path, WT_CHECKPOINT_LIMIT));
    const bool recognised = find_foreign(bytes, size) != NULL;
    if (recognised) wt_hash_print(seal, wt_hash_bytes(bytes, size, 0));
    wt_free(bytes);
    WT_CHECK(recognised, WT_FAILED, "%s: is no whole checkpoint (the trailer is missing)", path);
    return WT_OK;
}

wt_status wt_checkpoint_seal(char seal[WT_HASH_TEXT], const char *path) {
    wt_trailer found;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    WT_CHECK(file >= 0, WT_FAILED, "%s: can't be opened (%s)", path, strerror(errno));
    const off_t start = lseek(file, -(off_t)sizeof found, SEEK_END);
    const ssize_t bytes = start < 0 ? -1 : pread(file, &found, sizeof found, start);
    close(file);
    if (bytes == (ssize_t)sizeof found && memcmp(found.magic, wt_trailer_magic, sizeof found.magic) == 0) {
        wt_hash_print(seal, wt_hash_bytes(&found, sizeof found, 0));
        return WT_OK;
    }
    return seal_foreign(seal, path);
}

/* --- writing --- */

static const char new_name[] = "the new checkpoint"; /* in messages */

static const char *const wt_tensor_groups[] = {[WT_TENSOR_PARAMETER] = "parameters",
                                               [WT_TENSOR_FIRST] = "optimizer/first",
                                               [WT_TENSOR_SECOND] = "optimizer/second",
                                               [WT_TENSOR_AVERAGE] = "ema"};

static void format_tensor_path(char out[128], wt_tensor_kind kind, const char *name) {
    snprintf(out, 128, "%s/%s", wt_tensor_groups[kind], name);
}

static size_t count_elements(int rank, const int64_t *shape) {
    size_t count = 1;
    for (int i = 0; i < rank; i++) count *= (size_t)shape[i];
    return count;
}

static wt_status write_tensor(wt_h5 *file, const wt_checkpoint_tensor *tensor) {
    const float *values[] = {tensor->parameter, tensor->first, tensor->second, tensor->average};
    wt_h5_shape shape = {.type = WT_H5_FLOAT, .rank = tensor->rank};
    for (int i = 0; i < tensor->rank; i++) shape.shape[i] = tensor->shape[i];
    for (int kind = 0; kind <= WT_TENSOR_AVERAGE; kind++) {
        char path[128];
        if (!values[kind]) continue;
        format_tensor_path(path, (wt_tensor_kind)kind, tensor->name);
        WT_TRY(wt_state_check_tensor(new_name, path, values[kind],
                                     count_elements(tensor->rank, tensor->shape), kind == WT_TENSOR_SECOND));
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
    WT_GUARD(wt_state_check(new_name, state, config)); /* what nobody would read is not written */
    WT_GUARD(wt_h5_create_image(&file, new_name));
    WT_GUARD(wt_h5_write_attribute_text(file, "", "format", "wavetrain-checkpoint"));
    WT_GUARD(wt_h5_write_attribute_int(file, "", "version", WT_CHECKPOINT_VERSION));
    WT_GUARD(wt_h5_write_attribute_text(file, "", "config", text));
    WT_GUARD(wt_state_write(file, state));
    if (vocabulary && vocabulary->classes > 0) WT_GUARD(wt_vocabulary_write(file, vocabulary));
    for (int i = 0; i < count; i++) WT_GUARD(write_tensor(file, &tensors[i]));
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
    wt_trailer trailer = make_trailer(bytes, size);
    return wt_file_write_atomically(path, bytes, size, &trailer, sizeof trailer);
}

/* --- reading --- */

/* "5×4×3" */
static void format_shape(char out[128], int rank, const int64_t *shape) {
    int used = 0;
    out[0] = '\0';
    for (int i = 0; i < rank; i++) {
        used += snprintf(out + used, 128 - (size_t)used, "%s%lld", i ? "×" : "", (long long)shape[i]);
    }
}

static wt_status read_stored_config(wt_checkpoint *checkpoint) {
    char *text;
    WT_TRY(wt_alloc(&text, WT_CONFIG_TEXT_MAX, 1, "a checkpoint's configuration"));
    wt_status status = wt_h5_read_attribute_text(checkpoint->file, "", "config", text, WT_CONFIG_TEXT_MAX);
    if (status == WT_OK) {
        status = wt_config_parse_stored(&checkpoint->config, checkpoint->path, text);
        if (status == WT_USAGE) status = wt_error(WT_FAILED, "%s", wt_error_message()); /* not the user's */
    }
    wt_free(text);
    return status;
}

/* Every number of one group of tensors; a file may have no such group. Memory is taken for what the file has
 * stored. */
static wt_status check_group(wt_checkpoint *checkpoint, wt_tensor_kind kind) {
    wt_status status = WT_OK;
    char **names = NULL, path[128];
    float *values = NULL;
    size_t tensors = 0, capacity = 0;
    if (!wt_h5_has(checkpoint->file, wt_tensor_groups[kind])) return WT_OK;
    WT_GUARD(wt_h5_list(checkpoint->file, wt_tensor_groups[kind], &names, &tensors));
    for (size_t t = 0; t < tensors; t++) {
        wt_h5_shape found;
        format_tensor_path(path, kind, names[t]);
        WT_GUARD(wt_h5_inspect(checkpoint->file, path, &found));
        WT_GUARD_CHECK(found.type == WT_H5_FLOAT, WT_FAILED,
                       "%s: damaged: %s has a foreign type (expected 32 bit floats)", checkpoint->path, path);
        const size_t count = count_elements(found.rank, found.shape);
        if (count > capacity) {
            wt_free(values);
            values = NULL;
            WT_GUARD(wt_alloc(&values, count, sizeof *values, "a tensor"));
            capacity = count;
        }
        if (count) WT_GUARD(wt_h5_read(checkpoint->file, path, WT_H5_FLOAT, values));
        WT_GUARD(wt_state_check_tensor(checkpoint->path, path, values, count, kind == WT_TENSOR_SECOND));
    }
cleanup:
    wt_free(values);
    wt_h5_free_texts(names, tensors);
    return status;
}

static wt_status check_contents(wt_checkpoint *checkpoint) {
    WT_TRY(wt_state_check(checkpoint->path, &checkpoint->state, &checkpoint->config));
    for (int kind = 0; kind <= WT_TENSOR_AVERAGE; kind++)
        WT_TRY(check_group(checkpoint, (wt_tensor_kind)kind));
    return WT_OK;
}

static wt_status read_header(wt_checkpoint *checkpoint) {
    char format[64];
    int64_t version;
    WT_CHECK(wt_h5_has_attribute(checkpoint->file, "", "format"), WT_FAILED,
             "%s: is no checkpoint of wavetrain", checkpoint->path);
    WT_TRY(wt_h5_read_attribute_text(checkpoint->file, "", "format", format, sizeof format));
    WT_CHECK(strcmp(format, "wavetrain-checkpoint") == 0, WT_FAILED, "%s: is no checkpoint of wavetrain",
             checkpoint->path);
    WT_TRY(wt_h5_read_attribute_int(checkpoint->file, "", "version", &version));
    WT_CHECK(version <= WT_CHECKPOINT_VERSION, WT_USAGE,
             "%s: written by a newer wavetrain (got version %lld of the format, expected at most %d)",
             checkpoint->path, (long long)version, WT_CHECKPOINT_VERSION);
    WT_CHECK(version >= 1, WT_FAILED, "%s: damaged: version (got %lld, expected at least 1)",
             checkpoint->path, (long long)version);
    WT_TRY(wt_state_read(checkpoint->file, checkpoint->path, &checkpoint->state));
    WT_TRY(wt_vocabulary_read(&checkpoint->vocabulary, checkpoint->file, checkpoint->path));
    WT_TRY(read_stored_config(checkpoint));
    bool text = checkpoint->config.data.quantization.kind == WT_QUANTIZATION_VOCABULARY;
    WT_CHECK(!text || checkpoint->vocabulary.classes > 0, WT_FAILED, "%s: damaged: its vocabulary is missing",
             checkpoint->path);
    return WT_OK;
}

wt_status wt_checkpoint_open_once(wt_checkpoint **out, const char *path) {
    wt_status status = WT_OK;
    wt_checkpoint *checkpoint;
    char *bytes = NULL, *image = NULL;
    size_t all, size = 0;
    *out = NULL;
    WT_TRY(wt_alloc(&checkpoint, 1, sizeof *checkpoint, "the checkpoint"));
    WT_GUARD(wt_path_join(checkpoint->path, path, "") /* bounds the length */);
    snprintf(checkpoint->path, sizeof checkpoint->path, "%s", path);
    WT_GUARD(wt_file_read(&bytes, &all, path, WT_CHECKPOINT_LIMIT));
    wt_foreign_reader *convert = find_foreign(bytes, all);
    if (convert) {
        WT_GUARD(convert(&image, &size, &(wt_foreign){path, bytes, all}, &checkpoint->bare));
    } else {
        WT_GUARD(verify_trailer(&size, path, bytes, all));
    }
    WT_GUARD(wt_h5_open_image(&checkpoint->file, path, image ? image : bytes, size));
    WT_GUARD(read_header(checkpoint));
    WT_GUARD(check_contents(checkpoint));
    *out = checkpoint;
    checkpoint = NULL;
cleanup:
    wt_free(image);
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

const char *wt_checkpoint_dataset_path(const wt_checkpoint *checkpoint) {
    const char *named = checkpoint->config.data.path, *had = checkpoint->state.dataset_path;
    return !wt_path_exists(named) && *had && wt_path_exists(had) ? had : named;
}

bool wt_checkpoint_is_bare(const wt_checkpoint *checkpoint) {
    return checkpoint->bare;
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

wt_status wt_checkpoint_check_shape(wt_checkpoint *checkpoint, wt_tensor_kind kind, const char *name,
                                    int rank, const int64_t *shape) {
    char path[128], got[128], expected[128];
    wt_h5_shape found;
    format_tensor_path(path, kind, name);
    WT_CHECK(wt_h5_has(checkpoint->file, path), WT_FAILED,
             "%s: the checkpoint is of another architecture (it has no %s)", checkpoint->path, path);
    WT_TRY(wt_h5_inspect(checkpoint->file, path, &found));
    bool same = found.rank == rank && found.type == WT_H5_FLOAT;
    for (int i = 0; same && i < rank; i++) same = found.shape[i] == shape[i];
    format_shape(got, found.rank, found.shape);
    format_shape(expected, rank, shape);
    WT_CHECK(same, WT_FAILED, "%s: the checkpoint is of another architecture (%s: got shape %s, expected %s)",
             checkpoint->path, path, got, expected);
    return WT_OK;
}

wt_status wt_checkpoint_read(wt_checkpoint *checkpoint, wt_tensor_kind kind, const char *name, int rank,
                             const int64_t *shape, float *values) {
    char path[128];
    WT_TRY(wt_checkpoint_check_shape(checkpoint, kind, name, rank, shape));
    format_tensor_path(path, kind, name);
    return wt_h5_read(checkpoint->file, path, WT_H5_FLOAT, values);
}

wt_status wt_checkpoint_names(wt_checkpoint *checkpoint, char ***names, size_t *count) {
    return wt_h5_list(checkpoint->file, wt_tensor_groups[WT_TENSOR_PARAMETER], names, count);
}
