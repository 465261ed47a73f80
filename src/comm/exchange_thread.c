/*
 * The thread that drives the exchange while the others compute: it looks at the messages, adds what has arrived,
 * and naps in between, since it may share its core with one that computes. MPI is called under the lock, by
 * one thread at a time (MPI_THREAD_SERIALIZED). Advantage over pokes: messages move during long kernels and in layers
 * of few tiles. Disadvantage: a nap is as long as the kernel's timer makes it, some 100 µs, and each look
 * interrupts a core.
 */
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include "exchange_internal.h"
#include "wavetrain/memory.h"

enum { WT_NAP_NANOSECONDS = 50000, WT_CPUS_MOST = CPU_SETSIZE };

struct wt_exchange_thread {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool quit;
    bool anywhere; /* `cpus` holds the process's processors */
    cpu_set_t cpus;
};

/* With OMP_PROC_BIND the main thread is bound to one core before main begins, and a new thread would be bound to
 * it too: the places know which processors the process has. */
static void wt_find_cpus(wt_exchange_thread *thread) {
    int ids[WT_CPUS_MOST];
    CPU_ZERO(&thread->cpus);
    for (int place = 0; place < omp_get_num_places(); place++) {
        int count = omp_get_place_num_procs(place);
        if (count > WT_CPUS_MOST) continue;
        omp_get_place_proc_ids(place, ids);
        for (int i = 0; i < count; i++) {
            if (ids[i] < 0 || ids[i] >= CPU_SETSIZE) continue;
            CPU_SET(ids[i], &thread->cpus);
            thread->anywhere = true;
        }
    }
}

static void *wt_drive(void *context) {
    wt_exchange *exchange = context;
    wt_exchange_thread *thread = exchange->thread;
    const struct timespec nap = {0, WT_NAP_NANOSECONDS};
    if (thread->anywhere) pthread_setaffinity_np(pthread_self(), sizeof thread->cpus, &thread->cpus);
    pthread_mutex_lock(&thread->mutex);
    while (!thread->quit) {
        if (!exchange->flying) {
            pthread_cond_wait(&thread->changed, &thread->mutex);
            continue;
        }
        bool moved = wt_buckets_move(exchange, WT_MOVE_ALONE);
        pthread_mutex_unlock(&thread->mutex);
        if (moved) {
            sched_yield();
        } else {
            nanosleep(&nap, NULL);
        }
        pthread_mutex_lock(&thread->mutex);
    }
    pthread_mutex_unlock(&thread->mutex);
    return NULL;
}

/* Signals are for the main thread. */
static wt_status wt_start_thread(wt_exchange *exchange) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&exchange->thread->thread, NULL, wt_drive, exchange);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    WT_CHECK(!failed, WT_FAILED, "the exchange's thread can't start (error %d)", failed);
    return WT_OK;
}

wt_status wt_exchange_thread_create(wt_exchange *exchange) {
    wt_exchange_thread *thread;
    WT_TRY(wt_alloc(&thread, 1, sizeof *thread, "the exchange's thread"));
    exchange->thread = thread;
    pthread_mutex_init(&thread->mutex, NULL);
    pthread_cond_init(&thread->changed, NULL);
    wt_find_cpus(thread);
    wt_status status = wt_start_thread(exchange);
    if (status != WT_OK) {
        pthread_cond_destroy(&thread->changed);
        pthread_mutex_destroy(&thread->mutex);
        wt_free(thread);
        exchange->thread = NULL;
    }
    return status;
}

void wt_exchange_thread_destroy(wt_exchange *exchange) {
    wt_exchange_thread *thread = exchange->thread;
    if (!thread) return;
    pthread_mutex_lock(&thread->mutex);
    thread->quit = true;
    pthread_cond_signal(&thread->changed);
    pthread_mutex_unlock(&thread->mutex);
    pthread_join(thread->thread, NULL);
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->mutex);
    wt_free(thread);
    exchange->thread = NULL;
}

void wt_exchange_lock(wt_exchange *exchange) {
    if (exchange->thread) pthread_mutex_lock(&exchange->thread->mutex);
}

void wt_exchange_unlock(wt_exchange *exchange) {
    if (exchange->thread) pthread_mutex_unlock(&exchange->thread->mutex);
}

void wt_exchange_wake(wt_exchange *exchange) {
    if (exchange->thread) pthread_cond_signal(&exchange->thread->changed);
}
