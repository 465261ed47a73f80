/*
 * Training, one step after the other: the shared step (step.c), rank 0's decision about it, and what follows
 * from that: validation → checkpoint → metrics.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train_internal.h"

/* --- the decision --- */

static void record_peak(wt_trainer *trainer, int rank, int64_t bytes) {
    if (bytes <= trainer->peak.bytes) return;
    trainer->peak.bytes = bytes;
    trainer->peak.rank = rank;
}

/* What the ranks report of themselves; the last signal that any of them has seen, or 0. */
static int hear_reports(wt_trainer *trainer) {
    int caught = 0;
    for (int rank = 0; rank < wt_comm_size(trainer->comm); rank++) {
        const wt_rank_report *report = &trainer->step->reports[rank];
        if (report->signal) caught = report->signal;
        record_peak(trainer, rank, report->peak_bytes);
        wt_stragglers_note(&trainer->stragglers, rank, report->busy);
    }
    return caught;
}

static bool is_due(int64_t step, int64_t every) {
    return every > 0 && step % every == 0;
}

/* What the guard says of the step, into the decision. */
static wt_status apply_guard(wt_trainer *trainer, wt_decision *decision, double loss, double norm) {
    wt_checkpoint_state *state = &trainer->state;
    const wt_guard_config *guard = &trainer->config->guard;
    const wt_step_verdict verdict = wt_guard_step(state, guard, isfinite(loss) && isfinite(norm), norm);
    trainer->note.guard = verdict;
    decision->skip = verdict != WT_STEP_APPLY;
    WT_CHECK(verdict != WT_STEP_GIVE_UP, WT_FAILED,
             "%s: %d steps in a row were skipped, after going back %d times (a lower optimizer.learning_rate "
             "may help)",
             trainer->options->run, state->guard.skipped_in_row, state->guard.rollbacks);
    if (verdict == WT_STEP_ROLL_BACK) {
        decision->roll_back = true;
        state->guard.rollbacks++;
        state->guard.rate_scale *= guard->rate;
    }
    return WT_OK;
}

/* Rank 0: to people, once the state is published, for a terminal may keep the run waiting. */
static void report_guard(wt_trainer *trainer, int64_t step) {
    if (!trainer->root || trainer->note.guard == WT_STEP_APPLY) return;
    wt_progress_print(trainer->progress, "warning: step %" PRId64 " is skipped: %s", step,
                      trainer->note.guard == WT_STEP_SKIP_SPIKE
                          ? "its gradient's norm is far beyond the usual"
                          : "its loss or gradient is not finite");
    trainer->note.guard = WT_STEP_APPLY;
}

/* Why the run should stop after this step, or NULL. */
static const char *find_reason_to_stop(const wt_trainer *trainer, int caught) {
    if (caught) return "a signal asked to stop";
    double step = wt_time_now() - trainer->step->began;
    bool near = wt_time_limit_near(trainer->time_limit, trainer->checkpoints.longest + step);
    return near ? "the time limit is near" : NULL;
}

/* What is due at the step, by the configuration, the clock and the ranks' signals. */
static void decide_dues(wt_trainer *trainer, wt_decision *decision, int caught) {
    const wt_config *config = trainer->config;
    bool last = decision->step == config->train.steps;
    double minutes = (wt_time_now() - trainer->checkpoints.last) / 60.0;
    if (decision->roll_back) return;
    trainer->why = find_reason_to_stop(trainer, caught);
    decision->stop = trainer->why || last;
    decision->validate = trainer->evaluator && (last || is_due(decision->step, config->validation.every));
    decision->compare = is_due(decision->step, config->run.compare_every);
    bool due = is_due(decision->step, config->checkpoint.every) ||
               (config->checkpoint.minutes > 0 && minutes >= config->checkpoint.minutes);
    /* going back should lead to before the trouble began, so none is written while steps are skipped */
    decision->planned = due && !decision->skip;
    decision->checkpoint = decision->stop || decision->planned;
}

/* NaN where the loss is no cross-entropy. */
static double nats_to_bits(const wt_trainer *trainer, double nats) {
    return wt_network_get_traits(trainer->network)->head_kind == WT_HEAD_MSE ? NAN : nats / log(2.0);
}

/* Epochs seen after a step. */
static double count_epochs(const wt_trainer *trainer, int64_t step) {
    return (double)step * trainer->config->train.batch / (double)wt_windows_count(trainer->data.windows);
}

