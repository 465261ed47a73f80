#!/bin/bash
# Completion in bash, and in zsh and fish where they are installed: what each offers for a line that ends at
# the cursor.
set -eu
. "$SOURCE/tests/expect.sh"

expect_error 2 "no such shell (got csh" "$WAVETRAIN" --completion csh
for shell in bash zsh fish; do "$WAVETRAIN" --completion $shell >completion.$shell; done
touch words.yaml

# LINE | what is offered, in the order of the alphabet; * for a name of a file. Each word of the line is a
# word of the command line, also "=", as bash has it; zsh and fish get them put together.
cat >lines.txt <<'LINES'
pre | predict prepare
prepare t | table text
prepare simulate | simulate
prepare simulate s | sine
prepare simulate sine --fr | --frequency
prepare simulate ion-channels --op | --opening
train --res | --resume
train words.yaml --r | --resume --run
train --resume n | never
train --resume = n | never
train --run wor | *
train wor | *
train --set optimizer.k | optimizer.kind=
train --set optimizer.kind = s | sgd
train --set train.precision = b | bf16
evaluate --checkpoint b | best
bench exchange --progress t | test thread
bench s | scaling step
train --nothing |
LINES

# --- bash ---

bash -n completion.bash
# shellcheck disable=SC2016,SC1091
offered_by_bash() {
    bash -c 'set -u; . ./completion.bash; COMP_WORDS=(wavetrain "$@") COMP_CWORD=$#; _wavetrain
        printf "%s\n" ${COMPREPLY[@]+"${COMPREPLY[@]}"}' bash "$@"
}
while IFS='|' read -r line expected; do
    read -r -a words <<<"$line"
    got=$(offered_by_bash "${words[@]}" | sort | xargs)
    expected=$(xargs <<<"${expected/\*/}") # readline completes files, once nothing is offered
    [ "$got" = "$expected" ] || fail "bash: $line: got '$got', expected '$expected'"
done <lines.txt
[ "$(offered_by_bash '' | xargs)" = "$("$WAVETRAIN" --help | sed -n 's/^  \([a-z]\+\) .*/\1/p' | uniq | xargs) --help --version" ] ||
    fail "bash: not all commands: $(offered_by_bash '' | xargs)"
offered_by_bash train --set '' | grep -c '^[a-z]*\.[a-z0-9_]*=$' >count.txt
[ "$(cat count.txt)" -gt 60 ] || fail "bash: few keys after --set: $(cat count.txt)"
. ./completion.bash
complete -p wavetrain | grep -q -- '-o default' || fail "bash does not complete file names"

# --- fish ---

if command -v fish >/dev/null; then
    export HOME=$WORK XDG_CONFIG_HOME=$WORK/config XDG_DATA_HOME=$WORK/data
    while IFS='|' read -r line expected; do
        line=$(sed 's/ = /=/; s/ $//' <<<"$line")
        prefix=${line##* }
        [[ $prefix == *=* ]] && prefix=${prefix%=*}= || prefix=''
        # shellcheck disable=SC2016
        got=$(fish -c 'source completion.fish; complete -C "wavetrain $argv"' "$line" | cut -f 1 | sort | xargs)
        expected=$(for word in ${expected/\*/words.yaml}; do echo "$prefix$word"; done | xargs)
        [ "$got" = "$expected" ] || fail "fish: $line: got '$got', expected '$expected'"
    done <lines.txt
else
    echo "skipped: no fish: its completion is not tested"
fi

# --- zsh: a terminal is typed into, so only lines with one answer ---

if ! command -v zsh >/dev/null; then
    echo "skipped: no zsh: its completion is not tested"
elif ! zsh -fc 'zmodload zsh/zpty && zpty probe true' 2>/dev/null; then
    echo "skipped: no pseudo-terminal can be had: completion in zsh is not tested"
else
    mkdir functions
    cp completion.zsh functions/_wavetrain
    cat >typed.zsh <<'ZSH'
zmodload zsh/zpty
# reads until it has seen $1
until_seen() {
    local all= chunk
    for ((i = 0; i < 300; i++)); do
        while zpty -r -t z chunk; do all+=$chunk; done
        [[ $all != *$~1* ]] || { print -r -- "$all"; return 0 }
        sleep 0.1
    done
    print -r -- "not seen: $1 in: ${(V)all}"
    return 1
}
zpty z zsh -f
zpty -w z "stty -echo; PS1=; fpath=($PWD/functions \$fpath); autoload -Uz compinit; compinit -u -d $PWD/dump; echo begi\"\"n"
until_seen begin >/dev/null || exit 1
while IFS='|' read -r line expected; do
    zpty -w -n z "wavetrain $line"$'\t'
    until_seen "$expected" || exit 1
    zpty -w -n z $'\x15'
done <one.txt
ZSH
    # shellcheck disable=SC2016
    sed 's/ = /=/; s/ *| */|/' lines.txt | awk -F'|' 'NF == 2 && $2 != "" && $2 !~ /[ *]/' >one.txt
    [ "$(wc -l <one.txt)" -gt 8 ] || fail "few lines for zsh"
    TERM=dumb timeout 100 zsh -f typed.zsh >zsh.txt 2>&1 || fail "zsh: $(tail -n 3 zsh.txt)"
fi
