/* What prepare audio's commands do about features: the mean and deviation of the training part's frames. */
#include <string.h>

#include "prepare_job.h"
#include "wavetrain/agreement.h"
#include "wavetrain/memory.h"

enum { MEASURED_AT_ONCE = 64 }; /* utterances */

/* As of samples: rank r measures every P-th item, and what it has not is all zero bits. */
static wt_status share_moments(wt_comm *comm, const wt_prepare_plan *plan, const wt_utterance_source *source,
                               size_t first, size_t count, wt_frame_moments *moments) {
    _Static_assert(sizeof(wt_frame_moments) % sizeof(int64_t) == 0, "made of eight-byte numbers");
    wt_status status = WT_OK;
    memset(moments, 0, count * sizeof *moments);
    for (size_t i = (size_t)wt_comm_rank(comm); i < count && status == WT_OK; i += (size_t)wt_comm_size(comm))
        status = wt_prepare_measure_frames(plan, plan->order[first + i], source, &moments[i]);
    WT_TRY(wt_comm_agree(comm, status));
    wt_comm_sum_int64(comm, (int64_t *)moments, (int)(count * sizeof *moments / sizeof(int64_t)));
    return WT_OK;
}

wt_status wt_share_features(wt_comm *comm, wt_prepare_plan *plan, wt_utterance_source source) {
    const size_t items = (size_t)plan->utterances[WT_SPLIT_TRAIN]; /* they come first in the order */
    wt_frame_moments *moments = NULL;
    wt_status status = WT_OK;
    if (plan->features.count == 0) return WT_OK;
    WT_CHECK(items > 0, WT_USAGE,
             "nothing falls into the training part (--split-seed, --validation, --test)");
    WT_GUARD(wt_comm_agree(comm, wt_alloc(&moments, MEASURED_AT_ONCE + 1, sizeof *moments, "moments")));
    wt_frame_moments *total = &moments[MEASURED_AT_ONCE];
    for (size_t first = 0; first < items; first += MEASURED_AT_ONCE) {
        const size_t count = items - first < MEASURED_AT_ONCE ? items - first : MEASURED_AT_ONCE;
        WT_GUARD(share_moments(comm, plan, &source, first, count, moments));
        for (size_t i = 0; i < count; i++) wt_frame_moments_add(total, &moments[i], plan->features.count);
    }
    wt_frame_moments_finish(&plan->features, total);
cleanup:
    wt_free(moments);
    return status;
}
