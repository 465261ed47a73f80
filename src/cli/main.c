/*
 * The program: finds the subcommand in one table, starts MPI for those that run on ranks, prints the one
 * error line and ends with the design's exit code, on rank 0 alone (launchers turn a failing code of another
 * rank into a kill).
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/output.h"
#include "comm/launcher.h"
#include "command_internal.h"
#include "train/agreement.h"
#include "wavetrain/kernels.h"

static const wt_command *const commands[] = {
    &wt_command_prepare_audio,  &wt_command_prepare_text,
    &wt_command_prepare_table,  &wt_command_prepare_simulate,
    &wt_command_train,          &wt_command_evaluate,
    &wt_command_generate,       &wt_command_inspect,
    &wt_command_sweep,          &wt_command_plot,
    &wt_command_bench_kernels,  &wt_command_bench_step,
    &wt_command_bench_exchange, &wt_command_bench_calibrate,
    &wt_command_bench_scaling,  &wt_command_bench_generate,
    &wt_command_predict,        &wt_command_export,
    &wt_command_apply,          &wt_command_capture,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

wt_status wt_commands_visit(wt_command_visitor visitor, void *context) {
    for (int i = 0; i < COMMANDS; i++) WT_TRY(wt_command_visit(commands[i], visitor, context));
    return WT_OK;
}

static void print_commands(FILE *out) {
    fprintf(out, "wavetrain " WT_VERSION ": trains WaveNets on CPU clusters\n\n"
                 "usage: wavetrain COMMAND …       (wavetrain COMMAND --help for its options)\n\n");
    for (int i = 0; i < COMMANDS; i++) {
        fprintf(out, "  %-17s ", commands[i]->name);
        wt_output_wrap(out, commands[i]->summary, 20);
    }
    fprintf(out, "\nA first run, from speech that the script installs: jobs/quickstart.sh\n");
}

/* The command whose one or two words argv[1] (and argv[2]) are; *words says how many. */
static const wt_command *find_command(int argc, char **argv, int *words) {
    for (int i = 0; i < COMMANDS; i++) {
        const char *name = commands[i]->name, *space = strchr(name, ' ');
        size_t first = space ? (size_t)(space - name) : strlen(name);
        if (strlen(argv[1]) != first || strncmp(argv[1], name, first) != 0) continue;
        if (!space) return *words = 1, commands[i];
        if (argc > 2 && strcmp(argv[2], space + 1) == 0) return *words = 2, commands[i];
    }
    return NULL;
}

/* "prepare audio, prepare text, …": the commands whose first word that is. */
static void list_kinds(char *text, size_t room, const char *first) {
    const size_t length = strlen(first);
    size_t used = 0;
    *text = '\0';
    for (int i = 0; i < COMMANDS && used < room; i++) {
        const char *name = commands[i]->name;
        if (strncmp(name, first, length) != 0 || name[length] != ' ') continue;
        used += (size_t)snprintf(text + used, room - used, "%s%s", used ? ", " : "", name);
    }
}

static wt_status refuse_command(int argc, char **argv) {
    const char *first = argv[1], *second = argc > 2 ? argv[2] : "";
    char kinds[256];
    list_kinds(kinds, sizeof kinds, first);
    WT_CHECK(!*kinds || *second, WT_USAGE, "%s: no such command without a kind (expected %s)", first, kinds);
    const char *meant = wt_suggest_command(commands, COMMANDS, first, second);
    WT_CHECK(meant || !*kinds, WT_USAGE, "%s %s: no such command (expected %s)", first, second, kinds);
    WT_CHECK(meant, WT_USAGE, "%s: no such command (wavetrain --help lists them)", first);
    return wt_error(WT_USAGE, "%s: no such command (did you mean %s? wavetrain --help lists all)", first,
                    meant);
}

static wt_status run_command(const wt_command *command, wt_comm *comm, int argc, char **argv, int words) {
    wt_status status;
    const char **arguments;
    WT_TRY(wt_alloc(&arguments, (size_t)(argc + 1), sizeof *arguments, "the arguments"));
    int count = 0;
    arguments[count++] = command->name;
    for (int i = words + 1; i < argc; i++) arguments[count++] = argv[i];
    status = wt_command_run(command, comm, count, arguments);
    wt_free(arguments);
    return status;
}

