/*
 * What programs that are no tests do where a call of the library fails: they print the message and end.
 */
#ifndef WAVETRAIN_TESTS_EXIT_ON_FAILURE_H
#define WAVETRAIN_TESTS_EXIT_ON_FAILURE_H

#include <stdio.h>
#include <stdlib.h>

#include "wavetrain/base.h"

static inline void exit_on_failure(wt_status status) {
    if (status == WT_OK) return;
    fprintf(stderr, "%s\n", wt_error_message());
    exit(1);
}

#endif
