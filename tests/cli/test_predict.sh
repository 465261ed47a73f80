# wavetrain predict: events of recordings as files that prepare audio --annotations reads back, by exact times.
set -eu
. "$SOURCE/tests/cli/prepare_helpers.sh"

# tones in noise: low from 0.1 s, high from 0.3 s, for 0.1 s each, once more every half second
for i in 1 2 3; do
    sound low.wav 2000 1 200 tone 150
    sound high.wav 2000 1 200 tone 600
    sound in/$i.wav 2000 1 4000 events "$i"
done
awk 'BEGIN { print "file,start,end,class"
    for (f = 1; f <= 3; f++) for (k = 0; k < 4; k++) {
        print f ".wav," k / 2 + 0.1 "," k / 2 + 0.2 ",low"; print f ".wav," k / 2 + 0.3 "," k / 2 + 0.4 ",high" } }' >events.csv
expect_ok "$WAVETRAIN" prepare audio in --annotations events.csv --validation 0 --test 3.wav --out set
cat >config.yaml <<'END'
model: {layers: 5, stacks: 1, residual: 8, gate: 8, skip: 16, input: real}
data: {path: set, window: 500, target: label, look_ahead: 16}
train: {batch: 8, steps: 150, class_weights: balanced}
optimizer: {learning_rate: 0.01}
END
expect_ok "$WAVETRAIN" train config.yaml --run run

# what is written in three formats is the same; read back, it gives the same labels
labels() { h5dump -y -w 1 -d y "$1/train-00000.h5" | sed -n '/DATA {/,/}/p'; }
for format in csv audacity raven; do
    expect_ok "$WAVETRAIN" predict run in --out got-$format --format $format --min-duration 0.02
    expect_ok "$WAVETRAIN" prepare audio in --annotations got-$format --validation 0 --test 0 --out back-$format \
        --classes background,low,high
    labels back-$format >labels-$format.txt
done
cmp labels-csv.txt labels-audacity.txt || fail "Audacity's tracks give other labels than CSV"
cmp labels-csv.txt labels-raven.txt || fail "Raven's table gives other labels than CSV"
[ "$(head -1 got-csv)" = "file,start,end,class,probability" ] || fail "heading: $(head -1 got-csv)"
[ "$(wc -l <got-csv)" = 25 ] || fail "expected 24 events: $(cat got-csv)"
# starts are those of the events, to 20 ms
awk -F, 'NR > 1 { want = int($2 * 2) / 2 + ($4 == "low" ? 0.1 : 0.3); if ($2 - want > 0.02 || want - $2 > 0.02) exit 1 }' \
    got-csv || fail "events at other times: $(cat got-csv)"
# a recording's events do not depend on those before it
expect_ok "$WAVETRAIN" predict run in/2.wav --out second.csv --min-duration 0.02
cmp <(grep '^2.wav' got-csv) <(grep '^2.wav' second.csv) || fail "the recording before leaves traces: $(cat second.csv)"
# events of whole samples: a time that is read back is written again
awk -F, 'NR > 1 { s = $2 * 2000; if (s - int(s + 0.5) > 1e-4 || int(s + 0.5) - s > 1e-4) exit 1 }' got-csv ||
    fail "times between samples: $(cat got-csv)"

# without thresholds a sample's class is that of evaluate: the same labels, sample by sample
expect_ok "$WAVETRAIN" predict run in/3.wav --out exact.csv --min-duration 0
expect_ok "$WAVETRAIN" evaluate run --predictions predicted.csv
expect_ok "$WAVETRAIN" prepare audio in/3.wav --annotations exact.csv --validation 0 --test 0 --out exact \
    --classes background,high,low
labels exact | grep -o '[0-9]\+' >ours.txt
awk -F, 'NR > 1 { print $4 }' predicted.csv >theirs.txt
cmp ours.txt theirs.txt || fail "predict and evaluate differ"

# a file of another rate; a threshold that nothing reaches; many pieces
sound fast/4.wav 6000 1 12000 events 4
expect_ok "$WAVETRAIN" predict run fast/4.wav --out fast.csv
[ "$(wc -l <fast.csv)" = 9 ] || fail "at another rate: $(cat fast.csv)"
expect_ok "$WAVETRAIN" predict run in/1.wav --out none.csv --threshold 1
[ "$(wc -l <none.csv)" = 1 ] || fail "beyond the threshold: $(cat none.csv)"

# whole recordings
mkdir -p whole/low whole/high
for i in 1 2 3 4 5 6; do
    sound whole/low/$i.wav 2000 1 400 tone $((150 + i))
    sound whole/high/$i.wav 2000 1 400 tone $((600 + i))
done
expect_ok "$WAVETRAIN" prepare audio whole --label folder --out whole-set
expect_ok "$WAVETRAIN" train config.yaml --run whole-run --set data.path=whole-set --set train.steps=60 --set data.look_ahead=0
expect_ok "$WAVETRAIN" predict whole-run whole/low/1.wav whole/high/2.wav --out whole.csv
[ "$(cut -d, -f1,2,3,4 whole.csv | tail -2 | tr '\n' ' ')" = "1.wav,0.000000000,0.200000000,low 2.wav,0.000000000,0.200000000,high " ] ||
    fail "whole recordings: $(cat whole.csv)"

expect_error 2 'fast.csv: exists' "$WAVETRAIN" predict run in/1.wav --out fast.csv
expect_error 2 '--format: got xml, expected csv, audacity or raven' "$WAVETRAIN" predict run in/1.wav --out x --format xml
expect_error 2 'predict: --out is missing' "$WAVETRAIN" predict run in/1.wav
expect_error 2 '--threshold is out of range' "$WAVETRAIN" predict run in/1.wav --out x --threshold 2
echo "no sound" >bad.wav
expect_error 2 'bad.wav' "$WAVETRAIN" predict run in/1.wav bad.wav --out x
expect_error 2 'bad.wav' "$WAVETRAIN" predict run in/1.wav bad.wav --out x --format audacity
[ "$(echo x*)" = "x*" ] || fail "something is half-written: $(echo x*)"
