#!/bin/bash
# tests/soak.sh [--kills N] [--steps N] [--seed N] [--program FILE] [--folder FOLDER]
# Kills a small run N times (50) with SIGKILL at random instants, half of them within a checkpoint, and
# resumes it by the same command on a number of ranks that changes from start to start. In the end it must
# hold the parameters, moments and metrics of a run that was left alone, bit for bit. Prints what it did, a
# line for each kill.
set -eu
kills=50 seed=1 steps='' program='' folder=''
while [ $# -gt 0 ]; do
    case ${1-}:${2-} in
    --kills:?*) kills=$2 ;;
    --steps:?*) steps=$2 ;;
    --seed:?*) seed=$2 ;;
    --program:?*) program=$(realpath "$2") ;;
    --folder:?*) folder=$2 ;;
    *)
        sed -n '2,5s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
    shift 2
done
SOURCE=$(cd "$(dirname "$0")/.." && pwd)
export SOURCE WAVETRAIN=${program:-$SOURCE/build/wavetrain} MPIRUN=$SOURCE/tests/mpirun.sh
if [ -z "$folder" ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"
cd "$folder"
rm -rf tone whole killed
KILL_STEPS=${steps:-$((200 + 30 * kills))}
. "$SOURCE/tests/kills.sh"
kill_and_resume "$kills" "$seed"
