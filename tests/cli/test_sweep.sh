# wavetrain sweep: a grid, a list and draws; one run killed, a sweep stopped, both resumed; single points by
# number; the report; plots over each other; and what is wrong in a sweep's file.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 ranks=
make_tone
make_config config.yaml

cat >grid.yaml <<'YAML'
config: config.yaml
runs: grid
set: {train.steps: 250, schedule.warmup: 2}
grid:
  optimizer.learning_rate: [1e-3, 3.0e-3, 0.01]
YAML

# --- three runs, one of them killed ---

# A run that is killed by hand is waited for in the middle; the others go on.
code=0
"$WAVETRAIN" sweep grid.yaml >sweep.out 2>sweep.log &
sweep=$!
wait_for grid/0001 20 # of a run that does not know of this test
kill -KILL "$(pgrep -P $sweep wavetrain)"
wait_for grid/0002 20
kill -USR1 $sweep # which is passed on: the second stops with a checkpoint, the third is not begun
wait $sweep || code=$?
[ $code = 75 ] || fail "exit code $code, expected 75: $(cat sweep.log)"
[ ! -s sweep.out ] || fail "on standard output: $(cat sweep.out)"
said sweep.log '0001 begins: learning_rate 0.001'
said sweep.log 'warning: 0001 was killed by signal 9 (grid/0001.log)'
said sweep.log '0002 stopped, to be continued'
said sweep.log '3 points: 0 done (0 of them before), 1 failed, 1 to be continued, 1 not begun'
[ "$(verdict_of grid/0002)" = continue ] || fail "grid/0002: verdict $(verdict_of grid/0002)"
[ ! -e grid/0003 ] || fail "the third was begun"
expect_ok "$WAVETRAIN" sweep grid.yaml --report
[ "$(awk '/^0/ { print $1, $5 }' out.txt | sort | paste -sd' ')" = '0001 running 0002 continue 0003 -' ] ||
    fail "the report: $(cat out.txt)"

# resumed, two at once
"$WAVETRAIN" sweep grid.yaml --jobs 2 2>sweep.log || fail "resumed: exit code $?: $(cat sweep.log)"
said sweep.log '3 points: 3 done (0 of them before), 0 failed, 0 to be continued, 0 not begun'
for point in 1 2 3; do
    [ "$(verdict_of grid/000$point)" = done ] || fail "grid/000$point: verdict $(verdict_of grid/000$point)"
    [ "$(rows_of grid/000$point)" = 250 ] || fail "grid/000$point has $(rows_of grid/000$point) rows"
done
grep -q '^resuming from grid/0002' grid/0002.log || fail "the second began anew"
train_ok alone --set train.steps=250 --set schedule.warmup=2 --set optimizer.learning_rate=0.001
same_run alone grid/0001 250

# done is done
before=$(stat -c %y grid/000?/run.yaml)
"$WAVETRAIN" sweep grid.yaml 2>sweep.log || fail "done: exit code $?: $(cat sweep.log)"
said sweep.log '3 points: 3 done (3 of them before)'
[ "$before" = "$(stat -c %y grid/000?/run.yaml)" ] || fail "a run that was done was started again"

# --- the report: sorted, with the least validation loss of each ---

expect_ok "$WAVETRAIN" sweep grid.yaml --report
[ "$(head -n 1 out.txt | tr -s ' ')" = 'point validation at step step verdict optimizer.learning_rate' ] ||
    fail "the report's heading: $(head -n 1 out.txt)"
awk '/^0/ { n++; if ($2 < last) exit 1; last = $2; if ($4 != 250 || $5 != "done") exit 1 } END { exit n != 3 }' out.txt ||
    fail "the report is not in order: $(cat out.txt)"
while read -r point loss step _ _ rate; do
    [ "$rate" = "$(sed -n 's/^ *learning_rate: //p' "grid/$point/run.yaml")" ] || fail "$point: rate $rate"
    metrics_of "grid/$point" | awk -F, -v loss="$loss" -v step="$step" '
        NR > 1 && $8 != "" && (!best || $8 < best) { best = $8; at = $1 }
        END { exit !((best - loss)^2 < 1e-8 && at == step) }' || fail "$point: loss $loss at step $step"
done < <(grep '^0' out.txt)
if grep -q 'curves: grid/report.png' out.txt; then
    [ "$(head -c 4 grid/report.png | tail -c 3)" = PNG ] || fail "grid/report.png is no PNG"
    expect_ok "$WAVETRAIN" plot grid/0001 grid/0002 grid/0003 --out three.png
    [ -s three.png ] || fail "no three.png"
else
    said err.txt 'draws no plots'
fi

# --- the folders of the points, for scripts ---

