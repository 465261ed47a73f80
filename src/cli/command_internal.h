/* What a subcommand is. main.c holds the table. */
#ifndef WAVETRAIN_COMMAND_INTERNAL_H
#define WAVETRAIN_COMMAND_INTERNAL_H

#include <popt.h>
#include <stdbool.h>
#include <stdio.h>

#include "wavetrain/checkpoint.h"
#include "wavetrain/comm.h"
#include "wavetrain/error.h"
#include "wavetrain/vocabulary.h"

typedef struct {
    const char *name;      /* "train", "prepare audio" */
    const char *arguments; /* "CONFIG.yaml [OPTION…]" for the usage line */
    const char *summary;   /* one line */
    bool parallel;         /* runs under mpirun: `comm` is there on every rank; else comm is NULL */
    bool stoppable;        /* a signal asks it to stop in good order, from before MPI starts */
    /* argv[0] is the command's name. Prints results to standard output; leaves the message of a failure to
     * main. */
    wt_status (*run)(wt_comm *comm, int argc, const char **argv);
    const struct poptOption *options; /* for --help */
} wt_command;

/*
 * Parses a command's options: fills the variables that the table points to, handles --help (prints, then
 * *done is true) and leaves the arguments in *arguments (NULL-terminated, *count of them), which live as long
 * as *context (poptFreeContext at the end). An unknown option, or a count outside least … most, is WT_USAGE
 * with a one-line message.
 */
wt_status wt_command_parse(poptContext *context, const wt_command *command, int argc, const char **argv,
                           int least, int most, const char ***arguments, int *count, bool *done);

/* A checkpoint file, or of a run the one that --checkpoint names: newest (NULL), best, or a step. */
wt_status wt_command_open_checkpoint(wt_checkpoint **out, const char *file_or_run, const char *which);

/* Words up to column 79, further lines indented; the first one begins where the cursor is, at `indent`. */
void wt_print_wrapped(FILE *out, const char *text, int indent);

/* The symbols of a text with a space before each, up to column 110, further lines indented; the first one begins at
 * `column`, where the cursor is. */
void wt_print_symbols(const wt_vocabulary *vocabulary, int column);

/* Prints the usage, the summary and every option, for 80 columns. */
void wt_command_help(const wt_command *command);

extern const wt_command wt_command_prepare_audio, wt_command_prepare_text, wt_command_prepare_table,
    wt_command_prepare_simulate;
extern const wt_command wt_command_train, wt_command_evaluate, wt_command_generate, wt_command_inspect;
extern const wt_command wt_command_plot, wt_command_sweep;
extern const wt_command wt_command_bench_kernels, wt_command_bench_step, wt_command_bench_exchange;
extern const wt_command wt_command_bench_calibrate;

#endif
