# What a user sees and types first: commands and options that are nearly right, or of other programs, are
# answered with what was meant; a run is shortened by one word; a terminal's progress line is finished before
# what follows it.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 ranks=

# --- commands ---

# meant WORDS COMMAND…: refused, with WORDS
meant() {
    local words=$1
    shift
    expect_error 2 "$words" "$WAVETRAIN" "$@"
}
meant 'trian: no such command (did you mean train?' trian x.yaml
meant 'eval: no such command (did you mean evaluate?' eval run
meant 'sample: no such command (did you mean generate?' sample run
meant 'preprocess: no such command (did you mean prepare audio?' preprocess x
meant 'did you mean prepare audio?' prepare audoi x
meant 'did you mean bench step?' bench stpe
meant 'prepare: no such command without a kind (expected prepare audio, prepare text, prepare table, prepare simulate)' prepare
meant 'prepare everything: no such command (expected prepare audio, ' prepare everything
meant 'frobnicate: no such command (wavetrain --help lists them)' frobnicate
meant "$(printf 'a%.0s' $(seq 200)): no such command" "$(printf 'a%.0s' $(seq 200))"
for words in 'help train:train --help' 'help:--help' 'help prepare audio:prepare audio --help' 'version:--version' '-V:--version'; do
    "$WAVETRAIN" ${words%%:*} >one.txt && "$WAVETRAIN" ${words#*:} >two.txt && [ -s one.txt ] && cmp one.txt two.txt ||
        fail "$words: not the same"
done

# --- options ---

meant '--stpes=5: unknown option (did you mean --steps?' train x.yaml --stpes=5
meant '--lr: unknown option (did you mean --set optimizer.learning_rate=…?' train x.yaml --lr 3
meant '(did you mean --set optimizer.learning_rate=…?' train x.yaml --learning-rate 3
meant '(did you mean --set train.seed=…?' train x.yaml --seed 3
meant '(did you mean --set train.batch=…?' train x.yaml --batch-size 3
meant '(did you mean none: training runs on CPUs' train x.yaml --gpu
meant '--ouput: unknown option (did you mean --out?' generate run --ouput x.wav
meant '--lr: unknown option (see wavetrain generate --help)' generate run --lr 3
meant '--xyzzy: unknown option (see wavetrain train --help)' train x.yaml --xyzzy

# --- a shorter run ---

make_tone
make_config config.yaml
meant 'nowhere: no data set (no such folder; wavetrain prepare makes one)' train config.yaml --set data.path=nowhere
"$WAVETRAIN" train config.yaml --run short --steps 2 >log.txt 2>&1 || fail "--steps 2: $(cat log.txt)"
said log.txt 'after step 2 of 2'
meant '--set train.steps=two: train.steps is ' train config.yaml --run new --steps two

# a run finds its data set from any folder, and where both have moved together
mkdir elsewhere moved
(cd elsewhere && expect_ok "$WAVETRAIN" evaluate ../short && said out.txt 'test: ') || fail "not from another folder"
(cd elsewhere && expect_ok "$WAVETRAIN" generate ../short --seconds 0.01 --prime-from test --out x.wav) || fail "no primer"
cp -r short tone moved
mv tone gone
(cd moved && expect_ok "$WAVETRAIN" evaluate short) || fail "not where both have moved"
(cd elsewhere && expect_error 2 'tone: no data set' "$WAVETRAIN" evaluate ../short) || fail "another answer"
mv gone tone

# --- a terminal ---

command -v script >/dev/null || fail "no script(1) to have a terminal with"
TERM=xterm script -qec "stty cols 80 rows 24; '$WAVETRAIN' train config.yaml --run seen --steps 20" typed.txt >/dev/null
tr '\r' '\n' <typed.txt | sed 's/\x1b\[K//g' >lines.txt
grep -q '^training .*100 %' lines.txt || fail "no last line of progress: $(cat lines.txt)"
grep -q '^time of a step' lines.txt || fail "the summary begins behind the progress: $(cat lines.txt)"
! grep -qE 'left.*time of a step|s/s.*time of a step' lines.txt || fail "the summary stands in the line of the progress"
# what is on the screen: each line as the last carriage return leaves it
awk '{ n = split($0, part, "\r"); while (n > 1 && part[n] == "") n--; print part[n] }' typed.txt >screen.txt
# what only an expert reads stands behind --verbose
for words in 'kernels  ' 'phases of a step: '; do
    ! grep -q "^$words" lines.txt || fail "'$words' without --verbose: $(cat lines.txt)"
done
grep -qE '^time of a step: [0-9.]+ ms: data [0-9.]+ %, forward [0-9.]+ %, backward [0-9.]+ %, exchange [0-9.]+ %, update [0-9.]+ %$' lines.txt ||
    fail "$(cat lines.txt)"
"$WAVETRAIN" train config.yaml --run expert --steps 2 --verbose >log.txt 2>&1 || fail "--verbose: $(cat log.txt)"
said log.txt 'kernels  '
grep -q '^phases of a step: data .*, pack .*, wait .*, decide ' log.txt || fail "$(cat log.txt)"
grep -q '100 %' screen.txt || fail "the finished progress is not on the screen: $(cat -v screen.txt)"
