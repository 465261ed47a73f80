/* wavetrain plot: the curves of one run, or of several over each other, in one picture. */
#include <stdio.h>
#include <stdlib.h>

#include "command_internal.h"
#include "wavetrain/plot.h"

static char *wt_plot_out; /* where popt's constant table points */

static const struct poptOption wt_plot_options[] = {
    {"out", 'o', POPT_ARG_STRING, &wt_plot_out, 0, "The picture to make; an existing file is replaced",
     "FILE.png"},
    POPT_TABLEEND,
};

static wt_status plot_main(wt_comm *comm, int argc, const char **argv) {
    (void)comm;
    wt_command_line line = {0};
    wt_status status;
    WT_GUARD(wt_command_parse(&line, &wt_command_plot, argc, argv, 1, WT_PLOT_RUNS_MAX));
    if (line.done) goto cleanup;
    WT_GUARD_CHECK(wt_plot_out != NULL, WT_USAGE,
                   "--out: missing (usage: wavetrain plot RUN... --out FILE.png)");
    WT_GUARD(wt_plot_runs(line.arguments, NULL, NULL, (size_t)line.count, wt_plot_out));
    if (wt_log_is_verbose()) printf("%s\n", wt_plot_out);
cleanup:
    free(wt_plot_out);
    wt_plot_out = NULL;
    poptFreeContext(line.context);
    return status;
}

const wt_command wt_command_plot = {
    .name = "plot",
    .arguments = "RUN... --out FILE.png",
    .summary = "Draw loss, learning rate and throughput of one or several runs into a PNG",
    .run = plot_main,
    .options = wt_plot_options,
};
