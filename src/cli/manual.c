/*
 * The manual pages wavetrain(1) and wavetrain-config(5), printed as roff with the classic man macros, which
 * groff and mandoc both take. Options and keys come from the tables that parsing uses; only what is in no
 * table stands here.
 */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "command_internal.h"
#include "command_text.h"
#include "wavetrain/config.h"

/* Letters as they are, whatever the locale; how many it wrote. */
static int print_roff_letters(FILE *out, const char *text, size_t bytes) {
    static const char *const names[128] = {
        ['-'] = "\\-",   ['\\'] = "\\e",  ['"'] = "\\(dq", ['\''] = "\\(aq",
        ['`'] = "\\(ga", ['^'] = "\\(ha", ['~'] = "\\(ti"};
    int written = 0;
    for (const char *end = text + bytes; text < end;) {
        uint32_t code;
        const int length = wt_utf8_decode(&code, text, (size_t)(end - text));
        if (length == 0) break; /* our own texts are valid */
        text += length;
        const char *name = code < 128       ? names[code]
                           : code == 0x2026 ? "\\&..."
                                            : NULL; /* ASCII lacks the ellipsis */
        written += name          ? fprintf(out, "%s", name)
                   : code >= 128 ? fprintf(out, "\\[u%04X]", code)
                                 : fprintf(out, "%c", (int)code);
    }
    return written;
}

static void print_roff(FILE *out, const char *text) {
    print_roff_letters(out, text, strlen(text));
}

/* Words in lines that roff's checkers find short enough and none of which looks like a request; then a
 * newline. */
static void print_roff_text(FILE *out, const char *text) {
    int column = 0;
    while (*text) {
        size_t bytes = strcspn(text, " ");
        if (column > 0) {
            bool next = column + (int)bytes > 60;
            fputc(next ? '\n' : ' ', out);
            column = next ? 0 : column + 1;
        }
        if (column == 0 && (*text == '.' || *text == '\'')) fputs("\\&", out);
        column += print_roff_letters(out, text, bytes);
        text += bytes;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

/* "\fB--resume\fR=\fIauto|never|FILE\fR" */
static void print_roff_option(FILE *out, const struct poptOption *option) {
    fputs(".TP\n", out);
    if (option->shortName) fprintf(out, "\\fB\\-%c\\fR, ", option->shortName);
    fputs("\\fB\\-\\-", out);
    print_roff(out, option->longName);
    fputs("\\fR", out);
    if (option->argDescrip) {
        fputs("=\\fI", out);
        print_roff(out, option->argDescrip);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    print_roff_text(out, option->descrip ? option->descrip : "");
}

static void print_roff_command(void *context, const wt_command *command, const char *kind) {
    FILE *out = context;
    const char *arguments = command->arguments;
    if (*kind) arguments += strcspn(arguments, " ");
    fputs(".SS \"wavetrain ", out);
    print_roff(out, command->name);
    if (*kind) fputc(' ', out);
    print_roff(out, kind);
    if (!*kind) fputc(' ', out);
    print_roff(out, arguments);
    fputs("\"\n", out);
    print_roff_text(out, command->summary);
    for (const struct poptOption *option = command->options; option && option->longName; option++)
        print_roff_option(out, option);
}

static void print_roff_title(FILE *out, const char *name, int section, const char *date, const char *what) {
    fprintf(out, ".TH %s %d \"%s\" \"wavetrain " WT_VERSION "\" \"%s\"\n", name, section, date, what);
    fputs(".ad l\n.nh\n", out); /* options and commands are not stretched or cut */
}

static void print_roff_key(FILE *out, const wt_config_row *row) {
    char expected[sizeof row->expected + 1];
    bool marked = row->resume != WT_RESUME_FREE;
    snprintf(expected, sizeof expected, "%s%s", row->expected, marked ? "," : ".");
    fputs(".TP\n\\fB", out);
    print_roff(out, row->name);
    fputs("\\fR: ", out);
    print_roff(out, row->standard);
    fputc('\n', out);
    print_roff_text(out, expected);
    if (marked) fprintf(out, ".IR %s .\n", row->resume == WT_RESUME_REFUSED ? "fixed" : "warned");
    print_roff_text(out, row->help);
}

static void print_config_manual(FILE *out) {
    wt_config_row row;
    fputs(wt_text_config_head_man, out);
    for (int i = 0; wt_config_describe(&row, i); i++) {
        if (!row.section) {
            print_roff_key(out, &row);
            continue;
        }
        fputs(".SH \"", out);
        print_roff(out, row.name);
        fputs("\"\n", out);
        print_roff_text(out, row.help);
    }
    fputs(".SH \"SEE ALSO\"\n.BR wavetrain (1)\n", out);
}

wt_status wt_manual_print(FILE *out, const char *page, const char *date) {
    if (strcmp(page, "config") == 0) {
        print_roff_title(out, "WAVETRAIN\\-CONFIG", 5, date, "File formats");
        print_config_manual(out);
        return WT_OK;
    }
    WT_CHECK(!*page || strcmp(page, "wavetrain") == 0, WT_USAGE,
             "--manual: no such page (got %s, expected wavetrain or config)", page);
    print_roff_title(out, "WAVETRAIN", 1, date, "User commands");
    fputs(wt_text_manual_head_man, out);
    WT_TRY(wt_commands_visit(print_roff_command, out));
    fputs(wt_text_manual_tail_man, out);
    return WT_OK;
}
