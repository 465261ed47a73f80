/*
 * The state of a checkpoint: one table says how each field is stored and which values it may have. A file
 * whose hash is right can still hold values that no run has (another program has written it, or memory was
 * damaged before the hash was made), and some of them would write out of bounds or train for ever; so both
 * the reader and the writer check every field, what fields say of each other, and every number of the
 * tensors.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint/checkpoint_write.h"
#include "checkpoint_internal.h"
#include "data/dataset.h"
#include "wavetrain/data.h"

/* --- the table --- */

typedef enum { STATE_INT, STATE_INT64, STATE_REAL, STATE_TEXT } field_type;

/* What a value may be besides a number of the range. */
typedef enum { FIELD_PLAIN = 0, FIELD_NEWER = 1, FIELD_NAN = 2, FIELD_DIGEST = 4 } field_flags;

typedef struct {
    const char *name;
    field_type type;
    size_t offset, capacity;
    double min, max;
    int flags;
} state_field;

#define COUNT_MAX 9007199254740992.0 /* 2^53: beyond it a double skips integers */
/* An attribute's name and the member that it has; FIELD: of the same name. */
#define FIELD_OF(name_, member_, type_, min_, max_, flags_)                                                 \
    {                                                                                                       \
#name_, type_, offsetof(wt_checkpoint_state, member_), sizeof(((wt_checkpoint_state *)0)->member_), \
            min_, max_, flags_                                                                              \
    }
#define FIELD(name_, type_, min_, max_, flags_) FIELD_OF(name_, name_, type_, min_, max_, flags_)

/* FIELD_NEWER: absent in older files. FIELD_NAN: may be NaN, which means that there is none yet.
 * FIELD_DIGEST: a text of hexadecimal digits. */
static const state_field state_fields[] = {
    FIELD(step, STATE_INT64, 0, COUNT_MAX, FIELD_PLAIN),
    FIELD(updates, STATE_INT64, 0, COUNT_MAX, FIELD_PLAIN),
    FIELD(sample_rate, STATE_INT, 1, WT_SHARD_RATE_MAX, FIELD_PLAIN),
    FIELD(channels, STATE_INT, 1, WT_SHARD_CHANNELS_MAX, FIELD_PLAIN),
    FIELD(ranks, STATE_INT, 1, 1 << 24, FIELD_PLAIN),
    FIELD(threads, STATE_INT, 1, 1 << 16, FIELD_PLAIN),
    FIELD(validation_loss, STATE_REAL, -INFINITY, INFINITY, FIELD_NAN),
    FIELD(best_validation_loss, STATE_REAL, -DBL_MAX, DBL_MAX, FIELD_NAN),
    FIELD(best_step, STATE_INT64, -1, COUNT_MAX, FIELD_PLAIN),
    FIELD(seconds, STATE_REAL, 0, 1e12, FIELD_PLAIN),
    FIELD(dataset, STATE_TEXT, 0, 0, FIELD_DIGEST),
    FIELD(dataset_path, STATE_TEXT, 0, 0, FIELD_NEWER),
    FIELD(numerics, STATE_TEXT, 0, 0, FIELD_PLAIN),
    FIELD_OF(rate_scale, guard.rate_scale, STATE_REAL, DBL_MIN, 1, FIELD_PLAIN),
    FIELD_OF(rollbacks, guard.rollbacks, STATE_INT, 0, 1000000, FIELD_PLAIN),
    FIELD_OF(skipped_in_row, guard.skipped_in_row, STATE_INT, 0, 1000000, FIELD_PLAIN),
    FIELD_OF(skipped, guard.skipped, STATE_INT64, 0, COUNT_MAX, FIELD_PLAIN),
    FIELD_OF(norm_count, guard.norm_count, STATE_INT64, 0, COUNT_MAX, FIELD_PLAIN),
    FIELD(stale, STATE_INT, 0, INT32_MAX, FIELD_NEWER),
    FIELD_OF(plateau_best, plateau.best, STATE_REAL, -DBL_MAX, INFINITY, FIELD_NEWER),
    FIELD_OF(plateau_scale, plateau.scale, STATE_REAL, DBL_MIN, 1, FIELD_NEWER),
    FIELD_OF(plateau_bad, plateau.bad, STATE_INT, 0, INT32_MAX, FIELD_NEWER),
    FIELD_OF(plateau_cooldown, plateau.cooldown, STATE_INT, 0, INT32_MAX, FIELD_NEWER),
    FIELD(outputs, STATE_INT, 0, WT_LABEL_CLASSES_MAX, FIELD_NEWER),
    FIELD(validation_power, STATE_REAL, 0, DBL_MAX, FIELD_NEWER),
    FIELD(planned_step, STATE_INT64, -1, COUNT_MAX, FIELD_NEWER),
    FIELD_OF(validation_due, due.validation, STATE_INT, 0, 1, FIELD_NEWER),
    FIELD_OF(due_loss, due.loss, STATE_REAL, -INFINITY, INFINITY, FIELD_NEWER | FIELD_NAN),
    FIELD_OF(due_silence, due.silence, STATE_REAL, 0, 1, FIELD_NEWER | FIELD_NAN),
    FIELD_OF(due_norm, due.norm, STATE_REAL, 0, INFINITY, FIELD_NEWER | FIELD_NAN),
    FIELD_OF(due_rate, due.rate, STATE_REAL, 0, DBL_MAX, FIELD_NEWER),
    FIELD_OF(due_speed, due.speed, STATE_REAL, 0, INFINITY, FIELD_NEWER | FIELD_NAN),
    FIELD(uncompared, STATE_INT, 0, 1, FIELD_NEWER),
    FIELD(speakers, STATE_INT, 0, 1 << 20, FIELD_NEWER),
};
enum { STATE_FIELDS = sizeof state_fields / sizeof *state_fields };

