/* Texts: the first byte chooses options, the rest is the file. Items, splits and every utterance. */
#include <stdlib.h>

#include "data/prepare/prepare.h"
#include "fuzz.h"

static void feed_text(const uint8_t *data, size_t size) {
    const uint8_t how = size > 0 ? data[0] : 0;
    wt_text_options options = {.split = wt_split_shares(0.2, 0.2, 0), .shard_bytes = 1 << 20};
    options.lines = how & 1;
    options.by_example = (how & 3) == 3;
    options.lower = how & 4;
    if (how & 8) wt_characters_parse(&options.keep, "--keep", "a-z \\n\\u00e9");
    const size_t count = size > 0 ? size - 1 : 0;
    char *bytes = malloc(count); /* of its own and not rounded up, so that a read past its end is seen */
    for (size_t i = 0; i < count; i++) bytes[i] = (char)data[i + 1];
    const wt_text_file file = {.path = "fuzz.txt", .bytes = bytes, .size = count};
    wt_text text;
    if (wt_text_read(&text, &file, 1, &options) == WT_OK) {
        for (size_t i = 0; i < text.entry_count; i++) {
            wt_utterance utterance = {.samples = NULL};
            wt_text_load(&text, i, &utterance);
            wt_free(utterance.samples);
            wt_free(utterance.mask);
        }
    }
    wt_text_dispose(&text);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_one(data, size, feed_text);
}
