/*
 * Factors on the losses of targets by their class: given, or balanced, so that every class has the same share
 * of the loss and their mean over the training part's targets is 1. Rank 0 counts.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train_internal.h"

enum { PIECE = 65536 };

static wt_status count_labels(wt_dataset *dataset, int64_t *counts) {
    int32_t *labels;
    WT_TRY(wt_alloc(&labels, PIECE, sizeof *labels, "labels"));
    wt_status status = WT_OK;
    for (int64_t u = 0; u < wt_dataset_utterances(dataset) && status == WT_OK; u++) {
        const uint8_t *mask = wt_dataset_mask(dataset, u);
        const int64_t length = wt_dataset_length(dataset, u);
        for (int64_t first = 0; first < length && status == WT_OK; first += PIECE) {
            const int64_t count = length - first < PIECE ? length - first : PIECE;
            status = wt_dataset_read_classes(dataset, u, first, count, labels);
            for (int64_t i = 0; i < count && status == WT_OK; i++)
                if (!mask || mask[first + i]) counts[labels[i]]++;
        }
    }
    wt_free(labels);
    return status;
}

/* A class without targets has weight 1: nothing asks for it. */
static wt_status balance(wt_real *weights, wt_dataset *dataset, int classes) {
    int64_t *counts, all = 0;
    int present = 0;
    WT_TRY(wt_alloc(&counts, (size_t)classes, sizeof *counts, "labels of classes"));
    const wt_status status = count_labels(dataset, counts);
    for (int c = 0; c < classes; c++) {
        all += counts[c];
        present += counts[c] > 0;
    }
    for (int c = 0; c < classes; c++)
        weights[c] = counts[c] > 0 ? (wt_real)((double)all / present / (double)counts[c]) : 1;
    wt_free(counts);
    return status;
}

static wt_status read_weights(wt_real *weights, const char *text, int classes) {
    int count = 0;
    const char *at = text;
    for (char *end; count < classes; at = end + 1) {
        const double weight = strtod(at, &end);
        WT_CHECK(end > at && (!*end || *end == ',') && weight >= 0 && weight <= 1e6, WT_USAGE,
                 "train.class_weights: got %s, expected none, balanced or %d numbers from 0 to 1e6 with "
                 "commas between them",
                 text, classes);
        weights[count++] = (wt_real)weight;
        if (!*end) break;
    }
    WT_CHECK(count == classes && !strchr(at, ','), WT_USAGE,
             "train.class_weights: got %s, expected a number for each of %d classes", text, classes);
    return WT_OK;
}

wt_status wt_label_weights_make(wt_real **weights, wt_comm *comm, const wt_config *config,
                                wt_dataset *dataset, int classes) {
    const char *text = config->train.class_weights;
    *weights = NULL;
    if (strcmp(text, "none") == 0) return WT_OK;
    WT_CHECK(config->data.target == WT_TARGETS_LABEL && classes > 0, WT_USAGE,
             "train.class_weights: needs labels that are classes (data.target: label, model.head: softmax)");
    const bool balanced = strcmp(text, "balanced") == 0;
    wt_status status = wt_alloc(weights, (size_t)classes, sizeof **weights, "weights of classes");
    if (status == WT_OK && !balanced) status = read_weights(*weights, text, classes);
    if (status == WT_OK && balanced && wt_comm_rank(comm) == 0) status = balance(*weights, dataset, classes);
    WT_TRY(wt_comm_agree(comm, status));
    wt_comm_broadcast(comm, *weights, (size_t)classes * sizeof **weights);
    return WT_OK;
}
