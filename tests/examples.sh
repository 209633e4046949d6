#!/bin/sh
# What examples print: numbers that their sources publish.
set -eu
said=$("$GRADUS_BUILD/examples/trask" "$GRADUS_SOURCE/examples/trask.safetensors")
want='step     0  mean error 0.49641
step 10000  mean error 0.00858
step 20000  mean error 0.00579
step 30000  mean error 0.00463
step 40000  mean error 0.00396
step 50000  mean error 0.00351'
[ "$said" = "$want" ] || {
    printf 'trask says\n%s\ninstead of\n%s\n' "$said" "$want"
    exit 1
}
if "$GRADUS_BUILD/examples/trask" nowhere.safetensors 2>/dev/null; then
    echo "trask takes a file that is not there"
    exit 1
fi
