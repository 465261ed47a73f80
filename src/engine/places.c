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
#include "wavetrain/memory.h"

/* A buffer's stages in one phase; first > last: none. */
typedef struct {
    int first, last;
    bool read_first;
    int previous; /* the buffer that had its slot before; −1: none */
} lifetime;

typedef struct {
    int buffer, last; /* who has it, until this stage */
    size_t at, size;
} slot;

typedef struct {
    wt_engine_plan *plan;
    const wt_engine *e;
    lifetime *lives[WT_PHASES]; /* [buffers] */
    int *head, *next;           /* uses of each buffer, the newest first */
    int32_t *reach;             /* [stages] */
    slot *slots;
    int slot_count;
} placing;

/* Elements of a window's rows; of targets all of them. */
static size_t stride_of(const wt_engine *e, const wt_buffer *b) {
    const size_t channels = (size_t)b->channels, targets = (size_t)e->shape.targets;
    if (b->extent == WT_EXTENT_WINDOW) return channels;
    if (b->extent == WT_EXTENT_TIME) return wt_whole_lines((targets + (size_t)b->left) * channels);
    return wt_whole_lines((size_t)e->shape.windows * targets * (size_t)b->rows * channels);
}

static size_t size_of(const wt_engine *e, const wt_buffer *b) {
    const size_t stride = stride_of(e, b);
    return b->extent == WT_EXTENT_TARGETS ? stride : wt_whole_lines(stride * (size_t)e->shape.windows);
}

static void put(const wt_engine *e, wt_buffer *b, int phase, wt_place_kind kind, size_t at) {
    b->places[phase].kind = kind;
    b->places[phase].at = at;
    b->places[phase].stride = b->extent == WT_EXTENT_TARGETS ? 0 : stride_of(e, b);
}

/* --- lifetimes --- */

static void find_lives(placing *p) {
    wt_engine_plan *plan = p->plan;
    for (int b = 0; b < plan->buffer_count; b++) {
        p->head[b] = -1;
        for (int phase = 0; phase < WT_PHASES; phase++)
            p->lives[phase][b] = (lifetime){INT_MAX, -1, false, -1};
    }
    for (int n = 0; n < plan->use_count; n++) {
        const struct wt_use *use = &plan->uses[n];
        lifetime *life = &p->lives[plan->stages[use->stage].phase][use->buffer];
        if (life->last < 0) life->read_first = !use->writes;
        if (use->stage < life->first) life->first = use->stage;
        if (use->stage > life->last) life->last = use->stage;
        p->next[n] = p->head[use->buffer];
        p->head[use->buffer] = n;
    }
    for (int b = 0; b < plan->buffer_count; b++) plan->buffers[b].kept = p->lives[WT_BACKWARD][b].read_first;
    if (!p->e->shape.backward) plan->buffers[plan->value[p->e->graph->outputs]].kept = true;
}

/* --- scratch and the arena --- */

/* Rows of a buffer that a stage's tile has at most. */
static size_t tile_rows(const wt_stage *stage, const wt_buffer *b) {
    return (size_t)stage->tile_rows * (size_t)(b->extent == WT_EXTENT_TARGETS ? b->rows : 1);
}

static bool fits_scratch(const placing *p, const wt_buffer *b, const lifetime *life) {
    const wt_stage *stage = &p->plan->stages[life->first];
    return life->first == life->last && !b->whole && b->extent == stage->extent &&
           b->extent != WT_EXTENT_WINDOW && stage->tile_rows < INT32_MAX / 2;
}

static void place_scratch(placing *p, int phase) {
    wt_engine_plan *plan = p->plan;
    for (int s = 0; s < plan->stage_count; s++) {
        size_t used = 0;
        for (int b = 0; b < plan->buffer_count; b++) {
            wt_buffer *buffer = &plan->buffers[b];
            const lifetime *life = &p->lives[phase][b];
            if (life->first != s || buffer->kept || buffer->places[phase].kind != WT_PLACE_NONE) continue;
            if (!fits_scratch(p, buffer, life)) continue;
            put(p->e, buffer, phase, WT_PLACE_SCRATCH, used);
            used += wt_whole_lines(tile_rows(&plan->stages[s], buffer) * (size_t)buffer->channels);
        }
        if (used > plan->scratch) plan->scratch = used;
    }
}

