#!/bin/sh
# gradus eval: values, gradients, forms of output, refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"

# row NAME: that line of the table (below the result), with single spaces.
row() {
    awk -v name="$1" 'FNR > 2 && $1 == name { $1 = $1; print }' "$WORK/out"
}
row_is() {
    [ "$(row "$1")" = "$2" ] || fault "the row of $1 is not: $2"
}
# value NAME, gradient NAME: of scalars.
value() {
    row "$1" | awk '{ print $(NF - 1) }'
}
gradient() {
    row "$1" | awk '{ print $NF }'
}

# ---- Circuits of the lectures -------------------------------------------------------------------

run eval '(x+y)*z' x=-2 y=5 z=-4
exits 0
silent
out "(x + y) * z = -12"
row_is x "x input -2 -4"
row_is y "y input 5 -4"
row_is z "z input -4 3"
row_is g1 "g1 add x, y 3 -4"
row_is g2 "g2 mul g1, z -12 1"

run eval 'q = x + y; f = q * z' x=-2 y=5 z=-4
exits 0
out "f = -12"
row_is q "q add x, y 3 -4"
row_is f "f mul q, z -12 1"

run eval 'x*z + y*z' x=-2 y=5 z=-4
exits 0
row_is x "x input -2 -4"
row_is z "z input -4 3"

run eval 'sigmoid(w0*x0+w1*x1+w2)' w0=2 w1=-3 w2=-3 x0=-1 x1=-2 --digits 16
exits 0
near "$(value g5)" 0.7310585786300049 1e-15
near "$(gradient w0)" -0.19661193324148185 1e-15
near "$(gradient x0)" 0.3932238664829637 1e-15
near "$(gradient w1)" -0.3932238664829637 1e-15
near "$(gradient x1)" -0.5898357997244456 1e-15
near "$(gradient w2)" 0.19661193324148185 1e-15

run eval 'sigmoid(a*x+b*y+c)' a=1 b=2 c=-3 x=-1 y=3
exits 0
near "$(value g5)" 0.8808 5e-5
near "$(gradient a)" -0.105 5e-4
near "$(gradient b)" 0.315 5e-4
near "$(gradient c)" 0.105 5e-4
near "$(gradient y)" 0.210 5e-4

# Twelve digits of the table are 1e-12.
run eval 'sum((W @ x)^2)' 'W=[[.1,.5],[-.3,.8]]' 'x=[.2,.4]' --digits 12
exits 0
out "= 0.116"
row_is W "W input [[0.1, 0.5], [-0.3, 0.8]] [[0.088, 0.176], [0.104, 0.208]]"
row_is x "x input [0.2, 0.4] [-0.112, 0.636]"

run eval 'max(x,y)' x=4 y=2
row_is x "x input 4 1"
row_is y "y input 2 0"
run eval 'max(x,y)' x=3 y=3
row_is x "x input 3 1"
row_is y "y input 3 0"

run eval 'b = a + a; c = b + b' a=3
row_is a "a input 3 4"

run eval '(x + sigmoid(y)) / (sigmoid(x) + (x+y)^2)' x=3 y=-4 --check
exits 0
out "passed"

# ---- Forms of input -----------------------------------------------------------------------------

run eval -- '-x^2' x=3
exits 0
row_is x "x input 3 -6"
run eval 'x*y' x=-2 y=-3e0
exits 0
out "= 6"

printf 'q = x + y  # a comment\nq * z\n' >circuit
run eval @circuit x=1 y=2 z=3
exits 0
out "result = 9"
run eval --file circuit x=1 y=2 z=3
exits 0
out "result = 9"
run eval -f circuit x=1 y=2 z=3
exits 0
LINE="gradus eval - <circuit"
STATUS=0
"$GRADUS" eval - x=1 y=2 z=3 <circuit >out 2>err || STATUS=$?
exits 0
out "result = 9"

# Names of our own making keep out of the way of the text's.
run eval 'g1 = x * 2; (g1 + 1) * 3' x=1
exits 0
row_is g1 "g1 mul x, 2 2 3"
row_is g2 "g2 add g1, 1 3 3"

# ---- What has no gradient -----------------------------------------------------------------------

run eval 'x*2' 'x=[1,2]'
exits 0
out "no gradient: the result has shape [2]"
run eval 'argmax(x)' 'x=[1,5,2]'
exits 0
out "no gradient: the result is of type i64"
run eval 'x > 2' x=1
exits 0
row_is g1 "g1 greater x, 2 false"
run eval 'where(x > 1, x, y)' x=1 y=2
exits 0
row_is y "y input 2 1"
run eval 'x*2' 'x=[1,2]' --wrt x
refused "no gradient: the result has shape [2]"
run eval 'x*2' 'x=[1,2]' --check
refused "--check: no gradient"

