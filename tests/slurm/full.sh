#!/bin/bash
# tests/slurm/full.sh [PART…]
# What the job scripts promise, on a real SLURM cluster of three virtual nodes, with the network of speech-quick
# and recorded speech; each part prints what was measured. At most 30 minutes on an idle machine of two cores.
# The parts are the files full_*.sh beside this one: full_train, full_node …
# Sets up and builds first, unless WAVETRAIN names a program. Not part of tests/run.sh, which has the shorter
# run.sh.
set -eu
here=$(dirname "$(readlink -f "$0")")
source=$(readlink -f "$here/../..")
parts=(full_train full_node full_states full_failing full_sweep full_captures full_pipeline)
[ $# = 0 ] || parts=("$@")

if [ -z "${WAVETRAIN-}" ]; then
    cd "$source"
    jobs/setup.sh --tests --recordings
    log=$(mktemp)
    if command -v ninja >/dev/null; then export CMAKE_GENERATOR=${CMAKE_GENERATOR-Ninja}; fi
    { cmake --preset release && cmake --build --preset release --parallel "$(nproc)"; } >"$log" 2>&1 ||
        { cat "$log"; exit 1; }
    rm -f "$log"
    export WAVETRAIN=$source/build/wavetrain
fi
dpkg -s asterisk-core-sounds-en-wav >/dev/null 2>&1 ||
    { echo "skipped: there is no recorded speech (Debian's asterisk-core-sounds-en-wav)"; exit 77; }
export WORK=${WORK:-$(dirname "$WAVETRAIN")/slurm-tests} SECONDS_EACH=900
rm -rf "${WORK:?}/full" # the data and the run to compare with, made by the first part
code=0
bash "$here/run.sh" "${parts[@]}" || code=$?
echo "in all $SECONDS s"
exit $code
