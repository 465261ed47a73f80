# The array of six captures of half a minute each, one of which is killed in the middle: that element alone is
# queued again and goes on; six models and one report are there in the end.
set -eu
. "$SOURCE/tests/slurm/slurm_runs.sh"

minutes=${MINUTES:-0.5}
sounds=$(dirname "$WAVETRAIN")/tests/cli/make_sounds
mkdir recorded
"$sounds" played.wav 48000 1 960000 played
for number in 1 2 3 4 5 6; do
    "$sounds" recorded/amp-$number.wav 48000 1 960200 amplified 37
done
capture=(played.wav recorded models --preset a1-nano --minutes "$minutes" --align 37)
"$WAVETRAIN" capture played.wav recorded --out models --list >folders.txt
[ "$(wc -l <folders.txt)" = 6 ] || fail "$(cat folders.txt)"

# capture_of INDEX: the process that captures this recording
capture_of() {
    local process
    for process in $(pgrep -x wavetrain); do
        tr '\0' ' ' <"/proc/$process/cmdline" | grep -q -- "--index $1 *$" && echo "$process" && return
    done
    return 1
}

began=$EPOCHREALTIME
array=$(sbatch --parsable --array=1-6%2 --cpus-per-task=1 --time=30 --output=captured-%a.log \
    "$SOURCE/jobs/captures.sbatch" "${capture[@]}")
run=$(sed -n 2p folders.txt)
for ((i = 0; i < 1200; i++)); do
    ! compgen -G "$run/*/checkpoints/*.h5" >/dev/null || break
    sleep 0.1
done
process=$(capture_of 2) || fail "nothing to kill: $(cat captured-2.log)"
kill -KILL "$process"
for index in 1 2 3 4 5 6; do
    wait_for_job "${array}_$index" 600
    [[ $(tail -n 1 captured-$index.log) = 'captures.sbatch: done'* ]] || fail "$(cat captured-$index.log)"
    [ "$(grep -c '^captures.sbatch: start ' captured-$index.log)" = $((index == 2 ? 2 : 1)) ] ||
        fail "$(cat captured-$index.log)"
done
from=$(sed -n 's/^captures.sbatch: start 2 from step \([0-9]*\):.*/\1/p' captured-2.log)
[ "${from:-0}" -gt 0 ] || fail "the killed element began anew: $(cat captured-2.log)"
[ "$(ls models/*.nam | wc -l)" = 6 ] || fail "$(ls models)"
for model in models/*.nam; do
    expect_ok "$WAVETRAIN" apply "$model" --in played.wav --out "$(basename "$model" .nam).wav"
done
expect_ok "$WAVETRAIN" capture played.wav recorded --out models --report
[ "$(grep -c 'amp-[1-6].* done' out.txt)" = 6 ] || fail "the report: $(cat out.txt err.txt)"
echo "measured: array of 6 captures of $minutes minutes, element 2 killed: resumed from step $from;" \
    "all done after $(seconds_since "$began") s"
sed 's/^/measured: /' out.txt
