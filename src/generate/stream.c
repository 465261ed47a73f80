/*
 * Cached generation: each convolution keeps a ring of the rows that its taps still need, so a new sample
 * costs one row of every layer. A stream begins in the state that an endless past of padding leaves: every
 * layer's input is then constant, so one sample fills all rings.
 * A hierarchy's context is short, and a new sample moves every fuse by one place: it is computed anew, as a batch of
 * one target.
 */
#include <stdbool.h>
#include <string.h>

#include "wavetrain/generate.h"
#include "wavetrain/memory.h"

/* Past inputs of a block's convolution, [size, channels]; `newest` is the row of the last one. */
typedef struct {
    wt_real *rows;
    int size, newest;
} wt_ring;

struct wt_stream {
    const wt_network *network;
    const wt_kernels *kernels;
    const wt_real *parameters;
    int32_t *classes; /* [taps] inputs of the input convolution, oldest first; or */
    wt_real *values;  /* [taps, channels] */
    wt_ring *rings;   /* [blocks] */
    wt_real *memory;  /* the rows of all rings */
    wt_real *h[2], *act, *z, *skip, *hidden, *logits;
    wt_real *hat; /* with a norm: the convolution's output; act is the norm's */
    wt_real
        *mean_rate; /* batch norm: the blocks' running means and 1/√(variance + ε), one behind the other */
    wt_pass *pass;  /* of a hierarchy, which has a batch instead of all rows and rings above */
    wt_batch batch;
    int target_count;
    int32_t target;
};

static const wt_real *wt_tensor(const wt_stream *stream, int number) {
    return stream->parameters + stream->network->parameters.entries[number].offset;
}

/* --- one sample through the network --- */

static void wt_apply(const wt_stream *stream, const wt_convolution *c, wt_real *y, const wt_real *x) {
    stream->kernels->convolve(y, c->out, x, c->in, wt_tensor(stream, c->weight), wt_tensor(stream, c->bias),
                              1, c->in, c->out, c->taps, 1);
}

/* The dilated convolution: a product a tap, since the ring's rows are not evenly spaced in memory. */
static void wt_apply_ring(const wt_stream *stream, const wt_convolution *c, wt_real *y, const wt_ring *ring) {
    const wt_real *weight = wt_tensor(stream, c->weight);
    const wt_real *bias = c->bias < 0 ? NULL : wt_tensor(stream, c->bias);
    size_t tap_count = (size_t)c->in * (size_t)c->out;
    if (!bias) memset(y, 0, (size_t)c->out * sizeof *y);
    for (int j = 0; j < c->taps; j++) {
        int row = ring->newest - (c->taps - 1 - j) * c->dilation;
        if (row < 0) row += ring->size;
        stream->kernels->convolve(y, c->out, ring->rows + (size_t)row * (size_t)c->in, c->in,
                                  weight + (size_t)j * tap_count, j ? NULL : bias, 1, c->in, c->out, 1, 1);
    }
}

static void wt_ring_put(wt_ring *ring, const wt_real *row, int channels, bool everywhere) {
    size_t bytes = (size_t)channels * sizeof *row;
    ring->newest = ring->newest + 1 == ring->size ? 0 : ring->newest + 1;
    int first = everywhere ? 0 : ring->newest, end = everywhere ? ring->size : ring->newest + 1;
    for (int i = first; i < end; i++) memcpy(ring->rows + (size_t)i * (size_t)channels, row, bytes);
}

static void wt_enter_input(wt_stream *stream) {
    const wt_convolution *input = &stream->network->input;
    if (stream->classes) {
        stream->kernels->embed(stream->h[0], input->out, stream->classes, wt_tensor(stream, input->weight),
                               wt_tensor(stream, input->bias), 1, input->in, input->out, input->taps);
    } else {
        wt_apply(stream, input, stream->h[0], stream->values);
    }
}

/* skip ← skip·α + b_s + W_s z */
static void wt_add_skip(wt_stream *stream, int l) {
    const wt_convolution *c = &stream->network->blocks[l].skip;
    const wt_real *bias = wt_tensor(stream, c->bias);
    wt_real scale = (wt_real)stream->network->skip_scale;
    for (int i = 0; i < c->out; i++) stream->skip[i] = l ? scale * stream->skip[i] + bias[i] : bias[i];
    stream->kernels->convolve(stream->skip, c->out, stream->z, c->in, wt_tensor(stream, c->weight), NULL, 1,
                              c->in, c->out, 1, 1);
}

