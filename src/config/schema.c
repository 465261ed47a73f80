/*
 * The table of keys, and look-ups in it. Parsing, checking, --help-config, the
 * resolved text and comparisons all walk this one table; a default is kept as the
 * text that a file would hold, so that it passes through the same checks.
 * The keys of an array (model.kernel …) are also those of each entry of
 * model.arrays: the same rows, at the same offsets within another wt_array_config.
 * Limits are doubles: one type for all kinds of numbers, exact up to 2^53.
 */
#include <string.h>

#include "config_internal.h"

#define AT(field) offsetof(wt_config, field)
#define CHOICES(...) ((const char *const[]){__VA_ARGS__, NULL})

#define STEPS_MOST 1e12

/* clang-format off */
const wt_key wt_keys[] = {
{.name = "model", .type = WT_KEY_SECTION, .help = "The network that is trained."},
{.name = "model.trunk", .type = WT_KEY_CHOICE, .offset = AT(model.trunk), .standard = "wavenet",
 .choices = CHOICES("wavenet", "hierarchy", "amplifier"), .resume = WT_RESUME_REFUSED,
 .help = "Kind of network: blocks of dilated causal convolutions, or levels that fuse neighbours (embedding, "
         "fuse, width; of the keys below it has input, activation, bias, norm, dropout, head, readout, init, "
         "init_gain, output_scale), or Neural Amp Modeler's arrays of layers (of the keys below it has those "
         "of arrays, head_scale, slope, init, init_gain, output_scale; input real, input_kernel 1, head "
         "mse)."},
{.name = "model.preset", .type = WT_KEY_CHOICE, .offset = AT(model.preset), .standard = "none",
 .choices = wt_preset_names, .resume = WT_RESUME_FREE,
 .help = "A published network with its recipe, which sets each key that is not given elsewhere. Neural Amp "
         "Modeler: a1-standard, a1-lite, a1-feather, a1-nano; a2-full, a2-lite."},
{.name = "model.input", .type = WT_KEY_CHOICE, .offset = AT(model.input), .standard = "class",
 .choices = CHOICES("class", "real"), .resume = WT_RESUME_REFUSED,
 .help = "What the network reads for each sample: its class after quantization, or its value."},
{.name = "model.input_kernel", .type = WT_KEY_INT, .offset = AT(model.input_kernel), .standard = "2",
 .least = 1, .most = WT_KERNEL_MAX, .resume = WT_RESUME_REFUSED,
 .help = "Taps of the input convolution."},
{.name = "model.kernel", .type = WT_KEY_INT, .offset = AT(model.array.kernel), .standard = "2",
 .least = 1, .most = WT_KERNEL_MAX, .resume = WT_RESUME_REFUSED,
 .help = "Taps of each dilated convolution."},
{.name = "model.kernels", .type = WT_KEY_DILATIONS, .offset = AT(model.array.kernels), .standard = "[]",
 .least = 1, .most = WT_KERNEL_MAX, .replaced = WT_REPLACED_BY_ARRAYS, .resume = WT_RESUME_REFUSED,
 .help = "Taps of a stack's blocks, one number for each, in place of kernel."},
{.name = "model.stacks", .type = WT_KEY_INT, .offset = AT(model.array.stacks), .standard = "3",
 .least = 1, .most = 64, .replaced = WT_REPLACED_BY_ARRAYS, .resume = WT_RESUME_REFUSED,
 .help = "How many times the sequence of dilations is repeated."},
{.name = "model.layers", .type = WT_KEY_INT, .offset = AT(model.array.layers), .standard = "10",
 .least = 1, .most = 24, .replaced = WT_REPLACED_BY_DILATIONS | WT_REPLACED_BY_ARRAYS,
 .resume = WT_RESUME_REFUSED,
 .help = "Blocks per stack, with dilations 1, 2, 4 … 2^(layers-1)."},
{.name = "model.dilations", .type = WT_KEY_DILATIONS, .offset = AT(model.array.dilations), .standard = "[]",
 .least = 1, .most = 1048576, .replaced = WT_REPLACED_BY_ARRAYS, .resume = WT_RESUME_REFUSED,
 .help = "Dilations of a stack's blocks, such as [1, 3, 9]; they take the place of layers."},
{.name = "model.residual", .type = WT_KEY_INT, .offset = AT(model.array.residual), .standard = "64",
 .least = 1, .most = 65536, .resume = WT_RESUME_REFUSED,
 .help = "Channels that each block passes to the next one."},
{.name = "model.gate", .type = WT_KEY_INT, .offset = AT(model.array.gate), .standard = "64",
 .least = 1, .most = 65536, .resume = WT_RESUME_REFUSED,
 .help = "Channels of the activation (of each half of the gate)."},
{.name = "model.activation", .type = WT_KEY_CHOICE, .offset = AT(model.array.activation), .standard = "gate",
 .choices = CHOICES("gate", "tanh", "relu", "leaky-relu", "hardtanh", "sigmoid", "silu", "hardswish",
                    "softsign"),
 .resume = WT_RESUME_REFUSED,
 .help = "Activation of each block: gate is tanh(a)·sigmoid(b); the others have no gate. Hierarchy: "
         "activation of each level, all but gate, tanh by default."},
{.name = "model.head_kernel", .type = WT_KEY_INT, .offset = AT(model.array.head_kernel), .standard = "1",
 .least = 1, .most = WT_KERNEL_MAX, .resume = WT_RESUME_REFUSED,
 .help = "Amplifier: taps of the convolution that reads an array's sum."},
{.name = "model.head_bias", .type = WT_KEY_CHOICE, .offset = AT(model.array.head_bias), .standard = "false",
 .choices = CHOICES("false", "true"), .resume = WT_RESUME_REFUSED,
 .help = "Amplifier: whether the convolution that reads an array's sum has a bias."},
{.name = "model.arrays", .type = WT_KEY_ARRAYS, .offset = AT(model), .standard = "[]",
 .resume = WT_RESUME_REFUSED,
 .help = "A list for stacks that differ, such as [{layers: 8, residual: 32}, {layers: 4}]; it takes the "
         "place of stacks, layers and dilations. An entry may have the keys kernel, kernels, stacks, layers, "
         "dilations, residual, gate, activation, head_kernel and head_bias; a missing key defaults to the "
         "model's own, a missing stacks to 1."},
{.name = "model.condition", .type = WT_KEY_CHOICE, .offset = AT(model.condition.kind), .standard = "none",
 .choices = CHOICES("none", "repeat", "linear", "stretch"), .resume = WT_RESUME_REFUSED,
 .help = "Upsampling of the data set's features, which are added to each block's gate. repeat: each frame is "
         "that of the samples around it; linear: interpolated between two frames; stretch: by a learnt "
         "network with condition_scales."},
{.name = "model.condition_pad", .type = WT_KEY_INT, .offset = AT(model.condition.pad), .standard = "2",
 .least = 0, .most = 64, .resume = WT_RESUME_REFUSED,
 .help = "Condition stretch: how many frames on either side of its own the first convolution reads."},
{.name = "model.condition_scales", .type = WT_KEY_DILATIONS, .offset = AT(model.condition.scales),
 .standard = "[]", .least = 1, .most = 64, .resume = WT_RESUME_REFUSED,
 .help = "Condition stretch: at most 4 factors, such as [4, 4, 4, 4]; their product is the features' hop."},
{.name = "model.speaker", .type = WT_KEY_INT, .offset = AT(model.condition.speaker), .standard = "0",
 .least = 0, .most = 65536, .resume = WT_RESUME_REFUSED,
 .help = "Channels of the embedding of a recording's speaker, which is added to each block's gate. 0: none."},
{.name = "model.skip", .type = WT_KEY_INT, .offset = AT(model.skip), .standard = "128",
 .least = 1, .most = 65536, .resume = WT_RESUME_REFUSED,
 .help = "Channels of the sum of all skip connections, which the head reads."},
{.name = "model.skip_scale", .type = WT_KEY_REAL, .offset = AT(model.skip_scale), .standard = "1.0",
 .least = 0, .most = 1000, .above = true, .resume = WT_RESUME_REFUSED,
 .help = "Factor on the sum of skips before each block adds its own."},
{.name = "model.residual_scale", .type = WT_KEY_REAL, .offset = AT(model.residual_scale), .standard = "1.0",
 .least = 0, .most = 1000, .above = true, .resume = WT_RESUME_REFUSED,
 .help = "Factor on each block's output; 0.7071067811865476 is common."},
{.name = "model.head", .type = WT_KEY_CHOICE, .offset = AT(model.head), .standard = "softmax",
 .choices = CHOICES("softmax", "mse", "logistics", "gaussian"), .resume = WT_RESUME_REFUSED,
 .help = "What is predicted: a class (cross-entropy), a value (squared error), or the distribution of a "
         "value as a mixture of logistics or Gaussians. For sound the loss is the probability of the 16-bit "
         "code, for other data a density."},
{.name = "model.components", .type = WT_KEY_INT, .offset = AT(model.components), .standard = "0",
 .least = 0, .most = 64, .resume = WT_RESUME_REFUSED,
 .help = "Components of the mixture that the heads logistics and gaussian predict. 0: 10 logistics, one "
         "Gaussian."},
{.name = "model.mean_unit", .type = WT_KEY_REAL, .offset = AT(model.mean_unit), .standard = "1.0",
 .least = 0, .most = 1e9, .above = true, .resume = WT_RESUME_REFUSED,
 .help = "Heads logistics and gaussian: factor from the network's output to a component's mean. With about "
         "the deviation of the predicted values (0.1 for full-scale speech) a network learns means faster."},
{.name = "model.mean_curve", .type = WT_KEY_CHOICE, .offset = AT(model.mean_curve), .standard = "linear",
 .choices = CHOICES("linear", "sinh"), .resume = WT_RESUME_REFUSED,
 .help = "Heads logistics and gaussian: a mean is mean_unit times the network's output, or times its sinh, "
         "whose steps grow with the mean. For sound, sinh with about the deviation of its quiet parts "
         "(0.0003) as the unit."},
{.name = "model.readout", .type = WT_KEY_CHOICE, .offset = AT(model.readout), .standard = "last",
 .choices = CHOICES("last", "mean", "linear"), .resume = WT_RESUME_REFUSED,
 .help = "Where a window has one label (data.stride): read from the last output, from the mean of all "
         "outputs that see nothing but the window, or from a weighted sum of them, with a weight for each "
         "time."},
{.name = "model.head_channels", .type = WT_KEY_INT, .offset = AT(model.head_channels), .standard = "0",
 .least = 0, .most = 65536, .resume = WT_RESUME_REFUSED,
 .help = "Hidden width of the head. 0: as wide as skip."},
{.name = "model.head_scale", .type = WT_KEY_REAL, .offset = AT(model.head_scale), .standard = "1.0",
 .least = -1000, .most = 1000, .resume = WT_RESUME_REFUSED,
 .help = "Amplifier: a constant factor on the output."},
{.name = "model.spectral_weight", .type = WT_KEY_REAL, .offset = AT(model.spectral.weight), .standard = "0.0",
 .least = 0, .most = 1e6, .resume = WT_RESUME_WARNED,
 .help = "Head mse of labels: factor on the multi-resolution STFT loss of each window, which training adds "
         "to the squared error. Validation has the squared error alone."},
{.name = "model.spectral_emphasis", .type = WT_KEY_REAL, .offset = AT(model.spectral.preemphasis),
 .standard = "0.85", .least = 0, .most = 1, .resume = WT_RESUME_WARNED,
 .help = "Pre-emphasis c of the signals of the STFT loss, x[t] - c · x[t-1]. 0: none."},
{.name = "model.spectral_gain", .type = WT_KEY_REAL, .offset = AT(model.spectral.gain), .standard = "1.0",
 .least = 0, .most = 1e6, .above = true, .resume = WT_RESUME_WARNED,
 .help = "Factor on target and output of the STFT loss, because the floor under its magnitudes is absolute."},
{.name = "model.slope", .type = WT_KEY_REAL, .offset = AT(model.slope), .standard = "0.01",
 .least = 0, .most = 1, .above = true, .resume = WT_RESUME_REFUSED,
 .help = "Leaky-relu: factor on values below 0."},
{.name = "model.embedding", .type = WT_KEY_INT, .offset = AT(model.hierarchy.embedding), .standard = "10",
 .least = 1, .most = 65536, .resume = WT_RESUME_REFUSED,
 .help = "Hierarchy: channels of the vector that each class is mapped to."},
{.name = "model.fuse", .type = WT_KEY_DILATIONS, .offset = AT(model.hierarchy.fuse), .standard = "[]",
 .least = 1, .most = 65536, .resume = WT_RESUME_REFUSED,
 .help = "Hierarchy: how many neighbours each level concatenates, such as [2, 2, 2]; the product of these "
         "numbers is the context."},
{.name = "model.width", .type = WT_KEY_NUMBERS, .offset = AT(model.hierarchy.width), .standard = "64",
 .least = 1, .most = 65536, .resume = WT_RESUME_REFUSED,
 .help = "Hierarchy: channels of each level; a list has one number per level."},
{.name = "model.bias", .type = WT_KEY_CHOICE, .offset = AT(model.hierarchy.bias), .standard = "auto",
 .choices = CHOICES("auto", "true", "false"), .resume = WT_RESUME_REFUSED,
 .help = "Whether the linear layers of a hierarchy's levels, or the dilated convolutions of blocks with a "
         "norm, add a bias; auto: where no norm follows."},
{.name = "model.norm", .type = WT_KEY_CHOICE, .offset = AT(model.norm), .standard = "none",
 .choices = CHOICES("none", "batch", "layer"), .resume = WT_RESUME_REFUSED,
 .help = "Between a block's dilated convolution and its gate, or a level's linear layer and its activation: "
         "batch norm over all rows of a step, on all ranks (running statistics in evaluation), or layer norm "
         "over the channels."},
{.name = "model.dropout", .type = WT_KEY_REAL, .offset = AT(model.dropout), .standard = "0.0",
 .least = 0, .most = 1, .below = true, .resume = WT_RESUME_WARNED,
 .help = "Share of activations (in a block: after the gate) that a training step sets to 0; the others are "
         "scaled up to compensate."},
{.name = "model.init", .type = WT_KEY_CHOICE, .offset = AT(model.initial.kind), .standard = "default",
 .choices = CHOICES("default", "kaiming", "xavier", "normal"), .resume = WT_RESUME_REFUSED,
 .help = "How weights are initialised. default: as PyTorch does, uniform up to 1/sqrt(fan_in), biases too. "
         "The others set biases to 0; kaiming: normal with deviation gain/sqrt(fan_in); xavier: uniform up "
         "to gain·sqrt(6/(fan_in + fan_out)); normal: deviation 1/sqrt(fan_in). Embeddings are always N(0, "
         "1)."},
{.name = "model.init_gain", .type = WT_KEY_REAL, .offset = AT(model.initial.gain), .standard = "0.0",
 .least = 0, .most = 1000, .resume = WT_RESUME_REFUSED,
 .help = "Gain of kaiming and xavier. 0: the activation's own, 5/3 for tanh and the gate, sqrt(2) for relu."},
{.name = "model.output_scale", .type = WT_KEY_REAL, .offset = AT(model.initial.output_scale),
 .standard = "1.0", .least = 0, .most = 1000, .above = true, .resume = WT_RESUME_REFUSED,
 .help = "Factor on the initial weights of the last layer; with 0.1 the first predictions are nearly "
         "uniform."},

{.name = "data", .type = WT_KEY_SECTION, .help = "The data set, and how it is read."},
{.name = "data.path", .type = WT_KEY_TEXT, .offset = AT(data.path), .standard = "data/speech",
 .resume = WT_RESUME_WARNED,
 .help = "Folder of shards that wavetrain prepare made."},
{.name = "data.window", .type = WT_KEY_INT, .offset = AT(data.window), .standard = "8192",
 .least = 1, .most = 16777216, .resume = WT_RESUME_REFUSED,
 .help = "Targets per window; the samples before them that the network reads are added."},
{.name = "data.quantization", .type = WT_KEY_QUANTIZATION, .offset = AT(data.quantization),
 .standard = "mulaw:256", .choices = CHOICES("mulaw", "linear", "vocabulary"), .least = 2, .most = 65536,
 .resume = WT_RESUME_REFUSED,
 .help = "How samples become classes. Text: vocabulary, a class for each of the data set's symbols."},
{.name = "data.partial_context", .type = WT_KEY_CHOICE, .offset = AT(data.partial_context), .standard = "pad",
 .choices = CHOICES("pad", "drop"), .resume = WT_RESUME_REFUSED,
 .help = "Targets that are nearer to the start of a recording than the receptive field: pad their context, "
         "or drop them."},
{.name = "data.target", .type = WT_KEY_CHOICE, .offset = AT(data.target), .standard = "next",
 .choices = CHOICES("next", "label"), .resume = WT_RESUME_REFUSED,
 .help = "The next sample, or the label that the data set has for each sample."},
{.name = "data.look_ahead", .type = WT_KEY_INT, .offset = AT(data.look_ahead), .standard = "0",
 .least = 0, .most = 1073741823, .resume = WT_RESUME_REFUSED,
 .help = "Labels: how many samples after its own a label is predicted from; half of the receptive field "
         "minus 1 gives a centred model."},
{.name = "data.stride", .type = WT_KEY_INT, .offset = AT(data.stride), .standard = "0",
 .least = 0, .most = 16777216, .resume = WT_RESUME_REFUSED,
 .help = "Labels: 0 predicts a label for each sample. Another number predicts one label per window of "
         "data.window samples, that of its last sample; windows begin so many samples apart."},
{.name = "data.normalization", .type = WT_KEY_CHOICE, .offset = AT(data.normalization), .standard = "channel",
 .choices = CHOICES("channel", "none"), .resume = WT_RESUME_REFUSED,
 .help = "Labels and tables with real input: subtract the mean of each channel and divide by its deviation, "
         "both measured on the training part; or leave values as they are."},
{.name = "data.preemphasis", .type = WT_KEY_REAL, .offset = AT(data.preemphasis), .standard = "0.0",
 .least = 0, .most = 1, .below = true, .resume = WT_RESUME_REFUSED,
 .help = "Real input, next sample: the network reads and predicts x[t] - preemphasis · x[t-1] (0.85 is "
         "common); generate inverts the filter."},
{.name = "data.condition_dropout", .type = WT_KEY_REAL, .offset = AT(data.condition_dropout),
 .standard = "0.0", .least = 0, .most = 1, .below = true, .resume = WT_RESUME_REFUSED,
 .help = "Share of the training windows whose condition is set to zeros. Above 0, frames have one number "
         "more, which says whether there is a condition, so that a network learns both."},
{.name = "data.input_noise", .type = WT_KEY_REAL, .offset = AT(data.input_noise), .standard = "0.0",
 .least = 0, .most = 1000, .resume = WT_RESUME_WARNED,
 .help = "Real input: deviation of the Gaussian noise that training adds to inputs and not to targets."},
{.name = "data.sampling", .type = WT_KEY_CHOICE, .offset = AT(data.sampling), .standard = "epoch",
 .choices = CHOICES("epoch", "replacement", "item"), .resume = WT_RESUME_REFUSED,
 .help = "Order of the training windows: each once per epoch; each drawn independently; or an item (an "
         "utterance, a line) drawn first and then one of its windows, so that all items have equal weight."},
{.name = "data.memory", .type = WT_KEY_REAL, .offset = AT(data.memory), .standard = "4.0",
 .least = 0, .most = 1000000, .resume = WT_RESUME_FREE,
 .help = "GiB of the data set that a rank may keep in memory; a larger set is read during training."},

{.name = "train", .type = WT_KEY_SECTION, .help = "How long to train, and in which batches."},
{.name = "train.batch", .type = WT_KEY_INT, .offset = AT(train.batch), .standard = "8",
 .least = 1, .most = 1048576, .resume = WT_RESUME_REFUSED,
 .help = "Windows per step, over all ranks."},
{.name = "train.steps", .type = WT_KEY_INT64, .offset = AT(train.steps), .standard = "20000",
 .least = 1, .most = STEPS_MOST, .resume = WT_RESUME_WARNED,
 .help = "Steps of the whole run."},
{.name = "train.seed", .type = WT_KEY_INT64, .offset = AT(train.seed), .standard = "1",
 .least = 0, .most = 9007199254740992.0, .resume = WT_RESUME_REFUSED,
 .help = "Seed of every random number: initial parameters, order of windows, dropout."},
{.name = "train.microbatches", .type = WT_KEY_INT, .offset = AT(train.microbatches), .standard = "0",
 .least = 0, .most = 1048576, .resume = WT_RESUME_REFUSED,
 .help = "Equal parts of a batch over which gradients are summed; also the max number of ranks. It must "
         "divide batch. 0: as many as have at least 2048 targets each."},
{.name = "train.microbatches_at_once", .type = WT_KEY_INT, .offset = AT(train.microbatches_at_once),
 .standard = "0", .least = 0, .most = 1048576, .resume = WT_RESUME_FREE,
 .help = "Microbatches that a rank computes together; more of them take more memory and never change "
         "results. 0: as many as keep the threads busy."},
{.name = "train.activations", .type = WT_KEY_CHOICE, .offset = AT(train.activations), .standard = "kept",
 .choices = CHOICES("kept", "recomputed"), .resume = WT_RESUME_FREE,
 .help = "Outputs of the convolutions: keep them for backward, or compute them again, which halves the "
         "memory and takes a sixth more time. It never changes results."},
{.name = "train.precision", .type = WT_KEY_CHOICE, .offset = AT(train.precision), .standard = "fp32",
 .choices = CHOICES("fp32", "bf16"), .resume = WT_RESUME_WARNED,
 .help = "Precision of the factors of products; sums, parameters, moments and everything else are fp32. bf16 "
         "is fast only on CPUs with AVX512-BF16."},

{.name = "train.class_weights", .type = WT_KEY_TEXT, .offset = AT(train.class_weights), .standard = "none",
 .resume = WT_RESUME_WARNED,
 .help = "Labels that are classes: factors on the losses of targets by their class, in training alone. none; "
         "balanced: targets / (classes · targets of the class), counted in the training part; or a list, "
         "such as 1,2.5,1."},

{.name = "optimizer", .type = WT_KEY_SECTION, .help = "How parameters are updated."},
{.name = "optimizer.kind", .type = WT_KEY_CHOICE, .offset = AT(optimizer.kind), .standard = "adam",
 .choices = CHOICES("adam", "adamw", "sgd"), .resume = WT_RESUME_REFUSED,
 .help = "The optimizer, as PyTorch defines it; adamw decouples weight decay from the gradient."},
{.name = "optimizer.learning_rate", .type = WT_KEY_REAL, .offset = AT(optimizer.learning_rate),
 .standard = "1.0e-3", .least = 0, .most = 1000, .above = true, .resume = WT_RESUME_WARNED,
 .help = "Learning rate after warm-up; with one-cycle, its maximum."},
{.name = "optimizer.beta1", .type = WT_KEY_REAL, .offset = AT(optimizer.beta1), .standard = "0.9",
 .least = 0, .most = 1, .below = true, .resume = WT_RESUME_WARNED,
 .help = "Decay of the gradient's running mean."},
{.name = "optimizer.beta2", .type = WT_KEY_REAL, .offset = AT(optimizer.beta2), .standard = "0.999",
 .least = 0, .most = 1, .below = true, .resume = WT_RESUME_WARNED,
 .help = "Decay of the squared gradient's running mean."},
{.name = "optimizer.epsilon", .type = WT_KEY_REAL, .offset = AT(optimizer.epsilon), .standard = "1.0e-8",
 .least = 0, .most = 1, .above = true, .resume = WT_RESUME_WARNED,
 .help = "Number added to the divisor, the root of the squared gradient's mean."},
{.name = "optimizer.weight_decay", .type = WT_KEY_REAL, .offset = AT(optimizer.weight_decay),
 .standard = "0.0", .least = 0, .most = 1000, .resume = WT_RESUME_WARNED,
 .help = "Factor of weight decay, which pulls parameters towards zero. PyTorch's AdamW defaults to 0.01."},
{.name = "optimizer.decay_on", .type = WT_KEY_CHOICE, .offset = AT(optimizer.decay_on), .standard = "all",
 .choices = CHOICES("all", "weights"), .resume = WT_RESUME_WARNED,
 .help = "Which tensors weight_decay applies to: all of them, or only weights, which excludes biases and the "
         "scales and shifts of norms."},
{.name = "optimizer.momentum", .type = WT_KEY_REAL, .offset = AT(optimizer.momentum), .standard = "0.0",
 .least = 0, .most = 1, .below = true, .resume = WT_RESUME_WARNED,
 .help = "SGD: decay of the running sum of gradients, without dampening. 0: no momentum."},
{.name = "optimizer.nesterov", .type = WT_KEY_CHOICE, .offset = AT(optimizer.nesterov), .standard = "false",
 .choices = CHOICES("false", "true"), .resume = WT_RESUME_WARNED,
 .help = "SGD: use Nesterov's momentum."},
{.name = "optimizer.clip", .type = WT_KEY_REAL, .offset = AT(optimizer.clip), .standard = "1.0",
 .least = 0, .most = 1e9, .resume = WT_RESUME_WARNED,
 .help = "Max norm of the whole gradient; a larger gradient is scaled down. 0: no clipping."},

{.name = "schedule", .type = WT_KEY_SECTION, .help = "How the learning rate changes over the steps."},
{.name = "schedule.kind", .type = WT_KEY_CHOICE, .offset = AT(schedule.kind), .standard = "cosine",
 .choices = CHOICES("constant", "step", "piecewise", "exponential", "linear", "cosine", "one-cycle",
                    "plateau"),
 .resume = WT_RESUME_WARNED,
 .help = "Schedule after the warm-up; one-cycle has a warm-up of its own."},
{.name = "schedule.warmup", .type = WT_KEY_INT64, .offset = AT(schedule.warmup), .standard = "500",
 .least = 0, .most = STEPS_MOST, .resume = WT_RESUME_WARNED,
 .help = "Steps in which the learning rate rises linearly from 0, at most train.steps. By default at most a "
         "tenth of them, and none with one-cycle."},
{.name = "schedule.floor", .type = WT_KEY_REAL, .offset = AT(schedule.floor), .standard = "0.0",
 .least = 0, .most = 1, .resume = WT_RESUME_WARNED,
 .help = "Cosine, linear and plateau: share of the learning rate that remains at the end."},
{.name = "schedule.decay", .type = WT_KEY_REAL, .offset = AT(schedule.decay), .standard = "0.5",
 .least = 0, .most = 1, .above = true, .resume = WT_RESUME_WARNED,
 .help = "Exponential, step and plateau: factor on the learning rate, applied every decay_steps."},
{.name = "schedule.decay_steps", .type = WT_KEY_INT64, .offset = AT(schedule.decay_steps),
 .standard = "10000", .least = 1, .most = STEPS_MOST, .resume = WT_RESUME_WARNED,
 .help = "Steps per factor of decay (exponential: applied smoothly; step: at once; plateau: patience decides "
         "instead)."},
{.name = "schedule.points", .type = WT_KEY_POINTS, .offset = AT(schedule.points), .standard = "[]",
 .least = 0, .most = 1000, .resume = WT_RESUME_WARNED,
 .help = "Piecewise: a list such as [[1000, 0.01], [2000, 0.001]]: after step 1000 the learning rate is "
         "0.01, after 2000 0.001."},
{.name = "schedule.pct_start", .type = WT_KEY_REAL, .offset = AT(schedule.pct_start), .standard = "0.3",
 .least = 0, .most = 1, .resume = WT_RESUME_WARNED,
 .help = "One-cycle (this and the next six keys are as in PyTorch's OneCycleLR): share of the steps in which "
         "the learning rate rises."},
{.name = "schedule.div_factor", .type = WT_KEY_REAL, .offset = AT(schedule.div_factor), .standard = "25.0",
 .least = 0, .most = 1e12, .above = true, .resume = WT_RESUME_WARNED,
 .help = "One-cycle: the learning rate begins at optimizer.learning_rate divided by this."},
{.name = "schedule.final_div_factor", .type = WT_KEY_REAL, .offset = AT(schedule.final_div_factor),
 .standard = "1.0e+4", .least = 0, .most = 1e12, .above = true, .resume = WT_RESUME_WARNED,
 .help = "One-cycle: the learning rate ends at its first value divided by this."},
{.name = "schedule.anneal", .type = WT_KEY_CHOICE, .offset = AT(schedule.anneal), .standard = "cos",
 .choices = CHOICES("cos", "linear"), .resume = WT_RESUME_WARNED,
 .help = "One-cycle: shape of the rise and the fall."},
{.name = "schedule.cycle_momentum", .type = WT_KEY_CHOICE, .offset = AT(schedule.cycle_momentum),
 .standard = "true", .choices = CHOICES("false", "true"), .resume = WT_RESUME_WARNED,
 .help = "One-cycle: whether SGD's momentum, or beta1, moves between the next two keys, opposite to the "
         "learning rate."},
{.name = "schedule.base_momentum", .type = WT_KEY_REAL, .offset = AT(schedule.base_momentum),
 .standard = "0.85", .least = 0, .most = 1, .below = true, .resume = WT_RESUME_WARNED,
 .help = "One-cycle: momentum where the learning rate is highest."},
{.name = "schedule.max_momentum", .type = WT_KEY_REAL, .offset = AT(schedule.max_momentum),
 .standard = "0.95", .least = 0, .most = 1, .below = true, .resume = WT_RESUME_WARNED,
 .help = "One-cycle: momentum at the first and the last step."},
{.name = "schedule.patience", .type = WT_KEY_INT, .offset = AT(schedule.patience), .standard = "10",
 .least = 0, .most = 1000000, .resume = WT_RESUME_WARNED,
 .help = "Plateau (as PyTorch's ReduceLROnPlateau): how many validations in a row may bring no improvement; "
         "the next one multiplies the learning rate by decay."},
{.name = "schedule.threshold", .type = WT_KEY_REAL, .offset = AT(schedule.threshold), .standard = "1.0e-4",
 .least = 0, .most = 1, .below = true, .resume = WT_RESUME_WARNED,
 .help = "Plateau: a loss is an improvement if it is below the best one by more than this share of it."},
{.name = "schedule.cooldown", .type = WT_KEY_INT, .offset = AT(schedule.cooldown), .standard = "0",
 .least = 0, .most = 1000000, .resume = WT_RESUME_WARNED,
 .help = "Plateau: validations that are not counted after the learning rate was lowered."},

{.name = "ema", .type = WT_KEY_SECTION, .help = "An exponential moving average of the parameters."},
{.name = "ema.decay", .type = WT_KEY_REAL, .offset = AT(ema.decay), .standard = "0.0",
 .least = 0, .most = 1, .below = true, .resume = WT_RESUME_WARNED,
 .help = "Share of the average that each step keeps (less in the first steps), such as 0.999. Validation, "
         "evaluate and generate use the average. 0: no average."},

{.name = "validation", .type = WT_KEY_SECTION, .help = "The loss on held-out windows."},
{.name = "validation.every", .type = WT_KEY_INT64, .offset = AT(validation.every), .standard = "500",
 .least = 0, .most = STEPS_MOST, .resume = WT_RESUME_FREE,
 .help = "Steps between validations. 0: never validate."},
{.name = "validation.windows", .type = WT_KEY_INT, .offset = AT(validation.windows), .standard = "64",
 .least = 0, .most = 1000000000, .resume = WT_RESUME_FREE,
 .help = "Windows per validation, always the same ones. 0: the whole split."},
{.name = "validation.patience", .type = WT_KEY_INT, .offset = AT(validation.patience), .standard = "0",
 .least = 0, .most = 1000000, .resume = WT_RESUME_FREE,
 .help = "Stop the run after so many validations in a row without a new best loss. 0: never."},

{.name = "validation.until_esr", .type = WT_KEY_REAL, .offset = AT(validation.until_esr), .standard = "0.0",
 .least = 0, .most = 1, .resume = WT_RESUME_FREE,
 .help = "Labels that are values: stop when the error-to-signal ratio of the validation is at most this. 0: "
         "never."},
{.name = "checkpoint", .type = WT_KEY_SECTION, .help = "Files from which a run resumes."},
{.name = "checkpoint.every", .type = WT_KEY_INT64, .offset = AT(checkpoint.every), .standard = "1000",
 .least = 0, .most = STEPS_MOST, .resume = WT_RESUME_FREE,
 .help = "Steps between checkpoints. 0: only at the end."},
{.name = "checkpoint.minutes", .type = WT_KEY_REAL, .offset = AT(checkpoint.minutes), .standard = "30.0",
 .least = 0, .most = 1000000, .resume = WT_RESUME_FREE,
 .help = "Max minutes between checkpoints. 0: count only steps."},
{.name = "checkpoint.keep", .type = WT_KEY_INT, .offset = AT(checkpoint.keep), .standard = "3",
 .least = 1, .most = 1000000, .resume = WT_RESUME_FREE,
 .help = "How many of the newest checkpoints are kept, in addition to the best one."},

{.name = "guard", .type = WT_KEY_SECTION,
 .help = "What happens to steps whose loss or gradient is not finite."},
{.name = "guard.skips", .type = WT_KEY_INT, .offset = AT(guard.skips), .standard = "10",
 .least = 1, .most = 1000000, .resume = WT_RESUME_WARNED,
 .help = "Steps in a row that are skipped before the run returns to the last checkpoint that was due."},
{.name = "guard.rollbacks", .type = WT_KEY_INT, .offset = AT(guard.rollbacks), .standard = "3",
 .least = 0, .most = 1000, .resume = WT_RESUME_WARNED,
 .help = "How many times the run returns to a checkpoint before it fails."},
{.name = "guard.rate", .type = WT_KEY_REAL, .offset = AT(guard.rate), .standard = "0.5",
 .least = 0, .most = 1, .above = true, .resume = WT_RESUME_WARNED,
 .help = "Factor on the learning rate each time the run returns to a checkpoint."},
{.name = "guard.spike", .type = WT_KEY_REAL, .offset = AT(guard.spike), .standard = "0.0",
 .least = 0, .most = 1e9, .resume = WT_RESUME_WARNED,
 .help = "Also skip a step whose gradient norm exceeds this many times the median of the last 64 steps. 0: "
         "off."},

{.name = "exchange", .type = WT_KEY_SECTION,
 .help = "How gradients travel between ranks. Never changes results."},
{.name = "exchange.bucket", .type = WT_KEY_REAL, .offset = AT(exchange.bucket), .standard = "0.0",
 .least = 0, .most = 4096, .resume = WT_RESUME_FREE,
 .help = "MiB of gradient that are sent together as soon as they are finished, while earlier layers still "
         "compute. 0: 1 within a node, 0.0625 between nodes. With a bucket as large as the network "
         "everything is sent at the end."},
{.name = "exchange.progress", .type = WT_KEY_CHOICE, .offset = AT(exchange.progress), .standard = "auto",
 .choices = CHOICES("auto", "test", "thread", "after"), .resume = WT_RESUME_FREE,
 .help = "What moves messages while layers compute. test: calls between tasks; thread: a thread; after: "
         "nothing, gradients are sent when all layers are done; auto: test, which leaves less of the "
         "exchange exposed."},

{.name = "run", .type = WT_KEY_SECTION, .help = "How the run uses this machine."},
{.name = "run.seconds", .type = WT_KEY_REAL, .offset = AT(run.seconds), .standard = "10.0",
 .least = 0, .most = 86400, .above = true, .resume = WT_RESUME_FREE,
 .help = "Seconds between progress lines where the output is not a terminal."},
{.name = "run.tensorboard", .type = WT_KEY_CHOICE, .offset = AT(run.tensorboard), .standard = "false",
 .choices = CHOICES("false", "true"), .resume = WT_RESUME_FREE,
 .help = "Whether losses, rates and validations go to event files for TensorBoard in RUN/tensorboard too."},
{.name = "run.backend", .type = WT_KEY_CHOICE, .offset = AT(run.backend), .standard = "auto",
 .choices = CHOICES("auto", "reference", "openblas", "avx2", "avx512", "amx", "neon"),
 .resume = WT_RESUME_FREE,
 .help = "Kernel set: the fastest one that the processors support, plain loops, OpenBLAS, or wavetrain's own "
         "for AVX2, AVX-512, AMX (tiles for bf16, with bits of their own; AVX-512 for the rest), or NEON."},
{.name = "run.compare_every", .type = WT_KEY_INT64, .offset = AT(run.compare_every), .standard = "500",
 .least = 0, .most = STEPS_MOST, .resume = WT_RESUME_FREE,
 .help = "Steps between comparisons of the ranks' parameters. 0: compare only before checkpoints."},
{.name = "run.unlike_nodes", .type = WT_KEY_CHOICE, .offset = AT(run.unlike_nodes), .standard = "refuse",
 .choices = CHOICES("refuse", "allow"), .resume = WT_RESUME_FREE,
 .help = "Ranks whose CPUs or libraries compute different bits: refuse to run, or allow it without bitwise "
         "reproducibility."},
{.name = "run.hang_seconds", .type = WT_KEY_REAL, .offset = AT(run.hang_seconds), .standard = "600.0",
 .least = 0, .most = 1000000, .resume = WT_RESUME_FREE,
 .help = "End the job and name the rank if a rank makes no progress for so many seconds; a rank that waits "
         "for others has half as many more. 0: never."},
{.name = "run.hang_seconds_data", .type = WT_KEY_REAL, .offset = AT(run.hang_seconds_data),
 .standard = "1800.0", .least = 0, .most = 1000000, .above = true, .resume = WT_RESUME_FREE,
 .help = "The same limit while data are loaded or a checkpoint is written."},
{.name = "run.hang_seconds_validation", .type = WT_KEY_REAL, .offset = AT(run.hang_seconds_validation),
 .standard = "1800.0", .least = 0, .most = 1000000, .above = true, .resume = WT_RESUME_FREE,
 .help = "The same limit while the run validates."},
{.name = "run.time_limit", .type = WT_KEY_REAL, .offset = AT(run.time_limit), .standard = "0.0",
 .least = 0, .most = 1000000, .resume = WT_RESUME_FREE,
 .help = "Minutes after which the run stops with a checkpoint, to be continued. 0: when the SLURM job ends, "
         "inside one."},
{.name = "run.time_margin", .type = WT_KEY_REAL, .offset = AT(run.time_margin), .standard = "120.0",
 .least = 0, .most = 1000000, .resume = WT_RESUME_FREE,
 .help = "Seconds of that time reserved for stopping, in addition to a step and a checkpoint; at most half "
         "of it."},
{.name = "run.straggler", .type = WT_KEY_REAL, .offset = AT(run.straggler), .standard = "0.25",
 .least = 0, .most = 1000, .resume = WT_RESUME_FREE,
 .help = "Name a rank, with its host, that takes longer than the median rank by more than this share, "
         "measured as the median of recent steps without waiting. 0: never."},
};
/* clang-format on */

