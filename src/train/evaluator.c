/* Scores the windows of a split: each rank a contiguous part of the list, added up in the list's order. */
#include <math.h>
#include <string.h>

#include "train/agreement.h"
#include "train/evaluation.h"
#include "train/logits.h"
#include "train/probabilities.h"
#include "train_internal.h"
#include "wavetrain/stream.h"

struct wt_evaluator {
    wt_comm *comm;
    const wt_network *network;
    wt_normalization normalization;
    const char *path;
    wt_dataset *dataset;
    wt_windows *windows;
    wt_engine *pass;
    wt_batch_shape shape;
    int32_t silence; /* −2: labels have none */
    bool labelled;
    int64_t count, first, end; /* windows in the list, and this rank's part */
    double *widths;    /* [classes]: ln of the codes of 16 bits in a class; NULL: not asked for, or values */
    int32_t *apart;    /* [targets]: of one window, those in no run */
    wt_logits *logits; /* that outputs are written to; NULL: none */
    wt_probabilities *probabilities; /* the same */
    int look_ahead;
    bool fixed_list; /* the first `count` of the validation order; else the grid's own order */
};

/* Windows of a character are scored by the thousand: a call for eight of them would be mostly the call. */
int wt_evaluator_slots(int targets, int context, int64_t part) {
    enum { ROWS = 16384, MOST = 4096 };
    const int most = part < 1 ? 1 : part > MOST ? MOST : (int)part;
    int enough = wt_step_windows_at_once(targets, most), fit = ROWS / (targets + context - 1);
    if (fit > most) fit = most;
    return fit > enough ? fit : enough;
}

static wt_status open_split(wt_evaluator *evaluator, const wt_evaluation *of) {
    const wt_network *network = of->network;
    const wt_network_traits *traits = wt_network_get_traits(network);
    const wt_data_config *data = &of->config->data;
    int context = traits->receptive_field, targets = wt_network_targets(network, data->window, data->stride);
    WT_TRY(wt_dataset_open(&evaluator->dataset, of->path, of->split, data->memory));
    wt_quantization quantization;
    WT_TRY(wt_dataset_quantization(&quantization, evaluator->dataset, data->quantization));
    WT_CHECK(data->target == WT_TARGETS_LABEL || quantization.levels == traits->levels, WT_USAGE,
             "%s: has another number of symbols than the network (got %d, expected %d)", of->path,
             quantization.levels, traits->levels);
    WT_TRY(wt_train_make_windows(&evaluator->windows, evaluator->dataset, network, data,
                                 &evaluator->normalization));
    int64_t all = wt_windows_count(evaluator->windows);
    evaluator->fixed_list = of->limit > 0;
    evaluator->count = of->limit > 0 && of->limit < all ? of->limit : all;
    int64_t ranks = wt_comm_size(evaluator->comm), rank = wt_comm_rank(evaluator->comm);
    evaluator->first = evaluator->count * rank / ranks;
    evaluator->end = evaluator->count * (rank + 1) / ranks;
    int slots = wt_evaluator_slots(targets, context, evaluator->end - evaluator->first);
    const wt_normalization stored = wt_normalization_of_stored(&evaluator->normalization, evaluator->dataset);
    evaluator->shape = wt_train_shape_batch(network, data, quantization, &stored, slots);
    if (of->features) wt_train_shape_frames(&evaluator->shape, of->features);
    evaluator->shape.condition.source = of->frames;
    evaluator->labelled = data->target == WT_TARGETS_LABEL;
    evaluator->look_ahead = data->look_ahead;
    evaluator->silence = evaluator->labelled || traits->values ? -2 : wt_quantize_silence(quantization);
    wt_engine_shape shape = {.windows = slots, .targets = targets};
    return wt_engine_create(&evaluator->pass, wt_network_graph(network), of->kernels, &shape);
}

