# The networks that exports are tested with: six kinds, and what else a graph may hold. Sourced. The caller
# defines `exported NAME DATASET`, which is called for each run. $1: make_sounds.
. "$SOURCE/tests/runs.sh"
. "$SOURCE/tests/cli/prepare_helpers.sh"
export OMP_NUM_THREADS=1 ranks=

# network NAME DATASET MODEL [DATA]: a run of some steps, then `exported NAME DATASET`
network() {
    local name=$1 data=$2
    cat >config.yaml <<YAML
model: {$3}
data: {path: $data, ${4-window: 300, quantization: "mulaw:32"}}
train: {batch: 8, steps: 4, microbatches: 4}
optimizer: {learning_rate: 2.0e-2}
validation: {every: 0}
YAML
    train_ok "$name"
    exported "$name" "$data"
}

make_networks() {
    make_tone
    expect_ok "$WAVETRAIN" prepare simulate ion-channels --seconds 0.2 --utterances 20 --channels 3 --out ion
    printf 'anna\nbob\nhannah\notto\n%.0s' $(seq 8) >names.txt
    expect_ok "$WAVETRAIN" prepare text --lines names.txt --out names
    for i in $(seq 10); do
        sound "in/low/$i.wav" 8000 1 $((1500 + 37 * i)) tone $((200 + 90 * i))
        sound "in/wind/$i.wav" 8000 1 $((1400 + 53 * i)) noise "$i"
    done
    expect_ok "$WAVETRAIN" prepare audio in --out voices --mel 8k --speaker folder
    for i in $(seq 10); do
        sound "dry/$i.wav" 48000 1 7000 played
        sound "wet/$i.wav" 48000 1 7000 amplified 0
    done
    expect_ok "$WAVETRAIN" prepare audio dry --target wet --out pair

    network softmax tone "stacks: 2, layers: 4, residual: 13, gate: 70, skip: 17, skip_scale: 0.8,
        residual_scale: 0.7"
    network mixture tone "stacks: 1, layers: 4, residual: 9, gate: 8, skip: 11, head: logistics,
        components: 3"
    network labels ion "input: real, stacks: 1, layers: 4, residual: 7, gate: 6, skip: 9, norm: layer,
        dropout: 0.1" "target: label, look_ahead: 5, window: 300"
    network readout ion "input: real, stacks: 1, layers: 3, residual: 7, gate: 6, skip: 9, readout: linear" \
        "target: label, window: 100, stride: 50"
    network hierarchy names "trunk: hierarchy, fuse: [2, 2], width: [9, 11], embedding: 5, norm: batch" \
        "window: 1, quantization: vocabulary"
    network conditioned voices "stacks: 2, layers: 3, residual: 11, gate: 9, skip: 13, condition: stretch,
        condition_scales: [4, 4, 4], condition_pad: 1, speaker: 3"
    network lines voices "stacks: 1, layers: 3, residual: 11, gate: 9, skip: 13, condition: linear"
    network arrays tone "arrays: [{layers: 3, residual: 6, gate: 5}, {dilations: [1, 3, 5], kernel: 3,
        residual: 9, gate: 4, activation: tanh}], skip: 7, head_channels: 9"
    network amplifier pair "preset: a1-nano" "window: 1024, partial_context: pad"
    network second pair "preset: a2-lite" "window: 1024, partial_context: pad"
}
