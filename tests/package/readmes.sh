# What the tests of READMEs share; sourced. The info string of a fenced block, "LANGUAGE TAG…", says how it is
# tested:
#   text            output, or a formula
#   sh run          a newcomer's commands, in the order of the READMEs; with "short" the test shortens the training
#   python run      the same with h5py; all blocks of a file are one program
#   yaml run        a configuration, or a sweep
#   sh cluster      a script for a cluster, or lines that submit one
#   sh elsewhere    not run: it installs, downloads, or takes files that only a reader has

# The order in which a newcomer reads.
readmes="README.md data/README.md configs/README.md include/README.md tests/README.md jobs/README.md src/README.md
    tests/fuzz/README.md"

# split_blocks TREE OUT: a file OUT/NNN per block of the READMEs in TREE, and OUT/index with lines NNN FILE:LINE
# INFO-STRING
split_blocks() {
    local out
    out=$(realpath "$2")
    : >"$out/index"
    (cd "$1" && awk -v out="$out" '
        /^```/ && !inside { inside = 1; name = sprintf("%03d", ++n); print name, FILENAME ":" FNR, substr($0, 4) >>(out "/index"); printf "" >(out "/" name); next }
        /^```/ { inside = 0; close(out "/" name); next }
        inside { print >(out "/" name) }' $readmes)
}
