/*
 * A name that each recording has: who speaks in it, its class, its group. It is that of a folder, a part of
 * the recording's id, or stands in a list or in a column of a table, where the recording is found by its
 * file's name.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "prepare_internal.h"

enum { LINE = 4096 };

/* A row of a list or a table. */
typedef struct {
    char *file, *name;
    int64_t line;
} listed_name;

typedef struct {
    const wt_name_rule *rule;
    regex_t pattern;
    bool compiled;
    char *path;        /* of a list or table */
    listed_name *rows; /* [count], sorted by the files' names without folder and ending */
    int count;
} name_source;

/* --- from the id --- */

static wt_status copy_part(char **name, const char *text, size_t length) {
    WT_TRY(wt_alloc(name, length + 1, 1, "a recording's name"));
    memcpy(*name, text, length);
    (*name)[length] = '\0';
    return WT_OK;
}

/* The first folder of the id, or the one that the file lies in. */
static wt_status by_folder(const name_source *source, const wt_recording *recording, char **name) {
    const wt_name_rule *rule = source->rule;
    const char *first = recording->id, *end = strchr(first, '/');
    WT_CHECK(end, WT_USAGE, "%s: lies in no folder that names its %s (--%s folder)", recording->path,
             rule->what, rule->option);
    for (const char *next = strchr(end + 1, '/'); rule->nearest && next; next = strchr(end + 1, '/')) {
        first = end + 1;
        end = next;
    }
    return copy_part(name, first, (size_t)(end - first));
}

static wt_status by_pattern(const name_source *source, const wt_recording *recording, char **name) {
    regmatch_t match[2];
    WT_CHECK(regexec(&source->pattern, recording->id, 2, match, 0) == 0, WT_USAGE,
             "%s: its name tells no %s (--%s %s)", recording->path, source->rule->what, source->rule->option,
             source->rule->how);
    const regmatch_t *part = match[1].rm_so >= 0 ? &match[1] : &match[0];
    return copy_part(name, recording->id + part->rm_so, (size_t)(part->rm_eo - part->rm_so));
}

/* --- from lists and tables --- */