/* Rank 0 alone: from sums to what all ranks do. */
static wt_status decide_step(void *context, const wt_microbatch_result *sum, const wt_real *gradient,
                             wt_decision *decision) {
    wt_trainer *trainer = context;
    const wt_config *config = trainer->config;
    wt_stop_writer_hold(trainer->stop);
    trainer->note.guard = WT_STEP_APPLY;
    const int caught = hear_reports(trainer);
    const int64_t step = trainer->state.step + 1;
    const double mean = sum->targets ? 1.0 / (double)sum->targets : 0.0;
    const double norm = wt_step_norm(trainer->step, gradient, mean);
    decision->step = step;
    decision->plateau = wt_judge_read_plateau(&trainer->state);
    decision->update = wt_schedule_update(wt_config_update_rule(config), &decision->plateau, step);
    decision->update.learning_rate *= trainer->state.guard.rate_scale;
    decision->update.gradient_scale = mean * wt_gradient_clip_scale(norm, config->optimizer.clip);
    decision->skip = sum->targets == 0;
    if (sum->targets && !decision->failed) WT_TRY(apply_guard(trainer, decision, sum->loss, norm));
    decide_dues(trainer, decision, caught);
    trainer->note.targets = sum->targets;
    trainer->note.row = (wt_metrics_row){
        .step = step,
        .epoch = count_epochs(trainer, step),
        .loss = sum->loss * mean,
        .bits = nats_to_bits(trainer, sum->loss * mean),
        .silence = trainer->data.silence < 0 ? NAN : (double)sum->silence * mean,
        .gradient_norm = norm,
        .learning_rate = decision->update.learning_rate,
        .validation_loss = NAN,
        .validation_bits = NAN,
        .validation_silence = NAN,
        .validation_accuracy = NAN,
    };
    return WT_OK;
}

/* --- what is published: the state and the row of a finished step --- */

/* The step's speed, without what validation and checkpoint add to it. */
static void record_speed(wt_trainer *trainer) {
    double seconds = wt_time_now() - trainer->step->began;
    trainer->note.row.samples_per_second = seconds > 0 ? (double)trainer->note.targets / seconds : NAN;
}

/* Rank 0: the step's row. A full disk does not end the run. */
static void append_row(wt_trainer *trainer) {
    wt_metrics_row *row = &trainer->note.row;
    row->seconds = trainer->start.seconds_before + wt_time_now() - trainer->began;
    trainer->state.seconds = row->seconds;
    trainer->note.unwritten = wt_metrics_append(trainer->files.metrics, row) != WT_OK;
}

/* Rank 0, to people. */
static void report_step(wt_trainer *trainer) {
    const wt_metrics_row *row = &trainer->note.row;
    if (trainer->note.unwritten) wt_progress_print(trainer->progress, "warning: %s", wt_error_message());
    trainer->note.unwritten = false;
    wt_progress_update(trainer->progress, row->step, row->samples_per_second, row->loss);
}

/* What of the row a checkpoint keeps that is written before the validation, and back from there. */
static void keep_row(wt_checkpoint_state *state, const wt_metrics_row *row) {
    state->due.loss = row->loss;
    state->due.silence = row->silence;
    state->due.norm = row->gradient_norm;
    state->due.rate = row->learning_rate;
    state->due.speed = row->samples_per_second;
}

static wt_metrics_row kept_row(const wt_trainer *trainer) {
    const wt_checkpoint_state *state = &trainer->state;
    return (wt_metrics_row){.step = state->step,
                            .epoch = count_epochs(trainer, state->step),
                            .loss = state->due.loss,
                            .bits = nats_to_bits(trainer, state->due.loss),
                            .silence = state->due.silence,
                            .gradient_norm = state->due.norm,
                            .learning_rate = state->due.rate,
                            .validation_loss = NAN,
                            .validation_bits = NAN,
                            .validation_silence = NAN,
                            .validation_accuracy = NAN,
                            .samples_per_second = state->due.speed};
}

/* After the update: the state is that of the finished step. */
static void publish_step(wt_trainer *trainer, const wt_decision *decision) {
    wt_checkpoint_state *state = &trainer->state;
    state->step = decision->step;
    wt_judge_store_plateau(state, decision->plateau);
    if (decision->planned) state->planned_step = decision->step;
    state->due.validation = decision->validate;
    state->uncompared = wt_comm_size(trainer->comm) > 1;
    if (trainer->root) {
        record_speed(trainer);
        keep_row(state, &trainer->note.row);
        if (!decision->validate) append_row(trainer);
    }
    wt_stop_writer_publish(trainer->stop);
    wt_hang_watch_step(trainer->watch, decision->step);
    report_guard(trainer, decision->step);
    if (trainer->root && !decision->validate) report_step(trainer);
}

