/* Single keys of the configuration and their values, for files that name some of them: sweeps. */
#ifndef WAVETRAIN_CONFIG_VALUE_H
#define WAVETRAIN_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/sections.h"
#include "wavetrain/config.h"
#include "yaml/yaml_node.h"

typedef struct wt_key wt_key;

/* The key that an entry of a mapping names by its full name. A section is refused, and so is what is no
 * key. */
wt_status wt_config_key(const wt_key **key, const wt_yaml_node *entry);
/* "train.steps" */
const char *wt_config_key_name(const wt_key *key);

typedef enum { WT_VALUE_WHOLE, WT_VALUE_REAL, WT_VALUE_OTHER } wt_value_kind;
wt_value_kind wt_config_key_kind(const wt_key *key);

/* Checks a value by its key's row of the table; into `config`. */
wt_status wt_config_take(wt_config *config, const wt_key *key, const wt_yaml_node *node);
/* The value in `config` of a key that is a number. */
double wt_config_number(const wt_config *config, const wt_key *key);
/* The text that the table prints for the value at the node, which wt_config_take has put into `config`. Of
 * arrays, the node's own, since what an entry leaves out is the configuration's. In the pool. */
wt_status wt_config_value_text(const char **text, wt_yaml_pool *pool, const wt_config *config,
                               const wt_key *key, const wt_yaml_node *node);

/* A whole number, and a path, of files that are no configuration; messages call it `name`. */
wt_status wt_config_whole(int64_t *number, const wt_yaml_node *node, const char *name, double least,
                          double most);
wt_status wt_config_path(char path[WT_PATH_MAX], const wt_yaml_node *node, const char *name);

#endif
