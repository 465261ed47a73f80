/*
 * What evaluation says of labels. Counts are whole numbers, so their sum over ranks is the same in any order;
 * predictions are gathered in the ranks' order, which is that of the targets, into rank 0's memory (32 bytes
 * each).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/evaluation.h"
#include "train_internal.h"

enum { CLASSES_MOST = 8192, ROWS_FIRST = 4096, PIECE = 1 << 20 };

wt_status wt_label_results_init(wt_label_results *results, int classes, bool keep) {
    memset(results, 0, sizeof *results);
    WT_CHECK(classes <= CLASSES_MOST, WT_USAGE,
             "too many classes for a table of them (got %d, expected at most %d)", classes, CLASSES_MOST);
    results->classes = classes;
    results->keep = keep;
    if (classes == 0) return WT_OK;
    WT_TRY(wt_alloc(&results->ranks, (size_t)classes, sizeof *results->ranks, "ranks of classes"));
    return wt_alloc(&results->table, (size_t)classes * (size_t)classes, sizeof *results->table,
                    "the table of classes");
}

wt_status wt_label_results_add_recordings(wt_label_results *results, int64_t utterances) {
    results->utterances = utterances;
    return wt_alloc(&results->recordings, (size_t)utterances * (size_t)results->classes,
                    sizeof *results->recordings, "classes of recordings");
}

void wt_label_results_dispose(wt_label_results *results) {
    wt_free(results->table);
    wt_free(results->rows);
    wt_free(results->ranks);
    wt_free(results->recordings);
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

void wt_label_results_note_outputs(wt_label_results *results, const wt_prediction *row, const wt_real *y) {
    const int classes = results->classes, truth = (int)row->target;
    int rank = 0;
    for (int c = 0; c < classes; c++) rank += y[c] > y[truth] || (y[c] == y[truth] && c < truth);
    results->ranks[rank]++;
    if (!results->recordings) return;
    int64_t *sums = results->recordings + row->utterance * classes;
    double sum = 0;
    const double largest = (double)y[(int)row->prediction];
    for (int c = 0; c < classes; c++) sum += exp((double)y[c] - largest);
    for (int c = 0; c < classes; c++) sums[c] += llround(exp((double)y[c] - largest) / sum * 0x1p32);
}

int wt_label_results_recording(const wt_label_results *results, int64_t utterance, double *probabilities) {
    const int64_t *sums = results->recordings + utterance * results->classes;
    int best = 0;
    double all = 0;
    for (int c = 0; c < results->classes; c++) {
        all += (double)sums[c];
        if (sums[c] > sums[best]) best = c;
    }
    for (int c = 0; probabilities && c < results->classes; c++)
        probabilities[c] = all > 0 ? (double)sums[c] / all : 0;
    return all > 0 ? best : -1;
}

wt_status wt_label_results_judge(wt_label_results *results, wt_dataset *dataset) {
    int32_t truth;
    for (int64_t u = 0; results->recordings && u < results->utterances; u++) {
        WT_TRY(wt_dataset_read_classes(dataset, u, 0, 1, &truth));
        results->right += wt_label_results_recording(results, u, NULL) == truth;
    }
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
    enum { ROWS = 16384 };
    for (int rank = 0; rank < wt_comm_size(comm); rank++) {
        for (int64_t first = 0; first < counts[rank]; first += ROWS) {
            const int64_t rows = counts[rank] - first < ROWS ? counts[rank] - first : ROWS;
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
    if (results->ranks) wt_comm_sum_int64(comm, results->ranks, results->classes);
    const int64_t sums = results->recordings ? results->utterances * results->classes : 0;
    for (int64_t first = 0; first < sums; first += PIECE)
        wt_comm_sum_int64(comm, results->recordings + first,
                          (int)(sums - first < PIECE ? sums - first : PIECE));
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

double wt_label_table_precision(const int64_t *table, int classes, int class) {
    const class_counts counts = count_class(table, classes, class);
    return counts.predictions ? (double)counts.hits / (double)counts.predictions : 0;
}

double wt_label_table_recall(const int64_t *table, int classes, int class) {
    const class_counts counts = count_class(table, classes, class);
    return counts.truths ? (double)counts.hits / (double)counts.truths : 0;
}

double wt_label_results_top(const wt_label_results *results, int top) {
    int64_t among = 0, all = 0;
    for (int rank = 0; rank < results->classes; rank++) {
        all += results->ranks[rank];
        among += rank < top ? results->ranks[rank] : 0;
    }
    return all ? (double)among / (double)all : 0;
}

/* --- for people --- */

enum { SHOWN_CLASSES = 32 };

static void print_confusion(const wt_label_results *results) {
    const int classes = results->classes;
    printf("  truth \\ predicted\n      ");
    for (int p = 0; p < classes; p++) printf(" %9d", p);
    printf("\n");
    for (int t = 0; t < classes; t++) {
        printf("  %4d", t);
        for (int p = 0; p < classes; p++)
            printf(" %9lld", (long long)results->table[(size_t)t * (size_t)classes + (size_t)p]);
        printf("\n");
    }
}

static void print_class_rows(const wt_label_results *results, const wt_class_names *names) {
    printf("  %4s  %-24s %10s %9s %9s\n", "", "class", "targets", "precision", "recall");
    for (int class = 0; class < results->classes; class ++) {
        char name[WT_CLASS_TEXT];
        const class_counts counts = count_class(results->table, results->classes, class);
        wt_class_name(name, names, class);
        printf("  %4d  %-24s %10lld %9.4f %9.4f\n", class, name, (long long)counts.truths,
               wt_label_table_precision(results->table, results->classes, class),
               wt_label_table_recall(results->table, results->classes, class));
    }
}

void wt_label_results_print(const wt_label_results *results, const wt_class_names *names, int64_t least) {
    const int classes = results->classes;
    printf("  accuracy  %.4f\n", wt_label_table_accuracy(results->table, classes));
    for (int top = 2; top <= 5 && top < classes; top += 3)
        printf("  top %d     %.4f\n", top, wt_label_results_top(results, top));
    printf("  macro-F1  %.4f", wt_label_table_macro_f1(results->table, classes, least));
    if (least > 0) printf("  (classes with at least %lld targets)", (long long)least);
    printf("\n");
    if (results->recordings)
        printf("  of whole recordings, by the mean of their targets' probabilities: %.4f right of %lld\n",
               (double)results->right / (double)results->utterances, (long long)results->utterances);
    if (classes > SHOWN_CLASSES) {
        printf("  (%d classes: the table is in the file that --predictions FILE.h5 writes)\n", classes);
        return;
    }
    print_class_rows(results, names);
    print_confusion(results);
}
