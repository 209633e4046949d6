#!/usr/bin/env python3
"""Times training steps in PyTorch: the peer of bench.c, with the same workloads.

    torch_bench.py NAME [--compile] [--threads N] [--seconds S]

prints one JSON line with the fields of bench.c.
"""
import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


def mlp(*sizes, gate=nn.ReLU):
    layers = []
    for before, after in zip(sizes, sizes[1:]):
        layers += [nn.Linear(before, after), gate()]
    return nn.Sequential(*layers[:-1])


def xor():
    return nn.Sequential(
        nn.Linear(3, 4, bias=False), nn.Sigmoid(), nn.Linear(4, 1, bias=False), nn.Sigmoid()
    )


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )


def quick():
    """Caffe's cifar10_quick."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.ReLU(),
        nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.Flatten(), nn.Linear(1024, 64), nn.Linear(64, 10),
    )


def norm_conv(before, after, kernel, stride):
    conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after))


class Residual(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.body = nn.Sequential(
            norm_conv(before, after, 3, stride), nn.ReLU(), norm_conv(after, after, 3, 1)
        )
        same = stride == 1 and before == after
        self.skip = nn.Identity() if same else norm_conv(before, after, 1, stride)

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


def resnet18():
    """He et al. 2016, the form for 32x32 images."""
    layers, before = [norm_conv(3, 64, 3, 1), nn.ReLU()], 64
    for block in range(8):
        after = 64 << block // 2
        layers.append(Residual(before, after, 2 if block and block % 2 == 0 else 1))
        before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def momentum(params):
    return torch.optim.SGD(params, 0.01, momentum=0.9)


def plain(rate):
    return lambda params: torch.optim.SGD(params, rate)


def adam(params):
    return torch.optim.Adam(params, 1e-3)


# name: (net, shape of a batch, optimiser)
CLASSIFIERS = {
    "mlp_b1": (lambda: mlp(784, 32, 10, gate=nn.Sigmoid), (1, 784), plain(0.01)),
    "softmax": (lambda: mlp(3072, 10), (256, 3072), momentum),
    "cifar2": (lambda: mlp(3072, 100, 10), (256, 3072), momentum),
    "mlp": (lambda: mlp(784, 256, 128, 10), (128, 784), momentum),
    "mlp_adam": (lambda: mlp(784, 256, 128, 10), (128, 784), adam),
    "lenet": (lenet, (64, 1, 28, 28), momentum),
    "quick": (quick, (100, 3, 32, 32), momentum),
    "resnet18": (resnet18, (32, 3, 32, 32), momentum),
}


def training_step(net, x, target, criterion, optimizer, compiled):
    def loss_of(batch):
        return criterion(net(batch), target)

    forward = torch.compile(loss_of) if compiled else loss_of

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = forward(x)
        loss.backward()
        optimizer.step()
        return loss

    return step


def elementwise_step(compiled):
    x = torch.randn(4 << 20, requires_grad=True)
    y = torch.randn(4 << 20)

    def chain():
        return (torch.sigmoid(x * y + 0.5) * torch.tanh(x - y) + torch.relu(x) * 0.1).sum()

    forward = torch.compile(chain) if compiled else chain

    def step():
        x.grad = None
        loss = forward()
        loss.backward()
        return loss

    return step, 4 << 20


def workload(name, compiled):
    """The training step and the rows of its batch."""
    if name == "elementwise":
        return elementwise_step(compiled)
    if name == "xor":
        x = torch.tensor([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
        y = torch.tensor([[0.0], [1], [1], [0]])
        net = xor()
        return training_step(net, x, y, F.mse_loss, plain(1.0)(net.parameters()), compiled), 4
    make, shape, optimizer = CLASSIFIERS[name]
    net = make()
    x, y = torch.randn(shape), torch.randint(10, shape[:1])
    step = training_step(net, x, y, F.cross_entropy, optimizer(net.parameters()), compiled)
    return step, shape[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=["xor", *CLASSIFIERS, "elementwise"])
    parser.add_argument("--compile", action="store_true", help="use torch.compile")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    step, batch = workload(options.name, options.compile)
    for _ in range(3):
        step()
    times, end = [], time.perf_counter() + options.seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    print(json.dumps({
        "name": options.name,
        "threads": options.threads,
        "batch": batch,
        "ms": statistics.median(times),
        "min_ms": min(times),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
