/*
 * The key that a misspelt name was meant to be: the least edit distance
 * (insertions, deletions, replacements, swapped neighbours), over the full name
 * and over the last part alone, so that a key in the wrong section is found too.
 * A plain table of distances, cut to names of a sane length.
 */
#include <string.h>

#include "config_internal.h"

enum { LENGTH_MAX = 63 };

static int least(int a, int b) {
    return a < b ? a : b;
}

static int edit_distance(const char *a, const char *b) {
    int d[LENGTH_MAX + 1][LENGTH_MAX + 1]; /* [of a's beginning, of b's beginning] */
    int m = (int)strlen(a), n = (int)strlen(b);
    if (m > LENGTH_MAX || n > LENGTH_MAX) return 2 * LENGTH_MAX;
    for (int i = 0; i <= m; i++) d[i][0] = i;
    for (int j = 0; j <= n; j++) d[0][j] = j;
    for (int i = 1; i <= m; i++) {
        for (int j = 1; j <= n; j++) {
            int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = least(best, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = least(best, d[i - 2][j - 2] + 1);
            }
            d[i][j] = best;
        }
    }
    return d[m][n];
}

const wt_key *wt_key_nearest(const char *name, bool of_array) {
    const char *dot = strrchr(name, '.');
    const char *last = dot ? dot + 1 : name;
    int limit = least(4, 1 + (int)strlen(last) / 3);
    const wt_key *nearest = NULL;
    int nearest_score = 0;
    for (int i = 0; i < wt_key_count; i++) {
        const wt_key *key = &wt_keys[i];
        if (of_array && !wt_key_is_of_array(key)) continue;
        if (key->type == WT_KEY_SECTION && dot) continue;
        int whole = edit_distance(name, key->name), part = edit_distance(last, wt_key_last(key));
        int distance = of_array ? part : least(whole, part);
        if (distance > limit) continue;
        int score = distance * 4 * LENGTH_MAX + whole; /* among equals the one in the same section */
        if (!nearest || score < nearest_score) {
            nearest = key;
            nearest_score = score;
        }
    }
    return nearest;
}
