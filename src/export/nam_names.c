/* Names in .nam files, and what their metadata may say. */
#include "export/nam.h"

#include <string.h>

#include "base/utf8.h"
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

/* --- metadata --- */

static wt_status check_word(const char *option, const char *word, const char *const *words) {
    if (!word) return WT_OK;
    for (int i = 0; words[i]; i++) {
        if (strcmp(word, words[i]) == 0) return WT_OK;
    }
    return wt_error(WT_USAGE, "--%s: no such word (got %s; --help lists them)", option, word);
}

static wt_status check_exported_text(const char *option, const char *text) {
    uint32_t code;
    for (size_t at = 0, bytes = text ? strlen(text) : 0; at < bytes;) {
        const int length = wt_utf8_decode(&code, text + at, bytes - at);
        WT_CHECK(length > 0, WT_USAGE, "--%s: is not UTF-8", option);
        at += (size_t)length;
    }
    return WT_OK;
}

wt_status wt_nam_metadata_check(const wt_nam_metadata *labels) {
    WT_TRY(check_exported_text("name", labels->name));
    WT_TRY(check_exported_text("modeled-by", labels->modeled_by));
    WT_TRY(check_exported_text("gear-make", labels->gear_make));
    WT_TRY(check_exported_text("gear-model", labels->gear_model));
    WT_TRY(check_word("gear-type", labels->gear_type, wt_nam_gear_types));
    return check_word("tone-type", labels->tone_type, wt_nam_tone_types);
}
