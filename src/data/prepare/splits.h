/*
 * Which part of a data set an utterance, or a group of them, belongs to.
 *
 * What the options name is held out first. Each of the others has a draw of its own, a hash of its id keyed
 * by the seed, which is compared with the parts' shares: no other utterance matters, so adding some moves
 * none. One exception: no part with a share stays empty while another has two draws; what lies nearest to the
 * part's range goes there. (With few utterances, adding some may hence move one.)
 */
#ifndef WAVETRAIN_SPLITS_H
#define WAVETRAIN_SPLITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/base.h"

typedef enum { WT_SPLIT_TRAIN, WT_SPLIT_VALIDATION, WT_SPLIT_TEST, WT_SPLITS } wt_split;

/* "train", "validation", "test" */
const char *wt_split_name(wt_split split);

/* What a part takes. */
typedef struct {
    double share; /* of what has no name below, 0 … 1 */
    const char *const
        *names; /* [name_count] the caller's: names, folders, or patterns as the shell has them */
    int name_count;
} wt_held_out;

typedef struct {
    wt_held_out held[WT_SPLITS]; /* training's share is what the others leave, whatever stands here */
    uint64_t seed;
} wt_split_rule;

/* Nothing is named. */
wt_split_rule wt_split_shares(double validation, double test, uint64_t seed);

/*
 * The rule of --validation and --test, whose values these are (NULL-terminated; NULL: a tenth). A number from
 * 0 to 1 is a share of what has no name, all else a name; with a name and no share the share is 0. A = before
 * a name that looks like a share makes it a name. The strings stay the caller's and must outlive the rule;
 * their order changes.
 */
wt_status wt_split_rule_parse(wt_split_rule *rule, char **validation, char **test, uint64_t seed);

/* "80,10,10": shares of training, validation and test, in any unit; 0 of a part for which something is
 * named. */
wt_status wt_split_rule_parse_shares(wt_split_rule *rule, const char *shares);

/* Parts that draws can choose: those with a share, and training. */
int wt_split_parts(const wt_split_rule *rule);
/* The share of each part. */
void wt_split_rule_shares(double shares[WT_SPLITS], const wt_split_rule *rule);

/* What the items are. */
typedef struct {
    size_t count;
    const char *const *ids;   /* [count] */
    const char *const *paths; /* [count] another name of each; NULL: none */
    const char *what;         /* "recording", in messages */
} wt_split_items;

/*
 * named[i] and splits[i] of the items that the rule names. WT_USAGE: a name that is no item's, an item of two
 * parts, or no item that is left for training.
 */
wt_status wt_split_find_named(wt_split *splits, bool *named, const wt_split_rule *rule,
                              const wt_split_items *items);

/* Items with two names each, and the parts that the rule names for them. init allocates all, and dispose
 * frees it. */
typedef struct {
    size_t count;
    const char **ids, **paths; /* [count] the caller fills them in; the strings stay the caller's */
    wt_split *splits;          /* [count] the part of each that is named */
    bool *named;               /* [count] */
} wt_split_list;

wt_status wt_split_list_init(wt_split_list *list, size_t count);
/* wt_split_find_named of the list's items, each of which is a `what`. */
wt_status wt_split_list_find(wt_split_list *list, const wt_split_rule *rule, const char *what);
void wt_split_list_dispose(wt_split_list *list);

/* A number from [0, 1) that is the id's own. */
double wt_split_draw(const char *id, uint64_t seed);
wt_split wt_split_of_draw(double draw, const wt_split_rule *rule);
/* splits[i] of the items that are not named (NULL: none is). Those of one draw stay together. */
void wt_split_by_draws(wt_split *splits, const bool *named, const wt_split_rule *rule, const double *draws,
                       size_t count);
/* The same by the draws of ids, after those that are named. */
wt_status wt_split_items_choose(wt_split *splits, const wt_split_rule *rule, const wt_split_items *items);

/*
 * How many of `count` pieces in a row each part takes: its share, rounded, but at least one of each part that
 * has a share as long as training keeps one, and at least one for training.
 */
void wt_split_pieces(int64_t pieces[WT_SPLITS], const wt_split_rule *rule, int64_t count);

/* Warns of each part with a share or a name that is empty all the same, and says what to do about it. */
void wt_split_warn_of_empty(const wt_split_rule *rule, const int64_t utterances[WT_SPLITS],
                            const char *dataset, const char *remedy);

#endif
