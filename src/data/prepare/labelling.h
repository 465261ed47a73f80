/*
 * Classes of recordings: of whole ones, or of their samples, by events that are annotated.
 *
 * An event from `start` to `end` (seconds of the recording as it is) is of the samples round(start · rate) …
 * round(end · rate) − 1 of the set's rate, and of one sample at least.
 */
#ifndef WAVETRAIN_LABELLING_H
#define WAVETRAIN_LABELLING_H

#include "data/prepare/prepare.h"

/* What events of different classes at the same time mean: an error; the one that begins first (of the same
 * beginning, that of the earlier line) counts; or their samples are no targets. */
typedef enum { WT_OVERLAP_REFUSE, WT_OVERLAP_FIRST, WT_OVERLAP_MASK } wt_overlap;

typedef struct wt_label_options {
    const char *label;       /* wt_name_rule.how; NULL: none */
    const char *fold;        /* "COLUMN=VALUE" of the label's table: the test part; NULL: none */
    const char *classes;     /* wt_class_list_init */
    const char *annotations; /* a file or a folder (annotations.h); NULL: none */
    const char *column;      /* of annotations: the one that has the class; NULL: one that is called alike */
    const char *background;  /* class of what is no event, NULL: "background"; "mask": it is no target */
    wt_overlap overlap;
    double point; /* seconds of an event without length; 0: one sample */
} wt_label_options;

/* "refuse" (NULL), "first" or "mask". */
wt_status wt_labelling_parse_overlap(wt_overlap *overlap, const char *text);

/* Options that belong together, by their names on the command line. `overlap`: it was given; `useless`: an
 * option that was given and has no use where recordings have classes; NULL: none. */
wt_status wt_labelling_check(const wt_label_options *options, bool overlap, const char *useless);

/* Seconds of a recording. */
typedef struct {
    double start, end;
    int32_t class;
    int32_t line; /* of its file */
} wt_event;

typedef struct wt_labelling {
    wt_class_names names;
    int classes;
    wt_overlap overlap;
    bool masked;      /* some samples are no targets */
    size_t count;     /* recordings, as they were before they were cut */
    int32_t *of;      /* [count] the class of each; NULL: events */
    bool *tested;     /* [count] of the fold; NULL: none was asked for */
    int64_t *ends;    /* [count] the event behind each one's last; NULL: no events */
    wt_event *events; /* in the order of their starts */
} wt_labelling;

/* Not collective. NULL without options. Destroy also after a failure. `channel`: the only one that is taken,
 * from 1; else 0. */
wt_status wt_labelling_find(wt_labelling **out, const wt_recordings *recordings,
                            const wt_label_options *options, int channel);
void wt_labelling_destroy(wt_labelling *labelling); /* takes NULL */
/* As one block of bytes (wt_free), and back: for other ranks. */
wt_status wt_labelling_pack(char **bytes, size_t *size, const wt_labelling *labelling);
wt_status wt_labelling_unpack(wt_labelling **out, const char *bytes, size_t size);

/* Fills the labels, and where it masks the mask, of an utterance of recording `whole` whose first sample is
 * `first` of the rate `rate`. */
wt_status wt_labelling_apply(const wt_labelling *labelling, size_t whole, double first, int rate,
                             wt_utterance *utterance);

#endif