/* --- validation --- */

/* Of labels. */
static bool predicts_classes(const wt_trainer *trainer) {
    return trainer->state.outputs > 1 && wt_network_get_traits(trainer->network)->classes > 0;
}

/* Rank 0: to people. */
static void report_judgement(const wt_trainer *trainer, wt_judgement judgement, double loss,
                             const wt_score *score) {
    char text[96], accuracy[64] = "";
    const wt_checkpoint_state *state = &trainer->state;
    wt_train_format_loss(text, sizeof text, trainer->network, wt_trainer_unit(trainer), loss);
    if (predicts_classes(trainer))
        snprintf(accuracy, sizeof accuracy, ", %.2f %% right",
                 100.0 * (double)score->correct / (double)score->targets);
    if (state->validation_power > 0)
        wt_train_format_esr(accuracy, sizeof accuracy, wt_dataset_kind(trainer->data.set) == WT_DATA_AUDIO,
                            loss / state->validation_power);
    wt_progress_print(trainer->progress, "step %" PRId64 ": validation loss %s%s%s", state->step, text,
                      accuracy, judgement.best ? " (the best so far)" : "");
    if (judgement.lowered) {
        wt_progress_print(trainer->progress,
                          "step %" PRId64 ": no improvement for long, the learning rate is now %g",
                          state->step, trainer->config->optimizer.learning_rate * state->plateau.scale);
    }
}

/* Rank 0: what follows from the validation, and the row that waited for it. */
static wt_judgement publish_validation(wt_trainer *trainer, double loss, const wt_score *score) {
    wt_checkpoint_state *state = &trainer->state;
    wt_metrics_row *row = &trainer->note.row;
    wt_stop_writer_hold(trainer->stop);
    const bool squares = wt_network_get_traits(trainer->network)->head_kind == WT_HEAD_MSE &&
                         score->targets > 0;
    state->validation_power = squares ? score->squares / (double)score->targets : 0;
    const wt_judgement judgement = wt_judge(state, trainer->config, loss);
    if (judgement.best) state->planned_step = state->step;
    state->due.validation = false;
    row->validation_loss = loss;
    row->validation_bits = nats_to_bits(trainer, loss);
    row->validation_silence = trainer->data.silence < 0 ? NAN
                                                        : (double)score->silence / (double)score->targets;
    if (predicts_classes(trainer)) row->validation_accuracy = (double)score->correct / (double)score->targets;
    append_row(trainer);
    wt_stop_writer_publish(trainer->stop);
    return judgement;
}

/* The judgement holds on all ranks. */
static wt_status run_validation(wt_trainer *trainer, wt_decision *decision) {
    wt_score score;
    wt_judgement judgement = {0};
    wt_timer_enter(&trainer->step->timer, WT_PHASE_VALIDATE);
    const wt_real *mean = trainer->step->optimizer.moments[WT_MOMENT_AVERAGE];
    WT_TRY(wt_evaluator_run(trainer->evaluator, mean ? mean : trainer->step->parameters, NULL, &score, NULL));
    const double loss = score.targets ? score.loss / (double)score.targets : NAN;
    if (trainer->root) judgement = publish_validation(trainer, loss, &score);
    wt_comm_broadcast(trainer->comm, &judgement, sizeof judgement);
    wt_comm_broadcast(trainer->comm, &trainer->state, sizeof trainer->state);
    if (judgement.best || judgement.enough)
        decision->checkpoint = true; /* the best is kept, so it must exist */
    if (judgement.enough) decision->stop = true;
    if (!trainer->root) return WT_OK;
    report_judgement(trainer, judgement, loss, &score);
    report_step(trainer);
    return WT_OK;
}

/* --- checkpoints, and what else follows a step --- */

