/*
 * Writing .nam files. Players choose their fast paths by literal comparison of the configuration, so what is
 * written, and under which names, is all that those ask for, even where a reader would take it for granted.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "export/nam.h"
#include "nam_internal.h"

static wt_status no_memory(void) {
    return wt_error(WT_FAILED, "out of memory for a .nam file");
}

/* --- arrays --- */

/* One of a network, with what its neighbours decide. */
typedef struct {
    const wt_model_config *model;
    const wt_array_config *shape;
    int input, head; /* channels of what it reads, and of what its head makes */
    int layers;
} part;

static bool is_gated(const part *p) {
    return p->shape->activation == WT_ACTIVATION_GATE;
}

static const char *activation_name(const part *p) {
    for (const wt_nam_activation *a = wt_nam_activations; a->name; a++) {
        if (a->activation == p->shape->activation) return a->name;
    }
    return "Tanh"; /* of the gate: the sigmoid goes without saying */
}

static json_t *list_dilations(const part *p) {
    json_t *list = json_array();
    const int stack = wt_array_layers(p->shape);
    for (int l = 0; l < p->layers; l++)
        json_array_append_new(list, json_integer(wt_array_dilation(p->shape, l % stack)));
    return list;
}

static json_t *list_kernels(const part *p) {
    json_t *list = json_array();
    const int stack = wt_array_layers(p->shape);
    for (int l = 0; l < p->layers; l++)
        json_array_append_new(list, json_integer(wt_array_kernel(p->shape, l % stack)));
    return list;
}

/* The same entry for each layer. */
static json_t *list_alike(const part *p, json_t *entry) {
    json_t *list = json_array();
    for (int l = 0; l < p->layers; l++) json_array_append(list, entry);
    json_decref(entry);
    return list;
}

static bool has_one_kernel(const part *p) {
    for (int l = 1; l < wt_array_layers(p->shape); l++) {
        if (wt_array_kernel(p->shape, l) != wt_array_kernel(p->shape, 0)) return false;
    }
    return true;
}

/* Whether the keys of the first generation say all of it. */
static bool is_first_generation(const part *p) {
    const wt_activation kind = p->shape->activation;
    const bool plain = kind == WT_ACTIVATION_GATE || kind == WT_ACTIVATION_TANH || kind == WT_ACTIVATION_RELU;
    return plain && has_one_kernel(p) && p->shape->gate == p->shape->residual && p->shape->head_kernel == 1;
}

static json_t *print_first(const part *p) {
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:o, s:s, s:b, s:b}", "input_size", p->input,
                     "condition_size", 1, "head_size", p->head, "channels", p->shape->residual, "kernel_size",
                     wt_array_kernel(p->shape, 0), "dilations", list_dilations(p), "activation",
                     activation_name(p), "gated", (int)is_gated(p), "head_bias", (int)p->shape->head_bias);
}

static json_t *print_activation(const part *p) {
    if (p->shape->activation != WT_ACTIVATION_LEAKY_RELU)
        return json_pack("{s:s}", "type", activation_name(p));
    return json_pack("{s:s, s:f}", "type", activation_name(p), "negative_slope", p->model->slope);
}

static json_t *print_second(const part *p) {
    json_t *array = json_pack(
        "{s:i, s:i, s:{s:i, s:i, s:b}, s:i, s:o, s:o, s:o, s:i, s:{s:b, s:i, s:i}, s:{s:b, s:i}, s:i, s:i}",
        "input_size", p->input, "condition_size", 1, "head", "out_channels", p->head, "kernel_size",
        p->shape->head_kernel, "bias", (int)p->shape->head_bias, "channels", p->shape->residual,
        "kernel_sizes", list_kernels(p), "dilations", list_dilations(p), "activation",
        list_alike(p, print_activation(p)), "bottleneck", p->shape->gate, "head1x1", "active", 0,
        "out_channels", 1, "groups", 1, "layer1x1", "active", 1, "groups", 1, "groups_input", 1,
        "groups_input_mixin", 1);
    for (int i = 0; wt_nam_films[i]; i++)
        json_object_set_new(array, wt_nam_films[i],
                            json_pack("{s:b, s:b, s:i}", "active", 0, "shift", 1, "groups", 1));
    json_object_set_new(array, "gating_mode", list_alike(p, json_string(is_gated(p) ? "gated" : "none")));
    json_object_set_new(array, "secondary_activation",
                        list_alike(p, is_gated(p) ? json_string("Sigmoid") : json_null()));
    json_object_set_new(array, "slimmable", json_null());
    return array;
}

/* --- a model --- */

