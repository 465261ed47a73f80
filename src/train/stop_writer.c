/*
 * A signal's checkpoint. A thread of rank 0 waits on the pipe of signals and, as soon as a byte comes, writes
 * the state of the last finished step, however long the running step takes: a launcher may kill within a
 * second. It has never lowered its priority, as the writer in the background has, which beside busy cores
 * takes many times as long. No MPI here.
 *
 * The state is one that resumes bit for bit, because the main thread holds it from the decision of a step
 * until all that belongs to the step is made: the update, running statistics, a rollback, the row of
 * metrics.csv. Validation takes long, so the state is published before it, marked as due, and once more with
 * what follows from it.
 *
 * The run goes on to the end of its step and stops there as the ranks agree. A second request ends the
 * program as soon as the state is on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/thread.h"
#include "comm/ranks.h"
#include "train_internal.h"

static const char why_stopped[] = "a signal asked to stop";

struct wt_stop_writer {
    const wt_trainer *trainer;
    pthread_mutex_t writing;   /* by the thread, for a whole write; taken before `published` */
    pthread_mutex_t published; /* held while the trainer's state is not that of a finished step */
    pthread_mutex_t record;    /* run.yaml, and `given` */
    bool held;                 /* `published`, by the main thread; its own */
    bool closed;               /* nothing may be written any more; under `published` */
    bool given;                /* the verdict stands in run.yaml */
    int end[2];                /* a pipe whose closing ends the thread */
    wt_thread thread;
};

/* --- the main thread's side --- */

void wt_stop_writer_hold(wt_stop_writer *writer) {
    if (!writer || writer->held) return;
    pthread_mutex_lock(&writer->published);
    writer->held = true;
}

void wt_stop_writer_publish(wt_stop_writer *writer) {
    if (!writer || !writer->held) return;
    writer->held = false;
    pthread_mutex_unlock(&writer->published);
}

void wt_stop_writer_close(wt_stop_writer *writer) {
    if (!writer) return;
    wt_stop_writer_hold(writer);
    writer->closed = true;
    wt_stop_writer_publish(writer);
}

void wt_stop_writer_settle(wt_stop_writer *writer) {
    if (!writer) return;
    pthread_mutex_lock(&writer->writing);
    pthread_mutex_unlock(&writer->writing);
}

wt_status wt_stop_writer_note_running(wt_stop_writer *writer, wt_trainer *trainer) {
    wt_status status = WT_OK;
    pthread_mutex_lock(&writer->record);
    if (!writer->given) status = wt_run_write_record(trainer, "running", "");
    pthread_mutex_unlock(&writer->record);
    return status;
}

/* --- the thread --- */

/* A copy of the published state, if it is worth a file: there is none on disk, and it is not the beginning.
 */
static wt_status copy_state(wt_stop_writer *writer, wt_checkpoint_state *state, wt_exported *exported,
                            bool *wanted) {
    const wt_trainer *trainer = writer->trainer;
    const wt_step *step = trainer->step;
    wt_status status = WT_OK;
    *wanted = false;
    pthread_mutex_lock(&writer->published);
    *state = trainer->state;
    state->updates = step->optimizer.updates;
    const bool begun = state->step > 0 || state->guard.rollbacks > 0;
    if (!writer->closed && begun && !wt_checkpoint_writer_holds(trainer->files.writer, state)) {
        *wanted = true;
        if (wt_metrics_flush(trainer->files.metrics) != WT_OK) wt_log_warning("%s", wt_error_message());
        status = wt_restore_export(exported, trainer->network, step->parameters, &step->optimizer);
    }
    pthread_mutex_unlock(&writer->published);
    return status;
}

static wt_status give_verdict(wt_stop_writer *writer) {
    wt_status status = WT_OK;
    const wt_trainer *trainer = writer->trainer;
    pthread_mutex_lock(&writer->record);
    if (!writer->given) status = wt_run_lock_check(trainer->files.lock);
    if (!writer->given && status == WT_OK)
        status = wt_run_change_verdict(trainer->options->run, "continue", why_stopped);
    writer->given = status == WT_OK;
    pthread_mutex_unlock(&writer->record);
    return status;
}

static wt_status write_state(wt_stop_writer *writer) {
    wt_checkpoint_state state;
    wt_exported exported = {0};
    wt_status status = WT_OK;
    bool wanted;
    const double began = wt_time_now();
    wt_thread_take_precedence(); /* the run ends with this step, and its launcher may not wait for that */
    WT_GUARD(copy_state(writer, &state, &exported, &wanted));
    if (wanted) {
        WT_GUARD(wt_checkpoint_writer_write(writer->trainer->files.writer, &state, &exported));
        wt_log_info("asked to stop: the state of step %" PRId64 " is on disk after %.2f s", state.step,
                    wt_time_now() - began);
    }
    WT_GUARD(give_verdict(writer));
cleanup:
    wt_restore_export_dispose(&exported);
    return status;
}