wt_status wt_evaluator_create(wt_evaluator **out, wt_comm *comm, const wt_evaluation *evaluation) {
    wt_evaluator *evaluator;
    *out = NULL;
    wt_status status = wt_alloc(&evaluator, 1, sizeof *evaluator, "the evaluation");
    if (status == WT_OK) {
        evaluator->comm = comm;
        evaluator->network = evaluation->network;
        evaluator->normalization = *evaluation->normalization;
        evaluator->path = evaluation->path;
        status = open_split(evaluator, evaluation);
    }
    status = wt_agree_on_dataset(comm, evaluation->path, evaluation->split,
                                 evaluator ? evaluator->dataset : NULL, status);
    if (status == WT_OK) {
        *out = evaluator;
    } else {
        wt_evaluator_destroy(evaluator);
    }
    return status;
}

void wt_evaluator_destroy(wt_evaluator *evaluator) {
    if (!evaluator) return;
    wt_engine_destroy(evaluator->pass);
    wt_windows_destroy(evaluator->windows);
    wt_dataset_close(evaluator->dataset);
    wt_free(evaluator->widths);
    wt_free(evaluator->apart);
    wt_free(evaluator);
}

wt_status wt_evaluator_mark_runs(wt_evaluator *evaluator) {
    const size_t classes = (size_t)wt_network_get_traits(evaluator->network)->classes;
    const double half = WT_SAMPLE_CODES / 2.0;
    evaluator->shape.marks_runs = true;
    WT_TRY(
        wt_alloc(&evaluator->apart, (size_t)evaluator->shape.targets, sizeof *evaluator->apart, "targets"));
    if (classes == 0) return WT_OK;
    WT_TRY(wt_alloc(&evaluator->widths, classes, sizeof *evaluator->widths, "widths of classes"));
    for (int code = 0; code < WT_SAMPLE_CODES; code++)
        evaluator->widths[wt_quantize(evaluator->shape.quantization, (code - half) / half)]++;
    for (size_t i = 0; i < classes; i++)
        evaluator->widths[i] = log(evaluator->widths[i] > 0 ? evaluator->widths[i] : 1);
    return WT_OK;
}

wt_dataset *wt_evaluator_dataset(const wt_evaluator *evaluator) {
    return evaluator->dataset;
}

/* The number in the grid of the window that is the i-th of the list. */
static int64_t find_listed_window(const wt_evaluator *evaluator, int64_t i) {
    return evaluator->fixed_list ? wt_order_validation(wt_windows_count(evaluator->windows), i) : i;
}

wt_status wt_evaluator_record(wt_evaluator *evaluator, const char *path) {
    const wt_network_traits *traits = wt_network_get_traits(evaluator->network);
    const bool whole = traits->readout_rows > 0;
    wt_logits_shape shape = {
        .outputs = traits->outputs,
        .inputs = whole ? evaluator->shape.targets + evaluator->shape.context - 1 : 1,
        .channels = traits->input_kind == WT_INPUT_REAL ? wt_dataset_channels(evaluator->dataset) : 0};
    WT_CHECK(evaluator->look_ahead < traits->receptive_field, WT_USAGE,
             "--logits: data.look_ahead is not below the receptive field (got %d, expected below %d)",
             evaluator->look_ahead, traits->receptive_field);
    for (int64_t i = evaluator->first; i < evaluator->end; i++)
        shape.rows += whole ? 1
                            : wt_windows_get(evaluator->windows, find_listed_window(evaluator, i)).targets;
    return wt_logits_create(&evaluator->logits, path, &shape);
}

void wt_evaluator_write_probabilities(wt_evaluator *evaluator, wt_probabilities *probabilities) {
    evaluator->probabilities = probabilities;
}

wt_status wt_evaluator_end_record(wt_evaluator *evaluator, wt_status status) {
    wt_logits *logits = evaluator->logits;
    evaluator->logits = NULL;
    return wt_logits_finish(logits, evaluator->dataset, status);
}

wt_status wt_evaluator_check_classes(const wt_evaluator *evaluator, const wt_class_names *learnt) {
    char got[WT_CLASS_TEXT], expected[WT_CLASS_TEXT];
    const wt_class_names *own = wt_dataset_class_names(evaluator->dataset);
    int other;
    if (!evaluator->labelled || wt_class_names_agree(own, learnt, &other)) return WT_OK;
    wt_class_name(got, own, other);
    wt_class_name(expected, learnt, other);
    return wt_error(
        WT_USAGE,
        "%s: has other classes than the network has learnt (class %d: got %s, expected %s; prepare "
        "it with --classes)",
        evaluator->path, other, got, expected);
}

