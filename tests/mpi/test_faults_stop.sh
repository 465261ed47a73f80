# Asked to stop, by a signal or because the time is up: a checkpoint within one step, exit code 75, the
# verdict, and a resume that gives what a run left alone gives.
set -eu
. "$SOURCE/tests/mpi/faults.sh"

make_tone
make_config config.yaml
sed -i 's/steps: 50/steps: 60/; s/every: 20/every: 1000/' config.yaml
set -- --set validation.every=0

train_ok whole "$@"

# Rows take 20 ms each, so that there is time to send a signal.
slow=$(under slow:metrics.csv:1)
mapfile -t slow <<<"$slow"
start() { # a script's shell ignores some of the signals on behalf of what it starts in the background
    local run=$1
    shift
    env --default-signal ${ranks:+"$MPIRUN" "$ranks"} "${slow[@]}" "$WAVETRAIN" train config.yaml --run "$run" \
        --set validation.every=0 "$@" >"$run.log" 2>&1 &
    process=$!
}

# Waits for its end; sets `code`.
end() {
    code=0
    wait $process || code=$?
}

# stopped RUN WHY: waits for its end, and checks how it looks then
stopped() {
    end
    [ $code = 75 ] || fail "$1: exit code $code: $(cat "$1.log")"
    [ "$(verdict_of "$1")" = continue ] || fail "$1: verdict $(verdict_of "$1")"
    grep -q "^why: \"$2\"" "$1/run.yaml" || fail "$1: $(grep '^why' "$1/run.yaml")"
    [ -z "$(errors_of "$1")" ] || fail "$1: $(errors_of "$1")"
    [ "$(steps_kept "$1" | awk '{ print $NF }')" = "$(rows_of "$1")" ] || fail "$1: its last step has no checkpoint"
    [ "$(rows_of "$1")" -lt 60 ] || fail "$1: it was done before it was stopped"
}

# one process, each signal
for signal in USR1 USR2 TERM INT HUP XCPU; do
    start $signal
    wait_for $signal 5
    kill -$signal $process
    rows=$(rows_of $signal)
    stopped $signal 'a signal asked to stop'
    [ "$(rows_of $signal)" -le $((rows + 2)) ] || fail "$signal: stopped at $(rows_of $signal), asked at $rows"
    train_ok $signal "$@"
    same_run whole $signal 60
done

# ignored at start (nohup): it is trained to the end
(
    trap '' HUP
    exec "${slow[@]}" "$WAVETRAIN" train config.yaml --run ignored --set validation.every=0 >ignored.log 2>&1
) &
process=$!
wait_for ignored 5
kill -HUP $process
end
[ "$code" = 0 ] || fail "ignored: exit code $code: $(cat ignored.log)"
same_run whole ignored 60

# output that nobody reads is dropped
"$WAVETRAIN" train config.yaml --run unread "$@" --set run.seconds=1 2>&1 | head -n 2 >unread.txt || true
[ "$(verdict_of unread)" = 'done' ] || fail "unread: $(cat unread/run.yaml)"
same_run whole unread 60

