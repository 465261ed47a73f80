/* RUN/run.yaml: what the run is, where it runs, and how each start ended. Job scripts read its verdict. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "train_internal.h"
#include "yaml/yaml_node.h"

enum { WT_RECORD_LIMIT = 2 * WT_CONFIG_TEXT_MAX };

static wt_status read_record_text(char **text, char path[WT_PATH_MAX], const char *run) {
    size_t bytes;
    WT_TRY(wt_path_join(path, run, "run.yaml"));
    return wt_file_read(text, &bytes, path, WT_RECORD_LIMIT);
}

typedef struct {
    wt_run_record *record;
    const char *run;
} loading;

static wt_status load_once(void *context) {
    const loading *work = context;
    wt_run_record *record = work->record;
    char path[WT_PATH_MAX], *text;
    memset(record, 0, sizeof *record);
    WT_TRY(wt_path_join(path, work->run, "run.yaml"));
    WT_TRY(wt_path_find(&record->known, path));
    if (!record->known) return WT_OK;
    WT_TRY(read_record_text(&text, path, work->run));
    wt_status status = wt_run_parse_record(record, text);
    if (status != WT_OK) wt_run_record_dispose(record);
    wt_free(text);
    return status;
}

/* A record that is there and can't be read is a failure: to write it anew would drop its starts. */
static wt_status load_record(wt_run_record *record, const char *run) {
    loading work = {record, run};
    return wt_error_try_again(load_once, &work);
}

bool wt_run_read_record(wt_run_record *record, const char *run) {
    if (load_record(record, run) == WT_OK) return record->known;
    wt_log_warning("%s", wt_error_message());
    record->known = true;
    return true;
}

/* --- for others to read --- */

wt_run_verdict wt_run_read_verdict(const char *run) {
    wt_run_record record;
    wt_run_read_record(&record, run);
    wt_run_record_dispose(&record);
    return record.said;
}

/* The configuration stands at the file's end, two columns to the right, which YAML allows. */
wt_status wt_run_read_config(wt_config *config, const char *run) {
    static const char heading[] = "\nconfiguration:\n";
    char path[WT_PATH_MAX], *text;
    WT_TRY(read_record_text(&text, path, run));
    wt_status status = WT_OK;
    const char *begin = strstr(text, heading);
    WT_GUARD_CHECK(begin, WT_FAILED, "%s: has no configuration", path);
    begin += strlen(heading);
    WT_GUARD(wt_config_parse_stored(config, path, begin));
cleanup:
    wt_free(text);
    return status;
}

/* --- for this run to write --- */

static void print_quoted(FILE *out, const char *key, const char *text) {
    fprintf(out, "%s: ", key);
    wt_yaml_print_text(out, text);
    fputc('\n', out);
}

/* The lines that change while the others stay, in addition to those of the starts. */
static const char *const wt_verdict_keys[] = {"verdict: ", "why: ", "written: "};

static void print_verdict(FILE *out, const char *verdict, const char *why) {
    char now[WT_TIME_TEXT];
    wt_run_format_time(now, time(NULL));
    fprintf(out, "verdict: %s\n", verdict);
    print_quoted(out, "why", why);
    fprintf(out, "written: %s\n", now);
}

static void print_configuration(FILE *out, const char *configuration) {
    fprintf(out, "configuration:\n");
    for (const char *line = configuration; *line;) {
        int length = (int)strcspn(line, "\n");
        fprintf(out, "  %.*s\n", length, line);
        line += length + (line[length] == '\n');
    }
}

static void print_peak(FILE *out, const wt_trainer *trainer) {
    if (!trainer->peak.bytes) return;
    fprintf(out, "peak_memory_mib: %.1f\npeak_memory_rank: %d\n", (double)trainer->peak.bytes / 1048576.0,
            trainer->peak.rank);
}

