/* A capture is what other modules do, one after the other: a data set, training, a file for players. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amplifier/amplifier.h"
#include "base/memory.h"
#include "base/timer.h"
#include "bench/stepper.h"
#include "comm/facts.h"
#include "config/sections.h"
#include "train/agreement.h"
#include "wavetrain/base.h"

enum { SIZES = WT_NAM_SIZES, STEPS_MIN = 2, STEPS_MAX = 1000000, VALIDATIONS = 50 };

/* The second generation learns outputs of −18 dB: its constants are for those. `level` 0: as they are. */
typedef struct {
    const char *name, *sizes[SIZES + 1];
    double level, head_scale, weight;
} capture_preset;

#define LEVEL_A2 0.12589254117941673, 0.01, 0.0005 /* 10^(−18/20) */

static const capture_preset presets[] = {
    {"a1-standard", {"a1-standard"}, 0, 0, 0}, {"a1-lite", {"a1-lite"}, 0, 0, 0},
    {"a1-feather", {"a1-feather"}, 0, 0, 0},   {"a1-nano", {"a1-nano"}, 0, 0, 0},
    {"a2", {"a2-full", "a2-lite"}, LEVEL_A2},  {"a2-full", {"a2-full"}, LEVEL_A2},
    {"a2-lite", {"a2-lite"}, LEVEL_A2},
};

static const capture_preset *find_capture_preset(const char *name) {
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(presets[i].name, name) == 0) return &presets[i];
    return NULL;
}

bool wt_capture_knows(const char *preset) {
    return find_capture_preset(preset) != NULL;
}

wt_status wt_capture_name(wt_capture *capture, const char *out) {
    static const char work[] = ".capture";
    const char *dot = strrchr(wt_path_base(out), '.');
    const size_t stem = dot ? (size_t)(dot - out) : strlen(out);
    WT_CHECK(stem + sizeof work <= WT_PATH_MAX, WT_USAGE, "%s: the path is too long", out);
    snprintf(capture->out, sizeof capture->out, "%s", out);
    snprintf(capture->work, sizeof capture->work, "%.*s%s", (int)stem, out, work);
    return WT_OK;
}

/* A path below the work folder: that of `size` with an ending. */
static wt_status locate_pair(char path[WT_PATH_MAX], const wt_capture *capture, const char *size,
                             const char *ending) {
    char name[64];
    snprintf(name, sizeof name, "%s%s", size, ending);
    return wt_path_join(path, capture->work, name);
}

/* Whether the capture has begun with this preset: each of its sizes has its configuration. */
static bool has_begun(const wt_capture *capture, const capture_preset *preset) {
    char path[WT_PATH_MAX];
    for (int s = 0; preset->sizes[s]; s++) {
        if (locate_pair(path, capture, preset->sizes[s], ".yaml") != WT_OK || !wt_path_exists(path))
            return false;
    }
    return true;
}

void wt_capture_choose(wt_comm *comm, wt_capture *capture) {
    const size_t count = sizeof presets / sizeof *presets;
    if (capture->preset) return;
    capture->preset = presets[0].name;
    for (size_t i = 0; i < count; i++) {
        if (!wt_comm_decide(comm, has_begun(capture, &presets[i]))) continue;
        capture->preset = presets[i].name;
        return;
    }
}

/* --- the data set --- */

static wt_status locate_data(char path[WT_PATH_MAX], const wt_capture *capture) {
    return wt_path_join(path, capture->work, "data");
}

wt_status wt_capture_prepare(wt_comm *comm, const wt_capture *capture, const wt_prepare_output *output,
                             wt_audio_set *set, wt_prepared *prepared, bool *made) {
    static char *no_test[] = {"0", NULL};
    char data[WT_PATH_MAX];
    const bool root = wt_comm_rank(comm) == 0;
    wt_audio_job job = {.inputs = &capture->dry,
                        .input_count = 1,
                        .target = capture->wet,
                        .align = capture->align,
                        .audio = {.store = WT_STORE_FLOAT, .shard_bytes = 256 << 20}};
    memset(set, 0, sizeof *set);
    memset(prepared, 0, sizeof *prepared);
    WT_TRY(locate_data(data, capture));
    *made = !wt_comm_decide(comm, root && wt_dataset_has_split(data, "train"));
    if (!*made) return WT_OK;
    WT_TRY(wt_comm_agree(comm, root ? wt_folder_make(capture->work) : WT_OK));
    WT_TRY(wt_split_rule_parse(&job.audio.split, NULL, no_test, 0));
    wt_prepare_output placed = *output;
    placed.out = data;
    return wt_audio_prepare(comm, &placed, &job, set, prepared);
}

