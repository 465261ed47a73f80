#!/bin/bash
# How things are called, and said. A function of one file has a bare name; one that other files see is wt_MODULE_…, where
# MODULE is a word of the list below or the first word of its file's name. No function's name stands in two files, and none
# is a type's too. No word of the glossary that the field does not use stands in a help text, a message or a README. C,
# headers and READMEs end at 110 columns. First it shows on a small tree that it finds each breach.
set -eu

# FOLDER: the first words of what the folder exports
modules() {
    cat <<'LIST'
base: units error log memory alloc free file path folder stream utf8 hash random thread time cores output
config: config key value array arrays reading
comm: comm exchange buckets halving facts hang launch microbatch places
h5: h5
kernels: kernels bf16 avx512bf16 openblas reference
data: dataset shard split windows batch loader order vocabulary markov class label quantize dequantize normalization value
data: audio sound ogg wav recording recordings table columns csv text characters ion ecg sine simulated moments prepare prepared partial trim labelling annotations class
network: network model array graph build wavenet hierarchy parameter
engine: engine stream share gather tasks unary loss layout product
optim: optimizer schedule plateau gradient
checkpoint: checkpoint checkpoints run pruner state
metrics: metrics plot chart legend picture series progress
generate: continuation sequence choose pieces generator prime series texts
train: train trainer run step phase timer evaluator evaluated checkpoint guard judge label restore restored replicas stop stragglers time agree predictions probabilities
predict: scaling plan forecast calibration rates work cpu node
bench: bench kernel measure stepper
yaml: yaml
annotate: annotate annotation event
amplifier: amplifier effect nam capture
sweep: sweep
cli: command commands bench plan prepare manual completion
LIST
}

# KIND PATTERN: what a text must not say; "per" is about rates such as "bits a sample"
words() {
    cat <<'LIST'
lanes?
one answer
told|heard|hears?|heed[a-z]*
nothing hides|guests of
is no number
sets? out|pokes?|flights?
trunks?
beside
room
derive[sd]?
tables? of kernels
(bits|nats|ms|[GM]iB|bytes|seconds?|targets|threads|windows|rows|samples|ranks) an? (sample|character|rank|step|second|node|thread|window|bucket|core|epoch|target|microbatch|channel|class|line|block|file|row)
LIST
}

