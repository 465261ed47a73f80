/* Two tables of sizes, from which configurations are printed. */
#include "bench/calibration_networks.h"

#include <stdio.h>
#include <string.h>

enum { TEXT = 512 };

static const struct {
    int stacks, layers, kernel, width, skip; /* width: of residuals and gates */
    int window, batch, microbatches;         /* 0: the default */
    const char *norm;                        /* or NULL */
} wavenets[] = {
    {2, 7, 2, 16, 32, 2048, 2, 0, NULL},    {2, 5, 3, 16, 16, 512, 4, 0, NULL},
    {1, 4, 2, 16, 16, 64, 1, 0, NULL},      {1, 7, 2, 24, 32, 512, 8, 4, NULL},
    {2, 8, 2, 32, 64, 2048, 4, 0, NULL},    {2, 6, 3, 32, 32, 4096, 1, 0, NULL},
    {2, 8, 2, 32, 256, 4096, 1, 0, NULL},   {1, 4, 2, 48, 96, 32, 64, 4, NULL},
    {3, 10, 2, 64, 128, 8192, 1, 0, NULL},  {2, 9, 2, 64, 128, 2048, 1, 0, NULL},
    {1, 8, 3, 64, 64, 1024, 2, 0, NULL},    {1, 8, 2, 128, 128, 2048, 1, 0, NULL},
    {2, 6, 3, 128, 128, 4096, 1, 0, NULL},  {1, 8, 2, 32, 64, 2048, 2, 0, "batch"},
    {1, 8, 2, 64, 64, 2048, 1, 0, "layer"}, {1, 4, 2, 128, 128, 96, 1, 0, NULL},
    {2, 6, 2, 64, 128, 128, 1, 0, NULL},    {1, 6, 2, 128, 128, 256, 2, 2, NULL},
    {1, 4, 2, 256, 256, 1024, 1, 0, NULL},
};

static const struct {
    int embedding;
    const char *fuse;
    int width, symbols, batch;
    const char *norm;      /* or NULL */
    const char *optimizer; /* or NULL: the default */
    bool large;            /* work for threads too */
} hierarchies[] = {
    {10, "2, 2, 2", 68, 27, 32, "batch", "sgd", false},
    {10, "8", 200, 27, 32, "batch", NULL, false},
    {24, "2, 2, 2", 128, 45, 32, "batch", NULL, false},
    {10, "2, 2, 2", 128, 45, 256, "batch", NULL, true},
    {16, "2, 2, 2", 64, 45, 256, "batch", NULL, false},
    {12, "2, 2, 2, 2, 2", 40, 29, 80, "layer", NULL, false},
    {16, "4, 4", 256, 64, 1024, NULL, NULL, true},
    {16, "2, 2, 2", 64, 45, 2048, "layer", NULL, true},
};

enum {
    WAVENETS = sizeof wavenets / sizeof *wavenets,
    HIERARCHIES = sizeof hierarchies / sizeof *hierarchies
};
_Static_assert(WAVENETS + HIERARCHIES == WT_CALIBRATION_NETWORKS, "another number of networks");

/* ", KEY: VALUE", or nothing. */
static void format_key(char text[48], const char *key, const char *value) {
    *text = '\0';
    if (value) snprintf(text, 48, ", %s: %s", key, value);
}

static void print_wavenet(char text[TEXT], int number) {
    char norm[48], microbatches[48], count[16];
    const int own = wavenets[number].microbatches;
    snprintf(count, sizeof count, "%d", own);
    format_key(norm, "norm", wavenets[number].norm);
    format_key(microbatches, "microbatches", own ? count : NULL);
    snprintf(text, TEXT,
             "{model: {stacks: %d, layers: %d, kernel: %d, residual: %d, gate: %d, skip: %d%s}, "
             "data: {window: %d}, train: {batch: %d%s}}",
             wavenets[number].stacks, wavenets[number].layers, wavenets[number].kernel,
             wavenets[number].width, wavenets[number].width, wavenets[number].skip, norm,
             wavenets[number].window, wavenets[number].batch, microbatches);
}

static void print_hierarchy(char text[TEXT], int number) {
    char norm[48];
    const char *optimizer = hierarchies[number].optimizer;
    format_key(norm, "norm", hierarchies[number].norm);
    snprintf(text, TEXT,
             "{model: {trunk: hierarchy, embedding: %d, fuse: [%s], width: %d%s}, "
             "data: {window: 1, quantization: \"linear:%d\"}, train: {batch: %d}, optimizer: {kind: %s}}",
             hierarchies[number].embedding, hierarchies[number].fuse, hierarchies[number].width, norm,
             hierarchies[number].symbols, hierarchies[number].batch, optimizer ? optimizer : "adam");
}

wt_status wt_calibration_network_configure(wt_config *config, char name[WT_CALIBRATION_NETWORK_NAME],
                                           int number, const char *const *sets, size_t count) {
    char text[TEXT];
    const bool hierarchy = number >= WAVENETS;
    if (hierarchy)
        print_hierarchy(text, number - WAVENETS);
    else
        print_wavenet(text, number);
    WT_TRY(wt_config_parse(config, "calibration", text, strlen(text), sets, count));
    const wt_model_config *model = &config->model;
    if (hierarchy)
        snprintf(name, WT_CALIBRATION_NETWORK_NAME, "hierarchy, %d levels of %d, batch %d",
                 model->hierarchy.fuse.count, model->hierarchy.width.values[0], config->train.batch);
    else
        snprintf(name, WT_CALIBRATION_NETWORK_NAME, "%d×%d blocks of %d, kernel %d, window %d",
                 model->array.stacks, model->array.layers, model->array.residual, model->array.kernel,
                 config->data.window);
    return WT_OK;
}

bool wt_calibration_network_suits(int number, int threads) {
    return threads == 1 || number < WAVENETS || hierarchies[number - WAVENETS].large;
}
