# Labels, the whole way: one class a sample with look-ahead, one a window, and a value a sample. Training,
# stops and resumes, evaluation and predictions are the same on any number of ranks; what does not fit
# together is refused.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 ranks=

expect_ok "$WAVETRAIN" prepare simulate ion-channels --seconds 0.2 --utterances 20 --channels 3 --out ion
cat >config.yaml <<'YAML'
model: {input: real, stacks: 1, layers: 5, residual: 13, gate: 11, skip: 17}
data: {path: ion, target: label, look_ahead: 16, window: 300}
train: {batch: 16, steps: 40, microbatches: 8}
optimizer: {learning_rate: 1.0e-2}
schedule: {kind: cosine, warmup: 5}
validation: {every: 10, windows: 7}
checkpoint: {every: 20}
YAML
cp config.yaml samples.yaml

# same_on_ranks NAME: config.yaml's run on one rank and on 3, and its evaluation
same_on_ranks() {
    local name=$1 n
    train_ok "$name"
    ranks=3 train_ok "$name-3"
    same_run "$name" "$name-3" 40
    "$WAVETRAIN" evaluate "$name" --predictions "$name-1.csv" >"$name-1.txt" 2>err.txt || fail "evaluate $name: $(cat err.txt)"
    "$MPIRUN" 3 "$WAVETRAIN" evaluate "$name" --predictions "$name-3.csv" >"$name-3.txt" 2>err.txt ||
        fail "evaluate $name on 3 ranks: $(cat err.txt)"
    cmp "$name-1.txt" "$name-3.txt" || fail "$name: the report differs on 3 ranks"
    cmp "$name-1.csv" "$name-3.csv" || fail "$name: predictions differ on 3 ranks"
}

# same_when_killed NAME: its run again, with a rank killed on the way, and resumed on another number of ranks
same_when_killed() {
    local process
    ranks=2 train "$1-part" --set checkpoint.every=7 2>/dev/null &
    process=$!
    for _ in $(seq 1200); do
        [ "$(rows_of "$1-part")" -lt 10 ] || break
        sleep 0.05
    done
    kill -KILL "$(pgrep -n -f -- "--run $1-part")" 2>/dev/null || true
    wait $process || true
    train_ok "$1-part"
    grep -q '^resuming from ' "$1-part.log" || fail "$1: it was done before it was killed, or began anew"
    same_run "$1" "$1-part" 40
}

# --- a class for each sample ---
same_on_ranks samples
same_when_killed samples
awk -F, 'NR == 2 { first = $3 } { last = $3 } END { exit !(last < 0.7 * first) }' samples/metrics.csv ||
    fail "it learned nothing: $(tail -n 1 samples/metrics.csv)"
# each target once, and the report is what the predictions say
awk -F, 'NR > 1 { n++; right += $3 == $4; if (seen[$1, $2]++) bad = 1 }
    END { printf "%d %.4f %d\n", n, right / n, bad }' samples-1.csv >counted.txt
[ "$(cat counted.txt)" = "4000 $(sed -n 's/  accuracy  //p' samples-1.txt) 0" ] ||
    fail "predictions: $(cat counted.txt), report: $(cat samples-1.txt)"
awk -F, 'NR > 1 { truth[$3]++; said[$4]++; hit[$3] += $3 == $4 }
    END { for (c = 0; c < 4; c++) if (truth[c] + said[c]) { n++; sum += 2 * hit[c] / (truth[c] + said[c]) }
          printf "%.4f\n", sum / n }' samples-1.csv >f1.txt
[ "$(cat f1.txt)" = "$(sed -n 's/  macro-F1  //p' samples-1.txt)" ] || fail "macro-F1: $(cat f1.txt) $(cat samples-1.txt)"
expect_ok "$WAVETRAIN" evaluate samples --predictions samples.h5
h5dump -d prediction -y -w 1 -m %g samples.h5 | sed -n 's/^ *\([0-9]\),*$/\1/p' >h5.txt
sed 1d samples-1.csv | cut -d, -f4 | cmp - h5.txt || fail "predictions in HDF5 are others"

# --- one class a window; read from the last output, the mean, a linear layer ---
for readout in last mean linear; do
    sed -e 's/skip: 17}/skip: 17, readout: '$readout'}/' -e 's/look_ahead: 16, window: 300/stride: 30, window: 130/' \
        samples.yaml >config.yaml
    if [ $readout = linear ]; then same_on_ranks linear; else train_ok $readout; fi
    expect_ok "$WAVETRAIN" evaluate $readout
    said out.txt 'ion, test: 134 targets' # of each 2,000 samples the 10th, the 40th …
done

