/* Parts of a data set: by name, by draws, by pieces. A pure function of names and ids, so every rank gets the
 * same. */
#include "data/prepare/splits.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *wt_split_name(wt_split split) {
    static const char *const names[WT_SPLITS] = {"train", "validation", "test"};
    return names[split];
}

/* --- the rule --- */

wt_split_rule wt_split_shares(double validation, double test, uint64_t seed) {
    wt_split_rule rule = {.seed = seed};
    rule.held[WT_SPLIT_VALIDATION].share = validation;
    rule.held[WT_SPLIT_TEST].share = test;
    return rule;
}

/* Whole numbers above 1 are names, as groups often have them; other numbers are meant as shares. */
static bool is_share(const char *text, double *share) {
    char *end;
    *share = strtod(text, &end);
    if (end == text || *end) return false;
    return (*share >= 0 && *share <= 1) || strspn(text, "0123456789") != strlen(text);
}

static wt_status parse_held_out(wt_held_out *held, wt_split split, char **values) {
    const char *part = wt_split_name(split);
    bool given = false;
    int count = 0;
    *held = (wt_held_out){.names = (const char *const *)values};
    for (; values && values[count]; count++) {
        double share;
        char *value = values[count];
        WT_CHECK(*value, WT_USAGE, "--%s: is empty (expected a share from 0 to 1, or a name)", part);
        if (!is_share(value, &share)) {
            values[count] = values[held->name_count];
            values[held->name_count++] = value;
            continue;
        }
        WT_CHECK(share >= 0 && share <= 1, WT_USAGE,
                 "--%s: out of range (got %s, expected a share, 0 … 1, or a name; =%s is a name)", part,
                 value, value);
        WT_CHECK(!given, WT_USAGE, "--%s: is given twice as a share (expected once; =%s is a name)", part,
                 value);
        given = true;
        held->share = share;
    }
    if (count == 0) held->share = 0.1;
    return WT_OK;
}

wt_status wt_split_rule_parse(wt_split_rule *rule, char **validation, char **test, uint64_t seed) {
    *rule = (wt_split_rule){.seed = seed};
    wt_held_out *held = rule->held;
    WT_TRY(parse_held_out(&held[WT_SPLIT_VALIDATION], WT_SPLIT_VALIDATION, validation));
    WT_TRY(parse_held_out(&held[WT_SPLIT_TEST], WT_SPLIT_TEST, test));
    WT_CHECK(held[WT_SPLIT_VALIDATION].share + held[WT_SPLIT_TEST].share < 1, WT_USAGE,
             "--validation, --test: leave nothing to train on (got %g and %g, expected a sum below 1)",
             held[WT_SPLIT_VALIDATION].share, held[WT_SPLIT_TEST].share);
    return WT_OK;
}

wt_status wt_split_rule_parse_shares(wt_split_rule *rule, const char *shares) {
    double part[WT_SPLITS], sum = 0;
    const char *at = shares;
    for (int i = 0; i < WT_SPLITS; i++) {
        char *end;
        part[i] = strtod(at, &end);
        bool right = end > at && *end == (i < WT_SPLITS - 1 ? ',' : '\0') && part[i] >= 0 && part[i] <= 1e9;
        WT_CHECK(right, WT_USAGE, "--shares: got %s, expected TRAIN,VALIDATION,TEST such as 80,10,10",
                 shares);
        at = end + 1;
        sum += part[i];
    }
    WT_CHECK(part[WT_SPLIT_TRAIN] > 0, WT_USAGE, "--shares: leave nothing to train on (got %s)", shares);
    for (wt_split split = 0; split < WT_SPLITS; split++)
        rule->held[split].share = rule->held[split].name_count > 0 ? 0 : part[split] / sum;
    return WT_OK;
}

int wt_split_parts(const wt_split_rule *rule) {
    return 1 + (rule->held[WT_SPLIT_VALIDATION].share > 0) + (rule->held[WT_SPLIT_TEST].share > 0);
}

void wt_split_rule_shares(double shares[WT_SPLITS], const wt_split_rule *rule) {
    for (wt_split split = 0; split < WT_SPLITS; split++) shares[split] = rule->held[split].share;
    shares[WT_SPLIT_TRAIN] = 1 - shares[WT_SPLIT_VALIDATION] - shares[WT_SPLIT_TEST];
}

