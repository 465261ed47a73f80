/* An ONNX graph in memory: nodes, constants, inputs, outputs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "onnx_internal.h"

enum { NAME = 128, LIST_MAX = 8 };

void wt_onnx_init(wt_onnx_builder *builder) {
    memset(builder, 0, sizeof *builder);
    wt_onnx__graph__init(&builder->graph);
}

void wt_onnx_dispose(wt_onnx_builder *builder) {
    for (int i = 0; i < builder->held_count; i++) wt_free(builder->held[i]);
    wt_free(builder->held);
    wt_free(builder->graph.node);
    wt_free(builder->graph.initializer);
    wt_free(builder->graph.input);
    wt_free(builder->graph.output);
    memset(builder, 0, sizeof *builder);
}

void wt_onnx_fail(wt_onnx_builder *builder, wt_status status) {
    if (builder->status == WT_OK) builder->status = status;
}

void *wt_onnx_hold(wt_onnx_builder *builder, size_t bytes) {
    void *memory = NULL;
    if (builder->status != WT_OK) return NULL;
    wt_onnx_fail(builder, wt_alloc(&memory, bytes, 1, "an ONNX graph"));
    if (builder->status == WT_OK)
        wt_onnx_fail(builder, wt_memory_append(&builder->held, &builder->held_count, &memory, sizeof memory,
                                               "an ONNX graph"));
    if (builder->status == WT_OK) return memory;
    wt_free(memory);
    return NULL;
}

char *wt_onnx_copy(wt_onnx_builder *builder, const char *text) {
    char *copy = wt_onnx_hold(builder, strlen(text) + 1);
    if (copy) strcpy(copy, text);
    return copy;
}

/* Behind the last of an array of pointers. */
static void append_item(wt_onnx_builder *builder, void *items, size_t *count, void *item) {
    int so_far = (int)*count;
    if (builder->status != WT_OK) return;
    wt_onnx_fail(builder, wt_memory_append(items, &so_far, &item, sizeof item, "an ONNX graph"));
    *count = (size_t)so_far;
}

/* --- nodes --- */

static WtOnnx__Node *newest_node(const wt_onnx_builder *builder) {
    return builder->graph.node[builder->graph.n_node - 1];
}

static bool fill_node(wt_onnx_builder *builder, WtOnnx__Node *node, const char *const *inputs) {
    char name[NAME];
    while (inputs[node->n_input]) node->n_input++;
    node->input = wt_onnx_hold(builder, (node->n_input + 1) * sizeof *node->input);
    node->output = wt_onnx_hold(builder, sizeof *node->output);
    if (builder->status != WT_OK) return false;
    for (size_t i = 0; i < node->n_input; i++) node->input[i] = wt_onnx_copy(builder, inputs[i]);
    snprintf(name, sizeof name, "n%d", ++builder->made);
    node->n_output = 1;
    node->output[0] = wt_onnx_copy(builder, name);
    return builder->status == WT_OK;
}

const char *wt_onnx_node(wt_onnx_builder *builder, const char *type, const char *const *inputs) {
    WtOnnx__Node *node = wt_onnx_hold(builder, sizeof *node);
    if (!node) return "";
    wt_onnx__node__init(node);
    node->op_type = wt_onnx_copy(builder, type);
    if (!fill_node(builder, node, inputs)) return "";
    append_item(builder, &builder->graph.node, &builder->graph.n_node, node);
    return builder->status == WT_OK ? node->output[0] : "";
}

void wt_onnx_name(wt_onnx_builder *builder, const char *name) {
    char *copy = wt_onnx_copy(builder, name);
    if (copy) newest_node(builder)->output[0] = copy;
}

/* NULL: a failure. An attribute type is a field's place in the format's list. */
static WtOnnx__Attribute *add_attribute(wt_onnx_builder *builder, const char *name, int type) {
    WtOnnx__Attribute *attribute = wt_onnx_hold(builder, sizeof *attribute);
    char *copy = wt_onnx_copy(builder, name);
    WtOnnx__Attribute **more = wt_onnx_hold(builder, LIST_MAX * sizeof *more);
    if (builder->status != WT_OK) return NULL;
    WtOnnx__Node *node = newest_node(builder);
    wt_onnx__attribute__init(attribute);
    attribute->name = copy;
    attribute->has_type = true;
    attribute->type = type;
    if (!node->attribute) node->attribute = more;
    node->attribute[node->n_attribute++] = attribute;
    return attribute;
}

