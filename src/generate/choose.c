/* From logits to a class. The distribution is made in double and walked in the order of the classes. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "wavetrain/generate.h"
#include "wavetrain/memory.h"
#include "wavetrain/random.h"

static int32_t wt_most_likely(const wt_real *logits, int classes) {
    int32_t best = 0;
    for (int32_t i = 1; i < classes; i++) {
        if (logits[i] > logits[best]) best = i;
    }
    return best;
}

/* Every one: a NaN would pass unnoticed by the comparisons that look for the largest. */
static bool wt_all_finite(const wt_real *logits, int classes) {
    for (int i = 0; i < classes; i++) {
        if (!isfinite(logits[i])) return false;
    }
    return true;
}

static int wt_compare_descending(const void *a, const void *b) {
    wt_real left = *(const wt_real *)a, right = *(const wt_real *)b;
    return (left < right) - (left > right);
}

/* The k-th largest logit: classes below it are left out (ties with it stay). */
static wt_status wt_threshold(wt_real *threshold, const wt_real *logits, int classes, int top_k) {
    wt_real *sorted;
    WT_TRY(wt_alloc(&sorted, (size_t)classes, sizeof *sorted, "sorted logits"));
    for (int i = 0; i < classes; i++) sorted[i] = logits[i];
    qsort(sorted, (size_t)classes, sizeof *sorted, wt_compare_descending);
    *threshold = sorted[top_k - 1];
    wt_free(sorted);
    return WT_OK;
}

static double wt_weight(const wt_choice *choice, wt_real logit, wt_real largest) {
    return exp(((double)logit - (double)largest) / choice->temperature);
}

wt_status wt_choose(const wt_choice *choice, const wt_real *logits, int classes, int64_t index,
                    int32_t *class) {
    int32_t best = wt_most_likely(logits, classes);
    *class = best;
    WT_CHECK(wt_all_finite(logits, classes), WT_FAILED, "the network's output is not finite at sample %lld",
             (long long)index);
    if (choice->temperature <= 0.0) return WT_OK;
    bool limited = choice->top_k > 0 && choice->top_k < classes;
    wt_real threshold = 0;
    if (limited) WT_TRY(wt_threshold(&threshold, logits, classes, choice->top_k));
    double sum = 0.0, walked = 0.0;
    for (int i = 0; i < classes; i++) {
        if (!limited || logits[i] >= threshold) sum += wt_weight(choice, logits[i], logits[best]);
    }
    double drawn = sum * wt_random_uniform(choice->seed, WT_RANDOM_GENERATE, choice->stream, (uint64_t)index);
    for (int i = 0; i < classes; i++) {
        if (limited && logits[i] < threshold) continue;
        walked += wt_weight(choice, logits[i], logits[best]);
        if (walked > drawn) {
            *class = i;
            return WT_OK;
        }
    }
    return WT_OK; /* rounding left nothing: the most likely */
}
