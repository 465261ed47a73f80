/*
 * SWEEP.yaml → the points of a sweep. Every value is scanned by its key's row of the table, at load, and kept
 * as the text that the table prints for it: what is wrong is known before the first run, with its line, and a
 * value has one spelling however the file writes it.
 */
#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/utf8.h"
#include "config/config_value.h"
#include "sweep/sweep.h"

typedef enum { WT_SWEEP_GRID, WT_SWEEP_LIST, WT_SWEEP_RANDOM } wt_sweep_kind;
typedef enum { WT_DRAW_CHOICE, WT_DRAW_UNIFORM, WT_DRAW_LOG_UNIFORM } wt_draw_kind;

/* One key and what it may be. */
typedef struct {
    const wt_key *key;
    wt_draw_kind draw;
    double low, high; /* of uniform draws */
    const char *
        *values; /* grid, choice: [count]; list: [points], NULL where the point leaves the key alone */
    int count;
} wt_axis;

struct wt_sweep {
    char path[WT_PATH_MAX], config[WT_PATH_MAX], runs[WT_PATH_MAX];
    wt_sweep_kind kind;
    int points;
    uint64_t seed;
    wt_axis common[WT_YAML_ENTRIES], axes[WT_YAML_ENTRIES]; /* of `common` one value each */
    int common_count, axis_count;
    wt_yaml_pool pool;
    wt_config scratch; /* values are scanned into it */
};

/* --- values --- */

/* Checks a value and keeps its text. */
static wt_status take_value(wt_sweep *sweep, const wt_key *key, const wt_yaml_node *node,
                            const char **value) {
    WT_TRY(wt_config_take(&sweep->scratch, key, node));
    return wt_config_value_text(value, &sweep->pool, &sweep->scratch, key, node);
}

/* The axis of a key, made if it is new. `node` is what its name stands at. */
static wt_status take_axis(const wt_yaml_node *node, wt_axis *axes, int *count, wt_axis **axis) {
    const wt_key *key;
    WT_TRY(wt_config_key(&key, node));
    for (int i = 0; i < *count; i++) {
        if (axes[i].key == key) return *axis = &axes[i], WT_OK;
    }
    *axis = &axes[(*count)++];
    **axis = (wt_axis){.key = key};
    return WT_OK;
}

static wt_status take_new_axis(const wt_yaml_node *node, wt_axis *axes, int *count, wt_axis **axis) {
    int before = *count;
    WT_TRY(take_axis(node, axes, count, axis));
    if (*count == before) return wt_yaml_error(node, "%s is given twice", node->name);
    return WT_OK;
}

static wt_status expect_kind(const wt_yaml_node *node, wt_yaml_kind kind, const char *name,
                             const char *expected) {
    char got[WT_YAML_SHOW];
    wt_yaml_show(got, node);
    if (node->kind == kind && node->count > 0) return WT_OK;
    return wt_yaml_error(node, "%s is %s (got %s, expected %s)", name,
                         node->kind == kind ? "empty" : "something else", got, expected);
}

static wt_status take_list(wt_sweep *sweep, wt_axis *axis, const wt_yaml_node *node) {
    WT_TRY(expect_kind(node, WT_YAML_LIST, wt_config_key_name(axis->key), "a list of values"));
    WT_TRY(wt_alloc(&axis->values, (size_t)node->count, sizeof *axis->values, "a sweep's values"));
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        WT_TRY(take_value(sweep, axis->key, entry, &axis->values[axis->count]));
        axis->count++;
    }
    return WT_OK;
}

/* --- the parts of the file --- */

static wt_status read_common(wt_sweep *sweep, const wt_yaml_node *node) {
    WT_TRY(expect_kind(node, WT_YAML_MAPPING, "set", "keys and their values, such as {train.steps: 1000}"));
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        wt_axis *axis;
        WT_TRY(take_new_axis(entry, sweep->common, &sweep->common_count, &axis));
        WT_TRY(wt_alloc(&axis->values, 1, sizeof *axis->values, "a sweep's values"));
        WT_TRY(take_value(sweep, axis->key, entry, &axis->values[0]));
        axis->count = 1;
    }
    return WT_OK;
}

