/*
 * The configuration, made from one YAML file, defaults and texts "a.b=value" (--set). Every key stands in one
 * table (src/config/schema.c) with its type, default, range, help and what a resume may do with it; parsing,
 * checking, --help-config, the resolved text and comparisons are all made from that table. Its fields are the
 * library's own (config/sections.h): programs set and read keys.
 */
#ifndef WAVETRAIN_CONFIG_H
#define WAVETRAIN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "wavetrain/base.h"

typedef struct wt_config wt_config;

/* Memory for one, to be filled by wt_config_load or _parse. */
wt_status wt_config_create(wt_config **out);
void wt_config_destroy(wt_config *config); /* takes NULL */

/* What a resume says to a key that changed. */
typedef enum { WT_RESUME_FREE, WT_RESUME_WARNED, WT_RESUME_REFUSED } wt_resume_rule;

/* Every default; then the file (unless path is NULL; "-" is standard input), then `set_count` texts
 * "a.b=value" in order, then every range and every rule between keys. An error names file and line (or the
 * --set), what was found and what is expected, and for an unknown key the nearest valid one. Status
 * WT_USAGE. */
wt_status wt_config_load(wt_config *config, const char *path, const char *const *sets, size_t set_count);

/* As wt_config_load, from text in memory; `name` stands for the file in errors. */
wt_status wt_config_parse(wt_config *config, const char *name, const char *text, size_t bytes,
                          const char *const *sets, size_t set_count);

/* The configuration that a checkpoint or run.yaml stores, written by this version or an earlier one: a key
 * may have the name that it had then. */
wt_status wt_config_parse_stored(wt_config *config, const char *name, const char *text);

/* The whole resolved configuration as YAML that wt_config_parse takes; free with wt_free.
 * Every real number comes back bit for bit. */
wt_status wt_config_text(char **text, const wt_config *config);

/* The key that a misspelt name, with or without its section, was meant to be; NULL: none is near. */
const char *wt_config_nearest(const char *name);

/* Every key with its default, range and sentence of help, by section, as an annotated YAML file. */
void wt_config_help(FILE *out);

/* A row of the table, for manuals and the like; the texts last. */
typedef struct {
    const char *name;           /* "train.steps"; of a section "train" */
    bool section;               /* has a name and help alone */
    const char *standard;       /* the default, as in a file */
    char expected[160];         /* "1 … 64", "adam or adamw" */
    const char *const *choices; /* of a key with a few values, NULL at the end; else NULL */
    wt_resume_rule resume;
    const char *help;
} wt_config_row;

/* Row `index`, from 0; false past the last. */
bool wt_config_describe(wt_config_row *row, int index);

/* Called for each key that applies, by its full name, with its value as in a file. */
typedef void (*wt_config_visitor)(void *context, const char *key, const char *value);
wt_status wt_config_visit(const wt_config *config, wt_config_visitor visit, void *context);

/* Called once for each key (by its full name) whose value differs, with both values as text. */
typedef void (*wt_config_difference)(void *context, const char *key, wt_resume_rule rule, const char *before,
                                     const char *after);
wt_status wt_config_compare(const wt_config *before, const wt_config *after, wt_config_difference report,
                            void *context);

#endif
