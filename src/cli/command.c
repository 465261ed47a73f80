/* Option parsing that all subcommands share, on popt. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/output.h"
#include "comm/places.h"
#include "command_internal.h"

/* Whoever wants to see a command's table instead of having it run. */
static struct {
    wt_command_visitor visitor;
    void *context;
    const char *kind;
} visit;

/* Our own texts for popt's --help, since popt's names the process and exits. */
static int help_asked;

static const struct poptOption help_option[] = {
    {"help", 'h', POPT_ARG_NONE, &help_asked, 0, "Show this text", NULL},
    POPT_TABLEEND,
};

const char *wt_command_plural(int count) {
    return count == 1 ? "" : "s";
}

static void print_options(const struct poptOption *options) {
    enum { INDENT = 29 };
    for (const struct poptOption *option = options; option && option->longName; option++) {
        char left[80];
        int length = snprintf(left, sizeof left, "  --%s%s%s", option->longName,
                              option->argDescrip ? "=" : "", option->argDescrip ? option->argDescrip : "");
        if (length > INDENT - 2) {
            printf("%s\n%*s", left, INDENT, "");
        } else {
            printf("%-*s", INDENT, left);
        }
        wt_output_wrap(stdout, option->descrip ? option->descrip : "", INDENT);
    }
}

void wt_command_help(const wt_command *command) {
    printf("usage: wavetrain %s %s\n\n", command->name, command->arguments);
    wt_output_wrap(stdout, command->summary, 0);
    printf("\nOptions:\n");
    print_options(command->options);
    print_options(help_option);
}

/* An option that takes one value, and is given a second, is a mistake: which of both is meant? popt would
 * take the last. Nor is "nan" a number, as popt has it. This reads the options of `table` once, for their
 * names and such values alone; the second reading reports what else is wrong with them. */
static wt_status check_values(const wt_command *command, int argc, const char **argv,
                                 const struct poptOption *table) {
    enum { OPTIONS_MAX = 64 };
    struct poptOption names[OPTIONS_MAX + 1];
    bool seen[OPTIONS_MAX + 1] = {false};
    int count = 0, code;
    wt_status status = WT_OK;
    memset(names, 0, sizeof names);
    for (; table && table->longName && count < OPTIONS_MAX; table++, count++) {
        const bool flag = (table->argInfo & POPT_ARG_MASK) == POPT_ARG_NONE;
        names[count] = *table;
        names[count].argInfo = flag ? POPT_ARG_NONE : POPT_ARG_STRING;
        names[count].arg = NULL;
        names[count].val = count + 1;
    }
    poptContext context = poptGetContext(command->name, argc, argv, names, 0);
    WT_CHECK(context, WT_FAILED, "out of memory for the options");
    while (status == WT_OK && (code = poptGetNextOpt(context)) > 0) {
        const struct poptOption *option = table - count + (code - 1);
        const int kind = option->argInfo & POPT_ARG_MASK;
        const bool once = kind != POPT_ARG_NONE && kind != POPT_ARG_ARGV;
        char *value = poptGetOptArg(context);
        if (kind == POPT_ARG_DOUBLE && value && isnan(strtod(value, NULL)))
            status = wt_error(WT_USAGE, "--%s: got %s, expected a number", option->longName, value);
        free(value);
        if (once && seen[code - 1])
            status = wt_error(WT_USAGE, "--%s: is given twice (expected once)", option->longName);
        seen[code - 1] = true;
    }
    poptFreeContext(context);
    return status;
}

static wt_status parse_options(poptContext context, const wt_command *command) {
    int code;
    while ((code = poptGetNextOpt(context)) >= 0) {}
    if (code == -1) return WT_OK;
    char meant[128];
    const char *option = poptBadOption(context, 0);
    if (code == POPT_ERROR_BADOPT && wt_suggest_option(meant, sizeof meant, command, option))
        return wt_error(WT_USAGE, "%s: unknown option (did you mean %s? See wavetrain %s --help)", option,
                        meant, command->name);
    return wt_error(WT_USAGE, "%s: %s (see wavetrain %s --help)", option, poptStrerror(code), command->name);
}

