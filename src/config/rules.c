/*
 * What holds between keys. A key that several could be blamed for is the one that was
 * given last: most often the one that has just been changed.
 */
#include <stdarg.h>
#include <string.h>

#include "config_internal.h"

enum {
    MICROBATCH_TARGETS = 2048,     /* targets that a default microbatch has at least */
    RECEPTIVE_FIELD_MAX = 1 << 30, /* samples; row numbers of a batch stay within an int */
};

/* --- blame --- */

/* The node given last (by place, then by line) among the keys whose names begin with one of the two;
 * NULL if none was given. */
static const wt_yaml_node *latest_given(const wt_reading *reading, const char *one, const char *other) {
    const wt_given *latest = NULL;
    for (int i = 0; i < wt_key_count; i++) {
        const wt_given *given = &reading->given[i];
        const char *name = wt_keys[i].name;
        bool named = strncmp(name, one, strlen(one)) == 0 || strncmp(name, other, strlen(other)) == 0;
        if (!named || wt_keys[i].type == WT_KEY_SECTION || !given->order) continue;
        bool later = !latest || given->order > latest->order ||
                     (given->order == latest->order && given->node->line > latest->node->line);
        if (later) latest = given;
    }
    return latest ? latest->node : NULL;
}

static wt_status rule_error(const wt_reading *reading, const char *one, const char *other, const char *format,
                            ...) __attribute__((format(printf, 4, 5)));

/* Names the place of the latest given among keys that begin with `one` or `other`. */
static wt_status rule_error(const wt_reading *reading, const char *one, const char *other, const char *format,
                            ...) {
    char message[512];
    const wt_yaml_node *node = latest_given(reading, one, other);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (node) return wt_yaml_error(node, "%s", message);
    return wt_error(WT_USAGE, "%s: %s", reading->source, message);
}

/* --- keys that take another's place --- */

static wt_given *given_of(wt_reading *reading, const char *name) {
    return &reading->given[wt_key_find(name) - wt_keys];
}

/* In one file, layers and dilations contradict each other; a --set of one replaces what the file says of the
 * other. */
static wt_status settle_dilations(wt_reading *reading) {
    wt_array_config *array = &reading->config.model.array;
    wt_given *layers = given_of(reading, "model.layers"), *dilations = given_of(reading, "model.dilations");
    if (array->dilations.count == 0) return WT_OK;
    if (layers->order && layers->order == dilations->order) {
        return wt_yaml_error(layers->node,
                             "model.layers and model.dilations are both given (expected one of them)");
    }
    if (layers->order > dilations->order) {
        memset(&array->dilations, 0, sizeof array->dilations);
        dilations->order = 0;
        return WT_OK;
    }
    array->layers = array->dilations.count; /* always the number of blocks in a stack */
    layers->order = 0;
    return WT_OK;
}

static wt_status settle_arrays(wt_reading *reading) {
    wt_model_config *model = &reading->config.model;
    const wt_given *arrays = given_of(reading, "model.arrays");
    if (model->array_count == 0) return WT_OK;
    for (int i = 0; i < wt_key_count; i++) {
        const wt_given *given = &reading->given[i];
        bool empty = wt_keys[i].type == WT_KEY_DILATIONS && model->array.dilations.count == 0;
        if (!(wt_keys[i].replaced & WT_REPLACED_BY_ARRAYS) || !given->order || empty) continue;
        return wt_yaml_error(given->node, "%s is given in addition to model.arrays, which takes its place",
                             wt_keys[i].name);
    }
    return wt_arrays_scan(wt_key_find("model.arrays"), "model.arrays", arrays->node, model);
}

/* A hierarchy's levels have no gate; where nothing is said of the activation, it is tanh. */
static void settle_hierarchy(wt_reading *reading) {
    wt_model_config *model = &reading->config.model;
    if (model->trunk == WT_TRUNK_HIERARCHY && !given_of(reading, "model.activation")->order) {
        model->array.activation = WT_ACTIVATION_TANH;
    }
}

/* A short run is not all warm-up: of a configuration that says nothing of it, or whose steps --set makes
 * fewer. */
static void settle_warmup(wt_reading *reading) {
    wt_config *config = &reading->config;
    const int order = given_of(reading, "schedule.warmup")->order;
    const bool shortened = order == 1 && given_of(reading, "train.steps")->order > 1 &&
                           config->schedule.warmup > config->train.steps;
    if (order && !shortened) return;
    if (config->schedule.kind == WT_SCHEDULE_ONE_CYCLE) config->schedule.warmup = 0;
    if (config->schedule.warmup > config->train.steps / 10) {
        config->schedule.warmup = config->train.steps / 10;
    }
}