static void place_kept(placing *p) {
    wt_engine_plan *plan = p->plan;
    for (int b = 0; b < plan->buffer_count; b++) {
        wt_buffer *buffer = &plan->buffers[b];
        if (!buffer->kept || buffer->places[WT_FORWARD].kind == WT_PLACE_SIGNAL) continue;
        for (int phase = 0; phase < WT_PHASES; phase++) put(p->e, buffer, phase, WT_PLACE_ROWS, plan->arena);
        plan->arena += size_of(p->e, buffer);
    }
}

/* A slot that is free before `stage` and has rows like the buffer's; else a new one. */
static slot *find_slot(placing *p, const wt_buffer *b, int stage) {
    for (int n = 0; n < p->slot_count; n++) {
        const wt_buffer *had = &p->plan->buffers[p->slots[n].buffer];
        if (p->slots[n].last < stage && had->extent == b->extent &&
            had->channels * had->rows == b->channels * b->rows)
            return &p->slots[n];
    }
    p->slots[p->slot_count] = (slot){.buffer = -1};
    return &p->slots[p->slot_count++];
}

/* A slot is as large as its largest buffer, whose place is known when all have theirs. Returns elements. */
static size_t place_slots(placing *p, int phase) {
    wt_engine_plan *plan = p->plan;
    size_t used = 0;
    p->slot_count = 0;
    for (int s = 0; s < plan->stage_count; s++) {
        for (int b = 0; b < plan->buffer_count; b++) {
            wt_buffer *buffer = &plan->buffers[b];
            lifetime *life = &p->lives[phase][b];
            if (life->first != s || buffer->places[phase].kind != WT_PLACE_NONE) continue;
            slot *taken = find_slot(p, buffer, s);
            const size_t size = size_of(p->e, buffer);
            life->previous = taken->buffer;
            taken->buffer = b;
            taken->last = life->last;
            if (size > taken->size) taken->size = size;
            put(p->e, buffer, phase, WT_PLACE_ROWS, (size_t)(taken - p->slots));
        }
    }
    for (int n = 0; n < p->slot_count; n++) {
        p->slots[n].at = used;
        used += p->slots[n].size;
    }
    for (int b = 0; b < plan->buffer_count; b++) {
        wt_place *place = &plan->buffers[b].places[phase];
        if (place->kind == WT_PLACE_ROWS && !plan->buffers[b].kept)
            place->at = plan->arena + p->slots[place->at].at;
    }
    return used;
}

/* A slot's windows are as far apart as its widest buffer needs. */
static void align_strides(placing *p, int phase) {
    wt_engine_plan *plan = p->plan;
    for (int b = 0; b < plan->buffer_count; b++) {
        wt_place *place = &plan->buffers[b].places[phase];
        if (place->kind != WT_PLACE_ROWS || plan->buffers[b].kept) continue;
        for (int other = 0; other < plan->buffer_count; other++) {
            const wt_place *shared = &plan->buffers[other].places[phase];
            if (shared->kind == WT_PLACE_ROWS && !plan->buffers[other].kept && shared->at == place->at &&
                shared->stride > place->stride)
                place->stride = shared->stride;
        }
    }
}

/* --- partial sums --- */

/* Units that a group of a stage has at most; of targets, whose groups may be of any size, all units
 * together. */
static int units_of(const wt_engine *e, const wt_stage *stage) {
    if (stage->extent == WT_EXTENT_WINDOW) return 1;
    if (stage->extent == WT_EXTENT_TARGETS) return e->shape.targets / stage->unit_rows + 2;
    return wt_units((int64_t)e->shape.targets + stage->left, stage->unit_rows);
}

/* Elements of what forward adds up for an operator that gathers. */
static size_t gathered(const placing *p, int op) {
    const wt_graph *graph = p->e->graph;
    const size_t doubles = (size_t)p->plan->partial_at[op] +
                           wt_class(graph, op)->moments(graph, &graph->ops[op]);
    return doubles * (sizeof(double) / sizeof(wt_real));
}

/* Sums of stages of one extent. They take turns in WT_SUM_SETS sets, in which a unit's sums stand at the
 * same place whosever they are, so that a stage may follow another one while that is still at other
 * windows. */
