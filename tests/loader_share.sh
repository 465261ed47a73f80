#!/bin/bash
# tests/loader_share.sh [--program FILE] [--data DATASET] [--steps N]
# The share of a step that training spends waiting for data: speech-quick.yaml on its speech (DATASET,
# by default data/speech-quick as its head says) for N steps (600, an epoch), with the data set
# held in memory and read as training goes; then with the files in the page cache, and driven out of it ten
# times a second.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
program=$source/build/wavetrain data=$source/data/speech-quick steps=600
while [ $# -gt 0 ]; do
    case ${1-}:${2-} in
    --program:?*) program=$(realpath "$2") ;;
    --data:?*) data=$(realpath "$2") ;;
    --steps:?*) steps=$2 ;;
    *)
        sed -n '2,5s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
    shift 2
done
folder=$(mktemp -d)
drive=
trap '[ -z "$drive" ] || kill $drive; rm -rf "$folder"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# Cached pages of the files go; what is in memory of the program's own stays.
drop() {
    local file
    for file in "$data"/*.h5; do dd of="$file" oflag=nocache conv=notrunc,fdatasync count=0 status=none; done
}

# measure WORDS GIB CACHE RANKS THREADS
measure() {
    local log=$folder/log
    case $3 in
    warm) cat "$data"/*.h5 >/dev/null ;;
    cold)
        drop
        (while sleep 0.1; do drop; done) &
        drive=$!
        ;;
    esac
    OMP_NUM_THREADS=$5 mpirun -q -n "$4" --bind-to none "$program" train "$source/configs/speech-quick.yaml" \
        --set data.path="$data" --set data.memory="$2" --set train.steps="$steps" --set schedule.warmup=1 --set validation.every=0 \
        --run "$folder/run" >"$log" 2>&1 || { cat "$log"; exit 1; }
    [ -z "$drive" ] || kill $drive
    drive=
    sed -n "s/^time of a step: \([0-9.]* ms\): data \([0-9.]* %\).*/| $1 | $3 | $4 × $5 | \1 | \2 |/p" "$log"
    rm -rf "$folder/run"
}

echo '| data set | page cache | ranks × threads | a step | waiting for data |'
echo '| --- | --- | --- | --- | --- |'
for shape in '1 2' '2 1'; do
    # shellcheck disable=SC2086 # two words
    measure 'held in memory' 4 warm $shape
    for cache in warm cold; do
        # shellcheck disable=SC2086
        measure 'read as training goes' 0 $cache $shape
    done
done
