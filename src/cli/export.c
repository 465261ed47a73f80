/* wavetrain export: a network for another program; src/amplifier writes it. */
#include <math.h>
#include <string.h>

#include "amplifier/amplifier.h"
#include "base/file.h"
#include "export/nam.h"
#include "export_options.h"

typedef struct {
    char *format, *out, *checkpoint;
    int last_step;
    wt_nam_metadata labels;
} arguments_type;

static arguments_type given = {.labels = WT_NAM_NO_METADATA};

static const struct poptOption options[] = {
    {"format", '\0', POPT_ARG_STRING, &given.format, 0,
     "What it is written as: nam, Neural Amp Modeler's file", "nam"},
    {"out", '\0', POPT_ARG_STRING, &given.out, 0, "The file, whose name must be free", "FILE"},
    WT_CHECKPOINT_OPTION(given.checkpoint),
    WT_NO_EMA_OPTION(given.last_step),
    WT_EXPORT_LABELS(given.labels),
    POPT_TABLEEND,
};

static wt_status check_export_arguments(void) {
    WT_CHECK(given.out, WT_USAGE, "export: --out is missing (expected --out FILE.nam)");
    WT_CHECK(given.format && strcmp(given.format, "nam") == 0, WT_USAGE,
             "export: --format: no such format (got %s, expected nam)",
             given.format ? given.format : "nothing");
    WT_TRY(wt_path_require_ending(given.out, ".nam", "a model for players"));
    WT_TRY(wt_path_require_free(given.out, " (expected a name that is free)"));
    return wt_nam_metadata_check(&given.labels);
}

static wt_status export_nam(wt_comm *comm, const wt_command_line *line) {
    const wt_nam_job job = {given.out,     given.checkpoint, given.last_step,
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
    .work = export_nam,
};
