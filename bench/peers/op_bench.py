#!/usr/bin/env python3
"""Times single layers in PyTorch, forward and backward: those of `gradus bench ops`.

    op_bench.py [NAME...] [--threads N] [--seconds S] [--list] [--serve]

A line of JSON for each: name, median and least milliseconds of a step. With --serve the names come
on standard input, a line each.
"""
import argparse
import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

IMAGE, ROWS, SCORES = (16, 64, 32, 32), (1024, 256), (256, 1000)
SEQUENCE = (16, 32, 128)


class Draw:
    """An input: numbers from low to high, whole ones below high if `dtype` is of integers."""

    def __init__(self, *shape, low=-1.0, high=1.0, dtype=torch.float32, gradient=True):
        self.shape, self.low, self.high, self.dtype = shape, low, high, dtype
        self.gradient = gradient and dtype.is_floating_point

    def tensor(self):
        if not self.dtype.is_floating_point:
            return torch.randint(self.low, self.high, self.shape, dtype=self.dtype)
        drawn = self.low + (self.high - self.low) * torch.rand(self.shape)
        return drawn.requires_grad_(self.gradient)


def whole(high, *shape, low=0, dtype=torch.int64):
    return Draw(*shape, low=low, high=high, dtype=dtype)


def target(*shape, low=-1.0, high=1.0):
    return Draw(*shape, low=low, high=high, gradient=False)


def mvn(x):
    centred = x - x.mean((2, 3), keepdim=True)
    return centred / ((centred**2).mean((2, 3), keepdim=True).sqrt() + 1e-9)


def lrn_within(x):
    return x / (1 + 5e-5 * F.avg_pool2d(x * x, 3, 1, 1)) ** 0.75


