/* RUN/run.yaml: what the run is, where it runs, and how it ended. Job scripts read its verdict. */
#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "train_internal.h"
#include "wavetrain/memory.h"

enum { WT_RECORD_LIMIT = 2 * WT_CONFIG_TEXT_MAX };

int wt_read_restarts(const char *run) {
    char path[WT_PATH_MAX], *text;
    size_t bytes;
    int restarts = 0;
    if (wt_path_join(path, run, "run.yaml") != WT_OK || !wt_path_exists(path)) return 0;
    if (wt_file_read(&text, &bytes, path, WT_RECORD_LIMIT) != WT_OK) return 0;
    const char *line = strstr(text, "\nrestarts: ");
    if (line) restarts = atoi(line + strlen("\nrestarts: "));
    wt_free(text);
    return restarts;
}

/* A text as a YAML scalar in double quotes. */
static void wt_print_quoted(FILE *out, const char *key, const char *text) {
    fprintf(out, "%s: \"", key);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') fputc('\\', out);
        if ((unsigned char)*c >= ' ') fputc(*c, out);
    }
    fprintf(out, "\"\n");
}

static void wt_print_record(FILE *out, const wt_trainer *trainer, const char *hosts, const char *verdict,
                            const char *why, const char *configuration) {
    char now[64];
    time_t seconds = time(NULL);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &utc);
    fprintf(out, "verdict: %s\n", verdict);
    wt_print_quoted(out, "why", why);
    fprintf(out, "step: %" PRId64 "\nsteps: %" PRId64 "\n", trainer->state.step,
            trainer->config->train.steps);
    fprintf(out, "restarts: %d\n", trainer->restarts);
    fprintf(out, "skipped: %" PRId64 "\nrollbacks: %d\n", trainer->state.skipped, trainer->state.rollbacks);
    if (isfinite(trainer->state.best_validation_loss)) {
        fprintf(out, "best_validation_loss: %.9g\nbest_step: %" PRId64 "\n",
                trainer->state.best_validation_loss, trainer->state.best_step);
    }
    fprintf(out, "written: %s\nwavetrain: %s\n", now, WT_VERSION);
    wt_print_quoted(out, "numerics", trainer->state.numerics);
    wt_print_quoted(out, "hosts", hosts);
    fprintf(out, "ranks: %d\nthreads: %d\nlanes: %d\n", trainer->state.ranks, trainer->state.threads,
            trainer->lanes);
    wt_print_quoted(out, "dataset", trainer->state.dataset);
    fprintf(out, "configuration:\n");
    for (const char *line = configuration; *line;) {
        int length = (int)strcspn(line, "\n");
        fprintf(out, "  %.*s\n", length, line);
        line += length + (line[length] == '\n');
    }
}

wt_status wt_write_run_record(const wt_trainer *trainer, const char *hosts, const char *verdict,
                              const char *why) {
    wt_status status = WT_OK;
    char path[WT_PATH_MAX], *configuration = NULL, *text = NULL;
    size_t bytes = 0;
    WT_TRY(wt_path_join(path, trainer->options->run, "run.yaml"));
    WT_TRY(wt_config_text(&configuration, trainer->config));
    FILE *out = open_memstream(&text, &bytes);
    WT_GUARD_CHECK(out, WT_FAILED, "%s: out of memory", path);
    wt_print_record(out, trainer, hosts, verdict, why, configuration);
    WT_GUARD_CHECK(fclose(out) == 0, WT_FAILED, "%s: out of memory", path);
    status = wt_file_write_atomically(path, text, bytes, NULL, 0);
cleanup:
    free(text);
    wt_free(configuration);
    return status;
}
