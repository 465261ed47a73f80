/*
 * Everything that a run needs before its first step, in the order in which the data flows. Each part may
 * fail on one rank alone (a file, memory), so the ranks agree after each before they go on together.
 */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "comm/facts.h"
#include "train/agreement.h"
#include "train/evaluation.h"
#include "train/restore.h"
#include "train_internal.h"

/* --- data: split → windows → order → loader --- */

static int64_t find_longest_utterance(const wt_dataset *dataset) {
    int64_t longest = 0;
    for (int64_t u = 0; u < wt_dataset_utterances(dataset); u++) {
        int64_t length = wt_dataset_length(dataset, u);
        if (length > longest) longest = length;
    }
    return longest;
}

/* A receptive field that reaches past every utterance is an oversight, most likely. */
static void warn_of_context(const wt_trainer *trainer) {
    const wt_data_config *data = &trainer->config->data;
    int field = wt_network_get_traits(trainer->network)->receptive_field;
    int64_t longest = find_longest_utterance(trainer->data.set);
    double padded = (double)wt_windows_padded_targets(trainer->data.windows) /
                    (double)wt_windows_targets(trainer->data.windows);
    if (longest < field && trainer->root) {
        wt_log_warning(
            "%s: the receptive field (%d samples) is longer than every utterance (at most %lld): %.1f %% of "
            "the targets see padding",
            data->path, field, (long long)longest, 100.0 * padded);
    }
}

static wt_status setup_data(wt_trainer *trainer) {
    const wt_config *config = trainer->config;
    const wt_data_config *data = &config->data;
    wt_data_facts facts;
    WT_TRY(wt_dataset_open(&trainer->data.set, data->path, "train", data->memory));
    WT_TRY(wt_train_data_facts(&facts, config, trainer->data.set));
    WT_TRY(wt_network_create_shaped(&trainer->network, &config->model, &facts.network));
    trainer->data.quantization = facts.quantization;
    wt_train_take_normalization(&trainer->data.normalization, config, trainer->data.set);
    WT_TRY(wt_train_make_windows(&trainer->data.windows, trainer->data.set, trainer->network, data,
                                 &trainer->data.normalization));
    warn_of_context(trainer);
    trainer->data.order = wt_order_training(trainer->data.set, trainer->data.windows, data->sampling,
                                            (uint64_t)config->train.seed);
    trainer->data.silence = data->target == WT_TARGETS_LABEL ||
                                    wt_network_get_traits(trainer->network)->values
                                ? -2
                                : wt_quantize_silence(facts.quantization);
    return WT_OK;
}

/* The loader's plan: batch `number` is step `number`; slots are this rank's microbatches' windows. */
static int64_t plan_training_window(const void *context, int64_t number, int slot) {
    const wt_trainer *trainer = context;
    const wt_microbatches *m = &trainer->step->microbatches;
    int64_t position = (number - 1) * trainer->config->train.batch + (int64_t)m->first * m->windows + slot;
    return wt_order_window(&trainer->data.order, position);
}

static wt_status setup_loader(wt_trainer *trainer) {
    if (trainer->state.step >= trainer->config->train.steps) return WT_OK; /* nothing is left to load */
    const wt_microbatches *m = &trainer->step->microbatches;
    const wt_normalization stored = wt_normalization_of_stored(&trainer->data.normalization,
                                                               trainer->data.set);
    wt_batch_shape shape = wt_train_shape_batch(trainer->network, &trainer->config->data,
                                                trainer->data.quantization, &stored,
                                                (m->end - m->first) * m->windows);
    wt_train_shape_frames(&shape, wt_dataset_features(trainer->data.set));
    shape.condition.dropout = trainer->config->data.condition_dropout;
    shape.input_noise = trainer->config->data.input_noise;
    shape.noise_seed = (uint64_t)trainer->config->train.seed;
    return wt_loader_create(&trainer->data.loader, trainer->data.set, trainer->data.windows, &shape,
                            &(wt_loader_plan){plan_training_window, trainer, trainer->state.step + 1,
                                              trainer->config->train.steps + 1});
}

/* --- the run's folder, on rank 0 --- */

/* Keys that differ from the checkpoint's configuration, by rule. */
typedef struct {
    char refused[512];
    int refused_count;
} wt_changes;

