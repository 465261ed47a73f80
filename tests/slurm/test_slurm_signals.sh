# Asked to stop under srun, all ranks by scancel or one of them alone: a checkpoint within one step, exit code
# 75, the verdict; and what is resumed on another number of ranks and nodes ends like a run left alone.
set -eu
. "$SOURCE/tests/slurm/slurm_runs.sh"

make_whole

# to all ranks; SLURM takes its own time to pass the signal on, so it is the step that is checked below
for signal in USR1 TERM; do
    start_step scancel-$signal '-N2 -n4 --kill-on-bad-exit=1'
    wait_for scancel-$signal 5
    began=$EPOCHREALTIME
    scancel --signal=$signal "$(job_of scancel-$signal).0"
    end
    echo "measured: scancel --signal=$signal: $(seconds_since "$began") s until the job's end"
    [ $code = 75 ] || fail "scancel-$signal: exit code $code: $(cat scancel-$signal.log)"
    stopped scancel-$signal 'a signal asked to stop'
done
resumed scancel-USR1 3 3
resumed scancel-TERM 1 1

# to one rank, which is not rank 0, and to rank 0
for signal in USR1 TERM INT; do
    for rank in 0 3; do
        run=rank-$rank-$signal
        start_step $run '-N2 -n4 --kill-on-bad-exit=1'
        wait_for $run 5
        kill -$signal "$(rank_of $run $rank)"
        rows=$(rows_of $run)
        end
        [ $code = 75 ] || fail "$run: exit code $code: $(cat $run.log)"
        stopped $run 'a signal asked to stop'
        [ "$(rows_of $run)" -le $((rows + 2)) ] || fail "$run: stopped at $(rows_of $run), asked at $rows"
    done
done
resumed rank-3-TERM 2 5
