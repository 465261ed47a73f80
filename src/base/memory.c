/*
 * Counted memory. A header of one cache line before each block holds its size; the cost is 64 bytes a
 * block, the gain an exact count and a peak that the memory estimate can be held against. The counts order
 * nothing between threads (relaxed): an order that they made would hide races from the thread checker.
 */
#include "wavetrain/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { WT_ALIGNMENT = 64 };

static _Atomic int64_t wt_bytes, wt_blocks, wt_peak;

static void wt_memory_count(int64_t bytes) {
    int64_t now = atomic_fetch_add_explicit(&wt_bytes, bytes, memory_order_relaxed) + bytes;
    int64_t peak = atomic_load_explicit(&wt_peak, memory_order_relaxed);
    while (now > peak && !atomic_compare_exchange_weak_explicit(&wt_peak, &peak, now, memory_order_relaxed,
                                                                memory_order_relaxed)) {}
}

wt_status wt_alloc(void *out, size_t count, size_t element_bytes, const char *what) {
    void *block = NULL;
    if (count == 0 || element_bytes == 0) {
        memcpy(out, &block, sizeof block);
        return WT_OK;
    }
    size_t bytes;
    bool overflow = __builtin_mul_overflow(count, element_bytes, &bytes) || bytes > SIZE_MAX / 2;
    if (!overflow) {
        size_t whole = (bytes + 2 * WT_ALIGNMENT - 1) / WT_ALIGNMENT * WT_ALIGNMENT;
        block = aligned_alloc(WT_ALIGNMENT, whole);
        if (block) memset(block, 0, whole);
    }
    if (!block) {
        void *none = NULL;
        memcpy(out, &none, sizeof none);
        return wt_error(WT_FAILED, "out of memory for %s (%.1f MiB asked for, %.1f MiB in use)", what,
                        (double)count * (double)element_bytes / 1048576.0,
                        (double)wt_memory_bytes() / 1048576.0);
    }
    memcpy(block, &bytes, sizeof bytes);
    wt_memory_count((int64_t)bytes);
    atomic_fetch_add_explicit(&wt_blocks, 1, memory_order_relaxed);
    void *user = (char *)block + WT_ALIGNMENT;
    memcpy(out, &user, sizeof user);
    return WT_OK;
}

void wt_free(void *pointer) {
    if (!pointer) return;
    char *block = (char *)pointer - WT_ALIGNMENT;
    size_t bytes;
    memcpy(&bytes, block, sizeof bytes);
    wt_memory_count(-(int64_t)bytes);
    atomic_fetch_sub_explicit(&wt_blocks, 1, memory_order_relaxed);
    free(block);
}

int64_t wt_memory_bytes(void) {
    return atomic_load_explicit(&wt_bytes, memory_order_relaxed);
}

int64_t wt_memory_blocks(void) {
    return atomic_load_explicit(&wt_blocks, memory_order_relaxed);
}

int64_t wt_memory_peak_bytes(void) {
    return atomic_load_explicit(&wt_peak, memory_order_relaxed);
}

wt_status wt_copy_string(char **out, const char *text) {
    size_t bytes = strlen(text) + 1;
    WT_TRY(wt_alloc(out, bytes, 1, "a string"));
    memcpy(*out, text, bytes);
    return WT_OK;
}
