/*
 * The first-order Markov model: a full table of counts, N² of them, read from the split in pieces. Right
 * for the few hundred classes of speech; refused for tables that would not fit.
 */
#include <math.h>

#include "data_internal.h"

enum { LEVELS_MAX = 4096, PIECE = 65536 };

struct wt_markov {
    int levels;
    double smoothing;
    int64_t *counts; /* [levels, levels] previous, next */
    int64_t *totals; /* [levels] of the rows */
};

static wt_status count_pairs(wt_markov *markov, wt_class_reader *reader, int64_t utterance,
                             int32_t *classes) {
    int64_t length = wt_dataset_length(reader->dataset, utterance);
    int32_t previous = wt_quantize_silence(reader->quantization);
    for (int64_t first = 0; first < length; first += PIECE) {
        int64_t count = length - first < PIECE ? length - first : PIECE;
        WT_TRY(wt_class_reader_read(reader, utterance, first, count, classes));
        for (int64_t i = 0; i < count; i++) {
            markov->counts[(int64_t)previous * markov->levels + classes[i]]++;
            markov->totals[previous]++;
            previous = classes[i];
        }
    }
    return WT_OK;
}

static wt_status count_all(wt_markov *markov, wt_dataset *dataset, wt_quantization quantization) {
    wt_class_reader reader = {0};
    int32_t *classes = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_class_reader_init(&reader, dataset, quantization, PIECE));
    WT_GUARD(wt_alloc(&classes, PIECE, sizeof *classes, "classes of an utterance"));
    for (int64_t u = 0; u < wt_dataset_utterances(dataset); u++) {
        WT_GUARD(count_pairs(markov, &reader, u, classes));
    }
cleanup:
    wt_free(classes);
    wt_class_reader_dispose(&reader);
    return status;
}

wt_status wt_markov_create(wt_markov **out, wt_dataset *dataset, wt_quantization quantization,
                           double smoothing) {
    wt_markov *markov = NULL;
    wt_status status = WT_OK;
    size_t levels = (size_t)quantization.levels;
    *out = NULL;
    WT_CHECK(quantization.levels >= 2 && quantization.levels <= LEVELS_MAX, WT_USAGE,
             "too many classes for a Markov model (got %d, expected at most %d)", quantization.levels,
             LEVELS_MAX);
    WT_CHECK(smoothing > 0.0, WT_USAGE, "a Markov model needs smoothing (got %g)", smoothing);
    WT_GUARD(wt_alloc(&markov, 1, sizeof *markov, "Markov model"));
    markov->levels = quantization.levels;
    markov->smoothing = smoothing;
    WT_GUARD(
        wt_alloc(&markov->counts, levels * levels, sizeof *markov->counts, "counts of the Markov model"));
    WT_GUARD(wt_alloc(&markov->totals, levels, sizeof *markov->totals, "counts of the Markov model"));
    WT_GUARD(count_all(markov, dataset, quantization));
    *out = markov;
    markov = NULL;
cleanup:
    wt_markov_destroy(markov);
    return status;
}

void wt_markov_destroy(wt_markov *markov) {
    if (markov == NULL) return;
    wt_free(markov->counts);
    wt_free(markov->totals);
    wt_free(markov);
}

double wt_markov_loss(const wt_markov *markov, int32_t previous, int32_t next) {
    double count = (double)markov->counts[(int64_t)previous * markov->levels + next] + markov->smoothing;
    return -log(count / ((double)markov->totals[previous] + markov->smoothing * markov->levels));
}
