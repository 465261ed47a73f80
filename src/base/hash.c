/* XXH3 with 128 bits. */
#include "wavetrain/base.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

wt_hash wt_hash_bytes(const void *data, size_t bytes, uint64_t key) {
    XXH128_hash_t hash = XXH3_128bits_withSeed(data, bytes, key);
    return (wt_hash){hash.low64, hash.high64};
}

wt_hash wt_hash_string(const char *text, uint64_t key) {
    return wt_hash_bytes(text, strlen(text), key);
}

wt_hash wt_hash_fold(wt_hash so_far, wt_hash part) {
    uint64_t both[4] = {so_far.low, so_far.high, part.low, part.high};
    return wt_hash_bytes(both, sizeof both, 0);
}

int wt_hash_equal(wt_hash a, wt_hash b) {
    return a.low == b.low && a.high == b.high;
}

void wt_hash_print(char out[WT_HASH_TEXT], wt_hash hash) {
    snprintf(out, WT_HASH_TEXT, "%016llx%016llx", (unsigned long long)hash.high,
             (unsigned long long)hash.low);
}
