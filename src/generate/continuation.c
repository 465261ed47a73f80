/* How a series goes on: samples drawn from a stream's outputs, and what the network sees of them. */
#include "wavetrain/data.h"
#include "wavetrain/generate.h"

wt_status wt_continuation_init(wt_continuation *how) {
    const int values = wt_engine_values(how->graph), levels = how->quantization.levels;
    const int numbers = values > levels ? values : levels;
    how->draws_values = values > 0;
    how->channels = values ? values : 1;
    how->levels = NULL;
    how->scratch = NULL;
    WT_TRY(wt_alloc(&how->levels, (size_t)levels, sizeof *how->levels, "levels"));
    for (int i = 0; i < levels; i++) how->levels[i] = (float)wt_dequantize(how->quantization, i);
    return wt_alloc(&how->scratch, (size_t)numbers, sizeof *how->scratch, "draws");
}

void wt_continuation_dispose(wt_continuation *how) {
    wt_free(how->levels);
    wt_free(how->scratch);
    how->levels = NULL;
    how->scratch = NULL;
}

/* Value c of the next sample; its last one goes into what is seen of it. */
static void set(const wt_continuation *how, wt_sample *sample, int c, float value) {
    sample->seen[c] = (wt_real)((double)value - how->preemphasis * (double)sample->x[c]);
    sample->x[c] = value;
}

static void set_class(const wt_continuation *how, wt_sample *sample, int32_t class) {
    sample->symbol = class;
    set(how, sample, 0, how->levels[class]);
}

static void set_value(const wt_continuation *how, wt_sample *sample, int c, double value) {
    set(how, sample, c, (float)wt_engine_round(how->graph, value));
    if (how->classes) sample->symbol = wt_quantize(how->quantization, (double)sample->x[c]);
}

wt_status wt_continuation_draw(const wt_continuation *how, const wt_real *outputs, const wt_draw_key *key,
                               wt_sample *sample) {
    if (!how->draws_values) {
        const wt_choice choice = {key->temperature, how->top_k,   key->seed,
                                  key->stream,      how->kernels, how->scratch};
        int32_t class;
        WT_TRY(wt_choose(&choice, outputs, how->quantization.levels, key->index, &class));
        set_class(how, sample, class);
        return WT_OK;
    }
    WT_TRY(wt_engine_draw(how->graph, key, outputs, how->scratch));
    for (int c = 0; c < how->channels; c++)
        set_value(how, sample, c, (double)how->scratch[c] + how->preemphasis * (double)sample->x[c]);
    return WT_OK;
}

void wt_continuation_take(const wt_continuation *how, const float *given, wt_sample *sample) {
    if (!how->draws_values) {
        set_class(how, sample, wt_quantize(how->quantization, (double)given[0]));
        return;
    }
    for (int c = 0; c < how->channels; c++) set_value(how, sample, c, (double)given[c]);
}
