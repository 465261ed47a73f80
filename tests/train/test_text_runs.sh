# A run on text: windows of one character and more, ways of sampling, masks. One answer on ranks and threads
# and after a stop; evaluate, inspect and generate; what does not fit is refused.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 ranks=
steps=60

awk 'BEGIN {
    split("an be ci do el fa gu ho", part, " ")
    for (i = 0; i < 512; i++) print part[1 + i % 8] part[1 + int(i / 8) % 8] part[1 + int(i / 64) % 8]
}' >names.txt
"$WAVETRAIN" prepare text --lines names.txt --out names >report.txt 2>&1 || fail "prepare: $(cat report.txt)"
"$WAVETRAIN" prepare text --lines --by-example names.txt --out masked >report.txt 2>&1 || fail "prepare: $(cat report.txt)"
"$WAVETRAIN" prepare text names.txt --out book >report.txt 2>&1 || fail "prepare: $(cat report.txt)"
"$WAVETRAIN" prepare text --lines names.txt --out fewer --keep a-h >report.txt 2>&1 || fail "prepare: $(cat report.txt)"
tr h H <names.txt >capital.txt
"$WAVETRAIN" prepare text --lines capital.txt --out capital >report.txt 2>&1 || fail "prepare: $(cat report.txt)"

cat >config.yaml <<YAML
model: {input_kernel: 2, stacks: 1, dilations: [1, 2, 4], residual: 12, gate: 12, skip: 16}
data: {path: names, window: 1, quantization: vocabulary}
train: {batch: 24, steps: $steps, microbatches: 4}
optimizer: {learning_rate: 1.0e-2}
schedule: {kind: constant, warmup: 0}
validation: {every: 20, windows: 0}
checkpoint: {every: 20}
YAML
cp config.yaml plain.yaml

# --- one answer, each way of sampling ---
for way in 'epoch names 1' 'replacement masked 1' 'item masked 3'; do
    set -- $way
    sed "s/path: names, window: 1/path: $2, window: $3, sampling: $1/" plain.yaml >config.yaml
    run=$1-$2-$3
    train_ok "$run"
    said "$run.log" "validation loss"
    said "$run.log" "bits per character"
    train_ok "$run-stopped" --set train.steps=40
    train_ok "$run-stopped"
    same_run "$run-stopped" "$run" $steps
    [ $1 != epoch ] || continue
    ranks=3 OMP_NUM_THREADS=2 train_ok "$run-ranks"
    same_run "$run-ranks" "$run" $steps
done
sed 's/path: names, window: 1/path: book, window: 8/' plain.yaml >config.yaml
train_ok epoch-book-8
sed 's/path: names/path: names, sampling: replacement/' plain.yaml >config.yaml
expect_error 2 'data.sampling was epoch, now replacement' "$WAVETRAIN" train config.yaml --run epoch-names-1 \
    --set train.steps=70
cp plain.yaml config.yaml

# --- evaluate: of a masked part, its own examples alone ---
run=epoch-names-1
expect_ok "$WAVETRAIN" evaluate $run --markov
said out.txt 'bits per character'
said out.txt '% of them end marks'
targets=$("$WAVETRAIN" inspect names | sed -n 's/^test .* \([0-9]*\) examples.*/\1/p')
said out.txt "names, test: $targets targets"
expect_ok "$WAVETRAIN" evaluate $run --data masked --split validation
targets=$("$WAVETRAIN" inspect masked | sed -n 's/^validation .* \([0-9]*\) examples.*/\1/p')
said out.txt "masked, validation: $targets targets"
cp out.txt one.txt
expect_ok "$MPIRUN" 2 "$WAVETRAIN" evaluate $run --data masked --split validation
cmp one.txt out.txt || fail "evaluate differs on two ranks"
expect_error 2 'fewer: has another number of symbols than the network (got 9, expected 14)' \
    "$WAVETRAIN" evaluate $run --data fewer
expect_error 2 'capital: has another vocabulary than the network has learnt (class 1: got H, expected a)' \
    "$WAVETRAIN" evaluate $run --data capital
expect_error 2 'book: has another vocabulary than the network has learnt (class 0: got \n, expected the end mark)' "$WAVETRAIN" evaluate $run --data book

