"""The targets, and the tables of bench/compare: what was measured beside what was aimed at."""

# How many times as fast as the best of the peers named.
TIMES = {
    "xor": 200, "mlp_b1": 12, "softmax": 4, "cifar2": 2.2, "mlp": 3, "mlp_adam": 3, "lenet": 3,
    "quick": 2.3, "full": 2.2, "alexnet": 1.9, "charlstm": 1.25, "ntm": 10, "resnet18": 1.6,
    "resnet18 --exact": 1.1, "gpt": 2.5, "elementwise": 2.5,
    "infer-mlp": 1.2, "infer-lenet": 1.2, "infer-quick": 1.2, "infer-resnet18": 1.2,
}
TIMES_JAX = {"mlp": 1.8, "mlp_adam": 1.8}
MEMORY_RATIO = 0.35  # of PyTorch's, for inference of ONNX Runtime's
MOST_MB = {"xor": 20, "lenet": 60, "resnet18": 400}
MOST_MS = {"xor": 0.00035, "mlp_b1": 0.011}
MOST_EVAL_MS = 5
PEAK = {"lenet": 0.55, "quick": 0.75}  # share of the machine's arithmetic
ROOFLINE = {"elementwise": 0.7}  # share of the bandwidth of its memory
RESNET18_MS, RESNET18_GFLOPS = 250, 430  # the time allowed on a machine of that peak
MOST_COMPILE_MS = {"resnet18": 150}

HEAD = ("| workload | Gradus, ms | PyTorch or ONNX Runtime, ms | times as fast | target | JAX, ms "
        "| Gradus, MB | peer, MB | memory | target |\n|---|---|---|---|---|---|---|---|---|---|")


def number(value):
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def verdict(met):
    return "met" if met else "missed"


def best(sides, among):
    """The fastest of the sides whose names start with one of `among`."""
    found = [side for side in sides if side.startswith(among)]
    return min(found, key=lambda side: sides[side]["ms"]) if found else None


def peers_of(name):
    """Whom the targets name: PyTorch for training, ONNX Runtime for inference."""
    return ("ORT",) if name.startswith("infer-") else ("eager", "compile")


def row(name, sides, options):
    ours = sides["Gradus"]
    peer = best(sides, peers_of(name))
    jax = number(sides["JAX"]["ms"]) if "JAX" in sides else "–"
    cells = [name, number(ours["ms"]), "–", "–", "–", jax, f"{ours['rss_mb']:.0f}", "–", "–", "–"]
    if peer:
        times = sides[peer]["ms"] / ours["ms"]
        target = options.exact and TIMES.get(f"{name} --exact") or TIMES[name]
        cells[2:5] = (f"{number(sides[peer]['ms'])} ({peer})", number(times),
                      f"{target:g}: {verdict(times >= target)}")
        peer_mb = min(sides[side]["rss_mb"] for side in sides if side.startswith(peers_of(name)))
        memory = ours["rss_mb"] / peer_mb
        cells[7:] = (f"{peer_mb:.0f}", f"{memory:.2f}",
                     f"{MEMORY_RATIO}: {verdict(memory <= MEMORY_RATIO)}")
    return f"| {' | '.join(cells)} |"


def table(results, options):
    rows = [row(name, sides, options) for name, sides in results.items()]
    return "\n".join([HEAD, *rows])


def most(title, unit, limits, results, field, scale=1.0):
    """Lines of what may be at most so much, for the workloads that have such a limit."""
    for name, limit in limits.items():
        value = results.get(name, {}).get("Gradus", {}).get(field)
        if value is not None:
            yield (f"| {name}: {title} | {number(scale * value)} {unit} | "
                   f"≤ {number(scale * limit)} | {verdict(value <= limit)} |")


def at_least(title, limits, values):
    for name, limit in limits.items():
        if values.get(name) is not None:
            value = values[name]
            yield (f"| {name}: {title} | {number(value)} | ≥ {number(limit)} | "
                   f"{verdict(value >= limit)} |")


def times_of_jax(results):
    return {name: sides["JAX"]["ms"] / sides["Gradus"]["ms"]
            for name, sides in results.items() if "JAX" in sides}


def resnet18_limit(results):
    """The time allowed to ResNet-18 at this machine's peak, where the peak is known."""
    peak = results.get("resnet18", {}).get("Gradus", {}).get("peak_gflops")
    return {"resnet18": RESNET18_MS * RESNET18_GFLOPS / peak} if peak else {}


def peak_share(line):
    """Of the machine's arithmetic, None if that is not known."""
    if not line.get("peak_gflops"):
        return None
    return 1e-6 * line["flops"] / (line["peak_gflops"] * line["ms"])


OTHERS_HEAD = "| also | figure | target | |\n|---|---|---|---|"


def others(results, eval_ms):
    """The targets beside the table's; that of `gradus eval` if its time is given."""
    ours = {name: sides["Gradus"] for name, sides in results.items()}
    lines = [
        *most("a step", "µs", MOST_MS, results, "ms", 1e3),
        *most("a step", "ms", resnet18_limit(results), results, "ms"),
        *at_least("times as fast as JAX", TIMES_JAX, times_of_jax(results)),
        *at_least("share of the arithmetic's limit", PEAK,
                  {name: peak_share(line) for name, line in ours.items()}),
        *at_least("share of the memory's bandwidth", ROOFLINE,
                  {name: line.get("roofline") for name, line in ours.items()}),
        *most("peak memory", "MB", MOST_MB, results, "rss_mb"),
        *most("compiling", "ms", MOST_COMPILE_MS, results, "compile_ms"),
    ]
    if eval_ms is not None:
        lines.append(f"| `gradus eval`, whole process | {number(eval_ms)} ms | ≤ {MOST_EVAL_MS} | "
                     f"{verdict(eval_ms <= MOST_EVAL_MS)} |")
    return "\n".join([OTHERS_HEAD, *lines])


OP_HEAD = ("| layer | net | x | Gradus, ms | PyTorch, ms | times as fast |\n"
           "|---|---|---|---|---|---|")


def op_row(name, shape, net, sides):
    ours = sides["Gradus"]["ms"]
    cells = [name, f"`{net}`".replace("|", "\\|"), shape.replace("x", "×"), number(ours), "–", "–"]
    if "PyTorch" in sides:
        cells[4:] = number(sides["PyTorch"]["ms"]), number(sides["PyTorch"]["ms"] / ours)
    return f"| {' | '.join(cells)} |"


def op_count(table):
    """How many layers a table has, and which of them are slower than PyTorch's."""
    rows = [line.removesuffix(" |").split(" | ") for line in table.splitlines()[2:]]
    slow = [cells[0].removeprefix("| ") for cells in rows
            if cells[-1] != "–" and float(cells[-1]) < 1]
    count = f"{len(rows)} layers, {len(slow)} of them slower than PyTorch's"
    return f"{count}{': ' + ', '.join(slow) if slow else ''}."
