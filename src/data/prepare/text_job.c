/*
 * Texts into a data set: rank 0 reads the files and the others get their bytes, so that all work on the same
 * text; each then makes the same items and the same plan, and writes whole shards. So a text is in the memory
 * of each rank once, which for text is little.
 */
#include <string.h>

#include "base/memory.h"
#include "prepare_internal.h"

/* The files that the rule names, by name or path. */
static wt_status assign_files(wt_text_file *files, size_t count, const wt_split_rule *rule) {
    wt_split_list list;
    WT_TRY(wt_split_list_init(&list, count));
    for (size_t i = 0; i < count; i++) {
        list.paths[i] = files[i].path;
        list.ids[i] = wt_path_base(list.paths[i]);
    }
    const wt_status status = wt_split_list_find(&list, rule, "text");
    for (size_t i = 0; i < count && status == WT_OK; i++) {
        files[i].assigned = list.named[i];
        if (list.named[i]) files[i].split = list.splits[i];
    }
    wt_split_list_dispose(&list);
    return status;
}

wt_status wt_text_files_list(wt_text_job *job, const char *const *inputs, int count) {
    const wt_split_rule *rule = &job->options.split;
    wt_text_file *next;
    job->count = count;
    for (int split = 0; count == 0 && split < WT_SPLITS; split++) job->count += rule->held[split].name_count;
    WT_TRY(wt_alloc(&job->files, (size_t)job->count, sizeof *job->files, "list of texts"));
    for (int i = 0; i < count; i++) job->files[i].path = inputs[i];
    if (count > 0) return assign_files(job->files, (size_t)count, rule);
    next = job->files;
    for (wt_split split = 0; split < WT_SPLITS; split++)
        for (int i = 0; i < rule->held[split].name_count; i++)
            *next++ = (wt_text_file){.path = rule->held[split].names[i], .assigned = true, .split = split};
    return WT_OK;
}

static wt_status check_text_files(const char *out, const wt_text_job *job) {
    for (int i = 0; i < job->count; i++) {
        const char *path = job->files[i].path;
        WT_CHECK(wt_path_exists(path), WT_USAGE, "%s: no such file", path);
        WT_CHECK(!wt_path_is_folder(path), WT_USAGE, "%s: is a folder, expected a file of text", path);
        WT_TRY(wt_partial_check(out, &path, 1));
    }
    return WT_OK;
}

/* Rank 0's files, on all ranks. Collective. */
static wt_status share_files(wt_comm *comm, const char *out, const wt_text_job *job) {
    const bool root = wt_comm_rank(comm) == 0;
    WT_TRY(wt_comm_agree(comm, root ? check_text_files(out, job) : WT_OK));
    for (int i = 0; i < job->count; i++) {
        wt_text_file *file = &job->files[i];
        WT_TRY(wt_comm_agree(
            comm, root ? wt_file_read(&file->bytes, &file->size, file->path, WT_TEXT_BYTES_MAX) : WT_OK));
        WT_TRY(wt_prepare_share_bytes(comm, &file->bytes, &file->size, file->path));
    }
    return WT_OK;
}

wt_status wt_text_prepare(wt_comm *comm, const wt_prepare_output *output, const wt_text_job *job,
                          wt_text *text, wt_prepared *prepared) {
    memset(text, 0, sizeof *text);
    memset(prepared, 0, sizeof *prepared);
    WT_TRY(share_files(comm, output->out, job));
    const wt_utterance_source source = {.load = wt_text_load, .context = text};
    WT_TRY(wt_comm_agree(comm, wt_text_read(text, job->files, job->count, &job->options)));
    WT_TRY(wt_comm_agree(comm, wt_text_plan(&prepared->plan, text)));
    WT_TRY(wt_prepare_write(comm, output, source, prepared));
    wt_split_warn_of_empty(&job->options.split, prepared->plan.utterances, output->out,
                           prepared->plan.remedy);
    return WT_OK;
}

void wt_text_files_free(wt_text_file *files, int count) {
    for (int i = 0; files && i < count; i++) wt_free(files[i].bytes);
    wt_free(files);
}
