/* One checkpoint file: what goes in comes out bit for bit, and no damage gets past the trailer. */
#include "base/file.h"
#include "h5/h5.h"
#include "small_checkpoint.h"

enum { TRAILER = 40 };

static small_checkpoint made;
static const char *here; /* tests/checkpoint */

static const char *file_path(void) {
    return in_folder("step-00001000.h5");
}

static int set_up_file(void **state) {
    small_fill(&made, 1000);
    small_write(&made, file_path());
    return *state != NULL;
}

/* --- whole files --- */

static size_t elements(const wt_checkpoint_tensor *tensor) {
    size_t count = 1;
    for (int i = 0; i < tensor->rank; i++) count *= (size_t)tensor->shape[i];
    return count;
}

static void test_tensors_come_back(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    assert_ok(wt_checkpoint_open(&checkpoint, file_path()));
    assert_string_equal(wt_checkpoint_path(checkpoint), file_path());
    for (int t = 0; t < SMALL_TENSORS; t++) {
        const wt_checkpoint_tensor *tensor = &made.tensors[t];
        for (int kind = 0; kind <= WT_TENSOR_AVERAGE; kind++) {
            float values[SMALL_COUNT];
            assert_ok(wt_checkpoint_read(checkpoint, (wt_tensor_kind)kind, tensor->name, tensor->rank,
                                         tensor->shape, values));
            assert_memory_equal(values, made.values[t][kind], elements(tensor) * sizeof *values);
        }
    }
    wt_checkpoint_close(checkpoint);
}

static void test_names_come_back_sorted(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    char **names;
    size_t count;
    assert_ok(wt_checkpoint_open(&checkpoint, file_path()));
    assert_ok(wt_checkpoint_names(checkpoint, &names, &count));
    assert_int_equal(count, SMALL_TENSORS);
    assert_string_equal(names[0], "blocks.0.conv.weight");
    assert_string_equal(names[1], "blocks.10.conv.bias");
    assert_string_equal(names[2], "input.bias");
    assert_string_equal(names[3], "input.weight");
    wt_h5_free_texts(names, count);
    wt_checkpoint_close(checkpoint);
}

static void test_state_comes_back(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    assert_ok(wt_checkpoint_open(&checkpoint, file_path()));
    const wt_checkpoint_state *got = wt_checkpoint_get_state(checkpoint), *given = &made.state;
    assert_int_equal(got->step, given->step);
    assert_int_equal(got->updates, given->updates);
    assert_int_equal(got->sample_rate, given->sample_rate);
    assert_int_equal(got->channels, given->channels);
    assert_int_equal(got->ranks, given->ranks);
    assert_int_equal(got->threads, given->threads);
    assert_true(isnan(got->validation_loss));
    assert_true(got->best_validation_loss == given->best_validation_loss);
    assert_int_equal(got->best_step, given->best_step);
    assert_true(got->seconds == given->seconds);
    assert_string_equal(got->dataset, given->dataset);
    assert_string_equal(got->dataset_path, given->dataset_path);
    assert_string_equal(got->numerics, given->numerics);
    assert_true(got->guard.rate_scale == given->guard.rate_scale);
    assert_int_equal(got->guard.rollbacks, given->guard.rollbacks);
    assert_int_equal(got->guard.skipped_in_row, given->guard.skipped_in_row);
    assert_int_equal(got->guard.skipped, given->guard.skipped);
    assert_int_equal(got->guard.norm_count, given->guard.norm_count);
    assert_memory_equal(got->guard.norms, given->guard.norms, sizeof got->guard.norms);
    assert_int_equal(got->stale, given->stale);
    assert_true(got->plateau.best == given->plateau.best);
    assert_true(got->plateau.scale == given->plateau.scale);
    assert_int_equal(got->plateau.bad, given->plateau.bad);
    assert_int_equal(got->plateau.cooldown, given->plateau.cooldown);
    wt_checkpoint_close(checkpoint);
}

static void no_difference(void *context, const char *key, wt_resume_rule rule, const char *before,
                          const char *after) {
    (void)context, (void)rule;
    fail_msg("%s: got %s, expected %s", key, after, before);
}

