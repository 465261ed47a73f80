/* wavetrain prepare table: options; src/data/prepare does it. */
#include <stdio.h>

#include "prepare_command.h"
#include "wavetrain/base.h"

typedef struct {
    wt_prepare_command common;
    wt_table_job job;
    char **signals, **validation, **test, *label, *classes, *group, *separator, *decimal;
    int values;
    long long split_seed, gap;
} table_command;

static wt_status check_table_options(table_command *own) {
    wt_table_options *table = &own->job.options;
    while (own->signals && own->signals[table->signal_count]) table->signal_count++;
    WT_CHECK(table->signal_count >= 1 && table->signal_count <= WT_NORMALIZED_MAX, WT_USAGE,
             "--signal: expected 1 to %d columns (got %d)", WT_NORMALIZED_MAX, table->signal_count);
    WT_TRY(wt_table_parse_marks(table, own->separator, own->decimal));
    WT_CHECK(!own->classes || !own->values, WT_USAGE, "--classes, --values: expected one of them");
    WT_TRY(wt_table_parse_classes(table, own->classes));
    WT_TRY(wt_prepare_check_range("--rate", table->rate, 1, 10000000));
    WT_TRY(wt_prepare_check_range("--gap", (double)own->gap, 0, 1e12));
    WT_TRY(wt_prepare_check_range("--blocks", table->blocks, 1, 1e9));
    WT_TRY(wt_split_rule_parse(&table->split, own->validation, own->test, (uint64_t)own->split_seed));
    table->shard_bytes = own->common.shard_bytes;
    table->signals = (const char *const *)own->signals;
    table->label = own->label ? own->label : own->signals[0];
    if (!own->label) own->values = 1;
    table->group = own->group;
    table->values = own->values;
    table->gap = own->gap;
    return WT_OK;
}

/* Collective. */
static wt_status prepare_table(wt_comm *comm, table_command *own) {
    wt_table *table;
    wt_prepared prepared;
    const wt_status status = wt_table_prepare(comm, &own->common.output, &own->job, &table, &prepared);
    if (status == WT_OK) {
        wt_prepare_report(&own->common, &prepared);
        if (wt_log_is_verbose() && wt_table_left_out(table) > 0)
            printf("  left out    %lld of %lld rows, between the parts\n",
                   (long long)wt_table_left_out(table), (long long)wt_table_rows(table));
    }
    wt_prepared_dispose(&prepared);
    wt_table_destroy(table);
    return status;
}

static wt_status run_prepare_table(wt_comm *comm, int argc, const char **argv) {
    table_command own = {.job.options = {.rate = 1, .blocks = 50}, .gap = 1000};
    wt_prepare_command_init(&own.common);
    const struct poptOption options[] = {
        WT_PREPARE_OUT(own.common),
        {"signal", '\0', POPT_ARG_ARGV, &own.signals, 0,
         "A column that the network sees, by its name in the heading; several are several channels",
         "COLUMN"},
        {"label", '\0', POPT_ARG_STRING, &own.label, 0,
         "The column to be predicted: a class, 0, 1, 2 … (default: none, for the next row's signals are)",
         "COLUMN"},
        {"values", '\0', POPT_ARG_NONE, &own.values, 0, "The label is a value, not a class", NULL},
        {"classes", '\0', POPT_ARG_STRING, &own.classes, 0,
         "Number of classes (default: the largest label plus 1); or labels are names: names takes those that "
         "it meets, a list is all of them, in order",
         "N|names|NAME,NAME…"},
        {"group", '\0', POPT_ARG_STRING, &own.group, 0,
         "Rows with the same value of this column fall into the same part (default: parts are blocks of "
         "rows)",
         "COLUMN"},
        {"gap", '\0', POPT_ARG_LONGLONG, &own.gap, 0,
         "Rows left out where blocks of different parts meet: at least the receptive field (default 1000)",
         "ROWS"},
        {"blocks", '\0', POPT_ARG_INT, &own.job.options.blocks, 0,
         "Blocks that the rows are cut into, about; each at least twice the gap (default 50)", "N"},
        {"validation", '\0', POPT_ARG_ARGV, &own.validation, 0,
         "Validation part: a share of the groups or blocks (default 0.1); or groups by name, without --group "
         "files, as often as needed",
         "SHARE|NAME"},
        {"test", '\0', POPT_ARG_ARGV, &own.test, 0, "The same for the test part (default 0.1)", "SHARE|NAME"},
        {"split-seed", '\0', POPT_ARG_LONGLONG, &own.split_seed, 0, "Seed of the random choice (default 0)",
         "N"},
        {"rate", '\0', POPT_ARG_INT, &own.job.options.rate, 0, "Rows per second (default 1)", "HZ"},
        {"separator", '\0', POPT_ARG_STRING, &own.separator, 0,
         "Separator of columns (default: a comma, with --decimal , a semicolon)", "C|tab"},
        {"decimal", '\0', POPT_ARG_STRING, &own.decimal, 0, "Decimal mark of numbers (default .)", ".|,"},
        WT_PREPARE_SHARD_MIB(own.common),
        POPT_TABLEEND,
    };
    wt_command command = wt_command_prepare_table;
    command.options = options;
    wt_command_line line = {0};
    wt_status status = WT_OK;
    WT_GUARD(wt_command_parse(&line, &command, argc, argv, 1, 1 << 20));
    if (line.done) goto cleanup;
    own.job.files = line.arguments;
    own.job.count = (size_t)line.count;
    WT_GUARD(wt_prepare_command_check(&own.common, comm, &command));
    WT_GUARD(check_table_options(&own));
    WT_GUARD(prepare_table(comm, &own));
cleanup:
    wt_prepare_command_finish(&own.common);
    wt_command_end(&line, &command);
    return status;
}

const wt_command wt_command_prepare_table = {
    .name = "prepare table",
    .arguments = "FILE.csv… --signal COLUMN… --out DATASET [OPTION…]",
    .summary = "Make a data set from tables with a row for each sample, labelled or a series",
    .parallel = true,
    .run = run_prepare_table,
};
