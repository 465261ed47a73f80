/*
 * Training, one step after the other. wt_trainer_step reads from top to bottom as the data flows: batch →
 * forward and backward, wave of lanes after wave → exchange of gradients → rank 0's decision → update →
 * validation → checkpoint → metrics. Whatever a step needs that is not the same on all ranks (a loader's
 * error, a signal) travels to rank 0 with the lanes' results and comes back as part of its decision, so that
 * no rank ever waits for one that has left.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train_internal.h"
#include "wavetrain/memory.h"

/* --- forward and backward --- */

/* Adds up a lane's windows in order, and counts its targets that are silence. */
static void wt_note_lane(wt_trainer *trainer, const wt_batch *batch, int lane, const wt_window_loss *losses) {
    wt_lane_result *result = &trainer->mine[lane - trainer->first_lane].lane;
    *result = (wt_lane_result){0.0, 0, 0};
    for (int i = 0; i < trainer->lane_windows; i++) {
        int slot = (lane - trainer->first_lane) * trainer->lane_windows + i;
        const int32_t *targets = batch->target + (size_t)slot * (size_t)batch->targets;
        result->loss += losses[i].loss;
        result->targets += losses[i].targets;
        for (int t = 0; t < batch->target_count[slot]; t++) result->silence += targets[t] == trainer->silence;
    }
}

/* Backward has finished a range of the gradient in all lanes of the wave. */
static void wt_hand_over(void *context, size_t offset, size_t count) {
    wt_trainer *trainer = context;
    wt_timer_enter(&trainer->timer, WT_PHASE_EXCHANGE);
    wt_exchange_ready(trainer->exchange, offset, count);
    wt_timer_enter(&trainer->timer, WT_PHASE_BACKWARD);
}

static void wt_move_messages(void *context) {
    wt_trainer *trainer = context;
    wt_timer_enter(&trainer->timer, WT_PHASE_EXCHANGE);
    wt_exchange_poke(trainer->exchange);
    wt_timer_enter(&trainer->timer, WT_PHASE_BACKWARD);
}

/* Lanes first … first+lanes−1 together, layer by layer. */
static void wt_run_wave(wt_trainer *trainer, const wt_batch *batch, int first, int lanes) {
    wt_timer_enter(&trainer->timer, WT_PHASE_FORWARD);
    int slot = (first - trainer->first_lane) * trainer->lane_windows;
    wt_pass_forward(trainer->pass, batch, slot, lanes * trainer->lane_windows, trainer->window_losses);
    for (int i = 0; i < lanes; i++) {
        wt_note_lane(trainer, batch, first + i, trainer->window_losses + i * trainer->lane_windows);
    }
    wt_timer_enter(&trainer->timer, WT_PHASE_EXCHANGE);
    for (int i = 0; i < lanes; i++)
        trainer->lane_gradients[i] = wt_exchange_lane(trainer->exchange, first + i);
    wt_timer_enter(&trainer->timer, WT_PHASE_BACKWARD);
    const wt_pass_listener listener = {wt_hand_over, wt_move_messages, trainer};
    wt_pass_backward(trainer->pass, trainer->lane_windows, trainer->lane_gradients, &listener);
}

/* Batch norm's sums over all lanes. */
static void wt_sum_lanes(void *context, const double *lanes, int count, double *sum) {
    wt_trainer *trainer = context;
    const wt_phase phase = trainer->timer.phase;
    wt_timer_enter(&trainer->timer, WT_PHASE_EXCHANGE);
    wt_comm_sum_lanes(trainer->comm, trainer->lanes, lanes, count, trainer->lane_sums, sum);
    wt_timer_enter(&trainer->timer, phase);
}

static void wt_begin_pass(wt_trainer *trainer) {
    const wt_pass_step step = {.seed = (uint64_t)trainer->config->train.seed,
                               .step = trainer->state.step + 1,
                               .first_lane = trainer->first_lane,
                               .lane_windows = trainer->lane_windows,
                               .reduce = wt_sum_lanes,
                               .context = trainer};
    wt_pass_derive(trainer->pass, trainer->parameters);
    wt_pass_begin_step(trainer->pass, &step);
}

