#!/bin/sh
# What `make demo` does: the accuracy it must reach, its model, its figure, its prediction.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
run data fashion-mnist
if [ "$STATUS" -ne 0 ]; then
    echo "skipped: no fashion-mnist"
    exit 77
fi
# The command as the Makefile has it, run here.
sed -n '/^DEMO = /,/[^\\]$/p' "$GRADUS_SOURCE/Makefile" | tr -d '\n\\' |
    sed "s|^DEMO = \$(GRADUS) ||; s|nets/|$GRADUS_SOURCE/nets/|" >demo
"$GRADUS" --version | grep -q cairo || sed -i 's/--curves [^ ]*//' demo
# shellcheck disable=SC2046
run $(cat demo) --require-accuracy 0.905
exits 0
[ -s fashion.safetensors ] || fault "no model"
[ ! -e fashion.safetensors.checkpoint ] || fault "the checkpoint is left"
"$GRADUS" --version | grep -q cairo && { [ -s curves.svg ] || fault "no curves"; }
memory=$(sed -n 's/.*peak memory \([0-9]*\).* MiB/\1/p' out)
[ "${memory:-999}" -le 250 ] || fault "peak memory is $memory MiB, above 250"
if "$GRADUS" --version | grep -q ' png'; then
    run data fashion-mnist --example 0 --out picture.png
    exits 0
    run predict fashion.safetensors picture.png --top 1
    exits 0
    out "Ankle boot"
fi
run test fashion.safetensors --require-accuracy 0.905
exits 0

done_testing
