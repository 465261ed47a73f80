/*
 * SWEEP.yaml → the points of a sweep. Every value is scanned by its key's row of the table, at load, and kept as the text
 * that the table prints for it: what is wrong is known before the first run, with its line, and a value has one spelling
 * however the file writes it.
 */
#include "wavetrain/sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "wavetrain/hash.h"
#include "wavetrain/memory.h"
#include "wavetrain/random.h"

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
    wt_axis common[WT_KEYS_MAX], axes[WT_KEYS_MAX]; /* of `common` one value each */
    int common_count, axis_count;
    wt_pool pool;
    wt_config scratch; /* values are scanned into it */
};

/* --- values --- */

static void print_node(FILE *out, const wt_node *node) {
    if (node->kind == WT_NODE_SCALAR) {
        fputs(node->text, out);
        return;
    }
    fputc(node->kind == WT_NODE_LIST ? '[' : '{', out);
    for (const wt_node *entry = node->first; entry; entry = entry->next) {
        if (entry->name) fprintf(out, "%s: ", entry->name);
        print_node(out, entry);
        if (entry->next) fputs(", ", out);
    }
    fputc(node->kind == WT_NODE_LIST ? ']' : '}', out);
}

/* Checks a value and keeps its text. Of arrays, the node's own: what an entry leaves out is the configuration's. */
static wt_status take_value(wt_sweep *sweep, const wt_key *key, const wt_node *node, const char **value) {
    char *text = NULL;
    size_t bytes = 0;
    WT_TRY(wt_value_scan(key, key->name, node, wt_key_field(key, &sweep->scratch)));
    FILE *stream = open_memstream(&text, &bytes);
    WT_CHECK(stream, WT_FAILED, "out of memory for a sweep");
    if (key->type == WT_KEY_ARRAYS) {
        print_node(stream, node);
    } else {
        wt_value_print(stream, key, wt_key_read(key, &sweep->scratch));
    }
    wt_status status = fclose(stream) == 0 ? wt_pool_copy(&sweep->pool, value, text, bytes)
                                           : wt_error(WT_FAILED, "out of memory for a sweep");
    free(text);
    return status;
}

/* The axis of a key, made if it is new. `node` is what its name stands at. */
static wt_status take_axis(const wt_node *node, wt_axis *axes, int *count, wt_axis **axis) {
    char shown[WT_SHOW_MAX];
    wt_text_show(shown, sizeof shown, node->name, strlen(node->name));
    const wt_key *key = wt_key_find(node->name);
    if (!key) return wt_key_refuse(node, shown);
    if (key->type == WT_KEY_SECTION) {
        return wt_node_error(node, "%s is a section (expected one of its keys, such as %s)", shown,
                             key[1].name);
    }
    for (int i = 0; i < *count; i++) {
        if (axes[i].key == key) return *axis = &axes[i], WT_OK;
    }
    *axis = &axes[(*count)++];
    **axis = (wt_axis){.key = key};
    return WT_OK;
}

static wt_status take_new_axis(const wt_node *node, wt_axis *axes, int *count, wt_axis **axis) {
    int before = *count;
    WT_TRY(take_axis(node, axes, count, axis));
    if (*count == before) return wt_node_error(node, "%s is given twice", node->name);
    return WT_OK;
}

static wt_status expect_kind(const wt_node *node, wt_node_kind kind, const char *name, const char *expected) {
    char got[WT_SHOW_MAX];
    wt_node_show(got, node);
    if (node->kind == kind && node->count > 0) return WT_OK;
    return wt_node_error(node, "%s is %s (got %s, expected %s)", name,
                         node->kind == kind ? "empty" : "something else", got, expected);
}

static wt_status take_list(wt_sweep *sweep, wt_axis *axis, const wt_node *node) {
    WT_TRY(expect_kind(node, WT_NODE_LIST, axis->key->name, "a list of values"));
    WT_TRY(wt_alloc(&axis->values, (size_t)node->count, sizeof *axis->values, "a sweep's values"));
    for (const wt_node *entry = node->first; entry; entry = entry->next) {
        WT_TRY(take_value(sweep, axis->key, entry, &axis->values[axis->count]));
        axis->count++;
    }
    return WT_OK;
}

