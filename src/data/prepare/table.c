/*
 * Tables: which rows become which utterance of which split, and reading them.
 *
 * Every row is read once to be checked and counted, by one process; places in the file are noted every few
 * thousand rows, so that any process can read any utterance without reading what stands before it. Nothing
 * but these notes and one utterance is held in memory.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "prepare_internal.h"

enum { MARK_ROWS = 4096, RUN_ROWS_LEAST = 65536 };
/* From this many deviations on a mean is subtracted before samples become floats: those have 24 bits, of
 * which it would take some. Below, samples are stored as they stand in the table. */
static const double far_off = 16;

/* A row's place. */
typedef struct {
    int64_t row, offset, line;
} table_mark;

/* Rows first … first+count−1 of a file, an utterance. */
typedef struct {
    int64_t file, first, count, split;
    table_mark mark; /* at the first row, or before it */
} table_item;

/* What all rows of a column say. */
typedef struct {
    double least, most, mean, squares; /* deviations from the mean, squared and added */
} table_column;

/* Nothing but numbers, for packing. */
typedef struct {
    int64_t items, rows, left_out, classes;
    table_column signals[WT_NORMALIZED_MAX], label;
    double offset[WT_NORMALIZED_MAX]; /* of signals, for all rows */
} table_head;

struct wt_table {
    const char *const *files;
    size_t file_count;
    const wt_table_options *options;
    table_head head;
    table_item *items; /* [head.items] */
    size_t item_room;
    char *names; /* while it is scanned: the groups of items, whose `split` is where the name begins */
    size_t name_bytes, name_room;
    wt_class_list classes; /* of options->names */
    wt_class_names class_names;
};

/* What is known of one file while it is scanned. */
typedef struct {
    wt_table *table;
    int64_t file, rows;
    table_mark *marks; /* [mark_count] */
    size_t mark_count, mark_room;
    char group[256]; /* of the last row */
} table_scan;

/* Makes the array hold one entry more of `bytes`, by doubling. */
static wt_status grow_table_entries(void *entries, size_t count, size_t *room, size_t bytes) {
    if (count < *room) return WT_OK;
    const size_t larger = *room ? 2 * *room : 64;
    void *moved, *old;
    WT_TRY(wt_alloc(&moved, larger, bytes, "notes of a table"));
    memcpy(&old, entries, sizeof old);
    if (count > 0) memcpy(moved, old, count * bytes);
    memcpy(entries, &moved, sizeof moved);
    wt_free(old);
    *room = larger;
    return WT_OK;
}

static int64_t longest_run(const wt_table_options *options) {
    const int64_t rows = options->shard_bytes / 4 / (4 * (options->signal_count + 1));
    return rows > RUN_ROWS_LEAST ? rows : RUN_ROWS_LEAST;
}

static wt_status add_table_item(wt_table *table, const table_item *item) {
    WT_TRY(grow_table_entries(&table->items, (size_t)table->head.items, &table->item_room,
                              sizeof *table->items));
    table->items[table->head.items++] = *item;
    return WT_OK;
}

/* --- columns --- */

/* The value of row `row`, from 0 (Welford 1962). */
static void note_value(table_column *column, double value, int64_t row) {
    const double before = value - column->mean;
    if (row == 0) column->least = column->most = value;
    if (value < column->least) column->least = value;
    if (value > column->most) column->most = value;
    column->mean += before / (double)(row + 1);
    column->squares += before * (value - column->mean);
}

static double offset_of(const table_column *column, int64_t rows) {
    const double deviation = sqrt(column->squares / (double)rows);
    return fabs(column->mean) > far_off * deviation ? column->mean : 0;
}

/*
 * Steps of a number's precision between a column's least and most value; `float_` of floats, else of doubles.
 */
static double steps_between(const table_column *column, bool float_) {
    const double size = fmax(fabs(column->least), fabs(column->most));
    const double step = float_ ? (double)nextafterf((float)size, INFINITY) - (double)(float)size
                               : nextafter(size, INFINITY) - size;
    return (column->most - column->least) / step;
}