static const char norms_name[] = "state/norms";
static const wt_h5_shape norms_shape = {.type = WT_H5_DOUBLE, .rank = 1, .shape = {WT_NORM_RING}};

static const char normalization_name[] = "state/normalization";
static const char features_name[] = "state/features";

/* --- checks --- */

static wt_status check_integer(const state_field *field, const char *path, int64_t value) {
    const bool fits = (double)value >= field->min && (double)value <= field->max;
    WT_CHECK(fits, WT_FAILED, "%s: damaged: %s is out of range (got %lld, expected %.0f to %.0f)", path,
             field->name, (long long)value, field->min, field->max);
    return WT_OK;
}

static wt_status check_state_real(const state_field *field, const char *path, double value) {
    const bool fits = isnan(value) ? (field->flags & FIELD_NAN) != 0
                                   : value >= field->min && value <= field->max;
    WT_CHECK(fits, WT_FAILED, "%s: damaged: %s is out of range (got %g, expected %g to %g)", path,
             field->name, value, field->min, field->max);
    return WT_OK;
}

static wt_status check_state_text(const state_field *field, const char *path, const char *text) {
    if (!(field->flags & FIELD_DIGEST)) return WT_OK;
    const size_t digits = WT_HASH_TEXT - 1;
    WT_CHECK(strlen(text) == digits && strspn(text, "0123456789abcdef") == digits, WT_FAILED,
             "%s: damaged: %s is no digest (got '%s', expected %zu hexadecimal digits)", path, field->name,
             text, digits);
    return WT_OK;
}

static wt_status check_state_field(const state_field *field, const char *path,
                                   const wt_checkpoint_state *state) {
    const char *at = (const char *)state + field->offset;
    switch (field->type) {
    case STATE_INT: return check_integer(field, path, *(const int *)at);
    case STATE_INT64: return check_integer(field, path, *(const int64_t *)at);
    case STATE_REAL: return check_state_real(field, path, *(const double *)at);
    case STATE_TEXT: return check_state_text(field, path, at);
    }
    return WT_OK;
}