static int compare_name_rows(const void *a, const void *b) {
    const listed_name *x = a, *y = b;
    const int order = wt_recording_compare_stems(x->file, y->file);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static wt_status add_name_row(name_source *source, const char *file, const char *name, int64_t line) {
    listed_name *row, empty = {.line = line};
    WT_TRY(wt_memory_append(&source->rows, &source->count, &empty, sizeof empty, "names of recordings"));
    row = &source->rows[source->count - 1]; /* from here close_names frees it */
    WT_TRY(wt_memory_copy_string(&row->file, file));
    return wt_memory_copy_string(&row->name, name);
}

/* Lines "RECORDING NAME" (Kaldi's utt2spk). */
static wt_status read_name_list(name_source *source) {
    char line[LINE];
    FILE *file;
    int64_t number = 0;
    WT_TRY(wt_file_open(&file, source->path));
    wt_status status = WT_OK;
    while (status == WT_OK && fgets(line, sizeof line, file)) {
        const size_t length = strcspn(line, " \t\r\n");
        char *name = line + length + strspn(line + length, " \t");
        number++;
        line[length] = '\0';
        name[strcspn(name, " \t\r\n")] = '\0';
        if (*line && name > line + length && *name) status = add_name_row(source, line, name, number);
    }
    fclose(file);
    return status;
}

static wt_status by_row(const name_source *source, const wt_recording *recording, char **name) {
    int low = 0, high = source->count;
    int64_t best = -1;
    const listed_name *found = NULL, *other = NULL;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (wt_recording_compare_stems(source->rows[middle].file, recording->path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < source->count && wt_recording_compare_stems(source->rows[low].file, recording->path) == 0;
         low++) {
        const listed_name *row = &source->rows[low];
        const int64_t alike = wt_recording_likeness(row->file, recording, true);
        if (found && alike == best && strcmp(row->name, found->name) != 0) other = row;
        if (alike <= best) continue;
        found = row;
        other = NULL;
        best = alike;
    }
    WT_CHECK(!other, WT_USAGE, "%s:%lld: %s has two of a %s (got \"%s\", in line %lld \"%s\")", source->path,
             other ? (long long)other->line : 0, other ? other->file : "", source->rule->what,
             other ? other->name : "", found ? (long long)found->line : 0, found ? found->name : "");
    WT_CHECK(found, WT_USAGE, "%s: has no %s in %s (--%s)", recording->path, source->rule->what, source->path,
             source->rule->option);
    return wt_memory_copy_string(name, found->name);
}

static wt_status read_name_rows(name_source *source, wt_csv *csv, const char *column) {
    bool found;
    int file, name;
    WT_TRY(wt_csv_next(csv, &found));
    WT_CHECK(found, WT_USAGE, "%s: is empty (expected a heading with the columns' names)", source->path);
    WT_TRY(wt_columns_find_file(&file, csv));
    WT_TRY(wt_columns_find_one(&name, csv, column));
    for (;;) {
        WT_TRY(wt_csv_next(csv, &found));
        if (!found) return WT_OK;
        const int most = file > name ? file : name;
        WT_CHECK(wt_csv_count(csv) > most, WT_USAGE, "%s:%lld: the row has %d columns (expected %d or more)",
                 source->path, (long long)wt_csv_line(csv), wt_csv_count(csv), most + 1);
        if (!*wt_csv_field(csv, file)) continue;
        WT_TRY(add_name_row(source, wt_csv_field(csv, file), wt_csv_field(csv, name), wt_csv_line(csv)));
    }
}

static wt_status read_column(name_source *source, const char *column) {
    wt_csv *csv;
    char separator;
    WT_TRY(wt_columns_guess_separator(&separator, source->path));
    WT_TRY(wt_csv_open(&csv, source->path, separator));
    const wt_status status = read_name_rows(source, csv, column);
    wt_csv_close(csv);
    return status;
}

/* --- numbers --- */

static int compare_named(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names sorted, each once; recordings' numbers among them. */
static wt_status number(wt_recording_names *named, char **names, size_t count) {
    wt_status status = WT_OK;
    char **sorted = NULL;
    WT_GUARD(wt_alloc(&sorted, count, sizeof *sorted, "names of recordings"));
    memcpy(sorted, names, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_named);
    WT_GUARD(wt_alloc(&named->names, count, sizeof *named->names, "names of recordings"));
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(sorted[i], sorted[i - 1]) == 0) continue;
        WT_GUARD(wt_memory_copy_string(&named->names[named->count], sorted[i]));
        named->count++;
    }
    WT_GUARD(wt_alloc(&named->of, count, sizeof *named->of, "names of recordings"));
    for (size_t i = 0; i < count; i++) {
        char **found = bsearch(&names[i], named->names, (size_t)named->count, sizeof *found, compare_named);
        named->of[i] = (int32_t)(found - named->names);
    }
cleanup:
    wt_free(sorted);
    return status;
}

/* What the rule reads names with. */
static wt_status open_names(name_source *source, const wt_name_rule *rule) {
    const char *colon = strrchr(rule->how, ':');
    *source = (name_source){.rule = rule};
    if (strcmp(rule->how, "folder") == 0) return WT_OK;
    if (wt_path_exists(rule->how) && !wt_path_is_folder(rule->how)) {
        WT_TRY(wt_memory_copy_string(&source->path, rule->how));
        WT_TRY(read_name_list(source));
    } else if (colon && colon - rule->how > 4 && strncasecmp(colon - 4, ".csv", 4) == 0) {
        WT_TRY(copy_part(&source->path, rule->how, (size_t)(colon - rule->how)));
        WT_TRY(read_column(source, colon + 1));
    } else {
        WT_CHECK(regcomp(&source->pattern, rule->how, REG_EXTENDED) == 0, WT_USAGE,
                 "--%s: got %s, expected folder, a file, FILE.csv:COLUMN or a regular expression",
                 rule->option, rule->how);
        source->compiled = true;
    }
    if (source->count > 0)
        qsort(source->rows, (size_t)source->count, sizeof *source->rows, compare_name_rows);
    return WT_OK;
}

static void close_names(name_source *source) {
    if (source->compiled) regfree(&source->pattern);
    for (int i = 0; i < source->count; i++) {
        wt_free(source->rows[i].file);
        wt_free(source->rows[i].name);
    }
    wt_free(source->rows);
    wt_free(source->path);
}

static wt_status find_recording_name(const name_source *source, const wt_recording *recording, char **name) {
    WT_TRY(source->path       ? by_row(source, recording, name)
           : source->compiled ? by_pattern(source, recording, name)
                              : by_folder(source, recording, name));
    WT_CHECK(**name, WT_USAGE, "%s: its %s has no name (--%s)", recording->path, source->rule->what,
             source->rule->option);
    return WT_OK;
}

wt_status wt_recording_names_find(wt_recording_names *named, const wt_recordings *recordings,
                                  const wt_name_rule *rule) {
    name_source source;
    char **names = NULL;
    memset(named, 0, sizeof *named);
    wt_status status = open_names(&source, rule);
    if (status != WT_OK) goto cleanup;
    WT_GUARD(wt_alloc(&names, recordings->count, sizeof *names, "names of recordings"));
    for (size_t i = 0; i < recordings->count; i++)
        WT_GUARD(find_recording_name(&source, &recordings->files[i], &names[i]));
    WT_GUARD(number(named, names, recordings->count));
cleanup:
    for (size_t i = 0; names && i < recordings->count; i++) wt_free(names[i]);
    wt_free(names);
    close_names(&source);
    return status;
}

void wt_recording_names_dispose(wt_recording_names *named) {
    for (int i = 0; i < named->count; i++) wt_free(named->names[i]);
    wt_free(named->names);
    wt_free(named->of);
    memset(named, 0, sizeof *named);
}
