#!/bin/sh
# Recipes: where they are found, what overrides them, their faults; the layers of each net. Their
# first steps: recipes_images.sh, recipes_pictures.sh, recipes_text.sh, recipes_ntm.sh.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 150

# ---- Files -----------------------------------------------------------------------------------

mkdir nets
printf '# a net\nfc(8) |> relu |> fc(3)\n' >nets/small.net
cat >nets/small.recipe <<END
# Blobs.
net small.net
	data	blobs.csv

epochs 3   
rate .02
batch 16
no-out
END
run train --recipe small
exits 0
silent
out "blobs.csv: 120 examples to train"
out "epoch 3/3"
cp out first
run train --data blobs.csv --net nets/small.net --epochs 3 --rate .02 --batch 16 --no-out
[ "$(sed -n 's/  *[^ ]*\/s.*//p' first)" = "$(sed -n 's/  *[^ ]*\/s.*//p' out)" ] ||
    fault "the recipe and its options give different losses"

# The command line goes first; a recipe by its path finds its files beside it.
mkdir elsewhere
mv nets/small.* blobs.csv elsewhere
run train --recipe elsewhere/small.recipe --epochs 2 --batch=32
exits 0
out "epoch 2/2"
out "2 epochs of 4 steps"
mv elsewhere/* nets

# Faults name file and line.
printf 'net small.net\n\nbacth 3\n' >nets/bad.recipe
run train --recipe bad
refused "nets/bad.recipe:3: there is no option 'bacth'; did you mean '--batch'?"
printf 'net small.net\nbatch many\n' >nets/bad.recipe
run train --recipe bad
refused "nets/bad.recipe:2: --batch: 'many' is not a whole number"
printf 'batch 3\nbatch 4\n' >nets/bad.recipe
run train --recipe bad
refused "nets/bad.recipe:2: 'batch' is given twice"
printf 'batch\n' >nets/bad.recipe
run train --recipe bad
refused "nets/bad.recipe:1: 'batch' needs an argument: batch N"
printf 'exact 1\n' >nets/bad.recipe
run train --recipe bad
refused "nets/bad.recipe:1: 'exact' takes no argument, but got '1'"
printf 'recipe small\n' >nets/bad.recipe
run train --recipe bad
refused "nets/bad.recipe:1: 'recipe' belongs to the command line"
run train --recipe smal
refused "there is no recipe 'smal'; did you mean 'small'?"
run train --recipe nothing-of-that-name
refused "there are alexnet, alexnet_photos, bad, caffenet, "
run train --recipe ./nothing.recipe
exits 3
err "./nothing.recipe: No such file"

# A shape that the net is not made for.
run train --recipe small --input 3,32,32
refused "is [2], but the net is made for [3,32,32] (--input)"
run train --recipe small --input 3,x
refused "--input: '3,x' is no shape"
run train --recipe small --optimizer adam --rate-in-momentum
refused "--rate-in-momentum is for sgd and nesterov, not for adam"

# ---- Losses of a net's own ------------------------------------------------------------------

printf 'a = fc(3) |> tanh\nb = fc(a, 2)\nloss = mse(b, x)\nhalf = euclidean_loss(b, x)\n' >nets/again.net
curves=
"$GRADUS" --version | grep -q cairo && curves='--curves again.svg'
# shellcheck disable=SC2086 # two words or none
run train --data nets/blobs.csv --net nets/again.net --epochs 4 --validation .1 -o again.safetensors \
    $curves
exits 0
silent
grep -q accuracy out && fault "an accuracy of a net that does not classify"
grep -Eq '^test loss [0-9.]+ \(30 examples\), half [0-9.]+$' out || fault "no line of the test"
run train --data nets/blobs.csv --net nets/again.net --epochs 1 --no-out --require-accuracy .5
refused "--require-accuracy: the net does not classify"
run test again.safetensors --data nets/blobs.csv
exits 0
grep -Eq '^overall loss [0-9.]+ \(150 examples\), half [0-9.]+$' out || fault "no line of the test"
run test again.safetensors --data nets/blobs.csv --json
out '"accuracy": null'
out '"half": '
run predict again.safetensors nets/blobs.csv
refused "again.safetensors does not classify"
run show again.safetensors
out "loss        the net's own"
run show again.safetensors --plan --train
exits 0
run check again.safetensors
exits 0
out "Gradient of the net's own loss"

# ---- The nets of the tree: layers and parameters ---------------------------------------------

# net NAME PARAMETERS MULTIPLY-ADDS LAYERS: how many of each kind, and the shape that the last gives.
net() {
    run show --recipe "$1" --json
    exits 0
    silent
    got=$(sed -n 's/^  "parameters": *\([0-9]*\),/\1/p; s/^  "multiply_adds": *\([0-9]*\),/\1/p' out |
        tr '\n' ' ')
    [ "$got" = "$2 $3 " ] || fault "$1 has $got: should be $2 $3"
    got=$(sed -n 's/.*"kind": *"\(.*\)",/\1/p' out | LC_ALL=C sort | uniq -c |
        awk '{ printf "%s%s %s", comma, $1, $2; comma = ", " }')
    got="$got: $(sed -n 's/^ *"output": *\(.*\),$/\1/p' out | tail -1)"
    [ "$got" = "$4" ] || fault "$1 is made of $got: should be $4"
    cp out by_name
    run show "$GRADUS_SOURCE/nets/$1.net" --json
    cmp -s out by_name || fault "$1 by its path shows otherwise"
}
net xor 22 16 \
    '2 fc, 1 tanh: [2]'
net lenet 431080 2293000 \
    '2 conv, 1 div, 2 fc, 2 max_pool, 1 relu: [10]'
net cifar2 308310 308200 \
    '2 fc, 1 relu: [10]'
net cifar10_quick 145578 12354176 \
    '2 avg_pool, 3 conv, 2 fc, 1 max_pool, 3 relu: [10]'
net cifar10_full 89578 12298240 \
    '2 avg_pool, 3 conv, 1 fc, 2 lrn, 1 max_pool, 3 relu: [10]'
net alexnet 60965224 724406816 \
    '5 conv, 2 dropout, 3 fc, 2 lrn, 3 max_pool, 7 relu: [1000]'
net caffenet 60965224 724406816 \
    '5 conv, 2 dropout, 3 fc, 2 lrn, 3 max_pool, 7 relu: [1000]'
net alexnet_photos 56909194 720351776 \
    '5 conv, 2 dropout, 3 fc, 2 lrn, 3 max_pool, 7 relu: [10]'
net resnet18 11173962 555422720 \
    '8 add, 20 batchnorm, 20 conv, 1 fc, 1 mean, 17 relu: [10]'
net resnet18_imagenet 11689512 1814073344 \
    '8 add, 20 batchnorm, 20 conv, 1 fc, 1 max_pool, 1 mean, 17 relu: [1000]'
net vgg11 132863336 7609090048 \
    '8 conv, 2 dropout, 3 fc, 5 max_pool, 10 relu: [1000]'
net mobilenet 811850 27198464 \
    '17 batchnorm, 17 conv, 1 fc, 1 mean, 17 relu: [10]'
net char-rnn 103297 6307840 \
    '1 embedding, 1 linear, 1 rnn: [64, 65]'
net char-lstm 876929 55590912 \
    '1 embedding, 1 linear, 1 lstm: [64, 65]'
net char-gru 662913 41959424 \
    '1 embedding, 1 gru, 1 linear: [64, 65]'
net gpt-tiny 816128 55058432 \
    '8 add, 4 attention, 1 embedding, 4 gelu, 9 layernorm, 9 linear, 1 positions: [64, 65]'
net mnist_autoencoder 2837314 2833000 \
    '1 div, 8 fc, 1 reshape, 6 sigmoid: [784]'
net mnist_siamese 431102 2293020 \
    '2 conv, 1 div, 3 fc, 2 max_pool, 1 relu: [2]'
# With the outer products of erasing and adding, each step 2 x 128 x 20.
net ntm-copy 63136 3148320 \
    '1 ntm, 1 slice: [42, 8]'
net ntm-repeat-copy 63257 8484040 \
    '1 ntm, 1 slice: [113, 9]'
net ntm-associative-recall 62094 2365440 \
    '1 ntm, 1 slice: [32, 6]'

# Every net is in the list above, and its first steps are in a test.
for recipe in "$GRADUS_SOURCE"/nets/*.recipe; do
    name=$(basename "$recipe" .recipe)
    grep -q '^input ' "$recipe" || fault "$recipe does not tell the shape of its input"
    grep -q "^net $name " "$GRADUS_SOURCE/tests/cli/recipes.sh" || fault "$name is not in the list"
    cat "$GRADUS_SOURCE"/tests/cli/recipes_*.sh | grep -Eq "^(steps|run train --recipe) $name " ||
        fault "$name has no test of its first steps"
done

done_testing
