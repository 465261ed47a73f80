# Heads of real samples, the whole way: mixtures of logistics and Gaussians and squared error of the next
# sample. Training, stops and resumes and evaluation are the same on any number of ranks and threads; generate
# makes sound of codes, and goes on with a table's series; what does not fit together is refused.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 ranks=
steps=30

make_tone
cat >base.yaml <<YAML
model: {stacks: 1, layers: 5, residual: 13, gate: 11, skip: 17}
data: {path: tone, window: 300, quantization: mulaw:64}
train: {batch: 8, steps: $steps, microbatches: 4}
optimizer: {learning_rate: 3.0e-3}
schedule: {kind: cosine, warmup: 3}
validation: {every: 10, windows: 5}
checkpoint: {every: 7}
YAML

# head NAME KEY=VALUE…: config.yaml for it
head_of() {
    local name=$1
    shift
    {
        sed '/^data:/d' base.yaml
        echo "data: {path: tone, window: 300, quantization: 'mulaw:64'${DATA:+, $DATA}}"
    } | sed "s/skip: 17/skip: 17, $*/" >config.yaml
}

# answers NAME: config.yaml's run on one rank, on 3, with 2 threads, and killed and resumed on 2; its
# evaluation too
answers() {
    local name=$1 code
    train_ok "$name"
    grep -q '% right' "$name.log" && fail "$name: a share of right values: $(cat "$name.log")"
    ranks=3 train_ok "$name-3"
    same_run "$name" "$name-3" $steps
    OMP_NUM_THREADS=2 train_ok "$name-threads"
    same_run "$name" "$name-threads" $steps
    code=$(interrupt "$name-part" 9 KILL)
    [ "$code" = 137 ] || fail "$name-part: exit code $code, expected 137"
    ranks=2 train_ok "$name-part"
    same_run "$name" "$name-part" $steps
    "$WAVETRAIN" evaluate "$name" >"$name-1.txt" 2>err.txt || fail "evaluate $name: $(cat err.txt)"
    "$MPIRUN" 3 "$WAVETRAIN" evaluate "$name" >"$name-3.txt" 2>err.txt || fail "evaluate $name on 3 ranks: $(cat err.txt)"
    cmp "$name-1.txt" "$name-3.txt" || fail "$name: the report differs on 3 ranks"
    said "$name-1.txt" "per sample of 16 bits"
}

# speaks NAME: twice the same sound
speaks() {
    expect_ok "$WAVETRAIN" generate "$1" --out "$1.wav" --seconds 0.05 --prime-from test --prime-seconds 0.05
    expect_ok "$WAVETRAIN" generate "$1" --out "$1-again.wav" --seconds 0.05 --prime-from test --prime-seconds 0.05
    cmp "$1.wav" "$1-again.wav" || fail "$1: another sound by the same draws"
    expect_error 2 "--top-k: is for classes" "$WAVETRAIN" generate "$1" --out "$1-k.wav" --top-k 3
    expect_error 2 "--markov: the network predicts values" "$WAVETRAIN" evaluate "$1" --markov
}

head_of logistics head: logistics, components: 3
answers logistics
speaks logistics
DATA='preemphasis: 0.85, input_noise: 0.001'
head_of gaussian head: gaussian, input: real
answers gaussian
speaks gaussian
DATA=
head_of mse head: mse, input: real
answers mse

# --- what does not fit together ---
sed 's/, head: mse, input: real//' config.yaml >bad.yaml
expect_error 2 "model.components needs model.head: logistics or gaussian" "$WAVETRAIN" train bad.yaml --run bad --set model.components=2
expect_error 2 "data.preemphasis needs model.input: real" "$WAVETRAIN" train bad.yaml --run bad --set data.preemphasis=0.5
expect_error 2 "data.input_noise needs model.input: real" "$WAVETRAIN" train bad.yaml --run bad --set data.input_noise=0.5

# --- a table's series ---
expect_ok "$WAVETRAIN" prepare simulate ecg --out ecg --seconds 8 --utterances 10
said out.txt "nats per value: no network can predict better"
sed "s/^data:.*/data: {path: ecg, window: 200}/" config.yaml | sed 's/head: mse/head: gaussian/' >ecg.yaml
mv ecg.yaml config.yaml
train_ok ecg-run
ranks=2 train_ok ecg-2
same_run ecg-run ecg-2 $steps
expect_ok "$WAVETRAIN" evaluate ecg-run
said out.txt "per value, in the data's units"
expect_ok "$WAVETRAIN" generate ecg-run --out on.csv --seconds 2 --prime-from test --prime-seconds 3
[ "$(wc -l <on.csv)" = 201 ] || fail "expected 200 rows below the heading: $(wc -l <on.csv)"
[ "$(head -1 on.csv)" = time,channel_1,channel_2,channel_3 ] || fail "heading: $(head -1 on.csv)"
[ "$(sed -n 2p on.csv | cut -d, -f1)" = 3 ] || fail "time does not go on: $(sed -n 2p on.csv)"
expect_error 2 "would hold a table (got the ending .wav, expected .csv)" "$WAVETRAIN" generate ecg-run --out on.wav
expect_error 2 "--prime: is for sound" "$WAVETRAIN" generate ecg-run --out x.csv --prime x.wav
expect_error 2 "would hold a PNG picture" "$WAVETRAIN" generate ecg-run --out x.csv --plot x.jpg
[ ! -e x.csv ] || fail "a table was written although the picture could not be"
expect_error 2 "--markov: the network predicts values" "$WAVETRAIN" evaluate ecg-run --markov
expect_ok "$WAVETRAIN" generate ecg-run --out x.csv --seconds 1 --plot x.png
[ "$(head -c 4 x.png | tail -c 3)" = PNG ] || fail "x.png is no picture"
before=$(sha256sum x.png)
expect_error 2 "x.png: exists already (--force replaces it)" "$WAVETRAIN" generate ecg-run --out y.csv --plot x.png
[ "$(sha256sum x.png)" = "$before" ] && [ ! -e y.csv ] || fail "a picture was replaced, or a table written without it"
expect_ok "$WAVETRAIN" generate ecg-run --out x.csv --seconds 2 --plot x.png --force
[ "$(sha256sum x.png)" != "$before" ] || fail "--force did not replace the picture"
# columns without a label are a data set, too
expect_ok "$WAVETRAIN" prepare table on.csv --signal channel_1 --signal channel_3 --out columns --gap 2 --blocks 10