static void record_change(void *context, const char *key, wt_resume_rule rule, const char *before,
                          const char *after) {
    wt_changes *changes = context;
    if (rule == WT_RESUME_WARNED)
        wt_log_warning("%s was %s in the checkpoint, now it is %s", key, before, after);
    if (rule != WT_RESUME_REFUSED) return;
    size_t used = strlen(changes->refused);
    snprintf(changes->refused + used, sizeof changes->refused - used, "%s%s was %s, now %s", used ? "; " : "",
             key, before, after);
    changes->refused_count++;
}

static wt_status check_resume(const wt_trainer *trainer, wt_checkpoint *checkpoint) {
    const wt_checkpoint_state *state = wt_checkpoint_get_state(checkpoint);
    wt_changes changes = {"", 0};
    WT_TRY(wt_config_compare(wt_checkpoint_get_config(checkpoint), trainer->config, record_change, &changes));
    WT_CHECK(changes.refused_count == 0, WT_USAGE, "%s: the checkpoint is of another configuration (%s)",
             wt_checkpoint_path(checkpoint), changes.refused);
    char digest[WT_HASH_TEXT];
    wt_hash_print(digest, wt_dataset_digest(trainer->data.set));
    bool same = strcmp(digest, state->dataset) == 0;
    WT_CHECK(same || trainer->options->other_data, WT_USAGE,
             "%s: the data set %s is not the one that the checkpoint was trained on (digest %s, expected %s; "
             "--other-data goes on all the same)",
             wt_checkpoint_path(checkpoint), trainer->config->data.path, digest, state->dataset);
    if (strcmp(state->numerics, trainer->state.numerics) != 0) {
        wt_log_warning("the checkpoint was computed with %s, this run with %s: bits will differ",
                       state->numerics, trainer->state.numerics);
    }
    return WT_OK;
}

/* Classes mean the symbols that they meant when the parameters were learnt. */
static wt_status check_vocabulary(const wt_trainer *trainer, const wt_checkpoint *checkpoint) {
    const wt_vocabulary *own = wt_dataset_vocabulary(trainer->data.set);
    const wt_vocabulary *learnt = wt_checkpoint_get_vocabulary(checkpoint);
    if (wt_checkpoint_is_bare(checkpoint)) return WT_OK;
    WT_CHECK(wt_vocabulary_equal(own, learnt), WT_USAGE,
             "%s: the checkpoint's vocabulary is not that of the data set %s (got %d symbols, expected %d%s)",
             wt_checkpoint_path(checkpoint), trainer->config->data.path, learnt->classes, own->classes,
             own->classes == learnt->classes ? " others" : "");
    return WT_OK;
}

/* What this start knows itself, whatever a checkpoint says. */
static void keep_own_facts(wt_checkpoint_state *state, const wt_checkpoint_state *own) {
    state->ranks = own->ranks;
    state->threads = own->threads;
    memcpy(state->numerics, own->numerics, sizeof own->numerics);
    memcpy(state->dataset, own->dataset, sizeof own->dataset);
    memcpy(state->dataset_path, own->dataset_path, sizeof own->dataset_path);
    state->names = own->names;
}

static wt_status take_checkpoint(wt_trainer *trainer, wt_checkpoint *checkpoint) {
    WT_TRY(check_resume(trainer, checkpoint));
    WT_TRY(check_vocabulary(trainer, checkpoint));
    WT_TRY(
        wt_restore_state(checkpoint, trainer->network, trainer->step->parameters, &trainer->step->optimizer));
    const wt_checkpoint_state own = trainer->state;
    trainer->state = *wt_checkpoint_get_state(checkpoint);
    keep_own_facts(&trainer->state, &own);
    trainer->start.seconds_before = trainer->state.seconds;
    wt_log_info("resuming from %s", wt_checkpoint_path(checkpoint));
    return WT_OK;
}

