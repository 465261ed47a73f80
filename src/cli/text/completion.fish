function _wavetrain
    set -l line (commandline -opc)[2..-1]
    set -l current (commandline -ct)
    set -l at ''
    for word in $line
        string match -q -- '-*' $word; and break
        _wavetrain_rows (string trim -- "$at $word"); or break
        set at (string trim -- "$at $word")
    end
    set -l previous ''
    set -q line[1]; and set previous $line[-1]
    set -l before ''
    if string match -qr -- '^--[^=]*=' $current
        set before (string replace -r -- '=.*' '=' $current)
        set previous (string replace -r -- '=.*' '' $current)
        set current (string replace -r -- '^--[^=]*=' '' $current)
    end
    if test "$previous" = --set; and string match -q -- '*=*' $current
        set -l key (string replace -r -- '=.*' '' $current)
        set before $before$key=
        _wavetrain_rows "KEY $key"; or return
    else if string match -q -- '-*' $previous; and _wavetrain_rows "$at $previous"
        test "$_wavetrain_found" = KEY; and _wavetrain_rows KEY
    else
        _wavetrain_rows $at
        if string match -q -- '--*' $_wavetrain_found[1]; and not string match -q -- '-*' $current
            set -g _wavetrain_found FILE
        end
    end
    for word in $_wavetrain_found
        if test $word = FILE
            __fish_complete_path $current
        else
            echo $before$word
        end
    end
end
complete -c wavetrain -f -a '(_wavetrain)'
