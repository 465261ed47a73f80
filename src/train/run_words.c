/*
 * What a run says at its beginning and at its end: what it is and what it got, where its time went, and why
 * it ended. The trainer decides; this file only puts it into words.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train_internal.h"

const char *wt_trainer_unit(const wt_trainer *trainer) {
    return wt_dataset_kind(trainer->data.set) == WT_DATA_TEXT ? "character" : "sample";
}

/* A line each, under one heading. */
static void report_binding(const wt_trainer *trainer) {
    char text[4096];
    wt_places_text(text, sizeof text, trainer->start.places, trainer->state.ranks);
    for (char *line = text, *end = text; *end; line = end + 1) {
        end = line + strcspn(line, "\n");
        wt_log_info("%-9s %.*s", line == text ? "binding" : "", (int)(end - line), line);
    }
}

/* What the run is and what it got, before the first step. */
void wt_trainer_describe(const wt_trainer *trainer) {
    const wt_config *config = trainer->config;
    const wt_network *network = trainer->network;
    const wt_network_traits *traits = wt_network_get_traits(network);
    char products[96];
    double rate = trainer->state.sample_rate, samples = (double)wt_dataset_samples(trainer->data.set);
    bool text = wt_dataset_kind(trainer->data.set) == WT_DATA_TEXT;
    if (text) {
        wt_log_info("data      %s: %" PRId64 " %s, %.0f characters of %d symbols", config->data.path,
                    wt_dataset_utterances(trainer->data.set),
                    wt_vocabulary_ends(wt_dataset_vocabulary(trainer->data.set)) ? "items" : "texts", samples,
                    trainer->data.quantization.levels);
    } else {
        wt_log_info("data      %s: %" PRId64 " utterances, %.1f minutes at %d Hz", config->data.path,
                    wt_dataset_utterances(trainer->data.set), samples / rate / 60.0,
                    trainer->state.sample_rate);
    }
    wt_log_info("windows   %" PRId64
                " of %d targets; a step takes %d, in microbatches of %d (%d microbatch%s)",
                wt_windows_count(trainer->data.windows), config->data.window, config->train.batch,
                trainer->step->microbatches.windows, trainer->step->microbatches.count,
                trainer->step->microbatches.count == 1 ? "" : "es");
    char field[64];
    int length = snprintf(field, sizeof field, "%d %s", traits->receptive_field,
                          text ? "characters" : "samples");
    if (!text)
        snprintf(field + length, sizeof field - (size_t)length, " (%.0f ms)",
                 1000.0 * traits->receptive_field / rate);
    wt_log_info("network   %s, %zu parameters, receptive field %s", traits->description,
                wt_network_parameters(network)->trained, field);
    wt_log_info("machine   %s: ranks × threads %d × %d, microbatches at once %d", trainer->start.hosts,
                trainer->state.ranks, trainer->state.threads, trainer->step->microbatches.at_once);
    report_binding(trainer);
    wt_kernels_describe(trainer->kernels, products, sizeof products);
    wt_log_detail("kernels   %s, %s%s", trainer->kernels->name, products,
                  getenv("OPENBLAS_CORETYPE") ? " (as OPENBLAS_CORETYPE asks)" : "");
    wt_log_info("run       %s, steps %" PRId64 " to %" PRId64, trainer->options->run, trainer->state.step + 1,
                config->train.steps);
}

void wt_trainer_report_end(const wt_trainer *trainer, wt_status status, char *why, size_t room) {
    const wt_checkpoint_state *state = &trainer->state;
    const bool squares = wt_network_get_traits(trainer->network)->head_kind == WT_HEAD_MSE;
    if (status == WT_OK && wt_judge_has_reached_esr(state, trainer->config)) {
        snprintf(why, room, "an error-to-signal ratio of %.4g is reached at step %" PRId64,
                 state->best_validation_loss / state->validation_power, state->best_step);
    } else if (status == WT_OK && state->step < trainer->config->train.steps) {
        char loss[48];
        snprintf(loss, sizeof loss, squares ? "%.6g squared error" : "%.4f nats",
                 state->best_validation_loss);
        snprintf(why, room, "%d validations in a row without a new best (%s at step %" PRId64 ")",
                 state->stale, loss, state->best_step);
    } else {
        snprintf(why, room, "%s",
                 status == WT_OK         ? "all steps are done"
                 : status == WT_CONTINUE ? trainer->why
                                         : wt_error_message());
    }
}

