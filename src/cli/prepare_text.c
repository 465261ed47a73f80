/*
 * wavetrain prepare text: lines or running text into a data set, by all ranks together. Rank 0 reads the
 * files and the others get their bytes, so that all work on the same text; each then makes the same items and
 * the same plan, and writes whole shards. So a text is in the memory of each rank once, which for text is
 * little.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timer.h"
#include "prepare_job.h"
#include "wavetrain/data.h"

typedef struct {
    wt_prepare_job job;
    wt_text_options text;
    int lines, lower, by_example;
    char *keep, *shares;
    char **assigned[WT_SPLITS]; /* --train FILE …, each NULL-terminated, malloc'ed by popt */
    bool chosen;                /* these are some of FILE…; else whole files in addition */
    long long split_seed;
    double shard_mib;
    wt_text_file *files; /* [count] */
    int count;
} wt_text_command;

/* --- options --- */

/* "80,10,10" */
static wt_status parse_shares(wt_text_options *text, const char *shares) {
    double part[WT_SPLITS], sum = 0;
    const char *at = shares;
    for (int i = 0; i < WT_SPLITS; i++) {
        char *end;
        part[i] = strtod(at, &end);
        bool right = end > at && *end == (i < WT_SPLITS - 1 ? ',' : '\0') && part[i] >= 0 && part[i] <= 1e9;
        WT_CHECK(right, WT_USAGE, "--shares: got %s, expected TRAIN,VALIDATION,TEST such as 80,10,10",
                 shares);
        at = end + 1;
        sum += part[i];
    }
    WT_CHECK(part[WT_SPLIT_TRAIN] > 0, WT_USAGE, "--shares: leave nothing to train on (got %s)", shares);
    for (wt_split split = 0; split < WT_SPLITS; split++)
        text->split.held[split].share = text->split.held[split].name_count > 0 ? 0 : part[split] / sum;
    return WT_OK;
}

/* The rule of --train, --validation, --test and --shares. */
static wt_status parse_split(wt_text_command *command) {
    wt_text_options *text = &command->text;
    text->split.seed = (uint64_t)command->split_seed;
    for (wt_split split = 0; split < WT_SPLITS; split++) {
        wt_held_out *held = &text->split.held[split];
        held->names = (const char *const *)command->assigned[split];
        while (held->names && held->names[held->name_count]) held->name_count++;
    }
    const char *shares = command->shares ? command->shares : command->chosen ? "80,10,10" : "100,0,0";
    return parse_shares(text, shares);
}

static int count_assigned(const wt_text_command *command) {
    int count = 0;
    for (int split = 0; split < WT_SPLITS; split++)
        for (char **file = command->assigned[split]; file && *file; file++) count++;
    return count;
}

static wt_status check_text_command(wt_text_command *command, int inputs) {
    wt_text_options *text = &command->text;
    int assigned = count_assigned(command);
    text->lines = command->lines;
    text->lower = command->lower;
    text->by_example = command->by_example;
    command->chosen = inputs > 0;
    WT_CHECK(inputs > 0 || assigned > 0, WT_USAGE,
             "prepare text: an argument is missing (expected FILE…, or --train FILE, --validation FILE, "
             "--test FILE)");
    WT_CHECK(inputs > 0 || (command->assigned[WT_SPLIT_TRAIN] && *command->assigned[WT_SPLIT_TRAIN]),
             WT_USAGE, "--train: is missing (with --validation or --test, and no FILE…)");
    WT_CHECK(inputs > 0 || (!command->shares && !command->by_example), WT_USAGE,
             "%s: has no meaning with --train, whose files are split already",
             command->shares ? "--shares" : "--by-example");
    WT_CHECK(text->lines || !text->by_example, WT_USAGE, "--by-example: is for --lines");
    WT_TRY(parse_split(command));
    if (command->keep) WT_TRY(wt_characters_parse(&text->keep, "--keep", command->keep));
    return wt_prepare_check_shard_mib(&text->shard_bytes, command->shard_mib);
}

/* --- files --- */

/* Which of FILE… the options name. */
static wt_status choose_named(wt_text_command *command) {
    wt_split_list list;
    WT_TRY(wt_split_list_init(&list, (size_t)command->count));
    for (size_t i = 0; i < list.count; i++) {
        list.paths[i] = command->files[i].path;
        list.ids[i] = wt_path_base(list.paths[i]);
    }
    const wt_status status = wt_split_list_find(&list, &command->text.split, "text");
    for (size_t i = 0; i < list.count && status == WT_OK; i++) {
        command->files[i].assigned = list.named[i];
        if (list.named[i]) command->files[i].split = list.splits[i];
    }
    wt_split_list_dispose(&list);
    return status;
}