/* --- the parts of the file --- */

static wt_status read_common(wt_sweep *sweep, const wt_node *node) {
    WT_TRY(expect_kind(node, WT_NODE_MAPPING, "set", "keys and their values, such as {train.steps: 1000}"));
    for (const wt_node *entry = node->first; entry; entry = entry->next) {
        wt_axis *axis;
        WT_TRY(take_new_axis(entry, sweep->common, &sweep->common_count, &axis));
        WT_TRY(wt_alloc(&axis->values, 1, sizeof *axis->values, "a sweep's values"));
        WT_TRY(take_value(sweep, axis->key, entry, &axis->values[0]));
        axis->count = 1;
    }
    return WT_OK;
}

static wt_status read_grid(wt_sweep *sweep, const wt_node *node) {
    WT_TRY(expect_kind(node, WT_NODE_MAPPING, "grid", "keys and lists of values"));
    sweep->kind = WT_SWEEP_GRID;
    sweep->points = 1;
    for (const wt_node *entry = node->first; entry; entry = entry->next) {
        wt_axis *axis;
        WT_TRY(take_new_axis(entry, sweep->axes, &sweep->axis_count, &axis));
        WT_TRY(take_list(sweep, axis, entry));
        if (axis->count > WT_SWEEP_POINTS_MAX / sweep->points) {
            return wt_node_error(entry, "the grid has too many points (expected at most %d)",
                                 WT_SWEEP_POINTS_MAX);
        }
        sweep->points *= axis->count;
    }
    return WT_OK;
}

static wt_status read_point(wt_sweep *sweep, const wt_node *node, int point) {
    WT_TRY(expect_kind(node, WT_NODE_MAPPING, "a point of list", "keys and values"));
    for (const wt_node *entry = node->first; entry; entry = entry->next) {
        wt_axis *axis;
        WT_TRY(take_axis(entry, sweep->axes, &sweep->axis_count, &axis));
        if (!axis->values) {
            WT_TRY(wt_alloc(&axis->values, (size_t)sweep->points, sizeof *axis->values, "a sweep's values"));
        }
        if (axis->values[point]) return wt_node_error(entry, "%s is given twice", entry->name);
        WT_TRY(take_value(sweep, axis->key, entry, &axis->values[point]));
    }
    return WT_OK;
}

static wt_status read_list(wt_sweep *sweep, const wt_node *node) {
    int point = 0;
    WT_TRY(expect_kind(node, WT_NODE_LIST, "list", "a list of points, each of keys and values"));
    sweep->kind = WT_SWEEP_LIST;
    sweep->points = node->count;
    for (const wt_node *entry = node->first; entry; entry = entry->next)
        WT_TRY(read_point(sweep, entry, point++));
    return WT_OK;
}

static bool is_whole_key(const wt_key *key) {
    return key->type == WT_KEY_INT || key->type == WT_KEY_INT64;
}

static double number_of(const wt_sweep *sweep, const wt_key *key) {
    const void *field = wt_key_read(key, &sweep->scratch);
    if (key->type == WT_KEY_INT) return *(const int *)field;
    return key->type == WT_KEY_INT64 ? (double)*(const int64_t *)field : *(const double *)field;
}

static wt_status read_range(wt_sweep *sweep, wt_axis *axis, const wt_node *node) {
    const wt_key *key = axis->key;
    const char *text;
    if (!is_whole_key(key) && key->type != WT_KEY_REAL) {
        return wt_node_error(node, "%s is no number, so %s has no meaning (expected choice)", key->name,
                             node->name);
    }
    if (node->kind != WT_NODE_LIST || node->count != 2) {
        return wt_node_error(node, "%s: %s is no pair (expected [LEAST, MOST])", key->name, node->name);
    }
    WT_TRY(take_value(sweep, key, node->first, &text));
    axis->low = number_of(sweep, key);
    WT_TRY(take_value(sweep, key, node->first->next, &text));
    axis->high = number_of(sweep, key);
    if (axis->high < axis->low) {
        return wt_node_error(node, "%s: %s has its ends the wrong way round (got [%g, %g])", key->name,
                             node->name, axis->low, axis->high);
    }
    if (axis->draw == WT_DRAW_LOG_UNIFORM && axis->low <= 0) {
        return wt_node_error(node, "%s: log-uniform begins above 0 (got %g)", key->name, axis->low);
    }
    return WT_OK;
}

