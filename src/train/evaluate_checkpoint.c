/* A checkpoint's network on a whole split, each target once. */
#include <string.h>

#include "base/file.h"
#include "comm/facts.h"
#include "train/agreement.h"
#include "train/evaluation.h"
#include "train/probabilities.h"
#include "train_internal.h"

/* What an evaluation holds. */
typedef struct {
    wt_checkpoint *checkpoint;
    const wt_config *config;
    const wt_evaluate_request *request;
    const char *predictions;
    wt_restored restored;
    const wt_kernels *kernels;
    wt_markov *markov;
    wt_evaluator *evaluator;
} subject;

static wt_status check_logits(wt_comm *comm, const subject *s) {
    const char *path = s->request->logits;
    if (!path) return WT_OK;
    WT_CHECK(wt_comm_size(comm) == 1, WT_USAGE, "--logits: is written by one rank (got %d)",
             wt_comm_size(comm));
    WT_TRY(wt_path_require_ending(path, ".h5", "an HDF5 file"));
    return wt_path_require_free(path, " (expected a name that is free)");
}

static wt_status check_subject(const subject *s) {
    const bool labels = s->config->data.target == WT_TARGETS_LABEL, markov = s->request->markov;
    const char *path = s->predictions, *dot = path ? strrchr(path, '.') : NULL;
    const bool h5 = dot && (strcmp(dot, ".h5") == 0 || strcmp(dot, ".hdf5") == 0);
    WT_CHECK(labels || !path, WT_USAGE, "--predictions: the network predicts no labels");
    WT_CHECK((labels && wt_network_get_traits(s->restored.network)->classes > 0) ||
                 !s->request->probabilities,
             WT_USAGE, "--probabilities: the network predicts no classes of labels");
    WT_CHECK(!labels || !markov, WT_USAGE, "--markov: the network predicts labels, not the next sample");
    WT_CHECK(s->config->model.head == WT_HEAD_SOFTMAX || !markov, WT_USAGE,
             "--markov: the network predicts values (expected one that predicts classes)");
    if (path && !h5) WT_TRY(wt_path_require_ending(path, ".csv", "a table (.h5: HDF5)"));
    if (path) WT_TRY(wt_path_require_free(path, " (expected a name that is free)"));
    WT_CHECK(s->request->frames == WT_FRAMES_OWN || wt_network_get_traits(s->restored.network)->features > 0,
             WT_USAGE, "--frames: the network has no condition");
    WT_CHECK(!s->request->speakers || wt_network_get_traits(s->restored.network)->speakers > 0, WT_USAGE,
             "--speakers: the network has no speakers");
    return WT_OK;
}

static wt_status restore_subject(subject *s) {
    WT_TRY(wt_kernels_select(&s->kernels, s->config->run.backend, s->config->train.precision));
    WT_TRY(wt_restore_network(&s->restored, s->checkpoint, s->request->raw));
    if (s->request->bf16)
        wt_engine_round_weights(wt_network_graph(s->restored.network), s->restored.parameters);
    return WT_OK;
}

/* Collective. */
static wt_status count_markov(wt_comm *comm, subject *s, const char *data) {
    wt_dataset *train = NULL;
    wt_quantization quantization;
    wt_status status = wt_dataset_open(&train, data, "train", s->config->data.memory);
    WT_GUARD(wt_agree_on_dataset(comm, data, "train", train, status));
    status = wt_dataset_quantization(&quantization, train, s->config->data.quantization);
    if (status == WT_OK) status = wt_markov_create(&s->markov, train, quantization, 0.1);
    status = wt_comm_agree_alike(comm, status);
cleanup:
    wt_dataset_close(train);
    return status;
}

/* Collective. */
static wt_status open_evaluator(wt_comm *comm, subject *s, wt_evaluated *evaluated) {
    const wt_checkpoint_state *state = wt_checkpoint_get_state(s->checkpoint);
    const wt_evaluation evaluation = {.network = s->restored.network,
                                      .kernels = s->kernels,
                                      .config = s->config,
                                      .normalization = &state->normalization,
                                      .features = &state->features,
                                      .frames = s->request->frames,
                                      .path = evaluated->data,
                                      .split = s->request->split};
    WT_TRY(wt_evaluator_create(&s->evaluator, comm, &evaluation));
    const wt_dataset *dataset = wt_evaluator_dataset(s->evaluator);
    const wt_status status = wt_evaluator_check(s->evaluator, wt_checkpoint_get_vocabulary(s->checkpoint));
    WT_TRY(wt_comm_agree_alike(comm, status));
    WT_TRY(wt_comm_agree_alike(comm, wt_evaluator_check_classes(s->evaluator, &state->names.classes)));
    evaluated->kind = wt_dataset_kind(dataset);
    evaluated->rate = wt_dataset_sample_rate(dataset);
    evaluated->labels = s->config->data.target == WT_TARGETS_LABEL;
    if (evaluated->labels || evaluated->kind != WT_DATA_AUDIO) return WT_OK;
    return wt_comm_agree(comm, wt_evaluator_mark_runs(s->evaluator));
}

static const wt_class_names *names_of(const subject *s) {
    const wt_class_names *learnt = &wt_checkpoint_get_state(s->checkpoint)->names.classes;
    return *learnt->names ? learnt : wt_dataset_class_names(wt_evaluator_dataset(s->evaluator));
}

static bool is_of_recordings(const subject *s) {
    return wt_dataset_class_names(wt_evaluator_dataset(s->evaluator))->whole;
}

