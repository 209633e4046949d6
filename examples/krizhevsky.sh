#!/bin/sh
# Krizhevsky's comparison: a convolutional net of four layers trained with ReLU, tanh and sigmoid
# without regularisation, and when each comes to 25 % training error. First from initial values as
# his nets had them, normal with deviations chosen by hand, then from today's, chosen by the size
# of each layer. Each rate is the one that did best of the few that were tried.
#
#     sh examples/krizhevsky.sh FIGURE [DATA [OPTION of gradus train…]]
set -eu
figure=$1 data=${2:-cifar10}
shift $(($# > 1 ? 2 : 1))
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# train NAME ACTIVATION RATE EPOCHS FIRST OTHERS LAST [OPTION…]: the nouns are what conv and fc are
# told besides their sizes.
train() {
    name=$1 f=$2 rate=$3 epochs=$4 first=$5 others=$6 last=$7
    shift 7
    gradus train --data "$data" --no-out --json --optimizer sgd --momentum 0.9 --rate "$rate" \
        --batch 128 --epochs "$epochs" "$@" --net "
        conv(32, 5, pad=2$first) |> $f |> maxpool(2) |> conv(32, 5, pad=2$others) |> $f |>
        maxpool(2) |> conv(64, 5, pad=2$others) |> $f |> maxpool(2) |> fc(10$last)" \
        >"$logs/$name.json"
}

old() {
    activation=$1 rate=$2 epochs=$3
    shift 3
    train "$activation-2012" "$activation" "$rate" "$epochs" ', std=0.0001' ', std=0.01' \
        ', std=0.1' --normalize mean_image "$@"
}
old relu 0.001 12 "$@"
old tanh 0.003 25 "$@"
old sigmoid 0.01 12 "$@"
for f in relu tanh; do
    train "$f-today" "$f" 0.01 10 '' '' '' --normalize standard "$@"
done
gradus curves "$logs"/*.json --figure "$figure" --show train_error --reach train_error=0.25