static void test_config_comes_back(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    assert_ok(wt_checkpoint_open(&checkpoint, file_path()));
    const wt_config *config = wt_checkpoint_get_config(checkpoint);
    assert_ok(wt_config_compare(&made.config, config, no_difference, NULL));
    assert_true(config->optimizer.learning_rate == 0.0012300000000000001);
    assert_string_equal(config->data.path, "data/some set");
    wt_checkpoint_close(checkpoint);
}

static void test_moments_may_be_missing(void **state) {
    (void)state;
    small_checkpoint bare = made;
    const char *file = in_folder("bare.h5");
    wt_checkpoint *checkpoint;
    float values[SMALL_COUNT];
    for (int t = 0; t < SMALL_TENSORS; t++) {
        bare.tensors[t].parameter = bare.values[t][0];
        bare.tensors[t].first = bare.tensors[t].second = bare.tensors[t].average = NULL;
    }
    small_write(&bare, file);
    assert_ok(wt_checkpoint_open(&checkpoint, file));
    const wt_checkpoint_tensor *tensor = &bare.tensors[0];
    assert_ok(wt_checkpoint_read(checkpoint, WT_TENSOR_PARAMETER, tensor->name, 3, tensor->shape, values));
    assert_error(wt_checkpoint_read(checkpoint, WT_TENSOR_FIRST, tensor->name, 3, tensor->shape, values),
                 "optimizer/first/input.weight");
    wt_checkpoint_close(checkpoint);
}

/* before-plateau.h5 was written before there were EMA, plateaus and early stopping. */
static void test_an_older_file_is_read(void **state) {
    (void)state;
    char file[WT_PATH_MAX];
    wt_checkpoint *checkpoint;
    float values[4];
    assert_ok(wt_path_join(file, here, "before-plateau.h5"));
    assert_ok(wt_checkpoint_open(&checkpoint, file));
    const wt_checkpoint_state *got = wt_checkpoint_get_state(checkpoint);
    const wt_config *config = wt_checkpoint_get_config(checkpoint);
    assert_int_equal(got->step, 4);
    assert_int_equal(got->best_step, 4);
    assert_int_equal(got->stale, 0);
    assert_true(isinf(got->plateau.best) && got->plateau.scale == 1);
    assert_int_equal(got->plateau.bad, 0);
    assert_int_equal(config->schedule.kind, WT_SCHEDULE_COSINE);
    assert_true(config->ema.decay == 0 && config->optimizer.momentum == 0);
    assert_int_equal(config->optimizer.decay_on, WT_DECAY_ALL);
    assert_ok(wt_checkpoint_read(checkpoint, WT_TENSOR_SECOND, "head.1.bias", 1, (int64_t[]){4}, values));
    wt_checkpoint_close(checkpoint);
}

/* --- the format, byte by byte as checkpoint.h has it --- */

static uint64_t little_endian(const char *at) {
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) value = value << 8 | (unsigned char)at[i];
    return value;
}

static void test_trailer_is_as_documented(void **state) {
    (void)state;
    char *bytes;
    size_t all;
    assert_ok(wt_file_read(&bytes, &all, file_path(), 1 << 20));
    const char *trailer = bytes + all - TRAILER;
    assert_memory_equal(trailer, "wavetrain-end-1\n", 16);
    assert_int_equal(little_endian(trailer + 16), all - TRAILER);
    wt_hash hash = wt_hash_bytes(bytes, all - TRAILER, 0);
    assert_int_equal(little_endian(trailer + 24), hash.high);
    assert_int_equal(little_endian(trailer + 32), hash.low);
    wt_free(bytes);
}

static void test_it_is_plain_hdf5(void **state) {
    (void)state;
    wt_h5 *file;
    wt_h5_shape shape;
    char format[64];
    int64_t version;
    assert_ok(wt_h5_open(&file, file_path())); /* the trailer disturbs no reader */
    assert_ok(wt_h5_read_attribute_text(file, "", "format", format, sizeof format));
    assert_string_equal(format, "wavetrain-checkpoint");
    assert_ok(wt_h5_read_attribute_int(file, "", "version", &version));
    assert_int_equal(version, 1);
    assert_ok(wt_h5_inspect(file, "optimizer/second/input.weight", &shape));
    assert_int_equal(shape.type, WT_H5_FLOAT);
    assert_int_equal(shape.rank, 3);
    assert_int_equal(shape.shape[0] * 100 + shape.shape[1] * 10 + shape.shape[2], 543);
    assert_ok(wt_h5_close(file));
}