/* From the ring to act, through the block's norm where it has one; `mean_rate` is the block's. */
static void wt_apply_block(wt_stream *stream, int l, const wt_real *mean_rate) {
    const wt_block *block = &stream->network->blocks[l];
    const int out = block->conv.out;
    const wt_norm_kind kind = stream->network->norm;
    wt_real rate;
    wt_apply_ring(stream, &block->conv, kind == WT_NORM_NONE ? stream->act : stream->hat, &stream->rings[l]);
    if (kind == WT_NORM_NONE) return;
    const wt_real *weight = wt_tensor(stream, block->norm.weight);
    const wt_real *bias = wt_tensor(stream, block->norm.bias);
    if (kind == WT_NORM_LAYER) {
        stream->kernels->normalise(stream->act, out, stream->hat, out, &rate, weight, bias, 1, out);
    } else {
        stream->kernels->standardise(stream->act, out, stream->hat, out, mean_rate, mean_rate + out, weight,
                                     bias, 1, out);
    }
}

/* From h[0] to h[0] and skip. */
static void wt_pass_block(wt_stream *stream, int l, const wt_real *mean_rate, bool fill) {
    const wt_block *block = &stream->network->blocks[l];
    wt_real *h = stream->h[0], *next = stream->h[1];
    if (block->rechannel.weight >= 0) {
        wt_apply(stream, &block->rechannel, next, h);
        stream->h[0] = next;
        stream->h[1] = h;
        h = stream->h[0];
        next = stream->h[1];
    }
    wt_ring_put(&stream->rings[l], h, block->conv.in, fill);
    wt_apply_block(stream, l, mean_rate);
    stream->kernels->activate(stream->z, block->gate, stream->act, block->conv.out, 1, block->gate,
                              block->activation);
    wt_add_skip(stream, l);
    if (block->residual.weight < 0) return;
    wt_apply(stream, &block->residual, next, stream->z);
    wt_real scale = (wt_real)stream->network->residual_scale;
    for (int i = 0; i < block->residual.out; i++) h[i] = (next[i] + h[i]) * scale;
}

static void wt_advance(wt_stream *stream, bool fill) {
    const wt_network *network = stream->network;
    if (stream->pass) {
        wt_window_loss unused;
        wt_pass_forward(stream->pass, &stream->batch, 0, 1, &unused);
        stream->logits = (wt_real *)wt_pass_logits(stream->pass, 0);
        return;
    }
    int width = network->skip_channels, hidden = network->head[0].out;
    const wt_real *mean_rate = stream->mean_rate;
    wt_enter_input(stream);
    for (int l = 0; l < network->block_count; l++) {
        wt_pass_block(stream, l, mean_rate, fill);
        if (mean_rate) mean_rate += 2 * network->blocks[l].conv.out;
    }
    stream->kernels->rectify(stream->skip, width, stream->skip, width, 1, width);
    wt_apply(stream, &network->head[0], stream->hidden, stream->skip);
    stream->kernels->rectify(stream->hidden, hidden, stream->hidden, hidden, 1, hidden);
    wt_apply(stream, &network->head[1], stream->logits, stream->hidden);
}

/* --- streams --- */

static size_t wt_ring_size(const wt_block *block) {
    return (size_t)(block->conv.taps - 1) * (size_t)block->conv.dilation + 1;
}

static wt_status wt_make_rings(wt_stream *stream) {
    const wt_network *network = stream->network;
    size_t total = 0;
    for (int l = 0; l < network->block_count; l++) {
        total += wt_ring_size(&network->blocks[l]) * (size_t)network->blocks[l].conv.in;
    }
    WT_TRY(wt_alloc(&stream->rings, (size_t)network->block_count, sizeof *stream->rings, "rings"));
    WT_TRY(wt_alloc(&stream->memory, total, sizeof *stream->memory, "rings"));
    wt_real *at = stream->memory;
    for (int l = 0; l < network->block_count; l++) {
        size_t size = wt_ring_size(&network->blocks[l]);
        stream->rings[l] = (wt_ring){at, (int)size, 0};
        at += size * (size_t)network->blocks[l].conv.in;
    }
    return WT_OK;
}

/* The widest row of each kind. */
static wt_status wt_make_rows(wt_stream *stream) {
    const wt_network *network = stream->network;
    int h = network->input.out, act = 1, z = 1;
    for (int l = 0; l < network->block_count; l++) {
        const wt_block *block = &network->blocks[l];
        if (block->conv.in > h) h = block->conv.in;
        if (block->conv.out > act) act = block->conv.out;
        if (block->gate > z) z = block->gate;
    }
    const struct {
        wt_real **row;
        int width;
    } rows[] = {{&stream->h[0], h},
                {&stream->h[1], h},
                {&stream->act, act},
                {&stream->hat, network->norm == WT_NORM_NONE ? 0 : act},
                {&stream->z, z},
                {&stream->skip, network->skip_channels},
                {&stream->hidden, network->head[0].out},
                {&stream->logits, network->classes}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        WT_TRY(wt_alloc(rows[i].row, (size_t)rows[i].width, sizeof(wt_real), "a row"));
    }
    return WT_OK;
}

