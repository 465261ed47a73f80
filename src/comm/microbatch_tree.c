/* The fixed tree, by recursion from its root. */
#include "microbatch_tree_internal.h"

#include <stddef.h>

int wt_microbatch_tree_split(wt_microbatch_range range) {
    int length = range.end - range.first, power = 1;
    while (2 * power < length) power *= 2;
    return range.first + power;
}

bool wt_microbatch_tree_is_node(int microbatches, wt_microbatch_range range) {
    wt_microbatch_range node = {0, microbatches};
    while (node.first != range.first || node.end != range.end) {
        if (node.end - node.first <= 1) return false;
        int split = wt_microbatch_tree_split(node);
        if (range.end <= split) {
            node.end = split;
        } else if (range.first >= split) {
            node.first = split;
        } else {
            return false;
        }
    }
    return true;
}

int wt_microbatch_tree_push(int microbatches, wt_microbatch_range *stack, int height, int microbatch,
                            wt_microbatch_join join, void *context) {
    stack[height++] = (wt_microbatch_range){microbatch, microbatch + 1};
    while (height > 1) {
        wt_microbatch_range both = {stack[height - 2].first, stack[height - 1].end};
        bool siblings = wt_microbatch_tree_is_node(microbatches, both) &&
                        wt_microbatch_tree_split(both) == stack[height - 1].first;
        if (!siblings) break;
        join(context, height - 2, height - 1);
        stack[height - 2] = both;
        height--;
    }
    return height;
}

static void join_nothing(void *context, int into, int from) {
    (void)context, (void)into, (void)from;
}

int wt_microbatch_tree_maximal(int microbatches, int first, int end, wt_microbatch_range *nodes) {
    int height = 0;
    for (int microbatch = first; microbatch < end; microbatch++) {
        height = wt_microbatch_tree_push(microbatches, nodes, height, microbatch, join_nothing, NULL);
    }
    return height;
}

/* Where the work of wt_microbatch_tree_complete stands. */
typedef struct {
    const wt_microbatch_range *nodes;
    int next; /* first node that is not used yet */
    int (*pairs)[2];
    int pair_count;
} wt_completion;

/* The number of the node in which the sum over `range` ends. */
static int complete_range(wt_completion *work, wt_microbatch_range range) {
    wt_microbatch_range node = work->nodes[work->next];
    if (node.first == range.first && node.end == range.end) return work->next++;
    int split = wt_microbatch_tree_split(range);
    int left = complete_range(work, (wt_microbatch_range){range.first, split});
    int right = complete_range(work, (wt_microbatch_range){split, range.end});
    work->pairs[work->pair_count][0] = left;
    work->pairs[work->pair_count++][1] = right;
    return left;
}

void wt_microbatch_tree_complete(int microbatches, const wt_microbatch_range *nodes, int count,
                                 int (*pairs)[2]) {
    wt_completion work = {nodes, 0, pairs, 0};
    if (count > 0) complete_range(&work, (wt_microbatch_range){0, microbatches});
}
