/*
 * The legend's layout: a table below the panels, a row per run, in as many blocks next to each other as there
 * is space for. PLplot can't say how wide words come out, so their width is estimated from the letters of a
 * common sans; the space between columns takes up what the estimate is off.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "plot_internal.h"

enum { SAMPLE = 60, GAP = 28, BLOCK_GAP = 44, BAND_MARGIN = 30, BLOCKS_MAX = 4, ROWS_BELOW_HEADING = 4 };

static double letter_width(char letter) {
    static const double em = 22;
    if (strchr("ijlI.,:;'|! ", letter)) return 0.32 * em;
    if (strchr("frt-_()[]/", letter)) return 0.42 * em;
    if (strchr("mwMW@%", letter)) return 0.95 * em;
    return (isupper((unsigned char)letter) ? 0.72 : 0.63) * em;
}

static double words_width(const char *words) {
    double width = 0;
    for (; *words != '\0'; words++)
        if (((unsigned char)*words & 0xc0) != 0x80)
            width += letter_width(*words); /* not inside a character */
    return width;
}

void wt_legend_cell(char out[WT_LEGEND_CELL], const char *row, size_t column) {
    out[0] = '\0';
    while (column > 0) {
        row = strchr(row, '\t');
        if (row == NULL) return;
        row++;
        column--;
    }
    size_t length = strcspn(row, "\t");
    if (length > WT_LEGEND_CELL - 1) length = WT_LEGEND_CELL - 1;
    while (length > 0 && ((unsigned char)row[length] & 0xc0) == 0x80) length--; /* no half character */
    memcpy(out, row, length);
    out[length] = '\0';
}

static size_t column_count(const char *row) {
    size_t columns = 1;
    for (; *row != '\0'; row++) columns += *row == '\t';
    return columns;
}

/* Numbers end below each other, names begin so. */
static bool is_number_cell(const char *cell) {
    return cell[0] == '\0' || strcmp(cell, "-") == 0 || isdigit((unsigned char)cell[cell[0] == '-' ? 1 : 0]);
}

static double column_width(bool *numbers, const char *heading, const char *const *rows, size_t count,
                           size_t column) {
    char cell[WT_LEGEND_CELL];
    wt_legend_cell(cell, heading ? heading : "", column);
    double widest = words_width(cell);
    *numbers = column > 0;
    for (size_t r = 0; r < count; r++) {
        wt_legend_cell(cell, rows[r], column);
        if (!is_number_cell(cell)) *numbers = false;
        if (words_width(cell) > widest) widest = words_width(cell);
    }
    return widest;
}

static void place_columns(wt_legend *legend, const char *const *rows, size_t count, double width) {
    size_t columns = legend->heading ? column_count(legend->heading) : 1;
    for (size_t r = 0; r < count; r++)
        if (column_count(rows[r]) > columns) columns = column_count(rows[r]);
    double x = SAMPLE;
    for (size_t c = 0; c < columns && c < WT_LEGEND_COLUMNS; c++) {
        double wide = column_width(&legend->right[c], legend->heading, rows, count, c);
        if (c > 0 && x + GAP + wide > width) break;
        if (c > 0) x += GAP;
        legend->x[c] = legend->right[c] ? x + wide : x;
        legend->columns = c + 1;
        x += wide;
    }
    legend->block_width = x + BLOCK_GAP;
}

void wt_legend_place(wt_legend *legend, const char *heading, const char *const *rows, size_t count,
                     double width) {
    *legend = (wt_legend){.heading = heading};
    place_columns(legend, rows, count, width);
    size_t blocks = (size_t)((width + BLOCK_GAP) / legend->block_width);
    if (blocks > BLOCKS_MAX) blocks = BLOCKS_MAX;
    if (blocks < 1) blocks = 1;
    legend->rows = (count + blocks - 1) / blocks;
    if (heading && legend->rows < ROWS_BELOW_HEADING) legend->rows = ROWS_BELOW_HEADING;
    if (legend->rows > count) legend->rows = count;
    legend->height = BAND_MARGIN + WT_LEGEND_LINE * (double)(legend->rows + (heading ? 1 : 0));
}
