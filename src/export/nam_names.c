/* Names in .nam files. */
#include "export/nam.h"
#include "nam_internal.h"

const wt_nam_activation wt_nam_activations[] = {
    {"Tanh", "tanh", WT_ACTIVATION_TANH},
    {"ReLU", "relu", WT_ACTIVATION_RELU},
    {"LeakyReLU", "leaky-relu", WT_ACTIVATION_LEAKY_RELU},
    {"Hardtanh", "hardtanh", WT_ACTIVATION_HARDTANH},
    {"Sigmoid", "sigmoid", WT_ACTIVATION_SIGMOID},
    {"SiLU", "silu", WT_ACTIVATION_SILU},
    {"Hardswish", "hardswish", WT_ACTIVATION_HARDSWISH},
    {"Softsign", "softsign", WT_ACTIVATION_SOFTSIGN},
    {NULL, NULL, WT_ACTIVATION_GATE},
};

const char *const wt_nam_films[] = {"conv_pre_film",         "conv_post_film",      "input_mixin_pre_film",
                                    "input_mixin_post_film", "activation_pre_film", "activation_post_film",
                                    "layer1x1_post_film",    "head1x1_post_film",   NULL};

const char *const wt_nam_gear_types[] = {"amp",           "pedal",  "pedal_amp", "amp_cab",
                                         "amp_pedal_cab", "preamp", "studio",    NULL};
const char *const wt_nam_tone_types[] = {"clean", "overdrive", "crunch", "hi_gain", "fuzz", NULL};

bool wt_nam_recognise(const char *text, size_t bytes) {
    size_t at = 0;
    while (at < bytes && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) at++;
    return at < bytes && text[at] == '{';
}