static void place_sets(placing *p, wt_extent extent) {
    wt_engine_plan *plan = p->plan;
    size_t each = 0, units = 0;
    int count = 0;
    for (int s = 0; s < plan->stage_count; s++) {
        const wt_stage *stage = &plan->stages[s];
        if (stage->extent != extent || stage->turns || !stage->sums_each) continue;
        if (stage->sums_each > each) each = stage->sums_each;
        if ((size_t)units_of(p->e, stage) > units) units = (size_t)units_of(p->e, stage);
        count += stage->phase == WT_BACKWARD;
    }
    const int sets = count < WT_SUM_SETS ? count : WT_SUM_SETS;
    const size_t size = each * units * (size_t)p->e->shape.windows;
    for (int s = 0, set = 0; s < plan->stage_count; s++) {
        wt_stage *stage = &plan->stages[s];
        if (stage->extent != extent || stage->turns || !stage->sums_each) continue;
        stage->sums_stride = each;
        stage->sums_units = (int)units;
        /* forward's are gone before backward's come */
        stage->sums_at = plan->sums + (size_t)(stage->phase == WT_BACKWARD ? set++ % sets : 0) * size;
    }
    plan->sums += (size_t)(sets ? sets : 1) * size;
}

static void place_sums(placing *p) {
    wt_engine_plan *plan = p->plan;
    for (int s = 0; s < plan->stage_count; s++) {
        wt_stage *stage = &plan->stages[s];
        if (stage->phase == WT_FORWARD && stage->after_op >= 0)
            stage->sums_each = gathered(p, stage->after_op);
        stage->sums_each = wt_whole_lines(stage->sums_each);
        if (!stage->turns) continue;
        stage->sums_at = plan->sums;
        stage->sums_stride = stage->sums_each;
        stage->sums_units = units_of(p->e, stage);
        plan->sums += stage->sums_stride * (size_t)stage->sums_units * (size_t)p->e->shape.windows;
    }
    place_sets(p, WT_EXTENT_TIME);
    place_sets(p, WT_EXTENT_TARGETS);
    place_sets(p, WT_EXTENT_WINDOW);
}

/* --- tasks --- */

static void need(placing *p, int stage, int64_t reach) {
    const int32_t rows = reach >= WT_ALL_ROWS ? WT_ALL_ROWS : (int32_t)reach;
    if (rows > p->reach[stage]) p->reach[stage] = rows;
}

/* Use `own` of a later stage waits for use `before`; `shift`: rows that the buffers' beginnings are apart. */
static void need_use(placing *p, const struct wt_use *own, const struct wt_use *before, int shift) {
    const wt_stage *s = &p->plan->stages[own->stage], *w = &p->plan->stages[before->stage];
    if (s->phase != w->phase || before->stage >= own->stage) return;
    const bool rows = s->extent == w->extent && !own->whole && !before->whole && s->panel_op < 0 &&
                      w->panel_op < 0 && s->extent != WT_EXTENT_WINDOW;
    if (!rows) {
        need(p, before->stage, WT_ALL_ROWS);
    } else if (s->extent == WT_EXTENT_TARGETS) {
        need(p, before->stage, 0);
    } else {
        need(p, before->stage, (int64_t)w->left - s->left - own->nearest + before->farthest + shift);
    }
}

/* A buffer's first use waits for those of the buffers that had its slot before; of earlier ones only where
 * they reach beyond the rows of the later ones. */
static void need_slot(placing *p, const struct wt_use *use, int previous) {
    const wt_buffer *buffers = p->plan->buffers;
    const wt_pass_phase phase = p->plan->stages[use->stage].phase;
    for (int covered = -1; previous >= 0; previous = p->lives[phase][previous].previous) {
        if (buffers[previous].left <= covered) continue;
        covered = buffers[previous].left;
        for (int w = p->head[previous]; w >= 0; w = p->next[w])
            need_use(p, use, &p->plan->uses[w], buffers[use->buffer].left - buffers[previous].left);
    }
}

static void find_needs(placing *p, int stage) {
    wt_engine_plan *plan = p->plan;
    const wt_stage *own = &plan->stages[stage];
    for (int n = 0; n < plan->use_count; n++) {
        const struct wt_use *use = &plan->uses[n];
        if (use->stage != stage) continue;
        for (int w = p->head[use->buffer]; w >= 0; w = p->next[w]) {
            if (use->writes || plan->uses[w].writes) need_use(p, use, &plan->uses[w], 0);
        }
        const lifetime *life = &p->lives[own->phase][use->buffer];
        if (life->first == stage) need_slot(p, use, life->previous);
    }
    if (own->parts_of >= 0 && plan->stages[own->parts_of].phase == own->phase)
        need(p, own->parts_of, WT_ALL_ROWS);
    if (own->phase != WT_BACKWARD || own->sums_each == 0) return;
    for (int s = stage - 1; s >= 0; s--) { /* whoever had the set before */
        const int of = plan->stages[s].parts_of;
        if (of < 0 || plan->stages[of].turns || plan->stages[of].sums_at != own->sums_at) continue;
        need(p, s, WT_ALL_ROWS);
        break;
    }
}

