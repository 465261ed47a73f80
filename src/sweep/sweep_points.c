/* A sweep's points as runs: each has a folder of its own, and what it is at is known from its run.yaml
 * alone. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "sweep/sweep.h"
#include "wavetrain/train.h"

wt_status wt_sweep_run_path(char run[WT_PATH_MAX], const wt_sweep *sweep, int point) {
    char name[16];
    snprintf(name, sizeof name, "%04d", point);
    return wt_path_join(run, wt_sweep_runs(sweep), name);
}

/* How a run's configuration differs from its point's. */
typedef struct {
    const wt_sweep *sweep;
    char swept[256]; /* the first key that the sweep varies */
    bool changed;    /* anything that a resume would not pass over */
} wt_difference;

static void note_difference(void *context, const char *key, wt_resume_rule rule, const char *before,
                            const char *after) {
    wt_difference *difference = context;
    difference->changed = difference->changed || rule != WT_RESUME_FREE;
    for (int k = 0; k < wt_sweep_key_count(difference->sweep) && !*difference->swept; k++) {
        if (strcmp(wt_sweep_key(difference->sweep, k), key) != 0) continue;
        snprintf(difference->swept, sizeof difference->swept, "%s was %s, now %s", key, before, after);
    }
}

wt_status wt_sweep_is_done(bool *done, const wt_sweep *sweep, int point) {
    wt_status status = WT_OK;
    char run[WT_PATH_MAX];
    wt_config *configs;
    wt_difference difference = {.sweep = sweep};
    *done = false;
    WT_TRY(wt_sweep_run_path(run, sweep, point));
    WT_TRY(wt_alloc(&configs, 2, sizeof *configs, "configurations"));
    WT_GUARD(wt_sweep_configure(&configs[0], sweep, point));
    const wt_run_verdict verdict = wt_run_read_verdict(run);
    if (!*verdict.verdict) goto cleanup;
    WT_GUARD(wt_run_read_config(&configs[1], run));
    WT_GUARD(wt_config_compare(&configs[1], &configs[0], note_difference, &difference));
    WT_GUARD_CHECK(
        !*difference.swept, WT_USAGE,
        "%s: is a run of another point than %d of %s (%s); take it away, or another `runs:` folder", run,
        point, wt_sweep_path(sweep), difference.swept);
    *done = strcmp(verdict.verdict, "done") == 0 && !difference.changed;
cleanup:
    wt_free(configs);
    return status;
}

wt_status wt_sweep_label(char *label, size_t capacity, const wt_sweep *sweep, int point) {
    size_t used = 0;
    label[0] = '\0';
    for (int k = 0; k < wt_sweep_key_count(sweep) && used < capacity; k++) {
        char *value;
        const char *name = strrchr(wt_sweep_key(sweep, k), '.') + 1;
        WT_TRY(wt_sweep_value(&value, sweep, point, k));
        if (value)
            used += (size_t)snprintf(label + used, capacity - used, "%s%s %s", used ? ", " : "", name, value);
        wt_free(value);
    }
    return WT_OK;
}

wt_status wt_sweep_arguments(char ***arguments, const wt_sweep *sweep, int point) {
    wt_status status = WT_OK;
    char run[WT_PATH_MAX], **sets = NULL, **out = NULL;
    size_t count = 0, used = 0;
    *arguments = NULL;
    WT_TRY(wt_sweep_run_path(run, sweep, point));
    WT_GUARD(wt_sweep_sets(&sets, &count, sweep, point));
    const char *const first[] = {"wavetrain", "train", wt_sweep_config(sweep), "--run", run};
    WT_GUARD(wt_alloc(&out, 5 + 2 * count + 1, sizeof *out, "arguments"));
    for (size_t i = 0; i < 5; i++) WT_GUARD(wt_memory_copy_string(&out[used++], first[i]));
    for (size_t i = 0; i < count; i++) {
        WT_GUARD(wt_memory_copy_string(&out[used++], "--set"));
        WT_GUARD(wt_memory_copy_string(&out[used++], sets[i]));
    }
    *arguments = out;
    out = NULL;
cleanup:
    wt_sweep_free_sets(sets, count);
    wt_sweep_free_arguments(out);
    return status;
}

void wt_sweep_free_arguments(char **arguments) {
    for (size_t i = 0; arguments && arguments[i]; i++) wt_free(arguments[i]);
    wt_free(arguments);
}
