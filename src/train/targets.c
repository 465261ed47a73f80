/* What a configuration's targets ask of network and windows: the next samples, or labels. */
#include <math.h>
#include <stdio.h>

#include "train/evaluation.h"
#include "train_internal.h"

wt_network_shape wt_train_shape_network(const wt_config *config, int levels, int classes, int channels) {
    const wt_data_config *data = &config->data;
    const bool labels = data->target == WT_TARGETS_LABEL;
    return (wt_network_shape){.input_classes = levels,
                              .channels = channels,
                              .classes = labels ? classes : levels,
                              .values = labels ? 1 : channels,
                              .codes = !labels && classes == WT_SAMPLE_CODES,
                              .window = data->stride > 0 ? data->window : 0};
}

void wt_train_shape_condition(wt_network_shape *shape, const wt_config *config, const wt_features *features,
                              int speakers) {
    const bool flagged = config->data.condition_dropout > 0;
    if (config->model.condition.kind != WT_CONDITION_NONE && features->count > 0) {
        shape->features = features->count + flagged;
        shape->hop = features->hop;
    }
    if (config->model.condition.speaker > 0) shape->speakers = speakers;
}

/* Where there is no data set to say it: 80 numbers, five speakers, the hop that the scales ask for. */
static void assume_condition(wt_network_shape *shape, const wt_config *config) {
    enum { ASSUMED_FEATURES = 80, ASSUMED_HOP = 256, ASSUMED_SPEAKERS = 5 };
    const wt_dilation_list *scales = &config->model.condition.scales;
    wt_features features = {.count = ASSUMED_FEATURES, .hop = scales->count ? 1 : ASSUMED_HOP};
    for (int k = 0; k < scales->count; k++) features.hop *= scales->values[k];
    wt_train_shape_condition(shape, config, &features, ASSUMED_SPEAKERS);
}

wt_status wt_train_data_facts(wt_data_facts *facts, const wt_config *config, const wt_dataset *dataset) {
    enum { ASSUMED_CLASSES = 2, ASSUMED_CHANNELS = 1 };
    facts->assumed = !dataset;
    facts->quantization = config->data.quantization;
    if (dataset)
        WT_TRY(wt_dataset_quantization(&facts->quantization, dataset, config->data.quantization));
    else
        WT_TRY(
            /* those of text can't be assumed */
            wt_dataset_network_classes(&facts->quantization.levels, &config->data));
    const bool labels = config->data.target == WT_TARGETS_LABEL;
    const int classes = labels ? (dataset ? wt_dataset_classes(dataset) : ASSUMED_CLASSES)
                        : !dataset || wt_dataset_kind(dataset) == WT_DATA_AUDIO ? WT_SAMPLE_CODES
                                                                                : 0;
    facts->network = wt_train_shape_network(config, facts->quantization.levels, classes,
                                            dataset ? wt_dataset_channels(dataset) : ASSUMED_CHANNELS);
    if (dataset) {
        wt_train_shape_condition(&facts->network, config, wt_dataset_features(dataset),
                                 wt_dataset_speakers(dataset));
    } else {
        assume_condition(&facts->network, config);
    }
    WT_CHECK(facts->network.classes > 0 || config->model.head != WT_HEAD_SOFTMAX, WT_USAGE,
             "%s: has no labels that are classes (data.target: label, model.head: softmax)",
             config->data.path);
    return WT_OK;
}

wt_status wt_train_read_data_facts(wt_data_facts *facts, const wt_config *config) {
    wt_dataset *dataset = NULL;
    if (wt_dataset_has_split(config->data.path, "train"))
        WT_TRY(wt_dataset_open(&dataset, config->data.path, "train", 0));
    wt_status status = wt_train_data_facts(facts, config, dataset);
    wt_dataset_close(dataset);
    return status;
}

wt_status wt_train_create_network(wt_network **out, const wt_config *config) {
    wt_data_facts facts;
    *out = NULL;
    WT_TRY(wt_train_read_data_facts(&facts, config));
    return wt_network_create_shaped(out, &config->model, &facts.network);
}

