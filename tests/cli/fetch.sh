#!/bin/sh
# gradus data fetch against a server on this machine that cuts, lies, redirects and stalls.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
command -v python3 >/dev/null || { echo "skipped: python3 is missing"; exit 77; }
XDG_CACHE_HOME=$WORK/cache
export XDG_CACHE_HOME

# What needs no libcurl.
run data fetch iris wine --list
exits 0
out "6f608b71a7317216319b4d27b4d9bc84e6abd734eda7872b71a458569e2656c0  uci/iris.data  https://"
out "uci/wine.data"
grep -v 'https://' out && fault "an address is not https"
run data fetch
refused "fetch what?"
run data fetch cifar11
refused "no data set is called 'cifar11'; did you mean 'cifar10'?"
run data fetch moons
refused "moons: there is nothing to fetch"
run data fetch iris moons
refused "moons: there is nothing to fetch"
if ! "$GRADUS" --version | grep -q ' curl'; then
    run data fetch iris
    exits 3
    err "made without libcurl (Debian package libcurl4-openssl-dev)"
    done_testing
fi
for url in http://example.com/x ftp://example.com/x file:///etc/passwd HTTPS://example.com/x \
    http://127.0.0.1.example.com/x http://127.0.0.1@example.com/x http://[::2]/x \
    http://localhost.example.com/x https://user@example.com/x https:///x; do
    run data fetch "$url" --sha256 00
    refused "only https addresses are fetched"
    run data fetch iris --from "$url"
    refused "an https address is wanted"
done
run data fetch https://localhost/x
refused "--sha256 must say what comes"
run data fetch https://localhost/x --sha256 00
refused "64 hexadecimal digits"
run data fetch https://localhost/x iris
refused "one address at a time"
run data fetch iris --sha256 00
refused "that of iris is known"
some=$(printf %064d 0)
for url in https://localhost https://localhost/ https://localhost/.. https://localhost/a?/b; do
    run data fetch "$url" --sha256 "$some" --tries 1 --patience 1 --to nowhere
    [ "$url" != "https://localhost/a?/b" ] && refused "ends in no name of a file"
    [ "$STATUS" -ne 0 ] || fault "something came"
done

# ---- The server ----------------------------------------------------------------------------------

# serve NAME ARGUMENTS…: starts one on the folder "site"; sets PORT. It goes with this shell's
# descriptor of the pipe that it reads.
serve() {
    name=$1
    shift
    mkfifo "$name.in"
    python3 "$GRADUS_SOURCE/tests/cli/support/server.py" site "$name.log" "$@" \
        <"$name.in" >"$name.port" 2>"$name.err" &
}
# served NAME: sets PORT when it is there.
served() {
    i=0
    while [ ! -s "$1.port" ] && [ $i -lt 300 ]; do
        sleep .1
        i=$((i + 1))
    done
    PORT=$(cat "$1.port")
    [ -n "$PORT" ] || { cat "$1.err"; echo "skipped: no server"; exit 77; }
}

mkdir site
python3 - <<'END'
import random
random.seed(7)
for size in (0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000, 300000):
    with open(f"site/{size}", "wb") as file:
        file.write(random.randbytes(size))
END
serve plain
exec 7>plain.in
served plain
BASE=http://127.0.0.1:$PORT
BIG=$(sha256sum <site/300000 | cut -c 1-64)

# fetch WAY [OPTIONS…]: the file of 300,000 bytes by that way, once.
fetch() {
    way=$1
    shift
    : >plain.log
    run data fetch "$BASE/$way/300000" --sha256 "$BIG" --to to --tries 1 --patience 1 "$@"
}
# came: it is there, and nothing beside it.
came() {
    exits 0
    silent
    cmp -s site/300000 to/300000 || fault "the file is another"
    [ "$(ls to)" = 300000 ] || fault "there are $(ls to)"
    rm -r to
}
# failed TEXT: with status 3 and this message, and nothing is kept.
failed() {
    exits 3
    err "$1"
    [ ! -s out ] || fault "something is printed"
    [ -z "$(ls to 2>/dev/null)" ] || fault "kept: $(ls to)"
    rm -rf to
}
# kept BYTES TEXT: the same, and so many right bytes wait in the part.
kept() {
    exits 3
    err "$2"
    err "its first $1 bytes are kept in to/300000.part"
    [ "$(ls to)" = 300000.part ] || fault "there are $(ls to)"
    head -c "$1" site/300000 | cmp -s - to/300000.part || fault "the part is another"
}