/* Filters that were learned at one rate mean other frequencies at another. */
static void warn_of_other_rate(const wt_trainer *trainer, const wt_checkpoint *checkpoint) {
    const int was = wt_checkpoint_get_state(checkpoint)->sample_rate;
    const int is = wt_dataset_sample_rate(trainer->data.set);
    if (was != is && !wt_checkpoint_is_bare(checkpoint))
        wt_log_warning("%s: was trained at another sample rate than the data set's (got %d Hz, expected %d)",
                       wt_checkpoint_path(checkpoint), was, is);
}

/* Parameters for a run that begins: drawn, or another checkpoint's. */
static wt_status begin_run(wt_trainer *trainer) {
    const char *initial = trainer->options->initial;
    if (!initial) {
        wt_network_initialise(trainer->network, trainer->step->parameters,
                              (uint64_t)trainer->config->train.seed);
        wt_optimizer_reset(&trainer->step->optimizer, trainer->step->parameters);
        return WT_OK;
    }
    wt_checkpoint *checkpoint;
    WT_TRY(wt_checkpoint_find(&checkpoint, initial, WT_PICK_NEWEST, -1));
    wt_status status = check_vocabulary(trainer, checkpoint);
    if (status == WT_OK)
        status = wt_restore_parameters(checkpoint, trainer->network, false, trainer->step->parameters);
    wt_optimizer_reset(&trainer->step->optimizer, trainer->step->parameters);
    if (status == WT_OK) {
        warn_of_other_rate(trainer, checkpoint);
        wt_log_info("parameters from %s%s", wt_checkpoint_path(checkpoint),
                    wt_checkpoint_has_mean(checkpoint) ? " (their mean)" : "");
    }
    wt_checkpoint_close(checkpoint);
    return status;
}

static wt_status open_resume(wt_checkpoint **checkpoint, const wt_train_options *options) {
    int64_t newest;
    *checkpoint = NULL;
    if (options->resume == WT_RESUME_AUTO) return wt_run_open_newest(checkpoint, options->run);
    WT_TRY(wt_run_newest_step(&newest, options->run));
    WT_CHECK(
        options->resume == WT_RESUME_FILE || newest < 0, WT_USAGE,
        "%s: the run has checkpoints already (the newest of step %lld, expected none with --resume never)",
        options->run, (long long)newest);
    if (options->resume == WT_RESUME_NEVER) return WT_OK;
    WT_TRY(wt_checkpoint_open(checkpoint, options->resume_file));
    long long step = wt_checkpoint_get_state(*checkpoint)->step;
    if (step >= newest) return WT_OK;
    wt_checkpoint_close(*checkpoint);
    *checkpoint = NULL;
    return wt_error(
        WT_USAGE,
        "%s: the run has a newer checkpoint than %s (of step %lld, expected at most %lld); go on in another "
        "--run",
        options->run, options->resume_file, (long long)newest, step);
}

/* Whether it stands in the run's folder, under its own name. */
static bool is_own_checkpoint(const char *run, const wt_checkpoint *checkpoint) {
    char path[WT_PATH_MAX];
    return wt_run_checkpoint_path(path, run, wt_checkpoint_get_state(checkpoint)->step) == WT_OK &&
           strcmp(path, wt_checkpoint_path(checkpoint)) == 0;
}

/* metrics.csv, and with it TensorBoard's events, of which the steps up to `last_step` count. */
static wt_status open_metrics(wt_trainer *trainer, int64_t last_step) {
    char path[WT_PATH_MAX];
    WT_TRY(wt_path_join(path, trainer->options->run, "metrics.csv"));
    WT_TRY(wt_metrics_open(&trainer->files.metrics, path, last_step));
    if (!trainer->config->run.tensorboard) return WT_OK;
    WT_TRY(wt_path_join(path, trainer->options->run, "tensorboard"));
    return wt_metrics_add_events(trainer->files.metrics, path);
}

/* With the lock held: parameters and moments, the count of starts, metrics.csv. */
static wt_status begin_or_resume(wt_trainer *trainer) {
    const wt_train_options *options = trainer->options;
    wt_checkpoint *checkpoint;
    WT_TRY(open_resume(&checkpoint, options));
    const bool own = checkpoint && is_own_checkpoint(options->run, checkpoint);
    wt_status status = checkpoint ? take_checkpoint(trainer, checkpoint) : begin_run(trainer);
    wt_checkpoint_close(checkpoint);
    WT_TRY(status);
    trainer->start.first_step = trainer->state.step;
    WT_TRY(open_metrics(trainer, trainer->state.step - trainer->state.due.validation));
    WT_TRY(wt_checkpoint_writer_create(&trainer->files.writer, trainer->network, trainer->config,
                                       wt_dataset_vocabulary(trainer->data.set), options->run,
                                       trainer->files.lock));
    if (own) wt_checkpoint_writer_note(trainer->files.writer, &trainer->state);
    return WT_OK;
}

