# What is wrong with data sets, checkpoints, configurations, folders and options is said in one line, with the
# right exit code, and leaves nothing behind. $1: mix_checkpoint
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 ranks=
mix_checkpoint=$1

make_tone
make_config config.yaml
sed -i 's/steps: 50/steps: 6/' config.yaml
train_ok run
checkpoint=run/checkpoints/step-00000006.h5

# refused CODE WORDS ARGUMENT…: no run begins
refused() {
    local code=$1 words=$2
    shift 2
    expect_error "$code" "$words" "$WAVETRAIN" train config.yaml --run new "$@"
    [ ! -e new ] || fail "$*: there is a folder of a run: $(find new)"
}

# --- data sets ---

mkdir empty
refused 2 'nowhere: no data set' --set data.path=nowhere
refused 2 'config.yaml: no data set' --set data.path=config.yaml
refused 2 "empty: no shards of the split 'train'" --set data.path=empty
for part in train validation; do
    rm -rf cut
    cp -r tone cut
    truncate -s -1000 cut/$part-00000.h5
    refused 1 "cut/$part-00000.h5: damaged or cut short" --set data.path=cut
done
truncate -s 100 cut/train-00000.h5
refused 1 'cut/train-00000.h5: damaged or cut short' --set data.path=cut
echo text >cut/train-00000.h5
refused 1 'cut/train-00000.h5: no HDF5 file' --set data.path=cut
cp "$SOURCE/tests/reference/kernel-1.h5" cut/train-00000.h5
refused 1 'cut/train-00000.h5: ' --set data.path=cut
cp $checkpoint cut/train-00000.h5
refused 1 'cut/train-00000.h5: wrong format' --set data.path=cut
cp tone/train-00000.h5 cut/train-00000.h5
cp "$SOURCE/tests/reference/kernel-1.h5" cut/train-00001.h5
refused 1 'cut: too many shards' --set data.path=cut
"$WAVETRAIN" prepare simulate sine --utterances 20 --out other >prepare.txt 2>&1
expect_error 2 'the data set other is not the one' \
    "$WAVETRAIN" train config.yaml --run run --set data.path=other

# --- contexts ---

deep="--set model.layers=12 --set train.steps=5"
refused 2 'data.partial_context: drop leaves no targets (the longest utterance has 1600' \
    $deep --set data.partial_context=drop
train_ok deep $deep
warning='^warning: tone: the receptive field \(4097 samples\) .* \(at most 1600\): 100.0 % of the targets'
grep -qE "$warning" deep.log ||
    fail "no warning of a long receptive field: $(cat deep.log)"
train_ok half --set train.steps=5
! grep -q '^warning' half.log || fail "a warning: $(cat half.log)"

# --- checkpoints ---

refused 2 'nowhere: no such checkpoint' --init nowhere
refused 1 'the checkpoint is of another architecture' --init run --set model.residual=12
refused 1 'the checkpoint is of another architecture' --init run --set model.layers=4
refused 1 'is no checkpoint' --init config.yaml
refused 1 'tone/train-00000.h5: is no whole checkpoint' --init tone/train-00000.h5
refused 2 'of another configuration (model.layers was 5, now 4)' --resume $checkpoint --set model.layers=4
refused 1 'nowhere.h5: can' --resume nowhere.h5
refused 1 'tone/train-00000.h5: is no whole checkpoint' --resume tone/train-00000.h5
"$mix_checkpoint" $checkpoint deep/checkpoints/step-00000005.h5 mixed.h5
"$mix_checkpoint" deep/checkpoints/step-00000005.h5 $checkpoint more.h5
for command in 'evaluate mixed.h5' 'generate mixed.h5 --out new.wav' 'inspect mixed.h5' 'evaluate more.h5'; do
    expect_error 1 "${command:9:5}" "$WAVETRAIN" $command
    said err.txt 'the checkpoint is of another architecture'
