/* Tables: every row in one utterance at most, parts apart by the gap, groups together, reading from the
 * middle of a file. */
#include <math.h>

#include "data/prepare/prepare.h"
#include "shard_samples.h"

static const char *const signals[] = {"b", "a"};

/* Row i of a table: a = i, b = −i/2, class i mod 7; a few fields quoted, with separators and line ends in
 * them. */
static void write_table(const char *name, int64_t rows, int64_t group_rows) {
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fprintf(file, "\xEF\xBB\xBF"
                  "a,note,label,group,b\r\n");
    for (int64_t i = 0; i < rows; i++) {
        fprintf(file, "%lld,%s,%lld,g%lld,%s%g%s\r\n", (long long)i,
                i % 100 == 3 ? "\"two\nlines, and a \"\"quote\"\"\"" : "x", (long long)(i % 7),
                (long long)(group_rows ? i / group_rows : 0), i % 5 ? "" : "\"", -0.5 * (double)i,
                i % 5 ? "" : "\"");
    }
    assert_int_equal(fclose(file), 0);
}

static wt_table_options options_of(int64_t gap, int blocks) {
    return (wt_table_options){.signals = signals,
                              .signal_count = 2,
                              .label = "label",
                              .separator = ',',
                              .decimal = '.',
                              .rate = 1,
                              .split = wt_split_shares(0.2, 0.2, 0),
                              .shard_bytes = 1 << 20,
                              .gap = gap,
                              .blocks = blocks};
}

/* Which split each row fell into; −1: none. Utterances hold what the table does. */
static void read_split_rows(const wt_table *table, int *split_of, int64_t rows) {
    wt_prepare_plan plan;
    assert_ok(wt_table_plan(&plan, table));
    assert_true(plan.labelled);
    assert_int_equal(plan.classes, 7);
    for (int64_t i = 0; i < rows; i++) split_of[i] = -1;
    for (size_t shard = 0; shard < plan.shard_count; shard++) {
        for (size_t i = 0; i < plan.shards[shard].count; i++) {
            wt_utterance u = {.samples = NULL};
            assert_ok(wt_table_load(table, plan.order[plan.shards[shard].first + i], &u));
            const int64_t first = (int64_t)u.samples[1];
            for (int64_t r = 0; r < u.count; r++) {
                assert_true(first + r < rows && split_of[first + r] == -1);
                split_of[first + r] = (int)plan.shards[shard].split;
                assert_true(u.samples[2 * r] == -0.5f * (float)(first + r));
                assert_true(u.samples[2 * r + 1] == (float)(first + r));
                assert_true(u.labels[r] == (float)((first + r) % 7));
            }
            wt_free(u.samples);
            wt_free(u.labels);
        }
    }
    wt_prepare_plan_dispose(&plan);
}

static void test_blocks(void **state) {
    (void)state;
    enum { ROWS = 20000, GAP = 37 };
    static int split_of[ROWS];
    const char *files[] = {in_folder("blocks.csv")};
    const wt_table_options options = options_of(GAP, 25);
    int64_t counts[WT_SPLITS + 1] = {0}, run = 0;
    wt_table *table;
    write_table("blocks.csv", ROWS, 0);
    assert_ok(wt_table_scan(&table, files, 1, &options));
    assert_int_equal(wt_table_rows(table), ROWS);
    read_split_rows(table, split_of, ROWS);
    for (int64_t i = 0; i < ROWS; i++) counts[1 + split_of[i]]++;
    assert_int_equal(counts[0], wt_table_left_out(table));
    for (int split = 0; split < WT_SPLITS; split++) assert_true(counts[1 + split] > ROWS / 10);
    for (int64_t i = 0; i < ROWS;
         i++) { /* what is left out is a gap between two splits, and every border has one */
        if (split_of[i] == -1) {
            run++;
            continue;
        }
        if (run > 0) {
            assert_int_equal(run, GAP);
            assert_true(i > GAP && split_of[i - GAP - 1] != split_of[i]);
        } else if (i > 0) {
            assert_int_equal(split_of[i - 1], split_of[i]);
        }
        run = 0;
    }
    wt_table_destroy(table);
}

static void test_groups(void **state) {
    (void)state;
    enum { ROWS = 9000, EACH = 90 };
    static int split_of[ROWS];
    const char *files[] = {in_folder("groups.csv")};
    wt_table_options options = options_of(37, 25);
    wt_table *table;
    options.group = "group";
    write_table("groups.csv", ROWS, EACH);
    assert_ok(wt_table_scan(&table, files, 1, &options));
    assert_int_equal(wt_table_left_out(table), 0);
    read_split_rows(table, split_of, ROWS);
    for (int64_t i = 0; i < ROWS; i++) {
        char name[32];
        snprintf(name, sizeof name, "g%lld", (long long)(i / EACH));
        assert_int_equal(split_of[i], wt_split_of_draw(wt_split_draw(name, 0), &options.split));
    }
    wt_table_destroy(table);
}

