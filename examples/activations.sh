#!/bin/sh
# The activations of the notes side by side: one net of three hidden layers, trained once with each.
#
#     sh examples/activations.sh FIGURE [DATA [OPTION of gradus train…]]
#
# Maxout takes the larger of two sums, so that its layers have twice the parameters.
set -eu
figure=$1 data=${2:-digits}
shift $(($# > 1 ? 2 : 1))
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
for f in sigmoid tanh relu 'leaky_relu(0.01)' 'leaky_relu(0.1)' prelu elu 'maxout(2)'; do
    units=64
    [ "$f" != 'maxout(2)' ] || units=128
    gradus train --data "$data" --no-out --json --optimizer sgd --rate 0.02 --epochs 40 "$@" \
        --net "fc($units) |> $f |> fc($units) |> $f |> fc($units) |> $f |> fc(10)" >"$logs/$f.json"
done
gradus curves "$logs"/*.json --figure "$figure" --show train_loss --log \
    --reach train_error=0.02
