#!/bin/bash
# The manual pages that the program prints: no warning of those who check such pages, nothing wider than a
# terminal, and every command, option and key in them, as --help and --help-config have it.
set -eu
. "$SOURCE/tests/expect.sh"

"$WAVETRAIN" --manual wavetrain 2026-01-31 >wavetrain.1
"$WAVETRAIN" --manual config 2026-01-31 >wavetrain-config.5
expect_error 2 "no such page (got other" "$WAVETRAIN" --manual other

checked=0
for page in wavetrain.1 wavetrain-config.5; do
    if command -v mandoc >/dev/null; then
        mandoc -T lint -W style "$page" >lint.txt || fail "mandoc: $(cat lint.txt)"
        mandoc -T utf8 -O width=78 "$page" | sed 's/.\x08//g' >"$page.txt"
        checked=1
    fi
    if command -v groff >/dev/null; then
        groff -ww -man -T utf8 "$page" 2>lint.txt | sed 's/\x1b\[[0-9;]*m//g; s/.\x08//g' >"$page.txt"
        [ ! -s lint.txt ] || fail "groff: $(cat lint.txt)"
        checked=1
    fi
done
if [ $checked = 0 ]; then
    echo "skipped: neither mandoc nor groff to check the manual with"
    exit 77
fi

# Words of the page $1 as they are read, in one line.
words() {
    tr -s ' \n' '  ' <"$1.txt"
}
for page in wavetrain.1 wavetrain-config.5; do
    [ "$(LC_ALL=C.UTF-8 wc -L <"$page.txt")" -le 80 ] ||
        fail "$page.txt is wider than 80 columns"
done

# every command that --help lists, with every option that its own --help has; of most commands, which would
# start MPI to say it, those of the completion
"$WAVETRAIN" --completion bash >completion.bash
options_of() { # COMMAND
    case $1 in
    inspect | plot) "$WAVETRAIN" "$1" --help | sed -n 's/^  \(--[a-z0-9-]*\).*/\1/p' ;;
    *) sed -n "s/^ *'$1\( [a-z-]*\)\?') found='\(--.*\)' ;;/\2/p" completion.bash | tr ' ' '\n' | sort -u ;;
    esac
}
commands=$("$WAVETRAIN" --help | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p')
[ "$(wc -l <<<"$commands")" -ge 13 ] || fail "few commands in --help: $commands"
while read -r command; do
    section=$(awk -v name="wavetrain $command" '/^   ?[^ ]/ { inside = index($0, name) > 0 } inside' wavetrain.1.txt)
    [ -n "$section" ] || fail "no section of $command"
    options=$(options_of "$command")
    [ -n "$options" ] || fail "no options of $command"
    for option in $options; do
        [ "$option" = --help ] || grep -qE -- "^ +(-[a-z], )?$option(=| |$)" <<<"$section" ||
            fail "$command $option is not in the manual"
    done
done <<<"$commands"
words wavetrain.1 | grep -q 'wavetrain prepare simulate ion-channels --out' || fail "one kind of signal is missing"

# every key with its default
count=0
section=
while IFS= read -r line; do
    if [[ $line =~ ^([a-z]+):\ # ]]; then
        section=${BASH_REMATCH[1]}
    elif [[ $line =~ ^\ \ ([a-z0-9_]+):\ ([^#]*[^ #]) ]]; then
        grep -qF -- "$section.${BASH_REMATCH[1]}: ${BASH_REMATCH[2]}" wavetrain-config.5.txt ||
            fail "$section.${BASH_REMATCH[1]} is not in the manual"
        count=$((count + 1))
    fi
done < <("$WAVETRAIN" train --help-config)
[ $count -gt 60 ] || fail "only $count keys in --help-config"
