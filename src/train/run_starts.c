/*
 * The starts of a run, as its run.yaml lists them: one line each, so that grep finds them, in YAML's flow
 * style, so that a library reads them. A start enters itself as running when it has the run's lock, and is
 * closed by whoever knows how it ended: itself, or, where it was killed, the next one, from the last signs of
 * life in the run's folder.
 */
#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "comm/ranks.h"
#include "train_internal.h"
#include "yaml/yaml_node.h"

enum { WT_STARTS_LISTED = 256 }; /* older ones are only counted */

void wt_run_format_time(char text[WT_TIME_TEXT], time_t seconds) {
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(text, WT_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* --- reading --- */

/* A scalar's text; "" where there is none. */
static const char *text_of(const wt_yaml_node *mapping, const char *key) {
    const wt_yaml_node *node = wt_yaml_find(mapping, key);
    return node && node->kind == WT_YAML_SCALAR ? node->text : "";
}

static int64_t read_whole_number(const wt_yaml_node *mapping, const char *key) {
    return strtoll(text_of(mapping, key), NULL, 10);
}

/* A count that may be added to: whatever the file says, it is small. */
static int count_at(const wt_yaml_node *mapping, const char *key) {
    enum { COUNT_MAX = 1000000000 };
    const int64_t number = read_whole_number(mapping, key);
    return number < 0 ? 0 : number > COUNT_MAX ? COUNT_MAX : (int)number;
}

static time_t time_of(const wt_yaml_node *mapping, const char *key) {
    struct tm utc;
    memset(&utc, 0, sizeof utc);
    return strptime(text_of(mapping, key), "%Y-%m-%dT%H:%M:%SZ", &utc) ? timegm(&utc) : 0;
}

static void read_start(wt_run_start *start, const wt_yaml_node *entry) {
    *start = (wt_run_start){
        .begun = time_of(entry, "begun"),
        .ended = time_of(entry, "ended"),
        .from = read_whole_number(entry, "from"),
        .to = read_whole_number(entry, "to"),
        .ranks = count_at(entry, "ranks"),
        .threads = count_at(entry, "threads"),
        .nodes = count_at(entry, "nodes"),
        .peak_mib = strtod(text_of(entry, "peak_memory_mib"), NULL),
        .peak_rank = count_at(entry, "peak_memory_rank"),
    };
    const char *verdict = text_of(entry, "verdict"); /* printed again as it is: letters alone */
    snprintf(start->verdict, sizeof start->verdict, "%.*s",
             (int)strspn(verdict, "abcdefghijklmnopqrstuvwxyz"), verdict);
    snprintf(start->why, sizeof start->why, "%s", text_of(entry, "why"));
}

static wt_status read_starts(wt_run_record *record, const wt_yaml_node *list) {
    if (!list || list->kind != WT_YAML_LIST) return WT_OK;
    for (const wt_yaml_node *entry = list->first; entry; entry = entry->next) {
        wt_run_start start;
        read_start(&start, entry);
        WT_TRY(wt_run_add_start(record, &start));
    }
    return WT_OK;
}

/* A file from before there was a list counts restarts alone. */
static wt_status read_run_fields(wt_run_record *record, const wt_yaml_node *root) {
    const wt_yaml_node *list = wt_yaml_find(root, "starts");
    record->restarts = count_at(root, "restarts");
    record->earlier = list ? count_at(root, "earlier_starts") : record->restarts + 1;
    record->earlier_hours = strtod(text_of(root, "earlier_node_hours"), NULL);
    record->checkpoint_seconds = strtod(text_of(root, "checkpoint_seconds"), NULL);
    snprintf(record->said.verdict, sizeof record->said.verdict, "%s", text_of(root, "verdict"));
    snprintf(record->said.why, sizeof record->said.why, "%s", text_of(root, "why"));
    WT_TRY(read_starts(record, list));
    const char *last = record->count ? record->starts[record->count - 1].verdict : record->said.verdict;
    record->running = strcmp(last, "running") == 0;
    return WT_OK;
}

wt_status wt_run_parse_record(wt_run_record *record, const char *text) {
    _Static_assert((int)WT_STARTS_LISTED <= (int)WT_YAML_ENTRIES, "a record that is written can't be read");
    wt_yaml_pool pool = {0};
    wt_yaml_node *root;
    wt_status status = wt_yaml_read(&pool, &root, "run.yaml", true, text, strlen(text));
    if (status == WT_USAGE) {
        status = WT_OK; /* whoever wrote it, it is no record, and says nothing */
    } else if (status == WT_OK && root) {
        status = read_run_fields(record, root);
    }
    wt_yaml_dispose(&pool);
    return status;
}

void wt_run_record_dispose(wt_run_record *record) {
    wt_free(record->starts);
    record->starts = NULL;
    record->count = 0;
}

/* --- the list --- */

/* The step of the newest; 0 where there is none. */
static int64_t find_newest_step(const char *run) {
    int64_t *steps, newest = 0;
    size_t count;
    if (wt_run_checkpoints(run, &steps, &count) != WT_OK) return 0;
    if (count) newest = steps[count - 1];
    wt_free(steps);
    return newest;
}

static double count_hours(const wt_run_start *start, time_t now) {
    const double seconds = difftime(start->ended ? start->ended : now, start->begun);
    return start->begun && seconds > 0 ? start->nodes * seconds / 3600.0 : 0.0;
}

double wt_run_node_hours(const wt_run_record *record) {
    double hours = record->earlier_hours;
    for (int i = 0; i < record->count; i++) hours += count_hours(&record->starts[i], time(NULL));
    return hours;
}

wt_status wt_run_add_start(wt_run_record *record, const wt_run_start *start) {
    if (!record->starts)
        WT_TRY(wt_alloc(&record->starts, WT_STARTS_LISTED, sizeof *record->starts, "the run's starts"));
    if (record->count == WT_STARTS_LISTED) {
        record->earlier++;
        record->earlier_hours += count_hours(&record->starts[0], time(NULL));
        memmove(record->starts, record->starts + 1, (size_t)(--record->count) * sizeof *record->starts);
    }
    record->starts[record->count++] = *start;
    return WT_OK;
}

wt_run_start wt_run_begin_start(const wt_comm *comm, const char *run, time_t begun) {
    const int64_t step = find_newest_step(run);
    return (wt_run_start){.begun = begun,
                          .from = step,
                          .to = step,
                          .ranks = wt_comm_size(comm),
                          .threads = omp_get_max_threads(),
                          .nodes = wt_comm_nodes(comm),
                          .verdict = "running"};
}

bool wt_run_close_start(wt_run_record *record, const char *verdict, const char *why, time_t ended) {
    wt_run_start *start = record->count ? &record->starts[record->count - 1] : NULL;
    if (!start || strcmp(start->verdict, "running") != 0) return false;
    start->ended = ended > start->begun ? ended : start->begun;
    snprintf(start->verdict, sizeof start->verdict, "%s", verdict);
    snprintf(start->why, sizeof start->why, "%s", why);
    return true;
}

/* --- a start that was killed --- */

/* Whether the start has written the file; *seen becomes its time, if it is later. */
static bool has_written(const wt_run_start *start, const char *path, time_t *seen) {
    struct stat info;
    if (stat(path, &info) != 0 || info.st_mtime < start->begun) return false;
    if (info.st_mtime > *seen) *seen = info.st_mtime;
    return true;
}

/* The last step that the start has left a trace of, and when. */
static int64_t find_step_reached(const wt_run_start *start, const char *run, int64_t newest, time_t *seen) {
    char path[WT_PATH_MAX];
    int64_t step = start->from;
    if (wt_run_checkpoint_path(path, run, newest) == WT_OK && has_written(start, path, seen)) step = newest;
    if (wt_path_join(path, run, "metrics.csv") == WT_OK && has_written(start, path, seen)) {
        const int64_t last = wt_metrics_last_step(path);
        if (last > step) step = last;
    }
    return step;
}

void wt_run_close_lost_start(wt_run_record *record, const char *run, time_t seen) {
    char when[WT_TIME_TEXT], why[256];
    if (!record->count) return;
    wt_run_start *start = &record->starts[record->count - 1];
    const int64_t newest = find_newest_step(run), step = find_step_reached(start, run, newest, &seen);
    if (seen < start->begun) seen = start->begun;
    wt_run_format_time(when, seen);
    snprintf(why, sizeof why,
             "ended without a word (killed, or its node is gone), last seen %s after step %" PRId64
             ", newest checkpoint of step %" PRId64,
             when, step, newest);
    if (wt_run_close_start(record, "lost", why, seen)) start->to = step;
}

void wt_run_close_running_start(wt_run_record *record, const char *run, const char *verdict,
                                const char *why) {
    time_t seen = 0;
    if (!record->count) return;
    wt_run_start *start = &record->starts[record->count - 1];
    const int64_t step = find_step_reached(start, run, find_newest_step(run), &seen);
    if (wt_run_close_start(record, verdict, why, time(NULL))) start->to = step;
}

/* --- writing --- */

static void print_start(FILE *out, const wt_run_start *start) {
    char when[WT_TIME_TEXT];
    wt_run_format_time(when, start->begun);
    fprintf(out, "- {begun: %s", when);
    if (start->ended) {
        wt_run_format_time(when, start->ended);
        fprintf(out, ", ended: %s", when);
    }
    fprintf(out, ", from: %" PRId64 ", to: %" PRId64 ", ranks: %d, threads: %d, nodes: %d", start->from,
            start->to, start->ranks, start->threads, start->nodes);
    if (start->peak_mib > 0)
        fprintf(out, ", peak_memory_mib: %.1f, peak_memory_rank: %d", start->peak_mib, start->peak_rank);
    fprintf(out, ", verdict: %s, why: ", start->verdict);
    wt_yaml_print_text(out, start->why);
    fprintf(out, "}\n");
}

void wt_run_print_starts(FILE *out, const wt_run_record *record) {
    fprintf(out, "node_hours: %.4f\n", wt_run_node_hours(record));
    if (record->earlier)
        fprintf(out, "earlier_starts: %d\nearlier_node_hours: %.4f\n", record->earlier,
                record->earlier_hours);
    fprintf(out, "starts:\n");
    for (int i = 0; i < record->count; i++) print_start(out, &record->starts[i]);
}

bool wt_run_is_starts_line(const char *line) {
    static const char *const keys[] = {
        "node_hours: ", "earlier_starts: ", "earlier_node_hours: ", "starts:", "- "};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strncmp(line, keys[i], strlen(keys[i])) == 0) return true;
    }
    return false;
}
