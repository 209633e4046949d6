#!/bin/sh
# gradus surface: expressions and nets over lines and planes, paths, figures, JSON, refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 90

# ---- expressions ----
run surface 'u^2 - v^2' --points 5
exits 0
silent
out "u^2 - v^2"
grep -q '^ *-4 *u = 0, v = -2 *4$' out || fault "another extent"
run surface 'abs(x)' --x -1,3 --points 3 --json
exits 0
json
value=$(json_value 'j["x"], j["surfaces"][0]["line"], "plane" in j["surfaces"][0]')
[ -z "$value" ] || [ "$value" = "[-1, 1, 3] [1, 1, 3] False" ] || fault "it says $value"
for name in saddle valley rosenbrock beale; do
    run surface $name --points 3 --quiet
    exits 0
    silent
done
echo 'x^2 + 3*y^2' >bowl.txt
run surface --file bowl.txt --points 3 --quiet
exits 0
out "16"

# Gradient descent on (x² + 50y²)/2 multiplies x by 1 − rate and y by 1 − 50·rate.
run surface valley --points 2 --steps 2 --start 8,1 --paths gd:0.01,gd:0.05 --json
exits 0
json
value=$(json_value '[[round(v, 4) for v in p["x"] + p["y"] + p["value"]] for p in j["paths"]]')
[ -z "$value" ] ||
    [ "$value" = "[[8, 7.92, 7.8408, 1, 0.5, 0.25, 57, 37.6132, 32.3016], [8, 7.6, 7.22, 1, -1.5, 2.25, 57, 85.13, 152.6267]]" ] ||
    fault "it says $value"
run surface valley --points 2 --steps 60 --paths gd:0.1
exits 0
grep -q '^gd 0.1 .*far away$' out || fault "a rate of 0.1 should lead far away"
run surface valley --points 2 --steps 300 --paths momentum,nesterov,adagrad:1,adadelta:10,rmsprop:0.1,adam:0.3 --json
exits 0
value=$(json_value '[p["optimizer"] for p in j["paths"] if p["value"][-1] > 1], len(j["paths"])')
[ -z "$value" ] || [ "$value" = "[] 6" ] || fault "it says $value"
run surface saddle --points 2 --steps 5 --paths gd,minibatch --noise 1 --json
exits 0
value=$(json_value 'j["paths"][0]["x"] != j["paths"][1]["x"], j["paths"][1]["minibatch"]')
[ -z "$value" ] || [ "$value" = "True True" ] || fault "it says $value"

# ---- nets ----
run surface --net 'fc(3)' --loss hinge --data blobs.csv --examples 1,60 --points 21
exits 0
silent
out "hinge loss of 9 parameters on blobs.csv, normal directions"
grep -q '^ *60 ' out || fault "no line for 60 examples"
cp out first
run surface --net 'fc(3)' --loss hinge --data blobs.csv --examples 1,60 --points 21 --threads 1
cmp -s out first || fault "another number of threads prints something else"

# Of one example the hinge loss of a linear net is linear in pieces: second differences are zero
# but at the corners, of which two other classes make at most four.
run surface --net 'fc(3)' --loss hinge --data blobs.csv --examples 1 --points 101 --json
exits 0
json
value=$(json_value 'sum(abs(a - 2 * b + c) > 1e-4 for l in [j["surfaces"][0]["line"]] for a, b, c in zip(l, l[1:], l[2:])) < 5')
[ -z "$value" ] || [ "$value" = True ] || fault "the line has more corners"

