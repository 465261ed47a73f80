/* What the arrays of a network are. */
#include "network/model_config.h"

int wt_array_layers(const wt_array_config *array) {
    return array->dilations.count ? array->dilations.count : array->layers;
}

int wt_array_dilation(const wt_array_config *array, int layer) {
    return array->dilations.count ? array->dilations.values[layer] : 1 << layer;
}

int wt_array_kernel(const wt_array_config *array, int layer) {
    return array->kernels.count ? array->kernels.values[layer] : array->kernel;
}

const wt_array_config *wt_model_arrays(const wt_model_config *model, int *count) {
    *count = model->array_count ? model->array_count : 1;
    return model->array_count ? model->arrays : &model->array;
}
