# run.yaml's verdict is that of the newest start that began, also of one that ends without a word; one that is
# refused leaves it alone and stands in the list of starts. It is changed by the process that has the run's
# lock alone.
set -eu
. "$SOURCE/tests/mpi/faults.sh"

make_tone
make_config config.yaml
sed -i 's/steps: 50/steps: 20/; s/every: 20/every: 10/' config.yaml
set -- --set validation.every=0
train_ok run "$@"
cp -r run kept

# lines_of RUN: run.yaml without the lines of the verdict and of the starts
lines_of() {
    grep -vE '^((verdict|why|written|node_hours|peak_memory_[a-z]*): |- \{begun: )' "$1/run.yaml"
}

# starts_of RUN: how each ended, a line each
starts_of() {
    sed -n 's/^- {begun: .*, verdict: \([a-z]*\), why: .*/\1/p' "$1/run.yaml"
}

# refused CODE WORDS [ARGUMENT…]: the start fails with the words, which stand in the list of starts then, and
# nothing else has changed
refused() {
    local code=$1 words=$2 before
    shift 2
    before=$(starts_of run)
    head -n 3 run/run.yaml >verdict.txt
    expect_error "$code" "$words" ${ranks:+"$MPIRUN" "$ranks"} "$WAVETRAIN" train config.yaml --run run "$@"
    cmp -s <(head -n 3 run/run.yaml) verdict.txt || fail "$words: the verdict has changed: $(head -n 3 run/run.yaml)"
    [ "$(starts_of run)" = "$before"$'\nrefused' ] || fail "$words: the starts are $(starts_of run | paste -sd' ')"
    grep '^- ' run/run.yaml | tail -n 1 | tr -d '\\' | grep -qF -- "$words" || fail "$words: $(tail -n 40 run/run.yaml)"
    cmp -s <(lines_of run) <(lines_of kept) || fail "$words: run.yaml has changed: $(cat run/run.yaml)"
    [ "$(head -n 3 run/run.yaml | cut -d: -f1 | paste -sd' ')" = 'verdict why written' ] || fail "$(cat run/run.yaml)"
    for file in metrics.csv checkpoints/step-00000020.h5; do
        cmp -s run/$file kept/$file || fail "$words: $file has changed"
    done
}

[ "$(verdict_of run)" = done ] || fail "verdict $(verdict_of run)"
refused 2 'the checkpoint is of another configuration (train.seed was 1, now 2' "$@" --set train.seed=2
refused 2 'train.stepz is no key' "$@" --set train.stepz=30
refused 2 'train.microbatches does not divide train.batch' "$@" --set train.microbatches=7
refused 2 'nowhere: no data set' "$@" --set data.path=nowhere
refused 2 'the run has checkpoints already' "$@" --resume never
ranks=3 refused 2 'more ranks than microbatches' "$@" --set train.microbatches=2
"$WAVETRAIN" prepare simulate sine --utterances 20 --seconds 0.2 --noise 0.2 --out other >prepare.txt 2>&1
refused 2 'is not the one that the checkpoint was trained on' "$@" --set data.path=other
cp config.yaml good.yaml
echo 'nonsense: {' >>config.yaml
refused 2 'config.yaml' "$@"
cp good.yaml config.yaml
train_ok run "$@"
[ "$(verdict_of run)" = done ] || fail "verdict $(verdict_of run)"

# a folder that is no run's stays as it is
mkdir plain
expect_error 2 'train.stepz' "$WAVETRAIN" train config.yaml --run plain --set train.stepz=30
[ -z "$(ls plain)" ] || fail "plain has $(ls plain)"
expect_error 2 'train.stepz' "$WAVETRAIN" train config.yaml --run none --set train.stepz=30
[ ! -e none ] || fail "a run that never began has a folder"

# start RUN: trains in the background, with rows that take 20 ms each
start() {
    mapfile -t slow < <(under slow:metrics.csv:1)
    "${slow[@]}" "$WAVETRAIN" train config.yaml --run "$1" "${@:2}" >"$1.log" 2>&1 &
    process=$!
    wait_for "$1" 3
}
set -- "$@" --set train.steps=60

# two at once: the second one, refused for that or anything else, leaves the first one's record alone
start busy "$@"
lines_of busy | grep -v '^step: \|^checkpoint_seconds: ' >running.txt # which the run itself may write again
[ "$(verdict_of busy)" = running ] || fail "verdict $(verdict_of busy)"
expect_error 1 'busy: another run is at work in this folder' "$WAVETRAIN" train config.yaml --run busy "$@"
expect_error 2 'train.stepz' "$WAVETRAIN" train config.yaml --run busy --set train.stepz=30
cmp -s <(lines_of busy | grep -v '^step: \|^checkpoint_seconds: ') running.txt && [ "$(starts_of busy)" = running ] || fail "a second start has changed the first one's run.yaml"
wait $process || fail "busy: exit code $?: $(cat busy.log)"
[ "$(verdict_of busy)" = done ] || fail "verdict $(verdict_of busy)"

# two that start at the same moment in a new folder: one trains, the other is refused in one line
for round in 1 2 3; do
    "$WAVETRAIN" train config.yaml --run race-$round "$@" >first.log 2>&1 &
    first=$!
    "$WAVETRAIN" train config.yaml --run race-$round "$@" >second.log 2>&1 &
    second=$!
    codes=
    for process in $first $second; do
        code=0
        wait $process || code=$?
        codes="$codes $code"
    done
    case $codes in
    ' 0 1') loser=second ;;
    ' 1 0') loser=first ;;
    *) fail "race-$round: exit codes$codes: $(cat first.log second.log)" ;;
    esac
    [ "$(wc -l <$loser.log)" = 1 ] || fail "race-$round: not one line: $(cat $loser.log)"
    said $loser.log "wavetrain: race-$round: another run is at work in this folder"
    [ "$(verdict_of race-$round)" = done ] || fail "race-$round: verdict $(verdict_of race-$round)"
    [ "$(rows_of race-$round)" = 60 ] || fail "race-$round: $(rows_of race-$round) steps"
done

# killed: it can't say so; the next start does
start killed "$@"
kill -KILL $process
wait $process 2>/dev/null || true
[ "$(verdict_of killed)" = running ] || fail "verdict $(verdict_of killed)"
train_ok killed "$@"
grep -q '^the start before ended without a word' killed.log || fail "$(cat killed.log)"
[ "$(verdict_of killed)" = done ] || fail "verdict $(verdict_of killed)"
train_ok killed "$@"
! grep -q 'without a word' killed.log || fail "$(cat killed.log)"

# cut off, and another host has taken the folder over: its record stays
start cut "$@"
echo 'elsewhere.example 17 4711' >cut/lock
sed 's/^restarts: .*/restarts: 1/' cut/run.yaml >other.yaml
cp other.yaml cut/run.yaml
code=0
wait $process || code=$?
[ "$code" = 1 ] || fail "cut: exit code $code: $(cat cut.log)"
errors_of cut | grep -q 'another run has taken this folder over' || fail "$(cat cut.log)"
cmp -s cut/run.yaml other.yaml || fail "another run's verdict is changed: $(head -n 3 cut/run.yaml)"
