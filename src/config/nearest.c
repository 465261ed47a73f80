/*
 * The key that a misspelt name was meant to be: the smallest distance, over the full name and over the last
 * part alone, so that a key in the wrong section is found too.
 */
#include <string.h>

#include "base/distance.h"
#include "config_internal.h"

const wt_key *wt_key_nearest(const char *name, bool of_array) {
    const char *dot = strrchr(name, '.');
    const char *last = dot ? dot + 1 : name;
    const int third = 1 + (int)strlen(last) / 3, limit = third < 4 ? third : 4;
    const wt_key *nearest = NULL;
    int nearest_score = 0;
    for (int i = 0; i < wt_key_count; i++) {
        const wt_key *key = &wt_keys[i];
        if (of_array && !wt_key_is_of_array(key)) continue;
        if (key->type == WT_KEY_SECTION && dot) continue;
        int whole = wt_distance_of_texts(name, key->name),
            part = wt_distance_of_texts(last, wt_key_last(key));
        int distance = of_array || part < whole ? part : whole;
        if (distance > limit) continue;
        int score = distance * 4 * WT_DISTANCE_LENGTH_MAX +
                    whole; /* among equals the one in the same section */
        if (!nearest || score < nearest_score) {
            nearest = key;
            nearest_score = score;
        }
    }
    return nearest;
}

const char *wt_config_nearest(const char *name) {
    const wt_key *key = wt_key_nearest(name, false);
    return key && key->type != WT_KEY_SECTION ? key->name : NULL;
}
