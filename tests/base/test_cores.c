/* Sets of processors and their text; quotas as control groups of either version have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cores.h"
#include "base/file.h"
#include "support.h"

static char folder[] = "cores-XXXXXX";

static int make_folder(void **unused) {
    (void)unused;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_cores_folder(void **unused) {
    (void)unused;
    return test_end_group(wt_folder_remove(folder) == WT_OK);
}

static void write_file(const char *group, const char *name, const char *text) {
    char in[WT_PATH_MAX], path[WT_PATH_MAX];
    assert_int_equal(wt_path_join(in, folder, group), WT_OK);
    assert_int_equal(wt_folder_make(in), WT_OK);
    assert_int_equal(wt_path_join(path, in, name), WT_OK);
    assert_int_equal(wt_file_write_atomically(path, text, strlen(text), NULL, 0), WT_OK);
}

static void sets_have_a_text(void **unused) {
    (void)unused;
    static const struct {
        int count, cores[8];
        const char *text;
    } cases[] = {
        {0, {0}, ""},           {1, {5}, "5"},
        {3, {0, 1, 2}, "0-2"},  {5, {0, 2, 3, 64, 65}, "0,2-3,64-65"},
        {2, {63, 64}, "63-64"}, {3, {-1, WT_CORES_MAX, WT_CORES_MAX - 1}, "2047"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wt_core_set set;
        char text[64];
        memset(&set, 0, sizeof set);
        for (int c = 0; c < cases[i].count; c++) wt_cores_add(&set, cases[i].cores[c]);
        wt_cores_text(text, sizeof text, &set);
        assert_string_equal(text, cases[i].text);
    }
}

static void sets_are_sets(void **unused) {
    (void)unused;
    wt_core_set a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    wt_cores_add(&a, 3);
    wt_cores_add(&b, 3);
    wt_cores_add(&b, 100);
    assert_true(wt_cores_within(&a, &b) && !wt_cores_within(&b, &a) && wt_cores_overlap(&a, &b));
    memset(&a, 0, sizeof a);
    assert_true(wt_cores_within(&a, &b) && !wt_cores_overlap(&a, &b));
    wt_cores_add(&a, 7);
    wt_cores_unite(&a, &b);
    assert_int_equal(wt_cores_count(&a), 3);
}

static void this_process_has_some(void **unused) {
    (void)unused;
    const wt_core_set set = wt_cores_allowed();
    assert_in_range(wt_cores_count(&set), 1, sysconf(_SC_NPROCESSORS_CONF));
    assert_true(wt_cores_quota() >= 0);
}

static void quotas_of_either_version(void **unused) {
    (void)unused;
    write_file("job/step", "cpu.max", "max 100000\n");
    assert_float_equal(wt_cores_quota_below("0::/job/step\n", folder), 0, 0);
    write_file("job", "cpu.max", "250000 100000\n");
    assert_float_equal(wt_cores_quota_below("0::/job/step\n", folder), 2.5, 1e-9);
    write_file("job/step", "cpu.max", "100000 100000\n");
    assert_float_equal(wt_cores_quota_below("0::/job/step\n", folder), 1, 1e-9);
    write_file("", "cpu.max", "50000 100000\n"); /* what a container sees as the root */
    assert_float_equal(wt_cores_quota_below("0::/somewhere/outside\n", folder), 0.5, 1e-9);
    static const char first[] = "12:cpuset:/x\n4:cpu,cpuacct:/old/job\n1:name=systemd:/y\n";
    assert_float_equal(wt_cores_quota_below(first, folder), 0, 0);
    write_file("cpu,cpuacct/old", "cpu.cfs_quota_us", "-1\n");
    write_file("cpu,cpuacct/old", "cpu.cfs_period_us", "100000\n");
    assert_float_equal(wt_cores_quota_below(first, folder), 0, 0);
    write_file("cpu,cpuacct/old/job", "cpu.cfs_quota_us", "300000\n");
    write_file("cpu,cpuacct/old/job", "cpu.cfs_period_us", "100000\n");
    assert_float_equal(wt_cores_quota_below(first, folder), 3, 1e-9);
    static const char *const odd[] = {
        "", "\n", "nonsense", "0:", "5:cpu", "0::", "7:cpuset,cpuacct:/old/job\n"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        const double quota = wt_cores_quota_below(odd[i], folder);
        assert_true(quota == 0 || quota == 0.5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_have_a_text),
        cmocka_unit_test(sets_are_sets),
        cmocka_unit_test(this_process_has_some),
        cmocka_unit_test(quotas_of_either_version),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_cores_folder);
}
