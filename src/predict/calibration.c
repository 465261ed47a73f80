/*
 * Calibrations: where they stand, YAML → struct, struct → YAML. What is no plain YAML is refused,
 * with its line; each key has a row in a table, from which it is read, checked and written.
 */
#include "predict/calibration.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "wavetrain/predict.h"
#include "yaml/yaml_node.h"

enum { WT_CALIBRATION_VERSION = 1, WT_CALIBRATION_BYTES = 1 << 20 };
#define WT_CALIBRATION_FORMAT "wavetrain-calibration"
#define WT_AGAIN "measure it again: wavetrain bench calibrate"

static const char *const wt_work_names[WT_WORK_KINDS] = {
    [WT_WORK_PRODUCT_16] = "product-16",
    [WT_WORK_PRODUCT_32] = "product-32",
    [WT_WORK_PRODUCT_64] = "product-64",
    [WT_WORK_PRODUCT_128] = "product-128",
    [WT_WORK_PRODUCT_256] = "product-256",
    [WT_WORK_ELEMENT] = "element",
    [WT_WORK_LOGIT] = "logit",
    [WT_WORK_UNIT] = "unit",
    [WT_WORK_LEVEL_PRODUCT] = "level-product",
    [WT_WORK_LEVEL_ELEMENT] = "level-element",
    [WT_WORK_LEVEL_FAR] = "level-far",
    [WT_WORK_LEVEL] = "level",
    [WT_WORK_NORM_ROW] = "norm-row",
    [WT_WORK_GRADIENT] = "gradient",
    [WT_WORK_UPDATE] = "update",
    [WT_WORK_STEP] = "step",
};

const char *wt_work_name(wt_work_kind kind) {
    return wt_work_names[kind];
}

/* --- which CPU, which file --- */

/* The value behind "NAME : " in a line of /proc/cpuinfo, or NULL. */
static const char *find_cpuinfo_value(char *line, const char *name) {
    size_t length = strlen(name);
    if (strncmp(line, name, length) != 0) return NULL;
    char *value = line + length + strspn(line + length, " \t");
    if (*value != ':') return NULL;
    value += 1 + strspn(value + 1, " \t");
    value[strcspn(value, "\n")] = '\0';
    return value;
}

/* The model's name alone would not do: some hypervisors have one name for all. */
void wt_cpu_name(char name[WT_CPU_NAME]) {
    char line[4096], model[80] = "unknown CPU", family[16] = "", number[16] = "";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file) && strcmp(line, "\n") != 0) {
        const char *value;
        if ((value = find_cpuinfo_value(line, "model name"))) snprintf(model, sizeof model, "%s", value);
        if ((value = find_cpuinfo_value(line, "cpu family"))) snprintf(family, sizeof family, "%.15s", value);
        if ((value = find_cpuinfo_value(line, "model"))) snprintf(number, sizeof number, "%.15s", value);
    }
    if (file) fclose(file);
    if (*family && *number) {
        snprintf(name, WT_CPU_NAME, "%s (family %s, model %s)", model, family, number);
    } else {
        snprintf(name, WT_CPU_NAME, "%s", model);
    }
    for (char *at = name; *at; at++) {
        if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ') *at = '_';
    }
}

/* The CPU's name as a file's: letters and digits, whatever else becomes a dash. */
static void format_cpu_file(char file[WT_CPU_NAME + 8], const char *cpu) {
    size_t used = 0;
    for (; *cpu; cpu++) {
        if (isalnum((unsigned char)*cpu)) {
            file[used++] = (char)tolower((unsigned char)*cpu);
        } else if (used && file[used - 1] != '-') {
            file[used++] = '-';
        }
    }
    if (used && file[used - 1] == '-') used--;
    snprintf(file + used, 8, ".yaml");
}

wt_status wt_calibration_path(char out[WT_PATH_MAX], const char *cpu) {
    char folder[WT_PATH_MAX], file[WT_CPU_NAME + 8];
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/') {
        WT_TRY(wt_path_join(folder, cache, "wavetrain/calibration"));
    } else {
        WT_CHECK(home && *home, WT_FAILED,
                 "HOME: is not set, so calibrations have no place (expected it, or --calibration FILE)");
        WT_TRY(wt_path_join(folder, home, ".cache/wavetrain/calibration"));
    }
    format_cpu_file(file, cpu);
    return wt_path_join(out, folder, file);
}

/* --- the table --- */

