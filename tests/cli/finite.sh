#!/bin/sh
# A training whose numbers get lost: it ends with status 1, says what may help, keeps the last good
# checkpoint and writes no model; --check-finite names the gate.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 60
set -- train --data blobs.csv --batch 16 --epochs 50 --test-fraction 0 --quiet --out lost.safetensors \
    --checkpoint-steps 1
NET='fc(8) |> tanh |> fc(3)'

run "$@" --net "$NET" --optimizer sgd --rate 1e6 --l2 1
exits 1
err "the loss is "
err "a smaller --rate or --clip may help; --check-finite names the gate that made it"
err "the last good state is in lost.safetensors.checkpoint"
[ ! -e lost.safetensors ] || fault "a model of lost numbers"
run show lost.safetensors.checkpoint
exits 0
rm lost.safetensors.checkpoint

# The step fails before it changes anything: the first one here, so that there is no checkpoint.
cat >root.net <<'END'
x |> fc(8)
  |> sqrt |> fc(3)
END
run "$@" --net root.net --check-finite
exits 1
err "gradus train: epoch 1, step 1: sqrt at net:2:6: element ["
err "] of its result f32[16,8] is NaN, the first that is; it reads f32[16,8]; a smaller --rate"
[ ! -e lost.safetensors ] || fault "a model of lost numbers"
[ ! -e lost.safetensors.checkpoint ] || fault "a checkpoint of no step"

# What the checkpoint holds goes on to the same step and the same gate.
run "$@" --net "$NET" --optimizer sgd --rate 1e6 --l2 1 --check-finite
exits 1
sed -n 's/.*step \([0-9]*\): \([a-z_]*\) .*/\1 \2/p' err >first
[ -s first ] || fault "no gate is named"
run "$@" --net "$NET" --optimizer sgd --rate 1e6 --l2 1 --check-finite --resume
exits 1
sed -n 's/.*step \([0-9]*\): \([a-z_]*\) .*/\1 \2/p' err | cmp -s - first ||
    fault "resumed, it is not step and gate $(cat first)"

# Checked or not, a training that goes well gives the same model.
run "$@" --net "$NET" --out plain.safetensors
run "$@" --net "$NET" --out checked.safetensors --check-finite
exits 0
cmp -s plain.safetensors checked.safetensors || fault "--check-finite gives another model"

done_testing
