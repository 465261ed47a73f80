/*
 * The starts of a run, as its run.yaml lists them: one line each, so that grep finds them, in YAML's flow style, so that
 * a library reads them. A start enters itself as running when it has the run's lock, and is closed by whoever knows how
 * it ended: itself, or, where it was killed, the next one, from the last signs of life in the run's folder.
 */
#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#include "train_internal.h"
#include "wavetrain/memory.h"
#include "wavetrain/utf8.h"

enum { WT_STARTS_LISTED = 256 }; /* older ones are only counted */

/* --- text --- */

/* What libyaml takes for characters: the rest would make the whole file unreadable. */
static bool wt_is_printable(uint32_t code) {
    return code >= ' ' && !(code >= 0x7F && code < 0xA0) && code != 0xFEFF && code != 0xFFFE &&
           code != 0xFFFF;
}

void wt_print_quoted(FILE *out, const char *text) {
    fputc('"', out);
    for (size_t left = strlen(text); left;) {
        uint32_t code = 0;
        int bytes = wt_utf8_decode(&code, text, left);
        if (*text == '"' || *text == '\\') fputc('\\', out);
        if (bytes && wt_is_printable(code)) {
            fwrite(text, 1, (size_t)bytes, out);
        } else {
            fputc('?', out);
        }
        text += bytes ? bytes : 1;
        left -= bytes ? (size_t)bytes : 1;
    }
    fputc('"', out);
}

void wt_time_text(char text[WT_TIME_TEXT], time_t seconds) {
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(text, WT_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* --- reading --- */

static yaml_node_t *wt_find(yaml_document_t *document, const yaml_node_t *mapping, const char *key) {
    if (!mapping || mapping->type != YAML_MAPPING_NODE) return NULL;
    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(document, pair->key);
        if (name->type == YAML_SCALAR_NODE && strcmp((const char *)name->data.scalar.value, key) == 0)
            return yaml_document_get_node(document, pair->value);
    }
    return NULL;
}

/* A scalar's text; "" where there is none. */
static const char *wt_word(yaml_document_t *document, const yaml_node_t *mapping, const char *key) {
    const yaml_node_t *node = wt_find(document, mapping, key);
    return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

static int64_t wt_number(yaml_document_t *document, const yaml_node_t *mapping, const char *key) {
    return strtoll(wt_word(document, mapping, key), NULL, 10);
}

/* A count that may be added to: whatever the file says, it is small. */
static int count_at(yaml_document_t *document, const yaml_node_t *mapping, const char *key) {
    enum { COUNT_MAX = 1000000000 };
    const int64_t number = wt_number(document, mapping, key);
    return number < 0 ? 0 : number > COUNT_MAX ? COUNT_MAX : (int)number;
}

static time_t wt_when(yaml_document_t *document, const yaml_node_t *mapping, const char *key) {
    struct tm utc;
    memset(&utc, 0, sizeof utc);
    return strptime(wt_word(document, mapping, key), "%Y-%m-%dT%H:%M:%SZ", &utc) ? timegm(&utc) : 0;
}

static void wt_read_start(wt_run_start *start, yaml_document_t *document, const yaml_node_t *entry) {
    *start = (wt_run_start){
        .begun = wt_when(document, entry, "begun"),
        .ended = wt_when(document, entry, "ended"),
        .from = wt_number(document, entry, "from"),
        .to = wt_number(document, entry, "to"),
        .ranks = count_at(document, entry, "ranks"),
        .threads = count_at(document, entry, "threads"),
        .nodes = count_at(document, entry, "nodes"),
        .peak_mib = strtod(wt_word(document, entry, "peak_memory_mib"), NULL),
        .peak_rank = count_at(document, entry, "peak_memory_rank"),
    };
    const char *verdict = wt_word(document, entry, "verdict"); /* printed again as it is: letters alone */
    snprintf(start->verdict, sizeof start->verdict, "%.*s",
             (int)strspn(verdict, "abcdefghijklmnopqrstuvwxyz"), verdict);
    snprintf(start->why, sizeof start->why, "%s", wt_word(document, entry, "why"));
}

static wt_status wt_read_starts(wt_run_record *record, yaml_document_t *document, const yaml_node_t *list) {
    if (!list || list->type != YAML_SEQUENCE_NODE) return WT_OK;
    const yaml_node_item_t *item = list->data.sequence.items.start, *end = list->data.sequence.items.top;
    for (; item < end; item++) {
        wt_run_start start;
        wt_read_start(&start, document, yaml_document_get_node(document, *item));
        WT_TRY(wt_add_start(record, &start));
    }
    return WT_OK;
}

/* A file from before there was a list counts restarts alone. */
static wt_status wt_read_document(wt_run_record *record, yaml_document_t *document) {
    const yaml_node_t *root = yaml_document_get_root_node(document);
    const yaml_node_t *list = wt_find(document, root, "starts");
    if (!root) return WT_OK;
    record->restarts = count_at(document, root, "restarts");
    record->earlier = list ? count_at(document, root, "earlier_starts") : record->restarts + 1;
    record->earlier_hours = strtod(wt_word(document, root, "earlier_node_hours"), NULL);
    record->checkpoint_seconds = strtod(wt_word(document, root, "checkpoint_seconds"), NULL);
    snprintf(record->said.verdict, sizeof record->said.verdict, "%s", wt_word(document, root, "verdict"));
    snprintf(record->said.why, sizeof record->said.why, "%s", wt_word(document, root, "why"));
    WT_TRY(wt_read_starts(record, document, list));
    const char *last = record->count ? record->starts[record->count - 1].verdict : record->said.verdict;
    record->running = strcmp(last, "running") == 0;
    return WT_OK;
}

static bool begin_parser(yaml_parser_t *parser, const char *text) {
    if (!yaml_parser_initialize(parser)) return false;
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)text, strlen(text));
    return true;
}