static wt_status read_grid(wt_sweep *sweep, const wt_yaml_node *node) {
    WT_TRY(expect_kind(node, WT_YAML_MAPPING, "grid", "keys and lists of values"));
    sweep->kind = WT_SWEEP_GRID;
    sweep->points = 1;
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        wt_axis *axis;
        WT_TRY(take_new_axis(entry, sweep->axes, &sweep->axis_count, &axis));
        WT_TRY(take_list(sweep, axis, entry));
        if (axis->count > WT_SWEEP_POINTS_MAX / sweep->points) {
            return wt_yaml_error(entry, "the grid has too many points (expected at most %d)",
                                 WT_SWEEP_POINTS_MAX);
        }
        sweep->points *= axis->count;
    }
    return WT_OK;
}

static wt_status read_point(wt_sweep *sweep, const wt_yaml_node *node, int point) {
    WT_TRY(expect_kind(node, WT_YAML_MAPPING, "a point of list", "keys and values"));
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        wt_axis *axis;
        WT_TRY(take_axis(entry, sweep->axes, &sweep->axis_count, &axis));
        if (!axis->values) {
            WT_TRY(wt_alloc(&axis->values, (size_t)sweep->points, sizeof *axis->values, "a sweep's values"));
        }
        if (axis->values[point]) return wt_yaml_error(entry, "%s is given twice", entry->name);
        WT_TRY(take_value(sweep, axis->key, entry, &axis->values[point]));
    }
    return WT_OK;
}

static wt_status read_list(wt_sweep *sweep, const wt_yaml_node *node) {
    int point = 0;
    WT_TRY(expect_kind(node, WT_YAML_LIST, "list", "a list of points, each of keys and values"));
    sweep->kind = WT_SWEEP_LIST;
    sweep->points = node->count;
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next)
        WT_TRY(read_point(sweep, entry, point++));
    return WT_OK;
}

static wt_status read_range(wt_sweep *sweep, wt_axis *axis, const wt_yaml_node *node) {
    const wt_key *key = axis->key;
    const char *text;
    if (wt_config_key_kind(key) == WT_VALUE_OTHER) {
        return wt_yaml_error(node, "%s is not a number, so %s has no meaning (expected choice)",
                             wt_config_key_name(key), node->name);
    }
    if (node->kind != WT_YAML_LIST || node->count != 2) {
        return wt_yaml_error(node, "%s: %s is no pair (expected [MIN, MAX])", wt_config_key_name(key),
                             node->name);
    }
    WT_TRY(take_value(sweep, key, node->first, &text));
    axis->low = wt_config_number(&sweep->scratch, key);
    WT_TRY(take_value(sweep, key, node->first->next, &text));
    axis->high = wt_config_number(&sweep->scratch, key);
    if (axis->high < axis->low) {
        return wt_yaml_error(node, "%s: %s has its ends the wrong way round (got [%g, %g])",
                             wt_config_key_name(key), node->name, axis->low, axis->high);
    }
    if (axis->draw == WT_DRAW_LOG_UNIFORM && axis->low <= 0) {
        return wt_yaml_error(node, "%s: log-uniform begins above 0 (got %g)", wt_config_key_name(key),
                             axis->low);
    }
    return WT_OK;
}