wt_status wt_reading_settle(wt_reading *reading) {
    WT_TRY(settle_dilations(reading));
    WT_TRY(settle_arrays(reading));
    settle_hierarchy(reading);
    settle_warmup(reading);
    return WT_OK;
}

/* --- rules --- */

int wt_config_microbatches(const wt_config *config) {
    int batch = config->train.batch;
    if (config->train.microbatches > 0) return config->train.microbatches;
    for (int windows = 1; windows <= batch; windows++) {
        if (batch % windows == 0 && (int64_t)windows * config->data.window >= MICROBATCH_TARGETS) {
            return batch / windows;
        }
    }
    return 1;
}

static wt_status check_microbatches(const wt_reading *reading) {
    const wt_train_config *train = &reading->config.train;
    int microbatches = wt_config_microbatches(&reading->config);
    if (microbatches > train->batch) {
        return rule_error(reading, "train.microbatches", "train.batch",
                          "train.microbatches is larger than train.batch (got %d, expected at most %d)",
                          microbatches, train->batch);
    }
    if (train->batch % microbatches != 0) {
        return rule_error(reading, "train.microbatches", "train.batch",
                          "train.microbatches does not divide train.batch (got %d, expected a divisor of %d)",
                          microbatches, train->batch);
    }
    if (train->microbatches_at_once > microbatches) {
        return rule_error(reading, "train.microbatches", "train.batch",
                          "train.microbatches_at_once is larger than the number of microbatches (got %d, "
                          "expected at most %d)",
                          train->microbatches_at_once, microbatches);
    }
    return WT_OK;
}

static wt_status check_schedule(const wt_reading *reading) {
    const wt_schedule_config *schedule = &reading->config.schedule;
    int64_t warmup = schedule->warmup, steps = reading->config.train.steps;
    if (warmup > steps) {
        return rule_error(reading, "schedule.warmup", "train.steps",
                          "schedule.warmup is longer than train.steps (got %lld, expected at most %lld)",
                          (long long)warmup, (long long)steps);
    }
    if (schedule->kind == WT_SCHEDULE_ONE_CYCLE && warmup > 0) {
        return rule_error(
            reading, "schedule.warmup", "schedule.kind",
            "schedule.warmup has no place in one-cycle, which rises by itself (got %lld, expected 0)",
            (long long)warmup);
    }
    if (schedule->kind == WT_SCHEDULE_PIECEWISE && schedule->points.count == 0) {
        return rule_error(reading, "schedule.points", "schedule.kind",
                          "schedule.points is empty (expected pairs [step, rate] for piecewise)");
    }
    return WT_OK;
}

/* What counts validations needs some. */
static wt_status check_validation(const wt_reading *reading) {
    const wt_config *config = &reading->config;
    if (config->validation.every > 0) return WT_OK;
    if (config->schedule.kind == WT_SCHEDULE_PLATEAU) {
        return rule_error(
            reading, "schedule.kind", "validation.every",
            "schedule.kind plateau counts validations (got validation.every 0, expected at least 1)");
    }
    if (config->validation.until_esr > 0)
        return rule_error(
            reading, "validation.until_esr", "validation.every",
            "validation.until_esr is of validations (got validation.every 0, expected at least 1)");
    if (config->validation.patience == 0) return WT_OK;
    return rule_error(reading, "validation.patience", "validation.every",
                      "validation.patience counts validations (got validation.every 0, expected at least 1)");
}

static wt_status check_optimizer(const wt_reading *reading) {
    const wt_config *config = &reading->config;
    bool cycled = config->schedule.kind == WT_SCHEDULE_ONE_CYCLE && config->schedule.cycle_momentum;
    if (!config->optimizer.nesterov || config->optimizer.momentum > 0 || cycled) return WT_OK;
    return rule_error(reading, "optimizer.nesterov", "optimizer.momentum",
                      "optimizer.nesterov needs a momentum (got optimizer.momentum 0, expected above 0)");
}

/* Σ (k−1)·d of an array. No overflow: 64 stacks of 64 dilations of 2^24 with 64 taps are 2^42. */
static int64_t array_reach(const wt_array_config *array) {
    int64_t sum = 0;
    for (int i = 0; i < wt_array_layers(array); i++)
        sum += (int64_t)wt_array_dilation(array, i) * (wt_array_kernel(array, i) - 1);
    return sum * array->stacks;
}

