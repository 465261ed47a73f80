/* Sizes that people train: A is the usual WaveNet, B wide, C deep with wide skips, S a small one. */
#include "bench/bench_models.h"

#include <string.h>

static const struct {
    const char *name, *text;
} models[] = {
    {"A",
     "{model: {stacks: 3, layers: 10, kernel: 2, residual: 64, gate: 64, skip: 128}, data: {window: 8192}}"},
    {"B",
     "{model: {stacks: 4, layers: 6, kernel: 3, residual: 128, gate: 128, skip: 128}, data: {window: 8192}}"},
    {"C",
     "{model: {stacks: 4, layers: 10, kernel: 2, residual: 32, gate: 32, skip: 256}, data: {window: 8192}}"},
    {"S",
     "{model: {stacks: 2, layers: 8, kernel: 3, residual: 16, gate: 16, skip: 16}, data: {window: 256}}"},
};

wt_status wt_bench_model_configure(wt_config *config, const char *model, const char *const *sets,
                                   size_t count) {
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        const char *text = models[i].text;
        if (strcmp(models[i].name, model) == 0)
            return wt_config_parse(config, model, text, strlen(text), sets, count);
    }
    return wt_error(WT_USAGE, "--model: no such model (got \"%s\", expected A, B, C or S)", model);
}
