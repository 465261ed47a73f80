/*
 * Items of a text into splits and utterances. A line's split, and a character's, is a function of what the
 * line holds: equal lines share it, so that no line of the training part comes back in the test part, and
 * none depends on the others.
 */
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "base/utf8.h"
#include "prepare_internal.h"
#include "text_internal.h"

static void item_range(const wt_text *text, const wt_text_item *item, const char **at, const char **end) {
    *at = text->files[item->file].bytes + item->first;
    *end = *at + item->bytes;
}

/* --- splits --- */

typedef struct {
    wt_text *text;
    size_t room;
    uint32_t *codes; /* [the longest item] */
} splitter;

static wt_status add_entry(splitter *made, size_t item, wt_split split) {
    wt_text *text = made->text;
    if (text->entry_count == made->room) {
        size_t room = made->room ? 2 * made->room : text->count;
        wt_text_entry *moved;
        WT_TRY(wt_alloc(&moved, room, sizeof *moved, "splits of a text"));
        if (text->entry_count > 0) memcpy(moved, text->entries, text->entry_count * sizeof *moved);
        wt_free(text->entries);
        text->entries = moved;
        made->room = room;
    }
    text->entries[text->entry_count++] = (wt_text_entry){(uint32_t)item, split};
    return WT_OK;
}

/* Of what is kept of an item: its code points, each as four bytes. */
static uint64_t item_hash(const wt_text *text, const wt_text_item *item, uint32_t *codes) {
    const char *at, *end;
    size_t count = 0;
    item_range(text, item, &at, &end);
    while (wt_text_next(text, &at, end, &codes[count])) count++;
    return wt_hash_bytes(codes, count * sizeof *codes, text->options->split.seed).low;
}

/* The split of a line's character number `position`, its end mark the last. */
static wt_split example_split(const wt_text_options *options, uint64_t hash, int64_t position) {
    double draw = wt_random_uniform(options->split.seed, WT_RANDOM_SPLIT, hash, (uint64_t)position);
    return wt_split_of_draw(draw, &options->split);
}

static wt_status split_by_example(splitter *made, size_t item) {
    const wt_text_item *line = &made->text->items[item];
    bool any[WT_SPLITS] = {false};
    uint64_t hash = item_hash(made->text, line, made->codes);
    for (int64_t i = 0; i <= line->characters; i++) any[example_split(made->text->options, hash, i)] = true;
    for (wt_split split = 0; split < WT_SPLITS; split++)
        if (any[split]) WT_TRY(add_entry(made, item, split));
    return WT_OK;
}

static wt_status split_lines_by_example(splitter *made) {
    wt_text *text = made->text;
    for (size_t i = 0; i < text->count; i++) {
        const wt_text_file *file = &text->files[text->items[i].file];
        WT_TRY(file->assigned ? add_entry(made, i, file->split) : split_by_example(made, i));
    }
    return WT_OK;
}

/* Each line by the draw of what it holds, but for those of files that are held for a part. */
static wt_status split_whole_lines(splitter *made) {
    wt_text *text = made->text;
    wt_split *splits = NULL;
    bool *held = NULL;
    double *draws = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&splits, text->count, sizeof *splits, "splits of lines"));
    WT_GUARD(wt_alloc(&held, text->count, sizeof *held, "splits of lines"));
    WT_GUARD(wt_alloc(&draws, text->count, sizeof *draws, "splits of lines"));
    for (size_t i = 0; i < text->count; i++) {
        const wt_text_file *file = &text->files[text->items[i].file];
        held[i] = file->assigned;
        splits[i] = file->split;
        draws[i] = (double)(item_hash(text, &text->items[i], made->codes) >> 11) * 0x1p-53;
    }
    wt_split_by_draws(splits, held, &text->options->split, draws, text->count);
    for (size_t i = 0; i < text->count; i++) WT_GUARD(add_entry(made, i, splits[i]));
cleanup:
    wt_free(splits);
    wt_free(held);
    wt_free(draws);
    return status;
}

static wt_status split_lines(wt_text *text) {
    splitter made = {.text = text};
    uint32_t longest = 0;
    for (size_t i = 0; i < text->count; i++)
        if (text->items[i].characters > longest) longest = text->items[i].characters;
    WT_TRY(wt_alloc(&made.codes, (size_t)longest + 1, sizeof *made.codes, "the longest line"));
    wt_status status = text->options->by_example ? split_lines_by_example(&made) : split_whole_lines(&made);
    wt_free(made.codes);
    return status;
}

/* --- running text --- */

/* The next `characters` of a running text that are kept, as an item; moves *rest behind them. */
static wt_text_item cut_part(const wt_text *text, wt_text_item *rest, uint32_t characters) {
    const char *at, *end, *begin;
    uint32_t code;
    wt_text_item part = *rest;
    item_range(text, rest, &at, &end);
    begin = at;
    for (uint32_t i = 0; i < characters; i++) wt_text_next(text, &at, end, &code);
    part.characters = characters;
    part.bytes = (uint32_t)(at - begin);
    for (const char *c = begin; c < at;) {
        int line_end = wt_utf8_line_end(c, (size_t)(at - c));
        rest->line += line_end > 0;
        c += line_end > 0 ? line_end : 1;
    }
    rest->first += part.bytes;
    rest->bytes -= part.bytes;
    return part;
}