/* What fields say of each other: every step is an update or was skipped, and nothing was counted after the
 * last. */
static wt_status check_counts(const char *path, const wt_checkpoint_state *state, const wt_config *config) {
    const struct {
        const char *name, *limit;
        int64_t value, min, max;
    } counts[] = {
        {"step", "updates to updates + skipped", state->step, state->updates,
         state->updates + state->guard.skipped},
        {"step", "0 to train.steps", state->step, 0, config->train.steps},
        {"best_step", "-1 to step", state->best_step, -1, state->step},
        {"planned_step", "-1 to step", state->planned_step, -1, state->step},
        {"norm_count", "0 to step", state->guard.norm_count, 0, state->step},
        {"skipped_in_row", "0 to skipped", state->guard.skipped_in_row, 0, state->guard.skipped},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        WT_CHECK(counts[i].value >= counts[i].min && counts[i].value <= counts[i].max, WT_FAILED,
                 "%s: damaged: %s is out of range (got %lld, expected %s, %lld to %lld)", path,
                 counts[i].name, (long long)counts[i].value, counts[i].limit, (long long)counts[i].min,
                 (long long)counts[i].max);
    }
    return WT_OK;
}

static wt_status check_norms(const char *path, const wt_checkpoint_state *state) {
    for (int i = 0; i < WT_NORM_RING; i++) {
        const double norm = state->guard.norms[i];
        WT_CHECK(isfinite(norm) && norm >= 0, WT_FAILED,
                 "%s: damaged: %s is out of range at element %d (got %g, expected 0 to %g)", path, norms_name,
                 i, norm, DBL_MAX);
    }
    return WT_OK;
}

static wt_status check_normalization(const char *path, const wt_normalization *normalization) {
    for (int c = 0; c < normalization->channels; c++) {
        const double mean = normalization->mean[c], deviation = normalization->deviation[c];
        WT_CHECK(isfinite(mean) && isfinite(deviation) && deviation > 0, WT_FAILED,
                 "%s: damaged: wrong %s of channel %d (got mean %g, deviation %g)", path, normalization_name,
                 c, mean, deviation);
    }
    return WT_OK;
}

wt_status wt_state_check(const char *path, const wt_checkpoint_state *state, const wt_config *config) {
    for (int i = 0; i < STATE_FIELDS; i++) WT_TRY(check_state_field(&state_fields[i], path, state));
    WT_TRY(check_norms(path, state));
    WT_TRY(check_normalization(path, &state->normalization));
    WT_TRY(wt_dataset_check_features(&state->features, path));
    return check_counts(path, state, config);
}

wt_status wt_state_check_tensor(const char *path, const char *name, const float *values, size_t count,
                                bool square) {
    const float min = square ? 0 : -FLT_MAX;
    bool fits = true;
    for (size_t i = 0; i < count; i++) fits &= values[i] >= min && values[i] <= FLT_MAX;
    for (size_t i = 0; !fits && i < count; i++) {
        WT_CHECK(values[i] >= min && values[i] <= FLT_MAX, WT_FAILED,
                 "%s: damaged: %s is out of range at element %zu (got %g, expected %g to %g)", path, name, i,
                 (double)values[i], (double)min, (double)FLT_MAX);
    }
    return WT_OK;
}

void wt_state_begin(wt_checkpoint_state *state) {
    *state = (wt_checkpoint_state){.sample_rate = 1,
                                   .channels = 1,
                                   .ranks = 1,
                                   .threads = 1,
                                   .validation_loss = NAN,
                                   .best_validation_loss = NAN,
                                   .best_step = -1,
                                   .planned_step = -1,
                                   .names.classes.background = -1,
                                   .guard.rate_scale = 1,
                                   .plateau.best = INFINITY,
                                   .plateau.scale = 1};
    wt_hash_print(state->dataset, (wt_hash){0, 0});
}

/* --- writing --- */