/* Whether the state is on disk. */
static bool save_state(wt_stop_writer *writer) {
    pthread_mutex_lock(&writer->writing);
    wt_status status = write_state(writer);
    pthread_mutex_unlock(&writer->writing);
    if (status != WT_OK) wt_log_warning("asked to stop: %s", wt_error_message());
    return status == WT_OK;
}

/* Empties the pipe; false once the writer is to end. */
static bool wait_for_signal(const wt_stop_writer *writer) {
    struct pollfd ends[] = {{.fd = wt_comm_signal_pipe(), .events = POLLIN}, {.fd = writer->end[0]}};
    char bytes[64];
    while (poll(ends, 2, -1) < 0 && errno == EINTR) continue;
    if (ends[1].revents) return false;
    while (read(ends[0].fd, bytes, sizeof bytes) > 0) continue;
    return true;
}

static void *wait_and_write(void *context) {
    wt_stop_writer *writer = context;
    for (bool saved = false; wait_for_signal(writer);) {
        saved = saved || save_state(writer);
        if (!saved || wt_comm_signal_requests() < 2) continue;
        wt_log_info(
            "stopped within a step at the second signal; the same command resumes from the checkpoint");
        wt_run_lock_leave(writer->trainer->files.lock);
        _exit(WT_CONTINUE);
    }
    return NULL;
}

/* --- launchers --- */

/* mpirun: by variables, whichever version's. */
static double patience_of_mpirun(double patience) {
    static const char *const settings[] = {"OMPI_MCA_odls_base_sigkill_timeout",
                                           "PRTE_MCA_odls_base_sigkill_timeout"};
    for (int i = 0; i < 2; i++) {
        const char *setting = getenv(settings[i]);
        if (setting) patience = strtod(setting, NULL);
    }
    return patience;
}

/* SLURM: by its configuration, where it answers. */
static double patience_of_slurm(double patience) {
    enum { ANSWER = 65536, ANSWER_SECONDS = 4 };
    static const char key[] = "\nKillWait ";
    static char text[ANSWER]; /* one thread asks */
    char *arguments[] = {"scontrol", "show", "config", NULL};
    const wt_patience asked = {.seconds = ANSWER_SECONDS};
    if (!wt_train_ask_command(text, sizeof text, arguments, &asked)) return patience;
    const char *line = strstr(text, key);
    double seconds;
    return line && sscanf(line + sizeof key - 1, " = %lf", &seconds) == 1 ? seconds : patience;
}

/* A launcher that is asked to stop kills what it has started soon after. */
static const struct {
    const char *sign;                   /* in the environment of what it has started */
    double seconds;                     /* that it waits by default */
    double (*patience)(double seconds); /* that it waits as it is set up */
    const char *name, *advice;
} launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", 1, patience_of_mpirun, "mpirun", "mpirun --mca odls_base_sigkill_timeout %.0f"},
    {"SLURM_STEP_ID", 30, patience_of_slurm, "SLURM", "sbatch --signal=USR1@%.0f"},
};
enum { LAUNCHERS = sizeof launchers / sizeof *launchers };

void wt_stop_writer_warn(double seconds) {
    int i = 0;
    while (i < LAUNCHERS && !getenv(launchers[i].sign)) i++;
    if (i == LAUNCHERS || seconds <= 1) return; /* no launcher is as fast as that */
    const double patience = launchers[i].patience(launchers[i].seconds);
    if (seconds <= patience) return;
    char advice[128];
    snprintf(advice, sizeof advice, launchers[i].advice, ceil(2 * seconds + 1));
    wt_log_warning(
        "%s kills %g s after it asked to stop, and the last checkpoint took %.1f s (%s gives more time)",
        launchers[i].name, patience, seconds, advice);
}

/* --- begin and end --- */

wt_status wt_stop_writer_start(wt_stop_writer **out, const wt_trainer *trainer) {
    wt_stop_writer *writer;
    WT_TRY(wt_alloc(&writer, 1, sizeof *writer, "what writes when a signal comes"));
    writer->trainer = trainer;
    pthread_mutex_init(&writer->writing, NULL);
    pthread_mutex_init(&writer->published, NULL);
    pthread_mutex_init(&writer->record, NULL);
    writer->end[0] = writer->end[1] = -1;
    *out = writer;
    if (wt_comm_signal_pipe() < 0) return WT_OK; /* signals count at a step's end alone */
    WT_CHECK(pipe2(writer->end, O_CLOEXEC) == 0, WT_FAILED, "can't make a pipe (%s)", strerror(errno));
    return wt_thread_start(&writer->thread, wait_and_write, writer, "signals");
}

void wt_stop_writer_end(wt_stop_writer *writer) {
    if (!writer) return;
    wt_stop_writer_publish(writer);
    if (writer->end[1] >= 0) close(writer->end[1]);
    wt_thread_join(&writer->thread);
    if (writer->end[0] >= 0) close(writer->end[0]);
    pthread_mutex_destroy(&writer->writing);
    pthread_mutex_destroy(&writer->published);
    pthread_mutex_destroy(&writer->record);
    wt_free(writer);
}
