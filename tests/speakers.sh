#!/bin/bash
# tests/speakers.sh [--steps N] [--classifier-steps N] [--windows N] [--seconds S] [--temperature T]
#                   [--held-out SHARE] [--folder FOLDER] [--csv FILE] [--limits no]
# Five voices without features, configs/voices.yaml (jobs/setup.sh --recordings --voices): each voice's
# held-out loss with its own speaker and with each other; then S (60) seconds of generated sound per speaker,
# whose windows of a second are classified by a network that this program has trained on N (1,400) windows
# of recorded sound per voice (tests/speaker_windows.py). The table goes to stdout, the same as CSV to FILE.
# WAVETRAIN is the program (build/wavetrain); runs in FOLDER go on. Fails where a figure misses its limit;
# with --limits no where the mean margin of the loss is not positive.
SOURCE=${SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
WAVETRAIN=${WAVETRAIN:-$SOURCE/build/wavetrain}
set -eu
. "$SOURCE/tests/measuring.sh"
steps='' classifier_steps=1300 windows=1400 seconds=60 temperature=1 held_out=0.1 folder='' csv='' limits=yes
read_options "steps classifier-steps windows seconds temperature held-out folder csv limits" "$@"
enter_folder
python=/usr/bin/python3 # h5py and numpy are Debian's packages
"$python" -c 'import h5py, numpy' 2>/dev/null || python=python3
voices=(/usr/share/asterisk/sounds/??_??_?_*)
if [ ${#voices[@]} -lt 6 ] || ! "$python" -c 'import h5py, numpy'; then
    skip "the recordings are" "--tests --recordings --voices"
fi
[ -e data/voices ] ||
    "$WAVETRAIN" prepare audio "${voices[@]}" --speaker '^.._.._._([A-Za-z]+)/' --trim 50 --skip-damaged \
        --validation "$held_out" --test "$held_out" --out data/voices >prepare.txt
"$WAVETRAIN" train "$SOURCE/configs/voices.yaml" --run voices \
    ${steps:+--set=train.steps=$steps --set=schedule.warmup=$((steps / 20 + 1))} >train.log
"$WAVETRAIN" evaluate voices --speakers | tee losses.txt

# --- a classifier of voices, on recorded sound ---
if [ ! -e data/windows ]; then
    "$python" "$SOURCE/tests/speaker_windows.py" --most "$windows" train.csv data/voices/train-*.h5
    for part in validation test; do
        "$python" "$SOURCE/tests/speaker_windows.py" --most 100 $part.csv data/voices/$part-*.h5
    done
    "$WAVETRAIN" prepare table train.csv validation.csv test.csv --signal x --label speaker --rate 8000 \
        --validation validation.csv --test test.csv --out data/windows >windows.txt
    rm train.csv validation.csv test.csv
fi
cat >classifier.yaml <<YAML
model: {input: real, stacks: 1, dilations: [1, 2, 4, 8, 16, 32, 64], kernel: 3, residual: 32, gate: 32, skip: 64, readout: mean}
data: {path: data/windows, target: label, window: 8000, stride: 8000}
train: {batch: 16, steps: $classifier_steps}
optimizer: {learning_rate: 2.0e-3}
schedule: {kind: cosine, warmup: 20}
validation: {every: 100, windows: 0}
YAML
"$WAVETRAIN" train classifier.yaml --run classifier >classifier.log
"$WAVETRAIN" evaluate classifier >held-out.txt

# --- generated sound ---
rm -rf data/generated
made=()
speakers=$(awk '/^ +[0-9]+ [A-Za-z]/' losses.txt | wc -l)
for ((s = 0; s < speakers; s++)); do
    [ -e "voice-$s.wav" ] || "$WAVETRAIN" generate voices --speaker $s --seconds "$seconds" --temperature "$temperature" \
        --seed $((s + 1)) --out "voice-$s.wav" >>generate.txt
    made+=("$s=voice-$s.wav")
done
"$python" "$SOURCE/tests/speaker_windows.py" generated.csv "${made[@]}"
head -n 8001 generated.csv >one.csv # a training part is asked for
"$WAVETRAIN" prepare table one.csv generated.csv --signal x --label speaker --classes "$speakers" --rate 8000 \
    --validation 0 --test generated.csv --out data/generated >>windows.txt
"$WAVETRAIN" evaluate classifier --data data/generated | tee confusion.txt

# --- figures ---
accuracy=$(awk '/accuracy/ { print 100 * $2 }' held-out.txt)
awk -v OFS=, -v speakers="$speakers" -v accuracy="$accuracy" '
    function row(m, v, how, l) { print m, v, how, l, (how == ">=" ? v + 0 >= l : v + 0 <= l) ? "yes" : "no" }
    BEGIN { print "measure,value,comparison,limit,met" }
    FILENAME == "losses.txt" && /^ +[0-9]+ [A-Za-z]/ {
        row("margin_of_" $2 "_nats", $NF, ">=", 0)
        for (g = 0; g < speakers; g++) if (g != $1) { margins += $(3 + g) - $(3 + $1); pairs++ }
    }
    FILENAME == "confusion.txt" && /^ +[0-9]+( +[0-9]+)+$/ && NF == speakers + 1 {
        sum = best = 0
        for (g = 0; g < speakers; g++) { n[$1, g] = $(2 + g); sum += $(2 + g); if ($(2 + g) > $(2 + best)) best = g }
        right += best == $1
        for (g = 0; g < speakers; g++) share[$1, g] = sum ? $(2 + g) / sum : 0
    }
    END {
        row("mean_margin_nats", sprintf("%.4f", margins / pairs), ">=", 0.02)
        row("classifier_held_out_percent", accuracy, ">=", 95)
        row("speakers_most_frequent", right, ">=", speakers - 1)
        for (turn = 0; turn < speakers; turn++) { # speaker s is taken for s + turn
            mean[turn] = 0
            for (s = 0; s < speakers; s++) mean[turn] += 100 * share[s, (s + turn) % speakers] / speakers
            if (turn > 0 && mean[turn] > permuted) permuted = mean[turn]
        }
        row("right_windows_mean_percent", sprintf("%.1f", mean[0]), ">=", 45)
        row("permuted_windows_percent", sprintf("%.1f", permuted), "<=", 25)
    }' losses.txt confusion.txt >speakers.csv
column -s, -t speakers.csv
[ -z "$csv" ] || cp speakers.csv "$csv"
if [ "$limits" = yes ]; then
    if grep -q ',no$' speakers.csv; then exit 1; fi
else
    awk -F, '$1 == "mean_margin_nats" { exit !($2 > 0) }' speakers.csv
fi
