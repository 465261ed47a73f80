/* The fuzz targets' common part: files in memory, allocations that fail on demand, and what must hold after
 * each input. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "wavetrain/base.h"

/* --- allocations that fail: the linker sends the library's calls here (--wrap) --- */

static long allocations_left = -1; /* before the one that fails; negative: none does */

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    if (allocations_left == 0) return NULL;
    if (allocations_left > 0) allocations_left--;
    return __real_aligned_alloc(alignment, size);
}

/* Whoever tries again after a failure need not wait here. */
int __wrap_nanosleep(const struct timespec *time, struct timespec *left) {
    (void)time, (void)left;
    return 0;
}

/* --- one input --- */

void fuzz_fail(const char *what) {
    fprintf(stderr, "fuzz: %s: %s\n", what, wt_error_message());
    abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    wt_log_setup(WT_LOG_QUIET, false);
    return 0;
}

int fuzz_one(const uint8_t *data, size_t size, void (*read)(const uint8_t *, size_t)) {
    const size_t blocks = (size_t)wt_memory_blocks();
    uint32_t mixed = 2166136261u;
    for (size_t i = 0; i < size; i++) mixed = (mixed ^ data[i]) * 16777619u;
    allocations_left = -1;
    read(data, size);
    if ((size_t)wt_memory_blocks() != blocks) fuzz_fail("memory is left behind");
    if (mixed >> 16 & 3) return 0;
    allocations_left = (mixed >> 20) % 48;
    read(data, size);
    allocations_left = -1;
    if ((size_t)wt_memory_blocks() != blocks)
        fuzz_fail("memory is left behind after an allocation that failed");
    return 0;
}

/* --- files --- */

const char *fuzz_file(const uint8_t *data, size_t size) {
    static char path[64];
    static int file = -1;
    if (file < 0) file = memfd_create("fuzz", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size)
        fuzz_fail("no file in memory");
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return path;
}

static char folder[256];

static void remove_fuzz_folder(void) {
    wt_folder_remove(folder);
}

const char *fuzz_folder(void) {
    if (*folder) return folder;
    snprintf(folder, sizeof folder, "%s/wavetrain-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder)) fuzz_fail("no folder");
    atexit(remove_fuzz_folder);
    return folder;
}

const char *fuzz_path(const char *name) {
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", fuzz_folder(), name);
    return path;
}

uint8_t *fuzz_load(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    *size = 0;
    if (!file) return NULL;
    if (fseek(file, 0, SEEK_END) == 0) *size = (size_t)ftell(file);
    rewind(file);
    data = malloc(*size + 1);
    if (!data || fread(data, 1, *size, file) != *size) fuzz_fail("a file can't be read");
    fclose(file);
    return data;
}

void fuzz_save(const char *path, const uint8_t *data, size_t size) {
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        fuzz_fail("a file can't be written");
}
