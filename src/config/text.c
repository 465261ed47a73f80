/*
 * The table written out: the resolved configuration, the annotated one of
 * --help-config, and what differs between two. All go through open_memstream or the
 * caller's stream, so that nothing has a length to guess.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config_internal.h"

/* --- the resolved text --- */

static void print_key(FILE *out, const wt_key *key, const wt_config *config) {
    if (key->type == WT_KEY_SECTION) {
        fprintf(out, "%s:\n", key->name);
        return;
    }
    if (!wt_key_applies(key, config)) return;
    fprintf(out, "  %s:", wt_key_last(key));
    if (key->type == WT_KEY_ARRAYS && config->model.array_count > 0) {
        for (int i = 0; i < config->model.array_count; i++) {
            fputs("\n    - ", out);
            wt_array_print(out, &config->model.arrays[i]);
        }
    } else {
        fputc(' ', out);
        wt_value_print(out, key, wt_key_read(key, config));
    }
    fputc('\n', out);
}

/* Closes a memory stream; its text goes to a counted block. */
static wt_status finish_stream(char **text, FILE *stream, char **buffer) {
    bool failed = ferror(stream) != 0;
    failed = fclose(stream) != 0 || failed;
    wt_status status = failed ? wt_error(WT_FAILED, "out of memory for a configuration's text")
                              : wt_memory_copy_string(text, *buffer);
    free(*buffer);
    return status;
}

wt_status wt_config_text(char **text, const wt_config *config) {
    char *buffer = NULL;
    size_t size = 0;
    *text = NULL;
    FILE *stream = open_memstream(&buffer, &size);
    WT_CHECK(stream, WT_FAILED, "out of memory for a configuration's text");
    for (int i = 0; i < wt_key_count; i++) print_key(stream, &wt_keys[i], config);
    return finish_stream(text, stream, &buffer);
}

/* --- comparison --- */

static wt_status value_text(char **text, const wt_key *key, const wt_config *config) {
    char *buffer = NULL;
    size_t size = 0;
    *text = NULL;
    FILE *stream = open_memstream(&buffer, &size);
    WT_CHECK(stream, WT_FAILED, "out of memory for a configuration's text");
    wt_value_print(stream, key, wt_key_read(key, config));
    return finish_stream(text, stream, &buffer);
}

wt_status wt_config_visit(const wt_config *config, wt_config_visitor visit, void *context) {
    for (int i = 0; i < wt_key_count; i++) {
        const wt_key *key = &wt_keys[i];
        char *text;
        if (key->type == WT_KEY_SECTION || !wt_key_applies(key, config)) continue;
        WT_TRY(value_text(&text, key, config));
        visit(context, key->name, text);
        wt_free(text);
    }
    return WT_OK;
}

wt_status wt_config_compare(const wt_config *before, const wt_config *after, wt_config_difference report,
                            void *context) {
    for (int i = 0; i < wt_key_count; i++) {
        const wt_key *key = &wt_keys[i];
        char *old = NULL, *new = NULL;
        if (key->type == WT_KEY_SECTION) continue;
        /* what takes the key's place on either side is reported itself */
        if (!wt_key_applies(key, before) || !wt_key_applies(key, after)) continue;
        wt_status status = value_text(&old, key, before);
        if (status == WT_OK) status = value_text(&new, key, after);
        if (status == WT_OK && strcmp(old, new) != 0) report(context, key->name, key->resume, old, new);
        wt_free(old);
        wt_free(new);
        WT_TRY(status);
    }
    return WT_OK;
}

/* --- help --- */

enum { COMMENT_COLUMN = 27, WIDTH = 80, HELP_MAX = 640 };

/* Columns of a text, one per character. */
static int count_columns(const char *text, size_t bytes) {
    int count = 0;
    for (size_t i = 0; i < bytes; i++) count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

/* Prints words as a comment from the cursor on; further lines begin in `column`. */
static void print_comment(FILE *out, const char *text, int cursor, int column) {
    int at = cursor + 1;
    fputc('#', out);
    while (*text) {
        size_t bytes = strcspn(text, " ");
        int width = count_columns(text, bytes);
        if (at + 1 + width > WIDTH && at > column + 1) {
            fprintf(out, "\n%*s#", column, "");
            at = column + 1;
        }
        fprintf(out, " %.*s", (int)bytes, text);
        at += 1 + width;
        text += bytes;
        while (*text == ' ') text++;
    }
    fputc('\n', out);
}

static void print_help(FILE *out, const wt_key *key) {
    static const char *const resume[] = {"", " [warned]", " [fixed]"}; /* by wt_resume_rule */
    char expected[WT_EXPECT_MAX], comment[HELP_MAX];
    if (key->type == WT_KEY_SECTION) {
        fprintf(out, "\n%s: # %s\n", key->name, key->help);
        return;
    }
    const int used = fprintf(out, "  %s: %s", wt_key_last(key), key->standard);
    const int cursor = used < COMMENT_COLUMN ? COMMENT_COLUMN : used + 1;
    fprintf(out, "%*s", cursor - used, "");
    wt_key_expect(expected, key);
    snprintf(comment, sizeof comment, "%s. %s%s", expected, key->help, resume[key->resume]);
    print_comment(out, comment, cursor, COMMENT_COLUMN);
}

bool wt_config_describe(wt_config_row *row, int index) {
    _Static_assert(sizeof row->expected == WT_EXPECT_MAX, "what a value may be is cut");
    if (index < 0 || index >= wt_key_count) return false;
    const wt_key *key = &wt_keys[index];
    *row = (wt_config_row){.name = key->name,
                           .section = key->type == WT_KEY_SECTION,
                           .standard = key->standard,
                           .choices = key->type == WT_KEY_CHOICE ? key->choices : NULL,
                           .resume = key->resume,
                           .help = key->help};
    wt_key_expect(row->expected, key);
    return true;
}

void wt_config_help(FILE *out) {
    print_comment(
        out,
        "A configuration with every key at its default; each may be left out, and set on the command line: "
        "--set train.steps=100. After # stand what a value may be and what it means. When a run is resumed, "
        "a changed key marked [fixed] is refused, one marked [warned] is warned of.",
        0, 0);
    for (int i = 0; i < wt_key_count; i++) print_help(out, &wt_keys[i]);
}
