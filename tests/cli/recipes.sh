#!/bin/sh
# Recipes: where they are found, what overrides them, their faults; the first steps of each against
# the losses that they had when they were written.
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

# net NAME PARAMETERS MULTIPLY-ADDS
net() {
    run show --recipe "$1" --json
    exits 0
    silent
    got=$(sed -n 's/^  "parameters": *\([0-9]*\),/\1/p; s/^  "multiply_adds": *\([0-9]*\),/\1/p' out |
        tr '\n' ' ')
    [ "$got" = "$2 $3 " ] || fault "$1 has $got: should be $2 $3"
    cp out by_name
    run show "$GRADUS_SOURCE/nets/$1.net" --json
    cmp -s out by_name || fault "$1 by its path shows otherwise"
}
net xor 22 16
net lenet 431080 2293000
net cifar2 308310 308200
net cifar10_quick 145578 12354176
net cifar10_full 89578 12298240
net alexnet 60965224 724406816
net caffenet 60965224 724406816
net alexnet_photos 56909194 720351776
net resnet18 11173962 555422720
net resnet18_imagenet 11689512 1814073344
net vgg11 132863336 7609090048
net mobilenet 811850 27198464
net char-rnn 103297 6307840
net char-lstm 876929 55590912
net char-gru 662913 41959424
net gpt-tiny 816128 55058432
net mnist_autoencoder 2837314 2833000
net mnist_siamese 431102 2293020
net ntm-copy 63136 2933280
net ntm-repeat-copy 63257 7905480
net ntm-associative-recall 62094 2201600

for recipe in "$GRADUS_SOURCE"/nets/*.recipe; do
    grep -q '^input ' "$recipe" || fault "$recipe does not tell the shape of its input"
done

# ---- First steps, against the losses that they had -------------------------------------------

run train --recipe xor --quiet --no-out
exits 0
out "training accuracy 1.0000 (4 of 4 right)"

# The beginning of tiny Shakespeare, and the characters that it lacks.
data tinyshakespeare
{
    head -c 12000 "$DATA/input.txt"
    printf "\n !\$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\n"
} >part.txt
chars="--text chars --steps 50 --batch 2 --warmup 0"

data mnist
mnist=$DATA
data cifar-10-batches-bin
{
    bytes 0 0 8 3 0 0 4 0 0 0 0 28 0 0 0 28
    gzip -cd "$mnist/train-images-idx3-ubyte.gz" | tail -c +17 | head -c $((784 * 1024))
} >mnist-images-idx3-ubyte
{
    bytes 0 0 8 1 0 0 4 0
    gzip -cd "$mnist/train-labels-idx1-ubyte.gz" | tail -c +9 | head -c 1024
} >mnist-labels-idx1-ubyte
mnist=mnist-images-idx3-ubyte
cifar=cifar.bin
gzip -cd "$DATA/data_batch_1.bin.gz" 2>/dev/null | head -c $((3073 * 256)) >$cifar

# steps NAME DATA LOSS OPTIONS…: the mean loss of the last epoch. CPUs differ in its last digits.
steps() {
    name=$1 set=$2 want=$3
    shift 3
    run train --recipe "$name" --data "$set" --test-fraction 0 --threads 1 --no-out --json "$@"
    exits 0
    silent
    got=$(sed -n 's/.*"train_loss":\([0-9.e-]*\).*/\1/p' out | tail -1)
    near "$got" "$want" "$(awk -v x="$want" 'BEGIN { print 0.003 * x }')"
}
for recipe in char-rnn:2.7499485874176024 char-lstm:3.117622995376587 \
    char-gru:2.860958752632141 gpt-tiny:3.2121404647827148; do
    # shellcheck disable=SC2086 # options
    steps "${recipe%:*}" part.txt "${recipe#*:}" $chars
done
steps lenet $mnist 0.15751600824296474 --steps 100
steps mnist_autoencoder $mnist 204.56298217773437 --steps 60
out '"train_accuracy":null'
out '"figures":{"l2_error":'
steps mnist_siamese $mnist 0.059313387920459114 --steps 60
steps cifar2 $cifar 0.9693966787308455 --steps 12
steps cifar10_quick $cifar 2.0731801986694336 --steps 20
steps cifar10_full $cifar 2.2991527318954468 --steps 20
steps ntm-copy ntm-copy 0.692907004058361 --steps 40
out '"figures":{"bits":'
steps ntm-repeat-copy ntm-repeat-copy 0.6874184235930443 --steps 40
steps ntm-associative-recall ntm-associative-recall 0.6957475796341897 --steps 40
tame="--batch 16 --warmup 0 --schedule fixed --rate 0.001"
# shellcheck disable=SC2086 # options
steps resnet18 $cifar 3.110074520111084 --steps 3 $tame
# shellcheck disable=SC2086
steps mobilenet $cifar 2.46650767326355 --steps 4 $tame

done_testing
