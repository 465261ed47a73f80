/* What a subcommand is. main.c holds the table. */
#ifndef WAVETRAIN_COMMAND_INTERNAL_H
#define WAVETRAIN_COMMAND_INTERNAL_H

#include <popt.h>
#include <stdbool.h>
#include <stdio.h>

#include "predict/calibration.h"
#include "wavetrain/checkpoint.h"
#include "wavetrain/comm.h"
#include "wavetrain/data.h"
#include "wavetrain/kernels.h"

/* What is left of a command line when its options are parsed. */
typedef struct {
    poptContext context;    /* wt_command_end at the end */
    const char **arguments; /* NULL-terminated; they live as long as the context */
    int count;
    bool done; /* --help was given and printed: there is nothing more to do */
} wt_command_line;

typedef struct {
    const char *name;      /* "train", "prepare audio" */
    const char *arguments; /* "CONFIG.yaml [OPTION…]" for the usage line */
    const char *summary;   /* one line */
    bool parallel;         /* runs under mpirun: `comm` is there on every rank; else comm is NULL */
    bool stoppable;        /* a signal asks it to stop in good order, from before MPI starts */
    const struct poptOption *options; /* those that are set keep their values after the work, but for texts */
    int min, max;                     /* arguments */
    /* The work that a line asks for. Prints results to standard output; leaves the message of a failure to
     * main. */
    wt_status (*work)(wt_comm *comm, const wt_command_line *line);
    /* In place of work, for a command that parses by itself; argv[0] is its name. */
    wt_status (*run)(wt_comm *comm, int argc, const char **argv);
} wt_command;

/* Parses a command's line, and does its work. */
wt_status wt_command_run(const wt_command *command, wt_comm *comm, int argc, const char **argv);

/* Parses a command's options: fills the variables that the table points to, and *line. An unknown option, or
 * a count of arguments outside min … max, is WT_USAGE with a one-line message. */
wt_status wt_command_parse(wt_command_line *line, const wt_command *command, int argc, const char **argv,
                           int min, int max);
/* After the command: frees the line, and the texts and lists that options were given. */
void wt_command_end(wt_command_line *line, const wt_command *command);

/* What may have been meant by a command that there is not; NULL: nothing is near. `second`: the word behind,
 * or "". */
const char *wt_suggest_command(const wt_command *const *commands, int count, const char *first,
                               const char *second);
/* By an option, "--lr=3", that the command lacks. False: nothing is near. */
bool wt_suggest_option(char *out, size_t room, const wt_command *command, const char *option);

/* Called with a command and its options; `kind` is the first argument that chooses between tables, ""
 * without. */
typedef void (*wt_command_visitor)(void *context, const wt_command *command, const char *kind);

/* Some commands have their table where their values stand, so a visitor gets each where it is parsed: the
 * command is run up to there, and no further. */
wt_status wt_command_visit(const wt_command *command, wt_command_visitor visitor, void *context);
/* Of all commands, in the order of main's table. */
wt_status wt_commands_visit(wt_command_visitor visitor, void *context);

/* The manual pages, as roff: of the program, and of the configuration (`page` is "config"). */
wt_status wt_manual_print(FILE *out, const char *page, const char *date);
/* Completion of commands, options and keys for a shell: bash, zsh or fish. */
wt_status wt_completion_print(FILE *out, const char *shell);

/* The alternatives of "auto|never|FILE", one after the other: *at begins at the text's start, NULL is after
 * the last. */
const char *wt_command_next_alternative(const char **at, int *length);
/* Whether it is a word to be given as it is (auto), not the name of something (FILE). */
bool wt_command_alternative_is_word(const char *alternative, int length);

/* Refuses more threads than processors (places.h); `chosen`: the number of threads is given by an option.
 * Collective. */
wt_status wt_command_settle(wt_comm *comm, bool chosen);

/* --weights: fp32 (NULL) or bf16. */
wt_status wt_command_parse_weights(wt_weights *weights, const char *text);

/* Numbers that options are given; fails at the first one that is out of range. */
typedef struct {
    const char *option;
    int value, min, max;
} wt_command_number;
wt_status wt_command_check_numbers(const wt_command_number *numbers, int count);

/* --latency (microseconds) and --bandwidth (Gbit/s) of a link; both 0 where they are not given. */
wt_status wt_command_parse_link(wt_link *link, double latency, double bandwidth);

/* What follows a number of things: "s", or "" for one. */
const char *wt_command_plural(int count);

/* Prints the usage, the summary and every option, for 80 columns. */
void wt_command_help(const wt_command *command);

extern const wt_command wt_command_prepare_audio, wt_command_prepare_text, wt_command_prepare_table,
    wt_command_prepare_simulate;
extern const wt_command wt_command_train, wt_command_evaluate, wt_command_generate, wt_command_inspect;
extern const wt_command wt_command_predict;
extern const wt_command wt_command_plot, wt_command_sweep, wt_command_export, wt_command_apply,
    wt_command_capture;
extern const wt_command wt_command_bench_kernels, wt_command_bench_step, wt_command_bench_exchange;
extern const wt_command wt_command_bench_calibrate, wt_command_bench_scaling, wt_command_bench_generate;

/* Rows of an option table that several commands have alike. */
#define WT_CHECKPOINT_OPTION(place)                                                        \
    {                                                                                      \
        "checkpoint", '\0', POPT_ARG_STRING, &(place), 0,                                  \
            "Checkpoint of a run: newest (default), best (by validation loss), or a step", \
            "newest|best|STEP"                                                             \
    }
#define WT_NO_EMA_OPTION(place)                                                                            \
    {                                                                                                      \
        "no-ema", '\0', POPT_ARG_NONE, &(place), 0,                                                        \
            "If the run has ema.decay: use the parameters of the last step instead of their average", NULL \
    }

#endif