const int wt_key_count = sizeof wt_keys / sizeof *wt_keys;

_Static_assert(sizeof wt_keys / sizeof *wt_keys <= WT_KEYS_MAX, "wt_reading has a place for every key");
_Static_assert(sizeof(wt_trunk_kind) == sizeof(int), "a choice is stored as an int");

/* Keys that had another name before; files of runs still have it. */
static const struct {
    const char *old, *name;
} renamed_keys[] = {
    {"train.lanes", "train.microbatches"},
    {"train.lanes_at_once", "train.microbatches_at_once"},
};

const wt_key *wt_key_renamed(const char *old) {
    for (size_t i = 0; i < sizeof renamed_keys / sizeof *renamed_keys; i++) {
        if (strcmp(renamed_keys[i].old, old) == 0) return wt_key_find(renamed_keys[i].name);
    }
    return NULL;
}

const wt_key *wt_key_find(const char *name) {
    for (int i = 0; i < wt_key_count; i++) {
        if (strcmp(wt_keys[i].name, name) == 0) return &wt_keys[i];
    }
    return NULL;
}

const char *wt_key_last(const wt_key *key) {
    const char *dot = strchr(key->name, '.');
    return dot ? dot + 1 : key->name;
}

bool wt_key_is_of_array(const wt_key *key) {
    return key->type != WT_KEY_SECTION && key->type != WT_KEY_ARRAYS && key->offset >= AT(model.array) &&
           key->offset < AT(model.array) + sizeof(wt_array_config);
}

