/*
 * Copies of recordings, drawn side by side and kept, and their scores next to those of controls. Rank r of P
 * makes copies ⌊rN/P⌋ … ⌊(r + 1)N/P⌋ − 1, so that what ranks have, one after another, is in order.
 */
#include "generate/copies.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"

/* A rank's share. */
typedef struct {
    const wt_conditions *conditions;
    int first, end;
    float **copies; /* [conditions' count]; NULL: another rank's */
    int64_t *made;  /* [conditions' count] */
    atomic_int next;
} copying;

static bool next_copy(void *context, wt_piece *piece) {
    copying *c = context;
    const int number = atomic_fetch_add(&c->next, 1);
    if (number >= c->end) return false;
    const wt_followed *followed = &c->conditions->list[number];
    *piece = (wt_piece){
        .number = (uint64_t)number, .stop = -1, .max = followed->samples, .condition = &followed->condition};
    return true;
}

static wt_status take_copy(void *context, uint64_t number, const float *samples, int count) {
    copying *c = context;
    memcpy(c->copies[number] + c->made[number], samples, (size_t)count * sizeof *samples);
    c->made[number] += count;
    return WT_OK;
}

static wt_status end_copy(void *context, uint64_t number, wt_piece_end how) {
    (void)context, (void)number;
    WT_CHECK(how == WT_PIECE_FULL || how == WT_PIECE_ABANDONED, WT_FAILED, "stopped by a signal");
    return WT_OK;
}

static bool is_copying_interrupted(void *context) {
    (void)context;
    return wt_comm_signal() != 0;
}

static wt_status draw_copies(copying *c, const wt_generator *generator, wt_weights weights) {
    const wt_piece_work work = {next_copy, take_copy, end_copy, is_copying_interrupted, c};
    WT_CHECK(generator->channels == 1, WT_USAGE, "%s: the network's samples have %d channels (expected 1)",
             wt_checkpoint_path(generator->checkpoint), generator->channels);
    for (int i = c->first; i < c->end; i++)
        WT_TRY(wt_alloc(&c->copies[i], (size_t)c->conditions->list[i].samples, sizeof(float), "a copy"));
    c->next = c->first;
    return wt_pieces_draw_together(generator, weights, c->end - c->first, &work);
}

/* --- scores --- */

/* A copy that is bad in a known way. */
static wt_status make_control(float *sound, const wt_conditions *conditions, int i, int rate,
                              wt_copy_kind kind) {
    const wt_followed *own = &conditions->list[i], *other = &conditions->list[(i + 1) % conditions->count];
    switch (kind) {
    case WT_COPY_MULAW: wt_copy_mulaw(sound, own->original, own->samples); return WT_OK;
    case WT_COPY_NOISE: return wt_copy_noise(sound, own->original, own->samples, rate, (uint64_t)i + 1);
    default: wt_copy_other(sound, own->samples, other->original, other->samples); return WT_OK;
    }
}

/* scores [WT_COPY_KINDS] of recording i. */
static wt_status score_copy(wt_copy_score *scores, const copying *c, int i, int rate) {
    const wt_followed *own = &c->conditions->list[i];
    float *sound;
    wt_status status = WT_OK;
    WT_TRY(wt_copy_score_measure(&scores[WT_COPY_OWN], own->original, c->copies[i], own->samples, rate));
    WT_TRY(wt_alloc(&sound, (size_t)own->samples, sizeof *sound, "a control"));
    for (int kind = WT_COPY_OWN + 1; kind < WT_COPY_KINDS; kind++) {
        WT_GUARD(make_control(sound, c->conditions, i, rate, (wt_copy_kind)kind));
        WT_GUARD(wt_copy_score_measure(&scores[kind], own->original, sound, own->samples, rate));
    }
cleanup:
    wt_free(sound);
    return status;
}

/* --- ranks --- */

static wt_status make_share(copying *c, wt_copy_score *scores, const wt_generator *generator,
                            wt_weights weights) {
    WT_TRY(draw_copies(c, generator, weights));
    for (int i = c->first; i < c->end; i++)
        WT_TRY(score_copy(scores + (i - c->first) * WT_COPY_KINDS, c, i, generator->rate));
    return WT_OK;
}