void wt_onnx_int(wt_onnx_builder *builder, const char *name, int64_t value) {
    WtOnnx__Attribute *attribute = add_attribute(builder, name, 2);
    if (!attribute) return;
    attribute->has_i = true;
    attribute->i = value;
}

void wt_onnx_real(wt_onnx_builder *builder, const char *name, double value) {
    WtOnnx__Attribute *attribute = add_attribute(builder, name, 1);
    if (!attribute) return;
    attribute->has_f = true;
    attribute->f = (float)value;
}

void wt_onnx_ints(wt_onnx_builder *builder, const char *name, const int64_t *values, int count) {
    WtOnnx__Attribute *attribute = add_attribute(builder, name, 7);
    int64_t *copy = wt_onnx_hold(builder, (size_t)count * sizeof *copy);
    if (!attribute || !copy) return;
    memcpy(copy, values, (size_t)count * sizeof *copy);
    attribute->ints = copy;
    attribute->n_ints = (size_t)count;
}

/* --- constants --- */

/* The constant of this name that there is; NULL: none. */
static const char *find_constant(const wt_onnx_builder *builder, const char *name) {
    for (size_t i = 0; i < builder->graph.n_initializer; i++) {
        if (strcmp(builder->graph.initializer[i]->name, name) == 0)
            return builder->graph.initializer[i]->name;
    }
    return NULL;
}

typedef struct {
    int type, rank;
    const int64_t *shape;
    const void *numbers;
    size_t bytes;
} constant;

static const char *add_constant(wt_onnx_builder *builder, const char *name, const constant *c) {
    const char *before = find_constant(builder, name);
    if (before) return before;
    WtOnnx__Tensor *tensor = wt_onnx_hold(builder, sizeof *tensor);
    int64_t *dims = wt_onnx_hold(builder, (size_t)(c->rank + 1) * sizeof *dims);
    uint8_t *raw = wt_onnx_hold(builder, c->bytes);
    char *copy = wt_onnx_copy(builder, name);
    if (builder->status != WT_OK) return "";
    wt_onnx__tensor__init(tensor);
    for (int i = 0; i < c->rank; i++) dims[i] = c->shape[i];
    memcpy(raw, c->numbers, c->bytes);
    tensor->name = copy;
    tensor->dims = dims;
    tensor->n_dims = (size_t)c->rank;
    tensor->has_data_type = true;
    tensor->data_type = c->type;
    tensor->has_raw_data = true;
    tensor->raw_data = (ProtobufCBinaryData){c->bytes, raw};
    append_item(builder, &builder->graph.initializer, &builder->graph.n_initializer, tensor);
    return builder->status == WT_OK ? copy : "";
}

const char *wt_onnx_list(wt_onnx_builder *builder, const int64_t *values, int count) {
    char name[NAME] = "list";
    int used = 4;
    for (int i = 0; i < count; i++)
        used += snprintf(name + used, used < NAME ? (size_t)(NAME - used) : 0, "_%" PRId64, values[i]);
    if (used >= NAME) snprintf(name, sizeof name, "list.%d", ++builder->made);
    return add_constant(
        builder, name,
        &(constant){WT_ONNX_INT64, 1, &(int64_t){count}, values, (size_t)count * sizeof *values});
}

const char *wt_onnx_number(wt_onnx_builder *builder, int64_t value) {
    char name[NAME];
    snprintf(name, sizeof name, "number_%" PRId64, value);
    return add_constant(builder, name, &(constant){WT_ONNX_INT64, 0, NULL, &value, sizeof value});
}

const char *wt_onnx_scalar(wt_onnx_builder *builder, double value) {
    char name[NAME];
    const float single = (float)value;
    snprintf(name, sizeof name, "scalar_%.9g", (double)single);
    return add_constant(builder, name, &(constant){WT_ONNX_FLOAT, 0, NULL, &single, sizeof single});
}

const char *wt_onnx_tensor(wt_onnx_builder *builder, const wt_parameter *tensor, const float *values) {
    return add_constant(builder, tensor->name,
                        &(constant){WT_ONNX_FLOAT, tensor->rank, tensor->shape, values + tensor->offset,
                                    tensor->count * sizeof *values});
}

/* --- inputs and outputs --- */

