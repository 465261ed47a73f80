/*
 * Values: a node's text into a field, checked against the key's row of the table,
 * and a field back to text.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "config_internal.h"

/* --- errors --- */

static wt_status refuse_value(const wt_key *key, const char *name, const wt_yaml_node *node,
                              const char *problem) {
    char got[WT_YAML_SHOW], expected[WT_EXPECT_MAX];
    wt_yaml_show(got, node);
    wt_key_expect(expected, key);
    return wt_yaml_error(node, "%s %s (got %s, expected %s)", name, problem, got, expected);
}

/* --- numbers --- */

static bool in_range(const wt_key *key, double value) {
    bool low = key->above ? value > key->least : value >= key->least;
    bool high = key->below ? value < key->most : value <= key->most;
    return low && high;
}

static wt_status scan_whole(const wt_key *key, const char *name, const wt_yaml_node *node, int64_t *value) {
    int64_t number;
    if (!wt_yaml_whole(&number, node)) return refuse_value(key, name, node, "is not a whole number");
    if (!in_range(key, (double)number)) return refuse_value(key, name, node, "is out of range");
    *value = number;
    return WT_OK;
}

static wt_status scan_int(const wt_key *key, const char *name, const wt_yaml_node *node, int *field) {
    int64_t value = 0;
    WT_TRY(scan_whole(key, name, node, &value));
    *field = (int)value;
    return WT_OK;
}

static wt_status scan_real(const wt_key *key, const char *name, const wt_yaml_node *node, double *field) {
    double value;
    if (!wt_yaml_number(&value, node)) return refuse_value(key, name, node, "is not a number");
    if (!isfinite(value) || !in_range(key, value)) return refuse_value(key, name, node, "is out of range");
    *field = value + 0.0; /* -0 becomes 0 */
    return WT_OK;
}

/* --- words --- */

static wt_status scan_text(const wt_key *key, const char *name, const wt_yaml_node *node, char *field) {
    if (node->kind != WT_YAML_SCALAR || wt_yaml_is_null(node))
        return refuse_value(key, name, node, "is no text");
    if (node->length == 0) return wt_yaml_error(node, "%s is empty (expected a path)", name);
    if (node->length >= WT_PATH_MAX) {
        return wt_yaml_error(node, "%s is too long (got %zu bytes, expected at most %d)", name, node->length,
                             WT_PATH_MAX - 1);
    }
    for (size_t i = 0; i < node->length; i++) {
        unsigned char c = (unsigned char)node->text[i];
        if (c < 0x20 || c == 0x7F) return refuse_value(key, name, node, "holds a control character");
    }
    memset(field, 0, WT_PATH_MAX);
    memcpy(field, node->text, node->length);
    return WT_OK;
}

static int find_choice(const wt_key *key, const char *text, size_t length) {
    for (int i = 0; key->choices[i]; i++) {
        if (strlen(key->choices[i]) == length && memcmp(key->choices[i], text, length) == 0) return i;
    }
    return -1;
}

static wt_status scan_choice(const wt_key *key, const char *name, const wt_yaml_node *node, int *field) {
    int choice = node->kind == WT_YAML_SCALAR ? find_choice(key, node->text, node->length) : -1;
    if (choice < 0) return refuse_value(key, name, node, "has no such value");
    *field = choice;
    return WT_OK;
}

static wt_status scan_quantization(const wt_key *key, const char *name, const wt_yaml_node *node,
                                   wt_quantization *field) {
    const char *colon = node->kind == WT_YAML_SCALAR ? strchr(node->text, ':') : NULL;
    int kind = colon ? find_choice(key, node->text, (size_t)(colon - node->text)) : -1;
    if (!colon && node->kind == WT_YAML_SCALAR &&
        find_choice(key, node->text, node->length) == WT_QUANTIZATION_VOCABULARY) {
        *field = (wt_quantization){.kind = WT_QUANTIZATION_VOCABULARY};
        return WT_OK;
    }
    bool known = kind >= 0 && kind != WT_QUANTIZATION_VOCABULARY;
    int64_t levels;
    if (!known || !wt_yaml_whole_text(&levels, colon + 1))
        return refuse_value(key, name, node, "has no such value");
    if (!in_range(key, (double)levels)) return refuse_value(key, name, node, "is out of range");
    *field = (wt_quantization){.kind = (wt_quantization_kind)kind, .levels = (int)levels};
    return WT_OK;
}

/* --- lists --- */

static wt_status scan_dilations(const wt_key *key, const char *name, const wt_yaml_node *node,
                                wt_dilation_list *field) {
    if (node->kind != WT_YAML_LIST) return refuse_value(key, name, node, "is no list");
    if (node->count > WT_DILATIONS_MAX) {
        return wt_yaml_error(node, "%s is too long (got %d, expected at most %d)", name, node->count,
                             WT_DILATIONS_MAX);
    }
    wt_key element = *key;
    element.type = WT_KEY_INT; /* for what is expected of one */
    memset(field, 0, sizeof *field);
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        char place[WT_NAME_MAX + 16];
        snprintf(place, sizeof place, "%s[%d]", name, field->count);
        WT_TRY(scan_int(&element, place, entry, &field->values[field->count]));
        field->count++;
    }
    return WT_OK;
}

