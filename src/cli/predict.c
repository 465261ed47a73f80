/* wavetrain predict: what a network of labels says of recordings; src/annotate does it. */
#include "annotate/annotate.h"
#include "command_internal.h"

typedef struct {
    char *out, *format, *checkpoint;
    double threshold, shortest;
    int last_step;
} predict_arguments;

static predict_arguments given = {.shortest = 0.02};

static const struct poptOption options[] = {
    {"out", 'o', POPT_ARG_STRING, &given.out, 0,
     "The file to write, whose name must be free; with --format audacity and several recordings a folder",
     "FILE|FOLDER"},
    {"format", '\0', POPT_ARG_STRING, &given.format, 0,
     "csv (default): file, start, end, class, probability; audacity: label tracks; raven: a selection table. "
     "prepare audio --annotations reads all of them",
     "csv|audacity|raven"},
    {"threshold", '\0', POPT_ARG_DOUBLE, &given.threshold, 0,
     "Samples whose likeliest class has less than this probability are no event (default 0)", "P"},
    {"min-duration", '\0', POPT_ARG_DOUBLE, &given.shortest, 0,
     "Shorter events are left out, and shorter gaps do not part events (default 0.02)", "SECONDS"},
    WT_CHECKPOINT_OPTION(given.checkpoint),
    WT_NO_EMA_OPTION(given.last_step),
    POPT_TABLEEND,
};

static wt_status predict_line(wt_comm *comm, const wt_command_line *line) {
    wt_checkpoint *checkpoint = NULL;
    wt_annotate_job job = {.inputs = line->arguments + 1,
                           .count = (size_t)line->count - 1,
                           .out = given.out,
                           .threshold = given.threshold,
                           .shortest = given.shortest,
                           .raw = given.last_step};
    (void)comm;
    WT_CHECK(given.out, WT_USAGE, "predict: --out is missing (expected --out FILE)");
    WT_TRY(wt_annotation_writer_parse(&job.format, given.format));
    WT_TRY(wt_checkpoint_choose(&checkpoint, line->arguments[0], given.checkpoint));
    const wt_status status = wt_annotate(checkpoint, &job);
    wt_checkpoint_close(checkpoint);
    return status;
}

const wt_command wt_command_predict = {
    .name = "predict",
    .arguments = "CHECKPOINT|RUN RECORDING… --out FILE [OPTION…]",
    .summary = "Label recordings of any length: their classes, or events in them",
    .options = options,
    .min = 2,
    .max = 1 << 20,
    .work = predict_line,
};