static int64_t receptive_field(const wt_model_config *model) {
    int64_t field = model->trunk == WT_TRUNK_HIERARCHY ? 1 : model->input_kernel;
    if (model->trunk == WT_TRUNK_HIERARCHY) {
        for (int i = 0; i < model->hierarchy.fuse.count && field < RECEPTIVE_FIELD_MAX; i++)
            field *= model->hierarchy.fuse.values[i];
        return field;
    }
    /* the longest way: through some arrays' blocks, then through that array's head (if any) and all later
     * ones */
    int arrays;
    int64_t heads = 0, longest = 0;
    const wt_array_config *array = wt_model_arrays(model, &arrays);
    for (int i = 0; i < arrays; i++) heads += array[i].head_kernel - 1;
    for (int i = 0; i < arrays; i++) {
        field += array_reach(&array[i]);
        longest = field + heads > longest ? field + heads : longest;
        heads -= array[i].head_kernel - 1;
    }
    return longest;
}

static wt_status check_field(const wt_reading *reading, int64_t field) {
    if (field < RECEPTIVE_FIELD_MAX) return WT_OK;
    return rule_error(reading, "model.", "model.",
                      "the model's receptive field is too long (got %lld samples, expected under %d)",
                      (long long)field, RECEPTIVE_FIELD_MAX);
}

/* --- sizes --- */

/* Products and BLAS count a tensor's numbers in 32 bits. Factors are at most 2^17, and three, so that 64 hold
 * them. */
static wt_status check_tensor(const wt_reading *reading, const char *what, int64_t a, int64_t b, int64_t c) {
    const int64_t numbers = a * b * c;
    if (numbers <= INT32_MAX) return WT_OK;
    return rule_error(reading, "model.", "model.",
                      "the model's %s is too large (got %lld × %lld × %lld numbers, expected at most %d)",
                      what, (long long)a, (long long)b, (long long)c, INT32_MAX);
}

static wt_status check_array_tensors(const wt_reading *reading, const wt_array_config *array) {
    const bool gated = reading->config.model.array.activation == WT_ACTIVATION_GATE;
    WT_TRY(check_tensor(reading, "dilated convolution", array->kernel, array->residual,
                        (int64_t)array->gate * (gated ? 2 : 1)));
    WT_TRY(check_tensor(reading, "residual layer", 1, array->gate, array->residual));
    return check_tensor(reading, "skip layer", 1, array->gate, reading->config.model.skip);
}

static wt_status check_tensors(const wt_reading *reading) {
    const wt_model_config *model = &reading->config.model;
    const int64_t classes = reading->config.data.quantization.levels;
    if (model->trunk == WT_TRUNK_HIERARCHY) {
        int64_t channels = model->hierarchy.embedding;
        for (int i = 0; i < model->hierarchy.fuse.count; i++) {
            const int64_t width = model->hierarchy.width.values[model->hierarchy.width.count > 1 ? i : 0];
            WT_TRY(check_tensor(reading, "linear layer", model->hierarchy.fuse.values[i], channels, width));
            channels = width;
        }
        return check_tensor(reading, "output", 1, channels, classes);
    }
    if (model->array_count == 0) WT_TRY(check_array_tensors(reading, &model->array));
    for (int i = 0; i < model->array_count; i++) WT_TRY(check_array_tensors(reading, &model->arrays[i]));
    WT_TRY(check_tensor(reading, "input", model->input_kernel, classes, model->array.residual));
    WT_TRY(check_tensor(reading, "head", 1, model->skip, model->skip));
    return check_tensor(reading, "output", 1, model->skip, classes);
}

static wt_status check_hierarchy(const wt_reading *reading) {
    const wt_model_config *model = &reading->config.model;
    if (model->hierarchy.fuse.count == 0) {
        return rule_error(reading, "model.trunk", "model.fuse",
                          "a hierarchy has no levels (expected model.fuse, such as [2, 2, 2])");
    }
    if (model->array_count > 0) {
        return rule_error(reading, "model.arrays", "model.arrays", "a hierarchy has no model.arrays");
    }
    if (model->array.activation == WT_ACTIVATION_GATE) {
        return rule_error(
            reading, "model.activation", "model.activation",
            "a hierarchy has no gate (got model.activation gate, expected another one, such as tanh)");
    }
    if (model->hierarchy.width.count != 1 && model->hierarchy.width.count != model->hierarchy.fuse.count) {
        return rule_error(reading, "model.width", "model.fuse",
                          "model.width does not fit model.fuse (got %d widths, expected 1 or %d)",
                          model->hierarchy.width.count, model->hierarchy.fuse.count);
    }
    return check_field(reading, receptive_field(model));
}

