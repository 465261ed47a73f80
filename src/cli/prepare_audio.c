/* wavetrain prepare audio: options; src/data/prepare does it. */
#include "data/prepare/labelling.h"
#include "prepare_command.h"

typedef struct {
    wt_prepare_command common;
    wt_audio_job job;
    wt_label_options label;
    char *overlap, *group;
    char *channels, *target, *align, *mel, *features, *layout, *speaker, **validation, **test;
    int store_float, skip_damaged;
    long long split_seed;
} audio_command;

static wt_status check_label_options(audio_command *own) {
    const char *useless = own->target     ? "target"
                          : own->mel      ? "mel"
                          : own->features ? "features"
                          : own->speaker  ? "speaker"
                                          : NULL;
    WT_TRY(wt_labelling_parse_overlap(&own->label.overlap, own->overlap));
    WT_TRY(wt_labelling_check(&own->label, own->overlap != NULL, useless));
    WT_CHECK(!own->label.fold || !own->test, WT_USAGE, "--fold, --test: expected one of them");
    if (own->label.fold) own->job.audio.split.held[WT_SPLIT_TEST].share = 0;
    own->job.label = &own->label;
    own->job.group = own->group;
    return WT_OK;
}

static wt_status check_audio_options(audio_command *own) {
    wt_audio_options *audio = &own->job.audio;
    WT_TRY(wt_audio_parse_channels(&audio->channels, own->channels));
    if (audio->rate != 0)
        WT_TRY(wt_prepare_check_range("--rate", audio->rate, WT_SOUND_RATE_MIN, WT_SOUND_RATE_MAX));
    if (audio->trim != 0) WT_TRY(wt_prepare_check_range("--trim", audio->trim, 1, 200));
    WT_CHECK(audio->trim == 0 || !own->target, WT_USAGE,
             "--trim: would cut a recording and its target (--target) differently");
    WT_CHECK(!own->align || own->target, WT_USAGE, "--align: needs --target");
    WT_TRY(wt_prepare_check_range("--trim-limit", own->common.output.trim_limit, 0, 1));
    audio->mel = own->mel;
    audio->features = own->features;
    audio->layout = own->layout;
    WT_CHECK((!own->mel && !own->features) || !own->target, WT_USAGE,
             "--%s: has no use where samples have labels (--target)", own->mel ? "mel" : "features");
    WT_CHECK(own->features || (!audio->hop && !audio->layout), WT_USAGE, "--%s: needs --features",
             audio->hop ? "hop" : "layout");
    if (audio->hop != 0) WT_TRY(wt_prepare_check_range("--hop", audio->hop, 1, WT_FEATURES_HOP_MAX));
    WT_CHECK(!own->speaker || !own->target, WT_USAGE,
             "--speaker: has no use where samples have labels (--target)");
    WT_TRY(wt_split_rule_parse(&audio->split, own->validation, own->test, (uint64_t)own->split_seed));
    audio->shard_bytes = own->common.shard_bytes;
    audio->store = own->store_float ? WT_STORE_FLOAT : WT_STORE_INT16;
    own->job.target = own->target;
    own->job.align = own->align;
    own->job.speaker = own->speaker;
    own->job.skip_damaged = own->skip_damaged;
    return check_label_options(own);
}

/* Collective. */
static wt_status prepare_audio(wt_comm *comm, audio_command *own) {
    wt_audio_set set;
    wt_prepared prepared;
    const wt_status status = wt_audio_prepare(comm, &own->common.output, &own->job, &set, &prepared);
    if (status == WT_OK) {
        wt_prepare_report(&own->common, &prepared);
        wt_prepared_print_details(&prepared, own->job.audio.trim > 0, &set.recordings);
    }
    wt_prepared_dispose(&prepared);
    wt_audio_set_dispose(&set);
    return status;
}