/* Mean and deviation, a row each. */
static wt_status write_normalization(wt_h5 *file, const wt_normalization *normalization) {
    const int channels = normalization->channels;
    const wt_h5_shape shape = {.type = WT_H5_DOUBLE, .rank = 2, .shape = {2, channels}};
    double values[2 * WT_NORMALIZED_MAX];
    if (channels == 0) return WT_OK;
    memcpy(values, normalization->mean, (size_t)channels * sizeof *values);
    memcpy(values + channels, normalization->deviation, (size_t)channels * sizeof *values);
    return wt_h5_write(file, normalization_name, shape, values, 0);
}

static wt_status write_features(wt_h5 *file, const wt_features *features) {
    const size_t bytes = (size_t)features->count * sizeof *features->mean;
    const wt_h5_shape shape = {.type = WT_H5_DOUBLE, .rank = 2, .shape = {2, features->count}};
    double values[2 * WT_FEATURES_MAX];
    if (features->count == 0) return WT_OK;
    memcpy(values, features->mean, bytes);
    memcpy(values + features->count, features->deviation, bytes);
    WT_TRY(wt_h5_write_attribute_int(file, "", "features_hop", features->hop));
    WT_TRY(wt_h5_write_attribute_int(file, "", "features_centre", features->centre));
    WT_TRY(wt_h5_write_attribute_text(file, "", "features_text", features->text));
    return wt_h5_write(file, features_name, shape, values, 0);
}

static wt_status write_known_names(wt_h5 *file, const wt_learnt_names *names) {
    if (*names->speakers) WT_TRY(wt_h5_write_attribute_text(file, "", "speaker_names", names->speakers));
    return *names->classes.names ? wt_class_names_write(file, &names->classes) : WT_OK;
}

static wt_status write_field(wt_h5 *file, const state_field *field, const wt_checkpoint_state *state) {
    const char *at = (const char *)state + field->offset;
    switch (field->type) {
    case STATE_INT: return wt_h5_write_attribute_int(file, "", field->name, *(const int *)at);
    case STATE_INT64: return wt_h5_write_attribute_int(file, "", field->name, *(const int64_t *)at);
    case STATE_REAL: return wt_h5_write_attribute_real(file, "", field->name, *(const double *)at);
    case STATE_TEXT: return wt_h5_write_attribute_text(file, "", field->name, at);
    }
    return WT_OK;
}

wt_status wt_state_write(wt_h5 *file, const wt_checkpoint_state *state) {
    for (int i = 0; i < STATE_FIELDS; i++) WT_TRY(write_field(file, &state_fields[i], state));
    WT_TRY(write_normalization(file, &state->normalization));
    WT_TRY(write_features(file, &state->features));
    WT_TRY(write_known_names(file, &state->names));
    return wt_h5_write(file, norms_name, norms_shape, state->guard.norms, 0);
}

/* --- reading --- */

/* An integer is checked before it is narrowed. */
static wt_status read_state_field(wt_h5 *file, const char *path, const state_field *field,
                                  wt_checkpoint_state *state) {
    char *at = (char *)state + field->offset;
    int64_t number;
    switch (field->type) {
    case STATE_REAL: return wt_h5_read_attribute_real(file, "", field->name, (double *)at);
    case STATE_TEXT: return wt_h5_read_attribute_text(file, "", field->name, at, field->capacity);
    case STATE_INT:
    case STATE_INT64: break;
    }
    WT_TRY(wt_h5_read_attribute_int(file, "", field->name, &number));
    WT_TRY(check_integer(field, path, number));
    if (field->type == STATE_INT) {
        *(int *)at = (int)number;
    } else {
        *(int64_t *)at = number;
    }
    return WT_OK;
}

