# run.yaml's list of starts: each one with its steps, ranks, memory and why it ended, also of one that was
# killed or refused, on any number of ranks; node-hours are their sum. What other programs read of the file
# stands where it stood.
set -eu
. "$SOURCE/tests/mpi/faults.sh"

make_tone
make_config config.yaml
sed -i 's/steps: 50/steps: 60/; s/every: 20/every: 20/' config.yaml
set -- --set validation.every=0

# start_of RUN NUMBER: its line
start_of() {
    grep '^- {begun: ' "$1/run.yaml" | sed -n "$2p"
}

# has RUN NUMBER PATTERN
has() {
    start_of "$1" "$2" | grep -qE -- "$3" || fail "$1: start $2 has no '$3': $(grep -A9 ^starts "$1/run.yaml")"
}

# value RUN KEY
value() {
    sed -n "s/^$2: //p" "$1/run.yaml"
}

# sums_up RUN STARTS: so many, and node_hours is their sum
sums_up() {
    [ "$(grep -c '^- {begun: ' "$1/run.yaml")" = "$2" ] || fail "$1: not $2 starts: $(cat "$1/run.yaml")"
    local sum=0 begun ended nodes
    while read -r begun ended nodes; do
        sum=$((sum + nodes * ($(date -d "$ended" +%s) - $(date -d "$begun" +%s))))
    done < <(sed -n 's/^- {begun: \([^,]*\), ended: \([^,]*\), .* nodes: \([0-9]*\),.*/\1 \2 \3/p' "$1/run.yaml")
    awk -v sum=$sum -v hours="$(value "$1" node_hours)" 'BEGIN { exit !((sum / 3600 - hours)^2 < 1e-8) }' ||
        fail "$1: $(value "$1" node_hours) node-hours, expected $sum s: $(cat "$1/run.yaml")"
}

# one that ends by itself, on two ranks
ranks=2 train_ok whole "$@"
has whole 1 'from: 0, to: 60, ranks: 2, threads: 1, nodes: 1, peak_memory_mib: [0-9.]+, peak_memory_rank: [01], verdict: done, why: "all steps are done"'
sums_up whole 1
[ "$(value whole restarts)" = 0 ] || fail "restarts: $(value whole restarts)"
awk -v mib="$(value whole peak_memory_mib)" 'BEGIN { exit !(mib > 5 && mib < 5000) }' || fail "$(grep peak whole/run.yaml)"
[ "$(head -n 3 whole/run.yaml | cut -d: -f1 | paste -sd' ')" = 'verdict why written' ] || fail "$(cat whole/run.yaml)"
[ "$(grep -n '^configuration:' whole/run.yaml | cut -d: -f1)" -gt "$(grep -n '^- {' whole/run.yaml | cut -d: -f1)" ] ||
    fail "the configuration is not the end: $(cat whole/run.yaml)"

# stopped, refused, killed after a checkpoint, killed before its first step, done; rows take 20 ms each
mapfile -t slow < <(under slow:metrics.csv:1)
begin() {
    ${ranks:+"$MPIRUN" "$ranks"} "${slow[@]}" "$WAVETRAIN" train config.yaml --run run --set validation.every=0 >run.log 2>&1 &
    process=$!
}
begin
wait_for run 5
kill -USR1 $process
wait $process || true
stopped=$(rows_of run)
[ "$(verdict_of run)" = continue ] || fail "verdict $(verdict_of run)"
expect_error 2 'train.seed was 1' "$WAVETRAIN" train config.yaml --run run "$@" --set train.seed=2
expect_error 2 'train.stepz' "$MPIRUN" 2 "$WAVETRAIN" train config.yaml --run run "$@" --set train.stepz=2
[ "$(verdict_of run)" = continue ] || fail "two refused starts: verdict $(verdict_of run)"
ranks=2 begin
wait_for run $((stopped + 25))
for _ in $(seq 600); do # it is written meanwhile, by a thread that steps back
    [[ " $(steps_kept run) " != *' '[24]0' '* ]] || break
    sleep 0.05
done
mapfile -t victims < <(pgrep -P $process -x wavetrain) # all of them: one that is left would leave a verdict
kill -KILL "${victims[@]}"
wait $process 2>/dev/null || true
reached=$(rows_of run)
[ "$(verdict_of run)" = running ] || fail "verdict $(verdict_of run)"
has run 4 "from: $stopped, to: [0-9]+, ranks: 2, .*, peak_memory_mib: .*, verdict: running, why: \"\""
harmed_train "exit:sgemm:1" run --set run.backend=openblas "$@" && fail "it did not die"
has run 5 'from: (20|40), .*verdict: running, why: ""'
before=$(date +%s)
train_ok run "$@"
sums_up run 6
has run 1 "from: 0, to: $stopped, ranks: 1, .*, verdict: continue, why: \"a signal asked to stop\""
has run 2 "from: $stopped, to: $stopped, ranks: 1, .*verdict: refused, why: \".*train.seed was 1"
has run 3 "ranks: 2, .*verdict: refused, why: \".*train.stepz"
has run 4 "from: $stopped, to: ($reached|$((reached + 1))), ranks: 2, .*, verdict: lost, why: \"ended without a word \(killed, or its node is gone\), last seen 20.*Z after step ($reached|$((reached + 1))), newest checkpoint of step (20|40)\""
has run 5 'from: (20|40), to: (20|40), ranks: 1, .*, verdict: lost, why: "ended without a word'
has run 6 'to: 60, ranks: 1, .*, verdict: done, why: "all steps are done"'
seen=$(date -d "$(start_of run 4 | sed 's/.*ended: \([^,]*\),.*/\1/')" +%s)
[ "$seen" -le "$before" ] && [ "$seen" -ge $((before - 60)) ] || fail "last seen at $seen, now it is $before"
same_run whole run 60

# a record from before there were lists
sed -i '/^node_hours: /d; /^starts:/d; /^- {/d; /^peak_memory/d; s/^restarts: .*/restarts: 7/' run/run.yaml
train_ok run "$@"
[ "$(value run restarts)" = 8 ] && [ "$(value run earlier_starts)" = 8 ] || fail "$(cat run/run.yaml)"
sums_up run 1
has run 1 'from: 60, to: 60, .*verdict: done'
