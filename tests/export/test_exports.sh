# Safetensors through the program: what a run exports scores and begins as the run does, bit for bit, with its
# vocabulary and normalisation; a file of tensors alone begins a run and does nothing else; what is damaged,
# or of another network, is refused.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 ranks=

# begins_alike CONFIG RUN: of the run and of its export, evaluations and runs that begin from them are the same
begins_alike() {
    local run=$2
    cp "$1" config.yaml
    expect_ok "$WAVETRAIN" export "$run" --format safetensors --out "$run.safetensors"
    said err.txt "$run.safetensors: "
    expect_ok "$WAVETRAIN" evaluate "$run"
    sed 's/step [0-9]*/step/' out.txt >"$run.txt"
    expect_ok "$WAVETRAIN" evaluate "$run.safetensors"
    sed 's/step [0-9]*/step/' out.txt | cmp - "$run.txt" || fail "$run: another evaluation: $(cat out.txt)"
    train_ok "$run-a" --init "$run" --set train.steps=3
    train_ok "$run-b" --init "$run.safetensors" --set train.steps=3
    same_run "$run-a" "$run-b" 3
    # out again, the same tensors
    expect_ok "$WAVETRAIN" export "$run.safetensors" --format safetensors --out "$run-again.safetensors"
    [ "$(hash_of "$run.safetensors")" = "$(hash_of "$run-again.safetensors")" ] || fail "$run: another hash"
}

make_tone
make_config tone.yaml
cp tone.yaml config.yaml
train_ok tone-run --set train.steps=6 --set ema.decay=0.9
begins_alike tone.yaml tone-run
expect_ok "$WAVETRAIN" export tone-run --no-ema --format safetensors --out raw.safetensors
! cmp -s raw.safetensors tone-run.safetensors || fail "the mean is the last step's parameters"

# the file itself: its header's length, its metadata, where its numbers begin
length=$(od -An -v -t u8 -N8 tone-run.safetensors | tr -d ' ')
[ $(((length + 8) % 64)) = 0 ] || fail "numbers begin at $((length + 8)), expected a multiple of 64"
head -c $((length + 8)) tone-run.safetensors | tail -c +9 >header.json
said header.json '"format":"pt"'
said header.json '"step":"6"'
said header.json '"blocks.0.conv.weight":{"dtype":"F32","shape":[22,13,2],"data_offsets":['

# a page of Python with it, whose blocks that are alike are a loop (test_torch.sh runs such pages)
expect_ok "$WAVETRAIN" export tone-run --format torch --out page.py
said page.py 'dilations = [1, 2, 4, 8]'
said page.py 'a = self.conv(h, f"blocks.{i}.conv", dilation=dilation)'
cmp page.safetensors tone-run.safetensors || fail "the page has other tensors"

# text: its vocabulary
printf 'anna\nbob\nhannah\notto\n%.0s' 1 2 3 4 5 6 7 8 >names.txt
expect_ok "$WAVETRAIN" prepare text --lines names.txt --out names
cat >text.yaml <<'YAML'
model: {trunk: hierarchy, fuse: [2, 2], width: [9, 11], embedding: 5, norm: batch}
data: {path: names, window: 1, quantization: vocabulary}
train: {batch: 8, steps: 5, microbatches: 2}
validation: {every: 0}
YAML
cp text.yaml config.yaml
train_ok text-run
begins_alike text.yaml text-run

# a table: its normalisation
expect_ok "$WAVETRAIN" prepare simulate ion-channels --seconds 0.2 --utterances 20 --channels 3 --out ion
cat >ion.yaml <<'YAML'
model: {input: real, stacks: 1, layers: 3, residual: 7, gate: 6, skip: 9}
data: {path: ion, target: label, look_ahead: 4, window: 300}
train: {batch: 8, steps: 5, microbatches: 4}
validation: {every: 0}
YAML
cp ion.yaml config.yaml
train_ok ion-run
begins_alike ion.yaml ion-run

# --- tensors alone ---

cp tone.yaml config.yaml
LC_ALL=C sed 's/"config":/"absent":/' tone-run.safetensors >bare.safetensors
expect_error 2 "has tensors alone" "$WAVETRAIN" evaluate bare.safetensors
expect_error 2 "has tensors alone" "$WAVETRAIN" inspect bare.safetensors
train_ok from-bare --init bare.safetensors --set train.steps=3
same_run from-bare tone-run-a 3

# --- refusals ---

expect_error 2 "no such format" "$WAVETRAIN" export tone-run --format wav --out x.wav
expect_error 2 "takes one network" "$WAVETRAIN" export tone-run tone-run-a --format safetensors --out x.safetensors
expect_error 2 "x.nam" "$WAVETRAIN" export tone-run --format safetensors --out x.nam
expect_error 2 "name that is free" "$WAVETRAIN" export tone-run --format safetensors --out bare.safetensors
head -c 6000 tone-run.safetensors >short.safetensors
expect_error 2 "cut short" "$WAVETRAIN" train config.yaml --run x --init short.safetensors
[ ! -e x ] || fail "a run that did not begin left its folder"
expect_error 1 "another architecture" "$WAVETRAIN" train config.yaml --run x --init tone-run.safetensors \
    --set model.layers=4
LC_ALL=C sed 's/"sample_rate":"8/"sample_rate":"x/' tone-run.safetensors >wrong.safetensors
expect_error 2 "sample_rate is not a whole number" "$WAVETRAIN" evaluate wrong.safetensors
no_leftovers
