/*
 * Checkpoints written while training goes on: rank 0 copies the flat buffers, and a thread puts them in
 * PyTorch's order, builds the file, commits it and removes old ones. One is written at a time; a second waits
 * for the first. The thread steps back before those that compute, or a step would wait at each of its
 * barriers for the one that shares its core with it; so beside busy cores a write takes long, and beside a
 * rank that waits for it, not. The price is a copy of parameters and moments that stays allocated.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/thread.h"
#include "train_internal.h"

/* What two states of one run differ in. */
typedef struct {
    int64_t step; /* −1: there is none */
    int rollbacks, validation_due;
} state_key;

struct wt_checkpoint_writer {
    const wt_network *network;
    const wt_config *config;
    const char *run;
    const wt_vocabulary *vocabulary;
    wt_run_lock *lock;
    wt_pruner *pruner;
    wt_metrics *metrics;
    wt_real *parameters; /* the copies */
    wt_optimizer optimizer;
    wt_checkpoint_state state;
    pthread_mutex_t mutex; /* of what is on disk */
    state_key on_disk;
    wt_thread thread;
    atomic_bool finished;
    double seconds;   /* that the last one took */
    wt_status status; /* of the thread, with its message */
    char message[1024];
};

wt_status wt_checkpoint_writer_create(wt_checkpoint_writer **out, const wt_network *network,
                                      const wt_config *config, const wt_vocabulary *vocabulary,
                                      const char *run, wt_run_lock *lock) {
    wt_status status = WT_OK;
    wt_checkpoint_writer *writer;
    *out = NULL;
    WT_TRY(wt_alloc(&writer, 1, sizeof *writer, "the checkpoint writer"));
    writer->network = network;
    writer->config = config;
    writer->vocabulary = vocabulary;
    writer->run = run;
    writer->lock = lock;
    writer->on_disk.step = -1;
    pthread_mutex_init(&writer->mutex, NULL);
    WT_GUARD(wt_pruner_create(&writer->pruner, run));
    WT_GUARD(wt_alloc(&writer->parameters, wt_network_parameters(network)->total, sizeof(wt_real),
                      "a copy of the parameters"));
    WT_GUARD(wt_optimizer_init(&writer->optimizer, wt_config_update_rule(config),
                               wt_network_parameters(network)->total));
    *out = writer;
    writer = NULL;
cleanup:
    wt_checkpoint_writer_destroy(writer);
    return status;
}

void wt_checkpoint_writer_destroy(wt_checkpoint_writer *writer) {
    if (!writer) return;
    wt_thread_join(&writer->thread);
    pthread_mutex_destroy(&writer->mutex);
    wt_optimizer_dispose(&writer->optimizer);
    wt_pruner_destroy(writer->pruner);
    wt_free(writer->parameters);
    wt_free(writer);
}

/* --- what is on disk --- */

bool wt_checkpoint_writer_holds(wt_checkpoint_writer *writer, const wt_checkpoint_state *state) {
    pthread_mutex_lock(&writer->mutex);
    const state_key key = writer->on_disk;
    pthread_mutex_unlock(&writer->mutex);
    return key.step == state->step && key.rollbacks == state->guard.rollbacks &&
           key.validation_due == state->due.validation;
}

/* Two threads write, and the older state may be finished later. */
void wt_checkpoint_writer_note(wt_checkpoint_writer *writer, const wt_checkpoint_state *state) {
    const state_key key = {state->step, state->guard.rollbacks, state->due.validation};
    pthread_mutex_lock(&writer->mutex);
    if (key.rollbacks != writer->on_disk.rollbacks || key.step >= writer->on_disk.step) writer->on_disk = key;
    pthread_mutex_unlock(&writer->mutex);
}

/* --- writing --- */

wt_status wt_checkpoint_writer_write(wt_checkpoint_writer *writer, const wt_checkpoint_state *state,
                                     const wt_exported *exported) {
    wt_status status = WT_OK;
    char *bytes = NULL, path[WT_PATH_MAX];
    size_t size;
    WT_GUARD(wt_run_checkpoint_path(path, writer->run, state->step));
    WT_GUARD(wt_checkpoint_build(&bytes, &size, state, writer->config, writer->vocabulary, exported->tensors,
                                 exported->count));
    WT_GUARD(wt_run_lock_check(writer->lock)); /* as late as can be */
    if (!wt_checkpoint_writer_holds(writer, state)) WT_GUARD(wt_checkpoint_commit(path, bytes, size));
    wt_checkpoint_writer_note(writer, state);
cleanup:
    wt_free(bytes);
    return status;
}

static wt_status write_copy(wt_checkpoint_writer *writer) {
    wt_status status = WT_OK;
    wt_exported exported = {0};
    const wt_checkpoint_state *state = &writer->state;
    WT_GUARD(wt_restore_export(&exported, writer->network, writer->parameters, &writer->optimizer));
    WT_GUARD(wt_checkpoint_writer_write(writer, state, &exported));
    WT_GUARD(wt_pruner_note(writer->pruner, state->step, state->guard.rollbacks));
    WT_GUARD(wt_pruner_prune(writer->pruner, writer->config->checkpoint.keep, state->best_step,
                             state->planned_step));
cleanup:
    wt_restore_export_dispose(&exported);
    return status;
}

static void *run_writer(void *context) {
    wt_checkpoint_writer *writer = context;
    double began = wt_time_now();
    wt_thread_step_back();
    /* a checkpoint's rows should be there when it is */
    if (wt_metrics_flush(writer->metrics) != WT_OK) wt_log_warning("%s", wt_error_message());
    writer->status = write_copy(writer);
    writer->seconds = wt_time_now() - began;
    if (writer->status != WT_OK) snprintf(writer->message, sizeof writer->message, "%s", wt_error_message());
    atomic_store(&writer->finished, true);
    return NULL;
}

wt_status wt_checkpoint_writer_collect(wt_checkpoint_writer *writer, bool wait, double *seconds) {
    if (!writer->thread.running || (!wait && !atomic_load(&writer->finished))) return WT_OK;
    wt_thread_join(&writer->thread);
    if (seconds) *seconds = writer->seconds;
    return writer->status == WT_OK ? WT_OK : wt_error(writer->status, "%s", writer->message);
}

int64_t wt_checkpoint_writer_step(const wt_checkpoint_writer *writer) {
    return writer->state.step;
}

wt_status wt_checkpoint_writer_submit(wt_checkpoint_writer *writer, const wt_checkpoint_state *state,
                                      const wt_real *parameters, const wt_optimizer *optimizer,
                                      wt_metrics *metrics) {
    size_t bytes = wt_network_parameters(writer->network)->total * sizeof(wt_real);
    writer->state = *state;
    writer->metrics = metrics;
    memcpy(writer->parameters, parameters, bytes);
    for (int m = 0; m < WT_MOMENTS; m++) {
        if (optimizer->moments[m]) memcpy(writer->optimizer.moments[m], optimizer->moments[m], bytes);
    }
    writer->optimizer.updates = writer->state.updates = optimizer->updates;
    atomic_store(&writer->finished, false);
    return wt_thread_start(&writer->thread, run_writer, writer, "the checkpoint");
}
