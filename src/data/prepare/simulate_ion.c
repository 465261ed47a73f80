/*
 * Ion channels. Draws are keyed by utterance, channel and sample, so any process can make any utterance; the
 * probabilities of a step are those of the process in continuous time, so a higher rate samples the same
 * process.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "prepare_internal.h"

enum { DRIFT_WAVES = 6 };

static const double pi = 3.14159265358979323846, hum_hertz = 50;

/* A draw's counter: which of the utterance's streams, and the sample. */
static uint64_t noise_counter(uint64_t stream, int64_t sample) {
    return stream << 48 | (uint64_t)sample;
}
enum { NOISE_STREAM, PHASE_STREAM, CHANNEL_STREAM }; /* then one a channel */

static double uniform(const wt_ion *ion, size_t item, uint64_t stream, int64_t sample) {
    return wt_random_uniform(ion->seed, WT_RANDOM_SIMULATE, item, noise_counter(stream, sample));
}

static wt_status check_ion_range(const char *option, double value, double least, double most) {
    WT_CHECK(value >= least && value <= most, WT_USAGE, "%s: out of range (got %g, expected %g … %g)", option,
             value, least, most);
    return WT_OK;
}

static wt_status check_ion(const wt_ion *ion) {
    WT_TRY(check_ion_range("--rate", ion->rate, 100, 10000000));
    WT_TRY(check_ion_range("--channels", ion->count, 1, WT_ION_CHANNELS_MAX));
    WT_TRY(check_ion_range("--opening", ion->opening, 1e-6, 1e9));
    WT_TRY(check_ion_range("--closing", ion->closing, 1e-6, 1e9));
    WT_TRY(check_ion_range("--amplitude", ion->amplitude, 1e-30, 1e30));
    WT_TRY(check_ion_range("--noise", ion->noise, 0, 1e30));
    WT_TRY(check_ion_range("--hum", ion->hum, 0, 1e30));
    WT_TRY(check_ion_range("--drift", ion->drift, 0, 1e30));
    WT_CHECK(ion->frames >= 1 && ion->frames <= INT64_C(1) << 32, WT_USAGE,
             "--seconds: out of range (got %g, expected one sample … %g)", (double)ion->frames / ion->rate,
             4294967296.0 / ion->rate);
    return check_ion_range("--utterances", (double)ion->utterances, 3, 1000000);
}

void wt_ion_transitions(const wt_ion *ion, double *opens, double *closes) {
    const double both = ion->opening + ion->closing, changed = -expm1(-both / ion->rate);
    *opens = ion->opening / both * changed;
    *closes = ion->closing / both * changed;
}

wt_status wt_ion_plan(wt_prepare_plan *plan, const wt_ion *ion, int64_t shard_bytes) {
    WT_TRY(check_ion(ion));
    WT_TRY(wt_simulated_plan(plan, (size_t)ion->utterances, 8 * ion->frames, shard_bytes));
    plan->sample_rate = ion->rate;
    plan->store = WT_STORE_FLOAT;
    plan->kind = "table";
    plan->labelled = true;
    plan->classes = ion->count + 1;
    return WT_OK;
}

/* --- hum and drift --- */

/* Phases in turns, and the waves' frequencies. */
typedef struct {
    double hum_phase, phase[DRIFT_WAVES], hertz[DRIFT_WAVES];
} baseline;

static baseline draw_baseline(const wt_ion *ion, size_t item) {
    baseline drawn = {.hum_phase = uniform(ion, item, PHASE_STREAM, 0)};
    for (int k = 0; k < DRIFT_WAVES; k++) {
        drawn.phase[k] = uniform(ion, item, PHASE_STREAM, 1 + 2 * k);
        drawn.hertz[k] = pow(20, -uniform(ion, item, PHASE_STREAM, 2 + 2 * k));
    }
    return drawn;
}

static double wave(double hertz, double phase, double seconds) {
    const double turns = hertz * seconds + phase;
    return sin(2 * pi * (turns - floor(turns)));
}

static double baseline_at(const wt_ion *ion, const baseline *drawn, int64_t sample) {
    const double seconds = (double)sample / ion->rate;
    double sum = 0;
    if (ion->hum > 0) sum += ion->hum * wave(hum_hertz, drawn->hum_phase, seconds);
    for (int k = 0; ion->drift > 0 && k < DRIFT_WAVES; k++)
        sum += ion->drift * sqrt(2.0 / DRIFT_WAVES) * wave(drawn->hertz[k], drawn->phase[k], seconds);
    return sum;
}

double wt_ion_baseline(const wt_ion *ion, size_t item, int64_t sample) {
    const baseline drawn = draw_baseline(ion, item);
    return baseline_at(ion, &drawn, sample);
}

/* --- the channels --- */

/* How many are open at the next sample; open[c] becomes each one's state. */
static int step_channels(const wt_ion *ion, size_t item, int64_t sample, bool *open) {
    double opens, closes;
    int sum = 0;
    wt_ion_transitions(ion, &opens, &closes);
    for (int c = 0; c < ion->count; c++) {
        const double draw = uniform(ion, item, CHANNEL_STREAM + (uint64_t)c, sample);
        if (sample == 0)
            open[c] = draw < ion->opening / (ion->opening + ion->closing);
        else
            open[c] = open[c] ? draw >= closes : draw < opens;
        sum += open[c];
    }
    return sum;
}

wt_status wt_ion_load(const void *context, size_t item, wt_utterance *utterance) {
    const wt_ion *ion = context;
    const baseline drawn = draw_baseline(ion, item);
    bool open[WT_ION_CHANNELS_MAX];
    snprintf(utterance->id, sizeof utterance->id, "ion-channels-%05zu", item);
    WT_TRY(wt_alloc(&utterance->samples, (size_t)ion->frames, sizeof(float), "simulated current"));
    WT_TRY(wt_alloc(&utterance->labels, (size_t)ion->frames, sizeof(float), "open channels"));
    utterance->count = ion->frames;
    for (int64_t n = 0; n < ion->frames; n++) {
        const int sum = step_channels(ion, item, n, open);
        double value = ion->amplitude * sum + baseline_at(ion, &drawn, n);
        if (ion->noise > 0)
            value += ion->noise *
                     wt_random_normal(ion->seed, WT_RANDOM_SIMULATE, item, noise_counter(NOISE_STREAM, n));
        utterance->samples[n] = (float)value;
        utterance->labels[n] = (float)sum;
    }
    return WT_OK;
}

static wt_status write_ion_rows(FILE *file, const wt_ion *ion) {
    int64_t row = 0;
    fprintf(file, "time,signal,open_channels\n");
    for (int64_t item = 0; item < ion->utterances && !ferror(file); item++) {
        wt_utterance utterance = {.samples = NULL};
        wt_status status = wt_ion_load(ion, (size_t)item, &utterance);
        for (int64_t i = 0; status == WT_OK && i < utterance.count; i++, row++)
            fprintf(file, "%.9g,%.9g,%d\n", (double)row / ion->rate, (double)utterance.samples[i],
                    (int)utterance.labels[i]);
        wt_prepare_dispose_utterance(&utterance);
        WT_TRY(status);
    }
    return WT_OK;
}

wt_status wt_ion_write_table(const char *path, const wt_ion *ion) {
    FILE *file;
    WT_TRY(wt_file_begin(&file, path));
    return wt_file_finish(file, path, write_ion_rows(file, ion));
}