static wt_status wt_take_statistics(wt_stream *stream) {
    const wt_network *network = stream->network;
    size_t count = 0;
    if (network->norm != WT_NORM_BATCH) return WT_OK;
    for (int l = 0; l < network->block_count; l++) count += 2 * (size_t)network->blocks[l].conv.out;
    WT_TRY(wt_alloc(&stream->mean_rate, count, sizeof(wt_real), "running statistics"));
    wt_real *to = stream->mean_rate;
    for (int l = 0; l < network->block_count; l++) {
        const wt_block *block = &network->blocks[l];
        wt_norm_running(to, wt_tensor(stream, block->norm.running_mean),
                        wt_tensor(stream, block->norm.running_variance), block->conv.out);
        to += 2 * block->conv.out;
    }
    return WT_OK;
}

/* Rows that are kept of the input, and channels of each where it is real. */
static int wt_input_rows(const wt_network *network) {
    return network->trunk == WT_TRUNK_HIERARCHY ? network->receptive_field : network->input.taps;
}

static int wt_input_channels(const wt_network *network) {
    return network->trunk == WT_TRUNK_HIERARCHY ? network->embedding_channels : network->input.in;
}

static wt_status wt_make_inputs(wt_stream *stream, int32_t silence_class) {
    const int rows = wt_input_rows(stream->network);
    if (stream->network->input_kind == WT_INPUT_REAL) {
        const int channels = wt_input_channels(stream->network);
        return wt_alloc(&stream->values, (size_t)rows * (size_t)channels, sizeof(wt_real), "past values");
    }
    WT_TRY(wt_alloc(&stream->classes, (size_t)rows, sizeof *stream->classes, "past classes"));
    for (int j = 0; j < rows; j++) stream->classes[j] = silence_class;
    return WT_OK;
}

/* A batch of one window, with one target that is none. */
static wt_status wt_make_batch(wt_stream *stream) {
    const wt_network *network = stream->network;
    const wt_pass_shape shape = {.windows = 1, .targets = 1};
    stream->target_count = 1;
    stream->target = -1;
    stream->batch = (wt_batch){.windows = 1,
                               .targets = 1,
                               .context = network->receptive_field,
                               .channels = stream->values ? network->embedding_channels : 0,
                               .target_count = &stream->target_count,
                               .classes = stream->classes,
                               .signal = stream->values,
                               .target = &stream->target};
    WT_TRY(wt_pass_create(&stream->pass, network, stream->kernels, &shape));
    wt_pass_derive(stream->pass, stream->parameters);
    return WT_OK;
}

wt_status wt_stream_create(wt_stream **out, const wt_network *network, const wt_kernels *kernels,
                           const wt_real *parameters, int32_t silence_class) {
    wt_status status = WT_OK;
    wt_stream *stream;
    *out = NULL;
    WT_TRY(wt_alloc(&stream, 1, sizeof *stream, "the stream"));
    stream->network = network;
    stream->kernels = kernels;
    stream->parameters = parameters;
    WT_GUARD(wt_make_inputs(stream, silence_class));
    if (network->trunk == WT_TRUNK_HIERARCHY) {
        WT_GUARD(wt_make_batch(stream));
    } else {
        WT_GUARD(wt_make_rings(stream));
        WT_GUARD(wt_make_rows(stream));
        WT_GUARD(wt_take_statistics(stream));
    }
    wt_advance(stream, true);
    *out = stream;
    stream = NULL;
cleanup:
    wt_stream_destroy(stream);
    return status;
}

void wt_stream_destroy(wt_stream *stream) {
    if (!stream) return;
    if (stream->pass) stream->logits = NULL; /* the pass's own */
    wt_pass_destroy(stream->pass);
    wt_free(stream->classes);
    wt_free(stream->values);
    wt_free(stream->rings);
    wt_free(stream->memory);
    for (int i = 0; i < 2; i++) wt_free(stream->h[i]);
    wt_free(stream->act);
    wt_free(stream->hat);
    wt_free(stream->mean_rate);
    wt_free(stream->z);
    wt_free(stream->skip);
    wt_free(stream->hidden);
    wt_free(stream->logits);
    wt_free(stream);
}

const wt_real *wt_stream_feed(wt_stream *stream, int32_t class, const wt_real *values) {
    size_t older = (size_t)(wt_input_rows(stream->network) - 1);
    if (stream->classes) {
        memmove(stream->classes, stream->classes + 1, older * sizeof *stream->classes);
        stream->classes[older] = class;
    } else {
        size_t row = (size_t)wt_input_channels(stream->network);
        memmove(stream->values, stream->values + row, older * row * sizeof *values);
        memcpy(stream->values + older * row, values, row * sizeof *values);
    }
    wt_advance(stream, false);
    return stream->logits;
}

const wt_real *wt_stream_logits(const wt_stream *stream) {
    return stream->logits;
}
