#!/bin/sh
# A training that is stopped and resumed ends with the bytes of one that was not.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 150
set -- train --data blobs.csv --net 'fc(16) |> tanh |> dropout(0.2) |> fc(3)' --batch 8 \
    --epochs 4000 --rate .001 --schedule cosine --validation .1

run "$@" --out whole.safetensors --quiet
exits 0

# stop SIGNAL: starts a training, sends it the signal once it is under way.
stop() {
    LINE="gradus train, stopped by $1"
    "$GRADUS" "$@" >out 2>err </dev/null &
    pid=$!
    tries=0
    until grep -q "^epoch  *5/" out || [ "$tries" -ge 300 ]; do
        sleep .02
        tries=$((tries + 1))
    done
}

for signal in INT TERM; do
    rm -f parts.safetensors*
    stop "$@" --out parts.safetensors
    LINE="gradus train, stopped by $signal"
    kill -s "$signal" "$pid"
    kill -s "$signal" "$pid" # as `timeout` does, to the process and to its group: one wish
    STATUS=0
    wait "$pid" || STATUS=$?
    [ $signal = INT ] && exits 130 || exits 143
    err "gradus train: stopped after step "
    err "parts.safetensors.checkpoint. To go on:"
    err "--resume"
    [ -s parts.safetensors.checkpoint ] || fault "no checkpoint"
    [ ! -e parts.safetensors ] || fault "a model of a training that was stopped"

    # What it says to type is what goes on.
    sed -n 's/^  gradus //p' err >line
    STATUS=0
    eval "\"\$GRADUS\" $(cat line)" >out 2>err || STATUS=$?
    LINE="gradus $(cat line)"
    exits 0
    out "resumed after step"
    cmp -s whole.safetensors parts.safetensors || fault "not the model of a training without a stop"
    [ ! -e parts.safetensors.checkpoint ] || fault "the checkpoint is left"
done

# A process that is killed loses at most the steps since its last checkpoint.
rm -f parts.safetensors*
stop "$@" --out parts.safetensors --checkpoint state --checkpoint-steps 50
LINE="gradus train, killed"
kill -s KILL "$pid"
wait "$pid" 2>/dev/null
[ -s state ] || fault "no checkpoint"
run "$@" --out parts.safetensors --checkpoint state --resume
exits 0
cmp -s whole.safetensors parts.safetensors || fault "not the model of a training without a stop"
[ -s state ] || fault "a checkpoint that was asked for by name is removed"

# Another training's checkpoint, and a damaged one, are refused.
run train --data blobs.csv --net 'fc(3)' --out other.safetensors --checkpoint state --resume
refused "another training"
head -c 1000 state >cut
run "$@" --out parts.safetensors --checkpoint cut --resume
refused "cut"

# Of several checkpoints the newest good one is taken, and what was passed over is named.
rm -f parts.safetensors*
stop "$@" --out parts.safetensors --checkpoint several --checkpoint-steps 10 --keep-checkpoints 3
LINE="gradus train, killed with several checkpoints"
kill -s KILL "$pid"
wait "$pid" 2>/dev/null
[ -s several.2 ] || fault "there are no three checkpoints"
head -c 1000 several >cut
mv cut several
older=several.1
[ -s several.1 ] || older=several.2 # killed while they changed their names
run "$@" --out parts.safetensors --checkpoint several --keep-checkpoints 3 --resume
exits 0
err "gradus: warning: several: "
err "going on from $older"
cmp -s whole.safetensors parts.safetensors || fault "not the model of a training without a stop"

# Those that nobody asked for by name go when the model is there, all of them.
run "$@" --epochs 3 --out gone.safetensors --checkpoint-steps 2 --keep-checkpoints 3 --quiet
exits 0
[ "$(echo gone.safetensors*)" = gone.safetensors ] || fault "left: $(echo gone.safetensors*)"

done_testing