typedef struct {
    const char *name;
    size_t offset; /* of a double */
    double least;  /* and the value itself is out of range where `above` */
    bool above, needed;
} wt_figure;

static const wt_figure wt_process_figures[] = {
    {"base", offsetof(wt_calibration, base_bytes), 0, true, true},
    {"rank", offsetof(wt_calibration, rank_bytes), 0, false, true},
    {"thread", offsetof(wt_calibration, thread_bytes), 0, false, true},
};
static const wt_figure wt_link_figures[] = {
    {"latency", offsetof(wt_link, latency), 0, false, true},
    {"bandwidth", offsetof(wt_link, bandwidth), 0, true, true},
};
enum {
    WT_PROCESS_FIGURES = sizeof wt_process_figures / sizeof *wt_process_figures,
    WT_LINK_FIGURES = sizeof wt_link_figures / sizeof *wt_link_figures
};

/* --- reading --- */

static wt_status expect_mapping(const wt_yaml_node *node, const char *what) {
    char got[WT_YAML_SHOW];
    if (node->kind == WT_YAML_MAPPING) return WT_OK;
    wt_yaml_show(got, node);
    return wt_yaml_error(node, "%s is damaged (got %s, expected keys and values; " WT_AGAIN ")", what, got);
}

static wt_status scan_bounded(const wt_yaml_node *node, double least, bool above, double *value) {
    char got[WT_YAML_SHOW];
    if (wt_yaml_number(value, node) && isfinite(*value) && (above ? *value > least : *value >= least))
        return WT_OK;
    wt_yaml_show(got, node);
    return wt_yaml_error(node, "%s is damaged (got %s, expected a number %s %g; " WT_AGAIN ")",
                         node->name ? node->name : "an entry", got, above ? "above" : "of at least", least);
}

static wt_status scan_count(const wt_yaml_node *node, int most, int *value) {
    double number = 0;
    WT_TRY(scan_bounded(node, 1, false, &number));
    if (number > most || number != floor(number)) {
        return wt_yaml_error(node, "%s is damaged (got %g, expected a whole number up to %d; " WT_AGAIN ")",
                             node->name, number, most);
    }
    *value = (int)number;
    return WT_OK;
}

static wt_status scan_name(const wt_yaml_node *node, char *text, size_t room) {
    if (node->kind != WT_YAML_SCALAR || node->length == 0 || node->length >= room) {
        return wt_yaml_error(node, "%s is damaged (expected a name; " WT_AGAIN ")", node->name);
    }
    memcpy(text, node->text, node->length + 1);
    return WT_OK;
}

static wt_status require_entry(const wt_yaml_node **entry, const wt_yaml_node *node, const char *name) {
    *entry = wt_yaml_find(node, name);
    if (*entry) return WT_OK;
    return wt_yaml_error(node, "%s is missing (" WT_AGAIN ")", name);
}

static wt_status scan_figures(const wt_yaml_node *node, const wt_figure *figures, int count, void *to) {
    WT_TRY(expect_mapping(node, node->name));
    for (int i = 0; i < count; i++) {
        const wt_yaml_node *entry;
        double value;
        WT_TRY(require_entry(&entry, node, figures[i].name));
        WT_TRY(scan_bounded(entry, figures[i].least, figures[i].above, &value));
        memcpy((char *)to + figures[i].offset, &value, sizeof value);
    }
    return WT_OK;
}

static wt_status scan_links(const wt_yaml_node *node, wt_calibration *calibration) {
    WT_TRY(expect_mapping(node, "links"));
    const wt_yaml_node *within = wt_yaml_find(node, "within"), *between = wt_yaml_find(node, "between");
    if (within) WT_TRY(scan_figures(within, wt_link_figures, WT_LINK_FIGURES, &calibration->within));
    if (between) WT_TRY(scan_figures(between, wt_link_figures, WT_LINK_FIGURES, &calibration->between));
    return WT_OK;
}

