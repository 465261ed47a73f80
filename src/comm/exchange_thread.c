/*
 * The thread that progresses the exchange while the others compute: it tests the messages, adds what has
 * arrived, and naps in between, since it may share its core with one that computes. MPI is called under the
 * lock, by one thread at a time (MPI_THREAD_SERIALIZED). Advantage over calls between tasks: messages move
 * during long kernels and in layers of few tiles. Disadvantage: a nap is as long as the kernel's timer makes
 * it, some 100 µs, and each look interrupts a core.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "base/thread.h"
#include "exchange_internal.h"

enum { WT_NAP_NANOSECONDS = 50000 };

struct wt_exchange_thread {
    wt_thread thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool quit;
};

static void *drive_exchange(void *context) {
    wt_exchange *exchange = context;
    wt_exchange_thread *thread = exchange->thread;
    const struct timespec nap = {0, WT_NAP_NANOSECONDS};
    pthread_mutex_lock(&thread->mutex);
    while (!thread->quit) {
        if (!exchange->buckets.in_flight) {
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

wt_status wt_exchange_thread_create(wt_exchange *exchange) {
    wt_exchange_thread *thread;
    WT_TRY(wt_alloc(&thread, 1, sizeof *thread, "the exchange's thread"));
    exchange->thread = thread;
    pthread_mutex_init(&thread->mutex, NULL);
    pthread_cond_init(&thread->changed, NULL);
    wt_status status = wt_thread_start(&thread->thread, drive_exchange, exchange, "the exchange");
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
    wt_thread_join(&thread->thread);
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
