/*
 * What evaluation says of labels. Counts are whole numbers, so their sum over ranks is the same in any order;
 * predictions are gathered in the ranks' order, which is that of the targets, into rank 0's memory (32 bytes
 * each).
 */
#include <stdlib.h>
#include <string.h>

#include "train/evaluation.h"
#include "train_internal.h"

enum { CLASSES_MOST = 8192, ROWS_FIRST = 4096 };

wt_status wt_label_results_init(wt_label_results *results, int classes, bool keep) {
    memset(results, 0, sizeof *results);
    WT_CHECK(classes <= CLASSES_MOST, WT_USAGE,
             "too many classes for a table of them (got %d, expected at most %d)", classes, CLASSES_MOST);
    results->classes = classes;
    results->keep = keep;
    if (classes == 0) return WT_OK;
    return wt_alloc(&results->table, (size_t)classes * (size_t)classes, sizeof *results->table,
                    "the table of classes");
}

void wt_label_results_dispose(wt_label_results *results) {
    wt_free(results->table);
    wt_free(results->rows);
    memset(results, 0, sizeof *results);
}

static wt_status grow_results(wt_label_results *results) {
    if (results->count < results->room) return WT_OK;
    const int64_t room = results->room ? 2 * results->room : ROWS_FIRST;
    wt_prediction *rows;
    WT_TRY(wt_alloc(&rows, (size_t)room, sizeof *rows, "predictions"));
    if (results->count > 0) memcpy(rows, results->rows, (size_t)results->count * sizeof *rows);
    wt_free(results->rows);
    results->rows = rows;
    results->room = room;
    return WT_OK;
}

wt_status wt_label_results_note(wt_label_results *results, const wt_prediction *prediction) {
    if (results->table)
        results
            ->table[(size_t)prediction->target * (size_t)results->classes + (size_t)prediction->prediction]++;
    if (!results->keep) return WT_OK;
    WT_TRY(grow_results(results));
    results->rows[results->count++] = *prediction;
    return WT_OK;
}

void wt_label_results_gather_pieces(wt_comm *comm, const wt_label_results *results, const int64_t *counts,
                                    wt_prediction *all) {
    enum { PIECE = 16384 };
    for (int rank = 0; rank < wt_comm_size(comm); rank++) {
        for (int64_t first = 0; first < counts[rank]; first += PIECE) {
            const int64_t rows = counts[rank] - first < PIECE ? counts[rank] - first : PIECE;
            const bool mine = rank == wt_comm_rank(comm);
            wt_comm_gather(comm, mine ? results->rows + first : NULL, mine ? (size_t)rows * sizeof *all : 0,
                           all);
            if (all) all += rows;
        }
    }
}

static wt_status gather_rows(wt_comm *comm, wt_label_results *results) {
    const bool root = wt_comm_rank(comm) == 0;
    const int ranks = wt_comm_size(comm);
    wt_prediction *all = NULL;
    int64_t *counts = NULL, count = 0;
    WT_TRY(wt_comm_agree(comm, wt_alloc(&counts, (size_t)ranks, sizeof *counts, "counts of predictions")));
    counts[wt_comm_rank(comm)] = results->count;
    wt_comm_sum_int64(comm, counts, ranks);
    for (int rank = 0; rank < ranks; rank++) count += counts[rank];
    wt_status status = wt_comm_agree(comm, root ? wt_alloc(&all, (size_t)count, sizeof *all, "predictions")
                                                : WT_OK);
    if (status == WT_OK) {
        wt_label_results_gather_pieces(comm, results, counts, all);
        wt_free(results->rows);
        results->rows = all;
        results->count = results->room = root ? count : 0;
    }
    wt_free(counts);
    return status;
}

wt_status wt_label_results_gather(wt_comm *comm, wt_label_results *results) {
    const int cells = results->classes * results->classes;
    if (results->table) wt_comm_sum_int64(comm, results->table, cells);
    return results->keep ? gather_rows(comm, results) : WT_OK;
}

/* --- figures --- */

/* Hits, and how often a class stands in truth and in prediction. */
typedef struct {
    int64_t hits, truths, predictions;
} class_counts;

static class_counts count_class(const int64_t *table, int classes, int class) {
    class_counts counts = {table[(size_t) class * (size_t)classes + (size_t) class], 0, 0};
    for (int other = 0; other < classes; other++) {
        counts.truths += table[(size_t) class * (size_t)classes + (size_t)other];
        counts.predictions += table[(size_t)other * (size_t)classes + (size_t) class];
    }
    return counts;
}

double wt_label_table_accuracy(const int64_t *table, int classes) {
    int64_t hits = 0, all = 0;
    for (int class = 0; class < classes; class ++) {
        const class_counts counts = count_class(table, classes, class);
        hits += counts.hits;
        all += counts.truths;
    }
    return all ? (double)hits / (double)all : 0;
}

double wt_label_table_macro_f1(const int64_t *table, int classes, int64_t least) {
    double sum = 0;
    int present = 0;
    for (int class = 0; class < classes; class ++) {
        const class_counts counts = count_class(table, classes, class);
        if (counts.truths + counts.predictions == 0 || counts.truths < least) continue;
        sum += 2.0 * (double)counts.hits / (double)(counts.truths + counts.predictions);
        present++;
    }
    return present ? sum / present : 0;
}
