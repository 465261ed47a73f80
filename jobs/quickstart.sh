#!/bin/bash
# jobs/quickstart.sh [OPTION of wavetrain train…]: from a bare clone to a network that speaks, in minutes on
# two cores. Installs what is missing, builds, prepares 25 minutes of recorded speech with mel spectra, trains a
# small vocoder on two ranks, scores its copies of held-out sentences, lets it speak without a spectrum too, and
# draws what came of it. Each command is shown before it runs. Run again, it goes on where it stopped and makes again
# what is quickly made. With --steps 100 it is a short try.
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
    name=vocoder-minutes data=data/vocoder
    prepare=(build/wavetrain prepare audio "$speech" --mel "8k,hop=128" --trim 50 --out "$data")
else
    name=sine data=data/sine
    prepare=(build/wavetrain prepare simulate sine --out "$data")
fi
folder=runs/$name

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

# made NAME FILE COMMAND…: runs it, and keeps a line for the end
summary=''
made() {
    local name=$1 file=$2
    shift 2
    run "$@"
    summary+=$(printf '%-12s %s\n%12s by: %s' "$name" "$file" '' "$(printf '%q ' "$@")")$'\n'
}
checkpoint=$(printf '%s\n' "$folder"/checkpoints/step-*.h5 | sort | tail -n 1)
summary+=$(printf '%-12s %s\n%12s by: %s' checkpoint "$checkpoint" '' "${train[*]}")$'\n'

if [ -z "$speech" ]; then
    say "Held-out loss, compared with a first-order Markov model"
    run build/wavetrain evaluate "$folder" --split test --markov
    say "Sound from the network"
    made voice "$folder/voice.wav" build/wavetrain generate "$folder" --seconds 4 --out "$folder/voice.wav" \
        --force
else
    say "Copies of ten held-out recordings, made from their spectra, and what they are scored against"
    score=(build/wavetrain evaluate "$folder" --copies 10 --temperature 0.65)
    show "${score[@]}"
    "${score[@]}" | tee "$folder/copies.txt"

    say "How far that is from a good copy"
    awk '
        function line(what, value, limit, most) {
            off = most ? value - limit : limit - value
            printf "  %-33s %5.1f  wanted: at %-5s %4.1f  %s\n", what, value, (most ? "most" : "least"), limit,
                (off > 0 ? sprintf("%.1f to go", off) : "met")
        }
        / dB / && match($0, /[0-9.]+ dB/) {
            name = substr($0, 1, RSTART - 1)
            split(substr($0, RSTART), value, " ")
            if (name ~ /copies, all/) {
                distance = value[1]; voiced = value[5]; tune = value[7]; invented = value[9]
            }
            if (name ~ /noise of/) noise = value[1]
        }
        END {
            line("distance, dB", distance, 0.8 * noise, 1)
            line("voiced frames that are voiced, %", voiced, 70, 0)
            line("of these within 50 cents, %", tune, 60, 0)
            line("unvoiced ones with a voice, %", invented, 15, 1)
        }' "$folder/copies.txt"
    echo "More training brings the rest: 18,000 steps of configs/vocoder-quick.yaml, an hour of two cores, reach"
    echo "all four (tests/README.md, \"A vocoder\")."

    say "Two of these sentences, their copies, and the voice of the same network without a spectrum"
    mapfile -t names < <(sed -n 's/^  \([^ ]*\.wav\) .* dB .*/\1/p' "$folder/copies.txt")
    # shellcheck disable=SC2012 # the second and third longest of them; their names have no spaces
    mapfile -t sentences < <(cd "$speech" && ls -S "${names[@]}" | sed -n 2,3p)
    made copies "$folder/copy-1.wav $folder/copy-2.wav" build/wavetrain generate "$folder" --temperature 0.65 \
        "${sentences[@]/#/--copy=$speech/}" --out "$folder/copy.wav" --force
    made "free voice" "$folder/voice.wav" build/wavetrain generate "$folder" --seconds 4 \
        --out "$folder/voice.wav" --force
    made spectrograms "$folder/sounds.png" build/wavetrain plot --out "$folder/sounds.png" --sound \
        "$speech/${sentences[0]}" "$folder/copy-1.wav" "$speech/${sentences[1]}" "$folder/copy-2.wav" \
        "$folder/voice.wav"
fi

say "The loss, drawn"
made "loss plot" "$folder/loss.png" build/wavetrain plot "$folder" --out "$folder/loss.png"

say "Made, and by which command"
printf '%s' "$summary"