/* Characters of each part: shares cut off; where that leaves a part empty, in pieces of at least one. */
static void share_characters(uint32_t size[WT_SPLITS], const wt_split_rule *rule, uint32_t all) {
    double shares[WT_SPLITS];
    int64_t pieces[WT_SPLITS];
    bool empty = false;
    wt_split_rule_shares(shares, rule);
    size[WT_SPLIT_TEST] = (uint32_t)(all * shares[WT_SPLIT_TEST]);
    size[WT_SPLIT_VALIDATION] = (uint32_t)(all * shares[WT_SPLIT_VALIDATION]);
    size[WT_SPLIT_TRAIN] = all - size[WT_SPLIT_VALIDATION] - size[WT_SPLIT_TEST];
    for (wt_split split = 0; split < WT_SPLITS; split++) empty |= shares[split] > 0 && size[split] == 0;
    wt_split_pieces(pieces, rule, all);
    for (wt_split split = 0; empty && split < WT_SPLITS; split++) size[split] = (uint32_t)pieces[split];
}

/* The whole file, or its three parts, in this order. */
static wt_status split_running(wt_text *text) {
    wt_text_item *parts;
    splitter made = {.text = text};
    size_t count = 0, files = text->count;
    WT_TRY(wt_alloc(&parts, files * WT_SPLITS, sizeof *parts, "parts of a text"));
    wt_text_item *whole = text->items;
    text->items = parts;
    text->count = files * WT_SPLITS;
    wt_status status = WT_OK;
    for (size_t f = 0; f < files && status == WT_OK; f++) {
        const wt_text_file *file = &text->files[whole[f].file];
        uint32_t all = whole[f].characters, size[WT_SPLITS];
        share_characters(size, &text->options->split, all);
        for (wt_split split = 0; split < WT_SPLITS && status == WT_OK; split++) {
            if (file->assigned) size[split] = split == file->split ? all : 0;
            if (size[split] == 0) continue;
            parts[count] = cut_part(text, &whole[f], size[split]);
            status = add_entry(&made, count++, split);
        }
    }
    text->count = count;
    wt_free(whole);
    return status;
}

wt_status wt_text_split(wt_text *text) {
    return text->options->lines ? split_lines(text) : split_running(text);
}

/* --- the plan, and what it is made of --- */

wt_status wt_text_plan(wt_prepare_plan *plan, const wt_text *text) {
    int64_t *bytes = NULL, sample_bytes = text->options->by_example ? 4 : 2;
    wt_split *splits = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&bytes, text->entry_count, sizeof *bytes, "sizes of texts"));
    WT_GUARD(wt_alloc(&splits, text->entry_count, sizeof *splits, "splits of texts"));
    for (size_t i = 0; i < text->entry_count; i++) {
        bytes[i] = sample_bytes * ((int64_t)text->items[text->entries[i].item].characters + 1);
        splits[i] = text->entries[i].split;
    }
    WT_GUARD(wt_prepare_plan_init(plan, splits, bytes, text->entry_count, text->options->shard_bytes));
    plan->sample_rate = 1;
    plan->channels = 1;
    plan->store = WT_STORE_INT16;
    plan->kind = "text";
    plan->remedy = "more text, other --shares, another --split-seed, or --validation FILE and --test FILE";
    plan->vocabulary = &text->vocabulary;
    plan->masked = text->options->by_example;
cleanup:
    wt_free(bytes);
    wt_free(splits);
    return status;
}

/* names.txt:17 of a line, train/names.txt:17 where the split was given, book.txt of a part. */
static wt_status make_id(char out[WT_PATH_MAX], const wt_text *text, const wt_text_item *item,
                         wt_split split) {
    const wt_text_file *file = &text->files[item->file];
    const char *folder = file->assigned ? wt_split_name(split) : "";
    char line[24] = "";
    if (text->options->lines) snprintf(line, sizeof line, ":%lld", (long long)item->line);
    int length = snprintf(out, WT_PATH_MAX, "%s%s%s%s", folder, *folder ? "/" : "", wt_path_base(file->path),
                          line);
    WT_CHECK(length < WT_PATH_MAX, WT_USAGE, "%.200s…: the name is too long", file->path);
    return WT_OK;
}

static wt_status make_mask(wt_utterance *utterance, const wt_text *text, const wt_text_item *item,
                           wt_split split) {
    uint32_t *codes;
    WT_TRY(wt_alloc(&utterance->mask, (size_t)utterance->count, sizeof *utterance->mask, "mask of a line"));
    WT_TRY(wt_alloc(&codes, (size_t)item->characters + 1, sizeof *codes, "a line"));
    uint64_t hash = item_hash(text, item, codes);
    wt_free(codes);
    for (int64_t i = 0; i < utterance->count; i++)
        utterance->mask[i] = example_split(text->options, hash, i) == split;
    return WT_OK;
}

wt_status wt_text_load(const void *context, size_t number, wt_utterance *utterance) {
    const wt_text *text = context;
    wt_split split = text->entries[number].split;
    const wt_text_item *item = &text->items[text->entries[number].item];
    const char *at, *end;
    uint32_t code;
    bool ends = wt_vocabulary_ends(&text->vocabulary);
    WT_TRY(make_id(utterance->id, text, item, split));
    utterance->count = (int64_t)item->characters + ends; /* the end mark is class 0, as the memory is */
    WT_TRY(wt_alloc(&utterance->samples, (size_t)utterance->count, sizeof *utterance->samples, "a text"));
    item_range(text, item, &at, &end);
    for (uint32_t i = 0; i < item->characters && wt_text_next(text, &at, end, &code); i++)
        utterance->samples[i] = (float)wt_vocabulary_class(&text->vocabulary, (int32_t)code) / 32768.0f;
    return text->options->by_example ? make_mask(utterance, text, item, split) : WT_OK;
}
