"""What the peers' scripts share: options, timing, and the line of JSON that each prints.

A line has the fields of `gradus bench --json`: name, threads, batch, ms (median), min_ms, rss_mb;
and mode and version, which say of what. With --serve a script keeps its net and waits: for every
line on standard input it measures once and prints a line, so that bench/compare can take turns
with Gradus and pays once for what a peer compiles.
"""
import argparse
import json
import resource
import statistics
import sys
import time


def parser(description, names):
    result = argparse.ArgumentParser(description=description.splitlines()[0])
    result.add_argument("name", choices=names)
    result.add_argument("--threads", type=int, default=2)
    result.add_argument("--seconds", type=float, default=3)
    result.add_argument("--serve", action="store_true", help="measure once per line of stdin")
    return result


def peak_mb():
    """The largest resident size of this program, without that of the process before exec."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            kb = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(kb / 1024)


def measure(step, seconds, steps_per_call):
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start) / steps_per_call)
    return {"ms": statistics.median(times), "min_ms": min(times)}


def report(options, step, mode, version, batch, steps_per_call=1):
    """Measures `step`, a call that does `steps_per_call` steps, and prints a line per round."""
    for _ in range(3):
        step()
    for _ in sys.stdin if options.serve else [None]:
        print(json.dumps({
            "name": options.name,
            "mode": mode,
            "threads": options.threads,
            "batch": batch,
            **measure(step, options.seconds, steps_per_call),
            "rss_mb": peak_mb(),
            "version": version,
        }), flush=True)
