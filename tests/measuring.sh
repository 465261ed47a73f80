# Functions for the scripts of this folder that measure by hand what is too long for a test; sourced.

# read_options "NAME…" ARGUMENT…: each --NAME VALUE sets the variable NAME (with _ for -). Anything else prints
# the comment at the script's head, and ends it.
read_options() {
    local names=" $1 " name
    shift
    while [ $# -gt 0 ]; do
        name=${1#--}
        if [[ $1 != --* || $names != *" $name "* || -z ${2-} ]]; then
            sed -n '2,/^[^#]/s/^# //p' "$0" >&2
            exit 2
        fi
        printf -v "${name//-/_}" %s "$2"
        shift 2
    done
    [ -z "${csv-}" ] || csv=$(realpath -m "$csv")
}

# enter_folder: goes to $folder, or to a new one that is removed in the end
enter_folder() {
    if [ -z "$folder" ]; then
        folder=$(mktemp -d)
        trap 'rm -rf "$folder"' EXIT
    fi
    mkdir -p "$folder"
    cd "$folder"
}

# skip REASON SETUP: what is missing, and what installs it
skip() {
    echo "skipped: $1 not on this machine (jobs/setup.sh $2 installs them)"
    exit 77
}

# find_speech: sets `speech`, the folder of the quickstart's recordings
find_speech() {
    speech=$(dpkg -L asterisk-core-sounds-en-wav 2>/dev/null | sed -n 's|/[^/]*\.wav$||p' | sort | head -n 1 || true)
    [ -n "$speech" ] || skip "the recordings are" --recordings
}
