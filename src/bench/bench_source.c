/* What is measured: a file's or a model's configuration with settings, and numbers to measure with. */
#include "bench/bench_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench_models.h"
#include "config/sections.h"

const char *wt_bench_source_name(const wt_bench_source *source) {
    return source->path ? source->path : source->model;
}

wt_bench_source wt_bench_model_source(const char *path, const char *model, char **sets) {
    return (wt_bench_source){path, model || path ? model : "A", sets};
}

wt_status wt_bench_configure(wt_config *config, const wt_bench_source *source,
                             const wt_bench_setting *settings, int count) {
    enum { SETS_MAX = 64, SETTINGS_MAX = 4, TEXT = 64 };
    char texts[SETTINGS_MAX][TEXT];
    const char *sets[SETS_MAX], *path = source->path;
    size_t used = 0;
    WT_CHECK(!path || !source->model, WT_USAGE, "--model: stands in place of a configuration (got %s too)",
             path);
    WT_CHECK(!path || strcmp(path, "-") != 0, WT_USAGE,
             "-: a configuration from standard input is for train and inspect (expected a file)");
    for (int i = 0; i < count; i++) {
        const wt_bench_setting *s = &settings[i];
        if (!s->text && s->number == 0) continue;
        if (s->text)
            snprintf(texts[used], TEXT, "%s=%.32s", s->key, s->text);
        else
            snprintf(texts[used], TEXT, "%s=%.17g", s->key, s->number);
        sets[used] = texts[used];
        used++;
    }
    for (char **set = source->sets; set && *set; set++) {
        WT_CHECK(used < SETS_MAX, WT_USAGE, "--set: too many of them (expected at most %d)",
                 SETS_MAX - SETTINGS_MAX);
        sets[used++] = *set;
    }
    if (path || !source->model) return wt_config_load(config, path, sets, used);
    return wt_bench_model_configure(config, source->model, sets, used);
}

wt_status wt_bench_parse_list(wt_bench_list *list, const char *option, const char *text, int min, int max) {
    const char *at = text;
    list->count = 0;
    for (;; at++) {
        char *end;
        errno = 0;
        long value = strtol(at, &end, 10);
        WT_CHECK(end != at && errno == 0 && value >= min && value <= max && (*end == ',' || *end == '\0'),
                 WT_USAGE, "%s: wrong (got \"%s\", expected numbers from %d to %d with commas between them)",
                 option, text, min, max);
        WT_CHECK(list->count < WT_BENCH_LIST, WT_USAGE, "%s: too many numbers (expected at most %d)", option,
                 WT_BENCH_LIST);
        list->values[list->count++] = (int)value;
        at = end;
        if (*at == '\0') return WT_OK;
    }
}
