/* Memory, in addition to what wavetrain/base.h has of it. */
#ifndef WAVETRAIN_MEMORY_H
#define WAVETRAIN_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "wavetrain/base.h"

/* The same, but rounded up to whole huge pages (2 MiB) from 64 KiB on: for what travels between ranks. */
wt_status wt_alloc_huge(void *out, size_t count, size_t element_bytes, const char *what);

/* The bytes that wt_alloc_huge takes for so many. */
int64_t wt_memory_huge_bytes(int64_t bytes);
/* Appends an item of `bytes` bytes to the counted array at *items (any pointer's address) of *count items,
 * which grows in powers of two; its capacity follows from *count. After a failure both are as before. */
wt_status wt_memory_append(void *items, int *count, const void *item, size_t bytes, const char *what);

/* The most memory of the machine that this process has held at once, in bytes; 0 where the system does not
 * say. */
int64_t wt_memory_peak_resident(void);

/* A heap copy of a string; free with wt_free. */
wt_status wt_memory_copy_string(char **out, const char *text);

#endif
