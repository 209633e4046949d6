#!/bin/sh
# gradus data: the list, sets in detail, pictures, refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 60
make_idx pictures 20

run data
exits 0
silent
out "fashion-mnist"
out "cifar10"
run data --json
exits 0
json
value=$(json_value 'j[0]["name"], j[0]["shape"], j[0]["train"]')
[ -z "$value" ] || [ "$value" = "fashion-mnist [1, 28, 28] 60000" ] || fault "it says $value"

run data blobs.csv
exits 0
out "60 to train"
out "f32 [2]"
out "width, height"
out "classes   3"
run data blobs.csv --json
json
value=$(json_value '[(c["name"], c["train"]) for c in j["classes"]]')
[ -z "$value" ] || [ "$value" = "[('elm', 20), ('oak', 20), ('red', 20)]" ] || fault "it says $value"
run data blobs.csv --label 3 --ignore 1
exits 0
out "f32 [1]"
run data blobs.csv --label 1 --ignore kind
refused "classes are words or whole numbers"

run data pictures
exits 0
out "20 to train, 20 to test"
out "u8 [1,4,4]"
run data pictures/train-images-idx3-ubyte
exits 0

# Pictures.
if "$GRADUS" --version | grep -q ' png'; then
    run data pictures --example 3 --out three.png
    exits 0
    out "three.png: example 3, 1"
    [ "$(head -c 4 three.png | tail -c 3)" = PNG ] || fault "three.png is no PNG file"
    run data pictures --example 20 --out no.png
    refused "there are 20, counted from 0"
    run data blobs.csv --example 0 --out no.png
    refused "examples of shape [2] are no pictures"
    run data pictures --example 0
    refused "--example needs --out FILE.png"
    run data --example 0 --out no.png
    refused "--example: of which data?"
    [ ! -e no.png ] || fault "a refusal left a file"
fi

# Folders of pictures and record files.
if "$GRADUS" --version | grep -q ' png'; then
    for part in train val; do
        for class in one two; do
            mkdir -p "photos/$part/$class"
            for i in 0 1 2; do
                "$GRADUS" data pictures --example "$i" --out "photos/$part/$class/$i.png" >/dev/null
            done
        done
    done
    run data photos
    exits 0
    out "6 to train, 6 to test"
    out "pictures of many sizes"
    run data photos --example 4 --out five.png
    out "five.png: example 4, two"
    run data pack photos photos.grr
    exits 0
    out_is "photos.grr: 6 examples to train, 6 to test"
    run data photos.grr
    out "6 to train, 6 to test"
    run data photos --speed
    refused "the pictures are of many sizes"
    run data photos.grr --speed --crop 3 --mirror
    exits 0
    out "examples/s"
    run train --data photos --net 'fc(2)' --no-out
    refused "data set 'photos': the pictures are of many sizes"
    run train --data photos --net 'fc(2)' --crop 4 --crop-pad 1 --mirror --epochs 1 --no-out --quiet
    exits 0
    run data photos/train/one
    refused "photos/train/one: holds pictures, but no folder of pictures for each class"
    printf 'RIFF1234WEBPVP8 ' >photos/train/two/0.png # as a browser saves it
    run train --data photos --net 'fc(2)' --crop 4 --epochs 1 --no-out --quiet
    refused "photos/train/two/0.png: is a WebP picture, but PNG and JPEG are read"
    echo nothing >photos/train/two/0.png
    run train --data photos --net 'fc(2)' --crop 4 --epochs 1 --no-out --quiet
    refused "photos/train/two/0.png: byte 0: found"
    run train --data photos --net 'fc(2)' --crop 4 --epochs 1 --no-out --quiet --bad-files skip
    exits 0
    silent
    run train --data photos --net 'fc(2)' --crop 4 --epochs 1 --no-out --bad-files skip
    err "photos/train/two/0.png: byte 0: found"
    err "left out: another of its class stands in"
    run data pack photos photos.grr
    refused "photos/train/two/0.png"
    run data pack photos photos.grr --bad-files skip
    out_is "photos.grr: 5 examples to train, 6 to test"
    head -c 500 photos.grr >cut.grr
    run data cut.grr
    refused "cut.grr: the record file is cut short: it ends at byte 500, but should at byte"
    latin=$(printf 'photos/train/M\366we')
    if mkdir "$latin" 2>/dev/null; then # a file system of UTF-8 names alone refuses it
        cp photos/train/one/0.png "$latin"
        run data photos
        refused "photos/train/M\xf6we: the class 'M\xf6we' is not UTF-8"
        rm -r "$latin"
    fi
    mkdir photos/train/three
    run data photos
    refused "photos/train/three: the folder of class 'three' holds no picture"
fi
run data pack pictures numbers.grr
exits 0
out_is "numbers.grr: 20 examples to train, 20 to test"
run data pack pictures
refused "gradus data pack NAME|PATH FILE"

# Refusals name the file, the place, what was found and what belongs there.
run data nothing-there
exits 3
err "nothing-there"
: >empty.csv
run data empty.csv
refused "empty.csv"
printf 'a,b,kind\n1,2,x\n3,y\n' >ragged.csv
run data ragged.csv
refused "ragged.csv: line 3: found 2 fields, but line 1 has 3"
printf 'a,b,kind\n1,2,x\n3,four,y\n' >text.csv
run data text.csv
refused "four"
printf 'a;b;kind\n1;2;x\n3;4,5;y\n' >comma.csv
run data comma.csv
refused "comma.csv: line 3, column 2 (b): found '4,5', but a feature is a number, which has a point"
printf 'a,b,kind\n1,2,x\n3,,y\nNA,1,z\n5,6,y\n' >missing.csv
run data missing.csv
refused "missing.csv: line 3, column 2 (b): found nothing, but a feature is a number"
run data missing.csv --bad-rows skip
exits 0
out "examples  2 to train"
out "classes   2"
err "warning: missing.csv: 2 of 4 rows left out, the first for this: missing.csv: line 3, column 2 (b)"
run train --data missing.csv --net 'fc(2)' --epochs 1 --no-out --quiet --bad-rows skip
exits 0
printf '1,2,M\366we\n3,4,Gans\n' >latin.csv
run train --data latin.csv --net 'fc(2)' --epochs 1 --out latin.safetensors
refused "latin.csv: line 1, column 3: the class 'M\xf6we' is not UTF-8"
printf '1,nan,x\n3,4,y\n' >nan.csv
run data nan.csv
refused "nan"
run data blobs.csv --label colour
refused "colour"
run data blobs.csv --separator '||'
refused "--separator: '||' is none of"
head -c 200 pictures/train-images-idx3-ubyte >pictures/t10k-images-idx3-ubyte
run data pictures
refused "t10k-images-idx3-ubyte"
make_idx pictures 20
printf 'x' >>pictures/train-labels-idx1-ubyte
run data pictures
refused "train-labels-idx1-ubyte"
make_idx pictures 20
bytes 0 0 9 9 1 2 3 4 >pictures/train-images-idx3-ubyte
run data pictures
refused "train-images-idx3-ubyte"

done_testing