# ---- What comes is what was meant ----------------------------------------------------------------

# Sizes around the blocks of SHA-256.
for size in 0 1 55 56 57 63 64 65 119 120 128 1000; do
    run data fetch "$BASE/good/$size" --sha256 "$(sha256sum <"site/$size" | cut -c 1-64)" --to to
    exits 0
    cmp -s "site/$size" "to/$size" || fault "$size bytes are others"
done
rm -r to
fetch good
out "to/300000  293 KiB"
came
fetch good --quiet
out_is ""
came
fetch good --json
json
[ "$(json_value 'j["files"][0]["bytes"], j["files"][0]["kept"]')" = "300000 0" ] ||
    fault "JSON says otherwise"
came
# Capital letters in the sum.
fetch good --sha256 "$(echo "$BIG" | tr a-f A-F)"
came
# It is there: nothing is asked.
fetch good
fetch good
out "there already"
[ ! -s plain.log ] || fault "it was asked for again"
# Another file is in its place.
echo other >to/300000
fetch good
err "to/300000: is not the file that was published: fetched again"
cmp -s site/300000 to/300000 || fault "the file is another"
rm -r to

# ---- Cut and gone on with ------------------------------------------------------------------------

fetch cut/100000
kept 100000 "the connection ended after 100000 bytes"
fetch good
grep -q 'bytes=100000-' plain.log || fault "it is not gone on with"
came
fetch cutonce/100000 --tries 2
grep -q 'bytes=100000-' plain.log || fault "it is not gone on with"
came
# A server without ranges sends all of it again; one that refuses any is asked for all.
fetch cut/100000
fetch norange
came
fetch cut/100000
fetch norange416 --tries 2
came
fetch cut/100000
fetch badrange
kept 100000 "the server sends the bytes from 99999 on in place of those from 100000 on"
rm -r to
# A part of something else, longer or shorter.
mkdir to
head -c 1000 /dev/zero >to/300000.part
fetch good
came
mkdir to
head -c 400000 /dev/zero >to/300000.part
fetch good --max-bytes 300000
came
# It stalls.
fetch stall/5000
kept 5000 "nothing came for 1 seconds"
fetch good
came

# ---- Lies ----------------------------------------------------------------------------------------

fetch wrong
failed "what came is not the file that was published: its SHA-256 is "
# The right start and a wrong end: all of it is fetched again, and refused again.
fetch cut/100000
fetch wrong
failed "what came is not the file that was published: its SHA-256 is "
[ "$(wc -l <plain.log)" -eq 2 ] || fault "it was asked $(wc -l <plain.log) times"
fetch longer
failed "what came is not the file"
fetch shorter
failed "what came is not the file"
fetch good --max-bytes 299999
failed "the file there has 300000 bytes, more than the 299999 of --max-bytes"
fetch longer --max-bytes 299999
failed "the server sends more than the 299999 bytes of --max-bytes"
fetch status/404
failed "$BASE/status/404/300000: the server answers 404"
fetch status/500
failed "the server answers 500"
fetch statusonce/503 --tries 2
came

# ---- Redirections --------------------------------------------------------------------------------

fetch hop/5
came
fetch hop/6
failed "it redirects more than 5 times"
fetch hop/-1
failed "it redirects more than 5 times"
for url in http%3A//example.com/x file%3A///etc/passwd http%3A//127.0.0.1.example.com/x; do
    fetch "to/$url"
    failed "which is no https address"
done

# ---- Where it cannot -----------------------------------------------------------------------------

echo file >to
fetch good
exits 3
err "to/300000.part: cannot be written: Not a directory"
rm to
mkdir to
mkdir to/300000
fetch good
exits 3
err "to/300000: cannot be replaced"
rm -r to
mkdir to
ln -s "$WORK/elsewhere" to/300000.part
fetch good
exits 3
[ ! -e elsewhere ] || fault "a link was followed"
rm -r to
run data fetch http://127.0.0.1:1/x --sha256 "$BIG" --to to --tries 1
failed "connect"

