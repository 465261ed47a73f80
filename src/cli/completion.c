/*
 * Completion of commands, options, their values and the configuration's keys for bash, zsh and fish.
 *
 * What the tables that parsing uses know becomes one shell function of rows, WHERE → WORDS:
 *   prepare                    audio text table simulate         the words that may follow
 *   train                      --run --set …                     a command's options
 *   train --resume             auto never FILE                   an option's value; FILE: file names
 *   train --set                KEY                               keys, which stand in a row of this name
 *   KEY optimizer.kind         adam adamw sgd                    a key's value
 * and a few lines of each shell look up where the cursor is. They need nothing but the shell: a cluster's
 * login node may lack the package bash-completion. The price for one table is that zsh and fish show no
 * descriptions.
 */
#include <stdio.h>
#include <string.h>

#include "command_internal.h"
#include "command_text.h"
#include "wavetrain/config.h"

enum { PATHS_MAX = 64, PATH = 96 };

/* How a shell writes a row. */
typedef struct {
    const char *row, *end; /* around WHERE and WORDS */
} row_style;

typedef struct {
    FILE *out;
    const row_style *style;
    char paths[PATHS_MAX][PATH]; /* "train", "prepare simulate sine" */
    int count;
    bool full;
} row_writer;

static void begin_row(const row_writer *completion, const char *where, const char *option) {
    fprintf(completion->out, completion->style->row, where, *option ? " --" : "", option);
}

static void end_row(const row_writer *completion) {
    fputs(completion->style->end, completion->out);
}

/* --- the values of options --- */

static bool names_file(const char *name, int length) {
    static const char *const names[] = {"FILE", "DIR", "DATASET", "CHECKPOINT", "RUN", "SOUND", "OUTPUT"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size = strlen(names[i]);
        if ((size_t)length >= size && strncmp(name, names[i], size) == 0) return true;
    }
    return false;
}

/* Of "auto|never|FILE": auto never FILE. Of "N", nothing. */
static void print_option_values(FILE *out, const char *description) {
    int length;
    const char *found;
    bool files = false;
    if (strcmp(description, "KEY=VALUE") == 0) {
        fputs("KEY", out);
        return;
    }
    while ((found = wt_command_next_alternative(&description, &length)) != NULL) {
        if (names_file(found, length)) files = true;
        if (wt_command_alternative_is_word(found, length)) fprintf(out, "%.*s ", length, found);
    }
    if (files) fputs("FILE", out);
}

static void print_option_rows(void *context, const wt_command *command, const char *kind) {
    row_writer *completion = context;
    char path[PATH];
    snprintf(path, sizeof path, "%s%s%s", command->name, *kind ? " " : "", kind);
    begin_row(completion, path, "");
    for (const struct poptOption *option = command->options; option && option->longName; option++)
        fprintf(completion->out, "--%s ", option->longName);
    fputs("--help", completion->out);
    end_row(completion);
    for (const struct poptOption *option = command->options; option && option->longName; option++) {
        if (!option->argDescrip) continue;
        begin_row(completion, path, option->longName);
        print_option_values(completion->out, option->argDescrip);
        end_row(completion);
    }
}

/* --- the words of commands --- */

static void collect_path(void *context, const wt_command *command, const char *kind) {
    row_writer *completion = context;
    completion->full = completion->full || completion->count == PATHS_MAX;
    if (completion->full) return;
    char *path = completion->paths[completion->count++];
    snprintf(path, PATH, "%s%s%s", command->name, *kind ? " " : "", kind);
}

/* Whether two paths begin with the same `length` letters, which end a word in both. */
static bool has_same_prefix(const char *a, const char *b, size_t length) {
    return strncmp(a, b, length) == 0 && (!a[length] || a[length] == ' ') && (!b[length] || b[length] == ' ');
}

/* Whether an earlier path begins like path `index`. */
static bool was_printed(const row_writer *completion, int index, size_t length) {
    for (int i = 0; i < index; i++)
        if (has_same_prefix(completion->paths[i], completion->paths[index], length)) return true;
    return false;
}