static void warn_of_column(const wt_table *table, const char *name, const table_column *column, bool float_) {
    enum { FEW = 256 };
    const double steps = steps_between(column, float_);
    const char *file = table->files[0];
    if (column->least == column->most) {
        wt_log_warning("%s%s: column %s is constant (%.9g in all of %lld rows)", file,
                       table->file_count > 1 ? " …" : "", name, column->least, (long long)table->head.rows);
    } else if (steps < FEW) {
        wt_log_warning("%s%s: column %s differs by %.0f step%s of %s precision at most, from %.17g to %.17g: "
                       "subtract what its values have in common",
                       file, table->file_count > 1 ? " …" : "", name, steps, steps == 1 ? "" : "s",
                       float_ ? "single" : "double", column->least, column->most);
    }
}

void wt_table_warn(const wt_table *table) {
    const wt_table_options *options = table->options;
    for (int i = 0; i < options->signal_count; i++)
        warn_of_column(table, options->signals[i], &table->head.signals[i], false);
    warn_of_column(table, options->label, &table->head.label, options->values);
}

/* --- scanning --- */

static wt_status note_mark(table_scan *scan, const wt_csv *csv) {
    if (scan->rows % MARK_ROWS != 0) return WT_OK;
    WT_TRY(grow_table_entries(&scan->marks, scan->mark_count, &scan->mark_room, sizeof *scan->marks));
    scan->marks[scan->mark_count++] = (table_mark){scan->rows, wt_csv_offset(csv), wt_csv_line(csv)};
    return WT_OK;
}

/* Keeps a group's name, and says where it begins. */
static wt_status keep_name(wt_table *table, const char *name, int64_t *place) {
    *place = (int64_t)table->name_bytes;
    do {
        WT_TRY(grow_table_entries(&table->names, table->name_bytes, &table->name_room, 1));
        table->names[table->name_bytes++] = *name;
    } while (*name++);
    return WT_OK;
}

/* A row of a group goes on the last utterance, or begins one. */
static wt_status note_group(table_scan *scan, const wt_csv *csv, const char *group) {
    const wt_table_options *options = scan->table->options;
    table_item *last = scan->rows > 0 ? scan->table->items + scan->table->head.items - 1 : NULL;
    if (last && strcmp(group, scan->group) == 0 && last->count < longest_run(options)) {
        last->count++;
        return WT_OK;
    }
    WT_CHECK(strlen(group) > 0 && strlen(group) < sizeof scan->group, WT_USAGE,
             "%s:%lld: column %s: is %s (expected a group's name)", wt_csv_path(csv),
             (long long)wt_csv_line(csv), options->group, *group ? "too long" : "empty");
    const bool same = last && strcmp(group, scan->group) == 0;
    int64_t name = same ? last->split : 0;
    if (!same) WT_TRY(keep_name(scan->table, group, &name));
    snprintf(scan->group, sizeof scan->group, "%s", group);
    return add_table_item(scan->table,
                          &(table_item){.file = scan->file,
                                        .first = scan->rows,
                                        .count = 1,
                                        .split = name,
                                        .mark = {scan->rows, wt_csv_offset(csv), wt_csv_line(csv)}});
}