/* Labels, with their probabilities where these are asked for. Collective. */
static wt_status run_with_probabilities(wt_comm *comm, const subject *s, wt_evaluated *evaluated) {
    wt_dataset *dataset = wt_evaluator_dataset(s->evaluator);
    const bool asked = s->request->probabilities && wt_comm_rank(comm) == 0, whole = is_of_recordings(s);
    wt_probabilities *file = NULL;
    WT_CHECK(!s->request->probabilities || whole || wt_comm_size(comm) == 1, WT_USAGE,
             "--probabilities: of samples are written by one rank (got %d)", wt_comm_size(comm));
    wt_status status = asked ? wt_probabilities_open(&file, s->request->probabilities, dataset, names_of(s),
                                                     evaluated->classes)
                             : WT_OK;
    WT_TRY(wt_comm_agree(comm, status));
    wt_evaluator_write_probabilities(s->evaluator, whole ? NULL : file);
    status = wt_evaluator_run(s->evaluator, s->restored.parameters, NULL, &evaluated->score,
                              &evaluated->results);
    if (status == WT_OK && whole && file) status = wt_probabilities_add_recordings(file, &evaluated->results);
    return wt_comm_agree(comm, wt_probabilities_close(file, status));
}

/* Collective. */
static wt_status run_evaluator(wt_comm *comm, const subject *s, wt_evaluated *evaluated) {
    const wt_real *parameters = s->restored.parameters;
    wt_label_results *results = &evaluated->results;
    if (evaluated->speaker_loss)
        return wt_evaluator_run_speakers(s->evaluator, parameters, evaluated->speaker_loss);
    if (!evaluated->labels)
        return wt_evaluator_run(s->evaluator, parameters, s->markov, &evaluated->score, NULL);
    const bool keep = s->predictions || s->request->keep;
    wt_dataset *dataset = wt_evaluator_dataset(s->evaluator);
    const bool root = wt_comm_rank(comm) == 0;
    wt_status status = wt_label_results_init(results, evaluated->classes, keep);
    if (status == WT_OK && is_of_recordings(s))
        status = wt_label_results_add_recordings(results, wt_dataset_utterances(dataset));
    WT_TRY(wt_comm_agree(comm, status));
    evaluated->names = *names_of(s);
    WT_TRY(run_with_probabilities(comm, s, evaluated));
    WT_TRY(wt_comm_agree(comm, root ? wt_label_results_judge(results, dataset) : WT_OK));
    if (!s->predictions) return WT_OK;
    return wt_comm_agree(comm, root ? wt_predictions_write(s->predictions, dataset, results) : WT_OK);
}

/* By one rank. */
static wt_status run_with_logits(wt_comm *comm, const subject *s, wt_evaluated *evaluated) {
    WT_TRY(wt_evaluator_record(s->evaluator, s->request->logits));
    return wt_evaluator_end_record(s->evaluator, run_evaluator(comm, s, evaluated));
}

static wt_status reserve_speakers(const subject *s, wt_evaluated *evaluated) {
    const size_t speakers = (size_t)evaluated->speakers;
    if (!s->request->speakers) return WT_OK;
    return wt_alloc(&evaluated->speaker_loss, speakers * speakers, sizeof *evaluated->speaker_loss,
                    "losses of speakers");
}

void wt_evaluated_dispose(wt_evaluated *evaluated) {
    wt_label_results_dispose(&evaluated->results);
    wt_free(evaluated->speaker_loss);
    evaluated->speaker_loss = NULL;
}

/* Collective. */
static wt_status score_subject(wt_comm *comm, subject *s, wt_evaluated *evaluated) {
    WT_TRY(wt_comm_agree_alike(comm, restore_subject(s)));
    WT_TRY(wt_comm_agree(comm, check_subject(s)));
    WT_TRY(wt_comm_agree(comm, check_logits(comm, s)));
    const wt_network_traits *traits = wt_network_get_traits(s->restored.network);
    evaluated->squared = traits->head_kind == WT_HEAD_MSE;
    evaluated->classes = traits->classes;
    evaluated->values = traits->values;
    evaluated->speakers = traits->speakers;
    if (s->request->markov) WT_TRY(count_markov(comm, s, evaluated->data));
    WT_TRY(open_evaluator(comm, s, evaluated));
    WT_TRY(wt_comm_agree(comm, reserve_speakers(s, evaluated)));
    WT_TRY(s->request->logits ? run_with_logits(comm, s, evaluated) : run_evaluator(comm, s, evaluated));
    WT_CHECK(evaluated->score.targets > 0 || s->request->speakers, WT_USAGE, "%s: has no targets",
             evaluated->data);
    return WT_OK;
}

wt_status wt_checkpoint_evaluate(wt_comm *comm, wt_checkpoint *checkpoint, const wt_evaluate_request *request,
                                 const char *predictions, wt_evaluated *evaluated) {
    subject s = {.checkpoint = checkpoint,
                 .config = wt_checkpoint_get_config(checkpoint),
                 .request = request,
                 .predictions = predictions};
    memset(evaluated, 0, sizeof *evaluated);
    evaluated->data = request->data ? request->data : wt_checkpoint_dataset_path(s.checkpoint);
    const wt_status status = score_subject(comm, &s, evaluated);
    wt_evaluator_destroy(s.evaluator);
    wt_markov_destroy(s.markov);
    wt_restored_dispose(&s.restored);
    return status;
}
