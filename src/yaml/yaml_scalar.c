/*
 * Scalars. Numbers are matched against a grammar of our own before strtod or strtoll see them, so that
 * hexadecimal, nan, inf and trailing letters are refused everywhere alike.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "yaml/yaml_node.h"

/* --- numbers --- */

static const char *skip_digits(const char *text) {
    while (*text >= '0' && *text <= '9') text++;
    return text;
}

/* [+-] digits, without zeros in front: some readers take those for octal. */
static bool is_whole(const char *text) {
    if (*text == '+' || *text == '-') text++;
    const char *end = skip_digits(text);
    return end > text && *end == '\0' && (*text != '0' || end == text + 1);
}

/* [+-] digits [. digits] [e [+-] digits], digits on one side of the point at least. */
static bool is_number(const char *text) {
    if (*text == '+' || *text == '-') text++;
    const char *end = skip_digits(text);
    bool any = end > text;
    if (*end == '.') {
        text = end + 1;
        end = skip_digits(text);
        any = any || end > text;
    }
    if (!any) return false;
    if (*end == 'e' || *end == 'E') {
        text = end + 1;
        if (*text == '+' || *text == '-') text++;
        end = skip_digits(text);
        if (end == text) return false;
    }
    return *end == '\0';
}

bool wt_yaml_whole_text(int64_t *value, const char *text) {
    if (!is_whole(text)) return false;
    *value = strtoll(text, NULL, 10);
    return true;
}

static bool is_plain(const wt_yaml_node *node) {
    return node->kind == WT_YAML_SCALAR && !node->quoted;
}

bool wt_yaml_whole(int64_t *value, const wt_yaml_node *node) {
    return is_plain(node) && wt_yaml_whole_text(value, node->text);
}

bool wt_yaml_number(double *value, const wt_yaml_node *node) {
    if (!is_plain(node) || !is_number(node->text)) return false;
    *value = strtod(node->text, NULL);
    return true;
}

/* --- back to text --- */

void wt_yaml_real_text(char out[32], double value) {
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, 32, "%.*g", digits, value);
        if (strtod(out, NULL) == value) break;
    }
    if (strchr(out, '.')) return;
    size_t whole = strcspn(out, "e"); /* 1e-08 → 1.0e-08, 3 → 3.0 */
    memmove(out + whole + 2, out + whole, strlen(out + whole) + 1);
    memcpy(out + whole, ".0", 2);
}

/* What a YAML reader refuses, folds or drops when it stands there as it is. */
static bool needs_escape(uint32_t code) {
    return code < 0x20 || (code >= 0x7F && code <= 0xA0) || code == 0x2028 || code == 0x2029 ||
           code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
}

void wt_yaml_print_text(FILE *out, const char *text) {
    fputc('"', out);
    for (size_t left = strlen(text); left;) {
        uint32_t code = 0;
        const int bytes = wt_utf8_decode(&code, text, left), taken = bytes ? bytes : 1;
        if (!bytes) {
            fputc('?', out);
        } else if (code == '"' || code == '\\') {
            fprintf(out, "\\%c", (int)code);
        } else if (needs_escape(code)) {
            fprintf(out, "\\u%04" PRIX32, code);
        } else {
            fwrite(text, 1, (size_t)bytes, out);
        }
        text += taken;
        left -= (size_t)taken;
    }
    fputc('"', out);
}
