/* wavetrain capture: from a recording of what was played and what the gear made of it to a file for players;
 * src/amplifier makes it. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "amplifier/amplifier.h"
#include "comm/facts.h"
#include "export_options.h"
#include "prepare_command.h"
#include "wavetrain/base.h"

typedef struct {
    char *out, *preset, *align;
    double minutes, until_esr;
    int more_epochs, index, report, list;
    wt_nam_metadata labels;
} capture_arguments;

static capture_arguments given = {.minutes = 10, .labels = WT_NAM_NO_METADATA};

static const struct poptOption options[] = {
    {"out", 'o', POPT_ARG_STRING, &given.out, 0,
     "The file to write, or a folder for one file per recording; the run that it resumes is NAME.capture in "
     "the same folder",
     "FILE.nam|FOLDER"},
    {"preset", '\0', POPT_ARG_STRING, &given.preset, 0,
     "The network (default: that which the capture has begun with, or a1-standard); a2 trains both of its "
     "sizes into one file",
     "a1-standard|a1-lite|a1-feather|a1-nano|a2|a2-full|a2-lite"},
    {"minutes", '\0', POPT_ARG_DOUBLE, &given.minutes, 0,
     "How long to train, on this machine as it is now (default 10)", "M"},
    {"until-esr", '\0', POPT_ARG_DOUBLE, &given.until_esr, 0,
     "End before that when the error-to-signal ratio of the validation is no more than this", "RATIO"},
    {"more-epochs", '\0', POPT_ARG_INT, &given.more_epochs, 0, "Go on with a finished capture for so many",
     "N"},
    {"align", '\0', POPT_ARG_STRING, &given.align, 0,
     "By how many samples the recording lags (default auto: it is found)", "auto|N"},
    {"index", '\0', POPT_ARG_INT, &given.index, 0,
     "Only this recording of the folder, from 1, in the order of --list: for arrays of jobs", "I"},
    {"list", '\0', POPT_ARG_NONE, &given.list, 0,
     "Train nothing: print the folder that each recording's capture goes on from, a line each", NULL},
    {"report", '\0', POPT_ARG_NONE, &given.report, 0, "Train nothing: print what each capture is at", NULL},
    WT_EXPORT_LABELS(given.labels),
    POPT_TABLEEND,
};

/* --- arguments --- */

static wt_status check_arguments(void) {
    WT_CHECK(given.out, WT_USAGE, "capture: --out is missing (expected --out FILE.nam, or a folder)");
    if (!given.align) given.align = strdup("auto");
    WT_CHECK(given.align, WT_FAILED, "out of memory");
    WT_CHECK(!given.preset || wt_capture_knows(given.preset), WT_USAGE,
             "--preset: no such preset (got %s; --help lists them)", given.preset);
    WT_CHECK(given.minutes > 0 && given.minutes <= 100000, WT_USAGE,
             "--minutes is out of range (got %g, expected above 0, at most 100000)", given.minutes);
    WT_CHECK(given.until_esr >= 0 && given.until_esr <= 1, WT_USAGE,
             "--until-esr is out of range (got %g, expected 0 … 1)", given.until_esr);
    WT_CHECK(given.more_epochs >= 0 && given.more_epochs <= 100000, WT_USAGE,
             "--more-epochs is out of range (got %d, expected 0 … 100000)", given.more_epochs);
    WT_CHECK(given.index >= 0, WT_USAGE, "--index is out of range (got %d, expected at least 1)",
             given.index);
    return wt_nam_metadata_check(&given.labels);
}

/* `out` for a recording. */
static wt_status describe_capture(wt_capture *capture, const char *dry, const char *wet, const char *out) {
    *capture = (wt_capture){.dry = dry,
                            .wet = wet,
                            .preset = given.preset,
                            .align = given.align,
                            .minutes = given.minutes,
                            .until_esr = given.until_esr,
                            .more_epochs = given.more_epochs,
                            .labels = &given.labels};
    return wt_capture_name(capture, out);
}

/* FOLDER/ID.nam, of an id with folders and an ending. */
static wt_status name_out(char out[WT_PATH_MAX], const char *id) {
    char name[WT_PATH_MAX];
    const char *dot = strrchr(id, '.');
    const int stem = dot ? (int)(dot - id) : (int)strlen(id);
    WT_CHECK(snprintf(name, sizeof name, "%.*s.nam", stem, id) < WT_PATH_MAX, WT_USAGE,
             "%s: the name is too long", id);
    for (char *at = name; *at; at++) *at = *at == '/' ? '_' : *at;
    return wt_path_join(out, given.out, name);
}

/* --- one or a folder of them --- */

/* A file that no capture has written is not replaced. */
static wt_status check_out(const wt_capture *capture) {
    if (wt_path_is_folder(capture->work)) return WT_OK;
    return wt_path_require_free(capture->out,
                                " (expected a name that is free, or one that a capture has written)");
}

