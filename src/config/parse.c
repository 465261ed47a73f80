/*
 * From text to a wt_config: the table's defaults, then the file, then each --set, in
 * that order, the later one over the earlier; the preset gives what none of them gives. Each value is checked
 * as it arrives, so that an error names the place that it stands at; who gave a key last is kept
 * for the rules between keys, which come at the end. Entries of model.arrays default
 * to the model's other keys, wherever those stand, so that list is read once more when all
 * else is known.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utf8.h"
#include "config_internal.h"

enum { SOURCE_MAX = 512 }; /* bytes of a file's name or a --set in a message */

/* --- defaults --- */

static wt_status fill_defaults(wt_reading *reading) {
    for (int i = 0; i < wt_key_count; i++) {
        const wt_key *key = &wt_keys[i];
        if (key->type == WT_KEY_SECTION) continue;
        wt_yaml_node node = {.kind = key->standard[0] == '[' ? WT_YAML_LIST : WT_YAML_SCALAR,
                             .source = "defaults",
                             .text = key->standard,
                             .length = strlen(key->standard)};
        WT_TRY(wt_value_scan(key, key->name, &node, wt_key_field(key, &reading->config)));
    }
    return WT_OK;
}

/* --- one key --- */

wt_status wt_key_refuse(const wt_yaml_node *node, const char *name) {
    const wt_key *renamed = wt_key_renamed(name), *nearest = wt_key_nearest(name, false);
    if (renamed) return wt_yaml_error(node, "%s is the old name of a key (expected %s)", name, renamed->name);
    if (!nearest) return wt_yaml_error(node, "%s is no key (wavetrain train --help-config lists them)", name);
    return wt_yaml_error(node, "%s is no key (did you mean %s?)", name, nearest->name);
}

static wt_status assign(wt_reading *reading, const wt_key *key, const wt_yaml_node *node, int order) {
    wt_given *given = &reading->given[key - wt_keys];
    if (given->order == order) {
        return wt_yaml_error(node, "%s is given twice (first in line %d)", key->name, given->node->line);
    }
    given->order = order;
    given->node = node;
    return wt_value_scan(key, key->name, node, wt_key_field(key, &reading->config));
}

/* --- the file --- */

static wt_status read_section(wt_reading *reading, const wt_key *section, const wt_yaml_node *node) {
    char got[WT_YAML_SHOW], shown[WT_YAML_SHOW], name[WT_NAME_MAX];
    if (wt_yaml_is_null(node)) return WT_OK; /* all its keys are commented out */
    wt_yaml_show(got, node);
    if (node->kind != WT_YAML_MAPPING) {
        return wt_yaml_error(node, "%s is a section (got %s, expected its keys on lines of their own)",
                             section->name, got);
    }
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        wt_utf8_show(shown, sizeof shown, entry->name, strlen(entry->name));
        snprintf(name, sizeof name, "%s.%s", section->name, shown);
        const wt_key *key = wt_key_find(name);
        if (!key && reading->stored) key = wt_key_renamed(name);
        if (!key) return wt_key_refuse(entry, name);
        WT_TRY(assign(reading, key, entry, 1));
    }
    return WT_OK;
}

static wt_status read_yaml_file(wt_reading *reading, const char *text, size_t bytes) {
    char shown[WT_YAML_SHOW];
    wt_yaml_node *root;
    WT_CHECK(bytes <= WT_CONFIG_TEXT_MAX, WT_USAGE,
             "%s: is too large for a configuration (got %zu bytes, expected at most %d)", reading->source,
             bytes, WT_CONFIG_TEXT_MAX);
    WT_TRY(wt_yaml_read(&reading->pool, &root, reading->source, true, text, bytes));
    if (!root || wt_yaml_is_null(root)) return WT_OK;
    wt_yaml_show(shown, root);
    if (root->kind != WT_YAML_MAPPING) {
        return wt_yaml_error(
            root, "is no configuration (got %s, expected sections such as model: and train:)", shown);
    }
    for (const wt_yaml_node *entry = root->first; entry; entry = entry->next) {
        wt_utf8_show(shown, sizeof shown, entry->name, strlen(entry->name));
        const wt_key *section = wt_key_find(shown);
        if (!section) return wt_key_refuse(entry, shown);
        if (section->type != WT_KEY_SECTION) {
            return wt_yaml_error(entry, "%s stands at the top (expected %s: within its section)",
                                 section->name, wt_key_last(section));
        }
        wt_given *given = &reading->given[section - wt_keys];
        if (given->order) {
            return wt_yaml_error(entry, "%s is given twice (first in line %d)", section->name,
                                 given->node->line);
        }
        given->order = 1;
        given->node = entry;
        WT_TRY(read_section(reading, section, entry));
    }
    return WT_OK;
}

/* --- --set --- */

