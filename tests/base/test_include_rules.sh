#!/bin/bash
# Who may include whom (src/CMakeLists.txt has the same order): mpi.h in src/comm alone, hdf5.h in src/h5
# alone, from include/wavetrain only headers of the folders that stand in the list next to one's own, the same
# of folders' own headers by FOLDER/NAME, those called *_internal.h only within their folder. Prints each
# breach. First it shows on a small tree that it finds all of them.
set -eu

# folder | its headers in include/wavetrain | the folders that it may include from ("everything above" here)
rules() {
    cat <<'LIST'
base       | error log memory timer random hash file thread real batch utf8 output cores distance |
yaml       |                          | base
config     | config                   | base yaml
comm       | comm places launcher facts | base
h5         | h5                       | base
kernels    | kernels                  | base config
data       | data mel prepare sound splits align vocabulary | base config h5
network    | network parameters       | base config kernels
engine     | engine                   | base kernels
optim      | optim                    | base config kernels
export     | nam                      | base config
checkpoint | checkpoint               | base config comm h5 kernels data network export
metrics    | metrics                  | base config data
generate   | generate filter          | base config kernels data engine
train      | train step agreement     | everything above
predict    | predict calibration      | everything above
sweep      | sweep                    | everything above
cli        |                          | everything above
example    | wavetrain                | everything above
LIST
}

# Lines FILE:LINE:#include…, from the root of the tree $1.
includes() {
    (cd "$1" && grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include' include src)
}

# The private headers of each folder, FOLDER NAME a line.
private_headers() {
    (cd "$1/src" && find . -name '*.h' | sed -nE 's|^\./([^/]+)/(.*/)?([^/]+)$|\1 \3|p')
}

# Prints the breaches in the tree $1; fails if there are any.
breaches() {
    awk '
        function breach(what) { print place ": " what; found = 1 }
        function folder_of(file, parts) {
            split(file, parts, "/")
            if (parts[1] == "src") return parts[2]
            sub(/\.h$/, "", parts[3])
            return parts[3] in owner ? owner[parts[3]] : "unknown"
        }
        input == "rules" {
            split($0, column, "|")
            gsub(/ /, "", column[1])
            if (column[3] ~ /everything above/) for (above in known) may[column[1], above] = 1
            known[column[1]] = may[column[1], column[1]] = 1
            for (i = split(column[2], name, " "); i > 0; i--) owner[name[i]] = column[1]
            for (i = split(column[3], name, " "); i > 0; i--) may[column[1], name[i]] = 1
            next
        }
        input == "private" { private[$1, $2] = 1; next }
        {
            split($0, part, ":")
            place = part[1] ":" part[2]
            folder = folder_of(part[1])
            header = $0
            sub(/^[^<"]*[<"]/, "", header)
            sub(/[>"].*$/, "", header)
            if (!(folder in known)) { breach("a file that no folder of the list owns"); next }
            if (header ~ /^mpi(_.*)?\.h$/ && folder != "comm") breach("only src/comm may include " header)
            if (header ~ /^(hdf5.*|H5.*)\.h$/ && folder != "h5") breach("only src/h5 may include " header)
            if (header ~ /^wavetrain\//) {
                name[1] = header
                sub(/^wavetrain\//, "", name[1])
                sub(/\.h$/, "", name[1])
                if (!(name[1] in owner)) breach(header " stands in no folder of the list")
                else if (!((folder, owner[name[1]]) in may))
                    breach(folder " may not include " header " (of " owner[name[1]] ")")
            } else if (folder == "engine" && header == "network/graph.h") {
                next # the list of operators is all that the engine sees of networks
            } else if (split(header, name, "/") == 2 && (name[1], name[2]) in private && name[1] != folder) {
                if (header ~ /_internal\.h$/) breach(header " is for its own folder")
                else if (!((folder, name[1]) in may)) breach(folder " may not include " header)
            } else if ($0 ~ /include[ \t]*"/ && !((folder, header) in private))
                breach(header " is no header of its own folder")
        }
        END { exit found }
    ' input=rules <(rules) input=private <(private_headers "$1") input=source <(includes "$1")
}

# --- that it finds what it should ---

tree=$WORK/tree
mkdir -p "$tree/include/wavetrain" "$tree"/src/{base,yaml,config,network,engine,comm,data/prepare}
touch "$tree/src/comm/comm_internal.h" "$tree/src/data/data_internal.h" "$tree/src/engine/tasks.h" "$tree/src/yaml/yaml_node.h"
echo '#include "yaml/yaml_node.h"' >"$tree/src/config/parse.c"
echo '#include "wavetrain/error.h"' >"$tree/include/wavetrain/network.h"
printf '#include <mpi.h>\n#include "comm_internal.h"\n#include "wavetrain/log.h"\n' >"$tree/src/comm/ranks.c"
printf '#include "data_internal.h"\n#include "wavetrain/h5.h"\n' >"$tree/src/data/prepare/plan.c"
breaches "$tree" || { echo "found a breach where there is none"; exit 1; }

expect_breach() { # FILE LINE WORDS
    mkdir -p "$(dirname "$tree/$1")"
    echo "$2" >"$tree/$1"
    if breaches "$tree" >"$WORK/found" || [ "$(wc -l <"$WORK/found")" != 1 ] ||
        ! grep -qF "$1:1: $3" "$WORK/found"; then
        echo "$1 with $2: expected \"$3\", got:"
        cat "$WORK/found"
        exit 1
    fi
    rm "$tree/$1"
}
expect_breach src/network/graph.c '#include <mpi.h>' 'only src/comm may include mpi.h'
expect_breach src/network/graph.c '#  include <hdf5.h>' 'only src/h5 may include hdf5.h'
expect_breach src/network/graph.c '#include "wavetrain/comm.h"' 'network may not include wavetrain/comm.h (of comm)'
expect_breach src/data/prepare/a.c '#include "wavetrain/metrics.h"' 'data may not include wavetrain/metrics.h'
expect_breach include/wavetrain/optim.h '#include "wavetrain/network.h"' 'optim may not include wavetrain/network.h'
expect_breach src/base/file.c '#include "wavetrain/config.h"' 'base may not include wavetrain/config.h'
expect_breach src/network/graph.c '#include "comm_internal.h"' 'comm_internal.h is no header of its own folder'
expect_breach src/network/graph.c '#include "../comm/comm_internal.h"' '../comm/comm_internal.h is no header of its own'
expect_breach src/network/graph.c '#include "wavetrain/other.h"' 'wavetrain/other.h stands in no folder of the list'
expect_breach src/network/wavenet.c '#include "engine/tasks.h"' 'network may not include engine/tasks.h'
expect_breach src/engine/run.c '#include "comm/comm_internal.h"' 'comm/comm_internal.h is for its own folder'
expect_breach src/extra/pass.c '#include "wavetrain/error.h"' 'a file that no folder of the list owns'

# --- the source ---

breaches "$SOURCE"