static wt_status scan_rows(table_scan *scan, wt_csv *csv) {
    const wt_table_options *options = scan->table->options;
    wt_columns columns = {.names = options->names ? &scan->table->classes : NULL};
    double signals[WT_NORMALIZED_MAX], label;
    table_head *head = &scan->table->head;
    WT_TRY(wt_columns_find(&columns, csv, options));
    for (bool found;; scan->rows++) {
        WT_TRY(wt_csv_next(csv, &found));
        if (!found) break;
        WT_TRY(wt_columns_read(&columns, csv, options, signals, &label));
        for (int i = 0; i < options->signal_count; i++)
            note_value(&head->signals[i], signals[i], head->rows + scan->rows);
        note_value(&head->label, label, head->rows + scan->rows);
        if (!options->values && (int64_t)label >= head->classes) head->classes = (int64_t)label + 1;
        WT_TRY(columns.group < 0 ? note_mark(scan, csv)
                                 : note_group(scan, csv, wt_csv_field(csv, columns.group)));
    }
    WT_CHECK(scan->rows > 0, WT_USAGE, "%s: has no rows below its heading", wt_csv_path(csv));
    head->rows += scan->rows;
    return WT_OK;
}

static wt_status scan_file(table_scan *scan, wt_table *table, size_t file) {
    wt_csv *csv;
    *scan = (table_scan){.table = table, .file = (int64_t)file};
    WT_TRY(wt_csv_open(&csv, table->files[file], table->options->separator));
    wt_status status = scan_rows(scan, csv);
    wt_csv_close(csv);
    return status;
}

/* --- groups --- */

typedef struct {
    const char *name;
    table_item *item;
} group_item;

static int compare_file_names(const void *a, const void *b) {
    return strcmp(((const group_item *)a)->name, ((const group_item *)b)->name);
}

/* The distinct names of `sorted`, as items that have parts. */
static wt_status split_names(const wt_table *table, const char **ids, wt_split *splits,
                             const group_item *sorted) {
    wt_split_items groups = {.ids = ids, .what = "group"};
    const size_t count = (size_t)table->head.items;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(sorted[i].name, sorted[i - 1].name) != 0) ids[groups.count++] = sorted[i].name;
    WT_TRY(wt_split_items_choose(splits, &table->options->split, &groups));
    for (size_t i = 0, group = 0; i < count; i++) {
        if (i > 0 && strcmp(sorted[i].name, sorted[i - 1].name) != 0) group++;
        sorted[i].item->split = splits[group];
    }
    return WT_OK;
}

static wt_status split_groups(wt_table *table) {
    const size_t count = (size_t)table->head.items;
    group_item *sorted = NULL;
    const char **ids = NULL;
    wt_split *splits = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&sorted, count, sizeof *sorted, "groups of a table"));
    WT_GUARD(wt_alloc(&ids, count, sizeof *ids, "groups of a table"));
    WT_GUARD(wt_alloc(&splits, count, sizeof *splits, "groups of a table"));
    for (size_t i = 0; i < count; i++)
        sorted[i] = (group_item){table->names + table->items[i].split, &table->items[i]};
    qsort(sorted, count, sizeof *sorted, compare_file_names);
    WT_GUARD(split_names(table, ids, splits, sorted));
cleanup:
    wt_free(sorted);
    wt_free(ids);
    wt_free(splits);
    return status;
}

/* --- blocks --- */

/* Which split the blocks of all files that have no name, numbered through, belong to. */
typedef struct {
    const wt_table_options *options;
    int64_t blocks, pieces[WT_SPLITS];
    int64_t block_rows;
    bool *named;      /* [files] the whole file is of one split */
    wt_split *splits; /* [files] */
} block_plan;

static int64_t blocks_of(const block_plan *plan, const table_scan *scan) {
    if (plan->named[scan->file]) return 1;
    return scan->rows / plan->block_rows > 1 ? scan->rows / plan->block_rows : 1;
}

/* Blocks are at least twice as long as the gap that may be cut from one. */
static void plan_blocks(block_plan *plan, const wt_table *table, const table_scan *scans) {
    const wt_table_options *options = table->options;
    int64_t rows = 0;
    for (size_t f = 0; f < table->file_count; f++) rows += plan->named[f] ? 0 : scans[f].rows;
    const int64_t wanted = (rows + options->blocks - 1) / options->blocks;
    plan->options = options;
    plan->block_rows = wanted > 2 * options->gap ? wanted : 2 * options->gap;
    if (plan->block_rows < 1) plan->block_rows = 1;
    for (size_t f = 0; f < table->file_count; f++)
        if (!plan->named[f]) plan->blocks += blocks_of(plan, &scans[f]);
    wt_split_pieces(plan->pieces, &options->split, plan->blocks);
}