static wt_status read_set(wt_reading *reading, const char *set, int order) {
    char shown[SOURCE_MAX], name[WT_NAME_MAX];
    const char *source, *equals = strchr(set, '=');
    wt_utf8_show(shown, sizeof shown - sizeof "--set ", set, strlen(set));
    memmove(shown + strlen("--set "), shown, strlen(shown) + 1);
    memcpy(shown, "--set ", strlen("--set "));
    WT_TRY(wt_yaml_copy(&reading->pool, &source, shown, strlen(shown)));
    WT_CHECK(equals, WT_USAGE, "%s: has no value (expected KEY=VALUE)", source);

    wt_yaml_node *node, nothing = {.kind = WT_YAML_SCALAR, .source = source, .text = ""};
    wt_utf8_show(name, sizeof name, set, (size_t)(equals - set));
    const wt_key *key = wt_key_find(name);
    if (!key) return wt_key_refuse(&nothing, name);
    if (key->type == WT_KEY_SECTION) {
        return wt_yaml_error(&nothing, "%s is a section (expected one of its keys, such as %s)", name,
                             key[1].name);
    }
    WT_TRY(wt_yaml_read(&reading->pool, &node, source, false, equals + 1, strlen(equals + 1)));
    if (!node) return wt_value_scan(key, key->name, &nothing, wt_key_field(key, &reading->config));
    return assign(reading, key, node, order);
}

/* --- the preset --- */

/* A preset's texts count as given by the file, so that they fit together with what else is given. */
static wt_status read_preset(wt_reading *reading) {
    char name[WT_NAME_MAX];
    const char *text = wt_config_preset_text(reading->config.model.preset), *source;
    wt_yaml_node *root;
    if (!text) return WT_OK;
    snprintf(name, sizeof name, "model.preset: %s", wt_preset_names[reading->config.model.preset]);
    WT_TRY(wt_yaml_copy(&reading->pool, &source, name, strlen(name)));
    WT_TRY(wt_yaml_read(&reading->pool, &root, source, false, text, strlen(text)));
    for (const wt_yaml_node *section = root->first; section; section = section->next) {
        for (const wt_yaml_node *entry = section->first; entry; entry = entry->next) {
            snprintf(name, sizeof name, "%s.%s", section->name, entry->name);
            const wt_key *key = wt_key_find(name);
            if (!key) return wt_key_refuse(entry, name);
            if (!reading->given[key - wt_keys].order) WT_TRY(assign(reading, key, entry, 1));
        }
    }
    return WT_OK;
}

/* --- all --- */

static wt_status read_text_and_sets(wt_reading *reading, const char *name, const char *text, size_t bytes,
                                    const char *const *sets, size_t set_count) {
    char shown[SOURCE_MAX];
    wt_utf8_show(shown, sizeof shown, name, strlen(name));
    WT_TRY(wt_yaml_copy(&reading->pool, &reading->source, shown, strlen(shown)));
    WT_TRY(fill_defaults(reading));
    WT_TRY(read_yaml_file(reading, text, bytes));
    for (size_t i = 0; i < set_count; i++) WT_TRY(read_set(reading, sets[i], (int)i + 2));
    WT_TRY(read_preset(reading));
    WT_TRY(wt_reading_settle(reading));
    return wt_reading_check(reading);
}

static wt_status read_config(wt_config *config, wt_reading *reading, const char *name, const char *text,
                             size_t bytes, const char *const *sets, size_t set_count) {
    wt_status status = read_text_and_sets(reading, name, text, bytes, sets, set_count);
    if (status == WT_OK) memcpy(config, &reading->config, sizeof *config);
    wt_yaml_dispose(&reading->pool);
    return status;
}

wt_status wt_config_parse(wt_config *config, const char *name, const char *text, size_t bytes,
                          const char *const *sets, size_t set_count) {
    wt_reading reading;
    memset(&reading, 0, sizeof reading); /* padding too: equal configurations are equal byte for byte */
    return read_config(config, &reading, name, text, bytes, sets, set_count);
}

wt_status wt_config_parse_stored(wt_config *config, const char *name, const char *text) {
    wt_reading reading;
    memset(&reading, 0, sizeof reading);
    reading.stored = true;
    return read_config(config, &reading, name, text, strlen(text), NULL, 0);
}

wt_status wt_config_create(wt_config **out) {
    return wt_alloc(out, 1, sizeof **out, "the configuration");
}

void wt_config_destroy(wt_config *config) {
    wt_free(config);
}

wt_status wt_config_load(wt_config *config, const char *path, const char *const *sets, size_t set_count) {
    char *text;
    size_t bytes;
    if (!path) return wt_config_parse(config, "the configuration", "", 0, sets, set_count);
    const bool input = strcmp(path, "-") == 0;
    const char *name = input ? "standard input" : path;
    wt_status status = input ? wt_stream_read(&text, &bytes, STDIN_FILENO, name, WT_CONFIG_TEXT_MAX)
                             : wt_file_read(&text, &bytes, path, WT_CONFIG_TEXT_MAX);
    struct stat info;
    WT_CHECK(status == WT_OK || input || stat(path, &info) != 0 || !S_ISFIFO(info.st_mode), WT_USAGE,
             "%s: is a pipe (expected a regular file, or - for standard input)", path);
    if (status != WT_OK) return WT_USAGE; /* the message stands */
    status = wt_config_parse(config, name, text, bytes, sets, set_count);
    wt_free(text);
    return status;
}