/* --- by name --- */

/* The name itself, a folder above it, or a pattern, whose * stands for slashes too. */
static bool matches(const char *name, const char *text) {
    size_t length = strlen(name);
    if (strcmp(name, text) == 0) return true;
    while (length > 1 && name[length - 1] == '/') length--;
    if (strncmp(name, text, length) == 0 && text[length] == '/') return true;
    return strpbrk(name, "*?[") && fnmatch(name, text, 0) == 0;
}

static wt_status find_name(wt_split *splits, bool *named, wt_split split, const char *name,
                           const wt_split_items *items) {
    const char *bare = *name == '=' ? name + 1 : name;
    size_t found = 0;
    for (size_t i = 0; i < items->count; i++) {
        if (!matches(bare, items->ids[i]) && !(items->paths && matches(bare, items->paths[i]))) continue;
        WT_CHECK(!named[i] || splits[i] == split, WT_USAGE, "--%s: %s is named for the %s part already",
                 wt_split_name(split), items->ids[i], wt_split_name(splits[i]));
        named[i] = true;
        splits[i] = split;
        found++;
    }
    WT_CHECK(found > 0, WT_USAGE, "--%s: %s is no %s's name (expected one such as %s, a pattern, or a share)",
             wt_split_name(split), bare, items->what, items->count ? items->ids[0] : "…");
    return WT_OK;
}

wt_status wt_split_find_named(wt_split *splits, bool *named, const wt_split_rule *rule,
                              const wt_split_items *items) {
    size_t held = 0;
    memset(named, 0, items->count * sizeof *named);
    for (wt_split split = 0; split < WT_SPLITS; split++)
        for (int n = 0; n < rule->held[split].name_count; n++)
            WT_TRY(find_name(splits, named, split, rule->held[split].names[n], items));
    for (size_t i = 0; i < items->count; i++) held += named[i] && splits[i] != WT_SPLIT_TRAIN;
    WT_CHECK(held == 0 || held < items->count, WT_USAGE,
             "--validation, --test: leave nothing to train on (got names of all of %zu %ss)", items->count,
             items->what);
    return WT_OK;
}

wt_status wt_split_list_init(wt_split_list *list, size_t count) {
    wt_status status = WT_OK;
    *list = (wt_split_list){.count = count};
    WT_GUARD(wt_alloc(&list->ids, count, sizeof *list->ids, "names of parts"));
    WT_GUARD(wt_alloc(&list->paths, count, sizeof *list->paths, "names of parts"));
    WT_GUARD(wt_alloc(&list->splits, count, sizeof *list->splits, "names of parts"));
    WT_GUARD(wt_alloc(&list->named, count, sizeof *list->named, "names of parts"));
cleanup:
    if (status != WT_OK) wt_split_list_dispose(list);
    return status;
}

wt_status wt_split_list_find(wt_split_list *list, const wt_split_rule *rule, const char *what) {
    const wt_split_items items = {.count = list->count, .ids = list->ids, .paths = list->paths, .what = what};
    return wt_split_find_named(list->splits, list->named, rule, &items);
}

void wt_split_list_dispose(wt_split_list *list) {
    wt_free(list->ids);
    wt_free(list->paths);
    wt_free(list->splits);
    wt_free(list->named);
    *list = (wt_split_list){0};
}

/* --- by draws --- */

double wt_split_draw(const char *id, uint64_t seed) {
    return (double)(wt_hash_string(id, seed).low >> 11) * 0x1p-53;
}

wt_split wt_split_of_draw(double draw, const wt_split_rule *rule) {
    const double test = rule->held[WT_SPLIT_TEST].share;
    return draw < test                                           ? WT_SPLIT_TEST
           : draw < test + rule->held[WT_SPLIT_VALIDATION].share ? WT_SPLIT_VALIDATION
                                                                 : WT_SPLIT_TRAIN;
}

/* The least and the largest draw of a part; the part has two draws if they differ. */
typedef struct {
    double least[WT_SPLITS], largest[WT_SPLITS];
} draw_range;

