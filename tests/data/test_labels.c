/*
 * Labelled data sets: windows and batches against plain loops over known samples, for look-aheads, strides,
 * both kinds of labels and inputs, in memory and from disk; and what is refused.
 */
#include <math.h>

#include "data/prepare/prepare.h"
#include "shard_samples.h"

static const int64_t lengths[] = {40, 1, 100, 7, 33, 260, 0};
enum { UTTERANCES = 6, SLOTS = 3, CLASSES = 5 };

static const wt_quantization quantization = {.kind = WT_QUANTIZATION_MULAW, .levels = 256};
static const wt_normalization two = {2, {0.25, -0.5}, {0.5, 2.0}, {3}}, one = {1, {0.125}, {0.75}, {0}};

static float label_of(int64_t utterance, int64_t t, int classes) {
    const int value = known_value(utterance + 100, t, 0);
    return classes ? (float)((value + 40000) % classes) : (float)value / 1000;
}

static float sample_of(int64_t utterance, int64_t t, int channel) {
    return (float)known_value(utterance, t, channel) / 32768.0f;
}

static void add_labelled(wt_shard_writer *writer, int64_t u, int channels, int classes) {
    float samples[2 * 260], labels[260];
    char id[32];
    for (int64_t i = 0; i < lengths[u] * channels; i++)
        samples[i] = sample_of(u, i / channels, (int)(i % channels));
    for (int64_t i = 0; i < lengths[u]; i++) labels[i] = label_of(u, i, classes);
    snprintf(id, sizeof id, "utterance-%lld", (long long)u);
    assert_ok(wt_shard_add_labelled(writer, id, samples, labels, lengths[u]));
}

/* Two shards of three utterances. */
static void make_labelled(const char *folder, const char *kind, wt_shard_store store, int channels,
                          int classes) {
    assert_ok(wt_folder_make(folder));
    for (int s = 0; s < 2; s++) {
        wt_shard_writer *writer = NULL;
        wt_shard_header header = {.kind = kind,
                                  .split = "train",
                                  .sample_rate = 8000,
                                  .channels = channels,
                                  .shard = s,
                                  .shards = 2,
                                  .store = store};
        assert_ok(wt_shard_create(&writer, folder, &header));
        assert_ok(wt_shard_declare_labels(writer, classes, channels == 2 ? &two : &one));
        for (int u = 3 * s; u < 3 * s + 3; u++) add_labelled(writer, u, channels, classes);
        assert_ok(wt_shard_finish(writer));
    }
}

static int make_label_sets(void **state) {
    if (make_test_folder(state) != 0) return -1;
    make_labelled(in_folder("table"), "table", WT_STORE_FLOAT, 2, CLASSES);
    make_labelled(in_folder("sound"), "audio", WT_STORE_INT16, 1, 0);
    make_labelled(in_folder("voice"), "audio", WT_STORE_INT16, 1, CLASSES);
    make_split(in_folder("plain"), "train", WT_STORE_INT16, 1, lengths, 3);
    return 0;
}

/* --- a batch against plain loops --- */

typedef struct {
    const char *folder;
    int channels, classes;
    wt_input_kind input;
    bool normalized;
} label_set;

static wt_label_windows rule_of(const label_set *set, int targets, int context, int ahead, int stride,
                                wt_partial_context partial) {
    wt_label_windows rule = {.targets = targets,
                             .context = context,
                             .partial = partial,
                             .look_ahead = ahead,
                             .stride = stride,
                             .outputs = set->classes};
    if (set->normalized) rule.normalization = set->channels == 2 ? two : one;
    return rule;
}

static double input_of(const label_set *set, int64_t u, int64_t t, int c) {
    const wt_normalization *n = set->channels == 2 ? &two : &one;
    if (t < 0 || t >= lengths[u]) return 0;
    const double x = (double)sample_of(u, t, c);
    return set->normalized ? (x - (n->mean[c] - n->offset[c])) / n->deviation[c] : x + n->offset[c];
}

static void check_inputs(const label_set *set, const wt_label_windows *rule, const wt_batch *batch, int slot,
                         int64_t u, int64_t start, int targets) {
    const int rows = wt_batch_rows(batch), used = targets + rule->context - 1;
    for (int i = 0; i < used; i++) {
        const int64_t t = start + rule->look_ahead - rule->context + 1 + i;
        for (int c = 0; c < set->channels && batch->signal; c++) {
            const wt_real x = batch->signal[((int64_t)slot * rows + i) * set->channels + c];
            assert_true(x == (wt_real)input_of(set, u, t, c));
        }
        if (!batch->classes) continue;
        const bool there = t >= 0 && t < lengths[u];
        const int32_t class = there ? wt_quantize(quantization, (double)sample_of(u, t, 0)) : 128;
        assert_int_equal(batch->classes[(int64_t)slot * rows + i], class);
    }
}

