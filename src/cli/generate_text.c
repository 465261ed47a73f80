/*
 * Text from a checkpoint: items, each until it draws its end mark, or pages of running text. Texts are
 * drawn side by side, as rows of a stream per thread, each with draws of its own, so that neither threads
 * nor the number of texts change any.
 *
 * An item is new if the training part has none of the same symbols: hashes of 128 bits, sorted, stand for
 * its items.
 */
#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/utf8.h"
#include "config/sections.h"
#include "generate_text.h"
#include "wavetrain/comm.h"
#include "wavetrain/data.h"
#include "wavetrain/generate.h"

enum { ITEM_LENGTH = 1000, PAGE_LENGTH = 2000, LENGTH_MAX = 100000000 };

typedef struct {
    int32_t *classes; /* behind the prompt */
    int count;
    bool begun, cut; /* at the greatest length, before its end mark */
    bool whole;      /* no signal came before its end */
} wt_text_piece;

typedef struct {
    const wt_text_request *request;
    const wt_checkpoint *checkpoint;
    const wt_vocabulary *vocabulary;
    const wt_restored *network;
    bool ends;     /* items, not running text */
    float *prompt; /* classes */
    int64_t prompt_count, most;
    wt_text_piece *pieces; /* [count] */
    atomic_int next;
    wt_status worst;
} wt_writer;

/* --- the prompt --- */

static wt_status read_prompt(wt_writer *writer) {
    const char *at = writer->request->prompt ? writer->request->prompt : "";
    size_t left = strlen(at);
    WT_TRY(wt_alloc(&writer->prompt, left, sizeof *writer->prompt, "the prompt"));
    while (left > 0) {
        uint32_t code = 0;
        char symbol[WT_SYMBOL_TEXT];
        int length = wt_utf8_decode(&code, at, left);
        WT_CHECK(length > 0, WT_USAGE, "--prompt: is not UTF-8 (got byte 0x%02X)", (unsigned char)*at);
        int32_t class = wt_vocabulary_class(writer->vocabulary, (int32_t)code);
        wt_vocabulary_symbol_text(symbol, (int32_t)code);
        WT_CHECK(class >= 0, WT_USAGE,
                 "--prompt: character %" PRId64 " is not in the vocabulary of the run (got %s)",
                 writer->prompt_count + 1, symbol);
        writer->prompt[writer->prompt_count++] = (float)class;
        at += length;
        left -= (size_t)length;
    }
    WT_CHECK(writer->prompt_count < writer->most, WT_USAGE,
             "--prompt: is as long as --max-length or longer (got %" PRId64
             " characters, expected fewer than %" PRId64 ")",
             writer->prompt_count, writer->most);
    return WT_OK;
}

/* --- drawing --- */

static bool is_text_interrupted(void *context) {
    const wt_writer *writer = context;
    return writer->worst != WT_OK || wt_comm_signal();
}

static bool next_text(void *context, wt_piece *piece) {
    wt_writer *writer = context;
    if (is_text_interrupted(context)) return false; /* it has not begun: there is nothing to keep */
    const int number = atomic_fetch_add(&writer->next, 1);
    if (number >= writer->request->count) return false;
    *piece = (wt_piece){.number = (uint64_t)number,
                        .prompt = writer->prompt,
                        .prompt_count = writer->prompt_count,
                        .stop = writer->ends ? 0 : -1,
                        .max = writer->most - writer->prompt_count};
    writer->pieces[number].begun = true;
    return true;
}

static wt_status take_classes(void *context, uint64_t number, const float *samples, int count) {
    wt_writer *writer = context;
    wt_text_piece *piece = &writer->pieces[number];
    for (int i = 0; i < count; i++) {
        const int32_t class = (int32_t)samples[i];
        WT_TRY(wt_memory_append(&piece->classes, &piece->count, &class, sizeof class, "a text"));
    }
    return WT_OK;
}

static wt_status end_text(void *context, uint64_t number, wt_piece_end how) {
    wt_writer *writer = context;
    writer->pieces[number].whole = how != WT_PIECE_INTERRUPTED;
    writer->pieces[number].cut = writer->ends && how != WT_PIECE_STOPPED;
    return WT_OK;
}

