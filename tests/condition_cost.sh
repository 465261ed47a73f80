#!/bin/bash
# tests/condition_cost.sh [--rounds N] [--csv FILE]
# What a condition costs model A (3×10 blocks of 64 channels, 80 features every 256 samples): steps of training
# with two threads (median of 5) and one stream of generation, with features that are stretched or repeated or
# with five speakers, each relative to the same round without; the median ratio of N (11) rounds by turns. A
# table goes to stdout, the same as CSV to FILE. WAVETRAIN is the program (build/wavetrain), MEASURE what each
# measurement is run by, such as "chrt -f 20".
SOURCE=${SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
WAVETRAIN=${WAVETRAIN:-$SOURCE/build/wavetrain}
set -eu
rounds=11 csv=''
while [ $# -gt 0 ]; do
    case ${1-}:${2-} in
    --rounds:?*) rounds=$2 ;;
    --csv:?*) csv=$(realpath -m "$2") ;;
    *)
        sed -n '2,7s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
    shift 2
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
read -ra measure <<<"${MEASURE-}"

# column_of NAME FILE: of a table's first row of figures
column_of() { awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i } NR == 2 { print $at }' "$2"; }

# figures VARIANT KEY…: seconds of a step, and samples per second of a stream
figures() {
    local variant=$1
    shift
    ${measure[@]+"${measure[@]}"} "$WAVETRAIN" bench step --model A --threads 2 --steps 5 --csv "$folder/step.csv" \
        "${@/#/--set=}" >"$folder/out.txt"
    ${measure[@]+"${measure[@]}"} "$WAVETRAIN" bench generate --model A --threads 1 --streams 1 --weights fp32 --rounds 3 \
        --csv "$folder/stream.csv" "${@/#/--set=}" >"$folder/out.txt"
    echo "$round,$variant,$(column_of step_median_seconds "$folder/step.csv"),$(column_of median_samples_per_second "$folder/stream.csv")"
}

for ((round = 1; round <= rounds; round++)); do
    figures none
    figures stretch model.condition=stretch 'model.condition_scales=[4,4,4,4]'
    figures repeat model.condition=repeat
    figures speakers model.speaker=16
done >"$folder/rounds.csv"
awk -F, -v OFS=, '
    function median(values, count,   i, j, v) {
        for (i = 2; i <= count; i++) {
            v = values[i]
            for (j = i - 1; j > 0 && values[j] > v; j--) values[j + 1] = values[j]
            values[j + 1] = v
        }
        return count % 2 ? values[(count + 1) / 2] : (values[count / 2] + values[count / 2 + 1]) / 2
    }
    $2 == "none" { step = $3; stream = $4; next }
    { n[$2]++; steps[$2, n[$2]] = $3 / step; streams[$2, n[$2]] = $4 / stream }
    function row(v, what, table, how, limit,   i, m) {
        for (i = 1; i <= n[v]; i++) m[i] = table[v, i]
        i = median(m, n[v])
        print v, what, sprintf("%.3f", i), how, limit, (how == "<=" ? i <= limit : i >= limit) ? "yes" : "no"
    }
    END {
        print "condition,measure,ratio,comparison,limit,met"
        row("stretch", "step", steps, "<=", 1.10)
        row("repeat", "step", steps, "<=", 1.05)
        row("speakers", "step", steps, "<=", 1.05)
        row("stretch", "generation", streams, ">=", 0.9)
        row("repeat", "generation", streams, ">=", 0.9)
        row("speakers", "generation", streams, ">=", 0.9)
    }' "$folder/rounds.csv" >"$folder/cost.csv"
column -s, -t "$folder/cost.csv"
[ -z "$csv" ] || cp "$folder/cost.csv" "$csv"