run eval 'x*y' x=1 y=2 --wrt x
exits 0
row_is x "x input 1 2"
row_is y "y input 2"
run eval 'weight*x' weight=1 x=2 --wrt weigth
refused "did you mean 'weight'?"

# ---- Forms of output ----------------------------------------------------------------------------

run eval '2 * x' x=0.1 --json
exits 0
silent
out_is '{
  "value": 0.2,
  "inputs": {
    "x": {
      "value": 0.1,
      "grad": 2
    }
  },
  "gates": [
    {
      "name": "g1",
      "op": "mul",
      "inputs": ["2", "x"],
      "shape": [],
      "value": 0.2,
      "grad": 1
    }
  ]
}'
run eval 'x + y' x=0.1 y=0.2 --json
out '"value": 0.30000000000000004'
run eval 'log(x)' x=-1 --json
exits 0
out '"value": null'
run eval 'x * 2' 'x=[[1,2],[3,4]]' --json
out '"shape": [2, 2]'
out '[6, 8]'
out '"grad": null'

run eval 'b = a + a; c = b + b' a=3 --dot
exits 0
silent
out 'digraph circuit {'
out 'label="a\nvalue 3\ngradient 4"'
out 'label="c: add\nvalue 12\ngradient 1"'
out 'n1 -> n2'
if command -v dot >/dev/null; then
    dot -Tsvg "$WORK/out" >picture.svg 2>err || fault "dot refuses the drawing"
    grep -q '<svg' picture.svg || fault "dot draws nothing"
fi

# ---- Check and steps ----------------------------------------------------------------------------

run eval 'sum(relu(x))' 'x=[1,-1,0]' --check
exits 0
out "passed"
out "kinks"
run eval 'x*y - x*y + y' x=1 y=2 --check
exits 1
out "vacuous"

run eval 'x*y' x=-2 y=3 --step 0.01 --digits 5
exits 0
row_is 1 "1 -5.8706 -1.97 2.98"
run eval 'sigmoid(a*x+b*y+c)' a=1 b=2 c=-3 x=-1 y=3 --step 0.01
exits 0
near "$(row 1 | cut -d' ' -f2)" 0.88255 5e-5
run eval 'x^2' x=1 --step 0.25 --times 2 --descend --json
exits 0
out '"step": 2'
out '"x": 0.25'

# ---- Refusals -----------------------------------------------------------------------------------

run eval '(x + y +' x=1 y=2
refused "expression:1:9: expected an operand after '+'"
err "          ^"
run eval 'sigmod(x)' x=1
refused "unknown function 'sigmod'; did you mean 'sigmoid'?"
run eval '(x+y)*z' x=1
refused "no values for y, z"
run eval 'x+y' x=1
refused "no value for y"
run eval 'weight*x' wieght=1 x=2
refused "the expression has no input 'wieght'; did you mean 'weight'?"
run eval 'x+y' x=1 y=2 W=3
refused "the expression has no input 'W' (inputs: x, y)"
run eval 'W+y' w=1 y=2
refused "did you mean 'W'?"
run eval '1+2' x=1
refused "no inputs"
run eval 'x*2' x=1 x=2
refused "'x' has two values"
run eval 'x*2' 5
refused "'5' is not of the form name=value"
run eval 'x*2' x=abc
refused "x:1:1: expected a number"
run eval 'x*2' 'x=[[1,2],[3]]'
refused "length 1 where the rows before have length 2"
run eval 'x @ y' 'x=[1,2]' 'y=[1,2,3]'
refused "matmul (expression:1:3): inner sizes differ: [2] x [3]"
err "  x @ y"
run eval 'x + y' 'x=[1,2]' 'y=[1,2,3]'
refused "add (expression:1:3)"
run eval 'fc(x, 3)' x=1
refused "layers with parameters"
run eval
refused "which expression?"
run eval ''
refused "there is no expression"
run eval @missing x=1
exits 3
err "missing: No such file"
printf 'x +\n* y\n' >wrong
run eval @wrong x=1 y=2
refused "wrong:"
run eval -x x=1
refused "goes after '--'"
run eval 'x' x=1 --jsn
refused "did you mean '--json'?"
run eval 'x' x=1 --times 3
refused "belong to --step"
run eval 'x' x=1 --dot --json
refused "leave out"
run eval '3' --step 1
refused "no inputs"
run eval 'x' x=1 --plan --dot
refused "leave out"
run eval '(x + y) * z' x=1 y=2 z=3 --plan
exits 0
silent
out "alive at most"
out "mul"

done_testing
