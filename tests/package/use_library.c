/*
 * What another program does with a data set and a run of it, by wavetrain.h alone: use_library DATA RUN. It
 * evaluates, reads a tensor, generates in blocks, predicts what the run takes, and plots it. One rank.
 */
#include <math.h>
#include <string.h>
#include <wavetrain/wavetrain.h>

enum { BLOCK = 50, BLOCKS = 4 };

/* The loss on the held-out part is the checkpoint's. */
static wt_status evaluate(wt_comm *comm, const char *data, wt_checkpoint *checkpoint,
                          const wt_restored *restored, const wt_kernels *kernels) {
    const wt_checkpoint_state *state = wt_checkpoint_get_state(checkpoint);
    const wt_evaluation evaluation = {.network = restored->network,
                                      .kernels = kernels,
                                      .config = wt_checkpoint_get_config(checkpoint),
                                      .normalization = &state->normalization,
                                      .path = data,
                                      .split = "validation"};
    wt_evaluator *evaluator;
    wt_score score;
    WT_TRY(wt_evaluator_create(&evaluator, comm, &evaluation));
    wt_status status = wt_evaluator_run(evaluator, restored->parameters, NULL, &score, NULL);
    wt_evaluator_destroy(evaluator);
    WT_TRY(status);
    const double loss = score.loss / (double)score.targets;
    WT_CHECK(fabs(loss - state->validation_loss) < 1e-9, WT_FAILED, "evaluation: got %.12g, expected %.12g",
             loss, state->validation_loss);
    printf("evaluated %.4f\n", loss);
    return WT_OK;
}

/* A tensor in PyTorch's order is the one that the network has. */
static wt_status compare_tensor(wt_checkpoint *checkpoint, const wt_restored *restored) {
    const wt_parameter *entry = &wt_network_parameters(restored->network)->entries[0];
    float *stored, *held;
    WT_TRY(wt_alloc(&stored, entry->count, sizeof *stored, "a tensor"));
    WT_TRY(wt_alloc(&held, entry->count, sizeof *held, "a tensor"));
    wt_parameter_export(entry, restored->parameters + entry->offset, held);
    wt_status status = wt_checkpoint_read(checkpoint, WT_TENSOR_PARAMETER, entry->name, entry->rank,
                                          entry->shape, stored);
    if (status == WT_OK && memcmp(stored, held, entry->count * sizeof *held) != 0)
        status = wt_error(WT_FAILED, "%s differs", entry->name);
    printf("tensor %s, %zu elements\n", entry->name, entry->count);
    wt_free(held);
    wt_free(stored);
    return status;
}

/* Sound as it comes, a block at a time. */
static wt_status draw_blocks(wt_checkpoint *checkpoint, const wt_restored *restored,
                             const wt_kernels *kernels) {
    const wt_quantization quantization = wt_checkpoint_quantization(checkpoint);
    const wt_stream_options options = {.silence_class = wt_quantize_silence(quantization), .rows = 1};
    wt_real weights[256];
    const wt_choice choice = {.temperature = 1, .seed = 7, .kernels = kernels, .weights = weights};
    wt_stream *stream;
    wt_status status = WT_OK;
    WT_TRY(wt_stream_open(&stream, wt_network_graph(restored->network), kernels, restored->parameters,
                          &options));
    for (int block = 0; status == WT_OK && block < BLOCKS; block++) {
        double power = 0;
        for (int i = 0; status == WT_OK && i < BLOCK; i++) {
            int32_t next = 0;
            status = wt_choose(&choice, wt_stream_outputs(stream), quantization.levels, block * BLOCK + i,
                               &next);
            const double sample = wt_dequantize(quantization, next);
            power += sample * sample / BLOCK;
            wt_stream_feed(stream, next, NULL);
        }
        if (status == WT_OK) printf("block %d power %.4f\n", block, power);
    }
    wt_stream_destroy(stream);
    return status;
}

static wt_status forecast_run(const wt_config *config, const wt_kernels *kernels) {
    wt_network *network;
    wt_calibration *calibration;
    wt_forecast forecast;
    WT_CHECK(wt_calibration_open(&calibration, "no such file") == WT_USAGE, WT_FAILED,
             "a calibration of nothing");
    WT_TRY(wt_train_create_network(&network, config));
    const wt_forecast_case run = {
        .config = config, .network = network, .kernels = kernels, .ranks = 1, .threads = 1, .nodes = 1};
    wt_status status = wt_forecast_make(&forecast, &run);
    if (status == WT_OK)
        printf("field %d samples, %.1f MiB\n", wt_network_receptive_field(network),
               (double)forecast.memory / 1048576);
    wt_network_destroy(network);
    return status;
}

static wt_status use_run(wt_comm *comm, const char *data, const char *run) {
    wt_checkpoint *checkpoint;
    const wt_kernels *kernels;
    wt_restored restored;
    wt_status status = WT_OK;
    WT_TRY(wt_kernels_select(&kernels, WT_BACKEND_AUTO, WT_PRECISION_FP32));
    WT_TRY(wt_checkpoint_find(&checkpoint, run, WT_PICK_BEST, -1));
    WT_TRY(wt_restore_network(&restored, checkpoint, false));
    WT_GUARD(evaluate(comm, data, checkpoint, &restored, kernels));
    WT_GUARD(compare_tensor(checkpoint, &restored));
    WT_GUARD(draw_blocks(checkpoint, &restored, kernels));
    WT_GUARD(forecast_run(wt_checkpoint_get_config(checkpoint), kernels));
    if (wt_plot_can()) WT_GUARD(wt_plot_runs(&run, NULL, NULL, 1, "loss.png"));
    printf("plot %s\n", wt_path_exists("loss.png") ? "loss.png" : "none");
cleanup:
    wt_restored_dispose(&restored);
    wt_checkpoint_close(checkpoint);
    return status;
}

int main(int argc, char **argv) {
    wt_comm *comm;
    wt_kernels_setup_thread();
    wt_status status = wt_comm_start(&comm, &argc, &argv);
    if (status == WT_OK) {
        wt_log_setup(WT_LOG_NORMAL, true);
        status = argc == 3 ? use_run(comm, argv[1], argv[2])
                           : wt_error(WT_USAGE, "usage: use_library DATA RUN");
    }
    if (status != WT_OK) wt_log_error(wt_error_message());
    wt_comm_finish(comm);
    if (status == WT_OK && wt_memory_blocks() != 0) return 1;
    return (int)status;
}