void *wt_key_field(const wt_key *key, wt_config *config) {
    return (char *)config + key->offset;
}

const void *wt_key_read(const wt_key *key, const wt_config *config) {
    return (const char *)config + key->offset;
}

void *wt_key_array_field(const wt_key *key, wt_array_config *array) {
    return (char *)array + (key->offset - AT(model.array));
}

const void *wt_key_array_read(const wt_key *key, const wt_array_config *array) {
    return (const char *)array + (key->offset - AT(model.array));
}

bool wt_key_array_applies(const wt_key *key, const wt_array_config *array) {
    return !((key->replaced & WT_REPLACED_BY_DILATIONS) && array->dilations.count > 0);
}

bool wt_key_applies(const wt_key *key, const wt_config *config) {
    if ((key->replaced & WT_REPLACED_BY_ARRAYS) && config->model.array_count > 0) return false;
    return wt_key_array_applies(key, &config->model.array);
}

static void expect_choices(char out[WT_EXPECT_MAX], const wt_key *key) {
    size_t used = 0;
    for (int i = 0; key->choices[i]; i++) {
        const char *before = i == 0 ? "" : key->choices[i + 1] ? ", " : " or ";
        int n = snprintf(out + used, WT_EXPECT_MAX - used, "%s%s", before, key->choices[i]);
        if (n < 0 || (size_t)n >= WT_EXPECT_MAX - used) return;
        used += (size_t)n;
    }
}

