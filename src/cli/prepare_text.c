/* wavetrain prepare text: options, and what is printed; src/data/prepare does it. */
#include <stdio.h>

#include "base/units.h"
#include "data/vocabulary.h"
#include "prepare_command.h"
#include "wavetrain/base.h"

typedef struct {
    wt_prepare_command common;
    wt_text_job job;
    int lines, lower, by_example;
    char *keep, *shares;
    char **assigned[WT_SPLITS]; /* --train FILE …, NULL-terminated: some of FILE…, or in their place */
    long long split_seed;
} text_command;

/* --- options --- */

/* The names of --train, --validation and --test, and how many there are. */
static int hold_named(text_command *command) {
    int count = 0;
    for (wt_split split = 0; split < WT_SPLITS; split++) {
        wt_held_out *held = &command->job.options.split.held[split];
        held->names = (const char *const *)command->assigned[split];
        while (held->names && held->names[held->name_count]) held->name_count++;
        count += held->name_count;
    }
    return count;
}

static wt_status check_text_command(text_command *command, int inputs) {
    wt_text_options *text = &command->job.options;
    const int assigned = hold_named(command);
    text->lines = command->lines;
    text->lower = command->lower;
    text->by_example = command->by_example;
    WT_CHECK(inputs > 0 || assigned > 0, WT_USAGE,
             "prepare text: an argument is missing (expected FILE…, or --train FILE, --validation FILE, "
             "--test FILE)");
    WT_CHECK(inputs > 0 || text->split.held[WT_SPLIT_TRAIN].name_count > 0, WT_USAGE,
             "--train: is missing (with --validation or --test, and no FILE…)");
    WT_CHECK(inputs > 0 || (!command->shares && !command->by_example), WT_USAGE,
             "%s: has no meaning with --train, whose files are split already",
             command->shares ? "--shares" : "--by-example");
    WT_CHECK(text->lines || !text->by_example, WT_USAGE, "--by-example: needs --lines");
    text->split.seed = (uint64_t)command->split_seed;
    WT_TRY(wt_split_rule_parse_shares(&text->split, command->shares ? command->shares
                                                    : inputs > 0    ? "80,10,10"
                                                                    : "100,0,0"));
    if (command->keep) WT_TRY(wt_characters_parse(&text->keep, "--keep", command->keep));
    text->shard_bytes = command->common.shard_bytes;
    return WT_OK;
}

/* --- report --- */

static void print_dropped(const wt_text *text) {
    char number[WT_UNITS], symbol[WT_SYMBOL_TEXT];
    printf("  dropped    %s of %s character%s", wt_units_grouped(number, text->dropped),
           wt_units_grouped((char[WT_UNITS]){""}, text->dropped + text->kept),
           text->dropped + text->kept == 1 ? "" : "s");
    int shown = text->dropped_kinds < WT_DROPPED_SHOWN ? text->dropped_kinds : WT_DROPPED_SHOWN;
    for (int i = 0; i < shown; i++) {
        wt_vocabulary_symbol_text(symbol, (int32_t)text->most_dropped[i].code);
        printf("%s%s × %s", i ? ", " : ": ", symbol, wt_units_grouped(number, text->most_dropped[i].count));
    }
    if (shown < text->dropped_kinds) printf(" and %d other symbols", text->dropped_kinds - shown);
    printf("\n");
    if (text->empty > 0)
        printf("  empty      %s line%s with nothing that is kept, left out\n",
               wt_units_grouped(number, text->empty), text->empty == 1 ? "" : "s");
}

static void report_text(wt_prepare_command *own, const wt_prepared *prepared, const wt_text *text) {
    char one[WT_UNITS], two[WT_UNITS], three[WT_UNITS];
    const wt_prepare_tally *tally = &prepared->tally;
    const double seconds = wt_prepare_command_finish(own);
    const char *items = text->options->lines ? "items" : "parts";
    if (!wt_log_is_verbose()) return;
    printf("%s: %s %s, %s characters%s, %d symbols, in %.1f s\n", own->name,
           wt_units_grouped(one, (int64_t)text->count), items,
           wt_units_grouped(two, text->kept + (text->options->lines ? (int64_t)text->count : 0)),
           text->options->lines ? " with the end marks" : "", text->vocabulary.classes, seconds);
    printf("  %-10s  %10s  %12s  %12s  %6s  %s\n", "split", items, "characters", "examples", "shards",
           "digest");
    for (wt_split split = 0; split < WT_SPLITS; split++)
        printf("  %-10s  %10s  %12s  %12s  %6lld  %s\n", wt_split_name(split),
               wt_units_grouped(one, tally->utterances[split]), wt_units_grouped(two, tally->frames[split]),
               wt_units_grouped(three, tally->targets[split]), (long long)tally->shards[split],
               *prepared->digest[split] ? prepared->digest[split] : "-");
    wt_vocabulary_print(stdout, &text->vocabulary, printf("  symbols   "));
    print_dropped(text);
}

/* --- the command --- */

/* Collective. */
static wt_status prepare_text(wt_comm *comm, text_command *own) {
    wt_text text;
    wt_prepared prepared;
    const wt_status status = wt_text_prepare(comm, &own->common.output, &own->job, &text, &prepared);
    if (status == WT_OK) {
        report_text(&own->common, &prepared, &text);
        wt_prepared_print_classes(&prepared, own->common.name);
    }
    wt_prepared_dispose(&prepared);
    wt_text_dispose(&text);
    return status;
}

static wt_status run_prepare_text(wt_comm *comm, int argc, const char **argv) {
    text_command own = {.lines = 0};
    wt_prepare_command_init(&own.common);
    const struct poptOption options[] = {
        WT_PREPARE_OUT(own.common),
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
        WT_PREPARE_SHARD_MIB(own.common),
        POPT_TABLEEND,
    };
    wt_command command = wt_command_prepare_text;
    command.options = options;
    wt_command_line line = {0};
    wt_status status = WT_OK;
    WT_GUARD(wt_command_parse(&line, &command, argc, argv, 0, 1 << 20));
    if (line.done) goto cleanup;
    WT_GUARD(wt_prepare_command_check(&own.common, comm, &command));
    WT_GUARD(check_text_command(&own, line.count));
    WT_GUARD(wt_text_files_list(&own.job, line.arguments, line.count));
    WT_GUARD(prepare_text(comm, &own));
cleanup:
    wt_text_files_free(own.job.files, own.job.count);
    wt_prepare_command_finish(&own.common);
    wt_command_end(&line, &command);
    return status;
}

const wt_command wt_command_prepare_text = {
    .name = "prepare text",
    .arguments = "FILE… --out DATASET [OPTION…]",
    .summary = "Make a data set from text in UTF-8: lines (names, words) or running text",
    .parallel = true,
    .run = run_prepare_text,
};
