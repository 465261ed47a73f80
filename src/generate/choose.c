/* From logits to a class. The kernels make the distribution; it is walked in double in the order of the
 * classes. */
#include "base/random.h"
#include "kernels/kernel_set.h"
#include "wavetrain/generate.h"

enum { WALK = 16 }; /* classes that are added up before the walk looks into them */

static int32_t most_likely(const wt_real *logits, int classes) {
    int32_t best = 0;
    for (int32_t i = 1; i < classes; i++) {
        if (logits[i] > logits[best]) best = i;
    }
    return best;
}

/* The k-th largest logit: the root of a heap of the k largest, the smallest of them on top. */
static wt_real threshold_of(wt_real *heap, const wt_real *logits, int classes, int k) {
    int count = 0;
    for (int i = 0; i < classes; i++) {
        int at;
        if (count < k) {
            for (at = count++; at > 0 && heap[(at - 1) / 2] > logits[i]; at = (at - 1) / 2)
                heap[at] = heap[(at - 1) / 2];
        } else {
            if (logits[i] <= heap[0]) continue;
            for (at = 0; 2 * at + 1 < k;) {
                int child = 2 * at + 1;
                if (child + 1 < k && heap[child + 1] < heap[child]) child++;
                if (heap[child] >= logits[i]) break;
                heap[at] = heap[child];
                at = child;
            }
        }
        heap[at] = logits[i];
    }
    return heap[0];
}

static double sum_of(const wt_real *weights, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) sum += (double)weights[i];
    return sum;
}

/* The class at which the weights' sum passes `drawn`; −1: it never does. */
static int32_t walk_classes(const wt_real *weights, int classes, double drawn) {
    double walked = 0;
    for (int first = 0; first < classes; first += WALK) {
        const int count = classes - first < WALK ? classes - first : WALK;
        const double after = walked + sum_of(weights + first, count);
        for (int i = 0; after > drawn && i < count; i++) {
            walked += (double)weights[first + i];
            if (walked > drawn) return first + i;
        }
        walked = after;
    }
    return -1;
}

wt_status wt_choose(const wt_choice *choice, const wt_real *logits, int classes, int64_t index,
                    int32_t *class) {
    wt_real *weights = choice->weights;
    const bool limited = choice->top_k > 0 && choice->top_k < classes;
    const bool draws = choice->temperature > 0;
    wt_real threshold = 0;
    if (limited && draws) threshold = threshold_of(weights, logits, classes, choice->top_k);
    double sum = choice->kernels->losses.soften(weights, logits, classes,
                                                draws ? 1 / choice->temperature : 1);
    /* a NaN would pass unnoticed by the comparisons that look for the largest */
    WT_CHECK(sum == sum, WT_FAILED, "the network's output is not finite at sample %lld", (long long)index);
    *class = -1;
    if (draws) {
        for (int i = 0; limited && i < classes; i++) {
            if (logits[i] < threshold) weights[i] = 0; /* ties with the last stay */
        }
        if (limited) sum = sum_of(weights, classes);
        *class = walk_classes(
            weights, classes,
            sum * wt_random_uniform(choice->seed, WT_RANDOM_GENERATE, choice->stream, (uint64_t)index));
    }
    if (*class < 0) *class = most_likely(logits, classes); /* rounding left nothing */
    return WT_OK;
}