/* A rank without a batch takes part in the exchange with gradients of zero until rank 0 ends the run. */
static void wt_run_nothing(wt_trainer *trainer) {
    if (wt_network_lane_sums(trainer->network)) { /* the others wait for this rank's part of them */
        const int lanes = trainer->end_lane - trainer->first_lane;
        wt_pass_forward(trainer->pass, NULL, 0, lanes * trainer->lane_windows, trainer->window_losses);
        for (int i = 0; i < lanes; i++)
            trainer->lane_gradients[i] = wt_exchange_lane(trainer->exchange, trainer->first_lane + i);
        wt_pass_backward(trainer->pass, trainer->lane_windows, trainer->lane_gradients, NULL);
        wt_exchange_ready(trainer->exchange, 0, trainer->network->parameters.trained);
        for (int i = 0; i < lanes; i++) trainer->mine[i].lane = (wt_lane_result){0.0, 0, 0};
        return;
    }
    for (int lane = trainer->first_lane; lane < trainer->end_lane; lane++) {
        trainer->mine[lane - trainer->first_lane].lane = (wt_lane_result){0.0, 0, 0};
        float *gradient = wt_exchange_lane(trainer->exchange, lane);
        memset(gradient, 0, trainer->network->parameters.trained * sizeof *gradient);
        wt_exchange_ready(trainer->exchange, 0, trainer->network->parameters.trained);
    }
}

/* --- the decision --- */

/* At the exchange: what this rank did since the last one by itself, the update after that one included. */
static void wt_note_busy(wt_trainer *trainer) {
    static const wt_phase phases[] = {WT_PHASE_UPDATE, WT_PHASE_DATA, WT_PHASE_DERIVE, WT_PHASE_FORWARD,
                                      WT_PHASE_BACKWARD};
    double busy = 0;
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) busy += trainer->timer.seconds[phases[i]];
    trainer->busy = busy - trainer->busy_before;
    trainer->busy_before = busy;
}

/* This rank's peak of memory; looked for once a second, since a step may take no more than the look. */
static int64_t wt_look_at_memory(wt_trainer *trainer) {
    if (trainer->last_step - trainer->looked_at >= 1.0) {
        trainer->looked_at = trainer->last_step;
        trainer->own_peak = wt_memory_peak_resident();
    }
    return trainer->own_peak;
}

static void wt_note_peak(wt_trainer *trainer, int rank, int64_t bytes) {
    if (bytes <= trainer->peak_bytes) return;
    trainer->peak_bytes = bytes;
    trainer->peak_rank = rank;
}

/* The step's results of all ranks on rank 0: each rank's lanes in order, then what it says of itself. */
static void wt_gather_results(wt_trainer *trainer) {
    int own = trainer->end_lane - trainer->first_lane;
    trainer->mine[own].rank = (wt_rank_words){.busy = trainer->busy,
                                              .peak_bytes = wt_look_at_memory(trainer),
                                              .signal = wt_comm_signal(),
                                              .failed = trainer->load_status};
    wt_comm_gather(trainer->comm, trainer->mine, (size_t)(own + 1) * sizeof *trainer->mine, trainer->all);
}

/* Adds the lanes in order; sets *caught and *failed from the ranks' words. */
static wt_lane_result wt_add_lanes(wt_trainer *trainer, int *caught, int *failed) {
    wt_lane_result sum = {0.0, 0, 0};
    const wt_step_result *at = trainer->all;
    *caught = *failed = 0;
    for (int rank = 0; rank < wt_comm_size(trainer->comm); rank++) {
        int first, end;
        wt_comm_lanes(rank, wt_comm_size(trainer->comm), trainer->lanes, &first, &end);
        for (int lane = first; lane < end; lane++, at++) {
            sum.loss += at->lane.loss;
            sum.targets += at->lane.targets;
            sum.silence += at->lane.silence;
        }
        if (at->rank.signal) *caught = at->rank.signal;
        if (at->rank.failed) *failed = at->rank.failed;
        wt_note_peak(trainer, rank, at->rank.peak_bytes);
        wt_stragglers_note(&trainer->stragglers, rank, at->rank.busy);
        at++;
    }
    return sum;
}

