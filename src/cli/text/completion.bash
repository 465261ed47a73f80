_wavetrain() {
    local current=${COMP_WORDS[COMP_CWORD]} line=() at='' found='' word i n
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} = '=' ]] || line+=("${COMP_WORDS[i]}")
    done
    [[ $current != '=' ]] || current=''
    for word in "${line[@]}"; do
        [[ $word != -* ]] && _wavetrain_rows "${at:+$at }$word" || break
        at=${at:+$at }$word
    done
    n=${#line[@]} found=''
    if ((n > 1)) && [[ ${line[n - 2]} = --set ]] && [[ ${COMP_WORDS[COMP_CWORD]} = '=' ||
        ${COMP_WORDS[COMP_CWORD - 1]} = '=' ]]; then
        _wavetrain_rows "KEY ${line[n - 1]}"
    elif ((n > 0)) && [[ ${line[n - 1]} = -* ]] && _wavetrain_rows "$at ${line[n - 1]}"; then
        [[ $found != KEY ]] || { _wavetrain_rows KEY; compopt -o nospace 2>/dev/null; }
    else
        _wavetrain_rows "$at"
        [[ $found != --* || $current = -* ]] || found=FILE
    fi
    # without a word to offer, readline completes the names of files
    [[ $found = *FILE ]] || compopt +o default +o bashdefault 2>/dev/null
    COMPREPLY=($(compgen -W "${found%FILE}" -- "$current"))
}
complete -o bashdefault -o default -F _wavetrain wavetrain
