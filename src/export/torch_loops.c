/*
 * Loops in place of layers that differ in numbers alone. A line is cut into numbers and what stands between
 * them; layers whose lines agree in the latter become one loop. A number that is the same in all layers
 * stays, one that counts them is the loop's i, any other becomes a list that the loop goes through.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torch_internal.h"

enum { NUMBERS_MAX = 64, NUMBER = 24, WIDTH = 100 };

/* The lines of a layer. */
typedef struct {
    int first, count;
} layer_lines;

/* A number of a line: where it begins and ends. Digits within a name (s2) are none. */
typedef struct {
    const char *from, *to;
} number_span;

/* The next number at or behind `text`; from NULL: none. `quoted` is whether `text` is within quotes. */
static number_span next_number(const char *text, bool *quoted) {
    char before = ' ';
    for (; *text; before = *text++) {
        if (*text == '"') *quoted = !*quoted;
        const bool name = isalpha((unsigned char)before) || before == '_' || isdigit((unsigned char)before);
        if (!isdigit((unsigned char)*text) || (name && !*quoted)) continue;
        char *end;
        if (*quoted)
            strtol(text, &end, 10);
        else
            strtod(text, &end);
        return (number_span){text, end};
    }
    return (number_span){NULL, NULL};
}

/* Whether two lines differ in numbers alone. */
static bool differ_in_numbers_alone(const char *a, const char *b) {
    bool in_a = false, in_b = false;
    for (;;) {
        const number_span x = next_number(a, &in_a), y = next_number(b, &in_b);
        const size_t left = x.from ? (size_t)(x.from - a) : strlen(a);
        const size_t right = y.from ? (size_t)(y.from - b) : strlen(b);
        if (left != right || memcmp(a, b, left) != 0 || !x.from != !y.from) return false;
        if (!x.from) return true;
        a = x.to;
        b = y.to;
    }
}

static layer_lines find_layer(const wt_torch_lines *lines, int first) {
    layer_lines l = {first, 0};
    while (first + l.count < lines->count && lines->lines[first + l.count].layer == lines->lines[first].layer)
        l.count++;
    return l;
}

/* Layers from `first` on, this one included, that differ in numbers alone. */
static int count_alike(const wt_torch_lines *lines, layer_lines first) {
    int layers = 1;
    for (;; layers++) {
        const int at = first.first + layers * first.count;
        if (at >= lines->count || find_layer(lines, at).count != first.count) return layers;
        for (int n = 0; n < first.count; n++) {
            if (!differ_in_numbers_alone(lines->lines[first.first + n].text, lines->lines[at + n].text))
                return layers;
        }
    }
}

/* --- a loop --- */

typedef struct {
    const wt_torch_lines *lines;
    layer_lines first;
    int layers;
    bool counts; /* i is used */
    int begin;   /* its first value */
    int lists;
    struct {
        int line, number; /* that it stands for */
        char name[NUMBER];
    } list[NUMBERS_MAX];
} loop;

/* Number `number` of line `line` in the loop's layer `layer`. */
static void take_number(char text[NUMBER], const loop *l, int layer, int line, int number) {
    const char *at = l->lines->lines[l->first.first + layer * l->first.count + line].text;
    bool quoted = false;
    number_span found = {at, at};
    for (int n = 0; n <= number; n++) found = next_number(found.to, &quoted);
    snprintf(text, NUMBER, "%.*s", (int)(found.to - found.from), found.from);
}

static bool stays_alike(const loop *l, int line, int number) {
    char first[NUMBER], other[NUMBER];
    take_number(first, l, 0, line, number);
    for (int layer = 1; layer < l->layers; layer++) {
        take_number(other, l, layer, line, number);
        if (strcmp(first, other) != 0) return false;
    }
    return true;
}

/* One more in each layer. */
static bool is_counted(const loop *l, int line, int number) {
    char text[NUMBER];
    take_number(text, l, 0, line, number);
    const long first = strtol(text, NULL, 10);
    for (int layer = 0; layer < l->layers; layer++) {
        take_number(text, l, layer, line, number);
        if (strspn(text, "0123456789") != strlen(text) || strtol(text, NULL, 10) != first + layer)
            return false;
    }
    return true;
}

/* The list of these very numbers; −1: there is none yet. */
static int find_list(const loop *l, int line, int number) {
    char own[NUMBER], other[NUMBER];
    for (int i = 0; i < l->lists; i++) {
        int layer = 0;
        for (; layer < l->layers; layer++) {
            take_number(own, l, layer, line, number);
            take_number(other, l, layer, l->list[i].line, l->list[i].number);
            if (strcmp(own, other) != 0) break;
        }
        if (layer == l->layers) return i;
    }
    return -1;
}

/* By the word before "=", else by what a factor is called. */
static void name_number_list(loop *l, int list, const char *line, const char *number) {
    const char *end = number > line && number[-1] == '=' ? number - 1 : number, *begin = end;
    while (begin > line && islower((unsigned char)begin[-1])) begin--;
    char *name = l->list[list].name;
    if (end == number || begin == end)
        snprintf(name, NUMBER, "scale");
    else
        snprintf(name, NUMBER, "%.*s", (int)(end - begin), begin);
    for (int i = 0; i < list; i++) {
        if (strcmp(l->list[i].name, name) == 0) snprintf(name, NUMBER, "n%d", list + 1);
    }
}