static void check_target(const label_set *set, const wt_batch *batch, int slot, int i, int64_t u, int64_t t,
                         bool counts) {
    const int64_t at = (int64_t)slot * batch->targets + i;
    if (!counts) {
        assert_int_equal(batch->target[at], -1);
    } else if (set->classes) {
        assert_int_equal(batch->target[at], (int)label_of(u, t, set->classes));
    } else {
        assert_int_equal(batch->target[at], 0);
        assert_true(batch->value[at] == label_of(u, t, 0));
    }
}

/* The windows that there should be, in order: by walking over every sample. */
typedef struct {
    int64_t utterance, start;
    int targets;
} expected_window;

static int expect_windows(expected_window *out, const wt_label_windows *rule) {
    const int length = rule->targets + rule->context - 1;
    int count = 0;
    for (int64_t u = 0; u < UTTERANCES; u++) {
        int64_t run = -1; /* start of the window that takes targets */
        for (int64_t t = 0; t < lengths[u]; t++) {
            const bool before = t + rule->look_ahead - rule->context + 1 < 0;
            const bool padded = before || t + rule->look_ahead >= lengths[u];
            if (rule->stride > 0) {
                const int64_t first = rule->partial == WT_PARTIAL_DROP ? length - 1
                                                                       : (length - 1) % rule->stride;
                if (t >= first && (t - first) % rule->stride == 0)
                    out[count++] = (expected_window){u, t - rule->targets + 1, rule->targets};
                continue;
            }
            if (padded && rule->partial == WT_PARTIAL_DROP) continue;
            if (run < 0 || t == run + rule->targets) out[count++] = (expected_window){u, run = t, 0};
            out[count - 1].targets++;
        }
    }
    return count;
}

static int64_t label_in_order(const void *context, int64_t number, int slot) {
    const int64_t index = number * SLOTS + slot;
    return index < *(const int64_t *)context ? index : -1;
}

static void check_label_batches(const label_set *set, const wt_label_windows *rule, wt_dataset *dataset,
                                wt_windows *windows, const expected_window *expected) {
    int64_t count = wt_windows_count(windows), batches = (count + SLOTS - 1) / SLOTS;
    wt_loader *loader = NULL;
    const wt_batch *batch = NULL;
    wt_batch_shape shape = {SLOTS,      rule->targets, rule->context,
                            set->input, quantization,  .values = set->classes == 0};
    assert_ok(wt_loader_create(&loader, dataset, windows, &shape,
                               &(wt_loader_plan){label_in_order, &count, 0, batches}));
    for (int64_t number = 0; number < batches; number++) {
        assert_ok(wt_loader_next(loader, &batch));
        assert_true((batch->value != NULL) == (set->classes == 0));
        for (int slot = 0; slot < SLOTS; slot++) {
            const int64_t index = number * SLOTS + slot;
            const expected_window w = index < count ? expected[index] : (expected_window){0, 0, 0};
            assert_int_equal(batch->target_count[slot], w.targets);
            if (w.targets) check_inputs(set, rule, batch, slot, w.utterance, w.start, w.targets);
            for (int i = 0; i < rule->targets; i++)
                check_target(set, batch, slot, i, w.utterance, w.start + i,
                             i < w.targets && (rule->stride == 0 || i == w.targets - 1));
        }
    }
    wt_loader_destroy(loader);
}

static void check_label_set(const label_set *set, const wt_label_windows *rule, double memory) {
    wt_dataset *dataset = NULL;
    wt_windows *windows = NULL;
    expected_window expected[512];
    int64_t targets = 0, padded = 0;
    const int count = expect_windows(expected, rule);
    assert_ok(wt_dataset_open(&dataset, in_folder(set->folder), "train", memory));
    if (count == 0) {
        assert_error(wt_windows_create_labels(&windows, dataset, rule), "");
        wt_dataset_close(dataset);
        return;
    }
    assert_ok(wt_windows_create_labels(&windows, dataset, rule));
    assert_int_equal(wt_windows_count(windows), count);
    for (int i = 0; i < count; i++) {
        const wt_window w = wt_windows_get(windows, i);
        assert_int_equal(w.utterance, expected[i].utterance);
        assert_int_equal(w.start, expected[i].start);
        assert_int_equal(w.targets, expected[i].targets);
        targets += rule->stride > 0 ? 1 : w.targets;
        for (int t = rule->stride > 0 ? w.targets - 1 : 0; t < w.targets; t++) {
            const int64_t oldest = (rule->stride > 0 ? w.start : w.start + t) + rule->look_ahead -
                                   rule->context + 1;
            padded += oldest < 0 || w.start + t + rule->look_ahead >= lengths[w.utterance];
        }
    }
    assert_int_equal(wt_windows_targets(windows), targets);
    assert_int_equal(wt_windows_padded_targets(windows), padded);
    check_label_batches(set, rule, dataset, windows, expected);
    wt_windows_destroy(windows);
    wt_dataset_close(dataset);
}

