#!/bin/bash
# tests/stops.sh [--stops N] [--long N] [--saves N] [--seed N] [--folder FOLDER]
# A run that is stopped again and again: a third of N (90) stops each with short steps and long validations,
# with steps that are skipped and rollbacks, and with neither; then 10 with steps of some seconds; then 0
# saves, whose time from the signal to the whole checkpoint is measured. WAVETRAIN is the program
# (build/wavetrain). tests/mpi/test_stops.sh sources this file.
#
# stop_and_resume KIND STOPS SEED: trains whole-KIND/ without a break, then KIND/ by the same command, which
# gets a signal STOPS times, at instants drawn from SEED: KILL, TERM, INT, HUP, USR1, USR2 or XCPU, to one
# process, to mpirun, to rank 0 or to another rank; and goes on each time on another number of ranks. Fails
# unless both end with the same parameters, moments and metrics, each step once, and no signal that can be
# caught has lost a step that was finished. Kinds:
#     validations  short steps, most of the time is spent in validations; checkpoints are written often
#     rollbacks    steps are skipped and the run goes back, most of the time
#     plain        neither
#     long         steps of some seconds
SOURCE=${SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
WAVETRAIN=${WAVETRAIN:-$SOURCE/build/wavetrain}
MPIRUN=${MPIRUN:-$SOURCE/tests/mpirun.sh}
. "$SOURCE/tests/mpi/faults.sh"

stop_ranks=(1 3 2 1 4 8 2 1)
stop_signals=(TERM INT HUP KILL USR1 TERM USR2 INT KILL XCPU)

# The configuration of a kind, into config.yaml; $stop_steps of the run.
make_stop_config() {
    make_config config.yaml
    case $1 in
    validations)
        stop_steps=${STOP_STEPS:-300}
        sed -i "s/steps: 50/steps: $stop_steps/; s/every: 10,.*}/every: 4, windows: 0}/; s/{every: 20}/{every: 7, keep: 2}/" config.yaml
        echo 'run: {compare_every: 5}' >>config.yaml
        ;;
    rollbacks) # from step 65 on an absurd rate, whose norms are spikes; going back brings it down again and again
        stop_steps=${STOP_STEPS:-90}
        sed -i "s/steps: 50/steps: $stop_steps/; s/{every: 20}/{every: 21, keep: 1}/; /^optimizer/d; /^schedule/d; s/every: 10,/every: 0,/" config.yaml
        cat >>config.yaml <<'YAML'
optimizer: {kind: sgd, learning_rate: 1.0e-2, momentum: 0.9, clip: 0}
schedule: {kind: piecewise, points: [[65, 100]], warmup: 0}
guard: {skips: 4, rollbacks: 40, rate: 0.7, spike: 2}
YAML
        ;;
    plain)
        stop_steps=${STOP_STEPS:-800}
        sed -i "s/steps: 50/steps: $stop_steps/; s/every: 10,/every: 100,/; s/{every: 20}/{every: 50, keep: 2}/" config.yaml
        ;;
    long)
        stop_steps=${STOP_STEPS:-20}
        sed -i "s/steps: 50/steps: $stop_steps/; s/batch: 16/batch: ${STOP_BATCH:-8192}/; s/every: 10,/every: 3,/" config.yaml
        ;;
    esac
}

# random BELOW: in `number`; the same numbers for the same seed
random() {
    number=$((((RANDOM << 15) | RANDOM) % $1))
}

newest_of() {
    local newest
    newest=$(steps_kept "$1" 2>/dev/null | awk '{ print $NF }')
    echo "${newest:-0}"
}

# rank_process N: of the start's ranks; ranks are children of mpirun
rank_process() {
    local child
    [ "$ranks" != 1 ] || { echo "$process" && return; }
    for child in $(pgrep -P "$process" -x wavetrain); do
        ! tr '\0' '\n' <"/proc/$child/environ" 2>/dev/null | grep -qx "OMPI_COMM_WORLD_RANK=$1" || echo "$child"
    done
}

# The process that gets the signal: `victim`, and `whom` in words.
choose_victim() {
    whom='the process' victim=$process
    [ "$ranks" != 1 ] || return 0
    random 3
    case $number in
    0) whom=mpirun ;;
    1) whom='rank 0' victim=$(rank_process 0) ;;
    2) whom="rank $((ranks - 1))" victim=$(rank_process $((ranks - 1))) ;;
    esac
    # what mpirun does not pass on would end it alone
    [ "$whom" != mpirun ] || [[ $signal != XCPU && $signal != KILL ]] || signal=TERM
}