/* What line `line` of the body has in place of its number `number`. */
static void print_in_place(FILE *out, loop *l, int line, int number, const number_span *at) {
    const char *text = l->lines->lines[l->first.first + line].text;
    if (stays_alike(l, line, number)) {
        fprintf(out, "%.*s", (int)(at->to - at->from), at->from);
        return;
    }
    const long value = strtol(at->from, NULL, 10);
    if (is_counted(l, line, number)) {
        if (!l->counts) l->begin = (int)value;
        l->counts = true;
        const long more = value - l->begin;
        fprintf(out, more ? "i %c %ld" : "i", more < 0 ? '-' : '+', labs(more));
        return;
    }
    int list = find_list(l, line, number);
    if (list < 0 && l->lists < NUMBERS_MAX) {
        list = l->lists++;
        l->list[list].line = line;
        l->list[list].number = number;
        name_number_list(l, list, text, at->from);
    }
    fputs(l->list[list].name, out);
}

/* Whether the quotes that begin at `text` have a number that is not the same in all layers. */
static bool varies_in_quotes(const loop *l, int line, int number, const char *text) {
    const char *end = strchr(text + 1, '"');
    bool quoted = false;
    for (number_span at = next_number(text, &quoted); at.from && at.from < end;
         at = next_number(at.to, &quoted), number++) {
        if (!stays_alike(l, line, number)) return true;
    }
    return false;
}

static void print_body_line(FILE *out, loop *l, int line) {
    const char *text = l->lines->lines[l->first.first + line].text;
    bool quoted = false, within = false;
    int number = 0;
    number_span at = next_number(text, &quoted);
    while (*text) {
        if (at.from == text) {
            const bool braces = within && !stays_alike(l, line, number);
            if (braces) fputc('{', out);
            print_in_place(out, l, line, number++, &at);
            if (braces) fputc('}', out);
            text = at.to;
            at = next_number(text, &quoted);
            continue;
        }
        if (*text == '"' && !within && varies_in_quotes(l, line, number, text)) fputc('f', out);
        if (*text == '"') within = !within;
        fputc(*text++, out);
    }
}

static void print_list(FILE *out, const loop *l, int list, int indent) {
    int column = fprintf(out, "%*s%ss = [", indent, "", l->list[list].name);
    const int begin = column;
    for (int layer = 0; layer < l->layers; layer++) {
        char text[NUMBER];
        take_number(text, l, layer, l->list[list].line, l->list[list].number);
        if (layer && column + (int)strlen(text) + 3 > WIDTH) {
            fprintf(out, ",\n%*s", begin, "");
            column = begin;
        } else if (layer) {
            column += fprintf(out, ", ");
        }
        column += fprintf(out, "%s", text);
    }
    fprintf(out, "]\n");
}

/* "for i, dilation in zip(range(1, 9), dilations):", the lists before it */
static void print_loop_head(FILE *out, const loop *l, int indent) {
    const int parts = l->counts + l->lists;
    for (int i = 0; i < l->lists; i++) print_list(out, l, i, indent);
    fprintf(out, "%*sfor ", indent, "");
    if (l->counts) fputs("i", out);
    for (int i = 0; i < l->lists; i++) fprintf(out, "%s%s", i || l->counts ? ", " : "", l->list[i].name);
    fprintf(out, " in %s", parts > 1 ? "zip(" : "");
    if (l->counts) fprintf(out, "range(%d, %d)", l->begin, l->begin + l->layers);
    for (int i = 0; i < l->lists; i++) fprintf(out, "%s%ss", i || l->counts ? ", " : "", l->list[i].name);
    fprintf(out, "%s:\n", parts > 1 ? ")" : "");
}

static wt_status print_loop(FILE *out, const wt_torch_lines *lines, layer_lines first, int layers,
                            int indent) {
    loop l = {.lines = lines, .first = first, .layers = layers};
    char *body = NULL;
    size_t bytes;
    FILE *memory = open_memstream(&body, &bytes);
    if (!memory) return wt_error(WT_FAILED, "out of memory for a torch module");
    for (int n = 0; n < first.count; n++) {
        fprintf(memory, "%*s", indent + 4, "");
        print_body_line(memory, &l, n);
        fputc('\n', memory);
    }
    fclose(memory);
    if (!l.counts && !l.lists) {
        fprintf(out, "%*sfor _ in range(%d):\n", indent, "", layers);
    } else {
        print_loop_head(out, &l, indent);
    }
    fputs(body, out);
    free(body);
    return WT_OK;
}

wt_status wt_torch_print_loops(FILE *out, const wt_torch_lines *lines, int indent) {
    for (int at = 0; at < lines->count;) {
        const layer_lines first = find_layer(lines, at);
        const int layers = count_alike(lines, first);
        if (layers > 1) WT_TRY(print_loop(out, lines, first, layers, indent));
        for (int n = 0; layers == 1 && n < first.count; n++)
            fprintf(out, "%*s%s\n", indent, "", lines->lines[at + n].text);
        at += layers * first.count;
    }
    return WT_OK;
}
