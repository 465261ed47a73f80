/*
 * wavetrain sweep: one configuration at many points. A point's run is the program's own `train` with --set, in a folder of
 * its own; what it is at is known from its run.yaml alone, so that a sweep goes on where it was interrupted, and several
 * of its points may run as jobs of an array.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command_internal.h"
#include "sweep_internal.h"
#include "wavetrain/launcher.h"
#include "wavetrain/log.h"
#include "wavetrain/memory.h"

typedef struct {
    int jobs, index, report, list;
} wt_sweep_options;

static wt_sweep_options wt_given;

static const struct poptOption wt_options[] = {
    {"jobs", '\0', POPT_ARG_INT, &wt_given.jobs, 0,
     "So many runs at once, which share the cores (default 1); what they say goes to RUNS/*.log", "N"},
    {"index", '\0', POPT_ARG_INT, &wt_given.index, 0,
     "Only this point, 1 to their number, in this process (also under mpirun or srun): for arrays of jobs",
     "I"},
    {"report", '\0', POPT_ARG_NONE, &wt_given.report, 0,
     "Run nothing: print all points, the best validation loss first, and draw their curves into "
     "RUNS/report.png",
     NULL},
    {"list", '\0', POPT_ARG_NONE, &wt_given.list, 0,
     "Run nothing: print the folder of each point's run, a line each, in the order of --index", NULL},
    POPT_TABLEEND,
};

/* --- points and their runs --- */

