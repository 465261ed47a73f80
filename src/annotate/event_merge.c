/* A run of samples of one class at a time, and the event that it may go on. */
#include "event_merge.h"

static wt_status end_event(wt_event_merger *m) {
    const wt_merged_event event = m->open;
    m->open.count = 0;
    return event.count > 0 && event.end - event.start >= m->shortest ? m->take(m->context, &event) : WT_OK;
}

/* A long run of another class ends the event; a short one is passed over while there is an event. */
static wt_status end_run(wt_event_merger *m) {
    const wt_merged_event *run = &m->run;
    const bool open = m->open.count > 0, is_long = run->end - run->start >= m->shortest;
    if (run->count == 0) return WT_OK;
    if (open && run->start - m->open.end > 0 && run->start - m->open.end >= m->shortest) WT_TRY(end_event(m));
    if (m->open.count > 0 && run->class == m->open.class) {
        m->open.end = run->end;
        m->open.count += run->count;
        m->open.probability += run->probability;
        return WT_OK;
    }
    if (run->class < 0) return WT_OK;
    if (m->open.count > 0 && !is_long && m->open.end - m->open.start >= m->shortest) return WT_OK;
    WT_TRY(end_event(m));
    m->open = *run;
    return WT_OK;
}

wt_status wt_event_merger_add(wt_event_merger *m, int class, double probability) {
    const int64_t at = m->run.end;
    if (m->run.count == 0 || class != m->run.class) {
        WT_TRY(end_run(m));
        m->run = (wt_merged_event){.start = at, .end = at, .class = class};
    }
    m->run.end++;
    m->run.count++;
    m->run.probability += probability;
    return WT_OK;
}

wt_status wt_event_merger_end(wt_event_merger *m) {
    WT_TRY(end_run(m));
    WT_TRY(end_event(m));
    m->run = (wt_merged_event){.count = 0};
    return WT_OK;
}