/* The RMS of what is to be learnt. Rank 0. */
static wt_status measure_level(double *level, wt_dataset *set) {
    enum { PIECE = 1 << 16 };
    float *values;
    double sum = 0, count = 0;
    wt_status status = WT_OK;
    WT_TRY(wt_alloc(&values, PIECE, sizeof *values, "samples"));
    for (int64_t u = 0; u < wt_dataset_utterances(set); u++) {
        const int64_t length = wt_dataset_length(set, u);
        for (int64_t first = 0; first < length; first += PIECE) {
            const int64_t part = length - first < PIECE ? length - first : PIECE;
            WT_GUARD(wt_dataset_read_values(set, u, first, part, values));
            for (int64_t i = 0; i < part; i++) sum += (double)values[i] * (double)values[i];
            count += (double)part;
        }
    }
    *level = count > 0 ? sqrt(sum / count) : 0;
cleanup:
    wt_free(values);
    return status;
}

typedef struct {
    double level;
    int64_t samples;
} training_part;

static wt_status read_training(training_part *part, const char *data) {
    wt_dataset *set;
    WT_TRY(wt_dataset_open(&set, data, "train", 0));
    part->samples = wt_dataset_samples(set);
    wt_status status = measure_level(&part->level, set);
    wt_dataset_close(set);
    return status;
}

/* --- configurations --- */

/* YAML's single quotes, in which a quote is doubled. */
static void print_yaml_text(FILE *out, const char *text) {
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'') fputc('\'', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void print_capture_config(FILE *out, const wt_capture *capture, const char *size, const char *data,
                                 const training_part *part) {
    const capture_preset *preset = find_capture_preset(capture->preset);
    fprintf(out, "model:\n  preset: %s\n", size);
    if (preset->level > 0 && part->level > 0) {
        const double gain = preset->level / part->level;
        fprintf(out, "  head_scale: %.9g\n  spectral_gain: %.9g\n  spectral_weight: %.9g\n",
                preset->head_scale / gain, gain, preset->weight / (gain * gain));
    }
    fprintf(out, "data:\n  path: ");
    print_yaml_text(out, data);
    fprintf(out, "\nschedule: {kind: cosine, floor: 0.01}\nvalidation: {until_esr: %.9g}\n",
            capture->until_esr);
}

static wt_status make_config(wt_config *config, const wt_capture *capture, const char *size, const char *data,
                             const training_part *part) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    WT_CHECK(out, WT_FAILED, "out of memory for a configuration");
    print_capture_config(out, capture, size, data, part);
    wt_status status = fclose(out) == 0 ? WT_OK : wt_error(WT_FAILED, "out of memory for a configuration");
    if (status == WT_OK) status = wt_config_parse(config, size, text, length, NULL, 0);
    free(text);
    return status;
}

static wt_status write_config(const char *path, const wt_config *config) {
    char *text;
    WT_TRY(wt_config_text(&text, config));
    wt_status status = wt_file_write_atomically(path, text, strlen(text), NULL, 0);
    wt_free(text);
    return status;
}

/* Seconds, on rank 0. Collective. */
static wt_status time_step(double *seconds, wt_comm *comm, const char *size, const wt_config *config) {
    enum { WARM = 1, MEASURED = 3 };
    wt_stepper *stepper;
    WT_TRY(wt_stepper_create(&stepper, comm, size, config));
    double began = 0;
    wt_timer_init(&stepper->step->timer);
    for (int i = 0; i < WARM + MEASURED; i++) {
        if (i == WARM) began = wt_time_now();
        wt_stepper_step(stepper);
    }
    *seconds = (wt_time_now() - began) / MEASURED;
    wt_stepper_destroy(stepper);
    return WT_OK;
}

/* All steps, with validations and checkpoints in the time that is kept for them. */
static void set_length(wt_config *config, double minutes, double seconds) {
    const double share = 0.9, steps = minutes * 60 * share / seconds;
    config->train.steps = steps < STEPS_MIN ? STEPS_MIN : steps > STEPS_MAX ? STEPS_MAX : (int64_t)steps;
    config->validation.every = config->train.steps / VALIDATIONS + 1;
    config->checkpoint.every = config->validation.every;
}

/* The configurations of all sizes, which share the minutes. Collective. */
static wt_status plan_capture(wt_comm *comm, const wt_capture *capture, const char *data,
                              wt_config *configs) {
    const capture_preset *preset = find_capture_preset(capture->preset);
    const bool root = wt_comm_rank(comm) == 0;
    training_part part = {0, 0};
    double seconds = 0;
    WT_TRY(wt_comm_agree(comm, root ? read_training(&part, data) : WT_OK));
    wt_comm_broadcast(comm, &part, sizeof part);
    for (int s = 0; preset->sizes[s]; s++) {
        double own = 0;
        WT_TRY(wt_comm_agree_alike(comm, make_config(&configs[s], capture, preset->sizes[s], data, &part)));
        WT_TRY(time_step(&own, comm, preset->sizes[s], &configs[s]));
        seconds += own;
    }
    wt_comm_broadcast(comm, &seconds, sizeof seconds);
    for (int s = 0; preset->sizes[s]; s++) {
        char path[WT_PATH_MAX];
        set_length(&configs[s], capture->minutes, seconds);
        WT_TRY(locate_pair(path, capture, preset->sizes[s], ".yaml"));
        WT_TRY(wt_comm_agree(comm, root ? write_config(path, &configs[s]) : WT_OK));
    }
    wt_log_info("%s: %" PRId64 " steps of %.3f s", capture->out, configs[0].train.steps, seconds);
    return WT_OK;
}

