/* Sequences of classes, one drawn after the other, until one says that it is over. Knows streams alone, and
 * no architecture. */
#include "wavetrain/generate.h"

wt_status wt_sequence_draw(wt_stream *stream, const wt_sequence *sequence, const wt_choice *choice,
                           int classes, int32_t *drawn, int64_t *count, bool *stopped) {
    *count = 0;
    *stopped = false;
    for (int64_t i = 0; i < sequence->prompt_count; i++) wt_stream_feed(stream, sequence->prompt[i], NULL);
    while (*count < sequence->most) {
        int32_t class;
        WT_TRY(wt_choose(choice, wt_stream_outputs(stream), classes, *count, &class));
        *stopped = class == sequence->stop;
        if (*stopped) return WT_OK;
        drawn[(*count)++] = class;
        if (*count < sequence->most) wt_stream_feed(stream, class, NULL);
    }
    return WT_OK;
}
