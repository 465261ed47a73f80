/*
 * The order of windows, as a pure function of the position.
 *
 * In two levels, an epoch lays the windows on a ring, turned by a keyed amount, so that the blocks' borders
 * and the ragged end fall elsewhere each time. The ring is cut into blocks of neighbours, these are
 * permuted, and the windows of each group of blocks are permuted among themselves; the windows left over at
 * the end of the ring belong to the last group. A group at a time is read from disk: its blocks lie anywhere,
 * but each is read as a run. The price, compared with one global permutation: windows that are far apart in
 * an epoch's order of blocks never change places.
 */
#include "base/random.h"
#include "data/dataset.h"
#include "data_internal.h"

enum {
    GROUP_BLOCKS = 64,
    VALIDATION_SEED = 20160912, /* any constant: what matters is that it never changes */
};

/* Draws of one epoch: part 0 orders windows or blocks, part 1 + g the windows of group g. */
static uint64_t draw_stream(int64_t epoch, uint32_t part) {
    return (uint64_t)epoch << 32 | part;
}

static const uint32_t turn_part = UINT32_MAX;

wt_order wt_order_training(const wt_dataset *dataset, const wt_windows *windows, wt_sampling sampling,
                           uint64_t seed) {
    wt_order order = {.windows = wt_windows_count(windows),
                      .block = 1,
                      .group = 1,
                      .seed = seed,
                      .sampling = sampling,
                      .grid = windows};
    if (wt_dataset_in_memory(dataset)) return order;
    int64_t block = wt_dataset_chunk(dataset) / wt_windows_span(windows);
    order.block = block > 1 ? block : 1;
    order.group = GROUP_BLOCKS;
    return order;
}

/* The place on the ring that comes at position i of the epoch. */
static int64_t ring_place(const wt_order *order, int64_t epoch, int64_t i) {
    int64_t blocks = order->windows / order->block; /* whole ones */
    int64_t groups = (blocks + order->group - 1) / order->group, size = order->group * order->block;
    int64_t group = i / size < groups ? i / size : groups - 1;
    if (groups == 0) group = 0;
    int64_t first = group * size, count = group >= groups - 1 ? order->windows - first : size;
    uint64_t within = wt_random_permute((uint64_t)(i - first), (uint64_t)count, order->seed, WT_RANDOM_ORDER,
                                        draw_stream(epoch, 1 + (uint32_t)group));
    int64_t place = first + (int64_t)within;
    if (place >= blocks * order->block) return place; /* left over */
    uint64_t block = wt_random_permute((uint64_t)(place / order->block), (uint64_t)blocks, order->seed,
                                       WT_RANDOM_ORDER, draw_stream(epoch, 0));
    return (int64_t)block * order->block + place % order->block;
}

static int64_t ring_turn(const wt_order *order, int64_t epoch) {
    uint32_t words[4];
    wt_random_words(words, order->seed, WT_RANDOM_ORDER, draw_stream(epoch, turn_part), 0);
    return (int64_t)(((uint64_t)words[0] << 32 | words[1]) % (uint64_t)order->windows);
}

/* One of `count`, drawn for a position. */
static int64_t pick_uniform(const wt_order *order, int64_t position, uint64_t what, int64_t count) {
    double drawn = wt_random_uniform(order->seed, WT_RANDOM_SAMPLING, (uint64_t)position, what);
    int64_t picked = (int64_t)(drawn * (double)count);
    return picked < count ? picked : count - 1;
}

static int64_t pick_of_item(const wt_order *order, int64_t position) {
    int64_t first, count, item = pick_uniform(order, position, 1, wt_windows_items(order->grid));
    wt_windows_of_item(order->grid, item, &first, &count);
    return first + pick_uniform(order, position, 2, count);
}

int64_t wt_order_window(const wt_order *order, int64_t position) {
    if (order->sampling == WT_SAMPLING_REPLACEMENT) return pick_uniform(order, position, 0, order->windows);
    if (order->sampling == WT_SAMPLING_ITEM) return pick_of_item(order, position);
    int64_t epoch = position / order->windows, i = position % order->windows;
    if (order->block == 1 && order->group == 1) {
        return (int64_t)wt_random_permute((uint64_t)i, (uint64_t)order->windows, order->seed, WT_RANDOM_ORDER,
                                          draw_stream(epoch, 0));
    }
    int64_t place = ring_place(order, epoch, i), turn = ring_turn(order, epoch);
    return place < order->windows - turn ? place + turn : place + turn - order->windows;
}

int64_t wt_order_validation(int64_t windows, int64_t i) {
    return (int64_t)wt_random_permute((uint64_t)i, (uint64_t)windows, VALIDATION_SEED, WT_RANDOM_VALIDATION,
                                      0);
}
