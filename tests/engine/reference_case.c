/* Reads a case of tests/reference through the project's own HDF5 and configuration modules, so that these are
 * tested along. Every shape is compared with what the configuration asks for: a file that does not fit is a
 * mistake of the file, and should not be taken for one of the network. */
#include "reference_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CONFIG_BYTES = 8192, NAME_BYTES = 96 };

static wt_status check_array_shape(const wt_reference_case *c, const char *name, int rank,
                                   const int64_t *expected) {
    wt_h5_shape shape;
    WT_TRY(wt_h5_inspect(c->file, name, &shape));
    WT_CHECK(shape.rank == rank, WT_FAILED, "%s: dimensions of %s (got %d, expected %d)", c->path, name,
             shape.rank, rank);
    for (int i = 0; i < rank; i++)
        WT_CHECK(shape.shape[i] == expected[i], WT_FAILED, "%s: dimension %d of %s (got %lld, expected %lld)",
                 c->path, i, name, (long long)shape.shape[i], (long long)expected[i]);
    return WT_OK;
}

static wt_status read_integer(const wt_reference_case *c, const char *name, int *value) {
    int64_t stored;
    WT_TRY(wt_h5_read_attribute_int(c->file, "", name, &stored));
    WT_CHECK(stored >= 0 && stored <= 65536, WT_FAILED, "%s: attribute %s (got %lld, expected 0 to 65536)",
             c->path, name, (long long)stored);
    *value = (int)stored;
    return WT_OK;
}

static wt_status make_case_network(wt_reference_case *c) {
    char text[CONFIG_BYTES];
    int classes = 0, channels = 0, values = 1, codes = 0;
    WT_TRY(wt_h5_read_attribute_text(c->file, "", "config", text, sizeof text));
    WT_TRY(wt_config_parse_stored(&c->config, c->path, text));
    WT_TRY(read_integer(c, "classes", &classes));
    WT_TRY(read_integer(c, "channels", &channels));
    if (wt_h5_has_attribute(c->file, "", "values")) {
        WT_TRY(read_integer(c, "values", &values));
        WT_TRY(read_integer(c, "codes", &codes));
    }
    int features = 0, hop = 0, speakers = 0;
    if (wt_h5_has_attribute(c->file, "", "features")) {
        WT_TRY(read_integer(c, "features", &features));
        WT_TRY(read_integer(c, "hop", &hop));
        WT_TRY(read_integer(c, "speakers", &speakers));
    }
    WT_TRY(read_integer(c, "receptive_field", &c->receptive_field));
    WT_TRY(read_integer(c, "batches", &c->batches));
    WT_TRY(read_integer(c, "lane_windows", &c->microbatch_windows));
    WT_CHECK(classes == c->config.data.quantization.levels, WT_FAILED,
             "%s: data.quantization (got %d levels, expected %d)", c->path,
             c->config.data.quantization.levels, classes);
    c->windows = c->config.train.batch;
    c->batch.channels = channels;
    const wt_data_config *data = &c->config.data;
    const wt_network_shape shape = {.input_classes = classes,
                                    .channels = channels,
                                    .classes = classes,
                                    .values = values,
                                    .codes = codes,
                                    .features = features,
                                    .hop = hop,
                                    .speakers = speakers,
                                    .window = data->stride > 0 ? data->window : 0};
    return wt_network_create_shaped(&c->network, &c->config.model, &shape);
}

static wt_status read_signal(wt_reference_case *c, size_t slots) {
    const wt_batch *b = &c->batch;
    int64_t shape[] = {c->batches, c->windows, wt_batch_rows(b), b->channels};
    size_t count = slots * (size_t)wt_batch_rows(b) * (size_t)b->channels;
    WT_TRY(check_array_shape(c, "signal", 4, shape));
    WT_TRY(wt_alloc(&c->batch.signal, count, sizeof(wt_real), "a reference signal"));
    return wt_h5_read(c->file, "signal", sizeof(wt_real) == sizeof(double) ? WT_H5_DOUBLE : WT_H5_FLOAT,
                      c->batch.signal);
}

static wt_status read_integers(wt_reference_case *c, const char *name, int rank, int last, int32_t **out) {
    int64_t shape[] = {c->batches, c->windows, last};
    WT_TRY(check_array_shape(c, name, rank, shape));
    WT_TRY(wt_alloc(out, (size_t)c->batch.windows * (size_t)last, sizeof(int32_t), name));
    return wt_h5_read(c->file, name, WT_H5_INT32, *out);
}

static wt_status read_case_values(wt_reference_case *c) {
    wt_batch *b = &c->batch;
    const int values = wt_network_get_traits(c->network)->values;
    const int64_t shape[] = {c->batches, c->windows, b->targets, values};
    WT_TRY(check_array_shape(c, "value", values > 1 ? 4 : 3, shape));
    WT_TRY(wt_alloc(&b->value, (size_t)b->windows * (size_t)(b->targets * values), sizeof(wt_real),
                    "reference values"));
    return wt_h5_read(c->file, "value", sizeof(wt_real) == sizeof(double) ? WT_H5_DOUBLE : WT_H5_FLOAT,
                      b->value);
}