done
for command in evaluate 'generate --out new.wav' inspect; do
    expect_error 2 'nowhere: no such' "$WAVETRAIN" $command nowhere
    expect_error 2 'empty: the folder has no checkpoint' "$WAVETRAIN" $command empty
    expect_error 1 'cut/train-00000.h5: is no whole checkpoint' "$WAVETRAIN" $command cut/train-00000.h5
    head -c 10000 $checkpoint >short.h5
    expect_error 1 'short.h5: ' "$WAVETRAIN" $command short.h5
    expect_error 2 'step-00000005.h5: no such checkpoint' "$WAVETRAIN" $command run --checkpoint 5
    expect_error 2 'expected newest, best or a step' "$WAVETRAIN" $command run --checkpoint last
done
[ ! -e new.wav ] || fail "something was generated"

# --- configurations ---

sed 's/batch:/bacth:/' config.yaml >misspelt.yaml
expect_error 2 'misspelt.yaml:3: train.bacth is no key (did you mean train.batch?)' \
    "$WAVETRAIN" train misspelt.yaml --run new
expect_error 2 'misspelt.yaml:3: train.bacth' "$WAVETRAIN" inspect misspelt.yaml
expect_error 2 'nowhere.yaml: can' "$WAVETRAIN" train nowhere.yaml --run new
refused 2 '--set train.bacth=3: train.bacth is no key' --set train.bacth=3
refused 2 'train.batch is out of range (got 0' --set train.batch=0
expect_error 2 'model.layers was 5, now 4; train.seed was 1, now 2' \
    "$WAVETRAIN" train config.yaml --run run --set model.layers=4 --set train.seed=2
[ "$(verdict_of run)" = done ] || fail "a refused start has left the verdict $(verdict_of run)"

# --- ranks ---

expect_error 2 'more ranks than microbatches (got 4 ranks, expected at most 2' \
    "$MPIRUN" 4 "$WAVETRAIN" train config.yaml --run new --set train.microbatches=2
expect_error 2 'nowhere: no data set' \
    "$MPIRUN" 2 "$WAVETRAIN" train config.yaml --run new --set data.path=nowhere
expect_error 2 '--no-such: unknown option' "$MPIRUN" 2 "$WAVETRAIN" evaluate run --no-such
expect_error 2 'trian: no such command' "$MPIRUN" 2 "$WAVETRAIN" trian config.yaml
[ ! -e new ] || fail "there is a folder of a run"

# --- folders ---

expect_error 1 'config.yaml/run: can' "$WAVETRAIN" train config.yaml --run config.yaml/run
expect_error 1 'config.yaml/checkpoints: can' "$WAVETRAIN" train config.yaml --run config.yaml
expect_error 2 '--run: is empty' "$WAVETRAIN" train config.yaml --run ''
expect_error 1 'config.yaml/a.wav: can' "$WAVETRAIN" generate run --out config.yaml/a.wav
expect_error 1 'nowhere/a.wav: can' "$WAVETRAIN" generate run --out nowhere/a.wav
expect_error 1 'nowhere/a.png: can' "$WAVETRAIN" plot run --out nowhere/a.png
if [ "$(id -u)" != 0 ]; then
    mkdir closed
    chmod 555 closed
    expect_error 1 'closed/run: can' "$WAVETRAIN" train config.yaml --run closed/run
    expect_error 1 'closed/a.wav: can' "$WAVETRAIN" generate run --out closed/a.wav
    expect_error 1 'closed/a.png: can' "$WAVETRAIN" plot run --out closed/a.png
fi

# two runs in one folder: the second is refused, the first goes on (without checkpoints, whose unfinished
# files would be taken for leftovers)
"$WAVETRAIN" train config.yaml --run busy --set train.steps=100000 --set checkpoint.every=0 --set validation.every=0 >busy.log 2>&1 &
first=$!
trap 'kill -KILL $first 2>/dev/null || true' EXIT # also where the test fails
for try in $(seq 600); do
    [ "$(rows_of busy)" = 0 ] || break
    sleep 0.05
done
expect_error 1 'busy: another run is at work in this folder' "$WAVETRAIN" train config.yaml --run busy
kill -0 $first || fail "the first run has ended: $(cat busy.log)"
kill -USR1 $first
code=0
wait $first || code=$?
[ $code = 75 ] || fail "the first run: exit code $code: $(cat busy.log)"

