# Functions for the parts of full.sh; sourced.
. "$SOURCE/tests/slurm/slurm_runs.sh"
export WAIT_SECONDS=300 # jobs wait for nodes, too
# shellcheck disable=SC2034 # used by the parts
speech=$(dpkg -L asterisk-core-sounds-en-wav | sed -n 's|/[^/]*\.wav$||p' | sort | head -n 1)
export PAUSE=20 # a node that is gone is noticed after 10 s here
two_nodes=(--nodes=2 --ntasks-per-node=2 --cpus-per-task=1 --time=30)

# make_speech: data/ with the recordings as configs/speech-quick.yaml says, `steps`, and `whole`, the run of
# configs/speech-quick.yaml on one rank, never interrupted, that all others must equal. Made by the first part
# that asks; of its 2000 steps only as many as take 70 s (or WT_FULL_SECONDS) at the least, which the fastest
# one of a trial tells.
make_speech() {
    local full=$WORK/full
    if [ ! -e "$full/steps" ]; then
        rm -rf "$full"
        mkdir -p "$full"
        (cd "$full" && mkdir data && ln -s "$SOURCE/configs" configs &&
            "$WAVETRAIN" prepare audio "$speech" --out data/speech-quick >prepare.log &&
            OMP_NUM_THREADS=1 "$MPIRUN" 4 "$WAVETRAIN" train configs/speech-quick.yaml --run trial \
                --set train.steps=40 --set schedule.warmup=2 >trial.log 2>&1 &&
            awk -F, -v seconds="${WT_FULL_SECONDS:-70}" '
                NR == 1 { for (i = 1; i <= NF; i++) if ($i == "seconds") column = i }
                NR > 3 && (!least || $column - last < least) { least = $column - last }
                NR > 1 { last = $column }
                END { n = int(seconds / least); print (n < 200 ? 200 : n > 2000 ? 2000 : n) }' trial/metrics.csv >count &&
            OMP_NUM_THREADS=2 "$WAVETRAIN" train configs/speech-quick.yaml --run whole \
                --set "train.steps=$(cat count)" >whole.log 2>&1 &&
            mv count steps) || fail "the run to compare with: $(cat "$full"/*.log)"
        echo "measured: to compare with: configs/speech-quick.yaml, $(cat "$full/steps") of its 2000 steps, on one rank"
    fi
    steps=$(cat "$full/steps")
    ln -s "$full/data" data
    ln -s "$SOURCE/configs" configs
}

# train_job RUN SBATCH-OPTION… -- OPTION…: jobs/train.sbatch with configs/speech-quick.yaml. Sets `job`.
train_job() {
    local run=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    touch "$run.log"
    job=$(sbatch --parsable "${options[@]}" --job-name="$run" --output="$run.log" "$SOURCE/jobs/train.sbatch" \
        configs/speech-quick.yaml --run "$run" --set "train.steps=$steps" "$@") || fail "sbatch: $run"
}

# ends RUN JOB STATE CODE WORDS: how the job ends, and how the last line of its log begins
ends() {
    local shown
    wait_for_job "$2" 600
    shown=$(scontrol show job "$2")
    [ "$(job_state "$2")" = "$3" ] || fail "$1: $shown $(cat "$1.log")"
    [[ $shown = *"ExitCode=$4"* ]] || fail "$1: $shown $(cat "$1.log")"
    [[ $(tail -n 1 "$1.log") = "train.sbatch: $5"* ]] || fail "$1: no '$5' at the end of $(cat "$1.log")"
}

# whole_again RUN: it is done, and equal to the uninterrupted run; prints their hash
whole_again() {
    [ "$(verdict_of "$1")" = 'done' ] || fail "$1: verdict $(verdict_of "$1")"
    same_run "$WORK/full/whole" "$1" "$steps"
    record_tells "$1"
    echo "measured: $1: $steps steps, hash $(hash_of "$1"), that of the uninterrupted run"
}

# record_tells RUN: run.yaml has what was used, how often it was started, and why each start has stopped
record_tells() {
    local starts hours peak
    starts=$(grep -c '^- {begun: .*, verdict: [a-z]*, why: "..*"}$' "$1/run.yaml" || true)
    hours=$(sed -n 's/^node_hours: //p' "$1/run.yaml")
    peak=$(sed -n 's/^peak_memory_mib: //p' "$1/run.yaml")
    [ "$starts" = "$(log_times "$1" 'start ')" ] || fail "$1: run.yaml has $starts starts: $(cat "$1/run.yaml")"
    grep -qx "restarts: $((starts - 1))" "$1/run.yaml" || fail "$1: $starts starts, $(grep '^restarts' "$1/run.yaml")"
    awk -v h="$hours" -v p="$peak" 'BEGIN { exit !(h > 0 && p > 0) }' || fail "$1: $hours node-hours, peak $peak MiB"
    echo "measured: $1: run.yaml: $starts starts, $hours node-hours, peak $peak MiB a rank"
    sed -nE 's/^- \{begun: .*, from: ([0-9]*), to: ([0-9]*),.*, verdict: ([a-z]*), why: (.*)\}$/'\
'measured:   steps \1 to \2: \3, \4/p' \
        "$1/run.yaml"
}

# log_times RUN WORDS: how many lines of its log begin with them
log_times() {
    grep -c "^train.sbatch: $2" "$1.log" || true
}
