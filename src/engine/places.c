/*
 * Where rows stand, and what waits for what.
 *
 * Rows that one stage alone touches stand in the thread's scratch, a tile of them. What forward leaves for
 * backward has a place of its own in the arena. Everything else takes turns in slots of rows of one width,
 * as long as a stage needs it; a row of a slot stands at the same place whoever has it, so that
 * neighbouring stages may be at work in a slot at the same time, on other rows. Forward's slots and
 * backward's lie over each other.
 *
 * A stage waits for rows that it reads, and for the readers of rows that it overwrites: both follow from
 * the list of uses.
 */
#include <limits.h>

#include "operators.h"

/* A buffer's stages in one phase; first > last: none. */
typedef struct {
    int first, last;
    bool read_first;
    int previous; /* the buffer that had its slot before; −1: none */
} lifetime;

/* Rows of one width that buffers take in turn. */
typedef struct {
    int buffer, last; /* who has it, until this stage */
    size_t at, size, stride;
} slot;

typedef struct {
    wt_engine *e;
    wt_engine_plan *plan;
    lifetime *lives[WT_PHASES]; /* [buffers] */
    int *newest_use;            /* [buffers]: −1: none */
    int32_t *halo;              /* [stages]: of a stage that waits for them */
    slot *slots;                /* [buffers] */
} placing;

/* Elements of a window's rows; of targets all of them. */
static size_t stride_of(const wt_engine *e, const wt_buffer *b) {
    const size_t channels = (size_t)b->channels, targets = (size_t)e->shape.targets;
    if (b->extent == WT_EXTENT_WINDOW) return channels;
    if (b->extent == WT_EXTENT_FRAMES)
        return wt_engine_whole_lines(((size_t)e->plan->frames + (size_t)b->left) * channels);
    if (b->extent == WT_EXTENT_TIME)
        return wt_engine_whole_lines((targets + (size_t)(b->left + b->carry)) * channels);
    return wt_engine_whole_lines((size_t)e->shape.windows * targets * (size_t)b->rows * channels);
}

static size_t size_of(const wt_engine *e, const wt_buffer *b) {
    const size_t stride = stride_of(e, b);
    return b->extent == WT_EXTENT_TARGETS ? stride : wt_engine_whole_lines(stride * (size_t)e->shape.windows);
}

static wt_place place_of(const wt_engine *e, const wt_buffer *b, wt_place_kind kind, size_t at) {
    return (wt_place){.kind = kind, .at = at, .stride = b->extent == WT_EXTENT_TARGETS ? 0 : stride_of(e, b)};
}

/* --- lifetimes --- */

static void find_lives(placing *p) {
    wt_engine_plan *plan = p->plan;
    for (int b = 0; b < plan->buffer_count; b++) {
        p->newest_use[b] = -1;
        p->lives[WT_FORWARD][b] = p->lives[WT_BACKWARD][b] = (lifetime){INT_MAX, -1, false, -1};
    }
    for (int n = 0; n < plan->use_count; n++) {
        wt_use *use = &plan->uses[n];
        lifetime *life = &p->lives[plan->stages[use->stage].phase][use->buffer];
        if (life->last < 0) {
            life->first = use->stage;
            life->read_first = !(use->how & WT_WRITES);
        }
        life->last = use->stage;
        if (p->e->shape.carries && use->delay > plan->buffers[use->buffer].carry)
            plan->buffers[use->buffer].carry = use->delay;
        use->next = p->newest_use[use->buffer];
        p->newest_use[use->buffer] = n;
    }
    for (int b = 0; b < plan->buffer_count; b++)
        plan->buffers[b].kept = p->lives[WT_BACKWARD][b].read_first || plan->buffers[b].carry > 0;
    if (!p->e->shape.backward) plan->buffers[plan->values[p->e->graph->outputs].buffer].kept = true;
}

/* --- scratch, the arena, slots --- */

static void place_kept(placing *p) {
    for (int b = 0; b < p->plan->buffer_count; b++) {
        wt_buffer *buffer = &p->plan->buffers[b];
        if (!buffer->kept || buffer->places[WT_FORWARD].kind != WT_PLACE_NONE) continue; /* the batch's */
        const size_t carried = (size_t)buffer->carry * (size_t)buffer->channels;
        buffer->places[WT_FORWARD] = place_of(p->e, buffer, WT_PLACE_ROWS, p->plan->sizes.arena + carried);
        buffer->places[WT_BACKWARD] = buffer->places[WT_FORWARD];
        p->plan->sizes.arena += size_of(p->e, buffer);
    }
}

