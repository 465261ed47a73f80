# The rank that computes slowly is named, not those that wait for it: as it happens, at the end and in
# run.yaml; and none is where all are as slow as each other. Ranks sleep in their products, longer than a busy
# machine keeps them waiting.
set -eu
. "$SOURCE/tests/mpi/faults.sh"
host=$(hostname)

make_tone
make_config config.yaml
sed -i 's/steps: 50/steps: 24/' config.yaml
set -- --set validation.every=0 --set run.backend=openblas --set run.seconds=0.2 --set run.straggler=0.5 \
    --set train.activations=kept

# slept RUN RANK|'' ARGUMENT…: trains RUN; the rank, or all of them, sleep in some of their many products,
# some 70 ms a step
slept() {
    local run=$1 words
    mapfile -t words < <(under "late:3000:100")
    [ -z "$2" ] || words+=("WT_FAULT_RANK=$2")
    "$MPIRUN" "$ranks" "${words[@]}" "$WAVETRAIN" train config.yaml --verbose --run "$run" "${@:3}" >"$run.log" 2>&1 ||
        fail "$run: exit code $?: $(cat "$run.log")"
}

# value RUN KEY
value() {
    sed -n "s/^$2: //p" "$1/run.yaml"
}

# named RUN RANK
named() {
    grep -qE "^warning: step [0-9]+: slower than the others: rank $2 on $host \([0-9.]+ ms per step before the exchange, the median rank [0-9.]+\)$" "$1.log" ||
        fail "$1: rank $2 is not named: $(cat "$1.log")"
    ! grep 'slower than the others: ' "$1.log" | grep -v ": rank $2 on $host (" || fail "$1: another rank is named: $(cat "$1.log")"
    grep -q "^slower than the others: rank $2 on $host (" "$1.log" || fail "$1: not named at the end: $(cat "$1.log")"
    grep -q "^straggler: \"rank $2 on $host (" "$1/run.yaml" || fail "$1: $(cat "$1/run.yaml")"
    [ "$(value "$1" slowest_rank)" = "$2" ] && [ "$(value "$1" slowest_host)" = "\"$host\"" ] || fail "$1: $(cat "$1/run.yaml")"
    awk -v a="$(value "$1" slowest_milliseconds)" -v b="$(value "$1" compute_milliseconds)" 'BEGIN { exit !(a > 1.4 * b) }' ||
        fail "$1: $(grep milliseconds "$1/run.yaml")"
}

ranks=2
slept one 1 "$@"
named one 1
ranks=3 # of which one has fewer microbatches
slept first 0 "$@"
named first 0

# none: all sleep alike; where a rank has more microbatches; where nobody is asked
ranks=2
slept none '' "$@"
grep -q "^before the exchange: [0-9.]* ms per step on the median rank, [0-9.]* on the slowest, rank [01] on $host$" none.log || fail "$(cat none.log)"
[ "$(value none straggler)" = '""' ] || fail "$(cat none/run.yaml)"
! grep 'slower than the others' none.log || fail "$(cat none.log)"
ranks=3
slept microbatches '' "$@"
! grep 'slower than the others' microbatches.log || fail "$(cat microbatches.log)"
ranks=2
slept quiet 1 "$@" --set run.straggler=0
! grep -E 'slower than the others|before the exchange' quiet.log || fail "$(cat quiet.log)"
[ -z "$(value quiet straggler)" ] || fail "$(cat quiet/run.yaml)"

# the same answer
ranks='' train_ok alone "$@"
for run in one first none; do same_run alone $run 24; done