/* Takes back a folder that was made for a run that then could not begin; what holds more than a lock
 * stays. */
static void unmake_run_folder(wt_trainer *trainer, const char *checkpoints) {
    char lock[WT_PATH_MAX];
    wt_run_lock_release(trainer->files.lock);
    trainer->files.lock = NULL;
    if (wt_path_join(lock, trainer->options->run, "lock") == WT_OK) unlink(lock);
    if (rmdir(checkpoints) == 0) rmdir(trainer->options->run);
}

/* The run's lock; its record, with this start in it. */
static wt_status take_lock(wt_trainer *trainer) {
    const char *run = trainer->options->run;
    const wt_run_start start = wt_run_begin_start(trainer->comm, run, trainer->start.begun_at);
    WT_TRY(wt_run_lock_take(&trainer->files.lock, run));
    WT_TRY(wt_run_enter_start(&trainer->files.record, run, trainer->files.lock, &start));
    trainer->start.restarts = trainer->files.record.known ? trainer->files.record.restarts + 1 : 0;
    if (trainer->files.record.running)
        wt_log_info("the start before ended without a word (killed, or its node is gone)");
    return WT_OK;
}

/* First of all in a folder that holds a run: whatever fails from here on is that run's verdict. */
static wt_status lock_old_run(wt_trainer *trainer) {
    char path[WT_PATH_MAX];
    WT_TRY(wt_path_join(path, trainer->options->run, "run.yaml"));
    return wt_path_exists(path) ? take_lock(trainer) : WT_OK;
}

static wt_status open_run_folder(wt_trainer *trainer) {
    char checkpoints[WT_PATH_MAX];
    const char *run = trainer->options->run;
    bool made = !wt_path_exists(run);
    WT_TRY(wt_path_join(checkpoints, run, "checkpoints"));
    WT_TRY(wt_folder_make(checkpoints));
    if (!trainer->files.lock) WT_TRY(take_lock(trainer));
    wt_status status = begin_or_resume(trainer);
    if (status != WT_OK && made) unmake_run_folder(trainer, checkpoints);
    return status;
}

/* Rank 0's state to all ranks. */
static void broadcast_state(wt_trainer *trainer) {
    size_t bytes = wt_network_parameters(trainer->network)->total * sizeof(wt_real);
    wt_comm_broadcast(trainer->comm, &trainer->start.restarts, sizeof trainer->start.restarts);
    wt_comm_broadcast(trainer->comm, &trainer->state, sizeof trainer->state);
    wt_comm_broadcast(trainer->comm, trainer->step->parameters, bytes);
    for (int m = 0; m < WT_MOMENTS; m++) {
        wt_real *moment = trainer->step->optimizer.moments[m];
        if (moment) wt_comm_broadcast(trainer->comm, moment, bytes);
    }
    wt_comm_broadcast(trainer->comm, &trainer->step->optimizer.updates,
                      sizeof trainer->step->optimizer.updates);
}

/* Those that rank 0 may begin from. Collective. */
static wt_status agree_on_checkpoints(wt_trainer *trainer) {
    const wt_train_options *options = trainer->options;
    const bool given = options->resume == WT_RESUME_FILE;
    WT_TRY(wt_agree_on_checkpoint(trainer->comm, given ? options->resume_file : options->run));
    return options->initial ? wt_agree_on_checkpoint(trainer->comm, options->initial) : WT_OK;
}

