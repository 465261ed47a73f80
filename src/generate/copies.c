/* Copies of recordings, drawn side by side and kept, and their scores next to those of controls. */
#include "generate/copies.h"

#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "wavetrain/comm.h"

typedef struct {
    const wt_conditions *conditions;
    float **copies;
    int64_t *made; /* [count] */
    atomic_int next;
} copying;

static bool next_copy(void *context, wt_piece *piece) {
    copying *c = context;
    const int number = atomic_fetch_add(&c->next, 1);
    if (number >= c->conditions->count) return false;
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

wt_status wt_copies_draw(float **copies, const wt_generator *generator, const wt_conditions *conditions,
                         wt_weights weights) {
    copying c = {.conditions = conditions, .copies = copies};
    const wt_piece_work work = {next_copy, take_copy, end_copy, is_copying_interrupted, &c};
    wt_status status = WT_OK;
    WT_CHECK(generator->channels == 1, WT_USAGE, "%s: the network's samples have %d channels (expected 1)",
             wt_checkpoint_path(generator->checkpoint), generator->channels);
    WT_GUARD(wt_alloc(&c.made, (size_t)conditions->count, sizeof *c.made, "copies"));
    for (int i = 0; i < conditions->count; i++)
        WT_GUARD(wt_alloc(&copies[i], (size_t)conditions->list[i].samples, sizeof(float), "a copy"));
    WT_GUARD(wt_pieces_draw_together(generator, weights, conditions->count, &work));
cleanup:
    wt_free(c.made);
    return status;
}

/* --- scores --- */

static wt_status make_control(float *sound, const wt_conditions *conditions, int i, int rate,
                              wt_copy_control control) {
    const wt_followed *own = &conditions->list[i], *other = &conditions->list[(i + 1) % conditions->count];
    switch (control) {
    case WT_CONTROL_MULAW: wt_copy_mulaw(sound, own->original, own->samples); return WT_OK;
    case WT_CONTROL_NOISE: return wt_copy_noise(sound, own->original, own->samples, rate, (uint64_t)i + 1);
    default: wt_copy_other(sound, own->samples, other->original, other->samples); return WT_OK;
    }
}

wt_status wt_copies_score(wt_copy_score *scores, float *const *copies, const wt_conditions *conditions,
                          int rate) {
    for (int i = 0; i < conditions->count; i++) {
        const wt_followed *own = &conditions->list[i];
        WT_TRY(wt_copy_score_measure(&scores[i], own->original, copies[i], own->samples, rate));
    }
    return WT_OK;
}

wt_status wt_copies_score_control(wt_copy_score *scores, const wt_conditions *conditions, int rate,
                                  wt_copy_control control) {
    for (int i = 0; i < conditions->count; i++) {
        const wt_followed *own = &conditions->list[i];
        float *sound;
        WT_TRY(wt_alloc(&sound, (size_t)own->samples, sizeof *sound, "a control"));
        wt_status status = make_control(sound, conditions, i, rate, control);
        if (status == WT_OK)
            status = wt_copy_score_measure(&scores[i], own->original, sound, own->samples, rate);
        wt_free(sound);
        WT_TRY(status);
    }
    return WT_OK;
}
