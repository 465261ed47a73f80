/* Pairs of recordings brought together, by all ranks. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "prepare_internal.h"

#define TO_BE_FOUND INT64_MAX

static wt_status parse_delay(int64_t *delay, const char *text) {
    enum { LARGEST = 1 << 24 };
    char *end;
    *delay = TO_BE_FOUND;
    if (strcmp(text, "auto") == 0) return WT_OK;
    const long long number = strtoll(text, &end, 10);
    WT_CHECK(*text && !*end && number >= -LARGEST && number <= LARGEST, WT_USAGE,
             "--align: got %s, expected auto or a number of samples", text);
    *delay = number;
    return WT_OK;
}

/* Those that can't be read are another's matter. */
static bool are_there(const wt_recordings *list, const wt_recordings *targets, size_t i) {
    return list->files[i].format.frames > 0 && targets->files[i].format.frames > 0;
}

/* Of this rank's share; the others' stay 0. */
static wt_status examine_share(const wt_comm *comm, wt_pair *pairs, int64_t given, const wt_recordings *list,
                               const wt_recordings *targets, const wt_audio_options *options) {
    const size_t rank = (size_t)wt_comm_rank(comm), ranks = (size_t)wt_comm_size(comm);
    for (size_t i = rank; i < list->count; i += ranks) {
        if (!are_there(list, targets, i)) continue;
        WT_TRY(wt_align_examine(&pairs[i], &list->files[i], &targets->files[i], options,
                                given == TO_BE_FOUND ? NULL : &given));
    }
    return WT_OK;
}

wt_status wt_align_pairs(wt_comm *comm, const char *text, wt_recordings *list, wt_recordings *targets,
                         const wt_audio_options *options) {
    wt_pair *pairs = NULL;
    int64_t given;
    wt_status status = parse_delay(&given, text);
    if (status == WT_OK) status = wt_alloc(&pairs, list->count, sizeof *pairs, "pairs of recordings");
    if (status == WT_OK) status = examine_share(comm, pairs, given, list, targets, options);
    status = wt_comm_agree(comm, status);
    if (status == WT_OK) wt_comm_sum_int64(comm, (int64_t *)pairs, 2 * (int)list->count);
    for (size_t i = 0; i < list->count && status == WT_OK; i++) {
        if (are_there(list, targets, i))
            status = wt_align_shift(&pairs[i], &list->files[i], &targets->files[i]);
    }
    wt_free(pairs);
    return wt_comm_agree(comm, status);
}