/* Rank 0: a checkpoint that could not be written is a warning while there is still time for another one. */
static void collect_checkpoint(wt_trainer *trainer, bool wait) {
    double seconds = 0;
    if (wt_checkpoint_writer_collect(trainer->files.writer, wait, &seconds) != WT_OK) {
        wt_progress_print(trainer->progress, "warning: no checkpoint of step %" PRId64 ": %s",
                          wt_checkpoint_writer_step(trainer->files.writer), wt_error_message());
    }
    if (seconds > 0) trainer->files.record.checkpoint_seconds = seconds;
    if (seconds > trainer->checkpoints.longest) trainer->checkpoints.longest = seconds;
    trainer->checkpoints.count += seconds > 0;
    trainer->checkpoints.sum += seconds;
}

/* Rank 0. The last one is waited for: its failure is the run's, unless steps are being skipped, whose state
 * may not be finite and then is no state that a checkpoint holds; the run goes on from the one before. */
static wt_status keep_checkpoint(wt_trainer *trainer, const wt_decision *decision) {
    wt_timer_enter(&trainer->step->timer, WT_PHASE_CHECKPOINT);
    collect_checkpoint(trainer, true);
    trainer->checkpoints.last = wt_time_now();
    if (decision->stop) {
        wt_stop_writer_settle(trainer->stop);
        if (wt_checkpoint_writer_holds(trainer->files.writer, &trainer->state)) return WT_OK;
    }
    wt_status status = wt_checkpoint_writer_submit(trainer->files.writer, &trainer->state,
                                                   trainer->step->parameters, &trainer->step->optimizer,
                                                   trainer->files.metrics);
    if (decision->stop && status == WT_OK)
        status = wt_checkpoint_writer_collect(trainer->files.writer, true,
                                              &trainer->files.record.checkpoint_seconds);
    const bool last = decision->step == trainer->config->train.steps;
    if (status == WT_OK || (decision->stop && (last || !trainer->state.guard.skipped_in_row))) return status;
    wt_progress_print(trainer->progress, "warning: no checkpoint of step %" PRId64 ": %s", decision->step,
                      wt_error_message());
    return WT_OK;
}

/* Rank 0 writes run.yaml when memory has grown by much, so that the record of a start that is killed for it
 * has the figure.
 */
static void keep_peak(wt_trainer *trainer) {
    if (trainer->peak.bytes <= trainer->peak.written + trainer->peak.written / 16) return;
    trainer->peak.written = trainer->peak.bytes;
    if (wt_run_lock_check(trainer->files.lock) != WT_OK ||
        wt_stop_writer_note_running(trainer->stop, trainer) != WT_OK)
        wt_progress_print(trainer->progress, "warning: %s", wt_error_message());
}

/* Rank 0: who is slow, whenever that changes. */
static void report_stragglers(wt_trainer *trainer) {
    char text[512];
    if (!wt_stragglers_changed(&trainer->stragglers, trainer->config->run.seconds)) return;
    if (!trainer->stragglers.any) {
        wt_progress_print(trainer->progress, "step %" PRId64 ": no rank is slower than the others any more",
                          trainer->state.step);
        return;
    }
    wt_stragglers_text(text, sizeof text, &trainer->stragglers, trainer->start.places);
    wt_progress_print(trainer->progress, "warning: step %" PRId64 ": slower than the others: %s",
                      trainer->state.step, text);
}

/* --- the step --- */

/* This rank's windows; rank 0 also looks whether another run has taken the folder over. */
static wt_status next_batch(void *context, const wt_batch **batch) {
    wt_trainer *trainer = context;
    wt_timer_enter(&trainer->step->timer, WT_PHASE_DATA);
    WT_TRY(wt_loader_next(trainer->data.loader, batch));
    return trainer->root ? wt_run_lock_beat(trainer->files.lock, trainer->step->began) : WT_OK;
}

/* What is due once the step's state is published. */
static wt_status follow_step(wt_trainer *trainer, wt_decision *decision) {
    if (decision->validate) WT_TRY(run_validation(trainer, decision));
    if (decision->compare || decision->checkpoint) {
        WT_TRY(wt_replicas_compare(trainer));
        wt_stop_writer_hold(trainer->stop);
        trainer->state.uncompared = false;
        wt_stop_writer_publish(trainer->stop);
    }
    if (!trainer->root) return WT_OK;
    keep_peak(trainer);
    report_stragglers(trainer);
    collect_checkpoint(trainer, false);
    return decision->checkpoint ? keep_checkpoint(trainer, decision) : WT_OK;
}

