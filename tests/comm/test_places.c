/* Ranks on hosts that this machine is not: who has too many threads, what ranks that were told nothing get,
 * and the words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "comm/places.h"

/* On cores first … last. */
static wt_place make_place(const char *host, int threads, int first, int last) {
    wt_place made;
    memset(&made, 0, sizeof made);
    snprintf(made.host, sizeof made.host, "%.*s", WT_HOST_NAME - 1, host);
    made.threads = threads;
    made.told = true;
    for (int core = first; core <= last; core++) wt_cores_add(&made.cores, core);
    return made;
}

static void assert_enough(const wt_place *places, int ranks) {
    if (wt_places_check(places, ranks) != WT_OK) fail_msg("refused: %s", wt_error_message());
}

static void assert_places_refused(const wt_place *places, int ranks, const char *words) {
    assert_int_equal(wt_places_check(places, ranks), WT_USAGE);
    if (!strstr(wt_error_message(), words)) fail_msg("no '%s' in: %s", words, wt_error_message());
    assert_null(strchr(wt_error_message(), '\n'));
}

static void as_many_threads_as_cores_are_enough(void **unused) {
    (void)unused;
    const wt_place alone[] = {make_place("a", 8, 0, 7)};
    const wt_place shared[] = {make_place("a", 4, 0, 7), make_place("a", 4, 0, 7)};
    const wt_place bound[] = {make_place("a", 24, 0, 23), make_place("a", 24, 24, 47),
                              make_place("b", 24, 0, 23), make_place("b", 24, 24, 47)};
    const wt_place mixed[] = {make_place("a", 2, 0, 3), make_place("b", 4, 0, 3), make_place("a", 2, 0, 3)};
    const wt_place nested[] = {make_place("a", 2, 0, 1), make_place("a", 2, 0, 3)};
    assert_enough(alone, 1);
    assert_enough(shared, 2);
    assert_enough(bound, 4);
    assert_enough(mixed, 3);
    assert_enough(nested, 2);
}

static void more_are_refused(void **unused) {
    (void)unused;
    const wt_place alone[] = {make_place("a", 9, 0, 7)};
    const wt_place shared[] = {make_place("a", 4, 0, 3), make_place("b", 4, 0, 7), make_place("b", 4, 0, 7),
                               make_place("a", 1, 0, 3)};
    const wt_place same_core[] = {make_place("a", 1, 0, 0), make_place("a", 1, 0, 0),
                                  make_place("a", 1, 1, 1)};
    const wt_place nested[] = {make_place("a", 2, 0, 1), make_place("a", 3, 0, 3)};
    const wt_place many[] = {make_place("a", 4, 0, 3), make_place("a", 4, 0, 3)};
    assert_places_refused(
        alone, 1,
        "a: more threads than processors (got 1 rank × 9 threads, expected at most 8 threads on "
        "processors 0-7 ");
    assert_places_refused(shared, 4,
                          "a: more threads than processors (got 2 ranks with 5 threads, expected at most 4 ");
    assert_places_refused(same_core, 3,
                          "(got 2 ranks × 1 thread, expected at most 1 thread on processors 0 ");
    assert_places_refused(nested, 2,
                          "(got 2 ranks with 5 threads, expected at most 4 threads on processors 0-3 ");
    assert_places_refused(many, 2, "(got 2 ranks × 4 threads, ");
}

static void a_quota_counts(void **unused) {
    (void)unused;
    wt_place places[] = {make_place("a", 2, 0, 63), make_place("a", 1, 0, 63)};
    places[0].quota = places[1].quota = 2.5;
    assert_enough(places, 2);
    places[1].threads = 2;
    assert_places_refused(
        places, 2, "(got 2 ranks × 2 threads, expected at most 3: a control group grants the time of 2.5;");
}

static void ranks_that_were_told_nothing_share(void **unused) {
    (void)unused;
    wt_place places[] = {make_place("a", 8, 0, 7),  make_place("a", 8, 0, 7), make_place("a", 8, 0, 7),
                         make_place("b", 8, 0, 7),  make_place("c", 8, 0, 7), make_place("c", 8, 0, 7),
                         make_place("d", 4, 0, 3),  make_place("d", 4, 4, 7), make_place("e", 64, 0, 63),
                         make_place("e", 64, 0, 63)};
    enum { RANKS = sizeof places / sizeof *places };
    static const int expected[RANKS] = {2, 2, 2, 8, 8, 8, 4, 4, 3, 3};
    for (int i = 0; i < RANKS; i++) places[i].told = i == 4 || i == 5;
    places[8].quota = places[9].quota = 6;
    wt_places_share(places, RANKS);
    for (int i = 0; i < RANKS; i++) assert_int_equal(places[i].threads, expected[i]);
    wt_place crowd[] = {make_place("a", 1, 0, 0), make_place("a", 1, 0, 0)};
    crowd[0].told = crowd[1].told = false;
    wt_places_share(crowd, 2);
    assert_places_refused(crowd, 2, "(got 2 ranks × 1 thread, expected at most 1 ");
}

static void bindings_take_few_words(void **unused) {
    (void)unused;
    enum { HOSTS = 300, EACH = 2, RANKS = HOSTS * EACH };
    static wt_place places[RANKS];
    char text[1000], short_text[20];
    for (int i = 0; i < RANKS; i++) {
        char host[16];
        snprintf(host, sizeof host, "n%d", i / EACH);
        places[i] = make_place(host, 4, 0, 7);
    }
    wt_places_text(text, sizeof text, places, RANKS);
    assert_string_equal(text, "each rank may use processors 0-7");
    for (int i = 0; i < RANKS; i++) places[i] = make_place(places[i].host, 4, i % EACH * 4, i % EACH * 4 + 3);
    wt_places_text(text, sizeof text, places, RANKS);
    assert_string_equal(text, "n0 and 299 more: by rank, processors 0-3 | 4-7");
    places[RANKS - 1] = places[RANKS - 2];
    wt_places_text(text, sizeof text, places, RANKS);
    assert_string_equal(text,
                        "n0 and 298 more: by rank, processors 0-3 | 4-7\nn299: by rank, processors 0-3");
    for (int i = 0; i < RANKS; i++) places[i] = make_place(places[i].host, 1, i, i);
    wt_places_text(text, sizeof text, places, RANKS);
    assert_non_null(strstr(text, "\n294 more hosts in other ways"));
    wt_places_text(short_text, sizeof short_text, places, RANKS);
    assert_true(strlen(short_text) < sizeof short_text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_threads_as_cores_are_enough),
        cmocka_unit_test(more_are_refused),
        cmocka_unit_test(a_quota_counts),
        cmocka_unit_test(ranks_that_were_told_nothing_share),
        cmocka_unit_test(bindings_take_few_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