wt_status wt_train_make_windows(wt_windows **out, const wt_dataset *dataset, const wt_network *network,
                                const wt_data_config *data, const wt_normalization *normalization) {
    const wt_network_traits *traits = wt_network_get_traits(network);
    *out = NULL;
    const int targets = wt_network_targets(network, data->window, data->stride),
              context = traits->receptive_field;
    if (data->target == WT_TARGETS_NEXT) {
        const bool table = wt_dataset_kind(dataset) == WT_DATA_TABLE;
        WT_CHECK(
            !table || (traits->classes == 0 && traits->input_kind == WT_INPUT_REAL), WT_USAGE,
            "data.target: next of a table's columns needs model.input: real and another head than softmax");
        WT_CHECK(traits->classes > 0 || traits->codes == (wt_dataset_kind(dataset) == WT_DATA_AUDIO),
                 WT_USAGE, "the network was made for %s (got another kind of data set)",
                 traits->codes ? "sound" : "a table");
        return wt_windows_create(out, dataset, targets, context, data->partial_context);
    }
    WT_CHECK(wt_dataset_kind(dataset) != WT_DATA_TABLE || traits->input_kind == WT_INPUT_REAL, WT_USAGE,
             "a table's columns are not classes (model.input must be real)");
    const wt_label_windows labels = {.targets = targets,
                                     .context = context,
                                     .partial = data->partial_context,
                                     .look_ahead = data->look_ahead,
                                     .stride = data->stride,
                                     .outputs = traits->classes,
                                     .normalization = *normalization};
    return wt_windows_create_labels(out, dataset, &labels);
}

void wt_train_take_normalization(wt_normalization *normalization, const wt_config *config,
                                 const wt_dataset *dataset) {
    *normalization = (wt_normalization){.channels = 0};
    const bool applies = config->data.target == WT_TARGETS_LABEL || wt_dataset_kind(dataset) == WT_DATA_TABLE;
    if (applies && config->model.input == WT_INPUT_REAL && config->data.normalization == WT_NORMALIZE_CHANNEL)
        *normalization = *wt_dataset_normalization(dataset);
}

wt_batch_shape wt_train_shape_batch(const wt_network *network, const wt_data_config *data,
                                    wt_quantization quantization, const wt_normalization *normalization,
                                    int slots) {
    const wt_network_traits *traits = wt_network_get_traits(network);
    wt_batch_shape shape = {.windows = slots,
                            .targets = wt_network_targets(network, data->window, data->stride),
                            .context = traits->receptive_field,
                            .input = traits->input_kind,
                            .quantization = quantization,
                            .values = traits->values,
                            .codes = traits->codes,
                            .preemphasis = data->preemphasis};
    if (normalization) shape.normalization = *normalization;
    wt_condition_shape *c = &shape.condition;
    c->frames = wt_network_frames(network, shape.targets);
    c->framing = traits->framing;
    c->flagged = traits->features > 0 && data->condition_dropout > 0;
    c->features.count = traits->features - c->flagged;
    c->features.hop = traits->framing.hop;
    c->speakers = traits->speakers;
    return shape;
}

void wt_train_format_esr(char *text, size_t capacity, bool sound, double esr) {
    static const struct {
        double below;
        const char *word;
    } words[] = {{0.01, "great"},
                 {0.035, "not bad"},
                 {0.1, "may be good enough"},
                 {0.3, "hardly good enough"},
                 {INFINITY, "something is wrong"}};
    size_t w = 0;
    while (!(esr < words[w].below) && w + 1 < sizeof words / sizeof *words) w++;
    snprintf(text, capacity, ", ESR %.4g%s%s", esr, sound ? ": " : "", sound ? words[w].word : "");
}

void wt_train_shape_frames(wt_batch_shape *shape, const wt_features *features) {
    if (shape->condition.frames > 0) shape->condition.features = *features;
}

void wt_train_format_loss(char *text, size_t room, const wt_network *network, const char *unit, double loss) {
    if (wt_network_get_traits(network)->head_kind == WT_HEAD_MSE) {
        snprintf(text, room, "%.6g squared error", loss);
    } else {
        snprintf(text, room, "%.4f nats, %.4f bits per %s", loss, loss / log(2.0), unit);
    }
}
