/* What a file for players says of itself: options of the commands that write one, and writing it. */
#ifndef WAVETRAIN_EXPORT_OPTIONS_H
#define WAVETRAIN_EXPORT_OPTIONS_H

#include "command_internal.h"

typedef struct {
    char *name, *modeled_by, *gear_make, *gear_model, *gear_type, *tone_type; /* popt's; NULL: not given */
    double input_level, output_level;                                         /* NaN: not given */
} wt_export_labels;

/* Rows of a table of options; `given` is a wt_export_labels. */
#define WT_EXPORT_LABELS(given)                                                                          \
    {"name", '\0', POPT_ARG_STRING, &(given).name, 0, "The model's name, for players", "TEXT"},          \
        {"modeled-by", '\0', POPT_ARG_STRING, &(given).modeled_by, 0, "Who made it", "TEXT"},            \
        {"gear-make", '\0', POPT_ARG_STRING, &(given).gear_make, 0, "The gear's maker", "TEXT"},         \
        {"gear-model", '\0', POPT_ARG_STRING, &(given).gear_model, 0, "The gear's model", "TEXT"},       \
        {"gear-type",                                                                                    \
         '\0',                                                                                           \
         POPT_ARG_STRING,                                                                                \
         &(given).gear_type,                                                                             \
         0,                                                                                              \
         "What it is",                                                                                   \
         "amp|pedal|pedal_amp|amp_cab|amp_pedal_cab|preamp|studio"},                                     \
        {"tone-type",                                                                                    \
         '\0',                                                                                           \
         POPT_ARG_STRING,                                                                                \
         &(given).tone_type,                                                                             \
         0,                                                                                              \
         "What it sounds like",                                                                          \
         "clean|overdrive|crunch|hi_gain|fuzz"},                                                         \
        {"input-level",                                                                                  \
         '\0',                                                                                           \
         POPT_ARG_DOUBLE,                                                                                \
         &(given).input_level,                                                                           \
         0,                                                                                              \
         "Level in dBu of a 1 kHz sine of full scale at the gear's input",                               \
         "DBU"},                                                                                         \
    {                                                                                                    \
        "output-level", '\0', POPT_ARG_DOUBLE, &(given).output_level, 0, "The same at its output", "DBU" \
    }

void wt_export_labels_init(wt_export_labels *labels);
void wt_export_labels_free(wt_export_labels *labels);
wt_status wt_export_labels_check(const wt_export_labels *labels);

enum { WT_EXPORT_SIZES = 2 };

/* Writes `out`, which must be free, from so many checkpoints, runs or files. `checkpoint`: which one of a
 * run, or NULL. */
typedef struct {
    const char *out, *checkpoint;
    bool raw;
    const wt_export_labels *labels;
    const char *const *sources;
    int count;
} wt_export_job;
wt_status wt_export_nam(const wt_export_job *job);

#endif
