#include "team.h"

#include <omp.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/thread.h"
#include "base/timer.h"

enum {
    PATIENCE = 1 << 11, /* turns of waiting at a barrier before a thread sleeps: some 100 µs */
    NO_PATIENCE = 1 << 4,
    EAGER = 1 << 8, /* turns without a pause, which takes as long as a line from core to core */
    LOOKS = 1 << 10 /* turns between looks at the clock */
};
/* without work until a thread sleeps: longer than a block of sound */
static const double idle_seconds = 0.05;

/* A thread's own cache line, which the others look at; processors fetch lines in pairs. */
typedef struct {
    alignas(64) _Atomic uint64_t arrived;
    alignas(64) wt_team *team;
    int number;
    wt_thread thread;
} member;

struct wt_team {
    int threads;
    unsigned patience;
    void (*work)(void *context, int thread);
    void *context;
    member *members; /* [threads] */
    alignas(64) _Atomic uint64_t round;
    atomic_bool over;
    atomic_int sleepers;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Counters only grow. Sleepers look at theirs under the lock, after they are counted: none is missed. */
static void sleep_until(wt_team *team, _Atomic uint64_t *counter, uint64_t number) {
    pthread_mutex_lock(&team->lock);
    atomic_fetch_add(&team->sleepers, 1);
    while (atomic_load(counter) < number) pthread_cond_wait(&team->wake, &team->lock);
    atomic_fetch_sub(&team->sleepers, 1);
    pthread_mutex_unlock(&team->lock);
}

/* After a counter has grown. */
static void wake_sleepers(wt_team *team) {
    if (atomic_load(&team->sleepers) == 0) return;
    pthread_mutex_lock(&team->lock);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->lock);
}

void wt_team_arrive(wt_team *team, int thread) {
    atomic_fetch_add(&team->members[thread].arrived, 1);
    wake_sleepers(team);
}

/* One that waits for long has a core that another may need to arrive, and sleeps: yielding would take turns
 * from those that work. */
void wt_team_wait(wt_team *team, int thread) {
    const uint64_t number = atomic_load_explicit(&team->members[thread].arrived, memory_order_relaxed);
    for (int other = 0; other < team->threads; other++) {
        _Atomic uint64_t *arrived = &team->members[other].arrived;
        unsigned turns = 0;
        while (atomic_load_explicit(arrived, memory_order_acquire) < number && turns++ < team->patience) {
            if (turns > EAGER) relax();
        }
        if (atomic_load_explicit(arrived, memory_order_acquire) < number) sleep_until(team, arrived, number);
    }
}

static void meet_team(wt_team *team, int thread) {
    wt_team_arrive(team, thread);
    wt_team_wait(team, thread);
}

/* Waits for a round after `seen`. */
static uint64_t wait_for_round(wt_team *team, uint64_t seen) {
    const double idle = team->patience < PATIENCE ? 0 : idle_seconds;
    double began = 0;
    for (unsigned turns = 1; atomic_load(&team->round) == seen; turns++) {
        relax();
        if (turns % LOOKS) continue;
        if (began == 0) began = wt_time_now();
        if (wt_time_now() - began >= idle) sleep_until(team, &team->round, seen + 1);
    }
    return atomic_load(&team->round);
}

static void *belong(void *context) {
    const member *own = context;
    wt_team *team = own->team;
    uint64_t seen = 0;
    for (;;) {
        seen = wait_for_round(team, seen);
        if (atomic_load(&team->over)) return NULL;
        team->work(team->context, own->number);
        meet_team(team, own->number);
    }
}

static void begin_round(wt_team *team) {
    atomic_fetch_add(&team->round, 1);
    wake_sleepers(team);
}

void wt_team_run(wt_team *team) {
    begin_round(team);
    team->work(team->context, 0);
    meet_team(team, 0);
}

wt_status wt_team_create(wt_team **out, int threads, void (*work)(void *context, int thread), void *context) {
    wt_status status = WT_OK;
    wt_team *team;
    *out = NULL;
    WT_TRY(wt_alloc(&team, 1, sizeof *team, "threads of a stream"));
    team->work = work;
    team->context = context;
    team->threads = threads;
    team->patience = threads <= omp_get_num_procs() ? PATIENCE : NO_PATIENCE;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->wake, NULL);
    WT_GUARD(wt_alloc(&team->members, (size_t)threads, sizeof *team->members, "threads of a stream"));
    for (int t = 1; t < threads; t++) {
        member *m = &team->members[t];
        m->team = team;
        m->number = t;
        WT_GUARD(wt_thread_start(&m->thread, belong, m, "a stream"));
    }
    *out = team;
    team = NULL;
cleanup:
    wt_team_destroy(team);
    return status;
}

void wt_team_destroy(wt_team *team) {
    if (!team) return;
    atomic_store(&team->over, true);
    begin_round(team);
    for (int t = 1; team->members && t < team->threads; t++) wt_thread_join(&team->members[t].thread);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->lock);
    wt_free(team->members);
    wt_free(team);
}
