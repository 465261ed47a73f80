# Conditions, the whole way: prepare --mel and --speaker; training with both, a mixture and condition dropout,
# which is the same on any number of ranks and threads, killed and resumed; the loss with the right frames is
# the lowest; what does not fit together is refused, and nothing is left half-written.
set -eu
. "$SOURCE/tests/runs.sh"
. "$SOURCE/tests/cli/prepare_helpers.sh"
make_features=$2
export OMP_NUM_THREADS=1 ranks=
steps=24

# two speakers: tones of one octave, noise of another
for i in $(seq 12); do
    sound "in/low/$i.wav" 8000 1 $((1500 + 37 * i)) tone $((200 + 90 * i))
    sound "in/wind/$i.wav" 8000 1 $((1400 + 53 * i)) noise "$i"
done

prepare() {
    expect_ok "$WAVETRAIN" prepare audio in --out "$@"
}

prepare voices --mel 8k --speaker folder
said out.txt "speakers    2"
said out.txt "features    40 numbers every 64 samples"
expect_ok "$MPIRUN" 3 "$WAVETRAIN" prepare audio in --out voices-3 --mel 8k --speaker folder --shard-mib 0.02
expect_ok "$WAVETRAIN" prepare audio in --out voices-1 --mel 8k --speaker folder --shard-mib 0.02
for shard in voices-1/*; do cmp "$shard" "voices-3/${shard##*/}" || fail "$shard: other bytes on 3 ranks"; done
expect_ok "$WAVETRAIN" inspect voices --verify
# the same speakers by a pattern and by a list
prepare by-pattern --mel 8k --speaker '^([a-z]+)/'
(cd in && find . -name '*.wav' | sed 's|^\./||; s|^\([^/]*\)/\(.*\)|\1/\2 \1|') >list
prepare by-list --mel 8k --speaker list
for other in by-pattern by-list; do
    for shard in voices/*; do cmp "$shard" "$other/${shard##*/}" || fail "$other: another data set"; done
done

cat >config.yaml <<YAML
model: {stacks: 2, layers: 3, residual: 11, gate: 9, skip: 13, head: logistics, components: 2, condition: stretch,
        condition_scales: [4, 4, 4], condition_pad: 1, speaker: 3}
data: {path: voices, window: 300, condition_dropout: 0.2}
train: {batch: 8, steps: $steps, microbatches: 4}
optimizer: {learning_rate: 3.0e-3}
schedule: {kind: cosine, warmup: 3}
validation: {every: 12, windows: 5}
checkpoint: {every: 7}
YAML
train_ok run
ranks=3 train_ok run-3
same_run run run-3 $steps
OMP_NUM_THREADS=2 train_ok run-threads
same_run run run-threads $steps
code=$(interrupt run-part 9 KILL)
[ "$code" = 137 ] || fail "run-part: exit code $code, expected 137"
ranks=2 train_ok run-part
same_run run run-part $steps

# Losses of each speaker's recordings by each speaker's number: those of a data set with swapped speakers are
# the same, in swapped rows.
speaker_losses() { awk '/^ +[01] (low|wind) / {print $3, $4}' "$1" | paste -sd' '; }
expect_ok "$WAVETRAIN" evaluate run --speakers --split train
mv out.txt speakers.txt
expect_ok "$MPIRUN" 3 "$WAVETRAIN" evaluate run --speakers --split train
cmp out.txt speakers.txt || fail "other losses of speakers on 3 ranks"
sed 's/ low$/ other/; s/ wind$/ low/; s/ other$/ wind/' list >swapped-list
prepare swapped --mel 8k --speaker swapped-list
expect_ok "$WAVETRAIN" evaluate run --speakers --split train --data swapped
read -r a b c d <<<"$(speaker_losses speakers.txt)"
[ -n "$d" ] && [ "$a" != "$b" ] && [ "$(speaker_losses out.txt)" = "$c $d $a $b" ] ||
    fail "losses of swapped speakers: $(cat speakers.txt out.txt)"

# The same recordings under names by which neighbours are of different kinds.
mkdir mixed
for i in $(seq 12); do
    cp "in/low/$i.wav" "mixed/$i-a.wav"
    cp "in/wind/$i.wav" "mixed/$i-b.wav"
done
expect_ok "$WAVETRAIN" prepare audio mixed --out kinds --mel 8k --test 0.4

