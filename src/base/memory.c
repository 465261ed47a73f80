/*
 * Counted memory. A header of one cache line before each block holds its size; the cost is 64 bytes a
 * block, the gain an exact count and a peak that the memory estimate can be held against. The counts order
 * nothing between threads (relaxed): an order that they made would hide races from the thread checker.
 *
 * Large blocks ask for huge pages: a pass walks through hundreds of MiB, far more than the processor's table
 * of small pages covers, and messages between ranks of a node, which the kernel copies page by page, take
 * half the time. The cost is address space, up to a huge page per block.
 */
#include "base/memory.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WT_ALIGNMENT = 64, WT_HUGE_PAGE = 2 << 20 };

static _Atomic int64_t held_bytes, held_blocks, peak_bytes;

static void count_memory(int64_t bytes) {
    int64_t now = atomic_fetch_add_explicit(&held_bytes, bytes, memory_order_relaxed) + bytes;
    int64_t peak = atomic_load_explicit(&peak_bytes, memory_order_relaxed);
    while (now > peak && !atomic_compare_exchange_weak_explicit(&peak_bytes, &peak, now, memory_order_relaxed,
                                                                memory_order_relaxed)) {}
}

/* A kernel that has no huge pages, or not for us, gives others. */
static void *allocate_block(size_t bytes) {
    void *block = NULL;
    if (bytes < WT_HUGE_PAGE) return aligned_alloc(WT_ALIGNMENT, bytes);
    if (posix_memalign(&block, WT_HUGE_PAGE, bytes) != 0) return NULL;
    madvise(block, bytes, MADV_HUGEPAGE);
    return block;
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
        block = allocate_block(whole);
        if (block) memset(block, 0, whole);
    }
    if (!block) {
        void *none = NULL;
        memcpy(out, &none, sizeof none);
        return wt_error_transient(WT_FAILED, "out of memory for %s (%.1f MiB asked for, %.1f MiB in use)",
                                  what, (double)count * (double)element_bytes / 1048576.0,
                                  (double)wt_memory_bytes() / 1048576.0);
    }
    memcpy(block, &bytes, sizeof bytes);
    count_memory((int64_t)bytes);
    atomic_fetch_add_explicit(&held_blocks, 1, memory_order_relaxed);
    void *user = (char *)block + WT_ALIGNMENT;
    memcpy(out, &user, sizeof user);
    return WT_OK;
}

int64_t wt_memory_huge_bytes(int64_t bytes) {
    enum { LEAST = 64 << 10 };
    return bytes < LEAST ? bytes : (bytes + WT_HUGE_PAGE - 1) / WT_HUGE_PAGE * WT_HUGE_PAGE;
}

wt_status wt_alloc_huge(void *out, size_t count, size_t element_bytes, const char *what) {
    size_t bytes;
    bool overflow = __builtin_mul_overflow(count, element_bytes, &bytes) || bytes > SIZE_MAX / 2;
    const int64_t whole = overflow ? 0 : wt_memory_huge_bytes((int64_t)bytes);
    if (overflow || whole == (int64_t)bytes) return wt_alloc(out, count, element_bytes, what);
    return wt_alloc(out, (size_t)wt_memory_huge_bytes((int64_t)bytes + WT_ALIGNMENT) - WT_ALIGNMENT, 1, what);
}

wt_status wt_memory_append(void *items, int *count, const void *item, size_t bytes, const char *what) {
    enum { FIRST = 16 };
    char *array;
    const size_t used = (size_t)*count;
    memcpy(&array, items, sizeof array);
    if (used == 0 || (used >= FIRST && (used & (used - 1)) == 0)) {
        char *grown;
        WT_TRY(wt_alloc(&grown, used ? 2 * used : FIRST, bytes, what));
        if (used) memcpy(grown, array, used * bytes);
        wt_free(array);
        memcpy(items, &grown, sizeof grown);
        array = grown;
    }
    memcpy(array + used * bytes, item, bytes);
    (*count)++;
    return WT_OK;
}

void wt_free(void *pointer) {
    if (!pointer) return;
    char *block = (char *)pointer - WT_ALIGNMENT;
    size_t bytes;
    memcpy(&bytes, block, sizeof bytes);
    count_memory(-(int64_t)bytes);
    atomic_fetch_sub_explicit(&held_blocks, 1, memory_order_relaxed);
    free(block);
}

int64_t wt_memory_bytes(void) {
    return atomic_load_explicit(&held_bytes, memory_order_relaxed);
}

int64_t wt_memory_blocks(void) {
    return atomic_load_explicit(&held_blocks, memory_order_relaxed);
}

int64_t wt_memory_peak_bytes(void) {
    return atomic_load_explicit(&peak_bytes, memory_order_relaxed);
}

/* Not getrusage's: that one begins with what the process had before it became this program. */
int64_t wt_memory_peak_resident(void) {
    char text[4096];
    long long kib = 0;
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t bytes = read(file, text, sizeof text - 1);
    close(file);
    text[bytes > 0 ? bytes : 0] = '\0';
    const char *line = strstr(text, "\nVmHWM:");
    return line && sscanf(line, "\nVmHWM: %lld", &kib) == 1 ? kib * 1024 : 0;
}

wt_status wt_memory_copy_string(char **out, const char *text) {
    size_t bytes = strlen(text) + 1;
    WT_TRY(wt_alloc(out, bytes, 1, "a string"));
    memcpy(*out, text, bytes);
    return WT_OK;
}
