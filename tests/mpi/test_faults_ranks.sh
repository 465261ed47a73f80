# Ranks that run out of memory, vanish, hang or are stopped: the job ends soon, and says why.
set -eu
. "$SOURCE/tests/mpi/faults.sh"

make_tone
make_config config.yaml
# the run would take long: 100,000 steps with matrix products that the faults can count
sed -i 's/steps: 50/steps: 100000/; s/every: 20/every: 100000/' config.yaml
set -- --set run.backend=openblas --set validation.every=0

# ended RUN CODE LIMIT FAULT ARGUMENT…: the run ends with CODE (+: any but 0) within LIMIT seconds
ended() {
    local run=$1 expected=$2 limit=$3 fault=$4 code began=$EPOCHREALTIME
    shift 4
    code=$(code_of harmed_train "$fault" "$run" "$@")
    took=$(seconds_since "$began")
    [ "$code" = "$expected" ] || { [ "$expected" = + ] && [ "$code" != 0 ]; } ||
        fail "$run: exit code $code: $(cat "$run.log")"
    within "$took" "$limit"
    echo "$run: $took s, exit code $code: $(errors_of "$run")"
}

# told RUN: the watch has left its line in run.yaml
told() {
    [ "$(verdict_of "$1")" = failed ] || fail "$1: verdict $(verdict_of "$1")"
    grep -qxF "why: \"$(errors_of "$1" | sed 's/^wavetrain: //')\"" "$1/run.yaml" || fail "$1: $(grep '^why' "$1/run.yaml")"
    [ -z "$(find "$1" -name '*.tmp-*')" ] || fail "$1: left behind: $(find "$1" -name '*.tmp-*')"
}

# memory: one line, whichever rank it was
export ranks=2
for rank in 0 1; do
    for call in 1 2 3; do
        WT_FAULT_RANK=$rank ended memory-$rank-$call 1 10 memory:10000:$call "$@"
        [ "$(errors_of memory-$rank-$call | wc -l)" = 1 ] || fail "not one line: $(cat memory-$rank-$call.log)"
        errors_of memory-$rank-$call | grep -q memory || fail "$(cat memory-$rank-$call.log)"
    done
done

# a rank that ends without a word
for rank in 0 1; do
    WT_FAULT_RANK=$rank ended exit-$rank + 10 exit:sgemm:10000 "$@"
    # mpirun asks rank 0 to stop where another one ends, and kills it a second later: it may leave its state
    # before that
    case $rank:$(verdict_of exit-$rank) in
    0:running | 1:running | 1:continue) ;;
    *) fail "exit-$rank: verdict $(verdict_of exit-$rank)" ;;
    esac
done

# a rank that hangs is named, and it alone
set -- "$@" --set run.hang_seconds=2 --set run.hang_seconds_data=2
for rank in 0 1; do
    WT_FAULT_RANK=$rank ended sleep-$rank 1 10 sleep:sgemm:10000 "$@"
    [ "$(errors_of sleep-$rank | wc -l)" = 1 ] || fail "not one line: $(cat sleep-$rank.log)"
    errors_of sleep-$rank | grep -qE "rank $rank on [^ ]+ hangs: no progress for 2 s in phase (forward|backward)" ||
        fail "$(cat sleep-$rank.log)"
    told sleep-$rank
done

# process_of_rank RUN RANK
process_of_rank() {
    local process
    for process in $(pgrep -x wavetrain); do
        grep -qz "^OMPI_COMM_WORLD_RANK=$2$" "/proc/$process/environ" 2>/dev/null || continue
        grep -qzx "$1" "/proc/$process/cmdline" || continue
        [ "$(readlink "/proc/$process/cwd")" = "$PWD" ] && echo "$process"
    done
}

# a rank that is stopped, its watch too: the other one says that it waits
(
    wait_for stopped 5
    kill -STOP "$(process_of_rank stopped 1)"
) &
ended stopped 1 12 none:x:1 "$@"
wait $!
errors_of stopped | grep -qE 'rank 0 on [^ ]+ waits for other ranks: no progress for 5 s in phase' ||
    fail "$(cat stopped.log)"
told stopped

# one rank alone hangs too; and a watch that is switched off lets it
ranks=
ended alone 1 10 sleep:sgemm:10000 "$@"
errors_of alone | grep -q 'rank 0 on .* hangs' || fail "$(cat alone.log)"
told alone
unwatched() {
    local words
    mapfile -t words < <(under sleep:sgemm:10000)
    timeout -s KILL 4 "${words[@]}" "$WAVETRAIN" train config.yaml --run unwatched "$@" >unwatched.log 2>&1
}
code=$(code_of unwatched "$@" --set run.hang_seconds=0)
[ "$code" = 137 ] || fail "unwatched: exit code $code: $(cat unwatched.log)"

# none of this ends a run that does well, however short the times
sed -i 's/steps: 100000/steps: 50/' config.yaml
for ranks in '' 2; do
    train_ok well-$ranks "$@" --set run.hang_seconds_validation=2 --set validation.every=10
done
