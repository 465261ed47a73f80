# A run that is killed again and again; sourced by tests/soak.sh and tests/mpi/test_kills.sh.
#
# kill_and_resume KILLS SEED: trains whole/ without a break, then killed/ by the same command, which gets
# SIGKILL KILLS times, at instants drawn from SEED, and goes on each time on another number of ranks. Fails
# unless both end with the same parameters, moments and metrics, and no checkpoint was lost or damaged. Prints
# a line for each start, and a summary.
#
# Each start gets on by a few checkpoints, how many is drawn too. Every second kill then comes at a random
# time; the others wait until a checkpoint is begun (a temporary file is there) and strike within it: writes
# are slowed down for that by the library of tests/faults.
. "$SOURCE/tests/mpi/faults.sh"

kill_steps=${KILL_STEPS:-600} # of the run; more where kills come before it gets on
kill_every=7                  # steps between checkpoints
kill_ranks=(1 3 2 5 8 4 1 6 2 7)

make_kill_config() {
    make_config config.yaml
    sed -i "s/steps: 50/steps: $kill_steps/; s/every: 10,/every: 50,/
        s/{every: 20}/{every: $kill_every, keep: 3}/" config.yaml
}

# random BELOW: in `number`; the same numbers for the same seed ($RANDOM in a subshell would not move on)
random() {
    number=$((((RANDOM << 15) | RANDOM) % $1))
}

# milliseconds N: sleeps
milliseconds() {
    sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
}

newest_of() {
    steps_kept "$1" 2>/dev/null | awk '{ print $NF }'
}

# A checkpoint is being written: there is a temporary file that no earlier kill has left behind.
is_writing() {
    local file
    for file in killed/checkpoints/step-*.tmp-*; do
        [ -e "$file" ] && [[ " $stale " != *" $file "* ]] && return 0
    done
    return 1
}

has_checkpoint() {
    [ "$(newest_of killed || echo 0)" -ge "$1" ] 2>/dev/null
}

# Kills all ranks of the start at the same moment, as a node that fails; in every third start one that is
# drawn, and the launcher ends the others.
kill_start() {
    local victims
    mapfile -t victims < <(pgrep -P "$process" -x wavetrain)
    [ ${#victims[@]} -gt 0 ] || victims=("$process")
    if [ $(($1 % 3)) = 0 ]; then
        random ${#victims[@]}
        victims=("${victims[number]}")
    fi
    kill -KILL "${victims[@]}" 2>/dev/null || true
}

# wait_until LIMIT COMMAND…: until it succeeds; fails when the start ends before, or after LIMIT × 10 ms
wait_until() {
    local tries
    for ((tries = $1; tries > 0; tries--)); do
        "${@:2}" && return 0
        kill -0 "$process" 2>/dev/null || return 1
        sleep 0.01
    done
    return 1
}

# Starts killed/ on $ranks ranks (1: without mpirun), with slow checkpoints.
start_killed() {
    local words launcher=()
    mapfile -t words < <(under slow:checkpoints/step-:1)
    rm -f killed.log # what is waited for must not be an older start's
    [ "$ranks" = 1 ] || launcher=("$MPIRUN" "$ranks")
    "${launcher[@]}" "${words[@]}" "$WAVETRAIN" train config.yaml --run killed >killed.log 2>&1 &
    process=$!
}

# Every warning would be of a damaged checkpoint, but for that of slow ones.
check_start() {
    ! grep '^warning: ' killed.log | grep -qv ' kills .* after it asked to stop' || fail "kill $1: $(cat killed.log)"
    [ -z "$(errors_of killed)" ] || fail "kill $1: $(errors_of killed)"
}

# One start, and its kill: a line of the table.
kill_once() {
    local kill=$1 from where='between checkpoints' before wanted delay stale
    ranks=${kill_ranks[kill % ${#kill_ranks[@]}]}
    before=$(newest_of killed)
    stale=$(echo killed/checkpoints/step-*.tmp-*)
    random 4
    wanted=$((${before:-0} + number * kill_every))
    random 300
    delay=$number
    start_killed
    wait_until 3000 grep -sq '^run  ' killed.log || true
    wait_until 3000 has_checkpoint $wanted || true
    if [ $((kill % 2)) = 0 ]; then
        wait_until 3000 is_writing || true
        milliseconds $((delay / 10))
        ! is_writing || where='in a checkpoint'
    else
        milliseconds $delay
    fi
    kill_start "$kill"
    wait "$process" 2>/dev/null || true
    from=$(sed -n 's/^resuming from .*step-0*\([0-9]*\)\.h5$/\1/p' killed.log)
    check_start "$kill"
    [ "$where" = 'between checkpoints' ] || in_checkpoint=$((in_checkpoint + 1))
    printf '%5d %6d %13s %8d %11s  %s\n' "$kill" "$ranks" "${from:-begun}" "$(rows_of killed)" \
        "$(newest_of killed)" "$where"
    [ "$(rows_of killed)" -lt "$kill_steps" ] || fail "kill $kill: the run was done before (raise KILL_STEPS)"
}

kill_and_resume() {
    local kills=$1 seed=$2 kill began=$EPOCHREALTIME in_checkpoint=0 newest=0
    RANDOM=$seed
    make_tone
    make_kill_config
    train_ok whole
    printf '%5s %6s %13s %8s %11s  %s\n' kill ranks 'resumed from' reached checkpoint where
    for ((kill = 1; kill <= kills; kill++)); do
        kill_once "$kill"
        [ "$newest" = 0 ] || has_checkpoint "$newest" || fail "kill $kill: checkpoint $newest is lost"
        newest=$(newest_of killed)
        newest=${newest:-0}
    done
    ranks=
    train_ok killed
    check_start end
    same_run whole killed "$kill_steps"
    no_leftovers
    echo "$kills kills, $in_checkpoint of them in a checkpoint, seed $seed, $kill_steps steps," \
        "$(seconds_since "$began") s: hash $(hash_of killed), as without kills; each step once in metrics.csv"
}
