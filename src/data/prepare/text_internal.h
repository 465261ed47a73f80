/* What the files about text share. */
#ifndef WAVETRAIN_TEXT_INTERNAL_H
#define WAVETRAIN_TEXT_INTERNAL_H

#include "data/prepare/prepare.h"

/* The next character that is kept, as it is kept; false at the end. */
bool wt_text_next(const wt_text *text, const char **at, const char *end, uint32_t *code);

/* Items into entries: which goes into which split. Running text is cut into parts, which then are the
 * items. */
wt_status wt_text_split(wt_text *text);

#endif