static wt_split find_block_split(const block_plan *plan, const table_scan *scan, int64_t block) {
    if (plan->named[scan->file]) return plan->splits[scan->file];
    const int64_t place = (int64_t)wt_random_permute((uint64_t)block, (uint64_t)plan->blocks,
                                                     plan->options->split.seed, WT_RANDOM_SPLIT, 1);
    const int64_t test = plan->pieces[WT_SPLIT_TEST];
    return place < test                                       ? WT_SPLIT_TEST
           : place < test + plan->pieces[WT_SPLIT_VALIDATION] ? WT_SPLIT_VALIDATION
                                                              : WT_SPLIT_TRAIN;
}

/* Rows first … end−1 of one split, in pieces that memory can hold. */
static wt_status add_table_rows(wt_table *table, const table_scan *scan, int64_t first, int64_t end,
                                wt_split split) {
    const int64_t longest = longest_run(table->options);
    for (int64_t at = first; at < end; at += longest) {
        const int64_t count = end - at < longest ? end - at : longest;
        WT_TRY(add_table_item(table, &(table_item){.file = scan->file,
                                                   .first = at,
                                                   .count = count,
                                                   .split = split,
                                                   .mark = scan->marks[at / MARK_ROWS]}));
    }
    return WT_OK;
}

/* `block`: the number of the file's first one. */
static wt_status cut_file(wt_table *table, const table_scan *scan, const block_plan *plan, int64_t block) {
    const int64_t blocks = blocks_of(plan, scan);
    int64_t first = 0; /* of the rows that are not yet in an utterance */
    for (int64_t i = 0; i < blocks; i++) {
        const int64_t end = scan->rows * (i + 1) / blocks;
        const wt_split split = find_block_split(plan, scan, block + i);
        if (i + 1 < blocks && find_block_split(plan, scan, block + i + 1) == split) continue;
        WT_TRY(add_table_rows(table, scan, first, end, split));
        first = end;
        if (i + 1 == blocks) break;
        first += plan->options->gap;
        table->head.left_out += plan->options->gap;
    }
    return WT_OK;
}

static wt_status find_named_files(block_plan *plan, const wt_table *table) {
    const char **names;
    WT_TRY(wt_alloc(&names, table->file_count, sizeof *names, "names of tables"));
    for (size_t f = 0; f < table->file_count; f++) names[f] = wt_path_base(table->files[f]);
    const wt_split_items files = {
        .count = table->file_count, .ids = names, .paths = table->files, .what = "table"};
    const wt_status status = wt_split_find_named(plan->splits, plan->named, &table->options->split, &files);
    wt_free(names);
    return status;
}

static wt_status cut_all(wt_table *table, const table_scan *scans) {
    block_plan plan = {.options = table->options};
    int64_t block = 0;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&plan.named, table->file_count, sizeof *plan.named, "parts of tables"));
    WT_GUARD(wt_alloc(&plan.splits, table->file_count, sizeof *plan.splits, "parts of tables"));
    WT_GUARD(find_named_files(&plan, table));
    plan_blocks(&plan, table, scans);
    for (size_t f = 0; f < table->file_count; f++) {
        WT_GUARD(cut_file(table, &scans[f], &plan, block));
        if (!plan.named[f]) block += blocks_of(&plan, &scans[f]);
    }
cleanup:
    wt_free(plan.named);
    wt_free(plan.splits);
    return status;
}

/* --- the table --- */

/* Ids are made of base names. */
static wt_status check_file_names(const char *const *files, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            WT_CHECK(strcmp(wt_path_base(files[i]), wt_path_base(files[j])) != 0, WT_USAGE,
                     "%s: has the same name as %s (expected names that tell utterances apart)", files[i],
                     files[j]);
        }
    }
    return WT_OK;
}