wt_status wt_evaluator_check(const wt_evaluator *evaluator, const wt_vocabulary *learnt) {
    const wt_vocabulary *own = wt_dataset_vocabulary(evaluator->dataset);
    int other = 0;
    while (other < own->classes && other < learnt->classes && own->symbols[other] == learnt->symbols[other])
        other++;
    if (wt_vocabulary_equal(own, learnt)) return WT_OK;
    char got[WT_SYMBOL_TEXT] = "none", expected[WT_SYMBOL_TEXT] = "none";
    if (other < own->classes) wt_vocabulary_symbol_text(got, own->symbols[other]);
    if (other < learnt->classes) wt_vocabulary_symbol_text(expected, learnt->symbols[other]);
    return wt_error(WT_USAGE,
                    "%s: has another vocabulary than the network has learnt (class %d: got %s, expected %s)",
                    evaluator->path, other, got, expected);
}

/* The loader's plan: batch after batch through this rank's part of the list. */
static int64_t plan_evaluation(const void *context, int64_t number, int slot) {
    const wt_evaluator *evaluator = context;
    int64_t i = evaluator->first + number * evaluator->shape.windows + slot;
    if (i >= evaluator->end) return -1;
    return find_listed_window(evaluator, i);
}

/* The class of the newest input that target t of a slot sees. */
static int32_t find_previous_class(const wt_evaluator *evaluator, const wt_batch *batch, int slot, int t) {
    size_t row = (size_t)slot * (size_t)wt_batch_rows(batch) + (size_t)(batch->context - 1 + t);
    return batch->classes ? batch->classes[row]
                          : wt_quantize(evaluator->shape.quantization, (double)batch->signal[row]);
}

/* One window's score, but for the network's loss. */
static void score_window(const wt_evaluator *evaluator, const wt_batch *batch, int slot,
                         const wt_markov *markov, wt_score *score) {
    const int32_t *target = batch->target + (size_t)slot * (size_t)batch->targets;
    for (int t = 0; t < batch->target_count[slot]; t++) {
        if (target[t] < 0) continue;
        score->targets++;
        score->silence += target[t] == evaluator->silence;
        if (markov)
            score->markov += wt_markov_loss(markov, find_previous_class(evaluator, batch, slot, t),
                                            target[t]);
    }
}

/* The loss of the last forward's window `slot`, in and out of runs. */
static void score_runs(wt_evaluator *evaluator, const wt_batch *batch, int slot, wt_score *score) {
    const size_t first = (size_t)slot * (size_t)batch->targets;
    for (int t = 0; t < batch->target_count[slot]; t++) {
        const int32_t target = batch->target[first + (size_t)t];
        const bool run = batch->run[first + (size_t)t];
        const double width = target >= 0 && evaluator->widths ? evaluator->widths[target] : 0;
        evaluator->apart[t] = run ? -1 : target;
        score->in_runs += run && target >= 0;
        score->width += width;
        score->width_apart += run ? 0 : width;
    }
    score->loss_apart = wt_engine_score(evaluator->pass, slot, evaluator->apart);
}

/* The first of the largest. */
static int find_likeliest(const wt_real *logits, int classes) {
    int best = 0;
    for (int c = 1; c < classes; c++) {
        if (logits[c] > logits[best]) best = c;
    }
    return best;
}