static wt_status read_draw(wt_sweep *sweep, wt_axis *axis, const wt_yaml_node *node) {
    static const char *const names[] = {
        [WT_DRAW_CHOICE] = "choice", [WT_DRAW_UNIFORM] = "uniform", [WT_DRAW_LOG_UNIFORM] = "log-uniform"};
    static const char expected[] = "{uniform: [A, B]}, {log-uniform: [A, B]} or {choice: [A, B, …]}";
    WT_TRY(expect_kind(node, WT_YAML_MAPPING, wt_config_key_name(axis->key), expected));
    int draw = 0;
    while (draw <= WT_DRAW_LOG_UNIFORM && strcmp(node->first->name, names[draw]) != 0) draw++;
    if (draw > WT_DRAW_LOG_UNIFORM || node->count > 1) {
        return wt_yaml_error(node->first, "%s is drawn in no known way (expected %s)",
                             wt_config_key_name(axis->key), expected);
    }
    axis->draw = (wt_draw_kind)draw;
    return draw == WT_DRAW_CHOICE ? take_list(sweep, axis, node->first)
                                  : read_range(sweep, axis, node->first);
}

static wt_status read_draws(wt_sweep *sweep, const wt_yaml_node *node) {
    WT_TRY(expect_kind(node, WT_YAML_MAPPING, "random.keys", "keys and how they are drawn"));
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        wt_axis *axis;
        WT_TRY(take_new_axis(entry, sweep->axes, &sweep->axis_count, &axis));
        WT_TRY(read_draw(sweep, axis, entry));
    }
    return WT_OK;
}

static wt_status read_random(wt_sweep *sweep, const wt_yaml_node *node) {
    int64_t count = 0, seed = 1;
    WT_TRY(expect_kind(node, WT_YAML_MAPPING, "random", "count, seed and keys"));
    sweep->kind = WT_SWEEP_RANDOM;
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        if (strcmp(entry->name, "count") == 0) {
            WT_TRY(wt_config_whole(&count, entry, "random.count", 1, WT_SWEEP_POINTS_MAX));
        } else if (strcmp(entry->name, "seed") == 0) {
            WT_TRY(wt_config_whole(&seed, entry, "random.seed", 0, 9007199254740992.0));
        } else if (strcmp(entry->name, "keys") == 0) {
            WT_TRY(read_draws(sweep, entry));
        } else {
            return wt_yaml_error(entry, "random.%.64s is no part of a sweep (expected count, seed or keys)",
                                 entry->name);
        }
    }
    if (count == 0) return wt_yaml_error(node, "random has no count");
    if (sweep->axis_count == 0) return wt_yaml_error(node, "random has no keys");
    sweep->points = (int)count;
    sweep->seed = (uint64_t)seed;
    return WT_OK;
}

/* --- the file --- */

static wt_status read_sweep_entry(wt_sweep *sweep, const wt_yaml_node *entry) {
    const char *name = entry->name;
    char shown[WT_YAML_SHOW];
    if (strcmp(name, "config") == 0) return wt_config_path(sweep->config, entry, name);
    if (strcmp(name, "runs") == 0) return wt_config_path(sweep->runs, entry, name);
    if (strcmp(name, "set") == 0) return read_common(sweep, entry);
    wt_utf8_show(shown, sizeof shown, name, strlen(name));
    bool points = strcmp(name, "grid") == 0 || strcmp(name, "list") == 0 || strcmp(name, "random") == 0;
    if (!points) {
        return wt_yaml_error(
            entry, "%s is no part of a sweep (expected config, runs, set, grid, list or random)", shown);
    }
    if (sweep->points > 0)
        return wt_yaml_error(entry,
                             "%s is given in addition to other points (expected grid, list or random, "
                             "one of them)",
                             name);
    if (*name == 'g') return read_grid(sweep, entry);
    return *name == 'l' ? read_list(sweep, entry) : read_random(sweep, entry);
}

/* A key that all points share and differ in is a mistake of one of the two places. */
static wt_status check_common(const wt_sweep *sweep, const wt_yaml_node *root) {
    for (int c = 0; c < sweep->common_count; c++) {
        for (int a = 0; a < sweep->axis_count; a++) {
            if (sweep->common[c].key != sweep->axes[a].key) continue;
            return wt_yaml_error(root, "%s is in set and in the points too",
                                 wt_config_key_name(sweep->axes[a].key));
        }
    }
    return WT_OK;
}

