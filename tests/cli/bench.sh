#!/bin/sh
# gradus bench: the machine, workloads, profiles, refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"

# bench ARGUMENTS…: as short as can be.
bench() {
    run bench --seconds 0.01 "$@"
}

# ---- Names --------------------------------------------------------------------------------------

run bench --list
exits 0
silent
for name in xor mlp_b1 softmax cifar2 mlp mlp_adam lenet quick full alexnet resnet18 \
    charlstm ntm elementwise infer-mlp infer-lenet infer-quick infer-resnet18; do
    grep -q "^$name " out || fault "no $name in the list"
done

run bench ops --list
exits 0
silent
grep -q '^op-conv3d  *4x8x16x16x16  *conv(16, 3, pad=1)$' out || fault "no layer in the list of ops"
sed -n 's/^op-\([a-z0-9_]*\) .*/\1/p' out >names
sed -n 's/^    "\([a-z0-9_]*\)": (\[.*/\1/p' "$GRADUS_SOURCE/bench/peers/op_bench.py" >peers
cmp -s names peers || fault "bench/peers/op_bench.py has other layers"

# ---- Workloads ----------------------------------------------------------------------------------

bench xor mlp_b1 infer-mlp --no-machine --json --threads 1
exits 0
silent
if command -v python3 >/dev/null; then
    python3 - <<'CHECK' || fault "a line is no JSON, or lacks something"
import json
rows = [json.loads(line) for line in open("out")]
assert [row["name"] for row in rows] == ["xor", "mlp_b1", "infer-mlp"]
assert [row["batch"] for row in rows] == [4, 1, 1]
for row in rows:
    assert row["threads"] == 1
    assert 0 < row["min_ms"] <= row["ms"]
    assert row["gflops"] > 0 and row["gbs"] > 0 and row["kernels"] > 3
    assert row["roofline"] is None and row["peak_gflops"] is None
    assert 1 < row["rss_mb"] < 200
    assert row["compile_ms"] > 0 and row["start_ms"] > 0
# Multiply-adds of the products, twice; the rest is small beside them.
assert 2 * (784 * 256 + 256 * 128 + 128 * 10) < rows[2]["flops"] < 2.02 * 235e3
CHECK
fi

# Each layer builds, and its gradients; of a sanitizer's build, to which unit tests show them all, a
# few do.
layers=ops
if [ -n "${GRADUS_SANITIZE:-}" ]; then
    awk 'NR % 12 == 1' names >few && mv few names
    layers=$(sed 's/^/op-/' names)
fi
# shellcheck disable=SC2086 # a list of names
bench $layers --no-machine --threads 2 --json
exits 0
silent
[ "$(wc -l <out)" -eq "$(wc -l <names)" ] || fault "layers are missing"

bench xor --threads 1 --exact
exits 0
silent
out "kernels for"
out "limit %"
grep -q '^xor  .* [mµnu]*s ' out || fault "no row of xor"

for columns in 80 40; do
    COLUMNS=$columns bench xor infer-mlp --no-machine --threads 1
    exits 0
    [ "$(wc -L <out)" -le $columns ] || fault "a line is longer than $columns columns"
done

# ---- The machine --------------------------------------------------------------------------------

run bench machine --threads 1 --json
exits 0
silent
if command -v python3 >/dev/null; then
    python3 - <<'CHECK' || fault "the machine's line lacks something"
import json
(row,) = [json.loads(line) for line in open("out")]
assert row["name"] == "machine" and row["threads"] == 1
assert row["fma_gflops"] > 0 and row["matmul_gflops"] > 0
assert [level["name"] for level in row["memory"]][0::len(row["memory"]) - 1] == ["L1", "DRAM"]
assert all(level["read_gbs"] > 0 and level["triad_gbs"] > 0 for level in row["memory"])
CHECK
fi

# ---- Profiles -----------------------------------------------------------------------------------

bench infer-mlp --threads 1 --profile --trace trace.json --json
exits 0
silent
out '{"profile":"infer-mlp","op":"'
out '"roofline":'
out '{"name":"infer-mlp"'
[ -s trace.json ] || fault "there is no trace"
bench infer-mlp --threads 1 --profile-order
exits 0
out "infer-mlp: "
out "fc1"

bench mlp_b1 --threads 1 --plan --no-machine
exits 0
out "alive at most"
out "grad(fc1/weight)"

# ---- Refusals -----------------------------------------------------------------------------------

bench lanet
refused "there is no workload 'lanet'; did you mean 'lenet'?"
bench zzzzzzzzz
refused "--list"
bench --trace trace.json
refused "--trace is for one workload"
bench machine --no-machine
refused "nothing else"
run bench xor --worker 77
refused "own use"
bench xor --threads 0
refused "--threads"
LINE="gradus bench with passes that there are not"
GRADUS_PASSES=-nonsense bench xor --no-machine
exits 3
err "xor: "
run bench --help
exits 0
grep -q -- "--worker" out && fault "the help tells of --worker"

done_testing
