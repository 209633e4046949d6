#!/bin/sh
# A training that is killed (SIGKILL) at a random moment and resumed ends with the bytes of one that
# was left alone. GRADUS_KILLS moments (20), drawn by GRADUS_SEED; kill_slow.sh takes 200.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 150
KILLS=${GRADUS_KILLS:-20}
SEED=${GRADUS_SEED:-$(date +%s)}

# With draws (dropout, the order), state beside the weights (batch norm, Adam), a rate that depends
# on the step, the best epoch, three checkpoints, and one of them due at each second step.
set -- train --data blobs.csv --net 'fc(16) |> batchnorm |> tanh |> dropout(0.2) |> fc(3)' \
    --batch 8 --epochs 6 --rate .001 --schedule cosine --validation .1 --keep-best --quiet \
    --checkpoint state --checkpoint-steps 2 --keep-checkpoints 3

# thousandths COMMAND…: how long it takes, in thousandths.
thousandths() {
    begin=$(date +%s%3N)
    "$@"
    TOOK=$(($(date +%s%3N) - begin))
}

thousandths run "$@" --out whole.safetensors
exits 0

inside=0  # kills that left a checkpoint and no model
outside=0 # that came before the first or after the last
for moment in $(awk -v seed="$SEED" -v n="$KILLS" -v most="$TOOK" 'BEGIN {
        srand(seed); for (i = 0; i < n; i++) printf "%.4f\n", rand() * most / 1000 }'); do
    rm -f state* part.safetensors*
    LINE="gradus train, killed after $moment s (GRADUS_SEED=$SEED)"
    "$GRADUS" "$@" --out part.safetensors >out 2>err </dev/null &
    pid=$!
    sleep "$moment"
    kill -s KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    resume=
    if [ -e part.safetensors ] || [ ! -e state ]; then
        outside=$((outside + 1))
    else
        inside=$((inside + 1))
    fi
    # Whatever has a checkpoint's name is one, whole.
    for file in state state.1 state.2; do
        [ ! -e "$file" ] || "$GRADUS" show "$file" >out 2>err || fault "$file is damaged"
        [ ! -e "$file" ] || resume=--resume
    done
    run "$@" --out part.safetensors $resume
    exits 0
    cmp -s whole.safetensors part.safetensors || fault "another model after the kill at $moment s"
done
echo "killed $KILLS times in a run of $TOOK ms: $inside within it, $outside before its first" \
    "checkpoint or after its end; each resume gave the same model"
LINE="gradus train, killed $KILLS times in $TOOK ms (GRADUS_SEED=$SEED)"
[ "$inside" -gt 0 ] || fault "no kill came within the training"

done_testing
