#!/bin/sh
# --gates: gates of the user's own in every command that reads texts or models, and its refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
source=$GRADUS_SOURCE/examples/gates/multiply.c

# object NAME [SED-SCRIPT]: the example, changed, as NAME.so.
object() {
    sed "${2:-}" "$source" >"$1.c"
    "${CC:-cc}" -std=c11 -shared -fPIC -I"$GRADUS_SOURCE/include" -o "$1.so" "$1.c" || exit 1
}
object multiply

# ---- Expressions --------------------------------------------------------------------------------

run check --gates multiply.so 'multiply(x, y)' x=-2 y=3
exits 0
silent
out "passed"
run check --gates ./multiply.so 'sum(sigmoid(multiply(x, x + y)))' x:2,3 y:2,3
exits 0
run eval --gates multiply.so 'q = multiply(x, y); q + x' x=-2 y=3
exits 0
out "q     multiply  x, y       -6         1"
run eval --gates multiply.so 'multiply(x, y)' x=-2 y=3 --dot
out "g1: multiply"

# A backward callback with x and y mixed up is found.
object wrong 's/gr_tensor_at(&in\[1\], i) \* gr_tensor_at(&dz/gr_tensor_at(\&in[0], i) * gr_tensor_at(\&dz/'
run check --gates wrong.so 'multiply(x, y)' x=-2 y=3
exits 1
out "failed"
[ "$(awk '$1 == "x" { print $NF }' out)" = FAULT ] || fault "the verdict of x is not FAULT"
[ "$(awk '$1 == "y" { print $NF }' out)" = ok ] || fault "the verdict of y is not ok"

# ---- Nets and models ------------------------------------------------------------------------------

make_blobs blobs.csv 150
net='h = x |> fc(8); multiply(h, sigmoid(h)) |> fc(3)'
run check --gates multiply.so --net "$net" --input 2
exits 0
out "passed"
run show --gates multiply.so --net "$net" --input 2
exits 0
out "multiply"
run train --gates multiply.so --net "$net" --data blobs.csv --epochs 5 --out own.safetensors -q
exits 0
for command in 'test own.safetensors --data blobs.csv' \
    'predict own.safetensors blobs.csv --ignore kind' 'show own.safetensors' \
    'show own.safetensors --graph' 'check own.safetensors'; do
    # shellcheck disable=SC2086 # a list of words
    run $command --gates multiply.so
    exits 0
    # shellcheck disable=SC2086
    run $command
    [ "$STATUS" -ne 0 ] || fault "a model without its gates is taken"
    err "own.safetensors: the net calls 'multiply', a gate of its user's own, which is not given"
done
run train --net "$net" --data blobs.csv --no-out
refused "unknown function 'multiply'"

# A recipe names the object beside it, which is loaded when the command line says so too.
mkdir nets
mv multiply.so nets
printf '%s\n' "$net" >nets/own.net
printf 'net own.net\ngates multiply.so\ninput 2\nepochs 2\nno-out\n' >nets/own.recipe
run train --recipe own --data blobs.csv
refused "own.recipe:2: 'gates' runs code: say --gates nets/multiply.so on the command line"
run train --recipe own --data blobs.csv --gates nets/multiply.so
exits 0
run show nets/own.net --gates nets/multiply.so
exits 0
out "multiply"
# So it is for a run folder, whose gates have to be the same.
run train --gates nets/multiply.so --net "$net" --data blobs.csv --epochs 2 --run first -q
exits 0
run train --from first --run second -q
refused "first/settings.recipe:"
err "'gates' runs code: say --gates $PWD/nets/multiply.so on the command line"
run train --from first --run second --gates nets/multiply.so
exits 0
out "repeated"
cp nets/multiply.so nets/copy.so
echo >>nets/copy.so
run train --from first --run third --gates nets/copy.so
refused "--gates: nets/copy.so is no longer what it was for first"

# ---- Refusals -------------------------------------------------------------------------------------

run check --gates none.so 'multiply(x, y)' x=-2 y=3
exits 3
err "--gates: none.so: No such file or directory"
echo 'no object' >text.so
run check --gates text.so 'multiply(x, y)' x=-2 y=3
refused "--gates: ./text.so: "
object nameless 's/gradus_gates(void)$/my_gates(void)/'
run check --gates nameless.so 'multiply(x, y)' x=-2 y=3
refused "--gates: nameless.so has no function gradus_gates, which gives the list of its gates"
object empty 's/return &gates;/return 0;/'
run check --gates empty.so 'multiply(x, y)' x=-2 y=3
refused "--gates: empty.so: its gradus_gates() gives no list"
object old 's/{GR_GATES_VERSION,/{GR_GATES_VERSION + 1,/'
run check --gates old.so 'multiply(x, y)' x=-2 y=3
refused "--gates: old.so: the list of gates is of version 2, not 1: compile it anew"
object taken 's/"multiply"/"relu"/'
run check --gates taken.so 'relu(x, y)' x=-2 y=3
refused "--gates: taken.so: the gate 'relu' has the name of a word of the language"
run eval --gates nets/multiply.so 'multiply(x)' x=-2
refused "the gate 'multiply' takes 2 inputs, not 1"
run eval --gates nets/multiply.so 'multiply(x, y)' x=-2 y='[1, 2]'
refused "gate 'multiply' refuses f64[], f64[2]: shapes do not fit"
run eval --gates nets/multiply.so 'mulitply(x, y)' x=-2 y=3
refused "unknown function 'mulitply'; did you mean 'multiply'?"

done_testing
