/* wavetrain apply: sound through a network; src/amplifier does it. */
#include <string.h>

#include "amplifier/amplifier.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/timer.h"
#include "command_internal.h"
#include "wavetrain/base.h"

typedef struct {
    char **in, **out, *checkpoint;
    int last_step, block;
} apply_arguments;

static apply_arguments given = {.block = 65536};

static const struct poptOption options[] = {
    {"in", '\0', POPT_ARG_ARGV, &given.in, 0,
     "The sound to take, - for standard input; may be given several times, each with an --out", "SOUND"},
    {"out", '\0', POPT_ARG_ARGV, &given.out, 0,
     "The WAV file to write (32-bit floats), whose name must be free; - for standard output", "FILE.wav"},
    WT_CHECKPOINT_OPTION(given.checkpoint),
    WT_NO_EMA_OPTION(given.last_step),
    {"block", '\0', POPT_ARG_INT, &given.block, 0,
     "Samples that are computed at a time (default 65536); more are faster, fewer come sooner; never changes "
     "a bit",
     "N"},
    POPT_TABLEEND,
};

enum { BLOCK_MAX = 1 << 24 };

static int files_of(char *const *list) {
    int count = 0;
    while (list && list[count]) count++;
    return count;
}

static wt_status check_apply_arguments(void) {
    const int in = files_of(given.in), out = files_of(given.out);
    WT_CHECK(in > 0, WT_USAGE, "apply: --in is missing (expected --in SOUND --out FILE.wav)");
    WT_CHECK(in == out, WT_USAGE, "apply: --in and --out don't fit (got %d and %d, expected as many)", in,
             out);
    WT_CHECK(given.block >= 1 && given.block <= BLOCK_MAX, WT_USAGE,
             "--block is out of range (got %d, expected 1 … %d)", given.block, BLOCK_MAX);
    for (int i = 0; i < out; i++) {
        if (strcmp(given.out[i], "-") == 0) continue;
        WT_TRY(wt_path_require_ending(given.out[i], ".wav", "a WAV file"));
        WT_TRY(wt_path_require_free(given.out[i], " (expected a name that is free)"));
    }
    return WT_OK;
}

static wt_status apply_file(const wt_effect *effect, const char *in, const char *out) {
    wt_effect_run run;
    WT_TRY(wt_effect_apply(effect, in, out, given.block, &run));
    const double length = (double)run.frames / run.rate;
    wt_log_info("%s: %.2f s in %.2f s, %.1f × real time", strcmp(out, "-") == 0 ? "standard output" : out,
                length, run.seconds, length / run.seconds);
    return WT_OK;
}

static wt_status apply_line(wt_comm *comm, const wt_command_line *line) {
    wt_checkpoint *checkpoint = NULL;
    wt_effect *effect = NULL;
    wt_status status = WT_OK;
    (void)comm;
    WT_GUARD(check_apply_arguments());
    WT_GUARD(wt_checkpoint_choose(&checkpoint, line->arguments[0], given.checkpoint));
    WT_GUARD(wt_effect_open(&effect, checkpoint, given.last_step));
    for (int i = 0; i < files_of(given.in); i++) WT_GUARD(apply_file(effect, given.in[i], given.out[i]));
cleanup:
    wt_effect_close(effect);
    wt_checkpoint_close(checkpoint);
    return status;
}

const wt_command wt_command_apply = {
    .name = "apply",
    .arguments = "CHECKPOINT|RUN|FILE.nam --in SOUND --out FILE.wav [OPTION…]",
    .summary = "Send sound through a network that makes one signal from another",
    .options = options,
    .min = 1,
    .max = 1,
    .work = apply_line,
};