/* Kinds that were not measured are left out of the file: 0. */
static wt_status scan_rates(const wt_yaml_node *node, wt_rates *rates) {
    enum { MOST = 1 << 20 };
    const wt_yaml_node *entry;
    memset(rates, 0, sizeof *rates);
    WT_TRY(expect_mapping(node, "an entry of rates"));
    WT_TRY(require_entry(&entry, node, "kernels"));
    WT_TRY(scan_name(entry, rates->kernels, sizeof rates->kernels));
    WT_TRY(require_entry(&entry, node, "threads"));
    WT_TRY(scan_count(entry, MOST, &rates->threads));
    WT_TRY(require_entry(&entry, node, "ranks"));
    WT_TRY(scan_count(entry, MOST, &rates->ranks));
    double all = 0;
    for (int kind = 0; kind < WT_WORK_KINDS; kind++) {
        entry = wt_yaml_find(node, wt_work_names[kind]);
        if (entry) WT_TRY(scan_bounded(entry, 0, false, &rates->seconds[kind]));
        all += rates->seconds[kind];
    }
    if (all > 0) return WT_OK;
    return wt_yaml_error(node, "an entry of rates is empty (" WT_AGAIN ")");
}

static wt_status scan_list(const wt_yaml_node *node, wt_calibration *calibration) {
    if (node->kind != WT_YAML_LIST || node->count == 0) {
        return wt_yaml_error(node, "rates is damaged (expected a list; " WT_AGAIN ")");
    }
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        wt_rates rates;
        WT_TRY(scan_rates(entry, &rates));
        WT_TRY(wt_calibration_add(calibration, &rates));
    }
    return WT_OK;
}

static wt_status scan_head(const wt_yaml_node *root, wt_calibration *calibration) {
    const wt_yaml_node *entry;
    char format[64] = "";
    int version = 0;
    WT_TRY(require_entry(&entry, root, "format"));
    WT_TRY(scan_name(entry, format, sizeof format));
    if (strcmp(format, WT_CALIBRATION_FORMAT) != 0) {
        return wt_yaml_error(entry, "is no calibration (got format %s, expected " WT_CALIBRATION_FORMAT ")",
                             format);
    }
    WT_TRY(require_entry(&entry, root, "version"));
    WT_TRY(scan_count(entry, 1 << 20, &version));
    if (version != WT_CALIBRATION_VERSION) {
        return wt_yaml_error(entry,
                             "is of another version of wavetrain (got version %d, expected %d; " WT_AGAIN ")",
                             version, WT_CALIBRATION_VERSION);
    }
    WT_TRY(require_entry(&entry, root, "cpu"));
    WT_TRY(scan_name(entry, calibration->cpu, sizeof calibration->cpu));
    WT_TRY(require_entry(&entry, root, "cores"));
    return scan_count(entry, 1 << 20, &calibration->cores);
}

static wt_status scan_calibration(const wt_yaml_node *root, const char *path, wt_calibration *calibration) {
    const wt_yaml_node *entry;
    WT_CHECK(root, WT_USAGE, "%s: is empty (" WT_AGAIN ")", path);
    WT_TRY(expect_mapping(root, "the calibration"));
    WT_TRY(scan_head(root, calibration));
    WT_TRY(require_entry(&entry, root, "process"));
    WT_TRY(scan_figures(entry, wt_process_figures, WT_PROCESS_FIGURES, calibration));
    entry = wt_yaml_find(root, "links");
    if (entry) WT_TRY(scan_links(entry, calibration));
    WT_TRY(require_entry(&entry, root, "rates"));
    return scan_list(entry, calibration);
}

wt_status wt_calibration_load(wt_calibration *calibration, const char *path) {
    wt_status status = WT_OK;
    wt_yaml_pool pool = {0};
    wt_yaml_node *root;
    char *text = NULL;
    size_t bytes;
    memset(calibration, 0, sizeof *calibration);
    WT_TRY(wt_file_read(&text, &bytes, path, WT_CALIBRATION_BYTES));
    WT_GUARD(wt_yaml_read(&pool, &root, path, true, text, bytes));
    WT_GUARD(scan_calibration(root, path, calibration));
cleanup:
    wt_yaml_dispose(&pool);
    wt_free(text);
    return status;
}

wt_status wt_calibration_open(wt_calibration **out, const char *path) {
    char cpu[WT_CPU_NAME], own[WT_PATH_MAX];
    wt_status status = WT_OK;
    *out = NULL;
    wt_cpu_name(cpu);
    if (!path) WT_TRY(wt_calibration_path(own, cpu));
    WT_TRY(wt_alloc(out, 1, sizeof **out, "a calibration"));
    status = wt_calibration_load(*out, path ? path : own);
    if (status == WT_OK) return WT_OK;
    wt_calibration_close(*out);
    *out = NULL;
    return status;
}

void wt_calibration_close(wt_calibration *calibration) {
    wt_free(calibration);
}

/* --- writing --- */

