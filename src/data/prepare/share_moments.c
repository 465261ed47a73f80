/*
 * Means and deviations of the training part, which all ranks measure together: of samples and of features.
 * Rank r measures every P-th item; moments are added item by item in their order, so the bits do not depend
 * on the ranks.
 */
#include <string.h>

#include "base/memory.h"
#include "prepare_internal.h"

enum { MEASURED_AT_ONCE = 64 }; /* items */

/* What is measured: moments of `bytes` bytes per item, and how those of an item are added to the total. */
typedef struct {
    size_t bytes;
    wt_status (*measure)(const wt_prepare_plan *plan, size_t item, const wt_utterance_source *source,
                         void *moments);
    void (*add)(const wt_prepare_plan *plan, void *total, const void *moments);
} measurement;

/* Moments of the training items first … first+count−1 on every rank. What a rank has not measured is all zero
 * bits, so that bits can be added as whole numbers. */
static wt_status share_moments(wt_comm *comm, const wt_prepare_plan *plan, const wt_utterance_source *source,
                               const measurement *what, size_t first, size_t count, char *moments) {
    wt_status status = WT_OK;
    memset(moments, 0, count * what->bytes);
    for (size_t i = (size_t)wt_comm_rank(comm); i < count && status == WT_OK; i += (size_t)wt_comm_size(comm))
        status = what->measure(plan, plan->order[first + i], source, moments + i * what->bytes);
    WT_TRY(wt_comm_agree(comm, status));
    wt_comm_sum_int64(comm, (int64_t *)(void *)moments, (int)(count * what->bytes / sizeof(int64_t)));
    return WT_OK;
}

/* `total` has been set to 0. Collective. */
static wt_status measure_training(wt_comm *comm, const wt_prepare_plan *plan,
                                  const wt_utterance_source *source, const measurement *what, void *total) {
    const size_t items = (size_t)plan->utterances[WT_SPLIT_TRAIN]; /* they come first in the order */
    char *moments = NULL;
    wt_status status = WT_OK;
    WT_CHECK(items > 0, WT_USAGE,
             "nothing falls into the training part (--split-seed, --validation, --test)");
    WT_GUARD(wt_comm_agree(comm, wt_alloc(&moments, MEASURED_AT_ONCE, what->bytes, "moments")));
    for (size_t first = 0; first < items; first += MEASURED_AT_ONCE) {
        const size_t count = items - first < MEASURED_AT_ONCE ? items - first : MEASURED_AT_ONCE;
        WT_GUARD(share_moments(comm, plan, source, what, first, count, moments));
        for (size_t i = 0; i < count; i++) what->add(plan, total, moments + i * what->bytes);
    }
cleanup:
    wt_free(moments);
    return status;
}

/* --- samples --- */

static wt_status measure_samples(const wt_prepare_plan *plan, size_t item, const wt_utterance_source *source,
                                 void *moments) {
    return wt_prepare_measure(plan, item, source, moments);
}

static void add_samples(const wt_prepare_plan *plan, void *total, const void *moments) {
    wt_moments_add(total, moments, plan->channels);
}

wt_status wt_prepare_share_normalization(wt_comm *comm, wt_prepare_plan *plan, wt_utterance_source source) {
    static const measurement samples = {sizeof(wt_moments), measure_samples, add_samples};
    _Static_assert(sizeof(wt_moments) % sizeof(int64_t) == 0, "made of eight-byte numbers");
    wt_moments total;
    memset(&total, 0, sizeof total);
    if (!plan->labelled) return WT_OK;
    WT_CHECK(plan->channels <= WT_NORMALIZED_MAX, WT_USAGE,
             "too many channels for a set with labels (got %d, expected at most %d)", plan->channels,
             WT_NORMALIZED_MAX);
    WT_TRY(measure_training(comm, plan, &source, &samples, &total));
    wt_moments_finish(&plan->normalization, &total, plan->channels);
    return WT_OK;
}

/* --- features --- */

static wt_status measure_frames(const wt_prepare_plan *plan, size_t item, const wt_utterance_source *source,
                                void *moments) {
    return wt_prepare_measure_frames(plan, item, source, moments);
}

static void add_frame_moments(const wt_prepare_plan *plan, void *total, const void *moments) {
    wt_moments_add_frame(total, moments, plan->features.count);
}

wt_status wt_prepare_share_features(wt_comm *comm, wt_prepare_plan *plan, wt_utterance_source source) {
    static const measurement frames = {sizeof(wt_frame_moments), measure_frames, add_frame_moments};
    _Static_assert(sizeof(wt_frame_moments) % sizeof(int64_t) == 0, "made of eight-byte numbers");
    wt_frame_moments *total = NULL;
    if (plan->features.count == 0) return WT_OK;
    wt_status status = wt_comm_agree(comm, wt_alloc(&total, 1, sizeof *total, "moments"));
    if (status == WT_OK) status = measure_training(comm, plan, &source, &frames, total);
    if (status == WT_OK) wt_moments_finish_frames(&plan->features, total);
    wt_free(total);
    return status;
}
