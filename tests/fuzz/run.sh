#!/bin/bash
# tests/fuzz/run.sh PROGRAM NAME SECONDS [FOLDER]: one fuzz target, from the seeds in corpus/NAME, with a
# fixed seed of its draws. What it finds is left in FOLDER (default: a folder that is removed); an input that
# breaks something is named and kept in FOLDER or here. The number of inputs is in the last line.
set -eu
program=$1 name=$2 seconds=$3 here=$(cd "$(dirname "$0")" && pwd)
if [ $# -ge 4 ]; then
    folder=$4
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder/new"
# Libraries that are not ours leave memory behind (HDF5, libsndfile); ours is counted by the targets
# themselves.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:suppressions=$here/libraries.supp${ASAN_OPTIONS:+:$ASAN_OPTIONS}
code=0
"$program" -seed=1 -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$name-" "$folder/new" "$here/corpus/$name" >"$folder/log" 2>&1 || code=$?
if [ $code != 0 ]; then
    tail -n 60 "$folder/log"
    exit $code
fi
echo "$name: $(awk '$1 == "stat::number_of_executed_units:" { print $2 }' "$folder/log") inputs"
