/* Memory for kernels to work on, as a pass has it. */
#include "bench/kernel_bed.h"

#include "base/random.h"
#include "kernels/kernel_set.h"

static int max_int(int a, int b) {
    return a > b ? a : b;
}

/* Values of either sign, far from denormals; a stretch of them repeated. */
static void fill_random(float *values, size_t count) {
    enum { STRETCH = 1 << 16 };
    for (size_t i = 0; i < count; i++) {
        values[i] = i < STRETCH ? (float)wt_random_uniform(1, WT_RANDOM_TEST, 0, i) - 0.5f
                                : values[i - STRETCH];
    }
}

/* The four parts lie at odd distances, as rows of a real pass do: were all at the same place of a page, loads
 * would wait for stores that only look like theirs. */
static wt_status allocate_rows(wt_kernel_bed *bed) {
    enum { LINE = 16, APART = 17 * LINE };
    const wt_kernel_shape *shape = &bed->shape;
    const size_t context = (size_t)(shape->taps - 1) * (size_t)shape->dilation;
    const size_t wide = (size_t)max_int(2 * shape->channels, WT_BED_CLASSES);
    const size_t part = ((size_t)bed->window + context) * wide + APART;
    WT_TRY(wt_alloc(&bed->arena, 4 * part, sizeof(float), "rows to measure with"));
    fill_random(bed->arena, 4 * part);
    bed->x = bed->arena;
    bed->y = bed->x + part;
    bed->z = bed->y + part;
    bed->d = bed->z + part;
    for (size_t i = 0; i < part; i++) bed->d[i] += 0.5f; /* as second moments must be: not negative */
    return WT_OK;
}

static wt_status allocate_weights(wt_kernel_bed *bed) {
    const wt_kernels *kernels = bed->kernels;
    const int in = bed->shape.channels, out = bed->out;
    const size_t each = kernels->packed_count(in, out), each_back = kernels->packed_count(out, in);
    const size_t taps = (size_t)bed->shape.taps, plain = (size_t)in * (size_t)out;
    const size_t table = (size_t)(WT_BED_CLASS_TAPS * WT_BED_CLASSES) * (size_t)in;
    bed->sums_each = taps * plain > table ? taps * plain : table;
    WT_TRY(wt_alloc(&bed->packed, taps * each, sizeof(float), "packed weights"));
    WT_TRY(wt_alloc(&bed->packed_back, taps * each_back, sizeof(float), "packed weights"));
    WT_TRY(wt_alloc(&bed->bias, (size_t)out, sizeof(float), "a bias"));
    WT_TRY(wt_alloc(&bed->sums, bed->sums_each * (size_t)bed->shape.threads, sizeof(float),
                    "partial gradients"));
    for (size_t j = 0; j < taps; j++) {
        const float *w = bed->x + j * plain % 4096;
        kernels->pack(bed->packed + j * each, w, in, out, false, 0.1f);
        kernels->pack(bed->packed_back + j * each_back, w, out, in, true, 0.1f);
    }
    return WT_OK;
}

wt_status wt_kernel_bed_init(wt_kernel_bed *bed, const wt_kernels *kernels, const wt_kernel_shape *shape,
                             int window) {
    const int round = shape->rows * shape->threads;
    *bed = (wt_kernel_bed){.kernels = kernels,
                           .shape = *shape,
                           .out = shape->taps == 1 ? shape->channels : 2 * shape->channels,
                           .window = (window + round - 1) / round * round};
    WT_TRY(allocate_rows(bed));
    WT_TRY(allocate_weights(bed));
    WT_TRY(wt_alloc(&bed->classes, (size_t)bed->window + WT_BED_CLASS_TAPS, sizeof *bed->classes, "classes"));
    for (int t = 0; t < bed->window + WT_BED_CLASS_TAPS; t++) {
        const double draw = wt_random_uniform(1, WT_RANDOM_TEST, 1, (uint64_t)t);
        bed->classes[t] = (int32_t)(WT_BED_CLASSES * draw);
    }
    return WT_OK;
}

void wt_kernel_bed_dispose(wt_kernel_bed *bed) {
    wt_free(bed->arena);
    wt_free(bed->packed);
    wt_free(bed->packed_back);
    wt_free(bed->bias);
    wt_free(bed->sums);
    wt_free(bed->classes);
}