static wt_status setup_evaluator(wt_trainer *trainer) {
    const wt_config *config = trainer->config;
    if (config->validation.every == 0) return WT_OK;
    if (!wt_comm_decide(trainer->comm, wt_dataset_has_split(config->data.path, "validation"))) {
        WT_CHECK(!wt_judge_needs_validation(config), WT_USAGE, "%s: has no validation part, which %s needs",
                 config->data.path,
                 config->validation.patience ? "validation.patience" : "schedule.kind plateau");
        if (trainer->root)
            wt_log_warning("%s: has no validation part, so nothing is validated", config->data.path);
        return WT_OK;
    }
    const wt_evaluation validation = {.network = trainer->network,
                                      .kernels = trainer->kernels,
                                      .config = config,
                                      .normalization = &trainer->data.normalization,
                                      .features = wt_dataset_features(trainer->data.set),
                                      .path = config->data.path,
                                      .split = "validation",
                                      .limit = config->validation.windows};
    WT_TRY(wt_evaluator_create(&trainer->evaluator, trainer->comm, &validation));
    return wt_comm_agree(trainer->comm,
                         wt_evaluator_check(trainer->evaluator, wt_dataset_vocabulary(trainer->data.set)));
}

static void init_state(wt_trainer *trainer) {
    wt_checkpoint_state *state = &trainer->state;
    memset(state, 0, sizeof *state);
    state->sample_rate = wt_dataset_sample_rate(trainer->data.set);
    state->channels = wt_dataset_channels(trainer->data.set);
    const wt_network *network = trainer->network;
    const wt_network_traits *traits = wt_network_get_traits(network);
    state->outputs = trainer->config->data.target == WT_TARGETS_LABEL
                         ? (traits->classes ? traits->classes : 1)
                     : traits->codes && traits->values ? WT_SAMPLE_CODES
                                                       : 0;
    state->normalization = trainer->data.normalization;
    if (traits->features) state->features = *wt_dataset_features(trainer->data.set);
    state->speakers = traits->speakers;
    state->names.classes.background = -1;
    if (state->outputs > 1 && traits->classes > 0)
        state->names.classes = *wt_dataset_class_names(trainer->data.set);
    if (traits->speakers)
        snprintf(state->names.speakers, sizeof state->names.speakers, "%s",
                 wt_dataset_speaker_names(trainer->data.set));
    state->ranks = wt_comm_size(trainer->comm);
    state->threads = omp_get_max_threads();
    state->validation_loss = state->best_validation_loss = NAN;
    state->best_step = state->planned_step = -1;
    wt_hash_print(state->dataset, wt_dataset_digest(trainer->data.set));
    if (wt_path_from_root(state->dataset_path, trainer->config->data.path) != WT_OK)
        *state->dataset_path = '\0'; /* a run does without */
    state->guard.rate_scale = 1.0;
    wt_judge_store_plateau(state, wt_plateau_begin());
}

wt_status wt_trainer_setup(wt_trainer *trainer) {
    wt_comm *comm = trainer->comm;
    trainer->root = wt_comm_rank(comm) == 0;
    WT_TRY(wt_comm_agree(comm, trainer->root ? lock_old_run(trainer) : WT_OK));
    WT_TRY(wt_comm_settle(comm, false, trainer->options->oversubscribe, &trainer->start.places));
    WT_TRY(wt_comm_agree(comm, wt_kernels_select(&trainer->kernels, trainer->config->run.backend,
                                                 trainer->config->train.precision)));
    wt_status opened = setup_data(trainer);
    WT_TRY(wt_agree_on_dataset(comm, trainer->config->data.path, "train", trainer->data.set, opened));
    WT_TRY(wt_comm_agree(comm, wt_step_create(&trainer->step, comm, trainer->config, trainer->kernels,
                                              trainer->network, trainer->data.silence)));
    WT_TRY(wt_label_weights_make(&trainer->data.class_weights, comm, trainer->config, trainer->data.set,
                                 wt_network_get_traits(trainer->network)->classes));
    wt_engine_set_class_weights(trainer->step->pass, trainer->data.class_weights);
    init_state(trainer);
    WT_TRY(wt_agree_on_numerics(trainer));
    WT_TRY(setup_evaluator(trainer));
    WT_TRY(agree_on_checkpoints(trainer));
    WT_TRY(wt_comm_agree(comm, trainer->root ? open_run_folder(trainer) : WT_OK));
    broadcast_state(trainer);
    return wt_comm_agree(comm, setup_loader(trainer));
}

/* --- going back --- */

