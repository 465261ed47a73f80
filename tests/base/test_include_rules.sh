#!/bin/bash
# Who may include whom (src/CMakeLists.txt has the same order): mpi.h in src/comm alone, hdf5.h in src/h5
# alone. A header of include/wavetrain includes others of them, and none of src. A header of src is either
# shared, and then FOLDER/NAME.h to everybody, its own folder too, or private, and then NAME.h. Of the shared
# ones, and of those in include/wavetrain, a folder includes what the folders next to it in the list own.
# Prints each breach. First it shows on a small tree that it finds all of them.
set -eu

# folder | its headers in include/wavetrain | the folders that it may include from ("everything above" here)
rules() {
    cat <<'LIST'
base       | base            |
yaml       |                 | base
comm       | comm            | base
h5         |                 | base
kernels    | kernels         | base
data       | data            | base h5
prepare    |                 | base comm h5 data
network    | network         | base kernels
engine     | stream          | base kernels
optim      |                 | base kernels
config     | config          | base yaml kernels data network optim
export     |                 | base config kernels network
checkpoint | checkpoint      | base config comm h5 kernels data network export
metrics    | plot            | base data prepare
train      | train           | everything above
generate   | generate        | base comm config kernels data prepare network engine checkpoint metrics train
predict    | predict         | everything above
bench      |                 | everything above
annotate   |                 | base comm config kernels data prepare network engine checkpoint metrics train generate
amplifier  |                 | everything above
sweep      |                 | everything above
cli        |                 | everything above
example    | wavetrain       | everything above
LIST
}