/* What rank 0 tells the others makes the same utterances. */
static void test_packing(void **state) {
    (void)state;
    enum { ROWS = 20000 };
    static int one[ROWS], other[ROWS];
    const char *files[] = {in_folder("blocks.csv")};
    const wt_table_options options = options_of(10, 50);
    char *bytes;
    size_t size;
    wt_table *table, *copy;
    assert_ok(wt_table_scan(&table, files, 1, &options));
    assert_ok(wt_table_pack(&bytes, &size, table));
    assert_ok(wt_table_unpack(&copy, files, 1, &options, bytes, size));
    read_split_rows(table, one, ROWS);
    read_split_rows(copy, other, ROWS);
    assert_memory_equal(one, other, sizeof one);
    wt_free(bytes);
    wt_table_destroy(table);
    wt_table_destroy(copy);
}

/* A run that memory should not hold at once is cut; no row is lost by that. */
static void test_long_runs(void **state) {
    (void)state;
    enum { ROWS = 150000 };
    static int split_of[ROWS];
    const char *files[] = {in_folder("long.csv")};
    wt_table_options options = options_of(0, 1);
    wt_prepare_plan plan;
    wt_table *table;
    options.split = wt_split_shares(0, 0, 0);
    write_table("long.csv", ROWS, 0);
    assert_ok(wt_table_scan(&table, files, 1, &options));
    assert_ok(wt_table_plan(&plan, table));
    assert_int_equal(plan.items, 3); /* of 65,536 rows at most */
    wt_prepare_plan_dispose(&plan);
    read_split_rows(table, split_of, ROWS);
    for (int64_t i = 0; i < ROWS; i++) assert_int_equal(split_of[i], WT_SPLIT_TRAIN);
    wt_table_destroy(table);
}

/* A small table has parts all the same, and one too small for that none. */
static void test_small(void **state) {
    (void)state;
    const char *files[] = {in_folder("small.csv")};
    wt_table_options options = options_of(2, 50);
    wt_prepare_plan plan;
    wt_table *table;
    write_table("small.csv", 40, 0);
    assert_ok(wt_table_scan(&table, files, 1, &options));
    assert_ok(wt_table_plan(&plan, table));
    for (int split = 0; split < WT_SPLITS; split++) assert_true(plan.utterances[split] > 0);
    wt_prepare_plan_dispose(&plan);
    wt_table_destroy(table);
    options.gap = 100;
    assert_ok(wt_table_scan(&table, files, 1, &options));
    assert_ok(wt_table_plan(&plan, table));
    assert_int_equal(plan.items, 1);
    wt_prepare_plan_dispose(&plan);
    wt_table_destroy(table);
}

/* --- the ways in which tables are written --- */

/* The same rows in another form: heading and row in printf's words, for a, b and the label. */
typedef struct {
    const char *what, *begin, *heading, *row, *line_end, *end;
    char separator, decimal;
} table_form;

static const table_form forms[] = {
    {"plain", "", "a,b,label", "%s,%s,%d", "\n", "", ',', '.'},
    {"mark", "\xEF\xBB\xBF", "a,b,label", "%s,%s,%d", "\n", "", ',', '.'},
    {"crlf", "", "a,b,label", "%s,%s,%d", "\r\n", "", ',', '.'},
    {"cr", "", "a,b,label", "%s,%s,%d", "\r", "", ',', '.'},
    {"blank lines", "\n \r\n", "a,b,label", "%s,%s,%d", "\n\n", "\n\t\n", ',', '.'},
    {"hollow rows at the end", "", "a,b,label", "%s,%s,%d", "\n", ",,\n,,\n", ',', '.'},
    {"blanks", "", "a, b , label", "%s, %s\t,  %d ", "\n", "", ',', '.'},
    {"no-break spaces", "",
     "a,\xC2\xA0"
     "b,label",
     "%s,\xC2\xA0%s\xC2\xA0,%d", "\n", "", ',', '.'},
    {"blanks around quotes", "", "\"a\", \"b\" ,\"label\"", "\"%s\" , \"%s\" ,%d", "\r\n", "", ',', '.'},
    {"separator behind the last", "", "a,b,label,", "%s,%s,%d,", "\n", "", ',', '.'},
    {"in rows alone", "", "a,b,label", "%s,%s,%d,,", "\n", "", ',', '.'},
    {"in the heading alone", "", "a,b,label,,", "%s,%s,%d", "\n", "", ',', '.'},
    {"tabs", "", "a\tb\tlabel", "%s\t%s \t%d", "\n", "\t\t\n", '\t', '.'},
    {"decimal commas", "", "a;b;label", "%s;%s;%d", "\r\n", ";;\r\n", ';', ','},
    {"quoted decimal commas", "", "a,b,label", "\"%s\",\"%s\",%d", "\n", "", ',', ','},
};

