/*
 * The network as a table of blocks, built once from the configuration. Two walks over the same builder:
 * the first counts tensors, the second fills the table, so that names, shapes and offsets stand in one place.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wavetrain/memory.h"
#include "wavetrain/model.h"

static const wt_convolution wt_absent = {0, 0, 0, 0, -1, -1};

/* Where the builder stands. `entries` is NULL while it only counts. */
typedef struct {
    wt_parameter *entries;
    int count;
    size_t total;
    wt_parameter counted; /* what the counting walk writes to */
} wt_builder;

static wt_parameter *wt_add_parameter(wt_builder *builder, wt_parameter_role role, const char *prefix,
                                      const char *suffix, int rank, const int shape[3], int fan_in) {
    wt_parameter *entry = builder->entries ? &builder->entries[builder->count] : &builder->counted;
    memset(entry, 0, sizeof *entry);
    snprintf(entry->name, sizeof entry->name, "%s.%s", prefix, suffix);
    entry->rank = rank;
    entry->count = 1;
    for (int i = 0; i < rank; i++) {
        entry->shape[i] = shape[i];
        entry->count *= (size_t)shape[i];
    }
    entry->offset = builder->total;
    entry->fan_in = fan_in;
    entry->role = role;
    entry->trained = role != WT_ROLE_RUNNING_MEAN && role != WT_ROLE_RUNNING_VARIANCE;
    builder->total += entry->count;
    builder->count++;
    return entry;
}

