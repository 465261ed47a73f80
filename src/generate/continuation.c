/* A series that goes on: samples fed to a stream and drawn from its outputs, with what the network sees of them. */
#include "wavetrain/generate.h"

#include "wavetrain/data.h"
#include "wavetrain/memory.h"

static int channels_of(const wt_continuation *series) {
    const int values = wt_engine_values(series->graph);
    return values ? values : 1;
}

wt_status wt_continuation_init(wt_continuation *series) {
    const size_t channels = (size_t)channels_of(series);
    WT_TRY(wt_alloc(&series->last, channels, sizeof *series->last, "a series"));
    return wt_alloc(&series->seen, channels, sizeof *series->seen, "a series");
}

void wt_continuation_dispose(wt_continuation *series) {
    wt_free(series->last);
    wt_free(series->seen);
    series->last = NULL;
    series->seen = NULL;
}

void wt_continuation_feed(wt_continuation *series, wt_stream *stream, const float *x) {
    const int channels = channels_of(series);
    int32_t class = 0;
    if (series->classes || !wt_engine_values(series->graph))
        class = wt_quantize(series->quantization, (double)x[0]);
    for (int c = 0; c < channels; c++) {
        const double value = wt_engine_values(series->graph) ? wt_engine_round(series->graph, (double)x[c])
                                                             : wt_dequantize(series->quantization, class);
        series->seen[c] = (wt_real)(value - series->preemphasis * (double)series->last[c]);
        series->last[c] = (float)value;
    }
    wt_stream_feed(stream, class, series->seen);
}

wt_status wt_continuation_draw(wt_continuation *series, const wt_real *outputs, const wt_choice *choice,
                               int64_t index, float *x) {
    const int channels = channels_of(series);
    const wt_draw_key key = {choice->temperature, choice->seed, choice->stream, index};
    if (!wt_engine_values(series->graph)) {
        int32_t class;
        WT_TRY(wt_choose(choice, outputs, series->quantization.levels, index, &class));
        x[0] = (float)wt_dequantize(series->quantization, class);
        return WT_OK;
    }
    WT_TRY(wt_engine_draw(series->graph, &key, outputs, series->seen));
    for (int c = 0; c < channels; c++) {
        const double value = (double)series->seen[c] + series->preemphasis * (double)series->last[c];
        x[c] = (float)wt_engine_round(series->graph, value);
    }
    return WT_OK;
}