# long steps: what is done is on disk at once, with the verdict; a second SIGINT ends the program, any other
# signal does so once the checkpoint is whole; neither waits for the step
batch=4096
long() { # RUN: begins, and is in its third step
    start "$1" --set train.batch=$batch --set train.microbatches=8 --set train.steps=8
    WAIT_SECONDS=120 wait_for "$1" 2
}
# saved RUN: before the step's end there is the checkpoint of the last one that was finished, and the verdict
saved() {
    until [ "$(steps_kept "$1")" = "$rows" ] && [ "$(verdict_of "$1")" = continue ]; do
        [ "$(rows_of "$1")" = "$rows" ] || fail "$1: no checkpoint before the step's end: $(cat "$1.log")"
        sleep 0.02
    done
}
for signals in INT:INT TERM:TERM USR1:INT; do
    run=twice-$signals
    long $run
    rows=$(rows_of $run)
    kill -${signals%:*} $process
    saved $run
    sleep 0.6
    kill -${signals#*:} $process
    end
    expected=75
    [ $signals != INT:INT ] || expected=130
    [ "$code" = $expected ] || fail "$run: exit code $code: $(cat $run.log)"
    [ "$(rows_of $run)" = "$rows" ] || fail "$run: it ended with the step"
done
train_ok twice-INT:INT "$@" --set train.batch=$batch --set train.microbatches=8 --set train.steps=8
train_ok twice-TERM:TERM "$@" --set train.batch=$batch --set train.microbatches=8 --set train.steps=8
same_run twice-INT:INT twice-TERM:TERM 8

# under mpirun: USR1 to it, and each signal to one rank of it
ranks=2
start mpirun
wait_for mpirun 5
kill -USR1 $process
stopped mpirun 'a signal asked to stop'
ranks=3 train_ok mpirun "$@"
same_run whole mpirun 60
for signal in USR1 TERM INT HUP; do
    run=rank-$signal
    start $run
    wait_for $run 5
    kill -$signal "$(pgrep -n -P $process wavetrain)"
    rows=$(rows_of $run)
    stopped $run 'a signal asked to stop'
    [ "$(rows_of $run)" -le $((rows + 2)) ] || fail "$run: stopped at $(rows_of $run), asked at $rows"
done
ranks=

# where a checkpoint takes longer than the launcher waits, a line says so
sed -i 's/^checkpoint_seconds: .*/checkpoint_seconds: 2.5/' mpirun/run.yaml
said mpirun/run.yaml 'checkpoint_seconds: 2.5'
ranks=2 train_ok mpirun "$@"
said mpirun.log 'mpirun kills 1 s after it asked to stop, and the last checkpoint took 2.5 s (mpirun --mca odls_base_sigkill_timeout 6'
OMPI_MCA_odls_base_sigkill_timeout=3 ranks=2 train_ok mpirun "$@"
grep -q 'mpirun kills' mpirun.log && fail "a line about enough time: $(cat mpirun.log)"

# SLURM is asked, which has another time than by default; without an answer that counts
mkdir controller
cat >controller/scontrol <<'SCONTROL'
#!/bin/sh
[ "$*" = 'show config' ] && printf 'Configuration data\nKillOnBadExit           = 1\nKillWait                = %s sec\n' "$KILL_WAIT"
SCONTROL
chmod +x controller/scontrol
step() { # KILL-WAIT SECONDS: a start of mpirun/ as a step of SLURM, whose last checkpoint took so many seconds
    sed -i "s/^checkpoint_seconds: .*/checkpoint_seconds: $2/" mpirun/run.yaml
    KILL_WAIT=$1 PATH=$PWD/controller:$PATH SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0 \
        train_ok mpirun --set validation.every=0
}
ranks=
step 5 7
said mpirun.log 'SLURM kills 5 s after it asked to stop, and the last checkpoint took 7.0 s (sbatch --signal=USR1@15'
step 9 7
grep -q 'SLURM kills' mpirun.log && fail "a line about enough time: $(cat mpirun.log)"
step nonsense 31
said mpirun.log 'SLURM kills 30 s after it asked to stop'

# a limit of its own
start limit --set run.time_limit=0.02 --set run.time_margin=0.4
stopped limit 'the time limit is near'
train_ok limit "$@"
same_run whole limit 60

# a job of SLURM: the end from the environment, else from squeue, which may also fail, or never answer
mkdir slurm
cat >slurm/squeue <<'SQUEUE'
#!/bin/sh
echo "$@" >>"$SQUEUE_ASKED"
case $SQUEUE_ANSWER in
never) exec sleep 1000 ;;
fails) exit 1 ;;
*) echo "$SQUEUE_ANSWER" ;;
esac
SQUEUE
chmod +x slurm/squeue
export PATH=$PWD/slurm:$PATH SQUEUE_ASKED=$PWD/asked SLURM_JOB_ID=4711
soon() { date -d '2 seconds' "+$1"; }
SLURM_JOB_END_TIME=$(soon %s) start environment
stopped environment 'the time limit is near'
[ ! -e asked ] || fail "squeue was asked for what the environment says"
SQUEUE_ANSWER=$(soon %Y-%m-%dT%H:%M:%S) start asked-squeue
stopped asked-squeue 'the time limit is near'
[ "$(cat asked)" = '-h -j 4711 -o %e' ] || fail "asked: $(cat asked)"
rm asked # an element of an array may have the whole array's number
SLURM_ARRAY_JOB_ID=4711 SLURM_ARRAY_TASK_ID=3 SQUEUE_ANSWER=$(soon %Y-%m-%dT%H:%M:%S) start element
stopped element 'the time limit is near'
[ "$(cat asked)" = '-h -j 4711_3 -o %e' ] || fail "asked of an element: $(cat asked)"
SQUEUE_ANSWER=$(soon %Y-%m-%dT%H:%M:%S) start own-limit --set run.time_limit=60
end
[ $code = 0 ] || fail "own-limit: $(cat own-limit.log)"
for answer in fails never N/A "$(date -d '1 hour' +%Y-%m-%dT%H:%M:%S)"; do
    run=answer-${answer%%[!a-z]*}
    rm -rf "$run"
    began=$EPOCHREALTIME
    SQUEUE_ANSWER=$answer train_ok "$run" "$@"
    within "$(seconds_since "$began")" 12
    same_run whole "$run" 60
done

# asked as soon as it can be, while MPI starts: after one step
start early
catches_usr1() {
    local mask
    mask=$(sed -n "s/^SigCgt:\t//p" "/proc/$process/status") || fail "early: $(cat early.log)"
    ((0x$mask & 0x200))
}
until catches_usr1; do :; done
[ ! -e early ] || fail "signals are caught only when the run has begun"
kill -USR1 $process
stopped early 'a signal asked to stop'
[ "$(rows_of early)" = 1 ] || fail "early: $(rows_of early) steps"