static bool wt_is_due(int64_t step, int64_t every) {
    return every > 0 && step % every == 0;
}

/* What the guard says of the step, into the decision, and to people. */
static wt_status wt_apply_guard(wt_trainer *trainer, wt_decision *decision, double loss, double norm) {
    wt_checkpoint_state *state = &trainer->state;
    const wt_guard_config *guard = &trainer->config->guard;
    wt_step_verdict verdict = wt_guard_step(state, guard, isfinite(loss) && isfinite(norm), norm);
    decision->skip = verdict != WT_STEP_APPLY;
    if (verdict == WT_STEP_APPLY) return WT_OK;
    wt_progress_say(trainer->progress, "warning: step %" PRId64 " is skipped: %s", decision->step,
                    verdict == WT_STEP_SKIP_SPIKE ? "its gradient's norm is far beyond the usual"
                                                  : "its loss or gradient is not finite");
    WT_CHECK(verdict != WT_STEP_GIVE_UP, WT_FAILED,
             "%s: %d steps in a row were skipped, after going back %d times (a lower optimizer.learning_rate "
             "may help)",
             trainer->options->run, state->skipped_in_row, state->rollbacks);
    if (verdict == WT_STEP_ROLL_BACK) {
        decision->roll_back = true;
        state->rollbacks++;
        state->rate_scale *= guard->rate;
    }
    return WT_OK;
}

/* Why the run should stop after this step, or NULL. */
static const char *wt_reason_to_stop(const wt_trainer *trainer, int caught) {
    if (caught) return "a signal asked to stop";
    double step = wt_time_now() - trainer->last_step;
    bool near = wt_time_limit_near(trainer->time_limit, trainer->checkpoint_seconds + step);
    return near ? "the time limit is near" : NULL;
}

/* What is due at the step, by the configuration, the clock and the ranks' signals. */
static void wt_decide_dues(wt_trainer *trainer, wt_decision *decision, int caught) {
    const wt_config *config = trainer->config;
    bool last = decision->step == config->train.steps;
    double minutes = (wt_time_now() - trainer->last_checkpoint) / 60.0;
    if (decision->roll_back) return;
    trainer->why = wt_reason_to_stop(trainer, caught);
    decision->stop = trainer->why || last;
    decision->validate = trainer->evaluator && (last || wt_is_due(decision->step, config->validation.every));
    decision->compare = wt_is_due(decision->step, config->run.compare_every);
    bool due = wt_is_due(decision->step, config->checkpoint.every) ||
               (config->checkpoint.minutes > 0 && minutes >= config->checkpoint.minutes);
    /* going back should lead to before the trouble began, so none is written while steps are skipped */
    decision->checkpoint = decision->stop || (due && !decision->skip);
}

/* NaN where the loss is no cross-entropy. */
static double wt_bits(const wt_trainer *trainer, double nats) {
    return trainer->network->head_kind == WT_HEAD_MSE ? NAN : nats / log(2.0);
}

/* Rank 0 alone: from sums to what all ranks do. */
static wt_status wt_decide(wt_trainer *trainer, const float *gradient, wt_decision *decision) {
    const wt_config *config = trainer->config;
    int caught, failed;
    wt_lane_result sum = wt_add_lanes(trainer, &caught, &failed);
    int64_t step = trainer->state.step + 1;
    double mean = sum.targets ? 1.0 / (double)sum.targets : 0.0;
    *decision = (wt_decision){.step = step, .plateau = wt_stored_plateau(&trainer->state), .failed = failed};
    double norm = wt_gradient_norm(trainer->kernels, gradient, trainer->network->parameters.trained, mean,
                                   trainer->block_sums);
    decision->update = wt_schedule_update(config, &decision->plateau, step);
    decision->update.learning_rate *= trainer->state.rate_scale;
    decision->update.gradient_scale = mean * wt_clip_scale(norm, config->optimizer.clip);
    decision->skip = sum.targets == 0;
    if (sum.targets && !failed) WT_TRY(wt_apply_guard(trainer, decision, sum.loss, norm));
    wt_decide_dues(trainer, decision, caught);
    trainer->step_targets = sum.targets;
    trainer->row = (wt_metrics_row){
        .step = step,
        .epoch = (double)step * config->train.batch / (double)wt_windows_count(trainer->windows),
        .loss = sum.loss * mean,
        .bits = wt_bits(trainer, sum.loss * mean),
        .silence = trainer->silence < 0 ? NAN : (double)sum.silence * mean,
        .gradient_norm = norm,
        .learning_rate = decision->update.learning_rate,
        .validation_loss = NAN,
        .validation_bits = NAN,
        .validation_silence = NAN,
    };
    return WT_OK;
}

