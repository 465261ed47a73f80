/*
 * wavetrain prepare table: rows of CSV files as samples, labelled or of a series that is to go on.
 *
 * Rank 0 reads everything once, checks each row and counts; the others receive which rows make which
 * utterance. All ranks then measure the training part's mean and deviation, an utterance each in turn, and
 * write whole shards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timer.h"
#include "prepare_job.h"
#include "train/agreement.h"

/* --- prepare table --- */

typedef struct {
    wt_prepare_job job;
    wt_table_options table;
    char **signals, **validation, **test, *label, *group, *separator, *decimal;
    int values;
    long long split_seed, gap;
    double shard_mib;
} wt_table_command;

static wt_status check_decimal(char *decimal, const char *text) {
    *decimal = text ? *text : '.';
    WT_CHECK(!text || strcmp(text, ".") == 0 || strcmp(text, ",") == 0, WT_USAGE,
             "--decimal: got \"%s\", expected . or ,", text);
    return WT_OK;
}

static wt_status check_separator(char *separator, const char *text, char decimal) {
    *separator = decimal == ',' ? ';' : ','; /* as spreadsheets write them */
    if (!text) return WT_OK;
    *separator = strcmp(text, "tab") == 0 ? '\t' : *text;
    WT_CHECK(*separator == '\t' || (strlen(text) == 1 && !strchr("\"\n\r", *text)), WT_USAGE,
             "--separator: got %s, expected one character or tab", text);
    return WT_OK;
}

static wt_status check_table_options(wt_table_command *own) {
    wt_table_options *table = &own->table;
    while (own->signals && own->signals[table->signal_count]) table->signal_count++;
    WT_CHECK(table->signal_count >= 1 && table->signal_count <= WT_NORMALIZED_MAX, WT_USAGE,
             "--signal: expected 1 to %d columns (got %d)", WT_NORMALIZED_MAX, table->signal_count);
    WT_TRY(check_decimal(&table->decimal, own->decimal));
    WT_TRY(check_separator(&table->separator, own->separator, table->decimal));
    WT_CHECK(table->classes == 0 || !own->values, WT_USAGE, "--classes, --values: expected one of them");
    if (table->classes != 0) WT_TRY(wt_command_check_range("--classes", table->classes, 2, 65536));
    WT_TRY(wt_command_check_range("--rate", table->rate, 1, 10000000));
    WT_TRY(wt_command_check_range("--gap", (double)own->gap, 0, 1e12));
    WT_TRY(wt_command_check_range("--blocks", table->blocks, 1, 1e9));
    WT_TRY(wt_split_rule_parse(&table->split, own->validation, own->test, (uint64_t)own->split_seed));
    WT_TRY(wt_prepare_check_shard_mib(&table->shard_bytes, own->shard_mib));
    table->signals = (const char *const *)own->signals;
    table->label = own->label ? own->label : own->signals[0];
    if (!own->label) own->values = 1;
    table->group = own->group;
    table->values = own->values;
    table->gap = own->gap;
    return WT_OK;
}

/* Rank 0 reads the files and sends the table to the others. */
static wt_status share_table(wt_comm *comm, wt_table **table, const wt_table_command *own,
                             const char *const *files, size_t count) {
    const bool root = wt_comm_rank(comm) == 0;
    char *bytes = NULL;
    int64_t size = 0;
    size_t packed = 0;
    wt_status status = root ? wt_partial_check(own->job.out, files, count) : WT_OK;
    if (root && status == WT_OK) status = wt_table_scan(table, files, count, &own->table);
    if (root && status == WT_OK) wt_table_warn(*table);
    if (root && status == WT_OK) status = wt_table_pack(&bytes, &packed, *table);
    WT_GUARD(wt_comm_agree(comm, status));
    size = (int64_t)packed;
    wt_comm_broadcast(comm, &size, sizeof size);
    WT_GUARD(wt_comm_agree(comm, root ? WT_OK : wt_alloc(&bytes, (size_t)size, 1, "notes of a table")));
    wt_comm_broadcast(comm, bytes, (size_t)size);
    WT_GUARD(wt_agree_on_files(comm, files, count));
    WT_GUARD(wt_comm_agree(
        comm, root ? WT_OK : wt_table_unpack(table, files, count, &own->table, bytes, (size_t)size)));
cleanup:
    wt_free(bytes);
    return status;
}

static wt_status prepare_rows(wt_comm *comm, wt_table_command *own, const wt_table *table, double start) {
    wt_prepare_plan plan;
    memset(&plan, 0, sizeof plan);
    const wt_utterance_source source = {.load = wt_table_load, .context = table};
    wt_status status = wt_comm_agree(comm, wt_table_plan(&plan, table));
    if (status == WT_OK) status = wt_prepare_share_normalization(comm, &plan, source);
    if (status == WT_OK) status = wt_prepare_write_dataset(comm, &own->job, &plan, source);
    if (status == WT_OK) {
        wt_split_warn_of_empty(&own->table.split, plan.utterances, own->job.out, plan.remedy);
        wt_prepare_report(&own->job, &plan, wt_time_now() - start);
        if (wt_log_is_verbose() && wt_table_left_out(table) > 0)
            printf("  left out    %lld of %lld rows, between the parts\n",
                   (long long)wt_table_left_out(table), (long long)wt_table_rows(table));
    }
    wt_prepare_plan_dispose(&plan);
    return status;
}

