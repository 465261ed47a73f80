/*
 * The network as a table of blocks, built once from the configuration. Two walks over the same builder:
 * the first counts tensors, the second fills the table, so that names, shapes and offsets stand in one place.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wavetrain/hash.h"
#include "wavetrain/memory.h"
#include "wavetrain/model.h"
#include "wavetrain/random.h"

/* Where the builder stands. `entries` is NULL while it only counts. */
typedef struct {
    wt_parameter *entries;
    int count;
    size_t total;
    wt_parameter counted; /* what the counting walk writes to */
} wt_builder;

static wt_parameter *wt_add_parameter(wt_builder *builder, const char *prefix, const char *suffix, int rank,
                                      const int shape[3], int fan_in) {
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
    builder->total += entry->count;
    builder->count++;
    return entry;
}

static wt_convolution wt_add_convolution(wt_builder *builder, int in, int out, int taps, int dilation,
                                         const char *format, ...) __attribute__((format(printf, 6, 7)));

static wt_convolution wt_add_convolution(wt_builder *builder, int in, int out, int taps, int dilation,
                                         const char *format, ...) {
    char prefix[WT_PARAMETER_NAME - 8];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    int number = builder->count;
    wt_add_parameter(builder, prefix, "weight", 3, (int[3]){out, in, taps}, in * taps);
    wt_add_parameter(builder, prefix, "bias", 1, (int[3]){out, 0, 0}, in * taps);
    return (wt_convolution){in, out, taps, dilation, number, number + 1};
}

static const wt_convolution wt_absent = {0, 0, 0, 0, -1, -1};

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
static void wt_build_block(wt_builder *builder, wt_block *block, int number, bool last, int width, int skip,
                           const wt_array_config *array, int dilation) {
    int halves = array->activation == WT_ACTIVATION_GATE ? 2 : 1;
    *block = (wt_block){wt_absent, wt_absent, wt_absent, wt_absent, array->gate, array->activation, 0};
    if (width != array->residual) {
        block->rechannel = wt_add_convolution(builder, width, array->residual, 1, 1, "blocks.%d.rechannel",
                                              number);
    }
    block->conv = wt_add_convolution(builder, array->residual, halves * array->gate, array->kernel, dilation,
                                     "blocks.%d.conv", number);
    block->skip = wt_add_convolution(builder, array->gate, skip, 1, 1, "blocks.%d.skip", number);
    if (!last) {
        block->residual = wt_add_convolution(builder, array->gate, array->residual, 1, 1,
                                             "blocks.%d.residual", number);
    }
}

/* One target a window: outputs are left where the receptive field fits; the last alone needs no readout. */
static int wt_readout_rows(const wt_network *network, const wt_model_config *model, int window) {
    if (window == 0 || model->readout == WT_READOUT_LAST) return 0;
    int reach = network->input.taps - 1;
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
    wt_add_parameter(builder, "readout", "weight", 2, (int[3]){1, rows, 0}, rows);
    if (network->head_kind == WT_HEAD_SOFTMAX) return; /* what is added to all logits changes nothing */
    network->readout_bias = builder->count;
    wt_add_parameter(builder, "readout", "bias", 1, (int[3]){1, 0, 0}, rows);
}

static void wt_build(wt_network *network, wt_builder *builder, wt_block *blocks, const wt_model_config *model,
                     const wt_network_shape *shape) {
    int arrays, number = 0;
    const wt_array_config *array = wt_arrays(model, &arrays);
    int in = model->input == WT_INPUT_CLASS ? shape->input_classes : shape->channels;
    int width = array[0].residual;
    network->input = wt_add_convolution(builder, in, width, model->input_kernel, 1, "input");
    for (int i = 0; i < arrays; i++) {
        int layers = wt_array_layers(&array[i]);
        for (int layer = 0; layer < array[i].stacks * layers; layer++, number++) {
            wt_build_block(builder, &blocks[number], number, number == network->block_count - 1, width,
                           model->skip, &array[i], wt_array_dilation(&array[i], layer % layers));
            width = array[i].residual;
        }
    }
    int hidden = model->head_channels ? model->head_channels : model->skip;
    network->head[0] = wt_add_convolution(builder, model->skip, hidden, 1, 1, "head.0");
    network->head[1] = wt_add_convolution(builder, hidden, network->classes, 1, 1, "head.1");
    wt_build_readout(network, builder, model, shape->window);
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

wt_status wt_network_create(wt_network **out, const wt_model_config *model, int classes, int channels) {
    const wt_network_shape shape = {.input_classes = classes, .channels = channels, .outputs = classes};
    return wt_network_create_shaped(out, model, &shape);
}

wt_status wt_network_create_shaped(wt_network **out, const wt_model_config *model,
                                   const wt_network_shape *shape) {
    wt_status status = WT_OK;
    wt_network *network = NULL;
    wt_block *blocks = NULL;
    wt_parameter *entries = NULL;
    *out = NULL;
    WT_TRY(wt_alloc(&network, 1, sizeof *network, "the network"));
    network->input_kind = model->input;
    network->classes = shape->outputs;
    network->head_kind = model->head;
    network->block_count = wt_count_blocks(model);
    network->skip_channels = model->skip;
    network->skip_scale = model->skip_scale;
    network->residual_scale = model->residual_scale;
    WT_GUARD(wt_alloc(&blocks, (size_t)network->block_count, sizeof *blocks, "the table of blocks"));
    network->blocks = blocks;
    wt_builder counter = {.entries = NULL};
    wt_build(network, &counter, blocks, model, shape);
    WT_GUARD_CHECK(shape->window == 0 || model->readout == WT_READOUT_LAST || network->readout_rows >= 1,
                   WT_USAGE, "a window of %d samples is shorter than the receptive field", shape->window);
    WT_GUARD(wt_alloc(&entries, (size_t)counter.count, sizeof *entries, "the table of parameters"));
    wt_builder filler = {.entries = entries};
    wt_build(network, &filler, blocks, model, shape);
    network->parameters = (wt_parameter_table){filler.count, entries, filler.total};
    wt_measure(network, blocks);
    *out = network;
    network = NULL;
cleanup:
    if (network) {
        wt_free(entries);
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
    wt_free(network);
}

/* PyTorch's number of the flat element `at` of a tensor. */
static size_t wt_torch_element(const wt_parameter *parameter, size_t at) {
    if (parameter->rank == 1) return at;
    size_t out = (size_t)parameter->shape[0], in = (size_t)parameter->shape[1];
    size_t taps = parameter->rank == 3 ? (size_t)parameter->shape[2] : 1;
    size_t o = at % out, i = at / out % in, j = at / out / in;
    return (o * in + i) * taps + j;
}

void wt_network_initialise(const wt_network *network, wt_real *parameters, uint64_t seed) {
    for (int p = 0; p < network->parameters.count; p++) {
        const wt_parameter *parameter = &network->parameters.entries[p];
        uint64_t name = wt_hash_string(parameter->name, 0).low;
        double bound = 1.0 / sqrt((double)parameter->fan_in);
        for (size_t i = 0; i < parameter->count; i++) {
            double unit = wt_random_uniform(seed, WT_RANDOM_INITIAL, name, wt_torch_element(parameter, i));
            parameters[parameter->offset + i] = (wt_real)(bound * (2.0 * unit - 1.0));
        }
    }
}

static double wt_convolution_operations(const wt_convolution *convolution, double rows) {
    return convolution->weight < 0 ? 0.0
                                   : 2.0 * rows * convolution->in * convolution->out * convolution->taps;
}

double wt_network_operations(const wt_network *network, int targets) {
    double t = targets;
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
