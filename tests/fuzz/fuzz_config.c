/* Configurations: the text of a file, and behind a zero byte of --set options, one after another. */
#include <string.h>

#include "fuzz.h"
#include "wavetrain/config.h"
#include "wavetrain/memory.h"

static void read_config(const uint8_t *data, size_t size) {
    enum { SETS = 4 };
    static wt_config config, again;
    char *copy, *text;
    const char *sets[SETS];
    size_t count = 0;
    if (wt_alloc(&copy, size + 1, 1, "input") != WT_OK) return;
    memcpy(copy, data, size);
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
    wt_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_one(data, size, read_config);
}