# Prints FILE:LINE KIND SCOPE NAME of the functions and types that the C files of the tree $1 define. The code is formatted,
# so a definition begins in the first column and its opening brace ends a line.
definitions() {
    (cd "$1" && find src include tests -name '*.[ch]' 2>/dev/null | sort | xargs awk '
        function type(name) { print FILENAME ":" FNR, "type", "-", name }
        FNR == 1 { held = "" }
        /\\$/ { macro = 1; next }
        macro { macro = 0; next }
        /^} [a-z_0-9]+;/ { name = $2; sub(/;.*/, "", name); type(name); next }
        /^typedef [^{]*;/ && !/\(/ { name = $NF; sub(/;.*/, "", name); type(name); next }
        /^(struct|enum|union) [a-z_0-9]+ \{/ { type($2); next }
        held == "" && /^[a-zA-Z_].*\(/ && !/^(typedef|extern|enum|struct [a-z_0-9]+ \{|return|else|#|TEST)/ {
            held = $0
            at = FNR
        }
        held != "" && FNR != at { held = held " " $0 }
        held != "" && /\{$/ {
            name = held
            gsub(/__attribute__\(\([^)]*(\([^)]*\))?[^)]*\)\)/, "", name)
            sub(/\(.*/, "", name)
            scope = name ~ /(^| )(static|INLINE)( |$)/ ? "static" : "exported"
            sub(/.*[ *]/, "", name)
            if (name ~ /^[a-z_0-9]+$/ && held !~ /= *\{$/) print FILENAME ":" at, "function", scope, name
            held = ""
        }
        held != "" && /;|\}/ { held = "" }')
}

# Prints the breaches of names in the tree $1.
wrong_names() {
    awk '
        function breach(what) { print place ": " what }
        input == "modules" {
            sub(/:$/, "", $1)
            for (i = 2; i <= NF; i++) module[$1, $i] = 1
            next
        }
        {
            place = $1
            file = $1
            sub(/:.*/, "", file)
            split(file, part, "/")
            name = $4
        }
        $2 == "type" { types[name] = place; next }
        name == "dlclose" || name == "aligned_alloc" { next } # in place of what the C library has
        file ~ /_absent\.c$/ { next } # in place of another file, where a library is missing
        file ~ /kernels\/vector_(avx[0-9]+|neon|plain)\.h$/ { next } # the same primitives for each vector unit
        name == "main" || name ~ /^fuzz_(one|seeds|memory)$/ { next } # what a program has by rule
        {
            if ($3 == "static" && name ~ /^wt_/ && file ~ /\.c$/) breach(name " is of its own file (expected no wt_)")
            if (part[1] != "tests" && part[2] != "example" && ($3 == "exported" || file ~ /\.h$/ && name ~ /^wt_/)) {
                split(name, word, "_")
                stem = file
                sub(/.*\//, "", stem)
                sub(/[_.].*/, "", stem)
                folder = part[1] == "include" ? "" : part[2]
                known = word[2] == stem || (folder, word[2]) in module
                for (m in module) if (folder == "" && m ~ SUBSEP word[2] "$") known = 1
                if (name !~ /^wt_/ || !known) breach(name " does not begin with a module of " part[1] "/" part[2])
            }
            if (name in first && first[name] != file) breach(name " is defined in " first[name] " too")
            else first[name] = file
            where[name] = place
        }
        END { for (name in where) if (name in types) { place = where[name]; breach(name " is a type too") } }
    ' input=modules <(modules) input=definitions <(definitions "$1")
}

# Prints the breaches of words in strings of the C files in src (those with a blank: texts for people), and in READMEs
# but for code.
wrong_words() {
    local pattern
    pattern="(^|[^A-Za-z0-9_.])($(words | paste -sd'|'))([^A-Za-z0-9_:]|\$)"
    (cd "$1" && find src -name '*.c' | sort | xargs awk -v pattern="$pattern" '
        FNR == 1 { comment = 0 }
        {
            line = $0
            if (comment) { if (!sub(/^.*\*\//, "", line)) next; comment = 0 }
            gsub(/\/\*([^*]|\*[^\/])*\*\//, "", line)
            if (sub(/\/\*.*/, "", line)) comment = 1
            if (line ~ /^#/) next
            while (match(line, /"([^"\\]|\\.)*"/)) {
                text = substr(line, RSTART + 1, RLENGTH - 2)
                line = substr(line, RSTART + RLENGTH)
                if (text ~ / / && match(tolower(text), pattern)) print FILENAME ":" FNR ": \"" text "\" has a word of the house"
            }
        }'
    find . -name README.md -not -path './build*' | sort | xargs awk -v pattern="$pattern" '
        FNR == 1 { code = 0 }
        /^ *```/ { code = !code }
        code { next }
        { line = $0; gsub(/`[^`]*`/, "", line); if (match(tolower(line), pattern)) print FILENAME ":" FNR ": \"" substr(line, RSTART, RLENGTH) "\" is a word of the house" }')
}

# Prints the lines of more than 110 columns; in READMEs not those of tables and code.
long_lines() {
    (cd "$1" && find src include tests -name '*.[ch]' | sort | xargs grep -nE '^.{111,}' | cut -c1-100
    find . -name '*.md' -not -path './build*' | sort | xargs awk '
        FNR == 1 { code = 0 }
        /^ *```/ { code = !code }
        !code && !/^\|/ { print FILENAME ":" FNR ":" $0 }' | grep -E '^[^:]*:[0-9]*:.{111,}' | cut -c1-100) | sed 's/$/… is longer than 110 columns/'
}

breaches() {
    local found
    found=$(wrong_names "$1"; wrong_words "$1"; long_lines "$1")
    [ -z "$found" ] && return
    echo "$found"
    return 1
}

# --- that it finds what it should ---

export LC_ALL=C.UTF-8
tree=$WORK/tree
mkdir -p "$tree"/src/{data,engine} "$tree"/{include/wavetrain,tests}
cat >"$tree/src/data/shard.c" <<'C'
typedef struct {
    int count;
} wt_shard;

/* A room beside it, which no reader of messages sees. */
static int count_rows(const wt_shard *shard) {
    return shard->count;
}

wt_status wt_shard_open(wt_shard *shard, const char *path,
                        int count) {
    return wt_error("%s: is above the most", count_rows(shard));
}
C
printf 'int wt_shard_open(wt_shard *shard, int count);\nstatic const int sizes[] = {\n    1};\n' >"$tree/include/wavetrain/shard.h"
printf 'A row `beside`.\n```\nroom\n```\n' >"$tree/README.md"
breaches "$tree" || { echo "found a breach where there is none"; exit 1; }

expect_breach() { # FILE TEXT WORDS
    printf '%b' "$2" >"$tree/$1"
    if breaches "$tree" >"$WORK/found" || [ "$(wc -l <"$WORK/found")" != 1 ] || ! grep -qF -- "$3" "$WORK/found"; then
        echo "$2: expected \"$3\", got:"
        cat "$WORK/found"
        exit 1
    fi
    rm "$tree/$1"
}
other=src/engine/other.c
expect_breach $other 'static void wt_fill(void) {\n}\n' "$other:1: wt_fill is of its own file (expected no wt_)"
expect_breach $other 'int\n    x;\nvoid fill(void) {\n}\n' "$other:3: fill does not begin with a module of src/engine"
expect_breach $other 'void wt_shard_fill(void) {\n}\n' 'wt_shard_fill does not begin with a module of src/engine'
expect_breach src/engine/own.h 'static inline int wt_row(void) {\n}\n' 'wt_row does not begin with a module of src/engine'
expect_breach $other 'static int count_rows(int a,\n    int b) {\n}\n' "$other:1: count_rows is defined in src/data/shard.c too"
expect_breach $other 'static int rows(void) {\n}\nstruct rows {\n};\n' 'rows is a type too'
expect_breach $other 'static const char text[] = "3 ms a step";\n' "$other:1: \"3 ms a step\" has a word of the house"
expect_breach $other '/* a\n * room */ static const char text[] = "No room left";\n' "$other:2: \"No room left\""
expect_breach src/README.md 'One\n`two` beside\n' 'src/README.md:2: " beside" is a word of the house'
expect_breach src/README.md "$(printf 'x %.0s' {1..60})" 'is longer than 110 columns'
expect_breach $other "/* $(printf '… %.0s' {1..60})*/" 'is longer than 110 columns'

# --- the source ---

breaches "$SOURCE"
