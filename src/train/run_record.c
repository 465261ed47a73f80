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

static wt_status wt_read_text(char **text, char path[WT_PATH_MAX], const char *run) {
    size_t bytes;
    WT_TRY(wt_path_join(path, run, "run.yaml"));
    return wt_file_read(text, &bytes, path, WT_RECORD_LIMIT);
}

bool wt_read_run_record(wt_run_record *record, const char *run) {
    char path[WT_PATH_MAX], *text;
    memset(record, 0, sizeof *record);
    if (wt_path_join(path, run, "run.yaml") != WT_OK || !wt_path_exists(path)) return false;
    if (wt_read_text(&text, path, run) != WT_OK) return true;
    const char *restarts = strstr(text, "\nrestarts: ");
    if (restarts) record->restarts = atoi(restarts + strlen("\nrestarts: "));
    record->running = strncmp(text, "verdict: running\n", strlen("verdict: running\n")) == 0;
    wt_free(text);
    return true;
}

/* --- for others to read --- */

/* The value behind `key` at a line's beginning, without quotes and their escapes; "" where there is none. */
static void wt_read_value(char *value, size_t room, const char *text, const char *key) {
    size_t used = 0;
    value[0] = '\0';
    while (text && strncmp(text, key, strlen(key)) != 0) {
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    if (!text) return;
    text += strlen(key);
    bool quoted = *text == '"';
    for (text += quoted; *text && *text != '\n' && !(quoted && *text == '"') && used + 1 < room; text++) {
        if (quoted && *text == '\\' && text[1]) text++;
        value[used++] = *text;
    }
    value[used] = '\0';
}

wt_run_verdict wt_read_verdict(const char *run) {
    wt_run_verdict verdict = {"", ""};
    char path[WT_PATH_MAX], *text;
    if (wt_path_join(path, run, "run.yaml") != WT_OK || !wt_path_exists(path)) return verdict;
    if (wt_read_text(&text, path, run) != WT_OK) return verdict;
    wt_read_value(verdict.verdict, sizeof verdict.verdict, text, "verdict: ");
    wt_read_value(verdict.why, sizeof verdict.why, text, "why: ");
    wt_free(text);
    return verdict;
}

/* The configuration stands at the file's end, two columns to the right. */
wt_status wt_read_run_config(wt_config *config, const char *run) {
    static const char heading[] = "\nconfiguration:\n";
    char path[WT_PATH_MAX], *text;
    WT_TRY(wt_read_text(&text, path, run));
    wt_status status = WT_OK;
    char *begin = strstr(text, heading), *to = begin;
    WT_GUARD_CHECK(begin, WT_FAILED, "%s: has no configuration", path);
    for (const char *from = begin + strlen(heading); *from;) {
        size_t length = strcspn(from, "\n");
        size_t indent = length < 2 ? length : 2;
        memmove(to, from + indent, length - indent);
        to += length - indent;
        *to++ = '\n';
        from += length + (from[length] == '\n');
    }
    WT_GUARD(wt_config_parse(config, path, begin, (size_t)(to - begin), NULL, 0));
cleanup:
    wt_free(text);
    return status;
}

/* --- for this run to write --- */

/* A text as a YAML scalar in double quotes. */
static void wt_print_quoted(FILE *out, const char *key, const char *text) {
    fprintf(out, "%s: \"", key);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') fputc('\\', out);
        if ((unsigned char)*c >= ' ') fputc(*c, out);
    }
    fprintf(out, "\"\n");
}

/* The lines that change while the others stay. */
static const char *const wt_verdict_keys[] = {"verdict: ", "why: ", "written: "};

static void wt_print_verdict(FILE *out, const char *verdict, const char *why) {
    char now[64];
    time_t seconds = time(NULL);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &utc);
    fprintf(out, "verdict: %s\n", verdict);
    wt_print_quoted(out, "why", why);
    fprintf(out, "written: %s\n", now);
}

static void wt_print_record(FILE *out, const wt_trainer *trainer, const char *hosts,
                            const char *configuration) {
    fprintf(out, "step: %" PRId64 "\nsteps: %" PRId64 "\n", trainer->state.step,
            trainer->config->train.steps);
    fprintf(out, "restarts: %d\n", trainer->restarts);
    fprintf(out, "skipped: %" PRId64 "\nrollbacks: %d\n", trainer->state.skipped, trainer->state.rollbacks);
    if (isfinite(trainer->state.best_validation_loss)) {
        fprintf(out, "best_validation_loss: %.9g\nbest_step: %" PRId64 "\n",
                trainer->state.best_validation_loss, trainer->state.best_step);
    }
    fprintf(out, "wavetrain: %s\n", WT_VERSION);
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
    wt_print_verdict(out, verdict, why);
    wt_print_record(out, trainer, hosts, configuration);
    WT_GUARD_CHECK(fclose(out) == 0, WT_FAILED, "%s: out of memory", path);
    status = wt_file_write_atomically(path, text, bytes, NULL, 0);
cleanup:
    free(text);
    wt_free(configuration);
    return status;
}

static bool wt_is_of_verdict(const char *line) {
    for (size_t i = 0; i < sizeof wt_verdict_keys / sizeof *wt_verdict_keys; i++) {
        if (strncmp(line, wt_verdict_keys[i], strlen(wt_verdict_keys[i])) == 0) return true;
    }
    return false;
}

wt_status wt_change_verdict(const char *run, const char *verdict, const char *why) {
    wt_status status = WT_OK;
    char path[WT_PATH_MAX], *old = NULL, *text = NULL;
    size_t bytes = 0;
    WT_TRY(wt_read_text(&old, path, run));
    FILE *out = open_memstream(&text, &bytes);
    WT_GUARD_CHECK(out, WT_FAILED, "%s: out of memory", path);
    wt_print_verdict(out, verdict, why);
    for (const char *line = old; *line;) {
        size_t length = strcspn(line, "\n");
        length += line[length] == '\n';
        if (!wt_is_of_verdict(line)) fwrite(line, 1, length, out);
        line += length;
    }
    WT_GUARD_CHECK(fclose(out) == 0, WT_FAILED, "%s: out of memory", path);
    status = wt_file_write_atomically(path, text, bytes, NULL, 0);
cleanup:
    free(text);
    wt_free(old);
    return status;
}

void wt_note_refusal(const char *run) {
    wt_run_record record;
    char why[1024];
    snprintf(why, sizeof why, "%s", wt_error_message());
    if (wt_read_run_record(&record, run) && wt_change_verdict(run, "failed", why) != WT_OK)
        wt_log_warning("%s", wt_error_message());
    wt_error(WT_FAILED, "%s", why);
}

void wt_train_refused(const char *run) {
    wt_run_lock *lock;
    wt_run_record record;
    char why[1024];
    snprintf(why, sizeof why, "%s", wt_error_message());
    bool taken = wt_read_run_record(&record, run) && wt_run_lock_take(&lock, run) == WT_OK;
    wt_error(WT_FAILED, "%s", why);
    if (!taken) return;
    wt_note_refusal(run);
    wt_run_lock_release(lock);
}
