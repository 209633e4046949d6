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

# The lecture's neuron, and a three-layer net against NumPy.
expect() {
    said=$("$GRADUS_BUILD/examples/$1")
    [ "$said" = "$2" ] || {
        printf '%s says\n%s\ninstead of\n%s\n' "$1" "$said" "$2"
        exit 1
    }
}
expect units 'value 0.8808
a: gradient -0.105, by differences -0.105
b: gradient  0.315, by differences  0.315
c: gradient  0.105, by differences  0.105
x: gradient  0.105, by differences  0.105
y: gradient  0.210, by differences  0.210
after a step of 0.01: 0.8826'
expect layers 'h1   0.5000  0.0121  0.7685  0.8581
h2   0.4885  0.5405  0.4106  0.5621
out -0.6687'
expect svm 'step    0  accuracy 0.67
step  100  accuracy 0.83
step  200  accuracy 0.83
step  300  accuracy 0.83
step  400  accuracy 0.83
step  500  accuracy 0.83
step  600  accuracy 0.83
step  700  accuracy 0.83
step  800  accuracy 1.00
step  900  accuracy 1.00
step 1000  accuracy 0.83'