static bool fits_scratch(const wt_buffer *b, const lifetime *life, const wt_stage *stage) {
    return life->first == life->last && !b->whole && b->extent == stage->extent &&
           (b->extent == WT_EXTENT_TIME || b->extent == WT_EXTENT_TARGETS) &&
           stage->tile_rows < INT32_MAX / 2;
}

/* Takes a slot that is free before `stage` and has rows like the buffer's; else a new one (`slots[count]`).
 * Returns its number. */
static int take_slot(placing *p, int b, lifetime *life, int count) {
    const wt_buffer *buffer = &p->plan->buffers[b];
    int n = 0;
    for (; n < count; n++) {
        const wt_buffer *had = &p->plan->buffers[p->slots[n].buffer];
        if (p->slots[n].last < life->first && had->extent == buffer->extent &&
            had->channels * had->rows == buffer->channels * buffer->rows)
            break;
    }
    slot *taken = &p->slots[n];
    const size_t size = size_of(p->e, buffer), stride = place_of(p->e, buffer, WT_PLACE_ROWS, 0).stride;
    if (n == count) *taken = (slot){.buffer = -1};
    life->previous = taken->buffer;
    taken->buffer = b;
    taken->last = life->last;
    if (size > taken->size) taken->size = size;
    if (stride > taken->stride) taken->stride = stride;
    return n;
}

/* A slot is as large as its largest buffer, and its windows are as far apart as the widest needs: places are
 * known when all have theirs. Returns the slots' elements. */
static size_t place_slots(placing *p, int phase) {
    wt_engine_plan *plan = p->plan;
    size_t used = 0;
    int count = 0;
    for (int s = 0; s < plan->stage_count; s++) {
        size_t scratch = 0;
        for (int b = 0; b < plan->buffer_count; b++) {
            wt_buffer *buffer = &plan->buffers[b];
            lifetime *life = &p->lives[phase][b];
            const wt_stage *stage = &plan->stages[s];
            if (life->first != s || buffer->places[phase].kind != WT_PLACE_NONE) continue;
            if (fits_scratch(buffer, life, stage)) {
                const size_t rows = (size_t)stage->tile_rows *
                                    (size_t)(buffer->extent == WT_EXTENT_TARGETS ? buffer->rows : 1);
                buffer->places[phase] = place_of(p->e, buffer, WT_PLACE_SCRATCH, scratch);
                scratch += wt_engine_whole_lines(rows * (size_t)buffer->channels);
            } else {
                const int taken = take_slot(p, b, life, count);
                if (taken == count) count++;
                buffer->places[phase] = (wt_place){.kind = WT_PLACE_ROWS, .at = (size_t)taken};
            }
        }
        if (scratch > plan->sizes.scratch) plan->sizes.scratch = scratch;
    }
    for (int n = 0; n < count; n++) {
        p->slots[n].at = plan->sizes.arena + used;
        used += p->slots[n].size;
    }
    for (int b = 0; b < plan->buffer_count; b++) {
        wt_place *place = &plan->buffers[b].places[phase];
        if (place->kind != WT_PLACE_ROWS || plan->buffers[b].kept) continue;
        place->stride = p->slots[place->at].stride;
        place->at = p->slots[place->at].at;
    }
    return used;
}

/* --- partial sums --- */

/* Rows that a group of a stage has at most. */
static int64_t group_rows(const wt_engine *e, const wt_stage *stage) {
    const int64_t targets = e->shape.targets;
    if (stage->extent == WT_EXTENT_WINDOW) return 1;
    if (stage->extent == WT_EXTENT_FRAMES) return (int64_t)e->plan->frames + stage->left;
    return stage->extent == WT_EXTENT_TIME ? targets + stage->left : targets * e->microbatch_windows;
}

/* Sums of stages of one extent, or of the loss's. They take turns in WT_SUM_SETS sets, in which a unit's
 * sums stand at the same place whosever they are, so that a stage may follow another one while that is
 * still at other windows (in turn one set is enough). Forward's are gone before backward's come. */