static bool is_planned(const wt_checkpoint *checkpoint, int64_t step) {
    const wt_checkpoint_state *state = wt_checkpoint_get_state(checkpoint);
    return state->planned_step == state->step && state->step <= step; /* whatever its name */
}

/* The newest checkpoint up to that step which an uninterrupted run would have too: one that a signal or a
 * limit has caused depends on the clock. *out is NULL where there is none. */
static wt_status open_planned(wt_checkpoint **out, const char *run, int64_t step) {
    int64_t *names;
    size_t count;
    *out = NULL;
    WT_TRY(wt_run_checkpoints(run, &names, &count));
    wt_status status = WT_OK;
    for (size_t i = count; status == WT_OK && i > 0 && !*out; i--) {
        char path[WT_PATH_MAX];
        if (names[i - 1] > step || wt_run_checkpoint_path(path, run, names[i - 1]) != WT_OK) continue;
        status = wt_checkpoint_open(out, path);
        if (status == WT_OK && !is_planned(*out, step)) {
            wt_checkpoint_close(*out);
            *out = NULL;
        } else if (wt_checkpoint_may_pass_over(status)) {
            wt_log_warning("%s; passed over, looking for an older one", wt_error_message());
            status = WT_OK;
        }
    }
    wt_free(names);
    return status;
}

/* Rank 0: the state of that checkpoint, or of the beginning, but for what the guard remembers. */
static wt_status reload_checkpoint(wt_trainer *trainer) {
    wt_checkpoint *checkpoint;
    const wt_checkpoint_state now = trainer->state;
    if (wt_checkpoint_writer_collect(trainer->files.writer, true, NULL) != WT_OK)
        wt_log_warning("%s", wt_error_message());
    WT_TRY(open_planned(&checkpoint, trainer->options->run, now.planned_step));
    wt_status status = WT_OK;
    if (checkpoint) {
        trainer->state = *wt_checkpoint_get_state(checkpoint);
        status = wt_restore_state(checkpoint, trainer->network, trainer->step->parameters,
                                  &trainer->step->optimizer);
        wt_checkpoint_close(checkpoint);
    } else {
        init_state(trainer);
        status = begin_run(trainer);
    }
    WT_TRY(status);
    keep_own_facts(&trainer->state, &now);
    trainer->state.guard.rate_scale = now.guard.rate_scale;
    trainer->state.guard.rollbacks = now.guard.rollbacks;
    trainer->state.guard.skipped = now.guard.skipped;
    trainer->state.seconds = now.seconds;
    trainer->state.guard.skipped_in_row = 0;
    wt_metrics *metrics = trainer->files.metrics;
    trainer->files.metrics = NULL;
    WT_TRY(wt_metrics_close(metrics));
    WT_TRY(open_metrics(trainer, trainer->state.step));
    return wt_checkpoint_writer_submit(trainer->files.writer, &trainer->state, trainer->step->parameters,
                                       &trainer->step->optimizer, trainer->files.metrics);
}

wt_status wt_trainer_roll_back(wt_trainer *trainer) {
    wt_loader_destroy(trainer->data.loader);
    trainer->data.loader = NULL;
    WT_TRY(wt_comm_agree(trainer->comm, trainer->root ? reload_checkpoint(trainer) : WT_OK));
    broadcast_state(trainer);
    return wt_comm_agree(trainer->comm, setup_loader(trainer));
}

void wt_trainer_dispose(wt_trainer *trainer) {
    wt_checkpoint_writer_destroy(trainer->files.writer);
    wt_loader_destroy(trainer->data.loader);
    wt_evaluator_destroy(trainer->evaluator);
    wt_progress_destroy(trainer->progress);
    wt_metrics_close(trainer->files.metrics);
    wt_run_lock_release(trainer->files.lock);
    wt_step_destroy(trainer->step);
    wt_free(trainer->data.class_weights);
    wt_windows_destroy(trainer->data.windows);
    wt_network_destroy(trainer->network);
    wt_dataset_close(trainer->data.set);
    wt_free(trainer->start.hosts);
    wt_free(trainer->start.places);
    wt_stragglers_dispose(&trainer->stragglers);
    wt_run_record_dispose(&trainer->files.record);
}
