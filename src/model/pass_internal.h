/*
 * The memory of a pass and the loops that forward and backward share.
 *
 * Work is shared out by tiles of WT_TILE rows. A window's tiles begin at its first row, and no tile spans two
 * windows, so a kernel call's arguments depend on the window and the layer alone: never on the
 * number of threads or on which windows stand beside it in a call.
 */
#ifndef WAVETRAIN_PASS_INTERNAL_H
#define WAVETRAIN_PASS_INTERNAL_H

#include <omp.h>

#include "wavetrain/model.h"

enum {
    WT_TILE = 256, /* rows */
    WT_PANEL = 32, /* channels of a weight gradient that one task owns */
};

/* [windows, rows, channels], a window's first row `stride` elements after the one's before. */
typedef struct {
    wt_real *data;
    size_t stride;
    int channels;
} wt_rows;

static inline wt_real *wt_row(const wt_rows *rows, int window, int64_t row) {
    return rows->data + (size_t)window * rows->stride + (size_t)row * (size_t)rows->channels;
}

/* What a block keeps of forward. Without backward, blocks share memory. */
typedef struct {
    wt_rows wide; /* before the rechannel, where there is one */
    wt_rows h;    /* the block's input, after the rechannel */
    wt_rows act;  /* the convolution's output; tanh and σ; in backward its gradient */
    wt_rows z;
} wt_block_rows;

struct wt_pass {
    const wt_network *network;
    const wt_kernels *kernels;
    wt_pass_shape shape;
    const wt_real *parameters; /* the caller's */
    wt_real *transposed;       /* weights as [tap][out][in], at the flat buffer's offsets */
    wt_real *arena;            /* all rows below stand here */
    wt_block_rows *blocks;
    wt_rows skip;   /* the sum; rectified in place by the head */
    wt_rows hidden; /* of the head */
    wt_rows logits; /* their gradient after a forward with backward */
    wt_rows dskip, dhidden;
    wt_rows dh[2];         /* memory of the two below */
    wt_rows dh_out, dh_in; /* β times the gradient by the output and the input of the block at work */
    wt_real *scratch;      /* [threads, WT_TILE, widest gate]: dz of a tile */
    size_t scratch_each;
    wt_real *zeros;     /* [widest output]: a bias of nothing */
    wt_real *bias_sums; /* [windows, skip]: Σ_t dskip of a lane */
    double *tile_loss;  /* [windows, tiles] */
    int threads;
    const wt_batch *batch; /* of the last forward */
    int first, windows;
    const wt_pass_listener *listener; /* of the backward that runs, or NULL */
};

/* Between tiles: the caller's thread, and it alone, tells the listener. */
static inline void wt_pass_poke(const wt_pass *pass) {
    if (pass->listener && pass->listener->poke && omp_get_thread_num() == 0) {
        pass->listener->poke(pass->listener->context);
    }
}

static inline int wt_tiles(int rows) {
    return (rows + WT_TILE - 1) / WT_TILE;
}

/* Targets of the call's i-th window. */
static inline int wt_pass_targets(const wt_pass *pass, int i) {
    return pass->batch->target_count[pass->first + i];
}

static inline const wt_real *wt_pass_tensor(const wt_pass *pass, int number) {
    return pass->parameters + pass->network->parameters.entries[number].offset;
}

static inline const wt_real *wt_pass_transposed(const wt_pass *pass, int number) {
    return pass->transposed + pass->network->parameters.entries[number].offset;
}

/* Rows that a window with `targets` targets has in front of block l. */
static inline int wt_block_lead_in(const wt_block *block) {
    return block->lead + (block->conv.taps - 1) * block->conv.dilation;
}

/*
 * Calls tile(pass, l, window, first row, rows) for every tile of every window, by all threads, where a window
 * has its targets + lead rows (none without targets).
 */
typedef void (*wt_tile_work)(const wt_pass *pass, int l, int window, int first, int rows);
void wt_for_tiles(const wt_pass *pass, wt_tile_work work, int l, int lead);

#endif
