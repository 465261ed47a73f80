/*
 * model.arrays: each entry begins as a copy of the model's own array keys, with one stack, and is
 * then read with the same rows of the table, at the same offsets.
 */
#include <string.h>

#include "base/utf8.h"
#include "config_internal.h"

static const wt_key *find_array_key(const char *name) {
    for (int i = 0; i < wt_key_count; i++) {
        if (wt_key_is_of_array(&wt_keys[i]) && strcmp(wt_key_last(&wt_keys[i]), name) == 0) {
            return &wt_keys[i];
        }
    }
    return NULL;
}

static wt_status unknown_key(const char *name, const wt_yaml_node *node) {
    char shown[WT_YAML_SHOW], full[2 * WT_NAME_MAX];
    wt_utf8_show(shown, sizeof shown, node->name, strlen(node->name));
    snprintf(full, sizeof full, "%s.%s", name, shown);
    const wt_key *nearest = wt_key_nearest(full, true);
    if (!nearest) return wt_yaml_error(node, "%s is no key of an array", full);
    return wt_yaml_error(node, "%s is no key of an array (did you mean %s?)", full, wt_key_last(nearest));
}

/* layers and dilations exclude each other; layers ends as the number of blocks in a stack either way. */
static wt_status settle_array(const char *name, const wt_yaml_node *const given[], wt_array_config *array) {
    for (int i = 0; i < wt_key_count; i++) {
        if (given[i] && !wt_key_array_applies(&wt_keys[i], array)) {
            return wt_yaml_error(given[i], "%s has %s and dilations (expected one of them)", name,
                                 wt_key_last(&wt_keys[i]));
        }
    }
    if (array->dilations.count) array->layers = array->dilations.count;
    return WT_OK;
}

static wt_status scan_array(const char *name, const wt_yaml_node *node, wt_array_config *array) {
    const wt_yaml_node *given[WT_KEYS_MAX] = {NULL};
    if (node->kind != WT_YAML_MAPPING) {
        char got[WT_YAML_SHOW];
        wt_yaml_show(got, node);
        return wt_yaml_error(node, "%s is no array (got %s, expected keys such as {layers: 10})", name, got);
    }
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        char full[WT_NAME_MAX];
        const wt_key *key = find_array_key(entry->name);
        if (!key) return unknown_key(name, entry);
        snprintf(full, sizeof full, "%.*s.%s", WT_NAME_MAX / 2, name, wt_key_last(key));
        if (given[key - wt_keys]) return wt_yaml_error(entry, "%s is given twice", full);
        given[key - wt_keys] = entry;
        WT_TRY(wt_value_scan(key, full, entry, wt_key_array_field(key, array)));
    }
    return settle_array(name, given, array);
}

wt_status wt_arrays_scan(const wt_key *key, const char *name, const wt_yaml_node *node,
                         wt_model_config *model) {
    char got[WT_YAML_SHOW], expected[WT_EXPECT_MAX];
    wt_yaml_show(got, node);
    wt_key_expect(expected, key);
    if (node->kind != WT_YAML_LIST) {
        return wt_yaml_error(node, "%s is no list (got %s, expected %s)", name, got, expected);
    }
    if (node->count > WT_ARRAYS_MAX) {
        return wt_yaml_error(node, "%s is too long (got %d, expected at most %d)", name, node->count,
                             WT_ARRAYS_MAX);
    }
    memset(model->arrays, 0, sizeof model->arrays);
    model->array_count = 0;
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        char place[WT_NAME_MAX];
        wt_array_config *array = &model->arrays[model->array_count];
        snprintf(place, sizeof place, "%s[%d]", name, model->array_count);
        memcpy(array, &model->array, sizeof *array);
        array->stacks = 1; /* the default of model.stacks belongs to a network of one shape */
        WT_TRY(scan_array(place, entry, array));
        model->array_count++;
    }
    return WT_OK;
}

void wt_array_print(FILE *out, const wt_array_config *array) {
    const char *before = "{";
    for (int i = 0; i < wt_key_count; i++) {
        const wt_key *key = &wt_keys[i];
        if (!wt_key_is_of_array(key) || !wt_key_array_applies(key, array)) continue;
        const void *field = wt_key_array_read(key, array);
        if (key->type == WT_KEY_DILATIONS && ((const wt_dilation_list *)field)->count == 0) continue;
        fprintf(out, "%s%s: ", before, wt_key_last(key));
        wt_value_print(out, key, field);
        before = ", ";
    }
    fputc('}', out);
}

void wt_arrays_print(FILE *out, const wt_model_config *model) {
    fputc('[', out);
    for (int i = 0; i < model->array_count; i++) {
        if (i) fputs(", ", out);
        wt_array_print(out, &model->arrays[i]);
    }
    fputc(']', out);
}