# --- one value a sample; the training data's normalisation goes with the checkpoint ---
awk -v n=20000 'BEGIN { print "x,z,y"; for (i = 0; i < n; i++) { v = 50 + 20 * sin(i / 7) + 5 * sin(i / 3.3);
    printf "%.6f,%.6f,%.6f\n", v, v / 1000, (v - 50) * (v - 50) / 300 } }' >square.csv
expect_ok "$WAVETRAIN" prepare table square.csv --signal x --label y --values --gap 100 --out square
expect_ok "$WAVETRAIN" prepare table square.csv --signal z --label y --values --gap 100 --out scaled
sed -e 's/skip: 17}/skip: 17, head: mse}/' -e 's/path: ion/path: square/' -e 's/look_ahead: 16/look_ahead: 0/' samples.yaml >config.yaml
same_on_ranks values
awk '/error-to-signal/ { exit !($3 < 0.1) }' values-1.txt || fail "it learned nothing: $(cat values-1.txt)"
awk -F, 'NR > 1 { n++; e += ($3 - $4) ^ 2; s += $3 ^ 2 } END { printf "%.4g %.4g\n", e / s, sqrt(e / n) }' values-1.csv >counted.txt
awk '/error-to-signal/ { a = $3 } /RMSE/ { printf "%.4g %.4g\n", a, $2 }' values-1.txt | cmp - counted.txt ||
    fail "predictions: $(cat counted.txt), report: $(cat values-1.txt)"
[ "$(head -n 1 values/metrics.csv | tr , '\n' | grep -n bits | head -n 1)" = 4:bits ] || fail "columns have moved"
[ -z "$(sed -n 2p values/metrics.csv | cut -d, -f4)" ] || fail "a squared error in bits"
expect_ok "$WAVETRAIN" inspect values
grep -q '^validation .* squared error; best ' out.txt || fail "inspect: $(cat out.txt)"
# the same rows in another unit: with the checkpoint's mean and deviation, not its own, they mean something
# else
expect_ok "$WAVETRAIN" evaluate values --data scaled
awk '/error-to-signal/ { exit !($3 > 0.2) }' out.txt || fail "other data were normalised by themselves: $(cat out.txt)"

# --- the same with a hierarchy: a value a sample, and one for a window, read from all of its outputs ---
sed -e 's/^model: .*/model: {trunk: hierarchy, input: real, fuse: [2, 3], width: 24, norm: batch, head: mse}/' \
    -e 's/path: ion/path: square/' -e 's/look_ahead: 16, window: 300/window: 300, look_ahead: 2/' samples.yaml >config.yaml
same_on_ranks tree
awk '/error-to-signal/ { exit !($3 < 0.5) }' tree-1.txt || fail "it learned nothing: $(cat tree-1.txt)"
sed -i 's/window: 300, look_ahead: 2/stride: 40, window: 25/; s/head: mse/head: mse, readout: linear/' config.yaml
same_on_ranks tree-linear
said tree-linear-1.txt 'square, test: '
sed -i 's/head: mse, readout: linear/readout: mean/; s/path: square/path: ion/' config.yaml
train_ok tree-mean
expect_ok "$WAVETRAIN" evaluate tree-mean
said out.txt 'macro-F1'

# --- what does not fit ---
cp samples.yaml config.yaml
refused() {
    local words=$1
    shift
    expect_error 2 "$words" "$WAVETRAIN" train config.yaml --run refused "$@"
    [ ! -e refused ] || fail "$*: a run was made"
}
refused "data.target: next of a table's columns needs model.input: real and another head than softmax" \
    --set data.target=next --set data.look_ahead=0
refused "the data set's labels are classes (model.head: mse, logistics or gaussian needs values)" --set model.head=mse
refused 'has no labels that are classes' --set data.path=square
refused "columns are not classes (model.input must be real)" --set model.input=class
expect_ok "$WAVETRAIN" prepare simulate sine --utterances 5 --out tone
refused 'has no labels' --set data.path=tone
expect_error 2 'the network predicts labels' "$WAVETRAIN" generate samples --out x.wav
expect_error 2 '--markov: the network predicts labels' "$WAVETRAIN" evaluate samples --markov
expect_error 2 'samples-1.csv: exists already' "$WAVETRAIN" evaluate samples --predictions samples-1.csv
expect_ok "$WAVETRAIN" prepare table square.csv --signal x --signal z --label y --values --gap 100 --out two
expect_error 2 'channels other than those of the normalisation (got 2, expected 1)' "$WAVETRAIN" evaluate values --data two
expect_error 2 "the data set's labels are values" "$WAVETRAIN" evaluate samples --data square
