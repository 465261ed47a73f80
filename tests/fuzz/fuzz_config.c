/* Configurations: the text of a file, and behind a zero byte of --set options, one after another. */
#include <stdlib.h>
#include <string.h>

#include "config/sections.h"
#include "fuzz.h"
#include "wavetrain/config.h"

static void feed_config(const uint8_t *data, size_t size) {
    enum { SETS = 4 };
    static wt_config config, again;
    char *copy = malloc(size + 1), *text; /* not rounded up, so that a read past its end is seen */
    const char *sets[SETS];
    size_t count = 0;
    memcpy(copy, data, size);
    copy[size] = '\0';
    const char *end = memchr(copy, '\0', size + 1);
    const size_t bytes = (size_t)(end - copy);
    for (const char *at = end + 1; at <= copy + size && count < SETS; at += strlen(at) + 1)
        sets[count++] = at;
    /* what was read is written and read again as it was */
    if (wt_config_parse(&config, "fuzz.yaml", copy, bytes, sets, count) == WT_OK &&
        wt_config_text(&text, &config) == WT_OK) {
        const wt_status status = wt_config_parse(&again, "again.yaml", text, strlen(text), NULL, 0);
        if (status == WT_USAGE) fuzz_fail("a resolved configuration can't be read");
        if (status == WT_OK && memcmp(&config, &again, sizeof config) != 0)
            fuzz_fail("a resolved configuration is another one");
        wt_free(text);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_one(data, size, feed_config);
}