static wt_convolution wt_add_convolution(wt_builder *builder, int in, int out, int taps, int dilation,
                                         bool bias, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

static wt_convolution wt_add_convolution(wt_builder *builder, int in, int out, int taps, int dilation,
                                         bool bias, const char *format, ...) {
    char prefix[WT_PARAMETER_NAME - 8];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    int number = builder->count;
    wt_add_parameter(builder, WT_ROLE_WEIGHT, prefix, "weight", 3, (int[3]){out, in, taps}, in * taps);
    if (bias) wt_add_parameter(builder, WT_ROLE_BIAS, prefix, "bias", 1, (int[3]){out, 0, 0}, in * taps);
    return (wt_convolution){in, out, taps, dilation, number, bias ? number + 1 : -1};
}

static const wt_norm wt_no_norm = {-1, -1, -1, -1};

static bool wt_adds_bias(const wt_model_config *model) {
    return model->bias == WT_BIAS_AUTO ? model->norm == WT_NORM_NONE : model->bias == WT_BIAS_TRUE;
}

/* Tensor `name` of a norm. `of`: "levels" or "blocks". */
static int wt_add_channels(wt_builder *builder, wt_parameter_role role, const char *of, int number,
                           const char *name, int channels) {
    char prefix[32];
    snprintf(prefix, sizeof prefix, "%s.%d.norm", of, number);
    wt_add_parameter(builder, role, prefix, name, 1, (int[3]){channels, 0, 0}, channels);
    return builder->count - 1;
}

static void wt_add_norm(wt_builder *builder, wt_norm *norm, const char *of, int number, int channels) {
    norm->weight = wt_add_channels(builder, WT_ROLE_NORM_WEIGHT, of, number, "weight", channels);
    norm->bias = wt_add_channels(builder, WT_ROLE_NORM_BIAS, of, number, "bias", channels);
}

/* Running statistics stand behind all that is trained. */
static void wt_add_statistics(wt_builder *builder, wt_norm *norm, const char *of, int number, int channels) {
    norm->running_mean = wt_add_channels(builder, WT_ROLE_RUNNING_MEAN, of, number, "running_mean", channels);
    norm->running_variance = wt_add_channels(builder, WT_ROLE_RUNNING_VARIANCE, of, number, "running_var",
                                             channels);
}

static int wt_array_layers(const wt_array_config *array) {
    return array->dilations.count ? array->dilations.count : array->layers;
}

static int wt_array_dilation(const wt_array_config *array, int layer) {
    return array->dilations.count ? array->dilations.values[layer] : 1 << layer;
}

static const wt_array_config *wt_arrays(const wt_model_config *model, int *count) {
    *count = model->array_count ? model->array_count : 1;
    return model->array_count ? model->arrays : &model->array;
}

static int wt_count_blocks(const wt_model_config *model) {
    int arrays, blocks = 0;
    const wt_array_config *array = wt_arrays(model, &arrays);
    for (int i = 0; i < arrays; i++) blocks += array[i].stacks * wt_array_layers(&array[i]);
    return blocks;
}

/* Block `number` of the network, of shape `array`; `width` is h's width before it. */
static void wt_build_block(wt_builder *builder, wt_block *block, int number, bool last, int width,
                           const wt_model_config *model, const wt_array_config *array, int dilation) {
    const int out = (array->activation == WT_ACTIVATION_GATE ? 2 : 1) * array->gate;
    const bool bias = model->norm == WT_NORM_NONE || wt_adds_bias(model);
    *block = (wt_block){wt_absent,   wt_absent,         wt_absent, wt_absent,
                        array->gate, array->activation, 0,         wt_no_norm};
    if (width != array->residual) {
        block->rechannel = wt_add_convolution(builder, width, array->residual, 1, 1, true,
                                              "blocks.%d.rechannel", number);
    }
    block->conv = wt_add_convolution(builder, array->residual, out, array->kernel, dilation, bias,
                                     "blocks.%d.conv", number);
    if (model->norm != WT_NORM_NONE) wt_add_norm(builder, &block->norm, "blocks", number, out);
    block->skip = wt_add_convolution(builder, array->gate, model->skip, 1, 1, true, "blocks.%d.skip", number);
    if (!last) {
        block->residual = wt_add_convolution(builder, array->gate, array->residual, 1, 1, true,
                                             "blocks.%d.residual", number);
    }
}

/* --- reading one output out of a window --- */

/* One target a window: outputs are left where the receptive field fits; the last alone needs no readout. */
static int wt_readout_rows(const wt_network *network, const wt_model_config *model, int window) {
    if (window == 0 || model->readout == WT_READOUT_LAST) return 0;
    int reach = network->trunk == WT_TRUNK_HIERARCHY ? network->receptive_field - 1 : network->input.taps - 1;
    for (int l = 0; l < network->block_count; l++) {
        const wt_convolution *conv = &network->blocks[l].conv;
        reach += (conv->taps - 1) * conv->dilation;
    }
    return window - reach;
}

static void wt_build_readout(wt_network *network, wt_builder *builder, const wt_model_config *model,
                             int window) {
    network->readout_rows = wt_readout_rows(network, model, window);
    network->readout_weight = network->readout_bias = -1;
    if (network->readout_rows == 0 || model->readout != WT_READOUT_LINEAR) return;
    const int rows = network->readout_rows;
    network->readout_weight = builder->count;
    wt_add_parameter(builder, WT_ROLE_WEIGHT, "readout", "weight", 2, (int[3]){1, rows, 0}, rows);
    if (network->head_kind == WT_HEAD_SOFTMAX) return; /* what is added to all logits changes nothing */
    network->readout_bias = builder->count;
    wt_add_parameter(builder, WT_ROLE_BIAS, "readout", "bias", 1, (int[3]){1, 0, 0}, rows);
}

/* --- the hierarchy --- */

static wt_convolution wt_add_linear(wt_builder *builder, int in, int out, bool bias, const char *prefix) {
    int number = builder->count;
    wt_add_parameter(builder, WT_ROLE_WEIGHT, prefix, "weight", 2, (int[3]){out, in, 0}, in);
    if (bias) wt_add_parameter(builder, WT_ROLE_BIAS, prefix, "bias", 1, (int[3]){out, 0, 0}, in);
    return (wt_convolution){in, out, 1, 1, number, bias ? number + 1 : -1};
}

static void wt_build_level(wt_builder *builder, wt_level *level, int number, int in, int out,
                           const wt_model_config *model) {
    char prefix[32];
    snprintf(prefix, sizeof prefix, "levels.%d.linear", number);
    level->linear = wt_add_linear(builder, in, out, wt_adds_bias(model), prefix);
    level->norm = wt_no_norm;
    if (model->norm != WT_NORM_NONE) wt_add_norm(builder, &level->norm, "levels", number, out);
}

static void wt_build_hierarchy(wt_network *network, wt_builder *builder, wt_level *levels,
                               const wt_model_config *model, const wt_network_shape *shape) {
    network->embedding = -1;
    network->embedding_channels = shape->channels;
    if (model->input == WT_INPUT_CLASS) {
        network->embedding = builder->count;
        network->embedding_channels = model->embedding;
        wt_add_parameter(builder, WT_ROLE_EMBEDDING, "embedding", "weight", 2,
                         (int[3]){shape->input_classes, model->embedding, 0}, shape->input_classes);
    }
    int width = network->embedding_channels, rows = 1;
    for (int l = network->level_count - 1; l >= 0; l--) {
        levels[l].rows = rows;
        levels[l].fuse = model->fuse.values[l];
        rows *= levels[l].fuse;
    }
    network->receptive_field = rows;
    for (int l = 0; l < network->level_count; l++) {
        int out = model->width.values[model->width.count > 1 ? l : 0];
        wt_build_level(builder, &levels[l], l, width * levels[l].fuse, out, model);
        width = out;
    }
    network->output = wt_add_linear(builder, width, network->classes, true, "output");
    if (builder->entries) builder->entries[network->output.weight].last = true;
    wt_build_readout(network, builder, model, shape->window);
    network->parameters.trained = builder->total;
    for (int l = 0; model->norm == WT_NORM_BATCH && l < network->level_count; l++)
        wt_add_statistics(builder, &levels[l].norm, "levels", l, levels[l].linear.out);
}

/* --- the wavenet --- */

static void wt_build_wavenet(wt_network *network, wt_builder *builder, wt_block *blocks,
                             const wt_model_config *model, const wt_network_shape *shape) {
    int arrays, number = 0;
    const wt_array_config *array = wt_arrays(model, &arrays);
    int in = model->input == WT_INPUT_CLASS ? shape->input_classes : shape->channels;
    int width = array[0].residual;
    network->input = wt_add_convolution(builder, in, width, model->input_kernel, 1, true, "input");
    for (int i = 0; i < arrays; i++) {
        int layers = wt_array_layers(&array[i]);
        for (int layer = 0; layer < array[i].stacks * layers; layer++, number++) {
            wt_build_block(builder, &blocks[number], number, number == network->block_count - 1, width, model,
                           &array[i], wt_array_dilation(&array[i], layer % layers));
            width = array[i].residual;
        }
    }
    int hidden = model->head_channels ? model->head_channels : model->skip;
    network->head[0] = wt_add_convolution(builder, model->skip, hidden, 1, 1, true, "head.0");
    network->head[1] = wt_add_convolution(builder, hidden, network->classes, 1, 1, true, "head.1");
    if (builder->entries) builder->entries[network->head[1].weight].last = true;
    wt_build_readout(network, builder, model, shape->window);
    network->parameters.trained = builder->total;
    for (int l = 0; model->norm == WT_NORM_BATCH && l < network->block_count; l++)
        wt_add_statistics(builder, &blocks[l].norm, "blocks", l, blocks[l].conv.out);
}

/* Rows more than T, from the last block back to the input, and the receptive field. */
static void wt_measure(wt_network *network, wt_block *blocks) {
    int lead = 0;
    for (int l = network->block_count - 1; l >= 0; l--) {
        blocks[l].lead = lead;
        lead += (blocks[l].conv.taps - 1) * blocks[l].conv.dilation;
    }
    network->input_lead = lead;
    network->receptive_field = network->input.taps - 1 + lead + 1;
}

/* The activation's own gain, as torch.nn.init.calculate_gain has it. */
static double wt_default_gain(wt_activation activation) {
    return activation == WT_ACTIVATION_RELU ? sqrt(2.0) : 5.0 / 3.0;
}

static void wt_set_up(wt_network *network, const wt_model_config *model, int classes) {
    const bool hierarchy = model->trunk == WT_TRUNK_HIERARCHY;
    network->trunk = model->trunk;
    network->input_kind = model->input;
    network->classes = classes;
    network->activation = model->array.activation;
    network->norm = model->norm;
    network->dropout = model->dropout;
    network->initial.kind = model->init;
    network->initial.gain = model->init_gain > 0 ? model->init_gain
                                                 : wt_default_gain(model->array.activation);
    network->initial.output_scale = model->output_scale > 0 ? model->output_scale : 1;
    network->block_count = hierarchy ? 0 : wt_count_blocks(model);
    network->level_count = hierarchy ? model->fuse.count : 0;
    network->input = network->output = network->head[0] = network->head[1] = wt_absent;
    network->embedding = network->readout_weight = network->readout_bias = -1;
    network->head_kind = model->head;
    network->skip_channels = hierarchy ? 0 : model->skip;
    network->skip_scale = model->skip_scale;
    network->residual_scale = model->residual_scale;
}

static void wt_build(wt_network *network, wt_builder *builder, wt_block *blocks, wt_level *levels,
                     const wt_model_config *model, const wt_network_shape *shape) {
    if (network->trunk == WT_TRUNK_HIERARCHY) {
        wt_build_hierarchy(network, builder, levels, model, shape);
    } else {
        wt_build_wavenet(network, builder, blocks, model, shape);
    }
}

wt_status wt_network_create(wt_network **out, const wt_model_config *model, int classes, int channels) {
    const wt_network_shape shape = {.input_classes = classes, .channels = channels, .outputs = classes};
    return wt_network_create_shaped(out, model, &shape);
}

wt_status wt_network_create_shaped(wt_network **out, const wt_model_config *model,
                                   const wt_network_shape *shape) {
    wt_status status = WT_OK;
    wt_network *network = NULL;
    wt_block *blocks = NULL;
    wt_level *levels = NULL;
    wt_parameter *entries = NULL;
    *out = NULL;
    WT_TRY(wt_alloc(&network, 1, sizeof *network, "the network"));
    wt_set_up(network, model, shape->outputs);
    WT_GUARD(wt_alloc(&blocks, (size_t)network->block_count, sizeof *blocks, "the table of blocks"));
    WT_GUARD(wt_alloc(&levels, (size_t)network->level_count, sizeof *levels, "the table of levels"));
    network->blocks = blocks;
    network->levels = levels;
    wt_builder counter = {.entries = NULL};
    wt_build(network, &counter, blocks, levels, model, shape);
    WT_GUARD_CHECK(shape->window == 0 || model->readout == WT_READOUT_LAST || network->readout_rows >= 1,
                   WT_USAGE, "a window of %d samples is shorter than the receptive field", shape->window);
    WT_GUARD(wt_alloc(&entries, (size_t)counter.count, sizeof *entries, "the table of parameters"));
    wt_builder filler = {.entries = entries};
    wt_build(network, &filler, blocks, levels, model, shape);
    network->parameters = (wt_parameter_table){filler.count, entries, filler.total,
                                               network->parameters.trained};
    if (network->trunk == WT_TRUNK_WAVENET) wt_measure(network, blocks);
    *out = network;
    network = NULL;
cleanup:
    if (network) {
        wt_free(entries);
        wt_free(levels);
        wt_free(blocks);
        wt_free(network);
    }
    return status;
}

int wt_network_targets(const wt_network *network, const wt_data_config *data) {
    if (data->stride == 0) return data->window;
    return network->readout_rows ? network->readout_rows : 1;
}

void wt_network_destroy(wt_network *network) {
    if (!network) return;
    wt_free((void *)network->parameters.entries);
    wt_free((void *)network->blocks);
    wt_free((void *)network->levels);
    wt_free(network);
}

void wt_network_describe(const wt_network *network, char *text, size_t room) {
    const bool hierarchy = network->trunk == WT_TRUNK_HIERARCHY;
    const int count = hierarchy ? network->level_count : network->block_count;
    snprintf(text, room, "%d %s%s", count, hierarchy ? "level" : "block", count == 1 ? "" : "s");
}

int wt_network_lane_sums(const wt_network *network) {
    int widest = 0;
    if (network->norm != WT_NORM_BATCH) return 0;
    for (int l = 0; l < network->level_count; l++) {
        if (network->levels[l].linear.out > widest) widest = network->levels[l].linear.out;
    }
    for (int l = 0; l < network->block_count; l++) {
        if (network->blocks[l].conv.out > widest) widest = network->blocks[l].conv.out;
    }
    return 2 * widest + 1;
}

static double wt_convolution_operations(const wt_convolution *convolution, double rows) {
    return convolution->weight < 0 ? 0.0
                                   : 2.0 * rows * convolution->in * convolution->out * convolution->taps;
}

static double wt_hierarchy_operations(const wt_network *network) {
    double sum = wt_convolution_operations(&network->output, 1);
    for (int l = 0; l < network->level_count; l++) {
        sum += wt_convolution_operations(&network->levels[l].linear, network->levels[l].rows);
    }
    return sum;
}

double wt_network_operations(const wt_network *network, int targets) {
    double t = targets;
    if (network->trunk == WT_TRUNK_HIERARCHY) return wt_hierarchy_operations(network);
    /* a one-hot input is a look-up: additions only, which are not counted */
    double sum = network->input_kind == WT_INPUT_CLASS
                     ? 0.0
                     : wt_convolution_operations(&network->input, t + network->input_lead);
    for (int l = 0; l < network->block_count; l++) {
        const wt_block *block = &network->blocks[l];
        double rows = t + block->lead, reach = (block->conv.taps - 1.0) * block->conv.dilation;
        sum += wt_convolution_operations(&block->rechannel, rows + reach);
        sum += wt_convolution_operations(&block->conv, rows);
        sum += wt_convolution_operations(&block->residual, rows);
        sum += wt_convolution_operations(&block->skip, t);
    }
    sum += wt_convolution_operations(&network->head[0], t) + wt_convolution_operations(&network->head[1], t);
    return sum / t;
}