static void write_form(const char *name, const table_form *form, int rows) {
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    fprintf(file, "%s%s%s", form->begin, form->heading, form->line_end);
    for (int i = 0; i < rows; i++) {
        char a[32], b[32];
        snprintf(a, sizeof a, "%.4f", 0.25 * i - 3);
        snprintf(b, sizeof b, "%.3e", -1.5 * i);
        for (char *c = a; *c; c++) *c = *c == '.' ? form->decimal : *c;
        for (char *c = b; *c; c++) *c = *c == '.' ? form->decimal : *c;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        fprintf(file, form->row, a, b, i % 7);
#pragma GCC diagnostic pop
        fputs(form->line_end, file);
    }
    fputs(form->end, file);
    assert_int_equal(fclose(file), 0);
}

static void test_forms(void **state) {
    (void)state;
    enum { ROWS = 5000 }; /* more than the first mark */
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        const char *files[] = {in_folder("form.csv")};
        wt_table_options options = options_of(5, 20);
        wt_table *table;
        int64_t rows = 0;
        options.separator = forms[f].separator;
        options.decimal = forms[f].decimal;
        write_form("form.csv", &forms[f], ROWS);
        if (wt_table_scan(&table, files, 1, &options) != WT_OK)
            fail_msg("%s: %s", forms[f].what, wt_error_message());
        assert_int_equal(wt_table_rows(table), ROWS);
        wt_prepare_plan plan;
        assert_ok(wt_table_plan(&plan, table));
        for (size_t i = 0; i < plan.items; i++) {
            wt_utterance u = {.samples = NULL};
            assert_ok(wt_table_load(table, i, &u));
            const int first = (int)lround(u.samples[2 * 0] / -1.5);
            for (int r = 0; r < u.count; r++, rows++) {
                assert_true(u.samples[2 * r + 1] == 0.25f * (float)(first + r) - 3);
                assert_true(u.labels[r] == (float)((first + r) % 7));
            }
            wt_free(u.samples);
            wt_free(u.labels);
        }
        assert_int_equal(rows + wt_table_left_out(table), ROWS);
        wt_prepare_plan_dispose(&plan);
        wt_table_destroy(table);
    }
}

/* --- offsets --- */

/* A signal of three levels 0.01 apart on top of 10⁶: in floats all of it would be one or two steps. */
static void test_offset(void **state) {
    (void)state;
    enum { ROWS = 3000 };
    const char *files[] = {in_folder("offset.csv")}, *const columns[] = {"s", "plain"};
    const double tops[] = {1e6, -1e8, 1e12};
    for (int t = 0; t < 3; t++) {
        FILE *file = fopen(in_folder("offset.csv"), "w");
        fprintf(file, "s,plain,label\n");
        for (int i = 0; i < ROWS; i++)
            fprintf(file, "%.4f,%.4f,%d\n", tops[t] + 0.01 * (i % 3), 10 + 1.0 * (i % 3), i % 3);
        assert_int_equal(fclose(file), 0);
        wt_table_options options = options_of(0, 20);
        options.signals = columns;
        wt_prepare_plan plan;
        wt_table *table;
        assert_ok(wt_table_scan(&table, files, 1, &options));
        assert_ok(wt_table_plan(&plan, table));
        assert_true(fabs(plan.normalization.offset[0] - (tops[t] + 0.01)) < 1e-3);
        assert_true(plan.normalization.offset[1] == 0); /* 12 deviations: as it stands in the table */
        for (size_t i = 0; i < plan.items; i++) {
            wt_utterance u = {.samples = NULL};
            assert_ok(wt_table_load(table, i, &u));
            for (int64_t r = 0; r < u.count; r++) {
                const double signal = (double)u.samples[2 * r] + plan.normalization.offset[0];
                assert_true(fabs(signal - tops[t] - 0.01 * (double)u.labels[r]) < 2e-4);
                assert_true(fabs((double)u.samples[2 * r]) < 0.02);
                assert_true(u.samples[2 * r + 1] == 10 + u.labels[r]);
            }
            wt_free(u.samples);
            wt_free(u.labels);
        }
        wt_prepare_plan_dispose(&plan);
        wt_table_destroy(table);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),    cmocka_unit_test(test_groups), cmocka_unit_test(test_packing),
        cmocka_unit_test(test_long_runs), cmocka_unit_test(test_small),  cmocka_unit_test(test_forms),
        cmocka_unit_test(test_offset),
    };
    return cmocka_run_group_tests_name("tables", tests, make_test_folder, remove_test_folder);
}