static draw_range range_of(const wt_split *splits, const bool *named, const double *draws, size_t count) {
    draw_range range = {{2, 2, 2}, {-1, -1, -1}};
    for (size_t i = 0; i < count; i++) {
        if (named && named[i]) continue;
        range.least[splits[i]] = fmin(range.least[splits[i]], draws[i]);
        range.largest[splits[i]] = fmax(range.largest[splits[i]], draws[i]);
    }
    return range;
}

/* How far a draw lies from those of low … high. */
static double distance(double draw, double low, double high) {
    return draw < low ? low - draw : draw > high ? draw - high : 0;
}

/* A part, and between which draws its own lie. */
typedef struct {
    wt_split split;
    double low, high;
} part_range;

/* Moves the draw that is nearest to the part's from a part that has two into it. */
static void fill_part(wt_split *splits, const bool *named, const double *draws, size_t count,
                      const draw_range *range, part_range empty) {
    double nearest = 2, least = 3;
    for (size_t i = 0; i < count; i++) {
        if ((named && named[i]) || !(range->least[splits[i]] < range->largest[splits[i]])) continue;
        const double far = distance(draws[i], empty.low, empty.high);
        if (far >= least) continue;
        least = far;
        nearest = draws[i];
    }
    for (size_t i = 0; i < count; i++)
        if (!(named && named[i]) && draws[i] == nearest) splits[i] = empty.split;
}

void wt_split_by_draws(wt_split *splits, const bool *named, const wt_split_rule *rule, const double *draws,
                       size_t count) {
    double shares[WT_SPLITS];
    wt_split_rule_shares(shares, rule);
    const double test = shares[WT_SPLIT_TEST], held = test + shares[WT_SPLIT_VALIDATION];
    const part_range parts[WT_SPLITS] = {
        {WT_SPLIT_TRAIN, held, 1}, {WT_SPLIT_VALIDATION, test, held}, {WT_SPLIT_TEST, 0, test}};
    for (size_t i = 0; i < count; i++)
        if (!(named && named[i])) splits[i] = wt_split_of_draw(draws[i], rule);
    for (wt_split split = 0; split < WT_SPLITS; split++) {
        const draw_range range = range_of(splits, named, draws, count);
        if (parts[split].high > parts[split].low && range.least[split] > 1)
            fill_part(splits, named, draws, count, &range, parts[split]);
    }
}

wt_status wt_split_items_choose(wt_split *splits, const wt_split_rule *rule, const wt_split_items *items) {
    bool *named = NULL;
    double *draws = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&named, items->count, sizeof *named, "names of parts"));
    WT_GUARD(wt_alloc(&draws, items->count, sizeof *draws, "draws of parts"));
    WT_GUARD(wt_split_find_named(splits, named, rule, items));
    for (size_t i = 0; i < items->count; i++) draws[i] = wt_split_draw(items->ids[i], rule->seed);
    wt_split_by_draws(splits, named, rule, draws, items->count);
cleanup:
    wt_free(named);
    wt_free(draws);
    return status;
}

/* --- by pieces --- */

void wt_split_pieces(int64_t pieces[WT_SPLITS], const wt_split_rule *rule, int64_t count) {
    int64_t left = count;
    for (wt_split split = WT_SPLITS; split-- > WT_SPLIT_VALIDATION;) {
        const double share = rule->held[split].share;
        const int64_t others = split == WT_SPLIT_TEST && rule->held[WT_SPLIT_VALIDATION].share > 0;
        int64_t wanted = llround((double)count * share);
        if (share > 0 && wanted == 0) wanted = 1;
        if (wanted > left - 1 - others) wanted = left - 1 - others;
        pieces[split] = wanted > 0 ? wanted : 0;
        left -= pieces[split];
    }
    pieces[WT_SPLIT_TRAIN] = left;
}

/* --- the report --- */

void wt_split_warn_of_empty(const wt_split_rule *rule, const int64_t utterances[WT_SPLITS],
                            const char *dataset, const char *remedy) {
    double shares[WT_SPLITS];
    wt_split_rule_shares(shares, rule);
    for (wt_split split = 0; split < WT_SPLITS; split++)
        if (utterances[split] == 0 && (shares[split] > 0 || rule->held[split].name_count > 0))
            wt_log_warning("%s: the %s part is empty (its share is %g; %s)", dataset, wt_split_name(split),
                           shares[split], remedy);
}