/* Once the steps are done: what they took before the exchange, and who was slow. */
static void print_ranks(FILE *out, const wt_trainer *trainer) {
    const wt_stragglers *stragglers = &trainer->stragglers;
    if (stragglers->intervals == 0) return;
    fprintf(out, "compute_milliseconds: %.3f\nslowest_rank: %d\nslowest_milliseconds: %.3f\n",
            1e3 * stragglers->median, stragglers->slowest, 1e3 * stragglers->slowest_time);
    print_quoted(out, "slowest_host", trainer->start.places[stragglers->slowest].host);
    print_quoted(out, "straggler", trainer->straggler);
}

static void print_record(FILE *out, const wt_trainer *trainer) {
    fprintf(out, "step: %" PRId64 "\nsteps: %" PRId64 "\n", trainer->state.step,
            trainer->config->train.steps);
    fprintf(out, "restarts: %d\n", trainer->start.restarts);
    fprintf(out, "skipped: %" PRId64 "\nrollbacks: %d\n", trainer->state.guard.skipped,
            trainer->state.guard.rollbacks);
    if (isfinite(trainer->state.best_validation_loss)) {
        fprintf(out, "best_validation_loss: %.9g\nbest_step: %" PRId64 "\n",
                trainer->state.best_validation_loss, trainer->state.best_step);
    }
    fprintf(out, "wavetrain: %s\n", WT_VERSION);
    print_quoted(out, "numerics", trainer->state.numerics);
    print_quoted(out, "hosts", trainer->start.hosts);
    fprintf(out, "ranks: %d\nthreads: %d\nmicrobatches: %d\n", trainer->state.ranks, trainer->state.threads,
            trainer->step->microbatches.count);
    print_quoted(out, "dataset", trainer->state.dataset);
    if (trainer->files.record.checkpoint_seconds > 0)
        fprintf(out, "checkpoint_seconds: %.3f\n", trainer->files.record.checkpoint_seconds);
    print_peak(out, trainer);
    print_ranks(out, trainer);
    wt_run_print_starts(out, &trainer->files.record);
}

/* This start's line as it is now. */
static wt_status update_start(wt_trainer *trainer, const char *verdict, const char *why) {
    const wt_run_start fresh = wt_run_begin_start(trainer->comm, trainer->options->run,
                                                  trainer->start.begun_at);
    if (!trainer->files.record.count) WT_TRY(wt_run_add_start(&trainer->files.record, &fresh));
    wt_run_start *start = &trainer->files.record.starts[trainer->files.record.count - 1];
    start->from = trainer->start.first_step;
    start->to = trainer->state.step;
    start->threads = trainer->state.threads;
    start->peak_mib = (double)trainer->peak.bytes / 1048576.0;
    start->peak_rank = trainer->peak.rank;
    if (strcmp(verdict, "running") != 0) wt_run_close_start(&trainer->files.record, verdict, why, time(NULL));
    return WT_OK;
}

wt_status wt_run_write_record(wt_trainer *trainer, const char *verdict, const char *why) {
    wt_status status = WT_OK;
    char path[WT_PATH_MAX], *configuration = NULL, *text = NULL;
    size_t bytes = 0;
    WT_TRY(wt_path_join(path, trainer->options->run, "run.yaml"));
    WT_TRY(update_start(trainer, verdict, why));
    WT_TRY(wt_config_text(&configuration, trainer->config));
    FILE *out = open_memstream(&text, &bytes);
    WT_GUARD_CHECK(out, WT_FAILED, "%s: out of memory", path);
    print_verdict(out, verdict, why);
    print_record(out, trainer);
    print_configuration(out, configuration);
    WT_GUARD_CHECK(fclose(out) == 0, WT_FAILED, "%s: out of memory", path);
    status = wt_file_write_atomically(path, text, bytes, NULL, 0);
cleanup:
    free(text);
    wt_free(configuration);
    return status;
}

