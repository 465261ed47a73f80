/* What the bench commands share. */
#include <errno.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench_models.h"
#include "bench_command.h"
#include "command_internal.h"
#include "kernels/kernel_set.h"

/* --- options --- */

wt_status wt_bench_set_threads(int threads) {
    enum { THREADS_MAX = 1024 };
    WT_TRY(wt_command_check_numbers(&(wt_command_number){"--threads", threads, 0, THREADS_MAX}, 1));
    if (threads) omp_set_num_threads(threads);
    return WT_OK;
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

/* --- lines --- */

void wt_bench_peak_doubt(char text[WT_PEAK_DOUBT], const wt_bench_peak *peak) {
    double ratio;
    *text = '\0';
    if (wt_bench_peak_disturbed(peak, &ratio))
        snprintf(text, WT_PEAK_DOUBT, "; disturbed: this peak is %.2f × the threads × one thread's", ratio);
}

void wt_bench_peaks_print(const wt_bench_peaks *peaks, const char *cores) {
    static const char *const names[] = {[WT_PEAK_FP32] = "fp32", [WT_PEAK_BF16] = "bf16"};
    for (int kind = 0; kind < WT_PEAKS; kind++) {
        const wt_bench_peak *peak = &peaks->of[kind];
        if (peaks->rounds[kind]) {
            printf("peak of %s, %s: %.1f GFLOP/s, sustained %.1f, threads × one thread's %.1f (%s)\n", cores,
                   names[kind], 1e-9 * peak->best, 1e-9 * wt_bench_peak_sustained(peak), 1e-9 * peak->apart,
                   peaks->unit[kind].instruction);
        } else {
            printf("peak of %s, %s: the vector unit has no instruction for it\n", cores, names[kind]);
        }
    }
}
