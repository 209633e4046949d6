#!/usr/bin/env python3
"""Nearest neighbours beside FAISS's flat index: CIFAR-10's raw pixels, k = 1, by L1 and by L2.

    GRADUS_DATA=… bench/peers/knn_bench.py [--examples N] [--rounds N] [--threads N] [--build DIR]

Both take the same first N test pictures against all 50,000 (FAISS as 32-bit floats, which are all
it takes), in turn; a figure is the median of the rounds, without loading and building the index.
Prints a table in Markdown. Needs `pip install faiss-cpu numpy`.
"""
import argparse
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = 1 + 3 * 32 * 32


def content(path):
    packed = path.with_name(path.name + ".gz")
    return gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()


def pictures(folder, names):
    import numpy

    rows = numpy.frombuffer(b"".join(content(folder / n) for n in names), numpy.uint8)
    rows = rows.reshape(-1, ROW)
    return rows[:, 1:].astype(numpy.float32), rows[:, 0]


def gradus(args, distance):
    command = [args.build / "gradus", "knn", "--data", "cifar10", "--distance", distance, "--k", "1",
               "--threads", str(args.threads), "--test-examples", str(args.examples), "--json"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    args = parser.parse_args()
    try:
        import faiss
    except ImportError:
        sys.exit("knn_bench.py: needs `pip install faiss-cpu numpy`")
    folder = pathlib.Path(os.environ.get("GRADUS_DATA", ".")) / "cifar-10-batches-bin"
    train, labels = pictures(folder, [f"data_batch_{i}.bin" for i in range(1, 6)])
    test, wanted = pictures(folder, ["test_batch.bin"])
    test, wanted = test[:args.examples], wanted[:args.examples]
    faiss.omp_set_num_threads(args.threads)
    print("| distance | Gradus, s | FAISS, s | times as fast | Gradus, right | FAISS, right |"
          " Gradus, MB |\n|---|---|---|---|---|---|---|")
    for distance, metric in ("l1", faiss.METRIC_L1), ("l2", faiss.METRIC_L2):
        index = faiss.IndexFlat(train.shape[1], metric)
        index.add(train)
        ours, theirs = [], []
        for _ in range(args.rounds):
            said = gradus(args, distance)
            ours.append(said["seconds"])
            start = time.perf_counter()
            _, found = index.search(test, 1)
            theirs.append(time.perf_counter() - start)
        a, b = statistics.median(ours), statistics.median(theirs)
        right = int((labels[found[:, 0]] == wanted).sum())
        print(f"| {distance.upper()} | {a:.3g} | {b:.3g} | {b / a:.3g} |"
              f" {round(said['test_accuracy'] * len(wanted))} | {right} |"
              f" {said['peak_bytes'] / 1e6:.0f} |", flush=True)


if __name__ == "__main__":
    main()
