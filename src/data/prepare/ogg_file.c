/*
 * Whether an Ogg file is whole (RFC 3533). Decoders pass over pages that are damaged or missing, which leaves
 * a recording shorter than it was and nothing said; so each page's checksum is computed, pages of a stream
 * must be numbered through, and the last one must say that it is. The price is that the file is read once
 * more, at some 400 MB/s.
 */
#include <string.h>

#include "prepare_internal.h"

enum {
    HEADER = 27,
    SEGMENTS_MAX = 255,
    PAGE_MAX = HEADER + SEGMENTS_MAX + SEGMENTS_MAX * 255,
    STREAMS_MAX = 64, /* at once */
    FIRST = 2,
    LAST = 4 /* flags of a page */
};

typedef struct {
    uint32_t serial, next; /* the page that must come */
} ogg_stream;

typedef struct {
    FILE *file;
    const char *path;
    uint32_t table[256]; /* of the checksum */
    ogg_stream streams[STREAMS_MAX];
    int open;       /* streams that have begun and not ended */
    bool ended;     /* the last of them has */
    int64_t number; /* of the page, from 1 */
    size_t bytes;   /* of the page */
    int64_t end;    /* of all pages so far */
    unsigned char page[PAGE_MAX];
} ogg_reader;

static uint32_t get_ogg32(const unsigned char *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void fill_table(uint32_t table[256]) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i << 24;
        for (int bit = 0; bit < 8; bit++) value = value << 1 ^ (value >> 31 ? 0x04C11DB7u : 0);
        table[i] = value;
    }
}

/* Of the page with its own checksum as zero. */
static uint32_t checksum(const ogg_reader *reader) {
    uint32_t sum = 0;
    for (size_t i = 0; i < reader->bytes; i++) {
        const unsigned char byte = i >= 22 && i < 26 ? 0 : reader->page[i];
        sum = sum << 8 ^ reader->table[sum >> 24 ^ byte];
    }
    return sum;
}

static wt_status cut(const ogg_reader *reader) {
    return wt_error(WT_USAGE, "%s: the Ogg file is truncated (page %lld is not whole)", reader->path,
                    (long long)reader->number);
}

/* The next page; *found is false at the file's end, and where something else follows the last stream. */
static wt_status read_page(ogg_reader *reader, bool *found) {
    unsigned char *page = reader->page;
    reader->number++;
    *found = false;
    size_t got = fread(page, 1, HEADER, reader->file);
    if (got == 0) return WT_OK;
    bool begins = got >= 5 && memcmp(page, "OggS", 5) == 0; /* the fifth is the version */
    if (!begins && reader->open == 0) return WT_OK;         /* tags, as some programs put at the end */
    if (got < HEADER) return cut(reader);
    WT_CHECK(begins, WT_USAGE, "%s: the Ogg file is damaged (no page begins where page %lld should)",
             reader->path, (long long)reader->number);
    const size_t segments = page[26];
    if (fread(page + HEADER, 1, segments, reader->file) != segments) return cut(reader);
    size_t body = 0;
    for (size_t i = 0; i < segments; i++) body += page[HEADER + i];
    if (fread(page + HEADER + segments, 1, body, reader->file) != body) return cut(reader);
    reader->bytes = HEADER + segments + body;
    reader->end += (int64_t)reader->bytes;
    *found = true;
    return WT_OK;
}

static wt_status check_page(ogg_reader *reader) {
    const unsigned char *page = reader->page;
    const uint32_t serial = get_ogg32(page + 14), number = get_ogg32(page + 18);
    int s = 0;
    WT_CHECK(checksum(reader) == get_ogg32(page + 22), WT_USAGE,
             "%s: the Ogg file is damaged (page %lld has a wrong checksum)", reader->path,
             (long long)reader->number);
    while (s < reader->open && reader->streams[s].serial != serial) s++;
    if (s == reader->open && page[5] & FIRST) {
        WT_CHECK(!reader->ended, WT_USAGE,
                 "%s: holds several recordings, one after another (expected one: libsndfile reads the first)",
                 reader->path);
        WT_CHECK(s < STREAMS_MAX, WT_USAGE, "%s: too many Ogg streams at once (expected at most %d)",
                 reader->path, STREAMS_MAX);
        reader->streams[reader->open++] = (ogg_stream){serial, number};
    }
    WT_CHECK(s < reader->open && reader->streams[s].next == number, WT_USAGE,
             "%s: the Ogg file is damaged (before page %lld, pages are missing)", reader->path,
             (long long)reader->number);
    reader->streams[s].next = number + 1;
    if (page[5] & LAST) reader->streams[s] = reader->streams[--reader->open];
    reader->ended = reader->open == 0;
    return WT_OK;
}

static wt_status check_pages(ogg_reader *reader) {
    fill_table(reader->table);
    for (bool found = true; found;) {
        WT_TRY(read_page(reader, &found));
        if (found) WT_TRY(check_page(reader));
    }
    WT_CHECK(!ferror(reader->file), WT_FAILED, "%s: can't be read", reader->path);
    WT_CHECK(reader->open == 0, WT_USAGE,
             "%s: the Ogg file is truncated (its last page, %lld, does not end the stream)", reader->path,
             (long long)reader->number - 1);
    return WT_OK;
}

wt_status wt_ogg_check(FILE *file, const char *path, int64_t *end) {
    ogg_reader *reader;
    char start[4];
    *end = 0;
    rewind(file);
    if (fread(start, 1, sizeof start, file) != sizeof start || memcmp(start, "OggS", 4) != 0) return WT_OK;
    rewind(file);
    WT_TRY(wt_alloc(&reader, 1, sizeof *reader, "a page of an Ogg file"));
    reader->file = file;
    reader->path = path;
    wt_status status = check_pages(reader);
    if (status == WT_OK && fseeko(file, 0, SEEK_END) == 0 && ftello(file) > reader->end) *end = reader->end;
    wt_free(reader);
    return status;
}
