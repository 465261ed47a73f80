/* Records are some hundred bytes, one write call each, as the rows of metrics.csv. */
#include "metrics/events.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum { RECORD_MAX = 2048, HEAD = 12, TAIL = 4 }; /* bytes */

struct wt_events {
    int file;
    char path[WT_PATH_MAX];
    long long begun; /* seconds since 1970 */
};

/* --- bytes --- */

uint32_t wt_events_crc(const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static uint32_t mask_crc(const void *bytes, size_t count) {
    const uint32_t crc = wt_events_crc(bytes, count);
    return htole32((crc >> 15 | crc << 17) + 0xa282ead8u);
}

/* A message that grows at its end. */
typedef struct {
    uint8_t bytes[RECORD_MAX];
    size_t used;
} message;

static void append_bytes(message *m, const void *bytes, size_t count) {
    if (m->used + count > sizeof m->bytes) return; /* all tags together are far below */
    memcpy(m->bytes + m->used, bytes, count);
    m->used += count;
}

static void put_varint(message *m, uint64_t value) {
    for (; value >= 0x80; value >>= 7) append_bytes(m, &(uint8_t){(uint8_t)(value | 0x80)}, 1);
    append_bytes(m, &(uint8_t){(uint8_t)value}, 1);
}

enum { WIRE_VARINT = 0, WIRE_DOUBLE = 1, WIRE_BYTES = 2, WIRE_FLOAT = 5 };

static void put_key(message *m, int field, int wire) {
    put_varint(m, (uint64_t)(field << 3 | wire));
}

static void put_block(message *m, int field, const void *bytes, size_t count) {
    put_key(m, field, WIRE_BYTES);
    put_varint(m, count);
    append_bytes(m, bytes, count);
}

static void put_double(message *m, int field, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = htole64(bits);
    put_key(m, field, WIRE_DOUBLE);
    append_bytes(m, &bits, sizeof bits);
}

static void put_float(message *m, int field, double value) {
    const float rounded = (float)value;
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    bits = htole32(bits);
    put_key(m, field, WIRE_FLOAT);
    append_bytes(m, &bits, sizeof bits);
}

/* --- events --- */

static void put_value(void *summary, const char *tag, double value) {
    message v = {.used = 0};
    put_block(&v, 1, tag, strlen(tag));
    put_float(&v, 2, value);
    put_block(summary, 1, v.bytes, v.used);
}

static void make_event(message *event, const wt_events *events, const wt_metrics_row *row) {
    message summary = {.used = 0};
    event->used = 0;
    put_double(event, 1, (double)events->begun + (isnan(row->seconds) ? 0 : row->seconds));
    put_key(event, 2, WIRE_VARINT);
    put_varint(event, (uint64_t)row->step);
    wt_metrics_visit(row, put_value, &summary);
    put_block(event, 5, summary.bytes, summary.used);
}

/* The record of an event; its size. */
static size_t make_record(uint8_t record[RECORD_MAX + HEAD + TAIL], const message *event) {
    const uint64_t length = htole64(event->used);
    memcpy(record, &length, sizeof length);
    const uint32_t head = mask_crc(record, sizeof length), tail = mask_crc(event->bytes, event->used);
    memcpy(record + sizeof length, &head, sizeof head);
    memcpy(record + HEAD, event->bytes, event->used);
    memcpy(record + HEAD + event->used, &tail, sizeof tail);
    return HEAD + event->used + TAIL;
}

static size_t make_first_record(uint8_t record[RECORD_MAX + HEAD + TAIL], const wt_events *events) {
    static const char version[] = "brain.Event:2";
    message event = {.used = 0};
    put_double(&event, 1, (double)events->begun);
    put_block(&event, 3, version, sizeof version - 1);
    return make_record(record, &event);
}

static size_t make_row_record(uint8_t record[RECORD_MAX + HEAD + TAIL], const wt_events *events,
                              const wt_metrics_row *row) {
    message event;
    make_event(&event, events, row);
    return make_record(record, &event);
}

/* --- the file --- */

static const char prefix[] = "events.out.tfevents.", suffix[] = ".wavetrain";

/* When the run began, by the name of the file that is there, else now, less what it has trained already. */
static wt_status find_begin(wt_events *events, const char *folder, double seconds) {
    char **names;
    size_t count;
    WT_TRY(wt_folder_list(&names, &count, folder, prefix, suffix));
    events->begun = count ? strtoll(names[0] + sizeof prefix - 1, NULL, 10)
                          : (long long)time(NULL) - (long long)seconds;
    wt_folder_list_free(names, count);
    return WT_OK;
}

static wt_status write_records(FILE *file, const wt_events *events, const wt_metrics_row *rows,
                               size_t count) {
    uint8_t record[RECORD_MAX + HEAD + TAIL];
    fwrite(record, make_first_record(record, events), 1, file);
    for (size_t i = 0; i < count && !ferror(file); i++)
        fwrite(record, make_row_record(record, events, &rows[i]), 1, file);
    return WT_OK; /* wt_file_finish looks at the file's state */
}

static wt_status make_events_file(wt_events *events, const char *folder, const wt_metrics_row *rows,
                                  size_t count) {
    char name[64];
    FILE *file;
    const double seconds = count && !isnan(rows[count - 1].seconds) ? rows[count - 1].seconds : 0;
    WT_TRY(wt_folder_make(folder));
    WT_TRY(find_begin(events, folder, seconds));
    snprintf(name, sizeof name, "%s%010lld%s", prefix, events->begun, suffix);
    WT_TRY(wt_path_join(events->path, folder, name));
    WT_TRY(wt_file_begin(&file, events->path));
    WT_TRY(wt_file_finish(file, events->path, write_records(file, events, rows, count)));
    events->file = open(events->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    WT_CHECK(events->file >= 0, WT_FAILED, "%s: can't open for writing: %s", events->path, strerror(errno));
    return WT_OK;
}

wt_status wt_events_open(wt_events **out, const char *folder, const wt_metrics_row *rows, size_t count) {
    wt_events *events;
    *out = NULL;
    WT_TRY(wt_alloc(&events, 1, sizeof *events, "TensorBoard's events"));
    events->file = -1;
    const wt_status status = make_events_file(events, folder, rows, count);
    if (status == WT_OK)
        *out = events;
    else
        wt_events_close(events);
    return status;
}

wt_status wt_events_append(wt_events *events, const wt_metrics_row *row) {
    uint8_t record[RECORD_MAX + HEAD + TAIL];
    const size_t bytes = make_row_record(record, events, row);
    const ssize_t written = write(events->file, record, bytes);
    WT_CHECK(written == (ssize_t)bytes, WT_FAILED, "%s: can't write: %s", events->path, strerror(errno));
    return WT_OK;
}

void wt_events_close(wt_events *events) {
    if (!events) return;
    if (events->file >= 0) close(events->file);
    wt_free(events);
}
