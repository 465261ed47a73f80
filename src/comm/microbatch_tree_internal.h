/*
 * The binary tree over microbatches in which all sums are made: a range of microbatches splits at the largest
 * power of two below its length. Pure arithmetic on ranges.
 */
#ifndef WAVETRAIN_MICROBATCH_TREE_INTERNAL_H
#define WAVETRAIN_MICROBATCH_TREE_INTERNAL_H

#include <stdbool.h>

/* Microbatches first … end−1. */
typedef struct {
    int first, end;
} wt_microbatch_range;

/* Where a range of at least two microbatches splits. */
int wt_microbatch_tree_split(wt_microbatch_range range);

/* Whether the range is a node of the tree over `microbatches` microbatches. */
bool wt_microbatch_tree_is_node(int microbatches, wt_microbatch_range range);

/*
 * A stack of finished nodes to which microbatches are added in order: after microbatch `microbatch` is
 * pushed, neighbours that make up a node become one, the left before the right. Calls join(context, into,
 * from) with places on the stack for each such addition, in order. Returns the new height; `stack` must have
 * room for one more.
 */
typedef void (*wt_microbatch_join)(void *context, int into, int from);
int wt_microbatch_tree_push(int microbatches, wt_microbatch_range *stack, int height, int microbatch,
                            wt_microbatch_join join, void *context);

/* The nodes that are left of microbatches first … end−1 alone, in `nodes` (which holds end − first + 1).
 * Returns how many. */
int wt_microbatch_tree_maximal(int microbatches, int first, int end, wt_microbatch_range *nodes);

/*
 * The additions that make the whole sum of `count` nodes which cover all microbatches in order: pairs (into,
 * from) of node numbers, to be done in order; the sum ends in node 0. Writes count − 1 pairs.
 */
void wt_microbatch_tree_complete(int microbatches, const wt_microbatch_range *nodes, int count,
                                 int (*pairs)[2]);

#endif
