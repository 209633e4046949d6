#!/bin/sh
# Every command that may take long: SIGINT and SIGTERM end it soon, with the status that shells know,
# and leave nothing half written.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
env --default-signal=INT true 2>/dev/null || { echo "skipped: env has no --default-signal"; exit 77; }
make_blobs blobs.csv 3000
make_blobs few.csv 60
net='fc(64) |> tanh |> fc(3)'
run train --data blobs.csv --net "$net" --epochs 1 --out model.safetensors --quiet
exits 0
awk 'BEGIN { for (i = 0; i < 400; i++) print "to be or not to be, that is the question " i }' >text.txt
run train --data text.txt --text chars --net 'embedding(40, 8) |> lstm(16) |> fc(40)' --steps 2 --out writer.safetensors --quiet
[ "$STATUS" -eq 0 ] || rm -f writer.safetensors
awk 'BEGIN { for (i = 0; i < 3000000; i++) print i % 977 "," i % 13 }' >rows.csv

# Every process of the command holds this pipe's end: who reads it sees when the last one is gone.
mkfifo alive

# ends FILES ARGUMENTS…: under way, each signal ends the command; no file is there but those before
# and FILES, and no process. It is under way after a second, and when the file $ready, if any, is
# there.
ready=
ends() {
    files=$1
    shift
    for signal in INT TERM; do
        rm -rf place
        mkdir place
        LINE="gradus $*, by SIG$signal"
        : >out
        cat alive &
        reader=$!
        # an asynchronous command of sh ignores SIGINT unless told otherwise
        (exec 9>alive && cd place && exec env --default-signal=INT,TERM "$GRADUS" "$@") >out 2>err </dev/null &
        pid=$!
        sleep 1
        tries=0
        until [ -z "$ready" ] || [ -s "place/$ready" ] || [ $tries -gt 400 ]; do
            sleep .05
            tries=$((tries + 1))
        done
        kill -0 $pid 2>/dev/null || { fault "it ended before the signal"; wait $pid; continue; }
        kill -s $signal $pid
        tries=0
        while kill -0 $pid 2>/dev/null && [ $tries -lt 1200 ]; do
            sleep .05
            tries=$((tries + 1))
        done
        kill -s KILL $pid 2>/dev/null && fault "it does not end"
        STATUS=0
        wait $pid || STATUS=$?
        [ $signal = INT ] && exits 130 || exits 143
        echo "$1 SIG$signal: $((tries * 50)) ms"
        tries=0
        while kill -0 $reader 2>/dev/null && [ $tries -lt 1200 ]; do
            sleep .05
            tries=$((tries + 1))
        done
        kill $reader 2>/dev/null && fault "a process of it goes on"
        left=$(ls -A place)
        [ "$(echo $left)" = "$files" ] || fault "left: $left"
    done
}

ends x.checkpoint train --data ../blobs.csv --net "$net" --epochs 100000000 --out x --quiet
ends run train --data ../blobs.csv --net "$net" --epochs 100000000 --run run --quiet
ready=tune.jsonl
ends tune.jsonl tune --data ../few.csv --net "$net" --try rate=1e-4..1e-1:log --trials 10000 --epochs 20
ready=
ends '' linear --data ../blobs.csv --epochs 100000000
ends '' regions --data ../few.csv --hidden 8 --epochs 1000000
ends '' fit 'sin(x)' --steps 100000000
ends '' surface valley --start 8,1 --steps 1000000 --paths "$(seq -s , -f 'gd:%.0fe-9' 14)"
ends '' bench lenet --seconds 200 --no-machine
ends '' check --net 'fc(300) |> tanh |> fc(300) |> tanh |> fc(10)' --input 784 --samples -1
if "$GRADUS" --version | grep -q ' png'; then
    mkdir idx photos photos/one photos/two
    { printf '\0\0\010\003\0\0\0\001\0\0\005\334\0\0\005\334' && head -c 2250000 /dev/zero; } >idx/train-images-idx3-ubyte
    printf '\0\0\010\001\0\0\0\001\0' >idx/train-labels-idx1-ubyte
    run data idx --example 0 --out large.png
    for i in $(seq 4000); do
        ln -s "$WORK/large.png" photos/one/$i.png
    done
    ln -s "$WORK/large.png" photos/two/1.png
    ends '' data pack ../photos photos.grr
fi
ends '' predict ../model.safetensors ../rows.csv
[ ! -e writer.safetensors ] || ends '' sample ../writer.safetensors --length 100000000

done_testing
