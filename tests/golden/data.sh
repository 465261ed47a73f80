# The data sets of golden.sh's cases, made of whole numbers alone, so that they are the same on every machine;
# sourced.

# wav COUNT SEED KIND: a WAV file of COUNT samples at 8000 Hz on standard output: a sum of triangles and some
# noise; KIND "driven" is the same sound, louder and cut off.
wav() {
    awk -v count="$1" -v seed="$2" -v kind="$3" '
        function byte(b) { printf "\\%03o", b }
        function little(n, bytes) { while (bytes--) { byte(n % 256); n = int(n / 256) } }
        function triangle(t, period) { t %= period; return t * 2 < period ? 4 * t - period : 3 * period - 4 * t }
        BEGIN {
            printf "RIFF"; little(36 + 2 * count, 4)
            printf "WAVEfmt "; little(16, 4); little(1, 2); little(1, 2); little(8000, 4); little(16000, 4)
            little(2, 2); little(16, 2); printf "data"; little(2 * count, 4)
            start = seed * 5
            for (t = 0; t < count; t++) {
                seed = (seed * 16807) % 2147483647
                x = 300 * triangle(t + start, 16) + 90 * triangle(t, 37) + seed % 1500 - 750
                if (kind == "driven") { x *= 2; if (x > 9000) x = 9000; if (x < -7000) x = -7000 }
                little(x < 0 ? x + 65536 : x, 2)
            }
        }' | { read -r -d '' text || true; printf '%b' "${text//\\/\\0}"; }
}

# sounds FOLDER KIND FIRST STEP: 20 sounds, of FIRST samples, FIRST + STEP …
sounds() {
    local n
    mkdir -p "$1"
    for n in $(seq 0 19); do wav $(($3 + n * $4)) $((n + 1)) "$2" >"$1/$n.wav"; done
}

# table: levels that change at whole moments, seen in two channels with noise, and a value
table() {
    awk 'BEGIN {
        print "a,b,level,value,group"
        seed = 5; level = 0
        for (t = 0; t < 4000; t++) {
            seed = (seed * 16807) % 2147483647
            if (seed % 23 == 0) level = int(seed / 23) % 3
            noise = int(seed / 529) % 200 - 100
            printf "%.8f,%.8f,%d,%.8f,g%d\n", level + noise / 256, noise / 128 - level, level, level + noise % 16 / 64, t / 300
        }
    }'
}

# words COUNT: lines of syllables
words() {
    awk -v count="$1" 'BEGIN {
        syllables = split("a an be ca da de el fi go ha in ka la le lo ma me mi na ni no o ra re ri ro sa se ta te", s, " ")
        seed = 11
        for (w = 0; w < count; w++) {
            line = ""
            seed = (seed * 16807) % 2147483647
            for (k = 1 + int(seed / 7) % 4; k > 0; k--) { seed = (seed * 16807) % 2147483647; line = line s[1 + int(seed / 31) % syllables] }
            print line
        }
    }'
}

# make_data: all data sets, in data/, by the program; what it says of each in data/NAME.txt
make_data() {
    local kept="--validation 0.2 --test 0.2 --group group"
    sounds dry plain 150 37
    sounds wet driven 150 37
    sounds brief plain 3 5
    sounds few plain 300 11
    table >table.csv
    words 300 >lines.txt
    words 400 | paste -sd' ' | fold -w 60 >prose.txt
    mkdir -p data
    prepare sound audio dry --validation 0.2 --test 0.2
    prepare short audio brief --validation 0.3 --test 0.3
    prepare few audio few --validation 0.1 --test 0.1
    prepare pairs audio dry --target wet --validation 0.2 --test 0.2
    prepare levels table table.csv --signal a --label level $kept
    prepare levels-2 table table.csv --signal a --signal b --label level $kept
    prepare values-2 table table.csv --signal a --signal b --label value --values $kept
    prepare lines text --lines lines.txt
    prepare masked text --lines lines.txt --by-example
    prepare prose text prose.txt
}

prepare() {
    local name=$1
    shift
    "$program" prepare "$@" --out "data/$name" >"data/$name.txt" 2>"data/$name.log" ||
        fail "prepare $*: $(cat "data/$name.log")"
}