def spp(x):
    return torch.cat([F.max_pool2d(x, 24 // bins).flatten(1) for bins in (1, 2, 4)], 1)


def focal(x, y):
    """Lin et al. 2017, as torchvision has it, alpha 1/4, gamma 2."""
    p = torch.sigmoid(x)
    entropy = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    missed = p * (1 - y) + (1 - p) * y
    return ((0.25 * y + 0.75 * (1 - y)) * missed**2 * entropy).mean()


def ctc(x, labels, frames, counts):
    return F.ctc_loss(F.log_softmax(x, -1).transpose(0, 1), labels, frames, counts)


def recurrent(kind, **options):
    """A layer whose result is the h of every step."""
    layer = kind(128, 128, batch_first=True, **options)
    return layer, lambda x: layer(x)[0]


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(64, 1, 1))
        self.beta = nn.Parameter(torch.zeros(64, 1, 1))

    def forward(self, x):
        return x * self.gamma + self.beta


class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = nn.Parameter(torch.randn(64, 128))

    def forward(self, x):
        return x + self.rows


class Attention(nn.Module):
    """Four heads of width 32 by PyTorch's own attention."""

    def __init__(self, causal):
        super().__init__()
        self.causal = causal
        self.read, self.write = nn.Linear(128, 384), nn.Linear(128, 128)

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = (part.view(n, t, 4, 32).transpose(1, 2) for part in self.read(x).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.write(y.transpose(1, 2).reshape(n, t, 128))


class Rotary(nn.Module):
    """Su et al. 2021, the halves of the last axis turned."""

    def __init__(self):
        super().__init__()
        angle = torch.arange(64)[:, None] / 10000 ** (torch.arange(16) / 16)
        self.cos, self.sin = angle.cos(), angle.sin()

    def forward(self, x):
        a, b = x.chunk(2, -1)
        return torch.cat((a * self.cos - b * self.sin, b * self.cos + a * self.sin), -1)


# name: (inputs, what makes the layer: a module, a function, or a pair of the module whose
# parameters are meant and the function)
OPS = {
    "fc": ([Draw(128, 512)], lambda: nn.Linear(512, 512)),
    "linear": ([Draw(8, 64, 256)], lambda: nn.Linear(256, 512)),
    "matmul": ([Draw(16, 128, 64), Draw(16, 64, 128)], lambda: torch.matmul),
    "einsum": ([Draw(8, 64, 4, 32), Draw(8, 64, 4, 32)],
               lambda: lambda x, y: torch.einsum("nihd,njhd->nhij", x, y)),
    "conv": ([Draw(*IMAGE)], lambda: nn.Conv2d(64, 64, 3, padding=1)),
    "conv1x1": ([Draw(*IMAGE)], lambda: nn.Conv2d(64, 128, 1)),
    "conv_strided": ([Draw(16, 32, 32, 32)], lambda: nn.Conv2d(32, 64, 5, 2, 2)),
    "conv1d": ([Draw(16, 64, 256)], lambda: nn.Conv1d(64, 64, 3, padding=1)),
    "conv3d": ([Draw(4, 8, 16, 16, 16)], lambda: nn.Conv3d(8, 16, 3, padding=1)),
    "depthwise": ([Draw(*IMAGE)], lambda: nn.Conv2d(64, 64, 3, padding=1, groups=64)),
    "depthwise_strided": ([Draw(*IMAGE)], lambda: nn.Conv2d(64, 64, 3, 2, 1, groups=64)),
    "depthwise1d": ([Draw(16, 64, 256)], lambda: nn.Conv1d(64, 64, 5, padding=2, groups=64)),
    "grouped": ([Draw(*IMAGE)], lambda: nn.Conv2d(64, 64, 3, padding=1, groups=4)),
    "dilated": ([Draw(*IMAGE)], lambda: nn.Conv2d(64, 64, 3, padding=2, dilation=2)),
    "convtranspose": ([Draw(16, 64, 16, 16)], lambda: nn.ConvTranspose2d(64, 32, 4, 2, 1)),
    "convtranspose1d": ([Draw(16, 64, 128)], lambda: nn.ConvTranspose1d(64, 32, 4, 2, 1)),
    "im2col": ([Draw(4, 32, 32, 32)], lambda: nn.Unfold(3, padding=1)),
    "maxpool": ([Draw(16, 64, 56, 56)], lambda: nn.MaxPool2d(3, 2, 1)),
    "maxpool_even": ([Draw(16, 64, 56, 56)], lambda: nn.MaxPool2d(2)),
    "avgpool": ([Draw(16, 64, 56, 56)], lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False)),
    "maxpool1d": ([Draw(16, 64, 1024)], lambda: nn.MaxPool1d(2)),
    "maxpool3d": ([Draw(4, 16, 16, 32, 32)], lambda: nn.MaxPool3d(2)),
    "avgpool3d": ([Draw(4, 16, 16, 32, 32)], lambda: nn.AvgPool3d(2)),
    "adaptive_avgpool": ([Draw(16, 64, 30, 30)], lambda: nn.AdaptiveAvgPool2d(7)),
    "adaptive_maxpool": ([Draw(16, 64, 30, 30)], lambda: nn.AdaptiveMaxPool2d(7)),
    "global_avgpool": ([Draw(16, 256, 14, 14)], lambda: nn.AdaptiveAvgPool2d(1)),
    "global_maxpool": ([Draw(16, 256, 14, 14)], lambda: nn.AdaptiveMaxPool2d(1)),
    "spp": ([Draw(16, 64, 24, 24)], lambda: spp),
    "lrn": ([Draw(*IMAGE)], lambda: nn.LocalResponseNorm(5, 1e-4)),
    "lrn_within": ([Draw(*IMAGE)], lambda: lrn_within),
    "batchnorm": ([Draw(*IMAGE)], lambda: nn.BatchNorm2d(64)),
    "groupnorm": ([Draw(*IMAGE)], lambda: nn.GroupNorm(8, 64)),
    "instancenorm": ([Draw(*IMAGE)], lambda: nn.InstanceNorm2d(64)),
    "mvn": ([Draw(*IMAGE)], lambda: mvn),
    "scale": ([Draw(*IMAGE)], Scale),
    "layernorm": ([Draw(*ROWS)], lambda: nn.LayerNorm(256)),
    "layernorm_wide": ([Draw(128, 4096)], lambda: nn.LayerNorm(4096)),
    "rmsnorm": ([Draw(*ROWS)], lambda: nn.RMSNorm(256)),
    "upsample_nearest": ([Draw(16, 32, 32, 32)], lambda: nn.Upsample(scale_factor=2)),
    "upsample_linear": ([Draw(16, 32, 32, 32)],
                        lambda: nn.Upsample(scale_factor=2, mode="bilinear")),
    "pixel_shuffle": ([Draw(*IMAGE)], lambda: nn.PixelShuffle(2)),
    "pixel_unshuffle": ([Draw(16, 16, 64, 64)], lambda: nn.PixelUnshuffle(2)),
    "permute": ([Draw(*IMAGE)], lambda: lambda x: x.permute(0, 2, 3, 1).contiguous()),
    "concat": ([Draw(16, 32, 32, 32), Draw(16, 32, 32, 32)],
               lambda: lambda x, y: torch.cat((x, y), 1)),
    "pad": ([Draw(*IMAGE)], lambda: lambda x: F.pad(x, (1, 1, 1, 1))),
    "slice": ([Draw(*IMAGE)], lambda: lambda x: x[:, 16:48, ::2].contiguous()),
    "tile": ([Draw(256, 256)], lambda: lambda x: x.tile(1, 4)),
    "rnn": ([Draw(*SEQUENCE)], lambda: recurrent(nn.RNN)),
    "lstm": ([Draw(*SEQUENCE)], lambda: recurrent(nn.LSTM)),
    "gru": ([Draw(*SEQUENCE)], lambda: recurrent(nn.GRU)),
    "lstm_bidirectional": ([Draw(*SEQUENCE)], lambda: recurrent(nn.LSTM, bidirectional=True)),
    "attention": ([Draw(8, 64, 128)], lambda: Attention(False)),
    "attention_causal": ([Draw(4, 256, 128)], lambda: Attention(True)),
    "embedding": ([whole(5000, 16, 64)], lambda: nn.Embedding(5000, 128)),
    "positions": ([Draw(16, 64, 128)], Positions),
    "rotary": ([Draw(8, 4, 64, 32)], Rotary),
    "gather": ([Draw(4096, 64), whole(4096, 1024)],
               lambda: lambda x, index: torch.index_select(x, 0, index)),
    "gather_along": ([Draw(256, 1024), whole(1024, 256, 256)],
                     lambda: lambda x, index: torch.gather(x, -1, index)),
    "scatter_add": ([Draw(4096, 64), whole(4096, 1024), Draw(1024, 64)],
                    lambda: lambda x, index, update: torch.index_add(x, 0, index, update)),
    "scatter_add_along": ([Draw(256, 1024), whole(1024, 256, 256), Draw(256, 256)],
                          lambda: lambda x, index, update: x.scatter_add(-1, index, update)),
    "sort": ([Draw(256, 1024)], lambda: lambda x: torch.sort(x)[0]),
    "topk": ([Draw(256, 1024)], lambda: lambda x: torch.topk(x, 8)[0]),
    "cumsum": ([Draw(256, 1024)], lambda: lambda x: torch.cumsum(x, -1)),
    "cumsum_rows": ([Draw(1024, 256)], lambda: lambda x: torch.cumsum(x, 0)),
    "sum_channels": ([Draw(*IMAGE)], lambda: lambda x: x.sum(1)),
    "max_last": ([Draw(*ROWS)], lambda: lambda x: x.max(-1)[0]),
    "prod_last": ([Draw(*ROWS)], lambda: lambda x: x.prod(-1)),
    "logsumexp": ([Draw(*ROWS)], lambda: lambda x: torch.logsumexp(x, -1)),
    "dropout": ([Draw(*IMAGE)], lambda: nn.Dropout(0.5)),
    "channel_dropout": ([Draw(*IMAGE)], lambda: nn.Dropout2d(0.5)),
    "alpha_dropout": ([Draw(*IMAGE)], lambda: nn.AlphaDropout(0.5)),
    "gaussian_noise": ([Draw(*IMAGE)], lambda: lambda x: x + 0.1 * torch.randn_like(x)),
    "relu": ([Draw(*IMAGE)], nn.ReLU),
    "leaky_relu": ([Draw(*IMAGE)], nn.LeakyReLU),
    "prelu": ([Draw(*IMAGE)], lambda: nn.PReLU(64)),
    "elu": ([Draw(*IMAGE)], nn.ELU),
    "selu": ([Draw(*IMAGE)], nn.SELU),
    "celu": ([Draw(*IMAGE)], lambda: nn.CELU(2)),
    "gelu": ([Draw(*IMAGE)], nn.GELU),
    "gelu_tanh": ([Draw(*IMAGE)], lambda: nn.GELU(approximate="tanh")),
    "silu": ([Draw(*IMAGE)], nn.SiLU),
    "mish": ([Draw(*IMAGE)], nn.Mish),
    "sigmoid": ([Draw(*IMAGE)], nn.Sigmoid),
    "tanh": ([Draw(*IMAGE)], nn.Tanh),
    "softplus": ([Draw(*IMAGE)], nn.Softplus),
    "softsign": ([Draw(*IMAGE)], nn.Softsign),
    "log_sigmoid": ([Draw(*IMAGE)], nn.LogSigmoid),
    "hard_sigmoid": ([Draw(*IMAGE)], nn.Hardsigmoid),
    "hard_swish": ([Draw(*IMAGE)], nn.Hardswish),
    "glu": ([Draw(*IMAGE)], lambda: nn.GLU(1)),
    "maxout": ([Draw(*IMAGE)], lambda: lambda x: x.view(16, 32, 2, 32, 32).max(2)[0]),
    "pow": ([Draw(*IMAGE), Draw(*IMAGE)], lambda: lambda x, y: (x * x + 0.5) ** y),
    "softmax": ([Draw(*ROWS)], lambda: nn.Softmax(-1)),
    "softmax_channels": ([Draw(*IMAGE)], lambda: nn.Softmax(1)),
    "log_softmax": ([Draw(*ROWS)], lambda: nn.LogSoftmax(-1)),
    "softmax_cross_entropy": ([Draw(*SCORES), whole(1000, 256)], nn.CrossEntropyLoss),
    "softmax_loss": ([Draw(8, 21, 64, 64), whole(21, 8, 64, 64)], nn.CrossEntropyLoss),
    "nll_loss": ([Draw(*SCORES), whole(1000, 256)], nn.NLLLoss),
    "sigmoid_cross_entropy": ([Draw(*SCORES), target(*SCORES, low=0.0)], nn.BCEWithLogitsLoss),
    "mse": ([Draw(*SCORES), target(*SCORES)], nn.MSELoss),
    "l1_loss": ([Draw(*SCORES), target(*SCORES)], nn.L1Loss),
    "huber": ([Draw(*SCORES), target(*SCORES, low=-2.0, high=2.0)], nn.HuberLoss),
    "kl_divergence": ([Draw(*SCORES), target(*SCORES, low=0.001)],
                      lambda: nn.KLDivLoss(reduction="batchmean")),
    "multiclass_hinge": ([Draw(*SCORES), whole(1000, 256)], nn.MultiMarginLoss),
    "focal_loss": ([Draw(*SCORES), target(*SCORES, low=0.0)], lambda: focal),
    "cosine_loss": ([Draw(256, 512), Draw(256, 512), whole(2, 256)],
                    lambda: lambda x, y, same: F.cosine_embedding_loss(x, y, 2 * same - 1)),
    "triplet_loss": ([Draw(256, 512), Draw(256, 512), Draw(256, 512)], nn.TripletMarginLoss),
    "ctc_loss": ([Draw(16, 100, 28), whole(28, 16, 20, low=1), whole(101, 16, low=100),
                  whole(21, 16, low=20)], lambda: ctc),
}


def measure(name, seconds):
    draws, make = OPS[name]
    made = make()
    module, layer = made if isinstance(made, tuple) else (made, made)
    inputs = [draw.tensor() for draw in draws]
    wrt = [x for x in inputs if x.requires_grad]
    wrt += module.parameters() if isinstance(module, nn.Module) else []
    dy = torch.randn_like(layer(*inputs))

    def step():
        torch.autograd.grad(layer(*inputs), wrt, dy)

    for _ in range(3):
        step()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        begin = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - begin))
    return {"name": name, "ms": statistics.median(times), "min_ms": min(times),
            "version": f"PyTorch {torch.__version__}"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--list", action="store_true", help="the names alone")
    parser.add_argument("--serve", action="store_true", help="names come by lines")
    args = parser.parse_args()
    if args.list:
        print("\n".join(OPS))
        return
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    names = (line.strip() for line in sys.stdin) if args.serve else args.names or OPS
    for name in names:
        print(json.dumps(measure(name, args.seconds)), flush=True)


if __name__ == "__main__":
    main()