static void test_same_state_same_bytes(void **state) {
    (void)state;
    char *one, *two;
    size_t size_one, size_two;
    assert_ok(
        wt_checkpoint_build(&one, &size_one, &made.state, &made.config, NULL, made.tensors, SMALL_TENSORS));
    assert_ok(
        wt_checkpoint_build(&two, &size_two, &made.state, &made.config, NULL, made.tensors, SMALL_TENSORS));
    assert_int_equal(size_one, size_two);
    assert_memory_equal(one, two, size_one);
    wt_free(one);
    wt_free(two);
}

/* --- damage --- */

static void put_file(const char *file, const char *bytes, size_t size) {
    assert_ok(wt_file_write_atomically(file, bytes, size, NULL, 0));
}

static void assert_file_refused(const char *file, const char *words) {
    wt_checkpoint *checkpoint = (wt_checkpoint *)&made;
    assert_error(wt_checkpoint_open(&checkpoint, file), words);
    assert_null(checkpoint);
    assert_non_null(strstr(wt_error_message(), file));
}

static void test_every_truncation_is_refused(void **state) {
    (void)state;
    char *bytes;
    size_t all;
    assert_ok(wt_file_read(&bytes, &all, file_path(), 1 << 20));
    const char *file = in_folder("cut.h5");
    for (size_t lost = 1; lost <= TRAILER + 10; lost++) {
        put_file(file, bytes, all - lost);
        assert_file_refused(file, "checkpoint");
    }
    for (size_t size = 0; size < all; size += size < 20 ? 1 : all / 23) {
        put_file(file, bytes, size);
        assert_file_refused(file, "checkpoint");
    }
    wt_free(bytes);
}

static void test_every_changed_byte_is_refused(void **state) {
    (void)state;
    char *bytes;
    size_t all;
    assert_ok(wt_file_read(&bytes, &all, file_path(), 1 << 20));
    const char *file = in_folder("changed.h5");
    size_t at = 0;
    while (at < all) {
        bytes[at] ^= (char)(1 << at % 8);
        put_file(file, bytes, all);
        assert_file_refused(file, "checkpoint");
        bytes[at] ^= (char)(1 << at % 8);
        bool dense = at < 16 || at + TRAILER + 16 >= all; /* the signature, the trailer; the rest in steps */
        at += dense ? 1 : 211;
        if (!dense && at + TRAILER + 16 > all) at = all - TRAILER - 16;
    }
    put_file(file, bytes, all); /* unharmed again */
    wt_checkpoint *checkpoint;
    assert_ok(wt_checkpoint_open(&checkpoint, file));
    wt_checkpoint_close(checkpoint);
    wt_free(bytes);
}

static void test_something_appended_is_refused(void **state) {
    (void)state;
    char *bytes;
    size_t all;
    assert_ok(wt_file_read(&bytes, &all, file_path(), 1 << 20));
    const char *file = in_folder("longer.h5");
    assert_ok(wt_file_write_atomically(file, bytes, all, "x", 1));
    assert_file_refused(file, "trailer");
    assert_ok(wt_file_write_atomically(file, bytes, all, bytes + all - TRAILER, TRAILER));
    assert_file_refused(file, "got");
    wt_free(bytes);
}

/* --- other files --- */

static void test_foreign_files_are_refused(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    const char *file = in_folder("other.h5");
    put_file(file, "", 0);
    assert_file_refused(file, "no checkpoint");
    put_file(file, "a text that is much longer than a trailer would be", 50);
    assert_file_refused(file, "no checkpoint");
    assert_ok(wt_folder_remove(file));
    wt_h5 *plain;
    assert_ok(wt_h5_create(&plain, file));
    assert_ok(wt_h5_write_attribute_int(plain, "", "step", 4));
    assert_ok(wt_h5_close(plain));
    assert_file_refused(file, "trailer");
    assert_error(wt_checkpoint_open(&checkpoint, in_folder("absent.h5")), "can't be read");
    assert_error(wt_checkpoint_open(&checkpoint, test_folder), "is a folder");
}

