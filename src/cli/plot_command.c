/* wavetrain plot: the curves of runs, or the waveforms and spectrograms of sounds, over each other. */
#include <stdio.h>

#include "command_internal.h"
#include "wavetrain/plot.h"

static char *plot_out; /* where popt's constant table points */
static int plot_sound;

static const struct poptOption plot_options[] = {
    {"out", 'o', POPT_ARG_STRING, &plot_out, 0, "The picture; an existing file is replaced", "FILE.png"},
    {"sound", '\0', POPT_ARG_NONE, &plot_sound, 0, "Draw sound files: waveforms and spectrograms", NULL},
    POPT_TABLEEND,
};

static wt_status plot_runs(wt_comm *comm, const wt_command_line *line) {
    (void)comm;
    WT_CHECK(plot_out, WT_USAGE, "--out: missing (usage: wavetrain plot RUN... --out FILE.png)");
    WT_TRY(plot_sound ? wt_plot_sounds(line->arguments, line->count, plot_out)
                      : wt_plot_runs(line->arguments, NULL, NULL, (size_t)line->count, plot_out));
    if (wt_log_is_verbose()) printf("%s\n", plot_out);
    return WT_OK;
}

const wt_command wt_command_plot = {
    .name = "plot",
    .arguments = "RUN...|--sound FILE... --out FILE.png",
    .summary = "Draw loss, learning rate and throughput of runs, or what sounds are like, into a PNG",
    .options = plot_options,
    .min = 1,
    .max = WT_PLOT_RUNS_MAX,
    .work = plot_runs,
};
