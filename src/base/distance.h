/* Words that were misspelt. */
#ifndef WAVETRAIN_DISTANCE_H
#define WAVETRAIN_DISTANCE_H

enum { WT_DISTANCE_LENGTH_MAX = 63 };

/* The smallest number of characters inserted, deleted, replaced or swapped with their neighbour that makes
 * `b` of `a`; twice the maximum length if one of them is longer than that. */
int wt_distance_of_texts(const char *a, const char *b);

#endif
