/* What is measured, as the options of a bench command say it. */
#ifndef WAVETRAIN_BENCH_SOURCE_H
#define WAVETRAIN_BENCH_SOURCE_H

#include "bench/bench_time.h"
#include "wavetrain/config.h"

/* An option that stands for a key of the configuration, so that it passes the same checks. */
typedef struct {
    const char *key, *text; /* text NULL: */
    double number;          /* this, unless it is 0, for which the key is left as it is */
} wt_bench_setting;

/* What a configuration is made from: a file, or (`path` NULL) the named model, or (both NULL) the defaults;
 * then the settings, and what --set gives. */
typedef struct {
    const char *path, *model;
    char **sets;
} wt_bench_source;
/* Fails where both a file and a model are given. */
wt_status wt_bench_configure(wt_config *config, const wt_bench_source *source,
                             const wt_bench_setting *settings, int count);
/* The file, or else the model of that name, or (NULL) A. */
wt_bench_source wt_bench_model_source(const char *path, const char *model, char **sets);
const char *wt_bench_source_name(const wt_bench_source *source);

/* "16,32,64": numbers from `min` to `max`; `option` is for messages. */
wt_status wt_bench_parse_list(wt_bench_list *list, const char *option, const char *text, int min, int max);

#endif
