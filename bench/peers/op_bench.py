#!/usr/bin/env python3
"""Times single layers in PyTorch, forward and backward: those of `gradus bench ops`.

    op_bench.py [NAME...] [--threads N] [--seconds S]

A line of JSON for each: name, median and least milliseconds of a step.
"""
import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

IMAGE = (16, 64, 32, 32)


def mvn(x):
    centred = x - x.mean((2, 3), keepdim=True)
    return centred / ((centred**2).mean((2, 3), keepdim=True).sqrt() + 1e-9)


def lrn_within(x):
    return x / (1 + 5e-5 * F.avg_pool2d(x * x, 3, 1, 1)) ** 0.75


def spp(x):
    return torch.cat([F.max_pool2d(x, 24 // bins).flatten(1) for bins in (1, 2, 4)], 1)


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(64, 1, 1))
        self.beta = nn.Parameter(torch.zeros(64, 1, 1))

    def forward(self, x):
        return x * self.gamma + self.beta


# name: (shape of x, what makes the layer)
OPS = {
    "conv1d": ((16, 64, 256), lambda: nn.Conv1d(64, 64, 3, padding=1)),
    "conv3d": ((4, 8, 16, 16, 16), lambda: nn.Conv3d(8, 16, 3, padding=1)),
    "depthwise": (IMAGE, lambda: nn.Conv2d(64, 64, 3, padding=1, groups=64)),
    "grouped": (IMAGE, lambda: nn.Conv2d(64, 64, 3, padding=1, groups=4)),
    "dilated": (IMAGE, lambda: nn.Conv2d(64, 64, 3, padding=2, dilation=2)),
    "convtranspose": ((16, 64, 16, 16), lambda: nn.ConvTranspose2d(64, 32, 4, 2, 1)),
    "im2col": ((4, 32, 32, 32), lambda: nn.Unfold(3, padding=1)),
    "maxpool": ((16, 64, 56, 56), lambda: nn.MaxPool2d(3, 2, 1)),
    "avgpool": ((16, 64, 56, 56), lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False)),
    "maxpool1d": ((16, 64, 1024), lambda: nn.MaxPool1d(2)),
    "avgpool3d": ((4, 16, 16, 32, 32), lambda: nn.AvgPool3d(2)),
    "adaptive_avgpool": ((16, 64, 30, 30), lambda: nn.AdaptiveAvgPool2d(7)),
    "adaptive_maxpool": ((16, 64, 30, 30), lambda: nn.AdaptiveMaxPool2d(7)),
    "global_avgpool": ((16, 256, 14, 14), lambda: nn.AdaptiveAvgPool2d(1)),
    "global_maxpool": ((16, 256, 14, 14), lambda: nn.AdaptiveMaxPool2d(1)),
    "spp": ((16, 64, 24, 24), lambda: spp),
    "lrn": (IMAGE, lambda: nn.LocalResponseNorm(5, 1e-4)),
    "lrn_within": (IMAGE, lambda: lrn_within),
    "batchnorm": (IMAGE, lambda: nn.BatchNorm2d(64)),
    "groupnorm": (IMAGE, lambda: nn.GroupNorm(8, 64)),
    "instancenorm": (IMAGE, lambda: nn.InstanceNorm2d(64)),
    "mvn": (IMAGE, lambda: mvn),
    "scale": (IMAGE, Scale),
    "layernorm": ((1024, 256), lambda: nn.LayerNorm(256)),
    "upsample_nearest": ((16, 32, 32, 32), lambda: nn.Upsample(scale_factor=2)),
    "upsample_linear": ((16, 32, 32, 32), lambda: nn.Upsample(scale_factor=2, mode="bilinear")),
    "pixel_shuffle": (IMAGE, lambda: nn.PixelShuffle(2)),
    "pixel_unshuffle": ((16, 16, 64, 64), lambda: nn.PixelUnshuffle(2)),
    "dropout": (IMAGE, lambda: nn.Dropout(0.5)),
    "channel_dropout": (IMAGE, lambda: nn.Dropout2d(0.5)),
    "alpha_dropout": (IMAGE, lambda: nn.AlphaDropout(0.5)),
    "gaussian_noise": (IMAGE, lambda: lambda x: x + 0.1 * torch.randn_like(x)),
    "prelu": (IMAGE, lambda: nn.PReLU(64)),
    "gelu": (IMAGE, nn.GELU),
    "silu": (IMAGE, nn.SiLU),
    "softmax": ((1024, 256), lambda: nn.Softmax(-1)),
}


def measure(name, seconds):
    shape, make = OPS[name]
    layer = make()
    params = list(layer.parameters()) if isinstance(layer, nn.Module) else []
    x = torch.randn(shape, requires_grad=True)
    dy = torch.randn_like(layer(x))

    def step():
        torch.autograd.grad(layer(x), [x, *params], dy)

    for _ in range(3):
        step()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        begin = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - begin))
    return {"name": name, "ms": statistics.median(times), "min_ms": min(times)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    for name in args.names or OPS:
        print(json.dumps(measure(name, args.seconds)), flush=True)


if __name__ == "__main__":
    main()