# The loss at the origin is that of the net as it is, whatever the directions.
run surface --net 'fc(3)' --data blobs.csv --points 3 --examples 50 --json
exits 0
value=$(json_value 'j["surfaces"][0]["plane"][1][1] == j["surfaces"][0]["line"][1], j["surfaces"][0]["line"][1]')
middle=${value#* }
run surface --net 'fc(3)' --data blobs.csv --points 3 --examples 50 --directions filter --json
exits 0
value=$(json_value 'True, j["surfaces"][0]["line"][1]')
[ "${value#* }" = "$middle" ] || fault "with other directions the origin is $value, not $middle"
run surface --net 'fc(3)' --data blobs.csv --points 3 --examples 50 --l2 10 --json
exits 0
value=$(json_value 'j["surfaces"][0]["line"][1] > '"${middle:-0}")
[ -z "$value" ] || [ "$value" = True ] || fault "the penalty does not show"

run surface --net 'fc(8) |> tanh |> fc(3)' --data blobs.csv --points 3 --start 1,1 --steps 50 --paths gd:0.1,minibatch:0.1,adam:0.1 --json
exits 0
value=$(json_value 'all(p["value"][-1] < p["value"][0] for p in j["paths"]), j["paths"][0]["value"] != j["paths"][1]["value"]')
[ -z "$value" ] || [ "$value" = "True True" ] || fault "it says $value"
echo 's = x |> fc(3)
loss = softmax_cross_entropy(s, y)' >own.net
run surface own.net --data blobs.csv --points 3
exits 0
out "own loss"
run train --net 'fc(3)' --data blobs.csv --epochs 20 --out m.safetensors --quiet
exits 0
cp m.safetensors before.safetensors
run surface m.safetensors --data blobs.csv --points 5 --paths gd
exits 0
out "softmax loss of 9 parameters"
cmp -s m.safetensors before.safetensors || fault "the model file has changed"

# ---- figures ----
if "$GRADUS" --version | grep -qw cairo; then
    run surface saddle --points 11 --line l.svg --plane p.svg --paths gd,adam --play 3
    exits 0
    grep -q '<animateTransform' p.svg || fault "nothing moves"
    grep -q '<animate' l.svg && fault "the line has nothing that moves"
    run surface saddle --points 11 --plane p.svg --paths gd,adam
    exits 0
    grep -q '<animate' p.svg && fault "it moves without --play"
    run surface --net 'fc(3)' --data blobs.csv --examples 1,20 --points 5 --line l.png --plane p.pdf
    exits 0
    [ -s l.png ] && [ -s p.pdf ] || fault "no figures"
    run surface rosenbrock --plane r.png --log --points 31
    exits 0
    for option in line plane; do
        run surface saddle --$option missing/figure.svg
        exits 3
        err "missing"
        [ ! -s out ] || fault "it is printed before it is refused"
        run surface saddle --$option figure.gif
        refused ".svg"
    done
    run surface 'x^2' --plane p.png
    refused "--line draws it"
    run surface saddle --paths gd --plane p.png --play 3
    refused "FILE.svg"
else
    run surface saddle --plane p.svg
    exits 3
    err "libcairo2-dev"
fi

# ---- refusals ----
run surface
refused "which expression?"
run surface 3
refused "no inputs"
run surface 'x*y*z'
refused "3 inputs (x, y, z)"
run surface 'x +'
refused "expected an operand"
run surface 'x > y'
refused "the result is bool"
run surface saddle x=3
refused "'x=3' is too much"
run surface saddle --x 1,1
refused "--x: '1,1' does not rise"
run surface saddle --y 1
refused "--y: '1' is no pair"
run surface 'x^2' --y 0,1
refused "--y: the expression has one input"
run surface saddle --x nan,1
refused "no pair of numbers"
run surface saddle --paths sgd
refused "there is no optimiser 'sgd'; did you mean 'gd'?"
run surface saddle --paths gd:-1
refused "'-1' is no learning rate"
run surface saddle --paths gd,minibatch
refused "--noise"
run surface 'x^2' --paths gd
refused "one input"
run surface saddle --steps 3
refused "--steps belongs to --paths"
run surface saddle --examples 3
refused "--examples belongs to a net"
run surface 'x^2 + round(y)' --paths gd --points 2
[ "$STATUS" -eq 0 ] || exits 2
run surface --net 'fc(3)' --data blobs.csv --examples 0
refused "no list of whole numbers"
run surface --net 'fc(3)' --data blobs.csv --examples 91
refused "has only 90"
run surface --net 'fc(4)' --data blobs.csv
refused "the net gives 4 scores, but blobs.csv has 3 classes"
run surface --net 'relu' --data blobs.csv --loss mse
exits 2
run surface --net 'fc(3)' --data blobs.csv --input 1,4,4
refused "but --input says"
run surface --net 'fc(3)' --data blobs.csv --paths gd --noise 1
refused "--noise belongs to an expression"
run surface --net 'fc(3)' --data missing.csv
exits 3
err "missing.csv"
run surface missing.safetensors --data blobs.csv
exits 3
err "missing.safetensors"

# Ctrl-C ends the work.
STATUS=0
LINE="gradus surface, interrupted"
: >out # what the run before printed must not pass for this one's
"$GRADUS" surface saddle --points 2 --steps 1000000 --paths gd:1e-9,gd:1e-9,gd:1e-9 --plane f.svg >out 2>err &
pid=$!
while kill -0 $pid 2>/dev/null && ! grep -q 'y^2' out; do sleep .1; done
kill -INT $pid 2>/dev/null
wait $pid || STATUS=$?
if "$GRADUS" --version | grep -qw cairo; then
    exits 130
    err "stopped after"
    [ ! -e f.svg ] || fault "a figure is left behind"
fi
done_testing