/* The words that follow the first `length` letters of `path`, each once. */
static void print_next_words(const row_writer *completion, const char *path, size_t length) {
    for (int i = 0; i < completion->count; i++) {
        const char *other = completion->paths[i];
        if (length > 0 && (!has_same_prefix(path, other, length) || !other[length])) continue;
        const char *word = other + length + (length > 0);
        size_t size = strcspn(word, " ");
        if (!was_printed(completion, i, (size_t)(word - other) + size))
            fprintf(completion->out, "%.*s ", (int)size, word);
    }
}

static void print_paths(const row_writer *completion) {
    begin_row(completion, "", "");
    print_next_words(completion, "", 0);
    fputs("--help --version", completion->out);
    end_row(completion);
    for (int i = 0; i < completion->count; i++) {
        const char *path = completion->paths[i];
        for (const char *space = strchr(path, ' '); space; space = strchr(space + 1, ' ')) {
            char start[PATH];
            size_t length = (size_t)(space - path);
            if (was_printed(completion, i, length)) continue;
            snprintf(start, sizeof start, "%.*s", (int)length, path);
            begin_row(completion, start, "");
            print_next_words(completion, path, length);
            end_row(completion);
        }
    }
}

static void print_keys(const row_writer *completion) {
    wt_config_row row;
    begin_row(completion, "KEY", "");
    for (int i = 0; wt_config_describe(&row, i); i++)
        if (!row.section) fprintf(completion->out, "%s= ", row.name);
    end_row(completion);
    for (int i = 0; wt_config_describe(&row, i); i++) {
        char where[PATH];
        if (!row.choices) continue;
        snprintf(where, sizeof where, "KEY %s", row.name);
        begin_row(completion, where, "");
        for (int c = 0; row.choices[c]; c++) fprintf(completion->out, "%s ", row.choices[c]);
        end_row(completion);
    }
}

static wt_status print_rows(FILE *out, const row_style *style) {
    row_writer completion = {.out = out, .style = style};
    WT_TRY(wt_commands_visit(collect_path, &completion));
    WT_CHECK(!completion.full, WT_FAILED, "--completion: more than %d commands", PATHS_MAX);
    print_paths(&completion);
    WT_TRY(wt_commands_visit(print_option_rows, &completion));
    print_keys(&completion);
    return WT_OK;
}

/* --- the shells --- */

static const row_style sh_rows = {"    '%s%s%s') found='", "' ;;\n"};
static const row_style fish_rows = {"        case '%s%s%s'\n            set -g _wavetrain_found ",
                                    "\n            return 0\n"};

static const char sh_head[] = "# sets `found` to the words that may follow $1\n"
                              "_wavetrain_rows() {\n"
                              "    case $1 in\n";

static const char sh_tail[] = "    *) return 1 ;;\n"
                              "    esac\n"
                              "}\n\n";

/* bash takes "=" for a word of its own, so that --run=DIR is here the same as --run DIR. */
static wt_status print_shell(FILE *out, const char *logic) {
    fputs(sh_head, out);
    WT_TRY(print_rows(out, &sh_rows));
    fputs(sh_tail, out);
    fputs(logic, out);
    return WT_OK;
}

static wt_status print_fish(FILE *out) {
    fputs("# sets _wavetrain_found to the words that may follow the argument\n"
          "function _wavetrain_rows\n    switch \"$argv\"\n",
          out);
    WT_TRY(print_rows(out, &fish_rows));
    fputs("        case '*'\n            set -g _wavetrain_found\n            return 1\n    end\nend\n\n",
          out);
    fputs(wt_text_completion_fish, out);
    return WT_OK;
}

wt_status wt_completion_print(FILE *out, const char *shell) {
    bool zsh = strcmp(shell, "zsh") == 0;
    if (zsh) fputs("#compdef wavetrain\n", out);
    if (zsh || strcmp(shell, "bash") == 0)
        return print_shell(out, zsh ? wt_text_completion_zsh : wt_text_completion_bash);
    if (strcmp(shell, "fish") == 0) return print_fish(out);
    return wt_error(WT_USAGE, "--completion: no such shell (got %s, expected bash, zsh or fish)", shell);
}
