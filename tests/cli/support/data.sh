# Small data sets for the tests of the command, made on the spot.
# shellcheck shell=sh

# make_blobs FILE ROWS: a table of three classes around three points, with a header.
make_blobs() {
    awk -v rows="$2" 'BEGIN {
        split("red oak elm", kind, " ")
        print "width,height,kind"
        s = 7
        for (i = 0; i < rows; i++) {
            k = i % 3
            s = (s * 16807) % 2147483647; a = s / 2147483647 - .5
            s = (s * 16807) % 2147483647; b = s / 2147483647 - .5
            printf "%.4f,%.4f,%s\n", (k == 1) * 3 + a, (k == 2) * 3 + b, kind[k + 1]
        }
    }' >"$1"
}

# bytes NUMBER…: these bytes.
bytes() {
    for byte; do printf '%b' "$(printf '\\0%03o' "$byte")"; done
}

# make_idx FOLDER ROWS: pictures of 4x4 in two classes, bright above or below, named as MNIST's.
make_idx() {
    mkdir -p "$1"
    for part in train t10k; do
        {
            bytes 0 0 8 3 0 0 0 "$2" 0 0 0 4 0 0 0 4
            i=0
            while [ "$i" -lt "$2" ]; do
                low=$((i * 7 % 50))
                high=$((200 + i % 50))
                if [ $((i % 2)) -eq 0 ]; then
                    row="$high $high $high $high $high $high $high $high $low $low $low $low $low $low $low $low"
                else
                    row="$low $low $low $low $low $low $low $low $high $high $high $high $high $high $high $high"
                fi
                # shellcheck disable=SC2086
                bytes $row
                i=$((i + 1))
            done
        } >"$1/$part-images-idx3-ubyte"
        {
            bytes 0 0 8 1 0 0 0 "$2"
            i=0
            while [ "$i" -lt "$2" ]; do
                bytes $((i % 2))
                i=$((i + 1))
            done
        } >"$1/$part-labels-idx1-ubyte"
    done
}

# json: the output is JSON; json_lines: each of its lines is. Passes where python3 is missing.
json() {
    command -v python3 >/dev/null || return 0
    python3 -m json.tool <"$WORK/out" >/dev/null 2>&1 || fault "the output is not JSON"
}
json_lines() {
    command -v python3 >/dev/null || return 0
    python3 -c 'import json, sys
for line in sys.stdin: json.loads(line)' <"$WORK/out" 2>/dev/null || fault "a line is not JSON"
}
# json_value EXPRESSION: prints what the Python expression of `j`, the output, gives; of the last
# line if there are several. Sets nothing where python3 is missing: the caller checks for "".
json_value() {
    command -v python3 >/dev/null || return 0
    python3 -c 'import json, sys
text = sys.stdin.read()
try: j = json.loads(text)
except ValueError: j = json.loads(text.splitlines()[-1])
print('"$1"')' <"$WORK/out"
}
