# Functions for tests that train; sourced. WAVETRAIN is the program, MPIRUN runs it on ranks.
. "$SOURCE/tests/expect.sh"
export OMP_WAIT_POLICY=passive # the cores are shared with other tests

# make_tone: a small noisy data set in tone/: to train on, 16 utterances of 1,600 samples.
make_tone() {
    "$WAVETRAIN" prepare simulate sine --utterances 20 --seconds 0.2 --noise 0.1 --out tone >prepare.txt 2>&1 ||
        fail "prepare: $(cat prepare.txt)"
}

# make_config FILE: a network for tone/. Odd widths, windows of more than one tile, the last one of an
# utterance shorter: the shapes in which a promise of equal bits is easily lost.
make_config() {
    cat >"$1" <<'YAML'
model: {stacks: 1, layers: 5, residual: 13, gate: 11, skip: 17}
data: {path: tone, window: 300, quantization: mulaw:64}
train: {batch: 16, steps: 50, microbatches: 8}
optimizer: {learning_rate: 3.0e-3}
schedule: {kind: cosine, warmup: 5}
validation: {every: 10, windows: 7}
checkpoint: {every: 20}
YAML
}

# train RUN ARGUMENT…: trains config.yaml, on $ranks ranks under mpirun if that is set.
train() {
    local run=$1
    shift
    ${ranks:+"$MPIRUN" "$ranks"} "$WAVETRAIN" train config.yaml --run "$run" "$@" >"$run.log" 2>&1
}

# train_ok RUN ARGUMENT…
train_ok() {
    train "$@" || fail "train $*: exit code $?: $(cat "$1.log")"
}

# metrics_of RUN: the columns of its metrics.csv that no clock has touched.
metrics_of() {
    awk -F, '
        NR == 1 { for (i = 1; i <= NF; i++) if ($i != "seconds" && $i != "samples_per_second") keep[++n] = i }
        { for (i = 1; i <= n; i++) printf "%s%s", $keep[i], i < n ? "," : "\n" }' "$1/metrics.csv"
}

# rows_of RUN: how many steps its metrics.csv has.
rows_of() {
    if [ -e "$1/metrics.csv" ]; then grep -c '^[0-9]' "$1/metrics.csv" || true; else echo 0; fi
}

# hash_of RUN|CHECKPOINT ARGUMENT…: of parameters and moments
hash_of() {
    "$WAVETRAIN" inspect "$@" | sed -n 's/^hash  *\([0-9a-f]*\) .*/\1/p'
}

# warnings_of RUN: the warnings in its log, but for those of ranks that are slower than the others, which a busy
# machine causes
warnings_of() {
    grep '^warning: ' "$1.log" | grep -v ': slower than the others: ' || true
}

# verdict_of RUN
verdict_of() {
    sed -n 's/^verdict: //p' "$1/run.yaml"
}

# same_run A B STEPS: the same metrics, each step once, and the same parameters and moments, bit for bit.
same_run() {
    local a b
    metrics_of "$1" >a.csv
    metrics_of "$2" >b.csv
    [ "$(sed 1d a.csv | cut -d, -f1)" = "$(seq "$3")" ] || fail "$1: metrics.csv has not each of $3 steps once"
    cmp -s a.csv b.csv || fail "$1 and $2: metrics differ: $(diff a.csv b.csv | head -4)"
    a=$(hash_of "$1")
    b=$(hash_of "$2")
    [ ${#a} = 32 ] || fail "$1: inspect prints no hash"
    [ "$a" = "$b" ] || fail "$1 and $2: parameters or moments differ"
}

# steps_kept RUN: the steps of its checkpoints, in one line
steps_kept() {
    (cd "$1/checkpoints" && ls) | sed -n 's/^step-0*\([0-9]*\)\.h5$/\1/p' | sort -n | paste -sd' '
}

# wait_for RUN ROWS: waits until its metrics.csv has so many, for WAIT_SECONDS (60) at most
wait_for() {
    local tries limit=${WAIT_SECONDS:-60}
    for tries in $(seq $((20 * limit))); do
        [ "$(rows_of "$1")" -lt "$2" ] || return 0
        sleep 0.05
    done
    fail "$1: no row $2 within $limit s: $(cat "$1.log")"
}

# interrupt RUN ROWS SIGNAL ARGUMENT…: starts or goes on with the run (of $steps steps) and sends the signal
# once there are so many rows; prints the exit code. With $ranks, mpirun gets the signal and passes it on;
# KILL goes to one of the ranks.
interrupt() {
    local run=$1 rows=$2 signal=$3 process code=0
    shift 3
    ${ranks:+"$MPIRUN" "$ranks"} "$WAVETRAIN" train config.yaml --run "$run" "$@" >"$run.log" 2>&1 &
    process=$!
    wait_for "$run" "$rows"
    if [ "$signal" = KILL ] && [ -n "$ranks" ]; then
        kill -KILL "$(pgrep -n -P "$process" wavetrain)"
    else
        kill -"$signal" "$process"
    fi
    wait "$process" 2>/dev/null || code=$?
    [ "$(rows_of "$run")" -lt "$steps" ] || fail "$run: it was done before it was stopped"
    echo $code
}

# like RUN OTHER RANKS THREADS ARGUMENT…: trains OTHER for $steps steps, which must be RUN bit for bit
like() {
    local run=$1 other=$2
    ranks=$3
    export OMP_NUM_THREADS=$4
    shift 4
    train_ok "$other" "$@"
    same_run "$run" "$other" $steps
}