static wt_status read_draw(wt_sweep *sweep, wt_axis *axis, const wt_node *node) {
    static const char *const names[] = {
        [WT_DRAW_CHOICE] = "choice", [WT_DRAW_UNIFORM] = "uniform", [WT_DRAW_LOG_UNIFORM] = "log-uniform"};
    static const char expected[] = "{uniform: [A, B]}, {log-uniform: [A, B]} or {choice: [A, B, …]}";
    WT_TRY(expect_kind(node, WT_NODE_MAPPING, axis->key->name, expected));
    int draw = 0;
    while (draw <= WT_DRAW_LOG_UNIFORM && strcmp(node->first->name, names[draw]) != 0) draw++;
    if (draw > WT_DRAW_LOG_UNIFORM || node->count > 1) {
        return wt_node_error(node->first, "%s is drawn in no known way (expected %s)", axis->key->name,
                             expected);
    }
    axis->draw = (wt_draw_kind)draw;
    return draw == WT_DRAW_CHOICE ? take_list(sweep, axis, node->first)
                                  : read_range(sweep, axis, node->first);
}

static wt_status read_draws(wt_sweep *sweep, const wt_node *node) {
    WT_TRY(expect_kind(node, WT_NODE_MAPPING, "random.keys", "keys and how they are drawn"));
    for (const wt_node *entry = node->first; entry; entry = entry->next) {
        wt_axis *axis;
        WT_TRY(take_new_axis(entry, sweep->axes, &sweep->axis_count, &axis));
        WT_TRY(read_draw(sweep, axis, entry));
    }
    return WT_OK;
}

/* A whole number that is no key of the configuration. */
static wt_status read_whole(const wt_node *node, const char *name, double least, double most,
                            int64_t *number) {
    const wt_key key = {.name = name, .type = WT_KEY_INT64, .least = least, .most = most};
    return wt_value_scan(&key, name, node, number);
}

static wt_status read_random(wt_sweep *sweep, const wt_node *node) {
    int64_t count = 0, seed = 1;
    WT_TRY(expect_kind(node, WT_NODE_MAPPING, "random", "count, seed and keys"));
    sweep->kind = WT_SWEEP_RANDOM;
    for (const wt_node *entry = node->first; entry; entry = entry->next) {
        if (strcmp(entry->name, "count") == 0) {
            WT_TRY(read_whole(entry, "random.count", 1, WT_SWEEP_POINTS_MAX, &count));
        } else if (strcmp(entry->name, "seed") == 0) {
            WT_TRY(read_whole(entry, "random.seed", 0, 9007199254740992.0, &seed));
        } else if (strcmp(entry->name, "keys") == 0) {
            WT_TRY(read_draws(sweep, entry));
        } else {
            return wt_node_error(entry, "random.%.64s is no part of a sweep (expected count, seed or keys)",
                                 entry->name);
        }
    }
    if (count == 0) return wt_node_error(node, "random has no count");
    if (sweep->axis_count == 0) return wt_node_error(node, "random has no keys");
    sweep->points = (int)count;
    sweep->seed = (uint64_t)seed;
    return WT_OK;
}

static wt_status read_path(const wt_node *node, const char *name, char path[WT_PATH_MAX]) {
    const wt_key key = {.name = name, .type = WT_KEY_TEXT};
    return wt_value_scan(&key, name, node, path);
}

/* --- the file --- */

static wt_status read_entry(wt_sweep *sweep, const wt_node *entry) {
    const char *name = entry->name;
    char shown[WT_SHOW_MAX];
    if (strcmp(name, "config") == 0) return read_path(entry, name, sweep->config);
    if (strcmp(name, "runs") == 0) return read_path(entry, name, sweep->runs);
    if (strcmp(name, "set") == 0) return read_common(sweep, entry);
    wt_text_show(shown, sizeof shown, name, strlen(name));
    bool points = strcmp(name, "grid") == 0 || strcmp(name, "list") == 0 || strcmp(name, "random") == 0;
    if (!points) {
        return wt_node_error(
            entry, "%s is no part of a sweep (expected config, runs, set, grid, list or random)", shown);
    }
    if (sweep->points > 0)
        return wt_node_error(entry,
                             "%s stands beside other points (expected grid, list or random, "
                             "one of them)",
                             name);
    if (*name == 'g') return read_grid(sweep, entry);
    return *name == 'l' ? read_list(sweep, entry) : read_random(sweep, entry);
}