static wt_status run_prepare_audio(wt_comm *comm, int argc, const char **argv) {
    audio_command own = {.store_float = 0};
    wt_prepare_command_init(&own.common);
    own.common.output.trim_limit = 0.5;
    const struct poptOption options[] = {
        WT_PREPARE_OUT(own.common),
        {"target", '\0', POPT_ARG_STRING, &own.target, 0,
         "What the input becomes, for learning one sound from another: a file or folder with a recording of "
         "the same name, "
         "length and rate for each",
         "OUTPUT"},
        {"align", '\0', POPT_ARG_STRING, &own.align, 0,
         "By how many samples the target lags: auto finds it (by blips, else by the impulse response); "
         "lengths may differ then",
         "auto|N"},
        {"rate", '\0', POPT_ARG_INT, &own.job.audio.rate, 0,
         "Sample rate; recordings of other rates are resampled (default: the rate of the recordings)", "HZ"},
        {"channels", '\0', POPT_ARG_STRING, &own.channels, 0,
         "mix: average all into one (default); keep: keep them; K: take channel K alone, from 1",
         "mix|keep|K"},
        {"trim", '\0', POPT_ARG_DOUBLE, &own.job.audio.trim, 0,
         "Trim silence at both ends: 10 ms frames more than DB decibels below the recording's peak (default: "
         "keep)",
         "DB"},
        {"trim-limit", '\0', POPT_ARG_DOUBLE, &own.common.output.trim_limit, 0,
         "Refuse to trim more than this share of all (default 0.5)", "SHARE"},
        {"mel", '\0', POPT_ARG_STRING, &own.mel, 0,
         "Features for a condition: a mel spectrum as espnet, tacotron2 or hifigan make it, or 8k; values "
         "can "
         "be replaced, as in espnet,fft=512,hop=128 (fft, hop, window, bands, low, high, power, floor, root, "
         "log, pad, frames, scale, area)",
         "PRESET[,KEY=VALUE…]"},
        {"features", '\0', POPT_ARG_STRING, &own.features, 0,
         "Features that another program has made of the recordings as they are, one file for each by its "
         "name: "
         "NAME.npy or NAME-feats.npy, NAME.h5 (feats, melspc or world), or Kaldi's archives (.scp, .ark); "
         "with "
         "--mel, which says how they were made, or --hop",
         "FOLDER"},
        {"hop", '\0', POPT_ARG_INT, &own.job.audio.hop, 0,
         "With --features: samples from frame to frame; frame 0 is centred at sample 0", "N"},
        {"layout", '\0', POPT_ARG_STRING, &own.layout, 0,
         "With --features: TD, a row per frame, or DT, a column per frame (default: by which side fits)",
         "TD|DT"},
        {"speaker", '\0', POPT_ARG_STRING, &own.speaker, 0,
         "Who speaks: folder (the first folder in a recording's name), a regular expression whose first "
         "group in the name is it, a file with lines RECORDING SPEAKER, or a column of a table",
         "folder|REGEX|FILE|FILE.csv:COLUMN"},
        {"label", '\0', POPT_ARG_STRING, &own.label.label, 0,
         "The class of each recording: folder (the one that it lies in), a regular expression whose first "
         "group in the name is it, or a column of a table, where the recording is found by its file's name",
         "folder|REGEX|FILE.csv:COLUMN"},
        {"annotations", '\0', POPT_ARG_STRING, &own.label.annotations, 0,
         "Events in the recordings, which give each sample a class: CSV (file, start, end, class; seconds), "
         "Audacity's label tracks, Raven's selection tables; a file, or a folder with one per recording",
         "FILE|FOLDER"},
        {"label-column", '\0', POPT_ARG_STRING, &own.label.column, 0,
         "The column of annotations that has the class (default: class, label, annotation, species …)",
         "NAME"},
        {"background", '\0', POPT_ARG_STRING, &own.label.background, 0,
         "The class of samples without an event (default: background), or mask: they are no targets",
         "NAME|mask"},
        {"overlap", '\0', POPT_ARG_STRING, &own.overlap, 0,
         "Where events of two classes overlap: refuse (default), first (the one that begins first), or mask "
         "(no targets)",
         "refuse|first|mask"},
        {"point", '\0', POPT_ARG_DOUBLE, &own.label.point, 0,
         "Length of labels that are points in time (default: one sample)", "SECONDS"},
        {"classes", '\0', POPT_ARG_STRING, &own.label.classes, 0,
         "All classes, in their order (default: those that are met, by name)", "NAME,NAME…"},
        {"group", '\0', POPT_ARG_STRING, &own.group, 0,
         "Recordings of a group fall into the same part: by a regular expression, as --label has them",
         "REGEX"},
        {"fold", '\0', POPT_ARG_STRING, &own.label.fold, 0,
         "The test part: recordings with this value in a column of the label's table", "COLUMN=VALUE"},
        {"validation", '\0', POPT_ARG_ARGV, &own.validation, 0,
         "Validation part: a share of the recordings (default 0.1); or recordings, folders or patterns by "
         "name, "
         "as often as needed",
         "SHARE|NAME"},
        {"test", '\0', POPT_ARG_ARGV, &own.test, 0, "The same for the test part (default 0.1)", "SHARE|NAME"},
        {"split-seed", '\0', POPT_ARG_LONGLONG, &own.split_seed, 0,
         "Seed of the random choice of recordings (default 0)", "N"},
        {"skip-damaged", '\0', POPT_ARG_NONE, &own.skip_damaged, 0,
         "Leave out files that are damaged or not sound, and list them; for that, all are decoded once more",
         NULL},
        WT_PREPARE_SHARD_MIB(own.common),
        {"float", '\0', POPT_ARG_NONE, &own.store_float, 0, "Store 32-bit float samples, not 16-bit integers",
         NULL},
        POPT_TABLEEND,
    };
    wt_command command = wt_command_prepare_audio;
    command.options = options;
    wt_command_line line = {0};
    wt_status status = WT_OK;
    WT_GUARD(wt_command_parse(&line, &command, argc, argv, 1, 1 << 20));
    if (line.done) goto cleanup;
    own.job.inputs = line.arguments;
    own.job.input_count = (size_t)line.count;
    WT_GUARD(wt_prepare_command_check(&own.common, comm, &command));
    WT_GUARD(check_audio_options(&own));
    WT_GUARD(prepare_audio(comm, &own));
cleanup:
    wt_prepare_command_finish(&own.common);
    wt_command_end(&line, &command);
    return status;
}

const wt_command wt_command_prepare_audio = {
    .name = "prepare audio",
    .arguments = "INPUT… --out DATASET [OPTION…]",
    .summary = "Make a data set from sound files and folders of them (WAV, FLAC, Ogg)",
    .parallel = true,
    .run = run_prepare_audio,
};
