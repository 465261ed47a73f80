/*
 * A YAML text as a tree of nodes. libyaml's events are taken one by one instead of
 * its document loader, so that what no file of ours has a use for (anchors,
 * aliases, tags, several documents, deep nesting) is refused where it stands,
 * before it costs memory: no text can become larger than itself.
 */
#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#include "base/utf8.h"
#include "yaml/yaml_node.h"

/* --- pool --- */

struct wt_yaml_block {
    wt_yaml_block *next;
    size_t used, size;
    _Alignas(16) char bytes[];
};

enum { BLOCK_BYTES = 8192 };

static wt_status pool_take(wt_yaml_pool *pool, void *out, size_t bytes) {
    wt_yaml_block *block = pool->blocks;
    size_t rounded = (bytes + 15) / 16 * 16;
    if (!block || block->size - block->used < rounded) {
        size_t size = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
        WT_TRY(wt_alloc(&block, 1, sizeof *block + size, "a YAML text"));
        block->size = size;
        block->next = pool->blocks;
        pool->blocks = block;
    }
    void *taken = block->bytes + block->used;
    block->used += rounded;
    memcpy(out, &taken, sizeof taken);
    return WT_OK;
}

void wt_yaml_dispose(wt_yaml_pool *pool) {
    while (pool->blocks) {
        wt_yaml_block *block = pool->blocks;
        pool->blocks = block->next;
        wt_free(block);
    }
}

wt_status wt_yaml_copy(wt_yaml_pool *pool, const char **out, const char *text, size_t length) {
    char *copy;
    WT_TRY(pool_take(pool, &copy, length + 1));
    memcpy(copy, text, length);
    copy[length] = '\0';
    *out = copy;
    return WT_OK;
}

/* --- messages --- */

void wt_yaml_show(char out[WT_YAML_SHOW], const wt_yaml_node *node) {
    char text[WT_YAML_SHOW - 2];
    switch (node->kind) {
    case WT_YAML_LIST: snprintf(out, WT_YAML_SHOW, "a list"); return;
    case WT_YAML_MAPPING: snprintf(out, WT_YAML_SHOW, "keys of its own"); return;
    case WT_YAML_SCALAR: break;
    }
    wt_utf8_show(text, sizeof text, node->text, node->length);
    if (wt_yaml_is_null(node)) {
        snprintf(out, WT_YAML_SHOW, "nothing");
    } else {
        snprintf(out, WT_YAML_SHOW, node->quoted ? "\"%s\"" : "%s", text);
    }
}

const wt_yaml_node *wt_yaml_find(const wt_yaml_node *node, const char *name) {
    if (!node || node->kind != WT_YAML_MAPPING) return NULL;
    for (const wt_yaml_node *entry = node->first; entry; entry = entry->next) {
        if (strcmp(entry->name, name) == 0) return entry;
    }
    return NULL;
}

bool wt_yaml_is_null(const wt_yaml_node *node) {
    if (node->kind != WT_YAML_SCALAR || node->quoted) return false;
    return node->length == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0;
}

static wt_status error_at(const char *source, int line, const char *format, va_list arguments) {
    char message[1024];
    vsnprintf(message, sizeof message, format, arguments);
    if (line > 0) return wt_error(WT_USAGE, "%s:%d: %s", source, line, message);
    return wt_error(WT_USAGE, "%s: %s", source, message);
}

wt_status wt_yaml_error(const wt_yaml_node *node, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    wt_status status = error_at(node->source, node->line, format, arguments);
    va_end(arguments);
    return status;
}

/* --- events --- */

typedef struct {
    wt_yaml_pool *pool;
    yaml_parser_t parser;
    yaml_event_t event; /* the one at hand */
    bool has_event;
    const char *source, *text;
    size_t bytes;
    bool lines;
} wt_reader;

static wt_status reader_error(const wt_reader *reader, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* `line` counts from 0, as libyaml's. */
static wt_status reader_error(const wt_reader *reader, size_t line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    wt_status status = error_at(reader->source, reader->lines ? (int)line + 1 : 0, format, arguments);
    va_end(arguments);
    return status;
}

/* A wrong byte has an offset, but no line. */
static size_t line_of_offset(const char *text, size_t offset) {
    size_t line = 0;
    for (const char *end = text + offset; text < end;) {
        int length = wt_utf8_line_end(text, (size_t)(end - text));
        line += length > 0;
        text += length > 0 ? length : 1;
    }
    return line;
}

/* Whether the line of that number, from 0, has a tab before its first other character. */
static bool indented_by_tab(const wt_reader *reader, size_t line) {
    const char *at = reader->text, *end = at + reader->bytes;
    while (at < end && line > 0) {
        int length = wt_utf8_line_end(at, (size_t)(end - at));
        line -= length > 0;
        at += length > 0 ? length : 1;
    }
    while (at < end && *at == ' ') at++;
    return at < end && *at == '\t';
}

static wt_status syntax_error(const wt_reader *reader) {
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "unknown error";
    if (parser->error == YAML_MEMORY_ERROR)
        return wt_error_transient(WT_FAILED, "%s: no memory", reader->source);
    if (parser->error == YAML_READER_ERROR) {
        size_t line = line_of_offset(reader->text, parser->problem_offset);
        return reader_error(reader, line, "is no YAML text: %s", problem);
    }
    if (indented_by_tab(reader, parser->problem_mark.line)) {
        return reader_error(reader, parser->problem_mark.line, "is indented with a tab (expected spaces)");
    }
    return reader_error(reader, parser->problem_mark.line, "is no YAML: %s%s%s", problem,
                        parser->context ? " " : "", parser->context ? parser->context : "");
}

static wt_status next_event(wt_reader *reader) {
    if (reader->has_event) yaml_event_delete(&reader->event);
    reader->has_event = false;
    if (!yaml_parser_parse(&reader->parser, &reader->event)) return syntax_error(reader);
    reader->has_event = true;
    return WT_OK;
}

static wt_status refuse_extras(const wt_reader *reader) {
    const yaml_event_t *event = &reader->event;
    size_t line = event->start_mark.line;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    bool marked = false; /* a lone ! is gone by now, but has left its trace */
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return reader_error(reader, line, "aliases (*) are not allowed (expected plain YAML)");
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        marked = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !event->data.scalar.plain_implicit;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default: break;
    }
    if (anchor) return reader_error(reader, line, "anchors (&) are not allowed (expected plain YAML)");
    if (tag || marked) return reader_error(reader, line, "tags (!) are not allowed (expected plain YAML)");
    return WT_OK;
}

