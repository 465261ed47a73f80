/*
 * Inside the config module: the table of keys, and values.
 *
 *   schema.c    the table
 *   value.c     node → field of the struct, and back to text
 *   arrays.c    the same for model.arrays, a list of objects
 *   presets.c   texts that model.preset stands for
 *   parse.c     defaults, file and --set in order, then the preset; who gave which key
 *   rules.c     what must hold between keys
 *   text.c      the resolved text, --help-config, comparison
 *   config_value.c  single keys and values, for sweeps
 */
#ifndef WAVETRAIN_CONFIG_INTERNAL_H
#define WAVETRAIN_CONFIG_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/config_value.h"
#include "config/sections.h"
#include "network/model_config.h"
#include "wavetrain/config.h"
#include "yaml/yaml_node.h"

enum {
    WT_KEYS_MAX = 160,
    WT_NAME_MAX = 256,   /* bytes of a key's full name as messages show it */
    WT_EXPECT_MAX = 160, /* bytes of "1 … 64" or "adam or adamw" */
};

/* --- the table --- */

typedef enum {
    WT_KEY_SECTION, /* a heading; the keys below belong to it */
    WT_KEY_INT,
    WT_KEY_INT64,
    WT_KEY_REAL,
    WT_KEY_TEXT,      /* char [WT_PATH_MAX] */
    WT_KEY_CHOICE,    /* an enumeration whose values are the places in `choices` */
    WT_KEY_DILATIONS, /* a list of whole numbers */
    WT_KEY_NUMBERS,   /* the same, or one number */
    WT_KEY_POINTS,    /* pairs [step, rate] */
    WT_KEY_QUANTIZATION,
    WT_KEY_ARRAYS, /* of wt_model_config */
} wt_key_type;

/* A key has no meaning where a list that takes its place is given. */
typedef enum { WT_REPLACED_BY_DILATIONS = 1, WT_REPLACED_BY_ARRAYS = 2 } wt_key_replaced;

struct wt_key {
    const char *name; /* "model.kernel" */
    wt_key_type type;
    size_t offset;        /* in wt_config */
    const char *standard; /* the default, as it would stand in a file */
    double least, most;   /* of numbers, of each dilation, of quantisation levels; all exact in a double */
    bool above, below;    /* the limit itself is out of range */
    const char *const *choices; /* NULL at the end */
    wt_key_replaced replaced;   /* 0: by none */
    wt_resume_rule resume;
    const char *help;
};

extern const wt_key wt_keys[];
extern const int wt_key_count;

/* The choices of model.preset, and the YAML text of each (NULL of none). */
extern const char *const wt_preset_names[];
const char *wt_config_preset_text(int preset);

/* The key of that full name, or NULL. */
const wt_key *wt_key_find(const char *name);
/* The key that had that full name in an earlier version, or NULL. */
const wt_key *wt_key_renamed(const char *old);
/* "kernel" of "model.kernel". */
const char *wt_key_last(const wt_key *key);
/* True for the keys that an entry of model.arrays may have. */
bool wt_key_is_of_array(const wt_key *key);
/* Where the key's value stands. */
void *wt_key_field(const wt_key *key, wt_config *config);
const void *wt_key_read(const wt_key *key, const wt_config *config);
void *wt_key_array_field(const wt_key *key, wt_array_config *array);
const void *wt_key_array_read(const wt_key *key, const wt_array_config *array);
/* False where another key has taken this one's place. */
bool wt_key_applies(const wt_key *key, const wt_config *config);
bool wt_key_array_applies(const wt_key *key, const wt_array_config *array);
/* "1 … 64", "adam or adamw": what a value may be. */
void wt_key_expect(char out[WT_EXPECT_MAX], const wt_key *key);
/* The key or section that `name` was meant to be, or NULL if none is near. With `of_array` only an
 * array's. */
const wt_key *wt_key_nearest(const char *name, bool of_array);

/* --- values --- */

/* Checks type and range and fills the field. `name` is the full name for messages. */
wt_status wt_value_scan(const wt_key *key, const char *name, const wt_yaml_node *node, void *field);
/* The value as YAML in flow style, on one line. */
void wt_value_print(FILE *out, const wt_key *key, const void *field);

wt_status wt_arrays_scan(const wt_key *key, const char *name, const wt_yaml_node *node,
                         wt_model_config *model);
void wt_array_print(FILE *out, const wt_array_config *array);
void wt_arrays_print(FILE *out, const wt_model_config *model);

/* --- reading --- */

/* Who gave a key last. */
typedef struct {
    int order; /* 0: nobody, 1: the file, 2 …: the --set of that place */
    const wt_yaml_node *node;
} wt_given;

typedef struct {
    wt_config config;
    wt_given given[WT_KEYS_MAX]; /* [wt_key_count] */
    const char *source;          /* for what no key is to blame for */
    bool stored;                 /* the text is of a run: keys may have the names of earlier versions */
    wt_yaml_pool pool;
} wt_reading;

/* Refuses the name that stands at the node: says what it was meant to be, or is called now. */
wt_status wt_key_refuse(const wt_yaml_node *node, const char *name);

/* Settles which of two keys holds that exclude each other, and defaults that depend on other keys. */
wt_status wt_reading_settle(wt_reading *reading);
/* Every rule between keys. */
wt_status wt_reading_check(const wt_reading *reading);

#endif
