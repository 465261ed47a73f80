/* wavetrain export: a network for another program; src/amplifier writes it. */
#include <stdlib.h>
#include <string.h>

#include "amplifier/amplifier.h"
#include "base/file.h"
#include "base/utf8.h"
#include "export/nam.h"
#include "export_options.h"

typedef struct {
    char *format, *out, *checkpoint;
    int raw;
    wt_nam_metadata labels;
} arguments_type;

static arguments_type given = {.labels = WT_EXPORT_NO_LABELS};

static const struct poptOption options[] = {
    {"format", '\0', POPT_ARG_STRING, &given.format, 0,
     "What it is written as: nam, Neural Amp Modeler's file", "nam"},
    {"out", '\0', POPT_ARG_STRING, &given.out, 0, "The file, whose name must be free", "FILE"},
    {"checkpoint", '\0', POPT_ARG_STRING, &given.checkpoint, 0,
     "Which one of a run: newest (default), best (by validation loss), or a step", "newest|best|STEP"},
    {"raw", '\0', POPT_ARG_NONE, &given.raw, 0,
     "Of a run with ema.decay, the parameters of the last step instead of their mean", NULL},
    WT_EXPORT_LABELS(given.labels),
    POPT_TABLEEND,
};

static wt_status check_word(const char *option, const char *word, const char *const *words) {
    if (!word) return WT_OK;
    for (int i = 0; words[i]; i++) {
        if (strcmp(word, words[i]) == 0) return WT_OK;
    }
    return wt_error(WT_USAGE, "--%s: no such word (got %s; --help lists them)", option, word);
}

static wt_status check_exported_text(const char *option, const char *text) {
    uint32_t code;
    for (size_t at = 0, bytes = text ? strlen(text) : 0; at < bytes;) {
        const int length = wt_utf8_decode(&code, text + at, bytes - at);
        WT_CHECK(length > 0, WT_USAGE, "--%s: is not UTF-8", option);
        at += (size_t)length;
    }
    return WT_OK;
}

wt_status wt_export_labels_check(const wt_nam_metadata *labels) {
    WT_TRY(check_exported_text("name", labels->name));
    WT_TRY(check_exported_text("modeled-by", labels->modeled_by));
    WT_TRY(check_exported_text("gear-make", labels->gear_make));
    WT_TRY(check_exported_text("gear-model", labels->gear_model));
    WT_TRY(check_word("gear-type", labels->gear_type, wt_nam_gear_types));
    return check_word("tone-type", labels->tone_type, wt_nam_tone_types);
}

static wt_status check_export_arguments(void) {
    WT_CHECK(given.out, WT_USAGE, "export: --out is missing (expected --out FILE.nam)");
    WT_CHECK(given.format && strcmp(given.format, "nam") == 0, WT_USAGE,
             "export: --format: no such format (got %s, expected nam)",
             given.format ? given.format : "nothing");
    WT_TRY(wt_path_require_ending(given.out, ".nam", "a model for players"));
    WT_TRY(wt_path_require_free(given.out, " (expected a name that is free)"));
    return wt_export_labels_check(&given.labels);
}

static wt_status export_line(wt_comm *comm, const wt_command_line *line) {
    const wt_nam_job job = {given.out,     given.checkpoint, given.raw,
                            &given.labels, line->arguments,  line->count};
    (void)comm;
    WT_TRY(check_export_arguments());
    return wt_nam_export(&job);
}

const wt_command wt_command_export = {
    .name = "export",
    .arguments = "CHECKPOINT|RUN|FILE.nam [SMALLER] --format nam --out FILE.nam [OPTION…]",
    .summary = "Write an amplifier's network for players, or two sizes of it in one file",
    .options = options,
    .min = 1,
    .max = WT_NAM_SIZES,
    .work = export_line,
};
