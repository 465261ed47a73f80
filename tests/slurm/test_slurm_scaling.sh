# jobs/scaling.sbatch on two nodes: each number of ranks is measured within one job, and figures, table and
# picture are there.
set -eu
. "$SOURCE/tests/slurm/slurm_runs.sh"

code=0
(cd "$SOURCE" && env -u SLURM_JOB_ID bash jobs/scaling.sbatch) >usage.txt 2>&1 || code=$?
[ "$code/$(grep -c '^scaling.sbatch: usage: sbatch ' usage.txt)/$(wc -l <usage.txt)" = 2/1/1 ] || fail "$(cat usage.txt)"

export XDG_CACHE_HOME=$PWD/cache OUT=result
job=$(sbatch --parsable --nodes=2 --ntasks-per-node=2 --cpus-per-task=1 --time=5 --output=scaling.log "$SOURCE/jobs/scaling.sbatch" \
    --model S --targets 128 --steps 2 --rounds 1 --nodes 4)
wait_for_job "$job"
[ "$(job_state "$job")" = COMPLETED ] || fail "$(scontrol show job "$job") $(cat scaling.log)"
[[ $(tail -n 1 scaling.log) = 'scaling.sbatch: done in '* ]] || fail "$(cat scaling.log)"
cut -d, -f1-3 result.csv >cases.txt
printf '%s\n' strong,1,1 strong,2,1 strong,4,2 weak,1,1 weak,2,1 weak,4,2 strong,2,1 strong,4,2 strong,8,4 weak,2,1 weak,4,2 weak,8,4 |
    cmp -s - <(sed 1d cases.txt) || fail "$(cat result.csv)"
said scaling.log 'link between nodes: latency '