static wt_status scan_numbers(const wt_key *key, const char *name, const wt_yaml_node *node,
                              wt_dilation_list *field) {
    if (node->kind == WT_YAML_LIST) return scan_dilations(key, name, node, field);
    memset(field, 0, sizeof *field);
    field->count = 1;
    return scan_int(key, name, node, field->values);
}

/* A number of a pair; messages name its place. */
static wt_status scan_point(const wt_key *key, const char *place, const wt_yaml_node *node,
                            wt_schedule_point *point) {
    if (node->kind != WT_YAML_LIST || node->count != 2) return refuse_value(key, place, node, "is no pair");
    wt_key step = {.type = WT_KEY_INT64, .least = 0, .most = 1e12};
    wt_key rate = *key;
    rate.type = WT_KEY_REAL;
    WT_TRY(scan_whole(&step, place, node->first, &point->step));
    return scan_real(&rate, place, node->first->next, &point->rate);
}

static wt_status scan_points(const wt_key *key, const char *name, const wt_yaml_node *node,
                             wt_point_list *field) {
    if (node->kind != WT_YAML_LIST) return refuse_value(key, name, node, "is no list");
    if (node->count > WT_POINTS_MAX) {
        return wt_yaml_error(node, "%s is too long (got %d, expected at most %d)", name, node->count,
                             WT_POINTS_MAX);
    }
    memset(field, 0, sizeof *field);
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        char place[WT_NAME_MAX + 16];
        wt_schedule_point *point = &field->values[field->count];
        snprintf(place, sizeof place, "%s[%d]", name, field->count);
        WT_TRY(scan_point(key, place, entry, point));
        if (field->count > 0 && point->step <= point[-1].step) {
            return wt_yaml_error(entry,
                                 "%s is not after the one before (got step %" PRId64
                                 ", expected more than %" PRId64 ")",
                                 place, point->step, point[-1].step);
        }
        field->count++;
    }
    return WT_OK;
}

wt_status wt_value_scan(const wt_key *key, const char *name, const wt_yaml_node *node, void *field) {
    switch (key->type) {
    case WT_KEY_INT: return scan_int(key, name, node, field);
    case WT_KEY_INT64: return scan_whole(key, name, node, field);
    case WT_KEY_REAL: return scan_real(key, name, node, field);
    case WT_KEY_TEXT: return scan_text(key, name, node, field);
    case WT_KEY_CHOICE: return scan_choice(key, name, node, field);
    case WT_KEY_DILATIONS: return scan_dilations(key, name, node, field);
    case WT_KEY_NUMBERS: return scan_numbers(key, name, node, field);
    case WT_KEY_POINTS: return scan_points(key, name, node, field);
    case WT_KEY_QUANTIZATION: return scan_quantization(key, name, node, field);
    case WT_KEY_ARRAYS: return wt_arrays_scan(key, name, node, field);
    case WT_KEY_SECTION: break;
    }
    return refuse_value(key, name, node, "is a section");
}

/* --- back to text --- */

static void print_dilations(FILE *out, const wt_dilation_list *list) {
    fputc('[', out);
    for (int i = 0; i < list->count; i++) fprintf(out, "%s%d", i ? ", " : "", list->values[i]);
    fputc(']', out);
}

static void print_numbers(FILE *out, const wt_dilation_list *list) {
    if (list->count == 1) {
        fprintf(out, "%d", list->values[0]);
    } else {
        print_dilations(out, list);
    }
}

static void print_points(FILE *out, const wt_point_list *list) {
    char digits[32];
    fputc('[', out);
    for (int i = 0; i < list->count; i++) {
        wt_yaml_real_text(digits, list->values[i].rate);
        fprintf(out, "%s[%" PRId64 ", %s]", i ? ", " : "", list->values[i].step, digits);
    }
    fputc(']', out);
}

void wt_value_print(FILE *out, const wt_key *key, const void *field) {
    const wt_quantization *quantization = field;
    char digits[32];
    switch (key->type) {
    case WT_KEY_SECTION: break;
    case WT_KEY_INT: fprintf(out, "%d", *(const int *)field); break;
    case WT_KEY_INT64: fprintf(out, "%" PRId64, *(const int64_t *)field); break;
    case WT_KEY_REAL:
        wt_yaml_real_text(digits, *(const double *)field);
        fputs(digits, out);
        break;
    case WT_KEY_TEXT: wt_yaml_print_text(out, field); break;
    case WT_KEY_CHOICE: fputs(key->choices[*(const int *)field], out); break;
    case WT_KEY_DILATIONS: print_dilations(out, field); break;
    case WT_KEY_NUMBERS: print_numbers(out, field); break;
    case WT_KEY_POINTS: print_points(out, field); break;
    case WT_KEY_QUANTIZATION:
        fputs(key->choices[quantization->kind], out);
        if (quantization->kind != WT_QUANTIZATION_VOCABULARY) fprintf(out, ":%d", quantization->levels);
        break;
    case WT_KEY_ARRAYS: wt_arrays_print(out, field); break;
    }
}