/* What an amplifier's definition leaves no choice of. */
static wt_status check_amplifier(const wt_reading *reading) {
    const wt_model_config *model = &reading->config.model;
    const struct {
        bool holds;
        const char *key, *expected;
    } rules[] = {{model->input == WT_INPUT_REAL, "model.input", "real"},
                 {model->input_kernel == 1, "model.input_kernel", "1"},
                 {model->head == WT_HEAD_MSE, "model.head", "mse"},
                 {model->norm == WT_NORM_NONE, "model.norm", "none"},
                 {model->dropout == 0, "model.dropout", "0"},
                 {reading->config.data.stride == 0, "data.stride", "0"}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].holds) continue;
        return rule_error(reading, rules[i].key, rules[i].key,
                          "%s does not fit model.trunk: amplifier (expected %s)", rules[i].key,
                          rules[i].expected);
    }
    return WT_OK;
}

static wt_status check_condition(const wt_reading *reading) {
    const wt_model_config *model = &reading->config.model;
    const bool any = model->condition.kind != WT_CONDITION_NONE || model->condition.speaker > 0;
    const bool stretch = model->condition.kind == WT_CONDITION_STRETCH;
    const int scales = model->condition.scales.count;
    if (any && model->trunk != WT_TRUNK_WAVENET) {
        return rule_error(reading, "model.condition", "model.speaker",
                          "a condition or a speaker is for wavenets (expected model.trunk: wavenet)");
    }
    if (any && model->norm == WT_NORM_BATCH) {
        return rule_error(reading, "model.norm", "model.norm",
                          "batch norm does not go with a condition or a speaker (expected none or layer)");
    }
    if (reading->config.data.condition_dropout > 0 && model->condition.kind == WT_CONDITION_NONE) {
        return rule_error(reading, "data.condition_dropout", "model.condition",
                          "data.condition_dropout needs a model.condition (got %g, expected 0)",
                          reading->config.data.condition_dropout);
    }
    if (stretch ? scales < 1 || scales > WT_CONDITION_SCALES : scales > 0) {
        return rule_error(reading, "model.condition_scales", "model.condition",
                          "model.condition_scales does not fit model.condition (got %d factors, expected %s)",
                          scales, stretch ? "1 … 4, such as [4, 4, 4, 4]" : "none without stretch");
    }
    return WT_OK;
}

/* Lists of an array, and keys that other networks have no use for. */
static wt_status check_arrays(const wt_reading *reading) {
    const wt_model_config *model = &reading->config.model;
    int arrays;
    const wt_array_config *array = wt_model_arrays(model, &arrays);
    for (int i = 0; i < arrays; i++) {
        if (array[i].kernels.count > 0 && array[i].kernels.count != wt_array_layers(&array[i])) {
            return rule_error(reading, "model.kernels", "model.arrays",
                              "model.kernels does not fit the array's layers (got %d numbers, expected %d)",
                              array[i].kernels.count, wt_array_layers(&array[i]));
        }
        if (model->trunk == WT_TRUNK_AMPLIFIER || (array[i].head_kernel == 1 && !array[i].head_bias))
            continue;
        return rule_error(
            reading, "model.head_", "model.arrays",
            "model.head_kernel and model.head_bias are an amplifier's (expected model.trunk: amplifier)");
    }
    return model->trunk == WT_TRUNK_AMPLIFIER ? check_amplifier(reading) : WT_OK;
}

/* The STFT loss compares windows of values, one per sample. */
static wt_status check_spectral(const wt_reading *reading) {
    const wt_config *config = &reading->config;
    const bool fits = config->model.head == WT_HEAD_MSE && config->data.target == WT_TARGETS_LABEL &&
                      config->data.stride == 0 && config->model.trunk != WT_TRUNK_HIERARCHY;
    if (config->model.spectral.weight == 0 || fits) return WT_OK;
    return rule_error(
        reading, "model.spectral_weight", "model.head",
        "model.spectral_weight needs a signal as the target (expected model.head: mse, data.target: "
        "label, no data.stride, no hierarchy)");
}

static wt_status check_receptive_field(const wt_reading *reading) {
    const wt_model_config *model = &reading->config.model;
    WT_TRY(check_condition(reading));
    WT_TRY(check_spectral(reading));
    WT_TRY(check_arrays(reading));
    if (model->trunk == WT_TRUNK_HIERARCHY) return check_hierarchy(reading);
    return check_field(reading, receptive_field(model));
}