wt_status wt_command_parse(wt_command_line *line, const wt_command *command, int argc, const char **argv,
                           int min, int max) {
    static const char *none[] = {NULL};
    *line = (wt_command_line){.arguments = none};
    if (visit.visitor) {
        line->done = true;
        visit.visitor(visit.context, command, visit.kind);
        return WT_OK;
    }
    struct poptOption table[3];
    memset(table, 0, sizeof table);
    int entries = 0;
    if (command->options) {
        table[entries++] = (struct poptOption){
            NULL, '\0', POPT_ARG_INCLUDE_TABLE, (void *)command->options, 0, NULL, NULL};
    }
    table[entries] = (struct poptOption){NULL, '\0', POPT_ARG_INCLUDE_TABLE, (void *)help_option, 0,
                                         NULL, NULL};
    help_asked = 0;
    WT_TRY(check_values(command, argc, argv, command->options));
    line->context = poptGetContext(command->name, argc, argv, table, 0);
    WT_CHECK(line->context, WT_FAILED, "out of memory for the options");
    WT_TRY(parse_options(line->context, command));
    if (help_asked) {
        if (wt_log_is_verbose()) wt_command_help(command);
        line->done = true;
        return WT_OK;
    }
    const char **left = poptGetArgs(line->context);
    if (left) line->arguments = left;
    while (line->arguments[line->count]) line->count++;
    WT_CHECK(line->count >= min && line->count <= max, WT_USAGE, "%s: %s (usage: wavetrain %s %s)",
             command->name, line->count < min ? "an argument is missing" : "too many arguments",
             command->name, command->arguments);
    return WT_OK;
}

void wt_command_end(wt_command_line *line, const wt_command *command) {
    for (const struct poptOption *option = command->options; option && option->longName; option++) {
        const int kind = option->argInfo & POPT_ARG_MASK;
        if (kind == POPT_ARG_STRING) {
            free(*(char **)option->arg);
            *(char **)option->arg = NULL;
        } else if (kind == POPT_ARG_ARGV) {
            char **list = *(char ***)option->arg;
            for (char **text = list; text && *text; text++) free(*text);
            free(list);
            *(char ***)option->arg = NULL;
        }
    }
    poptFreeContext(line->context);
}

wt_status wt_command_run(const wt_command *command, wt_comm *comm, int argc, const char **argv) {
    wt_command_line line;
    if (command->run) return command->run(comm, argc, argv);
    wt_status status = wt_command_parse(&line, command, argc, argv, command->min, command->max);
    if (status == WT_OK && !line.done) status = command->work(comm, &line);
    wt_command_end(&line, command);
    return status;
}

wt_status wt_command_check_numbers(const wt_command_number *numbers, int count) {
    for (const wt_command_number *n = numbers; n < numbers + count; n++)
        WT_CHECK(n->value >= n->min && n->value <= n->max, WT_USAGE,
                 "%s: out of range (got %d, expected %d … %d)", n->option, n->value, n->min, n->max);
    return WT_OK;
}

wt_status wt_command_parse_link(wt_link *link, double latency, double bandwidth) {
    WT_CHECK(latency >= 0 && bandwidth >= 0, WT_USAGE,
             "--latency, --bandwidth: out of range (got %g and %g, expected none below 0)", latency,
             bandwidth);
    WT_CHECK((latency > 0) == (bandwidth > 0), WT_USAGE,
             "--latency and --bandwidth go together (got %s alone)",
             latency > 0 ? "--latency" : "--bandwidth");
    *link = (wt_link){1e-6 * latency, 1e9 / 8 * bandwidth};
    return WT_OK;
}

/* --- visits --- */

const char *wt_command_next_alternative(const char **at, int *length) {
    if (!*at || !**at) return NULL;
    const char *found = *at;
    *length = (int)strcspn(found, "| ");
    *at = found[*length] == '|' ? found + *length + 1 : NULL;
    return found;
}

bool wt_command_alternative_is_word(const char *alternative, int length) {
    return strcspn(alternative, "abcdefghijklmnopqrstuvwxyz") < (size_t)length &&
           !memchr(alternative, '.', (size_t)length);
}

wt_status wt_command_visit(const wt_command *command, wt_command_visitor visitor, void *context) {
    enum { KIND = 64 };
    const char *at = command->arguments, *found;
    int length;
    wt_status status = WT_OK;
    bool kinds = strcspn(at, "|") < strcspn(at, " ");
    while (status == WT_OK && (found = wt_command_next_alternative(&at, &length)) != NULL) {
        char kind[KIND] = "";
        bool word = kinds && length < KIND && wt_command_alternative_is_word(found, length);
        if (word) memcpy(kind, found, (size_t)length);
        const char *argv[] = {command->name, kind, NULL};
        visit.visitor = visitor;
        visit.context = context;
        visit.kind = kind;
        status = wt_command_run(command, NULL, word ? 2 : 1, argv);
        memset(&visit, 0, sizeof visit);
        if (!word) break; /* one table for whatever it is */
    }
    return status;
}

/* --- threads --- */

wt_status wt_command_settle(wt_comm *comm, bool chosen) {
    wt_place *places;
    WT_TRY(wt_comm_settle(comm, chosen, false, &places));
    wt_free(places);
    return WT_OK;
}

wt_status wt_command_parse_weights(wt_weights *weights, const char *text) {
    const bool bf16 = text && strcmp(text, "bf16") == 0;
    WT_CHECK(!text || bf16 || strcmp(text, "fp32") == 0, WT_USAGE, "--weights: got %s, expected fp32 or bf16",
             text);
    *weights = bf16 ? WT_WEIGHTS_BF16 : WT_WEIGHTS_FP32;
    return WT_OK;
}
