#!/bin/sh
# bench/compare --write: rows as they come, beside those that are there; a fault costs its own row.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
LINE=merge
python3 -m doctest "$GRADUS_SOURCE/bench/peers/merge.py" >out 2>err || fault "the examples differ"
mkdir -p tree/docs
cp -r "$GRADUS_SOURCE/bench" tree/bench
cat >tree/docs/performance.md <<'END'
# Before
<!-- bench/compare writes from here -->

Monday.

END
python3 - >>tree/docs/performance.md <<'END'
import sys
sys.path.insert(0, "tree/bench/peers")
import report
dashes = " | ".join(["–"] * 9)
print(report.HEAD)
for name in ("xor", "lenet", "mine"):
    print(f"| {name} | {dashes} |")
print(f"\n{report.OTHERS_HEAD}\n| xor: a step (Monday's) | 1 µs | ≤ 0.35 | missed |")
END
printf '\n<!-- to here -->\nAfter.\n' >>tree/docs/performance.md

LINE="bench/compare mlp_b1 nosuch xor --write"
STATUS=0
python3 tree/bench/compare mlp_b1 nosuch xor --write --rounds 1 --seconds 0.01 --threads 1 \
    --without eager --without compile --without JAX --build "$(dirname "$GRADUS")" \
    >out 2>err || STATUS=$?
exits 1
err "failed: nosuch"
out "| mlp_b1 | "
cp tree/docs/performance.md out
out "# Before"
out "After."
out "Monday."
out '`mlp_b1`, `xor`: '
grep -q '^| xor | [0-9]' out || fault "xor is not written"
grep -q '^| mine | – ' out || fault "a row that was not measured is gone"
grep -q '^| lenet | – ' out || fault "a row that was not measured is gone"
[ "$(grep -c '^| xor: a step' out)" -eq 1 ] || fault "a figure is there twice"
[ "$(grep '^| [a-z]' out | sed -n '2,4s/^| \([a-z_0-9]*\) .*/\1/p' | tr '\n' ' ')" = "xor mlp_b1 lenet " ] ||
    fault "the rows are in another order"
done_testing
