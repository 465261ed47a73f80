/*
 * Tables into a data set: rank 0 reads everything once, checks each row and counts; the others receive which
 * rows make which utterance. All ranks then measure the training part and write whole shards.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "comm/facts.h"
#include "prepare_internal.h"

wt_status wt_table_parse_marks(wt_table_options *options, const char *separator, const char *decimal) {
    options->decimal = decimal ? *decimal : '.';
    WT_CHECK(!decimal || strcmp(decimal, ".") == 0 || strcmp(decimal, ",") == 0, WT_USAGE,
             "--decimal: got \"%s\", expected . or ,", decimal);
    options->separator = options->decimal == ',' ? ';' : ','; /* as spreadsheets write them */
    if (!separator) return WT_OK;
    options->separator = strcmp(separator, "tab") == 0 ? '\t' : *separator;
    WT_CHECK(options->separator == '\t' || (strlen(separator) == 1 && !strchr("\"\n\r", *separator)),
             WT_USAGE, "--separator: got %s, expected one character or tab", separator);
    return WT_OK;
}

wt_status wt_table_parse_classes(wt_table_options *options, const char *text) {
    char *end;
    if (!text) return WT_OK;
    const long classes = strtol(text, &end, 10);
    options->names = *text && !*end ? NULL : text;
    WT_CHECK(options->names || (classes >= 2 && classes <= WT_LABEL_CLASSES_MAX), WT_USAGE,
             "--classes: out of range (got %s, expected 2 … %d)", text, WT_LABEL_CLASSES_MAX);
    options->classes = options->names ? 0 : (int)classes;
    return WT_OK;
}

/* Rank 0 reads the files and sends the table to the others. Collective. */
static wt_status share_table(wt_comm *comm, wt_table **table, const char *out, const wt_table_job *job) {
    const bool root = wt_comm_rank(comm) == 0;
    const char *const *files = job->files;
    const size_t count = job->count;
    char *bytes = NULL;
    size_t size = 0;
    wt_status status = root ? wt_partial_check(out, files, count) : WT_OK;
    if (root && status == WT_OK) status = wt_table_scan(table, files, count, &job->options);
    if (root && status == WT_OK) wt_table_warn(*table);
    if (root && status == WT_OK) status = wt_table_pack(&bytes, &size, *table);
    WT_GUARD(wt_comm_agree(comm, status));
    WT_GUARD(wt_prepare_share_bytes(comm, &bytes, &size, "notes of a table"));
    WT_GUARD(wt_comm_agree_on_files(comm, files, count));
    WT_GUARD(
        wt_comm_agree(comm, root ? WT_OK : wt_table_unpack(table, files, count, &job->options, bytes, size)));
cleanup:
    wt_free(bytes);
    return status;
}

wt_status wt_table_prepare(wt_comm *comm, const wt_prepare_output *output, const wt_table_job *job,
                           wt_table **table, wt_prepared *prepared) {
    *table = NULL;
    memset(prepared, 0, sizeof *prepared);
    WT_TRY(share_table(comm, table, output->out, job));
    const wt_utterance_source source = {.load = wt_table_load, .context = *table};
    WT_TRY(wt_comm_agree(comm, wt_table_plan(&prepared->plan, *table)));
    WT_TRY(wt_prepare_write(comm, output, source, prepared));
    wt_split_warn_of_empty(&job->options.split, prepared->plan.utterances, output->out,
                           prepared->plan.remedy);
    return WT_OK;
}