# --- options ---

expect_error 2 'frobnicate: no such command' "$WAVETRAIN" frobnicate
expect_error 2 'prepare: no such command' "$WAVETRAIN" prepare
for command in train evaluate generate inspect plot; do
    expect_error 2 '--no-such: unknown option' "$WAVETRAIN" $command --no-such
    expect_error 2 'is missing' "$WAVETRAIN" $command
    expect_error 2 'too many arguments' "$WAVETRAIN" $command $(seq 100)
done
expect_error 2 "no shards of the split 'rest'" "$WAVETRAIN" evaluate run --split rest
expect_error 2 'nowhere: no run (no such folder)' "$WAVETRAIN" plot nowhere --out a.png
expect_error 2 'tone: no metrics.csv' "$WAVETRAIN" plot tone --out a.png
expect_error 2 '--out: missing' "$WAVETRAIN" plot run
[ ! -e a.png ] || fail "something was plotted"

# generate_refused WORDS OPTION…
generate_refused() {
    local words=$1
    shift
    expect_error 2 "$words" "$WAVETRAIN" generate run --out a.wav "$@"
    [ ! -e a.wav ] || fail "$*: something was generated"
}
expect_error 2 '--out FILE.wav is missing' "$WAVETRAIN" generate run
generate_refused '--seconds is out of range' --seconds 0
generate_refused '--seconds: got nan, expected a number' --seconds nan
generate_refused '--count is out of range' --count 0
generate_refused '--temperature is out of range' --temperature -1
generate_refused '--temperature: got nan, expected a number' --temperature nan
generate_refused '--top-k is out of range' --top-k -1
generate_refused '--prime-seconds is out of range' --prime-seconds -1
generate_refused 'expected one of them' --prime a.wav --prime-from test
generate_refused 'nowhere.wav: can' --prime nowhere.wav
generate_refused 'config.yaml: can' --prime config.yaml
generate_refused "no shards of the split 'rest'" --prime-from rest
generate_refused '--prime-utterance is out of range' --prime-from test --prime-utterance 2
generate_refused '--seed: is given twice (expected once)' --seed 1 --seed 2
expect_error 2 'voice.mp3: would hold a WAV file (got the ending .mp3, expected .wav)' \
    "$WAVETRAIN" generate run --out voice.mp3
expect_error 2 'x.pdf: would hold a PNG picture (got the ending .pdf, expected .png)' \
    "$WAVETRAIN" plot run --out x.pdf
"$WAVETRAIN" prepare simulate sine --rate 16000 --seconds 0.1 --utterances 20 --out faster >prepare.txt 2>&1
"$WAVETRAIN" train config.yaml --run tuned --init run --set data.path=faster --set train.steps=5 >tuned.log 2>&1 ||
    fail "--init: $(cat tuned.log)"
said tuned.log 'was trained at another sample rate than the data set'"'"'s (got 8000 Hz, expected 16000)'
"$WAVETRAIN" train config.yaml --run alike --init run --set train.steps=5 >alike.log 2>&1
! grep -q 'another sample rate' alike.log || fail "a warning of equal rates"
"$WAVETRAIN" generate run --seconds 0.5 --out tone.wav >out.txt 2>&1 || fail "generate: $(cat out.txt)"
"$WAVETRAIN" generate run --seconds 0.01 --prime tone.wav --prime-seconds 0.25 --out primed.WAV >out.txt 2>&1 ||
    fail "--prime: $(cat out.txt)"
said out.txt 'primed with the first 0.25 s of tone.wav, which has 0.50 s'
echo mine >there.wav
expect_error 2 'there.wav: exists already' "$WAVETRAIN" generate run --out there.wav
cp there.wav many-2.wav
# of many pieces those that are there are kept, so that the same command goes on
expect_ok "$WAVETRAIN" generate run --out many.wav --count 3 --seconds 0.05
said err.txt '1 of 3 pieces were there already'
[ "$(cat there.wav many-2.wav | sort -u)" = mine ] && [ -e many-1.wav ] || fail "a file was replaced"
expect_error 2 'empty: exists already' "$WAVETRAIN" generate run --out empty
expect_error 2 'empty: is a folder' "$WAVETRAIN" generate run --out empty --force