/* Rank 0 decides, all hear of it. A failure of the decision itself, or of a rank's loader, ends the run
 * everywhere. */
static wt_status wt_agree_on_step(wt_trainer *trainer, const float *gradient, wt_decision *decision) {
    wt_status status = trainer->load_status;
    wt_gather_results(trainer);
    if (trainer->root) {
        wt_status decided = wt_decide(trainer, gradient, decision);
        if (decided != WT_OK) {
            decision->failed = decided;
            if (status == WT_OK) status = decided;
        }
    }
    wt_comm_broadcast(trainer->comm, decision, sizeof *decision);
    return decision->failed ? wt_comm_agree(trainer->comm, status) : WT_OK;
}

/* --- validation, checkpoint, metrics --- */

/* What the judgement means for this step, on all ranks alike. */
static void wt_heed_judgement(wt_trainer *trainer, wt_decision *decision, double loss,
                              const wt_score *score) {
    char text[96], accuracy[48] = "";
    wt_checkpoint_state *state = &trainer->state;
    wt_judgement judgement = {0};
    if (trainer->root) judgement = wt_judge(state, trainer->config, loss);
    wt_comm_broadcast(trainer->comm, &judgement, sizeof judgement);
    wt_comm_broadcast(trainer->comm, state, sizeof *state);
    if (judgement.best || judgement.enough)
        decision->checkpoint = true; /* the best is kept, so it must exist */
    if (judgement.enough) decision->stop = true;
    if (!trainer->root) return;
    wt_loss_text(text, sizeof text, trainer->network, wt_trainer_unit(trainer), loss);
    if (state->outputs > 1)
        snprintf(accuracy, sizeof accuracy, ", %.2f %% right",
                 100.0 * (double)score->correct / (double)score->targets);
    wt_progress_say(trainer->progress, "step %" PRId64 ": validation loss %s%s%s", state->step, text,
                    accuracy, judgement.best ? " (the best so far)" : "");
    if (judgement.lowered) {
        wt_progress_say(trainer->progress,
                        "step %" PRId64 ": no improvement for long, the learning rate is now %g", state->step,
                        trainer->config->optimizer.learning_rate * state->plateau_scale);
    }
}

static wt_status wt_validate(wt_trainer *trainer, wt_decision *decision) {
    wt_score score;
    wt_timer_enter(&trainer->timer, WT_PHASE_VALIDATE);
    const wt_real *mean = trainer->optimizer.moments[WT_MOMENT_AVERAGE];
    WT_TRY(wt_evaluator_run(trainer->evaluator, mean ? mean : trainer->parameters, NULL, &score, NULL));
    double loss = score.targets ? score.loss / (double)score.targets : NAN;
    trainer->row.validation_loss = loss;
    trainer->row.validation_bits = wt_bits(trainer, loss);
    trainer->row.validation_silence = trainer->silence < 0 ? NAN
                                                           : (double)score.silence / (double)score.targets;
    wt_heed_judgement(trainer, decision, loss, &score);
    return WT_OK;
}

/* Rank 0: a checkpoint that could not be written is a warning while there is still time for another one. */
static void wt_hear_of_checkpoint(wt_trainer *trainer, bool wait) {
    double seconds = 0;
    if (wt_checkpoint_writer_collect(trainer->writer, wait, &seconds) != WT_OK) {
        wt_progress_say(trainer->progress, "warning: no checkpoint of step %" PRId64 ": %s",
                        wt_checkpoint_writer_step(trainer->writer), wt_error_message());
    }
    if (seconds > trainer->checkpoint_seconds) trainer->checkpoint_seconds = seconds;
    trainer->checkpoints += seconds > 0;
    trainer->checkpoint_sum += seconds;
}