static wt_status list_files(wt_text_command *command, const char *const *inputs, int count) {
    int next = 0;
    command->count = command->chosen ? count : count_assigned(command);
    WT_TRY(wt_alloc(&command->files, (size_t)command->count, sizeof *command->files, "list of texts"));
    for (int i = 0; i < count; i++) command->files[next++].path = inputs[i];
    if (command->chosen) return choose_named(command);
    for (wt_split split = 0; split < WT_SPLITS; split++)
        for (char **file = command->assigned[split]; file && *file; file++)
            command->files[next++] = (wt_text_file){.path = *file, .assigned = true, .split = split};
    return WT_OK;
}

static wt_status check_places(const wt_text_command *command) {
    for (int i = 0; i < command->count; i++) {
        const char *path = command->files[i].path;
        WT_CHECK(wt_path_exists(path), WT_USAGE, "%s: no such file", path);
        WT_CHECK(!wt_path_is_folder(path), WT_USAGE, "%s: is a folder, expected a file of text", path);
        WT_TRY(wt_partial_check(command->job.out, &path, 1));
    }
    return WT_OK;
}

/* One file's bytes to all ranks. Collective. */
static wt_status share_file(wt_comm *comm, wt_text_file *file) {
    bool root = wt_comm_rank(comm) == 0;
    int64_t size = 0;
    wt_status status = root ? wt_file_read(&file->bytes, &file->size, file->path, WT_TEXT_BYTES_MAX) : WT_OK;
    WT_TRY(wt_comm_agree(comm, status));
    size = (int64_t)file->size;
    wt_comm_broadcast(comm, &size, sizeof size);
    file->size = (size_t)size;
    WT_TRY(wt_comm_agree(comm, root ? WT_OK : wt_alloc(&file->bytes, file->size, 1, file->path)));
    if (size > 0) wt_comm_broadcast(comm, file->bytes, file->size);
    return WT_OK;
}

/* --- report --- */

static void print_dropped(const wt_text *text) {
    char number[32], symbol[WT_SYMBOL_TEXT];
    printf("  dropped    %s of %s character%s", wt_command_group_digits(number, text->dropped),
           wt_command_group_digits((char[32]){""}, text->dropped + text->kept),
           text->dropped + text->kept == 1 ? "" : "s");
    int shown = text->dropped_kinds < WT_DROPPED_SHOWN ? text->dropped_kinds : WT_DROPPED_SHOWN;
    for (int i = 0; i < shown; i++) {
        wt_vocabulary_symbol_text(symbol, (int32_t)text->most_dropped[i].code);
        printf("%s%s × %s", i ? ", " : ": ", symbol,
               wt_command_group_digits(number, text->most_dropped[i].count));
    }
    if (shown < text->dropped_kinds) printf(" and %d other symbols", text->dropped_kinds - shown);
    printf("\n");
    if (text->empty > 0)
        printf("  empty      %s line%s with nothing that is kept, left out\n",
               wt_command_group_digits(number, text->empty), text->empty == 1 ? "" : "s");
}

static void report_text(const wt_prepare_job *job, const wt_text *text, double seconds) {
    char one[32], two[32], three[32];
    const wt_prepare_tally *tally = &job->tally;
    const char *items = text->options->lines ? "items" : "parts";
    if (!wt_log_is_verbose()) return;
    printf("%s: %s %s, %s characters%s, %d symbols, in %.1f s\n", job->out,
           wt_command_group_digits(one, (int64_t)text->count), items,
           wt_command_group_digits(two, text->kept + (text->options->lines ? (int64_t)text->count : 0)),
           text->options->lines ? " with the end marks" : "", text->vocabulary.classes, seconds);
    printf("  %-10s  %10s  %12s  %12s  %6s  %s\n", "split", items, "characters", "examples", "shards",
           "digest");
    for (wt_split split = 0; split < WT_SPLITS; split++)
        printf("  %-10s  %10s  %12s  %12s  %6lld  %s\n", wt_split_name(split),
               wt_command_group_digits(one, tally->utterances[split]),
               wt_command_group_digits(two, tally->frames[split]),
               wt_command_group_digits(three, tally->targets[split]), (long long)tally->shards[split],
               *job->digest[split] ? job->digest[split] : "-");
    wt_command_print_symbols(&text->vocabulary, printf("  symbols   "));
    print_dropped(text);
}

/* --- the command --- */

