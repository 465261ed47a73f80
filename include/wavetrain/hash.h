/* 128-bit hashes of bytes (XXH3): digests of data sets, checkpoints, parameters. */
#ifndef WAVETRAIN_HASH_H
#define WAVETRAIN_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t low, high;
} wt_hash;

enum { WT_HASH_TEXT = 33 }; /* 32 hexadecimal digits and the terminator */

wt_hash wt_hash_bytes(const void *data, size_t bytes, uint64_t key);
wt_hash wt_hash_string(const char *text, uint64_t key);

/* The hash of a sequence: start with {0, 0}, fold the parts in order. */
wt_hash wt_hash_fold(wt_hash so_far, wt_hash part);

int wt_hash_equal(wt_hash a, wt_hash b);
void wt_hash_print(char out[WT_HASH_TEXT], wt_hash hash);

#endif
