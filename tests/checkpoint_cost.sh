#!/bin/bash
# tests/checkpoint_cost.sh [--program FILE] [--steps N] [--folder FOLDER]
# What a checkpoint costs the steps during which it is written: trains two networks for N steps (160) with a
# checkpoint every 20, and prints the median time of the steps that begin while a checkpoint is being written
# beside that of the others, for one rank with two threads and two ranks with one, a window of 8,192 targets a
# rank and step. The copy of the state counts as part of the first step beside a write.
set -eu
program='' steps=160 folder=''
while [ $# -gt 0 ]; do
    case ${1-}:${2-} in
    --program:?*) program=$(realpath "$2") ;;
    --steps:?*) steps=$2 ;;
    --folder:?*) folder=$2 ;;
    *)
        sed -n '2,7s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
    shift 2
done
source=$(cd "$(dirname "$0")/.." && pwd)
program=${program:-$source/build/wavetrain}
if [ -z "$folder" ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"
cd "$folder"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
every=20
[ -e tone ] || "$program" prepare simulate sine --utterances 40 --seconds 4 --noise 0.1 --out tone >/dev/null

# network NAME MODEL
network() {
    cat >"$1.yaml" <<YAML
model: {$2}
data: {path: tone, window: 8192, quantization: mulaw:256}
train: {steps: $steps}
schedule: {kind: constant, warmup: 1}
validation: {every: 0}
checkpoint: {every: $every, minutes: 0, keep: 2}
YAML
}

# columns of the table from a run's log and metrics.csv
digest() {
    local each
    each=$(sed -n 's/.* in the background, \([0-9.]*\) s each.*/\1/p' "$1.log")
    awk -F, -v each="$each" -v every=$every '
        function median(values, count,   i, j, v) {
            for (i = 2; i <= count; i++) {
                v = values[i]
                for (j = i - 1; j > 0 && values[j] > v; j--) values[j + 1] = values[j]
                values[j + 1] = v
            }
            return count % 2 ? values[(count + 1) / 2] : (values[count / 2] + values[count / 2 + 1]) / 2
        }
        NR == 1 { for (i = 1; i <= NF; i++) if ($i == "seconds") column = i; next }
        {
            step = $1; now = $column
            if ((step - 1) % every == 0) submitted = before
            if (step > every) { # the first ones warm up
                if (before < submitted + each) during[++d] = now - before
                else { other[++o] = now - before }
            }
            before = now
        }
        END {
            a = median(other, o); b = median(during, d)
            printf "%.3f | %d | %.1f | %.1f | %+.1f %%\n", each, d, 1e3 * a, 1e3 * b, 100 * (b / a - 1)
        }' "$1/metrics.csv"
}

# measure NETWORK RANKS THREADS
measure() {
    local run=$1-$2-$3
    rm -rf "$run"
    OMP_NUM_THREADS=$3 mpirun -q -n "$2" --bind-to none "$program" train "$1.yaml" --verbose --set train.batch="$2" \
        --run "$run" >"$run.log" 2>&1 ||
        { cat "$run.log"; exit 1; }
    printf '| %s | %s × %s | %s | %s |\n' "$1" "$2" "$3" \
        "$(stat -c %s "$run"/checkpoints/*.h5 | awk '{ printf "%.0f", $1 / 1048576; exit }')" "$(digest "$run")"
}

network A 'stacks: 3, layers: 10, residual: 64, gate: 64, skip: 128'
network larger 'stacks: 4, layers: 6, kernel: 3, residual: 128, gate: 128, skip: 256'
echo '| network | ranks × threads | file, MiB | a write, s | steps during one | step, ms | during a write, ms | change |'
echo '| --- | --- | --- | --- | --- | --- | --- | --- |'
for name in A larger; do
    measure $name 1 2
    measure $name 2 1
done