static wt_status find_and_run(wt_comm **comm, int argc, char **argv) {
    int words;
    const wt_command *command = find_command(argc, argv, &words);
    if (!command || command->parallel) wt_log_setup(WT_LOG_NORMAL, wt_launch_read().first);
    if (!command) return refuse_command(argc, argv);
    if (command->stoppable) wt_comm_catch_signals();
    if (command->parallel) {
        WT_TRY(wt_comm_start(comm, &argc, &argv));
        wt_log_setup(WT_LOG_NORMAL, wt_comm_rank(*comm) == 0);
        WT_TRY(wt_agree_on_command(*comm, argc, argv));
    }
    wt_status status = run_command(command, *comm, argc, argv, words);
    return *comm ? wt_comm_agree(*comm, status) : status;
}

/* Output to a pipe that nobody reads is dropped. */
static bool is_unread(void) {
    struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&output, 1, 0) > 0 && (output.revents & POLLERR) != 0;
}

/* Whatever was printed has arrived. */
static wt_status finish_output(wt_status status) {
    if (wt_output_finish() || status != WT_OK || is_unread()) return status;
    wt_log_error("standard output: can't write");
    return WT_FAILED;
}

/* "help train" is "train --help". */
static void turn_help(int argc, char **argv) {
    if (argc < 3 || strcmp(argv[1], "help") != 0) return;
    for (int i = 1; i < argc - 1; i++) argv[i] = argv[i + 1];
    argv[argc - 1] = "--help";
}

static bool is_one_of(const char *word, const char *first, const char *second, const char *third) {
    return strcmp(word, first) == 0 || strcmp(word, second) == 0 || strcmp(word, third) == 0;
}

/* What needs no command. False where argv asks for nothing of it. */
static bool print_about(int argc, char **argv, wt_status *status) {
    const char *what = argc < 2 ? "" : argv[1];
    *status = argc < 2 ? WT_USAGE : WT_OK;
    if (argc < 2 || is_one_of(what, "--help", "-h", "help")) {
        print_commands(argc < 2 ? stderr : stdout);
    } else if (is_one_of(what, "--version", "-V", "version")) {
        printf("wavetrain " WT_VERSION "\n");
    } else if (strcmp(what, "--manual") ==
               0) { /* the build makes the manual and the shells' completions with these */
        *status = wt_manual_print(stdout, argc > 2 ? argv[2] : "", argc > 3 ? argv[3] : "");
    } else if (strcmp(what, "--completion") == 0) {
        *status = wt_completion_print(stdout, argc > 2 ? argv[2] : "");
    } else {
        return false;
    }
    return true;
}

/* Under the address sanitizer a block that was not freed is a failure, also where its leak checker does not
 * look. Of several ranks those that learn of another one's failure end with what they have. */
static wt_status check_leaked_blocks(wt_status status, int ranks) {
#ifdef __SANITIZE_ADDRESS__
    const long long blocks = wt_memory_blocks();
    if (blocks != 0 && ranks == 1) {
        fprintf(stderr, "wavetrain: %lld blocks of memory were not freed\n", blocks);
        return WT_FAILED;
    }
#endif
    (void)ranks;
    return status;
}

int main(int argc, char **argv) {
    wt_kernels_setup_thread();
    wt_output_begin();
    wt_comm *comm = NULL;
    wt_status status;
    turn_help(argc, argv);
    if (print_about(argc, argv, &status)) {
        if (status != WT_OK && argc > 1) wt_log_error(wt_error_message());
        return finish_output(status);
    }
    status = find_and_run(&comm, argc, argv);
    bool root = wt_log_is_verbose();
    if (status != WT_OK && status != WT_CONTINUE) wt_log_error(wt_error_message());
    const int ranks = comm ? wt_comm_size(comm) : 1;
    wt_comm_finish(comm);
    status = check_leaked_blocks(status, ranks);
    return root ? finish_output(status) : WT_OK;
}