typedef struct {
    const wt_nam_model *model;
    part parts[WT_ARRAYS_MAX];
    int count;
    bool first; /* of the first generation */
} network;

static void describe(network *n, const wt_nam_model *model) {
    const wt_array_config *shapes = wt_model_arrays(model->model, &n->count);
    n->model = model;
    n->first = true;
    for (int i = 0; i < n->count; i++) {
        n->parts[i] = (part){.model = model->model,
                             .shape = &shapes[i],
                             .input = i ? shapes[i - 1].residual : 1,
                             .head = i + 1 < n->count ? shapes[i + 1].gate : 1,
                             .layers = shapes[i].stacks * wt_array_layers(&shapes[i])};
        n->first = n->first && is_first_generation(&n->parts[i]);
    }
}

static json_t *print_weights(const wt_nam_model *model) {
    json_t *weights = json_array();
    for (size_t i = 0; i < model->count; i++)
        json_array_append_new(weights, json_real((double)model->weights[i]));
    json_array_append_new(weights, json_real((double)(float)model->model->head_scale));
    return weights;
}

/* Reports of a player that reads the date look at all six numbers. */
static json_t *print_date(time_t date) {
    struct tm t;
    if (!gmtime_r(&date, &t)) return NULL;
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "year", t.tm_year + 1900, "month", t.tm_mon + 1, "day",
                     t.tm_mday, "hour", t.tm_hour, "minute", t.tm_min, "second", t.tm_sec);
}

static void set_number(json_t *object, const char *key, double value) {
    if (!isnan(value)) json_object_set_new(object, key, json_real(value));
}

static json_t *print_metadata(const wt_nam_metadata *m) {
    json_t *object = json_object();
    const struct {
        const char *key, *value;
    } texts[] = {{"name", m->name},           {"modeled_by", m->modeled_by},
                 {"gear_make", m->gear_make}, {"gear_model", m->gear_model},
                 {"gear_type", m->gear_type}, {"tone_type", m->tone_type}};
    json_object_set_new(object, "date", print_date(m->date));
    set_number(object, "loudness", m->loudness);
    set_number(object, "gain", m->gain);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i].value) json_object_set_new(object, texts[i].key, json_string(texts[i].value));
    }
    set_number(object, "input_level_dbu", m->input_level_dbu);
    set_number(object, "output_level_dbu", m->output_level_dbu);
    if (!isnan(m->validation_esr))
        json_object_set_new(object, "training", json_pack("{s:f}", "validation_esr", m->validation_esr));
    return object;
}

static json_t *print_model(const wt_nam_model *model, const wt_nam_metadata *metadata) {
    network n;
    json_t *arrays = json_array();
    describe(&n, model);
    for (int i = 0; i < n.count; i++)
        json_array_append_new(arrays, n.first ? print_first(&n.parts[i]) : print_second(&n.parts[i]));
    return json_pack("{s:s, s:o, s:s, s:{s:o, s:n, s:f}, s:o, s:i}", "version", n.first ? "0.5.4" : "0.7.0",
                     "metadata", print_metadata(metadata), "architecture", "WaveNet", "config", "layers",
                     arrays, "head", "head_scale", model->model->head_scale, "weights", print_weights(model),
                     "sample_rate", model->sample_rate);
}

/* Sizes share the numbers from 0 to 1 evenly. */
static json_t *print_container(const wt_nam_model *models, int count, const wt_nam_metadata *metadata) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:f, s:o}", "max_value", (i + 1.0) / count, "model",
                                              print_model(&models[i], metadata)));
    return json_pack("{s:s, s:s, s:{s:o}, s:[], s:i, s:o}", "version", "0.7.0", "architecture",
                     "SlimmableContainer", "config", "submodels", list, "weights", "sample_rate",
                     models[count - 1].sample_rate, "metadata", print_metadata(metadata));
}

wt_status wt_nam_print(char **text, const wt_nam_model *models, int count, const wt_nam_metadata *metadata) {
    *text = NULL;
    for (int i = 0; i < count; i++)
        WT_CHECK(models[i].model->trunk == WT_TRUNK_AMPLIFIER, WT_USAGE,
                 "a .nam file holds amplifiers alone (expected a network of model.trunk: amplifier)");
    json_t *root = count == 1 ? print_model(&models[0], metadata) : print_container(models, count, metadata);
    char *dumped = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);
    if (!dumped) return no_memory();
    const size_t length = strlen(dumped);
    wt_status status = wt_alloc(text, length + 2, 1, "a .nam file");
    if (status == WT_OK) {
        memcpy(*text, dumped, length);
        memcpy(*text + length, "\n", 2);
    }
    free(dumped);
    return status;
}
