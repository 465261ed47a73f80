#!/bin/bash
# tests/fuzz/long.sh [MINUTES [FOLDER]]: every fuzz target for a share of so many minutes (default 20) on two
# cores, from the seeds and what earlier calls have left in FOLDER (default build/fuzz/found). Prints the
# commit and the inputs per target.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
minutes=${1:-20} folder=$(realpath -m "${2:-build/fuzz/found}")
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target fuzzers --parallel "$(nproc)" >/dev/null
targets=(build/fuzz/tests/fuzz/fuzz_*[a-z])
seconds=$((minutes * 60 * 2 / ${#targets[@]}))
echo "commit $(git rev-parse HEAD), $seconds s per target"
mkdir -p "$folder"
cd "$folder"
printf '%s\n' "${targets[@]}" | sed "s|^|$OLDPWD/|" |
    xargs -P 2 -I{} bash -c 'n=$(basename "$1"); "$0" "$1" "${n#fuzz_}" "$2" "$3/${n#fuzz_}"' "$OLDPWD/tests/fuzz/run.sh" {} \
        "$seconds" "$folder"