/* What the network says of the targets of slot `slot`, the list's i-th window. */
static wt_status score_labels(const wt_evaluator *evaluator, const wt_batch *batch, int slot, int64_t i,
                              wt_score *score, wt_label_results *results) {
    const wt_network *network = evaluator->network;
    const wt_network_traits *traits = wt_network_get_traits(network);
    const wt_window window = wt_windows_get(evaluator->windows, find_listed_window(evaluator, i));
    const wt_real *outputs = wt_engine_outputs(evaluator->pass, slot);
    const size_t first = (size_t)slot * (size_t)batch->targets;
    for (int t = 0; t < batch->target_count[slot]; t++) {
        const size_t at = first + (size_t)t;
        if (batch->target[at] < 0) continue;
        const wt_real *y = traits->readout_rows ? outputs : outputs + (size_t)t * (size_t)traits->outputs;
        wt_prediction row = {window.utterance, window.start + t, (double)batch->target[at], 0};
        if (batch->value) {
            row.target = (double)batch->value[at];
            wt_real mean;
            wt_engine_mean(wt_network_graph(network), y, &mean);
            row.prediction = (double)mean;
            score->squares += row.target * row.target;
            score->errors += (row.target - row.prediction) * (row.target - row.prediction);
        } else {
            row.prediction = find_likeliest(y, traits->classes);
            score->correct += row.prediction == row.target;
            if (results) wt_label_results_note_outputs(results, &row, y);
            if (evaluator->probabilities) WT_TRY(wt_probabilities_add(evaluator->probabilities, &row, y));
        }
        if (results) WT_TRY(wt_label_results_note(results, &row));
    }
    return WT_OK;
}

/* The outputs of slot `slot`, the list's i-th window, and what the network saw. */
static wt_status record_outputs(const wt_evaluator *evaluator, const wt_batch *batch, int slot, int64_t i) {
    const wt_network_traits *traits = wt_network_get_traits(evaluator->network);
    const wt_window window = wt_windows_get(evaluator->windows, find_listed_window(evaluator, i));
    const wt_real *outputs = wt_engine_outputs(evaluator->pass, slot);
    const bool whole = traits->readout_rows > 0; /* one target sees all of the window */
    const size_t first = (size_t)slot * (size_t)wt_batch_rows(batch);
    for (int t = 0; t < batch->target_count[slot]; t++) {
        if (whole && batch->target[(size_t)slot * (size_t)batch->targets + (size_t)t] < 0) continue;
        const size_t at = whole ? first : first + (size_t)(batch->context - 1 + t - evaluator->look_ahead);
        const wt_logits_row row = {window.utterance, window.start + t,
                                   batch->classes ? batch->classes + at : NULL,
                                   batch->signal ? batch->signal + at * (size_t)batch->channels : NULL,
                                   whole ? outputs : outputs + (size_t)t * (size_t)traits->outputs};
        WT_TRY(wt_logits_add(evaluator->logits, &row));
    }
    return WT_OK;
}

static wt_status score_part(wt_evaluator *evaluator, const wt_markov *markov, wt_score *scores,
                            wt_label_results *results) {
    wt_status status = WT_OK;
    wt_loader *loader = NULL;
    wt_window_loss *losses = NULL;
    int slots = evaluator->shape.windows;
    int64_t part = evaluator->end - evaluator->first, batches = (part + slots - 1) / slots;
    WT_GUARD(wt_alloc(&losses, (size_t)slots, sizeof *losses, "losses"));
    WT_GUARD(wt_loader_create(&loader, evaluator->dataset, evaluator->windows, &evaluator->shape,
                              &(wt_loader_plan){plan_evaluation, evaluator, 0, batches}));
    for (int64_t number = 0; number < batches; number++) {
        const wt_batch *batch;
        int filled = part - number * slots < slots ? (int)(part - number * slots) : slots;
        WT_GUARD(wt_loader_next(loader, &batch));
        wt_engine_forward(evaluator->pass, batch, 0, filled, losses);
        for (int slot = 0; slot < filled; slot++) {
            wt_score *score = &scores[number * slots + slot];
            memset(score, 0, sizeof *score);
            score->loss = losses[slot].loss;
            score_window(evaluator, batch, slot, markov, score);
            if (batch->run) score_runs(evaluator, batch, slot, score);
            if (evaluator->logits)
                WT_GUARD(record_outputs(evaluator, batch, slot, evaluator->first + number * slots + slot));
            if (evaluator->labelled)
                WT_GUARD(score_labels(evaluator, batch, slot, evaluator->first + number * slots + slot, score,
                                      results));
        }
    }
cleanup:
    wt_loader_destroy(loader);
    wt_free(losses);
    return status;
}

