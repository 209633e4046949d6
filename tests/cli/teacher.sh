#!/bin/sh
# gradus train --teacher: distillation, and what it refuses.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 150
make_idx pictures 20

run train --data spiral --net 'fc(32) |> tanh |> fc(3)' --epochs 5 --out big.safetensors --quiet
exits 0
small="--data spiral --epochs 3 --seed 3"
# shellcheck disable=SC2086
run train $small --net 'fc(4) |> tanh |> fc(3)' --out plain.safetensors --quiet
# shellcheck disable=SC2086
run train $small --net 'fc(4) |> tanh |> fc(3)' --out small.safetensors --teacher big.safetensors \
    --temperature 3 --teacher-weight 0.5
exits 0
out "teacher   big.safetensors, temperature 3, weight 0.5"
out "test accuracy"
cmp -s plain.safetensors small.safetensors && fault "the teacher changes nothing"
run show small.safetensors
exits 0
out "parameters  27, 108 B"

# Of pictures and of a set without a test part, which the rows are selected from.
run train --data pictures --net 'fc(4) |> relu |> fc(2)' --epochs 2 --out teacher.safetensors --quiet
run train --data pictures --net 'fc(2)' --epochs 2 --out s.safetensors --teacher teacher.safetensors \
    --validation 0.2 --batch 7
exits 0
run train --data blobs.csv --net 'fc(3)' --epochs 2 --out teacher.safetensors --quiet
run train --data blobs.csv --net 'fc(3)' --epochs 2 --out s.safetensors --teacher teacher.safetensors
exits 0

# ---- refusals ----
run train --data spiral --net 'fc(3)' --temperature 2 --out none.safetensors
refused "--temperature belongs to --teacher"
run train --data spiral --net 'fc(3)' --teacher-weight 1 --out none.safetensors
refused "--teacher-weight belongs to --teacher"
run train --data moons --net 'fc(2)' --teacher big.safetensors --out none.safetensors
exits 2
run train --data pictures --net 'fc(2)' --teacher big.safetensors --out none.safetensors
exits 2
run train --data spiral --net 'fc(3)' --teacher missing.safetensors --out none.safetensors
exits 3
err "missing.safetensors"
run train --data spiral --net 'scores = fc(3); loss = mean(scores^2)' --teacher big.safetensors \
    --out none.safetensors
refused "no loss of their own"
printf 'again = fc(2)\nloss = mse(again, x)\n' >own.net
run train --data spiral --net own.net --epochs 1 --out own.safetensors --quiet
run train --data spiral --net 'fc(3)' --teacher own.safetensors --out none.safetensors
refused "gives no score for each class"
[ -e none.safetensors ] && fault "a model was written in spite of a refusal"
done_testing