# One start, and its signal: a line of the table.
stop_once() {
    local kind=$1 stop=$2 code=0 before rows delay whom victim began started launcher=()
    ranks=${stop_ranks[stop % ${#stop_ranks[@]}]}
    signal=${stop_signals[stop % ${#stop_signals[@]}]}
    before=$(rows_of "$kind")
    random "${STOP_DELAY:-1200}"
    delay=$number
    rm -f "$kind.log"
    [ "$ranks" = 1 ] || launcher=("$MPIRUN" "$ranks")
    env --default-signal "${launcher[@]}" "$WAVETRAIN" train config.yaml --run "$kind" >"$kind.log" 2>&1 &
    process=$!
    for _ in $(seq 3000); do
        ! grep -sq '^run  ' "$kind.log" || break
        kill -0 $process 2>/dev/null || break
        sleep 0.01
    done
    sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
    choose_victim
    rows=$(rows_of "$kind")
    started=$(pgrep -P "$process" -x wavetrain || true)
    began=$EPOCHREALTIME
    kill -$signal $victim 2>/dev/null || true
    wait "$process" 2>/dev/null || code=$?
    # mpirun may end before a rank that it killed, whom a busy disk keeps; the run is that rank's until then
    for victim in $started; do
        for _ in $(seq 1000); do
            kill -0 "$victim" 2>/dev/null || break
            sleep 0.01
        done
    done
    [ -z "$(errors_of "$kind")" ] || fail "stop $stop: $(errors_of "$kind")"
    ! grep '^warning: [^s]' "$kind.log" | grep -qv ' kills .* after it asked to stop' || [ "$kind" = rollbacks ] || fail "stop $stop: $(grep '^warning: ' "$kind.log")"
    printf '%5d %6d %6s %-12s %5d %6d %11d %5d %8s s\n' "$stop" "$ranks" "$signal" "$whom" "$before" "$rows" \
        "$(newest_of "$kind")" "$code" "$(seconds_since "$began")"
    # going back takes rows away, so there the bits alone tell
    [ "$signal" = KILL ] || [ "$kind" = rollbacks ] || [ "$(newest_of "$kind")" -ge "$rows" ] ||
        fail "stop $stop: step $rows was finished when $signal came, the newest checkpoint is of $(newest_of "$kind"): $(cat "$kind.log")"
}

# Trains KIND/ to its end, and compares it with the run without stops.
finish_run() {
    ranks=
    train_ok "$1"
    same_run "whole-$1" "$1" "$stop_steps"
    runs=$((runs + 1))
}

stop_and_resume() {
    local kind=$1 stops=$2 stop runs=0 began=$EPOCHREALTIME
    RANDOM=$3
    [ -e tone ] || make_tone
    make_stop_config "$kind"
    ranks=
    train_ok "whole-$kind"
    printf '%5s %6s %6s %-12s %5s %6s %11s %5s %10s\n' stop ranks signal to from rows checkpoint code after
    for ((stop = 1; stop <= stops; stop++)); do
        if [ "$(rows_of "$kind")" -ge "$stop_steps" ]; then # done before its stops: once more from the start
            finish_run "$kind"
            rm -rf "$kind"
        fi
        stop_once "$kind" "$stop"
    done
    finish_run "$kind"
    no_leftovers
    echo "$kind: $stops stops, seed $3, $runs runs of $stop_steps steps, $(seconds_since "$began") s:" \
        "hash $(hash_of "$kind"), as without stops; each step once in metrics.csv"
}

# save_and_measure SAVES SEED: a state of nearly 32 MiB, steps of some seconds, two threads; a signal to rank
# 0 at an instant drawn from SEED, and the time until the checkpoint is whole and the verdict stands. The
# program is killed then.
save_and_measure() {
    local saves=$1 save rows began signal last
    RANDOM=$2
    [ -e tone ] || make_tone
    cat >config.yaml <<YAML
model: {stacks: 4, layers: 6, kernel: 3, residual: 116, gate: 116, skip: 128}
data: {path: tone, window: 512, quantization: mulaw:64}
train: {batch: ${SAVE_BATCH:-96}, steps: 100000, microbatches: 8}
validation: {every: 0}
checkpoint: {every: 0, minutes: 0}
YAML
    export OMP_NUM_THREADS=2
    rm -rf saved times.txt
    for ((save = 1; save <= saves; save++)); do
        rows=$(rows_of saved)
        env --default-signal "$WAVETRAIN" train config.yaml --run saved >saved.log 2>&1 &
        process=$!
        WAIT_SECONDS=120 wait_for saved $((rows + 1))
        random 5000
        sleep "$(printf '%d.%03d' $((number / 1000)) $((number % 1000)))"
        signal=${stop_signals[save % 3]}
        began=$EPOCHREALTIME
        rows=$(rows_of saved)
        kill -$signal $process
        until [ "$(newest_of saved)" -ge "$rows" ] && [ "$(verdict_of saved)" = continue ]; do
            kill -0 $process 2>/dev/null || break
            sleep 0.01
        done
        last=$EPOCHREALTIME
        kill -KILL $process 2>/dev/null || true
        wait $process 2>/dev/null || true
        [ "$(newest_of saved)" -ge "$rows" ] || fail "save $save: no checkpoint of step $rows: $(cat saved.log)"
        awk -v a="$began" -v b="$last" 'BEGIN { printf "%.2f\n", b - a }' >>times.txt
    done
    sort -n times.txt | awk -v bytes="$(stat -c %s "saved/checkpoints/$(ls saved/checkpoints | tail -n 1)")" '
        { time[NR] = $1; if ($1 <= 0.7) fast++ }
        END { printf "%d saves of %.1f MiB: median %.2f s, 95th of 100 %.2f s, longest %.2f s; %d within 0.7 s\n", NR,
              bytes / 1048576, time[int((NR + 1) / 2)], time[int(NR * 0.95 + 0.99)], time[NR], fast }'
}

[ "${BASH_SOURCE[0]}" = "$0" ] || return 0
set -eu
. "$SOURCE/tests/measuring.sh"
stops=90 long=10 saves=0 seed=1 folder=''
read_options "stops long saves seed folder" "$@"
enter_folder
rm -rf tone validations rollbacks plain long whole-* saved
if [ "$stops" -gt 0 ]; then
    STOP_STEPS=$((20 * stops)) stop_and_resume validations $((stops / 3)) "$seed"
    STOP_STEPS=$((90 + stops)) stop_and_resume rollbacks $((stops / 3)) "$seed"
    STOP_STEPS=$((40 * stops)) stop_and_resume plain $((stops - 2 * (stops / 3))) "$seed"
fi
[ "$long" = 0 ] || STOP_DELAY=9000 stop_and_resume long "$long" "$seed"
[ "$saves" = 0 ] || save_and_measure "$saves" "$seed"