/* Rank 0. The last one is waited for: its failure is the run's. */
static wt_status wt_keep_checkpoint(wt_trainer *trainer, const wt_decision *decision) {
    wt_timer_enter(&trainer->timer, WT_PHASE_CHECKPOINT);
    wt_hear_of_checkpoint(trainer, true);
    trainer->last_checkpoint = wt_time_now();
    wt_status status = wt_checkpoint_writer_submit(trainer->writer, &trainer->state, trainer->parameters,
                                                   &trainer->optimizer, trainer->metrics);
    if (decision->stop && status == WT_OK) status = wt_checkpoint_writer_collect(trainer->writer, true, NULL);
    if (status == WT_OK || decision->stop) return status;
    wt_progress_say(trainer->progress, "warning: no checkpoint of step %" PRId64 ": %s", decision->step,
                    wt_error_message());
    return WT_OK;
}

/* The step's speed, without what validation and checkpoint add to it. */
static void wt_note_speed(wt_trainer *trainer) {
    double seconds = wt_time_now() - trainer->last_step;
    trainer->row.samples_per_second = seconds > 0 ? (double)trainer->step_targets / seconds : NAN;
}

/* Rank 0: the step's row, the progress bar. A full disk does not end the run. */
static void wt_note_step(wt_trainer *trainer) {
    wt_metrics_row *row = &trainer->row;
    row->seconds = trainer->seconds_before + wt_time_now() - trainer->began;
    trainer->state.seconds = row->seconds;
    if (wt_metrics_append(trainer->metrics, row) != WT_OK) {
        wt_progress_say(trainer->progress, "warning: %s", wt_error_message());
    }
    wt_progress_update(trainer->progress, row->step, row->samples_per_second, row->loss);
}

/* Rank 0: run.yaml hears of memory that has grown by much, lest a start that is killed for it never say so. */
static void wt_keep_peak(wt_trainer *trainer) {
    if (trainer->peak_bytes <= trainer->peak_written + trainer->peak_written / 16) return;
    trainer->peak_written = trainer->peak_bytes;
    if (wt_run_lock_check(trainer->lock) != WT_OK || wt_write_run_record(trainer, "running", "") != WT_OK)
        wt_progress_say(trainer->progress, "warning: %s", wt_error_message());
}

/* Rank 0: who is slow, whenever that changes. */
static void wt_say_stragglers(wt_trainer *trainer) {
    char text[512];
    if (!wt_stragglers_changed(&trainer->stragglers, trainer->config->run.seconds)) return;
    if (!trainer->stragglers.any) {
        wt_progress_say(trainer->progress, "step %" PRId64 ": no rank is slower than the others any more",
                        trainer->state.step);
        return;
    }
    wt_stragglers_text(text, sizeof text, &trainer->stragglers, trainer->places);
    wt_progress_say(trainer->progress, "warning: step %" PRId64 ": slower than the others: %s",
                    trainer->state.step, text);
}

/* --- the step --- */

