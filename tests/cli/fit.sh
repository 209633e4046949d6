#!/bin/sh
# gradus fit: nets and bumps against a function, refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"

run fit 'sin(3*x) * x' --widths 2,16 --steps 4000
exits 0
silent
out "sin(3*x) * x, x from -3 to 3"
out "2           7"
out "16          49"
cp out first
run fit 'sin(3*x) * x' --widths 2,16 --steps 4000
cmp -s out first || fault "the same seed gives another result"

# Bumps are half-way between the least and the greatest value: of the line from 0 to 1, n of them are
# 1/(2n) off; a net of one step comes near a step, which bumps of two parts are.
run fit 't' --from 0 --to 1 --widths 1,4 --steps 10 --json
exits 0
json_lines() {
    command -v python3 >/dev/null || return 0
    python3 -c 'import json,sys; [json.loads(l) for l in sys.stdin]' <out || fault "no lines of JSON"
}
json_lines
head -1 out | grep -q '"bumps_largest_error":0.5[,}]' || fault "one bump is not 0.5 off"
sed -n 2p out | grep -q '"bumps_largest_error":0.125[,}]' || fault "four bumps are not 0.125 off"
run fit 'tanh(4*x)' --from -1 --to 1 --widths 1 --steps 3000 --rate .02 --json
exits 0
grep -q '"largest_error":[0-9.]*e-' out || fault "one unit of tanh does not learn one"
run fit 'abs(x)' --activation relu --widths 2 --steps 10
exits 0

run fit 'x^2' --widths 1,2,4,8,16,32,64 --steps 2 --figure a.svg --quiet
if [ -s a.svg ]; then
    exits 0
else
    exits 3
    err "libcairo2-dev"
fi

# ---- refusals ----
run fit 'x + y'
refused "'x + y' has 2 inputs: should be a function of one number"
run fit '3'
refused "'3' has 0 inputs"
run fit 'sum(x)'
refused "should be one number for each number 'x'"
run fit 'log(x)'
refused "'log(x)' is nan at x = -3: choose --from and --to"
run fit '1/x' --from 0
refused "is inf at x = 0"
run fit 'x +'
refused "expected an operand"
run fit 'x' --from 3
refused "--from 3 is not below --to 3"
run fit 'x' --widths 2,,3
refused "--widths: '2,,3' is no list of whole numbers from 1 to 4096, as in 2,8,32"
run fit 'x' --widths 0
refused "--widths: '0'"
run fit 'x' --figure a.txt
[ "$STATUS" -ne 0 ] || fault "a.txt is no figure"
run fit
refused "EXPRESSION"
done_testing
