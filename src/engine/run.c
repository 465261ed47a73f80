/* The work of stages' units: tiles of rows through the stage's calls, panels of gradients, and what follows a
 * stage. */
#include <omp.h>
#include <string.h>

#include "operators.h"

void wt_engine_run_tiles(void *context, int argument, int group, int unit) {
    const wt_engine *e = context;
    const wt_stage *stage = &e->plan->stages[argument];
    const wt_call *calls = e->plan->calls + stage->first_call;
    wt_tile tile = {.stage = stage, .group = group};
    const int64_t rows = wt_engine_stage_rows(e, stage, group, &tile.origin),
                  first = (int64_t)unit * stage->unit_rows;
    const int end = (int)(rows - first < stage->unit_rows ? rows : first + stage->unit_rows);
    if (first >= end) return;
    tile.scratch = e->scratch + (size_t)omp_get_thread_num() * e->plan->sizes.scratch;
    if (stage->sums_each) {
        tile.sums = wt_engine_task_sums(e, stage, group, unit);
        memset(tile.sums, 0, stage->sums_each * sizeof *tile.sums);
    }
    for (int t = (int)first; t < end; t += tile.count) {
        tile.first = tile.base = t;
        tile.count = end - t < stage->tile_rows ? end - t : stage->tile_rows;
        for (int c = 0; c < stage->call_count; c++) calls[c].run(e, calls[c].item, &tile);
    }
}

/* Forward of an operator in backward's tile: in forward's own tiles, which OpenBLAS's bits depend on. */
void wt_engine_remake_call(const wt_engine *e, int op, const wt_tile *tile) {
    wt_tile part = *tile;
    const int end = tile->first + tile->count, rows = e->plan->stages[e->plan->ops[op].stage].tile_rows;
    for (; part.first < end; part.first += part.count) {
        part.count = end - part.first < rows ? end - part.first : rows;
        wt_engine_op_class(e->graph, op)->forward(e, op, &part);
    }
}

void wt_engine_run_panel(void *context, int argument, int microbatch, int panel) {
    const wt_engine *e = context;
    const wt_stage *stage = &e->plan->stages[argument];
    const wt_tile tile = {.stage = stage, .group = microbatch, .first = panel};
    wt_engine_op_class(e->graph, stage->first_op)->panel(e, stage->first_op, &tile);
}

void wt_engine_run_after(void *context, int argument) {
    wt_engine *e = context;
    const wt_stage *stage = &e->plan->stages[argument];
    wt_engine_op_class(e->graph, stage->after_op)->reduce[stage->phase](e, stage->after_op, stage);
}