static wt_status wt_trainer_step(wt_trainer *trainer, wt_decision *decision) {
    trainer->last_step = wt_time_now();

    /* batch: this rank's lanes' windows */
    wt_timer_enter(&trainer->timer, WT_PHASE_DATA);
    const wt_batch *batch = NULL;
    trainer->load_status = wt_loader_next(trainer->loader, &batch);
    if (trainer->root && trainer->load_status == WT_OK) { /* another run may have taken the folder over */
        trainer->load_status = wt_run_lock_beat(trainer->lock, trainer->last_step);
    }

    /* forward and backward, wave after wave; each lane's gradient goes into the tree */
    wt_timer_enter(&trainer->timer, WT_PHASE_DERIVE);
    wt_begin_pass(trainer);
    for (int lane = trainer->first_lane; trainer->load_status == WT_OK && lane < trainer->end_lane;) {
        int left = trainer->end_lane - lane;
        int lanes = left < trainer->lanes_at_once ? left : trainer->lanes_at_once;
        wt_run_wave(trainer, batch, lane, lanes);
        lane += lanes;
    }
    if (trainer->load_status != WT_OK) wt_run_nothing(trainer);

    /* the sum over all lanes, then rank 0's decision */
    double added;
    wt_timer_enter(&trainer->timer, WT_PHASE_WAIT);
    wt_note_busy(trainer);
    const float *gradient = wt_exchange_complete(trainer->exchange, &added);
    wt_timer_enter(&trainer->timer, WT_PHASE_DECIDE);
    wt_timer_move(&trainer->timer, WT_PHASE_WAIT, WT_PHASE_EXCHANGE, added);
    memset(decision, 0, sizeof *decision);
    WT_TRY(wt_agree_on_step(trainer, gradient, decision));
    if (decision->roll_back) return wt_trainer_roll_back(trainer);

    /* the same update everywhere */
    wt_timer_enter(&trainer->timer, WT_PHASE_UPDATE);
    if (!decision->skip) {
        wt_pass_commit(trainer->pass, trainer->parameters); /* before the mean takes them in */
        wt_optimizer_step(&trainer->optimizer, trainer->kernels, &trainer->config->optimizer,
                          &decision->update, gradient, trainer->parameters);
    }
    trainer->state.step = decision->step;
    wt_store_plateau(&trainer->state, decision->plateau);
    wt_hang_watch_step(trainer->watch, decision->step);

    /* what is due at this step */
    if (trainer->root) wt_note_speed(trainer);
    if (decision->validate) WT_TRY(wt_validate(trainer, decision));
    if (decision->compare || decision->checkpoint) WT_TRY(wt_compare_replicas(trainer));
    wt_status status = WT_OK;
    if (trainer->root) {
        wt_note_step(trainer);
        wt_keep_peak(trainer);
        wt_say_stragglers(trainer);
        wt_hear_of_checkpoint(trainer, false);
        if (decision->checkpoint) status = wt_keep_checkpoint(trainer, decision);
    }
    wt_timer_enter(&trainer->timer, WT_PHASE_OTHER);
    wt_step_times_note(&trainer->times, &trainer->timer);
    return status; /* rank 0 alone may fail here, at the last step alone */
}

/* --- the run --- */

static bool wt_is_done(const wt_trainer *trainer) {
    return trainer->state.step >= trainer->config->train.steps ||
           wt_is_out_of_patience(&trainer->state, trainer->config);
}

/* Rank 0's last words in run.yaml; a failure's message stays the one that main prints. */
static wt_status wt_record_verdict(wt_trainer *trainer, wt_status status) {
    char why[1024];
    wt_trainer_say_why(trainer, status, why, sizeof why);
    const char *verdict = status == WT_OK ? "done" : status == WT_CONTINUE ? "continue" : "failed";
    wt_status written = wt_run_lock_check(
        trainer->lock); /* a successor's record is not this run's to change */
    if (written == WT_OK) written = wt_write_run_record(trainer, verdict, why);
    return status == WT_OK || status == WT_CONTINUE ? (written == WT_OK ? status : written)
                                                    : wt_error(status, "%s", why);
}

/* The most memory of any rank, between steps. Collective. */
static void wt_gather_peaks(wt_trainer *trainer) {
    trainer->mine[0].rank = (wt_rank_words){.peak_bytes = wt_memory_peak_resident()};
    wt_comm_gather(trainer->comm, trainer->mine, sizeof *trainer->mine, trainer->all);
    for (int rank = 0; trainer->root && rank < wt_comm_size(trainer->comm); rank++)
        wt_note_peak(trainer, rank, trainer->all[rank].rank.peak_bytes);
}

static void wt_tell_watch(void *watch, wt_phase phase) {
    wt_hang_watch_phase(watch, phase);
}

