#!/bin/bash
# What READMEs promise to their readers, without running anything long: README.md is short; each fenced block says how it
# is tested; links lead somewhere; scripts for a cluster are scripts, and what they name is there; options and keys are
# those of the program; no measured figure stands twice. First it shows on a small tree that it finds each breach.
set -eu -o pipefail
. "$SOURCE/tests/expect.sh"
. "$SOURCE/tests/package/readmes.sh"
export LC_ALL=C.UTF-8

# --- what the program has ---

"$WAVETRAIN" --completion bash >options.txt
"$WAVETRAIN" --help | sed -n 's/^  \([a-z]\{4,\}\( [a-z]\{1,\}\)*\)  *[A-Z].*/\1/p' >all-commands.txt
[ "$(wc -l <all-commands.txt)" -ge 15 ] || fail "commands: $(cat all-commands.txt)"
"$WAVETRAIN" train --help-config | awk '
    /^[a-z]+:/ { section = $1; sub(/:/, ".", section) }
    /^  [a-z]/ { sub(/:.*/, "", $1); print section $1 }' >keys.txt
[ "$(wc -l <keys.txt)" -gt 80 ] || fail "keys: $(cat keys.txt)"

# --- what is checked; each prints the breaches in the tree $1 ---

size_breaches() {
    local size
    size=$(wc -c <"$1/README.md")
    [ "$size" -le 12288 ] || echo "README.md has $size bytes, expected at most 12288"
}

block_breaches() {
    local name where info count=0
    rm -rf blocks && mkdir blocks && split_blocks "$1" blocks
    while read -r name where info; do
        case $info in
        text | 'sh run' | 'sh run short' | 'python run' | 'yaml run') ;;
        'sh elsewhere') count=$((count + 1)) ;;
        'sh cluster') cluster_breaches "$1" "blocks/$name" "$where" ;;
        *) echo "$where: a block tagged '$info' (readmes.sh has the tags)" ;;
        esac
    done <blocks/index
    [ $count -le 10 ] || echo "$count blocks are tagged elsewhere, expected at most 10"
}

# cluster_breaches TREE BLOCK WHERE
cluster_breaches() {
    local file
    bash -n "$2" 2>/dev/null || echo "$3: not a script: $(bash -n "$2" 2>&1 | head -1)"
    while read -r file; do
        [ -e "$1/$file" ] || echo "$3: there is no $file"
    done < <(grep -oE '\b(jobs|configs)/[a-z_/-]+\.(sbatch|sh|yaml|def)' "$2" | sort -u)
}

# prose FILE: its lines outside of fenced blocks, the others empty
prose() {
    awk '/^```/ { code = !code; print ""; next } { print code ? "" : $0 }' "$1"
}

# anchors FILE: those of its headings
anchors() {
    prose "$1" | sed -n 's/^##* //p' | tr '[:upper:]' '[:lower:]' | sed "s/[^[:alnum:] _-]//g; s/ /-/g"
}