expect_ok "$WAVETRAIN" sweep grid.yaml --list
[ "$(paste -sd' ' out.txt)" = 'grid/0001 grid/0002 grid/0003' ] || fail "--list: $(cat out.txt)"

# --- single points ---

cat >list.yaml <<'YAML'
config: config.yaml
set: {train.steps: 3, schedule.warmup: 0}
list:
  - {model.residual: 5, model.head_channels: 3}
  - optimizer.kind: sgd
    optimizer.momentum: 0.5
  - {model.activation: tanh}
YAML
"$WAVETRAIN" sweep list.yaml --index 2 >out.txt 2>err.txt || fail "--index 2: exit code $?: $(cat err.txt)"
[ "$(verdict_of runs/list/0002)" = done ] || fail "--index 2: verdict $(verdict_of runs/list/0002)"
[ "$(ls runs/list)" = 0002 ] || fail "--index 2 made more: $(ls runs/list)"
grep -q '^ *kind: sgd' runs/list/0002/run.yaml || fail "--index 2 is another point"
expect_ok "$WAVETRAIN" sweep list.yaml --index 2
said err.txt 'point 2 of 3 is done already'
"$MPIRUN" 2 "$WAVETRAIN" sweep list.yaml --index 1 >out.txt 2>err.txt || fail "two ranks: exit code $?: $(cat err.txt)"
grep -q '^ranks: 2' runs/list/0001/run.yaml || fail "--index under mpirun: $(grep ^ranks runs/list/0001/run.yaml)"
grep -q '^ *residual: 5' runs/list/0001/run.yaml || fail "--index 1 is another point"
expect_error 2 "--index is out of range (got 4, expected 1 … 3)" "$WAVETRAIN" sweep list.yaml --index 4
expect_error 2 "--index is out of range (got 0, expected 1 … 3)" "$WAVETRAIN" sweep list.yaml --index 0

# --- draws: keyed, within their ranges, rounded; a longer sweep begins with the shorter ---

cat >draws.yaml <<'YAML'
config: config.yaml
random:
  seed: 7
  count: 40
  keys:
    optimizer.learning_rate: {log-uniform: [1.0e-4, 1.0e-2]}
    optimizer.weight_decay: {uniform: [0, 0.1]}
    model.residual: {choice: [4, 8, 16]}
    train.batch: {log-uniform: [8, 64]}
    model.gate: {uniform: [3, 5]}
YAML
sed -i 's/train: {batch: 16, steps: 50, microbatches: 8}/train: {steps: 50}/' config.yaml
table() { # of the keys' columns, by point
    "$WAVETRAIN" sweep "$1" --report 2>err.txt | grep '^[0-9]' | sort | awk '{ print $1, $6, $7, $8, $9, $10 }'
}
table draws.yaml >forty.txt
[ "$(wc -l <forty.txt)" = 40 ] || fail "not 40 points: $(cat err.txt forty.txt)"
awk '
    function middle(low, high) { return log(low) + log(high) }
    { if ($2 < 1e-4 || $2 > 1e-2 || $3 < 0 || $3 > 0.1 || $5 != int($5) || $5 < 8 || $5 > 64) exit 1
      small += log($2) < log(1e-3); half += $3 < 0.05; choices[$4]++; gates[$6]++; points[$2]++ }
    END { exit !(small > 8 && small < 32 && half > 8 && half < 32 && choices[4] > 3 && choices[8] > 3 &&
        choices[4] + choices[8] + choices[16] == 40 && gates[3] > 3 && gates[5] > 3 && length(gates) == 3 &&
        length(points) > 35) }' forty.txt || fail "draws that can't be: $(cat forty.txt)"
sed 's/count: 40/count: 60/; /weight_decay/d' draws.yaml >more.yaml
table more.yaml | head -n 40 | cmp -s - <(awk '{ print $1, $2, $4, $5, $6, "" }' forty.txt) || {
    table more.yaml | head -n 40 | awk '{ print $2, $3, $4, $5 }' |
        cmp -s - <(awk '{ print $2, $4, $5, $6 }' forty.txt) || fail "more points change the first ones"
}
sed 's/seed: 7/seed: 8/' draws.yaml >other.yaml
! table other.yaml | cmp -s - forty.txt || fail "the seed changes nothing"

# --- a folder with another point's run ---

sed 's/1e-3, 3.0e-3, 0.01/1e-3, 4.0e-3, 0.01/' grid.yaml >moved.yaml
expect_error 2 'grid/0002: is a run of another point than 2 of moved.yaml (optimizer.learning_rate was 0.003, now 0.004)' \
    "$WAVETRAIN" sweep moved.yaml

# --- what is wrong in a file: its line and key ---