static void print_states(const wt_capture *capture) {
    wt_capture_state states[WT_NAM_SIZES];
    const int count = wt_capture_inspect(capture, states);
    for (int i = 0; i < count; i++) {
        const wt_capture_state *state = &states[i];
        const char *verdict = state->verdict.verdict;
        char esr[64] = "";
        if (!state->begun) {
            printf("%s: %s: %s\n", capture->out, state->size, *verdict ? verdict : "not begun");
            continue;
        }
        if (state->power > 0) wt_train_format_esr(esr, sizeof esr, true, state->loss / state->power);
        printf("%s: %s: %s%s, at step %" PRId64 " of %" PRId64 ", after %.1f minutes of training\n",
               capture->out, state->size, verdict, esr, state->step, state->steps, state->seconds / 60);
    }
}

/* The data set, and what there is to say of a new one. Collective. */
static wt_status prepare_pair(wt_comm *comm, const wt_capture *capture) {
    wt_prepare_command own;
    wt_audio_set set;
    wt_prepared prepared;
    bool made;
    wt_prepare_command_init(&own);
    wt_prepare_command_show(&own, comm, capture->work);
    const wt_status status = wt_capture_prepare(comm, capture, &own.output, &set, &prepared, &made);
    if (status == WT_OK && made) {
        wt_prepare_report(&own, &prepared);
        wt_prepared_print_details(&prepared, false, &set.recordings);
    }
    wt_prepare_command_finish(&own);
    wt_prepared_dispose(&prepared);
    wt_audio_set_dispose(&set);
    return status;
}

static wt_status make_one(wt_comm *comm, wt_capture *capture) {
    const bool root = wt_comm_rank(comm) == 0;
    wt_capture_choose(comm, capture);
    if (!given.report) {
        WT_TRY(wt_comm_agree(comm, root ? check_out(capture) : WT_OK));
        WT_TRY(prepare_pair(comm, capture));
        WT_TRY(wt_capture_train(comm, capture));
    }
    if (root) print_states(capture);
    return WT_OK;
}

static wt_status describe_one(wt_capture *capture, const char *dry, const wt_recording *wet) {
    char out[WT_PATH_MAX];
    WT_TRY(name_out(out, wet->id));
    return describe_capture(capture, dry, wet->path, out);
}

/* The folder's recordings one after the other; what is wrong with one does not keep the others from being
 * made. */
static wt_status make_each(wt_comm *comm, const char *dry, const wt_recordings *list) {
    const size_t first = given.index ? (size_t)given.index - 1 : 0,
                 end = given.index ? first + 1 : list->count;
    size_t failed = 0;
    for (size_t i = first; i < end; i++) {
        wt_capture capture;
        wt_status status = describe_one(&capture, dry, &list->files[i]);
        if (status == WT_OK) status = make_one(comm, &capture);
        if (status == WT_CONTINUE || (status != WT_OK && given.index)) return status;
        if (status != WT_OK) wt_log_warning("%s: no capture: %s", list->files[i].path, wt_error_message());
        failed += status != WT_OK;
    }
    WT_CHECK(failed == 0, WT_FAILED, "%zu of %zu captures failed, as listed", failed, list->count);
    return WT_OK;
}

static wt_status print_folders(const wt_recordings *list) {
    for (size_t i = 0; i < list->count; i++) {
        wt_capture capture;
        WT_TRY(describe_one(&capture, "", &list->files[i]));
        printf("%s\n", capture.work);
    }
    return WT_OK;
}

static wt_status make_capture_folder(wt_comm *comm, const char *dry, const char *folder) {
    const bool root = wt_comm_rank(comm) == 0;
    wt_recordings list;
    wt_status status = wt_comm_agree_alike(comm, wt_recordings_find(&list, &folder, 1));
    if (status != WT_OK) return status;
    if (list.count == 0 || (size_t)given.index > list.count) {
        status = wt_error(WT_USAGE, "%s: has %zu recordings (expected %s)", folder, list.count,
                          list.count ? "--index up to that" : "some");
    } else if (given.list) {
        status = root ? print_folders(&list) : WT_OK;
    } else {
        status = wt_comm_agree(comm, root && !given.report ? wt_folder_make(given.out) : WT_OK);
        if (status == WT_OK) status = make_each(comm, dry, &list);
    }
    wt_recordings_dispose(&list);
    return status;
}

static wt_status capture_line(wt_comm *comm, const wt_command_line *line) {
    const char *dry = line->arguments[0], *wet = line->arguments[1];
    wt_capture capture;
    WT_TRY(wt_comm_agree_alike(comm, check_arguments()));
    if (wt_comm_decide(comm, wt_path_is_folder(wet))) return make_capture_folder(comm, dry, wet);
    WT_TRY(wt_path_require_ending(given.out, ".nam", "a model for players"));
    WT_TRY(describe_capture(&capture, dry, wet, given.out));
    return make_one(comm, &capture);
}

const wt_command wt_command_capture = {
    .name = "capture",
    .arguments = "DRY.wav WET.wav|FOLDER --out FILE.nam|FOLDER [OPTION…]",
    .summary =
        "Make an amplifier's model for players from what was played and what was recorded, in one go (also "
        "under mpirun)",
    .parallel = true,
    .stoppable = true,
    .options = options,
    .min = 2,
    .max = 2,
    .work = capture_line,
};
