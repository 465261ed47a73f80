/*
 * Who is slow? Ranks wait for the slowest, so that the time of a step says nothing of it. What a rank takes
 * before the exchange, without waiting for others, does: it travels to rank 0 with each step's results, where
 * it is kept for the last steps of each rank. Now and then rank 0 takes the medians, and names the ranks
 * whose median is beyond that of the median rank by more than a share. A median leaves out the odd slow step;
 * of an even number of ranks the lower middle one counts, so that of two ranks the slower one is seen.
 *
 * Ranks may have a microbatch more than others: of such a rank, time in proportion to the microbatches is
 * taken for granted.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/order.h"
#include "train_internal.h"

enum { WT_KEPT = 64 /* steps of an interval */, WT_LEAST_STEPS = 8 };

wt_status wt_stragglers_init(wt_stragglers *s, int ranks, int microbatches, double share) {
    const size_t count = (size_t)ranks;
    memset(s, 0, sizeof *s);
    s->ranks = ranks;
    s->microbatches = microbatches;
    s->share = share;
    s->since = wt_time_now();
    if (ranks == 1 || share == 0) return WT_OK;
    WT_TRY(wt_alloc(&s->busy, count * WT_KEPT, sizeof *s->busy, "times of ranks"));
    WT_TRY(wt_alloc(&s->medians, count, sizeof *s->medians, "times of ranks"));
    WT_TRY(wt_alloc(&s->sums, count, sizeof *s->sums, "times of ranks"));
    WT_TRY(wt_alloc(&s->sorted, count > WT_KEPT ? count : WT_KEPT, sizeof *s->sorted, "times of ranks"));
    WT_TRY(wt_alloc(&s->slow, count, sizeof *s->slow, "times of ranks"));
    return wt_alloc(&s->was_slow, count, sizeof *s->was_slow, "times of ranks");
}

void wt_stragglers_dispose(wt_stragglers *s) {
    wt_free(s->busy);
    wt_free(s->medians);
    wt_free(s->sums);
    wt_free(s->sorted);
    wt_free(s->slow);
    wt_free(s->was_slow);
    memset(s, 0, sizeof *s);
}

void wt_stragglers_note(wt_stragglers *s, int rank, double seconds) {
    if (!s->busy) return;
    s->busy[rank * WT_KEPT + s->steps % WT_KEPT] = seconds;
    if (rank == s->ranks - 1) s->steps++;
}

/* --- medians --- */

static double find_lower_median(wt_stragglers *s, const double *values, int count) {
    memcpy(s->sorted, values, (size_t)count * sizeof *values);
    wt_order_sort(s->sorted, (size_t)count);
    return s->sorted[(count - 1) / 2];
}

static int count_rank_microbatches(const wt_stragglers *s, int rank) {
    int first, end;
    wt_comm_microbatches(rank, s->ranks, s->microbatches, &first, &end);
    return end - first;
}

/* From a time of each rank: which are slow, the median, the slowest. */
static void judge_ranks(wt_stragglers *s, const double *times) {
    int middle = 0;
    s->median = find_lower_median(s, times, s->ranks);
    while (times[middle] != s->median) middle++;
    const double microbatches = count_rank_microbatches(s, middle);
    s->any = false;
    s->slowest = 0;
    for (int rank = 0; rank < s->ranks; rank++) {
        const double more = count_rank_microbatches(s, rank) / microbatches;
        s->slow[rank] = times[rank] > (1 + s->share) * (more > 1 ? more : 1) * s->median;
        s->any |= s->slow[rank];
        if (times[rank] > times[s->slowest]) s->slowest = rank;
    }
    s->slowest_time = times[s->slowest];
}

static void end_interval(wt_stragglers *s) {
    const int kept = s->steps < WT_KEPT ? (int)s->steps : WT_KEPT;
    for (int rank = 0; rank < s->ranks; rank++) {
        s->medians[rank] = find_lower_median(s, s->busy + rank * WT_KEPT, kept);
        s->sums[rank] += s->medians[rank];
    }
    s->intervals++;
    s->steps = 0;
    s->since = wt_time_now();
}

bool wt_stragglers_changed(wt_stragglers *s, double seconds) {
    if (!s->busy || s->steps < WT_LEAST_STEPS || wt_time_now() - s->since < seconds) return false;
    end_interval(s);
    judge_ranks(s, s->medians);
    const size_t bytes = (size_t)s->ranks * sizeof *s->slow;
    const bool changed = memcmp(s->slow, s->was_slow, bytes) != 0;
    memcpy(s->was_slow, s->slow, bytes);
    return changed;
}

bool wt_stragglers_conclude(wt_stragglers *s) {
    if (!s->busy) return false;
    if (s->steps >= WT_LEAST_STEPS || (s->steps > 0 && s->intervals == 0)) end_interval(s);
    if (s->intervals == 0) return false;
    for (int rank = 0; rank < s->ranks; rank++) s->medians[rank] = s->sums[rank] / s->intervals;
    judge_ranks(s, s->medians);
    return true;
}

/* --- words --- */

/* "rank 1 on a, ranks 4, 5 on b": slow ones, those of a host that follow each other together. */
void wt_stragglers_names(char *text, size_t room, const wt_stragglers *s, const wt_place *places) {
    size_t used = 0;
    text[0] = '\0';
    for (int rank = 0; rank < s->ranks && used + 1 < room; rank++) {
        if (!s->slow[rank]) continue;
        int end = rank + 1;
        while (end < s->ranks && s->slow[end] && strcmp(places[end].host, places[rank].host) == 0) end++;
        used += (size_t)snprintf(text + used, room - used, "%srank%s %d", used ? ", " : "",
                                 end - rank > 1 ? "s" : "", rank);
        if (end - rank > 1 && used < room)
            used += (size_t)snprintf(text + used, room - used, end - rank > 2 ? "–%d" : ", %d", end - 1);
        if (used < room) used += (size_t)snprintf(text + used, room - used, " on %s", places[rank].host);
        rank = end - 1;
    }
}

void wt_stragglers_text(char *text, size_t room, const wt_stragglers *s, const wt_place *places) {
    char names[256];
    wt_stragglers_names(names, sizeof names, s, places);
    snprintf(text, room, "%s (%.2f ms per step before the exchange, the median rank %.2f)", names,
             1e3 * s->slowest_time, 1e3 * s->median);
}