# --- generate ---
# generate OPTION…: to out.txt, what it says in err.txt
generate() {
    expect_ok "$WAVETRAIN" generate "$@"
}
generate $run --count 40
[ "$(wc -l <out.txt)" = 40 ] || fail "not 40 items: $(cat out.txt)"
LC_ALL=C grep -qv '^[a-o u]*$' out.txt && fail "other characters: $(cat out.txt)"
cp out.txt items.txt
# how many of them are new, by hand: what the training part has is known from the program that made it
h5dump -d utterances/id names/train-00000.h5 | grep -oE 'names.txt:[0-9]+' | sed 's/.*://' |
    while read -r line; do sed -n "${line}p" names.txt; done >trained.txt
known=$(grep -cxF -f trained.txt items.txt || true)
said err.txt "$((40 - known)) of 40 items "
said err.txt "are not among the $(wc -l <trained.txt) of the training part of names"
OMP_NUM_THREADS=3 generate $run --count 40
cmp items.txt out.txt || fail "threads change what is generated"
generate $run --count 3
head -n 3 items.txt | cmp - out.txt || fail "the number of items changes them"
generate $run --count 40 --seed 2
cmp -s items.txt out.txt && fail "--seed changes nothing"
generate $run --count 20 --prompt gu --temperature 0.5 --top-k 3
[ "$(grep -c '^gu' out.txt)" = 20 ] || fail "--prompt: $(cat out.txt)"
generate $run --count 5 --temperature 0
[ "$(sort -u out.txt | wc -l)" = 1 ] || fail "--temperature 0: $(cat out.txt)"
generate $run --count 30 --max-length 2
awk 'length > 2' out.txt | grep -q . && fail "--max-length: $(cat out.txt)"
said err.txt 'items had no end mark within 2 characters'
generate $run --count 40 --out items-2.txt
[ ! -s out.txt ] || fail "--out: something on standard output"
cmp items.txt items-2.txt || fail "--out writes something else"
mv names away
generate $run --count 3
said err.txt "warning: the share of new items is not known: names: no data set"
generate $run --count 3 --data away
said err.txt 'of the training part of away'
generate $run --count 3 --data capital
said err.txt "is not known: the data set has another vocabulary"
mv away names
generate epoch-book-8 --max-length 300 --prompt an
[ "$(wc -m <out.txt)" = 301 ] || fail "a page of $(wc -m <out.txt) characters"
[ "$(head -c 2 out.txt)" = an ] || fail "a page without its prompt"

refused() {
    local words=$1
    shift
    expect_error 2 "$words" "$WAVETRAIN" generate $run "$@"
}
refused '--prompt: character 3 is not in the vocabulary of the run (got é)' --prompt anéo
refused '--prompt: is not UTF-8 (got byte 0xFF)' --prompt "$(printf 'a\377')"
refused '--prompt: is as long as --max-length or longer (got 4' --prompt anan --max-length 4
refused '--max-length is out of range (got -1' --max-length -1
refused '--seconds: is for sound' --seconds 2
refused '--seconds: is for sound' --prime-seconds 1
refused '--prime: is for sound' --prime a.wav
refused '--temperature is out of range' --temperature -1
refused 'items-2.txt: exists already' --out items-2.txt

# --- inspect ---
expect_ok "$WAVETRAIN" inspect $run
said out.txt '14 symbols: the end mark, a b c d e f g h i l n o u'
expect_ok "$WAVETRAIN" inspect config.yaml
said out.txt 'receptive field  9 samples'

# --- what does not fit ---
make_tone
expect_error 2 'names: is text, which data.quantization does not fit (expected vocabulary)' \
    "$WAVETRAIN" train config.yaml --run new --set data.quantization=mulaw:14
expect_error 2 'tone: is a signal, which data.quantization does not fit (expected mulaw:N or linear:N)' \
    "$WAVETRAIN" train config.yaml --run new --set data.path=tone
expect_error 2 'model.input: real needs a signal' "$WAVETRAIN" train config.yaml --run new --set model.input=real
expect_error 2 "the checkpoint's vocabulary is not that of the data set capital (got 14 symbols, expected 14 others)" \
    "$WAVETRAIN" train config.yaml --run new --set data.path=capital --init $run
expect_error 2 "the checkpoint's vocabulary is not that of the data set capital" \
    "$WAVETRAIN" train config.yaml --run $run --set data.path=capital --set train.steps=70 --other-data
expect_error 2 'nowhere: no data set' "$WAVETRAIN" inspect config.yaml --set data.path=nowhere
[ ! -e new ] || fail "a run was begun"
mkdir unlike
cp names/train-00000.h5 unlike
cp capital/validation-00000.h5 unlike
expect_error 2 'unlike: has another vocabulary than the network has learnt' \
    "$WAVETRAIN" train config.yaml --run new --set data.path=unlike
