/*
 * Filling batches ahead of time in a thread.
 *
 * A ring of batches. `filled` and `taken` count batches since the start; both only rise, under one
 * mutex. Batch k stands in buffer k mod `buffers`; the reader holds the last one it took, so the thread may
 * be at most buffers − 1 ahead of it. What the thread touches while it fills (data set, filler, one buffer)
 * nobody else touches meanwhile, so the mutex is held for the counters alone.
 *
 * Small batches (of characters, some microseconds of work) have long rings: once the ring is full, the thread
 * sleeps until half of it has been taken, so that two threads do not change places at each step.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/thread.h"
#include "data_internal.h"

enum { BUFFERS_LEAST = 3, BUFFERS_MOST = 64, RING_BYTES = 1 << 20, MESSAGE_MAX = 1024 };

struct wt_loader {
    wt_batch_filler filler;
    wt_batch *ring[BUFFERS_MOST];
    int64_t buffers, low; /* the thread goes on once so few are in use */
    wt_loader_plan plan;

    wt_thread thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* under the mutex: */
    int64_t filled, taken;
    bool stop, sleeps; /* the thread, until its ring is half empty */
    wt_status failure; /* of the batch after the last filled one */
    char message[MESSAGE_MAX];
};

static wt_status fill_batch(wt_loader *loader, int64_t number, wt_batch *batch) {
    loader->filler.number = number;
    for (int slot = 0; slot < batch->windows; slot++) {
        int64_t window = loader->plan.window(loader->plan.context, number, slot);
        WT_TRY(wt_batch_fill_slot(&loader->filler, batch, slot, window));
    }
    return WT_OK;
}

/* Buffers that the thread must not touch, the one that the reader holds included. */
static int64_t in_use(const wt_loader *loader, int64_t next) {
    return next - (loader->taken > 0 ? loader->taken - 1 : 0);
}

/* False if the thread should end. */
static bool wait_for_buffer(wt_loader *loader, int64_t next) {
    pthread_mutex_lock(&loader->mutex);
    loader->sleeps = in_use(loader, next) >= loader->buffers;
    while (!loader->stop && loader->sleeps) {
        pthread_cond_wait(&loader->changed, &loader->mutex);
        loader->sleeps = in_use(loader, next) > loader->low;
    }
    bool go_on = !loader->stop;
    pthread_mutex_unlock(&loader->mutex);
    return go_on;
}

/* The message is the thread's own, so it is handed over as text. */
static void announce(wt_loader *loader, wt_status status) {
    pthread_mutex_lock(&loader->mutex);
    if (status == WT_OK) {
        loader->filled++;
    } else {
        loader->failure = status;
        snprintf(loader->message, sizeof loader->message, "%s", wt_error_message());
    }
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
}

static void *fill_all(void *argument) {
    wt_loader *loader = argument;
    wt_status status = WT_OK;
    for (int64_t next = 0; status == WT_OK && next < loader->plan.last - loader->plan.first; next++) {
        if (!wait_for_buffer(loader, next)) break;
        status = fill_batch(loader, loader->plan.first + next, loader->ring[next % loader->buffers]);
        announce(loader, status);
    }
    return NULL;
}

static int64_t choose_buffers(const wt_batch_shape *shape, int channels) {
    double rows = (double)shape->windows * ((double)shape->targets + shape->context);
    double bytes = rows * 2.0 * sizeof(wt_real) * channels, fit = RING_BYTES / bytes;
    return fit > BUFFERS_MOST ? BUFFERS_MOST : fit < BUFFERS_LEAST ? BUFFERS_LEAST : (int64_t)fit;
}

int64_t wt_loader_bytes(const wt_batch_shape *shape, int channels) {
    const int64_t rows = (int64_t)shape->targets + shape->context - 1;
    const int64_t inputs = shape->input == WT_INPUT_REAL ? rows * channels * (int64_t)sizeof(wt_real)
                                                         : rows * (int64_t)sizeof(int32_t);
    const int64_t target = (int64_t)sizeof(int32_t) + shape->values * (int64_t)sizeof(wt_real) +
                           shape->marks_runs;
    const wt_condition_shape *c = &shape->condition;
    const int64_t frames = (int64_t)c->frames * (c->features.count + c->flagged) * (int64_t)sizeof(wt_real);
    const int64_t slot = inputs + frames + shape->targets * target + (int64_t)sizeof(int);
    return choose_buffers(shape, channels) * shape->windows * slot;
}

wt_status wt_loader_create(wt_loader **out, wt_dataset *dataset, const wt_windows *windows,
                           const wt_batch_shape *shape, const wt_loader_plan *plan) {
    wt_loader *loader = NULL;
    wt_status status = WT_OK;
    *out = NULL;
    WT_TRY(wt_alloc(&loader, 1, sizeof *loader, "loader"));
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->changed, NULL);
    loader->plan = *plan;
    WT_GUARD(wt_batch_filler_init(&loader->filler, dataset, windows, shape));
    loader->buffers = choose_buffers(shape, wt_dataset_channels(dataset));
    loader->low = loader->buffers < 8 ? loader->buffers - 1 : loader->buffers / 2;
    for (int64_t i = 0; i < loader->buffers; i++) {
        WT_GUARD(wt_batch_create(&loader->ring[i], shape, wt_dataset_channels(dataset)));
    }
    WT_GUARD(wt_thread_start(&loader->thread, fill_all, loader, "the loader"));
    *out = loader;
    loader = NULL;
cleanup:
    wt_loader_destroy(loader);
    return status;
}

void wt_loader_destroy(wt_loader *loader) {
    if (loader == NULL) return;
    if (loader->thread.running) {
        pthread_mutex_lock(&loader->mutex);
        loader->stop = true;
        pthread_cond_broadcast(&loader->changed);
        pthread_mutex_unlock(&loader->mutex);
        wt_thread_join(&loader->thread);
    }
    for (int64_t i = 0; i < loader->buffers; i++) wt_batch_destroy(loader->ring[i]);
    wt_batch_filler_dispose(&loader->filler);
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->mutex);
    wt_free(loader);
}

/* Gives the batch before back to the thread, also if there is no other. */
static wt_status take_next(wt_loader *loader, const wt_batch **batch) {
    int64_t next = loader->taken;
    if (loader->plan.first + next >= loader->plan.last) {
        return wt_error(WT_FAILED, "no more batches (got all of %lld to %lld)", (long long)loader->plan.first,
                        (long long)loader->plan.last - 1);
    }
    loader->taken = next + 1; /* lets the thread fill the buffer of batch next−1 */
    if (loader->sleeps && in_use(loader, loader->filled) <= loader->low)
        pthread_cond_broadcast(&loader->changed);
    while (loader->filled <= next && loader->failure == WT_OK)
        pthread_cond_wait(&loader->changed, &loader->mutex);
    if (loader->filled <= next) {
        loader->taken = next; /* the same answer the next time */
        return wt_error(loader->failure, "%s", loader->message);
    }
    *batch = loader->ring[next % loader->buffers];
    return WT_OK;
}

wt_status wt_loader_next(wt_loader *loader, const wt_batch **batch) {
    *batch = NULL;
    pthread_mutex_lock(&loader->mutex);
    wt_status status = take_next(loader, batch);
    pthread_mutex_unlock(&loader->mutex);
    return status;
}
