/* What a file for players says of itself: options of the commands that write one. */
#ifndef WAVETRAIN_EXPORT_OPTIONS_H
#define WAVETRAIN_EXPORT_OPTIONS_H

#include <math.h>

#include "command_internal.h"
#include "export/nam.h"

/* Rows of a table of options; `given` is a wt_nam_metadata. */
#define WT_EXPORT_LABELS(given)                                                                              \
    {"name", '\0', POPT_ARG_STRING, &(given).name, 0, "The model's name, for players", "TEXT"},              \
        {"modeled-by", '\0', POPT_ARG_STRING, &(given).modeled_by, 0, "Who made it", "TEXT"},                \
        {"gear-make", '\0', POPT_ARG_STRING, &(given).gear_make, 0, "The gear's maker", "TEXT"},             \
        {"gear-model", '\0', POPT_ARG_STRING, &(given).gear_model, 0, "The gear's model", "TEXT"},           \
        {"gear-type",                                                                                        \
         '\0',                                                                                               \
         POPT_ARG_STRING,                                                                                    \
         &(given).gear_type,                                                                                 \
         0,                                                                                                  \
         "What it is",                                                                                       \
         "amp|pedal|pedal_amp|amp_cab|amp_pedal_cab|preamp|studio"},                                         \
        {"tone-type",                                                                                        \
         '\0',                                                                                               \
         POPT_ARG_STRING,                                                                                    \
         &(given).tone_type,                                                                                 \
         0,                                                                                                  \
         "What it sounds like",                                                                              \
         "clean|overdrive|crunch|hi_gain|fuzz"},                                                             \
        {"input-level",                                                                                      \
         '\0',                                                                                               \
         POPT_ARG_DOUBLE,                                                                                    \
         &(given).input_level_dbu,                                                                           \
         0,                                                                                                  \
         "Level in dBu of a 1 kHz sine of full scale at the gear's input",                                   \
         "DBU"},                                                                                             \
    {                                                                                                        \
        "output-level", '\0', POPT_ARG_DOUBLE, &(given).output_level_dbu, 0, "The same at its output", "DBU" \
    }

#endif