static wt_status read_sweep(wt_sweep *sweep, const char *text, size_t bytes) {
    wt_yaml_node *root;
    WT_TRY(wt_config_parse(&sweep->scratch, sweep->path, "", 0, NULL, 0));
    WT_TRY(wt_yaml_read(&sweep->pool, &root, sweep->path, true, text, bytes));
    WT_CHECK(root && root->kind == WT_YAML_MAPPING, WT_USAGE,
             "%s: is not a sweep (expected config: and one of grid:, list: and random:)", sweep->path);
    for (const wt_yaml_node *entry = root->first; entry; entry = entry->next) {
        for (const wt_yaml_node *other = root->first; other != entry; other = other->next) {
            if (strcmp(entry->name, other->name) == 0) {
                return wt_yaml_error(entry, "%s is given twice (first in line %d)", entry->name, other->line);
            }
        }
        WT_TRY(read_sweep_entry(sweep, entry));
    }
    WT_CHECK(*sweep->config, WT_USAGE, "%s: config is missing (expected the configuration's file)",
             sweep->path);
    WT_CHECK(sweep->points > 0, WT_USAGE, "%s: has no points (expected grid, list or random)", sweep->path);
    return check_common(sweep, root);
}

/* "sweeps/names.yaml" → "runs/names" */
static wt_status default_runs(wt_sweep *sweep) {
    char name[WT_PATH_MAX];
    snprintf(name, sizeof name, "%s", wt_path_base(sweep->path));
    char *dot = strrchr(name, '.');
    if (dot && dot != name) *dot = '\0';
    return wt_path_join(sweep->runs, "runs", name);
}

wt_status wt_sweep_load(wt_sweep **out, const char *path) {
    wt_status status = WT_OK;
    wt_sweep *sweep = NULL;
    char *text = NULL;
    size_t bytes = 0;
    *out = NULL;
    if (wt_file_read(&text, &bytes, path, WT_CONFIG_TEXT_MAX) != WT_OK)
        return WT_USAGE; /* the message stands */
    WT_GUARD(wt_alloc(&sweep, 1, sizeof *sweep, "a sweep"));
    WT_GUARD_CHECK(strlen(path) < sizeof sweep->path, WT_USAGE, "%.64s…: the path is too long", path);
    strcpy(sweep->path, path);
    WT_GUARD(default_runs(sweep));
    WT_GUARD(read_sweep(sweep, text, bytes));
    *out = sweep;
    sweep = NULL;
cleanup:
    wt_free(text);
    wt_sweep_destroy(sweep);
    return status;
}

void wt_sweep_destroy(wt_sweep *sweep) {
    if (!sweep) return;
    for (int i = 0; i < sweep->common_count; i++) wt_free(sweep->common[i].values);
    for (int i = 0; i < sweep->axis_count; i++) wt_free(sweep->axes[i].values);
    wt_yaml_dispose(&sweep->pool);
    wt_free(sweep);
}

/* --- the points --- */

const char *wt_sweep_path(const wt_sweep *sweep) {
    return sweep->path;
}

const char *wt_sweep_config(const wt_sweep *sweep) {
    return sweep->config;
}

const char *wt_sweep_runs(const wt_sweep *sweep) {
    return sweep->runs;
}

int wt_sweep_points(const wt_sweep *sweep) {
    return sweep->points;
}

int wt_sweep_key_count(const wt_sweep *sweep) {
    return sweep->axis_count;
}

const char *wt_sweep_key(const wt_sweep *sweep, int key) {
    return wt_config_key_name(sweep->axes[key].key);
}

/* The place of a grid's point on an axis: the last axis counts fastest. */
static int grid_place(const wt_sweep *sweep, int point, int axis) {
    int rest = point - 1;
    for (int i = sweep->axis_count - 1; i > axis; i--) rest /= sweep->axes[i].count;
    return rest % sweep->axes[axis].count;
}

/* Four digits: enough to draw by, few enough to read, and the same from any C library's logarithm. */
static double four_digits(double value, double low, double high) {
    char digits[32];
    snprintf(digits, sizeof digits, "%.4g", value);
    double rounded = strtod(digits, NULL);
    return rounded < low || rounded > high ? value : rounded;
}

