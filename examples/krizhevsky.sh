#!/bin/sh
# Krizhevsky's comparison: a convolutional net of four layers trained with ReLU, tanh and sigmoid,
# each at the rate that did best of a few, without regularisation, and when
# each comes to 25 % training error.
#
#     sh examples/krizhevsky.sh FIGURE [DATA [OPTION of gradus train…]]
set -eu
figure=$1 data=${2:-cifar10}
shift $(($# > 1 ? 2 : 1))
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
for run in relu:0.01 tanh:0.03 sigmoid:0.1; do
    f=${run%:*}
    gradus train --data "$data" --no-out --json --optimizer sgd --momentum 0.9 --rate "${run#*:}" \
        --batch 50 --epochs 25 "$@" --net "conv(16, 3, pad=1) |> $f |> maxpool(2) |>
        conv(16, 3, pad=1) |> $f |> maxpool(2) |> conv(32, 3, pad=1) |> $f |> maxpool(2) |>
        fc(10)" >"$logs/$f.json"
done
gradus curves "$logs"/*.json --figure "$figure" --show train_error --reach train_error=0.25
