#!/usr/bin/env python3
"""Times training steps in PyTorch: the same workloads as `gradus bench`.

    torch_bench.py NAME [--mode eager|compile] [--threads N] [--seconds S] [--serve]
"""
import torch
from torch import nn
from torch.nn import functional as F

import measure
import nets
import ntm_torch


def momentum(params):
    return torch.optim.SGD(params, 0.01, momentum=0.9)


def plain(rate):
    return lambda params: torch.optim.SGD(params, rate)


def adam(params):
    return torch.optim.Adam(params, 1e-3)


def adamw(params):
    return torch.optim.AdamW(params, 1e-3)


# name: (net, shape of a batch, optimiser)
CLASSIFIERS = {
    "mlp_b1": (lambda: nets.mlp(784, 32, 10, gate=nn.Sigmoid), (1, 784), plain(0.01)),
    "softmax": (lambda: nets.mlp(3072, 10), (256, 3072), momentum),
    "cifar2": (lambda: nets.mlp(3072, 100, 10), (256, 3072), momentum),
    "mlp": (lambda: nets.mlp(784, 256, 128, 10), (128, 784), momentum),
    "mlp_adam": (lambda: nets.mlp(784, 256, 128, 10), (128, 784), adam),
    "lenet": (nets.lenet, (64, 1, 28, 28), momentum),
    "quick": (nets.quick, (100, 3, 32, 32), momentum),
    "full": (nets.full, (100, 3, 32, 32), momentum),
    "alexnet": (nets.alexnet, (16, 3, 227, 227), momentum),
    "resnet18": (nets.resnet18, (32, 3, 32, 32), momentum),
}


# name: (net, shape of a batch of tokens, optimiser)
TEXTS = {
    "charlstm": (nets.CharLSTM, (32, 64), adam),
    "gpt": (nets.GPT, (12, 64), adamw),
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


def ntm_step(compiled):
    net = ntm_torch.NTM(10, 8)
    optimizer = torch.optim.RMSprop(net.parameters(), 1e-4, momentum=0.9)
    x, y = torch.randn(1, 42, 10), torch.rand(1, 42, 8)

    def loss_of(batch):
        return F.binary_cross_entropy_with_logits(net(batch), y)

    forward = torch.compile(loss_of) if compiled else loss_of

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = forward(x)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()
        return loss

    return step


def workload(name, compiled):
    """The training step and the rows of its batch."""
    if name == "elementwise":
        return elementwise_step(compiled)
    if name == "xor":
        x = torch.tensor([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
        y = torch.tensor([[0.0], [1], [1], [0]])
        net = nets.xor()
        return training_step(net, x, y, F.mse_loss, plain(1.0)(net.parameters()), compiled), 4
    if name == "ntm":
        return ntm_step(compiled), 1
    make, shape, optimizer = (CLASSIFIERS | TEXTS)[name]
    net = make()
    if name in TEXTS:
        x = torch.randint(nets.CHARACTERS, shape)
        y = torch.randint(nets.CHARACTERS, (x.numel(),))
    else:
        x, y = torch.randn(shape), torch.randint(10, shape[:1])
    step = training_step(net, x, y, F.cross_entropy, optimizer(net.parameters()), compiled)
    return step, shape[0]


def main():
    parser = measure.parser(__doc__, ["xor", *CLASSIFIERS, *TEXTS, "ntm", "elementwise"])
    parser.add_argument("--mode", choices=["eager", "compile"], default="eager")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    step, batch = workload(options.name, options.mode == "compile")
    measure.report(options, step, options.mode, f"PyTorch {torch.__version__}", batch)


if __name__ == "__main__":
    main()
