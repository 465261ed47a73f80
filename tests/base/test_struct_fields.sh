#!/bin/bash
# No struct of src and include has more than 25 fields: one that has is several things, and is split by who reads
# what. Fields of an anonymous struct within another one count with the outer one's. Prints FILE NAME FIELDS of
# each breach. First it shows on a small file that it counts right.
set -eu
most=25

# Prints FILE NAME FIELDS of the structs and unions that the C files of the tree $1 define.
fields() {
    (cd "$1" && find include src -name '*.[ch]' | sort | xargs awk '
        function end_of_file(    i, n, c, code, statement, level, parens) {
            code = text
            gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ", code)
            gsub(/\/\/[^\n]*/, " ", code)
            gsub(/"([^"\\\n]|\\.)*"/, "0", code)
            gsub(/\047([^\047\\\n]|\\.)\047/, "0", code)
            gsub(/#[^\n]*/, " ", code)
            n = split(code, letter, "")
            level = parens = 0
            is_struct[0] = 0
            statement = ""
            for (i = 1; i <= n; i++) {
                c = letter[i]
                if (c == "(" || c == "[") parens++
                if (c == ")" || c == "]") parens--
                if (c == "{") {
                    level++
                    is_struct[level] = statement ~ /(^|[^A-Za-z_0-9])(struct|union)[ \t\n]*[A-Za-z_0-9]*[ \t\n]*$/
                    tag[level] = statement
                    sub(/[ \t\n]*$/, "", tag[level])
                    sub(/.*[ \t\n]/, "", tag[level])
                    count[level] = commas[level] = 0
                    statement = ""
                } else if (c == "}") {
                    if (is_struct[level] && level > 1 && is_struct[level - 1]) {
                        count[level - 1] += count[level]
                        statement = ""
                        inner = 1
                    } else if (is_struct[level]) {
                        name = substr(code, i + 1, 80)
                        name = match(name, /^[ \t\n]*[A-Za-z_0-9]+/) ? substr(name, RSTART, RLENGTH) : tag[level]
                        gsub(/[ \t\n]/, "", name)
                        print file, name, count[level]
                        statement = ""
                    } else statement = ""
                    level--
                } else if (c == ";" && parens == 0) {
                    if (is_struct[level] && !inner && statement ~ /[^ \t\n]/) count[level] += 1 + commas[level]
                    commas[level] = inner = 0
                    statement = ""
                } else {
                    if (c == "," && parens == 0) commas[level]++
                    statement = statement c
                }
            }
        }
        FNR == 1 && file != "" { end_of_file() }
        FNR == 1 { file = FILENAME; text = "" }
        { text = text $0 "\n" }
        END { end_of_file() }')
}

# --- that it counts right ---

tree=$WORK/tree
mkdir -p "$tree"/{include,src}
cat >"$tree/src/some.h" <<'C'
/* struct { int x; }; */
typedef struct {
    int a, b[2], (*c)(int x, int y); /* d; */
    const char *e; // f;
    struct {
        int g, h;
    } inner[3];
    union {
        int i;
    };
} seven;
struct tagged {
    struct tagged *next;
};
static const seven list[] = {{1, {2, 3}}, {.e = "};"}};
static int sum(int a, int b) {
    int c, d;
    return a + b;
}
C
sed -n '/^struct tagged/,/^};/p' "$tree/src/some.h" >"$tree/include/other.h"
fields "$tree" >"$WORK/found"
printf 'include/other.h tagged 1\nsrc/some.h seven 7\nsrc/some.h tagged 1\n' | diff - "$WORK/found" ||
    { echo "counted wrong"; exit 1; }

# --- the source ---

fields "$SOURCE" >"$WORK/all"
[ "$(wc -l <"$WORK/all")" -gt 300 ] || { echo "found only $(wc -l <"$WORK/all") structs"; exit 1; }
awk -v most=$most '$3 > most { print $1 ": " $2 " has " $3 " fields (expected at most " most ")"; bad = 1 } END { exit bad }' "$WORK/all"