# --- help ---

for command in '' 'prepare audio' 'prepare simulate' train evaluate generate inspect plot; do
    expect_ok "$WAVETRAIN" $command --help
    [ ! -s err.txt ] || fail "$command --help: $(cat err.txt)"
    said out.txt "usage: wavetrain ${command:-COMMAND}"
    [ "$(LC_ALL=C.UTF-8 wc -L <out.txt)" -le 80 ] || fail "$command --help is wider than 80 columns"
    ! grep -q ' $' out.txt || fail "$command --help has spaces at the ends of lines"
done
expect_ok "$WAVETRAIN" train --help-config
said out.txt 'learning_rate: 1.0e-3'
[ "$(LC_ALL=C.UTF-8 wc -L <out.txt)" -le 80 ] || fail "--help-config is wider than 80 columns"
cp out.txt all-keys.yaml
expect_ok "$WAVETRAIN" inspect all-keys.yaml
expect_ok "$WAVETRAIN" --version

# what can't be written is said, whatever it is
if [ -e /dev/full ]; then
    for words in --help --version 'train --help' 'train --help-config' '--completion bash' 'inspect all-keys.yaml'; do
        code=0
        "$WAVETRAIN" $words >/dev/full 2>err.txt || code=$?
        [ $code = 1 ] || fail "$words >/dev/full: exit code $code, expected 1"
        said err.txt "standard output: can't write"
    done
fi

# --- pipes and what may not be read ---

# no one writes: whoever opened them would wait for ever
mkfifo pipe.yaml pipe.h5
expect_error 2 'pipe.yaml: is a pipe (expected a regular file, or - for standard input)' timeout 20 "$WAVETRAIN" train pipe.yaml --run new
expect_error 2 'pipe.yaml: is a pipe' timeout 20 "$WAVETRAIN" inspect pipe.yaml
expect_error 2 'pipe.h5: is a pipe' timeout 20 "$WAVETRAIN" inspect pipe.h5
expect_error 2 'pipe.yaml: is a pipe' timeout 20 "$WAVETRAIN" sweep pipe.yaml --list
expect_error 2 'pipe.h5: is a pipe' timeout 20 "$WAVETRAIN" prepare audio pipe.h5 --out new
expect_error 2 'pipe.h5: is a pipe' timeout 20 "$WAVETRAIN" prepare text pipe.h5 --out new
mkdir piped && mkfifo piped/metrics.csv
expect_error 2 'metrics.csv: is a pipe' timeout 20 "$WAVETRAIN" plot piped --out piped.png
# a configuration from standard input, which rank 0 alone has
"$WAVETRAIN" inspect - <config.yaml >piped.txt || fail "inspect -"
"$WAVETRAIN" inspect config.yaml | sed "s/config.yaml/-/" | cmp - piped.txt || fail "inspect - shows another configuration"
"$MPIRUN" 2 "$WAVETRAIN" train - --run from-input <config.yaml >log.txt 2>&1 || fail "train -: $(cat log.txt)"
[ "$(hash_of from-input)" = "$(hash_of run)" ] || fail "train - gives another run"
expect_error 2 '--run: is missing (a configuration from standard input' "$WAVETRAIN" train - <config.yaml
expect_error 2 'standard input:1: nonsense is no key' "$WAVETRAIN" inspect - <<<'nonsense: 1'
# a loop of links stands for what the system refuses, since root may read anything
ln -s circle circle
for command in 'inspect circle' 'evaluate circle' 'train circle --run new' 'prepare text circle --out new' \
    'prepare audio circle --out new' 'plot circle --out new.png'; do
    code=0
    "$WAVETRAIN" $command >out.txt 2>err.txt || code=$?
    [ $code != 0 ] || fail "$command: exit code 0"
    said err.txt 'circle: '
    said err.txt 'Too many levels of symbolic links'
done
mkdir unseen && ln -s circle unseen/checkpoints && ln -s circle unseen/circle
expect_error 1 'unseen/checkpoints: can' "$WAVETRAIN" evaluate unseen
no_leftovers
