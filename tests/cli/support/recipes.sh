# The first steps of recipes on small data, against the losses that they had when they were written.
# shellcheck shell=sh

# steps NAME DATA LOSS OPTIONS…: the mean loss of the last epoch. CPUs differ in its last digits.
steps() {
    name=$1 set=$2 want=$3
    shift 3
    run train --recipe "$name" --data "$set" --threads 1 --no-out --json "$@"
    exits 0
    silent
    got=$(sed -n 's/.*"train_loss":\([0-9.e-]*\).*/\1/p' out | tail -1)
    near "$got" "$want" "$(awk -v x="$want" 'BEGIN { print 0.003 * x }')"
}

# mnist_part EXAMPLES: sets MNIST to a file of the first training examples; the last of them test.
mnist_part() {
    data mnist
    {
        bytes 0 0 8 3 0 0 $(($1 / 256)) $(($1 % 256)) 0 0 0 28 0 0 0 28
        gzip -cd "$DATA/train-images-idx3-ubyte.gz" | tail -c +17 | head -c $((784 * $1))
    } >mnist-images-idx3-ubyte
    {
        bytes 0 0 8 1 0 0 $(($1 / 256)) $(($1 % 256))
        gzip -cd "$DATA/train-labels-idx1-ubyte.gz" | tail -c +9 | head -c "$1"
    } >mnist-labels-idx1-ubyte
    MNIST=mnist-images-idx3-ubyte
}

# cifar_part EXAMPLES: sets CIFAR likewise.
cifar_part() {
    data cifar-10-batches-bin
    CIFAR=cifar.bin
    gzip -cd "$DATA/data_batch_1.bin.gz" 2>/dev/null | head -c $((3073 * $1)) >$CIFAR
}

# picture_folder FOLDER CLASSES: a picture for each class in FOLDER/train, one to test.
picture_folder() {
    "$GRADUS" data "$CIFAR" --example 3 --out even.png >out
    "$GRADUS" data "$CIFAR" --example 9 --out odd.png >out
    # shellcheck disable=SC2046 # a list of numbers
    (
        mkdir -p "$1/train" && cd "$1/train" || exit 1
        set -- $(seq -w 0 $(($2 - 1)))
        mkdir "$@" && mkdir -p "../val/$1" && ln ../../even.png "../val/$1/0.png"
        picture=even
        for class; do
            ln "../../$picture.png" "$class/0.png"
            [ $picture = even ] && picture=odd || picture=even
        done
    )
}