/* One label a window. */
static wt_status check_stride(const wt_reading *reading) {
    const wt_data_config *data = &reading->config.data;
    int64_t field = receptive_field(&reading->config.model);
    if (data->stride == 0) {
        if (reading->config.model.readout == WT_READOUT_LAST) return WT_OK;
        return rule_error(
            reading, "model.readout", "data.stride",
            "model.readout is for one label a window (expected last, or a data.stride above 0)");
    }
    if (data->look_ahead > 0) {
        return rule_error(reading, "data.look_ahead", "data.stride",
                          "a window's label is that of its last sample (got data.look_ahead %d, expected 0)",
                          data->look_ahead);
    }
    if (field <= data->window) return WT_OK;
    return rule_error(
        reading, "model.", "data.window",
        "data.window is shorter than the receptive field (got %d samples, expected at least %lld)",
        data->window, (long long)field);
}

static wt_status check_labels(const wt_reading *reading) {
    const wt_data_config *data = &reading->config.data;
    const wt_model_config *model = &reading->config.model;
    int64_t field = receptive_field(model);
    if (data->target == WT_TARGETS_NEXT) {
        const char *key = data->look_ahead > 0                ? "data.look_ahead"
                          : data->stride > 0                  ? "data.stride"
                          : model->readout != WT_READOUT_LAST ? "model.readout"
                                                              : NULL;
        if (!key) return WT_OK;
        return rule_error(reading, "data.", "model.", "%s needs data.target: label (got next)", key);
    }
    if (data->look_ahead >= field) {
        return rule_error(
            reading, "data.look_ahead", "model.",
            "data.look_ahead is beyond the receptive field (got %d samples, expected at most %lld)",
            data->look_ahead, (long long)field - 1);
    }
    return check_stride(reading);
}

/* What is for real numbers. */
static wt_status check_real(const wt_reading *reading) {
    const wt_data_config *data = &reading->config.data;
    const wt_model_config *model = &reading->config.model;
    const bool mixture = model->head == WT_HEAD_LOGISTICS || model->head == WT_HEAD_GAUSSIAN;
    const bool next = data->target == WT_TARGETS_NEXT && model->head != WT_HEAD_SOFTMAX;
    if (model->components > 0 && !mixture) {
        return rule_error(reading, "model.components", "model.head",
                          "model.components needs model.head: logistics or gaussian (got %d, expected 0)",
                          model->components);
    }
    if (model->mean_unit != 1 && !mixture) {
        return rule_error(reading, "model.mean_unit", "model.head",
                          "model.mean_unit needs model.head: logistics or gaussian (got %g, expected 1)",
                          model->mean_unit);
    }
    if (model->mean_curve != WT_MEAN_LINEAR && !mixture) {
        return rule_error(
            reading, "model.mean_curve", "model.head",
            "model.mean_curve needs model.head: logistics or gaussian (got sinh, expected linear)");
    }
    if (data->preemphasis > 0 && (!next || model->input != WT_INPUT_REAL)) {
        return rule_error(
            reading, "data.preemphasis", "model.",
            "data.preemphasis needs model.input: real, data.target: next and another head than softmax "
            "(got %g, expected 0)",
            data->preemphasis);
    }
    if (data->input_noise > 0 && model->input != WT_INPUT_REAL) {
        return rule_error(reading, "data.input_noise", "model.input",
                          "data.input_noise needs model.input: real (got %g, expected 0)", data->input_noise);
    }
    return WT_OK;
}

static wt_status check_text(const wt_reading *reading) {
    bool text = reading->config.data.quantization.kind == WT_QUANTIZATION_VOCABULARY;
    if (text && reading->config.model.head != WT_HEAD_SOFTMAX &&
        reading->config.data.target == WT_TARGETS_NEXT) {
        return rule_error(reading, "data.quantization", "model.head",
                          "the next symbol of a text is a class (expected model.head: softmax)");
    }
    if (!text || reading->config.model.input != WT_INPUT_REAL) return WT_OK;
    return rule_error(
        reading, "data.quantization", "model.input",
        "model.input: real needs a signal (data.quantization: vocabulary is of text, whose symbols have "
        "no values)");
}

wt_status wt_reading_check(const wt_reading *reading) {
    WT_TRY(check_text(reading));
    WT_TRY(check_real(reading));
    WT_TRY(check_microbatches(reading));
    WT_TRY(check_schedule(reading));
    WT_TRY(check_validation(reading));
    WT_TRY(check_optimizer(reading));
    WT_TRY(check_receptive_field(reading));
    WT_TRY(check_tensors(reading));
    return check_labels(reading);
}