# wrong WORDS TEXT: as the file bad.yaml, below a first line with the configuration
wrong() {
    printf 'config: config.yaml\n%b' "$2" >bad.yaml
    expect_error 2 "$1" "$WAVETRAIN" sweep bad.yaml
}
wrong 'bad.yaml: has no points (expected grid, list or random)' ''
wrong 'bad.yaml:2: gird is no part of a sweep (expected config, runs, set, grid, list or random)' 'gird: {}\n'
wrong 'bad.yaml:3: optimizer.leraning_rate is no key (did you mean optimizer.learning_rate?)' \
    'grid:\n  optimizer.leraning_rate: [1]\n'
wrong 'bad.yaml:3: optimizer is a section (expected one of its keys, such as optimizer.kind)' 'grid:\n  optimizer: [1]\n'
wrong 'bad.yaml:3: optimizer.learning_rate is something else (got 0.1, expected a list of values)' \
    'grid:\n  optimizer.learning_rate: 0.1\n'
wrong 'bad.yaml:4: train.batch is out of range (got 0, expected 1 … 1048576)' 'grid:\n  train.batch:\n    - 0\n'
wrong 'bad.yaml:4: train.batch is given twice' 'grid:\n  train.batch: [1]\n  train.batch: [2]\n'
wrong 'bad.yaml:3: list is given in addition to other points' 'grid: {train.batch: [1]}\nlist: [{train.batch: 2}]\n'
wrong 'bad.yaml:2: config is given twice (first in line 1)' 'config: other.yaml\n'
wrong 'bad.yaml:4: model.trunk is not a number, so uniform has no meaning (expected choice)' \
    'random:\n  count: 2\n  keys: {model.trunk: {uniform: [0, 1]}}\n'
wrong 'bad.yaml:5: train.batch is not a whole number (got 1.5, expected 1 … 1048576)' \
    'random:\n  count: 2\n  keys:\n    train.batch: {uniform: [1.5, 3]}\n'
wrong 'bad.yaml:3: optimizer.clip: log-uniform begins above 0 (got 0)' \
    'random: {count: 1, keys: {\n  optimizer.clip: {log-uniform: [0, 1]}}}\n'
wrong 'bad.yaml:2: optimizer.clip is drawn in no known way' 'random: {count: 1, keys: {optimizer.clip: {normal: [0, 1]}}}\n'
wrong 'bad.yaml:2: random has no count' 'random: {keys: {optimizer.clip: {uniform: [0, 1]}}}\n'
wrong 'bad.yaml:2: random.count is out of range (got 0, expected 1 … 100000)' 'random: {count: 0}\n'
wrong 'train.microbatches is in set and in the points too' 'set: {train.microbatches: 1}\ngrid: {train.microbatches: [1, 2]}\n'
wrong 'bad.yaml: point 2 of 2: --set train.microbatches=3: train.microbatches does not divide train.batch' \
    'grid: {train.microbatches: [1, 3]}\n'
wrong 'bad.yaml:3: is no YAML' 'grid: [\n'
printf 'config: absent.yaml\ngrid: {train.batch: [1]}\n' >bad.yaml
expect_error 2 'absent.yaml' "$WAVETRAIN" sweep bad.yaml
expect_error 2 'absent.yaml' "$WAVETRAIN" sweep absent.yaml
expect_error 2 'expected one of them' "$WAVETRAIN" sweep grid.yaml --jobs 2 --report
expect_error 2 '--jobs is out of range (got -1, expected 1 … 1024)' "$WAVETRAIN" sweep grid.yaml --jobs -1
OMPI_COMM_WORLD_SIZE=2 expect_error 2 'a sweep starts its runs by itself' "$WAVETRAIN" sweep grid.yaml

# --- the sweeps that come with the program: every point is a configuration ---

for file in "$SOURCE"/configs/sweeps/*.yaml; do
    sed "s|^config: |config: $SOURCE/|; s|^runs: .*|runs: absent|" "$file" >shipped.yaml
    expect_error 2 '--index is out of range' "$WAVETRAIN" sweep shipped.yaml --index 0
    expect_ok "$WAVETRAIN" sweep shipped.yaml --report
    said out.txt '0001 '
done

# --- a point that fails by itself: the others run, and the reason is said ---

printf 'config: config.yaml\nruns: failing\nset: {train.steps: 2, schedule.warmup: 0}\ngrid: {data.path: [absent, tone]}\n' >fails.yaml
code=0
"$WAVETRAIN" sweep fails.yaml >out.txt 2>err.txt || code=$?
[ $code = 1 ] || fail "a failed point: exit code $code: $(cat err.txt)"
grep -q '^warning: 0001 failed with code [12]: wavetrain: absent' err.txt || fail "why is not said: $(cat err.txt)"
said err.txt 'wavetrain: fails.yaml: 1 of 2 points failed'
[ "$(verdict_of failing/0002)" = done ] || fail "the other point: $(verdict_of failing/0002)"