static void print_calibration_figures(FILE *out, const char *name, const wt_figure *figures, int count,
                                      const void *from) {
    fprintf(out, "%s: {", name);
    for (int i = 0; i < count; i++) {
        double value;
        memcpy(&value, (const char *)from + figures[i].offset, sizeof value);
        fprintf(out, "%s%s: %.6g", i ? ", " : "", figures[i].name, value);
    }
    fputs("}\n", out);
}

static void print_rates(FILE *out, const wt_rates *rates) {
    fprintf(out, "- {kernels: %s, threads: %d, ranks: %d", rates->kernels, rates->threads, rates->ranks);
    int shown = 0;
    for (int kind = 0; kind < WT_WORK_KINDS; kind++) {
        if (rates->seconds[kind] <= 0) continue;
        fprintf(out, ",%s%s: %.6g", shown++ % 3 ? " " : "\n   ", wt_work_names[kind], rates->seconds[kind]);
    }
    fputs("}\n", out);
}

static void print_calibration(FILE *out, const wt_calibration *calibration) {
    fprintf(out, "# Made by wavetrain bench calibrate. Seconds per unit of work, bytes, bytes per second.\n");
    fprintf(out, "format: " WT_CALIBRATION_FORMAT "\nversion: %d\n", WT_CALIBRATION_VERSION);
    fprintf(out, "cpu: \"%s\"\ncores: %d\n", calibration->cpu, calibration->cores);
    print_calibration_figures(out, "process", wt_process_figures, WT_PROCESS_FIGURES, calibration);
    if (calibration->within.bandwidth > 0 || calibration->between.bandwidth > 0) fputs("links:\n", out);
    if (calibration->within.bandwidth > 0)
        print_calibration_figures(out, "  within", wt_link_figures, WT_LINK_FIGURES, &calibration->within);
    if (calibration->between.bandwidth > 0)
        print_calibration_figures(out, "  between", wt_link_figures, WT_LINK_FIGURES, &calibration->between);
    fputs("rates:\n", out);
    for (int i = 0; i < calibration->count; i++) print_rates(out, &calibration->rates[i]);
}

wt_status wt_calibration_save(const wt_calibration *calibration, const char *path) {
    char folder[WT_PATH_MAX], *text = NULL;
    size_t bytes = 0;
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash && slash != folder) {
        *slash = '\0';
        WT_TRY(wt_folder_make(folder));
    }
    FILE *stream = open_memstream(&text, &bytes);
    WT_CHECK(stream, WT_FAILED, "%s: out of memory", path);
    print_calibration(stream, calibration);
    wt_status status = fclose(stream) == 0 ? wt_file_write_atomically(path, text, bytes, NULL, 0)
                                           : wt_error(WT_FAILED, "%s: out of memory", path);
    free(text);
    return status;
}

/* --- rates --- */

static bool are_rates_alike(const wt_rates *a, const wt_rates *b) {
    return strcmp(a->kernels, b->kernels) == 0 && a->threads == b->threads && a->ranks == b->ranks;
}

wt_status wt_calibration_add(wt_calibration *calibration, const wt_rates *rates) {
    int at = 0;
    while (at < calibration->count && !are_rates_alike(&calibration->rates[at], rates)) at++;
    WT_CHECK(at < WT_RATES_MAX, WT_USAGE, "a calibration has too many rates (expected at most %d)",
             WT_RATES_MAX);
    if (at == calibration->count) calibration->count++;
    calibration->rates[at] = *rates;
    return WT_OK;
}

/* How unlike two numbers are, whichever is the larger. */
static double thread_distance(int a, int b) {
    return fabs(log((double)a / b));
}

bool wt_calibration_rates(wt_rates *rates, const wt_calibration *calibration, const char *kernels,
                          int threads, int ranks, bool *near) {
    const wt_rates *best = NULL;
    double distance = INFINITY;
    for (int i = 0; i < calibration->count; i++) {
        const wt_rates *one = &calibration->rates[i];
        if (strcmp(one->kernels, kernels) != 0) continue;
        /* threads weigh more: other ranks of the node only share its memory */
        double apart = 4 * thread_distance(one->threads, threads) + thread_distance(one->ranks, ranks);
        if (apart < distance) best = one, distance = apart;
    }
    if (!best) return false;
    *rates = *best;
    for (int kind = 0; kind < WT_WORK_STEP; kind++) rates->seconds[kind] *= (double)best->threads / threads;
    if (near) *near = distance > 0;
    return true;
}
