# A rank that is killed ends the job: within 10 s where srun is told to (--kill-on-bad-exit=1), else by the
# hang watch of the other ranks. What is left is resumed.
set -eu
. "$SOURCE/tests/slurm/slurm_runs.sh"

make_whole
sed -i 's/every: 1000/every: 4/' config.yaml # checkpoints to resume from

# killed RUN RANK [SIGNAL]: SIGKILL, or the signal, to it in the middle. Sets `took` (until srun's end),
# `code`.
killed() {
    wait_for "$1" 10
    began=$EPOCHREALTIME
    kill -${3-KILL} "$(rank_of "$1" "$2")"
    end
    took=$(seconds_since "$began")
    [ $code != 0 ] || fail "$1: exit code 0: $(cat "$1.log")"
    [ "$(rows_of "$1")" -lt 60 ] || fail "$1: it was done"
    ! pgrep -x wavetrain >/dev/null || sleep 1
    ! pgrep -x wavetrain >/dev/null || fail "$1: ranks are left: $(pgrep -ax wavetrain)"
}

for rank in 0 3; do
    start_step told-$rank '-N2 -n4 --kill-on-bad-exit=1'
    killed told-$rank $rank
    within "$took" 10
    echo "measured: rank $rank killed, --kill-on-bad-exit=1: $took s, exit code $code"
    resumed told-$rank 3 3
done

# Without being told, srun names the dead one, and then either SLURM's PMIx server ends the job, or the watch
# of the ranks that wait for it does, after hang_seconds_data (a start on busy cores takes some) and 3 s more.
set -- --set run.hang_seconds=2 --set run.hang_seconds_data=8
for rank in 0 3; do
    start_step untold-$rank '-N2 -n4 --kill-on-bad-exit=0' "$@"
    killed untold-$rank $rank
    within "$took" 20
    echo "measured: rank $rank killed, --kill-on-bad-exit=0, 8 + 3 s for a hang: $took s, exit code $code"
    said untold-$rank.log "task $rank: Killed"
    resumed untold-$rank 1 2
done

# A rank that is only stopped is missed by nobody but the watch.
start_step frozen '-N2 -n4 --kill-on-bad-exit=0' "$@"
killed frozen 0 STOP
within "$took" 20
echo "measured: rank 0 stopped, 8 + 3 s for a hang: $took s, exit code $code"
errors_of frozen | grep -qE 'rank [1-3] on wt[12] waits for other ranks: no progress for 1[1-3] s in phase' ||
    fail "$(cat frozen.log)"
resumed frozen 1 2
