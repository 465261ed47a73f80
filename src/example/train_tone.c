/*
 * Trains through the C API: train_tone FOLDER, alone or under mpirun.
 *
 * Makes a data set of tones that it computes, trains a small network on it, and prints how the network goes
 * on with a tone, the loss on held-out tones, and the hash of all parameters and moments, which is the same
 * on any number of ranks. FOLDER must not exist; it gets the data set (data) and the run (run), with which
 * the program `wavetrain` works too.
 */
#include <math.h>
#include <string.h>
#include <wavetrain/wavetrain.h>

enum { RATE = 8000, SAMPLES = 4000, TONES = 8, LEVELS = 64, HEARD = 100, SHOWN = 20 };

/* As in a file; `wavetrain train --help-config` says what there is. */
static const char configuration[] = "model: {stacks: 1, layers: 6, residual: 16, gate: 16, skip: 16}\n"
                                    "data: {window: 256, quantization: 'mulaw:64'}\n"
                                    "train: {batch: 8, microbatches: 4, steps: 100}\n"
                                    "optimizer: {learning_rate: 1.0e-2}\n"
                                    "schedule: {kind: cosine, warmup: 5}\n"
                                    "validation: {every: 50}\n"
                                    "checkpoint: {every: 100}\n";

/* --- data: one shard for each split --- */

static float tone(int number, int sample) {
    const double pi = 3.14159265358979323846;
    return (float)(0.5 * sin(2 * pi * (400.0 * sample / RATE + 0.1 * number)));
}

static wt_status add_tone(wt_shard_writer *writer, int number) {
    float samples[SAMPLES];
    char id[32];
    for (int i = 0; i < SAMPLES; i++) samples[i] = tone(number, i);
    snprintf(id, sizeof id, "tone-%d", number);
    return wt_shard_add(writer, id, -1, samples, SAMPLES);
}

static wt_status write_tone_shard(const char *folder, const char *split, int first, int end) {
    const wt_shard_header header = {
        .kind = "audio", .split = split, .sample_rate = RATE, .channels = 1, .shards = 1};
    wt_shard_writer *writer;
    WT_TRY(wt_shard_create(&writer, folder, &header));
    for (int number = first; number < end; number++) {
        wt_status status = add_tone(writer, number);
        if (status == WT_OK) continue;
        wt_shard_abandon(writer);
        return status;
    }
    return wt_shard_finish(writer);
}

static wt_status write_data(const char *folder) {
    WT_CHECK(!wt_path_exists(folder), WT_USAGE, "%s: is there already", folder);
    WT_TRY(wt_folder_make(folder));
    WT_TRY(write_tone_shard(folder, "train", 0, TONES));
    return write_tone_shard(folder, "validation", TONES, TONES + 2);
}

/* --- training: all ranks --- */

static wt_status train_run(wt_comm *comm, const char *data, const char *run) {
    wt_train_options options = {0};
    wt_config *config;
    char path[WT_PATH_MAX + 16];
    const char *const set = path;
    WT_TRY(wt_config_create(&config));
    snprintf(path, sizeof path, "data.path=%s", data);
    wt_status status = wt_config_parse(config, "train_tone", configuration, sizeof configuration - 1, &set,
                                       1);
    options.config = config;
    snprintf(options.run, sizeof options.run, "%s", run);
    status = wt_comm_agree(comm, status); /* one rank's failure is every rank's */
    if (status == WT_OK) status = wt_train(comm, &options);
    wt_config_destroy(config);
    return status;
}

/* --- what has come of it --- */

/* How the network goes on after the beginning of a tone, taking the most likely class each time. */
static wt_status print_tone(wt_checkpoint *checkpoint, const wt_restored *restored) {
    const wt_kernels *kernels;
    wt_stream *stream;
    int32_t heard[HEARD], classes[SHOWN];
    int64_t count;
    bool stopped;
    wt_quantization quantization = wt_checkpoint_quantization(checkpoint);
    const wt_sequence sequence = {.prompt = heard, .prompt_count = HEARD, .stop = -1, .most = SHOWN};
    wt_real weights[LEVELS];
    wt_choice choice = {.temperature = 0, .weights = weights};
    for (int i = 0; i < HEARD; i++) heard[i] = wt_quantize(quantization, tone(TONES, i));
    WT_TRY(wt_kernels_select(&kernels, WT_BACKEND_AUTO, WT_PRECISION_FP32));
    choice.kernels = kernels;
    WT_TRY(wt_stream_create(&stream, wt_network_graph(restored->network), kernels, restored->parameters,
                            wt_quantize_silence(quantization)));
    wt_status status = wt_sequence_draw(stream, &sequence, &choice, LEVELS, classes, &count, &stopped);
    wt_stream_destroy(stream);
    WT_TRY(status);
    printf("sample  tone    network\n");
    for (int i = 0; i < (int)count; i++)
        printf("%6d  %5.2f  %5.2f\n", HEARD + i, tone(TONES, HEARD + i),
               wt_dequantize(quantization, classes[i]));
    return WT_OK;
}

static wt_status print_results(wt_checkpoint *checkpoint) {
    wt_restored restored;
    wt_hash hash;
    char text[WT_HASH_TEXT];
    const wt_checkpoint_state *state = wt_checkpoint_get_state(checkpoint);
    WT_TRY(wt_checkpoint_hash(&hash, checkpoint));
    WT_TRY(wt_restore_network(&restored, checkpoint, false));
    wt_status status = print_tone(checkpoint, &restored);
    wt_restored_dispose(&restored);
    wt_hash_print(text, hash);
    printf("loss %.4f nats after %d steps; a guess has %.4f\n", state->validation_loss, (int)state->step,
           log(LEVELS));
    printf("hash %s\n", text);
    return status;
}

static wt_status report_run(const char *run) {
    wt_checkpoint *checkpoint;
    WT_TRY(wt_checkpoint_find(&checkpoint, run, WT_PICK_NEWEST, -1));
    wt_status status = print_results(checkpoint);
    wt_checkpoint_close(checkpoint);
    return status;
}

static wt_status run_example(wt_comm *comm, const char *folder) {
    char data[WT_PATH_MAX], run[WT_PATH_MAX];
    bool root = wt_comm_rank(comm) == 0;
    WT_TRY(wt_path_join(data, folder, "data"));
    WT_TRY(wt_path_join(run, folder, "run"));
    WT_TRY(wt_comm_agree(comm, root ? write_data(data) : WT_OK));
    WT_TRY(train_run(comm, data, run));
    return wt_comm_agree(comm, root ? report_run(run) : WT_OK);
}

int main(int argc, char **argv) {
    wt_comm *comm;
    wt_kernels_setup_thread();
    wt_status status = wt_comm_start(&comm, &argc, &argv);
    if (status == WT_OK) {
        wt_log_setup(WT_LOG_NORMAL, wt_comm_rank(comm) == 0);
        status = argc == 2 ? run_example(comm, argv[1]) : wt_error(WT_USAGE, "usage: train_tone FOLDER");
    }
    bool root = status != WT_OK && (!comm || wt_comm_rank(comm) == 0);
    if (root) wt_log_error(wt_error_message());
    wt_comm_finish(comm);
    return root ? (int)status : 0;
}
