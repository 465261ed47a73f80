/* Single keys and values: what a sweep takes from the table. */
#include "config/config_value.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "config_internal.h"

wt_status wt_config_key(const wt_key **key, const wt_yaml_node *entry) {
    char shown[WT_YAML_SHOW];
    wt_utf8_show(shown, sizeof shown, entry->name, strlen(entry->name));
    *key = wt_key_find(entry->name);
    if (!*key) return wt_key_refuse(entry, shown);
    if ((*key)->type == WT_KEY_SECTION) {
        return wt_yaml_error(entry, "%s is a section (expected one of its keys, such as %s)", shown,
                             (*key)[1].name);
    }
    return WT_OK;
}

const char *wt_config_key_name(const wt_key *key) {
    return key->name;
}

wt_value_kind wt_config_key_kind(const wt_key *key) {
    if (key->type == WT_KEY_INT || key->type == WT_KEY_INT64) return WT_VALUE_WHOLE;
    return key->type == WT_KEY_REAL ? WT_VALUE_REAL : WT_VALUE_OTHER;
}

wt_status wt_config_take(wt_config *config, const wt_key *key, const wt_yaml_node *node) {
    return wt_value_scan(key, key->name, node, wt_key_field(key, config));
}

double wt_config_number(const wt_config *config, const wt_key *key) {
    const void *field = wt_key_read(key, config);
    if (key->type == WT_KEY_INT) return *(const int *)field;
    return key->type == WT_KEY_INT64 ? (double)*(const int64_t *)field : *(const double *)field;
}

static void print_node(FILE *out, const wt_yaml_node *node) {
    if (node->kind == WT_YAML_SCALAR) {
        fputs(node->text, out);
        return;
    }
    fputc(node->kind == WT_YAML_LIST ? '[' : '{', out);
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        if (entry->name) fprintf(out, "%s: ", entry->name);
        print_node(out, entry);
        if (entry->next) fputs(", ", out);
    }
    fputc(node->kind == WT_YAML_LIST ? ']' : '}', out);
}

wt_status wt_config_value_text(const char **text, wt_yaml_pool *pool, const wt_config *config,
                               const wt_key *key, const wt_yaml_node *node) {
    char *printed = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&printed, &bytes);
    WT_CHECK(stream, WT_FAILED, "out of memory for a value's text");
    if (key->type == WT_KEY_ARRAYS) {
        print_node(stream, node);
    } else {
        wt_value_print(stream, key, wt_key_read(key, config));
    }
    wt_status status = fclose(stream) == 0 ? wt_yaml_copy(pool, text, printed, bytes)
                                           : wt_error(WT_FAILED, "out of memory for a value's text");
    free(printed);
    return status;
}

wt_status wt_config_whole(int64_t *number, const wt_yaml_node *node, const char *name, double least,
                          double most) {
    const wt_key key = {.name = name, .type = WT_KEY_INT64, .least = least, .most = most};
    return wt_value_scan(&key, name, node, number);
}

wt_status wt_config_path(char path[WT_PATH_MAX], const wt_yaml_node *node, const char *name) {
    const wt_key key = {.name = name, .type = WT_KEY_TEXT};
    return wt_value_scan(&key, name, node, path);
}
