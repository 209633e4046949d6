#!/usr/bin/env python3
"""Checks that Gradus computes what PyTorch does: the nets of the infer-workloads, same parameters.

    outputs.py [NAME...] [--build DIR] [--rows N]

The net's text for Gradus is written from PyTorch's modules, its parameters and one batch with
PyTorch's outputs go into a safetensors file, and bench/outputs.c compares. Prints the largest
difference of each net; exits with 1 if one is above 1e-5 of the largest output.
"""
import argparse
import collections
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import save_file
from torch import nn

import infer_bench
import nets

ROOT = pathlib.Path(__file__).resolve().parents[2]


def word(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


class Writer:
    """Writes a net as text and collects its parameters under the names in that text."""

    def __init__(self):
        self.counts = collections.Counter()
        self.statements = []
        self.tensors = {}

    def layer(self, kind, module, *sizes, **options):
        """A layer with variables, named by kind and order."""
        self.counts[kind] += 1
        name = f"{kind}{self.counts[kind]}"
        names = {"weight": "weight", "bias": "bias"}
        if kind == "batchnorm":
            names = {"weight": "gamma", "bias": "beta", "running_mean": "mean",
                     "running_var": "variance"}
        for theirs, ours in names.items():
            if getattr(module, theirs) is not None:
                self.tensors[f"{name}/{ours}"] = getattr(module, theirs).detach().contiguous()
        return self.call(kind, *sizes, **options, name=f'"{name}"')

    @staticmethod
    def call(kind, *sizes, **options):
        arguments = [word(size) for size in sizes]
        arguments += [f"{key}={word(value)}" for key, value in options.items()]
        return f" |> {kind}({', '.join(arguments)})"

    def pool(self, kind, module):
        return self.call(kind, module.kernel_size, stride=module.stride, ceil=module.ceil_mode)

    def text(self, source, module):
        """The text of `module` applied to what `source` is the text of."""
        match module:
            case nn.Sequential():
                for child in module:
                    source = self.text(source, child)
            case nets.Residual():
                block = f"block{len(self.statements)}"
                self.statements.append(f"{block} = {source}")
                body, skip = self.text(block, module.body), self.text(block, module.skip)
                source = f"(({body}) + ({skip})) |> relu"
            case nn.Conv2d():
                source += self.layer(
                    "conv", module, module.out_channels, module.kernel_size[0],
                    stride=module.stride[0], pad=module.padding[0], bias=module.bias is not None,
                )
            case nn.Linear():
                source += self.layer("fc", module, module.out_features)
            case nn.BatchNorm2d():
                source += self.layer("batchnorm", module)
            case nn.MaxPool2d():
                source += self.pool("maxpool", module)
            case nn.AvgPool2d():
                source += self.pool("avgpool", module)
            case nn.AdaptiveAvgPool2d():
                source += " |> global_avgpool"
            case nn.ReLU():
                source += " |> relu"
            case nn.Identity() | nn.Flatten():
                pass  # fc takes all axes behind the first
            case _:
                raise ValueError(f"no text for {module}")
        return source


def give_statistics(net):
    """Batch normalisation of a fresh net would do nothing."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)


def compare(name, rows, program, folder):
    net, _ = infer_bench.torch_net(name)
    give_statistics(net)
    x = torch.randn(rows, *infer_bench.SHAPES[name][1:])
    writer = Writer()
    last = writer.text("x", net)
    text = "\n".join([*writer.statements, last])
    with torch.inference_mode():
        tensors = writer.tensors | {"x": x, "y": net(x)}
    path = pathlib.Path(folder) / f"{name}.safetensors"
    save_file(tensors, path)
    done = subprocess.run([program, path, text], capture_output=True, text=True, check=False)
    print(name, "agrees:" if done.returncode == 0 else "DIFFERS:",
          (done.stdout + done.stderr).strip(), flush=True)
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(infer_bench.SHAPES))
    parser.add_argument("--rows", type=int, default=3)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    options = parser.parse_args()
    program = options.build / "bench" / "outputs"
    with tempfile.TemporaryDirectory() as folder:
        agree = [compare(name, options.rows, program, folder) for name in options.names]
    sys.exit(0 if all(agree) else 1)


if __name__ == "__main__":
    main()