static wt_status read_condition(wt_reference_case *c) {
    wt_batch *b = &c->batch;
    if (wt_network_get_traits(c->network)->speakers) WT_TRY(read_integers(c, "speaker", 2, 1, &b->speaker));
    if (wt_network_get_traits(c->network)->features == 0) return WT_OK;
    b->frames = wt_network_frames(c->network, b->targets);
    b->features = wt_network_get_traits(c->network)->features;
    const int64_t shape[] = {c->batches, c->windows, b->frames, b->features};
    WT_TRY(check_array_shape(c, "condition", 4, shape));
    WT_TRY(wt_alloc(&b->condition, (size_t)b->windows * (size_t)(b->frames * b->features), sizeof(wt_real),
                    "reference frames"));
    WT_TRY(wt_h5_read(c->file, "condition", sizeof(wt_real) == sizeof(double) ? WT_H5_DOUBLE : WT_H5_FLOAT,
                      b->condition));
    return read_integers(c, "phase", 2, 1, &b->phase);
}

static wt_status read_windows(wt_reference_case *c) {
    wt_batch *b = &c->batch;
    b->windows = c->batches * c->windows;
    b->targets = wt_network_targets(c->network, c->config.data.window, c->config.data.stride);
    b->context = c->receptive_field;
    WT_TRY(read_integers(c, "target_count", 2, 1, &b->target_count));
    WT_TRY(read_integers(c, "target", 3, b->targets, &b->target));
    if (wt_network_get_traits(c->network)->values > 0) WT_TRY(read_case_values(c));
    WT_TRY(read_condition(c));
    if (b->channels > 0) return read_signal(c, (size_t)b->windows);
    return read_integers(c, "classes", 3, wt_batch_rows(b), &b->classes);
}

wt_status wt_reference_open(wt_reference_case *c, const char *folder, const char *name) {
    memset(c, 0, sizeof *c);
    c->name = name;
    char base[NAME_BYTES];
    snprintf(base, sizeof base, "%s.h5", name);
    WT_TRY(wt_path_join(c->path, folder, base));
    WT_TRY(wt_h5_open(&c->file, c->path));
    WT_TRY(make_case_network(c));
    return read_windows(c);
}

void wt_reference_close(wt_reference_case *c) {
    wt_network_destroy(c->network);
    wt_free(c->batch.target_count);
    wt_free(c->batch.target);
    wt_free(c->batch.value);
    wt_free(c->batch.classes);
    wt_free(c->batch.signal);
    wt_free(c->batch.condition);
    wt_free(c->batch.phase);
    wt_free(c->batch.speaker);
    (void)wt_h5_close(c->file);
    memset(c, 0, sizeof *c);
}

wt_status wt_reference_read(const wt_reference_case *c, const char *name, double *values, size_t count) {
    wt_h5_shape shape;
    WT_TRY(wt_h5_inspect(c->file, name, &shape));
    size_t stored = 1;
    for (int i = 0; i < shape.rank; i++) stored *= (size_t)shape.shape[i];
    WT_CHECK(stored == count, WT_FAILED, "%s: %s (got %zu elements, expected %zu)", c->path, name, stored,
             count);
    return wt_h5_read(c->file, name, WT_H5_DOUBLE, values);
}

wt_status wt_reference_tensor(const wt_reference_case *c, const char *group, const wt_parameter *parameter,
                              double *values) {
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s/%s", group, parameter->name);
    WT_TRY(check_array_shape(c, name, parameter->rank, parameter->shape));
    return wt_h5_read(c->file, name, WT_H5_DOUBLE, values);
}

wt_status wt_reference_initial(const wt_reference_case *c, wt_real *flat) {
    const wt_parameter_table *table = wt_network_parameters(c->network);
    double *values = NULL;
    wt_real *torch = NULL;
    wt_status status = wt_alloc(&values, table->total, sizeof *values, "reference values");
    if (status != WT_OK) return status;
    WT_GUARD(wt_alloc(&torch, table->total, sizeof *torch, "reference values"));
    for (int p = 0; p < table->count; p++) {
        const wt_parameter *parameter = &table->entries[p];
        WT_GUARD(wt_reference_tensor(c, "parameters", parameter, values));
        for (size_t i = 0; i < parameter->count; i++) torch[i] = (wt_real)values[i];
        wt_parameter_import(parameter, torch, flat + parameter->offset);
    }
cleanup:
    wt_free(torch);
    wt_free(values);
    return status;
}

/* --- in tests --- */

int wt_reference_setup(void **state, const char *folder) {
    wt_reference_case *c;
    const char *name = *state;
    if (wt_alloc(&c, 1, sizeof *c, "a case") != WT_OK) return -1;
    *state = c;
    if (wt_reference_open(c, folder, name) == WT_OK) return 0;
    print_error("%s\n", wt_error_message());
    wt_reference_close(c);
    wt_free(c);
    return -1;
}

int wt_reference_teardown(void **state) {
    wt_reference_close(*state);
    wt_free(*state);
    return 0;
}

double wt_reference_compare(const wt_reference_case *c, const char *what, const wt_real *ours,
                            const double *theirs, size_t count, double tolerance) {
    double largest = 0, difference = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = fabs((double)ours[i] - theirs[i]);
        if (!(d <= difference)) difference = d;
        if (isnan(difference)) break;
        largest = fmax(largest, fabs(theirs[i]));
    }
    if (!(difference <= tolerance * largest))
        fail_msg("%s: %s differs by %g, its largest value is %g", c->name, what, difference, largest);
    return largest > 0 ? difference / largest : 0;
}