/* With a right trailer, so that what the file says of itself decides. */
static void assert_heading_refused(const char *format, int64_t version, const char *words) {
    wt_h5 *image;
    char *bytes;
    size_t size;
    assert_ok(wt_h5_create_image(&image, "an image"));
    if (format) assert_ok(wt_h5_write_attribute_text(image, "", "format", format));
    assert_ok(wt_h5_write_attribute_int(image, "", "version", version));
    assert_ok(wt_h5_image(&bytes, &size, image));
    assert_ok(wt_h5_close(image));
    const char *file = in_folder("heading.h5");
    assert_ok(wt_checkpoint_commit(file, bytes, size));
    assert_file_refused(file, words);
    wt_free(bytes);
}

static void test_other_headings_are_refused(void **state) {
    (void)state;
    assert_heading_refused(NULL, 1, "is no checkpoint of wavetrain");
    assert_heading_refused("wavetrain-dataset", 1, "is no checkpoint of wavetrain");
    assert_heading_refused("wavetrain-checkpoint", 2,
                           "written by a newer wavetrain (got version 2 of the format");
    assert_heading_refused("wavetrain-checkpoint", 0, "damaged: version (got 0");
    assert_heading_refused("wavetrain-checkpoint", 1, "step");
}

static void test_other_architectures_are_named(void **state) {
    (void)state;
    wt_checkpoint *checkpoint;
    float values[2 * SMALL_COUNT];
    assert_ok(wt_checkpoint_open(&checkpoint, file_path()));
    const int64_t narrow[] = {5, 4, 2}, matrix[] = {5, 4}, bias[] = {6};
    assert_error(wt_checkpoint_read(checkpoint, WT_TENSOR_PARAMETER, "blocks.7.conv.weight", 1, bias, values),
                 "another architecture (it has no parameters/blocks.7.conv.weight)");
    assert_error(wt_checkpoint_read(checkpoint, WT_TENSOR_PARAMETER, "input.weight", 3, narrow, values),
                 "another architecture (parameters/input.weight: got shape 5×4×3, expected 5×4×2)");
    assert_error(wt_checkpoint_read(checkpoint, WT_TENSOR_SECOND, "input.weight", 2, matrix, values),
                 "(optimizer/second/input.weight: got shape 5×4×3, expected 5×4)");
    assert_error(wt_checkpoint_read(checkpoint, WT_TENSOR_PARAMETER, "input.bias", 1, bias, values),
                 "(parameters/input.bias: got shape 5, expected 6)");
    wt_checkpoint_close(checkpoint);
}

static void test_commit_fails_without_a_folder(void **state) {
    (void)state;
    char *bytes;
    size_t size;
    assert_ok(
        wt_checkpoint_build(&bytes, &size, &made.state, &made.config, NULL, made.tensors, SMALL_TENSORS));
    assert_error(wt_checkpoint_commit(in_folder("absent/step.h5"), bytes, size),
                 "absent/step.h5: can't write");
    wt_free(bytes);
    wt_checkpoint_close(NULL);
}

int main(int argc, char **argv) {
    here = argc > 1 ? argv[1] : ".";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_tensors_come_back, set_up_file),
        cmocka_unit_test(test_names_come_back_sorted),
        cmocka_unit_test(test_state_comes_back),
        cmocka_unit_test(test_config_comes_back),
        cmocka_unit_test(test_moments_may_be_missing),
        cmocka_unit_test(test_an_older_file_is_read),
        cmocka_unit_test(test_trailer_is_as_documented),
        cmocka_unit_test(test_it_is_plain_hdf5),
        cmocka_unit_test(test_same_state_same_bytes),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_every_changed_byte_is_refused),
        cmocka_unit_test(test_something_appended_is_refused),
        cmocka_unit_test(test_foreign_files_are_refused),
        cmocka_unit_test(test_other_headings_are_refused),
        cmocka_unit_test(test_other_architectures_are_named),
        cmocka_unit_test(test_commit_fails_without_a_folder),
    };
    int failed = cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
    return failed || wt_memory_blocks() != 0;
}
