/*
 * What people type first, and what they meant: words of other programs, and misspelt ones. A word of the
 * table is answered as it says; any other with the nearest name, if one is near.
 */
#include <stdio.h>
#include <string.h>

#include "base/distance.h"
#include "command_internal.h"
#include "wavetrain/config.h"

/* Words, as " word word … ", and what to write in their place. */
typedef struct {
    const char *words, *meant;
} suggestion;

static const suggestion of_commands[] = {
    {" fit run start resume continue restart finetune ", "train"},
    {" eval test validate validation score predict ", "evaluate"},
    {" sample synth synthesize synthesise speak infer inference ", "generate"},
    {" info show status summary describe print ls ", "inspect"},
    {" preprocess preprocessing dataset convert import audio wav ", "prepare audio"},
    {" text ", "prepare text"},
    {" table csv ", "prepare table"},
    {" simulate sine ecg ion-channels ", "prepare simulate"},
    {" tune grid search ", "sweep"},
    {" draw graph chart ", "plot"},
    {" calibrate ", "bench calibrate"},
    {" scaling ", "bench scaling"},
};

/* Of commands that take --set. */
static const suggestion of_options[] = {
    {" lr ", "--set optimizer.learning_rate=…"},
    {" batch-size bs ", "--set train.batch=…"},
    {" epochs iterations iters max-steps num-steps ", "--set train.steps=…"},
    {" dataset data-dir data-path ", "--set data.path=…"},
    {" name output out output-dir out-dir logdir log-dir save-dir checkpoint-dir ", "--run DIR"},
    {" config configuration ", "the file's name alone"},
    {" checkpoint restore load ", "--resume or --init"},
    {" gpu gpus device cuda ", "none: training runs on CPUs, by mpirun and OMP_NUM_THREADS"},
    {" workers num-workers threads nproc ranks np ", "mpirun -n RANKS and OMP_NUM_THREADS"},
};

static const char *find_word(const suggestion *table, size_t count, const char *word) {
    char spaced[WT_DISTANCE_LENGTH_MAX];
    const int length = snprintf(spaced, sizeof spaced, " %s ", word);
    if (length >= (int)sizeof spaced || strchr(word, ' ')) return NULL;
    for (size_t i = 0; i < count; i++)
        if (strstr(table[i].words, spaced)) return table[i].meant;
    return NULL;
}

static int limit_of(const char *word) {
    const int third = 1 + (int)strlen(word) / 3;
    return third < 4 ? third : 4;
}

const char *wt_suggest_command(const wt_command *const *commands, int count, const char *first,
                               const char *second) {
    char both[2 * WT_DISTANCE_LENGTH_MAX];
    const char *nearest = find_word(of_commands, sizeof of_commands / sizeof *of_commands, first);
    int best = limit_of(first) + 1;
    snprintf(both, sizeof both, "%.62s %.62s", first, second);
    for (int i = 0; i < count && !nearest; i++)
        if (wt_distance_of_texts(both, commands[i]->name) <= limit_of(first)) nearest = commands[i]->name;
    if (nearest) return nearest;
    for (int i = 0; i < count; i++) {
        const int distance = wt_distance_of_texts(first, commands[i]->name);
        if (distance >= best) continue;
        best = distance;
        nearest = commands[i]->name;
    }
    return nearest;
}

static bool has_option(const wt_command *command, const char *name) {
    for (const struct poptOption *option = command->options; option && option->longName; option++)
        if (strcmp(option->longName, name) == 0) return true;
    return false;
}

static const char *nearest_option(const wt_command *command, const char *name) {
    const char *nearest = NULL;
    int best = limit_of(name) + 1;
    for (const struct poptOption *option = command->options; option && option->longName; option++) {
        const int distance = wt_distance_of_texts(name, option->longName);
        if (distance >= best) continue;
        best = distance;
        nearest = option->longName;
    }
    return nearest;
}

/* The key of the configuration that the word is, or is near to. */
static const char *find_key(char *word, bool *exact) {
    for (char *dash = word; (dash = strchr(dash, '-')) != NULL;) *dash = '_';
    const char *key = wt_config_nearest(word), *dot = key ? strrchr(key, '.') : NULL;
    *exact = key && (strcmp(key, word) == 0 || (dot && strcmp(dot + 1, word) == 0));
    return key;
}

bool wt_suggest_option(char *out, size_t room, const wt_command *command, const char *option) {
    const char *name = option + strspn(option, "-");
    const bool sets = has_option(command, "set");
    bool exact = false;
    char word[WT_DISTANCE_LENGTH_MAX], key_word[WT_DISTANCE_LENGTH_MAX];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(name, "="), name);
    snprintf(key_word, sizeof key_word, "%s", word);
    const char *known = sets ? find_word(of_options, sizeof of_options / sizeof *of_options, word) : NULL;
    const char *key = sets ? find_key(key_word, &exact) : NULL, *nearest = nearest_option(command, word);
    if (known)
        snprintf(out, room, "%s", known);
    else if (nearest && !exact)
        snprintf(out, room, "--%s", nearest);
    else if (key)
        snprintf(out, room, "--set %s=…", key);
    return known || nearest || key;
}
