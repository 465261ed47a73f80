/* Checkpoints of amplifiers as a file for players. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "amplifier/amplifier.h"
#include "base/file.h"
#include "base/memory.h"
#include "config/sections.h"
#include "network/network_model.h"
#include "wavetrain/base.h"

/* A network that goes into the file. */
typedef struct {
    wt_checkpoint *checkpoint;
    wt_restored restored;
    float *weights;
} source;

/* Players feed samples as they are. */
static wt_status check_source(const source *s) {
    const wt_checkpoint_state *state = wt_checkpoint_get_state(s->checkpoint);
    const char *path = wt_checkpoint_path(s->checkpoint);
    const wt_config *config = wt_checkpoint_get_config(s->checkpoint);
    WT_CHECK(
        config->data.target == WT_TARGETS_LABEL && config->data.look_ahead == 0, WT_USAGE,
        "%s: does not make one signal from another as it comes (expected data.target: label, no look_ahead)",
        path);
    WT_CHECK(state->channels == 1, WT_USAGE, "%s: takes %d channels (a .nam file has 1)", path,
             state->channels);
    WT_CHECK(
        state->normalization.channels == 0, WT_USAGE,
        "%s: was trained on normalised samples, which players don't make (expected data.normalization: none)",
        path);
    return WT_OK;
}

static wt_status open_export_source(source *s, const wt_nam_job *job, int number) {
    WT_TRY(wt_checkpoint_choose(&s->checkpoint, job->sources[number], job->checkpoint));
    WT_TRY(check_source(s));
    WT_TRY(wt_restore_network(&s->restored, s->checkpoint, job->raw));
    const wt_parameter_table *table = wt_network_parameters(s->restored.network);
    WT_TRY(wt_alloc(&s->weights, table->total, sizeof *s->weights, "weights"));
    for (int p = 0; p < table->count; p++) {
        const wt_parameter *entry = &table->entries[p];
        wt_parameter_export(entry, s->restored.parameters + entry->offset, s->weights + entry->offset);
    }
    return WT_OK;
}

static void close_export_source(source *s) {
    wt_free(s->weights);
    wt_restored_dispose(&s->restored);
    wt_checkpoint_close(s->checkpoint);
}

static size_t parameters_of(const source *s) {
    return wt_network_parameters(s->restored.network)->total;
}

/* The smallest first. */
static int compare_sizes(const void *a, const void *b) {
    const size_t left = parameters_of(a), right = parameters_of(b);
    return left < right ? -1 : left > right;
}

static wt_status check_sizes(const source *sources, int count) {
    if (count < 2) return WT_OK;
    const int rate = wt_checkpoint_get_state(sources[0].checkpoint)->sample_rate;
    const int other = wt_checkpoint_get_state(sources[1].checkpoint)->sample_rate;
    WT_CHECK(parameters_of(&sources[0]) < parameters_of(&sources[1]), WT_USAGE,
             "%s: is as large as %s (expected two sizes)", wt_checkpoint_path(sources[0].checkpoint),
             wt_checkpoint_path(sources[1].checkpoint));
    WT_CHECK(rate == other, WT_USAGE, "%s: is of another sample rate than %s (got %d Hz, expected %d)",
             wt_checkpoint_path(sources[0].checkpoint), wt_checkpoint_path(sources[1].checkpoint), rate,
             other);
    return WT_OK;
}

/* Of the validation that the checkpoint was written after; NaN where there was none. */
static double esr_of(const source *s) {
    const wt_checkpoint_state *state = wt_checkpoint_get_state(s->checkpoint);
    return state->validation_power > 0 ? state->validation_loss / state->validation_power : NAN;
}

static wt_status write_sources(const wt_nam_job *job, const source *sources) {
    wt_nam_model models[WT_NAM_SIZES];
    char *text;
    wt_nam_metadata metadata = *job->labels;
    metadata.validation_esr = esr_of(&sources[job->count - 1]);
    metadata.date = time(NULL);
    for (int i = 0; i < job->count; i++)
        models[i] = (wt_nam_model){
            .model = &wt_checkpoint_get_config(sources[i].checkpoint)->model,
            .weights = sources[i].weights,
            .count = parameters_of(&sources[i]),
            .sample_rate = wt_checkpoint_get_state(sources[i].checkpoint)->sample_rate};
    WT_TRY(wt_nam_print(&text, models, job->count, &metadata));
    wt_status status = wt_file_write_atomically(job->out, text, strlen(text), NULL, 0);
    wt_free(text);
    return status;
}

static wt_status export_sources(source *sources, const wt_nam_job *job) {
    for (int i = 0; i < job->count; i++) WT_TRY(open_export_source(&sources[i], job, i));
    qsort(sources, (size_t)job->count, sizeof *sources, compare_sizes);
    WT_TRY(check_sizes(sources, job->count));
    WT_TRY(write_sources(job, sources));
    for (int i = 0; i < job->count; i++)
        wt_log_info("%s: %zu parameters of %s, step %lld", job->out, parameters_of(&sources[i]),
                    wt_checkpoint_path(sources[i].checkpoint),
                    (long long)wt_checkpoint_get_state(sources[i].checkpoint)->step);
    return WT_OK;
}

wt_status wt_nam_export(const wt_nam_job *job) {
    source sources[WT_NAM_SIZES];
    memset(sources, 0, sizeof sources);
    const wt_status status = export_sources(sources, job);
    for (int i = 0; i < WT_NAM_SIZES; i++) close_export_source(&sources[i]);
    return status;
}
