/* What the tests of the configuration have in common. */
#ifndef WAVETRAIN_TESTS_CONFIG_EXPECT_H
#define WAVETRAIN_TESTS_CONFIG_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/sections.h"
#include "support.h"
#include "wavetrain/config.h"

/* Parses `text` as the file f.yaml, with at most one --set. */
static inline wt_status parse_one(wt_config *config, const char *text, const char *set) {
    return wt_config_parse(config, "f.yaml", text, strlen(text), &set, set ? 1 : 0);
}

static inline void expect_ok(wt_config *config, const char *text, const char *set) {
    wt_status status = parse_one(config, text, set);
    if (status != WT_OK) fail_msg("refused: %s", wt_error_message());
}

/* The text is refused with just this message, and the configuration is left as it was. */
static inline void expect_error(const char *text, const char *message) {
    static wt_config config, before;
    memset(&config, 0x5A, sizeof config);
    memcpy(&before, &config, sizeof before);
    assert_int_equal(parse_one(&config, text, NULL), WT_USAGE);
    assert_string_equal(wt_error_message(), message);
    assert_memory_equal(&config, &before, sizeof config);
}

/* So is the --set, over `text`. `message` begins after "--set SET: ". */
static inline void expect_set_error(const char *text, const char *set, const char *message) {
    static wt_config config;
    char whole[1024];
    snprintf(whole, sizeof whole, "--set %s: %s", set, message);
    assert_int_equal(parse_one(&config, text, set), WT_USAGE);
    assert_string_equal(wt_error_message(), whole);
}

static inline int no_memory_is_held(void **state) {
    (void)state;
    return test_end_group(true);
}

#endif