link_breaches() {
    local readme line target file
    for readme in $readmes; do
        while IFS=: read -r line target; do
            [[ $target != http* ]] || continue
            file=$readme
            [ -z "${target%%#*}" ] || file=$(dirname "$readme")/${target%%#*}
            if [ ! -e "$1/$file" ]; then
                echo "$readme:$line: a link to $target, which is not there"
            elif [[ $target = *#* ]] && ! anchors "$1/$file" | grep -qxF -- "${target#*#}"; then
                echo "$readme:$line: a link to $target, but no such heading"
            fi
        done < <(prose "$1/$readme" | grep -noE '\]\([^)]*\)' | sed 's/\](//; s/)$//')
    done
}

# spans TREE: FILE:LINE and each code span of the prose
spans() {
    local readme
    for readme in $readmes; do
        prose "$1/$readme" | grep -noE '`[^`]*`' | tr -d '\`' | sed "s|^|$readme:|" || true
    done
}

# Options and keys of the program. What belongs to another program begins with its name.
word_breaches() {
    local readme line span word
    while IFS=: read -r readme line span; do
        if [[ $span =~ ^(--[a-z]|wavetrain|build/wavetrain|(train|evaluate|generate|export|prepare|inspect|bench)' ') ]]; then
            for word in $(grep -oE '(^| )--[a-z-]+' <<<"$span"); do
                grep -qE -- "$word([^a-z-]|\$)" options.txt || echo "$readme:$line: no command has the option $word"
            done
        fi
        if [[ $span =~ ^(model|data|train|optimizer|schedule|ema|validation|checkpoint|guard|exchange|run)\.[a-z_0-9]+ ]]; then
            word=${BASH_REMATCH[0]}
            [[ $span =~ \.(yaml|sbatch|c|h|csv)$ ]] || grep -qxF "$word" keys.txt || echo "$readme:$line: no key is called $word"
        fi
    done < <(spans "$1")
}

# Every configuration is in the table of configs/README.md, every command somewhere in code.
absent_breaches() {
    local file command pattern found
    sed -n 's/^| \(.*yaml`\) |.*/\1/p' "$1/configs/README.md" | grep -oE '`[^`]*`' | tr -d '\`' >patterns.txt || true
    for file in "$1"/configs/*.yaml "$1"/configs/*/*.yaml; do
        [ -e "$file" ] || continue
        found=''
        while read -r pattern; do
            # shellcheck disable=SC2053 # a pattern
            [[ ${file#"$1/configs/"} != $pattern ]] || found=1
        done <patterns.txt
        [ -n "$found" ] || echo "configs/README.md: ${file#"$1/"} is not in the table"
    done
    while read -r command; do
        (cd "$1" && grep -qE "wavetrain $command|\`$command" $readmes) || echo "no README names the command $command"
    done <commands.txt
}

# A figure: a number with a decimal point or commas and four digits that count, or with three and its unit. The same one
# may stand twice within the tables of a file. Lengths of windows and rates of sound are not measurements.
figure_breaches() {
    (cd "$1" && awk '
        BEGIN { split("1,024 2,048 4,096 8,192 22.05 44.1", known, " "); for (i in known) chosen[known[i]] = 1 }
        FNR == 1 { code = 0 }
        /^```/ { code = !code }
        code { next }
        {
            table = /^\|/
            line = $0
            gsub(/`[^`]*`/, " ", line)
            gsub(/\]\([^)]*\)|<http[^>]*>/, " ", line)
            while (match(line, /[0-9][0-9,]*(\.[0-9]+)*/)) {
                figure = substr(line, RSTART, RLENGTH)
                line = substr(line, RSTART + RLENGTH)
                sub(/,+$/, "", figure)
                digits = figure
                points = gsub(/\./, "", digits)
                if (points > 1 || (!points && digits !~ /,/)) continue
                if (!points) sub(/[0,]+$/, "", digits)
                gsub(/,/, "", digits)
                sub(/^0+/, "", digits)
                if (length(digits) < 3 || figure in chosen) continue
                if (length(digits) == 3) {
                    if (!match(line, /^ [A-Za-z%]+/)) continue
                    figure = figure substr(line, 1, RLENGTH)
                }
                if (figure in file && (file[figure] != FILENAME || !(table && tables[figure])))
                    print FILENAME ":" FNR ": " figure " stands in " file[figure] ":" at[figure] " too"
                else if (!(figure in file)) { file[figure] = FILENAME; at[figure] = FNR; tables[figure] = table }
            }
        }' $readmes)
}

breaches() {
    size_breaches "$1" && block_breaches "$1" && link_breaches "$1" && word_breaches "$1" && absent_breaches "$1" &&
        figure_breaches "$1"
}

# --- that it finds what it should ---

tree=$WORK/tree
mkdir -p "$tree"/{data,configs,include,tests/fuzz,jobs,src}
small() {
    local readme
    for readme in $readmes; do echo '# A heading, and more' >"$tree/$readme"; done
}
small
echo 'bench step' >commands.txt
cat >>"$tree/README.md" <<'MD'
See [here](src/README.md#a-heading-and-more) and `--steps N`, `train.batch`, `run.yaml`; 2,000 steps.
```sh cluster
ls
```
| 1.234 |
| 1.234 |
And `bench step`.
MD
breaches "$tree" >found.txt
[ ! -s found.txt ] || fail "found a breach where there is none: $(cat found.txt)"

# expect_breach WORDS TEXT [README]
expect_breach() {
    small
    echo '`bench step`' >>"$tree/src/README.md"
    printf '%b\n' "$2" >>"$tree/${3-README.md}"
    breaches "$tree" >found.txt
    [ "$(wc -l <found.txt)" = 1 ] || fail "expected one breach, '$1', got: $(cat found.txt)"
    said found.txt "$1"
}
expect_breach 'expected at most 12288' "$(head -c 13000 /dev/zero | tr '\0' x)"
expect_breach "README.md:2: a block tagged ''" '```\nls\n```'
expect_breach "src/README.md:3: a block tagged 'sh often'" '```sh often\nls\n```' src/README.md
expect_breach '11 blocks are tagged elsewhere' "$(for i in $(seq 11); do printf '```sh elsewhere\\nls\\n```\\n'; done)"
expect_breach 'not a script' '```sh cluster\nif\n```'
expect_breach 'there is no jobs/none.sbatch' '```sh cluster\nsbatch jobs/none.sbatch\n```'
expect_breach 'a link to none.md, which is not there' 'A [link](none.md).'
expect_breach 'but no such heading' 'A [link](#none).'
expect_breach 'no command has the option --stpes' 'With `train --stpes 3`.'
expect_breach 'no key is called train.stpes' 'With `train.stpes: 3`.'
expect_breach '1.23 nats stands in README.md:2 too' 'It is 1.23 nats, and 1.23 nats again, and 1.23 bits.'
expect_breach '1.234 stands in README.md:2 too' 'It is 1.234, and 1.234 again.'

echo 'bench stpe' >commands.txt
expect_breach 'no README names the command bench stpe' ''
echo 'bench step' >commands.txt
echo '| `a*.yaml`, `sweeps/a.yaml` |' >>"$tree/configs/README.md"
mkdir "$tree/configs/sweeps" && touch "$tree"/configs/{ab.yaml,b.yaml,sweeps/a.yaml}
expect_breach 'configs/b.yaml is not in the table' '| `a*.yaml`, `sweeps/a.yaml` |' configs/README.md

# --- the READMEs ---

mv all-commands.txt commands.txt
breaches "$SOURCE" >found.txt
[ ! -s found.txt ] || fail "$(cat found.txt)"
echo "tagged elsewhere, and not run:"
grep 'sh elsewhere' blocks/index