static wt_status roll_back(wt_trainer *trainer, const wt_decision *decision) {
    WT_TRY(wt_trainer_roll_back(trainer));
    wt_stop_writer_publish(trainer->stop);
    report_guard(trainer, decision->step);
    if (trainer->root)
        wt_progress_print(trainer->progress,
                          "warning: back to step %" PRId64 ", with the learning rate times %g from here on",
                          trainer->state.step, trainer->state.guard.rate_scale);
    return WT_OK;
}

/* From the decision on the state is held; a failure leaves none that is worth keeping. */
static wt_status run_step(wt_trainer *trainer, wt_decision *decision) {
    const wt_step_caller caller = {next_batch, decide_step, trainer};
    WT_TRY(wt_step_run(trainer->step, trainer->state.step + 1, &caller, decision));
    if (decision->roll_back) return roll_back(trainer, decision);
    publish_step(trainer, decision);
    wt_status status = follow_step(trainer, decision); /* rank 0 alone may fail, at the last step */
    wt_timer_enter(&trainer->step->timer, WT_PHASE_OTHER);
    wt_step_times_note(&trainer->times, &trainer->step->timer);
    return status;
}

static wt_status run_reported_step(wt_trainer *trainer, wt_decision *decision) {
    wt_status status = run_step(trainer, decision);
    if (status == WT_OK) return WT_OK;
    wt_stop_writer_close(trainer->stop);
    report_guard(trainer, decision->step);
    return status;
}

/* A step whose checkpoint a signal has taken before its validation. */
static wt_status finish_step(wt_trainer *trainer, wt_decision *decision) {
    const wt_checkpoint_state *state = &trainer->state;
    decision->step = state->step;
    decision->validate = trainer->evaluator != NULL;
    decision->checkpoint = decision->stop || state->planned_step == state->step;
    if (trainer->root) trainer->note.row = kept_row(trainer);
    if (!trainer->evaluator) { /* the configuration asks for none any more */
        wt_stop_writer_hold(trainer->stop);
        trainer->state.due.validation = false;
        if (trainer->root) append_row(trainer);
        wt_stop_writer_publish(trainer->stop);
    }
    return follow_step(trainer, decision);
}

/* --- the run --- */

static bool is_done(const wt_trainer *trainer) {
    return trainer->state.step >= trainer->config->train.steps ||
           wt_judge_is_out_of_patience(&trainer->state, trainer->config) ||
           wt_judge_has_reached_esr(&trainer->state, trainer->config);
}

/* Rank 0's last words in run.yaml; a failure's message stays the one that main prints. */
static wt_status record_verdict(wt_trainer *trainer, wt_status status) {
    char why[1024];
    wt_trainer_report_end(trainer, status, why, sizeof why);
    const char *verdict = status == WT_OK ? "done" : status == WT_CONTINUE ? "continue" : "failed";
    wt_status written = wt_run_lock_check(
        trainer->files.lock); /* a successor's record is not this run's to change */
    if (written == WT_OK) written = wt_run_write_record(trainer, verdict, why);
    return status == WT_OK || status == WT_CONTINUE ? (written == WT_OK ? status : written)
                                                    : wt_error(status, "%s", why);
}

/* The most memory of any rank, between steps. Collective. */
static void gather_peaks(wt_trainer *trainer) {
    const wt_rank_report mine = {.peak_bytes = wt_memory_peak_resident()};
    wt_rank_report *all = trainer->step->reports;
    wt_comm_gather(trainer->comm, &mine, sizeof mine, all);
    for (int rank = 0; trainer->root && rank < wt_comm_size(trainer->comm); rank++)
        record_peak(trainer, rank, all[rank].peak_bytes);
}

static void notify_watch(void *watch, wt_phase phase) {
    wt_hang_watch_phase(watch, (int)phase);
}

static wt_status run_steps(wt_trainer *trainer) {
    wt_status status = WT_OK;
    int64_t before = trainer->state.step;
    wt_decision decision = {.stop = is_done(trainer)};
    if (trainer->root) {
        status = wt_progress_create(&trainer->progress, "training", "samples", trainer->state.step,
                                    trainer->config->train.steps, trainer->config->run.seconds);
        if (status == WT_OK)
            status = wt_stragglers_init(&trainer->stragglers, wt_comm_size(trainer->comm),
                                        trainer->step->microbatches.count, trainer->config->run.straggler);
    }
    WT_TRY(wt_comm_agree(trainer->comm, status));
    wt_timer_init(&trainer->step->timer);
    trainer->step->timer.listener = notify_watch;
    trainer->step->timer.context = trainer->watch;
    trainer->began = trainer->checkpoints.last = wt_time_now();
    if (trainer->state.due.validation) status = finish_step(trainer, &decision);
    while (status == WT_OK && !decision.stop) status = run_reported_step(trainer, &decision);
    status = wt_comm_agree(trainer->comm, status);
    gather_peaks(trainer);
    wt_progress_destroy(trainer->progress); /* its line is finished before the summary's begin */
    trainer->progress = NULL;
    WT_TRY(status);
    wt_trainer_summarise_phases(trainer, trainer->state.step - before);
    wt_trainer_summarise_ranks(trainer);
    return is_done(trainer) ? WT_OK : WT_CONTINUE;
}

