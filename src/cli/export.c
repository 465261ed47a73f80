/* wavetrain export: a network for another program. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/utf8.h"
#include "export/nam.h"
#include "export_options.h"
#include "network/network_model.h"
#include "wavetrain/train.h"

typedef struct {
    char *format, *out, *checkpoint;
    int raw;
    wt_export_labels labels;
} arguments_type;

static arguments_type given;

static const struct poptOption options[] = {
    {"format", '\0', POPT_ARG_STRING, &given.format, 0,
     "What it is written as: nam, Neural Amp Modeler's file", "nam"},
    {"out", '\0', POPT_ARG_STRING, &given.out, 0, "The file, whose name must be free", "FILE"},
    {"checkpoint", '\0', POPT_ARG_STRING, &given.checkpoint, 0,
     "Which one of a run: newest (default), best (by validation loss), or a step", "newest|best|STEP"},
    {"raw", '\0', POPT_ARG_NONE, &given.raw, 0,
     "Of a run with ema.decay, the parameters of the last step instead of their mean", NULL},
    WT_EXPORT_LABELS(given.labels),
    POPT_TABLEEND,
};

/* A network that goes into the file. */
typedef struct {
    wt_checkpoint *checkpoint;
    wt_restored restored;
    float *weights;
} source;

static wt_status check_word(const char *option, const char *word, const char *const *words) {
    if (!word) return WT_OK;
    for (int i = 0; words[i]; i++) {
        if (strcmp(word, words[i]) == 0) return WT_OK;
    }
    return wt_error(WT_USAGE, "--%s: no such word (got %s; --help lists them)", option, word);
}

static wt_status check_exported_text(const char *option, const char *text) {
    uint32_t code;
    for (size_t at = 0, bytes = text ? strlen(text) : 0; at < bytes;) {
        const int length = wt_utf8_decode(&code, text + at, bytes - at);
        WT_CHECK(length > 0, WT_USAGE, "--%s: is not UTF-8", option);
        at += (size_t)length;
    }
    return WT_OK;
}

void wt_export_labels_init(wt_export_labels *labels) {
    memset(labels, 0, sizeof *labels);
    labels->input_level = labels->output_level = NAN;
}

void wt_export_labels_free(wt_export_labels *labels) {
    char *const texts[] = {labels->name,       labels->modeled_by, labels->gear_make,
                           labels->gear_model, labels->gear_type,  labels->tone_type};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
}

wt_status wt_export_labels_check(const wt_export_labels *labels) {
    WT_TRY(check_exported_text("name", labels->name));
    WT_TRY(check_exported_text("modeled-by", labels->modeled_by));
    WT_TRY(check_exported_text("gear-make", labels->gear_make));
    WT_TRY(check_exported_text("gear-model", labels->gear_model));
    WT_TRY(check_word("gear-type", labels->gear_type, wt_nam_gear_types));
    return check_word("tone-type", labels->tone_type, wt_nam_tone_types);
}

static wt_status check_export_arguments(void) {
    WT_CHECK(given.out, WT_USAGE, "export: --out is missing (expected --out FILE.nam)");
    WT_CHECK(given.format && strcmp(given.format, "nam") == 0, WT_USAGE,
             "export: --format: no such format (got %s, expected nam)",
             given.format ? given.format : "nothing");
    WT_TRY(wt_path_require_ending(given.out, ".nam", "a model for players"));
    WT_TRY(wt_path_require_free(given.out, " (expected a name that is free)"));
    return wt_export_labels_check(&given.labels);
}

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

static wt_status open_export_source(source *s, const wt_export_job *job, int number) {
    WT_TRY(wt_command_open_checkpoint(&s->checkpoint, job->sources[number], job->checkpoint));
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

static wt_status write_sources(const wt_export_job *job, const source *sources) {
    wt_nam_model models[WT_EXPORT_SIZES];
    char *text;
    const wt_export_labels *labels = job->labels;
    const wt_nam_metadata metadata = {.name = labels->name,
                                      .modeled_by = labels->modeled_by,
                                      .gear_make = labels->gear_make,
                                      .gear_model = labels->gear_model,
                                      .gear_type = labels->gear_type,
                                      .tone_type = labels->tone_type,
                                      .input_level_dbu = labels->input_level,
                                      .output_level_dbu = labels->output_level,
                                      .loudness = NAN,
                                      .gain = NAN,
                                      .validation_esr = esr_of(&sources[job->count - 1]),
                                      .date = time(NULL)};
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

static wt_status export_sources(source *sources, const wt_export_job *job) {
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

wt_status wt_export_nam(const wt_export_job *job) {
    source sources[WT_EXPORT_SIZES];
    memset(sources, 0, sizeof sources);
    const wt_status status = export_sources(sources, job);
    for (int i = 0; i < WT_EXPORT_SIZES; i++) close_export_source(&sources[i]);
    return status;
}

static wt_status run_export(wt_comm *comm, int argc, const char **argv) {
    wt_command_line line = {0};
    (void)comm;
    memset(&given, 0, sizeof given);
    wt_export_labels_init(&given.labels);
    wt_status status = wt_command_parse(&line, &wt_command_export, argc, argv, 1, WT_EXPORT_SIZES);
    if (status == WT_OK && !line.done) {
        const wt_export_job job = {given.out,     given.checkpoint, given.raw,
                                   &given.labels, line.arguments,   line.count};
        status = check_export_arguments();
        if (status == WT_OK) status = wt_export_nam(&job);
    }
    poptFreeContext(line.context);
    free(given.format);
    free(given.out);
    free(given.checkpoint);
    wt_export_labels_free(&given.labels);
    return status;
}

const wt_command wt_command_export = {
    .name = "export",
    .arguments = "CHECKPOINT|RUN|FILE.nam [SMALLER] --format nam --out FILE.nam [OPTION…]",
    .summary = "Write an amplifier's network for players, or two sizes of it in one file",
    .run = run_export,
    .options = options,
};