/* One thread's share. */
static wt_status draw_texts(wt_writer *writer, int rows, int threads) {
    const wt_text_request *request = writer->request;
    wt_continuation how = request->how;
    const wt_stream_options options = {.silence_class = wt_vocabulary_padding(writer->vocabulary),
                                       .rows = rows,
                                       .threads = threads,
                                       .weights = request->weights};
    const wt_piece_work work = {next_text, take_classes, end_text, is_text_interrupted, writer};
    wt_status status = WT_OK;
    wt_stream *stream = NULL;
    WT_GUARD(wt_continuation_init(&how));
    WT_GUARD(wt_stream_open(&stream, how.graph, how.kernels, writer->network->parameters, &options));
    WT_GUARD(wt_pieces_draw(stream, &how, &work));
cleanup:
    wt_stream_destroy(stream);
    wt_continuation_dispose(&how);
    return status;
}

static wt_status draw_all(wt_writer *writer) {
    enum { ROWS_MAX = 64 };
    const int threads = omp_get_max_threads(), count = writer->request->count;
    const int groups = count < threads ? count : threads, rows = (count + groups - 1) / groups;
    char message[1024] = "";
    WT_TRY(wt_alloc(&writer->pieces, (size_t)count, sizeof *writer->pieces, "texts"));
#pragma omp parallel num_threads(groups)
    {
        const wt_status status = draw_texts(writer, rows < ROWS_MAX ? rows : ROWS_MAX, threads / groups);
#pragma omp critical
        if (status != WT_OK && writer->worst == WT_OK) {
            writer->worst = status;
            snprintf(message, sizeof message, "%s", wt_error_message());
        }
    }
    return writer->worst == WT_OK ? WT_OK : wt_error(writer->worst, "%s", message);
}

/* --- writing --- */

static void print_text_class(FILE *file, const wt_writer *writer, int32_t class) {
    char bytes[WT_UTF8_MAX];
    const int32_t symbol = writer->vocabulary->symbols[class];
    if (symbol != WT_END_MARK) fwrite(bytes, 1, (size_t)wt_utf8_encode(bytes, (uint32_t)symbol), file);
}

static void print_piece(FILE *file, const wt_writer *writer, const wt_text_piece *piece) {
    for (int64_t i = 0; i < writer->prompt_count; i++)
        print_text_class(file, writer, (int32_t)writer->prompt[i]);
    for (int i = 0; i < piece->count; i++) print_text_class(file, writer, piece->classes[i]);
    fputc('\n', file);
}

static wt_status write_text_pieces(const wt_writer *writer) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&text, &bytes);
    WT_CHECK(file, WT_FAILED, "out of memory for the texts");
    for (int i = 0; i < writer->request->count; i++) {
        if (writer->pieces[i].begun) print_piece(file, writer, &writer->pieces[i]);
    }
    wt_status status = fclose(file) == 0 ? WT_OK : wt_error(WT_FAILED, "out of memory for the texts");
    if (status == WT_OK && writer->request->out) {
        status = wt_file_write_atomically(writer->request->out, text, bytes, NULL, 0);
    } else if (status == WT_OK) {
        wt_output_is_data();
        fwrite(text, 1, bytes, stdout);
        fflush(stdout); /* main says if it did not arrive */
    }
    free(text);
    return status;
}

static wt_status check_whole(const wt_writer *writer) {
    int whole = 0;
    const int count = writer->request->count;
    for (int i = 0; i < count; i++) whole += writer->pieces[i].whole;
    WT_CHECK(whole == count, WT_FAILED,
             "stopped by a signal: %d of %d texts are whole, what was generated of the others is written too",
             whole, count);
    return WT_OK;
}

/* --- what is new --- */

static int order_hashes(const void *a, const void *b) {
    const wt_hash *left = a, *right = b;
    if (left->high != right->high) return left->high < right->high ? -1 : 1;
    return left->low < right->low ? -1 : left->low > right->low;
}

static wt_hash hash_classes(const int32_t *classes, int64_t count) {
    return wt_hash_bytes(classes, (size_t)count * sizeof *classes, 0);
}

/* With the prompt. */
static wt_status hash_piece(wt_hash *hash, const wt_writer *writer, const wt_text_piece *piece) {
    int32_t *classes;
    const size_t prompt = (size_t)writer->prompt_count, count = prompt + (size_t)piece->count;
    WT_TRY(wt_alloc(&classes, count, sizeof *classes, "an item"));
    for (size_t i = 0; i < count; i++)
        classes[i] = i < prompt ? (int32_t)writer->prompt[i] : piece->classes[i - prompt];
    *hash = hash_classes(classes, (int64_t)count);
    wt_free(classes);
    return WT_OK;
}