static WtOnnx__Shape *make_onnx_shape(wt_onnx_builder *builder, const wt_onnx_size *sizes, int rank) {
    WtOnnx__Shape *shape = wt_onnx_hold(builder, sizeof *shape);
    WtOnnx__Dimension **dims = wt_onnx_hold(builder, (size_t)rank * sizeof *dims);
    for (int i = 0; i < rank && builder->status == WT_OK; i++) {
        dims[i] = wt_onnx_hold(builder, sizeof **dims);
        if (!dims[i]) return NULL;
        wt_onnx__dimension__init(dims[i]);
        dims[i]->has_dim_value = !sizes[i].name;
        dims[i]->dim_value = sizes[i].count;
        if (sizes[i].name) dims[i]->dim_param = wt_onnx_copy(builder, sizes[i].name);
    }
    if (builder->status != WT_OK) return NULL;
    wt_onnx__shape__init(shape);
    shape->dim = dims;
    shape->n_dim = (size_t)rank;
    return shape;
}

static WtOnnx__ValueInfo *make_info(wt_onnx_builder *builder, const char *name, int type,
                                    const wt_onnx_size *sizes, int rank) {
    WtOnnx__ValueInfo *info = wt_onnx_hold(builder, sizeof *info);
    WtOnnx__Type *outer = wt_onnx_hold(builder, sizeof *outer);
    WtOnnx__TensorType *inner = wt_onnx_hold(builder, sizeof *inner);
    WtOnnx__Shape *shape = make_onnx_shape(builder, sizes, rank);
    char *copy = wt_onnx_copy(builder, name);
    if (builder->status != WT_OK) return NULL;
    wt_onnx__value_info__init(info);
    wt_onnx__type__init(outer);
    wt_onnx__tensor_type__init(inner);
    info->name = copy;
    info->type = outer;
    outer->tensor_type = inner;
    inner->has_elem_type = true;
    inner->elem_type = type;
    inner->shape = shape;
    return info;
}

void wt_onnx_input(wt_onnx_builder *builder, const char *name, int type, const wt_onnx_size *sizes,
                   int rank) {
    append_item(builder, &builder->graph.input, &builder->graph.n_input,
                make_info(builder, name, type, sizes, rank));
}

void wt_onnx_output(wt_onnx_builder *builder, const char *name, int type, const wt_onnx_size *sizes,
                    int rank) {
    append_item(builder, &builder->graph.output, &builder->graph.n_output,
                make_info(builder, name, type, sizes, rank));
}

/* --- nodes that are often wanted --- */

const char *wt_onnx_slice(wt_onnx_builder *builder, const char *x, int axis, int64_t begin, int64_t end) {
    if (begin == 0 && end == 0) return x;
    return WT_ONNX(builder, "Slice", x, wt_onnx_list(builder, &begin, 1),
                   wt_onnx_list(builder, &(int64_t){end ? end : INT64_MAX}, 1),
                   wt_onnx_list(builder, &(int64_t){axis}, 1));
}

const char *wt_onnx_unsqueeze(wt_onnx_builder *builder, const char *x, int axis) {
    return WT_ONNX(builder, "Unsqueeze", x, wt_onnx_list(builder, &(int64_t){axis}, 1));
}

const char *wt_onnx_transpose(wt_onnx_builder *builder, const char *x, const int64_t *order, int rank) {
    const char *y = WT_ONNX(builder, "Transpose", x);
    wt_onnx_ints(builder, "perm", order, rank);
    return y;
}

const char *wt_onnx_gather(wt_onnx_builder *builder, const char *x, const char *indices, int axis) {
    const char *y = WT_ONNX(builder, "Gather", x, indices);
    wt_onnx_int(builder, "axis", axis);
    return y;
}

const char *wt_onnx_scale(wt_onnx_builder *builder, const char *x, double value) {
    return value == 1 ? x : WT_ONNX(builder, "Mul", x, wt_onnx_scalar(builder, value));
}

const char *wt_onnx_add(wt_onnx_builder *builder, const char *a, const char *b) {
    return a ? WT_ONNX(builder, "Add", a, b) : b;
}

const char *wt_onnx_range(wt_onnx_builder *builder, const char *count) {
    return WT_ONNX(builder, "Range", wt_onnx_number(builder, 0), count, wt_onnx_number(builder, 1));
}