/* A key that all points share and differ in is a mistake of one of the two places. */
static wt_status check_common(const wt_sweep *sweep, const wt_node *root) {
    for (int c = 0; c < sweep->common_count; c++) {
        for (int a = 0; a < sweep->axis_count; a++) {
            if (sweep->common[c].key != sweep->axes[a].key) continue;
            return wt_node_error(root, "%s is in set and in the points too", sweep->axes[a].key->name);
        }
    }
    return WT_OK;
}

static wt_status read_sweep(wt_sweep *sweep, const char *text, size_t bytes) {
    wt_node *root;
    WT_TRY(wt_config_parse(&sweep->scratch, sweep->path, "", 0, NULL, 0));
    WT_TRY(wt_document_read(&sweep->pool, &root, sweep->path, true, text, bytes));
    WT_CHECK(root && root->kind == WT_NODE_MAPPING, WT_USAGE,
             "%s: is no sweep (expected config: and one of grid:, list: and random:)", sweep->path);
    for (const wt_node *entry = root->first; entry; entry = entry->next) {
        for (const wt_node *other = root->first; other != entry; other = other->next) {
            if (strcmp(entry->name, other->name) == 0) {
                return wt_node_error(entry, "%s is given twice (first in line %d)", entry->name, other->line);
            }
        }
        WT_TRY(read_entry(sweep, entry));
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
    wt_pool_dispose(&sweep->pool);
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
    return sweep->axes[key].key->name;
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
    bool whole = is_whole_key(axis->key);
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
        wt_real_print(out, four_digits(value, low, high));
    }
}

wt_status wt_sweep_value(char **value, const wt_sweep *sweep, int point, int key) {
    const wt_axis *axis = &sweep->axes[key];
    char digits[32];
    *value = NULL;
    if (sweep->kind == WT_SWEEP_GRID)
        return wt_copy_string(value, axis->values[grid_place(sweep, point, key)]);
    if (sweep->kind == WT_SWEEP_LIST) {
        const char *text = axis->values[point - 1];
        return text ? wt_copy_string(value, text) : WT_OK;
    }
    uint64_t name = wt_hash_string(axis->key->name, 0).low;
    double u = wt_random_uniform(sweep->seed, WT_RANDOM_SWEEP, name, (uint64_t)point);
    if (axis->draw == WT_DRAW_CHOICE) return wt_copy_string(value, axis->values[(int)(u * axis->count)]);
    draw_number(axis, u, digits);
    return wt_copy_string(value, digits);
}

static wt_status make_set(char **set, const wt_key *key, const char *value) {
    size_t room = strlen(key->name) + strlen(value) + 2;
    WT_TRY(wt_alloc(set, room, 1, "a point of a sweep"));
    snprintf(*set, room, "%s=%s", key->name, value);
    return WT_OK;
}

wt_status wt_sweep_sets(char ***sets, size_t *count, const wt_sweep *sweep, int point) {
    wt_status status = WT_OK;
    char *value = NULL;
    size_t most = (size_t)(sweep->common_count + sweep->axis_count);
    *count = 0;
    WT_TRY(wt_alloc(sets, most + 1, sizeof **sets, "a point of a sweep"));
    for (int i = 0; i < sweep->common_count; i++) {
        WT_GUARD(make_set(&(*sets)[*count], sweep->common[i].key, sweep->common[i].values[0]));
        ++*count;
    }
    for (int i = 0; i < sweep->axis_count; i++) {
        WT_GUARD(wt_sweep_value(&value, sweep, point, i));
        if (!value) continue;
        WT_GUARD(make_set(&(*sets)[*count], sweep->axes[i].key, value));
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