static wt_status create_table(wt_table **out, const char *const *files, size_t count,
                              const wt_table_options *options) {
    WT_TRY(wt_alloc(out, 1, sizeof **out, "table"));
    (*out)->files = files;
    (*out)->file_count = count;
    (*out)->options = options;
    return WT_OK;
}

wt_status wt_table_scan(wt_table **out, const char *const *files, size_t count,
                        const wt_table_options *options) {
    wt_table *table = NULL;
    table_scan *scans = NULL;
    wt_status status = WT_OK;
    *out = NULL;
    WT_GUARD(check_file_names(files, count));
    WT_GUARD(create_table(&table, files, count, options));
    const bool any = options->names && strcmp(options->names, "names") == 0;
    if (options->names) WT_GUARD(wt_class_list_init(&table->classes, any ? NULL : options->names));
    table->head.classes = options->classes;
    WT_GUARD(wt_alloc(&scans, count, sizeof *scans, "notes of a table"));
    for (size_t f = 0; f < count; f++) WT_GUARD(scan_file(&scans[f], table, f));
    for (int c = 0; c < options->signal_count; c++)
        table->head.offset[c] = offset_of(&table->head.signals[c], table->head.rows);
    WT_GUARD(options->group ? split_groups(table) : cut_all(table, scans));
    if (options->names) {
        WT_GUARD(wt_class_list_close(&table->classes, NULL, NULL, &table->class_names));
        table->head.classes = table->classes.count;
    }
    *out = table;
    table = NULL;
cleanup:
    for (size_t f = 0; scans && f < count; f++) wt_free(scans[f].marks);
    wt_free(scans);
    wt_table_destroy(table);
    return status;
}

void wt_table_destroy(wt_table *table) {
    if (!table) return;
    wt_free(table->items);
    wt_free(table->names);
    wt_class_list_dispose(&table->classes);
    wt_free(table);
}

wt_status wt_table_pack(char **bytes, size_t *size, const wt_table *table) {
    const size_t items = (size_t)table->head.items * sizeof *table->items;
    const size_t heads = sizeof table->head + sizeof table->class_names;
    *size = heads + items;
    WT_TRY(wt_alloc(bytes, *size, 1, "notes of a table"));
    memcpy(*bytes, &table->head, sizeof table->head);
    memcpy(*bytes + sizeof table->head, &table->class_names, sizeof table->class_names);
    memcpy(*bytes + heads, table->items, items);
    return WT_OK;
}

wt_status wt_table_unpack(wt_table **out, const char *const *files, size_t count,
                          const wt_table_options *options, const char *bytes, size_t size) {
    wt_table *table = NULL;
    const size_t heads = sizeof table->head + sizeof table->class_names;
    wt_status status = WT_OK;
    *out = NULL;
    WT_GUARD(create_table(&table, files, count, options));
    memcpy(&table->head, bytes, sizeof table->head);
    WT_GUARD(wt_alloc(&table->items, (size_t)table->head.items, sizeof *table->items, "notes of a table"));
    memcpy(&table->class_names, bytes + sizeof table->head, sizeof table->class_names);
    memcpy(table->items, bytes + heads, size - heads);
    if (options->names) WT_GUARD(wt_class_list_read(&table->classes, &table->class_names));
    *out = table;
    table = NULL;
cleanup:
    wt_table_destroy(table);
    return status;
}

int64_t wt_table_rows(const wt_table *table) {
    return table->head.rows;
}
int64_t wt_table_left_out(const wt_table *table) {
    return table->head.left_out;
}

