/*
 * How far a misspelt word is from one that was meant: a plain table of distances, cut to words of a sane
 * length.
 */
#include <string.h>

#include "base/distance.h"

enum { LENGTH_MAX = WT_DISTANCE_LENGTH_MAX };

static int min_distance(int a, int b) {
    return a < b ? a : b;
}

int wt_distance_of_texts(const char *a, const char *b) {
    int d[LENGTH_MAX + 1][LENGTH_MAX + 1]; /* [of a's beginning, of b's beginning] */
    int m = (int)strlen(a), n = (int)strlen(b);
    if (m > LENGTH_MAX || n > LENGTH_MAX) return 2 * LENGTH_MAX;
    for (int i = 0; i <= m; i++) d[i][0] = i;
    for (int j = 0; j <= n; j++) d[0][j] = j;
    for (int i = 1; i <= m; i++) {
        for (int j = 1; j <= n; j++) {
            int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = min_distance(best, min_distance(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = min_distance(best, d[i - 2][j - 2] + 1);
            }
            d[i][j] = best;
        }
    }
    return d[m][n];
}