# loss FRAMES: of the test part
loss() {
    expect_ok "$WAVETRAIN" evaluate told --frames "$1"
    awk '/network, step/ {print $4}' out.txt
}
sed -i 's/condition: stretch/condition: repeat/; s/condition_scales.*pad: 1, speaker: 3/input_kernel: 1/; s/, condition_dropout: 0.2//
    s/steps: .*, micro/steps: 150, micro/; s/head: logistics, components: 2/head: softmax/
    s/window: 300/window: 300, quantization: "mulaw:64"/; s/3.0e-3/1.0e-2/; s/path: voices/path: kinds/' config.yaml
train_ok told
own=$(loss own)
other=$(loss other)
awk -v own="$own" -v other="$other" 'BEGIN {exit !(own < other - 0.1)}' ||
    fail "the loss is $own with the right frames, and $other with another recording's"

# --- sound from features ---
expect_ok "$WAVETRAIN" generate told --copy in/low/3.wav --out copy.wav
expect_ok "$WAVETRAIN" generate told --copy in/low/3.wav --out again.wav
cmp copy.wav again.wav || fail "another copy by the same draws"
[ "$(wc -c <copy.wav)" = $((44 + 2 * 1611)) ] || fail "the copy is not as long as the recording: $(wc -c <copy.wav) bytes"
expect_ok "$WAVETRAIN" generate told --copy in/wind/3.wav --out other.wav --seconds 0.2
expect_ok "$WAVETRAIN" generate told --copy in/low/3.wav --out second.wav --seconds 1
[ "$(wc -c <second.wav)" = $((44 + 2 * 8000)) ] || fail "--seconds 1 is not what is made: $(wc -c <second.wav) bytes"
expect_ok "$WAVETRAIN" generate run --speaker 1 --out without.wav --seconds 0.05 # condition_dropout
expect_ok "$WAVETRAIN" generate run --speaker 1 --copy in/low/3.wav --out with.wav --seconds 0.05
cmp -s without.wav with.wav && fail "the condition changes nothing"

# by name, without the data set
mv voices voices-away
expect_ok "$WAVETRAIN" generate run --speaker wind --out named.wav --seconds 0.05
mv voices-away voices
cmp without.wav named.wav || fail "another sound by the name of a speaker"

