/*
 * Texts: items, each until it draws its end mark, or pages of running text. Each has draws of its own, so
 * that neither threads nor the number of texts change any.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "wavetrain/comm.h"
#include "wavetrain/generate.h"

enum { ITEM_LENGTH = 1000, PAGE_LENGTH = 2000, LENGTH_MAX = 100000000 };

typedef struct {
    wt_texts *texts;
    int64_t max; /* classes of a text behind the prompt */
    float *prompt;
    atomic_int next;
} writer;

static const wt_vocabulary *vocabulary_of(const wt_generator *generator) {
    return wt_checkpoint_get_vocabulary(generator->checkpoint);
}

/* --- the prompt --- */

static wt_status read_prompt(writer *w, const wt_vocabulary *vocabulary, const char *prompt) {
    wt_texts *texts = w->texts;
    size_t left = strlen(prompt);
    WT_TRY(wt_alloc(&texts->prompt, left, sizeof *texts->prompt, "the prompt"));
    for (const char *at = prompt; left > 0;) {
        uint32_t code = 0;
        char symbol[WT_SYMBOL_TEXT];
        int length = wt_utf8_decode(&code, at, left);
        WT_CHECK(length > 0, WT_USAGE, "--prompt: is not UTF-8 (got byte 0x%02X)", (unsigned char)*at);
        int32_t class = wt_vocabulary_class(vocabulary, (int32_t)code);
        wt_vocabulary_symbol_text(symbol, (int32_t)code);
        WT_CHECK(class >= 0, WT_USAGE,
                 "--prompt: character %" PRId64 " is not in the vocabulary of the run (got %s)",
                 texts->prompt_count + 1, symbol);
        texts->prompt[texts->prompt_count++] = class;
        at += length;
        left -= (size_t)length;
    }
    WT_CHECK(texts->prompt_count < texts->max_length, WT_USAGE,
             "--prompt: is as long as --max-length or longer (got %" PRId64
             " characters, expected fewer than %" PRId64 ")",
             texts->prompt_count, texts->max_length);
    w->max = texts->max_length - texts->prompt_count;
    WT_TRY(wt_alloc(&w->prompt, (size_t)texts->prompt_count, sizeof *w->prompt, "the prompt"));
    for (int64_t i = 0; i < texts->prompt_count; i++) w->prompt[i] = (float)texts->prompt[i];
    return WT_OK;
}

/* --- drawing --- */

static bool is_text_interrupted(void *context) {
    (void)context;
    return wt_comm_signal() != 0;
}

static bool next_text(void *context, wt_piece *piece) {
    writer *w = context;
    const int number = atomic_fetch_add(&w->next, 1);
    if (number >= w->texts->count) return false;
    *piece = (wt_piece){.number = (uint64_t)number,
                        .prompt = w->prompt,
                        .prompt_count = w->texts->prompt_count,
                        .stop = w->texts->items ? 0 : -1,
                        .max = w->max};
    w->texts->list[number].begun = true;
    return true;
}

static wt_status take_classes(void *context, uint64_t number, const float *samples, int count) {
    const writer *w = context;
    wt_text_drawn *text = &w->texts->list[number];
    for (int i = 0; i < count; i++) {
        const int32_t class = (int32_t)samples[i];
        WT_TRY(wt_memory_append(&text->classes, &text->count, &class, sizeof class, "a text"));
    }
    return WT_OK;
}

static wt_status end_text(void *context, uint64_t number, wt_piece_end how) {
    const writer *w = context;
    wt_text_drawn *text = &w->texts->list[number];
    text->whole = how == WT_PIECE_FULL || how == WT_PIECE_STOPPED;
    text->cut = w->texts->items && how != WT_PIECE_STOPPED;
    return WT_OK;
}

wt_status wt_texts_draw(wt_texts *texts, const wt_text_request *request) {
    const wt_generator *generator = request->generator;
    const wt_vocabulary *vocabulary = vocabulary_of(generator);
    const bool items = wt_vocabulary_ends(vocabulary);
    writer w = {.texts = texts};
    const wt_piece_work work = {next_text, take_classes, end_text, is_text_interrupted, &w};
    wt_status status = WT_OK;
    *texts = (wt_texts){.generator = generator, .count = request->count, .items = items};
    WT_CHECK(request->max_length >= 0 && request->max_length <= LENGTH_MAX, WT_USAGE,
             "--max-length is out of range (got %" PRId64 ", expected 1 … %d)", request->max_length,
             LENGTH_MAX);
    texts->max_length = request->max_length ? request->max_length : items ? ITEM_LENGTH : PAGE_LENGTH;
    WT_GUARD(read_prompt(&w, vocabulary, request->prompt ? request->prompt : ""));
    WT_GUARD(wt_alloc(&texts->list, (size_t)texts->count, sizeof *texts->list, "texts"));
    WT_GUARD(wt_pieces_draw_together(generator, request->weights, texts->count, &work));
    for (int i = 0; i < texts->count; i++) {
        texts->whole += texts->list[i].whole;
        texts->cut += texts->list[i].cut;
    }
cleanup:
    wt_free(w.prompt);
    if (status != WT_OK) wt_texts_dispose(texts);
    return status;
}

void wt_texts_dispose(wt_texts *texts) {
    for (int i = 0; texts->list && i < texts->count; i++) wt_free(texts->list[i].classes);
    wt_free(texts->list);
    wt_free(texts->prompt);
    *texts = (wt_texts){.list = NULL};
}

/* --- as UTF-8 --- */

static void print_classes(FILE *file, const wt_vocabulary *vocabulary, const int32_t *classes,
                          int64_t count) {
    char bytes[WT_UTF8_MAX];
    for (int64_t i = 0; i < count; i++) {
        const int32_t symbol = vocabulary->symbols[classes[i]];
        if (symbol != WT_END_MARK) fwrite(bytes, 1, (size_t)wt_utf8_encode(bytes, (uint32_t)symbol), file);
    }
}

wt_status wt_texts_encode(char **bytes, size_t *size, const wt_texts *texts) {
    const wt_vocabulary *vocabulary = vocabulary_of(texts->generator);
    FILE *file = open_memstream(bytes, size);
    WT_CHECK(file, WT_FAILED, "out of memory for the texts");
    for (int i = 0; i < texts->count; i++) {
        const wt_text_drawn *text = &texts->list[i];
        if (!text->begun) continue;
        print_classes(file, vocabulary, texts->prompt, texts->prompt_count);
        print_classes(file, vocabulary, text->classes, text->count);
        fputc('\n', file);
    }
    WT_CHECK(fclose(file) == 0, WT_FAILED, "out of memory for the texts");
    return WT_OK;
}