static wt_task_stage describe_task(const wt_engine *e, const wt_stage *stage, int number) {
    wt_task_stage task = {.work = wt_run_tiles, .argument = number, .unit_rows = stage->unit_rows};
    if (stage->panel_op >= 0 || stage->parts_of >= 0) {
        task.work = stage->panel_op >= 0 ? wt_run_panel : wt_sum_chunk;
        task.of_microbatches = true;
        task.unit_rows = 0;
        task.units = stage->chunk_count;
        return task;
    }
    if (stage->after_op >= 0) task.after = wt_run_after;
    if (stage->extent == WT_EXTENT_TIME) task.rows = (int64_t)e->shape.targets + stage->left;
    if (stage->extent == WT_EXTENT_WINDOW) task.rows = 1;
    if (stage->extent == WT_EXTENT_TARGETS) {
        task.of_microbatches = true;
        task.rows_per_window = e->shape.targets;
    }
    return task;
}

static wt_status make_tasks(placing *p) {
    wt_engine_plan *plan = p->plan;
    const int counts[WT_PHASES] = {plan->forward_count, plan->stage_count - plan->forward_count};
    for (int phase = 0; phase < WT_PHASES; phase++)
        WT_TRY(wt_tasks_create(&plan->tasks[phase], counts[phase], p->e->shape.windows));
    for (int s = 0; s < plan->stage_count; s++) {
        wt_stage *stage = &plan->stages[s];
        wt_tasks *tasks = &plan->tasks[stage->phase];
        const wt_task_stage task = describe_task(p->e, stage, s);
        stage->task = wt_tasks_add(tasks, &task);
        for (int before = 0; before < s; before++) p->reach[before] = INT32_MIN;
        find_needs(p, s);
        for (int before = s - 1; before >= 0; before--) {
            if (p->reach[before] != INT32_MIN)
                WT_TRY(wt_tasks_need(tasks, plan->stages[before].task, p->reach[before]));
        }
    }
    return WT_OK;
}

/* --- the whole --- */

static wt_status place(placing *p) {
    wt_engine_plan *plan = p->plan;
    const size_t buffers = (size_t)plan->buffer_count, uses = (size_t)plan->use_count;
    WT_TRY(wt_alloc(&p->lives[0], 2 * buffers, sizeof(lifetime), "the plan"));
    p->lives[1] = p->lives[0] + buffers;
    WT_TRY(wt_alloc(&p->head, buffers, sizeof(int), "the plan"));
    WT_TRY(wt_alloc(&p->next, uses, sizeof(int), "the plan"));
    WT_TRY(wt_alloc(&p->slots, buffers, sizeof(slot), "the plan"));
    WT_TRY(wt_alloc(&p->reach, (size_t)plan->stage_count, sizeof(int32_t), "the plan"));
    find_lives(p);
    place_kept(p);
    size_t transient = 0;
    for (int phase = 0; phase < WT_PHASES; phase++) {
        place_scratch(p, phase);
        const size_t used = place_slots(p, phase);
        align_strides(p, phase);
        if (used > transient) transient = used;
    }
    plan->arena += transient;
    place_sums(p);
    return make_tasks(p);
}

void wt_engine_plan_places(wt_engine_plan *plan, const wt_engine *e) {
    placing p = {.plan = plan, .e = e};
    if (plan->status == WT_OK) plan->status = place(&p);
    wt_free(p.lives[0]);
    wt_free(p.head);
    wt_free(p.next);
    wt_free(p.slots);
    wt_free(p.reach);
}

/* Of a stream: rows of time in rings that reach as far back as somebody reads. */
void wt_engine_plan_rings(wt_engine_plan *plan, const wt_engine *e) {
    for (int b = 0; b < plan->buffer_count; b++) {
        wt_buffer *buffer = &plan->buffers[b];
        if (buffer->places[WT_FORWARD].kind == WT_PLACE_SIGNAL) continue;
        put(e, buffer, WT_FORWARD, buffer->extent == WT_EXTENT_TIME ? WT_PLACE_RING : WT_PLACE_ROWS,
            plan->arena);
        int ring = 1;
        for (int n = 0; n < plan->use_count; n++) {
            if (plan->uses[n].buffer == b && plan->uses[n].farthest >= ring)
                ring = plan->uses[n].farthest + 1;
        }
        buffer->places[WT_FORWARD].ring = ring;
        plan->arena += buffer->extent == WT_EXTENT_TIME
                           ? wt_whole_lines((size_t)ring * (size_t)buffer->channels)
                           : size_of(e, buffer);
    }
}