static wt_status copy_scalar(wt_reader *reader, const char **out, size_t *length) {
    const yaml_event_t *event = &reader->event;
    const char *text = (const char *)event->data.scalar.value;
    *length = event->data.scalar.length;
    if (memchr(text, '\0', *length)) return reader_error(reader, event->start_mark.line, "holds a zero byte");
    return wt_yaml_copy(reader->pool, out, text, *length);
}

static wt_status read_node(wt_reader *reader, int depth, wt_yaml_node **out);

/* The entries of the list or mapping whose start is at hand, up to its end. */
static wt_status read_entries(wt_reader *reader, int depth, wt_yaml_node *parent) {
    bool mapping = parent->kind == WT_YAML_MAPPING;
    yaml_event_type_t end = mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    wt_yaml_node **place = &parent->first;
    for (;;) {
        const char *name = NULL;
        size_t length, line = 0;
        WT_TRY(next_event(reader));
        if (reader->event.type == end) return WT_OK;
        if (mapping) {
            line = reader->event.start_mark.line;
            WT_TRY(refuse_extras(reader));
            if (reader->event.type != YAML_SCALAR_EVENT) {
                return reader_error(reader, line, "a key must be a word");
            }
            WT_TRY(copy_scalar(reader, &name, &length));
            WT_TRY(next_event(reader));
        }
        if (++parent->count > WT_YAML_ENTRIES) {
            return reader_error(reader, reader->event.start_mark.line,
                                "too many entries in one place (expected at most %d)", WT_YAML_ENTRIES);
        }
        WT_TRY(read_node(reader, depth, place));
        (*place)->name = name;
        if (mapping && reader->lines) (*place)->line = (int)line + 1;
        place = &(*place)->next;
    }
}

/* The node whose first event is at hand; `depth` lists and mappings are around it. */
static wt_status read_node(wt_reader *reader, int depth, wt_yaml_node **out) {
    const yaml_event_t *event = &reader->event;
    size_t line = event->start_mark.line;
    WT_TRY(refuse_extras(reader));
    if (++reader->pool->nodes > WT_YAML_NODES) {
        return reader_error(reader, line, "too many values (expected at most %d)", WT_YAML_NODES);
    }
    wt_yaml_node *node;
    WT_TRY(pool_take(reader->pool, &node, sizeof *node));
    node->source = reader->source;
    node->line = reader->lines ? (int)line + 1 : 0;
    *out = node;
    if (event->type == YAML_SCALAR_EVENT) {
        node->kind = WT_YAML_SCALAR;
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        return copy_scalar(reader, &node->text, &node->length);
    }
    node->kind = event->type == YAML_MAPPING_START_EVENT ? WT_YAML_MAPPING : WT_YAML_LIST;
    if (depth == WT_YAML_DEPTH) {
        return reader_error(reader, line, "is nested too deep (expected at most %d levels)", depth);
    }
    return read_entries(reader, depth + 1, node);
}

static wt_status read_document(wt_reader *reader, wt_yaml_node **root) {
    WT_TRY(next_event(reader)); /* the stream's start */
    WT_TRY(next_event(reader));
    if (reader->event.type == YAML_STREAM_END_EVENT) return WT_OK;
    WT_TRY(next_event(reader)); /* the document's start */
    WT_TRY(read_node(reader, 0, root));
    WT_TRY(next_event(reader)); /* the document's end */
    WT_TRY(next_event(reader));
    if (reader->event.type == YAML_STREAM_END_EVENT) return WT_OK;
    return reader_error(reader, reader->event.start_mark.line,
                        "a second YAML document begins (expected one)");
}

wt_status wt_yaml_read(wt_yaml_pool *pool, wt_yaml_node **root, const char *source, bool lines,
                       const char *text, size_t bytes) {
    *root = NULL;
    size_t skip;
    WT_TRY(wt_utf8_begin(&skip, source, text, bytes));
    text += skip;
    bytes -= skip;
    wt_reader reader = {.pool = pool, .source = source, .text = text, .bytes = bytes, .lines = lines};
    if (!yaml_parser_initialize(&reader.parser))
        return wt_error_transient(WT_FAILED, "%s: no memory", source);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, bytes);
    wt_status status = read_document(&reader, root);
    if (reader.has_event) yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    return status;
}