wt_status wt_sweep_run(char run[WT_PATH_MAX], const wt_sweep *sweep, int point) {
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

static void wt_note_difference(void *context, const char *key, wt_resume_rule rule, const char *before,
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
    WT_TRY(wt_sweep_run(run, sweep, point));
    WT_TRY(wt_alloc(&configs, 2, sizeof *configs, "configurations"));
    WT_GUARD(wt_sweep_configure(&configs[0], sweep, point));
    const wt_run_verdict verdict = wt_read_verdict(run);
    if (!*verdict.verdict) goto cleanup;
    WT_GUARD(wt_read_run_config(&configs[1], run));
    WT_GUARD(wt_config_compare(&configs[1], &configs[0], wt_note_difference, &difference));
    WT_GUARD_CHECK(
        !*difference.swept, WT_USAGE,
        "%s: is a run of another point than %d of %s (%s); take it away, or another `runs:` folder", run,
        point, wt_sweep_path(sweep), difference.swept);
    *done = strcmp(verdict.verdict, "done") == 0 && !difference.changed;
cleanup:
    wt_free(configs);
    return status;
}

wt_status wt_sweep_label(char *label, size_t room, const wt_sweep *sweep, int point) {
    size_t used = 0;
    label[0] = '\0';
    for (int k = 0; k < wt_sweep_key_count(sweep) && used < room; k++) {
        char *value;
        const char *name = strrchr(wt_sweep_key(sweep, k), '.') + 1;
        WT_TRY(wt_sweep_value(&value, sweep, point, k));
        if (value)
            used += (size_t)snprintf(label + used, room - used, "%s%s %s", used ? ", " : "", name, value);
        wt_free(value);
    }
    return WT_OK;
}

wt_status wt_sweep_program(char path[WT_PATH_MAX]) {
    ssize_t length = readlink("/proc/self/exe", path, WT_PATH_MAX - 1);
    WT_CHECK(length > 0, WT_FAILED, "/proc/self/exe: can't be read (%s)", strerror(errno));
    path[length] = '\0';
    return WT_OK;
}

wt_status wt_sweep_arguments(char ***arguments, const wt_sweep *sweep, int point) {
    wt_status status = WT_OK;
    char run[WT_PATH_MAX], **sets = NULL, **out = NULL;
    size_t count = 0, used = 0;
    *arguments = NULL;
    WT_TRY(wt_sweep_run(run, sweep, point));
    WT_GUARD(wt_sweep_sets(&sets, &count, sweep, point));
    const char *const first[] = {"wavetrain", "train", wt_sweep_config(sweep), "--run", run};
    WT_GUARD(wt_alloc(&out, 5 + 2 * count + 1, sizeof *out, "arguments"));
    for (size_t i = 0; i < 5; i++) WT_GUARD(wt_copy_string(&out[used++], first[i]));
    for (size_t i = 0; i < count; i++) {
        WT_GUARD(wt_copy_string(&out[used++], "--set"));
        WT_GUARD(wt_copy_string(&out[used++], sets[i]));
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

/* --- the command --- */

/* This process becomes the point's run; returns only if there is nothing to do, or on a failure. */
static wt_status wt_become_run(const wt_sweep *sweep, int point) {
    bool done;
    char program[WT_PATH_MAX], **arguments;
    WT_CHECK(point >= 1 && point <= wt_sweep_points(sweep), WT_USAGE,
             "--index is out of range (got %d, expected 1 … %d)", point, wt_sweep_points(sweep));
    WT_TRY(wt_sweep_is_done(&done, sweep, point));
    if (done) {
        wt_log_info("point %d of %d is done already", point, wt_sweep_points(sweep));
        return WT_OK;
    }
    WT_TRY(wt_sweep_program(program));
    WT_TRY(wt_sweep_arguments(&arguments, sweep, point));
    fflush(NULL);
    execv(program, arguments);
    wt_status status = wt_error(WT_FAILED, "%s: can't be started (%s)", program, strerror(errno));
    wt_sweep_free_arguments(arguments);
    return status;
}

static wt_status wt_list_runs(const wt_sweep *sweep) {
    char run[WT_PATH_MAX];
    for (int point = 1; point <= wt_sweep_points(sweep); point++) {
        WT_TRY(wt_sweep_run(run, sweep, point));
        printf("%s\n", run);
    }
    return WT_OK;
}

static wt_status wt_sweep_with(const char *path, bool indexed) {
    wt_sweep *sweep;
    WT_CHECK(indexed + (wt_given.jobs != 0) + wt_given.report + wt_given.list <= 1, WT_USAGE,
             "--jobs, --index, --report and --list: expected one of them");
    WT_CHECK(wt_given.jobs >= 0 && wt_given.jobs <= 1024, WT_USAGE,
             "--jobs is out of range (got %d, expected 1 … 1024)", wt_given.jobs);
    WT_CHECK(indexed || wt_launch_read().ranks <= 1, WT_USAGE, /* each rank would run everything */
             "%s: a sweep starts its runs by itself (expected one process, or --index with several ranks)",
             path);
    WT_TRY(wt_sweep_load(&sweep, path));
    wt_status status = indexed           ? wt_become_run(sweep, wt_given.index)
                       : wt_given.report ? wt_sweep_report(sweep)
                       : wt_given.list   ? wt_list_runs(sweep)
                                         : wt_sweep_run_all(sweep, wt_given.jobs ? wt_given.jobs : 1);
    wt_sweep_destroy(sweep);
    return status;
}

static wt_status wt_run_sweep(wt_comm *comm, int argc, const char **argv) {
    (void)comm;
    enum { NO_INDEX = -2147483647 };
    poptContext context;
    const char **arguments;
    int count;
    bool done;
    wt_given = (wt_sweep_options){.index = NO_INDEX};
    wt_status status = wt_command_parse(&context, &wt_command_sweep, argc, argv, 1, 1, &arguments, &count,
                                        &done);
    if (status == WT_OK && !done) status = wt_sweep_with(arguments[0], wt_given.index != NO_INDEX);
    poptFreeContext(context);
    return status;
}

const wt_command wt_command_sweep = {
    .name = "sweep",
    .arguments = "SWEEP.yaml [OPTION…]",
    .summary = "Train one configuration at many points: a grid, a list, or random draws of its keys",
    .run = wt_run_sweep,
    .options = wt_options,
};