# several side by side have the bits of each alone; features from files are those of the recordings
expect_ok "$WAVETRAIN" generate told --copy in/low/5.wav --copy in/low/3.wav --copy in/wind/4.wav --out three.wav
"$make_features" features rows 8k 1 in/low/3.wav
expect_ok "$WAVETRAIN" generate told --condition features/3.npy --out by-file.wav
grep -q "not like those" err.txt && fail "a warning of its own features: $(cat err.txt)"
cmp <(tail -c +45 copy.wav) <(tail -c +45 by-file.wav | head -c 3222) || fail "another sound from the same features in a file"
[ "$(wc -c <three-1.wav)" = $((44 + 2 * 1685)) ] || fail "the first copy is not as long as its recording"
# (draws are keyed by the piece's number, so that the first one is compared)
expect_ok "$WAVETRAIN" generate told --copy in/low/5.wav --out one.wav
cmp three-1.wav one.wav || fail "a copy depends on its neighbours"
OMP_NUM_THREADS=2 expect_ok "$WAVETRAIN" generate told --copy in/low/5.wav --out threads.wav
cmp threads.wav one.wav || fail "a copy depends on threads"
"$make_features" scaled columns 8k 0.4342945 in/low/*.wav
expect_ok "$WAVETRAIN" generate told --condition scaled/3-feats.npy --out scaled.wav
said err.txt "warning: scaled/3-feats.npy: its features are not like those that the network has learnt"

# copies of a part, and their scores
expect_ok "$WAVETRAIN" generate told --copy-from test --count 3 --out part.wav
[ -s part-1.wav ] && [ -s part-3.wav ] || fail "no copies of the test part"
expect_ok "$WAVETRAIN" evaluate told --copies 3
for row in 'copies, all' '8 bits of mu-law' 'noise of their envelope' 'another recording'; do said out.txt "$row"; done
cp out.txt scores.txt
expect_ok "$WAVETRAIN" evaluate told --copies 3
cmp out.txt scores.txt || fail "other scores of the same copies"
expect_ok "$MPIRUN" 2 "$WAVETRAIN" evaluate told --copies 3
cmp out.txt scores.txt || fail "other scores of the same copies on 2 ranks"
for n in 1 4; do # fewer copies than ranks, too
    expect_ok "$MPIRUN" "$n" "$WAVETRAIN" evaluate told --copies 3 --temperature 0.5 --plot copies.png
    mv out.txt "sharper-$n.txt"
    mv copies.png "copies-$n.png"
done
cmp sharper-1.txt sharper-4.txt || fail "other scores of sharper copies on 4 ranks"
cmp copies-1.png copies-4.png || fail "another picture on 4 ranks"
cmp -s sharper-1.txt scores.txt && fail "the temperature changes nothing"
awk '/8 bits/ {near = $(NF - 9)} /another recording/ {far = $(NF - 9)} END {exit !(near + 0 < far + 0)}' scores.txt ||
    fail "the mu-law round trip is no nearer than another recording: $(cat scores.txt)"

# --- what does not fit together ---
refuse() {
    local words=$1
    shift
    expect_error 2 "$words" "$WAVETRAIN" "$@"
}
refuse "--mel: high is above half the sample rate (got 7600 Hz, expected at most 4000; --mel 8k is for sound of 8 kHz)" \
    prepare audio in --out bad --mel espnet
refuse "--speaker: got (, expected folder, a file, FILE.csv:COLUMN or a regular expression" prepare audio in --out bad --speaker '('
grep "^wind/" list >wind-list
refuse "has no speaker in wind-list (--speaker)" prepare audio in --out bad --speaker wind-list
refuse "its name tells no speaker" prepare audio in --out bad --speaker '^low/'
[ ! -e bad ] || fail "a data set was made"
refuse "model.condition_scales: their product is not the frames' hop (got 16, expected 64)" \
    train config.yaml --run bad --set model.condition=stretch --set 'model.condition_scales=[4, 4]'
refuse "batch norm does not go with a condition" train config.yaml --run bad --set model.norm=batch
refuse "model.condition_scales does not fit model.condition" train config.yaml --run bad --set 'model.condition_scales=[64]'
refuse "data.condition_dropout needs a model.condition" train config.yaml --run bad --set model.condition=none \
    --set data.condition_dropout=0.5
expect_ok "$WAVETRAIN" prepare audio in --out plain
refuse "model.condition: the data set has no features" train config.yaml --run bad --set data.path=plain
sed '/^data:/s/path: kinds/path: plain/; s/condition: repeat,//; s/steps: .*, micro/steps: 3, micro/' \
    config.yaml >plain.yaml
expect_ok "$WAVETRAIN" train plain.yaml --run plain-run
refuse "model.speaker: the data set has no speakers" train config.yaml --run bad --set data.path=plain \
    --set model.condition=none --set model.speaker=2
prepare wide --mel 8k,hop=80
refuse "features are not those that the network learnt (got 40 numbers every 80 samples, expected 40 every 64)" \
    evaluate told --data wide
refuse "the network has a condition (--copy SOUND, --condition FILE or --copy-from SPLIT gives it)" generate told --out bad.wav
refuse "--copy: the network has no condition" generate plain-run --copy in/low/3.wav --out bad.wav
refuse "--speaker: got 2, expected the number of one, 0 … 1, or a name: low wind" generate run --copy in/low/3.wav --out bad.wav --speaker 2
refuse "--speaker: the network has no speakers" generate told --copy in/low/3.wav --out bad.wav --speaker 0
prepare crowd --mel 8k --speaker '([0-9]+)'
refuse ": its speaker is none that the network knows (got " generate run --data crowd --copy-from train --count 9 --out bad.wav
refuse "--speaker: does not go with --copy-from, whose recordings have their own" \
    generate run --copy-from test --speaker 1 --out bad.wav
! ls bad*.wav 2>/dev/null || fail "something was generated"
refuse "--frames: got mine, expected own, other or late" evaluate told --frames mine
refuse "--copies: does not go with --markov" evaluate told --copies 3 --markov
refuse "--speakers: the network has no speakers" evaluate told --speakers
refuse "--speakers: does not go with --markov" evaluate run --speakers --markov
refuse "--plot: needs --copies" evaluate told --plot a.png
mkdir a.png
refuse "a.png: is a folder, expected a file" evaluate told --copies 3 --plot a.png
refuse "--temperature: needs --copies" evaluate told --temperature 0.5
refuse "--temperature is out of range (got -1, expected 0 … 100)" evaluate told --copies 3 --temperature -1
"$make_features" few rows 8k,bands=20 1 in/low/3.wav
refuse "few/3.npy: has other numbers per frame (got 26 × 20, expected 40)" generate told --condition few/3.npy --out bad.wav
refuse "--count: does not go with --copy or --condition, which make a piece each" \
    generate told --copy in/low/3.wav --count 2 --out bad.wav