/* What an earlier start has planned. Rank 0. */
static wt_status read_plan(const wt_capture *capture, const char *data, wt_config *config, const char *size) {
    char path[WT_PATH_MAX];
    training_part part;
    WT_TRY(locate_pair(path, capture, size, ".yaml"));
    WT_TRY(wt_config_load(config, path, NULL, 0));
    config->validation.until_esr = capture->until_esr;
    if (capture->more_epochs == 0) return WT_OK;
    WT_TRY(read_training(&part, data));
    const int64_t epoch = part.samples / config->data.window / config->train.batch + 1;
    config->train.steps += capture->more_epochs * epoch;
    return write_config(path, config);
}

/* Collective. */
static wt_status load_plan(wt_comm *comm, const wt_capture *capture, const char *data, wt_config *configs) {
    const capture_preset *preset = find_capture_preset(capture->preset);
    char path[WT_PATH_MAX];
    wt_status status = WT_OK;
    bool planned = true;
    for (int s = 0; preset->sizes[s]; s++) {
        WT_TRY(locate_pair(path, capture, preset->sizes[s], ".yaml"));
        planned = planned && wt_path_exists(path);
    }
    wt_comm_broadcast(comm, &planned, sizeof planned);
    if (!planned) return plan_capture(comm, capture, data, configs);
    for (int s = 0; preset->sizes[s]; s++) {
        if (wt_comm_rank(comm) == 0 && status == WT_OK)
            status = read_plan(capture, data, &configs[s], preset->sizes[s]);
        wt_comm_broadcast(comm, &configs[s], sizeof configs[s]);
    }
    return wt_comm_agree(comm, status);
}

/* --- training and what follows --- */

static wt_status train_size(wt_comm *comm, const wt_capture *capture, const wt_config *config,
                            const char *size) {
    wt_train_options *options;
    wt_status status = wt_comm_agree(comm, wt_alloc(&options, 1, sizeof *options, "options"));
    if (status != WT_OK) return status;
    options->config = config;
    options->resume = WT_RESUME_AUTO;
    options->resume_file = "auto";
    status = locate_pair(options->run, capture, size, "");
    if (status == WT_OK) status = wt_agree_on_configuration(comm, config);
    if (status == WT_OK) status = wt_train(comm, options);
    wt_free(options);
    return status;
}

static wt_status train_sizes(wt_comm *comm, const wt_capture *capture, const char *data) {
    const capture_preset *preset = find_capture_preset(capture->preset);
    wt_config *configs;
    wt_status status = wt_comm_agree(comm, wt_alloc(&configs, SIZES, sizeof *configs, "configurations"));
    if (status == WT_OK) status = load_plan(comm, capture, data, configs);
    for (int s = 0; status == WT_OK && preset->sizes[s]; s++)
        status = train_size(comm, capture, &configs[s], preset->sizes[s]);
    wt_free(configs);
    return status;
}

/* In place of what an earlier call has written. Rank 0. */
static wt_status write_out(const wt_capture *capture) {
    const capture_preset *preset = find_capture_preset(capture->preset);
    char runs[SIZES][WT_PATH_MAX];
    const char *sources[SIZES];
    int count = 0;
    for (; preset->sizes[count]; count++) {
        WT_TRY(locate_pair(runs[count], capture, preset->sizes[count], ""));
        sources[count] = runs[count];
    }
    const wt_nam_job job = {.out = capture->out,
                            .checkpoint = "best",
                            .labels = capture->labels,
                            .sources = sources,
                            .count = count};
    return wt_nam_export(&job);
}

wt_status wt_capture_train(wt_comm *comm, const wt_capture *capture) {
    char data[WT_PATH_MAX];
    WT_TRY(locate_data(data, capture));
    WT_TRY(train_sizes(comm, capture, data));
    return wt_comm_agree(comm, wt_comm_rank(comm) == 0 ? write_out(capture) : WT_OK);
}

static wt_capture_state inspect_size(const wt_capture *capture, const char *size) {
    char run[WT_PATH_MAX];
    wt_checkpoint *checkpoint;
    wt_capture_state state = {.size = size};
    if (locate_pair(run, capture, size, "") != WT_OK) return state;
    state.verdict = wt_run_read_verdict(run);
    state.begun = wt_checkpoint_choose(&checkpoint, run, "best") == WT_OK;
    if (!state.begun) return state;
    const wt_checkpoint_state *stored = wt_checkpoint_get_state(checkpoint);
    state.step = stored->step;
    state.steps = wt_checkpoint_get_config(checkpoint)->train.steps;
    state.seconds = stored->seconds;
    state.loss = stored->validation_loss;
    state.power = stored->validation_power;
    wt_checkpoint_close(checkpoint);
    return state;
}

int wt_capture_inspect(const wt_capture *capture, wt_capture_state states[WT_NAM_SIZES]) {
    const capture_preset *preset = find_capture_preset(capture->preset);
    int count = 0;
    for (; preset->sizes[count]; count++) states[count] = inspect_size(capture, preset->sizes[count]);
    return count;
}