/* No record is nested deeply or has aliases, and libyaml takes minutes for what is (60,000 brackets). */
static bool is_plain(const char *text) {
    enum { DEPTH_MAX = 8 };
    yaml_parser_t parser;
    yaml_event_t event;
    int depth = 0;
    bool plain = begin_parser(&parser, text), ended = false;
    if (!plain) return false;
    while (plain && !ended) {
        plain = yaml_parser_parse(&parser, &event);
        if (!plain) break;
        const yaml_event_type_t type = event.type;
        depth += type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT;
        depth -= type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT;
        plain = depth <= DEPTH_MAX && type != YAML_ALIAS_EVENT;
        ended = type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return plain;
}

wt_status wt_parse_run_record(wt_run_record *record, const char *text) {
    yaml_parser_t parser;
    yaml_document_t document;
    if (!is_plain(text)) return WT_OK; /* whoever wrote it, it is no record, and says nothing */
    WT_CHECK(begin_parser(&parser, text), WT_FAILED, "run.yaml: no memory");
    wt_status status = WT_OK;
    if (yaml_parser_load(&parser, &document)) {
        status = wt_read_document(record, &document);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return status;
}

void wt_run_record_dispose(wt_run_record *record) {
    wt_free(record->starts);
    record->starts = NULL;
    record->count = 0;
}

/* --- the list --- */

/* The step of the newest; 0 where there is none. */
static int64_t wt_newest_checkpoint(const char *run) {
    int64_t *steps, newest = 0;
    size_t count;
    if (wt_run_checkpoints(run, &steps, &count) != WT_OK) return 0;
    if (count) newest = steps[count - 1];
    wt_free(steps);
    return newest;
}

static double wt_hours_of(const wt_run_start *start, time_t now) {
    const double seconds = difftime(start->ended ? start->ended : now, start->begun);
    return start->begun && seconds > 0 ? start->nodes * seconds / 3600.0 : 0.0;
}

double wt_node_hours(const wt_run_record *record) {
    double hours = record->earlier_hours;
    for (int i = 0; i < record->count; i++) hours += wt_hours_of(&record->starts[i], time(NULL));
    return hours;
}

wt_status wt_add_start(wt_run_record *record, const wt_run_start *start) {
    if (!record->starts)
        WT_TRY(wt_alloc(&record->starts, WT_STARTS_LISTED, sizeof *record->starts, "the run's starts"));
    if (record->count == WT_STARTS_LISTED) {
        record->earlier++;
        record->earlier_hours += wt_hours_of(&record->starts[0], time(NULL));
        memmove(record->starts, record->starts + 1, (size_t)(--record->count) * sizeof *record->starts);
    }
    record->starts[record->count++] = *start;
    return WT_OK;
}

wt_run_start wt_begin_start(const wt_comm *comm, const char *run, time_t begun) {
    const int64_t step = wt_newest_checkpoint(run);
    return (wt_run_start){.begun = begun,
                          .from = step,
                          .to = step,
                          .ranks = wt_comm_size(comm),
                          .threads = omp_get_max_threads(),
                          .nodes = wt_comm_nodes(comm),
                          .verdict = "running"};
}

bool wt_close_start(wt_run_record *record, const char *verdict, const char *why, time_t ended) {
    wt_run_start *start = record->count ? &record->starts[record->count - 1] : NULL;
    if (!start || strcmp(start->verdict, "running") != 0) return false;
    start->ended = ended > start->begun ? ended : start->begun;
    snprintf(start->verdict, sizeof start->verdict, "%s", verdict);
    snprintf(start->why, sizeof start->why, "%s", why);
    return true;
}

/* --- a start that was killed --- */

/* Whether the start has written the file; *seen becomes its time, if it is later. */
static bool wt_has_written(const wt_run_start *start, const char *path, time_t *seen) {
    struct stat info;
    if (stat(path, &info) != 0 || info.st_mtime < start->begun) return false;
    if (info.st_mtime > *seen) *seen = info.st_mtime;
    return true;
}

/* The last step that the start has left a trace of, and when. */
static int64_t wt_step_reached(const wt_run_start *start, const char *run, int64_t newest, time_t *seen) {
    char path[WT_PATH_MAX];
    int64_t step = start->from;
    if (wt_run_checkpoint_path(path, run, newest) == WT_OK && wt_has_written(start, path, seen))
        step = newest;
    if (wt_path_join(path, run, "metrics.csv") == WT_OK && wt_has_written(start, path, seen)) {
        const int64_t last = wt_metrics_last_step(path);
        if (last > step) step = last;
    }
    return step;
}

void wt_close_lost_start(wt_run_record *record, const char *run, time_t seen) {
    char when[WT_TIME_TEXT], why[256];
    if (!record->count) return;
    wt_run_start *start = &record->starts[record->count - 1];
    const int64_t newest = wt_newest_checkpoint(run), step = wt_step_reached(start, run, newest, &seen);
    if (seen < start->begun) seen = start->begun;
    wt_time_text(when, seen);
    snprintf(why, sizeof why,
             "ended without a word (killed, or its node is gone), last seen %s after step %" PRId64
             ", newest checkpoint of step %" PRId64,
             when, step, newest);
    if (wt_close_start(record, "lost", why, seen)) start->to = step;
}

void wt_close_running_start(wt_run_record *record, const char *run, const char *verdict, const char *why) {
    time_t seen = 0;
    if (!record->count) return;
    wt_run_start *start = &record->starts[record->count - 1];
    const int64_t step = wt_step_reached(start, run, wt_newest_checkpoint(run), &seen);
    if (wt_close_start(record, verdict, why, time(NULL))) start->to = step;
}

/* --- writing --- */

static void wt_print_start(FILE *out, const wt_run_start *start) {
    char when[WT_TIME_TEXT];
    wt_time_text(when, start->begun);
    fprintf(out, "- {begun: %s", when);
    if (start->ended) {
        wt_time_text(when, start->ended);
        fprintf(out, ", ended: %s", when);
    }
    fprintf(out, ", from: %" PRId64 ", to: %" PRId64 ", ranks: %d, threads: %d, nodes: %d", start->from,
            start->to, start->ranks, start->threads, start->nodes);
    if (start->peak_mib > 0)
        fprintf(out, ", peak_memory_mib: %.1f, peak_memory_rank: %d", start->peak_mib, start->peak_rank);
    fprintf(out, ", verdict: %s, why: ", start->verdict);
    wt_print_quoted(out, start->why);
    fprintf(out, "}\n");
}

void wt_print_starts(FILE *out, const wt_run_record *record) {
    fprintf(out, "node_hours: %.4f\n", wt_node_hours(record));
    if (record->earlier)
        fprintf(out, "earlier_starts: %d\nearlier_node_hours: %.4f\n", record->earlier,
                record->earlier_hours);
    fprintf(out, "starts:\n");
    for (int i = 0; i < record->count; i++) wt_print_start(out, &record->starts[i]);
}

bool wt_is_of_starts(const char *line) {
    static const char *const keys[] = {
        "node_hours: ", "earlier_starts: ", "earlier_node_hours: ", "starts:", "- "};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strncmp(line, keys[i], strlen(keys[i])) == 0) return true;
    }
    return false;
}
