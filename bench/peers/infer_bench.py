#!/usr/bin/env python3
"""Times inference of one example in ONNX Runtime or PyTorch: peers of `gradus bench infer-NAME`.

    infer_bench.py infer-NAME [--mode ort|eager] [--threads N] [--seconds S] [--serve]

PyTorch exports the net once, in a process of its own, into the system's temporary folder: ONNX
Runtime's memory is then its own.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import measure

# name: shape of the example
SHAPES = {
    "infer-mlp": (1, 784),
    "infer-lenet": (1, 1, 28, 28),
    "infer-quick": (1, 3, 32, 32),
    "infer-resnet18": (1, 3, 32, 32),
}


def torch_net(name):
    import torch

    import nets

    torch.manual_seed(0)
    net = nets.mlp(784, 256, 128, 10) if name == "infer-mlp" else getattr(nets, name[6:])()
    return net.eval(), torch.randn(SHAPES[name])


def export(name, path):
    import torch

    net, x = torch_net(name)
    torch.onnx.export(net, (x,), path, dynamo=False)


def exported(name):
    """The ONNX file of a net, written if it is not there yet."""
    path = pathlib.Path(tempfile.gettempdir()) / f"gradus-peers-{os.getuid()}" / f"{name}.onnx"
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        command = [sys.executable, __file__, name, "--export", part]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        part.rename(path)
    return str(path)


def run_ort(options):
    import numpy
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(
        exported(options.name), settings, providers=["CPUExecutionProvider"]
    )
    x = numpy.random.default_rng(0).standard_normal(SHAPES[options.name], dtype=numpy.float32)
    feed = {session.get_inputs()[0].name: x}
    version = f"ONNX Runtime {onnxruntime.__version__}"
    measure.report(options, lambda: session.run(None, feed), "ort", version, 1)


def run_torch(options):
    import torch

    torch.set_num_threads(options.threads)
    net, x = torch_net(options.name)
    with torch.inference_mode():
        measure.report(options, lambda: net(x), "eager", f"PyTorch {torch.__version__}", 1)


def main():
    parser = measure.parser(__doc__, SHAPES)
    parser.add_argument("--mode", choices=["ort", "eager"], default="ort")
    parser.add_argument("--export", metavar="FILE", help="only write the net as ONNX")
    options = parser.parse_args()
    if options.export:
        export(options.name, options.export)
    elif options.mode == "ort":
        run_ort(options)
    else:
        run_torch(options)


if __name__ == "__main__":
    main()