static void draw_number(const wt_axis *axis, double u, char out[32]) {
    double low = axis->low, high = axis->high, value;
    bool whole = wt_config_key_kind(axis->key) == WT_VALUE_WHOLE;
    if (axis->draw == WT_DRAW_LOG_UNIFORM) {
        value = low * exp(u * log(high / low));
        if (whole) value = floor(value + 0.5);
    } else {
        value = whole ? low + floor(u * (high - low + 1)) : low + u * (high - low);
    }
    value = fmin(fmax(value, low), high);
    if (whole) {
        snprintf(out, 32, "%" PRId64, (int64_t)value);
    } else {
        wt_yaml_real_text(out, four_digits(value, low, high));
    }
}

wt_status wt_sweep_value(char **value, const wt_sweep *sweep, int point, int key) {
    const wt_axis *axis = &sweep->axes[key];
    char digits[32];
    *value = NULL;
    if (sweep->kind == WT_SWEEP_GRID)
        return wt_memory_copy_string(value, axis->values[grid_place(sweep, point, key)]);
    if (sweep->kind == WT_SWEEP_LIST) {
        const char *text = axis->values[point - 1];
        return text ? wt_memory_copy_string(value, text) : WT_OK;
    }
    uint64_t name = wt_hash_string(wt_config_key_name(axis->key), 0).low;
    double u = wt_random_uniform(sweep->seed, WT_RANDOM_SWEEP, name, (uint64_t)point);
    if (axis->draw == WT_DRAW_CHOICE)
        return wt_memory_copy_string(value, axis->values[(int)(u * axis->count)]);
    draw_number(axis, u, digits);
    return wt_memory_copy_string(value, digits);
}

static wt_status format_set(char **set, const wt_key *key, const char *value) {
    size_t room = strlen(wt_config_key_name(key)) + strlen(value) + 2;
    WT_TRY(wt_alloc(set, room, 1, "a point of a sweep"));
    snprintf(*set, room, "%s=%s", wt_config_key_name(key), value);
    return WT_OK;
}

wt_status wt_sweep_sets(char ***sets, size_t *count, const wt_sweep *sweep, int point) {
    wt_status status = WT_OK;
    char *value = NULL;
    size_t most = (size_t)(sweep->common_count + sweep->axis_count);
    *count = 0;
    WT_TRY(wt_alloc(sets, most + 1, sizeof **sets, "a point of a sweep"));
    for (int i = 0; i < sweep->common_count; i++) {
        WT_GUARD(format_set(&(*sets)[*count], sweep->common[i].key, sweep->common[i].values[0]));
        ++*count;
    }
    for (int i = 0; i < sweep->axis_count; i++) {
        WT_GUARD(wt_sweep_value(&value, sweep, point, i));
        if (!value) continue;
        WT_GUARD(format_set(&(*sets)[*count], sweep->axes[i].key, value));
        ++*count;
        wt_free(value);
        value = NULL;
    }
cleanup:
    wt_free(value);
    if (status != WT_OK) {
        wt_sweep_free_sets(*sets, *count);
        *sets = NULL;
    }
    return status;
}

void wt_sweep_free_sets(char **sets, size_t count) {
    for (size_t i = 0; i < count; i++) wt_free(sets[i]);
    wt_free(sets);
}

wt_status wt_sweep_configure(wt_config *config, const wt_sweep *sweep, int point) {
    char **sets, message[1024];
    size_t count;
    WT_TRY(wt_sweep_sets(&sets, &count, sweep, point));
    wt_status status = wt_config_load(config, sweep->config, (const char *const *)sets, count);
    wt_sweep_free_sets(sets, count);
    if (status == WT_OK) return WT_OK;
    snprintf(message, sizeof message, "%s", wt_error_message());
    return wt_error(status, "%s: point %d of %d: %s", sweep->path, point, sweep->points, message);
}