static void test_label_batches(void **state) {
    (void)state;
    static const label_set sets[] = {{"table", 2, CLASSES, WT_INPUT_REAL, true},
                                     {"table", 2, CLASSES, WT_INPUT_REAL, false},
                                     {"sound", 1, 0, WT_INPUT_REAL, true},
                                     {"sound", 1, 0, WT_INPUT_CLASS, false},
                                     {"voice", 1, CLASSES, WT_INPUT_CLASS, false}};
    static const int rules[][4] = {/* targets, context, look-ahead, stride */
                                   {16, 11, 0, 0},  {16, 11, 5, 0}, {16, 11, 10, 0}, {7, 1, 0, 0},
                                   {300, 30, 3, 0}, {1, 20, 0, 7},  {12, 9, 0, 5},   {12, 9, 0, 20},
                                   {5, 4, 0, 1},    {1, 300, 0, 50}};
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
            for (int partial = WT_PARTIAL_PAD; partial <= WT_PARTIAL_DROP; partial++) {
                const wt_label_windows rule = rule_of(&sets[s], rules[r][0], rules[r][1], rules[r][2],
                                                      rules[r][3], (wt_partial_context)partial);
                check_label_set(&sets[s], &rule, 0);
                check_label_set(&sets[s], &rule, 1);
            }
        }
    }
}

/* --- the format --- */

static wt_hash digest_of(const char *folder) {
    wt_dataset *dataset;
    assert_ok(wt_dataset_open(&dataset, in_folder(folder), "train", 0));
    const wt_hash digest = wt_dataset_digest(dataset);
    wt_dataset_close(dataset);
    return digest;
}

static void test_reading(void **state) {
    (void)state;
    wt_dataset *dataset;
    int32_t classes[50];
    float values[50];
    assert_ok(wt_dataset_open(&dataset, in_folder("table"), "train", 0));
    assert_int_equal(wt_dataset_label_kind(dataset), WT_LABELS_CLASS);
    assert_int_equal(wt_dataset_classes(dataset), CLASSES);
    assert_int_equal(wt_dataset_kind(dataset), WT_DATA_TABLE);
    assert_memory_equal(wt_dataset_normalization(dataset), &two, sizeof two);
    assert_ok(wt_dataset_read_classes(dataset, 5, 200, 50, classes));
    for (int i = 0; i < 50; i++) assert_int_equal(classes[i], (int)label_of(5, 200 + i, CLASSES));
    assert_error(wt_dataset_read_values(dataset, 5, 200, 50, values), "has no such labels");
    assert_error(wt_dataset_read_classes(dataset, 5, 230, 50, classes), "lacks samples");
    wt_dataset_close(dataset);
    assert_ok(wt_dataset_open(&dataset, in_folder("plain"), "train", 0));
    assert_int_equal(wt_dataset_label_kind(dataset), WT_LABELS_NONE);
    assert_int_equal(wt_dataset_kind(dataset), WT_DATA_AUDIO);
    wt_dataset_close(dataset);
}

/* Labels are part of the digest: the same samples without them, or with others, have another. */
static void test_label_digest(void **state) {
    (void)state;
    const wt_hash sound = digest_of("sound"), voice = digest_of("voice"), plain = digest_of("plain");
    assert_memory_not_equal(&sound, &voice, sizeof sound);
    assert_memory_not_equal(&sound, &plain, sizeof sound);
    make_labelled(in_folder("again"), "audio", WT_STORE_INT16, 1, 0);
    const wt_hash again = digest_of("again");
    assert_memory_equal(&sound, &again, sizeof sound);
}

