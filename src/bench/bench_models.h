/* The named models that speeds are compared on, as configurations. */
#ifndef WAVETRAIN_BENCH_MODELS_H
#define WAVETRAIN_BENCH_MODELS_H

#include <stddef.h>

#include "wavetrain/config.h"

/* The model of that name (A, B, C or S), changed by `count` settings "section.key=value". WT_USAGE: there is
 * no such model, or a setting is wrong. */
wt_status wt_bench_model_configure(wt_config *config, const char *model, const char *const *sets,
                                   size_t count);

#endif
