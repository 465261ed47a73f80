_wavetrain() {
    local at='' found='' word previous=${words[CURRENT-1]}
    for word in "${(@)words[2,CURRENT-1]}"; do
        [[ $word != -* ]] && _wavetrain_rows "${at:+$at }$word" || break
        at=${at:+$at }$word
    done
    found=''
    if [[ $PREFIX = --*=* ]]; then
        previous=${PREFIX%%=*}
        compset -P 1 '*='
    fi
    if [[ $previous = --set && $PREFIX = *=* ]]; then
        _wavetrain_rows "KEY ${PREFIX%%=*}"
        compset -P 1 '*='
    elif [[ $previous = -* ]] && _wavetrain_rows "$at $previous"; then
        if [[ $found = KEY ]]; then
            _wavetrain_rows KEY
            compadd -S '' -- ${=found}
            return
        fi
    else
        _wavetrain_rows "$at"
        [[ $found != --* || $PREFIX = -* ]] || found=FILE
    fi
    [[ $found != *FILE ]] || _files
    compadd -- ${=found%FILE}
}
[[ $funcstack[1] != _wavetrain ]] || _wavetrain "$@"