static void test_label_refusals(void **state) {
    (void)state;
    wt_dataset *dataset;
    wt_windows *windows = NULL;
    wt_label_windows rule = {.targets = 8, .context = 4, .outputs = CLASSES};
    assert_ok(wt_dataset_open(&dataset, in_folder("plain"), "train", 0));
    assert_error(wt_windows_create_labels(&windows, dataset, &rule), "needs a data set with labels");
    wt_dataset_close(dataset);
    assert_ok(wt_dataset_open(&dataset, in_folder("table"), "train", 0));
    rule.outputs = CLASSES - 1;
    assert_error(wt_windows_create_labels(&windows, dataset, &rule),
                 "more classes than the network (got 5, expected at most 4)");
    rule.outputs = 0;
    assert_error(wt_windows_create_labels(&windows, dataset, &rule),
                 "labels are classes (model.head: mse, logistics or gaussian needs values)");
    rule = (wt_label_windows){.targets = 8, .context = 4, .outputs = CLASSES, .normalization = one};
    assert_error(wt_windows_create_labels(&windows, dataset, &rule),
                 "channels other than those of the normalisation (got 2, expected 1)");
    rule = (wt_label_windows){
        .targets = 200, .context = 100, .outputs = CLASSES, .stride = 5, .partial = WT_PARTIAL_DROP};
    assert_error(wt_windows_create_labels(&windows, dataset, &rule),
                 "no window fits an utterance (the longest has 260 samples, a window 299)");
    wt_dataset_close(dataset);
}

static void test_writer_refusals(void **state) {
    (void)state;
    wt_shard_writer *writer = NULL;
    wt_shard_header header = {.kind = "table",
                              .split = "train",
                              .sample_rate = 1,
                              .channels = 1,
                              .shards = 1,
                              .store = WT_STORE_FLOAT};
    float samples[3] = {1, 2, 3}, labels[3] = {0, 1, 4};
    assert_ok(wt_folder_make(in_folder("bad")));
    assert_ok(wt_shard_create(&writer, in_folder("bad"), &header));
    assert_error(wt_shard_declare_labels(writer, 4, &two), "labels of another shape");
    assert_ok(wt_shard_declare_labels(writer, 4, &one));
    assert_error(wt_shard_add(writer, "a", -1, samples, 3), "has no labels");
    assert_error(wt_shard_add_labelled(writer, "a", samples, labels, 3),
                 "a: the label of sample 2 is none of the classes (got 4)");
    labels[2] = 0.5f;
    assert_error(wt_shard_add_labelled(writer, "a", samples, labels, 3), "none of the classes (got 0.5)");
    labels[2] = 3;
    assert_ok(wt_shard_add_labelled(writer, "a", samples, labels, 3));
    assert_error(wt_shard_declare_labels(writer, 4, &one), "labels of another shape");
    wt_shard_abandon(writer);
}

/* --- normalisation --- */

static wt_status load_known(const void *context, size_t item, wt_utterance *utterance) {
    (void)context;
    utterance->count = lengths[item];
    WT_TRY(wt_alloc(&utterance->samples, (size_t)lengths[item] * 2, sizeof(float), "samples"));
    for (int64_t i = 0; i < lengths[item] * 2; i++)
        utterance->samples[i] = i % 2 ? 7.5f : 1000 + sample_of((int64_t)item, i / 2, 0);
    return WT_OK;
}

/* Channel 0 against plain sums in long double; channel 1 never changes. */
static void test_moments(void **state) {
    (void)state;
    const wt_prepare_plan plan = {.channels = 2};
    const wt_utterance_source source = {.load = load_known};
    wt_moments total = {0}, moments;
    wt_normalization normalization = {.offset = {0, 100}};
    long double sum = 0, squares = 0;
    int64_t count = 0;
    for (size_t u = 0; u < UTTERANCES; u++) {
        assert_ok(wt_prepare_measure(&plan, u, &source, &moments));
        assert_int_equal(moments.count, lengths[u]);
        wt_moments_add(&total, &moments, 2);
        for (int64_t t = 0; t < lengths[u]; t++, count++) sum += 1000 + sample_of((int64_t)u, t, 0);
    }
    for (int64_t u = 0; u < UTTERANCES; u++) {
        for (int64_t t = 0; t < lengths[u]; t++) {
            const long double d = 1000 + sample_of(u, t, 0) - sum / count;
            squares += d * d;
        }
    }
    wt_moments_finish(&normalization, &total, 2);
    assert_int_equal(normalization.channels, 2);
    assert_true(fabs(normalization.mean[0] - (double)(sum / count)) < 1e-10);
    assert_true(fabs(normalization.deviation[0] - sqrt((double)(squares / count))) < 1e-10);
    assert_true(normalization.mean[1] == 107.5 && normalization.deviation[1] == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label_batches),   cmocka_unit_test(test_reading),
        cmocka_unit_test(test_label_digest),    cmocka_unit_test(test_label_refusals),
        cmocka_unit_test(test_writer_refusals), cmocka_unit_test(test_moments),
    };
    return cmocka_run_group_tests_name("labels", tests, make_label_sets, remove_test_folder);
}