# Lines FILE:LINE:#include…, from the root of the tree $1.
includes() {
    (cd "$1" && grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include' include src)
}

# The headers of src, FOLDER PATH a line, PATH below the folder; src/data/prepare is the folder prepare.
headers() {
    (cd "$1/src" && find . -name '*.h' | sed -nE 's|^\./data/prepare/|./prepare/|; s|^\./([^/]+)/(.*)$|\1 \2|p')
}

# Prints the breaches in the tree $1; fails if there are any.
breaches() {
    awk '
        function breach(what) { print place ": " what; found = 1 }
        function folder_of(file, parts) {
            split(file, parts, "/")
            if (parts[1] == "src" && parts[2] == "data" && parts[3] == "prepare") return "prepare"
            if (parts[1] == "src" && parts[2] == "data" && parts[3] == "prepare") return "prepare"
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
        input == "headers" {
            header_of[$1, $2] = 1
            name[1] = $2
            sub(/.*\//, "", name[1])
            bare[$1, name[1]] = $2
            next
        }
        {
            split($0, part, ":")
            place = part[1] ":" part[2]
            folder = folder_of(part[1])
            header = $0
            sub(/^[^<"]*[<"]/, "", header)
            sub(/[>"].*$/, "", header)
            path = header
            sub(/^data\/prepare\//, "prepare/", path)
            first = rest = path
            sub(/\/.*/, "", first)
            sub(/^[^\/]*\//, "", rest)
        }
        input == "shared" { if ((first, rest) in header_of && rest !~ /_internal/) shared[first, rest] = 1; next }
        {
            if (!(folder in known)) { breach("a file that no folder of the list owns"); next }
            if (header ~ /^mpi(_.*)?\.h$/ && folder != "comm") breach("only src/comm may include " header)
            if (header ~ /^(hdf5.*|H5.*)\.h$/ && folder != "h5") breach("only src/h5 may include " header)
            if (first == "wavetrain" && rest != path) {
                sub(/\.h$/, "", rest)
                if (!(rest in owner)) breach(header " stands in no folder of the list")
                else if (!((folder, owner[rest]) in may) && !(header == "wavetrain/network.h" && folder == "engine"))
                    breach(folder " may not include " header " (of " owner[rest] ")")
            } else if ((first, rest) in header_of) {
                if (part[1] ~ /^include/ || folder == "example") breach(header " is not for other programs")
                else if (folder == "engine" && header == "network/graph.h")
                    next # the list of operators is all that the engine sees of networks
                else if (header ~ /_internal\.h$/) breach(header " is for its own folder, as " rest)
                else if (!((folder, first) in may)) breach(folder " may not include " header)
            } else if ($0 ~ /include[ \t]*"/) {
                if (!((folder, header) in bare)) breach(header " is no header of its own folder")
                else if ((folder, bare[folder, header]) in shared)
                    breach(header " is " (folder == "prepare" ? "data/" : "") folder "/" bare[folder, header] " to others")
            }
        }
        END { exit found }
    ' input=rules <(rules) input=headers <(headers "$1") input=shared <(includes "$1") input=source <(includes "$1")
}

# --- that it finds what it should ---

tree=$WORK/tree
mkdir -p "$tree/include/wavetrain" "$tree"/src/{base,yaml,config,network,engine,optim,comm,kernels,data/prepare}
touch "$tree"/src/{network/network_internal.h,comm/comm_internal.h,data/data_internal.h,engine/tasks.h,yaml/yaml_node.h,config/sections.h}
touch "$tree"/src/{base/log.h,data/prepare/sound.h,data/windows.h}
echo '#include "yaml/yaml_node.h"' >"$tree/src/config/parse.c"
echo '#include "wavetrain/base.h"' >"$tree/include/wavetrain/network.h"
printf '#include <mpi.h>\n#include "comm_internal.h"\n#include "base/log.h"\n' >"$tree/src/comm/ranks.c"
printf '#include "data/prepare/sound.h"\n#include "data/windows.h"\n#include "wavetrain/comm.h"\n' >"$tree/src/data/prepare/plan.c"
printf '#include "data_internal.h"\n#include "data/windows.h"\n' >"$tree/src/data/windows.c"
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
expect_breach src/data/prepare/a.c '#include "wavetrain/plot.h"' 'prepare may not include wavetrain/plot.h (of metrics)'
expect_breach src/data/prepare/a.c '#include "data_internal.h"' 'data_internal.h is no header of its own folder'
expect_breach src/data/a.c '#include "wavetrain/comm.h"' 'data may not include wavetrain/comm.h (of comm)'
expect_breach src/data/a.c '#include "data/prepare/sound.h"' 'data may not include data/prepare/sound.h'
expect_breach include/wavetrain/kernels.h '#include "wavetrain/network.h"' 'kernels may not include wavetrain/network.h'
expect_breach include/wavetrain/data.h '#include "data/prepare/sound.h"' 'data/prepare/sound.h is not for other programs'
expect_breach src/example/a.c '#include "config/sections.h"' 'config/sections.h is not for other programs'
for folder in base yaml comm kernels data network engine optim; do # what is below the configuration does not see it
    expect_breach src/$folder/a.c '#include "wavetrain/config.h"' "$folder may not include wavetrain/config.h"
    expect_breach src/$folder/a.c '#include "config/sections.h"' "$folder may not include config/sections.h"
done
expect_breach src/network/graph.c '#include "comm_internal.h"' 'comm_internal.h is no header of its own folder'
expect_breach src/network/graph.c '#include "../comm/comm_internal.h"' '../comm/comm_internal.h is no header of its own'
expect_breach src/network/graph.c '#include "wavetrain/other.h"' 'wavetrain/other.h stands in no folder of the list'
expect_breach src/network/wavenet.c '#include "engine/tasks.h"' 'network may not include engine/tasks.h'
expect_breach src/comm/run.c '#include "comm/comm_internal.h"' 'comm/comm_internal.h is for its own folder, as comm_'
expect_breach src/engine/run.c '#include "network/network_internal.h"' 'network/network_internal.h is for its own folder'
expect_breach src/yaml/yaml_scalar.c '#include "yaml_node.h"' 'yaml_node.h is yaml/yaml_node.h to others'
expect_breach src/data/prepare/loader.c '#include "sound.h"' 'sound.h is data/prepare/sound.h to others'
expect_breach src/extra/pass.c '#include "wavetrain/base.h"' 'a file that no folder of the list owns'

# --- the source ---

breaches "$SOURCE"