static void expect_range(char out[WT_EXPECT_MAX], const wt_key *key) {
    char least[32], most[32];
    snprintf(least, sizeof least, "%.16g", key->least);
    snprintf(most, sizeof most, "%.16g", key->most);
    if (!key->above && !key->below) {
        snprintf(out, WT_EXPECT_MAX, "%s … %s", least, most);
    } else {
        snprintf(out, WT_EXPECT_MAX, "%s %s, %s %s", key->above ? "above" : "at least", least,
                 key->below ? "below" : "at most", most);
    }
}

void wt_key_expect(char out[WT_EXPECT_MAX], const wt_key *key) {
    char range[WT_EXPECT_MAX];
    out[0] = '\0';
    switch (key->type) {
    case WT_KEY_SECTION: snprintf(out, WT_EXPECT_MAX, "keys, each on a line of its own"); break;
    case WT_KEY_INT:
    case WT_KEY_INT64:
    case WT_KEY_REAL: expect_range(out, key); break;
    case WT_KEY_TEXT: snprintf(out, WT_EXPECT_MAX, "a path"); break;
    case WT_KEY_CHOICE: expect_choices(out, key); break;
    case WT_KEY_DILATIONS:
        expect_range(range, key);
        snprintf(out, WT_EXPECT_MAX, "a list of at most %d numbers, %.64s", WT_DILATIONS_MAX, range);
        break;
    case WT_KEY_NUMBERS:
        expect_range(range, key);
        snprintf(out, WT_EXPECT_MAX, "%.64s, or a list of at most %d such numbers", range, WT_DILATIONS_MAX);
        break;
    case WT_KEY_POINTS:
        expect_range(range, key);
        snprintf(out, WT_EXPECT_MAX, "a list of at most %d pairs [step, rate], rates %.64s", WT_POINTS_MAX,
                 range);
        break;
    case WT_KEY_QUANTIZATION:
        expect_range(range, key);
        snprintf(out, WT_EXPECT_MAX, "%s:N or %s:N, N %.64s, or %s", key->choices[0], key->choices[1], range,
                 key->choices[WT_QUANTIZATION_VOCABULARY]);
        break;
    case WT_KEY_ARRAYS: snprintf(out, WT_EXPECT_MAX, "a list of at most %d arrays", WT_ARRAYS_MAX); break;
    }
}