static wt_status wt_run_steps(wt_trainer *trainer) {
    wt_status status = WT_OK;
    int64_t before = trainer->state.step;
    wt_decision decision = {.stop = wt_is_done(trainer)};
    if (trainer->root) {
        status = wt_progress_create(&trainer->progress, "training", "samples", trainer->state.step,
                                    trainer->config->train.steps, trainer->config->run.seconds);
        if (status == WT_OK)
            status = wt_stragglers_init(&trainer->stragglers, wt_comm_size(trainer->comm), trainer->lanes,
                                        trainer->config->run.straggler);
    }
    WT_TRY(wt_comm_agree(trainer->comm, status));
    wt_timer_init(&trainer->timer);
    trainer->timer.listener = wt_tell_watch;
    trainer->timer.context = trainer->watch;
    trainer->began = trainer->last_checkpoint = wt_time_now();
    while (status == WT_OK && !decision.stop) status = wt_trainer_step(trainer, &decision);
    status = wt_comm_agree(trainer->comm, status);
    wt_gather_peaks(trainer);
    WT_TRY(status);
    wt_trainer_summarise_phases(trainer, trainer->state.step - before);
    wt_trainer_summarise_ranks(trainer);
    return wt_is_done(trainer) ? WT_OK : WT_CONTINUE;
}

static wt_status wt_run_recorded(wt_trainer *trainer) {
    WT_TRY(wt_comm_hosts(trainer->comm, &trainer->hosts));
    wt_gather_peaks(trainer);
    trainer->peak_written = trainer->peak_bytes;
    wt_status status = WT_OK;
    if (trainer->root) {
        wt_trainer_describe(trainer);
        status = wt_write_run_record(trainer, "running", "");
    }
    WT_TRY(wt_comm_agree(trainer->comm, status));
    atomic_store(&trainer->begun, true);
    status = wt_run_steps(trainer);
    wt_progress_destroy(trainer->progress);
    trainer->progress = NULL;
    if (trainer->root && status != WT_FAILED) wt_trainer_summarise(trainer, status);
    if (trainer->root) status = wt_record_verdict(trainer, status);
    /* rank 0's word counts: a record that can't be written is a failure */
    return wt_comm_agree(trainer->comm, status);
}

/* The hang watch of any rank, before it ends the job: no rank can say anything after that. The record is left alone
 * if it is no longer this start's: it has its verdict already, or another start has taken the folder over. */
static void wt_leave_verdict(void *context, const char *why) {
    const wt_trainer *trainer = context;
    wt_run_record record;
    if (!atomic_load(&trainer->begun) || !wt_read_run_record(&record, trainer->options->run)) return;
    if (record.running && record.restarts == trainer->restarts)
        wt_change_verdict(trainer->options->run, "failed", why);
    wt_run_record_dispose(&record);
}

/* What looks at the clock for the whole run; the set-up counts as loading. */
static wt_status wt_start_clocks(wt_trainer *trainer) {
    const wt_run_config *run = &trainer->config->run;
    wt_hang_limits limits = {run->hang_seconds, run->hang_seconds_data, run->hang_seconds_validation};
    wt_status status = WT_OK;
    if (wt_comm_rank(trainer->comm) == 0) {
        status = wt_time_limit_start(&trainer->time_limit, run->time_limit, run->time_margin);
    }
    if (status == WT_OK) status = wt_hang_watch_start(&trainer->watch, trainer->comm, &limits, WT_PHASE_DATA);
    wt_hang_watch_tell(trainer->watch, wt_leave_verdict, trainer);
    return wt_comm_agree(trainer->comm, status);
}

wt_status wt_train(wt_comm *comm, const wt_train_options *options) {
    wt_trainer *trainer;
    wt_status status = wt_alloc(&trainer, 1, sizeof *trainer, "the trainer");
    WT_TRY(wt_comm_agree(comm, status));
    trainer->comm = comm;
    trainer->options = options;
    trainer->config = &options->config;
    trainer->begun_at = time(NULL);
    wt_comm_catch_signals();
    status = wt_start_clocks(trainer);
    if (status == WT_OK) status = wt_trainer_setup(trainer);
    if (status == WT_OK) status = wt_run_recorded(trainer);
    if (trainer->lock && !atomic_load(&trainer->begun)) wt_note_refusal(options->run);
    wt_trainer_dispose(trainer);
    wt_time_limit_stop(trainer->time_limit);
    wt_hang_watch_stop(trainer->watch);
    wt_free(trainer);
    return status;
}