/* Files read by rank 0 and prepared by all. Collective. */
static wt_status prepare_table_files(wt_comm *comm, wt_table_command *own, const char *const *files,
                                     size_t count) {
    const double start = wt_time_now();
    wt_table *table = NULL;
    wt_status status = WT_OK;
    WT_GUARD(share_table(comm, &table, own, files, count));
    WT_GUARD(prepare_rows(comm, own, table, start));
cleanup:
    wt_table_destroy(table);
    return status;
}

static void free_table_options(wt_table_command *own) {
    wt_prepare_free_values(own->signals);
    wt_prepare_free_values(own->validation);
    wt_prepare_free_values(own->test);
    free(own->job.out);
    free(own->label);
    free(own->group);
    free(own->separator);
    free(own->decimal);
}

static wt_status run_prepare_table(wt_comm *comm, int argc, const char **argv) {
    wt_table_command own = {
        .job.trim_limit = 1, .table = {.rate = 1, .blocks = 50}, .gap = 1000, .shard_mib = 256};
    const struct poptOption options[] = {
        {"out", 'o', POPT_ARG_STRING, &own.job.out, 0, "Folder of the data set to make; must not exist",
         "DATASET"},
        {"signal", '\0', POPT_ARG_ARGV, &own.signals, 0,
         "A column that the network sees, by its name in the heading; several are several channels",
         "COLUMN"},
        {"label", '\0', POPT_ARG_STRING, &own.label, 0,
         "The column to be predicted: a class, 0, 1, 2 … (default: none, for the next row's signals are)",
         "COLUMN"},
        {"values", '\0', POPT_ARG_NONE, &own.values, 0, "The label is a value, not a class", NULL},
        {"classes", '\0', POPT_ARG_INT, &own.table.classes, 0,
         "Number of classes (default: the largest label plus 1)", "N"},
        {"group", '\0', POPT_ARG_STRING, &own.group, 0,
         "Rows with the same value of this column fall into the same part (default: parts are blocks of "
         "rows)",
         "COLUMN"},
        {"gap", '\0', POPT_ARG_LONGLONG, &own.gap, 0,
         "Rows left out where blocks of different parts meet: at least the receptive field (default 1000)",
         "ROWS"},
        {"blocks", '\0', POPT_ARG_INT, &own.table.blocks, 0,
         "Blocks that the rows are cut into, about; each at least twice the gap (default 50)", "N"},
        {"validation", '\0', POPT_ARG_ARGV, &own.validation, 0,
         "Validation part: a share of the groups or blocks (default 0.1); or groups by name, without --group "
         "files, as often as needed",
         "SHARE|NAME"},
        {"test", '\0', POPT_ARG_ARGV, &own.test, 0, "The same for the test part (default 0.1)", "SHARE|NAME"},
        {"split-seed", '\0', POPT_ARG_LONGLONG, &own.split_seed, 0, "Seed of the random choice (default 0)",
         "N"},
        {"rate", '\0', POPT_ARG_INT, &own.table.rate, 0, "Rows per second (default 1)", "HZ"},
        {"separator", '\0', POPT_ARG_STRING, &own.separator, 0,
         "Separator of columns (default: a comma, with --decimal , a semicolon)", "C|tab"},
        {"decimal", '\0', POPT_ARG_STRING, &own.decimal, 0, "Decimal mark of numbers (default .)", ".|,"},
        {"shard-mib", '\0', POPT_ARG_DOUBLE, &own.shard_mib, 0,
         "Size of a shard, in MiB (default 256); under mpirun have a few shards per rank", "MIB"},
        POPT_TABLEEND,
    };
    wt_command command = wt_command_prepare_table;
    command.options = options;
    wt_command_line line = {0};
    wt_status status = WT_OK;
    WT_GUARD(wt_command_parse(&line, &command, argc, argv, 1, 1 << 20));
    if (line.done) goto cleanup;
    WT_GUARD(wt_prepare_check_out(&own.job, &command));
    WT_GUARD(check_table_options(&own));
    WT_GUARD(prepare_table_files(comm, &own, line.arguments, (size_t)line.count));
cleanup:
    poptFreeContext(line.context);
    free_table_options(&own);
    return status;
}

const wt_command wt_command_prepare_table = {
    .name = "prepare table",
    .arguments = "FILE.csv… --signal COLUMN… --out DATASET [OPTION…]",
    .summary = "Make a data set from tables with a row for each sample, labelled or a series",
    .parallel = true,
    .run = run_prepare_table,
};