/* The items of a training part, hashed. A class stands in a data set as a 32,768th. */
static wt_status hash_items(wt_hash *items, wt_dataset *dataset) {
    float *samples = NULL;
    int32_t *classes = NULL;
    int64_t room = 0;
    wt_status status = WT_OK;
    for (int64_t u = 0; u < wt_dataset_utterances(dataset); u++) {
        int64_t length = wt_dataset_length(dataset, u);
        if (length > room) {
            wt_free(samples);
            wt_free(classes);
            samples = NULL;
            classes = NULL;
            room = 2 * length;
            WT_GUARD(wt_alloc(&samples, (size_t)room, sizeof *samples, "an item"));
            WT_GUARD(wt_alloc(&classes, (size_t)room, sizeof *classes, "an item"));
        }
        WT_GUARD(wt_dataset_read(dataset, u, 0, length, samples));
        for (int64_t i = 0; i < length; i++) classes[i] = (int32_t)lrintf(samples[i] * 32768.0f);
        items[u] = hash_classes(classes, length - 1); /* without the end mark */
    }
cleanup:
    wt_free(samples);
    wt_free(classes);
    return status;
}

static wt_status count_new(const wt_writer *writer, wt_dataset *dataset, int *new) {
    wt_hash *items = NULL;
    size_t count = (size_t)wt_dataset_utterances(dataset);
    wt_status status = WT_OK;
    *new = 0;
    WT_CHECK(wt_vocabulary_equal(wt_dataset_vocabulary(dataset), writer->vocabulary), WT_USAGE,
             "the data set has another vocabulary than the run");
    WT_GUARD(wt_alloc(&items, count, sizeof *items, "items of the training part"));
    WT_GUARD(hash_items(items, dataset));
    qsort(items, count, sizeof *items, order_hashes);
    for (int i = 0; i < writer->request->count; i++) {
        wt_hash hash;
        WT_GUARD(hash_piece(&hash, writer, &writer->pieces[i]));
        *new += bsearch(&hash, items, count, sizeof *items, order_hashes) == NULL;
    }
cleanup:
    wt_free(items);
    return status;
}

/* A data set that is gone, or another by now, is no failure: the texts are there. */
static void report_items(const wt_writer *writer) {
    const wt_data_config *data = &wt_checkpoint_get_config(writer->checkpoint)->data;
    const char *path = writer->request->data ? writer->request->data : data->path;
    int count = writer->request->count, new = 0, cut = 0;
    wt_dataset *dataset = NULL;
    for (int i = 0; i < count; i++) cut += writer->pieces[i].cut;
    if (cut > 0)
        wt_log_info("%d of %d item%s had no end mark within %" PRId64 " characters (--max-length)", cut,
                    count, count == 1 ? "" : "s", writer->most);
    wt_status status = wt_dataset_open(&dataset, path, "train", data->memory);
    if (status == WT_OK) status = count_new(writer, dataset, &new);
    if (status == WT_OK) {
        wt_log_info("%d of %d item%s (%.1f %%) %s not among the %" PRId64 " of the training part of %s", new,
                    count, count == 1 ? "" : "s", 100.0 * new / count, new == 1 ? "is" : "are",
                    wt_dataset_utterances(dataset), path);
    } else {
        wt_log_warning("the share of new items is not known: %s", wt_error_message());
    }
    wt_dataset_close(dataset);
}

wt_status wt_generate_text(const wt_text_request *request, wt_checkpoint *checkpoint,
                           const wt_restored *network) {
    const wt_vocabulary *vocabulary = wt_checkpoint_get_vocabulary(checkpoint);
    wt_writer writer = {.request = request,
                        .checkpoint = checkpoint,
                        .vocabulary = vocabulary,
                        .network = network,
                        .ends = wt_vocabulary_ends(vocabulary)};
    wt_status status = WT_OK;
    WT_CHECK(request->max_length >= 0 && request->max_length <= LENGTH_MAX, WT_USAGE,
             "--max-length is out of range (got %lld, expected 1 … %d)", request->max_length, LENGTH_MAX);
    writer.most = request->max_length ? request->max_length : writer.ends ? ITEM_LENGTH : PAGE_LENGTH;
    WT_GUARD(read_prompt(&writer));
    wt_comm_catch_signals(); /* what there is by then is kept */
    WT_GUARD(draw_all(&writer));
    WT_GUARD(write_text_pieces(&writer));
    WT_GUARD(check_whole(&writer));
    if (writer.ends) report_items(&writer);
cleanup:
    for (int i = 0; writer.pieces && i < request->count; i++) wt_free(writer.pieces[i].classes);
    wt_free(writer.pieces);
    wt_free(writer.prompt);
    return status;
}