static wt_status read_state_normalization(wt_h5 *file, const char *path, wt_normalization *normalization) {
    wt_h5_shape found;
    double values[2 * WT_NORMALIZED_MAX];
    if (!wt_h5_has(file, normalization_name)) return WT_OK;
    WT_TRY(wt_h5_inspect(file, normalization_name, &found));
    WT_CHECK(found.rank == 2 && found.shape[0] == 2 && found.shape[1] >= 1 &&
                 found.shape[1] <= WT_NORMALIZED_MAX,
             WT_FAILED, "%s: %s has another shape (expected 2 rows of at most %d channels)", path,
             normalization_name, WT_NORMALIZED_MAX);
    WT_TRY(wt_h5_read(file, normalization_name, WT_H5_DOUBLE, values));
    const int channels = normalization->channels = (int)found.shape[1];
    memcpy(normalization->mean, values, (size_t)channels * sizeof *values);
    memcpy(normalization->deviation, values + channels, (size_t)channels * sizeof *values);
    return WT_OK;
}

static wt_status read_features(wt_h5 *file, const char *path, wt_features *features) {
    wt_h5_shape found;
    int64_t hop, centre;
    double values[2 * WT_FEATURES_MAX];
    if (!wt_h5_has(file, features_name)) return WT_OK;
    WT_TRY(wt_h5_inspect(file, features_name, &found));
    WT_CHECK(found.rank == 2 && found.shape[0] == 2 && found.shape[1] >= 1 &&
                 found.shape[1] <= WT_FEATURES_MAX,
             WT_FAILED, "%s: %s has another shape (expected 2 rows of at most %d numbers)", path,
             features_name, WT_FEATURES_MAX);
    WT_TRY(wt_h5_read_attribute_int(file, "", "features_hop", &hop));
    WT_TRY(wt_h5_read_attribute_int(file, "", "features_centre", &centre));
    WT_TRY(wt_h5_read_attribute_text(file, "", "features_text", features->text, sizeof features->text));
    WT_CHECK(hop >= 1 && hop <= WT_FEATURES_HOP_MAX && centre >= 0 && centre <= WT_FEATURES_HOP_MAX,
             WT_FAILED, "%s: damaged: features_hop or features_centre is out of range (got %lld, %lld)", path,
             (long long)hop, (long long)centre);
    WT_TRY(wt_h5_read(file, features_name, WT_H5_DOUBLE, values));
    features->count = (int)found.shape[1];
    features->hop = (int)hop;
    features->centre = (int)centre;
    memcpy(features->mean, values, (size_t)features->count * sizeof *values);
    memcpy(features->deviation, values + features->count, (size_t)features->count * sizeof *values);
    return WT_OK;
}

static wt_status read_norms(wt_h5 *file, const char *path, double *norms) {
    wt_h5_shape found;
    WT_TRY(wt_h5_inspect(file, norms_name, &found));
    WT_CHECK(found.rank == 1 && found.shape[0] == WT_NORM_RING, WT_FAILED,
             "%s: %s has another shape (got %lld, expected %d)", path, norms_name, (long long)found.shape[0],
             WT_NORM_RING);
    return wt_h5_read(file, norms_name, WT_H5_DOUBLE, norms);
}

wt_status wt_state_read(wt_h5 *file, const char *path, wt_checkpoint_state *state) {
    state->plateau.best = INFINITY; /* of a file without them; the others are 0 */
    state->plateau.scale = 1.0;
    state->planned_step = -1;
    for (int i = 0; i < STATE_FIELDS; i++) {
        const state_field *field = &state_fields[i];
        if ((field->flags & FIELD_NEWER) && !wt_h5_has_attribute(file, "", field->name)) continue;
        WT_TRY(read_state_field(file, path, field, state));
    }
    if (!wt_h5_has_attribute(file, "", "planned_step")) state->planned_step = state->step; /* all were */
    WT_TRY(read_state_normalization(file, path, &state->normalization));
    WT_TRY(read_features(file, path, &state->features));
    if (wt_h5_has_attribute(file, "", "speaker_names"))
        WT_TRY(wt_h5_read_attribute_text(file, "", "speaker_names", state->names.speakers,
                                         sizeof state->names.speakers));
    WT_TRY(wt_class_names_read(&state->names.classes, file, path, state->outputs));
    return read_norms(file, path, state->guard.norms);
}
