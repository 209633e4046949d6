#!/bin/sh
# The first steps of the recipes for folders of pictures: a thousand classes of small pictures.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
. "$GRADUS_SOURCE/tests/cli/support/recipes.sh"
"$GRADUS" --version | grep -q ' png' || {
    echo "skipped: this build reads no PNG"
    exit 77
}
cifar_part 16
picture_folder many 1000
picture_folder ten 10

# Two steps on the smallest crops that the nets take: with their own, AlexNet has 61 million
# parameters and VGG-11 twice as many (recipes.sh counts them), which would take the test minutes.
few="--steps 2 --batch 4"
# shellcheck disable=SC2086 # options
{
steps alexnet many 6.93204665184021 $few --resize 76 --crop 67 --input 3,67,67
steps caffenet many 7.076566457748413 $few --resize 76 --crop 67 --input 3,67,67
steps alexnet_photos ten 11.21163558959961 $few --resize 76 --crop 67 --input 3,67,67 --warmup 0
steps resnet18_imagenet many 7.864536762237549 $few --resize 72 --crop 64 --input 3,64,64 --rate 0.01
steps vgg11 many 6.91784405708313 $few --resize 36 --crop 32 --input 3,32,32
}

done_testing
