/*
 * The binary tree over lanes in which all sums are made: a range of lanes splits at the largest power of
 * two below its length. Pure arithmetic on ranges.
 */
#ifndef WAVETRAIN_LANE_TREE_INTERNAL_H
#define WAVETRAIN_LANE_TREE_INTERNAL_H

#include <stdbool.h>

/* Lanes first … end−1. */
typedef struct {
    int first, end;
} wt_lane_range;

/* Where a range of at least two lanes splits. */
int wt_lane_tree_split(wt_lane_range range);

/* Whether the range is a node of the tree over `lanes` lanes. */
bool wt_lane_tree_is_node(int lanes, wt_lane_range range);

/*
 * A stack of finished nodes to which lanes are added in order: after lane `lane` is pushed, neighbours that
 * make up a node become one, the left before the right. Calls join(context, into, from) with places on the
 * stack for each such addition, in order. Returns the new height; `stack` must have room for one more.
 */
typedef void (*wt_lane_join)(void *context, int into, int from);
int wt_lane_tree_push(int lanes, wt_lane_range *stack, int height, int lane, wt_lane_join join,
                      void *context);

/* The nodes that are left of lanes first … end−1 alone, in `nodes` (room for end − first + 1). Returns how
 * many. */
int wt_lane_tree_maximal(int lanes, int first, int end, wt_lane_range *nodes);

/*
 * The additions that make the whole sum of `count` nodes which cover all lanes in order: pairs (into, from)
 * of node numbers, to be done in order; the sum ends in node 0. Writes count − 1 pairs.
 */
void wt_lane_tree_complete(int lanes, const wt_lane_range *nodes, int count, int (*pairs)[2]);

#endif
