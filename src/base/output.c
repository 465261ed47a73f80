/* stdout behind a filter. A character may be cut where the buffer is full, so its beginning waits for the
 * next write. */
#include "base/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

static struct {
    bool raw;
    char waiting[WT_UTF8_MAX]; /* the first bytes of a character */
    size_t waits;
} filter;

static bool write_output(const char *bytes, size_t count) {
    while (count > 0) {
        const ssize_t written = write(STDOUT_FILENO, bytes, count);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        bytes += written;
        count -= (size_t)written;
    }
    return true;
}

/* Bytes that a character with this first one has; of others 1. */
static size_t sequence_length(char first) {
    const unsigned char byte = (unsigned char)first;
    return byte >= 0xF0 && byte < 0xF8   ? 4
           : byte >= 0xE0 && byte < 0xF0 ? 3
           : byte >= 0xC0 && byte < 0xE0 ? 2
                                         : 1;
}

/*
 * Appends what of a text may be shown to out; its end waits where more may follow. Returns the bytes in out.
 */
static size_t show_part(char *out, const char *text, size_t length) {
    size_t used = 0;
    for (size_t at = 0; at < length;) {
        uint32_t code = 0;
        const size_t left = length - at;
        const int bytes = wt_utf8_decode(&code, text + at, left);
        if (bytes == 0 && left < sequence_length(text[at])) {
            size_t follow = 1; /* only as far as they may belong to it */
            while (follow < left && (text[at + follow] & 0xC0) == 0x80) follow++;
            if (follow == left) {
                memcpy(filter.waiting, text + at, left);
                filter.waits = left;
                break;
            }
        }
        if (bytes > 0 && (code == '\n' || code == '\t' || !wt_utf8_is_hidden(code))) {
            memcpy(out + used, text + at, (size_t)bytes);
            used += (size_t)bytes;
        } else {
            out[used++] = '?';
        }
        at += bytes > 0 ? (size_t)bytes : 1;
    }
    return used;
}

static ssize_t write_filtered(void *cookie, const char *bytes, size_t count) {
    enum { PART = 4096 };
    char text[PART + WT_UTF8_MAX], shown[PART + WT_UTF8_MAX];
    (void)cookie;
    if (filter.raw && filter.waits == 0) return write_output(bytes, count) ? (ssize_t)count : 0;
    for (size_t at = 0; at < count;) {
        const size_t taken = count - at < PART ? count - at : PART, before = filter.waits;
        memcpy(text, filter.waiting, before);
        memcpy(text + before, bytes + at, taken);
        filter.waits = 0;
        if (!write_output(shown, show_part(shown, text, before + taken))) return 0;
        at += taken;
    }
    return (ssize_t)count;
}

void wt_output_begin(void) {
    const bool terminal = isatty(STDOUT_FILENO);
    FILE *filtered = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_filtered});
    if (!filtered) return;
    setvbuf(filtered, NULL, terminal ? _IOLBF : _IOFBF, BUFSIZ);
    stdout = filtered;
}

void wt_output_is_data(void) {
    fflush(stdout);
    filter.raw = !isatty(STDOUT_FILENO);
}

bool wt_output_finish(void) {
    bool written = ferror(stdout) == 0;
    written = fflush(stdout) == 0 && written;
    if (filter.waits == 0) return written;
    filter.waits = 0;
    return write_output("?", 1) && written;
}

void wt_output_field(FILE *out, const char *text, char separator) {
    const char marks[] = {separator, '"', '\n', '\r', '\0'};
    if (!strpbrk(text, marks)) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

void wt_output_wrap(FILE *out, const char *text, int indent) {
    int column = indent;
    for (const char *space = ""; *text; space = " ") {
        int word = (int)strcspn(text, " "), gap = *space != 0;
        if (gap && column + gap + word > 79) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
            gap = 0;
        }
        fprintf(out, "%.*s%.*s", gap, space, word, text);
        column += gap + word;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}
