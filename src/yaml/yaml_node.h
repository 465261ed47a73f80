/*
 * The one reader of YAML: configurations, sweeps, calibrations, run.yaml. A text becomes a tree of nodes that
 * know their lines, so that a message can name the place. Only plain YAML is read: no anchors, aliases, tags
 * or second documents, a bounded depth and number of values, so that no text takes much more memory than
 * itself.
 *
 *   yaml_document.c  text → tree
 *   yaml_scalar.c    scalars as numbers and texts, and back
 */
#ifndef WAVETRAIN_YAML_NODE_H
#define WAVETRAIN_YAML_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "wavetrain/base.h"

enum {
    WT_YAML_SHOW = 96, /* bytes of a value as messages show it */
    WT_YAML_DEPTH = 8, /* of a sweep: random, keys, a key, its choices, arrays, keys of an array, dilations */
    WT_YAML_ENTRIES = 256, /* entries of one list or mapping */
    WT_YAML_NODES = 16384, /* values in one text */
};

typedef enum { WT_YAML_SCALAR, WT_YAML_LIST, WT_YAML_MAPPING } wt_yaml_kind;

typedef struct wt_yaml_node wt_yaml_node;
struct wt_yaml_node {
    wt_yaml_kind kind;
    bool quoted;        /* a scalar in quotes is text, whatever it looks like */
    const char *source; /* the file, or the --set */
    int line;           /* 0: a --set */
    const char *name;   /* in a mapping: the key */
    const char *text;   /* of a scalar */
    size_t length;
    int count; /* entries of a list or mapping */
    wt_yaml_node *first, *next;
};

/* Memory of all nodes and texts of one tree: taken in blocks, freed together. {0} is empty. */
typedef struct wt_yaml_block wt_yaml_block;
typedef struct {
    wt_yaml_block *blocks;
    int nodes;
} wt_yaml_pool;

void wt_yaml_dispose(wt_yaml_pool *pool);
wt_status wt_yaml_copy(wt_yaml_pool *pool, const char **out, const char *text, size_t length);

/* Reads one YAML document into nodes of the pool. *root is NULL for an empty text. `source` is in the pool or
 * outlives it. With `lines` false errors name no line. WT_USAGE where the text is not what is read here. */
wt_status wt_yaml_read(wt_yaml_pool *pool, wt_yaml_node **root, const char *source, bool lines,
                       const char *text, size_t bytes);

/* ~, null or nothing at all. */
bool wt_yaml_is_null(const wt_yaml_node *node);
/* The entry of that name of a mapping, the first of several; NULL where there is none, or `node` is no
 * mapping or NULL. */
const wt_yaml_node *wt_yaml_find(const wt_yaml_node *node, const char *name);
/* What was found, for "got …": a scalar's own text, cut and without control characters, or "a list". */
void wt_yaml_show(char out[WT_YAML_SHOW], const wt_yaml_node *node);
/* "SOURCE:LINE: message", status WT_USAGE. */
wt_status wt_yaml_error(const wt_yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- scalars --- */

/* A decimal whole number, [+-] digits without zeros in front; beyond 64 bits it saturates. False: the text is
 * none. */
bool wt_yaml_whole_text(int64_t *value, const char *text);
bool wt_yaml_whole(int64_t *value, const wt_yaml_node *node);
/* A decimal number, which may overflow to an infinity. Hexadecimal, nan and inf are no numbers here. */
bool wt_yaml_number(double *value, const wt_yaml_node *node);

/* The fewest digits that read back as the same number, always with a point, so that every YAML reader takes
 * it for one. */
void wt_yaml_real_text(char out[32], double value);
/* In double quotes, with escapes for what a YAML reader would refuse, fold or drop; a byte that is no UTF-8
 * becomes ?. */
void wt_yaml_print_text(FILE *out, const char *text);

#endif
