#!/bin/sh
# The first steps of the recipes for small pictures: some of those of MNIST and of CIFAR-10.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
. "$GRADUS_SOURCE/tests/cli/support/recipes.sh"
mnist_part 1024
cifar_part 512

run train --recipe xor --quiet --no-out
exits 0
out "training accuracy 1.0000 (4 of 4 right)"

steps lenet $MNIST 0.12554680779576302 --steps 100 --test-fraction .1
steps mnist_autoencoder $MNIST 205.72706567594648 --steps 60 --test-fraction .1
out '"train_accuracy":null'
out '"figures":{"l2_error":'
steps mnist_siamese $MNIST 0.06279807939414347 --steps 60 --test-fraction .1
steps cifar2 $CIFAR 0.1604474692760993 --steps 100 --test-fraction .1
steps cifar10_quick $CIFAR 2.2921941308861236 --steps 12 --test-fraction .02
steps cifar10_full $CIFAR 2.3020589579624007 --steps 12 --test-fraction .02

# Few steps of small batches: these nets are large.
tame="--test-fraction .02 --batch 8 --warmup 0 --schedule fixed --rate 0.001"
# shellcheck disable=SC2086 # options
{
steps resnet18 $CIFAR 3.598749876022339 --steps 2 $tame
steps mobilenet $CIFAR 2.538388729095459 --steps 4 $tame
}

done_testing
