#!/bin/bash
# jobs/quickstart.sh [OPTION of wavetrain train…]: from a bare clone to a trained network, in minutes on two
# cores. Installs what is missing, builds, prepares 25 minutes of recorded speech, trains on two ranks, compares
# the result with a Markov model, generates sound and plots the loss. Each command is shown before it runs. Run
# again, it goes on where it stopped and makes again what is quickly made. With --steps 100 it is a short try.
set -eu
cd "$(dirname "$0")/.."

show() {
    printf '\n$'
    printf ' %q' "$@"
    printf '\n'
}
run() {
    show "$@"
    "$@"
}
say() { printf '\n== %s\n' "$*"; }

say "Set-up"
run jobs/setup.sh --recordings

say "Build"
if command -v ninja >/dev/null; then export CMAKE_GENERATOR=${CMAKE_GENERATOR-Ninja}; fi
run cmake --preset release -DWT_TESTS=OFF --log-level=WARNING
compile=(cmake --build --preset release --parallel "$(nproc)") # all of it, for cmake --install
show "${compile[@]}"
"${compile[@]}" >build/compile.log || { cat build/compile.log; exit 1; }

# --- what there is to learn ---
# The folder that the recordings' package fills; empty where there is no such package.
speech=$(dpkg -L asterisk-core-sounds-en-wav 2>/dev/null | sed -n 's|/[^/]*\.wav$||p' | sort | head -n 1)
if [ -n "$speech" ]; then
    name="speech-quick"
    prepare=(build/wavetrain prepare audio "$speech" --out data/speech-quick)
else
    name=sine
    prepare=(build/wavetrain prepare simulate sine --out data/sine)
fi
data=data/$name folder=runs/$name

say "Data"
if [ -z "$speech" ]; then
    echo "The recordings (Debian package asterisk-core-sounds-en-wav) are not on this machine, and apt is not"
    echo "there or not allowed to install them: a simulated 500 Hz tone takes their place."
fi
if [ -e "$data" ]; then
    echo "$data is there already and is kept (made by: ${prepare[*]})"
else
    run "${prepare[@]}"
fi

# --- two ranks on this machine's cores ---
cores=$(lscpu -bp=CORE,SOCKET 2>/dev/null | grep -v '^#' | sort -u | wc -l)
[ "$cores" -gt 0 ] || cores=$(nproc)
all=$(nproc) # now: once OMP_NUM_THREADS is set, nproc heeds it
if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [ "$quota" != max ]; then # a container's share of them
    granted=$((quota / period))
    [ "$granted" -ge "$all" ] || all=$granted
fi
[ "$all" -ge 1 ] || all=1
threads=$((all / 2))
[ "$threads" -gt 0 ] || threads=1
mpirun=(mpirun -n 2 --bind-to none)
[ "$cores" -ge 2 ] || mpirun+=(--oversubscribe)

say "Training: two ranks with $threads thread(s) each"
if [ "$(id -u)" = 0 ]; then run export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
run export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$threads}"
[ "$all" -ge 2 ] || run export WAVETRAIN_OVERSUBSCRIBE=1
train=("${mpirun[@]}" build/wavetrain train "configs/$name.yaml" --run "$folder" "$@")
run "${train[@]}"

say "One process with all cores from here on"
run export OMP_NUM_THREADS="$all"

say "Held-out loss, compared with a first-order Markov model"
evaluate=(build/wavetrain evaluate "$folder" --split test --markov)
run "${evaluate[@]}"

say "Sound from the network, which continues a held-out recording"
generate=(build/wavetrain generate "$folder" --out "$folder/voice.wav" --seconds 4 --prime-from test --force)
run "${generate[@]}"

say "The loss, drawn"
plot=(build/wavetrain plot "$folder" --out "$folder/loss.png")
run "${plot[@]}"

checkpoint=$(printf '%s\n' "$folder"/checkpoints/step-*.h5 | sort | tail -n 1)
say "Made, and by which command"
printf '%-12s %s\n             by: %s\n' \
    "checkpoint" "$checkpoint" "${train[*]}" \
    "voice" "$folder/voice.wav" "${generate[*]}" \
    "loss plot" "$folder/loss.png" "${plot[*]}"
printf '%-12s %s\n' "held-out loss" "above, by: ${evaluate[*]}"
[ -z "$speech" ] ||
    echo "The voice is noise in the rhythm of speech: the network is small and trains for minutes. README.md, \"Your own
recordings\", has what larger ones take."