void wt_trainer_summarise(const wt_trainer *trainer, wt_status status) {
    char path[WT_PATH_MAX];
    const wt_checkpoint_state *state = &trainer->state;
    if (wt_run_checkpoint_path(path, trainer->options->run, state->step) != WT_OK) return;
    wt_log_info("%s after step %" PRId64 " of %" PRId64 ", %.0f s of training in all",
                status == WT_OK ? "done" : "stopped", state->step, trainer->config->train.steps,
                state->seconds);
    wt_log_info("checkpoint %s", path);
    if (trainer->checkpoints.count) {
        wt_log_detail("%d checkpoint%s before it in the background, %.3f s each, the longest %.3f s",
                      trainer->checkpoints.count, trainer->checkpoints.count == 1 ? "" : "s",
                      trainer->checkpoints.sum / trainer->checkpoints.count, trainer->checkpoints.longest);
    }
    if (isfinite(state->best_validation_loss)) {
        char text[96];
        wt_train_format_loss(text, sizeof text, trainer->network, wt_trainer_unit(trainer),
                             state->best_validation_loss);
        if (state->validation_power > 0)
            wt_train_format_esr(text + strlen(text), sizeof text - strlen(text),
                                wt_dataset_kind(trainer->data.set) == WT_DATA_AUDIO,
                                state->best_validation_loss / state->validation_power);
        wt_log_info("best validation loss %s at step %" PRId64, text, state->best_step);
    }
    if (status == WT_OK && state->step < trainer->config->train.steps) {
        char why[256];
        wt_trainer_report_end(trainer, status, why, sizeof why);
        wt_log_info("ended early: %s", why);
    }
    if (status == WT_CONTINUE) wt_log_info("%s; the same command goes on from here", trainer->why);
}

/* What the exchange cost, on the rank that it cost most. Collective. */
static void summarise_share(const wt_trainer *trainer, const char *of, double share) {
    int64_t most[WT_STEP_TIMES]; /* nanoseconds */
    for (int i = 0; i < WT_STEP_TIMES; i++)
        most[i] = (int64_t)(1e9 * wt_step_times_median(&trainer->times, (wt_step_time)i, share));
    wt_comm_max_int64(trainer->comm, most, WT_STEP_TIMES);
    wt_log_detail("exposed exchange, %s: %.2f ms of a step's %.2f, %.2f of them waiting; backward takes %.2f",
                  of, 1e-6 * (double)most[WT_STEP_TIME_EXPOSED], 1e-6 * (double)most[WT_STEP_TIME_ALL],
                  1e-6 * (double)most[WT_STEP_TIME_WAIT], 1e-6 * (double)most[WT_STEP_TIME_BACKWARD]);
}

static void summarise_exchange(const wt_trainer *trainer) {
    int buckets, early;
    if (wt_comm_size(trainer->comm) == 1) return;
    summarise_share(trainer, "median", 1.0);
    summarise_share(trainer, "fastest tenth", 0.1);
    wt_exchange_count_buckets(trainer->step->exchange, &buckets, &early);
    wt_log_detail("buckets: %d of %d were sent before the end of backward", early, buckets);
}

/* Appends "NAME SHARE %" to a text of `used` bytes. */
static size_t append_share(char *text, size_t capacity, size_t used, const char *name, double share) {
    const int more = snprintf(text + used, capacity - used, "%s%s %.1f %%", used ? ", " : "", name,
                              100 * share);
    return more > 0 && (size_t)more < capacity - used ? used + (size_t)more : used;
}

/* Where this rank's steps spent their time: in what a user knows, and with --verbose in all phases. */
void wt_trainer_summarise_phases(const wt_trainer *trainer, int64_t count) {
    enum { DATA, FORWARD, BACKWARD, EXCHANGE, UPDATE, GROUPS };
    static const char *const names[GROUPS] = {"data", "forward", "backward", "exchange", "update"};
    static const int group_of[] = {
        [WT_PHASE_DATA] = DATA,         [WT_PHASE_DERIVE] = UPDATE,     [WT_PHASE_FORWARD] = FORWARD,
        [WT_PHASE_BACKWARD] = BACKWARD, [WT_PHASE_EXCHANGE] = EXCHANGE, [WT_PHASE_WAIT] = EXCHANGE,
        [WT_PHASE_DECIDE] = UPDATE,     [WT_PHASE_UPDATE] = UPDATE,
    };
    const wt_timer *timer = &trainer->step->timer;
    double steps = wt_timer_steps(timer), groups[GROUPS] = {0};
    if (!(steps > 0)) steps = 1;
    char text[256], phases[256];
    size_t used = 0, used_phases = 0;
    for (int phase = 0; phase <= WT_PHASE_UPDATE; phase++) {
        const double share = timer->seconds[phase] / steps;
        groups[group_of[phase]] += share;
        used_phases = append_share(phases, sizeof phases, used_phases, wt_phase_name((wt_phase)phase), share);
    }
    for (int i = 0; i < GROUPS; i++) used = append_share(text, sizeof text, used, names[i], groups[i]);
    if (trainer->root && count > 0) {
        wt_log_info("time of a step: %.2f ms: %s", 1e3 * steps / (double)count, text);
        wt_log_detail("phases of a step: %s", phases);
    }
    if (count > 0) summarise_exchange(trainer);
}

void wt_trainer_summarise_ranks(wt_trainer *trainer) {
    wt_stragglers *stragglers = &trainer->stragglers;
    if (!trainer->root || !wt_stragglers_conclude(stragglers)) return;
    if (stragglers->any) {
        wt_stragglers_text(trainer->straggler, sizeof trainer->straggler, stragglers, trainer->start.places);
        wt_log_info("slower than the others: %s", trainer->straggler);
    } else {
        wt_log_detail(
            "before the exchange: %.2f ms per step on the median rank, %.2f on the slowest, rank %d on %s",
            1e3 * stragglers->median, 1e3 * stragglers->slowest_time, stragglers->slowest,
            trainer->start.places[stragglers->slowest].host);
    }
}