wt_status wt_table_plan(wt_prepare_plan *plan, const wt_table *table) {
    const wt_table_options *options = table->options;
    const size_t items = (size_t)table->head.items;
    int64_t *bytes = NULL;
    wt_split *splits = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&bytes, items, sizeof *bytes, "sizes of utterances"));
    WT_GUARD(wt_alloc(&splits, items, sizeof *splits, "splits of utterances"));
    for (size_t i = 0; i < items; i++) {
        bytes[i] = table->items[i].count * 4 * (options->signal_count + 1);
        splits[i] = (wt_split)table->items[i].split;
    }
    WT_GUARD(wt_prepare_plan_init(plan, splits, bytes, items, options->shard_bytes));
    plan->sample_rate = options->rate;
    plan->channels = options->signal_count;
    plan->store = WT_STORE_FLOAT;
    plan->kind = "table";
    plan->remedy = options->group
                       ? "more groups, another --split-seed, or --validation GROUP and --test GROUP"
                       : "more rows, a smaller --gap, more --blocks, another --split-seed, or "
                         "--validation FILE and --test FILE";
    plan->labelled = true;
    plan->classes = options->values ? 0 : (int)table->head.classes;
    plan->class_names = table->class_names;
    memcpy(plan->normalization.offset, table->head.offset, sizeof table->head.offset);
cleanup:
    wt_free(bytes);
    wt_free(splits);
    return status;
}

/* --- reading --- */

static wt_status expect_row(wt_csv *csv) {
    bool found;
    WT_TRY(wt_csv_next(csv, &found));
    WT_CHECK(found, WT_FAILED, "%s: changed while it was read (ends at line %lld)", wt_csv_path(csv),
             (long long)wt_csv_line(csv));
    return WT_OK;
}

/* The row that was read last, as sample number `i`. */
static wt_status read_table_row(const wt_table *table, const wt_columns *columns, const wt_csv *csv,
                                int64_t i, wt_utterance *utterance) {
    const int channels = table->options->signal_count;
    double signals[WT_NORMALIZED_MAX], label;
    WT_TRY(wt_columns_read(columns, csv, table->options, signals, &label));
    for (int c = 0; c < channels; c++)
        utterance->samples[i * channels + c] = (float)(signals[c] - table->head.offset[c]);
    utterance->labels[i] = (float)label;
    return WT_OK;
}

static wt_status read_item(const wt_table *table, const table_item *item, wt_csv *csv,
                           wt_utterance *utterance) {
    const wt_table_options *options = table->options;
    wt_class_list classes = table->classes; /* the names are the table's; what was met last is this call's */
    wt_columns columns = {.names = options->names ? &classes : NULL};
    WT_TRY(wt_columns_find(&columns, csv, options));
    WT_TRY(wt_csv_seek(csv, item->mark.offset, item->mark.line));
    for (int64_t row = item->mark.row; row < item->first; row++) WT_TRY(expect_row(csv));
    for (int64_t i = 0; i < item->count; i++) {
        WT_TRY(expect_row(csv));
        if (i == 0) {
            snprintf(utterance->id, sizeof utterance->id, "%s:%lld", wt_path_base(table->files[item->file]),
                     (long long)wt_csv_line(csv));
            if (columns.group >= 0)
                snprintf(utterance->group, sizeof utterance->group, "%s", wt_csv_field(csv, columns.group));
        }
        WT_TRY(read_table_row(table, &columns, csv, i, utterance));
    }
    return WT_OK;
}

wt_status wt_table_load(const void *context, size_t number, wt_utterance *utterance) {
    const wt_table *table = context;
    const table_item *item = &table->items[number];
    const size_t count = (size_t)item->count, signals = (size_t)table->options->signal_count;
    wt_csv *csv;
    WT_TRY(wt_alloc(&utterance->samples, count * signals, sizeof(float), "rows of a table"));
    WT_TRY(wt_alloc(&utterance->labels, count, sizeof(float), "labels of a table"));
    utterance->count = item->count;
    WT_TRY(wt_csv_open(&csv, table->files[item->file], table->options->separator));
    wt_status status = read_item(table, item, csv, utterance);
    wt_csv_close(csv);
    return status;
}
