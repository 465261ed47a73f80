/* What the files that make an ONNX graph share. */
#ifndef WAVETRAIN_ONNX_INTERNAL_H
#define WAVETRAIN_ONNX_INTERNAL_H

#include <onnx.pb-c.h> /* made from onnx.proto */

#include "export/onnx.h"

/*
 * A graph that grows by nodes. Each call that adds one gives the name of what it makes, which the builder
 * owns; after a failure it gives "", and `status` keeps the first one, so that callers need not check each
 * call.
 */
typedef struct {
    WtOnnx__Graph graph;
    void **held; /* [held_count] all that the graph points to, but for its arrays */
    int held_count;
    int made; /* names so far */
    wt_status status;
} wt_onnx_builder;

/* Element types of tensors. */
enum { WT_ONNX_FLOAT = 1, WT_ONNX_INT64 = 7 };

/* A size of an input or an output: a number, or the name of a size that callers choose. */
typedef struct {
    int64_t count;
    const char *name; /* NULL: `count` */
} wt_onnx_size;

void wt_onnx_init(wt_onnx_builder *builder);
void wt_onnx_dispose(wt_onnx_builder *builder);
/* Zeroed memory that lives as long as the builder; NULL after a failure. */
void *wt_onnx_hold(wt_onnx_builder *builder, size_t bytes);
char *wt_onnx_copy(wt_onnx_builder *builder, const char *text);
void wt_onnx_fail(wt_onnx_builder *builder, wt_status status);

/* Inputs end with NULL. */
const char *wt_onnx_node(wt_onnx_builder *builder, const char *type, const char *const *inputs);
/* The same by name. */
#define WT_ONNX(builder, type, ...) wt_onnx_node(builder, type, (const char *const[]){__VA_ARGS__, NULL})
/* Attributes of the newest node. */
void wt_onnx_int(wt_onnx_builder *builder, const char *name, int64_t value);
void wt_onnx_real(wt_onnx_builder *builder, const char *name, double value);
void wt_onnx_ints(wt_onnx_builder *builder, const char *name, const int64_t *values, int count);
/* What the newest node makes gets this name. */
void wt_onnx_name(wt_onnx_builder *builder, const char *name);

/* Constants, each once: a list of numbers (rank 1), a number (rank 0), a real number, a tensor. */
const char *wt_onnx_list(wt_onnx_builder *builder, const int64_t *values, int count);
const char *wt_onnx_number(wt_onnx_builder *builder, int64_t value);
const char *wt_onnx_scalar(wt_onnx_builder *builder, double value);
const char *wt_onnx_tensor(wt_onnx_builder *builder, const wt_parameter *tensor, const float *values);

void wt_onnx_input(wt_onnx_builder *builder, const char *name, int type, const wt_onnx_size *sizes, int rank);
void wt_onnx_output(wt_onnx_builder *builder, const char *name, int type, const wt_onnx_size *sizes,
                    int rank);

/* --- nodes that are often wanted --- */

/* Rows from `begin` to before `end`; end 0: to the last, below 0: from the end. */
const char *wt_onnx_slice(wt_onnx_builder *builder, const char *x, int axis, int64_t begin, int64_t end);
const char *wt_onnx_unsqueeze(wt_onnx_builder *builder, const char *x, int axis);
const char *wt_onnx_transpose(wt_onnx_builder *builder, const char *x, const int64_t *order, int rank);
const char *wt_onnx_gather(wt_onnx_builder *builder, const char *x, const char *indices, int axis);
/* x·value; x where that is 1. */
const char *wt_onnx_scale(wt_onnx_builder *builder, const char *x, double value);
/* a + b; b where a is NULL. */
const char *wt_onnx_add(wt_onnx_builder *builder, const char *a, const char *b);
/* 0 … count − 1, count a number that a node has made. */
const char *wt_onnx_range(wt_onnx_builder *builder, const char *count);

/* --- operators --- */

/* A walk over a network's graph. */
typedef struct {
    const wt_onnx_source *source;
    const wt_exported_network *network;
    const wt_graph *graph;
    wt_onnx_builder builder;
    const char **names; /* [values]: rows of each, with those of the past; NULL: not made */
    int *history;       /* [values] rows of the past that a step reads: the largest delay */
    bool *wanted;       /* [operators]: others are left out */
    const char *x;      /* the input with what stands before it */
    int before;         /* rows of it that stand before the first sample's own */
    const char *speaker;
    const char *frame,
        *phase;          /* of each row of x: its frame among those that were gathered, its place in it */
    const char *windows; /* indices [samples, rows] of targets' contexts; NULL: not made */
} wt_onnx_walk;

/* Rows of the past that stand before the newest ones in a value's rows, and in those that its operator
 * makes. */
int wt_onnx_past(const wt_onnx_walk *walk, int value);
int wt_onnx_made_past(const wt_onnx_walk *walk, int value);
/* The rows that operator `op` makes, without those that a step keeps of the past. */
const char *wt_onnx_emit(wt_onnx_walk *walk, const wt_op *op);
/* A value as [batch, channels, samples], its rows per target among the channels. */
const char *wt_onnx_emit_outputs(wt_onnx_walk *walk, int value);

#endif
