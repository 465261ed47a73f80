/* Safetensors in memory: what is printed reads back, bit for bit, and begins where the format says; a header
 * that says what is not there is refused, and so is a file that is cut short anywhere. */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "export/safetensors.h"
#include "support.h"

enum { CAPACITY = 4096 };

static char bytes[CAPACITY];

/* A file of this header and so many bytes behind it. */
static size_t make_safetensors(const char *header, size_t numbers) {
    const uint64_t length = htole64(strlen(header));
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, &length, sizeof length);
    memcpy(bytes + sizeof length, header, strlen(header));
    return sizeof length + strlen(header) + numbers;
}

/* --- round trips --- */

static size_t print_example(float *values) {
    static const int64_t weight[] = {2, 3, 2}, bias[] = {2};
    wt_safetensors file = {.count = 0};
    char *header;
    size_t size;
    for (int i = 0; i < 14; i++) values[i] = 0.3f * (float)i - 1;
    must(wt_safetensors_add(&file, "blocks.0.conv.weight", 3, weight));
    must(wt_safetensors_add(&file, "blocks.0.conv.bias", 1, bias));
    must(wt_safetensors_describe(&file, "config", "model: {layers: 3}\n\"quoted\" \xc3\xa4\n"));
    must(wt_safetensors_print(&header, &size, &file, values));
    assert_int_equal(size % 64, 0);
    memcpy(bytes, header, size);
    memcpy(bytes + size, values, 14 * sizeof *values);
    wt_free(header);
    wt_safetensors_dispose(&file);
    return size + 14 * sizeof *values;
}

static void test_safetensors_round_trip(void **state) {
    float values[14];
    wt_safetensors file;
    (void)state;
    const size_t size = print_example(values);
    assert_true(wt_safetensors_recognise(bytes, size));
    must(wt_safetensors_parse(&file, "test", bytes, size));
    assert_int_equal(file.count, 2);
    assert_string_equal(file.tensors[0].name, "blocks.0.conv.weight");
    assert_int_equal(file.tensors[0].rank, 3);
    assert_int_equal(file.tensors[0].shape[1], 3);
    assert_int_equal(file.tensors[1].first, 12);
    assert_int_equal(file.tensors[1].count, 2);
    assert_memory_equal(file.values, values, sizeof values);
    assert_string_equal(wt_safetensors_find(&file, "config"), "model: {layers: 3}\n\"quoted\" \xc3\xa4\n");
    assert_null(wt_safetensors_find(&file, "other"));
    wt_safetensors_close(&file);
}

/* As other writers have them: another order of tensors, no metadata, spaces behind the header. */
static void test_safetensors_of_others(void **state) {
    wt_safetensors file;
    (void)state;
    const size_t size = make_safetensors(
        "{\"b\":{\"shape\":[1],\"data_offsets\":[8,12],\"dtype\":\"F32\"},"
        "\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8],\"shape\":[2,1]}}   ",
        12);
    must(wt_safetensors_parse(&file, "test", bytes, size));
    assert_string_equal(file.tensors[0].name, "a");
    assert_int_equal(file.tensors[1].first, 2);
    wt_safetensors_close(&file);
}

/* --- refusals --- */

#define TENSOR(type, shape, begin, end) \
    "{\"a\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}}"

static const struct {
    const char *header;
    size_t numbers;
    const char *words;
} refused[] = {
    {"{\"a\":", 8, "is no JSON"},
    {"[]", 8, "is no object"},
    {"{}", 0, "has no tensors"},
    {"{\"a\":1}", 8, "not described by an object"},
    {"{\"a\":{},\"a\":{}}", 8, "duplicate"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "k is not a text"},
    {"{\"__metadata__\":[]}", 0, "not an object of texts"},
    {"{\"../a\":{}}", 8, "a tensor's name"},
    {"{\"\":{}}", 8, "a tensor's name"},
    {"{\"a23456789.123456789.123456789.123456789.123456789.123456789.1234\":{}}", 8, "a tensor's name"},
    {TENSOR("F16", "[2]", "0", "4"), 4, "got F16, expected F32"},
    {TENSOR("F32", "[]", "0", "4"), 4, "no shape"},
    {TENSOR("F32", "[1,1,1,2]", "0", "8"), 8, "no shape"},
    {TENSOR("F32", "[0]", "0", "0"), 8, "the shape of a"},
    {TENSOR("F32", "[-2]", "0", "8"), 8, "the shape of a"},
    {TENSOR("F32", "[2.0]", "0", "8"), 8, "the shape of a"},
    {TENSOR("F32", "[4294967296,4294967296]", "0", "8"), 8, "the shape of a"},
    {TENSOR("F32", "[9223372036854775807]", "0", "8"), 8, "the shape of a"},
    {TENSOR("F32", "[2]", "0", "16"), 8, "do not fit its shape"},
    {TENSOR("F32", "[4]", "0", "16"), 8, "is cut short"},
    {TENSOR("F32", "[2]", "8", "0"), 8, "not two ascending places"},
    {TENSOR("F32", "[2]", "-8", "0"), 8, "not two ascending places"},
    {TENSOR("F32", "[2]", "0", "4"), 8, "do not fit its shape"},
    {TENSOR("F32", "[1]", "2", "6"), 8, "do not fit its shape"},
    {TENSOR("F32", "[1]", "4", "8"), 8, "leave a gap"},
    {TENSOR("F32", "[1]", "0", "4"), 8, "bytes behind its tensors"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
     "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
     8, "overlap"},
};

static void test_safetensors_refusals(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        wt_safetensors file;
        const size_t size = make_safetensors(refused[i].header, refused[i].numbers);
        const wt_status status = wt_safetensors_parse(&file, "test", bytes, size);
        assert_null(file.values);
        if (status != WT_USAGE) fail_msg("not refused: %s", refused[i].header);
        if (!strstr(wt_error_message(), refused[i].words) || strncmp(wt_error_message(), "test: ", 6) != 0)
            fail_msg("got: %s, expected a line of test with: %s", wt_error_message(), refused[i].words);
    }
}

static void test_safetensors_cut_short(void **state) {
    float values[14];
    wt_safetensors file;
    (void)state;
    const size_t size = print_example(values);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(wt_safetensors_parse(&file, "test", bytes, cut), WT_USAGE);
    const uint64_t length = htole64(UINT64_MAX);
    memcpy(bytes, &length, sizeof length);
    assert_false(wt_safetensors_recognise(bytes, size));
    assert_int_equal(wt_safetensors_parse(&file, "test", bytes, size), WT_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safetensors_round_trip), cmocka_unit_test(test_safetensors_of_others),
        cmocka_unit_test(test_safetensors_refusals), cmocka_unit_test(test_safetensors_cut_short),
        cmocka_unit_test(test_memory_is_given_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
