# The end of a job is found out without being told: a checkpoint before it, exit code 75, the verdict.
# (A limit counts minutes, but a job's end can be set to the second.)
set -eu
. "$SOURCE/tests/slurm/slurm_runs.sh"

make_whole 450
slow_words
submit limit -N2 -n4 --time=2 <<JOB
#!/bin/bash
date -d '16 seconds' +%s >end
scontrol update jobid=\$SLURM_JOB_ID EndTime=\$(date -d @\$(cat end) +%FT%T)
srun --mpi=pmix --kill-on-bad-exit=1 ${slow[*]} \\
    $WAVETRAIN train config.yaml --run limit --set run.time_margin=8
echo "code \$?"
date +%s >ended
JOB
wait_for_job "$job"
printed limit 'code 75'
[ "$(job_state "$job")" = COMPLETED ] || fail "$(scontrol show job "$job")"
stopped limit 'the time limit is near'
left=$(($(cat end) - $(cat ended)))
echo "measured: stopped $left s before the job's end, after $(rows_of limit) steps"
[ "$left" -ge 1 ] || fail "it stopped $left s before the job's end, with a margin of 8 s"
resumed limit 3 3
