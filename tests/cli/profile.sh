#!/bin/sh
# --profile, --profile-order and --trace of gradus train and gradus test.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"

i=0
while [ $i -lt 70 ]; do
    echo "$i.5,$((i * 7 % 5)),$([ $((i % 2)) = 0 ] && echo even || echo odd)"
    i=$((i + 1))
done >table.csv
train() {
    run train --net 'fc(5) |> tanh |> fc(2)' --data table.csv --epochs 3 --batch 16 --out m.safetensors "$@"
}

train --profile
exits 0
silent
out "training, 16 rows: 9 steps" # 56 examples to train: 3 and a half batches
out "matmul"
out "GFLOP/s"
out "test accuracy"

# In order, the first product comes before the loss's logarithm; by time it need not.
train --profile-order
exits 0
awk '$1 == "matmul" && !m { m = NR } $1 == "log" && !l { l = NR } END { exit !(m && l && m < l) }' \
    out || fault "the gates are not in order"

# A terminal of 80 columns holds the table.
COLUMNS=80 train --profile
exits 0
[ "$(wc -L <out)" -le 80 ] || fault "a line is longer than 80 columns"
out "kernel"

train --json --profile
exits 0
silent
out '{"profile":"training, 16 rows","op":"'
out '"roofline":'
if command -v python3 >/dev/null; then
    python3 - <<'CHECK' || fault "a line is no JSON, or lacks something"
import json
rows = [json.loads(line) for line in open("out")]
# A table leaves out programs that took next to no time; the lines do not.
programs = {row["profile"]: row["calls"] for row in rows if "profile" in row}
assert programs == {"training, 16 rows": 9, "training, 8 rows": 3, "test, 14 rows": 1}, programs
gates = [row for row in rows if row.get("profile") == "training, 16 rows"]
assert len(gates) > 10, len(gates)
assert all(gate["calls"] == 9 for gate in gates)
assert abs(sum(gate["share"] for gate in gates) - 1) < 1e-6
assert any(gate["op"] == "matmul" and gate["flops"] == 2 * 16 * 2 * 5 for gate in gates)
CHECK
fi

run test m.safetensors --data table.csv --profile --trace trace.json
exits 0
silent
out "test, 64 rows: 1 step of" # and one of the other 6
out "overall accuracy"
if command -v python3 >/dev/null; then
    python3 - <<'CHECK' || fault "trace.json is no trace"
import json
events = json.load(open("trace.json"))["traceEvents"]
calls = [event for event in events if event["ph"] == "X"]
assert any(event["name"] == "test, 64 rows" for event in calls)
step = next(event for event in calls if event["cat"] == "step")
for event in calls:
    assert step["ts"] <= event["ts"] and event["dur"] >= 0
CHECK
fi
run test m.safetensors --data table.csv --json
exits 0
if grep -q '"profile"' out; then fault "there is a profile that nobody asked for"; fi

train --trace no/such/folder/trace.json
exits 3
err "no/such/folder"

done_testing