static void place_sums(placing *p, wt_extent extent, bool turns) {
    wt_engine_plan *plan = p->plan;
    size_t each = 0;
    int units = 0, backward = 0, set = 0;
    for (int s = 0; s < plan->stage_count; s++) {
        const wt_stage *stage = &plan->stages[s];
        if (stage->extent != extent || stage->turns != turns || !stage->sums_each) continue;
        const size_t own = wt_engine_whole_lines(stage->sums_each);
        if (own > each) each = own;
        const int most = wt_tasks_count(group_rows(p->e, stage), stage->unit_rows);
        if (most > units) units = most;
        backward += stage->phase == WT_BACKWARD;
    }
    const int sets = backward == 0 || plan->norm_sums ? 1 : backward < WT_SUM_SETS ? backward : WT_SUM_SETS;
    const int windows = p->e->shape.windows;
    const int groups = extent == WT_EXTENT_TARGETS ? wt_engine_count_microbatches(p->e, windows) : windows;
    const size_t size = each * (size_t)units * (size_t)groups;
    for (int s = 0; s < plan->stage_count; s++) {
        wt_stage *stage = &plan->stages[s];
        if (stage->extent != extent || stage->turns != turns || !stage->sums_each) continue;
        stage->sums_stride = each;
        stage->sums_units = units;
        stage->sums_at = plan->sizes.sums + (size_t)(stage->phase == WT_BACKWARD ? set++ % sets : 0) * size;
    }
    plan->sizes.sums += (size_t)sets * size;
}

/* --- tasks --- */

static void wait_for(placing *p, int stage, int64_t halo) {
    const int32_t rows = halo >= WT_ALL_ROWS ? WT_ALL_ROWS : (int32_t)halo;
    if (rows > p->halo[stage]) p->halo[stage] = rows;
}

/* Use `own` of a later stage waits for use `before`; `shift`: rows that the buffers' beginnings are apart. */
static void wait_for_use(placing *p, const wt_use *own, const wt_use *before, int shift) {
    const wt_stage *s = &p->plan->stages[own->stage], *w = &p->plan->stages[before->stage];
    if (s->phase != w->phase || before->stage >= own->stage) return;
    const bool rows = s->extent == w->extent && !((own->how | before->how) & WT_WHOLE) &&
                      s->extent != WT_EXTENT_WINDOW;
    if (!rows) {
        wait_for(p, before->stage, WT_ALL_ROWS);
    } else if (s->extent == WT_EXTENT_TARGETS) {
        wait_for(p, before->stage, 0);
    } else {
        wait_for(p, before->stage, (int64_t)w->left - s->left - own->delay + before->delay + shift);
    }
}

/* A buffer's first use waits for those of the buffers that had its slot before; of earlier ones only where
 * they reach beyond the rows of the later ones. */
static void wait_for_slot(placing *p, const wt_use *use, int previous) {
    const wt_buffer *buffers = p->plan->buffers;
    const wt_pass_phase phase = p->plan->stages[use->stage].phase;
    for (int covered = -1; previous >= 0; previous = p->lives[phase][previous].previous) {
        if (buffers[previous].left <= covered) continue;
        covered = buffers[previous].left;
        for (int w = p->newest_use[previous]; w >= 0; w = p->plan->uses[w].next)
            wait_for_use(p, use, &p->plan->uses[w], buffers[use->buffer].left - buffers[previous].left);
    }
}

/* What a stage adds up, or who had the set of its sums before: a stage of sums stands right behind the one
 * whose parts it adds up. */
static void wait_for_sums(placing *p, int stage) {
    const wt_engine_plan *plan = p->plan;
    const wt_stage *own = &plan->stages[stage];
    if (own->kind == WT_STAGE_SUMS && plan->stages[stage - 1].phase == own->phase)
        wait_for(p, stage - 1, WT_ALL_ROWS);
    if (own->phase != WT_BACKWARD || own->sums_each == 0) return;
    for (int s = stage - 1; s > 0; s--) {
        if (plan->stages[s].kind != WT_STAGE_SUMS || plan->stages[s - 1].turns ||
            plan->stages[s - 1].sums_at != own->sums_at)
            continue;
        wait_for(p, s, WT_ALL_ROWS);
        return;
    }
}

static wt_status add_dependencies(placing *p, int stage) {
    wt_engine_plan *plan = p->plan;
    const wt_pass_phase phase = plan->stages[stage].phase;
    const int first = phase == WT_BACKWARD ? plan->forward_count : 0;
    for (int before = 0; before < stage; before++) p->halo[before] = INT32_MIN;
    for (int n = 0; n < plan->use_count; n++) {
        const wt_use *use = &plan->uses[n];
        if (use->stage != stage) continue;
        for (int w = p->newest_use[use->buffer]; w >= 0; w = plan->uses[w].next) {
            if ((use->how | plan->uses[w].how) & WT_WRITES) wait_for_use(p, use, &plan->uses[w], 0);
        }
        const lifetime *life = &p->lives[phase][use->buffer];
        if (life->first == stage) wait_for_slot(p, use, life->previous);
    }
    wait_for_sums(p, stage);
    for (int before = stage - 1; before >= first; before--) {
        if (p->halo[before] != INT32_MIN)
            WT_TRY(wt_tasks_depend(&plan->tasks[phase], before - first, p->halo[before]));
    }
    return WT_OK;
}