/* Rank 0 gets `copies`, which is allocated there, of scores of each rank's share and of shown copies. */
static void gather_copies(wt_copies *copies, wt_comm *comm, const copying *c, const wt_copy_score *scores) {
    const bool root = wt_comm_rank(comm) == 0;
    wt_comm_gather(comm, scores, (size_t)(c->end - c->first) * WT_COPY_KINDS * sizeof *scores,
                   copies->scores);
    for (int i = 0; i < WT_COPIES_SHOWN && i < c->conditions->count; i++) {
        const bool mine = i >= c->first && i < c->end;
        const size_t bytes = (size_t)c->conditions->list[i].samples * sizeof(float);
        wt_comm_gather(comm, mine ? c->copies[i] : NULL, mine ? bytes : 0, root ? copies->shown[i] : NULL);
    }
}

static wt_status reserve_copies(wt_copies *copies, const wt_conditions *conditions) {
    WT_TRY(wt_alloc(&copies->scores, (size_t)conditions->count * WT_COPY_KINDS, sizeof *copies->scores,
                    "scores of copies"));
    for (int i = 0; i < WT_COPIES_SHOWN && i < conditions->count; i++)
        WT_TRY(wt_alloc(&copies->shown[i], (size_t)conditions->list[i].samples, sizeof(float), "a copy"));
    return WT_OK;
}

static wt_status reserve_share(copying *c, wt_copy_score **scores) {
    const size_t count = (size_t)c->conditions->count, own = (size_t)(c->end - c->first);
    WT_TRY(wt_alloc(&c->copies, count, sizeof *c->copies, "copies"));
    WT_TRY(wt_alloc(&c->made, count, sizeof *c->made, "copies"));
    return wt_alloc(scores, own * WT_COPY_KINDS, sizeof **scores, "scores of copies");
}

wt_status wt_copies_make(wt_copies *copies, wt_comm *comm, const wt_generator *generator,
                         const wt_conditions *conditions, wt_weights weights) {
    const int64_t count = conditions->count, rank = wt_comm_rank(comm), ranks = wt_comm_size(comm);
    copying c = {.conditions = conditions,
                 .first = (int)(rank * count / ranks),
                 .end = (int)((rank + 1) * count / ranks)};
    wt_copy_score *scores = NULL;
    wt_status status = WT_OK;
    *copies = (wt_copies){.scores = NULL};
    if (rank == 0) status = reserve_copies(copies, conditions);
    if (status == WT_OK) status = reserve_share(&c, &scores);
    if (status == WT_OK) status = make_share(&c, scores, generator, weights);
    WT_GUARD(wt_comm_agree(comm, status));
    gather_copies(copies, comm, &c, scores);
cleanup:
    for (int i = c.first; c.copies && i < c.end; i++) wt_free(c.copies[i]);
    wt_free(c.copies);
    wt_free(c.made);
    wt_free(scores);
    return status;
}

void wt_copies_dispose(wt_copies *copies) {
    for (int i = 0; i < WT_COPIES_SHOWN; i++) wt_free(copies->shown[i]);
    wt_free(copies->scores);
    *copies = (wt_copies){.scores = NULL};
}

/* --- reports --- */

static double share_of_frames(int64_t part, int64_t whole) {
    return whole ? (double)part / (double)whole : 0;
}

wt_copy_summary wt_copies_summarise(const wt_copies *copies, int first, int count, wt_copy_kind kind) {
    double distance = 0, flatness = 0, original = 0;
    int64_t voiced = 0, unvoiced = 0, both = 0, in_tune = 0, invented = 0;
    for (int i = first; i < first + count; i++) {
        const wt_copy_score *score = &copies->scores[i * WT_COPY_KINDS + (int)kind];
        distance += score->distance / count;
        flatness += score->flatness;
        original += score->original_flatness;
        voiced += score->voiced;
        unvoiced += score->unvoiced;
        both += score->both;
        in_tune += score->in_tune;
        invented += score->invented;
    }
    return (wt_copy_summary){distance, flatness / fmax(original, 1e-12), share_of_frames(both, voiced),
                             share_of_frames(in_tune, both), share_of_frames(invented, unvoiced)};
}

wt_status wt_copies_plot(const wt_copies *copies, const wt_conditions *conditions, int rate,
                         const char *png) {
    wt_copy_sounds pairs[WT_COPIES_SHOWN];
    const int count = conditions->count < WT_COPIES_SHOWN ? conditions->count : WT_COPIES_SHOWN;
    for (int i = 0; i < count; i++) {
        const wt_followed *f = &conditions->list[i];
        pairs[i] = (wt_copy_sounds){f->name, f->original, copies->shown[i], f->samples};
    }
    return wt_copy_plot(pairs, count, rate, png);
}