# ---- Stopped, and two at a time ------------------------------------------------------------------

"$GRADUS" data fetch "$BASE/stall/70000/300000" --sha256 "$BIG" --to to 2>stopped &
process=$!
i=0
while [ "$(cat to/300000.part 2>/dev/null | wc -c)" -lt 70000 ] && [ $i -lt 200 ]; do
    sleep .1
    i=$((i + 1))
done
fetch good
exits 3
err "another process is fetching it"
kill -INT $process
STATUS=0
wait $process || STATUS=$?
exits 130
grep -q "stopped; its first 70000 bytes are kept in to/300000.part" stopped ||
    fault "it says $(cat stopped)"
fetch good
grep -q 'bytes=70000-' plain.log || fault "it is not gone on with"
came

# ---- A terminal ----------------------------------------------------------------------------------

cat >terminal.py <<'END'
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
while True:
    try:
        some = os.read(terminal, 65536)
    except OSError:
        break
    if not some:
        break
    seen += some
_, status = os.waitpid(pid, 0)
drawn = seen.replace(b"\x1b[K", b"")
widest = max(len(part) for part in drawn.replace(b"\n", b"\r").split(b"\r"))
print(os.waitstatus_to_exitcode(status), b"#" in drawn or b"KiB/s" in drawn, widest)
END
COLUMNS=40 TERM=dumb python3 terminal.py "$GRADUS" data fetch "$BASE/stall/70000/300000" \
    --sha256 "$BIG" --to to --tries 1 --patience 1 >out 2>err
set -- $(cat out)
[ "$1" = 3 ] || fault "the status on a terminal is $1"
rm -rf to

# ---- Known sets ----------------------------------------------------------------------------------

fill() {
    mkdir -p "site/$(dirname "$1")"
    cp "$GRADUS_DATA/$1" "site/$1"
}
if [ -e "${GRADUS_DATA:-}/uci/iris.data" ]; then
    fill uci/iris.data
    (
        GRADUS_DATA=
        run data iris
        exits 3
        err "To get it: gradus data fetch iris"
        run data fetch iris --from "$BASE/good/"
        exits 0
        out "$WORK/cache/gradus/uci/iris.data  4.44 KiB"
        run data iris
        exits 0
        out "150 to train"
        [ "$FAULTS" -eq 0 ]
    ) || FAULTS=$((FAULTS + 1))
    rm -r cache
    for way in short long longer wrong cut/4000 shorter; do
        run data fetch iris --from "$BASE/$way" --tries 1
        exits 3
        err "iris: $BASE/$way/uci/iris.data: "
        [ ! -e cache/gradus/uci/iris.data ] || fault "it is there"
    done
    run data fetch iris --from "$BASE/good"
    exits 0
fi
# The file by which a set of several is found comes last.
if [ -e "${GRADUS_DATA:-}/uci/optdigits.tra" ]; then
    fill uci/optdigits.tes
    run data fetch digits --from "$BASE/good" --tries 1
    exits 3
    err "/good/uci/optdigits.tra: the server answers 404"
    (
        GRADUS_DATA=
        run data digits
        exits 3
        [ "$FAULTS" -eq 0 ]
    ) || FAULTS=$((FAULTS + 1))
fi

# ---- https ---------------------------------------------------------------------------------------

if command -v openssl >/dev/null; then
    openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -days 2 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
    serve safe certificate key
    exec 8>safe.in
    served safe
    SAFE=https://localhost:$PORT
    again() {
        run data fetch "$SAFE/$1/300000" --sha256 "$BIG" --to to --tries 1 --patience 5 --ca "$2"
    }
    again good certificate
    came
    # A certificate that nobody vouches for, and one for another name.
    run data fetch "$SAFE/good/300000" --sha256 "$BIG" --to to --tries 1
    failed "certificate"
    run data fetch "https://127.0.0.1:$PORT/good/300000" --sha256 "$BIG" --to to --tries 1 \
        --ca certificate
    failed "127.0.0.1"
    # From https nothing leads to http, not even on this machine.
    again "to/http%3A//127.0.0.1%3A1" certificate
    failed "it redirects to http://127.0.0.1:1"
    again hop/3 certificate
    came
    again hop/-1 certificate
    failed "it redirects more than 5 times"
fi
done_testing