static wt_task_stage describe_task(const wt_engine *e, const wt_stage *stage, int number) {
    wt_task_stage task = {.argument = number, .unit_rows = stage->unit_rows, .units = stage->units};
    if (stage->kind != WT_STAGE_TILES) {
        task.work = stage->kind == WT_STAGE_PANELS ? wt_engine_run_panel : wt_engine_sum_chunk;
        task.of_microbatches = true;
        return task;
    }
    task.work = wt_engine_run_tiles;
    if (stage->after_op) task.after = wt_engine_run_after;
    task.of_microbatches = stage->extent == WT_EXTENT_TARGETS;
    task.rows = group_rows(e, stage);
    task.units = wt_tasks_count(task.rows, task.unit_rows);
    return task;
}

static wt_status make_tasks(placing *p) {
    wt_engine_plan *plan = p->plan;
    const int counts[WT_PHASES] = {plan->forward_count, plan->stage_count - plan->forward_count};
    for (int phase = 0; phase < WT_PHASES; phase++)
        WT_TRY(wt_tasks_create(&plan->tasks[phase], counts[phase], p->e->shape.windows,
                               p->e->microbatch_windows));
    for (int s = 0; s < plan->stage_count; s++) {
        const wt_task_stage task = describe_task(p->e, &plan->stages[s], s);
        wt_tasks_add(&plan->tasks[plan->stages[s].phase], &task);
        WT_TRY(add_dependencies(p, s));
    }
    return WT_OK;
}

/* --- the whole --- */

static wt_status place_all(placing *p) {
    wt_engine_plan *plan = p->plan;
    const size_t buffers = (size_t)plan->buffer_count;
    WT_TRY(wt_alloc(&p->lives[0], 2 * buffers, sizeof(lifetime), "the plan"));
    p->lives[1] = p->lives[0] + buffers;
    WT_TRY(wt_alloc(&p->newest_use, buffers, sizeof(int), "the plan"));
    WT_TRY(wt_alloc(&p->slots, buffers, sizeof(slot), "the plan"));
    WT_TRY(wt_alloc(&p->halo, (size_t)plan->stage_count, sizeof(int32_t), "the plan"));
    find_lives(p);
    place_kept(p);
    const size_t forward = place_slots(p, WT_FORWARD), backward = place_slots(p, WT_BACKWARD);
    plan->sizes.arena += forward > backward ? forward : backward;
    place_sums(p, p->e->plan->stages[plan->forward_count - 1].extent, true);
    for (int extent = WT_EXTENT_TIME; extent <= WT_EXTENT_WINDOW; extent++) place_sums(p, extent, false);
    return make_tasks(p);
}

void wt_engine_plan_places(wt_engine *e) {
    placing p = {.e = e, .plan = e->plan};
    if (e->plan->status == WT_OK) e->plan->status = place_all(&p);
    wt_free(p.lives[0]);
    wt_free(p.newest_use);
    wt_free(p.slots);
    wt_free(p.halo);
}

/* Of streams: rows of time in rings that reach as far back as somebody reads, [ring, stream, channels]. */
void wt_engine_plan_rings(wt_engine *e) {
    wt_engine_plan *plan = e->plan;
    for (int b = 0; b < plan->buffer_count; b++) {
        wt_buffer *buffer = &plan->buffers[b];
        const bool time = buffer->extent == WT_EXTENT_TIME;
        const size_t row = (size_t)e->shape.windows * (size_t)buffer->channels;
        wt_place *place = &buffer->places[WT_FORWARD];
        if (place->kind == WT_PLACE_CONDITION) continue;
        *place = place_of(e, buffer, time ? WT_PLACE_RING : WT_PLACE_ROWS, plan->sizes.arena);
        place->ring = 1;
        if (time) place->stride = row;
        for (int n = 0; n < plan->use_count; n++) {
            if (plan->uses[n].buffer == b && plan->uses[n].delay >= place->ring)
                place->ring = plan->uses[n].delay + 1;
        }
        plan->sizes.arena += time ? wt_engine_whole_lines((size_t)place->ring * row) : size_of(e, buffer);
    }
}