static wt_status prepare_text_files(wt_comm *comm, wt_text_command *command, double start) {
    wt_text text;
    wt_prepare_plan plan;
    memset(&plan, 0, sizeof plan);
    memset(&text, 0, sizeof text);
    wt_status status = wt_comm_rank(comm) == 0 ? check_places(command) : WT_OK;
    WT_TRY(wt_comm_agree(comm, status));
    for (int i = 0; i < command->count; i++) WT_TRY(share_file(comm, &command->files[i]));
    WT_GUARD(wt_comm_agree(comm, wt_text_read(&text, command->files, command->count, &command->text)));
    WT_GUARD(wt_comm_agree(comm, wt_text_plan(&plan, &text)));
    WT_GUARD(wt_prepare_write_dataset(comm, &command->job, &plan,
                                      (wt_utterance_source){.load = wt_text_load, .context = &text}));
    wt_split_warn_of_empty(&command->text.split, plan.utterances, command->job.out, plan.remedy);
    report_text(&command->job, &text, wt_time_now() - start);
    wt_prepare_report_classes(&command->job, &plan);
cleanup:
    wt_prepare_plan_dispose(&plan);
    wt_text_dispose(&text);
    return status;
}

static void free_text_command(wt_text_command *command) {
    for (int i = 0; i < command->count; i++) wt_free(command->files[i].bytes);
    wt_free(command->files);
    for (int split = 0; split < WT_SPLITS; split++) wt_prepare_free_values(command->assigned[split]);
    free(command->job.out);
    free(command->keep);
    free(command->shares);
}

static wt_status run_prepare_text(wt_comm *comm, int argc, const char **argv) {
    wt_text_command own = {.shard_mib = 256};
    const struct poptOption options[] = {
        {"out", 'o', POPT_ARG_STRING, &own.job.out, 0, "Folder of the data set to make; must not exist",
         "DATASET"},
        {"lines", '\0', POPT_ARG_NONE, &own.lines, 0,
         "Each line is an item by itself and ends with an end mark (default: each file is one running text)",
         NULL},
        {"lower", '\0', POPT_ARG_NONE, &own.lower, 0, "Convert capitals to lower case", NULL},
        {"keep", '\0', POPT_ARG_STRING, &own.keep, 0,
         "Characters to keep, after --lower, such as \"a-z' \\n\": others are dropped, and counted (default: "
         "keep all)",
         "CHARACTERS"},
        {"shares", '\0', POPT_ARG_STRING, &own.shares, 0,
         "Parts for training, validation and test (default 80,10,10): of lines by a hash of what they hold, "
         "of running "
         "text from beginning to end",
         "TRAIN,VALIDATION,TEST"},
        {"by-example", '\0', POPT_ARG_NONE, &own.by_example, 0,
         "Split the characters of lines, each with what stands before it, and not the lines: as some "
         "tutorials do, and "
         "kinder than new lines would be",
         NULL},
        {"split-seed", '\0', POPT_ARG_LONGLONG, &own.split_seed, 0,
         "Seed of the random choice of lines or characters (default 0)", "N"},
        {"train", '\0', POPT_ARG_ARGV, &own.assigned[WT_SPLIT_TRAIN], 0,
         "A whole file to train on: one of FILE…, or in their place", "FILE"},
        {"validation", '\0', POPT_ARG_ARGV, &own.assigned[WT_SPLIT_VALIDATION], 0,
         "One for validation: of FILE… (also a pattern), or with --train", "FILE"},
        {"test", '\0', POPT_ARG_ARGV, &own.assigned[WT_SPLIT_TEST], 0, "One for testing, likewise", "FILE"},
        {"shard-mib", '\0', POPT_ARG_DOUBLE, &own.shard_mib, 0,
         "Size of a shard, in MiB (default 256); under mpirun have a few shards per rank", "MIB"},
        POPT_TABLEEND,
    };
    wt_command command = wt_command_prepare_text;
    command.options = options;
    double start = wt_time_now();
    wt_command_line line = {0};
    wt_status status = WT_OK;
    WT_GUARD(wt_command_parse(&line, &command, argc, argv, 0, 1 << 20));
    if (line.done) goto cleanup;
    WT_GUARD(wt_prepare_check_out(&own.job, &command));
    WT_GUARD(check_text_command(&own, line.count));
    WT_GUARD(list_files(&own, line.arguments, line.count));
    WT_GUARD(prepare_text_files(comm, &own, start));
cleanup:
    free_text_command(&own);
    poptFreeContext(line.context);
    return status;
}

const wt_command wt_command_prepare_text = {
    .name = "prepare text",
    .arguments = "FILE… --out DATASET [OPTION…]",
    .summary = "Make a data set from text in UTF-8: lines (names, words) or running text",
    .parallel = true,
    .run = run_prepare_text,
};