static bool is_verdict_line(const char *line) {
    for (size_t i = 0; i < sizeof wt_verdict_keys / sizeof *wt_verdict_keys; i++) {
        if (strncmp(line, wt_verdict_keys[i], strlen(wt_verdict_keys[i])) == 0) return true;
    }
    return false;
}

/* Other starts, and another verdict unless it is NULL; the rest stays as it is. */
static wt_status rewrite_record(const char *run, const wt_run_record *record, const char *verdict,
                                const char *why) {
    static const char heading[] = "configuration:\n";
    wt_status status = WT_OK;
    char path[WT_PATH_MAX], *old = NULL, *text = NULL;
    size_t bytes = 0;
    WT_TRY(read_record_text(&old, path, run));
    FILE *out = open_memstream(&text, &bytes);
    WT_GUARD_CHECK(out, WT_FAILED, "%s: out of memory", path);
    if (verdict) print_verdict(out, verdict, why);
    for (const char *line = old; *line;) {
        size_t length = strcspn(line, "\n");
        length += line[length] == '\n';
        if (strncmp(line, heading, strlen(heading)) == 0) wt_run_print_starts(out, record);
        if (!wt_run_is_starts_line(line) && !(verdict && is_verdict_line(line))) fwrite(line, 1, length, out);
        line += length;
    }
    WT_GUARD_CHECK(fclose(out) == 0, WT_FAILED, "%s: out of memory", path);
    status = wt_file_write_atomically(path, text, bytes, NULL, 0);
cleanup:
    free(text);
    wt_free(old);
    return status;
}

wt_status wt_run_enter_start(wt_run_record *record, const char *run, const wt_run_lock *lock,
                             const wt_run_start *start) {
    WT_TRY(load_record(record, run));
    if (!record->known) return wt_run_add_start(record, start);
    wt_run_close_lost_start(record, run, wt_run_lock_seen(lock));
    WT_TRY(wt_run_add_start(record, start));
    return rewrite_record(run, record, NULL, NULL);
}

wt_status wt_run_change_verdict(const char *run, const char *verdict, const char *why) {
    wt_run_record record;
    WT_TRY(load_record(&record, run));
    wt_status status = WT_OK;
    if (record.running) { /* else it has its word: where a rank hangs, the launcher asks the others to stop */
        wt_run_close_running_start(&record, run, verdict, why);
        status = rewrite_record(run, &record, verdict, why);
    }
    wt_run_record_dispose(&record);
    return status;
}

/* The run itself is what it was: only its list of starts says that this one was refused. */
static wt_status list_refusal(const char *run, const char *why) {
    wt_run_record record;
    WT_TRY(load_record(&record, run));
    wt_run_close_running_start(&record, run, "refused", why);
    wt_status status = record.known ? rewrite_record(run, &record, NULL, NULL) : WT_OK;
    wt_run_record_dispose(&record);
    return status;
}

void wt_run_note_refusal(const char *run) {
    char why[1024];
    snprintf(why, sizeof why, "%s", wt_error_message());
    if (list_refusal(run, why) != WT_OK) wt_log_warning("%s", wt_error_message());
    wt_error(WT_FAILED, "%s", why);
}

void wt_train_refused(const wt_comm *comm, const char *run) {
    wt_run_lock *lock;
    wt_run_record record;
    char path[WT_PATH_MAX], why[1024];
    snprintf(why, sizeof why, "%s", wt_error_message());
    bool taken = wt_path_join(path, run, "run.yaml") == WT_OK && wt_path_exists(path) &&
                 wt_run_lock_take(&lock, run) == WT_OK;
    wt_error(WT_FAILED, "%s", why);
    if (!taken) return;
    const wt_run_start start = wt_run_begin_start(comm, run, time(NULL));
    if (wt_run_enter_start(&record, run, lock, &start) != WT_OK) wt_log_warning("%s", wt_error_message());
    wt_run_record_dispose(&record);
    wt_error(WT_FAILED, "%s", why);
    wt_run_note_refusal(run);
    wt_run_lock_release(lock);
}