static wt_status run_recorded(wt_trainer *trainer) {
    WT_TRY(wt_comm_hosts(trainer->comm, &trainer->start.hosts));
    gather_peaks(trainer);
    trainer->peak.written = trainer->peak.bytes;
    wt_status status = WT_OK;
    if (trainer->root) {
        wt_trainer_describe(trainer);
        wt_stop_writer_warn(trainer->files.record.checkpoint_seconds);
        status = wt_run_write_record(trainer, "running", "");
        if (status == WT_OK) status = wt_stop_writer_start(&trainer->stop, trainer);
    }
    status = wt_comm_agree(trainer->comm, status);
    if (status != WT_OK) {
        wt_stop_writer_end(trainer->stop);
        trainer->stop = NULL;
        return status;
    }
    atomic_store(&trainer->start.begun, true);
    status = run_steps(trainer);
    wt_stop_writer_end(trainer->stop); /* the verdict is another now */
    trainer->stop = NULL;
    wt_progress_destroy(trainer->progress);
    trainer->progress = NULL;
    if (trainer->root && status != WT_FAILED) wt_trainer_summarise(trainer, status);
    if (trainer->root) status = record_verdict(trainer, status);
    /* rank 0's word counts: a record that can't be written is a failure */
    return wt_comm_agree(trainer->comm, status);
}

/* The hang watch of any rank, before it ends the job: no rank can say anything after that. The record is left
 * alone if it is no longer this start's: it has its verdict already, or another start has taken the folder
 * over. */
static void leave_verdict(void *context, const char *why) {
    const wt_trainer *trainer = context;
    wt_run_record record;
    if (!atomic_load(&trainer->start.begun) || !wt_run_read_record(&record, trainer->options->run)) return;
    if (record.running && record.restarts == trainer->start.restarts)
        wt_run_change_verdict(trainer->options->run, "failed", why);
    wt_run_record_dispose(&record);
}

/* What looks at the clock for the whole run; the set-up counts as loading. */
static wt_status start_clocks(wt_trainer *trainer) {
    const wt_run_config *run = &trainer->config->run;
    wt_hang_limits limits = {run->hang_seconds, run->hang_seconds_data, run->hang_seconds_validation};
    wt_status status = WT_OK;
    if (wt_comm_rank(trainer->comm) == 0) {
        status = wt_time_limit_start(&trainer->time_limit, run->time_limit, run->time_margin);
    }
    if (status == WT_OK)
        status = wt_hang_watch_start(&trainer->watch, trainer->comm, &limits, wt_phase_table);
    wt_hang_watch_set_report(trainer->watch, leave_verdict, trainer);
    return wt_comm_agree(trainer->comm, status);
}

wt_status wt_train(wt_comm *comm, const wt_train_options *options) {
    wt_trainer *trainer;
    wt_status status = wt_alloc(&trainer, 1, sizeof *trainer, "the trainer");
    status = wt_comm_agree(comm, status);
    if (status != WT_OK) { /* another rank may have no memory for it */
        wt_free(trainer);
        return status;
    }
    trainer->comm = comm;
    trainer->options = options;
    trainer->config = options->config;
    trainer->start.begun_at = time(NULL);
    wt_comm_catch_signals();
    status = start_clocks(trainer);
    if (status == WT_OK) status = wt_trainer_setup(trainer);
    if (status == WT_OK) status = run_recorded(trainer);
    if (trainer->files.lock && !atomic_load(&trainer->start.begun)) wt_run_note_refusal(options->run);
    wt_trainer_dispose(trainer);
    wt_time_limit_stop(trainer->time_limit);
    wt_hang_watch_stop(trainer->watch);
    wt_free(trainer);
    return status;
}