/* Rank 0 gets the list's scores, *all [count], wt_free; the others NULL. Collective. */
static wt_status gather_scores(wt_evaluator *evaluator, const wt_markov *markov, wt_label_results *results,
                               wt_score **all) {
    wt_status status = WT_OK;
    wt_comm *comm = evaluator->comm;
    wt_score *mine = NULL;
    size_t part = (size_t)(evaluator->end - evaluator->first);
    *all = NULL;
    status = wt_alloc(&mine, part, sizeof *mine, "scores");
    if (status == WT_OK && wt_comm_rank(comm) == 0) {
        status = wt_alloc(all, (size_t)evaluator->count, sizeof **all, "scores");
    }
    if (status == WT_OK) status = score_part(evaluator, markov, mine, results);
    WT_GUARD(wt_comm_agree(comm, status));
    wt_comm_gather(comm, mine, part * sizeof *mine, *all);
cleanup:
    wt_free(mine);
    return status;
}

wt_status wt_evaluator_run(wt_evaluator *evaluator, const wt_real *parameters, const wt_markov *markov,
                           wt_score *score, wt_label_results *results) {
    wt_status status = WT_OK;
    wt_score *all, sum = {.targets = 0};
    wt_engine_pack(evaluator->pass, parameters);
    WT_GUARD(gather_scores(evaluator, markov, results, &all));
    for (int64_t i = 0; all && i < evaluator->count; i++) {
        sum.targets += all[i].targets;
        sum.silence += all[i].silence;
        sum.loss += all[i].loss;
        sum.markov += all[i].markov;
        sum.correct += all[i].correct;
        sum.squares += all[i].squares;
        sum.errors += all[i].errors;
        sum.in_runs += all[i].in_runs;
        sum.width += all[i].width;
        sum.loss_apart += all[i].loss_apart;
        sum.width_apart += all[i].width_apart;
    }
    wt_comm_broadcast(evaluator->comm, &sum, sizeof sum);
    *score = sum;
    if (results) WT_GUARD(wt_label_results_gather(evaluator->comm, results));
cleanup:
    wt_free(all);
    return status;
}

/* Scores of the list's windows into loss [speakers, speakers], of those that were given by one turn. */
static wt_status take_turn(const wt_evaluator *evaluator, const wt_score *all, double *loss) {
    const int speakers = evaluator->shape.condition.speakers, turn = evaluator->shape.condition.turn;
    int64_t *targets;
    WT_TRY(wt_alloc(&targets, (size_t)speakers, sizeof *targets, "targets of speakers"));
    for (int s = 0; s < speakers; s++) loss[s * speakers + (s + turn) % speakers] = 0;
    for (int64_t i = 0; i < evaluator->count; i++) {
        const wt_window window = wt_windows_get(evaluator->windows, find_listed_window(evaluator, i));
        const int s = wt_dataset_speaker(evaluator->dataset, window.utterance);
        loss[s * speakers + (s + turn) % speakers] += all[i].loss;
        targets[s] += all[i].targets;
    }
    for (int s = 0; s < speakers; s++) loss[s * speakers + (s + turn) % speakers] /= (double)targets[s];
    wt_free(targets);
    return WT_OK;
}

wt_status wt_evaluator_run_speakers(wt_evaluator *evaluator, const wt_real *parameters, double *loss) {
    const int speakers = evaluator->shape.condition.speakers;
    wt_status status = WT_OK;
    wt_score *all = NULL;
    wt_engine_pack(evaluator->pass, parameters);
    for (int turn = 0; turn < speakers; turn++) {
        evaluator->shape.condition.turn = turn;
        WT_GUARD(gather_scores(evaluator, NULL, NULL, &all));
        WT_GUARD(wt_comm_agree(evaluator->comm, all ? take_turn(evaluator, all, loss) : WT_OK));
        wt_free(all);
        all = NULL;
    }
    wt_comm_broadcast(evaluator->comm, loss, (size_t)(speakers * speakers) * sizeof *loss);
cleanup:
    evaluator->shape.condition.turn = 0;
    wt_free(all);
    return status;
}
