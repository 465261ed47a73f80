/*
 * Reading .nam files. What the format allows beyond an amplifier is refused by its name. The network is
 * written down as the text of a configuration, so that its ranges and rules are checked where everybody's
 * are.
 */
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/nam.h"
#include "nam_internal.h"

typedef struct {
    const char *path;
    FILE *out;    /* the configuration's text */
    double slope; /* of leaky ReLU; NaN: none yet */
    int width;    /* of what the next array reads */
    int head;     /* of what the last array's head has made; 0: none */
} reading;

static wt_status wrong(const reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static wt_status wrong(const reading *r, const char *format, ...) {
    char message[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return wt_error(WT_USAGE, "%s: %s", r->path, message);
}

/* --- values --- */

/* A whole number of 1 … 2^20; absent: `absent`, unless that is 0. */
static wt_status get_count(const reading *r, const json_t *object, const char *key, int absent, int *value) {
    const json_t *found = json_object_get(object, key);
    *value = absent;
    if (!found && absent) return WT_OK;
    if (!found) return wrong(r, "has no %s", key);
    const double number = json_is_number(found) ? json_number_value(found) : NAN;
    if (!(number >= 1 && number <= 1 << 20 && number == floor(number)))
        return wrong(r, "%s is not a number of that kind (expected a whole number of 1 … %d)", key, 1 << 20);
    *value = (int)number;
    return WT_OK;
}

static bool is_true(const json_t *object, const char *key) {
    return json_is_true(json_object_get(object, key));
}

static bool is_absent(const json_t *value) {
    return !value || json_is_null(value);
}

/* What must be as an amplifier has it. */
static wt_status expect_count(const reading *r, const json_t *object, const char *key, int expected) {
    int value;
    WT_TRY(get_count(r, object, key, expected, &value));
    if (value != expected) return wrong(r, "%s is not supported (got %d, expected %d)", key, value, expected);
    return WT_OK;
}

/* --- what an amplifier has not --- */

static wt_status refuse_modulation(const reading *r, const json_t *array) {
    for (int i = 0; wt_nam_films[i]; i++) {
        if (is_true(json_object_get(array, wt_nam_films[i]), "active"))
            return wrong(r, "FiLM (%s) is not supported", wt_nam_films[i]);
    }
    return WT_OK;
}

static wt_status refuse_nam_extras(const reading *r, const json_t *array) {
    const json_t *layer1x1 = json_object_get(array, "layer1x1"), *head = json_object_get(array, "head");
    WT_TRY(refuse_modulation(r, array));
    if (is_true(json_object_get(array, "head1x1"), "active")) return wrong(r, "head1x1 is not supported");
    if (layer1x1 && json_is_false(json_object_get(layer1x1, "active")))
        return wrong(r, "layers without layer1x1 are not supported");
    if (!is_absent(json_object_get(array, "slimmable")))
        return wrong(r, "slimmable arrays are not supported");
    WT_TRY(expect_count(r, layer1x1, "groups", 1));
    WT_TRY(expect_count(r, array, "groups_input", 1));
    WT_TRY(expect_count(r, array, "groups_input_mixin", 1));
    WT_TRY(expect_count(r, head, "dilation", 1));
    return expect_count(r, array, "condition_size", 1);
}

/* --- lists of layers --- */

/* Prints a list of whole numbers; *count of them. */
static wt_status print_counts(reading *r, const json_t *list, const char *key, int *count) {
    size_t i;
    const json_t *entry;
    if (!json_is_array(list)) return wrong(r, "%s is not a list", key);
    fprintf(r->out, ", %s: [", strcmp(key, "dilations") == 0 ? key : "kernels");
    json_array_foreach(list, i, entry) {
        const double number = json_is_number(entry) ? json_number_value(entry) : NAN;
        if (!(number >= 1 && number <= 1 << 20 && number == floor(number)))
            return wrong(r, "%s[%zu] is not a whole number of 1 … %d", key, i, 1 << 20);
        fprintf(r->out, "%s%d", i ? ", " : "", (int)number);
    }
    fputc(']', r->out);
    *count = (int)json_array_size(list);
    return WT_OK;
}

/* What is given once, or in a list for each layer, must be the same for all. *value may be NULL. */
static wt_status get_alike(const reading *r, const json_t *array, const char *key, int layers,
                           const json_t **value) {
    const json_t *found = json_object_get(array, key);
    *value = found;
    if (!json_is_array(found)) return WT_OK;
    if (json_array_size(found) != (size_t)layers)
        return wrong(r, "%s does not fit dilations (got %zu entries, expected %d)", key,
                     json_array_size(found), layers);
    *value = json_array_get(found, 0);
    for (int l = 1; l < layers; l++) {
        if (!json_equal(*value, json_array_get(found, (size_t)l)))
            return wrong(r, "layers that differ in %s are not supported", key);
    }
    return WT_OK;
}

static const char *name_of(const json_t *activation) {
    const char *name = json_string_value(json_is_object(activation) ? json_object_get(activation, "type")
                                                                    : activation);
    return name ? name : "nothing";
}

static wt_status take_slope(reading *r, const json_t *activation) {
    const json_t *given = json_object_get(activation, "negative_slope");
    const double slope = given ? json_number_value(given) : 0.01;
    if (!isnan(r->slope) && r->slope != slope)
        return wrong(r, "several slopes of LeakyReLU are not supported");
    r->slope = slope;
    return WT_OK;
}

/* "gate", or the activation's own name. */
static wt_status find_activation(reading *r, const json_t *array, int layers, const char **own) {
    const json_t *activation, *mode, *second;
    WT_TRY(get_alike(r, array, "activation", layers, &activation));
    WT_TRY(get_alike(r, array, "gating_mode", layers, &mode));
    WT_TRY(get_alike(r, array, "secondary_activation", layers, &second));
    const char *name = name_of(activation), *gating = json_string_value(mode);
    if (!gating) gating = is_true(array, "gated") ? "gated" : "none";
    if (strcmp(gating, "gated") == 0) {
        const bool sigmoid = is_absent(second) || strcmp(name_of(second), "Sigmoid") == 0 ||
                             strcmp(name_of(second), "") == 0;
        *own = "gate";
        if (sigmoid && strcmp(name, "Tanh") == 0) return WT_OK;
        return wrong(r, "a gate of %s and %s is not supported (expected Tanh and Sigmoid)", name,
                     is_absent(second) ? "Sigmoid" : name_of(second));
    }
    if (strcmp(gating, "none") != 0) return wrong(r, "gating mode %s is not supported", gating);
    for (const wt_nam_activation *a = wt_nam_activations; a->name; a++) {
        if (strcmp(a->name, name) != 0) continue;
        *own = a->own;
        return a->activation == WT_ACTIVATION_LEAKY_RELU ? take_slope(r, activation) : WT_OK;
    }
    return wrong(r, "activation %s is not supported", name);
}

/* --- an array --- */

static wt_status print_kernels(reading *r, const json_t *array, int layers) {
    const json_t *list = json_object_get(array, "kernel_sizes");
    int kernel, count;
    if (!list) {
        WT_TRY(get_count(r, array, "kernel_size", 0, &kernel));
        fprintf(r->out, ", kernel: %d", kernel);
        return WT_OK;
    }
    WT_TRY(print_counts(r, list, "kernel_sizes", &count));
    if (count != layers)
        return wrong(r, "kernel_sizes does not fit dilations (got %d numbers, expected %d)", count, layers);
    return WT_OK;
}

static wt_status print_head(reading *r, const json_t *array) {
    const json_t *head = json_object_get(array, "head");
    int taps = 1;
    if (head) {
        WT_TRY(get_count(r, head, "out_channels", 0, &r->head));
        WT_TRY(get_count(r, head, "kernel_size", 0, &taps));
    } else {
        WT_TRY(get_count(r, array, "head_size", 0, &r->head));
    }
    const bool bias = head ? is_true(head, "bias") : is_true(array, "head_bias");
    fprintf(r->out, ", head_kernel: %d, head_bias: %s", taps, bias ? "true" : "false");
    return WT_OK;
}

static wt_status print_array(reading *r, const json_t *array) {
    int input, channels, gate, layers;
    const char *activation = "";
    if (!json_is_object(array)) return wrong(r, "an entry of layers is not an object");
    WT_TRY(refuse_nam_extras(r, array));
    WT_TRY(get_count(r, array, "input_size", 0, &input));
    WT_TRY(get_count(r, array, "channels", 0, &channels));
    WT_TRY(get_count(r, array, "bottleneck", channels, &gate));
    if (input != r->width)
        return wrong(r, "input_size does not fit what comes before (got %d, expected %d)", input, r->width);
    if (r->head && r->head != gate)
        return wrong(r, "an array's head does not fit the next array (got %d channels, expected %d)", r->head,
                     gate);
    fprintf(r->out, "    - {residual: %d, gate: %d", channels, gate);
    WT_TRY(print_counts(r, json_object_get(array, "dilations"), "dilations", &layers));
    if (layers == 0) return wrong(r, "dilations is empty (expected one for each layer)");
    WT_TRY(print_kernels(r, array, layers));
    WT_TRY(find_activation(r, array, layers, &activation));
    fprintf(r->out, ", activation: %s", activation);
    WT_TRY(print_head(r, array));
    fprintf(r->out, "}\n");
    r->width = channels;
    return WT_OK;
}

/* --- a model --- */

/* Of versions 0.5.0 … 0.7.x; a newer patch level changes no meaning. */
static wt_status check_version(const reading *r, const json_t *model) {
    const char *version = json_string_value(json_object_get(model, "version"));
    int major = -1, minor = -1;
    if (!version) return wrong(r, "has no version");
    if (sscanf(version, "%d.%d", &major, &minor) == 2 && major == 0 && minor >= 5 && minor <= 7) return WT_OK;
    return wrong(r, "is of version %.32s (expected 0.5.0 to 0.7.x)", version);
}

/* The last weight is what players take; where the number beside it is the same, that one has fewer digits. */
static double head_scale_of(const json_t *config, double last) {
    const json_t *given = json_object_get(config, "head_scale");
    const double number = json_is_number(given) ? json_number_value(given) : last;
    return (double)(float)number == (double)(float)last ? number : last;
}

static wt_status print_config(reading *r, const json_t *config, double last) {
    const json_t *arrays = json_object_get(config, "layers");
    size_t i;
    const json_t *array;
    if (!is_absent(json_object_get(config, "condition_dsp")))
        return wrong(r, "condition networks (condition_dsp) are not supported");
    if (!is_absent(json_object_get(config, "head")))
        return wrong(r, "a head behind the arrays is not supported");
    WT_TRY(expect_count(r, config, "in_channels", 1));
    if (!json_is_array(arrays) || json_array_size(arrays) == 0) return wrong(r, "has no layers");
    fprintf(r->out, "model:\n  trunk: amplifier\n  input: real\n  input_kernel: 1\n  head: mse\n");
    fprintf(r->out, "  head_scale: %.17g\n  arrays:\n", head_scale_of(config, last));
    json_array_foreach(arrays, i, array) WT_TRY(print_array(r, array));
    if (r->head != 1) return wrong(r, "the last head has %d channels (expected 1)", r->head);
    if (!isnan(r->slope)) fprintf(r->out, "  slope: %.17g\n", r->slope);
    fprintf(r->out, "data: {target: label, normalization: none, partial_context: drop}\n");
    return WT_OK;
}

static wt_status take_weights(const reading *r, wt_nam_file *file, const json_t *list, double *last) {
    const size_t count = json_array_size(list);
    if (!json_is_array(list) || count == 0) return wrong(r, "has no weights");
    WT_TRY(wt_alloc(&file->weights, count, sizeof *file->weights, "the weights of a .nam file"));
    for (size_t i = 0; i < count; i++) {
        const json_t *entry = json_array_get(list, i);
        const double value = json_is_number(entry) ? json_number_value(entry) : NAN;
        if (!isfinite((float)value)) return wrong(r, "weights[%zu] is not a number", i);
        file->weights[i] = (float)value;
        *last = value;
    }
    file->count = count - 1;
    return WT_OK;
}

static wt_status take_rate(const reading *r, wt_nam_file *file, const json_t *model) {
    const json_t *given = json_object_get(model, "sample_rate");
    const double rate = is_absent(given)        ? WT_NAM_RATE
                        : json_is_number(given) ? json_number_value(given)
                                                : NAN;
    if (!(rate >= 1000 && rate <= 768000))
        return wrong(r, "sample_rate is out of range (expected 1000 … 768000)");
    file->sample_rate = (int)(rate + 0.5);
    return WT_OK;
}

/* The largest model of a container, which may be in another one. */
static wt_status find_model(const reading *r, const json_t *root, const json_t **model) {
    enum { DEPTH = 4 };
    for (int depth = 0; depth < DEPTH; depth++) {
        WT_TRY(check_version(r, root));
        const char *architecture = json_string_value(json_object_get(root, "architecture"));
        *model = root;
        if (!architecture) return wrong(r, "has no architecture");
        if (strcmp(architecture, "WaveNet") == 0) return WT_OK;
        if (strcmp(architecture, "SlimmableContainer") != 0)
            return wrong(r, "architecture %.64s is not supported (expected WaveNet)", architecture);
        const json_t *list = json_object_get(json_object_get(root, "config"), "submodels");
        const size_t count = json_array_size(list);
        if (count == 0) return wrong(r, "has no submodels");
        root = json_object_get(json_array_get(list, count - 1), "model");
    }
    return wrong(r, "has containers within containers");
}

static wt_status take_model(reading *r, wt_nam_file *file, const json_t *root) {
    const json_t *model;
    double last = 0;
    WT_TRY(find_model(r, root, &model));
    WT_TRY(take_rate(r, file, model));
    WT_TRY(take_weights(r, file, json_object_get(model, "weights"), &last));
    return print_config(r, json_object_get(model, "config"), last);
}

wt_status wt_nam_parse(wt_nam_file *file, const char *path, const char *text, size_t bytes) {
    json_error_t error;
    wt_status status = WT_OK;
    char *yaml = NULL;
    size_t length = 0;
    reading r = {.path = path, .slope = NAN, .width = 1};
    memset(file, 0, sizeof *file);
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    WT_CHECK(root, WT_USAGE, "%s:%d: is not a .nam file: %s", path, error.line, error.text);
    r.out = open_memstream(&yaml, &length);
    WT_GUARD_CHECK(r.out, WT_FAILED, "out of memory for a .nam file");
    status = take_model(&r, file, root);
    if (fclose(r.out) != 0 && status == WT_OK) status = wt_error(WT_FAILED, "out of memory for a .nam file");
    if (status == WT_OK) status = wt_config_parse(&file->config, path, yaml, length, NULL, 0);
cleanup:
    free(yaml);
    json_decref(root);
    if (status != WT_OK) wt_nam_dispose(file);
    return status;
}

void wt_nam_dispose(wt_nam_file *file) {
    wt_free(file->weights);
    file->weights = NULL;
}
