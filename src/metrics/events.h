/*
 * TensorBoard's event files: RUN/tensorboard/events.out.tfevents.BEGUN.wavetrain, BEGUN the second of the
 * run's first start. A file is made anew from metrics.csv at each start, the same bytes as before up to the
 * step that is gone on from; so each step stands in it once.
 *
 * A record is the length of its data (uint64), the masked CRC32C of these 8 bytes (uint32), the data and
 * their masked CRC32C, all little-endian. The data are a protocol buffer, Event: wall_time = 1 (double),
 * step = 2 (varint), file_version = 3 (text), summary = 5, whose values = 1 have a tag = 1 and a
 * simple_value = 2 (float).
 */
#ifndef WAVETRAIN_EVENTS_H
#define WAVETRAIN_EVENTS_H

#include "metrics/metrics.h"

typedef struct wt_events wt_events;

/* In the folder, which is made, from the rows. */
wt_status wt_events_open(wt_events **out, const char *folder, const wt_metrics_row *rows, size_t count);
wt_status wt_events_append(wt_events *events, const wt_metrics_row *row);
void wt_events_close(wt_events *events); /* takes NULL */

/* Castagnoli's polynomial, as RFC 3720 has it. */
uint32_t wt_events_crc(const void *bytes, size_t count);

/* --- metrics_csv.c --- */

/* What of a row is shown, by the name that it has there. A number that a step does not have is left out. */
typedef void wt_metrics_visitor(void *context, const char *tag, double value);
void wt_metrics_visit(const wt_metrics_row *row, wt_metrics_visitor *visit, void *context);

#endif
